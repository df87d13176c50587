//! DNS as unbound and dnspython have it.

use crate::peers::Peer;
use crate::peers::datagrams::{dnspython, unbound};
use crate::vajra::{Done, Vajra, one_line};

fn url(server: &Peer, path: &str) -> String {
    format!("dns://127.0.0.1:{}{path}", server.port)
}

fn run(server: &Peer, path: &str, words: &[&str]) -> Done {
    accounted(Vajra::run(&url(server, path), words).done())
}

fn run_plan(plan: &str, words: &[&str]) -> Done {
    accounted(Vajra::run("plan.toml", words).file("plan.toml", plan).done())
}

fn found(server: &Peer, path: &str, words: &[&str]) -> String {
    one_line(&Vajra::new(&[&["check", &url(server, path)], words].concat()).done().stdout)
}

fn accounted(done: Done) -> Done {
    done.assert_accounted();
    let sent = done.count("/requests/sent");
    let ended = done.count("/requests/ok") + done.count("/requests/failed");
    assert_eq!(sent, ended, "{}", done.report["requests"]);
    done
}

fn assert_all(done: &Done, code: &str, queries: u64) {
    let counts = (done.count("/requests/ok"), done.count("/requests/failed"));
    assert_eq!(counts, (queries, 0), "{}\n{}", done.stderr, done.report["requests"]);
    assert_eq!(done.count(&format!("/requests/status/{code}")), queries, "{}", done.report["requests"]);
}

#[test]
fn unbound_answers_each_query_of_a_closed_loop() {
    let server = unbound();
    let done = run(&server, "/www.example.test", &["-n", "2000", "-c", "4", "--pipeline", "8"]);
    assert_all(&done, "NOERROR", 2_000);
    // A header, a name, type and class; and a record with four bytes of an address.
    let query = 12 + 18 + 4;
    assert_eq!(done.count("/bytes/sent"), 2_000 * query);
    assert_eq!(done.count("/bytes/received"), 2_000 * (query + 12 + 4));
    let found = found(&server, "/www.example.test?type=AAAA", &[]);
    assert!(found.contains("PASS request: dns www.example.test AAAA → NOERROR, 62 bytes"), "{found}");
}

#[test]
fn an_open_loop_keeps_its_rate() {
    let server = unbound();
    let done = run(&server, "/www.example.test", &["-R", "1000", "-d", "2s"]);
    assert_eq!((done.arrivals(), done.count("/requests/failed")), (2_000, 0), "{}", done.report["requests"]);
}

#[test]
fn a_name_that_is_not_there_is_an_answer_and_a_refusal_is_a_failure() {
    let server = unbound();
    let done = run(&server, "/no-{{seq}}.example.test", &["-n", "500", "-c", "2"]);
    assert_all(&done, "NXDOMAIN", 500);
    let done = run(&server, "/www.example.org", &["-n", "100"]);
    assert_eq!((done.errors("status"), done.count("/requests/ok")), (100, 0), "{}", done.report["requests"]);
    assert_eq!(done.count("/requests/status/REFUSED"), 100);
    let shown = one_line(&done.stdout);
    assert!(shown.contains("REFUSED: 100"), "{shown}");
    let found = found(&server, "/www.example.org", &[]);
    assert!(found.contains("WARN request: dns www.example.org A → REFUSED"), "{found}");
}

