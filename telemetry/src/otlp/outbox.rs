//! The outbox: requests that wait in memory, within a bound, and the account of all that were offered.

use crate::batch::ExportBatch;
use engine::breaker::BreakerCounts;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio::time::timeout_at;

/// What may wait in memory.
pub(super) const OUTBOX_BYTES_MAX: usize = 8 << 20;
/// From here on it is moved to disk, where that can be done: before it is full.
const FILLING_BYTES: usize = OUTBOX_BYTES_MAX / 2;

/// What became of the points that were offered: they are those that were sent, rejected, spooled and dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExportTally {
    /// Points that were offered.
    pub offered: u64,
    /// Points that the collector took.
    pub sent: u64,
    /// Points that it rejected.
    pub rejected: u64,
    /// Points that are on disk, and can be sent another time.
    pub spooled: u64,
    /// Points that did not reach it and are lost, or may not have reached it.
    pub dropped: u64,
    /// Points of requests with counts of a stretch of time that were sent again, or are to be, although the collector may have taken them.
    pub ambiguous: u64,
    /// Requests that were sent again.
    pub retries: u64,
    /// What the circuit breaker did.
    pub breaker: BreakerCounts,
    /// Points of earlier runs that went from the spool: they were too old, or these had to have room there.
    pub evicted: u64,
    /// Why some were rejected, spooled or dropped, the last of them; nothing where none was.
    pub why: Option<String>,
}

/// Where requests wait for the thread that sends them.
#[derive(Default)]
pub(super) struct ExportOutbox {
    state: Mutex<OutboxState>,
    /// Tells the thread that there is something to do, or that it is to give up.
    pub(super) wake: Notify,
    /// Tells whoever waits that the thread has ended.
    ended: Condvar,
}

#[derive(Default)]
pub(super) struct OutboxState {
    waiting: VecDeque<ExportBatch>,
    bytes: usize,
    pub(super) tally: ExportTally,
    /// What the account was when nobody waited any longer: whatever becomes of a request afterwards is not told any more.
    sealed: Option<ExportTally>,
    /// Why the collector takes nothing at the moment: what was said since it last took something.
    pub(super) complaint: Option<String>,
    /// Why the spool takes nothing at the moment.
    pub(super) trouble: Option<String>,
    pub(super) is_closing: bool,
    pub(super) is_given_up: bool,
    has_ended: bool,
}

impl ExportOutbox {
    pub(super) fn state(&self) -> MutexGuard<'_, OutboxState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a request in. Where there is no room for it, the oldest is dropped.
    pub(super) fn offer(&self, batch: ExportBatch) {
        let mut state = self.state();
        state.tally.offered += batch.points;
        state.bytes += batch.body.len();
        state.waiting.push_back(batch);
        while state.bytes > OUTBOX_BYTES_MAX {
            state.drop_oldest("the outbox was full");
        }
        drop(state);
        self.wake.notify_one();
    }

    /// Takes the oldest out.
    pub(super) fn pop(&self) -> Option<ExportBatch> {
        let mut state = self.state();
        let batch = state.waiting.pop_front()?;
        state.bytes -= batch.body.len();
        Some(batch)
    }

    /// Puts one back that was the oldest.
    pub(super) fn put_back(&self, batch: ExportBatch) {
        let mut state = self.state();
        state.bytes += batch.body.len();
        state.waiting.push_front(batch);
    }

    /// More is in it than should be.
    pub(super) fn is_filling(&self) -> bool {
        self.state().bytes > FILLING_BYTES
    }

    /// Waits for something to do, or until then.
    pub(super) async fn news(&self, until: Instant) {
        // That nothing came is no news.
        let _ = timeout_at(until.into(), self.wake.notified()).await;
    }

    /// Waits until the thread has ended, but no longer than this. Says whether it has.
    pub(super) fn await_end(&self, patience: Duration) -> bool {
        let waited = self.ended.wait_timeout_while(self.state(), patience, |state| !state.has_ended);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.has_ended
    }

    /// The thread has ended, however it did.
    pub(super) fn note_end(&self) {
        self.state().has_ended = true;
        self.ended.notify_all();
    }
}

impl OutboxState {
    /// The account, as it is or as it was sealed.
    pub(super) fn told(&self) -> ExportTally {
        self.sealed.as_ref().unwrap_or(&self.tally).clone()
    }

    /// Ends the account: drops what is left, and what nobody could count.
    pub(super) fn seal(&mut self) {
        if self.sealed.is_none() {
            self.drop_rest();
            self.sealed = Some(self.tally.clone());
        }
    }

    fn drop_rest(&mut self) {
        while !self.waiting.is_empty() {
            self.drop_oldest("the run had ended");
        }
        let tally = &mut self.tally;
        let told = tally.sent + tally.rejected + tally.spooled + tally.dropped;
        tally.dropped += tally.offered.saturating_sub(told);
    }

    fn drop_oldest(&mut self, why: &str) {
        if let Some(batch) = self.waiting.pop_front() {
            self.bytes -= batch.body.len();
            self.drop_points(batch.points, why);
        }
    }

    pub(super) fn drop_points(&mut self, points: u64, why: &str) {
        self.tally.dropped += points;
        // What is wrong with the spool or the collector tells more.
        let reason = self.trouble.clone().or_else(|| self.complaint.clone());
        self.tally.why = Some(reason.unwrap_or_else(|| why.to_owned()));
    }

    /// Says why points wait on disk at the end, unless others are missing for good.
    pub(super) fn explain_spooled(&mut self) {
        let tally = &mut self.tally;
        if tally.spooled > 0 && tally.rejected + tally.dropped == 0 {
            tally.why = Some(self.complaint.clone().unwrap_or_else(|| "the run had ended".to_owned()));
        }
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::ExportSignal;

    fn offered(outbox: &ExportOutbox, points: u64) {
        let signal = ExportSignal::Metrics;
        outbox.offer(ExportBatch { signal, body: "x".into(), points, is_delta: false });
    }

    #[test]
    fn what_becomes_of_a_request_after_the_end_changes_no_account() {
        let outbox = ExportOutbox::default();
        offered(&outbox, 10);
        offered(&outbox, 5);
        // The thread has one in hand when nobody waits for it any longer.
        assert!(outbox.pop().is_some());
        let mut state = outbox.state();
        state.seal();
        state.tally.sent += 10;
        state.tally.spooled = 7;
        state.seal();
        let told = state.told();
        assert_eq!((told.offered, told.sent, told.spooled, told.dropped), (15, 0, 0, 15));
        assert_eq!(told.why.as_deref(), Some("the run had ended"));
    }

    #[test]
    fn the_reason_is_what_is_wrong_with_the_spool_before_what_is_wrong_with_the_collector() {
        let outbox = ExportOutbox::default();
        let mut state = outbox.state();
        let mut why = |trouble: Option<&str>, complaint: Option<&str>| {
            (state.trouble, state.complaint) = (trouble.map(str::to_owned), complaint.map(str::to_owned));
            state.drop_points(1, "the outbox was full");
            state.tally.why.clone().unwrap()
        };
        assert_eq!(why(Some("no disk"), Some("status 503")), "no disk");
        assert_eq!(why(None, Some("status 503")), "status 503");
        assert_eq!(why(None, None), "the outbox was full");
    }
}
