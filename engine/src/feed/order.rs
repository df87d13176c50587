//! Which row an arrival has: a function of its number, so that shards and machines agree without a word.

use super::definition::{AtEnd, Feed, RowOrder};
use super::permutation::place_of;
use crate::random::Random;

/// Streams of random numbers that are of feeds, and of nothing else: those of arrivals are numbered from 0 on by scenario.
const STREAMS_OF_FEEDS: u64 = 1 << 63;

/// Which row arrivals have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedOrder {
    rows: RowOrder,
    at_end: AtEnd,
    seed: u64,
    stream: u64,
}

/// The row of an arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowAt {
    /// The one with this number, from 0.
    Row(u64),
    /// There is none left, and no arrival after this one is wanted.
    Stop,
    /// There is none left, and the arrival fails.
    Exhausted,
}

impl FeedOrder {
    /// That of a feed, which has this number in a plan with this seed.
    pub fn new(feed: &Feed, number: usize, seed: u64) -> FeedOrder {
        let stream = STREAMS_OF_FEEDS | number as u64;
        FeedOrder { rows: feed.rows, at_end: feed.at_end, seed, stream }
    }

    /// The row of the arrival with a number, in a file that has some rows.
    #[inline]
    pub fn row_of(&self, number: u64, rows: u64) -> RowAt {
        if self.rows == RowOrder::Random {
            return RowAt::Row(Random::at(self.seed, self.stream, number).between(0, rows - 1));
        }
        let (pass, place) = (number / rows, number % rows);
        match (self.rows, self.past_end()) {
            (_, Some(end)) if pass > 0 => end,
            (RowOrder::Shuffle, _) => {
                let key = Random::at(self.seed, self.stream, pass).bits();
                RowAt::Row(place_of(place, rows, key))
            }
            _ => RowAt::Row(place),
        }
    }

