//! `vajra run`: plan, preflight, run, report, exit code.

use crate::commands::archive::{self, KeptRun};
use crate::commands::calibrate;
use crate::commands::check::{look, show};
use crate::control::changes::ControlledRun;
use crate::control::live_figures::LiveFigures;
use crate::control::reload::PlanFile;
use crate::control::server::{ControlServer, Hearing};
use crate::exit::{self, Failure};
use crate::help;
use crate::input::flags::PlanArgs;
use crate::input::load;
use crate::input::telemetry_flags::TelemetryArgs;
use crate::output::destination::Unwritten;
use crate::output::files::{Outputs, RunFiles, write_spectrum};
use crate::output::messages::tell_error;
use crate::output::progress::Progress;
use crate::output::screen::Screen;
use crate::output::stdout::say_beside;
use crate::output::text;
use crate::session::{EndedRun, NewRun, Session};
use crate::target;
use crate::target::Ready;
use crate::telemetry::TelemetryOutputs;
use clap::Args;
use engine::plan::Plan;
use engine::report::{Calibrated, Report};
use engine::verdict::Status;
use shards::preflight::{Check, Grade, REQUEST};
use signal_hook::consts::SIGHUP;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::SystemTime;

const EXAMPLES: &str = "\
Examples:
  vajra run http://10.0.0.2:8080/ -R 10k -c 200 -d 60s --warmup 5s
  vajra run http://10.0.0.2:8080/ -t 2 -c 128          closed loop, two cores
  vajra run http://h/api -m PUT -b @body.json -H 'Content-Type: text/plain'
  vajra run plan.toml --strict --threshold 'response p(99)<50ms'
  vajra run 'testbed:/?error=1%' -R 500 --json -       the built-in server";

/// What is asked of a run.
#[derive(Args)]
#[command(after_help = help::MORE, after_long_help = help::of_runs(EXAMPLES))]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) plan: PlanArgs,
    /// Let a DEGRADED run fail, as an INVALID one.
    #[arg(
        long_help = "Let a DEGRADED run end with the code of an INVALID one, 3",
        long,
        help_heading = "Conditions"
    )]
    strict: bool,
    #[command(flatten, next_help_heading = "Output")]
    files: RunFiles,
    /// Print the spectrum of percentiles as well.
    #[arg(
        long_help = "Print the percentile spectrum of response times after the report",
        short = 'L',
        long,
        alias = "latency",
        help_heading = "Output"
    )]
    spectrum: bool,
    /// No progress, and no report on standard output.
    #[arg(short = 'q', long, help_heading = "Output")]
    quiet: bool,
    /// Run even though preflight objects.
    #[arg(
        long_help = "Run even though preflight says that the run cannot be what was asked for",
        long,
        help_heading = "Preflight"
    )]
    force: bool,
    /// Read the plan's file again when it changes.
    #[arg(
        long_help = "Take over what changes in the plan's file while the run goes on: rates, shapes, numbers of users, pacing, think times and thresholds. SIGHUP does it once.",
        long,
        conflicts_with = "no_control",
        help_heading = "Control"
    )]
    watch: bool,
    /// Let nobody change the run while it goes on.
    #[arg(
        long_help = "Do without the socket that `vajra control` asks, and leave SIGHUP alone",
        long,
        help_heading = "Control"
    )]
    no_control: bool,
    #[command(flatten)]
    telemetry: TelemetryArgs,
    /// Name the run in the archive. Repeatable.
    #[arg(long = "tag", value_name = "NAME", help_heading = "Archive")]
    tags: Vec<String>,
    /// Do not keep the run in the archive.
    #[arg(long, conflicts_with = "tags", help_heading = "Archive")]
    no_archive: bool,
}

