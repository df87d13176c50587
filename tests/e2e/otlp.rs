//! Metrics by OTLP, held against the report by another decoder; and collectors that are away, slow, or refuse.

use crate::peers::certificates::{Authority, KeyKind};
use crate::peers::otlp::{points, receiver, secured_receiver};
use crate::peers::{self, Peer, free_port};
use crate::vajra::{Done, Vajra};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

pub(super) const TEMPORALITY: &str = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";
pub(super) const PLAN: &str = "url = 'testbed:/'\n[load]\nrate = 200\n[run]\nwarmup = '500ms'\nduration = '2s'\ninterval = '500ms'\n\
    connections = 4\n[[request]]\nname = 'good'\nget = '/'\nweight = 2\n[[request]]\nname = 'bad'\nget = '/status/503'\n";

/// A run of a mix of statuses, whose figures are sent there.
fn exported(url: &str, variables: &[(&str, &str)]) -> Done {
    let vajra = Vajra::run("plan.toml", &["--force", "--otlp", url]).file("plan.toml", PLAN);
    variables.iter().fold(vajra, |vajra, (name, value)| vajra.variable(name, value)).done()
}

pub(super) fn url(protocol: &str, receiver: &Peer) -> String {
    format!("{protocol}://127.0.0.1:{}", receiver.port)
}

/// Whose a point is: its metric and attributes.
pub(super) fn series(point: &Value) -> String {
    format!("{} {}", point["name"], point["attributes"])
}

/// What all points of a metric with these attributes say at the end: what the last of each says, or all of them together.
pub(super) fn total(
    points: &[Value],
    is_delta: bool,
    field: &str,
    name: &str,
    attributes: &[(&str, Value)],
) -> f64 {
    let is_meant = |point: &&Value| {
        point["name"] == name && attributes.iter().all(|(name, value)| point["attributes"][name] == *value)
    };
    let mut last = BTreeMap::<String, f64>::new();
    for point in points.iter().filter(is_meant) {
        let value = point[field].as_f64().unwrap();
        let told = last.entry(series(point)).or_default();
        *told = if is_delta { *told + value } else { value };
    }
    last.values().sum()
}

fn measured() -> (&'static str, Value) {
    ("vajra.phase", "measure".into())
}

/// What was received says what the report says, to one request.
pub(super) fn assert_is_the_reports(done: &Done, points: &[Value], is_delta: bool) {
    let count = |name: &str, attributes: &[(&str, Value)]| {
        total(points, is_delta, "value", name, &[&[measured()], attributes].concat()) as u64
    };
    assert_eq!(count("vajra.requests.ok", &[]), done.count("/requests/ok"));
    assert_eq!(count("vajra.requests.sent", &[]), done.count("/requests/sent"));
    assert_eq!(count("vajra.requests.failed", &[]), done.count("/requests/failed"));
    for (status, responses) in done.report["requests"]["status"].as_object().unwrap() {
        let status: u64 = status.parse().unwrap();
        let attribute = ("http.response.status_code", status.into());
        for name in ["vajra.responses", "http.client.request.duration"] {
            let told = count(name, std::slice::from_ref(&attribute));
            assert_eq!(told, responses.as_u64().unwrap(), "{name} of {status}");
        }
    }
    for (name, block) in [
        ("http.client.request.duration", "service_ns"),
        ("vajra.slip.duration", "slip_ns"),
        ("vajra.generator.lag", "generator_lag_ns"),
    ] {
        let times = done.count(&format!("/{block}/count"));
        // Of successes; of times that are of nothing else it says nothing.
        let successes = ("error.type", Value::Null);
        assert_eq!(count(name, std::slice::from_ref(&successes)), times, "{name}");
        let sum_s = times as f64 * done.number(&format!("/{block}/mean")) / 1e9;
        let told = total(points, is_delta, "sum", name, &[measured(), successes]);
        assert!((told - sum_s).abs() <= 1e-9 * sum_s.max(1.0), "{name}: {told} and {sum_s}");
    }
    assert_eq!(total(points, is_delta, "value", "vajra.arrivals.scheduled", &[]), 400.0);
    assert_eq!(total(points, false, "value", "vajra.run.ended", &[]), 1.0);
    assert_eq!(total(points, false, "value", "http.client.active_requests", &[]), 0.0);
}

