//! Axes: which values have a tick, how a tick is labelled, and where a value lies between the ends.

use engine::quantity::{MICROSECOND_NS, MILLISECOND_NS, SECOND_NS, group};

/// Fewer ticks do not tell how values are spread.
const TICKS_MIN: i32 = 3;
/// Rates further apart than this are shown by magnitude: the lower ones would lie on each other.
const LINEAR_RATIO_MAX: f64 = 100.0;
/// Nearer to 100 % there is no room for the labels.
const NINES_MAX: f64 = 8.0;

/// How values lie on an axis.
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
pub(super) fn times(values: impl Iterator<Item = f64> + Clone, ticks_max: usize) -> Axis {
    let high_ns = values.clone().fold(1.0, f64::max);
    let low_ns = values.fold(high_ns, f64::min).max(1.0);
    logarithmic((low_ns, high_ns), ticks_max, show_time)
}

/// Rates from 0; on a scale of magnitudes from the lowest where they are magnitudes apart.
pub(super) fn rates(values: impl Iterator<Item = f64> + Clone, ticks_max: usize) -> Axis {
    let high = values.clone().fold(1e-3, f64::max);
    let low = values.fold(high, f64::min);
    if low > 0.0 && high / low > LINEAR_RATIO_MAX {
        return logarithmic((low, high), ticks_max, |rate_rps| show_rate(rate_rps, decimals_of(rate_rps)));
    }
    linear(high, ticks_max, show_rate)
}

/// Values from 0, in equal steps of 1, 2 or 5 times a power of ten.
pub(super) fn linear(high: f64, ticks_max: usize, show: fn(f64, usize) -> String) -> Axis {
    let (high, steps_max) = (high.max(1e-3), (ticks_max - 1) as f64);
    let exponent = (high / steps_max).log10().floor() as i32;
    let steps = [(1.0, exponent), (2.0, exponent), (5.0, exponent), (1.0, exponent + 1)];
    let fits = |&(digit, exponent): &(f64, i32)| high / scaled(digit, exponent) <= steps_max;
    let (digit, exponent) = steps.into_iter().find(fits).unwrap_or((2.0, exponent + 1));
    let count = (high / scaled(digit, exponent)).ceil().max(2.0) as u32;
    let decimals = (-exponent).max(0) as usize;
    let tick = |index: u32| {
        let value = scaled(digit * f64::from(index), exponent);
        (value, show(value, decimals))
    };
    let ticks: Vec<(f64, String)> = (0..=count).map(tick).collect();
    Axis { scale: Scale::Linear, low: 0.0, high: ticks[ticks.len() - 1].0, ticks }
}

/// From the round value below to the one above: all of 1, 2 and 5 in each decade, or powers of ten where those are too many.
fn logarithmic((low, high): (f64, f64), ticks_max: usize, show: impl Fn(f64) -> String) -> Axis {
    let (mut first, mut last) = (round_at_most(low), round_at_least(high));
    while last - first + 1 < TICKS_MIN {
        (first, last) = if first > 0 { (first - 1, last) } else { (first, last + 1) };
        last += i32::from(last - first + 1 < TICKS_MIN);
    }
    let mut step = 1;
    if (last - first + 1) as usize > ticks_max {
        (first, last) = (first.div_euclid(3) * 3, (last + 2).div_euclid(3) * 3);
        let decades = (last - first) as usize / 3;
        step = 3 * (decades + 1).div_ceil(ticks_max);
    }
    let ticks = (first..=last).step_by(step).map(round_number).map(|value| (value, show(value)));
    let (low, high) = (round_number(first), round_number(last));
    Axis { scale: Scale::Logarithmic, low, high, ticks: ticks.collect() }
}

