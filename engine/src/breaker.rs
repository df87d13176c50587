//! A circuit breaker: whether a client sends at all to a target that has failed it, as a pure function of state, event and time.
//!
//! A state is one word, so that whoever shares a breaker between threads can swap the same function's result in atomically.
//! Times are in nanoseconds of any clock that does not go back and that starts near 0, such as a run's.

use serde::{Deserialize, Serialize};

/// The most outcomes that a breaker remembers.
pub const BREAKER_WINDOW_MAX: u32 = 32;
/// The most requests that may try whether the target is well again.
pub const PROBES_MAX: u32 = 255;

/// When a breaker opens, and when it closes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakerRules {
    /// It opens when so many of the last outcomes were failures,
    pub failures: u32,
    /// of the last so many, 1 to [`BREAKER_WINDOW_MAX`]; not before as many are known.
    pub window: u32,
    /// How long it stays open.
    pub stays_open_ns: u64,
    /// So many requests then try the target, 1 to [`PROBES_MAX`], and all have to succeed for it to close.
    pub probes: u32,
}

/// Where a breaker is: two bits for which of three it is, eight that tell one stay from others, and 54 for what is kept there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BreakerState(u64);

/// What happens to a breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerEvent {
    /// A request asks whether it may be sent.
    Ask,
    /// One that was let through in a stay has succeeded.
    Succeeded(BreakerStay),
    /// It has failed.
    Failed(BreakerStay),
    /// It says nothing of the target: it was never sent, or the run ended first.
    Withdrawn(BreakerStay),
}

/// Which of the stays of a breaker in its states a request was let through in. What ends after that stay has no say in the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BreakerStay(u8);

/// What an event leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerStep {
    /// The state from then on.
    pub state: BreakerState,
    /// What the event has changed, where it is another state than before.
    pub change: Option<BreakerChange>,
    /// Of a request that asked: the stay that it is sent in; nothing when it is rejected.
    pub admitted: Option<BreakerStay>,
}

/// A breaker went from one state to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerChange {
    /// It lets nothing through from now on.
    Opened,
    /// It lets some requests try the target.
    HalfOpened,
    /// It lets everything through.
    Closed,
}

/// How often breakers changed, and what they rejected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakerCounts {
    /// Times that one opened, from whichever state.
    pub openings: u64,
    /// Times that one let requests try the target.
    pub half_openings: u64,
    /// Times that one closed again.
    pub closings: u64,
    /// Requests, or further attempts of them, that one did not let through.
    pub rejections: u64,
}

impl BreakerCounts {
    /// Whether nothing has happened.
    pub fn is_nothing(&self) -> bool {
        *self == BreakerCounts::default()
    }

    /// Counts what an event has changed.
    pub fn count(&mut self, change: BreakerChange) {
        match change {
            BreakerChange::Opened => self.openings += 1,
            BreakerChange::HalfOpened => self.half_openings += 1,
            BreakerChange::Closed => self.closings += 1,
        }
    }

    /// Adds others.
    pub fn add(&mut self, other: BreakerCounts) {
        self.openings += other.openings;
        self.half_openings += other.half_openings;
        self.closings += other.closings;
        self.rejections += other.rejections;
    }
}

/// The three states, unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unpacked {
    /// The last outcomes, the latest in the lowest bit, a failure being 1, and how many are known.
    Closed {
        outcomes: u32,
        known: u32,
    },
    Open {
        until_ns: u64,
    },
    /// Requests that were let through, and how many of them have succeeded.
    HalfOpen {
        admitted: u32,
        succeeded: u32,
    },
}

const STATE_SHIFT: u32 = 62;
const STAY_SHIFT: u32 = 54;
const KEPT: u64 = (1 << STAY_SHIFT) - 1;
const HALF: u32 = 32;

