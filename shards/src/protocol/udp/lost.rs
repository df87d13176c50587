//! Numbers of requests that were given up: a late reply is known by them, and short ones are not used again at once.

use engine::quantity::SECOND_NS;

/// How many numbers are told apart: all that have sixteen bits, and of longer ones the last.
pub(super) const NUMBERS: u64 = 1 << 16;
const WORDS: usize = NUMBERS as usize / u64::BITS as usize;
/// For how long a number rests at the least, and at the most for twice as long. Replies that come later are unheard of.
pub(super) const REST_NS: u64 = 10 * SECOND_NS;

/// Numbers that rest, in two halves: those of the time since the last turn, and those of the time before.
#[derive(Debug, Default)]
pub(super) struct LostNumbers {
    /// Made with the first loss: where nothing is lost it takes no memory.
    halves: Option<Box<[LostHalf; 2]>>,
    turned_ns: u64,
}

#[derive(Debug)]
struct LostHalf {
    bits: [u64; WORDS],
    count: u32,
}

impl LostHalf {
    const EMPTY: LostHalf = LostHalf { bits: [0; WORDS], count: 0 };

    fn has(&self, number: u64) -> bool {
        let (word, bit) = place(number);
        self.bits[word] & bit != 0
    }

    fn take(&mut self, number: u64) -> bool {
        let (word, bit) = place(number);
        let had = self.bits[word] & bit != 0;
        self.bits[word] &= !bit;
        self.count -= u32::from(had);
        had
    }

    fn add(&mut self, number: u64) {
        let (word, bit) = place(number);
        self.count += u32::from(self.bits[word] & bit == 0);
        self.bits[word] |= bit;
    }
}

fn place(number: u64) -> (usize, u64) {
    let number = number % NUMBERS;
    ((number / u64::from(u64::BITS)) as usize, 1 << (number % u64::from(u64::BITS)))
}

impl LostNumbers {
    /// A request with this number was given up.
    pub(super) fn add(&mut self, number: u64) {
        let halves = self.halves.get_or_insert_with(|| Box::new([LostHalf::EMPTY; 2]));
        halves[1].take(number);
        halves[0].add(number);
    }

    /// Whether one with this number was, lately.
    #[inline]
    pub(super) fn has(&self, number: u64) -> bool {
        self.halves.as_ref().is_some_and(|halves| halves.iter().any(|half| half.has(number)))
    }

    /// The same; from now on it was not.
    #[inline]
    pub(super) fn take(&mut self, number: u64) -> bool {
        self.halves.as_mut().is_some_and(|halves| {
            let [recent, before] = halves.as_mut();
            recent.take(number) | before.take(number)
        })
    }

    /// How many there are.
    #[inline]
    pub(super) fn count(&self) -> u32 {
        self.halves.as_ref().map_or(0, |halves| halves.iter().map(|half| half.count).sum())
    }

    /// Time has passed: those that have rested for long enough are forgotten.
    pub(super) fn rest_until(&mut self, now_ns: u64) {
        if now_ns < self.turned_ns + REST_NS {
            return;
        }
        self.turned_ns = now_ns;
        if let Some(halves) = &mut self.halves {
            halves.swap(0, 1);
            halves[0] = LostHalf::EMPTY;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_number_is_known_until_its_reply_comes() {
        let mut lost = LostNumbers::default();
        assert!(!lost.has(7) && !lost.take(7) && lost.count() == 0);
        lost.add(7);
        lost.add(7);
        lost.add(65_535);
        assert!(lost.has(7) && lost.has(65_535) && lost.count() == 2);
        assert!(lost.take(7) && !lost.take(7) && !lost.has(7));
        assert_eq!(lost.count(), 1);
    }

    #[test]
    fn a_lost_number_rests_for_one_to_two_terms() {
        let mut lost = LostNumbers::default();
        lost.rest_until(REST_NS);
        lost.add(1);
        lost.rest_until(2 * REST_NS - 1);
        lost.add(2);
        lost.rest_until(2 * REST_NS);
        assert!(lost.has(1) && lost.has(2), "both since the last turn");
        lost.add(1);
        lost.rest_until(3 * REST_NS);
        assert!(lost.has(1) && !lost.has(2) && lost.count() == 1, "lost again, it rests again");
        lost.rest_until(4 * REST_NS);
        assert_eq!((lost.has(1), lost.count()), (false, 0));
    }
}
