//! Connections of users, as typed: `connections = "per user"`, and for how many of them.

use super::{PlanReader, Typed};
use crate::config::ConnectionCount;
use crate::flow::{OWN_SESSIONS_DEFAULT, SESSIONS_DEFAULT};
use crate::load::{Load, UserLoad};
use crate::plan::fields::Script;
use crate::plan::pool_size::PoolSize;

impl PlanReader<'_> {
    /// Whether each user of a scenario is to have connections of its own.
    pub(super) fn is_per_user(&self, typed: &Typed) -> bool {
        let given = typed.config.connections.or(self.config.run.connections);
        !typed.is_setup && given == Some(ConnectionCount::PerUser)
    }

    /// How many iterations may be under way at a time where nothing is said: fewer where each has a connection. Users have as many as there are
    /// of them.
    pub(super) fn sessions_default(&self, typed: &Typed, has_users: bool) -> u32 {
        if self.is_per_user(typed) && !has_users { OWN_SESSIONS_DEFAULT } else { SESSIONS_DEFAULT }
    }

    /// One for each user, or for each iteration that may be under way; and for each shard, which has one at least.
    pub(super) fn per_session(&mut self, typed: &Typed, key: &str, load: &Load, script: &Script) -> PoolSize {
        let sessions = match (load, script) {
            (Load::Users(users), _) => UserLoad::most(users).try_into().unwrap_or(u32::MAX),
            (_, Script::Flow { flow, .. }) if *load != Load::Closed => flow.sessions_max,
            // A load that could not be read may have had them.
            _ if self.is_wrong(&typed.at("load")) => 0,
            _ => {
                let problem =
                    "each user is to have connections of its own, and nothing says how many users there are";
                let fix = "give `load` as many `users`, or a `rate`; or give a number of connections, each of which is a user then";
                self.wrong_once(crate::config::Diagnostic::at(key, problem, fix));
                0
            }
        };
        PoolSize::PerSession(sessions.max(self.shards))
    }

    /// A target has a number of connections, and its scenario's users are to have their own.
    pub(super) fn refuse_number_of_target(&mut self, key: &str, target: &str) {
        let problem =
            format!("each user is to have connections of its own, and those to `{target}` have a number");
        let fix = "leave the target's `connections` out: there are as many as users";
        self.wrong_once(crate::config::Diagnostic::at(key, problem, fix));
    }
}
