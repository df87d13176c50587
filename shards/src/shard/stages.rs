//! A shard's stages, from connecting to its last recorder, and what it hands over at the end of each slice.
//!
//! What is due when is not decided here, but whether the run still is.

use super::{Released, SECOND_NS, Shard, Stage};
use crate::connection::Link;
use crate::lanes::Order;
use crate::protocol::Protocol;
use crate::wire::Wire;
use engine::bucket::{Tally, TokenBucket};
use engine::outcome::Kind;
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

impl<W: Wire, S: Source, P: Protocol> Shard<W, S, P> {
    /// Hands the recorder over at the end of a slice.
    pub(super) fn publish(&mut self, now: u64) {
        if now < self.next_publish_ns {
            return;
        }
        let boundary_ns = self.close_interval(now);
        if self.lane.swap(&mut self.recorder) {
            self.recorder.from_ns = boundary_ns;
            self.recorder.set_phases(self.rules.phases);
        } else {
            let phases = self.rules.phases;
            let is_at_bound = [phases.measure_from_ns, phases.measure_to_ns].contains(&boundary_ns);
            self.recorder.stats.postponed += 1;
            self.recorder.stats.postponed_at_bounds += u64::from(is_at_bound);
        }
        self.next_publish_ns = self.start_ns + self.next_boundary(boundary_ns);
    }

    /// The end of the slice after `from_ns`: a whole number of slices, or the bound of a phase.
    fn next_boundary(&self, from_ns: u64) -> u64 {
        let regular_ns = (from_ns / self.rules.slice_ns + 1) * self.rules.slice_ns;
        let bounds = [self.rules.phases.measure_from_ns, self.rules.phases.measure_to_ns];
        bounds.into_iter().filter(|&bound| bound > from_ns).fold(regular_ns, u64::min)
    }

    /// Writes the slice's figures into the recorder; returns where the slice ends, from the start of the run.
    fn close_interval(&mut self, now: u64) -> u64 {
        let relative_ns = now.saturating_sub(self.start_ns);
        if self.rules.sheds {
            self.shed(now);
        }
        let counters = self.wire.counters();
        let before = std::mem::replace(&mut self.published, counters);
        let stats = &mut self.recorder.stats;
        stats.enters += counters.enters - before.enters;
        stats.submissions += counters.submissions - before.submissions;
        stats.completions += counters.completions - before.completions;
        stats.overflowed += counters.overflowed - before.overflowed;
        stats.cpu_user_ns += counters.cpu_user_ns - before.cpu_user_ns;
        stats.cpu_system_ns += counters.cpu_system_ns - before.cpu_system_ns;
        stats.run_delay_ns += counters.run_delay_ns - before.run_delay_ns;
        // Time is spent watching only while the thread has its core.
        stats.spun_ns = stats.spun_ns.min(stats.cpu_user_ns + stats.cpu_system_ns);
        stats.clock_steps += counters.clock_steps - before.clock_steps;
        stats.clock_ppm = counters.clock_ppm;
        stats.open = self.connections.open;
        let scheduled_ns = self.next_publish_ns.saturating_sub(self.start_ns);
        let to_ns = if now >= self.next_publish_ns { scheduled_ns } else { relative_ns };
        self.recorder.to_ns = to_ns;
        let window_to_ns = self.rules.phases.measure_to_ns.min(self.ended_ns);
        self.recorder
            .settle(self.slice_from_ns >= self.rules.phases.measure_from_ns && to_ns <= window_to_ns);
        self.slice_from_ns = to_ns;
        to_ns
    }

