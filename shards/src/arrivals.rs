//! What the arrival recorder writes down, and what it says of a generator's pacing. When each request came, and how far
//! the gaps between them are from being even.
//!
//! Stamps are kept as they are, not as a histogram, because how far a gap is from the mean gap is only known at the end,
//! and to the nanosecond. Nothing here reads a clock.

use engine::distribution::Distribution;
use serde::{Deserialize, Serialize};

/// The most arrivals that are stamped: 80 seconds at 50,000 a second, in 32 MiB. Later ones are counted.
pub const ARRIVALS_MAX: usize = 1 << 22;

/// When one or several requests were seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// When.
    pub(crate) at_ns: u64,
    /// For how long before that nobody had looked: how much earlier they can have come.
    pub(crate) blind_ns: u64,
}

/// The log of one recording.
#[derive(Debug)]
pub(crate) struct ArrivalLog {
    after_ns: u64,
    first_ns: Option<u64>,
    stamps_ns: Vec<u64>,
    count: u64,
    last_ns: u64,
    blind: Distribution,
}

impl ArrivalLog {
    /// An empty log, which begins `after_ns` after the first request. Its memory is touched here: a page that is first
    /// touched while recording would cost a stamp its accuracy.
    pub(crate) fn new(after_ns: u64) -> ArrivalLog {
        let mut stamps_ns = vec![u64::MAX; ARRIVALS_MAX];
        stamps_ns.clear();
        ArrivalLog { after_ns, first_ns: None, stamps_ns, count: 0, last_ns: 0, blind: Distribution::new() }
    }

    /// Writes down that so many requests were seen.
    pub(crate) fn arrived(&mut self, seen: Seen, requests: usize) {
        let first_ns = *self.first_ns.get_or_insert(seen.at_ns);
        if seen.at_ns - first_ns < self.after_ns {
            return;
        }
        for _ in 0..requests {
            self.count += 1;
            self.blind.record(seen.blind_ns);
            if self.stamps_ns.len() < ARRIVALS_MAX {
                self.stamps_ns.push(seen.at_ns);
            }
        }
        self.last_ns = seen.at_ns;
    }

    /// What the log says.
    pub(crate) fn finish(self) -> ArrivalRecord {
        let gaps_ns = || self.stamps_ns.windows(2).map(|pair| pair[1] - pair[0]);
        let (mut gaps, mut deviations) = (Distribution::new(), Distribution::new());
        gaps_ns().for_each(|gap_ns| gaps.record(gap_ns));
        let mean_ns = gaps.mean_ns();
        gaps_ns().for_each(|gap_ns| deviations.record((gap_ns as f64 - mean_ns).abs().round() as u64));
        let span_ns = self.stamps_ns.first().map_or(0, |first_ns| self.last_ns - first_ns);
        ArrivalRecord {
            count: self.count,
            recorded: self.stamps_ns.len() as u64,
            span_s: span_ns as f64 / 1e9,
            rate_rps: self.count.saturating_sub(1) as f64 / (span_ns.max(1) as f64 / 1e9),
            gap_ns: TimeSpread::new(&gaps),
            deviation_ns: TimeSpread::new(&deviations),
            blind_ns: TimeSpread::new(&self.blind),
        }
    }
}

/// A generator's pacing, as it arrived.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ArrivalRecord {
    /// Requests since the recording began.
    pub count: u64,
    /// How many of them were stamped: all, up to [`ARRIVALS_MAX`]. The distributions are of these.
    pub recorded: u64,
    /// From the first to the last, seconds.
    pub span_s: f64,
    /// Gaps per second.
    pub rate_rps: f64,
    /// From each request to the next.
    pub gap_ns: TimeSpread,
    /// How far each gap was from the mean gap, in either direction.
    pub deviation_ns: TimeSpread,
    /// For how long the recorder had not looked when it saw a request: the error of a stamp, at the most.
    pub blind_ns: TimeSpread,
}

