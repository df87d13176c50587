//! Linux `perf stat` around a program: the counters of processor and kernel that this machine has, and which it has not.
//!
//! In most virtual machines the processor's counters are absent; the kernel's software events are always there, and its
//! tracepoints for whoever may read them.

use crate::process::{self, EndedProcess};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Everything that is asked for, in the order of tables, and what it is called there.
pub(crate) const EVENTS: [(&str, &str); 8] = [
    ("task-clock", "CPU time, ns"),
    ("context-switches", "context switches"),
    ("page-faults", "page faults"),
    (SYSTEM_CALLS, "system calls"),
    ("cycles", "cycles"),
    ("instructions", "instructions"),
    ("branch-misses", "branch misses"),
    ("cache-misses", "cache misses"),
];

/// A tracepoint: needs tracefs and the right to read it.
pub(crate) const SYSTEM_CALLS: &str = "raw_syscalls:sys_enter";

/// Counts by event; an event that the machine does not have is absent. `task-clock` is in nanoseconds.
pub(crate) type Counts = BTreeMap<String, f64>;

/// The events of [`EVENTS`] that can be counted here. An error says how to get perf.
pub(crate) fn available() -> Result<Vec<&'static str>, String> {
    process::run(Command::new("perf").arg("--version"))?;
    let mut events = Vec::new();
    for (event, _) in EVENTS {
        // Each is tried alone: one unknown event fails the whole command.
        let mut command = Command::new("perf");
        command.args(["stat", "-x", ",", "-e", event, "--", "true"]);
        if read(&process::run(&mut command)?.stderr).contains_key(event) {
            events.push(event);
        }
    }
    Ok(events)
}

/// Runs a command to its end under perf, counting these events in it and its children.
pub(crate) fn run(command: &Command, events: &[&str]) -> Result<(EndedProcess, Counts), String> {
    let file = tempfile::NamedTempFile::new().map_err(|error| format!("no temporary file: {error}"))?;
    let mut wrapped = wrap(command, events, file.path());
    let ended = process::run(&mut wrapped)?;
    let text = std::fs::read_to_string(file.path())
        .map_err(|error| format!("`{}` left no counts: {error}", process::shown(&wrapped)))?;
    Ok((ended, read(&text)))
}

fn wrap(command: &Command, events: &[&str], file: &Path) -> Command {
    let mut wrapped = Command::new("perf");
    wrapped.args(["stat", "-x", ",", "-e", &events.join(","), "-o"]).arg(file).arg("--");
    wrapped.arg(command.get_program()).args(command.get_args());
    wrapped
}

/// Reads what `perf stat -x,` wrote: value, unit, event, and more, one event to a line.
fn read(text: &str) -> Counts {
    text.lines().filter_map(read_line).collect()
}

fn read_line(line: &str) -> Option<(String, f64)> {
    let mut fields = line.split(',');
    // `<not supported>` and `<not counted>` are no numbers.
    let value: f64 = fields.next()?.parse().ok()?;
    let unit = fields.next()?;
    // An event may come back with the mode it was counted in, as `cycles:u`; tracepoints have a colon of their own.
    let event = fields.next()?;
    let is_mode = |rest: &str| rest.starts_with(':');
    let mut known = EVENTS.iter().map(|&(known, _)| known);
    let name = known.find(|known| event == *known || event.strip_prefix(*known).is_some_and(is_mode))?;
    Some((name.to_owned(), if unit == "msec" { value * 1e6 } else { value }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "# started on Thu Nov 20 19:38:00 2025

0.57,msec,task-clock,574227,100.00,0.162,CPUs utilized
1,,context-switches,574227,100.00,1.741,K/sec
51,,page-faults:u,574227,100.00,88.815,K/sec
29,,raw_syscalls:sys_enter,574227,100.00,50.503,K/sec
<not supported>,,cycles,0,100.00,,
<not counted>,,instructions,0,0.00,,
";

    #[test]
    fn what_the_machine_has_is_read_and_what_it_has_not_is_absent() {
        let counts = read(OUTPUT);
        assert_eq!(counts.len(), 4, "{counts:?}");
        assert_eq!((counts["task-clock"], counts["context-switches"]), (570_000.0, 1.0));
        assert_eq!((counts["page-faults"], counts[SYSTEM_CALLS]), (51.0, 29.0));
        assert!(!counts.contains_key("cycles") && !counts.contains_key("instructions"));
    }

    #[test]
    fn a_wrapped_command_is_the_same_command() {
        let mut command = Command::new("taskset");
        command.args(["-c", "1", "true"]);
        let wrapped = wrap(&command, &["task-clock", "cycles"], Path::new("counts"));
        assert_eq!(
            process::shown(&wrapped),
            "perf stat -x , -e task-clock,cycles -o counts -- taskset -c 1 true"
        );
    }
}
