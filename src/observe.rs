//! What a run tells while it goes on: progress, retries, throttles, guards.
//!
//! Events hold counts, ids of audiences and destinations, and reasons; never a value of a person or a secret.

use std::time::Duration;

use crate::error::ErrorKind;

/// Something worth telling happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A run began.
    RunStarted {
        /// The binding's name: audience key and destination id.
        binding: &'a str,
        /// The run's id.
        run: &'a str,
    },
    /// Rows were read from the source and made canonical.
    SourceRead {
        /// The binding's name.
        binding: &'a str,
        /// Rows so far.
        rows: u64,
    },
    /// The plan is complete and was written down.
    Planned {
        /// The binding's name.
        binding: &'a str,
        /// Members to add.
        add: u64,
        /// Members to remove.
        remove: u64,
        /// Members to update.
        update: u64,
    },
    /// A guard refused the plan.
    GuardTripped {
        /// The binding's name.
        binding: &'a str,
        /// The guard's name.
        guard: &'a str,
    },
    /// A batch was answered.
    BatchSent {
        /// The binding's name.
        binding: &'a str,
        /// Rows of the batch.
        rows: u64,
        /// Rows settled so far in this run.
        settled: u64,
        /// Rows of the plan.
        planned: u64,
    },
    /// A batch is tried again.
    Retrying {
        /// The binding's name.
        binding: &'a str,
        /// Which attempt comes next, from 2.
        attempt: u32,
        /// How long until then.
        wait: Duration,
        /// Why.
        kind: ErrorKind,
    },
    /// The destination asked for fewer requests.
    Throttled {
        /// The binding's name.
        binding: &'a str,
        /// How long the run waits.
        wait: Duration,
    },
    /// A job of an asynchronous platform was asked about.
    JobPolled {
        /// The binding's name.
        binding: &'a str,
        /// Whether it has ended.
        done: bool,
    },
    /// What the destination acknowledged is durable.
    Checkpoint {
        /// The binding's name.
        binding: &'a str,
        /// The state's generation.
        generation: u64,
    },
    /// The run log could not be written. The sync is not affected.
    RunLogFailed {
        /// The binding's name.
        binding: &'a str,
        /// Why.
        kind: ErrorKind,
    },
    /// A run ended.
    RunFinished {
        /// The binding's name.
        binding: &'a str,
        /// The run's id.
        run: &'a str,
        /// The run's status, as it stands in the report.
        status: &'a str,
    },
}

/// Receives events. Any `Fn(&Event)` is one.
///
/// It is called on the task that runs the sync: return soon, and never block.
pub trait Observer: Send + Sync {
    /// Receives one event.
    fn event(&self, event: &Event<'_>);
}

impl<F: Fn(&Event<'_>) + Send + Sync> Observer for F {
    fn event(&self, event: &Event<'_>) {
        self(event);
    }
}

/// Writes every event to `tracing`, target `audience_sync`.
#[cfg(feature = "tracing")]
#[derive(Clone, Copy, Debug, Default)]
pub struct TracingObserver;

#[cfg(feature = "tracing")]
impl Observer for TracingObserver {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::GuardTripped { .. } | Event::RunLogFailed { .. } => {
                tracing::warn!(target: "audience_sync", ?event);
            }
            Event::RunStarted { .. } | Event::Planned { .. } | Event::RunFinished { .. } => {
                tracing::info!(target: "audience_sync", ?event);
            }
            _ => tracing::debug!(target: "audience_sync", ?event),
        }
    }
}
