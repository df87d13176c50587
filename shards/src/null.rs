//! The null responder: the fastest HTTP response this machine can give, for finding out what the generator can do.
//!
//! It speaks just enough HTTP to be answered by: requests of HTTP/1.1 without bodies, and of HTTP/2 as is known beforehand or chosen
//! by ALPN, on kept-alive connections, in clear or inside TLS, each answered with the same two bytes. It is no test target; that is
//! the testbed's job.
//!
//! It can also be the arrival recorder: it then watches instead of waiting, and stamps each request as it comes, which
//! is how the pacing of any generator is compared from outside.

mod http2;
mod secured;
mod spoken;

use self::http2::SENT_BYTES_MAX;
use self::secured::NullTls;
use self::spoken::{NullSpoken, RESPONSE};
use crate::arrivals::{ArrivalLog, ArrivalRecord, Seen};
use crate::clock::{Clock, monotonic_ns};
use crate::failures::{died, enter_failed, no_ring, no_thread};
use crate::sys::{Done, ReceiveBuffer, Ring, Setup};
use engine::failure::{FailureKind, RunFailure};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use rustls::ServerConfig;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Responses in one send at most.
const RESPONSES_MAX: usize = 1_024;
/// Connections of one core at most, where the process may have as many descriptors.
const SLOTS: u32 = 8_192;
const BUFFERS: u16 = 512;
const BACKLOG: i32 = 4_096;
/// How often a quiet responder looks whether it is to stop.
const PARK_NS: u64 = 50_000_000;
/// The token of the accepting operation; connections use their slot.
const ACCEPT: u64 = u32::MAX as u64 + 1;
/// The token of what a connection sends from its own memory is its slot and this.
const SENT: u64 = 1 << 40;

/// A running null responder.
pub struct NullResponder {
    address: SocketAddr,
    is_over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Result<Option<ArrivalRecord>, RunFailure>>>,
}

impl NullResponder {
    /// Listens on an address with one pinned thread per core, which share the port. With settings of TLS, all are to speak it.
    pub fn start(
        address: SocketAddr,
        cores: &[usize],
        tls: Option<Arc<ServerConfig>>,
    ) -> Result<NullResponder, RunFailure> {
        NullResponder::launch(address, cores, tls, None)
    }

    /// Listens with one thread, pinned to `core`, which watches all the time and stamps each request that comes, from
    /// `after` the first one on. [`NullResponder::stop_recording`] returns what it saw.
    pub fn record(
        address: SocketAddr,
        core: usize,
        tls: Option<Arc<ServerConfig>>,
        after: Duration,
    ) -> Result<NullResponder, RunFailure> {
        NullResponder::launch(address, &[core], tls, Some(after))
    }

