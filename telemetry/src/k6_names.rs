//! The same figures under the names that k6 has for them, so that dashboards which were made for k6 show a run.
//!
//! What k6 measures and nothing here does has no name: how long a request waited for its first byte, and for its handshake. Its trends
//! are of the whole run, and so are these.

use crate::names::{Instrument, MetricName, MetricUnit};
use crate::point_times::PointTimes;
use crate::points::{AttributeValue, Attributes, Family, Figures, Point, PointValue, text};
use crate::totals::ScenarioTotals;
use engine::distribution::{CoarseTimes, Distribution};
use engine::phase::Phase;
use engine::record::{Series, TimedOutcome};
use engine::run_facts::{SeriesForm, SeriesKey};
use std::collections::BTreeMap;

/// The run, as k6 calls it.
const TEST_ID: &str = "testid";
const SCENARIO: &str = "scenario";
const NAME: &str = "name";
const METHOD: &str = "method";
const STATUS: &str = "status";
/// Whether a request succeeded. In k6 a response is one that it expects by its status, where no callback says otherwise.
const EXPECTED: &str = "expected_response";
const CHECK: &str = "check";
const PHASE: &str = "vajra_phase";

const fn named(name: &'static str, instrument: Instrument, description: &'static str) -> MetricName {
    let unit = match instrument {
        Instrument::Histogram => MetricUnit::Seconds,
        Instrument::Counter | Instrument::Gauge => MetricUnit::Truth,
    };
    MetricName { name, instrument, unit, description, attributes: &[] }
}

/// A trend: its times, and what k6 makes of them in the order of [`figures_of`].
macro_rules! trend {
    ($name:literal, $description:literal) => {
        [
            named($name, Instrument::Histogram, $description),
            named(concat!($name, ".min"), Instrument::Gauge, $description),
            named(concat!($name, ".max"), Instrument::Gauge, $description),
            named(concat!($name, ".avg"), Instrument::Gauge, $description),
            named(concat!($name, ".med"), Instrument::Gauge, $description),
            named(concat!($name, ".p90"), Instrument::Gauge, $description),
            named(concat!($name, ".p95"), Instrument::Gauge, $description),
            named(concat!($name, ".p99"), Instrument::Gauge, $description),
        ]
    };
}

static DURATION: [MetricName; 8] =
    trend!("k6.http.req.duration", "Service time of requests of HTTP that were sent, by status, seconds");
static BLOCKED: [MetricName; 8] = trend!(
    "k6.http.req.blocked",
    "How much later than intended requests of HTTP that succeeded were sent, seconds"
);
static ITERATION: [MetricName; 8] =
    trend!("k6.iteration.duration", "How long iterations lasted that ended well, seconds");
static REQUESTS: MetricName = named("k6.http.reqs", Instrument::Counter, "Requests of HTTP that have ended");
static FAILED_RATE: MetricName =
    named("k6.http.req.failed.rate", Instrument::Gauge, "The share of requests of HTTP that failed");
static USERS: MetricName =
    named("k6.vus", Instrument::Gauge, "Iterations that are under way, or requests where there are none");
static ITERATIONS: MetricName = named(
    "k6.iterations",
    Instrument::Counter,
    "Iterations that have ended, or requests where there are none",
);
static DROPPED: MetricName =
    named("k6.dropped.iterations", Instrument::Counter, "Arrivals that were dropped by the overload policy");
static SENT: MetricName = named("k6.data.sent", Instrument::Counter, "Bytes of requests");
static RECEIVED: MetricName = named("k6.data.received", Instrument::Counter, "Bytes of responses");
static CHECKS: MetricName =
    named("k6.checks.rate", Instrument::Gauge, "The share of responses for which a check held");

/// One line of a trend: what it is of, and its parts, which have more of their own.
struct TrendLine<'a> {
    of: Attributes<'a>,
    parts: Vec<(Attributes<'a>, PointTimes<'a>)>,
}

/// The metrics by these names that have points. Histograms are for pages with native ones alone: dashboards that ask for figures of trends take
/// names of classic buckets for figures.
pub(crate) fn k6_families<'a>(figures: Figures<'a>, has_histograms: bool) -> Vec<Family<'a>> {
    let mut families = trend(&DURATION, durations(figures), figures);
    families.extend(trend(&BLOCKED, blocked(figures), figures));
    families.extend(trend(&ITERATION, iterations_lasted(figures), figures));
    families.extend([
        family(&REQUESTS, requests(figures), figures),
        family(&FAILED_RATE, failed_rates(figures), figures),
        family(&USERS, of_scenarios(figures, users), figures),
        family(&ITERATIONS, of_scenarios(figures, iterations), figures),
        family(&DROPPED, vec![(Vec::new(), count(dropped(figures)))], figures),
        family(&SENT, vec![(Vec::new(), bytes(figures, |series| series.bytes_sent))], figures),
        family(&RECEIVED, vec![(Vec::new(), bytes(figures, |series| series.bytes_received))], figures),
        family(&CHECKS, checks(figures), figures),
    ]);
    families.retain(|family| {
        let is_histogram = family.metric.instrument == Instrument::Histogram;
        !family.points.is_empty() && (has_histograms || !is_histogram)
    });
    families
}

