//! What is done before the start: its values in every request, taken anew in the run, and what is told where it fails.

use crate::peers::{self, scripted};
use crate::vajra::{Done, Vajra, one_line};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

const SECRET: &str = "s3cret";
const SIGINT: i32 = 2;

/// What the testbed says of who came.
fn ledger(port: u16) -> Value {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(b"GET /ledger HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    serde_json::from_str(response.split_once("\r\n\r\n").unwrap().1).unwrap()
}

/// Answers each request of a connection, its head and its body, with a status and a body.
fn answer_all(mut stream: TcpStream, answer: impl Fn(&str, &str) -> (u16, String)) {
    loop {
        let (mut head, mut byte) = (String::new(), [0]);
        while !head.ends_with("\r\n\r\n") {
            if !stream.read(&mut byte).is_ok_and(|bytes| bytes == 1) {
                return;
            }
            head.push(byte[0] as char);
        }
        let length = head
            .to_ascii_lowercase()
            .split("content-length: ")
            .nth(1)
            .map(|rest| rest.split("\r\n").next().unwrap().parse::<usize>().unwrap());
        let mut body = vec![0; length.unwrap_or(0)];
        if stream.read_exact(&mut body).is_err() {
            return;
        }
        let (status, said) = answer(&head, &String::from_utf8_lossy(&body));
        let response = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n{said}", said.len());
        if stream.write_all(response.as_bytes()).is_err() {
            return;
        }
    }
}

/// A server of tokens, and what it saw: the bodies of those who asked for one, and how often each `Authorization` came.
#[derive(Clone, Default)]
struct Seen {
    asked: Arc<Mutex<Vec<String>>>,
    shown: Arc<Mutex<BTreeMap<String, u64>>>,
}

/// The value of a header, or nothing.
fn header<'a>(head: &'a str, name: &str) -> &'a str {
    let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}:")));
    line.map_or("", |line| line.split_once(": ").unwrap().1)
}

/// `token` says what the server answers to who asks for a token for the nth time.
fn tokens(token: impl Fn(usize) -> (u16, String) + Send + Clone + 'static) -> (u16, Seen) {
    let seen = Seen::default();
    let kept = seen.clone();
    let port = scripted(move |stream| {
        answer_all(stream, |head, body| {
            let shown = header(head, "authorization").to_owned();
            if head.starts_with("POST /token") {
                let mut asked = kept.asked.lock().unwrap();
                asked.push(format!("{body}{shown}"));
                return token(asked.len());
            }
            *kept.shown.lock().unwrap().entry(shown).or_default() += 1;
            (200, String::new())
        });
    });
    (port, seen)
}

/// A plan whose requests carry the token that its setup fetches.
fn plan(url: &str, more: &str, setup: &str) -> String {
    format!(
        "url = '{url}'\nbearer = '{{{{token}}}}'\nrun = {{ duration = '1s', connections = 4 }}\nload = {{ rate = 100 }}\n{more}\n\
         [setup]\n{setup}\n[[setup.step]]\nname = 'login'\npost = '/session'\njson = {{ name = 'ann', pass = '{SECRET}' }}\n\
         check = 'status == 201'\nextract = {{ token = 'json /token' }}\n[[request]]\nget = '/private?user=ann'\n"
    )
}

fn run(plan: &str, words: &[&str]) -> Done {
    Vajra::run("plan.toml", &[&["--force"], words].concat()).file("plan.toml", plan).done()
}

#[test]
fn every_request_carries_what_was_fetched_before_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem").display().to_string();
    let tls = format!("tls = {{ ca = '{ca}' }}");
    for (words, more) in [
        (&[][..], String::new()),
        (&[], "http = { version = '2-prior-knowledge', streams = 4 }".to_owned()),
        (&["--tls", "--tls-ca", &ca], tls.clone()),
        (&["--tls", "--tls-ca", &ca], format!("{tls}\nhttp = {{ version = '2', streams = 4 }}")),
    ] {
        let testbed = peers::testbed(words);
        let is_tls = !words.is_empty();
        let url = testbed.url("/");
        let url = if is_tls { url.replace("http:", "https:") } else { url };
        let done = run(&plan(&url, &more, ""), &["-t", "2"]);
        assert!([0, 3].contains(&done.code), "{more}: {}{}", done.stdout, done.stderr);
        done.assert_accounted();
        done.assert_none_failed(100);
        assert_eq!(done.count("/setup/refreshes"), 0);
        // What stays as it is has been filled in: the requests are plain ones.
        assert!(done.report.get("iterations").is_none(), "{more}");
        let everything = format!("{}{}{}", done.stdout, done.stderr, done.report);
        assert!(!everything.contains(SECRET), "{everything}");
        if !is_tls && more.is_empty() {
            let ledger = ledger(testbed.port);
            assert_eq!((&ledger["logins"], &ledger["unauthorized"]), (&1.into(), &0.into()), "{ledger}");
        }
    }
}

