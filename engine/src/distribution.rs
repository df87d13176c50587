//! A distribution of durations: three significant digits, 1 ns to one hour.
//!
//! The buckets are those of HdrHistogram, so that every tool for it reads what is written here; the counts are our own. Recording
//! is the dearest thing that a shard does for every request, and with the bounds known to the compiler it takes a quarter of the
//! instructions. Counts lie in pages of neighbouring buckets, and only pages that were written to exist: a run has a distribution
//! for each figure of each kind of request, in each recorder of each shard, and most of them see a few requests between one
//! hand-over and the next. What is not there is not merged, copied or emptied either.

mod coarse;
mod encoding;

pub use coarse::{CLASSIC_BOUNDS_NS, CoarseTimes};
pub use encoding::{COUNT_MAX, UnreadableHistogram};

/// The longest duration that is told apart from longer ones, in nanoseconds: one hour.
pub const DURATION_NS_MAX: u64 = 3_600_000_000_000;
/// Significant decimal digits: a quantile is within 0.1 % of the recorded value.
pub const SIGNIFICANT_DIGITS: u8 = 3;

/// Durations below two to this power have a count each, further ones share it with their neighbours: each doubling has half
/// as many counts, so that its buckets are twice as wide.
const EXACT_BITS: u32 = 11;
/// Counts of each further doubling.
const COUNTS_PER_DOUBLING: usize = 1 << (EXACT_BITS - 1);
/// All counts: those of the exact durations, and of the doublings up to an hour.
const COUNTS: usize =
    bucket_of(DURATION_NS_MAX) / COUNTS_PER_DOUBLING * COUNTS_PER_DOUBLING + COUNTS_PER_DOUBLING;
const _: () = assert!(1 << EXACT_BITS >= 2 * 10_u32.pow(SIGNIFICANT_DIGITS as u32), "three digits");

/// Buckets of a page.
const PAGE_COUNTS: usize = 64;
/// Pages that there can be: up to the one that an hour lies in.
const PAGES: usize = bucket_of(DURATION_NS_MAX) / PAGE_COUNTS + 1;
const _: () = assert!(PAGES * PAGE_COUNTS <= COUNTS && PAGES < NO_PAGE as usize, "every page has its place");
/// Memory is taken for no fewer pages at a time.
const PAGES_MIN: usize = 8;
/// Stands in the directory where nothing was counted. No vector of pages is so long.
const NO_PAGE: u16 = u16::MAX;

/// Durations in nanoseconds, counted. Merging is exact.
#[derive(Clone, Debug)]
pub struct Distribution {
    /// For each stretch of buckets, in which place its page lies.
    directory: [u16; PAGES],
    /// The counts of neighbouring buckets, in the order in which they were first written to.
    pages: Vec<[u64; PAGE_COUNTS]>,
    sum_ns: u128,
}

/// The figures of a distribution that a report shows, in nanoseconds. All zero when nothing was recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Summary {
    /// The shortest.
    pub min: u64,
    /// The arithmetic mean, from an exact sum.
    pub mean: f64,
    /// The median.
    pub p50: u64,
    /// 75 % are at most this.
    pub p75: u64,
    /// 90 % are at most this.
    pub p90: u64,
    /// 95 % are at most this.
    pub p95: u64,
    /// 99 % are at most this.
    pub p99: u64,
    /// 99.9 % are at most this.
    pub p999: u64,
    /// 99.99 % are at most this.
    pub p9999: u64,
    /// The longest.
    pub max: u64,
    /// How many were recorded.
    pub count: u64,
}

impl Default for Distribution {
    fn default() -> Distribution {
        Distribution::new()
    }
}

impl Distribution {
    /// An empty distribution, which takes memory as it needs it.
    pub fn new() -> Distribution {
        Distribution { directory: [NO_PAGE; PAGES], pages: Vec::new(), sum_ns: 0 }
    }

    /// An empty distribution that never allocates again. Memory that was never written to is address space alone, so it takes up
    /// what it needs all the same.
    pub fn preallocated() -> Distribution {
        Distribution { pages: Vec::with_capacity(PAGES), ..Distribution::new() }
    }

    /// Counts one duration. What is longer than the page of an hour reaches, some two minutes more, counts as an hour: in the
    /// quantiles, but not in the mean.
    #[inline]
    pub fn record(&mut self, duration_ns: u64) {
        self.count_at(bucket_of(duration_ns), 1);
        self.sum_ns += u128::from(duration_ns);
    }

