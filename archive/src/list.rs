//! Runs in a line each.

use crate::error::Problem;
use crate::selector::NEWEST_FIRST;
use rusqlite::{Connection, Row, params};
use serde::Serialize;

/// Which runs are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// No more than these, the newest; `None`: all.
    pub limit: Option<usize>,
    /// Those with this tag alone.
    pub tag: Option<String>,
}

/// What a list shows of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    /// Unique to the run.
    pub run_id: String,
    /// Its plan's name.
    pub name: String,
    /// When sending began, RFC 3339, UTC.
    pub started_at: String,
    /// When it was archived.
    pub archived_at: String,
    /// The machine that ran it.
    pub host: String,
    /// `VALID`, `DEGRADED` or `INVALID`.
    pub verdict: String,
    /// What tells plans apart, see [`crate::plan_hash`].
    pub plan_hash: String,
    /// Requests that ended, per second.
    pub rate_rps: f64,
    /// Requests that failed, were dropped, or were due and never sent, as a share of all: 0 to 1. Runs that were archived before
    /// version 0.2 do not count those that were never sent.
    pub failed_share: f64,
    /// Median of the response times of successes, nanoseconds; `None` of a run without one.
    pub response_p50_ns: Option<u64>,
    /// Their 99th percentile.
    pub response_p99_ns: Option<u64>,
    /// Its tags, in alphabetical order.
    pub tags: Vec<String>,
    /// The baselines it is part of, in alphabetical order.
    pub baselines: Vec<String>,
    /// When sending began, nanoseconds since 1970: what runs are ordered by.
    #[serde(skip)]
    pub(crate) started_ns: i64,
}

impl Entry {
    /// True when a tag or a baseline holds the run.
    pub fn is_held(&self) -> bool {
        !self.tags.is_empty() || !self.baselines.is_empty()
    }
}

/// The runs that a filter lets through, newest first.
pub(crate) fn entries(connection: &Connection, filter: &Filter) -> Result<Vec<Entry>, Problem> {
    let sql = format!(
        "SELECT run_id, name, started_at, archived_at, host, verdict, plan_hash, rate_rps, response_p50_ns,
         response_p99_ns, failed_share, started_ns, id FROM runs
         WHERE ?1 IS NULL OR EXISTS (SELECT 1 FROM tags WHERE run = id AND tag = ?1)
         {NEWEST_FIRST} LIMIT ?2"
    );
    // SQLite takes a negative limit for none.
    let limit = filter.limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(-1));
    let mut statement = connection.prepare(&sql)?;
    let rows = statement.query_map(params![filter.tag, limit], |row| Ok((row.get(12)?, entry(row)?)))?;
    let mut entries = Vec::new();
    for row in rows {
        let (run, mut entry) = row?;
        entry.tags = names(connection, "SELECT tag FROM tags WHERE run = ?1 ORDER BY tag", run)?;
        let sql = "SELECT DISTINCT name FROM baselines WHERE run = ?1 ORDER BY name";
        entry.baselines = names(connection, sql, run)?;
        entries.push(entry);
    }
    Ok(entries)
}

fn entry(row: &Row) -> rusqlite::Result<Entry> {
    Ok(Entry {
        run_id: row.get(0)?,
        name: row.get(1)?,
        started_at: row.get(2)?,
        archived_at: row.get(3)?,
        host: row.get(4)?,
        verdict: row.get(5)?,
        plan_hash: row.get(6)?,
        rate_rps: row.get(7)?,
        response_p50_ns: measured(row.get(8)?),
        response_p99_ns: measured(row.get(9)?),
        failed_share: row.get(10)?,
        started_ns: row.get(11)?,
        tags: Vec::new(),
        baselines: Vec::new(),
    })
}

/// A time that was measured: stored as 0 is that there was nothing to measure.
fn measured(stored: i64) -> Option<u64> {
    (stored != 0).then_some(stored as u64)
}

fn names(connection: &Connection, sql: &str, run: i64) -> Result<Vec<String>, Problem> {
    Ok(connection.prepare(sql)?.query_map([run], |row| row.get(0))?.collect::<Result<_, _>>()?)
}
