//! Handshakes: every suite, both versions, sessions taken up, certificates of clients, and those of targets that are not good.

use super::rig::{Authority, Ends, HOST, OurEnd, client_of};
use crate::tls::Tls;
use crate::tls::names::cipher_name;
use engine::outcome::Kind;
use engine::plan::{TlsSettings, TlsVersion};
use rustls::{ServerConfig, ServerConnection, SupportedCipherSuite};
use std::sync::Arc;

const VERSIONS: [TlsVersion; 2] = [TlsVersion::V1_2, TlsVersion::V1_3];

/// Fails to connect, and says why: its kind, and the words.
fn failure(ours: &mut OurEnd, server: ServerConfig) -> (Kind, &'static str) {
    ours.start();
    let mut server = ServerConnection::new(Arc::new(server)).unwrap();
    for _ in 0..4 {
        let mut sent = &ours.sent()[..];
        while !sent.is_empty() {
            server.read_tls(&mut sent).unwrap();
        }
        let _ = server.process_new_packets();
        let mut answer = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut answer).unwrap();
        }
        if let Err(unusable) = ours.arrive(&answer, usize::MAX) {
            assert!(!ours.tls.is_ready() && ours.tls.agreed().is_none());
            return (unusable.kind, unusable.why);
        }
    }
    panic!("the connection was made");
}

/// One connection with a suite, and what goes over it both ways.
fn one_connection(mut ours: OurEnd, server: &Arc<ServerConfig>, is_resumed: bool, name: &str) -> OurEnd {
    ours.taken.clear();
    let mut ends = Ends::connect(ours, server, 700);
    let agreed = ends.ours.tls.agreed().unwrap().clone();
    assert_eq!((agreed.cipher, agreed.is_resumed), (name, is_resumed));
    let request = ends.ours.request(b"a request").unwrap();
    ends.give(&request).unwrap();
    assert_eq!(ends.heard(), b"a request");
    let response = ends.response(&[7; 40_000]);
    ends.ours.arrive(&response, 1_000).unwrap();
    assert_eq!(ends.ours.taken.concat(), [7; 40_000]);
    ends.ours
}

#[test]
fn every_suite_is_spoken_by_both_ends_and_sessions_are_taken_up() {
    let authority = Authority::new();
    let (ecdsa, rsa) = (authority.sign("ecdsa", |_| ()), authority.sign_rsa("rsa"));
    for suite in rustls::crypto::ring::ALL_CIPHER_SUITES {
        let name = cipher_name(*suite);
        let signed = if name.contains("_RSA_") { &rsa } else { &ecdsa };
        let server = Arc::new(authority.server(signed, Some(vec![*suite]), false));
        for resumption in [true, false] {
            let mut ours = OurEnd::new(&TlsSettings { resumption, ..authority.settings() });
            for connection in 0..3 {
                ours = one_connection(ours, &server, resumption && connection > 0, name);
                let agreed = ours.tls.agreed().unwrap();
                let is_1_3 = matches!(suite, SupportedCipherSuite::Tls13(_));
                assert_eq!(agreed.version == TlsVersion::V1_3, is_1_3);
                assert!(agreed.group.is_none_or(|group| group == "x25519"));
            }
        }
    }
}

#[test]
fn ciphers_groups_versions_and_protocols_are_those_of_the_settings() {
    let authority = Authority::new();
    let mut server = authority.server(&authority.sign("server", |_| ()), None, false);
    server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let server = Arc::new(server);
    for version in VERSIONS {
        let settings = TlsSettings {
            oldest: version,
            newest: version,
            ciphers: vec![
                "TLS_CHACHA20_POLY1305_SHA256".into(),
                "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256".into(),
            ],
            groups: vec!["secp384r1".into()],
            alpn: vec!["http/1.1".into()],
            ..authority.settings()
        };
        let ends = Ends::connect(OurEnd::new(&settings), &server, usize::MAX);
        let agreed = ends.ours.tls.agreed().unwrap();
        assert_eq!(
            (agreed.version, agreed.group, agreed.alpn.as_deref()),
            (version, Some("secp384r1"), Some("http/1.1"))
        );
        let is_chacha = agreed.cipher.contains("CHACHA20");
        assert_eq!(is_chacha, version == TlsVersion::V1_3, "{}", agreed.cipher);
    }
}

