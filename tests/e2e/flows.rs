//! Flows against the testbed's logins and ledger, and what is told of flows that cannot be.

use crate::peers;
use crate::vajra::{Vajra, one_line};
use serde_json::Value;
use std::io::Read;

/// What the testbed says of who came.
pub(crate) fn ledger(url: &str) -> Value {
    let address = url.strip_prefix("http://").and_then(|rest| rest.split('/').next()).unwrap();
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    let request = format!("GET /ledger HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    std::io::Write::write_all(&mut stream, request.as_bytes()).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    let body = response.split_once("\r\n\r\n").unwrap().1;
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {response}"))
}

fn users(rows: usize) -> String {
    let row = |row: usize| format!("{row},user-{row},\"p,{row}\"\n");
    "id,name,pass\n".to_owned() + &(0..rows).map(row).collect::<String>()
}

#[test]
fn each_session_has_its_own_token_and_each_row_is_used_once() {
    for shards in ["1", "2"] {
        let testbed = peers::testbed(&[]);
        let plan = format!(
            "url = '{}'\nrun = {{ duration = '2s', connections = 16, shards = {shards} }}\nload = {{ rate = 150, arrivals = 'poisson' }}\n\
             [feed.user]\nfile = 'users.csv'\nrows = 'unique'\n\
             [[step]]\nname = 'note'\npost = '/ledger?id={{{{user.id}}}}'\ncheck = \"json /is == first\"\n\
             [[step]]\nname = 'login'\npost = '/session'\njson = {{ name = '{{{{user.name}}}}', pass = '{{{{user.pass}}}}' }}\n\
             check = ['status == 201', 'json /user exists']\nextract = {{ token = 'json /token' }}\nthink = 'exp:20ms'\n\
             [[step]]\nname = 'private'\nget = '/private?user={{{{user.name}}}}'\nheaders.Authorization = 'Bearer {{{{token}}}}'\n\
             repeat = '1..3'\ncheck = 'status == 200'\n\
             [[step]]\nname = 'logout'\ndelete = '/session'\nheaders.Authorization = 'Bearer {{{{token}}}}'\nalways = true\n\
             check = 'status == 204'\n",
            testbed.url("/")
        );
        let done = Vajra::run("plan.toml", &["--force"])
            .file("plan.toml", &plan)
            .file("users.csv", &users(2_000))
            .done();
        assert!([0, 3].contains(&done.code), "{}{}", done.stdout, done.stderr);
        done.assert_accounted();
        let iterations = done.count("/iterations/ok");
        assert_eq!(
            done.count("/iterations/failed") + done.count("/iterations/unfinished"),
            0,
            "{}",
            done.stdout
        );
        assert!(iterations > 200, "{}", done.stdout);
        let ledger = ledger(&testbed.url("/"));
        assert_eq!(ledger["logins"].as_u64(), Some(iterations), "{ledger}");
        for (key, count) in [("entries", iterations), ("distinct", iterations), ("repeated", 0)] {
            assert_eq!(ledger[key].as_u64(), Some(count), "{shards} shards, {key}: {ledger}");
        }
        for key in ["mismatches", "unauthorized", "logged_in"] {
            assert_eq!(ledger[key].as_u64(), Some(0), "{shards} shards, {key}: {ledger}");
        }
    }
}

#[test]
fn a_session_that_keeps_cookies_is_known_and_one_that_does_not_is_refused() {
    for (cookies, http) in [
        (true, "headers.Cookie = 'own=1'"),
        (false, ""),
        (true, "http = { version = '2-prior-knowledge' }"),
        (false, "http = { version = '2-prior-knowledge' }"),
    ] {
        let testbed = peers::testbed(&[]);
        let plan = format!(
            "url = '{}'\nrun = {{ duration = '1s', connections = 8, shards = 2 }}\nload = {{ rate = 40 }}\ncookies = {cookies}\n{http}\n\
             [[step]]\npost = '/session'\njson = {{ name = 'user-{{{{seq}}}}', pass = 'p' }}\n\
             [[step]]\nget = '/private?user=user-{{{{seq}}}}'\non_failure = 'continue'\n\
             [[step]]\ndelete = '/session'\n",
            testbed.url("/")
        );
        let done = Vajra::run("plan.toml", &["--force"]).file("plan.toml", &plan).done();
        done.assert_accounted();
        // A busy machine may leave some of 40 unsent.
        let ended = ["ok", "failed", "unsent"].map(|key| done.count(&format!("/iterations/{key}")));
        let begun = ended[0] + ended[1];
        let refused = if cookies { 0 } else { begun };
        assert!(begun > 0 && ended.iter().sum::<u64>() == 40, "{}", done.stdout);
        assert_eq!(ended[1], refused, "{}", done.stdout);
        let ledger = ledger(&testbed.url("/"));
        // Who is not known is refused twice, at the page and when leaving; and the page is asked for once before the run, where that is
        // sent as it is.
        let unauthorized = if cookies { 0 } else { 2 * refused + 1 };
        for (key, count) in
            [("logins", begun), ("mismatches", 0), ("unauthorized", unauthorized), ("logged_in", refused)]
        {
            assert_eq!(ledger[key].as_u64(), Some(count), "cookies = {cookies}, {key}: {ledger}");
        }
    }
}

#[test]
fn cookies_over_anything_but_http_are_refused_before_anything_is_sent() {
    for (plan, problem) in [
        (
            "url = 'http://127.0.0.1:9'\ncookies = true\nload = { rate = 1 }\n[[request]]\nget = '/'\n",
            "begins without cookies",
        ),
        (
            "url = 'udp://127.0.0.1:9'\ncookies = true\nload = { rate = 1 }\n[[step]]\ntext = 'x'\n",
            "cookies are of HTTP",
        ),
        (
            "url = 'grpc://127.0.0.1:9'\ngrpc = { reflection = true }\ncookies = true\nload = { rate = 1 }\n[[step]]\ncall = 'a.B/C'\n",
            "cookies are of HTTP",
        ),
    ] {
        let done = Vajra::new(&["check", "plan.toml"]).file("plan.toml", plan).done();
        assert_eq!(done.code, 2, "{}", done.stdout);
        done.assert_says(&[problem, "leave `cookies` out"]);
    }
}

#[test]
fn a_feed_that_is_used_up_ends_its_scenario_or_fails_what_comes_then() {
    for (at_end, failed) in [("stop", 0), ("fail", 60)] {
        let plan = format!(
            "url = 'testbed:'\nrun = {{ duration = '1s', connections = 8 }}\nload = {{ rate = 100 }}\n[feed.user]\nfile = 'users.csv'\n\
             rows = 'unique'\nat_end = '{at_end}'\n[[step]]\nget = '/?n={{{{user.name | url}}}}'\n"
        );
        let done = Vajra::run("plan.toml", &["--force"])
            .file("plan.toml", &plan)
            .file("users.csv", &users(40))
            .done();
        let ends =
            (done.count("/iterations/ok"), done.count("/iterations/failed"), done.count("/requests/sent"));
        assert_eq!(ends, (40, failed, 40), "{at_end}: {}", done.stdout);
        if failed > 0 {
            assert!(done.stdout.contains("no row was left in a data file"), "{}", done.stdout);
        }
    }
}

#[test]
fn a_value_that_never_comes_is_counted_and_said() {
    let plan = "url = 'testbed:'\nrun = { duration = '1s', connections = 4 }\nload = { rate = 40 }\n\
                [[step]]\nname = 'look'\nget = '/bytes/20'\nextract = { id = 'json /id' }\n[[step]]\nname = 'use'\nget = '/{{id}}'\n";
    let done = Vajra::run("plan.toml", &["--force"]).file("plan.toml", plan).done();
    done.assert_accounted();
    assert_eq!((done.errors("extract"), done.count("/iterations/failed")), (40, 40), "{}", done.stdout);
    assert_eq!(done.count("/requests/sent"), 40, "what needs it is not sent");
    let said = one_line(&done.stdout);
    assert!(said.contains("extract 40") && said.contains("the body is not JSON"), "{}", done.stdout);
}

#[test]
fn a_value_that_may_not_stand_in_a_header_never_reaches_the_wire() {
    let plan = "url = 'testbed:'\nrun = { duration = '1s', connections = 4 }\nload = { rate = 20 }\n[feed.user]\nfile = 'users.csv'\n\
                [[step]]\nget = '/'\nheaders.X-Name = '{{user.name}}'\n";
    let done = Vajra::run("plan.toml", &["--force"])
        .file("plan.toml", plan)
        .file("users.csv", "name\nann\n\"b\nX-Injected: 1\"\n")
        .done();
    // Rows come in turns, and every other one is refused; a busy machine may leave some of 20 unsent.
    let (refused, sent) = (done.errors("template"), done.count("/requests/sent"));
    assert!(refused > 0 && refused.abs_diff(sent) <= 1, "{}", done.stdout);
    assert_eq!(refused + sent + done.count("/iterations/unsent"), 20, "{}", done.stdout);
    assert!(one_line(&done.stdout).contains("may not stand in its place"), "{}", done.stdout);
}

#[test]
fn users_go_through_the_flow_as_often_as_they_are_told() {
    let plan = "url = 'testbed:'\nrun = { duration = '60s' }\nload = { users = 5, loops = 4, pacing = '50ms' }\n\
                [[step]]\nget = '/?u={{user}}&i={{iteration}}'\n";
    let done = Vajra::run("plan.toml", &["--force"]).file("plan.toml", plan).done();
    assert_eq!(done.count("/iterations/ok"), 20, "{}", done.stdout);
    assert_eq!(done.report["window"]["is_partial"], false, "{}", done.report["window"]);
    assert_eq!(done.count("/connections/asked"), 5);
}

#[test]
fn the_time_series_has_iterations_and_conditions_may_be_on_them() {
    let plan = "url = 'testbed:'\nrun = { duration = '3s' }\nload = { of = 'users', stages = [\
                { shape = 'ramp', from = 0, to = 20, duration = '1s' }, { users = 20, duration = '2s' }] }\n\
                [[step]]\nget = '/?a'\nthink = '100ms'\n[[step]]\nget = '/?b'\n\
                [thresholds]\niteration = 'max<60s'\nduration = ['min>=100ms', 'p(50)<1ms']\n";
    let done =
        Vajra::run("plan.toml", &["--force", "--timeseries", "out.ndjson"]).file("plan.toml", plan).done();
    let met = |index: usize| done.report["thresholds"][index]["ok"].as_bool();
    assert_eq!([met(0), met(1), met(2)], [Some(true), Some(false), Some(true)], "{}", done.stdout);
    let of = |line: &Value, key: &str| line["iterations"][key].as_u64().unwrap();
    let lines = done.json_lines("out.ndjson");
    let (mut begun, mut ended) = (0, 0);
    for line in &lines {
        begun += of(line, "begun");
        ended += of(line, "ok") + of(line, "failed") + of(line, "unfinished");
        // On a machine that is busy, intervals may be lost: how many are under way is not known from then on.
        if line["lost"].as_u64() > Some(0) {
            assert_eq!(line["iterations"]["under_way"], Value::Null, "{line}");
            return;
        }
        assert_eq!(of(line, "under_way"), begun - ended, "{line}");
        assert!(of(line, "under_way") <= 20, "{line}");
    }
    assert_eq!(
        (begun, ended),
        (done.count("/iterations/ok"), done.count("/iterations/ok")),
        "{}",
        done.stdout
    );
    assert!(begun > 20, "{}", done.stdout);
}

#[test]
fn a_condition_on_iterations_needs_some() {
    let plan = "url = 'http://127.0.0.1:1/'\nload = { rate = 1 }\n[[request]]\nget = '/'\n[thresholds]\niteration = 'p(95)<2s'\n";
    let done = Vajra::new(&["check", "plan.toml"]).file("plan.toml", plan).done();
    done.assert_ended_with(2);
    assert!(one_line(&done.stderr).contains("no requests follow each other"), "{}", done.stderr);
}

#[test]
fn what_is_wrong_with_a_flow_is_said_at_its_place() {
    let cases: [(&str, &[&str]); 18] = [
        ("[[step]]\nget = '/{{id}}'", &["plan.toml:4", "there is no value `id`", "extract = { id ="]),
        (
            "[[step]]\nget = '/{{tokn}}'\n[[step]]\nget = '/'\nextract = { token = 'json /t' }",
            &["there is no value `tokn`", "did you mean `token`?"],
        ),
        (
            "[[step]]\nget = '/{{token}}'\n[[step]]\nget = '/'\nextract = { token = 'json /t' }",
            &["`token` is used here, and taken from a response only later"],
        ),
        ("[[step]]\nget = '/'\nthink = '2'", &["plan.toml:5", "`2` has no unit"]),
        ("[[step]]\nget = '/'\nthink = 'lognorm:2s,1'", &["there is `lognormal`"]),
        ("[[step]]\nget = '/'\nrepeat = '5..2'", &["`5..2` begins above its end"]),
        ("[[step]]\nget = '/'\nchance = '120%'", &["`120%` is no probability"]),
        ("[[step]]\nget = '/'\ncheck = 'status = 200'", &["plan.toml:5"]),
        ("[[step]]\nget = '/'\nextract = { t = 'jsonpath $.t' }", &["plan.toml:5", "json"]),
        ("[[step]]\nget = '/'\nextract = { t = 'regex (' }", &["plan.toml:5"]),
        ("[[step]]\nrun = 'buy'\n[[flow.by]]\nget = '/'", &["there is no flow `buy`", "`by`"]),
        ("[[step]]\nrun = 'a'\ncheck = 'status == 200'\n[[flow.a]]\nget = '/'", &["`check` is of a request"]),
        ("[[step]]\nrun = 'a'\n[[flow.a]]\nrun = 'b'\n[[flow.b]]\nrun = 'a'", &["runs itself: a → b → a"]),
        ("[[step]]\nget = '/'\nweight = 2", &["`weight` is of requests that are drawn"]),
        ("[[request]]\nget = '/'\nthink = '1s'", &["`think` is of a step of a flow", "[[step]]"]),
        ("[[step]]\nget = '/'\n[[request]]\nget = '/'", &["`request` or `step`, and not both"]),
        ("[[step]]\nget = '/{{user.name}}'", &["there is no feed `user`", "[feed.user]"]),
        ("[[step]]\nget = '/'\non_failure = 'ignore'", &["there are `stop` and `continue`"]),
    ];
    for (steps, parts) in cases {
        let plan = format!("url = 'http://127.0.0.1:1/'\nload = {{ rate = 10 }}\n{steps}\n");
        let done = Vajra::new(&["check", "plan.toml"]).file("plan.toml", &plan).done();
        assert_eq!(done.code, 2, "{steps}\n{}{}", done.stdout, done.stderr);
        done.assert_says(parts);
    }
}

#[test]
fn what_is_wrong_with_users_is_said_at_its_place() {
    let cases: [(&str, &[&str]); 6] = [
        ("{ users = 5, rate = 10 }", &["`users` or a `rate`, and not both"]),
        ("{ users = 5, arrivals = 'poisson' }", &["`arrivals` means nothing to users"]),
        ("{ rate = 5, pacing = '1s' }", &["`pacing` is of users, and there are none"]),
        ("{ users = 0 }", &["plan.toml:2", "users"]),
        (
            "{ stages = [{ rate = '5k', duration = '1s' }, { users = 9, duration = '1s' }] }",
            &["all of users, or all of rates"],
        ),
        ("{ of = 'vus', users = 3 }", &["there are `rate` and `users`"]),
    ];
    for (load, parts) in cases {
        let plan = format!("url = 'http://127.0.0.1:1/'\nload = {load}\n[[step]]\nget = '/'\n");
        let done = Vajra::new(&["check", "plan.toml"]).file("plan.toml", &plan).done();
        assert_eq!(done.code, 2, "{load}\n{}{}", done.stdout, done.stderr);
        done.assert_says(parts);
    }
}
