//! One shard: the loop that sends what is due and records what comes back.
//!
//! A turn reads like a table of contents, and every decision in it is made at one `now`. The loop knows no socket, no
//! executor and no other shard; the world is a [`Wire`], so that the same loop runs on io_uring and in simulation.
//! It allocates nothing once its connections are made.
//!
//! `scenario.rs` knows what is due, `pool.rs` the connections it is sent on, `receiving.rs` what comes back on them.

mod accounting;
mod attempts;
mod core;
mod degrading;
mod endings;
mod expiry;
mod flows;
mod moments;
mod own;
mod pacing;
mod pool;
mod reached;
mod receiving;
mod replay;
mod replays;
mod scenario;
mod stages;
mod targets;
mod withholding;

use self::core::{Core, MILLISECOND_NS, Stage};
use crate::lanes::{Control, ShardLane};
use crate::pace::{Idle, Pace};
use crate::protocol::{Protocol, Unusable};
use crate::wire::{Completion, Slot, Wire};
use engine::bucket::Share;
use engine::orders::Order;
use engine::phase::Warmup;
use engine::plan::Plan;
use engine::record::{Recorder, ShardStats};
use engine::seams::Source;
use pool::ConnectionPool;
use scenario::ScenarioRun;
use std::io;
use std::sync::Arc;

/// Sends execute one after the other inside one system call, some microseconds each; responses wait meanwhile. A longer
/// batch would cost less and bias response times. All scenarios share it.
pub const SENDS_PER_TURN: usize = 16;
/// Completions handled before sends get their turn.
const COMPLETIONS_PER_TURN: usize = 1_024;
const _: () = assert!(SENDS_PER_TURN <= COMPLETIONS_PER_TURN, "a turn takes in as much as it sends");
/// What the executor is to do after a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Go on.
    Continue,
    /// The shard has handed over its last recorder.
    Finished,
}

/// What one shard is made of.
pub struct Parts<W, S, P: Protocol> {
    /// The world.
    pub wire: W,
    /// What to send: of each scenario.
    pub sources: Vec<S>,
    /// What the connections of each pool share, which says what is spoken on them.
    pub shared: Vec<P::Shared>,
    /// Which shard of how many.
    pub share: Share,
    /// Where recorders go.
    pub lane: ShardLane,
    /// The first recorder.
    pub recorder: Box<Recorder>,
    /// When to start and stop.
    pub control: Arc<Control>,
    /// Called once, with the number of open connections, when the shard is ready to start.
    pub on_ready: Box<dyn FnOnce(u64) + Send>,
}

/// One shard of a run.
pub struct Shard<W: Wire, S: Source, P: Protocol> {
    core: Core<W>,
    scenarios: Vec<ScenarioRun<S>>,
    pools: Vec<ConnectionPool<P>>,
    /// One past the last slot of each pool.
    slots: Vec<Slot>,
    rules: Rules,
    pace: Pace,
    lane: ShardLane,
    control: Arc<Control>,
    on_ready: Option<Box<dyn FnOnce(u64) + Send>>,
    /// How many revisions of the load it has taken over.
    revisions_heard: usize,
    published: ShardStats,
    /// When scheduling stopped, from the start of the run; the end of time before that.
    ended_ns: u64,
    /// Where the slice began that is being written, from the start of the run.
    slice_from_ns: u64,
    /// How long the last turn took.
    turn_ns: u64,
    /// When the core was lost last, until all that came meanwhile has been taken in; 0 otherwise.
    lost_core_at_ns: u64,
    next_publish_ns: u64,
    next_tick_ns: u64,
    /// When a scenario ends, or the run, or one of them gives up catching up.
    next_end_ns: u64,
    /// The last turn left completions unhandled.
    is_behind: bool,
    parked_until_ns: Option<u64>,
    is_spinning: bool,
}

