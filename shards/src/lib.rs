//! How one machine runs a load test.
#![deny(unsafe_code)]

mod clock;
mod connection;
pub mod lanes;
mod pace;
pub mod protocol;
pub mod ring;
pub mod shard;
#[allow(unsafe_code, reason = "the raw ring; every block says why it is sound")]
mod sys;
mod timeouts;
pub mod wire;
