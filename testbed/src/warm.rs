//! A server that is slow until it is warm, as one that compiles while it runs. Arithmetic on times since the server's
//! start; no clock is read.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use crate::quantity::{ValueError, parse_duration};
use crate::service_time::scaled;

/// The factors that can be written. A cold server that is a thousand times as slow is a typing error.
const FACTOR_RANGE: RangeInclusive<f64> = 1.0..=1000.0;

/// The most warm-ups that a server has in mind. Beyond it the one that began first is forgotten.
const WARM_UPS_MAX: usize = 64;

/// Until which share of the time each tier lasts, and the exponent of the factor in it.
const TIERS: [(f64, f64); 4] = [(0.125, 1.0), (0.25, 0.75), (0.5, 0.5), (1.0, 0.25)];

/// A warm-up in steps, as tiered compilation makes it: what runs hottest is compiled first, and each tier takes longer
/// to reach than the one before.
///
/// Service times are multiplied, by when they begin after the first request that met this warm-up:
///
/// | from | to | multiplied by |
/// |---|---|---|
/// | 0 | time / 8 | factor |
/// | time / 8 | time / 4 | factor^0.75 |
/// | time / 4 | time / 2 | factor^0.5 |
/// | time / 2 | time | factor^0.25 |
/// | time | | 1 |
///
/// Written as `factor/time`: `warm=10/30s` begins at ten times the service time and is warm after half a minute. The
/// factor is from 1 to 1000.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Warm {
    /// How many times as long the first service times are.
    pub factor: f64,
    /// How long it takes until they are as long as they will be.
    pub time: Duration,
}

impl Warm {
    /// A service time as it is this long after the first request.
    pub(crate) fn stretch(self, service: Duration, since_first: Duration) -> Duration {
        let is_within = |(share, _): &&(f64, f64)| since_first < self.time.mul_f64(*share);
        match TIERS.iter().find(is_within) {
            Some((_, exponent)) => scaled(service, self.factor.powf(*exponent)),
            None => service,
        }
    }
}

impl FromStr for Warm {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Warm, ValueError> {
        let (factor, time) = text
            .split_once('/')
            .ok_or_else(|| ValueError::new("a warm-up is factor/time, as in 10/30s, or none"))?;
        let factor = factor.parse().ok().filter(|factor| FACTOR_RANGE.contains(factor));
        let factor = factor.ok_or_else(|| {
            let (low, high) = (FACTOR_RANGE.start(), FACTOR_RANGE.end());
            ValueError::new(format!("a warm-up's factor is a number from {low} to {high}, as in 10/30s"))
        })?;
        Ok(Warm { factor, time: parse_duration(time)? })
    }
}

/// When each warm-up began. They are told apart by their values.
#[derive(Debug, Default)]
pub(crate) struct WarmUps {
    begun: VecDeque<(Warm, Duration)>,
}

impl WarmUps {
    /// When this warm-up began: now, if nobody has met it before.
    pub(crate) fn first(&mut self, warm: Warm, now: Duration) -> Duration {
        if let Some((_, first)) = self.begun.iter().find(|(known, _)| *known == warm) {
            return *first;
        }
        if self.begun.len() == WARM_UPS_MAX {
            self.begun.pop_front();
        }
        self.begun.push_back((warm, now));
        now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn service_times_fall_in_steps_and_are_normal_at_the_end() {
        let warm: Warm = "16/8s".parse().expect("a valid warm-up");
        let cases = [
            (0, 16),
            (999, 16),
            (1_000, 8),
            (1_999, 8),
            (2_000, 4),
            (3_999, 4),
            (4_000, 2),
            (7_999, 2),
            (8_000, 1),
            (u64::MAX, 1),
        ];
        for (since_ms, times) in cases {
            assert_eq!(warm.stretch(MS(10), MS(since_ms)), MS(10 * times), "after {since_ms} ms");
        }
    }

    #[test]
    fn a_warm_up_of_no_time_or_factor_changes_nothing() {
        for text in ["5/0s", "1/1h"] {
            let warm: Warm = text.parse().expect(text);
            assert_eq!(warm.stretch(MS(10), Duration::ZERO), MS(10), "{text}");
        }
    }

    #[test]
    fn a_warm_up_begins_with_the_first_who_meets_it() {
        let warm = |factor| Warm { factor, time: MS(100) };
        let mut warm_ups = WarmUps::default();
        assert_eq!(warm_ups.first(warm(2.0), MS(5)), MS(5));
        assert_eq!(warm_ups.first(warm(3.0), MS(7)), MS(7));
        assert_eq!(warm_ups.first(warm(2.0), MS(9)), MS(5));
    }

    #[test]
    fn what_a_server_has_in_mind_is_bounded() {
        let mut warm_ups = WarmUps::default();
        for factor in 1..=WARM_UPS_MAX as u64 + 1 {
            warm_ups.first(Warm { factor: factor as f64, time: MS(100) }, MS(factor));
        }
        assert_eq!(warm_ups.begun.len(), WARM_UPS_MAX);
        assert_eq!(warm_ups.first(Warm { factor: 2.0, time: MS(100) }, MS(900)), MS(2));
        assert_eq!(warm_ups.first(Warm { factor: 1.0, time: MS(100) }, MS(900)), MS(900), "forgotten");
    }

    #[test]
    fn a_bad_warm_up_is_told_what_one_looks_like() {
        for text in ["", "10", "0.5/30s", "1001/30s", "nan/1s", "ten/30s", "/30s"] {
            let error = text.parse::<Warm>().expect_err(text).to_string();
            assert!(error.contains("as in 10/30s"), "{text}: {error}");
        }
        assert!("10/30".parse::<Warm>().expect_err("no unit").to_string().contains("no unit"));
    }
}
