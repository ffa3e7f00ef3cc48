//! Columns of files and tables whose values may be hashed already.

use serde::{Deserialize, Serialize};

use super::{HashConvention, Hashed};
use crate::error::{Error, ErrorKind, Result};
use crate::identity::clean::{self, clean};
use crate::identity::kind::IdentifierKind;
use crate::identity::member::Input;
use crate::identity::reject::Reject;

/// What a column of a file holds.
///
/// In code, plain and hashed values are different types and nothing is guessed; a column has no types, so its owner
/// says what it holds, or leaves it to the values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ColumnPolicy {
    /// Each value is judged alone: what looks like a digest is one.
    Auto,
    /// Plain values; one that looks like a digest is refused ([`Reject::HashedInPlain`]).
    Plain,
    /// Digests; anything else is refused ([`Reject::MalformedDigest`]).
    Hashed,
}

impl ColumnPolicy {
    /// The policy of a column nobody has declared: [`Self::Plain`] for ids that may well look like a digest,
    /// [`Self::Auto`] for all other kinds.
    pub const fn default_for(kind: IdentifierKind) -> Self {
        use IdentifierKind::{
            Epik, Euid, ExternalId, Fbc, Fbclid, Fbp, Gbraid, Gclid, Irclickid, LiFatId, Msclkid, PlatformUserId,
            RampId, RdtCid, ScClickId, Ttclid, Ttp, Twclid, Uid2, UserAgent, Wbraid,
        };
        match kind {
            ExternalId | PlatformUserId | UserAgent | Uid2 | Euid | RampId => Self::Plain,
            Gclid | Gbraid | Wbraid | Fbc | Fbp | Fbclid | Ttclid | Ttp | Msclkid | ScClickId | Epik | Twclid
            | RdtCid | LiFatId | Irclickid => Self::Plain,
            _ => Self::Auto,
        }
    }
}

/// Reads one cell of a column of `kind`; a digest gets the column's `convention`.
///
/// What counts as a digest under [`ColumnPolicy::Auto`]: 64, 128 or 40 hex digits of either case, and base64 of
/// 32 bytes, each as [`Hashed::parse`] has it. 32 hex digits are MD5 for e-mails and phones alone, or behind `md5:`:
/// elsewhere they are as likely an id. Under [`ColumnPolicy::Hashed`] they are MD5.
///
/// Plain values are handed on as they are, empty ones too: the [`Canonicalizer`](crate::identity::Canonicalizer)
/// judges them.
///
/// ```
/// use audience_sync::identity::{ColumnPolicy, HashConvention, IdentifierKind, Input, Reject, read_cell};
///
/// let kind = IdentifierKind::Email;
/// let digest = "7799473FF091B38137E0698047364E040446FE7CB3209E8321D5A865127853D0";
/// let read = |text, policy| read_cell(kind, text, policy, Some(HashConvention::EmailPlain));
///
/// assert!(matches!(read(digest, ColumnPolicy::default_for(kind)), Ok(Input::Hashed(_))));
/// assert_eq!(read("nora@quist.se", ColumnPolicy::Auto), Ok("nora@quist.se".into()));
/// assert_eq!(read(digest, ColumnPolicy::Plain), Err(Reject::HashedInPlain));
/// assert_eq!(read("nora@quist.se", ColumnPolicy::Hashed), Err(Reject::MalformedDigest));
/// ```
///
/// # Errors
/// [`Reject::HashedInPlain`] and [`Reject::MalformedDigest`] as the policy says, [`Reject::Placeholder`] for a digest
/// of nothing, and in a hashed column [`Reject::Missing`] for an empty cell and [`Reject::Placeholder`] for a word that
/// stands for "no value".
pub fn read_cell(
    kind: IdentifierKind,
    text: &str,
    policy: ColumnPolicy,
    convention: Option<HashConvention>,
) -> std::result::Result<Input, Reject> {
    let hashed = match policy {
        ColumnPolicy::Auto => detect(kind, text),
        ColumnPolicy::Plain if looks_hashed(kind, text) => return Err(Reject::HashedInPlain),
        ColumnPolicy::Plain => None,
        ColumnPolicy::Hashed => Some(declared(text)),
    };
    match hashed {
        None => Ok(text.into()),
        Some(hashed) => hashed.map(|it| convention.map_or(it, |convention| it.with_convention(convention)).into()),
    }
}

