//! What a scenario keeps whose load is lowered while its target does not keep up. The rule itself is the engine's.

use engine::degrade::Degrade;
use engine::load::{Load, Overload};
use engine::plan::Scenario;

/// How far the load of one scenario is lowered on its shard.
#[derive(Clone, Debug)]
pub(super) struct Degrading {
    pub(super) law: Degrade,
    /// The number of the next arrival, once it is decided that it is sent.
    pub(super) admitted: Option<u64>,
    /// How much of the wait was the generator's doing when the factor was looked at last.
    pub(super) own_share: f64,
    /// The part of an arrival that is the generator's doing and has not been counted yet.
    own_carried: f64,
}

impl Degrading {
    /// That of a scenario, if its load is lowered.
    pub(super) fn of(scenario: &Scenario) -> Option<Degrading> {
        let Load::Open { overload: Overload::Degrade { slip_ns, floor_ppm }, .. } = scenario.load else {
            return None;
        };
        let law = Degrade::new(slip_ns, floor_ppm, scenario.starts_ns);
        Some(Degrading { law, admitted: None, own_share: 0.0, own_carried: 0.0 })
    }

    /// How many of so many arrivals that are withheld count as the generator's doing.
    pub(super) fn own_of(&mut self, withheld: u64) -> u64 {
        self.own_carried += withheld as f64 * self.own_share;
        let whole = self.own_carried.floor();
        self.own_carried -= whole;
        whole as u64
    }
}