impl BreakerState {
    fn pack(unpacked: Unpacked, stay: BreakerStay) -> BreakerState {
        let (state, kept) = match unpacked {
            Unpacked::Closed { outcomes, known } => (0, u64::from(known) << HALF | u64::from(outcomes)),
            // Later than any run ends is as good as never.
            Unpacked::Open { until_ns } => (1, until_ns.min(KEPT)),
            Unpacked::HalfOpen { admitted, succeeded } => {
                (2, u64::from(admitted) << HALF | u64::from(succeeded))
            }
        };
        BreakerState(state << STATE_SHIFT | u64::from(stay.0) << STAY_SHIFT | kept)
    }

    fn unpack(self) -> Unpacked {
        let kept = self.0 & KEPT;
        let (high, low) = ((kept >> HALF) as u32, kept as u32);
        match self.0 >> STATE_SHIFT {
            0 => Unpacked::Closed { outcomes: low, known: high },
            1 => Unpacked::Open { until_ns: kept },
            _ => Unpacked::HalfOpen { admitted: high, succeeded: low },
        }
    }

    /// Which stay this is.
    fn stay(self) -> BreakerStay {
        BreakerStay((self.0 >> STAY_SHIFT) as u8)
    }

    /// The word it is packed in.
    pub fn bits(self) -> u64 {
        self.0
    }

    /// Until when it lets nothing through, if it is open.
    pub fn open_until_ns(self) -> Option<u64> {
        match self.unpack() {
            Unpacked::Open { until_ns } => Some(until_ns),
            Unpacked::Closed { .. } | Unpacked::HalfOpen { .. } => None,
        }
    }

    /// The state of a word that [`BreakerState::bits`] gave.
    pub fn from_bits(bits: u64) -> BreakerState {
        BreakerState(bits)
    }
}

impl BreakerRules {
    /// What an event leads to, at a moment. A breaker begins as [`BreakerState::default`], which is closed and knows nothing.
    pub fn step(&self, state: BreakerState, event: BreakerEvent, now_ns: u64) -> BreakerStep {
        match event {
            BreakerEvent::Ask => self.ask(state, now_ns),
            BreakerEvent::Succeeded(stay) | BreakerEvent::Failed(stay) | BreakerEvent::Withdrawn(stay)
                if stay != state.stay() =>
            {
                BreakerStep { state, change: None, admitted: None }
            }
            BreakerEvent::Succeeded(_) => self.ended(state, false, now_ns),
            BreakerEvent::Failed(_) => self.ended(state, true, now_ns),
            BreakerEvent::Withdrawn(stay) => {
                let unpacked = match state.unpack() {
                    // Another one may try in its place.
                    Unpacked::HalfOpen { admitted, succeeded } => {
                        Unpacked::HalfOpen { admitted: admitted.saturating_sub(1), succeeded }
                    }
                    other => other,
                };
                BreakerStep { state: BreakerState::pack(unpacked, stay), change: None, admitted: None }
            }
        }
    }

    fn ask(&self, state: BreakerState, now_ns: u64) -> BreakerStep {
        let admit = |state: BreakerState, change| BreakerStep { state, change, admitted: Some(state.stay()) };
        match state.unpack() {
            Unpacked::Closed { .. } => admit(state, None),
            Unpacked::Open { until_ns } if until_ns <= now_ns => {
                let first = Unpacked::HalfOpen { admitted: 1, succeeded: 0 };
                admit(BreakerState::pack(first, next(state.stay())), Some(BreakerChange::HalfOpened))
            }
            Unpacked::HalfOpen { admitted, succeeded } if admitted < self.probes => {
                let more = Unpacked::HalfOpen { admitted: admitted + 1, succeeded };
                admit(BreakerState::pack(more, state.stay()), None)
            }
            Unpacked::Open { .. } | Unpacked::HalfOpen { .. } => {
                BreakerStep { state, change: None, admitted: None }
            }
        }
    }

