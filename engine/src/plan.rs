//! A plan: valid by construction, immutable, serialisable. What runs here is byte for byte what a fleet would be sent.
//!
//! There is no `validate()`: [`Plan::new`] reads a [`Config`] and either returns a plan that can run or every mistake
//! it found, each with its key and what to do.

use crate::config::{Config, Diagnostic, RequestConfig, Texts};
use crate::length;
use crate::load::{Arrivals, Load, Overload};
use crate::phase::{Phases, Warmup};
use crate::quantity::{
    MILLISECOND_NS, Rate, SECOND_NS, counted, parse_cores, parse_count, parse_duration_ns, show_ns,
};
use crate::redact;
use crate::schedule::Schedule;
use crate::target::{Target, path_or_root};
use crate::template::{self, Piece};
use crate::threshold::Threshold;
use crate::until::Goal;
use http::{HeaderName, HeaderValue, Method};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The most connections a plan may ask for, over all shards: more than one machine has ports for.
pub const CONNECTIONS_MAX: u32 = 1_000_000;
/// The most shards: cores of the largest machines.
pub const SHARDS_MAX: u32 = 1_024;
/// The deepest pipeline. Deeper ones only fill socket buffers.
pub const PIPELINE_MAX: u32 = 1_024;
/// The most request templates: each has histograms of its own on every shard.
pub const REQUESTS_MAX: usize = 64;
/// The most bytes of requests that one connection can have under way.
pub const REQUEST_BYTES_MAX: usize = 16 << 20;
/// The shortest interval of the time series; shorter ones would cost more than they show.
pub const INTERVAL_NS_MIN: u64 = 100 * MILLISECOND_NS;

/// The shortest slice: handing over costs a shard some tens of microseconds.
pub const SLICE_NS_MIN: u64 = 100 * MILLISECOND_NS;
/// Slices that a measured window should have: enough for confidence intervals that know of autocorrelation.
pub const SLICES_WANTED: u64 = 100;
const _: () = assert!(SLICE_NS_MIN <= INTERVAL_NS_MIN, "an interval has a slice");
const _: () = assert!(SHARDS_MAX <= CONNECTIONS_MAX, "every shard can have a connection");
const _: () = assert!(CONNECTIONS_MAX.checked_mul(PIPELINE_MAX).is_some(), "a flight's number fits");

/// Of a run whose warm-up ends by itself, this part (1/n) is warm-up at the most.
const WARMUP_PART: u64 = 2;
/// The shortest run in which the end of a warm-up can be told.
const WARMUP_AUTO_LENGTH_NS_MIN: u64 = 16 * SECOND_NS;

const SEED_DEFAULT: u64 = 1;
const DURATION_NS_DEFAULT: u64 = 10 * SECOND_NS;
const TIMEOUT_NS_DEFAULT: u64 = 10 * SECOND_NS;
const CONNECT_TIMEOUT_NS_DEFAULT: u64 = 3 * SECOND_NS;
const CONNECTIONS_DEFAULT: u32 = 64;

/// All that a run needs to know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// What the run is called.
    pub name: String,
    /// Where requests go.
    pub target: Target,
    /// The requests, drawn by weight; at least one.
    pub requests: Vec<Request>,
    /// What drives them.
    pub load: Load,
    /// The bounds of warm-up and measured window.
    pub phases: Phases,
    /// How the end of the warm-up is found; when it is found in the run, `phases` has the latest there can be.
    #[serde(default)]
    pub warmup: Warmup,
    /// The run ends when this is known, before its planned end.
    #[serde(default)]
    pub until: Option<Goal>,
    /// No more than this many requests, over all shards.
    pub requests_max: Option<u64>,
    /// Pinned cores that send.
    pub shards: u32,
    /// Connections, over all shards.
    pub connections: u32,
    /// The cores to pin shards to, in order; empty: to be chosen by the machine.
    pub cores: Vec<usize>,
    /// How long one request may take from being sent.
    pub timeout_ns: u64,
    /// How long making one connection may take.
    pub connect_timeout_ns: u64,
    /// Requests under way on one connection at a time.
    pub pipeline: u32,
    /// How a shard waits for the next moment.
    pub wait: Wait,
    /// Seed of all random draws.
    pub seed: u64,
    /// Length of one interval of the time series.
    pub interval_ns: u64,
    /// Conditions on the result.
    pub thresholds: Vec<Threshold>,
    /// True when the report has the secrets of the plan in clear; they are redacted otherwise, see [`crate::redact`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keeps_secrets: bool,
}

