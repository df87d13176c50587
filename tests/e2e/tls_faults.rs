//! What can be wrong with TLS beside the target's certificate.
//!
//! What both ends speak, the client's own certificate and its files, and servers that break off. The operator's mistake ends with 2
//! before anything is sent, the target's with 4 at preflight, and in a run it is counted by its kind.

use crate::peers::certificates::{Authority, KeyKind, Signed};
use crate::peers::rogue::{self, Conversation};
use crate::peers::secured::{self, ServerTls, Versions, signed};
use crate::peers::{self, scripted_on};
use crate::vajra::{Done, Vajra};
use archive::{Archive, Filter};
use std::fs;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
/// A body that lasts until the connection ends.
const UNTIL_THE_END: &[u8] = b"HTTP/1.1 200 OK\r\n\r\nhello";

fn https(port: u16) -> String {
    format!("https://127.0.0.1:{port}/")
}

/// Preflight refuses because of the target, and says so.
fn assert_refused(url: &str, words: &[&str], says: &[&str]) {
    let done = Vajra::run(url, &[words, &["-n", "1"]].concat()).done();
    assert_eq!(done.code, 4, "{words:?}: {}", done.stderr);
    done.assert_says(&[&["FAIL tls", "no load was sent"], says].concat());
}

/// A server of our own; `serve` gets each connection once a request has come on it.
fn answering(signed: &Signed, serve: impl Fn(Conversation) + Send + Clone + 'static) -> u16 {
    rogue::secured(rogue::config(signed), move |mut conversation| {
        if conversation.request().is_some() {
            serve(conversation);
        }
    })
}

/// Twenty requests to a server that preflight may object to.
fn forced(port: u16, ca: &str) -> Done {
    let done = Vajra::run(&https(port), &["--cacert", ca, "-n", "20", "-c", "2", "--force"]).done();
    done.assert_accounted();
    assert_eq!(done.count("/requests/sent"), 20, "{}", done.report["requests"]);
    done
}

/// What is said of failed attempts to connect: their kinds, counts and reasons.
fn failures(done: &Done) -> Vec<(String, u64, String)> {
    let all = done.report["connections"]["attempts"]["failures"].as_array().unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    all.iter().map(|one| (text(&one["kind"]), one["count"].as_u64().unwrap(), text(&one["why"]))).collect()
}

#[test]
fn no_version_in_common_is_told_whoever_is_the_older() {
    let (authority, signed) = signed(KeyKind::Ecdsa);
    let ca = authority.ca();
    for (versions, words) in
        [(Versions::Only1_2, &["--tlsv1.3"][..]), (Versions::Only1_3, &["--tls-max", "1.2"])]
    {
        let nginx = secured::nginx(Some(&ServerTls { versions, ..ServerTls::new(&signed) }));
        assert_refused(&https(nginx.port), &[&["--cacert", &ca], words].concat(), &["version"]);
    }
}

