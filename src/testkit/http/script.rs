//! Replies in the order a test wants them.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Received, Reply};

/// Replies one after the other, then always the same. A cheap clone: a test keeps one and adds replies as it goes.
///
/// ```
/// use audience_sync::testkit::{Reply, Script};
///
/// let script = Script::new().then(Reply::status(503)).then(Reply::reset()).otherwise(Reply::ok());
/// assert_eq!(script.left(), 2);
/// ```
#[derive(Clone)]
pub struct Script(Arc<Mutex<Lines>>);

struct Lines {
    next: VecDeque<Reply>,
    otherwise: Reply,
}

impl Script {
    /// Nothing written yet; whatever comes is answered with 200 and no body.
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Lines { next: VecDeque::new(), otherwise: Reply::ok() })))
    }

    /// Adds a reply.
    #[must_use]
    pub fn then(self, reply: Reply) -> Self {
        self.push(reply);
        self
    }

    /// Adds the same reply so many times.
    #[must_use]
    pub fn then_times(self, count: usize, reply: Reply) -> Self {
        self.lines(|lines| lines.next.extend(std::iter::repeat_n(reply, count)));
        self
    }

    /// Sets the reply for when the others are used up.
    #[must_use]
    pub fn otherwise(self, reply: Reply) -> Self {
        self.lines(|lines| lines.otherwise = reply);
        self
    }

    /// Adds a reply while the server runs.
    pub fn push(&self, reply: Reply) {
        self.lines(|lines| lines.next.push_back(reply));
    }

    /// How many replies are not used yet, the last one not counted.
    pub fn left(&self) -> usize {
        self.lines(|lines| lines.next.len())
    }

    /// The next reply, whatever was asked.
    pub fn reply(&self, _request: &Received) -> Reply {
        self.lines(|lines| lines.next.pop_front().unwrap_or_else(|| lines.otherwise.clone()))
    }

    fn lines<T>(&self, with: impl FnOnce(&mut Lines) -> T) -> T {
        with(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Default for Script {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines(|lines| {
            f.debug_struct("Script").field("next", &lines.next).field("otherwise", &lines.otherwise).finish()
        })
    }
}
