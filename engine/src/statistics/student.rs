//! Student's t, for few witnesses: quantiles, and intervals for the difference of two sides with several runs each.

use crate::random::Random;

/// Below this a regularised incomplete beta's fraction has converged.
const CONVERGED: f64 = 1e-14;
/// Terms of the continued fraction: it needs O(√max(a, b)), and degrees of freedom are cut off below.
const TERMS_MAX: usize = 500;
/// From here on Student's distribution is the normal one to seven digits, and is taken for it.
const DEGREES_NORMAL: f64 = 1e5;

/// The standard normal quantile: Wichura, *Algorithm AS 241*, Applied Statistics 37 (1988), PPND7; seven digits.
pub fn normal_quantile(probability: f64) -> f64 {
    let centred = probability - 0.5;
    if centred.abs() <= 0.425 {
        let r = 0.180_625 - centred * centred;
        let above = [59.109_374_72, 159.291_132_02, 50.434_271_938, 3.387_132_717_9];
        let below = [67.187_563_6, 78.757_757_664, 17.895_169_469, 1.0];
        return centred * polynomial(&above, r) / polynomial(&below, r);
    }
    let r = (-(probability.min(1.0 - probability)).ln()).sqrt();
    let size = if r <= 5.0 {
        let above = [0.170_238_211_03, 1.306_728_481_6, 2.756_815_39, 1.423_437_277_7];
        polynomial(&above, r - 1.6) / polynomial(&[0.120_211_329_75, 0.737_001_642_5, 1.0], r - 1.6)
    } else {
        let above = [0.017_337_203_997, 0.428_682_943_37, 3.081_226_386, 6.657_905_115];
        polynomial(&above, r - 5.0) / polynomial(&[0.012_258_202_635, 0.241_978_942_25, 1.0], r - 5.0)
    };
    size.copysign(centred)
}

/// A draw from the standard normal distribution (Box & Muller 1958).
pub fn normal(random: &mut Random) -> f64 {
    (2.0 * random.exponential()).sqrt() * (std::f64::consts::TAU * random.unit()).cos()
}

/// The probability that Student's t with these degrees of freedom is at most `value`, by the incomplete beta function
/// (Abramowitz & Stegun 26.7.1 and 26.5.27).
pub fn student_probability(value: f64, degrees: f64) -> f64 {
    let tail = 0.5 * incomplete_beta(degrees / 2.0, 0.5, degrees / (degrees + value * value));
    if value > 0.0 { 1.0 - tail } else { tail }
}

/// The value that Student's t with these degrees of freedom is at most with this probability. Degrees may be fractions; below
/// one they count as one. Found by bisection, because it is asked for a few times in a run.
pub fn student_quantile(probability: f64, degrees: f64) -> f64 {
    if degrees >= DEGREES_NORMAL {
        return normal_quantile(probability);
    }
    let (degrees, tail) = (degrees.max(1.0), probability.max(1.0 - probability));
    let (mut low, mut high) = (0.0, 1.0);
    while student_probability(high, degrees) < tail && high < 1e12 {
        (low, high) = (high, high * 2.0);
    }
    for _ in 0..80 {
        let middle = 0.5 * (low + high);
        if student_probability(middle, degrees) < tail { low = middle } else { high = middle }
    }
    high.copysign(probability - 0.5)
}

/// The difference of two means with what it may be wrong by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    /// Mean of the second side minus mean of the first.
    pub difference: f64,
    /// Half the width of the interval around it.
    pub half_width: f64,
}

/// Welch's interval for the difference of two means whose spreads may differ (Welch 1947), both sides independent. `None` with
/// fewer than two values on a side.
pub fn welch(first: &[f64], second: &[f64], confidence: f64) -> Option<Difference> {
    let ((mean_first, error_first), (mean_second, error_second)) = (moments(first)?, moments(second)?);
    let squared = error_first + error_second;
    // Satterthwaite's degrees of freedom.
    let share = |error: f64, count: usize| error * error / (count - 1) as f64;
    let degrees = squared * squared
        / (share(error_first, first.len()) + share(error_second, second.len())).max(f64::MIN_POSITIVE);
    let factor = student_quantile(0.5 + confidence / 2.0, degrees);
    Some(Difference { difference: mean_second - mean_first, half_width: factor * squared.sqrt() })
}

/// Student's interval for the mean difference of pairs. `None` with fewer than two pairs. Panics when the sides differ in number.
pub fn paired(first: &[f64], second: &[f64], confidence: f64) -> Option<Difference> {
    assert_eq!(first.len(), second.len(), "pairs have two sides");
    let differences: Vec<f64> = first.iter().zip(second).map(|(first, second)| second - first).collect();
    let (difference, squared) = moments(&differences)?;
    let factor = student_quantile(0.5 + confidence / 2.0, (differences.len() - 1) as f64);
    Some(Difference { difference, half_width: factor * squared.sqrt() })
}

/// The mean, and the square of its standard error.
fn moments(values: &[f64]) -> Option<(f64, f64)> {
    let count = values.len();
    if count < 2 {
        return None;
    }
    let mean = values.iter().sum::<f64>() / count as f64;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Some((mean, squares / ((count - 1) * count) as f64))
}

fn polynomial(coefficients: &[f64], x: f64) -> f64 {
    coefficients.iter().fold(0.0, |sum, coefficient| sum * x + coefficient)
}

