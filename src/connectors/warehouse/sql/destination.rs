//! The traits' methods, the same for every SQL database.

use crate::destination::{Capabilities, HoldoutMode, Limits, RemovalMatch, RemovalNeeds, Resend, SizeReadBack};
use crate::identity::profiles;

/// What a warehouse can do, with the rows and bytes that one transaction should hold.
pub(crate) fn capabilities(rows: u64, bytes: u64) -> Capabilities {
    Capabilities::new(&profiles::WAREHOUSE).with(|c| {
        c.update = true;
        c.events = true;
        c.forget = true;
        c.limits = Limits::rows(rows).with_bytes(bytes);
        c.resend = Resend::Idempotent;
        c.removal = RemovalNeeds::MemberId;
        c.removal_match = RemovalMatch::WholeMember;
        c.holdout = HoldoutMode::Label;
        c.size = SizeReadBack::Exact;
        c.readable_members = true;
    })
}

/// Makes a type with `info_`, `capabilities_`, `check_` and `perform` a `Destination` and a `RunLog`.
macro_rules! destination {
    ($type:ident) => {
        #[async_trait::async_trait]
        impl Destination for $type {
            fn info(&self) -> Info {
                self.info_()
            }

            fn capabilities(&self) -> Capabilities {
                self.capabilities_()
            }

            async fn check(&self, cx: &Context) -> Result<Check> {
                self.check_(cx).await
            }

            async fn send(&self, cx: &Context, batch: &Batch) -> Result<Outcome> {
                let batch = batch.clone();
                let task = move || ReadyBatch::new(batch).map(Task::Send);
                self.perform(cx, "send a batch", task).await?.outcome()
            }

            async fn size(&self, cx: &Context, audience: &AudienceRef) -> Result<Size> {
                let audience = audience.key.clone();
                let task = move || Ok(Task::Size { audience });
                Ok(Size::Exact(self.perform(cx, "count members", task).await?.size()?))
            }

            async fn members(&self, cx: &Context, audience: &AudienceRef, after: Option<Cursor>) -> Result<MemberPage> {
                let audience = audience.key.clone();
                let task = move || Ok(Task::Members { audience, after });
                self.perform(cx, "list members", task).await?.members()
            }

            async fn record(&self, cx: &Context, events: &EventBatch) -> Result<Outcome> {
                let events = events.clone();
                let task = move || Ok(Task::Record(ReadyEvents::new(events)));
                self.perform(cx, "record events", task).await?.outcome()
            }

            async fn forget(&self, cx: &Context, people: &Batch) -> Result<Outcome> {
                let people = people.clone();
                self.perform(cx, "forget people", move || Ok(Task::Forget(people))).await?.outcome()
            }
        }

        #[async_trait::async_trait]
        impl RunLog for $type {
            async fn begin(&self, cx: &Context, run: &RunRecord) -> Result<()> {
                RunLog::end(self, cx, run).await
            }

            async fn rejects(&self, cx: &Context, rejects: &[RejectRecord]) -> Result<()> {
                let rejects = rejects.to_vec();
                self.perform(cx, "log rejected rows", move || Ok(Task::Reject(rejects))).await.map(drop)
            }

            async fn end(&self, cx: &Context, run: &RunRecord) -> Result<()> {
                let run = Box::new(run.clone());
                self.perform(cx, "log a run", move || Ok(Task::Note(run))).await.map(drop)
            }
        }
    };
}
pub(crate) use destination;
