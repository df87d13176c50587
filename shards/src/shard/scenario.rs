//! One scenario on its shard: what it sends, and when the next of it is due. What it is sent on is a pool's.

use super::degrading::Degrading;
use super::reached::{ReachedTarget, first_pool, reached};
use crate::wire::Slot;
use engine::bucket::{Arrival, Poll, Share, TokenBucket};
use engine::load::{Load, Overload};
use engine::orders::OrderedRevision;
use engine::plan::{Fields, Scenario};
use engine::record::Overdue;
use engine::revision::Revised;
use engine::seams::Source;
use engine::users::UserPool;

/// One scenario of the plan.
pub(super) struct ScenarioRun<S> {
    pub(super) source: S,
    /// Which scenario it is.
    pub(super) number: usize,
    /// The pool that its requests are sent on; where there are several, the one that its arrivals begin on.
    pub(super) pool: usize,
    /// Where its steps go, if to several targets, or on connections of its sessions' own.
    pub(super) targets: Option<Box<[ReachedTarget]>>,
    /// How its arrivals wait, of all of those that they may begin at together; looked at before it is asked for ([`ScenarioRun::look_at_backlog`]).
    pub(super) overdue_at_targets: Option<Overdue>,
    /// Its sessions have connections of their own.
    pub(super) owns_connections: bool,
    /// Sessions that have left, while their connections are closed.
    pub(super) leaving: Vec<Slot>,
    /// Its first series in the recorder, and its first constant on the wire: those of its steps follow each other.
    pub(super) first_series: usize,
    pub(super) load: LoadState,
    /// The only request there is, and its bytes never change.
    pub(super) is_one_constant: bool,
    /// Arrivals that have waited for too long are dropped.
    pub(super) sheds: bool,
    /// Some are withheld while the target does not keep up.
    pub(super) degrading: Option<Box<Degrading>>,
    /// The end of its schedule, from the start of the run.
    pub(super) ends_ns: u64,
    /// It is a closed loop that ends with a number of requests beside other scenarios.
    pub(super) counts_out: bool,
    pub(super) course: Course,
    /// It ended before the run, and what ends of it since is not of its part of the window.
    pub(super) has_ended_early: bool,
    /// For how long iterations may go on after the end.
    pub(super) graceful_ns: u64,
    /// Users who go through its flow again and again, in the place of a schedule.
    pub(super) users: Option<Box<UserPool>>,
    /// An arrival whose row of a data file has not been read yet.
    pub(super) starved: Option<StarvedArrival>,
    /// When its iterations send nothing more, from the start of the run: at the end of its grace. Known once it has ended, until then.
    pub(super) grace_until_ns: Option<u64>,
    /// That has passed.
    pub(super) is_closed: bool,
    /// Its arrivals wait for a session.
    pub(super) is_full: bool,
    /// When a session was free again after that the last time, from the start of the run.
    pub(super) room_ns: u64,
    /// The request taken last begins an arrival that has waited for it.
    pub(super) has_waited_for_room: bool,
}

/// An arrival whose row has not been read yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct StarvedArrival {
    pub(super) arrival: Arrival,
    /// When the row is asked for again, from the start of the run.
    pub(super) again_ns: u64,
}

/// How far a scenario has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Course {
    /// It schedules, or has yet to begin.
    Scheduling,
    /// Its schedule is over, and what is overdue is still sent, until then at the latest, from the start of the run.
    CatchingUp { until_ns: u64 },
    /// It sends no more.
    Over,
}

/// What says when the next request is to be sent.
pub(super) enum LoadState {
    /// A schedule.
    Open(Box<TokenBucket>),
    /// A free connection.
    Closed(ClosedLoop),
}

/// A loop without a schedule: what it may still send, and when it may. Times are from the start of the run.
pub(super) struct ClosedLoop {
    pub(super) left: u64,
    /// Requests are numbered as arrivals are dealt out, so that a number of requests are the same ones on any number of shards.
    next_number: u64,
    shards: u64,
    pub(super) from_ns: u64,
    pub(super) to_ns: u64,
}

/// This much always fits the socket's buffer when nothing else is in it, so its send is over when the system call is.
/// Where a connection may have more under way, the end of a send is reported, and waited for before the next: its memory
/// could be in use, and a second send could overtake the rest of the first. So is that of the first send after a longer one: a
/// target that answers before it has read all of a request leaves the rest in the buffer, until it answers the next.
pub(super) const SEND_BYTES_SILENT: usize = 4 << 10;

impl<S: Source> ScenarioRun<S> {
    /// The scenario of a number, as one shard runs it.
    pub(super) fn new(plan: &Fields, index: usize, source: S, share: Share) -> ScenarioRun<S> {
        let scenario = &plan.scenarios[index];
        let owns_connections = plan.pools[first_pool(scenario)].connections.is_per_session();
        let mut users = scenario.load.users().map(|users| {
            let times_ns = (scenario.starts_ns, scenario.ends_ns());
            Box::new(UserPool::new(users, times_ns, share, scenario.requests_max))
        });
        if owns_connections {
            users.iter_mut().for_each(|users| users.tell_who_goes());
        }
        ScenarioRun {
            number: index,
            users,
            starved: None,
            grace_until_ns: None,
            is_closed: false,
            is_full: false,
            room_ns: 0,
            has_waited_for_room: false,
            graceful_ns: scenario.flow().map_or(0, |flow| flow.graceful_ns),
            pool: first_pool(scenario),
            targets: reached(scenario, owns_connections),
            overdue_at_targets: None,
            owns_connections,
            leaving: Vec::new(),
            first_series: plan.layout().series_of(index).start,
            load: LoadState::new(plan, index, share),
            is_one_constant: matches!(source.steps(), [only] if only.constant.is_some()),
            sheds: matches!(scenario.load, Load::Open { overload: Overload::Shed { .. }, .. }),
            degrading: Degrading::of(scenario).map(Box::new),
            ends_ns: scenario.ends_ns(),
            counts_out: plan.scenarios.len() > 1 && scenario.is_counted_out(),
            course: Course::Scheduling,
            has_ended_early: false,
            source,
        }
    }

