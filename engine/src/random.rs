//! Seeded randomness: the same plan and seed draw the same values on every machine.
//!
//! Whatever is drawn for a request is a function of the seed, the scenario and the arrival's number ([`Draws`]), and not of who
//! draws it or what was drawn before: shards and machines then agree without a word.

use rand_xoshiro::rand_core::{Rng, SeedableRng};
use rand_xoshiro::{SplitMix64, Xoshiro256PlusPlus};

/// The golden ratio's fraction, an odd number without a pattern.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// Another odd number without a pattern: the fraction of the square root of 2.
const AFTER: u64 = 0x6a09_e667_f3bc_c909;

/// One independent stream of random numbers.
#[derive(Clone, Debug)]
pub struct Random(Xoshiro256PlusPlus);

impl Random {
    /// The stream numbered `stream` of a seed.
    pub fn new(seed: u64, stream: u64) -> Random {
        // Mixing by the golden ratio keeps neighbouring streams apart before SplitMix spreads the bits.
        let mixed = seed ^ stream.wrapping_add(1).wrapping_mul(GOLDEN);
        Random(Xoshiro256PlusPlus::seed_from_u64(mixed))
    }

    /// What arrival `arrival` draws from the stream numbered `stream` of a seed. Cheap enough to be made for every request.
    ///
    /// No two arrivals of a stream begin alike: the generator's 256 bits are filled from 64, in which the arrival's number is added
    /// to a start that depends on seed and stream. So UUIDs of a run differ as surely as 122 random bits do.
    #[inline]
    pub fn at(seed: u64, stream: u64, arrival: u64) -> Random {
        let start = SplitMix64::seed_from_u64(seed ^ stream.wrapping_mul(GOLDEN)).next_u64();
        Random(Xoshiro256PlusPlus::seed_from_u64(start.wrapping_add(arrival)))
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

    /// A draw from the gamma distribution with this shape, at least 1, and scale 1: the time that so many arrivals of a Poisson
    /// process of rate 1 take. Marsaglia and Tsang, "A simple method for generating gamma variables" (2000).
    pub fn gamma(&mut self, shape: f64) -> f64 {
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let v = (1.0 + c * x).powi(3);
            if v > 0.0 && self.unit().ln() < 0.5 * x * x + d - d * v + d * v.ln() {
                return d * v;
            }
        }
    }

    /// A draw from the standard normal distribution, by the method of Box and Muller (1958).
    pub fn normal(&mut self) -> f64 {
        let (radius, turn) = ((2.0 * self.exponential()).sqrt(), self.unit());
        radius * (std::f64::consts::TAU * turn).cos()
    }
}

/// What is drawn for arrivals. Each has a stream of its own, so that drawing more of one leaves the others as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Draw {
    /// How long a block of Poisson arrivals is.
    Block,
    /// Where in its block an arrival lies.
    Place,
    /// Which step of a mix is sent.
    Step,
    /// What holes are filled with.
    Values,
    /// What a flow draws on its way: whether, how often and after which time something is done.
    Way,
    /// What those are filled with that have a stream of their own.
    Holes,
    /// How long passes until a request is tried again.
    Retry,
}

/// Where the number of a hole stands in that of its stream: above the scenario's and what is drawn.
const HOLE_SHIFT: u32 = u8::BITS + u32::BITS;
/// So many holes of a scenario have streams of their own.
pub const HOLE_NUMBERS: u32 = 1 << (u64::BITS - HOLE_SHIFT);

/// Everything that is drawn for one scenario of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draws {
    seed: u64,
    scenario: u32,
}

impl Draws {
    /// The draws of the scenario with this number.
    pub const fn new(seed: u64, scenario: u32) -> Draws {
        Draws { seed, scenario }
    }

