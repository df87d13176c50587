//! A shard's stages, from connecting to its last recorder, and what it hands over at the end of each slice.
//!
//! `scenario.rs` decides when a request is due; here it is decided whether any may still be sent.

use super::Shard;
use super::core::{Core, SECOND_NS, Stage};
use super::pool::ConnectionPool;
use super::scenario::{Course, ScenarioRun, StarvedArrival};
use crate::protocol::{Protocol, Unusable};
use crate::wire::{Slot, Wire};
use engine::bucket::{Tally, TokenBucket};
use engine::orders::Order;
use engine::outcome::Kind;
use engine::phase::Phase;
use engine::record::{Overdue, ShardStats};
use engine::seams::Source;

/// How long what is under way may take after a stop. After the end it may take as long as any request: what the target does not
/// answer until its timeout is the target's, and nobody stopped it.
const STOP_NS_MAX: u64 = 2 * SECOND_NS;
/// Overdue arrivals are still sent after the end if the backlog is no older than this; an older one is not caught up
/// with, because the load asked for was not carried. And for how long they are sent at the most.
const OVERDUE_NS_MAX: u64 = SECOND_NS;
const SENDING_NS_MAX: u64 = 5 * SECOND_NS;
/// A timeout is noticed no later than this after it has passed, unless the machine is in the way.
const LATE_NS_MAX: u64 = SECOND_NS;

/// For how long overdue arrivals are still sent after an end.
fn catch_up_ns(timeout_ns: u64) -> u64 {
    timeout_ns.min(SENDING_NS_MAX)
}

impl<W: Wire, S: Source, P: Protocol> Shard<W, S, P> {
    /// Hands the recorder over at the end of a slice.
    pub(super) fn publish(&mut self, now: u64) {
        if now < self.next_publish_ns {
            return;
        }
        let boundary_ns = self.close_slice(now);
        let phases = self.rules.phases;
        let bounds = [phases.measure_from_ns, phases.measure_to_ns, self.ended_ns];
        let is_handed_over = if bounds.contains(&boundary_ns) {
            self.lane.swap_at_bound(&mut self.core.recorder)
        } else {
            self.lane.swap(&mut self.core.recorder)
        };
        if is_handed_over {
            self.core.recorder.from_ns = boundary_ns;
            self.core.recorder.set_phases(phases);
        } else {
            self.core.recorder.stats.postponed += 1;
        }
        self.next_publish_ns = self.core.start_ns + self.next_boundary(boundary_ns);
    }

    /// The end of the slice after `from_ns`: a whole number of slices, or the bound of a phase.
    fn next_boundary(&self, from_ns: u64) -> u64 {
        let regular_ns = (from_ns / self.rules.slice_ns + 1) * self.rules.slice_ns;
        let bounds = [self.rules.phases.measure_from_ns, self.rules.phases.measure_to_ns];
        bounds.into_iter().filter(|&bound| bound > from_ns).fold(regular_ns, u64::min)
    }

    /// Writes the slice's figures into the recorder; returns where the slice ends, from the start of the run.
    fn close_slice(&mut self, now: u64) -> u64 {
        let relative_ns = now.saturating_sub(self.core.start_ns);
        if self.rules.passes_over {
            self.shed();
        }
        let counters = self.core.wire.counters();
        let before = std::mem::replace(&mut self.published, counters);
        let stats = &mut self.core.recorder.stats;
        stats.merge(&counters.since(&before));
        // Time is spent watching only while the thread has its core.
        stats.spun_ns = stats.spun_ns.min(stats.cpu_user_ns + stats.cpu_system_ns);
        stats.open = self.pools.iter().map(|pool| pool.connections.open).sum();
        let scheduled_ns = self.next_publish_ns.saturating_sub(self.core.start_ns);
        let to_ns = if now >= self.next_publish_ns { scheduled_ns } else { relative_ns };
        self.core.recorder.to_ns = to_ns;
        let window_to_ns = self.rules.phases.measure_to_ns.min(self.ended_ns);
        let is_measured = self.is_in_window() && to_ns <= window_to_ns;
        for (index, scenario) in self.scenarios.iter().enumerate() {
            if scenario.has_ended_early {
                self.core.recorder.settle_scenario(index, false);
            }
        }
        self.core.recorder.settle(is_measured);
        self.slice_from_ns = to_ns;
        to_ns
    }

