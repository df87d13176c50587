//! Poisson arrivals on the Λ axis, where their rate is 1, each a function of the seed and of its own number.
//!
//! They are drawn in blocks of [`BLOCK`]. How long a block is depends on its own number: the time that so many arrivals take has a
//! gamma distribution. Given where it ends, which is where the last of them comes, the others lie in it evenly at random, each in a
//! place that depends on the arrival's number. That is a Poisson process, exactly, and any shard can find its own arrivals
//! without drawing those of others (see `docs/decisions/010-arrivals-by-number.md`).

use super::share::Share;
use crate::random::{Draw, Draws};
use crate::schedule::{POSITION_BITS, Position};

/// Arrivals of a block. A shard draws the length of every block, and finds its own arrivals in order by sorting them: more would
/// make a turn longer in which a block begins, and fewer would cost more where there are many shards.
const BLOCK: u64 = 64;

/// The place of an arrival in its block takes so many bits.
const PLACE_BITS: u32 = BLOCK.trailing_zeros();
const _: () = assert!(BLOCK.is_power_of_two(), "a place fills its bits");

/// The arrivals of one shard.
#[derive(Clone, Debug)]
pub(super) struct Poisson {
    share: Share,
    draws: Draws,
    /// Arrivals have numbers below this one.
    limit: u64,
    /// The number of the block's first arrival, and where the block begins.
    number: u64,
    start: Position,
    /// The first arrival of the block after it, and where that one begins.
    next_number: u64,
    next_start: Position,
    /// Those of the shard's arrivals in the block that are still to come, latest first: how far from the start, above the place.
    own: Vec<u64>,
}

impl Poisson {
    pub(super) fn new(share: Share, draws: Draws, limit: u64) -> Poisson {
        let own = Vec::with_capacity(BLOCK.div_ceil(share.shards) as usize);
        let mut poisson =
            Poisson { share, draws, limit, number: 0, start: 0, next_number: 0, next_start: 0, own };
        poisson.find_own();
        poisson
    }

    /// The arrival that comes next: its number and its position.
    pub(super) fn first(&self) -> Option<(u64, Position)> {
        let packed = *self.own.last()?;
        Some((self.number + packed % BLOCK, self.start + Position::from(packed >> PLACE_BITS)))
    }

    pub(super) fn advance(&mut self) {
        self.own.pop();
        self.find_own();
    }

    /// Goes on to the next block in which the shard has arrivals, if none is left in this one.
    fn find_own(&mut self) {
        while self.own.is_empty() && self.next_number < self.limit {
            (self.number, self.start) = (self.next_number, self.next_start);
            let size = (self.limit - self.number).min(BLOCK);
            let length = length(self.draws, self.number, size);
            self.next_number = self.number + size;
            self.next_start = self.start + Position::from(length);
            let Share { shard, shards } = self.share;
            let first_own = (shard + shards - self.number % shards) % shards;
            for place in (first_own..size).step_by(shards as usize) {
                self.own.push(self.offset(place, size, length) << PLACE_BITS | place);
            }
            self.own.sort_unstable_by(|a, b| b.cmp(a));
        }
    }

    /// How far from the block's start the arrival at a place comes: at the block's end, if it is the last.
    fn offset(&self, place: u64, size: u64, length: u64) -> u64 {
        if place + 1 == size {
            return length;
        }
        let mut random = self.draws.at(Draw::Place, self.number + place);
        ((u128::from(random.bits()) * u128::from(length)) >> u64::BITS) as u64
    }
}

/// How long the block is that begins with an arrival: until the last of its `size` arrivals, in parts of a position.
fn length(draws: Draws, number: u64, size: u64) -> u64 {
    let arrivals = draws.at(Draw::Block, number).gamma(size as f64);
    (arrivals * (1_u64 << POSITION_BITS) as f64) as u64
}

