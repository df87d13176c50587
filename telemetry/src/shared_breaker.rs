//! A circuit breaker that any number of threads share: the engine's own step, swapped in atomically.
//!
//! Its state is one word, and there is no lock. As long as all goes well nothing is written either: a window that is full of successes
//! stays the same word.

use engine::breaker::{BreakerCounts, BreakerEvent, BreakerRules, BreakerState, BreakerStay, BreakerStep};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A breaker for all who send to one collector.
#[derive(Debug)]
pub struct SharedBreaker {
    rules: BreakerRules,
    /// What its times are counted from: a clock that no step of the machine's changes.
    since: Instant,
    state: AtomicU64,
    openings: AtomicU64,
    half_openings: AtomicU64,
    closings: AtomicU64,
    rejections: AtomicU64,
}

/// One request may be sent. What became of it is to be said; a permit that is dropped says nothing of the collector, and lets another
/// one try in its place.
#[derive(Debug)]
pub struct BreakerPermit<'a> {
    breaker: &'a SharedBreaker,
    stay: BreakerStay,
    is_told: bool,
}

impl SharedBreaker {
    /// One that is closed.
    pub fn new(rules: BreakerRules) -> SharedBreaker {
        SharedBreaker {
            rules,
            since: Instant::now(),
            state: AtomicU64::new(BreakerState::default().bits()),
            openings: AtomicU64::new(0),
            half_openings: AtomicU64::new(0),
            closings: AtomicU64::new(0),
            rejections: AtomicU64::new(0),
        }
    }

    /// Whether a request may be sent now.
    pub fn ask(&self) -> Option<BreakerPermit<'_>> {
        self.ask_at(self.now_ns())
    }

    fn ask_at(&self, now_ns: u64) -> Option<BreakerPermit<'_>> {
        match self.step(BreakerEvent::Ask, now_ns).admitted {
            Some(stay) => Some(BreakerPermit { breaker: self, stay, is_told: false }),
            None => {
                self.rejections.fetch_add(1, Ordering::Relaxed);
                None
            }
        }
    }

    /// When it lets a request through again that tries the collector, if it is open.
    pub fn open_until(&self) -> Option<Instant> {
        let until_ns = BreakerState::from_bits(self.state.load(Ordering::Acquire)).open_until_ns()?;
        Some(self.since + Duration::from_nanos(until_ns))
    }

    /// How often it changed, and how often it let nothing through.
    pub fn counts(&self) -> BreakerCounts {
        BreakerCounts {
            openings: self.openings.load(Ordering::Relaxed),
            half_openings: self.half_openings.load(Ordering::Relaxed),
            closings: self.closings.load(Ordering::Relaxed),
            rejections: self.rejections.load(Ordering::Relaxed),
        }
    }

    fn now_ns(&self) -> u64 {
        self.since.elapsed().as_nanos() as u64
    }

    fn step(&self, event: BreakerEvent, now_ns: u64) -> BreakerStep {
        let mut bits = self.state.load(Ordering::Acquire);
        loop {
            let step = self.rules.step(BreakerState::from_bits(bits), event, now_ns);
            let next = step.state.bits();
            if next == bits {
                return step;
            }
            // Whoever comes first has its step taken; the others take theirs from what it left.
            match self.state.compare_exchange_weak(bits, next, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => {
                    self.count(&step);
                    return step;
                }
                Err(other) => bits = other,
            }
        }
    }

    fn count(&self, step: &BreakerStep) {
        let Some(change) = step.change else { return };
        let mut counts = BreakerCounts::default();
        counts.count(change);
        self.openings.fetch_add(counts.openings, Ordering::Relaxed);
        self.half_openings.fetch_add(counts.half_openings, Ordering::Relaxed);
        self.closings.fetch_add(counts.closings, Ordering::Relaxed);
    }
}

impl BreakerPermit<'_> {
    /// The collector has responded.
    pub fn succeeded(self) {
        let now_ns = self.breaker.now_ns();
        self.tell(BreakerEvent::Succeeded, now_ns);
    }

    /// It has not, or said that it cannot take anything now.
    pub fn failed(self) {
        let now_ns = self.breaker.now_ns();
        self.tell(BreakerEvent::Failed, now_ns);
    }

    fn tell(mut self, event: impl Fn(BreakerStay) -> BreakerEvent, now_ns: u64) {
        self.is_told = true;
        self.breaker.step(event(self.stay), now_ns);
    }
}