#[test]
fn steps_of_flows_know_it_and_later_steps_know_earlier_ones() {
    let (port, seen) = tokens(|_| (200, "{\"id\": 7}".to_owned()));
    let plan = format!(
        "url = 'http://127.0.0.1:{port}/'\nrun = {{ duration = '1s', connections = 4, shards = 2 }}\nload = {{ rate = 50 }}\n\
         [[setup.step]]\npost = '/token'\nbody = 'one'\nextract = {{ id = 'json /id' }}\n\
         [[setup.step]]\npost = '/token?of={{{{id}}}}'\nbody = 'two-{{{{id}}}}'\nextract = {{ again = 'json /id' }}\n\
         [[step]]\nbearer = '{{{{id}}}}-{{{{again}}}}'\nif = 'id == 7'\n[[step]]\npost = '/never'\nif = 'id == 8'\n"
    );
    let done = run(&plan, &[]);
    done.assert_accounted();
    let ok = done.assert_none_failed(50);
    assert_eq!(done.count("/requests/ok"), ok, "{}", done.stdout);
    assert_eq!(*seen.asked.lock().unwrap(), ["one", "two-7"]);
    assert_eq!(*seen.shown.lock().unwrap(), BTreeMap::from([("Bearer 7-7".to_owned(), ok)]));
}

#[test]
fn values_are_taken_anew_and_nothing_fails_meanwhile() {
    let (port, seen) = tokens(|turn| (200, format!("{{\"token\": \"t{turn}\"}}")));
    let plan = format!(
        "url = 'http://127.0.0.1:{port}/'\nbearer = '{{{{token}}}}'\nrun = {{ duration = '3s', connections = 4, shards = 2 }}\nload = {{ rate = 200 }}\n\
         setup.refresh = '200ms'\n[[setup.step]]\npost = '/token'\nextract = {{ token = 'json /token' }}\n"
    );
    let done = run(&plan, &[]);
    done.assert_accounted();
    done.assert_none_failed(600);
    let (refreshes, asked) = (done.count("/setup/refreshes"), seen.asked.lock().unwrap().len() as u64);
    assert!(refreshes >= 1 && done.count("/setup/failed") == 0, "{}", done.report["setup"]);
    // One may be under way when the run ends.
    assert!((refreshes + 1..=refreshes + 2).contains(&asked), "{refreshes} of {asked}");
    let shown = seen.shown.lock().unwrap();
    assert!(shown.len() > 1, "{shown:?}");
    let is_given = |shown: &String| (1..=asked).any(|turn| *shown == format!("Bearer t{turn}"));
    assert!(shown.keys().all(is_given), "{shown:?}");
    assert!(done.stdout.contains("Setup") && done.stdout.contains("refreshed"), "{}", done.stdout);
}

#[test]
fn what_cannot_be_taken_anew_stays_and_is_told() {
    let (port, seen) = tokens(|turn| match turn {
        1 => (200, "{\"token\": \"good\"}".to_owned()),
        _ => (503, format!("{{\"error\": \"busy\", \"token\": \"{SECRET}\"}}")),
    });
    let plan = format!(
        "url = 'http://127.0.0.1:{port}/'\nbearer = '{{{{token}}}}'\nrun = {{ duration = '2s', connections = 4 }}\nload = {{ rate = 100 }}\n\
         setup.refresh = '100ms'\n[[setup.step]]\nname = 'login'\npost = '/token'\nextract = {{ token = 'json /token' }}\n"
    );
    let done = run(&plan, &[]);
    done.assert_accounted();
    let ok = done.assert_none_failed(200);
    assert_eq!(*seen.shown.lock().unwrap(), BTreeMap::from([("Bearer good".to_owned(), ok)]));
    assert!(
        done.count("/setup/failed") >= 1 && done.count("/setup/refreshes") == 0,
        "{}",
        done.report["setup"]
    );
    let reason = done.report.pointer("/setup/reason").unwrap().as_str().unwrap();
    assert!(reason.contains("`login`") && reason.contains("503") && reason.contains("busy"), "{reason}");
    assert!(!reason.contains(SECRET) && !done.stdout.contains(SECRET), "{reason}");
}

#[test]
fn a_token_of_oauth_is_fetched_and_fetched_again_before_it_expires() {
    let (port, seen) =
        tokens(|turn| (200, format!("{{\"access_token\": \"t{turn}\", \"expires_in\": 0.5}}")));
    let plan = format!(
        "url = 'http://127.0.0.1:{port}/'\nbearer = '{{{{token}}}}'\nrun = {{ duration = '3s', connections = 4 }}\nload = {{ rate = 100 }}\n\
         [setup.oauth]\ntoken_url = 'http://127.0.0.1:{port}/token'\nclient_id = 'me'\nclient_secret = '{{{{env CLIENT_SECRET}}}}'\nscope = 'read'\n"
    );
    let run = Vajra::run("plan.toml", &["--force"]).file("plan.toml", &plan);
    let done = run.variable("CLIENT_SECRET", SECRET).done();
    done.assert_accounted();
    done.assert_none_failed(300);
    assert!(done.count("/setup/refreshes") >= 1, "{}", done.report["setup"]);
    let asked = seen.asked.lock().unwrap();
    let form = format!("grant_type=client_credentials&client_id=me&client_secret={SECRET}&scope=read");
    assert!(asked.iter().all(|body| *body == form), "{asked:?}");
    assert!(seen.shown.lock().unwrap().len() > 1);
    assert!(!format!("{}{}", done.report, done.stdout).contains(SECRET));
}

