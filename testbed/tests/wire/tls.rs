//! TLS as clients meet it: what they trust, what they refuse, and what they agree on.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use vajra_testbed::{TlsFault, TlsOptions, TlsVersions};

use crate::client::{server, tls_server};
use crate::curl::{curl, file, trusting, url};

fn with_fault(fault: TlsFault) -> TlsOptions {
    TlsOptions { fault: Some(fault), ..TlsOptions::default() }
}

fn with_versions(versions: TlsVersions) -> TlsOptions {
    TlsOptions { versions, ..TlsOptions::default() }
}

#[test]
fn who_trusts_the_authority_trusts_the_server_by_each_of_its_names() {
    let server = tls_server("", TlsOptions::default());
    let port = server.address().port();
    for host in ["127.0.0.1", "localhost"] {
        let url = format!("https://{host}:{port}/");
        let fetched = trusting(&server, &["-4", &url]);
        assert_eq!((fetched.code, fetched.text()), (0, "ok\n"), "{host}: {}", fetched.told);
    }
    let ipv6 = format!("https://[::1]:{port}/");
    // The machine may have no IPv6: the name is what matters.
    let elsewhere = format!("[::1]:{port}:127.0.0.1:{port}");
    let fetched = trusting(&server, &["--connect-to", &elsewhere, &ipv6]);
    assert_eq!((fetched.code, fetched.text()), (0, "ok\n"), "{}", fetched.told);
}

#[test]
fn who_does_not_trust_the_authority_refuses_the_server() {
    let server = tls_server("", TlsOptions::default());
    let fetched = curl(&[&url(&server, "/")]);
    assert_eq!(fetched.code, 60, "{}", fetched.told);
    let other = tls_server("", TlsOptions::default());
    let fetched = trusting(&other, &[&url(&server, "/")]);
    assert_eq!(fetched.code, 60, "{}", fetched.told);
    assert_eq!(server.served() + other.served(), 0);
}

#[test]
fn each_fault_is_refused_for_what_it_is() {
    let reasons = [
        (TlsFault::Expired, "certificate has expired"),
        (TlsFault::NotYetValid, "certificate is not yet valid"),
        (TlsFault::WrongHost, "no alternative certificate subject name matches"),
        (TlsFault::SelfSigned, "self-signed certificate"),
        (TlsFault::UnknownAuthority, "unable to get local issuer certificate"),
    ];
    for (fault, reason) in reasons {
        let server = tls_server("", with_fault(fault));
        let fetched = trusting(&server, &[&url(&server, "/")]);
        assert_eq!(fetched.code, 60, "{fault}: {}", fetched.told);
        assert!(fetched.told.contains(reason), "{fault}: {}", fetched.told);
        // A client that does not look is served.
        assert_eq!(curl(&["--insecure", &url(&server, "/")]).text(), "ok\n", "{fault}");
    }
}

#[test]
fn versions_that_are_not_spoken_are_refused_and_the_others_are_taken() {
    let cases = [(TlsVersions::Only12, [0, 35]), (TlsVersions::Only13, [35, 0]), (TlsVersions::Both, [0, 0])];
    for (versions, [code_of_1_2, code_of_1_3]) in cases {
        let server = tls_server("", with_versions(versions));
        let url = url(&server, "/");
        let fetched = trusting(&server, &["--tls-max", "1.2", &url]);
        assert_eq!(fetched.code, code_of_1_2, "{versions:?}: {}", fetched.told);
        let fetched = trusting(&server, &["--tlsv1.3", &url]);
        assert_eq!(fetched.code, code_of_1_3, "{versions:?}: {}", fetched.told);
    }
}

#[test]
fn http_2_is_preferred_and_http_1_1_taken() {
    let server = tls_server("", TlsOptions::default());
    let url = url(&server, "/");
    for (flag, version) in [("--http2", "2"), ("--http1.1", "1.1"), ("--no-alpn", "1.1")] {
        let fetched = trusting(&server, &[flag, "--write-out", "%{http_version}", &url]);
        assert_eq!(fetched.text(), format!("ok\n{version}"), "{flag}: {}", fetched.told);
    }
}

