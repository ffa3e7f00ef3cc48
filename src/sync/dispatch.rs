//! Rows into batches, batches out, several at once: an intent before each leaves, its outcome after.

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;

use super::deliver::{Courier, Delivered, Parcel};
use super::fold::runs;
use super::send::{Outgoing, Sending};
use crate::destination::{Action, Cost, MemberId, Outcome, RejectRecord, Row, RowOutcome, SessionRef};
use crate::error::{Error, ErrorKind, Result};
use crate::observe::Event;
use crate::state::{Entry, RowSettled};

/// The reason of additions that wait for an exclusion.
const EXCLUSION_NOT_SYNCED: &str = "exclusion_not_synced";
/// The reason of a removal of which nothing is left to send.
const SHARED_IDENTIFIER: &str = "shared_identifier";
/// The reason of a row that is larger than any batch may be.
const TOO_LARGE: &str = "too_large";

/// The rows of one action on their way out.
pub(crate) struct Dispatch<'a> {
    sending: &'a mut Sending,
    courier: &'a Courier<'a>,
    plan: &'a str,
    action: Action,
    session: Option<SessionRef>,
    ordinals: Vec<u32>,
    rows: Vec<Row>,
    cost: Cost,
    /// A full batch that waits, because the last of a session is sent alone and says that it is the last.
    waiting: Option<(Vec<u32>, Vec<Row>)>,
    in_flight: FuturesUnordered<BoxFuture<'a, (u64, Delivered)>>,
    batches: u64,
    settled: u64,
    /// Rows that count when the session is finished.
    staged: Vec<u32>,
}

impl<'a> Dispatch<'a> {
    pub(crate) fn new(
        sending: &'a mut Sending,
        courier: &'a Courier<'a>,
        plan: &'a str,
        action: Action,
        session: Option<SessionRef>,
    ) -> Self {
        Self {
            sending,
            courier,
            plan,
            action,
            session,
            ordinals: Vec::new(),
            rows: Vec::new(),
            cost: Cost::default(),
            waiting: None,
            in_flight: FuturesUnordered::new(),
            batches: 0,
            settled: 0,
            staged: Vec::new(),
        }
    }

    /// Takes the rows of one part of the plan; `held` are not sent in this run.
    pub(crate) async fn take(&mut self, rows: Vec<(u32, Outgoing)>, held: bool) -> Result<()> {
        for (ordinal, row) in rows {
            match row {
                Outgoing::Shared => self.skip(SHARED_IDENTIFIER),
                Outgoing::Row(_) if held => self.skip(EXCLUSION_NOT_SYNCED),
                Outgoing::Row(row) => self.push(ordinal, row).await?,
            }
        }
        Ok(())
    }

    /// A row that is not sent, for a reason.
    fn skip(&mut self, reason: &str) {
        self.sending.tally.settled(self.action, &RowSettled::Skipped { reason: reason.to_owned() });
    }

    /// Takes a row in, and sends a batch when it is full.
    async fn push(&mut self, ordinal: u32, row: Row) -> Result<()> {
        if self.sending.stop.is_some() {
            return Ok(());
        }
        let cost = self.courier.destination.cost(&row);
        let limits = &self.courier.capabilities.limits;
        if !limits.fits(cost) {
            return self.refuse(ordinal, &row).await;
        }
        if !limits.fits(self.cost + cost) {
            self.full().await?;
        }
        self.cost = self.cost + cost;
        self.ordinals.push(ordinal);
        self.rows.push(row);
        Ok(())
    }

    /// Rejects a row that no batch can hold, without bothering the destination.
    async fn refuse(&mut self, ordinal: u32, row: &Row) -> Result<()> {
        let settled = RowSettled::Rejected { code: TOO_LARGE.to_owned(), field: None };
        self.sending.tally.settled(self.action, &settled);
        self.batches += 1;
        self.append_settled(self.batches, &[ordinal], vec![settled.clone()]).await?;
        self.log_rejects(std::slice::from_ref(row), &[settled]).await;
        Ok(())
    }

