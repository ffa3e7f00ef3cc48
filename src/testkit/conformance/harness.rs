//! What the suite needs to know about the destination under test.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;

use crate::destination::{AudienceRef, Context, Destination, Row};
use crate::identity::KeyedBy;
use crate::testkit::Fault;

/// Drives one destination for the suite, and looks at its platform from outside.
///
/// Only the first three are required. What is left out makes checks skip, and the report says so.
#[async_trait]
pub trait Harness: Send + Sync {
    /// The destination. Asked for once per check; it may be the same one each time.
    fn destination(&self) -> Arc<dyn Destination>;

    /// What it is called with. The clock must move: [`ManualClock::auto`](crate::testkit::ManualClock::auto), or a real
    /// one. The suite puts in an observer of its own.
    fn context(&self) -> Context;

    /// Whom the platform holds in an audience: one entry per membership, named as [`Harness::name_of`] does, in any
    /// order, somebody who is held twice named twice. Not asked of the destination, but of the platform or its
    /// imitation. `None` where nobody can look.
    async fn members(&self, audience: &AudienceRef) -> Option<Vec<String>>;

    /// What [`Harness::members`] calls the member of a row. By default the member id where the destination is keyed by
    /// it, and else the first identifier as it is sent.
    fn name_of(&self, row: &Row) -> String {
        match (self.destination().capabilities().profile.keyed_by, row.identifiers.first()) {
            (KeyedBy::Identifiers, Some(identifier)) => identifier.value.to_wire_string(),
            _ => row.member_id.as_str().to_owned(),
        }
    }

    /// Lets every call fail in this way until [`Harness::heal`]; `false` where that cannot be arranged.
    fn fault(&self, fault: Fault) -> bool {
        let _ = fault;
        false
    }

    /// Ends what [`Harness::fault`] began.
    fn heal(&self) {}

    /// Makes a sample row complete: attributes without which the platform would refuse it.
    fn dress(&self, row: Row) -> Row {
        row
    }

    /// Makes a row one that the platform refuses for its content; `None` where there is no such thing.
    fn spoil(&self, row: Row) -> Option<Row> {
        let _ = row;
        None
    }

    /// The hosts that were contacted so far, without scheme and port; `None` where that is not observed.
    fn hosts(&self) -> Option<BTreeSet<String>> {
        None
    }

    /// Credentials the destination was given, which may show nowhere. At least 6 bytes each.
    fn secrets(&self) -> Vec<String> {
        Vec::new()
    }

    /// The largest batch that is tried, where the declared limits allow more.
    fn most_rows(&self) -> usize {
        2_000
    }

    /// Why a check does not count for this destination, by the check's name. It is then skipped, with this reason.
    fn exempt(&self, check: &str) -> Option<&'static str> {
        let _ = check;
        None
    }
}
