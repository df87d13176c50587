//! `vajra testbed` as a program: what it prints, which files it leaves, and which signals it heeds. What it answers is tested beside it.

use crate::vajra::{self, Vajra};
use std::fs;
use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};

/// A server under way, and what it prints.
struct Testbed {
    child: Child,
    stdout: Lines<BufReader<ChildStdout>>,
    stderr: Lines<BufReader<ChildStderr>>,
}

impl Testbed {
    fn start(words: &[&str]) -> Testbed {
        let mut command = Command::new(vajra::binary());
        command.args(["testbed", "--port", "0"]).args(words).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        let stderr = BufReader::new(child.stderr.take().unwrap()).lines();
        Testbed { child, stdout, stderr }
    }

    fn line(&mut self) -> String {
        self.stdout.next().expect("a line").unwrap()
    }

    fn told(&mut self) -> String {
        self.stderr.next().expect("a line").unwrap()
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([format!("-{name}"), self.child.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    fn code(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Testbed {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The word behind another one.
fn behind<'a>(line: &'a str, word: &str) -> &'a str {
    let rest = line.split_once(word).unwrap_or_else(|| panic!("`{word}` in `{line}`")).1;
    rest.trim_start().split([' ', ',', ')']).next().unwrap()
}

#[test]
fn what_a_client_needs_is_told_and_goes_with_the_server() {
    let mut server = Testbed::start(&["--tls", "--tls-client-ca"]);
    let line = server.line();
    let url = behind(&line, "listens on ");
    let files = ["--cacert", "--cert", "--key"].map(|flag| (flag, behind(&line, flag)));
    let mut curl = Command::new("curl");
    curl.args(["--disable", "--silent", "--noproxy", "*", url]);
    for (flag, file) in files {
        curl.args([flag, file]);
    }
    let fetched = curl.output().unwrap();
    assert_eq!(String::from_utf8_lossy(&fetched.stdout), "ok\n", "{line}: {fetched:?}");
    server.signal("TERM");
    assert_eq!(server.told(), "testbed stopped after 1 responses");
    assert_eq!(server.code(), Some(0));
    for (flag, file) in files {
        assert!(!Path::new(file).exists(), "{flag} {file} is left behind");
    }
}

#[test]
fn files_that_are_named_stay() {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    let mut server = Testbed::start(&["--tls", "--tls-ca", ca.to_str().unwrap()]);
    assert!(server.line().contains(&format!("(trust it with --cacert {})", ca.display())));
    server.signal("INT");
    assert_eq!(server.code(), Some(0));
    assert!(fs::read_to_string(ca).unwrap().starts_with("-----BEGIN CERTIFICATE-----"));
}

#[test]
fn every_port_is_told() {
    let mut server = Testbed::start(&["--tcp-echo", "0", "--udp-echo", "0", "--udp-loss", "0%"]);
    assert!(server.line().starts_with("testbed listens on http://127.0.0.1:"));
    let tcp = server.line();
    let mut stream = TcpStream::connect(behind(&tcp, "testbed returns TCP on ")).unwrap();
    stream.write_all(b"hello").unwrap();
    let mut returned = [0; 5];
    stream.read_exact(&mut returned).unwrap();
    assert_eq!(&returned, b"hello");
    let udp = server.line();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(b"hello", behind(&udp, "testbed returns UDP on ")).unwrap();
    assert_eq!((socket.recv(&mut returned).unwrap(), &returned), (5, b"hello"));
}

/// The status of a link that is to live for so long.
fn status_of_a_link(address: &str, ttl_s: u32) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let body = format!("{{\"url\": \"http://a.test/\", \"ttl_s\": {ttl_s}}}");
    let head =
        format!("POST /links HTTP/1.1\r\nhost: t\r\nconnection: close\r\ncontent-length: {}", body.len());
    stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    response.split(' ').nth(1).expect("a status").to_owned()
}

#[test]
fn settings_of_links_are_read_again_at_sighup() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("links.toml");
    fs::write(&file, "ttl_max_s = 10\n").unwrap();
    let mut server = Testbed::start(&["--links-config", file.to_str().unwrap()]);
    let line = server.line();
    let address = behind(&line, "http://").trim_end_matches('/').to_owned();
    assert_eq!([10, 11].map(|ttl_s| status_of_a_link(&address, ttl_s)), ["201", "400"]);
    fs::write(&file, "ttl_max_s = none\n").unwrap();
    server.signal("HUP");
    let told = server.told();
    assert!(told.contains("links.toml` cannot be taken"), "{told}");
    while server.told() != "  help: the settings from before stay" {}
    assert_eq!(status_of_a_link(&address, 10), "201");
    fs::write(&file, "ttl_max_s = 11\n").unwrap();
    server.signal("HUP");
    assert_eq!(server.told(), "the settings were read again");
    assert_eq!(status_of_a_link(&address, 11), "201");
}

#[test]
fn what_is_wrong_ends_with_2_and_is_told_with_its_flag() {
    let cases: [(&[&str], &[&str]); 9] = [
        (&["--tls-fault", "expired"], &["needs --tls"]),
        (&["--tls", "--tls-fault", "old"], &["`old` is not a fault", "--> flag --tls-fault old"]),
        (&["--tls", "--tls-versions", "1.1"], &["write 1.2, 1.3 or 1.2-1.3", "--> flag --tls-versions 1.1"]),
        (&["--tls", "--tls-client-key", "k.pem"], &["needs --tls-client-ca"]),
        (
            &["--tls", "--tls-ca", "nowhere/ca.pem"],
            &["cannot be written", "--> flag --tls-ca nowhere/ca.pem"],
        ),
        (&["--tls-echo", "0"], &["needs --tls"]),
        (&["--udp-loss", "1%"], &["needs --udp-echo"]),
        (&["--udp-echo", "0", "--udp-loss", "2"], &["`2` is not a rate", "--> flag --udp-loss 2"]),
        (&["--links-config", "none.toml"], &["cannot be read", "--> flag --links-config none.toml"]),
    ];
    for (words, parts) in cases {
        let done = Vajra::new(&[&["testbed", "--port", "0"], words].concat()).done();
        assert_eq!(done.code, 2, "{words:?}: {}", done.stderr);
        for part in parts {
            assert!(done.stderr.contains(part), "{words:?}: `{part}` in {}", done.stderr);
        }
    }
}
