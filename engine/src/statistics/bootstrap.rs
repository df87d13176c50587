//! The moving-block bootstrap: how much a statistic would vary if the run were made again.
//!
//! Künsch, *The jackknife and the bootstrap for general stationary observations*, Annals of Statistics 17 (1989). A resample is
//! put together from blocks of neighbouring slices, drawn with replacement from all blocks of that length, until it is as long
//! as the run; the statistic is read from the resample as from the run. Several runs are resampled each for itself.
//!
//! The spread of the resamples of a short or forgetful run is too small; [`Memory`] says by how much, and how many degrees of
//! freedom are left. Deviations are stretched by the one, and by Student's quantiles over the normal ones for the other.

use crate::random::Random;
use crate::statistics::memory::Memory;
use crate::statistics::sample::{Sample, SampleReader, Statistic};
use crate::statistics::student::{normal_quantile, student_quantile};
use crate::statistics::{Interval, quantile_of_sorted, sorted};
use std::ops::Range;

/// Quantiles further out than these are not read from the resamples, of which too few lie there, but reckoned from these.
const CONFIDENCE_READ_MAX: f64 = 0.95;
/// Values below this share of the estimate count as this share, so that a logarithm exists.
const SHARE_MIN: f64 = 1e-9;

/// A statistic read from many resamples.
#[derive(Clone, Debug)]
pub struct Replicates {
    /// The statistic of the sample itself.
    pub estimate: f64,
    /// Of each resample.
    pub values: Vec<f64>,
    /// The length of a block in each run, in slices.
    pub block_lengths: Vec<usize>,
    /// How many stretches of the runs can vary on their own, less one for each run.
    pub degrees: f64,
    /// By how much the deviations of resamples have to be stretched.
    pub stretch: f64,
}

/// Reads a statistic from `resamples` resamples of a sample, with the block length that suits the statistic.
pub fn replicates(
    sample: &Sample,
    statistic: Statistic,
    resamples: usize,
    random: &mut Random,
) -> Replicates {
    let mut reader = SampleReader::new(sample, statistic);
    let mut weights = vec![1; sample.portions().len()];
    let estimate = reader.read(&weights);
    let influence = sample.influence(statistic, estimate);
    let memories: Vec<Memory> = sample.runs().iter().map(|run| Memory::of(&influence[run.clone()])).collect();
    let sum = |part: fn(&Memory) -> f64| memories.iter().map(part).sum::<f64>();
    let (variance, reproduced) = (sum(|memory| memory.variance), sum(|memory| memory.block_variance));
    let values = (0..resamples)
        .map(|_| {
            weights.fill(0);
            for (run, memory) in sample.runs().iter().zip(&memories) {
                draw(&mut weights, run, memory.block_length, random);
            }
            reader.read(&weights)
        })
        .collect();
    Replicates {
        estimate,
        values,
        block_lengths: memories.iter().map(|memory| memory.block_length).collect(),
        degrees: sum(|memory| memory.degrees),
        stretch: if reproduced > 0.0 { (variance / reproduced).sqrt() } else { 1.0 },
    }
}

/// Draws blocks of a run until they are as long as it, and counts how often each slice is in them.
fn draw(weights: &mut [u64], run: &Range<usize>, block_length: usize, random: &mut Random) {
    let Some(last_start) = run.len().checked_sub(block_length) else { return };
    let mut missing = run.len();
    while missing > 0 {
        let start = run.start + random.between(0, last_start as u64) as usize;
        let taken = block_length.min(missing);
        weights[start..start + taken].iter_mut().for_each(|weight| *weight += 1);
        missing -= taken;
    }
}

/// How a statistic scatters around its estimate.
#[derive(Clone, Debug)]
pub struct Spread {
    /// The estimate, on the scale that the spread was taken on.
    pub estimate: f64,
    /// Student's degrees of freedom.
    pub degrees: f64,
    /// Distances of the resamples from the estimate, in no order.
    deviations: Vec<f64>,
}

