//! The time series: a line for each interval while the run goes on, as JSON with whole histograms, or as CSV for a spreadsheet.

use crate::output::destination::Output;
use crate::output::iteration_series::{IterationInterval, IterationsUnderWay, all};
use crate::output::json;
use crate::output::offered_now::OfferedNow;
use engine::distribution::{Distribution, Summary};
use engine::orders::Orders;
use engine::outcome::Kind;
use engine::phase::Phase;
use engine::plan::{Plan, Scenario};
use engine::record::{IterationRecord, Series, Snapshot};
use engine::redact;
use engine::seams::Sink;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

/// Columns of the CSV.
const COLUMNS: [&str; 14] = [
    "time",
    "run_id",
    "scenario",
    "from_s",
    "to_s",
    "phase",
    "target_rps",
    "achieved_rps",
    "sent",
    "ok",
    "failed",
    "dropped",
    "bytes_sent",
    "bytes_received",
];
/// The columns behind them: empty where no requests follow each other.
const ITERATION_COLUMNS: [&str; 6] = [
    "iterations_begun",
    "iterations_ok",
    "iterations_failed",
    "iterations_unfinished",
    "iterations_dropped",
    "iterations_under_way",
];
/// What was added later stands last, so that the others keep their places.
const LATER_COLUMNS: [&str; 3] = ["withheld", "iterations_withheld", "flow"];
/// Behind them, for each of these the figures of its times.
const ITERATION_TIMES: [&str; 2] = ["iteration", "duration"];
/// The times of requests, in the order in which their figures stand.
const REQUEST_TIMES: [&str; 3] = ["response", "service", "slip"];
/// A figure of a distribution, nanoseconds.
type FigureOf = fn(&Summary) -> u64;

/// The figures of each block of times, by their keys.
const FIGURES: [(&str, FigureOf); 8] = [
    ("p50", |summary| summary.p50),
    ("p75", |summary| summary.p75),
    ("p90", |summary| summary.p90),
    ("p95", |summary| summary.p95),
    ("p99", |summary| summary.p99),
    ("p999", |summary| summary.p999),
    ("p9999", |summary| summary.p9999),
    ("max", |summary| summary.max),
];

/// Writes one interval after the other.
pub(crate) struct TimeSeries {
    output: Output,
    form: Form,
    offered: OfferedNow,
    /// Names of the scenarios, and of the kinds of request of each, as they may be written down.
    scenarios: Vec<(String, Vec<String>)>,
    /// Those of the named flows of each.
    flows: Vec<Vec<String>>,
    run_id: String,
    started_unix_ns: u64,
    under_way: IterationsUnderWay,
}

enum Form {
    Json,
    Csv,
}

/// One interval of the run, or of a scenario.
struct SeriesInterval<'a> {
    snapshot: &'a Snapshot,
    series: &'a Series,
    /// Of flows what is dropped or withheld are iterations, and the rate is one of those.
    dropped: u64,
    withheld: u64,
    arrivals: u64,
    iterations: Option<IterationInterval>,
    length_s: f64,
}

impl TimeSeries {
    /// A series of this run into an opened output; its name decides the form.
    pub(crate) fn new(output: Output, plan: &Plan, run_id: &str, orders: &Orders) -> TimeSeries {
        let written = redact::written(plan);
        let names = written.scenarios.iter().map(|scenario| {
            let steps = scenario.steps().iter().map(|step| step.name.clone());
            (scenario.name.clone(), steps.collect())
        });
        let named = |scenario: &Scenario| scenario.named_flows().into_iter().map(str::to_owned).collect();
        let flows = plan.scenarios.iter().map(named);
        let form = if is_csv(output.path()) { Form::Csv } else { Form::Json };
        TimeSeries {
            output,
            form,
            offered: OfferedNow::new(plan, orders),
            scenarios: names.collect(),
            flows: flows.collect(),
            run_id: run_id.to_owned(),
            started_unix_ns: 0,
            under_way: IterationsUnderWay::default(),
        }
    }

    fn told(&mut self, text: &str) -> io::Result<()> {
        self.output.write(text.as_bytes())
    }

    fn time(&self, snapshot: &Snapshot) -> String {
        let at_ns = self.started_unix_ns.saturating_add(snapshot.to_ns);
        // To the millisecond: the calendar's clock is not read more exactly.
        crate::session::show_time(UNIX_EPOCH + Duration::from_millis(at_ns / 1_000_000))
    }

