//! How long a request is served: the distributions, their text, and drawing from them.

use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use rand_distr::{Distribution, Exp1, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::quantity::{DURATION_LIMIT, ValueError, parse_duration};

/// The widest lognormal that can be written. At 5 the mean is 270,000 medians: wider is a typing error.
const SIGMA_LIMIT: f64 = 5.0;

/// The tails of Pareto that can be written. Heavier ones draw little but days, lighter ones are as good as fixed.
const ALPHA_RANGE: RangeInclusive<f64> = 0.5..=100.0;

const SHAPES: &str = "a service time is fixed:5ms, exp:5ms, lognormal:5ms,0.5, pareto:1ms,1.5 or none";

/// How long the server takes over a request, beyond what the machine takes.
///
/// Written as `none`, `fixed:5ms`, `exp:5ms` (its mean), `lognormal:5ms,0.5` (its median and sigma,
/// the latter from 0 to 5) or `pareto:1ms,1.5` (its minimum and alpha, the latter from 0.5 to 100). What is
/// drawn is at most a day.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum ServiceTime {
    /// Answer at once.
    #[default]
    None,
    /// Always the same.
    Fixed(Duration),
    /// Exponential: the memoryless server of queueing theory.
    Exponential {
        /// The mean, which is also the standard deviation.
        mean: Duration,
    },
    /// Lognormal: the shape most measured services have, with a long right tail.
    Lognormal {
        /// The median; the mean is `median × exp(sigma² / 2)`.
        median: Duration,
        /// The standard deviation of the time's natural logarithm.
        sigma: f64,
    },
    /// Pareto: the heavy tail of file sizes and of the work they cause (Crovella and Bestavros, "Self-similarity
    /// in World Wide Web traffic", 1997). Longer than t are `(min / t)^alpha` of all.
    Pareto {
        /// The shortest.
        min: Duration,
        /// How light the tail is. The mean is `min × alpha / (alpha - 1)`, and there is none at 1 and below; at 2
        /// and below there is no variance, and averages do not settle.
        alpha: f64,
    },
}

impl ServiceTime {
    pub(crate) fn draw(self, dice: &mut Xoshiro256PlusPlus) -> Duration {
        match self {
            ServiceTime::None => Duration::ZERO,
            ServiceTime::Fixed(duration) => duration,
            ServiceTime::Exponential { mean } => {
                let variate: f64 = Exp1.sample(dice);
                scaled(mean, variate)
            }
            ServiceTime::Lognormal { median, sigma } => {
                let variate: f64 = StandardNormal.sample(dice);
                scaled(median, (sigma * variate).exp())
            }
            // The logarithm of a Pareto variate over its minimum is exponential with mean 1 / alpha.
            ServiceTime::Pareto { min, alpha } => {
                let variate: f64 = Exp1.sample(dice);
                scaled(min, (variate / alpha).exp())
            }
        }
    }
}

/// `duration × factor`, at most [`DURATION_LIMIT`]; a factor that is not a number counts as too large.
pub(crate) fn scaled(duration: Duration, factor: f64) -> Duration {
    Duration::try_from_secs_f64(duration.as_secs_f64() * factor)
        .map_or(DURATION_LIMIT, |d| d.min(DURATION_LIMIT))
}

impl FromStr for ServiceTime {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<ServiceTime, ValueError> {
        match text.split_once(':') {
            None if text == "none" => Ok(ServiceTime::None),
            Some(("fixed", duration)) => Ok(ServiceTime::Fixed(parse_duration(duration)?)),
            Some(("exp", mean)) => Ok(ServiceTime::Exponential { mean: parse_duration(mean)? }),
            Some(("lognormal", shape)) => parse_lognormal(shape),
            Some(("pareto", shape)) => parse_pareto(shape),
            _ => Err(ValueError::new(SHAPES)),
        }
    }
}

fn parse_lognormal(shape: &str) -> Result<ServiceTime, ValueError> {
    let (median, sigma) = shape
        .split_once(',')
        .ok_or_else(|| ValueError::new("a lognormal needs its median and sigma, as in lognormal:5ms,0.5"))?;
    let median = parse_duration(median)?;
    let sigma = sigma.parse().ok().filter(|sigma| (0.0..=SIGMA_LIMIT).contains(sigma));
    let sigma = sigma.ok_or_else(|| {
        ValueError::new(format!(
            "a lognormal's sigma is a number from 0 to {SIGMA_LIMIT}, as in lognormal:5ms,0.5"
        ))
    })?;
    Ok(ServiceTime::Lognormal { median, sigma })
}

