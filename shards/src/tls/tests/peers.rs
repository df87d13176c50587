//! Servers that share nothing with ours: `openssl s_server`, and `gnutls-serv`. `.ci/run` installs both.

use super::rig::{Authority, OurEnd, Signed};
use engine::plan::{TlsSettings, TlsVersion};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

const VERSIONS: [TlsVersion; 2] = [TlsVersion::V1_2, TlsVersion::V1_3];

/// A server, stopped when dropped.
struct Peer {
    child: Child,
    port: u16,
    commands: ChildStdin,
    said: BufReader<ChildStdout>,
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Peer {
    fn start(program: &str, arguments: &[&str], port: u16) -> Peer {
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{program} is installed by .ci/run: {error}"));
        let (commands, said) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Peer { child, port, commands, said: BufReader::new(said) }
    }

    /// OpenSSL, on a port that it chooses. What is sent to it appears in what it says, and what it is told goes to the client.
    fn openssl(signed: &Signed, arguments: &[&str]) -> Peer {
        let files = ["-cert", &signed.certificate_path, "-key", &signed.key_path];
        let words = [&["s_server", "-accept", "127.0.0.1:0"][..], &files, arguments].concat();
        let mut peer = Peer::start("openssl", &words, 0);
        let accepting = peer.wait_for("ACCEPT ");
        peer.port = accepting.trim().rsplit(':').next().unwrap().parse().unwrap();
        peer
    }

    /// GnuTLS, which sends every line back.
    fn gnutls(signed: &Signed, arguments: &[&str]) -> Peer {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let text = port.to_string();
        let files = ["--x509certfile", &signed.certificate_path, "--x509keyfile", &signed.key_path];
        let words = [&["--echo", "--port", &text][..], &files, arguments].concat();
        let mut peer = Peer::start("gnutls-serv", &words, port);
        // What it says comes when its memory for that is full: that it listens is found out by connecting.
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert!(peer.child.try_wait().unwrap().is_none(), "gnutls-serv ended");
            std::thread::sleep(Duration::from_millis(5));
        }
        peer
    }

    /// The line of what it says that has these words.
    fn wait_for(&mut self, words: &str) -> String {
        let (mut said, mut line) = (String::new(), String::new());
        while !line.contains(words) {
            line.clear();
            assert!(self.said.read_line(&mut line).unwrap() > 0, "it ended without `{words}`: {said}");
            said.push_str(&line);
        }
        line
    }

    fn tell(&mut self, line: &str) {
        self.commands.write_all(format!("{line}\n").as_bytes()).unwrap();
    }
}

/// Our end, over a socket.
struct Connected {
    ours: OurEnd,
    stream: TcpStream,
}

impl Connected {
    fn new(mut ours: OurEnd, peer: &Peer) -> Connected {
        ours.start();
        ours.taken.clear();
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, peer.port)).unwrap();
        let mut connected = Connected { ours, stream };
        while !connected.ours.tls.is_ready() {
            connected.flush();
            connected.receive();
        }
        connected.flush();
        connected
    }

    fn flush(&mut self) {
        let sent = self.ours.sent();
        self.stream.write_all(&sent).unwrap();
    }

    fn receive(&mut self) {
        let mut buffer = [0; 4_096];
        let bytes = self.stream.read(&mut buffer).unwrap();
        assert!(bytes > 0, "{}", self.ours.tls.ended().why);
        self.ours.arrive(&buffer[..bytes], usize::MAX).unwrap_or_else(|unusable| panic!("{}", unusable.why));
    }

    fn ask(&mut self, plaintext: &str) {
        let sealed = self.ours.request(plaintext.as_bytes()).unwrap();
        self.stream.write_all(&sealed).unwrap();
    }

    /// Waits until this has come.
    fn hear(&mut self, expected: &str) {
        while self.ours.taken.iter().map(Vec::len).sum::<usize>() < expected.len() {
            self.receive();
        }
        let heard = std::mem::take(&mut self.ours.taken).concat();
        assert_eq!(String::from_utf8_lossy(&heard), expected);
    }
}

fn only(authority: &Authority, version: TlsVersion) -> TlsSettings {
    TlsSettings { oldest: version, newest: version, ..authority.settings() }
}

