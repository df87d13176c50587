//! `vajra find-max`: the highest rate a target sustains under conditions on its responses.
//!
//! What rate is tried next is decided in `engine::search`; here each one is run, judged and shown.

use crate::commands::run::{Manner, preflight};
use crate::exit::{self, Failure, USAGE};
use crate::help;
use crate::input::flags::{self, PlanArgs, share};
use crate::input::load;
use crate::output::chart;
use crate::output::destination::{self, Output, Unwritten};
use crate::output::figures::{NOTHING, grouped, percentage, time};
use crate::output::layout::{hanging, row};
use crate::output::messages::tell_error;
use crate::output::plain::plain;
use crate::output::screen::{Screen, Tone};
use crate::output::stdout::say_beside;
use crate::session::{NewRun, Session};
use crate::target::{self, Ready};
use clap::Args;
use engine::config::hint;
use engine::judge::judge;
use engine::load::Load;
use engine::plan::{Plan, Probed, Scenario};
use engine::quantity::{Rate, SECOND_NS};
use engine::redact;
use engine::report::{Calibrated, Report};
use engine::schedule::{Segment, Shape};
use engine::search::{Answer, LimitedBy, ProbeOutcome, Search, SearchStep, Settings};
use engine::threshold::{Aggregation, Metric, Relation, Threshold};
use engine::verdict::Status;
use serde::Serialize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Version of the keys of `--json`.
const SCHEMA: u32 = 1;
/// Where the search starts when the plan has no rate.
const START_RPS: f64 = 100.0;
/// What is asked of failures where the conditions say nothing of them: percentiles are of successes, so a target that fails
/// quickly would meet them.
const FAILED_DEFAULT: &str = "failed<1%";
/// The longest pause before a probe is made again.
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// How often a pause looks whether a signal came.
const PAUSE_STEP: Duration = Duration::from_millis(100);
/// A probe warms up for this part (1/n) of its length when the plan does not say how long.
const WARMUP_PART: u64 = 5;

const EXAMPLES: &str = "\
Examples:
  vajra find-max http://10.0.0.2:8080/ --slo 'p(99)<50ms, failed<0.1%' -c 200
  vajra find-max plan.toml --scenario read --from 1k --to 50k
  vajra find-max plan.toml -d 5s --tolerance 5% --svg curve.svg --json -";

/// The heading that stands first.
const SEARCH: &str = "Search";

/// What is asked of a search.
#[derive(Args)]
#[command(after_help = help::MORE, after_long_help = help::of_runs(EXAMPLES))]
pub(crate) struct FindMaxArgs {
    /// What a sustained rate has to meet.
    #[arg(
        long_help = "What a sustained rate has to meet, such as 'p(99)<50ms, failed<0.1%' [default: the plan's thresholds]. Without a condition on failures, failed<1% is added.",
        long, value_name = "CONDITIONS", help_heading = SEARCH,
    )]
    slo: Option<String>,
    /// The scenario whose rate is searched.
    #[arg(
        long_help = "The scenario whose rate is searched; the others keep theirs [default: all together, in the plan's proportions]",
        long, value_name = "NAME", help_heading = SEARCH,
    )]
    scenario: Option<String>,
    /// The lowest rate worth finding.
    #[arg(long, value_name = "RATE", default_value = "1", help_heading = SEARCH)]
    from: String,
    /// The highest rate to try.
    #[arg(long, value_name = "RATE", default_value = "10M", help_heading = SEARCH)]
    to: String,
    /// How close the answer has to be.
    #[arg(
        long_help = "How close the answer has to be: the lowest rate that is not sustained over the highest that is, less 1",
        long, value_name = "SHARE", default_value = "2%", help_heading = SEARCH,
    )]
    tolerance: String,
    /// How sure each probe has to be.
    #[arg(long, value_name = "SHARE", default_value = "95%", help_heading = SEARCH)]
    confidence: String,
    #[command(flatten)]
    plan: PlanArgs,
    /// Let a limit other than the target fail.
    #[arg(
        long_help = "End with the code of an INVALID run, 3, when the limit is the generator, not the target, or is not known",
        long,
        help_heading = "Conditions"
    )]
    strict: bool,
    /// Write answer and probes as JSON; - is stdout.
    #[arg(
        long_help = "Write the answer and every probe as JSON; - is standard output",
        long,
        value_name = "FILE",
        help_heading = "Output"
    )]
    json: Option<PathBuf>,
    /// Write the curve by rate as SVG.
    #[arg(
        long_help = "Write the curve of response times by rate as SVG",
        long,
        value_name = "FILE",
        help_heading = "Output"
    )]
    svg: Option<PathBuf>,
    /// No line for each probe.
    #[arg(short = 'q', long, help_heading = "Output")]
    quiet: bool,
    /// Search even though preflight objects.
    #[arg(
        long_help = "Search even though preflight says that runs cannot be what was asked for",
        long,
        help_heading = "Preflight"
    )]
    force: bool,
}

