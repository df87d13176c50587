//! What a queue of the spool holds, sent now: in order, until it is empty or the collector does not take the next one.

use super::outcome::SendOutcome;
use super::sender::RetryDelays;
use super::settings::OtlpSettings;
use super::transport::CollectorTransport;
use crate::run_spool::moment;
use crate::spool::{SpoolMistake, SpoolQueue};
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
}

/// Sends what a queue holds. Requests that are refused are dropped if that is asked for, and otherwise end it.
pub fn replay(
    queue: &mut SpoolQueue,
    settings: &OtlpSettings,
    drops_refused: bool,
    is_stopped: &dyn Fn() -> bool,
) -> Result<(ReplayEnd, ReplayTally), SpoolMistake> {
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
            end?
        }
    };
    (tally.left, tally.lost) = (queue.points(), queue.lost());
    Ok((end, tally))
}

struct ReplayedQueue<'a> {
    queue: &'a mut SpoolQueue,
    transport: CollectorTransport,
    tally: &'a mut ReplayTally,
    drops_refused: bool,
}

impl ReplayedQueue<'_> {
    async fn run(&mut self, is_stopped: &dyn Fn() -> bool) -> Result<ReplayEnd, SpoolMistake> {
        let since = Instant::now();
        // What is in the queue gets no older while it is sent: it was to be dropped before, or not at all.
        let now = moment(since);
        while let Some(batch) = self.queue.head(now)? {
            let mut delays = RetryDelays::new();
            for tries in 1.. {
                if is_stopped() {
                    return Ok(ReplayEnd::Stopped);
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
                            return Ok(ReplayEnd::Refused);
                        }
                        self.tally.refused += batch.points;
                        break;
                    }
                    SendOutcome::Passing { why, after, .. } => {
                        self.tally.why = Some(why);
                        if tries == TRIES_MAX {
                            return Ok(ReplayEnd::Away);
                        }
                        sleep(delays.next(after)).await;
                    }
                }
            }
            self.queue.advance()?;
        }
        Ok(ReplayEnd::Whole)
    }
}
