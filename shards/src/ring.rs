//! The wire on a real machine: sockets, the raw ring and the TSC.
//!
//! A slot's generation travels in every submission's token, so that a completion of a connection that is gone (they
//! arrive late, and in any order) is recognised and dropped, its buffer given back.

use crate::clock::{Clock, monotonic_ns};
use crate::sys::{BUFFER_BYTES, Done, ReceiveBuffer, Ring, Setup, dropped_datagrams};
use crate::wire::{Completion, Pause, RefusedAt, Slot, Wire};
use engine::outbox::Outbox;
use engine::outcome::Kind;
use engine::record::ShardStats;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::fs::FileExt;

/// How much of a response is received while its head is looked for, when the body is to be thrown away. Heads are rarely
/// longer, and what is received beyond the head is copied for nothing.
const HEAD_BYTES: u32 = 512;
/// The most that is thrown away by one receive; keeps the length inside 32 bits.
const DISCARD_BYTES_MAX: u64 = 1 << 30;
/// From this much to come on, the kernel is asked to announce data in larger lots; and the largest lot.
const LOW_WATER_BYTES_MIN: u64 = 128 << 10;
const LOW_WATER_BYTES_MAX: u64 = 256 << 10;
/// The fewest and the most receive buffers. They are given back within a turn, so few are under way at a time.
const BUFFERS_MIN: u32 = 64;
const BUFFERS_MAX: u32 = 1_024;
/// How much the kernel is asked to keep of datagrams that came and were not received yet. What comes beyond is lost.
const RECEIVE_QUEUE_BYTES: usize = 1 << 20;
const _: () = assert!(HEAD_BYTES as usize <= BUFFER_BYTES, "a head is received into one buffer");
const _: () = assert!(LOW_WATER_BYTES_MIN <= LOW_WATER_BYTES_MAX && LOW_WATER_BYTES_MAX <= DISCARD_BYTES_MAX);
const _: () =
    assert!(BUFFERS_MIN <= BUFFERS_MAX && BUFFERS_MAX <= u16::MAX as u32, "their number fits the ring's");

/// What a submission was, in the top byte of its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Operation {
    Connect,
    Send,
    Receive,
    Discard,
    Cancel,
    /// A send of a copy that does not wait.
    Copy,
    /// What such a send has left over.
    Rest,
    /// A send of a datagram.
    Datagram,
    /// The same of the last one of several, where that is reported.
    LastDatagram,
}

/// What a wire will send, so that it can lay out the memory beforehand.
pub struct Outgoing<'a> {
    /// Byte strings that never change, and how many times over each is kept, so that a pipeline of them is one send.
    pub constants: Vec<(&'a [u8], usize)>,
    /// The most bytes one send copies; 0 when none does.
    pub copy_bytes_max: usize,
}

/// Where so many connections go: to these addresses, in turn.
pub struct SlotRoute {
    /// How many.
    pub slots: u32,
    /// At least one.
    pub addresses: Vec<SockAddr>,
    /// They are sockets of datagrams, and no streams.
    pub is_datagram: bool,
}

/// One shard's wire.
pub struct RingWire {
    ring: Ring,
    clock: Clock,
    links: Vec<SlotState>,
    addresses: Vec<SockAddr>,
    /// For each slot, which of the addresses it connects to.
    address_of: Vec<u32>,
    constants: Vec<usize>,
    /// The outbox of a connection whose memory the kernel still has. What is written to it is never sent.
    spare: Box<[u8]>,
    /// What failed before it came to the ring.
    failed: Vec<Completion<ReceiveBuffer>>,
    /// Datagrams that the kernel dropped on sockets that are closed.
    dropped_datagrams: u64,
    run_delay: RunDelay,
}

#[derive(Default)]
struct SlotState {
    generation: u32,
    socket: Option<Socket>,
    /// Bytes in the outbox.
    filled: usize,
    /// The bytes of the last send: a completion with fewer is a connection that broke half-way.
    sending_bytes: usize,
    /// The same of what a copy had left over.
    rest_bytes: usize,
    /// How much has to be there before data is announced; 0 is the kernel's default of one byte.
    low_water: u64,
    /// Each message is a datagram of its own.
    is_datagram: bool,
}

