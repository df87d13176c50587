//! Datagrams of UDP, returned by the testbed: in order and out of it, lost, doubled, late, refused, and of all lengths.

use crate::peers::datagrams::{await_so, nobodys_port, returned, testbed};
use crate::vajra::{Done, Vajra, one_line};
use std::net::UdpSocket;
use std::time::Duration;

const NUMBERED: [&str; 2] = ["--match", "be32@0"];

fn run(port: u16, words: &[&str]) -> Done {
    accounted(Vajra::run(&format!("udp://127.0.0.1:{port}"), words).done())
}

fn run_plan(plan: &str, words: &[&str]) -> Done {
    accounted(Vajra::run("plan.toml", words).file("plan.toml", plan).done())
}

/// What a plan's target is checked for.
fn found(port: u16, words: &[&str]) -> String {
    one_line(&Vajra::new(&[&["check", &format!("udp://127.0.0.1:{port}")], words].concat()).done().stdout)
}

/// Whatever the network does, each request that was sent succeeded or failed.
fn accounted(done: Done) -> Done {
    done.assert_accounted();
    let sent = done.count("/requests/sent");
    let ended = done.count("/requests/ok") + done.count("/requests/failed");
    assert_eq!(sent, ended, "{}", done.report["requests"]);
    done
}

fn assert_all_ok(done: &Done, datagrams: u64) {
    let counts = (done.count("/requests/ok"), done.count("/requests/failed"));
    assert_eq!(counts, (datagrams, 0), "{}\n{}", done.stderr, done.report["requests"]);
    assert_eq!(done.count("/requests/status/REPLIED"), datagrams);
}

fn assert_sockets_kept(done: &Done) {
    let connections = &done.report["connections"];
    assert_eq!(
        (&connections["reconnects"], &connections["lost_ends"]),
        (&0.into(), &0.into()),
        "{connections}"
    );
}

#[test]
fn each_datagram_comes_back_and_the_target_has_seen_as_many() {
    let (server, port) = testbed(&[]);
    let done = run(port, &["-n", "2000", "-c", "8"]);
    assert_all_ok(&done, 2_000);
    assert_sockets_kept(&done);
    assert_eq!(done.count("/connections/attempts/made"), 8);
    assert_eq!(
        (done.count("/bytes/sent"), done.count("/bytes/received")),
        (10_000, 10_000),
        "`hello` each time"
    );
    // One was sent before the run.
    assert_eq!(returned(&server, "udp_datagrams"), 2_001);
    let found = found(port, &[]);
    assert!(found.contains("PASS request: message → replied to, 5 bytes"), "{found}");
}

#[test]
fn an_open_loop_keeps_its_rate() {
    let (_server, port) = testbed(&[]);
    let done = run(port, &["-R", "500", "-d", "2s", "-c", "4"]);
    assert_eq!((done.arrivals(), done.count("/requests/failed")), (1_000, 0), "{}", done.report["requests"]);
}

#[test]
fn several_in_one_turn_stay_datagrams_of_their_own() {
    let (server, port) = testbed(&[]);
    for rule in ["be16@0", "be32@1", "le64@2", "any"] {
        let before = returned(&server, "udp_datagrams");
        let words = ["-n", "3000", "-c", "2", "--pipeline", "16", "--match", rule, "-b", "0123456789{{seq}}"];
        let done = run(port, &words);
        assert_all_ok(&done, 3_000);
        assert_eq!(returned(&server, "udp_datagrams") - before, 3_001, "{rule}");
        assert_eq!(done.count("/connections/stray_datagrams"), 0, "{rule}: {}", done.report["connections"]);
    }
}

#[test]
fn replies_that_overtake_each_other_find_their_messages() {
    let (_server, port) = testbed(&["--service", "lognormal:2ms,1"]);
    let words = [&["-n", "2000", "-c", "2", "--pipeline", "32"][..], &NUMBERED].concat();
    let done = run(port, &words);
    assert_all_ok(&done, 2_000);
    for count in ["late_datagrams", "repeated_datagrams", "stray_datagrams"] {
        assert_eq!(done.count(&format!("/connections/{count}")), 0, "{}", done.report["connections"]);
    }
}

