//! From a path to a database that is ours and up to date: opening, recognising, migrating.

use crate::error::Problem;
use crate::schema;
use rusqlite::backup::Backup;
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What every SQLite database begins with.
pub(crate) const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// Length of a database's head; no database is shorter.
const HEAD_BYTES: usize = 100;
/// Switching a new archive to its write-ahead log is refused while another process does the same, and SQLite does not wait
/// for that by itself: how often it is tried, and how long between.
const SWITCH_TRIES: u32 = 200;
const SWITCH_PAUSE: Duration = Duration::from_millis(20);
/// An archive of an earlier version is copied in steps of so many pages; a step that meets a writer is tried again after this.
const COPY_PAGES: i32 = 4_096;
const COPY_PAUSE: Duration = Duration::from_millis(10);
/// Readable, writable and enterable by its owner alone: bodies and paths of plans can hold secrets that no name tells.
const FOLDER_MODE: u32 = 0o700;
/// The same of a file.
const FILE_MODE: u32 = 0o600;
/// The files of an archive: itself, its log, the log's index, and a journal where there is no log.
const SUFFIXES: [&str; 4] = ["", "-wal", "-shm", "-journal"];
/// A folder in which anybody may make files, such as the one for temporary ones, is nobody's to close.
const STICKY: u32 = 0o1000;
/// The longest text or blob of a database, and of a statement: what a row of ours can hold, and no more.
const VALUE_BYTES_MAX: i32 = 256 << 20;
const STATEMENT_BYTES_MAX: i32 = 64 << 10;

/// Opens for reading and writing; makes the file and its folder if they are not there.
pub(crate) fn open(path: &Path, patience: Duration) -> Result<Connection, Problem> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        let made = DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder);
        made.map_err(|error| Problem::Unwritable(error.to_string()))?;
    }
    protect(path);
    match require_readable(path) {
        Ok(()) => {}
        // Made here, because SQLite would let others read it; what it makes beside it has the same mode.
        Err(Problem::Missing) => {
            let mut made = fs::OpenOptions::new();
            let made = made.append(true).create(true).mode(FILE_MODE).open(path);
            made.map_err(|error| Problem::Unwritable(error.to_string()))?;
        }
        Err(problem) => return Err(problem),
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    prepare(&connection, patience)?;
    let version = schema::version(&connection)?;
    if version == 0 {
        // Pruning gives space back; this can be chosen before there are tables alone.
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    switch_to_log(&connection)?;
    if version < schema::VERSION {
        schema::migrate(&connection)?;
    }
    Ok(connection)
}

/// Makes a database with our tables and nothing else beside its file: what a bundle is.
pub(crate) fn create(path: &Path, patience: Duration) -> Result<Connection, Problem> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    prepare(&connection, patience)?;
    schema::migrate(&connection)?;
    Ok(connection)
}

/// Opens for reading. A file of an earlier version is read through a copy in memory, brought up to date.
pub(crate) fn open_read_only(path: &Path, patience: Duration) -> Result<Connection, Problem> {
    let connection = open_as_it_is(path, patience)?;
    up_to_date(connection, patience)
}

/// The same for a file that was carried here: its tables have to be ours, and it has to be whole, before anything in it is
/// believed.
pub(crate) fn open_whole(path: &Path, patience: Duration) -> Result<Connection, Problem> {
    let connection = open_as_it_is(path, patience)?;
    schema::require_ours(&connection)?;
    require_whole(path, &connection)?;
    up_to_date(connection, patience)
}

/// Closes an archive, and the folder it is in, to all but their owner, however they were made; what belongs to somebody else
/// stays as it is.
pub(crate) fn protect(path: &Path) {
    let close = |path: &Path, mode: u32| {
        let Ok(metadata) = path.metadata() else { return };
        if metadata.mode() & STICKY == 0 && metadata.mode() & 0o777 & !mode != 0 {
            // That it cannot be done means that it is not ours.
            let _ = fs::set_permissions(path, Permissions::from_mode(metadata.mode() & mode));
        }
    };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        close(folder, FOLDER_MODE);
    }
    for suffix in SUFFIXES {
        close(&beside(path, suffix), FILE_MODE);
    }
}

