//! A destination in the process's own memory: for tests, for examples, and to read how one is written.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::{
    Action, AudienceRef, Batch, Capabilities, Check, Context, Cursor, Destination, EventBatch, Family, Info, Limits,
    MemberId, MemberPage, Outcome, Row, RowOutcome, Size, SizeReadBack,
};
use crate::error::{Error, ErrorKind, Result};
use crate::identity::profiles;

/// Members one page of a listing holds.
const PAGE: usize = 1000;

/// A destination in the process's own memory. A cheap clone: all clones hold the same members.
///
/// ```
/// use audience_sync::destination::{Destination, Memory};
/// let memory = Memory::new("crm");
/// assert_eq!(memory.info().id, "memory:crm");
/// assert!(memory.member_ids("ci_cart-abandon").is_empty());
/// ```
#[derive(Clone)]
pub struct Memory {
    name: Arc<str>,
    held: Arc<Mutex<Held>>,
}

#[derive(Default)]
struct Held {
    audiences: BTreeMap<String, BTreeMap<MemberId, Row>>,
    events: BTreeMap<String, MemberId>,
    batches: u64,
}

impl Memory {
    /// An empty destination, `memory:<name>`.
    pub fn new(name: &str) -> Self {
        Self { name: name.into(), held: Arc::default() }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The ids of an audience's members, by the audience's key.
    pub fn member_ids(&self, audience: &str) -> BTreeSet<String> {
        let held = self.held();
        let members = held.audiences.get(audience);
        members.into_iter().flat_map(BTreeMap::keys).map(|id| id.as_str().to_owned()).collect()
    }

    /// The row that a member was last sent with.
    pub fn row(&self, audience: &str, member: &str) -> Option<Row> {
        self.held().audiences.get(audience)?.get(&MemberId::from(member)).cloned()
    }

    /// How many batches were sent here.
    pub fn batches(&self) -> u64 {
        self.held().batches
    }

    /// How many key events were recorded; the same event twice is one.
    pub fn events(&self) -> usize {
        self.held().events.len()
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("name", &self.name).finish_non_exhaustive()
    }
}

#[async_trait]
impl Destination for Memory {
    fn info(&self) -> Info {
        Info::new(format!("memory:{}", self.name), "In-process memory", Family::Warehouse)
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new(&profiles::WAREHOUSE).with(|c| {
            c.update = true;
            c.events = true;
            c.forget = true;
            c.limits = Limits::rows(10_000);
            c.in_flight = 4;
            c.size = SizeReadBack::Exact;
            c.readable_members = true;
        })
    }

    async fn check(&self, _cx: &Context) -> Result<Check> {
        Ok(Check::ready().with_account(&*self.name))
    }

    async fn send(&self, _cx: &Context, batch: &Batch) -> Result<Outcome> {
        let mut held = self.held();
        held.batches += 1;
        let members = held.audiences.entry(batch.audience().key.clone()).or_default();
        for row in batch.rows() {
            match batch.action() {
                Action::Remove => members.remove(&row.member_id),
                Action::Add | Action::Update => members.insert(row.member_id.clone(), row.clone()),
            };
        }
        Ok(Outcome::accepted())
    }

    async fn size(&self, _cx: &Context, audience: &AudienceRef) -> Result<Size> {
        Ok(Size::Exact(self.held().audiences.get(&audience.key).map_or(0, |members| members.len() as u64)))
    }

    async fn members(&self, _cx: &Context, audience: &AudienceRef, after: Option<Cursor>) -> Result<MemberPage> {
        let held = self.held();
        let after = after.map(|cursor| MemberId::new(cursor.0));
        let rest = held.audiences.get(&audience.key).into_iter().flat_map(BTreeMap::keys);
        let page: Vec<MemberId> =
            rest.filter(|id| after.as_ref().is_none_or(|after| *id > after)).take(PAGE).cloned().collect();
        let next = (page.len() == PAGE).then(|| page.last().map(|last| Cursor(last.as_str().to_owned()))).flatten();
        Ok(MemberPage { members: page, next })
    }

    async fn record(&self, _cx: &Context, events: &EventBatch) -> Result<Outcome> {
        let mut held = self.held();
        let mut outcome = Outcome::accepted();
        for (index, event) in events.events().iter().enumerate() {
            if event.event_id.is_empty() {
                outcome = outcome.except(index, RowOutcome::rejected_field("missing", "event_id"));
            } else {
                held.events.insert(event.event_id.clone(), event.member_id.clone());
            }
        }
        Ok(outcome)
    }

    async fn forget(&self, _cx: &Context, people: &Batch) -> Result<Outcome> {
        if people.rows().is_empty() {
            return Err(Error::new(ErrorKind::Rejected, "expected people to forget, found none"));
        }
        let mut held = self.held();
        for row in people.rows() {
            held.audiences.values_mut().for_each(|members| drop(members.remove(&row.member_id)));
            held.events.retain(|_, member| *member != row.member_id);
        }
        Ok(Outcome::accepted())
    }
}