/// One rate that was tried.
#[derive(Serialize)]
struct Probe {
    rate_rps: f64,
    achieved_rps: f64,
    length_s: f64,
    outcome: &'static str,
    why: String,
    verdict: Status,
    /// Nothing where no request succeeded.
    p50_ns: Option<u64>,
    p99_ns: Option<u64>,
    /// Nothing where no arrival was due.
    failed_share: Option<f64>,
}

/// The answer as JSON.
#[derive(Serialize)]
struct Found<'a> {
    schema: u32,
    target: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    scenario: Option<&'a str>,
    slo: Vec<String>,
    #[serde(flatten)]
    answer: &'a Answer,
    probes: &'a [Probe],
}

/// Finds the highest sustained rate and says it.
pub(crate) fn run(args: &FindMaxArgs) -> Result<ExitCode, Failure> {
    let plan = load::plan_to_probe(&args.plan)?;
    let probed = probed(args, &plan)?;
    let conditions = conditions(args, &plan)?;
    require_scopes(&plan, &conditions)?;
    let (mut slo, added) = with_failures(conditions, &names_of(&plan, probed))?;
    if !plan.keeps_secrets {
        // Reports name their scenarios and steps without secrets, and conditions are held against those names.
        slo.iter_mut().for_each(redact::threshold);
    }
    let search = Search::new(settings(args, &plan, probed)?);
    let confidence = flags::confidence(&args.confidence)?;
    let uses_stdout = destination::stdout_of(&[&args.json, &args.svg])?;
    let json = args.json.as_deref().map(|path| Output::open(path, "--json")).transpose()?;
    let svg = args.svg.as_deref().map(|path| Output::open(path, "--svg")).transpose()?;
    let notes: Vec<String> = added.into_iter().chain(note_of_shape(&plan, probed)).collect();
    let session = Session::begin()?;
    let (plan, ready) = target::make_ready(plan, &session)?;
    let manner = Manner { is_quiet: args.quiet, is_forced: args.force, sends_all: args.plan.probe_all };
    let calibration = preflight(&plan, &ready, &session, manner)?;
    let bench =
        SearchBench { args, plan: &plan, probed, slo: &slo, confidence, session, ready: &ready, calibration };
    let (mut answer, probes) = bench.search(search)?;
    answer.notes.splice(0..0, notes);
    let signal = bench.session.signal();
    ready.stop();
    let found = Found {
        schema: SCHEMA,
        target: targets(&plan),
        scenario: args.scenario.as_deref(),
        slo: slo.iter().map(|threshold| threshold.text.clone()).collect(),
        answer: &answer,
        probes: &probes,
    };
    let said = say_beside(uses_stdout, &describe(&answer, &Screen::beside(uses_stdout)));
    let written = [
        json.map(|output| output.finish_json(&found)),
        svg.map(|output| write_chart(output, &plan.name, &found, &slo)),
    ];
    let unwritten = written.into_iter().flatten().filter_map(Result::err).map(|problem| problem.to_string());
    let problems: Vec<String> = unwritten.chain(said.err().map(|failure| failure.message)).collect();
    problems.iter().for_each(|problem| tell_error(problem));
    // A signal says more than what was found before it.
    let code = signal.unwrap_or_else(|| code_of(&answer, args.strict));
    Ok(ExitCode::from(if code == 0 && !problems.is_empty() { exit::RUNTIME } else { code }))
}

