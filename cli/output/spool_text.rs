//! What waits in the spool as text, and what became of it.

use crate::output::archive_text::to_the_second;
use crate::output::figures::{bytes, group};
use crate::output::plain::plain;
use crate::output::screen::{Screen, Tone};
use crate::output::table::{Cell, Column, TextTable};
use crate::output::text::short_id;
use crate::session::show_time;
use ::telemetry::otlp::ReplayTally;
use ::telemetry::spool::QueueSummary;
use engine::quantity::counted;
use std::time::{Duration, UNIX_EPOCH};

/// Queues in a line each.
pub(crate) fn list(queues: &[QueueSummary], screen: &Screen) -> String {
    let mut table = TextTable::new(vec![
        Column::word("RUN"),
        Column::word("SIGNAL").left_out(1),
        Column::figure("POINTS"),
        Column::figure("LOST"),
        Column::figure("SIZE").left_out(3),
        Column::word("OLDEST").left_out(2),
        Column::name("TO", 14),
        Column::word(""),
    ]);
    for queue in queues {
        let oldest = queue.oldest_unix_ns.map_or_else(String::new, |unix_ns| {
            to_the_second(&show_time(UNIX_EPOCH + Duration::from_nanos(unix_ns)))
        });
        let lost = if queue.lost > 0 { Tone::Bad } else { Tone::Plain };
        table.push(vec![
            short_id(&queue.run_id).into(),
            plain(&queue.signal).into(),
            group(queue.points).into(),
            Cell::toned(group(queue.lost), lost),
            bytes(queue.bytes as f64).into(),
            oldest.into(),
            (if queue.to.is_empty() { "unknown".to_owned() } else { plain(&queue.to) }).into(),
            (if queue.is_open { "open" } else { "" }).into(),
        ]);
    }
    table.show(screen)
}

/// What nobody can say of points whose request was sent, and not responded to.
pub(crate) fn may_be_twice(points: u64, to: &str) -> String {
    let points = counted(points, "point");
    format!("{points} of deltas may be at {to} twice: it did not say that it took them")
}

/// What became of one queue that was sent.
pub(crate) fn replayed(queue: &QueueSummary, tally: &ReplayTally, to: &str) -> String {
    let mut line = format!("{}: {} sent to {to}", short_id(&queue.run_id), counted(tally.sent, "point"));
    let others =
        [(tally.rejected, "rejected"), (tally.refused, "refused and dropped"), (tally.lost, "lost before")];
    for (count, what) in others {
        if count > 0 {
            line += &format!(", {} {what}", group(count));
        }
    }
    if tally.left > 0 {
        line += &format!(", {} left", group(tally.left));
    }
    line + "\n"
}
