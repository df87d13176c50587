//! What is kept of runs: the archive on this machine, and bundles that another one can open.
//!
//! An archive is a SQLite file. A run is in it whole: its report can be read again to the byte, its slices and its slowest
//! requests are rows of their own. Saving is one transaction, so a run is there wholly or not at all, whatever happens and
//! however many save at the same time. Where the file is, is decided by whoever opens it; nothing here reads the environment.
//!
//! Reading order: this file → `connect.rs` and `schema.rs` (the file) → `run.rs` and `slices.rs` (a run as rows) → `selector.rs`, `list.rs`,
//! `prune.rs` (which runs) → `bundle.rs` (to and from other files) → `error.rs`.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod bundle;
mod connect;
mod error;
mod instant;
mod list;
mod prune;
mod run;
#[cfg(test)]
#[path = "../tests/sample.rs"]
mod sample;
mod schema;
mod selector;
mod slices;
mod stored;

pub use bundle::{Imported, load_reports};
use engine::report::Report;
pub use error::{Error, Problem};
pub use instant::{in_words, unix_ns};
pub use list::{Entry, Filter};
pub use prune::PruneRule;
pub use run::{Manifest, plan_hash};
use rusqlite::{Connection, Transaction, TransactionBehavior, params};
pub use schema::{APPLICATION_ID, VERSION};
pub use selector::{PREFIX_MIN, check_name};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How long another process that is writing is waited for. A save takes milliseconds; a full disk or a slow one takes longer.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Closes an archive and its folder to all but their owner. Opening for writing does so too.
pub fn protect(path: &Path) {
    connect::protect(path);
}

/// Runs that others are measured against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Baseline {
    /// Its name.
    pub name: String,
    /// When it was set, RFC 3339, UTC.
    pub saved_at: String,
    /// Its runs, in the order they were given.
    pub run_ids: Vec<String>,
}

/// An open archive.
pub struct Archive {
    path: PathBuf,
    connection: Connection,
}

impl Archive {
    /// Opens an archive for reading and writing; makes it, and the folder it is in, if it is not there. One of an earlier
    /// version is brought up to date.
    pub fn open(path: &Path) -> Result<Archive, Error> {
        Archive::open_within(path, PATIENCE)
    }

    /// The same for those who cannot wait long for other processes.
    pub fn open_within(path: &Path, patience: Duration) -> Result<Archive, Error> {
        let connection = connect::open(path, patience).map_err(|problem| Error::new(path, problem))?;
        Ok(Archive { path: path.to_owned(), connection })
    }

