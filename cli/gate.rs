//! `vajra gate`: runs a plan, holds it against a baseline, and ends with a code that a pipeline can act on.
//!
//! The baseline is a set of archived runs, a file, or, most telling, a second server that is measured by turns with the first.

use crate::archive::{self, Ended};
use crate::args::PlanArgs;
use crate::compare::{Presentation, Rules, compared, refused};
use crate::exit::{self, Failure, USAGE};
use crate::find_max::share;
use crate::plain::plain;
use crate::progress::Progress;
use crate::run::{Manner, preflight};
use crate::served::Served;
use crate::target::{self, Ready};
use crate::turns::Turns;
use crate::{load, print, store};
use clap::Args;
use engine::compare::refusal::{Obstacle, require_comparable, require_same_plan};
use engine::compare::{Options, Regression, RegressionStatus};
use engine::plan::Plan;
use engine::quantity::counted;
use engine::redact;
use engine::report::{Calibrated, Report};
use engine::seams::Sink;
use engine::verdict::Status;
use socket2::{Socket, Type};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

/// Runs of each side, when nothing else is asked for: the fewest whose spread says anything.
const RUNS_DEFAULT: u32 = 3;
/// By how much the candidate may be worse, when nothing else is asked for.
const LIMIT_DEFAULT: &str = "5%";
/// An INVALID run is made again this often: one stall of the machine should not cost a pipeline its answer.
const RETRIES: u32 = 1;

/// What is asked of a gate.
#[derive(Args)]
pub(crate) struct GateArgs {
    #[command(flatten)]
    plan: PlanArgs,
    /// What to hold the runs against: a saved baseline, a tag, a run, or a file.
    #[arg(long, value_name = "NAME|FILE", required_unless_present = "against")]
    baseline: Option<String>,
    /// Save the runs as the baseline, in place of what it held, and compare nothing.
    #[arg(long, requires = "baseline", conflicts_with_all = ["json", "markdown", "svg"])]
    save_baseline: bool,
    /// Measure a baseline by turns with the candidate: its URL, or the command that serves the plan's URL.
    #[arg(long, value_name = "URL|CMD", conflicts_with = "baseline")]
    against: Option<String>,
    /// The command that serves the plan's URL for the candidate's runs. Absent: it is up already.
    #[arg(long, value_name = "CMD")]
    with: Option<String>,
    /// Runs of each side.
    #[arg(long, value_name = "N", default_value_t = RUNS_DEFAULT, value_parser = clap::value_parser!(u32).range(1..=100))]
    runs: u32,
    #[command(flatten)]
    rules: Rules,
    #[command(flatten)]
    presentation: Presentation,
    /// Let an unclear comparison, or a DEGRADED run, end with the code of an INVALID one.
    #[arg(long)]
    strict: bool,
    /// Run even though preflight says that the runs cannot be what was asked for.
    #[arg(long)]
    force: bool,
    /// Keep the runs out of the archive.
    #[arg(long)]
    no_archive: bool,
    /// Nothing on standard output but what was asked for.
    #[arg(short = 'q', long)]
    quiet: bool,
}

impl GateArgs {
    fn manner(&self, is_quiet: bool) -> Manner {
        Manner { is_quiet, is_forced: self.force, sends_all: self.plan.probe_all }
    }
}

/// What the side is called that is held against the other.
const CANDIDATE: &str = "candidate";
/// How long a candidate may take to accept a connection before it is called dead.
const REACHABLE: Duration = Duration::from_secs(5);

/// One side of the comparison: what is sent where, and who serves it.
struct Side {
    name: &'static str,
    plan: Plan,
    ready: Ready,
    command: Option<String>,
    calibration: Option<Calibrated>,
}

