//! What operators are given beside the program, rules, alerts and dashboards: each evaluated over a real run.
//!
//! The evaluating is done by a real Prometheus, which scrapes the run.

mod dashboards;
mod k6;

use crate::peers::otlp::receiver;
use crate::peers::prometheus::{Sample, ask, prometheus_with, rules, sum, text_page};
use crate::peers::{Peer, free_port};
use crate::vajra::{Running, Vajra};
use dashboards::{ALL_RUNS, dashboards};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use telemetry::names::{Instrument, METRICS, label};

/// How long something may take that has to happen. Generous: it is no measurement.
const PATIENCE: Duration = Duration::from_secs(90);

fn at_root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn promtool(words: &[&str]) {
    let done = Command::new("promtool").args(words).current_dir(at_root("deploy/prometheus")).output();
    let done = done.unwrap_or_else(|error| panic!("promtool: {error}; .ci/run installs it"));
    let said = [done.stdout, done.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
    assert!(done.status.success(), "{said}");
    // It counts what it has found, and finds nothing wrong with nothing.
    assert!(said.contains("SUCCESS") && !said.contains(" 0 rules"), "{said}");
}

#[test]
fn promtool_takes_the_rules() {
    promtool(&["check", "rules", "records.yaml", "alerts.yaml"]);
}

#[test]
fn rules_say_what_they_should_of_runs_that_are_made_up_and_alerts_fire_when_they_should() {
    promtool(&["test", "rules", "rules_test.yaml"]);
}

/// Every name of a series: of metrics, and those that the rules record.
fn series_names() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for metric in &METRICS {
        let name = metric.for_prometheus();
        if metric.instrument == Instrument::Histogram {
            names.extend(["_bucket", "_sum", "_count"].map(|end| format!("{name}{end}")));
        }
        names.insert(name);
    }
    let text = std::fs::read_to_string(at_root("deploy/prometheus/records.yaml")).unwrap();
    names.extend(text.lines().filter_map(|line| Some(line.split_once("record: ")?.1.to_owned())));
    names
}

/// The words of a query that can only be names: of series, and of labels of ours.
fn names_in(query: &str) -> Vec<&str> {
    let is_of_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == ':';
    let words = query.split(|letter| !is_of_name(letter));
    let functions = ["histogram_quantile", "histogram_count", "clamp_max", "__name__"];
    words.filter(|word| word.contains('_') && !functions.contains(word)).collect()
}

#[test]
fn rules_and_panels_name_nothing_that_is_not_there() {
    let known = series_names();
    let labels: BTreeSet<String> =
        METRICS.iter().flat_map(|metric| metric.attributes).map(|name| label(name)).collect();
    let panels = dashboards().into_iter().flat_map(|dashboard| dashboard.rows).flat_map(|row| row.panels);
    let mut queries: Vec<String> = panels
        .flat_map(|panel| panel.queries)
        .map(|(query, _)| query.replace("$__rate_interval", "10s"))
        .collect();
    for file in ["records.yaml", "alerts.yaml"] {
        let text = std::fs::read_to_string(at_root(&format!("deploy/prometheus/{file}"))).unwrap();
        // What is said to people is no query.
        let lines = text.lines().map(|line| line.split_once("# ").map_or(line, |(code, _)| code));
        queries.extend(
            lines
                .filter(|line| !line.contains("summary:") && !line.contains("description:"))
                .map(str::to_owned),
        );
    }
    let mut named = BTreeSet::new();
    for query in &queries {
        for name in names_in(query) {
            let is_known = known.contains(name) || labels.contains(name) || name == "vajra_run_id";
            // A part of a pattern for names.
            let is_part = name == "_bucket";
            assert!(is_known || is_part, "{name} in {query}");
            named.insert(name.to_owned());
        }
    }
    // Every metric is used by something.
    for metric in &METRICS {
        let name = metric.for_prometheus();
        assert!(named.iter().any(|named| named.starts_with(&name)), "nothing shows {name}");
    }
}

