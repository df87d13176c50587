//! When a warm-up has ended, told from the run itself while it goes on.
//!
//! MSER-5: White, *An effective truncation heuristic for bias reduction in simulation output*, Simulation 69 (1997), in the
//! variant of White, Cobb & Spratt, Winter Simulation Conference 2000. The series is put into batches of five; the start to be
//! cut off is the one that makes the standard error of the rest's mean least. After Hoad, Robinson & Davies, *Automating warm-up
//! length estimation*, Journal of the Operational Research Society 61 (2010), a cut in the second half means that the series has
//! not settled yet, and a cut among the last five batches is never taken. All on logarithms, because a warm-up is a factor.
//!
//! Two things are added. A batch is the median of its five, not their mean, so that a single hiccup moves nothing. And what is
//! left must neither rise nor fall (Mann–Kendall): within the first half of a slow decline, MSER is content with what is small
//! against the noise of one batch.

use crate::statistics::median;
use crate::statistics::trend::trend;

/// Slices in a batch.
pub const BATCH: usize = 5;
/// Batches at the end that are never cut off: the variance of fewer is not to be relied on.
const KEPT_MIN: usize = 5;
/// Batches that have to be left for a verdict: fewer do not show a trend.
const LEFT_MIN: usize = 8;
/// Batches that are kept; beyond, neighbours are merged, so memory is flat.
const BATCHES_MAX: usize = 256;
/// A trend is one when it is so many standard errors from none: two-sided, 5 %.
const TREND_ERRORS: f64 = 1.96;
/// A trend that changes what is left by less than this, as a logarithm, is none: 2 %.
const TREND_MATERIAL: f64 = 0.02;
/// One that changes it by more than this is one even where the noise could have made it: 10 %.
const TREND_LARGE: f64 = 0.10;
/// Trends are looked for among so many parts of what is left; more would only cost.
const TREND_PARTS: usize = 64;
/// So many batches in a row have to agree that the series has settled.
const AGREEING: usize = 3;

/// What is watched of one slice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// Median response time, nanoseconds.
    pub median_ns: f64,
    /// 90th percentile of response time, nanoseconds.
    pub p90_ns: f64,
    /// Requests that ended, per second; only of a closed loop, where it is the target's and not the schedule's.
    pub rate_rps: Option<f64>,
}

/// Watches a run until it has settled.
#[derive(Clone, Debug)]
pub struct Steady {
    slices_min: usize,
    slices: usize,
    agreeing: usize,
    series: Vec<Batches>,
    settled: Option<usize>,
}

/// One watched series.
#[derive(Clone, Debug)]
struct Batches {
    means: Vec<f64>,
    /// Slices in a batch: five, and twice that after each merging.
    size: usize,
    open: Vec<f64>,
}

impl Steady {
    /// Slices before which it never says that the warm-up has ended, if nothing else is asked for.
    pub const SLICES_MIN: usize = 50;

    /// Watches from the first slice on; says nothing before `slices_min` slices, nor before ten batches.
    pub fn new(slices_min: usize) -> Steady {
        let slices_min = slices_min.max(2 * KEPT_MIN * BATCH);
        Steady { slices_min, slices: 0, agreeing: 0, series: Vec::new(), settled: None }
    }

    /// Takes the next slice. Returns how many slices from the start are to be cut off, once the run has settled; the same number
    /// from then on. Slices in which nothing was answered are to be left out: a reading of 0 or less is passed over.
    pub fn push(&mut self, reading: Reading) -> Option<usize> {
        let watched = [Some(reading.median_ns), Some(reading.p90_ns), reading.rate_rps];
        if self.settled.is_some() || watched.iter().flatten().any(|value| *value <= 0.0) {
            return self.settled;
        }
        let watched: Vec<f64> = watched.into_iter().flatten().map(f64::ln).collect();
        self.series.resize(watched.len(), Batches { means: Vec::new(), size: BATCH, open: Vec::new() });
        self.slices += 1;
        let closed = self.series.iter_mut().zip(watched).filter_map(|(series, value)| series.push(value));
        if closed.count() > 0 && self.slices >= self.slices_min {
            self.look();
        }
        self.settled
    }

    /// How many slices were taken.
    pub fn slices(&self) -> usize {
        self.slices
    }

