//! Measures how exactly the testbed takes the time it is told to: the figures in `src/alarm.rs`.
//!
//! `cargo run --release -p vajra-testbed --example accuracy`
//!
//! One client on a keep-alive connection sends a request at a time, so what is reported contains the
//! loopback and both wake-ups; the line for `none` shows how much that is. The last lines repeat it with
//! sixteen such clients at once.

use std::error::Error;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use vajra_testbed::{Server, ServerOptions};

const REQUESTS_PER_CLIENT: usize = 1000;
const WARM_UP_REQUESTS: usize = 50;

fn main() -> Result<(), Box<dyn Error>> {
    let server = Server::start(ServerOptions::default())?;
    println!(
        "{:>8} {:>8} | {:>7} {:>7} {:>7} {:>7} {:>7}  µs",
        "service", "clients", "min", "p50", "p90", "p99", "max"
    );
    for clients in [1, 16] {
        for service in ["none", "fixed:50us", "fixed:200us", "fixed:1ms", "fixed:5ms"] {
            report(service, clients, measure(server.address(), service, clients)?);
        }
    }
    Ok(())
}

fn report(service: &str, clients: usize, mut latencies: Vec<Duration>) {
    latencies.sort();
    let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize].as_micros();
    println!(
        "{:>8} {clients:>8} | {:>7} {:>7} {:>7} {:>7} {:>7}",
        service.trim_start_matches("fixed:"),
        at(0.0),
        at(0.5),
        at(0.9),
        at(0.99),
        at(1.0),
    );
}

fn measure(address: SocketAddr, service: &str, clients: usize) -> std::io::Result<Vec<Duration>> {
    let mut latencies = Vec::with_capacity(clients * REQUESTS_PER_CLIENT);
    thread::scope(|scope| {
        let running: Vec<_> = (0..clients).map(|_| scope.spawn(|| converse(address, service))).collect();
        for client in running {
            latencies.extend(client.join().expect("a client does not panic")?);
        }
        Ok(latencies)
    })
}

fn converse(address: SocketAddr, service: &str) -> std::io::Result<Vec<Duration>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let request = format!("GET /?service={service} HTTP/1.1\r\nhost: testbed\r\n\r\n");
    let mut latencies = Vec::with_capacity(REQUESTS_PER_CLIENT);
    for number in 0..WARM_UP_REQUESTS + REQUESTS_PER_CLIENT {
        let sent = Instant::now();
        stream.write_all(request.as_bytes())?;
        // A small response comes in one piece.
        let read_bytes = stream.read(&mut [0; 1024])?;
        assert!(read_bytes > 0, "the server closed the connection");
        if number >= WARM_UP_REQUESTS {
            latencies.push(sent.elapsed());
        }
    }
    Ok(latencies)
}
