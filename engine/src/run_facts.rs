//! What is known of a run before it starts, for whoever hands on what it measures: its id, and what each series is of.

use crate::plan::{Plan, Request, Scenario, Step, Target, TargetProtocol};
use crate::redact;
use crate::url::Endpoint;

/// A run, as it may be told to others: without secrets.
#[derive(Clone, Debug)]
pub struct RunFacts {
    /// Unique to it.
    pub run_id: String,
    /// Its plan without secrets, whatever a report of it keeps.
    pub plan: Plan,
    /// What each series is of, in the order in which a [`crate::record::RequestRecord`] has them.
    pub series: Vec<SeriesKey>,
}

/// What one series is of. There is one for each step or kind of request, so a plan bounds how many there are
/// ([`crate::plan::SERIES_MAX`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesKey {
    /// The scenario's name.
    pub scenario: String,
    /// The name of the step or kind of request.
    pub step: String,
    /// What a request of it is.
    pub form: SeriesForm,
    /// The method of HTTP, or the full name of gRPC's.
    pub method: Option<String>,
    /// Where it goes: a host, or the path of a Unix socket.
    pub server: String,
    /// The port there.
    pub port: Option<u16>,
    /// What is spoken: `http`, `websocket`, `tcp`, `udp` or `dns`.
    pub protocol: &'static str,
    /// In which version.
    pub protocol_version: Option<&'static str>,
}

/// What a request is, as far as it decides what its figures are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeriesForm {
    /// A request of HTTP.
    Http,
    /// A call of gRPC.
    Grpc,
    /// A message or query of another protocol.
    Message,
}

impl RunFacts {
    /// Of a run of this plan.
    pub fn new(plan: &Plan, run_id: &str) -> RunFacts {
        // Whoever hears a run is somebody else than who keeps its secrets in a report of their own.
        let plan = redact::plan(plan);
        let of_scenario = |scenario: &Scenario| -> Vec<SeriesKey> {
            scenario.steps().iter().map(|step| SeriesKey::new(&plan, scenario, step)).collect()
        };
        let series = plan.scenarios.iter().flat_map(of_scenario).collect();
        RunFacts { run_id: run_id.to_owned(), series, plan }
    }
}

impl SeriesKey {
    fn new(plan: &Plan, scenario: &Scenario, step: &Step) -> SeriesKey {
        let target = plan.target_of(step);
        let (server, port) = match &target.url.endpoint {
            Endpoint::Tcp { host, port } => (host.clone(), Some(*port)),
            Endpoint::Unix { socket } => (socket.clone(), None),
            Endpoint::Testbed => ("testbed".to_owned(), None),
        };
        let (form, method) = match &step.request {
            Request::Http(request) => (SeriesForm::Http, Some(request.method.clone())),
            Request::Grpc(call) => (SeriesForm::Grpc, Some(call.method.clone())),
            Request::WebSocket(_) | Request::Bytes(_) | Request::Dns(_) => (SeriesForm::Message, None),
        };
        let (protocol, protocol_version) = protocol_of(target, &step.request);
        SeriesKey {
            scenario: scenario.name.clone(),
            step: step.name.clone(),
            form,
            method,
            server,
            port,
            protocol,
            protocol_version,
        }
    }
}

/// What is spoken with a target, and its version.
fn protocol_of(target: &Target, request: &Request) -> (&'static str, Option<&'static str>) {
    match (&target.protocol, request) {
        (_, Request::Dns(_)) => ("dns", None),
        (TargetProtocol::Http1 { .. }, _) => ("http", Some("1.1")),
        (TargetProtocol::Http2 { .. }, _) => ("http", Some("2")),
        (TargetProtocol::WebSocket { .. }, _) => ("websocket", None),
        (TargetProtocol::Tcp { .. }, _) => ("tcp", None),
        (TargetProtocol::Udp { .. }, _) => ("udp", None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Document, Format, Layers};

    fn facts(text: &str) -> RunFacts {
        let document = Document { name: "p".into(), text: text.into(), format: Format::Toml };
        let config = Layers::new(Some(document)).unwrap().config().unwrap();
        RunFacts::new(&Plan::new(&config, &|_| Err(String::new())).unwrap(), "r")
    }

    #[test]
    fn each_series_has_a_key_in_the_order_of_the_layout() {
        let facts = facts(
            "url = 'http://h:81/'\n[scenario.read]\n[[scenario.read.request]]\nget = '/a'\nname = 'a'\n\
             [[scenario.read.request]]\npost = '/b'\nname = 'b'\n[scenario.write]\n",
        );
        assert_eq!(facts.series.len(), facts.plan.layout().series());
        let told: Vec<_> =
            facts.series.iter().map(|key| (key.scenario.as_str(), key.method.as_deref())).collect();
        assert_eq!(told, [("read", Some("GET")), ("read", Some("POST")), ("write", Some("GET"))]);
        let first = &facts.series[0];
        assert_eq!((first.step.as_str(), first.server.as_str(), first.port), ("a", "h", Some(81)));
        assert_eq!(
            (first.form, first.protocol, first.protocol_version),
            (SeriesForm::Http, "http", Some("1.1"))
        );
    }

    #[test]
    fn secrets_that_a_report_keeps_are_told_to_nobody() {
        let text = "url = 'http://h/a?api_key=hush'\n[[request]]\nget = '/b?api_key=hush'\n";
        let document = Document { name: "p".into(), text: text.into(), format: Format::Toml };
        let config = Layers::new(Some(document)).unwrap().config().unwrap();
        let plan = Plan::new(&config, &|_| Err(String::new())).unwrap().keeping_secrets(true);
        let facts = RunFacts::new(&plan, "r");
        assert!(facts.series[0].step.contains("api_key="), "{:?}", facts.series);
        assert!(!format!("{:?}", facts.series).contains("hush"), "{:?}", facts.series);
    }

    #[test]
    fn other_protocols_are_told_by_their_names() {
        let of = |text: &str| {
            let key = facts(text).series[0].clone();
            (key.form, key.protocol, key.protocol_version)
        };
        assert_eq!(of("url = 'dns://h/www.example.org?type=A'"), (SeriesForm::Message, "dns", None));
        assert_eq!(of("url = 'ws://h/'\n[[request]]\ntext = 'x'"), (SeriesForm::Message, "websocket", None));
        let unix = facts("url = 'unix:/run/a.sock:/'").series[0].clone();
        assert_eq!((unix.server.as_str(), unix.port), ("/run/a.sock", None));
    }
}
