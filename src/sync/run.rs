//! One run of one binding, from the opened state to the drafted plan.

use std::sync::Arc;

use futures_util::stream;
use tokio::sync::mpsc;

use super::binding::Binding;
use super::codec::PAYLOAD_VERSION;
use super::draft::{Drafted, Drafter, Terms};
use super::engine::{Inner, RunOptions};
use super::guard::Facts;
use super::plan::Plan;
use super::prepare::{Desired, Lens, Unused};
use super::previous::Previous;
use super::report::RunReport;
use super::send::Sending;
use super::settle::{Settling, open_previous};
use crate::clock::Timestamp;
use crate::destination::{Capabilities, Context, RemovalNeeds, Resend};
use crate::error::{Doing, Error, ErrorKind, Result};
use crate::observe::Event;
use crate::state::{BindingId, Entry, Store};

/// Records handed over at once from the thread that drafts to the task that writes.
const HANDOVER: usize = 256;

/// A binding whose state is open and settled.
pub(crate) struct Run {
    pub(crate) engine: Arc<Inner>,
    pub(crate) binding: Binding,
    pub(crate) name: String,
    pub(crate) id: BindingId,
    pub(crate) cx: Context,
    pub(crate) capabilities: Capabilities,
    pub(crate) as_of: Timestamp,
    pub(crate) started_at: Timestamp,
    pub(crate) store: Store,
    pub(crate) previous: Previous,
    /// The state was left behind by a run that did not come to its end.
    pub(crate) resumed: bool,
    /// Entries that jobs of earlier runs refused without saying which.
    pub(crate) unattributed: u64,
}

impl Run {
    /// Takes the binding's lock, and settles what an earlier run left behind.
    pub(crate) async fn open(engine: &Arc<Inner>, binding: &Binding, as_of: Timestamp) -> Result<Self> {
        let destination = binding.destination();
        let id = BindingId::new(binding.audience().key(), &destination.info().id);
        let name = binding.name();
        Self::open_inner(engine, binding, as_of, id).await.doing(|| format!("open {name}"))
    }

    async fn open_inner(engine: &Arc<Inner>, binding: &Binding, as_of: Timestamp, id: BindingId) -> Result<Self> {
        let capabilities = binding.destination().capabilities();
        let cx = engine.context(&engine.run_id());
        let started_at = cx.now();
        let mut store = engine.state.open(&id, &engine.keyring, engine.clock.clone()).await?;
        let resumed = !store.journal().is_empty();
        if resumed {
            let entries = store.journal().to_vec();
            let kept = store.manifest().plans.clone();
            settling(engine, &cx, &id, &capabilities).settle(&mut store, &entries, &kept, false).await?;
        }
        let previous = open_previous(&store, &engine.keyring, id.id()).await?;
        Ok(Self {
            engine: engine.clone(),
            binding: binding.clone(),
            name: binding.name(),
            id,
            cx,
            capabilities,
            as_of,
            started_at,
            store,
            previous,
            resumed,
            unattributed: 0,
        })
    }

    /// How the binding looks at members.
    pub(crate) fn lens(&self) -> Lens {
        let holdout = self.binding.audience().holdout().cloned();
        Lens::new(self.binding.audience().key(), &self.capabilities, holdout, self.as_of, self.previous.key())
    }

    /// Commits what the journal's entries amount to; `kept` are plans that must survive besides, and `ended` says that
    /// nothing is left of the plan that was carried out, if one was.
    pub(crate) async fn settle(&mut self, entries: &[Entry], kept: &[String], ended: bool) -> Result<()> {
        let settling = settling(&self.engine, &self.cx, &self.id, &self.capabilities);
        settling.settle(&mut self.store, entries, kept, ended).await
    }

    /// A number for the rules by which members become rows: others make other fingerprints.
    pub(crate) fn mapping_version(&self) -> u64 {
        let profile = self.capabilities.profile;
        let rules = format!("{}/{}/{}/{PAYLOAD_VERSION}", profile.id, profile.version, crate::identity::VERSION);
        // Never 0, which stands for a binding that has had no run.
        xxhash_rust::xxh3::xxh3_64(rules.as_bytes()).max(1)
    }

    /// The holdout in force, as the manifest names it.
    pub(crate) fn holdout(&self) -> String {
        self.binding.audience().holdout().map(|holdout| holdout.salt().to_owned()).unwrap_or_default()
    }

    /// The rules or the holdout are not those that the state speaks of.
    pub(crate) fn rules_changed(&self) -> bool {
        let facts = self.facts();
        facts.mapping_changed || facts.holdout_changed
    }

    fn facts(&self) -> Facts {
        let manifest = self.store.manifest();
        let day_ago = self.cx.now().minus(std::time::Duration::from_secs(24 * 3_600));
        let unfinished = manifest.unfinished.filter(|unfinished| unfinished.since > day_ago);
        Facts {
            unfinished_members: unfinished.map_or(0, |unfinished| unfinished.members),
            unfinished_removed: unfinished.map_or(0, |unfinished| unfinished.removed),
            removed_today: manifest.removals.iter().filter(|(at, _)| *at > day_ago).map(|(_, count)| count).sum(),
            mapping_changed: self.mapping_changed(),
            holdout_changed: manifest.holdout.as_ref().is_some_and(|holdout| *holdout != self.holdout()),
        }
    }