    fn launch(
        address: SocketAddr,
        cores: &[usize],
        tls: Option<Arc<ServerConfig>>,
        recorded: Option<Duration>,
    ) -> Result<NullResponder, RunFailure> {
        let is_shared = cores.len() > 1;
        let first = listen(address, is_shared)?;
        let bound = first
            .local_addr()
            .ok()
            .and_then(|local| local.as_socket())
            .ok_or_else(|| FailureKind::Listen.failure("the listener has no address"))?;
        let is_over = Arc::new(AtomicBool::new(false));
        let mut listeners = vec![first];
        for _ in 1..cores.len() {
            listeners.push(listen(bound, is_shared)?);
        }
        let spawn = |(listener, &core): (Socket, &usize)| {
            let (is_over, tls) = (is_over.clone(), tls.clone());
            let serve = move || {
                core_affinity::set_for_current(core_affinity::CoreId { id: core });
                let mut responder = Responder::new(listener, tls)?;
                match recorded {
                    Some(after) => responder.record(&is_over, after).map(Some),
                    None => responder.serve(&is_over).map(|()| None),
                }
            };
            let thread = std::thread::Builder::new().name(format!("null-{core}")).spawn(serve);
            thread.map_err(|error| no_thread(format_args!("core {core}"), error))
        };
        let threads = listeners.into_iter().zip(cores).map(spawn).collect::<Result<_, RunFailure>>()?;
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
    pub fn stop(self) -> Result<(), RunFailure> {
        self.join().map(drop)
    }

    /// Stops a responder that records, and returns what it saw.
    pub fn stop_recording(self) -> Result<ArrivalRecord, RunFailure> {
        self.join()?.pop().flatten().ok_or_else(|| FailureKind::Panic.failure("nothing was to be recorded"))
    }

    fn join(self) -> Result<Vec<Option<ArrivalRecord>>, RunFailure> {
        self.is_over.store(true, Ordering::Relaxed);
        let ends = self
            .threads
            .into_iter()
            .map(|thread| thread.join().map_err(|_| died("a thread of the null responder"))?);
        ends.collect()
    }
}

/// A port is shared among the listeners of one responder and with nobody else: of two responders on one port each would be
/// sent a part of the requests, and neither would know.
fn listen(address: SocketAddr, is_shared: bool) -> Result<Socket, RunFailure> {
    let open = || {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        socket.set_reuse_port(is_shared)?;
        // Accepted connections inherit it.
        socket.set_tcp_nodelay(true)?;
        socket.bind(&SockAddr::from(address))?;
        socket.listen(BACKLOG)?;
        Ok(socket)
    };
    let refused =
        |error: std::io::Error| FailureKind::Listen.failure(format!("cannot listen on {address}: {error}"));
    open().map_err(refused)
}

/// As many slots as a ring may have: the kernel allows no more than descriptors. The soft limit is raised for it.
fn slots() -> u32 {
    let wanted = u64::from(SLOTS);
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap_or((wanted, wanted));
    let raised = wanted.min(hard);
    let is_raised = soft < raised && setrlimit(Resource::RLIMIT_NOFILE, raised, hard).is_ok();
    let allowed = if is_raised { raised } else { soft.min(wanted) };
    u32::try_from(allowed).unwrap_or(SLOTS)
}

/// One core's part.
struct Responder {
    ring: Ring,
    listener: Socket,
    /// The settings of TLS, if it is spoken.
    tls: Option<Arc<ServerConfig>>,
    /// One in each slot.
    connections: Vec<NullConnection>,
    /// The last request, which the next one usually repeats.
    memo: Vec<u8>,
}

/// A connection, which may be one that has not been made.
struct NullConnection {
    spoken: NullProtocol,
    /// What was written last to its own memory is on its way.
    is_sending: bool,
}

impl NullConnection {
    /// On which nothing has come.
    fn new(spoken: NullProtocol) -> NullConnection {
        NullConnection { spoken, is_sending: false }
    }
}

/// What a connection speaks, and within what.
enum NullProtocol {
    Clear(NullSpoken),
    Secured(Box<NullTls>),
}

impl NullProtocol {
    /// Of a connection on which nothing has come.
    const NOTHING: NullProtocol = NullProtocol::Clear(NullSpoken::NOTHING);

    /// Takes what has come, with the last request of HTTP/1.1. Returns how many requests ended in it.
    fn take(&mut self, bytes: &[u8], memo: &mut Vec<u8>) -> usize {
        match self {
            NullProtocol::Clear(spoken) => spoken.take(bytes, memo),
            NullProtocol::Secured(connection) => connection.take(bytes, memo),
        }
    }

    /// Writes what is to be sent from the connection's own memory, as far as there is room for it. Returns how many bytes that is.
    fn write(&mut self, memory: &mut [u8]) -> usize {
        match self {
            NullProtocol::Clear(spoken) => spoken.write(memory),
            NullProtocol::Secured(connection) => connection.write(memory),
        }
    }
}

impl Responder {
    fn new(listener: Socket, tls: Option<Arc<ServerConfig>>) -> Result<Responder, RunFailure> {
        let slots = slots();
        let setup = Setup {
            slots,
            buffers: BUFFERS,
            addresses: Vec::new(),
            constants: vec![RESPONSE.repeat(RESPONSES_MAX)],
            copy_bytes_max: SENT_BYTES_MAX,
            has_datagrams: false,
        };
        let ring = Ring::new(setup).map_err(no_ring)?;
        let connections = (0..slots).map(|_| NullConnection::new(NullProtocol::NOTHING)).collect();
        Ok(Responder { ring, listener, tls, connections, memo: Vec::new() })
    }

    fn serve(&mut self, is_over: &AtomicBool) -> Result<(), RunFailure> {
        self.ring.accept(ACCEPT, &self.listener);
        while !is_over.load(Ordering::Relaxed) {
            self.answer_all();
            let now_ns = monotonic_ns();
            self.ring.wait(now_ns, now_ns + PARK_NS).map_err(enter_failed)?;
        }
        Ok(())
    }

