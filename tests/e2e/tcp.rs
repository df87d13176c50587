//! Streams of bytes, as real servers speak them, with and without TLS.

use crate::peers::certificates::KeyKind;
use crate::peers::{self, Peer, streams};
use crate::vajra::{Done, Vajra, one_line};
use std::io::Write;

fn url(server: &Peer) -> String {
    at(server.port)
}

fn at(port: u16) -> String {
    format!("tcp://127.0.0.1:{port}")
}

fn run(server: &Peer, words: &[&str]) -> Done {
    accounted(Vajra::run(&url(server), words).done())
}

fn run_plan(plan: &str) -> Done {
    accounted(Vajra::run("plan.toml", &[]).file("plan.toml", plan).done())
}

/// What is found before a run.
fn found(url: &str, words: &[&str]) -> String {
    one_line(&Vajra::new(&[&["check", url], words].concat()).done().stdout)
}

/// Everything that was sent has ended, and no success is called anything but what it is.
fn accounted(done: Done) -> Done {
    if done.report.is_object() {
        done.assert_accounted();
        let statuses = done.report["requests"]["status"].as_object().unwrap();
        assert!(statuses.keys().all(|status| matches!(status.as_str(), "REPLIED" | "SENT")), "{statuses:?}");
    }
    done
}

fn assert_all_ok(done: &Done, messages: u64) {
    let counts = (done.count("/requests/ok"), done.count("/requests/failed"));
    assert_eq!(
        counts,
        (messages, 0),
        "{}\n{}\n{}",
        done.stderr,
        done.report["requests"],
        done.report["reasons"]
    );
}

#[test]
fn a_url_alone_sends_a_line_and_gets_it_back() {
    let server = streams::echo(false, &[]);
    let done = run(&server, &["-n", "2000", "-c", "8"]);
    assert_all_ok(&done, 2_000);
    assert_eq!(done.count("/bytes/sent"), 2_000 * 6, "`hello` and the end of its line");
    assert_eq!(done.count("/bytes/received"), 2_000 * 6);
    assert_eq!(done.count("/connections/attempts/made"), 8, "{}", done.report["connections"]);
    assert_eq!(done.report["requests"]["status"], serde_json::json!({ "REPLIED": 2_000 }));
    assert!(!done.stdout.contains("Status"), "{}", done.stdout);
}

#[test]
fn an_open_loop_keeps_its_rate() {
    let server = streams::echo(false, &[]);
    let done = run(&server, &["-R", "500", "-d", "2s", "-c", "4"]);
    assert_eq!((done.arrivals(), done.count("/requests/failed")), (1_000, 0), "{}", done.report["requests"]);
}

#[test]
fn several_messages_are_under_way_on_a_connection() {
    let server = streams::echo(false, &["--service", "fixed:2ms"]);
    let done = run(&server, &["-n", "400", "-c", "2", "--pipeline", "16", "-b", "{{uuid}}\n"]);
    assert_all_ok(&done, 400);
    assert_eq!(done.count("/bytes/received"), 400 * 37);
}

#[test]
fn every_way_in_which_a_response_ends_ends_one() {
    let server = streams::echo(false, &[]);
    for (ends, message, bytes) in [
        ("delimiter:\\r\\n", "one\ntwo\r\n", 9),
        ("delimiter:END", "VALUE {{rand 10 99}} END", 12),
        ("delimiter:\\0", "a\0", 2),
        ("length:be16", "\0\x05hello", 7),
        ("length:le16", "\x05\0hello", 7),
        ("length:be32", "\0\0\0\x05hello", 9),
        ("length:le32", "\x05\0\0\0hello", 9),
        ("bytes:12", "{{rand 100000000000 999999999999}}", 12),
    ] {
        let words =
            ["-n", "200", "-c", "2", "--pipeline", "4", "--ends", ends, "--template", "-b", "@message"];
        let done = accounted(Vajra::run(&url(&server), &words).file("message", message).done());
        assert_all_ok(&done, 200);
        assert_eq!(done.count("/bytes/received"), 200 * bytes, "{ends}");
    }
}

#[test]
fn long_responses_of_a_known_length_come_whole() {
    let server = streams::echo(false, &[]);
    let message = "x".repeat(300_000);
    for (ends, pipeline) in [("bytes:300000", "1"), ("bytes:300000", "2"), ("delimiter:xy", "1")] {
        let words = ["-n", "40", "-c", "2", "--ends", ends, "--pipeline", pipeline, "-b", "@message"];
        let text = if ends.starts_with("bytes") { message.clone() } else { format!("{message}y") };
        let done = accounted(Vajra::run(&url(&server), &words).file("message", &text).done());
        assert_all_ok(&done, 40);
        assert_eq!(done.count("/bytes/received"), 40 * text.len() as u64, "{ends}");
    }
}

