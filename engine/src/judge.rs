//! How a probe of a search went: was the rate sustained, was the target or the generator in the way, or can it not be told?
//!
//! A rate is sustained when it was carried, when response times do not grow over the window, and when every condition holds
//! not only for what was measured but for the whole interval that the truth lies in.

use crate::distribution::{Distribution, UnreadableHistogram};
use crate::outcome::Kind;
use crate::random::Random;
use crate::report::{FlowReport, Report, checks_in};
use crate::search::ProbeOutcome;
use crate::statistics::Interval;
use crate::statistics::bootstrap::replicates;
use crate::statistics::sample::{Portion, Sample, Statistic, measured};
use crate::statistics::trend::trend;
use crate::target_outcome::CARRIED_MIN;
use crate::threshold::{
    Aggregation, AskedCounts, AttemptCounts, Facts, IterationTimes, Metric, Relation, Scope, Threshold,
};
use crate::timing::Timing;
use crate::verdict::{Cause, Reason, rule};

/// Response times grow when chance makes such a trend in fewer than one of a hundred runs …
const TREND_ERRORS_MAX: f64 = 2.6;
/// … and the trend adds up to this share of the median over the window.
const GROWTH_MAX: f64 = 0.5;
/// A percentile that rests on fewer requests than this has no interval worth the name; it is judged as measured.
const BEYOND_MIN: f64 = 10.0;
const RESAMPLES: usize = 400;
const SEED: u64 = 1;

/// Kinds of failures that the target sent itself, whatever the machine did meanwhile.
const ANSWERED: [Kind; 2] = [Kind::Status, Kind::Protocol];

/// Whose doing it is, as far as a probe is concerned, that a rule was broken; nobody's where the rule does not touch one. A generator
/// that is late with neither too much to do nor a disturbance is late for reasons that nobody knows, which the target must not
/// be blamed for either.
fn cause(reason: &Reason) -> Option<Cause> {
    match reason.rule.as_str() {
        rule::LOST_TELEMETRY | rule::UNSTEADY => None,
        _ if is_lateness(reason) => Some(Cause::Machine),
        _ => Some(reason.cause),
    }
}

/// How a probe went, under conditions that a sustained rate has to meet with this confidence. Conditions that name no scenario are
/// about the probed one, if it is one, and about all otherwise.
pub fn judge(
    report: &Report,
    probed: Option<&str>,
    conditions: &[Threshold],
    confidence: f64,
) -> ProbeOutcome {
    let own = |condition: &&Threshold| condition.scope.scenario.is_none();
    let mut parts = vec![(probed, conditions.iter().filter(own).collect::<Vec<_>>())];
    for condition in conditions {
        let Some(name) = condition.scope.scenario.as_deref() else { continue };
        match parts.iter_mut().find(|(part, _)| *part == Some(name)) {
            Some((_, of_part)) => of_part.push(condition),
            None => parts.push((Some(name), vec![condition])),
        }
    }
    let outcomes = parts.into_iter().map(|(name, conditions)| {
        let part = name.map_or_else(|| Some(report.clone()), |name| report.of_scenario(name));
        match part {
            Some(part) => judge_part(&part, &conditions, confidence),
            None => ProbeOutcome::Unclear("a condition is about a scenario that was not run".into()),
        }
    });
    // Of equals, the first.
    let worst = outcomes.reduce(|worst, next| if severity(&next) > severity(&worst) { next } else { worst });
    worst.expect("the probed part is always judged")
}

/// The same of a run, or of one scenario as if it had been alone.
///
/// A generator that is late or disturbed only makes response times longer, so conditions that are met all the same are met.
/// What is not met is held against the target only where nothing was in the generator's way, or where the target's own responses
/// decide.
fn judge_part(report: &Report, conditions: &[&Threshold], confidence: f64) -> ProbeOutcome {
    match judge_target(report, conditions, confidence) {
        ProbeOutcome::Pass => ProbeOutcome::Pass,
        ProbeOutcome::Fail(why) if answers_decide(report, conditions) => ProbeOutcome::Fail(why),
        ProbeOutcome::Fail(why) => {
            in_the_way(report).unwrap_or_else(|| ProbeOutcome::Fail(format!("{why}{}", queueing(report))))
        }
        outcome => in_the_way(report).unwrap_or(outcome),
    }
}

