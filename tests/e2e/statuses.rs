//! Service times by status, as others hear them while a run goes on: held against the counts of the report.

use super::otlp::{TEMPORALITY, has_arrived_whole, total, url};
use super::telemetry::last_page;
use crate::peers::free_port;
use crate::peers::otlp::{points, receiver};
use crate::peers::prometheus::sum;
use crate::vajra::Vajra;
use serde_json::Value;

/// One step that has four statuses, two of which are successes, as most of its responses are, and one that has none.
const PLAN: &str = "url = 'testbed:/'\n[load]\nrate = 200\n[run]\nduration = '2s'\ninterval = '500ms'\ntimeout = '500ms'\nconnections = 8\n\
    [[request]]\nname = 'mixed'\nget = '/status/{{pick 200 200 302 404 500}}'\nweight = 19\n\
    [[request]]\nname = 'late'\nget = '/?service=fixed:30s'\n";
const HISTOGRAMS: &str = "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION";
const NAME: &str = "http.client.request.duration";
const PAGE_NAME: &str = "http_client_request_duration_seconds";

/// All that a histogram counts, bucket by bucket.
fn in_buckets(point: &Value) -> u64 {
    let buckets = point["buckets"].as_array().unwrap().iter().filter_map(Value::as_u64).sum::<u64>();
    buckets + point["zeros"].as_u64().unwrap_or(0)
}

#[test]
fn counts_of_times_by_status_are_those_of_the_report_however_they_are_told() {
    for (form, temporality, kind) in [
        ("base2_exponential_bucket_histogram", "cumulative", "exponential_histogram"),
        ("explicit_bucket_histogram", "delta", "histogram"),
    ] {
        let (receiver, port) = (receiver("http", 0, 0), free_port());
        let (collector, text) = (url("http", &receiver), port.to_string());
        let words = ["--force", "--otlp", &collector, "--prometheus", &text, "--prometheus-hold", "60s"];
        let vajra = Vajra::run("plan.toml", &words).file("plan.toml", PLAN);
        let running = vajra.variable(HISTOGRAMS, form).variable(TEMPORALITY, temporality).start();
        let page = last_page(&running, port);
        let done = running.done();
        done.assert_ended_with(0);
        let (points, is_delta) = (points(&receiver), temporality == "delta");
        let is_whole = has_arrived_whole(&done, &points);
        let assert_told = |expected: u64, label: (&str, &str), attribute: (&'static str, Value)| {
            let labels = [("vajra_phase", "measure"), label];
            for (name, more) in [("_count", None), ("_bucket", Some(("le", "+Inf")))] {
                let labels: Vec<(&str, &str)> = labels.into_iter().chain(more).collect();
                assert_eq!(sum(&page, &format!("{PAGE_NAME}{name}"), &labels), expected as f64, "{label:?}");
            }
            if is_whole {
                let attributes = [("vajra.phase", "measure".into()), attribute];
                assert_eq!(
                    total(&points, is_delta, "value", NAME, &attributes),
                    expected as f64,
                    "{label:?}"
                );
            }
        };
        let statuses = done.report["requests"]["status"].as_object().unwrap();
        assert_eq!(statuses.keys().collect::<Vec<_>>(), ["200", "302", "404", "500"]);
        for (status, responses) in statuses {
            let number: u64 = status.parse().unwrap();
            let label = ("http_response_status_code", status.as_str());
            assert_told(responses.as_u64().unwrap(), label, ("http.response.status_code", number.into()));
        }
        // What failed without a response is told by its kind, and a status that is an error by itself.
        assert!(done.errors("timeout") > 0);
        assert_told(done.errors("timeout"), ("error_type", "timeout"), ("error.type", "timeout".into()));
        assert_told(statuses["404"].as_u64().unwrap(), ("error_type", "404"), ("error.type", "404".into()));
        // Successes are those of the report, to the nanosecond of their sum; and all together are all that ended.
        assert_told(done.count("/service_ns/count"), ("error_type", ""), ("error.type", Value::Null));
        let told_s =
            sum(&page, &format!("{PAGE_NAME}_sum"), &[("vajra_phase", "measure"), ("error_type", "")]);
        let sum_s = done.count("/service_ns/count") as f64 * done.number("/service_ns/mean") / 1e9;
        assert!((told_s - sum_s).abs() <= 1e-9, "{told_s} and {sum_s}");
        assert_told(done.count("/generator_lag_ns/count"), ("testid", ""), ("testid", Value::Null));
        let times = points.iter().filter(|point| point["name"] == NAME);
        for point in times {
            assert_eq!(
                (&point["kind"], in_buckets(point)),
                (&kind.into(), point["value"].as_u64().unwrap()),
                "{point}"
            );
        }
    }
}

