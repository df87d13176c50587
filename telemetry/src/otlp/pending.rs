//! What waits to be sent, in one order: a request that is being sent, those on disk behind it, and those in memory behind them.

use super::outbox::ExportOutbox;
use crate::batch::ExportBatch;
use crate::run_spool::RunSpool;
use std::sync::Arc;

/// All that waits.
pub(super) struct PendingBatches {
    pub(super) outbox: Arc<ExportOutbox>,
    spool: Option<RunSpool>,
    pub(super) held: Option<HeldBatch>,
    /// The last one that was sent did not arrive, or nobody said so.
    pub(super) is_failing: bool,
    /// Points that were lost from the spool, as far as they are in the account.
    lost: u64,
}

/// The request that is sent next.
pub(super) struct HeldBatch {
    pub(super) batch: ExportBatch,
    /// It is at the head of the spool, too.
    is_spooled: bool,
    /// It was, and is too old for it.
    is_expired: bool,
    /// How often it was sent.
    pub(super) tries: u32,
    /// It may have been taken, and that is in the account.
    pub(super) is_ambiguous: bool,
}

impl PendingBatches {
    pub(super) fn new(outbox: Arc<ExportOutbox>, spool: Option<RunSpool>) -> PendingBatches {
        PendingBatches { outbox, spool, held: None, is_failing: false, lost: 0 }
    }

    /// Moves to disk what belongs there: all of it while something is there already, while the collector is away, and when there is too
    /// much for memory. What cannot be written stays where it is, and so do all that are behind it.
    pub(super) fn settle(&mut self) {
        let Some(spool) = &mut self.spool else { return };
        let is_due = spool.takes_all() || !spool.is_empty() || self.is_failing || self.outbox.is_filling();
        if is_due && store_held(spool, self.held.as_mut()) {
            while let Some(batch) = self.outbox.pop() {
                if !spool.append(&batch) {
                    self.outbox.put_back(batch);
                    break;
                }
            }
        }
        if let Some(held) = &mut self.held
            && held.is_spooled
            && !spool.has_taken()
        {
            (held.is_spooled, held.is_expired) = (false, true);
        }
        spool.tend();
        self.account();
    }

    /// Takes the next one, if none is held.
    pub(super) fn take(&mut self) {
        if self.held.is_some() {
            return;
        }
        let held = |batch, is_spooled| HeldBatch {
            batch,
            is_spooled,
            is_expired: false,
            tries: 0,
            is_ambiguous: false,
        };
        let spool = self.spool.as_mut();
        self.held = spool
            .and_then(RunSpool::head)
            .map(|batch| held(batch, true))
            .or_else(|| self.outbox.pop().map(|batch| held(batch, false)));
        self.account();
    }

    /// The one that is held is done with.
    pub(super) fn done(&mut self) {
        if let (Some(spool), true) = (&mut self.spool, self.held.take().is_some_and(|held| held.is_spooled)) {
            spool.advance();
        }
        self.account();
    }

    /// The one that is held was not sent: it stays the next one, unless it may not wait any longer.
    pub(super) fn keep(&mut self) {
        self.is_failing = true;
        if let Some(held) = self.held.take_if(|held| held.is_expired) {
            self.outbox
                .state()
                .drop_points(held.batch.points, "it was too old for the spool, or there was no room");
        }
    }

    /// The end: what is left goes to disk, and what cannot is dropped.
    pub(super) fn store(mut self) {
        self.is_failing = true;
        self.spool.iter_mut().for_each(RunSpool::try_again);
        self.settle();
        self.account();
        if let Some(held) = self.held.take_if(|held| !held.is_spooled) {
            self.outbox.state().drop_points(held.batch.points, "the run had ended");
        }
        if let Some(trouble) = self.spool.and_then(RunSpool::close) {
            self.outbox.state().tally.why = Some(trouble);
        }
    }

    fn account(&mut self) {
        let Some(spool) = &self.spool else { return };
        let (spooled, lost) = spool.points();
        let mut state = self.outbox.state();
        (state.tally.spooled, state.tally.evicted) = (spooled, spool.evicted());
        if lost > self.lost {
            state.tally.dropped += lost - self.lost;
            state.tally.why = Some("the oldest in the spool was dropped, or could not be read".to_owned());
        }
        self.lost = lost;
        if let Some(trouble) = spool.trouble() {
            state.tally.why = Some(trouble.to_owned());
        }
    }
}

/// Puts the one that is held where it can be kept, before all that are behind it. False where it could not be.
fn store_held(spool: &mut RunSpool, held: Option<&mut HeldBatch>) -> bool {
    let Some(held) = held.filter(|held| !held.is_spooled && !held.is_expired) else { return true };
    if !spool.append(&held.batch) {
        return false;
    }
    // Nothing was in the spool, or this one would have come from it: so it is the head.
    held.is_spooled = spool.head().is_some();
    true
}
