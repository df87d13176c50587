//! The archive as those who use it have it: runs in and out, which are meant, bundles, and files that are none.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bundles;
mod files;
mod hostile;
mod names;
mod runs;
mod sample;

use tempfile::TempDir;
use vajra_archive::{Archive, Manifest};

/// An archive in a folder of its own.
fn empty() -> (TempDir, Archive) {
    let folder = tempfile::tempdir().unwrap();
    let archive = Archive::open(&folder.path().join("vajra/archive.db")).unwrap();
    (folder, archive)
}

/// One with runs of these ids, each a day later than the one before.
fn with_runs(run_ids: &[&str]) -> (TempDir, Archive) {
    let (folder, archive) = empty();
    for (day, run_id) in run_ids.iter().enumerate() {
        archive.save(&sample::report(run_id, day as u64 * 86_400), &manifest()).unwrap();
    }
    (folder, archive)
}

fn manifest() -> Manifest {
    Manifest {
        host: "bench-7".into(),
        command_line: ["vajra", "run", "http://h/", "-H", "A: 'b' \"c\""].map(String::from).to_vec(),
        version: "0.2.0".into(),
        ended_at: "2026-01-01T00:00:02Z".into(),
        archived_at: "2026-01-01T00:00:03Z".into(),
    }
}
