//! From a planned operation to the rows that go out for it.

use sha2::{Digest, Sha256};

use super::codec::{Entry, Op, Removal, write_identifiers};
use super::wire::Writer;
use crate::destination::{Action, Attributes, MemberId, OpId, Row, VendorRef};
use crate::diff::MemberKey;
use crate::identity::Consent;
use crate::time::Timestamp;

/// The same binding, member, direction, moment and content make the same id, in every run and after every crash.
///
/// The content is part of it, so that a platform that drops a second row of one id never drops a newer state.
fn op_id(store: [u8; 16], key: MemberKey, action: Action, effective_at: Timestamp, content: &[u8]) -> OpId {
    let mut hash = Sha256::new();
    hash.update(b"audience-sync op v1\x1f");
    hash.update(store);
    hash.update(key.to_bytes());
    hash.update(action.as_str());
    hash.update(effective_at.as_millis().to_le_bytes());
    hash.update(content);
    let digest: [u8; 32] = hash.finalize().into();
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    OpId::from_bytes(id)
}

/// The row that takes something away, unless nothing is left to send.
pub(crate) fn removal_row(store: [u8; 16], op: &Op) -> Option<Row> {
    let Removal { effective_at, identifiers, shared: false } = op.removal.as_ref()? else { return None };
    let mut content = Writer::default();
    write_identifiers(&mut content, identifiers);
    Some(Row {
        op_id: op_id(store, op.key, Action::Remove, *effective_at, content.as_bytes()),
        member_id: MemberId::from(op.before.member_id.as_str()),
        identifiers: identifiers.clone(),
        attributes: Attributes::default(),
        consent: Consent::default(),
        arm: None,
        reason: op.reason,
        effective_at: *effective_at,
        expires_at: None,
        vendor_ref: op.before.vendor_ref.as_deref().map(VendorRef::new),
    })
}

/// The row that brings or updates a member.
pub(crate) fn entry_row(store: [u8; 16], op: &Op) -> Option<(Action, Row)> {
    let Entry { action, effective_at, fingerprint, expires_at, payload } = op.entry.as_ref()?;
    let row = Row {
        op_id: op_id(store, op.key, *action, *effective_at, &fingerprint.as_raw().to_le_bytes()),
        member_id: MemberId::from(op.before.member_id.as_str()),
        identifiers: payload.identifiers.clone(),
        attributes: payload.attributes.clone(),
        consent: payload.consent,
        arm: payload.arm,
        reason: op.reason,
        effective_at: *effective_at,
        expires_at: *expires_at,
        vendor_ref: op.before.vendor_ref.as_deref().map(VendorRef::new),
    };
    Some((*action, row))
}
