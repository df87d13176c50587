//! What sessions go through, without a loop: each test plays the target.

use super::rows::NoRows;
use super::*;
use crate::bucket::{Arrival, Share};
use crate::mix::{EncodedStep, Mix};
use crate::outbox;
use crate::outcome::{Kind, Outcome};
use crate::random::Draws;
use crate::record::{Iteration, IterationEnd};
use crate::resilience::Resilience;
use crate::seams::{Call, End, EndedAt, Following, Source, Started};
use crate::template::{self, Template};
use proptest::prelude::*;

pub(super) const MS: u64 = 1_000_000;
/// How long the target takes for each response.
pub(super) const SERVICE_NS: u64 = 2 * MS;

pub(super) fn request(step: usize) -> FlowItem {
    FlowItem::new(FlowAction::Request(step))
}

pub(super) fn thinking(step: usize, think: &str) -> FlowItem {
    FlowItem { think: Some(Think::parse(think).unwrap()), ..request(step) }
}

pub(super) fn encoded(text: &str, weight: u32) -> EncodedStep {
    EncodedStep {
        template: Template::new(template::parse(text).unwrap()).unwrap(),
        weight,
        is_bodyless: false,
    }
}

/// A source of items, of steps that nothing is looked at.
pub(super) fn made(
    items: Vec<FlowItem>,
    steps: Vec<EncodedStep>,
    draws: Draws,
    sessions_max: usize,
) -> FlowSource<NoRows> {
    let script = FlowScript {
        items,
        sessions_max: sessions_max as u32,
        graceful_ns: 0,
        resilience: Resilience::default(),
        cookies: false,
    };
    let looks = StepLooks::default();
    FlowSource::new(FlowParts {
        script: &script,
        steps: steps.into_iter().map(|step| (step, &looks)).collect(),
        draws,
        sessions_max,
        users: None,
        feeds: &[],
        rows: NoRows,
        share: Share { shard: 0, shards: 1 },
        unix_offset_ns: 0,
        constants: FlowConstants::default(),
        cookies: None,
        redirects: Vec::new(),
    })
}

fn source(items: Vec<FlowItem>) -> FlowSource<NoRows> {
    let steps = ["a {{rand 1 1000000}}", "b {{rand 1 1000000}}", "c"];
    made(items, steps.into_iter().map(|text| encoded(text, 1)).collect(), Draws::new(7, 0), 1_000)
}

/// The first request of an arrival, if it is due at once.
pub(super) fn first(source: &mut FlowSource<NoRows>, arrival: Arrival) -> Option<Call> {
    match source.start(arrival) {
        Started::Call(call) => Some(call),
        Started::Later => None,
        other => panic!("there is room for all: {other:?}"),
    }
}

/// What one arrival leads to: the steps with their intended moments, and how it ended. Requests of some steps fail.
fn played(
    source: &mut FlowSource<NoRows>,
    number: u64,
    lag_ns: u64,
    fails: &[u32],
) -> (Vec<(u32, u64)>, Iteration) {
    let arrival = Arrival { number, intended_ns: 100 * MS };
    let mut sent = Vec::new();
    let begun = first(source, arrival).map(|call| Following { call, arrival, due_ns: arrival.intended_ns });
    let mut next = begun.or_else(|| source.next_due_ns().map(|_| source.take_due()));
    while let Some(Following { call, arrival: Arrival { number: of, intended_ns }, .. }) = next {
        assert_eq!(of, number);
        sent.push((call.step, intended_ns));
        let end = match fails.contains(&call.step) {
            true => End::Failed(Kind::Timeout),
            false => End::Response { code: 200, is_ok: true },
        };
        source.end(
            call,
            end,
            EndedAt { sent_ns: intended_ns + lag_ns, done_ns: intended_ns + lag_ns + SERVICE_NS, lag_ns },
        );
        next = source.next_due_ns().map(|_| source.take_due());
    }
    let ended = source.next_ended().expect("what has begun has ended");
    assert_eq!((source.next_ended(), source.under_way()), (None, 0));
    (sent, ended)
}

#[test]
fn a_step_is_intended_a_think_time_after_the_response_before_it() {
    let mut source = source(vec![thinking(0, "50ms"), request(1), thinking(2, "1s")]);
    let (sent, ended) = played(&mut source, 0, 0, &[]);
    assert_eq!(sent, [(0, 100 * MS), (1, 152 * MS), (2, 154 * MS)]);
    assert_eq!((ended.end, ended.waited_ns, ended.lasted_ns), (IterationEnd::Ok, 6 * MS, 56 * MS));
}

