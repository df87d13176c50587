//! Bundles: runs in one file, for another machine. The tables are the archive's, without its log and its baselines.
//!
//! And reports from files: a bundle can be used wherever a report can.

use crate::connect::{self, MAGIC};
use crate::error::{Error, Problem};
use crate::run::{self, REPORT_BYTES_MAX, row_of};
use crate::selector::check_name;
use engine::plausible::require_plausible;
use engine::report::Report;
use rusqlite::types::Value;
use rusqlite::{Connection, Transaction, TransactionBehavior, params_from_iter};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a bundle that another process is writing is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// The most bytes of reports that are read from one file: what is packed small can be large.
const ALL_BYTES_MAX: u64 = 1 << 30;
/// A table whose rows belong to a run and travel with it: its columns besides the run. No name that a statement holds comes out of
/// a file.
struct BundleTable {
    name: &'static str,
    columns: &'static str,
}
const SLICES: BundleTable = BundleTable {
    name: "slices",
    columns: "slice, from_ns, to_ns, phase, ok, failed, dropped, cpu_ns, response_hdr, withheld",
};
const TRACES: BundleTable = BundleTable {
    name: "traces",
    columns: "place, step, status, error, intended_s, response_ns, service_ns, slip_ns, shard",
};
const TAGS: BundleTable = BundleTable { name: "tags", columns: "tag" };
const SCENARIO_SLICES: BundleTable = BundleTable {
    name: "scenario_slices",
    columns: "slice, scenario, ok, failed, dropped, response_hdr, withheld",
};
const PASS_SLICES: BundleTable = BundleTable {
    name: "pass_slices",
    columns: "slice, scenario, place, ok, failed, iteration_hdr, duration_hdr",
};
const TRACE_SCENARIOS: BundleTable = BundleTable { name: "trace_scenarios", columns: "place, scenario" };

/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Run ids that are new here.
    pub added: Vec<String>,
    /// Run ids that were here already, and stay as they were.
    pub skipped: Vec<String>,
    /// Tags that were left out, because a baseline here is called so.
    pub untagged: Vec<String>,
    /// Tags that were left out, because nothing can be called so.
    pub misnamed: Vec<String>,
}

/// The reports in a file, newest first: of a bundle or an archive, all of them; of a JSON report, that one. What the file is
/// is decided by its content, not by its name.
pub fn load_reports(path: &Path) -> Result<Vec<Report>, Error> {
    let load = || {
        let head = read_at_most(path, MAGIC.len() as u64)?;
        // The first bytes of the one and of the other have nothing in common.
        if !head.is_empty() && MAGIC.starts_with(&head) { of_bundle(path) } else { of_json(path, head) }
    };
    load().map_err(|problem| Error::new(path, problem))
}

fn of_bundle(path: &Path) -> Result<Vec<Report>, Problem> {
    let bundle = open(path)?;
    let transaction = Transaction::new_unchecked(&bundle, TransactionBehavior::Deferred)?;
    let (mut reports, mut bytes) = (Vec::new(), 0);
    for (run, _) in runs(&transaction)? {
        let (report, length) = run::read_counted(&transaction, run)?;
        bytes += length;
        if bytes > ALL_BYTES_MAX {
            return Err(Problem::TooLarge(format!("more than {} MiB of reports", ALL_BYTES_MAX >> 20)));
        }
        require_plausible(&report).map_err(|implausible| Problem::Damaged(implausible.to_string()))?;
        reports.push(report);
    }
    Ok(reports)
}

fn of_json(path: &Path, head: Vec<u8>) -> Result<Vec<Report>, Problem> {
    let is_file = path.metadata().is_ok_and(|metadata| metadata.is_file());
    // What came out of a pipe does not come out again.
    let json = if is_file { read_at_most(path, REPORT_BYTES_MAX)? } else { head };
    let report = run::parse(&json)?;
    require_plausible(&report).map_err(|implausible| Problem::Damaged(implausible.to_string()))?;
    Ok(vec![report])
}

