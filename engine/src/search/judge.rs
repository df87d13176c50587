//! Whether a probe's report says that the target carried the rate: pass, fail, unclear, or the generator's own limit.
//!
//! In this order: a generator that could not do its part says nothing about the target. A target that answered nothing, did not
//! carry the rate, or grew slower and slower over the window did not sustain it. Then every objective is held against its limit:
//! response times and failures with their intervals, so that a limit within the interval is unclear; what has no history, such as
//! service times and slips, by its figure.

use crate::compare::is_constant;
use crate::distribution::Distribution;
use crate::random::Random;
use crate::report::{Report, Timing};
use crate::search::Outcome;
use crate::statistics::Interval;
use crate::statistics::bootstrap::replicates;
use crate::statistics::sample::{Portion, Sample, Statistic, measured};
use crate::statistics::share::Share;
use crate::statistics::trend::trend;
use crate::threshold::{self, Comparison, Facts, Metric, Threshold};
use crate::verdict::Status;

/// Less than this share of the rate asked for is a rate that was not carried.
const CARRIED_MIN: f64 = 0.99;
/// Rules of the verdict that speak of the target, not of the generator.
const TARGETS_RULES: [&str; 2] = ["rate_shortfall", "connections_short"];
/// Rules that, beside a shortfall, say that it was the generator's.
const BUSY_RULES: [&str; 4] = ["shard_busy", "generator_lag_p50", "generator_lag_p99", "near_capacity"];
/// Response times that grow by this factor over the window are not those of a rate that is sustained.
const GROWTH_MIN: f64 = 1.5;
/// The growth has to be so many standard errors from none: one-sided, 0.5 %.
const GROWTH_ERRORS: f64 = 2.576;
/// Trends are looked for among so many parts of the window.
const TREND_PARTS: usize = 100;
/// A percentile needs so many requests beyond it for an interval.
const BEYOND_MIN: f64 = 10.0;
/// Slices that intervals need; with fewer, figures stand for themselves.
const SLICES_NEEDED: usize = 6;
/// The stream of a plan's seed that resampling draws from; far from those that shards draw requests from.
const STREAM: u64 = 1 << 32;
/// How often the probe is resampled for an interval.
const RESAMPLES: usize = 1_000;

/// Judges a probe by the objectives, each with an interval of this confidence.
pub fn judge(report: &Report, objectives: &[Threshold], confidence: f64) -> Outcome {
    if let Some(why) = generator_limit(report) {
        return Outcome::GeneratorLimit(why);
    }
    let portions = match measured(&report.history) {
        Ok(portions) => portions,
        Err(cause) => return Outcome::Unclear(cause),
    };
    if let Some(why) = not_carried(report).or_else(|| growth(report, &portions)) {
        return Outcome::Fail(why);
    }
    let probe = Evidence { report, sample: Sample::new(vec![portions]), confidence };
    let standings: Vec<(Standing, String)> =
        objectives.iter().map(|objective| probe.standing(objective)).collect();
    let texts = |wanted: Standing| -> Option<String> {
        let texts: Vec<&str> =
            standings.iter().filter(|(is, _)| *is == wanted).map(|(_, text)| text.as_str()).collect();
        (!texts.is_empty()).then(|| texts.join("; "))
    };
    match (texts(Standing::Broken), texts(Standing::Unclear)) {
        (Some(why), _) => Outcome::Fail(why),
        (None, Some(why)) => Outcome::Unclear(why),
        (None, None) => Outcome::Pass,
    }
}

/// What in the verdict says that the generator was the limit.
fn generator_limit(report: &Report) -> Option<String> {
    let reasons = &report.verdict.reasons;
    let is_short = reasons.iter().any(|reason| reason.rule == "rate_shortfall");
    let own = reasons.iter().find(|reason| {
        let rule = reason.rule.as_str();
        let spoils = reason.status == Status::Invalid && !TARGETS_RULES.contains(&rule);
        spoils || (is_short && BUSY_RULES.contains(&rule))
    });
    own.map(|reason| reason.text.clone())
}

