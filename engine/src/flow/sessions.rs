//! Sessions: what is kept of iterations that are under way. They take memory in the order in which they are needed, and keep it.

use crate::bucket::Arrival;
use crate::extract::Captured;
use crate::template::FilledValues;

/// One iteration under way. Times are in nanoseconds from the start of the run.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FlowSession {
    /// The arrival that began it.
    pub(super) arrival: Arrival,
    /// The operation that comes next.
    pub(super) next: usize,
    /// How often something was drawn of its way, and how many requests it has sent: each is drawn for anew.
    pub(super) draws: u32,
    pub(super) calls: u32,
    /// When its next request is intended, where that was recorded; as it is due where there is none.
    pub(super) recorded_ns: Option<u64>,
    /// How long it has thought, all in all, and until its last request.
    pub(super) thought_ns: u64,
    pub(super) thought_before_last_ns: u64,
    /// When its last request was complete, without the generator's part in that.
    pub(super) last_done_ns: u64,
    pub(super) state: SessionState,
    /// What its request under way is filled with, and what came of the response, where that is looked at.
    pub(super) memory: Option<u32>,
    /// One of its requests could be sent.
    pub(super) has_sent: bool,
    /// One of its requests has failed.
    pub(super) has_failed: bool,
    /// What is not always done is left out.
    pub(super) is_stopping: bool,
}

impl FlowSession {
    fn new(arrival: Arrival) -> FlowSession {
        FlowSession {
            arrival,
            last_done_ns: arrival.intended_ns,
            state: SessionState::Waiting,
            ..FlowSession::default()
        }
    }
}

/// Where a session is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum SessionState {
    /// It is none: its memory is free.
    #[default]
    Free,
    /// Its next request waits for its moment, or for a connection.
    Waiting,
    /// Its request is under way.
    Calling,
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub(super) struct FlowSessions {
    all: Vec<FlowSession>,
    free: Vec<u32>,
    /// Of each session, how often something is still to be done.
    counters: Vec<u32>,
    counters_each: usize,
    max: usize,
    /// Places that are free, and kept for those whose they are.
    kept_free: usize,
}

impl FlowSessions {
    /// None yet, and no more than so many at a time, each with some counters.
    pub(super) fn new(max: usize, counters_each: usize) -> FlowSessions {
        FlowSessions { max, counters_each, ..FlowSessions::default() }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.all.len() - self.free.len() - self.kept_free
    }

    pub(super) fn has_room(&self) -> bool {
        self.count() < self.max
    }

    /// A new one. There has to be room.
    pub(super) fn begin(&mut self, arrival: Arrival) -> u32 {
        let session = FlowSession::new(arrival);
        if let Some(index) = self.free.pop() {
            self.all[index as usize] = session;
            return index;
        }
        self.all.push(session);
        self.counters.resize(self.all.len() * self.counters_each, 0);
        (self.all.len() - 1) as u32
    }

    pub(super) fn end(&mut self, index: u32) {
        debug_assert_ne!(self.at(index).state, SessionState::Free, "what is free has ended");
        self.all[index as usize].state = SessionState::Free;
        self.free.push(index);
    }

    /// A new one in a place that is free, and is kept for it.
    pub(super) fn begin_at(&mut self, index: u32, arrival: Arrival) {
        let places = (index as usize + 1).max(self.all.len());
        self.kept_free += places - self.all.len();
        self.all.resize(places, FlowSession::default());
        self.counters.resize(places * self.counters_each, 0);
        debug_assert_eq!(self.at(index).state, SessionState::Free, "nobody else is there");
        self.kept_free -= 1;
        self.all[index as usize] = FlowSession::new(arrival);
    }

    /// One has ended that began in a place that is kept for it.
    pub(super) fn end_at(&mut self, index: u32) {
        self.leave(index);
        self.kept_free += 1;
    }

    /// One has ended, and its place is not free yet.
    pub(super) fn leave(&mut self, index: u32) {
        debug_assert_ne!(self.at(index).state, SessionState::Free, "what is free has ended");
        self.all[index as usize].state = SessionState::Free;
    }

    /// The place of one that has ended is free from here on.
    pub(super) fn free(&mut self, index: u32) {
        self.free.push(index);
    }

    pub(super) fn at(&mut self, index: u32) -> &mut FlowSession {
        &mut self.all[index as usize]
    }

    pub(super) fn get(&self, index: u32) -> &FlowSession {
        &self.all[index as usize]
    }

    pub(super) fn counter(&mut self, index: u32, counter: usize) -> &mut u32 {
        &mut self.counters[index as usize * self.counters_each + counter]
    }

    /// Those that there are.
    pub(super) fn live(&self) -> impl Iterator<Item = u32> {
        let is_live = |(_, session): &(usize, &FlowSession)| session.state != SessionState::Free;
        self.all.iter().enumerate().filter(is_live).map(|(index, _)| index as u32)
    }
}

/// What a request is filled with, and what came of the response to it.
#[derive(Clone, Debug, Default)]
pub(super) struct CallMemory {
    pub(super) captured: Captured,
    pub(super) filled: FilledValues,
    /// The same of the hop that is under way in its place.
    pub(super) hop: FilledValues,
}

/// As many of these as there were requests under way at once: a session that thinks has none.
#[derive(Clone, Debug, Default)]
pub(super) struct CallMemories {
    all: Vec<CallMemory>,
    free: Vec<u32>,
}

impl CallMemories {
    /// Memory for a request, with nothing in it. What was given back last is taken first: it is most likely still in a cache.
    pub(super) fn take(&mut self) -> u32 {
        if let Some(memory) = self.free.pop() {
            self.all[memory as usize].captured.clear();
            return memory;
        }
        self.all.push(CallMemory::default());
        // All of them can be given back without taking memory for that.
        self.free.reserve(self.all.len());
        (self.all.len() - 1) as u32
    }

    /// The request has ended.
    pub(super) fn give_back(&mut self, memory: u32) {
        debug_assert!(!self.free.contains(&memory), "memory is given back once");
        self.free.push(memory);
    }

    pub(super) fn at(&mut self, memory: u32) -> &mut CallMemory {
        &mut self.all[memory as usize]
    }

    pub(super) fn get(&self, memory: u32) -> &CallMemory {
        &self.all[memory as usize]
    }

    /// How many are in use.
    #[cfg(test)]
    pub(super) fn in_use(&self) -> usize {
        self.all.len() - self.free.len()
    }

    /// How many there are, in use or not.
    #[cfg(test)]
    pub(super) fn taken(&self) -> usize {
        self.all.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_used_again_and_comes_back_with_nothing_in_it() {
        let wants = crate::extract::Wants { has_body: true, body_bytes_max: 10, ..Default::default() };
        let mut memories = CallMemories::default();
        let (one, other) = (memories.take(), memories.take());
        memories.at(one).captured.body(&wants, b"of one");
        assert_eq!((memories.in_use(), memories.taken()), (2, 2));
        memories.give_back(one);
        memories.give_back(other);
        assert_eq!(memories.in_use(), 0);
        for _ in 0..2 {
            let again = memories.take();
            memories.at(again).captured.body(&wants, b"");
            assert_eq!(format!("{:?}", memories.get(again).captured), format!("{:?}", Captured::default()));
        }
        assert_eq!((memories.in_use(), memories.taken()), (2, 2));
    }
}
