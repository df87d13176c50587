//! Runs a program to its end and takes what it cost.
//!
//! The cost is the difference of `getrusage(RUSAGE_CHILDREN)` around the child's end: the same sum that `wait4` returns
//! for it (the kernel adds one to the other when the child is reaped), without unsafe code. It holds as long as no
//! other child is reaped meanwhile, so programs run one after the other here, and servers are reaped when they are
//! stopped.

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike};
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::process::{Command, ExitStatus, Output, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A child that has ended.
#[derive(Debug)]
pub(crate) struct EndedProcess {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// CPU time of the whole process, user and system. The kernel samples their shares at ticks, but the sum is exact.
    pub(crate) cpu_s: f64,
}

/// How often a process is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// One child is reaped at a time.
static REAPING: Mutex<()> = Mutex::new(());

/// Runs a command to its end. A program that is not there is an error that says how to get it.
pub(crate) fn run(command: &mut Command) -> Result<EndedProcess, String> {
    let _one_at_a_time = REAPING.lock().unwrap_or_else(PoisonError::into_inner);
    let before_s = children_cpu_s()?;
    let output = command.stdin(Stdio::null()).output().map_err(|error| explain(command, &error))?;
    let cpu_s = children_cpu_s()? - before_s;
    let Output { status, stdout, stderr } = output;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ok(EndedProcess { status, stdout: text(stdout), stderr: text(stderr), cpu_s })
}

/// Runs a command to its end, and looks at its process again and again until then. What it prints is to be short: it is read at the end.
pub(crate) fn run_watched(command: &mut Command, mut look: impl FnMut(u32)) -> Result<EndedProcess, String> {
    let _one_at_a_time = REAPING.lock().unwrap_or_else(PoisonError::into_inner);
    let before_s = children_cpu_s()?;
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| explain(command, &error))?;
    while matches!(child.try_wait(), Ok(None)) {
        look(child.id());
        std::thread::sleep(LOOK);
    }
    let output = child.wait_with_output().map_err(|error| explain(command, &error))?;
    let cpu_s = children_cpu_s()? - before_s;
    let Output { status, stdout, stderr } = output;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ok(EndedProcess { status, stdout: text(stdout), stderr: text(stderr), cpu_s })
}

/// The command as one would type it.
pub(crate) fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}

/// Why a command could not be started, and what to do.
pub(crate) fn explain(command: &Command, error: &std::io::Error) -> String {
    let program = command.get_program().to_string_lossy();
    match error.kind() {
        ErrorKind::NotFound => format!("`{program}` is not there; {}", remedy(&program)),
        _ => format!("`{}` could not be started: {error}", shown(command)),
    }
}

/// How to get a program on the systems this is developed on.
pub(crate) fn remedy(program: &str) -> String {
    let package = match program {
        "taskset" => "util-linux",
        "kill" => "procps",
        "perf" => "linux-perf",
        other => other,
    };
    format!("install it with `apt-get install {package}`")
}

fn children_cpu_s() -> Result<f64, String> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).map_err(|error| format!("getrusage failed: {error}"))?;
    let seconds = |time: TimeVal| time.num_microseconds() as f64 / 1e6;
    Ok(seconds(usage.user_time()) + seconds(usage.system_time()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_that_works_costs_more_than_one_that_sleeps() {
        let shell = |script: &str| run(Command::new("sh").args(["-c", script])).unwrap();
        let worked = shell("i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; echo $i");
        let slept = shell("sleep 0.2; exit 3");
        assert_eq!((worked.stdout.trim(), slept.status.code()), ("300000", Some(3)));
        assert!(worked.cpu_s > 2.0 * slept.cpu_s, "{} against {}", worked.cpu_s, slept.cpu_s);
    }

    #[test]
    fn a_process_is_looked_at_while_it_runs_and_its_end_is_told() {
        let (mut looks, mut command) = (Vec::new(), Command::new("sh"));
        let ended =
            run_watched(command.args(["-c", "echo $$; sleep 0.2; exit 3"]), |process| looks.push(process));
        let ended = ended.unwrap();
        assert_eq!((ended.stdout.trim(), ended.status.code()), (looks[0].to_string().as_str(), Some(3)));
        assert!(looks.iter().all(|process| *process == looks[0]));
    }

    #[test]
    fn a_missing_program_is_named_with_its_package() {
        let problem = run(&mut Command::new("no-such-program")).unwrap_err();
        assert_eq!(
            problem,
            "`no-such-program` is not there; install it with `apt-get install no-such-program`"
        );
    }
}