fn family<'a>(
    metric: &'static MetricName,
    values: Vec<(Attributes<'a>, PointValue<'a>)>,
    figures: Figures<'a>,
) -> Family<'a> {
    let points = values.into_iter().map(|(own, value)| {
        let attributes = text(TEST_ID, &figures.facts.run_id).into_iter().chain(own).collect();
        Point { attributes, value }
    });
    Family { metric, points: points.collect() }
}

fn trend<'a>(
    names: &'static [MetricName; 8],
    lines: Vec<TrendLine<'a>>,
    figures: Figures<'a>,
) -> Vec<Family<'a>> {
    let (mut times, mut values) = (Vec::new(), vec![Vec::new(); names.len() - 1]);
    for TrendLine { of, parts } in lines {
        let figures = figures_of(&parts);
        for (own, part) in parts {
            times.push(([of.clone(), own].concat(), PointValue::Times(part)));
        }
        for (values, figure) in values.iter_mut().zip(figures.into_iter().flatten()) {
            values.push((of.clone(), PointValue::Real(figure)));
        }
    }
    let values = [times].into_iter().chain(values);
    names.iter().zip(values).map(|(name, values)| family(name, values, figures)).collect()
}

/// Least, most, mean, median and three percentiles of all parts together, in seconds; nothing where there is nothing. Where a part is coarse, all
/// but the mean are.
fn figures_of(parts: &[(Attributes<'_>, PointTimes<'_>)]) -> Option<[f64; 7]> {
    const QUANTILES: [f64; 4] = [0.5, 0.9, 0.95, 0.99];
    let (mut fine, mut coarse) = (Distribution::new(), CoarseTimes::default());
    for (_, part) in parts {
        match part {
            PointTimes::Fine(times) => fine.merge(times),
            PointTimes::Coarse(times) => coarse.merge(times),
        }
    }
    let is_fine = coarse.count() == 0;
    coarse.merge(&CoarseTimes::of(&fine));
    let mean_ns = (coarse.count() > 0).then(|| coarse.mean_ns())?;
    let [min, max] = if is_fine {
        [fine.min_ns(), fine.max_ns()]
    } else {
        [0.0, 1.0].map(|quantile| coarse.quantile_ns(quantile))
    };
    let quantile = |of| if is_fine { fine.quantile_ns(of) } else { coarse.quantile_ns(of) };
    let [p50, p90, p95, p99] = QUANTILES.map(|of| quantile(of) as f64);
    Some([min as f64, max as f64, mean_ns, p50, p90, p95, p99].map(|ns| ns / 1e9))
}

/// Each kind of request of HTTP, with what it has in each phase.
fn each_kind<'a>(figures: Figures<'a>) -> impl Iterator<Item = (&'a SeriesKey, Vec<(Phase, &'a Series)>)> {
    http_keys(figures).map(move |(index, key)| (key, figures.totals.phases_of(index).collect()))
}

/// Each kind of request of HTTP, with its place among all.
fn http_keys<'a>(figures: Figures<'a>) -> impl Iterator<Item = (usize, &'a SeriesKey)> {
    figures.facts.series.iter().enumerate().filter(|(_, key)| key.form == SeriesForm::Http)
}

fn of_kind(key: &SeriesKey) -> Attributes<'_> {
    let method = key.method.as_deref().unwrap_or_default();
    [text(SCENARIO, &key.scenario), text(NAME, &key.step), text(METHOD, method)].concat()
}

