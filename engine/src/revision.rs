//! Changes of a run while it goes on, of loads, think times and conditions: what they are, when they hold, and what becomes of each.
//!
//! A change holds from a cut on that lies ahead of every shard: arrivals intended before it are the old load's, with their numbers and their
//! instants; those after it are numbered on. So the numbers of all shards close to one schedule, to the arrival, whatever was changed.

use crate::flow::revised_thinks::{RevisedThinks, ThinkTime};
use crate::load::{Load, UserLoad};
use crate::plan::{Offered, Plan, Scenario};
use crate::quantity::{MILLISECOND_NS, RATE_RPS_MAX, Rate, show_ns};
use crate::schedule::{InexactSchedule, Schedule, Segment, constant};
use crate::threshold::Threshold;
use crate::users::Levels;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How far ahead of now a cut lies, in time and in slices: a shard listens each turn, and a turn takes a slice at the most.
const AHEAD_NS: u64 = 250 * MILLISECOND_NS;
const AHEAD_SLICES: u64 = 2;
/// The largest factor of a load, in thousandths.
pub const THOUSANDTHS_MAX: u64 = 1_000_000;

/// A change of one scenario, or of the run's conditions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Revision {
    /// Which scenario's; empty where it is of the run as a whole.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub scenario: String,
    /// When it was asked for, in nanoseconds from the start of sending.
    pub asked_ns: u64,
    /// From when on it holds, likewise.
    pub cut_ns: u64,
    /// What has changed.
    pub change: Change,
    /// Who asked for it.
    pub by: ChangeAsker,
}

/// What a load, or what else can be changed, becomes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// One rate.
    Rate(Rate),
    /// One number of users.
    Users(u64),
    /// So many thousandths of what the plan says: 1000 is as planned again.
    Thousandths(u64),
    /// Other segments of the same length, of which those before the cut are passed over.
    Segments(Vec<Segment>),
    /// Users begin again so long after they have begun, nanoseconds, or as soon as they can.
    #[serde(rename = "pacing_ns")]
    Pacing(Option<u64>),
    /// These parts of its flow think, and no others: pauses that begin behind the cut.
    Thinks(Vec<ThinkTime>),
    /// So many thousandths of the think times of the plan as it was read last.
    ThinkThousandths(u64),
    /// The run is judged by these conditions.
    Thresholds(Vec<Threshold>),
}

/// Who asks for a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeAsker {
    /// `vajra control`.
    Control,
    /// SIGHUP.
    Signal,
    /// A plan that is watched, and has changed.
    Watch,
}

/// What has changed, as it has become.
#[derive(Clone, Debug)]
pub enum Revised {
    /// A load of arrivals.
    Schedule(Schedule),
    /// A load of users.
    Levels(Levels),
    /// How long after the beginning of a loop the next one is to begin.
    Pacing(Option<u64>),
    /// All think times that hold from some moment on.
    Thinks(RevisedThinks),
    /// The conditions of the run.
    Thresholds(Vec<Threshold>),
}

/// Why something cannot be changed so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RevisionRefusal {
    /// The run has not begun to send.
    NotBegun,
    /// It is a closed loop, without any schedule.
    ClosedLoop,
    /// It has users, and no rate.
    HasUsers,
    /// It has a rate, and no users.
    HasRate,
    /// Its end follows from its rate and its number of requests.
    CountedOut,
    /// It has ended by then, at this moment.
    Over {
        /// In nanoseconds from the start of sending.
        ends_ns: u64,
    },
    /// No part of it thinks.
    ThinksNever,
    /// There can be no more users than the plan has at its highest.
    TooManyUsers {
        /// So many.
        most: u64,
    },
    /// Nobody can offer as much.
    TooFast,
    /// The numbers are too large.
    Inexact(InexactSchedule),
}

