//! Durations in few buckets: their bounds are the powers of two of a second, and those of classic histograms.
//!
//! What is kept of many things at once is kept so: half a kilobyte each. Every bucket of a [`Distribution`] lies in one of these, because a
//! duration is counted here as the distribution has it, to three digits. So the buckets of a distribution less those of a part of it are those of the
//! rest, exactly; and both forms that histograms are handed on in, by powers of two and by fixed bounds, are made of them without dividing a
//! count.

use super::{Distribution, told_ns};

/// The bounds of classic histograms, in nanoseconds: 1, 2, 5 from 10 µs to a minute.
pub const CLASSIC_BOUNDS_NS: [u64; 22] = [
    10_000,
    20_000,
    50_000,
    100_000,
    200_000,
    500_000,
    1_000_000,
    2_000_000,
    5_000_000,
    10_000_000,
    20_000_000,
    50_000_000,
    100_000_000,
    200_000_000,
    500_000_000,
    1_000_000_000,
    2_000_000_000,
    5_000_000_000,
    10_000_000_000,
    20_000_000_000,
    50_000_000_000,
    60_000_000_000,
];

/// The powers of two of a second that are bounds: from where nothing but zero is below, to where an hour and what counts as one is.
const POWERS: std::ops::RangeInclusive<i32> = -30..=12;
const POWER_COUNT: usize = (*POWERS.end() - *POWERS.start()) as usize + 1;
/// Half a second, one and two are in both lists.
const IN_BOTH: usize = 3;
const BUCKETS: usize = POWER_COUNT + CLASSIC_BOUNDS_NS.len() - IN_BOTH;

/// The bounds, in nanoseconds. A bucket holds what is above the bound before its own and at most at its own; the first holds zero.
const BOUNDS_NS: [u64; BUCKETS] = bounds_ns();
const _: () = assert!(BOUNDS_NS[0] == 0 && BOUNDS_NS[BUCKETS - 1] >= told_ns(u64::MAX), "nothing is outside");

/// For each number of bits, the first bucket that durations of so many can be in.
const FIRST_BUCKET: [u8; u64::BITS as usize + 1] = first_buckets();

/// Durations in nanoseconds, counted coarsely. Adding and taking away are exact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoarseTimes {
    counts: [u64; BUCKETS],
    sum_ns: u128,
}

impl Default for CoarseTimes {
    fn default() -> CoarseTimes {
        CoarseTimes { counts: [0; BUCKETS], sum_ns: 0 }
    }
}

impl CoarseTimes {
    /// Those of a distribution.
    pub fn of(distribution: &Distribution) -> CoarseTimes {
        let mut times = CoarseTimes { sum_ns: distribution.sum_ns(), ..CoarseTimes::default() };
        distribution.counts().for_each(|(told_ns, count)| times.counts[bucket_of(told_ns)] += count);
        times
    }

    /// Counts one duration, where a distribution counts it.
    #[inline]
    pub fn record(&mut self, duration_ns: u64) {
        self.counts[bucket_of(told_ns(duration_ns))] += 1;
        self.sum_ns += u128::from(duration_ns);
    }

    /// Adds others.
    pub fn merge(&mut self, other: &CoarseTimes) {
        self.counts.iter_mut().zip(&other.counts).for_each(|(mine, theirs)| *mine += theirs);
        self.sum_ns += other.sum_ns;
    }