    pub(super) fn bucket(&self) -> Option<&TokenBucket> {
        match &self.load {
            LoadState::Open(bucket) => Some(bucket),
            LoadState::Closed(_) => None,
        }
    }

    pub(super) fn bucket_mut(&mut self) -> Option<&mut TokenBucket> {
        match &mut self.load {
            LoadState::Open(bucket) => Some(bucket),
            LoadState::Closed(_) => None,
        }
    }

    /// Goes on with what it has become: with a load only where its own is not over.
    pub(super) fn revise(&mut self, ordered: &OrderedRevision) {
        let is_scheduling = self.course == Course::Scheduling;
        match &ordered.revised {
            Revised::Thinks(thinks) => self.source.revise_thinks(thinks),
            Revised::Schedule(schedule) if is_scheduling => {
                if let Some(bucket) = self.bucket_mut() {
                    bucket.revise(schedule.clone());
                }
            }
            Revised::Levels(levels) if is_scheduling => {
                if let Some(users) = &mut self.users {
                    users.revise(ordered.revision.cut_ns, levels.clone());
                }
            }
            Revised::Pacing(pacing_ns) => {
                if let Some(users) = &mut self.users {
                    users.pace(ordered.revision.cut_ns, *pacing_ns);
                }
            }
            // Conditions are the collector's.
            Revised::Schedule(_) | Revised::Levels(_) | Revised::Thresholds(_) => {}
        }
    }

    /// A closed loop's next request, one more on a connection that has taken one.
    #[inline]
    pub(super) fn next_of_closed_loop(&mut self, intended_ns: u64) -> Arrival {
        match &mut self.load {
            LoadState::Closed(closed) => closed.next(intended_ns),
            LoadState::Open(_) => unreachable!("a schedule sends one request at a time"),
        }
    }

    /// Whether it is a closed loop that has sent all it may.
    pub(super) fn is_spent(&self) -> bool {
        if S::MAY_CONTINUE
            && let Some(users) = &self.users
        {
            return users.is_spent();
        }
        matches!(&self.load, LoadState::Closed(closed) if closed.left == 0)
    }

    /// Whether it has nothing more to send.
    pub(super) fn is_over(&self) -> bool {
        if self.is_flow() && self.source.under_way() > 0 {
            return false;
        }
        self.is_spent()
            || match self.course {
                Course::Scheduling => false,
                Course::CatchingUp { .. } => !self.has_backlog(),
                Course::Over => true,
            }
    }

    /// Whether its schedule has something left to send.
    pub(super) fn has_backlog(&self) -> bool {
        let is_starved = S::MAY_CONTINUE && self.starved.is_some();
        is_starved || self.bucket().is_some_and(|bucket| bucket.next_ns().is_some())
    }

    /// Ends a closed loop; a schedule is ended by counting what is left of it.
    pub(super) fn end_closed_loop(&mut self) {
        if let LoadState::Closed(closed) = &mut self.load {
            closed.left = 0;
        }
        if let Some(users) = &mut self.users {
            users.end();
        }
    }

    /// When the next of it is due, for a connection that became free at some moment; a closed loop's is when it is free. Times are
    /// from the start of the run.
    #[inline]
    pub(super) fn next_due_ns(&self, free_ns: u64) -> Option<u64> {
        if self.is_flow() {
            return self.next_due_of_flow();
        }
        match &self.load {
            LoadState::Open(bucket) => bucket.next_ns(),
            LoadState::Closed(closed) => {
                let due_ns = free_ns.max(closed.from_ns);
                (closed.left > 0 && due_ns < closed.to_ns).then_some(due_ns)
            }
        }
    }

    /// The arrival to be sent now, if one is. Times are from the start of the run. A closed loop that was ended has none left.
    #[inline]
    pub(super) fn next_arrival(&mut self, now_ns: u64, free_ns: u64) -> Option<Arrival> {
        match &mut self.load {
            LoadState::Open(bucket) => match bucket.poll_due(now_ns) {
                Poll::Due(arrival) => Some(arrival),
                Poll::Idle { .. } | Poll::Finished => None,
            },
            LoadState::Closed(closed) => {
                let may_send = closed.left > 0 && (closed.from_ns..closed.to_ns).contains(&now_ns);
                may_send.then(|| closed.next(free_ns.max(closed.from_ns)))
            }
        }
    }
}

impl LoadState {
    fn new(plan: &Fields, index: usize, share: Share) -> LoadState {
        let Scenario { starts_ns, load, requests_max, .. } = &plan.scenarios[index];
        match TokenBucket::new((*starts_ns, load), plan.phases, share, plan.draws_of(index), *requests_max) {
            Some(bucket) => LoadState::Open(Box::new(bucket)),
            None => LoadState::Closed(ClosedLoop {
                // Users begin for themselves.
                left: match load.users() {
                    Some(_) => 0,
                    None => requests_max.map_or(u64::MAX, |requests| share.of(requests)),
                },
                next_number: share.shard,
                shards: share.shards,
                from_ns: *starts_ns,
                to_ns: plan.scenarios[index].ends_ns(),
            }),
        }
    }
}

impl ClosedLoop {
    /// The next request, which has to be left.
    #[inline]
    pub(super) fn next(&mut self, intended_ns: u64) -> Arrival {
        let number = self.next_number;
        self.left -= 1;
        self.next_number += self.shards;
        Arrival { number, intended_ns }
    }
}
