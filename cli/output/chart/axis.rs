//! Axes: which values have a tick, how a tick is labelled, and where a value lies between the ends.

use engine::quantity::{MICROSECOND_NS, MILLISECOND_NS, SECOND_NS};

/// More ticks than this on one axis are too close to be read.
const TICKS_MAX: usize = 12;
const TICKS_MIN: usize = 3;
/// Steps of a linear axis, at the most.
const STEPS_MAX: f64 = 9.0;

/// How values are spread over an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scale {
    Linear,
    Logarithmic,
}

/// The ends of an axis, and its ticks with their labels.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    scale: Scale,
    low: f64,
    high: f64,
    pub(super) ticks: Vec<(f64, String)>,
}

impl Axis {
    /// Where a value lies, from 0 at the lower end to 1 at the upper.
    pub(super) fn share(&self, value: f64) -> f64 {
        let share = match self.scale {
            Scale::Linear => (value - self.low) / (self.high - self.low),
            Scale::Logarithmic => (value / self.low).log10() / (self.high / self.low).log10(),
        };
        share.clamp(0.0, 1.0)
    }
}

/// Times in nanoseconds, on a scale of magnitudes, from a round value to a round value.
pub(super) fn times(low_ns: f64, high_ns: f64) -> Axis {
    let low_ns = low_ns.max(1.0);
    let (mut first, mut last) = (round_at_most(low_ns), round_at_least(high_ns.max(low_ns)));
    while last - first + 1 < TICKS_MIN as i32 {
        last += 1;
        if last - first + 1 < TICKS_MIN as i32 && first > 0 {
            first -= 1;
        }
    }
    let all: Vec<i32> = (first..=last).collect();
    let decades = || all.iter().copied().filter(|index| index % 3 == 0);
    let every = decades().count().div_ceil(TICKS_MAX).max(1);
    let shown: Vec<i32> =
        if all.len() <= TICKS_MAX { all.clone() } else { decades().step_by(every).collect() };
    let ticks = shown.into_iter().map(round_number).map(|ns| (ns, show_time(ns))).collect();
    Axis { scale: Scale::Logarithmic, low: round_number(first), high: round_number(last), ticks }
}

/// Rates from 0, in equal steps of 1, 2 or 5 times a power of ten.
pub(super) fn rates(high_rps: f64) -> Axis {
    let high = high_rps.max(1e-3);
    let exponent = (high / STEPS_MAX).log10().floor() as i32;
    let steps = [(1.0, exponent), (2.0, exponent), (5.0, exponent), (1.0, exponent + 1)];
    let fits = |&(digit, exponent): &(f64, i32)| high / scaled(digit, exponent) <= STEPS_MAX;
    let (digit, exponent) = steps.into_iter().find(fits).unwrap_or((2.0, exponent + 1));
    let count = (high / scaled(digit, exponent)).ceil().max(2.0) as u32;
    let decimals = (-exponent).max(0) as usize;
    let tick = |index: u32| {
        let rate = scaled(digit * f64::from(index), exponent);
        (rate, show_rate(rate, decimals))
    };
    let ticks: Vec<(f64, String)> = (0..=count).map(tick).collect();
    Axis { scale: Scale::Linear, low: 0.0, high: ticks[ticks.len() - 1].0, ticks }
}

/// Percentiles by their nearness to 100 % in decades (1 is 90 %, 2 is 99 %), as far as a nearness.
pub(super) fn percentiles(decades: f64) -> Axis {
    let whole = (1..=decades.floor().max(1.0) as usize).map(|nines| (nines as f64, show_nines(nines)));
    let ticks = [(0.0, "0 %".to_owned()), (2_f64.log10(), "50 %".to_owned())].into_iter().chain(whole);
    Axis { scale: Scale::Linear, low: 0.0, high: decades.max(1.0), ticks: ticks.collect() }
}

fn show_nines(nines: usize) -> String {
    match nines {
        1 => "90 %".to_owned(),
        2 => "99 %".to_owned(),
        more => format!("99.{} %", "9".repeat(more - 2)),
    }
}

/// Round numbers have an index: 1, 2, 5, 10, 20, 50 are 0 to 5.
fn round_number(index: i32) -> f64 {
    scaled([1.0, 2.0, 5.0][index.rem_euclid(3) as usize], index.div_euclid(3))
}

