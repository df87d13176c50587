//! Prometheus's protobuf format, which alone carries native histograms. They stand beside the classic buckets, and a server takes
//! those it knows.
//!
//! The messages are those of `io.prometheus.client` (client_model, metrics.proto), as far as they are needed.

use crate::explicit;
use crate::families::{AttributeValue, Family, Point, PointValue};
use crate::names::{Instrument, label};
use crate::point_times::PointTimes;
use prost::Message;

/// What it is called in `Content-Type`.
pub(super) const CONTENT_TYPE: &str =
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";
/// Up to where a duration is taken for zero: Prometheus's own default, 2^-128 s. Ours are whole nanoseconds.
const ZERO_THRESHOLD: f64 = 2.938_735_877_055_719e-39;

const COUNTER: i32 = 0;
const GAUGE: i32 = 1;
const HISTOGRAM: i32 = 4;

#[derive(Clone, PartialEq, Message)]
struct MetricFamily {
    #[prost(string, optional, tag = "1")]
    name: Option<String>,
    #[prost(string, optional, tag = "2")]
    help: Option<String>,
    #[prost(int32, optional, tag = "3")]
    kind: Option<i32>,
    #[prost(message, repeated, tag = "4")]
    metric: Vec<LabelledValue>,
}

#[derive(Clone, PartialEq, Message)]
struct LabelledValue {
    #[prost(message, repeated, tag = "1")]
    label: Vec<LabelPair>,
    #[prost(message, optional, tag = "2")]
    gauge: Option<NumberMessage>,
    #[prost(message, optional, tag = "3")]
    counter: Option<NumberMessage>,
    #[prost(message, optional, tag = "7")]
    histogram: Option<HistogramMessage>,
}

#[derive(Clone, PartialEq, Message)]
struct LabelPair {
    #[prost(string, optional, tag = "1")]
    name: Option<String>,
    #[prost(string, optional, tag = "2")]
    value: Option<String>,
}

/// Both `Gauge` and `Counter`.
#[derive(Clone, Copy, PartialEq, Message)]
struct NumberMessage {
    #[prost(double, optional, tag = "1")]
    value: Option<f64>,
}

#[derive(Clone, PartialEq, Message)]
struct HistogramMessage {
    #[prost(uint64, optional, tag = "1")]
    sample_count: Option<u64>,
    #[prost(double, optional, tag = "2")]
    sample_sum: Option<f64>,
    #[prost(message, repeated, tag = "3")]
    bucket: Vec<ClassicBucket>,
    #[prost(sint32, optional, tag = "5")]
    schema: Option<i32>,
    #[prost(double, optional, tag = "6")]
    zero_threshold: Option<f64>,
    #[prost(uint64, optional, tag = "7")]
    zero_count: Option<u64>,
    #[prost(message, repeated, tag = "12")]
    positive_span: Vec<BucketSpan>,
    #[prost(sint64, repeated, packed = "false", tag = "13")]
    positive_delta: Vec<i64>,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct ClassicBucket {
    #[prost(uint64, optional, tag = "1")]
    cumulative_count: Option<u64>,
    #[prost(double, optional, tag = "2")]
    upper_bound: Option<f64>,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct BucketSpan {
    #[prost(sint32, optional, tag = "1")]
    offset: Option<i32>,
    #[prost(uint32, optional, tag = "2")]
    length: Option<u32>,
}

/// The page of these families: each message after its length.
pub(super) fn page(families: &[Family<'_>]) -> Vec<u8> {
    families.iter().flat_map(|family| of_family(family).encode_length_delimited_to_vec()).collect()
}

fn of_family(family: &Family<'_>) -> MetricFamily {
    let metric = family.metric;
    let kind = match metric.instrument {
        Instrument::Counter => COUNTER,
        Instrument::Gauge => GAUGE,
        Instrument::Histogram => HISTOGRAM,
    };
    MetricFamily {
        name: Some(metric.for_prometheus()),
        help: Some(metric.description.to_owned()),
        kind: Some(kind),
        metric: family.points.iter().map(|point| of_point(metric.instrument, point)).collect(),
    }
}

fn of_point(instrument: Instrument, point: &Point<'_>) -> LabelledValue {
    let mut written =
        LabelledValue { label: point.attributes.iter().map(of_label).collect(), ..LabelledValue::default() };
    let value = match &point.value {
        PointValue::Times(times) => {
            written.histogram = Some(of_times(times));
            return written;
        }
        PointValue::Count(count) => *count as f64,
        PointValue::Real(real) => *real,
    };
    let place = if instrument == Instrument::Counter { &mut written.counter } else { &mut written.gauge };
    *place = Some(NumberMessage { value: Some(value) });
    written
}

fn of_label((name, value): &(&'static str, AttributeValue<'_>)) -> LabelPair {
    let value = match value {
        AttributeValue::Text(text) => text.to_string(),
        AttributeValue::Number(number) => number.to_string(),
    };
    LabelPair { name: Some(label(name)), value: Some(value) }
}

fn of_times(times: &PointTimes<'_>) -> HistogramMessage {
    let mut up_to = 0;
    let bounds = explicit::bounds_s().chain([f64::INFINITY]).zip(times.explicit());
    let bucket = bounds.map(|(bound, count)| {
        up_to += count;
        ClassicBucket { cumulative_count: Some(up_to), upper_bound: Some(bound) }
    });
    let bucket: Vec<ClassicBucket> = bucket.collect();
    let exponential = times.exponential();
    // Ours are told by their lower bounds, Prometheus's by their upper ones.
    let (offset, length) = (Some(exponential.offset + 1), Some(exponential.counts.len() as u32));
    let is_filled = !exponential.counts.is_empty();
    let mut before = 0;
    let deltas = exponential.counts.iter().map(|count| {
        let delta = *count as i64 - before;
        before = *count as i64;
        delta
    });
    HistogramMessage {
        sample_count: Some(up_to),
        sample_sum: Some(times.sum_s()),
        bucket,
        schema: Some(exponential.scale),
        zero_threshold: Some(ZERO_THRESHOLD),
        zero_count: Some(exponential.zero_count),
        positive_span: is_filled.then_some(BucketSpan { offset, length }).into_iter().collect(),
        positive_delta: deltas.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::distribution::Distribution;

    #[test]
    fn a_native_histogram_has_every_count_in_its_bucket() {
        let mut times = Distribution::new();
        [0, 1_000_000_000, 1_000_000_000, 2_000_000_000].into_iter().for_each(|ns| times.record(ns));
        let message = of_times(&(&times).into());
        assert_eq!((message.sample_count, message.zero_count, message.schema), (Some(4), Some(1), Some(4)));
        // To three digits one second is a little more than one: it is in the first bucket above, and two are 16 further up.
        assert_eq!((message.positive_span[0].offset, message.positive_span[0].length), (Some(1), Some(17)));
        let counts = message.positive_delta.iter().scan(0, |count, delta| {
            *count += delta;
            Some(*count)
        });
        let counts: Vec<i64> = counts.collect();
        assert_eq!((counts[0], counts[16], counts.iter().sum::<i64>()), (2, 1, 3));
        assert_eq!(message.bucket.last().unwrap().cumulative_count, Some(4));
        let read = HistogramMessage::decode(message.encode_to_vec().as_slice()).unwrap();
        assert_eq!(read, message);
    }

    #[test]
    fn one_without_times_is_a_native_histogram_too() {
        let message = of_times(&(&Distribution::new()).into());
        assert_eq!((message.sample_count, message.positive_span.len()), (Some(0), 0));
        assert!(message.zero_threshold.unwrap() > 0.0, "by this it is known for one");
    }
}