/// No moment of a series is told twice, and each begins where it has to.
pub(super) fn assert_is_in_order(points: &[Value], is_delta: bool) {
    let mut seen = BTreeSet::new();
    for point in points {
        let moment = (series(point), point["start"].as_u64().unwrap(), point["time"].as_u64().unwrap());
        assert!(moment.1 < moment.2, "{point}");
        assert!(seen.insert(moment), "{point}");
        let temporality = if is_delta { 1 } else { 2 };
        assert!(point["kind"] == "gauge" || point["temporality"] == temporality, "{point}");
    }
    let counters = points.iter().filter(|point| point["name"] == "vajra.requests.sent");
    let stretches: BTreeSet<(u64, u64)> =
        counters.map(|point| (point["start"].as_u64().unwrap(), point["time"].as_u64().unwrap())).collect();
    let (starts, ends): (Vec<u64>, Vec<u64>) = stretches.iter().copied().unzip();
    assert!(starts.len() > 2, "{stretches:?}");
    match is_delta {
        true => assert!(ends.iter().zip(&starts[1..]).all(|(end, start)| end <= start), "{stretches:?}"),
        false => assert!(starts.windows(2).all(|pair| pair[0] == pair[1]), "{stretches:?}"),
    }
}

/// The points of the report's account of it, which closes: offered, sent, rejected, dropped, spooled.
pub(super) fn account(done: &Done) -> [u64; 5] {
    account_of(done, 0)
}

/// The same of one of several collectors.
pub(super) fn account_of(done: &Done, collector: usize) -> [u64; 5] {
    let of = |key: &str| done.count(&format!("/exports/{collector}/{key}"));
    let account = ["offered", "sent", "rejected", "dropped", "spooled"].map(of);
    assert_eq!(account[0], account[1..].iter().sum::<u64>(), "{}", done.report["exports"]);
    account
}

/// What arrived is what was sent, but for what was given up at the end: that may have arrived, and nobody knows. Returns whether nothing
/// was given up: how much a collector takes within the exporter's patience is a matter of the machine, and no part of a test.
pub(super) fn has_arrived_whole(done: &Done, points: &[Value]) -> bool {
    has_arrived_whole_at(done, 0, points)
}

/// The same of one of several collectors.
fn has_arrived_whole_at(done: &Done, collector: usize, points: &[Value]) -> bool {
    let [offered, sent, rejected, dropped, spooled] = account_of(done, collector);
    let arrived = points.len() as u64;
    assert!((sent + rejected..=offered).contains(&arrived), "{arrived} points, {}", done.report["exports"]);
    dropped + spooled == 0
}

#[test]
fn what_collectors_of_one_run_receive_is_the_report_over_http_and_grpc_cumulative_and_delta() {
    let forms = [("http", false), ("http", true), ("grpc", false), ("grpc", true)];
    let receivers = forms.map(|(protocol, _)| receiver(protocol, 0, 0));
    let flags = forms.iter().zip(&receivers).flat_map(|((protocol, is_delta), receiver)| {
        let temporality = if *is_delta { "delta" } else { "cumulative" };
        ["--otlp".to_owned(), format!("{},{temporality}", url(protocol, receiver))]
    });
    let flags: Vec<String> = flags.collect();
    let words = [&["--force"], &flags.iter().map(String::as_str).collect::<Vec<_>>()[..]].concat();
    let done = Vajra::run("plan.toml", &words).file("plan.toml", PLAN).done();
    done.assert_ended_with(0);
    assert!(done.count("/requests/ok") > 0 && done.errors("status") > 0);
    assert_eq!(done.report["exports"].as_array().unwrap().len(), forms.len());
    for (collector, (_, is_delta)) in forms.into_iter().enumerate() {
        let points = points(&receivers[collector]);
        if has_arrived_whole_at(&done, collector, &points) {
            assert_is_the_reports(&done, &points, is_delta);
            assert_is_in_order(&points, is_delta);
        }
        let run_id = &done.report["run_id"];
        for point in &points {
            assert_eq!(
                (&point["resource"]["vajra.run.id"], &point["attributes"]["vajra.run.id"]),
                (run_id, run_id)
            );
            assert_eq!(point["resource"]["service.name"], "vajra");
        }
        let histograms = points.iter().filter(|point| point["name"] == "http.client.request.duration");
        for histogram in histograms {
            assert_eq!(
                (&histogram["kind"], &histogram["unit"]),
                (&"exponential_histogram".into(), &"s".into())
            );
        }
    }
}

