//! `vajra import`: plans of what others wrote, which run; and what is said of input that is none.

use crate::peers;
use crate::vajra::{Done, Vajra};
use std::fmt::Write as _;

/// The plan that an import wrote, as it would be run.
fn checked(done: &Done, target: &str) {
    let plan = std::fs::read_to_string(done.folder.path().join("plan.toml")).unwrap();
    let check = Vajra::new(&["check", "plan.toml", "--url", target]).file("plan.toml", &plan).done();
    assert_eq!(check.code, 0, "{}\n{}\n{plan}", check.stdout, check.stderr);
}

fn line(second: u64, path: &str) -> String {
    format!(
        "10.0.0.1 - - [28/Nov/2026:12:00:{second:02} +0100] \"GET {path} HTTP/1.1\" 200 12 \"-\" \"agent\"\n"
    )
}

#[test]
fn curl_commands_become_a_plan_that_runs() {
    let commands = "curl -s http://127.0.0.1:1/echo -d '{\"n\": 1}' -H 'Content-Type: application/json'\n\
                    curl 'http://127.0.0.1:1/bytes/10?x=a b' \\\n  -H 'Accept: */*' --nonsense | jq .\n";
    let done = Vajra::new(&["import", "curl", "-", "-o", "plan.toml"]).input(commands).done();
    assert_eq!((done.code, done.stdout.as_str()), (0, ""), "{}", done.stderr);
    done.assert_says(&["note: `--nonsense` is not known, and left out", "`jq` is no curl command"]);
    checked(&done, "testbed:/");
    let plan = std::fs::read_to_string(done.folder.path().join("plan.toml")).unwrap();
    let run = Vajra::run("plan.toml", &["--url", "testbed:/", "-n", "20", "-R", "200"])
        .file("plan.toml", &plan)
        .done();
    run.assert_ended_with(0);
    assert_eq!(run.count("/requests/ok"), 20);
}

#[test]
fn a_plan_goes_to_standard_output_and_replaces_no_file_unasked() {
    let command = "curl http://127.0.0.1:1/";
    let done = Vajra::new(&["import", "curl", command]).done();
    assert_eq!((done.code, done.stderr.as_str()), (0, ""));
    assert!(done.stdout.contains("url = \"http://127.0.0.1:1\"\n"), "{}", done.stdout);
    let words = ["import", "curl", command, "-o", "plan.toml"];
    let refused = Vajra::new(&words).file("plan.toml", "mine").done();
    assert_eq!(refused.code, 2);
    refused.assert_says(&["`plan.toml` is there already", "--force"]);
    assert_eq!(std::fs::read_to_string(refused.folder.path().join("plan.toml")).unwrap(), "mine");
    let forced = Vajra::new(&[&words[..], &["--force"]].concat()).file("plan.toml", "mine").done();
    assert_eq!(forced.code, 0, "{}", forced.stderr);
    assert!(
        std::fs::read_to_string(forced.folder.path().join("plan.toml")).unwrap().starts_with("# Made by")
    );
}

#[test]
fn an_access_log_becomes_a_mix_or_stages_that_run() {
    let mut log = String::from("nonsense\n");
    for second in 0..40 {
        log.push_str(&line(second, &format!("/bytes/{}", 10 + second)));
        log.push_str(&line(second, "/"));
    }
    for (shape, parts) in
        [("mix", ["rate = \"2\"", "/bytes/{{rand 10 49}}"]), ("stages", ["[[load.stages]]", "weight = 40"])]
    {
        let words =
            ["import", "log", "access.log", "--url", "http://127.0.0.1:1", "--as", shape, "-o", "plan.toml"];
        let done = Vajra::new(&words).file("access.log", &log).done();
        assert_eq!(done.code, 0, "{}", done.stderr);
        done.assert_says(&["1 line has another form", "the first is line 1: nonsense"]);
        let plan = std::fs::read_to_string(done.folder.path().join("plan.toml")).unwrap();
        parts.iter().for_each(|part| assert!(plan.contains(part), "{part}: {plan}"));
        checked(&done, "testbed:/");
    }
}

