//! The keys of a plan, as they are typed. What stands in the doc lines here is what `vajra schema` says of each.

use super::connection_count::ConnectionCount;
use crate::plan::bounds::{CONNECTIONS_MAX, MESSAGES_MAX, PIPELINE_MAX, SHARDS_MAX};
use crate::redirect::REDIRECTS_MAX;
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};
use std::collections::BTreeMap;
use std::fmt;

/// A plan, as written in a file, an environment or on a command line.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Vajra plan")]
pub struct Config {
    /// What to call the run.
    pub name: Option<Text>,
    /// The target: `http://host:port/path`, the same with `https`, or with `ws` and `wss` for WebSocket, `grpc://host:port`, the same
    /// with `grpcs`, `tcp://host:port` and `tls://host:port` for streams of bytes, `udp://host:port`, `dns://host/name?type=A`,
    /// `unix:/path.sock:/path`, or `testbed:/path` for the built-in server.
    pub url: Option<Text>,
    /// What to connect to in the place of the `url`'s host, `host:port`; names that are sent and checked stay the URL's.
    pub connect: Option<Text>,
    /// Headers sent with every request, and with what opens a WebSocket: a name and a value, or several values.
    pub headers: BTreeMap<String, Texts>,
    /// A token, sent with every request as `Authorization: Bearer …`. May hold `{{env NAME}}`, and values of the setup.
    pub bearer: Option<Text>,
    /// A user and a password, sent with every request as `Authorization: Basic …`.
    pub basic: Option<BasicConfig>,
    /// How TLS is spoken with targets whose URL begins with `https`, `wss`, `grpcs` or `tls`.
    pub tls: TlsConfig,
    /// How HTTP is spoken with targets.
    pub http: HttpConfig,
    /// How WebSocket is spoken with targets whose URL begins with `ws` or `wss`.
    pub websocket: WebSocketConfig,
    /// How bytes are exchanged with targets whose URL begins with `tcp` or `tls`.
    pub tcp: TcpConfig,
    /// How it is known what methods and messages of gRPC there are.
    pub grpc: GrpcConfig,
    /// How datagrams are exchanged with targets whose URL begins with `udp` or `dns`.
    pub udp: UdpConfig,
    /// How long, how wide, and on what.
    pub run: RunConfig,
    /// The offered load. Absent: closed loop.
    pub load: LoadConfig,
    /// The requests, drawn by weight. Absent: one GET of the URL.
    pub request: Vec<RequestConfig>,
    /// Requests that follow each other, as one user makes them: each arrival goes through all of them. In the place of `request`.
    pub step: Vec<RequestConfig>,
    /// Sessions keep the cookies that responses set, and send them, each iteration its own (default false).
    pub cookies: Option<bool>,
    /// When steps are intended: `recorded`, at the moments that `at` of each says (default: after the response before, and its `think`).
    pub timeline: Option<Text>,
    /// Parts of flows by name, each a list of steps, for steps to `run` and scenarios to go through.
    pub flow: IndexMap<String, Vec<RequestConfig>>,
    /// What is done when a request fails: `retry = { attempts = 3, on = ["connect", "timeout", 503], wait = "exp:50ms,2s", budget = "10%" }`.
    pub retry: RetryConfig,
    /// When clients leave the target alone: `breaker = { clients = 20, opens = "50% of 20", stays_open = "5s", probes = 1 }`.
    pub breaker: BreakerConfig,
    /// Targets by name, for scenarios to use.
    pub target: IndexMap<String, TargetConfig>,
    /// Streams of traffic by name, side by side. With them, `load` and `request` stand in each of them.
    pub scenario: IndexMap<String, ScenarioConfig>,
    /// Data files by name, whose rows feed iterations: a value of a row is `{{NAME.COLUMN}}`.
    pub feed: IndexMap<String, FeedConfig>,
    /// What is done once before the start. What it takes from responses is known to all requests.
    pub setup: Option<SetupConfig>,
    /// Conditions on the result, by metric: `response = "p(99)<50ms"`, or by metric and scope:
    /// `"response{scenario=read}"`; or as a table with `limit`, `over`, `abort` and `after`. One that is not met ends the run with exit
    /// code 99.
    pub thresholds: BTreeMap<String, Conditions>,
}