/// How much an outcome says against a rate.
fn severity(outcome: &ProbeOutcome) -> u32 {
    match outcome {
        ProbeOutcome::Pass => 0,
        ProbeOutcome::Unclear(_) => 1,
        ProbeOutcome::Disturbed(_) => 2,
        ProbeOutcome::GeneratorLimit(_) => 3,
        ProbeOutcome::Fail(_) => 4,
    }
}

/// Whether failures that no disturbance makes are enough to break a condition: no machine turns a response into an error.
fn answers_decide(report: &Report, conditions: &[&Threshold]) -> bool {
    let requests = &report.requests;
    if requests.ok == 0 {
        return !has_own_errors(report);
    }
    let answered: u64 = ANSWERED.iter().filter_map(|kind| requests.errors.get(kind.name())).sum();
    conditions.iter().filter(|condition| condition.metric == Metric::Failed).any(|condition| {
        let figure = match condition.statistic {
            Aggregation::Count => answered as f64,
            _ => answered as f64 / report.asked().total.max(1) as f64,
        };
        is_upper(condition.comparison) && !condition.holds(figure)
    })
}

fn is_upper(comparison: Relation) -> bool {
    matches!(comparison, Relation::Below | Relation::AtMost)
}

/// What was in the generator's way, if anything was, however little: a disturbed probe is no evidence against a target.
fn in_the_way(report: &Report) -> Option<ProbeOutcome> {
    let named = |wanted: Cause| report.verdict.reasons.iter().find(|reason| cause(reason) == Some(wanted));
    let is_disturbance = |reason: &&Reason| cause(reason) == Some(Cause::Machine) && !is_lateness(reason);
    let disturbance = report.verdict.reasons.iter().find(is_disturbance).filter(|_| !has_own_errors(report));
    match (disturbance.or(named(Cause::Machine)), named(Cause::Generator)) {
        // The generator has most to do where others take its core: with both, the machine comes first.
        (Some(machine), _) if disturbance.is_some() => Some(ProbeOutcome::Disturbed(machine.text.clone())),
        (_, Some(own)) => Some(ProbeOutcome::GeneratorLimit(own.text.clone())),
        // Late, and neither busy nor disturbed as far as can be seen.
        (Some(machine), None) => Some(ProbeOutcome::Disturbed(machine.text.clone())),
        (None, None) => None,
    }
}

/// Rules that the generator's own load breaks as well as a disturbance: too late, or not at all.
fn is_lateness(reason: &Reason) -> bool {
    let names = [rule::GENERATOR_LAG_P50, rule::GENERATOR_LAG_P99, rule::RATE_SHORTFALL, rule::UNSENT];
    reason.cause == Cause::Generator && names.contains(&reason.rule.as_str())
}

/// A hint where requests waited for a free connection longer than the target took over them: it may carry more on more.
fn queueing(report: &Report) -> String {
    let waits =
        report.slip_ns.p99 > report.service_ns.p99 && report.generator_lag_ns.p99 < report.slip_ns.p99 / 2;
    let count = report.connections.asked;
    if waits {
        format!("; every connection ({count}) was busy, and more (-c) may carry more")
    } else {
        String::new()
    }
}

/// Whether requests failed for want of something on this machine.
fn has_own_errors(report: &Report) -> bool {
    report.verdict.reasons.iter().any(|reason| reason.rule == rule::GENERATOR_ERRORS)
}

/// How the probe went if the generator did all that was asked of it.
fn judge_target(report: &Report, conditions: &[&Threshold], confidence: f64) -> ProbeOutcome {
    if report.asked().arrivals == 0 {
        return ProbeOutcome::Unclear(
            "no arrival was due: a probe at this rate has to be longer (-d)".into(),
        );
    }
    if report.requests.ok == 0 {
        return ProbeOutcome::Fail("not one request succeeded".into());
    }
    if let Some(ratio) = report.rate.ratio.filter(|ratio| *ratio < CARRIED_MIN) {
        return ProbeOutcome::Fail(format!("only {:.1} % of the rate was carried", ratio * 100.0));
    }
    let portions = match measured(&report.history) {
        Ok(portions) => portions,
        Err(problem) => return ProbeOutcome::Disturbed(problem.to_string()),
    };
    if let Some(why) = growth(&portions) {
        return ProbeOutcome::Fail(why);
    }
    judge_conditions(report, portions, conditions, confidence)
}

