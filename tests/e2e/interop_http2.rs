//! HTTP/1.1 and HTTP/2 with servers by many hands, over TLS and without. Requests of several kinds go side by side on a few connections, at a
//! rate; every one is answered, whole, in the version that was asked for, and the server itself wrote down as many.

use crate::peers::certificates::{Authority, KeyKind, Signed};
use crate::peers::multiplexed::{self, Http, TAKES};
use crate::peers::secured::{self, ServerTls, signed};
use crate::peers::{self, PATIENCE, Peer};
use crate::vajra::{Done, Vajra, one_line};
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

const REQUESTS: u64 = 300;
const RATE: u64 = 1_000;
const CONNECTIONS: u64 = 3;
const STREAMS: u64 = 8;
/// How long what is posted is: more than the first window of HTTP/2, so that the server's note of what it has taken is waited for.
const POSTED_BYTES: u64 = 100_000;
/// Files, with their lengths and how often they are asked for beside each other.
const FILES: [(&str, u64, u64); 3] = [("/index.html", 12, 12), ("/64k", 64 << 10, 4), ("/1m", 1 << 20, 1)];
const SIGINT: i32 = 2;
/// So many requests on a connection that none reaches it.
const ENDLESS: u32 = 1_000_000;

/// How a server is spoken to, and what it does.
struct Cell<'a> {
    peer: &'a Peer,
    http: Http,
    /// The authority of its certificate, if it is spoken to over TLS.
    ca: Option<String>,
    /// What ALPN is to agree on, if that is spoken.
    alpn: Option<&'static str>,
    /// Those of `FILES` that are asked for.
    files: &'static [(&'static str, u64, u64)],
    takes: Takes,
    connections: u64,
    /// What is in each line of its log. `None` where it keeps none.
    logged: Option<&'static str>,
}

/// What a server does with what is posted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Takes {
    Nothing,
    /// It answers with a few words.
    AndSaysSo,
    /// It sends all of it back.
    AndReturnsIt,
}

/// A server over TLS: what signed its certificate, and that.
type Identity = (Authority, Signed);

