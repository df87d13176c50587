//! Where in a config each part of a plan was typed.

use crate::config::{TargetConfig, TlsConfig};
use crate::plan::rules::PlanPlace;

/// The keys of everything that a rule can find wrong.
#[derive(Default)]
pub(super) struct Keys {
    pub(super) targets: Vec<TargetKeys>,
    /// Of each pool, its connections.
    pub(super) connections: Vec<String>,
    pub(super) scenarios: Vec<ScenarioKeys>,
    pub(super) thresholds: Vec<String>,
    /// The table of each feed.
    pub(super) feeds: Vec<String>,
    /// Of what is done before the start.
    pub(super) setup: Option<ScenarioKeys>,
}

pub(super) struct TargetKeys {
    pub(super) url: String,
    pub(super) pipeline: String,
    pub(super) connect_timeout: String,
    /// Those of its tables `tls` and `http` that are its own; the others are the plan's.
    pub(super) own: Vec<&'static str>,
}

pub(super) struct ScenarioKeys {
    /// Empty where the whole config is short for the scenario.
    key: String,
    pub(super) timeout: String,
    pub(super) steps: Vec<StepKeys>,
}

pub(super) struct StepKeys {
    /// Its own table, or what the one request was made of.
    pub(super) table: String,
    pub(super) path: String,
    pub(super) method: String,
    /// Each header's, in the order they are sent.
    pub(super) headers: Vec<String>,
    /// That of how long it may take, where it is its own.
    pub(super) timeout: Option<String>,
    /// That of when its messages are sent, where something is said of that.
    pub(super) pace: Option<String>,
}

impl StepKeys {
    /// Of a request whose timeout is its scenario's.
    pub(super) fn of_request(path: String, method: String, headers: Vec<String>, table: String) -> StepKeys {
        StepKeys { table, path, method, headers, timeout: None, pace: None }
    }
}

impl TargetKeys {
    /// Of a target that only its URL was typed of.
    pub(super) fn of_run(url: String) -> TargetKeys {
        let (pipeline, connect_timeout) = ("run.pipeline".into(), "run.connect_timeout".into());
        TargetKeys { url, pipeline, connect_timeout, own: Vec::new() }
    }
}

impl ScenarioKeys {
    /// Of the scenario with a name, or of the config that is short for one.
    pub(super) fn of(name: Option<&str>) -> ScenarioKeys {
        let key = name.map_or(String::new(), |name| format!("scenario.{name}"));
        ScenarioKeys { key, timeout: "run.timeout".into(), steps: Vec::new() }
    }

    /// Of what is done before the start.
    pub(super) fn of_setup() -> ScenarioKeys {
        ScenarioKeys { key: "setup".into(), timeout: "run.timeout".into(), steps: Vec::new() }
    }

    /// The key of one of its values. Of the config that is short for it, some stand in `[run]`.
    pub(super) fn at(&self, name: &str) -> String {
        match (self.key.as_str(), name) {
            ("", "duration" | "requests" | "timeout" | "connections") => format!("run.{name}"),
            ("", _) => name.to_owned(),
            (key, "" | "name") => key.to_owned(),
            (key, _) => format!("{key}.{name}"),
        }
    }
}

impl Keys {
    /// The key of a place in the plan that was made.
    pub(super) fn of(&self, place: &PlanPlace) -> String {
        match place {
            PlanPlace::Plan => "scenario".into(),
            PlanPlace::Shards => "run.shards".into(),
            PlanPlace::Cores => "run.cores".into(),
            PlanPlace::Interval => "run.interval".into(),
            PlanPlace::Phases => "run.warmup".into(),
            PlanPlace::Target(index, name) => self.targets[*index].of(name),
            PlanPlace::Connections(pool) => self.connections[*pool].clone(),
            PlanPlace::Scenario(index, name) => self.scenarios[*index].at(name),
            PlanPlace::Step(scenario, step, name) => self.scenarios[*scenario].of_step(*step, name),
            PlanPlace::Threshold(index) => self.thresholds[*index].clone(),
            PlanPlace::Feed(index, "") => self.feeds[*index].clone(),
            PlanPlace::Feed(index, name) => format!("{}.{name}", self.feeds[*index]),
            PlanPlace::Setup(Some(step), name) => {
                self.setup.as_ref().map_or_else(|| "setup".into(), |setup| setup.of_step(*step, name))
            }
            PlanPlace::Setup(None, name) if name.is_empty() => "setup".into(),
            PlanPlace::Setup(None, name) => format!("setup.{name}"),
        }
    }
}