    /// Moves from stage to stage: connected, started, ended, stopped, drained.
    pub(super) fn poll_stop(&mut self, now: u64, order: Order) {
        match self.core.stage {
            Stage::Connecting { deadline_ns } => {
                if self.pools.iter().all(ConnectionPool::is_prepared)
                    || now >= deadline_ns
                    || order != Order::Run
                {
                    self.core.stage = Stage::Waiting;
                    if let Some(on_ready) = self.on_ready.take() {
                        on_ready(self.pools.iter().map(ConnectionPool::prepared).sum());
                    }
                }
            }
            Stage::Waiting => match self.control.start_ns() {
                _ if order != Order::Run => self.stop(now, now),
                Some(start_ns) if start_ns <= now => self.start(start_ns),
                _ => {}
            },
            Stage::Running => self.poll_end(now, order),
            Stage::Draining { deadline_ns, sends_until_ns } => {
                if now >= self.next_end_ns {
                    self.end_scenarios(now);
                }
                if self.has_backlog() && now >= sends_until_ns {
                    // Nothing is sent from here on, and whose doing that is shows in what holds the connections now.
                    self.end_schedules();
                }
                let may_send = now < sends_until_ns && (self.has_backlog() || self.has_iterations());
                let is_drained = self.is_idle() && !may_send;
                let is_over = is_drained || now >= deadline_ns || order == Order::Abort;
                if is_over && self.core.released.is_empty() && self.core.replayed.is_empty() {
                    self.finish(now);
                    self.hand_over_last();
                } else if is_over {
                    // What this turn released goes on the wire first, so that nothing ends that was never sent.
                    self.end_schedules();
                    self.core.stage = Stage::Draining { deadline_ns: now, sends_until_ns: 0 };
                } else if order != Order::Run {
                    self.note_stopped();
                    self.end_schedules();
                    let deadline_ns = deadline_ns.min(now + STOP_NS_MAX);
                    self.core.stage = Stage::Draining { deadline_ns, sends_until_ns: 0 };
                }
            }
            Stage::Closing => self.hand_over_last(),
            Stage::Finished => {}
        }
    }

    fn start(&mut self, start_ns: u64) {
        self.core.start_ns = start_ns;
        self.core.stage = Stage::Running;
        self.scenarios.iter_mut().for_each(|scenario| scenario.source.starts(start_ns));
        self.pools.iter_mut().for_each(|pool| pool.start(start_ns));
        let before = std::mem::take(&mut self.core.recorder.stats);
        let attempts = std::mem::take(&mut self.core.recorder.attempts);
        self.core.recorder.clear(0);
        // Attempts that failed say why connections are missing, so they are the run's, whenever they were made.
        self.core.recorder.stats.connect_failures = before.connect_failures;
        self.core.recorder.stats.connect_failures_own = before.connect_failures_own;
        self.core.recorder.attempts = attempts;
        self.published = self.core.wire.counters();
        self.next_publish_ns = start_ns + self.next_boundary(0);
        self.next_end_ns = self.next_end();
    }

    /// Takes over where the measured window ends, once that is decided. A bound that has passed already counts from now on.
    fn hear_of_end(&mut self, now: u64) {
        let Some(to_ns) = self.control.measure_to_ns() else { return };
        self.rules.awaits_end = false;
        let to_ns = to_ns.max(now.saturating_sub(self.core.start_ns));
        if to_ns >= self.rules.phases.measure_to_ns {
            return;
        }
        self.rules.phases.measure_to_ns = to_ns;
        self.core.recorder.set_phases(self.rules.phases);
        self.scenarios
            .iter_mut()
            .filter_map(ScenarioRun::bucket_mut)
            .for_each(|bucket| bucket.measure_to(to_ns));
        self.next_publish_ns = self.next_publish_ns.min(self.core.start_ns + to_ns);
        self.next_end_ns = self.next_end();
    }

