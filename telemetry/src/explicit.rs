//! A distribution in buckets with fixed bounds, as classic histograms have them: 1, 2, 5 from 10 µs to 60 s.

use engine::distribution::{CLASSIC_BOUNDS_NS, Distribution};

/// The bounds in nanoseconds. A bucket holds what is at most at its bound; what is above the last has a bucket of its own.
pub const BOUNDS_NS: [u64; 22] = CLASSIC_BOUNDS_NS;

/// The bounds in seconds.
pub fn bounds_s() -> impl Iterator<Item = f64> {
    BOUNDS_NS.into_iter().map(|ns| ns as f64 / 1e9)
}

/// How many durations are in each bucket, the one above the last bound included. A duration is told from a bound to three digits, as
/// the distribution has it.
pub fn counts(distribution: &Distribution) -> [u64; BOUNDS_NS.len() + 1] {
    let mut counts = [0; BOUNDS_NS.len() + 1];
    let mut bucket = 0;
    for (duration_ns, count) in distribution.counts() {
        while BOUNDS_NS.get(bucket).is_some_and(|bound_ns| duration_ns > *bound_ns) {
            bucket += 1;
        }
        counts[bucket] += count;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn each_duration_is_in_the_bucket_of_its_size(durations in prop::collection::vec(0..100_000_000_000_u64, 0..300)) {
            let mut distribution = Distribution::new();
            durations.iter().for_each(|ns| distribution.record(*ns));
            let counts = counts(&distribution);
            prop_assert_eq!(counts.iter().sum::<u64>(), durations.len() as u64);
            let mut up_to = 0;
            for (bound_ns, count) in BOUNDS_NS.iter().zip(counts) {
                up_to += count;
                let below = |slack: f64| durations.iter().filter(|ns| **ns as f64 <= *bound_ns as f64 * slack).count() as u64;
                prop_assert!((below(0.999)..=below(1.0)).contains(&up_to), "{} at {}", up_to, bound_ns);
            }
        }
    }

    #[test]
    fn bounds_are_one_two_five_and_a_minute() {
        assert!(BOUNDS_NS.is_sorted());
        assert_eq!((bounds_s().next(), bounds_s().last()), (Some(0.00001), Some(60.0)));
    }
}