#[test]
fn a_certificate_of_the_client_is_shown_where_it_is_wanted() {
    let authority = Authority::new();
    let (signed, client) = (authority.sign("server", |_| ()), authority.sign("client", |_| ()));
    for version in VERSIONS {
        let bare = TlsSettings { oldest: version, newest: version, ..authority.settings() };
        let settings = TlsSettings {
            cert: Some(client.certificate_path.clone()),
            key: Some(client.key_path.clone()),
            ..bare.clone()
        };
        let server = Arc::new(authority.server(&signed, None, true));
        let ends = Ends::connect(OurEnd::new(&settings), &server, usize::MAX);
        assert_eq!(ends.server.peer_certificates().unwrap()[0], client.certificate);
        let (kind, why) = failure(&mut OurEnd::new(&bare), authority.server(&signed, None, true));
        assert_eq!(kind, Kind::Tls);
        assert!(why.contains("client certificate"), "{why}");
        let other = Authority::new();
        let foreign = other.sign("foreign", |_| ());
        let settings =
            TlsSettings { cert: Some(foreign.certificate_path), key: Some(foreign.key_path), ..bare };
        let (_, why) = failure(&mut OurEnd::new(&settings), authority.server(&signed, None, true));
        assert!(why.contains("unknown_ca"), "{why}");
    }
}

#[test]
fn what_is_wrong_with_a_certificate_is_said() {
    let authority = Authority::new();
    let why = |change: fn(&mut rcgen::CertificateParams)| {
        let server = authority.server(&authority.sign("server", change), None, false);
        let mut ours = OurEnd::new(&authority.settings());
        let (kind, why) = failure(&mut ours, server);
        assert_eq!(kind, Kind::Tls);
        (why, ours.tls.detail().unwrap_or_default().to_owned())
    };
    let (expired, detail) = why(|params| params.not_after = rcgen::date_time_ymd(2001, 1, 1));
    assert!(expired.contains("has expired") && detail.contains("seconds ago"), "{expired}: {detail}");
    assert!(why(|params| params.not_before = rcgen::date_time_ymd(2999, 1, 1)).0.contains("not valid yet"));
    let (other, detail) = why(|params| params.subject_alt_names.clear());
    assert!(other.contains("another host") && detail.contains(HOST), "{other}: {detail}");
}

#[test]
fn who_signed_a_certificate_is_looked_at() {
    let (authority, other) = (Authority::new(), Authority::new());
    let signed = other.sign("server", |_| ());
    let why = |settings: &TlsSettings, server| failure(&mut OurEnd::new(settings), server).1;
    let unknown = why(&authority.settings(), other.server(&signed, None, false));
    assert!(unknown.contains("an authority that is not trusted here"), "{unknown}");
    // Whom nobody vouches for is accepted where nothing is verified.
    let settings = TlsSettings { verify: false, ..TlsSettings::default() };
    for version in VERSIONS {
        let settings = TlsSettings { oldest: version, newest: version, ..settings.clone() };
        Ends::connect(OurEnd::new(&settings), &Arc::new(other.server(&signed, None, false)), usize::MAX);
    }
}

#[test]
fn a_self_signed_certificate_is_trusted_when_it_is_named() {
    let authority = Authority::new();
    for is_authority in [false, true] {
        let key = rcgen::KeyPair::generate().unwrap();
        let made = |not_after| {
            let mut params = rcgen::CertificateParams::new([HOST.to_owned()]).unwrap();
            params.distinguished_name.push(rcgen::DnType::CommonName, "self-signed");
            params.not_after = not_after;
            if is_authority {
                params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
            }
            let certificate = params.self_signed(&key).unwrap();
            let path = authority.path("self.pem");
            std::fs::write(&path, certificate.pem()).unwrap();
            let mut signed = authority.sign("server", |_| ());
            signed.certificate = certificate.der().clone();
            signed.key = rustls::pki_types::PrivatePkcs8KeyDer::from(key.serialize_der()).into();
            (signed, TlsSettings { ca: Some(path), ..TlsSettings::default() })
        };
        let (signed, settings) = made(rcgen::date_time_ymd(2999, 1, 1));
        Ends::connect(OurEnd::new(&settings), &Arc::new(authority.server(&signed, None, false)), usize::MAX);
        let untrusted =
            failure(&mut OurEnd::new(&authority.settings()), authority.server(&signed, None, false)).1;
        let expected = if is_authority { "authority (CA:TRUE)" } else { "self-signed" };
        assert!(untrusted.contains(expected), "{untrusted}");
        // Trusted for itself, and for nothing else.
        let client = client_of(&settings, "other.test", &[]).unwrap();
        let other = failure(&mut OurEnd::of(client), authority.server(&signed, None, false)).1;
        assert!(other.contains("another host"), "{other}");
        let (signed, settings) = made(rcgen::date_time_ymd(2001, 1, 1));
        let expired = failure(&mut OurEnd::new(&settings), authority.server(&signed, None, false)).1;
        assert!(expired.contains("has expired"), "{expired}");
    }
}

