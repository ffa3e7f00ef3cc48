//! A member in the host's terms.

use std::collections::BTreeMap;
use std::fmt;

use crate::time::Timestamp;

use super::attribute::AttributeValue;
use super::consent::Consent;
use super::hashed::{Hashed, Plain};
use super::kind::IdentifierKind;
use super::region::RegionHint;

/// One value of a member: plain, or already hashed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Input {
    /// As the host has it.
    Plain(Plain),
    /// A digest the host made or was given.
    Hashed(Hashed),
}

impl From<Plain> for Input {
    fn from(value: Plain) -> Self {
        Self::Plain(value)
    }
}

impl From<Hashed> for Input {
    fn from(value: Hashed) -> Self {
        Self::Hashed(value)
    }
}

impl From<&str> for Input {
    fn from(value: &str) -> Self {
        Self::Plain(value.into())
    }
}

impl From<String> for Input {
    fn from(value: String) -> Self {
        Self::Plain(value.into())
    }
}

/// A person in the host's terms: an id, and what the host knows to reach them by.
///
/// Values are taken as they are, several of a kind too; the [`Canonicalizer`](super::Canonicalizer) judges them.
/// `Debug` shows kinds and lengths, never values.
///
/// ```
/// use audience_sync::identity::{Consent, Member};
///
/// let member = Member::new("C-1001")
///     .email("nora@quist.se")
///     .phone("08-123 456 78")
///     .country("SE")
///     .attribute("tier", "gold")
///     .consent(Consent::GRANTED);
/// assert_eq!(member.id(), "C-1001");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Member {
    id: String,
    inputs: Vec<(IdentifierKind, Input)>,
    region: RegionHint,
    consent: Consent,
    expires_at: Option<Timestamp>,
    attributes: BTreeMap<String, AttributeValue>,
    audiences: BTreeMap<String, Option<Timestamp>>,
}

impl Member {
    /// A member by the id the host knows them by. It must be stable: another id is another member.
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            inputs: Vec::new(),
            region: RegionHint::Unset,
            consent: Consent::default(),
            expires_at: None,
            attributes: BTreeMap::new(),
            audiences: BTreeMap::new(),
        }
    }

    /// Adds a plain e-mail address.
    #[must_use]
    pub fn email(self, value: impl Into<Plain>) -> Self {
        self.identifier(IdentifierKind::Email, value.into())
    }

    /// Adds a plain phone number. A national one needs [`Self::country`] or a default region.
    #[must_use]
    pub fn phone(self, value: impl Into<Plain>) -> Self {
        self.identifier(IdentifierKind::Phone, value.into())
    }

    /// Adds the id under which destinations know the member.
    #[must_use]
    pub fn external_id(self, value: impl Into<Plain>) -> Self {
        self.identifier(IdentifierKind::ExternalId, value.into())
    }

    /// Adds a plain given name.
    #[must_use]
    pub fn first_name(self, value: impl Into<Plain>) -> Self {
        self.identifier(IdentifierKind::FirstName, value.into())
    }

    /// Adds a plain family name.
    #[must_use]
    pub fn last_name(self, value: impl Into<Plain>) -> Self {
        self.identifier(IdentifierKind::LastName, value.into())
    }

    /// Adds a value that is hashed already.
    #[must_use]
    pub fn hashed(self, kind: IdentifierKind, value: Hashed) -> Self {
        self.identifier(kind, value)
    }

    /// Adds a value of any kind; text is plain.
    #[must_use]
    pub fn identifier(mut self, kind: IdentifierKind, value: impl Into<Input>) -> Self {
        self.inputs.push((kind, value.into()));
        self
    }

    /// Sets the member's country, by which national phone numbers, postcodes and states are read, and which is sent
    /// where a destination takes one: an ISO 3166-1 code, or a name or common form from the table here.
    ///
    /// An empty or null-like value is no country. Anything else that is not in the table is kept as
    /// [`RegionHint::Unreadable`]: national numbers are then refused with `phone.no_region`, not guessed at.
    #[must_use]
    pub fn country(mut self, country: impl AsRef<str>) -> Self {
        self.region = RegionHint::read(country.as_ref());
        self
    }

    /// Sets what the member has consented to.
    #[must_use]
    pub fn consent(mut self, consent: Consent) -> Self {
        self.consent = consent;
        self
    }

    /// Sets when the member leaves every audience of the call by the passing of time alone.
    #[must_use]
    pub fn expires_at(mut self, moment: Timestamp) -> Self {
        self.expires_at = Some(moment);
        self
    }

    /// Sets a value that travels to destinations that store traits; a name given twice keeps the last value.
    #[must_use]
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<AttributeValue>) -> Self {
        self.attributes.insert(name.into(), value.into());
        self
    }

    /// Names an audience the member belongs to, by its key, with an expiry of its own.
    ///
    /// A member that names no audience belongs to every audience of the call.
    #[must_use]
    pub fn in_audience(mut self, key: impl Into<String>, expires_at: Option<Timestamp>) -> Self {
        self.audiences.insert(key.into(), expires_at);
        self
    }

    /// The id the host knows the member by.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The values, in the order they were added.
    pub fn inputs(&self) -> &[(IdentifierKind, Input)] {
        &self.inputs
    }

    /// What is known about the region of the member's phone numbers.
    pub fn region_hint(&self) -> RegionHint {
        self.region
    }

    /// What the member has consented to.
    pub fn consent_given(&self) -> Consent {
        self.consent
    }

    /// When the member leaves every audience of the call, where that is set.
    pub fn expiry(&self) -> Option<Timestamp> {
        self.expires_at
    }

    /// The attributes, sorted by name.
    pub fn attributes(&self) -> &BTreeMap<String, AttributeValue> {
        &self.attributes
    }

    /// The audiences the member names, sorted by key, each with its own expiry. None named means all.
    pub fn audiences(&self) -> &BTreeMap<String, Option<Timestamp>> {
        &self.audiences
    }

    /// Whether the member belongs to the audience, and if so, until when.
    ///
    /// The inner value is the earlier of the membership's and the member's own expiry; `Some(None)` never expires.
    pub fn membership_of(&self, audience: &str) -> Option<Option<Timestamp>> {
        let own = if self.audiences.is_empty() { None } else { *self.audiences.get(audience)? };
        Some(match (own, self.expires_at) {
            (Some(own), Some(all)) => Some(own.min(all)),
            (own, all) => own.or(all),
        })
    }
}