impl Drop for BreakerPermit<'_> {
    fn drop(&mut self) {
        if !self.is_told {
            self.breaker.step(BreakerEvent::Withdrawn(self.stay), self.breaker.now_ns());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;
    use std::sync::atomic::AtomicU32;

    const CALLERS: usize = 128;
    const RULES: BreakerRules = BreakerRules { failures: 3, window: 5, stays_open_ns: 1_000, probes: 1 };

    /// What all of so many threads do at once, once all of them are there.
    fn all_at_once(work: impl Fn(usize) + Sync) {
        let barrier = Barrier::new(CALLERS);
        std::thread::scope(|scope| {
            for caller in 0..CALLERS {
                let (barrier, work) = (&barrier, &work);
                scope.spawn(move || {
                    barrier.wait();
                    work(caller);
                });
            }
        });
    }

    fn opened(now_ns: u64) -> SharedBreaker {
        let breaker = SharedBreaker::new(RULES);
        for _ in 0..RULES.window {
            breaker.ask_at(now_ns).unwrap().tell(BreakerEvent::Failed, now_ns);
        }
        assert!(breaker.ask_at(now_ns).is_none());
        breaker
    }

    #[test]
    fn of_all_who_ask_at_once_exactly_one_tries_the_collector() {
        let breaker = opened(0);
        for round in 1..=40_u64 {
            let now_ns = round * RULES.stays_open_ns;
            let (admitted, asked) = (AtomicU32::new(0), Barrier::new(CALLERS));
            all_at_once(|_| {
                let permit = breaker.ask_at(now_ns);
                admitted.fetch_add(u32::from(permit.is_some()), Ordering::Relaxed);
                // The one that tries ends when all the others have asked.
                asked.wait();
                if let Some(permit) = permit {
                    permit.tell(BreakerEvent::Failed, now_ns);
                }
            });
            assert_eq!(admitted.into_inner(), 1, "round {round}");
        }
        let counts = breaker.counts();
        assert_eq!((counts.half_openings, counts.openings, counts.closings), (40, 41, 0));
        assert_eq!(counts.rejections, 1 + 40 * (CALLERS as u64 - 1));
    }

    #[test]
    fn whoever_reports_at_once_opens_it_once() {
        let breaker = SharedBreaker::new(RULES);
        let asked = Barrier::new(CALLERS);
        all_at_once(|_| {
            let permit = breaker.ask_at(0).unwrap();
            asked.wait();
            permit.tell(BreakerEvent::Failed, 0);
        });
        assert_eq!(breaker.counts().openings, 1);
        assert!(breaker.ask_at(RULES.stays_open_ns - 1).is_none());
    }

    #[test]
    fn however_threads_interleave_no_more_closes_than_was_tried_and_succeeded() {
        // All that is admitted in a stay that ends well is one probe; so closings are probes that succeeded, to one.
        let breaker = opened(0);
        let (clock, succeeded) = (AtomicU64::new(1), AtomicU64::new(0));
        all_at_once(|caller| {
            for turn in 0..200_usize {
                let now_ns = clock.fetch_add(100, Ordering::Relaxed);
                let Some(permit) = breaker.ask_at(now_ns) else { continue };
                match (caller + turn) % 3 {
                    0 => drop(permit),
                    1 => permit.tell(BreakerEvent::Failed, now_ns),
                    _ => {
                        succeeded.fetch_add(1, Ordering::Relaxed);
                        permit.tell(BreakerEvent::Succeeded, now_ns);
                    }
                }
            }
        });
        let counts = breaker.counts();
        assert!(counts.closings <= counts.half_openings && counts.half_openings <= counts.openings);
        assert!(counts.closings <= succeeded.into_inner());
        // Whatever was under way is over: it lets one try it, if it is not closed.
        assert!(breaker.ask_at(u64::MAX >> 12).is_some());
    }

    #[test]
    fn a_probe_that_is_given_up_lets_another_one_try() {
        let breaker = opened(0);
        let probe = breaker.ask_at(RULES.stays_open_ns);
        assert!(probe.is_some() && breaker.ask_at(RULES.stays_open_ns).is_none());
        drop(probe);
        let probe = breaker.ask_at(RULES.stays_open_ns).unwrap();
        probe.succeeded();
        assert_eq!(breaker.counts().closings, 1);
        assert!(breaker.ask().is_some());
    }

    #[test]
    fn nothing_is_written_while_all_goes_well() {
        let breaker = SharedBreaker::new(RULES);
        for _ in 0..RULES.window {
            breaker.ask().unwrap().succeeded();
        }
        let word = breaker.state.load(Ordering::Relaxed);
        breaker.ask().unwrap().succeeded();
        assert_eq!(breaker.state.load(Ordering::Relaxed), word);
    }
}
