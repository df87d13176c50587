//! WebSocket from outside: the client's machine, told by a target whose frames are written out here, byte by byte.
//!
//! That is by code that shares nothing with it; and beside that by the `tungstenite` crate.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod cases;
mod client;
mod fuzz;
mod oracle;
mod replies;
mod splits;
mod target;
