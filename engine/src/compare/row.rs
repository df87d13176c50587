//! One row of a comparison: an estimate of a difference, its interval, and what follows.

use super::metric::{Judgement, RowMetric, title};
use super::obstacle::{Objection, Obstacle, Refusal};
use super::options::Options;
use super::regression::{RegressionRow, RegressionStatus};
use crate::distribution::Distribution;
use crate::history::Slice;
use crate::quantity::counted;
use crate::random::Random;
use crate::report::{RateBlock, Report};
use crate::statistics::Interval;
use crate::statistics::bootstrap::{Replicates, Spread, replicates};
use crate::statistics::sample::{Portion, Sample, Statistic, measured};
use crate::statistics::share::Proportion;
use crate::statistics::student::{Difference, paired, welch};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The most different response times that the slices of a side may hold together, half a gigabyte of them. A slice of a real run
/// holds some hundred; one that was made to, in a hundred bytes, thirty thousand.
const VALUES_MAX: usize = 32 << 20;

/// A percentile needs so many requests beyond it on either side.
pub(super) const BEYOND_MIN: u64 = 10;

/// What an interval rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// How the slices of each run vary.
    WithinRuns,
    /// How the runs of each side vary, which was more.
    BetweenRuns,
    /// Nothing was left to chance: both sides carried the rate of their schedules.
    ByConstruction,
}

/// One metric of both sides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The scenario it is about; nothing for all of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<String>,
    /// The named flow it is about; nothing for all of the scenario, or of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<String>,
    /// What the row is about.
    pub metric: RowMetric,
    /// The base's figure: nanoseconds, per second, or a share of 1. Of all runs together.
    pub base: f64,
    /// The candidate's.
    pub candidate: f64,
    /// Candidate over base − 1; for failures candidate − base.
    pub difference: f64,
    /// Lower end of the difference's interval, at the comparison's `row_confidence`.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// The least difference of interest.
    pub minimum: f64,
    /// The smallest change for the worse that runs like these show in half of all cases, in the unit of `difference`: the
    /// interval's reach on that side, at least `minimum`. Smaller ones mostly stay unseen. `null` where chance had no part.
    pub detectable: Option<f64>,
    /// What follows.
    pub verdict: Judgement,
    /// What the interval rests on.
    pub basis: Basis,
    /// Whether the row takes part in the overall verdict.
    pub is_decisive: bool,
}

impl Row {
    /// What the row is called, for people.
    pub fn title(&self) -> String {
        title(self.scenario.as_deref(), self.flow.as_deref(), self.metric)
    }

    pub(super) fn against(&self, limit: f64) -> RegressionRow {
        let limit = if self.metric.is_relative() { limit } else { self.minimum };
        let worsening = worsening(self.metric, Interval { low: self.low, high: self.high });
        let status = match worsening {
            Interval { low, .. } if low > limit => RegressionStatus::Regressed,
            Interval { high, .. } if high <= limit => RegressionStatus::Passed,
            _ => RegressionStatus::Unclear,
        };
        let detectable = self.reach().map(|reach| limit + reach);
        let (scenario, flow, metric) = (self.scenario.clone(), self.flow.clone(), self.metric);
        RegressionRow { scenario, flow, metric, status, limit, detectable, is_decisive: self.is_decisive }
    }

    /// How far the interval reaches from the difference to the better side: so much worse it has to be to be told from nothing.
    fn reach(&self) -> Option<f64> {
        (self.basis != Basis::ByConstruction)
            .then(|| reach(self.metric, self.difference, Interval { low: self.low, high: self.high }))
    }
}

/// A difference turned round so that more is worse.
fn worsening(metric: RowMetric, difference: Interval) -> Interval {
    match metric.is_better_higher() {
        true => Interval { low: -difference.high, high: -difference.low },
        false => difference,
    }
}

fn reach(metric: RowMetric, difference: f64, interval: Interval) -> f64 {
    let estimate = worsening(metric, Interval::point(difference)).low;
    (estimate - worsening(metric, interval).low).max(0.0)
}

fn judge(metric: RowMetric, difference: f64, interval: Interval, minimum: f64) -> Judgement {
    let interval = worsening(metric, interval);
    let estimate = worsening(metric, Interval::point(difference)).low;
    if interval.low > 0.0 && estimate >= minimum {
        Judgement::Worse
    } else if interval.high < 0.0 && estimate <= -minimum {
        Judgement::Better
    } else if interval.low >= -minimum && interval.high <= minimum {
        Judgement::Same
    } else {
        Judgement::Unclear
    }
}