/// Where requests go, by a name.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TargetConfig {
    /// As the plan's `url`.
    pub url: Option<Text>,
    /// What to connect to in the place of the URL's host, `host:port`; names that are sent and checked stay the URL's.
    pub connect: Option<Text>,
    /// Headers sent with every request to it, after the plan's.
    pub headers: BTreeMap<String, Texts>,
    /// As the plan's `bearer`, sent with every request to it.
    pub bearer: Option<Text>,
    /// As the plan's `basic`, sent with every request to it.
    pub basic: Option<BasicConfig>,
    /// How TLS is spoken with it (default: each key as in the plan's).
    pub tls: TlsConfig,
    /// How HTTP is spoken with it (default: each key as in the plan's).
    pub http: HttpConfig,
    /// How WebSocket is spoken with it (default: each key as in the plan's).
    pub websocket: WebSocketConfig,
    /// How bytes are exchanged with it (default: each key as in the plan's).
    pub tcp: TcpConfig,
    /// How it is known what methods and messages of gRPC it has (default: each key as in the plan's).
    pub grpc: GrpcConfig,
    /// How datagrams are exchanged with it (default: each key as in the plan's).
    pub udp: UdpConfig,
    /// Connections to it of each scenario that goes there, over all shards (default: the scenario's, or the run's).
    #[schemars(range(min = 1, max = CONNECTIONS_MAX))]
    pub connections: Option<u32>,
    /// How long making one connection may take (default: the run's).
    pub connect_timeout: Option<Text>,
    /// Requests under way on one connection at a time (default: the run's).
    #[schemars(range(min = 1, max = PIPELINE_MAX))]
    pub pipeline: Option<u32>,
}

/// How TLS is spoken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TlsConfig {
    /// Whether the target's certificate has to be valid, of its name, and from somebody who is trusted (default true).
    pub verify: Option<bool>,
    /// A PEM file of the authorities that are trusted (default: the system's).
    pub ca: Option<Text>,
    /// A PEM file of the certificate to show, with those that lead to its authority.
    pub cert: Option<Text>,
    /// A PEM file of its key.
    pub key: Option<Text>,
    /// The name to ask for and to check (default: the URL's host).
    pub server_name: Option<Text>,
    /// The versions to speak: `1.2`, `1.3` or `1.2-1.3` (default 1.2-1.3).
    pub versions: Option<Text>,
    /// Cipher suites to offer, by their IANA names (default: all that are known).
    pub ciphers: Option<Texts>,
    /// Groups to exchange keys in: `x25519`, `secp256r1`, `secp384r1` (default: all).
    pub groups: Option<Texts>,
    /// Protocols to offer, by their ALPN names (default `http/1.1`).
    pub alpn: Option<Texts>,
    /// Whether connections take up the session of an earlier one (default true).
    pub resumption: Option<bool>,
    /// A file to which the secrets of each session are written, as SSLKEYLOGFILE has them (default none).
    pub keylog: Option<Text>,
}

/// How HTTP is spoken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HttpConfig {
    /// `1.1`; `2`, by ALPN where there is TLS; `2-prior-knowledge` where there is none; or `auto`, which is 1.1 (default auto).
    pub version: Option<Text>,
    /// Requests under way on one connection of HTTP/2 at a time (default 1).
    #[schemars(range(min = 1, max = PIPELINE_MAX))]
    pub streams: Option<u32>,
    /// How much may come on a stream of HTTP/2, and on a connection, before note is taken of it, such as `64KiB` (default 1GiB).
    pub window: Option<Text>,
    /// How large the target's table of header fields may be (default 4KiB).
    pub header_table: Option<Text>,
    /// Whether a connection takes another request after a response; otherwise each request has a connection of its own (default
    /// true).
    pub reuse: Option<bool>,
}

/// How WebSocket is spoken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WebSocketConfig {
    /// Subprotocols to offer, the most wanted first (default none).
    pub subprotocols: Option<Texts>,
    /// How a reply finds its message: by `order`; by `json:/id`, a JSON pointer to a value that both have; or `none`, where nobody
    /// replies and a message is over once it is sent (default order).
    #[serde(rename = "match")]
    pub matching: Option<Text>,
    /// How often to send a ping on each connection, such as `20s` (default never).
    pub ping: Option<Text>,
}