fn in_phases<'a>(
    phases: &[(Phase, &'a Series)],
    times: impl Fn(&'a Series) -> &'a Distribution,
) -> Vec<(Attributes<'a>, PointTimes<'a>)> {
    let parts = phases.iter().map(|(phase, series)| (text(PHASE, phase_word(*phase)), times(series)));
    parts.filter(|(_, times)| times.count() > 0).map(|(of, times)| (of, times.into())).collect()
}

fn phase_word(phase: Phase) -> &'static str {
    match phase {
        Phase::Warmup => "warmup",
        Phase::Measure => "measure",
        Phase::Drain => "drain",
    }
}

/// By success and status; what ended without a response has the status 0, as in k6, and so has what there was no room for.
fn durations(figures: Figures<'_>) -> Vec<TrendLine<'_>> {
    let mut lines = Vec::new();
    for (key, phases) in each_kind(figures) {
        let mut parts = BTreeMap::<(bool, u16), Vec<(Attributes<'_>, PointTimes<'_>)>>::new();
        for (phase, series) in phases {
            let mut of_phase = BTreeMap::new();
            for (outcome, times) in series.service_by_outcome() {
                let status = match outcome {
                    TimedOutcome::One(outcome) => outcome.status(),
                    TimedOutcome::Rest { .. } => None,
                };
                let both = of_phase.entry((outcome.is_ok(), status.unwrap_or(0)));
                both.and_modify(|so_far| *so_far = together(so_far, &times.clone().into()))
                    .or_insert_with(|| times.into());
            }
            for (of, times) in of_phase {
                parts.entry(of).or_default().push((text(PHASE, phase_word(phase)), times));
            }
        }
        lines.extend(parts.into_iter().map(|((is_ok, status), parts)| {
            let expected = text(EXPECTED, if is_ok { "true" } else { "false" });
            let status = vec![(STATUS, AttributeValue::Number(status.into()))];
            TrendLine { of: [of_kind(key), expected, status].concat(), parts }
        }));
    }
    lines
}

fn together<'a>(one: &PointTimes<'_>, other: &PointTimes<'_>) -> PointTimes<'a> {
    let mut both = one.coarse();
    both.merge(&other.coarse());
    PointTimes::Coarse(Box::new(both))
}

fn blocked(figures: Figures<'_>) -> Vec<TrendLine<'_>> {
    let of = |(key, phases): (_, Vec<(Phase, _)>)| TrendLine {
        of: [of_kind(key), text(EXPECTED, "true")].concat(),
        parts: in_phases(&phases, |series| &series.slip),
    };
    each_kind(figures).map(of).collect()
}

/// Where no requests follow each other, an iteration is one of them.
fn iterations_lasted(figures: Figures<'_>) -> Vec<TrendLine<'_>> {
    let scenarios = figures.facts.plan.scenarios.iter().zip(figures.totals.scenarios());
    let lines = scenarios.map(|(scenario, totals)| {
        let parts = match &totals.times {
            Some(times) => vec![(Vec::new(), (&times.lasted).into())],
            None => http_keys(figures)
                .filter(|(_, key)| key.scenario == scenario.name)
                .flat_map(|(index, key)| {
                    let phases: Vec<(Phase, &Series)> = figures.totals.phases_of(index).collect();
                    let parts = in_phases(&phases, |series| &series.service).into_iter();
                    parts
                        .map(|(own, times)| ([own, text(NAME, &key.step)].concat(), times))
                        .collect::<Vec<_>>()
                })
                .collect(),
        };
        TrendLine { of: text(SCENARIO, &scenario.name), parts }
    });
    lines.collect()
}

/// By status and success; those that ended without a response have the status 0, as in k6.
fn requests(figures: Figures<'_>) -> Vec<(Attributes<'_>, PointValue<'_>)> {
    let mut values = Vec::new();
    for (index, key) in http_keys(figures) {
        for (status, endings) in figures.totals.endings[index].iter() {
            let of_status = vec![(STATUS, AttributeValue::Number(status.into()))];
            let parts = [("true", endings.ok), ("false", endings.failed)];
            for (expected, requests) in parts.into_iter().filter(|(_, requests)| *requests > 0) {
                let of = [of_kind(key), text(EXPECTED, expected), of_status.clone()].concat();
                values.push((of, count(requests)));
            }
        }
    }
    values
}

fn failed_rates(figures: Figures<'_>) -> Vec<(Attributes<'_>, PointValue<'_>)> {
    let rates = each_kind(figures).filter_map(|(key, phases)| {
        let sum = |of: fn(&Series) -> u64| phases.iter().map(|(_, series)| of(series)).sum::<u64>();
        let (ok, failed) = (sum(|series| series.ok), sum(Series::failed));
        (ok + failed > 0).then(|| (of_kind(key), PointValue::Real(failed as f64 / (ok + failed) as f64)))
    });
    rates.collect()
}

fn of_scenarios<'a>(
    figures: Figures<'a>,
    value: impl Fn(Figures<'a>, &str, &ScenarioTotals) -> u64,
) -> Vec<(Attributes<'a>, PointValue<'a>)> {
    let scenarios = figures.facts.plan.scenarios.iter().zip(figures.totals.scenarios());
    let values = scenarios.map(|(scenario, totals)| {
        (text(SCENARIO, &scenario.name), count(value(figures, &scenario.name, totals)))
    });
    values.collect()
}

fn users(figures: Figures<'_>, scenario: &str, totals: &ScenarioTotals) -> u64 {
    if totals.times.is_some() {
        let phases = totals.each_phase().map(|(_, arrivals)| arrivals);
        let (begun, ended) = phases.fold((0, 0), |(begun, ended), arrivals| {
            (begun + arrivals.begun, ended + arrivals.ok + arrivals.failed + arrivals.unfinished)
        });
        return begun.saturating_sub(ended);
    }
    let own = of_scenario(figures, scenario);
    // Every request that was sent has a lag, however it ended.
    let (sent, ended) =
        own.fold((0, 0), |(sent, ended), series| (sent + series.sent, ended + series.lag.count()));
    sent.saturating_sub(ended)
}

fn iterations(figures: Figures<'_>, scenario: &str, totals: &ScenarioTotals) -> u64 {
    if totals.times.is_some() {
        return totals.each_phase().map(|(_, arrivals)| arrivals.ok + arrivals.failed).sum();
    }
    of_scenario(figures, scenario).map(|series| series.ok + series.failed()).sum()
}

fn of_scenario<'a>(figures: Figures<'a>, scenario: &str) -> impl Iterator<Item = &'a Series> {
    let keys = figures.facts.series.iter().enumerate().filter(move |(_, key)| key.scenario == scenario);
    keys.flat_map(move |(index, _)| figures.totals.phases_of(index).map(|(_, series)| series))
}

fn dropped(figures: Figures<'_>) -> u64 {
    let phases = figures.totals.scenarios().iter().flat_map(ScenarioTotals::each_phase);
    phases.map(|(_, arrivals)| arrivals.dropped).sum()
}

fn bytes(figures: Figures<'_>, of: fn(&Series) -> u64) -> PointValue<'_> {
    count(figures.totals.each_series().map(|(.., series)| of(series)).sum())
}

/// Of the measured window, as the report has them.
fn checks(figures: Figures<'_>) -> Vec<(Attributes<'_>, PointValue<'_>)> {
    let steps = figures.facts.plan.scenarios.iter().flat_map(|scenario| scenario.steps());
    let kinds = steps.zip(&figures.facts.series).zip(&figures.totals.checks);
    let mut values = Vec::new();
    for ((step, key), counts) in kinds {
        for (check, [passed, failed]) in step.looks.checks.iter().zip(counts) {
            if passed + failed > 0 {
                let name = format!("{}: {check}", key.step);
                let of = [text(SCENARIO, &key.scenario), vec![(CHECK, AttributeValue::Text(name.into()))]]
                    .concat();
                values.push((of, PointValue::Real(*passed as f64 / (passed + failed) as f64)));
            }
        }
    }
    values
}

fn count<'a>(count: u64) -> PointValue<'a> {
    PointValue::Count(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::totals::{RunLevels, RunTotals};
    use engine::config::{Config, Text};
    use engine::outcome::{Kind, Outcome};
    use engine::phase::Phases;
    use engine::plan::Plan;
    use engine::record::{Instants, Snapshot};
    use engine::run_facts::RunFacts;

    #[test]
    fn requests_and_their_times_are_expected_where_they_succeeded() {
        let config = Config { url: Some(Text("http://h/".into())), ..Config::default() };
        let facts = RunFacts::new(&Plan::new(&config, &|_| Err(String::new())).unwrap(), "r");
        let phases = Phases { measure_from_ns: 0, measure_to_ns: 10 };
        let mut snapshot = Snapshot::new(1, &facts.plan.layout(), phases);
        let instants = Instants { intended: 0, sent: 5, done: 1_000 };
        // A check fails of one response, and another one is none.
        for outcome in [Outcome::Ok(200), Outcome::CheckFailed(200), Outcome::Failed(Kind::Timeout)] {
            snapshot.requests.series.measured[0].done(outcome, instants, 0);
        }
        let (mut totals, levels) = (RunTotals::new(&facts), RunLevels::default());
        totals.add(&snapshot, None);
        let families = k6_families(Figures { facts: &facts, totals: &totals, levels: &levels }, true);
        let told = |name: &str| -> Vec<(String, u64)> {
            let family = families.iter().find(|family| family.metric.name == name).unwrap();
            let of = |point: &Point<'_>| {
                let own = point.attributes.iter().filter_map(|(name, value)| match value {
                    AttributeValue::Text(text) if *name == EXPECTED => Some(text.to_string()),
                    AttributeValue::Number(number) => Some(number.to_string()),
                    AttributeValue::Text(_) => None,
                });
                let count = match &point.value {
                    PointValue::Count(count) => *count,
                    PointValue::Times(times) => times.count(),
                    PointValue::Real(real) => panic!("{real}"),
                };
                (own.collect::<Vec<_>>().join(" "), count)
            };
            family.points.iter().map(of).collect()
        };
        let pair = |name: &str, count: u64| (name.to_owned(), count);
        assert_eq!(told("k6.http.reqs"), [pair("false 0", 1), pair("true 200", 1), pair("false 200", 1)]);
        let durations = [pair("false 0", 1), pair("false 200", 1), pair("true 200", 1)];
        assert_eq!(told("k6.http.req.duration"), durations);
    }
}
