//! What was measured of each rung, beside the run of its round without telemetry, and the limits of both.

use super::threads::SpentByThreads;
use crate::budgets::{self, Gate};
use crate::statistics::{median, median_interval};
use crate::table::Table;
use engine::quantity::show_ns;
use engine::report::Report;

const MIB: f64 = 1024.0 * 1024.0;
/// Up to here the limit is that of few series.
pub(super) const FEW_SERIES: u32 = 10;

/// One run of one rung.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct RungSample {
    /// CPU time of the shards for a request, without what was spent watching the clock.
    pub(super) shard_ns: f64,
    /// CPU time of telemetry's threads, and of the collector of snapshots, in each second of the run.
    pub(super) telemetry_ms_per_s: f64,
    pub(super) collector_ms_per_s: f64,
    pub(super) slip_p99_ns: f64,
    pub(super) resident_bytes: f64,
}

/// A figure beside its limit.
#[derive(Clone, Copy, Debug, PartialEq)]
struct HeldFigure {
    median: f64,
    /// Where the median lies.
    low: f64,
    high: f64,
    limit: f64,
    /// What is held against the limit.
    held: f64,
}

impl RungSample {
    /// Of a run; nothing where no request ended.
    pub(super) fn of(report: &Report, spent: SpentByThreads) -> Option<RungSample> {
        let requests = report.requests.ok + report.requests.failed;
        let shards = &report.cpu.shards;
        let worked_s: f64 = shards.iter().map(|shard| shard.user_s + shard.sys_s - shard.spun_s).sum();
        let per_s = |cpu_ns: u64| cpu_ns as f64 / 1e6 / report.window_s;
        (requests > 0 && report.window_s > 0.0).then(|| RungSample {
            shard_ns: worked_s * 1e9 / requests as f64,
            telemetry_ms_per_s: per_s(spent.telemetry_ns),
            collector_ms_per_s: per_s(spent.collector_ns),
            slip_p99_ns: report.slip_ns.p99 as f64,
            resident_bytes: report.cpu.resident_bytes_max as f64,
        })
    }
}

impl HeldFigure {
    /// A ratio of two runs, both of which are noisy: beyond its limit for sure, or not at all.
    fn ratio(values: &[f64], limit: f64) -> HeldFigure {
        let interval = median_interval(values);
        HeldFigure {
            median: median(values),
            low: interval.low,
            high: interval.high,
            limit,
            held: interval.low,
        }
    }

    /// An amount, whose limit has room for noise: one round of several that was low does not make it pass.
    fn amount(values: &[f64], limit: f64) -> HeldFigure {
        HeldFigure { held: median(values), ..HeldFigure::ratio(values, limit) }
    }

    fn is_beyond(&self) -> bool {
        self.held > self.limit
    }
}

/// The table of all rungs, the first of which has nothing of telemetry, and whether all others are within their limits.
pub(super) fn told(measured: &[(&str, Vec<RungSample>)], series: u32) -> (Table, Gate) {
    let mut table = Table::new(&[
        "rung",
        "shards, ns/request",
        "of off (allowed)",
        "telemetry, ms/s (allowed)",
        "collector, ms/s",
        "slip p99",
        "of off",
        "memory, MiB",
        "more than off (allowed)",
        "verdict",
    ]);
    let Some((_, off)) = measured.first() else { return (table, Gate::Failed) };
    let mut beyond = 0;
    for (index, (name, samples)) in measured.iter().enumerate() {
        let held = held(samples, off, series);
        let of = |value: fn(&RungSample) -> f64| median(&samples.iter().map(value).collect::<Vec<_>>());
        // Beside itself there is nothing to be said of it.
        let beside = |text: String| if index == 0 { String::new() } else { text };
        let [cpu, telemetry, slip, memory] = held;
        let words = beyond_words(&held);
        let verdict = match words.as_str() {
            "" => Gate::Passed.word().to_owned(),
            words => format!("{}: {words}", Gate::Failed.word()),
        };
        beyond += usize::from(index > 0 && !words.is_empty());
        table.push(vec![
            (*name).to_owned(),
            format!("{:.0}", of(|sample| sample.shard_ns)),
            beside(format!("{:.3} [{:.3}, {:.3}] ({:.2})", cpu.median, cpu.low, cpu.high, cpu.limit)),
            beside(format!("{:.2} ({:.0})", of(|sample| sample.telemetry_ms_per_s), telemetry.limit)),
            format!("{:.2}", of(|sample| sample.collector_ms_per_s)),
            show_ns(of(|sample| sample.slip_p99_ns) as u64),
            beside(format!("{:.2} [{:.2}, {:.2}]", slip.median, slip.low, slip.high)),
            format!("{:.1}", of(|sample| sample.resident_bytes) / MIB),
            beside(format!("{:+.1} ({:.0})", memory.median, memory.limit)),
            beside(verdict),
        ]);
    }
    (table, Gate::when(beyond == 0))
}

