//! The three phases of a run. An arrival belongs to the phase its *intended* time falls in, wherever its response comes.

use serde::{Deserialize, Serialize};

/// Where in a run an instant lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Sent and shown in the time series, but not part of the result.
    Warmup,
    /// The window that every number of the report is about.
    Measure,
    /// Nothing new is scheduled; what is under way may finish.
    Drain,
}

/// How the end of the warm-up is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Warmup {
    /// It was said beforehand.
    #[default]
    Fixed,
    /// It ends when response times are steady, and at the planned bound at the latest.
    Auto,
}

/// One thing for the measured window, and the same for the time outside it: warm-up and drain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Windowed<T> {
    /// Of the measured window.
    pub measured: T,
    /// Of the time outside it.
    pub outside: T,
}

impl<T> Windowed<T> {
    /// The one of the two.
    #[inline]
    pub fn part(&mut self, is_measured: bool) -> &mut T {
        if is_measured { &mut self.measured } else { &mut self.outside }
    }
}

/// The bounds of the phases, in nanoseconds from the start of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phases {
    /// Warm-up lasts until here.
    pub measure_from_ns: u64,
    /// The measured window ends here.
    pub measure_to_ns: u64,
}

impl Phases {
    /// The phase of an instant.
    pub fn at(&self, instant_ns: u64) -> Phase {
        match instant_ns {
            ns if ns < self.measure_from_ns => Phase::Warmup,
            ns if ns < self.measure_to_ns => Phase::Measure,
            _ => Phase::Drain,
        }
    }

    /// Length of the measured window, in nanoseconds.
    pub fn window_ns(&self) -> u64 {
        self.measure_to_ns - self.measure_from_ns
    }
}
