//! What statistics are drawn from: the slices of one run or of several, each with its counts and its distribution.
//!
//! A [`Portion`] is one slice, decoded. A [`Sample`] is the portions of one or several runs, made ready for reading a
//! statistic many times under many weights: nothing is merged for that, because the weighted number of response times up to a
//! value is the weighted sum of each portion's own number up to it.

use crate::distribution::{Distribution, UnreadableHistogram};
use crate::history::Slice;
use crate::phase::Phase;
use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

/// One slice of a run as numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Portion {
    /// Response times of successes in nanoseconds, ascending, each with how often it was seen.
    pub responses: Vec<(u64, u64)>,
    /// All response times added up, nanoseconds.
    pub sum_ns: f64,
    /// Requests that ended with success.
    pub ok: u64,
    /// Requests that ended any other way.
    pub failed: u64,
    /// Arrivals dropped by the overload policy.
    pub dropped: u64,
    /// Requests that ended after the measured window; they are among `ok` and `failed`.
    pub late: u64,
    /// CPU time of the generator, nanoseconds.
    pub cpu_ns: u64,
    /// Length of the slice within the window, nanoseconds.
    pub length_ns: u64,
}

impl Portion {
    /// A portion that knows response times only.
    pub fn of_responses(response: &Distribution) -> Portion {
        let responses: Vec<(u64, u64)> = response.counts().collect();
        let ok = response.count();
        Portion { responses, ok, sum_ns: response.mean_ns() * ok as f64, ..Portion::default() }
    }

    /// One slice of a report. Errors when its histogram cannot be read.
    pub fn of_slice(slice: &Slice) -> Result<Portion, UnreadableHistogram> {
        let (failed, dropped, cpu_ns) = (slice.failed, slice.dropped, slice.cpu_ns);
        let length_ns = slice.to_ns.saturating_sub(slice.from_ns);
        let portion = Portion::of_responses(&slice.response()?);
        Ok(Portion { ok: slice.ok, failed, dropped, cpu_ns, length_ns, ..portion })
    }

    /// Takes over the portion that follows in the same run.
    pub fn absorb(&mut self, next: &Portion) {
        self.responses = merged(&self.responses, &next.responses);
        self.sum_ns += next.sum_ns;
        self.ok += next.ok;
        self.failed += next.failed;
        self.dropped += next.dropped;
        self.late += next.late;
        self.cpu_ns += next.cpu_ns;
        self.length_ns += next.length_ns;
    }

    /// Requests that ended, in success or failure.
    pub fn ended(&self) -> u64 {
        self.ok + self.failed
    }

    /// The response time that `quantile` (0 to 1) of all are at most, nanoseconds; `None` without a success.
    pub fn quantile_ns(&self, quantile: f64) -> Option<u64> {
        let rank = rank(quantile, self.responses.iter().map(|(_, count)| count).sum());
        let mut passed = 0;
        let reaches = |(_, count): &&(u64, u64)| {
            passed += count;
            passed >= rank
        };
        self.responses.iter().find(reaches).map(|(value, _)| *value)
    }
}

/// A slice of a history whose response times cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableSlice {
    /// Which one, from 0.
    pub index: usize,
    /// What is wrong with its histogram.
    pub cause: UnreadableHistogram,
}

impl fmt::Display for UnreadableSlice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "slice {} of the history cannot be read: {}", self.index, self.cause)
    }
}

impl std::error::Error for UnreadableSlice {}

/// The measured slices of a run. Answers that came after the window's end belong to its last slice, because the result counts
/// them; warm-up is left out. Errors name the slice whose histogram cannot be read.
pub fn measured(history: &[Slice]) -> Result<Vec<Portion>, UnreadableSlice> {
    let mut portions: Vec<Portion> = Vec::new();
    for (index, slice) in history.iter().enumerate().filter(|(_, slice)| slice.phase != Phase::Warmup) {
        let portion = Portion::of_slice(slice).map_err(|cause| UnreadableSlice { index, cause })?;
        match portions.last_mut() {
            Some(last) if slice.phase == Phase::Drain => {
                let late = Portion { late: portion.ended(), length_ns: 0, ..portion };
                last.absorb(&late);
            }
            _ => portions.push(portion),
        }
    }
    Ok(portions)
}

