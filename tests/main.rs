//! The one integration binary.
//!
//! - `simulation`: the shard's loop in simulated worlds, from seeds.
//! - `e2e`: the built program against real servers.
//! - `tidy`: rules about the source tree that no compiler checks.
//! - `deploy`: what releases are made of.
//! - `operators`: rules, alerts and dashboards, each evaluated over a real run.
//! - `agreement`: what holds in every report.
//! - `vajra`, `peers`: how the program and the servers are started.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod agreement;
mod deploy;
mod e2e;
mod operators;
mod peers;
mod simulation;
mod tidy;
mod vajra;