/// One side: its runs, ready to be read.
pub(crate) struct ComparedSide {
    /// The slices of all runs.
    pub(crate) sample: Sample,
    /// Each run on its own, where there are several.
    pub(crate) runs: Vec<Sample>,
    /// The rate each run was asked for and achieved.
    pub(crate) rates: Vec<RateBlock>,
    /// All response times.
    pub(crate) response: Distribution,
}

impl ComparedSide {
    /// The side that some runs make up. Refuses runs whose histories cannot be read.
    pub(crate) fn new(reports: &[Report]) -> Result<ComparedSide, Refusal> {
        let runs =
            portions(reports.iter().map(|report| (report.run_id.as_str(), report.history.as_slice())))?;
        let mut response = Distribution::new();
        for report in reports {
            let whole = Distribution::decode(&report.response_ns.hdr).map_err(|cause| {
                unreadable(&report.run_id, &format_args!("its response times cannot be read: {cause}"))
            })?;
            response.merge(&whole);
        }
        let rates = reports.iter().map(|report| report.rate).collect();
        Ok(ComparedSide::of_runs(runs, rates, response))
    }

    /// A side from decoded runs.
    pub(crate) fn of_runs(
        runs: Vec<Vec<Portion>>,
        rates: Vec<RateBlock>,
        response: Distribution,
    ) -> ComparedSide {
        let single = match runs.len() {
            1 => Vec::new(),
            _ => runs.iter().map(|run| Sample::new(vec![run.clone()])).collect(),
        };
        ComparedSide { sample: Sample::new(runs), runs: single, rates, response }
    }

    /// The mean of a rate over all runs, when all have it.
    fn mean_rate(&self, rate: impl Fn(&RateBlock) -> Option<f64>) -> Option<f64> {
        let sum: Option<f64> = self.rates.iter().map(rate).sum();
        Some(sum? / self.rates.len() as f64)
    }

    /// How many requests lie beyond a percentile, equal ones told apart by their order.
    fn beyond(&self, quantile: f64) -> u64 {
        (self.sample.sum(|portion| portion.ok) as f64 * (1.0 - quantile) + 1e-6) as u64
    }
}

/// The slices of some runs as numbers. Refuses runs whose slices cannot be read, or take more memory than there may be.
pub(super) fn portions<'a>(
    histories: impl Iterator<Item = (&'a str, &'a [Slice])>,
) -> Result<Vec<Vec<Portion>>, Refusal> {
    let (mut runs, mut values) = (Vec::new(), 0);
    for (run_id, history) in histories {
        let portions = measured(history).map_err(|cause| unreadable(run_id, &cause))?;
        values += portions.iter().map(|portion| portion.responses.len()).sum::<usize>();
        if values > VALUES_MAX {
            let text = "its slices hold more different response times than fit into memory";
            return Err(unreadable(run_id, &text));
        }
        runs.push(portions);
    }
    Ok(runs)
}

fn unreadable(run_id: &str, cause: &dyn fmt::Display) -> Refusal {
    let (text, fix) = (format!("run {run_id}: {cause}"), "make the run again".to_owned());
    Refusal { objections: vec![Objection { obstacle: Obstacle::History, text, fix }] }
}

/// A row whose interval is still to be given its confidence.
pub(crate) struct Draft {
    pub(crate) scenario: Option<String>,
    pub(crate) flow: Option<String>,
    pub(crate) metric: RowMetric,
    pub(crate) is_decisive: bool,
    base: f64,
    candidate: f64,
    minimum: f64,
    source: IntervalSource,
}

/// What an interval is made from.
enum IntervalSource {
    /// Nothing was left to chance.
    ByConstruction,
    /// The spread within the runs, on a logarithmic scale, and the logarithms of each run's figure.
    Ratio { within: Spread, between: Between },
    /// Shares of both sides, and of each run.
    Shares { base: Proportion, candidate: Proportion, degrees: f64, between: Between },
}

/// A figure of each run.
struct Between {
    base: Vec<f64>,
    candidate: Vec<f64>,
    is_paired: bool,
}

impl Between {
    fn difference(&self, confidence: f64) -> Option<Difference> {
        match self.is_paired {
            true => paired(&self.base, &self.candidate, confidence),
            false => welch(&self.base, &self.candidate, confidence),
        }
    }

    /// The wider of the interval within runs and the one between them. The one between them is laid around the estimate of all
    /// runs together as well as around the mean of the runs, so that it holds whichever of the two is meant.
    fn widened(&self, estimate: f64, within: Interval, confidence: f64) -> (Interval, Basis) {
        let Some(found) = self.difference(confidence) else { return (within, Basis::WithinRuns) };
        let low = found.difference.min(estimate) - found.half_width;
        let high = found.difference.max(estimate) + found.half_width;
        let between = Interval { low, high };
        if between.width() > within.width() {
            (between, Basis::BetweenRuns)
        } else {
            (within, Basis::WithinRuns)
        }
    }
}

