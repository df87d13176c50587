//! Commands as users of wrk, wrk2, hey, ab, oha, k6, curl and others type them: each works, or is answered in one line.

use crate::peers;
use crate::vajra::{Done, Vajra};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};

const METHOD: &str = "/plan/scenarios/0/script/mix/0/request/http/method";
const REUSE: &str = "/plan/targets/0/protocol/http1/reuse";
const BODY: &str = "/plan/scenarios/0/script/mix/0/request/http/body/0/bytes";
const HEADER: &str = "/plan/scenarios/0/script/mix/0/request/http/headers/0";
const TIMEOUT: &str = "/plan/scenarios/0/script/mix/0/timeout_ns";
const LOAD: &str = "/plan/scenarios/0/load";
const RATE: &str = "/plan/scenarios/0/load/open/segments/0/shape/constant";
const LENGTH: &str = "/plan/phases/measure_to_ns";
const REQUESTS: &str = "/plan/scenarios/0/requests_max";
const CONNECTIONS: &str = "/plan/pools/0/connections/shared";
const SHARDS: &str = "/plan/machine/shards";

/// Words in which `URL` is the target, and what the report's plan has to say.
type Working = (&'static [&'static str], Vec<(&'static str, Value)>);

/// A rate as plans have it.
fn rate(count: u64, per_ns: u64) -> Value {
    json!({ "count": count, "per_ns": per_ns })
}

/// What means the same here.
fn working() -> Vec<Working> {
    vec![
        // wrk and wrk2.
        (
            &["-t2", "-c100", "-d1s", "URL"],
            vec![(SHARDS, json!(2)), (CONNECTIONS, json!(100)), (LOAD, json!("closed"))],
        ),
        (
            &["-t1", "-c10", "-d1s", "-R200", "-L", "URL"],
            vec![(RATE, rate(1, 5_000_000)), (LENGTH, json!(1_000_000_000))],
        ),
        (&["-c", "4", "-d", "1", "--latency", "URL"], vec![(LENGTH, json!(1_000_000_000))]),
        (
            &["--threads", "1", "--connections", "4", "--duration", "1s", "--rate", "100", "URL"],
            vec![(SHARDS, json!(1)), (RATE, rate(1, 10_000_000))],
        ),
        (&["-c1k", "-n", "10", "--force", "URL"], vec![(CONNECTIONS, json!(1_000))]),
        (&["-n", "10", "--timeout", "2", "URL"], vec![(TIMEOUT, json!(2_000_000_000_u64))]),
        (
            &["-n", "10", "--timeout", "2s", "-H", "X-A: 1", "URL"],
            vec![(TIMEOUT, json!(2_000_000_000_u64)), (HEADER, json!(["X-A", [{ "bytes": "1" }]]))],
        ),
        // hey, ab, oha.
        (&["-n", "200", "-c", "50", "URL"], vec![(REQUESTS, json!(200)), (CONNECTIONS, json!(50))]),
        (&["-z", "1s", "-c", "4", "URL"], vec![(LENGTH, json!(1_000_000_000)), (CONNECTIONS, json!(4))]),
        (&["-n", "10", "-m", "POST", "URL"], vec![(METHOD, json!("POST"))]),
        (&["-n", "1k", "-c", "10", "URL"], vec![(REQUESTS, json!(1_000))]),
        (&["-z", "1s", "--qps", "100", "URL"], vec![(RATE, rate(1, 10_000_000))]),
        (&["-n", "10", "--disable-keepalive", "URL"], vec![(REUSE, json!(false))]),
        (&["-n", "10", "--http1.1", "URL"], vec![(METHOD, json!("GET"))]),
        // k6.
        (&["run", "-n", "10", "--no-connection-reuse", "URL"], vec![(REUSE, json!(false))]),
        (&["run", "--iterations", "10", "URL"], vec![(REQUESTS, json!(10))]),
        (
            &["run", "--rps", "100", "--duration", "1s", "URL"],
            vec![(RATE, rate(1, 10_000_000)), (LENGTH, json!(1_000_000_000))],
        ),
        // curl, autocannon, bombardier.
        (&["-X", "PUT", "-n", "10", "URL"], vec![(METHOD, json!("PUT"))]),
        (&["--request", "DELETE", "-n", "10", "URL"], vec![(METHOD, json!("DELETE"))]),
        (
            &["-u", "user:pass", "-n", "10", "--keep-secrets", "URL"],
            vec![(HEADER, json!(["Authorization", [{ "bytes": "Basic dXNlcjpwYXNz" }]]))],
        ),
        (
            &["-c", "10", "-d", "1", "--pipeline", "2", "URL"],
            vec![("/plan/targets/0/protocol/http1/pipeline", json!(2))],
        ),
        (
            &["-m", "POST", "-b", "{\"a\":1}", "-n", "10", "URL"],
            vec![(METHOD, json!("POST")), (BODY, json!("{\"a\":1}"))],
        ),
    ]
}

/// What means something else here, or nothing: what the one line has to name.
const ANSWERED: &[(&[&str], &[&str])] = &[
    // wrk and wrk2.
    (&["-t2", "-c10", "-s", "script.lua", "URL"], &["`-s`", "wrk", "docs/PLANS.md"]),
    (&["-c10", "-U", "URL"], &["`-U`", "service times"]),
    (&["-c10", "-R100", "--u_latency", "URL"], &["`--u_latency`", "service times"]),
    (&["-T", "2s", "URL"], &["`--timeout 2s`"]),
    // hey.
    (&["-n", "200", "-c", "50", "-q", "10", "URL"], &["`-q`", "`-R 10`"]),
    (
        &["-z", "10s", "-m", "POST", "-T", "application/json", "URL"],
        &["`-H 'Content-Type: application/json'`"],
    ),
    (&["-D", "body.json", "URL"], &["`-b @body.json`"]),
    (&["-m", "POST", "-d", "name=value", "URL"], &["`-d`", "duration", "`-b 'TEXT'`"]),
    (&["-a", "user:pass", "URL"], &["`-u NAME:PASSWORD`"]),
    (&["-disable-keepalive", "URL"], &["`-disable-keepalive`", "two dashes"]),
    (&["-disable-compression", "URL"], &["leave it out"]),
    (&["-h2", "URL"], &["`-h2`", "`--http2`"]),
    (&["-cpus", "2", "URL"], &["`-t 2`"]),
    (&["-host", "example.org", "URL"], &["`-H 'Host: example.org'`"]),
    (&["-o", "csv", "URL"], &["`--timeseries FILE.csv`"]),
    (&["-t", "20s", "URL"], &["`-t`", "`--timeout 20s`"]),
    // ab.
    (&["-n", "10", "-f", "TLS1.2", "URL"], &["`-f`", "ab", "`--tlsv1.2`"]),
    (&["-n", "10", "-Z", "AES128-SHA", "URL"], &["`--ciphers LIST`"]),
    (&["-n", "10", "-E", "client.pem", "URL"], &["`--cert FILE`", "`--key FILE`"]),
    (&["-n", "10", "-p", "post.txt", "URL"], &["`-b @post.txt`"]),
    (&["-n", "10", "-T", "text/plain", "URL"], &["`-H 'Content-Type: text/plain'`"]),
    (&["-n", "10", "-A", "user:pass", "URL"], &["`-u NAME:PASSWORD`"]),
    (&["-n", "10", "-C", "a=b", "URL"], &["`-H 'Cookie: NAME=VALUE'`"]),
    (&["-n", "10", "-e", "out.csv", "URL"], &["`--hgrm FILE`"]),
    (&["-n", "10", "-r", "URL"], &["leave it out"]),
    // oha.
    (&["-z", "10s", "-q", "100", "--latency-correction", "URL"], &["`-R 100`"]),
    (&["-z", "10s", "--latency-correction", "URL"], &["intended send", "leave it out"]),
    (&["-n", "10", "--no-tui", "URL"], &["`--no-tui`", "`2>/dev/null`"]),
    (&["-n", "10", "-j", "URL"], &["`--json -`"]),
    (&["-n", "10", "--burst-delay", "2s", "URL"], &["spike"]),
    (&["-z", "10s", "-w", "URL"], &["may always finish"]),
    (&["--http-version", "2", "URL"], &["`--http2`"]),
    // k6.
    (&["run", "--vus", "10", "--duration", "30s", "script.js"], &["`--vus`", "`-c 10`"]),
    (&["run", "script.js"], &["k6 script", "docs/PLANS.md"]),
    (&["run", "-u", "10", "URL"], &["`-c 10`"]),
    (&["run", "-i", "100", "URL"], &["`-n 100`"]),
    (&["run", "--out", "json=out.json", "URL"], &["`--timeseries FILE`"]),
    (&["run", "--summary-export", "sum.json", "URL"], &["`--json sum.json`"]),
    (&["run", "--stage", "30s:10", "URL"], &["`-R 100:5000`"]),
    // curl.
    (&["-X", "POST", "-d", "{\"a\":1}", "URL"], &["`-b 'TEXT'`"]),
    (&["-d", "@body.json", "URL"], &["`-b @body.json`"]),
    (&["--data", "@body.json", "URL"], &["`-b @body.json`"]),
    (&["--data-binary", "@body.bin", "URL"], &["`-b @body.bin`"]),
    (&["--json", "{\"a\":1}", "URL"], &["`-b 'TEXT' -H 'Content-Type: application/json'`"]),
    (&["--tls13-ciphers", "TLS_AES_128_GCM_SHA256", "URL"], &["`--ciphers LIST`", "all versions"]),
    (&["--tlsv1.1", "URL"], &["not spoken", "`--tlsv1.2`"]),
    (&["--pass", "user:pass", "URL"], &["PEM", "without a password"]),
    (&["-i", "URL"], &["`vajra check URL`"]),
    (&["-s", "URL"], &["`-q`"]),
    (&["-I", "URL"], &["`-m HEAD`"]),
    (&["-G", "URL"], &["part of the URL"]),
    (&["-A", "Mozilla/5.0", "URL"], &["`-H 'User-Agent: NAME'`"]),
    (&["--location", "URL"], &["redirect"]),
    (&["--max-time", "5", "URL"], &["`--timeout 5s`"]),
    // vegeta, autocannon, bombardier.
    (&["-rate=100/s", "-duration=5s", "URL"], &["`-R 100/s`"]),
    (&["-duration=5s", "URL"], &["`--duration`"]),
    (&["-insecure", "URL"], &["`--insecure`"]),
    (&["-cert", "client.pem", "URL"], &["`--cert`"]),
    (&["-root-certs", "ca.pem", "URL"], &["`--cacert ca.pem`"]),
    (&["-keepalive=false", "URL"], &["vegeta", "`--disable-keepalive`"]),
    (&["-c", "10", "-p", "10", "URL"], &["`--pipeline 10`"]),
    (&["-w", "4", "URL"], &["`-t 4`"]),
    (&["-r", "1000", "URL"], &["`-R 1000`"]),
    (&["-c", "10", "-l", "URL"], &["`-L`"]),
    (&["--unix-socket", "/run/x.sock", "http://h/"], &["`unix:/run/x.sock:/PATH`"]),
    (&["--no-color", "URL"], &["`--color never`"]),
    // Slips.
    (&["comapre", "last~1", "last"], &["did you mean `vajra compare`?"]),
    (&["URL", "--conections", "5"], &["did you mean `--connections`?"]),
    (&["gate", "URL", "--agianst", "http://h/"], &["did you mean `--against`?"]),
    (&["archive", "lsit"], &["did you mean `list`?"]),
    (&["URL", "-c", "ten"], &["--connections", "ten", "whole number"]),
    (&["URL", "http://h/"], &["one word too many"]),
    (&["run"], &["`vajra run` needs <URL|PLAN>"]),
    (&["bench"], &["no command and no target"]),
    (&["run", "service"], &["`service`", "neither a file nor a URL", "http://service/"]),
    (&["run", "plan.yaml"], &["there is no such file", "TOML or JSON"]),
    (&["run", "missing.toml"], &["`missing.toml` cannot be read", "no such file"]),
    (&["run", "/"], &["is a directory"]),
];

/// The words with the URL in its place.
fn placed<'a>(words: &[&'a str], url: &'a str) -> Vec<&'a str> {
    words.iter().map(|word| if *word == "URL" { url } else { word }).collect()
}