/// A distribution with both of its tails, nanoseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TimeSpread {
    /// The shortest.
    pub min: u64,
    /// 0.1 % are at most this.
    pub p0_1: u64,
    /// 1 % are at most this.
    pub p1: u64,
    /// The median.
    pub p50: u64,
    /// The mean, from an exact sum.
    pub mean: f64,
    /// 99 % are at most this.
    pub p99: u64,
    /// 99.9 % are at most this.
    pub p999: u64,
    /// The longest.
    pub max: u64,
    /// How many.
    pub count: u64,
    /// The whole histogram: HdrHistogram V2, compressed, base64.
    pub hdr: String,
}

impl TimeSpread {
    /// The figures of a distribution.
    pub fn new(distribution: &Distribution) -> TimeSpread {
        TimeSpread {
            min: distribution.min_ns(),
            p0_1: distribution.quantile_ns(0.001),
            p1: distribution.quantile_ns(0.01),
            p50: distribution.quantile_ns(0.5),
            mean: distribution.mean_ns(),
            p99: distribution.quantile_ns(0.99),
            p999: distribution.quantile_ns(0.999),
            max: distribution.max_ns(),
            count: distribution.count(),
            hdr: distribution.encode(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(after_ns: u64, stamps_ns: impl IntoIterator<Item = u64>) -> ArrivalRecord {
        let mut log = ArrivalLog::new(after_ns);
        stamps_ns.into_iter().for_each(|at_ns| log.arrived(Seen { at_ns, blind_ns: 7 }, 1));
        log.finish()
    }

    #[test]
    fn even_arrivals_have_one_gap_and_no_deviation() {
        let arrivals = log(0, (0..=1_000).map(|n| 5_000 + n * 1_000));
        assert_eq!((arrivals.count, arrivals.recorded, arrivals.rate_rps), (1_001, 1_001, 1e6));
        assert_eq!((arrivals.gap_ns.min, arrivals.gap_ns.max, arrivals.gap_ns.count), (1_000, 1_000, 1_000));
        assert_eq!((arrivals.deviation_ns.max, arrivals.blind_ns.max), (0, 7));
    }

    #[test]
    fn a_deviation_is_from_the_mean_gap_in_either_direction() {
        // Gaps of 100 and 300 in turn.
        let arrivals = log(0, (0..1_001).map(|n| n * 200 + n % 2 * 100));
        assert_eq!((arrivals.gap_ns.p1, arrivals.gap_ns.p99, arrivals.gap_ns.mean), (100, 300, 200.0));
        assert_eq!((arrivals.deviation_ns.min, arrivals.deviation_ns.max), (100, 100));
    }

    #[test]
    fn what_comes_before_the_recording_begins_leaves_no_gap() {
        let arrivals = log(100, [10, 50, 109, 110, 120, 140]);
        assert_eq!((arrivals.count, arrivals.gap_ns.count, arrivals.gap_ns.max), (3, 2, 20));
    }

    #[test]
    fn requests_seen_together_are_no_gap_apart() {
        let mut log = ArrivalLog::new(0);
        log.arrived(Seen { at_ns: 1_000, blind_ns: 0 }, 3);
        log.arrived(Seen { at_ns: 2_000, blind_ns: 0 }, 1);
        let arrivals = log.finish();
        assert_eq!((arrivals.count, arrivals.gap_ns.min, arrivals.gap_ns.max), (4, 0, 1_000));
        assert_eq!(arrivals.rate_rps, 3e6);
    }

    #[test]
    fn arrivals_beyond_the_limit_are_counted_and_not_stamped() {
        let arrivals = log(0, (0..ARRIVALS_MAX as u64 + 10).map(|n| n * 10));
        assert_eq!((arrivals.count, arrivals.recorded), (ARRIVALS_MAX as u64 + 10, ARRIVALS_MAX as u64));
        assert_eq!((arrivals.rate_rps, arrivals.gap_ns.max), (1e8, 10));
    }

    #[test]
    fn nothing_and_one_arrival_are_no_gaps() {
        for arrivals in [log(0, []), log(0, [5])] {
            assert_eq!((arrivals.gap_ns.count, arrivals.rate_rps, arrivals.span_s), (0, 0.0, 0.0));
        }
    }
}