#[test]
fn sessions_are_resumed_in_both_versions() {
    for versions in [TlsVersions::Only12, TlsVersions::Only13] {
        let server = tls_server("", with_versions(versions));
        let (root, stats) = (url(&server, "/"), url(&server, "/stats"));
        let fetched = trusting(&server, &["--http1.1", "-H", "connection: close", &root, &root, &stats]);
        let handshakes = r#""handshakes":{"full":1,"resumed":2,"failed":0}"#;
        assert!(fetched.text().contains(handshakes), "{versions:?}: {}", fetched.text());
    }
}

#[test]
fn a_client_has_to_show_a_certificate_where_one_is_asked_for() {
    let options = TlsOptions { requires_client_certificate: true, ..TlsOptions::default() };
    let server = tls_server("", options);
    let url = url(&server, "/");
    let without = trusting(&server, &[&url]);
    assert!([35, 55, 56].contains(&without.code), "{without:?}");
    let show = |of: &vajra_testbed::Server| {
        let identity = of.client_identity().expect("one for clients");
        let (certificate, key) = (file(&identity.certificate_pem), file(&identity.key_pem));
        let path = |file: &tempfile::NamedTempFile| file.path().to_str().expect("a plain path").to_owned();
        trusting(&server, &["--cert", &path(&certificate), "--key", &path(&key), &url])
    };
    let foreign = show(&tls_server("", options));
    assert!([35, 55, 56].contains(&foreign.code), "{foreign:?}");
    let own = show(&server);
    assert_eq!((own.code, own.text()), (0, "ok\n"), "{}", own.told);
    assert_eq!(server.served(), 1);
}

#[test]
fn who_does_not_ask_for_one_has_none_to_give() {
    let tls = tls_server("", TlsOptions::default());
    assert!(tls.ca_pem().is_some() && tls.client_identity().is_none());
    assert!(server("").ca_pem().is_none());
}

#[test]
fn plain_http_on_a_port_of_tls_is_ended_and_counted() {
    let server = tls_server("", TlsOptions::default());
    let mut stream = TcpStream::connect(server.address()).expect("the server listens");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a valid timeout");
    stream.write_all(b"GET / HTTP/1.1\r\nhost: t\r\n\r\n").expect("the connection is open");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an end");
    // An alert (21), and not a response.
    assert_eq!(answer.first(), Some(&21), "{answer:?}");
    let stats = trusting(&server, &[&url(&server, "/stats")]);
    assert!(stats.text().contains(r#""handshakes":{"full":1,"resumed":0,"failed":1}"#), "{}", stats.text());
}

#[test]
fn a_reset_under_tls_is_one_of_the_connection() {
    let server = tls_server("reset=1", TlsOptions::default());
    let fetched = trusting(&server, &["--http1.1", &url(&server, "/")]);
    assert_eq!(fetched.code, 56, "{}", fetched.told);
    assert!(fetched.told.contains("Connection reset by peer"), "{}", fetched.told);
    assert_eq!(server.served(), 0);
}

#[test]
fn who_never_begins_a_handshake_holds_up_neither_others_nor_the_end() {
    let stop = || {
        let mut server = tls_server("", TlsOptions::default());
        let _silent = TcpStream::connect(server.address()).expect("the server listens");
        let fetched = trusting(&server, &[&url(&server, "/")]);
        assert_eq!(fetched.text(), "ok\n", "{}", fetched.told);
        let asked = Instant::now();
        server.stop();
        asked.elapsed()
    };
    // A busy machine can make it slow each time but one; a server that waits is never quick.
    assert!((0..20).any(|_| stop() < Duration::from_secs(1)));
}

#[test]
fn large_bodies_arrive_whole_under_tls() {
    let server = tls_server("", TlsOptions::default());
    for version in ["--http1.1", "--http2"] {
        for path in ["/bytes/3000001", "/chunked/3000001"] {
            let fetched = trusting(&server, &[version, &url(&server, path)]);
            assert_eq!((fetched.code, fetched.body.len()), (0, 3_000_001), "{version} {path}");
            assert!(fetched.body.iter().all(|byte| *byte == b'x'));
        }
    }
}
