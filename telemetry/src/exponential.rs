//! A distribution as an exponential histogram, as OTLP and Prometheus's native histograms have it: bounds are powers of a base.
//!
//! At scale `s` the base is `2^(2^-s)`, and bucket `i` holds what is above `base^i` and at most `base^(i+1)` seconds. Of two neighbours
//! one is made by going to the next lower scale, exactly: no count is divided. Counts and sums stay exact; what becomes coarser is where a
//! quantile lies. At the geometric middle of its bucket it is within 2.2 % at scale 4, 4.5 % at scale 3 and 9.1 % at scale 2; what was kept coarsely is
//! at scale 0, within 41 %.

use engine::distribution::{CoarseTimes, Distribution};

/// The finest scale: 16 buckets for each doubling.
pub const SCALE_MAX: i32 = 4;
/// The most buckets. Where more would be needed, the scale is lowered.
pub const BUCKETS_MAX: usize = 160;

const NS_PER_S: f64 = 1e9;

/// Buckets of durations in seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExponentialBuckets {
    /// How fine they are.
    pub scale: i32,
    /// Durations of zero, which are in no bucket.
    pub zero_count: u64,
    /// The index of the first bucket.
    pub offset: i32,
    /// The counts from there on, the first and last of which are not zero.
    pub counts: Vec<u64>,
}

impl ExponentialBuckets {
    /// Those of a distribution, as fine as the number of buckets allows.
    pub fn of(distribution: &Distribution) -> ExponentialBuckets {
        let (mut zero_count, mut filled) = (0, Vec::<(i32, u64)>::new());
        for (duration_ns, count) in distribution.counts() {
            match duration_ns {
                0 => zero_count += count,
                _ => add(&mut filled, index_of(duration_ns), count),
            }
        }
        let mut scale = SCALE_MAX;
        while span(&filled) > BUCKETS_MAX {
            filled = halved(&filled);
            scale -= 1;
        }
        ExponentialBuckets::filled(scale, zero_count, &filled)
    }

    /// Those of times that were kept coarsely: powers of two.
    pub fn of_coarse(times: &CoarseTimes) -> ExponentialBuckets {
        ExponentialBuckets::filled(0, times.zeros(), &times.by_powers_of_two())
    }

    fn filled(scale: i32, zero_count: u64, filled: &[(i32, u64)]) -> ExponentialBuckets {
        let offset = filled.first().map_or(0, |(first, _)| *first);
        let mut counts = vec![0; span(filled)];
        filled.iter().for_each(|(index, count)| counts[(index - offset) as usize] = *count);
        ExponentialBuckets { scale, zero_count, offset, counts }
    }

    /// How many durations are in them.
    pub fn count(&self) -> u64 {
        self.zero_count + self.counts.iter().sum::<u64>()
    }
}

/// The bucket of a duration at the finest scale.
fn index_of(duration_ns: u64) -> i32 {
    let doublings = (duration_ns as f64 / NS_PER_S).log2();
    (doublings * f64::from(1 << SCALE_MAX)).ceil() as i32 - 1
}

fn add(filled: &mut Vec<(i32, u64)>, index: i32, count: u64) {
    match filled.last_mut() {
        Some((last, counted)) if *last == index => *counted += count,
        _ => filled.push((index, count)),
    }
}

/// The same at the next lower scale.
fn halved(filled: &[(i32, u64)]) -> Vec<(i32, u64)> {
    let mut halved = Vec::with_capacity(filled.len() / 2 + 1);
    filled.iter().for_each(|(index, count)| add(&mut halved, index >> 1, *count));
    halved
}

