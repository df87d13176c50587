//! Attempts at the requests of sessions: whether one is let through, and whether another one follows it.

use crate::breaker::{BreakerCounts, BreakerEvent, BreakerRules, BreakerState, BreakerStay};
use crate::outcome::{Fault, Kind, Outcome};
use crate::quantity::SECOND_NS;
use crate::random::{Draw, Draws};
use crate::record::EndedAttempt;
use crate::resilience::Resilience;
use crate::retry::{RetryBudget, RetryRules};
use crate::seams::{EndedAt, Unprepared};

const REJECTED: &str = "the breaker of its client was open";

/// What is kept of the attempts of a scenario on a shard.
#[derive(Debug)]
pub(super) struct SessionAttempts {
    retry: Option<RetryRules>,
    budget: Option<RetryBudget>,
    breakers: Option<ClientBreakers>,
    /// Of each session, the request that it comes to.
    of_sessions: Vec<SessionRequest>,
    draws: Draws,
    /// Something is done about failures: attempts are counted. Otherwise requests have hops alone.
    counts: bool,
    /// What the attempt was that ended last.
    pub(super) ended: EndedAttempt,
}

/// The breakers of the clients that a shard models.
#[derive(Debug)]
struct ClientBreakers {
    rules: BreakerRules,
    states: Vec<BreakerState>,
    /// Arrivals are dealt out to so many shards.
    shards: u64,
    counts: BreakerCounts,
}

/// The attempts at one request. Times are in nanoseconds from the start of the run.
#[derive(Clone, Copy, Debug, Default)]
struct SessionRequest {
    /// Those that were made and have ended.
    made: u32,
    /// The next one is due, and none has begun since.
    is_again: bool,
    /// What is sent has been put together.
    is_filled: bool,
    /// When the first one was intended, and when it was sent.
    first_intended_ns: u64,
    first_sent_ns: Option<u64>,
    /// The next hop of the attempt is due, and has not begun.
    is_hop: bool,
    /// When the attempt was sent, where it has hops.
    sent_ns: Option<u64>,
    /// How often the session has waited for a further attempt, of whichever request: each is drawn for anew.
    waits: u32,
    /// For how long the target wants to be left alone.
    asked_ns: Option<u64>,
    /// The run ended before it was tried again.
    is_given_up: bool,
    /// What the breaker of its client let it through in.
    stay: Option<BreakerStay>,
}

impl SessionAttempts {
    /// Of a scenario in which there are some, on one of so many shards: this one models its share of the clients, but at least one.
    pub(super) fn new(resilience: &Resilience, draws: Draws, clients: u64, shards: u64) -> SessionAttempts {
        let breakers = resilience.breaker.map(|breaker| ClientBreakers {
            rules: breaker.rules,
            states: vec![BreakerState::default(); clients.max(1) as usize],
            shards,
            counts: BreakerCounts::default(),
        });
        SessionAttempts {
            budget: resilience.retry.as_ref().and_then(|retry| retry.budget).map(RetryBudget::new),
            retry: resilience.retry.clone(),
            breakers,
            of_sessions: Vec::new(),
            draws,
            counts: !resilience.is_nothing(),
            ended: EndedAttempt::default(),
        }
    }

    /// A session begins.
    pub(super) fn begin(&mut self, session: u32) {
        if self.of_sessions.len() <= session as usize {
            self.of_sessions.resize(session as usize + 1, SessionRequest::default());
        }
        self.of_sessions[session as usize] = SessionRequest::default();
    }

    /// A request of a session comes to its turn, which was intended then. True where it has been tried before.
    pub(super) fn call(&mut self, session: u32, intended_ns: u64) -> bool {
        let request = &mut self.of_sessions[session as usize];
        if std::mem::take(&mut request.is_hop) {
            // The attempt goes on, as it was let through.
            request.asked_ns = None;
            return true;
        }
        (request.stay, request.asked_ns) = (None, None);
        if std::mem::take(&mut request.is_again) {
            return true;
        }
        let waits = request.waits;
        *request = SessionRequest { first_intended_ns: intended_ns, waits, ..SessionRequest::default() };
        false
    }

    /// When the first attempt at the request of a session was intended.
    pub(super) fn first_intended_ns(&self, session: u32) -> u64 {
        self.of_sessions[session as usize].first_intended_ns
    }

    /// Whether the request of a session, which is of the arrival with this number, may be sent.
    pub(super) fn ask(&mut self, session: u32, number: u64, now_ns: u64) -> Result<(), Unprepared> {
        let Some(breakers) = &mut self.breakers else { return Ok(()) };
        let admitted = breakers.happens(number, BreakerEvent::Ask, now_ns);
        self.of_sessions[session as usize].stay = admitted;
        if admitted.is_none() {
            breakers.counts.rejections += 1;
            return Err(Unprepared { kind: Kind::Breaker, why: REJECTED });
        }
        Ok(())
    }

    /// Whether what the session sends has been put together before, and stays as it is.
    pub(super) fn is_filled(&self, session: u32) -> bool {
        self.of_sessions[session as usize].is_filled
    }

    /// It has been put together.
    pub(super) fn filled(&mut self, session: u32) {
        self.of_sessions[session as usize].is_filled = true;
    }

