//! The tables, version by version, and the way from each version to the next.
//!
//! `PRAGMA user_version` has the version, `PRAGMA application_id` says whose file it is. A step is never changed once it is
//! released; a new version is a new step.

use crate::error::Problem;
use rusqlite::{Connection, Transaction, TransactionBehavior};

/// "Vjra": what tells our files from those of other programs.
pub const APPLICATION_ID: i32 = 0x566a_7261;
/// The version of the tables that this program reads and writes.
pub const VERSION: u32 = STEPS.len() as u32;

/// Step n makes version n + 1 from version n.
const STEPS: [&str; 4] = [RUNS, BASELINES, SCENARIOS, PASSES];

/// Runs with their slices, slowest requests and tags. `report` is JSON without `history` and `slowest`, compressed by zlib.
/// `response_hdr` is bytes where the report's text is their base64, and that text where it is not.
const RUNS: &str = "
    CREATE TABLE runs (
        id INTEGER PRIMARY KEY,
        run_id TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL,
        started_at TEXT NOT NULL,
        started_ns INTEGER NOT NULL,
        ended_at TEXT NOT NULL,
        archived_at TEXT NOT NULL,
        host TEXT NOT NULL,
        version TEXT NOT NULL,
        command_line TEXT NOT NULL,
        plan_hash TEXT NOT NULL,
        verdict TEXT NOT NULL,
        rate_rps REAL NOT NULL,
        response_p50_ns INTEGER NOT NULL,
        response_p99_ns INTEGER NOT NULL,
        failed_share REAL NOT NULL,
        report BLOB NOT NULL
    ) STRICT;
    CREATE INDEX runs_by_start ON runs (started_ns);
    CREATE TABLE slices (
        run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        slice INTEGER NOT NULL,
        from_ns INTEGER NOT NULL,
        to_ns INTEGER NOT NULL,
        phase TEXT NOT NULL,
        ok INTEGER NOT NULL,
        failed INTEGER NOT NULL,
        dropped INTEGER NOT NULL,
        cpu_ns INTEGER NOT NULL,
        response_hdr ANY NOT NULL,
        PRIMARY KEY (run, slice)
    ) STRICT;
    CREATE TABLE traces (
        run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        place INTEGER NOT NULL,
        step TEXT NOT NULL,
        status INTEGER,
        error TEXT,
        intended_s REAL NOT NULL,
        response_ns INTEGER NOT NULL,
        service_ns INTEGER NOT NULL,
        slip_ns INTEGER NOT NULL,
        shard INTEGER NOT NULL,
        PRIMARY KEY (run, place)
    ) STRICT;
    CREATE TABLE tags (
        run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        tag TEXT NOT NULL,
        PRIMARY KEY (run, tag)
    ) STRICT;
    CREATE INDEX tags_by_name ON tags (tag);
";

/// Runs that others are measured against, by name.
const BASELINES: &str = "
    CREATE TABLE baselines (
        name TEXT NOT NULL,
        place INTEGER NOT NULL,
        run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        saved_at TEXT NOT NULL,
        PRIMARY KEY (name, place)
    ) STRICT;
    CREATE INDEX baselines_by_run ON baselines (run);
";

/// What runs with several scenarios have beside the rest: each scenario's part of a slice, and whose each of the slowest requests
/// was.
const SCENARIOS: &str = "
    CREATE TABLE scenario_slices (
        run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        slice INTEGER NOT NULL,
        scenario INTEGER NOT NULL,
        ok INTEGER NOT NULL,
        failed INTEGER NOT NULL,
        dropped INTEGER NOT NULL,
        response_hdr ANY NOT NULL,
        PRIMARY KEY (run, slice, scenario)
    ) STRICT;
    CREATE TABLE trace_scenarios (
        run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        place INTEGER NOT NULL,
        scenario TEXT NOT NULL,
        PRIMARY KEY (run, place)
    ) STRICT;
";

/// What loads that are lowered have in a slice, and runs in which requests follow each other: how the iterations of a scenario were gone
/// through, in place 0, and its named flows, in those behind it. Where a run has one scenario, its number is -1: its slices have no parts.
/// `iteration_hdr` and `duration_hdr` are as `response_hdr`; the second is an empty text where it is the first.
const PASSES: &str = "
    ALTER TABLE slices ADD COLUMN withheld INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE scenario_slices ADD COLUMN withheld INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE pass_slices (
        run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        slice INTEGER NOT NULL,
        scenario INTEGER NOT NULL,
        place INTEGER NOT NULL,
        ok INTEGER NOT NULL,
        failed INTEGER NOT NULL,
        iteration_hdr ANY NOT NULL,
        duration_hdr ANY NOT NULL,
        PRIMARY KEY (run, slice, scenario, place)
    ) STRICT;
";

/// The version of a database of ours; 0 of one without any table. Errors: it is another program's, or a later version's.
pub(crate) fn version(connection: &Connection) -> Result<u32, Problem> {
    // Read at one moment: another process may be making the tables.
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Deferred)?;
    version_within(&transaction)
}