    fn ended(&self, state: BreakerState, has_failed: bool, now_ns: u64) -> BreakerStep {
        let open = Unpacked::Open { until_ns: now_ns.saturating_add(self.stays_open_ns) };
        let (unpacked, change) = match state.unpack() {
            Unpacked::Closed { outcomes, known } => {
                let outcomes =
                    (outcomes << 1 | u32::from(has_failed)) & (u32::MAX >> (u32::BITS - self.window));
                let known = (known + 1).min(self.window);
                match known == self.window && outcomes.count_ones() >= self.failures {
                    true => (open, Some(BreakerChange::Opened)),
                    false => (Unpacked::Closed { outcomes, known }, None),
                }
            }
            Unpacked::HalfOpen { .. } if has_failed => (open, Some(BreakerChange::Opened)),
            Unpacked::HalfOpen { admitted, succeeded } if succeeded + 1 < self.probes => {
                (Unpacked::HalfOpen { admitted, succeeded: succeeded + 1 }, None)
            }
            Unpacked::HalfOpen { .. } => {
                (Unpacked::Closed { outcomes: 0, known: 0 }, Some(BreakerChange::Closed))
            }
            // Nothing is let through in such a stay that could end.
            Unpacked::Open { until_ns } => (Unpacked::Open { until_ns }, None),
        };
        let stay = if change.is_some() { next(state.stay()) } else { state.stay() };
        BreakerStep { state: BreakerState::pack(unpacked, stay), change, admitted: None }
    }
}