    #[inline]
    fn count_at(&mut self, bucket: usize, count: u64) {
        // Two comparisons that are needed anyway, for the bounds of both: where there is no page, its place is beyond them all.
        if let Some(&place) = self.directory.get(bucket / PAGE_COUNTS)
            && let Some(page) = self.pages.get_mut(usize::from(place))
        {
            page[bucket % PAGE_COUNTS] += count;
        } else {
            self.count_anew(bucket, count);
        }
    }

    /// Counts in a bucket that has no page yet, or none at all.
    #[cold]
    #[inline(never)]
    fn count_anew(&mut self, bucket: usize, count: u64) {
        let bucket = bucket.min(bucket_of(DURATION_NS_MAX));
        self.page_of(bucket / PAGE_COUNTS)[bucket % PAGE_COUNTS] += count;
    }

    /// The page of a stretch of buckets.
    fn page_of(&mut self, stretch: usize) -> &mut [u64; PAGE_COUNTS] {
        let place = usize::from(self.directory[stretch]);
        if place < self.pages.len() { &mut self.pages[place] } else { self.add_page(stretch) }
    }

    fn add_page(&mut self, stretch: usize) -> &mut [u64; PAGE_COUNTS] {
        let place = self.pages.len();
        if place == self.pages.capacity() {
            // By a quarter and not by twice: a run has hundreds of these, and each grows a few times.
            self.pages.reserve_exact((place / 4).max(PAGES_MIN));
        }
        self.directory[stretch] = place as u16;
        self.pages.push([0; PAGE_COUNTS]);
        &mut self.pages[place]
    }

    /// Adds all of another distribution.
    pub fn merge(&mut self, other: &Distribution) {
        if other.pages.is_empty() {
            // Those of attempts to connect are empty in nearly every slice, and a directory is long.
            self.sum_ns += other.sum_ns;
            return;
        }
        if self.pages.is_empty() {
            self.pages.reserve_exact(other.pages.len());
        }
        for (stretch, theirs) in other.filled_pages() {
            let mine = self.page_of(stretch);
            mine.iter_mut().zip(theirs).for_each(|(mine, theirs)| *mine += theirs);
        }
        self.sum_ns += other.sum_ns;
    }

    /// Empties it, keeping its memory.
    pub fn clear(&mut self) {
        if !self.pages.is_empty() {
            self.directory.fill(NO_PAGE);
            self.pages.clear();
            self.sum_ns = 0;
        }
    }

    /// Bytes of memory that it has been given.
    pub fn allocated_bytes(&self) -> usize {
        self.pages.capacity() * size_of::<[u64; PAGE_COUNTS]>()
    }

    /// How many durations were recorded.
    pub fn count(&self) -> u64 {
        self.pages.iter().flatten().sum()
    }

    /// The duration that `quantile` (0 to 1) of all are at most, in nanoseconds; 0 when empty.
    pub fn quantile_ns(&self, quantile: f64) -> u64 {
        let wanted = ((quantile.min(1.0) * self.count() as f64).ceil() as u64).max(1);
        let mut seen = 0;
        let found = self.filled().find(|&(_, count)| {
            seen += count;
            seen >= wanted
        });
        found.map_or(0, |(bucket, _)| last_of(bucket))
    }

    /// The arithmetic mean in nanoseconds; 0 when empty.
    pub fn mean_ns(&self) -> f64 {
        match self.count() {
            0 => 0.0,
            count => self.sum_ns as f64 / count as f64,
        }
    }

    /// All durations added up, in nanoseconds: exact.
    pub fn sum_ns(&self) -> u128 {
        self.sum_ns
    }

    /// The shortest, in nanoseconds (to three digits); 0 when empty.
    pub fn min_ns(&self) -> u64 {
        self.filled().next().map_or(0, |(bucket, _)| first_of(bucket))
    }

    /// The longest, in nanoseconds (to three digits); 0 when empty.
    pub fn max_ns(&self) -> u64 {
        self.filled().next_back().map_or(0, |(bucket, _)| last_of(bucket))
    }

    /// Every recorded value in nanoseconds, ascending, with how often it was seen. Values are as exact as quantiles are, and
    /// the quantiles of these pairs are those of the distribution.
    pub fn counts(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.filled().map(|(bucket, count)| (last_of(bucket), count))
    }

