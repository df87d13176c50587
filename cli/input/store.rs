//! Where runs to compare come from, and where baselines go: files, bundles, and the archive.

use crate::commands::archive::{default_path, failure, manifest, open_own};
use crate::exit::{Failure, USAGE};
use crate::output::plain;
use archive::{Archive, Problem, load_reports};
use engine::report::Report;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use uuid::Uuid;

/// The runs that some words stand for: files, where a word can only be meant as one; else what the archive knows by that
/// name; else a file all the same.
pub(crate) fn reports(words: &[String]) -> Result<Vec<Report>, Failure> {
    let mut reports: Vec<Report> = Vec::new();
    for word in words {
        let path = Path::new(word);
        let load = || load_reports(path).map_err(failure);
        // A missing file that is meant as one is told as one, not as an unknown name.
        let found = match is_file_name(word) {
            true => load()?,
            false if path.is_file() && !is_archived(word) => load()?,
            false => archived(word)?,
        };
        let found = found.iter().map(plain::report);
        // A run that is named twice is one run all the same.
        let is_new = |report: &Report| reports.iter().all(|known| known.run_id != report.run_id);
        let new: Vec<Report> = found.filter(is_new).collect();
        reports.extend(new);
    }
    Ok(reports)
}

/// True for a word that can only be meant as a file.
fn is_file_name(word: &str) -> bool {
    let extension = Path::new(word).extension().and_then(|extension| extension.to_str());
    let is_path = ["/", "./", "../"].iter().any(|start| word.starts_with(start));
    is_path || matches!(extension, Some("json" | "vajra" | "db"))
}

/// Whether the archive has runs by that name, or cannot say.
fn is_archived(word: &str) -> bool {
    let found = default_path().map(|path| open_own(&path).and_then(|archive| archive.find(word)));
    let is_unknown =
        |problem: &Problem| matches!(problem, Problem::Missing | Problem::UnknownSelector { .. });
    found.is_ok_and(|found| found.err().is_none_or(|error| !is_unknown(&error.problem)))
}

fn archived(word: &str) -> Result<Vec<Report>, Failure> {
    let archive = open_own(&default_path()?).map_err(|error| match error.problem {
        Problem::Missing => {
            let help = "name a file, or make runs first: every `vajra run` is archived";
            Failure::new(
                USAGE,
                format!("`{word}` is neither a file nor a run: nothing is archived yet\n  help: {help}"),
            )
        }
        _ => failure(error),
    })?;
    let run_ids = archive.find(word).map_err(failure)?;
    run_ids.iter().map(|run_id| archive.report(run_id).map_err(failure)).collect()
}

/// Makes runs the baseline of a name, in the archive, or in a file if the name is one.
pub(crate) fn save_baseline(name: &str, reports: &[Report]) -> Result<(), Failure> {
    let run_ids: Vec<&str> = reports.iter().map(|report| report.run_id.as_str()).collect();
    if is_file_name(name) {
        let scratch = ScratchArchive::new();
        let archive = fill(&scratch.0, reports)?;
        return archive.export(&run_ids, Path::new(name)).map_err(failure);
    }
    let archive = fill(&default_path()?, reports)?;
    archive.set_baseline(name, &run_ids).map_err(failure)
}

/// An archive with these runs in it.
fn fill(path: &Path, reports: &[Report]) -> Result<Archive, Failure> {
    let archive = Archive::open(path).map_err(failure)?;
    for report in reports {
        match archive.save(report, &manifest(SystemTime::now(), report)) {
            Err(error) if matches!(error.problem, Problem::AlreadyArchived(_)) => {}
            saved => saved.map_err(failure)?,
        }
    }
    Ok(archive)
}

/// An archive that is needed for a moment.
struct ScratchArchive(PathBuf);

impl ScratchArchive {
    fn new() -> ScratchArchive {
        ScratchArchive(std::env::temp_dir().join(format!("vajra-{}", Uuid::new_v4())).join("archive.db"))
    }
}

impl Drop for ScratchArchive {
    fn drop(&mut self) {
        if let Some(folder) = self.0.parent() {
            // What is left of it is the system's to clear.
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

/// Refuses a name that a baseline cannot have, before anything is sent.
pub(crate) fn check_baseline(name: &str) -> Result<(), Failure> {
    if is_file_name(name) {
        let folder = Path::new(name).parent().filter(|folder| !folder.as_os_str().is_empty());
        return match folder.is_none_or(Path::is_dir) {
            true => Ok(()),
            false => {
                let message = format!(
                    "`{name}` cannot be written: there is no such folder\n  --> flag --baseline {name}\n  help: make it, or name another"
                );
                Err(Failure::new(USAGE, message))
            }
        };
    }
    archive::check_name(name).map_err(|problem| {
        failure(archive::Error { path: PathBuf::from(format!("flag --baseline {name}")), problem })
    })
}