#[test]
fn a_stall_is_seen_in_response_times_and_hidden_in_service_times() {
    let server = streams::echo(false, &["--stall", "500ms/2s"]);
    let done = run(&server, &["-R", "500", "-c", "20", "-d", "4s", "--force"]);
    assert!(done.count("/response_ns/p99") >= 400_000_000, "{}", done.stdout);
    assert!(done.count("/service_ns/p50") < 100_000_000, "{}", done.stdout);
    assert_eq!(done.count("/requests/dropped") + done.count("/requests/failed"), 0);
}

#[test]
fn redis_answers_each_command() {
    let server = streams::redis();
    let ping = ["-n", "1000", "-c", "4", "--pipeline", "8", "--ends", "delimiter:\\r\\n", "-b", "PING\r\n"];
    let done = run(&server, &ping);
    assert_all_ok(&done, 1_000);
    assert_eq!(done.count("/bytes/received"), 1_000 * 7, "+PONG");
    let plan = format!(
        "url = '{}'\n[tcp]\nends = 'delimiter:\\r\\n'\n[run]\nrequests = 600\nconnections = 2\n\
         [[request]]\nname = 'set'\ntext = \"SET k{{{{seq}}}} v\\r\\n\"\nweight = 2\n\
         [[request]]\nname = 'incr'\ntext = \"INCR n\\r\\n\"\n",
        url(&server)
    );
    let done = run_plan(&plan);
    assert_all_ok(&done, 600);
    let steps = done.report["scenarios"][0]["steps"].as_array().unwrap();
    let ok = |name: &str| {
        steps.iter().find(|step| step["name"] == name).unwrap()["requests"]["ok"].as_u64().unwrap()
    };
    // The server has counted each of them, and one more command says how many.
    let words = ["-n", "1", "-c", "1", "--ends", "delimiter:\\r\\n", "-b", "INCR n\r\n"];
    let digits = (ok("incr") + 1).to_string().len() as u64;
    assert_eq!(run(&server, &words).count("/bytes/received"), 1 + digits + 2, "{steps:?}");
    assert_eq!(ok("set") + ok("incr"), 600);
}

#[test]
fn a_connection_may_end_with_its_response() {
    let port = streams::lines(|line, stream| {
        let _ = stream.write_all(format!("you said {line}, and that was all").as_bytes());
        let _ = stream.shutdown(std::net::Shutdown::Both);
    });
    let done = accounted(
        Vajra::run(&at(port), &["-n", "100", "-c", "4", "--ends", "close", "-b", "hello\n"]).done(),
    );
    assert_all_ok(&done, 100);
    assert_eq!(done.count("/connections/attempts/made"), 100, "one for each: {}", done.report["connections"]);
    assert_eq!(done.count("/bytes/received"), 100 * 32);
}

#[test]
fn messages_that_nobody_responds_to_go_out_and_all_arrive() {
    let (heard, hears) = std::sync::mpsc::channel();
    let port = streams::lines(move |line, _| heard.send(line.to_owned()).unwrap());
    let words = ["-R", "400", "-d", "2s", "-c", "4", "--ends", "none", "-b", "n={{seq}}\n"];
    let done = accounted(Vajra::run(&at(port), &words).done());
    assert_eq!((done.arrivals(), done.count("/requests/failed")), (800, 0), "{}", done.report["requests"]);
    let sent = done.count("/requests/ok");
    assert_eq!(done.report["requests"]["status"], serde_json::json!({ "SENT": sent }));
    let mut lines: Vec<String> = (0..sent).map(|_| hears.recv().unwrap()).collect();
    lines.sort();
    lines.dedup();
    assert_eq!(lines.len() as u64, sent, "each has a number of its own");
    assert_eq!(done.count("/bytes/received"), 0);
}

#[test]
fn a_target_that_speaks_first_is_waited_for() {
    let port = streams::greeting(b"220 mail ready\r\n", |_, stream| {
        let _ = stream.write_all(b"250 well met\r\n");
    });
    let plan = format!(
        "url = '{}'\n[tcp]\nends = 'delimiter:\\r\\n'\ngreeting = true\n[run]\nrequests = 200\nconnections = 4\n\
         [[request]]\ntext = \"HELO me\\r\\n\"\n",
        at(port)
    );
    let done = run_plan(&plan);
    assert_all_ok(&done, 200);
    assert_eq!(done.count("/bytes/received"), 200 * 14);
    assert_eq!(done.count("/connections/unasked_bytes"), 0, "a greeting that is waited for was asked for");
}

