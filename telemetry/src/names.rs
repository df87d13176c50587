//! What metrics there are: their names, units and attributes, and what each says. One table, for OTLP, Prometheus and the documents.
//!
//! Names are those of OpenTelemetry's semantic conventions where there are some, and begin with `vajra.` otherwise. For Prometheus they
//! become what its own rules make of them.

/// A metric.
#[derive(Debug, PartialEq, Eq)]
pub struct MetricName {
    /// Its name, with dots.
    pub name: &'static str,
    /// What a value of it is.
    pub instrument: Instrument,
    /// What it is measured in.
    pub unit: MetricUnit,
    /// What it says.
    pub description: &'static str,
    /// The names of what its points differ by, besides [`RUN_ID`], which all have.
    pub attributes: &'static [&'static str],
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instrument {
    /// A count that only grows.
    Counter,
    /// A level.
    Gauge,
    /// A distribution of times.
    Histogram,
}

/// What a metric is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricUnit {
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// Requests.
    Requests,
    /// Responses.
    Responses,
    /// Arrivals.
    Arrivals,
    /// Iterations.
    Iterations,
    /// Connections.
    Connections,
    /// Events.
    Events,
    /// Yes or no, 1 or 0.
    Truth,
}

/// Whose run it is of.
pub const RUN_ID: &str = "vajra.run.id";
/// The scenario's name.
pub const SCENARIO: &str = "vajra.scenario";
/// The name of the step or kind of request.
pub const STEP: &str = "vajra.step";
/// `measure` for what is intended in the measured window; else `warmup` before its end, and `drain` after it.
pub const PHASE: &str = "vajra.phase";
/// How it ended: `ok` or `failed`, of iterations `unfinished` too.
pub const OUTCOME: &str = "vajra.outcome";
/// The code of a response of neither HTTP nor gRPC, by its name.
pub const CODE: &str = "vajra.response.code";
/// The method of HTTP.
pub const METHOD: &str = "http.request.method";
/// The status of HTTP.
pub const STATUS: &str = "http.response.status_code";
/// The method of gRPC.
pub const RPC_METHOD: &str = "rpc.method";
/// The status of gRPC, by its name.
pub const RPC_STATUS: &str = "rpc.response.status_code";
/// Why a request failed: the kind, as the report has it.
pub const ERROR: &str = "error.type";
/// Where requests go.
pub const SERVER: &str = "server.address";
/// The port there.
pub const PORT: &str = "server.port";
/// What is spoken.
pub const PROTOCOL: &str = "network.protocol.name";
/// Its version.
pub const PROTOCOL_VERSION: &str = "network.protocol.version";
/// `transmit` or `receive`.
pub const DIRECTION: &str = "network.io.direction";

use Instrument::{Counter, Gauge, Histogram};
use MetricUnit::{Arrivals, Bytes, Connections, Events, Iterations, Requests, Responses, Seconds, Truth};

const OF_REQUEST: &[&str] = &[SCENARIO, STEP, PHASE, METHOD, SERVER, PORT, PROTOCOL, PROTOCOL_VERSION];
const OF_CALL: &[&str] = &[SCENARIO, STEP, PHASE, RPC_METHOD, SERVER, PORT, PROTOCOL, PROTOCOL_VERSION];
const OF_MESSAGE: &[&str] = &[SCENARIO, STEP, PHASE, SERVER, PORT, PROTOCOL];
const OF_STEP: &[&str] = &[SCENARIO, STEP, PHASE];
const OF_SCENARIO: &[&str] = &[SCENARIO, PHASE];

