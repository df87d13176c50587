//! Files and words of a plan that cannot be used: each is refused with its key, its file, the cause and what to do.

use super::rig::{Authority, Ends, HOST, OurEnd, client_of};
use crate::tls::{TlsClient, TlsFiles};
use engine::failure::FailureKind;
use engine::plan::{TlsSettings, TlsVersion};
use std::process::Command;
use std::sync::Arc;

/// The settings are refused, with all of these words.
#[track_caller]
fn refused(settings: &TlsSettings, words: &[&str]) {
    let failure = client_of(settings, HOST, &[]).expect_err("they are refused");
    assert_eq!(failure.kind, FailureKind::Plan);
    assert!(failure.fix.is_some(), "{failure}");
    for word in words {
        assert!(failure.to_string().contains(word), "`{word}` is not in: {failure}");
    }
}

fn openssl(arguments: &[&str]) {
    let done = Command::new("openssl").args(arguments).output().expect("openssl is installed");
    assert!(done.status.success(), "{done:?}");
}

#[test]
fn files_that_are_no_pem_are_refused_with_the_command_that_converts_them() {
    let authority = Authority::new();
    let signed = authority.sign("client", |_| ());
    let (cert, key) = (signed.certificate_path.as_str(), signed.key_path.as_str());
    let at = |name: &str| authority.path(name);
    let (der, key_der, pkcs12, text, empty) =
        (at("c.der"), at("k.der"), at("c.p12"), at("notes.txt"), at("empty.pem"));
    openssl(&["x509", "-in", cert, "-outform", "der", "-out", &der]);
    openssl(&["pkey", "-in", key, "-outform", "der", "-out", &key_der]);
    openssl(&["pkcs12", "-export", "-in", cert, "-inkey", key, "-passout", "pass:x", "-out", &pkcs12]);
    std::fs::write(&text, "a note\n").unwrap();
    std::fs::write(&empty, "").unwrap();
    let ca = |path: &str| TlsSettings { ca: Some(path.to_owned()), ..TlsSettings::default() };
    refused(&ca(&der), &["tls.ca", &der, "DER", "openssl x509 -inform der"]);
    refused(&ca(&pkcs12), &["tls.ca", &pkcs12, "PKCS#12", "openssl pkcs12 -in"]);
    refused(&ca(&text), &["tls.ca", &text, "not PEM", "-----BEGIN"]);
    refused(&ca(&empty), &["tls.ca", &empty, "is empty"]);
    refused(&ca(&at("none.pem")), &["tls.ca", "none.pem", "cannot be read", "No such file"]);
    refused(&ca(key), &["tls.ca", key, "holds no certificate"]);
    let pair = |cert: &str, key: &str| TlsSettings {
        cert: Some(cert.to_owned()),
        key: Some(key.to_owned()),
        ..authority.settings()
    };
    refused(&pair(cert, &key_der), &["tls.key", &key_der, "DER", "openssl pkey -inform der"]);
    refused(&pair(cert, cert), &["tls.key", cert, "holds no private key"]);
    refused(&pair(key, key), &["tls.cert", key, "holds no certificate"]);
}

