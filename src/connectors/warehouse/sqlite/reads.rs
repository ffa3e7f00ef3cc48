//! What is read back, and what is erased.

use rusqlite::params;

use super::fault::Work;
use super::membership::Terms;
use super::names::Names;
use super::session::Session;
use crate::connectors::warehouse::values::loggable_key;
use crate::destination::{Batch, Cursor, MemberId, MemberPage};

/// Members that one page of a listing holds.
pub(super) const PAGE: usize = 1_000;

/// How many members an audience has.
pub(super) fn size(session: &Session<'_>, names: &Names, workspace: &str, audience: &str) -> Work<u64> {
    let sql = format!(
        "SELECT COUNT(*) FROM {} WHERE workspace_key = ?1 AND audience_key = ?2 AND is_member = 1",
        names.membership
    );
    let count: i64 = session.connection().query_row(&sql, [workspace, audience], |row| row.get(0))?;
    Ok(count.unsigned_abs())
}

/// One page of an audience's members, in the order of their keys' bytes. One more is asked for than a page holds, so that
/// the last page knows that it is.
pub(super) fn members(
    session: &Session<'_>,
    names: &Names,
    workspace: &str,
    audience: &str,
    after: Option<&Cursor>,
) -> Work<MemberPage> {
    let mut page = session.connection().prepare(&format!(
        "SELECT member_key FROM {} WHERE workspace_key = ?1 AND audience_key = ?2 AND member_key > ?3 AND is_member = 1
         ORDER BY member_key LIMIT ?4",
        names.membership
    ))?;
    // No key is empty, so every key comes after the empty text.
    let after = after.map_or("", |cursor| cursor.0.as_str());
    let mut members: Vec<MemberId> = page
        .query_map(params![workspace, audience, after, PAGE as i64 + 1], |row| row.get::<_, String>(0))?
        .map(|id| id.map(MemberId::new))
        .collect::<Result<_, _>>()?;
    let more = members.len() > PAGE;
    members.truncate(PAGE);
    let next = members.last().filter(|_| more).map(|last| Cursor(last.as_str().to_owned()));
    Ok(MemberPage { members, next })
}

/// Erases people from every table, then from the write-ahead log.
pub(super) fn forget(session: &mut Session<'_>, terms: &Terms<'_>, people: &Batch) -> Work<()> {
    let ids = |key: fn(&MemberId) -> String| {
        let keys: Vec<String> = people.rows().iter().map(|row| key(&row.member_id)).collect();
        serde_json::to_string(&keys).unwrap_or_default()
    };
    let keys = ids(|id| id.as_str().to_owned());
    let writing = session.begin()?;
    for table in [&terms.names.membership, &terms.names.log, &terms.names.events] {
        writing.execute(
            &format!(
                "DELETE FROM {table} WHERE workspace_key = ?1 AND member_key IN (SELECT value FROM json_each(?2))"
            ),
            [terms.workspace, &keys],
        )?;
    }
    // A rejected row names its tenant only through its run; one whose run was not logged may be anybody's.
    writing.execute(
        &format!(
            "DELETE FROM {rejects} WHERE member_key IN (SELECT value FROM json_each(?2)) AND NOT EXISTS (
                 SELECT 1 FROM {runs} AS run WHERE run.run_id = {rejects}.run_id AND run.workspace_key <> ?1)",
            rejects = terms.names.rejects,
            runs = terms.names.runs,
        ),
        [terms.workspace, &ids(|id| loggable_key(id).into_owned())],
    )?;
    writing.commit()?;
    // Not an error when a reader holds it back: the next checkpoint does it.
    let _ = session.connection().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    Ok(())
}

/// Writes a row to every table that a sync writes to, and takes all of it back.
pub(super) fn probe(session: &mut Session<'_>, terms: &Terms<'_>) -> Work<String> {
    let writing = session.begin()?;
    writing.execute(
        &format!(
            "INSERT INTO {} (batch_id, run_id, table_name, row_count, content_sha256, committed_at)
             VALUES ('check', 'check', 'check', 0, '', ?1)",
            terms.names.batches
        ),
        [terms.now],
    )?;
    Ok(writing.query_row("PRAGMA journal_mode", [], |row| row.get(0))?)
}