/// Runs a plan and says how it went.
pub(crate) fn run(args: &RunArgs) -> Result<ExitCode, Failure> {
    let plan = load::plan(&args.plan)?;
    archive::check_tags(&args.tags)?;
    let mut outputs = args.files.open()?;
    let mut telemetry = TelemetryOutputs::open(&args.telemetry)?;
    let session = Session::begin()?;
    let file = plan_file(args, &plan)?;
    let (plan, ready) = target::make_ready(plan, &session)?;
    let manner = Manner { is_quiet: args.quiet, is_forced: args.force, sends_all: args.plan.probe_all };
    let calibration = preflight(&plan, &ready, &session, manner)?;
    telemetry.check(&session, args.force)?;
    let addresses = ready.all()?;
    let mut run = NewRun::new(calibration, ready.dns_ns.clone());
    if file.is_some() {
        run.reads.note(false);
    }
    run.sinks.extend(outputs.take_timeseries(&plan, &run.id, &run.orders));
    if !args.quiet {
        run.sinks.push(Box::new(Progress::new(&plan, &run.orders)));
    }
    telemetry.begin(&plan, &mut run, args.quiet)?;
    let server = if args.no_control { None } else { Some(listen(args, &plan, &mut run, file)?) };
    let ended = session.run(&plan, &addresses, run);
    let events = server.map(ControlServer::stop).unwrap_or_default();
    let EndedRun { mut report, incomplete_outputs } = ended?;
    report.events = events;
    report.exports = telemetry.exports(&report.run_id);
    let ended_at = SystemTime::now();
    ready.stop();
    let is_written = tell(&report, outputs, incomplete_outputs, args);
    let code = code_of(&report, session.signal(), args.strict);
    if args.quiet {
        text::objections(&report).iter().for_each(|objection| eprintln!("{objection}"));
    }
    if !args.no_archive {
        let is_hurried = session.signal().is_some();
        archive::keep(&KeptRun { report: &report, ended_at, tags: &args.tags, is_hurried });
    }
    telemetry.hold(&session, args.quiet);
    Ok(ExitCode::from(if code == 0 && !is_written { exit::RUNTIME } else { code }))
}

/// The plan's file, to be read again; none of a URL, of standard input, or of what cannot be read twice.
fn plan_file(args: &RunArgs, plan: &Plan) -> Result<Option<PlanFile>, Failure> {
    let path = Path::new(&args.plan.target);
    if !path.is_file() {
        return match args.watch {
            true => Err(Failure::new(
                exit::USAGE,
                "`--watch` needs a plan's file\n  help: write the plan into a file, and run it",
            )),
            false => Ok(None),
        };
    }
    let flags = args.plan.clone();
    let read_again = move || load::plan_again(&flags);
    Ok(Some(PlanFile::new(path, plan.clone(), Box::new(read_again))))
}

/// Lets the run be asked something while it goes on.
fn listen(
    args: &RunArgs,
    plan: &Plan,
    run: &mut NewRun,
    file: Option<PlanFile>,
) -> Result<ControlServer, Failure> {
    let figures = LiveFigures::default();
    run.sinks.push(Box::new(figures.clone()));
    let hangup = Arc::new(AtomicBool::new(false));
    if file.is_some() {
        let registered = signal_hook::flag::register(SIGHUP, hangup.clone());
        registered.map_err(|error| Failure::runtime(format!("SIGHUP cannot be caught: {error}")))?;
    }
    let controlled =
        ControlledRun { run_id: run.id.clone(), plan: plan.clone(), orders: run.orders.clone(), figures };
    let hearing =
        Hearing { file, reads: run.reads.clone(), watches: args.watch, hangup, is_quiet: args.quiet };
    let started = ControlServer::start(controlled, hearing);
    started.map_err(|error| Failure::runtime(format!("no thread for `vajra control`: {error}")))
}

/// How preflight goes about it.
#[derive(Clone, Copy)]
pub(crate) struct Manner {
    /// Nothing but what failed is worth a line.
    pub(crate) is_quiet: bool,
    /// What fails is told, and the run goes on.
    pub(crate) is_forced: bool,
    /// Requests that are not safe are sent as well.
    pub(crate) sends_all: bool,
}