/// Why the rate cannot be sustained for long, if response times grow over the window.
fn growth(portions: &[Portion]) -> Option<String> {
    let medians: Vec<f64> =
        portions.iter().filter_map(|portion| portion.quantile_ns(0.5)).map(|ns| ns as f64).collect();
    let trend = trend(&medians);
    let middle = if medians.is_empty() { return None } else { crate::statistics::median(&medians) };
    let grown = trend.slope * medians.len() as f64;
    (trend.errors > TREND_ERRORS_MAX && grown > GROWTH_MAX * middle).then(|| {
        let shown = crate::quantity::show_ns(grown as u64);
        format!("response times grow, by {shown} over the window: the target does not keep up")
    })
}

/// The worst of all conditions.
fn judge_conditions(
    report: &Report,
    portions: Vec<Portion>,
    conditions: &[&Threshold],
    confidence: f64,
) -> ProbeOutcome {
    let sample = Sample::new(vec![portions]);
    let times = match ResponseTimes::read(report) {
        Ok(times) => times,
        Err(problem) => return ProbeOutcome::Disturbed(problem.to_string()),
    };
    let of_run = times.facts(report);
    let mut unclear = None;
    for condition in conditions {
        let of_step =
            match condition.scope.part().map(|_| StepTimes::read(report, &condition.scope)).transpose() {
                Ok(of_step) => of_step,
                Err(problem) => return ProbeOutcome::Disturbed(problem.to_string()),
            };
        let facts = of_step.as_ref().map_or(of_run, StepTimes::facts);
        let facts =
            Facts { checks: Some(checks_in(&report.plan, &report.scenarios, &condition.scope)), ..facts };
        if let Some(why) = condition.doubt(&facts) {
            return ProbeOutcome::Fail(format!("{}: {why}", condition.text));
        }
        let Some(figure) = condition.measure(&facts) else {
            return ProbeOutcome::Disturbed("nothing was measured".into());
        };
        // Slices do not tell steps apart, so what is asked of one is judged as measured.
        let interval = match of_step {
            None => interval(&facts, figure, &sample, condition, confidence),
            Some(_) => Interval::point(figure),
        };
        let shown = format!("{}: measured {}", condition.text, condition.show(figure));
        match standing(condition, interval) {
            Standing::Met => {}
            Standing::Broken => return ProbeOutcome::Fail(shown),
            Standing::Either => {
                let (low, high) = (condition.show(interval.low), condition.show(interval.high));
                unclear.get_or_insert(format!("{shown}, which may be {low} to {high}"));
            }
        }
    }
    unclear.map_or(ProbeOutcome::Pass, ProbeOutcome::Unclear)
}

/// The times of a report, unpacked.
struct ResponseTimes {
    response: Distribution,
    service: Distribution,
    slip: Distribution,
    /// Without and with the time spent thinking, of the only flow there is.
    iterations: Option<(Distribution, Distribution)>,
}

impl ResponseTimes {
    fn read(report: &Report) -> Result<ResponseTimes, UnreadableHistogram> {
        Ok(ResponseTimes {
            response: Distribution::decode(&report.response_ns.hdr)?,
            service: Distribution::decode(&report.service_ns.hdr)?,
            slip: Distribution::decode(&report.slip_ns.hdr)?,
            iterations: (report.iterations.as_ref())
                .filter(|iterations| iterations.iteration_ns.count > 0)
                .map(|iterations| {
                    let decode = |timing: &Timing| Distribution::decode(&timing.hdr);
                    Ok((decode(&iterations.iteration_ns)?, decode(&iterations.duration_ns)?))
                })
                .transpose()?,
        })
    }