    /// Watches, and stamps what comes when it is seen to be there, before it is fetched. What comes while responses go
    /// out, some microseconds each, is stamped when they are out.
    fn record(&mut self, is_over: &AtomicBool, after: Duration) -> Result<ArrivalRecord, RunFailure> {
        let mut log = ArrivalLog::new(u64::try_from(after.as_nanos()).unwrap_or(u64::MAX));
        let mut clock = Clock::new();
        self.ring.accept(ACCEPT, &self.listener);
        self.ring.submit().map_err(enter_failed)?;
        let mut looked_ns = clock.now();
        while !is_over.load(Ordering::Relaxed) {
            // The time before a look that finds nothing, and after one that finds something: a stamp can be late, and it
            // is known by how much at the most.
            let now_ns = clock.now();
            if !self.ring.has_work() {
                looked_ns = now_ns;
                continue;
            }
            let mut at_ns = clock.now();
            self.ring.submit().map_err(enter_failed)?;
            loop {
                let requests = self.answer_all();
                if requests == 0 {
                    break;
                }
                log.arrived(Seen { at_ns, blind_ns: at_ns - looked_ns }, requests);
                looked_ns = at_ns;
                self.ring.submit().map_err(enter_failed)?;
                at_ns = clock.now();
            }
        }
        Ok(log.finish())
    }

    /// Handles what has happened, and returns how many requests came.
    fn answer_all(&mut self) -> usize {
        let mut requests = 0;
        while let Some(done) = self.ring.next_completion() {
            requests += self.handle(done);
        }
        requests
    }

    fn handle(&mut self, done: Done) -> usize {
        if done.token == ACCEPT {
            if done.result >= 0 {
                self.accepted(done.result as u32);
            }
            if !done.more {
                self.ring.accept(ACCEPT, &self.listener);
            }
            return 0;
        }
        let slot = done.token as u32;
        if done.token & SENT != 0 {
            self.sent(slot, done.result);
            return 0;
        }
        match (done.result, done.buffer) {
            (bytes, Some(buffer)) if bytes > 0 => {
                let requests = self.answer(slot, buffer);
                if !done.more {
                    self.ring.receive_multi(u64::from(slot), slot);
                }
                return requests;
            }
            (error, _) if error == -libc::ENOBUFS => self.ring.receive_multi(u64::from(slot), slot),
            // A second ending of the same slot finds it empty.
            (_, buffer) => {
                if let Some(buffer) = buffer {
                    self.ring.recycle(buffer);
                }
                self.connections[slot as usize] = NullConnection::new(NullProtocol::NOTHING);
                let _ = self.ring.remove(slot);
            }
        }
        0
    }

    fn accepted(&mut self, slot: u32) {
        let secured = self.tls.clone().map(|settings| match NullTls::new(settings) {
            Some(connection) => NullProtocol::Secured(Box::new(connection)),
            None => NullProtocol::Clear(NullSpoken::Neither),
        });
        self.connections[slot as usize] = NullConnection::new(secured.unwrap_or(NullProtocol::NOTHING));
        self.ring.receive_multi(u64::from(slot), slot);
    }

    fn answer(&mut self, slot: u32, mut buffer: ReceiveBuffer) -> usize {
        let spoken = &mut self.connections[slot as usize].spoken;
        let requests = spoken.take(self.ring.bytes(&mut buffer), &mut self.memo);
        let is_constant = matches!(spoken, NullProtocol::Clear(NullSpoken::Http1(_)));
        self.ring.recycle(buffer);
        if !is_constant {
            self.ring.lay_out(slot);
            self.send_written(slot);
            return requests;
        }
        let mut left = requests;
        while left > 0 {
            let responses = left.min(RESPONSES_MAX);
            self.ring.send_constant(u64::from(slot), slot, 0, responses * RESPONSE.len(), false);
            left -= responses;
        }
        requests
    }

    /// What was written is sent, or cannot be: then the end of the connection comes as well.
    fn sent(&mut self, slot: u32, result: i32) {
        self.connections[slot as usize].is_sending = false;
        if result >= 0 {
            self.send_written(slot);
        }
    }