/// A digit times a power of ten. Divided by a whole power where it is a fraction, which is nearer than times a fraction.
fn scaled(digit: f64, exponent: i32) -> f64 {
    if exponent < 0 { digit / 10_f64.powi(-exponent) } else { digit * 10_f64.powi(exponent) }
}

fn round_at_most(value: f64) -> i32 {
    let near = 3 * value.log10().floor() as i32 + 3;
    (near - 4..=near).rev().find(|index| round_number(*index) <= value).unwrap_or(near - 4)
}

fn round_at_least(value: f64) -> i32 {
    let near = 3 * value.log10().floor() as i32;
    (near..near + 5).find(|index| round_number(*index) >= value).unwrap_or(near + 4)
}

fn show_time(ns: f64) -> String {
    let units = [(SECOND_NS, "s"), (MILLISECOND_NS, "ms"), (MICROSECOND_NS, "us")];
    let fitting = units.into_iter().find(|(unit_ns, _)| ns >= *unit_ns as f64);
    let (unit_ns, unit) = fitting.unwrap_or((1, "ns"));
    format!("{} {unit}", grouped(ns / unit_ns as f64, 0))
}

/// A rate for people, with a fixed number of decimals.
pub(super) fn show_rate(rate_rps: f64, decimals: usize) -> String {
    format!("{}/s", grouped(rate_rps, decimals))
}

/// A number with commas between its thousands.
pub(super) fn grouped(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let (whole, fraction) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut shown = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown + fraction
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|(_, label)| label.as_str()).collect()
    }

    #[test]
    fn ticks_are_the_round_values_from_below_to_above() {
        assert_eq!(labels(&times(6e5, 3e6)), ["500 us", "1 ms", "2 ms", "5 ms"]);
        assert_eq!(labels(&times(1e6, 1e6)), ["500 us", "1 ms", "2 ms"]);
        assert_eq!(labels(&times(900.0, 2e9))[..3], ["1 us", "10 us", "100 us"]);
        assert_eq!(labels(&rates(1_980.0)), ["0/s", "500/s", "1,000/s", "1,500/s", "2,000/s"]);
        assert_eq!(labels(&rates(0.9))[..3], ["0.0/s", "0.1/s", "0.2/s"]);
        assert_eq!(labels(&rates(80_000.0))[..3], ["0/s", "10,000/s", "20,000/s"]);
        assert_eq!(labels(&percentiles(4.2)), ["0 %", "50 %", "90 %", "99 %", "99.9 %", "99.99 %"]);
    }

    fn assert_readable(axis: &Axis) {
        assert!((TICKS_MIN..=TICKS_MAX).contains(&axis.ticks.len()), "{:?}", axis.ticks);
        assert!(axis.ticks.windows(2).all(|pair| pair[0].0 < pair[1].0), "{:?}", axis.ticks);
        assert_eq!(labels(axis).into_iter().collect::<BTreeSet<_>>().len(), axis.ticks.len());
        for label in labels(axis) {
            let digits = label.chars().filter(char::is_ascii_digit).collect::<String>();
            let significant = digits.trim_start_matches('0').trim_end_matches('0');
            assert!(significant.len() <= 6, "{label}");
        }
    }

    fn is_round(value: f64) -> bool {
        let text = format!("{value:e}");
        ["1", "2", "5"].contains(&text.split('e').next().unwrap_or_default())
    }

    proptest! {
        #[test]
        fn ticks_of_times_are_few_round_and_around_every_value(low in 0.0..12.0_f64, decades in 0.0..12.0_f64) {
            let (low, high) = (10_f64.powf(low), 10_f64.powf((low + decades).min(13.0)));
            let axis = times(low, high);
            assert_readable(&axis);
            prop_assert!(axis.low <= low && axis.high >= high, "{axis:?}");
            prop_assert!(axis.ticks.iter().all(|(value, _)| is_round(*value)), "{axis:?}");
        }

        #[test]
        fn ticks_of_rates_are_few_and_in_round_steps(exponent in -2.0..8.0_f64) {
            let high = 10_f64.powf(exponent);
            let axis = rates(high);
            assert_readable(&axis);
            prop_assert!(axis.high >= high && is_round(axis.ticks[1].0), "{axis:?}");
        }
    }
}