impl TargetKeys {
    /// The key of a part of the target in the plan that was made.
    pub(super) fn of(&self, part: &str) -> String {
        if let Some(key) = part.strip_prefix("transport.tls.") {
            return self.in_table("tls", key);
        }
        if let Some(key) = part.strip_prefix("grpc.") {
            return self.in_table("grpc", key);
        }
        if let Some(key) = part.strip_prefix("protocol.http1.") {
            return self.in_table("http", key);
        }
        if let Some(key) = part.strip_prefix("protocol.websocket.") {
            return self.in_table("websocket", key);
        }
        if let Some(key) = part.strip_prefix("protocol.tcp.") {
            return self.in_table("tcp", key);
        }
        if let Some(key) = part.strip_prefix("protocol.udp.") {
            return self.in_table("udp", key);
        }
        match part {
            "pipeline" => self.pipeline.clone(),
            "connect_timeout" => self.connect_timeout.clone(),
            "url" => self.url.clone(),
            "connect" => self.beside_url("connect"),
            "transport" => self.beside_url("tls"),
            "protocol.http" => self.beside_url("http"),
            "protocol.websocket" => self.beside_url("websocket"),
            "protocol.tcp" => self.beside_url("tcp"),
            "headers" => self.beside_url("headers"),
            "protocol.udp" => self.beside_url("udp"),
            "grpc" => self.beside_url("grpc"),
            _ => self.url.trim_end_matches(".url").to_owned(),
        }
    }

    fn in_table(&self, table: &str, key: &str) -> String {
        let inner = format!("{table}.{key}");
        if self.own.contains(&key) { self.beside_url(&inner) } else { inner }
    }

    fn beside_url(&self, key: &str) -> String {
        self.url.strip_suffix("url").map_or_else(|| key.to_owned(), |table| format!("{table}{key}"))
    }
}

impl ScenarioKeys {
    fn of_step(&self, step: usize, name: &str) -> String {
        let StepKeys { table, path, method, headers, timeout, pace } = &self.steps[step];
        let header =
            name.strip_prefix("headers[").and_then(|rest| rest.strip_suffix(']')?.parse::<usize>().ok());
        match (name, header) {
            (_, Some(index)) => headers.get(index).unwrap_or(table).clone(),
            ("path", _) => path.clone(),
            ("method", _) => method.clone(),
            ("timeout", _) => timeout.as_ref().unwrap_or(&self.timeout).clone(),
            ("pace", _) => pace.as_ref().unwrap_or(table).clone(),
            _ => table.clone(),
        }
    }
}

/// The keys of its own tables that a target has, as parts of the plan that is made of them.
pub(super) fn own_keys(own: &TargetConfig) -> Vec<&'static str> {
    let TargetConfig { tls, http, websocket, tcp, grpc, udp, .. } = own;
    let keys = [
        ("verify", tls.verify.is_some()),
        ("ca", tls.ca.is_some()),
        ("cert", has_identity(tls)),
        ("key", has_identity(tls)),
        ("server_name", tls.server_name.is_some()),
        ("versions", tls.versions.is_some()),
        ("ciphers", tls.ciphers.is_some()),
        ("groups", tls.groups.is_some()),
        ("alpn", tls.alpn.is_some()),
        ("resumption", tls.resumption.is_some()),
        ("keylog", tls.keylog.is_some()),
        ("version", http.version.is_some()),
        ("streams", http.streams.is_some()),
        ("window", http.window.is_some()),
        ("header_table", http.header_table.is_some()),
        ("reuse", http.reuse.is_some()),
        ("subprotocols", websocket.subprotocols.is_some()),
        ("match", websocket.matching.is_some() || udp.matching.is_some()),
        ("ping", websocket.ping.is_some()),
        ("ends", tcp.ends.is_some()),
        ("greeting", tcp.greeting.is_some()),
        ("recursion", udp.recursion.is_some()),
        ("edns", udp.edns.is_some()),
        ("reflection", grpc.reflection.is_some() || grpc.proto.is_some()),
    ];
    keys.into_iter().filter(|(_, is_own)| *is_own).map(|(key, _)| key).collect()
}

/// Whether it says what to show the target as the client's certificate.
pub(super) fn has_identity(config: &TlsConfig) -> bool {
    config.cert.is_some() || config.key.is_some()
}
