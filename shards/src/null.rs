//! The null responder: the fastest HTTP answer this machine can give, for finding out what the generator can do.
//!
//! It speaks just enough HTTP to be answered by: requests without bodies, on kept-alive connections, each answered with the
//! same two bytes. It is no test target; that is the testbed's job.

use crate::clock::monotonic_ns;
use crate::sys::{Buffer, Done, Ring, Setup};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const REQUEST_END: &[u8] = b"\r\n\r\n";
/// Answers in one send at most.
const ANSWERS_MAX: usize = 1_024;
/// Connections of one core at most.
const SLOTS: u32 = 4_096;
const BUFFERS: u16 = 512;
const BACKLOG: i32 = 4_096;
/// How often a quiet responder looks whether it is to stop.
const PARK_NS: u64 = 50_000_000;
/// The token of the accepting operation; connections use their slot.
const ACCEPT: u64 = u64::MAX;

/// A running null responder.
pub struct NullResponder {
    address: SocketAddr,
    is_over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Result<(), String>>>,
}

impl NullResponder {
    /// Listens on an address with one pinned thread per core, which share the port.
    pub fn start(address: SocketAddr, cores: &[usize]) -> Result<NullResponder, String> {
        let first = listen(address)?;
        let bound = first
            .local_addr()
            .ok()
            .and_then(|local| local.as_socket())
            .ok_or("the listener has no address")?;
        let is_over = Arc::new(AtomicBool::new(false));
        let mut listeners = vec![first];
        for _ in 1..cores.len() {
            listeners.push(listen(bound)?);
        }
        let spawn = |(listener, &core): (Socket, &usize)| {
            let is_over = is_over.clone();
            let serve = move || {
                core_affinity::set_for_current(core_affinity::CoreId { id: core });
                Responder::new(listener)?.serve(&is_over)
            };
            let thread = std::thread::Builder::new().name(format!("null-{core}")).spawn(serve);
            thread.map_err(|error| format!("no thread for core {core}: {error}"))
        };
        let threads = listeners.into_iter().zip(cores).map(spawn).collect::<Result<_, String>>()?;
        Ok(NullResponder { address: bound, is_over, threads })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// True when a thread has ended by itself, which is an error that [`NullResponder::stop`] tells.
    pub fn has_failed(&self) -> bool {
        self.threads.iter().any(JoinHandle::is_finished)
    }

    /// Stops and waits.
    pub fn stop(self) -> Result<(), String> {
        self.is_over.store(true, Ordering::Relaxed);
        let ends =
            self.threads.into_iter().map(|thread| thread.join().map_err(|_| "a thread died".to_owned())?);
        ends.collect()
    }
}

fn listen(address: SocketAddr) -> Result<Socket, String> {
    let open = || {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        socket.set_reuse_port(true)?;
        // Accepted connections inherit it.
        socket.set_tcp_nodelay(true)?;
        socket.bind(&SockAddr::from(address))?;
        socket.listen(BACKLOG)?;
        Ok(socket)
    };
    open().map_err(|error: std::io::Error| format!("cannot listen on {address}: {error}"))
}

/// One core's part.
struct Responder {
    ring: Ring,
    listener: Socket,
    /// Requests that came in parts, by slot.
    partial: Vec<Vec<u8>>,
    /// The last request, which the next one usually repeats.
    memo: Vec<u8>,
}

impl Responder {
    fn new(listener: Socket) -> Result<Responder, String> {
        let setup = Setup {
            slots: SLOTS,
            buffers: BUFFERS,
            addresses: Vec::new(),
            constants: vec![ANSWER.repeat(ANSWERS_MAX)],
            copy_bytes_max: 0,
        };
        let ring = Ring::new(setup).map_err(|error| format!("io_uring cannot be set up: {error}"))?;
        Ok(Responder { ring, listener, partial: vec![Vec::new(); SLOTS as usize], memo: Vec::new() })
    }