/// The plan, as every part of the shard reads it.
#[derive(Clone, Copy, Debug)]
struct Rules {
    phases: engine::phase::Phases,
    /// One of the three below that are decided while the run goes on: where the window begins, where it ends, when a closed loop has
    /// sent its last.
    decides_in_run: bool,
    /// The measured window begins when the control says so.
    awaits_window: bool,
    /// It may end before it was planned to.
    awaits_end: bool,
    slice_ns: u64,
    /// The longest that a request may take, of any scenario.
    longest_timeout_ns: u64,
    /// Some scenario does not send all arrivals: it drops those that have waited for too long, or withholds some.
    passes_over: bool,
    /// Some scenario withholds arrivals.
    degrades: bool,
    /// Some connections answer for themselves.
    answers: bool,
    /// Some requests may have to be sent once more.
    replays: bool,
    /// Some requests are sent in parts, each at its moment.
    paces: bool,
    /// Some closed loop among several scenarios ends with a number of requests.
    counts_out: bool,
    /// Some sessions have connections of their own.
    owns_connections: bool,
}

impl Rules {
    fn new<S: Source, P: Protocol>(
        plan: &Plan,
        scenarios: &[ScenarioRun<S>],
        pools: &[ConnectionPool<P>],
    ) -> Rules {
        let (awaits_window, awaits_end) = (plan.warmup == Warmup::Auto, plan.until.is_some());
        let counts_out = scenarios.iter().any(|scenario| scenario.counts_out);
        Rules {
            phases: plan.phases,
            decides_in_run: awaits_window || awaits_end || counts_out,
            awaits_window,
            awaits_end,
            slice_ns: plan.slice_ns(),
            longest_timeout_ns: pools.iter().map(ConnectionPool::longest_request_ns).max().unwrap_or(0),
            passes_over: scenarios.iter().any(|scenario| scenario.sheds || scenario.degrading.is_some()),
            degrades: scenarios.iter().any(|scenario| scenario.degrading.is_some()),
            answers: pools.iter().any(|pool| !pool.is_verbatim()),
            replays: pools.iter().any(|pool| !pool.connections.is_in_order()),
            paces: pools.iter().any(ConnectionPool::is_paced),
            counts_out,
            owns_connections: scenarios.iter().any(ScenarioRun::has_own_connections),
        }
    }
}

impl<W: Wire, S: Source, P: Protocol> Shard<W, S, P> {
    /// A shard of a plan, about to connect.
    pub fn new(plan: &Plan, parts: Parts<W, S, P>) -> Shard<W, S, P> {
        let Parts { mut wire, sources, shared, share, lane, recorder, control, on_ready } = parts;
        let now_ns = wire.now();
        let mut scenarios: Vec<ScenarioRun<S>> = sources
            .into_iter()
            .enumerate()
            .map(|(index, source)| ScenarioRun::new(plan, index, source, share))
            .collect();
        let mut end = 0;
        let pool = |(number, shared)| {
            let pool = ConnectionPool::new(plan, number, share.shard, end, shared);
            end += pool.connections.count();
            pool
        };
        let mut pools: Vec<ConnectionPool<P>> = shared.into_iter().enumerate().map(pool).collect();
        assert!(
            scenarios.len() == plan.scenarios.len() && pools.len() == plan.pools.len(),
            "each has its part"
        );
        pools.iter_mut().for_each(|pool| pool.note_reported_sends(plan, &mut scenarios[pool.scenario]));
        let slots = pools.iter().map(|pool| pool.first_slot + pool.connections.count()).collect();
        let deepest = plan.targets.iter().map(|target| target.pipeline()).max().unwrap_or(1);
        let connect_timeout_ns = pools.iter().map(|pool| pool.connect_timeout_ns).max().unwrap_or(0);
        Shard {
            published: wire.counters(),
            core: Core {
                wire,
                recorder,
                stage: Stage::Connecting { deadline_ns: now_ns + connect_timeout_ns },
                start_ns: u64::MAX,
                now_ns,
                late_ns: 0,
                released: Vec::with_capacity(SENDS_PER_TURN * deepest as usize),
                replayed: Vec::with_capacity(SENDS_PER_TURN),
                operations: 0,
                sends: 0,
            },
            rules: Rules::new(plan, &scenarios, &pools),
            scenarios,
            pools,
            slots,
            pace: Pace::new(plan.machine.wait),
            lane,
            control,
            on_ready: Some(on_ready),
            revisions_heard: 0,
            ended_ns: u64::MAX,
            slice_from_ns: 0,
            turn_ns: 0,
            lost_core_at_ns: 0,
            next_publish_ns: u64::MAX,
            next_tick_ns: now_ns,
            next_end_ns: u64::MAX,
            is_behind: false,
            parked_until_ns: None,
            is_spinning: false,
        }
    }

