//! The engine: `plan → guard → send → settle → checkpoint → report`.
//!
//! An [`Engine`] makes the members of a [`Binding`] (one audience at one destination) those of a source:
//!
//! 1. The source is read to its end, members are made canonical once, and each binding's profile turns them into what
//!    its destination receives.
//! 2. That is compared with what the destination has acknowledged. The operations between are written down, encrypted.
//! 3. [`Guards`] judge the complete plan. A refused one changes nothing; an [`Approval`] lets that one plan pass.
//! 4. Removals go first, then additions and updates, in batches within the destination's limits. An intent is in the
//!    journal before each batch leaves, its outcome after.
//! 5. What was acknowledged becomes the next generation of the state. A run that died is settled in the same way by
//!    the next one: rows sent and never answered are in doubt, and are sent again in the direction of what is wanted
//!    then, under the same operation id.
//!
//! # What is in memory
//! The members of the run's source, as the bytes that each destination receives, and the layers of the acknowledged
//! snapshot. Plans, batches and journals are streamed.
mod binding;
mod codec;
mod deliver;
mod dispatch;
mod draft;
mod engine;
mod fold;
mod guard;
mod jobs;
mod many;
mod members;
mod note;
mod pace;
mod plan;
mod prepare;
mod previous;
mod record;
mod report;
mod retry;
mod rows;
mod run;
mod send;
mod settle;
mod tally;
mod wire;

pub use binding::Binding;
pub use engine::{Engine, EngineBuilder, RunOptions};
pub use guard::{Guard, GuardTrip, Guards};
pub use members::Members;
pub use plan::{Approval, Plan, PlanCounts};
pub use record::{EventOutcome, EventReport};
pub use report::{ReasonCount, RunError, RunReport};
pub use retry::RetryPolicy;
