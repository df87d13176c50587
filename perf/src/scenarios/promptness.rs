//! How long an operator waits: for a run to end after SIGINT, at the worst moment, and for preflight.

use super::rig::{BudgetFigure, Rig};
use crate::builtin::Builtin;
use crate::cores::{GENERATOR_CORE, SERVER_CORE};
use crate::process::{self, shown};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const CONNECTIONS: u32 = 64;
/// Longer than any run here: every request is under way when the signal comes, and stays so.
const PATH: &str = "/?service=fixed:60s";
/// Preflight waits for a response as long as a request may take.
const ANSWER_TIMEOUT: &str = "3s";
const RUN_SECONDS: u32 = 60;
/// Until the signal: the run has begun by then. Preflight does not send a method that may change something.
const RUNNING: Duration = Duration::from_secs(3);
/// A run that has not ended by then is killed.
const PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(1);
const SIGINT_EXIT: i32 = 130;
const PREFLIGHT_EXIT: i32 = 4;

pub(super) fn measure(rig: &Rig) -> Result<Vec<BudgetFigure>, String> {
    let testbed = Builtin::testbed(&rig.vajra, SERVER_CORE)?;
    let count = rig.length.pick(3, 1);
    let interrupts = (0..count).map(|_| interrupt_s(rig, &testbed)).collect::<Result<Vec<f64>, String>>()?;
    let paths = ["/", PATH].into_iter();
    let checks =
        paths.map(|path| preflight_s(rig, &testbed.url(path))).collect::<Result<Vec<f64>, String>>()?;
    let note = format!("the longest of {count}");
    let found = format!(
        "{:.3} s where the target answers; this is one that does not, with a timeout of {ANSWER_TIMEOUT}",
        checks[0]
    );
    let longest = |seconds: &[f64]| seconds.iter().copied().fold(0.0, f64::max);
    Ok(vec![
        BudgetFigure::new(
            "interrupt",
            longest(&interrupts),
            format!("{note}; {CONNECTIONS} requests under way"),
        ),
        BudgetFigure::new("preflight", longest(&checks), found),
    ])
}

fn interrupt_s(rig: &Rig, testbed: &Builtin) -> Result<f64, String> {
    let url = testbed.url(PATH);
    let more = ["--quiet", "--timeout", "60s", "-m", "POST"];
    let mut command = rig.vajra.command(GENERATOR_CORE, CONNECTIONS, RUN_SECONDS, &url, &more);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| process::explain(&command, &error))?;
    std::thread::sleep(RUNNING);
    let sent = Instant::now();
    process::run(Command::new("kill").args(["-INT", &child.id().to_string()]))?;
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.code() == Some(SIGINT_EXIT) => {
                return Ok(sent.elapsed().as_secs_f64());
            }
            Ok(Some(status)) => {
                return Err(format!("`{}` ended with {status} after SIGINT", shown(&command)));
            }
            _ if sent.elapsed() > PATIENCE => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("`{}` did not end after SIGINT", shown(&command)));
            }
            _ => std::thread::sleep(POLL),
        }
    }
}

fn preflight_s(rig: &Rig, url: &str) -> Result<f64, String> {
    let mut command = rig.vajra.check(url);
    command.args(["--timeout", ANSWER_TIMEOUT]);
    let begun = Instant::now();
    let ended = process::run(&mut command)?;
    match ended.status.code() {
        Some(0 | PREFLIGHT_EXIT) => Ok(begun.elapsed().as_secs_f64()),
        _ => Err(format!("`{}` ended with {}: {}", shown(&command), ended.status, ended.stderr.trim())),
    }
}
