//! The points of each metric, as they are at one moment: what Prometheus's pages and OTLP's requests are both written from.

use crate::machine_points::of_machine;
use crate::names::{self, METRICS};
pub use crate::point_times::PointTimes;
pub use crate::points::{AttributeValue, Family, Figures, Point, PointValue};
use crate::points::{Attributes, of_run, text, whole};
use crate::totals::ExportedPoints;
use engine::code;
use engine::outcome::{Kind, Outcome};
use engine::phase::Phase;
use engine::plan::{Plan, Pool};
use engine::record::{Series, TimedOutcome};
use engine::run_facts::{SeriesForm, SeriesKey};
use std::borrow::Cow;

/// The metrics that have points.
pub fn families<'a>(figures: Figures<'a>) -> Vec<Family<'a>> {
    let filled = METRICS.iter().map(|metric| Family { metric, points: points(metric.name, figures) });
    filled.filter(|family| !family.points.is_empty()).collect()
}

fn points<'a>(name: &str, figures: Figures<'a>) -> Vec<Point<'a>> {
    let Figures { totals, levels, .. } = figures;
    match name {
        names::SERVICE_HTTP => services(figures, SeriesForm::Http),
        names::SERVICE_RPC => services(figures, SeriesForm::Grpc),
        names::SERVICE => services(figures, SeriesForm::Message),
        names::RESPONSE => each(figures, responses_times),
        names::SLIP => each(figures, |series| vec![(Vec::new(), PointValue::Times((&series.slip).into()))]),
        names::LAG => each(figures, |series| vec![(Vec::new(), PointValue::Times((&series.lag).into()))]),
        names::SENT => counts(figures, |series| series.sent),
        names::OK => counts(figures, |series| series.ok),
        names::FAILED => each(figures, failures),
        names::IO => each(figures, |series| {
            let directions = [("transmit", series.bytes_sent), ("receive", series.bytes_received)];
            directions
                .map(|(direction, bytes)| (text(names::DIRECTION, direction), PointValue::Count(bytes)))
                .into()
        }),
        names::RESPONSES => statuses(figures),
        names::SCHEDULED => totals.scheduled.into_iter().map(|count| whole(figures, count)).collect(),
        names::OPEN => vec![whole(figures, levels.open)],
        names::CAPACITY => vec![whole(figures, capacity(&figures.facts.plan))],
        names::ACTIVE => vec![whole(figures, levels.under_way())],
        names::RECONNECTS => vec![whole(figures, totals.reconnects)],
        names::CONNECT_FAILURES => vec![whole(figures, totals.connect_failures)],
        names::HICCUPS => vec![whole(figures, totals.hiccups)],
        names::LOST => vec![whole(figures, totals.lost)],
        names::EXPORTED => exports(figures),
        names::SPOOLED => exported(figures, |points| points.spooled),
        names::BREAKER_OPENINGS => exported(figures, |points| points.breaker_openings),
        names::PLANS => plans(figures),
        names::LAST_PLAN => vec![whole(figures, u64::from(!levels.changes.is_last_plan_refused))],
        names::REVISIONS => vec![whole(figures, levels.changes.revisions - totals.changes_before.revisions)],
        names::ENDED => vec![whole(figures, u64::from(levels.is_ended))],
        of_others => of_machine(of_others, figures).unwrap_or_else(|| arrivals(of_others, figures)),
    }
}