impl fmt::Display for RevisionRefusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RevisionRefusal::NotBegun => formatter.write_str("the run has not begun to send yet"),
            RevisionRefusal::ClosedLoop => formatter.write_str("it is a closed loop, and has no rate"),
            RevisionRefusal::HasUsers => formatter.write_str("it has users, and no rate"),
            RevisionRefusal::HasRate => formatter.write_str("it has a rate, and no users"),
            RevisionRefusal::CountedOut => {
                formatter.write_str("it sends a number of requests, and its end follows from its rate")
            }
            RevisionRefusal::Over { ends_ns } => {
                write!(formatter, "it ends at {}, before anything could change", show_ns(*ends_ns))
            }
            RevisionRefusal::ThinksNever => formatter.write_str("it has no think times"),
            RevisionRefusal::TooManyUsers { most } => {
                write!(formatter, "the plan has {most} users at the most")
            }
            RevisionRefusal::TooFast => write!(formatter, "more than {RATE_RPS_MAX} per second"),
            RevisionRefusal::Inexact(inexact) => inexact.fmt(formatter),
        }
    }
}

impl RevisionRefusal {
    /// What to do instead.
    pub fn fix(&self) -> &'static str {
        match self {
            RevisionRefusal::NotBegun => "ask again in a moment",
            RevisionRefusal::ClosedLoop => "give the scenario a rate in the plan",
            RevisionRefusal::HasUsers => "change its users: `users 50`",
            RevisionRefusal::HasRate => "change its rate: `rate 2k`",
            RevisionRefusal::CountedOut => "give the run a duration in place of a number of requests",
            RevisionRefusal::Over { .. } => "ask earlier, or give the scenario more time in the plan",
            RevisionRefusal::ThinksNever => "give its steps `think` in the plan, and `reload` it",
            RevisionRefusal::TooManyUsers { .. } => "ask for fewer, or raise them in the plan",
            RevisionRefusal::TooFast | RevisionRefusal::Inexact(_) => "ask for less",
        }
    }
}

impl std::error::Error for RevisionRefusal {}

impl fmt::Display for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::Rate(rate) if rate.count == 0 => formatter.write_str("paused"),
            Change::Rate(rate) => write!(formatter, "{rate}"),
            Change::Users(users) => write!(formatter, "{users} users"),
            Change::Thousandths(1_000) => formatter.write_str("as planned"),
            Change::Thousandths(thousandths) => {
                write!(formatter, "{} times what was planned", *thousandths as f64 / 1e3)
            }
            Change::Segments(_) => formatter.write_str("as the plan now says"),
            Change::Pacing(Some(every_ns)) => write!(formatter, "pacing {}", show_ns(*every_ns)),
            Change::Pacing(None) => formatter.write_str("no pacing"),
            Change::Thinks(times) => listed(formatter, "think times", times),
            Change::ThinkThousandths(0) => formatter.write_str("no think times"),
            Change::ThinkThousandths(1_000) => formatter.write_str("think times as planned"),
            Change::ThinkThousandths(thousandths) => {
                write!(formatter, "think times {} times what was planned", *thousandths as f64 / 1e3)
            }
            Change::Thresholds(thresholds) => {
                let texts: Vec<&str> = thresholds.iter().map(|threshold| threshold.text.as_str()).collect();
                listed(formatter, "thresholds", &texts)
            }
        }
    }
}

fn listed(formatter: &mut fmt::Formatter<'_>, what: &str, all: &[impl fmt::Display]) -> fmt::Result {
    match all {
        [] => write!(formatter, "no {what}"),
        [first, rest @ ..] => {
            write!(formatter, "{what} {first}")?;
            rest.iter().try_for_each(|one| write!(formatter, ", {one}"))
        }
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.scenario.as_str() {
            "" => self.change.fmt(formatter),
            scenario => write!(formatter, "{scenario}: {}", self.change),
        }
    }
}

impl Change {
    /// Whether it is one of a load: of a rate, or of a number of users.
    pub fn is_of_load(&self) -> bool {
        match self {
            Change::Rate(_) | Change::Users(_) | Change::Thousandths(_) | Change::Segments(_) => true,
            Change::Pacing(_) | Change::Thinks(_) | Change::ThinkThousandths(_) | Change::Thresholds(_) => {
                false
            }
        }
    }

    /// Whether it is one of think times.
    pub fn is_of_thinks(&self) -> bool {
        matches!(self, Change::Thinks(_) | Change::ThinkThousandths(_))
    }
}

