//! A wire that costs next to nothing: every request is answered, whole, at the next system call that is none.
//!
//! What is counted on it is the shard's loop alone: taking completions, finding responses, recording, releasing, stamping.
//! It checks nothing and simulates nobody; [`shards::simulation`] does that, and costs more than the loop it drives.

use super::http1::{BODY, HEAD};
use engine::outbox::Outbox;
use engine::quantity::{MILLISECOND_NS, SECOND_NS};
use engine::record::ShardStats;
use shards::wire::{Completion, Slot, Wire};
use std::cell::Cell;
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;

/// When a run on it may start: its clock begins a millisecond before, in which connections are made.
pub(super) const START_NS: u64 = SECOND_NS;
const BIRTH_NS: u64 = START_NS - MILLISECOND_NS;
/// How far a look moves the clock on.
const LOOK_NS: u64 = 50;

/// Longer than any request that is sent on it.
const OUTBOX_BYTES: usize = 16 << 10;

/// Responses that come at a time when none would otherwise.
const BATCH: usize = 16;

/// As many responses as it says.
pub(super) struct WholeResponses(usize);

/// The wire of one shard.
pub(super) struct BareWire {
    clock_ns: u64,
    /// The longest buffer there is: a response for each request of a pipeline.
    bytes: Vec<u8>,
    response_bytes: usize,
    /// The outbox of all connections: nothing is ever read from it later.
    outbox: Box<[u8]>,
    filled: usize,
    /// Everything but responses, and how much of it can be taken before the next call.
    happened: VecDeque<Completion<WholeResponses>>,
    visible: usize,
    /// Responses, oldest first, and how many of them can be taken.
    responses: VecDeque<(Slot, usize)>,
    answerable: usize,
    /// So many are kept back for as long as there are younger ones.
    held: usize,
    /// Requests answered so far, seen from outside.
    answered: Rc<Cell<u64>>,
}

impl BareWire {
    /// A wire for so many connections, with up to `pipeline` requests under way on each, that answers at once.
    pub(super) fn new(slots: usize, pipeline: usize) -> BareWire {
        BareWire::answering(slots, pipeline, format!("{HEAD}{BODY}"))
    }

    /// The same with another response.
    pub(super) fn answering(slots: usize, pipeline: usize, response: String) -> BareWire {
        let response = response.into_bytes();
        BareWire {
            clock_ns: BIRTH_NS,
            bytes: response.repeat(pipeline),
            response_bytes: response.len(),
            outbox: vec![0; OUTBOX_BYTES].into_boxed_slice(),
            filled: 0,
            happened: VecDeque::with_capacity(slots),
            visible: 0,
            responses: VecDeque::with_capacity(slots),
            answerable: 0,
            held: 0,
            answered: Rc::default(),
        }
    }

    /// Where the requests that were answered are counted.
    pub(super) fn answered(&self) -> Rc<Cell<u64>> {
        self.answered.clone()
    }

    /// The same, answering only when all but one batch of its connections are waiting: nearly everything is under way.
    pub(super) fn holding(self, slots: usize) -> BareWire {
        BareWire { held: slots.saturating_sub(BATCH), ..self }
    }

    fn respond(&mut self, slot: Slot, requests: usize, is_reported: bool) {
        if is_reported {
            self.happened.push_back(Completion::Sent(slot));
        }
        self.responses.push_back((slot, requests));
    }

    fn enter(&mut self) {
        self.visible = self.happened.len();
        self.answerable = self.responses.len().saturating_sub(self.held);
    }
}

impl Wire for BareWire {
    type Buffer = WholeResponses;

    fn now(&mut self) -> u64 {
        self.clock_ns += LOOK_NS;
        self.clock_ns
    }

    fn connect(&mut self, slot: Slot) {
        self.happened.push_back(Completion::Connected(slot));
    }

    fn close(&mut self, _slot: Slot) {}

    fn send_constant(&mut self, slot: Slot, _constant: usize, copies: usize, is_reported: bool) {
        self.respond(slot, copies, is_reported);
    }

    fn outbox(&mut self, _slot: Slot) -> Outbox<'_> {
        Outbox::new(&mut self.outbox, &mut self.filled)
    }

    fn flush_datagrams(&mut self, slot: Slot, is_reported: bool) {
        self.flush(slot, is_reported);
    }

    fn flush(&mut self, slot: Slot, is_reported: bool) {
        let bytes = std::mem::take(&mut self.filled);
        assert!(self.outbox[..bytes].ends_with(b"\r\n\r\n"), "one request without a body is sent");
        self.respond(slot, 1, is_reported);
    }

    fn receive(&mut self, _slot: Slot) {}

    fn receive_head(&mut self, _slot: Slot) {}

    fn discard(&mut self, _slot: Slot, _bytes: u64) {}

    fn pause(&mut self, _slot: Slot) {}

    fn next(&mut self) -> Option<Completion<WholeResponses>> {
        if self.visible > 0 {
            self.visible -= 1;
            return self.happened.pop_front();
        }
        self.answerable = self.answerable.checked_sub(1)?;
        let (slot, requests) = self.responses.pop_front()?;
        self.answered.set(self.answered.get() + requests as u64);
        Some(Completion::Received(slot, WholeResponses(requests), true))
    }

    fn bytes<'a>(&'a mut self, buffer: &'a mut WholeResponses) -> &'a mut [u8] {
        &mut self.bytes[..buffer.0 * self.response_bytes]
    }

    fn exchange<'a>(&'a mut self, _slot: Slot, buffer: &'a mut WholeResponses) -> (&'a mut [u8], Outbox<'a>) {
        let bytes = &mut self.bytes[..buffer.0 * self.response_bytes];
        (bytes, Outbox::new(&mut self.outbox, &mut self.filled))
    }

    fn recycle(&mut self, _buffer: WholeResponses) {}

    fn submit(&mut self) -> io::Result<()> {
        self.enter();
        Ok(())
    }

    fn wait(&mut self, until_ns: u64) -> io::Result<()> {
        self.enter();
        if self.visible + self.answerable == 0 {
            // Nothing more will be asked before something is answered.
            self.answerable = self.responses.len().min(BATCH);
            self.clock_ns = if self.answerable > 0 { self.clock_ns } else { self.clock_ns.max(until_ns) };
        }
        Ok(())
    }

    fn has_work(&mut self) -> bool {
        self.happened.len() > self.visible || self.responses.len() > self.answerable + self.held
    }

    fn is_ended(&mut self, _slot: Slot) -> bool {
        false
    }

    fn counters(&mut self) -> ShardStats {
        ShardStats::default()
    }
}
