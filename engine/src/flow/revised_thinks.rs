//! Think times of a flow that change while a run goes on: how long each part of it thinks, from which moment on.
//!
//! A pause is of the think time that holds when it begins, on the iteration's own timeline (the response before it, without the generator's
//! lag): so it is the same whichever shard the iteration is on, and however late that shard hears of the change.

use super::item::{FlowAction, FlowItem, FlowScript};
use super::program::{FlowOperation, Program};
use super::sessions::FlowSessions;
use super::think::Think;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// How long a part of a flow thinks after each time that it is done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ThinkTime {
    /// Which part it is, from 0: they are numbered in the order of their ends, so that what is inside of another comes before it.
    pub item: usize,
    /// What it is called: a request by its own name, all else by the name of the first request in it.
    pub name: String,
    /// How long.
    pub think: Think,
}

/// The think times of a flow, and the program of it that asks for them.
#[derive(Clone, Debug)]
pub struct RevisedThinks {
    program: Program,
    /// In the order of their cuts, of which several may be one; those of the plan as it was begun come first.
    stages: Vec<ThinkStage>,
    /// Those of the plan as it was read last.
    planned: Arc<[Option<Think>]>,
}

/// What each part of a flow thinks from a moment on.
#[derive(Clone, Debug)]
struct ThinkStage {
    cut_ns: u64,
    thinks: Arc<[Option<Think>]>,
}

impl fmt::Display for ThinkTime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.name, self.think)
    }
}

impl FlowScript {
    /// All parts that think, each with its name, of which those of its requests are told.
    pub fn think_times(&self, name_of: &dyn Fn(usize) -> String) -> Vec<ThinkTime> {
        let name = |item: &FlowItem| match (&item.action, first_request(item)) {
            (FlowAction::Request(step), _) => name_of(*step),
            (_, Some(step)) => format!("flow of {}", name_of(step)),
            (_, None) => "empty flow".to_owned(),
        };
        let thinking = items_of(&self.items).into_iter().enumerate().filter_map(|(number, item)| {
            item.think.map(|think| ThinkTime { item: number, name: name(item), think })
        });
        thinking.collect()
    }

    /// Whether any part thinks.
    pub fn has_think_times(&self) -> bool {
        items_of(&self.items).iter().any(|item| item.think.is_some())
    }

    /// The same flow without its think times.
    pub fn without_think_times(&self) -> FlowScript {
        let mut script = self.clone();
        forget(&mut script.items);
        script
    }
}

impl RevisedThinks {
    /// As planned.
    pub fn new(script: &FlowScript) -> RevisedThinks {
        let thinks: Arc<[Option<Think>]> =
            items_of(&script.items).into_iter().map(|item| item.think).collect();
        RevisedThinks {
            program: Program::revised(&script.items, &script.named_flows()),
            stages: vec![ThinkStage { cut_ns: 0, thinks: thinks.clone() }],
            planned: thinks,
        }
    }

    /// Whether any part thinks, by the plan as it was read last.
    pub fn has_any(&self) -> bool {
        self.planned.iter().any(Option::is_some)
    }

    /// From a cut on, these parts think, and no others: the plan was read again.
    pub fn replace(&mut self, cut_ns: u64, times: &[ThinkTime]) {
        let mut thinks = vec![None; self.planned.len()];
        for time in times {
            thinks[time.item] = Some(time.think);
        }
        self.planned = thinks.into();
        self.stages.push(ThinkStage { cut_ns, thinks: self.planned.clone() });
    }

    /// From a cut on, each is so many thousandths of what is planned.
    pub fn scale(&mut self, cut_ns: u64, thousandths: u64) {
        let scaled = |think: &Option<Think>| think.map(|think| think.scaled(thousandths));
        let thinks = self.planned.iter().map(scaled).collect();
        self.stages.push(ThinkStage { cut_ns, thinks });
    }

    /// What a part thinks whose pause begins at a moment.
    pub(super) fn at(&self, pause: usize, begins_ns: u64) -> Option<Think> {
        // The last one is asked first: it is the one that holds, but for what began before its cut.
        self.stages.iter().rev().find(|stage| stage.cut_ns <= begins_ns)?.thinks[pause]
    }

    /// Sessions that go through a program as it was planned go on with the one that asks for these.
    pub(super) fn take_over(&self, program: &mut Program, sessions: &mut FlowSessions) {
        let before = std::mem::replace(program, self.program.clone());
        let calls = |program: &Program| -> Vec<usize> {
            let is_call =
                |(_, operation): &(usize, &FlowOperation)| matches!(operation, FlowOperation::Call(_));
            program.operations.iter().enumerate().filter(is_call).map(|(index, _)| index).collect()
        };
        let (calls_before, calls_now) = (calls(&before), calls(program));
        let all: Vec<u32> = sessions.live().collect();
        for session in all {
            // A session that waits, or whose request is under way, stands behind that request, whatever follows it.
            let kept = sessions.at(session);
            let call = calls_before.partition_point(|&call| call < kept.next - 1);
            debug_assert_eq!(calls_before[call], kept.next - 1, "it stands behind a request");
            kept.next = calls_now[call] + 1;
        }
    }
}

/// All parts of a flow, in the order of their ends.
fn items_of(items: &[FlowItem]) -> Vec<&FlowItem> {
    let mut all = Vec::new();
    for item in items {
        match &item.action {
            FlowAction::Request(_) => {}
            FlowAction::OneOf(branches) => {
                branches.iter().for_each(|branch| all.extend(items_of(&branch.items)));
            }
            FlowAction::Items(items) => all.extend(items_of(items)),
        }
        all.push(item);
    }
    all
}

fn first_request(item: &FlowItem) -> Option<usize> {
    match &item.action {
        FlowAction::Request(step) => Some(*step),
        FlowAction::OneOf(branches) => {
            branches.iter().flat_map(|branch| &branch.items).find_map(first_request)
        }
        FlowAction::Items(items) => items.iter().find_map(first_request),
    }
}

fn forget(items: &mut [FlowItem]) {
    for item in items {
        item.think = None;
        match &mut item.action {
            FlowAction::Request(_) => {}
            FlowAction::OneOf(branches) => branches.iter_mut().for_each(|branch| forget(&mut branch.items)),
            FlowAction::Items(items) => forget(items),
        }
    }
}
