//! A flow compiled: flat operations, one after the other, with jumps in the place of what is nested.

use super::item::{FlowAction, FlowBranch, FlowItem, OnFailure, Repetition};
use super::think::Think;
use crate::extract::Condition;

/// One operation. Targets of jumps are indices of operations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum FlowOperation {
    /// Sends the request of a step, and goes on after its response.
    Call(CallOperation),
    /// Goes on with one of several, drawn by weight: the number of a choice.
    Choose(usize),
    /// Goes on there.
    Jump { to: usize },
    /// Goes on there, but with this probability with the next operation.
    Skip { chance: f64, to: usize },
    /// Goes on there, but where a condition holds with the next operation: the number of a condition.
    Unless { condition: usize, to: usize },
    /// Draws how often what follows is done; none at all leads there.
    Repeat { counter: usize, times: Repetition, to: usize },
    /// Goes back there until it has been done so often.
    Again { counter: usize, to: usize },
    /// Lets time pass.
    Pause(Think),
    /// The same, where think times have changed while the run goes on: the number of the part whose pause it is.
    RevisedPause(usize),
    /// The request that follows is intended so long after the arrival, in nanoseconds.
    At { offset_ns: u64 },
    /// What follows is of the reported flow with this number …
    Enter { flow: usize },
    /// … until here.
    Leave,
    /// The end of the iteration.
    End,
}

/// A request of a flow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct CallOperation {
    pub(super) step: usize,
    /// After a failure too.
    pub(super) always: bool,
    pub(super) on_failure: OnFailure,
}

/// Where branches begin, and their weights summed up.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Choice {
    pub(super) branches: Vec<usize>,
    /// What comes behind all of them.
    pub(super) end: usize,
    /// Branch k is drawn for numbers below `cumulated[k]` and not below the one before.
    pub(super) cumulated: Vec<u64>,
}

/// All operations of a flow.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Program {
    pub(super) operations: Vec<FlowOperation>,
    /// Of each, whether it is done when an iteration is over before its end.
    pub(super) is_always: Vec<bool>,
    pub(super) choices: Vec<Choice>,
    pub(super) conditions: Vec<Condition>,
    /// How many numbers a session keeps of how often something is still to be done.
    pub(super) counters: usize,
    /// How many reported flows stand within each other at the most.
    pub(super) flows_deep: usize,
    /// How many do where the next operation comes.
    flows_here: usize,
    /// How many parts have got the number of a pause, where each of them has one whether it thinks or not.
    pauses: Option<usize>,
}

impl Program {
    /// The program of a flow, of which these named flows are reported.
    pub(super) fn new(items: &[FlowItem], reported: &[&str]) -> Program {
        let mut program = Program::default();
        program.add_all(items, false, reported);
        program.push(FlowOperation::End, true);
        program
    }

    /// The same whose parts may all come to think.
    pub(super) fn revised(items: &[FlowItem], reported: &[&str]) -> Program {
        let mut program = Program { pauses: Some(0), ..Program::default() };
        program.add_all(items, false, reported);
        program.push(FlowOperation::End, true);
        program
    }

    fn add_all(&mut self, items: &[FlowItem], always: bool, reported: &[&str]) {
        for item in items {
            self.add(item, always || item.always, reported);
        }
    }

    /// What is added is of a named flow, if this is the name of one that is reported. It is entered and left whatever has failed before:
    /// what stands in it may always be done.
    fn add_flow(&mut self, name: Option<&str>, reported: &[&str], add: impl FnOnce(&mut Program)) {
        let Some(flow) = name.and_then(|name| reported.iter().position(|known| *known == name)) else {
            return add(self);
        };
        self.flows_here += 1;
        self.flows_deep = self.flows_deep.max(self.flows_here);
        self.push(FlowOperation::Enter { flow }, true);
        add(self);
        self.push(FlowOperation::Leave, true);
        self.flows_here -= 1;
    }

    /// What stands around an item is left by one jump, whose target is known at its end.
    fn add(&mut self, item: &FlowItem, always: bool, reported: &[&str]) {
        let mut jumps = Vec::new();
        if let Some(condition) = &item.condition {
            self.conditions.push(condition.clone());
            jumps.push(
                self.push(FlowOperation::Unless { condition: self.conditions.len() - 1, to: 0 }, always),
            );
        }
        if let Some(chance) = item.chance {
            jumps.push(self.push(FlowOperation::Skip { chance, to: 0 }, always));
        }
        let counter = self.counters;
        let body = item.repeat.map(|times| {
            self.counters += 1;
            jumps.push(self.push(FlowOperation::Repeat { counter, times, to: 0 }, always));
            self.operations.len()
        });
        self.add_flow(item.flow.as_deref(), reported, |program| match &item.action {
            FlowAction::Request(step) => {
                if let Some(offset_ns) = item.at_ns {
                    program.push(FlowOperation::At { offset_ns }, always);
                }
                let call = CallOperation { step: *step, always, on_failure: item.on_failure };
                program.push(FlowOperation::Call(call), always);
            }
            FlowAction::OneOf(branches) => program.add_choice(branches, always, reported),
            FlowAction::Items(items) => program.add_all(items, always, reported),
        });
        match (self.pauses, item.think) {
            (Some(pause), _) => {
                self.push(FlowOperation::RevisedPause(pause), false);
                self.pauses = Some(pause + 1);
            }
            (None, Some(think)) => {
                self.push(FlowOperation::Pause(think), false);
            }
            (None, None) => {}
        }
        if let Some(body) = body {
            self.push(FlowOperation::Again { counter, to: body }, always);
        }
        let end = self.operations.len();
        for jump in jumps {
            match &mut self.operations[jump] {
                FlowOperation::Skip { to, .. }
                | FlowOperation::Unless { to, .. }
                | FlowOperation::Repeat { to, .. } => {
                    *to = end;
                }
                other => unreachable!("{other:?} is no jump"),
            }
        }
    }

    /// Branches stand one after the other, and each leads behind the last.
    fn add_choice(&mut self, branches: &[FlowBranch], always: bool, reported: &[&str]) {
        let choice = self.choices.len();
        self.choices.push(Choice::default());
        self.push(FlowOperation::Choose(choice), always);
        let (mut total, mut ends) = (0, Vec::new());
        for branch in branches {
            total += u64::from(branch.weight);
            let begin = self.operations.len();
            self.choices[choice].branches.push(begin);
            self.choices[choice].cumulated.push(total);
            self.add_flow(branch.flow.as_deref(), reported, |program| {
                program.add_all(&branch.items, always, reported);
            });
            // A branch leads into no other, whatever has failed.
            ends.push(self.push(FlowOperation::Jump { to: 0 }, true));
        }
        assert!(total > 0, "a plan's branches weigh something");
        let end = self.operations.len();
        self.choices[choice].end = end;
        ends.into_iter().for_each(|jump| self.operations[jump] = FlowOperation::Jump { to: end });
    }

    fn push(&mut self, operation: FlowOperation, always: bool) -> usize {
        self.operations.push(operation);
        self.is_always.push(always);
        self.operations.len() - 1
    }
}