/// Does something with each row, on a few threads: most of the time of a call is waiting.
fn for_each<T: Sync>(rows: &[T], check: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    let (next, check) = (&next, &check);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(move || {
                while let Some(row) = rows.get(next.fetch_add(1, Ordering::Relaxed)) {
                    check(row);
                }
            });
        }
    });
}

#[test]
fn what_means_the_same_is_carried_out() {
    let testbed = peers::testbed(&[]);
    let url = testbed.url("/");
    for_each(&working(), |(words, plan)| {
        let written = [&placed(words, &url)[..], &["--json", "report.json", "--no-archive"]].concat();
        let done = Vajra::new(&written).done();
        assert!(!done.report.is_null(), "{words:?}: {}", done.stderr);
        done.assert_ended_with(0);
        for (pointer, expected) in plan {
            assert_eq!(done.report.pointer(pointer), Some(expected), "{words:?}: {}", done.report["plan"]);
        }
        let has_spectrum = words.iter().any(|word| ["-L", "--latency"].contains(word));
        assert_eq!(done.stdout.contains("TotalCount"), has_spectrum, "{words:?}: {}", done.stdout);
    });
}

#[test]
fn what_does_not_is_answered_in_one_line_that_names_ours() {
    let testbed = peers::testbed(&[]);
    let url = testbed.url("/");
    for_each(ANSWERED, |(words, parts)| {
        let done = Vajra::new(&placed(words, &url)).done();
        assert_one_line(&done, &format!("{words:?}"));
        parts.iter().for_each(|part| assert!(done.stderr.contains(part), "{words:?}: {}", done.stderr));
    });
}

