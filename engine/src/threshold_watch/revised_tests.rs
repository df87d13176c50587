//! Conditions that change while a run goes on: which limits a window is held against, and from when on.

use super::tests::{Ended, SLICE_NS, of_a, plan, slice};
use super::*;
use proptest::prelude::*;

/// A run of these slices whose conditions are another plan's from a cut on; and which slices said that it is to end.
fn revised(before: &Plan, after: &Plan, cut_ns: u64, slices: &[Ended]) -> (WatchedRun, Vec<u64>) {
    let mut watch = ThresholdWatch::new(before);
    let (mut said, mut is_revised) = (Vec::new(), false);
    for (number, ended) in (0..).zip(slices) {
        let slice = slice(before, number, *ended);
        if !is_revised && cut_ns < slice.to_ns {
            watch.revise(&after.thresholds, cut_ns, slice.phases);
            is_revised = true;
        }
        said.extend(watch.push(&slice).map(|_| number));
    }
    (watch.finish(), said)
}

/// One of the plan's window lengths, with a limit in percent.
fn over(percent: u64, seconds: u64) -> Plan {
    plan(&format!("failed = {{ limit = 'rate<{percent}%', over = '{seconds}s' }}"))
}

fn counts(windows: &JudgedWindows) -> (u64, u64) {
    (windows.judged, windows.broken)
}

#[test]
fn windows_that_end_behind_the_cut_are_held_against_the_new_limit() {
    // A tenth fails all the time. Ten seconds from 2 s on have eight windows of three, of which two end by 6 s.
    let slices = [of_a(9, 1); 24];
    let (run, _) = revised(&over(5, 3), &over(20, 3), 6 * SECOND_NS, &slices);
    assert_eq!(counts(&run.windows[0]), (6, 0));
    let [replaced] = &run.replaced[..] else { panic!("one is replaced") };
    assert_eq!((counts(&replaced.windows), replaced.until_ns), ((2, 2), 6 * SECOND_NS));
    assert_eq!(replaced.threshold.text, "failed rate<5%; over=3s");
    assert_eq!(run.revised.as_deref(), Some(&over(20, 3).thresholds[..]));
}

#[test]
fn what_stays_goes_on_under_its_new_number() {
    const RATE: &str = "rate = { limit = '>=1', over = '1s' }";
    let before = plan(&format!("failed = {{ limit = 'rate<5%', over = '1s' }}\n{RATE}"));
    let (run, _) = revised(&before, &plan(RATE), 6 * SECOND_NS, &[of_a(9, 1); 24]);
    let [rate] = &run.windows[..] else { panic!("one is left") };
    assert_eq!((rate.threshold, counts(rate)), (0, (10, 0)));
    assert_eq!(run.replaced.len(), 1, "a condition that is gone says what became of it");
}

#[test]
fn a_new_condition_is_watched_from_the_cut_on_in_whole_windows() {
    let none = plan("response = 'p(99)<1s'");
    let mut slices = vec![of_a(0, 10); 13];
    slices.extend([of_a(10, 0); 11]);
    // All has failed until 6.5 s. The first whole second behind the cut begins at 7 s.
    let (run, _) = revised(&none, &over(5, 1), 6 * SECOND_NS + SLICE_NS, &slices);
    assert_eq!(counts(&run.windows[0]), (5, 0));
    assert!(run.replaced.is_empty(), "nothing had been judged");
    let abort = plan("failed = { limit = 'rate<5%', abort = true }");
    let (run, said) = revised(&none, &abort, 6 * SECOND_NS + SLICE_NS, &slices);
    assert!(run.abort.is_none() && said.is_empty(), "what failed before is not held against it: {run:?}");
    slices[14] = of_a(0, 30);
    let (run, said) = revised(&none, &abort, 6 * SECOND_NS + SLICE_NS, &slices);
    assert_eq!((run.abort.map(|abort| abort.threshold), said), (Some(0), vec![15]));
}