/// How bytes are exchanged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TcpConfig {
    /// What ends a response: `delimiter:\n` or other bytes, with the escapes `\n`, `\r`, `\t`, `\0`, `\xNN` and `\\`; `length:be32` (or
    /// `be16`, `le16`, `le32`), a length before it; `bytes:512`, its size; `close`, when the target closes the connection; or `none`, where
    /// there is no response and a message is over once it is sent (default `delimiter:\n`).
    pub ends: Option<Text>,
    /// Whether the target speaks first, in a message that ends as a response does (default false).
    pub greeting: Option<bool>,
}

/// How it is known what methods and messages of gRPC there are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GrpcConfig {
    /// `.proto` files that say it.
    pub proto: Option<Texts>,
    /// Folders in which those are, and what they import (default: the folder of each file).
    pub import_paths: Option<Texts>,
    /// Whether the target is asked, by server reflection (default true without `proto`).
    pub reflection: Option<bool>,
}

/// How datagrams are exchanged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UdpConfig {
    /// How a datagram that comes finds its message: by `any`, the oldest under way; by a field such as `be32@0`, a number that is written
    /// into each message; by `dns`; or `none`, where nobody replies (default any, and dns where DNS is asked).
    #[serde(rename = "match")]
    pub matching: Option<Text>,
    /// Of DNS: whether the target is to ask others what it does not know itself (default true).
    pub recursion: Option<bool>,
    /// Of DNS: how long a reply may be, in bytes, which the target is told by EDNS, such as 1232 (default: it is told nothing).
    #[schemars(range(min = 512, max = 65535))]
    pub edns: Option<u16>,
}

/// One stream of traffic.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ScenarioConfig {
    /// The name of a target of the plan (default: the plan's `url`).
    pub target: Option<Text>,
    /// A target of its own, as the plan's `url`.
    pub url: Option<Text>,
    /// Connections, over all shards, or `per user`: one for each user of its own (default: the run's). Where steps go to several targets, it
    /// has as many to each.
    pub connections: Option<ConnectionCount>,
    /// When it begins, from the start of the run (default 0s).
    pub starts: Option<Text>,
    /// The scenario at whose end it begins.
    pub after: Option<Text>,
    /// For how long it schedules (default: until the run's end, or what the load or `requests` need).
    pub duration: Option<Text>,
    /// Stop after this many requests, over all shards.
    pub requests: Option<Text>,
    /// How long one request may take from being sent (default: the run's).
    pub timeout: Option<Text>,
    /// Headers sent with every request of it, after the plan's.
    pub headers: BTreeMap<String, Texts>,
    /// As the plan's `bearer`, sent with every request of it.
    pub bearer: Option<Text>,
    /// As the plan's `basic`, sent with every request of it.
    pub basic: Option<BasicConfig>,
    /// The offered load. Absent: closed loop.
    pub load: LoadConfig,
    /// The requests, drawn by weight. Absent: one GET of the target's URL.
    pub request: Vec<RequestConfig>,
    /// Requests that follow each other, in the place of `request`.
    pub step: Vec<RequestConfig>,
    /// The names of flows to go through, one after the other, in the place of `request` and `step`: `["login", "browse*2..5", "logout"]`.
    pub flow: Option<Texts>,
    /// Sessions keep the cookies that responses set, and send them, each iteration its own (default false).
    pub cookies: Option<bool>,
    /// When its steps are intended: `recorded`, at the moments that `at` of each says (default: after the response before, and its `think`).
    pub timeline: Option<Text>,
    /// The most iterations of its flow under way at a time, over all shards (default: the run's).
    pub sessions: Option<Text>,
    /// For how long iterations of its flow may go on after its end (default: the run's).
    pub graceful: Option<Text>,
    /// What is done when a request fails: `retry = { attempts = 3, on = ["connect", "timeout", 503], wait = "exp:50ms,2s", budget = "10%" }`.
    pub retry: RetryConfig,
    /// When clients leave the target alone: `breaker = { clients = 20, opens = "50% of 20", stays_open = "5s", probes = 1 }`.
    pub breaker: BreakerConfig,
    /// Conditions on this scenario's result.
    pub thresholds: BTreeMap<String, Conditions>,
}

/// When a request that has failed is tried again, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RetryConfig {
    /// Attempts of one request at the most, the first one included (default 3).
    pub attempts: Option<Text>,
    /// After which failures: kinds as reports name them, statuses, and classes of statuses such as `5xx`.
    pub on: Option<Texts>,
    /// How long to wait before the next attempt: `100ms`; `100ms,5s`, longer if `Retry-After` says so, and up to 5 s; or `exp:50ms,2s`,
    /// anything up to 50 ms, then up to 100 ms, and so on up to 2 s (default `exp:50ms,2s`).
    pub wait: Option<Text>,
    /// The share of requests that may be tried again, such as `10%` (default: all of them).
    pub budget: Option<Text>,
}

