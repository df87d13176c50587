//! A report is a plan: its run can be repeated, and sends the same.

use crate::peers;
use crate::vajra::{Done, Vajra};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What came to a server, request by request: line, headers and body.
type Log = Arc<Mutex<Vec<String>>>;

/// A server that answers everything and writes down what was asked.
fn recording_server() -> (u16, Log) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let log = Log::default();
    let shared = log.clone();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let (connection, log) = (connection.unwrap(), shared.clone());
            std::thread::spawn(move || serve(&connection, &log));
        }
    });
    (port, log)
}

fn serve(connection: &TcpStream, log: &Log) {
    let mut reader = BufReader::new(connection);
    while let Some(request) = read_request(&mut reader) {
        // What preflight asks has no number of an arrival.
        log.lock().unwrap().push(request);
        let mut writer = connection;
        if writer.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").is_err() {
            return;
        }
    }
}

fn read_request(reader: &mut impl BufRead) -> Option<String> {
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let from = head.len();
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
        let line = head[from..].trim_end();
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(head + &String::from_utf8_lossy(&body))
}

/// Runs a target with these words, and gives what came of it to the server.
fn sent(log: &Log, vajra: Vajra) -> (Done, Vec<String>) {
    log.lock().unwrap().clear();
    let done = vajra.done();
    assert_eq!(done.count("/requests/ok"), 40, "{}", done.stderr);
    (done, std::mem::take(&mut *log.lock().unwrap()))
}

fn plan(port: u16) -> String {
    format!(
        "url = 'http://127.0.0.1:{port}/base'\n[run]\nrequests = 40\nduration = '60s'\nconnections = 1\nseed = 11\n\
         [headers]\nX-Id = '{{{{uuid}}}}'\nAuthorization = 'Bearer s3cret'\n\
         [load]\nrate = 400\narrivals = 'poisson'\n\
         [[request]]\npath = '/a/{{{{seq}}}}?x={{{{rand 1 1000000}}}}'\nweight = 2\n\
         [[request]]\nput = '/b'\nbody = '@body.json'\ntemplate = true\n\
         [[request]]\nput = '/c'\nbody = '@raw.bin'\n"
    )
}

#[test]
fn a_report_run_again_sends_the_same_requests_in_the_same_order() {
    let (port, log) = recording_server();
    let vajra = Vajra::run("plan.toml", &["--keep-secrets", "--force"])
        .file("plan.toml", &plan(port))
        .file("body.json", "{\"n\": {{seq}}, \"id\": \"{{uuid}}\"}")
        .file("raw.bin", "{{nope}} \u{1F980}");
    let (first, asked) = sent(&log, vajra);
    first.assert_says(&["raw.bin` holds `{{`", "template = true"]);
    let report = first.report.to_string();
    // The bodies' files are not there any more: what was in them is in the report.
    let (again, repeated) = sent(&log, Vajra::run("first.json", &["--force"]).file("first.json", &report));
    assert!(asked.len() >= 40 && asked == repeated, "{asked:#?}\n{repeated:#?}");
    assert_eq!(
        (again.count("/plan/seed"), &again.report["plan"]["name"]),
        (11, &first.report["plan"]["name"])
    );
    let (_, other) =
        sent(&log, Vajra::run("first.json", &["--force", "--seed", "12"]).file("first.json", &report));
    assert_ne!(asked, other, "another seed sends others");
}

#[test]
fn what_a_report_does_not_have_is_told_and_can_be_given() {
    let (port, log) = recording_server();
    let files = |vajra: Vajra| vajra.file("body.json", "{{seq}}").file("raw.bin", "x");
    let first = files(Vajra::run("plan.toml", &["--force"]).file("plan.toml", &plan(port)));
    let (first, asked) = sent(&log, first);
    let report = format!("{:#}", first.report);
    let refused = Vajra::new(&["run", "first.json"]).file("first.json", &report).done();
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    refused.assert_says(&["value of the header `Authorization`", "first.json:", "`-H`", "`--keep-secrets`"]);
    assert!(log.lock().unwrap().is_empty(), "nothing was sent");
    let words = ["--force", "-H", "Authorization: Bearer s3cret"];
    let (_, repeated) = sent(&log, Vajra::run("first.json", &words).file("first.json", &report));
    let sorted = |requests: &[String]| -> Vec<Vec<String>> {
        // A header that is given comes last.
        let lines = |request: &String| {
            let mut lines: Vec<String> = request.lines().map(String::from).collect();
            lines.sort();
            lines
        };
        requests.iter().map(lines).collect()
    };
    assert_eq!(sorted(&asked), sorted(&repeated));
    let variable = Vajra::run("first.json", &["--force"]).file("first.json", &report);
    sent(&log, variable.variable("VAJRA_HEADERS__AUTHORIZATION", "Bearer s3cret"));
}

