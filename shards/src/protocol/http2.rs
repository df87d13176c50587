//! HTTP/2, the client's side (RFC 9113, with HPACK, RFC 7541): requests out, responses in, in whichever order they end.
//!
//! Bodies are counted, not kept; those that are looked at are handed on (`looking.rs`). What repeats is not worked out again: header blocks of requests are encoded beforehand (`blocks.rs`), and
//! those of responses that came before are recalled (`memo.rs`). Time, sockets and records are not its own. Reading order:
//! `speaking.rs` (what the loop asks of it) → `connection.rs` (what there is) → `sending.rs` → `receiving.rs` (frames) → `messages.rs` (responses) and `control.rs` (all else). What gRPC adds is in `call.rs`, `grpc.rs` and `grpc_responses.rs`.

#[cfg(test)]
mod appendix;
mod blocks;
mod call;
mod connection;
mod control;
mod decoder;
mod dynamic_table;
#[cfg(test)]
mod encoder_oracle;
mod error;
mod facts;
mod frames;
mod grpc;
mod grpc_responses;
mod huffman;
mod integer;
mod looking;
mod memo;
mod messages;
mod owed;
mod receiving;
mod request;
mod sending;
mod speaking;
mod static_table;
mod streams;
mod windows;

pub use connection::{CANCELS_PER_SECOND_MAX, Http2, Http2Options, Http2Shared, PeerSettings, WINDOW_BYTES};
pub use error::ErrorCode;
pub use grpc::MESSAGE_BYTES_MAX;
pub use receiving::IDLE_FRAMES_MAX;
pub use request::{Http2Request, encode, encode_with_cookies};
