//! What has taken too long: requests, connections being made, and connections whose end nobody announced.
//!
//! Looked at once a millisecond, and not while responses may lie in the kernel that would say otherwise.

use super::Shard;
use super::core::{Core, SECOND_NS, TICK_NS};
use super::pool::ConnectionPool;
use super::scenario::ScenarioRun;
use crate::connection::Link;
use crate::protocol::{Protocol, Readiness, Unusable};
use crate::wire::{Slot, Wire};
use engine::outcome::Kind;
use engine::seams::Source;

/// How long a connection is silent before it is looked at for an end nobody announced, and how long until the next look;
/// how many are passed in one tick, and how many of them looked at, which is a system call each.
const WATCH_NS: u64 = SECOND_NS;
const WATCH_SLOTS: u32 = 256;
const WATCH_LOOKS: u64 = 16;
const _: () = assert!(WATCH_LOOKS <= WATCH_SLOTS as u64, "only what is passed is looked at");

const UNANSWERED: Unusable =
    Unusable { kind: Kind::Connect, why: "no connection was made within the connect timeout" };
const UNAGREED: Unusable =
    Unusable { kind: Kind::Connect, why: "the handshake was not over within the connect timeout" };
const UNGREETED: Unusable = Unusable {
    kind: Kind::Connect,
    why: "the target said nothing of what comes before the first request within the connect timeout",
};

impl<W: Wire, S: Source, P: Protocol> Shard<W, S, P> {
    /// Ends what has taken too long. Looked at once a millisecond: no request has a timer of its own.
    pub(super) fn expire(&mut self, now: u64) {
        if now < self.next_tick_ns || self.is_catching_up(now) {
            return;
        }
        self.next_tick_ns = now + TICK_NS;
        let Shard { core, scenarios, pools, .. } = self;
        for pool in pools {
            let scenario = &mut scenarios[pool.scenario];
            pool.expire(core, scenario);
            pool.watch(core, scenario);
        }
    }
}

impl<P: Protocol> ConnectionPool<P> {
    fn expire<W: Wire, S: Source>(&mut self, core: &mut Core<W>, scenario: &mut ScenarioRun<S>) {
        let now = core.now_ns;
        while let Some((slot, place, sent_ns)) = self.connections.longest_under_way() {
            if sent_ns + self.timeout_ns > now {
                break;
            }
            self.give_up(core, scenario, slot, place);
        }
        if self.has_replays() {
            self.expire_replays(core, scenario);
        }
        if self.connecting == 0 {
            return;
        }
        for slot in 0..self.attempted {
            match self.connections.at(slot).link() {
                Link::Connecting { deadline_ns } if deadline_ns <= now => {
                    self.attempt_failed(core, scenario, slot, UNANSWERED);
                }
                Link::Agreeing { deadline_ns } if deadline_ns <= now => {
                    let is_securing = self.protocols[slot as usize].readiness() == Readiness::Securing;
                    let why = if is_securing { UNAGREED } else { UNGREETED };
                    self.attempt_failed(core, scenario, slot, why);
                }
                _ => {}
            }
        }
    }

    /// Lets the protocol of a connection say what is due by now.
    fn tick<W: Wire, S: Source>(&mut self, core: &mut Core<W>, scenario: &mut ScenarioRun<S>, slot: Slot) {
        let connection = self.connections.at(slot);
        if !connection.is_open() || connection.is_sending() {
            return;
        }
        let mut out = core.wire.outbox(self.first_slot + slot);
        let before = out.filled();
        let ticked = self.protocols[slot as usize].tick(&mut self.shared, core.now_ns, &mut out);
        if out.filled() > before {
            self.connections.note_output(slot);
        }
        match ticked {
            Err(unusable) => self.broken(core, scenario, slot, unusable),
            // Numbers that rested may be used again.
            Ok(()) if self.sends_datagrams() => self.make_room(core.now_ns, slot),
            Ok(()) => {}
        }
    }

    /// The lost-end watchdog: some kernels (6.17 and later, until fixed) can fail to announce that the other side closed
    /// while a multishot receive was armed. Silent connections are asked directly, a few at each tick, in turn.
    fn watch<W: Wire, S: Source>(&mut self, core: &mut Core<W>, scenario: &mut ScenarioRun<S>) {
        let (now, mut looks) = (core.now_ns, 0);
        for _ in 0..self.connections.count().min(WATCH_SLOTS) {
            let slot = self.next_watched;
            self.next_watched = (slot + 1) % self.connections.count();
            if !P::IS_VERBATIM && P::wants_ticks(&self.shared) {
                self.tick(core, scenario, slot);
            }
            let connection = self.connections.at(slot);
            let is_silent =
                connection.is_open() && connection.heard_ns.max(connection.looked_ns) + WATCH_NS <= now;
            if !is_silent {
                continue;
            }
            connection.looked_ns = now;
            looks += 1;
            let is_stuck = connection.under_way == 0
                && (connection.is_sending() || connection.link() == Link::Switching)
                && connection.heard_ns + self.timeout_ns <= now;
            if is_stuck {
                // Nothing is under way that could time out, and nothing can be sent: only a new connection helps.
                self.broken(core, scenario, slot, Unusable::of(Kind::Timeout));
            } else if core.wire.is_ended(self.first_slot + slot) {
                core.recorder.stats.lost_ends += 1;
                self.ended(core, scenario, slot);
            }
            if looks == WATCH_LOOKS {
                break;
            }
        }
        core.operations += looks;
    }
}