/// A pipe is read to its end, because it can be read but once.
fn read_at_most(path: &Path, bytes: u64) -> Result<Vec<u8>, Problem> {
    let unreadable = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => Problem::Missing,
        _ => Problem::Unreadable(error.to_string()),
    };
    let file = File::open(path).map_err(unreadable)?;
    let is_file = file.metadata().map_err(unreadable)?.is_file();
    let mut content = Vec::new();
    let bytes = if is_file { bytes } else { REPORT_BYTES_MAX };
    file.take(bytes).read_to_end(&mut content).map_err(unreadable)?;
    Ok(content)
}

/// Opens a bundle, and looks whether it is whole.
fn open(path: &Path) -> Result<Connection, Problem> {
    let bundle = connect::open_whole(path, PATIENCE).map_err(|problem| match problem {
        Problem::NotADatabase => Problem::NotABundle,
        other => other,
    })?;
    if runs(&bundle)?.is_empty() { Err(Problem::NoRuns) } else { Ok(bundle) }
}

fn runs(connection: &Connection) -> Result<Vec<(i64, String)>, Problem> {
    let sql = format!("SELECT id, run_id FROM runs {}", crate::selector::NEWEST_FIRST);
    let read = |row: &rusqlite::Row| Ok((row.get(0)?, row.get(1)?));
    Ok(connection.prepare(&sql)?.query_map([], read)?.collect::<Result<_, _>>()?)
}

/// Copies the runs of a bundle into an archive: all that are not there yet, or none.
pub(crate) fn import(archive: &Connection, path: &Path) -> Result<Imported, Error> {
    let of_bundle = |problem| Error::new(path, problem);
    let bundle = open(path).map_err(of_bundle)?;
    let source = Transaction::new_unchecked(&bundle, TransactionBehavior::Deferred)
        .map_err(|e| of_bundle(e.into()))?;
    let runs = runs(&source).map_err(of_bundle)?;
    // What cannot be read here is not let in.
    runs.iter().try_for_each(|(run, run_id)| check_run(&source, *run, run_id)).map_err(of_bundle)?;
    let copy = || -> Result<Imported, Problem> {
        let transaction = Transaction::new_unchecked(archive, TransactionBehavior::Immediate)?;
        let mut imported = Imported::default();
        for (run, run_id) in &runs {
            if row_of(&transaction, run_id)?.is_some() {
                imported.skipped.push(run_id.clone());
            } else {
                require_free(&transaction, run_id)?;
                copy_run(&source, &transaction, *run)?;
                imported.added.push(run_id.clone());
            }
        }
        imported.misnamed = leave_out_misnamed(&transaction)?;
        // A name here is a tag's or a baseline's, not both.
        let sql = "DELETE FROM tags WHERE tag IN (SELECT name FROM baselines) RETURNING tag";
        let untagged =
            transaction.prepare(sql)?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        imported.untagged = untagged;
        imported.untagged.sort();
        imported.untagged.dedup();
        transaction.commit()?;
        Ok(imported)
    };
    copy().map_err(|problem| Error::new(Path::new(archive.path().unwrap_or_default()), problem))
}

/// That a run of a file is what it says it is, and that its id is one. An id that is a name would be taken for one.
fn check_run(source: &Connection, run: i64, run_id: &str) -> Result<(), Problem> {
    let problem = |cause: String| Problem::Damaged(format!("run `{run_id}`: {cause}"));
    check_name(run_id).map_err(|_| problem("this cannot be the id of a run".into()))?;
    run::manifest(source, run)?;
    match run::read(source, run)? {
        report if report.run_id == run_id => {
            require_plausible(&report).map_err(|implausible| problem(implausible.to_string()))
        }
        report => Err(problem(format!("its report is of run `{}`", report.run_id))),
    }
}

/// That nothing here is called like a run to come: an id comes before names, so it would be taken for what they name.
fn require_free(archive: &Connection, run_id: &str) -> Result<(), Problem> {
    let sql =
        "SELECT EXISTS (SELECT 1 FROM tags WHERE tag = ?1 UNION SELECT 1 FROM baselines WHERE name = ?1)";
    match archive.query_row(sql, [run_id], |row| row.get(0))? {
        false => Ok(()),
        true => Err(Problem::BadName(format!(
            "a run to import has the id `{run_id}`, and a tag or baseline here is called so"
        ))),
    }
}