    /// Moves from stage to stage: connected, started, ended, stopped, drained.
    pub(super) fn poll_stop(&mut self, now: u64) {
        let order = self.control.order();
        match self.stage {
            Stage::Connecting { deadline_ns } => {
                let is_done = self.connections.open == u64::from(self.connections.count())
                    || now >= deadline_ns
                    || order != Order::Run;
                if is_done {
                    self.stage = Stage::Waiting;
                    if let Some(on_ready) = self.on_ready.take() {
                        on_ready(self.connections.open);
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
                let has_backlog = self.bucket.as_ref().is_some_and(|bucket| bucket.next_ns().is_some());
                if has_backlog && now >= sends_until_ns {
                    // Nothing is sent from here on, and whose doing that is shows in what holds the connections now.
                    self.end_schedule();
                }
                let may_send = now < sends_until_ns
                    && self.bucket.as_ref().is_some_and(|bucket| bucket.next_ns().is_some());
                let is_drained = self.connections.under_way == 0 && !may_send;
                let is_over = is_drained || now >= deadline_ns || order == Order::Abort;
                if is_over && self.released.is_empty() {
                    self.finish(now);
                    self.hand_over_last();
                } else if is_over {
                    // What this turn released goes on the wire first, so that nothing ends that was never sent.
                    self.end_schedule();
                    self.stage = Stage::Draining { deadline_ns: now, sends_until_ns: 0 };
                } else if order != Order::Run {
                    self.recorder.was_stopped |= may_send;
                    self.end_schedule();
                    let deadline_ns = deadline_ns.min(now + STOP_NS_MAX);
                    self.stage = Stage::Draining { deadline_ns, sends_until_ns: 0 };
                }
            }
            Stage::Closing => self.hand_over_last(),
            Stage::Finished => {}
        }
    }

    fn start(&mut self, start_ns: u64) {
        self.start_ns = start_ns;
        self.stage = Stage::Running;
        // What failed while connecting is tried afresh: the first arrivals do not inherit a long wait.
        for &slot in &self.closed {
            self.connections.at(slot).attempts = 0;
            self.connections.at(slot).link = Link::Closed { retry_ns: start_ns };
        }
        self.next_retry_ns = start_ns;
        let before = std::mem::take(&mut self.recorder.stats);
        self.recorder.clear(0);
        // Attempts that failed say why connections are missing, so they are the run's, whenever they were made.
        self.recorder.stats.connect_failures = before.connect_failures;
        self.recorder.stats.connect_failures_own = before.connect_failures_own;
        self.published = self.wire.counters();
        self.next_publish_ns = start_ns + self.next_boundary(0);
    }

    /// Takes over where the measured window ends, once that is decided. A bound that has passed already counts from now on.
    fn hear_of_end(&mut self, now: u64) {
        let Some(to_ns) = self.control.measure_to_ns() else { return };
        self.rules.awaits_end = false;
        let to_ns = to_ns.max(now.saturating_sub(self.start_ns));
        if to_ns >= self.rules.phases.measure_to_ns {
            return;
        }
        self.rules.phases.measure_to_ns = to_ns;
        self.recorder.set_phases(self.rules.phases);
        if let Some(bucket) = &mut self.bucket {
            bucket.measure_to(to_ns);
        }
        self.next_publish_ns = self.next_publish_ns.min(self.start_ns + to_ns);
    }

    /// Takes over where the measured window begins, once that is decided.
    fn hear_of_window(&mut self, now: u64) {
        let Some(from_ns) = self.control.measure_from_ns() else { return };
        self.rules.awaits_window = false;
        self.rules.phases.measure_from_ns = from_ns;
        self.recorder.set_phases(self.rules.phases);
        if let Some(bucket) = &mut self.bucket {
            bucket.measure_from(from_ns);
        }
        if self.start_ns + from_ns > now {
            self.next_publish_ns = self.next_publish_ns.min(self.start_ns + from_ns);
        }
    }

    fn poll_end(&mut self, now: u64, order: Order) {
        if self.rules.awaits_window {
            self.hear_of_window(now);
        }
        if self.rules.awaits_end {
            self.hear_of_end(now);
        }
        let end_ns = self.start_ns + self.rules.phases.measure_to_ns;
        if order != Order::Run {
            self.stop(now, now + STOP_NS_MAX);
        } else if now >= end_ns {
            self.ended_ns = self.rules.phases.measure_to_ns;
            let backlog = self.backlog(now);
            let catches_up = backlog.is_some_and(|backlog| backlog.waited_ns <= OVERDUE_NS_MAX);
            self.recorder.overdue = backlog.unwrap_or_default();
            let sends_until_ns =
                if catches_up { end_ns + self.rules.timeout_ns.min(SENDING_NS_MAX) } else { 0 };
            if !catches_up {
                self.end_schedule();
            }
            let last_sent_ns = now.max(sends_until_ns);
            let deadline_ns = last_sent_ns + self.rules.timeout_ns + LATE_NS_MAX;
            self.stage = Stage::Draining { deadline_ns, sends_until_ns };
        } else if self.rules.is_closed_loop && self.left == 0 && self.connections.under_way == 0 {
            self.stop(now, now);
        }
    }

    /// Ends the run before its time. What the shard spends from now on is not the window's.
    fn stop(&mut self, now: u64, deadline_ns: u64) {
        self.ended_ns = now.saturating_sub(self.start_ns);
        self.end_schedule();
        if self.start_ns <= now && self.next_publish_ns > now {
            self.next_publish_ns = now;
            self.publish(now);
        }
        self.stage = Stage::Draining { deadline_ns, sends_until_ns: 0 };
    }

    /// Drops what has waited for longer than it may. Whose doing that is shows in the oldest of it.
    pub(super) fn shed(&mut self, now: u64) {
        let relative_ns = now.saturating_sub(self.start_ns);
        if self.bucket.as_ref().is_some_and(|bucket| bucket.has_outdated(relative_ns)) {
            let own_share = self.own_share_of_backlog(now);
            let dropped = self.bucket.as_mut().map(|bucket| bucket.take_dropped(relative_ns));
            self.recorder.count_unreleased(dropped.unwrap_or_default(), Tally::default(), own_share);
        }
    }

    /// Accounts for every arrival that was due before the end and will not be sent.
    fn end_schedule(&mut self) {
        let own_share = self.own_share_of_backlog(self.now_ns);
        if let Some(bucket) = &mut self.bucket {
            let dropped = bucket.take_dropped(self.ended_ns);
            let unsent = bucket.abandon(self.ended_ns);
            self.recorder.count_unreleased(dropped, unsent, own_share);
        }
    }

    fn own_share_of_backlog(&mut self, now: u64) -> f64 {
        self.backlog(now).map_or(0.0, |backlog| backlog.own_share())
    }

    /// How long the oldest overdue arrival has waited, and how much of it was the generator's doing: since a connection has been
    /// free, or, where all wait for the target, as much as what is under way on them was late, on average. Nothing when none is
    /// overdue.
    fn backlog(&mut self, now: u64) -> Option<Overdue> {
        let next_ns = self.bucket.as_ref().and_then(TokenBucket::next_ns)?;
        let intended_ns = self.start_ns.saturating_add(next_ns);
        let waited_ns = now.checked_sub(intended_ns)?;
        // What this turn released is stamped when it is handed over, and is as late as that by now.
        for &Released { place, free_ns, .. } in &self.released {
            let flight = self.connections.flight_mut(place);
            flight.set_lag(now.saturating_sub(flight.intended_ns.max(free_ns)));
        }
        let own_ns = match self.connections.first_ready() {
            Some(slot) => now.saturating_sub(self.connections.at(slot).free_ns.max(intended_ns)),
            None => self.connections.mean_lag_ns(),
        };
        Some(Overdue { waited_ns, own_ns: own_ns.min(waited_ns) })
    }

    /// Accounts for everything that was not finished, and hands over the last recorder.
    fn finish(&mut self, now: u64) {
        self.end_schedule();
        for slot in 0..self.connections.count() {
            self.broken(now, slot, Kind::Unfinished);
        }
        self.close_interval(now);
        self.recorder.ended_ns = Some(self.ended_ns);
        self.stage = Stage::Closing;
    }

    /// Waits, if it has to, for the collector to have given an empty recorder back.
    fn hand_over_last(&mut self) {
        // What passes while it waits is the collector's time, and no part of the run.
        self.recorder.stats = ShardStats::default();
        if self.lane.swap(&mut self.recorder) {
            self.stage = Stage::Finished;
        }
    }
}
