//! How rows, handles and operations are written. Everything here is encrypted before it is stored.

use super::fold::Fate;
use super::previous::Standing;
use super::wire::{Reader, Writer, malformed};
use crate::destination::{Action, Arm, Attributes, Reason};
use crate::diff::{Fingerprint, MemberKey};
use crate::error::Result;
use crate::identity::{AttributeValue, Consent, ConsentState, Decimal, Identifier, IdentifierKind, WireValue};
use crate::time::Timestamp;

/// Goes up when the form of a [`Payload`] changes: fingerprints are made over it.
pub(crate) const PAYLOAD_VERSION: u32 = 1;

/// What a destination would receive of a member, beside its id.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Payload {
    pub(crate) identifiers: Vec<Identifier>,
    pub(crate) attributes: Attributes,
    pub(crate) consent: Consent,
    pub(crate) arm: Option<Arm>,
}

impl Payload {
    pub(crate) fn write(&self, out: &mut Writer) {
        write_identifiers(out, &self.identifiers);
        out.uint(self.attributes.iter().count() as u64);
        for (name, value) in self.attributes.iter() {
            out.text(name);
            write_attribute(out, value);
        }
        out.u8(consent_code(self.consent.ad_user_data) | (consent_code(self.consent.ad_personalization) << 4));
        out.u8(match self.arm {
            None => 0,
            Some(Arm::Treatment) => 1,
            Some(Arm::Holdout) => 2,
        });
    }

    pub(crate) fn read(from: &mut Reader<'_>) -> Result<Self> {
        let identifiers = read_identifiers(from)?;
        let count = from.uint()?;
        let mut attributes = Vec::new();
        for _ in 0..count {
            attributes.push((Box::from(from.text()?), read_attribute(from)?));
        }
        let consent = from.u8()?;
        let consent = Consent::default()
            .with_ad_user_data(consent_state(consent & 0x0f)?)
            .with_ad_personalization(consent_state(consent >> 4)?);
        let arm = match from.u8()? {
            0 => None,
            1 => Some(Arm::Treatment),
            2 => Some(Arm::Holdout),
            _ => return Err(malformed("an unknown arm")),
        };
        Ok(Self { identifiers, attributes: Attributes::new(attributes), consent, arm })
    }
}

pub(crate) fn write_identifiers(out: &mut Writer, identifiers: &[Identifier]) {
    out.uint(identifiers.len() as u64);
    for identifier in identifiers {
        out.u8(identifier.kind.code());
        let bytes = identifier.value.as_bytes();
        // The forms' numbers stand in stored state and are never given to another form.
        let form = match identifier.value {
            WireValue::Sha256(_) => 0,
            WireValue::Clear(_) => 1,
            WireValue::Sha256Base64(_) => 2,
            WireValue::Sha512(_) => 3,
            WireValue::Sha1(_) => 4,
            WireValue::Md5(_) => 5,
        };
        out.u8(form);
        match identifier.value {
            WireValue::Clear(_) => out.bytes(bytes),
            _ => out.raw(bytes),
        }
    }
}

pub(crate) fn read_identifiers(from: &mut Reader<'_>) -> Result<Vec<Identifier>> {
    let count = from.uint()?;
    let mut identifiers = Vec::new();
    for _ in 0..count {
        let kind = IdentifierKind::from_code(from.u8()?).ok_or_else(|| malformed("an unknown identifier kind"))?;
        let value = match from.u8()? {
            0 => WireValue::Sha256(from.array()?),
            1 => WireValue::clear(from.text()?),
            2 => WireValue::Sha256Base64(from.array()?),
            3 => WireValue::Sha512(Box::new(from.array()?)),
            4 => WireValue::Sha1(from.array()?),
            5 => WireValue::Md5(from.array()?),
            _ => return Err(malformed("an unknown form of identifier")),
        };
        identifiers.push(Identifier::new(kind, value));
    }
    Ok(identifiers)
}

