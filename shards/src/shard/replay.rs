//! Sends once more what a target has not touched, before anything else.
//!
//! Such a request goes out on whichever connection is free, and keeps the moment at which it was intended, so the detour shows in its
//! response time. A request that has taken too long is given up here, alone where the protocol can.

use super::core::{Core, Released, SECOND_NS};
use super::endings::write_down;
use super::pool::ConnectionPool;
use super::replays::Replay;
use super::scenario::ScenarioRun;
use crate::connection::Flight;
use crate::protocol::{Cancelled, Place, Protocol, Sending, Unusable};
use crate::wire::{Slot, Wire};
use engine::outbox::Outbox;
use engine::outcome::Kind;
use engine::seams::{End, EndedAt, Source};

/// How long nothing comes at the least before a connection is taken for one with nobody at its other end.
const SILENCE_NS_MIN: u64 = 5 * SECOND_NS;
const SILENT: Unusable = Unusable {
    kind: Kind::Timeout,
    why: "nothing came on the connection for 5 s, and for twice as long as a request may take",
};
/// Of those beside one that has taken too long.
const CLOSED: Unusable = Unusable {
    kind: Kind::Timeout,
    why: "the connection was closed with a request that had taken too long: more were given up than a target bears",
};

impl<P: Protocol> ConnectionPool<P> {
    /// Sends a request once more, if one waits and a connection is free. True when one was sent.
    pub(super) fn replay<W: Wire, S: Source>(
        &mut self,
        core: &mut Core<W>,
        scenario: &mut ScenarioRun<S>,
    ) -> bool {
        let Some(slot) = self.connections.first_ready() else { return false };
        let Some(replay) = self.replays.waiting.pop_front() else { return false };
        self.connections.unqueue_first();
        let Replay { call, intended_ns, lag_ns, since_ns, .. } = replay;
        let free_ns = self.connections.at(slot).free_ns.max(since_ns).saturating_sub(lag_ns);
        let place = self.connections.begin(P::IS_IN_ORDER, slot, Flight::new(call, intended_ns));
        let sending = Sending { call, number: self.replays.note_again(place, &replay), place };
        let mut out = core.wire.outbox(self.first_slot + slot);
        let protocol = &mut self.protocols[slot as usize];
        let sent = protocol.send(&mut self.shared, &mut scenario.source, sending, &mut out);
        core.replayed.push(Released { pool: self.number, place, free_ns, bytes: sent.unwrap_or(0) });
        core.recorder.stats.replays += 1;
        core.sends += 1;
        match sent {
            Ok(_) => self.finish_send(core, slot),
            Err(unusable) => self.broken(core, scenario, slot, unusable),
        }
        self.connections.queue(slot);
        true
    }

    /// Stamps a request that was handed to the kernel once more. It was counted as sent the first time.
    pub(super) fn stamp_again(&mut self, released: Released, sent_ns: u64) {
        let Released { place, free_ns, .. } = released;
        if self.is_paced() {
            self.note_first_part(place, sent_ns);
        }
        let flight = self.connections.flight_mut(place);
        let could_leave_ns = flight.intended_ns.max(free_ns);
        flight.set_sent(sent_ns.max(flight.intended_ns));
        flight.set_lag(sent_ns.saturating_sub(could_leave_ns));
    }

    /// Whether nothing of it is under way, nor waits to be sent once more.
    pub(super) fn is_idle(&self) -> bool {
        self.connections.under_way == 0 && !self.has_replays()
    }

    /// Whether requests wait to be sent once more.
    pub(super) fn has_replays(&self) -> bool {
        !P::IS_IN_ORDER && !self.replays.is_empty()
    }

    /// The run is over: what still waits to be sent once more is not.
    pub(super) fn abandon_replays<W: Wire, S: Source>(
        &mut self,
        core: &mut Core<W>,
        scenario: &mut ScenarioRun<S>,
    ) {
        while let Some(replay) = self.replays.waiting.pop_front() {
            self.abandon(core, scenario, replay, Kind::Unfinished);
        }
    }

    /// Gives up what has waited for a connection for as long as a response may take.
    pub(super) fn expire_replays<W: Wire, S: Source>(
        &mut self,
        core: &mut Core<W>,
        scenario: &mut ScenarioRun<S>,
    ) {
        // They wait in the order in which they began to.
        while let Some(&replay) = self.replays.waiting.front()
            && replay.since_ns + self.timeout_ns <= core.now_ns
        {
            self.replays.waiting.pop_front();
            self.abandon(core, scenario, replay, Kind::Timeout);
        }
    }

    fn abandon<W: Wire, S: Source>(
        &self,
        core: &mut Core<W>,
        scenario: &mut ScenarioRun<S>,
        replay: Replay,
        kind: Kind,
    ) {
        let Replay { call, intended_ns, lag_ns, since_ns, .. } = replay;
        let instants = core.instants(intended_ns, since_ns.max(intended_ns), core.now_ns);
        let outcome = scenario.source.end(
            call,
            End::Failed(kind),
            EndedAt { sent_ns: instants.sent, done_ns: instants.done, lag_ns },
        );
        let series = self.first_series + call.step as usize;
        write_down(&mut core.recorder, &scenario.source, series, outcome, instants, Some((lag_ns, 0)));
    }

    /// Gives up a request that has taken too long: it alone, where the protocol can, else its connection.
    pub(super) fn give_up<W: Wire, S: Source>(
        &mut self,
        core: &mut Core<W>,
        scenario: &mut ScenarioRun<S>,
        slot: Slot,
        place: Place,
    ) {
        if P::IS_IN_ORDER || self.connections.is_in_order() || !self.connections.at(slot).is_open() {
            return self.broken(core, scenario, slot, Unusable::of(Kind::Timeout));
        }
        let silence_ns = SILENCE_NS_MIN.max(2 * self.timeout_ns);
        if self.connections.at(slot).heard_ns + silence_ns <= core.now_ns && !self.sends_datagrams() {
            // Nothing came for longer than any request may take: there may be nobody any more.
            return self.broken(core, scenario, slot, SILENT);
        }
        let protocol = &mut self.protocols[slot as usize];
        let (mut memory, mut none) = ([], 0);
        let mut out = match self.connections.at(slot).is_sending() {
            true => Outbox::new(&mut memory, &mut none),
            false => core.wire.outbox(self.first_slot + slot),
        };
        let before = out.filled();
        let cancelled = protocol.cancel(&mut self.shared, place, core.now_ns, &mut out);
        if out.filled() > before {
            self.connections.note_output(slot);
        }
        match cancelled {
            Cancelled::Connection => {
                self.fail(core, scenario, slot, place, Unusable::of(Kind::Timeout));
                self.broken(core, scenario, slot, CLOSED);
            }
            Cancelled::Request => {
                self.fail(core, scenario, slot, place, Unusable::of(Kind::Timeout));
                self.make_room(core.now_ns, slot);
            }
        }
    }

    /// A connection takes as many more requests as its protocol says. Where nothing but requests goes on the wire, that is what its depth says.
    pub(super) fn make_room(&mut self, now: u64, slot: Slot) {
        if !self.is_verbatim() {
            let (depth, under_way) = (self.connections.depth(), self.connections.at(slot).under_way);
            let more = self.protocols[slot as usize].room(depth, under_way);
            self.connections.allow(slot, more);
        }
        self.make_ready(now, slot);
    }
}
