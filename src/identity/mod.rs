//! Who a member is: values as the host has them, made canonical once, then projected to what each destination wants.
//!
//! ```text
//! Member ── Canonicalizer ──▶ CanonicalMember ── Profile ──▶ Projected { identifiers, rejects }
//!            (once a member)                     (once a profile)
//! ```
//!
//! Pure: no runtime, no network, no clock. What cannot be used is never dropped in silence: every value ends as an
//! [`Identifier`] or as a [`Reject`] with a stable code.
//!
//! ```
//! use audience_sync::identity::{Canonicalizer, IdentifierKind, Member, profiles};
//!
//! let member = Member::new("C-1001").email(" Nora.Quist+VIP@Gmail.com ").phone("not a phone");
//! let canonical = Canonicalizer::new().canonicalize_member(&member);
//! let projected = canonical.project(&profiles::META_CUSTOM_AUDIENCE);
//!
//! assert!(projected.identifiers[0].value.to_wire_string().starts_with("0dd2f298678f139f"));
//! assert_eq!(projected.rejects[0].0, IdentifierKind::Phone);
//! ```
//!
//! **Whole columns**, as they come out of a data frame or a file, go through [`Canonicalizer::hash_columns`] to digests
//! of fixed width, by the same rules and without an allocation for a clean value.
//!
//! **Already hashed input** is a type of its own ([`Hashed`]): a digest is never hashed again, and a plain value that
//! looks like a digest is refused. Columns of files, which have no types, go through [`read_cell`].
//!
//! **Test values** (`example.com`, NANP 555-01xx) are refused unless [`Canonicalizer::with_allow_test_values`] is set.
//!
//! **Before anything is sent** [`Hygiene`] counts what is missing, refused, repeated and likely typed wrong, and
//! [`Dedup`] finds the rows that are one person.
//!
//! The phone parser (`rlibphonenumber`) writes numbers it cannot read to the `log` crate at *trace* level. A host that
//! turns trace logs on for everything should leave that crate out.
//!
//! # Speed
//!
//! One core of an AMD EPYC (SHA and AVX-512 instructions), release build, November 2026, 200,000 values;
//! `cargo bench --bench identity`, and beside other libraries `benches/peers/identity.sh`:
//!
//! | Work | Time | Beside |
//! |---|---|---|
//! | clean E.164 phone, canonical and valid | 0.06 µs | 18 × `rlibphonenumber`, 200 × `google-libphonenumber` (Node) |
//! | national and messy phone, canonical and valid | 0.55 µs | 2.2 × `rlibphonenumber` |
//! | clean e-mail address with Gmail's rule | 0.06 µs | |
//! | e-mail, phone and both names to Meta's digests in hex: columns | 0.39 µs, no allocation | 19 × `facebook-business` (Python), 11 × `@segment/action-destinations` (Node) |
//! | the same: one member at a time | 0.94 µs | 8 × and 5 × |

mod address;
mod attribute;
mod batch;
mod birth_date;
mod canonical;
mod clean;
mod consent;
mod country;
mod dedup;
mod device;
mod email;
mod fast;
mod gender;
mod hashed;
mod hygiene;
mod identifier;
mod kind;
mod member;
mod name;
mod network;
mod opaque;
mod phone;
mod profile;
mod region;
mod reject;
mod sha256;
mod wording;

pub use attribute::{AttributeValue, Decimal};
pub use batch::{Column, Columns, Digests};
pub use birth_date::DateOrder;
pub use canonical::{Canonical, CanonicalMember, Canonicalizer, Projected};
pub use consent::{Consent, ConsentState};
pub use dedup::{
    Cluster, Dedup, DedupCounts, DedupReport, DedupRules, Deduped, Link, RowFacts, RowId, Suspicion, SuspiciousCluster,
};
pub use email::{Confidence, DomainList, Suggestion, suggest_domain};
pub use hashed::{Algorithm, ColumnPolicy, DigestShare, HashConvention, Hashed, Plain, read_cell};
pub use hygiene::{
    Coverage, DestinationCounts, EmailQuality, ExpectedMatches, Geography, Hygiene, HygieneBar, HygieneReport,
    HygieneRules, HygieneSection, KindCounts, Lever, MatchRate, MatchRates, Mismatch, RateBand, RepeatCounts,
    TopRepeat, TypoCount,
};
pub use identifier::{Identifier, WireValue};
pub use kind::IdentifierKind;
pub use member::{Input, Member};
pub use phone::PHONE_METADATA;
pub use profile::{Encoding, KeyedBy, PreImage, Profile, Rule, profiles};
pub use region::{Region, RegionHint};
pub use reject::{BirthDateReason, EmailReason, Notes, PhoneReason, Reject};

/// Version of the canonical forms, for the headers of stored state.
///
/// It changes whenever a value can come out of the [`Canonicalizer`] in another form than before: members then look
/// changed, and a state written with another version has to be keyed anew.
pub const VERSION: u32 = 1;
