//! The targets that a scenario's steps go to, as a shard knows them.

use engine::plan::Scenario;

/// One target of such a scenario; its number is its place among them.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReachedTarget {
    pub(super) pool: usize,
    /// The first request of an arrival may go there, or it sends none, and begins wherever a connection is free.
    pub(super) may_begin: bool,
    /// A connection to it is free.
    pub(super) is_ready: bool,
}

/// The targets of a scenario whose steps go to several, or on connections of its sessions' own; nothing of any other.
pub(super) fn reached(scenario: &Scenario, owns_connections: bool) -> Option<Box<[ReachedTarget]>> {
    let (flow, pools) = (scenario.flow()?, scenario.pools());
    let first = flow.first_steps();
    let may_begin =
        |pool: usize| first.is_empty() || first.iter().any(|&step| scenario.steps()[step].pool == pool);
    let target = |pool| ReachedTarget { pool, may_begin: may_begin(pool), is_ready: false };
    (owns_connections || pools.len() > 1).then(|| pools.into_iter().map(target).collect())
}

/// The pool that arrivals of a scenario begin on.
pub(super) fn first_pool(scenario: &Scenario) -> usize {
    let first = scenario.flow().and_then(|flow| flow.first_steps().first().copied());
    scenario.steps()[first.unwrap_or(0)].pool
}
