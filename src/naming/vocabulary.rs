//! The words names are made of: terms with their spellings, and markets.

use serde::{Deserialize, Serialize};

use super::name::Role;
use super::term::{Market, VocabId};

/// Where in a name a term may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TermUse {
    /// The intent of a targeting audience.
    Intent,
    /// An exclusion.
    Exclusion,
    /// What a suppression audience holds.
    Suppression,
    /// What a seed audience holds.
    Seed,
    /// What a holdout audience holds.
    Holdout,
}

/// A term with its spellings. Every spelling is read, whatever its case; the canonical one is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct VocabTerm {
    /// The stable id.
    pub id: VocabId,
    /// The spelling that is written.
    pub canonical: String,
    /// A long spelling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub long: Option<String>,
    /// A short spelling, written only to fit a destination's limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short: Option<String>,
    /// Other spellings that are read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub synonyms: Vec<String>,
    /// Where the term may stand.
    #[serde(rename = "use")]
    pub uses: Vec<TermUse>,
    /// The events the term is bound to in the source, for checks of drift.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<String>,
    /// Says nothing about a decision (all visitors): read, and then found fault with by the lint rules.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub broad: bool,
}

impl VocabTerm {
    /// A term with its canonical spelling and where it may stand.
    pub fn new(id: VocabId, canonical: impl Into<String>, uses: impl Into<Vec<TermUse>>) -> Self {
        Self {
            id,
            canonical: canonical.into(),
            long: None,
            short: None,
            synonyms: Vec::new(),
            uses: uses.into(),
            events: Vec::new(),
            broad: false,
        }
    }

    /// Every spelling, the canonical one first.
    pub fn spellings(&self) -> impl Iterator<Item = &str> {
        let forms = [Some(&self.canonical), self.long.as_ref(), self.short.as_ref()];
        forms.into_iter().flatten().chain(&self.synonyms).map(String::as_str)
    }

    /// Whether it may be the intent of an audience with this role.
    ///
    /// A suppression audience may hold whatever may be excluded; a seed or holdout audience whatever an audience may
    /// be about.
    pub fn suits(&self, role: Role) -> bool {
        let any = |uses: &[TermUse]| self.uses.iter().any(|this| uses.contains(this));
        match role {
            Role::Targeting => any(&[TermUse::Intent]),
            Role::Suppression => any(&[TermUse::Suppression, TermUse::Exclusion]),
            Role::Seed => any(&[TermUse::Seed, TermUse::Intent, TermUse::Suppression]),
            Role::Holdout => any(&[TermUse::Holdout, TermUse::Intent]),
        }
    }

    /// Whether it may be excluded.
    pub fn is_exclusion(&self) -> bool {
        self.uses.contains(&TermUse::Exclusion)
    }
}

/// The terms and regions a template knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Vocabulary {
    /// The version of this vocabulary, given by whoever keeps it.
    pub version: u32,
    /// The terms.
    #[serde(alias = "vocab")]
    pub terms: Vec<VocabTerm>,
    /// Markets beside the countries of ISO 3166-1, such as `EMEA`.
    #[serde(default)]
    pub regions: Vec<Market>,
}

impl Vocabulary {
    /// A vocabulary of these terms, without regions.
    pub fn new(version: u32, terms: Vec<VocabTerm>) -> Self {
        Self { version, terms, regions: Vec::new() }
    }

    /// The term with this id.
    pub fn term(&self, id: &VocabId) -> Option<&VocabTerm> {
        self.terms.iter().find(|term| term.id == *id)
    }

    /// Whether the market is a country of ISO 3166-1 or one of the regions.
    pub fn knows(&self, market: &Market) -> bool {
        is_country(market.as_str()) || self.regions.contains(market)
    }
}

/// The vocabulary the crate ships: lifecycle intents, converters, suppressions.
impl Default for Vocabulary {
    fn default() -> Self {
        Self {
            version: 1,
            terms: TERMS.iter().filter_map(Shipped::term).collect(),
            regions: REGIONS.iter().filter_map(|code| Market::new(code).ok()).collect(),
        }
    }
}

/// ISO 3166-1 alpha-2, officially assigned (249 codes).
const COUNTRIES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR \
    BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET \
    FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ \
    IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML \
    MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS \
    PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL \
    TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

/// By the first letter of a code, the second letters as bits.
const COUNTRY_BITS: [u32; 26] = {
    let codes = COUNTRIES.as_bytes();
    let (mut bits, mut at) = ([0; 26], 0);
    while at < codes.len() {
        bits[(codes[at] - b'A') as usize] |= 1 << (codes[at + 1] - b'A');
        at += 3;
    }
    bits
};

fn is_country(code: &str) -> bool {
    let [first @ b'A'..=b'Z', second @ b'A'..=b'Z'] = code.as_bytes() else { return false };
    COUNTRY_BITS.get(usize::from(first - b'A')).is_some_and(|bits| (bits >> (second - b'A')) & 1 == 1)
}

/// `UK` is reserved in ISO 3166-1 for what everybody calls it; the others are sales regions.
const REGIONS: [&str; 10] = ["UK", "EU", "EEA", "EMEA", "APAC", "LATAM", "DACH", "MENA", "ANZ", "GLOBAL"];

/// A term of the shipped vocabulary: id, canonical, long, short, synonyms, uses.
struct Shipped(&'static str, &'static str, &'static str, &'static str, &'static [&'static str], &'static [TermUse]);

