//! Redirects that are followed, of the testbed and of nginx, over both versions of HTTP; and those that are not.

use crate::peers::{self, Peer};
use crate::vajra::{Done, Vajra, one_line};
use serde_json::Value;

const REQUESTS: u64 = 20;
const VERSIONS: [&str; 2] = ["", "http.version = '2-prior-knowledge'"];

/// A run of requests with these keys, of which each has its arrival.
fn done(url: &str, keys: &str, request: &str) -> Done {
    let plan = format!(
        "url = '{url}'\n{keys}\nrun = {{ requests = {REQUESTS}, connections = 3 }}\nload = {{ rate = 100 }}\n[[request]]\nname = 'led'\n{request}\n"
    );
    let done = Vajra::run("plan.toml", &["--force"]).file("plan.toml", &plan).done();
    done.assert_accounted();
    assert!(all(&done) > 0, "{}", done.stdout);
    done
}

/// How many requests there were: on a busy machine not all are sent.
fn all(done: &Done) -> u64 {
    done.count("/requests/ok") + done.count("/requests/failed")
}

fn redirects(done: &Done) -> [u64; 4] {
    let count = |key: &str| done.count(&format!("/scenarios/0/redirects/{key}"));
    [count("followed"), count("over_limit"), count("elsewhere"), count("unusable")]
}

/// The only reason there is: what is said, and what came first.
fn reason(done: &Done) -> (String, String) {
    let reasons = done.report["reasons"].as_array().unwrap();
    let [reason] = &reasons[..] else { panic!("one reason: {reasons:#?}") };
    assert_eq!(reason["count"].as_u64(), Some(all(done)));
    let text = |key: &str| reason[key].as_str().unwrap().to_owned();
    (text("why"), text("example"))
}

#[test]
fn a_chain_counts_as_one_request_whose_last_response_is_looked_at() {
    for version in VERSIONS {
        let testbed = peers::testbed(&[]);
        let request =
            "get = '/redirect/3'\nredirects = 3\ncheck = ['status == 200', 'body contains arrived']";
        let done = done(&testbed.url("/"), version, request);
        assert_eq!(done.count("/requests/ok"), all(&done), "{version}: {}", done.stdout);
        assert_eq!(
            done.report["requests"]["status"].as_object().unwrap().len(),
            1,
            "of the last response alone"
        );
        assert_eq!(redirects(&done), [3 * all(&done), 0, 0, 0]);
        assert_eq!(done.count("/requests/sent"), 4 * all(&done), "each hop goes on the wire");
        assert!(done.report["scenarios"][0].get("attempts").is_none(), "nothing is tried again");
        assert!(
            one_line(&done.stdout).contains(&format!("Redirects {} followed", 3 * all(&done))),
            "{}",
            done.stdout
        );
    }
}

#[test]
fn more_redirects_than_are_allowed_fail_the_request_and_none_are_followed_unasked() {
    let testbed = peers::testbed(&[]);
    let beyond = done(&testbed.url("/"), "", "get = '/redirect/3'\nredirects = 2");
    assert_eq!(
        (beyond.errors("status"), redirects(&beyond)),
        (all(&beyond), [2 * all(&beyond), all(&beyond), 0, 0])
    );
    let (why, example) = reason(&beyond);
    assert!(why.starts_with("led: more redirects than `redirects` allows"), "{why}");
    assert_eq!(example, "302 to /redirect/0");
    let unasked = done(&testbed.url("/"), "", "get = '/redirect/3'");
    assert_eq!(unasked.report["requests"]["status"]["302"].as_u64(), Some(all(&unasked)));
    assert_eq!(unasked.report["scenarios"][0].get("redirects"), None::<&Value>);
}