fn open_as_it_is(path: &Path, patience: Duration) -> Result<Connection, Problem> {
    require_readable(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    match prepare(&connection, patience).and_then(|()| schema::version(&connection)) {
        Ok(_) => Ok(connection),
        // In a folder that cannot be written there is no place for the log's index; without a log none is needed.
        Err(Problem::Unwritable(cause)) if !has_log(path) => {
            let connection =
                Connection::open_with_flags(immutable(path), flags | OpenFlags::SQLITE_OPEN_URI)?;
            prepare(&connection, patience)?;
            schema::version(&connection).map_err(|_| Problem::Unreadable(cause))?;
            Ok(connection)
        }
        Err(problem) => Err(problem),
    }
}

fn up_to_date(connection: Connection, patience: Duration) -> Result<Connection, Problem> {
    if schema::version(&connection)? == schema::VERSION {
        return Ok(connection);
    }
    let mut copy = Connection::open_in_memory()?;
    Backup::new(&connection, &mut copy)?.run_to_completion(COPY_PAGES, COPY_PAUSE, None)?;
    prepare(&copy, patience)?;
    schema::migrate(&copy)?;
    Ok(copy)
}

fn require_whole(path: &Path, connection: &Connection) -> Result<(), Problem> {
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let bytes = pragma("page_count")? * pragma("page_size")?;
    let there = path.metadata().map_err(|error| Problem::Unreadable(error.to_string()))?.len();
    if i64::try_from(there) != Ok(bytes) && !has_log(path) {
        return Err(Problem::Damaged(format!("it has {there} bytes and should have {bytes}")));
    }
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if found == "ok" { Ok(()) } else { Err(Problem::Damaged(found)) }
}

/// Nothing in a file is run: no trigger, no view, no function that a schema names; and no row is larger than ours can be.
fn prepare(connection: &Connection, patience: Duration) -> Result<(), Problem> {
    connection.busy_timeout(patience)?;
    for (setting, is_on) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DML, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DDL, false),
    ] {
        connection.set_db_config(setting, is_on)?;
    }
    for (limit, most) in
        [(Limit::SQLITE_LIMIT_LENGTH, VALUE_BYTES_MAX), (Limit::SQLITE_LIMIT_SQL_LENGTH, STATEMENT_BYTES_MAX)]
    {
        connection.set_limit(limit, most)?;
    }
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(())
}

/// Readers and a writer do not wait for each other, and what was committed survives a crash at any moment.
fn switch_to_log(connection: &Connection) -> Result<(), Problem> {
    for _ in 0..SWITCH_TRIES {
        let switched =
            connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0));
        match switched {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
                std::thread::sleep(SWITCH_PAUSE)
            }
            // A file system that cannot carry a log keeps the journal it has, which is as safe and waits more.
            Ok(_) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
    Err(Problem::Locked)
}

/// Looks before SQLite does, whose words for files that are not there or not databases are the same.
fn require_readable(path: &Path) -> Result<(), Problem> {
    let unreadable = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => Problem::Missing,
        _ => Problem::Unreadable(error.to_string()),
    };
    let mut head = Vec::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    file.take(HEAD_BYTES as u64).read_to_end(&mut head).map_err(unreadable)?;
    let magic = &head[..head.len().min(MAGIC.len())];
    match head.len() {
        // A process that was killed while it made the file leaves it empty.
        0 => Ok(()),
        _ if !MAGIC.starts_with(magic) => Err(Problem::NotADatabase),
        HEAD_BYTES => Ok(()),
        bytes => Err(Problem::Damaged(format!("it has {bytes} bytes"))),
    }
}

/// True when there is a log with something in it beside the file, which may then be behind.
fn has_log(path: &Path) -> bool {
    beside(path, "-wal").metadata().is_ok_and(|log| log.len() > 0)
}

/// The path of a file that SQLite keeps beside a database.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// The path as SQLite's URI for a file that nobody changes.
fn immutable(path: &Path) -> String {
    let path = path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    format!("file:{path}?immutable=1")
}
