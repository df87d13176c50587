//! Where the time of the last turn went: spent watching the clock, lost, or with responses waiting to be taken in.

use super::Shard;
use super::core::{MILLISECOND_NS, Stage};
use crate::protocol::Protocol;
use crate::wire::Wire;
use engine::seams::Source;

/// The loop lost its core if a turn took longer than this and its operations cannot explain it.
const HICCUP_NS: u64 = MILLISECOND_NS;
const OPERATION_NS_MAX: u64 = 25_000;
/// After a turn that lost its core, responses may lie in the kernel whose requests seem to have timed out. So nothing times
/// out until a look finds nothing more, or for this long.
const CATCH_UP_NS_MAX: u64 = 200 * MILLISECOND_NS;

impl<W: Wire, S: Source, P: Protocol> Shard<W, S, P> {
    /// Books the time since the last turn: spent watching the clock, or lost.
    pub(super) fn account(&mut self, now: u64) {
        let since_ns = now - self.core.now_ns;
        // A response that ends a sleep is taken in at once. Any other came at some moment of the last turn: in the middle of it,
        // on average.
        let (expected_ns, late_ns) = match self.parked_until_ns.take() {
            Some(until_ns) => {
                self.pace.woke(until_ns, now);
                (until_ns.saturating_sub(self.core.now_ns), now.saturating_sub(until_ns))
            }
            None => (0, since_ns / 2),
        };
        // The core was lost in the last turn. What came meanwhile may not have been seen in it, because the ring may have been asked
        // before: one more submit must pass before an empty queue means that all has been taken in.
        let was_lost = self.lost_core_at_ns != 0 && self.lost_core_at_ns == self.core.now_ns;
        self.core.late_ns = match self.is_behind {
            true => self.core.late_ns + since_ns,
            false if was_lost => self.turn_ns + since_ns,
            false => late_ns,
        };
        self.turn_ns = since_ns;
        let (has_requests, stats) = (self.has_requests(), &mut self.core.recorder.stats);
        stats.turns += 1;
        if self.is_spinning {
            stats.spun_ns += since_ns;
        }
        let lost_ns = since_ns.saturating_sub(expected_ns);
        if lost_ns > HICCUP_NS + self.core.operations * OPERATION_NS_MAX && has_requests {
            if self.core.stage == Stage::Running {
                stats.hiccups += 1;
                stats.hiccup_ns += lost_ns;
                stats.hiccup_ns_max = stats.hiccup_ns_max.max(lost_ns);
            }
            self.core.late_ns = self.core.late_ns.max(lost_ns);
            self.lost_core_at_ns = now;
        }
        self.core.now_ns = now;
        (self.core.operations, self.core.sends) = (0, 0);
        self.is_spinning = false;
    }

    /// Whether requests may be under way.
    fn has_requests(&self) -> bool {
        matches!(self.core.stage, Stage::Running | Stage::Draining { .. })
    }

    /// Whether responses may be there that have not been taken in, so that nobody can say what has timed out.
    pub(super) fn is_catching_up(&self, now: u64) -> bool {
        self.is_behind || (self.lost_core_at_ns != 0 && now < self.lost_core_at_ns + CATCH_UP_NS_MAX)
    }
}