impl<'a> Cell<'a> {
    fn new(peer: &'a Peer, http: Http, identity: Option<&Identity>, takes: Takes) -> Cell<'a> {
        let (alpn, logged) = match http {
            Http::V1_1 => ("http/1.1", "HTTP/1.1"),
            Http::V2 => ("h2", "HTTP/2"),
        };
        Cell {
            peer,
            http,
            ca: identity.map(|(authority, _)| authority.ca()),
            alpn: identity.is_some().then_some(alpn),
            files: &FILES,
            takes,
            connections: CONNECTIONS,
            logged: Some(logged),
        }
    }

    fn plan(&self) -> String {
        let url = self.peer.url("/");
        let (url, tls) = match &self.ca {
            Some(ca) => (url.replace("http:", "https:"), format!("[tls]\nca = '{ca}'\n")),
            None => (url, String::new()),
        };
        let http = match (self.http, &self.ca) {
            (Http::V1_1, _) => "version = '1.1'".to_owned(),
            (Http::V2, Some(_)) => format!("version = '2'\nstreams = {STREAMS}"),
            (Http::V2, None) => format!("version = '2-prior-knowledge'\nstreams = {STREAMS}"),
        };
        let get = |(path, _, weight): &(&str, u64, u64)| {
            format!("[[request]]\nget = '{path}'\nweight = {weight}\n")
        };
        let post = match self.takes {
            Takes::Nothing => String::new(),
            _ => format!("[[request]]\npost = '{TAKES}'\nbody = '@posted'\nweight = 2\n"),
        };
        // It ends with the last request, long before its duration, and nothing stays unsent.
        format!(
            "url = '{url}'\n[run]\nconnections = {}\nduration = '10m'\nrequests = {REQUESTS}\n[load]\nrate = {RATE}\n\
             {tls}[http]\n{http}\n{}{post}",
            self.connections,
            self.files.iter().map(get).collect::<String>()
        )
    }

    fn vajra(&self, words: &[&str]) -> Vajra {
        let posted = "x".repeat(POSTED_BYTES as usize);
        Vajra::new(words).file("plan.toml", &self.plan()).file("posted", &posted)
    }

    /// Preflight, and all requests at a rate.
    fn assert_spoken(&self) {
        self.assert_agreed();
        let done = self.vajra(&["run", "plan.toml", "--json", "report.json"]).done();
        assert!(done.report.is_object(), "{}", done.stderr);
        done.assert_accounted();
        let counts = ["sent", "ok", "failed"].map(|key| done.count(&format!("/requests/{key}")));
        assert_eq!(counts, [REQUESTS, REQUESTS, 0], "{}\n{}", done.stderr, done.report);
        assert_eq!(done.count("/connections/replays"), 0);
        self.assert_whole(&done);
        self.assert_logged(&done);
    }

    /// What was agreed on is told, and each file is there.
    fn assert_agreed(&self) {
        let done = self.vajra(&["check", "plan.toml"]).done();
        let said = one_line(&done.stdout);
        let tls = said.split("PASS ").find_map(|line| line.strip_prefix("tls: "));
        assert_eq!(tls.is_some(), self.ca.is_some(), "{said}");
        let agreed = tls.and_then(|line| line.split(", ").find_map(|part| part.strip_suffix(" by ALPN")));
        assert_eq!(agreed, self.alpn, "{said}");
        assert_eq!(said.contains("PASS http/2: "), self.http == Http::V2, "{said}");
        for (path, ..) in self.files {
            assert!(said.contains(&format!("PASS request: GET {path} → 200, ")), "{said}");
        }
    }

    /// Of each kind some were answered, with as many bytes as the bodies have, and little more.
    fn assert_whole(&self, done: &Done) {
        for (path, bytes, _) in self.files {
            assert_bytes(done, &format!("GET {path}"), "received", *bytes);
        }
        if self.takes != Takes::Nothing {
            assert_bytes(done, &posts(), "sent", POSTED_BYTES);
        }
        match self.takes {
            Takes::Nothing => (),
            Takes::AndSaysSo => assert_bytes(done, &posts(), "received", 5),
            Takes::AndReturnsIt => assert_bytes(done, &posts(), "received", POSTED_BYTES),
        }
    }

    /// A line for each request of preflight's, which is made twice, and one for each of the run.
    fn assert_logged(&self, done: &Done) {
        let Some(version) = self.logged else { return };
        let requests = 2 * self.files.len() + REQUESTS as usize;
        let lines = self.peer.log(requests);
        assert_eq!(lines.len(), requests, "{:?}", lines.last());
        assert_eq!(lines.iter().find(|line| !line.contains(version)), None, "all in {version}");
        if self.takes != Takes::Nothing {
            let posted = lines.iter().filter(|line| line.contains("POST")).count();
            assert_eq!(posted as u64, step(done, &posts())["requests"]["ok"].as_u64().unwrap());
        }
    }
}

/// What requests that post are called in a report.
fn posts() -> String {
    format!("POST {TAKES}")
}

/// The part of a report that is about one kind of request.
fn step<'a>(done: &'a Done, kind: &str) -> &'a Value {
    let steps = done.report["scenarios"][0]["steps"].as_array().unwrap();
    steps.iter().find(|step| step["name"] == kind).unwrap_or_else(|| panic!("no {kind}: {steps:?}"))
}

/// Each request of a kind took so many bytes one way, and what frames and a head may take.
fn assert_bytes(done: &Done, kind: &str, way: &str, body: u64) {
    let step = step(done, kind);
    let [count, bytes] = [&step["requests"]["ok"], &step["bytes"][way]].map(|value| value.as_u64().unwrap());
    let bounds = count * body..count * (body + body / 50 + 1_000);
    assert!(bounds.contains(&bytes), "{kind}: {bytes} bytes {way} by {count} requests, and not {bounds:?}");
}

/// A certificate of a kind that all of them take.
fn identity() -> Identity {
    signed(KeyKind::Ecdsa)
}

/// A server that is started with a certificate or without, and is spoken to in one version of HTTP.
fn assert_with_tls(http: Http, takes: Takes, start: impl Fn(Option<&Signed>) -> Peer) {
    let identity = identity();
    Cell::new(&start(Some(&identity.1)), http, Some(&identity), takes).assert_spoken();
}

fn assert_without_tls(http: Http, takes: Takes, start: impl Fn(Option<&Signed>) -> Peer) {
    Cell::new(&start(None), http, None, takes).assert_spoken();
}

#[test]
fn nginx_in_http_1_1_without_tls() {
    assert_without_tls(Http::V1_1, Takes::AndSaysSo, |signed| {
        multiplexed::nginx(Http::V1_1, signed, ENDLESS)
    });
}

#[test]
fn nginx_in_http_1_1_over_tls() {
    assert_with_tls(Http::V1_1, Takes::AndSaysSo, |signed| multiplexed::nginx(Http::V1_1, signed, ENDLESS));
}