/// Where the last of so many arrivals lies, whoever sends it. Not drawn any further than `enough`, and then something beyond it.
pub(crate) fn last_position(draws: Draws, arrivals: u64, enough: Position) -> Position {
    let (mut number, mut position) = (0, 0);
    while number < arrivals && position <= enough {
        let size = (arrivals - number).min(BLOCK);
        position += Position::from(length(draws, number, size));
        number += size;
    }
    position
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Positions of so many arrivals, as numbers of arrivals, in order.
    fn positions(seed: u64, arrivals: u64) -> Vec<f64> {
        let share = Share { shard: 0, shards: 1 };
        let mut poisson = Poisson::new(share, Draws::new(seed, 0), arrivals);
        let next = || {
            let (_, position) = poisson.first()?;
            poisson.advance();
            Some(position as f64 / (1_u64 << POSITION_BITS) as f64)
        };
        std::iter::from_fn(next).collect()
    }

    /// The hallmark of a Poisson process: counts vary by as much as they are, however long the stretch they are taken over.
    #[test]
    fn counts_vary_as_much_as_they_are_over_stretches_shorter_and_longer_than_a_block() {
        let positions = positions(3, 400_000);
        for stretch in [0.5, 4.0, 30.0, 64.0, 100.0, 700.0] {
            let mut counts = vec![0_u64; (399_000.0 / stretch) as usize];
            for position in &positions {
                if let Some(count) = counts.get_mut((position / stretch) as usize) {
                    *count += 1;
                }
            }
            let mean = counts.iter().sum::<u64>() as f64 / counts.len() as f64;
            let square = |count: &u64| (*count as f64 - mean).powi(2);
            let dispersion = counts.iter().map(square).sum::<f64>() / counts.len() as f64 / mean;
            // Of so many counts it is 1, give or take five times √(2 / counts).
            let bound = 5.0 * (2.0 / counts.len() as f64).sqrt();
            assert!((dispersion - 1.0).abs() < bound, "{stretch}: {dispersion}");
        }
    }

    /// The Kolmogorov–Smirnov statistic: the greatest distance between what share of gaps is at most so long, and what should be.
    #[test]
    fn gaps_are_exponential_within_blocks_and_between_them() {
        let positions = positions(5, 200_000);
        let mut gaps: Vec<f64> = positions.windows(2).map(|pair| pair[1] - pair[0]).collect();
        gaps.sort_unstable_by(f64::total_cmp);
        let count = gaps.len() as f64;
        let distance = |(rank, gap): (usize, &f64)| (1.0 - (-gap).exp() - rank as f64 / count).abs();
        let statistic = gaps.iter().enumerate().map(distance).fold(0.0, f64::max);
        // Exceeded by chance once in a thousand.
        assert!(statistic < 1.95 / count.sqrt(), "{statistic}");
    }

    #[test]
    fn a_few_arrivals_take_as_long_as_a_few_arrivals_do() {
        for arrivals in [1, 2, 10, 70] {
            let lasts: Vec<f64> =
                (0..4_000).map(|seed| positions(seed, arrivals).last().copied().expect("some")).collect();
            let mean = lasts.iter().sum::<f64>() / lasts.len() as f64;
            let bound = 5.0 * (arrivals as f64 / lasts.len() as f64).sqrt();
            assert!((mean - arrivals as f64).abs() < bound, "{arrivals}: {mean}");
        }
    }

    #[test]
    fn the_last_position_is_that_of_the_last_arrival() {
        for arrivals in [1, 63, 64, 65, 1_000] {
            let draws = Draws::new(7, 0);
            let last = last_position(draws, arrivals, Position::MAX) as f64 / (1_u64 << POSITION_BITS) as f64;
            assert_eq!(positions(7, arrivals).last(), Some(&last), "{arrivals}");
            assert!(last_position(draws, u64::MAX, 1_000 << POSITION_BITS) > 1_000 << POSITION_BITS);
        }
    }
}
