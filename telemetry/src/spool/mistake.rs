//! What is wrong with a spool: which file, and what the system says of it.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A file of a spool that cannot be read or written.
#[derive(Debug)]
pub struct SpoolMistake {
    /// Which file or folder.
    pub path: PathBuf,
    /// What was to be done with it.
    pub doing: &'static str,
    /// What the system said.
    pub error: io::Error,
}

impl SpoolMistake {
    /// For errors of what is done with a file.
    pub(super) fn at(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> SpoolMistake {
        let path = path.to_owned();
        move |error| SpoolMistake { path, doing, error }
    }
}

impl fmt::Display for SpoolMistake {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} cannot be {}: {}", self.path.display(), self.doing, self.error)
    }
}

impl Error for SpoolMistake {}