    /// Takes over where the measured window begins, once that is decided.
    fn hear_of_window(&mut self, now: u64) {
        let Some(from_ns) = self.control.measure_from_ns() else { return };
        self.rules.awaits_window = false;
        self.rules.phases.measure_from_ns = from_ns;
        self.core.recorder.set_phases(self.rules.phases);
        let buckets = self.scenarios.iter_mut().filter_map(ScenarioRun::bucket_mut);
        buckets.for_each(|bucket| bucket.measure_from(from_ns));
        if self.core.start_ns + from_ns > now {
            self.next_publish_ns = self.next_publish_ns.min(self.core.start_ns + from_ns);
        }
    }

    fn poll_end(&mut self, now: u64, order: Order) {
        if self.rules.decides_in_run {
            self.hear_what_is_decided(now);
        }
        if order != Order::Run {
            self.stop(now, now + STOP_NS_MAX);
        } else if now >= self.next_end_ns {
            self.reach_end(now);
        } else if self.is_idle() && self.scenarios.iter().all(ScenarioRun::is_over) {
            self.stop(now, now);
        }
    }

    /// What the plan leaves open, and is decided while the run goes on.
    #[inline(never)]
    fn hear_what_is_decided(&mut self, now: u64) {
        if self.rules.awaits_window {
            self.hear_of_window(now);
        }
        if self.rules.awaits_end {
            self.hear_of_end(now);
        }
        if self.rules.counts_out {
            self.note_spent(now);
        }
    }

    /// Takes over what has changed. Called after the turn has its `now`, and before anything is sent: a turn whose `now` has
    /// reached a cut was begun long after it was ordered, so that nothing intended behind it is sent before it is heard of.
    #[inline(never)]
    pub(super) fn hear_of_revisions(&mut self) {
        let Shard { control, scenarios, revisions_heard, .. } = self;
        for ordered in control.revisions_from(*revisions_heard) {
            *revisions_heard += 1;
            if let Some(scenario) = ordered.scenario {
                scenarios[scenario].revise(ordered);
            }
        }
    }

    /// Whether the slice that is being written does not belong to the warm-up.
    fn is_in_window(&self) -> bool {
        self.slice_from_ns >= self.rules.phases.measure_from_ns
    }

    /// The end of a scenario, or of the run.
    #[inline(never)]
    fn reach_end(&mut self, now: u64) {
        self.end_scenarios(now);
        let end_ns = self.core.start_ns + self.rules.phases.measure_to_ns;
        if now < end_ns {
            return;
        }
        self.ended_ns = self.rules.phases.measure_to_ns;
        let mut until_ns = self.note_backlogs();
        if S::MAY_CONTINUE {
            until_ns = until_ns.max(self.graceful_until_ns());
            self.end_graces(now);
        }
        let sends_until_ns = until_ns.map_or(0, |until_ns| self.core.start_ns + until_ns);
        let last_sent_ns = now.max(sends_until_ns);
        let deadline_ns = last_sent_ns + self.rules.longest_timeout_ns + LATE_NS_MAX;
        self.core.stage = Stage::Draining { deadline_ns, sends_until_ns };
        self.next_end_ns = self.next_end();
    }

    /// When the next scenario ends, or gives up what it has not sent by then; while it goes on, the end of the run at the latest.
    fn next_end(&self) -> u64 {
        let measure_to_ns = self.rules.phases.measure_to_ns;
        let latest_ns = if self.core.stage == Stage::Running { measure_to_ns } else { u64::MAX };
        let next_of = |scenario: &ScenarioRun<S>| match scenario.course {
            Course::Scheduling if scenario.ends_ns < measure_to_ns => Some(scenario.ends_ns),
            Course::CatchingUp { until_ns } => Some(until_ns),
            Course::Scheduling | Course::Over => None,
        };
        let mut next_ns = self.scenarios.iter().filter_map(next_of).fold(latest_ns, u64::min);
        if S::MAY_CONTINUE {
            let graces = self.scenarios.iter().filter_map(|scenario| scenario.grace_until_ns);
            next_ns = graces.fold(next_ns, u64::min);
        }
        self.core.start_ns.saturating_add(next_ns)
    }