fn write_attribute(out: &mut Writer, value: &AttributeValue) {
    match value {
        AttributeValue::Null => out.u8(0),
        AttributeValue::Bool(value) => out.u8(1 + u8::from(*value)),
        AttributeValue::Int(value) => {
            out.u8(3);
            out.i64(*value);
        }
        AttributeValue::Decimal(value) => {
            out.u8(4);
            out.text(value.as_str());
        }
        AttributeValue::Text(value) => {
            out.u8(5);
            out.text(value);
        }
    }
}

fn read_attribute(from: &mut Reader<'_>) -> Result<AttributeValue> {
    Ok(match from.u8()? {
        0 => AttributeValue::Null,
        1 => AttributeValue::Bool(false),
        2 => AttributeValue::Bool(true),
        3 => AttributeValue::Int(from.i64()?),
        4 => {
            AttributeValue::Decimal(Decimal::parse(from.text()?).map_err(|_| malformed("a decimal that is no number"))?)
        }
        5 => AttributeValue::Text(from.text()?.to_owned()),
        _ => return Err(malformed("an unknown attribute type")),
    })
}

fn consent_code(state: ConsentState) -> u8 {
    match state {
        ConsentState::Unspecified => 0,
        ConsentState::Granted => 1,
        ConsentState::Denied => 2,
    }
}

fn consent_state(code: u8) -> Result<ConsentState> {
    match code {
        0 => Ok(ConsentState::Unspecified),
        1 => Ok(ConsentState::Granted),
        2 => Ok(ConsentState::Denied),
        _ => Err(malformed("an unknown consent")),
    }
}

/// An earlier row of a member that was not acknowledged.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Attempt {
    pub(crate) action: Action,
    pub(crate) effective_at: Timestamp,
    pub(crate) fingerprint: Fingerprint,
    /// How often it was rejected.
    pub(crate) rejections: u32,
    /// When a rejected row is tried again.
    pub(crate) not_before: Timestamp,
    /// A row before this one was sent and never answered: what was acknowledged may not be what is there.
    pub(crate) unsure: bool,
    /// What came of the removal and of the entry, for when the job that works on the other has ended.
    pub(crate) removal: Fate,
    pub(crate) entry: Fate,
}

impl Attempt {
    pub(crate) fn new(action: Action, effective_at: Timestamp, fingerprint: Fingerprint) -> Self {
        let (removal, entry) = (Fate::Untouched, Fate::Untouched);
        let (rejections, not_before, unsure) = (0, effective_at, false);
        Self { action, effective_at, fingerprint, rejections, not_before, unsure, removal, entry }
    }

    /// Of a removal: it was about the whole member, not about identifiers that a staying one has no more.
    pub(crate) fn is_whole(&self) -> bool {
        self.fingerprint.is_none()
    }
}

/// What is kept of a member at a destination: enough to remove it when its source row is long gone.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Handle {
    pub(crate) member_id: String,
    /// Every identifier that the destination may hold of the member; empty where it removes by other means.
    pub(crate) identifiers: Vec<Identifier>,
    pub(crate) vendor_ref: Option<String>,
    pub(crate) attempt: Option<Attempt>,
}

