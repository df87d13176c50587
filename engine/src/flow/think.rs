//! How long a user thinks before the next request: a distribution, as it is typed and as it is drawn from.

use crate::quantity::{DURATION_NS_MAX, MICROSECOND_NS, MILLISECOND_NS, SECOND_NS, parse_duration_ns};
use crate::random::Random;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A distribution of think times, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Think {
    /// Always this.
    Fixed {
        /// How long.
        ns: u64,
    },
    /// Any time between two, each as likely as any other.
    Uniform {
        /// The shortest.
        low_ns: u64,
        /// The longest.
        high_ns: u64,
    },
    /// Exponential: of independent users who may go on at any moment.
    Exponential {
        /// The mean.
        mean_ns: u64,
    },
    /// Log-normal: most are quick, and some take very long.
    LogNormal {
        /// The median.
        median_ns: u64,
        /// The standard deviation of the logarithm.
        sigma: f64,
    },
    /// Normal, and 0 where it would be below.
    Normal {
        /// The mean.
        mean_ns: u64,
        /// The standard deviation.
        deviation_ns: u64,
    },
}

/// A think time that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongThink {
    /// What is wrong.
    pub problem: String,
    /// What to write instead.
    pub fix: &'static str,
}

impl fmt::Display for WrongThink {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.problem)
    }
}

impl std::error::Error for WrongThink {}

const FIX: &str = "write `2s`, `uniform:1s,3s`, `exp:2s` (mean), `lognormal:2s,0.5` (median, sigma) or `normal:2s,500ms` (mean, deviation)";
/// A larger sigma draws times that no run can wait for.
const SIGMA_MAX: f64 = 4.0;
const NAMES: [&str; 5] = ["fixed", "uniform", "exp", "lognormal", "normal"];

impl Think {
    /// Reads a duration, or a name and its numbers.
    pub fn parse(text: &str) -> Result<Think, WrongThink> {
        let (name, numbers) = text.split_once(':').unwrap_or(("fixed", text));
        let numbers: Vec<&str> = numbers.split(',').map(str::trim).collect();
        let wrong = |problem: String| WrongThink { problem, fix: FIX };
        let ns = |text: &str| parse_duration_ns(text).map_err(|problem| wrong(problem.to_string()));
        match (name.trim(), numbers.as_slice()) {
            ("fixed", [time]) => Ok(Think::Fixed { ns: ns(time)? }),
            ("uniform", [low, high]) => {
                let (low_ns, high_ns) = (ns(low)?, ns(high)?);
                if low_ns > high_ns {
                    return Err(wrong(format!("`{text}` begins above its end")));
                }
                Ok(Think::Uniform { low_ns, high_ns })
            }
            ("exp" | "exponential", [mean]) => Ok(Think::Exponential { mean_ns: ns(mean)? }),
            ("lognormal", [median, sigma]) => {
                let sigma: Option<f64> = sigma.parse().ok();
                let sigma = sigma.filter(|sigma| (0.0..=SIGMA_MAX).contains(sigma));
                let sigma =
                    sigma.ok_or_else(|| wrong(format!("the sigma of `{text}` is no number from 0 to 4")))?;
                Ok(Think::LogNormal { median_ns: ns(median)?, sigma })
            }
            ("normal", [mean, deviation]) => {
                Ok(Think::Normal { mean_ns: ns(mean)?, deviation_ns: ns(deviation)? })
            }
            (name, _) if NAMES.contains(&name) || name == "exponential" => {
                Err(wrong(format!("`{text}` has not as many numbers as `{name}` takes")))
            }
            (name, _) => Err(wrong(match crate::config::closest(name, &NAMES) {
                Some(meant) => format!("`{name}` is no distribution of times; there is `{meant}`"),
                None => format!("`{name}` is no distribution of times"),
            })),
        }
    }

    /// The same whose times are so many thousandths of what they were, no longer than the longest run.
    pub fn scaled(self, thousandths: u64) -> Think {
        let scaled = |ns: u64| {
            let scaled = u128::from(ns) * u128::from(thousandths) / 1_000;
            scaled.min(u128::from(DURATION_NS_MAX)) as u64
        };
        match self {
            Think::Fixed { ns } => Think::Fixed { ns: scaled(ns) },
            Think::Uniform { low_ns, high_ns } => {
                Think::Uniform { low_ns: scaled(low_ns), high_ns: scaled(high_ns) }
            }
            Think::Exponential { mean_ns } => Think::Exponential { mean_ns: scaled(mean_ns) },
            // Times that are so many times as long differ by as much in their logarithms as before.
            Think::LogNormal { median_ns, sigma } => Think::LogNormal { median_ns: scaled(median_ns), sigma },
            Think::Normal { mean_ns, deviation_ns } => {
                Think::Normal { mean_ns: scaled(mean_ns), deviation_ns: scaled(deviation_ns) }
            }
        }
    }

    /// A time drawn from it. No longer than the longest run.
    pub fn draw(self, random: &mut Random) -> u64 {
        let drawn_ns = match self {
            Think::Fixed { ns } => return ns,
            Think::Uniform { low_ns, high_ns } => return random.between(low_ns, high_ns),
            Think::Exponential { mean_ns } => mean_ns as f64 * random.exponential(),
            Think::LogNormal { median_ns, sigma } => median_ns as f64 * (sigma * random.normal()).exp(),
            Think::Normal { mean_ns, deviation_ns } => mean_ns as f64 + deviation_ns as f64 * random.normal(),
        };
        // A cast of what is below 0 is 0.
        (drawn_ns.round() as u64).min(DURATION_NS_MAX)
    }
}