    /// What conditions are judged on: the same as in a run that is no probe.
    fn facts(&self, report: &Report) -> Facts<'_> {
        Facts {
            response: &self.response,
            service: &self.service,
            slip: &self.slip,
            asked: report.asked(),
            achieved_rps: report.rate.achieved,
            ratio: report.rate.ratio.unwrap_or(1.0),
            iterations: (self.iterations.as_ref())
                .map(|(iteration, duration)| IterationTimes { iteration, duration }),
            attempts: attempts_of(report),
            checks: None,
        }
    }
}

/// The attempts of all scenarios that do something about failures.
fn attempts_of(report: &Report) -> Option<AttemptCounts> {
    let each = report.scenarios.iter().filter_map(|scenario| scenario.attempts.as_ref());
    let counts = each.map(|attempts| (attempts.made, attempts.made - attempts.further));
    let (made, requests) = counts.reduce(|all, one| (all.0 + one.0, all.1 + one.1))?;
    // In a run that is over all requests have ended.
    Some(AttemptCounts { made, requests, made_for_these: made })
}

/// All steps that a scope is about as one: their times, and how many requests failed.
#[derive(Default)]
struct StepTimes {
    response: Distribution,
    service: Distribution,
    slip: Distribution,
    failed: u64,
    total: u64,
    /// Of the named flow that is meant, without and with the time spent thinking.
    iterations: Option<(Distribution, Distribution)>,
}

impl StepTimes {
    fn read(report: &Report, scope: &Scope) -> Result<StepTimes, UnreadableHistogram> {
        let mut all = StepTimes::default();
        let is_meant = |flow: &&FlowReport| scope.flow.as_ref() == Some(&flow.name);
        let scenarios = report.scenarios.iter().filter(|scenario| scope.is_about(&scenario.name));
        for flow in scenarios.flat_map(|scenario| &scenario.flows).filter(is_meant) {
            let (iteration, duration) = all.iterations.get_or_insert_default();
            iteration.merge(&Distribution::decode(&flow.iteration_ns.hdr)?);
            duration.merge(&Distribution::decode(&flow.duration_ns.hdr)?);
        }
        // By their numbers in the plan: names of steps may come several times, and not all named flows are in a report.
        let steps = report.plan.scenarios.iter().zip(&report.scenarios).flat_map(|(planned, told)| {
            planned.steps_in(scope).into_iter().filter_map(|step| told.steps.get(step))
        });
        for step in steps {
            all.response.merge(&Distribution::decode(&step.response_ns.hdr)?);
            all.service.merge(&Distribution::decode(&step.service_ns.hdr)?);
            all.slip.merge(&Distribution::decode(&step.slip_ns.hdr)?);
            all.failed += step.requests.failed;
            all.total += step.requests.scheduled();
        }
        Ok(all)
    }

    fn facts(&self) -> Facts<'_> {
        let StepTimes { response, service, slip, failed, total, iterations } = self;
        let iterations =
            iterations.as_ref().map(|(iteration, duration)| IterationTimes { iteration, duration });
        let asked =
            AskedCounts { failed: *failed, total: *total, arrivals: *total, ..AskedCounts::default() };
        let (achieved_rps, ratio) = (0.0, 1.0);
        let (attempts, checks) = (None, None);
        Facts { response, service, slip, asked, achieved_rps, ratio, iterations, attempts, checks }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Met,
    Broken,
    Either,
}

/// How all of an interval stands to a condition's limit.
fn standing(condition: &Threshold, interval: Interval) -> Standing {
    let met = |figure: f64| condition.holds(figure);
    match (met(interval.low), met(interval.high)) {
        (true, true) => Standing::Met,
        // The limit of `==` can lie between two ends that both miss it.
        (false, false) if condition.comparison != Relation::Equal || !interval.contains(condition.limit) => {
            Standing::Broken
        }
        _ => Standing::Either,
    }
}

/// The interval that holds the truth of a condition's figure; a point where there is no telling.
fn interval(facts: &Facts, figure: f64, sample: &Sample, condition: &Threshold, confidence: f64) -> Interval {
    let Some((statistic, is_relative)) = statistic_of(condition, facts) else {
        return Interval::point(figure);
    };
    let replicates = replicates(sample, statistic, RESAMPLES, &mut Random::new(SEED, 0));
    if is_relative && replicates.estimate > 0.0 {
        return replicates.log_spread().interval(confidence).map(f64::exp);
    }
    let interval = replicates.plain_spread().interval(confidence).map(|share| share.max(0.0));
    match condition.metric {
        // Slices know nothing of arrivals that were never sent: what they tell is of the others.
        Metric::Failed => {
            let unsent = facts.asked.unsent as f64 / facts.asked.total.max(1) as f64;
            interval.map(|share| unsent + share * (1.0 - unsent))
        }
        _ => interval,
    }
}

