//! For tests of what reads bytes of other origin: cases drawn at random, and small changes to bytes.
//!
//! A test has a fixed number of cases from a fixed seed. `FUZZ_SECONDS=600` looks for that long instead, from the seed in `FUZZ_SEED`
//! (1). A failure names seed and case, and `FUZZ_SEED=1 FUZZ_CASE=7` does that case alone.

use engine::random::Random;
use std::ops::RangeInclusive;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// What became of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// What was read could be used to its end.
    Taken,
    /// It was refused, or given up.
    Refused,
}

impl Fate {
    /// Of something that is usable, or is not.
    pub fn when(is_taken: bool) -> Fate {
        if is_taken { Fate::Taken } else { Fate::Refused }
    }
}

/// What the environment asks for, and a test has otherwise.
struct Cases {
    seed: u64,
    first: u64,
    /// Cases in all, where time does not say.
    count: u64,
    length: Option<Duration>,
}

/// Tries a target on cases: as many as a test has, for as long as is asked for, or one. Each is drawn from the seed and its own number.
///
/// # Panics
///
/// When a case does, and when nearly all are taken or nearly all refused: little was tried then.
pub fn fuzz(target: &str, cases: u64, mut one: impl FnMut(&mut Random) -> Fate) {
    let cases = Cases::asked_for(cases);
    let begun = Instant::now();
    let (mut case, mut taken) = (cases.first, 0);
    while cases.goes_on(case, begun) {
        let mut random = Random::new(cases.seed, case);
        match catch_unwind(AssertUnwindSafe(|| one(&mut random))) {
            Ok(fate) => taken += u64::from(fate == Fate::Taken),
            Err(_) => panic!("{target}: FUZZ_SEED={} FUZZ_CASE={case} does it again", cases.seed),
        }
        case += 1;
    }
    let tried = case - cases.first;
    println!("{target}: {tried} cases of seed {}, {taken} taken, in {:.0?}", cases.seed, begun.elapsed());
    let is_telling = tried == 1 || (taken > tried / 20 && taken < tried - tried / 20);
    assert!(is_telling, "{target}: {taken} of {tried} were taken, so little was tried");
}

impl Cases {
    fn asked_for(count: u64) -> Cases {
        let number = |name: &str| {
            let text = std::env::var(name).ok()?;
            Some(text.parse::<u64>().unwrap_or_else(|_| panic!("{name}={text} is no number")))
        };
        let seed = number("FUZZ_SEED").unwrap_or(1);
        match number("FUZZ_CASE") {
            Some(first) => Cases { seed, first, count: 1, length: None },
            None => Cases { seed, first: 0, count, length: number("FUZZ_SECONDS").map(Duration::from_secs) },
        }
    }

    fn goes_on(&self, case: u64, begun: Instant) -> bool {
        match self.length {
            Some(length) => begun.elapsed() < length,
            None => case - self.first < self.count,
        }
    }
}

/// One of several.
pub fn one_of<'a, T>(random: &mut Random, choices: &'a [T]) -> &'a T {
    &choices[below(random, choices.len())]
}

/// A number from 0 on that is smaller than a bound.
pub fn below(random: &mut Random, bound: usize) -> usize {
    random.between(0, bound as u64 - 1) as usize
}

/// A number that is at the end of some range.
pub fn number(random: &mut Random) -> u64 {
    let power = 1_u64 << random.between(0, 63);
    *one_of(
        random,
        &[0, 1, power, power - 1, power.wrapping_neg(), u64::MAX, i64::MAX as u64, 3_600_000_000_000],
    )
}

/// So many bytes at the most, of any value.
pub fn noise(random: &mut Random, bytes_max: usize) -> Vec<u8> {
    (0..below(random, bytes_max + 1)).map(|_| random.bits() as u8).collect()
}

/// Changes bytes in as many places as are drawn of a range: some are flipped, replaced, cut out, doubled, set to numbers at
/// the end of a range, cut off, and others are put in.
pub fn change(
    random: &mut Random,
    bytes: &mut Vec<u8>,
    changes: RangeInclusive<u64>,
    put_in: impl Fn(&mut Random) -> Vec<u8>,
) {
    for _ in 0..random.between(*changes.start(), *changes.end()) {
        if bytes.is_empty() {
            bytes.push(random.bits() as u8);
        }
        let at = below(random, bytes.len());
        let length = (1 + below(random, 64)).min(bytes.len() - at);
        match random.between(0, 7) {
            0 => bytes[at] ^= 1 << random.between(0, 7),
            1 => bytes[at] = random.bits() as u8,
            2 => bytes[at..at + length].fill(*one_of(random, &[0, 0x3f, 0x40, 0x7f, 0x80, 0xc0, 0xff])),
            3 => drop(bytes.drain(at..at + length)),
            4 => {
                let again = bytes[at..at + length].to_vec();
                bytes.splice(at..at, again);
            }
            5 => bytes.truncate(at),
            6 => {
                let word = number(random).to_be_bytes();
                let word = &word[..*one_of(random, &[2, 4, 8])];
                let length = word.len().min(bytes.len() - at);
                bytes[at..at + length].copy_from_slice(&word[..length]);
            }
            _ => {
                let more = put_in(random);
                bytes.splice(at..at, more);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(cases: &Cases) -> u64 {
        let mut case = cases.first;
        while cases.goes_on(case, Instant::now()) {
            case += 1;
        }
        case - cases.first
    }

    #[test]
    fn as_many_cases_are_tried_as_are_asked_for() {
        assert_eq!(tried(&Cases { seed: 1, first: 0, count: 30, length: None }), 30);
        assert_eq!(tried(&Cases { seed: 1, first: 7, count: 1, length: None }), 1);
    }

    #[test]
    #[should_panic(expected = "little was tried")]
    fn a_target_that_takes_everything_tries_nothing() {
        fuzz("everything", 10, |_| Fate::Taken);
    }

    #[test]
    #[should_panic(expected = "FUZZ_SEED=1 FUZZ_CASE=3 does it again")]
    fn a_failure_names_its_case() {
        let mut left = 3;
        fuzz("the fourth", 10, |_| {
            left -= 1;
            assert!(left >= 0, "the fourth");
            Fate::Taken
        });
    }

    #[test]
    fn changed_bytes_differ_and_are_the_same_for_a_seed() {
        let changed = |case| {
            let mut bytes = vec![7; 100];
            change(&mut Random::new(1, case), &mut bytes, 0..=4, |random| noise(random, 9));
            bytes
        };
        let differ = (0..100).filter(|case| changed(*case) != [7; 100]).count();
        assert!((60..100).contains(&differ), "{differ} of 100 were changed");
        assert!((0..100).all(|case| changed(case) == changed(case)));
    }
}
