//! What a script does once before its load: `setup()`, whose requests become steps of the plan's setup.

use super::draws::DrawnEvent;
use super::holes::{Holes, markers};
use super::observed::{ScriptAction, ScriptRequest, ScriptValueKind};
use crate::planned::{PlanText, PlannedRequest, REQUESTS_MAX};
use crate::wrong::WrongImport;
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
    ///
    /// What it takes from a request that the first scenario does not make would be known to nobody: such a script is refused.
    pub(super) fn joined(
        mut self,
        other: ScriptSetup,
        notes: &mut Vec<String>,
    ) -> Result<ScriptSetup, WrongImport> {
        let each = |is_alike: fn(&PlannedRequest, &PlannedRequest) -> bool| {
            self.base == other.base
                && self.steps.len() == other.steps.len()
                && self.steps.iter().zip(&other.steps).all(|(one, two)| is_alike(one, two))
        };
        let asks_the_same = each(|one, two| (&one.method, &one.path) == (&two.method, &two.path));
        let is_same =
            asks_the_same && each(|one, two| (&one.headers, &one.body) == (&two.headers, &two.body));
        let note =
            "`setup()` does not do the same for all scenarios: what it does for the first is in the plan";
        if !is_same && notes.iter().all(|known| known != note) {
            notes.push(note.to_owned());
        }
        for (number, other) in other.steps.into_iter().enumerate() {
            for extract in other.extract {
                if self.steps.iter().any(|step| step.extract.contains(&extract)) {
                    continue;
                }
                let is_taken =
                    |step: &PlannedRequest| step.extract.iter().any(|(name, _)| *name == extract.0);
                if !asks_the_same || self.steps.iter().any(is_taken) {
                    let problem = format!(
                        "`setup()` does not make the same requests for all scenarios, and a scenario sends `{}` of a response that the first does not have",
                        extract.0
                    );
                    let fix = "import the scenarios one by one, each from a script of its own";
                    return Err(WrongImport::new(problem, fix));
                }
                self.steps[number].extract.push(extract);
            }
        }
        Ok(self)
    }

    /// Writes it; `url` is that of the plan, if it has one.
    pub(super) fn write(
        mut self,
        plan: &mut PlanText,
        url: Option<&str>,
        notes: &mut Vec<String>,
    ) -> Result<(), WrongImport> {
        notes.push("requests of `setup()` are made once before the start: one that does not succeed ends the run before it begins".to_owned());
        if self.steps.len() > 1 {
            notes.push("k6 sends cookies that responses of `setup()` set with its later requests, and the plan does not: where one needs them, take them with `extract`, and send them as a header".to_owned());
        }
        if self.steps.len() > REQUESTS_MAX {
            let count = self.steps.len();
            if let Some((name, _)) =
                self.steps.drain(REQUESTS_MAX..).find_map(|step| step.extract.into_iter().next())
            {
                let problem = format!(
                    "`setup()` makes {count} requests, of which a plan has the first {REQUESTS_MAX}, and `{name}` of a later response is sent"
                );
                let fix =
                    "let `setup()` make fewer, or make them before the run and send rows of a data file";
                return Err(WrongImport::new(problem, fix));
            }
            notes.push(format!("`setup()` makes {count} requests: the first {REQUESTS_MAX} are in the plan"));
        }
        let mut table = Table::new();
        table.set_implicit(true);
        if url != Some(self.base.as_str()) {
            table.insert("url", Item::Value(self.base.as_str().into()));
        }
        let steps: ArrayOfTables = self.steps.iter().map(PlannedRequest::table).collect();
        table.insert("step", Item::ArrayOfTables(steps));
        plan.put("setup", Item::Table(table));
        Ok(())
    }
}
