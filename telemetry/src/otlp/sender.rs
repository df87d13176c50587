//! The sender: takes what waits, one request after the other, through the breaker to the collector, and says what became of it.

use super::outcome::SendOutcome;
use super::pending::PendingBatches;
use super::transport::CollectorTransport;
use crate::shared_breaker::{BreakerPermit, SharedBreaker};
use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long is waited before a request is sent again, the first time; each further wait is twice as long, and more by chance.
const DELAY: Duration = Duration::from_millis(250);
/// The longest of these waits.
const DELAY_MAX: Duration = Duration::from_secs(10);
/// The longest wait that a collector may ask for.
const DELAY_ASKED_MAX: Duration = Duration::from_secs(60);
/// How often is looked whether there is something to do that nobody tells of.
const IDLE: Duration = Duration::from_secs(1);
/// How long others are waited for who try the collector.
const PROBED: Duration = Duration::from_millis(100);

/// One for each exporter and signal.
pub(super) struct ExportSender {
    pub(super) pending: PendingBatches,
    pub(super) transport: CollectorTransport,
    pub(super) breaker: Arc<SharedBreaker>,
    pub(super) delays: RetryDelays,
    /// When the next try is, after one that failed.
    pub(super) not_before: Option<Instant>,
}

/// How long is waited before a request is sent again.
pub(super) struct RetryDelays(ExponentialBackoff);

impl RetryDelays {
    pub(super) fn new() -> RetryDelays {
        let delays = ExponentialBuilder::new().with_min_delay(DELAY).with_max_delay(DELAY_MAX);
        RetryDelays(delays.with_jitter().without_max_times().build())
    }

    /// The next wait, as long as it is on its own or as the collector asks for.
    pub(super) fn next(&mut self, asked: Option<Duration>) -> Duration {
        let own = self.0.next().unwrap_or(DELAY_MAX);
        asked.map_or(own, |asked| asked.min(DELAY_ASKED_MAX).max(DELAY))
    }
}

/// Whether a request can be sent.
enum SendTurn<'a> {
    Now(BreakerPermit<'a>),
    NotBefore(Instant),
    Over,
}

impl ExportSender {
    /// Sends until there will be nothing more, or nobody waits for it. What is left goes to the spool.
    pub(super) async fn run(mut self) {
        let breaker = self.breaker.clone();
        loop {
            self.pending.settle();
            self.pending.take();
            let (is_closing, is_given_up) = {
                let mut state = self.pending.outbox.state();
                state.tally.breaker = breaker.counts();
                (state.is_closing, state.is_given_up)
            };
            if is_given_up || (is_closing && self.pending.held.is_none()) {
                break;
            }
            if self.pending.held.is_none() {
                self.pending.outbox.news(Instant::now() + IDLE).await;
                continue;
            }
            match self.turn(&breaker, is_closing) {
                SendTurn::Now(permit) => self.send(permit).await,
                SendTurn::NotBefore(moment) => self.pending.outbox.news(moment).await,
                SendTurn::Over => break,
            }
        }
        self.pending.outbox.state().tally.breaker = breaker.counts();
        self.pending.store();
    }

    fn turn<'a>(&self, breaker: &'a SharedBreaker, is_closing: bool) -> SendTurn<'a> {
        let now = Instant::now();
        if let Some(moment) = self.not_before.filter(|moment| *moment > now) {
            return SendTurn::NotBefore(moment);
        }
        if let Some(until) = breaker.open_until().filter(|until| *until > now) {
            // At the end nobody waits for one that is known to be away.
            return if is_closing { SendTurn::Over } else { SendTurn::NotBefore(until) };
        }
        breaker.ask().map_or(SendTurn::NotBefore(now + PROBED), SendTurn::Now)
    }

    async fn send(&mut self, permit: BreakerPermit<'_>) {
        let ExportSender { pending, transport, .. } = self;
        let Some(held) = &mut pending.held else { return };
        pending.outbox.state().tally.retries += u64::from(held.tries > 0);
        held.tries += 1;
        let (outbox, body) = (pending.outbox.clone(), held.batch.body.clone());
        let outcome = {
            let sending = transport.send(body);
            tokio::pin!(sending);
            loop {
                tokio::select! {
                    biased;
                    outcome = &mut sending => break Some(outcome),
                    () = outbox.wake.notified() => {
                        if outbox.state().is_given_up {
                            break None;
                        }
                        pending.settle();
                    }
                }
            }
        };
        match outcome {
            Some(outcome) => self.conclude(outcome, permit),
            // It may have arrived, and nobody knows.
            None => self.note_ambiguous(),
        }
    }

    fn conclude(&mut self, outcome: SendOutcome, permit: BreakerPermit<'_>) {
        let points = self.pending.held.as_ref().map_or(0, |held| held.batch.points);
        match outcome {
            SendOutcome::Passing { why, after, may_be_taken } => {
                permit.failed();
                self.pending.outbox.state().tally.why = Some(why);
                if may_be_taken {
                    self.note_ambiguous();
                }
                self.not_before = Some(Instant::now() + self.delays.next(after));
                self.pending.keep();
                return;
            }
            SendOutcome::Taken { rejected, why } => {
                permit.succeeded();
                let mut state = self.pending.outbox.state();
                let rejected = rejected.min(points);
                state.tally.sent += points - rejected;
                state.tally.rejected += rejected;
                if rejected > 0 {
                    state.tally.why = Some(why);
                }
            }
            // It is there, and answers.
            SendOutcome::Refused { why } => {
                permit.succeeded();
                let mut state = self.pending.outbox.state();
                state.tally.dropped += points;
                state.tally.why = Some(why);
            }
        }
        (self.delays, self.not_before, self.pending.is_failing) = (RetryDelays::new(), None, false);
        self.pending.done();
    }

    /// What is held may have been taken: as counts of a stretch of time, whoever adds them up may count them twice.
    fn note_ambiguous(&mut self) {
        let Some(held) = &mut self.pending.held else { return };
        if held.batch.is_delta && !held.is_ambiguous {
            held.is_ambiguous = true;
            self.pending.outbox.state().tally.ambiguous += held.batch.points;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_heed_what_a_collector_asks_for() {
        let mut delays = RetryDelays::new();
        let own: Vec<Duration> = (0..12).map(|_| delays.next(None)).collect();
        assert!(own[0] >= DELAY && own[0] <= 2 * DELAY, "{own:?}");
        assert!(own[11] >= DELAY_MAX && own.iter().all(|delay| *delay <= 2 * DELAY_MAX), "{own:?}");
        let asked = |seconds| RetryDelays::new().next(Some(Duration::from_secs(seconds)));
        assert_eq!([asked(0), asked(7), asked(3_600)], [DELAY, Duration::from_secs(7), DELAY_ASKED_MAX]);
    }
}