/// A figure of a sample.
#[derive(Clone, Copy, Debug)]
pub enum Statistic {
    /// The response time that this share (0 to 1) of all are at most, nanoseconds.
    Quantile(f64),
    /// One sum over the portions divided by another.
    Ratio(fn(&Portion) -> f64, fn(&Portion) -> f64),
}

impl Statistic {
    /// Mean response time, nanoseconds.
    pub const MEAN: Statistic = Statistic::Ratio(|portion| portion.sum_ns, |portion| portion.ok as f64);
    /// Requests that ended inside the window, per second.
    pub const RATE: Statistic = Statistic::Ratio(
        |portion| (portion.ended() - portion.late.min(portion.ended())) as f64,
        |portion| portion.length_ns as f64 / 1e9,
    );
    /// Failed and dropped requests, as a share of all.
    pub const FAILED: Statistic = Statistic::Ratio(
        |portion| (portion.failed + portion.dropped) as f64,
        |portion| (portion.ended() + portion.dropped) as f64,
    );
    /// CPU time of the generator for each request that ended, nanoseconds.
    pub const CPU_PER_REQUEST: Statistic =
        Statistic::Ratio(|portion| portion.cpu_ns as f64, |portion| portion.ended() as f64);
}

/// The portions of one run or of several.
#[derive(Clone, Debug)]
pub struct Sample {
    portions: Vec<Portion>,
    /// For each portion, response times with how many are at most as long.
    cumulated: Vec<Vec<(u64, u64)>>,
    /// Every response time that occurs, ascending.
    values: Vec<u64>,
    runs: Vec<Range<usize>>,
}

impl Sample {
    /// A sample of runs, each the portions of one run in their order.
    pub fn new(runs: Vec<Vec<Portion>>) -> Sample {
        let mut ranges = Vec::with_capacity(runs.len());
        let mut portions = Vec::new();
        for run in runs {
            ranges.push(portions.len()..portions.len() + run.len());
            portions.extend(run);
        }
        let mut values: Vec<u64> =
            portions.iter().flat_map(|portion| portion.responses.iter().map(|(value, _)| *value)).collect();
        values.sort_unstable();
        values.dedup();
        let cumulated = portions.iter().map(|portion| cumulated(&portion.responses)).collect();
        Sample { portions, cumulated, values, runs: ranges }
    }

    /// Its portions, run after run.
    pub fn portions(&self) -> &[Portion] {
        &self.portions
    }

    /// Which portions belong to which run.
    pub fn runs(&self) -> &[Range<usize>] {
        &self.runs
    }

    /// A statistic of all; 0 where there is nothing to read it from.
    pub fn read(&self, statistic: Statistic) -> f64 {
        SampleReader::new(self, statistic).read(&vec![1; self.portions.len()])
    }

    /// A sum over all portions.
    pub fn sum(&self, term: impl Fn(&Portion) -> u64) -> u64 {
        self.portions.iter().map(term).sum()
    }

    /// What each portion adds to the error of a statistic, up to a constant factor: the influence function (Hampel 1974),
    /// added up over the portion. For a quantile it is Σ(1{x > q} − (1 − p)); for a ratio r of sums, numerator − r · denominator.
    pub fn influence(&self, statistic: Statistic, estimate: f64) -> Vec<f64> {
        let of_portion = |portion: &Portion| match statistic {
            Statistic::Ratio(numerator, denominator) => numerator(portion) - estimate * denominator(portion),
            Statistic::Quantile(quantile) => {
                let all: u64 = portion.responses.iter().map(|(_, count)| count).sum();
                let below = portion.responses.partition_point(|(value, _)| *value as f64 <= estimate);
                let above: u64 = portion.responses[below..].iter().map(|(_, count)| count).sum();
                above as f64 - (1.0 - quantile) * all as f64
            }
        };
        self.portions.iter().map(of_portion).collect()
    }
}

/// Reads one statistic of a sample under many weights.
///
/// A quantile is found by bisection over the distinct values. What each portion holds up to a value is worked out when that
/// value is first asked about, and kept: resamples ask about few, because they all lie near the estimate.
pub(crate) struct SampleReader<'a> {
    sample: &'a Sample,
    statistic: Statistic,
    counts: Vec<u64>,
    columns: HashMap<usize, Vec<u64>>,
    /// Where the last quantile was found: the next is near.
    near: usize,
}

