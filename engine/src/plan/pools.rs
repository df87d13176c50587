//! The pools of a scenario: one for each target that its steps go to.

use super::fields::{Fields, Scenario};

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

impl Fields {
    /// How many connections are of one user each, at the most, over all pools and shards.
    pub fn connections_per_user(&self) -> u32 {
        let own = self.pools.iter().filter(|pool| pool.connections.is_per_session());
        own.map(|pool| pool.connections.count()).sum()
    }
}