impl Shipped {
    fn term(&self) -> Option<VocabTerm> {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let mut term = VocabTerm::new(VocabId::new(self.0).ok()?, self.1, self.5);
        term.long = some(self.2);
        term.short = some(self.3);
        term.synonyms = self.4.iter().map(|synonym| (*synonym).to_owned()).collect();
        term.broad = self.0 == BROAD;
        Some(term)
    }
}

const BROAD: &str = "broad_visitors";
const INTENT: &[TermUse] = &[TermUse::Intent];
const EITHER: &[TermUse] = &[TermUse::Intent, TermUse::Exclusion];
const KEPT_OUT: &[TermUse] = &[TermUse::Exclusion, TermUse::Suppression];

#[rustfmt::skip]
const TERMS: &[Shipped] = &[
    Shipped("cart_abandon", "Cart Abandon", "", "AC", &["Abandoned Cart", "Cart Abandoners", "ATC No Purch", "Basket Abandon"], INTENT),
    Shipped("checkout_abandon", "Checkout Abandon", "", "CO Abandon", &["Abandoned Checkout", "IC No Purch"], INTENT),
    Shipped("browse_abandon", "Browse Abandon", "", "PDP Abandon", &["Viewed No Cart", "Product View Abandon"], INTENT),
    Shipped("lapsed", "Lapsed", "", "", &["Win-back", "Winback", "Churned", "Dormant", "Inactive"], INTENT),
    Shipped("renewal_due", "Renewal Due", "", "", &["Renewals", "Expiring", "Expiry"], INTENT),
    Shipped("trial", "Trial", "Free Trial", "", &["Trialist", "Trialists"], INTENT),
    Shipped("lead", "Lead", "", "", &["Leads", "MQL", "SQL"], EITHER),
    Shipped("signup", "Signup", "Signed Up", "", &["Registered", "Registrants", "New Users"], EITHER),
    Shipped("high_value", "High Value", "", "HV", &["VIP", "Top Customers", "LTV Top"], &[TermUse::Intent, TermUse::Exclusion, TermUse::Seed]),
    Shipped("cross_sell", "Cross-sell", "", "XSell", &["Upsell"], INTENT),
    Shipped("purchase", "Purch", "Purchased", "Pur", &["Purchasers", "Purchase", "Purchaser", "Buyer", "Buyers", "Order", "Orders", "Converted", "Converters"], KEPT_OUT),
    Shipped("subscriber", "Subs", "Subscribers", "", &["Subscriber", "Active Subs"], KEPT_OUT),
    Shipped("unsub", "Unsub", "Unsubscribed", "", &["Unsubs", "Opted Out", "Opt-out"], KEPT_OUT),
    Shipped("complaint", "Complaint", "", "", &["Spam", "Abuse"], KEPT_OUT),
    Shipped("bounced", "Bounced", "Hard Bounce", "", &["Invalid Email"], KEPT_OUT),
    Shipped("no_consent", "No Consent", "Consent Denied", "", &["Non-consented"], KEPT_OUT),
    Shipped("refund", "Refund", "Refunded", "", &["Returned", "Chargeback"], KEPT_OUT),
    Shipped("support_open", "Open Ticket", "", "", &["Support", "Complaint Open"], KEPT_OUT),
    Shipped("staff", "Staff", "Employees", "", &["Internal", "Test Users"], KEPT_OUT),
    Shipped("holdout", "Holdout", "", "Ctrl", &["Control"], &[TermUse::Exclusion, TermUse::Holdout]),
    Shipped(BROAD, "All Visitors", "", "", &["Browsers", "All site visitors", "Website visitors", "Site Visitors", "Everyone", "All Users"], INTENT),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ships_every_term_and_region() {
        let vocabulary = Vocabulary::default();
        assert_eq!(vocabulary.terms.len(), TERMS.len());
        assert_eq!(vocabulary.terms.len(), 21);
        assert_eq!(vocabulary.regions.len(), REGIONS.len());
        let purchase = vocabulary.term(&VocabId::new("purchase").unwrap()).unwrap();
        assert!(purchase.is_exclusion() && purchase.suits(Role::Suppression) && !purchase.suits(Role::Targeting));
        assert!(vocabulary.terms.iter().filter(|term| term.broad).count() == 1);
    }

    #[test]
    fn knows_countries_and_regions() {
        assert_eq!(COUNTRIES.split(' ').count(), 249);
        let vocabulary = Vocabulary::default();
        assert_eq!(COUNTRY_BITS.iter().map(|bits| bits.count_ones()).sum::<u32>(), 249);
        assert!(COUNTRIES.split(' ').all(is_country) && !is_country("D") && !is_country("de"));
        let knows = |code| vocabulary.knows(&Market::new(code).unwrap());
        assert!(knows("DE") && knows("uk") && knows("EMEA"));
        assert!(!knows("XX") && !knows("Y".repeat(2).as_str()));
    }

    #[test]
    fn reads_the_documented_table() {
        let term: VocabTerm = serde_json::from_str(
            r#"{"id":"purchase","canonical":"Purch","long":"Purchased","short":"Pur","synonyms":["Buyer"],
                "use":["exclusion","suppression","intent"],"events":["Order Completed"]}"#,
        )
        .unwrap();
        assert_eq!(term.spellings().collect::<Vec<_>>(), ["Purch", "Purchased", "Pur", "Buyer"]);
        assert!(term.suits(Role::Targeting));
    }
}
