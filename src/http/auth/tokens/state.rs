//! What is known of a token, and whether it will do.

use std::time::Duration;

use super::AccessToken;
use super::fetch::DOING;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::secret::Secret;
use crate::time::Timestamp;

/// How long a token is used on after an early renewal that failed, before the next one.
const AGAIN: Duration = Duration::from_secs(30);

#[derive(Default)]
pub(super) struct State {
    current: Option<Current>,
    serial: u64,
    /// The token that the platform gave in the place of the configured one, as far as it is stored.
    pub(super) refresh: Option<Secret<String>>,
    /// The same, with the access token that came with it, while the store has not taken it.
    pub(super) unsaved: Option<(Secret<String>, Issued)>,
    /// The refresh token that came to its end, and how.
    pub(super) ended: Option<(Secret<String>, Failure)>,
    /// Renewals that have finished.
    pub(super) finished: u64,
    failed: Option<Failure>,
}

/// A token and its life, as a platform gave it out.
#[derive(Clone)]
pub(super) struct Issued {
    pub(super) token: Secret<String>,
    pub(super) renew_at: Timestamp,
    pub(super) ends_at: Timestamp,
}

struct Current {
    issued: Issued,
    serial: u64,
    /// In the place of one that was refused, and not taken by the platform yet.
    unproven: bool,
    refused: bool,
}

/// An error that several callers get.
#[derive(Clone)]
pub(super) struct Failure {
    kind: ErrorKind,
    retry: Retry,
    message: String,
    code: Option<String>,
}

impl Failure {
    pub(super) fn of(error: &Error) -> Self {
        Self {
            kind: error.kind(),
            retry: error.retry(),
            message: error.message().to_owned(),
            code: error.code().map(str::to_owned),
        }
    }

    pub(super) fn to_error(&self) -> Error {
        let error = Error::new(self.kind, &*self.message).with_retry(self.retry);
        match &self.code {
            Some(code) => error.with_code(code),
            None => error,
        }
    }
}

impl State {
    /// The current token, if it will do: not the `refused` one, and not due for renewal.
    pub(super) fn fresh(&self, now: Timestamp, refused: Option<u64>) -> Option<AccessToken> {
        let current = self.current.as_ref()?;
        self.current(refused).filter(|_| !current.refused && now < current.issued.renew_at)
    }

    /// The token that was given out last, unless it is the `refused` one.
    pub(super) fn current(&self, refused: Option<u64>) -> Option<AccessToken> {
        let current = self.current.as_ref().filter(|current| Some(current.serial) != refused)?;
        Some(AccessToken { text: current.issued.token.clone(), serial: current.serial })
    }

    /// What a caller that saw `seen` renewals finished is answered without one of its own: a token that will do, or the
    /// failure of a renewal that ended while it waited.
    pub(super) fn since(&self, seen: u64, now: Timestamp, refused: Option<u64>) -> Option<Result<AccessToken>> {
        if let Some(token) = self.fresh(now, refused) {
            return Some(Ok(token));
        }
        let failure = self.failed.as_ref().filter(|_| self.finished > seen)?;
        Some(Err(failure.to_error().doing(DOING)))
    }

    /// Takes a new token in.
    pub(super) fn issue(&mut self, issued: Issued) {
        self.serial += 1;
        let unproven = self.current.as_ref().is_some_and(|current| current.refused);
        self.current = Some(Current { issued, serial: self.serial, unproven, refused: false });
    }

    /// Notes that the platform refused a token; `false` when another would be refused as well.
    pub(super) fn refuse(&mut self, serial: u64) -> bool {
        match &mut self.current {
            Some(current) if current.serial == serial => {
                let again = !current.unproven;
                current.refused = again;
                again
            }
            _ => true,
        }
    }

    /// Notes that the platform took a token.
    pub(super) fn take(&mut self, serial: u64) {
        if let Some(current) = self.current.as_mut().filter(|current| current.serial == serial) {
            current.unproven = false;
        }
    }

    /// Notes how a renewal ended. After a passing failure a token that is still good is used on.
    pub(super) fn finish(&mut self, ended: &Result<()>, now: Timestamp) {
        self.finished += 1;
        self.failed = ended.as_ref().err().map(Failure::of);
        let passing = ended.as_ref().is_err_and(|error| matches!(error.retry(), Retry::Safe { .. }));
        if let Some(current) = self.current.as_mut().filter(|_| passing && self.unsaved.is_none()) {
            current.issued.renew_at = now.plus(AGAIN).min(current.issued.ends_at);
        }
    }
}
