//! How long a series remembers, and what that means for the variance of its mean.
//!
//! Blocks of the best length still understate the variance of a series with a long memory: correlations across the ends of
//! blocks are lost, and the best length is itself estimated, too short as a rule, from a hundred slices. So the variance that
//! blocks reproduce is held against the initial monotone sequence estimate of Geyer, *Practical Markov chain Monte Carlo*,
//! Statistical Science 7 (1992): autocovariances added up in neighbouring pairs, for as long as the pairs are above zero and no
//! larger than the pair before. Where that is larger, deviations are stretched to it.
//!
//! The estimate is never below the variance of independent elements, so it would widen every interval a little; it is used
//! only where the first correlations say that there is a memory.

use crate::statistics::block_length::{autocovariances, block_length, length_max};

/// Correlations of so many lags are asked whether there is a memory at all.
const LAGS_ASKED: usize = 3;
/// Beyond this many standard errors they say yes: a little likely is enough, because widths gained wrongly are small, and a
/// memory that is overlooked is not.
const ERRORS: f64 = 1.0;
/// Taking the mean away hides at most this share of the variance; more would be guessing.
const HIDDEN_MAX: f64 = 0.6;

/// What the memory of one run means for resampling it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Memory {
    /// Elements to draw together.
    pub block_length: usize,
    /// Variance of the sum of the series, as blocks of that length reproduce it.
    pub block_variance: f64,
    /// The same, with what blocks lose.
    pub variance: f64,
    /// Student's degrees of freedom: as many as there are stretches that can vary on their own, less one.
    pub degrees: f64,
}

impl Memory {
    /// The memory of a series.
    pub fn of(series: &[f64]) -> Memory {
        let count = series.len();
        if count < 2 * LAGS_ASKED {
            return Memory { block_length: 1, block_variance: 0.0, variance: 0.0, degrees: 1.0 };
        }
        let covariances = autocovariances(series, count - 1);
        let length = block_length(series);
        let block_variance = of_blocks(&covariances, length);
        let (variance, apart) = match has_memory(&covariances) {
            true => {
                let (whole, lags) = initial_sequence(&covariances);
                let hidden = (2.0 * lags as f64 / count as f64).min(HIDDEN_MAX);
                ((whole / (1.0 - hidden)).max(block_variance), 2.0 * whole / covariances[0])
            }
            false => (block_variance, 1.0),
        };
        let apart = apart.max(length as f64).min(length_max(count) as f64);
        let blocks = count as f64 / apart;
        let scale = count as f64;
        // Divided by one less than the number of blocks, as the variance of few values has to be.
        let variance = variance * blocks / (blocks - 1.0);
        Memory {
            block_length: length,
            block_variance: block_variance * scale,
            variance: variance * scale,
            degrees: (blocks - 1.0).max(1.0),
        }
    }
}

fn has_memory(covariances: &[f64]) -> bool {
    let sum: f64 = covariances[1..=LAGS_ASKED].iter().sum();
    sum > ERRORS * (LAGS_ASKED as f64 / covariances.len() as f64).sqrt() * covariances[0]
}

/// The variance of an element that blocks of a length reproduce: Bartlett's weights (Künsch 1989).
fn of_blocks(covariances: &[f64], length: usize) -> f64 {
    let weight = |lag: usize| 2.0 * (1.0 - lag as f64 / length as f64);
    let lags = covariances.iter().enumerate().take(length).skip(1);
    (covariances[0] + lags.map(|(lag, covariance)| weight(lag) * covariance).sum::<f64>()).max(0.0)
}

/// Geyer's estimate, at least the variance of an element, and the number of lags it rests on.
fn initial_sequence(covariances: &[f64]) -> (f64, usize) {
    let (mut sum, mut least, mut lags) = (0.0, f64::MAX, 0);
    for pair in covariances.chunks_exact(2).take(covariances.len() / 4) {
        let both = (pair[0] + pair[1]).min(least);
        if both <= 0.0 {
            break;
        }
        sum += both;
        (least, lags) = (both, lags + 2);
    }
    ((2.0 * sum - covariances[0]).max(covariances[0]), lags)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use crate::statistics::student::{normal, student_quantile};

    struct World {
        memory: f64,
        noise: f64,
        count: usize,
        /// The least share of intervals that has to cover the truth.
        least: f64,
    }

    /// How often mean ± t · error covers 0, and the mean of (error / true error).
    fn coverage(world: &World, repeats: u64) -> (f64, f64) {
        let (mut covered, mut width) = (0, 0.0);
        let spectrum = (1.0 + world.memory) / (1.0 - world.memory) + world.noise * world.noise;
        let true_error = (spectrum / world.count as f64).sqrt();
        for seed in 0..repeats {
            let mut random = Random::new(seed, 7);
            let mut level = normal(&mut random);
            let next = |_| {
                let renewed = (1.0 - world.memory * world.memory).sqrt() * normal(&mut random);
                level = world.memory * level + renewed;
                level + world.noise * normal(&mut random)
            };
            let series: Vec<f64> = (0..world.count).map(next).collect();
            let mean = series.iter().sum::<f64>() / world.count as f64;
            let memory = Memory::of(&series);
            let error = memory.variance.sqrt() / world.count as f64;
            covered += u64::from(mean.abs() <= error * student_quantile(0.975, memory.degrees));
            width += error / true_error;
        }
        (covered as f64 / repeats as f64, width / repeats as f64)
    }

    #[test]
    fn intervals_of_means_cover_the_truth_however_long_the_memory() {
        let world = |memory, noise, count, least| World { memory, noise, count, least };
        let worlds = [
            world(0.0, 0.0, 30, 0.93),
            world(0.0, 0.0, 100, 0.93),
            world(0.3, 0.0, 100, 0.91),
            world(0.6, 0.0, 100, 0.92),
            world(0.8, 0.0, 100, 0.91),
            world(0.9, 0.0, 100, 0.89),
            world(0.8, 1.0, 100, 0.88),
            world(0.8, 0.0, 400, 0.92),
        ];
        for world in worlds {
            let (share, width) = coverage(&world, 600);
            let World { memory, noise, count, least } = world;
            println!("φ {memory}, noise {noise}, {count} elements: covered {share:.3}, error × {width:.2}");
            assert!(share >= least, "φ {memory}, {count} elements: {share} for a nominal 0.95");
        }
    }

    #[test]
    fn independent_elements_pay_little_for_the_caution() {
        let (_, width) = coverage(&World { memory: 0.0, noise: 0.0, count: 100, least: 0.0 }, 600);
        assert!((0.97..1.09).contains(&width), "{width}");
    }

    #[test]
    fn a_series_that_stands_still_has_no_variance() {
        let memory = Memory::of(&[4.0; 50]);
        assert_eq!((memory.block_length, memory.variance, memory.degrees), (1, 0.0, 49.0));
    }
}
