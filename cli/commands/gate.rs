//! `vajra gate`: runs a plan, holds it against a baseline, and ends with a code that a pipeline can act on.
//!
//! The baseline is a set of archived runs, a file, or, most telling, a second server that is measured by turns with the first.

use crate::commands::archive::{self, KeptRun};
use crate::commands::compare::{ComparisonRules, Presentation, Sheets, compared, refused};
use crate::commands::run::{Manner, look_before};
use crate::exit::{self, Failure, USAGE};
use crate::help;
use crate::input::flags::{PlanArgs, share};
use crate::input::load::Notes;
use crate::input::{document, load, store};
use crate::output::destination::Output;
use crate::output::junit::{self, GateFinding};
use crate::output::messages::tell_error;
use crate::output::plain::plain;
use crate::output::progress::Progress;
use crate::output::screen::Screen;
use crate::output::text;
use crate::server_process::Served;
use crate::session::{NewRun, Session};
use crate::target::{self, Ready};
use clap::{Args, Command, ValueHint};
use engine::compare::refusal::{Obstacle, PAIRS_MIN, require_comparable, require_same_plan};
use engine::compare::{Comparison, Judgement, Options, Regression, RegressionStatus};
use engine::config::Document;
use engine::plan::Plan;
use engine::quantity::counted;
use engine::redact;
use engine::report::{Calibrated, Report};
use engine::verdict::Status;
use socket2::SockAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

/// Runs of each side, when nothing else is asked for: the fewest whose spread says anything.
const RUNS_DEFAULT: u32 = 3;
/// By how much the candidate may be worse, when nothing else is asked for.
const LIMIT_DEFAULT: &str = "5%";
/// An INVALID run is made again this often: one stall of the machine should not cost a pipeline its answer.
const RETRIES: u32 = 1;

const EXAMPLES: &str = "\
Examples:
  vajra gate plan.toml --against http://old:8080/ --threshold 5%
  vajra gate plan.toml --against 'exec ./old' --with 'exec ./new'
  vajra gate plan.toml --baseline main --save-baseline
  vajra gate plan.toml --baseline main --threshold 3% --markdown gate.md";

/// The heading that stands first: what is held against what.
const SIDES: &str = "The two sides";

/// What is asked of a gate.
#[derive(Args)]
#[command(after_help = help::MORE, after_long_help = help::of_runs(EXAMPLES))]
pub(crate) struct GateArgs {
    /// Measure a base by turns: its URL, or a command.
    #[arg(
        long_help = "Measure a base by turns with the candidate: its URL, or the command that serves the plan's URL",
        long, value_name = "URL|CMD", conflicts_with = "baseline", help_heading = SIDES,
    )]
    against: Option<String>,
    /// The command that serves the candidate.
    #[arg(
        long_help = "The command that serves the plan's URL for the candidate's runs. Without it the candidate is up already.",
        long, value_name = "CMD", value_hint = ValueHint::CommandString, help_heading = SIDES,
    )]
    with: Option<String>,
    /// Hold the runs against saved ones, or a file.
    #[arg(
        long_help = "What to hold the runs against: a saved baseline, a tag, a run, or a file",
        long, value_name = "NAME|FILE", value_hint = ValueHint::AnyPath, help_heading = SIDES,
    )]
    baseline: Option<String>,
    /// Make the runs the baseline.
    #[arg(
        long_help = "Save the runs as the baseline, in place of what it held, and compare nothing",
        long,
        requires = "baseline",
        conflicts_with_all = ["json", "markdown", "svg"],
        help_heading = SIDES,
    )]
    save_baseline: bool,
    /// Runs of each side.
    #[arg(
        long,
        value_name = "N",
        default_value_t = RUNS_DEFAULT,
        value_parser = clap::value_parser!(u32).range(1..=100),
        help_heading = SIDES
    )]
    runs: u32,
    #[command(flatten)]
    plan: PlanArgs,
    /// Let what is unclear or DEGRADED fail.
    #[arg(
        long_help = "Let an unclear comparison, or a DEGRADED run, end with the code of an INVALID one, 3",
        long,
        help_heading = "Conditions"
    )]
    strict: bool,
    #[command(flatten, next_help_heading = "Comparison")]
    rules: ComparisonRules,
    #[command(flatten, next_help_heading = "Output")]
    presentation: Presentation,
    /// Write runs and finding as JUnit XML.
    #[arg(
        long_help = "Write the candidate's runs and what was found as JUnit XML, as CI servers show it; - is standard output",
        long,
        value_name = "FILE",
        help_heading = "Output"
    )]
    junit: Option<PathBuf>,
    /// Only what was asked for on standard output.
    #[arg(
        long_help = "Nothing on standard output but what was asked for",
        short = 'q',
        long,
        help_heading = "Output"
    )]
    quiet: bool,
    /// Run even though preflight objects.
    #[arg(
        long_help = "Run even though preflight says that the runs cannot be what was asked for",
        long,
        help_heading = "Preflight"
    )]
    force: bool,
    /// Keep the runs out of the archive.
    #[arg(long, help_heading = "Archive")]
    no_archive: bool,
}

