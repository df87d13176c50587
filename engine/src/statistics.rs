//! How far a number of a run can be trusted: intervals that know that slices which follow each other resemble each other.
//!
//! Response times of one run are not independent: a slow moment makes many requests slow together. An interval that treats
//! fifty thousand requests as fifty thousand witnesses is far too narrow. Here the witnesses are the slices of the run's
//! history, drawn again and again in blocks of neighbours (Künsch 1989), blocks as long as the run's own memory
//! (Politis & White 2004). Between several runs, which are independent, Student's t does the rest.
//!
//! Pure arithmetic: randomness comes from a seed, so the same reports give the same intervals everywhere.
//!
//! Reading order: [`sample`] (what is drawn from) → [`block_length`] and [`memory`] → [`bootstrap`] → [`student`] → [`share`]
//! → [`trend`].

pub mod block_length;
pub mod bootstrap;
pub mod memory;
pub mod sample;
pub mod share;
pub mod student;
pub mod trend;

use serde::{Deserialize, Serialize};

/// A range that contains the truth as often as its confidence says.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

impl Interval {
    /// The range that contains one number only.
    pub fn point(value: f64) -> Interval {
        Interval { low: value, high: value }
    }

    /// Upper end minus lower end.
    pub fn width(&self) -> f64 {
        self.high - self.low
    }

    /// True when a number lies in it, its ends included.
    pub fn contains(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }

    /// Both ends through a function that keeps their order.
    pub fn map(self, function: impl Fn(f64) -> f64) -> Interval {
        Interval { low: function(self.low), high: function(self.high) }
    }
}

/// The middle of some numbers, or the mean of the two in the middle. Panics without numbers.
pub fn median(values: &[f64]) -> f64 {
    quantile_of_sorted(&sorted(values), 0.5)
}

/// A copy in ascending order.
pub(crate) fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

/// The quantile of numbers in ascending order, on the line between neighbours (Hyndman & Fan 1996, definition 7).
/// Panics without numbers.
pub(crate) fn quantile_of_sorted(sorted: &[f64], quantile: f64) -> f64 {
    let place = quantile.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    let (below, share) = (place.floor() as usize, place.fract());
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (sorted[above] - sorted[below]) * share
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_neighbours() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), 2.5);
        assert_eq!(quantile_of_sorted(&[0.0, 10.0], 0.25), 2.5);
        assert_eq!(quantile_of_sorted(&[7.0], 0.99), 7.0);
    }

    #[test]
    fn an_interval_includes_its_ends() {
        let interval = Interval { low: 1.0, high: 2.0 };
        assert!(interval.contains(1.0) && interval.contains(2.0) && !interval.contains(2.1));
        assert_eq!(interval.map(|end| end * 2.0), Interval { low: 2.0, high: 4.0 });
    }
}