impl Handle {
    pub(crate) fn write(&self, out: &mut Writer) {
        out.text(&self.member_id);
        write_identifiers(out, &self.identifiers);
        out.option(self.vendor_ref.as_deref(), Writer::text);
        out.option(self.attempt.as_ref(), |out, attempt| {
            out.u8(action_code(attempt.action));
            out.i64(attempt.effective_at.as_millis());
            out.u64(attempt.fingerprint.as_raw());
            out.uint(u64::from(attempt.rejections));
            out.i64(attempt.not_before.as_millis());
            out.u8(u8::from(attempt.unsure));
            out.u8(attempt.removal as u8);
            out.u8(attempt.entry as u8);
        });
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self> {
        let mut from = Reader::new(bytes);
        let handle = Self {
            member_id: from.text()?.to_owned(),
            identifiers: read_identifiers(&mut from)?,
            vendor_ref: from.option(|from| from.text().map(str::to_owned))?,
            attempt: from.option(read_attempt)?,
        };
        from.end()?;
        Ok(handle)
    }
}

fn read_attempt(from: &mut Reader<'_>) -> Result<Attempt> {
    Ok(Attempt {
        action: action_of(from.u8()?)?,
        effective_at: Timestamp::from_millis(from.i64()?),
        fingerprint: Fingerprint::from_raw(from.u64()?),
        rejections: u32::try_from(from.uint()?).map_err(|_| malformed("too many rejections"))?,
        not_before: Timestamp::from_millis(from.i64()?),
        unsure: from.u8()? == 1,
        removal: fate_of(from.u8()?)?,
        entry: fate_of(from.u8()?)?,
    })
}

fn fate_of(code: u8) -> Result<Fate> {
    Fate::of(code).ok_or_else(|| malformed("an unknown fate"))
}

fn action_code(action: Action) -> u8 {
    match action {
        Action::Add => 0,
        Action::Remove => 1,
        Action::Update => 2,
    }
}

fn action_of(code: u8) -> Result<Action> {
    match code {
        0 => Ok(Action::Add),
        1 => Ok(Action::Remove),
        2 => Ok(Action::Update),
        _ => Err(malformed("an unknown action")),
    }
}

/// One operation of a plan: what is to happen to one member, with everything needed to send it and to settle it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Op {
    pub(crate) key: MemberKey,
    pub(crate) reason: Reason,
    /// The fingerprint that was acknowledged before; none: it was no member.
    pub(crate) acked: Fingerprint,
    /// What is kept of the member so far.
    pub(crate) before: Handle,
    /// `before` holds identifiers that another member brought and leaves behind: they must not be forgotten, whatever
    /// comes of the entry.
    pub(crate) inherits: bool,
    pub(crate) removal: Option<Removal>,
    pub(crate) entry: Option<Entry>,
    /// What changes in the state alone; nothing is sent for it.
    pub(crate) local: Local,
}

/// A change of the state that no destination needs to hear of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Local {
    /// None.
    Nothing,
    /// The member is acknowledged, and its membership ends then.
    Keep(Option<Timestamp>),
    /// The member was never taken, and is not wanted any more.
    Drop,
    /// The member stands as it stood; only its handle has changed.
    Hold(Standing),
}

/// The part of an operation that takes something away.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Removal {
    pub(crate) effective_at: Timestamp,
    /// What is to vanish, shared identifiers struck.
    pub(crate) identifiers: Vec<Identifier>,
    /// Nothing is left to send: every identifier is held by a member who stays.
    pub(crate) shared: bool,
}

/// The part of an operation that brings or updates a member.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) action: Action,
    pub(crate) effective_at: Timestamp,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) payload: Payload,
}

