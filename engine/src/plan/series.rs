//! What is recorded of a plan, and which of it a condition is about.

use super::fields::{Fields, Scenario};
use crate::flow::FlowScript;
use crate::record::Layout;
use crate::threshold::Scope;

impl Fields {
    /// The series that are recorded: one for each step, in the order of the plan.
    pub fn layout(&self) -> Layout {
        let is_flow = |(index, scenario): (usize, &Scenario)| scenario.flow().map(|_| index);
        let flows = self.scenarios.iter().enumerate().filter_map(is_flow);
        let is_tried = |(index, scenario): (usize, &Scenario)| {
            scenario.flow().filter(|flow| !flow.resilience.is_nothing()).map(|_| index)
        };
        let tried = self.scenarios.iter().enumerate().filter_map(is_tried);
        let named = self.scenarios.iter().map(|scenario| scenario.named_flows().len());
        let layout = Layout::new(self.scenarios.iter().map(|scenario| scenario.steps().len()));
        layout.with_flows(flows).with_attempts(tried).with_named_flows(named)
    }

    /// The records of a named flow: of one scenario, or of all.
    pub(crate) fn flow_records(&self, scope: &Scope) -> Vec<usize> {
        let layout = self.layout();
        let of_scenario = |(index, scenario): (usize, &Scenario)| {
            let place =
                scenario.named_flows().iter().position(|name| Some(*name) == scope.flow.as_deref())?;
            Some(layout.named_flows_of(index).start + place)
        };
        let scenarios = self.scenarios.iter().enumerate();
        scenarios.filter(|(_, scenario)| scope.is_about(&scenario.name)).filter_map(of_scenario).collect()
    }
}

impl Scenario {
    /// The named flows that are reported, each by itself, in the order in which it comes to them.
    pub fn named_flows(&self) -> Vec<&str> {
        self.flow().map_or_else(Vec::new, FlowScript::named_flows)
    }

    /// The numbers of the steps that a scope is about: all, those of a name, those that a named flow makes itself.
    pub(crate) fn steps_in(&self, scope: &Scope) -> Vec<usize> {
        if !scope.is_about(&self.name) {
            return Vec::new();
        }
        let is_meant =
            |step: &usize| scope.step.as_ref().is_none_or(|name| *name == self.steps()[*step].name);
        match (&scope.flow, self.flow()) {
            (None, _) => (0..self.steps().len()).filter(is_meant).collect(),
            (Some(name), Some(flow)) => flow.steps_of_flow(name).into_iter().filter(is_meant).collect(),
            (Some(_), None) => Vec::new(),
        }
    }
}