    /// The buckets that have a count, ascending, and their counts.
    fn filled(&self) -> impl DoubleEndedIterator<Item = (usize, u64)> + '_ {
        let buckets = self.filled_pages().flat_map(|(stretch, page)| {
            page.iter().enumerate().map(move |(index, &count)| (stretch * PAGE_COUNTS + index, count))
        });
        buckets.filter(|&(_, count)| count > 0)
    }

    /// The stretches that have a page, ascending, and their pages.
    fn filled_pages(&self) -> impl DoubleEndedIterator<Item = (usize, &[u64; PAGE_COUNTS])> + '_ {
        let stretches = self.directory.iter().enumerate();
        stretches.filter_map(|(stretch, &place)| Some((stretch, self.pages.get(usize::from(place))?)))
    }

    /// All the figures a report shows.
    pub fn summary(&self) -> Summary {
        Summary {
            min: self.min_ns(),
            mean: self.mean_ns(),
            p50: self.quantile_ns(0.5),
            p75: self.quantile_ns(0.75),
            p90: self.quantile_ns(0.9),
            p95: self.quantile_ns(0.95),
            p99: self.quantile_ns(0.99),
            p999: self.quantile_ns(0.999),
            p9999: self.quantile_ns(0.9999),
            max: self.max_ns(),
            count: self.count(),
        }
    }
}

/// The bucket of a duration.
#[inline]
const fn bucket_of(duration_ns: u64) -> usize {
    let doublings = doublings_of(duration_ns);
    (doublings as usize) * COUNTS_PER_DOUBLING + (duration_ns >> doublings) as usize
}

/// How many times a duration has to be halved to be one of the exact ones.
#[inline]
const fn doublings_of(duration_ns: u64) -> u32 {
    const EXACT: u64 = (1 << EXACT_BITS) - 1;
    (u64::BITS - EXACT_BITS) - (duration_ns | EXACT).leading_zeros()
}

/// The shortest duration of a bucket.
const fn first_of(bucket: usize) -> u64 {
    let doublings = (bucket / COUNTS_PER_DOUBLING).saturating_sub(1);
    ((bucket - doublings * COUNTS_PER_DOUBLING) as u64) << doublings
}

/// The longest.
const fn last_of(bucket: usize) -> u64 {
    first_of(bucket + 1) - 1
}

