//! Everything in a plan, as anyone can write it: only what keeps the rules becomes one.

use super::message_end::MessageEnd;
use super::pool_size::PoolSize;
use super::records::RecordType;
use super::setup_script::SetupScript;
use crate::feed::Feed;
use crate::flow::{FlowScript, StepLooks};
use crate::load::Load;
use crate::message_form::MessageForm;
use crate::phase::{Phases, Warmup};
use crate::random::Draws;
use crate::schedule::Schedule;
use crate::template::{LengthForm, Piece};
use crate::threshold::Threshold;
use crate::until::Goal;
use crate::url::{Endpoint, Url};
use serde::{Deserialize, Serialize};

/// Everything in a plan. Anyone can write one; only what keeps the rules becomes a [`Plan`](super::Plan).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fields {
    /// What the run is called.
    pub name: String,
    /// Where requests go; each is used by a pool.
    pub targets: Vec<Target>,
    /// Connections to the targets; each is used by a step.
    pub pools: Vec<Pool>,
    /// Data files whose rows feed iterations.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub feeds: Vec<Feed>,
    /// The streams of traffic, side by side; at least one.
    pub scenarios: Vec<Scenario>,
    /// What the run uses of the machine.
    pub machine: Machine,
    /// The bounds of warm-up and measured window.
    pub phases: Phases,
    /// How the end of the warm-up is found; when it is found in the run, `phases` has the latest there can be.
    pub warmup: Warmup,
    /// The run ends when this is known, before its planned end.
    pub until: Option<Goal>,
    /// Seed of all random draws.
    pub seed: u64,
    /// Length of one interval of the time series.
    pub interval_ns: u64,
    /// Conditions on the result.
    pub thresholds: Vec<Threshold>,
    /// True when the report has the secrets of the plan in clear; they are redacted otherwise, see [`crate::redact`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keeps_secrets: bool,
    /// What is done once before the start, if anything is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setup: Option<Box<SetupScript<Step>>>,
}

/// Where requests go, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// What it is called.
    pub name: String,
    /// What to connect to, and what to ask there by default.
    pub url: Url,
    /// What to connect to in the place of the URL's host; names that are sent and checked stay the URL's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect: Option<Endpoint>,
    /// What carries the protocol.
    pub transport: Transport,
    /// What is spoken.
    pub protocol: TargetProtocol,
    /// How long making one connection may take.
    pub connect_timeout_ns: u64,
    /// Where it is told what its methods and messages are, if gRPC is spoken with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grpc: Option<GrpcSource>,
}

/// Where it is told what methods and messages of gRPC there are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GrpcSource {
    /// `.proto` files.
    pub proto: Vec<String>,
    /// Folders in which those are, and what they import.
    pub import_paths: Vec<String>,
    /// The target is asked, by server reflection.
    pub reflection: bool,
}

/// What carries the protocol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// Bytes as they are.
    Plain,
    /// TLS.
    Tls(TlsSettings),
}

/// How TLS is spoken with a target. Files are named and not read: what is in them is never in a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TlsSettings {
    /// Whether the target's certificate has to be valid, of this name, and from somebody who is trusted.
    pub verify: bool,
    /// A PEM file of the authorities that are trusted, in the place of the system's.
    pub ca: Option<String>,
    /// A PEM file of the certificate to show, with those that lead to its authority.
    pub cert: Option<String>,
    /// A PEM file of its key.
    pub key: Option<String>,
    /// The name to ask for and to check; the URL's host where there is none.
    pub server_name: Option<String>,
    /// The oldest version to speak.
    pub oldest: TlsVersion,
    /// The newest.
    pub newest: TlsVersion,
    /// Cipher suites to offer, by their IANA names; empty: all there are.
    pub ciphers: Vec<String>,
    /// Groups to exchange keys in, by their IANA names; empty: all there are.
    pub groups: Vec<String>,
    /// Protocols to offer, by their ALPN names; empty: those that the target's protocol has.
    pub alpn: Vec<String>,
    /// Whether connections take up the session of an earlier one.
    pub resumption: bool,
    /// A file to which the secrets of each session are written, as SSLKEYLOGFILE has them.
    pub keylog: Option<String>,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TlsVersion {
    /// RFC 5246.
    #[serde(rename = "1.2")]
    V1_2,
    /// RFC 8446.
    #[serde(rename = "1.3")]
    V1_3,
}

