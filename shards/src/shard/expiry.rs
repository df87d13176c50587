//! What has taken too long: requests, connections being made, and connections whose end nobody announced.
//!
//! Looked at once a millisecond, and not while responses may lie in the kernel that would say otherwise.

use super::{SECOND_NS, Shard, TICK_NS};
use crate::connection::Link;
use crate::protocol::Protocol;
use crate::wire::Wire;
use engine::outcome::Kind;
use engine::seams::Source;

/// How long a connection is silent before it is looked at for an end nobody announced, and how long until the next look;
/// how many are passed in one tick, and how many of them looked at, which is a system call each.
const WATCH_NS: u64 = SECOND_NS;
const WATCH_SLOTS: u32 = 256;
const WATCH_LOOKS: u64 = 16;

impl<W: Wire, S: Source, P: Protocol> Shard<W, S, P> {
    /// Ends what has taken too long. Looked at once a millisecond: no request has a timer of its own.
    pub(super) fn expire(&mut self, now: u64) {
        if now < self.next_tick_ns || self.is_catching_up(now) {
            return;
        }
        self.next_tick_ns = now + TICK_NS;
        while let Some((slot, sent_ns)) = self.connections.longest_under_way() {
            if sent_ns + self.rules.timeout_ns > now {
                break;
            }
            self.broken(now, slot, Kind::Timeout);
        }
        if self.connecting > 0 {
            self.expire_connects(now);
        }
        self.watch(now);
    }

    fn expire_connects(&mut self, now: u64) {
        for slot in 0..self.connections.count() {
            if matches!(self.connections.at(slot).link, Link::Connecting { deadline_ns } if deadline_ns <= now)
            {
                self.connect_failed(now, slot, Kind::Connect);
            }
        }
    }

    /// The lost-end watchdog: some kernels (6.17 and later, until mended) can fail to announce that the other side closed
    /// while a multishot receive was armed. Silent connections are asked directly, a few at each tick, in turn.
    fn watch(&mut self, now: u64) {
        let mut looks = 0;
        for _ in 0..self.connections.count().min(WATCH_SLOTS) {
            let slot = self.next_watched;
            self.next_watched = (slot + 1) % self.connections.count();
            let connection = self.connections.at(slot);
            let is_silent =
                connection.is_open() && connection.heard_ns.max(connection.looked_ns) + WATCH_NS <= now;
            if !is_silent {
                continue;
            }
            connection.looked_ns = now;
            looks += 1;
            let is_stuck = connection.under_way == 0
                && (connection.is_sending || connection.link == Link::Switching)
                && connection.heard_ns + self.rules.timeout_ns <= now;
            if is_stuck {
                // Nothing is under way that could time out, and nothing can be sent: only a new connection helps.
                self.broken(now, slot, Kind::Timeout);
            } else if self.wire.is_ended(slot) {
                self.recorder.stats.lost_ends += 1;
                self.ended(now, slot);
            }
            if looks == WATCH_LOOKS {
                break;
            }
        }
        self.operations += looks;
    }
}
