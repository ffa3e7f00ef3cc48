//! The source of a run: members in any order, with an explicit end.

use std::fmt;
use std::pin::Pin;

use futures_util::stream::{self, Stream, StreamExt};

use crate::error::{Error, ErrorKind, Result};
use crate::identity::Member;

/// Members in any order, duplicates included, from an iterator or a stream.
///
/// Whatever gives members by value is taken as it is: `engine.sync(&binding, vec_of_members)`. A source that can break
/// off says so with [`Members::try_iter`] or [`Members::stream`], and one that knows its length with
/// [`Members::expecting`]: a source that breaks off, or ends early, never leads to removals.
pub struct Members<'a> {
    items: Pin<Box<dyn Stream<Item = Result<Member>> + Send + 'a>>,
    expected: Option<u64>,
}

impl<'a> Members<'a> {
    /// From an iterator that may break off.
    pub fn try_iter<I>(members: I) -> Self
    where
        I: IntoIterator<Item = Result<Member>>,
        I::IntoIter: Send + 'a,
    {
        Self::stream(stream::iter(members))
    }

    /// From a stream that may break off.
    pub fn stream(members: impl Stream<Item = Result<Member>> + Send + 'a) -> Self {
        Self { items: Box::pin(members), expected: None }
    }

    /// Says how many rows there are: fewer or more means that the source is incomplete.
    #[must_use]
    pub fn expecting(mut self, rows: u64) -> Self {
        self.expected = Some(rows);
        self
    }

    /// The next members, at most `most`; empty at the end.
    pub(crate) async fn next_chunk(&mut self, most: usize) -> Result<Vec<Member>> {
        let mut chunk = Vec::with_capacity(most);
        while chunk.len() < most {
            match self.items.next().await {
                Some(Ok(member)) => chunk.push(member),
                Some(Err(error)) => return Err(incomplete(error)),
                None => break,
            }
        }
        Ok(chunk)
    }

    /// Compares the rows read with those announced.
    pub(crate) fn check_end(&self, rows: u64) -> Result<()> {
        match self.expected {
            Some(expected) if expected != rows => Err(Error::new(
                ErrorKind::Source,
                format!(
                    "read the source: expected {expected} rows as announced, found {rows}; nothing was sent, read the \
                     source again"
                ),
            )),
            _ => Ok(()),
        }
    }
}

/// A source that breaks off is a source error, whatever broke it.
fn incomplete(error: Error) -> Error {
    if error.kind() == ErrorKind::Source {
        return error.doing("read the source");
    }
    let message = "expected the source to be read to its end, found an error before it; nothing was sent";
    Error::new(ErrorKind::Source, message).with_source(error)
}

impl<'a, I> From<I> for Members<'a>
where
    I: IntoIterator<Item = Member>,
    I::IntoIter: Send + 'a,
{
    fn from(members: I) -> Self {
        Self::try_iter(members.into_iter().map(Ok))
    }
}

impl fmt::Debug for Members<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Members").field("expected", &self.expected).finish_non_exhaustive()
    }
}