/// A duration as it is told once it is counted: to three digits, and no longer than an hour.
#[inline]
const fn told_ns(duration_ns: u64) -> u64 {
    const LONGEST: usize = bucket_of(DURATION_NS_MAX);
    let bucket = bucket_of(duration_ns);
    last_of(if bucket / PAGE_COUNTS < PAGES { bucket } else { LONGEST })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_empty_distribution_is_all_zero() {
        assert_eq!(Distribution::new().summary(), Summary::default());
    }

    #[test]
    fn quantiles_are_within_a_thousandth() {
        let mut distribution = Distribution::new();
        (1..=100_000).for_each(|n| distribution.record(n * 1_000));
        let summary = distribution.summary();
        assert!((summary.p50 as f64 / 50_000_000.0 - 1.0).abs() < 0.001);
        assert!((summary.p999 as f64 / 99_900_000.0 - 1.0).abs() < 0.001);
        assert_eq!(summary.mean, 50_000_500.0);
    }

    #[test]
    fn longer_than_an_hour_counts_as_an_hour() {
        let mut distribution = Distribution::new();
        for ns in [u64::MAX, u64::MAX / 2, 2 * DURATION_NS_MAX, DURATION_NS_MAX] {
            distribution.record(ns);
        }
        assert_eq!(distribution.counts().collect::<Vec<_>>(), [(distribution.max_ns(), 4)]);
        assert!(distribution.max_ns() >= DURATION_NS_MAX);
    }

    #[test]
    fn counts_are_all_that_was_recorded() {
        let mut distribution = Distribution::new();
        [5, 7, 7, 1_000_000].into_iter().for_each(|ns| distribution.record(ns));
        let counts: Vec<(u64, u64)> = distribution.counts().collect();
        assert_eq!(counts, [(5, 1), (7, 2), (distribution.max_ns(), 1)]);
    }

    /// The same durations, in a histogram of the library whose buckets these are.
    fn oracle(durations: &[u64]) -> hdrhistogram::Histogram<u64> {
        let mut oracle =
            hdrhistogram::Histogram::new_with_bounds(1, DURATION_NS_MAX, SIGNIFICANT_DIGITS).unwrap();
        durations.iter().for_each(|&ns| oracle.saturating_record(ns));
        oracle
    }

    /// Durations of every size, from 0 to an hour, as many short ones as long ones.
    fn durations() -> impl Strategy<Value = Vec<u64>> {
        let of_any_size =
            (0_u32..42, any::<u64>()).prop_map(|(bits, ns)| (ns >> (63 - bits)).min(DURATION_NS_MAX));
        proptest::collection::vec(of_any_size, 1..300)
    }

    #[test]
    fn buckets_follow_one_another_without_a_gap() {
        assert_eq!((first_of(0), last_of(0)), (0, 0));
        for bucket in 1..COUNTS {
            assert_eq!(first_of(bucket), last_of(bucket - 1) + 1);
            assert_eq!((bucket_of(first_of(bucket)), bucket_of(last_of(bucket))), (bucket, bucket));
        }
        assert!(last_of(COUNTS - 1) >= DURATION_NS_MAX);
    }

    #[test]
    fn a_cleared_distribution_is_as_new() {
        let mut distribution = Distribution::new();
        [0, 5, DURATION_NS_MAX].into_iter().for_each(|ns| distribution.record(ns));
        distribution.clear();
        assert_eq!(distribution.summary(), Summary::default());
        assert_eq!(distribution.counts().count(), 0);
        distribution.record(7);
        assert_eq!((distribution.min_ns(), distribution.max_ns(), distribution.count()), (7, 7, 1));
    }

    #[test]
    fn what_was_preallocated_never_grows_and_what_was_not_is_no_larger_than_what_it_holds() {
        let (mut ready, mut grown) = (Distribution::preallocated(), Distribution::new());
        let before = ready.allocated_bytes();
        (0..PAGES).for_each(|stretch| ready.count_at(stretch * PAGE_COUNTS, 1));
        assert_eq!((ready.pages.len(), ready.allocated_bytes()), (PAGES, before));
        assert_eq!(grown.allocated_bytes(), 0);
        (0..100).for_each(|n| grown.record(1_000_000 + n));
        assert!(grown.allocated_bytes() <= 8 << 10, "{}", grown.allocated_bytes());
    }

    proptest! {
        #[test]
        fn every_figure_is_the_librarys(durations in durations()) {
            let (mut ours, theirs) = (Distribution::new(), oracle(&durations));
            durations.iter().for_each(|&ns| ours.record(ns));
            prop_assert_eq!((ours.count(), ours.min_ns(), ours.max_ns()), (theirs.len(), theirs.min(), theirs.max()));
            for quantile in [0.001, 0.1, 0.25, 0.5, 0.9, 0.99, 0.999, 1.0] {
                prop_assert_eq!(ours.quantile_ns(quantile), theirs.value_at_quantile(quantile));
            }
            let recorded = theirs.iter_recorded().map(|step| (step.value_iterated_to(), step.count_at_value()));
            prop_assert!(ours.counts().eq(recorded));
            let exact: u128 = durations.iter().map(|&ns| u128::from(ns)).sum();
            prop_assert_eq!(ours.sum_ns, exact);
        }

        #[test]
        fn a_copy_is_equal_and_apart(durations in durations()) {
            let mut original = Distribution::new();
            durations.iter().for_each(|&ns| original.record(ns));
            let copy = original.clone();
            prop_assert_eq!(copy.summary(), original.summary());
            original.clear();
            prop_assert_eq!(copy.count(), durations.len() as u64);
        }

        #[test]
        fn merged_distributions_equal_one(left in proptest::collection::vec(1_u64..1 << 40, 0..200),
                                          right in proptest::collection::vec(1_u64..1 << 40, 0..200)) {
            let (mut one, mut a, mut b) = (Distribution::new(), Distribution::new(), Distribution::new());
            left.iter().for_each(|&v| { one.record(v); a.record(v) });
            right.iter().for_each(|&v| { one.record(v); b.record(v) });
            a.merge(&b);
            prop_assert_eq!(a.summary(), one.summary());
            prop_assert_eq!(Distribution::decode(&a.encode()).unwrap().quantile_ns(0.5), one.quantile_ns(0.5));
        }
    }
}
