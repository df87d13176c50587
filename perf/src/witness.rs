//! A server that writes down, to the nanosecond, when each request came.
//!
//! Each connection has a thread that waits for bytes, so that what is written down is when a thread had been woken and not when bytes had
//! arrived: the record is late by as much as its threads are, and never early.

use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
/// A request of a log that is repeated is no longer than this.
const REQUEST_BYTES_MAX: usize = 16 << 10;

/// A request that came: when, and its first line but for the version.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ArrivedRequest {
    pub(crate) at: Instant,
    pub(crate) asked: String,
}

/// The server. Its threads end with the process.
pub(crate) struct ArrivalWitness {
    pub(crate) address: SocketAddr,
    arrived: Arc<Mutex<Vec<ArrivedRequest>>>,
}

impl ArrivalWitness {
    /// Starts it on a core.
    pub(crate) fn start(core: usize) -> Result<ArrivalWitness, String> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let listener = listener.map_err(|error| format!("no server to repeat a log at: {error}"))?;
        let address = listener.local_addr().map_err(|error| format!("no address: {error}"))?;
        let mut cores = CpuSet::new();
        cores.set(core).map_err(|error| format!("core {core}: {error}"))?;
        let arrived = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&arrived);
        thread::spawn(move || {
            // Threads that it starts stay on its core. Where there is no such core they run wherever they may.
            let _ = sched_setaffinity(Pid::from_raw(0), &cores);
            for stream in listener.incoming().flatten() {
                let record = Arc::clone(&record);
                thread::spawn(move || serve(stream, &record));
            }
        });
        Ok(ArrivalWitness { address, arrived })
    }

    /// What came, in the order in which it came.
    pub(crate) fn arrived(&self) -> Vec<ArrivedRequest> {
        let mut arrived = self.arrived.lock().unwrap_or_else(PoisonError::into_inner).clone();
        arrived.sort_by_key(|request| request.at);
        arrived
    }
}

/// Answers one request after the other, until the connection ends.
fn serve(mut stream: TcpStream, record: &Mutex<Vec<ArrivedRequest>>) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let (mut bytes, mut filled) = (vec![0; REQUEST_BYTES_MAX], 0);
    loop {
        match read(&mut stream, &mut bytes[filled..]) {
            Ok(0) | Err(_) => return None,
            Ok(count) => filled += count,
        }
        let at = Instant::now();
        while let Some(end) = bytes[..filled].windows(4).position(|four| four == b"\r\n\r\n") {
            let line = bytes[..end].split(|byte| *byte == b'\r').next().unwrap_or_default();
            let line = String::from_utf8_lossy(line);
            let asked = line.rsplit_once(' ').map_or("", |(asked, _)| asked).to_owned();
            record.lock().unwrap_or_else(PoisonError::into_inner).push(ArrivedRequest { at, asked });
            stream.write_all(RESPONSE).ok()?;
            bytes.copy_within(end + 4..filled, 0);
            filled -= end + 4;
        }
    }
}

fn read(stream: &mut TcpStream, bytes: &mut [u8]) -> io::Result<usize> {
    loop {
        match stream.read(bytes) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_written_down_in_the_order_in_which_they_come() {
        let record = ArrivalWitness::start(0).unwrap();
        let begun = Instant::now();
        let mut stream = TcpStream::connect(record.address).unwrap();
        let mut response = [0; RESPONSE.len()];
        stream.write_all(b"GET /a HTTP/1.1\r\nHost: h\r\n\r\nPOST /b?n=1").unwrap();
        stream.read_exact(&mut response).unwrap();
        stream.write_all(b" HTTP/1.1\r\n\r\n").unwrap();
        stream.read_exact(&mut response).unwrap();
        assert_eq!(response, RESPONSE);
        let arrived = record.arrived();
        let asked: Vec<&str> = arrived.iter().map(|request| request.asked.as_str()).collect();
        assert_eq!(asked, ["GET /a", "POST /b?n=1"]);
        assert!(begun < arrived[0].at && arrived[0].at < arrived[1].at);
    }
}