    fn json(&self, snapshot: &Snapshot) -> Value {
        let total = snapshot.total();
        let interval = self.interval(snapshot, &total, None);
        let stats = snapshot.stats();
        let mut line = json!({
            "time": self.time(snapshot),
            "run_id": self.run_id,
            "from_s": snapshot.from_ns as f64 / 1e9,
            "to_s": snapshot.to_ns as f64 / 1e9,
            "phase": phase(snapshot),
            "rate": { "target": self.target(snapshot), "achieved": interval.achieved() },
            "requests": interval.requests(),
            "bytes": { "sent": total.bytes_sent, "received": total.bytes_received },
            "connections": { "open": stats.open, "reconnects": stats.reconnects },
            "hiccups": stats.hiccups,
            "response_ns": timing(&total.response),
            "service_ns": timing(&total.service),
            "slip_ns": timing(&total.slip),
            "lost": snapshot.lost,
        });
        if let Some(iterations) = &interval.iterations {
            line["iterations"] = iterations_json(iterations);
        }
        match self.scenarios.as_slice() {
            [(_, steps)] => {
                if steps.len() > 1 {
                    line["steps"] = interval.steps(0, steps).into();
                }
                self.add_flows(&mut line, snapshot, 0);
            }
            _ => line["scenarios"] = self.scenarios(snapshot).into(),
        }
        line
    }

    /// Each scenario, by its name.
    fn scenarios(&self, snapshot: &Snapshot) -> Map<String, Value> {
        let of_scenario = |(index, (name, steps)): (usize, &(String, Vec<String>))| {
            let series = Series::total(snapshot.requests.each_of(index));
            let interval = self.interval(snapshot, &series, Some(index));
            let mut line = json!({
                "rate": { "achieved": interval.achieved() },
                "requests": interval.requests(),
                "response_ns": timing(&series.response),
            });
            if let Some(iterations) = &interval.iterations {
                line["iterations"] = iterations_json(iterations);
            }
            if steps.len() > 1 {
                line["steps"] = interval.steps(index, steps).into();
            }
            self.add_flows(&mut line, snapshot, index);
            (name.clone(), line)
        };
        self.scenarios.iter().enumerate().map(of_scenario).collect()
    }

    /// Each named flow of a scenario, by its name, if it has any.
    fn add_flows(&self, line: &mut Value, snapshot: &Snapshot, scenario: usize) {
        let flows = self.flows[scenario].iter().zip(snapshot.requests.flows_of(scenario));
        let flows: Map<String, Value> =
            flows.map(|(name, record)| (name.clone(), flow_json(record))).collect();
        if !flows.is_empty() {
            line["flows"] = flows.into();
        }
    }

    /// Arrivals per second that the schedules ask for in the interval.
    fn target(&self, snapshot: &Snapshot) -> Option<f64> {
        let before = |ns: u64| self.offered.last().arrivals_before(ns);
        let scheduled = before(snapshot.to_ns)? - before(snapshot.from_ns)?;
        Some(scheduled as f64 / length_s(snapshot))
    }

    /// The rows of an interval: the whole run, then each of several scenarios; behind each scenario its named flows.
    fn csv(&self, snapshot: &Snapshot) -> io::Result<String> {
        let total = snapshot.total();
        let whole = self.interval(snapshot, &total, None);
        let mut rows = vec![self.csv_row("", self.target(snapshot), &whole)];
        for (index, (name, _)) in self.scenarios.iter().enumerate() {
            if self.scenarios.len() > 1 {
                let series = Series::total(snapshot.requests.each_of(index));
                let interval = self.interval(snapshot, &series, Some(index));
                rows.push(self.csv_row(name, None, &interval));
            }
            let flows = self.flows[index].iter().zip(snapshot.requests.flows_of(index));
            rows.extend(flows.map(|(flow, record)| self.csv_flow_row(name, flow, snapshot, record)));
        }
        csv_text(&rows)
    }

    /// The columns that say of what a row is.
    fn csv_head(&self, scenario: &str, snapshot: &Snapshot) -> Vec<String> {
        let number = |value: f64| json::rounded(value).to_string();
        vec![
            self.time(snapshot),
            self.run_id.clone(),
            scenario.to_owned(),
            number(snapshot.from_ns as f64 / 1e9),
            number(snapshot.to_ns as f64 / 1e9),
            phase_name(snapshot).to_owned(),
        ]
    }