#[test]
fn tls_carries_it_and_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem").display().to_string();
    let server = streams::echo(true, &["--tls", "--tls-ca", &ca]);
    let url = format!("tls://127.0.0.1:{}", server.port);
    for more in
        [&[][..], &["--pipeline", "8"], &["--ends", "none"], &["--tls-max", "1.2"], &["--ends", "bytes:37"]]
    {
        let words = [&["--cacert", &ca, "-n", "500", "-c", "4", "-b", "{{uuid}}\n"], more].concat();
        let done = accounted(Vajra::run(&url, &words).done());
        assert_all_ok(&done, 500);
        assert_eq!(done.count("/connections/attempts/tls_ns/count"), 4, "{more:?}");
    }
    let found = found(&url, &["--cacert", &ca]);
    assert!(found.contains("TLS 1.3") && found.contains("waits to be asked"), "{found}");
}

#[test]
fn socat_returns_it_inside_tls_of_openssl() {
    let (authority, signed) = peers::secured::signed(KeyKind::Ecdsa);
    let server = streams::socat(&signed);
    let url = format!("tls://localhost:{}", server.port);
    let words = ["--cacert", &authority.ca(), "-n", "300", "-c", "3", "-b", "n={{seq}} {{uuid}}\n"];
    let done = accounted(Vajra::run(&url, &words).done());
    assert_all_ok(&done, 300);
    assert_eq!(done.count("/bytes/sent"), done.count("/bytes/received"));
}

#[test]
fn what_a_message_comes_to_is_looked_at_where_that_is_asked_for() {
    let server = streams::echo(false, &[]);
    for (words, says) in [
        (&[][..], "waits to be asked; responses end by delimiter:\\n"),
        (&[], "message: not sent"),
        (&["--probe-all"], "message → a response of 6 bytes"),
        (&["--probe-all", "--ends", "none"], "message → sent"),
    ] {
        let found = found(&url(&server), words);
        assert!(found.contains(says), "{found}");
    }
}

#[test]
fn it_stands_beside_http_in_one_plan() {
    let (api, server) = (peers::testbed(&[]), streams::redis());
    let plan = format!(
        "[target.api]\nurl = '{}'\nhttp.reuse = true\nheaders.Accept = '*/*'\n\
         [target.cache]\nurl = '{}'\ntcp.ends = 'delimiter:\\r\\n'\npipeline = 4\n\
         [scenario.read]\ntarget = 'api'\nrequests = 300\n[scenario.look]\ntarget = 'cache'\nrequests = 300\n\
         [[scenario.look.request]]\ntext = \"PING\\r\\n\"\n[run]\nconnections = 2\n",
        api.url("/bytes/10"),
        url(&server)
    );
    let done = Vajra::run("plan.toml", &[]).file("plan.toml", &plan).done();
    assert_eq!((done.count("/requests/ok"), done.count("/requests/failed")), (600, 0), "{}", done.stderr);
    assert_eq!(done.report["requests"]["status"], serde_json::json!({ "200": 300, "REPLIED": 300 }));
}

#[test]
fn a_run_can_be_repeated_from_its_report() {
    let server = streams::redis();
    let first = run(&server, &["-n", "50", "-c", "2", "--ends", "delimiter:\\r\\n", "-b", "PING\r\n"]);
    assert_all_ok(&first, 50);
    let report = first.folder.path().join("report.json").display().to_string();
    let again = accounted(Vajra::run(&report, &["-n", "30", "-b", "ECHO x\r\n", "--pipeline", "2"]).done());
    assert_all_ok(&again, 30);
    assert_eq!(
        again.report["plan"]["targets"][0]["protocol"]["tcp"]["ends"],
        first.report["plan"]["targets"][0]["protocol"]["tcp"]["ends"]
    );
}

#[test]
fn a_password_in_a_message_is_sent_and_written_nowhere() {
    let (heard, hears) = std::sync::mpsc::channel();
    let port = streams::lines(move |line, stream| {
        heard.send(line.to_owned()).unwrap();
        let _ = stream.write_all(b"ok\n");
    });
    let done = accounted(Vajra::run(&at(port), &["-n", "3", "-b", "password=s3cret\n"]).done());
    assert_all_ok(&done, 3);
    assert_eq!(hears.recv().unwrap(), "password=s3cret", "the message is sent as it is");
    let text = [done.stdout, done.stderr, done.report.to_string()].concat();
    assert!(!text.contains("s3cret"), "{text}");
}
