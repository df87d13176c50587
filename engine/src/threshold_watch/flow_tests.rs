//! What is judged while a run goes on of scenarios whose arrivals are iterations, and of requests that are tried again.

use super::{ThresholdWatch, WatchedRun};
use crate::bucket::Tally;
use crate::config::{Document, Format, Layers};
use crate::outcome::{Kind, Outcome};
use crate::plan::Plan;
use crate::quantity::{MILLISECOND_NS, SECOND_NS};
use crate::record::{
    EndedAttempt, FlowPass, Instants, Iteration, IterationEnd, LeftFlow, Recorder, Snapshot,
};

const SLICE_NS: u64 = 500 * MILLISECOND_NS;
const TWO_STEPS: &str = "[[step]]\nget = '/a'\n[[step]]\nget = '/b'\n";
const TRIED_AGAIN: &str = "[retry]\non = [503]\n";

/// Two seconds of window after two of warm-up.
fn plan(flow: &str, thresholds: &str) -> Plan {
    let text = format!(
        "url = 'http://h/'\n[run]\nduration = '4s'\nwarmup = '2s'\n[load]\nrate = 10\n{flow}[thresholds]\n{thresholds}"
    );
    let document = Document { name: "p".into(), text, format: Format::Toml };
    Plan::new(&Layers::new(Some(document)).unwrap().config().unwrap(), &|_| Err(String::new())).unwrap()
}

/// Runs through so many slices, in each of which something is written down, as of its beginning. Says in which the run was to end, too.
fn watched(plan: &Plan, slices: u64, each: impl Fn(&mut Recorder, u64)) -> (WatchedRun, Vec<u64>) {
    let mut watch = ThresholdWatch::new(plan);
    let mut said = Vec::new();
    for number in 0..slices {
        let mut recorder = Recorder::new(0, &plan.layout(), plan.phases);
        (recorder.from_ns, recorder.to_ns) = (number * SLICE_NS, (number + 1) * SLICE_NS);
        each(&mut recorder, number);
        let mut snapshot = Snapshot::new(1, &plan.layout(), plan.phases);
        snapshot.absorb(&recorder);
        said.extend(watch.push(&snapshot).map(|_| number));
    }
    (watch.finish(), said)
}

/// Of each condition in windows: its metric, how many were judged, and how many broke it.
fn shown(plan: &Plan, run: &WatchedRun) -> Vec<(&'static str, u64, u64)> {
    let windows = run.windows.iter();
    windows
        .map(|windows| (plan.thresholds[windows.threshold].metric.name(), windows.judged, windows.broken))
        .collect()
}

fn succeed(recorder: &mut Recorder, series: usize) {
    let instants =
        Instants { intended: recorder.from_ns, sent: recorder.from_ns, done: recorder.from_ns + 1 };
    recorder.done(series, Outcome::Ok(200), instants, 0, 1);
}

fn end_iteration(recorder: &mut Recorder, end: IterationEnd, waited_ns: u64) {
    let iteration = Iteration {
        number: 0,
        intended_ns: recorder.from_ns,
        end,
        waited_ns,
        lasted_ns: waited_ns + SECOND_NS,
        free_ns: recorder.from_ns,
        has_sent: true,
        why: "",
    };
    recorder.iteration_ended(0, &iteration);
}

fn lose(recorder: &mut Recorder, dropped: u64, unsent: u64) {
    let [dropped, unsent] = [dropped, unsent].map(|measured| Tally { measured, outside: 0 });
    recorder.requests.scenarios[0].count_unreleased(dropped, unsent, 0.0);
}

#[test]
fn of_flows_windows_have_iterations_and_what_never_began_failed_no_request() {
    let conditions = "duration = { limit = 'max<3s', over = '1s' }\nfailed = { limit = 'rate<1%', over = '1s' }\n\
         iteration = { limit = 'max<150ms', over = '1s' }\nrate = { limit = '>=10', over = '1s' }\n\
         'failed{step=\"GET /a\"}' = { limit = 'rate<1%', over = '1s' }";
    let plan = plan(TWO_STEPS, conditions);
    let (run, said) = watched(&plan, 8, |recorder, number| {
        for _ in 0..5 {
            recorder.iteration_began(0, recorder.from_ns, recorder.from_ns);
            (0..2).for_each(|step| succeed(recorder, step));
            end_iteration(recorder, IterationEnd::Ok, number * 25 * MILLISECOND_NS);
        }
        lose(recorder, 50, 0);
    });
    // The longest of the second window was waited for for 175 ms.
    let expected =
        [("duration", 2, 0), ("failed", 2, 0), ("failed", 2, 0), ("iteration", 2, 1), ("rate", 2, 0)];
    assert_eq!((shown(&plan, &run), said), (expected.to_vec(), vec![]));
}