/// Looks before the load is sent, and goes on unless something FAILs. Returns what is known of this machine.
pub(crate) fn preflight(
    plan: &Plan,
    ready: &Ready,
    session: &Session,
    manner: Manner,
) -> Result<Option<Calibrated>, Failure> {
    look_before(plan, ready, session, manner)?.accepted(manner)
}

/// What was seen before the load.
pub(crate) struct PreflightFindings {
    calibration: Option<Calibrated>,
    failed: Vec<Check>,
}

impl PreflightFindings {
    /// What the target does that it should not, if that is all that is in the way.
    pub(crate) fn failure_of_target(&self) -> Option<&Check> {
        self.failed.first().filter(|_| self.failed.iter().all(|check| check.is_of_target))
    }

    /// Nothing may have failed, unless the run is to go on anyway.
    pub(crate) fn accepted(self, manner: Manner) -> Result<Option<Calibrated>, Failure> {
        if self.failed.is_empty() || manner.is_forced {
            return Ok(self.calibration);
        }
        let message = "preflight refused: no load was sent; fix what FAILed, or use --force";
        Err(Failure::new(exit::PREFLIGHT, message))
    }
}

/// Looks before the load is sent, and says what it sent itself; of the rest, what is in order is not worth a line.
pub(crate) fn look_before(
    plan: &Plan,
    ready: &Ready,
    session: &Session,
    manner: Manner,
) -> Result<PreflightFindings, Failure> {
    let calibration = calibrate::cached(plan);
    let checks = look(plan, ready, session, calibration.as_ref(), manner.sends_all)?;
    let is_noteworthy = |check: &&Check| match check.grade {
        Grade::Fail => true,
        Grade::Warn | Grade::Skip => !manner.is_quiet,
        Grade::Pass => !manner.is_quiet && check.name == REQUEST,
    };
    let screen = Screen::stderr();
    checks.iter().filter(is_noteworthy).for_each(|check| eprint!("{}", show(check, &screen)));
    let failed = checks.into_iter().filter(|check| check.grade == Grade::Fail).collect();
    Ok(PreflightFindings { calibration, failed })
}

/// Prints and writes. Files that cannot be written are told, and cost nothing but themselves: the text still comes.
fn tell(report: &Report, outputs: Outputs, incomplete: Vec<String>, args: &RunArgs) -> bool {
    let uses_stdout = args.files.use_stdout();
    let text = text::report(report, &Screen::beside(uses_stdout));
    let mut problems: Vec<String> =
        outputs.write(report, args.strict).iter().map(Unwritten::to_string).collect();
    problems.extend(incomplete);
    let is_silent = args.quiet && problems.is_empty();
    if !is_silent && let Err(failure) = say_beside(uses_stdout, &text) {
        problems.push(failure.message);
    }
    if args.spectrum {
        let mut lines = vec![b'\n'];
        let made = write_spectrum(report, &mut lines).map_err(|error| error.to_string());
        let said = made.and_then(|()| {
            say_beside(uses_stdout, &String::from_utf8_lossy(&lines)).map_err(|failure| failure.message)
        });
        problems.extend(said.err());
    }
    problems.iter().for_each(|problem| tell_error(problem));
    problems.is_empty()
}

/// A signal says more than what came before it; numbers that cannot be used say more than thresholds on them. That the target does
/// what is asked of it is a condition that nobody has to write down.
fn code_of(report: &Report, signal: Option<u8>, is_strict: bool) -> u8 {
    if let Some(code) = signal {
        return code;
    }
    match report.verdict.status {
        // What it was asked to be ended by says why nothing came of it.
        status if report.aborting().is_some() && status != Status::Invalid => exit::THRESHOLD,
        _ if report.requests.ok == 0 => {
            tell_error("not one request succeeded");
            exit::RUNTIME
        }
        Status::Invalid => exit::INVALID,
        _ if report.outcome.is_failure() || !report.meets_thresholds() => exit::THRESHOLD,
        Status::Degraded if is_strict => exit::INVALID,
        Status::Degraded | Status::Valid => 0,
    }
}
