//! A flow as plans have it: items, each with the conditions under which it is done.

use super::think::Think;
use crate::extract::{BODY_BYTES_MAX, Condition, Expression, ResponseCheck, Wants};
use crate::message_form::MessageForm;
use crate::resilience::Resilience;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The most sessions there may be at a time, over all shards: a flight has no room for a larger number.
pub const SESSIONS_MAX: u32 = 1 << 24;
/// As many where nothing is said. They take memory as they are needed.
pub const SESSIONS_DEFAULT: u32 = 1_000_000;
/// The same where each session has a connection of its own: there is a place for each from the start, and descriptors are needed for them.
pub const OWN_SESSIONS_DEFAULT: u32 = 10_000;
/// As many named flows of a scenario are reported; each takes memory for its times.
pub const NAMED_FLOWS_MAX: usize = 32;
const _: () = assert!(SESSIONS_DEFAULT <= SESSIONS_MAX, "the default is allowed");
const _: () = assert!(OWN_SESSIONS_DEFAULT <= SESSIONS_DEFAULT, "a connection costs more than a session");

/// What each arrival of a scenario goes through. The requests are the scenario's steps, which items name by their number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FlowScript {
    /// In this order.
    pub items: Vec<FlowItem>,
    /// No more iterations are under way at a time than these, over all shards; an arrival that finds as many waits.
    pub sessions_max: u32,
    /// For how long iterations may go on after the end of the schedule.
    pub graceful_ns: u64,
    /// What is done about failures of requests, each by itself.
    #[serde(default, skip_serializing_if = "Resilience::is_nothing")]
    pub resilience: Resilience,
    /// Sessions keep the cookies that are set, and send them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cookies: bool,
}

/// A part of a flow, and when it is done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FlowItem {
    /// What is done.
    pub action: FlowAction,
    /// The named flow whose items these are: each time that it is gone through is reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<String>,
    /// If this holds; always where there is none.
    #[serde(default, rename = "if", skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
    /// With this probability; always where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chance: Option<f64>,
    /// So many times, one after the other, each with its think time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeat: Option<Repetition>,
    /// What passes after each time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub think: Option<Think>,
    /// Its request is intended so long after the iteration's arrival, whatever came before it: a recorded timeline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_ns: Option<u64>,
    /// It is done after a failure too, when the rest is left out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub always: bool,
    /// What becomes of the iteration when it fails.
    #[serde(default, skip_serializing_if = "OnFailure::is_stop")]
    pub on_failure: OnFailure,
}

/// What an item of a flow does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlowAction {
    /// The request that is the scenario's step with this number.
    Request(usize),
    /// One of these, drawn by weight.
    OneOf(Vec<FlowBranch>),
    /// Items of their own, one after the other.
    Items(Vec<FlowItem>),
}

/// What may be done in the place of others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FlowBranch {
    /// How often it is drawn, relative to the others.
    pub weight: u32,
    /// What is done then.
    pub items: Vec<FlowItem>,
    /// The named flow whose items these are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<String>,
}

/// What is looked at of the responses to a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StepLooks {
    /// Values that are taken from them.
    pub extracts: Vec<Extract>,
    /// What has to hold of them.
    pub checks: Vec<ResponseCheck>,
    /// The most of a body that is looked at.
    pub body_bytes_max: usize,
    /// As many redirects are followed, one after the other.
    #[serde(skip_serializing_if = "is_none")]
    pub redirects: u32,
    /// How messages of gRPC are told as JSON, of calls whose messages are looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<MessageForm>,
}

/// A value that is taken from a response.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Extract {
    /// What it is called from then on.
    pub name: String,
    /// Where it stands.
    pub from: Expression,
}

fn is_none(count: &u32) -> bool {
    *count == 0
}

impl Default for StepLooks {
    fn default() -> StepLooks {
        let (extracts, checks) = (Vec::new(), Vec::new());
        StepLooks { extracts, checks, body_bytes_max: BODY_BYTES_MAX, redirects: 0, message: None }
    }
}

