//! How the target did. The verdict says whether the generator can be believed; this is the other statement, and the first thing
//! that a reader wants to know when something went wrong.

use crate::code;
use crate::history::Slice;
use crate::outcome::Kind;
use crate::phase::Phase;
use crate::quantity::MILLISECOND_NS;
use crate::record::Series;
use crate::verdict::Cause;
use serde::{Deserialize, Serialize};

/// Less than this part of the rate is not carried.
pub const CARRIED_MIN: f64 = 0.99;
/// A target of whose requests more than this part fails has failed.
const FAILED_MAX: f64 = 0.5;
/// A target is silent when nothing succeeded for at least this long before the end, and for this part of the window …
const SILENT_NS_MIN: u64 = 300 * MILLISECOND_NS;
const SILENT_SHARE_MIN: f64 = 0.1;
/// … in which at least so many requests failed or were not sent, or one did and so many more would have succeeded before.
const SILENT_COUNT_MIN: u64 = 5;

/// The word for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetStatus {
    /// It carried the rate that was asked for; in a closed loop, it answered.
    #[default]
    Held,
    /// It answered, and did not carry the rate.
    FellBehind,
    /// From some moment on, nothing succeeded any more.
    Silent,
    /// Most requests failed, or all.
    Failed,
    /// The generator was in the way, so nothing is known.
    Unknown,
}

/// How the target did.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TargetOutcome {
    /// The word.
    pub status: TargetStatus,
    /// From when on, in seconds from the start of sending; of a target that went silent.
    pub since_s: Option<f64>,
    /// The same for people.
    pub text: String,
}

/// What the outcome rests on, all of the measured window.
#[derive(Clone, Copy, Debug)]
pub struct Signs<'a> {
    /// All requests.
    pub series: &'a Series,
    /// Arrivals dropped by the overload policy.
    pub dropped: u64,
    /// Arrivals that were due and never sent.
    pub unsent: u64,
    /// Arrivals withheld, because the load was lowered while the target did not keep up.
    pub withheld: u64,
    /// Requests that ended, per second.
    pub achieved_rps: f64,
    /// Arrivals scheduled per second; nothing in a closed loop.
    pub target_rps: Option<f64>,
    /// Whose doing it is that arrivals were not sent.
    pub cause: Cause,
    /// True when the verdict says that no number must be used.
    pub is_invalid: bool,
    /// Where the window lies, from the start of sending.
    pub window_ns: (u64, u64),
    /// The run slice by slice.
    pub history: &'a [Slice],
}

impl TargetOutcome {
    /// How the target did.
    pub fn new(signs: &Signs) -> TargetOutcome {
        let Signs { series, .. } = *signs;
        let (ended, own) = (series.ok + series.failed(), series.failed_by_generator());
        let unreleased = signs.dropped + signs.unsent + signs.withheld;
        let is_unreleased_by_us = signs.cause != Cause::Target && unreleased > ended;
        if ended + unreleased == 0 {
            return TargetOutcome::of(TargetStatus::Unknown, "nothing was sent".into());
        }
        if own * 2 > ended || is_unreleased_by_us {
            let text = "not known: most requests were lost on this machine, before the target".into();
            return TargetOutcome::of(TargetStatus::Unknown, text);
        }
        if series.ok == 0 {
            let text = format!("not one of {} requests succeeded: {}", ended + unreleased, signs.failures());
            return TargetOutcome::of(TargetStatus::Failed, text);
        }
        if let Some(since_ns) = signs.silent_since_ns() {
            let since_s = since_ns as f64 / 1e9;
            let text =
                format!("went silent at {since_s:.1} s, after which nothing succeeded: {}", signs.failures());
            return TargetOutcome { status: TargetStatus::Silent, since_s: Some(since_s), text };
        }
        if series.failed() as f64 > FAILED_MAX * ended as f64 {
            let text = format!("{} of {ended} requests failed: {}", series.failed(), signs.failures());
            return TargetOutcome::of(TargetStatus::Failed, text);
        }
        signs.carried()
    }

    fn of(status: TargetStatus, text: String) -> TargetOutcome {
        TargetOutcome { status, since_s: None, text }
    }

    /// How bad it is, for telling the worst of several.
    pub(crate) fn severity(&self) -> u32 {
        match self.status {
            TargetStatus::Held => 0,
            TargetStatus::Unknown => 1,
            TargetStatus::FellBehind => 2,
            TargetStatus::Silent => 3,
            TargetStatus::Failed => 4,
        }
    }

