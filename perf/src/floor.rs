//! The floor: the least that a program on io_uring can do to send requests and take in the responses. What Vajra does besides is
//! measured against it.
//!
//! It uses the product's own ring ([`shards::Ring`]) and asks the kernel for the same things: a multishot receive on each
//! connection, silent sends of bytes that never change, one system call for each look. It leaves out everything else: responses
//! have a length that is known beforehand and are counted, not parsed; there is no schedule, no timeout, no time stamp, no
//! recording, no second thread.

use crate::process::{self, EndedProcess};
use crate::wrk::Counted;
use clap::Args;
use nix::errno::Errno;
use serde_json::{Value, json};
use shards::{Done, Ring, Setup};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

/// How long the first response may take, which tells the length of all.
const PROBE_MAX: Duration = Duration::from_secs(5);
/// More would need more receive buffers than the product's ring has.
const CONNECTIONS_MAX: u32 = 512;
/// The fewest receive buffers; with more connections there are two for each.
const BUFFERS_MIN: u32 = 64;
/// There is one request, which is the ring's first constant.
const REQUEST: usize = 0;

/// What to fetch, over how many connections, how often.
#[derive(Args)]
pub(crate) struct FloorOptions {
    /// http://ADDRESS:PORT/PATH; every response must be as long as the first
    url: String,
    /// Connections
    #[arg(short, long, value_parser = clap::value_parser!(u32).range(1..=CONNECTIONS_MAX as i64))]
    connections: u32,
    /// Requests, over all connections
    #[arg(short = 'n', long, value_parser = clap::value_parser!(u64).range(1..))]
    requests: u64,
}

/// Fetches, and prints how many responses came and in which time, as one line of JSON.
pub(crate) fn run(options: &FloorOptions) -> Result<(), String> {
    let (address, request) = request(&options.url)?;
    let response_bytes = probe(address, &request)?;
    let mut client = Client::connect(address, options.connections, request, response_bytes)?;
    let started = Instant::now();
    let responses = client.exchange(options.requests)?;
    println!("{}", json!({ "responses": responses, "seconds": started.elapsed().as_secs_f64() }));
    Ok(())
}

/// The floor on one core, in a process of its own.
pub(crate) fn command(core: usize, connections: u32, requests: u64, url: &str) -> Result<Command, String> {
    let program = std::env::current_exe().map_err(|error| format!("this program has no path: {error}"))?;
    let mut command = Command::new("taskset");
    command.args(["-c", &core.to_string()]).arg(program).args(["floor", url]);
    command.args(["-c", &connections.to_string(), "-n", &requests.to_string()]);
    Ok(command)
}

/// Runs such a process to its end.
pub(crate) fn run_process(command: &mut Command) -> Result<(Counted, EndedProcess), String> {
    let ended = process::run(command)?;
    let counted = read(&ended.stdout).filter(|_| ended.status.success());
    let counted = counted.ok_or_else(|| {
        format!("`{}` failed: {}{}", process::shown(command), ended.stdout, ended.stderr.trim())
    })?;
    Ok((counted, ended))
}

/// Reads what [`run`] printed.
fn read(output: &str) -> Option<Counted> {
    let value: Value = serde_json::from_str(output).ok()?;
    let (requests, seconds) = (value["responses"].as_u64()?, value["seconds"].as_f64()?);
    Some(Counted { requests, rate_rps: requests as f64 / seconds, failed: 0 })
}

/// Where a URL's server is, and what it is asked.
fn request(url: &str) -> Result<(SocketAddr, Vec<u8>), String> {
    let malformed = || format!("`{url}` is not http://ADDRESS:PORT/PATH");
    let rest = url.strip_prefix("http://").ok_or_else(malformed)?;
    let (authority, path) = rest.split_once('/').ok_or_else(malformed)?;
    let address = authority.parse().map_err(|_| malformed())?;
    Ok((address, format!("GET /{path} HTTP/1.1\r\nHost: {authority}\r\n\r\n").into_bytes()))
}

/// How long the response to a request is, head and body.
fn probe(address: SocketAddr, request: &[u8]) -> Result<usize, String> {
    let fetch = || -> io::Result<usize> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PROBE_MAX))?;
        stream.write_all(request)?;
        let (mut response, mut part) = (Vec::new(), [0; 4_096]);
        loop {
            let bytes = stream.read(&mut part)?;
            if bytes == 0 {
                return Err(io::Error::other("it ended before it was whole, or has no Content-Length"));
            }
            response.extend_from_slice(&part[..bytes]);
            if let Some(length) = length(&response).filter(|length| response.len() >= *length) {
                return Ok(length);
            }
        }
    };
    fetch().map_err(|error| format!("no first response from {address}: {error}"))
}

/// How long a response is, by its head; `None` as long as that is not there.
fn length(response: &[u8]) -> Option<usize> {
    let text = String::from_utf8_lossy(response);
    let (head, _) = text.split_once("\r\n\r\n")?;
    let header = |line: &str| -> Option<usize> {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    };
    Some(head.len() + b"\r\n\r\n".len() + head.lines().find_map(header)?)
}

/// Connections to one server, each with one request under way.
struct Client {
    ring: Ring,
    /// Open for as long as the ring receives on them.
    _sockets: Vec<Socket>,
    request_bytes: usize,
    response_bytes: usize,
    /// What is still to come of each connection's response.
    missing: Vec<usize>,
}

