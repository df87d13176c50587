//! A distribution of durations: a histogram of fixed size, three significant digits, 1 ns to one hour.

use base64::Engine as _;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};
use std::io;

/// The longest duration that is told apart from longer ones, in nanoseconds: one hour.
pub const DURATION_NS_MAX: u64 = 3_600_000_000_000;
/// Significant decimal digits: a quantile is within 0.1 % of the recorded value.
pub const SIGNIFICANT_DIGITS: u8 = 3;

/// Durations in nanoseconds, counted. Recording never allocates; merging is exact.
#[derive(Clone, Debug)]
pub struct Distribution {
    histogram: Histogram<u64>,
    sum_ns: u128,
}

/// The figures of a distribution that a report shows, in nanoseconds. All zero when nothing was recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Summary {
    /// The shortest.
    pub min: u64,
    /// The arithmetic mean, from an exact sum.
    pub mean: f64,
    /// The median.
    pub p50: u64,
    /// 75 % are at most this.
    pub p75: u64,
    /// 90 % are at most this.
    pub p90: u64,
    /// 99 % are at most this.
    pub p99: u64,
    /// 99.9 % are at most this.
    pub p999: u64,
    /// 99.99 % are at most this.
    pub p9999: u64,
    /// The longest.
    pub max: u64,
    /// How many were recorded.
    pub count: u64,
}

impl Default for Distribution {
    fn default() -> Distribution {
        Distribution::new()
    }
}

impl Distribution {
    /// An empty distribution; allocates all it will ever need.
    pub fn new() -> Distribution {
        let histogram = Histogram::new_with_bounds(1, DURATION_NS_MAX, SIGNIFICANT_DIGITS)
            .expect("constant bounds are valid");
        Distribution { histogram, sum_ns: 0 }
    }

    /// Counts one duration. Longer than an hour counts as an hour, in the quantiles but not in the mean.
    #[inline]
    pub fn record(&mut self, duration_ns: u64) {
        self.histogram.saturating_record(duration_ns);
        self.sum_ns += u128::from(duration_ns);
    }

    /// Adds all of another distribution.
    pub fn merge(&mut self, other: &Distribution) {
        if other.count() > 0 {
            self.histogram.add(&other.histogram).expect("all distributions have the same bounds");
            self.sum_ns += other.sum_ns;
        }
    }

    /// Empties it, keeping its memory.
    pub fn clear(&mut self) {
        if self.count() > 0 {
            self.histogram.reset();
            self.sum_ns = 0;
        }
    }

    /// How many durations were recorded.
    pub fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// The duration that `quantile` (0 to 1) of all are at most, in nanoseconds; 0 when empty.
    pub fn quantile_ns(&self, quantile: f64) -> u64 {
        if self.count() == 0 { 0 } else { self.histogram.value_at_quantile(quantile).min(self.max_ns()) }
    }

    /// The arithmetic mean in nanoseconds; 0 when empty.
    pub fn mean_ns(&self) -> f64 {
        if self.count() == 0 { 0.0 } else { self.sum_ns as f64 / self.count() as f64 }
    }

    /// The shortest, in nanoseconds; 0 when empty.
    pub fn min_ns(&self) -> u64 {
        if self.count() == 0 { 0 } else { self.histogram.min() }
    }

    /// The longest, in nanoseconds (to three digits); 0 when empty.
    pub fn max_ns(&self) -> u64 {
        self.histogram.max()
    }

    /// Every recorded value in nanoseconds, ascending, with how often it was seen. Values are as exact as quantiles are, and
    /// the quantiles of these pairs are those of the distribution.
    pub fn counts(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.histogram.iter_recorded().map(|step| (step.value_iterated_to(), step.count_at_value()))
    }

    /// All the figures a report shows.
    pub fn summary(&self) -> Summary {
        Summary {
            min: self.min_ns(),
            mean: self.mean_ns(),
            p50: self.quantile_ns(0.5),
            p75: self.quantile_ns(0.75),
            p90: self.quantile_ns(0.9),
            p99: self.quantile_ns(0.99),
            p999: self.quantile_ns(0.999),
            p9999: self.quantile_ns(0.9999),
            max: self.max_ns(),
            count: self.count(),
        }
    }

    /// The whole histogram in HdrHistogram's V2 compressed encoding, base64: readable by every HDR library.
    pub fn encode(&self) -> String {
        let mut bytes = Vec::new();
        V2DeflateSerializer::new()
            .serialize(&self.histogram, &mut bytes)
            .expect("writing to memory cannot fail");
        base64::engine::general_purpose::STANDARD.encode(bytes)
    }