#[test]
fn damaged_files_are_refused() {
    let authority = Authority::new();
    let signed = authority.sign("client", |_| ());
    let pem = std::fs::read_to_string(&signed.certificate_path).unwrap();
    let damaged = authority.path("damaged.pem");
    let settings = TlsSettings { ca: Some(damaged.clone()), ..TlsSettings::default() };
    std::fs::write(&damaged, &pem[..pem.len() - 40]).unwrap();
    refused(&settings, &["tls.ca", &damaged, "damaged"]);
    std::fs::write(&damaged, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    refused(&settings, &["tls.ca", &damaged, "cannot be read", "openssl x509"]);
}

#[test]
fn keys_that_cannot_be_used_are_refused() {
    let authority = Authority::new();
    let (one, other) = (authority.sign("one", |_| ()), authority.sign("other", |_| ()));
    let with = |key: &str| TlsSettings {
        cert: Some(one.certificate_path.clone()),
        key: Some(key.to_owned()),
        ..authority.settings()
    };
    assert!(client_of(&with(&one.key_path), HOST, &[]).is_ok());
    refused(
        &with(&other.key_path),
        &["tls.key", &other.key_path, "is not the key of", &one.certificate_path],
    );
    let encrypted = authority.path("encrypted.key");
    openssl(&["pkey", "-in", &one.key_path, "-aes256", "-passout", "pass:secret", "-out", &encrypted]);
    refused(&with(&encrypted), &["tls.key", &encrypted, "encrypted", "openssl pkey -in"]);
    let curve = authority.path("p521.key");
    openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521", "-out", &curve]);
    refused(&with(&curve), &["tls.key", &curve, "cannot be used", "ECDSA on P-256"]);
    let half = TlsSettings { key: None, ..with(&one.key_path) };
    refused(&half, &["tls.cert", &one.certificate_path, "tls.key is missing"]);
    let half = TlsSettings { cert: None, ..with(&one.key_path) };
    refused(&half, &["tls.key", &one.key_path, "tls.cert is missing"]);
}

#[test]
fn files_are_read_once_for_all_connections_to_a_target() {
    let authority = Authority::new();
    let (signed, own) = (authority.sign("server", |_| ()), authority.sign("client", |_| ()));
    let server = Arc::new(authority.server(&signed, None, true));
    let settings = TlsSettings {
        cert: Some(own.certificate_path.clone()),
        key: Some(own.key_path.clone()),
        ..authority.settings()
    };
    let files = TlsFiles::read(&settings).unwrap();
    for name in [own.certificate_path, own.key_path, authority.path("ca.pem")] {
        std::fs::remove_file(name).unwrap();
    }
    // As for the pools of several shards.
    for _ in 0..3 {
        let client = TlsClient::new(&settings, &files, HOST, &[]).unwrap();
        let ends = Ends::connect(OurEnd::of(client), &server, usize::MAX);
        assert!(ends.server.peer_certificates().is_some());
    }
}

#[test]
fn the_first_key_and_certificate_may_be_in_one_file() {
    let authority = Authority::new();
    let signed = authority.sign("client", |_| ());
    let both = authority.path("both.pem");
    let text =
        [&signed.key_path, &signed.certificate_path].map(|path| std::fs::read_to_string(path).unwrap());
    std::fs::write(&both, text.concat()).unwrap();
    let settings = TlsSettings { cert: Some(both.clone()), key: Some(both), ..authority.settings() };
    let client = client_of(&settings, HOST, &[]).unwrap();
    let bare = client_of(&authority.settings(), HOST, &[]).unwrap();
    assert!(client.handshake_bytes_max() >= bare.handshake_bytes_max());
}

#[test]
fn names_that_there_are_none_of_are_refused_with_those_there_are() {
    let authority = Authority::new();
    let ciphers =
        |name: &str| TlsSettings { ciphers: vec![name.to_owned()], verify: false, ..TlsSettings::default() };
    refused(&ciphers("AES128-SHA"), &["tls.ciphers", "`AES128-SHA`", "TLS_AES_128_GCM_SHA256"]);
    let old = TlsSettings { newest: TlsVersion::V1_2, ..ciphers("TLS_AES_128_GCM_SHA256") };
    refused(&old, &["tls.ciphers", "tls.versions", "leave nothing to offer"]);
    let groups = TlsSettings { groups: vec!["P-256".to_owned()], verify: false, ..TlsSettings::default() };
    refused(&groups, &["tls.groups", "`P-256`", "x25519, secp256r1, secp384r1"]);
    let versions = TlsSettings {
        oldest: TlsVersion::V1_3,
        newest: TlsVersion::V1_2,
        verify: false,
        ..TlsSettings::default()
    };
    refused(&versions, &["tls.versions", "1.2-1.3"]);
    let alpn = TlsSettings { alpn: vec![String::new()], verify: false, ..TlsSettings::default() };
    refused(&alpn, &["tls.alpn", "1 to 255 bytes"]);
    let keylog =
        TlsSettings { keylog: Some("/nowhere/keys.log".to_owned()), verify: false, ..TlsSettings::default() };
    refused(&keylog, &["tls.keylog", "/nowhere/keys.log", "cannot be written"]);
    for (name, key) in [(Some("a b"), "tls.server_name"), (None, "the target's host")] {
        let named = TlsSettings { server_name: name.map(Into::into), ..authority.settings() };
        let failure = client_of(&named, "bücher.test", &[]).expect_err("no DNS name");
        assert!(failure.to_string().contains(key) && failure.to_string().contains("xn--"), "{failure}");
    }
}
