//! UDP and DNS as state machines: a socket on a network that loses, doubles, delays and invents datagrams.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod cases;
mod client;
mod fuzz;
mod worlds;
