//! The check: who should be where, worked out once more from the raw log, against what the destinations hold.
//!
//! It shares nothing with the run but the log and the made-up truth about contacts: days are counted as whole numbers,
//! and holdout and digests are computed here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use audience_sync::audience::Audience;
use audience_sync::{Error, ErrorKind, Result};
use rusqlite::{Connection, OpenFlags};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::child::Child;
use crate::contacts::contact;
use crate::platforms::EventCounts;
use crate::shop::{HOLDOUT_SALT, HOLDOUT_SHARE_BP};

/// What was found at one destination in one audience.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Compared {
    pub(crate) destination: String,
    pub(crate) audience: String,
    pub(crate) members: usize,
    pub(crate) missing: usize,
    pub(crate) surplus: usize,
    /// Members that are held with other values than they should be.
    pub(crate) other_values: usize,
}

impl Compared {
    pub(crate) fn is_equal(&self) -> bool {
        self.missing + self.surplus + self.other_values == 0
    }

    fn of<T>(
        destination: &str,
        audience: &Audience,
        expected: &BTreeSet<&str>,
        held: &BTreeMap<String, T>,
        is_right: impl Fn(&str, &T) -> bool,
    ) -> Self {
        let missing = expected.iter().filter(|id| !held.contains_key(**id)).count();
        let known = held.iter().filter(|(id, _)| expected.contains(id.as_str()));
        let other_values = known.clone().filter(|(id, values)| !is_right(id, values)).count();
        Self {
            destination: destination.to_owned(),
            audience: audience.name().to_owned(),
            members: held.len(),
            missing,
            surplus: held.len() - known.count(),
            other_values,
        }
    }
}

/// The days on which each customer bought, counted from the log's first day.
pub(crate) struct Expected {
    days: BTreeMap<String, Vec<i64>>,
}

/// The members of both audiences at the end of a week.
pub(crate) struct Members<'a> {
    pub(crate) suppression: BTreeSet<&'a str>,
    pub(crate) lapsed: BTreeSet<&'a str>,
}

impl Expected {
    pub(crate) fn read(log: &str) -> Option<Self> {
        let mut days: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        for line in log.lines().skip(1) {
            let mut columns = line.split_whitespace();
            let (customer, date) = (columns.next()?, columns.next()?);
            let number = |from, to| date.get(from..to)?.parse::<i64>().ok();
            days.entry(customer.to_owned()).or_default().push(day(number(0, 4)?, number(4, 6)?, number(6, 8)?));
        }
        Some(Self { days })
    }

    /// Bought in the last seven days; or bought, but not in the last ninety.
    pub(crate) fn members(&self, week: u32) -> Members<'_> {
        let today = i64::from(week) * 7;
        let mut members = Members { suppression: BTreeSet::new(), lapsed: BTreeSet::new() };
        for (customer, days) in &self.days {
            match days.iter().filter(|day| **day < today).max() {
                Some(last) if today - last <= 7 => members.suppression.insert(customer),
                Some(last) if today - last > 90 => members.lapsed.insert(customer),
                _ => false,
            };
        }
        members
    }

    fn orders(&self, customer: &str, week: u32) -> u32 {
        let today = i64::from(week) * 7;
        let days = self.days.get(customer).into_iter().flatten().filter(|day| **day < today);
        u32::try_from(days.count()).unwrap_or(u32::MAX)
    }

    /// What every destination holds after `week`, compared with what it should.
    pub(crate) async fn compare(
        &self,
        week: u32,
        (suppression, lapsed): (&Audience, &Audience),
        sqlite: &Path,
        child: &Child,
    ) -> Result<Vec<Compared>> {
        let members = self.members(week);
        let mut compared = Vec::new();
        for (audience, expected, has_arms) in
            [(suppression, &members.suppression, false), (lapsed, &members.lapsed, true)]
        {
            let arm = |id: &str| has_arms.then(|| if is_held_out(id) { "holdout" } else { "treatment" });
            compared.push(Compared::of(
                "SQLite",
                audience,
                expected,
                &in_sqlite(sqlite, audience.key())?,
                |id, held| held.arm.as_deref() == arm(id) && held.orders == self.orders(id, week),
            ));
            let sent: BTreeSet<&str> = expected.iter().copied().filter(|id| arm(id) != Some("holdout")).collect();
            compared.push(Compared::of("Meta", audience, &sent, &child.in_meta(audience.name()).await?, |id, held| {
                digests(id, self.orders(id, week)).is_none_or(|digests| digests == *held)
            }));
            let held = child.in_mixpanel(audience.key()).await?;
            compared.push(Compared::of("Mixpanel", audience, expected, &held, |id, held| held.as_deref() == arm(id)));
        }
        Ok(compared)
    }

    /// How many entered and left, week by week, as an event log should have it.
    pub(crate) fn movements(&self, weeks: u32, (suppression, lapsed): (&Audience, &Audience)) -> EventCounts {
        let mut movements = BTreeMap::new();
        for week in 1..=weeks {
            let (before, after) = (self.members(week - 1), self.members(week));
            let at = crate::shop::week_end(week).as_millis();
            for (audience, before, after) in
                [(suppression, &before.suppression, &after.suppression), (lapsed, &before.lapsed, &after.lapsed)]
            {
                let key = audience.key().to_owned();
                movements.insert(("Audience Entered".to_owned(), key.clone(), at), after.difference(before).count());
                movements.insert(("Audience Exited".to_owned(), key, at), before.difference(after).count());
            }
        }
        let happened = movements.into_iter().filter(|(_, count)| *count > 0);
        happened.map(|((event, key, at), count)| (event, key, at, count as i64)).collect()
    }
}

