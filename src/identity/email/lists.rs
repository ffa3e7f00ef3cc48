//! Words and domains that say something about an address. Each list is data, in ascending order.

use super::words::{Filter, word_list};

word_list! {
    /// Local parts that stand for nobody, where the domain is one of [`FILLER_DOMAINS`].
    FILLER_LOCALS = "
        123 1234 123456 a aa aaa abc abcd anonymous asdf do-not-reply donotreply email example fake guest mail me n.a
        na nil no-email no-reply no_email no_reply noemail nomail none noreply null qwerty sample test test1 test123
        testing tests undefined unknown user x xx xxx"
}

word_list! {
    /// Domains that people type to get past a form. Most are real: only a filler before the `@` makes a placeholder.
    FILLER_DOMAINS = "
        a.com abc.com asdf.com domain.com email.com example.com example.edu example.net example.org fake.com invalid
        localhost mail.com na.com noemail.com nomail.com none.com noreply.com test.com test.de test.test x.com"
}

word_list! {
    /// Second-level domains of RFC 2606, with all below them.
    RESERVED_DOMAINS = "example.com example.net example.org"
}

word_list! {
    /// Top-level domains of RFC 2606 and RFC 6761, and those of private networks.
    RESERVED_TLDS = "example internal invalid local localhost test"
}

word_list! {
    /// Domains of the addresses that a marketplace or platform hands out in place of the person's own.
    RELAYS = "
        guest.airbnb.com guest.booking.com m.expediapartnercentral.com members.ebay.com privaterelay.appleid.com"
}

/// The same for the marketplaces of one company, which has one in every country.
pub(super) const RELAY_PREFIX: &str = "marketplace.amazon.";

word_list! {
    /// Local parts that a department or a machine reads (RFC 2142 and practice).
    ROLES = "
        abuse admin administrator billing careers compliance contact contato do-not-reply donotreply enquiries
        feedback finance hello help hostmaster hr info infos it jobs kontakt legal mail mailbox marketing media
        newsletter no-reply noc noreply office ops orders postmaster press privacy reception recruiting registrar root
        sales secretary security service shop spam staff subscribe support sysadmin team tech unsubscribe usenet uucp
        webmaster welcome www"
}

word_list! {
    /// Domains of addresses that live for minutes. Well-known ones; a host that wants more brings a
    /// [`DomainList`](super::DomainList).
    DISPOSABLE = include_str!("disposable.txt")
}

/// The domains that are looked at for a near match, the most frequent first: at equal distance the first one wins.
#[rustfmt::skip]
pub(super) static FREQUENT: [&str; 60] = [
    "gmail.com", "yahoo.com", "hotmail.com", "outlook.com", "icloud.com", "aol.com", "live.com", "msn.com",
    "googlemail.com", "web.de", "gmx.de", "gmx.net", "t-online.de", "hotmail.co.uk", "yahoo.co.uk", "btinternet.com",
    "comcast.net", "orange.fr", "wanadoo.fr", "free.fr", "hotmail.fr", "yahoo.fr", "laposte.net", "sfr.fr", "libero.it",
    "hotmail.it", "yahoo.it", "virgilio.it", "hotmail.es", "yahoo.es", "hotmail.de", "yahoo.de", "outlook.de",
    "freenet.de", "mail.ru", "yandex.ru", "rambler.ru", "qq.com", "naver.com", "yahoo.co.in", "yahoo.co.jp",
    "rediffmail.com", "uol.com.br", "bol.com.br", "terra.com.br", "yahoo.com.br", "sbcglobal.net", "att.net",
    "verizon.net", "bellsouth.net", "cox.net", "charter.net", "shaw.ca", "bigpond.com", "protonmail.com", "proton.me",
    "me.com", "bluewin.ch", "ziggo.nl", "seznam.cz",
];

