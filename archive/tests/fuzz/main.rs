//! Files of other origin, changed at random: whatever they hold, they are read or refused. No panic, no overflow, no memory beyond
//! a bound, and nothing comes in that a list or a name could be deceived by.
//!
//! To look longer: `FUZZ_SECONDS=600 cargo test -p vajra-archive --test fuzz -- --nocapture bundles` (or `histograms`, `reports`); with
//! `CARGO_PROFILE_DEV_OPT_LEVEL=2 CARGO_TARGET_DIR=target/fuzz` before it, it tries several times as many, and still sees overflow.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bundles;
mod histograms;
mod mutation;
mod reports;
#[path = "../sample.rs"]
mod sample;

use engine::random::Random;
use fuzzing::Fate;
use nix::sys::resource::{Resource, setrlimit};

/// Address space of the whole test: what a decoder may take at the most, many times over, and less than what sixty bytes could once
/// ask for. An allocation beyond it ends the process.
const MEMORY_BYTES_MAX: u64 = 2 << 30;

/// Tries a target on cases, within bounded memory.
fn fuzz(target: &str, cases: u64, one: impl FnMut(&mut Random) -> Fate) {
    setrlimit(Resource::RLIMIT_AS, MEMORY_BYTES_MAX, MEMORY_BYTES_MAX).unwrap();
    fuzzing::fuzz(target, cases, one);
}
