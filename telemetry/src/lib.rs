//! What a run measures, handed on while it goes on: metrics for Prometheus and by OTLP.
//!
//! Everything here hears snapshots, as any sink does, on threads of its own, off the shards' cores where another is spare: what is
//! slow or fails here holds up no request. Where none of it is asked for, nothing of it runs.
//!
//! Reading order: [`names`] (what metrics there are, and what they are called) → [`totals`] (snapshots added up) → [`families`]
//! (the points of each metric) → [`exponential`] and [`explicit`] (times as buckets) → [`prometheus`] (for whoever
//! scrapes) and [`otlp`] (pushed to a collector) → [`batch`] (what is sent), [`shared_breaker`] and [`spool`] (a collector that is away).

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod batch;
pub mod explicit;
pub mod exponential;
pub mod families;
mod k6_names;
mod machine_points;
pub mod names;
pub mod otlp;
mod point_times;
mod points;
pub mod prometheus;
mod run_spool;
pub mod shared_breaker;
mod sink_parts;
pub mod spool;
pub mod status_endings;
pub mod totals;

pub use run_spool::{RunSpool, SpoolMode, SpoolSettings, moment};
pub use sink_parts::{Changes, Exported, LeaveCores, Scheduled, SinkParts};