    /// The row of a named flow: how often it was gone through, and how long that took. Requests are those of steps, and have no flow.
    fn csv_flow_row(
        &self,
        scenario: &str,
        flow: &str,
        snapshot: &Snapshot,
        record: &IterationRecord,
    ) -> Vec<String> {
        let mut row = self.csv_head(scenario, snapshot);
        row.resize(COLUMNS.len() + REQUEST_TIMES.len() * FIGURES.len(), String::new());
        let counts = [record.begun, record.ok, record.failed, record.unfinished];
        row.extend(counts.map(|count| all(count).to_string()));
        row.resize(
            row.len() + ITERATION_COLUMNS.len() - counts.len() + LATER_COLUMNS.len() - 1,
            String::new(),
        );
        row.push(flow.to_owned());
        row.extend(csv_times(record));
        row
    }

    fn csv_row(&self, scenario: &str, target: Option<f64>, interval: &SeriesInterval) -> Vec<String> {
        let SeriesInterval { snapshot, series, dropped, .. } = interval;
        let number = |value: f64| json::rounded(value).to_string();
        let mut row = self.csv_head(scenario, snapshot);
        row.extend([
            target.map_or_else(String::new, number),
            number(interval.achieved()),
            series.sent.to_string(),
            series.ok.to_string(),
            series.failed().to_string(),
            dropped.to_string(),
            series.bytes_sent.to_string(),
            series.bytes_received.to_string(),
        ]);
        row.extend([&series.response, &series.service, &series.slip].into_iter().flat_map(csv_figures));
        row.extend(match &interval.iterations {
            None => [const { String::new() }; ITERATION_COLUMNS.len()],
            Some(IterationInterval { record, dropped, withheld: _, under_way }) => [
                all(record.begun).to_string(),
                all(record.ok).to_string(),
                all(record.failed).to_string(),
                all(record.unfinished).to_string(),
                dropped.to_string(),
                under_way.map_or_else(String::new, |count| count.to_string()),
            ],
        });
        let of_flows = interval.iterations.as_ref().map(|iterations| iterations.withheld.to_string());
        row.extend([interval.withheld.to_string(), of_flows.unwrap_or_default(), String::new()]);
        row.extend(match &interval.iterations {
            None => csv_times(&IterationRecord::default()),
            Some(iterations) => csv_times(&iterations.record),
        });
        row
    }

    /// An interval of the run, or of one of its scenarios.
    fn interval<'a>(
        &self,
        snapshot: &'a Snapshot,
        series: &'a Series,
        scenario: Option<usize>,
    ) -> SeriesInterval<'a> {
        let scenarios = match scenario {
            Some(index) => index..index + 1,
            None => 0..self.scenarios.len(),
        };
        let is_mix = |index: &usize| snapshot.requests.iterations[*index].is_none();
        let mixes = || scenarios.clone().filter(is_mix);
        let sent = |index: usize| snapshot.requests.each_of(index).map(|series| series.sent).sum::<u64>();
        let iterations = IterationInterval::new(snapshot, &self.under_way, scenarios.clone());
        SeriesInterval {
            snapshot,
            series,
            dropped: mixes().map(|index| all(snapshot.requests.scenarios[index].dropped)).sum(),
            withheld: mixes().map(|index| all(snapshot.requests.scenarios[index].withheld)).sum(),
            arrivals: mixes().map(sent).sum::<u64>()
                + iterations.as_ref().map_or(0, IterationInterval::begun),
            iterations,
            length_s: length_s(snapshot),
        }
    }
}

impl Sink for TimeSeries {
    fn name(&self) -> String {
        format!("--timeseries {}", self.output.path().display())
    }

    fn begin(&mut self, started_unix_ns: u64) -> io::Result<()> {
        self.started_unix_ns = started_unix_ns;
        match self.form {
            Form::Json => Ok(()),
            Form::Csv => self.told(&csv_text(&[header()])?),
        }
    }

