//! Families as an encoded `ExportMetricsServiceRequest`: the same bytes for the body of HTTP and the message of gRPC.

use super::settings::{HistogramForm, OtlpSettings, Temporality};
use crate::batch::{ExportBatch, ExportSignal};
use crate::explicit;
use crate::families::{AttributeValue, Family, Point, PointValue};
use crate::names::{Instrument, MetricName, RUN_ID};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram,
    HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;

/// The stretch of time that points are of, in nanoseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub struct UnixStretch {
    /// Where it begins.
    pub from_unix_ns: u64,
    /// Where it ends.
    pub to_unix_ns: u64,
}

/// A request with these families, encoded.
pub fn encode(
    families: &[Family<'_>],
    stretch: UnixStretch,
    run_id: &str,
    settings: &OtlpSettings,
) -> ExportBatch {
    let encoder = PointEncoder { stretch, settings };
    let metrics: Vec<Metric> = families.iter().filter_map(|family| encoder.metric(family)).collect();
    let points = metrics.iter().map(points_of).sum();
    let scope = InstrumentationScope {
        name: "vajra".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    };
    let scope_metrics = vec![ScopeMetrics { scope: Some(scope), metrics, schema_url: String::new() }];
    let resource = Some(resource(run_id, settings));
    let resource_metrics = vec![ResourceMetrics { resource, scope_metrics, schema_url: String::new() }];
    let body = ExportMetricsServiceRequest { resource_metrics }.encode_to_vec();
    let is_delta = settings.temporality == Temporality::Delta;
    ExportBatch { signal: ExportSignal::Metrics, body: body.into(), points, is_delta }
}

fn resource(run_id: &str, settings: &OtlpSettings) -> Resource {
    let own = [
        ("service.name", settings.service_name.as_str()),
        ("service.version", env!("CARGO_PKG_VERSION")),
        ("service.instance.id", run_id),
        (RUN_ID, run_id),
    ];
    let given = settings.resource.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let is_own = |name: &str| own.iter().any(|(own, _)| *own == name);
    let all = own.into_iter().chain(given.filter(|(name, _)| !is_own(name)));
    let attributes = all.map(|(name, value)| key_value(name, Value::StringValue(value.to_owned())));
    Resource { attributes: attributes.collect(), ..Resource::default() }
}

struct PointEncoder<'a> {
    stretch: UnixStretch,
    settings: &'a OtlpSettings,
}