fn version_within(transaction: &Transaction) -> Result<u32, Problem> {
    let pragma = |name: &str| transaction.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let (id, version) = (pragma("application_id")?, pragma("user_version")?);
    let tables: i64 = transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    match u32::try_from(version) {
        Ok(0) if tables == 0 && (id == 0 || id == APPLICATION_ID) => Ok(0),
        Ok(version) if id == APPLICATION_ID && version > VERSION => {
            Err(Problem::Newer { version, known: VERSION })
        }
        Ok(version) if id == APPLICATION_ID && version > 0 => Ok(version),
        _ => Err(Problem::Foreign(id)),
    }
}

/// That a database has the tables its version says, and nothing else: no view, no trigger, no other column.
pub(crate) fn require_ours(connection: &Connection) -> Result<(), Problem> {
    let version = version(connection)?;
    let model = Connection::open_in_memory()?;
    STEPS[..version as usize].iter().try_for_each(|step| model.execute_batch(step))?;
    let (ours, found) = (objects(&model)?, objects(connection)?);
    match found.iter().find(|object| !ours.contains(object)).or(ours.iter().find(|own| !found.contains(own)))
    {
        None => Ok(()),
        Some(Object { kind, name, .. }) => Err(Problem::OtherTables(format!("{kind} `{name}`"))),
    }
}

/// A table, index, view or trigger, and the statement that made it.
#[derive(PartialEq)]
struct Object {
    kind: String,
    name: String,
    table: String,
    sql: Option<String>,
}

/// More than ours has: what is beyond is no more ours.
const OBJECTS_MAX: usize = 64;

fn objects(connection: &Connection) -> Result<Vec<Object>, Problem> {
    let sql = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name LIMIT ?1";
    let mut statement = connection.prepare(sql)?;
    let read = |row: &rusqlite::Row| {
        Ok(Object { kind: row.get(0)?, name: row.get(1)?, table: row.get(2)?, sql: row.get(3)? })
    };
    Ok(statement.query_map([OBJECTS_MAX as i64], read)?.collect::<Result<_, _>>()?)
}

/// Brings a database to [`VERSION`], in one transaction. Several processes may try at the same time.
pub(crate) fn migrate(connection: &Connection) -> Result<(), Problem> {
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    // Asked again: while the lock was waited for, another process may have done it.
    let version = version_within(&transaction)?;
    for step in &STEPS[version as usize..] {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    Ok(transaction.commit()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{self, Manifest};
    use crate::{Archive, Filter, load_reports, sample};
    use std::path::Path;

    /// An archive as version 1 made it, with a run in it.
    fn version_1(path: &Path, journal: &str) -> engine::report::Report {
        let connection = Connection::open(path).unwrap();
        connection.pragma_update_and_check(None, "journal_mode", journal, |_| Ok(())).unwrap();
        connection.execute_batch(STEPS[0]).unwrap();
        connection.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
        connection.pragma_update(None, "user_version", 1).unwrap();
        let mut report = sample::report("of-version-1", 7);
        (report.history[7].withheld, report.history[7].passes) = (0, Vec::new());
        report.history[8].scenarios.clear();
        // What an insertion reads back looks for what later versions have.
        STEPS[2..].iter().for_each(|step| connection.execute_batch(step).unwrap());
        run::insert(&connection, &report, &Manifest::default()).unwrap();
        let later = "DROP TABLE scenario_slices; DROP TABLE trace_scenarios; DROP TABLE pass_slices;
                     ALTER TABLE slices DROP COLUMN withheld";
        connection.execute_batch(later).unwrap();
        report
    }

    #[test]
    fn an_archive_of_version_1_is_brought_up_to_date_and_keeps_its_runs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("archive.db");
        let report = version_1(&path, "DELETE");
        let archive = Archive::open(&path).unwrap();
        assert_eq!(version(&Connection::open(&path).unwrap()), Ok(VERSION));
        assert_eq!(archive.report("of-version-1").unwrap(), report);
        archive.set_baseline("main", &["of-version-1"]).unwrap();
        assert_eq!(archive.find("main").unwrap(), ["of-version-1"]);
    }

    #[test]
    fn a_file_of_version_1_is_read_without_being_changed() {
        for journal in ["DELETE", "WAL"] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("old.vajra");
            let report = version_1(&path, journal);
            let before = std::fs::read(&path).unwrap();
            let archive = Archive::open_read_only(&path).unwrap();
            assert_eq!(archive.list(&Filter::default()).unwrap().len(), 1, "{journal}");
            assert_eq!(load_reports(&path).unwrap(), [report], "{journal}");
            drop(archive);
            assert!(std::fs::read(&path).unwrap() == before, "{journal}");
        }
    }

    #[test]
    fn migrating_is_done_once_however_many_try() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("archive.db");
        version_1(&path, "DELETE");
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| Archive::open(&path).map(drop).unwrap());
            }
        });
        assert_eq!(Archive::open(&path).unwrap().list(&Filter::default()).unwrap().len(), 1);
    }
}