    /// Ends the scenarios whose time is over while the run goes on, each as the run's end would if it were alone.
    fn end_scenarios(&mut self, now: u64) {
        let (measure_to_ns, ended_ns) = (self.rules.phases.measure_to_ns, self.ended_ns);
        let is_in_window = self.is_in_window();
        let Shard { core, scenarios, pools, .. } = self;
        let now_ns = core.relative_ns(now);
        for (index, scenario) in scenarios.iter_mut().enumerate() {
            let ends_ns = scenario.ends_ns.min(ended_ns);
            if scenario.has_targets() && scenario.course != Course::Over {
                scenario.look_at_backlog(core, pools);
            }
            let pool = &mut pools[scenario.pool];
            match scenario.course {
                Course::Scheduling if ends_ns < measure_to_ns && ends_ns <= now_ns => {
                    core.recorder.settle_scenario(index, is_in_window);
                    scenario.has_ended_early = true;
                    if scenario.counts_out {
                        core.recorder.requests.scenarios[index].spent_ns = ends_ns;
                    }
                    scenario.course = pool.note_end(core, scenario, ends_ns);
                }
                Course::CatchingUp { until_ns } if until_ns <= now_ns => {
                    pool.end_schedule(core, scenario, ends_ns);
                    scenario.course = Course::Over;
                }
                Course::Scheduling | Course::CatchingUp { .. } | Course::Over => {}
            }
        }
        if S::MAY_CONTINUE {
            self.end_graces(now);
        }
        self.next_end_ns = self.next_end();
    }

    /// Of several scenarios, writes down when a closed loop has had the last of its requests answered.
    fn note_spent(&mut self, now: u64) {
        let is_in_window = self.is_in_window();
        let Shard { core, scenarios, pools, .. } = self;
        for (index, scenario) in scenarios.iter_mut().enumerate() {
            let is_idle = pools[scenario.pool].is_idle() && scenario.source.under_way() == 0;
            if scenario.course == Course::Scheduling && scenario.is_spent() && is_idle {
                core.recorder.settle_scenario(index, is_in_window);
                scenario.has_ended_early = true;
                core.recorder.requests.scenarios[index].spent_ns = core.relative_ns(now);
                scenario.course = Course::Over;
            }
        }
    }

    /// Ends the run before its time. What the shard spends from now on is not the window's.
    fn stop(&mut self, now: u64, deadline_ns: u64) {
        self.ended_ns = now.saturating_sub(self.core.start_ns);
        self.end_schedules();
        if self.core.start_ns <= now && self.next_publish_ns > now {
            self.next_publish_ns = now;
            self.publish(now);
        }
        self.core.stage = Stage::Draining { deadline_ns, sends_until_ns: 0 };
        // All schedules are over. A scenario that would have ended later is not to be counted as if it had.
        self.next_end_ns = u64::MAX;
    }

    /// Whether no request is under way, of any scenario.
    fn is_idle(&self) -> bool {
        self.pools.iter().all(ConnectionPool::is_idle)
    }

    /// Whether a schedule has something left to send.
    fn has_backlog(&self) -> bool {
        self.scenarios.iter().any(ScenarioRun::has_backlog)
    }

    /// The run was stopped: of every scenario, whether there was still something overdue to send.
    fn note_stopped(&mut self) {
        let records = &mut self.core.recorder.requests.scenarios;
        for (record, scenario) in records.iter_mut().zip(&self.scenarios) {
            record.was_stopped |= scenario.bucket().is_some_and(|bucket| bucket.next_ns().is_some());
        }
    }

    /// The end of the run is that of every scenario that has not ended before. Returns until when the last of those that have a backlog
    /// to catch up with may send, from the start of the run.
    fn note_backlogs(&mut self) -> Option<u64> {
        let ended_ns = self.ended_ns;
        let Shard { core, scenarios, pools, .. } = self;
        let mut until = None;
        for scenario in scenarios {
            if scenario.course == Course::Scheduling {
                scenario.look_at_backlog(core, pools);
                scenario.course = pools[scenario.pool].note_end(core, scenario, ended_ns);
            }
            if let Course::CatchingUp { until_ns } = scenario.course {
                until = until.max(Some(until_ns));
            }
        }
        until
    }

