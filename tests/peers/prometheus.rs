//! The real Prometheus, which scrapes a run; and a reader of its text format.

use super::{PATIENCE, Peer, free_port, start};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

/// A line of a page: a name, its labels, and a value.
#[derive(Debug)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
}

impl Sample {
    pub(crate) fn label(&self, name: &str) -> Option<&str> {
        self.labels.get(name).map(String::as_str)
    }
}

/// Prometheus, which scrapes a port of this machine twice a second; by its protobuf where it is to take native histograms.
pub(crate) fn prometheus(scraped: u16, is_native: bool) -> Peer {
    prometheus_with(scraped, is_native, &[])
}

/// The same, which evaluates the rules of these files, as often as they say: where they do not, as Prometheus does by itself.
pub(crate) fn prometheus_with(scraped: u16, is_native: bool, rules: &[&str]) -> Peer {
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let config = format!(
        "global: {{ scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 1m }}\n\
         rule_files: {rules:?}\n\
         scrape_configs: [{{ job_name: vajra, static_configs: [{{ targets: ['127.0.0.1:{scraped}'] }}] }}]\n"
    );
    let path = folder.path().join("prometheus.yml");
    std::fs::write(&path, config).unwrap();
    let mut command = Command::new("prometheus");
    command.arg("--config.file").arg(path).arg("--storage.tsdb.path").arg(folder.path().join("data"));
    command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
    if is_native {
        command.arg("--enable-feature=native-histograms");
    }
    start(command.stdout(std::process::Stdio::null()), folder, port)
}

/// What a query gives as of a moment, or as of now: the one value that there is, if there is one.
pub(crate) fn query(server: &Peer, query: &str, at_s: Option<f64>) -> Option<f64> {
    let results = ask(server, query, &at_s.map_or_else(String::new, |at_s| format!("&time={at_s}")));
    assert!(results.len() <= 1, "{query}: {results:?}");
    results.first().map(|result| result["value"][1].as_str().unwrap().parse().unwrap())
}

/// When the last page of a run was scraped, once it was: its end is told by it. All values of a page are of one moment.
pub(crate) fn ended_at_s(server: &Peer) -> f64 {
    let begun = Instant::now();
    loop {
        for series in ask(server, "vajra_run_ended[5m]", "") {
            let last = series["values"].as_array().unwrap().last().unwrap().clone();
            if last[1] == "1" {
                return last[0].as_f64().unwrap();
            }
        }
        assert!(begun.elapsed() < PATIENCE, "the last page did not arrive");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What a query gives as of a moment, `&time=...`, or as of now.
pub(crate) fn ask(server: &Peer, query: &str, more: &str) -> Vec<Value> {
    let encoded: String = query.bytes().map(|byte| format!("%{byte:02X}")).collect();
    ready_answer(server, &format!("/api/v1/query?query={encoded}{more}"))["result"]
        .as_array()
        .unwrap()
        .clone()
}

/// The rules that it evaluates, as it tells of them.
pub(crate) fn rules(server: &Peer) -> Vec<Value> {
    let groups = ready_answer(server, "/api/v1/rules")["groups"].as_array().unwrap().clone();
    groups.iter().flat_map(|group| group["rules"].as_array().unwrap().clone()).collect()
}

/// What it says to a request, once it answers: it listens before it does.
fn ready_answer(server: &Peer, path: &str) -> Value {
    let begun = Instant::now();
    loop {
        let (status, body) = get(server.port, path, "").unwrap();
        if status == 200 {
            let answer: Value = serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}"));
            return answer["data"].clone();
        }
        assert!(begun.elapsed() < PATIENCE && status == 503, "{path}: {status} {body}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The status and body of a response to a request without a body; nothing where nobody listens. GET, unless another method is said.
pub(crate) fn get(port: u16, path: &str, method: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    let method = if method.is_empty() { "GET" } else { method };
    let head = format!("{method} {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 0\r\n\r\n");
    stream.write_all(head.as_bytes()).ok()?;
    let mut response = Vec::new();
    stream.read_to_end(&mut response).ok()?;
    let response = String::from_utf8(response).ok()?;
    let (head, body) = response.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

/// The page at a port, every line of which has to be as the text format has it.
pub(crate) fn text_page(port: u16) -> Vec<Sample> {
    let begun = Instant::now();
    loop {
        if let Some((200, page)) = get(port, "/metrics", "") {
            return samples(&page);
        }
        assert!(begun.elapsed() < PATIENCE, "there is no page");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// All values of a name whose labels are these, added up.
pub(crate) fn sum(page: &[Sample], name: &str, labels: &[(&str, &str)]) -> f64 {
    let is_meant = |sample: &&Sample| {
        // As Prometheus has it: a label that is not there is empty.
        sample.name == name && labels.iter().all(|(name, value)| sample.label(name).unwrap_or("") == *value)
    };
    page.iter().filter(is_meant).map(|sample| sample.value).sum()
}

fn samples(page: &str) -> Vec<Sample> {
    let mut kinds = BTreeMap::new();
    let mut samples: Vec<Sample> = Vec::new();
    for line in page.lines() {
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').unwrap();
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert!(kinds.insert(name.to_owned(), kind.to_owned()).is_none(), "{name} is there twice");
        } else if !line.starts_with("# HELP ") {
            samples.push(sample(line));
        }
    }
    let family = |name: &str| {
        ["_bucket", "_sum", "_count", ""].iter().find_map(|end| kinds.get(name.strip_suffix(end)?)).is_some()
    };
    assert!(samples.iter().all(|sample| family(&sample.name)), "each has a type");
    samples
}

/// `name{label="value",...} value`.
fn sample(line: &str) -> Sample {
    let (name, rest) = line.split_once('{').unwrap_or_else(|| panic!("{line}"));
    let mut labels = BTreeMap::new();
    let mut rest = rest;
    while let Some((label, after)) = rest.split_once("=\"").filter(|_| !rest.starts_with('}')) {
        let mut value = String::new();
        let mut letters = after.char_indices();
        let end = loop {
            match letters.next().unwrap_or_else(|| panic!("{line}")) {
                (at, '"') => break at,
                (_, '\\') => value.push(match letters.next() {
                    Some((_, 'n')) => '\n',
                    Some((_, letter @ ('\\' | '"'))) => letter,
                    other => panic!("{other:?} in {line}"),
                }),
                (_, letter) => value.push(letter),
            }
        };
        assert!(labels.insert(label.trim_start_matches(',').to_owned(), value).is_none(), "{line}");
        rest = &after[end + 1..];
    }
    let value = rest.strip_prefix("} ").unwrap_or_else(|| panic!("{line}"));
    Sample { name: name.to_owned(), labels, value: value.parse().unwrap_or_else(|_| panic!("{line}")) }
}
