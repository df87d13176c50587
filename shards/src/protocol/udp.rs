//! Datagrams of UDP, and DNS by them: a message goes out by itself, may get lost, and its reply is found by what stands in both.
//!
//! Nothing is agreed on beforehand, and nothing that is lost, late or doubled says anything of the socket. Time, sockets and records are
//! not its own. Reading order: `speaking.rs` (what the loop asks of it) → `socket.rs` (what there is) → `numbers.rs` (which message a
//! number is of) and `lost.rs` (which are not used again at once) → `dns.rs` (numbers, questions and codes of DNS).

mod dns;
mod lost;
mod message;
mod numbers;
mod socket;
mod speaking;

pub use message::encode;
pub use socket::{Udp, UdpShared};
