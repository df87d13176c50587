//! Runs the built program and takes apart what it says.

use crate::agreement::assert_agrees;
use engine::report::Report;
use serde_json::Value;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// The code of a run whose numbers must not be used.
const INVALID: i32 = 3;

/// One call of the program, in a folder of its own.
pub(crate) struct Vajra {
    command: Command,
    folder: TempDir,
    writes_json: bool,
}

/// How a call ended.
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// The report, if one was written.
    pub(crate) report: Value,
    pub(crate) folder: TempDir,
}

/// A call under way.
pub(crate) struct Running {
    child: Child,
    folder: TempDir,
}

pub(crate) fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_vajra"))
}

impl Vajra {
    /// `vajra` with these words.
    pub(crate) fn new(words: &[&str]) -> Vajra {
        Vajra::under(&[], words)
    }

    /// `vajra run` of a target, with these words, and its report as JSON.
    pub(crate) fn run(target: &str, words: &[&str]) -> Vajra {
        Vajra::run_under(&[], target, words)
    }

    /// The same, started by another program.
    pub(crate) fn run_under(wrapper: &[&str], target: &str, words: &[&str]) -> Vajra {
        let mut vajra = Vajra::under(wrapper, &["run", target]);
        vajra.command.args(words).args(["--json", "report.json"]);
        vajra.writes_json = true;
        vajra
    }

    /// The program started by another one, such as `prlimit`.
    pub(crate) fn under(wrapper: &[&str], words: &[&str]) -> Vajra {
        let mut command = match wrapper.split_first() {
            None => Command::new(binary()),
            Some((program, arguments)) => {
                let mut command = Command::new(program);
                command.args(arguments).arg(binary());
                command
            }
        };
        let folder = tempfile::tempdir().unwrap();
        // What this machine was calibrated to do is no part of a test, unless the test says so.
        command.env("XDG_CACHE_HOME", folder.path().join("cache"));
        // Nor is where this machine sends its metrics.
        let variables = std::env::vars_os().map(|(name, _)| name);
        let of_telemetry = variables.filter(|name| name.to_string_lossy().starts_with("OTEL_"));
        for name in of_telemetry {
            command.env_remove(name);
        }
        command.args(words).current_dir(folder.path()).stdin(Stdio::null());
        // Where it can be asked something is no place of the user's either.
        let runtime = std::env::temp_dir().join("vajra-tests");
        std::fs::create_dir_all(&runtime).unwrap();
        command.env("XDG_RUNTIME_DIR", runtime);
        // What a test runs is kept with the test, not with the runs of whoever runs it.
        command.env("XDG_DATA_HOME", folder.path().join("data"));
        Vajra { command, folder, writes_json: false }
    }

    pub(crate) fn folder(self, name: &str) -> Vajra {
        std::fs::create_dir(self.folder.path().join(name)).unwrap();
        self
    }

    pub(crate) fn file(self, name: &str, text: &str) -> Vajra {
        std::fs::write(self.folder.path().join(name), text).unwrap();
        self
    }

    pub(crate) fn variable(mut self, name: &str, value: &str) -> Vajra {
        self.command.env(name, value);
        self
    }

    /// Gives it this on standard input.
    pub(crate) fn input(mut self, text: &str) -> Vajra {
        let path = self.folder.path().join("standard-input");
        std::fs::write(&path, text).unwrap();
        self.command.stdin(std::fs::File::open(path).unwrap());
        self
    }

    pub(crate) fn start(mut self) -> Running {
        let child = self.command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        Running { child, folder: self.folder }
    }

    pub(crate) fn done(mut self) -> Done {
        let output = self.command.output().unwrap();
        let done = Done::new(output, self.folder);
        assert!(!self.writes_json || !done.report.is_null() || done.code != 0, "no report: {}", done.stderr);
        done
    }
}

