//! How a shard itself fared: one table of counters, and all that is done with each of them.

use crate::phase::Windowed;
use serde::{Deserialize, Serialize};

/// Makes of one line for each counter all that is the same for each, so that a new one is a new line here, beside the place
/// where it is counted. A line is `name: type = rule`; the rules are the modules below, and say how two intervals of a shard
/// are put together, and what of a counter that only grows belongs to the time since it was last looked at.
///
/// What stands under `reported` is also what the report says of each shard, under the same names.
macro_rules! counters {
    (
        reported { $($(#[$reported_doc:meta])+ $reported:ident: $reported_type:ty = $reported_rule:ident,)+ }
        judged { $($(#[$judged_doc:meta])+ $judged:ident: $judged_type:ty = $judged_rule:ident,)+ }
    ) => {
        /// How a shard itself fared: what the verdict is made from.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
        pub struct ShardStats {
            $($(#[$reported_doc])+ pub $reported: $reported_type,)+
            $($(#[$judged_doc])+ pub $judged: $judged_type,)+
        }

        /// What a report says of a shard as it was counted. A counter is 0 in reports of versions that did not have it.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct ReportedStats {
            $($(#[$reported_doc])+ pub $reported: $reported_type,)+
        }

        impl ShardStats {
            /// Adds another slice of the same shard.
            pub fn merge(&mut self, later: &ShardStats) {
                // One without a turn knows of no level.
                let is_level_known = later.turns > 0;
                $($reported_rule::merge(&mut self.$reported, later.$reported, is_level_known);)+
                $($judged_rule::merge(&mut self.$judged, later.$judged, is_level_known);)+
            }

            /// What these, which have been counted from the beginning, have become since `before`.
            pub fn since(&self, before: &ShardStats) -> ShardStats {
                ShardStats {
                    $($reported: $reported_rule::since(self.$reported, before.$reported),)+
                    $($judged: $judged_rule::since(self.$judged, before.$judged),)+
                }
            }

            /// Those that a report shows of each shard.
            pub fn reported(&self) -> ReportedStats {
                ReportedStats { $($reported: self.$reported,)+ }
            }
        }
    };
}

counters! {
    reported {
        /// Turns of the loop.
        turns: u64 = sum,
        /// Calls of io_uring_enter.
        enters: u64 = sum,
        /// Submissions to the ring.
        submissions: u64 = sum,
        /// Completions from the ring.
        completions: u64 = sum,
        /// Times the loop lost control of its core for longer than a hiccup is long.
        hiccups: u64 = sum,
        /// The longest of them, nanoseconds.
        hiccup_ns_max: u64 = max,
        /// Receives that found no free buffer.
        starved: u64 = sum,
        /// Completions that the kernel had to keep aside.
        overflowed: u64 = sum,
        /// Slices handed over late, because the collector had given no empty recorder back yet.
        postponed: u64 = sum,
    }
    judged {
        /// Requests that ended, in any way and any phase.
        finished: u64 = sum,
        /// Time spent watching the clock with nothing to do: CPU time that carried no load. Never more than the CPU time.
        spun_ns: u64 = sum,
        /// Time in which the shard's thread could have run and did not, because something else had its core; 0 where the
        /// scheduler does not count it.
        run_delay_ns: u64 = sum,
        /// CPU time of the shard's thread in user space.
        cpu_user_ns: u64 = sum,
        /// CPU time of the shard's thread in the kernel.
        cpu_system_ns: u64 = sum,
        /// Time lost in hiccups.
        hiccup_ns: u64 = sum,
        /// Connections found closed by the watchdog, whose end the kernel never announced.
        lost_ends: u64 = sum,
        /// Bytes that came with nothing under way. Where responses are expected, their connections were closed for them.
        unasked_bytes: u64 = sum,
        /// Datagrams that came when their request had been given up.
        late_datagrams: u64 = sum,
        /// Datagrams that came once more.
        repeated_datagrams: u64 = sum,
        /// Datagrams that are to nothing that was sent.
        stray_datagrams: u64 = sum,
        /// Replies that say of themselves that they have been cut short.
        truncated_replies: u64 = sum,
        /// Times that the other side was told to have refused a datagram to which nobody was to reply.
        refused_datagrams: u64 = sum,
        /// Datagrams that came and that the kernel dropped, because this machine did not take them soon enough.
        dropped_datagrams: u64 = sum,
        /// Arrivals that had to wait for their row of a data file, because it had not been read.
        starved_rows: u64 = sum,
        /// Connections made again after having been open.
        reconnects: u64 = sum,
        /// Requests that were sent once more, because the target said that it had done nothing of them.
        replays: u64 = sum,
        /// Attempts to connect that failed.
        connect_failures: u64 = sum,
        /// Those of them that failed before the start, for want of something on this machine.
        connect_failures_own: u64 = sum,
        /// Connections open at the end of the slice.
        open: u64 = latest,
        /// Steps of the clock that were too large to smooth.
        clock_steps: u64 = sum,
        /// How far the TSC ran from CLOCK_MONOTONIC, in parts per million.
        clock_ppm: f64 = furthest,
    }
}

/// Counts add up.
mod sum {
    pub(super) fn merge(mine: &mut u64, later: u64, _: bool) {
        *mine += later;
    }

    pub(super) fn since(now: u64, before: u64) -> u64 {
        now - before
    }
}

/// Of two longest times the longer.
mod max {
    pub(super) fn merge(mine: &mut u64, later: u64, _: bool) {
        *mine = (*mine).max(later);
    }

    pub(super) fn since(now: u64, _: u64) -> u64 {
        now
    }
}

/// A level is what it is at the end.
mod latest {
    pub(super) fn merge(mine: &mut u64, later: u64, is_known: bool) {
        if is_known {
            *mine = later;
        }
    }

    pub(super) fn since(now: u64, _: u64) -> u64 {
        now
    }
}

/// Of two deviations the one that is further from none, in either direction.
mod furthest {
    pub(super) fn merge(mine: &mut f64, later: f64, _: bool) {
        if later.abs() > mine.abs() {
            *mine = later;
        }
    }

    pub(super) fn since(now: f64, _: f64) -> f64 {
        now
    }
}

impl Windowed<ShardStats> {
    /// Adds a later slice of the same shard, which lay in the window or outside it.
    pub fn add_slice(&mut self, later: &ShardStats, is_measured: bool) {
        let part = self.part(is_measured);
        part.merge(later);
        // How many connections are open is so in whatever phase, and what lies outside may come before the window or after it.
        let open = part.open;
        (self.measured.open, self.outside.open) = (open, open);
    }

    /// Adds what the same shard counted later.
    pub fn merge(&mut self, later: &Windowed<ShardStats>) {
        self.add_slice(&later.outside, false);
        self.add_slice(&later.measured, true);
    }

    /// Of all phases.
    pub fn total(&self) -> ShardStats {
        let mut all = self.outside;
        all.merge(&self.measured);
        all
    }
}

/// Stats of several shards added up; levels are added too.
pub fn sum_of(shards: &[ShardStats]) -> ShardStats {
    let mut all = ShardStats::default();
    shards.iter().for_each(|stats| all.merge(stats));
    all.open = shards.iter().map(|stats| stats.open).sum();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_add_up_and_levels_and_extremes_do_not() {
        let mut all =
            ShardStats { turns: 3, hiccup_ns_max: 9, open: 4, clock_ppm: 1.0, ..ShardStats::default() };
        all.merge(&ShardStats {
            turns: 2,
            hiccup_ns_max: 5,
            open: 1,
            clock_ppm: -7.0,
            ..ShardStats::default()
        });
        assert_eq!((all.turns, all.hiccup_ns_max, all.open, all.clock_ppm), (5, 9, 1, -7.0));
        all.merge(&ShardStats { finished: 6, ..ShardStats::default() });
        assert_eq!((all.finished, all.open), (6, 1), "without a turn nobody looked how many were open");
        assert_eq!(sum_of(&[all, all]).open, 2, "of different shards, levels add up");
    }

    #[test]
    fn a_level_is_that_of_the_last_slice_in_whatever_phase() {
        let slice = |open| ShardStats { turns: 1, open, ..ShardStats::default() };
        let mut run = Windowed::<ShardStats>::default();
        for (open, is_measured) in [(1, false), (2, true), (3, false)] {
            run.add_slice(&slice(open), is_measured);
            assert_eq!(run.total().open, open);
        }
        let mut whole = Windowed::<ShardStats>::default();
        whole.merge(&run);
        assert_eq!((whole.total().open, whole.total().turns, whole.measured.turns), (3, 3, 1));
    }

    #[test]
    fn what_is_counted_from_the_beginning_is_divided_between_the_looks() {
        let first = ShardStats { enters: 10, clock_ppm: -7.0, ..ShardStats::default() };
        let second = ShardStats { enters: 15, clock_ppm: 2.0, ..ShardStats::default() };
        let mut all = first.since(&ShardStats::default());
        all.merge(&second.since(&first));
        assert_eq!((all.enters, second.since(&first).enters), (15, 5));
        assert_eq!((all.clock_ppm, second.since(&first).clock_ppm), (-7.0, 2.0));
    }

    #[test]
    fn a_report_that_does_not_know_a_counter_has_none_of_it() {
        let old: ReportedStats = serde_json::from_str(r#"{"turns": 5}"#).unwrap();
        assert_eq!(old, ReportedStats { turns: 5, ..ReportedStats::default() });
    }
}
