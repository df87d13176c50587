//! Dashboards for k6, 19665 and 18030: what their panels ask for, asked of a real Prometheus that scrapes a run with `--k6-names`.
//!
//! Their panels are all of a few forms, from which the queries are put together here.

use super::{PATIENCE, await_some, is_value};
use crate::e2e::telemetry::last_page;
use crate::peers::free_port;
use crate::peers::prometheus::{Sample, ask, prometheus, sum};
use crate::vajra::{Running, Vajra};
use std::collections::BTreeSet;
use std::time::Instant;

const EXPECTED: &str = "expected_response";
const RUN: &str = "{testid=~\".*\"}";
/// What a chosen statistic of a trend can be.
const STATISTICS: [&str; 7] = ["min", "max", "avg", "med", "p90", "p95", "p99"];
const TRENDS: [&str; 7] = [
    "iteration_duration",
    "http_req_duration",
    "http_req_blocked",
    "http_req_tls_handshaking",
    "http_req_sending",
    "http_req_waiting",
    "http_req_receiving",
];
/// Those that nothing here is measured for.
const EMPTY: [&str; 4] =
    ["http_req_tls_handshaking", "http_req_sending", "http_req_waiting", "http_req_receiving"];

/// A plan with requests that succeed and that fail, a flow, and a check.
fn run(port: u16, duration: &str, words: &[&str]) -> Running {
    let plan = format!(
        "url = 'testbed:/'\n[run]\nduration = '{duration}'\nconnections = 4\n\
         [scenario.plain]\nload.rate = 100\n\
         [[scenario.plain.request]]\nname = 'good'\nget = '/'\n[[scenario.plain.request]]\nname = 'bad'\nget = '/status/503'\n\
         [scenario.journey]\nload.rate = 20\n\
         [[scenario.journey.step]]\nname = 'first'\nget = '/'\ncheck = 'status == 200'\n\
         [[scenario.journey.step]]\nname = 'second'\nget = '/'\n"
    );
    let port = port.to_string();
    let words = [&["--force", "--prometheus", &port, "--k6-names"], words].concat();
    Vajra::run("plan.toml", &words).file("plan.toml", &plan).start()
}

/// What both dashboards ask for besides trends.
fn common_queries() -> Vec<String> {
    let rate = |labels: &str| format!("sum(irate(k6_http_reqs_total{{testid=~\".*\"{labels}}}[10s]))");
    let expected = |is: bool| format!(",expected_response=\"{is}\"");
    let mut queries = vec![
        format!("sum(k6_vus{RUN})"),
        rate(""),
        rate(&expected(true)),
        rate(&expected(false)),
        format!("avg(round(k6_http_req_failed_rate{RUN}, 0.1) * 100)"),
        format!("sum(k6_http_reqs_total{RUN})"),
        format!("sum(k6_http_reqs_total{{testid=~\".*\"{}}})", expected(false)),
        format!("avg(k6_dropped_iterations_total{RUN})"),
        format!("round(k6_checks_rate{RUN}, 0.1)"),
        format!("avg(round(k6_checks_rate{RUN}, 0.1) * 100)"),
    ];
    queries.extend(["sent", "received"].map(|way| format!("avg(irate(k6_data_{way}_total{RUN}[10s]))")));
    queries
}

/// What is asked of one trend, by 19665: a statistic, which is chosen; or by 18030: a quantile.
fn trend_queries(trend: &str, is_native: bool) -> Vec<String> {
    let labels: &[&str] = match trend {
        "http_req_duration" => &["", ",expected_response=\"true\"", ",expected_response=\"false\""],
        _ => &[""],
    };
    let asked = |more: &str| -> Vec<String> {
        if is_native {
            let times = format!("rate(k6_{trend}_seconds{{testid=~\".*\"{more}}}[10s])");
            return vec![
                format!("histogram_quantile(0.99, sum by (le) ({times}))"),
                format!("histogram_quantile(1, sum by (le, name, method, status) ({times}))"),
            ];
        }
        let of = |statistic: &&str| {
            let times = format!("k6_{trend}_{statistic}{{testid=~\".*\"{more}}}");
            [format!("avg({times})"), format!("avg by (name, method, status) ({times})")]
        };
        STATISTICS.iter().flat_map(of).collect()
    };
    labels.iter().flat_map(|more| asked(more)).collect()
}