    /// One turn of the loop. Errors are the machine's, and end the run.
    pub fn turn(&mut self) -> io::Result<Turn> {
        let now = self.core.wire.now();
        self.account(now);
        self.complete(now);
        self.expire(now);
        self.reconnect();
        let given = self.control.given();
        if given.revision_count() > self.revisions_heard {
            self.hear_of_revisions();
        }
        if S::MAY_CONTINUE {
            // A user whose iteration has just ended begins the next one in this turn, and not a system call later.
            self.close_left();
            self.note_iterations();
            self.close_left();
        }
        self.release(now);
        if S::MAY_CONTINUE {
            // Who leaves now has its connections closed in the next turn: last words would take along what is not stamped yet.
            self.note_iterations();
        }
        self.publish(now);
        self.poll_stop(now, given.order());
        if self.core.stage == Stage::Finished {
            return Ok(Turn::Finished);
        }
        self.submit_and_wait(now)?;
        Ok(Turn::Continue)
    }

    /// Takes in everything that happened.
    fn complete(&mut self, now: u64) {
        self.is_behind = true;
        for handled in 0..COMPLETIONS_PER_TURN {
            let Some(completion) = self.core.wire.next() else {
                self.is_behind = false;
                // Nothing was there: what came while the core was lost has been taken in, if the ring was asked since.
                if self.lost_core_at_ns != 0 && handled == 0 && self.lost_core_at_ns < now {
                    self.lost_core_at_ns = 0;
                }
                return;
            };
            self.core.operations += 1;
            self.handle(completion);
        }
    }

    #[inline]
    fn handle(&mut self, completion: Completion<W::Buffer>) {
        let pool = self.pool_of(completion.slot());
        let Shard { core, scenarios, pools, .. } = self;
        let pool = &mut pools[pool];
        let (scenario, from) = (&mut scenarios[pool.scenario], pool.first_slot);
        match completion {
            Completion::Received(slot, buffer, goes_on) => {
                pool.receive(core, scenario, slot - from, buffer, goes_on);
            }
            Completion::Discarded(slot, bytes) => pool.discarded(core, scenario, slot - from, bytes),
            Completion::Connected(slot) => pool.connected(core, scenario, slot - from),
            Completion::ConnectFailed(slot, kind) => pool.connect_failed(core, scenario, slot - from, kind),
            Completion::Paused(slot, pause) => pool.paused(core, slot - from, pause),
            Completion::Sent(slot) => pool.sent(core, scenario, slot - from),
            Completion::Ended(slot) => pool.ended(core, scenario, slot - from),
            Completion::Empty(slot) => pool.receive_empty(core, scenario, slot - from),
            Completion::Refused(slot, at) => pool.refused(core, scenario, slot - from, at),
            Completion::Broken(slot, kind) => {
                pool.broken(core, scenario, slot - from, Unusable::of(kind));
            }
        }
    }

    /// The pool that a slot of the wire belongs to.
    #[inline]
    fn pool_of(&self, slot: Slot) -> usize {
        match self.slots.len() {
            1 => 0,
            _ => self.slots.partition_point(|&end| end <= slot),
        }
    }

    /// Makes connections that are closed and whose time has come.
    fn reconnect(&mut self) {
        let wants = self.pools.iter().any(|pool| !pool.closed.is_empty());
        if wants && self.makes_connections() {
            let Shard { core, scenarios, pools, .. } = self;
            for pool in pools {
                if serves(core, scenarios, pool) {
                    pool.reconnect(core);
                }
            }
        }
    }

    /// A connection made after the last request has been sent would serve nobody.
    fn makes_connections(&self) -> bool {
        match self.core.stage {
            Stage::Connecting { .. } | Stage::Waiting | Stage::Running => true,
            Stage::Draining { sends_until_ns, .. } => {
                self.core.now_ns < sends_until_ns || self.pools.iter().any(ConnectionPool::has_replays)
            }
            Stage::Closing | Stage::Finished => false,
        }
    }