impl PointEncoder<'_> {
    /// A metric that has points to tell; of deltas, those that are nothing are not told.
    fn metric(&self, family: &Family<'_>) -> Option<Metric> {
        let is_level = family.metric.instrument == Instrument::Gauge;
        let is_told = |point: &&Point<'_>| {
            is_level || self.settings.temporality == Temporality::Cumulative || !is_nothing(point)
        };
        let points: Vec<&Point<'_>> = family.points.iter().filter(is_told).collect();
        if points.is_empty() {
            return None;
        }
        let MetricName { name, instrument, unit, description, .. } = family.metric;
        Some(Metric {
            name: (*name).to_owned(),
            description: (*description).to_owned(),
            unit: unit.ucum().to_owned(),
            metadata: Vec::new(),
            data: Some(self.data(*instrument, &points)),
        })
    }

    fn data(&self, instrument: Instrument, points: &[&Point<'_>]) -> Data {
        let aggregation_temporality = match self.settings.temporality {
            Temporality::Cumulative => AggregationTemporality::Cumulative as i32,
            Temporality::Delta => AggregationTemporality::Delta as i32,
        };
        match (instrument, self.settings.histograms) {
            (Instrument::Gauge, _) => {
                let data_points = points.iter().map(|point| self.number(point, 0)).collect();
                Data::Gauge(Gauge { data_points })
            }
            (Instrument::Counter, _) => {
                let from = self.stretch.from_unix_ns;
                let data_points = points.iter().map(|point| self.number(point, from)).collect();
                Data::Sum(Sum { data_points, aggregation_temporality, is_monotonic: true })
            }
            (Instrument::Histogram, HistogramForm::Exponential) => {
                let data_points = points.iter().filter_map(|point| self.exponential(point)).collect();
                Data::ExponentialHistogram(ExponentialHistogram { data_points, aggregation_temporality })
            }
            (Instrument::Histogram, HistogramForm::Explicit) => {
                let data_points = points.iter().filter_map(|point| self.explicit(point)).collect();
                Data::Histogram(Histogram { data_points, aggregation_temporality })
            }
        }
    }

    fn number(&self, point: &Point<'_>, start_time_unix_nano: u64) -> NumberDataPoint {
        // No run counts as far as half of what 64 bits hold.
        let whole = |count: u64| number_data_point::Value::AsInt(i64::try_from(count).unwrap_or(i64::MAX));
        let value = match &point.value {
            PointValue::Count(count) => whole(*count),
            PointValue::Real(real) => number_data_point::Value::AsDouble(*real),
            PointValue::Times(times) => whole(times.count()),
        };
        NumberDataPoint {
            attributes: attributes(point),
            start_time_unix_nano,
            time_unix_nano: self.stretch.to_unix_ns,
            value: Some(value),
            ..NumberDataPoint::default()
        }
    }

    fn exponential(&self, point: &Point<'_>) -> Option<ExponentialHistogramDataPoint> {
        let PointValue::Times(times) = &point.value else { return None };
        let buckets = times.exponential();
        let (min, max) = times.bounds_s();
        Some(ExponentialHistogramDataPoint {
            attributes: attributes(point),
            start_time_unix_nano: self.stretch.from_unix_ns,
            time_unix_nano: self.stretch.to_unix_ns,
            count: buckets.count(),
            sum: Some(times.sum_s()),
            scale: buckets.scale,
            zero_count: buckets.zero_count,
            positive: Some(Buckets { offset: buckets.offset, bucket_counts: buckets.counts }),
            min,
            max,
            ..ExponentialHistogramDataPoint::default()
        })
    }

    fn explicit(&self, point: &Point<'_>) -> Option<HistogramDataPoint> {
        let PointValue::Times(times) = &point.value else { return None };
        let (min, max) = times.bounds_s();
        Some(HistogramDataPoint {
            attributes: attributes(point),
            start_time_unix_nano: self.stretch.from_unix_ns,
            time_unix_nano: self.stretch.to_unix_ns,
            count: times.count(),
            sum: Some(times.sum_s()),
            bucket_counts: times.explicit().to_vec(),
            explicit_bounds: explicit::bounds_s().collect(),
            min,
            max,
            ..HistogramDataPoint::default()
        })
    }
}

fn is_nothing(point: &Point<'_>) -> bool {
    match &point.value {
        PointValue::Count(count) => *count == 0,
        PointValue::Real(real) => *real == 0.0,
        PointValue::Times(times) => times.count() == 0,
    }
}

fn attributes(point: &Point<'_>) -> Vec<KeyValue> {
    let each = point.attributes.iter().map(|(name, value)| match value {
        AttributeValue::Text(text) => key_value(name, Value::StringValue(text.to_string())),
        AttributeValue::Number(number) => key_value(name, Value::IntValue(*number)),
    });
    each.collect()
}

fn key_value(name: &str, value: Value) -> KeyValue {
    KeyValue { key: name.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

fn points_of(metric: &Metric) -> u64 {
    let points = match &metric.data {
        Some(Data::Gauge(gauge)) => gauge.data_points.len(),
        Some(Data::Sum(sum)) => sum.data_points.len(),
        Some(Data::Histogram(histogram)) => histogram.data_points.len(),
        Some(Data::ExponentialHistogram(histogram)) => histogram.data_points.len(),
        Some(Data::Summary(_)) | None => 0,
    };
    points as u64
}