impl<'a> SampleReader<'a> {
    pub(crate) fn new(sample: &'a Sample, statistic: Statistic) -> SampleReader<'a> {
        let counts = sample.cumulated.iter().map(|list| list.last().map_or(0, |(_, count)| *count)).collect();
        let near = sample.values.len() / 2;
        SampleReader { sample, statistic, counts, columns: HashMap::new(), near }
    }

    /// The statistic when each portion counts as often as its weight says; 0 where there is nothing to read it from.
    pub(crate) fn read(&mut self, weights: &[u64]) -> f64 {
        match self.statistic {
            Statistic::Quantile(quantile) => self.quantile(weights, quantile),
            Statistic::Ratio(numerator, denominator) => {
                let sum = |term: fn(&Portion) -> f64| -> f64 {
                    let pairs = weights.iter().zip(&self.sample.portions).filter(|(weight, _)| **weight > 0);
                    pairs.map(|(weight, portion)| *weight as f64 * term(portion)).sum()
                };
                let (above, below) = (sum(numerator), sum(denominator));
                if below > 0.0 { above / below } else { 0.0 }
            }
        }
    }

    fn quantile(&mut self, weights: &[u64], quantile: f64) -> f64 {
        let total = product(weights, &self.counts);
        if total == 0 {
            return 0.0;
        }
        let rank = rank(quantile, total);
        let (mut low, mut high) = self.bracket(weights, rank);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.up_to(middle, weights) >= rank { high = middle } else { low = middle + 1 }
        }
        self.near = low;
        self.sample.values[low] as f64
    }

    /// A range of values around the last one found that holds the one of this rank, by steps that double.
    fn bracket(&mut self, weights: &[u64], rank: u64) -> (usize, usize) {
        let last = self.sample.values.len() - 1;
        let mut step = 8;
        if self.up_to(self.near, weights) >= rank {
            let mut high = self.near;
            while let Some(low) = high.checked_sub(step) {
                if self.up_to(low, weights) < rank {
                    return (low + 1, high);
                }
                (high, step) = (low, step * 2);
            }
            return (0, high);
        }
        let mut low = self.near + 1;
        while low + step < last {
            if self.up_to(low + step, weights) >= rank {
                return (low, low + step);
            }
            (low, step) = (low + step + 1, step * 2);
        }
        (low.min(last), last)
    }

    /// The weighted number of response times that are at most the value with this index.
    fn up_to(&mut self, index: usize, weights: &[u64]) -> u64 {
        let sample = self.sample;
        let column = self.columns.entry(index).or_insert_with(|| {
            let value = sample.values[index];
            sample.cumulated.iter().map(|list| count_up_to(list, value)).collect()
        });
        product(weights, column)
    }
}

fn product(weights: &[u64], counts: &[u64]) -> u64 {
    weights.iter().zip(counts).map(|(weight, count)| weight * count).sum()
}

/// Which one in ascending order a quantile is, from 1; as HdrHistogram counts.
fn rank(quantile: f64, total: u64) -> u64 {
    ((quantile * total as f64).ceil() as u64).clamp(1, total.max(1))
}

fn count_up_to(cumulated: &[(u64, u64)], value: u64) -> u64 {
    match cumulated.partition_point(|(own, _)| *own <= value) {
        0 => 0,
        above => cumulated[above - 1].1,
    }
}

fn cumulated(responses: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let add = |total: &mut u64, (value, count): &(u64, u64)| {
        *total += count;
        Some((*value, *total))
    };
    responses.iter().scan(0, add).collect()
}