    /// Sends what is due on the connections that are free. Nothing in the turn that ends the run: it would be counted as
    /// ended, and never be sent.
    fn release(&mut self, now: u64) {
        let may_send = match self.core.stage {
            Stage::Running => true,
            Stage::Draining { sends_until_ns, .. } => {
                now < sends_until_ns && self.control.order() == Order::Run
            }
            _ => false,
        };
        if !P::IS_IN_ORDER && self.rules.replays {
            self.replay();
        }
        if !P::IS_IN_ORDER && self.rules.paces {
            self.send_due_parts(now);
        }
        if !may_send {
            return;
        }
        if self.rules.passes_over {
            self.shed();
            if self.rules.degrades {
                return self.release_admitted(now);
            }
        }
        if S::MAY_CONTINUE && self.rules.owns_connections {
            return self.release_most_overdue(now);
        }
        // One that is alone need not be asked.
        if let (core, [scenario], [pool]) = (&mut self.core, &mut self.scenarios[..], &mut self.pools[..]) {
            for _ in 0..SENDS_PER_TURN {
                if !pool.release(core, scenario) {
                    return;
                }
            }
            return;
        }
        self.release_most_overdue(now);
    }

    /// Sends once more what a target has not touched: at the end of the run too, which is not over before all has been answered.
    #[inline(never)]
    fn replay(&mut self) {
        let may_send = matches!(self.core.stage, Stage::Running | Stage::Draining { .. });
        if !may_send {
            return;
        }
        let is_over = self.control.order() != Order::Run;
        let Shard { core, scenarios, pools, .. } = self;
        for pool in pools {
            let scenario = &mut scenarios[pool.scenario];
            if is_over {
                pool.abandon_replays(core, scenario);
            }
            for _ in 0..SENDS_PER_TURN {
                if !pool.has_replays() || !pool.replay(core, scenario) {
                    break;
                }
            }
        }
    }

    /// Sends what is due of several scenarios, each time of the one that is due for longest: so all are late by the same, however
    /// much each of them asks for.
    #[inline(never)]
    fn release_most_overdue(&mut self, now: u64) {
        for _ in 0..SENDS_PER_TURN {
            let Some(scenario) = self.most_overdue(now) else { return };
            if self.scenarios[scenario].has_targets() {
                self.release_to_targets(scenario);
                continue;
            }
            let Shard { core, scenarios, pools, .. } = self;
            let scenario = &mut scenarios[scenario];
            pools[scenario.pool].release(core, scenario);
        }
    }

    /// Of the scenarios that have something due and a connection for it, the one that is due for longest.
    fn most_overdue(&mut self, now: u64) -> Option<usize> {
        let mut most = None;
        for index in 0..self.scenarios.len() {
            if let Some(due_ns) = self.due_ns(index).filter(|&due_ns| due_ns <= now)
                && most.is_none_or(|(most_ns, _)| due_ns < most_ns)
            {
                most = Some((due_ns, index));
            }
        }
        most.map(|(_, index)| index)
    }

    /// When a scenario's next request is to leave, if a connection is free to take it.
    // A part of the loop, which asks once a turn.
    #[inline(always)]
    fn due_ns(&mut self, index: usize) -> Option<u64> {
        let scenario = &self.scenarios[index];
        if scenario.has_targets() {
            return self.due_at_targets(index);
        }
        let connections = &mut self.pools[scenario.pool].connections;
        let slot = connections.first_ready()?;
        let free_ns = self.core.relative_ns(connections.at(slot).free_ns);
        Some(self.core.start_ns.saturating_add(scenario.next_due_ns(free_ns)?))
    }

    /// Stamps and hands over what was released; then waits for the next moment, if there is time.
    fn submit_and_wait(&mut self, now: u64) -> io::Result<()> {
        if !P::IS_VERBATIM && self.rules.answers {
            self.flush();
        }
        let now = self.stamp(now);
        let due_ns = self.next_due_ns();
        let has_more = self.core.stage == Stage::Running && due_ns.is_some_and(|due_ns| due_ns <= now);
        // The turn ended for its bounds, not for want of work; or the ring has to be asked what came meanwhile.
        if has_more || self.lost_core_at_ns != 0 {
            return self.core.wire.submit();
        }
        let until_ns = self.next_moment_ns(now);
        match self.pace.idle(now, due_ns, until_ns) {
            Idle::Spin => {
                self.is_spinning = self.core.operations == 0;
                if self.core.wire.has_work() { self.core.wire.submit() } else { Ok(()) }
            }
            Idle::Park { until_ns } => {
                // Sends execute within the call, one after the other. What is answered before the last of them is over has waited
                // for us, and not we for it: with several, that is looked at before going to sleep.
                if self.core.sends > 1 {
                    self.core.wire.submit()?;
                    if self.core.wire.has_work() {
                        return Ok(());
                    }
                }
                self.parked_until_ns = Some(until_ns);
                self.core.wire.wait(until_ns)
            }
        }
    }