    /// Sends what is to be sent from the connection's own memory, unless something is on its way already.
    fn send_written(&mut self, slot: u32) {
        let connection = &mut self.connections[slot as usize];
        if connection.is_sending {
            return;
        }
        let Some(memory) = self.ring.memory_of(slot) else { return };
        let filled = connection.spoken.write(memory);
        if filled > 0 {
            connection.is_sending = true;
            self.ring.send_written(SENT | u64::from(slot), slot, filled, true);
        }
    }
}

impl Drop for Responder {
    /// The kernel takes a ring down after the process has gone on, and until then the ring holds the listener: it would be
    /// given connections that nobody answers, at the cost of whoever listens on the port next.
    fn drop(&mut self) {
        // It fails only where it has been done already.
        let _ = self.listener.shutdown(std::net::Shutdown::Both);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpStream;

    #[test]
    fn every_request_is_answered_and_connections_come_and_go() {
        let responder = NullResponder::start("127.0.0.1:0".parse().unwrap(), &[0], None).unwrap();
        for _ in 0..3 {
            let mut stream = TcpStream::connect(responder.address()).unwrap();
            stream.write_all(&b"GET / HTTP/1.1\r\n\r\n".repeat(3)).unwrap();
            let mut responses = vec![0; RESPONSE.len() * 3];
            stream.read_exact(&mut responses).unwrap();
            assert_eq!(responses, RESPONSE.repeat(3));
        }
        assert!(!responder.has_failed());
        assert!(responder.stop_recording().unwrap_err().text.contains("nothing was to be recorded"));
    }

    #[test]
    fn requests_of_http_2_are_responded_to_on_their_streams() {
        let responder = NullResponder::start("127.0.0.1:0".parse().unwrap(), &[0], None).unwrap();
        for _ in 0..3 {
            let mut stream = TcpStream::connect(responder.address()).unwrap();
            stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").unwrap();
            // Its settings, and that it has ours.
            let mut greeting = [0; 18];
            stream.read_exact(&mut greeting).unwrap();
            assert_eq!((greeting[3], greeting[12], greeting[13]), (4, 4, 1));
            stream.write_all(&[0, 0, 1, 1, 5, 0, 0, 0, 7, 0x82]).unwrap();
            let mut response = [0; 21];
            stream.read_exact(&mut response).unwrap();
            assert_eq!((response[8], response[9], &response[19..]), (7, 0x88, &b"ok"[..]));
        }
        responder.stop().unwrap();
    }

    #[test]
    fn a_port_that_somebody_listens_on_is_refused() {
        let any = "127.0.0.1:0".parse().unwrap();
        let responder = NullResponder::start(any, &[0], None).unwrap();
        let error = NullResponder::record(responder.address(), 0, None, Duration::ZERO).err().unwrap();
        assert!(
            error.text.contains("in use") && error.text.contains(&responder.address().to_string()),
            "{error}"
        );
        responder.stop().unwrap();
    }

    #[test]
    fn a_port_answers_again_at_once_after_a_stop() {
        let mut address = "127.0.0.1:0".parse().unwrap();
        for _ in 0..20 {
            let responder = NullResponder::start(address, &[0], None).unwrap();
            address = responder.address();
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
            let mut answer = vec![0; RESPONSE.len()];
            stream.read_exact(&mut answer).unwrap();
            responder.stop().unwrap();
        }
    }

    #[test]
    fn a_recording_responder_stamps_every_request_it_answers() {
        let any = "127.0.0.1:0".parse().unwrap();
        let responder = NullResponder::record(any, 0, None, Duration::ZERO).unwrap();
        let mut stream = TcpStream::connect(responder.address()).unwrap();
        let mut answer = vec![0; RESPONSE.len()];
        for _ in 0..20 {
            stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
            stream.read_exact(&mut answer).unwrap();
            std::thread::sleep(Duration::from_millis(2));
        }
        let arrivals = responder.stop_recording().unwrap();
        assert_eq!((arrivals.count, arrivals.gap_ns.count), (20, 19));
        // A sleep never ends early, and nothing was sent before one ended.
        assert!(arrivals.gap_ns.min >= 1_000_000, "{:?}", arrivals.gap_ns);
        assert!(arrivals.span_s >= 0.038 && arrivals.rate_rps <= 500.0, "{}", arrivals.rate_rps);
    }
}
