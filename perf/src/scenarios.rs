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
mod rig;

pub(crate) use rig::{BudgetFigure, Length, Rig};

/// One thing that is run.
pub(crate) struct BudgetScenario {
    pub(crate) name: &'static str,
    /// The budgets whose figures it gives.
    pub(crate) budgets: &'static [&'static str],
    pub(crate) measure: fn(&Rig) -> Result<Vec<BudgetFigure>, String>,
}

/// All of them. Together they give every budget once.
pub(crate) const SCENARIOS: [BudgetScenario; 9] = [
    BudgetScenario {
        name: "cost",
        budgets: &[
            "cpu-small",
            "cpu-64k",
            "cpu-1m",
            "cpu-tls-small",
            "cpu-tls-64k",
            "cpu-gcannon",
            "cpu-floor",
        ],
        measure: cost::measure,
    },
    BudgetScenario { name: "drift", budgets: &["rate", "slip-p50", "slip-p99"], measure: rate::measure },
    BudgetScenario {
        name: "record",
        budgets: &["recording", "recording-share", "allocations"],
        measure: recording::measure,
    },
    BudgetScenario {
        name: "resident",
        budgets: &["memory", "memory-connection"],
        measure: memory::measure_connections,
    },
    BudgetScenario { name: "flat", budgets: &["memory-flat"], measure: memory::measure_growth },
    BudgetScenario {
        name: "flight",
        budgets: &["in-flight", "in-flight-lag", "in-flight-lag-p50", "in-flight-cpu"],
        measure: flight::measure,
    },
    BudgetScenario {
        name: "loop",
        budgets: &["loop-64", "loop-10k", "loop-50k", "loop-100k", "loop-1m"],
        measure: flight::measure_loop,
    },
    BudgetScenario {
        name: "capacity",
        budgets: &["null", "null-pipelined", "million", "shards-1", "shards-2"],
        measure: capacity::measure,
    },
    BudgetScenario { name: "promptness", budgets: &["interrupt", "preflight"], measure: promptness::measure },
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
