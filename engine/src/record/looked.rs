//! What came of looking at responses: how often checks held and values were there, and what came first where not.
//!
//! Beside the series, and not in them: a run in which nothing is looked at keeps nothing of the kind. All of it is of the measured window.

use serde::{Deserialize, Serialize};
use std::iter::Sum;

/// What a response was looked at for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookedFor {
    /// The check with this number among those of its step.
    Check(usize),
    /// The value with this number among those that its step takes.
    Extract(usize),
    /// Where it leads, where redirects are followed.
    Redirect,
}

/// What became of a response that may lead elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedirectEnd {
    /// It was followed: the request goes on.
    Followed,
    /// As many were followed before as may be.
    OverLimit,
    /// It leads to another host, or by another scheme.
    Elsewhere,
    /// Where it leads cannot be asked for.
    Unusable,
}

/// What was looked at of one response.
#[derive(Clone, Copy)]
pub struct LookedResponse<'a> {
    /// Whether each check held; none where they were not asked.
    pub checks: &'a [bool],
    /// Whether each value was there; nothing of one that was not needed.
    pub extracts: &'a [Option<bool>],
    /// Where it may have led elsewhere.
    pub redirect: Option<RedirectEnd>,
    /// What its request has failed for.
    pub blamed: Option<LookedFor>,
    /// What came, in words, made where it is wanted.
    pub examples: &'a dyn LookedExamples,
}

/// Whoever can say what came where something was not as wanted.
pub trait LookedExamples {
    /// In words, short and without secrets.
    fn example(&self, looked_for: LookedFor) -> String;
}

/// How often something was as wanted, and how often not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookCounts {
    /// Responses in which it was.
    pub passed: u64,
    /// Responses in which it was not.
    pub failed: u64,
    /// Requests that have failed for it: for the first of what was wrong, and with their last attempt.
    pub blamed: u64,
    /// What came in the first of these responses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<FirstFailure>,
    /// The first one was taken before, and handed over.
    #[serde(skip)]
    has_first: bool,
}

/// What came the first time that something was not as wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstFailure {
    /// When, in nanoseconds from the start of the run.
    pub at_ns: u64,
    /// In words.
    pub came: String,
}

/// How responses that may lead elsewhere were dealt with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedirectCounts {
    /// Followed, each hop by itself.
    pub followed: u64,
    /// Not followed, because as many had been as may be.
    pub over_limit: u64,
    /// Not followed, because they lead to another host, or by another scheme.
    pub elsewhere: u64,
    /// Not followed, because what they say is no place that can be asked for, or too long.
    pub unusable: u64,
}

/// How checks went, all of some part of a run together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CheckCounts {
    /// Checks that held.
    pub passed: u64,
    /// Checks that did not.
    pub failed: u64,
    /// Checks of the plan that were never asked.
    pub never_ran: u64,
}

/// What was looked at of the responses to one kind of request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeriesLooks {
    /// Of each check.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<LookCounts>,
    /// Of each value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extracts: Vec<LookCounts>,
    /// Responses that led elsewhere: as wanted those that were followed to the end.
    #[serde(default)]
    pub redirect: LookCounts,
    /// The same by what became of them.
    #[serde(default)]
    pub redirects: RedirectCounts,
}

/// The same of all series of a run that have any.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LookRecord(Vec<SeriesLooks>);

