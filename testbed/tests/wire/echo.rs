//! TCP and UDP without HTTP: what is sent comes back as it was, as late as it was told to, or not.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use vajra_testbed::{Server, ServerOptions, TlsOptions, UdpEcho};

use crate::client::{ask, behaviour, tls_stream};

const MS: fn(u64) -> Duration = Duration::from_millis;
const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
/// Far longer than anything takes; turns a hang into a failure.
const READ_LIMIT: Duration = Duration::from_secs(30);

fn start(told: &str, options: ServerOptions) -> Server {
    Server::start(ServerOptions { behaviour: behaviour(told), ..options }).expect("free ports")
}

fn tcp_server(told: &str) -> Server {
    start(told, ServerOptions { tcp_echo: Some(ANY), ..ServerOptions::default() })
}

fn udp_server(told: &str, loss_rate: f64, duplicate_rate: f64) -> Server {
    let echo = UdpEcho { address: ANY, loss_rate, duplicate_rate };
    start(told, ServerOptions { udp_echo: Some(echo), ..ServerOptions::default() })
}

fn tcp(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.tcp_echo_address().expect("a port")).expect("the server listens");
    stream.set_read_timeout(Some(READ_LIMIT)).expect("a valid timeout");
    stream
}

fn udp(server: &Server) -> UdpSocket {
    let socket = UdpSocket::bind(ANY).expect("a free port");
    socket.connect(server.udp_echo_address().expect("a port")).expect("loopback");
    socket.set_read_timeout(Some(READ_LIMIT)).expect("a valid timeout");
    socket
}

fn returned(stream: &mut impl Read, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).expect("as many bytes as were sent");
    bytes
}

