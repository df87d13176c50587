//! HTTP/1.1 with servers by many hands, over TLS and without: every request answered, and as many as the server itself wrote down.

use crate::peers::Peer;
use crate::peers::certificates::KeyKind;
use crate::peers::secured::{self, ServerTls, Versions, signed};
use crate::vajra::{Done, Vajra, one_line};

const REQUESTS: usize = 200;
const CONNECTIONS: usize = 4;
/// Of 200 connections for one request each so many take up a session, if the server has tickets. Most give one for each connection; node gives
/// two for a new session and none for one that was taken up, so that it is two of three.
const RESUMED_MIN: usize = 120;
const EACH_VERSION: [Versions; 2] = [Versions::Only1_2, Versions::Only1_3];

/// How a server is spoken to, and what is to come of it.
struct Expected<'a> {
    peer: &'a Peer,
    path: &'a str,
    ca: Option<&'a str>,
    /// What preflight says of the handshake.
    agreed: String,
    /// What is in a line of the server's log if the session was an earlier one. `None` where it keeps no log.
    resumed: Option<&'a str>,
    has_tickets: bool,
    /// How many connections are kept open: 1 for a server that serves one at a time.
    connections: usize,
}

impl<'a> Expected<'a> {
    fn plain(peer: &'a Peer) -> Expected<'a> {
        Expected {
            peer,
            path: "/",
            ca: None,
            agreed: String::new(),
            resumed: Some("never"),
            has_tickets: false,
            connections: CONNECTIONS,
        }
    }

    fn secured(peer: &'a Peer, ca: &'a str, agreed: String, resumed: Option<&'a str>) -> Expected<'a> {
        Expected { ca: Some(ca), agreed, resumed, has_tickets: true, ..Expected::plain(peer) }
    }

    fn words(&self) -> Vec<&str> {
        self.ca.iter().flat_map(|ca| ["--cacert", *ca]).collect()
    }

    fn url(&self) -> String {
        let url = self.peer.url(self.path);
        if self.ca.is_some() { url.replace("http:", "https:") } else { url }
    }

    /// Preflight, connections that are used again, and a connection for each request.
    fn assert_spoken(&self) {
        let mut known = self.assert_logged(0, 0).len();
        self.assert_agreed();
        known = self.assert_logged(known, 1).len();
        let (count, connections) = (REQUESTS.to_string(), self.connections.to_string());
        self.run(&["-n", &count, "-c", &connections]);
        known = self.assert_logged(known, REQUESTS + 1).len();
        let done = self.run(&["-n", &count, "-c", &CONNECTIONS.to_string(), "--disable-keepalive"]);
        assert_eq!(attempts(&done, "made"), REQUESTS, "{}", done.report["connections"]);
        let lines = self.assert_logged(known, REQUESTS + 1);
        let resumed = attempts(&done, "resumed");
        match self.has_tickets {
            true => assert!(resumed >= RESUMED_MIN, "{resumed} of {REQUESTS} resumed: {}", self.agreed),
            false => assert_eq!(resumed, 0, "{}", self.agreed),
        }
        if let Some(mark) = self.resumed {
            let logged = lines[known..].iter().filter(|line| line.contains(mark)).count();
            assert_eq!(logged, resumed, "the server's own count: {:?}", lines.last());
        }
    }

    /// What was agreed on is what both ends were told to.
    fn assert_agreed(&self) {
        let url = self.url();
        let done = Vajra::new(&[&["check", &url][..], &self.words()].concat()).done();
        let said = one_line(&done.stdout);
        assert_eq!(done.code, 0, "{said}\n{}", done.stderr);
        assert!(self.ca.is_none() || said.contains(&format!("PASS tls: {}", self.agreed)), "{said}");
        assert!(said.contains("200,"), "{said}");
    }

    fn run(&self, words: &[&str]) -> Done {
        let done = Vajra::run(&self.url(), &[&self.words(), words].concat()).done();
        done.assert_accounted();
        done.assert_ended_with(0);
        let counts = ["ok", "failed", "sent"].map(|key| done.count(&format!("/requests/{key}")));
        assert_eq!(
            counts,
            [REQUESTS as u64, 0, REQUESTS as u64],
            "{} {}",
            self.agreed,
            done.report["requests"]
        );
        done
    }

    /// The server has so many lines more than it had, and no other.
    fn assert_logged(&self, known: usize, more: usize) -> Vec<String> {
        if self.resumed.is_none() {
            return Vec::new();
        }
        let lines = self.peer.log(known + more);
        assert_eq!(lines.len(), known + more, "{:?}", lines.last());
        lines
    }
}

fn attempts(done: &Done, key: &str) -> usize {
    done.count(&format!("/connections/attempts/{key}")) as usize
}

/// What OpenSSL, GnuTLS and whoever else follows the client's order choose of what Vajra offers.
fn strongest(versions: Versions, kind: KeyKind) -> String {
    let cipher = match (versions, kind) {
        (Versions::Only1_2, KeyKind::Ecdsa) => "TLS 1.2, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        (Versions::Only1_2, KeyKind::Rsa) => "TLS 1.2, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        (_, _) => "TLS 1.3, TLS_AES_256_GCM_SHA384",
    };
    cipher.to_owned()
}

/// Go prefers AES with 128 bits where the processor has instructions for it.
fn fastest(versions: Versions, kind: KeyKind) -> String {
    strongest(versions, kind).replace("256_GCM_SHA384", "128_GCM_SHA256")
}

/// node has an order of its own for TLS 1.2.
fn nodes(versions: Versions, kind: KeyKind) -> String {
    match versions {
        Versions::Only1_2 => fastest(versions, kind),
        _ => strongest(versions, kind),
    }
}

/// A server under each version, with a key of one kind.
fn assert_each_version(
    kind: KeyKind,
    resumed: Option<&str>,
    agreed: fn(Versions, KeyKind) -> String,
    start: impl Fn(&ServerTls<'_>) -> Peer,
) {
    let (authority, signed) = signed(kind);
    let ca = authority.ca();
    for versions in EACH_VERSION {
        let peer = start(&ServerTls { versions, ..ServerTls::new(&signed) });
        Expected::secured(&peer, &ca, agreed(versions, kind), resumed).assert_spoken();
    }
}

fn assert_nginx(kind: KeyKind) {
    let (authority, signed) = signed(kind);
    let ca = authority.ca();
    for (versions, has_tickets) in
        EACH_VERSION.into_iter().flat_map(|versions| [(versions, true), (versions, false)])
    {
        let peer = secured::nginx(Some(&ServerTls { versions, has_tickets, ..ServerTls::new(&signed) }));
        let expected = Expected::secured(&peer, &ca, strongest(versions, kind), Some(" r"));
        Expected { has_tickets, ..expected }.assert_spoken();
    }
}

#[test]
fn nginx_with_an_ecdsa_key_and_each_version_with_tickets_and_without() {
    assert_nginx(KeyKind::Ecdsa);
}

#[test]
fn nginx_with_an_rsa_key_and_each_version_with_tickets_and_without() {
    assert_nginx(KeyKind::Rsa);
}

#[test]
fn apache_over_tls() {
    assert_each_version(KeyKind::Rsa, Some(" Resumed"), strongest, |tls| secured::apache(Some(tls)));
}

#[test]
fn haproxy_ends_tls_before_nginx() {
    let (authority, signed) = signed(KeyKind::Ecdsa);
    let ca = authority.ca();
    for versions in EACH_VERSION {
        let behind = secured::nginx(None);
        let tls = ServerTls { versions, ..ServerTls::new(&signed) };
        let peer = secured::haproxy(Some(&tls), &behind);
        Expected::secured(&peer, &ca, strongest(versions, KeyKind::Ecdsa), Some(" 1")).assert_spoken();
        let lines = peer.log(0).len();
        assert_eq!(behind.log(lines).len(), lines, "what it took it passed on");
    }
}

#[test]
fn openssls_own_server_whose_bodies_last_until_the_end_of_the_connection() {
    let (authority, signed) = signed(KeyKind::Rsa);
    let ca = authority.ca();
    for versions in EACH_VERSION {
        let peer = secured::openssl(&ServerTls { versions, ..ServerTls::new(&signed) }, &[]);
        let agreed = strongest(versions, KeyKind::Rsa);
        let expected = Expected::secured(&peer, &ca, agreed, None);
        Expected { path: "/index.html", connections: 1, ..expected }.assert_spoken();
    }
}

#[test]
fn gnutlss_own_server() {
    assert_each_version(KeyKind::Ecdsa, None, strongest, secured::gnutls);
}

#[test]
fn nodes_https() {
    assert_each_version(KeyKind::Ecdsa, Some(" true"), nodes, |tls| secured::node(Some(tls)));
}

#[test]
fn pythons_ssl() {
    assert_each_version(KeyKind::Rsa, Some(" True"), strongest, |tls| secured::python(Some(tls)));
}

#[test]
fn caddy_over_tls() {
    let resumed = Some("\"resumed\":true");
    assert_each_version(KeyKind::Ecdsa, resumed, fastest, |tls| secured::caddy(Some(tls)));
}

#[test]
fn a_server_of_both_versions_is_spoken_to_in_the_newer() {
    let (authority, signed) = signed(KeyKind::Ecdsa);
    let peer = secured::nginx(Some(&ServerTls::new(&signed)));
    let agreed = strongest(Versions::Only1_3, KeyKind::Ecdsa);
    Expected::secured(&peer, &authority.ca(), agreed, Some(" r")).assert_agreed();
}

#[test]
fn each_of_them_without_tls() {
    let behind = secured::nginx(None);
    for peer in [
        secured::nginx(None),
        secured::apache(None),
        secured::haproxy(None, &behind),
        secured::node(None),
        secured::python(None),
        secured::caddy(None),
    ] {
        Expected::plain(&peer).assert_spoken();
    }
}