/// When clients leave the target alone for a while, each by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BreakerConfig {
    /// How many clients the scenario models, over all shards (default 1).
    pub clients: Option<Text>,
    /// Failures that open a client's breaker: `50% of 20`, half of the last twenty attempts.
    pub opens: Option<Text>,
    /// How long it stays open (default 5s).
    pub stays_open: Option<Text>,
    /// Requests that then try the target, and have to succeed for it to close (default 1).
    pub probes: Option<Text>,
}

/// How long, how wide, and on what.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RunConfig {
    /// Pinned cores that send (default 1, or as many as `cores` names).
    #[schemars(range(min = 1, max = SHARDS_MAX))]
    pub shards: Option<u32>,
    /// Connections, over all shards, or `per user`: one for each user of its own (default 64, or as many as users).
    pub connections: Option<ConnectionCount>,
    /// The cores to pin shards to, such as `1,3-5` (default: the last ones this process may use).
    pub cores: Option<Text>,
    /// Length of the run, warm-up included, such as `30s` (default 10s, or what the load or `requests` need).
    pub duration: Option<Text>,
    /// The first part of the run that is not measured (default none); `auto` ends it when response times are steady.
    pub warmup: Option<Text>,
    /// Run until a figure is known well enough, such as `p99 ± 2%`, and no longer than `duration`.
    pub until: Option<Text>,
    /// Stop after this many requests, over all shards.
    pub requests: Option<Text>,
    /// How long one request may take from being sent (default 10s).
    pub timeout: Option<Text>,
    /// How long making one connection may take (default 3s).
    pub connect_timeout: Option<Text>,
    /// Requests under way on one connection at a time (default 1).
    #[schemars(range(min = 1, max = PIPELINE_MAX))]
    pub pipeline: Option<u32>,
    /// How a shard waits for the next moment: `spin`, `park` or `auto` (default auto).
    pub wait: Option<Text>,
    /// Seed of all random draws (default 1).
    #[schemars(range(min = 0, max = i64::MAX))]
    pub seed: Option<u64>,
    /// For how long iterations of flows may go on after the end of the schedule (default 30s).
    pub graceful: Option<Text>,
    /// The most iterations of each flow under way at a time, over all shards; an arrival that finds as many waits (default 1M).
    pub sessions: Option<Text>,
    /// Length of one interval of the time series (default 1s).
    pub interval: Option<Text>,
}

/// A data file whose rows feed iterations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FeedConfig {
    /// The file, from where Vajra is started: text in UTF-8.
    pub file: Option<Text>,
    /// `csv`, `jsonl` (an object on each line) or `json` (an array of objects) (default: by the ending of the file's name).
    pub format: Option<Text>,
    /// Of CSV: what stands between two values, one character, or `\t` (default `,`, and `\t` of a file that ends in `.tsv`).
    pub delimiter: Option<Text>,
    /// Of CSV: whether the first row names the columns (default: true without `columns`).
    pub header: Option<bool>,
    /// Of CSV: what the columns are called, where the file does not say it.
    pub columns: Option<Texts>,
    /// Which row an iteration has: the next one, `sequential`; the next one, and none twice, `unique`; each once, in an order that is
    /// drawn, `shuffle`; or one that is drawn, `random` (default sequential).
    pub rows: Option<Text>,
    /// What happens after the last row: `repeat`, which `unique` cannot; `stop`, and no iteration begins any more; or `fail`, each that
    /// begins (default repeat, and stop with `unique`).
    pub at_end: Option<Text>,
}

/// A user and a password.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BasicConfig {
    /// The user. May hold `{{env NAME}}`.
    pub user: Option<Text>,
    /// The password. May hold `{{env NAME}}`.
    pub password: Option<Text>,
}