struct SearchBench<'a> {
    args: &'a FindMaxArgs,
    plan: &'a Plan,
    probed: Probed,
    slo: &'a [Threshold],
    confidence: f64,
    session: Session,
    ready: &'a Ready,
    calibration: Option<Calibrated>,
}

impl SearchBench<'_> {
    fn search(&self, mut search: Search) -> Result<(Answer, Vec<Probe>), Failure> {
        let (mut probes, screen) = (Vec::new(), Screen::stderr());
        if !self.args.quiet {
            eprint!("{}", titles(&screen));
        }
        loop {
            match search.poll_step() {
                SearchStep::Done(answer) => return Ok((answer, probes)),
                SearchStep::Probe { rate_rps, length_factor, pause_factor } => {
                    self.pause(pause_factor);
                    if self.session.signal().is_some() {
                        return Ok((search.give_up("stopped by a signal"), probes));
                    }
                    let report = self.probe(rate_rps, length_factor)?;
                    if self.session.signal().is_some() {
                        return Ok((search.give_up("stopped by a signal"), probes));
                    }
                    let name = self.args.scenario.as_deref();
                    let outcome = judge(&report, name, self.slo, self.confidence);
                    let report = name.and_then(|name| report.of_scenario(name)).unwrap_or(report);
                    let probe = Probe::new(rate_rps, &report, &outcome);
                    if !self.args.quiet {
                        eprint!("{}", probe.line(&screen));
                    }
                    probes.push(probe);
                    search.handle_outcome(outcome);
                }
            }
        }
    }

    /// Waits for what disturbed the last probe to pass, or for a signal.
    fn pause(&self, factor: u32) {
        let usual = Duration::from_nanos(self.plan.phases.measure_to_ns);
        let end = Instant::now() + usual.saturating_mul(factor).min(PAUSE_MAX);
        while factor > 0 && self.session.signal().is_none() {
            match end.checked_duration_since(Instant::now()) {
                Some(left) if !left.is_zero() => std::thread::sleep(left.min(PAUSE_STEP)),
                _ => break,
            }
        }
    }

    fn probe(&self, rate_rps: f64, length_factor: u32) -> Result<Report, Failure> {
        let length_ns = self.plan.phases.measure_to_ns * u64::from(length_factor);
        let warmup_ns = match self.plan.phases.measure_from_ns {
            0 => length_ns / WARMUP_PART,
            given_ns => given_ns,
        };
        let plan = self.plan.probe(self.probed, exact(rate_rps), warmup_ns, length_ns);
        let plan = plan.map_err(|problem| Failure::runtime(format!("{rate_rps}/s: {problem}")))?;
        let addresses = self.ready.all()?;
        Ok(self
            .session
            .run(&plan, &addresses, NewRun::new(self.calibration.clone(), self.ready.dns_ns.clone()))?
            .report)
    }
}

impl Probe {
    fn new(rate_rps: f64, report: &Report, outcome: &ProbeOutcome) -> Probe {
        let (asked, response) = (report.asked(), &report.response_ns);
        let measured = |ns: u64| (response.count > 0).then_some(ns);
        let (word, why) = words(outcome);
        Probe {
            rate_rps,
            achieved_rps: report.rate.achieved,
            length_s: report.window_s,
            outcome: word,
            why,
            verdict: report.verdict.status,
            p50_ns: measured(response.p50),
            p99_ns: measured(response.p99),
            failed_share: (asked.total > 0).then(|| asked.failed as f64 / asked.total as f64),
        }
    }

