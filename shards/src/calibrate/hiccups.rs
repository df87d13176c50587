//! How often, and for how long, this machine takes a core away from a thread that wants it. There is one on each core that does
//! nothing but look at the clock. What it misses, every shard would have missed. The question, and the word, are those of
//! Gil Tene's jHiccup (2012).

use super::halt::Halt;
use crate::arrivals::TimeSpread;
use crate::clock::Clock;
use crate::failures::died;
use engine::distribution::Distribution;
use engine::failure::{FailureKind, RunFailure};
use serde::{Deserialize, Serialize};
use std::thread;
use std::time::Duration;

/// Between two looks at the clock lie some tens of nanoseconds; from here on somebody else had the core.
const HICCUP_NS_MIN: u64 = 10_000;
/// Looks at the clock between two looks at whether to stop.
const LOOKS: u32 = 4_096;

/// One core's profile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CoreHiccups {
    /// Which.
    pub core: usize,
    /// For how long it was watched, seconds.
    pub watched_s: f64,
    /// Hiccups of 10 µs and longer, per second.
    pub per_s: f64,
    /// The share of the time that was lost in them.
    pub share: f64,
    /// How long they were.
    pub hiccup_ns: TimeSpread,
}

/// The profile of every core, all watched at once, and the worst of the clock's errors in parts per million.
pub(super) fn measure(
    length: Duration,
    cores: &[usize],
    halt: &Halt,
) -> Result<(Vec<CoreHiccups>, f64), RunFailure> {
    let length_ns = length.as_nanos() as u64;
    let watched = thread::scope(|scope| {
        let watchers: Vec<_> =
            cores.iter().map(|&core| scope.spawn(move || watch(core, length_ns, halt))).collect();
        let ends = watchers.into_iter().map(|watcher| watcher.join().map_err(|_| died("a watcher"))?);
        ends.collect::<Result<Vec<_>, RunFailure>>()
    })?;
    let worst = |worst: f64, ppm: f64| if ppm.abs() > worst.abs() { ppm } else { worst };
    let clock_ppm = watched.iter().map(|(_, ppm)| *ppm).fold(0.0, worst);
    Ok((watched.into_iter().map(|(hiccups, _)| hiccups).collect(), clock_ppm))
}

fn watch(core: usize, length_ns: u64, halt: &Halt) -> Result<(CoreHiccups, f64), RunFailure> {
    if !core_affinity::set_for_current(core_affinity::CoreId { id: core }) {
        return Err(FailureKind::Thread.failure(format!("no thread can be pinned to core {core}")));
    }
    let mut clock = Clock::new();
    let mut profile = Profile::new(clock.now());
    while profile.watched_ns() < length_ns && !halt.is_set() {
        (0..LOOKS).for_each(|_| profile.look(clock.now()));
    }
    Ok((profile.finish(core), clock.ppm()))
}

/// What was seen of one core so far.
struct Profile {
    start_ns: u64,
    last_ns: u64,
    lost_ns: u64,
    hiccups: Distribution,
}

impl Profile {
    fn new(start_ns: u64) -> Profile {
        Profile { start_ns, last_ns: start_ns, lost_ns: 0, hiccups: Distribution::new() }
    }

    #[inline]
    fn look(&mut self, now_ns: u64) {
        let gap_ns = now_ns - self.last_ns;
        self.last_ns = now_ns;
        if gap_ns >= HICCUP_NS_MIN {
            self.lost_ns += gap_ns;
            self.hiccups.record(gap_ns);
        }
    }

    fn watched_ns(&self) -> u64 {
        self.last_ns - self.start_ns
    }

    fn finish(self, core: usize) -> CoreHiccups {
        let watched_ns = self.watched_ns().max(1) as f64;
        CoreHiccups {
            core,
            watched_s: watched_ns / 1e9,
            per_s: self.hiccups.count() as f64 / (watched_ns / 1e9),
            share: self.lost_ns as f64 / watched_ns,
            hiccup_ns: TimeSpread::new(&self.hiccups),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missed_between_two_looks_is_a_hiccup_from_ten_microseconds_on() {
        let mut profile = Profile::new(0);
        // A look each microsecond, but for one gap of 9 us and one of a millisecond.
        let looks = (1..=1_000).chain([1_009]).chain(2_009..=100_000);
        looks.for_each(|us| profile.look(us * 1_000));
        let hiccups = profile.finish(3);
        assert_eq!((hiccups.core, hiccups.hiccup_ns.count), (3, 1));
        assert!((hiccups.share - 0.01).abs() < 1e-12 && (hiccups.per_s - 10.0).abs() < 1e-9);
        assert!(hiccups.hiccup_ns.max.abs_diff(1_000_000) <= 1_000, "{}", hiccups.hiccup_ns.max);
    }

    #[test]
    fn a_halt_ends_the_watching() {
        let (halt, core) = (Halt::default(), crate::machine::allowed_cores()[0]);
        halt.set();
        let (hiccups, _) = measure(Duration::from_secs(3_600), &[core], &halt).unwrap();
        assert!(hiccups[0].watched_s < 3_600.0);
    }
}
