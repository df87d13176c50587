//! The load a plan asks for: the shape of the offered rate, how arrivals are spaced, and what to do when behind.

use crate::quantity::{Rate, SECOND_NS};
use crate::schedule::{Schedule, Segment, Shape, constant};
use serde::{Deserialize, Serialize};

/// What drives the requests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Load {
    /// No schedule: a request is sent whenever a connection is free. Measures the highest throughput; its response
    /// times say nothing about users, because a slow target is asked less.
    Closed,
    /// A schedule: arrivals come when they come, whether the target keeps up or not.
    Open {
        /// The word the plan used for the shape.
        name: String,
        /// The offered rate: one segment after the other.
        // What it was called in reports before.
        #[serde(alias = "stretches")]
        segments: Vec<Segment>,
        /// How arrivals are spaced along it.
        arrivals: Arrivals,
        /// What to do with arrivals that are overdue.
        overload: Overload,
    },
    /// Users who do something again and again: no schedule, because each waits for its own responses.
    Users(UserLoad),
}

/// How many users there are, and how they go on. Times are in nanoseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UserLoad {
    /// Their number: rates of these are numbers of users.
    pub segments: Vec<Segment>,
    /// Each begins again so long after it has begun, or as soon as it has ended where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pacing_ns: Option<u64>,
    /// Each does it so often at the most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loops_max: Option<u64>,
}

impl UserLoad {
    /// Always so many.
    pub fn constant(users: u64, length_ns: u64) -> UserLoad {
        let rate = Rate { count: users, per_ns: SECOND_NS };
        UserLoad { segments: vec![constant(rate, length_ns)], pacing_ns: None, loops_max: None }
    }

    /// The most users that there are at a time.
    pub fn most(&self) -> u64 {
        self.segments.iter().map(|segment| rounded(segment.highest_rps())).max().unwrap_or(0)
    }
}

/// As many users as a level says.
fn rounded(level: f64) -> u64 {
    (level + 0.5) as u64
}

/// How arrivals are spaced along the offered rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrivals {
    /// Evenly: the most repeatable.
    #[default]
    Uniform,
    /// At random and independently, as independent users arrive: shows queueing that even spacing hides.
    Poisson,
}

/// What to do with an arrival that finds no free connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overload {
    /// Wait for one, however long; the wait is part of the response time.
    #[default]
    Queue,
    /// Wait this many nanoseconds at most; then count the arrival as dropped.
    Shed {
        /// The longest wait.
        deadline_ns: u64,
    },
    /// Send fewer while the oldest waits for longer than that; count the others as withheld. See [`crate::degrade`].
    Degrade {
        /// The longest wait that is no reason to send fewer.
        slip_ns: u64,
        /// The smallest share that is sent, in millionths.
        floor_ppm: u32,
    },
}

impl Load {
    /// The schedule of an open load that begins at an instant; `None` for a closed one. Panics on segments that
    /// [`Schedule::new`] refuses, which a [`crate::plan::Plan`] never holds.
    pub fn schedule(&self, starts_ns: u64) -> Option<Schedule> {
        match self {
            Load::Closed | Load::Users(_) => None,
            Load::Open { segments, .. } => {
                Some(Schedule::new(starts_ns, segments).expect("a plan holds only exact schedules"))
            }
        }
    }

    /// Whether fewer arrivals are sent than it asks for while its target does not keep up.
    pub fn degrades(&self) -> bool {
        matches!(self, Load::Open { overload: Overload::Degrade { .. }, .. })
    }

    /// The rate, where it never changes.
    pub fn constant_rate(&self) -> Option<Rate> {
        let Load::Open { segments, .. } = self else { return None };
        let rate_of = |segment: &Segment| match segment.shape {
            Shape::Constant(rate) => Some(rate),
            Shape::Ramp { .. } | Shape::Sine { .. } | Shape::Recorded { .. } => None,
        };
        let first = rate_of(segments.first()?);
        first.filter(|_| segments.iter().all(|segment| rate_of(segment) == first))
    }

    /// True for a load that waits for responses instead of following a schedule.
    pub fn is_closed(&self) -> bool {
        matches!(self, Load::Closed | Load::Users(_))
    }

    /// Its users, where it is of such.
    pub fn users(&self) -> Option<&UserLoad> {
        match self {
            Load::Users(users) => Some(users),
            Load::Closed | Load::Open { .. } => None,
        }
    }
}
