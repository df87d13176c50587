//! WebSocket, as real servers speak it, alone and behind proxies, with and without TLS.

use crate::peers::{self, Peer, sockets};
use crate::vajra::{Done, Vajra, one_line};

fn ws(server: &Peer, path: &str) -> String {
    server.url(path).replacen("http", "ws", 1)
}

fn run(server: &Peer, path: &str, words: &[&str]) -> Done {
    accounted(Vajra::run(&ws(server, path), words).done())
}

/// What is found before a run.
fn found(url: &str, words: &[&str]) -> String {
    one_line(&Vajra::new(&[&["check", url], words].concat()).done().stdout)
}

fn run_plan(plan: &str, words: &[&str]) -> Done {
    accounted(Vajra::run("plan.toml", words).file("plan.toml", plan).done())
}

fn accounted(done: Done) -> Done {
    if done.report.is_object() {
        done.assert_accounted();
    }
    done
}

/// All messages have a reply.
fn assert_all_ok(done: &Done, messages: u64) {
    assert_all(done, messages, "REPLIED");
}

/// All messages ended so.
fn assert_all(done: &Done, messages: u64, status: &str) {
    let counts = (done.count("/requests/ok"), done.count("/requests/failed"));
    assert_eq!(counts, (messages, 0), "{}\n{}", done.stderr, done.report["requests"]);
    assert_eq!(done.report["requests"]["status"], serde_json::json!({ status: messages }));
}

#[test]
fn the_testbed_returns_each_message_and_each_connection_is_opened_once() {
    let server = peers::testbed(&[]);
    let done = run(&server, "/ws", &["-n", "2000", "-c", "8"]);
    assert_all_ok(&done, 2_000);
    assert_eq!(done.count("/connections/attempts/made"), 8, "{}", done.report["connections"]);
    assert_eq!(done.count("/bytes/sent"), 2_000 * (2 + 4 + 5), "a header, a mask, and `hello`");
    assert_eq!(done.count("/bytes/received"), 2_000 * (2 + 5));
    let found = found(&ws(&server, "/ws"), &[]);
    assert!(found.contains("PASS websocket: GET /ws → 101 Switching Protocols, no subprotocol"), "{found}");
}

#[test]
fn an_open_loop_keeps_its_rate() {
    let server = peers::testbed(&[]);
    let done = run(&server, "/ws", &["-R", "500", "-d", "2s", "-c", "4"]);
    assert_eq!((done.arrivals(), done.count("/requests/failed")), (1_000, 0), "{}", done.report["requests"]);
}

#[test]
fn several_messages_are_under_way_on_a_connection() {
    let server = peers::testbed(&["--service", "fixed:2ms"]);
    let done = run(&server, "/ws", &["-n", "400", "-c", "2", "--pipeline", "16"]);
    assert_all_ok(&done, 400);
    assert_eq!(done.count("/connections/attempts/made"), 2);
    // One takes 2 ms, and waits for up to fifteen before it.
    assert!(done.count("/service_ns/p50") > 2 * 5_000_000, "{}", done.stdout);
}

#[test]
fn messages_of_all_lengths_come_back_whole() {
    let server = peers::testbed(&[]);
    for length in [125, 126, 65_535, 65_536, 1_000_000] {
        let words = ["-n", "40", "-c", "2", "-b", "@message"];
        let done = Vajra::run(&ws(&server, "/ws"), &words).file("message", &"x".repeat(length)).done();
        assert_all_ok(&accounted(done), 40);
    }
}

#[test]
fn a_stall_is_seen_in_response_times_and_hidden_in_service_times() {
    let server = peers::testbed(&["--stall", "500ms/2s"]);
    let done = run(&server, "/ws", &["-R", "500", "-c", "20", "-d", "4s", "--force"]);
    assert!(done.count("/response_ns/p99") >= 400_000_000, "{}", done.stdout);
    assert!(done.count("/service_ns/p50") < 100_000_000, "{}", done.stdout);
    assert_eq!(done.count("/requests/dropped") + done.count("/requests/failed"), 0);
}

