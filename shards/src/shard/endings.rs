//! Writes down how a call has ended, or an attempt at it where it may be tried again.

use engine::outcome::Outcome;
use engine::record::{Instants, Recorder};
use engine::seams::Source;

/// How a call has ended that its source has just been told of. `sent` is how much of its time was the generator's, and the bytes that came,
/// if it was sent. False where it is tried again, and its request has not ended.
// A part of the loop: as a call it would cost every response some instructions.
#[inline(always)]
pub(super) fn write_down<S: Source>(
    recorder: &mut Recorder,
    source: &S,
    series: usize,
    outcome: Outcome,
    instants: Instants,
    sent: Option<(u64, u64)>,
) -> bool {
    if S::MAY_CONTINUE
        && let Some(attempt) = source.ended_attempt()
    {
        recorder.attempted(series, outcome, instants, sent, &attempt);
        return !attempt.is_tried_again;
    }
    match sent {
        Some((lag_ns, bytes_received)) => recorder.done(series, outcome, instants, lag_ns, bytes_received),
        None => recorder.not_sent(series, outcome, instants),
    }
    true
}
