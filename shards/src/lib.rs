//! How one machine runs a load test: pinned executors, the io_uring wire, protocols, the collector.
//!
//! [`Shards`] is the `Runner` of this machine: it launches shards, lets them connect, starts them at one moment, and collects what
//! they write down. Shards receive the plan by value and hand back recorders; beside that they say when they are ready, and hear
//! four words ([`lanes::Control`]).
//!
//! Reading order: `runner.rs` (a run) → `assembly.rs` (what a shard is made of) → `executor.rs` (a loop on a pinned core) →
//! [`shard`] (the loop) → [`wire`] (what it asks of the world) → [`ring`] and `sys.rs` (io_uring's answer) → [`protocol`] →
//! [`lanes`] → `collector.rs`.

#![deny(unsafe_code)]

pub mod arrivals;
mod assembly;
mod auto_warmup;
pub mod calibrate;
mod clock;
mod collector;
mod connection;
mod cores;
mod executor;
mod failures;
pub mod feeds;
pub mod lanes;
mod machine;
mod machine_watch;
#[allow(unsafe_code, reason = "a function of glibc, declared and called")]
#[cfg(target_env = "gnu")]
mod name_services;
pub mod null;
mod pace;
pub mod preflight;
pub mod protocol;
mod redirects;
mod refresh;
mod resolve;
pub mod ring;
mod runner;
pub mod shard;
pub mod simulation;
mod sinks;
#[allow(unsafe_code, reason = "the raw ring; every block says why it is sound")]
mod sys;
mod timeouts;
pub mod tls;
mod watch;
pub mod wire;

pub use assembly::{any_shared, check_tls, mixes, sources, wire};
pub use clock::monotonic_ns as now_ns;
pub use cores::{cores_for, leave_cores, spare_core};
pub use machine::allowed_cores;
pub use resolve::resolve;
pub use runner::Shards;
pub use sys::{Done, Ring, Setup};
