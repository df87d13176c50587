//! Vajra itself, as a user has it: the release binary, run from outside, its report read as anyone would read it.

use crate::perf_stat::{self, Counts};
use crate::process::{self, EndedProcess};
use crate::scratch::{target_folder, workspace};
use engine::compare::Comparison;
use engine::report::{Report, earlier};
use engine::verdict::Status;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Exit codes that come with a complete report: valid or degraded, and invalid.
const EXITS_WITH_REPORT: [i32; 2] = [0, 3];

/// The binary.
pub(crate) struct Vajra {
    path: PathBuf,
}

/// One run of it.
pub(crate) struct Run {
    pub(crate) report: Report,
    pub(crate) ended: EndedProcess,
}

impl Vajra {
    /// The binary at a path, or the workspace's release binary, which is built if it is not there.
    pub(crate) fn find(given: Option<&Path>) -> Result<Vajra, String> {
        if let Some(path) = given {
            let is_there = path.is_file();
            return is_there
                .then(|| Vajra { path: path.to_owned() })
                .ok_or(format!("{} is not a file", path.display()));
        }
        let path = target_folder().join("release/vajra");
        if !path.is_file() {
            build()?;
        }
        Ok(Vajra { path })
    }

    /// The binary of the source as it is now: built again if need be.
    pub(crate) fn built_now() -> Result<Vajra, String> {
        build()?;
        Vajra::find(None)
    }

    /// One pinned shard against a URL. `more` are further arguments.
    pub(crate) fn command(
        &self,
        core: usize,
        connections: u32,
        seconds: u32,
        url: &str,
        more: &[&str],
    ) -> Command {
        let core = core.to_string();
        let mut arguments = vec!["-t", "1", "--cores", &core];
        arguments.extend(more);
        self.bare_command(connections, seconds, url, &arguments)
    }

    /// A run against a URL. Every run of this package begins here.
    pub(crate) fn bare_command(&self, connections: u32, seconds: u32, url: &str, more: &[&str]) -> Command {
        let mut command = Command::new(&self.path);
        // Saving a run costs CPU time of the process, and belongs to nobody's archive here.
        command.args([
            "run",
            url,
            "--no-archive",
            "-c",
            &connections.to_string(),
            "-d",
            &format!("{seconds}s"),
        ]);
        command.args(more);
        command
    }

    /// Any call of it.
    pub(crate) fn words(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.path);
        command.args(words);
        command
    }

    /// Preflight against a URL.
    pub(crate) fn check(&self, url: &str) -> Command {
        let mut command = Command::new(&self.path);
        command.args(["check", url]);
        command
    }

    /// The built-in server on any free port, with further arguments.
    pub(crate) fn testbed(&self, more: &[&str]) -> Command {
        let mut command = Command::new(&self.path);
        command.args(["testbed", "--port", "0"]).args(more);
        command
    }

    /// What `vajra compare` says of two reports.
    pub(crate) fn compare(&self, base: &Path, candidate: &Path) -> Result<Comparison, String> {
        let mut command = Command::new(&self.path);
        command.arg("compare").args([base, candidate]).args(["--quiet", "--json", "-"]);
        let ended = process::run(&mut command)?;
        serde_json::from_str(&ended.stdout).map_err(|error| {
            format!("`{}`: {error} ({}): {}", process::shown(&command), ended.status, ended.stderr.trim())
        })
    }

    /// Runs a command of [`Vajra::command`] to its end, quietly, and reads its report.
    pub(crate) fn run(command: &mut Command) -> Result<Run, String> {
        Vajra::run_in(command, process::run)
    }

    /// The same, with the counts of `perf stat` for these events.
    pub(crate) fn run_counted(command: &mut Command, events: &[&str]) -> Result<(Run, Counts), String> {
        let mut counts = Counts::new();
        let run = Vajra::run_in(command, |command| {
            let (ended, counted) = perf_stat::run(command, events)?;
            counts = counted;
            Ok(ended)
        })?;
        Ok((run, counts))
    }

    /// The same, looked at again and again while it runs.
    pub(crate) fn run_watched(command: &mut Command, look: impl FnMut(u32)) -> Result<Run, String> {
        Vajra::run_in(command, |command| process::run_watched(command, look))
    }

    fn run_in(
        command: &mut Command,
        run: impl FnOnce(&mut Command) -> Result<EndedProcess, String>,
    ) -> Result<Run, String> {
        let file = tempfile::NamedTempFile::new().map_err(|error| format!("no temporary file: {error}"))?;
        let ended = run(command.args(["--quiet", "--json"]).arg(file.path()))?;
        let shown = process::shown(command);
        if !ended.status.code().is_some_and(|code| EXITS_WITH_REPORT.contains(&code)) {
            return Err(format!("`{shown}` ended with {}: {}", ended.status, ended.stderr.trim()));
        }
        let text = std::fs::read_to_string(file.path())
            .map_err(|error| format!("`{shown}` left no report: {error}"))?;
        let report =
            read(&text).map_err(|error| format!("the report of `{shown}` cannot be read: {error}"))?;
        Ok(Run { report, ended })
    }

    /// Runs it for a second as a person would, and fails if the verdict is not among what it prints.
    pub(crate) fn require_printed_verdict(
        &self,
        core: usize,
        url: &str,
        more: &[&str],
    ) -> Result<(), String> {
        let mut command = self.command(core, 1, 1, url, more);
        let ended = process::run(&mut command)?;
        let words = [Status::Valid, Status::Degraded, Status::Invalid].map(Status::name);
        if words.iter().any(|word| ended.stdout.contains(word)) {
            return Ok(());
        }
        let EndedProcess { status, stdout, stderr, .. } = ended;
        Err(format!("`{}` printed no verdict ({status}):\n{stdout}{stderr}", process::shown(&command)))
    }
}

/// Requests that ended in any way, over all phases: runs of this package have no warm-up, so the measured window is
/// all there is.
pub(crate) fn completed(report: &Report) -> u64 {
    report.requests.ok + report.requests.failed
}

fn build() -> Result<(), String> {
    let mut command = Command::new("cargo");
    command.args(["build", "--release", "--bin", "vajra"]).current_dir(workspace()).stdin(Stdio::null());
    let status = command.status().map_err(|error| process::explain(&command, &error))?;
    status.success().then_some(()).ok_or("vajra does not build; see above".into())
}
/// A report, of this build or of an earlier one that it is compared with.
fn read(text: &str) -> Result<Report, serde_json::Error> {
    let mut report = serde_json::from_str(text)?;
    earlier::lift(&mut report);
    serde_json::from_value(report)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_of_an_earlier_build_is_read() {
        let file = workspace().join("tests/fixtures/schema-1/report.json");
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.contains("\"schema\": 1") || text.contains("\"schema\":1"));
        assert_eq!(read(&text).unwrap().schema, engine::report::SCHEMA);
    }
}
