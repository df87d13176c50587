//! The figures that a report has of the whole run, of a scenario and of a step alike.

use crate::breaker::BreakerCounts;
use crate::record::RedirectCounts;
use crate::target_outcome::TargetOutcome;
use crate::timing::Timing;
use crate::trust::Trust;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What was asked against what was sent, arrivals per second.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RateBlock {
    /// What the plan's schedule asks for, over the window; `null` in a closed loop, and in reports of versions before 0.2.
    #[serde(default)]
    pub asked: Option<f64>,
    /// Scheduled: with random arrivals what was drawn, which chance makes a little more or less than what was asked for. `null` in a
    /// closed loop.
    pub target: Option<f64>,
    /// Carried: requests that ended, in success or failure, over the window and what it took to catch up after it.
    pub achieved: f64,
    /// Achieved over target; `null` in a closed loop.
    pub ratio: Option<f64>,
}

/// How requests ended. Of the whole run, scheduled = ok + failed + dropped + unsent + withheld; a step does not know its drops.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Requests {
    /// Put on the wire.
    pub sent: u64,
    /// Complete responses with a status below 400.
    pub ok: u64,
    /// Any other end, attempts that found no connection included.
    pub failed: u64,
    /// Dropped by the overload policy, never sent.
    pub dropped: u64,
    /// Due, and never sent because the run ended first.
    pub unsent: u64,
    /// Withheld, because the load was lowered while the target did not keep up.
    #[serde(default, skip_serializing_if = "is_none")]
    pub withheld: u64,
    /// Failures by kind; they add up to `failed`.
    pub errors: BTreeMap<String, u64>,
    /// Complete responses by status.
    #[serde(with = "crate::code::counted")]
    pub status: BTreeMap<u16, u64>,
    /// Messages of gRPC that came, those of calls that failed included.
    #[serde(default, skip_serializing_if = "is_none")]
    pub messages: u64,
    /// First messages that came − intended, of calls that stream, those that failed included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_message_ns: Option<Timing>,
    /// Of the messages that followed: came − sent of the message that it is the reply to, with `ping_pong`; else the time since the one before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_ns: Option<Timing>,
}

/// Arrivals that lead to several requests. scheduled = ok + failed + unfinished + dropped + unsent + withheld.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Iterations {
    /// Whose requests were all successes.
    pub ok: u64,
    /// Of which a request failed.
    pub failed: u64,
    /// Cut off by the end of the run.
    pub unfinished: u64,
    /// Dropped by the overload policy, never begun.
    pub dropped: u64,
    /// Due, and never begun because the run ended first.
    pub unsent: u64,
    /// Withheld, because the load was lowered while the target did not keep up.
    #[serde(default, skip_serializing_if = "is_none")]
    pub withheld: u64,
    /// Arrivals that waited for a session, because as many were taken as the plan allows.
    #[serde(default, skip_serializing_if = "is_none")]
    pub session_waits: u64,
    /// Last response − arrival, without the time spent thinking, of those that ended well.
    pub iteration_ns: Timing,
    /// Last response − arrival, with the time spent thinking, of those that ended well.
    pub duration_ns: Timing,
}

impl Iterations {
    /// Begun.
    pub fn begun(&self) -> u64 {
        self.ok + self.failed + self.unfinished
    }

    /// All arrivals: what was begun, what was dropped or withheld, and what was never sent.
    pub fn scheduled(&self) -> u64 {
        self.begun() + self.dropped + self.unsent + self.withheld
    }
}

/// Attempts at requests, where requests that fail may be tried again. An attempt is counted where its request is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RequestAttempts {
    /// Made, those that found no connection included: first ones and further ones.
    pub made: u64,
    /// Further ones: made − this is how many requests were tried.
    pub further: u64,
    /// Put on the wire.
    pub sent: u64,
    /// Made per request that was tried.
    pub ratio: f64,
    /// That succeeded.
    pub ok: u64,
    /// That ended any other way, by kind: made = ok + all of these.
    pub errors: BTreeMap<String, u64>,
    /// Complete responses by status.
    #[serde(with = "crate::code::counted")]
    pub status: BTreeMap<u16, u64>,
    /// Requests that failed after as many attempts as there may be.
    pub exhausted: u64,
    /// Requests that failed because as many had been tried again as the budget allows.
    pub over_budget: u64,
    /// Done − sent, of every attempt that was sent.
    pub service_ns: Timing,
}