impl fmt::Display for ChangeAsker {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            ChangeAsker::Control => "vajra control",
            ChangeAsker::Signal => "SIGHUP",
            ChangeAsker::Watch => "--watch",
        })
    }
}

/// An instant of the run that lies ahead of every shard, on a bound of slices.
pub fn cut_after(elapsed_ns: u64, slice_ns: u64) -> u64 {
    (elapsed_ns + AHEAD_NS.max(AHEAD_SLICES * slice_ns)).next_multiple_of(slice_ns)
}

/// What becomes of a scenario when one more revision comes to those before. Errors say why it cannot.
pub fn revise(
    scenario: &Scenario,
    before: &[Revision],
    revision: &Revision,
) -> Result<Revised, RevisionRefusal> {
    let ends_ns = scenario.ends_ns();
    if revision.cut_ns >= ends_ns {
        return Err(RevisionRefusal::Over { ends_ns });
    }
    match &revision.change {
        Change::Thresholds(thresholds) => Ok(Revised::Thresholds(thresholds.clone())),
        Change::Thinks(_) | Change::ThinkThousandths(_) => {
            revised_thinks(scenario, before, revision).map(Revised::Thinks)
        }
        Change::Pacing(pacing_ns) => match &scenario.load {
            Load::Users(_) => Ok(Revised::Pacing(*pacing_ns)),
            Load::Open { .. } => Err(RevisionRefusal::HasRate),
            Load::Closed => Err(RevisionRefusal::ClosedLoop),
        },
        Change::Rate(_) | Change::Users(_) | Change::Thousandths(_) | Change::Segments(_) => {
            revised_load(scenario, before, revision)
        }
    }
}

/// What becomes of the conditions of a run. Errors say why they cannot be others.
pub fn revise_thresholds(
    plan: &Plan,
    thresholds: &[Threshold],
    cut_ns: u64,
) -> Result<Revised, RevisionRefusal> {
    let ends_ns = plan.phases.measure_to_ns;
    match cut_ns >= ends_ns {
        true => Err(RevisionRefusal::Over { ends_ns }),
        false => Ok(Revised::Thresholds(thresholds.to_vec())),
    }
}

/// The think times of a scenario with one more change of them.
fn revised_thinks(
    scenario: &Scenario,
    before: &[Revision],
    revision: &Revision,
) -> Result<RevisedThinks, RevisionRefusal> {
    let mut thinks = RevisedThinks::new(scenario.flow().ok_or(RevisionRefusal::ThinksNever)?);
    for one in of(scenario, before).chain([revision]) {
        match &one.change {
            Change::Thinks(times) => thinks.replace(one.cut_ns, times),
            Change::ThinkThousandths(_) if !thinks.has_any() => return Err(RevisionRefusal::ThinksNever),
            Change::ThinkThousandths(thousandths) => thinks.scale(one.cut_ns, *thousandths),
            _ => {}
        }
    }
    Ok(thinks)
}

fn revised_load(
    scenario: &Scenario,
    before: &[Revision],
    revision: &Revision,
) -> Result<Revised, RevisionRefusal> {
    let ends_ns = scenario.ends_ns();
    match &scenario.load {
        Load::Closed => Err(RevisionRefusal::ClosedLoop),
        Load::Open { segments, .. } => {
            if scenario.requests_max.is_some() {
                return Err(RevisionRefusal::CountedOut);
            }
            if asked_rps(&revision.change, segments)? > RATE_RPS_MAX as f64 {
                return Err(RevisionRefusal::TooFast);
            }
            let so_far = schedule_of(scenario, before).ok_or(RevisionRefusal::ClosedLoop)?;
            continued(&so_far, scenario, revision).map(Revised::Schedule).map_err(RevisionRefusal::Inexact)
        }
        Load::Users(users) => {
            let asked = asked_users(&revision.change, users)?;
            if asked > users.most() {
                return Err(RevisionRefusal::TooManyUsers { most: users.most() });
            }
            let mut levels = Levels::new(&users.segments, (scenario.starts_ns, ends_ns));
            for one in of_load(scenario, before).chain([revision]) {
                levels = continued_levels(&levels, users, scenario, one);
            }
            Ok(Revised::Levels(levels))
        }
    }
}

