//! What a script does once before its load: `setup()`, whose requests become steps of the plan's setup.

use super::draws::DrawnEvent;
use super::holes::{Holes, markers};
use super::observed::{ScriptAction, ScriptRequest, ScriptValueKind};
use crate::planned::{PlanText, PlannedRequest, REQUESTS_MAX};
use std::collections::HashSet;
use toml_edit::{ArrayOfTables, Item, Table};

/// Holes that mean something in an iteration alone.
const OF_ITERATIONS: [&str; 3] = ["user", "iteration", "seq"];

/// The requests of `setup()`, all to one server.
pub(super) struct ScriptSetup {
    pub(super) base: String,
    pub(super) steps: Vec<PlannedRequest>,
}

/// The request that an event is.
pub(super) fn request_of(event: &DrawnEvent) -> Option<&ScriptRequest> {
    match &event.event.action {
        ScriptAction::Request(request) => Some(request),
        _ => None,
    }
}

/// Whether requests have values that only an iteration has.
pub(super) fn is_of_iterations(events: &[&DrawnEvent], holes: &Holes) -> bool {
    let is_of_iteration = |number: usize| match holes.values.get(number).map(|value| &value.kind) {
        Some(ScriptValueKind::Column { .. }) => true,
        Some(ScriptValueKind::Hole { hole, .. }) => OF_ITERATIONS.contains(&hole.as_str()),
        _ => false,
    };
    values_of(events).into_iter().any(is_of_iteration)
}

/// Whether a value of a response before the start is sent in an iteration.
pub(super) fn is_needed(setup: &[&DrawnEvent], iteration: &[&DrawnEvent], holes: &Holes) -> bool {
    let steps: HashSet<usize> =
        setup.iter().filter_map(|event| request_of(event)).map(|request| request.step).collect();
    let is_of_setup = |number: usize| {
        let kind = holes.values.get(number).map(|value| &value.kind);
        matches!(kind, Some(ScriptValueKind::Response(part)) if steps.contains(&part.step))
    };
    values_of(iteration).into_iter().any(is_of_setup)
}

/// The numbers of the values that are sent.
fn values_of(events: &[&DrawnEvent]) -> Vec<usize> {
    let requests = events.iter().filter_map(|event| request_of(event));
    let values = requests
        .flat_map(|request| markers(&format!("{} {:?} {:?}", request.url, request.headers, request.body)));
    values.map(|(_, number, _)| number).collect()
}

impl ScriptSetup {
    /// The same with what another scenario takes from its responses: the script does it once for all of them.
    pub(super) fn joined(mut self, other: ScriptSetup, notes: &mut Vec<String>) -> ScriptSetup {
        let is_same = |one: &PlannedRequest, two: &PlannedRequest| {
            (&one.method, &one.path, &one.headers, &one.body)
                == (&two.method, &two.path, &two.headers, &two.body)
        };
        if self.base != other.base
            || self.steps.len() != other.steps.len()
            || !self.steps.iter().zip(&other.steps).all(|(one, two)| is_same(one, two))
        {
            let note =
                "`setup()` does not do the same for all scenarios: what it does for the first is in the plan";
            if notes.iter().all(|known| known != note) {
                notes.push(note.to_owned());
            }
            return self;
        }
        for (step, other) in self.steps.iter_mut().zip(other.steps) {
            for extract in other.extract {
                if !step.extract.contains(&extract) {
                    step.extract.push(extract);
                }
            }
        }
        self
    }

    /// Writes it; `url` is that of the plan, if it has one.
    pub(super) fn write(mut self, plan: &mut PlanText, url: Option<&str>, notes: &mut Vec<String>) {
        notes.push("requests of `setup()` are made once before the start: one that does not succeed ends the run before it begins".to_owned());
        if self.steps.len() > REQUESTS_MAX {
            notes.push(format!(
                "`setup()` makes {} requests: the first {REQUESTS_MAX} are in the plan",
                self.steps.len()
            ));
            self.steps.truncate(REQUESTS_MAX);
        }
        let mut table = Table::new();
        table.set_implicit(true);
        if url != Some(self.base.as_str()) {
            table.insert("url", Item::Value(self.base.as_str().into()));
        }
        let steps: ArrayOfTables = self.steps.iter().map(PlannedRequest::table).collect();
        table.insert("step", Item::ArrayOfTables(steps));
        plan.put("setup", Item::Table(table));
    }
}