/// What one arrival at 100 ms leads to whose requests take so long and are so late: when each is intended, and when it is due.
fn played_recorded(ats: &[u64], services: &[(u64, u64)]) -> (Vec<(u64, u64)>, Vec<u64>, Iteration) {
    let items = ats.iter().map(|&at_ns| FlowItem { at_ns: Some(at_ns), ..request(0) }).collect();
    let mut source = source(items);
    let arrival = Arrival { number: 3, intended_ns: 100 * MS };
    let begun =
        first(&mut source, arrival).map(|call| Following { call, arrival, due_ns: arrival.intended_ns });
    let mut next = begun.or_else(|| source.next_due_ns().map(|_| source.take_due()));
    let (mut sent, mut done) = (Vec::new(), Vec::new());
    for &(service_ns, lag_ns) in services {
        let Following { call, arrival, due_ns } = next.expect("each step has its request");
        sent.push((arrival.intended_ns, due_ns));
        let (sent_ns, done_ns) = (due_ns + lag_ns, due_ns + lag_ns + service_ns);
        done.push(done_ns);
        source.end(call, End::Response { code: 200, is_ok: true }, EndedAt { sent_ns, done_ns, lag_ns });
        next = source.next_due_ns().map(|_| source.take_due());
    }
    assert_eq!(next, None);
    (sent, done, source.next_ended().expect("it has ended"))
}

#[test]
fn a_recorded_step_is_intended_at_its_own_moment_and_sent_when_the_response_before_it_is_there() {
    let (sent, _, ended) = played_recorded(&[0, 5 * MS, 50 * MS], &[(20 * MS, 0), (2 * MS, 0), (MS, 0)]);
    // The second is late by what the first took longer; the third is not.
    assert_eq!(sent, [(100 * MS, 100 * MS), (105 * MS, 120 * MS), (150 * MS, 150 * MS)]);
    // 28 ms between the second response and the third request are waited for nobody.
    assert_eq!((ended.lasted_ns, ended.waited_ns), (51 * MS, 23 * MS));
    let (sent, ..) = played_recorded(&[10 * MS], &[(MS, 0)]);
    assert_eq!(sent, [(110 * MS, 110 * MS)]);
}

#[test]
fn the_generators_lateness_is_carried_on_and_moves_no_later_request() {
    let items = || vec![thinking(0, "50ms"), request(1), request(2)];
    let (on_time, _) = played(&mut source(items()), 0, 0, &[]);
    let (late, _) = played(&mut source(items()), 0, 7 * MS, &[]);
    assert_eq!(late, on_time);
}

#[test]
fn after_a_failure_only_what_is_always_done_is() {
    let always = FlowItem { always: true, ..request(2) };
    let items = vec![
        thinking(0, "50ms"),
        FlowItem { repeat: Some(Repetition { min: 2, max: 2 }), ..request(1) },
        always.clone(),
    ];
    let (sent, ended) = played(&mut source(items), 0, 0, &[0]);
    assert_eq!(sent, [(0, 100 * MS), (2, 102 * MS)]);
    assert_eq!(ended.end, IterationEnd::Failed);
    let tolerant = FlowItem { on_failure: OnFailure::Continue, ..request(0) };
    let (sent, ended) = played(&mut source(vec![tolerant, request(1), always]), 0, 0, &[0]);
    assert_eq!((sent.len(), ended.end), (3, IterationEnd::Failed));
}

#[test]
fn after_a_failure_what_was_not_entered_is_passed_over_with_all_that_is_always_done_in_it() {
    let always = |step| FlowItem { always: true, ..request(step) };
    let failing = |step| FlowBranch { weight: 1, items: vec![request(step), always(1)], flow: None };
    let never = FlowBranch { weight: 0, items: vec![always(2)], flow: None };
    let not_entered = FlowItem { chance: Some(1.0), ..FlowItem::new(FlowAction::Items(vec![always(2)])) };
    let unlikely = FlowItem { chance: Some(0.0), ..always(2) };
    let choice = FlowItem::new(FlowAction::OneOf(vec![failing(0), never]));
    let later =
        FlowItem::new(FlowAction::OneOf(vec![FlowBranch { weight: 1, items: vec![always(2)], flow: None }]));
    let (sent, ended) =
        played(&mut source(vec![choice, not_entered, unlikely, later, always(1)]), 0, 0, &[0]);
    let steps: Vec<u32> = sent.iter().map(|(step, _)| *step).collect();
    assert_eq!((steps, ended.end), (vec![0, 1, 1], IterationEnd::Failed));
}

