//! Metrics by OTLP, the protocol of OpenTelemetry: pushed to a collector, over HTTP or gRPC.
//!
//! The sink encodes a request for each interval and offers it to the exporter, which has a bounded outbox and a thread of its own:
//! outbox → sender → breaker → collector. What cannot be sent goes to the tail of the spool, whose head is then what is sent next.
//! So a collector that is slow or away costs a run nothing, and what is lost is counted and told.

mod encoding;
mod exporter;
mod outbox;
mod outcome;
mod pending;
mod replay;
mod sender;
mod settings;
mod sink;
#[cfg(test)]
mod test_collector;
mod tls;
mod transport;

pub use encoding::{UnixStretch, encode};
pub use exporter::Exporter;
pub use outbox::ExportTally;
pub use replay::{ReplayEnd, ReplayTally, replay};
pub use settings::{HistogramForm, OtlpMistake, OtlpProtocol, OtlpSettings, Temporality};
pub use sink::OtlpSink;
pub use tls::CollectorTls;
pub use transport::{ProbeFailure, probe};