/// What is done once before the start.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SetupConfig {
    /// The name of a target of the plan to which its requests go (default: the plan's `url`).
    pub target: Option<Text>,
    /// A target of its own, as the plan's `url`.
    pub url: Option<Text>,
    /// Headers sent with every request of it, after the plan's.
    pub headers: BTreeMap<String, Texts>,
    /// How long one request may take (default: the run's).
    pub timeout: Option<Text>,
    /// Its requests, one after the other. A value that one takes from its response is known to those after it, and to all requests of the run.
    pub step: Vec<RequestConfig>,
    /// After how long they are sent again while the run goes on, such as `50m`, or `never` (default never; with `oauth`, when nine tenths of
    /// the token's life have passed).
    pub refresh: Option<Text>,
    /// A token of OAuth 2.0 for client credentials (RFC 6749, section 4.4), in the place of `step`: its value is `token`.
    pub oauth: Option<OAuthConfig>,
}

/// Who asks for a token of OAuth 2.0, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OAuthConfig {
    /// The URL that tokens are asked of.
    pub token_url: Option<Text>,
    /// Who asks. May hold `{{env NAME}}`.
    pub client_id: Option<Text>,
    /// The secret of who asks. May hold `{{env NAME}}`.
    pub client_secret: Option<Text>,
    /// What the token is to be good for, its parts with blanks between them (default: what the server gives).
    pub scope: Option<Text>,
    /// Whom the token is to be shown to, where the server asks for that (default none).
    pub audience: Option<Text>,
}

/// The offered load: a shape and its numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LoadConfig {
    /// `constant`, `ramp`, `steps`, `spike`, `sine`, `recorded`, `stages` or `closed` (default: constant with a `rate`, else closed).
    pub shape: Option<Text>,
    /// Arrivals per second of `constant`, and the base of `spike`. A total over all shards.
    pub rate: Option<Text>,
    /// How many users there are, who each go through the flow again and again, in the place of a rate.
    pub users: Option<Text>,
    /// What the numbers of the shape are of: `rate`, arrivals per second, or `users` (default rate, and users with `users`).
    pub of: Option<Text>,
    /// Of users: how long after each beginning a user begins again (default: when it has ended).
    pub pacing: Option<Text>,
    /// Of users: how often each of them goes through the flow at the most.
    pub loops: Option<Text>,
    /// Where a `ramp` starts.
    pub from: Option<Text>,
    /// Where a `ramp` ends.
    pub to: Option<Text>,
    /// How long a `ramp` takes; it then holds (default: the whole run).
    pub over: Option<Text>,
    /// The rates of `steps`, in order.
    pub rates: Option<Texts>,
    /// How long each of `steps` lasts (default: equal parts), or how often a `spike` comes (default: once).
    pub every: Option<Text>,
    /// The rate at the top of a `spike`.
    pub peak: Option<Text>,
    /// When the first `spike` begins.
    pub at: Option<Text>,
    /// How long a `spike` lasts.
    pub length: Option<Text>,
    /// The middle rate of `sine`.
    pub mean: Option<Text>,
    /// How far `sine` swings either way.
    pub amplitude: Option<Text>,
    /// One swing of `sine`.
    pub period: Option<Text>,
    /// When the arrivals of `recorded` came, in order; the first of them begins the load.
    pub offsets: Option<Texts>,
    /// How many times as fast as they came those of `recorded` come (default 1).
    pub speed: Option<Text>,
    /// The parts of `stages`, one after the other, each a shape with a `duration`.
    pub stages: Vec<LoadConfig>,
    /// How long this stage lasts. Only inside `stages`.
    pub duration: Option<Text>,
    /// `uniform` or `poisson` (default uniform).
    pub arrivals: Option<Text>,
    /// What happens to an arrival that finds no free connection: `queue`, `shed` or `degrade` (default queue).
    pub overload: Option<Text>,
    /// How long an arrival may wait under `shed`.
    pub deadline: Option<Text>,
    /// Under `degrade`, how long the oldest arrival may wait before fewer are sent (default 100ms).
    pub slip: Option<Text>,
    /// Under `degrade`, the smallest share of the arrivals that is sent (default 10%).
    pub floor: Option<Text>,
}