#[test]
fn no_cipher_in_common_is_told() {
    let (authority, signed) = signed(KeyKind::Ecdsa);
    let nginx = secured::nginx(Some(&ServerTls::new(&signed)));
    let ca = authority.ca();
    let words = ["--cacert", &ca, "--tls-max", "1.2", "--ciphers", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"];
    assert_refused(&https(nginx.port), &words, &["handshake_failure", "cipher"]);
}

#[test]
fn no_protocol_in_common_is_told() {
    let (authority, signed) = signed(KeyKind::Ecdsa);
    let mut config = rogue::config(&signed);
    config.alpn_protocols = vec![b"h2".to_vec()];
    let port = rogue::secured(config, |mut conversation| {
        let _ = conversation.request();
    });
    assert_refused(&https(port), &["--cacert", &authority.ca()], &["no_application_protocol", "ALPN"]);
}

#[test]
fn a_client_certificate_that_is_missing_or_of_another_authority_is_told() {
    let (authority, signed) = signed(KeyKind::Ecdsa);
    let (ca, other) = (authority.ca(), Authority::new());
    let (good, foreign) = (authority.client("good", KeyKind::Ecdsa), other.client("foreign", KeyKind::Ecdsa));
    let tls = ServerTls { client_ca: Some(authority.ca()), ..ServerTls::new(&signed) };
    let nginx = secured::nginx(Some(&tls));
    // nginx makes the connection, and answers what comes on it with 400.
    for words in [&[][..], &["--cert", &foreign.certificate, "--key", &foreign.key]] {
        let done =
            Vajra::run(&https(nginx.port), &[&["--cacert", &ca, "-n", "20", "-c", "2"], words].concat())
                .done();
        done.assert_says(&["WARN request", "400"]);
        assert_eq!((done.count("/requests/ok"), done.errors("status")), (0, 20), "{}", done.stderr);
    }
    let words = ["--cacert", &ca, "-n", "20", "-c", "2", "--cert", &good.certificate, "--key", &good.key];
    let done = Vajra::run(&https(nginx.port), &words).done();
    assert_eq!(done.count("/requests/ok"), 20, "{}", done.stderr);
    // OpenSSL's server refuses the handshake.
    let openssl =
        secured::openssl(&ServerTls::new(&signed), &["-Verify", "2", "-verify_return_error", "-CAfile", &ca]);
    let url = format!("{}index.html", https(openssl.port));
    for versions in [&["--tls-max", "1.2"][..], &["--tlsv1.3"]] {
        assert_refused(&url, &[&["--cacert", &ca], versions].concat(), &["client certificate"]);
        let shown = ["--cacert", &ca, "--cert", &foreign.certificate, "--key", &foreign.key];
        assert_refused(&url, &[&shown, versions].concat(), &["unknown_ca", "client certificate"]);
    }
}

#[test]
fn a_client_certificate_of_another_kind_is_told() {
    let (authority, signed) = signed(KeyKind::Rsa);
    let ca = authority.ca();
    let client = authority.client("client", KeyKind::Ecdsa);
    let words = ["-Verify", "2", "-verify_return_error", "-CAfile", &ca, "-client_sigalgs", "RSA-PSS+SHA256"];
    let openssl = secured::openssl(&ServerTls::new(&signed), &words);
    let shown = ["--cacert", &ca, "--cert", &client.certificate, "--key", &client.key];
    assert_refused(&format!("{}index.html", https(openssl.port)), &shown, &["client certificate"]);
    // One for servers is none for clients.
    let wrong = authority.server("wrong", KeyKind::Ecdsa);
    let openssl = secured::openssl(&ServerTls::new(&signed), &words[..5]);
    let shown = ["--cacert", &ca, "--cert", &wrong.certificate, "--key", &wrong.key];
    assert_refused(&format!("{}index.html", https(openssl.port)), &shown, &["client certificate"]);
}

/// The files of a client, and what is wrong with each of them.
fn wrong_files(authority: &Authority) -> Vec<(String, String, Vec<&'static str>)> {
    let client = authority.client("client", KeyKind::Ecdsa);
    let other = authority.client("other", KeyKind::Ecdsa);
    let (cert, key) = (client.certificate.as_str(), client.key.as_str());
    authority.openssl(&["pkey", "-in", key, "-aes256", "-passout", "pass:s3cret", "-out", "@encrypted"]);
    authority.openssl(&["pkey", "-in", key, "-outform", "der", "-out", "@key.der"]);
    authority.openssl(&["x509", "-in", cert, "-outform", "der", "-out", "@cert.der"]);
    authority.openssl(&[
        "pkcs12",
        "-export",
        "-in",
        cert,
        "-inkey",
        key,
        "-passout",
        "pass:s3cret",
        "-out",
        "@both.p12",
    ]);
    fs::write(authority.path("empty"), "").unwrap();
    fs::write(authority.path("text"), "no certificate\n").unwrap();
    fs::write(authority.path("damaged"), "-----BEGIN PRIVATE KEY-----\n*\n-----END PRIVATE KEY-----\n")
        .unwrap();
    let file = |name: &str| authority.path(name);
    let with_key = |path: String, says: &[&'static str]| (cert.to_owned(), path, [&["key"], says].concat());
    let with_cert = |path: String, says: &[&'static str]| (path, key.to_owned(), [&["cert"], says].concat());
    vec![
        with_key(file("encrypted"), &["is encrypted", "openssl pkey"]),
        with_key(other.key, &["is not the key of the first certificate", "belong together"]),
        with_key(file("missing"), &["cannot be read", "No such file"]),
        with_key(file(""), &["cannot be read", "Is a directory"]),
        with_key(file("key.der"), &["is DER", "openssl pkey -inform der"]),
        with_key(file("both.p12"), &["is PKCS#12", "openssl pkcs12"]),
        with_key(file("empty"), &["is empty"]),
        with_key(file("damaged"), &["is damaged"]),
        with_key(cert.to_owned(), &["holds no private key", "BEGIN PRIVATE KEY"]),
        with_cert(file("missing"), &["cannot be read"]),
        with_cert(file("cert.der"), &["is DER", "openssl x509 -inform der"]),
        with_cert(file("both.p12"), &["is PKCS#12", "openssl pkcs12"]),
        with_cert(file("text"), &["is not PEM", "BEGIN"]),
        with_cert(key.to_owned(), &["holds no certificate"]),
    ]
}

#[test]
fn what_is_wrong_with_a_file_is_the_operators_mistake_and_nothing_is_sent_for_it() {
    let (authority, _) = signed(KeyKind::Ecdsa);
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let port = scripted_on("127.0.0.1:0", move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
    });
    let (ca, url) = (authority.ca(), https(port));
    let assert_mistake = |command: &str, words: &[&str], says: &[&str]| {
        let done = Vajra::new(&[&[command, &url], words].concat()).done();
        assert_eq!(done.code, 2, "{command} {words:?}: {}", done.stderr);
        done.assert_says(says);
        assert!(!done.stderr.contains("FAIL"), "{}", done.stderr);
    };
    for (cert, key, says) in wrong_files(&authority) {
        let files = ["--cacert", &ca, "--cert", &cert, "--key", &key];
        let path = if says[0] == "key" { &key } else { &cert };
        assert_mistake("run", &files, &[&says[..], &[path]].concat());
        assert_mistake("run", &[&files, &["--force"][..]].concat(), &says);
    }
    let (missing, text) = (authority.path("missing"), authority.path("text"));
    for command in ["run", "check"] {
        assert_mistake(command, &["--cacert", &missing], &["--cacert", &missing, "cannot be read"]);
        assert_mistake(command, &["--cacert", &text], &["tls.ca", &text, "is not PEM"]);
        let keylog = authority.path("no-folder/keys.log");
        let words = ["--cacert", &ca, "--keylog", &keylog];
        assert_mistake(command, &words, &["tls.keylog", &keylog, "cannot be written"]);
        let words = ["--cacert", &ca, "--ciphers", "TLS_RSA_WITH_RC4_128_MD5"];
        assert_mistake(command, &words, &["ciphers", "TLS_AES_128_GCM_SHA256"]);
    }
    assert_eq!(count.load(Ordering::SeqCst), 0, "nobody was connected to");
}

#[test]
fn an_end_that_was_not_announced_ends_no_body() {
    let (authority, signed) = signed(KeyKind::Ecdsa);
    let honest = answering(&signed, |mut conversation| {
        conversation.answer(UNTIL_THE_END);
        conversation.say_goodbye();
        conversation.end();
    });
    assert_eq!(forced(honest, &authority.ca()).count("/requests/ok"), 20);
    // Announced, and not carried out: the client is to close first.
    let waiting = answering(&signed, |mut conversation| {
        conversation.answer(UNTIL_THE_END);
        conversation.say_goodbye();
        let _ = conversation.stream.read_to_end(&mut Vec::new());
    });
    assert_eq!(forced(waiting, &authority.ca()).count("/requests/ok"), 20);
    let cut = answering(&signed, |mut conversation| {
        conversation.answer(UNTIL_THE_END);
        conversation.end();
    });
    let done = forced(cut, &authority.ca());
    assert_eq!((done.count("/requests/ok"), done.errors("eof")), (0, 20), "{}", done.report["requests"]);
}

#[test]
fn a_record_cut_in_the_middle_is_an_end_too_early() {
    let (authority, signed) = signed(KeyKind::Ecdsa);
    let port = answering(&signed, |mut conversation| {
        let sealed = conversation.sealed(OK);
        conversation.send(&sealed[..sealed.len() - 1]);
        conversation.end();
    });
    let done = forced(port, &authority.ca());
    assert_eq!((done.count("/requests/ok"), done.errors("eof")), (0, 20), "{}", done.report["requests"]);
}

#[test]
fn bytes_that_are_no_record_in_the_middle_of_a_response_break_its_connection() {
    let (authority, signed) = signed(KeyKind::Ecdsa);
    let with_a_wrong_tag = b"\x17\x03\x03\x00\x20................................";
    let longer_than_any = b"\x17\x03\x03\xff\xff";
    for garbage in [&b"garbage"[..], with_a_wrong_tag, longer_than_any] {
        let port = answering(&signed, move |mut conversation| {
            conversation.answer(&OK[..OK.len() - 2]);
            conversation.send(garbage);
            conversation.end();
        });
        let done = forced(port, &authority.ca());
        assert_eq!((done.count("/requests/ok"), done.errors("tls")), (0, 20), "{}", done.report["requests"]);
    }
}

#[test]
fn keys_may_change_and_a_flood_of_changes_is_refused() {
    let (authority, signed) = signed(KeyKind::Ecdsa);
    for (times, ok) in [(3, 20), (200, 0)] {
        let port = answering(&signed, move |mut conversation| {
            conversation.update_keys(times);
            conversation.answer(OK);
            conversation.say_goodbye();
            conversation.end();
        });
        let done = forced(port, &authority.ca());
        assert_eq!((done.count("/requests/ok"), done.errors("tls")), (ok, 20 - ok), "{}", done.stderr);
    }
}

#[test]
fn a_server_that_stops_answering_in_the_handshake_costs_the_requests_that_wait_for_it() {
    let (authority, signed) = signed(KeyKind::Ecdsa);
    let port = rogue::secured(rogue::config(&signed), |mut conversation| {
        if conversation.number >= 11 {
            std::thread::park();
        }
        if conversation.request().is_some() {
            conversation.answer(OK);
            conversation.end();
        }
    });
    let ca = authority.ca();
    let words = ["--cacert", &ca, "-n", "16", "-c", "2", "--connect-timeout", "1s", "--disable-keepalive"];
    let done = Vajra::run(&https(port), &[&words[..], &["--force"]].concat()).done();
    done.assert_accounted();
    // Preflight had one of the eleven.
    assert_eq!(done.count("/requests/ok"), 10, "{}", done.report["requests"]);
    assert_eq!(done.count("/requests/failed"), 6, "{}", done.report["requests"]);
    let failures = failures(&done);
    assert_eq!((failures[0].0.as_str(), failures[0].1), ("connect", 6), "{failures:?}");
    assert!(failures[0].2.contains("handshake was not over"), "{failures:?}");
    assert!(done.stdout.contains("Attempts"), "{}", done.stdout);
}

#[test]
fn a_certificate_that_expires_in_a_run_fails_the_connections_after_it() {
    let (authority, signed) = signed(KeyKind::Ecdsa);
    let config = rogue::changing(&signed, &authority.expired("expired"), 21);
    let port = rogue::secured(config, |mut conversation| {
        if conversation.request().is_some() {
            conversation.answer(OK);
            conversation.say_goodbye();
            conversation.end();
        }
    });
    let ca = authority.ca();
    let words = ["--cacert", &ca, "-n", "50", "-c", "2", "--disable-keepalive"];
    let done = Vajra::run(&https(port), &words).done();
    done.assert_accounted();
    assert_eq!((done.count("/requests/ok"), done.errors("tls")), (20, 30), "{}", done.report["requests"]);
    let failures = failures(&done);
    assert_eq!((failures[0].0.as_str(), failures[0].1), ("tls", 30), "{failures:?}");
    assert!(failures[0].2.contains("expired"), "{failures:?}");
    assert!(done.stdout.contains("30 × the target's certificate has expired"), "{}", done.stdout);
}

/// Every file below a folder that is not for those with secrets.
fn assert_nowhere(folder: &Path, secrets: &[Vec<u8>]) -> usize {
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            count += assert_nowhere(&path, secrets);
            continue;
        }
        assert_clean(&path.display().to_string(), &fs::read(&path).unwrap(), secrets);
        count += 1;
    }
    count
}