/// What became of the plan, each time that it was read.
fn plans(figures: Figures<'_>) -> Vec<Point<'_>> {
    let (now, before) = (figures.levels.changes.plans, figures.totals.changes_before.plans);
    let outcomes = ["ok", "refused"].into_iter().zip(now.into_iter().zip(before));
    let points = outcomes.map(|(outcome, (now, before))| {
        let mut point = whole(figures, now - before);
        point.attributes.extend(text(names::OUTCOME, outcome));
        point
    });
    points.collect()
}

/// What became of points that were to be sent: each outcome from the beginning on, so that the first of it is seen to come.
fn exports(figures: Figures<'_>) -> Vec<Point<'_>> {
    let Some(exported) = figures.levels.exported else { return Vec::new() };
    let outcomes = [("sent", exported.sent), ("rejected", exported.rejected), ("dropped", exported.dropped)];
    let points = outcomes.map(|(outcome, count)| {
        let mut point = whole(figures, count);
        point.attributes.extend(text(names::EXPORT_OUTCOME, outcome));
        point
    });
    points.into()
}

/// One figure of what became of points, where some are sent.
fn exported(figures: Figures<'_>, figure: impl Fn(ExportedPoints) -> u64) -> Vec<Point<'_>> {
    figures.levels.exported.map(|points| whole(figures, figure(points))).into_iter().collect()
}

/// Points of each series, in each phase that has something.
fn each<'a>(
    figures: Figures<'a>,
    values: impl Fn(&'a Series) -> Vec<(Attributes<'a>, PointValue<'a>)>,
) -> Vec<Point<'a>> {
    let mut points = Vec::new();
    for (index, phase, series) in figures.totals.each_series() {
        let key = &figures.facts.series[index];
        for (own, value) in values(series) {
            let attributes = [of_step(figures, key, phase), own].concat();
            points.push(Point { attributes, value });
        }
    }
    points
}

/// The count of each series in each phase that has something, and in the measured window in any case: whoever takes rates of counts has to see
/// them at 0 first.
fn counts<'a>(figures: Figures<'a>, count: impl Fn(&Series) -> u64) -> Vec<Point<'a>> {
    let mut points = Vec::new();
    for (index, key) in figures.facts.series.iter().enumerate() {
        let mut of_phase = |phase, count| {
            let attributes = of_step(figures, key, phase);
            points.push(Point { attributes, value: PointValue::Count(count) });
        };
        let mut is_measured = false;
        for (phase, series) in figures.totals.phases_of(index) {
            is_measured |= phase == Phase::Measure;
            of_phase(phase, count(series));
        }
        if !is_measured {
            of_phase(Phase::Measure, 0);
        }
    }
    points
}

/// Requests that the connections of a plan can carry at once.
fn capacity(plan: &Plan) -> u64 {
    // A session has one request at a time, whatever its connection could carry.
    let of_pool = |pool: &Pool| {
        let is_own = pool.connections.is_per_session();
        let of_each = if is_own { 1 } else { plan.targets[pool.target].pipeline() };
        u64::from(pool.connections.count()) * u64::from(of_each)
    };
    plan.pools.iter().map(of_pool).sum()
}

/// Service times of requests of one form, by how they ended.
fn services(figures: Figures<'_>, form: SeriesForm) -> Vec<Point<'_>> {
    let keys = &figures.facts.series;
    let mut points = Vec::new();
    for (index, phase, series) in figures.totals.each_series() {
        let key = &keys[index];
        if key.form != form {
            continue;
        }
        let whose = [of_step(figures, key, phase), of_target(key)].concat();
        for (outcome, times) in series.service_by_outcome() {
            let attributes = [whose.clone(), of_outcome(form, outcome)].concat();
            points.push(Point { attributes, value: PointValue::Times(times.into()) });
        }
    }
    points
}

/// How requests ended: their status, and what kind of error it is, as the semantic conventions have it.
fn of_outcome(form: SeriesForm, outcome: TimedOutcome) -> Attributes<'static> {
    let outcome = match outcome {
        TimedOutcome::One(outcome) => outcome,
        TimedOutcome::Rest { is_ok } => {
            let error = (!is_ok).then(|| text(names::ERROR, names::ERROR_OTHER));
            return text(names::OUTCOME, "other").into_iter().chain(error.unwrap_or_default()).collect();
        }
    };
    let status = outcome.status().map(|status| status_of(form, status));
    // A status that is an error names its kind; nothing else of the response is wrong.
    let error: Option<Cow<'static, str>> = match outcome {
        Outcome::Refused(status) => Some(code::show(status).into()),
        _ => outcome.kind().map(|kind| kind.name().into()),
    };
    let error = error.map(|error| (names::ERROR, AttributeValue::Text(error)));
    status.into_iter().chain(error).collect()
}

/// Response times of successes, and of failures where there were some.
fn responses_times(series: &Series) -> Vec<(Attributes<'_>, PointValue<'_>)> {
    let mut values = vec![(text(names::OUTCOME, "ok"), PointValue::Times((&series.response).into()))];
    if series.failed() > 0 {
        values.push((text(names::OUTCOME, "failed"), PointValue::Times((&series.failed_response).into())));
    }
    values
}

/// Failures of the kinds that there were.
fn failures(series: &Series) -> Vec<(Attributes<'_>, PointValue<'_>)> {
    let seen = Kind::ALL.into_iter().map(|kind| (kind, series.errors[kind as usize]));
    let seen = seen.filter(|(_, count)| *count > 0);
    seen.map(|(kind, count)| (text(names::ERROR, kind.name()), PointValue::Count(count))).collect()
}

