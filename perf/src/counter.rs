//! What is counted, and how far a count may be from its baseline.
//!
//! Counted instructions, calls and allocations are the same every time, so their limits are about what changes mean, not
//! about noise. The loop against a real server is timed by the kernel: how many responses one call of io_uring_enter takes is
//! up to the server's speed and the neighbours. So what is claimed of it is what does not depend on that: one request is
//! one submission, one turn is one call.

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum CounterKind {
    /// Instructions per operation, under valgrind.
    Instructions,
    /// System calls per operation, under valgrind.
    Calls,
    /// Allocations per operation.
    Allocations,
    /// Allocations per request of the real loop.
    LoopAllocations,
    /// Submissions to the ring per request.
    LoopSubmissions,
    /// Completions from the ring per request.
    LoopCompletions,
    /// Calls of io_uring_enter per turn of the loop.
    LoopEnters,
    /// System calls of any other kind per request.
    LoopOtherCalls,
    /// Times the loop gave its core away, per request.
    LoopSwitches,
}

/// How far a count may be above its baseline.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Tolerance {
    /// As a share of the baseline.
    share: f64,
    /// And at least this much.
    floor: f64,
}

/// How a count stands to its baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CounterStanding {
    /// Within what is allowed.
    Within,
    /// Better by more than the same allowance: the baseline is out of date.
    Better,
    /// Beyond what is allowed.
    Worse,
}

impl CounterKind {
    pub(crate) const ALL: [CounterKind; 9] = [
        CounterKind::Instructions,
        CounterKind::Calls,
        CounterKind::Allocations,
        CounterKind::LoopAllocations,
        CounterKind::LoopSubmissions,
        CounterKind::LoopCompletions,
        CounterKind::LoopEnters,
        CounterKind::LoopOtherCalls,
        CounterKind::LoopSwitches,
    ];

    /// The section of the baseline file, and the word in tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            CounterKind::Instructions => "instructions",
            CounterKind::Calls => "calls",
            CounterKind::Allocations => "allocations",
            CounterKind::LoopAllocations => "loop_allocations",
            CounterKind::LoopSubmissions => "loop_submissions",
            CounterKind::LoopCompletions => "loop_completions",
            CounterKind::LoopEnters => "loop_enters",
            CounterKind::LoopOtherCalls => "loop_other_calls",
            CounterKind::LoopSwitches => "loop_switches",
        }
    }

    /// What may be added to a baseline. `limit` is for what depends on the compiler and the C library: 0.01, or 0.1 where
    /// they are others than the baseline's.
    fn tolerance(self, limit: f64) -> Tolerance {
        let (share, floor) = match self {
            // Two instructions: what a compiler may place differently in an operation of a hundred.
            CounterKind::Instructions => (limit, 2.0),
            // When the C library asks for memory moves with anything: twenty calls in 10,000 operations, or one in ten.
            CounterKind::Calls => (WIDE, 0.002),
            // Nothing may be added where there is none.
            CounterKind::Allocations => (if limit > STRICT { limit } else { 0.0 }, 0.0),
            CounterKind::LoopAllocations => (0.0, 0.0),
            // Both are 1 for one request at a time, but for connecting.
            CounterKind::LoopSubmissions | CounterKind::LoopCompletions => (0.02, 0.0),
            // One per turn. Per request it would be the server's speed: how many responses are there when one is looked for.
            CounterKind::LoopEnters => (0.02, 0.0),
            // Starting the process, and its clock and figures once a slice: some hundreds, over 60,000 requests.
            CounterKind::LoopOtherCalls => (1.0, 0.03),
            // None, where the loop watches the clock: a page that has to be read from disk, at the most.
            CounterKind::LoopSwitches => (1.0, 0.05),
        };
        Tolerance { share, floor }
    }

    /// How a count stands to its baseline at a limit.
    pub(crate) fn judge(self, baseline: f64, measured: f64, limit: f64) -> CounterStanding {
        let Tolerance { share, floor } = self.tolerance(limit);
        let allowed = baseline * share + floor + ROUNDING;
        if measured > baseline + allowed {
            CounterStanding::Worse
        } else if measured < baseline - allowed {
            CounterStanding::Better
        } else {
            CounterStanding::Within
        }
    }

    /// What is allowed above a baseline, in words.
    pub(crate) fn allowed(self, limit: f64) -> String {
        let Tolerance { share, floor } = self.tolerance(limit);
        match (share * 100.0, floor) {
            (0.0, 0.0) => "nothing".into(),
            (percent, 0.0) => format!("{percent} %"),
            (percent, floor) => format!("{percent} % + {floor}"),
        }
    }
}

/// Baselines are written to six decimals.
const ROUNDING: f64 = 1e-6;
/// The limit where compiler, library and processor are the baseline's.
pub(crate) const STRICT: f64 = 0.01;
/// The limit anywhere else.
pub(crate) const WIDE: f64 = 0.10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_may_move_by_the_limit_and_two() {
        let judge = |measured| CounterKind::Instructions.judge(1_000.0, measured, STRICT);
        assert_eq!(judge(1_012.0), CounterStanding::Within);
        assert_eq!(judge(1_012.1), CounterStanding::Worse);
        assert_eq!(judge(987.9), CounterStanding::Better);
        assert_eq!(CounterKind::Instructions.judge(1_000.0, 1_100.0, WIDE), CounterStanding::Within);
        assert_eq!(CounterKind::Instructions.judge(1_000.0, 1_150.0, WIDE), CounterStanding::Worse);
    }

    #[test]
    fn nothing_may_be_added_to_no_allocation_however_wide_the_limit() {
        for kind in [CounterKind::Allocations, CounterKind::LoopAllocations] {
            assert_eq!(kind.judge(0.0, 0.0, WIDE), CounterStanding::Within);
            assert_eq!(kind.judge(0.0, 0.0001, WIDE), CounterStanding::Worse);
        }
    }

    #[test]
    fn a_call_in_each_of_fifty_operations_is_seen_in_each_width() {
        for limit in [STRICT, WIDE] {
            assert_eq!(CounterKind::Calls.judge(0.0, 0.02, limit), CounterStanding::Worse);
            assert_eq!(CounterKind::Calls.judge(0.0, 0.001, limit), CounterStanding::Within);
        }
    }

    #[test]
    fn a_call_or_a_sleep_in_each_turn_is_beyond_what_the_real_loop_may_vary() {
        assert_eq!(CounterKind::LoopEnters.judge(1.0, 2.0, WIDE), CounterStanding::Worse);
        // Sixteen requests in a turn at the most.
        assert_eq!(
            CounterKind::LoopOtherCalls.judge(0.015, 0.015 + 1.0 / 16.0, WIDE),
            CounterStanding::Worse
        );
        assert_eq!(CounterKind::LoopSwitches.judge(0.0, 1.0 / 16.0, WIDE), CounterStanding::Worse);
        assert_eq!(CounterKind::LoopSwitches.judge(0.0, 0.01, WIDE), CounterStanding::Within);
    }

    #[test]
    fn what_is_allowed_can_be_said() {
        assert_eq!(CounterKind::Instructions.allowed(STRICT), "1 % + 2");
        assert_eq!(CounterKind::LoopAllocations.allowed(WIDE), "nothing");
        assert_eq!(CounterKind::Allocations.allowed(WIDE), "10 %");
    }
}