    fn snapshot(&mut self, snapshot: &Arc<Snapshot>) -> io::Result<()> {
        self.under_way.pass(snapshot);
        self.offered.listen();
        if is_idle_end(snapshot) {
            return Ok(());
        }
        let text = match self.form {
            Form::Json => format!("{}\n", json::line(&self.json(snapshot))?),
            Form::Csv => self.csv(snapshot)?,
        };
        self.told(&text)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

impl SeriesInterval<'_> {
    fn achieved(&self) -> f64 {
        self.arrivals as f64 / self.length_s
    }

    fn requests(&self) -> Value {
        let series = self.series;
        let named = Kind::ALL.into_iter().filter(|kind| series.errors[*kind as usize] > 0);
        let errors: Map<String, Value> =
            named.map(|kind| (kind.name().to_owned(), series.errors[kind as usize].into())).collect();
        json!({
            "sent": series.sent,
            "ok": series.ok,
            "failed": series.failed(),
            "dropped": self.dropped,
            "withheld": self.withheld,
            "errors": errors,
        })
    }

    /// Each kind of request of a scenario. A kind does not know its drops.
    fn steps(&self, scenario: usize, names: &[String]) -> Map<String, Value> {
        let of_step = |(name, series): (&String, Series)| {
            let line = json!({
                "rate": { "achieved": series.sent as f64 / self.length_s },
                "requests": { "sent": series.sent, "ok": series.ok, "failed": series.failed() },
                "response_ns": timing(&series.response),
            });
            (name.clone(), line)
        };
        names.iter().zip(self.snapshot.requests.steps_of(scenario)).map(of_step).collect()
    }
}

/// Whether a name asks for CSV.
fn is_csv(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"))
}

fn header() -> Vec<String> {
    let figures = |times: &'static [&'static str]| {
        let of_one = |time: &'static str| FIGURES.iter().map(move |(name, _)| format!("{time}_{name}_ns"));
        times.iter().flat_map(move |time| of_one(time))
    };
    let words = |names: &'static [&'static str]| names.iter().map(|name| (*name).to_owned());
    let behind = words(&ITERATION_COLUMNS).chain(words(&LATER_COLUMNS)).chain(figures(&ITERATION_TIMES));
    words(&COLUMNS).chain(figures(&REQUEST_TIMES)).chain(behind).collect()
}

/// The figures of a distribution. Nothing was measured on no request: empty, and never 0.
fn csv_figures(distribution: &Distribution) -> Vec<String> {
    let summary = distribution.summary();
    let shown = |of: FigureOf| if summary.count == 0 { String::new() } else { of(&summary).to_string() };
    FIGURES.iter().map(|(_, of)| shown(*of)).collect()
}

/// Those of iterations, without and with what was thought.
fn csv_times(record: &IterationRecord) -> Vec<String> {
    [&record.waited, &record.lasted].into_iter().flat_map(csv_figures).collect()
}

fn csv_text(rows: &[Vec<String>]) -> io::Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    rows.iter().try_for_each(|row| writer.write_record(row))?;
    let bytes = writer.into_inner().map_err(|error| io::Error::other(error.to_string()))?;
    String::from_utf8(bytes).map_err(io::Error::other)
}

/// The rest of a run in which nothing happened any more.
fn is_idle_end(snapshot: &Snapshot) -> bool {
    let series = snapshot.total();
    let arrivals = snapshot.requests.scenario_total();
    let dropped = all(arrivals.dropped) + all(arrivals.withheld);
    let ended = snapshot
        .requests
        .iterations
        .iter()
        .flatten()
        .map(|record| all(record.ok) + all(record.failed) + all(record.unfinished));
    let happened = series.sent + series.ok + series.failed() + dropped + ended.sum::<u64>();
    phase(snapshot) == Phase::Drain && happened == 0
}

fn phase(snapshot: &Snapshot) -> Phase {
    snapshot.phases.at(snapshot.from_ns / 2 + snapshot.to_ns / 2)
}

fn phase_name(snapshot: &Snapshot) -> &'static str {
    match phase(snapshot) {
        Phase::Warmup => "warmup",
        Phase::Measure => "measure",
        Phase::Drain => "drain",
    }
}

fn length_s(snapshot: &Snapshot) -> f64 {
    snapshot.to_ns.saturating_sub(snapshot.from_ns).max(1) as f64 / 1e9
}

fn iterations_json(interval: &IterationInterval) -> Value {
    let IterationInterval { record, dropped, withheld, under_way } = interval;
    json!({
        "begun": all(record.begun),
        "ok": all(record.ok),
        "failed": all(record.failed),
        "unfinished": all(record.unfinished),
        "dropped": dropped,
        "withheld": withheld,
        "under_way": under_way,
        "iteration_ns": timing(&record.waited),
        "duration_ns": timing(&record.lasted),
    })
}

fn flow_json(record: &IterationRecord) -> Value {
    json!({
        "entered": all(record.begun),
        "ok": all(record.ok),
        "failed": all(record.failed),
        "unfinished": all(record.unfinished),
        "iteration_ns": timing(&record.waited),
        "duration_ns": timing(&record.lasted),
    })
}

fn timing(distribution: &Distribution) -> impl Serialize {
    let summary = distribution.summary();
    let is_known = summary.count > 0;
    let mut block = Map::new();
    for (name, of) in FIGURES {
        // Nothing was measured on no request: null, and never 0.
        block.insert(name.to_owned(), is_known.then(|| of(&summary)).into());
    }
    block.insert("mean".to_owned(), is_known.then_some(summary.mean).into());
    block.insert("count".to_owned(), summary.count.into());
    block.insert("hdr".to_owned(), distribution.encode().into());
    block
}