#[test]
fn an_address_is_checked_and_not_asked_for_by_name() {
    let authority = Authority::new();
    let server = Arc::new(authority.server(&authority.sign("server", |_| ()), None, false));
    let client = client_of(&authority.settings(), "127.0.0.1", &[]).unwrap();
    let ends = Ends::connect(OurEnd::of(client), &server, usize::MAX);
    assert_eq!(ends.server.server_name(), None);
    let ends = Ends::connect(OurEnd::new(&authority.settings()), &server, usize::MAX);
    assert_eq!(ends.server.server_name(), Some(HOST));
    let client = client_of(&authority.settings(), "[::1]", &[]).unwrap();
    let (_, why) =
        failure(&mut OurEnd::of(client), authority.server(&authority.sign("other", |_| ()), None, false));
    assert!(why.contains("another host"), "{why}");
}

#[test]
fn no_version_cipher_or_protocol_in_common_is_said() {
    let authority = Authority::new();
    let signed = authority.sign("server", |_| ());
    let suites = |version| {
        let is_of = |suite: &SupportedCipherSuite| suite.version().version == version;
        Some(rustls::crypto::ring::ALL_CIPHER_SUITES.iter().copied().filter(is_of).collect())
    };
    let only = |version| TlsSettings { oldest: version, newest: version, ..authority.settings() };
    let why = |settings: TlsSettings, server| failure(&mut OurEnd::new(&settings), server).1;
    let old = authority.server(&signed, suites(rustls::ProtocolVersion::TLSv1_2), false);
    let version = why(only(TlsVersion::V1_3), old);
    assert!(version.contains("version"), "{version}");
    let new = authority.server(&signed, suites(rustls::ProtocolVersion::TLSv1_3), false);
    let version = why(only(TlsVersion::V1_2), new);
    assert!(version.contains("version"), "{version}");
    let mut server = authority.server(&signed, None, false);
    server.alpn_protocols = vec![b"h2".to_vec()];
    let alpn = why(TlsSettings { alpn: vec!["http/1.1".into()], ..authority.settings() }, server);
    assert!(alpn.contains("no_application_protocol"), "{alpn}");
}

#[test]
fn a_connection_with_another_protocol_than_the_first_fails() {
    let authority = Authority::new();
    let signed = authority.sign("server", |_| ());
    let server = |alpn: &[u8]| {
        let mut server = authority.server(&signed, None, false);
        server.alpn_protocols = vec![alpn.to_vec()];
        server
    };
    let mut client = client_of(&authority.settings(), HOST, &["h2", "http/1.1"]).unwrap();
    client.require_alpn(Some("h2"));
    let ends = Ends::connect(OurEnd::of(client), &Arc::new(server(b"h2")), usize::MAX);
    let mut ours = ends.ours;
    assert!(failure(&mut ours, server(b"http/1.1")).1.contains("by ALPN"));
    assert!(failure(&mut ours, authority.server(&signed, None, false)).1.contains("by ALPN"));
}

#[test]
fn a_session_is_left_out_where_its_ticket_has_no_room() {
    let authority = Authority::new();
    let server = Arc::new(authority.server(&authority.sign("server", |_| ()), None, false));
    for version in VERSIONS {
        let settings = TlsSettings { oldest: version, newest: version, ..authority.settings() };
        let mut ours = Ends::connect(OurEnd::new(&settings), &server, usize::MAX).ours;
        let hello = |ours: &mut OurEnd, room: usize| {
            let (mut memory, mut filled) = (vec![0; room], 0);
            let mut tls = Tls::new();
            let mut out = engine::outbox::Outbox::new(&mut memory, &mut filled);
            tls.start(&ours.client, &mut out).map(|()| filled)
        };
        let long = hello(&mut ours, 4_096).unwrap();
        // Tickets of TLS 1.3 are used once: another is got.
        let mut ours = Ends::connect(ours, &server, usize::MAX).ours;
        let short = hello(&mut ours, long - 1).unwrap();
        assert!(short < long, "{short} < {long}");
        let unusable = hello(&mut ours, 50).unwrap_err();
        assert_eq!(unusable.kind, Kind::Resources, "{}", unusable.why);
    }
}

#[test]
fn the_secrets_of_sessions_are_written_where_that_is_asked_for() {
    let authority = Authority::new();
    let server = Arc::new(authority.server(&authority.sign("server", |_| ()), None, false));
    let path = authority.path("keys.log");
    let settings = TlsSettings { keylog: Some(path.clone()), ..authority.settings() };
    Ends::connect(OurEnd::new(&settings), &server, usize::MAX);
    let text = std::fs::read_to_string(path).unwrap();
    for label in ["CLIENT_TRAFFIC_SECRET_0 ", "SERVER_TRAFFIC_SECRET_0 "] {
        assert_eq!(text.lines().filter(|line| line.starts_with(label)).count(), 1, "{text}");
    }
    let settings = TlsSettings { keylog: Some("/dev/full".into()), ..authority.settings() };
    let (kind, why) =
        failure(&mut OurEnd::new(&settings), authority.server(&authority.sign("s", |_| ()), None, false));
    assert_eq!((kind, why.contains("tls.keylog")), (Kind::Resources, true), "{why}");
}