    /// Opens an archive or a bundle for reading, and changes nothing. Errors: also [`Problem::Missing`].
    pub fn open_read_only(path: &Path) -> Result<Archive, Error> {
        let connection =
            connect::open_read_only(path, PATIENCE).map_err(|problem| Error::new(path, problem))?;
        Ok(Archive { path: path.to_owned(), connection })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Saves a run: all of it, or nothing.
    pub fn save(&self, report: &Report, manifest: &Manifest) -> Result<(), Error> {
        self.write(|connection| run::insert(connection, report, manifest))
    }

    /// The runs that a filter lets through, newest first.
    pub fn list(&self, filter: &Filter) -> Result<Vec<Entry>, Error> {
        self.read(|connection| list::entries(connection, filter))
    }

    /// The run ids that a selector stands for: a run id or its beginning (at least [`PREFIX_MIN`] characters that begin no
    /// other), a tag, a baseline, `last`, or `last~N` for the Nth before it. Newest first; a baseline's in its own order.
    /// Never empty: errors are [`Problem::UnknownSelector`], [`Problem::AmbiguousPrefix`] and [`Problem::NameTaken`].
    pub fn find(&self, selector: &str) -> Result<Vec<String>, Error> {
        self.read(|connection| selector::find(connection, selector))
    }

    /// The report of a run, by its whole id: equal to the one saved, and to the byte in JSON.
    pub fn report(&self, run_id: &str) -> Result<Report, Error> {
        self.read(|connection| run::read(connection, row(connection, run_id)?))
    }

    /// Where a run came from, by its whole id.
    pub fn manifest(&self, run_id: &str) -> Result<Manifest, Error> {
        self.read(|connection| run::manifest(connection, row(connection, run_id)?))
    }

    /// Tags a run, by its whole id. A tag it has already stays.
    pub fn tag(&self, run_id: &str, tag: &str) -> Result<(), Error> {
        self.write(|connection| {
            check_name(tag)?;
            require_no_id(connection, tag)?;
            if !selector::baseline(connection, tag)?.is_empty() {
                return Err(Problem::NameTaken(tag.to_owned()));
            }
            let run = row(connection, run_id)?;
            connection.execute("INSERT OR IGNORE INTO tags (run, tag) VALUES (?1, ?2)", params![run, tag])?;
            Ok(())
        })
    }

    /// Takes a tag from a run. Returns whether it had it.
    pub fn untag(&self, run_id: &str, tag: &str) -> Result<bool, Error> {
        self.write(|connection| {
            let run = row(connection, run_id)?;
            let sql = "DELETE FROM tags WHERE run = ?1 AND tag = ?2";
            Ok(connection.execute(sql, params![run, tag])? > 0)
        })
    }

    /// Makes these runs, by their whole ids, the baseline of this name, in place of what it was.
    pub fn set_baseline(&self, name: &str, run_ids: &[impl AsRef<str>]) -> Result<(), Error> {
        self.write(|connection| {
            check_name(name)?;
            require_no_id(connection, name)?;
            let is_tag = "SELECT EXISTS (SELECT 1 FROM tags WHERE tag = ?1)";
            if connection.query_row(is_tag, [name], |row| row.get(0))? {
                return Err(Problem::NameOfTag(name.to_owned()));
            }
            if run_ids.is_empty() {
                return Err(Problem::BadName(format!("the baseline `{name}` would have no run")));
            }
            connection.execute("DELETE FROM baselines WHERE name = ?1", [name])?;
            let saved_at = in_words(SystemTime::now());
            let sql = "INSERT INTO baselines (name, place, run, saved_at) VALUES (?1, ?2, ?3, ?4)";
            for (place, run_id) in run_ids.iter().enumerate() {
                let run = row(connection, run_id.as_ref())?;
                connection.execute(sql, params![name, place as i64, run, saved_at])?;
            }
            Ok(())
        })
    }

    /// Takes a baseline's name from its runs, which stay. Errors: [`Problem::UnknownSelector`].
    pub fn remove_baseline(&self, name: &str) -> Result<(), Error> {
        self.write(|connection| {
            match connection.execute("DELETE FROM baselines WHERE name = ?1", [name])? {
                0 => Err(selector::unknown(connection, name)?),
                _ => Ok(()),
            }
        })
    }

    /// All baselines, by name.
    pub fn baselines(&self) -> Result<Vec<Baseline>, Error> {
        self.read(|connection| {
            let sql = "SELECT name, saved_at FROM baselines GROUP BY name ORDER BY name";
            let mut statement = connection.prepare(sql)?;
            let named = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let mut baselines = Vec::new();
            for row in named {
                let (name, saved_at): (String, String) = row?;
                let run_ids = selector::baseline(connection, &name)?;
                baselines.push(Baseline { name, saved_at, run_ids });
            }
            Ok(baselines)
        })
    }

    /// Writes runs, by their whole ids, into a bundle, which is there whole or not at all. Their tags go with them.
    /// Errors have the bundle's path when it is the bundle that cannot be written.
    pub fn export(&self, run_ids: &[impl AsRef<str>], path: &Path) -> Result<(), Error> {
        let transaction = Transaction::new_unchecked(&self.connection, TransactionBehavior::Deferred);
        let transaction = transaction.map_err(|error| self.error(error.into()))?;
        let mut runs = Vec::new();
        for run_id in run_ids {
            let run = row(&transaction, run_id.as_ref()).map_err(|problem| self.error(problem))?;
            if !runs.contains(&run) {
                runs.push(run);
            }
        }
        if runs.is_empty() {
            return Err(self.error(Problem::NoRuns));
        }
        bundle::export(&transaction, &runs, path).map_err(|problem| Error::new(path, problem))
    }

    /// Copies the runs of a bundle, or of another archive, into this one: all that are not here yet, or none.
    pub fn import(&self, path: &Path) -> Result<Imported, Error> {
        bundle::import(&self.connection, path)
    }

    /// What a rule would remove, newest first.
    pub fn prunable(&self, rule: &PruneRule) -> Result<Vec<Entry>, Error> {
        self.read(|connection| prune::prunable(connection, rule))
    }

    /// Removes what a rule lets go, and returns it, newest first.
    pub fn prune(&self, rule: &PruneRule) -> Result<Vec<Entry>, Error> {
        let removed = self.write(|connection| {
            let entries = prune::prunable(connection, rule)?;
            prune::remove(connection, &entries)?;
            Ok(entries)
        })?;
        prune::give_space_back(&self.connection);
        Ok(removed)
    }

    /// Removes runs, all or none, and returns them, newest first. What a tag or a baseline holds is refused unless that is
    /// to go too.
    pub fn remove(&self, run_ids: &[impl AsRef<str>], takes_held: bool) -> Result<Vec<Entry>, Error> {
        let removed = self.write(|connection| {
            let entries: Vec<Entry> = list::entries(connection, &Filter::default())?
                .into_iter()
                .filter(|entry| run_ids.iter().any(|run_id| run_id.as_ref() == entry.run_id))
                .collect();
            if let Some(held) = entries.iter().find(|entry| entry.is_held() && !takes_held) {
                let holders = held.tags.iter().chain(&held.baselines).cloned().collect();
                return Err(Problem::Held { run_id: held.run_id.clone(), holders });
            }
            prune::remove(connection, &entries)?;
            Ok(entries)
        })?;
        prune::give_space_back(&self.connection);
        Ok(removed)
    }

    /// One state of the archive for all that is read, whoever writes meanwhile.
    fn read<T>(&self, read: impl FnOnce(&Connection) -> Result<T, Problem>) -> Result<T, Error> {
        self.transact(TransactionBehavior::Deferred, read)
    }

    /// All that is written, or nothing.
    fn write<T>(&self, write: impl FnOnce(&Connection) -> Result<T, Problem>) -> Result<T, Error> {
        self.transact(TransactionBehavior::Immediate, write)
    }

    fn transact<T>(
        &self,
        behavior: TransactionBehavior,
        act: impl FnOnce(&Connection) -> Result<T, Problem>,
    ) -> Result<T, Error> {
        let act = || {
            let transaction = Transaction::new_unchecked(&self.connection, behavior)?;
            let value = act(&transaction)?;
            transaction.commit()?;
            Ok(value)
        };
        act().map_err(|problem| self.error(problem))
    }

    fn error(&self, problem: Problem) -> Error {
        Error::new(&self.path, problem)
    }
}

/// A name that is a run's id would never be found: an id comes before names.
fn require_no_id(connection: &Connection, name: &str) -> Result<(), Problem> {
    match run::row_of(connection, name)? {
        Some(_) => {
            Err(Problem::BadName(format!("`{name}` is the id of a run, and cannot be a name as well")))
        }
        None => Ok(()),
    }
}

fn row(connection: &Connection, run_id: &str) -> Result<i64, Problem> {
    match run::row_of(connection, run_id)? {
        Some(run) => Ok(run),
        None => Err(selector::unknown(connection, run_id)?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_and_costs_nothing_that_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let archive = Archive::open(&folder.path().join("archive.db")).unwrap();
        let pages: i64 = archive.connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
        archive.connection.pragma_update(None, "max_page_count", pages + 2).unwrap();
        let mut saved = 0;
        let error = loop {
            let report = sample::report(&format!("run-{saved}"), saved);
            match archive.save(&report, &Manifest::default()) {
                Ok(()) => saved += 1,
                Err(error) => break error,
            }
            assert!(saved < 1_000, "two pages hold no thousand runs");
        };
        assert_eq!(error.problem, Problem::Full);
        assert!(error.to_string().contains("the disk is full"), "{error}");
        let kept = archive.list(&Filter::default()).unwrap();
        assert_eq!(kept.len() as u64, saved, "nothing is there by half");
        archive.connection.pragma_update(None, "max_page_count", 1_000_000).unwrap();
        archive.save(&sample::report("after", 1), &Manifest::default()).unwrap();
    }

    #[test]
    fn a_bundle_that_cannot_be_written_leaves_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let archive = Archive::open(&folder.path().join("archive.db")).unwrap();
        archive.save(&sample::report("run-1", 1), &Manifest::default()).unwrap();
        let path = folder.path().join("old.vajra");
        std::fs::write(&path, "what was there").unwrap();
        // The part the bundle is written to is a folder that cannot be one: the same as any failure to write.
        let part = folder.path().join(format!(".old.vajra.{}.part", std::process::id()));
        std::fs::create_dir(&part).unwrap();
        let error = archive.export(&["run-1"], &path).unwrap_err();
        assert!(matches!(error.problem, Problem::Unwritable(_)), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "what was there");
    }
}
