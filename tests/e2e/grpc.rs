//! gRPC, as real servers and proxies speak it, and as those do that keep to no rule.

use crate::peers::grpc::{self, Fault, GREET, faulty, greeter, seen};
use crate::peers::{self, Peer};
use crate::vajra::{Done, Vajra, one_line};
use std::collections::BTreeSet;

const FILE: &str = "greet.proto";

/// A run against a target of gRPC, beside the file that says what grpcio's server takes.
fn run(url: &str, words: &[&str]) -> Done {
    let done = Vajra::run(url, words).file(FILE, GREET).done();
    if done.report.is_object() {
        done.assert_accounted();
    }
    done
}

/// A run of a plan whose requests these are.
fn run_plan(server: &Peer, run: &str, requests: &str) -> Done {
    let plan = format!(
        "url = '{}'\n[grpc]\nproto = '{FILE}'\n[run]\nconnections = 2\n{run}\n{requests}",
        url(server)
    );
    let done = Vajra::run("plan.toml", &[]).file("plan.toml", &plan).file(FILE, GREET).done();
    done.assert_accounted();
    done
}

fn url(server: &Peer) -> String {
    server.url("").replace("http:", "grpc:")
}

fn ends(done: &Done) -> (u64, u64) {
    (done.count("/requests/ok"), done.count("/requests/failed"))
}

fn status(done: &Done, name: &str) -> u64 {
    done.report["requests"]["status"][name].as_u64().unwrap_or(0)
}

#[test]
fn grpcio_sees_every_call_that_the_report_counts() {
    let server = greeter(false);
    let message = "{\"name\": \"u-{{seq}}\"}";
    let words = [
        "--proto",
        FILE,
        "--call",
        "greet.Greeter/SayHello",
        "-b",
        message,
        "-n",
        "400",
        "-c",
        "2",
        "--streams",
        "8",
    ];
    let done = run(&url(&server), &[&words[..], &["--metadata", "{\"x-key\": \"v\"}"]].concat());
    assert_eq!(ends(&done), (400, 0), "{}\n{}", done.stderr, done.report["requests"]);
    assert_eq!((status(&done, "OK"), done.count("/requests/messages")), (400, 400));
    let seen = seen(&server, 400);
    assert_eq!((&seen["calls"]["SayHello"], &seen["replies"]), (&400.into(), &400.into()), "{seen}");
    let names: BTreeSet<&str> =
        seen["names"].as_array().unwrap().iter().filter_map(|name| name.as_str()).collect();
    let expected: BTreeSet<String> = (0..400).map(|number| format!("u-{number}")).collect();
    assert_eq!(names, expected.iter().map(String::as_str).collect());
    assert_eq!(seen["metadata"].as_array().unwrap().len(), 400);
}

#[test]
fn the_target_is_asked_what_it_takes_where_no_file_says_it() {
    let server = greeter(true);
    let words = ["--call", "greet.Greeter.SayHello", "-b", "{\"name\": \"x\"}", "-n", "50", "-c", "1"];
    let done = run(&url(&server), &words);
    assert_eq!(ends(&done), (50, 0), "{}", done.stderr);
    let method = &done.report["plan"]["scenarios"][0]["script"]["mix"][0]["request"]["grpc"]["described"];
    assert_eq!((&method["input"], &method["told_by"]), (&"greet.HelloRequest".into(), &"reflection".into()));
    // What it said is in the report: the run can be repeated beside a target that says nothing.
    let silent = greeter(false);
    let report = done.report.to_string();
    let again = Vajra::run("before.json", &["--url", &url(&silent)]).file("before.json", &report).done();
    assert_eq!(ends(&again), (50, 0), "{}", again.stderr);
    assert_eq!(seen(&silent, 50)["calls"]["SayHello"], 50);
}

