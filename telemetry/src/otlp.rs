//! Metrics by OTLP, the protocol of OpenTelemetry: pushed to a collector, over HTTP or gRPC.
//!
//! The sink encodes a request for each interval and offers it to the exporter, which has a bounded outbox and a thread of its own. So a
//! collector that is slow or away costs a run nothing but what the outbox cannot hold, and that is counted and told.

mod encoding;
mod exporter;
mod settings;
mod sink;
#[cfg(test)]
mod test_collector;
mod transport;

pub use encoding::ExportBatch;
pub use exporter::{ExportTally, Exporter};
pub use settings::{HistogramForm, OtlpMistake, OtlpProtocol, OtlpSettings, Temporality};
pub use sink::OtlpSink;
pub use transport::{ProbeFailure, probe};