    /// Takes away a part of them.
    pub fn subtract(&mut self, part: &CoarseTimes) {
        debug_assert!(
            self.counts.iter().zip(&part.counts).all(|(all, part)| part <= all),
            "a part is no more than all"
        );
        self.counts
            .iter_mut()
            .zip(&part.counts)
            .for_each(|(mine, theirs)| *mine = mine.saturating_sub(*theirs));
        self.sum_ns = self.sum_ns.saturating_sub(part.sum_ns);
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// All added up, in nanoseconds: exact.
    pub fn sum_ns(&self) -> u128 {
        self.sum_ns
    }

    /// The arithmetic mean in nanoseconds; 0 where there are none.
    pub fn mean_ns(&self) -> f64 {
        match self.count() {
            0 => 0.0,
            count => self.sum_ns as f64 / count as f64,
        }
    }

    /// How many are zero.
    pub fn zeros(&self) -> u64 {
        self.counts[0]
    }

    /// Those that are not zero by powers of two, ascending: the exponent of the power of two of a second that they are above, at most twice of
    /// which they are, and how many they are. None of the counts is zero.
    pub fn by_powers_of_two(&self) -> Vec<(i32, u64)> {
        let mut powers: Vec<(i32, u64)> = Vec::new();
        // The power of two that a bucket lies above. The first one is that below the first bucket that is not of zeros.
        let mut exponent = *POWERS.start();
        for (bucket, count) in self.counts.iter().enumerate().skip(1) {
            if *count > 0 {
                match powers.last_mut() {
                    Some((last, counted)) if *last == exponent => *counted += count,
                    _ => powers.push((exponent, *count)),
                }
            }
            if BOUNDS_NS[bucket] == power_ns(exponent + 1) {
                exponent += 1;
            }
        }
        powers
    }

    /// How many there are in each bucket of a classic histogram, the one above its last bound included.
    pub fn by_classic_bounds(&self) -> [u64; CLASSIC_BOUNDS_NS.len() + 1] {
        let (mut counts, mut classic) = ([0; CLASSIC_BOUNDS_NS.len() + 1], 0);
        for (bound_ns, count) in BOUNDS_NS.iter().zip(&self.counts) {
            while CLASSIC_BOUNDS_NS.get(classic).is_some_and(|classic_ns| bound_ns > classic_ns) {
                classic += 1;
            }
            counts[classic] += count;
        }
        counts
    }

    /// About the duration that `quantile` (0 to 1) of all are at most, in nanoseconds; 0 where there are none. It is the geometric middle of the
    /// bucket that it lies in, whose bounds are a factor of two apart or less.
    pub fn quantile_ns(&self, quantile: f64) -> u64 {
        let wanted = ((quantile.min(1.0) * self.count() as f64).ceil() as u64).max(1);
        let mut seen = 0;
        let found = self.counts.iter().position(|count| {
            seen += count;
            seen >= wanted
        });
        let middle = |bucket: usize| {
            let below_ns = bucket.checked_sub(1).map_or(0, |below| BOUNDS_NS[below]);
            (below_ns.max(1) as f64 * BOUNDS_NS[bucket] as f64).sqrt() as u64
        };
        found.map_or(0, middle)
    }
}

/// The bucket of a duration as a distribution tells it.
#[inline]
fn bucket_of(told_ns: u64) -> usize {
    let mut bucket = usize::from(FIRST_BUCKET[(u64::BITS - told_ns.leading_zeros()) as usize]);
    while BOUNDS_NS[bucket] < told_ns {
        bucket += 1;
    }
    bucket
}

/// A power of two of a second, in whole nanoseconds: what is at most at it is at most at the power, for durations are whole.
const fn power_ns(exponent: i32) -> u64 {
    const SECOND_NS: u64 = 1_000_000_000;
    if exponent < 0 { SECOND_NS >> -exponent } else { SECOND_NS << exponent }
}

const fn bounds_ns() -> [u64; BUCKETS] {
    let (mut bounds, mut bucket, mut power, mut classic) = ([0; BUCKETS], 0, 0, 0);
    while bucket < BUCKETS {
        let power_next =
            if power < POWER_COUNT { power_ns(*POWERS.start() + power as i32) } else { u64::MAX };
        let classic_next =
            if classic < CLASSIC_BOUNDS_NS.len() { CLASSIC_BOUNDS_NS[classic] } else { u64::MAX };
        bounds[bucket] = if power_next < classic_next { power_next } else { classic_next };
        power += (power_next <= classic_next) as usize;
        classic += (classic_next <= power_next) as usize;
        bucket += 1;
    }
    assert!(power == POWER_COUNT && classic == CLASSIC_BOUNDS_NS.len(), "every bound has its place");
    bounds
}

const fn first_buckets() -> [u8; u64::BITS as usize + 1] {
    let (mut first, mut bits) = ([0; u64::BITS as usize + 1], 1);
    while bits < first.len() {
        let (shortest_ns, mut bucket) = (1 << (bits - 1), first[bits - 1] as usize);
        while bucket + 1 < BUCKETS && BOUNDS_NS[bucket] < shortest_ns {
            bucket += 1;
        }
        first[bits] = bucket as u8;
        bits += 1;
    }
    first
}

#[cfg(test)]
mod tests {
    use super::super::DURATION_NS_MAX;
    use super::*;
    use proptest::prelude::*;

    /// Durations of every size, and those at bounds and beside them.
    fn durations() -> impl Strategy<Value = Vec<u64>> {
        let of_any_size = (0_u32..64, any::<u64>()).prop_map(|(bits, ns)| ns >> bits);
        let at_bound =
            (0..BUCKETS, 0_u64..3).prop_map(|(bucket, more)| (BOUNDS_NS[bucket] + more).saturating_sub(1));
        proptest::collection::vec(prop_oneof![of_any_size, at_bound], 0..300)
    }