impl RingWire {
    /// A wire whose slots go by these routes, one after the other. Must be made on the thread that uses it. Errors are
    /// io_uring's.
    pub fn new(routes: &[SlotRoute], outgoing: &Outgoing) -> io::Result<RingWire> {
        let Outgoing { constants, copy_bytes_max } = outgoing;
        let slots: u32 = routes.iter().map(|route| route.slots).sum();
        let (mut addresses, mut address_of) = (Vec::new(), Vec::with_capacity(slots as usize));
        let mut links: Vec<SlotState> = Vec::with_capacity(slots as usize);
        for SlotRoute { slots, addresses: of_route, is_datagram } in routes {
            let link = || SlotState { is_datagram: *is_datagram, ..SlotState::default() };
            links.extend((0..*slots).map(|_| link()));
            assert!(!of_route.is_empty(), "there is an address to connect to");
            let first = addresses.len() as u32;
            address_of.extend((0..*slots).map(|slot| first + slot % of_route.len() as u32));
            addresses.extend(of_route.iter().cloned());
        }
        let buffers = (slots * 2).next_power_of_two().clamp(BUFFERS_MIN, BUFFERS_MAX) as u16;
        let repeated = constants.iter().map(|(bytes, copies)| bytes.repeat(*copies)).collect();
        let ring = Ring::new(Setup {
            slots,
            buffers,
            addresses: addresses.clone(),
            constants: repeated,
            copy_bytes_max: *copy_bytes_max,
            has_datagrams: routes.iter().any(|route| route.is_datagram),
        })?;
        let constants = constants.iter().map(|(bytes, _)| bytes.len()).collect();
        let (clock, run_delay) = (Clock::new(), RunDelay::of_this_thread());
        let spare = vec![0; *copy_bytes_max].into_boxed_slice();
        Ok(RingWire {
            ring,
            clock,
            links,
            addresses,
            address_of,
            constants,
            spare,
            failed: Vec::new(),
            dropped_datagrams: 0,
            run_delay,
        })
    }

    fn token(&self, operation: Operation, slot: Slot) -> u64 {
        token(operation, self.links[slot as usize].generation, slot)
    }

    fn open(&mut self, slot: Slot) -> io::Result<()> {
        let address = &self.addresses[self.address_of[slot as usize] as usize];
        let socket = open_socket(address, self.links[slot as usize].is_datagram)?;
        self.ring.install(slot, &socket)?;
        self.links[slot as usize].socket = Some(socket);
        self.links[slot as usize].low_water = 0;
        Ok(())
    }

    /// Asks to be told of data when `bytes` of it are there, if that is worth a system call.
    fn await_bytes(&mut self, slot: Slot, bytes: u64) {
        let wanted = if bytes < LOW_WATER_BYTES_MIN { 0 } else { bytes.min(LOW_WATER_BYTES_MAX) };
        let link = &mut self.links[slot as usize];
        if let Some(socket) = link.socket.as_ref().filter(|_| link.low_water != wanted) {
            self.ring.set_low_water(socket, wanted.max(1) as i32);
            link.low_water = wanted;
        }
    }

    /// The socket had no room for all of a copy that does not wait: what is left waits, and the shard, which counts the
    /// copy as sent, need not know. It can only learn that by sending again before this is out.
    fn send_rest(&mut self, slot: Slot, from: usize) -> Option<Completion<ReceiveBuffer>> {
        let token = self.token(Operation::Rest, slot);
        let link = &mut self.links[slot as usize];
        link.rest_bytes = link.sending_bytes - from;
        let is_sent = self.ring.send_rest(token, slot, from, link.sending_bytes);
        (!is_sent).then_some(Completion::Broken(slot, Kind::Send))
    }