    /// Sends what protocols have left in their outboxes in this turn: what they answer, and the requests that follow it.
    fn flush(&mut self) {
        let Shard { core, pools, .. } = self;
        for pool in pools.iter_mut().filter(|pool| !pool.is_verbatim()) {
            pool.flush(core);
        }
    }

    /// The moment of sending is the moment of handing over, just before the system call; one stamp for the batch.
    fn stamp(&mut self, now: u64) -> u64 {
        let Shard { core, pools, .. } = self;
        if core.released.is_empty() && (P::IS_IN_ORDER || core.replayed.is_empty()) {
            return now;
        }
        let (sent_ns, start_ns) = (core.wire.now(), core.start_ns);
        let Core { released, recorder, .. } = core;
        for &one in released.iter() {
            pools[one.pool as usize].stamp(recorder, one, sent_ns, start_ns);
        }
        released.clear();
        if !P::IS_IN_ORDER {
            for one in core.replayed.drain(..) {
                pools[one.pool as usize].stamp_again(one, sent_ns);
            }
        }
        sent_ns
    }

    /// When something must leave: the next request, of those that a connection is free to take, or a part of one that is under way.
    #[inline(always)]
    fn next_due_ns(&mut self) -> Option<u64> {
        let request_ns = self.next_request_ns();
        if P::IS_IN_ORDER || !self.rules.paces {
            return request_ns;
        }
        [request_ns, self.next_part_ns()].into_iter().flatten().min()
    }

    /// When the next request must leave.
    fn next_request_ns(&mut self) -> Option<u64> {
        if self.core.stage == Stage::Waiting {
            // The start is as due as any request: the first one is to leave at it.
            return self.control.start_ns();
        }
        let can_send = self.core.stage == Stage::Running
            || matches!(self.core.stage, Stage::Draining { sends_until_ns, .. } if self.core.now_ns < sends_until_ns);
        if !can_send {
            return None;
        }
        let mut next_ns = None;
        for index in 0..self.scenarios.len() {
            if let Some(due_ns) = self.due_ns(index) {
                next_ns = Some(next_ns.map_or(due_ns, |next_ns: u64| next_ns.min(due_ns)));
            }
        }
        next_ns
    }

    /// When anything but a request wants a turn.
    fn next_moment_ns(&self, now: u64) -> u64 {
        let start_ns = match self.core.stage {
            Stage::Waiting => self.control.start_ns().unwrap_or(now + MILLISECOND_NS),
            Stage::Connecting { deadline_ns } => deadline_ns,
            Stage::Draining { deadline_ns, sends_until_ns } if sends_until_ns <= now => deadline_ns,
            Stage::Draining { deadline_ns, sends_until_ns } => deadline_ns.min(sends_until_ns),
            Stage::Closing => now + MILLISECOND_NS,
            // Its end is in `next_end_ns`.
            Stage::Running | Stage::Finished => u64::MAX,
        };
        let mut retry_ns = u64::MAX;
        let is_useful =
            |pool: &&ConnectionPool<P>| !pool.closed.is_empty() && serves(&self.core, &self.scenarios, pool);
        for pool in self.pools.iter().filter(is_useful) {
            retry_ns = retry_ns.min(pool.next_retry_ns);
        }
        if retry_ns < u64::MAX && !self.makes_connections() {
            retry_ns = u64::MAX;
        }
        self.next_publish_ns.min(start_ns).min(retry_ns).min(self.next_end_ns)
    }
}

/// Whether a pool's connections are wanted: before the start all that were asked for, then those of scenarios that still send, be
/// it once more.
fn serves<W: Wire, S: Source, P: Protocol>(
    core: &Core<W>,
    scenarios: &[ScenarioRun<S>],
    pool: &ConnectionPool<P>,
) -> bool {
    core.start_ns == u64::MAX || !scenarios[pool.scenario].is_over() || pool.has_replays()
}