#[test]
fn what_is_lost_times_out_alone_and_as_often_as_the_target_says() {
    let (server, port) = testbed(&["--udp-loss", "5%"]);
    let words = ["-n", "2000", "-c", "2", "--pipeline", "16", "--timeout", "1s", "--force"];
    let done = run(port, &[&words[..], &NUMBERED].concat());
    let (lost, timeouts) = (returned(&server, "udp_lost"), done.errors("timeout"));
    // Preflight's may be one of those that were lost.
    assert!(
        timeouts > 20 && (lost == timeouts || lost == timeouts + 1),
        "{lost} {timeouts}: {}",
        done.report["requests"]
    );
    assert_eq!(done.count("/requests/ok") + timeouts, 2_000, "{}", done.report["requests"]);
    assert_sockets_kept(&done);
}

#[test]
fn a_socket_on_which_nothing_ever_comes_stays_open() {
    let (_server, port) = testbed(&["--udp-loss", "100%"]);
    let words = ["-n", "12", "-c", "1", "--pipeline", "2", "--timeout", "200ms", "--force"];
    for rule in ["be16@0", "be32@0", "any"] {
        let done = run(port, &[&words[..], &["--match", rule]].concat());
        assert_eq!(
            (done.errors("timeout"), done.count("/requests/ok")),
            (12, 0),
            "{}",
            done.report["requests"]
        );
        assert_sockets_kept(&done);
    }
    let found = found(port, &["--timeout", "200ms"]);
    assert!(found.contains("FAIL request: message → no reply from 127.0.0.1"), "{found}");
}

#[test]
fn what_comes_twice_is_counted_once_and_told() {
    let (server, port) = testbed(&["--udp-duplicate", "10%"]);
    let words = ["-n", "2000", "-c", "2", "--pipeline", "8"];
    let done = run(port, &[&words[..], &NUMBERED].concat());
    assert_all_ok(&done, 2_000);
    let (twice, repeated) =
        (returned(&server, "udp_duplicates"), done.count("/connections/repeated_datagrams"));
    // That of preflight, and what is still on its way when the run ends, is not among them.
    assert!(repeated > 50 && repeated <= twice && twice - repeated <= 20, "{twice} {repeated}");
    let shown = one_line(&done.stdout);
    assert!(shown.contains(&format!("{repeated} repeated datagrams")), "{shown}");
}

#[test]
fn what_comes_after_its_timeout_is_late_and_nobodys_reply() {
    let (_server, port) = testbed(&["--service", "fixed:600ms"]);
    for rule in ["be16@0", "be32@0"] {
        let words = ["-R", "40", "-d", "3s", "-c", "2", "--pipeline", "64", "--timeout", "200ms", "--force"];
        let done = run(port, &[&words[..], &["--match", rule]].concat());
        assert_eq!(done.count("/requests/ok"), 0, "{rule}: {}", done.report["requests"]);
        assert_eq!(done.errors("timeout"), done.count("/requests/sent"), "{}", done.report["requests"]);
        let late = done.count("/connections/late_datagrams");
        assert!(late > 20, "{rule}: {}", done.report["connections"]);
        assert_eq!(done.count("/connections/stray_datagrams"), 0, "{rule}: {}", done.report["connections"]);
        assert_sockets_kept(&done);
    }
}

#[test]
fn what_nobody_replies_to_is_over_once_it_is_sent_and_all_arrives() {
    let (server, port) = testbed(&["--udp-loss", "0%"]);
    // No more than the target's queue holds, should it be kept from reading.
    let done = run(port, &["-R", "100", "-d", "2s", "-c", "4", "--match", "none"]);
    assert_eq!((done.arrivals(), done.count("/requests/failed")), (200, 0), "{}", done.report["requests"]);
    let sent = done.count("/requests/ok");
    assert_eq!(done.count("/requests/status/SENT"), sent);
    assert_eq!(done.count("/bytes/received"), 0);
    await_so("all arrive", || returned(&server, "udp_datagrams") == sent + 1);
    let found = found(port, &["--match", "none"]);
    assert!(found.contains("PASS request: message → sent"), "{found}");
}

