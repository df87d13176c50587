//! What the simulated wire keeps of a connection, both ends of it, and what is still to happen to it.

use super::world::Fate;
use crate::wire::Slot;
use std::cmp::Ordering;
use std::collections::VecDeque;
use std::ops::Range;

/// One connection, from the shard's descriptor to the server.
#[derive(Debug, Default)]
pub(super) struct SimulatedLink {
    /// Goes up when the shard closes: completions of before are not delivered.
    pub(super) generation: u32,
    /// Goes up when either side ends it: events of before do not happen.
    pub(super) life: u32,
    pub(super) stage: LinkStage,
    /// What the shard believes is armed, and what is.
    pub(super) believed: ArmedReceive,
    pub(super) armed: ArmedReceive,
    pub(super) is_pausing: bool,
    /// The memory of the last send is in use.
    pub(super) is_lent: bool,
    /// Bytes in the outbox.
    pub(super) outbox: Box<[u8]>,
    pub(super) filled: usize,
    pub(super) is_stirred: bool,
    /// What the server sent: `stream[read..arrived]` can be received, the rest is on its way. `stream[0]` is byte `base`.
    pub(super) stream: Vec<u8>,
    pub(super) read: usize,
    pub(super) arrived: usize,
    pub(super) base: u64,
    /// Bodies of announced length, where in the stream.
    pub(super) bodies: VecDeque<Range<u64>>,
    /// How the stream ends, once that has arrived.
    pub(super) end: Option<StreamEnd>,
    pub(super) server: Side,
    /// When the server has served what was asked so far, of HTTP/1.1.
    pub(super) free_ns: u64,
    /// Of HTTP/2, the last stream that it has responded to, and the last it will respond to, once it goes away.
    pub(super) last_stream: u32,
    pub(super) goes_after: Option<u32>,
}

impl SimulatedLink {
    /// A closed connection that can send so many bytes at a time.
    pub(super) fn new(outbox_bytes: usize) -> SimulatedLink {
        SimulatedLink { outbox: vec![0; outbox_bytes].into_boxed_slice(), ..SimulatedLink::default() }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum LinkStage {
    #[default]
    Closed,
    Connecting,
    /// Made or refused, and the shard has not heard of it.
    Answered {
        is_made: bool,
    },
    Open,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum ArmedReceive {
    #[default]
    No,
    Stream,
    Head,
    Discard(u64),
}

/// How a stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StreamEnd {
    /// The server closed.
    Closed,
    /// It reset.
    Reset,
    /// It closed, and nobody is told.
    Lost,
}

/// The server's side of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Side {
    #[default]
    Serving,
    /// Takes requests and answers none.
    Mute,
    /// Closed from this moment on.
    Closed(u64),
    /// Gone without a word: nothing comes back, whatever is sent.
    Gone,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Submission {
    pub(super) slot: Slot,
    pub(super) generation: u32,
    pub(super) what: Asked,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Asked {
    Connect,
    Send { messages: usize, is_own: bool, is_reported: bool },
    Receive(ArmedReceive),
    Pause,
}

/// Something that will happen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event {
    pub(super) at_ns: u64,
    pub(super) number: u64,
    pub(super) slot: Slot,
    pub(super) life: u32,
    pub(super) what: Happening,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Happening {
    Arrive(usize),
    End(StreamEnd),
    Connected,
    Refused,
    Sent,
    /// The server of HTTP/2 greets.
    Greeted,
    /// It has served a request.
    Served(u32, Fate),
    /// It has the next reply to a call, of which so many are left, or the end of them.
    Reply(u32, u32),
    /// The server dies.
    Fall,
    /// The operator asks to stop.
    Stop,
}

impl PartialEq for Event {
    fn eq(&self, other: &Event) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Event {}

impl PartialOrd for Event {
    fn partial_cmp(&self, other: &Event) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Event {
    /// The heap gives the greatest first: the earliest is the greatest, and of two at the same time the one made first.
    fn cmp(&self, other: &Event) -> Ordering {
        (other.at_ns, other.number).cmp(&(self.at_ns, self.number))
    }
}