#[test]
fn a_recording_becomes_steps() {
    let har = r#"{"log": {"entries": [{"startedDateTime": "2026-11-28T12:00:00.000Z", "time": 5,
        "request": {"method": "GET", "url": "http://127.0.0.1:1/bytes/1", "headers": []},
        "response": {"status": 200, "headers": [], "content": {"mimeType": "text/html", "text": "x"}}}]}}"#;
    let done = Vajra::new(&["import", "har", "a.har"]).file("a.har", har).done();
    assert_eq!((done.code, done.stderr.as_str()), (0, ""));
    assert!(
        done.stdout
            .ends_with("[[step]]\nname = \"GET /bytes/1\"\nget = \"/bytes/1\"\ncheck = \"status == 200\"\n"),
        "{}",
        done.stdout
    );
    let done = Vajra::new(&["import", "har", "a.har", "-o", "plan.toml"]).file("a.har", har).done();
    checked(&done, "testbed:/");
}

#[test]
fn an_openapi_document_becomes_a_mix_that_runs() {
    let document = "openapi: 3.1.0\nservers: [{url: 'http://127.0.0.1:1'}]\npaths:\n  /bytes/{n}:\n    get:\n      parameters:\n      - \
                    {name: n, in: path, required: true, schema: {type: integer, minimum: 1, maximum: 99}}\n";
    let done =
        Vajra::new(&["import", "openapi", "api.yaml", "-o", "plan.toml"]).file("api.yaml", document).done();
    assert_eq!((done.code, done.stderr.as_str()), (0, ""));
    checked(&done, "testbed:/");
}

#[test]
fn what_cannot_be_imported_is_told_with_place_cause_and_fix() {
    for (words, name, text, parts) in [
        (
            &["import", "har", "a.har"][..],
            "a.har",
            "<html>",
            &["it is no JSON", "--> a.har, line 1, column 1", "help:"][..],
        ),
        (&["import", "har", "no.har"], "a.har", "", &["`no.har` cannot be read", "help:"]),
        (
            &["import", "log", "a.log", "--url", "http://h"],
            "a.log",
            "what is this\n",
            &["what is this", "--> a.log, line 1", "combined"],
        ),
        (&["import", "log", "a.log"], "a.log", "", &["the log is empty"]),
        (
            &["import", "openapi", "a.yaml"],
            "a.yaml",
            "swagger: '2.0'\n",
            &["Swagger 2.0", "--> a.yaml", "convert it"],
        ),
        (&["import", "curl", "wget http://h/"], "x", "", &["there is no curl command", "help:"]),
        (&["import", "curl", "curl 'http://h"], "x", "", &["is not closed", "--> line 1"]),
        (&["import", "log", "a.gz", "--url", "http://h"], "a.gz", "\u{1f}", &["no line has the form"]),
        (&["import"], "x", "", &["vajra import"]),
        (&["import", "hra", "x"], "x", "", &["did you mean `har`?"]),
    ] {
        let done = Vajra::new(words).file(name, text).done();
        assert_eq!((done.code, done.stdout.as_str()), (2, ""), "{words:?}: {}", done.stderr);
        done.assert_says(parts);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.log.gz");
    std::fs::write(&path, b"\x1f\x8b\x08 and so on").unwrap();
    let path = path.display().to_string();
    let done = Vajra::new(&["import", "log", &path, "--url", "http://h"]).done();
    assert_eq!(done.code, 2);
    done.assert_says(&["is compressed", "zcat"]);
    std::fs::write(&path, b"{\"log\": \xff}").unwrap();
    let done = Vajra::new(&["import", "har", &path]).done();
    assert_eq!(done.code, 2);
    done.assert_says(&["it is not text in UTF-8, from byte 8 on"]);
}

#[test]
fn a_large_recording_is_read_without_its_left_out_bodies() {
    // 200 pictures of 100 kB between two pages: what is imported is small, whatever stands between.
    let entry = |path: &str, kind: &str, text: &str| {
        format!(
            r#"{{"startedDateTime": "2026-11-28T12:00:00.000Z", "time": 5, "request": {{"method": "GET", "url": "http://h{path}", "headers": []}},
                "response": {{"status": 200, "headers": [], "content": {{"mimeType": "{kind}", "text": "{text}"}}}}}}"#
        )
    };
    let mut har = format!(r#"{{"log": {{"entries": [{}"#, entry("/a", "text/html", "x"));
    for number in 0..200 {
        let _ = write!(har, ",{}", entry(&format!("/{number}.png"), "image/png", &"A".repeat(100_000)));
    }
    let _ = write!(har, ",{}]}}}}", entry("/b", "text/html", "x"));
    let done = Vajra::new(&["import", "har", "-", "-o", "plan.toml"]).input(&har).done();
    assert_eq!(done.code, 0, "{}", done.stderr);
    done.assert_says(&["200 for static assets"]);
    let plan = std::fs::read_to_string(done.folder.path().join("plan.toml")).unwrap();
    assert_eq!(plan.matches("[[step]]").count(), 2);
}

