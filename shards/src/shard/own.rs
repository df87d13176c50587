//! Connections of users' own: each session has one to each of its targets, which no other session takes.
//!
//! The first request that needs it makes it. The slot of a connection is the number of its session. A request that is due is sent on its
//! session's connection, or makes it; where it can do neither yet, because an attempt has just failed or the connection is between two ways
//! of receiving, it is held until it can, and stands in nobody's way. So there is no queue for connections, and none of them takes turns.

use super::core::Core;
use super::pool::ConnectionPool;
use super::scenario::ScenarioRun;
use crate::connection::{Armed, Link};
use crate::protocol::Protocol;
use crate::wire::{Slot, Wire};
use engine::seams::{Following, Source};

impl<S: Source> ScenarioRun<S> {
    /// Whether its sessions have connections of their own.
    #[inline(always)]
    pub(super) fn has_own_connections(&self) -> bool {
        S::MAY_CONTINUE && self.owns_connections
    }

    /// What was held for connections that have become ready since is due again.
    pub(super) fn resume_held<P: Protocol>(&mut self, pools: &mut [ConnectionPool<P>]) {
        let source = &mut self.source;
        for (number, target) in self.targets.iter_mut().flatten().enumerate() {
            // Nothing is due there that waits for another's connection.
            target.is_ready = true;
            while let Some(slot) = pools[target.pool].connections.next_readied() {
                source.resume_at(number, slot);
            }
        }
    }

    /// Whether what is due next at a target can be sent, or make its connection. It is held if not.
    pub(super) fn can_send_on_own<P: Protocol>(
        &mut self,
        pools: &mut [ConnectionPool<P>],
        target: usize,
    ) -> bool {
        let pool = self.targets.as_ref().map(|targets| targets[target].pool);
        let (Some(pool), Some(session)) = (pool, self.source.next_session_at(target)) else { return false };
        let can_send = pools[pool].connections.is_ready(session);
        if !can_send {
            self.source.hold_due_at(target);
        }
        can_send
    }

    /// Closes the connections of those who have left: of iterations that have ended, or of users who have gone.
    #[inline(never)]
    pub(super) fn close_left<W: Wire, P: Protocol>(
        &mut self,
        core: &mut Core<W>,
        pools: &mut [ConnectionPool<P>],
    ) {
        debug_assert!(self.leaving.is_empty());
        // While others were free nobody has waited for these: what is late of who comes next is the generator's doing since it was due.
        let free_ns = if self.is_full { core.now_ns.saturating_sub(core.late_ns) } else { 0 };
        while let Some(slot) = self.next_left() {
            debug_assert!(!self.leaving.contains(&slot), "who has left is told of once");
            self.leaving.push(slot);
        }
        let mut has_words = false;
        for target in self.targets.iter().flatten() {
            for &slot in &self.leaving {
                has_words |= pools[target.pool].say_goodbye(core, slot);
            }
        }
        if has_words {
            // They go out before connections are closed. Should that fail, so does the next submission.
            let _ = core.wire.submit();
        }
        for target in self.targets.iter().flatten() {
            let pool = &mut pools[target.pool];
            self.leaving.iter().for_each(|&slot| pool.close_own(core, slot, free_ns));
        }
        self.leaving.clear();
    }

    fn next_left(&mut self) -> Option<Slot> {
        self.source.next_left().or_else(|| self.users.as_mut()?.next_gone())
    }
}

impl<P: Protocol> ConnectionPool<P> {
    /// Sends a request of a flow, filled in, on the connection of its session, which can take it or is to be made.
    #[inline(never)]
    pub(super) fn send_on_own<W: Wire, S: Source>(
        &mut self,
        core: &mut Core<W>,
        scenario: &mut ScenarioRun<S>,
        next: Following,
    ) {
        let slot = next.call.session;
        let free_ns = self.free_since_ns(core, scenario, slot, next);
        self.connections.unqueue(slot);
        match self.connections.at(slot).link() {
            Link::OnDemand => self.attempt(core, slot, next, free_ns),
            _ => {
                if self.append(core, scenario, slot, next, free_ns) {
                    self.finish_send(core, slot);
                }
            }
        }
        core.sends += 1;
        core.operations += 1;
    }

    /// Says the last words on the connection of a session that has left, if there is one and they are to be said.
    fn say_goodbye<W: Wire>(&mut self, core: &mut Core<W>, slot: Slot) -> bool {
        let connection = self.connections.at(slot);
        connection.is_open() && !connection.is_sending() && self.say_last_words(core, slot)
    }

    /// Closes the connection of a session that has left, if there is one. Whoever comes next makes another, and inherits no wait of this one.
    fn close_own<W: Wire>(&mut self, core: &mut Core<W>, slot: Slot, free_ns: u64) {
        let connection = self.connections.at(slot);
        debug_assert_eq!(connection.under_way, 0, "who has left waits for nothing");
        if connection.is_open() {
            self.connections.open -= 1;
            core.wire.close(self.first_slot + slot);
        }
        let connection = self.connections.at(slot);
        connection.set_sending(false);
        (connection.has_output, connection.armed) = (false, Armed::No);
        (connection.was_open, connection.has_answered) = (false, false);
        (connection.attempts, connection.carried_ns) = (0, 0);
        self.await_demand(core.now_ns, slot);
        self.connections.at(slot).free_ns = free_ns;
    }
}