/// Whether a plain value of that kind is in truth a digest. Never so for kinds whose plain values may look like one.
pub(in crate::identity) fn looks_hashed(kind: IdentifierKind, text: &str) -> bool {
    ColumnPolicy::default_for(kind) == ColumnPolicy::Auto && detect(kind, text).is_some()
}

/// The cell as a digest, if it looks like one; an error when it does and stands for nobody.
fn detect(kind: IdentifierKind, text: &str) -> Option<std::result::Result<Hashed, Reject>> {
    const SHORTEST: usize = 32;
    // No digest holds an `@`, and nearly every long value that does is an address.
    if text.len() < SHORTEST || text.contains('@') {
        return None;
    }
    let (text, _) = clean(text);
    let text = clean::unquote(&text).unwrap_or(&text);
    let bare = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
    if bare.len() == SHORTEST && !matches!(kind, IdentifierKind::Email | IdentifierKind::Phone) {
        return None;
    }
    match Hashed::parse(text) {
        Err(Reject::MalformedDigest) => None,
        found => Some(found),
    }
}

/// The cell of a column declared as hashed.
fn declared(text: &str) -> std::result::Result<Hashed, Reject> {
    let (text, _) = clean(text);
    let text = clean::unquote(&text).unwrap_or(&text);
    if text.is_empty() {
        return Err(Reject::Missing);
    }
    if clean::is_null_like(text) {
        return Err(Reject::Placeholder);
    }
    Hashed::parse(text)
}

/// Finds columns that are declared plain and hold digests, before all of it is hashed twice or refused one by one.
///
/// Feed it the column's cells as they come and ask for the [verdict](Self::verdict) before anything is sent, or after
/// every some thousand cells. Constant memory, and nothing of the values is kept. For kinds whose
/// [default policy](ColumnPolicy::default_for) is plain there is nothing to find: their ids may be 64 hex digits.
///
/// ```
/// use audience_sync::identity::{DigestShare, IdentifierKind};
///
/// let mut share = DigestShare::new(IdentifierKind::Email);
/// for _ in 0..100 {
///     share.observe("7799473ff091b38137e0698047364e040446fe7cb3209e8321d5a865127853d0");
/// }
/// assert!(share.verdict().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DigestShare {
    kind: IdentifierKind,
    values: u64,
    digests: u64,
}

impl DigestShare {
    /// How many values that are not empty it takes to judge a column. Below that every single digest is still refused,
    /// but the column is not.
    pub const MIN_SAMPLE: u64 = 20;

    /// Nothing seen of a column of that kind.
    pub const fn new(kind: IdentifierKind) -> Self {
        Self { kind, values: 0, digests: 0 }
    }

    /// Counts one cell. Empty cells and words that stand for "no value" do not count.
    pub fn observe(&mut self, text: &str) {
        if clean::is_null_like(text.trim()) {
            return;
        }
        self.values += 1;
        self.digests += u64::from(looks_hashed(self.kind, text));
    }

    /// Adds what another part of the same column held.
    pub const fn merge(&mut self, other: Self) {
        self.values += other.values;
        self.digests += other.digests;
    }

    /// Cells that held a value.
    pub const fn values(&self) -> u64 {
        self.values
    }

    /// How many of them look like a digest.
    pub const fn digests(&self) -> u64 {
        self.digests
    }

    /// Whether the column can be plain.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when there are at least [`Self::MIN_SAMPLE`] values, and more than half of them look like
    /// digests.
    pub fn verdict(&self) -> Result<()> {
        let Self { kind, values, digests } = self;
        if *values < Self::MIN_SAMPLE || *digests <= values / 2 {
            return Ok(());
        }
        let message = format!(
            "expected plain values, found {digests} of {values} that look like digests: declare the column as hashed, \
             with the convention they were made by"
        );
        Err(Error::new(ErrorKind::Config, message).doing(format!("read a column of kind {kind} declared plain")))
    }
}

#[cfg(test)]
mod tests;