#[test]
fn openssl_understands_us_and_its_sessions_are_taken_up() {
    let authority = Authority::new();
    let signed = authority.sign("server", |_| ());
    for version in VERSIONS {
        let mut peer = Peer::openssl(&signed, &["-alpn", "http/1.1"]);
        let settings = TlsSettings { alpn: vec!["http/1.1".into()], ..only(&authority, version) };
        let mut ours = OurEnd::new(&settings);
        for round in 0..3 {
            let mut connected = Connected::new(ours, &peer);
            let agreed = connected.ours.tls.agreed().unwrap();
            assert_eq!((agreed.version, agreed.alpn.as_deref()), (version, Some("http/1.1")));
            assert_eq!(agreed.is_resumed, round > 0);
            connected.ask(&format!("request {round}\n"));
            peer.wait_for(&format!("request {round}"));
            peer.tell(&format!("response {round}"));
            connected.hear(&format!("response {round}\n"));
            ours = connected.ours;
        }
    }
}

#[test]
fn openssl_changes_its_keys_and_asks_for_ours() {
    let authority = Authority::new();
    let signed = authority.sign("server", |_| ());
    for cipher in ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"] {
        let mut peer = Peer::openssl(&signed, &["-tls1_3", "-ciphersuites", cipher]);
        let mut connected = Connected::new(OurEnd::new(&authority.settings()), &peer);
        assert_eq!(connected.ours.tls.agreed().unwrap().cipher, cipher);
        // It takes commands before its side of the handshake is done, and they fail then.
        connected.ask("first\n");
        peer.wait_for("first");
        peer.tell("ready");
        connected.hear("ready\n");
        for command in ["k", "K", "K", "k"] {
            peer.tell(command);
            // It reads all that it was told as one line: what comes next waits until its KeyUpdate is there.
            connected.receive();
            peer.tell("response");
            connected.hear("response\n");
            connected.ask("request\n");
            peer.wait_for("request");
        }
    }
}

#[test]
fn openssl_sends_short_and_padded_records() {
    let authority = Authority::new();
    let signed = authority.sign("server", |_| ());
    let long = "0123456789".repeat(900);
    for arguments in
        [&["-max_send_frag", "512"][..], &["-record_padding", "1000"], &["-tls1_2", "-max_send_frag", "700"]]
    {
        let mut peer = Peer::openssl(&signed, arguments);
        let mut connected = Connected::new(OurEnd::new(&authority.settings()), &peer);
        connected.ask("request\n");
        peer.wait_for("request");
        peer.tell(&long);
        connected.hear(&format!("{long}\n"));
    }
}

#[test]
fn openssl_and_gnutls_take_the_certificate_of_a_client() {
    let authority = Authority::new();
    let (signed, client) = (authority.sign_rsa("server"), authority.sign("client", |_| ()));
    let ca = authority.path("ca.pem");
    for version in VERSIONS {
        let settings = TlsSettings {
            cert: Some(client.certificate_path.clone()),
            key: Some(client.key_path.clone()),
            ..only(&authority, version)
        };
        let mut openssl = Peer::openssl(&signed, &["-Verify", "2", "-verify_return_error", "-CAfile", &ca]);
        let mut connected = Connected::new(OurEnd::new(&settings), &openssl);
        connected.ask("let in\n");
        openssl.wait_for("let in");
        let gnutls =
            Peer::gnutls(&signed, &["--require-client-cert", "--verify-client-cert", "--x509cafile", &ca]);
        let mut connected = Connected::new(OurEnd::new(&settings), &gnutls);
        connected.ask("let in\n");
        connected.hear("let in\n");
    }
}

#[test]
fn gnutls_understands_us_and_its_sessions_are_taken_up() {
    let authority = Authority::new();
    let signed = authority.sign("server", |_| ());
    let long = format!("{}\n", "0123456789".repeat(1_000));
    for version in VERSIONS {
        let peer = Peer::gnutls(&signed, &[]);
        let mut ours = OurEnd::new(&only(&authority, version));
        for round in 0..3 {
            let mut connected = Connected::new(ours, &peer);
            let agreed = connected.ours.tls.agreed().unwrap();
            assert_eq!((agreed.version, agreed.is_resumed), (version, round > 0));
            for text in ["short\n", &long] {
                connected.ask(text);
                connected.hear(text);
            }
            ours = connected.ours;
        }
    }
}

#[test]
fn gnutls_speaks_every_cipher_with_us() {
    let authority = Authority::new();
    let signed = authority.sign("server", |_| ());
    let peer = Peer::gnutls(&signed, &[]);
    for suite in rustls::crypto::ring::ALL_CIPHER_SUITES {
        let cipher = crate::tls::names::cipher_name(*suite);
        if cipher.contains("_RSA_") {
            continue;
        }
        let settings = TlsSettings { ciphers: vec![cipher.into()], ..authority.settings() };
        let mut connected = Connected::new(OurEnd::new(&settings), &peer);
        assert_eq!(connected.ours.tls.agreed().unwrap().cipher, cipher);
        connected.ask("request\n");
        connected.hear("request\n");
    }
}