impl LookRecord {
    /// What is known of a series; nothing where nothing was looked at.
    pub fn of(&self, series: usize) -> Option<&SeriesLooks> {
        self.0.get(series)
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A response was looked at, at this moment; its request has ended with it or not.
    pub(super) fn note(&mut self, series: usize, at_ns: u64, looked: &LookedResponse<'_>, has_ended: bool) {
        if self.0.len() <= series {
            self.0.resize_with(series + 1, SeriesLooks::default);
        }
        let of_series = &mut self.0[series];
        let come = |looked_for| FirstFailure { at_ns, came: looked.examples.example(looked_for) };
        enlarge(&mut of_series.checks, looked.checks.len());
        for (index, (counts, held)) in of_series.checks.iter_mut().zip(looked.checks).enumerate() {
            counts.count(*held, || come(LookedFor::Check(index)));
        }
        enlarge(&mut of_series.extracts, looked.extracts.len());
        for (index, (counts, found)) in of_series.extracts.iter_mut().zip(looked.extracts).enumerate() {
            if let Some(found) = found {
                counts.count(*found, || come(LookedFor::Extract(index)));
            }
        }
        if let Some(end) = looked.redirect {
            of_series.redirect.count(end == RedirectEnd::Followed, || come(LookedFor::Redirect));
            of_series.redirects.count(end);
        }
        let blamed = match looked.blamed.filter(|_| has_ended) {
            Some(LookedFor::Check(index)) => of_series.checks.get_mut(index),
            Some(LookedFor::Extract(index)) => of_series.extracts.get_mut(index),
            Some(LookedFor::Redirect) => Some(&mut of_series.redirect),
            None => None,
        };
        blamed.into_iter().for_each(|counts| counts.blamed += 1);
    }

    /// Adds those of another stretch, or of another shard.
    pub(super) fn merge(&mut self, other: &LookRecord) {
        if self.0.len() < other.0.len() {
            self.0.resize_with(other.0.len(), SeriesLooks::default);
        }
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            let SeriesLooks { checks, extracts, redirect, redirects } = theirs;
            merge_each(&mut mine.checks, checks);
            merge_each(&mut mine.extracts, extracts);
            mine.redirect.merge(redirect);
            mine.redirects.add(*redirects);
        }
    }

    /// Forgets all but which first ones were taken, keeping its memory.
    #[inline]
    pub(super) fn clear(&mut self) {
        for SeriesLooks { checks, extracts, redirect, redirects } in &mut self.0 {
            checks.iter_mut().chain(extracts).for_each(LookCounts::clear);
            redirect.clear();
            *redirects = RedirectCounts::default();
        }
    }
}

impl SeriesLooks {
    /// How its checks went, of so many that the plan has.
    pub fn check_counts(&self, planned: usize) -> CheckCounts {
        let ran = self.checks.iter().filter(|counts| counts.passed + counts.failed > 0).count();
        CheckCounts {
            passed: self.checks.iter().map(|counts| counts.passed).sum(),
            failed: self.checks.iter().map(|counts| counts.failed).sum(),
            never_ran: planned.saturating_sub(ran) as u64,
        }
    }
}

impl LookCounts {
    fn count(&mut self, is_as_wanted: bool, come: impl FnOnce() -> FirstFailure) {
        if is_as_wanted {
            self.passed += 1;
            return;
        }
        self.failed += 1;
        if !self.has_first {
            (self.first, self.has_first) = (Some(come()), true);
        }
    }

    fn merge(&mut self, other: &LookCounts) {
        let LookCounts { passed, failed, blamed, first, has_first: _ } = other;
        self.passed += passed;
        self.failed += failed;
        self.blamed += blamed;
        if let Some(first) = first
            && self.first.as_ref().is_none_or(|known| first.at_ns < known.at_ns)
        {
            self.first = Some(first.clone());
        }
    }

    fn clear(&mut self) {
        (self.passed, self.failed, self.blamed, self.first) = (0, 0, 0, None);
    }
}

impl RedirectCounts {
    fn count(&mut self, end: RedirectEnd) {
        *match end {
            RedirectEnd::Followed => &mut self.followed,
            RedirectEnd::OverLimit => &mut self.over_limit,
            RedirectEnd::Elsewhere => &mut self.elsewhere,
            RedirectEnd::Unusable => &mut self.unusable,
        } += 1;
    }

    /// Adds others.
    pub fn add(&mut self, other: RedirectCounts) {
        self.followed += other.followed;
        self.over_limit += other.over_limit;
        self.elsewhere += other.elsewhere;
        self.unusable += other.unusable;
    }
}

impl CheckCounts {
    /// Checks that were asked.
    pub fn ran(self) -> u64 {
        self.passed + self.failed
    }

    /// The share of those that held.
    pub fn rate(self) -> f64 {
        self.passed as f64 / self.ran().max(1) as f64
    }
}