#[test]
fn a_new_condition_is_not_judged_on_what_was_watched_for_others() {
    let cut_ns = 6 * SECOND_NS + SLICE_NS;
    let mut slices = vec![of_a(1, 9); 13];
    slices.extend([of_a(10, 0); 11]);
    const NEW: &str = "failed = { limit = 'rate<5%', abort = true }";
    // On another figure, and on another of the same, whether it stays or goes.
    for watched in [
        "response = { limit = 'p(99)<1h', abort = true }",
        "rate = { limit = '>=1', abort = true }",
        "failed = { limit = 'count<100000', abort = true }",
    ] {
        let before = plan(watched);
        let both = match watched.strip_prefix("failed = ") {
            Some(old) => plan(&format!("failed = [{old}, {{ limit = 'rate<5%', abort = true }}]")),
            None => plan(&format!("{watched}\n{NEW}")),
        };
        for after in [both, plan(NEW)] {
            let (run, said) = revised(&before, &after, cut_ns, &slices);
            assert!(run.abort.is_none() && said.is_empty(), "{watched}: {run:?}");
        }
    }
    // On the same figure, beside one that stays: that is not the one whose limit has changed.
    let stays = |more: &str| plan(&format!("failed = [{{ limit = 'rate<=100%', abort = true }}{more}]"));
    let after = stays(", { limit = 'rate<5%', abort = true }");
    let (run, _) = revised(&stays(""), &after, cut_ns, &slices);
    assert!(run.abort.is_none(), "{run:?}");
    // Windows that straddle the cut are none of a new condition's.
    let windows = "rate = { limit = '>=1', over = '1s' }";
    let after = plan(&format!("{windows}\nfailed = {{ limit = 'rate<5%', over = '1s' }}"));
    let (run, _) = revised(&plan(windows), &after, cut_ns, &slices);
    let failed =
        run.windows.iter().find(|windows| after.thresholds[windows.threshold].metric == Metric::Failed);
    assert_eq!(failed.map(counts), Some((5, 0)), "{run:?}");
}

#[test]
fn in_the_warm_up_all_conditions_can_change_and_nothing_is_lost() {
    let (run, _) = revised(&over(5, 1), &over(20, 2), SECOND_NS, &[of_a(9, 1); 24]);
    assert_eq!((counts(&run.windows[0]), run.replaced), ((9, 0), Vec::new()));
}

#[test]
fn an_end_is_called_off_in_time_and_no_change_takes_one_back() {
    let abort =
        |percent| plan(&format!("failed = {{ limit = 'rate<{percent}%', abort = true, after = '6s' }}"));
    let slices = [of_a(9, 1); 24];
    let (run, said) = revised(&abort(5), &abort(20), 7 * SECOND_NS, &slices);
    assert!(run.abort.is_none() && said.is_empty());
    let (run, said) = revised(&abort(5), &abort(20), 9 * SECOND_NS, &slices);
    assert_eq!(said, [15], "six seconds of the window have passed at 8 s");
    assert!(run.abort.is_some() && run.revised.is_none(), "it ended by what held then");
    // All of the window is held against a limit that has changed, also what ended before the cut.
    let (run, _) = revised(&abort(20), &abort(5), 9 * SECOND_NS, &slices);
    assert_eq!(run.abort.map(|abort| abort.at_ns), Some(10 * SECOND_NS));
}

proptest! {
    /// Held against runs that never change: of the old limit until the cut, and of the new one all along without what it says until there.
    #[test]
    fn each_window_is_judged_once(
        failed in prop::collection::vec(0_u64..10, 24),
        percents in (1_u64..99, 1_u64..99),
        seconds in 1_u64..4,
        cut in 0_u64..24,
    ) {
        let slices: Vec<Ended> = failed.iter().map(|&failed| of_a(10 - failed, failed)).collect();
        let (before, after) = (over(percents.0, seconds), over(percents.1, seconds));
        let (run, _) = revised(&before, &after, cut * SLICE_NS, &slices);
        let never = |plan: &Plan, slices: &[Ended]| {
            let (run, _) = revised(plan, plan, u64::MAX, slices);
            counts(&run.windows[0])
        };
        // What has not been a whole interval by then is in no window yet.
        let until = &slices[..cut as usize / 2 * 2];
        let (all, early) = (never(&after, &slices), never(&after, until));
        let expected = if percents.0 == percents.1 { all } else { (all.0 - early.0, all.1 - early.1) };
        prop_assert_eq!(counts(&run.windows[0]), expected);
        let replaced = run.replaced.first().map_or((0, 0), |replaced| counts(&replaced.windows));
        let expected = if percents.0 == percents.1 { (0, 0) } else { never(&before, until) };
        prop_assert_eq!(replaced, expected);
    }
}