/// As many kinds of requests as a plan can have; what is intended outside the window has figures of its own, so there are twice as many series.
#[test]
fn of_as_many_series_as_there_can_be_nothing_is_lost_and_nothing_is_handed_over_late() {
    // A scenario has 64 at the most.
    let plan = |scenarios: usize| {
        let head = "url = 'testbed:/'\n[run]\nshards = 2\nwarmup = '500ms'\nduration = '2500ms'\n".to_owned();
        let scenario = |of| {
            let request = |n| format!("[[scenario.s{of}.request]]\nname = 'r{n}'\nget = '/?n={n}'\n");
            format!("[scenario.s{of}]\nload.rate = 250\nconnections = 2\n")
                + &(0..64).map(request).collect::<String>()
        };
        head + &(0..scenarios).map(scenario).collect::<String>()
    };
    let (receiver, port) = (receiver("http", 0, 0), free_port());
    let (collector, text) = (url("http", &receiver), port.to_string());
    let words = ["--force", "--otlp", &collector, "--prometheus", &text, "--prometheus-hold", "60s"];
    let running = Vajra::run("plan.toml", &words).file("plan.toml", &plan(4)).start();
    let page = last_page(&running, port);
    let done = running.done();
    let reasons = done.report["verdict"]["reasons"].as_array().unwrap();
    let is_whole = sum(&page, "vajra_snapshots_lost_total", &[]) == 0.0
        && reasons.iter().all(|reason| reason["rule"] != "lost_telemetry");
    // What waits is bounded, and whoever takes it may have had no core.
    assert!(is_whole || done.is_held_up(), "{reasons:?}");
    let scenarios = done.report["scenarios"].as_array().unwrap();
    let steps = scenarios.iter().flat_map(|scenario| {
        let steps = scenario["steps"].as_array().unwrap();
        steps.iter().map(|step| (scenario["name"].as_str().unwrap(), step))
    });
    assert_eq!(steps.clone().count(), 256);
    for (scenario, step) in steps {
        let name = step["name"].as_str().unwrap();
        let labels = [("vajra_phase", "measure"), ("vajra_scenario", scenario), ("vajra_step", name)];
        let ok = step["requests"]["ok"].as_f64().unwrap();
        if is_whole {
            assert_eq!(sum(&page, "vajra_requests_ok_total", &labels), ok, "{labels:?}");
            let [phase, scenario, step] = labels;
            let of_ok = [phase, scenario, step, ("error_type", "")];
            assert_eq!(sum(&page, &format!("{PAGE_NAME}_count"), &of_ok), ok, "{labels:?}");
        }
    }
    let all = sum(&page, "vajra_requests_sent_total", &[]);
    assert!(!is_whole || all > done.count("/requests/sent") as f64, "some are of the warm-up");
    let postponed = |shard: &Value| shard["postponed"].as_u64().unwrap();
    let shards = done.report["cpu"]["shards"].as_array().unwrap();
    assert_eq!(shards.len(), 2);
    assert!(shards.iter().all(|shard| postponed(shard) == 0) || done.is_held_up(), "{shards:?}");
    // What is more cannot be run, and nothing is sent of it.
    let done = Vajra::run("plan.toml", &["--force"]).file("plan.toml", &plan(5)).done();
    assert_eq!(done.code, 2, "{}", done.stderr);
    done.assert_says(&["320 requests over all scenarios are too many", "give at most 256"]);
}