#[test]
fn a_port_on_which_nobody_listens_is_told_as_such() {
    let port = nobodys_port();
    let found = found(port, &[]);
    assert!(found.contains("refuses datagrams: nobody listens on its port (ICMP)"), "{found}");
    let done = run(port, &["-n", "50", "-c", "2", "--timeout", "500ms", "--force"]);
    let (refused, timeouts) = (done.errors("connect"), done.errors("timeout"));
    // The kernel says so of a limited number in a second.
    assert!(refused > 0 && refused + timeouts == 50, "{}", done.report["requests"]);
    assert_sockets_kept(&done);
    let told = serde_json::to_string(&done.report).unwrap();
    assert!(told.contains("nobody listens on its port (ICMP)"), "{}", done.report["requests"]);
}

#[test]
fn where_nobody_is_to_reply_what_is_refused_is_counted() {
    let done = run(nobodys_port(), &["-R", "200", "-d", "2s", "-c", "2", "--match", "none", "--force"]);
    let refused = done.count("/connections/refused_datagrams");
    assert!(refused > 0, "{}", done.report["connections"]);
    // One in whose place the kernel says so was not sent.
    let (sent, unsent) = (done.count("/requests/status/SENT"), done.errors("connect"));
    assert!(sent > 0 && sent + unsent == done.count("/requests/sent"), "{}", done.report["requests"]);
    assert!(unsent <= refused, "{unsent} of {refused}");
    assert_sockets_kept(&done);
    assert!(one_line(&done.stdout).contains(&format!("{refused} refused datagram")), "{}", done.stdout);
    let (_server, port) = testbed(&[]);
    let done = run(port, &["-n", "100", "--match", "none"]);
    assert_eq!(done.count("/connections/refused_datagrams"), 0, "{}", done.report["connections"]);
}

#[test]
fn what_the_kernel_dropped_here_is_held_against_this_machine() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let url = format!("udp://127.0.0.1:{}", socket.local_addr().unwrap().port());
    let running = Vajra::run(&url, &["-R", "100", "-d", "60s", "-c", "1", "--timeout", "300ms"]).start();
    return_some(&socket, 20);
    let (_, from) = socket.recv_from(&mut [0; 64]).unwrap();
    // It takes nothing while it is stopped, and no queue holds as much as that.
    running.signal(19);
    const SENT: u64 = 20_000;
    for _ in 0..SENT {
        socket.send_to(&[7; 1_024], from).unwrap();
    }
    running.signal(18);
    running.signal(2);
    let done = accounted(running.done());
    let dropped = done.count("/connections/dropped_datagrams");
    assert!(dropped > 0 && dropped < SENT, "{}", done.report["connections"]);
    assert!(one_line(&done.stdout).contains("dropped datagram"), "{}", done.stdout);
    let reasons = done.report["verdict"]["reasons"].as_array().unwrap();
    let reason = reasons.iter().find(|reason| reason["rule"] == "dropped_datagrams").unwrap();
    assert_eq!((&reason["cause"], reason["measured"].as_f64()), (&"generator".into(), Some(dropped as f64)));
    assert!(reason["text"].as_str().unwrap().contains("no loss of the target's"), "{reason}");
}

/// Returns so many datagrams.
fn return_some(socket: &UdpSocket, count: u32) {
    let mut datagram = [0; 2_048];
    for _ in 0..count {
        let (bytes, from) = socket.recv_from(&mut datagram).unwrap();
        socket.send_to(&datagram[..bytes], from).unwrap();
    }
}

