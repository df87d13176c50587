//! Archived runs as text: in a line each, and the slowest requests of one.

use crate::output::figures::{grouped, percentage, time};
use crate::output::layout::shortened;
use crate::output::plain::plain;
use crate::output::screen::{Screen, Tone};
use crate::output::table::{Cell, Column, TextTable};
use crate::output::text::{short_id, titled, tone_of};
use ::archive::Entry;
use engine::code;
use engine::quantity::show_ns;
use engine::record::SlowRequest;
use engine::verdict::Status;

/// Columns of a name where there is room.
const NAME_SHOWN: usize = 28;
/// From this width on an instant is shown to the second, with its year.
const WHOLE_INSTANT_WIDTH: usize = 110;

/// Runs in a line each: whether they can be believed and what failed come before how fast they were.
pub(crate) fn list(entries: &[Entry], screen: &Screen) -> String {
    let is_wide = screen.width >= WHOLE_INSTANT_WIDTH;
    let mut table = TextTable::new(vec![
        Column::word("RUN"),
        Column::word("VERDICT"),
        Column::figure("FAILED"),
        Column::word(if is_wide { "STARTED" } else { "STARTED UTC" }),
        Column::figure("REQ/S").left_out(3),
        Column::figure("P50").left_out(4),
        Column::figure("P99").left_out(2),
        Column::name("NAME", 14),
        Column::name("TAGS", 13).left_out(1),
    ]);
    for entry in entries {
        let held = entry.baselines.iter().map(|name| format!("baseline {name}"));
        let tags: Vec<String> = entry.tags.iter().cloned().chain(held).collect();
        let started =
            if is_wide { to_the_second(&entry.started_at) } else { to_the_minute(&entry.started_at) };
        let failed = if entry.failed_share > 0.0 { Tone::Bad } else { Tone::Plain };
        table.push(vec![
            short_id(&entry.run_id).into(),
            verdict(&entry.verdict),
            Cell::toned(percentage(entry.failed_share), failed),
            started.into(),
            grouped(entry.rate_rps).into(),
            time(entry.response_p50_ns).into(),
            time(entry.response_p99_ns).into(),
            name(entry).into(),
            plain(&tags.join(", ")).into(),
        ]);
    }
    table.show(screen)
}

/// What a run is called. A URL that stands for a name says most without what all of them begin with.
fn name(entry: &Entry) -> String {
    let name = plain(&entry.name);
    shortened(name.strip_prefix("http://").unwrap_or(&name), NAME_SHOWN)
}

fn verdict(name: &str) -> Cell {
    let status =
        [Status::Valid, Status::Degraded, Status::Invalid].into_iter().find(|status| status.name() == name);
    Cell::toned(plain(name), status.map_or(Tone::Plain, tone_of))
}

/// Runs that are removed, or would be.
pub(crate) fn removed(entries: &[Entry], verb: &str, screen: &Screen) -> String {
    let mut table =
        TextTable::new(vec![Column::word(""), Column::word(""), Column::name("", 6), Column::word("")]);
    for entry in entries {
        let (id, started) = (short_id(&entry.run_id), to_the_second(&entry.started_at));
        table.push(vec![id.into(), started.into(), name(entry).into(), verb.into()]);
    }
    table.show(screen)
}

/// The slowest requests, a line each.
pub(crate) fn slowest(slowest: &[SlowRequest], screen: &Screen) -> String {
    let mut table = TextTable::new(vec![
        Column::figure("  RESPONSE"),
        Column::figure("SERVICE"),
        Column::figure("SLIP"),
        Column::figure("AT").left_out(1),
        Column::figure("SHARD").left_out(2),
        Column::word("END"),
        Column::name("STEP", 8),
    ]);
    for slow in slowest {
        let end = match (&slow.status, &slow.error) {
            (Some(status), _) => code::tell(*status),
            (None, Some(error)) => plain(error),
            (None, None) => String::new(),
        };
        let [response, service, slip] = [slow.response_ns, slow.service_ns, slow.slip_ns].map(show_ns);
        table.push(vec![
            response.into(),
            service.into(),
            slip.into(),
            format!("{:.6} s", slow.intended_s).into(),
            slow.shard.to_string().into(),
            end.into(),
            plain(&slow.step).into(),
        ]);
    }
    if table.is_empty() { String::new() } else { titled("Slowest requests", &table.show(screen), screen) }
}

/// An instant without its fraction of a second.
pub(crate) fn to_the_second(instant: &str) -> String {
    match instant.split_once('.') {
        Some((seconds, _)) => plain(&format!("{seconds}Z")),
        None => plain(instant),
    }
}

/// Month, day, hour and minute of an instant: `11-28 05:24`.
fn to_the_minute(instant: &str) -> String {
    match (instant.get(5..10), instant.get(11..16)) {
        (Some(day), Some(minute)) => plain(&format!("{day} {minute}")),
        _ => plain(instant),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_kept_narrow() {
        assert_eq!(to_the_second("2026-01-01T00:00:00.123456Z"), "2026-01-01T00:00:00Z");
        assert_eq!(to_the_minute("2026-01-01T12:34:00.123456Z"), "01-01 12:34");
        assert_eq!(to_the_minute("t"), "t");
    }
}