/// One request that may be sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// What it is called in the report.
    pub name: String,
    /// How often it is drawn, relative to the others.
    pub weight: u32,
    /// The method, a valid HTTP token.
    pub method: String,
    /// The path and query.
    pub path: Vec<Piece>,
    /// Names and values, in the order they are sent.
    pub headers: Vec<(String, Vec<Piece>)>,
    /// The body, if there is one.
    pub body: Option<Vec<Piece>>,
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

/// Reads a body file named in a plan: the name as typed, to its bytes or a reason.
pub type ReadFile<'a> = &'a dyn Fn(&str) -> Result<Vec<u8>, String>;

/// Where a warm-up that ends by itself ends at the latest, in a run of this length.
fn longest_warmup_ns(length_ns: u64) -> u64 {
    length_ns / WARMUP_PART / SLICE_NS_MIN * SLICE_NS_MIN
}

impl Plan {
    /// The plan a config describes, or all that is wrong with it. `read_file` is how `@file` bodies are fetched: the
    /// engine opens nothing itself.
    pub fn new(config: &Config, read_file: ReadFile) -> Result<Plan, Vec<Diagnostic>> {
        Plan::read(config, read_file, false)
    }

    /// The same of a plan that is only run as [`Plan::probe`]s: they have a rate, whatever its load is.
    pub fn to_probe(config: &Config, read_file: ReadFile) -> Result<Plan, Vec<Diagnostic>> {
        Plan::read(config, read_file, true)
    }

    fn read(config: &Config, read_file: ReadFile, is_probed: bool) -> Result<Plan, Vec<Diagnostic>> {
        let mut reader = Reader { diagnostics: Vec::new(), read_file, is_probed };
        let plan = reader.plan(config);
        match plan {
            Some(plan) if reader.diagnostics.is_empty() => Ok(plan),
            _ => Err(reader.diagnostics),
        }
    }

    /// The same requests at a constant rate, as a probe: no conditions, and no number of requests to end at.
    /// A warm-up that ends by itself does so here too, whatever `warmup_ns` is. Errors say why there is no exact schedule.
    pub fn probe(&self, rate: Rate, warmup_ns: u64, length_ns: u64) -> Result<Plan, String> {
        let (arrivals, overload) = match &self.load {
            Load::Closed => (Arrivals::default(), Overload::default()),
            Load::Open { arrivals, overload, .. } => (*arrivals, *overload),
        };
        let stretches = vec![crate::load::constant(rate, length_ns)];
        Schedule::new(&stretches)?;
        let warmup_ns = match self.warmup {
            Warmup::Fixed => warmup_ns,
            Warmup::Auto => longest_warmup_ns(length_ns),
        };
        Ok(Plan {
            load: Load::Open { name: "constant".into(), stretches, arrivals, overload },
            phases: Phases { measure_from_ns: warmup_ns, measure_to_ns: length_ns },
            until: None,
            requests_max: None,
            thresholds: Vec::new(),
            ..self.clone()
        })
    }

    /// Length of one slice of the history: a whole part of the interval, so fine that the measured window has
    /// [`SLICES_WANTED`] of them where [`SLICE_NS_MIN`] allows it.
    pub fn slice_ns(&self) -> u64 {
        // A run that ends when enough is known is looked at as finely as can be: its end is not known.
        let window_ns = if self.until.is_some() { 0 } else { self.phases.window_ns() };
        let is_fine = |slice_ns: &u64| window_ns / slice_ns >= SLICES_WANTED;
        let parts = [1, 2, 4, 5, 10].into_iter().map(|parts| self.interval_ns / parts);
        let allowed: Vec<u64> = parts.filter(|&slice_ns| slice_ns >= SLICE_NS_MIN).collect();
        let finest_ns = allowed.last().copied().unwrap_or(self.interval_ns);
        allowed.into_iter().find(is_fine).unwrap_or(finest_ns)
    }