impl Default for TlsSettings {
    fn default() -> TlsSettings {
        TlsSettings {
            verify: true,
            ca: None,
            cert: None,
            key: None,
            server_name: None,
            oldest: TlsVersion::V1_2,
            newest: TlsVersion::V1_3,
            ciphers: Vec::new(),
            groups: Vec::new(),
            alpn: Vec::new(),
            resumption: true,
            keylog: None,
        }
    }
}

/// What is spoken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetProtocol {
    /// HTTP/1.1.
    Http1 {
        /// Requests under way on one connection at a time.
        pipeline: u32,
        /// Whether a connection takes another request after a response. Otherwise each request has a connection of its own.
        #[serde(default = "is_reused", skip_serializing_if = "is_reused_by_default")]
        reuse: bool,
    },
    /// HTTP/2: chosen by ALPN where there is TLS, and by prior knowledge where there is none.
    Http2 {
        /// Requests under way on one connection at a time.
        streams: u32,
        /// How much the target may send on a stream, and on a connection, before note is taken of it.
        window_bytes: u32,
        /// How large its table of header fields may be.
        header_table_bytes: u32,
    },
    /// WebSocket, opened by a request of HTTP/1.1.
    #[serde(rename = "websocket")]
    WebSocket {
        /// Messages under way on one connection at a time.
        pipeline: u32,
        /// Subprotocols to offer, the most wanted first.
        subprotocols: Vec<String>,
        /// How replies find the messages that they are to.
        matching: ReplyMatching,
        /// How often the target is pinged on each connection, if it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ping_ns: Option<u64>,
    },
    /// Bytes as they are.
    Tcp {
        /// Requests under way on one connection at a time.
        pipeline: u32,
        /// What ends a response.
        ends: MessageEnd,
        /// The target speaks first: a connection takes requests once that has come, which ends as a response does.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        greeting: bool,
    },
    /// UDP: each message is a datagram of its own, and so is each reply.
    Udp {
        /// Messages under way on one socket at a time.
        pipeline: u32,
        /// How replies find the messages that they are to.
        matching: DatagramMatching,
    },
}

/// How datagrams that come find those that were sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DatagramMatching {
    /// The next one is the reply to the oldest message under way.
    #[default]
    Any,
    /// Both have the same number in a field, which is written into each message.
    Field(DatagramField),
    /// Both are messages of DNS (RFC 1035), with the same number and the same question.
    Dns,
    /// There are none: a message is over once it is sent.
    None,
}

/// A number somewhere in a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatagramField {
    /// How many bytes it has: 2, 4 or 8.
    pub bytes: u8,
    /// Its lowest byte comes first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_little_endian: bool,
    /// How many bytes stand before it.
    pub offset: u16,
}

/// How replies find the messages that they are to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplyMatching {
    /// They come in the order of the messages.
    #[default]
    Order,
    /// Both are JSON, and have the same value where this pointer (RFC 6901) says.
    Json(String),
    /// There are none: a message is over once it is sent.
    None,
}

/// Connections are used again where nothing else is said.
fn is_reused() -> bool {
    true
}

fn is_reused_by_default(reuse: &bool) -> bool {
    *reuse
}

/// Connections to one target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// Which of the plan's targets.
    pub target: usize,
    /// How many.
    pub connections: PoolSize,
}

/// One stream of traffic: its own load, its own requests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scenario {
    /// What it is called.
    pub name: String,
    /// When it begins, from the start of the run.
    pub starts_ns: u64,
    /// For how long it schedules.
    pub length_ns: u64,
    /// What drives it; its times count from the scenario's own start.
    pub load: Load,
    /// No more than this many requests, over all shards.
    pub requests_max: Option<u64>,
    /// What is done for each arrival.
    pub script: Script,
}