#[test]
fn a_session_that_was_recorded_twice_is_let_in_with_its_own_token_and_cookie() {
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/import/tests/data");
    let (first, second) = (format!("{data}/session-1.har"), format!("{data}/session-2.har"));
    let done = Vajra::new(&["import", "har", &first, &second, "--no-think", "-o", "plan.toml"]).done();
    assert_eq!(done.code, 0, "{}", done.stderr);
    let plan = std::fs::read_to_string(done.folder.path().join("plan.toml")).unwrap();
    assert!(plan.contains("cookies = true"), "{plan}");
    let testbed = peers::testbed(&[]);
    let words = ["--url", &testbed.url("/"), "-R", "50", "-d", "2s", "--force"];
    let run = Vajra::run("plan.toml", &words).file("plan.toml", &plan).variable("PASS", "p").done();
    run.assert_none_failed(100);
    assert!(run.report["requests"]["status"].get("401").is_none(), "{}", run.stdout);
    assert_eq!(run.count("/requests/failed"), 0, "{}", run.stdout);
}

#[test]
fn a_recorded_timeline_keeps_its_moments() {
    let entry = |ms: u64, path: &str| {
        format!(
            r#"{{"startedDateTime": "2026-11-28T12:00:00.{ms:03}Z", "time": 5,
            "request": {{"method": "GET", "url": "http://127.0.0.1:1{path}", "headers": []}},
            "response": {{"status": 200, "headers": [], "content": {{"mimeType": "text/html", "text": "x"}}}}}}"#
        )
    };
    let har = format!(r#"{{"log": {{"entries": [{}, {}]}}}}"#, entry(100, "/"), entry(400, "/bytes/1"));
    let words = ["import", "har", "a.har", "--timeline", "-o", "plan.toml"];
    let done = Vajra::new(&words).file("a.har", &har).done();
    assert_eq!(done.code, 0, "{}", done.stderr);
    let plan = std::fs::read_to_string(done.folder.path().join("plan.toml")).unwrap();
    assert!(plan.contains("timeline = \"recorded\"") && plan.contains("at = \"300ms\""), "{plan}");
    checked(&done, "testbed:/");
    let run = Vajra::run("plan.toml", &["--url", "testbed:/", "-d", "1s", "-R", "20", "--force"])
        .file("plan.toml", &plan)
        .done();
    run.assert_none_failed(20);
    // No iteration is shorter than the moment of its last step, and that is no wait of its user.
    assert!(run.count("/iterations/duration_ns/min") >= 300_000_000, "{}", run.stdout);
    assert!(run.count("/iterations/iteration_ns/min") < 300_000_000, "{}", run.stdout);
    // As a report, the plan has its moments still.
    let again = Vajra::run("report.json", &["-d", "1s"]).file("report.json", &run.report.to_string()).done();
    again.assert_none_failed(20);
}
