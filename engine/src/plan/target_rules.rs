//! The rules of scenarios whose steps go to several targets: each has a pool of its own, and speaks HTTP.

use super::fields::{Fields, Scenario, TargetProtocol};
use super::mistake::Mistake;
use super::{flow_rules, retry_rules};
use crate::flow::FlowScript;

/// What is wrong with where the steps of a scenario go, each with the step that it is about, if it is about one.
pub(super) fn mistakes(scenario: &Scenario, fields: &Fields) -> Vec<(Option<usize>, Mistake)> {
    let (steps, pools) = (scenario.steps(), scenario.pools());
    let mut mistakes = Vec::new();
    let is_mix_of_several = scenario.flow().is_none() && pools.len() > 1;
    if is_mix_of_several || steps.iter().any(|step| step.timeout_ns != steps[0].timeout_ns) {
        let problem = "the requests of a mix go to different targets, or have different timeouts";
        mistakes.push((None, Mistake::new(problem, "give each target a scenario of its own")));
        return mistakes;
    }
    if pools.len() < 2 {
        return mistakes;
    }
    let mut known = Vec::new();
    for &pool in &pools {
        let step = steps.iter().position(|step| step.pool == pool);
        let Some(number) = fields.pools.get(pool).map(|pool| pool.target) else { continue };
        if known.contains(&number) {
            let problem = "two steps go to one target on connections of two kinds";
            mistakes.push((step, Mistake::new(problem, "let them share connections")));
        }
        known.push(number);
        let Some(target) = fields.targets.get(number) else { continue };
        let is_http = matches!(target.protocol, TargetProtocol::Http1 { .. } | TargetProtocol::Http2 { .. });
        if !is_http || target.grpc.is_some() {
            let problem = format!(
                "the steps of this flow go to several targets, which have to speak HTTP, and {} speaks something else",
                target.url
            );
            let fix = "give what is sent there a scenario of its own";
            mistakes.push((step, Mistake::new(problem, fix)));
        }
    }
    mistakes
}

/// What of a flow none of its targets, or one of them, can do: the keys, and what is wrong. What is wrong with several is told once.
pub(super) fn wrong_of_flow(
    flow: &FlowScript,
    scenario: &Scenario,
    fields: &Fields,
) -> Vec<(&'static str, Mistake)> {
    let pools = scenario.pools().into_iter().filter_map(|pool| fields.pools.get(pool));
    let mut wrong = Vec::new();
    for target in pools.filter_map(|pool| fields.targets.get(pool.target)) {
        let causes = retry_rules::mistakes(&flow.resilience, target).into_iter();
        let cookies = flow.cookies.then(|| flow_rules::wrong_cookies(target)).flatten();
        let found = causes.map(|mistake| ("retry.on", mistake));
        for mistake in found.chain(cookies.map(|mistake| ("cookies", mistake))) {
            if !wrong.contains(&mistake) {
                wrong.push(mistake);
            }
        }
    }
    wrong
}
