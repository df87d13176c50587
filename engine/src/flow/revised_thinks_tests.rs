//! Think times that change while sessions are in the middle of a flow, without a loop: each test plays the target.

use super::revised_thinks::{RevisedThinks, ThinkTime};
use super::rows::NoRows;
use super::tests::{MS, SERVICE_NS, encoded, first, made, request};
use super::*;
use crate::bucket::Arrival;
use crate::mix::EncodedStep;
use crate::random::{Draws, Random};
use crate::record::Iteration;
use crate::resilience::Resilience;
use crate::seams::{End, EndedAt, Following, Source};
use proptest::prelude::*;

const LAG_NS: u64 = 3 * MS;

fn steps() -> Vec<EncodedStep> {
    ["a", "b", "c"].map(|text| encoded(text, 1)).into()
}

fn source(items: &[FlowItem]) -> FlowSource<NoRows> {
    made(items.to_vec(), steps(), Draws::new(7, 0), 100)
}

fn script(items: &[FlowItem]) -> FlowScript {
    FlowScript {
        items: items.to_vec(),
        sessions_max: 100,
        graceful_ns: 0,
        resilience: Resilience::default(),
        cookies: false,
    }
}

/// What one arrival leads to: its steps, with the moments that they are intended for, and how it ended. Each time is heard of at the first
/// request that ends at this moment or later.
fn played(
    source: &mut FlowSource<NoRows>,
    arrival: Arrival,
    told: &[(u64, RevisedThinks)],
) -> (Vec<(u32, u64)>, Iteration) {
    let (mut sent, mut heard) = (Vec::new(), 0);
    let begun = first(source, arrival).map(|call| Following { call, arrival, due_ns: arrival.intended_ns });
    let mut next = begun.or_else(|| source.next_due_ns().map(|_| source.take_due()));
    while let Some(Following { call, arrival: Arrival { intended_ns, .. }, .. }) = next {
        sent.push((call.step, intended_ns));
        let done_ns = intended_ns + LAG_NS + SERVICE_NS;
        while let Some((at_ns, thinks)) = told.get(heard)
            && *at_ns <= done_ns
        {
            source.revise_thinks(thinks);
            heard += 1;
        }
        let at = EndedAt { sent_ns: intended_ns + LAG_NS, done_ns, lag_ns: LAG_NS };
        source.end(call, End::Response { code: 200, is_ok: true }, at);
        next = source.next_due_ns().map(|_| source.take_due());
    }
    (sent, source.next_ended().expect("what has begun has ended"))
}

fn fixed(ms: u64) -> Think {
    Think::Fixed { ns: ms * MS }
}

/// Parts within parts, some of which think, are drawn, or are done several times.
fn drawn_items(random: &mut Random, depth: u64) -> Vec<FlowItem> {
    let count = random.between(1, 3);
    let item = |random: &mut Random| {
        let action = match random.between(0, 2 + depth) {
            3 => FlowAction::Items(drawn_items(random, depth - 1)),
            4 => FlowAction::OneOf(
                (1..3)
                    .map(|weight| FlowBranch { weight, items: drawn_items(random, depth - 1), flow: None })
                    .collect(),
            ),
            _ => FlowAction::Request(random.between(0, 2) as usize),
        };
        let thinks = ["exp:20ms", "uniform:1ms,30ms", "10ms"];
        let think = thinks.get(random.between(0, 4) as usize);
        FlowItem {
            think: think.map(|text| Think::parse(text).unwrap()),
            chance: (random.between(0, 3) == 0).then_some(0.5),
            repeat: (random.between(0, 3) == 0).then_some(Repetition { min: 0, max: 3 }),
            ..FlowItem::new(action)
        }
    };
    (0..count).map(|_| item(random)).collect()
}

