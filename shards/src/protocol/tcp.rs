//! A stream of bytes, the client's side: messages go out as they are written, and what ends a response is the plan's to say.
//!
//! Responses come in the order of their requests, and are counted and not kept. Nothing is known of what they say, so a whole one is a
//! success. Time, sockets and records are not its own. Reading order: `stream.rs` (one connection, and what the loop asks of it) →
//! `framing.rs` (where responses end) → `delimiter.rs` (the search for one).

mod delimiter;
mod framing;
mod message;
mod stream;

pub use message::encode;
pub use stream::{TcpShared, TcpStream};
