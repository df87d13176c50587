//! How a shard waits for the next moment: in the kernel, on the clock, or first one and then the other.

use engine::plan::Wait;

/// A park is never longer: the stop order and the timeouts are looked at between two.
pub(crate) const PARK_NS_MAX: u64 = 5_000_000;
/// The margin starts here, and stays between these. A wake-up takes 3–10 µs on bare metal, 50 µs in a virtual machine.
const MARGIN_NS_START: u64 = 100_000;
const MARGIN_NS_MIN: u64 = 15_000;
const MARGIN_NS_MAX: u64 = 500_000;
const _: () = assert!(
    MARGIN_NS_MIN <= MARGIN_NS_START && MARGIN_NS_START <= MARGIN_NS_MAX,
    "it starts between its bounds"
);
const _: () = assert!(MARGIN_NS_MAX < PARK_NS_MAX, "there is something left to park for");

/// What to do until the next moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Idle {
    /// Watch the clock and the ring.
    Spin,
    /// Sleep until something happens, or until then.
    Park { until_ns: u64 },
}

/// The waiting of one shard.
#[derive(Debug)]
pub(crate) struct Pace {
    wait: Wait,
    margin_ns: u64,
}

impl Pace {
    pub(crate) fn new(wait: Wait) -> Pace {
        Pace { wait, margin_ns: MARGIN_NS_START }
    }

    /// How to wait. `due_ns` is when a request must leave; `until_ns` is when anything else wants a turn.
    pub(crate) fn idle(&self, now_ns: u64, due_ns: Option<u64>, until_ns: u64) -> Idle {
        let until_ns = until_ns.min(now_ns + PARK_NS_MAX);
        let park_until_ns = match (self.wait, due_ns) {
            (Wait::Spin, _) => return Idle::Spin,
            (Wait::Park, due_ns) => due_ns.unwrap_or(u64::MAX),
            (Wait::Auto, None) => u64::MAX,
            (Wait::Auto, Some(due_ns)) => due_ns.saturating_sub(self.margin_ns),
        };
        if park_until_ns <= now_ns {
            Idle::Spin
        } else {
            Idle::Park { until_ns: park_until_ns.min(until_ns) }
        }
    }

    /// Learns from a park that was to end at `until_ns` and ended at `now_ns`: the margin follows the lateness of wake-ups,
    /// up at once and down slowly.
    pub(crate) fn woke(&mut self, until_ns: u64, now_ns: u64) {
        let Some(late_ns) = now_ns.checked_sub(until_ns) else { return };
        let wanted_ns = late_ns + late_ns / 2;
        self.margin_ns = match wanted_ns > self.margin_ns {
            true => wanted_ns,
            false => self.margin_ns - (self.margin_ns - wanted_ns) / 64,
        }
        .clamp(MARGIN_NS_MIN, MARGIN_NS_MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_sleeps_first_and_then_watches_the_clock() {
        let pace = Pace::new(Wait::Auto);
        assert_eq!(pace.idle(0, Some(1_000_000), u64::MAX), Idle::Park { until_ns: 900_000 });
        assert_eq!(pace.idle(950_000, Some(1_000_000), u64::MAX), Idle::Spin);
        assert_eq!(pace.idle(0, None, u64::MAX), Idle::Park { until_ns: PARK_NS_MAX });
        assert_eq!(pace.idle(0, None, 7), Idle::Park { until_ns: 7 });
    }

    #[test]
    fn the_margin_follows_late_wake_ups_up_at_once_and_down_slowly() {
        let mut pace = Pace::new(Wait::Auto);
        pace.woke(0, 200_000);
        assert_eq!(pace.margin_ns, 300_000);
        (0..1_000).for_each(|_| pace.woke(0, 20_000));
        assert!(pace.margin_ns < 40_000, "{}", pace.margin_ns);
        pace.woke(0, 1_000_000_000);
        assert_eq!(pace.margin_ns, MARGIN_NS_MAX);
    }
}