    /// True when the target did not do what was asked of it.
    pub fn is_failure(&self) -> bool {
        matches!(self.status, TargetStatus::FellBehind | TargetStatus::Silent | TargetStatus::Failed)
    }
}

impl Signs<'_> {
    /// Whether the rate was carried.
    fn carried(&self) -> TargetOutcome {
        let achieved = self.achieved_rps;
        let Some(target) = self.target_rps else {
            return TargetOutcome::of(TargetStatus::Held, format!("answered {achieved:.0} requests/s"));
        };
        let shown = format!("{achieved:.0} of {target:.0} requests/s");
        if achieved >= target * CARRIED_MIN {
            return TargetOutcome::of(TargetStatus::Held, format!("held the rate, {shown}"));
        }
        match self.cause {
            // Waiting for the target and waiting for Vajra cannot be told apart any more.
            Cause::Target if self.is_invalid => TargetOutcome::of(
                TargetStatus::Unknown,
                format!("not known: {shown}, and the run is INVALID"),
            ),
            Cause::Target => TargetOutcome::of(
                TargetStatus::FellBehind,
                format!(
                    "fell behind, {shown}: every connection was waiting for it; more of them (-c) may carry more"
                ),
            ),
            Cause::Generator | Cause::Machine | Cause::Operator => TargetOutcome::of(
                TargetStatus::Unknown,
                format!("not known: Vajra could send no more than {shown}"),
            ),
        }
    }

    /// Since when nothing has succeeded any more, if that is so.
    fn silent_since_ns(&self) -> Option<u64> {
        let is_late = |slice: &&Slice| slice.phase != Phase::Warmup;
        let last_ok = self.history.iter().filter(is_late).rfind(|slice| slice.ok > 0);
        let (from_ns, to_ns) = self.window_ns;
        let since_ns = last_ok.map_or(from_ns, |slice| slice.to_ns);
        let silent_ns = to_ns.saturating_sub(since_ns);
        let after = self.history.iter().filter(is_late).filter(|slice| slice.from_ns >= since_ns);
        let lost = after.map(|slice| slice.failed + slice.dropped).sum::<u64>() + self.unsent;
        let share = silent_ns as f64 / (to_ns - from_ns).max(1) as f64;
        // A closed loop with few connections loses no more than those.
        let missed =
            self.series.ok as f64 * silent_ns as f64 / since_ns.saturating_sub(from_ns).max(1) as f64;
        let is_telling = lost >= SILENT_COUNT_MIN || (lost > 0 && missed >= SILENT_COUNT_MIN as f64);
        let is_silent = silent_ns >= SILENT_NS_MIN && share >= SILENT_SHARE_MIN && is_telling;
        is_silent.then_some(since_ns)
    }

    /// What failed and how often, most frequent first.
    fn failures(&self) -> String {
        let statuses = self.series.statuses.iter().filter(|(status, _)| !code::is_success(*status));
        let mut counts: Vec<(u64, String)> =
            statuses.map(|(status, count)| (count, code::tell(status))).collect();
        let kinds = Kind::ALL.into_iter().filter(|kind| *kind != Kind::Status);
        counts.extend(kinds.map(|kind| (self.series.errors[kind as usize], kind.name().to_owned())));
        counts.push((self.dropped, "dropped".into()));
        counts.push((self.unsent, "never sent".into()));
        counts.push((self.withheld, "withheld".into()));
        counts.retain(|(count, _)| *count > 0);
        counts.sort_by(|a, b| b.cmp(a));
        let words: Vec<String> = counts.into_iter().map(|(count, what)| format!("{what} {count}")).collect();
        words.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Outcome;
    use crate::quantity::SECOND_NS;
    use crate::record::Instants;

    /// A slice of a second with so many successes and failures.
    fn slice(second: u64, ok: u64, failed: u64) -> Slice {
        let (from_ns, to_ns) = (second * SECOND_NS, (second + 1) * SECOND_NS);
        let response_hdr = crate::distribution::Distribution::new().encode();
        Slice {
            from_ns,
            to_ns,
            phase: Phase::Measure,
            ok,
            failed,
            dropped: 0,
            withheld: 0,
            cpu_ns: 0,
            response_hdr,
            passes: Vec::new(),
            scenarios: Vec::new(),
        }
    }

    /// Ten seconds of a target that was asked for 100/s.
    fn outcome(seconds: &[(u64, u64)], kind: Kind, unsent: u64, cause: Cause) -> TargetOutcome {
        let mut series = Series::default();
        let history: Vec<Slice> =
            seconds.iter().enumerate().map(|(n, &(ok, failed))| slice(n as u64, ok, failed)).collect();
        let failed = if kind == Kind::Status { Outcome::Refused(503) } else { Outcome::Failed(kind) };
        for &(ok_count, failed_count) in seconds {
            (0..ok_count).for_each(|_| series.done(Outcome::Ok(200), Instants::default(), 0));
            (0..failed_count).for_each(|_| series.done(failed, Instants::default(), 0));
        }
        let achieved_rps = (series.ok + series.failed()) as f64 / 10.0;
        TargetOutcome::new(&Signs {
            series: &series,
            dropped: 0,
            unsent,
            withheld: 0,
            achieved_rps,
            target_rps: Some(achieved_rps + unsent as f64 / 10.0),
            cause,
            is_invalid: false,
            window_ns: (0, 10 * SECOND_NS),
            history: &history,
        })
    }

    #[test]
    fn a_target_that_answers_holds_the_rate() {
        let held = outcome(&[(100, 0); 10], Kind::Eof, 0, Cause::Target);
        assert_eq!((held.status, held.is_failure()), (TargetStatus::Held, false));
        let some_fail = outcome(&[(90, 10); 10], Kind::Status, 0, Cause::Target);
        assert_eq!(some_fail.status, TargetStatus::Held, "how many may fail is for a threshold to say");
    }

    #[test]
    fn a_target_that_goes_away_is_silent_from_then_on() {
        let mut seconds = vec![(100, 0); 5];
        seconds.extend([(0, 3); 5]);
        let silent = outcome(&seconds, Kind::Connect, 485, Cause::Target);
        assert_eq!((silent.status, silent.since_s), (TargetStatus::Silent, Some(5.0)));
        assert_eq!(
            silent.text,
            "went silent at 5.0 s, after which nothing succeeded: never sent 485, connect 15"
        );
        seconds.push((100, 0));
        assert_ne!(
            outcome(&seconds, Kind::Connect, 0, Cause::Target).status,
            TargetStatus::Silent,
            "it came back"
        );
    }

    #[test]
    fn few_connections_are_enough_to_tell_that_a_target_is_silent() {
        // A closed loop on four connections: each waits for its timeout, and no more requests are lost than that.
        let mut seconds = vec![(1_000, 0); 3];
        seconds.extend([(0, 0); 6]);
        seconds.push((0, 4));
        let silent = outcome(&seconds, Kind::Timeout, 0, Cause::Target);
        assert_eq!((silent.status, silent.since_s), (TargetStatus::Silent, Some(3.0)));
        let slow = [(1, 0), (0, 0), (1, 0), (0, 0), (0, 0), (0, 0), (1, 0), (0, 0), (0, 0), (0, 1)];
        assert_eq!(outcome(&slow, Kind::Status, 0, Cause::Target).status, TargetStatus::Held, "it is slow");
    }

    #[test]
    fn a_target_that_only_fails_has_failed() {
        let failed = outcome(&[(0, 100); 10], Kind::Status, 0, Cause::Target);
        assert_eq!(failed.status, TargetStatus::Failed);
        assert_eq!(failed.text, "not one of 1000 requests succeeded: status 503 1000");
        assert_eq!(outcome(&[(10, 90); 10], Kind::Timeout, 0, Cause::Target).status, TargetStatus::Failed);
    }

    #[test]
    fn whose_shortfall_it_is_decides_what_is_known() {
        let seconds = [(100, 0); 10];
        let behind = outcome(&seconds, Kind::Eof, 1_000, Cause::Target);
        assert_eq!((behind.status, behind.is_failure()), (TargetStatus::FellBehind, true));
        let unknown = outcome(&seconds, Kind::Eof, 1_000, Cause::Generator);
        assert_eq!((unknown.status, unknown.is_failure()), (TargetStatus::Unknown, false));
        let (series, history) = (Series { ok: 900, ..Series::default() }, [slice(9, 900, 0)]);
        let invalid = TargetOutcome::new(&Signs {
            series: &series,
            dropped: 0,
            unsent: 100,
            withheld: 0,
            achieved_rps: 90.0,
            target_rps: Some(100.0),
            cause: Cause::Target,
            is_invalid: true,
            window_ns: (0, 10 * SECOND_NS),
            history: &history,
        });
        assert_eq!(invalid.status, TargetStatus::Unknown, "{}", invalid.text);
        assert_eq!(outcome(&[], Kind::Eof, 0, Cause::Target).status, TargetStatus::Unknown);
        assert_eq!(outcome(&[(0, 9)], Kind::Ports, 0, Cause::Target).status, TargetStatus::Unknown);
    }
}
