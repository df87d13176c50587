//! How many neighbouring slices have to be drawn together, so that a resample remembers as long as the run does.
//!
//! Politis & White, *Automatic block-length selection for the dependent bootstrap*, Econometric Reviews 23 (2004), with the
//! correction of Patton, Politis & White, the same journal 28 (2009). For blocks of fixed length the length that is best for
//! the variance is (2 Ĝ² / D̂)^⅓ · n^⅓ with D̂ = 4/3 ĝ(0)², where ĝ(0) = Σ λ(k/M) R̂(k) and Ĝ = Σ λ(k/M) |k| R̂(k) over the
//! autocovariances R̂, and λ is a window with a flat top (Politis & Romano 1995). M is twice the lag after which
//! autocorrelations are no longer told apart from none.

/// Autocorrelations beyond this many standard errors count; the authors' constant.
const ERRORS: f64 = 2.0;

/// The best block length for a series, in elements: at least 1, at most a third of the series.
///
/// A series whose neighbours rather differ than resemble each other needs no blocks: drawing its elements one by one then
/// overstates the variance, which errs on the side of caution.
pub fn block_length(series: &[f64]) -> usize {
    let count = series.len();
    if count < 6 {
        return 1;
    }
    let covariances = autocovariances(series, lag_max(count));
    if covariances[0] <= f64::EPSILON * mean_square(series) {
        return 1;
    }
    let bandwidth = 2 * memory(&covariances, count);
    let weighted = |weigh: fn(f64) -> f64| -> f64 {
        let lags = covariances.iter().enumerate().skip(1).take(bandwidth);
        lags.map(|(lag, covariance)| {
            2.0 * flat_top(lag as f64 / bandwidth as f64) * weigh(lag as f64) * covariance
        })
        .sum()
    };
    let (spectrum, slope) = (covariances[0] + weighted(|_| 1.0), weighted(|lag| lag));
    if spectrum <= covariances[0] {
        return 1;
    }
    let length = (1.5 * (slope / spectrum).powi(2) * count as f64).cbrt();
    (length.round() as usize).clamp(1, length_max(count))
}

fn lag_max(count: usize) -> usize {
    ((count as f64).sqrt().ceil() as usize + quiet_lags(count)).min(count - 1)
}

/// Three times the square root, and never more than a third: fewer than three blocks say nothing.
pub(crate) fn length_max(count: usize) -> usize {
    (3.0 * (count as f64).sqrt()).min(count as f64 / 3.0).ceil() as usize
}

/// So many lags in a row without correlation are taken for the end of the memory.
fn quiet_lags(count: usize) -> usize {
    ((count as f64).log10().sqrt().ceil() as usize).max(5)
}

/// The last lag before the correlations fall silent; where they never do, the last that is loud; at least 1.
fn memory(covariances: &[f64], count: usize) -> usize {
    let limit = ERRORS * ((count as f64).log10() / count as f64).sqrt() * covariances[0];
    let is_loud: Vec<bool> = covariances[1..].iter().map(|covariance| covariance.abs() >= limit).collect();
    let silence = is_loud.windows(quiet_lags(count)).position(|lags| !lags.contains(&true));
    let last_loud = is_loud.iter().rposition(|is_loud| *is_loud).map(|index| index + 1);
    silence.or(last_loud).unwrap_or(1).max(1)
}

/// 1 up to a half, then straight down to 0 at 1.
fn flat_top(share: f64) -> f64 {
    (2.0 * (1.0 - share)).clamp(0.0, 1.0)
}

/// Autocovariances of lag 0 to `lag_max`, each divided by the length of the whole series.
pub(crate) fn autocovariances(series: &[f64], lag_max: usize) -> Vec<f64> {
    let mean = series.iter().sum::<f64>() / series.len() as f64;
    let centred: Vec<f64> = series.iter().map(|value| value - mean).collect();
    let at = |lag: usize| centred.iter().zip(&centred[lag..]).map(|(a, b)| a * b).sum::<f64>();
    (0..=lag_max).map(|lag| at(lag) / series.len() as f64).collect()
}

fn mean_square(series: &[f64]) -> f64 {
    series.iter().map(|value| value * value).sum::<f64>() / series.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use crate::statistics::student::normal;

    /// A series in which each element remembers a share of the one before.
    fn autoregressive(memory: f64, count: usize, random: &mut Random) -> Vec<f64> {
        let mut last = 0.0;
        let mut next = || {
            last = memory * last + normal(random);
            last
        };
        (0..200).for_each(|_| _ = next());
        (0..count).map(|_| next()).collect()
    }

    /// The best length for such a series is known: (6 φ² / (1 − φ²)²)^⅓ · n^⅓.
    #[test]
    fn blocks_are_as_long_as_theory_wants_them() {
        for (memory, count) in [(0.3_f64, 400), (0.5, 400), (0.7, 400), (0.8, 800)] {
            let best = (6.0 * (memory / (1.0 - memory * memory)).powi(2) * count as f64).cbrt();
            let mut random = Random::new(3, count as u64);
            let lengths: Vec<f64> =
                (0..200).map(|_| block_length(&autoregressive(memory, count, &mut random)) as f64).collect();
            let typical = crate::statistics::median(&lengths);
            assert!((0.6..1.5).contains(&(typical / best)), "φ {memory}: {typical} for {best}");
        }
    }

    #[test]
    fn independent_elements_need_no_blocks() {
        let mut random = Random::new(5, 0);
        let lengths: Vec<f64> =
            (0..200).map(|_| block_length(&autoregressive(0.0, 200, &mut random)) as f64).collect();
        assert!(crate::statistics::median(&lengths) <= 2.0);
    }

    #[test]
    fn series_that_alternate_stand_still_or_are_short_are_drawn_one_by_one() {
        let alternating: Vec<f64> = (0..100).map(|n| f64::from(n % 2)).collect();
        assert_eq!(block_length(&alternating), 1);
        assert_eq!(block_length(&[7.3; 100]), 1);
        assert_eq!(block_length(&[1.0, 2.0, 3.0]), 1);
    }

    #[test]
    fn a_trend_is_remembered_as_long_as_is_allowed() {
        let trend: Vec<f64> = (0..90).map(f64::from).collect();
        assert!(block_length(&trend) > 15, "{}", block_length(&trend));
        assert!(block_length(&trend) <= 30);
    }
}