    /// Connections of one shard.
    pub fn connections_of(&self, shard: u32) -> u32 {
        self.connections / self.shards + u32::from(shard < self.connections % self.shards)
    }
}

/// Reads a config and keeps every mistake, so that the user fixes them all at once.
struct Reader<'a> {
    diagnostics: Vec<Diagnostic>,
    read_file: ReadFile<'a>,
    is_probed: bool,
}

impl Reader<'_> {
    fn plan(&mut self, config: &Config) -> Option<Plan> {
        let target = self.target(config);
        let requests = self.requests(config, target.as_ref());
        let requests_max = self.requests_max(config);
        let asked_ns = self.duration(&config.run.duration, "run.duration");
        let placement = self.placement(config);
        let covered = self.arrivals_to_cover(config, asked_ns, requests_max, placement.as_ref());
        let load_and_length = self.load(config, asked_ns, covered);
        let (shards, cores) = placement?;
        let connections = config.run.connections.unwrap_or(CONNECTIONS_DEFAULT.max(shards));
        self.check_connections(connections, shards);
        let (warmup, fixed_ns) = self.warmup(config);
        let until = self.until(config);
        let plan_scalars = self.scalars(config);
        let thresholds = self.thresholds(config);
        let (load, length_ns) = load_and_length?;
        let length_ns = requests_max
            .and_then(|requests| length::instant_of(&load, requests, shards, plan_scalars.seed))
            .map_or(length_ns, |ns| ns.min(length_ns));
        let warmup_ns = match warmup {
            Warmup::Fixed => fixed_ns,
            Warmup::Auto => longest_warmup_ns(length_ns),
        };
        self.check_warmup(warmup, warmup_ns, length_ns);
        self.check_thresholds(&load, &thresholds);
        self.check_load_size(&load);
        let target = target?;
        let name = config.name.as_ref().map_or_else(|| target.to_string(), |name| name.0.clone());
        let phases = Phases { measure_from_ns: warmup_ns, measure_to_ns: length_ns };
        Some(Plan {
            name,
            target,
            requests,
            load,
            phases,
            warmup,
            until,
            requests_max,
            shards,
            connections,
            cores,
            thresholds,
            ..plan_scalars
        })
    }

    fn target(&mut self, config: &Config) -> Option<Target> {
        let Some(url) = &config.url else {
            self.wrong("url", "no target", "give a URL, or `url = \"http://host:port/\"` in the plan");
            return None;
        };
        self.take(
            "url",
            Target::parse(&url.0),
            "a target is http://host:port/path, unix:/path.sock or testbed:",
        )
    }

    fn requests_max(&mut self, config: &Config) -> Option<u64> {
        let text = &config.run.requests.as_ref()?.0;
        let count = self.take("run.requests", parse_count(text), "give a whole number of requests")?;
        if count == 0 {
            self.wrong("run.requests", "no requests to send", "give at least 1");
        }
        Some(count)
    }

    /// How many arrivals of an even schedule the run is to be long enough for, if its length was left to it.
    fn arrivals_to_cover(
        &mut self,
        config: &Config,
        asked_ns: Option<u64>,
        requests_max: Option<u64>,
        placement: Option<&(u32, Vec<usize>)>,
    ) -> Option<u64> {
        let is_random = config.load.arrivals.as_ref().is_some_and(|text| text.0 == "poisson");
        match (requests_max, placement) {
            (Some(requests), Some((shards, _))) if is_random && asked_ns.is_none() => {
                let seed = config.run.seed.unwrap_or(SEED_DEFAULT);
                let covered = length::arrivals_to_cover(requests, *shards, seed);
                self.take("run.requests", covered, "give a duration as well, or ask for fewer")
            }
            _ => requests_max,
        }
    }

    fn duration(&mut self, text: &Option<crate::config::Text>, path: &str) -> Option<u64> {
        let parsed = parse_duration_ns(&text.as_ref()?.0);
        self.take(path, parsed, "durations look like `500ms`, `10s` or `2m`")
    }

    fn positive_duration(&mut self, text: &Option<crate::config::Text>, path: &str, default_ns: u64) -> u64 {
        let given = self.duration(text, path);
        if given == Some(0) {
            self.wrong(path, "must be longer than zero", "durations look like `500ms`, `10s` or `2m`");
        }
        given.unwrap_or(default_ns)
    }

    /// The load and the length of the run. A shape that knows its own length (`stages`, or a limited number of requests)
    /// sets it; otherwise the duration does.
    fn load(
        &mut self,
        config: &Config,
        asked_ns: Option<u64>,
        requests_max: Option<u64>,
    ) -> Option<(Load, u64)> {
        if asked_ns == Some(0) {
            self.wrong(
                "run.duration",
                "must be longer than zero",
                "durations look like `500ms`, `10s` or `2m`",
            );
            return None;
        }
        match Load::read(&config.load, asked_ns, requests_max, DURATION_NS_DEFAULT) {
            Ok(read) => Some(read),
            Err(diagnostics) => {
                self.diagnostics.extend(diagnostics);
                None
            }
        }
    }

    fn check_load_size(&mut self, load: &Load) {
        if let Load::Open { stretches, .. } = load
            && let Err(problem) = Schedule::new(stretches)
        {
            self.wrong("load", problem, "use a rounder rate, or a shorter run");
        }
    }

    fn placement(&mut self, config: &Config) -> Option<(u32, Vec<usize>)> {
        let cores = match &config.run.cores {
            None => Vec::new(),
            Some(text) => self.take("run.cores", parse_cores(&text.0), "cores look like `1,3-5`")?,
        };
        let shards = config.run.shards.unwrap_or(cores.len().max(1) as u32);
        if shards == 0 || shards > SHARDS_MAX {
            self.wrong(
                "run.shards",
                format!("{} cannot run", counted(shards.into(), "shard")),
                format!("give 1 to {SHARDS_MAX}"),
            );
            return None;
        }
        if !cores.is_empty() && cores.len() < shards as usize {
            let problem = format!("{shards} shards need as many cores, and the list names {}", cores.len());
            self.wrong("run.cores", problem, "name one core for each shard, or ask for fewer shards");
        }
        Some((shards, cores))
    }

    fn check_connections(&mut self, connections: u32, shards: u32) {
        if connections < shards {
            let problem = format!(
                "{} cannot be shared by {}",
                counted(connections.into(), "connection"),
                counted(shards.into(), "shard")
            );
            self.wrong(
                "run.connections",
                problem,
                "give each shard at least one connection, or ask for fewer shards",
            );
        } else if connections > CONNECTIONS_MAX {
            self.wrong(
                "run.connections",
                format!("{connections} is too many"),
                format!("give at most {CONNECTIONS_MAX}"),
            );
        }
    }

    fn until(&mut self, config: &Config) -> Option<Goal> {
        let text = config.run.until.as_ref()?;
        self.take("run.until", Goal::parse(&text.0), "a goal looks like `p99 ± 2%`")
    }

    /// How the warm-up ends, and when, if that is said.
    fn warmup(&mut self, config: &Config) -> (Warmup, u64) {
        match &config.run.warmup {
            Some(text) if text.0 == "auto" => (Warmup::Auto, 0),
            given => {
                let parsed = given.as_ref().map(|text| parse_duration_ns(&text.0));
                let fix = "a warm-up is a duration, such as `5s`, or `auto`";
                let taken = parsed.and_then(|parsed| self.take("run.warmup", parsed, fix));
                (Warmup::Fixed, taken.unwrap_or(0))
            }
        }
    }

    fn check_warmup(&mut self, warmup: Warmup, warmup_ns: u64, length_ns: u64) {
        if warmup == Warmup::Auto && length_ns < WARMUP_AUTO_LENGTH_NS_MIN {
            let problem =
                format!("`auto` cannot tell a warm-up from chance in a run of {}", show_ns(length_ns));
            let fix = format!("let the run take at least {}", show_ns(WARMUP_AUTO_LENGTH_NS_MIN));
            self.wrong("run.warmup", problem, fix);
        }
        if warmup_ns > 0 && warmup_ns >= length_ns {
            let problem = format!(
                "a warm-up of {} leaves nothing of a run of {}",
                show_ns(warmup_ns),
                show_ns(length_ns)
            );
            self.wrong(
                "run.warmup",
                problem,
                "warm-up is part of the duration: make it shorter, or the run longer",
            );
        }
    }

    /// The fields that stand alone; the others are filled in by the caller.
    fn scalars(&mut self, config: &Config) -> Plan {
        let run = &config.run;
        let timeout_ns = self.positive_duration(&run.timeout, "run.timeout", TIMEOUT_NS_DEFAULT);
        let connect_timeout_ns =
            self.positive_duration(&run.connect_timeout, "run.connect_timeout", CONNECT_TIMEOUT_NS_DEFAULT);
        let interval_ns = self.positive_duration(&run.interval, "run.interval", SECOND_NS);
        if interval_ns < INTERVAL_NS_MIN {
            let problem = format!("an interval of {} is too short", show_ns(interval_ns));
            self.wrong("run.interval", problem, format!("give at least {}", show_ns(INTERVAL_NS_MIN)));
        }
        let pipeline = run.pipeline.unwrap_or(1);
        if pipeline == 0 || pipeline > PIPELINE_MAX {
            self.wrong(
                "run.pipeline",
                format!("a pipeline of {pipeline} cannot run"),
                format!("give 1 to {PIPELINE_MAX}"),
            );
        }
        Plan {
            name: String::new(),
            target: Target {
                endpoint: crate::target::Endpoint::Testbed,
                authority: String::new(),
                path: String::new(),
            },
            requests: Vec::new(),
            load: Load::Closed,
            phases: Phases { measure_from_ns: 0, measure_to_ns: 0 },
            warmup: Warmup::Fixed,
            until: None,
            requests_max: None,
            shards: 1,
            connections: 1,
            cores: Vec::new(),
            timeout_ns,
            connect_timeout_ns,
            pipeline,
            wait: self.wait(config),
            seed: run.seed.unwrap_or(SEED_DEFAULT),
            interval_ns,
            thresholds: Vec::new(),
            keeps_secrets: false,
        }
    }

    fn wait(&mut self, config: &Config) -> Wait {
        match config.run.wait.as_ref().map(|text| text.0.as_str()) {
            None | Some("auto") => Wait::Auto,
            Some("spin") => Wait::Spin,
            Some("park") => Wait::Park,
            Some(other) => {
                self.wrong(
                    "run.wait",
                    format!("`{other}` is not a way to wait"),
                    "there are `spin`, `park` and `auto`",
                );
                Wait::Auto
            }
        }
    }

    fn thresholds(&mut self, config: &Config) -> Vec<Threshold> {
        let mut thresholds = Vec::new();
        for (metric, Texts(expressions)) in &config.thresholds {
            for expression in expressions {
                let path = format!("thresholds.{metric}");
                let fix = "thresholds look like `response = \"p(99)<50ms\"`";
                thresholds.extend(self.take(&path, Threshold::parse_parts(metric, expression), fix));
            }
        }
        thresholds
    }

    /// A closed loop asks for no rate and is never late: conditions on either would be met by every run.
    fn check_thresholds(&mut self, load: &Load, thresholds: &[Threshold]) {
        let is_closed = load.is_closed() && !self.is_probed;
        for threshold in thresholds.iter().filter(|threshold| is_closed && threshold.needs_schedule()) {
            let path = format!("thresholds.{}", threshold.metric.name());
            let problem = format!("`{}` means nothing in a closed loop", threshold.text);
            self.wrong(&path, problem, "give a rate, or leave it out");
        }
    }

    fn requests(&mut self, config: &Config, target: Option<&Target>) -> Vec<Request> {
        let one_get = [RequestConfig::default()];
        let (written, is_default) = match config.request.as_slice() {
            [] => (&one_get[..], true),
            written => (written, false),
        };
        if written.len() > REQUESTS_MAX {
            self.wrong(
                "request",
                format!("{} requests are too many", written.len()),
                format!("give at most {REQUESTS_MAX}"),
            );
        }
        let url_path = target.map_or("/", |target| target.path.as_str());
        let read = |(index, request): (usize, &RequestConfig)| {
            let place = if is_default { String::new() } else { format!("request.{index}") };
            self.request(request, config, url_path, &place)
        };
        let requests: Vec<Request> = written.iter().enumerate().filter_map(read).collect();
        if !requests.is_empty() && requests.iter().all(|request| request.weight == 0) {
            self.wrong(
                "request",
                "every request has weight 0, so none can be drawn",
                "give one a weight of at least 1",
            );
        }
        requests
    }

    fn request(
        &mut self,
        config: &RequestConfig,
        plan: &Config,
        url_path: &str,
        place: &str,
    ) -> Option<Request> {
        let key = |name: &str| if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") };
        let body = config.body.as_ref().and_then(|body| self.body(&body.0, &key("body")));
        let method = match &config.method {
            Some(method) => method.0.to_uppercase(),
            None => if body.is_some() { "POST" } else { "GET" }.to_owned(),
        };
        if Method::from_bytes(method.as_bytes()).is_err() || method == "CONNECT" {
            self.wrong(
                &key("method"),
                format!("`{method}` is not a method that can be sent"),
                "use GET, POST, PUT …",
            );
        }
        let path_text = config.path.as_ref().map_or(url_path, |path| path.0.as_str());
        // A hole may hold spaces (`{{rand 1 9}}`); only the bytes that are sent must not.
        let path = self.take(&key("path"), template::parse(path_text), "holes look like `{{seq}}`")?;
        let sent: String = path.iter().map(literal).collect();
        self.take(&key("path"), path_or_root(&sent), "paths look like `/users?id=1`")?;
        let mut headers = self.headers(&plan.headers, "headers");
        headers.extend(self.headers(&config.headers, &key("headers")));
        let name =
            config.name.as_ref().map_or_else(|| format!("{method} {path_text}"), |name| name.0.clone());
        let request = Request { name, weight: config.weight.unwrap_or(1), method, path, headers, body };
        self.check_request_size(&request, plan.run.pipeline.unwrap_or(1), place);
        Some(request)
    }

    fn body(&mut self, text: &str, path: &str) -> Option<Vec<Piece>> {
        match text.strip_prefix('@') {
            Some(file) => {
                let bytes = (self.read_file)(file)
                    .map_err(|cause| format!("body file `{file}` cannot be read: {cause}"));
                let bytes = self.take(
                    path,
                    bytes,
                    "name a file that can be read, relative to where Vajra is started",
                )?;
                Some(vec![Piece::Bytes(bytes)])
            }
            None => self.take(path, template::parse(text), "holes look like `{{seq}}`"),
        }
    }

    fn headers(&mut self, table: &BTreeMap<String, Texts>, place: &str) -> Vec<(String, Vec<Piece>)> {
        let mut headers = Vec::new();
        for (name, Texts(values)) in table {
            for value in values {
                let path = format!("{place}.{name}");
                if let Some(header) = self.header(name, value, &path) {
                    headers.push(header);
                }
            }
        }
        headers
    }

    fn header(&mut self, name: &str, value: &str, path: &str) -> Option<(String, Vec<Piece>)> {
        let fix = "headers look like `Accept: text/html`";
        if HeaderName::from_bytes(name.as_bytes()).is_err() {
            self.wrong(path, format!("`{name}` is not a header name"), fix);
            return None;
        }
        if ["content-length", "transfer-encoding", "connection"]
            .iter()
            .any(|own| name.eq_ignore_ascii_case(own))
        {
            self.wrong(
                path,
                format!("`{name}` is set by Vajra, which has to know where requests end"),
                "leave it out",
            );
            return None;
        }
        if HeaderValue::from_str(value).is_err() {
            self.wrong(
                path,
                format!("`{}` cannot be the value of a header", redact::value(name, value)),
                "use visible characters on one line",
            );
            return None;
        }
        let holes = "holes look like `{{seq}}`";
        let parsed = match redact::is_secret(name) {
            true => template::parse(value).map_err(|_| format!("the holes of `{name}` are not well-formed")),
            false => template::parse(value),
        };
        let pieces = self.take(path, parsed, holes)?;
        Some((name.to_owned(), pieces))
    }

    fn check_request_size(&mut self, request: &Request, pipeline: u32, place: &str) {
        let headers = request.headers.iter().flat_map(|(_, value)| value);
        let pieces = || request.path.iter().chain(headers.clone()).chain(request.body.iter().flatten());
        let holes = pieces().filter(|piece| !matches!(piece, Piece::Bytes(_))).count();
        // One more is the length of the body.
        if holes >= template::HOLES_MAX {
            let fix = format!("fill in fewer than {}", template::HOLES_MAX);
            self.wrong(place, format!("the request has {holes} values to fill in"), fix);
        }
        let bytes: usize = pieces().map(|piece| literal_bytes(piece).len()).sum();
        let at_a_time = bytes.saturating_mul(pipeline as usize);
        if at_a_time > REQUEST_BYTES_MAX {
            let problem = format!("the request has {bytes} bytes, {at_a_time} with its pipeline");
            self.wrong(place, problem, format!("at most {REQUEST_BYTES_MAX} may be sent at a time"));
        }
    }

    fn take<T>(&mut self, path: &str, result: Result<T, String>, fix: &str) -> Option<T> {
        result.map_err(|problem| self.wrong(path, problem, fix)).ok()
    }

    fn wrong(&mut self, path: &str, problem: impl Into<String>, fix: impl Into<String>) {
        self.diagnostics.push(Diagnostic::at(path, problem, fix));
    }
}