/// The schedule of a scenario that was revised so; none of one that has none.
pub fn schedule_of(scenario: &Scenario, revisions: &[Revision]) -> Option<Schedule> {
    let planned = scenario.schedule()?;
    let revised =
        of_load(scenario, revisions).try_fold(planned, |so_far, one| continued(&so_far, scenario, one));
    Some(revised.expect("each was made before it was accepted"))
}

/// What the scenarios of a plan that was revised so offer together.
pub fn offered(plan: &Plan, revisions: &[Revision]) -> Offered {
    Offered::of(plan.scenarios.iter().map(|scenario| schedule_of(scenario, revisions)))
}

/// Those of a scenario.
fn of<'a>(scenario: &'a Scenario, revisions: &'a [Revision]) -> impl Iterator<Item = &'a Revision> {
    revisions.iter().filter(|revision| revision.scenario == scenario.name)
}

/// Those of its load.
fn of_load<'a>(scenario: &'a Scenario, revisions: &'a [Revision]) -> impl Iterator<Item = &'a Revision> {
    of(scenario, revisions).filter(|revision| revision.change.is_of_load())
}

/// The highest rate that a change of a load comes to.
fn asked_rps(change: &Change, planned: &[Segment]) -> Result<f64, RevisionRefusal> {
    let highest = |segments: &[Segment]| segments.iter().map(Segment::highest_rps).fold(0.0, f64::max);
    match change {
        Change::Rate(rate) => Ok(rate.rps()),
        Change::Users(_) => Err(RevisionRefusal::HasRate),
        Change::Thousandths(thousandths) => Ok(highest(planned) * *thousandths as f64 / 1e3),
        Change::Segments(segments) => Ok(highest(segments)),
        other => unreachable!("{other} is no load"),
    }
}

/// The most users that a change of a load comes to.
fn asked_users(change: &Change, planned: &UserLoad) -> Result<u64, RevisionRefusal> {
    match change {
        // A pause is one of all loads.
        Change::Rate(Rate { count: 0, .. }) => Ok(0),
        Change::Rate(_) => Err(RevisionRefusal::HasUsers),
        Change::Users(users) => Ok(*users),
        Change::Thousandths(thousandths) => Ok((planned.most() * thousandths).div_ceil(1_000)),
        Change::Segments(segments) => Ok(UserLoad { segments: segments.clone(), ..planned.clone() }.most()),
        other => unreachable!("{other} is no load"),
    }
}

fn continued(
    so_far: &Schedule,
    scenario: &Scenario,
    revision: &Revision,
) -> Result<Schedule, InexactSchedule> {
    let (starts_ns, length_ns) = (scenario.starts_ns, so_far.end_ns() - scenario.starts_ns);
    let (other, thousandths) = match &revision.change {
        Change::Rate(rate) => (Schedule::new(starts_ns, &[constant(*rate, length_ns)])?, 1_000),
        Change::Segments(segments) => (Schedule::new(starts_ns, segments)?, 1_000),
        // Users have no schedule, and nothing else is of a load.
        Change::Users(_)
        | Change::Pacing(_)
        | Change::Thinks(_)
        | Change::ThinkThousandths(_)
        | Change::Thresholds(_) => return Ok(so_far.clone()),
        Change::Thousandths(thousandths) => {
            (scenario.schedule().unwrap_or_else(|| so_far.clone()), *thousandths)
        }
    };
    so_far.continued(revision.cut_ns, &other, thousandths)
}

fn continued_levels(so_far: &Levels, planned: &UserLoad, scenario: &Scenario, revision: &Revision) -> Levels {
    let times_ns = (scenario.starts_ns, scenario.ends_ns());
    let always = |users| UserLoad::constant(users, times_ns.1 - times_ns.0).segments;
    let (segments, thousandths) = match &revision.change {
        Change::Rate(_) => (always(0), 1_000),
        Change::Users(users) => (always(*users), 1_000),
        Change::Segments(segments) => (segments.clone(), 1_000),
        Change::Thousandths(thousandths) => (planned.segments.clone(), *thousandths),
        other => unreachable!("{other} is no load"),
    };
    so_far.continued(revision.cut_ns, &Levels::new(&segments, times_ns), thousandths)
}