impl Sum for CheckCounts {
    fn sum<I: Iterator<Item = CheckCounts>>(counts: I) -> CheckCounts {
        counts.fold(CheckCounts::default(), |all, one| CheckCounts {
            passed: all.passed + one.passed,
            failed: all.failed + one.failed,
            never_ran: all.never_ran + one.never_ran,
        })
    }
}

fn enlarge(counts: &mut Vec<LookCounts>, length: usize) {
    if counts.len() < length {
        counts.resize_with(length, LookCounts::default);
    }
}

fn merge_each(mine: &mut Vec<LookCounts>, theirs: &[LookCounts]) {
    enlarge(mine, theirs.len());
    mine.iter_mut().zip(theirs).for_each(|(mine, theirs)| mine.merge(theirs));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    /// Says how often it was asked before.
    #[derive(Default)]
    struct Counted(Cell<u32>);

    impl LookedExamples for Counted {
        fn example(&self, looked_for: LookedFor) -> String {
            self.0.set(self.0.get() + 1);
            format!("{looked_for:?} {}", self.0.get())
        }
    }

    fn looked<'a>(
        checks: &'a [bool],
        extracts: &'a [Option<bool>],
        asked: &'a Counted,
    ) -> LookedResponse<'a> {
        let failed = checks.iter().position(|held| !held).map(LookedFor::Check);
        let missing = extracts.iter().position(|found| *found == Some(false)).map(LookedFor::Extract);
        LookedResponse { checks, extracts, redirect: None, blamed: failed.or(missing), examples: asked }
    }

    #[test]
    fn what_came_is_asked_for_once_and_the_earliest_is_kept() {
        let (asked, mut one, mut other) = (Counted::default(), LookRecord::default(), LookRecord::default());
        one.note(1, 900, &looked(&[true, false], &[None], &asked), true);
        one.note(1, 901, &looked(&[false, false], &[None], &asked), false);
        other.note(1, 800, &looked(&[true, false], &[None], &asked), true);
        let mut all = LookRecord::default();
        all.merge(&one);
        all.merge(&other);
        one.clear();
        // What comes later is not the first, though what was is handed over.
        one.note(1, 950, &looked(&[true, false], &[Some(true)], &asked), true);
        all.merge(&one);
        assert_eq!(asked.0.get(), 3);
        let of_series = all.of(1).unwrap();
        let counts = |counts: &LookCounts| (counts.passed, counts.failed, counts.blamed);
        assert_eq!(of_series.checks.iter().map(counts).collect::<Vec<_>>(), [(3, 1, 0), (0, 4, 3)]);
        assert_eq!(of_series.checks[1].first.as_ref().map(|first| first.at_ns), Some(800));
        assert_eq!(of_series.extracts.iter().map(counts).collect::<Vec<_>>(), [(1, 0, 0)]);
        let checks = of_series.check_counts(3);
        assert_eq!((checks.passed, checks.failed, checks.never_ran), (3, 5, 1));
        assert_eq!(all.of(0), Some(&SeriesLooks::default()));
        assert_eq!(all.of(2), None);
        let read: LookRecord = serde_json::from_str(&serde_json::to_string(&all).unwrap()).unwrap();
        assert_eq!(read.of(1).unwrap().check_counts(2), of_series.check_counts(2));
    }

    #[test]
    fn redirects_are_counted_by_what_became_of_them() {
        let (asked, mut record) = (Counted::default(), LookRecord::default());
        use RedirectEnd::*;
        for (end, count) in [(Followed, 3), (OverLimit, 1), (Elsewhere, 2), (Unusable, 1)] {
            let blamed = (end != Followed).then_some(LookedFor::Redirect);
            let looked = LookedResponse { redirect: Some(end), blamed, ..looked(&[], &[], &asked) };
            (0..count).for_each(|_| record.note(0, 5, &looked, end != Followed));
        }
        let of_series = record.of(0).unwrap();
        let counted = RedirectCounts { followed: 3, over_limit: 1, elsewhere: 2, unusable: 1 };
        assert_eq!((of_series.redirects, of_series.redirect.blamed), (counted, 4));
        assert_eq!(of_series.redirect.first.as_ref().map(|first| first.came.as_str()), Some("Redirect 1"));
    }
}
