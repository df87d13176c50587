//! Whether calls have time for their messages.

use super::check::Check;
use engine::plan::{MessagePace, Plan, Request, Step};
use engine::quantity::show_ns;

/// Warns of calls that are given up before their last message is due. Nothing where there are none.
pub(super) fn check(plan: &Plan) -> Option<Check> {
    let steps = plan.scenarios.iter().flat_map(|scenario| scenario.steps());
    let (step, last_ns) = steps
        .filter_map(|step| Some((step, last_moment_ns(step)?)))
        .find(|(step, last_ns)| *last_ns >= step.timeout_ns)?;
    Some(Check::warn(
        "messages",
        format!(
            "the last message of `{}` is due {} after the first, and a call is given up after {}",
            step.name,
            show_ns(last_ns),
            show_ns(step.timeout_ns)
        ),
        "allow more (--timeout), or send fewer messages (`count`) or more often (`every`)",
    ))
}

/// How long after its first message a call sends its last, where they are spaced.
fn last_moment_ns(step: &Step) -> Option<u64> {
    match &step.request {
        Request::Grpc(call) => match call.pace {
            MessagePace::Every { period_ns } => {
                Some(u64::from(call.messages_sent() - 1).saturating_mul(period_ns))
            }
            MessagePace::AtOnce | MessagePace::PingPong => None,
        },
        _ => None,
    }
}