fn assert_clean(what: &str, bytes: &[u8], secrets: &[Vec<u8>]) {
    for secret in secrets {
        let is_in = bytes.windows(secret.len()).any(|window| window == secret);
        assert!(!is_in, "{what} holds {:?}", String::from_utf8_lossy(secret));
    }
}

/// The secrets of the sessions in a file of `--keylog`, in hexadecimal and as they are.
fn session_secrets(path: &str) -> Vec<Vec<u8>> {
    let text = fs::read_to_string(path).unwrap();
    let last = |line: &str| line.split(' ').next_back().unwrap().to_owned();
    let secrets: Vec<String> = text.lines().map(last).collect();
    assert!(secrets.len() >= 10, "{text}");
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    let raw = secrets.iter().map(|secret| secret.as_bytes().chunks(2).map(byte).collect::<Vec<u8>>());
    raw.chain(secrets.iter().map(|secret| secret.clone().into_bytes())).collect()
}

#[test]
fn nothing_of_a_key_a_session_or_a_token_is_in_what_a_run_leaves_behind() {
    let (authority, signed) = signed(KeyKind::Ecdsa);
    let client = authority.client("client", KeyKind::Ecdsa);
    let tls = ServerTls { client_ca: Some(authority.ca()), ..ServerTls::new(&signed) };
    let nginx = secured::nginx(Some(&tls));
    let (ca, keylog) = (authority.ca(), authority.path("keys.log"));
    let words = [
        &["--cacert", &ca, "--cert", &client.certificate, "--key", &client.key, "--keylog", &keylog][..],
        &["-n", "8", "-c", "2", "--disable-keepalive", "-H", "Authorization: Bearer t0k3n", "--tag", "one"],
        &["--timeseries", "series.jsonl", "--hgrm", "spectrum.hgrm", "--svg", "chart.svg"],
    ];
    let done = Vajra::run(&https(nginx.port), &words.concat()).done();
    assert_eq!(done.count("/requests/ok"), 8, "{}", done.stderr);
    let pem = fs::read_to_string(&client.key).unwrap();
    let lines = pem.lines().filter(|line| !line.starts_with("-----")).map(|line| line.as_bytes().to_vec());
    let mut secrets: Vec<Vec<u8>> = lines.collect();
    secrets.extend([client.key_der.clone(), b"PRIVATE KEY".to_vec(), b"t0k3n".to_vec()]);
    secrets.extend(session_secrets(&keylog));
    assert!(assert_nowhere(done.folder.path(), &secrets) >= 5);
    assert_clean("standard output", done.stdout.as_bytes(), &secrets);
    assert_clean("standard error", done.stderr.as_bytes(), &secrets);
    // Reports are packed in the archive.
    let archive = Archive::open_read_only(&done.folder.path().join("data/vajra/archive.db")).unwrap();
    let entries = archive.list(&Filter::default()).unwrap();
    assert_eq!(entries.len(), 1);
    for entry in &entries {
        let report = archive.report(&entry.run_id).unwrap();
        assert_clean("the archive", &serde_json::to_vec(&report).unwrap(), &secrets);
    }
}

#[test]
fn a_rate_with_more_connections_than_there_are_ports_is_warned_of() {
    let testbed = peers::testbed(&[]);
    let check = |words: &[&str]| {
        Vajra::new(&[&["check", &testbed.url("/"), "-R", "200k", "-c", "64"], words].concat()).done()
    };
    // Also of ports that are taken again after a second there are fewer than that.
    let warned = check(&["--disable-keepalive"]);
    assert!(warned.stdout.contains("WARN local ports"), "{}", warned.stdout);
    assert!(warned.stdout.contains("tcp_tw_reuse"), "{}", warned.stdout);
    assert!(check(&[]).stdout.contains("PASS local ports"));
}