macro_rules! builders {
    ($($name:ident = $kind:ident, $doc:literal;)*) => {
        /// Plain values of the further kinds.
        impl Member {
            $(#[doc = $doc]
            #[must_use]
            pub fn $name(self, value: impl Into<Plain>) -> Self {
                self.identifier(IdentifierKind::$kind, value.into())
            })*
        }
    };
}

builders! {
    gender = Gender, "Adds a gender: `m`, `f`, or a word for one of them.";
    birth_date = BirthDate, "Adds a date of birth: `YYYY-MM-DD`, `DD.MM.YYYY` and other forms that leave no doubt.";
    street = Street, "Adds a street with its number.";
    city = City, "Adds a city.";
    region = Region, "Adds a state or province, by name or code.";
    postal = Postal, "Adds a postcode.";
    idfa = Idfa, "Adds Apple's advertising id.";
    gaid = Gaid, "Adds Google's advertising id.";
    ip = Ip, "Adds a public IP address.";
    user_agent = UserAgent, "Adds a user agent.";
    gclid = Gclid, "Adds Google's click id.";
    gbraid = Gbraid, "Adds Google's click id of iOS apps.";
    wbraid = Wbraid, "Adds Google's click id of the web to iOS apps.";
    fbc = Fbc, "Adds Meta's click id, as its cookie holds it.";
    fbp = Fbp, "Adds Meta's browser id.";
    fbclid = Fbclid, "Adds Meta's click id, as the address bar holds it.";
    ttclid = Ttclid, "Adds TikTok's click id.";
    ttp = Ttp, "Adds TikTok's browser id.";
    msclkid = Msclkid, "Adds Microsoft's click id.";
    sc_click_id = ScClickId, "Adds Snapchat's click id.";
    epik = Epik, "Adds Pinterest's click id.";
    twclid = Twclid, "Adds X's click id.";
    rdt_cid = RdtCid, "Adds Reddit's click id.";
    li_fat_id = LiFatId, "Adds LinkedIn's click id.";
    irclickid = Irclickid, "Adds Impact's click id.";
    uid2 = Uid2, "Adds a raw UID2.";
    euid = Euid, "Adds a raw EUID.";
    ramp_id = RampId, "Adds a RampID.";
    handle = Handle, "Adds the name of an account at a platform.";
    platform_user_id = PlatformUserId, "Adds the id of an account at a platform.";
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member")
            .field("id", &format_args!("{} bytes", self.id.len()))
            .field("inputs", &self.inputs)
            .field("region", &self.region)
            .field("consent", &self.consent)
            .field("expires_at", &self.expires_at)
            .field("attributes", &self.attributes)
            .field("audiences", &self.audiences.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Region;

    const fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    #[test]
    fn travels_between_threads() {
        fn travels<T: Send + Sync + Clone + 'static>() {}
        travels::<Member>();
    }

    #[test]
    fn belongs_to_every_audience_unless_it_names_some() {
        let everywhere = Member::new("1");
        assert_eq!(everywhere.membership_of("vip"), Some(None));
        assert_eq!(everywhere.expires_at(at(9)).membership_of("vip"), Some(Some(at(9))));

        let named = Member::new("1").in_audience("vip", Some(at(5))).in_audience("cart", None);
        assert_eq!(named.membership_of("vip"), Some(Some(at(5))));
        assert_eq!(named.membership_of("cart"), Some(None));
        assert_eq!(named.membership_of("other"), None);
        let ends = named.expires_at(at(3));
        assert_eq!(ends.membership_of("vip"), Some(Some(at(3))));
        assert_eq!(ends.membership_of("cart"), Some(Some(at(3))));
    }

    #[test]
    fn a_country_is_read_or_marked_unreadable() {
        let hint = |code: &str| Member::new("1").country(code).region_hint();
        assert_eq!(hint("de"), RegionHint::Known(Region::parse("DE").unwrap()));
        assert_eq!(hint("NA"), RegionHint::Known(Region::parse("NA").unwrap()));
        assert_eq!(hint(" "), RegionHint::Unset);
        assert_eq!(hint("n/a"), RegionHint::Unset);
        assert_eq!(hint("Germany"), hint("de"));
        assert_eq!(hint("Nowhere"), RegionHint::Unreadable);
    }

    #[test]
    fn debug_shows_no_value() {
        let member = Member::new("canary-id")
            .email("canary@mail.se")
            .phone("+46canary")
            .hashed(IdentifierKind::Email, Hashed::sha256_bytes([7; 32]).unwrap())
            .attribute("tier", "canary")
            .in_audience("vip", None);
        let text = format!("{member:?}");
        assert!(!text.contains("canary") && !text.contains("0707") && !text.contains("7, 7"), "{text}");
        assert!(text.contains("Email") && text.contains("14 bytes"), "{text}");
    }
}