/// CPU of shards as a ratio, CPU of telemetry in ms/s, slip as a ratio, and memory as a difference in MiB: of each round, beside its run without
/// telemetry.
fn held(samples: &[RungSample], off: &[RungSample], series: u32) -> [HeldFigure; 4] {
    let rounds = |figure: &dyn Fn(&RungSample, &RungSample) -> f64| -> Vec<f64> {
        samples.iter().zip(off).map(|(sample, off)| figure(sample, off)).collect()
    };
    let ratio = |value: f64, of: f64| if of > 0.0 { value / of } else { 1.0 };
    let is_few = series <= FEW_SERIES;
    let telemetry =
        rounds(&|sample, _| sample.telemetry_ms_per_s + if is_few { 0.0 } else { sample.collector_ms_per_s });
    let telemetry_max =
        if is_few { budgets::TELEMETRY_FEW_MS_PER_S_MAX } else { budgets::TELEMETRY_MANY_MS_PER_S_MAX };
    [
        HeldFigure::ratio(
            &rounds(&|sample, off| ratio(sample.shard_ns, off.shard_ns)),
            budgets::TELEMETRY_SHARD_CPU_RATIO_MAX,
        ),
        HeldFigure::amount(&telemetry, telemetry_max),
        // Within noise: the interval has the ratio of what is the same.
        HeldFigure::ratio(&rounds(&|sample, off| ratio(sample.slip_p99_ns, off.slip_p99_ns)), 1.0),
        HeldFigure::amount(
            &rounds(&|sample, off| (sample.resident_bytes - off.resident_bytes) / MIB),
            budgets::TELEMETRY_MEMORY_MIB_MAX,
        ),
    ]
}

/// Which of them are beyond their limits.
fn beyond_words(held: &[HeldFigure; 4]) -> String {
    let names = ["shards", "telemetry", "slip", "memory"].into_iter().zip(held);
    names.filter(|(_, figure)| figure.is_beyond()).map(|(name, _)| name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFF: RungSample = RungSample {
        shard_ns: 1_000.0,
        telemetry_ms_per_s: 0.0,
        collector_ms_per_s: 2.0,
        slip_p99_ns: 5_000.0,
        resident_bytes: 20.0 * MIB,
    };

    /// Seven rounds of which each is so many times the one without telemetry.
    fn rounds(of: impl Fn(f64) -> RungSample) -> Vec<RungSample> {
        [0.97, 0.98, 0.99, 1.0, 1.01, 1.02, 1.03].map(of).to_vec()
    }

    fn verdict(of: impl Fn(f64) -> RungSample, series: u32) -> (String, Gate) {
        let measured = [("off", vec![OFF; 7]), ("on", rounds(of))];
        let gate = told(&measured, series).1;
        (beyond_words(&held(&measured[1].1, &measured[0].1, series)), gate)
    }

    #[test]
    fn what_is_within_its_limits_passes_and_each_that_is_beyond_is_named() {
        let within = |noise: f64| RungSample {
            shard_ns: 1_005.0 * noise,
            telemetry_ms_per_s: 14.0,
            slip_p99_ns: 5_000.0 * noise,
            resident_bytes: 31.0 * MIB,
            ..OFF
        };
        assert_eq!(verdict(within, 10), (String::new(), Gate::Passed));
        let dear = move |noise: f64| RungSample { shard_ns: 1_100.0 * noise, ..within(noise) };
        assert_eq!(verdict(dear, 10), ("shards".to_owned(), Gate::Failed));
        let busy = move |noise: f64| RungSample { telemetry_ms_per_s: 16.0, ..within(noise) };
        assert_eq!(verdict(busy, 10), ("telemetry".to_owned(), Gate::Failed));
        let late = move |noise: f64| RungSample { slip_p99_ns: 10_000.0 * noise, ..within(noise) };
        let large = move |noise: f64| RungSample { resident_bytes: 33.0 * MIB, ..late(noise) };
        assert_eq!(verdict(large, 10), ("slip, memory".to_owned(), Gate::Failed));
    }

    #[test]
    fn an_amount_that_is_beyond_its_limit_in_all_rounds_but_one_has_failed() {
        let is_low = |noise: f64| noise == 0.97;
        let busy = |noise| RungSample { telemetry_ms_per_s: if is_low(noise) { 14.9 } else { 16.0 }, ..OFF };
        assert_eq!(verdict(busy, 10), ("telemetry".to_owned(), Gate::Failed));
        let more = |noise| if is_low(noise) { 11.0 } else { 30.0 };
        let large = |noise| RungSample { resident_bytes: OFF.resident_bytes + more(noise) * MIB, ..OFF };
        assert_eq!(verdict(large, 10), ("memory".to_owned(), Gate::Failed));
        let once = |noise| RungSample { telemetry_ms_per_s: if is_low(noise) { 16.0 } else { 14.9 }, ..OFF };
        assert_eq!(verdict(once, 10), (String::new(), Gate::Passed));
    }

    #[test]
    fn what_may_be_noise_is_not_held_against_it() {
        // The median is beyond 1 %, and the interval is not.
        let noisy = |noise: f64| RungSample { shard_ns: 1_015.0 * noise, ..OFF };
        assert_eq!(verdict(noisy, 10), (String::new(), Gate::Passed));
    }

    #[test]
    fn of_many_series_the_collector_counts_too_and_more_is_allowed() {
        let of = |telemetry_ms_per_s: f64| move |_: f64| RungSample { telemetry_ms_per_s, ..OFF };
        assert_eq!(verdict(of(147.0), 100).1, Gate::Passed);
        assert_eq!(verdict(of(149.0), 100), ("telemetry".to_owned(), Gate::Failed));
    }

    #[test]
    fn each_round_is_beside_its_own_run_without_telemetry() {
        // The machine becomes slower from round to round, and telemetry costs a tenth.
        let off: Vec<RungSample> = (1..=7).map(|n| RungSample { shard_ns: f64::from(n), ..OFF }).collect();
        let on: Vec<RungSample> =
            off.iter().map(|off| RungSample { shard_ns: 1.1 * off.shard_ns, ..*off }).collect();
        let [cpu, ..] = held(&on, &off, 10);
        assert!((cpu.low - 1.1).abs() < 1e-9 && (cpu.high - 1.1).abs() < 1e-9, "{cpu:?}");
        let (table, _) = told(&[("off", off), ("on", on)], 10);
        let text = table.text();
        assert!(text.contains("1.100 [1.100, 1.100] (1.01)") && text.contains("FAIL: shards"), "{text}");
    }
}