#[test]
fn messages_are_drawn_by_weight_and_have_their_holes_filled_in() {
    let server = sockets::python("echo");
    let plan = format!(
        "url = '{}'\n[run]\nrequests = 400\nconnections = 4\n\
         [[request]]\nname = 'short'\ntext = 'n={{{{rand 10 99}}}}'\nweight = 3\n\
         [[request]]\nname = 'long'\nbinary = '{}'\n[[request]]\ntext = 'never'\nweight = 0\n",
        ws(&server, "/"),
        "b".repeat(300)
    );
    let done = run_plan(&plan, &[]);
    assert_all_ok(&done, 400);
    let log = server.log(400);
    let count = |line: &str| log.iter().filter(|known| *known == line).count();
    let (short, long) = (count("str 4"), count("bytes 300"));
    assert_eq!((log.len(), short + long), (400, 400), "the server has each message, and no other");
    assert!((200..400).contains(&short) && long > 30, "{short} {long}");
    for (name, expected) in [("short", short), ("long", long)] {
        let steps = done.report["scenarios"][0]["steps"].as_array().unwrap();
        let step = steps.iter().find(|step| step["name"] == name).unwrap();
        assert_eq!(step["requests"]["ok"], expected as u64, "{name}");
    }
}

#[test]
fn replies_in_any_order_find_their_messages_by_their_json() {
    let server = sockets::python("backwards");
    let words = ["-n", "800", "-c", "2", "--pipeline", "8", "--match", "json:/id"];
    let done = run(&server, "/", &[&words[..], &["-b", "{\"id\":{{seq}}}"]].concat());
    assert_all_ok(&done, 800);
    assert_eq!(done.count("/connections/unasked_bytes"), 0, "{}", done.report["connections"]);
    assert_eq!(server.log(800).len(), 800);
}

#[test]
fn messages_that_nobody_replies_to_go_out_and_all_arrive() {
    let server = sockets::python("silent");
    let done = run(&server, "/", &["-R", "400", "-d", "2s", "-c", "4", "--match", "none"]);
    assert_eq!((done.arrivals(), done.count("/requests/failed")), (800, 0), "{}", done.report["requests"]);
    let sent = done.count("/requests/ok");
    assert_eq!(done.report["requests"]["status"], serde_json::json!({ "SENT": sent }));
    assert_eq!(done.count("/bytes/received"), 0);
    assert_eq!(server.log(sent as usize).len() as u64, sent);
}

#[test]
fn a_message_whose_reply_does_not_come_times_out_alone_where_replies_say_whose_they_are() {
    // Three are held back for a fourth, which does not come.
    let server = sockets::python("backwards");
    let words = ["-n", "3", "-c", "1", "--pipeline", "4", "--timeout", "300ms", "-b", "{\"id\":{{seq}}}"];
    let done = run(&server, "/", &[&words[..], &["--match", "json:/id"]].concat());
    assert_eq!(
        (done.errors("timeout"), done.count("/requests/failed")),
        (3, 3),
        "{}",
        done.report["requests"]
    );
    assert_eq!(done.count("/connections/reconnects"), 0, "{}", done.report["connections"]);
}

#[test]
fn node_replies_in_fragments_with_pings_between_which_are_answered() {
    let server = sockets::node();
    let done = run(&server, "/", &["-n", "300", "-c", "3", "-b", "some message"]);
    assert_all_ok(&done, 300);
    let log = server.log(300);
    assert_eq!(log.iter().filter(|line| *line == "text 12").count(), 300);
    assert_eq!(done.count("/connections/unasked_bytes"), 300 * (2 + 13), "the pings");
}