#[test]
fn every_kind_of_call_is_counted_by_its_messages() {
    let server = greeter(false);
    let done = run_plan(
        &server,
        "requests = 120",
        "[[request]]\ncall = 'greet.Greeter/SayOften'\nmessage = '{\"name\": \"{{seq}}\", \"times\": 5}'\n\
         [[request]]\ncall = 'greet.Greeter/Gather'\nmessages = ['{\"name\": \"a\"}', '{\"name\": \"{{seq}}\"}']\ncount = 6\n\
         [[request]]\ncall = 'greet.Greeter/Chat'\nmessage = '{\"name\": \"{{seq}}\"}'\ncount = 4\n\
         [[request]]\nname = 'turns'\ncall = 'greet.Greeter/Chat'\nmessage = '{\"name\": \"{{seq}}\"}'\ncount = 4\nping_pong = true\n",
    );
    assert_eq!(ends(&done), (120, 0), "{}\n{}", done.stderr, done.report["requests"]);
    let seen = seen(&server, 120);
    assert_eq!(done.count("/requests/messages"), seen["replies"].as_u64().unwrap(), "{seen}");
    let steps = done.report["scenarios"][0]["steps"].as_array().unwrap();
    let (mut sent, mut came) = (0, 0);
    for (step, (sends, gets)) in steps.iter().zip([(1, 5), (6, 1), (4, 4), (4, 4)]) {
        let calls = step["requests"]["ok"].as_u64().unwrap();
        assert!(calls > 0, "{step}");
        assert_eq!(step["requests"]["messages"], calls * gets, "{step}");
        (sent, came) = (sent + calls * sends, came + calls * gets);
    }
    assert_eq!((seen["messages"].as_u64().unwrap(), seen["replies"].as_u64().unwrap()), (sent, came));
}

#[test]
fn messages_are_sent_at_their_moments_to_any_server() {
    // Four times 100 ms, as exact as times are recorded.
    const LEAST_NS: u64 = 399_500_000;
    let keys = "count = 5\nevery = '100ms'\n";
    let server = greeter(false);
    let call = format!(
        "[[request]]\ncall = 'greet.Greeter/Gather'\nmessage = '{{\"name\": \"{{{{seq}}}}\"}}'\n{keys}"
    );
    let done = run_plan(&server, "requests = 8", &call);
    assert_eq!(ends(&done), (8, 0), "{}\n{}", done.stderr, done.report["requests"]);
    // None is sent early, so a call ends no earlier; by us, whatever keeps the server from its own clock.
    assert!(done.count("/service_ns/min") >= LEAST_NS, "{}", done.report["service_ns"]);
    let seen = seen(&server, 8);
    assert_eq!(seen["messages"], 40, "{seen}");
    let spans = seen["spans_ms"].as_array().unwrap().iter().filter_map(|span| span.as_u64());
    // One that reads the first late sees less: not each time.
    assert!(spans.max().unwrap() >= 300, "{seen}");
    // The built-in server, over TLS too; a bidirectional call, several on a connection.
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem").display().to_string();
    let (plain, tls) = (peers::testbed(&[]), peers::testbed(&["--tls", "--tls-ca", &ca]));
    for (url, trust) in [
        (url(&plain), String::new()),
        (tls.url("").replace("http:", "grpcs:"), format!("[tls]\nca = '{ca}'\n")),
    ] {
        let plan = format!(
            "url = '{url}'\n{trust}[http]\nstreams = 4\n[run]\nrequests = 16\nconnections = 2\n\
             [[request]]\ncall = 'vajra.testbed.Echo/Bidi'\nmessage = '{{\"text\": \"{{{{seq}}}}\"}}'\n{keys}"
        );
        let done = Vajra::run("plan.toml", &[]).file("plan.toml", &plan).done();
        done.assert_accounted();
        assert_eq!((ends(&done), done.count("/requests/messages")), ((16, 0), 80), "{}", done.stderr);
        assert!(done.count("/service_ns/min") >= LEAST_NS, "{url}: {}", done.report["service_ns"]);
    }
}