#[test]
fn a_target_that_comes_back_is_reached_on_the_same_sockets() {
    let first = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = first.local_addr().unwrap().port();
    let words = [&["-R", "200", "-d", "60s", "-c", "2", "--timeout", "300ms"][..], &NUMBERED].concat();
    let running = Vajra::run(&format!("udp://127.0.0.1:{port}"), &words).start();
    return_some(&first, 100);
    drop(first);
    std::thread::sleep(Duration::from_secs(2));
    return_some(&UdpSocket::bind(("127.0.0.1", port)).unwrap(), 100);
    running.signal(2);
    let done = accounted(running.done());
    // The last of them may have come too late.
    assert!(done.count("/requests/ok") >= 190 && done.errors("connect") > 0, "{}", done.report["requests"]);
    assert_sockets_kept(&done);
}

#[test]
fn a_stall_is_seen_in_response_times_and_hidden_in_service_times() {
    let (_server, port) = testbed(&["--stall", "500ms/2s"]);
    let words = ["-R", "500", "-c", "20", "-d", "4s", "--force"];
    let done = run(port, &[&words[..], &NUMBERED].concat());
    assert!(done.count("/response_ns/p99") >= 400_000_000, "{}", done.stdout);
    assert!(done.count("/service_ns/p50") < 100_000_000, "{}", done.stdout);
    assert_eq!(done.count("/requests/dropped") + done.count("/requests/failed"), 0);
}

#[test]
fn datagrams_of_all_lengths_come_back_whole() {
    let (_server, port) = testbed(&[]);
    for length in [1, 1_472, 1_473, 16_384, 16_385, 60_000, 65_507] {
        let words = ["-n", "40", "-c", "2", "-b", "@message"];
        let done = Vajra::run(&format!("udp://127.0.0.1:{port}"), &words)
            .file("message", &"x".repeat(length))
            .done();
        assert_all_ok(&accounted(done), 40);
    }
    let plan = format!(
        "url = 'udp://127.0.0.1:{port}'\n[run]\nrequests = 40\n[[request]]\ntext = ''\nname = 'empty'\n"
    );
    let done = run_plan(&plan, &[]);
    assert_all_ok(&done, 40);
    assert_eq!((done.count("/bytes/sent"), done.count("/bytes/received")), (0, 0));
}

#[test]
fn several_kinds_of_messages_are_drawn_by_weight() {
    let (_server, port) = testbed(&[]);
    let plan = format!(
        "url = 'udp://127.0.0.1:{port}'\n[udp]\nmatch = 'le16@4'\n[run]\nrequests = 400\nconnections = 2\npipeline = 4\n\
         [[request]]\nname = 'short'\ntext = 'n={{{{rand 1000 9999}}}}'\nweight = 3\n\
         [[request]]\nname = 'long'\nbinary = '{}'\n[[request]]\nname = 'never'\ntext = '......'\nweight = 0\n",
        "b".repeat(300)
    );
    let done = run_plan(&plan, &[]);
    assert_all_ok(&done, 400);
    let steps = done.report["scenarios"][0]["steps"].as_array().unwrap().clone();
    let ok = |name: &str| {
        let step = steps.iter().find(|step| step["name"] == name).unwrap();
        step["requests"]["ok"].as_u64().unwrap()
    };
    assert_eq!(ok("short") + ok("long"), 400);
    assert!((200..400).contains(&ok("short")), "{}", ok("short"));
    assert_eq!(done.count("/bytes/received"), 6 * ok("short") + 300 * ok("long"));
}

#[test]
fn a_report_is_repeated_with_another_rule_and_differs_by_that() {
    let (_server, port) = testbed(&[]);
    let first = run(port, &["-n", "50", "--pipeline", "2"]);
    let path = first.folder.path().join("report.json").display().to_string();
    let again = accounted(Vajra::run(&path, &["--match", "be32@0"]).done());
    assert_all_ok(&again, 50);
    let protocol = &again.report["plan"]["targets"][0]["protocol"]["udp"];
    assert_eq!(
        (&protocol["pipeline"], &protocol["matching"]["field"]["bytes"]),
        (&2.into(), &4.into()),
        "{protocol}"
    );
    let other = again.folder.path().join("report.json").display().to_string();
    let compared = Vajra::new(&["compare", &path, &other]).done();
    assert!(
        one_line(&compared.stderr).contains("protocol: UDP, replies by any against UDP, replies by be32@0"),
        "{}",
        compared.stderr
    );
}
