//! What others hear of a run while it goes on: an endpoint for Prometheus, held against the report and read by the real one.

use crate::peers::prometheus::{Sample, ended_at_s, get, prometheus, query, sum, text_page};
use crate::peers::{self, free_port};
use crate::vajra::{Done, Running, Vajra};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// How long something may take that has to happen. Generous: it is no measurement.
const PATIENCE: Duration = Duration::from_secs(60);

/// A run of a mix of statuses whose figures can be scraped at a port, and are kept until they were.
fn scraped(port: u16, words: &[&str]) -> Running {
    let plan = "url = 'testbed:/'\n[load]\nrate = 200\n[run]\nwarmup = '500ms'\nduration = '2s'\nconnections = 4\n\
                [[request]]\nname = 'good'\nget = '/'\nweight = 2\n[[request]]\nname = 'bad'\nget = '/status/503'\n";
    let port = port.to_string();
    let words = [&["--force", "--prometheus", &port, "--prometheus-hold", "60s"], words].concat();
    Vajra::run("plan.toml", &words).file("plan.toml", plan).start()
}

/// Fetches the page again and again, until it says that the run has ended.
pub(crate) fn last_page(running: &Running, port: u16) -> Vec<Sample> {
    let begun = Instant::now();
    loop {
        running.assert_runs("its last page was fetched");
        assert!(begun.elapsed() < PATIENCE, "it does not end");
        // Seen without being fetched: what is fetched last has to be the first page after the end.
        let stage = get(port, "/run", "").map(|(_, body)| body).unwrap_or_default();
        if stage.contains("\"stage\":\"ended\"") {
            return text_page(port);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

const MEASURED: (&str, &str) = ("vajra_phase", "measure");
/// Of successes; of times that are of nothing else it says nothing.
const OF_SUCCESSES: (&str, &str) = ("error_type", "");

/// The sum of all values of a name that have these labels.
type Values<'a> = &'a dyn Fn(&str, Labels<'_>) -> f64;
type Labels<'a> = &'a [(&'a str, &'a str)];

/// The last page says what the report says, to one request.
fn assert_is_the_reports(done: &Done, of: Values<'_>) {
    let count = |pointer: &str| done.count(pointer) as f64;
    assert_eq!(of("vajra_requests_ok_total", &[MEASURED]), count("/requests/ok"));
    assert_eq!(of("vajra_requests_sent_total", &[MEASURED]), count("/requests/sent"));
    assert_eq!(of("vajra_requests_failed_total", &[MEASURED]), count("/requests/failed"));
    for (status, responses) in done.report["requests"]["status"].as_object().unwrap() {
        let labels = [MEASURED, ("http_response_status_code", status.as_str())];
        assert_eq!(of("vajra_responses_total", &labels), responses.as_f64().unwrap(), "{status}");
        let times = of("http_client_request_duration_seconds_count", &labels);
        assert_eq!(times, responses.as_f64().unwrap(), "times of {status}");
    }
    for (kind, failures) in done.report["requests"]["errors"].as_object().unwrap() {
        let labels = [MEASURED, ("error_type", kind.as_str())];
        assert_eq!(of("vajra_requests_failed_total", &labels), failures.as_f64().unwrap(), "{kind}");
    }
    for (name, block) in [
        ("http_client_request_duration_seconds", "service_ns"),
        ("vajra_slip_duration_seconds", "slip_ns"),
        ("vajra_generator_lag_seconds", "generator_lag_ns"),
    ] {
        let times = count(&format!("/{block}/count"));
        assert_eq!(of(&format!("{name}_count"), &[MEASURED, OF_SUCCESSES]), times, "{name}");
        let all = of(&format!("{name}_bucket"), &[MEASURED, OF_SUCCESSES, ("le", "+Inf")]);
        assert_eq!(all, times, "{name}");
        let sum_s = times * done.number(&format!("/{block}/mean")) / 1e9;
        let told = of(&format!("{name}_sum"), &[MEASURED, OF_SUCCESSES]);
        assert!((told - sum_s).abs() <= 1e-9 * sum_s.max(1.0), "{name}: {told} and {sum_s}");
    }
    let failed = [MEASURED, ("vajra_outcome", "failed")];
    assert_eq!(of("vajra_response_duration_seconds_count", &failed), count("/failed_response_ns/count"));
    for key in ["dropped", "unsent", "withheld"] {
        // What is nothing may not be in the report.
        let reported = done.report["requests"][key].as_f64().unwrap_or(0.0);
        assert_eq!(of(&format!("vajra_arrivals_{key}_total"), &[MEASURED]), reported, "{key}");
    }
    assert_eq!(
        of("vajra_network_io_bytes_total", &[MEASURED, ("network_io_direction", "receive")]),
        count("/bytes/received")
    );
    assert_eq!(of("vajra_run_ended", &[]), 1.0);
    assert_eq!(of("http_client_active_requests", &[]), 0.0);
}

#[test]
fn the_last_page_is_the_report() {
    let port = free_port();
    let running = scraped(port, &[]);
    let page = last_page(&running, port);
    // One scrape is enough: nobody waits for a second.
    let done = running.done();
    done.assert_ended_with(0);
    assert!(done.count("/requests/ok") > 0 && done.errors("status") > 0);
    assert_is_the_reports(&done, &|name, labels| sum(&page, name, labels));
    // 2 s at 200 a second, the warm-up included.
    assert_eq!(sum(&page, "vajra_arrivals_scheduled_total", &[]), 400.0);
    let run_id = done.report["run_id"].as_str().unwrap();
    assert!(page.iter().all(|sample| sample.label("vajra_run_id") == Some(run_id)));
    let warmup = sum(&page, "vajra_requests_sent_total", &[("vajra_phase", "warmup")]);
    assert!(warmup > 0.0, "what is not of the window is told apart");
    done.assert_says(&["Prometheus can scrape"]);
    assert!(!done.stderr.contains("nobody has scraped"), "{}", done.stderr);
}

#[test]
fn a_real_prometheus_has_what_the_report_has_by_classic_buckets_and_by_native_ones() {
    for is_native in [false, true] {
        let port = free_port();
        let server = prometheus(port, is_native);
        let running = scraped(port, &[]);
        // It scrapes several times a second; once of them is after the end, and lets the run go.
        let done = running.done();
        done.assert_ended_with(0);
        assert!(!done.stderr.contains("nobody has scraped"), "{}", done.stderr);
        let at_s = ended_at_s(&server);
        let selector = |name: &str, labels: &[(&str, &str)]| {
            let matchers = labels.iter().map(|(name, value)| format!("{name}=\"{value}\""));
            format!("{name}{{{}}}", matchers.collect::<Vec<_>>().join(","))
        };
        let value = |text: &str| query(&server, text, Some(at_s)).unwrap_or(0.0);
        if !is_native {
            assert_is_the_reports(&done, &|name, labels| value(&format!("sum({})", selector(name, labels))));
            continue;
        }
        for (name, block) in [
            ("http_client_request_duration_seconds", "service_ns"),
            ("vajra_slip_duration_seconds", "slip_ns"),
            ("vajra_generator_lag_seconds", "generator_lag_ns"),
        ] {
            let all = format!("sum({})", selector(name, &[MEASURED, OF_SUCCESSES]));
            let times = done.number(&format!("/{block}/count"));
            assert_eq!(value(&format!("histogram_count({all})")), times, "{name}");
            let sum_s = times * done.number(&format!("/{block}/mean")) / 1e9;
            let told = value(&format!("histogram_sum({all})"));
            assert!((told - sum_s).abs() <= 1e-9 * sum_s.max(1.0), "{name}: {told} and {sum_s}");
        }
        for (status, responses) in done.report["requests"]["status"].as_object().unwrap() {
            let labels = [MEASURED, ("http_response_status_code", status.as_str())];
            let times = selector("http_client_request_duration_seconds", &labels);
            assert_eq!(
                value(&format!("histogram_count(sum({times}))")),
                responses.as_f64().unwrap(),
                "{status}"
            );
        }
        let service = selector("http_client_request_duration_seconds", &[MEASURED, OF_SUCCESSES]);
        for (key, quantile) in [("p50", 0.5), ("p90", 0.9)] {
            let told_s = value(&format!("histogram_quantile({quantile}, sum({service}))"));
            let exact_s = done.number(&format!("/service_ns/{key}")) / 1e9;
            // A line is drawn within a bucket, the widest of which here is 2^(1/4); its rank is not rounded up as ours is.
            assert!((told_s / exact_s - 1.0).abs() < 0.25, "{key}: {told_s} and {exact_s}");
        }
    }
}

#[test]
fn every_documented_query_gives_something_of_a_real_run() {
    let plan = "url = 'testbed:/'\n[load]\nrate = 100\n[run]\nduration = '10m'\nconnections = 2\n\
                [[request]]\nname = 'good'\nget = '/'\n[[request]]\nname = 'bad'\nget = '/status/503'\n";
    for is_native in [false, true] {
        let port = free_port();
        let server = prometheus(port, is_native);
        let text = port.to_string();
        let running =
            Vajra::run("plan.toml", &["--force", "--prometheus", &text]).file("plan.toml", plan).start();
        let begun = Instant::now();
        for text in documented_queries(is_native) {
            // A rate is of two scrapes.
            let told = loop {
                running.assert_runs("every query gave something");
                if let Some(told) = query(&server, &text, None).filter(|told| told.is_finite()) {
                    break told;
                }
                assert!(begun.elapsed() < PATIENCE, "nothing for {text}");
                std::thread::sleep(Duration::from_millis(100));
            };
            assert!(told >= 0.0, "{told} for {text}");
        }
        running.signal(2);
        assert_eq!(running.done().code, 130);
    }
}

/// The queries of the document, those of native histograms or the others.
fn documented_queries(is_native: bool) -> Vec<String> {
    let document = include_str!("../../docs/TELEMETRY.md");
    let (_, rows) = document.split_once("Some queries:").unwrap();
    let rows =
        rows.split("\n## ").next().unwrap().lines().filter(|row| row.starts_with("| ") && row.contains('`'));
    let is_wanted = |row: &&str| match is_native {
        true => row.contains("native"),
        false => !row.contains("native"),
    };
    let queries: Vec<String> =
        rows.filter(is_wanted).map(|row| row.split('`').nth(1).unwrap().to_owned()).collect();
    assert!(!queries.is_empty());
    queries
}

#[test]
fn the_endpoint_tells_of_the_run_and_of_nothing_secret() {
    let port = free_port();
    let plan = "url = 'testbed:/?token=hush-1'\n[load]\nrate = 50\n[run]\nduration = '10m'\nconnections = 2\n\
                [[request]]\nname = 'one'\npost = '/?api_key=hush-2'\nbody = 'hush-3'\nheaders = { Authorization = 'Bearer hush-4' }\n";
    let text = port.to_string();
    let running =
        Vajra::run("plan.toml", &["--force", "--prometheus", &text]).file("plan.toml", plan).start();
    let begun = Instant::now();
    while get(port, "/health/ready", "").is_none_or(|(status, _)| status != 200) {
        running.assert_runs("it was ready");
        assert!(begun.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(20));
    }
    let told = |path: &str| get(port, path, "").unwrap();
    assert_eq!(told("/health/live").0, 200);
    let (status, run) = told("/run");
    let run: serde_json::Value = serde_json::from_str(&run).unwrap();
    assert_eq!((status, &run["stage"], &run["steps"][0]["method"]), (200, &"sending".into(), &"POST".into()));
    for path in ["/run", "/metrics", "/"] {
        assert!(!told(path).1.contains("hush"), "{path}: {}", told(path).1);
    }
    assert_eq!(told("/").0, 404);
    assert_eq!(get(port, "/metrics", "POST").unwrap().0, 405);
    running.signal(2);
    let done = running.done();
    // A run that is given up is not held.
    assert_eq!(done.code, 130, "{}", done.stderr);
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "nothing is left");
}

#[test]
fn whoever_scrapes_badly_costs_the_run_nothing() {
    let port = free_port();
    let running = scraped(port, &[]);
    let begun = Instant::now();
    let connect = || loop {
        match TcpStream::connect(("127.0.0.1", port)) {
            Ok(stream) => return stream,
            Err(_) => assert!(begun.elapsed() < PATIENCE),
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    // More connections than there is room for, which say nothing; a head that does not end; and one that is no HTTP.
    let silent: Vec<TcpStream> = (0..40).map(|_| connect()).collect();
    let mut endless = connect();
    let sent =
        (0..4_000).try_for_each(|n| endless.write_all(format!("x-{n}: {}\r\n", "y".repeat(100)).as_bytes()));
    drop(sent);
    let mut rubbish = connect();
    let _ = rubbish.write_all(b"\x16\x03\x01\x00\xff rubbish\r\n\r\n");
    // They are all left at their deadline, and whoever comes then is served.
    let page = last_page(&running, port);
    let done = running.done();
    done.assert_ended_with(0);
    assert_is_the_reports(&done, &|name, labels| sum(&page, name, labels));
    assert_eq!(done.arrivals(), 300);
    for mut stream in silent {
        // Ended by the other side.
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        assert!(matches!(stream.read(&mut [0; 1]), Ok(0) | Err(_)));
    }
}

#[test]
fn where_nobody_can_listen_nothing_is_sent() {
    let testbed = peers::testbed(&[]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let run = |words: &[&str]| Vajra::run(&testbed.url("/"), &[&["-n", "5"], words].concat()).done();
    let done = run(&["--prometheus", &port]);
    assert_eq!(done.code, 4, "{}", done.stderr);
    done.assert_says(&[
        "--prometheus cannot listen at 127.0.0.1:",
        "no load was sent",
        "choose another port",
    ]);
    let done = run(&["--prometheus", "0.0.0.0:0"]);
    assert_eq!(done.code, 2, "{}", done.stderr);
    done.assert_says(&["others than this machine can connect there", "--insecure-listen"]);
    let done = run(&["--prometheus", "host:x"]);
    assert_eq!(done.code, 2, "{}", done.stderr);
    done.assert_says(&["the port has to be a number"]);
    let done = run(&["--prometheus", "elsewhere:9464"]);
    assert_eq!(done.code, 2, "{}", done.stderr);
    done.assert_says(&["the host has to be an address"]);
    let done = run(&["--prometheus-hold", "2s"]);
    assert_eq!(done.code, 2, "{}", done.stderr);
    let done = run(&["--prometheus", "0.0.0.0:0", "--insecure-listen"]);
    assert_eq!(done.count("/requests/ok"), 5, "{}", done.stderr);
}

#[test]
fn a_plan_that_is_read_again_is_counted_whatever_comes_of_it() {
    let plan = "url = 'testbed:/'\n[load]\nrate = 50\n[run]\nduration = '10m'\nconnections = 2\n";
    let port = free_port();
    let text = port.to_string();
    let running =
        Vajra::run("plan.toml", &["--force", "--prometheus", &text]).file("plan.toml", plan).start();
    let await_told = |name: &str, labels: Labels<'_>, value: f64| {
        let begun = Instant::now();
        loop {
            running.assert_runs("its page told of the plan");
            let page = text_page(port);
            // Before the first interval there is nothing, and its value would be 0.
            if sum(&page, "vajra_requests_sent_total", &[]) > 0.0 && sum(&page, name, labels) == value {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{name} {labels:?} is not {value}");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    let (taken_over, refused) = ([("vajra_outcome", "ok")], [("vajra_outcome", "refused")]);
    await_told("vajra_plan_reads_total", &taken_over, 1.0);
    await_told("vajra_plan_last_read_ok", &[], 1.0);
    let file = running.folder().join("plan.toml");
    std::fs::write(&file, plan.replace("rate = 50", "rate = fast")).unwrap();
    running.signal(1);
    await_told("vajra_plan_reads_total", &refused, 1.0);
    await_told("vajra_plan_last_read_ok", &[], 0.0);
    await_told("vajra_load_revisions_total", &[], 0.0);
    std::fs::write(&file, plan.replace("rate = 50", "rate = 80")).unwrap();
    running.signal(1);
    await_told("vajra_plan_reads_total", &taken_over, 2.0);
    await_told("vajra_plan_last_read_ok", &[], 1.0);
    await_told("vajra_load_revisions_total", &[], 1.0);
    running.signal(2);
    let done = running.done();
    let count = |key: &str| done.report[key].as_array().unwrap().len();
    assert_eq!((count("events"), count("revisions")), (1, 1), "{}", done.report["events"]);
}

#[test]
fn nobody_who_scrapes_is_waited_for_longer_than_was_asked_for() {
    let testbed = peers::testbed(&[]);
    let port = free_port().to_string();
    let words = ["-n", "5", "--prometheus", &port, "--prometheus-hold", "200ms"];
    let done = Vajra::run(&testbed.url("/"), &words).done();
    assert_eq!(done.count("/requests/ok"), 5);
    done.assert_says(&["nobody has scraped the run after its end"]);
}

#[test]
fn without_the_flags_nothing_of_it_runs() {
    let running = Vajra::run("testbed:/", &["-R", "50", "-d", "10m", "--force"]).start();
    running.await_thread("collector");
    let threads = running.threads();
    assert!(threads.iter().all(|name| !name.contains("prometheus") && !name.contains("otlp")), "{threads:?}");
    running.signal(2);
    assert_eq!(running.done().code, 130);
}
