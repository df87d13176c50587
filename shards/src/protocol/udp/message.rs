//! A message of a plan as the datagram that is sent. The number by which its reply is found is written into it later.

use engine::failure::{FailureKind, RunFailure};
use engine::mix::EncodedStep;
use engine::plan::{self, Request};
use engine::template::Template;

/// Encodes a message, or a query of DNS.
pub fn encode(step: &plan::Step) -> Result<EncodedStep, RunFailure> {
    let pieces = match &step.request {
        Request::Bytes(message) => Some(message.payload.clone()),
        Request::Dns(query) => query.encoded(),
        Request::Http(_) | Request::WebSocket(_) | Request::Grpc(_) => None,
    };
    let pieces =
        pieces.ok_or_else(|| FailureKind::Plan.failure(format!("`{}` is no datagram", step.name)))?;
    let template = Template::new(pieces).map_err(|problem| FailureKind::Plan.failure(problem))?;
    Ok(EncodedStep { template, weight: step.weight, is_bodyless: false })
}
