//! WebSocket, the client's side (RFC 6455): opened by a request of HTTP/1.1; then messages go out and replies come in.
//!
//! Messages are checked as they come and are not kept, unless a reply has to say which message it is to. Time, sockets and records are
//! not its own. Reading order: `speaking.rs` (what the loop asks of it) → `socket.rs` (what there is) → `opening.rs` (how it begins) →
//! `receiving.rs` (frames and messages) → `replies.rs` (whose a message is) and `close.rs` (how it ends).

mod close;
mod frames;
mod json;
mod masking;
mod message;
mod opening;
mod options;
mod owed;
mod receiving;
mod replies;
mod socket;
mod speaking;
mod utf8;

pub use close::CloseCode;
pub use message::encode;
pub use opening::{WebSocketGreeting, WebSocketOpening};
pub use options::WebSocketOptions;
pub use receiving::MESSAGE_BYTES_MAX;
pub use socket::{WebSocket, WebSocketShared};