/// The gate's command, with its limit among what is held against what: the flag is that of a plan's conditions.
pub(crate) fn with_limit_first(command: Command) -> Command {
    command.mut_arg("thresholds", |limit| {
        let help = format!("By how much it may be worse, such as {LIMIT_DEFAULT}");
        let long = format!(
            "By how much the candidate may be worse: --threshold {LIMIT_DEFAULT}, which is the default. Or a condition on each run, such as 'response p(99)<50ms'. May be given several times."
        );
        limit.value_name("SHARE|CONDITION").help(help).long_help(long).help_heading(SIDES).display_order(1)
    })
}

impl GateArgs {
    fn manner(&self, is_quiet: bool) -> Manner {
        Manner { is_quiet, is_forced: self.force, sends_all: self.plan.probe_all }
    }
}

/// What the side is called that is held against the other.
const CANDIDATE: &str = "candidate";

/// One side of the comparison: what is sent where, and who serves it.
struct GateSide {
    name: &'static str,
    plan: Plan,
    ready: Ready,
    command: Option<String>,
    calibration: Option<Calibrated>,
}

/// Runs, compares, and says what to do.
pub(crate) fn run(args: &GateArgs) -> Result<ExitCode, Failure> {
    require_base(args)?;
    let (limit, plan_args) = split_limit(&args.plan)?;
    let options = args.rules.options()?;
    let sheets = args.presentation.open(&args.junit)?;
    let junit = JunitSheet::open(args)?;
    let session = Session::begin()?;
    // Read once, for both sides: on standard input it comes once.
    let document = document::of_target(&plan_args.target)?;
    let plan = load::plan_of(document.clone(), &plan_args, Notes::Told)?;
    let mut candidate = GateSide::new(CANDIDATE, plan, args.with.clone(), &session)?;
    let against = args.against.as_deref();
    let base =
        against.map(|against| base_side(against, &candidate.plan, document, &plan_args, args, &session));
    let mut base = base.transpose()?;
    // Looked at before anything is sent: a baseline that is missing, or of another plan, is known at once.
    let saved = saved_baseline(args)?;
    if let Some(base) = saved.first() {
        require_same_plan(base, &candidate.plan, &options).map_err(|refusal| refused(&refusal))?;
    }
    let measured = match GateRuns::make(args, &session, base.as_mut(), &mut candidate) {
        Err(failure) if failure.code == exit::REGRESSION => {
            junit.write(&[], &GateFinding::Regressed(&failure.message));
            return Ok(regressed(&failure.message, sheets, args));
        }
        measured => measured?,
    };
    let plan_name = plain(&redact::written(&candidate.plan).name);
    base.into_iter().chain([candidate]).for_each(|side| side.ready.stop());
    let reports = if measured.base.is_empty() { &saved } else { &measured.base };
    match measured.stop(reports, args.rules.allows(Obstacle::Invalid), args.strict) {
        Some(Stop::Regression(regression)) => {
            junit.write(&measured.candidate, &GateFinding::Regressed(&regression));
            return Ok(regressed(&regression, sheets, args));
        }
        Some(Stop::Unusable(unusable)) => {
            junit.write(&measured.candidate, &GateFinding::NotCompared);
            return Ok(unusable.tell());
        }
        None => {}
    }
    let is_breached = tell_breaches(&measured.candidate);
    if let (Some(name), true) = (&args.baseline, args.save_baseline) {
        junit.write(&measured.candidate, &GateFinding::NotCompared);
        return save(name, &measured.candidate, is_breached, &options, &plan_name);
    }
    let is_paired = measured.is_paired();
    let fails_mostly = measured.fails_mostly(reports);
    let mut comparison = match compared(reports, &measured.candidate, &Options { is_paired, ..options }) {
        Ok(comparison) => comparison,
        Err(refusal) => {
            return fails_mostly.map_or(Err(refusal), |told| {
                junit.write(&measured.candidate, &GateFinding::Regressed(&told));
                Ok(regressed(&told, sheets, args))
            });
        }
    };
    let regression = held_against(&mut comparison, limit, fails_mostly);
    let is_junit_written = junit.write(&measured.candidate, &GateFinding::Judged(&regression));
    let is_written = sheets.tell(&comparison, Some(&regression), args.quiet)? && is_junit_written;
    let code = code_of(&regression, is_breached, args.strict);
    Ok(ExitCode::from(if code == 0 && !is_written { exit::RUNTIME } else { code }))
}