fn assert_nginx(peer: &Peer, version: &str) {
    let url = peer.url("/");
    for (request, hops) in [
        // nginx says where it leads with its scheme, its name and its port.
        ("get = '/moved'\nredirects = 1\ncheck = 'body contains hello world'", 1),
        // To a POST nginx has no answer at a file: the request that follows asks for it.
        ("post = '/see'\nbody = 'x'\nredirects = 1\ncheck = 'body contains hello world'", 1),
        (
            "post = '/moved'\nbody = '{{seq}}'\nheaders.X-A = '{{uuid}}'\nredirects = 5\ncheck = 'status == 200'",
            1,
        ),
        ("head = '/moved'\nredirects = 1", 1),
        ("get = '/login'\nredirects = 1\ncheck = 'body == in'", 1),
    ] {
        let keys = format!("cookies = true\n{version}");
        let done = done(&url, &keys, request);
        assert_eq!(done.count("/requests/ok"), all(&done), "{request}, {version}: {}", done.stdout);
        assert_eq!(redirects(&done), [hops * all(&done), 0, 0, 0], "{request}");
    }
    // Whoever keeps no cookies is not let in.
    let refused = done(&url, version, "get = '/login'\nredirects = 1");
    assert_eq!(
        refused.report["requests"]["status"]["403"].as_u64(),
        Some(all(&refused)),
        "{}",
        refused.stdout
    );
    let away = done(&url, version, "get = '/away'\nredirects = 5");
    assert_eq!(redirects(&away), [0, 0, all(&away), 0]);
    assert_eq!(reason(&away).1, "302 to http://other.example/");
    let circle = done(&url, version, "post = '/loop'\nbody = 'x'\nredirects = 4");
    assert_eq!(
        (redirects(&circle), circle.errors("status")),
        ([4 * all(&circle), all(&circle), 0, 0], all(&circle))
    );
}

#[test]
fn nginx_leads_where_it_says_over_http_1() {
    assert_nginx(&peers::nginx(1_000_000), VERSIONS[0]);
}

#[test]
fn nginx_leads_where_it_says_over_http_2() {
    assert_nginx(&peers::nginx_http2(1_000_000), VERSIONS[1]);
}

#[test]
fn a_hop_that_ends_with_the_run_is_accounted() {
    let testbed = peers::testbed(&[]);
    let plan = format!(
        "url = '{}'\nrun = {{ duration = '1s', graceful = '1ms', connections = 8 }}\nload = {{ rate = 200 }}\n[[request]]\n\
         get = '/redirect/20?service=fixed:30ms'\nredirects = 20\n",
        testbed.url("/")
    );
    let done = Vajra::run("plan.toml", &["--force"]).file("plan.toml", &plan).done();
    done.assert_accounted();
    let iterations = |key: &str| done.count(&format!("/iterations/{key}"));
    let scheduled: u64 = ["ok", "failed", "unfinished", "dropped", "unsent"].map(iterations).iter().sum();
    assert_eq!(scheduled, 200, "{}", done.report["iterations"]);
}

#[test]
fn redirects_that_cannot_be_are_refused_before_anything_is_sent() {
    for (plan, parts) in [
        (
            "url = 'udp://127.0.0.1:9'\nload = { rate = 1 }\n[[request]]\ntext = 'x'\nredirects = 1\n",
            ["redirects are of HTTP", "leave `redirects` out"],
        ),
        (
            "url = 'http://127.0.0.1:9'\nload = { rate = 1 }\n[[request]]\nget = '/'\nredirects = 51\n",
            ["`redirects` is a whole number from 0 to 50", "write `redirects = 50`"],
        ),
        (
            "url = 'http://127.0.0.1:9'\nload = { rate = 1 }\n[[step]]\nrun = 'a'\nredirects = 1\n[[flow.a]]\nget = '/'\n",
            ["`redirects` is of a request", "leave one out"],
        ),
    ] {
        let done = Vajra::new(&["check", "plan.toml"]).file("plan.toml", plan).done();
        assert_eq!(done.code, 2, "{}", done.stdout);
        done.assert_says(&parts);
    }
}
