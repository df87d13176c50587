//! A message of a plan as the bytes that are sent: as it is written, and nothing beside it.

use engine::failure::{FailureKind, RunFailure};
use engine::mix::EncodedStep;
use engine::plan::{self, Request};
use engine::template::Template;

/// Encodes a plan's message. The template's holes are the message's own.
pub fn encode(step: &plan::Step) -> Result<EncodedStep, RunFailure> {
    let Request::Bytes(message) = &step.request else {
        return Err(FailureKind::Plan.failure(format!("`{}` is no message of bytes", step.name)));
    };
    let template =
        Template::new(message.payload.clone()).map_err(|problem| FailureKind::Plan.failure(problem))?;
    Ok(EncodedStep { template, weight: step.weight, is_bodyless: false })
}