/// A text without its line breaks and indentations: where lines wrap is no test's business but the golden ones'.
pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Running {
    /// Waits until it has a thread of this name: how far it has come, however slow the machine is. `preflight` looks at the
    /// target, `collector` is there once the shards have their connections, `signals` once a signal is caught.
    pub(crate) fn await_thread(&self, name: &str) {
        let tasks = format!("/proc/{}/task", self.child.id());
        let named = |task: std::io::Result<std::fs::DirEntry>| {
            let found = std::fs::read_to_string(task.ok()?.path().join("comm")).ok()?;
            (found.trim_end() == name).then_some(())
        };
        while !std::fs::read_dir(&tasks).unwrap().any(|task| named(task).is_some()) {
            self.assert_runs(&format!("it had a thread `{name}`"));
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The names of its threads.
    pub(crate) fn threads(&self) -> Vec<String> {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap().flatten();
        let names = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
        names.map(|name| name.trim_end().to_owned()).collect()
    }

    /// Fails when it has ended, which it was not to before something.
    pub(crate) fn assert_runs(&self, before: &str) {
        let state = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        assert!(!state.contains(") Z "), "it ended before {before}");
    }

    /// The folder it runs in.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn signal(&self, signal: i32) {
        let sent = Command::new("kill").args([format!("-{signal}"), self.child.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    pub(crate) fn done(self) -> Done {
        Done::new(self.child.wait_with_output().unwrap(), self.folder)
    }
}

impl Done {
    fn new(output: Output, folder: TempDir) -> Done {
        let report = std::fs::read_to_string(folder.path().join("report.json")).ok();
        let report = report.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or(Value::Null);
        if !report["verdict"].is_null() {
            let whole: Report = serde_json::from_value(report.clone()).expect("a report can be read again");
            assert_agrees(&whole, "report.json");
        }
        Done {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            report,
            folder,
        }
    }

    /// A number in the report, by JSON pointer.
    pub(crate) fn number(&self, pointer: &str) -> f64 {
        let value = self
            .report
            .pointer(pointer)
            .unwrap_or_else(|| panic!("no {pointer}: {}\n{}", self.stderr, self.report));
        value.as_f64().unwrap_or_else(|| panic!("{pointer} is {value}"))
    }

    pub(crate) fn count(&self, pointer: &str) -> u64 {
        self.number(pointer) as u64
    }

    /// All arrivals of the measured window. A busy machine may leave some of them unsent at the end; none is lost.
    pub(crate) fn arrivals(&self) -> u64 {
        ["sent", "dropped", "unsent"].iter().map(|key| self.count(&format!("/requests/{key}"))).sum()
    }

    /// Asserts that all of a window's arrivals are accounted for, and that none of those that were sent has failed. Returns how many ended well:
    /// a busy machine may leave some of them unsent.
    pub(crate) fn assert_none_failed(&self, arrivals: u64) -> u64 {
        let part = if self.report.get("iterations").is_some() { "iterations" } else { "requests" };
        let count = |key: &str| self.report[part][key].as_u64().unwrap_or(0);
        let unsent = count("dropped") + count("unsent") + count("withheld");
        assert_eq!((count("ok") + unsent, count("failed")), (arrivals, 0), "{}", self.stdout);
        assert!(count("ok") > 0, "{}", self.stdout);
        count("ok")
    }

    /// Failures of one kind.
    pub(crate) fn errors(&self, kind: &str) -> u64 {
        self.report.pointer(&format!("/requests/errors/{kind}")).and_then(Value::as_u64).unwrap_or(0)
    }

    /// Asserts how a measured run ended. On a machine that is too busy to measure on a run is rightly INVALID, which says more
    /// than the code that was asked for: what the test is about has to be asserted beside this.
    pub(crate) fn assert_ended_with(&self, code: i32) {
        let is_invalid = self.report["verdict"]["status"] == "INVALID";
        let expected = if is_invalid { INVALID } else { code };
        assert_eq!(self.code, expected, "{}\n{}", self.stderr, self.report["verdict"]);
    }

    /// Asserts that everything that was scheduled is accounted for.
    pub(crate) fn assert_accounted(&self) {
        let errors: u64 =
            self.report["requests"]["errors"].as_object().unwrap().values().filter_map(Value::as_u64).sum();
        assert_eq!(errors, self.count("/requests/failed"), "{}", self.report["requests"]);
        let statuses: u64 =
            self.report["requests"]["status"].as_object().unwrap().values().filter_map(Value::as_u64).sum();
        assert_eq!(
            statuses,
            ["status", "check", "extract"]
                .iter()
                .fold(self.count("/requests/ok"), |sum, kind| sum + self.errors(kind)),
            "{}",
            self.report["requests"]
        );
        assert_eq!(self.count("/requests/ok"), self.count("/response_ns/count"));
    }

    /// The lines of a file it wrote, as JSON.
    pub(crate) fn json_lines(&self, name: &str) -> Vec<Value> {
        let text = std::fs::read_to_string(self.folder.path().join(name)).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub(crate) fn assert_says(&self, parts: &[&str]) {
        let said = one_line(&self.stderr);
        for part in parts {
            assert!(said.contains(&one_line(part)), "`{part}` is not in:\n{}", self.stderr);
        }
    }
}