#[test]
fn queries_of_several_types_are_drawn_by_weight() {
    let server = unbound();
    let plan = format!(
        "url = '{}'\n[run]\nrequests = 400\nconnections = 2\npipeline = 4\n[[request]]\ndns = 'www.example.test'\nweight = 3\n\
         [[request]]\ndns = 'example.test MX'\n[[request]]\ndns = 'www.example.test TXT'\nname = 'nothing there'\n",
        url(&server, "")
    );
    let done = run_plan(&plan, &[]);
    assert_all(&done, "NOERROR", 400);
    let steps = done.report["scenarios"][0]["steps"].as_array().unwrap();
    let names: Vec<&str> = steps.iter().map(|step| step["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["dns www.example.test A", "dns example.test MX", "nothing there"]);
    assert!(steps.iter().all(|step| step["requests"]["ok"].as_u64().unwrap() > 20), "{steps:?}");
}

#[test]
fn another_library_reads_each_query_as_it_was_meant() {
    let server = dnspython("right");
    let done = run(&server, "/u-{{seq}}.example.org?type=AAAA", &["-n", "300", "-c", "3", "--pipeline", "4"]);
    assert_all(&done, "NOERROR", 300);
    let log = server.log(301);
    for number in 0..300 {
        let line = format!("u-{number}.example.org. AAAA rd none");
        let expected = if number == 0 { 2 } else { 1 };
        assert_eq!(
            log.iter().filter(|known| **known == line).count(),
            expected,
            "{line}: preflight asks for the first"
        );
    }
}

#[test]
fn recursion_edns_and_numbered_types_are_sent_as_they_are_asked_for() {
    let server = dnspython("right");
    let plan = format!(
        "url = '{}'\n[udp]\nrecursion = false\nedns = 1232\n[run]\nrequests = 20\n[[request]]\ndns = 'example.org TYPE65280'\n",
        url(&server, "")
    );
    assert_all(&run_plan(&plan, &[]), "NOERROR", 20);
    assert!(
        server.log(21).iter().all(|line| line == "example.org. TYPE65280 no 1232"),
        "{:?}",
        server.log(21)
    );
}

#[test]
fn a_reply_to_another_question_is_not_believed() {
    let server = dnspython("forged");
    let done = run(&server, "/example.org", &["-n", "200", "-c", "2"]);
    assert_all(&done, "NOERROR", 200);
    assert_eq!(done.count("/connections/stray_datagrams"), 200, "{}", done.report["connections"]);
}

#[test]
fn replies_that_were_cut_short_or_come_twice_are_counted() {
    let server = dnspython("truncated");
    let done = run(&server, "/example.org", &["-n", "100"]);
    assert_all(&done, "NOERROR", 100);
    assert_eq!(done.count("/connections/truncated_replies"), 100);
    let server = dnspython("twice");
    let done = run(&server, "/u-{{seq}}.example.org", &["-n", "200"]);
    assert_all(&done, "NOERROR", 200);
    let repeated = done.count("/connections/repeated_datagrams");
    assert!((150..=200).contains(&repeated), "{}", done.report["connections"]);
}

#[test]
fn a_server_that_fails_or_is_silent_is_told_by_kind_and_code() {
    let server = dnspython("servfail");
    let done = run(&server, "/example.org", &["-n", "50"]);
    assert_eq!((done.errors("status"), done.count("/requests/status/SERVFAIL")), (50, 50));
    let server = dnspython("silent");
    let words = ["-n", "10", "--pipeline", "5", "--timeout", "300ms", "--force"];
    let done = run(&server, "/example.org", &words);
    assert_eq!((done.errors("timeout"), done.count("/requests/failed")), (10, 10));
    assert_eq!(done.count("/connections/reconnects"), 0, "{}", done.report["connections"]);
    let found = found(&server, "/example.org", &["--timeout", "300ms"]);
    assert!(
        found.contains("FAIL request: dns example.org A → no reply")
            && found.contains("is a server of DNS there"),
        "{found}"
    );
}

#[test]
fn a_report_is_repeated_with_the_same_queries_or_with_those_of_another_url() {
    let server = dnspython("right");
    let first = run(&server, "/a.example.org?type=MX", &["-n", "10"]);
    let path = first.folder.path().join("report.json").display().to_string();
    assert_all(&accounted(Vajra::run(&path, &[]).done()), "NOERROR", 10);
    let other = url(&server, "/b.example.org?type=TXT");
    let again = accounted(Vajra::run(&path, &["--url", &other]).done());
    assert_eq!(again.report["plan"]["scenarios"][0]["script"]["mix"][0]["name"], "dns b.example.org TXT");
    let log = server.log(33);
    let count = |line: &str| log.iter().filter(|known| known.starts_with(line)).count();
    assert_eq!((count("a.example.org. MX"), count("b.example.org. TXT")), (22, 11), "{log:?}");
}