    /// What a completion means to the shard; `None` when it means nothing any more.
    fn interpret(&mut self, done: Done) -> Option<Completion<ReceiveBuffer>> {
        let (operation, generation, slot) = parts(done.token);
        if operation == Operation::Cancel
            || generation != self.links[slot as usize].generation & GENERATION_MASK
        {
            if let Some(buffer) = done.buffer {
                self.ring.recycle(buffer);
            }
            return None;
        }
        Some(match (operation, done.result) {
            (Operation::Connect, 0) => Completion::Connected(slot),
            (Operation::Connect, error) => Completion::ConnectFailed(slot, kind_of_connect(-error)),
            (Operation::Copy, sent) if sent >= 0 || sent == -libc::EAGAIN => {
                return self.send_rest(slot, sent.max(0) as usize);
            }
            (Operation::Rest, bytes) if bytes as usize == self.links[slot as usize].rest_bytes => {
                return None;
            }
            (Operation::Copy | Operation::Rest, error) => {
                Completion::Broken(slot, kind_of(-error, Kind::Send))
            }
            (Operation::Send, error) if error < 0 => Completion::Broken(slot, kind_of(-error, Kind::Send)),
            (Operation::Send, bytes) if bytes as usize == self.links[slot as usize].sending_bytes => {
                Completion::Sent(slot)
            }
            (Operation::Send, _) => Completion::Broken(slot, Kind::Send),
            (Operation::Discard, bytes) if bytes > 0 => Completion::Discarded(slot, bytes as u64),
            (Operation::Datagram | Operation::LastDatagram, _) => {
                return interpret_datagram(operation, slot, done.result);
            }
            (Operation::Receive, bytes) if bytes > 0 => match done.buffer {
                Some(buffer) => Completion::Received(slot, buffer, done.more),
                None => Completion::Broken(slot, Kind::Resources),
            },
            (_, 0) => {
                if let Some(buffer) = done.buffer {
                    self.ring.recycle(buffer);
                }
                match self.links[slot as usize].is_datagram {
                    true => Completion::Empty(slot),
                    false => Completion::Ended(slot),
                }
            }
            (_, error) => match -error {
                libc::ECONNREFUSED if self.links[slot as usize].is_datagram => {
                    Completion::Refused(slot, RefusedAt::Receive)
                }
                libc::ENOBUFS => Completion::Paused(slot, Pause::Starved),
                libc::ECANCELED => Completion::Paused(slot, Pause::Asked),
                errno => Completion::Broken(slot, kind_of(errno, Kind::Receive)),
            },
        })
    }
}

impl Wire for RingWire {
    type Buffer = ReceiveBuffer;

    #[inline]
    fn now(&mut self) -> u64 {
        self.clock.now()
    }

    fn connect(&mut self, slot: Slot) {
        self.close(slot);
        match self.open(slot) {
            Ok(()) => {
                let token = self.token(Operation::Connect, slot);
                self.ring.connect(token, slot, self.address_of[slot as usize] as usize);
            }
            Err(error) => {
                let kind = kind_of_connect(error.raw_os_error().unwrap_or(0));
                self.failed.push(Completion::ConnectFailed(slot, kind));
            }
        }
    }

    fn close(&mut self, slot: Slot) {
        if self.links[slot as usize].is_datagram && self.links[slot as usize].socket.is_some() {
            // A socket of datagrams goes on receiving after it is shut down, and stays open for that.
            self.pause(slot);
        }
        let link = &mut self.links[slot as usize];
        link.generation = link.generation.wrapping_add(1);
        link.filled = 0;
        if let Some(socket) = link.socket.take() {
            if link.is_datagram {
                // Asked for once for each socket: every socket is closed before the last figures of a run are read.
                self.dropped_datagrams += dropped_datagrams(&socket);
            }
            // Shutting down completes whatever is armed on a stream. Both fail only when it is already gone.
            let _ = socket.shutdown(std::net::Shutdown::Both);
            let _ = self.ring.remove(slot);
        }
    }

    #[inline]
    fn send_constant(&mut self, slot: Slot, constant: usize, copies: usize, is_reported: bool) {
        let token = self.token(Operation::Send, slot);
        let bytes = self.constants[constant] * copies;
        self.links[slot as usize].sending_bytes = bytes;
        self.ring.send_constant(token, slot, constant, bytes, is_reported);
    }

