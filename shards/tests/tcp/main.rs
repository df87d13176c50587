//! A stream of bytes from outside: one connection's machine, told by a target whose bytes are written out here.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod client;
mod framings;
mod fuzz;
mod splits;