    /// Drops what has waited for longer than it may.
    pub(super) fn shed(&mut self) {
        let Shard { core, scenarios, pools, .. } = self;
        for scenario in scenarios.iter_mut().filter(|scenario| scenario.sheds) {
            if scenario.has_targets() && scenario.has_outdated(core) {
                scenario.look_at_backlog(core, pools);
            }
            pools[scenario.pool].shed(core, scenario);
        }
    }

    /// Accounts for every arrival that was due before the end and will not be sent.
    fn end_schedules(&mut self) {
        let ended_ns = self.ended_ns;
        let Shard { core, scenarios, pools, .. } = self;
        for scenario in scenarios {
            scenario.look_at_backlog(core, pools);
            pools[scenario.pool].end_schedule(core, scenario, ended_ns);
        }
    }

    /// Accounts for everything that was not finished, and hands over the last recorder.
    fn finish(&mut self, now: u64) {
        self.end_schedules();
        if !P::IS_VERBATIM && self.rules.answers {
            self.leave();
        }
        let Shard { core, scenarios, pools, .. } = self;
        for pool in pools {
            let scenario = &mut scenarios[pool.scenario];
            (0..pool.connections.count())
                .for_each(|slot| pool.broken(core, scenario, slot, Unusable::of(Kind::Unfinished)));
            pool.abandon_replays(core, scenario);
        }
        if S::MAY_CONTINUE {
            self.abandon_iterations(now);
        }
        self.close_slice(now);
        self.core.recorder.ended_ns = Some(self.ended_ns);
        // That was the last slice, however long it has to wait for the collector.
        self.next_publish_ns = u64::MAX;
        self.core.stage = Stage::Closing;
    }

    /// Says the last words of protocols that have some.
    fn leave(&mut self) {
        let Shard { core, pools, .. } = self;
        pools.iter_mut().for_each(|pool| pool.leave(core));
        // They are gone before the connections are closed. Should that fail, nobody hears them.
        let _ = core.wire.submit();
    }

    /// Waits, if it has to, for the collector to have given an empty recorder back.
    fn hand_over_last(&mut self) {
        // What passes while it waits is the collector's time, and no part of the run.
        self.core.recorder.stats = ShardStats::default();
        if self.lane.swap(&mut self.core.recorder) {
            self.core.stage = Stage::Finished;
        }
    }
}

impl<S: Source> ScenarioRun<S> {
    /// Whether an arrival has waited for longer than it may.
    fn has_outdated<W: Wire>(&self, core: &Core<W>) -> bool {
        let relative_ns = core.relative_ns(core.now_ns);
        self.bucket().is_some_and(|bucket| bucket.has_outdated(relative_ns))
    }
}

impl<P: Protocol> ConnectionPool<P> {
    /// Drops what has waited for longer than it may. Whose doing that is shows in the oldest of it.
    pub(super) fn shed<W: Wire, S: Source>(&mut self, core: &mut Core<W>, scenario: &mut ScenarioRun<S>) {
        if scenario.has_outdated(core) {
            let relative_ns = core.relative_ns(core.now_ns);
            let own_share = self.own_share_of_backlog(core, scenario);
            let dropped = scenario.bucket_mut().map(|bucket| bucket.take_dropped(relative_ns));
            let record = &mut core.recorder.requests.scenarios[self.scenario];
            record.count_unreleased(dropped.unwrap_or_default(), Tally::default(), own_share);
        }
    }

    /// Lets each connection that is ready say its last words.
    fn leave<W: Wire>(&mut self, core: &mut Core<W>) {
        for slot in 0..self.connections.count() {
            let connection = self.connections.at(slot);
            if connection.is_open() && !connection.is_sending() {
                self.say_last_words(core, slot);
            }
        }
    }

    /// Sends the last words of a connection that may send, if it has any. True when it had.
    pub(super) fn say_last_words<W: Wire>(&mut self, core: &mut Core<W>, slot: Slot) -> bool {
        let mut out = core.wire.outbox(self.first_slot + slot);
        self.protocols[slot as usize].leave(&mut self.shared, &mut out);
        let has_some = out.filled() > 0;
        if has_some {
            self.connections.at(slot).has_output = false;
            core.wire.flush(self.first_slot + slot, false);
        }
        has_some
    }

