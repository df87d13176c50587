//! What can be wrong with an archive, a bundle or a report file: each with its place, its cause, and what to do.

use engine::plain::plain;
use engine::report::earlier;
use rusqlite::ErrorCode;
use rusqlite::ffi::{SQLITE_IOERR_CORRUPTFS, SQLITE_IOERR_SHORT_READ};
use std::fmt;
use std::path::{Path, PathBuf};

/// Something is wrong with a file, or with what was asked of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The file: an archive, a bundle or a report.
    pub path: PathBuf,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// There is no such file.
    Missing,
    /// The file cannot be read; the system's words.
    Unreadable(String),
    /// The file, or the folder it is in, cannot be written; the system's words.
    Unwritable(String),
    /// The archive is not a SQLite database.
    NotADatabase,
    /// A file that runs were to be copied from, and that is no bundle.
    NotABundle,
    /// A database that is cut off, or whose content contradicts itself; in which way.
    Damaged(String),
    /// A bundle whose tables are not ours, whatever its head says; which of them.
    OtherTables(String),
    /// A file whose content would not fit into memory; what of it.
    TooLarge(String),
    /// A database of another program, by its `application_id`.
    Foreign(i32),
    /// An archive of a later version of this program.
    Newer {
        /// Its schema version.
        version: u32,
        /// The latest that this program knows.
        known: u32,
    },
    /// The disk is full.
    Full,
    /// Another process held the archive for longer than was waited.
    Locked,
    /// Any other failure of the disk or the database; its words.
    Failed(String),
    /// Neither a report nor a bundle; why not.
    NotAReport(String),
    /// A report that ends too early.
    CutOff {
        /// The line at which it ends.
        line: usize,
    },
    /// A report whose keys have other meanings.
    OtherSchema {
        /// Its `schema`.
        found: u64,
    },
    /// A bundle or an archive without a run.
    NoRuns,
    /// No run is called that.
    UnknownSelector {
        /// What was asked for.
        selector: String,
        /// What is there that looks like it.
        close: Vec<String>,
    },
    /// Several runs begin like that.
    AmbiguousPrefix {
        /// What was asked for.
        prefix: String,
        /// The runs.
        matches: Vec<String>,
    },
    /// The name of a baseline that is a tag's too, or would become one.
    NameTaken(String),
    /// The name of a tag that would become a baseline's too.
    NameOfTag(String),
    /// A name that a tag or a baseline cannot have; why not.
    BadName(String),
    /// A run that is to go, and that tags or baselines hold.
    Held {
        /// The run.
        run_id: String,
        /// The tags and baselines.
        holders: Vec<String>,
    },
    /// The run is in the archive already.
    AlreadyArchived(String),
    /// The report would not come back as it went in, such as one with a number that JSON has no word for.
    NotWhole(String),
}

impl Error {
    pub(crate) fn new(path: &Path, problem: impl Into<Problem>) -> Error {
        Error { path: path.to_owned(), problem: problem.into() }
    }

    /// True when what was asked for is wrong, and not the world: a usage error.
    pub fn is_of_usage(&self) -> bool {
        use Problem::*;
        match self.problem {
            Missing
            | Unreadable(_)
            | NotAReport(_)
            | CutOff { .. }
            | OtherSchema { .. }
            | NoRuns
            | NotABundle => true,
            Held { .. }
            | UnknownSelector { .. }
            | AmbiguousPrefix { .. }
            | NameTaken(_)
            | NameOfTag(_)
            | BadName(_) => true,
            Unwritable(_)
            | NotADatabase
            | Damaged(_)
            | OtherTables(_)
            | TooLarge(_)
            | Foreign(_)
            | Newer { .. }
            | Full
            | Locked => false,
            Failed(_) | AlreadyArchived(_) | NotWhole(_) => false,
        }
    }
}

impl From<rusqlite::Error> for Problem {
    fn from(error: rusqlite::Error) -> Problem {
        let words = error.to_string();
        let rusqlite::Error::SqliteFailure(failure, _) = error else {
            // The rows are not what the schema promises.
            return Problem::Damaged(words);
        };
        let is_cut_off = [SQLITE_IOERR_SHORT_READ, SQLITE_IOERR_CORRUPTFS].contains(&failure.extended_code);
        match failure.code {
            ErrorCode::NotADatabase => Problem::NotADatabase,
            ErrorCode::DatabaseCorrupt => Problem::Damaged(words),
            ErrorCode::SystemIoFailure if is_cut_off => Problem::Damaged(words),
            ErrorCode::DiskFull => Problem::Full,
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Problem::Locked,
            ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied => {
                Problem::Unwritable(words)
            }
            _ => Problem::Failed(words),
        }
    }
}

