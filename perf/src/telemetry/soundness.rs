//! Whether a run with telemetry is a measurement of it: points went out, pages were fetched, and its threads were seen at work.
//!
//! A run that told nobody anything costs nothing, and so does one whose threads have other names than those that are looked for. Neither may
//! pass as within its limits.

use super::rungs::{CollectorManner, Rung};
use super::threads::SpentByThreads;
use engine::report::ExportReport;

/// What is known of a run of a rung.
pub(super) struct WitnessedRun<'a> {
    /// What the report says of its exports.
    pub(super) exports: &'a [ExportReport],
    /// Pages that were scraped, where there is someone who does.
    pub(super) pages: Option<u64>,
    pub(super) seconds: u32,
    pub(super) spent: SpentByThreads,
    /// The collector of snapshots counts as telemetry.
    pub(super) collector_counts: bool,
}

/// Why it is no measurement; nothing if it is one.
pub(super) fn unsound(rung: &Rung, run: &WitnessedRun) -> Option<String> {
    if let Some(manner) = rung.collector {
        let sum = |of: fn(&ExportReport) -> u64| run.exports.iter().map(of).sum::<u64>();
        let (offered, sent) = (sum(|export| export.offered), sum(|export| export.sent));
        let is_as_meant = offered > 0
            && match manner {
                CollectorManner::Takes => sent > 0,
                CollectorManner::BlackHole => sent == 0,
            };
        if !is_as_meant {
            return Some(format!(
                "the report says that of {offered} points {sent} were taken, by a collector that {}",
                match manner {
                    CollectorManner::Takes => "takes all",
                    CollectorManner::BlackHole => "never answers",
                }
            ));
        }
    }
    // One each second, and some on the way may fail.
    let pages_min = u64::from(run.seconds / 2).max(1);
    if let Some(pages) = run.pages.filter(|pages| *pages < pages_min) {
        return Some(format!("{pages} pages were scraped in {} s", run.seconds));
    }
    let has_telemetry = rung.collector.is_some() || rung.is_scraped;
    if has_telemetry && run.spent.telemetry_ns == 0 {
        return Some(
            "no thread of telemetry was seen at work: have they other names, or is there no schedstat?"
                .into(),
        );
    }
    if has_telemetry && run.collector_counts && run.spent.collector_ns == 0 {
        return Some("the collector of snapshots was not seen at work".into());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::rungs::RUNGS;
    use super::*;

    fn export(offered: u64, sent: u64) -> ExportReport {
        let json = serde_json::json!({
            "to": "http://h/", "signal": "metrics", "offered": offered, "sent": sent, "rejected": 0,
            "dropped": offered - sent, "retries": 0
        });
        serde_json::from_value(json).unwrap()
    }

    fn of(rung: usize, export: ExportReport, pages: Option<u64>, spent: (u64, u64)) -> Option<String> {
        let spent = SpentByThreads { telemetry_ns: spent.0, collector_ns: spent.1 };
        let exports = &[export];
        let run = WitnessedRun { exports, pages, seconds: 10, spent, collector_counts: true };
        unsound(&RUNGS[rung], &run)
    }

    #[test]
    fn a_run_in_which_telemetry_did_nothing_that_was_seen_is_no_measurement() {
        let [off, takes, scraped, hole] = [0, 1, 2, 3];
        for (found, word) in [
            (of(off, export(0, 0), None, (0, 0)), None),
            (of(takes, export(9, 9), None, (1, 1)), None),
            (of(takes, export(0, 0), None, (1, 1)), Some("of 0 points 0 were taken")),
            (of(takes, export(9, 0), None, (1, 1)), Some("of 9 points 0 were taken")),
            (of(takes, export(9, 9), None, (0, 1)), Some("no thread of telemetry")),
            (of(takes, export(9, 9), None, (1, 0)), Some("the collector of snapshots")),
            (of(scraped, export(9, 9), Some(5), (1, 1)), None),
            (of(scraped, export(9, 9), Some(4), (1, 1)), Some("4 pages were scraped in 10 s")),
            (of(hole, export(9, 0), Some(10), (1, 1)), None),
            (of(hole, export(9, 9), Some(10), (1, 1)), Some("never answers")),
            (of(hole, export(0, 0), Some(10), (1, 1)), Some("of 0 points")),
        ] {
            let is_as_expected = match (&found, word) {
                (Some(found), Some(word)) => found.contains(word),
                (found, word) => found.is_none() && word.is_none(),
            };
            assert!(is_as_expected, "{found:?}, {word:?}");
        }
    }
}