    /// Whether the next attempt at the request of a session is due, and has not begun, or the next hop.
    pub(super) fn is_again(&self, session: u32) -> bool {
        let request = &self.of_sessions[session as usize];
        request.is_again || request.is_hop
    }

    /// When the attempt of a session was sent, where redirects were followed since.
    pub(super) fn sent_ns(&self, session: u32) -> Option<u64> {
        self.of_sessions[session as usize].sent_ns
    }

    /// A response leads to the next hop of an attempt. Returns when that is due.
    pub(super) fn redirected(&mut self, session: u32, at: EndedAt) -> u64 {
        let request = &mut self.of_sessions[session as usize];
        let first_sent_ns = *request.first_sent_ns.get_or_insert(at.sent_ns);
        request.sent_ns.get_or_insert(at.sent_ns);
        request.is_hop = true;
        self.ended = EndedAttempt {
            first_intended_ns: request.first_intended_ns,
            first_sent_ns,
            is_tried_again: true,
            is_uncounted: true,
            ..EndedAttempt::default()
        };
        at.done_ns.saturating_sub(at.lag_ns)
    }

    /// The request of a session is not tried again.
    pub(super) fn give_up(&mut self, session: u32) {
        self.of_sessions[session as usize].is_given_up = true;
    }

    /// A field of a response.
    pub(super) fn field(&mut self, session: u32, name: &[u8], value: &[u8]) {
        if name.eq_ignore_ascii_case(b"retry-after") {
            let seconds = std::str::from_utf8(value).ok().and_then(|text| text.trim().parse::<u64>().ok());
            self.of_sessions[session as usize].asked_ns = seconds.map(|s| s.saturating_mul(SECOND_NS));
        }
    }

    /// An attempt at the request of a session has ended. Returns when the next one is due, if one is to follow.
    pub(super) fn end(&mut self, session: u32, number: u64, outcome: Outcome, at: EndedAt) -> Option<u64> {
        let request = &mut self.of_sessions[session as usize];
        let sent_ns = request.sent_ns.take();
        let was_reached = sent_ns.is_some() || !request.is_given_up;
        let was_made = was_reached && !matches!(outcome, Outcome::Failed(kind) if !is_attempt(kind));
        if was_made && request.made == 0 {
            request.first_sent_ns.get_or_insert(at.sent_ns);
            if let Some(budget) = &mut self.budget {
                budget.deposit(at.done_ns);
            }
        }
        request.made += u32::from(was_made);
        if let (Some(breakers), Some(stay)) = (&mut self.breakers, request.stay.take()) {
            let event = match outcome {
                Outcome::Ok(_) => BreakerEvent::Succeeded(stay),
                Outcome::Failed(kind) if kind.fault() != Fault::Target => BreakerEvent::Withdrawn(stay),
                _ => BreakerEvent::Failed(stay),
            };
            breakers.happens(number, event, at.done_ns);
        }
        self.ended = EndedAttempt {
            first_intended_ns: request.first_intended_ns,
            first_sent_ns: request.first_sent_ns.unwrap_or(at.sent_ns),
            was_made,
            made: request.made,
            is_further: request.made > 1,
            is_uncounted: !self.counts,
            sent_ns,
            ..EndedAttempt::default()
        };
        let rules = self.retry.as_ref().filter(|rules| was_made && rules.applies_to(outcome))?;
        if request.made >= rules.attempts {
            self.ended.is_exhausted = true;
            return None;
        }
        if self.budget.as_mut().is_some_and(|budget| !budget.withdraw(at.done_ns)) {
            self.ended.is_over_budget = true;
            return None;
        }
        let mut random = self.draws.after(request.waits).at(Draw::Retry, number);
        request.waits += 1;
        request.is_again = true;
        self.ended.is_tried_again = true;
        // The generator's own lateness delays no attempt: it shows as lag of the next one.
        let failed_ns = at.done_ns.saturating_sub(at.lag_ns);
        Some(failed_ns.saturating_add(rules.wait.after(request.made, request.asked_ns, &mut random)))
    }

    /// What has happened to breakers since the last time.
    pub(super) fn take_counts(&mut self) -> BreakerCounts {
        self.breakers
            .as_mut()
            .map_or(BreakerCounts::default(), |breakers| std::mem::take(&mut breakers.counts))
    }
}

impl ClientBreakers {
    /// Something happens to the breaker of an arrival's client. Returns what a request that asks is let through in.
    fn happens(&mut self, number: u64, event: BreakerEvent, now_ns: u64) -> Option<BreakerStay> {
        // Of a schedule a shard has every so manyth arrival, so those of a client come to the same shard, whichever it is. Of users it has
        // some, with all their loops, whose numbers are others: they come to one of the shard's own clients all the same.
        let client = (number / self.shards % self.states.len() as u64) as usize;
        let step = self.rules.step(self.states[client], event, now_ns);
        self.states[client] = step.state;
        step.change.into_iter().for_each(|change| self.counts.count(change));
        step.admitted
    }
}

/// Whether a request that has ended like this was tried at all.
fn is_attempt(kind: Kind) -> bool {
    !matches!(kind, Kind::Breaker | Kind::Template | Kind::Feed)
}