    fn line(&self, screen: &Screen) -> String {
        let failed = self.failed_share.map_or_else(|| NOTHING.to_owned(), percentage);
        let why = if self.why.is_empty() { String::new() } else { format!(": {}", self.why) };
        let rate = format!("{}/s", grouped(self.rate_rps));
        let figures = columns(&rate, &time(self.p50_ns), &time(self.p99_ns), &failed);
        let outcome = screen.paint(if self.why.is_empty() { Tone::Good } else { Tone::Plain }, self.outcome);
        hanging(screen.width, &figures, &format!("{outcome}{why}"))
    }
}

fn titles(screen: &Screen) -> String {
    let titles = format!("{}outcome", columns("rate", "p50", "p99", "failed"));
    format!("{}\n", screen.paint(Tone::Faint, &titles))
}

/// The figures of a probe, which come one after the other: how wide they get is not known.
fn columns(rate: &str, p50: &str, p99: &str, failed: &str) -> String {
    format!("{rate:>12} {p50:>8} {p99:>8} {failed:>9}  ")
}

fn words(outcome: &ProbeOutcome) -> (&'static str, String) {
    match outcome {
        ProbeOutcome::Pass => ("sustained", String::new()),
        ProbeOutcome::Fail(why) => ("not sustained", why.clone()),
        ProbeOutcome::Unclear(why) => ("unclear", why.clone()),
        ProbeOutcome::Disturbed(why) => ("disturbed", why.clone()),
        ProbeOutcome::GeneratorLimit(why) => ("the generator's limit", why.clone()),
    }
}

/// The conditions, from the flag or from the plan.
fn conditions(args: &FindMaxArgs, plan: &Plan) -> Result<Vec<Threshold>, Failure> {
    let conditions = typed_conditions(args, plan)?;
    match conditions.iter().find(|condition| condition.terms.are_watched()) {
        None => Ok(conditions),
        Some(condition) => {
            let text = told(&condition.text);
            let message = format!(
                "a probe is judged as a whole, and by itself: `{text}` has `over` or `abort`\n  help: leave both out, or give other conditions by --slo"
            );
            Err(Failure::new(USAGE, message))
        }
    }
}

fn typed_conditions(args: &FindMaxArgs, plan: &Plan) -> Result<Vec<Threshold>, Failure> {
    match &args.slo {
        Some(text) => Threshold::parse_list(text).map_err(|wrong| {
            let help = match &wrong.instead {
                Some(instead) => format!("write `{instead}`"),
                None => wrong.fix,
            };
            let (problem, help, text) = (told(&wrong.problem), told(&help), told(text));
            Failure::new(USAGE, format!("{problem}\n  --> flag --slo {text}\n  help: {help}"))
        }),
        None if plan.thresholds.is_empty() => {
            let message = "nothing to hold a rate against\n  help: give conditions, such as --slo 'p(99)<50ms, failed<0.1%', or [thresholds] in the plan";
            Err(Failure::new(USAGE, message))
        }
        None => Ok(plan.thresholds.clone()),
    }
}

/// Words of others as they may be printed: conditions name steps, which are called by their paths.
fn told(text: &str) -> String {
    plain(&redact::told(text))
}

/// What conditions are about has to be in the plan.
fn require_scopes(plan: &Plan, conditions: &[Threshold]) -> Result<(), Failure> {
    for condition in conditions {
        plan.finds(condition).map_err(|(problem, fix)| {
            let (problem, fix, text) = (told(&problem), told(&fix), told(&condition.text));
            Failure::new(USAGE, format!("{problem}\n  --> flag --slo {text}\n  help: {fix}"))
        })?;
    }
    Ok(())
}

