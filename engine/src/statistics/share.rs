//! Shares of requests, such as those that failed: intervals that hold for none, few and many.
//!
//! A resample of a run without a failure has none either, so the bootstrap knows nothing of rare failures. It is used only for
//! how much failures come in bursts; the interval is Wilson's for a share (Journal of the American Statistical Association 22,
//! 1927) with as many requests as are worth the same without bursts, and Newcombe's for the difference of two (Statistics in
//! Medicine 17, 1998, method 10). For no failure at all it is the rule of three (Hanley & Lippman-Hand 1983), at any confidence.

use crate::statistics::Interval;
use crate::statistics::student::normal_quantile;

/// A share that was seen, and how many independent requests it is worth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Proportion {
    /// The share, 0 to 1.
    pub share: f64,
    /// So many independent requests would say as much.
    pub requests: f64,
}

impl Proportion {
    /// A share of `total` requests, of which resampling says that it varies by `variance`. Bursts make the requests worth
    /// fewer: by the design effect of Kish 1965, the variance over what it would be without bursts, at least 1.
    pub fn new(share: f64, total: u64, variance: f64) -> Proportion {
        let independent = share * (1.0 - share) / total.max(1) as f64;
        let effect = if independent > 0.0 { (variance / independent).max(1.0) } else { 1.0 };
        Proportion { share, requests: total as f64 / effect }
    }

    /// The range that holds the true share with this confidence.
    pub fn interval(&self, confidence: f64) -> Interval {
        let tail = (1.0 - confidence) / 2.0;
        if self.share == 0.0 {
            return Interval { low: 0.0, high: (-tail.ln() / self.requests).min(1.0) };
        }
        if self.share == 1.0 {
            return Interval { low: (1.0 + tail.ln() / self.requests).max(0.0), high: 1.0 };
        }
        let (squared, requests) = (normal_quantile(1.0 - tail).powi(2), self.requests);
        let centre = self.share + squared / (2.0 * requests);
        let root = (squared * self.share * (1.0 - self.share) / requests
            + squared * squared / (4.0 * requests * requests))
            .sqrt();
        Interval { low: centre - root, high: centre + root }
            .map(|end| (end / (1.0 + squared / requests)).clamp(0.0, 1.0))
    }

    /// The range that holds this share minus another with this confidence.
    pub fn minus(&self, other: &Proportion, confidence: f64) -> Interval {
        let (mine, others) = (self.interval(confidence), other.interval(confidence));
        let difference = self.share - other.share;
        let below = (self.share - mine.low).hypot(others.high - other.share);
        let above = (mine.high - self.share).hypot(other.share - others.low);
        Interval { low: difference - below, high: difference + above }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn no_failure_in_n_requests_is_the_rule_of_three() {
        // Three in a thousand, one-sided, 95 %.
        let none = Proportion::new(0.0, 1_000, 0.0).interval(0.90);
        assert!((none.high - 0.002_995_7).abs() < 1e-6 && none.low == 0.0, "{none:?}");
        let all = Proportion::new(1.0, 1_000, 0.0).interval(0.90);
        assert!((all.low - (1.0 - 0.002_995_7)).abs() < 1e-6 && all.high == 1.0);
    }

    #[test]
    fn wilson_and_newcombe_agree_with_their_papers() {
        // Newcombe 1998, part 2, table II, case a: 56/70 against 48/80, 0.0524 to 0.3339.
        let (first, second) = (Proportion::new(0.8, 70, 0.0), Proportion::new(0.6, 80, 0.0));
        let found = first.minus(&second, 0.95);
        assert!((found.low - 0.0524).abs() < 1e-4 && (found.high - 0.3339).abs() < 1e-4, "{found:?}");
        // Newcombe 1998, part 1: 81/263, Wilson 0.2553 to 0.3662.
        let wilson = Proportion::new(81.0 / 263.0, 263, 0.0).interval(0.95);
        assert!((wilson.low - 0.2553).abs() < 1e-4 && (wilson.high - 0.3662).abs() < 1e-4, "{wilson:?}");
    }

    #[test]
    fn failures_in_bursts_are_worth_fewer_requests() {
        let single = Proportion::new(0.01, 10_000, 0.01 * 0.99 / 10_000.0);
        let bursts = Proportion::new(0.01, 10_000, 100.0 * 0.01 * 0.99 / 10_000.0);
        assert!((single.requests / bursts.requests - 100.0).abs() < 1e-6);
        assert!(bursts.interval(0.95).width() > 5.0 * single.interval(0.95).width());
    }

    #[test]
    fn few_failures_are_not_taken_for_a_difference_too_often() {
        let mut random = Random::new(31, 0);
        let mut draw = || {
            let failed = (0..500).filter(|_| random.unit() <= 0.004).count();
            Proportion::new(failed as f64 / 500.0, 500, 0.0)
        };
        let missed = (0..1_000).filter(|_| !draw().minus(&draw(), 0.95).contains(0.0)).count();
        assert!(missed <= 50, "{missed} of 1000 for a nominal 50");
    }
}