#[test]
fn messages_of_calls_that_stream_have_times_of_their_own() {
    // As exact as times are recorded.
    const SERVICE_NS: f64 = 49_900_000.0;
    let server = peers::testbed(&[]);
    let call = |method: &str, more: &str| {
        format!(
            "[[request]]\ncall = 'vajra.testbed.Echo/{method}'\nmetadata = {{ behaviour = 'service=fixed:50ms' }}\n{more}\n"
        )
    };
    let plan = format!(
        "url = '{}'\n[run]\nrequests = 48\nconnections = 4\n{}{}{}",
        url(&server),
        call("ServerStream", "message = '{\"text\": \"a\", \"count\": 4}'"),
        call("Bidi", "count = 4\nping_pong = true"),
        call("Unary", ""),
    );
    let done = Vajra::run("plan.toml", &[]).file("plan.toml", &plan).done();
    done.assert_accounted();
    assert_eq!(ends(&done), (48, 0), "{}", done.stderr);
    let steps = done.report["scenarios"][0]["steps"].as_array().unwrap();
    for (step, is_matched) in [(&steps[0], false), (&steps[1], true)] {
        let requests = &step["requests"];
        let figure = |of: &str, key: &str| requests[of][key].as_f64().unwrap();
        let calls = requests["ok"].as_f64().unwrap();
        assert!(calls > 0.0, "{requests}");
        let counts = (figure("first_message_ns", "count"), figure("message_ns", "count"));
        assert_eq!(counts, (calls, 3.0 * calls), "{requests}");
        assert!(figure("first_message_ns", "min") >= SERVICE_NS, "{requests}");
        // One that is read late makes the time to the next shorter, and not the sum of all.
        let mean_ns = figure("first_message_ns", "mean") + 3.0 * figure("message_ns", "mean");
        assert!(mean_ns >= 4.0 * SERVICE_NS, "{requests}");
        // From a message to its own reply there is no less than that.
        assert!(!is_matched || figure("message_ns", "min") >= SERVICE_NS, "{requests}");
    }
    assert!(steps[2]["requests"].get("first_message_ns").is_none(), "{}", steps[2]["requests"]);
    assert!(done.stdout.contains("First msg") && done.stdout.contains("Message "), "{}", done.stdout);
    let words = ["--reflect", "--call", "vajra.testbed.Echo/Unary", "-n", "5"];
    let unary = run(&url(&server), &words);
    assert!(!unary.stdout.contains("First msg"), "{}", unary.stdout);
}

#[test]
fn a_status_is_called_by_its_name() {
    let server = greeter(false);
    let message = "{\"name\": \"x\", \"fails_with\": 8}";
    let words = ["--proto", FILE, "--call", "greet.Greeter/SayHello", "-b", message, "-n", "30", "-c", "1"];
    let done = run(&url(&server), &[&words[..], &["--probe-all"]].concat());
    assert_eq!(
        (ends(&done), status(&done, "RESOURCE_EXHAUSTED")),
        ((0, 30), 30),
        "{}",
        done.report["requests"]
    );
    // What the server said to it comes percent-encoded.
    done.assert_says(&["RESOURCE_EXHAUSTED (asked to: 100% é)"]);
    assert!(one_line(&done.stdout).contains("RESOURCE_EXHAUSTED: 30"), "{}", done.stdout);
}

#[test]
fn a_deadline_is_told_and_kept() {
    let server = greeter(false);
    let call = "[[request]]\ncall = 'greet.Greeter/SayHello'\ndeadline = '20s'\n";
    let done = run_plan(&server, "requests = 20", call);
    assert_eq!(ends(&done), (20, 0), "{}", done.stderr);
    let seen = seen(&server, 20);
    let deadlines = seen["deadlines"].as_array().unwrap();
    assert!(deadlines.iter().all(|left| (1..=20).contains(&left.as_u64().unwrap())), "{seen}");
    // The testbed takes longer than it is given, says so or is given up on, and its connection goes on.
    let testbed = peers::testbed(&[]);
    let plan = format!(
        "url = '{}'\n[run]\nrequests = 10\nconnections = 1\n[[request]]\ncall = 'vajra.testbed.Echo/Unary'\n\
         metadata = {{ behaviour = 'service=fixed:20s' }}\ndeadline = '300ms'\n",
        url(&testbed)
    );
    let done = Vajra::run("plan.toml", &[]).file("plan.toml", &plan).done();
    assert_eq!(
        done.errors("timeout") + status(&done, "DEADLINE_EXCEEDED"),
        10,
        "{}",
        done.report["requests"]
    );
    assert_eq!(done.count("/connections/reconnects"), 0, "{}", done.report["connections"]);
}

#[test]
fn tls_carries_calls_and_reflection() {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem").display().to_string();
    let server = peers::testbed(&["--tls", "--tls-ca", &ca]);
    let url = server.url("").replace("http:", "grpcs:");
    let call = ["--call", "vajra.testbed.Echo/ServerStream", "-b", "{\"text\": \"{{uuid}}\", \"count\": 3}"];
    let done = run(&url, &[&call[..], &["--cacert", &ca, "-n", "60", "-c", "2", "--streams", "4"]].concat());
    assert_eq!((ends(&done), done.count("/requests/messages")), ((60, 0), 180), "{}", done.stderr);
}