/// The conditions, one on failures among them, and a note where it was added.
fn with_failures(
    mut slo: Vec<Threshold>,
    names: &[&str],
) -> Result<(Vec<Threshold>, Option<String>), Failure> {
    let mut on_failures = slo.iter().filter(|one| one.metric == Metric::Failed && one.scope.part().is_none());
    let limits = |name: &&str| on_failures.clone().any(|one| one.scope.scenario.as_deref() == Some(*name));
    if names.iter().all(limits) || on_failures.any(|one| one.scope.scenario.is_none()) {
        return Ok((slo, None));
    }
    slo.push(Threshold::parse(FAILED_DEFAULT).map_err(|wrong| Failure::runtime(wrong.to_string()))?);
    let note = format!("{FAILED_DEFAULT} was added: no condition said how many requests may fail");
    Ok((slo, Some(note)))
}

/// That a load of the plan is not what is probed, where it has a shape of its own.
fn note_of_shape(plan: &Plan, probed: Probed) -> Option<String> {
    let searched = match probed {
        Probed::Sum => &plan.scenarios[..],
        Probed::Scenario(index) => &plan.scenarios[index..=index],
    };
    let has_shape =
        |scenario: &&Scenario| scenario.schedule().is_some() && scenario.load.constant_rate().is_none();
    let Scenario { name, load, .. } = searched.iter().find(has_shape)?;
    let is_recorded = |segment: &Segment| matches!(segment.shape, Shape::Recorded { .. });
    let what = match load {
        Load::Open { segments, .. } if segments.iter().any(is_recorded) => "course of the recorded arrivals",
        _ => "shape of the load",
    };
    Some(format!("each probe has a constant rate: the {what} of `{}` is not searched with", told(name)))
}

/// The scenarios whose rate is searched for.
fn names_of(plan: &Plan, probed: Probed) -> Vec<&str> {
    match probed {
        Probed::Sum => plan.scenarios.iter().map(|scenario| scenario.name.as_str()).collect(),
        Probed::Scenario(index) => vec![plan.scenarios[index].name.as_str()],
    }
}

/// Where the plan goes, without secrets.
fn targets(plan: &Plan) -> String {
    let urls: Vec<String> =
        redact::written(plan).targets.iter().map(|target| target.url.to_string()).collect();
    urls.join(", ")
}

/// What is searched for: the rate of one scenario, or of all. The others, or all their proportions, have to be known, so each has to
/// have a constant rate.
fn probed(args: &FindMaxArgs, plan: &Plan) -> Result<Probed, Failure> {
    let names: Vec<&str> = plan.scenarios.iter().map(|scenario| scenario.name.as_str()).collect();
    let probed = match &args.scenario {
        None => Probed::Sum,
        Some(name) => Probed::Scenario(plan.scenario_named(name).ok_or_else(|| {
            let fix = hint(name, &names);
            let message =
                format!("there is no scenario `{name}`\n  --> flag --scenario {name}\n  help: {fix}");
            Failure::new(USAGE, message)
        })?),
    };
    if let Some(Scenario { name, .. }) = plan.scenarios.iter().find(|scenario| scenario.load.degrades()) {
        let message = format!(
            "the load of `{name}` is lowered while its target does not keep up (overload = \"degrade\"), so that no rate would be found too high\n  help: use `overload = \"queue\"` for a search"
        );
        return Err(Failure::new(USAGE, message));
    }
    let is_unknown = |(index, scenario): (usize, &Scenario)| {
        let has_to_be_known = match probed {
            Probed::Sum => true,
            Probed::Scenario(probed) => index != probed && !scenario.load.is_closed(),
        };
        has_to_be_known && scenario.load.constant_rate().is_none()
    };
    match plan.scenarios.iter().enumerate().find(|(index, scenario)| is_unknown((*index, scenario))) {
        Some((_, Scenario { name, .. })) if plan.scenarios.len() > 1 => {
            let message = format!(
                "the rate of `{name}` is not constant, and a probe keeps the other scenarios as they are\n  help: give each scenario a `rate`, or search one of several with --scenario"
            );
            Err(Failure::new(USAGE, message))
        }
        _ => Ok(probed),
    }
}

