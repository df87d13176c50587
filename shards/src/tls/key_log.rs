//! The secrets of sessions in a file, as SSLKEYLOGFILE has them, for a plan that asks for it.

use rustls::KeyLog;
use std::fmt::Write as _;
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::sync::atomic::{AtomicBool, Ordering};

/// Nobody else may read it.
const MODE: u32 = 0o600;
const OTHERS: u32 = 0o077;

/// A file to which secrets are appended.
#[derive(Debug)]
pub(super) struct SecretsFile {
    file: File,
    /// Something could not be written.
    is_broken: AtomicBool,
}

impl SecretsFile {
    /// What is in the file stays.
    pub(super) fn open(path: &str) -> io::Result<SecretsFile> {
        let file = OpenOptions::new().append(true).create(true).mode(MODE).open(path)?;
        let metadata = file.metadata()?;
        // One that was there before may have been readable by others.
        if metadata.is_file() && metadata.permissions().mode() & OTHERS != 0 {
            file.set_permissions(Permissions::from_mode(MODE))?;
        }
        Ok(SecretsFile { file, is_broken: AtomicBool::new(false) })
    }

    /// Whether a line is missing.
    pub(super) fn is_broken(&self) -> bool {
        self.is_broken.load(Ordering::Relaxed)
    }
}

impl KeyLog for SecretsFile {
    /// A line is written in one go, so that those of other shards do not get into it.
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let line = format!("{label} {} {}\n", hexadecimal(client_random), hexadecimal(secret));
        if (&self.file).write_all(line.as_bytes()).is_err() {
            self.is_broken.store(true, Ordering::Relaxed);
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn lines_are_appended_to_a_file_that_others_cannot_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.log");
        for random in [[1_u8, 0xab], [2, 0xcd]] {
            let file = SecretsFile::open(path.to_str().unwrap()).unwrap();
            file.log("CLIENT_RANDOM", &random, &[0xff, 0]);
            assert!(!file.is_broken());
        }
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, "CLIENT_RANDOM 01ab ff00\nCLIENT_RANDOM 02cd ff00\n");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, MODE);
    }

    #[test]
    fn what_cannot_be_written_is_known() {
        let file = SecretsFile::open("/dev/full").unwrap();
        file.log("CLIENT_RANDOM", &[1], &[2]);
        assert!(file.is_broken());
    }
}
