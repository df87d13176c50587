//! Scenarios whose steps go to several targets: what is due waits for a connection to its own target, and holds up nothing to another.
//!
//! Each target has a pool. An arrival begins when a connection is free to a target that its first request may go to; where that is another
//! one than was drawn, it waits there as any request does that follows another.

use super::Shard;
use super::core::Core;
use super::flows::UNPREPARED_PER_TURN;
use super::pool::ConnectionPool;
use super::scenario::ScenarioRun;
use crate::protocol::Protocol;
use crate::wire::Wire;
use engine::record::{Overdue, Recorder};
use engine::seams::{Following, Source, Started, Unprepared};

impl<S: Source> ScenarioRun<S> {
    /// Whether its steps go to several targets, or on connections of its sessions' own: what is due waits by its target then.
    #[inline(always)]
    pub(super) fn has_targets(&self) -> bool {
        S::MAY_CONTINUE && self.targets.is_some()
    }

    fn look_at_pools<P: Protocol>(&mut self, pools: &mut [ConnectionPool<P>]) {
        if self.owns_connections {
            return self.resume_held(pools);
        }
        for target in self.targets.iter_mut().flatten() {
            target.is_ready = pools[target.pool].connections.first_ready().is_some();
        }
    }

    /// Looks at how its arrivals wait, before that is asked for. With several targets an arrival begins on any connection that is free to one
    /// that its first request may go to: so it is the generator's doing for as long as one has been free to any of these, and where none is,
    /// as far as what is under way to them was late, on average over all their connections.
    pub(super) fn look_at_backlog<W: Wire, P: Protocol>(
        &mut self,
        core: &Core<W>,
        pools: &mut [ConnectionPool<P>],
    ) {
        let Some(targets) = self.targets.as_deref() else { return };
        let (mut waited_ns, mut free_ns) = (None, None);
        let (mut late_ns, mut connections) = (0_u128, 0_u128);
        for target in targets.iter().filter(|target| target.may_begin) {
            let pool = &mut pools[target.pool];
            let Some(overdue) = pool.backlog(core, self) else { continue };
            waited_ns = Some(overdue.waited_ns);
            if pool.connections.first_ready().is_some() && !self.is_full {
                free_ns = free_ns.max(Some(overdue.own_ns));
            }
            let used = u128::from(pool.connections.used().max(1));
            (late_ns, connections) = (late_ns + used * u128::from(overdue.own_ns), connections + used);
        }
        let own_ns = free_ns.unwrap_or((late_ns / connections.max(1)) as u64);
        self.overdue_at_targets = waited_ns.map(|waited_ns| Overdue { waited_ns, own_ns });
    }

    /// When the next request is due of those that a connection is free to take, and to which target it goes; none of an arrival, which
    /// begins first.
    fn next_to_targets(&self) -> Option<(u64, Option<usize>)> {
        let targets = self.targets.as_deref()?;
        let ready = targets.iter().enumerate().filter(|(_, target)| target.is_ready);
        let due = ready.filter_map(|(number, _)| Some((self.source.next_due_at(number)?, Some(number))));
        // Of those that are due at once, the first target's comes first, and one that has begun before an arrival.
        let due = due.min_by_key(|&(due_ns, _)| due_ns);
        let may_begin = targets.iter().any(|target| target.is_ready && target.may_begin);
        let arrival_ns = self.next_arrival_of_flow().filter(|_| may_begin);
        match (due, arrival_ns) {
            (Some((due_ns, _)), Some(arrival_ns)) if due_ns <= arrival_ns => due,
            (_, Some(arrival_ns)) => Some((arrival_ns, None)),
            (due, None) => due,
        }
    }

