//! What the lists say about an address.

use super::lists::{
    DISPOSABLE, FILLER_DOMAINS, FILLER_LOCALS, RELAY_PREFIX, RELAYS, RESERVED_DOMAINS, RESERVED_TLDS, ROLES,
};
use super::words::holds;
use crate::identity::reject::{Notes, Reject};

/// What the lists say about an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Marks {
    /// Why it is nobody's, unless test values are allowed.
    pub(super) reject: Option<Reject>,
    /// Role, disposable, relay.
    pub(super) notes: Notes,
}

/// Looks a canonical address up in every list.
pub(super) fn marks(local: &str, domain: &str) -> Marks {
    let mut notes = Notes::NONE;
    let name = local.split_once('+').map_or(local, |(name, _)| name);
    notes.add_if(holds(&ROLES, name), Notes::ROLE);
    notes.add_if(holds(&RELAYS, domain) || domain.starts_with(RELAY_PREFIX), Notes::RELAY);
    notes.add_if(parents(domain).any(|parent| holds(&DISPOSABLE, parent)), Notes::DISPOSABLE);
    let reject = if is_filler(local, domain) {
        Some(Reject::Placeholder)
    } else {
        is_reserved(domain).then_some(Reject::TestValue)
    };
    Marks { reject, notes }
}

/// Whether both parts are what people type to get past a form.
pub(super) fn is_filler(local: &str, domain: &str) -> bool {
    holds(&FILLER_DOMAINS, domain) && holds(&FILLER_LOCALS, local)
}

fn is_reserved(domain: &str) -> bool {
    let tld = domain.rsplit_once('.').map_or(domain, |(_, tld)| tld);
    holds(&RESERVED_TLDS, tld) || parents(domain).any(|parent| holds(&RESERVED_DOMAINS, parent))
}

/// The domain, then what is left of it label by label, down to the last one.
pub(super) fn parents(domain: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(domain), |rest| rest.split_once('.').map(|(_, parent)| parent))
}