#[test]
fn a_setup_that_fails_ends_the_command_before_the_run() {
    let (port, seen) =
        tokens(|_| (401, format!("{{\"error\": \"invalid_client\", \"secret\": \"{SECRET}\"}}")));
    let nobody = peers::free_port();
    let refused = format!("http://127.0.0.1:{nobody}/");
    let url = format!("http://127.0.0.1:{port}/");
    for (setup_url, step, told) in [
        (
            &url,
            "post = '/token'",
            &["`login`", "401", "that is no success", "invalid_client", "check its method"][..],
        ),
        (&url, "post = '/token'\ncheck = 'status == 200'", &["401", "`status == 200` did not hold"]),
        (&url, "post = '/token'\ncheck = 'status == 401'", &["no `token` was found (json /token)"]),
        (&url, "get = '/other'", &["200", "no `token` was found"]),
        (&refused, "post = '/token'", &["refuses connections"]),
    ] {
        let plan = format!(
            "url = '{url}'\nrun.duration = '1s'\nload = {{ rate = 10 }}\n[setup]\nurl = '{setup_url}'\n\
             [[setup.step]]\nname = 'login'\n{step}\nextract = {{ token = 'json /token' }}\n\
             [[request]]\nget = '/of-the-run'\nbearer = '{{{{token}}}}'\n"
        );
        seen.shown.lock().unwrap().clear();
        let done = run(&plan, &[]);
        assert_eq!(done.code, 4, "{step}: {}", done.stderr);
        done.assert_says(told);
        assert!(!done.stderr.contains(SECRET), "{}", done.stderr);
        assert!(!done.report.is_object(), "{step}");
        assert!(
            seen.shown.lock().unwrap().keys().all(|shown| shown.is_empty()),
            "nothing of the run was sent"
        );
    }
}

#[test]
fn a_value_that_would_end_its_header_ends_the_command() {
    let (port, _) = tokens(|_| (200, "{\"token\": \"a\\r\\nX-Evil: 1\"}".to_owned()));
    let plan = format!(
        "url = 'http://127.0.0.1:{port}/'\nbearer = '{{{{token}}}}'\nrun.duration = '1s'\nload = {{ rate = 10 }}\n\
         [[setup.step]]\npost = '/token'\nextract = {{ token = 'json /token' }}\n"
    );
    let done = run(&plan, &[]);
    assert_eq!(done.code, 4, "{}", done.stderr);
    done.assert_says(&["`token` of the setup cannot stand in"]);
    assert!(!done.stderr.contains("Evil"), "{}", done.stderr);
}

#[test]
fn check_shows_the_setup_and_sends_nothing_of_it() {
    let testbed = peers::testbed(&[]);
    let done = Vajra::new(&["check", "plan.toml"])
        .file("plan.toml", &plan(&testbed.url("/"), "", "refresh = '50m'"))
        .done();
    let said = one_line(&done.stdout);
    assert!(
        said.contains("PASS setup: 1 request before the start: login; for token; again every 50m"),
        "{said}"
    );
    assert_eq!(ledger(testbed.port)["logins"], 0);
}

#[test]
fn a_setup_that_hangs_ends_at_a_signal() {
    let port = scripted(|mut stream| {
        // Reads what comes and says nothing.
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
    });
    let plan = format!(
        "url = 'http://127.0.0.1:{port}/'\nrun = {{ duration = '1s', timeout = '10m' }}\nload = {{ rate = 10 }}\n\
         [[setup.step]]\npost = '/token'\n[[request]]\npost = '/a'\n"
    );
    let running = Vajra::run("plan.toml", &["--force"]).file("plan.toml", &plan).start();
    running.await_thread("setup");
    running.signal(SIGINT);
    let done = running.done();
    assert_eq!(done.code, 130, "{}", done.stderr);
}

#[test]
fn bearer_and_basic_are_sent_as_the_header() {
    for (line, sent) in [
        ("bearer = '{{env WHO}}'", "Bearer s3cret"),
        // RFC 7617, section 2.
        ("basic = { user = 'Aladdin', password = 'open sesame' }", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
    ] {
        let (port, seen) = tokens(|_| (200, String::new()));
        let plan =
            format!("url = 'http://127.0.0.1:{port}/'\n{line}\nrun = {{ requests = 10, connections = 1 }}\n");
        let done =
            Vajra::run("plan.toml", &["--force"]).file("plan.toml", &plan).variable("WHO", SECRET).done();
        done.assert_accounted();
        // One more was sent by preflight.
        assert_eq!(*seen.shown.lock().unwrap(), BTreeMap::from([(sent.to_owned(), 11)]), "{line}");
        let written = format!("{}{}{}", done.report, done.stdout, done.stderr);
        assert!(!written.contains(SECRET) && !written.contains("QWxhZGRp"), "{written}");
    }
}