/// Days from 1997-01-01: 365 a year, and no leap year in the log.
fn day(year: i64, month: i64, of_month: i64) -> i64 {
    const BEFORE: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let before = usize::try_from(month - 1).ok().and_then(|month| BEFORE.get(month)).copied().unwrap_or_default();
    (year - 1997) * 365 + before + of_month - 1
}

/// The bucket rule of the documentation of `Holdout`.
fn is_held_out(id: &str) -> bool {
    let mut hash = Sha256::new();
    hash.update((HOLDOUT_SALT.len() as u32).to_be_bytes());
    hash.update(HOLDOUT_SALT);
    hash.update(id);
    let start: [u8; 8] = std::array::from_fn({
        let digest = hash.finalize();
        move |place| digest[place]
    });
    (u128::from(u64::from_be_bytes(start)) * 10_000) >> 64 < u128::from(HOLDOUT_SHARE_BP)
}

/// The digests Meta should hold; none for customers whose export contradicts itself, or who have moved.
fn digests(id: &str, orders: u32) -> Option<BTreeSet<String>> {
    let contact = contact(id.parse().ok()?, orders);
    let country = if contact.is_british { "gb" } else { "us" };
    let values = contact.emails.iter().chain(&contact.phone).map(String::as_str).chain([country]);
    contact.is_plain.then(|| values.map(|value| const_hex::encode(Sha256::digest(value))).collect())
}

struct SqliteMember {
    arm: Option<String>,
    orders: u32,
}

fn in_sqlite(file: &Path, key: &str) -> Result<BTreeMap<String, SqliteMember>> {
    const MEMBERS: &str = "SELECT member_key, group_key, attributes ->> 'orders' FROM v_current_members
                           WHERE audience_key = ?1";
    let read = || {
        let database = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let mut members = database.prepare(MEMBERS)?;
        let member =
            |row: &rusqlite::Row<'_>| Ok((row.get(0)?, SqliteMember { arm: row.get(1)?, orders: row.get(2)? }));
        members.query_map([key], member)?.collect::<rusqlite::Result<_>>()
    };
    read().map_err(unread)
}

/// The history that the warehouse keeps, in the words of Mixpanel's events.
pub(crate) fn sqlite_movements(file: &Path) -> Result<EventCounts> {
    const MOVEMENTS: &str = "SELECT iif(event_type = 'enter', 'Audience Entered', 'Audience Exited'), audience_key,
                                    occurred_at, COUNT(*)
                             FROM audience_membership_log WHERE event_type IN ('enter', 'exit')
                             GROUP BY 1, 2, 3 ORDER BY 1, 2, 3";
    let read = || {
        let database = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let mut movements = database.prepare(MOVEMENTS)?;
        let movement = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get::<_, String>(2)?, row.get(3)?));
        movements.query_map([], movement)?.collect::<rusqlite::Result<Vec<_>>>()
    };
    let with_millis = |(event, key, at, count): (String, String, String, i64)| {
        let at: jiff::Timestamp = at.parse().map_err(|_| Error::new(ErrorKind::State, "expected a time in the log"))?;
        Ok((event, key, at.as_millisecond(), count))
    };
    read().map_err(unread)?.into_iter().map(with_millis).collect()
}

/// Exits from an audience, and how many of them came by time alone.
pub(crate) fn exits(file: &Path, key: &str) -> Result<(i64, i64)> {
    const EXITS: &str = "SELECT COUNT(*), COUNT(*) FILTER (WHERE reason = 'expired') FROM audience_membership_log
                         WHERE audience_key = ?1 AND event_type = 'exit'";
    Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .and_then(|database| database.query_row(EXITS, [key], |row| Ok((row.get(0)?, row.get(1)?))))
        .map_err(unread)
}

fn unread(error: rusqlite::Error) -> Error {
    Error::new(ErrorKind::State, "expected to read the SQLite file").with_source(error)
}
