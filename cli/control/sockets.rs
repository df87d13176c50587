//! Where runs listen: a socket for each, in a folder that is its user's alone.

use super::messages::{Ask, ControlAnswer};
use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How long either side waits for the other's line.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
const EXTENSION: &str = "sock";
/// The longest answer that is read: a load may have many segments, and recorded arrivals.
const ANSWER_BYTES_MAX: usize = 256 << 20;

/// A run that listens.
pub(crate) struct ListeningRun {
    pub(crate) id: String,
    pub(crate) path: PathBuf,
    since: SystemTime,
}

/// The folder of this user's sockets: below the one that the system gives for such things, or the temporary one.
fn folder() -> io::Result<PathBuf> {
    let own = fs::metadata("/proc/self")?.uid();
    Ok(match std::env::var_os("XDG_RUNTIME_DIR").filter(|folder| Path::new(folder).is_dir()) {
        Some(folder) => Path::new(&folder).join("vajra"),
        None => std::env::temp_dir().join(format!("vajra-{own}")),
    })
}

/// The same, made if it is not there. One that others could put something in is not used.
fn own_folder() -> io::Result<PathBuf> {
    let folder = folder()?;
    match DirBuilder::new().mode(0o700).create(&folder) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let about = fs::symlink_metadata(&folder)?;
    let is_own = about.is_dir() && about.uid() == fs::metadata("/proc/self")?.uid();
    if !is_own || about.mode() & 0o077 != 0 {
        let problem = format!("{} is not a folder of this user alone (mode 0700)", folder.display());
        return Err(io::Error::new(ErrorKind::PermissionDenied, problem));
    }
    Ok(folder)
}

/// A socket for a run.
pub(crate) fn listen(run_id: &str) -> io::Result<(UnixListener, PathBuf)> {
    let folder = own_folder()?;
    clear_left_behind(&folder);
    let path = folder.join(run_id).with_extension(EXTENSION);
    let listener = UnixListener::bind(&path)?;
    fs::set_permissions(&path, Permissions::from_mode(0o600))?;
    Ok((listener, path))
}

/// Sockets of runs that are no more: nobody answers there.
fn clear_left_behind(folder: &Path) {
    for run in runs_in(folder) {
        if let Err(error) = UnixStream::connect(&run.path)
            && error.kind() == ErrorKind::ConnectionRefused
        {
            // Somebody else may have been faster.
            let _ = fs::remove_file(&run.path);
        }
    }
}

/// The runs that listen, the newest first.
pub(crate) fn runs() -> Vec<ListeningRun> {
    let Ok(folder) = folder() else { return Vec::new() };
    let mut runs = runs_in(&folder);
    runs.retain(|run| UnixStream::connect(&run.path).is_ok());
    runs
}

fn runs_in(folder: &Path) -> Vec<ListeningRun> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let run = |entry: fs::DirEntry| {
        let path = entry.path();
        let is_socket = path.extension().is_some_and(|extension| extension == EXTENSION);
        let id = path.file_stem()?.to_str()?.to_owned();
        let since = entry.metadata().ok()?.modified().ok()?;
        is_socket.then_some(ListeningRun { id, path, since })
    };
    let mut runs: Vec<ListeningRun> = entries.filter_map(|entry| run(entry.ok()?)).collect();
    runs.sort_by_key(|run| std::cmp::Reverse(run.since));
    runs
}

/// Asks something of a run that listens, and waits for its answer.
pub(crate) fn ask(path: &Path, ask: &Ask) -> io::Result<ControlAnswer> {
    let mut stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(format!("{}\n", serde_json::to_string(ask)?).as_bytes())?;
    Ok(serde_json::from_str(&line(&stream, ANSWER_BYTES_MAX)?)?)
}

/// The next line that comes.
pub(crate) fn line(stream: &UnixStream, bytes_max: usize) -> io::Result<String> {
    let mut line = String::new();
    BufReader::new(stream.take(bytes_max as u64)).read_line(&mut line)?;
    match line.ends_with('\n') {
        true => Ok(line),
        false => Err(io::Error::new(ErrorKind::UnexpectedEof, "the line has no end")),
    }
}