    /// The draws of the same scenario that come after so many others of an arrival: where it draws several of a kind, each is one of its
    /// own. The first are these themselves.
    #[inline]
    pub const fn after(self, count: u32) -> Draws {
        Draws { seed: self.seed ^ (count as u64).wrapping_mul(AFTER), ..self }
    }

    /// What is drawn for the arrival, or the block, with this number.
    #[inline]
    pub fn at(self, draw: Draw, number: u64) -> Random {
        Random::at(self.seed, self.stream(draw), number)
    }

    /// What the hole with a number below [`HOLE_NUMBERS`] draws for the arrival with this number.
    #[inline]
    pub fn at_hole(self, hole: u32, number: u64) -> Random {
        assert!(hole < HOLE_NUMBERS, "a scenario has fewer holes");
        Random::at(self.seed, u64::from(hole) << HOLE_SHIFT | self.stream(Draw::Holes), number)
    }

    #[inline]
    fn stream(self, draw: Draw) -> u64 {
        u64::from(self.scenario) << u8::BITS | draw as u64
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
    fn what_is_drawn_depends_on_seed_scenario_purpose_and_number_alone() {
        let drawn = |seed, scenario, draw, number| Draws::new(seed, scenario).at(draw, number).bits();
        assert_eq!(drawn(1, 0, Draw::Values, 7), drawn(1, 0, Draw::Values, 7));
        let all: std::collections::BTreeSet<u64> = (0..4)
            .flat_map(|seed| (0..4).map(move |scenario| (seed, scenario)))
            .flat_map(|(seed, scenario)| {
                let draws = [Draw::Block, Draw::Place, Draw::Step, Draw::Values, Draw::Holes];
                draws.map(|draw| (0..100).map(move |number| drawn(seed, scenario, draw, number)))
            })
            .flatten()
            .collect();
        assert_eq!(all.len(), 4 * 4 * 5 * 100);
        let of_hole = |hole, number| Draws::new(1, 3).at_hole(hole, number).bits();
        let holes: std::collections::BTreeSet<u64> = [0, 1, HOLE_NUMBERS - 1]
            .iter()
            .flat_map(|&hole| (0..100).map(move |number| of_hole(hole, number)))
            .collect();
        assert_eq!(holes.len(), 300);
        assert_eq!(of_hole(0, 9), drawn(1, 3, Draw::Holes, 9));
    }

    #[test]
    fn first_draws_of_neighbouring_arrivals_are_independent() {
        const COUNT: u64 = 100_000;
        let units: Vec<f64> = (0..COUNT).map(|number| Random::at(1, 2, number).unit() - 0.5).collect();
        let mean = units.iter().sum::<f64>() / COUNT as f64;
        let covariance = units.windows(2).map(|pair| pair[0] * pair[1]).sum::<f64>() / COUNT as f64;
        // A uniform draw's variance is 1/12, so five deviations of the two are 0.0046 and 0.0013.
        assert!(mean.abs() < 0.0046 && covariance.abs() < 0.0013, "{mean} {covariance}");
    }

    #[test]
    fn gamma_draws_have_their_shape_as_mean_and_variance() {
        const COUNT: usize = 50_000;
        for shape in [1.0, 2.0, 17.0, 64.0] {
            let mut random = Random::new(13, shape as u64);
            let drawn: Vec<f64> = (0..COUNT).map(|_| random.gamma(shape)).collect();
            let mean = drawn.iter().sum::<f64>() / COUNT as f64;
            let variance = drawn.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / COUNT as f64;
            assert!((mean / shape - 1.0).abs() < 0.03, "{shape}: {mean}");
            assert!((variance / shape - 1.0).abs() < 0.06, "{shape}: {variance}");
        }
    }

    #[test]
    fn exponentials_have_mean_one() {
        let mut random = Random::new(11, 0);
        let mean = (0..100_000).map(|_| random.exponential()).sum::<f64>() / 100_000.0;
        assert!((mean - 1.0).abs() < 0.02, "{mean}");
    }
}