impl fmt::Display for Think {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Think::Fixed { ns } => write!(f, "{}", exact(ns)),
            Think::Uniform { low_ns, high_ns } => {
                write!(f, "uniform:{},{}", exact(low_ns), exact(high_ns))
            }
            Think::Exponential { mean_ns } => write!(f, "exp:{}", exact(mean_ns)),
            Think::LogNormal { median_ns, sigma } => write!(f, "lognormal:{},{sigma}", exact(median_ns)),
            Think::Normal { mean_ns, deviation_ns } => {
                write!(f, "normal:{},{}", exact(mean_ns), exact(deviation_ns))
            }
        }
    }
}

/// A duration as it can be read again, whole.
fn exact(ns: u64) -> String {
    let units = [(SECOND_NS, "s"), (MILLISECOND_NS, "ms"), (MICROSECOND_NS, "us")];
    let (divisor, unit) =
        units.into_iter().find(|(divisor, _)| ns.is_multiple_of(*divisor)).unwrap_or((1, "ns"));
    format!("{}{unit}", ns / divisor)
}

impl TryFrom<String> for Think {
    type Error = WrongThink;

    fn try_from(text: String) -> Result<Think, WrongThink> {
        Think::parse(&text)
    }
}

impl From<Think> for String {
    fn from(think: Think) -> String {
        think.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;
    const DRAWS: usize = 10_000;

    /// The largest distance between the distribution of draws and what it is to be (Kolmogorov and Smirnov).
    fn distance(think: &str, cumulated: impl Fn(f64) -> f64) -> f64 {
        let think = Think::parse(think).unwrap();
        let mut random = Random::new(11, 0);
        let mut drawn: Vec<u64> = (0..DRAWS).map(|_| think.draw(&mut random)).collect();
        drawn.sort_unstable();
        let at = |(index, &ns): (usize, &u64)| {
            let expected = cumulated(ns as f64 / MS as f64);
            let (below, above) = (index as f64 / DRAWS as f64, (index + 1) as f64 / DRAWS as f64);
            (expected - below).abs().max((expected - above).abs())
        };
        drawn.iter().enumerate().map(at).fold(0.0, f64::max)
    }

    /// The cumulated normal distribution, by the series of its error function (Abramowitz and Stegun 26.2.10).
    fn normal(x: f64) -> f64 {
        let (mut term, mut sum) = (x, x);
        for k in 1..200 {
            term *= -x * x / (2.0 * f64::from(k));
            sum += term / f64::from(2 * k + 1);
        }
        (0.5 + sum / std::f64::consts::TAU.sqrt()).clamp(0.0, 1.0)
    }

    #[test]
    fn ten_thousand_draws_follow_their_distribution() {
        // The distance is beyond this in one of 1,000 series of draws.
        let bound = 1.95 / (DRAWS as f64).sqrt();
        let found = [
            distance("uniform:10ms,30ms", |ms| ((ms - 10.0) / 20.0).clamp(0.0, 1.0)),
            distance("exp:20ms", |ms| 1.0 - (-ms / 20.0).exp()),
            distance("lognormal:20ms,0.5", |ms| normal((ms / 20.0).ln() / 0.5)),
            distance("normal:100ms,10ms", |ms| normal((ms - 100.0) / 10.0)),
        ];
        assert!(found.iter().all(|&distance| distance < bound), "{found:?} beyond {bound}");
        // Another one is told apart: the test can fail.
        assert!(distance("exp:20ms", |ms| 1.0 - (-ms / 22.0).exp()) > bound);
    }

    #[test]
    fn what_is_typed_is_shown_again_and_reads_the_same() {
        for text in ["2s", "uniform:1s,3s", "exp:250ms", "123456789ns", "lognormal:2s,0.5", "normal:2s,500ms"]
        {
            let think = Think::parse(text).unwrap();
            assert_eq!(Think::parse(&think.to_string()).unwrap(), think, "{text}");
        }
    }

    #[test]
    fn a_scaled_time_is_drawn_so_many_times_as_long() {
        for text in ["2s", "uniform:1s,3s", "exp:250ms", "lognormal:2s,0.5", "normal:2s,500ms"] {
            let think = Think::parse(text).unwrap();
            let draw = |think: Think| think.draw(&mut Random::new(5, 0)) as f64;
            assert!((draw(think.scaled(2_500)) / draw(think) - 2.5).abs() < 1e-6, "{text}");
            assert_eq!((draw(think.scaled(0)), think.scaled(1_000)), (0.0, think), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_a_think_time_is_told() {
        for (text, problem) in [
            ("uniform:3s,1s", "begins above its end"),
            ("exp:1s,2s", "not as many numbers"),
            ("lognorml:1s,1", "there is `lognormal`"),
            ("lognormal:1s,9", "no number from 0 to 4"),
            ("gamma:1s", "no distribution"),
            ("soon", "soon"),
        ] {
            let wrong = Think::parse(text).unwrap_err();
            assert!(wrong.problem.contains(problem), "{text}: {wrong:?}");
        }
    }
}
