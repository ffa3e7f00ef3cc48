//! What is read back, what is erased, and what is only tried.

use super::session::{Fault, SqlSession, Work};
use super::task::Terms;
use super::value::{Cell, StageRows, Value};
use crate::connectors::warehouse::tables::STAGED_KEYS;
use crate::connectors::warehouse::values::{check_key, loggable_key};
use crate::destination::{Batch, Cursor, MemberId, MemberPage};

/// Members that one page of a listing holds.
pub(crate) const PAGE: usize = 1_000;

/// How many members an audience has.
pub(super) async fn size<S: SqlSession>(session: &mut S, terms: &Terms<'_>, audience: &str) -> Work<u64> {
    let values = [("workspace", Value::Text(terms.workspace)), ("audience", Value::Text(audience))];
    let found = session.query(&terms.statements.size, &values).await?;
    let count = found.first().and_then(|row| row.first()).and_then(Cell::int);
    count.map(i64::unsigned_abs).ok_or_else(|| Fault::unexpected("a count"))
}

/// One page of an audience's members, in the order of their keys' bytes. One more is asked for than a page holds, so that
/// the last page knows that it is.
pub(super) async fn members<S: SqlSession>(
    session: &mut S,
    terms: &Terms<'_>,
    audience: &str,
    after: Option<&Cursor>,
) -> Work<MemberPage> {
    let values = [
        ("workspace", Value::Text(terms.workspace)),
        ("audience", Value::Text(audience)),
        // No key is empty, so every key comes after the empty text.
        ("after", Value::Text(after.map_or("", |cursor| cursor.0.as_str()))),
        ("page", Value::Int(PAGE as i64 + 1)),
    ];
    let found = session.query(&terms.statements.members, &values).await?;
    let key = |row: &Vec<Cell>| row.first().and_then(Cell::text).map(MemberId::new);
    let mut members: Vec<MemberId> =
        found.iter().map(key).collect::<Option<_>>().ok_or_else(|| Fault::unexpected("keys of members"))?;
    let more = members.len() > PAGE;
    members.truncate(PAGE);
    let next = members.last().filter(|_| more).map(|last| Cursor(last.as_str().to_owned()));
    Ok(MemberPage { members, next })
}

/// People to be forgotten.
struct People(Vec<(MemberId, String)>);

impl StageRows for People {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn row<'a>(&'a self, index: usize, out: &mut Vec<Value<'a>>) {
        let Some((id, logged)) = self.0.get(index) else { return };
        // A key that cannot be stored is nobody's.
        let stored = check_key(id.as_str(), "member_id").is_ok();
        out.extend([Value::Text(if stored { id.as_str() } else { "" }), Value::Text(logged)]);
    }
}

/// Erases people from every table.
pub(super) async fn forget<S: SqlSession>(session: &mut S, terms: &Terms<'_>, people: &Batch) -> Work<()> {
    let keys = |row: &crate::destination::Row| (row.member_id.clone(), loggable_key(&row.member_id).into_owned());
    let people = People(people.rows().iter().map(keys).collect());
    session.begin(&[&STAGED_KEYS]).await?;
    session.load(&STAGED_KEYS, &people).await?;
    for delete in &terms.statements.forget {
        session.execute(delete, &[("workspace", Value::Text(terms.workspace))]).await?;
    }
    session.commit().await
}

/// Writes a row, and takes it back.
pub(super) async fn probe<S: SqlSession>(session: &mut S, terms: &Terms<'_>) -> Work<()> {
    // Not an id that a batch can have, which is hex.
    let values = [("batch", Value::Text("check")), ("run", Value::Text("check")), ("now", Value::Moment(terms.now))];
    session.begin(&[]).await?;
    session.execute(&terms.statements.probe, &values).await?;
    session.rollback().await
}
