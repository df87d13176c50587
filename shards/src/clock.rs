//! The TSC as CLOCK_MONOTONIC: 6 ns to read, re-anchored every second, never going back.
//!
//! quanta scales the TSC by a frequency it measured in a fraction of a second, which is right to some parts per million:
//! a millisecond in a minute. So once a second the clock is compared with CLOCK_MONOTONIC, and the difference is spread
//! over the next second. A difference too large to spread (a suspended machine) is a step, and is counted.

use nix::time::{ClockId, clock_gettime};
use quanta::Clock as Tsc;

const SECOND_NS: u64 = 1_000_000_000;
/// How often the clock is compared with CLOCK_MONOTONIC.
const ANCHOR_NS: u64 = SECOND_NS;
/// A larger difference than this cannot be spread over a second unnoticed.
const STEP_NS: u64 = 1_000_000;
/// Tries to read both clocks without being interrupted between them.
const ANCHOR_TRIES: usize = 4;

/// What CLOCK_MONOTONIC is to be added to for the time since 1970, as it is now.
pub(crate) fn unix_offset_ns() -> u64 {
    let read = |clock| {
        clock_gettime(clock).map_or(0, |time| time.tv_sec() as u64 * SECOND_NS + time.tv_nsec() as u64)
    };
    read(ClockId::CLOCK_REALTIME).wrapping_sub(read(ClockId::CLOCK_MONOTONIC))
}

/// One shard's clock.
pub(crate) struct Clock {
    tsc: Tsc,
    anchor: Anchor,
    /// Nanoseconds to add for each 2³² nanoseconds since the anchor, to smooth out the last difference.
    slew: i64,
    last_ns: u64,
    next_anchor_ns: u64,
    /// CLOCK_MONOTONIC at the anchor, which the clock's own belief may differ from.
    anchor_true_ns: u64,
    ppm: f64,
    steps: u64,
}

#[derive(Clone, Copy)]
struct Anchor {
    raw: u64,
    ns: u64,
}

impl Clock {
    /// Calibrates the TSC, once per process, and anchors it.
    pub(crate) fn new() -> Clock {
        let tsc = Tsc::new();
        let anchor = anchor(&tsc);
        let next_anchor_ns = anchor.ns + ANCHOR_NS;
        Clock {
            tsc,
            anchor,
            slew: 0,
            last_ns: anchor.ns,
            next_anchor_ns,
            anchor_true_ns: anchor.ns,
            ppm: 0.0,
            steps: 0,
        }
    }

    /// Nanoseconds of CLOCK_MONOTONIC.
    #[inline]
    pub(crate) fn now(&mut self) -> u64 {
        let ns = self.scaled(self.tsc.raw());
        if ns >= self.next_anchor_ns {
            self.anchor_again();
        }
        self.last_ns = self.last_ns.max(ns);
        self.last_ns
    }

    /// How far the TSC, as scaled, ran from CLOCK_MONOTONIC over the last second.
    pub(crate) fn ppm(&self) -> f64 {
        self.ppm
    }

    /// Steps that were too large to smooth.
    pub(crate) fn steps(&self) -> u64 {
        self.steps
    }

    #[inline]
    fn scaled(&self, raw: u64) -> u64 {
        let elapsed_ns = self.tsc.delta_as_nanos(self.anchor.raw, raw);
        let slewed_ns = (i128::from(elapsed_ns) * i128::from(self.slew)) >> 32;
        (self.anchor.ns + elapsed_ns).saturating_add_signed(slewed_ns as i64)
    }

    fn anchor_again(&mut self) {
        let fresh = anchor(&self.tsc);
        let believed_ns = self.scaled(fresh.raw);
        let elapsed_ns = self.tsc.delta_as_nanos(self.anchor.raw, fresh.raw).max(1);
        let true_ns = fresh.ns - self.anchor_true_ns;
        self.ppm = (true_ns as f64 - elapsed_ns as f64) / elapsed_ns as f64 * 1e6;
        let behind_ns = fresh.ns as i64 - believed_ns as i64;
        if behind_ns.unsigned_abs() > STEP_NS {
            self.steps += 1;
            self.anchor = fresh;
            self.slew = 0;
        } else {
            // The clock goes on from what it believed, at a speed that meets CLOCK_MONOTONIC a second from now: the
            // scale's own error is expected again, and the difference is made up on top.
            self.anchor = Anchor { raw: fresh.raw, ns: believed_ns };
            let drift_ns = self.ppm * 1e-6 * ANCHOR_NS as f64;
            self.slew = ((behind_ns as f64 + drift_ns) / ANCHOR_NS as f64 * 4_294_967_296.0) as i64;
        }
        self.anchor_true_ns = fresh.ns;
        self.next_anchor_ns = self.anchor.ns + ANCHOR_NS;
    }
}

/// Both clocks at one moment: the closest of a few tries, because an interrupt may fall between the two readings.
fn anchor(tsc: &Tsc) -> Anchor {
    let read = |_| {
        let before = tsc.raw();
        let ns = monotonic_ns();
        let after = tsc.raw();
        (after - before, Anchor { raw: before + (after - before) / 2, ns })
    };
    let closest = (0..ANCHOR_TRIES).map(read).min_by_key(|(width, _)| *width);
    closest.expect("there is at least one try").1
}

/// CLOCK_MONOTONIC, in nanoseconds.
pub fn monotonic_ns() -> u64 {
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("Linux has a monotonic clock");
    time.tv_sec() as u64 * SECOND_NS + time.tv_nsec() as u64
}

/// Whether CLOCK_MONOTONIC here may be another than the kernel's own: in a time namespace an offset is added to what processes
/// read. io_uring compares absolute timeouts with its own clock (seen on 6.18), so here they would end never, or at once.
pub(crate) fn may_be_offset() -> bool {
    // Kernels without time namespaces have no such file either; waiting without absolute timeouts is right on all.
    std::fs::read_to_string("/proc/self/timens_offsets").map_or(true, |text| has_offset(&text))
}

/// Whether this text of `timens_offsets` (a clock, its seconds and its nanoseconds in each line) moves CLOCK_MONOTONIC.
fn has_offset(text: &str) -> bool {
    let monotonic = text.lines().find_map(|line| line.strip_prefix("monotonic"));
    monotonic.is_none_or(|offset| !offset.split_whitespace().all(|number| number == "0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_of_either_sign_is_seen_and_one_of_another_clock_is_not() {
        let text = |monotonic: &str| format!("monotonic  {monotonic}\nboottime       100000         0\n");
        assert!(!has_offset(&text("         0         0")));
        for moved in ["    100000         0", "      -100         0", "         0 500000000"] {
            assert!(has_offset(&text(moved)), "{moved}");
        }
        assert!(has_offset("boottime            0         0\n"), "what is not known is not taken for none");
    }

    #[test]
    fn the_clock_follows_the_monotonic_clock_and_never_goes_back() {
        let mut clock = Clock::new();
        let start_ns = monotonic_ns();
        let mut last_ns = 0;
        while monotonic_ns() < start_ns + 2_200_000_000 {
            let ns = clock.now();
            assert!(ns >= last_ns);
            last_ns = ns;
        }
        let before_ns = monotonic_ns();
        let ns = clock.now();
        // Generous: the thread may lose its core between the readings.
        assert!(ns + 1_000_000 > before_ns && ns < monotonic_ns() + 1_000_000);
        assert!(clock.ppm().abs() < 5_000.0, "{}", clock.ppm());
    }
}
