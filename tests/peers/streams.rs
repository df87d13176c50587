//! Servers that speak neither HTTP nor WebSocket: Redis, socat, and the testbed's echo.

use super::certificates::Signed;
use super::{Peer, free_port, scripted, site, start};
use crate::vajra;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

/// Redis, which speaks lines that end by CR and LF.
pub(crate) fn redis() -> Peer {
    let (folder, port) = (site(), free_port());
    let mut command = Command::new("redis-server");
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
    command.current_dir(folder.path());
    start(command.stdout(Stdio::null()), folder, port)
}

/// socat, which returns what it is sent inside TLS by OpenSSL.
pub(crate) fn socat(signed: &Signed) -> Peer {
    let (folder, port) = (site(), free_port());
    let listen = format!(
        "OPENSSL-LISTEN:{port},bind=127.0.0.1,reuseaddr,fork,verify=0,cert={},key={}",
        signed.certificate, signed.key
    );
    start(Command::new("socat").args([&listen, "SYSTEM:cat"]).stdout(Stdio::null()), folder, port)
}

/// The testbed's echo of TCP, or of TLS; its port is that of the echo.
pub(crate) fn echo(is_tls: bool, words: &[&str]) -> Peer {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(vajra::binary());
    command.args(["testbed", "--port", "0", if is_tls { "--tls-echo" } else { "--tcp-echo" }, "0"]);
    command.args(words).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let port = lines.find_map(|line| {
        let address = line.strip_prefix("testbed returns TCP")?.to_owned();
        address.rsplit(':').next()?.parse().ok()
    });
    Peer { child, folder, port: port.expect("it says where it returns bytes") }
}

/// A target that reads lines, and answers each as it is told to.
pub(crate) fn lines(respond: impl Fn(&str, &mut TcpStream) + Send + Clone + 'static) -> u16 {
    greeting(b"", respond)
}

/// The same; it says something first.
pub(crate) fn greeting(
    words: &'static [u8],
    respond: impl Fn(&str, &mut TcpStream) + Send + Clone + 'static,
) -> u16 {
    scripted(move |mut stream| {
        if stream.write_all(words).is_err() {
            return;
        }
        let reader = BufReader::new(stream.try_clone().unwrap());
        for line in reader.lines().map_while(Result::ok) {
            respond(&line, &mut stream);
        }
    })
}