    /// What is due by now at a target to which a connection is free, and has been due for longest.
    fn next_of_targets<P: Protocol>(
        &mut self,
        recorder: &mut Recorder,
        pools: &mut [ConnectionPool<P>],
        now_ns: u64,
    ) -> Option<(usize, Following)> {
        if self.is_closed {
            self.end_untried(recorder, now_ns);
            self.source.abandon_waiting(now_ns);
        }
        let mut has_waited = None;
        loop {
            self.withhold(recorder, now_ns);
            let (_, target) = self.next_to_targets().filter(|&(due_ns, _)| due_ns <= now_ns)?;
            let Some(target) = target else {
                let (arrival, started) = self.begin_arrival(recorder, now_ns)?;
                if started == Started::Later && self.has_waited_for_room {
                    has_waited = Some(arrival.number);
                }
                continue;
            };
            if self.owns_connections && !self.can_send_on_own(pools, target) {
                continue;
            }
            let next = self.source.take_due_at(target);
            self.has_waited_for_room = has_waited == Some(next.arrival.number);
            return Some((target, next));
        }
    }

    /// The same, filled in, and the pool that it is sent on. One that cannot be filled has failed, and the next one is looked for.
    fn next_prepared_of_targets<P: Protocol>(
        &mut self,
        core: &mut Core<impl Wire>,
        pools: &mut [ConnectionPool<P>],
        now_ns: u64,
    ) -> Option<(usize, Following)> {
        for _ in 0..UNPREPARED_PER_TURN {
            let (target, next) = self.next_of_targets(&mut core.recorder, pools, now_ns)?;
            let Err(Unprepared { kind, why }) = self.source.prepare(next.call, now_ns) else {
                return Some((self.targets.as_ref()?[target].pool, next));
            };
            self.end_unsent(&mut core.recorder, self.first_series, next, (kind, why), now_ns);
        }
        None
    }

    /// What waits for a connection of a pool and has waited for longest, of what has begun. Where nothing does, one arrival begins that may
    /// go there, and no more until it does: those drawn for other targets would wait there as sessions, which nothing drops.
    pub(super) fn longest_waiting_on(
        &mut self,
        core: &mut Core<impl Wire>,
        pool: usize,
        now_ns: u64,
    ) -> Option<Following> {
        let targets = self.targets.as_deref()?;
        let number = targets.iter().position(|target| target.pool == pool)?;
        let is_due = |source: &S| source.next_due_at(number).is_some_and(|due_ns| due_ns <= now_ns);
        if targets[number].may_begin && !is_due(&self.source) {
            self.withhold(&mut core.recorder, now_ns);
            self.next_arrival_of_flow().filter(|&due_ns| due_ns <= now_ns)?;
            self.begin_arrival(&mut core.recorder, now_ns)?;
        }
        for _ in 0..UNPREPARED_PER_TURN {
            if !is_due(&self.source) {
                return None;
            }
            let next = self.source.take_due_at(number);
            let Err(Unprepared { kind, why }) = self.source.prepare(next.call, now_ns) else {
                return Some(next);
            };
            self.end_unsent(&mut core.recorder, self.first_series, next, (kind, why), now_ns);
        }
        None
    }
}

impl<W: Wire, S: Source, P: Protocol> Shard<W, S, P> {
    /// When the next request of a scenario with several targets is to leave, if a connection is free to take it.
    #[inline(never)]
    pub(super) fn due_at_targets(&mut self, index: usize) -> Option<u64> {
        let Shard { core, scenarios, pools, .. } = self;
        scenarios[index].look_at_pools(pools);
        let (due_ns, _) = scenarios[index].next_to_targets()?;
        Some(core.start_ns.saturating_add(due_ns))
    }

    /// Sends what is due of it for longest, of those that a connection is free to take.
    #[inline(never)]
    pub(super) fn release_to_targets(&mut self, index: usize) {
        let Shard { core, scenarios, pools, .. } = self;
        let scenario = &mut scenarios[index];
        let Some(now_ns) = core.now_ns.checked_sub(core.start_ns) else { return };
        scenario.note_room(now_ns, core.late_ns);
        scenario.look_at_pools(pools);
        let Some((pool, next)) = scenario.next_prepared_of_targets(core, pools, now_ns) else { return };
        let pool = &mut pools[pool];
        if scenario.owns_connections {
            return pool.send_on_own(core, scenario, next);
        }
        let slot = pool.connections.first_ready().expect("a target is taken from where a connection is free");
        pool.send_of_flow(core, scenario, slot, next);
    }
}
