//! Requests that are sent in parts, each at its moment, such as the messages of a call of gRPC.
//!
//! The protocol of a connection knows what is due when, and is told the time then.

use super::core::{Core, Stage};
use super::pool::ConnectionPool;
use super::scenario::ScenarioRun;
use super::{SENDS_PER_TURN, Shard};
use crate::protocol::{Place, Protocol};
use crate::wire::{Slot, Wire};
use engine::seams::Source;

/// What is due may be a first part that had to wait, whose moment is noted once it was sent, or one behind a part that had to wait: nothing
/// else is due in the same moment. What is left all the same is looked at in the next turn.
const ROUNDS_MAX: u32 = 3;

impl<W: Wire, S: Source, P: Protocol> Shard<W, S, P> {
    /// Sends the parts of requests that are due: at the end of the run too, since their requests are under way.
    #[inline(never)]
    pub(super) fn send_due_parts(&mut self, now: u64) {
        if !matches!(self.core.stage, Stage::Running | Stage::Draining { .. }) {
            return;
        }
        let Shard { core, scenarios, pools, .. } = self;
        let mut left = SENDS_PER_TURN;
        for pool in pools {
            while left > 0
                && let Some(slot) = pool.moments.as_ref().and_then(|moments| moments.first_due(now))
            {
                pool.keep_pace(core, &mut scenarios[pool.scenario], slot);
                left -= 1;
            }
        }
    }

    /// When the next part of a request is due, on any connection that may send. Once all is over none is.
    pub(super) fn next_part_ns(&self) -> Option<u64> {
        if !matches!(self.core.stage, Stage::Running | Stage::Draining { .. }) {
            return None;
        }
        let moments = self.pools.iter().filter_map(|pool| pool.moments.as_ref());
        moments.map(|moments| moments.first_ns()).min().filter(|&first_ns| first_ns < u64::MAX)
    }
}

impl<P: Protocol> ConnectionPool<P> {
    /// A request was handed to the kernel: the moments of its parts count from then, if the first of them was. The connection is sending, and
    /// is looked at once it is not.
    #[inline(never)]
    pub(super) fn note_first_part(&mut self, place: Place, sent_ns: u64) {
        let slot = self.connections.slot_of(place);
        self.protocols[slot as usize].reach(sent_ns);
    }

    /// Lets the requests on a connection go on as far as they are due by now, and notes when they are to go on further. A connection that
    /// is sending goes on once all was sent.
    #[inline(never)]
    pub(super) fn keep_pace<W: Wire, S: Source>(
        &mut self,
        core: &mut Core<W>,
        scenario: &mut ScenarioRun<S>,
        slot: Slot,
    ) {
        let mut next_ns = u64::MAX;
        for _ in 0..ROUNDS_MAX {
            let connection = self.connections.at(slot);
            next_ns = match connection.is_open() && !connection.is_sending() {
                true => self.protocols[slot as usize].due_ns(),
                false => u64::MAX,
            };
            if next_ns > core.now_ns {
                break;
            }
            self.protocols[slot as usize].reach(core.now_ns);
            self.append_unsent(core, scenario, slot);
        }
        if let Some(moments) = &mut self.moments {
            moments.set(slot, next_ns);
        }
    }
}