/// One request that may be sent.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RequestConfig {
    /// What to call it in the report (default: method and path, of DNS what is asked for, of other messages `message` and their number).
    pub name: Option<Text>,
    /// How often it is drawn, relative to the others (default 1).
    #[schemars(range(min = 0, max = u32::MAX))]
    pub weight: Option<u32>,
    /// The method (default GET, or POST with a body).
    pub method: Option<Text>,
    /// The path and query (default: the URL's). May hold `{{seq}}`, `{{rand LOW HIGH}}`, `{{uuid}}` and `{{env NAME}}`.
    pub path: Option<Text>,
    /// Method GET, and this path.
    pub get: Option<Text>,
    /// Method HEAD, and this path.
    pub head: Option<Text>,
    /// Method POST, and this path.
    pub post: Option<Text>,
    /// Method PUT, and this path.
    pub put: Option<Text>,
    /// Method PATCH, and this path.
    pub patch: Option<Text>,
    /// Method DELETE, and this path.
    pub delete: Option<Text>,
    /// Headers of this request, after the plan's. Values may hold the same.
    pub headers: BTreeMap<String, Texts>,
    /// A token, sent as `Authorization: Bearer …`. May hold the same.
    pub bearer: Option<Text>,
    /// A user and a password, sent as `Authorization: Basic …`.
    pub basic: Option<BasicConfig>,
    /// The body: text, which may hold the same, or `@file`.
    pub body: Option<Text>,
    /// A body of JSON: any value, whose texts may hold the same. A text that is one hole and ends in `| number` becomes a number.
    pub json: Option<JsonValue>,
    /// A body as a form sends it, percent-encoded: names and values, or several values; they may hold the same.
    pub form: Option<IndexMap<String, Texts>>,
    /// A body in parts, as a form with files sends it: names and texts, which may hold the same, or `@file`, or several of them.
    pub multipart: Option<IndexMap<String, Texts>>,
    /// A message of WebSocket, of a stream of bytes or of UDP that is text, which may hold the same, or `@file`.
    pub text: Option<Text>,
    /// The same that is any bytes: `@file`, or a text, which may hold the same.
    pub binary: Option<Text>,
    /// A query of DNS: a name, which may hold the same, and a type of records (default A): `www.example.org AAAA`.
    pub dns: Option<Text>,
    /// Whether what stands in `{{…}}` in the body or message is filled in (default: true for a text, false for a file).
    pub template: Option<bool>,
    /// Of gRPC: the method, `package.Service/Method`.
    pub call: Option<Text>,
    /// Of gRPC: the message as JSON, which may hold the same, or `@file` (default `{}`).
    pub message: Option<Text>,
    /// Of gRPC: the messages of a streaming call.
    pub messages: Option<Texts>,
    /// Of gRPC: how many messages a streaming call sends, in turn from the first on (default: each once).
    #[schemars(range(min = 1, max = MESSAGES_MAX))]
    pub count: Option<u32>,
    /// Of gRPC: whether each message is sent once the reply to the one before it has come (default false).
    pub ping_pong: Option<bool>,
    /// Of gRPC: the time from one message of a call that sends several to the next (default: all are sent at once).
    pub every: Option<Text>,
    /// Of gRPC: metadata of this call, after the plan's headers. Values may hold the same.
    pub metadata: BTreeMap<String, Texts>,
    /// Of gRPC: how long the target is told that the call may take, and the call's timeout (default none).
    pub deadline: Option<Text>,
    /// What has to hold of the response: `status == 200`, `json /active == true`, `body contains welcome`, `header ETag exists`,
    /// `time < 500ms`, `size < 10KiB`; otherwise the request has failed. With a check of the status, none other is an error.
    pub check: Option<Texts>,
    /// Of a step: values to take from the response, for the requests after it: a name, and `json /token`, `json $.items[0].id`,
    /// `regex id=(\\d+)`, `header Location`, `cookie sid`, `between \"a\" \"b\"`, `body` or `status`; with ` ?` behind it may be absent.
    pub extract: IndexMap<String, Text>,
    /// The most of the response's body that `check` and `extract` look at, such as `1MiB` (default 64KiB).
    pub body_max: Option<Text>,
    /// How many redirects of the response are followed, one after the other, on the same target (default 0: the redirect is the response).
    #[schemars(range(min = 0, max = REDIRECTS_MAX))]
    pub redirects: Option<u32>,
    /// Of a step: the name of a target of the plan that it goes to, in the place of its scenario's.
    pub target: Option<Text>,
    /// Of a step: what has to hold for it to be done: `id exists`, `role == admin`, `count > 3`.
    #[serde(rename = "if")]
    pub condition: Option<Text>,
    /// Of a step: how long its user thinks after it: `2s`, or `uniform:1s,3s`, `exp:2s` (mean), `lognormal:2s,0.5` (median, sigma),
    /// `normal:2s,500ms` (mean, deviation). With `repeat`, each time.
    pub think: Option<Text>,
    /// Of a step whose scenario has `timeline = "recorded"`: how long after the iteration's arrival it is intended, such as `1.25s`.
    pub at: Option<Text>,
    /// Of a step: how often it is done, one after the other: `3`, or `1..5`, each number as likely as any other (default once).
    pub repeat: Option<Text>,
    /// Of a step: how likely it is that it is done, such as `20%` or `0.2` (default always).
    pub chance: Option<Text>,
    /// Of a step: it is done after a failure too, when what follows is left out (default false).
    pub always: Option<bool>,
    /// Of a step: what happens when it fails: `stop`, and what follows is left out, or `continue` (default stop).
    pub on_failure: Option<Text>,
    /// Of a step: the name of a flow to go through, in the place of a request.
    pub run: Option<Text>,
    /// Of a step: names of flows and their weights, of which one is gone through: `{ browse = 7, buy = 1 }`.
    #[schemars(inner(range(min = 0, max = u32::MAX)))]
    pub choose: IndexMap<String, u32>,
}

