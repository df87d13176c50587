//! What methods and messages of gRPC there are, and how a message that is written as JSON is encoded, with its holes.
//!
//! Descriptors come from `.proto` files, or from whoever has asked a target for them. A call that is described
//! ([`Descriptors::describe`]) can be sent by somebody who knows nothing of them: what is left are bytes, lengths and holes. No
//! socket is opened here, and no file but those that are named is read.

mod descriptors;
mod encoder;
mod forms;
mod message_text;
mod numbers;
mod path;
mod pieces;
mod reflected;
mod scalars;
mod well_known;
mod wrong;

pub use descriptors::Descriptors;
pub use reflected::ReflectedFiles;
pub use wrong::{CallPart, WrongCall, WrongFile};