#[test]
fn every_panel_of_dashboards_for_k6_says_something_but_those_that_are_documented() {
    let document = include_str!("../../docs/TELEMETRY.md");
    for is_native in [false, true] {
        let port = free_port();
        let server = prometheus(port, is_native);
        let running = run(port, "10m", &[]);
        let (empty, filled): (Vec<&str>, Vec<&str>) =
            TRENDS.into_iter().partition(|trend| EMPTY.contains(trend));
        let of_trends = filled.iter().flat_map(|trend| trend_queries(trend, is_native));
        for query in common_queries().into_iter().chain(of_trends) {
            await_some(&running, &format!("nothing for {query}"), || {
                ask(&server, &query, "").iter().any(is_value).then_some(())
            });
        }
        for trend in empty {
            assert!(document.contains(&format!("`k6_{trend}`")), "{trend} is not documented as empty");
            for query in trend_queries(trend, is_native) {
                assert!(ask(&server, &query, "").is_empty(), "{query} is said to give nothing");
            }
        }
        running.signal(2);
        assert_eq!(running.done().code, 130);
    }
}

#[test]
fn figures_by_the_names_of_k6_are_the_reports() {
    let port = free_port();
    let begun = Instant::now();
    let running = run(port, "2s", &["--prometheus-hold", "60s"]);
    let page: Vec<Sample> = last_page(&running, port);
    let done = running.done();
    assert!(begun.elapsed() < 2 * PATIENCE);
    let run_id = done.report["run_id"].as_str().unwrap();
    let of =
        |name: &str, labels: &[(&str, &str)]| sum(&page, name, &[&[("testid", run_id)], labels].concat());
    // There is no warm-up, and all that was begun is of the window but for requests that a flow sends behind it.
    let outside = sum(&page, "vajra_requests_sent_total", &[("vajra_phase", "drain")]);
    let count = |pointer: &str| done.count(pointer) as f64;
    let all = count("/requests/ok") + count("/requests/failed") + outside;
    assert_eq!(of("k6_http_reqs_total", &[]), all);
    assert_eq!(of("k6_http_reqs_total", &[("status", "503")]), count("/requests/status/503"));
    assert_eq!(of("k6_http_reqs_total", &[("expected_response", "false")]), count("/requests/failed"));
    // A dashboard offers every name that begins so as a figure of the trend.
    let figures = page.iter().filter_map(|sample| sample.name.strip_prefix("k6_http_req_duration_"));
    assert_eq!(figures.collect::<BTreeSet<_>>(), BTreeSet::from(STATISTICS));
    let largest = |name: &str| {
        let of_name =
            page.iter().filter(|sample| sample.name == name && sample.label(EXPECTED) == Some("true"));
        of_name.map(|sample| sample.value).fold(0.0, f64::max)
    };
    // Of the window, and of what a flow sends behind it.
    assert!(largest("k6_http_req_duration_max") >= count("/service_ns/max") / 1e9);
    assert_eq!(of("k6_checks_rate", &[("scenario", "journey")]), 1.0);
    assert_eq!(of("k6_vus", &[]), 0.0);
    let rate = of("k6_http_req_failed_rate", &[("name", "bad")]);
    assert_eq!((rate, of("k6_http_req_failed_rate", &[("name", "good")])), (1.0, 0.0));
    let sent = of("k6_data_received_total", &[]);
    assert_eq!(sent, sum(&page, "vajra_network_io_bytes_total", &[("network_io_direction", "receive")]));
}

#[test]
fn without_the_flag_nothing_has_a_name_of_k6() {
    let port = free_port();
    let text = port.to_string();
    let words = ["-n", "5", "--force", "--prometheus", &text, "--prometheus-hold", "60s"];
    let running = Vajra::run("testbed:/", &words).start();
    let page = last_page(&running, port);
    assert!(!page.is_empty() && page.iter().all(|sample| !sample.name.starts_with("k6_")));
    running.done();
}
