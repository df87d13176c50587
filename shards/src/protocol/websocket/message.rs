//! A message of a plan as the frame that is sent: in one piece, its mask still to be drawn.

use super::frames::{Opcode, first_byte};
use super::masking::MASK_BYTES;
use engine::failure::{FailureKind, RunFailure};
use engine::mix::EncodedStep;
use engine::plan::{self, Request, SocketMessageKind};
use engine::template::{LengthForm, Piece, Template};

/// Encodes a plan's message. The template's holes are the message's own, and its length.
pub fn encode(step: &plan::Step) -> Result<EncodedStep, RunFailure> {
    let Request::WebSocket(message) = &step.request else {
        return Err(FailureKind::Plan.failure(format!("`{}` is no message of WebSocket", step.name)));
    };
    let opcode = match message.kind {
        SocketMessageKind::Text => Opcode::Text,
        SocketMessageKind::Binary => Opcode::Binary,
    };
    let mut pieces = vec![
        Piece::Bytes(vec![first_byte(opcode)]),
        Piece::Length { from: 3, to: usize::MAX, form: LengthForm::WebSocket },
        Piece::Bytes(vec![0; MASK_BYTES]),
    ];
    pieces.extend(message.payload.iter().cloned());
    let template = Template::new(pieces).map_err(|problem| FailureKind::Plan.failure(problem))?;
    Ok(EncodedStep { template, weight: step.weight, is_bodyless: false })
}
