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
        self.held = self.spool.as_mut().and_then(RunSpool::head).map(|batch| held(batch, true));
        // What is on disk is before what is in memory, even if it cannot be read now.
        if self.held.is_none() && self.spool.as_ref().is_none_or(RunSpool::is_empty) {
            self.held = self.outbox.pop().map(|batch| held(batch, false));
        }
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
        if let Some(held) = self.held.take_if(|held| !held.is_spooled) {
            self.outbox.state().drop_points(held.batch.points, "the run had ended");
        }
        self.outbox.state().explain_spooled();
        if let Some(trouble) = self.spool.and_then(RunSpool::close) {
            let mut state = self.outbox.state();
            if state.tally.spooled > 0 {
                state.tally.why = Some(trouble);
            }
        }
    }

    fn account(&mut self) {
        let Some(spool) = &self.spool else { return };
        let (spooled, lost) = spool.points();
        let mut state = self.outbox.state();
        (state.tally.spooled, state.tally.evicted) = (spooled, spool.evicted());
        if state.trouble.as_deref() != spool.trouble() {
            state.trouble = spool.trouble().map(str::to_owned);
        }
        if lost > self.lost {
            state.drop_points(lost - self.lost, "the oldest in the spool was dropped, or could not be read");
        }
        self.lost = lost;
    }
}

/// Puts the one that is held where it can be kept, before all that are behind it. False where it could not be.
fn store_held(spool: &mut RunSpool, held: Option<&mut HeldBatch>) -> bool {
    let Some(held) = held.filter(|held| !held.is_spooled && !held.is_expired) else { return true };
    // Nothing is in the spool, or this one would have come from it: so it is the head.
    held.is_spooled = spool.append_taken(&held.batch);
    held.is_spooled
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::ExportSignal;
    use crate::run_spool::{SpoolMode, SpoolSettings, moment};
    use crate::spool::{SpoolBounds, SpoolFolder, SpoolOrigin, SpoolQueue, SpoolSync};
    use proptest::prelude::*;
    use std::path::Path;
    use std::time::{Duration, Instant};

    const BOUNDS: SpoolBounds =
        SpoolBounds { bytes_max: u64::MAX, age_max: Duration::from_secs(1 << 30), segment_bytes: 400 };

    /// What happens between the sink, the sender and the disk.
    #[derive(Clone, Copy, Debug)]
    enum PipelineStep {
        Offer {
            bytes: usize,
            points: u64,
        },
        /// The next one is sent, and taken.
        Sends,
        /// It is sent, and fails.
        Fails,
        /// While it is on its way, others are offered.
        FailsLate {
            bytes: usize,
        },
        /// Nothing can be written any more, or again.
        Disk(bool),
    }

    fn step() -> impl Strategy<Value = PipelineStep> {
        prop_oneof![
            4 => (0_usize..300, 1_u64..9).prop_map(|(bytes, points)| PipelineStep::Offer { bytes, points }),
            3 => Just(PipelineStep::Sends),
            2 => Just(PipelineStep::Fails),
            1 => (0_usize..300).prop_map(|bytes| PipelineStep::FailsLate { bytes }),
            1 => any::<bool>().prop_map(PipelineStep::Disk),
        ]
    }

    struct Rig {
        pending: PendingBatches,
        offered: Vec<ExportBatch>,
        sent: Vec<ExportBatch>,
    }

    impl Rig {
        fn new(place: &Path, mode: SpoolMode) -> Rig {
            let folder = SpoolFolder(place.join("spool"));
            let settings = SpoolSettings { folder, mode, sync: SpoolSync::Never, bounds: BOUNDS };
            let origin =
                SpoolOrigin { run_id: "run".into(), to: "http://h:1".into(), signal: "metrics".into() };
            let spool = RunSpool::new(&settings, origin);
            let pending = PendingBatches::new(Arc::default(), spool);
            Rig { pending, offered: Vec::new(), sent: Vec::new() }
        }

        fn offer(&mut self, bytes: usize, points: u64) {
            let mut body = self.offered.len().to_le_bytes().to_vec();
            body.resize(8 + bytes, 0);
            let signal = ExportSignal::Metrics;
            let batch = ExportBatch { signal, body: body.into(), points, is_delta: false };
            self.offered.push(batch.clone());
            self.pending.outbox.offer(batch);
        }

        /// As the sender does before each request.
        fn turn(&mut self) {
            self.pending.spool.iter_mut().for_each(RunSpool::try_again);
            self.pending.settle();
            self.pending.take();
        }

        fn apply(&mut self, step: PipelineStep, place: &Path) {
            match step {
                PipelineStep::Offer { bytes, points } => self.offer(bytes, points),
                PipelineStep::Disk(is_well) => set_disk(place, is_well),
                PipelineStep::Sends => {
                    self.turn();
                    if let Some(held) = &self.pending.held {
                        self.sent.push(held.batch.clone());
                        self.pending.outbox.state().tally.sent += held.batch.points;
                        self.pending.is_failing = false;
                        self.pending.done();
                    }
                }
                PipelineStep::Fails | PipelineStep::FailsLate { .. } => {
                    self.turn();
                    if let PipelineStep::FailsLate { bytes } = step {
                        self.offer(bytes, 1);
                        self.pending.settle();
                    }
                    self.pending.keep();
                }
            }
        }
    }

    /// Has the folder of spools there, or a file in its place.
    fn set_disk(place: &Path, is_well: bool) {
        let (folder, aside) = (place.join("spool"), place.join("aside"));
        match (is_well, folder.is_file()) {
            (false, false) => {
                let _ = std::fs::rename(&folder, &aside);
                std::fs::write(&folder, "").unwrap();
            }
            (true, true) => {
                std::fs::remove_file(&folder).unwrap();
                let _ = std::fs::rename(&aside, &folder);
            }
            _ => {}
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        /// However sending and the disk fail by turns: what is sent, then what is on disk, is what was offered, in order, and every
        /// point is in the account.
        #[test]
        fn what_is_sent_and_kept_is_what_was_offered_in_one_order(
            steps in prop::collection::vec(step(), 1..60),
            is_always in any::<bool>(),
        ) {
            let place = tempfile::tempdir().unwrap();
            let mode = if is_always { SpoolMode::Always } else { SpoolMode::Failing };
            let mut rig = Rig::new(place.path(), mode);
            steps.into_iter().for_each(|step| rig.apply(step, place.path()));
            set_disk(place.path(), true);
            let Rig { pending, offered, sent } = rig;
            let outbox = pending.outbox.clone();
            pending.store();
            let mut arrived = sent;
            for queue in SpoolFolder(place.path().join("spool")).queues().unwrap() {
                let now = moment(Instant::now());
                let mut queue = SpoolQueue::open(&queue.folder, BOUNDS, now).unwrap();
                while let Some(batch) = queue.head(now).unwrap() {
                    arrived.push(batch);
                    queue.advance().unwrap();
                }
            }
            prop_assert_eq!(&arrived, &offered);
            let tally = outbox.state().tally.clone();
            let points: u64 = offered.iter().map(|batch| batch.points).sum();
            prop_assert_eq!((tally.offered, tally.sent + tally.spooled, tally.dropped), (points, points, 0));
        }
    }
}
