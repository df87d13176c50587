//! What a shard asks of the world: connections, bytes out, bytes in, and the time.
//!
//! The shard's loop is written against [`Wire`] alone. [`crate::ring::RingWire`] answers with io_uring; the simulation
//! answers with a fake clock and a fake server, from a seed.

use engine::outbox::Outbox;
use engine::outcome::Kind;
use engine::record::ShardStats;
use std::io;

/// A connection's place on its shard.
pub type Slot = u32;

/// Something that happened on the wire.
#[derive(Debug)]
pub enum Completion<B> {
    /// The connection is made.
    Connected(Slot),
    /// It could not be made.
    ConnectFailed(Slot, Kind),
    /// Bytes arrived; the buffer must be given back. The last value says whether receiving goes on by itself.
    Received(Slot, B, bool),
    /// This many bytes arrived and were thrown away.
    Discarded(Slot, u64),
    /// Receiving stopped for want of buffers, or because it was asked to; nothing is lost.
    Paused(Slot, Pause),
    /// A send that was to be reported is complete.
    Sent(Slot),
    /// The other side closed its end.
    Ended(Slot),
    /// The connection broke.
    Broken(Slot, Kind),
    /// A datagram without any bytes arrived, with which receiving has stopped.
    Empty(Slot),
    /// The other side has refused a datagram, whichever it was. The socket is as good as before.
    Refused(Slot, RefusedAt),
}

impl<B> Completion<B> {
    /// Where it happened.
    #[inline]
    pub fn slot(&self) -> Slot {
        match *self {
            Completion::Connected(slot)
            | Completion::ConnectFailed(slot, _)
            | Completion::Received(slot, _, _)
            | Completion::Discarded(slot, _)
            | Completion::Paused(slot, _)
            | Completion::Sent(slot)
            | Completion::Ended(slot)
            | Completion::Broken(slot, _)
            | Completion::Empty(slot)
            | Completion::Refused(slot, _) => slot,
        }
    }
}

/// What was under way when it was told that a datagram had been refused, and is over with that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusedAt {
    /// Receiving.
    Receive,
    /// A send, in whose place it was told.
    Send,
    /// The same, of one that was to be reported.
    ReportedSend,
}

/// Why receiving stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    /// No buffer was free.
    Starved,
    /// It was asked to.
    Asked,
}

/// The bytes before each datagram in an outbox, which say how long it is.
pub const DATAGRAM_PREFIX_BYTES: usize = 4;

/// Where the datagrams of an outbox are, each without its length.
pub fn datagrams(outbox: &[u8]) -> impl Iterator<Item = std::ops::Range<usize>> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        let prefix = outbox.get(at..)?.first_chunk::<DATAGRAM_PREFIX_BYTES>()?;
        let start = at + DATAGRAM_PREFIX_BYTES;
        at = start + u32::from_ne_bytes(*prefix) as usize;
        Some(start..at)
    })
}

/// The world as one shard sees it. Times are nanoseconds of CLOCK_MONOTONIC.
pub trait Wire {
    /// A filled receive buffer. Not copyable: it has to be given back.
    type Buffer;

    /// The time. Never goes back.
    fn now(&mut self) -> u64;

    /// Starts making a connection.
    fn connect(&mut self, slot: Slot);

    /// Drops a connection at once. Nothing more is heard of it.
    fn close(&mut self, slot: Slot);

    /// Sends `copies` of constant `constant`; with `is_reported`, [`Completion::Sent`] says when they are gone.
    fn send_constant(&mut self, slot: Slot, constant: usize, copies: usize, is_reported: bool);

    /// Where bytes to send on a connection are appended, in its own memory. They go with [`Wire::flush`].
    fn outbox(&mut self, slot: Slot) -> Outbox<'_>;

    /// Sends what the outbox holds; [`Completion::Sent`] says, likewise, when the memory is free again.
    fn flush(&mut self, slot: Slot, is_reported: bool);

    /// The same of an outbox with datagrams, each behind its length ([`datagrams`]): each is sent by itself, at once or not at
    /// all. [`Completion::Sent`] says when the last one is gone.
    fn flush_datagrams(&mut self, slot: Slot, is_reported: bool);

    /// Receives whatever comes, again and again, until paused.
    fn receive(&mut self, slot: Slot);

    /// Receives once, no more than a response's head needs.
    fn receive_head(&mut self, slot: Slot);

    /// Receives once, at most `bytes`, and throws them away.
    fn discard(&mut self, slot: Slot, bytes: u64);

    /// Asks [`Wire::receive`] to stop; [`Completion::Paused`] says when it has.
    fn pause(&mut self, slot: Slot);

    /// The next thing that happened, if anything has.
    fn next(&mut self) -> Option<Completion<Self::Buffer>>;

    /// The bytes in a buffer.
    fn bytes<'a>(&'a mut self, buffer: &'a mut Self::Buffer) -> &'a mut [u8];

    /// The same, with the outbox of the connection they came on. It has no room while its memory is in use.
    fn exchange<'a>(&'a mut self, slot: Slot, buffer: &'a mut Self::Buffer) -> (&'a mut [u8], Outbox<'a>);

    /// Gives a buffer back.
    fn recycle(&mut self, buffer: Self::Buffer);

    /// Hands over what was asked, without waiting. Errors are the machine's, and final.
    fn submit(&mut self) -> io::Result<()>;

    /// Hands over what was asked, and waits until something happens or the time comes.
    fn wait(&mut self, until_ns: u64) -> io::Result<()>;

    /// True when [`Wire::submit`] would do something.
    fn has_work(&mut self) -> bool;

    /// Whether the other side has closed an idle or silent connection without our having been told.
    fn is_ended(&mut self, slot: Slot) -> bool;

    /// What the wire has done so far: those of a shard's counters that only the wire knows of, counted from the beginning. The
    /// others are 0. Costs a system call.
    fn counters(&mut self) -> ShardStats;
}
