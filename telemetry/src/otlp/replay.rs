//! What a queue of the spool holds, sent now: in order, until it is empty or the collector does not take the next one.

use super::outcome::SendOutcome;
use super::sender::RetryDelays;
use super::settings::OtlpSettings;
use super::transport::CollectorTransport;
use crate::batch::ExportBatch;
use crate::run_spool::moment;
use crate::spool::SpoolQueue;
use std::time::Instant;
use tokio::runtime::Builder;
use tokio::time::sleep;

/// How often a request is sent.
const TRIES_MAX: u32 = 4;

/// What became of the points of a queue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplayTally {
    /// Points that the collector took.
    pub sent: u64,
    /// Points that it rejected, with others of the same request taken.
    pub rejected: u64,
    /// Points of requests that it refused, and that were dropped because that was asked for.
    pub refused: u64,
    /// Points that wait still.
    pub left: u64,
    /// Points that were lost by then.
    pub lost: u64,
    /// Points of requests with counts of a stretch of time that were sent again, or are to be, although the collector may have taken them.
    pub ambiguous: u64,
    /// What is wrong with the queue, where something is: then what was sent may be sent again the next time.
    pub trouble: Option<String>,
    /// What the collector said last, where it was not that it took them.
    pub why: Option<String>,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayEnd {
    /// Nothing is left.
    Whole,
    /// The collector cannot take the next one now.
    Away,
    /// It refuses the next one, and will again.
    Refused,
    /// It was told to stop.
    Stopped,
    /// The next one cannot be read now.
    Unreadable,
}

/// Sends what a queue holds. Requests that are refused are dropped if that is asked for, and otherwise end it.
pub fn replay(
    queue: &mut SpoolQueue,
    settings: &OtlpSettings,
    drops_refused: bool,
    is_stopped: &dyn Fn() -> bool,
) -> (ReplayEnd, ReplayTally) {
    let runtime = Builder::new_current_thread().enable_io().enable_time().build();
    let mut tally = ReplayTally::default();
    let end = match runtime {
        Err(error) => {
            tally.why = Some(error.to_string());
            ReplayEnd::Away
        }
        Ok(runtime) => {
            let transport = CollectorTransport::new(settings.clone());
            let mut replayed = ReplayedQueue { queue, transport, tally: &mut tally, drops_refused };
            let end = runtime.block_on(replayed.run(is_stopped));
            // A name that is still being looked up is not waited for.
            runtime.shutdown_background();
            end
        }
    };
    (tally.left, tally.lost) = (queue.points(), queue.lost());
    (end, tally)
}

struct ReplayedQueue<'a> {
    queue: &'a mut SpoolQueue,
    transport: CollectorTransport,
    tally: &'a mut ReplayTally,
    drops_refused: bool,
}

impl ReplayedQueue<'_> {
    async fn run(&mut self, is_stopped: &dyn Fn() -> bool) -> ReplayEnd {
        let since = Instant::now();
        // What is in the queue gets no older while it is sent: it was to be dropped before, or not at all.
        let now = moment(since);
        loop {
            let batch = match self.queue.head(now) {
                Ok(Some(batch)) => batch,
                Ok(None) => return ReplayEnd::Whole,
                Err(mistake) => {
                    self.tally.trouble = Some(mistake.to_string());
                    return ReplayEnd::Unreadable;
                }
            };
            if let Some(end) = self.send(&batch, is_stopped).await {
                return end;
            }
            // What cannot be written down now can be later: a segment that was sent to its end makes room for it.
            self.tally.trouble = self.queue.advance().err().map(|mistake| mistake.to_string());
        }
    }

    /// Sends a request until something has become of it. Nothing where it is done with.
    async fn send(&mut self, batch: &ExportBatch, is_stopped: &dyn Fn() -> bool) -> Option<ReplayEnd> {
        let (mut delays, mut is_ambiguous) = (RetryDelays::new(), false);
        for tries in 1.. {
            if is_stopped() {
                return Some(ReplayEnd::Stopped);
            }
            match self.transport.send(batch.body.clone()).await {
                SendOutcome::Taken { rejected, why } => {
                    let rejected = rejected.min(batch.points);
                    self.tally.sent += batch.points - rejected;
                    self.tally.rejected += rejected;
                    if rejected > 0 {
                        self.tally.why = Some(why);
                    }
                    break;
                }
                SendOutcome::Refused { why } => {
                    self.tally.why = Some(why);
                    if !self.drops_refused {
                        return Some(ReplayEnd::Refused);
                    }
                    self.tally.refused += batch.points;
                    break;
                }
                SendOutcome::Passing { why, after, may_be_taken } => {
                    self.tally.why = Some(why);
                    if may_be_taken && batch.is_delta && !is_ambiguous {
                        is_ambiguous = true;
                        self.tally.ambiguous += batch.points;
                    }
                    if tries == TRIES_MAX {
                        return Some(ReplayEnd::Away);
                    }
                    sleep(delays.next(after)).await;
                }
            }
        }
        None
    }
}
