//! What a histogram is made from, however finely its times were kept.

use crate::explicit;
use crate::exponential::ExponentialBuckets;
use engine::distribution::{CoarseTimes, Distribution};
use engine::record::OutcomeDistribution;

/// Times of one point.
#[derive(Clone, Debug)]
pub enum PointTimes<'a> {
    /// To three digits.
    Fine(&'a Distribution),
    /// In the buckets that both forms of histograms are made of.
    Coarse(Box<CoarseTimes>),
}

impl<'a> From<&'a Distribution> for PointTimes<'a> {
    fn from(times: &'a Distribution) -> PointTimes<'a> {
        PointTimes::Fine(times)
    }
}

impl<'a> From<OutcomeDistribution<'a>> for PointTimes<'a> {
    fn from(times: OutcomeDistribution<'a>) -> PointTimes<'a> {
        match times {
            OutcomeDistribution::Fine(times) => PointTimes::Fine(times),
            OutcomeDistribution::Coarse(times) => PointTimes::Coarse(times),
        }
    }
}

impl PointTimes<'_> {
    /// How many there are.
    pub fn count(&self) -> u64 {
        match self {
            PointTimes::Fine(times) => times.count(),
            PointTimes::Coarse(times) => times.count(),
        }
    }

    /// All added up, in seconds.
    pub fn sum_s(&self) -> f64 {
        let sum_ns = match self {
            PointTimes::Fine(times) => times.sum_ns(),
            PointTimes::Coarse(times) => times.sum_ns(),
        };
        sum_ns as f64 / 1e9
    }

    /// The shortest and the longest, in seconds and to three digits, where they are known so exactly.
    pub fn bounds_s(&self) -> (Option<f64>, Option<f64>) {
        match self {
            PointTimes::Fine(times) if times.count() > 0 => {
                (Some(times.min_ns() as f64 / 1e9), Some(times.max_ns() as f64 / 1e9))
            }
            _ => (None, None),
        }
    }

    /// By powers of a base.
    pub fn exponential(&self) -> ExponentialBuckets {
        match self {
            PointTimes::Fine(times) => ExponentialBuckets::of(times),
            PointTimes::Coarse(times) => ExponentialBuckets::of_coarse(times),
        }
    }

    /// By fixed bounds.
    pub fn explicit(&self) -> [u64; explicit::BOUNDS_NS.len() + 1] {
        match self {
            PointTimes::Fine(times) => explicit::counts(times),
            PointTimes::Coarse(times) => times.by_classic_bounds(),
        }
    }

    /// The same times, coarsely.
    pub(crate) fn coarse(&self) -> CoarseTimes {
        match self {
            PointTimes::Fine(times) => CoarseTimes::of(times),
            PointTimes::Coarse(times) => (**times).clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exponential::SCALE_MAX;
    use proptest::prelude::*;

    proptest! {
        /// What is kept coarsely is what fine buckets become when they are put together.
        #[test]
        fn coarse_times_make_the_histograms_that_fine_ones_make(durations in proptest::collection::vec(0_u64..200_000_000_000, 0..200)) {
            let mut distribution = Distribution::new();
            durations.iter().for_each(|ns| distribution.record(*ns));
            let fine = PointTimes::from(&distribution);
            let coarse = PointTimes::Coarse(Box::new(fine.coarse()));
            prop_assert_eq!((fine.count(), fine.sum_s()), (coarse.count(), coarse.sum_s()));
            prop_assert_eq!(fine.explicit(), coarse.explicit());
            let (fine, coarse) = (fine.exponential(), coarse.exponential());
            prop_assert_eq!((coarse.scale, coarse.zero_count), (0, fine.zero_count));
            prop_assert!(fine.scale <= SCALE_MAX);
            let count_at = |index: i32| {
                let indexes = (fine.offset..).zip(&fine.counts).filter(|(fine_index, _)| fine_index >> fine.scale == index);
                indexes.map(|(_, count)| *count).sum::<u64>()
            };
            let counted: Vec<u64> = (coarse.offset..).zip(&coarse.counts).map(|(index, _)| count_at(index)).collect();
            prop_assert_eq!(&coarse.counts, &counted);
            prop_assert_eq!(coarse.count(), fine.count());
        }
    }
}
