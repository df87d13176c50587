//! Messages of protobuf told as JSON: which fields a message has, by whoever has read its descriptor, and what its bytes say.
//!
//! The form of protobuf.dev, "ProtoJSON Format", with fields that have no presence told when they are as they are anyway, so that a
//! pointer to one finds it. Nothing is allocated but what the text takes, except where a message comes in several parts.

mod known;
mod records;
#[cfg(test)]
mod tests;
mod types;
mod writer;

pub use records::NotMessage;
pub use types::{
    EnumType, FieldShape, FieldType, KnownType, MESSAGE_TYPES_MAX, MessageForm, MessageType, ValueKind,
};
pub use writer::{RecordPlace, tell};