/// Where a gate's runs and finding are written as JUnit XML, if they are.
struct JunitSheet {
    output: Option<Output>,
    is_strict: bool,
}

impl JunitSheet {
    fn open(args: &GateArgs) -> Result<JunitSheet, Failure> {
        let output = args.junit.as_deref().map(|path| Output::open(path, "--junit")).transpose()?;
        Ok(JunitSheet { output, is_strict: args.strict })
    }

    /// False when it could not be written, which was then told.
    fn write(self, candidate: &[Report], finding: &GateFinding) -> bool {
        let Some(output) = self.output else { return true };
        let written = output.finish(|out| junit::write_gate(candidate, finding, self.is_strict, out));
        written.inspect_err(|problem| tell_error(&problem.to_string())).is_ok()
    }
}

/// Something has to be held against; a gate without it says how.
fn require_base(args: &GateArgs) -> Result<(), Failure> {
    if args.against.is_some() || args.baseline.is_some() {
        return Ok(());
    }
    let plan = redact::text(&args.plan.target);
    let message = format!(
        "a gate holds the plan's runs against others: give `--against` or `--baseline`\n  help: by turns with another server: `vajra gate {plan} --against URL`\n  help: against saved runs: `vajra gate {plan} --baseline main`, and once before with --save-baseline"
    );
    Err(Failure::new(USAGE, message))
}

/// Tells a regression that there are no figures of.
fn regressed(regression: &str, sheets: Sheets, args: &GateArgs) -> ExitCode {
    sheets.tell_failure(regression, args.quiet);
    ExitCode::from(exit::REGRESSION)
}

/// How a comparison stands to the limit. Where the candidate mostly failed, that is a regression whatever the rows tell, and all
/// that is written says so.
fn held_against(comparison: &mut Comparison, limit: f64, fails_mostly: Option<String>) -> Regression {
    let regression = comparison.regression(limit);
    let Some(text) = fails_mostly else { return regression };
    tell_error(&plain(&text));
    comparison.verdict = Judgement::Worse;
    comparison.notes.insert(0, text);
    Regression { status: RegressionStatus::Regressed, ..regression }
}