#[test]
fn flags_change_what_is_clear_and_are_refused_where_it_is_not() {
    let (port, _) = recording_server();
    let url = format!("http://127.0.0.1:{port}/a");
    let first = Vajra::run(&url, &["-n", "20", "-R", "200", "-c", "2", "--force"]).done();
    let report = first.report.to_string();
    let again =
        Vajra::run("r.json", &["-c", "3", "-R", "300", "-d", "100ms", "-m", "PUT", "-b", "x", "--force"]);
    let again = again.file("r.json", &report).done();
    assert_eq!(again.count("/plan/pools/0/connections/shared"), 3, "{}", again.stderr);
    assert_eq!(again.count("/plan/scenarios/0/requests_max"), 20);
    assert_eq!(again.report["plan"]["scenarios"][0]["script"]["mix"][0]["name"], "PUT /a");
    assert_eq!(again.count("/plan/scenarios/0/load/open/segments/0/shape/constant/count"), 3);
    let ramp = Vajra::run(&url, &["-R", "100:300", "-d", "200ms", "-c", "2", "--force"]).done();
    let refused = Vajra::new(&["run", "r.json", "-d", "5s", "--threshold", "respons p(99)<1s"]);
    let refused = refused.file("r.json", &ramp.report.to_string()).done();
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    refused.assert_says(&["flag -d 5s", "shape", "did you mean `response`"]);
    let threshold = ["--threshold", "response p(99)<1s", "--threshold", "response{scenario=nope} p(99)<1s"];
    let refused = Vajra::new(&[&["run", "r.json"], &threshold[..]].concat()).file("r.json", &report).done();
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    refused.assert_says(&["flag --threshold 'response{scenario=nope} p(99)<1s'"]);
    assert!(!refused.stderr.contains("r.json:"), "{}", refused.stderr);
    let longer = Vajra::run("r.json", &["-n", "40", "--arrivals", "poisson", "--force"]);
    let longer = longer.file("r.json", &report).done();
    assert_eq!(longer.arrivals(), 40, "{}", longer.stderr);
    assert_eq!(longer.report["plan"]["scenarios"][0]["load"]["open"]["arrivals"], "poisson");
    let future = report.replacen("\"schema\":2", "\"schema\":9", 1);
    let refused = Vajra::new(&["run", "r.json"]).file("r.json", &future).done();
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    refused.assert_says(&["report of schema 9", "r.json", "help:"]);
}

#[test]
fn a_report_of_an_earlier_schema_and_one_out_of_the_archive_are_plans_too() {
    let report = include_str!("../fixtures/schema-1/report.json");
    let checked = Vajra::new(&["check", "r.json", "--url", "testbed:"]).file("r.json", report).done();
    assert!(checked.stdout.contains("PASS io_uring"), "{}{}", checked.stdout, checked.stderr);
    let data = tempfile::tempdir().unwrap();
    let home = data.path().to_str().unwrap();
    let run = Vajra::run("testbed:/bytes/3", &["-n", "7", "-c", "1", "--force", "--seed", "5"]);
    let run = run.variable("XDG_DATA_HOME", home).done();
    let shown = Vajra::new(&["archive", "show", "last", "--json"]).variable("XDG_DATA_HOME", home).done();
    let again = Vajra::run("kept.json", &["--force"]).file("kept.json", &shown.stdout).done();
    assert_eq!(again.report["plan"], run.report["plan"], "{}", again.stderr);
    assert_eq!(again.count("/requests/sent"), 7);
}