fn assert_one_line(done: &Done, words: &str) {
    assert_eq!((done.code, done.stdout.as_str()), (2, ""), "{words}: {}", done.stderr);
    let is_one = done.stderr.lines().count() == 1 && done.stderr.starts_with("error: ");
    assert!(is_one, "{words}: {}", done.stderr);
    assert!(!done.stderr.contains("user:pass"), "{words}: {}", done.stderr);
}

#[test]
fn the_letter_k_is_curls_and_is_told_from_abs_by_the_target() {
    let testbed = peers::testbed(&[]);
    let done = Vajra::new(&["-n", "10", "-k", &testbed.url("/")]).done();
    assert_eq!((done.code, done.stdout.as_str()), (2, ""), "{}", done.stderr);
    done.assert_says(&["flag -k", "certificates", "`https://`", "kept alive without it"]);
}

#[test]
fn a_password_is_sent_and_written_nowhere() {
    let testbed = peers::testbed(&[]);
    let done = Vajra::run(&testbed.url("/"), &["-u", "joe:s3cret", "-n", "10"]).done();
    done.assert_ended_with(0);
    let kept = std::fs::read(done.folder.path().join("data/vajra/archive.db")).unwrap();
    let written = std::fs::read(done.folder.path().join("report.json")).unwrap();
    let said = format!("{}{}", done.stdout, done.stderr).into_bytes();
    for secret in ["s3cret", "am9lOnMzY3JldA=="] {
        for place in [&kept, &written, &said] {
            assert!(!place.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret}");
        }
    }
    assert_eq!(done.report.pointer(HEADER).unwrap()[0], "Authorization");
}
