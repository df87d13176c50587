//! Medians, and how far they can be trusted without knowing how the noise is distributed.
//!
//! On a shared machine the noise has a long tail on one side, so means and their deviations say little. The interval
//! between two order statistics contains the median with a probability that is the same for every distribution:
//! of n independent values, the number below the median is binomial with p = ½, hence
//! P(x₍ₖ₎ ≤ median ≤ x₍ₙ₊₁₋ₖ₎) ≥ 1 − 2·P(B(n, ½) < k). See David and Nagaraja, *Order Statistics*, 3rd edition, section
//! 7.1; for benchmarks, Le Boudec, *Performance Evaluation of Computer and Communication Systems*, chapter 2.

/// What an interval should be worth, where there are values enough for that.
pub(crate) const CONFIDENCE_WANTED: f64 = 0.95;

/// Two values, and the probability that the median lies between them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct MedianInterval {
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) confidence: f64,
}

/// The middle value, or the mean of the two in the middle. Panics without values.
pub(crate) fn median(values: &[f64]) -> f64 {
    let sorted = sorted(values);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 }
}

/// The narrowest interval of order statistics that is worth [`CONFIDENCE_WANTED`]; with fewer than six values there is
/// none, and the widest is returned with what it is worth. Panics without values.
pub(crate) fn median_interval(values: &[f64]) -> MedianInterval {
    let sorted = sorted(values);
    let count = sorted.len();
    let confidence = |rank: usize| 1.0 - 2.0 * half_binomial_below(count, rank);
    let rank = (1..=count / 2).rev().find(|&rank| confidence(rank) >= CONFIDENCE_WANTED).unwrap_or(1);
    MedianInterval { low: sorted[rank - 1], high: sorted[count - rank], confidence: confidence(rank) }
}

/// P(B(n, ½) < k).
fn half_binomial_below(count: usize, rank: usize) -> f64 {
    let mut term = 0.5_f64.powi(count as i32);
    let mut sum = 0.0;
    for successes in 0..rank {
        sum += term;
        term *= (count - successes) as f64 / (successes + 1) as f64;
    }
    sum
}

fn sorted(values: &[f64]) -> Vec<f64> {
    assert!(!values.is_empty(), "a median needs values");
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), 2.5);
    }

    #[test]
    fn seven_values_span_the_median_with_98_percent() {
        let interval = median_interval(&[7.0, 1.0, 6.0, 2.0, 5.0, 3.0, 4.0]);
        assert_eq!((interval.low, interval.high), (1.0, 7.0));
        assert_eq!(interval.confidence, 1.0 - 2.0 / 128.0);
    }

    #[test]
    fn more_values_leave_the_outer_ones_out() {
        let values: Vec<f64> = (1..=20).map(f64::from).collect();
        let interval = median_interval(&values);
        // From the tables: ranks 6 and 15 of 20, 95.9 %.
        assert_eq!((interval.low, interval.high), (6.0, 15.0));
        assert!((interval.confidence - 0.9586).abs() < 1e-4, "{}", interval.confidence);
    }

    #[test]
    fn too_few_values_are_worth_less_and_say_so() {
        assert_eq!(median_interval(&[1.0]).confidence, 0.0);
        assert_eq!(median_interval(&[1.0, 2.0, 3.0, 4.0, 5.0]).confidence, 0.9375);
    }
}