#[test]
fn a_condition_on_a_named_flow_is_on_its_times_or_on_the_requests_that_it_makes_itself() {
    let text = |thresholds: &str| {
        let text = format!(
            "url = 'http://h/'\n[run]\nduration = '4s'\nwarmup = '2s'\n[scenario.s]\nflow = ['a', 'b']\nload = {{ rate = 10 }}\n\
             [[flow.a]]\nget = '/a'\n[[flow.b]]\nget = '/b'\n[[flow.b]]\nrun = 'c'\n[[flow.c]]\nget = '/c'\n[thresholds]\n{thresholds}"
        );
        let document = Document { name: "p".into(), text, format: Format::Toml };
        Plan::new(&Layers::new(Some(document)).unwrap().config().unwrap(), &|_| Err(String::new())).unwrap()
    };
    let plan = text(
        "'duration{flow=b}' = { limit = 'max<3s', over = '1s' }\n'failed{flow=a}' = { limit = 'rate<1%', over = '1s' }\n\
         'failed{flow=b}' = { limit = 'rate<60%', over = '1s' }\n'failed{flow=c}' = { limit = 'rate<1%', over = '1s' }\n\
         'iteration{flow=a}' = { limit = 'max<1ms', over = '1s' }\n'iteration{flow=b}' = { limit = 'max<150ms', over = '1s' }",
    );
    let (run, _) = watched(&plan, 8, |recorder, number| {
        (0..2).for_each(|step| succeed(recorder, step));
        let instants =
            Instants { intended: recorder.from_ns, sent: recorder.from_ns, done: recorder.from_ns + 1 };
        // Of `b` half have failed, and all of `c`.
        (1..3).for_each(|step| recorder.done(step, Outcome::Failed(Kind::Eof), instants, 0, 0));
        let waited_ns = number * 25 * MILLISECOND_NS;
        let left = LeftFlow { end: IterationEnd::Ok, waited_ns, lasted_ns: waited_ns + SECOND_NS };
        for left in [None, Some(left)] {
            recorder.flow_passed(0, &FlowPass { flow: 1, intended_ns: recorder.from_ns, left });
        }
    });
    // Nobody went through `a` as far as is known: its times are judged in no window.
    let expected = [
        ("duration", 2, 0),
        ("failed", 2, 0),
        ("failed", 2, 0),
        ("failed", 2, 2),
        ("iteration", 0, 0),
        ("iteration", 2, 1),
    ];
    assert_eq!(shown(&plan, &run), expected);
}

#[test]
fn a_condition_on_iterations_is_not_judged_before_one_has_ended() {
    for terms in ["abort = true", "over = '1s', abort = true"] {
        let conditions = format!(
            "iteration = {{ limit = 'p(95)<2s', {terms} }}\nduration = {{ limit = 'p(95)<9s', {terms} }}"
        );
        let plan = plan(TWO_STEPS, &conditions);
        let begun = |recorder: &mut Recorder, _| {
            recorder.iteration_began(0, recorder.from_ns, recorder.from_ns);
            succeed(recorder, 0);
        };
        let (run, said) = watched(&plan, 9, begun);
        assert_eq!((said, run.abort), (vec![], None), "{terms}");
        assert!(run.windows.iter().all(|windows| windows.judged == 0), "{terms}");
        // One that failed is one that ended, and not one within the limit.
        let (_, said) = watched(&plan, 8, |recorder, number| {
            begun(recorder, number);
            end_iteration(recorder, IterationEnd::Failed, 0);
        });
        assert_eq!(said, [5], "{terms}");
    }
}

#[test]
fn where_an_arrival_is_one_request_those_that_were_never_made_have_failed_whatever_is_done_about_failures() {
    let conditions =
        "failed = { limit = 'rate<10%', over = '1s' }\nresponse = { limit = 'p(99)<1s', over = '1s' }";
    let one_step = "[[step]]\nget = '/a'\n";
    for (flow, broken) in [("", 2), (TRIED_AGAIN, 2), (one_step, 2), (TWO_STEPS, 0)] {
        let plan = plan(flow, conditions);
        let is_flow = !flow.is_empty();
        let (run, _) = watched(&plan, 8, |recorder, _| {
            if is_flow {
                recorder.iteration_began(0, recorder.from_ns, recorder.from_ns);
            }
            succeed(recorder, 0);
            lose(recorder, 1, 0);
        });
        assert_eq!(shown(&plan, &run), [("failed", 2, broken), ("response", 2, 0)], "{flow}");
        // And of any arrivals that were never sent it is not known how long they would have waited.
        let (run, _) = watched(&plan, 8, |recorder, _| {
            if is_flow {
                recorder.iteration_began(0, recorder.from_ns, recorder.from_ns);
            }
            succeed(recorder, 0);
            lose(recorder, 0, 1);
        });
        assert_eq!(shown(&plan, &run), [("failed", 2, broken), ("response", 2, 2)], "{flow}");
    }
}

#[test]
fn the_ratio_of_attempts_in_a_window_is_of_requests_that_ended_in_it() {
    let conditions = "attempts = { limit = 'ratio<2.5', over = '1s' }";
    let plan = plan(TRIED_AGAIN, conditions);
    let attempted = |recorder: &mut Recorder, made: u32, is_tried_again: bool| {
        let instants =
            Instants { intended: recorder.from_ns, sent: recorder.from_ns, done: recorder.from_ns + 1 };
        let attempt = EndedAttempt {
            first_intended_ns: plan.phases.measure_from_ns,
            first_sent_ns: plan.phases.measure_from_ns,
            was_made: true,
            made,
            is_further: made > 1,
            is_tried_again,
            ..EndedAttempt::default()
        };
        recorder.attempted(0, Outcome::Failed(Kind::Eof), instants, None, &attempt);
    };
    // Twenty further attempts end beside one request, and after the window ten requests with two attempts each.
    let (run, _) = watched(&plan, 9, |recorder, number| match number {
        4 => (0..20).for_each(|_| attempted(recorder, 2, true)),
        5 => attempted(recorder, 2, false),
        8 => (0..10).for_each(|_| attempted(recorder, 2, false)),
        _ => {}
    });
    assert_eq!(shown(&plan, &run), [("attempts", 2, 0)]);
    assert_eq!(run.windows[0].worst.and_then(|worst| worst.measured), Some(2.0));
    // Where no request came to its end, there is nothing to judge.
    let (run, _) = watched(&plan, 8, |recorder, _| attempted(recorder, 2, true));
    assert_eq!(shown(&plan, &run), [("attempts", 0, 0)]);
    let (run, _) = watched(&plan, 8, |recorder, _| attempted(recorder, 3, false));
    assert_eq!(shown(&plan, &run), [("attempts", 2, 2)]);
}
