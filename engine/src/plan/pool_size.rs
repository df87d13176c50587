//! How many connections a pool has, and whose they are: of whoever is served next, or each of one user alone.

use serde::{Deserialize, Serialize};

/// How many connections a pool has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PoolSize {
    /// So many over all shards, for whatever is sent next.
    Shared(u32),
    /// One for each session of a flow, of which there are so many at a time at the most, over all shards.
    PerSession(u32),
}

impl PoolSize {
    /// Connections over all shards, at the most.
    pub fn count(self) -> u32 {
        let (PoolSize::Shared(count) | PoolSize::PerSession(count)) = self;
        count
    }

    /// Whether each is of one session alone.
    pub fn is_per_session(self) -> bool {
        matches!(self, PoolSize::PerSession(_))
    }
}
