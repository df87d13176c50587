//! What is done once before the start, as a plan has it.

use serde::{Deserialize, Serialize};

/// Requests that are sent once before the start, one after the other. `S` is a step of the plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetupScript<S> {
    /// Which of the plan's targets they go to.
    pub target: usize,
    /// The requests; at least one. What is taken from their responses is known to all requests of the plan. They use no pool of the
    /// plan's: each has a connection of its own.
    pub steps: Vec<S>,
    /// After how long they are sent again while the run goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_ns: Option<u64>,
    /// The value that says for how many seconds the others are good: the requests are sent again when nine tenths of them have passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifetime: Option<String>,
}

impl<S> SetupScript<S> {
    /// Whether its values may change while the run goes on.
    pub fn is_renewed(&self) -> bool {
        self.refresh_ns.is_some() || self.lifetime.is_some()
    }
}