fn literal_bytes(piece: &Piece) -> &[u8] {
    match piece {
        Piece::Bytes(bytes) => bytes,
        _ => b"0",
    }
}

fn literal(piece: &Piece) -> String {
    String::from_utf8_lossy(literal_bytes(piece)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Document, Format, Layers};

    fn read(text: &str) -> Result<Plan, Vec<Diagnostic>> {
        let document = Document { name: "plan".into(), text: text.into(), format: Format::Toml };
        let config = Layers::new(Some(document)).unwrap().config().unwrap();
        Plan::new(&config, &|name| match name {
            "there" => Ok(b"{{bytes}}".to_vec()),
            _ => Err("no such file".into()),
        })
    }

    #[test]
    fn a_url_is_a_plan() {
        let plan = read("url = 'http://h:1/a'").unwrap();
        assert_eq!((plan.shards, plan.connections, plan.load.is_closed()), (1, 64, true));
        assert_eq!((plan.requests.len(), plan.requests[0].name.as_str()), (1, "GET /a"));
        assert_eq!(plan.phases, Phases { measure_from_ns: 0, measure_to_ns: 10 * SECOND_NS });
    }

    #[test]
    fn a_plan_survives_being_sent() {
        let plan = read(
            "url = 'testbed:'\n[run]\nwarmup = '1s'\n[load]\nrate = '100/m'\n[[request]]\npath = '/{{seq}}'\nbody = '@there'\n\
             [thresholds]\nresponse = ['p(99)<1s', 'max<2s']",
        )
        .unwrap();
        let text = serde_json::to_string(&plan).unwrap();
        assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
        assert_eq!(plan.requests[0].body, Some(vec![Piece::Bytes(b"{{bytes}}".to_vec())]));
    }

    #[test]
    fn every_mistake_is_found_at_once_and_says_where_and_what_to_do() {
        let diagnostics = read(
            "url = 'http://h/'\n[run]\nshards = 3\nconnections = 2\nwait = 'nap'\nwarmup = '20s'\ntimeout = '0s'\n\
             [headers]\n'bad name' = 'x'\n[[request]]\nbody = '@gone'\n[thresholds]\nlatency = 'p(99)<1s'",
        )
        .unwrap_err();
        let paths: Vec<&str> = diagnostics.iter().map(|diagnostic| diagnostic.path.as_str()).collect();
        for path in [
            "run.connections",
            "run.wait",
            "run.warmup",
            "run.timeout",
            "headers.bad name",
            "request.0.body",
            "thresholds.latency",
        ] {
            assert!(paths.contains(&path), "{path} is not among {paths:?}");
        }
        assert!(
            diagnostics.iter().all(|diagnostic| !diagnostic.fix.is_empty() && !diagnostic.problem.is_empty())
        );
    }

    #[test]
    fn impossible_loads_are_refused() {
        for (text, path) in [
            ("rate = 0", "load.rate"),
            ("rate = '-5'", "load.rate"),
            ("shape = 'ramp'\nfrom = 1", "load.to"),
            ("shape = 'ramp'\nfrom = 0\nto = 0", "load.to"),
            ("shape = 'hill'", "load.shape"),
            ("shape = 'sine'\nmean = 5\namplitude = 6\nperiod = '1s'", "load.amplitude"),
            ("shape = 'closed'\nrate = 5", "load.rate"),
            ("rate = 5\nfrom = 3", "load.from"),
            ("rate = 5\noverload = 'shed'", "load.deadline"),
            ("rate = 5\narrivals = 'gauss'", "load.arrivals"),
            ("shape = 'stages'", "load.stages"),
            ("overload = 'shed'\ndeadline = '1s'", "load.overload"),
        ] {
            let diagnostics = read(&format!("url = 'h'\n[load]\n{text}")).unwrap_err();
            assert_eq!(diagnostics[0].path, path, "{text}: {diagnostics:?}");
        }
    }

    #[test]
    fn shapes_become_stretches_that_fill_the_run() {
        for (text, arrivals, seconds) in [
            ("rate = '600/m'", 100, 10),
            ("shape = 'ramp'\nfrom = 100\nto = 5000", 25_500, 10),
            ("shape = 'ramp'\nfrom = 0\nto = 100\nover = '2s'", 900, 10),
            ("shape = 'steps'\nrates = [10, 20]", 150, 10),
            ("shape = 'steps'\nrates = [10, 20]\nevery = '1s'", 30, 2),
            ("shape = 'spike'\nrate = 10\npeak = 100\nat = '2s'\nlength = '1s'", 190, 10),
            (
                "shape = 'spike'\nrate = 10\npeak = 100\nat = '1s'\nlength = '1s'\nevery = '4s'",
                10 * 10 + 3 * 90,
                10,
            ),
            ("shape = 'sine'\nmean = 100\namplitude = 50\nperiod = '5s'", 1_000, 10),
            (
                "shape = 'stages'\n[[load.stages]]\nrate = 10\nduration = '1s'\n\
                 [[load.stages]]\nshape = 'ramp'\nfrom = 10\nto = 30\nduration = '2s'",
                50,
                3,
            ),
        ] {
            let plan = read(&format!("url = 'h'\n[load]\n{text}")).unwrap();
            let schedule = plan.load.schedule().unwrap();
            assert_eq!(schedule.arrivals_before(u64::MAX), arrivals, "{text}");
            assert_eq!(plan.phases.measure_to_ns, seconds * SECOND_NS, "{text}");
            assert_eq!(schedule.end_ns(), seconds * SECOND_NS, "{text}");
        }
    }

    #[test]
    fn conditions_on_a_schedule_are_refused_where_there_is_none() {
        let closed = "url = 'h'\n[thresholds]\nslip = 'p(99)<1ms'\nrate = ['ratio>0.9', 'rate>10']";
        let diagnostics = read(closed).unwrap_err();
        let paths: Vec<&str> = diagnostics.iter().map(|diagnostic| diagnostic.path.as_str()).collect();
        assert_eq!(paths, ["thresholds.rate", "thresholds.slip"], "not the rate itself");
        assert!(read(&format!("{closed}\n[load]\nrate = 10")).is_ok());
    }

    #[test]
    fn a_probe_changes_the_load_alone() {
        let plan = read("url = 'h'\n[run]\nrequests = 10\n[load]\nrate = 5\narrivals = 'poisson'\n[thresholds]\nfailed = 'rate<1%'").unwrap();
        let probe = plan.probe(Rate::per_second(700), SECOND_NS, 3 * SECOND_NS).unwrap();
        let Load::Open { arrivals, stretches, .. } = &probe.load else { panic!("{:?}", probe.load) };
        assert_eq!((*arrivals, stretches.len()), (Arrivals::Poisson, 1));
        assert_eq!(probe.load.schedule().unwrap().arrivals_before(SECOND_NS), 700);
        assert_eq!(probe.phases, Phases { measure_from_ns: SECOND_NS, measure_to_ns: 3 * SECOND_NS });
        assert_eq!((probe.requests_max, probe.thresholds.len(), &probe.requests), (None, 0, &plan.requests));
        let plan = Plan { warmup: Warmup::Auto, ..plan };
        let probe = plan.probe(Rate::per_second(700), SECOND_NS, 30 * SECOND_NS).unwrap();
        assert_eq!((probe.warmup, probe.phases.measure_from_ns), (Warmup::Auto, 15 * SECOND_NS));
    }
}