    fn look(&mut self) {
        let cuts: Option<Vec<usize>> = self.series.iter().map(Batches::cut).collect();
        match cuts {
            Some(cuts) if self.agreeing + 1 == AGREEING => self.settled = cuts.into_iter().max(),
            Some(_) => self.agreeing += 1,
            None => self.agreeing = 0,
        }
    }
}

impl Batches {
    /// Adds a value; returns something when that filled a batch.
    fn push(&mut self, value: f64) -> Option<()> {
        self.open.push(value);
        if self.open.len() < self.size {
            return None;
        }
        self.means.push(median(&self.open));
        self.open.clear();
        if self.means.len() == BATCHES_MAX {
            self.means = self.means.chunks(2).map(|pair| (pair[0] + pair[1]) / 2.0).collect();
            self.size *= 2;
        }
        Some(())
    }

    /// How many slices to cut off, when the series has settled.
    fn cut(&self) -> Option<usize> {
        let batches = truncation(&self.means)?;
        (!is_moving(&self.means[batches..])).then_some(batches * self.size)
    }
}

/// Whether a series rises or falls, by enough to matter.
fn is_moving(series: &[f64]) -> bool {
    let part = series.len().div_ceil(TREND_PARTS);
    let parts: Vec<f64> =
        series.chunks_exact(part).map(|part| part.iter().sum::<f64>() / part.len() as f64).collect();
    let found = trend(&parts);
    let change = found.slope.abs() * parts.len() as f64;
    change > TREND_LARGE || (change > TREND_MATERIAL && found.errors.abs() > TREND_ERRORS)
}