impl Draft {
    /// False when chance had no part in it.
    pub(crate) fn is_fallible(&self) -> bool {
        !matches!(self.source, IntervalSource::ByConstruction)
    }

    /// Degrees of freedom of the spread within runs.
    pub(crate) fn degrees(&self) -> f64 {
        match &self.source {
            IntervalSource::ByConstruction => f64::INFINITY,
            IntervalSource::Ratio { within, .. } => within.degrees,
            IntervalSource::Shares { degrees, .. } => *degrees,
        }
    }

    /// The row, its interval of this confidence.
    pub(crate) fn finish(self, confidence: f64) -> Row {
        let difference = match self.metric.is_relative() {
            true => self.candidate / self.base - 1.0,
            false => self.candidate - self.base,
        };
        let (interval, basis) = match &self.source {
            IntervalSource::ByConstruction => (Interval::point(difference), Basis::ByConstruction),
            IntervalSource::Ratio { within, between } => {
                let (logs, basis) = between.widened(within.estimate, within.interval(confidence), confidence);
                (logs.map(f64::exp_m1), basis)
            }
            IntervalSource::Shares { base, candidate, between, .. } => {
                between.widened(difference, candidate.minus(base, confidence), confidence)
            }
        };
        Row {
            scenario: self.scenario,
            flow: self.flow,
            metric: self.metric,
            base: self.base,
            candidate: self.candidate,
            difference,
            low: interval.low,
            high: interval.high,
            minimum: self.minimum,
            detectable: (basis != Basis::ByConstruction)
                .then(|| reach(self.metric, difference, interval).max(self.minimum)),
            verdict: judge(self.metric, difference, interval, self.minimum),
            basis,
            is_decisive: self.is_decisive,
        }
    }
}

impl Draft {
    /// What the row will be called.
    pub(super) fn title(&self) -> String {
        title(self.scenario.as_deref(), self.flow.as_deref(), self.metric)
    }
}

/// Why a metric has no row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Omission {
    /// So few requests, or iterations, of a side lie beyond the percentile.
    FewBeyond(u64),
    /// The sides were asked for different rates.
    DifferentRates,
    /// A side has none of it, or one of its runs.
    NoRatio,
}

impl fmt::Display for Omission {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Omission::FewBeyond(beyond) => {
                write!(
                    formatter,
                    "beyond it lie {} of a side, fewer than {BEYOND_MIN}",
                    counted(*beyond, "request")
                )
            }
            Omission::DifferentRates => formatter.write_str("the sides were asked for different rates"),
            Omission::NoRatio => {
                formatter.write_str("a side, or one of its runs, has none, so there is no ratio")
            }
        }
    }
}

/// The rows that both sides have, and in words which were left out and why.
pub(crate) fn drafts(
    base: &ComparedSide,
    candidate: &ComparedSide,
    options: &Options,
) -> (Vec<Draft>, Vec<String>) {
    let (mut drafts, mut omitted) = (Vec::new(), Vec::new());
    for metric in RowMetric::ALL {
        match draft(metric, base, candidate, options) {
            Ok(draft) => drafts.push(draft),
            Err(reason) => omitted.push(format!("{}: {reason}", metric.title())),
        }
    }
    (drafts, omitted)
}

fn draft(
    metric: RowMetric,
    base: &ComparedSide,
    candidate: &ComparedSide,
    options: &Options,
) -> Result<Draft, Omission> {
    match metric {
        RowMetric::Rate => rate(base, candidate, options),
        RowMetric::Failed => Ok(failed(base, candidate, options)),
        RowMetric::CpuPerRequest => ratio(metric, Statistic::CPU_PER_REQUEST, base, candidate, options),
        RowMetric::ResponseMean => ratio(metric, Statistic::MEAN, base, candidate, options),
        percentile => self::percentile(percentile, base, candidate, options),
    }
}

/// A row of a percentile, where enough lies beyond it.
pub(super) fn percentile(
    metric: RowMetric,
    base: &ComparedSide,
    candidate: &ComparedSide,
    options: &Options,
) -> Result<Draft, Omission> {
    let quantile = metric.quantile().expect("all other metrics have rows of their own");
    let beyond = base.beyond(quantile).min(candidate.beyond(quantile));
    if beyond < BEYOND_MIN {
        return Err(Omission::FewBeyond(beyond));
    }
    ratio(metric, Statistic::Quantile(quantile), base, candidate, options)
}

