//! How named flows are gone through, without a loop: each test plays the target.

use super::rows::NoRows;
use super::*;
use crate::bucket::{Arrival, Share};
use crate::mix::EncodedStep;
use crate::outcome::Kind;
use crate::random::Draws;
use crate::record::{FlowPass, Iteration, IterationEnd, LeftFlow};
use crate::resilience::Resilience;
use crate::seams::{End, EndedAt, Following, Source, Started};
use crate::template::{self, Template};
use proptest::prelude::*;

const MS: u64 = 1_000_000;
const SERVICE_NS: u64 = 2 * MS;
const NAMES: [&str; 4] = ["login", "ticket", "answer", "logout"];

fn request(step: usize) -> FlowItem {
    FlowItem::new(FlowAction::Request(step))
}

fn thinking(item: FlowItem, think: &str) -> FlowItem {
    FlowItem { think: Some(Think::parse(think).unwrap()), ..item }
}

fn named(name: &str, items: Vec<FlowItem>) -> FlowItem {
    FlowItem { flow: Some(name.to_owned()), ..FlowItem::new(FlowAction::Items(items)) }
}

fn script(items: Vec<FlowItem>) -> FlowScript {
    let resilience = Resilience::default();
    FlowScript { items, sessions_max: 9, graceful_ns: 0, resilience, cookies: false }
}