    /// Reads what [`Distribution::encode`] wrote. The mean is then only as exact as the histogram.
    pub fn decode(text: &str) -> Result<Distribution, String> {
        let bytes =
            base64::engine::general_purpose::STANDARD.decode(text).map_err(|error| error.to_string())?;
        let histogram: Histogram<u64> =
            Deserializer::new().deserialize(&mut bytes.as_slice()).map_err(|error| error.to_string())?;
        let sum_ns = (histogram.mean() * histogram.len() as f64) as u128;
        let mut distribution = Distribution::new();
        distribution.histogram.add(&histogram).map_err(|error| error.to_string())?;
        distribution.sum_ns = sum_ns;
        Ok(distribution)
    }

    /// Writes the percentile spectrum as wrk2 and HdrHistogram's plotter know it, values in milliseconds.
    pub fn write_spectrum(&self, out: &mut dyn io::Write) -> io::Result<()> {
        const MILLISECOND_NS: f64 = 1e6;
        writeln!(
            out,
            "{:>12} {:>14} {:>10} {:>14}\n",
            "Value", "Percentile", "TotalCount", "1/(1-Percentile)"
        )?;
        let mut total = 0;
        for step in self.histogram.iter_quantiles(5) {
            total += step.count_since_last_iteration();
            let quantile = step.quantile_iterated_to();
            write!(
                out,
                "{:12.6} {quantile:14.12} {total:10}",
                step.value_iterated_to() as f64 / MILLISECOND_NS
            )?;
            match 1.0 - quantile {
                rest if rest > 0.0 => writeln!(out, " {:14.2}", 1.0 / rest)?,
                _ => writeln!(out, " {:>14}", "inf")?,
            }
        }
        let (mean, deviation) = (self.mean_ns() / MILLISECOND_NS, self.histogram.stdev() / MILLISECOND_NS);
        writeln!(out, "#[Mean    = {mean:12.6}, StdDeviation   = {deviation:12.6}]")?;
        let max = self.max_ns() as f64 / MILLISECOND_NS;
        writeln!(out, "#[Max     = {max:12.6}, Total count    = {:12}]", self.count())?;
        writeln!(out, "#[Buckets = {:12}, SubBuckets     = {:12}]", self.histogram.buckets(), 2_048)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_empty_distribution_is_all_zero() {
        assert_eq!(Distribution::new().summary(), Summary::default());
    }

    #[test]
    fn quantiles_are_within_a_thousandth() {
        let mut distribution = Distribution::new();
        (1..=100_000).for_each(|n| distribution.record(n * 1_000));
        let summary = distribution.summary();
        assert!((summary.p50 as f64 / 50_000_000.0 - 1.0).abs() < 0.001);
        assert!((summary.p999 as f64 / 99_900_000.0 - 1.0).abs() < 0.001);
        assert_eq!(summary.mean, 50_000_500.0);
    }

    #[test]
    fn longer_than_an_hour_counts_as_an_hour() {
        let mut distribution = Distribution::new();
        distribution.record(u64::MAX / 2);
        assert_eq!(distribution.count(), 1);
        assert!(distribution.max_ns() >= DURATION_NS_MAX);
    }

    #[test]
    fn the_spectrum_ends_at_the_last_recorded_value() {
        let mut distribution = Distribution::new();
        (1..=1_000).for_each(|n| distribution.record(n * 1_000_000));
        let mut text = Vec::new();
        distribution.write_spectrum(&mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains("1.000000000000       1000            inf"), "{text}");
        assert!(text.contains("Total count    =         1000"));
    }

    #[test]
    fn counts_are_all_that_was_recorded() {
        let mut distribution = Distribution::new();
        [5, 7, 7, 1_000_000].into_iter().for_each(|ns| distribution.record(ns));
        let counts: Vec<(u64, u64)> = distribution.counts().collect();
        assert_eq!(counts, [(5, 1), (7, 2), (distribution.max_ns(), 1)]);
    }

    proptest! {
        #[test]
        fn merged_distributions_equal_one(left in proptest::collection::vec(1_u64..1 << 40, 0..200),
                                          right in proptest::collection::vec(1_u64..1 << 40, 0..200)) {
            let (mut one, mut a, mut b) = (Distribution::new(), Distribution::new(), Distribution::new());
            left.iter().for_each(|&v| { one.record(v); a.record(v) });
            right.iter().for_each(|&v| { one.record(v); b.record(v) });
            a.merge(&b);
            prop_assert_eq!(a.summary(), one.summary());
            prop_assert_eq!(Distribution::decode(&a.encode()).unwrap().quantile_ns(0.5), one.quantile_ns(0.5));
        }
    }
}