fn settings(args: &FindMaxArgs, plan: &Plan, probed: Probed) -> Result<Settings, Failure> {
    let (floor_rps, ceiling_rps) = (rate(&args.from, "--from")?, rate(&args.to, "--to")?);
    if floor_rps >= ceiling_rps {
        let message = format!(
            "there is no rate between {floor_rps}/s and {ceiling_rps}/s\n  --> flag --from {}\n  help: let --from be below --to",
            args.from
        );
        return Err(Failure::new(USAGE, message));
    }
    let planned = match probed {
        Probed::Sum => plan.offered().rate_rps_at(0),
        Probed::Scenario(index) => plan.scenarios[index].load.constant_rate().map(Rate::rps),
    };
    let planned = planned.filter(|rps| *rps > 0.0);
    let start_rps = planned.unwrap_or(START_RPS).clamp(floor_rps, ceiling_rps);
    let tolerance = share(&args.tolerance, "--tolerance")?;
    Ok(Settings { start_rps, floor_rps, ceiling_rps, tolerance, ..Settings::default() })
}

fn rate(text: &str, flag: &str) -> Result<f64, Failure> {
    let wrong = |problem: String| Failure::new(USAGE, format!("{problem}\n  --> flag {flag} {text}"));
    match Rate::parse(text).map_err(|cause| wrong(cause.to_string()))? {
        rate if rate.rps() > 0.0 => Ok(rate.rps()),
        _ => Err(wrong("a rate to search at is above zero".into())),
    }
}

/// A rate of the search as plans hold it: to a thousandth of an arrival per second, which is finer than its digits.
fn exact(rps: f64) -> Rate {
    const PER_S: u64 = 1_000;
    Rate::new((rps * PER_S as f64).round().max(1.0) as u64, PER_S * SECOND_NS)
}

fn describe(answer: &Answer, screen: &Screen) -> String {
    let tone = if answer.sustained_rps.is_some() { Tone::Good } else { Tone::Bad };
    let notes: String = answer.notes.iter().map(|note| row(screen, "", note)).collect();
    format!(
        "\n{}{}{notes}",
        row(screen, "Sustained", &screen.paint(tone, &sustained(answer))),
        row(screen, "Limited by", &limit(answer)),
    )
}

/// What is known of the highest rate, and what is not.
fn sustained(answer: &Answer) -> String {
    let rate = |rps: f64| format!("{}/s", grouped(rps));
    let is_open = answer.unknown.is_some();
    match (answer.sustained_rps, answer.refused_rps) {
        (None, Some(refused)) if is_open => format!("not known; {} was not", rate(refused)),
        (None, None) if is_open => "not known".to_owned(),
        (None, _) => "no rate that was tried".to_owned(),
        (Some(best), Some(refused)) if is_open => {
            format!(
                "at least {}; between that and {}, which was not, it is not known",
                rate(best),
                rate(refused)
            )
        }
        (Some(best), None) if is_open => format!("at least {}; above that it is not known", rate(best)),
        (Some(best), Some(refused)) => format!("{}; {} was not", rate(best), rate(refused)),
        (Some(best), None) => rate(best),
    }
}

fn limit(answer: &Answer) -> String {
    let limit = match answer.limited_by {
        LimitedBy::Target => "the target",
        LimitedBy::Generator => {
            "this generator, not the target: the target sustains at least this; use more shards (-t) or a larger machine"
        }
        LimitedBy::Ceiling => "the highest rate to try (--to): the target sustains at least this",
        LimitedBy::Unknown => {
            "nothing that is known: probes above could not be told; try again on a quieter machine, or with longer probes (-d)"
        }
        LimitedBy::Unfinished => "the end of the search, which was not done",
    };
    let why = if answer.why.is_empty() { String::new() } else { format!(": {}", answer.why) };
    format!("{limit}{why}")
}