#[test]
fn pings_go_out_and_a_run_that_ends_says_goodbye() {
    let server = sockets::node();
    let plan = format!(
        "url = '{}'\n[websocket]\nping = '200ms'\n[run]\nduration = '2s'\nconnections = 3\n[load]\nrate = 20\n",
        ws(&server, "/")
    );
    let done = run_plan(&plan, &[]);
    assert_eq!(done.count("/requests/failed"), 0, "{}", done.report["requests"]);
    // Four connections with that of preflight, each of which is closed with a code.
    let messages = done.count("/requests/ok") as usize;
    let count = |log: &[String], line: &str| log.iter().filter(|known| *known == line).count();
    let pings = count(&server.log(messages + 3 + 1), "ping");
    assert!(pings >= 3, "{pings}");
    // A server writes its last lines when it has read what was sent.
    let log = server.log(messages + pings + 4);
    assert_eq!(count(&log, "closed 1000"), 4, "{log:?}");
}

#[test]
fn a_body_is_a_message_of_text_or_of_bytes() {
    let server = sockets::python("echo");
    let text = Vajra::run(&ws(&server, "/"), &["-n", "5", "-b", "@m"]).file("m", "text").done();
    assert_all_ok(&text, 5);
    let bytes = Vajra::run(&ws(&server, "/"), &["-n", "5", "-b", "@m", "--binary"]).file("m", "bytes").done();
    assert_all_ok(&bytes, 5);
    let log = server.log(10);
    assert_eq!((log[4].as_str(), log[9].as_str()), ("str 4", "bytes 5"), "{log:?}");
}

#[test]
fn tls_carries_it_and_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem").display().to_string();
    let server = peers::testbed(&["--tls", "--tls-ca", &ca]);
    let url = server.url("/ws").replacen("http:", "wss:", 1);
    for more in [&[][..], &["--pipeline", "8"], &["--match", "none"], &["--tls-max", "1.2"]] {
        let words = [&["--cacert", &ca, "-n", "500", "-c", "4", "-b", "{{uuid}}"], more].concat();
        let done = accounted(Vajra::run(&url, &words).done());
        assert_all(&done, 500, if more.contains(&"none") { "SENT" } else { "REPLIED" });
        assert_eq!(done.count("/connections/attempts/tls_ns/count"), 4, "{more:?}");
    }
    let found = found(&url, &["--cacert", &ca]);
    assert!(
        found.contains("http/1.1 by ALPN") && found.contains("GET /ws → 101 Switching Protocols"),
        "{found}"
    );
}

#[test]
fn nginx_and_haproxy_pass_it_on() {
    let server = sockets::python("echo");
    let proxies = [sockets::nginx(&server, true), peers::secured::haproxy(None, &server)];
    for proxy in &proxies {
        let done = run(proxy, "/", &["-n", "400", "-c", "4", "--subprotocol", "v1.chat"]);
        assert_all_ok(&done, 400);
        let found = found(&ws(proxy, "/"), &["--subprotocol", "v1.chat"]);
        assert!(found.contains("subprotocol v1.chat"), "{found}");
    }
}

#[test]
fn a_proxy_that_passes_no_upgrade_on_is_told_of_before_the_run() {
    let server = sockets::python("echo");
    let done = run(&sockets::nginx(&server, false), "/", &["-n", "10"]);
    assert_eq!(done.code, 4, "{}", done.stderr);
    done.assert_says(&["GET / → ", "opens no WebSocket: the response to the opening is 426, and no 101"]);
}

#[test]
fn the_target_chooses_the_subprotocol_it_likes_best() {
    let server = sockets::python("echo");
    let found = found(&ws(&server, "/"), &["--subprotocol", "other", "--subprotocol", "v1.chat"]);
    assert!(found.contains("subprotocol v1.chat"), "{found}");
    let done = run(&server, "/", &["-n", "10", "--subprotocol", "unknown"]);
    assert_all_ok(&done, 10);
    done.assert_says(&["none of the subprotocols that were offered (unknown)"]);
}