#[test]
fn quantiles_of_exponential_buckets_are_the_reports_within_their_bound() {
    let receiver = receiver("http", 0, 0);
    let done = exported(&url("http", &receiver), &[]);
    let points = points(&receiver);
    if !has_arrived_whole(&done, &points) {
        return;
    }
    let last = points.iter().rfind(|point| {
        let attributes = &point["attributes"];
        point["name"] == "vajra.response.duration"
            && attributes["vajra.step"] == "good"
            && attributes["vajra.phase"] == "measure"
            && attributes["vajra.outcome"] == "ok"
    });
    let last = last.unwrap();
    let (scale, offset) = (last["scale"].as_i64().unwrap(), last["offset"].as_i64().unwrap());
    let buckets: Vec<u64> = last["buckets"].as_array().unwrap().iter().filter_map(Value::as_u64).collect();
    let count = last["value"].as_u64().unwrap();
    assert_eq!(last["zeros"].as_u64().unwrap() + buckets.iter().sum::<u64>(), count);
    let base = (-scale as f64).exp2().exp2();
    for (key, quantile) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99)] {
        let wanted = (quantile * count as f64).ceil() as u64;
        let up_to = buckets.iter().scan(0, |sum, count| {
            *sum += count;
            Some(*sum)
        });
        let index = up_to.take_while(|sum| *sum < wanted).count() as i64 + offset;
        let (told, exact) =
            (base.powf(index as f64 + 0.5), done.number(&format!("/response_ns/{key}")) / 1e9);
        assert!(
            (told / exact - 1.0).abs() <= base.sqrt() - 1.0 + 1e-9,
            "{key}: {told} and {exact}, scale {scale}"
        );
    }
}

