//! The figures of a distribution of durations, as reports have them.

use crate::distribution::{Distribution, UnreadableHistogram};
use serde::{Deserialize, Serialize};

/// A distribution of durations, nanoseconds. Where nothing was recorded, the figures are `null` in JSON, and 0 here.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "WrittenTiming", into = "WrittenTiming")]
pub struct Timing {
    /// The shortest.
    pub min: u64,
    /// The mean, from an exact sum.
    pub mean: f64,
    /// Median.
    pub p50: u64,
    /// 75th percentile.
    pub p75: u64,
    /// 90th percentile.
    pub p90: u64,
    /// 95th percentile.
    pub p95: u64,
    /// 99th percentile.
    pub p99: u64,
    /// 99.9th percentile.
    pub p999: u64,
    /// 99.99th percentile.
    pub p9999: u64,
    /// The longest.
    pub max: u64,
    /// How many.
    pub count: u64,
    /// The whole histogram: HdrHistogram V2, compressed, base64.
    pub hdr: String,
}

/// [`Timing`] as it is written: no figure without a value.
#[derive(Serialize, Deserialize)]
struct WrittenTiming {
    min: Option<u64>,
    mean: Option<f64>,
    p50: Option<u64>,
    p75: Option<u64>,
    p90: Option<u64>,
    /// Nothing in reports of versions before 0.2.
    #[serde(default)]
    p95: Option<u64>,
    p99: Option<u64>,
    p999: Option<u64>,
    p9999: Option<u64>,
    max: Option<u64>,
    count: u64,
    hdr: String,
}

impl From<Timing> for WrittenTiming {
    fn from(timing: Timing) -> WrittenTiming {
        let ns = |ns: u64| (timing.count > 0).then_some(ns);
        WrittenTiming {
            min: ns(timing.min),
            mean: (timing.count > 0).then_some(timing.mean),
            p50: ns(timing.p50),
            p75: ns(timing.p75),
            p90: ns(timing.p90),
            p95: ns(timing.p95),
            p99: ns(timing.p99),
            p999: ns(timing.p999),
            p9999: ns(timing.p9999),
            max: ns(timing.max),
            count: timing.count,
            hdr: timing.hdr,
        }
    }
}

impl TryFrom<WrittenTiming> for Timing {
    type Error = UnreadableHistogram;

    fn try_from(written: WrittenTiming) -> Result<Timing, UnreadableHistogram> {
        let ns = |ns: Option<u64>| ns.unwrap_or(0);
        // Reports that do not say it have the histogram that it is read from.
        let p95 = match (written.p95, written.count) {
            (None, 1..) => Distribution::decode(&written.hdr)?.quantile_ns(0.95),
            (p95, _) => ns(p95),
        };
        Ok(Timing {
            min: ns(written.min),
            mean: written.mean.unwrap_or(0.0),
            p50: ns(written.p50),
            p75: ns(written.p75),
            p90: ns(written.p90),
            p95,
            p99: ns(written.p99),
            p999: ns(written.p999),
            p9999: ns(written.p9999),
            max: ns(written.max),
            count: written.count,
            hdr: written.hdr,
        })
    }
}

impl Timing {
    /// The figures of a distribution.
    pub fn new(distribution: &Distribution) -> Timing {
        let summary = distribution.summary();
        Timing {
            min: summary.min,
            mean: summary.mean,
            p50: summary.p50,
            p75: summary.p75,
            p90: summary.p90,
            p95: summary.p95,
            p99: summary.p99,
            p999: summary.p999,
            p9999: summary.p9999,
            max: summary.max,
            count: summary.count,
            hdr: distribution.encode(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_is_null_and_never_0() {
        let nothing = serde_json::to_value(Timing::new(&Distribution::new())).unwrap();
        assert!(nothing["p50"].is_null() && nothing["mean"].is_null() && nothing["max"].is_null());
        assert_eq!(nothing["count"], 0);
        let mut one = Distribution::new();
        one.record(0);
        let timing = Timing::new(&one);
        let written = serde_json::to_value(&timing).unwrap();
        assert!(written["p50"].is_u64() && written["count"] == 1);
        assert_eq!(serde_json::from_value::<Timing>(written).unwrap(), timing);
        assert_eq!(serde_json::from_value::<Timing>(nothing).unwrap().count, 0);
    }

    #[test]
    fn a_report_without_p95_has_it_in_its_histogram() {
        let mut distribution = Distribution::new();
        (1..=100).for_each(|n| distribution.record(n));
        let timing = Timing::new(&distribution);
        let mut written = serde_json::to_value(&timing).unwrap();
        written.as_object_mut().unwrap().remove("p95");
        assert_eq!(serde_json::from_value::<Timing>(written.clone()).unwrap(), timing);
        written["hdr"] = "no histogram".into();
        assert!(serde_json::from_value::<Timing>(written).is_err());
    }
}
