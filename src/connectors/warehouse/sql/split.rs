//! Which rows it is that a database refuses, when it does not say.

use async_trait::async_trait;

use super::session::{SqlSession, Work};
use crate::destination::RowOutcome;

/// Staged rows that can be written piece by piece, in the transaction that staged them.
#[async_trait]
pub(super) trait Pieces<S: SqlSession>: Sync {
    /// Writes the rows from `low` to before `high`.
    async fn write(&self, session: &mut S, low: usize, high: usize) -> Work<()>;

    /// The row's place in the batch that the caller handed over.
    fn index(&self, row: usize) -> usize;
}

/// Writes rows, and leaves those out that the database refuses (a constraint or trigger that somebody else put on a
/// table): a refused piece is taken back and tried again in halves.
pub(super) async fn write<S: SqlSession>(
    session: &mut S,
    pieces: &dyn Pieces<S>,
    rows: usize,
) -> Work<Vec<(usize, RowOutcome)>> {
    let (mut refused, mut todo) = (Vec::new(), vec![(0, rows)]);
    while let Some((low, high)) = todo.pop() {
        session.savepoint().await?;
        let Err(fault) = pieces.write(session, low, high).await else {
            session.keep().await?;
            continue;
        };
        let Some(code) = fault.row else { return Err(fault) };
        session.take_back().await?;
        if high - low <= 1 {
            refused.push((pieces.index(low), RowOutcome::rejected(code)));
        } else {
            let middle = low + (high - low) / 2;
            todo.extend([(middle, high), (low, middle)]);
        }
    }
    Ok(refused)
}