/// What is done for each arrival.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Script {
    /// One of these, drawn by weight; at least one.
    Mix(Vec<Step>),
    /// Several of these, one after the other.
    Flow {
        /// The requests there are; at least one.
        steps: Vec<Step>,
        /// What becomes of them.
        flow: FlowScript,
    },
}

/// One request that may be sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// What it is called in the report.
    pub name: String,
    /// How often it is drawn, relative to the others of its scenario.
    pub weight: u32,
    /// Which of the plan's pools it is sent on.
    pub pool: usize,
    /// How long it may take from being sent.
    pub timeout_ns: u64,
    /// What is sent.
    pub request: Request,
    /// What is looked at of the response.
    #[serde(default, skip_serializing_if = "StepLooks::is_empty")]
    pub looks: StepLooks,
}

/// What is sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// A request of HTTP, of whatever version.
    Http(HttpRequest),
    /// A message of WebSocket.
    #[serde(rename = "websocket")]
    WebSocket(WebSocketMessage),
    /// A call of gRPC.
    Grpc(GrpcCall),
    /// A message of bytes: to a raw stream, or a datagram.
    Bytes(BytesMessage),
    /// A query of DNS.
    Dns(DnsQuery),
}

/// A message of bytes, to which nothing is added, with its holes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BytesMessage {
    /// What it carries, and all of it.
    pub payload: Vec<Piece>,
}

/// A query of DNS, with its holes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DnsQuery {
    /// The name that is asked for, its labels between dots.
    pub name: Vec<Piece>,
    /// Which records of it.
    pub record_type: RecordType,
    /// Whether the target is to ask others what it does not know itself.
    pub recursion: bool,
    /// How long a reply may be, where the target is told by EDNS (RFC 6891).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edns_bytes: Option<u16>,
}

/// A message of WebSocket, with its holes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WebSocketMessage {
    /// What opens the connections that it is sent on: the same for all messages of a scenario.
    pub opening: HttpRequest,
    /// What it says it is.
    pub kind: SocketMessageKind,
    /// What it carries.
    pub payload: Vec<Piece>,
}

/// What a message of WebSocket says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SocketMessageKind {
    /// Text, which is UTF-8.
    Text,
    /// Any bytes.
    Binary,
}

/// A call of gRPC, with its holes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GrpcCall {
    /// The method: `package.Service/Method`.
    pub method: String,
    /// Names and values, in the order they are sent.
    pub metadata: Vec<(String, Vec<Piece>)>,
    /// The messages to send, as JSON; at least one.
    pub messages: Vec<Vec<Piece>>,
    /// How many are sent, in turn from the first on; as many as there are where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// When each of them is sent.
    #[serde(default, skip_serializing_if = "MessagePace::is_at_once")]
    pub pace: MessagePace,
    /// How long the target is told that the call may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ns: Option<u64>,
    /// What the method is and what is sent, once that was found out: from then on the plan can be run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub described: Option<GrpcMethod>,
}

/// When the messages of a call are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessagePace {
    /// All of them as soon as they can be.
    #[default]
    AtOnce,
    /// Each once the reply to the one before it has come.
    PingPong,
    /// Each so many nanoseconds after the one before it is due, from when the first was sent.
    Every {
        /// The time from one to the next.
        period_ns: u64,
    },
}

/// A method of gRPC, and the messages of a call as it takes them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GrpcMethod {
    /// The full name of the messages that are sent.
    pub input: String,
    /// The full name of those that come back.
    pub output: String,
    /// Whether a call has any number of the former; otherwise it has one.
    pub client_streams: bool,
    /// Whether it has any number of the latter.
    pub server_streams: bool,
    /// The method says of itself that it changes nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_safe: bool,
    /// Where it was told: the name of a file, or `reflection`.
    pub told_by: String,
    /// The messages, encoded, in their order.
    pub encoded: Vec<Vec<Piece>>,
    /// How its replies are told as JSON, for steps that look at them: what a plan keeps of it stands in these.
    #[serde(skip)]
    pub reply: Option<MessageForm>,
}