#[test]
fn the_built_in_server_is_called_and_asked_as_any_other() {
    let words = [
        "--reflect",
        "--call",
        "vajra.testbed.Echo/Unary",
        "-b",
        "{\"text\": \"{{seq}}\"}",
        "-n",
        "40",
        "-c",
        "2",
    ];
    let done = run("testbed:", &words);
    assert_eq!((ends(&done), status(&done, "OK")), ((40, 0), 40), "{}", done.stderr);
}

#[test]
fn proxies_pass_calls_on() {
    let server = greeter(false);
    let (nginx, haproxy) = (grpc::nginx_before(server.port), grpc::haproxy_before(server.port));
    for proxy in [&nginx, &haproxy] {
        let words =
            ["--proto", FILE, "--call", "greet.Greeter/SayOften", "-b", "{\"times\": 3}", "-n", "100"];
        let done = run(&url(proxy), &[&words[..], &["-c", "2", "--streams", "4"]].concat());
        assert_eq!(
            (ends(&done), done.count("/requests/messages")),
            ((100, 0), 300),
            "{}",
            done.report["requests"]
        );
    }
    assert_eq!(seen(&server, 200)["calls"]["SayOften"], 200);
}

#[test]
fn a_proxy_without_a_server_is_unavailable() {
    let nginx = grpc::nginx_before(peers::free_port());
    let words = ["--proto", FILE, "--call", "greet.Greeter/SayHello", "-n", "20", "-c", "1"];
    let done = run(&url(&nginx), &words);
    assert_eq!((ends(&done), status(&done, "UNAVAILABLE")), ((0, 20), 20), "{}", done.report["requests"]);
}

#[test]
fn what_no_server_may_do_is_told_by_its_name() {
    for (fault, kind, why) in [
        (Fault::NoStatus, "protocol", "the response ended without grpc-status"),
        (Fault::Compressed, "protocol", "no compression was agreed on"),
        (Fault::LongerThanBody, "protocol", "a message is longer than the body"),
        (Fault::Page, "protocol", "not one of gRPC"),
        (Fault::TrailersOnly, "status", "RESOURCE_EXHAUSTED: 10"),
    ] {
        let port = faulty(fault);
        let words = ["--proto", FILE, "--call", "greet.Greeter/SayHello", "-n", "10", "-c", "1"];
        let done = run(&format!("grpc://127.0.0.1:{port}"), &words);
        assert_eq!(done.errors(kind), 10, "{fault:?}: {}\n{}", done.report["requests"], done.stderr);
        assert!(one_line(&done.stdout).contains(why), "{fault:?}: {}", done.stdout);
    }
}

#[test]
fn a_call_that_cannot_be_made_is_told_where_it_is_written_and_nothing_is_sent() {
    let server = greeter(false);
    let told = |request: &str| {
        let plan = format!("url = '{}'\n[grpc]\nproto = '{FILE}'\n[[request]]\n{request}\n", url(&server));
        let done = Vajra::run("plan.toml", &["-n", "1"]).file("plan.toml", &plan).file(FILE, GREET).done();
        assert_eq!(done.code, 2, "{}", done.stderr);
        one_line(&done.stderr)
    };
    for (request, parts) in [
        (
            "call = 'greet.Greeter/SayHelo'",
            ["plan.toml:5:8", "no method `SayHelo`", "did you mean `SayHello`?"],
        ),
        (
            "call = 'greet.Greter/SayHello'",
            ["plan.toml:5:8", "no service `greet.Greter`", "did you mean `greet.Greeter`?"],
        ),
        (
            "call = 'greet.Greeter/SayHello'\nmessage = '{\"nmae\": 1}'",
            ["plan.toml:6:11", "has no field `nmae`", "did you mean `name`?"],
        ),
        (
            "call = 'greet.Greeter/SayHello'\nmessage = '{\"name\": 1}'",
            ["plan.toml:6:11", "`name`: is another number", "quotes"],
        ),
        (
            "call = 'greet.Greeter/SayHello'\nmessages = ['{}', '{}']",
            ["plan.toml:5:8", "2 messages are sent", "a stream"],
        ),
        (
            "call = 'greet.Greeter/SayOften'\nevery = '10ms'\ncount = 2",
            [
                "plan.toml:6:9",
                "messages are spaced in time, and `greet.Greeter/SayOften` takes one",
                "leave out `every`",
            ],
        ),
        (
            "call = 'greet.Greeter/Chat'\nevery = '10us'\ncount = 2",
            ["plan.toml:6:9", "10.0 us from one message to the next is too short", "give at least 1 ms"],
        ),
        (
            "call = 'greet.Greeter/Gather'\nping_pong = true\ncount = 2",
            ["plan.toml:6:13", "replies are waited for between messages", "leave out `ping_pong`"],
        ),
        ("call = 'SayHello'", ["plan.toml:5:8", "names no service and method", "package.Service/Method"]),
        ("get = '/'\ncall = 'greet.Greeter/SayHello'", ["plan.toml:5:7", "`get` is of HTTP", "call"]),
    ] {
        let said = told(request);
        assert!(parts.iter().all(|part| said.contains(part)), "{request}: {said}");
    }
    assert!(std::fs::read(server.path("counts.json")).is_err(), "nothing was sent");
}