/// Runs, compares, and says what to do.
pub(crate) fn run(args: &GateArgs) -> Result<ExitCode, Failure> {
    let (limit, plan_args) = split_limit(&args.plan)?;
    let options = args.rules.options()?;
    let sheets = args.presentation.open()?;
    let turns = Turns::begin()?;
    let mut candidate = Side::new(CANDIDATE, &plan_args, args.with.clone(), &turns)?;
    let against = args.against.as_deref();
    let mut base = against.map(|against| base_side(against, &plan_args, args, &turns)).transpose()?;
    // Looked at before anything is sent: a baseline that is missing, or of another plan, is known at once.
    let saved = saved_baseline(args)?;
    if let Some(base) = saved.first() {
        require_same_plan(base, &candidate.plan, &options).map_err(|refusal| refused(&refusal))?;
    }
    // Something it is held against answers, or did: then a candidate that nobody can reach is worse, and not a matter of set-up.
    let is_held_against = !args.save_baseline && !args.force;
    for side in base.iter_mut().chain([&mut candidate]).filter(|side| side.command.is_none()) {
        if is_held_against && side.name == CANDIDATE && !side.is_reachable() {
            let told = "the candidate accepts no connection: a regression";
            sheets.tell_failure(told, args.quiet);
            return Ok(ExitCode::from(exit::REGRESSION));
        }
        side.calibration = preflight(&side.plan, &side.ready, &turns, args.manner(args.quiet))?;
    }
    let measured = Measured::make(args, &turns, base.as_ref(), &candidate)?;
    let plan_name = plain(&redact::written(&candidate.plan).name);
    base.into_iter().chain([candidate]).for_each(|side| side.ready.stop());
    let reports = if measured.base.is_empty() { &saved } else { &measured.base };
    if let Some(regression) = measured.fails_altogether(reports) {
        sheets.tell_failure(&regression, args.quiet);
        return Ok(ExitCode::from(exit::REGRESSION));
    }
    if let Some(code) = measured.unusable(args.rules.allows(Obstacle::Invalid), args.strict) {
        return Ok(ExitCode::from(code));
    }
    let is_breached = tell_breaches(&measured.candidate);
    if let (Some(name), true) = (&args.baseline, args.save_baseline) {
        if is_breached {
            eprintln!("error: a condition of the plan is breached, so baseline `{name}` is left as it was");
            return Ok(ExitCode::from(exit::THRESHOLD));
        }
        require_comparable(&measured.candidate, &options).map_err(|refusal| refused(&refusal))?;
        store::save_baseline(name, &measured.candidate)?;
        let runs = counted(measured.candidate.len() as u64, "run");
        eprintln!("baseline `{name}` holds {runs} of {plan_name}");
        return Ok(ExitCode::SUCCESS);
    }
    let is_paired = measured.is_paired();
    let fails_mostly = measured.fails_mostly(reports);
    let comparison = match compared(reports, &measured.candidate, &Options { is_paired, ..options }) {
        Ok(comparison) => comparison,
        Err(refusal) => {
            let Some(regression) = fails_mostly else { return Err(refusal) };
            sheets.tell_failure(&regression, args.quiet);
            return Ok(ExitCode::from(exit::REGRESSION));
        }
    };
    let regression = comparison.regression(limit);
    let is_written = sheets.tell(&comparison, Some(&regression), args.quiet)?;
    let code = match &fails_mostly {
        Some(text) => {
            eprintln!("{}", plain(text));
            exit::REGRESSION
        }
        None => code_of(&regression, is_breached, args.strict),
    };
    Ok(ExitCode::from(if code == 0 && !is_written { exit::RUNTIME } else { code }))
}

/// `--threshold 5%` is the gate's limit; any other threshold is a condition on each run, as in `vajra run`.
fn split_limit(args: &PlanArgs) -> Result<(f64, PlanArgs), Failure> {
    let is_share = |text: &&String| text.trim_start().starts_with(|c: char| c.is_ascii_digit());
    let (limits, conditions): (Vec<&String>, Vec<&String>) = args.thresholds.iter().partition(is_share);
    if limits.len() > 1 {
        let message = "two limits for one gate\n  --> flag --threshold\n  help: give one share, such as `--threshold 5%`; conditions look like 'response p(99)<50ms'";
        return Err(Failure::new(USAGE, message));
    }
    let limit = limits.first().map_or(LIMIT_DEFAULT, |text| text.as_str());
    let plan = PlanArgs { thresholds: conditions.into_iter().cloned().collect(), ..args.clone() };
    Ok((share(limit, "--threshold")?, plan))
}

fn saved_baseline(args: &GateArgs) -> Result<Vec<Report>, Failure> {
    match (&args.baseline, args.save_baseline) {
        (Some(name), true) => store::check_baseline(name).map(|()| Vec::new()),
        (Some(name), false) => store::reports(std::slice::from_ref(name)).map_err(|failure| {
            let hint = format!("or save one with `vajra gate … --baseline {name} --save-baseline`");
            Failure::new(failure.code, format!("{}, {hint}", failure.message.trim_end()))
        }),
        (None, _) => Ok(Vec::new()),
    }
}