fn is_none(count: &u64) -> bool {
    *count == 0
}

impl Requests {
    /// All arrivals: what ended, what was dropped or withheld, and what was never sent.
    pub fn scheduled(&self) -> u64 {
        self.ok + self.failed + self.dropped + self.unsent + self.withheld
    }
}

/// What went over the wire.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bytes {
    /// Requests.
    pub sent: u64,
    /// Responses: heads and bodies.
    pub received: u64,
}

/// One stream of traffic: the keys of the whole report that can be told of it alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScenarioReport {
    /// Its name.
    pub name: String,
    /// Length of its part of the measured window, seconds.
    pub window_s: f64,
    /// How its target did.
    pub outcome: TargetOutcome,
    /// Up to which percentile its response times can be believed.
    pub trust: Trust,
    /// What was asked against what was sent, in its part of the window.
    pub rate: RateBlock,
    /// How its requests ended.
    pub requests: Requests,
    /// How its iterations ended, where requests follow each other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iterations: Option<Iterations>,
    /// Its named flows: how each was gone through, in the order in which it comes to them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flows: Vec<FlowReport>,
    /// The attempts at its requests, where something is done about failures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<RequestAttempts>,
    /// What happened to the breakers of its clients, over the whole run; where it has some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breaker: Option<BreakerCounts>,
    /// How its checks went.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<CheckReport>,
    /// What became of redirects, where they are followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirects: Option<RedirectCounts>,
    /// What went over the wire.
    pub bytes: Bytes,
    /// Done − intended, of successes.
    pub response_ns: Timing,
    /// Done − sent, of successes.
    pub service_ns: Timing,
    /// Sent − intended, of successes.
    pub slip_ns: Timing,
    /// Done − intended, of failures.
    pub failed_response_ns: Timing,
    /// The part of the response time that is the generator's own.
    pub generator_lag_ns: Timing,
    /// Its kinds of request.
    pub steps: Vec<StepReport>,
}

/// A named flow: all times that iterations went through it whose first request in it was intended in the window.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FlowReport {
    /// Its name.
    pub name: String,
    /// The steps that it makes itself, without those of flows that it runs.
    pub steps: Vec<String>,
    /// How often it was entered: entered = ok + failed + unfinished.
    pub entered: u64,
    /// Whose requests were all successes.
    pub ok: u64,
    /// In which a request failed.
    pub failed: u64,
    /// Cut off by the end of the run.
    pub unfinished: u64,
    /// Last response − first request intended, without the time spent thinking between them, of those that ended well.
    pub iteration_ns: Timing,
    /// The same with it.
    pub duration_ns: Timing,
}

/// One kind of request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepReport {
    /// Its name.
    pub name: String,
    /// How its requests ended. Drops are not known by step and are 0 here.
    pub requests: Requests,
    /// What went over the wire.
    pub bytes: Bytes,
    /// Done − intended, of successes.
    pub response_ns: Timing,
    /// Done − sent, of successes.
    pub service_ns: Timing,
    /// Sent − intended, of successes.
    pub slip_ns: Timing,
    /// Done − intended, of failures.
    pub failed_response_ns: Timing,
    /// The part of the response time that is the generator's own. Empty in reports of versions before 0.2.
    #[serde(default)]
    pub generator_lag_ns: Timing,
}

/// How one check of a step went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckReport {
    /// The step.
    pub step: String,
    /// The check, as typed.
    pub text: String,
    /// Responses in which it held.
    pub passed: u64,
    /// Responses in which it did not.
    pub failed: u64,
}
