//! Work that a platform finishes later: asked about, and settled when it has ended.

use super::deliver::{settled_by_job, within};
use super::dispatch::compact;
use super::fold::ordinals;
use super::note::RunNote;
use super::run::Run;
use super::settle::open_previous;
use crate::destination::JobRef;
use crate::error::Result;
use crate::observe::Event;
use crate::state::{Entry, OpenJob, RowSettled};

/// A job that has ended.
pub(crate) struct Ended {
    /// One for each row of the job.
    pub(crate) rows: Vec<RowSettled>,
    pub(crate) unattributed: u64,
}

impl Ended {
    /// What the journal has to say of it.
    pub(crate) fn entries(self, job: &OpenJob) -> Result<[Entry; 2]> {
        let (outcomes, others) = compact(ordinals(&job.rows).zip(self.rows));
        let (plan, action, rows) = (job.plan.clone(), job.action.clone(), job.rows.clone());
        let note = RunNote { job_ended: Some(job.job.clone()), ..RunNote::default() };
        Ok([Entry::Settled { plan, batch: 0, action, rows, outcomes, others }, Entry::Note(note.to_value()?)])
    }
}

impl Run {
    /// What became of a job; `None` while it goes on, and when the question fails: it is asked again.
    pub(crate) async fn ask(&self, job: &OpenJob) -> Option<Ended> {
        let destination = self.binding.destination();
        self.engine.pacer(&**destination).turn(&**self.cx.clock(), 1).await;
        let reference = JobRef::new(&*job.job);
        let asked = destination.poll(&self.cx, &reference);
        let outcome = within(&**self.cx.clock(), self.engine.retry.deadline, asked).await.ok()?;
        let unattributed = outcome.unattributed();
        let rows = outcome.resolve(ordinals(&job.rows).count()).ok()?;
        let rows: Vec<RowSettled> = rows.into_iter().map(settled_by_job).collect();
        let done = !rows.iter().any(|row| matches!(row, RowSettled::Pending));
        self.cx.emit(&Event::JobPolled { binding: &self.name, done });
        done.then_some(Ended { rows, unattributed })
    }

    /// Settles the jobs of earlier runs that have ended, so that a plan is made over what came of them.
    pub(crate) async fn settle_jobs(&mut self) -> Result<()> {
        let mut entries = Vec::new();
        for job in self.store.manifest().jobs.clone() {
            let Some(ended) = self.ask(&job).await else { continue };
            self.unattributed += ended.unattributed;
            for entry in ended.entries(&job)? {
                self.store.append(&entry).await?;
                entries.push(entry);
            }
        }
        if entries.is_empty() {
            return Ok(());
        }
        let kept = self.store.manifest().plans.clone();
        self.settle(&entries, &kept, true).await?;
        self.previous = open_previous(&self.store, &self.engine.keyring, self.id.id()).await?;
        Ok(())
    }
}