/// Makes the runs the baseline, unless they are none to hold others against.
fn save(
    name: &str,
    runs: &[Report],
    is_breached: bool,
    options: &Options,
    plan_name: &str,
) -> Result<ExitCode, Failure> {
    let failing = runs.iter().find(|run| run.outcome.is_failure());
    let why = match failing {
        Some(run) => Some(format!("in run {} the target failed ({})", run.run_id, plain(&run.outcome.text))),
        None => is_breached.then(|| "a condition of the plan is breached".to_owned()),
    };
    if let Some(why) = why {
        tell_error(&format!("{why}, so baseline `{name}` is left as it was"));
        return Ok(ExitCode::from(exit::THRESHOLD));
    }
    require_comparable(runs, options).map_err(|refusal| refused(&refusal))?;
    store::save_baseline(name, runs)?;
    eprintln!("baseline `{name}` holds {} of {plan_name}", counted(runs.len() as u64, "run"));
    Ok(ExitCode::SUCCESS)
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
fn base_side(
    against: &str,
    plan: &Plan,
    document: Option<Document>,
    plan_args: &PlanArgs,
    args: &GateArgs,
    session: &Session,
) -> Result<GateSide, Failure> {
    let is_url = against.contains("://") || against.starts_with("unix:") || against.starts_with("testbed:");
    if is_url {
        let plan_args = PlanArgs { url: Some(against.to_owned()), ..plan_args.clone() };
        let plan = load::plan_of(document, &plan_args, Notes::Untold)?;
        return GateSide::new("base", plan, None, session);
    }
    if args.with.is_none() {
        let message = format!(
            "the base is a command, and the candidate has none\n  --> flag --against {}\n  help: give the command that serves the candidate with --with; both serve the plan's URL, by turns",
            redact::text(against)
        );
        return Err(Failure::new(USAGE, message));
    }
    GateSide::new("base", plan.clone(), Some(against.to_owned()), session)
}

impl GateSide {
    fn new(
        name: &'static str,
        plan: Plan,
        command: Option<String>,
        session: &Session,
    ) -> Result<GateSide, Failure> {
        let ready = target::resolved(&plan, session)?;
        Ok(GateSide { name, plan, ready, command, calibration: None })
    }

    /// Something it is held against answers, or did: then a candidate that does not answer is worse, and no matter of set-up.
    fn is_held_against(&self, args: &GateArgs) -> bool {
        self.name == CANDIDATE && !args.save_baseline
    }

    /// A candidate whose server does not come up is worse than a base whose server did.
    fn not_served(&self, failure: Failure, args: &GateArgs) -> Failure {
        match self.is_held_against(args) && failure.code == exit::RUNTIME {
            true => Failure::new(exit::REGRESSION, format!("{}: a regression", failure.message)),
            false => failure,
        }
    }

    /// Looks before the load, and asks what calls take where that is not known. What FAILs because of the candidate alone is a regression.
    fn look(
        &mut self,
        args: &GateArgs,
        session: &Session,
        is_quiet: bool,
    ) -> Result<Option<Calibrated>, Failure> {
        let manner = args.manner(is_quiet);
        let may_regress = self.is_held_against(args) && !args.force;
        match target::described(&self.plan, &self.ready, session) {
            Ok(described) => self.plan = described.unwrap_or_else(|| self.plan.clone()),
            Err(failure) if may_regress && failure.code != exit::USAGE => {
                let told =
                    format!("the candidate does not say what it can be called with: {}", failure.message);
                return Err(Failure::new(exit::REGRESSION, format!("{told}: a regression")));
            }
            Err(failure) => return Err(failure),
        }
        let seen = look_before(&self.plan, &self.ready, session, manner)?;
        match seen.failure_of_target().filter(|_| may_regress) {
            Some(check) => {
                let told = format!("the candidate fails preflight: {}: a regression", check.found);
                Err(Failure::new(exit::REGRESSION, told))
            }
            None => seen.accepted(manner),
        }
    }

    /// One run of this side, made again when it is INVALID.
    fn run(&mut self, args: &GateArgs, session: &Session, turn: u32) -> Result<Report, Failure> {
        let addresses = self.ready.all()?;
        let served: Vec<SockAddr> = addresses.iter().flatten().cloned().collect();
        let server = self.command.as_deref().map(|command| Served::start(command, &served));
        let mut server = server.transpose()?;
        if let Some(server) = &mut server {
            let is_up = server.wait_until_ready(&served, || session.go_on());
            is_up.map_err(|failure| self.not_served(failure, args))?;
        }
        // What a command serves can only be looked at once it is up.
        let calibration = match self.command {
            Some(_) => self.look(args, session, args.quiet || turn > 0)?,
            None => self.calibration.clone(),
        };
        let mut retries = 0;
        loop {
            if !args.quiet {
                eprintln!("{}, run {} of {}", self.name, turn + 1, args.runs);
            }
            let mut run = NewRun::new(calibration.clone(), self.ready.dns_ns.clone());
            if !args.quiet {
                run.sinks.push(Box::new(Progress::new(&self.plan, &run.orders)));
            }
            let report = session.run(&self.plan, &addresses, run)?.report;
            if !args.no_archive {
                let is_hurried = session.signal().is_some();
                archive::keep(&KeptRun {
                    report: &report,
                    ended_at: SystemTime::now(),
                    tags: &[],
                    is_hurried,
                });
            }
            session.go_on()?;
            let is_invalid = report.verdict.status == Status::Invalid;
            if !is_invalid || retries == RETRIES {
                return Ok(report);
            }
            retries += 1;
            text::objections(&report).iter().for_each(|objection| eprintln!("{objection}; made again"));
        }
    }
}

/// Why runs are not compared.
#[derive(Debug)]
enum Stop {
    /// It needs no intervals; in words.
    Regression(String),
    /// Nothing can be concluded from them.
    Unusable(Failure),
}

/// The runs that were made.
#[derive(Default)]
struct GateRuns {
    base: Vec<Report>,
    candidate: Vec<Report>,
}

impl GateRuns {
    /// Looks at what is up already, then makes the runs; with a live base by turns, and which side is first changes from turn to turn. After one that cannot be
    /// used no more are made.
    fn make(
        args: &GateArgs,
        session: &Session,
        mut base: Option<&mut GateSide>,
        candidate: &mut GateSide,
    ) -> Result<GateRuns, Failure> {
        let sides = base.as_deref_mut().into_iter().chain([&mut *candidate]);
        for side in sides.filter(|side| side.command.is_none()) {
            side.calibration = side.look(args, session, args.quiet)?;
        }
        let mut measured = GateRuns::default();
        let allows_invalid = args.rules.allows(Obstacle::Invalid);
        for turn in 0..args.runs {
            let is_base_first = turn.is_multiple_of(2);
            for is_base in [is_base_first, !is_base_first] {
                match (is_base, base.as_deref_mut()) {
                    (true, Some(base)) => measured.base.push(base.run(args, session, turn)?),
                    (true, None) => {}
                    (false, _) => measured.candidate.push(candidate.run(args, session, turn)?),
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
        self.base.len() >= PAIRS_MIN && self.base.len() == self.candidate.len()
    }

    /// Why these runs are not compared with those of the base, if they are not.
    fn stop(&self, base: &[Report], allows_invalid: bool, is_strict: bool) -> Option<Stop> {
        if let Some(regression) = self.fails_altogether(base) {
            return Some(Stop::Regression(regression));
        }
        // A target that falls behind makes its own runs DEGRADED. Where that is a regression, strictness does not hide it.
        let is_strict = is_strict && self.fails_mostly(base).is_none();
        self.unusable(allows_invalid, is_strict).map(Stop::Unusable)
    }

    /// A regression that needs no intervals, in words: the candidate answered nothing with success, by its own doing, and the
    /// base did.
    fn fails_altogether(&self, base: &[Report]) -> Option<String> {
        let has_failed = |report: &&Report| report.requests.ok == 0;
        let is_base_good = !base.is_empty() && !base.iter().any(|run| has_failed(&run));
        let is_its_own = |report: &&Report| has_failed(report) && report.outcome.is_failure();
        let failed = self.candidate.iter().find(is_its_own).filter(|_| is_base_good)?;
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

    /// What to end with when nothing can be concluded from the runs; the reasons are told.
    fn unusable(&self, allows_invalid: bool, is_strict: bool) -> Option<Failure> {
        let all = || self.base.iter().chain(&self.candidate);
        if let Some(report) = all().find(|report| report.requests.status.is_empty()) {
            return Some(Failure::runtime(format!(
                "not one request of run {} got a response",
                report.run_id
            )));
        }
        let is_bad = |report: &&Report| match report.verdict.status {
            Status::Invalid => !allows_invalid,
            Status::Degraded => is_strict,
            Status::Valid => false,
        };
        let bad = all().find(is_bad)?;
        text::objections(bad).iter().for_each(|objection| eprintln!("{objection}"));
        let told = format!("run {} cannot be used, so nothing is concluded", bad.run_id);
        Some(Failure::new(exit::INVALID, told))
    }
}

/// Tells the conditions that were not met; false when there are none.
fn tell_breaches(candidates: &[Report]) -> bool {
    let breached = candidates.iter().flat_map(|report| &report.thresholds).filter(|threshold| !threshold.ok);
    let breached: Vec<_> = breached.collect();
    for threshold in &breached {
        eprint!("{}", text::threshold(threshold, &Screen::stderr()));
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
    use engine::compare::SideSummary;
    use engine::distribution::Distribution;
    use engine::record::Snapshot;
    use engine::report::{Identity, Measured};
    use engine::target_outcome::TargetStatus;

    /// A run that answered so many requests with success, and how it stands.
    fn run(ok: u64, status: Status, outcome: TargetStatus) -> Report {
        let args = PlanArgs { target: "http://h/".into(), rate: Some("100".into()), ..PlanArgs::default() };
        let plan = load::plan(&args).unwrap();
        let whole = Snapshot::new(1, &plan.layout(), plan.phases);
        let measured = Measured::of(whole, Vec::new());
        let identity = Identity { run_id: "r".into(), started_at: "t".into() };
        let mut report = Report::new(&plan, &measured, identity);
        report.requests.ok = ok;
        report.requests.status = [(200, ok)].into();
        report.verdict.status = status;
        report.outcome.status = outcome;
        report.outcome.text = "fell behind, 20 of 100 requests/s".into();
        report
    }

    fn stopped(candidate: Report, is_strict: bool) -> String {
        let base = [run(100, Status::Valid, TargetStatus::Held)];
        let measured = GateRuns { base: Vec::new(), candidate: vec![candidate] };
        match measured.stop(&base, false, is_strict) {
            None => "no".into(),
            Some(Stop::Regression(text)) => text,
            Some(Stop::Unusable(failure)) => failure.code.to_string(),
        }
    }

    #[test]
    fn strictness_does_not_hide_a_candidate_that_falls_behind() {
        let behind = || run(20, Status::Degraded, TargetStatus::FellBehind);
        assert_eq!((stopped(behind(), false), stopped(behind(), true)), ("no".into(), "no".into()));
        let measured = GateRuns { base: Vec::new(), candidate: vec![behind()] };
        let base = [run(100, Status::Valid, TargetStatus::Held)];
        assert!(measured.fails_mostly(&base).unwrap().contains("in 1 of 1 runs the candidate fell behind"));
        let disturbed = || run(100, Status::Degraded, TargetStatus::Held);
        assert_eq!((stopped(disturbed(), false), stopped(disturbed(), true)), ("no".into(), "3".into()));
        assert_eq!(stopped(run(20, Status::Invalid, TargetStatus::FellBehind), false), "3");
    }

    #[test]
    fn a_run_without_a_success_is_a_regression_where_it_is_the_candidates_doing_alone() {
        assert!(stopped(run(0, Status::Valid, TargetStatus::Failed), false).contains("succeeded"));
        assert_eq!(stopped(run(0, Status::Invalid, TargetStatus::Unknown), false), "3");
    }

    #[test]
    fn what_is_written_of_a_candidate_that_mostly_fails_is_that_it_regressed() {
        let side = || SideSummary {
            started_at: Vec::new(),
            targets: Vec::new(),
            run_ids: Vec::new(),
            names: Vec::new(),
            slices: 0,
            ok: 0,
            response_hdr: Distribution::new().encode(),
        };
        let mut comparison = Comparison {
            schema: 1,
            verdict: Judgement::Same,
            confidence: 0.95,
            row_confidence: 0.99,
            holds_spread_of_runs: false,
            base: side(),
            candidate: side(),
            rows: Vec::new(),
            notes: Vec::new(),
        };
        let passed = held_against(&mut comparison, 0.9, None);
        assert_eq!((passed.status, comparison.verdict), (RegressionStatus::Passed, Judgement::Same));
        let told = "in 3 of 3 runs the candidate fell behind".to_owned();
        let regression = held_against(&mut comparison, 0.9, Some(told.clone()));
        assert_eq!(regression.status, RegressionStatus::Regressed);
        assert_eq!(
            (comparison.verdict, code_of(&regression, false, false)),
            (Judgement::Worse, exit::REGRESSION)
        );
        for text in [
            crate::output::comparison_text::plain(&comparison, Some(&regression), &Screen::plain(80)),
            crate::output::comparison_text::markdown(&comparison, Some(&regression)),
        ] {
            assert!(text.contains("REGRESSED: ") && text.contains(&told), "{text}");
        }
    }

    #[test]
    fn runs_that_fail_are_no_baseline() {
        let failing = [run(40, Status::Valid, TargetStatus::Failed)];
        let options = Options::default();
        // Whatever else is in the way: that is asked first.
        assert_eq!(save("main", &failing, false, &options, "p").unwrap(), ExitCode::from(exit::THRESHOLD));
        let held = [run(100, Status::Valid, TargetStatus::Held)];
        assert!(save("main", &held, false, &options, "p").is_err(), "it has no history");
    }

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