fn next(BreakerStay(stay): BreakerStay) -> BreakerStay {
    BreakerStay(stay.wrapping_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    /// The same in the plainest way there is, which forgets nothing.
    struct Model {
        rules: BreakerRules,
        outcomes: VecDeque<bool>,
        open_until_ns: Option<u64>,
        /// Requests that try the target, and successes among them.
        probing: Option<(u32, u32)>,
        stays: u64,
    }

    impl Model {
        fn ask(&mut self, now_ns: u64) -> Option<u64> {
            if let Some(until_ns) = self.open_until_ns {
                if now_ns < until_ns {
                    return None;
                }
                (self.open_until_ns, self.probing) = (None, Some((0, 0)));
                self.stays += 1;
            }
            if let Some((admitted, _)) = &mut self.probing {
                if *admitted == self.rules.probes {
                    return None;
                }
                *admitted += 1;
            }
            Some(self.stays)
        }

        fn open(&mut self, now_ns: u64) {
            self.stays += 1;
            self.outcomes.clear();
            (self.probing, self.open_until_ns) = (None, Some(now_ns + self.rules.stays_open_ns));
        }

        fn ended(&mut self, stay: u64, has_failed: Option<bool>, now_ns: u64) {
            if stay != self.stays {
                return;
            }
            match (&mut self.probing, has_failed) {
                (Some((admitted, _)), None) => *admitted -= 1,
                (None, None) => {}
                (Some(_), Some(true)) => self.open(now_ns),
                (Some((_, succeeded)), Some(false)) => {
                    *succeeded += 1;
                    if *succeeded == self.rules.probes {
                        self.probing = None;
                        self.stays += 1;
                    }
                }
                (None, Some(has_failed)) => {
                    self.outcomes.push_back(has_failed);
                    if self.outcomes.len() > self.rules.window as usize {
                        self.outcomes.pop_front();
                    }
                    let failures = self.outcomes.iter().filter(|failed| **failed).count();
                    if self.outcomes.len() == self.rules.window as usize
                        && failures >= self.rules.failures as usize
                    {
                        self.open(now_ns);
                    }
                }
            }
        }
    }

    fn rules() -> impl Strategy<Value = BreakerRules> {
        (1..=BREAKER_WINDOW_MAX, 1_u64..200, 1_u32..5).prop_flat_map(|(window, stays_open_ns, probes)| {
            (1..=window).prop_map(move |failures| BreakerRules { failures, window, stays_open_ns, probes })
        })
    }

    proptest! {
        /// Whatever is asked and however it ends, and in whichever order, the packed word says what the model says.
        #[test]
        fn a_breaker_does_what_the_plain_model_does(
            rules in rules(),
            events in prop::collection::vec((0_u64..40, 0_u8..7, any::<prop::sample::Index>()), 1..400),
        ) {
            let mut model =
                Model { rules, outcomes: VecDeque::new(), open_until_ns: None, probing: None, stays: 0 };
            let (mut state, mut now_ns, mut counts) = (BreakerState::default(), 0, BreakerCounts::default());
            let mut under_way: Vec<(BreakerStay, u64)> = Vec::new();
            for (passes_ns, what, which) in events {
                now_ns += passes_ns;
                let before = model.stays;
                let step = if what < 3 || under_way.is_empty() {
                    let (step, expected) = (rules.step(state, BreakerEvent::Ask, now_ns), model.ask(now_ns));
                    prop_assert_eq!(step.admitted.is_some(), expected.is_some());
                    under_way.extend(step.admitted.zip(expected));
                    step
                } else {
                    let (stay, of_model) = under_way.swap_remove(which.index(under_way.len()));
                    let (event, has_failed) = match what {
                        3 | 4 => (BreakerEvent::Failed(stay), Some(true)),
                        5 => (BreakerEvent::Succeeded(stay), Some(false)),
                        _ => (BreakerEvent::Withdrawn(stay), None),
                    };
                    // A word tells as many stays apart as have a number of their own.
                    prop_assume!(model.stays - of_model < 256);
                    model.ended(of_model, has_failed, now_ns);
                    rules.step(state, event, now_ns)
                };
                prop_assert_eq!(step.change.is_some(), model.stays > before);
                step.change.into_iter().for_each(|change| counts.count(change));
                state = BreakerState::from_bits(step.state.bits());
                let expected = match (model.open_until_ns, model.probing) {
                    (Some(until_ns), _) => Unpacked::Open { until_ns },
                    (None, Some((admitted, succeeded))) => Unpacked::HalfOpen { admitted, succeeded },
                    (None, None) => Unpacked::Closed {
                        outcomes: model.outcomes.iter().fold(0, |bits, failed| bits << 1 | u32::from(*failed)),
                        known: model.outcomes.len() as u32,
                    },
                };
                prop_assert_eq!(state.unpack(), expected);
            }
            prop_assert_eq!(counts.openings + counts.half_openings + counts.closings, model.stays);
            prop_assert!(counts.half_openings <= counts.openings && counts.closings <= counts.half_openings);
        }
    }

    #[test]
    fn what_was_sent_before_it_opened_has_no_say_in_whether_it_closes() {
        let rules = BreakerRules { failures: 1, window: 1, stays_open_ns: 10, probes: 1 };
        let ask = |state, now_ns| rules.step(state, BreakerEvent::Ask, now_ns);
        let (early, late) = (ask(BreakerState::default(), 0), ask(BreakerState::default(), 1));
        let opened = rules.step(late.state, BreakerEvent::Failed(early.admitted.unwrap()), 2);
        assert_eq!((opened.change, ask(opened.state, 11).admitted), (Some(BreakerChange::Opened), None));
        assert_eq!((opened.state.open_until_ns(), early.state.open_until_ns()), (Some(12), None));
        let probe = ask(opened.state, 12);
        assert_eq!(probe.change, Some(BreakerChange::HalfOpened));
        let stale = rules.step(probe.state, BreakerEvent::Succeeded(late.admitted.unwrap()), 13);
        assert_eq!((stale.state, stale.change), (probe.state, None));
        let closed = rules.step(stale.state, BreakerEvent::Succeeded(probe.admitted.unwrap()), 14);
        assert_eq!(closed.change, Some(BreakerChange::Closed));
    }
}