/// Two ascending lists of values and counts as one.
fn merged(left: &[(u64, u64)], right: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let mut all: Vec<(u64, u64)> = left.iter().chain(right).copied().collect();
    all.sort_unstable();
    all.dedup_by(|next, kept| {
        let is_same = next.0 == kept.0;
        kept.1 += if is_same { next.1 } else { 0 };
        is_same
    });
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn slice(phase: Phase, ok: u64, response_ns: u64) -> Slice {
        let mut response = Distribution::new();
        (0..ok).for_each(|_| response.record(response_ns));
        Slice {
            from_ns: 0,
            to_ns: 100,
            phase,
            ok,
            failed: 1,
            dropped: 0,
            withheld: 0,
            cpu_ns: 10,
            response_hdr: response.encode(),
            passes: Vec::new(),
            scenarios: Vec::new(),
        }
    }

    #[test]
    fn late_responses_belong_to_the_last_measured_slice_and_warm_up_to_none() {
        let history = [
            slice(Phase::Warmup, 9, 50),
            slice(Phase::Measure, 3, 10),
            slice(Phase::Measure, 4, 20),
            slice(Phase::Drain, 2, 90),
        ];
        let portions = measured(&history).unwrap();
        assert_eq!(portions.iter().map(|portion| portion.ok).collect::<Vec<_>>(), [3, 6]);
        assert_eq!(portions[1].responses, [(20, 4), (90, 2)]);
        assert_eq!((portions[1].late, portions[1].length_ns, portions[1].cpu_ns), (3, 100, 20));
        let sample = Sample::new(vec![portions]);
        assert_eq!(sample.read(Statistic::RATE), 9.0 / 200e-9, "what ended inside the window");
        assert_eq!(sample.read(Statistic::FAILED), 3.0 / 12.0);
    }

    #[test]
    fn a_histogram_that_cannot_be_read_is_named() {
        let history =
            [slice(Phase::Measure, 1, 5), Slice { response_hdr: "?".into(), ..slice(Phase::Measure, 1, 5) }];
        assert_eq!(measured(&history).unwrap_err().index, 1);
    }

    #[test]
    fn statistics_are_those_of_all_requests_under_any_weights() {
        for seed in 0..20 {
            let mut random = Random::new(seed, 0);
            let slices: Vec<Distribution> = (0..7)
                .map(|_| {
                    let mut slice = Distribution::new();
                    (0..random.between(0, 300)).for_each(|_| slice.record(random.between(1, 1 << 34)));
                    slice
                })
                .collect();
            let sample = Sample::new(vec![slices.iter().map(Portion::of_responses).collect()]);
            let weights: Vec<u64> = slices.iter().map(|_| random.between(0, 3)).collect();
            let mut whole = Distribution::new();
            for (slice, weight) in slices.iter().zip(&weights) {
                (0..*weight).for_each(|_| whole.merge(slice));
            }
            for quantile in [0.0001, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0] {
                let mut reader = SampleReader::new(&sample, Statistic::Quantile(quantile));
                for near in [0, sample.values.len() / 3, sample.values.len() - 1] {
                    reader.near = near;
                    let read = reader.read(&weights);
                    assert_eq!(read as u64, whole.quantile_ns(quantile), "seed {seed}, {quantile}, {near}");
                }
            }
            let mean = SampleReader::new(&sample, Statistic::MEAN).read(&weights);
            assert!((mean / whole.mean_ns() - 1.0).abs() < 1e-9 || whole.count() == 0);
        }
    }

    #[test]
    fn influence_adds_up_to_nothing() {
        let portions = (1..=50).map(|n| Portion {
            responses: vec![(n, 10), (n + 100, 1)],
            sum_ns: (n * 10 + n + 100) as f64,
            ok: 11,
            ..Portion::default()
        });
        let sample = Sample::new(vec![portions.collect()]);
        let mean = sample.read(Statistic::MEAN);
        assert!(sample.influence(Statistic::MEAN, mean).iter().sum::<f64>().abs() < 1e-6);
        let p90 = sample.read(Statistic::Quantile(0.9));
        // A quantile is a step, so what is left is less than one value's count.
        assert!(sample.influence(Statistic::Quantile(0.9), p90).iter().sum::<f64>().abs() <= 11.0);
    }

    #[test]
    fn nothing_reads_as_zero() {
        let sample = Sample::new(vec![vec![Portion::default(); 3]]);
        assert_eq!((sample.read(Statistic::Quantile(0.5)), sample.read(Statistic::MEAN)), (0.0, 0.0));
        assert_eq!(sample.portions()[0].quantile_ns(0.5), None);
    }
}