/// Percentiles by their nearness to 100 % in decades (1 is 90 %, 2 is 99 %), as far as a nearness.
pub(super) fn percentiles(decades: f64) -> Axis {
    let decades = decades.clamp(1.0, NINES_MAX);
    let whole = (1..=decades.floor() as usize).map(|nines| (nines as f64, show_nines(nines)));
    // Beyond five decades its label would touch the next.
    let lowest = (decades <= 5.0).then(|| (0.0, "0 %".to_owned()));
    let ticks = lowest.into_iter().chain([(2_f64.log10(), "50 %".to_owned())]).chain(whole);
    Axis { scale: Scale::Linear, low: 0.0, high: decades, ticks: ticks.collect() }
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

/// Whole seconds, or parts of one.
pub(super) fn show_seconds(seconds: f64, decimals: usize) -> String {
    format!("{} s", grouped(seconds, decimals))
}

/// Decimals that a round rate needs.
fn decimals_of(rate_rps: f64) -> usize {
    (-rate_rps.log10()).ceil().max(0.0) as usize
}

/// A rate for people, with a fixed number of decimals.
pub(super) fn show_rate(rate_rps: f64, decimals: usize) -> String {
    format!("{}/s", grouped(rate_rps, decimals))
}

/// A number with commas between its thousands.
pub(super) fn grouped(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let (whole, fraction) = text.split_at(text.find('.').unwrap_or(text.len()));
    whole.parse().map_or_else(|_| text.clone(), |whole| format!("{}{fraction}", group(whole)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|(_, label)| label.as_str()).collect()
    }

    fn times_of(low: f64, high: f64) -> Axis {
        times([low, high].into_iter(), 12)
    }

    fn rates_of(low: f64, high: f64) -> Axis {
        rates([low, high].into_iter(), 8)
    }

    #[test]
    fn ticks_are_the_round_values_from_below_to_above() {
        let percents = ["0 %", "50 %", "90 %", "99 %", "99.9 %", "99.99 %"];
        for (axis, wanted) in [
            (times_of(6e5, 3e6), &["500 us", "1 ms", "2 ms", "5 ms"][..]),
            (times_of(1e6, 1e6), &["500 us", "1 ms", "2 ms"]),
            (times_of(1.0, 1.0), &["1 ns", "2 ns", "5 ns"]),
            (times_of(900.0, 2e6), &["500 ns", "1 us", "2 us", "5 us", "10 us", "20 us"]),
            (times_of(900.0, 2e9), &["100 ns", "1 us", "10 us", "100 us", "1 ms", "10 ms"]),
            (rates_of(1_000.0, 1_980.0), &["0/s", "500/s", "1,000/s", "1,500/s", "2,000/s"]),
            (rates_of(0.5, 0.9), &["0.0/s", "0.2/s", "0.4/s", "0.6/s", "0.8/s", "1.0/s"]),
            (rates_of(20_000.0, 80_000.0), &["0/s", "20,000/s", "40,000/s", "60,000/s", "80,000/s"]),
            (rates_of(100.0, 40_000.0), &["100/s", "1,000/s", "10,000/s", "100,000/s"]),
            (rates_of(0.5, 80.0), &["0.5/s", "1/s", "2/s", "5/s", "10/s", "20/s", "50/s", "100/s"]),
            (linear(29.0, 8, show_seconds), &["0 s", "5 s", "10 s", "15 s", "20 s", "25 s", "30 s"]),
            (percentiles(4.2), &percents),
            (percentiles(5.5), &["50 %", "90 %", "99 %", "99.9 %", "99.99 %", "99.999 %"]),
        ] {
            assert_eq!(labels(&axis)[..wanted.len()], *wanted);
        }
    }

    fn assert_readable(axis: &Axis, ticks_max: usize) {
        assert!((3..=ticks_max).contains(&axis.ticks.len()), "{:?}", axis.ticks);
        assert!(axis.ticks.windows(2).all(|pair| pair[0].0 < pair[1].0), "{:?}", axis.ticks);
        assert_eq!(labels(axis).into_iter().collect::<BTreeSet<_>>().len(), axis.ticks.len(), "{axis:?}");
        for label in labels(axis) {
            let digits = label.chars().filter(char::is_ascii_digit).collect::<String>();
            let significant = digits.trim_start_matches('0').trim_end_matches('0');
            assert!(significant.len() <= 3, "{label}");
        }
    }

    fn is_round(value: f64) -> bool {
        let text = format!("{value:e}");
        ["1", "2", "5"].contains(&text.split('e').next().unwrap_or_default())
    }

    proptest! {
        #[test]
        fn ticks_of_times_are_few_round_and_around_every_value(
            low in 0.0..12.0_f64, decades in 0.0..12.0_f64, ticks_max in 6_usize..=12
        ) {
            let (low, high) = (10_f64.powf(low), 10_f64.powf((low + decades).min(13.0)));
            let axis = times([high, low].into_iter(), ticks_max);
            assert_readable(&axis, ticks_max);
            prop_assert!(axis.low <= low && axis.high >= high, "{axis:?}");
            prop_assert!(axis.ticks.iter().all(|(value, _)| is_round(*value)), "{axis:?}");
        }

        #[test]
        fn ticks_of_rates_are_few_and_in_round_steps(
            low in -2.0..8.0_f64, decades in 0.0..8.0_f64, ticks_max in 6_usize..=12
        ) {
            let (low, high) = (10_f64.powf(low), 10_f64.powf((low + decades).min(9.0)));
            let axis = rates([low, high].into_iter(), ticks_max);
            assert_readable(&axis, ticks_max);
            prop_assert!(axis.high >= high && axis.low <= low && is_round(axis.ticks[1].0), "{axis:?}");
        }

        #[test]
        fn ticks_of_percentiles_go_as_far_as_the_data(decades in 0.0..12.0_f64) {
            let axis = percentiles(decades);
            prop_assert!((3..=12).contains(&axis.ticks.len()));
            prop_assert!(axis.ticks.windows(2).all(|pair| pair[0].0 < pair[1].0), "{axis:?}");
            prop_assert!(axis.ticks.iter().all(|(value, _)| *value <= axis.high), "{axis:?}");
        }
    }
}
