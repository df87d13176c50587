//! Which series belong to which scenario.

use serde::{Deserialize, Serialize};
use std::ops::Range;

/// The scenarios of a run and the series of each: one after the other, in the order of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// One past the last series of each scenario.
    ends: Vec<usize>,
    /// Those of which an arrival leads to several requests: iterations are recorded of them.
    flows: Vec<usize>,
    /// Those of which attempts at requests are recorded.
    #[serde(default)]
    tried: Vec<usize>,
    /// One past the last named flow of each scenario; empty where none has any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    named: Vec<usize>,
}

impl Layout {
    /// Scenarios with so many series each.
    pub fn new(series_of_each: impl IntoIterator<Item = usize>) -> Layout {
        let mut end = 0;
        let ends = series_of_each.into_iter().map(|series| {
            end += series;
            end
        });
        Layout { ends: ends.collect(), flows: Vec::new(), tried: Vec::new(), named: Vec::new() }
    }

    /// The same, in which iterations are recorded of these scenarios.
    pub fn with_flows(self, flows: impl IntoIterator<Item = usize>) -> Layout {
        Layout { flows: flows.into_iter().collect(), ..self }
    }

    /// The same, in which attempts at the requests of these scenarios are recorded.
    pub fn with_attempts(self, tried: impl IntoIterator<Item = usize>) -> Layout {
        Layout { tried: tried.into_iter().collect(), ..self }
    }

    /// The same, in which so many named flows of each scenario are recorded, each by itself.
    pub fn with_named_flows(self, flows_of_each: impl IntoIterator<Item = usize>) -> Layout {
        let mut end = 0;
        let ends = flows_of_each.into_iter().map(|flows| {
            end += flows;
            end
        });
        let ends: Vec<usize> = ends.collect();
        Layout { named: if end > 0 { ends } else { Vec::new() }, ..self }
    }

    /// How many named flows there are, of all scenarios.
    pub fn named_flows(&self) -> usize {
        self.named.last().copied().unwrap_or(0)
    }

    /// The named flows of a scenario, in the order in which it comes to them.
    pub fn named_flows_of(&self, scenario: usize) -> Range<usize> {
        let end = |scenario: usize| self.named.get(scenario).copied().unwrap_or(0);
        scenario.checked_sub(1).map_or(0, end)..end(scenario)
    }

    /// The series of which attempts are recorded.
    pub(super) fn tried_series(&self) -> impl Iterator<Item = usize> {
        self.tried.iter().flat_map(|scenario| self.series_of(*scenario))
    }

    /// Whether iterations of a scenario are recorded.
    pub fn is_flow(&self, scenario: usize) -> bool {
        self.flows.contains(&scenario)
    }

    /// How many scenarios there are.
    pub fn scenarios(&self) -> usize {
        self.ends.len()
    }

    /// How many series there are, of all scenarios.
    pub fn series(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }

    /// Whether the series of scenarios follow one another, as they do in every layout made here.
    pub(super) fn is_in_order(&self) -> bool {
        let has_named = self.named.is_empty() || self.named.len() == self.ends.len();
        self.ends.is_sorted() && self.named.is_sorted() && has_named
    }

    /// The series of a scenario.
    pub fn series_of(&self, scenario: usize) -> Range<usize> {
        let before = scenario.checked_sub(1).map_or(0, |before| self.ends[before]);
        before..self.ends[scenario]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_series_belongs_to_one_scenario() {
        let layout = Layout::new([2, 0, 3]);
        assert_eq!((layout.scenarios(), layout.series()), (3, 5));
        let ranges: Vec<_> = (0..3).map(|scenario| layout.series_of(scenario)).collect();
        assert_eq!(ranges, [0..2, 2..2, 2..5]);
    }

    #[test]
    fn each_named_flow_belongs_to_one_scenario() {
        let layout = Layout::new([2, 1, 3]).with_flows([0, 2]).with_named_flows([2, 0, 1]);
        let ranges: Vec<_> = (0..3).map(|scenario| layout.named_flows_of(scenario)).collect();
        assert_eq!((layout.named_flows(), ranges), (3, vec![0..2, 2..2, 2..3]));
        let nothing = Layout::new([2, 1]).with_flows([0]).with_named_flows([0, 0]);
        assert_eq!((nothing.named_flows(), nothing.named_flows_of(1)), (0, 0..0));
        assert_eq!(nothing, Layout::new([2, 1]).with_flows([0]), "one without any is as it ever was");
    }
}