word_list! {
    /// Real domains that look like a slip of another one: nothing is suggested for them.
    REAL = "
        126.com 163.com abv.bg aim.com alice.it aol.co.uk aol.de aol.fr aol.it aon.at arcor.de atlas.cz att.com
        azet.sk bbox.fr bell.net bk.ru bluemail.ch blueyonder.co.uk bredband.net casema.nl centrum.cz centurylink.net
        chello.at chello.nl citromail.hu club-internet.fr comcast.com cox.com daum.net docomo.ne.jp duck.com
        earthlink.net email.com email.cz email.de email.it embarqmail.com ezweb.ne.jp fastmail.com fastmail.fm
        fastwebnet.it foxmail.com freemail.hu frisurf.no frontier.com gmx.at gmx.ch gmx.com gmx.es gmx.eu gmx.fr
        gmx.it gmx.li gmx.us hanmail.net hetnet.nl hey.com home.nl hotmail.be hotmail.ca hotmail.ch hotmail.co.jp
        hotmail.co.th hotmail.com.ar hotmail.com.br hotmail.com.tr hotmail.gr hotmail.nl hotmail.no hotmail.se
        hushmail.com icloud.de iinet.net.au inbox.com inbox.lv inbox.ru interia.pl inwind.it iol.it juno.com
        kpnmail.nl list.ru live.at live.be live.ca live.cl live.cn live.co.uk live.co.za live.com.ar live.com.au
        live.com.mx live.com.pt live.de live.dk live.fr live.ie live.in live.it live.jp live.nl live.no live.ru
        live.se mac.com mail.be mail.bg mail.ch mail.com mail.de mail.dk mail.ee mail.fr mail.it mail.kz mail.tele.dk
        mail.ua mail.us mailo.com mindspring.com msn.nl mymail.ch myspace.com nate.com net.hr netzero.net neuf.fr
        ntlworld.com numericable.fr o2.pl oi.com.br onet.pl online.no op.pl optonline.net optusnet.com.au orange.es
        orange.pl outlook.at outlook.be outlook.cl outlook.co.id outlook.co.th outlook.com.ar outlook.com.au
        outlook.com.br outlook.cz outlook.dk outlook.es outlook.fr outlook.ie outlook.in outlook.it outlook.jp
        outlook.kr outlook.pt outlook.sa passport.com planet.nl pm.me poczta.onet.pl post.tele.dk posteo.de
        prodigy.net proton.ch protonmail.ch proximus.be q.com roadrunner.com rocketmail.com rogers.com sapo.pt sfr.com
        sina.com sky.com sky.de skynet.be softbank.ne.jp sohu.com spray.se sympatico.ca talktalk.net telenet.be
        telia.com telus.net tim.it tin.it tiscali.co.uk tiscali.it tuta.io tutanota.com upcmail.nl verizon.com
        videotron.ca virginmedia.com voila.fr volny.cz vp.pl webmail.de windstream.net wp.pl xs4all.nl xtra.co.nz
        ya.ru yahoo.at yahoo.be yahoo.ca yahoo.ch yahoo.cl yahoo.cn yahoo.co.id yahoo.co.kr yahoo.co.nz yahoo.co.th
        yahoo.co.za yahoo.com.ar yahoo.com.au yahoo.com.cn yahoo.com.co yahoo.com.hk yahoo.com.mx yahoo.com.my
        yahoo.com.pe yahoo.com.ph yahoo.com.sg yahoo.com.tr yahoo.com.tw yahoo.com.ve yahoo.com.vn yahoo.cz yahoo.dk
        yahoo.gr yahoo.hu yahoo.ie yahoo.in yahoo.nl yahoo.no yahoo.pl yahoo.pt yahoo.ro yahoo.se yandex.by yandex.com
        yandex.kz yandex.ua ymail.com zmail.com zoho.com zohomail.com zoznam.sk"
}

/// The addresses that people type instead of their own.
pub(in crate::identity) fn fillers() -> impl Iterator<Item = String> {
    let at = |local: &str| FILLER_DOMAINS.map(|domain| format!("{local}@{domain}"));
    FILLER_LOCALS.iter().flat_map(move |local| at(local))
}

/// Of local parts: [`FILLER_LOCALS`] and [`ROLES`].
pub(super) static LOCALS: Filter = Filter::of(&[&FILLER_LOCALS, &ROLES]);
/// Of domains: everything above that is a whole domain or a parent of one.
pub(super) static DOMAINS: Filter = Filter::of(&[&FILLER_DOMAINS, &RESERVED_DOMAINS, &RELAYS, &DISPOSABLE]);