#[test]
fn a_target_that_cannot_be_asked_is_told_before_the_run() {
    let silent = greeter(false);
    let done = run(&url(&silent), &["--call", "greet.Greeter/SayHello", "-n", "1"]);
    assert_eq!(done.code, 4, "{}", done.stderr);
    done.assert_says(&["has no server reflection", "--proto"]);
    let asked = greeter(true);
    let done = run(&url(&asked), &["--call", "greet.Greeter/SayHi", "-n", "1"]);
    assert_eq!(done.code, 2, "{}", done.stderr);
    done.assert_says(&["has no method `SayHi`", "there are SayHello, SayOften, Gather, Chat"]);
    let done = run(&url(&asked), &["--call", "greet.Greetr/SayHello", "-n", "1"]);
    done.assert_says(&["there is no service `greet.Greetr`", "did you mean `greet.Greeter`?"]);
    let nobody = run(&format!("grpc://127.0.0.1:{}", peers::free_port()), &["--call", "a.B/C", "-n", "1"]);
    assert_eq!(nobody.code, 4, "{}", nobody.stderr);
    nobody.assert_says(&["refuses connections", "is the server running, and on this port?"]);
}

#[test]
fn a_target_that_does_not_speak_http_2_is_told_of_before_the_run() {
    let nginx = peers::nginx(1_000_000);
    let done = run(&url(&nginx), &["--proto", FILE, "--call", "greet.Greeter/SayHello", "-n", "1"]);
    assert_eq!(done.code, 4, "{}", done.stderr);
    done.assert_says(&["does not speak gRPC", "HTTP/1"]);
    let tls = peers::testbed(&["--tls"]);
    let done = run(&url(&tls), &["--proto", FILE, "--call", "greet.Greeter/SayHello", "-n", "1"]);
    assert_eq!(done.code, 4, "{}", done.stderr);
    done.assert_says(&["grpcs://"]);
}

#[test]
fn nothing_of_a_secret_in_a_message_is_written_down() {
    let server = greeter(false);
    let file = "syntax = \"proto3\";\npackage greet;\nmessage R { string password = 1; }\n\
                service Greeter { rpc SayHello(R) returns (R); }\n";
    let words = [
        "--proto",
        "r.proto",
        "--call",
        "greet.Greeter/SayHello",
        "-b",
        "{\"password\": \"s3cret\"}",
        "-n",
        "5",
    ];
    let run = Vajra::run(
        &url(&server),
        &[&words[..], &["-c", "1", "--metadata", "{\"authorization\": \"s3cret\"}"]].concat(),
    );
    let done = run.file("r.proto", file).done();
    assert_eq!(ends(&done), (5, 0), "{}", done.stderr);
    assert_eq!(seen(&server, 5)["names"][0], "s3cret", "it was sent");
    let written = format!("{} {} {}", done.report, done.stdout, done.stderr);
    assert!(!written.contains("s3cret") && !written.contains("czNjcmV0"), "{written}");
}

#[test]
fn calls_that_are_given_up_before_their_last_message_are_warned_of() {
    let server = peers::testbed(&[]);
    let check = |timeout: &str| {
        let plan = format!(
            "url = '{}'\n[grpc]\nreflection = true\n[run]\ntimeout = '{timeout}'\n\
             [[request]]\nname = 'talk'\ncall = 'vajra.testbed.Echo/Bidi'\ncount = 4\nevery = '50ms'\n",
            url(&server)
        );
        let done = Vajra::new(&["check", "plan.toml"]).file("plan.toml", &plan).done();
        one_line(&done.stdout)
    };
    let said = check("150ms");
    assert!(
        said.contains("WARN messages: the last message of `talk` is due 150 ms after the first"),
        "{said}"
    );
    assert!(said.contains("--timeout"), "{said}");
    assert!(!check("5s").contains("messages:"));
}