    /// What an arrival has after the last row; nothing where rows begin again.
    pub fn past_end(&self) -> Option<RowAt> {
        match (self.at_end, self.rows) {
            (AtEnd::Fail, _) => Some(RowAt::Exhausted),
            (AtEnd::Stop, _) | (AtEnd::Repeat, RowOrder::Unique) => Some(RowAt::Stop),
            (AtEnd::Repeat, _) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::definition::FeedFormat;
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn order(rows: RowOrder, at_end: AtEnd, seed: u64) -> FeedOrder {
        let (name, file, columns) = ("user".into(), "u.csv".into(), vec!["name".into()]);
        let format = FeedFormat::Csv { delimiter: ',', has_header: true };
        FeedOrder::new(&Feed { name, file, format, columns, rows, at_end }, 0, seed)
    }

    /// The rows that shards have of a number of arrivals, each shard those whose number is its own modulo their count.
    fn rows_over_shards(order: FeedOrder, arrivals: u64, rows: u64, shards: u64) -> Vec<RowAt> {
        let of_shard = |shard| (shard..arrivals).step_by(shards as usize).map(|n| order.row_of(n, rows));
        (0..shards).flat_map(of_shard).collect()
    }

    fn numbers(found: &[RowAt]) -> Vec<u64> {
        let number = |row: &RowAt| match row {
            RowAt::Row(number) => Some(*number),
            RowAt::Stop | RowAt::Exhausted => None,
        };
        found.iter().filter_map(number).collect()
    }

    proptest! {
        #[test]
        fn unique_rows_over_any_shards_are_each_used_once(
            rows in 1_u64..2_000, more in 0_u64..500, shards in 1_u64..17, fails: bool,
        ) {
            let (at_end, end) = if fails { (AtEnd::Fail, RowAt::Exhausted) } else { (AtEnd::Stop, RowAt::Stop) };
            let found = rows_over_shards(order(RowOrder::Unique, at_end, 1), rows + more, rows, shards);
            let mut used = numbers(&found);
            used.sort_unstable();
            prop_assert_eq!(used, (0..rows).collect::<Vec<_>>());
            prop_assert_eq!(found.iter().filter(|row| **row == end).count() as u64, more);
        }

        #[test]
        fn each_pass_of_a_shuffle_has_every_row_once_whatever_the_shards(
            rows in 1_u64..10_001, pass in 0_u64..5, shards in 1_u64..9, seed: u64,
        ) {
            let order = order(RowOrder::Shuffle, AtEnd::Repeat, seed);
            let of_shard = |shard: u64| (pass * rows..(pass + 1) * rows).filter(move |n| n % shards == shard);
            let found: Vec<RowAt> =
                (0..shards).flat_map(of_shard).map(|n| order.row_of(n, rows)).collect();
            let used: BTreeSet<u64> = numbers(&found).into_iter().collect();
            prop_assert_eq!(found.len() as u64, rows);
            prop_assert_eq!((used.len() as u64, used.last()), (rows, Some(&(rows - 1))));
        }

        #[test]
        fn a_shuffle_of_more_rows_than_there_are_files_for_stays_within_them(
            rows in 1_u64..=u64::MAX, numbers in prop::collection::btree_set(any::<u64>(), 1..20), key: u64,
        ) {
            let numbers: BTreeSet<u64> = numbers.into_iter().map(|number| number % rows).collect();
            let places: BTreeSet<u64> = numbers.iter().map(|number| place_of(*number, rows, key)).collect();
            prop_assert_eq!(places.len(), numbers.len());
            prop_assert!(places.iter().all(|place| *place < rows));
        }

        #[test]
        fn sequential_rows_begin_again(number: u64, rows in 1_u64..u64::MAX) {
            let found = order(RowOrder::Sequential, AtEnd::Repeat, 1).row_of(number, rows);
            prop_assert_eq!(found, RowAt::Row(number % rows));
        }

        #[test]
        fn random_rows_depend_on_seed_and_number_alone(seed: u64, number: u64, rows in 1_u64..1_000_000) {
            let found = order(RowOrder::Random, AtEnd::Repeat, seed).row_of(number, rows);
            prop_assert_eq!(found, order(RowOrder::Random, AtEnd::Repeat, seed).row_of(number, rows));
            prop_assert!(matches!(found, RowAt::Row(row) if row < rows));
        }
    }

    #[test]
    fn every_small_shuffle_is_a_permutation() {
        for rows in 1..=300 {
            let used: BTreeSet<u64> = (0..rows).map(|number| place_of(number, rows, 7)).collect();
            assert_eq!(used, (0..rows).collect(), "{rows}");
        }
    }

    #[test]
    fn passes_seeds_and_feeds_have_orders_of_their_own() {
        const ROWS: u64 = 1_000;
        let first = |order: FeedOrder| -> Vec<RowAt> { (0..ROWS).map(|n| order.row_of(n, ROWS)).collect() };
        let shuffle = order(RowOrder::Shuffle, AtEnd::Repeat, 1);
        let second: Vec<RowAt> = (ROWS..2 * ROWS).map(|number| shuffle.row_of(number, ROWS)).collect();
        let other_feed = FeedOrder { stream: shuffle.stream + 1, ..shuffle };
        let all =
            [first(shuffle), second, first(order(RowOrder::Shuffle, AtEnd::Repeat, 2)), first(other_feed)];
        for (index, one) in all.iter().enumerate() {
            assert!(all[..index].iter().all(|other| other != one), "{index}");
        }
    }

    #[test]
    fn random_rows_are_drawn_evenly() {
        let order = order(RowOrder::Random, AtEnd::Repeat, 3);
        let mut counts = [0_u64; 10];
        for number in 0..10_000 {
            let RowAt::Row(row) = order.row_of(number, 10) else { panic!("random rows have no end") };
            counts[row as usize] += 1;
        }
        // Five deviations of a binomial with 10,000 draws of a tenth are 150.
        assert!(counts.iter().all(|count| count.abs_diff(1_000) < 150), "{counts:?}");
    }

    #[test]
    fn a_shuffle_moves_rows_evenly() {
        // Where the first row goes, over many keys: five deviations as above.
        let mut counts = [0_u64; 10];
        (0..10_000).for_each(|key| counts[place_of(0, 10, spread_key(key)) as usize] += 1);
        assert!(counts.iter().all(|count| count.abs_diff(1_000) < 150), "{counts:?}");
    }

    fn spread_key(number: u64) -> u64 {
        Random::at(1, STREAMS_OF_FEEDS, number).bits()
    }
}