#[test]
fn nginx_in_http_2_without_tls() {
    assert_without_tls(Http::V2, Takes::AndSaysSo, |signed| multiplexed::nginx(Http::V2, signed, ENDLESS));
}

#[test]
fn nginx_in_http_2_over_tls() {
    assert_with_tls(Http::V2, Takes::AndSaysSo, |signed| multiplexed::nginx(Http::V2, signed, ENDLESS));
}

#[test]
fn node_in_http_1_1_without_tls() {
    assert_without_tls(Http::V1_1, Takes::AndReturnsIt, |signed| multiplexed::node(Http::V1_1, signed, 0));
}

#[test]
fn node_in_http_1_1_over_tls() {
    assert_with_tls(Http::V1_1, Takes::AndReturnsIt, |signed| multiplexed::node(Http::V1_1, signed, 0));
}

#[test]
fn node_in_http_2_without_tls() {
    assert_without_tls(Http::V2, Takes::AndReturnsIt, |signed| multiplexed::node(Http::V2, signed, 0));
}

#[test]
fn node_in_http_2_over_tls() {
    assert_with_tls(Http::V2, Takes::AndReturnsIt, |signed| multiplexed::node(Http::V2, signed, 0));
}

#[test]
fn apache_in_http_1_1_without_tls() {
    assert_without_tls(Http::V1_1, Takes::AndSaysSo, multiplexed::apache);
}

#[test]
fn apache_in_http_1_1_over_tls() {
    assert_with_tls(Http::V1_1, Takes::AndSaysSo, multiplexed::apache);
}

#[test]
fn apache_in_http_2_without_tls() {
    assert_without_tls(Http::V2, Takes::AndSaysSo, multiplexed::apache);
}

#[test]
fn apache_in_http_2_over_tls() {
    assert_with_tls(Http::V2, Takes::AndSaysSo, multiplexed::apache);
}

#[test]
fn h2o_in_http_1_1_without_tls() {
    assert_without_tls(Http::V1_1, Takes::AndReturnsIt, multiplexed::h2o);
}

#[test]
fn h2o_in_http_1_1_over_tls() {
    assert_with_tls(Http::V1_1, Takes::AndReturnsIt, multiplexed::h2o);
}

#[test]
fn h2o_in_http_2_without_tls() {
    assert_without_tls(Http::V2, Takes::AndReturnsIt, multiplexed::h2o);
}

#[test]
fn h2o_in_http_2_over_tls() {
    assert_with_tls(Http::V2, Takes::AndReturnsIt, multiplexed::h2o);
}

#[test]
fn caddy_in_http_1_1_without_tls() {
    assert_without_tls(Http::V1_1, Takes::AndSaysSo, multiplexed::caddy);
}

#[test]
fn caddy_in_http_1_1_over_tls() {
    assert_with_tls(Http::V1_1, Takes::AndSaysSo, multiplexed::caddy);
}

#[test]
fn caddy_in_http_2_without_tls() {
    assert_without_tls(Http::V2, Takes::AndSaysSo, multiplexed::caddy);
}

#[test]
fn caddy_in_http_2_over_tls() {
    assert_with_tls(Http::V2, Takes::AndSaysSo, multiplexed::caddy);
}

#[test]
fn hypercorn_in_http_1_1_without_tls() {
    assert_without_tls(Http::V1_1, Takes::AndReturnsIt, multiplexed::hypercorn);
}

#[test]
fn hypercorn_in_http_1_1_over_tls() {
    assert_with_tls(Http::V1_1, Takes::AndReturnsIt, multiplexed::hypercorn);
}

#[test]
fn hypercorn_in_http_2_without_tls() {
    assert_without_tls(Http::V2, Takes::AndReturnsIt, multiplexed::hypercorn);
}

#[test]
fn hypercorn_in_http_2_over_tls() {
    assert_with_tls(Http::V2, Takes::AndReturnsIt, multiplexed::hypercorn);
}

#[test]
fn haproxy_in_http_1_1_without_tls_before_nginx() {
    assert_haproxy(Http::V1_1, None);
}

#[test]
fn haproxy_in_http_1_1_over_tls_before_nginx() {
    assert_haproxy(Http::V1_1, Some(&identity()));
}

#[test]
fn haproxy_in_http_2_without_tls_before_nginx() {
    assert_haproxy(Http::V2, None);
}

