//! What a report says of checks, of values that were to be taken, and of redirects.

use super::figures::{CheckReport, ScenarioReport};
use crate::extract::ResponseCheck;
use crate::outcome::Kind;
use crate::plan::{Plan, Scenario, Step};
use crate::quantity::group;
use crate::record::{
    CheckCounts, FailureReason, LookCounts, RedirectCounts, SeriesLooks, Snapshot, sort_reasons,
};
use crate::threshold::Scope;
use std::borrow::Cow;

/// Each step of a scenario, and what was looked at of its responses.
fn each_step<'a>(
    plan: &'a Plan,
    whole: &'a Snapshot,
    scenario: usize,
) -> impl Iterator<Item = (&'a Step, Option<&'a SeriesLooks>)> {
    let series = plan.layout().series_of(scenario);
    plan.scenarios[scenario].steps().iter().zip(series.map(|series| whole.looks.of(series)))
}

/// How the checks of a scenario went, in the order of the plan.
pub(super) fn checks(plan: &Plan, whole: &Snapshot, scenario: usize) -> Vec<CheckReport> {
    let of_step = |(step, looks): (&Step, Option<&SeriesLooks>)| {
        let one = |(index, check): (usize, &ResponseCheck)| {
            let counts = looks.and_then(|looks| looks.checks.get(index));
            CheckReport {
                step: step.name.clone(),
                text: check.to_string(),
                passed: counts.map_or(0, |counts| counts.passed),
                failed: counts.map_or(0, |counts| counts.failed),
            }
        };
        step.looks.checks.iter().enumerate().map(one).collect::<Vec<_>>()
    };
    each_step(plan, whole, scenario).flat_map(of_step).collect()
}

/// What became of redirects in a scenario in which they are followed.
pub(super) fn redirects(plan: &Plan, whole: &Snapshot, scenario: usize) -> Option<RedirectCounts> {
    let mut all = RedirectCounts::default();
    let mut is_any = false;
    for (step, looks) in each_step(plan, whole, scenario) {
        is_any |= step.looks.redirects > 0;
        looks.into_iter().for_each(|looks| all.add(looks.redirects));
    }
    is_any.then_some(all)
}

/// How the checks went that a scope is about.
pub(super) fn check_counts(plan: &Plan, whole: &Snapshot, scope: &Scope) -> CheckCounts {
    let of_scenario = |index: usize| {
        let meant = plan.scenarios[index].steps_in(scope);
        let steps = each_step(plan, whole, index).enumerate();
        steps.filter(move |(number, _)| meant.contains(number)).map(|(_, step)| step)
    };
    let steps = (0..plan.scenarios.len()).flat_map(of_scenario);
    steps
        .map(|(step, looks)| {
            let planned = step.looks.checks.len();
            let nothing = CheckCounts { never_ran: planned as u64, ..CheckCounts::default() };
            looks.map_or(nothing, |looks| looks.check_counts(planned))
        })
        .sum()
}

/// The same of a report that has been written.
pub fn checks_in(plan: &Plan, scenarios: &[ScenarioReport], scope: &Scope) -> CheckCounts {
    let of_scenario = |(planned, told): (&Scenario, &ScenarioReport)| -> CheckCounts {
        let meant = planned.steps_in(scope);
        let steps = planned.steps().iter().enumerate();
        // By the number of the step: names of steps may come several times.
        let steps = steps.flat_map(|(number, step)| std::iter::repeat_n(number, step.looks.checks.len()));
        let checks = steps.zip(&told.checks).filter(|(number, _)| meant.contains(number));
        checks
            .map(|(_, &CheckReport { passed, failed, .. })| CheckCounts {
                passed,
                failed,
                never_ran: u64::from(passed + failed == 0),
            })
            .sum()
    };
    plan.scenarios.iter().zip(scenarios).map(of_scenario).sum()
}

/// Why requests failed: what others have said of it, and what was looked at. The most frequent reason comes first.
pub(super) fn reasons(plan: &Plan, whole: &Snapshot) -> Vec<FailureReason> {
    let mut reasons = whole.reasons.sorted();
    for (index, scenario) in plan.scenarios.iter().enumerate() {
        let of_scenario =
            if plan.scenarios.len() > 1 { format!("{}, ", scenario.name) } else { String::new() };
        for (step, looks) in each_step(plan, whole, index) {
            let Some(looks) = looks else { continue };
            let place = format!("{of_scenario}{}", step.name);
            for (check, counts) in step.looks.checks.iter().zip(&looks.checks) {
                let why = |of: &str| format!("{place}: check `{check}` failed in {of} responses");
                reasons.extend(reason(Kind::Check, why, counts));
            }
            for (extract, counts) in step.looks.extracts.iter().zip(&looks.extracts) {
                let (name, from) = (&extract.name, &extract.from);
                let why = |of: &str| format!("{place}: `{name}`, `{from}`, was not there in {of} responses");
                reasons.extend(reason(Kind::Extract, why, counts));
            }
            let why = |of: &str| format!("{place}: {}, {of} redirects", unfollowed(looks.redirects));
            reasons.extend(reason(Kind::Status, why, &looks.redirect));
        }
    }
    sort_reasons(&mut reasons);
    reasons
}

/// Why redirects were not followed, for the most frequent reason.
fn unfollowed(counts: RedirectCounts) -> &'static str {
    let RedirectCounts { followed: _, over_limit, elsewhere, unusable } = counts;
    let most = over_limit.max(elsewhere).max(unusable);
    match () {
        () if most == over_limit => "more redirects than `redirects` allows, or a circle",
        () if most == elsewhere => "redirected to another host or scheme, which is not followed",
        () => "redirected to what cannot be asked for",
    }
}