impl Replicates {
    /// The spread on a logarithmic scale, for statistics of which ratios matter. The estimate must be above 0.
    pub fn log_spread(&self) -> Spread {
        let scaled = |value: f64| (value.max(self.estimate * SHARE_MIN)).ln();
        self.spread(scaled)
    }

    /// The spread on the statistic's own scale.
    pub fn plain_spread(&self) -> Spread {
        self.spread(|value| value)
    }

    fn spread(&self, scale: impl Fn(f64) -> f64) -> Spread {
        let estimate = scale(self.estimate);
        let deviations = self.values.iter().map(|value| (scale(*value) - estimate) * self.stretch);
        Spread { estimate, degrees: self.degrees, deviations: deviations.collect() }
    }
}

impl Spread {
    /// The spread of this minus another that is independent of it.
    pub fn minus(&self, other: &Spread) -> Spread {
        let deviations = self.deviations.iter().zip(&other.deviations).map(|(mine, other)| mine - other);
        let (mine, others) = (self.variance(), other.variance());
        // Satterthwaite 1946.
        let share = mine * mine / self.degrees + others * others / other.degrees;
        let degrees =
            if share > 0.0 { (mine + others).powi(2) / share } else { self.degrees.min(other.degrees) };
        Spread { estimate: self.estimate - other.estimate, degrees, deviations: deviations.collect() }
    }

    /// The range that holds the truth with this confidence.
    pub fn interval(&self, confidence: f64) -> Interval {
        let tail = |confidence: f64| 0.5 + confidence / 2.0;
        let read = confidence.min(CONFIDENCE_READ_MAX);
        let stretch = student_quantile(tail(confidence), self.degrees) / normal_quantile(tail(read));
        let sorted = sorted(&self.deviations);
        let below = quantile_of_sorted(&sorted, 1.0 - tail(read)).min(0.0);
        let above = quantile_of_sorted(&sorted, tail(read)).max(0.0);
        Interval { low: self.estimate + below * stretch, high: self.estimate + above * stretch }
    }