#[test]
fn bytes_of_tcp_come_back_in_order_and_the_end_after_them() {
    let server = tcp_server("");
    let mut stream = tcp(&server);
    let bytes: Vec<u8> = (0..1_000_000u32).map(|at| (at % 251) as u8).collect();
    let mut writing = stream.try_clone().expect("a second handle");
    let sent = bytes.clone();
    let writer = thread::spawn(move || {
        writing.write_all(&sent).expect("an open connection");
        writing.shutdown(std::net::Shutdown::Write).expect("an open connection");
    });
    assert!(returned(&mut stream, bytes.len()) == bytes);
    assert_eq!(stream.read(&mut [0]).expect("an end"), 0);
    writer.join().expect("all was written");
    let stats = ask(&server, "/stats");
    assert!(stats.text().contains(r#""tcp_connections":1,"tcp_bytes":1000000,"#), "{}", stats.text());
}

#[test]
fn a_piece_takes_the_service_time() {
    let server = tcp_server("service=fixed:30ms");
    let mut stream = tcp(&server);
    let started = Instant::now();
    for piece in [b"one", b"two"] {
        stream.write_all(piece).expect("an open connection");
        assert_eq!(returned(&mut stream, 3), piece);
    }
    assert!(started.elapsed() >= MS(60), "{:?}", started.elapsed());
}

#[test]
fn an_error_ends_a_connection_and_a_reset_resets_it() {
    let server = tcp_server("error=1");
    let mut failing = tcp(&server);
    failing.write_all(b"x").expect("an open connection");
    assert_eq!(failing.read(&mut [0]).expect("an end"), 0);
    let server = tcp_server("reset=1");
    let mut reset = tcp(&server);
    reset.write_all(b"x").expect("an open connection");
    assert_eq!(reset.read(&mut [0]).expect_err("a reset").kind(), ErrorKind::ConnectionReset);
}

#[test]
fn bytes_come_back_under_tls_too() {
    let tls = TlsOptions { echo: Some(ANY), ..TlsOptions::default() };
    let server = start("", ServerOptions { tls: Some(tls), ..ServerOptions::default() });
    let stream = TcpStream::connect(server.tls_echo_address().expect("a port")).expect("the server listens");
    stream.set_read_timeout(Some(READ_LIMIT)).expect("a valid timeout");
    let mut stream = tls_stream(&server, stream);
    for piece in [b"one", b"two"] {
        stream.write_all(piece).expect("an open connection");
        assert_eq!(returned(&mut stream, 3), piece);
    }
}

#[test]
fn what_was_not_asked_for_does_not_listen() {
    let server = start("", ServerOptions::default());
    let ports = [server.tcp_echo_address(), server.tls_echo_address(), server.udp_echo_address()];
    assert_eq!(ports, [None; 3]);
}

#[test]
fn datagrams_come_back_as_they_were() {
    let server = udp_server("", 0.0, 0.0);
    let socket = udp(&server);
    for length in [0, 1, 1472, 60_000] {
        let datagram: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
        socket.send(&datagram).expect("loopback takes it");
        let mut answer = vec![0; 65_535];
        let answered = socket.recv(&mut answer).expect("a datagram");
        assert!(answer[..answered] == datagram, "{length} bytes");
    }
    let stats = ask(&server, "/stats");
    assert!(
        stats.text().contains(r#""udp_datagrams":4,"udp_duplicates":0,"udp_lost":0"#),
        "{}",
        stats.text()
    );
}

#[test]
fn a_datagram_with_a_short_service_time_overtakes() {
    let server = udp_server("service=exp:20ms", 0.0, 0.0);
    let socket = udp(&server);
    for number in 0..64u8 {
        socket.send(&[number]).expect("loopback takes it");
    }
    let mut order = [0; 64];
    for place in &mut order {
        socket.recv(std::slice::from_mut(place)).expect("a datagram");
    }
    assert!(!order.is_sorted(), "64 draws in the order of their arrival: {order:?}");
    order.sort_unstable();
    assert!(order.into_iter().eq(0..64), "each came back once: {order:?}");
}

/// How often each of a thousand datagrams came back. They go in batches that no queue of the kernel is too short for, each once the
/// server has dealt with the one before.
fn copies_of_a_thousand(server: &Server) -> BTreeMap<u16, u32> {
    let socket = udp(server);
    let mut copies = BTreeMap::new();
    for batch in (0..1000u16).collect::<Vec<_>>().chunks(50) {
        for number in batch {
            socket.send(&number.to_be_bytes()).expect("loopback takes it");
        }
        while counted(server) < u64::from(batch[batch.len() - 1]) + 1 {
            thread::sleep(MS(1));
        }
        socket.set_nonblocking(true).expect("a socket");
        let mut number = [0; 2];
        while socket.recv(&mut number).is_ok() {
            *copies.entry(u16::from_be_bytes(number)).or_default() += 1;
        }
        socket.set_nonblocking(false).expect("a socket");
    }
    copies
}

/// Datagrams that the server has returned or lost.
fn counted(server: &Server) -> u64 {
    let stats = ask(server, "/stats");
    let count = |name: &str| {
        let (_, rest) = stats.text().split_once(&format!("\"{name}\":")).expect("a count");
        let digits = rest.split(|letter: char| !letter.is_ascii_digit()).next().expect("a number");
        digits.parse::<u64>().expect("a number")
    };
    count("udp_datagrams") + count("udp_lost")
}

#[test]
fn the_asked_shares_are_lost_and_duplicated_and_the_seed_decides_which() {
    let copies = || copies_of_a_thousand(&udp_server("", 0.3, 0.2));
    let first = copies();
    let lost = 1000 - first.len();
    let twice = first.values().filter(|count| **count == 2).count();
    // Four standard deviations: 58 about 300, and 42 about 140. The seed is fixed, so this passes always or never.
    assert!((242..=358).contains(&lost), "{lost}");
    assert!((98..=182).contains(&twice), "{twice}");
    assert!(first.values().all(|count| *count <= 2));
    assert_eq!(first, copies());
}

#[test]
fn an_echo_ends_with_its_server() {
    let echo = UdpEcho { address: ANY, loss_rate: 0.0, duplicate_rate: 0.0 };
    let options = ServerOptions { tcp_echo: Some(ANY), udp_echo: Some(echo), ..ServerOptions::default() };
    let mut server = start("", options);
    let mut stream = tcp(&server);
    stream.write_all(b"x").expect("an open connection");
    assert_eq!(returned(&mut stream, 1), b"x");
    let socket = udp(&server);
    server.stop();
    assert!(!stream.read(&mut [0]).is_ok_and(|read_bytes| read_bytes > 0));
    // The port is closed: the kernel says so to a connected socket.
    socket.send(b"x").expect("loopback takes it");
    assert_eq!(socket.recv(&mut [0]).expect_err("nobody there").kind(), ErrorKind::ConnectionRefused);
}
