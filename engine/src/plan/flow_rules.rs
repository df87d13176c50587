//! The rules that every flow keeps: what its items name is there, and what it repeats comes to an end.

use super::bounds::{FLOW_DEPTH_MAX, ITEMS_MAX, REPEAT_MAX, REPEATS_MAX};
use super::fields::{Request, Step, Target, TargetProtocol};
use super::mistake::Mistake;
use crate::flow::{FlowAction, FlowItem, FlowScript, SESSIONS_MAX, StepLooks};
use crate::load::UserLoad;
use crate::message_form::MESSAGE_TYPES_MAX;
use crate::quantity::DURATION_NS_MAX;
use crate::redirect::REDIRECTS_MAX;
use crate::schedule::{Segment, Shape};
use crate::users::USERS_MAX;

/// What is wrong with the flow of a scenario that has so many steps.
pub(super) fn mistakes(flow: &FlowScript, steps: usize) -> Vec<Mistake> {
    let mut check = FlowCheck { steps, items: 0, requests: 0, mistakes: Vec::new() };
    check.items(&flow.items, 1, 0);
    if check.items > ITEMS_MAX {
        let problem = format!("the flow has {} steps, those of flows it runs included", check.items);
        check.wrong(problem, format!("give at most {ITEMS_MAX}"));
    }
    if check.requests == 0 && steps > 0 {
        check.wrong("the flow sends no request", "give it a step with one");
    }
    if !(1..=SESSIONS_MAX).contains(&flow.sessions_max) {
        check.wrong(format!("{} sessions cannot be", flow.sessions_max), format!("give 1 to {SESSIONS_MAX}"));
    }
    if flow.graceful_ns > DURATION_NS_MAX {
        check.wrong("iterations may go on for longer than any run lasts", "let them end earlier");
    }
    check.mistakes
}

/// What is wrong with the users of a flow.
pub(super) fn mistakes_of_users(users: &UserLoad) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    let mut wrong = |problem: &str, fix: String| mistakes.push(Mistake::new(problem, fix));
    if !users.segments.iter().all(Segment::is_sound) || users.segments.is_empty() {
        wrong("their number is none that can be", "give numbers such as 100".to_owned());
    } else if !(1..=USERS_MAX).contains(&users.most()) {
        wrong("there are no users, or too many", format!("give 1 to {USERS_MAX}"));
    }
    if users.segments.iter().any(|segment| matches!(segment.shape, Shape::Recorded { .. })) {
        wrong("users do not come and go as was recorded", "leave `users` and `of` out".to_owned());
    }
    if users.segments.iter().any(|segment| matches!(segment.shape, Shape::Sine { .. })) {
        wrong("users do not come and go as a sine", "use `stages` with ramps".to_owned());
    }
    if users.pacing_ns.is_some_and(|ns| !(1..=DURATION_NS_MAX).contains(&ns)) || users.loops_max == Some(0) {
        wrong("they never begin, or not again", "give `pacing` a time, and `loops` at least 1".to_owned());
    }
    mistakes
}

/// What is wrong with what is looked at of a step's responses, from its target.
pub(super) fn wrong_looks(step: &Step, target: &Target) -> Option<Mistake> {
    let wants = step.looks.wants();
    let is_http = matches!(target.protocol, TargetProtocol::Http1 { .. } | TargetProtocol::Http2 { .. });
    if step.looks.redirects > 0 && !(is_http && step.request.http().is_some()) {
        let problem = "redirects are of HTTP, and the target speaks something else";
        return Some(Mistake::new(problem, "leave `redirects` out"));
    }
    if step.looks.redirects > REDIRECTS_MAX {
        let problem = format!("{} redirects of one request are too many", step.looks.redirects);
        return Some(Mistake::new(problem, format!("give at most {REDIRECTS_MAX}")));
    }
    if let Request::Grpc(call) = &step.request {
        return wrong_message(&step.looks, call.described.is_some());
    }
    if wants.is_nothing() || (is_http && step.request.http().is_some()) {
        return None;
    }
    let problem = "fields and bodies of responses are looked at over HTTP and gRPC alone";
    Some(Mistake::new(problem, "send requests of HTTP, or look at `status` and `time` alone"))
}

