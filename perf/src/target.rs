//! The server that loads are compared on: an nginx of our own, started for one measurement and stopped after it.
//!
//! One process on one core, loopback only, its configuration and files in a temporary folder; nothing of the system's
//! nginx is read or written. It is tuned to be no bottleneck, because the cost of a generator that waits for its server
//! is mostly the cost of being woken: the small body comes from memory (from a file, nginx answers a third fewer), open
//! files are remembered, heads and files leave in one segment, connections are never closed.
//!
//! With TLS it speaks version 1.3 with one cipher and one group, so that whoever comes has the same to do, with a key that is made for
//! it and goes with it.

use crate::process::explain;
use clap::ValueEnum;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long the server may take until it accepts connections.
const START_MAX: Duration = Duration::from_secs(5);
/// How often it is asked meanwhile.
const START_POLL: Duration = Duration::from_millis(10);

/// What a line of a server's log has: when a response had ended, how long its request had taken, method and path.
pub(crate) const LOG_FORMAT: &str = "$msec $request_time $request_method $request_uri";

/// What is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ServedBody {
    /// 12 bytes
    Small,
    /// 64 KiB
    #[value(name = "64k")]
    Kibibytes64,
    /// 1 MiB
    #[value(name = "1m")]
    Mebibyte,
}

impl ServedBody {
    /// Those that are files.
    const FILES: [ServedBody; 2] = [ServedBody::Kibibytes64, ServedBody::Mebibyte];

    /// What it is called in tables and on the command line, and its path on the server.
    pub(crate) fn name(self) -> &'static str {
        match self {
            ServedBody::Small => "small",
            ServedBody::Kibibytes64 => "64k",
            ServedBody::Mebibyte => "1m",
        }
    }

    pub(crate) fn content(self) -> Vec<u8> {
        let bytes = match self {
            ServedBody::Small => 12,
            ServedBody::Kibibytes64 => 64 << 10,
            ServedBody::Mebibyte => 1 << 20,
        };
        vec![b'v'; bytes]
    }
}

/// What the server speaks below HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServedOver {
    Tcp,
    Tls,
    /// HTTP/2 without TLS, as is known beforehand.
    Http2,
    /// Calls of gRPC, without TLS.
    Grpc,
}

/// A running nginx. Dropping it stops it.
pub(crate) struct Nginx {
    child: Child,
    address: SocketAddr,
    over: ServedOver,
    folder: TempDir,
}

impl Nginx {
    /// Starts one in clear on a core, on a port that is free; returns when it accepts connections.
    pub(crate) fn start(core: usize) -> Result<Nginx, String> {
        Nginx::start_over(ServedOver::Tcp, core)
    }

    /// The same, over TLS if asked to.
    pub(crate) fn start_over(over: ServedOver, core: usize) -> Result<Nginx, String> {
        Nginx::start_with(over, "off", core)
    }

    /// One in clear that writes a line of [`LOG_FORMAT`] for each request.
    pub(crate) fn start_logging(core: usize) -> Result<Nginx, String> {
        Nginx::start_with(ServedOver::Tcp, "access.log rows", core)
    }

    /// Where it writes them.
    pub(crate) fn log(&self) -> PathBuf {
        self.folder.path().join("access.log")
    }