    /// Mean square of the deviations.
    pub fn variance(&self) -> f64 {
        let squares: f64 = self.deviations.iter().map(|deviation| deviation * deviation).sum();
        squares / self.deviations.len().max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::sample::Portion;
    use crate::statistics::student::normal;

    /// How the response times of a made-up run come about.
    struct World {
        slices: usize,
        requests: u64,
        /// How much each slice remembers of the level of the one before.
        memory: f64,
        /// Standard deviation of that level, as a logarithm.
        level: f64,
    }

    /// Response times in hundredths of a nepr, so that portions stay small and the median is known: e¹⁰ ns.
    fn run(world: &World, random: &mut Random) -> Vec<Portion> {
        let mut level = normal(random);
        let slice = |_| {
            let renewed = (1.0 - world.memory * world.memory).sqrt() * normal(random);
            level = world.memory * level + renewed;
            let mut logs: Vec<i64> = (0..world.requests)
                .map(|_| (1_000.0 + 100.0 * (world.level * level + 0.5 * normal(random))).round() as i64)
                .collect();
            logs.sort_unstable();
            let value = |log: i64| (log as f64 / 100.0).exp().round() as u64;
            let responses = logs.chunk_by(|a, b| a == b).map(|same| (value(same[0]), same.len() as u64));
            Portion { responses: responses.collect(), ok: world.requests, ..Portion::default() }
        };
        (0..world.slices).map(slice).collect()
    }

    /// How often the interval of the median covers the truth.
    fn coverage(world: &World, repeats: u64) -> f64 {
        let covered = (0..repeats).filter(|seed| {
            let mut random = Random::new(*seed, 1);
            let sample = Sample::new(vec![run(world, &mut random)]);
            let found = replicates(&sample, Statistic::Quantile(0.5), 400, &mut random);
            // The grid of values is one hundredth wide.
            let interval = found.log_spread().interval(0.95);
            interval.low <= 10.005 && 9.995 <= interval.high
        });
        covered.count() as f64 / repeats as f64
    }

    #[test]
    fn intervals_cover_the_truth_in_worlds_with_a_memory() {
        let worlds = [
            (0.0, 0.0, 100, 0.92),
            (0.0, 0.1, 30, 0.90),
            (0.5, 0.1, 100, 0.90),
            (0.8, 0.1, 100, 0.89),
            // Half the slices, and a memory of five: little more than ten witnesses.
            (0.8, 0.1, 50, 0.82),
        ];
        for (memory, level, slices, least) in worlds {
            let share = coverage(&World { slices, requests: 40, memory, level }, 200);
            println!("φ {memory}, level {level}, {slices} slices: covered {share}");
            assert!(share >= least, "φ {memory}, level {level}, {slices} slices: {share} for a nominal 0.95");
        }
    }

    #[test]
    fn drawing_slices_one_by_one_would_not_cover_it() {
        // The test of the tests: without blocks, a memory of 0.8 makes intervals a third as wide as they should be.
        let world = World { slices: 100, requests: 40, memory: 0.8, level: 0.1 };
        let mut random = Random::new(4, 1);
        let sample = Sample::new(vec![run(&world, &mut random)]);
        let blocks = replicates(&sample, Statistic::Quantile(0.5), 400, &mut random);
        let single = |random: &mut Random| {
            let mut weights = vec![0; 100];
            draw(&mut weights, &(0..100), 1, random);
            SampleReader::new(&sample, Statistic::Quantile(0.5)).read(&weights)
        };
        let values = (0..400).map(|_| single(&mut random)).collect();
        let single = Replicates { values, stretch: 1.0, ..blocks.clone() };
        let (wide, narrow) = (blocks.log_spread().variance(), single.log_spread().variance());
        assert!(wide > 3.0 * narrow, "{wide} against {narrow}");
    }

    #[test]
    fn the_same_seed_gives_the_same_interval() {
        let sample = Sample::new(vec![run(
            &World { slices: 40, requests: 20, memory: 0.3, level: 0.1 },
            &mut Random::new(1, 0),
        )]);
        let draw = |seed| replicates(&sample, Statistic::Quantile(0.9), 50, &mut Random::new(seed, 0)).values;
        assert_eq!(draw(9), draw(9));
        assert_ne!(draw(9), draw(10));
    }

    #[test]
    fn every_resample_is_as_long_as_its_run() {
        let mut random = Random::new(2, 0);
        for length in [1, 2, 3, 7, 10] {
            let mut weights = vec![0; 15];
            draw(&mut weights, &(2..12), length, &mut random);
            assert_eq!(weights.iter().sum::<u64>(), 10);
            assert!(weights[..2].iter().chain(&weights[12..]).all(|weight| *weight == 0));
        }
    }

    #[test]
    fn a_statistic_that_never_varies_has_a_point_for_an_interval() {
        let portion = Portion { responses: vec![(500, 10)], ok: 10, ..Portion::default() };
        let sample = Sample::new(vec![vec![portion; 30]]);
        let found = replicates(&sample, Statistic::Quantile(0.99), 100, &mut Random::new(1, 0));
        assert_eq!(found.log_spread().interval(0.99), Interval::point(500_f64.ln()));
    }

    #[test]
    fn the_difference_of_two_spreads_is_as_wide_as_both() {
        let mut random = Random::new(6, 0);
        let mut spread = |estimate: f64, size: f64| Spread {
            estimate,
            degrees: 50.0,
            deviations: (0..4_000).map(|_| size * normal(&mut random)).collect(),
        };
        let (base, candidate) = (spread(1.0, 3.0), spread(2.0, 4.0));
        let difference = candidate.minus(&base);
        assert_eq!(difference.estimate, 1.0);
        assert!((difference.variance().sqrt() / 5.0 - 1.0).abs() < 0.05);
        let wider = difference.interval(0.999).width() / difference.interval(0.95).width();
        let expected = student_quantile(0.9995, difference.degrees) / normal_quantile(0.975);
        assert!((wider / expected - 1.0).abs() < 0.05, "{wider} {expected}");
    }
}
