//! The rules that every plan keeps, wherever it came from: a file, a command line, a report, another machine.
//!
//! Values are judged here and nowhere else. Whoever made the fields knows where each came from, and turns a [`PlanPlace`] into words
//! of its own: a key of the plan file, or a path in JSON.

use super::bounds::{
    CONNECTIONS_MAX, HEADER_TABLE_BYTES_MAX, INTERVAL_NS_MIN, MESSAGE_PERIOD_NS_MIN, MESSAGES_MAX,
    PIPELINE_MAX, REQUEST_BYTES_MAX, REQUESTS_MAX, SCENARIOS_MAX, SERIES_MAX, SHARDS_MAX, WINDOW_BYTES_MAX,
};
use super::encryption::{self, InsideTls, WrongSetting};
use super::fields::{
    Fields, GrpcCall, GrpcMethod, HttpRequest, MessagePace, Pool, Request, Scenario, Step, Target,
    TargetProtocol,
};
use super::mistake::Mistake;
use super::{
    datagrams, feeds, flow_names, flow_rules, load_rules, own_connections, setup, sockets, streams,
    target_rules, threshold_rules, values,
};
use crate::feed::RowOrder;
use crate::load::{Load, UserLoad};
use crate::quantity::{DURATION_NS_MAX, MILLISECOND_NS, counted, show_ns};
use crate::redact;
use crate::resilience::WrongResilience;
use crate::template::{self, HolePlace, Piece, literal_bytes, literal_of};
use crate::url::{Endpoint, Scheme, path_or_root};
use http::{HeaderName, HeaderValue, Method};
use std::fmt;

/// What a plan would be that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Where.
    pub place: PlanPlace,
    /// What is wrong, as a sentence.
    pub problem: String,
    /// What to do about it.
    pub fix: String,
    /// What to write instead, if that is clear.
    pub instead: Option<String>,
}

/// A place in a plan. Numbers are indices of its lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanPlace {
    /// The plan as a whole.
    Plan,
    /// The number of shards.
    Shards,
    /// The list of cores.
    Cores,
    /// The length of an interval.
    Interval,
    /// The bounds of the phases.
    Phases,
    /// A target, or one key of it.
    Target(usize, &'static str),
    /// The connections of a pool.
    Connections(usize),
    /// A scenario, or one key of it.
    Scenario(usize, &'static str),
    /// A step of a scenario, or one key of it.
    Step(usize, usize, String),
    /// A threshold.
    Threshold(usize),
    /// A data file, or one key of it.
    Feed(usize, &'static str),
    /// The setup, or one key of a step of it.
    Setup(Option<usize>, String),
}

/// All rules that would be broken. No plan was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken(pub Vec<Violation>);

impl fmt::Display for Broken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one = |Violation { place, problem, fix, .. }: &Violation| format!("{place}: {problem} ({fix})");
        write!(
            formatter,
            "no plan can be like this: {}",
            self.0.iter().map(one).collect::<Vec<_>>().join("; ")
        )
    }
}

impl std::error::Error for Broken {}

impl fmt::Display for PlanPlace {
    /// The path in the plan's JSON.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = |key: &str| if key.is_empty() { String::new() } else { format!(".{key}") };
        match self {
            PlanPlace::Plan => write!(formatter, "plan"),
            PlanPlace::Shards => write!(formatter, "plan.machine.shards"),
            PlanPlace::Cores => write!(formatter, "plan.machine.cores"),
            PlanPlace::Interval => write!(formatter, "plan.interval_ns"),
            PlanPlace::Phases => write!(formatter, "plan.phases"),
            PlanPlace::Target(index, name) => write!(formatter, "plan.targets[{index}]{}", key(name)),
            PlanPlace::Connections(pool) => write!(formatter, "plan.pools[{pool}].connections"),
            PlanPlace::Scenario(index, name) => write!(formatter, "plan.scenarios[{index}]{}", key(name)),
            PlanPlace::Step(scenario, step, name) => {
                write!(formatter, "plan.scenarios[{scenario}].script.mix[{step}]{}", key(name))
            }
            PlanPlace::Threshold(index) => write!(formatter, "plan.thresholds[{index}]"),
            PlanPlace::Feed(index, name) => write!(formatter, "plan.feeds[{index}]{}", key(name)),
            PlanPlace::Setup(None, name) => write!(formatter, "plan.setup{}", key(name)),
            PlanPlace::Setup(Some(step), name) => write!(formatter, "plan.setup.steps[{step}]{}", key(name)),
        }
    }
}