    fn mapping_changed(&self) -> bool {
        let before = self.store.manifest().mapping_version;
        before != 0 && before != self.mapping_version()
    }

    /// Draws up the plan and writes it down.
    pub(crate) async fn draft(mut self, desired: Desired) -> Result<Planned> {
        let name = self.name.clone();
        let drafted = self.draft_inner(desired).await.doing(|| format!("plan {name}"))?;
        let (plan, unused) = drafted;
        let counts = &plan.counts;
        self.cx.emit(&Event::Planned {
            binding: &name,
            add: counts.add_rows,
            remove: counts.remove_rows,
            update: counts.update_rows,
        });
        for trip in &plan.refused {
            self.cx.emit(&Event::GuardTripped { binding: &name, guard: trip.guard.as_str() });
        }
        Ok(Planned { run: self, plan, unused, waits_for: None })
    }

    async fn draft_inner(&mut self, mut desired: Desired) -> Result<(Plan, Unused)> {
        let unused = std::mem::take(&mut desired.unused);
        let terms = Terms::new(&self.capabilities, self.id.id(), self.as_of, self.cx.now(), self.mapping_changed());
        let previous = self.previous.clone();
        let (out, records) = mpsc::channel(4);
        let drafting = tokio::task::spawn_blocking(move || draft(terms, &desired, &previous, &out));
        let records = stream::unfold((records, Vec::new().into_iter()), |(mut records, mut ready)| async move {
            loop {
                if let Some(record) = ready.next() {
                    return Some((Ok::<Vec<u8>, Error>(record), (records, ready)));
                }
                let next: Vec<Vec<u8>> = records.recv().await?;
                ready = next.into_iter();
            }
        });
        let stored = self.store.write_plan(records).await;
        // A drafting that fails ends the records early, and only then is the plan stored all the same.
        let stored = stored?;
        let drafted = drafting.await.map_err(|_| Error::new(ErrorKind::Bug, "drafting the plan panicked"))??;
        let refused = self.binding.guards().judge(&drafted.counts, &self.facts());
        let plan = Plan {
            id: stored.id,
            binding: self.name.clone(),
            generation: self.store.manifest().generation,
            as_of: self.as_of,
            digest: const_hex::encode(drafted.digest),
            counts: drafted.counts,
            refused,
        };
        Ok((plan, unused))
    }

    /// Carries out a plan that was kept.
    pub(crate) async fn apply(mut self, plan: Plan, options: &RunOptions) -> Result<RunReport> {
        let manifest = self.store.manifest();
        if plan.binding != self.name || plan.generation != manifest.generation || !manifest.plans.contains(&plan.id) {
            return Err(Error::new(
                ErrorKind::Conflict,
                format!(
                    "apply plan {} to {}: expected the binding as it was at generation {}, found generation {}; plan \
                     again",
                    plan.id, self.name, plan.generation, manifest.generation
                ),
            ));
        }
        self.settle_jobs().await?;
        Planned { run: self, plan, unused: Unused::new(), waits_for: None }.carry_out(options).await
    }
}

fn settling<'a>(engine: &'a Inner, cx: &'a Context, id: &BindingId, capabilities: &Capabilities) -> Settling<'a> {
    let by_identifiers = capabilities.removal == RemovalNeeds::Identifiers;
    let at_most_once = capabilities.resend == Resend::Never;
    Settling { cx, keyring: &engine.keyring, store_id: id.id(), by_identifiers, at_most_once }
}

/// Runs on a thread of its own.
fn draft(terms: Terms, desired: &Desired, previous: &Previous, out: &mpsc::Sender<Vec<Vec<u8>>>) -> Result<Drafted> {
    let given_up = || Error::new(ErrorKind::State, "the plan is not written any more");
    let mut batch = Vec::with_capacity(HANDOVER);
    let drafted = Drafter::new(terms, desired, previous)?.draft(|record| {
        batch.push(record.to_vec());
        if batch.len() == HANDOVER {
            let full = std::mem::replace(&mut batch, Vec::with_capacity(HANDOVER));
            out.blocking_send(full).map_err(|_| given_up())?;
        }
        Ok(())
    })?;
    if !batch.is_empty() {
        out.blocking_send(batch).map_err(|_| given_up())?;
    }
    Ok(drafted)
}

/// A run with its plan.
pub(crate) struct Planned {
    pub(crate) run: Run,
    pub(crate) plan: Plan,
    pub(crate) unused: Unused,
    /// The audience that is not in order, while it is not.
    pub(crate) waits_for: Option<String>,
}

impl Planned {
    /// Holds additions back until the audience of that key is in order.
    pub(crate) fn holding(mut self, waits_for: Option<String>) -> Self {
        self.waits_for = waits_for;
        self
    }

    /// Keeps the plan for later.
    pub(crate) async fn keep(mut self) -> Result<Plan> {
        self.run.settle(&[], std::slice::from_ref(&self.plan.id), true).await?;
        self.plan.generation = self.run.store.manifest().generation;
        Ok(self.plan)
    }

    /// Judges the plan and carries it out.
    pub(crate) async fn carry_out(self, options: &RunOptions) -> Result<RunReport> {
        let name = self.run.name.clone();
        let approved = self.plan.refused.is_empty() || options.approves(&self.plan);
        Sending::new(self, approved).run().await.doing(|| format!("sync {name}"))
    }
}