fn parse_pareto(shape: &str) -> Result<ServiceTime, ValueError> {
    let (min, alpha) = shape
        .split_once(',')
        .ok_or_else(|| ValueError::new("a pareto needs its minimum and alpha, as in pareto:1ms,1.5"))?;
    let min = parse_duration(min)?;
    let alpha = alpha.parse().ok().filter(|alpha| ALPHA_RANGE.contains(alpha));
    let alpha = alpha.ok_or_else(|| {
        let (low, high) = (ALPHA_RANGE.start(), ALPHA_RANGE.end());
        ValueError::new(format!("a pareto's alpha is a number from {low} to {high}, as in pareto:1ms,1.5"))
    })?;
    Ok(ServiceTime::Pareto { min, alpha })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_xoshiro::rand_core::SeedableRng;

    const DRAWS: u32 = 100_000;

    fn draws_ms(text: &str) -> Vec<f64> {
        let service: ServiceTime = text.parse().expect(text);
        let mut dice = Xoshiro256PlusPlus::seed_from_u64(7);
        (0..DRAWS).map(|_| service.draw(&mut dice).as_secs_f64() * 1e3).collect()
    }

    fn mean(values: &[f64]) -> f64 {
        values.iter().sum::<f64>() / values.len() as f64
    }

    /// Four standard errors of a mean: a fair sample lies outside once in 16,000.
    fn tolerance(deviation: f64) -> f64 {
        4.0 * deviation / f64::from(DRAWS).sqrt()
    }

    #[test]
    fn a_fixed_time_is_always_itself() {
        assert!(draws_ms("fixed:5ms").iter().all(|ms| *ms == 5.0));
        assert!(draws_ms("none").iter().all(|ms| *ms == 0.0));
    }

    #[test]
    fn exponential_draws_have_the_asked_mean_and_deviation() {
        let draws = draws_ms("exp:5ms");
        assert!((mean(&draws) - 5.0).abs() < tolerance(5.0));
        let beyond_mean = draws.iter().filter(|ms| **ms > 5.0).count() as f64 / f64::from(DRAWS);
        assert!((beyond_mean - (-1.0f64).exp()).abs() < tolerance(0.5));
    }

    #[test]
    fn lognormal_draws_have_the_asked_median_and_the_mean_it_implies() {
        let draws = draws_ms("lognormal:5ms,0.5");
        let below_median = draws.iter().filter(|ms| **ms < 5.0).count() as f64 / f64::from(DRAWS);
        assert!((below_median - 0.5).abs() < tolerance(0.5));
        let (variance, expected_mean) = (0.25f64, 5.0 * 0.125f64.exp());
        let deviation = expected_mean * (variance.exp() - 1.0).sqrt();
        assert!((mean(&draws) - expected_mean).abs() < tolerance(deviation));
    }

    #[test]
    fn pareto_draws_have_the_asked_minimum_and_tail() {
        let draws = draws_ms("pareto:1ms,1.5");
        assert!(draws.iter().all(|ms| *ms >= 1.0));
        for beyond_ms in [2.0, 10.0, 50.0f64] {
            let expected = beyond_ms.powf(-1.5);
            let share = draws.iter().filter(|ms| **ms > beyond_ms).count() as f64 / f64::from(DRAWS);
            let deviation = (expected * (1.0 - expected)).sqrt();
            assert!((share - expected).abs() < tolerance(deviation), "beyond {beyond_ms} ms: {share}");
        }
    }

    #[test]
    fn a_draw_is_never_longer_than_a_day() {
        let mut dice = Xoshiro256PlusPlus::seed_from_u64(7);
        let service = ServiceTime::Lognormal { median: Duration::from_secs(1), sigma: f64::NAN };
        assert_eq!(service.draw(&mut dice), DURATION_LIMIT);
        let service = ServiceTime::Pareto { min: Duration::from_secs(1), alpha: 1e-9 };
        assert!((0..DRAWS).all(|_| service.draw(&mut dice) <= DURATION_LIMIT));
        assert_eq!(scaled(Duration::MAX, 2.0), DURATION_LIMIT);
    }

    #[test]
    fn a_bad_service_time_is_told_the_shapes() {
        let lognormals = ["lognormal:5ms", "lognormal:5ms,-1", "lognormal:5ms,nan"];
        let paretos = ["pareto:1ms", "pareto:1,2", "pareto:1ms,0.4", "pareto:1ms,101", "pareto:1ms,nan"];
        let others = ["", "5ms", "fixed", "gamma:5ms", "fixed:5", "exp:"];
        for text in others.into_iter().chain(lognormals).chain(paretos) {
            let error = text.parse::<ServiceTime>().expect_err(text).to_string();
            assert!(error.contains("as in") || error.contains("fixed:5ms"), "{text}: {error}");
        }
    }
}