    #[inline]
    fn outbox(&mut self, slot: Slot) -> Outbox<'_> {
        let memory = self.ring.memory_of(slot).unwrap_or(&mut self.spare);
        Outbox::new(memory, &mut self.links[slot as usize].filled)
    }

    fn flush(&mut self, slot: Slot, is_reported: bool) {
        let bytes = std::mem::take(&mut self.links[slot as usize].filled);
        if self.ring.memory_of(slot).is_none() {
            // The request before is answered and still not out: the other side does not read what it is sent.
            return self.failed.push(Completion::Broken(slot, Kind::Send));
        }
        let operation = if is_reported { Operation::Send } else { Operation::Copy };
        let token = self.token(operation, slot);
        self.links[slot as usize].sending_bytes = bytes;
        self.ring.send_written(token, slot, bytes, is_reported);
    }

    fn flush_datagrams(&mut self, slot: Slot, is_reported: bool) {
        let bytes = std::mem::take(&mut self.links[slot as usize].filled);
        let tokens =
            [Operation::Datagram, Operation::LastDatagram].map(|operation| self.token(operation, slot));
        if !self.ring.send_datagrams(tokens, slot, bytes, is_reported) {
            // The kernel has not even taken what was sent before.
            self.failed.push(Completion::Broken(slot, Kind::Send));
        }
    }

    fn receive(&mut self, slot: Slot) {
        self.await_bytes(slot, 0);
        let token = self.token(Operation::Receive, slot);
        match self.links[slot as usize].is_datagram {
            true => self.ring.receive_datagrams(token, slot),
            false => self.ring.receive_multi(token, slot),
        }
    }

    fn receive_head(&mut self, slot: Slot) {
        self.await_bytes(slot, 0);
        let token = self.token(Operation::Receive, slot);
        self.ring.receive_once(token, slot, HEAD_BYTES);
    }

    fn discard(&mut self, slot: Slot, bytes: u64) {
        self.await_bytes(slot, bytes);
        let token = self.token(Operation::Discard, slot);
        self.ring.discard(token, slot, bytes.min(DISCARD_BYTES_MAX) as u32);
    }

    fn pause(&mut self, slot: Slot) {
        let target = self.token(Operation::Receive, slot);
        let token = self.token(Operation::Cancel, slot);
        self.ring.cancel(token, target);
    }

    #[inline]
    fn next(&mut self) -> Option<Completion<ReceiveBuffer>> {
        if !self.failed.is_empty() {
            return self.failed.pop();
        }
        loop {
            let done = self.ring.next_completion()?;
            let completion = self.interpret(done);
            if completion.is_some() {
                return completion;
            }
        }
    }

    #[inline]
    fn bytes<'a>(&'a mut self, buffer: &'a mut ReceiveBuffer) -> &'a mut [u8] {
        self.ring.bytes(buffer)
    }

    #[inline]
    fn exchange<'a>(&'a mut self, slot: Slot, buffer: &'a mut ReceiveBuffer) -> (&'a mut [u8], Outbox<'a>) {
        let (bytes, memory) = self.ring.exchange(slot, buffer);
        (bytes, Outbox::new(memory.unwrap_or_default(), &mut self.links[slot as usize].filled))
    }

    #[inline]
    fn recycle(&mut self, buffer: ReceiveBuffer) {
        self.ring.recycle(buffer);
    }

    fn submit(&mut self) -> io::Result<()> {
        self.ring.submit()
    }

    fn wait(&mut self, until_ns: u64) -> io::Result<()> {
        if !self.failed.is_empty() {
            return self.submit();
        }
        // The kernel's timer needs the kernel's clock, which ours follows to within a few microseconds.
        let now_ns = monotonic_ns();
        self.ring.wait(now_ns, until_ns)
    }

    #[inline]
    fn has_work(&mut self) -> bool {
        !self.failed.is_empty() || self.ring.has_work()
    }

    fn is_ended(&mut self, slot: Slot) -> bool {
        if self.links[slot as usize].is_datagram {
            return false;
        }
        let Some(socket) = &self.links[slot as usize].socket else { return true };
        let mut byte = [MaybeUninit::uninit()];
        match socket.recv_with_flags(&mut byte, libc::MSG_PEEK | libc::MSG_DONTWAIT) {
            Ok(bytes) => bytes == 0,
            Err(error) => error.kind() != io::ErrorKind::WouldBlock,
        }
    }

    fn counters(&mut self) -> ShardStats {
        let ring = self.ring.counters();
        let (cpu_user_ns, cpu_system_ns) = thread_cpu_ns();
        ShardStats {
            enters: ring.enters,
            submissions: ring.submissions,
            completions: ring.completions,
            overflowed: ring.overflowed,
            cpu_user_ns,
            cpu_system_ns,
            run_delay_ns: self.run_delay.ns().unwrap_or(0),
            clock_steps: self.clock.steps(),
            clock_ppm: self.clock.ppm(),
            dropped_datagrams: self.dropped_datagrams,
            ..ShardStats::default()
        }
    }
}