/// Every metric, in the order in which they are handed on.
pub static METRICS: [MetricName; 26] = [
    metric(
        SERVICE_HTTP,
        Histogram,
        Seconds,
        "Service time of requests of HTTP that succeeded: from being sent to the complete response",
        OF_REQUEST,
    ),
    metric(SERVICE_RPC, Histogram, Seconds, "Service time of calls of gRPC that succeeded", OF_CALL),
    metric(
        SERVICE,
        Histogram,
        Seconds,
        "Service time of messages and queries of other protocols that succeeded",
        OF_MESSAGE,
    ),
    metric(
        RESPONSE,
        Histogram,
        Seconds,
        "Response time: from the intended moment to the complete response, or until the failure was known",
        &[SCENARIO, STEP, PHASE, OUTCOME],
    ),
    metric(
        SLIP,
        Histogram,
        Seconds,
        "How much later than intended requests that succeeded were sent",
        OF_STEP,
    ),
    metric(
        LAG,
        Histogram,
        Seconds,
        "The part of the response time that is the generator's own, of all requests that were sent",
        OF_STEP,
    ),
    metric(SENT, Counter, Requests, "Requests that were sent", OF_STEP),
    metric(OK, Counter, Requests, "Requests that succeeded", OF_STEP),
    metric(FAILED, Counter, Requests, "Requests that failed, by kind", &[SCENARIO, STEP, PHASE, ERROR]),
    metric(
        RESPONSES,
        Counter,
        Responses,
        "Complete responses, by status",
        &[SCENARIO, STEP, PHASE, STATUS, RPC_STATUS, CODE],
    ),
    metric(IO, Counter, Bytes, "Bytes of requests and of responses", &[SCENARIO, STEP, PHASE, DIRECTION]),
    metric(
        SCHEDULED,
        Counter,
        Arrivals,
        "Arrivals that the schedules of all scenarios have had so far; none where one has no schedule",
        &[],
    ),
    metric(DROPPED, Counter, Arrivals, "Arrivals that were dropped by the overload policy", OF_SCENARIO),
    metric(
        UNSENT,
        Counter,
        Arrivals,
        "Arrivals that were due and never sent, because the run ended first",
        OF_SCENARIO,
    ),
    metric(
        WITHHELD,
        Counter,
        Arrivals,
        "Arrivals that were withheld, because the load was lowered",
        OF_SCENARIO,
    ),
    metric(BEGUN, Counter, Iterations, "Iterations that have begun", OF_SCENARIO),
    metric(
        ITERATIONS,
        Counter,
        Iterations,
        "Iterations that have ended, by how",
        &[SCENARIO, PHASE, OUTCOME],
    ),
    metric(
        ITERATION_WAIT,
        Histogram,
        Seconds,
        "How long users waited in an iteration of the measured window that ended well, without the time spent thinking",
        OF_SCENARIO,
    ),
    metric(
        ITERATION,
        Histogram,
        Seconds,
        "How long iterations of the measured window lasted that ended well",
        OF_SCENARIO,
    ),
    metric(OPEN, Gauge, Connections, "Connections that are open", &[]),
    metric(ACTIVE, Gauge, Requests, "Requests that are under way", &[]),
    metric(RECONNECTS, Counter, Connections, "Connections that were made again", &[]),
    metric(CONNECT_FAILURES, Counter, Connections, "Attempts to connect that failed", &[]),
    metric(
        HICCUPS,
        Counter,
        Events,
        "Times a shard lost control of its core for longer than a hiccup is long",
        &[],
    ),
    metric(
        LOST,
        Counter,
        Events,
        "Snapshots that came too fast to be taken in; what was in them is missing from these figures",
        &[],
    ),
    metric(ENDED, Gauge, Truth, "1 once the run has ended, and these figures are its last", &[]),
];