/// Responses with the statuses that came.
fn statuses(figures: Figures<'_>) -> Vec<Point<'_>> {
    let mut points = Vec::new();
    for (index, phase, series) in figures.totals.each_series() {
        let key = &figures.facts.series[index];
        for (status, count) in series.statuses.iter() {
            let mut attributes = of_step(figures, key, phase);
            attributes.push(status_of(key.form, status));
            points.push(Point { attributes, value: PointValue::Count(count) });
        }
    }
    points
}

fn status_of(form: SeriesForm, status: u16) -> (&'static str, AttributeValue<'static>) {
    let by_name = |name: &'static str| (name, AttributeValue::Text(code::show(status).into()));
    match (form, code::grpc_name(status)) {
        (_, Some(name)) => (names::RPC_STATUS, AttributeValue::Text(name.into())),
        (SeriesForm::Http | SeriesForm::Grpc, None) => (names::STATUS, AttributeValue::Number(status.into())),
        (SeriesForm::Message, None) => by_name(names::CODE),
    }
}

/// What each scenario has of arrivals and iterations.
fn arrivals<'a>(name: &str, figures: Figures<'a>) -> Vec<Point<'a>> {
    let mut points = Vec::new();
    for (scenario, totals) in figures.facts.plan.scenarios.iter().zip(figures.totals.scenarios()) {
        let attributes = |phase: Phase, outcome: Option<&'static str>| {
            let mut attributes = of_run(figures);
            attributes.extend(text(names::SCENARIO, &scenario.name));
            attributes.extend(text(names::PHASE, phase_name(phase)));
            attributes.extend(outcome.into_iter().flat_map(|outcome| text(names::OUTCOME, outcome)));
            attributes
        };
        for (phase, arrivals) in totals.each_phase() {
            let is_flow = totals.times.is_some();
            let values: &[(Option<&str>, u64)] = match name {
                names::DROPPED => &[(None, arrivals.dropped)],
                names::UNSENT => &[(None, arrivals.unsent)],
                names::WITHHELD => &[(None, arrivals.withheld)],
                names::BEGUN if is_flow => &[(None, arrivals.begun)],
                names::ITERATIONS if is_flow => &[
                    (Some("ok"), arrivals.ok),
                    (Some("failed"), arrivals.failed),
                    (Some("unfinished"), arrivals.unfinished),
                ],
                _ => &[],
            };
            points.extend(values.iter().map(|(outcome, count)| Point {
                attributes: attributes(phase, *outcome),
                value: PointValue::Count(*count),
            }));
        }
        if let Some(times) = &totals.times {
            let times = match name {
                names::ITERATION_WAIT => Some(&times.waited),
                names::ITERATION => Some(&times.lasted),
                _ => None,
            };
            points.extend(times.map(|times| Point {
                attributes: attributes(Phase::Measure, None),
                value: PointValue::Times(times.into()),
            }));
        }
    }
    points
}

fn of_step<'a>(figures: Figures<'a>, key: &'a SeriesKey, phase: Phase) -> Attributes<'a> {
    let own = [
        (names::SCENARIO, key.scenario.as_str()),
        (names::STEP, &key.step),
        (names::PHASE, phase_name(phase)),
    ];
    let own = own.into_iter().flat_map(|(name, value)| text(name, value));
    of_run(figures).into_iter().chain(own).collect()
}

/// Where requests of a series go, and how.
fn of_target(key: &SeriesKey) -> Attributes<'_> {
    let mut attributes = Attributes::new();
    let method = match key.form {
        SeriesForm::Grpc => names::RPC_METHOD,
        SeriesForm::Http | SeriesForm::Message => names::METHOD,
    };
    attributes.extend(key.method.iter().flat_map(|value| text(method, value)));
    attributes.extend(text(names::SERVER, &key.server));
    attributes.extend(key.port.map(|port| (names::PORT, AttributeValue::Number(port.into()))));
    attributes.extend(text(names::PROTOCOL, key.protocol));
    attributes
        .extend(key.protocol_version.into_iter().flat_map(|value| text(names::PROTOCOL_VERSION, value)));
    attributes
}

fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Warmup => "warmup",
        Phase::Measure => "measure",
        Phase::Drain => "drain",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::totals::{PHASES, RunLevels, RunTotals};
    use engine::config::{Config, ConnectionCount, Text};
    use engine::phase::Phases;
    use engine::record::{Instants, Recorder, Snapshot};
    use engine::run_facts::RunFacts;

    fn facts() -> RunFacts {
        let mut config = Config { url: Some(Text("http://h:81/".into())), ..Config::default() };
        config.load.rate = Some(Text("10".into()));
        RunFacts::new(&Plan::new(&config, &|_| Err(String::new())).unwrap(), "run-1")
    }

    /// What a shard counts of some requests that are intended at these moments.
    fn snapshot(facts: &RunFacts, phases: Phases, from_ns: u64, intended: &[(u64, Outcome)]) -> Snapshot {
        let layout = facts.plan.layout();
        let mut recorder = Recorder::new(0, &layout, phases);
        (recorder.from_ns, recorder.to_ns) = (from_ns, from_ns + 1_000);
        for (intended, outcome) in intended {
            let instants = Instants { intended: *intended, sent: intended + 1, done: intended + 500 };
            recorder.sent(0, *intended, instants.sent, 10);
            recorder.done(0, *outcome, instants, 1, 20);
        }
        recorder.settle(true);
        let mut snapshot = Snapshot::new(1, &layout, phases);
        snapshot.absorb(&recorder);
        snapshot
    }

    /// The counts of a metric by the value of one attribute.
    fn counts(families: &[Family<'_>], name: &str, attribute: &str) -> Vec<(String, u64)> {
        let family = families.iter().find(|family| family.metric.name == name).unwrap();
        let of = |point: &Point<'_>| {
            let value = point.attributes.iter().find(|(name, _)| *name == attribute).map(|(_, value)| value);
            let value = match value {
                Some(AttributeValue::Text(text)) => text.to_string(),
                Some(AttributeValue::Number(number)) => number.to_string(),
                None => String::new(),
            };
            let count = match &point.value {
                PointValue::Count(count) => *count,
                PointValue::Times(times) => times.count(),
                PointValue::Real(real) => *real as u64,
            };
            (value, count)
        };
        family.points.iter().map(of).collect()
    }

    #[test]
    fn what_is_of_the_window_is_told_from_what_was_before_and_after_it() {
        let (facts, phases) = (facts(), Phases { measure_from_ns: 1_000, measure_to_ns: 2_000 });
        let (mut totals, mut levels) = (RunTotals::new(&facts), RunLevels::default());
        for (from_ns, intended) in [
            (0, vec![(10, Outcome::Ok(200))]),
            // Of the warm-up, and over after it.
            (1_000, vec![(990, Outcome::Ok(200)), (1_500, Outcome::Ok(200)), (1_600, Outcome::Refused(503))]),
            (2_000, vec![(1_990, Outcome::Failed(Kind::Timeout))]),
        ] {
            let snapshot = snapshot(&facts, phases, from_ns, &intended);
            totals.add(&snapshot, Some(intended.len() as u64));
            levels.pass(&snapshot);
        }
        let families = families(Figures { facts: &facts, totals: &totals, levels: &levels });
        let told = |name: &str, attribute: &str| counts(&families, name, attribute);
        let pair = |name: &str, count: u64| (name.to_owned(), count);
        assert_eq!(told(names::SENT, names::PHASE), [pair("warmup", 2), pair("measure", 3)]);
        assert_eq!(told(names::OK, names::PHASE), [pair("warmup", 2), pair("measure", 1)]);
        assert_eq!(told(names::FAILED, names::ERROR), [pair("timeout", 1), pair("status", 1)]);
        assert_eq!(told(names::RESPONSES, names::STATUS), [pair("200", 2), pair("200", 1), pair("503", 1)]);
        assert_eq!(told(names::RESPONSE, names::OUTCOME), [pair("ok", 2), pair("ok", 1), pair("failed", 2)]);
        let by_status = [pair("200", 2), pair("200", 1), pair("503", 1), pair("", 1)];
        assert_eq!(told(names::SERVICE_HTTP, names::STATUS), by_status);
        let by_error = [pair("", 2), pair("", 1), pair("503", 1), pair("timeout", 1)];
        assert_eq!(told(names::SERVICE_HTTP, names::ERROR), by_error);
        assert_eq!(
            told(names::SERVICE_HTTP, names::PORT),
            ["81"; 4].map(str::to_owned).into_iter().zip([2, 1, 1, 1]).collect::<Vec<_>>()
        );
        assert_eq!(told(names::SCHEDULED, names::RUN_ID), [pair("run-1", 5)]);
        assert_eq!(told(names::ACTIVE, names::RUN_ID), [pair("run-1", 0)]);
        assert!(families.iter().all(|family| family.metric.name != names::BEGUN), "there are no iterations");
    }

    #[test]
    fn counts_of_requests_begin_at_0_and_there_is_room_for_so_many() {
        for (pipeline, room) in [(None, 3), (Some(4), 12)] {
            let mut config = Config { url: Some(Text("http://h/".into())), ..Config::default() };
            (config.run.connections, config.run.pipeline) = (Some(ConnectionCount::Number(3)), pipeline);
            let plan = Plan::new(&config, &|_| Err(String::new())).unwrap();
            let facts = RunFacts::new(&plan, "run-1");
            let (totals, levels) = (RunTotals::new(&facts), RunLevels::default());
            let families = families(Figures { facts: &facts, totals: &totals, levels: &levels });
            for name in [names::SENT, names::OK] {
                assert_eq!(counts(&families, name, names::PHASE), [("measure".to_owned(), 0)]);
            }
            assert_eq!(counts(&families, names::CAPACITY, names::RUN_ID), [("run-1".to_owned(), room)]);
        }
    }

    #[test]
    fn how_requests_ended_is_told_as_the_conventions_of_what_they_speak_have_it() {
        let told = |form, outcome| -> Vec<(&str, String)> {
            let attributes = of_outcome(form, outcome).into_iter();
            let told = attributes.map(|(name, value)| match value {
                AttributeValue::Text(text) => (name, text.into_owned()),
                AttributeValue::Number(number) => (name, number.to_string()),
            });
            told.collect()
        };
        let unavailable = code::of_grpc(14);
        for (form, outcome, expected) in [
            (SeriesForm::Http, Outcome::Ok(302), &[(names::STATUS, "302")][..]),
            (SeriesForm::Http, Outcome::Refused(404), &[(names::STATUS, "404"), (names::ERROR, "404")]),
            (SeriesForm::Http, Outcome::CheckFailed(200), &[(names::STATUS, "200"), (names::ERROR, "check")]),
            (SeriesForm::Http, Outcome::Failed(Kind::Eof), &[(names::ERROR, "eof")]),
            (
                SeriesForm::Grpc,
                Outcome::Refused(unavailable),
                &[(names::RPC_STATUS, "UNAVAILABLE"), (names::ERROR, "UNAVAILABLE")],
            ),
            (
                SeriesForm::Message,
                Outcome::Refused(1_011),
                &[(names::CODE, "close 1011"), (names::ERROR, "close 1011")],
            ),
        ] {
            let expected: Vec<(&str, String)> =
                expected.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
            assert_eq!(told(form, TimedOutcome::One(outcome)), expected, "{outcome:?}");
        }
        let rest = |is_ok| told(SeriesForm::Http, TimedOutcome::Rest { is_ok });
        assert_eq!(rest(true), [(names::OUTCOME, "other".to_owned())]);
        assert_eq!(rest(false)[1], (names::ERROR, "_OTHER".to_owned()));
    }

    #[test]
    fn what_became_of_points_is_told_where_some_are_sent() {
        let facts = facts();
        let totals = RunTotals::new(&facts);
        let told = |exported: Option<ExportedPoints>, name: &str, attribute: &str| {
            let mut levels = RunLevels::default();
            levels.exported = exported;
            let families = families(Figures { facts: &facts, totals: &totals, levels: &levels });
            let is_there = families.iter().any(|family| family.metric.name == name);
            if is_there { counts(&families, name, attribute) } else { Vec::new() }
        };
        let exported =
            Some(ExportedPoints { sent: 5, rejected: 0, dropped: 1, spooled: 7, breaker_openings: 2 });
        let pair = |name: &str, count: u64| (name.to_owned(), count);
        assert_eq!(told(exported, names::SPOOLED, names::RUN_ID), [pair("run-1", 7)]);
        assert_eq!(told(exported, names::BREAKER_OPENINGS, names::RUN_ID), [pair("run-1", 2)]);
        let outcomes = [pair("sent", 5), pair("rejected", 0), pair("dropped", 1)];
        assert_eq!(told(exported, names::EXPORTED, names::EXPORT_OUTCOME), outcomes);
        for name in [names::SPOOLED, names::BREAKER_OPENINGS, names::EXPORTED] {
            assert!(told(None, name, names::RUN_ID).is_empty(), "{name}");
        }
    }

    #[test]
    fn every_point_has_the_attributes_of_its_metric_and_no_others() {
        let (facts, phases) = (facts(), Phases { measure_from_ns: 0, measure_to_ns: 2_000 });
        let (mut totals, levels) = (RunTotals::new(&facts), RunLevels::default());
        totals.add(&snapshot(&facts, phases, 0, &[(1, Outcome::Ok(200)), (2, Outcome::Refused(404))]), None);
        for family in families(Figures { facts: &facts, totals: &totals, levels: &levels }) {
            for point in &family.points {
                let (first, rest) = point.attributes.split_first().unwrap();
                assert_eq!(first.0, names::RUN_ID);
                for (name, _) in rest {
                    assert!(family.metric.attributes.contains(name), "{} has {name}", family.metric.name);
                }
            }
        }
        assert_eq!(PHASES.map(phase_name), ["warmup", "measure", "drain"]);
    }
}