/// MSER: how many elements to cut off the start, `None` when they would be more than half, or when too few would be left.
fn truncation(series: &[f64]) -> Option<usize> {
    let count = series.len();
    let last = count.checked_sub(KEPT_MIN)?;
    let (mut best, mut least) = (0, f64::MAX);
    // From the end, so that sums grow by one element at a time; what is equal goes to the shorter cut.
    let (mut sum, mut squares) = (0.0, 0.0);
    let middle = median(series);
    for cut in (0..count).rev() {
        let value = series[cut] - middle;
        sum += value;
        squares += value * value;
        let kept = (count - cut) as f64;
        let error = (squares - sum * sum / kept) / (kept * kept);
        if cut <= last && error <= least {
            (best, least) = (cut, error);
        }
    }
    (2 * best <= count && best + LEFT_MIN <= count).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use crate::statistics::student::normal;

    /// With 400 seeds: early at most 2.0 % in every world below, late at most 1.8 %, and what never settles is called steady once.
    const SEEDS: u64 = 40;
    const SLICES_MAX: usize = 4_000;

    /// A world's level at a slice, as a factor of what it settles at.
    type Level = fn(f64) -> f64;

    /// What became of all seeds of a world.
    #[derive(Debug, Default)]
    struct Fates {
        early: u64,
        late: u64,
        /// Slices at which it was said, each seed's.
        said_at: Vec<f64>,
    }

    /// Runs a world over all seeds. Early: said while the level is still more than 5 % off. Late: after `late_from`.
    fn fates(level: Level, memory: f64, spikes: f64, late_from: usize) -> Fates {
        let mut fates = Fates::default();
        for seed in 0..SEEDS {
            let mut random = Random::new(seed, 3);
            let (mut steady, mut state) = (Steady::new(Steady::SLICES_MIN), 0.0);
            let said = (0..SLICES_MAX).find(|slice| {
                state = memory * state + (1.0 - memory * memory).sqrt() * normal(&mut random);
                let spike = if random.unit() < spikes { 10.0 } else { 1.0 };
                let median_ns = 1e6 * level(*slice as f64) * (0.05 * state).exp() * spike;
                let p90_ns = 2.0 * median_ns * (0.05 * normal(&mut random)).exp();
                steady.push(Reading { median_ns, p90_ns, rate_rps: None }).is_some()
            });
            let at = said.unwrap_or(SLICES_MAX);
            fates.early += u64::from((level(at as f64) - 1.0).abs() > 0.05);
            fates.late += u64::from(at > late_from);
            fates.said_at.push(at as f64);
        }
        fates
    }

    #[test]
    fn a_warm_up_is_over_when_it_is_over() {
        // Late is after five times the slices until the level is within 5 %, and not before 200.
        let worlds: [(&str, Level, f64, f64, usize); 10] = [
            ("none", |_| 1.0, 0.0, 0.0, 200),
            ("none, with a memory", |_| 1.0, 0.5, 0.0, 200),
            ("none, hiccups", |_| 1.0, 0.0, 0.03, 200),
            ("step at 40", |n| if n < 40.0 { 3.0 } else { 1.0 }, 0.0, 0.0, 200),
            ("decay, 20 slices", |n| 1.0 + 2.0 * (-n / 20.0).exp(), 0.0, 0.0, 370),
            ("decay, 100 slices", |n| 1.0 + 2.0 * (-n / 100.0).exp(), 0.0, 0.0, 1_845),
            ("decay, 200 slices", |n| 1.0 + 2.0 * (-n / 200.0).exp(), 0.0, 0.0, 3_690),
            ("ramp over 200", |n| if n < 200.0 { 2.0 - n / 200.0 } else { 1.0 }, 0.0, 0.0, 950),
            ("rising over 100", |n| if n < 100.0 { 0.5 + n / 200.0 } else { 1.0 }, 0.0, 0.0, 450),
            ("step at 40, hiccups", |n| if n < 40.0 { 3.0 } else { 1.0 }, 0.0, 0.03, 200),
        ];
        for (name, level, memory, spikes, late_from) in worlds {
            let found = fates(level, memory, spikes, late_from);
            let typical = median(&found.said_at);
            println!(
                "{name}: of {SEEDS} early {}, after {late_from} slices {}, typically at {typical}",
                found.early, found.late
            );
            assert!(found.early * 20 <= SEEDS && found.late * 10 <= SEEDS, "{name}: {found:?}");
        }
    }

    #[test]
    fn what_oscillates_is_steady_once_it_is_seen_to() {
        let found = fates(|n| 1.0 + 0.2 * (n / 30.0 * std::f64::consts::TAU).sin(), 0.0, 0.0, 500);
        println!("oscillation: of {SEEDS} after 500 {}, typically at {}", found.late, median(&found.said_at));
        assert!(found.late * 20 <= SEEDS, "{found:?}");
    }

    #[test]
    fn what_never_settles_is_never_called_steady() {
        let found = fates(|n| (n / 300.0).exp(), 0.0, 0.0, SLICES_MAX - 1);
        assert!(found.late * 40 >= SEEDS * 39, "{found:?}");
    }

    #[test]
    fn nothing_is_said_before_the_minimum_however_calm_it_is() {
        let reading = Reading { median_ns: 1e6, p90_ns: 2e6, rate_rps: Some(1e3) };
        let said_at = |slices_min: usize| {
            let mut steady = Steady::new(slices_min);
            (1..1_000).find(|_| steady.push(reading).is_some()).unwrap()
        };
        assert_eq!((said_at(0), said_at(50), said_at(200)), (60, 60, 210));
    }

    #[test]
    fn the_start_that_was_different_is_cut_off() {
        let mut steady = Steady::new(0);
        let mut random = Random::new(1, 0);
        let cut = (0..200).find_map(|slice| {
            let level = if slice < 25 { 5e6 } else { 1e6 };
            let median_ns = level * (0.02 * normal(&mut random)).exp();
            steady.push(Reading { median_ns, p90_ns: 2.0 * median_ns, rate_rps: None })
        });
        assert_eq!(cut, Some(25));
    }

    #[test]
    fn a_rate_that_still_grows_holds_it_back() {
        let (mut with, mut without) = (Steady::new(0), Steady::new(0));
        for slice in 0..100 {
            let reading = Reading { median_ns: 1e6, p90_ns: 2e6, rate_rps: None };
            without.push(reading);
            with.push(Reading { rate_rps: Some(1_000.0 + 10.0 * f64::from(slice)), ..reading });
        }
        assert!(without.push(Reading { median_ns: 1e6, p90_ns: 1e6, rate_rps: None }).is_some());
        assert!(with.settled.is_none());
    }

    #[test]
    fn memory_is_flat_and_empty_slices_are_passed_over() {
        let mut steady = Steady::new(usize::MAX);
        for slice in 0..20_000 {
            let median_ns = f64::from(slice % 2) * 1e6;
            assert_eq!(steady.push(Reading { median_ns, p90_ns: 2e6, rate_rps: None }), None);
        }
        assert_eq!(steady.slices(), 10_000);
        assert!(steady.series.iter().all(|series| series.means.len() < BATCHES_MAX));
    }
}
