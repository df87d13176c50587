//! Whether a series rises or falls over its length, without asking how its noise is distributed.
//!
//! Mann, *Nonparametric tests against trend*, Econometrica 13 (1945); Kendall, *Rank Correlation Methods* (1975). Neighbours
//! that resemble each other look like a trend, so the variance is enlarged as Hamed & Rao propose, Journal of Hydrology 204
//! (1998): by what the ranks of the series, its slope taken away (Yue & Wang 2004), remember, as [`Memory`] estimates it. The
//! slope is Sen's, Journal of the American Statistical Association 63 (1968).

use crate::statistics::block_length::autocovariances;
use crate::statistics::median;
use crate::statistics::memory::Memory;

/// A series' way up or down.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trend {
    /// Change from one element to the next: the median of the slopes between all pairs.
    pub slope: f64,
    /// How many standard errors the number of rising pairs is above the falling ones; beyond ±2.6 chance is below 1 %.
    pub errors: f64,
}

/// The trend of a series; none in fewer than four elements.
pub fn trend(series: &[f64]) -> Trend {
    let count = series.len();
    if count < 4 {
        return Trend { slope: 0.0, errors: 0.0 };
    }
    let pairs = || (0..count).flat_map(|first| (first + 1..count).map(move |second| (first, second)));
    let slopes: Vec<f64> =
        pairs().map(|(first, second)| (series[second] - series[first]) / (second - first) as f64).collect();
    let slope = median(&slopes);
    let rising: f64 = slopes.iter().map(|slope| if *slope == 0.0 { 0.0 } else { slope.signum() }).sum();
    let variance = tied_variance(series) * inflation(series, slope);
    // One pair less on either side, because the count moves in steps.
    let excess = (rising.abs() - 1.0).max(0.0).copysign(rising);
    Trend { slope, errors: if variance > 0.0 { excess / variance.sqrt() } else { 0.0 } }
}

/// Variance of the number of rising pairs minus falling ones among independent elements, some of which may be equal.
fn tied_variance(series: &[f64]) -> f64 {
    let term = |count: f64| count * (count - 1.0) * (2.0 * count + 5.0);
    let sorted = crate::statistics::sorted(series);
    let ties: f64 = sorted.chunk_by(|a, b| a == b).map(|equal| term(equal.len() as f64)).sum();
    (term(series.len() as f64) - ties) / 18.0
}

/// By how much neighbours that resemble each other enlarge that variance; at least 1.
fn inflation(series: &[f64], slope: f64) -> f64 {
    let level: Vec<f64> =
        series.iter().enumerate().map(|(index, value)| value - slope * index as f64).collect();
    let ranks = ranks(&level);
    let independent = autocovariances(&ranks, 0)[0] * series.len() as f64;
    if independent > 0.0 { (Memory::of(&ranks).variance / independent).max(1.0) } else { 1.0 }
}

/// Each element's place in ascending order; equal ones share the middle of theirs.
fn ranks(series: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..series.len()).collect();
    order.sort_by(|a, b| series[*a].total_cmp(&series[*b]));
    let mut ranks = vec![0.0; series.len()];
    let mut start = 0;
    for equal in order.chunk_by(|a, b| series[*a] == series[*b]) {
        let middle = start as f64 + (equal.len() - 1) as f64 / 2.0;
        equal.iter().for_each(|index| ranks[*index] = middle);
        start += equal.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use crate::statistics::student::normal;

    #[test]
    fn a_straight_line_has_its_own_slope() {
        let line: Vec<f64> = (0..30).map(|n| 5.0 + 0.25 * f64::from(n)).collect();
        let found = trend(&line);
        assert!((found.slope - 0.25).abs() < 1e-12 && found.errors > 6.0, "{found:?}");
        let falling: Vec<f64> = line.iter().rev().copied().collect();
        assert!(trend(&falling).errors < -6.0);
    }

    #[test]
    fn what_stands_still_has_no_trend() {
        assert_eq!(trend(&[3.0; 50]), Trend { slope: 0.0, errors: 0.0 });
        assert_eq!(trend(&[1.0, 2.0]).errors, 0.0);
    }

    #[test]
    fn one_spike_is_no_trend() {
        let mut series = vec![1.0; 50];
        series[49] = 1e6;
        assert!(trend(&series).errors < 2.0 && trend(&series).slope == 0.0);
    }

    #[test]
    fn noise_with_a_memory_is_seldom_taken_for_a_trend() {
        let mut random = Random::new(23, 0);
        for (memory, most) in [(0.0, 0.08), (0.5, 0.10), (0.8, 0.16)] {
            let alarms = (0..400).filter(|_| {
                let mut last = 0.0;
                let next = |_| {
                    last = memory * last + normal(&mut random);
                    last
                };
                trend(&(0..60).map(next).collect::<Vec<f64>>()).errors.abs() > 1.96
            });
            let share = alarms.count() as f64 / 400.0;
            println!("φ {memory}: taken for a trend {share:.3}");
            assert!(share <= most, "φ {memory}: {share} for a nominal 0.05");
        }
    }
}