/// The base that is measured by turns: at a URL of its own, or served at the plan's by a command.
fn base_side(against: &str, plan: &PlanArgs, args: &GateArgs, turns: &Turns) -> Result<Side, Failure> {
    let is_url = against.contains("://") || against.starts_with("unix:") || against.starts_with("testbed:");
    if is_url {
        let plan = PlanArgs { url: Some(against.to_owned()), ..plan.clone() };
        return Side::new("base", &plan, None, turns);
    }
    if args.with.is_none() {
        let message = format!(
            "the base is a command, and the candidate has none\n  --> flag --against {}\n  help: give the command that serves the candidate with --with; both serve the plan's URL, by turns",
            redact::text(against)
        );
        return Err(Failure::new(USAGE, message));
    }
    Side::new("base", plan, Some(against.to_owned()), turns)
}

impl Side {
    fn new(
        name: &'static str,
        args: &PlanArgs,
        command: Option<String>,
        turns: &Turns,
    ) -> Result<Side, Failure> {
        let plan = load::plan(args)?;
        let ready = target::make_ready(&plan, turns)?;
        Ok(Side { name, plan, ready, command, calibration: None })
    }

    /// A candidate whose server does not come up is worse than a base whose server did.
    fn not_served(&self, failure: Failure, args: &GateArgs) -> Failure {
        let is_regression = self.name == CANDIDATE && failure.code == exit::RUNTIME && !args.save_baseline;
        match is_regression {
            true => Failure::new(exit::REGRESSION, format!("{}: a regression", failure.message)),
            false => failure,
        }
    }

    /// Whether anything listens where it is to be measured.
    fn is_reachable(&self) -> bool {
        let Ok(addresses) = &self.ready.addresses else { return true };
        addresses.iter().any(|address| {
            let socket = Socket::new(address.domain(), Type::STREAM, None);
            socket.and_then(|socket| socket.connect_timeout(address, REACHABLE)).is_ok()
        })
    }

    /// One run of this side, made again when it is INVALID.
    fn run(&self, args: &GateArgs, turns: &Turns, turn: u32) -> Result<Report, Failure> {
        let addresses = self.ready.addresses.clone().map_err(Failure::runtime)?;
        let served = self.command.as_deref().map(|command| Served::start(command, &addresses, turns));
        let _served = served.transpose().map_err(|failure| self.not_served(failure, args))?;
        // What a command serves can only be looked at once it is up.
        let calibration = match self.command {
            Some(_) => preflight(&self.plan, &self.ready, turns, args.manner(args.quiet || turn > 0))?,
            None => self.calibration.clone(),
        };
        let mut retries = 0;
        loop {
            if !args.quiet {
                eprintln!("{}, run {} of {}", self.name, turn + 1, args.runs);
            }
            let sinks: Vec<Box<dyn Sink>> =
                if args.quiet { Vec::new() } else { vec![Box::new(Progress::new(&self.plan))] };
            let report = turns.run(&self.plan, &addresses, calibration.clone(), sinks)?;
            if !args.no_archive {
                let is_hurried = turns.signal().is_some();
                archive::keep(&Ended { report: &report, ended_at: SystemTime::now(), tags: &[], is_hurried });
            }
            turns.go_on()?;
            let is_invalid = report.verdict.status == Status::Invalid;
            if !is_invalid || retries == RETRIES {
                return Ok(report);
            }
            retries += 1;
            print::objections(&report).iter().for_each(|objection| eprintln!("{objection}; made again"));
        }
    }
}

/// The runs that were made.
#[derive(Default)]
struct Measured {
    base: Vec<Report>,
    candidate: Vec<Report>,
}

impl Measured {
    /// Makes the runs; with a live base by turns, and which side is first changes from turn to turn. After one that cannot be
    /// used no more are made.
    fn make(
        args: &GateArgs,
        turns: &Turns,
        base: Option<&Side>,
        candidate: &Side,
    ) -> Result<Measured, Failure> {
        let mut measured = Measured::default();
        let allows_invalid = args.rules.allows(Obstacle::Invalid);
        for turn in 0..args.runs {
            let is_base_first = turn.is_multiple_of(2);
            for is_base in [is_base_first, !is_base_first] {
                match (is_base, base) {
                    (true, Some(base)) => measured.base.push(base.run(args, turns, turn)?),
                    (true, None) => {}
                    (false, _) => measured.candidate.push(candidate.run(args, turns, turn)?),
                }
            }
            if measured.is_any(Status::Invalid) && !allows_invalid {
                break;
            }
        }
        Ok(measured)
    }

