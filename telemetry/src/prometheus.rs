//! Metrics for Prometheus: an endpoint that is there while a run goes on, and for a while after it if that is asked for.
//!
//! The sink adds up snapshots; the server has a thread of its own and makes a page from what is added up, once for each snapshot however
//! often it is asked for. So whoever scrapes slowly, often or not at all costs a run nothing.

mod listen_address;
mod native;
mod published;
mod server;
mod sink;
mod text;

pub use listen_address::{ListenAddress, ListenMistake};
pub use published::{PageFormat, Published};
pub use server::PrometheusServer;
pub use sink::PrometheusSink;
