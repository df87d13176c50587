//! The small files of a queue: whose it is, and how far it was read. They are replaced as a whole, by a rename.

use super::mistake::SpoolMistake;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

const ORIGIN: &str = "queue.json";
const CURSOR: &str = "cursor.json";

/// Whose a queue is. It has no secrets: fields that a collector asks for are those of the environment, whenever something is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpoolOrigin {
    /// The run.
    pub run_id: String,
    /// Where requests were to go, as reports write it; empty where that cannot be read any more.
    pub to: String,
    /// What is in them.
    pub signal: String,
}

/// How far a queue was read, and what was ever in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SpoolCursor {
    /// The segment that is read,
    pub(super) segment: u64,
    /// from here on.
    pub(super) offset: u64,
    /// The number of the next point.
    pub(super) next: u64,
    /// How many points were put in; after a crash, as far as it was written down.
    pub(super) put: u64,
    /// How many were lost: dropped for room or age, or unreadable.
    pub(super) lost: u64,
}

pub(super) fn read_origin(folder: &Path) -> Result<SpoolOrigin, SpoolMistake> {
    read(&folder.join(ORIGIN))
}

/// Writes down whose it is; so that it is on the disk itself, if that is asked for.
pub(super) fn write_origin(
    folder: &Path,
    origin: &SpoolOrigin,
    is_durable: bool,
) -> Result<(), SpoolMistake> {
    replace(&folder.join(ORIGIN), origin, is_durable)
}

/// The cursor, if it is there and makes sense. Without it what is there is read from its beginning: what is sent twice can be told by its
/// times.
pub(super) fn read_cursor(folder: &Path) -> Option<SpoolCursor> {
    let cursor: SpoolCursor = read(&folder.join(CURSOR)).ok()?;
    (cursor.next <= cursor.put).then_some(cursor)
}

/// Writes it down; so that it is on the disk itself, if that is asked for.
pub(super) fn write_cursor(
    folder: &Path,
    cursor: &SpoolCursor,
    is_durable: bool,
) -> Result<(), SpoolMistake> {
    replace(&folder.join(CURSOR), cursor, is_durable)
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T, SpoolMistake> {
    let bytes = fs::read(path).map_err(SpoolMistake::at(path, "read"))?;
    serde_json::from_slice(&bytes).map_err(|error| SpoolMistake::at(path, "read")(error.into()))
}

fn replace<T: Serialize>(path: &Path, value: &T, is_durable: bool) -> Result<(), SpoolMistake> {
    let new = path.with_extension("new");
    let bytes = serde_json::to_vec(value).map_err(|error| SpoolMistake::at(path, "written")(error.into()))?;
    let written = File::create(&new).and_then(|mut file| {
        file.write_all(&bytes)?;
        if is_durable { file.sync_all() } else { Ok(()) }
    });
    written.map_err(SpoolMistake::at(&new, "written"))?;
    fs::rename(&new, path).map_err(SpoolMistake::at(path, "written"))
}