#[test]
fn what_is_repeated_is_as_often_as_was_drawn() {
    let repeated = FlowItem { repeat: Some(Repetition { min: 0, max: 4 }), ..request(1) };
    let nested = FlowItem {
        repeat: Some(Repetition { min: 2, max: 2 }),
        ..FlowItem::new(FlowAction::Items(vec![request(0), repeated]))
    };
    let mut source = source(vec![nested, request(2)]);
    let mut counts = [0_u32; 9];
    for number in 0..2_500 {
        let (sent, _) = played(&mut source, number, 0, &[]);
        let steps: Vec<u32> = sent.iter().map(|(step, _)| *step).collect();
        assert_eq!((steps.iter().filter(|&&step| step == 0).count(), steps.last()), (2, Some(&2)));
        counts[steps.len() - 3] += 1;
    }
    // Two draws from 0..=4 each: their sum is 0 in one of 25, 4 in five of 25.
    assert!(counts[0].abs_diff(100) < 50 && counts[4].abs_diff(500) < 100 && counts[8] > 50, "{counts:?}");
}

#[test]
fn chance_and_choice_are_taken_as_often_as_they_say() {
    let branch = |weight, step| FlowBranch { weight, items: vec![request(step)], flow: None };
    let choice = FlowItem::new(FlowAction::OneOf(vec![branch(3, 0), branch(0, 1), branch(1, 2)]));
    let mut source = source(vec![FlowItem { chance: Some(0.2), ..request(1) }, choice]);
    let mut taken = [0_u32; 3];
    for number in 0..4_000 {
        let (sent, _) = played(&mut source, number, 0, &[]);
        sent.iter().for_each(|(step, _)| taken[*step as usize] += 1);
    }
    assert!(taken[0].abs_diff(3_000) < 120 && taken[1].abs_diff(800) < 120, "{taken:?}");
    assert_eq!(taken[0] + taken[2], 4_000);
}

#[test]
fn an_arrival_that_leads_to_no_request_has_ended_at_once() {
    let mut source = source(vec![FlowItem { chance: Some(0.0), ..request(0) }]);
    let (sent, ended) = played(&mut source, 0, 0, &[]);
    assert_eq!((sent.len(), ended.end, ended.waited_ns), (0, IterationEnd::Ok, 0));
}

#[test]
fn each_request_of_an_iteration_is_filled_with_other_values_and_the_same_again() {
    let items = vec![FlowItem { repeat: Some(Repetition { min: 5, max: 5 }), ..request(0) }];
    let rendered = || {
        let mut source = source(items.clone());
        let arrival = Arrival { number: 3, intended_ns: 0 };
        let mut call = first(&mut source, arrival).unwrap();
        let mut texts = Vec::new();
        loop {
            let bytes_max = source.steps()[call.step as usize].bytes_max;
            let text = outbox::collected(bytes_max, |out| source.render(call, 3, out));
            texts.push(String::from_utf8(text).unwrap());
            source.end(call, End::Response { code: 200, is_ok: true }, EndedAt::default());
            if source.next_due_ns().is_none() {
                return texts;
            }
            call = source.take_due().call;
        }
    };
    let (once, again) = (rendered(), rendered());
    assert_eq!(once, again);
    let different: std::collections::BTreeSet<&String> = once.iter().collect();
    assert_eq!((once.len(), different.len()), (5, 5));
}

#[test]
fn what_the_run_cuts_off_is_unfinished_and_room_is_limited() {
    let steps = vec![encoded("a", 1), encoded("b", 1)];
    let mut source = made(vec![thinking(0, "1h"), request(1)], steps, Draws::new(1, 0), 2);
    for number in 0..2 {
        assert!(source.has_room());
        let call = first(&mut source, Arrival { number, intended_ns: 0 }).unwrap();
        source.end(
            call,
            End::Response { code: 200, is_ok: true },
            EndedAt { sent_ns: 0, done_ns: MS, lag_ns: 0 },
        );
    }
    assert!(!source.has_room());
    source.abandon(2 * MS);
    let ended: Vec<IterationEnd> = std::iter::from_fn(|| source.next_ended()).map(|one| one.end).collect();
    assert_eq!((ended, source.under_way()), (vec![IterationEnd::Unfinished; 2], 0));
}