    async fn full(&mut self) -> Result<()> {
        self.cost = Cost::default();
        let batch = (std::mem::take(&mut self.ordinals), std::mem::take(&mut self.rows));
        if self.session.is_none() {
            return self.send(batch, false).await;
        }
        match self.waiting.replace(batch) {
            Some(before) => self.send(before, false).await,
            None => Ok(()),
        }
    }

    async fn send(&mut self, (ordinals, rows): (Vec<u32>, Vec<Row>), last: bool) -> Result<()> {
        let most = usize::try_from(self.courier.capabilities.in_flight.max(1)).unwrap_or(1);
        while self.in_flight.len() >= most {
            self.settle_next().await?;
        }
        if self.sending.stop.is_some() {
            return Ok(());
        }
        self.batches += 1;
        let batch = self.batches;
        let intent = Entry::Intent {
            plan: self.plan.to_owned(),
            batch,
            action: self.action.as_str().to_owned(),
            rows: runs(ordinals.iter().copied()),
            session: self.session.as_ref().map(|session| session.as_str().to_owned()),
        };
        self.sending.append(intent).await?;
        let parcel =
            Parcel { action: self.action, rows: Arc::new(rows), ordinals, session: self.session.clone(), last };
        let courier = self.courier;
        self.in_flight.push(Box::pin(async move { (batch, courier.deliver(parcel).await) }));
        Ok(())
    }

    async fn settle_next(&mut self) -> Result<()> {
        let Some((batch, delivered)) = self.in_flight.next().await else { return Ok(()) };
        let Delivered { parcel, settled, jobs, unattributed, stop } = delivered;
        self.sending.tally.unattributed += unattributed;
        for (row, ordinal) in settled.iter().zip(&parcel.ordinals) {
            self.sending.tally.settled(self.action, row);
            if matches!(row, RowSettled::Staged) {
                self.staged.push(*ordinal);
            }
        }
        for (job, rows) in jobs {
            let ordinals = rows.iter().filter_map(|index| parcel.ordinals.get(*index).copied());
            let submitted = Entry::Submitted {
                plan: self.plan.to_owned(),
                batch,
                job: job.as_str().to_owned(),
                action: self.action.as_str().to_owned(),
                rows: runs(ordinals),
                at: self.courier.cx.now(),
            };
            self.sending.append(submitted).await?;
        }
        self.log_rejects(&parcel.rows, &settled).await;
        self.settled += settled.len() as u64;
        self.append_settled(batch, &parcel.ordinals, settled).await?;
        if let Some(stop) = stop {
            self.sending.stop.get_or_insert(stop.doing(format!("send batch {batch} to {}", self.action)));
        }
        let planned = self.planned();
        self.courier.cx.emit(&Event::BatchSent {
            binding: self.courier.binding,
            rows: parcel.rows.len() as u64,
            settled: self.settled,
            planned,
        });
        Ok(())
    }

    fn planned(&self) -> u64 {
        let tally = &self.sending.tally;
        match self.action {
            Action::Add => tally.add.planned,
            Action::Remove => tally.remove.planned,
            Action::Update => tally.update.planned,
        }
    }

    async fn append_settled(&mut self, batch: u64, ordinals: &[u32], settled: Vec<RowSettled>) -> Result<()> {
        let rows = runs(ordinals.iter().copied());
        let (outcomes, others) = compact(ordinals.iter().copied().zip(settled));
        let (plan, action) = (self.plan.to_owned(), self.action.as_str().to_owned());
        self.sending.append(Entry::Settled { plan, batch, action, rows, outcomes, others }).await
    }

    /// Sends what is left, waits for all of it, and finishes the session.
    pub(crate) async fn finish(mut self) -> Result<()> {
        if !self.rows.is_empty() {
            self.full().await?;
        }
        let last = self.waiting.take();
        if last.is_some() || self.session.is_some() {
            self.drain().await?;
        }
        if let Some(last) = last {
            self.send(last, true).await?;
        }
        self.drain().await?;
        match self.session.take() {
            Some(session) => self.finish_session(session).await,
            None => Ok(()),
        }
    }

