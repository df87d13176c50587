//! Files of other origin, changed at random: whatever they hold, they are read or refused. No panic, no overflow, no memory beyond
//! a bound, and nothing comes in that a list or a name could be deceived by.
//!
//! As a test each target runs some hundred cases from a fixed seed. To look longer:
//! `FUZZ_SECONDS=600 cargo test -p vajra-archive --test fuzz -- --nocapture bundles` (or `histograms`, `reports`); with
//! `CARGO_PROFILE_DEV_OPT_LEVEL=2 CARGO_TARGET_DIR=target/fuzz` before it, it tries several times as many, and still sees overflow.
//! A failure names its seed and its case, and `FUZZ_SEED=1 FUZZ_CASE=7` runs that case alone.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bundles;
mod histograms;
mod mutation;
mod reports;
#[path = "../sample.rs"]
mod sample;

use engine::random::Random;
use nix::sys::resource::{Resource, setrlimit};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// Address space of the whole test: what a decoder may take at the most, many times over, and less than what sixty bytes could once
/// ask for. An allocation beyond it ends the process.
const MEMORY_BYTES_MAX: u64 = 2 << 30;

/// What became of a case.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Read,
    Refused,
}

/// Runs a target on as many cases as a test has, or for as long as was asked for.
fn fuzz(target: &str, cases: u64, mut one: impl FnMut(&mut Random) -> Fate) {
    setrlimit(Resource::RLIMIT_AS, MEMORY_BYTES_MAX, MEMORY_BYTES_MAX).unwrap();
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let (seed, single) = (number("FUZZ_SEED").unwrap_or(1), number("FUZZ_CASE"));
    let length = number("FUZZ_SECONDS").map(Duration::from_secs);
    let begun = Instant::now();
    let goes_on = |case: u64| match (single, length) {
        (Some(single), _) => case == single,
        (None, Some(length)) => begun.elapsed() < length,
        (None, None) => case < cases,
    };
    let (mut case, mut read) = (single.unwrap_or(0), 0);
    while goes_on(case) {
        let mut random = Random::new(seed, case);
        match catch_unwind(AssertUnwindSafe(|| one(&mut random))) {
            Ok(fate) => read += u64::from(fate == Fate::Read),
            Err(_) => panic!("{target}: FUZZ_SEED={seed} FUZZ_CASE={case} does it again"),
        }
        case += 1;
    }
    println!("{target}: {case} cases of seed {seed}, {read} read, in {:.0?}", begun.elapsed());
    let is_telling = single.is_some() || (read > 0 && read < case);
    assert!(is_telling, "{target}: {read} of {case} were read, so nothing was tried");
}