/// The rate of two open loops that carried what was asked for is the same by construction; otherwise it is what the targets
/// let through.
fn rate(base: &ComparedSide, candidate: &ComparedSide, options: &Options) -> Result<Draft, Omission> {
    let minimum = options.minimums.rate;
    let (Some(target_base), Some(target_candidate)) =
        (base.mean_rate(|rate| rate.target), candidate.mean_rate(|rate| rate.target))
    else {
        return ratio(RowMetric::Rate, Statistic::RATE, base, candidate, options);
    };
    if (target_candidate / target_base - 1.0).abs() > 0.001 {
        return Err(Omission::DifferentRates);
    }
    let is_carried = |rate: &RateBlock| rate.ratio.is_some_and(|ratio| ratio >= 1.0 - minimum / 2.0);
    if !base.rates.iter().chain(&candidate.rates).all(is_carried) {
        return ratio(RowMetric::Rate, Statistic::RATE, base, candidate, options);
    }
    let achieved = |side: &ComparedSide| side.mean_rate(|rate| Some(rate.achieved)).unwrap_or(0.0);
    Ok(Draft {
        scenario: None,
        flow: None,
        metric: RowMetric::Rate,
        is_decisive: options.decisive.contains(&RowMetric::Rate),
        base: achieved(base),
        candidate: achieved(candidate),
        minimum,
        source: IntervalSource::ByConstruction,
    })
}

fn ratio(
    metric: RowMetric,
    statistic: Statistic,
    base: &ComparedSide,
    candidate: &ComparedSide,
    options: &Options,
) -> Result<Draft, Omission> {
    let (of_base, of_candidate) = resampled(metric, statistic, base, candidate, options);
    // A run without it has no logarithm, and the spread between runs would be none.
    let mut runs = base.runs.iter().chain(&candidate.runs);
    if of_base.estimate <= 0.0 || of_candidate.estimate <= 0.0 || runs.any(|run| run.read(statistic) <= 0.0) {
        return Err(Omission::NoRatio);
    }
    let logs = |side: &ComparedSide| side.runs.iter().map(|run| run.read(statistic).ln()).collect();
    Ok(Draft {
        scenario: None,
        flow: None,
        metric,
        is_decisive: options.decisive.contains(&metric),
        base: of_base.estimate,
        candidate: of_candidate.estimate,
        minimum: options.minimums.of(metric),
        source: IntervalSource::Ratio {
            within: of_candidate.log_spread().minus(&of_base.log_spread()),
            between: between(logs(base), logs(candidate), options),
        },
    })
}

fn failed(base: &ComparedSide, candidate: &ComparedSide, options: &Options) -> Draft {
    let statistic = Statistic::FAILED;
    let (of_base, of_candidate) = resampled(RowMetric::Failed, statistic, base, candidate, options);
    let share = |side: &ComparedSide, replicates: &Replicates| {
        let total = side.sample.sum(|portion| portion.ended() + portion.dropped);
        Proportion::new(replicates.estimate, total, replicates.plain_spread().variance())
    };
    let of_runs = |side: &ComparedSide| side.runs.iter().map(|run| run.read(statistic)).collect();
    Draft {
        scenario: None,
        flow: None,
        metric: RowMetric::Failed,
        is_decisive: options.decisive.contains(&RowMetric::Failed),
        base: of_base.estimate,
        candidate: of_candidate.estimate,
        minimum: options.minimums.failed,
        source: IntervalSource::Shares {
            base: share(base, &of_base),
            candidate: share(candidate, &of_candidate),
            degrees: of_base.degrees.min(of_candidate.degrees),
            between: between(of_runs(base), of_runs(candidate), options),
        },
    }
}

fn between(base: Vec<f64>, candidate: Vec<f64>, options: &Options) -> Between {
    // Runs that cannot be paired have been refused, or are allowed to be compared without.
    let is_paired = options.is_paired && base.len() == candidate.len();
    Between { base, candidate, is_paired }
}

/// Both sides, resampled with streams of their own.
fn resampled(
    metric: RowMetric,
    statistic: Statistic,
    base: &ComparedSide,
    candidate: &ComparedSide,
    options: &Options,
) -> (Replicates, Replicates) {
    let draw = |side: &ComparedSide, stream: u64| {
        let mut random = Random::new(options.seed, stream);
        replicates(&side.sample, statistic, options.resamples, &mut random)
    };
    let stream = 2 * metric as u64;
    (draw(base, stream), draw(candidate, stream + 1))
}