impl Client {
    /// Must be called on the thread that goes on to use it.
    fn connect(
        address: SocketAddr,
        connections: u32,
        request: Vec<u8>,
        response_bytes: usize,
    ) -> Result<Client, String> {
        assert!(connections <= CONNECTIONS_MAX, "there are buffers for as many");
        let request_bytes = request.len();
        let open = || -> io::Result<(Ring, Vec<Socket>)> {
            let mut ring = Ring::new(Setup {
                slots: connections,
                buffers: (connections * 2).next_power_of_two().max(BUFFERS_MIN) as u16,
                addresses: Vec::new(),
                constants: vec![request],
                copy_bytes_max: 0,
                has_datagrams: false,
            })?;
            let sockets = (0..connections).map(|_| connected(address)).collect::<io::Result<Vec<_>>>()?;
            for (slot, socket) in sockets.iter().enumerate() {
                ring.install(slot as u32, socket)?;
            }
            Ok((ring, sockets))
        };
        let (ring, sockets) = open().map_err(|error| format!("cannot connect to {address}: {error}"))?;
        let missing = vec![response_bytes; connections as usize];
        Ok(Client { ring, _sockets: sockets, request_bytes, response_bytes, missing })
    }

    /// Sends so many requests, each when its connection's last response is there, and returns how many responses came.
    fn exchange(&mut self, requests: u64) -> Result<u64, String> {
        let mut unsent = requests;
        for slot in 0..self.missing.len() as u32 {
            self.ring.receive_multi(u64::from(slot), slot);
            unsent = self.send_next(slot, unsent);
        }
        let mut responses = 0;
        while responses < requests {
            self.ring.wait_for_completion().map_err(|error| format!("io_uring_enter failed: {error}"))?;
            while let Some(done) = self.ring.next_completion() {
                let slot = done.token as u32;
                if self.take_in(slot, done)? {
                    responses += 1;
                    unsent = self.send_next(slot, unsent);
                }
            }
        }
        Ok(responses)
    }

    /// Sends if there is a request left, and returns how many are left then.
    fn send_next(&mut self, slot: u32, unsent: u64) -> u64 {
        if unsent > 0 {
            self.ring.send_constant(u64::from(slot), slot, REQUEST, self.request_bytes, false);
        }
        unsent.saturating_sub(1)
    }

    /// Counts what has arrived. True when a response is whole.
    fn take_in(&mut self, slot: u32, done: Done) -> Result<bool, String> {
        if done.result == -(Errno::ENOBUFS as i32) {
            // The receive has ended for want of a buffer, and by now there are some again.
            self.ring.receive_multi(u64::from(slot), slot);
            return Ok(false);
        }
        // A send completes only when it fails.
        let (Ok(bytes @ 1..), Some(buffer)) = (usize::try_from(done.result), done.buffer) else {
            let error = io::Error::from_raw_os_error(-done.result);
            return Err(format!("connection {slot} ended: {error}"));
        };
        self.ring.recycle(buffer);
        if !done.more {
            self.ring.receive_multi(u64::from(slot), slot);
        }
        let missing = &mut self.missing[slot as usize];
        *missing = missing.checked_sub(bytes).ok_or_else(|| {
            format!("a response is longer than the first, which had {}", self.response_bytes)
        })?;
        let is_whole = *missing == 0;
        if is_whole {
            *missing = self.response_bytes;
        }
        Ok(is_whole)
    }
}

fn connected(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_tcp_nodelay(true)?;
    socket.connect(&SockAddr::from(address))?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use testbed::Server;

    /// Asks a testbed, and returns how many responses the client and the server counted.
    fn exchanged(path: &str, connections: u32, requests: u64) -> (u64, u64) {
        let mut server = Server::start(testbed::ServerOptions::default()).unwrap();
        let (address, request) = request(&format!("http://{}{path}", server.address())).unwrap();
        let response_bytes = probe(address, &request).unwrap();
        let mut client = Client::connect(address, connections, request, response_bytes).unwrap();
        let responses = client.exchange(requests).unwrap();
        drop(client);
        server.stop();
        (responses, server.served())
    }

    #[test]
    fn as_many_responses_come_as_requests_were_sent() {
        // The server has answered the probe as well.
        assert_eq!(exchanged("/", 8, 1_000), (1_000, 1_001));
        assert_eq!(exchanged("/", 8, 3), (3, 4), "fewer requests than connections");
    }

    #[test]
    fn a_response_that_comes_in_parts_is_one_response() {
        assert_eq!(exchanged("/bytes/100000", 4, 200), (200, 201));
    }

    #[test]
    fn a_connection_that_ends_is_an_error() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || drop(listener.accept().unwrap()));
        let mut client = Client::connect(address, 1, b"x".to_vec(), 1).unwrap();
        server.join().unwrap();
        assert!(client.exchange(1).unwrap_err().starts_with("connection 0 ended"));
    }

    #[test]
    fn the_length_of_a_response_is_in_its_head() {
        assert_eq!(length(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"), Some(40));
        assert_eq!(length(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"), None);
        assert_eq!(length(b"HTTP/1.1 200 OK\r\n\r\n"), None);
    }

    #[test]
    fn what_is_printed_can_be_read() {
        let counted = Counted { requests: 10, rate_rps: 5.0, failed: 0 };
        assert_eq!(read(r#"{"responses": 10, "seconds": 2.0}"#), Some(counted));
        assert_eq!(read(""), None);
    }
}
