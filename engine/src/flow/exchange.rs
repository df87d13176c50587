//! One step of a flow, ready for sessions: how its request is filled, and what is looked at of its responses.

use super::item::{Extract, StepLooks};
use super::looked::LastLook;
use super::values::ValueNames;
use crate::extract::{Captured, Expression, Findings, Inspection, Wants};
use crate::feed::Feed;
use crate::message_form::MessageForm;
use crate::mix::EncodedStep;
use crate::outcome::Outcome;
use crate::seams::{End, StepFacts};
use crate::template::{HoleName, ResolvedHole, Template};

/// A step that sessions go through.
#[derive(Clone, Debug)]
pub(super) struct FlowExchange {
    pub(super) template: Template,
    /// What stands in the template's holes of which the value is not known before.
    pub(super) holes: Vec<ResolvedHole>,
    pub(super) wants: Wants,
    looks: Option<Looking>,
    /// The index, among the headers that are wanted, of the one that says where a redirect leads, where they are followed.
    location: Option<usize>,
    /// How messages of gRPC are told before they are looked at.
    message: Option<MessageForm>,
}

const LOCATION: &str = "location";

/// What is looked at of a response.
#[derive(Clone, Debug)]
struct Looking {
    inspection: Inspection,
    /// The number of the value that each expression becomes, and whether it may be missing.
    values: Vec<(u16, bool)>,
    /// How many checks there are.
    checks: usize,
    /// A check says which statuses are right: the protocol's own rule does not count.
    judges_status: bool,
}

impl FlowExchange {
    /// A step, and what is known of it beforehand. `number` is that of its first hole.
    pub(super) fn new(
        step: EncodedStep,
        looks: &StepLooks,
        names: &mut ValueNames,
        feeds: &[Feed],
        number: &mut u32,
        keeps_cookies: bool,
    ) -> (FlowExchange, StepFacts) {
        let mut resolve = |hole: &crate::template::Hole| {
            *number += 1;
            let of_name = |name: &HoleName| match name {
                HoleName::Variable(name) => names.number_of(name, feeds),
                HoleName::Column { feed, column } => names.column(feed, column, feeds),
                HoleName::Environment(_) => None,
            };
            hole.resolved(*number - 1, of_name).expect("a plan's requests name what there is")
        };
        let holes: Vec<ResolvedHole> = step.template.holes().map(&mut resolve).collect();
        let expressions: Vec<Expression> =
            looks.extracts.iter().map(|extract| extract.from.clone()).collect();
        let mut wants = Wants::new(&expressions, &looks.checks, looks.body_bytes_max);
        wants.has_cookies |= keeps_cookies;
        let value = |Extract { name, from }: &Extract| (names.variable(name), from.is_optional());
        let location = (looks.redirects > 0).then(|| wants.also_header(LOCATION));
        let looking = looks.has_judgement().then(|| Looking {
            inspection: Inspection::new(&expressions, &looks.checks),
            values: looks.extracts.iter().map(value).collect(),
            checks: looks.checks.len(),
            judges_status: looks.checks.iter().any(|check| check.is_of_status()),
        });
        let facts = StepFacts {
            constant: if holes.is_empty() { step.template.constant() } else { None },
            bytes_max: step.template.bytes_max(),
            is_bodyless: step.is_bodyless,
            is_looked_at: !wants.is_nothing(),
        };
        let (template, message) = (step.template, looks.message.clone());
        (FlowExchange { template, holes, wants, looks: looking, location, message }, facts)
    }

    /// Whether something is kept of a request while it is under way.
    pub(super) fn needs_memory(&self) -> bool {
        !self.holes.is_empty() || self.looks.is_some() || self.location.is_some()
    }

    /// Where a response says that it leads, where that is of interest.
    pub(super) fn location<'a>(&self, captured: &'a Captured) -> Option<&'a [u8]> {
        captured.header_value(self.location?)
    }

    /// A message of gRPC becomes what is looked at, where it is one that is looked at.
    pub(super) fn retell(&self, captured: &mut Captured) {
        if let Some(form) = &self.message {
            captured.retell(form, self.wants.body_bytes_max);
        }
    }

    /// What is looked at of responses, if anything is.
    pub(super) fn inspection(&self) -> Option<&Inspection> {
        self.looks.as_ref().map(|looks| &looks.inspection)
    }

    /// What a response comes to: its checks, and its values, which are handed to `set`. What was captured is there where the step is looked at.
    pub(super) fn judge(
        &mut self,
        end: End,
        elapsed_ns: u64,
        captured: Option<&Captured>,
        found: &mut Findings,
        last: &mut LastLook,
        mut set: impl FnMut(u16, Option<&[u8]>),
    ) -> Outcome {
        let (Some(looks), Some(captured), End::Response { code, .. }) = (&mut self.looks, captured, end)
        else {
            return end.outcome();
        };
        looks.inspection.look(code, elapsed_ns, captured, found);
        last.checked(code, looks.checks, found);
        if found.failed_check().is_some() {
            return Outcome::CheckFailed(code);
        }
        let outcome = if looks.judges_status { Outcome::Ok(code) } else { end.outcome() };
        for (index, (value, is_optional)) in looks.values.iter().enumerate() {
            let text = found.value(index);
            if text.is_none() && !is_optional && matches!(outcome, Outcome::Ok(_)) {
                last.extracted(Some(false));
                return Outcome::ValueMissing(code);
            }
            last.extracted(text.map(|_| true));
            set(*value, text);
        }
        outcome
    }
}