/// How many buckets there are from the first to the last.
fn span(filled: &[(i32, u64)]) -> usize {
    match (filled.first(), filled.last()) {
        (Some((first, _)), Some((last, _))) => (last - first) as usize + 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    impl ExponentialBuckets {
        /// Where the quantile lies: above the first bound and at most at the second, in seconds. Both are zero where it is zero or there is none.
        fn quantile_bounds_s(&self, quantile: f64) -> (f64, f64) {
            let wanted = ((quantile.min(1.0) * self.count() as f64).ceil() as u64).max(1);
            let mut seen = self.zero_count;
            if seen >= wanted {
                return (0.0, 0.0);
            }
            for (index, count) in (self.offset..).zip(&self.counts) {
                seen += count;
                if seen >= wanted {
                    return (self.bound_s(index), self.bound_s(index + 1));
                }
            }
            (0.0, 0.0)
        }

        /// The quantile, taken for the geometric middle of its bucket, in seconds.
        fn quantile_s(&self, quantile: f64) -> f64 {
            let (lower, upper) = self.quantile_bounds_s(quantile);
            (lower * upper).sqrt()
        }

        /// The lower bound of a bucket, in seconds.
        fn bound_s(&self, index: i32) -> f64 {
            (f64::from(index) / f64::from(1 << self.scale)).exp2()
        }
    }

    fn distribution(durations: &[u64]) -> Distribution {
        let mut distribution = Distribution::new();
        durations.iter().for_each(|ns| distribution.record(*ns));
        distribution
    }

    /// Durations of all sizes within some doublings, with zeros among them.
    fn durations(doublings: u32) -> impl Strategy<Value = Vec<u64>> {
        let one = (10..10 + doublings, any::<u64>(), 0..20_u8).prop_map(|(bits, low, zero)| match zero {
            0 => 0,
            _ => (1 << bits) | (low & ((1 << bits) - 1)),
        });
        prop::collection::vec(one, 1..400)
    }

    fn assert_holds(durations: &[u64], scale_min: i32) -> Result<(), TestCaseError> {
        let distribution = distribution(durations);
        let buckets = ExponentialBuckets::of(&distribution);
        prop_assert_eq!(buckets.count(), durations.len() as u64);
        prop_assert_eq!(buckets.zero_count, durations.iter().filter(|ns| **ns == 0).count() as u64);
        prop_assert!(buckets.counts.len() <= BUCKETS_MAX && buckets.scale >= scale_min);
        let base = (1.0 / f64::from(1 << buckets.scale)).exp2();
        // The geometric middle; and the middle that is as far from both bounds, relative to them.
        let (geometric, even) = (base.sqrt() - 1.0, (base - 1.0) / (base + 1.0));
        for quantile in [0.0, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1.0] {
            let exact = distribution.quantile_ns(quantile) as f64 / NS_PER_S;
            let (lower, upper) = buckets.quantile_bounds_s(quantile);
            if exact == 0.0 {
                prop_assert_eq!((lower, upper), (0.0, 0.0));
                continue;
            }
            let error = (buckets.quantile_s(quantile) / exact - 1.0).abs();
            prop_assert!(error <= geometric * (1.0 + 1e-9), "{quantile}: {error}, scale {}", buckets.scale);
            let error = (2.0 * lower * upper / (lower + upper) / exact - 1.0).abs();
            prop_assert!(error <= even * (1.0 + 1e-9), "{quantile}: {error}, scale {}", buckets.scale);
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn quantiles_are_within_the_bound_of_the_finest_scale(durations in durations(9)) {
            assert_holds(&durations, 4)?;
        }

        #[test]
        fn quantiles_are_within_the_bound_of_the_scale_that_is_left(durations in durations(30)) {
            assert_holds(&durations, 2)?;
        }

        /// Halving is the same as asking for the bucket at the lower scale.
        #[test]
        fn halving_is_exact(durations in durations(30)) {
            let distribution = distribution(&durations);
            let buckets = ExponentialBuckets::of(&distribution);
            let steps = f64::from(1 << buckets.scale);
            for (index, count) in (buckets.offset..).zip(&buckets.counts) {
                let in_bucket = |ns: u64| {
                    let doublings = (ns as f64).log2() - NS_PER_S.log2();
                    (doublings * steps).ceil() as i32 - 1 == index
                };
                let counted = distribution.counts().filter(|(ns, _)| *ns > 0 && in_bucket(*ns));
                prop_assert_eq!(counted.map(|(_, count)| count).sum::<u64>(), *count, "bucket {}", index);
            }
        }
    }

    #[test]
    fn a_bound_belongs_to_the_bucket_below_it() {
        let buckets = ExponentialBuckets::of(&distribution(&[1 << 20]));
        assert_eq!((buckets.scale, buckets.counts.as_slice()), (4, [1].as_slice()));
        assert_eq!((index_of(1_000_000_000), index_of(2_000_000_000), index_of(500_000_000)), (-1, 15, -17));
    }

    #[test]
    fn the_widest_distribution_there_can_be_fits() {
        let buckets = ExponentialBuckets::of(&distribution(&[1, engine::distribution::DURATION_NS_MAX]));
        assert_eq!((buckets.scale, buckets.count()), (1, 2));
        assert!(buckets.counts.len() <= BUCKETS_MAX);
        let none = ExponentialBuckets::of(&Distribution::new());
        assert_eq!((none.count(), none.counts.len(), none.quantile_s(0.5)), (0, 0, 0.0));
    }
}