/// What is wrong with what is looked at of the replies to a call.
fn wrong_message(looks: &StepLooks, is_described: bool) -> Option<Mistake> {
    let wants = looks.wants();
    if wants.has_cookies {
        let problem = "cookies are of HTTP, and the target speaks gRPC";
        return Some(Mistake::new(problem, "take a `header`, which may be metadata of the response"));
    }
    if looks.message.as_ref().is_some_and(|form| !form.is_sound()) {
        let problem = "the form of its replies names types that are not there";
        return Some(Mistake::new(
            problem,
            "let it be found out anew: leave out what the plan says of the method",
        ));
    }
    let is_unknown = is_described && looks.message.is_none() && wants.body_bytes_max > 0;
    let problem =
        format!("its replies are made of more than {MESSAGE_TYPES_MAX} types, or it is not known of which");
    is_unknown.then(|| Mistake::new(problem, "look at `status`, `time`, `size` and `header` alone"))
}

/// What is wrong with cookies that are kept of what a target answers.
pub(super) fn wrong_cookies(target: &Target) -> Option<Mistake> {
    let (problem, fix) = match target.protocol {
        TargetProtocol::Http1 { .. } => return None,
        TargetProtocol::Http2 { .. } if target.grpc.is_none() => return None,
        _ => ("cookies are of HTTP, and the target speaks something else", "leave `cookies` out"),
    };
    Some(Mistake::new(problem, fix))
}

struct FlowCheck {
    steps: usize,
    items: usize,
    requests: usize,
    mistakes: Vec<Mistake>,
}

impl FlowCheck {
    /// Items that are done so often in one iteration at the most, so deep within others.
    fn items(&mut self, items: &[FlowItem], repeats: u64, depth: usize) {
        // Named flows in a flow, each in an item of its own.
        if depth > 2 * FLOW_DEPTH_MAX + 2 {
            return self.wrong("flows stand too deep within each other", "write some of them side by side");
        }
        self.items += items.len();
        for item in items {
            let times = item.repeat.map_or(1, |times| u64::from(times.max));
            let repeats = repeats.saturating_mul(times.max(1));
            self.item(item, repeats);
            match &item.action {
                FlowAction::Request(step) if *step >= self.steps => {
                    self.wrong("a step sends a request that is not there", "name one that is");
                }
                FlowAction::Request(_) => self.requests += 1,
                FlowAction::Items(items) => self.items(items, repeats, depth + 1),
                FlowAction::OneOf(branches) => {
                    if branches.iter().all(|branch| branch.weight == 0) {
                        self.wrong("no flow of a choice has a weight above 0", "give one a weight");
                    }
                    for branch in branches {
                        self.items(&branch.items, repeats, depth + 1);
                    }
                }
            }
        }
    }

    fn item(&mut self, item: &FlowItem, repeats: u64) {
        if item.chance.is_some_and(|chance| !(0.0..=1.0).contains(&chance)) {
            self.wrong("a probability is below 0 or above 1", "write `20%`, or `0.2`");
        }
        if item.repeat.is_some_and(|times| times.min > times.max || times.max > REPEAT_MAX) {
            self.wrong(
                "a number of times is none",
                format!("give two from 0 to {REPEAT_MAX}, the smaller first"),
            );
        }
        let is_other = item.think.is_some() || item.repeat.is_some();
        if item.at_ns.is_some() && (is_other || !matches!(item.action, FlowAction::Request(_))) {
            self.wrong(
                "a moment that was recorded is of one request, which is sent once and not thought after",
                "leave `think` and `repeat` out of it",
            );
        }
        if item.at_ns.is_some_and(|at_ns| at_ns > DURATION_NS_MAX) {
            self.wrong("a moment is later than any run lasts", "let it come earlier");
        }
        if repeats > REPEATS_MAX {
            let problem = format!(
                "what is repeated within something that is repeated is done {repeats} times in one iteration"
            );
            self.wrong(problem, format!("let it be {REPEATS_MAX} times at the most"));
        }
    }

    fn wrong(&mut self, problem: impl Into<String>, fix: impl Into<String>) {
        self.mistakes.push(Mistake::new(problem, fix));
    }
}