#[test]
fn the_variables_of_opentelemetry_are_heeded_and_what_is_secret_in_them_is_written_nowhere() {
    let receiver = receiver("http", 0, 0);
    let vajra = Vajra::run("plan.toml", &["--force"]).file("plan.toml", PLAN);
    let vajra = vajra
        .variable("OTEL_EXPORTER_OTLP_ENDPOINT", &url("http", &receiver))
        .variable("OTEL_EXPORTER_OTLP_HEADERS", "x-key=hush-hush")
        .variable("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
        .variable("OTEL_METRIC_EXPORT_INTERVAL", "60000")
        .variable("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "explicit_bucket_histogram")
        .variable("OTEL_SERVICE_NAME", "checkout-load")
        .variable("OTEL_RESOURCE_ATTRIBUTES", "team=payments");
    let done = vajra.done();
    let points = points(&receiver);
    if has_arrived_whole(&done, &points) {
        assert_is_the_reports(&done, &points, false);
    }
    for point in &points {
        assert_eq!(point["headers"]["x-key"], "hush-hush");
        assert_eq!(point["headers"].get("content-encoding"), None);
        assert_eq!(
            (&point["resource"]["service.name"], &point["resource"]["team"]),
            (&"checkout-load".into(), &"payments".into())
        );
    }
    let slips = points.iter().filter(|point| point["name"] == "vajra.slip.duration");
    let slips: Vec<&Value> = slips.collect();
    assert!(slips.iter().all(|point| point["kind"] == "histogram" && point["bounds"][0] == 0.00001));
    let times: BTreeSet<u64> = slips.iter().filter_map(|point| point["time"].as_u64()).collect();
    assert!(times.len() <= 1, "what is measured within the interval is added up");
    let report = done.report.to_string();
    assert!(!report.contains("hush-hush") && !done.stderr.contains("hush-hush"));
}

const CERTIFICATE: &str = "OTEL_EXPORTER_OTLP_CERTIFICATE";
const CLIENT_CERTIFICATE: &str = "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE";
const CLIENT_KEY: &str = "OTEL_EXPORTER_OTLP_CLIENT_KEY";

#[test]
fn over_tls_both_sides_show_who_they_are() {
    let authority = Authority::new();
    let (own, client) =
        (authority.server("collector", KeyKind::Ecdsa), authority.client("vajra", KeyKind::Ecdsa));
    for (protocol, scheme) in [("http", "https"), ("grpc", "grpcs")] {
        let receiver = secured_receiver(protocol, &authority, &own);
        let variables = [
            (CERTIFICATE, authority.ca()),
            (CLIENT_CERTIFICATE, client.certificate.clone()),
            (CLIENT_KEY, client.key.clone()),
        ];
        let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
        let done = exported(&url(scheme, &receiver), &variables);
        done.assert_ended_with(0);
        let points = points(&receiver);
        if has_arrived_whole(&done, &points) {
            assert_is_the_reports(&done, &points, false);
        }
        assert!(done.report["exports"][0]["to"].as_str().unwrap().starts_with(scheme));
    }
}

#[test]
fn a_collector_that_is_not_trusted_stops_the_run_before_anything_is_sent() {
    let (authority, other) = (Authority::new(), Authority::new());
    let own = authority.server("collector", KeyKind::Ecdsa);
    let testbed = peers::testbed(&[]);
    let (secured, plain) = (secured_receiver("grpc", &authority, &own), receiver("http", 0, 0));
    for (url, ca, code, problem) in [
        // Somebody else's authority, a server without TLS, and a file that has no certificate.
        (url("grpcs", &secured), other.ca(), 4, "no TLS"),
        (url("https", &plain), authority.ca(), 4, "no TLS"),
        (url("grpcs", &secured), own.key.clone(), 2, "no certificate in PEM"),
    ] {
        let vajra = Vajra::run(&testbed.url("/"), &["-n", "5", "--otlp", &url]).variable(CERTIFICATE, &ca);
        let done = vajra.done();
        assert_eq!(done.code, code, "{}", done.stderr);
        done.assert_says(&[problem]);
    }
}

#[test]
fn what_a_collector_cannot_take_now_is_sent_again() {
    for protocol in ["http", "grpc"] {
        let receiver = receiver(protocol, 2, 0);
        let done = exported(&url(protocol, &receiver), &[]);
        done.assert_ended_with(0);
        let points = points(&receiver);
        if has_arrived_whole(&done, &points) {
            assert_is_the_reports(&done, &points, false);
            assert_eq!(done.report["exports"][0]["why"], Value::Null, "{protocol}: nothing is missing");
            assert!(done.count("/exports/0/retries") >= 2, "{protocol}");
        }
    }
}

#[test]
fn points_that_are_rejected_are_counted_and_not_sent_again() {
    let receiver = receiver("grpc", 0, 1);
    let done = exported(&url("grpc", &receiver), &[]);
    done.assert_ended_with(0);
    let [offered, sent, rejected, dropped, _] = account(&done);
    if has_arrived_whole(&done, &points(&receiver)) {
        assert_eq!((dropped, offered), (0, points(&receiver).len() as u64));
        assert!(rejected > 0 && sent > 0, "one of each request");
        done.assert_says(&["points were rejected", "not these"]);
    }
}

#[test]
fn a_collector_that_never_responds_costs_the_run_nothing_and_the_loss_is_told() {
    let port = peers::scripted(|stream| {
        std::thread::sleep(std::time::Duration::from_secs(600));
        drop(stream);
    });
    for protocol in ["http", "grpc"] {
        let done = exported(&format!("{protocol}://127.0.0.1:{port}"), &[]);
        done.assert_ended_with(0);
        assert_eq!(done.arrivals(), 300);
        let [offered, sent, _, _, spooled] = account(&done);
        assert!(offered > 0 && sent == 0 && spooled > 0, "{}", done.report["exports"]);
        done.assert_says(&["wait on disk", "vajra spool replay"]);
    }
}

#[test]
fn a_collector_that_is_not_there_is_told_before_the_run_and_does_not_stop_it() {
    let done = exported(&format!("http://127.0.0.1:{}", free_port()), &[]);
    done.assert_ended_with(0);
    assert_eq!(done.arrivals(), 300);
    done.assert_says(&["no connection", "wait on disk"]);
    assert_eq!(account(&done)[1], 0);
}

#[test]
fn a_collector_that_refuses_stops_the_run_before_anything_is_sent() {
    let receiver = receiver("http", 0, 0);
    let testbed = peers::testbed(&[]);
    let run = |url: &str| Vajra::run(&testbed.url("/"), &["-n", "5", "--otlp", url]).done();
    let done = run(&format!("{}/wrong", url("http", &receiver)));
    assert_eq!(done.code, 4, "{}", done.stderr);
    done.assert_says(&["--otlp", "status 404", "no load was sent"]);
}

#[test]
fn variables_that_may_be_for_other_programs_are_in_the_way_of_no_run() {
    const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
    let receiver = receiver("http", 0, 0);
    let testbed = peers::testbed(&[]);
    let wrong = format!("{}/wrong", url("http", &receiver));
    let here = url("http", &receiver);
    let json = ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json");
    for (variables, said) in [
        (
            vec![(ENDPOINT, "https://collector:4317"), (CERTIFICATE, "/nowhere")],
            [CERTIFICATE, "cannot be read"],
        ),
        (vec![(ENDPOINT, here.as_str()), json], [json.0, "`http/json` is not spoken"]),
        (vec![(ENDPOINT, wrong.as_str())], [ENDPOINT, "status 404"]),
    ] {
        let vajra = Vajra::run(&testbed.url("/"), &["-n", "5"]);
        let vajra = variables.iter().fold(vajra, |vajra, (name, value)| vajra.variable(name, value));
        let done = vajra.done();
        done.assert_ended_with(0);
        done.assert_says(&["no metrics are sent", said[0], said[1]]);
        assert!(!done.stderr.contains("--otlp"), "{}", done.stderr);
        assert_eq!(done.report["exports"].as_array().map_or(0, Vec::len), 0);
    }
    assert!(points(&receiver).is_empty());
}
