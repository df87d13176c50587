//! How requests ended, by status: what k6 has one counter for.
//!
//! A series counts its statuses, and its failures, and not which responses of one status failed a check. Where an interval has several statuses
//! and failures among them, it is taken that those failed which k6 does not expect, and of the others the highest. Sums by status are exact, and
//! sums by success; and no count ever falls, since each interval is divided for itself.

use engine::record::Series;
use std::collections::BTreeMap;

/// Requests that ended without a response, as k6 has it.
const NO_STATUS: u16 = 0;

/// How requests of one series ended, by status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatusEndings(BTreeMap<u16, SuccessCounts>);

/// How many succeeded, and how many did not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SuccessCounts {
    /// They succeeded.
    pub ok: u64,
    /// They did not.
    pub failed: u64,
}

impl StatusEndings {
    /// Adds what a series has of an interval.
    pub(crate) fn add(&mut self, series: &Series) {
        let mut statuses: Vec<(u16, u64)> = series.statuses.iter().collect();
        statuses.sort_unstable_by_key(|(status, _)| (!(200..=399).contains(status), *status));
        let (mut ok, mut failed) = (series.ok, series.failed());
        for (status, responses) in statuses {
            let of_ok = responses.min(ok);
            let of_failed = (responses - of_ok).min(failed);
            (ok, failed) = (ok - of_ok, failed - of_failed);
            self.count(status, of_ok, of_failed);
        }
        self.count(NO_STATUS, ok, failed);
    }

    fn count(&mut self, status: u16, ok: u64, failed: u64) {
        if ok + failed > 0 {
            let counts = self.0.entry(status).or_default();
            *counts = SuccessCounts { ok: counts.ok + ok, failed: counts.failed + failed };
        }
    }

    /// Each status, or 0 for none, with how many requests ended with it.
    pub fn iter(&self) -> impl Iterator<Item = (u16, SuccessCounts)> {
        self.0.iter().map(|(status, counts)| (*status, *counts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::outcome::{Kind, Outcome};
    use engine::record::Instants;

    fn series(outcomes: &[Outcome]) -> Series {
        let mut series = Series::default();
        outcomes.iter().for_each(|outcome| series.done(*outcome, Instants::default(), 0));
        series
    }

    fn told(endings: &StatusEndings) -> Vec<(u16, u64, u64)> {
        endings.iter().map(|(status, counts)| (status, counts.ok, counts.failed)).collect()
    }

    #[test]
    fn a_response_whose_check_fails_is_a_failure_and_one_that_is_wanted_is_none() {
        let mut endings = StatusEndings::default();
        // Its plan wants this 404, and what does not come at all has no status.
        let first = [Outcome::Ok(200), Outcome::CheckFailed(200), Outcome::Failed(Kind::Timeout)];
        endings.add(&series(&first));
        endings.add(&series(&[Outcome::Ok(404), Outcome::Refused(503)]));
        assert_eq!(told(&endings), [(0, 0, 1), (200, 1, 1), (404, 1, 0), (503, 0, 1)]);
    }

    #[test]
    fn sums_are_exact_where_the_division_is_not_known_and_no_count_falls() {
        let intervals = [
            &[Outcome::CheckFailed(200), Outcome::Ok(201)][..],
            &[Outcome::Ok(200), Outcome::CheckFailed(201), Outcome::Refused(500)],
            &[Outcome::CheckFailed(200), Outcome::CheckFailed(200), Outcome::CheckFailed(201)],
        ];
        let (mut endings, mut before) = (StatusEndings::default(), Vec::new());
        for outcomes in intervals {
            endings.add(&series(outcomes));
            let now = told(&endings);
            for (status, ok, failed) in before {
                let same = now.iter().find(|(of, ..)| *of == status).unwrap();
                assert!(same.1 >= ok && same.2 >= failed, "{same:?}");
            }
            before = now;
        }
        assert_eq!(before.iter().fold((0, 0), |sum, (_, ok, failed)| (sum.0 + ok, sum.1 + failed)), (2, 6));
        let by_status: Vec<(u16, u64)> =
            before.iter().map(|(status, ok, failed)| (*status, ok + failed)).collect();
        assert_eq!(by_status, [(200, 4), (201, 3), (500, 1)]);
    }
}