/// In what way the target did not carry the rate.
fn not_carried(report: &Report) -> Option<String> {
    if report.requests.ok == 0 {
        return Some("not one request was completed".into());
    }
    let ratio = report.rate.ratio.filter(|ratio| *ratio < CARRIED_MIN)?;
    let (target, achieved) = (report.rate.target.unwrap_or(0.0), report.rate.achieved);
    Some(format!("carried {achieved:.0}/s of {target:.0}/s, {:.1} %", ratio * 100.0))
}

/// Response times that grow over the window: a queue that gets longer. Only of loads that do not change by themselves.
fn growth(report: &Report, portions: &[Portion]) -> Option<String> {
    if !is_constant(&report.plan.load) {
        return None;
    }
    let part = portions.len().div_ceil(TREND_PARTS).max(1);
    let median = |part: &[Portion]| {
        let mut whole = Portion::default();
        part.iter().for_each(|portion| whole.absorb(portion));
        whole.quantile_ns(0.5).map(|ns| (ns.max(1) as f64).ln())
    };
    let medians: Vec<f64> = portions.chunks(part).filter_map(median).collect();
    let found = trend(&medians);
    let factor = (found.slope * medians.len() as f64).exp();
    (found.errors > GROWTH_ERRORS && factor >= GROWTH_MIN).then(|| {
        format!("the median response time grew {factor:.1}-fold over the window: a queue was building up")
    })
}

/// How an objective stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Met,
    Unclear,
    Broken,
}

/// A probe, ready for its objectives.
struct Evidence<'a> {
    report: &'a Report,
    sample: Sample,
    confidence: f64,
}

impl Evidence<'_> {
    fn standing(&self, objective: &Threshold) -> (Standing, String) {
        let interval = match (objective.metric, objective.statistic) {
            (Metric::Response, threshold::Statistic::Quantile(quantile)) => {
                self.quantile(objective, quantile)
            }
            (Metric::Response, threshold::Statistic::Mean) => self.ratio(Statistic::MEAN),
            (Metric::Failed, threshold::Statistic::Rate) => self.failed(),
            _ => None,
        };
        let standing = match interval {
            Some(interval) => against(objective, interval),
            None => self.by_figure(objective),
        };
        let shown = match interval {
            Some(interval) => {
                format!("{} to {}", objective.show(interval.low), objective.show(interval.high))
            }
            None => objective.show(self.figure(objective)),
        };
        (standing, format!("{}: {shown}", objective.text))
    }

    /// The interval of a percentile; of one with too few requests beyond it, the range from the figure to the longest.
    fn quantile(&self, objective: &Threshold, quantile: f64) -> Option<Interval> {
        let beyond = self.sample.sum(|portion| portion.ok) as f64 * (1.0 - quantile);
        if beyond < BEYOND_MIN {
            let high = self.report.response_ns.max as f64;
            return Some(Interval { low: self.figure(objective), high });
        }
        self.ratio(Statistic::Quantile(quantile))
    }

    fn ratio(&self, statistic: Statistic) -> Option<Interval> {
        if self.sample.portions().len() < SLICES_NEEDED {
            return None;
        }
        let found = replicates(&self.sample, statistic, RESAMPLES, &mut self.random());
        (found.estimate > 0.0).then(|| found.log_spread().interval(self.confidence).map(f64::exp))
    }

    /// The interval of the share that failed. Where none did, the figure stands for itself: a probe is seldom long enough to
    /// show that one in a thousand does not fail, and a lower rate would show even less.
    fn failed(&self) -> Option<Interval> {
        if self.sample.portions().len() < SLICES_NEEDED {
            return None;
        }
        let found = replicates(&self.sample, Statistic::FAILED, RESAMPLES, &mut self.random());
        let total = self.sample.sum(|portion| portion.ended() + portion.dropped);
        let share = Share::new(found.estimate, total, found.plain_spread().variance());
        (found.estimate > 0.0).then(|| share.interval(self.confidence))
    }

    fn random(&self) -> Random {
        Random::new(self.report.plan.seed, STREAM)
    }

    fn by_figure(&self, objective: &Threshold) -> Standing {
        match self.with_facts(|facts| objective.is_met(objective.measure(facts), facts)) {
            true => Standing::Met,
            false => Standing::Broken,
        }
    }

    fn figure(&self, objective: &Threshold) -> f64 {
        self.with_facts(|facts| objective.measure(facts))
    }

    /// The figures of the report, as thresholds look at them.
    fn with_facts<T>(&self, look: impl FnOnce(&Facts) -> T) -> T {
        let report = self.report;
        // A report's own histograms can be read; where one was tampered with, nothing was recorded.
        let read = |timing: &Timing| Distribution::decode(&timing.hdr).unwrap_or_default();
        let requests = &report.requests;
        let failed = requests.failed + requests.dropped;
        look(&Facts {
            response: &read(&report.response_ns),
            service: &read(&report.service_ns),
            slip: &read(&report.slip_ns),
            failed,
            total: requests.ok + failed,
            achieved_rps: report.rate.achieved,
            ratio: report.rate.ratio.unwrap_or(1.0),
        })
    }
}

