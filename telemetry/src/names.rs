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
    /// Points of metrics.
    Points,
    /// Threads.
    Threads,
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
/// How it ended: `ok` or `failed`, of iterations `unfinished` too; of plans `ok` or `refused`; of service times `other`, where there was no room for
/// it.
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
/// Why a request failed: the kind, as the report has it; of service times the status, where that is what is wrong.
pub const ERROR: &str = "error.type";
/// What stands for kinds of errors that there was no room for, as the semantic conventions have it.
pub const ERROR_OTHER: &str = "_OTHER";
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
/// The number of a shard.
pub const SHARD: &str = "vajra.shard";
/// `collector` or `outputs`.
pub const THREAD: &str = "vajra.thread";
/// `user` or `system`.
pub const CPU_MODE: &str = "cpu.mode";
/// The number of a core.
pub const CORE: &str = "cpu.logical_number";
/// What became of a point that was to be sent: `sent`, `rejected` or `dropped`.
pub const EXPORT_OUTCOME: &str = "vajra.export.outcome";

use Instrument::{Counter, Gauge, Histogram};
use MetricUnit::{
    Arrivals, Bytes, Connections, Events, Iterations, Points, Requests, Responses, Seconds, Threads, Truth,
};

const OF_REQUEST: &[&str] =
    &[SCENARIO, STEP, PHASE, METHOD, SERVER, PORT, PROTOCOL, PROTOCOL_VERSION, STATUS, ERROR, OUTCOME];
const OF_CALL: &[&str] = &[
    SCENARIO,
    STEP,
    PHASE,
    RPC_METHOD,
    SERVER,
    PORT,
    PROTOCOL,
    PROTOCOL_VERSION,
    RPC_STATUS,
    STATUS,
    ERROR,
    OUTCOME,
];
const OF_MESSAGE: &[&str] = &[SCENARIO, STEP, PHASE, SERVER, PORT, PROTOCOL, CODE, ERROR, OUTCOME];
const OF_STEP: &[&str] = &[SCENARIO, STEP, PHASE];
const OF_SCENARIO: &[&str] = &[SCENARIO, PHASE];

/// Every metric, in the order in which they are handed on.
pub static METRICS: [MetricName; 42] = [
    metric(
        SERVICE_HTTP,
        Histogram,
        Seconds,
        "Service time of requests of HTTP that were sent, by how they ended: from being sent to the complete response, or until the failure was known",
        OF_REQUEST,
    ),
    metric(
        SERVICE_RPC,
        Histogram,
        Seconds,
        "Service time of calls of gRPC that were sent, by how they ended",
        OF_CALL,
    ),
    metric(
        SERVICE,
        Histogram,
        Seconds,
        "Service time of messages and queries of other protocols that were sent, by how they ended",
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
    metric(
        CAPACITY,
        Gauge,
        Requests,
        "Requests that can be under way at once: the connections of the plan, times the requests that each may carry",
        &[],
    ),
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
    metric(
        EXPORTED,
        Counter,
        Points,
        "Points that were to be sent by OTLP, by what became of them; told to Prometheus alone",
        &[EXPORT_OUTCOME],
    ),
    metric(
        SPOOLED,
        Gauge,
        Points,
        "Points that wait on disk because the collector has not taken them; told to Prometheus alone",
        &[],
    ),
    metric(
        BREAKER_OPENINGS,
        Counter,
        Events,
        "Times that the circuit breaker before the collector opened, after failures in a row; told to Prometheus alone",
        &[],
    ),
    metric(
        PLANS,
        Counter,
        Events,
        "Times that the plan's file was read, by whether the run went by it from then on: the first time, and reloads",
        &[OUTCOME],
    ),
    metric(LAST_PLAN, Gauge, Truth, "0 once the plan as it was read last was refused, 1 otherwise", &[]),
    metric(REVISIONS, Counter, Events, "Changes of loads while the run went on, whoever asked for them", &[]),
    metric(SHARD_CPU, Counter, Seconds, "CPU time of a shard's thread", &[SHARD, CPU_MODE]),
    metric(
        SHARD_IDLE,
        Counter,
        Seconds,
        "CPU time of a shard's thread in which it had nothing to do and watched the clock; it is part of the CPU time",
        &[SHARD],
    ),
    metric(
        SHARD_DELAY,
        Counter,
        Seconds,
        "Time in which a shard's thread could have run and did not, because something else had its core",
        &[SHARD],
    ),
    metric(
        THREAD_CPU,
        Counter,
        Seconds,
        "CPU time of the thread that collects what shards measure, and of all outputs",
        &[THREAD],
    ),
    metric(STEAL, Counter, Seconds, "Time that the hypervisor took from a core of the shards", &[CORE]),
    metric(
        THROTTLED,
        Counter,
        Seconds,
        "Time for which the quota of the control group stopped the process",
        &[],
    ),
    metric(
        LOAD,
        Gauge,
        Threads,
        "Threads of the machine that run or wait for a core, averaged over a minute",
        &[],
    ),
    metric(AVAILABLE, Gauge, Bytes, "Memory that programs of the machine can still have", &[]),
    metric(RESIDENT, Gauge, Bytes, "Memory that the process has", &[]),
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
/// Requests that there are connections for.
pub const CAPACITY: &str = "vajra.connections.capacity";
/// Connections made again.
pub const RECONNECTS: &str = "vajra.connections.reconnects";
/// Attempts that failed.
pub const CONNECT_FAILURES: &str = "vajra.connections.failures";
/// Hiccups.
pub const HICCUPS: &str = "vajra.generator.hiccups";
/// Snapshots lost.
pub const LOST: &str = "vajra.snapshots.lost";
/// Points exported.
pub const EXPORTED: &str = "vajra.export.points";
/// Points on disk.
pub const SPOOLED: &str = "vajra.export.spooled";
/// Openings of the exporter's circuit breaker.
pub const BREAKER_OPENINGS: &str = "vajra.export.breaker.openings";
/// Plans read.
pub const PLANS: &str = "vajra.plan.reads";
/// The plan that was read last.
pub const LAST_PLAN: &str = "vajra.plan.last_read_ok";
/// Changes of loads.
pub const REVISIONS: &str = "vajra.load.revisions";
/// CPU time of shards.
pub const SHARD_CPU: &str = "vajra.shard.cpu.time";
/// Time that shards had nothing to do.
pub const SHARD_IDLE: &str = "vajra.shard.idle.time";
/// Time that shards waited for their cores.
pub const SHARD_DELAY: &str = "vajra.shard.run_delay.time";
/// CPU time of other threads.
pub const THREAD_CPU: &str = "vajra.thread.cpu.time";
/// Steal.
pub const STEAL: &str = "vajra.machine.steal.time";
/// Throttling.
pub const THROTTLED: &str = "vajra.machine.throttled.time";
/// The machine's load.
pub const LOAD: &str = "vajra.machine.load";
/// Memory that is left.
pub const AVAILABLE: &str = "vajra.machine.memory.available";
/// Memory of the process.
pub const RESIDENT: &str = "process.memory.usage";
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
            Points => "{point}",
            Threads => "{thread}",
            Truth => "1",
        }
    }

    /// What Prometheus's names end with for it.
    fn suffix(self) -> &'static str {
        match self {
            Seconds => "_seconds",
            Bytes => "_bytes",
            Requests | Responses | Arrivals | Iterations | Connections | Events | Points | Threads
            | Truth => "",
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