fn source(items: Vec<FlowItem>) -> FlowSource<NoRows> {
    let looks = StepLooks::default();
    let template = || Template::new(template::parse("x").unwrap()).unwrap();
    let step = || (EncodedStep { template: template(), weight: 1, is_bodyless: false }, &looks);
    FlowSource::new(FlowParts {
        script: &script(items),
        steps: (0..5).map(|_| step()).collect(),
        draws: Draws::new(7, 0),
        sessions_max: 9,
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

/// What one arrival leads to, but for requests behind so many: which steps with their moments, what was entered and left, and how it
/// ended.
struct Played {
    sent: Vec<(u32, u64)>,
    passed: Vec<FlowPass>,
    ended: Iteration,
}

fn played(source: &mut FlowSource<NoRows>, lag_ns: u64, fails: &[u32], requests_max: usize) -> Played {
    let arrival = Arrival { number: 3, intended_ns: 100 * MS };
    let (mut sent, mut now_ns) = (Vec::new(), arrival.intended_ns);
    let mut next = match source.start(arrival) {
        Started::Call(call) => Some(Following { call, arrival, due_ns: arrival.intended_ns }),
        _ => source.next_due_ns().map(|_| source.take_due()),
    };
    while let Some(Following { call, arrival: Arrival { intended_ns, .. }, .. }) = next {
        sent.push((call.step, intended_ns));
        let end = match fails.contains(&call.step) {
            true => End::Failed(Kind::Timeout),
            false => End::Response { code: 200, is_ok: true },
        };
        let sent_ns = intended_ns + lag_ns;
        now_ns = sent_ns + SERVICE_NS;
        source.end(call, end, EndedAt { sent_ns, done_ns: now_ns, lag_ns });
        next = source.next_due_ns().filter(|_| sent.len() < requests_max).map(|_| source.take_due());
    }
    source.abandon(now_ns + MS);
    let passed = std::iter::from_fn(|| source.next_passed()).collect();
    let ended = source.next_ended().expect("what has begun has ended");
    assert_eq!((source.next_ended(), source.under_way()), (None, 0));
    Played { sent, passed, ended }
}

const ALL: usize = 10_000;

/// Those that were left: which, when they began, how they ended, and how long they took without and with thinking, in milliseconds.
fn left(passed: &[FlowPass]) -> Vec<(usize, u64, IterationEnd, u64, u64)> {
    let of = |pass: &FlowPass| {
        let LeftFlow { end, waited_ns, lasted_ns } = pass.left?;
        Some((pass.flow, pass.intended_ns / MS, end, waited_ns / MS, lasted_ns / MS))
    };
    passed.iter().filter_map(of).collect()
}

/// A login; two tickets, each of which is answered; a logout, whatever has failed.
fn agent() -> Vec<FlowItem> {
    let answer = thinking(named(NAMES[2], vec![request(2)]), "5ms");
    let ticket = named(NAMES[1], vec![thinking(request(1), "10ms"), answer, request(3)]);
    vec![
        thinking(named(NAMES[0], vec![thinking(request(0), "50ms")]), "1s"),
        FlowItem { repeat: Some(Repetition { min: 2, max: 2 }), ..ticket },
        named(NAMES[3], vec![FlowItem { always: true, ..request(4) }]),
    ]
}

#[test]
fn a_flow_takes_from_its_first_request_to_its_last_response_each_time() {
    use IterationEnd::Ok;
    let Played { sent, passed, ended } = played(&mut source(agent()), 0, &[], ALL);
    assert_eq!(script(agent()).named_flows(), NAMES);
    // Thinking behind the last response of a flow is of nobody's time but the iteration's.
    let second_ms = 100 + 2 + 50 + 1_000;
    let expected = [
        (0, 100, Ok, 2, 2),
        (2, second_ms + 12, Ok, 2, 2),
        (1, second_ms, Ok, 6, 21),
        (2, second_ms + 33, Ok, 2, 2),
        (1, second_ms + 21, Ok, 6, 21),
        (3, second_ms + 42, Ok, 2, 2),
    ];
    assert_eq!(left(&passed), expected);
    assert_eq!((sent.len(), ended.waited_ns), (8, 16 * MS));
    let outermost = [0, 2, 4, 5].map(|at| expected[at].3).iter().sum::<u64>();
    assert_eq!(outermost * MS, ended.waited_ns, "flows that leave nothing out make up the iteration");
    let entered: Vec<usize> =
        passed.iter().filter(|pass| pass.left.is_none()).map(|pass| pass.flow).collect();
    assert_eq!(entered, [0, 1, 2, 1, 2, 3]);
}

#[test]
fn what_fails_fails_the_flows_around_it_and_what_is_passed_over_was_not_entered() {
    use IterationEnd::{Failed, Ok};
    let ends = |fails: &[u32]| {
        let Played { passed, ended, .. } = played(&mut source(agent()), 0, fails, ALL);
        assert_eq!(ended.end, Failed);
        let entered = passed.iter().filter(|pass| pass.left.is_none()).count();
        let left: Vec<(usize, IterationEnd)> =
            left(&passed).into_iter().map(|(flow, _, end, _, _)| (flow, end)).collect();
        assert_eq!(entered, left.len());
        left
    };
    assert_eq!(ends(&[0]), [(0, Failed), (3, Ok)]);
    assert_eq!(ends(&[2]), [(0, Ok), (2, Failed), (1, Failed), (3, Ok)]);
    assert_eq!(ends(&[3]), [(0, Ok), (2, Ok), (1, Failed), (3, Ok)]);
    assert_eq!(ends(&[1, 4]), [(0, Ok), (1, Failed), (3, Failed)]);
    // One that goes on has failed all the same.
    let tolerant = FlowItem { on_failure: OnFailure::Continue, ..request(0) };
    let items = vec![named("a", vec![named("b", vec![tolerant]), request(1)]), named("c", vec![request(2)])];
    let ends = left(&played(&mut source(items), 0, &[0], ALL).passed);
    assert_eq!(
        ends.iter().map(|one| (one.0, one.2)).collect::<Vec<_>>(),
        [(1, Failed), (0, Failed), (2, Ok)]
    );
}

#[test]
fn what_the_run_cuts_off_is_unfinished_and_what_waits_for_its_first_request_was_not_entered() {
    use IterationEnd::{Ok, Unfinished};
    let ends = |requests: usize| {
        let Played { passed, ended, .. } = played(&mut source(agent()), 0, &[], requests);
        assert_eq!(ended.end, Unfinished);
        left(&passed).into_iter().map(|(flow, _, end, _, _)| (flow, end)).collect::<Vec<_>>()
    };
    assert_eq!(ends(1), [(0, Ok)]);
    assert_eq!(ends(2), [(0, Ok), (1, Unfinished)]);
    assert_eq!(ends(3), [(0, Ok), (2, Ok), (1, Unfinished)]);
    // A request that is under way.
    let mut cut = source(vec![named("a", vec![named("b", vec![request(0)])])]);
    assert!(matches!(cut.start(Arrival { number: 0, intended_ns: 7 }), Started::Call(_)));
    cut.abandon(9);
    let ends: Vec<FlowPass> = std::iter::from_fn(|| cut.next_passed()).collect();
    let left = Some(LeftFlow { end: Unfinished, waited_ns: 2, lasted_ns: 2 });
    let pass = |flow, left| FlowPass { flow, intended_ns: 7, left };
    assert_eq!(ends, [pass(1, None), pass(0, None), pass(1, left), pass(0, left)]);
}

#[test]
fn one_without_a_request_took_no_time_and_a_choice_is_one_of_its_flows() {
    let unlikely = |step| FlowItem { chance: Some(0.0), ..request(step) };
    let branch = |name: &str, weight, step| FlowBranch {
        weight,
        items: vec![request(step)],
        flow: Some(name.to_owned()),
    };
    let choice = FlowItem::new(FlowAction::OneOf(vec![branch("b", 0, 1), branch("c", 1, 2)]));
    let items = vec![named("a", vec![unlikely(0)]), choice];
    assert_eq!(script(items.clone()).named_flows(), ["a", "b", "c"]);
    let Played { sent, passed, .. } = played(&mut source(items), 0, &[], ALL);
    assert_eq!(sent, [(2, 100 * MS)]);
    assert_eq!(left(&passed), [(0, 100, IterationEnd::Ok, 0, 0), (2, 100, IterationEnd::Ok, 2, 2)]);
}

#[test]
fn as_many_are_reported_as_there_is_room_for_and_steps_are_of_the_innermost() {
    let many: Vec<FlowItem> = (0..40).map(|n| named(&format!("f{n}"), vec![request(n % 5)])).collect();
    let of_many = script(many.clone());
    assert_eq!((of_many.all_named_flows().len(), of_many.named_flows().len()), (40, NAMED_FLOWS_MAX));
    let reported = left(&played(&mut source(many), 0, &[], ALL).passed);
    let flows: Vec<usize> = reported.iter().map(|one| one.0).collect();
    assert_eq!(flows, (0..NAMED_FLOWS_MAX).collect::<Vec<_>>());
    let agent = script(agent());
    let steps = |name: &str| agent.steps_of_flow(name).into_iter().collect::<Vec<_>>();
    assert_eq!(NAMES.map(steps), [vec![0], vec![1, 3], vec![2], vec![4]]);
    let Played { passed, .. } = played(&mut source(vec![request(0)]), 0, &[], ALL);
    assert_eq!(passed, [], "a flow without named ones is as it ever was");
}

/// Flows of flows and requests, whose numbers of names and steps follow from the leaves drawn.
fn any_items() -> impl Strategy<Value = Vec<FlowItem>> {
    let leaf = (0_usize..5, 0_u64..30).prop_map(|(step, ms)| thinking(request(step), &format!("{ms}ms")));
    let inner = leaf.prop_recursive(4, 24, 4, |items| {
        (0_usize..4, prop::collection::vec(items, 1..4), 0_u32..3, any::<bool>()).prop_map(
            |(name, items, times, is_always)| FlowItem {
                repeat: (times > 0).then_some(Repetition { min: times, max: times }),
                always: is_always,
                ..named(NAMES[name], items)
            },
        )
    });
    // All that there is of the iteration is in some flow.
    prop::collection::vec(prop::collection::vec(inner, 1..4).prop_map(|items| named("all", items)), 1..4)
}

proptest! {
    /// Whatever fails, or is cut off: what was entered is left, once; and flows that follow each other and leave nothing out take as long
    /// as the iteration, with the part of the generator's that is carried from one to the next.
    #[test]
    fn what_is_entered_is_left_and_the_parts_are_the_whole(
        items in any_items(), lag_ns in 0_u64..5 * MS, fails in prop::collection::vec(0_u32..5, 0..2), requests_max in 1_usize..60
    ) {
        let outermost = script(items.clone()).named_flows().iter().position(|name| *name == "all").unwrap();
        let Played { sent, passed, ended } = played(&mut source(items), lag_ns, &fails, requests_max);
        let mut open = Vec::new();
        for pass in &passed {
            match pass.left {
                None => open.push((pass.flow, pass.intended_ns)),
                Some(_) => {
                    let at = open.iter().rposition(|one| *one == (pass.flow, pass.intended_ns));
                    prop_assert!(at.is_some(), "{:?}", passed);
                    open.remove(at.unwrap());
                }
            }
        }
        prop_assert!(open.is_empty(), "{:?}", open);
        let own: Vec<(IterationEnd, u64)> = passed
            .iter()
            .filter(|pass| pass.flow == outermost)
            .filter_map(|pass| pass.left.map(|left| (left.end, left.waited_ns)))
            .collect();
        if ended.end != IterationEnd::Unfinished {
            let has_failed = own.iter().any(|(end, _)| *end == IterationEnd::Failed);
            prop_assert_eq!(has_failed, sent.iter().any(|(step, _)| fails.contains(step)));
        }
        if ended.end == IterationEnd::Ok {
            let carried_ns = lag_ns * (own.len() as u64 - 1);
            prop_assert_eq!(own.iter().map(|one| one.1).sum::<u64>(), ended.waited_ns + carried_ns);
        }
    }
}
