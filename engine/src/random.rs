//! Seeded randomness: the same plan and seed draw the same values on every machine.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

/// One independent stream of random numbers.
#[derive(Clone, Debug)]
pub struct Random(Xoshiro256PlusPlus);

impl Random {
    /// The stream numbered `stream` of a seed.
    pub fn new(seed: u64, stream: u64) -> Random {
        // Mixing by the golden ratio keeps neighbouring streams apart before SplitMix spreads the bits.
        let mixed = seed ^ stream.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Random(Xoshiro256PlusPlus::seed_from_u64(mixed))
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number in `low..=high`, by multiply-shift (Lemire 2019); the bias is below 2⁻⁶⁴ × the range.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        let span = u128::from(high - low) + 1;
        low + ((u128::from(self.bits()) * span) >> 64) as u64
    }

    /// A number in (0, 1].
    pub fn unit(&mut self) -> f64 {
        ((self.bits() >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }

    /// A draw from the exponential distribution with mean 1: −ln(u).
    pub fn exponential(&mut self) -> f64 {
        -self.unit().ln()
    }
}

/// The seed of a scenario's own draws, by the scenario's number. The first one's is the plan's.
pub fn seed_of(seed: u64, scenario: usize) -> u64 {
    match scenario {
        0 => seed,
        // From the far end of the streams: no shard and no draw has them.
        scenario => Random::new(seed, u64::MAX / 4 - scenario as u64).bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_and_streams_differ() {
        let draw = |seed, stream| Random::new(seed, stream).bits();
        assert_eq!(draw(1, 0), draw(1, 0));
        assert_ne!(draw(1, 0), draw(1, 1));
        assert_ne!(draw(1, 0), draw(2, 0));
    }

    #[test]
    fn ranges_include_both_ends() {
        let mut random = Random::new(7, 0);
        let drawn: std::collections::BTreeSet<u64> = (0..1_000).map(|_| random.between(3, 6)).collect();
        assert_eq!(drawn.into_iter().collect::<Vec<_>>(), [3, 4, 5, 6]);
        assert_eq!(random.between(9, 9), 9);
        random.between(0, u64::MAX);
    }

    #[test]
    fn exponentials_have_mean_one() {
        let mut random = Random::new(11, 0);
        let mean = (0..100_000).map(|_| random.exponential()).sum::<f64>() / 100_000.0;
        assert!((mean - 1.0).abs() < 0.02, "{mean}");
    }
}
