//! How a load is lowered while its target does not keep up: `overload = "degrade"`, as one shard applies it.
//!
//! At the end of each period it is asked how long the oldest arrival has waited that is due and not sent. If that is longer than the slip
//! that is allowed, the factor falls to four fifths; if not, it rises by a twentieth of the whole, so that the load comes back. The
//! factor is the share of arrivals that are sent: which ones follows from adding it up, so that those that are withheld lie
//! evenly between the others, and the same ones are withheld whenever the same is seen. The factor is a shard's own.

use crate::quantity::MILLISECOND_NS;

/// How often the factor is looked at.
pub const PERIOD_NS: u64 = 100 * MILLISECOND_NS;
/// All arrivals: shares are parts of it.
pub const WHOLE_PPM: u32 = 1_000_000;
/// The slip that is allowed where the plan says nothing.
pub const SLIP_NS_DEFAULT: u64 = 100 * MILLISECOND_NS;
/// The smallest factor where the plan says nothing.
pub const FLOOR_PPM_DEFAULT: u32 = WHOLE_PPM / 10;
/// The smallest factor that a plan may ask for: to find an arrival that is sent, no more than so many are passed over.
pub const FLOOR_PPM_MIN: u32 = WHOLE_PPM / 100;
/// What is left of the factor when too much waits, in percent, and what is added when not.
const FALLS_TO_PERCENT: u32 = 80;
const RISES_BY_PPM: u32 = WHOLE_PPM / 20;

/// The factor of one shard, and which arrivals it lets through.
#[derive(Clone, Debug)]
pub struct Degrade {
    slip_ns: u64,
    floor_ppm: u32,
    factor_ppm: u32,
    /// What arrivals so far have added up to, less those that were sent.
    sum_ppm: u32,
    /// When the factor is looked at next, from the start of the run.
    next_ns: u64,
}

impl Degrade {
    /// All arrivals are sent at first. `floor_ppm` is at least [`FLOOR_PPM_MIN`] and at most [`WHOLE_PPM`].
    pub fn new(slip_ns: u64, floor_ppm: u32, starts_ns: u64) -> Degrade {
        assert!(
            (FLOOR_PPM_MIN..=WHOLE_PPM).contains(&floor_ppm),
            "a plan holds only shares that can be kept"
        );
        let next_ns = starts_ns.saturating_add(PERIOD_NS);
        Degrade { slip_ns, floor_ppm, factor_ppm: WHOLE_PPM, sum_ppm: 0, next_ns }
    }

    /// Looks at the factor for each period that has ended by now. `oldest_ns` is the intended time of the oldest arrival that has not
    /// been sent, due or not; it must have been the oldest since this was called last. True when a period has ended.
    #[inline]
    pub fn observe(&mut self, now_ns: u64, oldest_ns: Option<u64>) -> bool {
        if now_ns < self.next_ns {
            return false;
        }
        self.end_periods(now_ns, oldest_ns);
        true
    }

    fn end_periods(&mut self, now_ns: u64, oldest_ns: Option<u64>) {
        while self.next_ns <= now_ns {
            let waited_ns = oldest_ns.map_or(0, |oldest_ns| self.next_ns.saturating_sub(oldest_ns));
            self.factor_ppm = if waited_ns > self.slip_ns {
                (self.factor_ppm / 100 * FALLS_TO_PERCENT).max(self.floor_ppm)
            } else {
                (self.factor_ppm + RISES_BY_PPM).min(WHOLE_PPM)
            };
            self.next_ns += PERIOD_NS;
        }
    }

    /// Whether the next arrival is sent; else it is withheld.
    pub fn admits(&mut self) -> bool {
        self.sum_ppm += self.factor_ppm;
        let is_sent = self.sum_ppm >= WHOLE_PPM;
        if is_sent {
            self.sum_ppm -= WHOLE_PPM;
        }
        is_sent
    }

