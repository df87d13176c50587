//! What a simulated wire tells of itself: its clock while it runs, and what happened on it once it is gone.

use std::cell::{Cell, RefCell};

/// What happened on the server's side of one wire, and to its clock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Requests that reached a server which was there.
    pub requests: u64,
    /// The same by the number of the pool that they were sent on, where several servers are behind the pools.
    pub requests_each: Vec<u64>,
    /// Sends whose end was to be reported, by the same number, which is 0 for all where one server is behind the pools.
    pub reported_each: Vec<u64>,
    /// Requests on connections that were closed or broken.
    pub unheard: u64,
    /// Whole responses it sent, whatever their status.
    pub responses: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes that the shard had thrown away unseen.
    pub discarded_bytes: u64,
    /// Receives that the shard asked to stop.
    pub pauses: u64,
    /// Responses by fate: lost, reset, cut short, followed by a close, by a quiet end, by a lost end, with status 503, garbage, refused as
    /// streams, and in whose place the server went away.
    pub fates: [u64; 10],
    /// Attempts to connect, by second of the run; those before the start count in the first.
    pub connects: Vec<u64>,
    /// Jumps of the clock: when from the start of the run, and how far.
    pub hiccups: Vec<(i64, u64)>,
    /// When the shard was done, from the start of the run.
    pub finished_ns: u64,
    /// When each request reached the server, from the start of the run, if the world keeps a log.
    pub log: Vec<u64>,
    /// When each was handed to the wire.
    pub sent_log: Vec<u64>,
    /// Over HTTP/1.1, whether each request that was responded to was served, and false for each connection that was refused: in the
    /// order in which the server decided it, if the world keeps a log.
    pub outcome_log: Vec<bool>,
    /// Over HTTP/1.1, on which connection each request was handed to the wire that was not one of its constants, if the world keeps a log.
    pub connection_log: Vec<RequestOnConnection>,
}

/// A request, and the connection that it was sent on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestOnConnection {
    /// The connection's slot.
    pub slot: u32,
    /// Which connection of the slot it was: another one has another number.
    pub connection: u32,
    /// What was asked for.
    pub path: String,
}

impl Statistics {
    /// Notes a request that is handed to the wire, if that is kept, and it is one of HTTP/1.1.
    pub(super) fn note_request(&mut self, keeps_log: bool, (slot, connection): (u32, u32), sent: &[u8]) {
        if !keeps_log || !sent.ends_with(b"\r\n\r\n") {
            return;
        }
        let line = String::from_utf8_lossy(sent.split(|byte| *byte == b'\r').next().unwrap_or_default());
        if let Some(path) = line.split(' ').nth(1) {
            self.connection_log.push(RequestOnConnection { slot, connection, path: path.to_owned() });
        }
    }
}

/// What a wire leaves behind: its clock while it runs, its statistics when it is gone.
#[derive(Debug, Default)]
pub struct Ledger {
    clock_ns: Cell<u64>,
    statistics: RefCell<Statistics>,
}

impl Ledger {
    /// The wire's clock.
    pub fn clock_ns(&self) -> u64 {
        self.clock_ns.get()
    }

    /// What happened, once the wire is gone.
    pub fn statistics(&self) -> Statistics {
        self.statistics.borrow().clone()
    }

    pub(super) fn set_clock(&self, clock_ns: u64) {
        self.clock_ns.set(clock_ns);
    }

    pub(super) fn leave(&self, statistics: Statistics) {
        self.statistics.replace(statistics);
    }
}
