//! Which request on a socket a number is of: each has the next one that is free, and a late or doubled reply is told from one's own.

use super::lost::{LostNumbers, NUMBERS};
use crate::protocol::{DatagramNote, Place};

/// No request.
const NOBODY: u32 = u32::MAX;

/// The numbers of one socket.
#[derive(Debug)]
pub(super) struct DatagramNumbers {
    /// The highest there can be: all bits set.
    highest: u64,
    /// How many have been given out, or passed over.
    given: u64,
    /// Those under way, each where its number says or at the next place that is free: twice as many places as requests.
    under_way: Box<[NumberedRequest]>,
    /// By its place within the socket.
    number_of: Box<[u64]>,
    count: u32,
    lost: LostNumbers,
}

#[derive(Clone, Copy, Debug)]
struct NumberedRequest {
    number: u64,
    place: u32,
}

impl DatagramNumbers {
    /// Numbers of so many bytes, for up to so many requests at a time. Without any where there is no room for them.
    pub(super) fn new(bytes: u8, depth: u32) -> DatagramNumbers {
        let highest = if bytes >= 8 { u64::MAX } else { (1 << (8 * u32::from(bytes))) - 1 };
        let nobody = NumberedRequest { number: 0, place: NOBODY };
        DatagramNumbers {
            highest,
            given: 0,
            under_way: vec![nobody; (2 * depth as usize).next_power_of_two()].into_boxed_slice(),
            number_of: vec![0; depth as usize].into_boxed_slice(),
            count: 0,
            lost: LostNumbers::default(),
        }
    }

    /// All that was under way is over, and no reply to it can come any more.
    pub(super) fn clear(&mut self) {
        self.under_way.iter_mut().for_each(|request| request.place = NOBODY);
        self.count = 0;
        self.lost = LostNumbers::default();
        self.given = 0;
    }

    /// How many requests more can be given a number.
    #[inline]
    pub(super) fn room(&self) -> u32 {
        match self.has_few() {
            true => (NUMBERS as u32).saturating_sub(self.lost.count() + self.count),
            false => u32::MAX,
        }
    }

    /// Whether numbers are used again before long.
    fn has_few(&self) -> bool {
        self.highest < NUMBERS
    }

    /// Gives a request the next number that is free; nothing where there is none.
    #[inline]
    pub(super) fn give(&mut self, place: Place) -> Option<u64> {
        if self.room() == 0 {
            return None;
        }
        let number = loop {
            let number = self.given & self.highest;
            self.given = self.given.wrapping_add(1);
            if !self.has_few() {
                // Whatever had the same last bits was so long ago that it is not told apart from what was never lost.
                self.lost.take(number);
                break number;
            }
            if !self.lost.has(number) && self.find(number).is_none() {
                break number;
            }
        };
        let mut at = self.home(number);
        while self.under_way[at].place != NOBODY {
            at = self.next(at);
        }
        self.under_way[at] = NumberedRequest { number, place: place.0 };
        let local = self.local(place);
        self.number_of[local] = number;
        self.count += 1;
        Some(number)
    }

    /// The request with this number, under way.
    #[inline]
    pub(super) fn find(&self, number: u64) -> Option<Place> {
        let mut at = self.home(number);
        loop {
            let request = self.under_way[at];
            if request.place == NOBODY {
                return None;
            }
            if request.number == number {
                return Some(Place(request.place));
            }
            at = self.next(at);
        }
    }

    /// A request has its reply.
    #[inline]
    pub(super) fn end(&mut self, place: Place) {
        let number = self.number_of[self.local(place)];
        let mut at = self.home(number);
        while self.under_way[at].place != place.0 {
            if self.under_way[at].place == NOBODY {
                return;
            }
            at = self.next(at);
        }
        self.count -= 1;
        self.close_gap(at);
    }

    /// A request was given up: a reply that comes yet is late.
    pub(super) fn give_up(&mut self, place: Place) {
        let number = self.number_of[self.local(place)];
        if self.find(number) == Some(place) {
            self.end(place);
            self.lost.add(number);
        }
    }

    /// What a number is that no request under way has.
    pub(super) fn note_of(&mut self, number: u64) -> DatagramNote {
        let was_given = self.given > self.highest || number < self.given;
        // Of long numbers, those that are not among the last are not told apart.
        let is_recent = self.has_few() || (was_given && self.given - number <= NUMBERS);
        match () {
            () if is_recent && self.lost.take(number) => DatagramNote::Late,
            () if was_given => DatagramNote::Repeated,
            () => DatagramNote::Stray,
        }
    }

    /// Time has passed.
    pub(super) fn rest_until(&mut self, now_ns: u64) {
        self.lost.rest_until(now_ns);
    }

    fn local(&self, place: Place) -> usize {
        place.0 as usize % self.number_of.len()
    }

    fn home(&self, number: u64) -> usize {
        number as usize & (self.under_way.len() - 1)
    }

    fn next(&self, at: usize) -> usize {
        (at + 1) & (self.under_way.len() - 1)
    }

    /// Moves up what stands behind a place that has become free, so that nothing is looked for past a gap.
    fn close_gap(&mut self, mut gap: usize) {
        let mut at = self.next(gap);
        while self.under_way[at].place != NOBODY {
            let home = self.home(self.under_way[at].number);
            // Whether it would be looked for at the gap: its home is not between the gap and where it stands.
            let mask = self.under_way.len() - 1;
            if (at.wrapping_sub(home) & mask) >= (at.wrapping_sub(gap) & mask) {
                self.under_way[gap] = self.under_way[at];
                gap = at;
            }
            at = self.next(at);
        }
        self.under_way[gap].place = NOBODY;
    }
}