/// The regularised incomplete beta function Iₓ(a, b), by its continued fraction (Lentz's method; Press et al., *Numerical
/// Recipes*, 3rd edition, section 6.4).
fn incomplete_beta(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return x.clamp(0.0, 1.0);
    }
    let front = (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (1.0 - x).ln()).exp();
    if x < (a + 1.0) / (a + b + 2.0) {
        front * beta_fraction(a, b, x) / a
    } else {
        1.0 - front * beta_fraction(b, a, 1.0 - x) / b
    }
}

fn beta_fraction(a: f64, b: f64, x: f64) -> f64 {
    let away_from_zero = |value: f64| if value.abs() < 1e-300 { 1e-300 } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = d;
    for term in 1..=TERMS_MAX {
        let m = term as f64;
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / away_from_zero(1.0 + even * d);
        c = away_from_zero(1.0 + even / c);
        fraction *= c * d;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / away_from_zero(1.0 + odd * d);
        c = away_from_zero(1.0 + odd / c);
        fraction *= c * d;
        if (c * d - 1.0).abs() < CONVERGED {
            break;
        }
    }
    fraction
}

/// ln Γ(x) for x > 0: Stirling's series with three terms, after stepping up to where they suffice (Abramowitz & Stegun 6.1.40).
fn ln_gamma(x: f64) -> f64 {
    let mut shift = 0.0;
    let mut x = x;
    while x < 15.0 {
        shift += x.ln();
        x += 1.0;
    }
    let inverse = 1.0 / (x * x);
    let series = (1.0 / 12.0 - inverse * (1.0 / 360.0 - inverse * (1.0 / 1_260.0 - inverse / 1_680.0))) / x;
    (x - 0.5) * x.ln() - x + 0.5 * std::f64::consts::TAU.ln() + series - shift
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_near(value: f64, expected: f64) {
        assert!((value / expected - 1.0).abs() < 2e-6, "{value} for {expected}");
    }

    #[test]
    fn normal_quantiles_are_those_of_the_tables() {
        for (probability, expected) in
            [(0.975, 1.959_964), (0.995, 2.575_829_3), (0.999, 3.090_232_3), (0.6, 0.253_347_1)]
        {
            assert_near(normal_quantile(probability), expected);
            assert_near(normal_quantile(1.0 - probability), -expected);
        }
        assert_near(normal_quantile(1e-12), -7.034_483_8);
        assert_eq!(normal_quantile(0.5), 0.0);
    }

    #[test]
    fn student_quantiles_are_those_of_the_tables() {
        let table = [
            (0.975, 1.0, 12.706_205),
            (0.975, 2.0, 4.302_653),
            (0.975, 4.0, 2.776_445),
            (0.95, 10.0, 1.812_461),
            (0.995, 30.0, 2.749_996),
            (0.999, 5.0, 5.893_43),
            (0.975, 1_000.0, 1.962_339),
        ];
        for (probability, degrees, expected) in table {
            assert_near(student_quantile(probability, degrees), expected);
            assert_near(student_quantile(1.0 - probability, degrees), -expected);
        }
        assert_near(student_quantile(0.975, 1e9), 1.959_964);
        assert!(student_quantile(0.5, 3.0).abs() < 1e-12);
    }

    #[test]
    fn probability_and_quantile_undo_each_other() {
        for degrees in [1.0, 1.7, 5.0, 33.3, 900.0] {
            for probability in [0.001, 0.2, 0.7, 0.9995] {
                let there_and_back = student_probability(student_quantile(probability, degrees), degrees);
                assert!((there_and_back - probability).abs() < 1e-9, "{degrees} {probability}");
            }
        }
    }

    #[test]
    fn welch_and_pairs_agree_with_a_worked_example() {
        // Means 15 and 18, variances 2.5 and 10, five each: error √2.5, 5.882 degrees of freedom.
        let (first, second) = ([13.0, 14.0, 15.0, 16.0, 17.0], [14.0, 16.0, 18.0, 20.0, 22.0]);
        let found = welch(&first, &second, 0.95).unwrap();
        assert_near(found.difference, 3.0);
        assert_near(found.half_width, student_quantile(0.975, 100.0 / 17.0) * 2.5_f64.sqrt());
        let pairs = paired(&first, &second, 0.95).unwrap();
        assert_near(pairs.half_width, 2.776_445 * 0.5_f64.sqrt());
        assert_eq!(welch(&[1.0], &second, 0.95), None);
    }

    #[test]
    fn runs_without_any_spread_have_no_width() {
        assert_eq!(welch(&[2.0, 2.0], &[3.0, 3.0], 0.95).unwrap().half_width, 0.0);
        assert_eq!(paired(&[2.0, 2.0], &[3.0, 3.0], 0.95).unwrap().half_width, 0.0);
    }

    #[test]
    fn welch_covers_the_truth_as_often_as_it_says() {
        let mut random = Random::new(17, 0);
        let covered = (0..2_000).filter(|_| {
            let first: Vec<f64> = (0..5).map(|_| normal(&mut random)).collect();
            let second: Vec<f64> = (0..7).map(|_| 1.0 + 3.0 * normal(&mut random)).collect();
            let found = welch(&first, &second, 0.95).unwrap();
            (found.difference - 1.0).abs() <= found.half_width
        });
        let share = covered.count() as f64 / 2_000.0;
        assert!((0.935..0.965).contains(&share), "{share}");
    }
}
