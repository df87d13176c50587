//! The pools of a scenario: one for each target that its steps go to.

use super::fields::Scenario;

impl Scenario {
    /// The pools that its requests are sent on, each once, in the order in which its steps come to use them.
    pub fn pools(&self) -> Vec<usize> {
        let mut pools = Vec::new();
        for step in self.steps() {
            if !pools.contains(&step.pool) {
                pools.push(step.pool);
            }
        }
        pools
    }
}
