//! What an operation costs in instructions and system calls, counted by valgrind's callgrind. It executes the program on a
//! processor of its own making, so the count is the same every time, whatever else the machine does.
//!
//! The operation is done N times and 2N times, each in a process of its own; the difference is N operations without
//! starting, preparing or ending. Every other figure of callgrind (its time above all) is of the simulation and is not used.

use crate::process;
use std::path::Path;
use std::process::{Command, Stdio};
use vajra_perf::operations::CountedOperation;

/// An operation that makes calls makes one for each of its batch, or nearly.
const CALLS_OF_NO_OPERATION: u64 = 20;

/// What a process has cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Totals {
    instructions: u64,
    calls: u64,
}

/// What one operation costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cost {
    pub(crate) instructions: f64,
    pub(crate) calls: f64,
}

/// Counts an operation of this very program.
pub(crate) fn count(operation: &CountedOperation) -> Result<Cost, String> {
    let once = run(operation, operation.batch)?;
    let twice = run(operation, 2 * operation.batch)?;
    cost(once, twice, operation.batch)
        .ok_or_else(|| format!("{}: twice the work took fewer instructions than once", operation.title()))
}

/// The version, such as `valgrind-3.19.0`. An error says how to get it.
pub(crate) fn version() -> Result<String, String> {
    Ok(process::run(Command::new("valgrind").arg("--version"))?.stdout.trim().to_owned())
}

fn cost(once: Totals, twice: Totals, count: u64) -> Option<Cost> {
    let instructions = twice.instructions.checked_sub(once.instructions)?;
    // When the C library asks for memory depends on what was given back before, and on addresses: there may be fewer, and some of a
    // batch are no operation's, however small the batch is.
    let calls = twice.calls.saturating_sub(once.calls);
    let calls = if calls <= CALLS_OF_NO_OPERATION && calls < count { 0 } else { calls };
    Some(Cost { instructions: instructions as f64 / count as f64, calls: calls as f64 / count as f64 })
}

fn run(operation: &CountedOperation, count: u64) -> Result<Totals, String> {
    let program = std::env::current_exe().map_err(|error| format!("this program has no path: {error}"))?;
    let file = tempfile::NamedTempFile::new().map_err(|error| format!("no temporary file: {error}"))?;
    let mut command = command(&program, file.path(), operation, count);
    let output = command.output().map_err(|error| process::explain(&command, &error))?;
    let shown = process::shown(&command);
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        return Err(format!("`{shown}` ended with {}: {}", output.status, stderr.trim()));
    }
    let text =
        std::fs::read_to_string(file.path()).map_err(|error| format!("`{shown}` left no counts: {error}"))?;
    read(&text).ok_or_else(|| format!("`{shown}` left no counts of instructions and system calls"))
}

/// Several run at a time, so the processes are not among those whose CPU time is taken.
fn command(program: &Path, file: &Path, operation: &CountedOperation, count: u64) -> Command {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--collect-systime=yes"]);
    command.arg(format!("--callgrind-out-file={}", file.display())).arg(program);
    command.args(["operation", &operation.title(), "--count", &count.to_string()]);
    command.stdin(Stdio::null());
    command
}

/// Reads the totals from callgrind's file: one line names the events, another has their sums in the same order.
fn read(text: &str) -> Option<Totals> {
    let find = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
    let (events, sums) = (find("events:")?, find("totals:")?);
    let sum = |event: &str| {
        let place = events.split_whitespace().position(|word| word == event)?;
        sums.split_whitespace().nth(place)?.parse().ok()
    };
    Some(Totals { instructions: sum("Ir")?, calls: sum("sysCount")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# callgrind format
version: 1
creator: callgrind-3.19.0
pid: 6549
cmd:  vajra-perf operation record/request --count 20480
part: 1

desc: I1 cache:
desc: Trigger: Program termination

positions: line
events: Ir sysCount sysTime
summary: 31374164 189 125

ob=(1) vajra-perf
fn=(1) main
16 5
totals: 31374164 188 125
";

    #[test]
    fn counts_are_found_by_their_names() {
        assert_eq!(read(FILE), Some(Totals { instructions: 31_374_164, calls: 188 }));
        let reordered = FILE.replace("events: Ir sysCount sysTime", "events: sysCount sysTime Ir");
        assert_eq!(read(&reordered), Some(Totals { instructions: 125, calls: 31_374_164 }));
        assert_eq!(read(&FILE.replace(" sysCount sysTime", "")), None);
        assert_eq!(read("totals: 1 2"), None);
    }

    #[test]
    fn what_is_done_once_only_is_not_in_the_cost() {
        let (once, twice) =
            (Totals { instructions: 1_500, calls: 107 }, Totals { instructions: 2_000, calls: 107 });
        assert_eq!(cost(once, twice, 100), Some(Cost { instructions: 5.0, calls: 0.0 }));
        assert_eq!(cost(twice, once, 100), None);
    }
}