fn reason(kind: Kind, why: impl Fn(&str) -> String, counts: &LookCounts) -> Option<FailureReason> {
    let LookCounts { passed, failed, blamed, first, .. } = counts;
    let of = format!("{} of {}", group(*failed), group(passed + failed));
    (*blamed > 0).then(|| FailureReason {
        kind,
        why: Cow::Owned(why(&of)),
        count: *blamed,
        example: first.as_ref().map(|first| first.came.clone()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Document, Format, Layers};
    use crate::outcome::Outcome;
    use crate::quantity::SECOND_NS;
    use crate::record::{Instants, LookedExamples, LookedFor, LookedResponse, Recorder};
    use crate::threshold_watch::ThresholdWatch;

    /// A step, whether each of its checks held, and whether each value was there.
    type LookedStep<'a> = (usize, &'a [bool], &'a [Option<bool>]);

    struct Told;

    impl LookedExamples for Told {
        fn example(&self, _: LookedFor) -> String {
            "503 busy".to_owned()
        }
    }

    fn plan(thresholds: &str) -> Plan {
        let text = format!(
            "url = 'http://h/'\nrun.duration = '10s'\nload = {{ rate = 1 }}\n[[step]]\nname = 'a'\nget = '/'\n\
             check = ['status == 200', 'size > 0']\n[[step]]\nname = 'b'\nget = '/b'\ncheck = 'status == 200'\n\
             extract = {{ id = 'json /id' }}\n[thresholds]\n{thresholds}"
        );
        let document = Document { name: "p".into(), text, format: Format::Toml };
        Plan::new(&Layers::new(Some(document)).unwrap().config().unwrap(), &|_| Err(String::new())).unwrap()
    }

    /// What a second brought: of each step responses whose checks held or not, in their order, and whether values were there.
    fn slice(plan: &Plan, second: u64, looks: &[LookedStep<'_>]) -> Snapshot {
        let mut recorder = Recorder::new(0, &plan.layout(), plan.phases);
        (recorder.from_ns, recorder.to_ns) = (second * SECOND_NS, (second + 1) * SECOND_NS);
        for (series, checks, extracts) in looks {
            let at_ns = recorder.from_ns + 1;
            let instants = Instants { intended: at_ns, sent: at_ns, done: at_ns };
            recorder.done(*series, Outcome::Ok(200), instants, 0, 1);
            let failed = checks.iter().position(|held| !held).map(LookedFor::Check);
            let missing = extracts.iter().position(|found| *found == Some(false)).map(LookedFor::Extract);
            let blamed = failed.or(missing);
            let looked = LookedResponse { checks, extracts, redirect: None, blamed, examples: &Told };
            recorder.looked(*series, instants, &looked, true);
        }
        let mut snapshot = Snapshot::new(1, &plan.layout(), plan.phases);
        snapshot.absorb(&recorder);
        snapshot
    }

    #[test]
    fn checks_are_told_by_step_and_reasons_by_how_many_failed_for_them() {
        let plan = plan("checks = '>0.5'");
        let mut whole = slice(&plan, 0, &[(0, &[true, true], &[]), (0, &[false, false], &[])]);
        whole.merge(&slice(&plan, 1, &[(1, &[true], &[Some(false)]), (1, &[true], &[Some(true)])]));
        let told = checks(&plan, &whole, 0);
        let counts: Vec<_> =
            told.iter().map(|check| (check.text.as_str(), check.passed, check.failed)).collect();
        assert_eq!(counts, [("status == 200", 1, 1), ("size > 0", 1, 1), ("status == 200", 2, 0)]);
        let reasons = reasons(&plan, &whole);
        let texts: Vec<&str> = reasons.iter().map(|reason| reason.why.as_ref()).collect();
        let expected = [
            "a: check `status == 200` failed in 1 of 2 responses",
            "b: `id`, `json /id`, was not there in 1 of 2 responses",
        ];
        assert_eq!(texts, expected, "the second check of the same response is not what it failed for");
        assert!(reasons.iter().all(|reason| reason.example.as_deref() == Some("503 busy")));
        assert_eq!(redirects(&plan, &whole, 0), None);
    }

    #[test]
    fn a_scope_counts_its_checks_and_knows_which_never_ran() {
        let plan = plan("checks = '>0.5'");
        let whole = slice(&plan, 0, &[(0, &[true, false], &[])]);
        let counted = |step: Option<&str>| {
            let counts =
                check_counts(&plan, &whole, &Scope { step: step.map(str::to_owned), ..Scope::default() });
            (counts.passed, counts.failed, counts.never_ran)
        };
        assert_eq!(counted(None), (1, 1, 1));
        assert_eq!((counted(Some("a")), counted(Some("b"))), ((1, 1, 0), (0, 0, 1)));
    }

    #[test]
    fn conditions_on_checks_are_held_in_windows_in_which_some_ran() {
        let plan = plan("checks = { limit = 'rate>=50%', over = '2s' }");
        let mut watch = ThresholdWatch::new(&plan);
        let held: [&[bool]; 6] = [&[true, true], &[true, false], &[false, false], &[], &[], &[true, true]];
        for (second, checks) in (0..).zip(held) {
            let looks: &[LookedStep<'_>] = &[(0, checks, &[])];
            watch.push(&slice(&plan, second, if checks.is_empty() { &[] } else { looks }));
        }
        let windows = &watch.finish().windows[0];
        // The windows end with each second from the second one on; the one in which nothing ran is not judged.
        assert_eq!((windows.judged, windows.broken), (4, 2));
    }
}