#[test]
fn haproxy_in_http_2_over_tls_before_nginx() {
    assert_haproxy(Http::V2, Some(&identity()));
}

/// HAProxy, and what is behind it: both write down the same requests, in the version that each was spoken to in.
fn assert_haproxy(http: Http, identity: Option<&Identity>) {
    // What comes over TLS is passed on in HTTP/1.1, and without TLS as it came.
    let on = if identity.is_some() { Http::V1_1 } else { http };
    let behind = multiplexed::nginx(on, None, ENDLESS);
    let peer = multiplexed::haproxy(http, identity.map(|(_, signed)| signed), &behind);
    Cell::new(&peer, http, identity, Takes::AndSaysSo).assert_spoken();
    let passed_on = peer.log(0).len();
    assert_eq!(behind.log(passed_on).len(), passed_on);
}

#[test]
fn nghttpd_in_http_2_without_tls() {
    let peer = peers::nghttpd(&[]);
    let cell = Cell::new(&peer, Http::V2, None, Takes::AndReturnsIt);
    Cell { logged: None, ..cell }.assert_spoken();
}

#[test]
fn nghttpd_in_http_2_over_tls() {
    let identity = identity();
    let peer = multiplexed::nghttpd(&identity.1);
    let cell = Cell::new(&peer, Http::V2, Some(&identity), Takes::AndReturnsIt);
    Cell { logged: None, ..cell }.assert_spoken();
}

/// HTTP/1.0: each connection is for one request.
#[test]
fn pythons_http_server_in_http_1_0() {
    let peer = peers::python();
    let cell = Cell::new(&peer, Http::V1_1, None, Takes::Nothing);
    Cell { logged: None, ..cell }.assert_spoken();
}

/// HTTP/1.0 over TLS, and one connection at a time. It says nothing of what it speaks.
#[test]
fn openssls_own_server_in_http_1_0_over_tls() {
    let identity = identity();
    let peer = secured::openssl(&ServerTls::new(&identity.1), &[]);
    let cell = Cell::new(&peer, Http::V1_1, Some(&identity), Takes::Nothing);
    Cell { logged: None, alpn: None, connections: 1, ..cell }.assert_spoken();
}

/// So many requests a server takes on a connection, before it sends GOAWAY.
const TAKEN: u32 = 50;

/// A server that says of each connection after so many requests that it takes no more, and passes over what was sent behind these: that is
/// sent once more. So few are under way that none of them can be passed over on three connections, one after the other.
fn assert_goes_away_after_requests(peer: &Peer, identity: Option<&Identity>) {
    let done = run(peer, identity, "/index.html", &["-n", "1000", "-c", "2", "--streams", "12"]).done();
    done.assert_accounted();
    let counts = ["sent", "ok", "failed"].map(|key| done.count(&format!("/requests/{key}")));
    assert_eq!(counts, [1_000, 1_000, 0], "{}\n{}", done.stderr, done.report["reasons"]);
    let (replays, reconnects) = (done.count("/connections/replays"), done.count("/connections/reconnects"));
    assert!(replays > 0, "{}", done.report["connections"]);
    assert!(one_line(&done.stdout).contains(&format!("{replays} replayed request")), "{}", done.stdout);
    // Each connection but the last two had as many requests as it takes.
    assert!(reconnects >= 1_000 / u64::from(TAKEN) - 2, "{}", done.report["connections"]);
    // What it passed over it did not write down: each request is there once, beside preflight's.
    let lines = peer.log(1_001);
    assert_eq!(lines.len(), 1_001);
    let clients = lines.iter().filter_map(|line| port(line)).collect::<BTreeSet<_>>().len() as u64;
    assert!(clients > 1_000 / u64::from(TAKEN), "{clients} connections");
}

/// Apache ends a connection on which nothing has come for some time, which here is about as long as until the next request: many of these
/// are on their way when it goes away, and it passes over them.
#[test]
fn apache_goes_away_from_connections_that_are_idle() {
    let peer = multiplexed::apache_of_keep_alive(None, "50ms");
    let done =
        run(&peer, None, "/64k", &["-R", "38", "-n", "60", "-d", "10m", "-c", "2", "--streams", "4"]).done();
    done.assert_accounted();
    let counts = ["sent", "ok", "failed"].map(|key| done.count(&format!("/requests/{key}")));
    assert_eq!(counts, [60, 60, 0], "{}\n{}", done.stderr, done.report["reasons"]);
    assert!(done.count("/connections/reconnects") > 0, "{}", done.report["connections"]);
    assert_eq!(peer.log(61).len(), 61, "{} replays", done.count("/connections/replays"));
}

