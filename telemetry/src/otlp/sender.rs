//! The sender: takes what waits, one request after the other, through the breaker to the collector, and says what became of it.

use super::outcome::SendOutcome;
use super::pending::PendingBatches;
use super::transport::CollectorTransport;
use crate::shared_breaker::{BreakerPermit, SharedBreaker};
use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// How long is waited before a request is sent again, the first time; each further wait is twice as long, and more by chance.
const DELAY: Duration = Duration::from_millis(250);
/// The longest of these waits.
const DELAY_MAX: Duration = Duration::from_secs(10);
/// The longest wait that a collector may ask for.
const DELAY_ASKED_MAX: Duration = Duration::from_secs(60);
/// How often is looked whether there is something to do that nobody tells of: what is on disk is to be there for sure.
const IDLE: Duration = Duration::from_secs(1);

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
                SendTurn::NotBefore(moment) => {
                    self.pending.outbox.news(moment.min(Instant::now() + IDLE)).await;
                }
                SendTurn::Over => break,
            }
        }
        self.pending.outbox.state().tally.breaker = breaker.counts();
        self.pending.store();
    }

    fn turn<'a>(&self, breaker: &'a SharedBreaker, is_closing: bool) -> SendTurn<'a> {
        let now = Instant::now();
        let open_until = breaker.open_until();
        let moments = [self.not_before, open_until].into_iter().flatten().filter(|moment| *moment > now);
        match moments.max() {
            // At the end nobody waits for one that is known to be away.
            Some(_) if is_closing && open_until.is_some() => SendTurn::Over,
            Some(moment) => SendTurn::NotBefore(moment),
            None => breaker.ask().map_or(SendTurn::NotBefore(now + IDLE), SendTurn::Now),
        }
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
                    () = sleep(IDLE) => pending.settle(),
                }
            }
        };
        let Some(outcome) = outcome else {
            const WHY: &str = "the run had ended before the collector responded";
            self.pending.outbox.state().complaint.get_or_insert_with(|| WHY.to_owned());
            // It may have arrived, and nobody knows; without a connection it has not.
            if self.transport.has_connection() {
                self.note_ambiguous();
            }
            return;
        };
        self.conclude(outcome, permit);
    }

    fn conclude(&mut self, outcome: SendOutcome, permit: BreakerPermit<'_>) {
        let points = self.pending.held.as_ref().map_or(0, |held| held.batch.points);
        match outcome {
            SendOutcome::Passing { why, after, may_be_taken } => {
                permit.failed();
                self.pending.outbox.state().complaint = Some(why);
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
                state.complaint = None;
                if rejected > 0 {
                    state.tally.why = Some(why);
                }
            }
            // It is there, and answers.
            SendOutcome::Refused { why } => {
                permit.succeeded();
                let mut state = self.pending.outbox.state();
                state.tally.dropped += points;
                state.complaint = Some(why.clone());
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
    use super::super::settings::OtlpSettings;
    use super::*;
    use engine::breaker::BreakerRules;

    #[test]
    fn at_the_end_nobody_waits_for_a_collector_that_is_known_to_be_away() {
        let settings = OtlpSettings::read(Some("http://127.0.0.1:1"), &|_| None).unwrap().unwrap();
        let rules = BreakerRules { failures: 3, window: 3, stays_open_ns: 1, probes: 1 };
        let breaker = Arc::new(SharedBreaker::new(rules));
        let later = Instant::now() + Duration::from_secs(3_600);
        let sender = ExportSender {
            pending: PendingBatches::new(Arc::default(), None),
            transport: CollectorTransport::new(settings),
            breaker: breaker.clone(),
            delays: RetryDelays::new(),
            not_before: Some(later),
        };
        // Of one that has failed once it is not known.
        breaker.ask().unwrap().failed();
        assert!(matches!(sender.turn(&breaker, true), SendTurn::NotBefore(moment) if moment == later));
        (0..2).for_each(|_| breaker.ask().unwrap().failed());
        // The breaker would let one through by now, and the wait goes on.
        assert!(matches!(sender.turn(&breaker, true), SendTurn::Over));
        assert!(matches!(sender.turn(&breaker, false), SendTurn::NotBefore(moment) if moment == later));
        let sender = ExportSender { not_before: None, ..sender };
        while breaker.open_until().is_some_and(|until| until > Instant::now()) {}
        assert!(matches!(sender.turn(&breaker, true), SendTurn::Now(_)));
    }

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
