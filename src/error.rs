//! One error type for the whole crate: opaque, one word wide, made to be matched on by kind.
//!
//! Every message says, joined by `: ` from outside to inside, what was being done, what was expected and what was
//! found, and gives the next step when there is one. It never holds a value of a person or a secret.

use std::fmt;
use std::time::Duration;

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, in the words an operator acts on.
///
/// The kind says *what*; [`Error::retry`] says whether sending again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// A configuration can never work as it is: a wrong account, a bad value, a missing part.
    /// Not retried. Correct the configuration.
    Config,
    /// The credential is missing, expired or revoked. Retried once after a token refresh where one exists.
    /// Renew the credential.
    Unauthenticated,
    /// The credential is valid and lacks a permission or scope. Not retried. Grant the permission.
    PermissionDenied,
    /// The platform wants terms to be accepted first. Not retried. Accept them in the platform's own pages.
    TermsNotAccepted,
    /// The audience, account or object does not exist (any more). Not retried. Check the id, or let the audience be
    /// created again.
    NotFound,
    /// Somebody else holds what was asked for: another process on the same binding, another writer on a list.
    /// Not retried inside a run. Stop the other one, or wait for it.
    Conflict,
    /// The platform asks for fewer requests. Retried after the announced wait; does not count as an attempt.
    RateLimited,
    /// The request is larger than the platform takes. The batch is split and sent again.
    TooLarge,
    /// The platform refused the request as a whole because of its content. The batch is split to find the row.
    Rejected,
    /// The platform is down or answers with a fault of its own. Retried.
    Unavailable,
    /// No answer within the deadline; the request may have been applied. Retried as such.
    Timeout,
    /// The connection failed. Retried; [`Error::retry`] says whether the request may have left.
    Transport,
    /// An answer that does not have the expected form. Not retried. Report it: the platform may have changed.
    UnexpectedReply,
    /// The destination does not offer the operation. Not retried. Look at its capabilities.
    Unsupported,
    /// Stored state is missing, damaged, or was written with another key. Not retried. Restore it, or resync.
    State,
    /// The source broke off, or does not hold what it announced. Not retried: nothing was sent. Mend the source.
    Source,
    /// A guard refused the plan. Not retried. Look at the plan; approve it by its digest if it is meant.
    Guard,
    /// The crate was built without the feature this needs. Not retried. Turn the feature on.
    FeatureDisabled,
    /// A fault of this crate or of a destination's code. Not retried. Please report it.
    Bug,
}

impl ErrorKind {
    /// The kind as a stable word, as it stands in reports and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Unauthenticated => "unauthenticated",
            Self::PermissionDenied => "permission_denied",
            Self::TermsNotAccepted => "terms_not_accepted",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::RateLimited => "rate_limited",
            Self::TooLarge => "too_large",
            Self::Rejected => "rejected",
            Self::Unavailable => "unavailable",
            Self::Timeout => "timeout",
            Self::Transport => "transport",
            Self::UnexpectedReply => "unexpected_reply",
            Self::Unsupported => "unsupported",
            Self::State => "state",
            Self::Source => "source",
            Self::Guard => "guard",
            Self::FeatureDisabled => "feature_disabled",
            Self::Bug => "bug",
        }
    }

    fn default_retry(self) -> Retry {
        match self {
            Self::RateLimited | Self::Unavailable => Retry::Safe { after: None },
            Self::Timeout | Self::Transport => Retry::MaybeApplied,
            _ => Retry::Never,
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether sending again can help, and what is known about the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Retry {
    /// The same request can never succeed.
    Never,
    /// The request was refused unprocessed: sending it again is safe, after the announced wait if there is one.
    Safe {
        /// The wait the platform announced.
        after: Option<Duration>,
    },
    /// The request may have been applied (a time-out or a reset after the body went out).
    MaybeApplied,
    /// It was worth a retry, and the retries of this run are used up. The next run tries again.
    Exhausted,
}

/// What went wrong, and what was being done.
///
/// `Display` is one line. [`std::error::Error::source`] gives the cause from below where there is one; its text is not
/// repeated in `Display`.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    retry: Retry,
    doing: Vec<String>,
    message: String,
    code: Option<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of `kind` with a message that says what was expected and what was found.
    ///
    /// The retry class is the kind's own ([`ErrorKind`] says which); [`Error::with_retry`] changes it.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            retry: kind.default_retry(),
            doing: Vec::new(),
            message: message.into(),
            code: None,
            source: None,
        }))
    }

    /// Says what was being done; the outermost is said last and printed first.
    #[must_use]
    pub fn doing(mut self, what: impl Into<String>) -> Self {
        self.0.doing.push(what.into());
        self
    }

    /// Sets the retry class.
    #[must_use]
    pub fn with_retry(mut self, retry: Retry) -> Self {
        self.0.retry = retry;
        self
    }

    /// Sets the platform's own code (a number or word of its documentation, never its free text).
    #[must_use]
    pub fn with_code(mut self, code: impl Into<String>) -> Self {
        self.0.code = Some(code.into());
        self
    }

    /// Keeps the cause from below. It must not print values of persons or secrets.
    #[must_use]
    pub fn with_source(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.0.source = Some(Box::new(source));
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether sending again can help.
    pub fn retry(&self) -> Retry {
        self.0.retry
    }

    /// The platform's own code, where it gave one.
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// The message without what was being done.
    pub fn message(&self) -> &str {
        &self.0.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for doing in self.0.doing.iter().rev() {
            write!(f, "{doing}: ")?;
        }
        f.write_str(&self.0.message)?;
        match &self.0.code {
            Some(code) => write!(f, " (code {code})"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} [{}, retry {:?}]", self.0.kind, self.0.retry)?;
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            write!(f, "\n  caused by: {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|source| &**source as &(dyn std::error::Error + 'static))
    }
}

/// Adds what was being done to an error on its way up.
pub trait Doing<T> {
    /// Says what was being done.
    fn doing<S: Into<String>>(self, what: impl FnOnce() -> S) -> Result<T>;
}

impl<T> Doing<T> for Result<T> {
    fn doing<S: Into<String>>(self, what: impl FnOnce() -> S) -> Result<T> {
        self.map_err(|error| error.doing(what()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_one_word_wide_and_travels() {
        fn travels<T: std::error::Error + Send + Sync + 'static>() {}
        travels::<Error>();
        assert_eq!(size_of::<Error>(), size_of::<usize>());
        assert_eq!(size_of::<Result<()>>(), size_of::<usize>());
    }

    #[test]
    fn display_reads_from_outside_to_inside_without_the_source() {
        let error = Error::new(ErrorKind::RateLimited, "rate limited, try again after 60 s")
            .with_code("80003")
            .with_source(std::io::Error::other("cause"))
            .doing("send batch 3 of 9")
            .doing("sync to meta");
        assert_eq!(
            error.to_string(),
            "sync to meta: send batch 3 of 9: rate limited, try again after 60 s (code 80003)"
        );
        assert!(format!("{error:?}").ends_with("caused by: cause"));
        assert_eq!(error.retry(), Retry::Safe { after: None });
    }

    #[test]
    fn kinds_know_whether_a_request_may_have_been_applied() {
        assert_eq!(Error::new(ErrorKind::Timeout, "").retry(), Retry::MaybeApplied);
        assert_eq!(Error::new(ErrorKind::Config, "").retry(), Retry::Never);
    }
}