impl Op {
    pub(crate) fn write(&self, out: &mut Writer) {
        out.raw(&self.key.to_bytes());
        out.u8(reason_code(self.reason));
        out.u64(self.acked.as_raw());
        let mut handle = Writer::default();
        self.before.write(&mut handle);
        out.bytes(handle.as_bytes());
        out.u8(u8::from(self.inherits));
        out.option(self.removal.as_ref(), |out, removal| {
            out.i64(removal.effective_at.as_millis());
            write_identifiers(out, &removal.identifiers);
            out.u8(u8::from(removal.shared));
        });
        out.option(self.entry.as_ref(), |out, entry| {
            out.u8(action_code(entry.action));
            out.i64(entry.effective_at.as_millis());
            out.u64(entry.fingerprint.as_raw());
            out.option(entry.expires_at, |out, at| out.i64(at.as_millis()));
            entry.payload.write(out);
        });
        match self.local {
            Local::Nothing => out.u8(0),
            Local::Drop => out.u8(1),
            Local::Keep(expires_at) => {
                out.u8(2);
                out.option(expires_at, |out, at| out.i64(at.as_millis()));
            }
            Local::Hold(standing) => {
                out.u8(3);
                out.u8(standing as u8);
            }
        }
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self> {
        let mut from = Reader::new(bytes);
        let op = Self {
            key: MemberKey::from_bytes(from.array()?),
            reason: reason_of(from.u8()?)?,
            acked: Fingerprint::from_raw(from.u64()?),
            before: Handle::read(from.bytes()?)?,
            inherits: from.u8()? == 1,
            removal: from.option(|from| {
                Ok(Removal {
                    effective_at: Timestamp::from_millis(from.i64()?),
                    identifiers: read_identifiers(from)?,
                    shared: from.u8()? == 1,
                })
            })?,
            entry: from.option(|from| {
                Ok(Entry {
                    action: action_of(from.u8()?)?,
                    effective_at: Timestamp::from_millis(from.i64()?),
                    fingerprint: Fingerprint::from_raw(from.u64()?),
                    expires_at: from.option(|from| from.i64().map(Timestamp::from_millis))?,
                    payload: Payload::read(from)?,
                })
            })?,
            local: match from.u8()? {
                0 => Local::Nothing,
                1 => Local::Drop,
                2 => Local::Keep(from.option(|from| from.i64().map(Timestamp::from_millis))?),
                3 => Local::Hold(Standing::of(from.u8()?)?),
                _ => return Err(malformed("an unknown change of state")),
            },
        };
        from.end()?;
        Ok(op)
    }
}

const REASONS: [Reason; 10] = [
    Reason::Entered,
    Reason::Left,
    Reason::Expired,
    Reason::Consent,
    Reason::HeldOut,
    Reason::Changed,
    Reason::MappingChanged,
    Reason::InDoubt,
    Reason::Retry,
    Reason::Refresh,
];

fn reason_code(reason: Reason) -> u8 {
    // Every reason stands in the table: a test goes through them all.
    REASONS.iter().position(|listed| *listed == reason).map_or(u8::MAX, |at| at as u8)
}

fn reason_of(code: u8) -> Result<Reason> {
    REASONS.get(usize::from(code)).copied().ok_or_else(|| malformed("an unknown reason"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn op() -> Op {
        let email = Identifier::new(IdentifierKind::Email, WireValue::Sha256([7; 32]));
        let external = Identifier::new(IdentifierKind::ExternalId, WireValue::clear("C-1"));
        let attributes = [
            ("plan", AttributeValue::Text("gold".into())),
            ("orders", AttributeValue::Int(-3)),
            ("vip", AttributeValue::Bool(true)),
            ("value", AttributeValue::Decimal(Decimal::parse("12.50").unwrap())),
            ("note", AttributeValue::Null),
        ];
        let attempt = Attempt {
            action: Action::Update,
            effective_at: Timestamp::from_millis(5),
            fingerprint: Fingerprint::from_raw(9),
            rejections: 3,
            not_before: Timestamp::from_millis(77),
            unsure: true,
            removal: Fate::Accepted,
            entry: Fate::Pending,
        };
        Op {
            key: MemberKey::from_bytes([3; 16]),
            reason: Reason::Changed,
            acked: Fingerprint::from_raw(1),
            before: Handle {
                member_id: "u-1".into(),
                identifiers: vec![email.clone(), external.clone()],
                vendor_ref: Some("v".into()),
                attempt: Some(attempt),
            },
            inherits: true,
            removal: Some(Removal {
                effective_at: Timestamp::from_millis(-1),
                identifiers: vec![external],
                shared: false,
            }),
            entry: Some(Entry {
                action: Action::Add,
                effective_at: Timestamp::from_millis(10),
                fingerprint: Fingerprint::from_raw(2),
                expires_at: Some(Timestamp::from_millis(99)),
                payload: Payload {
                    identifiers: vec![email],
                    attributes: Attributes::new(attributes.map(|(name, value)| (name.into(), value))),
                    consent: Consent::DENIED.with_ad_user_data(ConsentState::Granted),
                    arm: Some(Arm::Holdout),
                },
            }),
            local: Local::Keep(Some(Timestamp::from_millis(4))),
        }
    }

    #[test]
    fn every_change_of_state_alone_is_read_as_it_was_written() {
        for local in [Local::Nothing, Local::Drop, Local::Keep(None), Local::Hold(Standing::InFlight)] {
            let mut out = Writer::default();
            Op { local, ..op() }.write(&mut out);
            assert_eq!(Op::read(out.as_bytes()).unwrap().local, local);
        }
    }

    #[test]
    fn an_operation_is_read_as_it_was_written_and_never_from_a_part() {
        let mut out = Writer::default();
        op().write(&mut out);
        let bytes = out.into_bytes();
        assert_eq!(Op::read(&bytes).unwrap(), op());
        for len in 0..bytes.len() {
            assert!(Op::read(&bytes[..len]).is_err(), "cut at {len}");
        }
        let mut longer = bytes;
        longer.push(0);
        assert!(Op::read(&longer).is_err());
    }

    #[test]
    fn a_digest_comes_back_in_its_encoding() {
        let identifiers = [WireValue::Sha256([7; 32]), WireValue::Sha256Base64([7; 32]), WireValue::clear("C-1")]
            .map(|value| Identifier::new(IdentifierKind::Email, value));
        let mut out = Writer::default();
        write_identifiers(&mut out, &identifiers);
        let bytes = out.into_bytes();
        assert_eq!(read_identifiers(&mut Reader::new(&bytes)).unwrap(), identifiers);
    }

    #[test]
    fn every_reason_and_kind_has_a_code_of_its_own() {
        for reason in REASONS {
            assert_eq!(reason_of(reason_code(reason)).unwrap(), reason);
        }
        for kind in IdentifierKind::ALL {
            assert_eq!(IdentifierKind::from_code(kind.code()), Some(*kind));
        }
    }

    #[test]
    fn every_form_of_identifier_reads_back_and_keeps_its_number() {
        let forms = [
            (0, WireValue::Sha256([7; 32]), 32),
            (1, WireValue::clear("C-1"), 1 + 3),
            (2, WireValue::Sha256Base64([7; 32]), 32),
            (3, WireValue::Sha512(Box::new([7; 64])), 64),
            (4, WireValue::Sha1([7; 20]), 20),
            (5, WireValue::Md5([7; 16]), 16),
        ];
        for (form, value, len) in forms.clone() {
            let identifier = Identifier::new(IdentifierKind::Email, value);
            let mut out = Writer::default();
            write_identifiers(&mut out, std::slice::from_ref(&identifier));
            // One identifier, its kind, its form.
            assert_eq!(out.as_bytes().get(..3), Some(&[1, 1, form][..]));
            assert_eq!(out.len(), 3 + len);
            let bytes = out.into_bytes();
            let mut from = Reader::new(&bytes);
            assert_eq!(read_identifiers(&mut from).unwrap(), [identifier]);
            from.end().unwrap();
            for cut in 0..bytes.len() {
                assert!(read_identifiers(&mut Reader::new(&bytes[..cut])).is_err(), "cut at {cut}");
            }
        }
        let all = forms.map(|(_, value, _)| Identifier::new(IdentifierKind::Phone, value));
        let mut out = Writer::default();
        write_identifiers(&mut out, &all);
        assert_eq!(read_identifiers(&mut Reader::new(out.as_bytes())).unwrap(), all);
        assert!(read_identifiers(&mut Reader::new(&[1, 1, 6])).is_err());
    }
}