impl std::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Names, ids and words out of files are quoted in both, and none of them may add a line that this program never said.
        let (cause, fix) = self.problem.words();
        let (cause, path, fix) = (plain(&cause), plain(&self.path.to_string_lossy()), plain(&fix));
        write!(out, "{cause}\n  --> {path}\n  help: {fix}")
    }
}

impl Problem {
    /// Cause and fix.
    fn words(&self) -> (String, String) {
        use Problem::*;
        let text = |cause: &str, fix: &str| (cause.to_owned(), fix.to_owned());
        let move_away = "move the file away: the next run begins a new archive; what can be saved of the old one, `sqlite3 FILE .recover` saves";
        match self {
            Missing => text("there is no such file", "name a file that exists"),
            Unreadable(cause) => (
                format!("the file cannot be read: {cause}"),
                "name a file that is yours to read".into(),
            ),
            Unwritable(cause) => (
                format!("the file cannot be written: {cause}"),
                "make its folder one that exists and is yours, or name another; XDG_DATA_HOME says where the archive is"
                    .into(),
            ),
            NotADatabase => text("the file is not a SQLite database", move_away),
            NotABundle => text(
                "the file is not a bundle",
                "name one that `vajra archive export` wrote; `vajra compare` reads reports in JSON as they are",
            ),
            Damaged(cause) => (
                format!("the file is damaged or cut off: {cause}"),
                format!("fetch a bundle again; of an archive, {move_away}"),
            ),
            OtherTables(which) => (
                format!("the tables of the file are not those of its version: {which}"),
                "fetch or export the bundle again: `vajra archive export RUN -o FILE`".into(),
            ),
            TooLarge(cause) => (
                format!("the file holds more than can be read at once: {cause}"),
                "export fewer runs: `vajra archive export RUN -o FILE`".into(),
            ),
            Foreign(id) => (
                format!("the database belongs to another program (application id {id:#010x})"),
                "name an archive or a bundle of Vajra's, or move the file away".into(),
            ),
            Newer { version, known } => (
                format!(
                    "the archive is of a later version of this program: schema {version}, this one knows up to {known}"
                ),
                "use that version, or move the file away".into(),
            ),
            Full => text("the disk is full", "make room: `vajra archive prune --older-than 30d`"),
            Locked => text(
                "another process is writing and did not end in time",
                "try again; `fuser FILE` says which process it is",
            ),
            Failed(cause) => (format!("the database failed: {cause}"), "look at the disk, then try again".into()),
            _ => self.words_on_runs(),
        }
    }

    fn words_on_runs(&self) -> (String, String) {
        use Problem::*;
        let listed = "`vajra archive list` shows what is there".to_owned();
        match self {
            Held { run_id, holders } => (
                format!("run {run_id} is held by {}", holders.join(", ")),
                "`vajra archive untag` takes a tag away; --all removes what is held, too".into(),
            ),
            NotAReport(cause) => (
                format!("the file is neither a report nor a bundle: {cause}"),
                "name what `vajra run --json FILE` or `vajra archive export` wrote".into(),
            ),
            CutOff { line } => (
                format!("the report is cut off in line {line}"),
                "fetch or write it again: `vajra run … --json FILE`".into(),
            ),
            OtherSchema { found } => (
                format!(
                    "the report is of schema {found}, and this program reads schemas {} to {}",
                    earlier::SCHEMAS.start(),
                    earlier::SCHEMAS.end()
                ),
                "use the version of Vajra that wrote it, or run again with this one".into(),
            ),
            NoRuns => {
                ("there is no run in it".into(), "export a run: `vajra archive export last -o FILE`".into())
            }
            UnknownSelector { selector, close } if close.is_empty() => {
                (format!("no run, tag or baseline is called `{selector}`"), listed)
            }
            UnknownSelector { selector, close } => (
                format!("no run, tag or baseline is called `{selector}`"),
                format!("did you mean `{}`? {listed}", close.join("` or `")),
            ),
            AmbiguousPrefix { prefix, matches } => (
                format!("`{prefix}` begins {} runs: {}", matches.len(), matches.join(", ")),
                "give more of the run id".into(),
            ),
            NameOfTag(name) => (
                format!("`{name}` is a tag, and cannot be a baseline as well"),
                format!("choose another name, or `vajra archive untag {name} {name}` first"),
            ),
            NameTaken(name) => (
                format!("`{name}` is a baseline, and cannot be a tag as well"),
                format!("choose another name, or `vajra archive baselines --remove {name}` first"),
            ),
            BadName(cause) => {
                (cause.clone(), "a name is 1 to 64 letters, digits and any of . _ - + : / @".into())
            }
            AlreadyArchived(run_id) => (format!("run {run_id} is archived already"), listed),
            NotWhole(cause) => (
                format!("the report would not come back as it is: {cause}"),
                "keep its JSON, and report this as a mistake of Vajra's".into(),
            ),
            other => (format!("{other:?}"), listed),
        }
    }
}