fn run(peer: &Peer, identity: Option<&Identity>, path: &str, words: &[&str]) -> Vajra {
    let url = peer.url(path);
    match identity {
        None => Vajra::run(&url, &[&["--http2-prior-knowledge"], words].concat()),
        Some((authority, _)) => {
            let ca = authority.ca();
            Vajra::run(&url.replace("http:", "https:"), &[&["--http2", "--cacert", &ca], words].concat())
        }
    }
}

/// The port of who made the request that a line of a log is about.
fn port(line: &str) -> Option<&str> {
    let is_request = line.contains("HTTP/");
    let named = line.split("\"remote_port\":\"").nth(1).and_then(|rest| rest.split('"').next());
    named.or_else(|| line.split(' ').next_back()).filter(|_| is_request)
}

#[test]
fn nginx_goes_away_after_fifty_requests_without_tls() {
    assert_goes_away_after_requests(&multiplexed::nginx(Http::V2, None, TAKEN), None);
}

#[test]
fn nginx_goes_away_after_fifty_requests_over_tls() {
    let identity = identity();
    let peer = multiplexed::nginx(Http::V2, Some(&identity.1), TAKEN);
    assert_goes_away_after_requests(&peer, Some(&identity));
}

#[test]
fn node_goes_away_after_fifty_requests_without_tls() {
    assert_goes_away_after_requests(&multiplexed::node(Http::V2, None, TAKEN), None);
}

/// A server is made to begin anew in the middle of a run: it sends GOAWAY on the connections that it has, and takes new ones. So many requests
/// may be lost, where it closes connections without a word.
fn assert_begins_anew(peer: &Peer, identity: Option<&Identity>, lost_max: u64, begin_anew: impl Fn()) {
    let words = ["-R", "400", "-d", "10m", "-c", "2", "--streams", "8"];
    let running = run(peer, identity, "/64k", &words).start();
    peer.log(100);
    running.assert_runs("the server began anew");
    begin_anew();
    // Preflight's connection, both that there were, and both that took their place.
    let begun = Instant::now();
    while clients(peer).len() < 5 {
        assert!(begun.elapsed() < PATIENCE, "its connections are the old ones: {:?}", clients(peer));
        std::thread::sleep(Duration::from_millis(20));
    }
    peer.log(peer.log(0).len() + 100);
    running.signal(SIGINT);
    let done = running.done();
    done.assert_accounted();
    // On a machine that stands still for two seconds a request may be cut off at the end.
    let cut_off = done.errors("unfinished");
    let lost: u64 = ["eof", "receive", "send"].iter().map(|kind| done.errors(kind)).sum();
    let (sent, ok, failed) =
        (done.count("/requests/sent"), done.count("/requests/ok"), done.count("/requests/failed"));
    let (requests, reasons) = (&done.report["requests"], &done.report["reasons"]);
    assert_eq!((failed, sent), (cut_off + lost, ok + failed), "{requests} {reasons}");
    assert!(lost <= lost_max, "{requests} {reasons}");
    assert!(done.count("/connections/reconnects") >= 2, "{}", done.report["connections"]);
    let lines = peer.log(ok as usize + 1).iter().filter(|line| port(line).is_some()).count() as u64;
    assert!((ok + 1..=sent + 1).contains(&lines), "{lines} lines, {ok} of {sent} answered");
}

/// The ports of all who made requests.
fn clients(peer: &Peer) -> BTreeSet<String> {
    peer.log(0).iter().filter_map(|line| port(line)).map(str::to_owned).collect()
}

#[test]
fn haproxy_is_reloaded_in_the_middle_of_a_run() {
    let behind = multiplexed::nginx(Http::V2, None, ENDLESS);
    let peer = multiplexed::haproxy(Http::V2, None, &behind);
    assert_begins_anew(&peer, None, 0, || peer.signal("USR2"));
}

/// What it has without TLS it keeps when it is reloaded. Over TLS it closes a connection on which nothing is under way at that moment without
/// GOAWAY, as Go's servers do when they stop: a request that is on its way is lost, of each connection as many as its streams at the most.
#[test]
fn caddy_is_reloaded_in_the_middle_of_a_run() {
    let identity = identity();
    let peer = multiplexed::caddy(Some(&identity.1));
    assert_begins_anew(&peer, Some(&identity), 16, || multiplexed::reload_caddy(&peer));
}