/// What a datagram that was sent, or was not, means to the shard.
#[cold]
fn interpret_datagram(operation: Operation, slot: Slot, result: i32) -> Option<Completion<ReceiveBuffer>> {
    let is_reported = operation == Operation::LastDatagram;
    match -result {
        // What one before it came to is told in its place: it was not sent.
        libc::ECONNREFUSED if is_reported => Some(Completion::Refused(slot, RefusedAt::ReportedSend)),
        libc::ECONNREFUSED => Some(Completion::Refused(slot, RefusedAt::Send)),
        // The queue of the network card is full, and this machine's own doing.
        libc::EAGAIN => Some(Completion::Broken(slot, Kind::Resources)),
        error if error > 0 => Some(Completion::Broken(slot, kind_of(error, Kind::Send))),
        _ => is_reported.then_some(Completion::Sent(slot)),
    }
}

/// The time in which a thread could have run and did not: the second figure of its `schedstat`, in nanoseconds
/// (Documentation/scheduler/sched-stats.rst). Kept open, because it is read at the end of each slice.
pub(crate) struct RunDelay(Option<File>);

impl RunDelay {
    pub(crate) fn of_this_thread() -> RunDelay {
        RunDelay(File::open("/proc/thread-self/schedstat").ok())
    }

    /// Nothing where the kernel keeps no such figures.
    pub(crate) fn ns(&self) -> Option<u64> {
        let mut text = [0; 64];
        let bytes = self.0.as_ref()?.read_at(&mut text, 0).ok()?;
        let text = std::str::from_utf8(&text[..bytes]).ok()?;
        text.split_ascii_whitespace().nth(1)?.parse().ok()
    }
}

/// CPU time of the calling thread, in user space and in the kernel.
pub(crate) fn thread_cpu_ns() -> (u64, u64) {
    getrusage(UsageWho::RUSAGE_THREAD).map_or((0, 0), |usage| {
        let ns = |time: nix::sys::time::TimeVal| u64::try_from(time.num_microseconds()).unwrap_or(0) * 1_000;
        (ns(usage.user_time()), ns(usage.system_time()))
    })
}

fn open_socket(address: &SockAddr, is_datagram: bool) -> io::Result<Socket> {
    let domain = address.domain();
    if is_datagram {
        let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
        // Replies to a whole pipeline may come at once. The kernel gives as much as it may (net.core.rmem_max).
        let _ = socket.set_recv_buffer_size(RECEIVE_QUEUE_BYTES);
        return Ok(socket);
    }
    let is_tcp = domain != Domain::UNIX;
    let socket = Socket::new(domain, Type::STREAM, is_tcp.then_some(Protocol::TCP))?;
    if is_tcp {
        socket.set_tcp_nodelay(true)?;
    }
    Ok(socket)
}

const GENERATION_BITS: u32 = 24;
const GENERATION_MASK: u32 = (1 << GENERATION_BITS) - 1;

fn token(operation: Operation, generation: u32, slot: Slot) -> u64 {
    (operation as u64) << 56 | u64::from(generation & GENERATION_MASK) << 32 | u64::from(slot)
}

fn parts(token: u64) -> (Operation, u32, Slot) {
    let operation = match token >> 56 {
        0 => Operation::Connect,
        1 => Operation::Send,
        2 => Operation::Receive,
        3 => Operation::Discard,
        5 => Operation::Copy,
        6 => Operation::Rest,
        7 => Operation::Datagram,
        8 => Operation::LastDatagram,
        _ => Operation::Cancel,
    };
    (operation, (token >> 32) as u32 & GENERATION_MASK, token as Slot)
}

fn kind_of_connect(errno: i32) -> Kind {
    match errno {
        libc::EADDRNOTAVAIL | libc::EADDRINUSE => Kind::Ports,
        _ => kind_of(errno, Kind::Connect),
    }
}