    fn is_any(&self, status: Status) -> bool {
        self.base.iter().chain(&self.candidate).any(|report| report.verdict.status == status)
    }

    fn is_paired(&self) -> bool {
        self.base.len() >= 3 && self.base.len() == self.candidate.len()
    }

    /// A regression that needs no intervals, in words: the candidate answered nothing with success, and the base did.
    fn fails_altogether(&self, base: &[Report]) -> Option<String> {
        let has_failed = |report: &&Report| report.requests.ok == 0;
        let is_base_good = !base.is_empty() && !base.iter().any(|run| has_failed(&run));
        let failed = self.candidate.iter().find(has_failed).filter(|_| is_base_good)?;
        let id = &failed.run_id;
        Some(format!("not one request of run {id} succeeded, and those of the base did: a regression"))
    }

    /// Another: in most of its runs the candidate did not do what was asked of it, and the base did in all of its. One run alone may
    /// have been disturbed.
    fn fails_mostly(&self, base: &[Report]) -> Option<String> {
        let is_failure = |report: &&Report| report.outcome.is_failure();
        if base.is_empty() || base.iter().any(|run| is_failure(&run)) {
            return None;
        }
        let failures: Vec<&Report> = self.candidate.iter().filter(is_failure).collect();
        let first = failures.first().filter(|_| failures.len() * 2 > self.candidate.len())?;
        let (count, runs, text) = (failures.len(), self.candidate.len(), &first.outcome.text);
        Some(format!("in {count} of {runs} runs the candidate {text}; the base did not: a regression"))
    }

    /// The code to end with when nothing can be concluded from the runs, which is then told.
    fn unusable(&self, allows_invalid: bool, is_strict: bool) -> Option<u8> {
        let all = || self.base.iter().chain(&self.candidate);
        if let Some(report) = all().find(|report| report.requests.status.is_empty()) {
            eprintln!("error: not one request completed in run {}", report.run_id);
            return Some(exit::RUNTIME);
        }
        let is_bad = |report: &&Report| match report.verdict.status {
            Status::Invalid => !allows_invalid,
            Status::Degraded => is_strict,
            Status::Valid => false,
        };
        let bad = all().find(is_bad)?;
        print::objections(bad).iter().for_each(|objection| eprintln!("{objection}"));
        eprintln!("error: run {} cannot be used, so nothing is concluded", bad.run_id);
        Some(exit::INVALID)
    }
}

/// Tells the conditions that were not met; false when there are none.
fn tell_breaches(candidates: &[Report]) -> bool {
    let breached = candidates.iter().flat_map(|report| &report.thresholds).filter(|threshold| !threshold.ok);
    let breached: Vec<_> = breached.collect();
    for threshold in &breached {
        eprintln!("✗ {}, measured {}", threshold.text, threshold.shown);
    }
    !breached.is_empty()
}

fn code_of(regression: &Regression, is_breached: bool, is_strict: bool) -> u8 {
    match regression.status {
        RegressionStatus::Regressed => exit::REGRESSION,
        _ if is_breached => exit::THRESHOLD,
        RegressionStatus::Unclear if is_strict => exit::INVALID,
        RegressionStatus::Unclear | RegressionStatus::Passed => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(thresholds: &[&str]) -> Result<(f64, Vec<String>), Failure> {
        let thresholds = thresholds.iter().map(|text| (*text).to_owned()).collect();
        let (limit, plan) = split_limit(&PlanArgs { thresholds, ..PlanArgs::default() })?;
        Ok((limit, plan.thresholds))
    }

    #[test]
    fn a_share_is_the_limit_and_anything_else_a_condition() {
        assert_eq!(split(&[]).unwrap(), (0.05, vec![]));
        let conditions = vec!["failed<1%".to_owned()];
        assert_eq!(split(&["3%", "failed<1%"]).unwrap(), (0.03, conditions));
        assert!(split(&["3%", "4%"]).unwrap_err().message.contains("two limits"));
        assert!(split(&["300%"]).unwrap_err().message.contains("--threshold 300%"));
    }
}
