//! Prometheus's text format, version 0.0.4, with classic buckets.

use crate::explicit;
use crate::families::{AttributeValue, Family, Point, PointValue};
use crate::names::{Instrument, label};
use crate::point_times::PointTimes;
use std::fmt::Write;

/// What it is called in `Content-Type`.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The page of these families.
pub(super) fn page(families: &[Family<'_>]) -> Vec<u8> {
    let mut out = String::new();
    families.iter().for_each(|family| write_family(family, &mut out));
    out.into_bytes()
}

fn write_family(family: &Family<'_>, out: &mut String) {
    let name = family.metric.for_prometheus();
    let kind = match family.metric.instrument {
        Instrument::Counter => "counter",
        Instrument::Gauge => "gauge",
        Instrument::Histogram => "histogram",
    };
    put(out, format_args!("# HELP {name} {}\n# TYPE {name} {kind}\n", family.metric.description));
    for point in &family.points {
        let labels = labels(point);
        match &point.value {
            PointValue::Count(count) => put(out, format_args!("{name}{{{labels}}} {count}\n")),
            PointValue::Real(real) => put(out, format_args!("{name}{{{labels}}} {real}\n")),
            PointValue::Times(times) => write_histogram(&name, &labels, times, out),
        }
    }
}

fn write_histogram(name: &str, labels: &str, times: &PointTimes<'_>, out: &mut String) {
    let mut up_to = 0;
    let counts = times.explicit();
    let bounds = explicit::bounds_s().map(|bound| bound.to_string()).chain(["+Inf".to_owned()]);
    for (bound, count) in bounds.zip(counts) {
        up_to += count;
        put(out, format_args!("{name}_bucket{{{labels},le=\"{bound}\"}} {up_to}\n"));
    }
    let sum_s = times.sum_s();
    put(out, format_args!("{name}_sum{{{labels}}} {sum_s}\n{name}_count{{{labels}}} {up_to}\n"));
}

fn labels(point: &Point<'_>) -> String {
    let each = point.attributes.iter().map(|(name, value)| match value {
        AttributeValue::Text(text) => format!("{}=\"{}\"", label(name), escaped(text)),
        AttributeValue::Number(number) => format!("{}=\"{number}\"", label(name)),
    });
    each.collect::<Vec<_>>().join(",")
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a text takes what is written to it");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::{METRICS, OK, SLIP};
    use engine::distribution::Distribution;

    #[test]
    fn a_page_has_the_form_of_the_text_format() {
        let mut times = Distribution::new();
        [0, 15_000, 70_000_000_000].into_iter().for_each(|ns| times.record(ns));
        let of = |name: &str| METRICS.iter().find(|metric| metric.name == name).unwrap();
        let attributes = |text: &'static str| vec![("vajra.step", AttributeValue::Text(text.into()))];
        let families = [
            Family {
                metric: of(SLIP),
                points: vec![Point {
                    attributes: attributes("a"),
                    value: PointValue::Times((&times).into()),
                }],
            },
            Family {
                metric: of(OK),
                points: vec![Point { attributes: attributes("\"\\\n"), value: PointValue::Count(3) }],
            },
        ];
        let page = String::from_utf8(page(&families)).unwrap();
        let lines: Vec<&str> = page.lines().collect();
        assert!(lines[0].starts_with("# HELP vajra_slip_duration_seconds How much later"));
        assert_eq!(lines[1], "# TYPE vajra_slip_duration_seconds histogram");
        assert_eq!(lines[2], "vajra_slip_duration_seconds_bucket{vajra_step=\"a\",le=\"0.00001\"} 1");
        assert_eq!(lines[3], "vajra_slip_duration_seconds_bucket{vajra_step=\"a\",le=\"0.00002\"} 2");
        assert_eq!(lines[24], "vajra_slip_duration_seconds_bucket{vajra_step=\"a\",le=\"+Inf\"} 3");
        assert_eq!(lines[25], "vajra_slip_duration_seconds_sum{vajra_step=\"a\"} 70.000015");
        assert_eq!(lines[26], "vajra_slip_duration_seconds_count{vajra_step=\"a\"} 3");
        assert_eq!(lines[29], r#"vajra_requests_ok_total{vajra_step="\"\\\n"} 3"#);
    }
}