/// All rules that these fields break.
pub(super) fn violations(fields: &Fields) -> Vec<Violation> {
    let mut rules = RuleCheck { fields, violations: Vec::new() };
    rules.machine();
    rules.time();
    rules.lists();
    fields.targets.iter().enumerate().for_each(|(index, target)| rules.target(index, target));
    fields.pools.iter().enumerate().for_each(|(index, pool)| rules.pool(index, pool));
    fields.scenarios.iter().enumerate().for_each(|(index, scenario)| rules.scenario(index, scenario));
    rules.thresholds();
    rules.feeds();
    rules.setup();
    rules.violations
}

struct RuleCheck<'a> {
    fields: &'a Fields,
    violations: Vec<Violation>,
}

impl RuleCheck<'_> {
    fn machine(&mut self) {
        let (shards, cores) = (self.fields.machine.shards, &self.fields.machine.cores);
        if shards == 0 || shards > SHARDS_MAX {
            let problem = format!("{} cannot run", counted(shards.into(), "shard"));
            self.broken(PlanPlace::Shards, problem, format!("give 1 to {SHARDS_MAX}"));
        }
        if !cores.is_empty() && cores.len() < shards as usize {
            let problem = format!("{shards} shards need as many cores, and the list names {}", cores.len());
            self.broken(PlanPlace::Cores, problem, "name one core for each shard, or ask for fewer shards");
        }
        let mut sorted = cores.clone();
        sorted.sort_unstable();
        if sorted.windows(2).any(|pair| pair[0] == pair[1]) {
            self.broken(PlanPlace::Cores, "a core is named twice", "name each core once");
        }
    }

    fn time(&mut self) {
        let Fields { interval_ns, phases, .. } = self.fields;
        if !(INTERVAL_NS_MIN..=DURATION_NS_MAX).contains(interval_ns) {
            let length = if *interval_ns < INTERVAL_NS_MIN { "short" } else { "long" };
            let problem = format!("an interval of {} is too {length}", show_ns(*interval_ns));
            self.broken(PlanPlace::Interval, problem, format!("give at least {}", show_ns(INTERVAL_NS_MIN)));
        }
        if phases.measure_from_ns >= phases.measure_to_ns || phases.measure_to_ns > DURATION_NS_MAX {
            let problem = format!(
                "a warm-up of {} leaves nothing of a run of {}",
                show_ns(phases.measure_from_ns),
                show_ns(phases.measure_to_ns)
            );
            let fix = "warm-up is part of the duration: make it shorter, or the run longer";
            self.broken(PlanPlace::Phases, problem, fix);
        }
    }

    /// Nothing is missing, nothing is named twice, nothing is there that nobody uses.
    fn lists(&mut self) {
        let Fields { targets, pools, scenarios, .. } = self.fields;
        if scenarios.is_empty() || scenarios.len() > SCENARIOS_MAX || targets.len() > SCENARIOS_MAX {
            let problem = format!(
                "{} and {} cannot run",
                counted(scenarios.len() as u64, "scenario"),
                counted(targets.len() as u64, "target")
            );
            self.broken(PlanPlace::Plan, problem, format!("give 1 to {SCENARIOS_MAX} of each"));
        }
        let series = self.fields.layout().series();
        if series > SERIES_MAX {
            let problem = format!("{series} requests over all scenarios are too many");
            self.broken(PlanPlace::Plan, problem, format!("give at most {SERIES_MAX}"));
        }
        let names = |index: usize| scenarios[..index].iter().map(|scenario| &scenario.name);
        for (index, scenario) in scenarios.iter().enumerate() {
            if names(index).any(|name| *name == scenario.name) {
                let problem = format!("two scenarios are called `{}`", scenario.name);
                self.broken(PlanPlace::Scenario(index, "name"), problem, "give each a name of its own");
            }
        }
        for (index, target) in targets.iter().enumerate() {
            let is_of_setup = self.fields.setup.as_ref().is_some_and(|setup| setup.target == index);
            if !is_of_setup && !pools.iter().any(|pool| pool.target == index) {
                let problem = format!("no scenario uses the target `{}`", target.name);
                self.broken(PlanPlace::Target(index, ""), problem, "name it in a scenario, or leave it out");
            }
        }
        for index in 0..pools.len() {
            let uses = |scenario: &&Scenario| scenario.steps().iter().any(|step| step.pool == index);
            match scenarios.iter().filter(uses).count() {
                0 => {
                    let problem = "nothing is sent on these connections";
                    self.broken(PlanPlace::Connections(index), problem, "leave them out");
                }
                1 => {}
                _ => {
                    let problem = "several scenarios send on these connections";
                    self.broken(PlanPlace::Connections(index), problem, "give each connections of its own");
                }
            }
        }
    }

    /// What is done before the start keeps the rules of any plan.
    fn setup(&mut self) {
        let Some(setup) = &self.fields.setup else { return };
        for (step, key, Mistake { problem, fix }) in setup::mistakes(self.fields, setup) {
            self.broken(PlanPlace::Setup(step, key.to_owned()), problem, fix);
        }
        for found in violations(&setup::own_fields(self.fields, setup)) {
            let PlanPlace::Step(_, step, key) = found.place else { continue };
            self.violations.push(Violation { place: PlanPlace::Setup(Some(step), key), ..found });
        }
    }

    fn target(&mut self, index: usize, target: &Target) {
        let pipeline = target.pipeline();
        if pipeline == 0 || pipeline > PIPELINE_MAX {
            let (what, key) = match target.protocol {
                TargetProtocol::Http1 { .. }
                | TargetProtocol::WebSocket { .. }
                | TargetProtocol::Tcp { .. }
                | TargetProtocol::Udp { .. } => ("a pipeline of", "pipeline"),
                TargetProtocol::Http2 { .. } => ("streams by the number of", "protocol.http1.streams"),
            };
            let problem = format!("{what} {pipeline} cannot run");
            self.broken(PlanPlace::Target(index, key), problem, format!("give 1 to {PIPELINE_MAX}"));
        }
        if let TargetProtocol::Http2 { window_bytes, header_table_bytes, .. } = target.protocol
            && (window_bytes > WINDOW_BYTES_MAX || header_table_bytes > HEADER_TABLE_BYTES_MAX)
        {
            let problem = "a window or a table of header fields is larger than any may be";
            self.broken(PlanPlace::Target(index, "protocol.http1.window"), problem, "give a smaller one");
        }
        self.positive(PlanPlace::Target(index, "connect_timeout"), target.connect_timeout_ns);
        let url = &target.url;
        if let Err(problem) = path_or_root(&url.path) {
            self.broken(PlanPlace::Target(index, "url"), problem, "a path begins with `/`");
        }
        if url.authority.is_empty() || HeaderValue::from_str(&url.authority).is_err() {
            let problem = "its authority cannot be the value of a header";
            self.broken(PlanPlace::Target(index, "url"), problem, "an authority is HOST or HOST:PORT");
        }
        if pipeline > 1 && matches!(target.protocol, TargetProtocol::Http1 { reuse: false, .. }) {
            let problem = "a connection that is used once has one request under way at a time";
            let fix = "leave out `reuse = false`, or give a pipeline of 1";
            self.broken(PlanPlace::Target(index, "protocol.http1.reuse"), problem, fix);
        }
        self.transport(index, target);
        self.grpc(index, target);
    }

    fn grpc(&mut self, index: usize, target: &Target) {
        let has_scheme = matches!(target.url.endpoint, Endpoint::Tcp { .. });
        let is_grpc = target.grpc.is_some();
        if has_scheme && is_grpc != target.url.scheme.is_grpc() {
            let problem = "its URL and what is spoken with it are not of one kind";
            self.broken(PlanPlace::Target(index, "grpc"), problem, "gRPC is of grpc:// and grpcs:// URLs");
        }
        if is_grpc && !matches!(target.protocol, TargetProtocol::Http2 { .. }) {
            let problem = "gRPC is carried by HTTP/2 alone";
            self.broken(PlanPlace::Target(index, "grpc"), problem, "speak HTTP/2 with it");
        }
    }

    fn transport(&mut self, index: usize, target: &Target) {
        let is_of_host = matches!(target.url.endpoint, Endpoint::Tcp { .. });
        let (has_tls, is_tls) = (target.tls().is_some(), target.url.scheme.is_tls());
        if has_tls != is_tls || (is_tls && !is_of_host) {
            let problem = "its URL and what carries its protocol are not of one kind";
            let fix = "TLS is of https://, wss://, grpcs:// and tls:// URLs alone";
            self.broken(PlanPlace::Target(index, "transport"), problem, fix);
        }
        let wrong = sockets::wrong(target).into_iter();
        wrong.for_each(|(key, wrong)| self.broken(PlanPlace::Target(index, key), wrong.problem, wrong.fix));
        let wrong = streams::wrong(target).into_iter();
        wrong.for_each(|(key, wrong)| self.broken(PlanPlace::Target(index, key), wrong.problem, wrong.fix));
        let wrong = datagrams::wrong(target).into_iter();
        wrong.for_each(|(key, wrong)| self.broken(PlanPlace::Target(index, key), wrong.problem, wrong.fix));
        let is_host = |endpoint: &Endpoint| matches!(endpoint, Endpoint::Tcp { host, port } if !host.is_empty() && *port > 0);
        if target.connect.as_ref().is_some_and(|connect| !is_host(connect) || !is_of_host) {
            let problem = "there is nothing to connect to in the place of the URL's host";
            self.broken(PlanPlace::Target(index, "connect"), problem, "write HOST:PORT, or leave it out");
        }
        let inside = match target.protocol {
            TargetProtocol::Http2 { .. } => InsideTls::Http2,
            TargetProtocol::Http1 { .. } | TargetProtocol::WebSocket { .. } => InsideTls::Http1,
            TargetProtocol::Tcp { .. } | TargetProtocol::Udp { .. } => InsideTls::Bytes,
        };
        let wrong = target.tls().map(|settings| encryption::wrong(settings, inside)).unwrap_or_default();
        for WrongSetting { key, problem, fix, instead } in wrong {
            let place = PlanPlace::Target(index, key);
            self.violations.push(Violation { place, problem, fix, instead });
        }
    }

    fn pool(&mut self, index: usize, pool: &Pool) {
        let (connections, shards) = (pool.connections.count(), self.fields.machine.shards);
        if pool.target >= self.fields.targets.len() {
            let problem = format!("there is no target {}", pool.target);
            self.broken(PlanPlace::Connections(index), problem, "name one that there is");
        }
        if connections < shards {
            let problem = format!(
                "{} cannot be shared by {}",
                counted(connections.into(), "connection"),
                counted(shards.into(), "shard")
            );
            let fix = "give each shard at least one connection, or ask for fewer shards";
            self.broken(PlanPlace::Connections(index), problem, fix);
        }
        // The first pool with which there are too many.
        let sum = |pools: &[Pool]| pools.iter().map(|pool| u64::from(pool.connections.count())).sum::<u64>();
        let (before, through) = (sum(&self.fields.pools[..index]), sum(&self.fields.pools[..=index]));
        let max = u64::from(CONNECTIONS_MAX);
        if before <= max && through > max {
            let problem = format!("{through} is too many");
            self.broken(PlanPlace::Connections(index), problem, format!("give at most {CONNECTIONS_MAX}"));
        }
    }

    fn scenario(&mut self, index: usize, scenario: &Scenario) {
        if scenario.name.is_empty() {
            self.broken(PlanPlace::Scenario(index, "name"), "it has no name", "give it one");
        }
        self.positive(PlanPlace::Scenario(index, "duration"), scenario.length_ns);
        if scenario.ends_ns() > self.fields.phases.measure_to_ns {
            let problem = format!(
                "`{}` lasts until {}, and the run ends after {}",
                scenario.name,
                show_ns(scenario.ends_ns()),
                show_ns(self.fields.phases.measure_to_ns)
            );
            let fix = "let it begin earlier or be shorter, or the run longer";
            self.broken(PlanPlace::Scenario(index, "duration"), problem, fix);
        }
        if scenario.requests_max == Some(0) {
            self.broken(PlanPlace::Scenario(index, "requests"), "no requests to send", "give at least 1");
        }
        let begins_late = scenario.starts_ns > self.fields.phases.measure_from_ns;
        if self.fields.until.is_some() && begins_late {
            let problem = format!(
                "`{}` begins after {}, and a run that ends when enough is known may be over then",
                scenario.name,
                show_ns(scenario.starts_ns)
            );
            let fix = "let it begin within the warm-up, or the run last as long as it is to";
            self.broken(PlanPlace::Scenario(index, "starts"), problem, fix);
        }
        if let Some(users) = scenario.load.users() {
            for Mistake { problem, fix } in flow_rules::mistakes_of_users(users) {
                self.broken(PlanPlace::Scenario(index, "load"), problem, fix);
            }
        }
        for (key, Mistake { problem, fix }) in load_rules::mistakes(&scenario.load) {
            self.broken(PlanPlace::Scenario(index, key), problem, fix);
        }
        let steps = scenario.steps();
        if steps.len() > REQUESTS_MAX {
            let problem = format!("{} requests are too many", steps.len());
            self.broken(
                PlanPlace::Scenario(index, "request"),
                problem,
                format!("give at most {REQUESTS_MAX}"),
            );
        }
        self.script(index, scenario);
        for (step, Mistake { problem, fix }) in target_rules::mistakes(scenario, self.fields) {
            let place = match step {
                Some(step) => PlanPlace::Step(index, step, String::new()),
                None => PlanPlace::Scenario(index, "request"),
            };
            self.broken(place, problem, fix);
        }
        if steps.iter().any(|step| sockets::opening(step) != sockets::opening(&steps[0])) {
            let problem = "the messages of a scenario go on connections that are opened in different ways";
            self.broken(
                PlanPlace::Scenario(index, "request"),
                problem,
                "give each opening a scenario of its own",
            );
        }
        steps.iter().enumerate().for_each(|(number, step)| self.step(index, number, step));
    }

    /// What its arrivals lead to.
    fn script(&mut self, index: usize, scenario: &Scenario) {
        for (pool, Mistake { problem, fix }) in own_connections::mistakes(scenario, self.fields) {
            self.broken(PlanPlace::Connections(pool), problem, fix);
        }
        let steps = scenario.steps();
        let Some(flow) = scenario.flow() else {
            if scenario.load.users().is_some() {
                let problem = "requests that are drawn by weight have no users";
                self.broken(PlanPlace::Scenario(index, "load"), problem, "make steps of a flow of them");
            }
            if steps.iter().all(|step| step.weight == 0) {
                let problem = "every request has weight 0, so none can be drawn";
                self.broken(
                    PlanPlace::Scenario(index, "request"),
                    problem,
                    "give one a weight of at least 1",
                );
            }
            return;
        };
        for Mistake { problem, fix } in flow_rules::mistakes(flow, steps.len()) {
            self.broken(PlanPlace::Scenario(index, "step"), problem, fix);
        }
        for WrongResilience { key, problem, fix } in flow.resilience.mistakes() {
            self.broken(PlanPlace::Scenario(index, key), problem, fix);
        }
        for (key, Mistake { problem, fix }) in target_rules::wrong_of_flow(flow, scenario, self.fields) {
            self.broken(PlanPlace::Scenario(index, key), problem, fix);
        }
        for (step, Mistake { problem, fix }) in flow_names::mistakes(&flow.items, steps, self.fields) {
            let place = match step {
                Some((step, part)) => PlanPlace::Step(index, step, part),
                None => PlanPlace::Scenario(index, "step"),
            };
            self.broken(place, problem, fix);
        }
        let (sessions, shards) = (u64::from(flow.sessions_max), u64::from(self.fields.machine.shards));
        let users = scenario.load.users().map_or(0, UserLoad::most);
        if sessions < shards.max(users) {
            let problem = format!("{sessions} sessions are fewer than there are shards or users");
            self.broken(
                PlanPlace::Scenario(index, "sessions"),
                problem,
                format!("give at least {}", shards.max(users)),
            );
        }
        if scenario.load == Load::Closed {
            let problem = "a flow needs to be told when its iterations begin";
            self.broken(PlanPlace::Scenario(index, "load"), problem, "give `load` a `rate`, or `users`");
        }
        for feed in self.fields.feeds.iter().filter(|feed| feed.rows == RowOrder::Unique) {
            let uses = |scenario: &Scenario| {
                let items = scenario.flow().map_or(&[][..], |flow| &flow.items);
                flow_names::uses(scenario.steps(), items, &feed.name)
            };
            if uses(scenario) && self.fields.scenarios[..index].iter().any(uses) {
                let problem = format!("two scenarios use the feed `{}`, and each row once", feed.name);
                let fix = "give each a feed of its own, or take rows as `sequential`";
                self.broken(PlanPlace::Scenario(index, "step"), problem, fix);
            }
        }
    }

    fn step(&mut self, scenario: usize, number: usize, step: &Step) {
        let place = |key: &str| PlanPlace::Step(scenario, number, key.to_owned());
        self.positive(place("timeout"), step.timeout_ns);
        let target = self.fields.pools.get(step.pool).and_then(|pool| self.fields.targets.get(pool.target));
        let Some(target) = target else {
            let problem = format!("there is no pool {}", step.pool);
            return self.broken(place(""), problem, "name one that there is");
        };
        let is_dns = target.url.scheme == Scheme::Dns;
        match (&step.request, &target.protocol, &target.grpc) {
            (Request::Http(request), TargetProtocol::Http1 { .. } | TargetProtocol::Http2 { .. }, None) => {
                self.request(request, false, &place);
            }
            (Request::Bytes(message), TargetProtocol::Tcp { .. }, None) => {
                if let Some(wrong) = streams::wrong_message(message) {
                    self.broken(place("message"), wrong.problem, wrong.fix);
                }
            }
            (Request::Grpc(call), _, Some(_)) => self.call(call, &place),
            (Request::Bytes(message), TargetProtocol::Udp { .. }, None) if !is_dns => {
                let wrong = datagrams::wrong_message(message, &target.protocol).into_iter();
                wrong.for_each(|wrong| self.broken(place("path"), wrong.problem, wrong.fix));
            }
            (Request::Dns(query), TargetProtocol::Udp { .. }, None) if is_dns => {
                let wrong = datagrams::wrong_query(query).into_iter();
                wrong.for_each(|wrong| self.broken(place("path"), wrong.problem, wrong.fix));
            }
            (Request::WebSocket(message), TargetProtocol::WebSocket { .. }, None) => {
                self.request(&message.opening, true, &place);
                let wrong = sockets::wrong_message(message, &target.protocol).into_iter();
                wrong.for_each(|(key, wrong)| self.broken(place(key), wrong.problem, wrong.fix));
            }
            _ => {
                let problem = "it is of another protocol than its target";
                let fix = "messages of WebSocket go to ws:// and wss://, calls to grpc:// and grpcs://, bytes to tcp:// and tls://, datagrams to udp://, queries to dns://, requests to others";
                self.broken(place(""), problem, fix);
            }
        }
        if let Some(wrong) = flow_rules::wrong_looks(step, target) {
            self.broken(place(""), wrong.problem, wrong.fix);
        }
        let is_of_flow = self.fields.scenarios[scenario].flow().is_some();
        let is_given = setup::known_at_start(self.fields);
        if let Some(wrong) = values::wrong(&step.request, is_of_flow, &is_given) {
            let part = values::part_of(&step.request, &|hole| !is_given(hole));
            self.broken(place(&part), wrong.problem, wrong.fix);
        }
        // A body that never changes waits, in HTTP/2, for the turn in which there is room for it.
        let is_constant = step.request.payloads().flatten().all(|piece| matches!(piece, Piece::Bytes(_)));
        let at_a_time = match target.protocol {
            TargetProtocol::Http1 { pipeline, .. }
            | TargetProtocol::WebSocket { pipeline, .. }
            | TargetProtocol::Tcp { pipeline, .. }
            | TargetProtocol::Udp { pipeline, .. } => pipeline,
            TargetProtocol::Http2 { .. } if is_constant => 1,
            TargetProtocol::Http2 { streams, .. } => streams,
        };
        self.size(&step.request, at_a_time, place(""));
    }

    fn request(&mut self, request: &HttpRequest, is_opening: bool, place: &impl Fn(&str) -> PlanPlace) {
        let HttpRequest { method, path, headers, .. } = request;
        if Method::from_bytes(method.as_bytes()).is_err() || method == "CONNECT" {
            let problem = format!("`{method}` is not a method that can be sent");
            self.broken(place("method"), problem, "use GET, POST, PUT …");
        }
        // A hole may hold spaces (`{{rand 1 9}}`); only the bytes that are sent must not.
        let path_text = literal(path);
        // The value brings the slash.
        let begins_with_value =
            matches!(path.first(), Some(Piece::Value(hole)) if hole.place == HolePlace::PathStart);
        let path_text = if begins_with_value { format!("/{path_text}") } else { path_text };
        if let Err(problem) = path_or_root(&path_text) {
            self.broken(place("path"), problem, "paths look like `/users?id=1`");
            let is_plain = path.iter().all(|piece| matches!(piece, Piece::Bytes(_)));
            if let Some(violation) = self.violations.last_mut().filter(|_| is_plain) {
                violation.instead = rooted(&path_text);
            }
        }
        for (index, (name, value)) in headers.iter().enumerate() {
            let place = place(&format!("headers[{index}]"));
            match sockets::wrong_header(name).filter(|_| is_opening) {
                Some(wrong) => self.broken(place, wrong.problem, wrong.fix),
                None => self.header(name, value, place),
            }
        }
    }

    fn call(&mut self, call: &GrpcCall, place: &impl Fn(&str) -> PlanPlace) {
        let is_name = |text: &str| {
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._".contains(&byte))
        };
        let is_method =
            call.method.split_once('/').is_some_and(|(service, method)| is_name(service) && is_name(method));
        if !is_method {
            let problem = format!("`{}` is not a method that can be called", call.method);
            self.broken(place("path"), problem, "methods look like `package.Service/Method`");
        }
        if call.messages.is_empty() || !(1..=MESSAGES_MAX).contains(&call.messages_sent()) {
            let problem = format!("{} messages cannot be sent", call.messages_sent());
            self.broken(place("messages"), problem, format!("send 1 to {MESSAGES_MAX}"));
        }
        if let Some(deadline_ns) = call.deadline_ns {
            self.positive(place("timeout"), deadline_ns);
        }
        if let MessagePace::Every { period_ns } = call.pace {
            self.period(call, period_ns, place("pace"));
        }
        for (index, (name, value)) in call.metadata.iter().enumerate() {
            let place = place(&format!("headers[{index}]"));
            let is_own = ["content-type", "te"].iter().any(|own| name.eq_ignore_ascii_case(own));
            if is_own || name.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("grpc-")) {
                let problem = format!("`{name}` belongs to gRPC itself");
                self.broken(place, problem, "leave it out; for how long a call may take there is `deadline`");
            } else {
                self.header(name, value, place);
            }
        }
        if let Some(described) = &call.described {
            self.encoded(call, described, place);
        }
    }

    /// Messages that are spaced in time: there are several, and time between them.
    fn period(&mut self, call: &GrpcCall, period_ns: u64, place: PlanPlace) {
        if !(MESSAGE_PERIOD_NS_MIN..=DURATION_NS_MAX).contains(&period_ns) {
            let problem = match period_ns < MESSAGE_PERIOD_NS_MIN {
                true => format!("{} from one message to the next is too short", show_ns(period_ns)),
                false => format!("{} from one message to the next is too long", show_ns(period_ns)),
            };
            let least_ms = MESSAGE_PERIOD_NS_MIN / MILLISECOND_NS;
            let fix = format!("give at least {least_ms} ms; without `every` all are sent at once");
            return self.broken(place, problem, fix);
        }
        if call.messages_sent() == 1 {
            let problem = "messages are spaced in time, and one is sent";
            self.broken(place, problem, "leave out `every`, or send several (`count`, `messages`)");
        }
    }

    /// Messages as they are sent. They come from a plan that was run before, or from somebody who says so.
    fn encoded(&mut self, call: &GrpcCall, method: &GrpcMethod, place: &impl Fn(&str) -> PlanPlace) {
        let messages = &method.encoded;
        if messages.len() != call.messages.len()
            || !messages.iter().all(|message| template::is_sound(message))
        {
            let problem = "its messages are not encoded as they are written";
            self.broken(place("messages"), problem, "leave out what is `described`");
        }
        if call.pace == MessagePace::PingPong && !(method.client_streams && method.server_streams) {
            let problem = format!("replies are waited for, and the method is {}", method.kind());
            self.broken(place("pace"), problem, "leave out `ping_pong`, or call a bidirectional method");
        }
        if matches!(call.pace, MessagePace::Every { .. }) && !method.client_streams {
            let problem = format!("messages are spaced in time, and the method is {}", method.kind());
            self.broken(place("pace"), problem, "leave out `every`, or call a method that takes a stream");
        }
        if !method.client_streams && call.messages_sent() != 1 {
            let problem = format!("{} messages are sent, and the method takes one", call.messages_sent());
            self.broken(place("messages"), problem, "send one, or call a method that takes a stream");
        }
    }

    fn header(&mut self, name: &str, value: &[Piece], place: PlanPlace) {
        let own = ["content-length", "transfer-encoding", "connection"];
        if HeaderName::from_bytes(name.as_bytes()).is_err() {
            let problem = format!("`{name}` is not a header name");
            self.broken(place, problem, "headers look like `Accept: text/html`");
        } else if own.iter().any(|own| name.eq_ignore_ascii_case(own)) {
            let problem = format!("`{name}` is set by Vajra, which has to know where requests end");
            let fix = match name.eq_ignore_ascii_case("connection") {
                true => "leave it out; a connection for each request is `reuse = false` in `[http]`",
                false => "leave it out",
            };
            self.broken(place, problem, fix);
        } else if HeaderValue::from_bytes(&literal_bytes(value)).is_err() {
            let problem =
                format!("`{}` cannot be the value of a header", redact::value(name, &literal(value)));
            self.broken(place, problem, "use visible characters on one line");
        }
    }

    fn size(&mut self, request: &Request, pipeline: u32, place: PlanPlace) {
        let framed = match request {
            Request::Grpc(call) if self.is_too_long(call, &place) => return,
            Request::Grpc(call) => call.framed(),
            Request::Http(_) | Request::WebSocket(_) | Request::Bytes(_) | Request::Dns(_) => None,
        };
        // What is encoded is sent, and what it was made of is not.
        let fields = request.fields().iter().flat_map(|(_, value)| value);
        let framed: Option<Vec<&Piece>> = framed
            .as_ref()
            .map(|framed| framed.iter().filter(|piece| !is_length(piece)).chain(fields).collect());
        let typed: Vec<&Piece> = request.parts().flatten().collect();
        let sent = framed.unwrap_or_else(|| typed.clone());
        let pieces = || sent.iter().copied();
        let holes = pieces().filter(|piece| !matches!(piece, Piece::Bytes(_))).count();
        // One more is the length of the body.
        if holes >= template::HOLES_MAX {
            let fix = format!("fill in fewer than {}", template::HOLES_MAX);
            self.broken(place.clone(), format!("the request has {holes} values to fill in"), fix);
        }
        if typed.iter().any(|piece| !piece.is_written()) {
            self.broken(place.clone(), "it has a hole that no text can have", "write it as text");
        }
        // Memory is laid out for the longest that values become.
        let bytes_of = |piece: &Piece| match piece {
            Piece::Value(_) => piece.bytes_max(),
            other => literal_of(other).len(),
        };
        let bytes = pieces().map(bytes_of).fold(0_usize, usize::saturating_add);
        let at_a_time = bytes.saturating_mul(pipeline as usize);
        if at_a_time > REQUEST_BYTES_MAX {
            let problem = format!("the request has {bytes} bytes, {at_a_time} with its pipeline");
            self.broken(place, problem, format!("at most {REQUEST_BYTES_MAX} may be sent at a time"));
        }
    }

    /// Told before all that is sent is put together, which may be more than there is memory for.
    fn is_too_long(&mut self, call: &GrpcCall, place: &PlanPlace) -> bool {
        let Some(method) = &call.described else { return false };
        let once: usize = method.encoded.iter().flatten().map(|piece| literal_of(piece).len()).sum();
        let rounds = call.messages_sent() as usize / method.encoded.len().max(1);
        let bytes = once.saturating_mul(rounds);
        let is_too_long = bytes > REQUEST_BYTES_MAX;
        if is_too_long {
            let problem = format!("the messages of the call have {bytes} bytes");
            self.broken(place.clone(), problem, format!("at most {REQUEST_BYTES_MAX} may be sent at a time"));
        }
        is_too_long
    }

    fn thresholds(&mut self) {
        for (index, threshold) in self.fields.thresholds.iter().enumerate() {
            if let Err((problem, fix)) = threshold_rules::found(self.fields, threshold) {
                self.broken(PlanPlace::Threshold(index), format!("`{}`: {problem}", threshold.text), fix);
            }
            let phases = self.fields.phases;
            // A warm-up that leaves nothing to measure is told of by itself.
            let window_ns = phases.measure_to_ns.saturating_sub(phases.measure_from_ns);
            if let Some((problem, fix)) = threshold.terms.misfit(window_ns, self.fields.interval_ns) {
                self.broken(PlanPlace::Threshold(index), problem, fix);
            }
        }
    }

    fn feeds(&mut self) {
        for (index, key, wrong) in feeds::wrong(&self.fields.feeds) {
            self.broken(PlanPlace::Feed(index, key), wrong.problem, wrong.fix);
        }
    }

    fn positive(&mut self, place: PlanPlace, length_ns: u64) {
        if length_ns == 0 || length_ns > DURATION_NS_MAX {
            let problem = match length_ns {
                0 => "must be longer than zero".to_owned(),
                _ => format!("is longer than the longest run, {}", show_ns(DURATION_NS_MAX)),
            };
            self.broken(place, problem, "durations look like `500ms`, `10s` or `2m`");
        }
    }

    fn broken(&mut self, place: PlanPlace, problem: impl Into<String>, fix: impl Into<String>) {
        self.violations.push(Violation { place, problem: problem.into(), fix: fix.into(), instead: None });
    }
}

/// A path without what stands before its first slash, if that makes it one.
fn rooted(path: &str) -> Option<String> {
    let rest = path.split_once("://").map_or(path, |(_, rest)| rest);
    let rooted = match rest.find('/') {
        Some(at) if rest.len() < path.len() => rest[at..].to_owned(),
        _ => format!("/{}", rest.trim_start_matches('/').replace(' ', "%20")),
    };
    path_or_root(&rooted).ok()
}

fn is_length(piece: &Piece) -> bool {
    matches!(piece, Piece::Length { .. })
}

fn literal(pieces: &[Piece]) -> String {
    String::from_utf8_lossy(&literal_bytes(pieces)).into_owned()
}
