//! What the crate is tested with, for the tests of hosts and of destinations of their own.
//!
//! Outside semver: anything here may change with any release.
//!
//! | Part | For |
//! |---|---|
//! | [`ManualClock`] | waits that take no time, and the same jitter every time |
//! | [`HttpServer`], [`Script`] | a platform's side of the wire: replies by script or by closure, and faults |
//! | [`FaultStore`] | state that meets a full disk, a lost answer, a process that dies |
//! | [`FaultDestination`] | a platform that throttles, breaks off, or is out of service |
//! | [`LeakScanner`] | planted values, found in whatever a run leaves behind |
//! | [`conformance`] | one set of named checks for every destination |

mod clock;
pub mod conformance;
mod destination;
mod http;
mod leak;
mod store;

pub use clock::ManualClock;
pub use destination::{Call, Fault, FaultDestination};
pub use http::{HttpServer, Received, Reply, Script, ServerLimits};
pub use leak::{Leak, LeakScanner};
pub use store::{FaultStore, StoreFault, StoreOp};
