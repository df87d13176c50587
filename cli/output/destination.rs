//! A file that is opened before anything is sent, and has its name once it is whole. A name that cannot be written is known in time;
//! what goes wrong later is told and costs nothing else.

use crate::exit::{Failure, USAGE};
use crate::output::json;
use engine::distribution::UnreadableHistogram;
use serde::Serialize;
use std::fmt;
use std::fs::{File, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// A file that is opened before anything is sent, and written later.
pub(crate) struct Output {
    path: PathBuf,
    destination: Destination,
}

enum Destination {
    /// What is written is there at once: standard output, devices, pipes, and what is to be read while it grows.
    Direct {
        /// The file, until it is emptied of what an earlier run wrote: a run that is refused leaves that alone.
        old: Option<File>,
        writer: Box<dyn Write + Send>,
    },
    /// A file without its name until it is whole: what cannot be written whole leaves nothing behind that looks so.
    Replaced(NamedTempFile),
}

/// Why a file does not hold what it was to hold.
#[derive(Debug)]
pub(crate) enum Unwritten {
    /// Not all could be written.
    Incomplete { path: PathBuf, error: io::Error },
    /// Nothing was written, and what was there before is there still.
    Absent { path: PathBuf, error: io::Error },
    /// What it was to show cannot be read.
    Unreadable(UnreadableHistogram),
}

impl fmt::Display for Unwritten {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unwritten::Incomplete { path, error } => {
                write!(formatter, "`{}` is incomplete: {error}", path.display())
            }
            Unwritten::Absent { path, error } => {
                write!(formatter, "`{}` is not written: {error}", path.display())
            }
            Unwritten::Unreadable(cause) => cause.fmt(formatter),
        }
    }
}

impl From<UnreadableHistogram> for Unwritten {
    fn from(cause: UnreadableHistogram) -> Unwritten {
        Unwritten::Unreadable(cause)
    }
}

impl From<Unwritten> for Failure {
    fn from(unwritten: Unwritten) -> Failure {
        Failure::runtime(unwritten.to_string())
    }
}

/// Whether one of some outputs is standard output; at most one can be.
pub(crate) fn stdout_of(paths: &[&Option<PathBuf>]) -> Result<bool, Failure> {
    match paths.iter().filter_map(|path| path.as_deref()).filter(|path| is_stdout(path)).count() {
        count @ 0..=1 => Ok(count == 1),
        _ => {
            let message = "only one output can be standard output\n  help: name a file for the others";
            Err(Failure::new(USAGE, message))
        }
    }
}

/// Whether a path stands for standard output.
pub(crate) fn is_stdout(path: &Path) -> bool {
    path.as_os_str() == "-"
}

impl Output {
    /// Opens a file that has its name once it is whole, or standard output for `-`. The flag is named when that is not possible.
    pub(crate) fn open(path: &Path, flag: &str) -> Result<Output, Failure> {
        let is_direct = is_stdout(path)
            || ["/dev", "/proc"].iter().any(|folder| path.starts_with(folder))
            // A link to what is not there yet stays a link.
            || (path.is_symlink() && !path.exists())
            || path.metadata().is_ok_and(|found| !found.is_file() && !found.is_dir());
        if is_direct {
            return Output::open_direct(path, flag);
        }
        match unnamed(path) {
            Ok(file) => Ok(Output { path: path.to_owned(), destination: Destination::Replaced(file) }),
            // The folder may be another's, and the file one's own.
            Err(_) if path.is_file() => Output::open_direct(path, flag),
            Err(error) => Err(refused(path, flag, &error)),
        }
    }

    /// A file that others read while it grows.
    pub(crate) fn open_direct(path: &Path, flag: &str) -> Result<Output, Failure> {
        let (old, writer): (Option<File>, Box<dyn Write + Send>) = if is_stdout(path) {
            (None, Box::new(io::stdout()))
        } else {
            let file = File::options().write(true).create(true).truncate(false).open(path);
            let file = file.map_err(|error| refused(path, flag, &error))?;
            (file.try_clone().ok(), Box::new(BufWriter::new(file)))
        };
        Ok(Output { path: path.to_owned(), destination: Destination::Direct { old, writer } })
    }

    /// Its name, as it was typed.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Empties the file. Devices cannot be emptied, and need not be.
    pub(crate) fn begin(&mut self) {
        if let Destination::Direct { old, .. } = &mut self.destination
            && let Some(file) = old.take()
        {
            let _ = file.set_len(0);
        }
    }