/// What to resample for a condition, and whether its ratios matter; `None` where too little was seen for an interval.
fn statistic_of(condition: &Threshold, facts: &Facts) -> Option<(Statistic, bool)> {
    match (condition.metric, condition.statistic) {
        (Metric::Response, Aggregation::Mean) => Some((Statistic::MEAN, true)),
        (Metric::Response, Aggregation::Quantile(quantile)) => {
            let beyond = facts.response.count() as f64 * (1.0 - quantile);
            (beyond >= BEYOND_MIN).then_some((Statistic::Quantile(quantile), true))
        }
        (Metric::Failed, Aggregation::Rate) if facts.asked.failed > 0 => Some((Statistic::FAILED, false)),
        _ => None,
    }
}

#[cfg(test)]
mod flow_tests;
#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Document, Format, Layers};
    use crate::history::History;
    use crate::outcome::Outcome as Ending;
    use crate::phase::Phases;
    use crate::plan::Plan;
    use crate::quantity::{MILLISECOND_NS, SECOND_NS};
    use crate::record::{Instants, Recorder, Snapshot};
    use crate::report::{Identity, MachineFacts, Measured};

    const SLICES: u64 = 50;
    const SLICE_NS: u64 = 100 * MILLISECOND_NS;
    const RATE_RPS: u64 = 1_000;

    /// A probe of five seconds whose response n takes `service_ns(n)`; every `failing`th one fails.
    fn probe(
        service_ns: impl Fn(u64) -> u64,
        failing: Option<u64>,
        change: impl FnOnce(&mut Recorder),
    ) -> Report {
        let failing = failing.map(|every| (every, Kind::Timeout));
        probe_in(service_ns, World { failing, ..World::default() }, change)
    }

    /// Every how manyth request comes to what end.
    #[derive(Clone, Copy, Default)]
    struct World {
        failing: Option<(u64, Kind)>,
        unsent: Option<u64>,
    }

    fn probe_in(service_ns: impl Fn(u64) -> u64, world: World, change: impl FnOnce(&mut Recorder)) -> Report {
        let text = format!("url = 'h'\n[run]\nduration = '5s'\n[load]\nrate = {RATE_RPS}");
        let document = Document { name: "p".into(), text, format: Format::Toml };
        let config = Layers::new(Some(document)).unwrap().config().unwrap();
        let plan = Plan::new(&config, &|_| Err(String::new())).unwrap();
        let phases = Phases { measure_from_ns: 0, measure_to_ns: 5 * SECOND_NS };
        let (mut whole, mut history) = (Snapshot::new(1, &plan.layout(), phases), History::default());
        let mut change = Some(change);
        for slice in 0..SLICES {
            let mut recorder = Recorder::new(0, &plan.layout(), phases);
            (recorder.from_ns, recorder.to_ns) = (slice * SLICE_NS, (slice + 1) * SLICE_NS);
            let each = RATE_RPS / 10;
            for n in slice * each..(slice + 1) * each {
                let intended = n * MILLISECOND_NS;
                if world.unsent.is_some_and(|every| n % every == 0) {
                    recorder.requests.scenarios[0].unsent.measured += 1;
                    continue;
                }
                recorder.sent(0, intended, intended, 1);
                let outcome = match world.failing {
                    Some((every, kind)) if n % every == 0 => Ending::Failed(kind),
                    _ => Ending::Ok(200),
                };
                let instants = Instants { intended, sent: intended, done: intended + service_ns(n) };
                recorder.done(0, outcome, instants, 0, 1);
            }
            if let Some(change) = change.take() {
                change(&mut recorder);
            }
            recorder.settle(true);
            let mut snapshot = Snapshot::new(1, &plan.layout(), phases);
            snapshot.absorb(&recorder);
            whole.merge(&snapshot);
            history.push(&snapshot);
        }
        let facts = MachineFacts { connections_open: 64, cores: vec![0], ..MachineFacts::default() };
        let identity = Identity { run_id: "r".into(), started_at: "t".into() };
        let measured = Measured { facts, ..Measured::of(whole, history.slices().to_vec()) };
        Report::new(&plan, &measured, identity)
    }

    /// Response times between 1 and 11 ms, in an order that repeats nothing.
    fn scattered(n: u64) -> u64 {
        MILLISECOND_NS + n.wrapping_mul(2_654_435_761) % 10_000 * 1_000
    }

    fn judged(report: &Report, conditions: &str) -> ProbeOutcome {
        judge(report, None, &Threshold::parse_list(conditions).unwrap(), 0.95)
    }

    #[test]
    fn a_condition_is_met_broken_or_unclear() {
        let report = probe(scattered, None, |_| {});
        assert_eq!(
            judged(&report, "p(99)<12ms, mean<8ms, failed<0.1%, max<1s, rate>999"),
            ProbeOutcome::Pass
        );
        let ProbeOutcome::Fail(why) = judged(&report, "p(99)<10ms") else { panic!("not broken") };
        assert!(why.contains("p(99)<10ms") && why.contains("measured 10.9 ms"), "{why}");
        assert!(matches!(judged(&report, "p(50)<6ms"), ProbeOutcome::Unclear(_)));
        assert!(matches!(judged(&report, "p(50)<6ms, p(99)<1ms"), ProbeOutcome::Fail(_)), "the worst counts");
    }

    #[test]
    fn failures_count_with_their_interval() {
        let report = probe(scattered, Some(100), |_| {});
        assert_eq!(judged(&report, "failed<2%"), ProbeOutcome::Pass);
        assert!(matches!(judged(&report, "failed<0.5%"), ProbeOutcome::Fail(_)));
    }

    #[test]
    fn response_times_that_grow_are_not_sustained() {
        let report = probe(|n| scattered(n) + n * 4_000, None, |_| {});
        let ProbeOutcome::Fail(why) = judged(&report, "p(99)<1s") else { panic!("it grows by 20 ms") };
        assert!(why.contains("grow"), "{why}");
        assert_eq!(judged(&probe(|n| scattered(n) + n * 40, None, |_| {}), "p(99)<1s"), ProbeOutcome::Pass);
    }

    #[test]
    fn the_generators_own_limit_is_not_the_targets() {
        let short = World { unsent: Some(10), ..World::default() };
        let busy = |recorder: &mut Recorder| recorder.stats.cpu_user_ns = 5 * SECOND_NS;
        assert!(matches!(
            judged(&probe_in(scattered, short, busy), "p(99)<1s"),
            ProbeOutcome::GeneratorLimit(_)
        ));
        let report = probe_in(scattered, short, |_| {});
        let ProbeOutcome::Fail(why) = judged(&report, "p(99)<1s") else { panic!("a tenth was not sent") };
        assert!(why.contains("of the rate was carried"), "{why}");
        let disturbed = |recorder: &mut Recorder| recorder.stats.hiccup_ns = 2 * SECOND_NS;
        let report = probe(scattered, None, disturbed);
        assert!(matches!(judged(&report, "p(99)<5ms"), ProbeOutcome::Disturbed(_)));
        assert_eq!(judged(&report, "p(99)<1s"), ProbeOutcome::Pass, "met even so");
        // However little it was: a target that is refused was refused by a generator with nothing in its way.
        let a_little = |recorder: &mut Recorder| recorder.stats.hiccup_ns = SECOND_NS / 10;
        let report = probe(scattered, None, a_little);
        assert_eq!(report.verdict.status, crate::verdict::Status::Degraded);
        assert!(matches!(judged(&report, "p(99)<5ms"), ProbeOutcome::Disturbed(_)));
        // A core that others fight for looks busy as well: the generator is not the limit for that.
        let both = |recorder: &mut Recorder| {
            busy(recorder);
            recorder.stats.hiccup_ns = SECOND_NS / 10;
        };
        assert!(matches!(judged(&probe(scattered, None, both), "p(99)<5ms"), ProbeOutcome::Disturbed(_)));
    }

    #[test]
    fn errors_that_the_target_answers_with_are_its_own_whatever_the_machine_does() {
        let disturbed = |recorder: &mut Recorder| recorder.stats.hiccup_ns = 2 * SECOND_NS;
        let report =
            |kind| probe_in(scattered, World { failing: Some((2, kind)), ..World::default() }, disturbed);
        assert!(matches!(judged(&report(Kind::Status), "failed<1%"), ProbeOutcome::Fail(_)));
        assert!(matches!(judged(&report(Kind::Timeout), "failed<1%"), ProbeOutcome::Disturbed(_)));
        assert_eq!(
            judged(&report(Kind::Status), "p(99)<1s"),
            ProbeOutcome::Pass,
            "nothing was asked about failures"
        );
    }

    #[test]
    fn arrivals_that_were_never_sent_are_failures_of_a_probe_as_of_a_run() {
        let report = probe_in(scattered, World { unsent: Some(111), ..World::default() }, |_| {});
        let ProbeOutcome::Fail(why) = judged(&report, "p(99)<1s, failed<0.5%") else {
            panic!("0.9 % unsent")
        };
        assert!(why.contains("failed <0.5%: measured 0.9"), "{why}");
        assert_eq!(judged(&report, "failed<1%"), ProbeOutcome::Pass);
        let world = World { unsent: Some(111), failing: Some((200, Kind::Timeout)) };
        let report = probe_in(scattered, world, |_| {});
        assert!(matches!(judged(&report, "failed<1.2%"), ProbeOutcome::Fail(_)), "0.9 % and 0.5 %");
        assert_eq!(judged(&report, "failed<1.6%"), ProbeOutcome::Pass);
    }

    #[test]
    fn the_share_of_responses_that_are_errors_is_one_of_all_arrivals() {
        let world = World { unsent: Some(2), failing: Some((99, Kind::Status)) };
        let report = probe_in(scattered, world, |recorder| recorder.stats.hiccup_ns = 2 * SECOND_NS);
        assert!(matches!(judged(&report, "failed<0.3%"), ProbeOutcome::Fail(_)), "0.5 % of all");
        assert!(matches!(judged(&report, "failed<0.8%"), ProbeOutcome::Disturbed(_)), "1 % of those sent");
    }

    #[test]
    fn a_probe_doubts_what_a_run_doubts() {
        let report = probe_in(scattered, World { unsent: Some(111), ..World::default() }, |_| {});
        for doubtful in ["max<1s", "mean<1s", "slip p(99.9)<1s"] {
            let ProbeOutcome::Fail(why) = judged(&report, doubtful) else { panic!("{doubtful}") };
            assert!(why.contains("never sent"), "{why}");
        }
        assert_eq!(
            judged(&report, "service p(99.9)<1s"),
            ProbeOutcome::Pass,
            "of service times they hide nothing"
        );
    }

    #[test]
    fn a_probe_in_which_nothing_was_due_tells_nothing() {
        let mut report = probe(scattered, None, |_| {});
        (report.requests.ok, report.requests.sent) = (0, 0);
        let ProbeOutcome::Unclear(why) = judged(&report, "p(99)<1s") else {
            panic!("nothing was asked of it")
        };
        assert!(why.contains("no arrival was due"), "{why}");
    }

    #[test]
    fn a_percentile_that_unsent_arrivals_hide_is_not_met() {
        let report = probe_in(scattered, World { unsent: Some(111), ..World::default() }, |_| {});
        assert_eq!(judged(&report, "p(99)<1s"), ProbeOutcome::Pass, "0.9 %");
        let ProbeOutcome::Fail(why) = judged(&report, "p(99.5)<1s") else { panic!("0.9 % are beyond it") };
        assert!(why.contains("never sent"), "{why}");
    }

    #[test]
    fn a_target_that_answers_nothing_fails() {
        let report = probe(scattered, Some(1), |recorder| recorder.stats.hiccup_ns = 2 * SECOND_NS);
        assert_eq!(judged(&report, "p(99)<1s"), ProbeOutcome::Fail("not one request succeeded".into()));
    }
}