    fn start_with(over: ServedOver, log: &str, core: usize) -> Result<Nginx, String> {
        let folder = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
        let address = free_address()?;
        lay_out(folder.path(), address, over, log)
            .map_err(|error| format!("cannot write into {}: {error}", folder.path().display()))?;
        let mut command = Command::new("taskset");
        command.args(["-c", &core.to_string(), "nginx", "-p"]).arg(folder.path());
        command.args(["-e", "error.log", "-c", "nginx.conf"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().map_err(|error| explain(&command, &error))?;
        let mut nginx = Nginx { child, address, over, folder };
        match wait_until_it_accepts(&mut nginx.child, address) {
            true => Ok(nginx),
            false => Err(nginx.explain_start()),
        }
    }

    /// Where a body is fetched.
    pub(crate) fn url(&self, body: ServedBody) -> String {
        let scheme = match self.over {
            ServedOver::Tcp | ServedOver::Http2 | ServedOver::Grpc => "http",
            ServedOver::Tls => "https",
        };
        format!("{scheme}://{}/{}", self.address, body.name())
    }

    /// What it speaks below HTTP.
    pub(crate) fn over(&self) -> ServedOver {
        self.over
    }

    fn explain_start(&self) -> String {
        match fs::read_to_string(self.folder.path().join("error.log")) {
            Ok(log) if !log.is_empty() => format!("nginx did not start: {}", log.trim()),
            _ => "nginx did not start, and left no log; is it installed (`apt-get install nginx`), and does the core exist?"
                .into(),
        }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // One process without a worker, so nothing is left behind. Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for a server that was started; false when it has ended, or takes too long.
pub(crate) fn wait_until_it_accepts(server: &mut Child, address: SocketAddr) -> bool {
    let deadline = Instant::now() + START_MAX;
    while TcpStream::connect(address).is_err() {
        let is_over = !matches!(server.try_wait(), Ok(None));
        if is_over || Instant::now() > deadline {
            return false;
        }
        std::thread::sleep(START_POLL);
    }
    true
}

/// The kernel's choice of a free port. Another process could take it before the server does, which then says so and ends.
pub(crate) fn free_address() -> Result<SocketAddr, String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    listener.and_then(|listener| listener.local_addr()).map_err(|error| format!("no free port: {error}"))
}

fn lay_out(folder: &Path, address: SocketAddr, over: ServedOver, log: &str) -> std::io::Result<()> {
    if over == ServedOver::Tls {
        let made = generate_simple_self_signed([address.ip().to_string()]);
        let CertifiedKey { cert, signing_key } = made.map_err(std::io::Error::other)?;
        fs::write(folder.join("server.pem"), cert.pem())?;
        fs::write(folder.join("server.key"), signing_key.serialize_pem())?;
    }
    for body in ServedBody::FILES {
        fs::write(folder.join(body.name()), body.content())?;
    }
    fs::write(folder.join("nginx.conf"), configuration(address, over, log))
}

/// One version, one cipher, one group; rcgen's key is ECDSA on P-256.
const TLS: &str = "        ssl_certificate server.pem;
        ssl_certificate_key server.key;
        ssl_protocols TLSv1.3;
        ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
        ssl_ecdh_curve X25519;
";

/// Relative paths are relative to the folder. `master_process off` makes the one worker the process we started: pinned
/// by its parent, never dropping privileges, gone when killed. tcp_nopush joins a head and a sent file in one segment.
fn configuration(address: SocketAddr, over: ServedOver, log: &str) -> String {
    let (listen, tls) = match over {
        ServedOver::Tcp => ("", ""),
        ServedOver::Tls => (" ssl", TLS),
        ServedOver::Http2 | ServedOver::Grpc => (" http2", ""),
    };
    let small = String::from_utf8_lossy(&ServedBody::Small.content()).into_owned();
    format!(
        "daemon off;
master_process off;
worker_processes 1;
pid nginx.pid;
error_log error.log;
events {{ worker_connections 16384; }}
http {{
    log_format rows '{LOG_FORMAT}';
    access_log {log};
    sendfile on;
    tcp_nopush on;
    open_file_cache max=16 inactive=1h;
    keepalive_timeout 1h;
    keepalive_requests 1000000000;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    server {{
        listen {address}{listen} backlog=4096;
{tls}        root .;
        location = /small {{ return 200 \"{small}\"; }}
    }}
}}
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    #[test]
    fn nginx_serves_every_body_and_is_gone_when_dropped() {
        let nginx = Nginx::start(0).unwrap();
        let address = nginx.address;
        for body in [ServedBody::Small, ServedBody::Kibibytes64, ServedBody::Mebibyte] {
            let mut stream = TcpStream::connect(address).unwrap();
            write!(stream, "GET /{} HTTP/1.0\r\n\r\n", body.name()).unwrap();
            let mut response = Vec::new();
            stream.read_to_end(&mut response).unwrap();
            assert!(response.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&response[..64]));
            let text = String::from_utf8_lossy(&response);
            let (_, content) = text.split_once("\r\n\r\n").unwrap();
            assert_eq!(content.as_bytes(), body.content());
        }
        drop(nginx);
        assert!(TcpStream::connect(address).is_err());
    }
}
