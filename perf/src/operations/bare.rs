//! A wire that costs next to nothing: every request is answered, whole, at the next system call that is none.
//!
//! What is counted on it is the shard's loop alone: taking completions, finding answers, recording, releasing, stamping.
//! It checks nothing and simulates nobody; [`shards::simulation`] does that, and costs more than the loop it drives.

use super::http1::{BODY, HEAD};
use engine::quantity::{MILLISECOND_NS, SECOND_NS};
use shards::wire::{Completion, Slot, Wire, WireCounters};
use std::collections::VecDeque;

/// When a run on it may start: its clock begins a millisecond before, in which connections are made.
pub(super) const START_NS: u64 = SECOND_NS;
const BIRTH_NS: u64 = START_NS - MILLISECOND_NS;
/// How far a look moves the clock on.
const LOOK_NS: u64 = 50;

/// As many answers as it says.
pub(super) struct Answers(usize);

/// The wire of one shard.
pub(super) struct BareWire {
    clock_ns: u64,
    /// The longest buffer there is: an answer for each request of a pipeline.
    answers: Vec<u8>,
    answer_bytes: usize,
    happened: VecDeque<Completion<Answers>>,
    /// How many of them can be taken before the next call.
    visible: usize,
}

impl BareWire {
    pub(super) fn new(slots: usize, pipeline: usize) -> BareWire {
        let answer = format!("{HEAD}{BODY}").into_bytes();
        BareWire {
            clock_ns: BIRTH_NS,
            answers: answer.repeat(pipeline),
            answer_bytes: answer.len(),
            happened: VecDeque::with_capacity(2 * slots),
            visible: 0,
        }
    }

    fn answer(&mut self, slot: Slot, requests: usize, is_reported: bool) {
        if is_reported {
            self.happened.push_back(Completion::Sent(slot));
        }
        self.happened.push_back(Completion::Received(slot, Answers(requests), true));
    }
}

impl Wire for BareWire {
    type Buffer = Answers;

    fn now(&mut self) -> u64 {
        self.clock_ns += LOOK_NS;
        self.clock_ns
    }

    fn connect(&mut self, slot: Slot) {
        self.happened.push_back(Completion::Connected(slot));
    }

    fn close(&mut self, _slot: Slot) {}

    fn send_constant(&mut self, slot: Slot, _constant: usize, copies: usize, is_reported: bool) {
        self.answer(slot, copies, is_reported);
    }

    fn send_copy(&mut self, slot: Slot, bytes: &[u8], is_reported: bool) {
        assert!(bytes.ends_with(b"\r\n\r\n"), "one request without a body is sent");
        self.answer(slot, 1, is_reported);
    }

    fn receive(&mut self, _slot: Slot) {}

    fn receive_head(&mut self, _slot: Slot) {}

    fn discard(&mut self, _slot: Slot, _bytes: u64) {}

    fn pause(&mut self, _slot: Slot) {}

    fn next(&mut self) -> Option<Completion<Answers>> {
        self.visible = self.visible.checked_sub(1)?;
        self.happened.pop_front()
    }

    fn bytes<'a>(&'a self, buffer: &'a Answers) -> &'a [u8] {
        &self.answers[..buffer.0 * self.answer_bytes]
    }

    fn recycle(&mut self, _buffer: Answers) {}

    fn submit(&mut self) -> Result<(), String> {
        self.visible = self.happened.len();
        Ok(())
    }

    fn wait(&mut self, until_ns: u64) -> Result<(), String> {
        self.visible = self.happened.len();
        if self.visible == 0 {
            self.clock_ns = self.clock_ns.max(until_ns);
        }
        Ok(())
    }

    fn has_work(&mut self) -> bool {
        self.happened.len() > self.visible
    }

    fn is_ended(&mut self, _slot: Slot) -> bool {
        false
    }

    fn counters(&mut self) -> WireCounters {
        WireCounters::default()
    }
}