#[cfg(test)]
mod tests {
    use super::super::lost::REST_NS;
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[test]
    fn each_request_has_the_next_number_and_is_found_by_it_until_it_ends() {
        let mut numbers = DatagramNumbers::new(4, 3);
        let given: Vec<u64> = (3..6).map(|place| numbers.give(Place(place)).unwrap()).collect();
        assert_eq!(given, [0, 1, 2]);
        assert_eq!(numbers.find(1), Some(Place(4)));
        numbers.end(Place(4));
        assert_eq!((numbers.find(1), numbers.find(2)), (None, Some(Place(5))));
        assert_eq!(numbers.give(Place(4)), Some(3));
    }

    #[test]
    fn a_reply_that_comes_late_once_more_or_unasked_is_told_apart() {
        for bytes in [2, 4, 8] {
            let mut numbers = DatagramNumbers::new(bytes, 2);
            numbers.give(Place(0));
            numbers.give(Place(1));
            numbers.end(Place(0));
            numbers.give_up(Place(1));
            assert_eq!(numbers.note_of(0), DatagramNote::Repeated, "{bytes}");
            assert_eq!(numbers.note_of(1), DatagramNote::Late, "{bytes}");
            assert_eq!(numbers.note_of(1), DatagramNote::Repeated, "{bytes}: late, and then once more");
            assert_eq!(numbers.note_of(2), DatagramNote::Stray, "{bytes}");
            assert_eq!(numbers.find(1), None);
        }
    }

    #[test]
    fn a_number_of_sixteen_bits_that_was_lost_is_not_used_again_while_it_rests() {
        let mut numbers = DatagramNumbers::new(2, 1);
        numbers.rest_until(REST_NS);
        let lost = numbers.give(Place(0)).unwrap();
        numbers.give_up(Place(0));
        for _ in 0..2 * NUMBERS {
            assert_ne!(numbers.give(Place(0)).unwrap(), lost);
            numbers.end(Place(0));
        }
        assert_eq!(numbers.note_of(lost), DatagramNote::Late);
        assert!((0..=NUMBERS).any(|_| {
            let number = numbers.give(Place(0)).unwrap();
            numbers.end(Place(0));
            number == lost
        }));
    }

    #[test]
    fn where_all_numbers_rest_there_is_room_again_once_they_have() {
        let mut numbers = DatagramNumbers::new(2, 1);
        numbers.rest_until(REST_NS);
        for _ in 0..NUMBERS {
            numbers.give(Place(0)).unwrap();
            numbers.give_up(Place(0));
        }
        assert_eq!((numbers.room(), numbers.give(Place(0))), (0, None));
        numbers.rest_until(2 * REST_NS);
        assert_eq!(numbers.room(), 0);
        numbers.rest_until(3 * REST_NS);
        assert_eq!(u64::from(numbers.room()), NUMBERS);
        assert!(numbers.give(Place(0)).is_some());
    }

    #[test]
    fn a_number_that_is_under_way_for_long_is_passed_over() {
        let mut numbers = DatagramNumbers::new(2, 2);
        assert_eq!(numbers.give(Place(0)), Some(0));
        for _ in 0..NUMBERS + 5 {
            assert_ne!(numbers.give(Place(1)), Some(0));
            numbers.end(Place(1));
        }
        assert_eq!(numbers.find(0), Some(Place(0)));
    }

    #[test]
    fn what_is_cleared_knows_nothing_of_what_was_before() {
        let mut numbers = DatagramNumbers::new(4, 2);
        numbers.give(Place(0));
        numbers.give_up(Place(0));
        numbers.give(Place(1));
        numbers.clear();
        assert_eq!((numbers.find(1), numbers.note_of(0)), (None, DatagramNote::Stray));
        assert_eq!(numbers.give(Place(1)), Some(0));
    }

    proptest! {
        /// Beside a map, whatever is sent, answered and given up: the same requests are found, and late replies are nobody's.
        #[test]
        fn numbers_find_what_a_map_would(bytes in prop_oneof![Just(2_u8), Just(4), Just(8)], steps in prop::collection::vec((0_u32..3, 0_u32..8), 0..400)) {
            let mut numbers = DatagramNumbers::new(bytes, 8);
            let mut known: BTreeMap<u64, u32> = BTreeMap::new();
            let mut lost = Vec::new();
            for (what, place) in steps {
                let number = known.iter().find(|(_, known)| **known == place).map(|(number, _)| *number);
                match (what, number) {
                    (0, None) => {
                        known.insert(numbers.give(Place(place)).unwrap(), place);
                    }
                    (1, Some(number)) => {
                        prop_assert_eq!(numbers.find(number), Some(Place(place)));
                        numbers.end(Place(place));
                        known.remove(&number);
                        prop_assert_eq!(numbers.note_of(number), DatagramNote::Repeated);
                    }
                    (2, Some(number)) => {
                        numbers.give_up(Place(place));
                        known.remove(&number);
                        lost.push(number);
                    }
                    _ => {}
                }
                for (number, place) in &known {
                    prop_assert_eq!(numbers.find(*number), Some(Place(*place)));
                }
                prop_assert!(lost.iter().all(|number| numbers.find(*number).is_none()));
            }
            for number in lost {
                prop_assert_eq!(numbers.note_of(number), DatagramNote::Late);
            }
        }
    }
}
