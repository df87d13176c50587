//! The budgets, measured: one scenario for each thing that is run, with the figures it gives.
//!
//! A scenario starts what it needs and leaves nothing behind. It never judges; `budgets.rs` has the limits and `report.rs`
//! puts them side by side.

mod capacity;
mod cost;
mod flight;
mod memory;
mod promptness;
mod rate;
mod recording;

use crate::vajra::Vajra;

/// What a scenario has to work with.
pub(crate) struct Rig {
    pub(crate) vajra: Vajra,
    pub(crate) length: Length,
}

/// How thorough to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Length {
    /// As the budgets are meant
    Full,
    /// To see that everything works, and roughly where it stands
    Short,
}

impl Length {
    /// One of two numbers.
    fn pick<T>(self, full: T, short: T) -> T {
        if self == Length::Full { full } else { short }
    }
}

/// One figure.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Figure {
    /// The budget's name.
    pub(crate) name: &'static str,
    /// `None` when it could not be measured, which the note explains.
    pub(crate) value: Option<f64>,
    /// How it came about.
    pub(crate) note: String,
}

impl Figure {
    fn new(name: &'static str, value: f64, note: impl Into<String>) -> Figure {
        Figure { name, value: Some(value), note: note.into() }
    }

    fn absent(name: &'static str, note: impl Into<String>) -> Figure {
        Figure { name, value: None, note: note.into() }
    }
}

/// One thing that is run.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// The budgets whose figures it gives.
    pub(crate) budgets: &'static [&'static str],
    pub(crate) measure: fn(&Rig) -> Result<Vec<Figure>, String>,
}

/// All of them. Together they give every budget once.
pub(crate) const SCENARIOS: [Scenario; 9] = [
    Scenario {
        name: "cost",
        budgets: &["cpu-small", "cpu-64k", "cpu-1m", "cpu-gcannon", "cpu-floor"],
        measure: cost::measure,
    },
    Scenario { name: "drift", budgets: &["rate", "slip-p50", "slip-p99"], measure: rate::measure },
    Scenario {
        name: "record",
        budgets: &["recording", "recording-share", "allocations"],
        measure: recording::measure,
    },
    Scenario {
        name: "resident",
        budgets: &["memory", "memory-connection"],
        measure: memory::measure_connections,
    },
    Scenario { name: "flat", budgets: &["memory-flat"], measure: memory::measure_growth },
    Scenario {
        name: "flight",
        budgets: &["in-flight", "in-flight-lag", "in-flight-lag-p50", "in-flight-cpu"],
        measure: flight::measure,
    },
    Scenario {
        name: "loop",
        budgets: &["loop-64", "loop-10k", "loop-50k", "loop-100k", "loop-1m"],
        measure: flight::measure_loop,
    },
    Scenario {
        name: "capacity",
        budgets: &["null", "null-pipelined", "million", "shards-1", "shards-2"],
        measure: capacity::measure,
    },
    Scenario { name: "promptness", budgets: &["interrupt", "preflight"], measure: promptness::measure },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budgets::BUDGETS;
    use std::collections::BTreeSet;

    #[test]
    fn every_budget_has_its_scenario_and_one_alone() {
        let measured: Vec<&str> = SCENARIOS.iter().flat_map(|scenario| scenario.budgets).copied().collect();
        let promised: BTreeSet<&str> = BUDGETS.iter().map(|budget| budget.name).collect();
        assert_eq!(measured.len(), promised.len());
        assert_eq!(measured.into_iter().collect::<BTreeSet<_>>(), promised);
    }
}