/// How an interval stands to a limit.
fn against(objective: &Threshold, interval: Interval) -> Standing {
    let (low, high) = match objective.comparison {
        Comparison::Above | Comparison::AtLeast => (interval.high, interval.low),
        _ => (interval.low, interval.high),
    };
    match (objective.holds(low), objective.holds(high)) {
        (true, true) => Standing::Met,
        (false, false) => Standing::Broken,
        _ => Standing::Unclear,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made_up::{report, slices};
    use crate::verdict::{Reason, Verdict};

    const OPEN: &str = "url = 'h'\n[run]\nduration = '2s'\n[load]\nrate = 500";

    /// A thousand requests in 20 slices, lognormal around 1 ms: p99 is 3.2 ms, p99.9 4.7 ms.
    fn probe() -> Report {
        report("probe", OPEN, &slices(1, 20, 50, 1.0))
    }

    fn judged(report: &Report, objectives: &[&str]) -> Outcome {
        let objectives: Vec<Threshold> =
            objectives.iter().map(|text| Threshold::parse(text).unwrap()).collect();
        judge(report, &objectives, 0.95)
    }

    fn with_reasons(reasons: &[(&str, Status)]) -> Report {
        let reason = |(rule, status): &(&str, Status)| Reason {
            rule: (*rule).to_owned(),
            status: *status,
            limit: 0.0,
            measured: 1.0,
            text: format!("because of {rule}"),
        };
        let status = reasons.iter().map(|(_, status)| *status).max().unwrap_or_default();
        Report { verdict: Verdict { status, reasons: reasons.iter().map(reason).collect() }, ..probe() }
    }

    fn short(report: Report) -> Report {
        let mut report = report;
        (report.rate.achieved, report.rate.ratio) = (250.0, Some(0.5));
        report
    }

    #[test]
    fn an_objective_passes_fails_or_straddles_its_limit() {
        let probe = probe();
        assert_eq!(
            judged(&probe, &["response p(99)<10ms", "failed<0.1%", "response mean<2ms"]),
            Outcome::Pass
        );
        let Outcome::Unclear(why) = judged(&probe, &["response p(99)<3.2ms", "response p(50)<2ms"]) else {
            panic!("3.2 ms is the p99");
        };
        assert!(why.starts_with("response p(99)<3.2ms: ") && !why.contains("p(50)"), "{why}");
        let Outcome::Fail(why) = judged(&probe, &["response p(99)<3.2ms", "response p(50)<900us"]) else {
            panic!("the median is 1 ms");
        };
        assert!(why.starts_with("response p(50)<900us"), "{why}");
        assert_eq!(
            judged(&probe, &["response p(50)>500us", "rate ratio>=0.99", "slip p(99)<1ms"]),
            Outcome::Pass
        );
        assert!(matches!(judged(&probe, &["service p(50)<1us"]), Outcome::Fail(_)));
    }

    #[test]
    fn a_percentile_with_few_requests_beyond_it_is_unclear_until_the_longest_is_within() {
        let probe = probe();
        let beyond = probe.response_ns.max + 1;
        assert!(matches!(judged(&probe, &[&format!("response p(99.9)<{beyond}ns")]), Outcome::Pass));
        let between = (probe.response_ns.p99 + probe.response_ns.max) / 2;
        assert!(matches!(judged(&probe, &[&format!("response p(99.5)<{between}ns")]), Outcome::Unclear(_)));
        assert!(matches!(judged(&probe, &["response p(99.5)<2ms"]), Outcome::Fail(_)));
    }

    #[test]
    fn failures_are_held_against_their_limit_with_an_interval() {
        let with = |failed: u64| {
            let run = slices(1, 20, 50, 1.0)
                .into_iter()
                .map(|(responses, _)| (responses, failed))
                .collect::<Vec<_>>();
            Report { verdict: Verdict::default(), ..report("probe", OPEN, &run) }
        };
        assert_eq!(judged(&with(0), &["failed<0.1%"]), Outcome::Pass, "none seen in a thousand");
        assert!(matches!(judged(&with(1), &["failed<2%"]), Outcome::Unclear(_)));
        assert!(matches!(judged(&with(5), &["failed<2%"]), Outcome::Fail(_)));
        assert_eq!(judged(&with(1), &["failed<5%"]), Outcome::Pass);
    }

    #[test]
    fn a_shortfall_is_the_targets_unless_the_generator_was_busy() {
        let Outcome::Fail(why) = judged(&short(with_reasons(&[("rate_shortfall", Status::Invalid)])), &[])
        else {
            panic!("the target did not carry the rate");
        };
        assert_eq!(why, "carried 250/s of 500/s, 50.0 %");
        for busy in BUSY_RULES {
            let report =
                short(with_reasons(&[("rate_shortfall", Status::Invalid), (busy, Status::Degraded)]));
            assert_eq!(judged(&report, &[]), Outcome::GeneratorLimit(format!("because of {busy}")));
        }
        for own in ["hiccups", "steal", "cgroup_throttled", "generator_errors", "generator_lag_p99"] {
            let report = with_reasons(&[(own, Status::Invalid)]);
            assert_eq!(judged(&report, &[]), Outcome::GeneratorLimit(format!("because of {own}")));
            assert_eq!(judged(&with_reasons(&[(own, Status::Degraded)]), &[]), Outcome::Pass);
        }
    }

    #[test]
    fn response_times_that_grow_are_not_sustained() {
        let growing = |step: f64| {
            let run = slices(2, 20, 50, 1.0).into_iter().enumerate().map(|(index, (responses, failed))| {
                let factor = 1.0 + step * index as f64;
                (responses.into_iter().map(|ns| (ns as f64 * factor) as u64).collect(), failed)
            });
            report("probe", OPEN, &run.collect::<Vec<_>>())
        };
        let Outcome::Fail(why) = judged(&growing(0.2), &["response p(99)<1s"]) else {
            panic!("a queue builds up")
        };
        assert!(why.contains("a queue was building up"), "{why}");
        assert_eq!(judged(&growing(0.005), &["response p(99)<1s"]), Outcome::Pass, "a tenth is no queue");
    }

    #[test]
    fn level_response_times_are_seldom_taken_for_growing_ones() {
        let failed = (0..40).filter(|seed| {
            let probe = report("probe", OPEN, &slices(*seed, 20, 50, 1.0));
            judged(&probe, &[]) != Outcome::Pass
        });
        assert_eq!(failed.count(), 0);
    }

    #[test]
    fn a_probe_without_an_answer_fails_and_one_without_a_history_is_judged_by_its_figures() {
        let none = Report { verdict: Verdict::default(), ..report("probe", OPEN, &vec![(vec![], 50); 20]) };
        assert_eq!(judged(&none, &[]), Outcome::Fail("not one request was completed".into()));
        let bare = Report { history: Vec::new(), ..probe() };
        assert_eq!(judged(&bare, &["response mean<10ms", "failed<1%"]), Outcome::Pass);
        assert!(matches!(judged(&bare, &["response mean<1us"]), Outcome::Fail(_)));
        let mut broken = probe();
        broken.history[7].response_hdr = "?".into();
        assert!(matches!(judged(&broken, &[]), Outcome::Unclear(why) if why.contains("slice 7")));
    }
}