#[test]
fn a_part_that_never_thought_comes_to_think_and_one_that_did_stops() {
    let items = [FlowItem { think: Some(fixed(50)), ..request(0) }, request(1), request(2)];
    let mut thinks = RevisedThinks::new(&script(&items));
    thinks.replace(150 * MS, &[ThinkTime { item: 1, name: "b".into(), think: fixed(20) }]);
    let mut source = source(&items);
    let arrival = |number, ms| Arrival { number, intended_ns: ms * MS };
    let told = [(0, thinks)];
    // The pause behind the first request begins at 102 ms, before the cut; that behind the second at 154 ms.
    let (sent, ended) = played(&mut source, arrival(0, 100), &told);
    assert_eq!(sent, [(0, 100 * MS), (1, 152 * MS), (2, 174 * MS)]);
    // The last of it is late, as the loop is.
    assert_eq!((ended.waited_ns, ended.lasted_ns), (9 * MS, 79 * MS));
    let (sent, _) = played(&mut source, arrival(1, 148), &[]);
    assert_eq!(
        sent,
        [(0, 148 * MS), (1, 150 * MS), (2, 172 * MS)],
        "one that begins at the cut is behind it"
    );
}

proptest! {
    /// Held against the rule itself, written down once more: a pause is of the change with the last cut that is not after its beginning.
    #[test]
    fn pauses_are_of_the_times_that_hold_when_they_begin(
        thinks in prop::collection::vec(prop::option::of(1_u64..60), 1..8),
        changes in prop::collection::vec(
            (0_u64..200, prop::collection::vec(prop::option::of(1_u64..60), 8), prop::option::of(0_u64..3_000)),
            0..4
        ),
    ) {
        let think = |ms: Option<u64>| ms.map(fixed);
        let items: Vec<FlowItem> =
            thinks.iter().enumerate().map(|(at, &ms)| FlowItem { think: think(ms), ..request(at % 3) }).collect();
        let mut revised = RevisedThinks::new(&script(&items));
        let mut planned: Vec<u64> = thinks.iter().map(|ms| ms.unwrap_or(0) * MS).collect();
        let (mut told, mut stages) = (Vec::new(), vec![(0, planned.clone())]);
        let mut cut_ns = 100 * MS;
        for (after, times, thousandths) in &changes {
            cut_ns += after * MS;
            match thousandths {
                Some(thousandths) => {
                    revised.scale(cut_ns, *thousandths);
                    stages.push((cut_ns, planned.iter().map(|ns| ns * thousandths / 1_000).collect()));
                }
                None => {
                    let times = times.iter().take(items.len()).enumerate();
                    let time = |(item, &ms)| Some(ThinkTime { item, name: String::new(), think: think(ms)? });
                    let times: Vec<ThinkTime> = times.filter_map(time).collect();
                    revised.replace(cut_ns, &times);
                    planned = vec![0; items.len()];
                    times.iter().for_each(|time| planned[time.item] = time.think.draw(&mut Random::new(0, 0)));
                    stages.push((cut_ns, planned.clone()));
                }
            }
            // It is heard of before the cut.
            told.push((cut_ns.saturating_sub(40 * MS), revised.clone()));
        }
        let (sent, _) = played(&mut source(&items), Arrival { number: 5, intended_ns: 100 * MS }, &told);
        let (mut at_ns, mut expected) = (100 * MS, Vec::new());
        for item in 0..items.len() {
            expected.push((item as u32 % 3, at_ns));
            at_ns += SERVICE_NS;
            let stage: &(u64, Vec<u64>) = stages.iter().rev().find(|(cut_ns, _)| *cut_ns <= at_ns).unwrap();
            at_ns += stage.1[item];
        }
        prop_assert_eq!(sent, expected);
    }

    /// Sessions are led over to the program of a change in the middle of whatever they do: where nothing has changed, they go on as they would
    /// have, draw for draw.
    #[test]
    fn a_change_that_changes_nothing_leaves_every_session_on_its_way(
        seed in any::<u64>(), numbers in prop::collection::vec(0_u64..1_000, 1..4), told_ms in 0_u64..400,
    ) {
        let items = drawn_items(&mut Random::new(seed, 0), 2);
        let script = script(&items);
        let mut same = RevisedThinks::new(&script);
        same.replace(told_ms * MS, &script.think_times(&|step| step.to_string()));
        same.scale(told_ms * MS, 1_000);
        let (mut never, mut once) = (source(&items), source(&items));
        for number in numbers {
            let arrival = Arrival { number, intended_ns: 0 };
            let told = [(told_ms * MS, same.clone())];
            prop_assert_eq!(played(&mut never, arrival, &[]), played(&mut once, arrival, &told));
        }
    }
}