/// Removes tags that nothing can be called: ids of runs are among them, which hide what is called like them.
fn leave_out_misnamed(archive: &Connection) -> Result<Vec<String>, Problem> {
    let tags: Vec<String> = archive
        .prepare("SELECT DISTINCT tag FROM tags ORDER BY tag")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let mut misnamed = Vec::new();
    for tag in tags {
        if check_name(&tag).is_err() || row_of(archive, &tag)?.is_some() {
            archive.execute("DELETE FROM tags WHERE tag = ?1", [&tag])?;
            misnamed.push(tag);
        }
    }
    Ok(misnamed)
}

/// Writes runs into a new file, which is there whole or not at all.
pub(crate) fn export(archive: &Connection, runs: &[i64], path: &Path) -> Result<(), Problem> {
    let path = &destination(archive, path)?;
    let part = part_of(path);
    let made = write(archive, runs, &part).and_then(|()| {
        let synced = File::open(&part).and_then(|file| file.sync_all());
        let renamed = synced.and_then(|()| fs::rename(&part, path));
        renamed.map_err(|error| Problem::Unwritable(error.to_string()))
    });
    if made.is_err() {
        let journal = PathBuf::from(format!("{}-journal", part.display()));
        [part, journal].iter().for_each(|leftover| drop(fs::remove_file(leftover)));
    }
    made
}

fn write(archive: &Connection, runs: &[i64], part: &Path) -> Result<(), Problem> {
    let bundle = connect::create(part, PATIENCE)?;
    let transaction = Transaction::new_unchecked(&bundle, TransactionBehavior::Immediate)?;
    runs.iter().try_for_each(|run| copy_run(archive, &transaction, *run))?;
    transaction.commit()?;
    bundle.execute_batch("VACUUM")?;
    bundle.close().map_err(|(_, error)| error.into())
}

/// Where a bundle goes. Devices, folders and the archive itself are not replaced by one.
fn destination(archive: &Connection, path: &Path) -> Result<PathBuf, Problem> {
    let Ok(there) = path.canonicalize() else { return Ok(path.to_owned()) };
    if !there.is_file() {
        return Err(Problem::Unwritable("it is there, and it is not a file".into()));
    }
    if archive.path().is_some_and(|archive| Path::new(archive).canonicalize().is_ok_and(|own| own == there)) {
        return Err(Problem::Unwritable("it is the archive itself".into()));
    }
    Ok(there)
}

/// The name a bundle has until it is whole: beside its own, so that renaming does not copy.
fn part_of(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}.part", std::process::id()))
}

/// Copies a run. What a list shows of it is taken from its report, not from what the file says that it shows.
fn copy_run(from: &Connection, to: &Connection, run: i64) -> Result<(), Problem> {
    let (report, manifest) = (run::read(from, run)?, run::manifest(from, run)?);
    let packed = run::packed_report(from, run)?;
    let copied = run::insert_run(to, &report, &manifest, &packed)?;
    let tables = [SLICES, SCENARIO_SLICES, PASS_SLICES, TRACES, TRACE_SCENARIOS, TAGS];
    tables.iter().try_for_each(|table| copy_rows(from, to, table, run, copied))
}

/// Copies the rows of a table that belong to a run.
fn copy_rows(
    from: &Connection,
    to: &Connection,
    table: &BundleTable,
    run: i64,
    copied: i64,
) -> Result<(), Problem> {
    let BundleTable { name, columns } = table;
    let mut rows = from.prepare(&format!("SELECT {columns} FROM {name} WHERE run = ?1"))?;
    let count = rows.column_count();
    let marks = vec!["?"; count + 1].join(", ");
    let mut insert = to.prepare(&format!("INSERT INTO {name} (run, {columns}) VALUES ({marks})"))?;
    let mut rows = rows.query([run])?;
    while let Some(row) = rows.next()? {
        let values = (0..count).map(|column| row.get::<_, Value>(column));
        let values: Vec<Value> = values.collect::<Result<_, _>>()?;
        insert.execute(params_from_iter(std::iter::once(Value::Integer(copied)).chain(values)))?;
    }
    Ok(())
}
