//! Which runs may go, and removing them.

use crate::error::Problem;
use crate::instant::unix_ns_of;
use crate::list::{self, Entry};
use rusqlite::Connection;
use std::time::SystemTime;

/// Which runs may go: those that are none of the newest, and older than a moment, and held by nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PruneRule {
    /// So many of the newest stay, held ones among them.
    pub keep: usize,
    /// What began at this moment or later stays; `None`: no run is too young to go.
    pub older_than: Option<SystemTime>,
    /// Runs that a tag or a baseline holds go too.
    pub takes_held: bool,
}

/// What a rule lets go, newest first.
pub(crate) fn prunable(connection: &Connection, rule: &PruneRule) -> Result<Vec<Entry>, Problem> {
    let entries = list::entries(connection, &list::Filter::default())?;
    let limit_ns = rule.older_than.map_or(i64::MAX, unix_ns_of);
    let may_go = |entry: &Entry| entry.started_ns < limit_ns && (rule.takes_held || !entry.is_held());
    Ok(entries.into_iter().skip(rule.keep).filter(may_go).collect())
}

/// Removes runs with all that belongs to them.
pub(crate) fn remove(connection: &Connection, entries: &[Entry]) -> Result<(), Problem> {
    let mut statement = connection.prepare("DELETE FROM runs WHERE run_id = ?1")?;
    for entry in entries {
        statement.execute([&entry.run_id])?;
    }
    Ok(())
}

/// Gives the space of what was removed back to the disk. That it cannot be given back now harms nothing.
pub(crate) fn give_space_back(connection: &Connection) {
    let give_back = || -> rusqlite::Result<()> {
        // A page is given back with each row that is asked for.
        let mut statement = connection.prepare("PRAGMA incremental_vacuum")?;
        let mut rows = statement.query([])?;
        while rows.next()?.is_some() {}
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
    };
    let _ = give_back();
}