fn write_chart(output: Output, name: &str, found: &Found, slo: &[Threshold]) -> Result<(), Unwritten> {
    let point = |probe: &Probe| chart::ProbePoint {
        rate_rps: probe.rate_rps,
        p50_ns: probe.p50_ns,
        p99_ns: probe.p99_ns,
        finding: match probe.outcome {
            "sustained" => chart::Finding::Sustained,
            "not sustained" => chart::Finding::NotSustained,
            _ => chart::Finding::Undecided,
        },
    };
    let is_level = |one: &Threshold| {
        one.metric == Metric::Response
            && one.scope.part().is_none()
            && one.scope.scenario.as_deref().is_none_or(|name| found.scenario == Some(name))
            && matches!(one.comparison, Relation::Below | Relation::AtMost)
            && matches!(one.statistic, Aggregation::Quantile(_) | Aggregation::Mean | Aggregation::Max)
    };
    let condition = |one: &Threshold| (one.text.clone(), is_level(one).then_some(one.limit));
    let svg = chart::search(&chart::SearchCurve {
        name: redact::text(name),
        target: found.target.clone(),
        scenario: found.scenario.map(str::to_owned),
        conditions: slo.iter().map(condition).collect(),
        sustained_rps: found.answer.sustained_rps,
        refused_rps: found.answer.refused_rps,
        probes: found.probes.iter().map(point).collect(),
    });
    output.finish(|out| out.write_all(svg.as_bytes()))
}