/// Running out of something here is this machine's doing; anything else is what the operation says.
fn kind_of(errno: i32, otherwise: Kind) -> Kind {
    match errno {
        libc::EMFILE | libc::ENFILE | libc::ENOMEM | libc::ENOBUFS => Kind::Resources,
        _ => otherwise,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn the_delay_of_this_thread_is_known_and_never_shrinks() {
        let delay = RunDelay::of_this_thread();
        let first = delay.ns().expect("the kernels Vajra is tested on count it");
        std::thread::yield_now();
        assert!(delay.ns() >= Some(first));
        assert_eq!(RunDelay(None).ns(), None);
    }

    #[test]
    fn tokens_carry_operation_generation_and_slot() {
        for operation in [
            Operation::Connect,
            Operation::Send,
            Operation::Receive,
            Operation::Discard,
            Operation::Cancel,
            Operation::Copy,
            Operation::Rest,
            Operation::Datagram,
            Operation::LastDatagram,
        ] {
            let token = token(operation, 0xffff_fffe, 0x8000_0001);
            assert_eq!(parts(token), (operation, 0xff_fffe, 0x8000_0001));
        }
    }

    const BLOCK_BYTES: usize = 4 << 10;
    /// More than the buffers of both ends ever hold.
    const BLOCKS_MAX: u64 = 64 << 10;

    fn block(number: u64) -> Vec<u8> {
        number.to_le_bytes().repeat(BLOCK_BYTES / size_of::<u64>())
    }

    /// The next thing that happens, within one park.
    fn next(wire: &mut RingWire) -> Option<Completion<ReceiveBuffer>> {
        let until_ns = wire.now() + 5_000_000;
        wire.wait(until_ns).unwrap();
        wire.next()
    }

    fn connect(wire: &mut RingWire) {
        wire.connect(0);
        while !matches!(next(wire), Some(Completion::Connected(0))) {}
    }

    fn send(wire: &mut RingWire, bytes: &[u8]) {
        wire.outbox(0).push(bytes);
        wire.flush(0, false);
    }

    #[test]
    fn copies_to_a_target_that_does_not_read_are_refused_in_time_and_none_is_overwritten() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = SockAddr::from(listener.local_addr().unwrap());
        let outgoing = Outgoing { constants: Vec::new(), copy_bytes_max: BLOCK_BYTES };
        let mut wire =
            RingWire::new(&[SlotRoute { slots: 1, addresses: vec![address], is_datagram: false }], &outgoing)
                .unwrap();
        connect(&mut wire);
        let mut peer = listener.accept().unwrap().0;
        let mut sent = 0;
        loop {
            send(&mut wire, &block(sent));
            wire.submit().unwrap();
            match wire.next() {
                None => sent += 1,
                Some(Completion::Broken(0, Kind::Send)) => break,
                other => panic!("{other:?} after {sent}"),
            }
            assert!(sent < BLOCKS_MAX, "a socket without end");
        }
        let reader = std::thread::spawn(move || {
            let mut read = vec![0; BLOCK_BYTES];
            (0..sent).all(|number| peer.read_exact(&mut read).is_ok() && read == block(number))
        });
        // What was left of the last one goes out, without a word of it to the shard.
        while !reader.is_finished() {
            assert!(next(&mut wire).is_none());
        }
        assert!(reader.join().unwrap(), "each of {sent} arrives as it was given");
        // The connection is made again, and takes copies again.
        connect(&mut wire);
        let mut peer = listener.accept().unwrap().0;
        send(&mut wire, &block(7));
        wire.submit().unwrap();
        let mut read = vec![0; BLOCK_BYTES];
        peer.read_exact(&mut read).unwrap();
        assert_eq!(read, block(7));
    }

    /// A wire with one socket of datagrams, connected to a port, and memory for so many bytes to send.
    fn wire_of_datagrams(port: u16, copy_bytes_max: usize) -> RingWire {
        let address = SockAddr::from(std::net::SocketAddr::from(([127, 0, 0, 1], port)));
        let outgoing = Outgoing { constants: Vec::new(), copy_bytes_max };
        let route = SlotRoute { slots: 1, addresses: vec![address], is_datagram: true };
        let mut wire = RingWire::new(&[route], &outgoing).unwrap();
        connect(&mut wire);
        wire.receive(0);
        wire
    }

    fn append(wire: &mut RingWire, datagram: &[u8]) {
        let mut out = wire.outbox(0);
        out.push(&(datagram.len() as u32).to_ne_bytes());
        out.push(datagram);
    }

    /// The next thing that happens, however long it takes.
    fn awaited(wire: &mut RingWire) -> Completion<ReceiveBuffer> {
        loop {
            if let Some(completion) = next(wire) {
                return completion;
            }
        }
    }

    #[test]
    fn each_datagram_of_an_outbox_goes_by_itself_and_comes_whole_whatever_its_length() {
        let peer = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let lengths = [5, 0, BUFFER_BYTES, BUFFER_BYTES + 1, 65_507, 1];
        let mut wire = wire_of_datagrams(peer.local_addr().unwrap().port(), 256 << 10);
        for is_reported in [false, true] {
            for length in lengths {
                append(&mut wire, &vec![b'x'; length]);
            }
            wire.flush_datagrams(0, is_reported);
            wire.submit().unwrap();
            let mut datagram = vec![0; 65_535];
            for length in lengths {
                let (bytes, from) = peer.recv_from(&mut datagram).unwrap();
                assert_eq!(bytes, length);
                peer.send_to(&datagram[..bytes], from).unwrap();
            }
            let (mut came, mut sent) = (Vec::new(), 0);
            while came.len() < lengths.len() {
                match awaited(&mut wire) {
                    Completion::Received(0, mut buffer, goes_on) => {
                        assert!(wire.bytes(&mut buffer).iter().all(|byte| *byte == b'x') && goes_on);
                        came.push(wire.bytes(&mut buffer).len());
                        wire.recycle(buffer);
                    }
                    Completion::Empty(0) => {
                        came.push(0);
                        wire.receive(0);
                    }
                    Completion::Sent(0) => sent += 1,
                    other => panic!("{other:?}"),
                }
            }
            assert_eq!((&came[..], sent), (&lengths[..], u32::from(is_reported)));
        }
    }

    #[test]
    fn a_socket_of_datagrams_that_is_closed_is_gone() {
        let peer = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut wire = wire_of_datagrams(peer.local_addr().unwrap().port(), 64);
        let mut datagram = [0; 64];
        for _ in 0..3 {
            append(&mut wire, b"hello");
            wire.flush_datagrams(0, true);
            assert!(matches!(awaited(&mut wire), Completion::Sent(0)));
            let (_, from) = peer.recv_from(&mut datagram).unwrap();
            wire.close(0);
            connect(&mut wire);
            wire.receive(0);
            // Its port can be had again once the kernel has let go of it.
            while std::net::UdpSocket::bind(from).is_err() {
                assert!(next(&mut wire).is_none(), "what is closed says nothing");
            }
        }
    }

    #[test]
    fn what_the_kernel_dropped_on_a_socket_is_known_once_it_is_closed() {
        let peer = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut wire = wire_of_datagrams(peer.local_addr().unwrap().port(), 64);
        append(&mut wire, b"hello");
        wire.flush_datagrams(0, false);
        wire.submit().unwrap();
        let (_, from) = peer.recv_from(&mut [0; 64]).unwrap();
        // Nothing is received while nothing is asked of the ring, and no queue holds as much as that.
        let sent = 4 * 2 * RECEIVE_QUEUE_BYTES / 1_024;
        for _ in 0..sent {
            peer.send_to(&[7; 1_024], from).unwrap();
        }
        wire.close(0);
        let dropped = wire.counters().dropped_datagrams;
        assert!(dropped > 0 && dropped < sent as u64, "{dropped} of {sent}");
        connect(&mut wire);
        wire.close(0);
        assert_eq!(wire.counters().dropped_datagrams, dropped, "a new socket has dropped none");
    }

    #[test]
    fn a_datagram_that_is_refused_is_told_and_the_socket_goes_on() {
        let peer = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = peer.local_addr().unwrap().port();
        drop(peer);
        let mut wire = wire_of_datagrams(port, 64);
        append(&mut wire, b"anybody");
        wire.flush_datagrams(0, false);
        match awaited(&mut wire) {
            Completion::Refused(0, RefusedAt::Receive) => wire.receive(0),
            other => panic!("{other:?}"),
        }
        assert!(!wire.is_ended(0), "nothing can end a socket of datagrams");
        let peer = std::net::UdpSocket::bind(("127.0.0.1", port)).unwrap();
        append(&mut wire, b"hello");
        wire.flush_datagrams(0, true);
        assert!(matches!(awaited(&mut wire), Completion::Sent(0)));
        let mut datagram = [0; 64];
        let (bytes, from) = peer.recv_from(&mut datagram).unwrap();
        assert_eq!(&datagram[..bytes], b"hello");
        peer.send_to(b"reply", from).unwrap();
        match awaited(&mut wire) {
            Completion::Received(0, mut buffer, _) => {
                assert_eq!(wire.bytes(&mut buffer), b"reply");
                wire.recycle(buffer);
            }
            other => panic!("{other:?}"),
        }
    }
}