/// A request of HTTP, with its holes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HttpRequest {
    /// The method, a valid HTTP token.
    pub method: String,
    /// The path and query.
    pub path: Vec<Piece>,
    /// Names and values, in the order they are sent.
    pub headers: Vec<(String, Vec<Piece>)>,
    /// The body, if there is one.
    pub body: Option<Vec<Piece>>,
}

/// What a run uses of the machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Pinned cores that send.
    pub shards: u32,
    /// The cores to pin shards to, in order; empty: to be chosen by the machine.
    pub cores: Vec<usize>,
    /// How a shard waits for the next moment.
    pub wait: Wait,
}

/// How a shard waits for the next moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wait {
    /// Watch the clock: sub-microsecond, and a whole core.
    Spin,
    /// Sleep in the kernel until the moment: cheap, and late by a wake-up.
    Park,
    /// Sleep until shortly before, then watch the clock.
    #[default]
    Auto,
}

impl SocketMessageKind {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            SocketMessageKind::Text => "text",
            SocketMessageKind::Binary => "binary",
        }
    }
}

impl Fields {
    /// Connections over all pools and shards.
    pub fn connections(&self) -> u32 {
        self.pools.iter().map(|pool| pool.connections.count()).sum()
    }

    /// Connections of one pool on one shard.
    pub fn connections_of(&self, pool: usize, shard: u32) -> u32 {
        let (count, shards) = (self.pools[pool].connections.count(), self.machine.shards);
        count / shards + u32::from(shard < count % shards)
    }

    /// All steps, in the order of their series.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.scenarios.iter().flat_map(Scenario::steps)
    }

    /// The target that a step's requests go to.
    pub fn target_of(&self, step: &Step) -> &Target {
        &self.targets[self.pools[step.pool].target]
    }

    /// Whether no scenario has a schedule.
    pub fn is_closed(&self) -> bool {
        self.scenarios.iter().all(|scenario| scenario.load.is_closed())
    }

    /// What is drawn for a scenario's arrivals.
    pub fn draws_of(&self, scenario: usize) -> Draws {
        Draws::new(self.seed, scenario as u32)
    }

    /// The number of the scenario with a name.
    pub fn scenario_named(&self, name: &str) -> Option<usize> {
        self.scenarios.iter().position(|scenario| scenario.name == name)
    }

    /// What all scenarios offer together, if each has a schedule.
    pub fn offered(&self) -> Offered {
        Offered::of(self.scenarios.iter().map(Scenario::schedule))
    }
}

/// What the scenarios of a plan offer together, for showing.
#[derive(Clone, Debug)]
pub struct Offered {
    schedules: Vec<Schedule>,
}

impl Offered {
    /// What these schedules offer, if each scenario has one.
    pub fn of(schedules: impl Iterator<Item = Option<Schedule>>) -> Offered {
        Offered { schedules: schedules.collect::<Option<_>>().unwrap_or_default() }
    }

    /// Arrivals per second at an instant; nothing where a scenario has no schedule.
    pub fn rate_rps_at(&self, instant_ns: u64) -> Option<f64> {
        let rates = self.schedules.iter().map(|schedule| schedule.rate_rps_at(instant_ns));
        (!self.schedules.is_empty()).then(|| rates.sum())
    }

    /// Arrivals of even schedules before an instant; nothing where a scenario has no schedule.
    pub fn arrivals_before(&self, instant_ns: u64) -> Option<u64> {
        let counts = self.schedules.iter().map(|schedule| schedule.arrivals_before(instant_ns));
        (!self.schedules.is_empty()).then(|| counts.sum())
    }
}

impl Target {
    /// Requests under way on one connection at a time: the streams of HTTP/2, the pipeline of all others.
    pub fn pipeline(&self) -> u32 {
        match self.protocol {
            TargetProtocol::Http1 { pipeline, .. }
            | TargetProtocol::WebSocket { pipeline, .. }
            | TargetProtocol::Tcp { pipeline, .. }
            | TargetProtocol::Udp { pipeline, .. } => pipeline,
            TargetProtocol::Http2 { streams, .. } => streams,
        }
    }

