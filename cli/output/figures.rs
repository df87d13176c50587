//! Numbers for people: grouped, rounded, each with its unit. The one place that decides how many digits are shown.

pub(crate) use engine::quantity::group;
use engine::quantity::show_ns;
use engine::report::Timing;

/// A figure of a block of times, nanoseconds.
type FigureOf = fn(&Timing) -> u64;

/// The percentiles that are shown, and how they are written everywhere.
pub(crate) const PERCENTILES: [(&str, FigureOf); 8] = [
    ("p50", |timing| timing.p50),
    ("p75", |timing| timing.p75),
    ("p90", |timing| timing.p90),
    ("p95", |timing| timing.p95),
    ("p99", |timing| timing.p99),
    ("p99.9", |timing| timing.p999),
    ("p99.99", |timing| timing.p9999),
    ("max", |timing| timing.max),
];

/// What stands where nothing was measured.
pub(crate) const NOTHING: &str = "-";

/// A duration, or nothing.
pub(crate) fn time(ns: Option<u64>) -> String {
    ns.map_or_else(|| NOTHING.to_owned(), show_ns)
}

/// A rate or another large number: whole numbers in groups of three, small ones with a decimal.
pub(crate) fn grouped(value: f64) -> String {
    if value < 100.0 { format!("{value:.1}") } else { group(value.round() as u64) }
}

/// With two decimals, rounded before it is split, so that what is rounded up is carried.
pub(crate) fn grouped_exactly(value: f64) -> String {
    let cents = (value * 100.0).round() as u64;
    format!("{}.{:02}", group(cents / 100), cents % 100)
}

/// A part of a whole, as a percentage.
pub(crate) fn share(part: u64, whole: u64) -> String {
    percentage(part as f64 / whole.max(1) as f64)
}

/// A share of 1 as a percentage of three digits. Only nothing is 0 %, and only all of it is 100 %.
pub(crate) fn percentage(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        0.0 => "0 %".to_owned(),
        percent if percent >= 100.0 => format!("{percent:.0} %"),
        percent if percent >= 99.95 => ">99.9 %".to_owned(),
        percent if percent >= 9.995 => format!("{percent:.1} %"),
        percent if percent >= 0.9995 => format!("{percent:.2} %"),
        percent if percent >= 0.0005 => format!("{percent:.3} %"),
        _ => "<0.001 %".to_owned(),
    }
}

/// A share as it was typed: no more decimals than it has, and two at most.
pub(crate) fn typed_percentage(share: f64) -> String {
    format!("{} %", (share * 1e4).round() / 1e2)
}

/// A length in seconds, without more digits than it has: a thousandth at the finest.
pub(crate) fn seconds(seconds: f64) -> String {
    format!("{} s", (seconds * 1e3).round() / 1e3)
}

/// A number of bytes.
pub(crate) fn bytes(bytes: f64) -> String {
    let units = ["B", "KiB", "MiB", "GiB"];
    let (mut value, mut unit) = (bytes, 0);
    while value >= 1_024.0 && unit + 1 < units.len() {
        value /= 1_024.0;
        unit += 1;
    }
    format!("{value:.1} {}", units[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_bytes_scaled() {
        assert_eq!((grouped(1_234_567.0).as_str(), grouped(3.25).as_str()), ("1,234,567", "3.2"));
        assert_eq!(grouped_exactly(9_999.996), "10,000.00", "what is rounded up is carried");
        assert_eq!(grouped_exactly(9_999.994), "9,999.99");
        assert_eq!((grouped_exactly(0.0).as_str(), grouped_exactly(0.05).as_str()), ("0.00", "0.05"));
        assert_eq!(bytes(1_536.0), "1.5 KiB");
        let shares = [(1, 8), (0, 8), (8, 8), (99_999, 100_000), (1, 80), (1, 1_000), (1, 1_000_000)];
        let shown = shares.map(|(part, whole)| share(part, whole));
        assert_eq!(shown, ["12.5 %", "0 %", "100 %", ">99.9 %", "1.25 %", "0.100 %", "<0.001 %"]);
        assert_eq!((typed_percentage(0.05).as_str(), typed_percentage(0.29).as_str()), ("5 %", "29 %"));
        assert_eq!((seconds(2.0).as_str(), seconds(0.121_378_000_000_000_01).as_str()), ("2 s", "0.121 s"));
    }
}
