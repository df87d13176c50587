//! Any source there is, where the loop is not compiled for one: a closed set, told apart by one match.

use crate::bucket::Arrival;
use crate::mix::Mix;
use crate::outbox::Outbox;
use crate::outcome::Outcome;
use crate::seams::{Call, End, Source, StepFacts};

/// One of the sources there are.
#[derive(Clone, Debug)]
pub enum AnySource {
    /// Templates drawn by weight.
    Mix(Mix),
}

impl Source for AnySource {
    #[inline]
    fn steps(&self) -> &[StepFacts] {
        match self {
            AnySource::Mix(mix) => mix.steps(),
        }
    }

    #[inline]
    fn begin(&mut self, arrival: Arrival) -> Call {
        match self {
            AnySource::Mix(mix) => mix.begin(arrival),
        }
    }

    #[inline]
    fn render(&mut self, call: Call, number: u64, out: &mut Outbox<'_>) {
        match self {
            AnySource::Mix(mix) => mix.render(call, number, out),
        }
    }

    #[inline]
    fn end(&mut self, call: Call, end: End) -> Outcome {
        match self {
            AnySource::Mix(mix) => mix.end(call, end),
        }
    }
}