#[test]
fn a_close_is_told_by_its_code_and_the_connection_is_made_again() {
    let server = peers::testbed(&["--error", "20%"]);
    let done = run(&server, "/ws", &["-n", "500", "-c", "4", "--force"]);
    let closed = done.count("/requests/status/1011");
    assert!(closed > 30 && done.errors("status") == closed, "{}", done.report["requests"]);
    // An opening meets an error as well; where all four do, a message waits for nothing.
    let unopened = done.errors("connect");
    assert_eq!(done.count("/requests/ok") + closed + unopened, 500, "{}", done.report["requests"]);
    assert!(done.count("/connections/reconnects") >= closed - 4, "{}", done.report["connections"]);
    assert!(done.stdout.contains(&format!("close 1011: {closed}")), "{}", done.stdout);
}

#[test]
fn what_a_message_comes_to_is_looked_at_where_that_is_asked_for() {
    let server = peers::testbed(&[]);
    for (path, words, says) in [
        ("/ws", &[][..], "text /ws: not sent"),
        ("/ws", &["--probe-all"], "text /ws → replied to, 7 bytes"),
        ("/ws", &["--probe-all", "--match", "none"], "text /ws → sent"),
        ("/ws?error=100%", &["--probe-all"], "opens no WebSocket"),
    ] {
        let found = found(&ws(&server, path), words);
        assert!(found.contains(says), "{found}");
    }
}

#[test]
fn it_stands_beside_http_in_one_plan() {
    let server = peers::testbed(&[]);
    let plan = format!(
        "[target.api]\nurl = '{}'\nhttp = {{ reuse = true }}\n[target.push]\nurl = '{}'\nwebsocket = {{ match = 'json:/id' }}\npipeline = 4\n\
         [scenario.read]\ntarget = 'api'\nrequests = 300\n[scenario.chat]\ntarget = 'push'\nrequests = 300\n\
         [[scenario.chat.request]]\ntext = '{{\"id\":\"{{{{uuid}}}}\"}}'\n[run]\nconnections = 2\n",
        server.url("/bytes/10"),
        ws(&server, "/ws")
    );
    let done = run_plan(&plan, &[]);
    assert_eq!((done.count("/requests/ok"), done.count("/requests/failed")), (600, 0), "{}", done.stderr);
    assert_eq!((done.count("/requests/status/200"), done.count("/requests/status/REPLIED")), (300, 300));
}

#[test]
fn a_run_can_be_repeated_from_its_report() {
    let server = sockets::python("echo");
    let words =
        ["-n", "50", "-c", "2", "-b", "{\"id\":{{seq}}}", "--match", "json:/id", "--subprotocol", "v2.chat"];
    let first = run(&server, "/", &words);
    assert_all_ok(&first, 50);
    let report = first.folder.path().join("report.json").display().to_string();
    let again = accounted(Vajra::run(&report, &["-n", "30", "-b", "{\"id\":\"{{uuid}}\"}"]).done());
    assert_all_ok(&again, 30);
    assert_eq!(again.report["plan"]["targets"], first.report["plan"]["targets"]);
}

#[test]
fn a_token_in_a_header_a_path_or_a_subprotocol_is_sent_and_written_nowhere() {
    let server = sockets::python("echo");
    let words =
        ["-n", "5", "-H", "Authorization: Bearer s3cret", "--subprotocol", "v1.chat", "--subprotocol"];
    let done = run(
        &server,
        "/?token=s3cret",
        &[&words[..], &["access_token.s3cret", "-b", "password=s3cret"]].concat(),
    );
    assert_all_ok(&done, 5);
    assert_eq!(server.log(5)[0], "str 15", "the message is sent as it is");
    let text = [done.stdout, done.stderr, done.report.to_string()].concat();
    assert!(!text.contains("s3cret"), "{text}");
}