    /// Whether a connection takes another request after a response.
    pub fn reuse(&self) -> bool {
        match &self.protocol {
            TargetProtocol::Http1 { reuse, .. } => *reuse,
            TargetProtocol::Http2 { .. } | TargetProtocol::WebSocket { .. } | TargetProtocol::Udp { .. } => {
                true
            }
            TargetProtocol::Tcp { ends, .. } => *ends != MessageEnd::Close,
        }
    }

    /// What connections are made to.
    pub fn endpoint(&self) -> &Endpoint {
        self.connect.as_ref().unwrap_or(&self.url.endpoint)
    }

    /// How TLS is spoken with it, if it is.
    pub fn tls(&self) -> Option<&TlsSettings> {
        match &self.transport {
            Transport::Plain => None,
            Transport::Tls(settings) => Some(settings),
        }
    }

    /// The name that TLS asks for and checks: the one that is given, else the URL's host.
    pub fn server_name(&self) -> Option<&str> {
        let given = self.tls()?.server_name.as_deref();
        given.or(match &self.url.endpoint {
            Endpoint::Tcp { host, .. } => Some(host),
            Endpoint::Unix { .. } | Endpoint::Testbed => None,
        })
    }
}

impl Scenario {
    /// The kinds of request it sends.
    pub fn steps(&self) -> &[Step] {
        let (Script::Mix(steps) | Script::Flow { steps, .. }) = &self.script;
        steps
    }

    /// The same, to be changed: a plan made of it has to keep the rules.
    pub fn steps_mut(&mut self) -> &mut Vec<Step> {
        let (Script::Mix(steps) | Script::Flow { steps, .. }) = &mut self.script;
        steps
    }

    /// How its requests follow each other, if they do.
    pub fn flow(&self) -> Option<&FlowScript> {
        match &self.script {
            Script::Mix(_) => None,
            Script::Flow { flow, .. } => Some(flow),
        }
    }

    /// The same, to be changed: a plan made of it has to keep the rules.
    pub(crate) fn flow_mut(&mut self) -> Option<&mut FlowScript> {
        match &mut self.script {
            Script::Mix(_) => None,
            Script::Flow { flow, .. } => Some(flow),
        }
    }

    /// How many arrivals there are at the most, by what is asked for and by how often its users begin.
    pub fn arrivals_max(&self) -> Option<u64> {
        let of_users = self.load.users().and_then(|users| users.loops_max?.checked_mul(users.most()));
        [self.requests_max, of_users].into_iter().flatten().min()
    }

    /// When it stops scheduling, from the start of the run.
    pub fn ends_ns(&self) -> u64 {
        self.starts_ns.saturating_add(self.length_ns)
    }

    /// Whether it is a closed loop that ends with a number of requests.
    pub fn is_counted_out(&self) -> bool {
        self.load.is_closed() && self.requests_max.is_some()
    }

    /// Its schedule, in time from the start of the run; none of a closed loop.
    pub fn schedule(&self) -> Option<Schedule> {
        self.load.schedule(self.starts_ns)
    }
}

impl Request {
    /// The parts of it that may have holes.
    pub fn parts(&self) -> impl Iterator<Item = &[Piece]> {
        let path = self.http().map(|request| request.path.as_slice());
        let fields = self.fields().iter().map(|(_, value)| value.as_slice());
        path.into_iter().chain(fields).chain(self.payloads())
    }

    /// What of it is a request of HTTP: all of it, what opens its connection, or nothing.
    pub fn http(&self) -> Option<&HttpRequest> {
        match self {
            Request::Http(request) => Some(request),
            Request::WebSocket(message) => Some(&message.opening),
            Request::Grpc(_) | Request::Bytes(_) | Request::Dns(_) => None,
        }
    }

    /// The same, to be changed.
    pub fn http_mut(&mut self) -> Option<&mut HttpRequest> {
        match self {
            Request::Http(request) => Some(request),
            Request::WebSocket(message) => Some(&mut message.opening),
            Request::Grpc(_) | Request::Bytes(_) | Request::Dns(_) => None,
        }
    }