/// Names of [`METRICS`].
pub const SERVICE_HTTP: &str = "http.client.request.duration";
/// Of gRPC.
pub const SERVICE_RPC: &str = "rpc.client.call.duration";
/// Of other protocols.
pub const SERVICE: &str = "vajra.service.duration";
/// Response time.
pub const RESPONSE: &str = "vajra.response.duration";
/// Slip.
pub const SLIP: &str = "vajra.slip.duration";
/// The generator's own part.
pub const LAG: &str = "vajra.generator.lag";
/// Requests sent.
pub const SENT: &str = "vajra.requests.sent";
/// Requests that succeeded.
pub const OK: &str = "vajra.requests.ok";
/// Requests that failed.
pub const FAILED: &str = "vajra.requests.failed";
/// Responses by status.
pub const RESPONSES: &str = "vajra.responses";
/// Bytes.
pub const IO: &str = "vajra.network.io";
/// Arrivals scheduled.
pub const SCHEDULED: &str = "vajra.arrivals.scheduled";
/// Arrivals dropped.
pub const DROPPED: &str = "vajra.arrivals.dropped";
/// Arrivals not sent.
pub const UNSENT: &str = "vajra.arrivals.unsent";
/// Arrivals withheld.
pub const WITHHELD: &str = "vajra.arrivals.withheld";
/// Iterations begun.
pub const BEGUN: &str = "vajra.iterations.begun";
/// Iterations ended.
pub const ITERATIONS: &str = "vajra.iterations.ended";
/// How long users waited.
pub const ITERATION_WAIT: &str = "vajra.iteration.wait.duration";
/// How long iterations lasted.
pub const ITERATION: &str = "vajra.iteration.duration";
/// Connections open.
pub const OPEN: &str = "http.client.open_connections";
/// Requests under way.
pub const ACTIVE: &str = "http.client.active_requests";
/// Connections made again.
pub const RECONNECTS: &str = "vajra.connections.reconnects";
/// Attempts that failed.
pub const CONNECT_FAILURES: &str = "vajra.connections.failures";
/// Hiccups.
pub const HICCUPS: &str = "vajra.generator.hiccups";
/// Snapshots lost.
pub const LOST: &str = "vajra.snapshots.lost";
/// Whether the run has ended.
pub const ENDED: &str = "vajra.run.ended";

const fn metric(
    name: &'static str,
    instrument: Instrument,
    unit: MetricUnit,
    description: &'static str,
    attributes: &'static [&'static str],
) -> MetricName {
    MetricName { name, instrument, unit, description, attributes }
}

impl MetricName {
    /// The name that Prometheus's rules make of it: with underscores, the unit, and `_total` for what only grows.
    pub fn for_prometheus(&self) -> String {
        let mut name = label(self.name);
        let unit = self.unit.suffix();
        if !name.ends_with(unit) {
            name.push_str(unit);
        }
        if self.instrument == Counter {
            name.push_str("_total");
        }
        name
    }
}

impl MetricUnit {
    /// As UCUM has it, which OTLP asks for; what is counted stands in braces.
    pub fn ucum(self) -> &'static str {
        match self {
            Seconds => "s",
            Bytes => "By",
            Requests => "{request}",
            Responses => "{response}",
            Arrivals => "{arrival}",
            Iterations => "{iteration}",
            Connections => "{connection}",
            Events => "{event}",
            Truth => "1",
        }
    }

    /// What Prometheus's names end with for it.
    fn suffix(self) -> &'static str {
        match self {
            Seconds => "_seconds",
            Bytes => "_bytes",
            Requests | Responses | Arrivals | Iterations | Connections | Events | Truth => "",
        }
    }
}

/// The name of an attribute as a label of Prometheus.
pub fn label(attribute: &str) -> String {
    attribute.replace('.', "_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_two_metrics_have_one_name() {
        let names: BTreeSet<String> = METRICS.iter().map(MetricName::for_prometheus).collect();
        assert_eq!(names.len(), METRICS.len());
    }

    #[test]
    fn names_become_what_prometheus_makes_of_them() {
        let of = |name: &str| METRICS.iter().find(|metric| metric.name == name).unwrap().for_prometheus();
        assert_eq!(of(SERVICE_HTTP), "http_client_request_duration_seconds");
        assert_eq!(of(IO), "vajra_network_io_bytes_total");
        assert_eq!(of(SENT), "vajra_requests_sent_total");
        assert_eq!(of(OPEN), "http_client_open_connections");
    }

    #[test]
    fn the_document_has_the_table() {
        let document = include_str!("../../docs/TELEMETRY.md");
        for metric in &METRICS {
            let attributes = metric.attributes.iter().map(|name| format!("`{name}`"));
            let row = format!(
                "| `{}` | `{}` | {} | {} | {} |\n",
                metric.name,
                metric.for_prometheus(),
                metric.unit.ucum(),
                metric.description,
                attributes.collect::<Vec<_>>().join(" ")
            );
            assert!(document.contains(&row), "docs/TELEMETRY.md has not this row:\n{row}");
        }
    }
}