/// A value of any kind, as a body of JSON has it.
#[derive(Clone, Debug, PartialEq, JsonSchema)]
#[schemars(with = "serde_json::Value")]
pub struct JsonValue(pub toml::Value);

impl<'de> Deserialize<'de> for JsonValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<JsonValue, D::Error> {
        toml::Value::deserialize(deserializer).map(JsonValue)
    }
}

/// A value that may be typed as a string or as a bare number.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(with = "TextSchema")]
pub struct Text(pub String);

/// How [`Text`] looks in the schema.
#[derive(JsonSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "only its schema is used")]
enum TextSchema {
    String(String),
    Number(f64),
}

/// One [`Text`] or a list of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[schemars(with = "TextsSchema")]
pub struct Texts(pub Vec<String>);

/// How [`Texts`] looks in the schema.
#[derive(JsonSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "only its schema is used")]
enum TextsSchema {
    One(TextSchema),
    Several(Vec<TextSchema>),
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Text, D::Error> {
        deserializer.deserialize_any(TextVisitor).map(Text)
    }
}

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Texts, D::Error> {
        deserializer.deserialize_any(TextsVisitor).map(Texts)
    }
}

struct TextVisitor;

impl Visitor<'_> for TextVisitor {
    type Value = String;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string or a number")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<String, E> {
        Ok(number.to_string())
    }
}

struct TextsVisitor;

impl<'de> Visitor<'de> for TextsVisitor {
    type Value = Vec<String>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string or a number, or a list of them")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Vec<String>, E> {
        TextVisitor.visit_str(text).map(|text| vec![text])
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Vec<String>, E> {
        TextVisitor.visit_i64(number).map(|text| vec![text])
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Vec<String>, E> {
        TextVisitor.visit_u64(number).map(|text| vec![text])
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Vec<String>, E> {
        TextVisitor.visit_f64(number).map(|text| vec![text])
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut sequence: A) -> Result<Vec<String>, A::Error> {
        let mut texts = Vec::new();
        while let Some(Text(text)) = sequence.next_element()? {
            texts.push(text);
        }
        Ok(texts)
    }
}

/// One condition, or a list of them: each a text, in which what a table has beside its limit stands behind it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(from = "Texts")]
#[schemars(with = "ConditionsSchema")]
pub struct Conditions(pub Vec<String>);

impl From<Texts> for Conditions {
    fn from(texts: Texts) -> Conditions {
        Conditions(texts.0)
    }
}

/// How [`Conditions`] look in the schema.
#[derive(JsonSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "only its schema is used")]
enum ConditionsSchema {
    One(ConditionSchema),
    Several(Vec<ConditionSchema>),
}

/// How one condition looks in the schema.
#[derive(JsonSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "only its schema is used")]
enum ConditionSchema {
    Text(TextSchema),
    Table(ConditionConfig),
}

/// A condition, and how it is held.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "only its schema is used: it is read as a text")]
struct ConditionConfig {
    /// The condition: `p(99)<50ms`.
    limit: Text,
    /// It has to hold in every full window of this length, such as `10s` (default: in the measured window as a whole).
    #[serde(default)]
    over: Option<Text>,
    /// Whether breaking it ends the run (default false).
    #[serde(default)]
    abort: Option<bool>,
    /// But not before so much of the measured window has passed, such as `30s` (default none).
    #[serde(default)]
    after: Option<Text>,
}