    /// What its name begins with where it is given none: a method, or a word for what it is.
    pub fn what(&self) -> &str {
        match self {
            Request::Http(request) => &request.method,
            Request::Grpc(call) => &call.method,
            Request::WebSocket(_) | Request::Bytes(_) => "message",
            Request::Dns(_) => "dns",
        }
    }

    /// The fields beside what it asks for: headers, those of what opens its connection, or metadata.
    pub fn fields(&self) -> &[(String, Vec<Piece>)] {
        match self {
            Request::Http(request) => &request.headers,
            Request::WebSocket(message) => &message.opening.headers,
            Request::Grpc(call) => &call.metadata,
            Request::Bytes(_) | Request::Dns(_) => &[],
        }
    }

    /// The same, to be changed; nothing where there are none.
    pub fn fields_mut(&mut self) -> Option<&mut Vec<(String, Vec<Piece>)>> {
        match self {
            Request::Http(request) => Some(&mut request.headers),
            Request::WebSocket(message) => Some(&mut message.opening.headers),
            Request::Grpc(call) => Some(&mut call.metadata),
            Request::Bytes(_) | Request::Dns(_) => None,
        }
    }

    /// What it carries: a body, or messages, as they are written.
    pub fn payloads(&self) -> impl Iterator<Item = &[Piece]> {
        let (one, several): (_, &[Vec<Piece>]) = match self {
            Request::Http(request) => (request.body.as_ref(), &[]),
            Request::WebSocket(message) => (Some(&message.payload), &[]),
            Request::Grpc(call) => (None, &call.messages),
            Request::Bytes(message) => (Some(&message.payload), &[]),
            Request::Dns(query) => (Some(&query.name), &[]),
        };
        one.into_iter().chain(several).map(Vec::as_slice)
    }

    /// Puts something else in the place of what it carries, if it carries anything.
    pub(crate) fn map_payloads(&mut self, change: impl Fn(&[Piece]) -> Vec<Piece>) {
        match self {
            Request::Http(request) => request.body = request.body.as_deref().map(change),
            Request::WebSocket(message) => message.payload = change(&message.payload),
            Request::Bytes(message) => message.payload = change(&message.payload),
            Request::Dns(query) => query.name = change(&query.name),
            Request::Grpc(call) => {
                let changed: Vec<Vec<Piece>> = call.messages.iter().map(|message| change(message)).collect();
                // What is encoded is made of them.
                if changed != call.messages {
                    (call.messages, call.described) = (changed, None);
                }
            }
        }
    }
}

impl MessagePace {
    /// Whether nothing is waited for.
    pub fn is_at_once(&self) -> bool {
        *self == MessagePace::AtOnce
    }
}

impl GrpcCall {
    /// How many messages are sent.
    pub fn messages_sent(&self) -> u32 {
        self.count.unwrap_or(self.messages.len() as u32)
    }

    /// The messages of a call as they are sent, each behind its prefix: a byte that says that it is not compressed, and its length in four
    /// (grpc.io, "gRPC over HTTP2"). Nothing as long as the method is not known.
    pub fn framed(&self) -> Option<Vec<Piece>> {
        let encoded = &self.described.as_ref()?.encoded;
        let sent = encoded.iter().cycle().take(self.messages_sent() as usize);
        let mut framed = Vec::new();
        for message in sent {
            framed.push(Piece::Bytes(vec![0]));
            if let [Piece::Bytes(bytes)] = message.as_slice() {
                framed.push(Piece::Bytes((bytes.len() as u32).to_be_bytes().to_vec()));
                framed.push(Piece::Bytes(bytes.clone()));
                continue;
            }
            let from = framed.len() + 1;
            framed.push(Piece::Length { from, to: from + message.len(), form: LengthForm::Be32 });
            framed.extend(message.iter().map(|piece| piece.moved(from)));
        }
        Some(framed)
    }
}

impl GrpcMethod {
    /// What it is of its kind, in words.
    pub fn kind(&self) -> &'static str {
        match (self.client_streams, self.server_streams) {
            (false, false) => "unary",
            (true, false) => "client streaming",
            (false, true) => "server streaming",
            (true, true) => "bidirectional",
        }
    }
}
