//! The rules of scenarios whose users have connections of their own: there is one for each of them, to each target.

use super::fields::{Fields, Scenario};
use super::mistake::Mistake;
use super::pool_size::PoolSize;
use crate::flow::{OWN_SESSIONS_DEFAULT, SESSIONS_DEFAULT};
use crate::load::UserLoad;

/// What is wrong with the connections of a scenario, each with the pool that it is about.
pub(super) fn mistakes(scenario: &Scenario, fields: &Fields) -> Vec<(usize, Mistake)> {
    let sizes = scenario.pools().into_iter();
    let sizes: Vec<_> = sizes.filter_map(|pool| Some((pool, fields.pools.get(pool)?.connections))).collect();
    if !sizes.iter().any(|(_, size)| size.is_per_session()) {
        return Vec::new();
    }
    let Some(flow) = scenario.flow() else {
        let problem =
            "each user is to have a connection, and requests that are drawn by weight have no users";
        let fix = "give a number of connections, or make steps of a flow of the requests";
        return vec![(sizes[0].0, Mistake::new(problem, fix))];
    };
    let (needed, what) = match scenario.load.users().map(UserLoad::most) {
        Some(users) => (users, "users"),
        None => (flow.sessions_max.into(), "sessions"),
    };
    let wrong = |(pool, size): (usize, PoolSize)| {
        if !size.is_per_session() {
            let problem =
                "users have connections of their own to one of the targets, and share those to another";
            let fix = "let each target have connections per user, or each a number of them";
            return Some((pool, Mistake::new(problem, fix)));
        }
        let count = size.count();
        let problem = format!("there are {needed} {what} at a time, and connections for {count} of them");
        let fix = format!("let there be {needed} connections, or fewer {what}");
        (u64::from(count) < needed).then(|| (pool, Mistake::new(problem, fix)))
    };
    sizes.into_iter().filter_map(wrong).collect()
}

/// Makes as many connections as users may have at a time, after a load or the number of shards was given anew; and lets a load of the other kind
/// than the one before, of users or of arrivals, have as many iterations at a time as it would have had.
pub(super) fn size_anew(fields: &mut Fields, before: &Fields) {
    let Fields { scenarios, pools, machine, .. } = fields;
    for (scenario, before) in scenarios.iter_mut().zip(&before.scenarios) {
        let own = scenario.pools().into_iter();
        let own: Vec<usize> = own.filter(|&pool| pools[pool].connections.is_per_session()).collect();
        let users = scenario.load.users().map(UserLoad::most);
        let Some(flow) = scenario.flow_mut().filter(|_| !own.is_empty()) else { continue };
        if users.is_some() != before.load.users().is_some() {
            flow.sessions_max = if users.is_some() { SESSIONS_DEFAULT } else { OWN_SESSIONS_DEFAULT };
        }
        let needed = users.unwrap_or(flow.sessions_max.into()).min(u32::MAX.into()) as u32;
        for pool in own {
            pools[pool].connections = PoolSize::PerSession(needed.max(machine.shards));
        }
    }
}