proptest! {
    /// Held against the rule itself: each is intended at its own moment, and due then or when the response before it was there, without
    /// what was the generator's own of that.
    #[test]
    fn recorded_steps_keep_their_moments_whatever_responses_take(
        steps in prop::collection::vec((0_u64..200 * MS, 0_u64..80 * MS, 0_u64..9 * MS), 1..12)
    ) {
        let mut ats: Vec<u64> = steps.iter().map(|step| step.0).collect();
        ats.sort_unstable();
        let services: Vec<(u64, u64)> = steps.iter().map(|step| (step.1, step.2)).collect();
        let (sent, done, ended) = played_recorded(&ats, &services);
        let (mut free_ns, mut left_ns) = (100 * MS, 0);
        for (at, ((intended_ns, due_ns), at_ns)) in sent.iter().zip(&ats).enumerate() {
            prop_assert_eq!(*intended_ns, 100 * MS + at_ns);
            prop_assert_eq!(*due_ns, free_ns.max(*intended_ns));
            left_ns += due_ns - free_ns;
            free_ns = done[at] - services[at].1;
        }
        let last_ns = done[done.len() - 1];
        prop_assert_eq!(ended.lasted_ns, last_ns - 100 * MS);
        prop_assert_eq!(ended.waited_ns, last_ns - 100 * MS - left_ns);
    }

    /// A mix is a flow of one choice: the same requests, byte for byte.
    #[test]
    fn a_mix_is_a_flow_of_one_choice(weights in prop::collection::vec(0_u32..9, 1..5), seed in any::<u64>(), number in any::<u64>()) {
        prop_assume!(weights.iter().any(|&weight| weight > 0));
        let text = |index: usize| format!("{index} {{{{rand 1 1000000}}}} {{{{uuid}}}} {{{{seq}}}}");
        let steps = || weights.iter().enumerate().map(|(index, &weight)| encoded(&text(index), weight)).collect();
        let branch = |(step, &weight): (usize, &u32)| FlowBranch { weight, items: vec![request(step)], flow: None };
        let branches = weights.iter().enumerate().map(branch).collect();
        let items = vec![FlowItem::new(FlowAction::OneOf(branches))];
        let draws = Draws::new(seed, 3);
        let mut mix = Mix::new(steps(), draws);
        let mut flow = made(items, steps(), draws, 9);
        let arrival = Arrival { number, intended_ns: 5 };
        let (of_mix, of_flow) = (mix.begin(arrival), first(&mut flow, arrival).unwrap());
        prop_assert_eq!(of_mix.step, of_flow.step);
        let bytes_max = mix.steps()[of_mix.step as usize].bytes_max;
        let rendered = |source: &mut dyn FnMut(&mut outbox::Outbox<'_>)| outbox::collected(bytes_max, |out| source(out));
        prop_assert_eq!(
            rendered(&mut |out| mix.render(of_mix, number, out)),
            rendered(&mut |out| flow.render(of_flow, number, out))
        );
        let response = End::Response { code: 204, is_ok: true };
        prop_assert_eq!(flow.end(of_flow, response, EndedAt::default()), Outcome::Ok(204));
        prop_assert_eq!(mix.end(Call::default(), response, EndedAt::default()), Outcome::Ok(204));
        prop_assert_eq!(flow.under_way(), 0);
    }
}

#[test]
fn values_that_all_iterations_have_are_new_for_each_request_after_they_came() {
    let one = |token: &str| SetupValues::new([("token".to_owned(), Some(token.as_bytes().to_vec()))]);
    let (first, second) = (one("first"), one("second"));
    let mut comes = vec![second];
    let script = FlowScript {
        items: vec![request(0), request(0)],
        sessions_max: 1,
        graceful_ns: 0,
        resilience: Resilience::default(),
        cookies: false,
    };
    let looks = StepLooks::default();
    let mut source = FlowSource::new(FlowParts {
        script: &script,
        steps: vec![(encoded("{{token}}", 1), &looks)],
        draws: Draws::new(1, 0),
        sessions_max: 1,
        users: None,
        feeds: &[],
        rows: NoRows,
        share: Share { shard: 0, shards: 1 },
        unix_offset_ns: 0,
        cookies: None,
        redirects: Vec::new(),
        constants: FlowConstants {
            values: first,
            // The first look finds nothing yet.
            renewed: Some(Box::new({
                let mut looks = 0;
                move || {
                    looks += 1;
                    (looks > 1).then(|| comes.pop()).flatten()
                }
            })),
        },
    });
    let rendered = |source: &mut FlowSource<NoRows>, call: Call, now_ns: u64| {
        source.prepare(call, now_ns).unwrap();
        let bytes = outbox::collected(source.steps()[0].bytes_max, |out| source.render(call, 0, out));
        String::from_utf8(bytes).unwrap()
    };
    let Started::Call(call) = source.start(Arrival { number: 0, intended_ns: 0 }) else {
        panic!("it is due at once")
    };
    assert_eq!(rendered(&mut source, call, 0), "first");
    source.end(
        call,
        End::Response { code: 200, is_ok: true },
        EndedAt { sent_ns: 0, done_ns: MS, lag_ns: 0 },
    );
    let Following { call, .. } = source.take_due();
    assert_eq!(rendered(&mut source, call, MS), "second", "in the middle of an iteration");
    assert_eq!(source.value(0, "token"), Some(&b"second"[..]));
}