impl StepLooks {
    /// Whether nothing is looked at.
    pub fn is_empty(&self) -> bool {
        self.redirects == 0 && !self.has_judgement()
    }

    /// What of responses is wanted for that.
    pub fn wants(&self) -> Wants {
        let expressions: Vec<Expression> = self.extracts.iter().map(|extract| extract.from.clone()).collect();
        Wants::new(&expressions, &self.checks, self.body_bytes_max)
    }

    /// Whether something has to hold, or values are taken.
    pub(super) fn has_judgement(&self) -> bool {
        !self.extracts.is_empty() || !self.checks.is_empty()
    }
}

/// How often an item is done: as often as is drawn, with each number of times as likely as any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repetition {
    /// At least so often.
    pub min: u32,
    /// At most so often.
    pub max: u32,
}

/// What becomes of an iteration when one of its requests fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// What follows is left out, but for what is always done.
    #[default]
    Stop,
    /// It goes on, and has failed all the same.
    Continue,
}

impl FlowScript {
    /// Whether each iteration is one request, so that as many are known not to have been made as arrivals became none.
    pub fn is_one_request(&self) -> bool {
        let is_once =
            |item: &FlowItem| item.condition.is_none() && item.chance.is_none() && item.repeat.is_none();
        let [only] = &self.items[..] else { return false };
        let is_request = |items: &[FlowItem]| matches!(items, [only] if is_once(only) && matches!(only.action, FlowAction::Request(_)));
        is_once(only)
            && match &only.action {
                FlowAction::Request(_) => true,
                FlowAction::OneOf(branches) => branches.iter().all(|branch| is_request(&branch.items)),
                FlowAction::Items(_) => false,
            }
    }
}

impl FlowScript {
    /// The named flows that it goes through, however deep within others, in the order in which they are named first.
    pub fn all_named_flows(&self) -> Vec<&str> {
        let mut names = Vec::new();
        walk(&self.items, None, &mut |flow, step| {
            if let (Some(flow), None) = (flow, step)
                && !names.contains(&flow)
            {
                names.push(flow);
            }
        });
        names
    }

    /// Those of them that are reported: the first [`NAMED_FLOWS_MAX`].
    pub fn named_flows(&self) -> Vec<&str> {
        let mut names = self.all_named_flows();
        names.truncate(NAMED_FLOWS_MAX);
        names
    }

    /// The numbers of the requests that a named flow makes itself, without those of flows that it goes through.
    pub fn steps_of_flow(&self, name: &str) -> BTreeSet<usize> {
        let mut steps = BTreeSet::new();
        walk(&self.items, None, &mut |flow, step| {
            steps.extend(step.filter(|_| flow == Some(name)));
        });
        steps
    }
}

/// Tells of each named flow, and of each request with the innermost one that it stands in.
fn walk<'a, T: FnMut(Option<&'a str>, Option<usize>)>(
    items: &'a [FlowItem],
    within: Option<&'a str>,
    tell: &mut T,
) {
    for item in items {
        let flow = entered(&item.flow, within, tell);
        match &item.action {
            FlowAction::Request(step) => tell(flow, Some(*step)),
            FlowAction::Items(items) => walk(items, flow, tell),
            FlowAction::OneOf(branches) => {
                for branch in branches {
                    let flow = entered(&branch.flow, flow, tell);
                    walk(&branch.items, flow, tell);
                }
            }
        }
    }
}

fn entered<'a, T: FnMut(Option<&'a str>, Option<usize>)>(
    flow: &'a Option<String>,
    within: Option<&'a str>,
    tell: &mut T,
) -> Option<&'a str> {
    let Some(name) = flow.as_deref() else { return within };
    tell(Some(name), None);
    Some(name)
}

impl OnFailure {
    fn is_stop(&self) -> bool {
        *self == OnFailure::Stop
    }
}

impl FlowItem {
    /// An item that is done once, whatever else happens before it.
    pub fn new(action: FlowAction) -> FlowItem {
        FlowItem {
            action,
            flow: None,
            condition: None,
            chance: None,
            repeat: None,
            think: None,
            at_ns: None,
            always: false,
            on_failure: OnFailure::Stop,
        }
    }
}