    fn serve(&mut self, is_over: &AtomicBool) -> Result<(), String> {
        self.ring.accept(ACCEPT, &self.listener);
        while !is_over.load(Ordering::Relaxed) {
            while let Some(done) = self.ring.next() {
                self.handle(done);
            }
            let now_ns = monotonic_ns();
            self.ring
                .wait(now_ns, now_ns + PARK_NS)
                .map_err(|error| format!("io_uring_enter failed: {error}"))?;
        }
        Ok(())
    }

    fn handle(&mut self, done: Done) {
        if done.token == ACCEPT {
            if done.result >= 0 {
                self.ring.receive_multi(done.result as u64, done.result as u32);
            }
            if !done.more {
                self.ring.accept(ACCEPT, &self.listener);
            }
            return;
        }
        let slot = done.token as u32;
        match (done.result, done.buffer) {
            (bytes, Some(buffer)) if bytes > 0 => {
                self.answer(slot, buffer);
                if !done.more {
                    self.ring.receive_multi(u64::from(slot), slot);
                }
            }
            (error, _) if error == -libc::ENOBUFS => self.ring.receive_multi(u64::from(slot), slot),
            // A second ending of the same slot finds it empty.
            (_, buffer) => {
                if let Some(buffer) = buffer {
                    self.ring.recycle(buffer);
                }
                self.partial[slot as usize].clear();
                let _ = self.ring.remove(slot);
            }
        }
    }

    fn answer(&mut self, slot: u32, buffer: Buffer) {
        let partial = &mut self.partial[slot as usize];
        let requests = count_requests(self.ring.bytes(&buffer), partial, &mut self.memo);
        self.ring.recycle(buffer);
        let mut left = requests;
        while left > 0 {
            let answers = left.min(ANSWERS_MAX);
            self.ring.send_constant(u64::from(slot), slot, 0, answers * ANSWER.len(), false);
            left -= answers;
        }
    }
}

/// How many requests end in these bytes; an unfinished one is kept for the next call.
fn count_requests(mut bytes: &[u8], partial: &mut Vec<u8>, memo: &mut Vec<u8>) -> usize {
    let mut requests = 0;
    if partial.is_empty() && !memo.is_empty() {
        while let Some(rest) = bytes.strip_prefix(memo.as_slice()) {
            bytes = rest;
            requests += 1;
        }
    }
    if bytes.is_empty() {
        return requests;
    }
    partial.extend_from_slice(bytes);
    let mut start = 0;
    while let Some(end) = find(&partial[start..], REQUEST_END) {
        memo.clear();
        memo.extend_from_slice(&partial[start..start + end + REQUEST_END.len()]);
        start += end + REQUEST_END.len();
        requests += 1;
    }
    partial.drain(..start);
    requests
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpStream;

    #[test]
    fn requests_are_counted_however_they_are_cut() {
        let stream = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(5);
        for size in 1..stream.len() {
            let (mut partial, mut memo) = (Vec::new(), Vec::new());
            let counted: usize =
                stream.chunks(size).map(|piece| count_requests(piece, &mut partial, &mut memo)).sum();
            assert_eq!((counted, partial.len()), (5, 0), "in pieces of {size}");
        }
    }

    #[test]
    fn every_request_is_answered_and_connections_come_and_go() {
        let responder = NullResponder::start("127.0.0.1:0".parse().unwrap(), &[0]).unwrap();
        for _ in 0..3 {
            let mut stream = TcpStream::connect(responder.address()).unwrap();
            stream.write_all(&b"GET / HTTP/1.1\r\n\r\n".repeat(3)).unwrap();
            let mut answers = vec![0; ANSWER.len() * 3];
            stream.read_exact(&mut answers).unwrap();
            assert_eq!(answers, ANSWER.repeat(3));
        }
        assert!(!responder.has_failed());
        responder.stop().unwrap();
    }
}