fn code_of(answer: &Answer, is_strict: bool) -> u8 {
    let is_about_target = !matches!(answer.limited_by, LimitedBy::Generator | LimitedBy::Unknown);
    match (answer.sustained_rps, is_about_target) {
        (None, false) => exit::INVALID,
        (None, true) => exit::THRESHOLD,
        (Some(_), false) if is_strict => exit::INVALID,
        (Some(_), _) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::config::{Document, Format, Layers};
    use engine::record::Snapshot;
    use engine::report::{Identity, Measured};
    use engine::search::Gap;

    #[test]
    fn what_a_probe_did_not_measure_is_no_number_and_what_was_never_sent_has_failed() {
        let plan = load::plan(&PlanArgs { target: "http://h/".into(), ..PlanArgs::default() }).unwrap();
        let whole = Snapshot::new(1, &plan.layout(), plan.phases);
        let measured = Measured::of(whole, Vec::new());
        let identity = Identity { run_id: "r".into(), started_at: "t".into() };
        let mut report = Report::new(&plan, &measured, identity);
        let probe = |report: &Report| Probe::new(1.0, report, &ProbeOutcome::Pass);
        let nothing = probe(&report);
        let json = serde_json::to_value(&nothing).unwrap();
        for key in ["p50_ns", "p99_ns", "failed_share"] {
            assert!(json[key].is_null(), "{json}");
        }
        assert_eq!(
            nothing.line(&Screen::plain(80)).split_whitespace().collect::<Vec<_>>()[1..4],
            ["-", "-", "-"]
        );
        (report.requests.failed, report.requests.dropped, report.requests.unsent) = (1, 1, 2);
        report.requests.ok = 4;
        (report.response_ns.count, report.response_ns.p50) = (4, 7);
        let some = probe(&report);
        assert_eq!((some.failed_share, some.p50_ns), (Some(0.5), Some(7)));
    }

    #[test]
    fn golden_searches() {
        let probe = |rate_rps: f64, p99_ns: u64, why: &str| {
            let outcome = match why {
                "" => ProbeOutcome::Pass,
                why => ProbeOutcome::Fail(why.into()),
            };
            let (outcome, why) = words(&outcome);
            Probe {
                rate_rps,
                achieved_rps: rate_rps,
                length_s: 4.0,
                outcome,
                why,
                verdict: Status::Valid,
                p50_ns: Some(2_040_000),
                p99_ns: Some(p99_ns),
                failed_share: Some(if outcome == "sustained" { 0.0 } else { 0.0123 }),
            }
        };
        let probes = [
            probe(100.0, 2_100_000, ""),
            probe(1_600.0, 18_000_000, ""),
            probe(
                3_200.0,
                900_000_000,
                "response p(99)<20ms is 900 ms, and that is certain (at least 870 ms)",
            ),
            probe(123_456.0, 20_100_000, "failed <1% is 1.23 %"),
        ];
        let answer = Answer {
            sustained_rps: Some(1_980.0),
            refused_rps: Some(2_020.0),
            limited_by: LimitedBy::Target,
            why: "at 2,020/s response p(99)<20ms is 24.1 ms, and that is certain".into(),
            unknown: None,
            notes: vec!["failed<1% was added: no condition said how many requests may fail".into()],
        };
        crate::output::golden::holds("find-max", |screen| {
            let lines: String = probes.iter().map(|probe| probe.line(screen)).collect();
            format!("{}{lines}{}", titles(screen), describe(&answer, screen))
        });
    }

    #[test]
    fn a_load_with_a_shape_is_not_what_is_probed_and_that_is_said() {
        let note = |load: &str| {
            let text = format!("name = 'it'\nurl = 'http://h/'\n{load}");
            let document = Document { name: "p".into(), text, format: Format::Toml };
            let config = Layers::new(Some(document)).unwrap().config().unwrap();
            note_of_shape(&Plan::new(&config, &|_| Err(String::new())).unwrap(), Probed::Sum)
        };
        assert_eq!((note(""), note("load = { rate = 5 }")), (None, None));
        for (load, what) in [
            (
                "load = { shape = 'recorded', offsets = [0, 1] }",
                "the course of the recorded arrivals of `it`",
            ),
            ("load = { shape = 'ramp', from = 1, to = 9 }", "the shape of the load of `it`"),
        ] {
            let note = note(load).expect(load);
            assert!(note.contains("constant rate") && note.contains(what), "{note}");
        }
    }

    #[test]
    fn what_the_search_asks_for_is_what_is_offered() {
        for rps in [1_988.0, 0.5, 123_500.0, 7.125] {
            assert_eq!(exact(rps).rps(), rps);
        }
    }

    #[test]
    fn failures_are_limited_unless_a_condition_says_how() {
        let with = |text: &str| with_failures(Threshold::parse_list(text).unwrap(), &["read"]).unwrap();
        let (slo, note) = with("p(99)<50ms");
        assert_eq!((slo.len(), slo[1].text.as_str(), slo[1].limit), (2, "failed <1%", 0.01));
        assert!(note.unwrap().contains("failed<1% was added"));
        let (slo, note) = with("p(99)<50ms, failed<5%");
        assert_eq!((slo.len(), note), (2, None));
        let (slo, note) = with("failed{scenario=read}<5%");
        assert_eq!((slo.len(), note), (1, None));
        for of_others in ["failed{scenario=write}<5%", "failed{step=find}<5%"] {
            assert_eq!(with(of_others).0.len(), 2, "{of_others}");
        }
    }

    #[test]
    fn what_is_not_known_is_said_and_has_its_code() {
        let answer = |sustained_rps, refused_rps, limited_by| Answer {
            sustained_rps,
            refused_rps,
            limited_by,
            why: "steal".into(),
            unknown: Some(Gap { from_rps: sustained_rps, to_rps: refused_rps }),
            notes: Vec::new(),
        };
        for (found, words, codes) in [
            ((Some(100.0), Some(400.0)), "at least 100/s; between that and 400/s", (0, exit::INVALID)),
            ((Some(100.0), None), "at least 100/s; above that it is not known", (0, exit::INVALID)),
            ((None, Some(400.0)), "not known; 400/s was not", (exit::INVALID, exit::INVALID)),
            ((None, None), "not known", (exit::INVALID, exit::INVALID)),
        ] {
            let answer = answer(found.0, found.1, LimitedBy::Unknown);
            let text = describe(&answer, &Screen::plain(10_000));
            assert!(text.contains(words) && !text.contains("the target:"), "{text}");
            assert_eq!((code_of(&answer, false), code_of(&answer, true)), codes);
        }
    }
}