/// A run that has something of everything: two scenarios, one of them a flow, failures, and a collector that rejects some points.
fn run_of_everything(port: u16, collector: &Peer) -> Running {
    let plan = "url = 'testbed:/'\n[run]\nduration = '10m'\nconnections = 4\n\
                [scenario.plain]\nload.rate = 100\n\
                [[scenario.plain.request]]\nname = 'good'\nget = '/'\n[[scenario.plain.request]]\nname = 'bad'\nget = '/status/503'\n\
                [scenario.journey]\nload.rate = 20\n\
                [[scenario.journey.step]]\nname = 'first'\nget = '/'\n[[scenario.journey.step]]\nname = 'second'\nget = '/'\n";
    let (prometheus, collector) = (port.to_string(), format!("grpc://127.0.0.1:{}", collector.port));
    let words = ["--force", "--prometheus", &prometheus, "--otlp", &collector];
    Vajra::run("plan.toml", &words).file("plan.toml", plan).start()
}

/// Asks until there is something, and returns it.
fn await_some<T>(running: &Running, what: &str, ask: impl Fn() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        running.assert_runs(what);
        if let Some(found) = ask() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Waits for a page with figures on it.
fn await_page(running: &Running, port: u16) {
    await_some(running, "a page with figures", || {
        let page = text_page(port);
        (sum(&page, "vajra_requests_sent_total", &[]) > 0.0).then_some(())
    });
}

/// Whether a value of a series is one: a number, or a histogram.
fn is_value(series: &Value) -> bool {
    let number = series["value"][1].as_str().and_then(|text| text.parse::<f64>().ok());
    number.is_some_and(f64::is_finite) || series["histogram"][1]["count"].is_string()
}

/// Whether a page has what a query is of. Where there is no control group nothing is told of its quota, and in a container cores may have other
/// numbers in /proc/stat.
fn is_asked_of_what_is_told(query: &str, page: &[Sample]) -> bool {
    let of_machine = [
        ("throttled", "vajra_machine_throttled_time_seconds_total"),
        ("core_stolen", "vajra_machine_steal_time_seconds_total"),
        ("machine_steal", "vajra_machine_steal_time_seconds_total"),
    ];
    let is_told = |name: &str| page.iter().any(|sample| sample.name == name);
    of_machine.into_iter().all(|(word, name)| !query.contains(word) || is_told(name))
}

#[test]
fn every_rule_and_every_panel_says_something_of_a_real_run() {
    for is_native in [false, true] {
        let port = free_port();
        let files = ["records.yaml", "alerts.yaml"].map(|file| at_root("deploy/prometheus").join(file));
        let server = prometheus_with(port, is_native, &files.each_ref().map(|path| path.to_str().unwrap()));
        // One point of each request is rejected.
        let collector = receiver("grpc", 0, 1);
        let running = run_of_everything(port, &collector);
        let mut queries: Vec<String> = rules(&server)
            .iter()
            .filter(|rule| rule["type"] == "recording")
            .map(|rule| rule["name"].as_str().unwrap().to_owned())
            .collect();
        assert!(queries.len() > 20, "{queries:?}");
        for dashboard in dashboards() {
            let panels = dashboard.rows.into_iter().flat_map(|row| row.panels);
            queries.extend(
                panels
                    .flat_map(|panel| panel.queries)
                    .map(|(query, _)| query.replace("$__rate_interval", "10s").replace("$run", ALL_RUNS)),
            );
        }
        await_page(&running, port);
        let page = text_page(port);
        queries.retain(|query| is_asked_of_what_is_told(query, &page));
        for query in &queries {
            // Of failures there is a number in any case. Some requests fail.
            let is_told: fn(&Value) -> bool = match query.contains("failed:") {
                true => |series: &Value| is_value(series) && series["value"][1] != "0",
                false => is_value,
            };
            await_some(&running, &format!("nothing for {query}"), || {
                let told = ask(&server, query, "");
                told.iter().any(is_told).then_some(())
            });
        }
        // Half of the requests of one scenario fail, and some of what is exported is not taken.
        for alert in ["VajraErrorBudgetBurnsFast", "VajraExporterDrops"] {
            let firing = format!("ALERTS{{alertname=\"{alert}\",alertstate=\"firing\"}}");
            await_some(&running, &format!("{alert} fires"), || {
                (ask(&server, &firing, "").len() == 1).then_some(())
            });
        }
        let told = rules(&server);
        for rule in &told {
            assert_eq!((&rule["health"], &rule["lastError"]), (&"ok".into(), &Value::Null), "{rule}");
        }
        running.signal(2);
        assert_eq!(running.done().code, 130);
    }
}