    fn recorded(durations: &[u64]) -> (Distribution, CoarseTimes) {
        let (mut distribution, mut coarse) = (Distribution::new(), CoarseTimes::default());
        for ns in durations {
            distribution.record(*ns);
            coarse.record(*ns);
        }
        (distribution, coarse)
    }

    #[test]
    fn bounds_are_those_of_both_forms_and_ascend() {
        assert!(BOUNDS_NS.windows(2).all(|pair| pair[0] < pair[1]), "{BOUNDS_NS:?}");
        assert!(CLASSIC_BOUNDS_NS.iter().all(|bound| BOUNDS_NS.contains(bound)));
        assert!(POWERS.clone().all(|exponent| BOUNDS_NS.contains(&power_ns(exponent))));
        assert_eq!(
            (power_ns(0), power_ns(-1), power_ns(12)),
            (1_000_000_000, 500_000_000, 4_096_000_000_000)
        );
        assert!(size_of::<CoarseTimes>() <= 512, "{}", size_of::<CoarseTimes>());
    }

    #[test]
    fn nothing_has_no_figures() {
        let none = CoarseTimes::default();
        assert_eq!((none.count(), none.quantile_ns(0.5), none.by_powers_of_two().len()), (0, 0, 0));
        assert_eq!(none.mean_ns(), 0.0);
    }

    proptest! {
        #[test]
        fn recording_and_making_them_of_a_distribution_are_the_same(durations in durations()) {
            let (distribution, coarse) = recorded(&durations);
            prop_assert_eq!(&CoarseTimes::of(&distribution), &coarse);
            prop_assert_eq!((coarse.count(), coarse.sum_ns()), (durations.len() as u64, distribution.sum_ns()));
        }

        #[test]
        fn all_less_a_part_is_the_rest(one in durations(), other in durations()) {
            let ((_, rest), (_, part)) = (recorded(&one), recorded(&other));
            let (distribution, mut all) = recorded(&[one, other].concat());
            prop_assert_eq!(&CoarseTimes::of(&distribution), &all);
            all.subtract(&part);
            prop_assert_eq!(&all, &rest);
            all.merge(&part);
            prop_assert_eq!(all, CoarseTimes::of(&distribution));
        }

        #[test]
        fn every_duration_is_in_the_power_of_two_and_in_the_classic_bucket_that_it_is_told_to_be_in(durations in durations()) {
            let (distribution, coarse) = recorded(&durations);
            let (powers, classic) = (coarse.by_powers_of_two(), coarse.by_classic_bounds());
            prop_assert!(powers.windows(2).all(|pair| pair[0].0 < pair[1].0));
            let in_powers: u64 = powers.iter().map(|(_, count)| count).sum();
            prop_assert_eq!((in_powers + coarse.zeros(), classic.iter().sum::<u64>()), (coarse.count(), coarse.count()));
            for (exponent, count) in powers {
                // Exactly, in integers: 2^e s < ns is 2^e * 10^9 < ns, both times 2^30.
                let bound = |exponent: i32| 1_000_000_000_u128 << (exponent + 30);
                let is_in = |ns: u64| (bound(exponent) + 1..=bound(exponent + 1)).contains(&(u128::from(ns) << 30));
                let counted: u64 = distribution.counts().filter(|(ns, _)| is_in(*ns)).map(|(_, count)| count).sum();
                prop_assert_eq!(counted, count, "above 2^{} s", exponent);
            }
            let mut up_to = 0;
            for (bound_ns, count) in CLASSIC_BOUNDS_NS.iter().zip(classic) {
                up_to += count;
                let counted: u64 = distribution.counts().filter(|(ns, _)| ns <= bound_ns).map(|(_, count)| count).sum();
                prop_assert_eq!(counted, up_to, "up to {} ns", bound_ns);
            }
        }

        #[test]
        fn a_quantile_is_within_its_bucket(durations in proptest::collection::vec(2_000..DURATION_NS_MAX, 1..200)) {
            let (distribution, coarse) = recorded(&durations);
            for quantile in [0.0, 0.5, 0.9, 0.99, 1.0] {
                let (told, exact) = (coarse.quantile_ns(quantile) as f64, distribution.quantile_ns(quantile) as f64);
                prop_assert!((told / exact).max(exact / told) <= 2.0_f64.sqrt() + 1e-3, "{}: {} and {}", quantile, told, exact);
            }
        }
    }
}