    async fn drain(&mut self) -> Result<()> {
        while !self.in_flight.is_empty() {
            self.settle_next().await?;
        }
        Ok(())
    }

    async fn finish_session(&mut self, session: SessionRef) -> Result<()> {
        if self.sending.stop.is_some() {
            return Ok(());
        }
        let courier = self.courier;
        let finished = courier.retried(|| courier.destination.finish(courier.cx, &session)).await;
        if let Ok(outcome) = &finished {
            self.sending.tally.unattributed += outcome.unattributed();
        }
        let staged = std::mem::take(&mut self.staged);
        match finished.and_then(|outcome| Ok((outcome.job().cloned(), resolve(outcome, staged.len())?))) {
            Ok((job, outcomes)) if !staged.is_empty() => self.settle_staged(staged, job, outcomes).await?,
            Ok(_) => {}
            Err(error) => {
                self.sending.stop = Some(error.doing("finish a session"));
                return Ok(());
            }
        }
        self.sending.append(Entry::SessionClosed { session: session.as_str().to_owned() }).await
    }

    async fn settle_staged(
        &mut self,
        staged: Vec<u32>,
        job: Option<crate::destination::JobRef>,
        outcomes: Vec<RowOutcome>,
    ) -> Result<()> {
        let settled: Vec<RowSettled> = outcomes
            .into_iter()
            .map(|outcome| match outcome {
                RowOutcome::Pending if job.is_some() => RowSettled::Pending,
                other => super::deliver::settled_by_job(other),
            })
            .collect();
        for row in &settled {
            self.sending.tally.resettled(self.action, &RowSettled::Staged, row);
        }
        if let Some(job) = job {
            let working = staged.iter().zip(&settled).filter(|(_, row)| matches!(row, RowSettled::Pending));
            let submitted = Entry::Submitted {
                plan: self.plan.to_owned(),
                batch: 0,
                job: job.as_str().to_owned(),
                action: self.action.as_str().to_owned(),
                rows: runs(working.map(|(ordinal, _)| *ordinal)),
                at: self.courier.cx.now(),
            };
            self.sending.append(submitted).await?;
        }
        self.append_settled(0, &staged, settled).await
    }

    async fn log_rejects(&mut self, rows: &[Row], settled: &[RowSettled]) {
        let Some(log) = &self.sending.run.engine.run_log else { return };
        let now = self.courier.cx.now();
        let (run, audience) = (self.courier.cx.run(), &self.courier.audience.key);
        let rejects: Vec<RejectRecord> = rows
            .iter()
            .zip(settled)
            .filter_map(|(row, settled)| {
                let RowSettled::Rejected { code, field } = settled else { return None };
                let id = format!("{}-{run}", row.op_id.to_hex());
                let member = MemberId::from(row.member_id.as_str());
                let mut record = RejectRecord::new(id, run, audience, member, self.action, code, now);
                record.field.clone_from(field);
                Some(record)
            })
            .collect();
        if !rejects.is_empty() {
            let logged = self.sending.logged(log.rejects(self.courier.cx, &rejects)).await;
            self.sending.log_failed(logged);
        }
    }
}

fn resolve(outcome: Outcome, rows: usize) -> Result<Vec<RowOutcome>> {
    outcome.resolve(rows).map_err(|error| Error::new(ErrorKind::Bug, error.message().to_owned()))
}

/// The most frequent outcome once, the others by row.
pub(crate) fn compact(rows: impl Iterator<Item = (u32, RowSettled)>) -> (Vec<(u32, RowSettled)>, Option<RowSettled>) {
    let rows: Vec<(u32, RowSettled)> = rows.collect();
    let plain = RowSettled::Accepted { vendor_ref: None };
    let common =
        if rows.iter().any(|(_, row)| *row == plain) { Some(plain) } else { rows.first().map(|row| row.1.clone()) };
    let outcomes = rows.into_iter().filter(|(_, row)| Some(row) != common.as_ref()).collect();
    (outcomes, common)
}