    /// The end of its scenario: writes down what is overdue. A backlog that is too old to be caught up with is given up. Returns how
    /// the scenario goes on.
    fn note_end<W: Wire, S: Source>(
        &mut self,
        core: &mut Core<W>,
        scenario: &mut ScenarioRun<S>,
        ended_ns: u64,
    ) -> Course {
        let backlog = self.overdue(core, scenario);
        core.recorder.requests.scenarios[self.scenario].overdue = backlog.unwrap_or_default();
        if backlog.is_some_and(|backlog| backlog.waited_ns <= OVERDUE_NS_MAX) {
            return Course::CatchingUp { until_ns: ended_ns + catch_up_ns(self.timeout_ns) };
        }
        self.end_schedule(core, scenario, ended_ns);
        Course::Over
    }

    /// Accounts for every arrival that was due before the end and will not be sent.
    fn end_schedule<W: Wire, S: Source>(
        &mut self,
        core: &mut Core<W>,
        scenario: &mut ScenarioRun<S>,
        ended_ns: u64,
    ) {
        scenario.end_closed_loop();
        let own_share = self.own_share_of_backlog(core, scenario);
        if let Some(StarvedArrival { arrival, .. }) = scenario.starved.take() {
            let mut unsent = Tally::default();
            *unsent.part(core.recorder.phases().at(arrival.intended_ns) == Phase::Measure) += 1;
            let record = &mut core.recorder.requests.scenarios[self.scenario];
            record.count_unreleased(Tally::default(), unsent, own_share);
        }
        if let Some(bucket) = scenario.bucket_mut() {
            let (dropped, unsent) = (bucket.take_dropped(ended_ns), bucket.abandon(ended_ns));
            let record = &mut core.recorder.requests.scenarios[self.scenario];
            record.count_unreleased(dropped, unsent, own_share);
        }
    }

    pub(super) fn own_share_of_backlog<W, S: Source>(
        &mut self,
        core: &Core<W>,
        scenario: &ScenarioRun<S>,
    ) -> f64 {
        self.overdue(core, scenario).map_or(0.0, |backlog| backlog.own_share())
    }

    /// How long the oldest overdue arrival of its scenario has waited, and by whose doing; of several targets, as it was looked at before.
    fn overdue<W, S: Source>(&mut self, core: &Core<W>, scenario: &ScenarioRun<S>) -> Option<Overdue> {
        if scenario.has_targets() { scenario.overdue_at_targets } else { self.backlog(core, scenario) }
    }

    /// The same of this pool: how long the oldest overdue arrival has waited, and how much of it was the generator's doing: since a
    /// connection has been free, or, where all wait for the target, as much as what is under way on them was late, on average. Nothing when none is
    /// overdue.
    pub(super) fn backlog<W, S: Source>(
        &mut self,
        core: &Core<W>,
        scenario: &ScenarioRun<S>,
    ) -> Option<Overdue> {
        let next_ns = scenario.bucket().and_then(TokenBucket::next_ns)?;
        let (now, intended_ns) = (core.now_ns, core.start_ns.saturating_add(next_ns));
        let waited_ns = now.checked_sub(intended_ns)?;
        // What this turn released is stamped when it is handed over, and is as late as that by now.
        for released in core.released.iter().filter(|released| released.pool == self.number) {
            let flight = self.connections.flight_mut(released.place);
            flight.set_lag(now.saturating_sub(flight.intended_ns.max(released.free_ns)));
        }
        // No session is free: it waits for the target's answers to others, as where no connection is free.
        let is_full = scenario.is_flow() && scenario.is_full;
        let intended_ns =
            if scenario.is_flow() { intended_ns.max(core.start_ns + scenario.room_ns) } else { intended_ns };
        if self.is_own && !is_full {
            // It waits for nobody's connection.
            return Some(Overdue { waited_ns, own_ns: now.saturating_sub(intended_ns).min(waited_ns) });
        }
        let own_ns = match self.connections.first_ready().filter(|_| !is_full) {
            Some(slot) => now.saturating_sub(self.connections.at(slot).free_ns.max(intended_ns)),
            None => self.connections.mean_lag_ns(),
        };
        Some(Overdue { waited_ns, own_ns: own_ns.min(waited_ns) })
    }
}