#[test]
fn a_report_of_tls_names_its_files_and_is_run_again_with_them_or_with_others() {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("made.pem");
    let server = peers::testbed(&["--tls", "--tls-ca", ca.to_str().unwrap()]);
    let ca = std::fs::read_to_string(&ca).unwrap();
    let url = server.url("/").replace("http:", "https:");
    let words = ["--cacert", "ca.pem", "-n", "20", "-c", "2", "--force"];
    let first = Vajra::run(&url, &words).file("ca.pem", &ca).done();
    assert_eq!(first.count("/requests/ok"), 20, "{}", first.stderr);
    let report = first.report.to_string();
    assert_eq!(first.report.pointer("/plan/targets/0/transport/tls/ca").unwrap(), "ca.pem");
    assert!(!report.contains("CERTIFICATE"), "what is in a file is in no report");
    let missing = Vajra::new(&["run", "r.json"]).file("r.json", &report).done();
    assert_eq!(missing.code, 2, "{}", missing.stderr);
    missing.assert_says(&["`ca.pem` cannot be read", "r.json:"]);
    let again = |words: &[&str]| {
        let vajra = Vajra::run("r.json", &[words, &["--force"]].concat());
        vajra.file("r.json", &report).file("other.pem", &ca).done()
    };
    let trusting = again(&["-k", "--cacert", "other.pem"]);
    assert_eq!(trusting.count("/requests/ok"), 20, "{}", trusting.stderr);
    let limit = "certificates were not verified (tls.verify = false)";
    assert!(trusting.report["limits"].as_array().unwrap().iter().any(|one| one == limit));
    assert!(trusting.stdout.contains(limit), "{}", trusting.stdout);
    // The name is the URL's, and the server there is another's.
    let port = server.url("").rsplit(':').next().unwrap().trim_end_matches('/').to_owned();
    let elsewhere = format!("localhost:443:127.0.0.1:{port}");
    let moved = again(&["--url", "https://localhost/", "--connect-to", &elsewhere, "--cacert", "other.pem"]);
    assert_eq!(moved.count("/requests/ok"), 20, "{}", moved.stderr);
    assert_eq!(moved.report.pointer("/plan/targets/0/url/authority").unwrap(), "localhost");
    assert_eq!(moved.report.pointer("/plan/targets/0/connect/tcp/host").unwrap(), "127.0.0.1");
}

/// Runs a report again, which is in a file beside it.
fn again(report: &serde_json::Value, words: &[&str]) -> Done {
    let all = [&["run", "first.json"], words].concat();
    Vajra::new(&[&all[..], &["--json", "again.json"]].concat()).file("first.json", &report.to_string()).done()
}

fn report_again(done: &Done) -> serde_json::Value {
    let text = std::fs::read_to_string(done.folder.path().join("again.json"));
    serde_json::from_str(&text.unwrap_or_else(|error| panic!("{error}: {}", done.stderr))).unwrap()
}

fn ok_again(done: &Done) -> u64 {
    report_again(done)["requests"]["ok"].as_u64().unwrap()
}

#[test]
fn a_report_of_grpc_can_call_another_method_by_a_flag_or_a_url() {
    let testbed = peers::testbed(&[]);
    let url = testbed.url("").replace("http:", "grpc:");
    let first = Vajra::run(&url, &["--call", "vajra.testbed.Echo/Unary", "-n", "5"]).done();
    assert_eq!(first.count("/requests/ok"), 5, "{}", first.stderr);
    let step = |done: &Done| {
        assert_eq!(ok_again(done), 5, "{}", done.stderr);
        report_again(done)["scenarios"][0]["steps"][0]["name"].as_str().unwrap().to_owned()
    };
    let done = again(&first.report, &[]);
    assert_eq!(step(&done), "vajra.testbed.Echo/Unary", "{}", done.stderr);
    let done = again(&first.report, &["--call", "vajra.testbed.Echo/ServerStream"]);
    assert_eq!(step(&done), "vajra.testbed.Echo/ServerStream", "{}", done.stderr);
    let done = again(&first.report, &["--url", &format!("{url}/vajra.testbed.Echo/ServerStream")]);
    assert_eq!(step(&done), "vajra.testbed.Echo/ServerStream", "{}", done.stderr);
}

#[test]
fn a_report_whose_calls_are_not_of_its_first_scenario_is_run_again_as_it_is() {
    let testbed = peers::testbed(&[]);
    let (grpc, http) = (testbed.url("").replace("http:", "grpc:"), testbed.url("/"));
    let plan = format!(
        "[target.a]\nurl = '{grpc}'\n[target.b]\nurl = '{http}'\n[scenario.pages]\ntarget = 'b'\nrequests = 5\n\
         [scenario.calls]\ntarget = 'a'\nrequests = 5\n[[scenario.calls.request]]\ncall = 'vajra.testbed.Echo/Unary'\n"
    );
    let first = Vajra::run("plan.toml", &[]).file("plan.toml", &plan).done();
    assert_eq!(first.count("/requests/ok"), 10, "{}", first.stderr);
    let done = again(&first.report, &[]);
    assert_eq!(ok_again(&done), 10, "{}", done.stderr);
}

#[test]
fn a_report_of_websocket_can_match_replies_otherwise() {
    let testbed = peers::testbed(&[]);
    let url = testbed.url("/ws").replace("http:", "ws:");
    let first = Vajra::run(&url, &["-b", "{\"id\": {{seq}}}", "-n", "5"]).done();
    assert_eq!(first.count("/requests/ok"), 5, "{}", first.stderr);
    let done = again(&first.report, &["--match", "json:/id"]);
    assert_eq!(ok_again(&done), 5, "{}", done.stderr);
    let done = again(&first.report, &["--match", "json:/other"]);
    assert_eq!(done.code, 2, "{}", done.stderr);
    done.assert_says(&["no value at `/other`"]);
}
