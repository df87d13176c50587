//! `vajra run`: plan, preflight, run, report, exit code.

use crate::args::RunArgs;
use crate::check::{look, show, worst};
use crate::exit::{self, Failure};
use crate::outputs::{Outputs, write_spectrum};
use crate::progress::Progress;
use crate::signals::Listener;
use crate::target::Ready;
use crate::{calibrate, load, print, target};
use engine::plan::Plan;
use engine::report::{Calibrated, Identity, Report};
use engine::seams::{Runner, Sink};
use engine::verdict::Status;
use shards::lanes::Control;
use shards::preflight::Grade;
use shards::{INCOMPLETE, Shards};
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::SystemTime;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

/// Runs a plan and says how it went.
pub(crate) fn run(args: &RunArgs) -> Result<ExitCode, Failure> {
    let plan = load::plan(&args.plan)?;
    let mut outputs = Outputs::open(args)?;
    let control = Arc::new(Control::default());
    let signals = Listener::start(control.clone()).map_err(Failure::runtime)?;
    let ready = target::make_ready(&plan)?;
    let calibration = calibrate::cached(&plan);
    preflight(&plan, &ready, calibration.as_ref(), args)?;
    let addresses = ready.addresses.clone().map_err(Failure::runtime)?;
    let mut shards = Shards::new(addresses, control, Box::new(identity)).calibrated(calibration);
    let mut sinks: Vec<Box<dyn Sink>> = outputs.take_timeseries(&plan).into_iter().collect();
    if !args.quiet {
        sinks.push(Box::new(Progress::new(&plan)));
    }
    let report = shards.run(&plan, sinks).map_err(Failure::runtime)?;
    ready.stop();
    let is_written = tell(&report, outputs, args);
    let code = code_of(&report, &signals, args.strict);
    if args.quiet {
        print::objections(&report).iter().for_each(|objection| eprintln!("{objection}"));
    }
    Ok(ExitCode::from(if code == 0 && !is_written { exit::RUNTIME } else { code }))
}

/// Looks before anything is sent. What is in order is not worth a line.
fn preflight(
    plan: &Plan,
    ready: &Ready,
    calibration: Option<&Calibrated>,
    args: &RunArgs,
) -> Result<(), Failure> {
    let checks = look(plan, ready, calibration);
    let is_noteworthy = |grade: Grade| grade == Grade::Fail || (grade == Grade::Warn && !args.quiet);
    checks.iter().filter(|check| is_noteworthy(check.grade)).for_each(|check| eprintln!("{}", show(check)));
    if worst(&checks) == Grade::Fail && !args.force {
        let message =
            "preflight refused: nothing was sent; mend what FAILed, or use --force to run all the same";
        return Err(Failure::new(exit::PREFLIGHT, message));
    }
    Ok(())
}

fn identity(started_at: SystemTime) -> Identity {
    Identity { run_id: Uuid::new_v4().to_string(), started_at: show_time(started_at) }
}

/// An instant as RFC 3339 has it, UTC.
pub(crate) fn show_time(time: SystemTime) -> String {
    OffsetDateTime::from(time).format(&Rfc3339).unwrap_or_else(|_| "unknown".into())
}

/// Prints and writes. Files that cannot be written are told, and cost nothing but themselves: the text still comes.
fn tell(report: &Report, outputs: Outputs, args: &RunArgs) -> bool {
    let text = print::report(report);
    let mut problems = outputs.write(report);
    problems.extend(report.limits.iter().filter(|limit| limit.starts_with(INCOMPLETE)).cloned());
    let is_silent = args.quiet && problems.is_empty();
    match (Outputs::use_stdout(args), is_silent) {
        (_, true) => {}
        (true, false) => eprint!("{text}"),
        (false, false) => print!("{text}"),
    }
    if args.spectrum {
        let mut out: Box<dyn Write> =
            if Outputs::use_stdout(args) { Box::new(std::io::stderr()) } else { Box::new(std::io::stdout()) };
        if let Err(error) = writeln!(out).and_then(|()| write_spectrum(report, &mut out)) {
            eprintln!("error: the spectrum cannot be written: {error}");
        }
    }
    problems.iter().for_each(|problem| eprintln!("error: {problem}"));
    problems.is_empty()
}

/// A signal says more than what came before it; numbers that cannot be used say more than thresholds on them.
fn code_of(report: &Report, signals: &Listener, is_strict: bool) -> u8 {
    let completed = report.requests.status.values().sum::<u64>();
    match report.verdict.status {
        _ if signals.code().is_some() => signals.code().unwrap_or(exit::RUNTIME),
        _ if completed == 0 => {
            eprintln!("error: not one request completed");
            exit::RUNTIME
        }
        Status::Invalid => exit::INVALID,
        _ if !report.meets_thresholds() => exit::THRESHOLD,
        Status::Degraded if is_strict => exit::INVALID,
        Status::Degraded | Status::Valid => 0,
    }
}