    fn writer(&mut self) -> &mut dyn Write {
        match &mut self.destination {
            Destination::Direct { writer, .. } => writer,
            Destination::Replaced(file) => file,
        }
    }

    /// Writes more of what there is to say.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let written = self.writer().write_all(bytes);
        written.map_err(|error| io::Error::other(self.incomplete(error).to_string()))
    }

    /// Hands over what was written so far.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        let flushed = self.writer().flush();
        flushed.map_err(|error| io::Error::other(self.incomplete(error).to_string()))
    }

    /// Writes what there is to say, in place of what the file held.
    pub(crate) fn finish(
        mut self,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Unwritten> {
        self.begin();
        let mut writer = BufWriter::new(self.writer());
        let written = write(&mut writer).and_then(|()| writer.flush());
        drop(writer);
        written.and_then(|()| self.flush()).map_err(|error| self.incomplete(error))?;
        let Destination::Replaced(file) = self.destination else { return Ok(()) };
        let named = file.persist(final_name(&self.path));
        named.map(|_| ()).map_err(|error| Unwritten::Absent { path: self.path, error: error.error })
    }

    /// Writes a value as JSON.
    pub(crate) fn finish_json(self, value: &impl Serialize) -> Result<(), Unwritten> {
        self.finish(|out| writeln!(out, "{}", json::pretty(value)?))
    }

    fn incomplete(&self, error: io::Error) -> Unwritten {
        let path = self.path.clone();
        match self.destination {
            Destination::Direct { .. } => Unwritten::Incomplete { path, error },
            Destination::Replaced(_) => Unwritten::Absent { path, error },
        }
    }
}

/// A file beside the one that it will replace, with that one's permissions.
fn unnamed(path: &Path) -> io::Result<NamedTempFile> {
    let name = final_name(path);
    let mut permissions = Permissions::from_mode(0o666);
    match name.metadata() {
        Ok(found) if found.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        Ok(found) => {
            // What its owner has closed to writing is not written.
            File::options().write(true).open(&name)?;
            permissions = found.permissions();
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let folder = name.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".vajra-").suffix(".partial").permissions(permissions).tempfile_in(folder)
}

/// Where a path leads: a link stays one.
fn final_name(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

fn refused(path: &Path, flag: &str, error: &io::Error) -> Failure {
    let shown = path.display();
    let message = format!(
        "`{shown}` cannot be written: {error}\n  --> flag {flag} {shown}\n  help: name a file in a folder that exists and is yours"
    );
    Failure::new(USAGE, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn written(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Unwritten> {
        Output::open(path, "--json").unwrap().finish(write)
    }

    #[test]
    fn a_file_has_its_name_once_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("report.json"), folder.path().join("link.json"));
        std::fs::write(&path, "old").unwrap();
        symlink(&path, &link).unwrap();
        let fails = |out: &mut dyn Write| {
            out.write_all(b"new, and not all of it")?;
            Err(io::ErrorKind::StorageFull.into())
        };
        let problem = written(&path, fails).unwrap_err().to_string();
        assert!(problem.contains("is not written"), "{problem}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
        written(&link, |out| out.write_all(b"new")).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "new");
        assert!(link.is_symlink());
        let (dangling, target) = (folder.path().join("dangling.json"), folder.path().join("target.json"));
        symlink(&target, &dangling).unwrap();
        written(&dangling, |out| out.write_all(b"new")).unwrap();
        assert!(dangling.is_symlink() && std::fs::read_to_string(&target).unwrap() == "new");
        drop(Output::open(&folder.path().join("never.json"), "--json").unwrap());
        let left = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, 4, "what is given up leaves nothing behind");
    }

    #[test]
    fn the_permissions_of_a_file_stay_and_new_ones_follow_the_mask() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new, plain) =
            (folder.path().join("old"), folder.path().join("new"), folder.path().join("plain"));
        std::fs::write(&old, "").unwrap();
        std::fs::write(&plain, "").unwrap();
        std::fs::set_permissions(&old, Permissions::from_mode(0o640)).unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        [&old, &new].into_iter().for_each(|path| written(path, |_| Ok(())).unwrap());
        assert_eq!((mode(&old), mode(&new)), (0o640, mode(&plain)));
        assert!(Output::open(folder.path(), "--json").is_err(), "a folder is no file");
    }
}