    /// The share of arrivals that are sent, in millionths.
    pub fn factor_ppm(&self) -> u32 {
        self.factor_ppm
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bucket::{Poll, Share, TokenBucket};
    use crate::load::{Arrivals, Load, Overload};
    use crate::phase::Phases;
    use crate::quantity::{Rate, SECOND_NS};
    use crate::random::Draws;
    use crate::schedule::constant;
    use proptest::prelude::*;

    const SLIP_NS: u64 = 50 * MILLISECOND_NS;

    proptest! {
        #[test]
        fn the_factor_is_never_below_its_floor_nor_above_the_whole(
            floor_ppm in FLOOR_PPM_MIN..=WHOLE_PPM,
            looks in proptest::collection::vec((1_u64..400, 0_u64..200), 1..200),
        ) {
            let mut degrade = Degrade::new(SLIP_NS, floor_ppm, 0);
            let mut now_ns = 0;
            for (passed_ms, waited_ms) in looks {
                now_ns += passed_ms * MILLISECOND_NS;
                let before = degrade.factor_ppm();
                let has_looked = degrade.observe(now_ns, now_ns.checked_sub(waited_ms * MILLISECOND_NS));
                prop_assert!((floor_ppm..=WHOLE_PPM).contains(&degrade.factor_ppm()));
                prop_assert!(has_looked || degrade.factor_ppm() == before);
                prop_assert!(degrade.next_ns > now_ns, "no period is left out");
            }
        }

        /// Of any run of arrivals as many are sent as the factor says, to one arrival.
        #[test]
        fn what_is_withheld_lies_evenly_between_what_is_sent(
            floor_ppm in FLOOR_PPM_MIN..=WHOLE_PPM,
            before in 0_usize..500,
            count in 1_usize..500,
        ) {
            let mut degrade = Degrade::new(SLIP_NS, floor_ppm, 0);
            // So long that the factor has come down to its floor.
            degrade.observe(100 * PERIOD_NS, Some(0));
            prop_assert_eq!(degrade.factor_ppm(), floor_ppm);
            (0..before).for_each(|_| { degrade.admits(); });
            let sent = (0..count).filter(|_| degrade.admits()).count() as f64;
            let share = f64::from(floor_ppm) / f64::from(WHOLE_PPM);
            prop_assert!((sent - share * count as f64).abs() <= 1.0, "{} of {} at {}", sent, count, share);
        }

        /// Looked at once after several periods or at the end of each, the same comes of it.
        #[test]
        fn a_late_look_finds_what_looks_in_time_would_have_found(
            oldest_ms in 0_u64..2_000,
            periods in 1_u64..20,
        ) {
            let oldest_ns = Some(oldest_ms * MILLISECOND_NS);
            let (mut late, mut in_time) = (Degrade::new(SLIP_NS, 1 << 17, 0), Degrade::new(SLIP_NS, 1 << 17, 0));
            late.observe(periods * PERIOD_NS, oldest_ns);
            (1..=periods).for_each(|period| { in_time.observe(period * PERIOD_NS, oldest_ns); });
            prop_assert_eq!(late.factor_ppm(), in_time.factor_ppm());
        }

        /// Whatever each shard lets through, every number is either sent or withheld, and once, on one shard.
        #[test]
        fn no_number_of_any_shard_is_lost_or_twice(
            shards in 1_u64..6,
            poisson in any::<bool>(),
            waits in proptest::collection::vec(0_u64..300, 1..12),
        ) {
            let arrivals = if poisson { Arrivals::Poisson } else { Arrivals::Uniform };
            let overload = Overload::Degrade { slip_ns: SLIP_NS, floor_ppm: FLOOR_PPM_DEFAULT };
            let segments = vec![constant(Rate::per_second(200), 2 * SECOND_NS)];
            let load = Load::Open { name: "constant".into(), segments, arrivals, overload };
            let phases = Phases { measure_from_ns: SECOND_NS / 2, measure_to_ns: 2 * SECOND_NS };
            let (mut numbers, mut withheld) = (Vec::new(), 0);
            for shard in 0..shards {
                let share = Share { shard, shards };
                let mut bucket = TokenBucket::new((0, &load), phases, share, Draws::new(7, 0), None).unwrap();
                let mut degrade = Degrade::new(SLIP_NS, FLOOR_PPM_DEFAULT, 0);
                let mut now_ns = 0;
                let mut waits = waits.iter().cycle();
                while let Some(next) = bucket.peek() {
                    now_ns = now_ns.max(next.intended_ns + waits.next().unwrap() * MILLISECOND_NS);
                    degrade.observe(now_ns, Some(next.intended_ns));
                    numbers.push(next.number);
                    if degrade.admits() {
                        prop_assert_eq!(bucket.poll_due(now_ns), Poll::Due(next));
                    } else {
                        let passed = bucket.pass_over();
                        withheld += passed.measured + passed.outside;
                        let is_measured = next.intended_ns >= phases.measure_from_ns;
                        prop_assert_eq!(passed.measured, u64::from(is_measured));
                    }
                }
            }
            numbers.sort_unstable();
            let alone = Share { shard: 0, shards: 1 };
            let mut whole = TokenBucket::new((0, &load), phases, alone, Draws::new(7, 0), None).unwrap();
            let mut expected: Vec<u64> = std::iter::from_fn(|| match whole.poll_due(u64::MAX / 2) {
                Poll::Due(arrival) => Some(arrival.number),
                _ => None,
            })
            .collect();
            expected.sort_unstable();
            prop_assert_eq!(&numbers, &expected, "there is a gap, or one twice");
            prop_assert!(withheld < numbers.len() as u64);
        }
    }

    #[test]
    fn it_falls_by_a_fifth_and_rises_by_a_twentieth() {
        let mut degrade = Degrade::new(SLIP_NS, FLOOR_PPM_DEFAULT, SECOND_NS);
        assert!(!degrade.observe(SECOND_NS + PERIOD_NS - 1, Some(0)), "no period has ended");
        let mut factor = |period: u64, waited_ns: u64| {
            let now_ns = SECOND_NS + period * PERIOD_NS;
            degrade.observe(now_ns, Some(now_ns - waited_ns));
            degrade.factor_ppm()
        };
        assert_eq!(factor(1, SLIP_NS), WHOLE_PPM, "as long as is allowed");
        assert_eq!(factor(2, SLIP_NS + 1), 800_000);
        assert_eq!(factor(3, SLIP_NS + 1), 640_000);
        assert_eq!(factor(4, 0), 690_000);
        let floor = (5..30).map(|period| factor(period, SLIP_NS + 1)).last();
        assert_eq!(floor, Some(FLOOR_PPM_DEFAULT));
    }
}
