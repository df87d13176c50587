//! A plan: valid by construction, immutable, serialisable. What runs here is byte for byte what a fleet would be sent.
//!
//! There is no `validate()`: a [`Plan`] is made from a [`Config`] (`plan/reader.rs`) or from [`Fields`] that came from somewhere
//! else, and either way it keeps every rule of `plan/rules.rs`, or is not made.

mod reader;
mod rules;
#[cfg(test)]
mod tests;

use crate::config::{Config, Diagnostic};
use crate::load::{Arrivals, Load, Overload, constant};
use crate::phase::{Phases, Warmup};
use crate::quantity::{MILLISECOND_NS, Rate};
use crate::random::Draws;
use crate::record::Layout;
use crate::schedule::Schedule;
use crate::template::Piece;
use crate::threshold::Threshold;
use crate::until::Goal;
use crate::url::Url;
pub use rules::{Broken, Place, Violation};
use serde::{Deserialize, Serialize, Serializer};
use std::ops::Deref;

/// The most connections a plan may ask for, over all shards and pools: more than one machine has ports for.
pub const CONNECTIONS_MAX: u32 = 1_000_000;
/// The most shards: cores of the largest machines.
pub const SHARDS_MAX: u32 = 1_024;
/// The deepest pipeline. Deeper ones only fill socket buffers.
pub const PIPELINE_MAX: u32 = 1_024;
/// The most scenarios, and the most targets.
pub const SCENARIOS_MAX: usize = 64;
/// The most request templates of one scenario.
pub const REQUESTS_MAX: usize = 64;
/// The most request templates of all scenarios: each has histograms of its own on every shard.
pub const SERIES_MAX: usize = 256;
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

const _: () = assert!(SLICE_NS_MIN <= INTERVAL_NS_MIN, "an interval is made of slices");
const _: () = assert!(REQUESTS_MAX <= SERIES_MAX, "one scenario may have as many requests as it likes");
const _: () = assert!(CONNECTIONS_MAX >= SHARDS_MAX, "every shard can have a connection");

/// Of a run whose warm-up ends by itself, this part (1/n) is warm-up at the most.
const WARMUP_PART: u64 = 2;

/// All that a run needs to know. It can be read and not changed: whoever wants another plan makes one, by [`Plan::changed`].
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Fields")]
pub struct Plan {
    fields: Fields,
}

/// Everything in a plan. Anyone can write one; only what keeps the rules becomes a [`Plan`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fields {
    /// What the run is called.
    pub name: String,
    /// Where requests go; each is used by a pool.
    pub targets: Vec<Target>,
    /// Connections to the targets; each is used by a step.
    pub pools: Vec<Pool>,
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
}

/// Where requests go, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// What it is called.
    pub name: String,
    /// What to connect to, and what to ask there by default.
    pub url: Url,
    /// What carries the protocol.
    pub transport: Transport,
    /// What is spoken.
    pub protocol: Protocol,
    /// How long making one connection may take.
    pub connect_timeout_ns: u64,
}

/// What carries the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// Bytes as they are.
    Plain,
}

/// What is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// HTTP/1.1.
    Http1 {
        /// Requests under way on one connection at a time.
        pipeline: u32,
    },
}

/// Connections to one target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// Which of the plan's targets.
    pub target: usize,
    /// How many.
    pub connections: PoolSize,
}

/// How many connections a pool has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PoolSize {
    /// So many over all shards, for whatever is sent next.
    Shared(u32),
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
}

/// What is sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// A request of HTTP, of whatever version.
    Http(HttpRequest),
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

/// What a probe changes the rate of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probed {
    /// All scenarios, in the proportions of the plan.
    Sum,
    /// The one with this number; the others keep their load.
    Scenario(usize),
}

/// Reads a body file named in a plan: the name as typed, to its bytes or a reason.
pub type ReadFile<'a> = &'a dyn Fn(&str) -> Result<Vec<u8>, String>;

/// Where a warm-up that ends by itself ends at the latest, in a run of this length.
fn longest_warmup_ns(length_ns: u64) -> u64 {
    length_ns / WARMUP_PART / SLICE_NS_MIN * SLICE_NS_MIN
}

impl Deref for Plan {
    type Target = Fields;

    fn deref(&self) -> &Fields {
        &self.fields
    }
}

impl Serialize for Plan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.fields.serialize(serializer)
    }
}

impl TryFrom<Fields> for Plan {
    type Error = Broken;

    fn try_from(fields: Fields) -> Result<Plan, Broken> {
        match rules::violations(&fields) {
            violations if violations.is_empty() => Ok(Plan { fields }),
            violations => Err(Broken(violations)),
        }
    }
}

impl Plan {
    /// The plan a config describes, or all that is wrong with it. `read_file` is how `@file` bodies are fetched: the
    /// engine opens nothing itself.
    pub fn new(config: &Config, read_file: ReadFile) -> Result<Plan, Vec<Diagnostic>> {
        reader::read(config, read_file, false)
    }

    /// The same of a plan that is only run as [`Plan::probe`]s: they have a rate, whatever its load is.
    pub fn to_probe(config: &Config, read_file: ReadFile) -> Result<Plan, Vec<Diagnostic>> {
        reader::read(config, read_file, true)
    }

    /// The same plan but for a change, which has to keep the rules.
    pub fn changed(&self, change: impl FnOnce(&mut Fields)) -> Result<Plan, Broken> {
        let mut fields = self.fields.clone();
        change(&mut fields);
        Plan::try_from(fields)
    }

    /// The same plan, whose secrets are kept where it is written down, or are not.
    pub fn keeping_secrets(mut self, keeps_secrets: bool) -> Plan {
        self.fields.keeps_secrets = keeps_secrets;
        self
    }

    /// The same plan as it is written down: only texts change, and none is run.
    pub(crate) fn rewritten(&self, change: impl FnOnce(&mut Fields)) -> Plan {
        let mut plan = self.clone();
        change(&mut plan.fields);
        plan
    }

    /// The same requests at a constant rate, as a probe: no conditions, and no number of requests to end at.
    /// A warm-up that ends by itself does so here too, whatever `warmup_ns` is. Errors say why there is no exact schedule.
    pub fn probe(&self, probed: Probed, rate: Rate, warmup_ns: u64, length_ns: u64) -> Result<Plan, Broken> {
        let warmup_ns = match self.warmup {
            Warmup::Fixed => warmup_ns,
            Warmup::Auto => longest_warmup_ns(length_ns),
        };
        let rates = self.probed_rates(probed, rate);
        self.changed(|fields| {
            for (scenario, rate) in fields.scenarios.iter_mut().zip(rates) {
                let (arrivals, overload) = match &scenario.load {
                    Load::Closed => (Arrivals::default(), Overload::default()),
                    Load::Open { arrivals, overload, .. } => (*arrivals, *overload),
                };
                if let Some(rate) = rate {
                    let stretches = vec![constant(rate, length_ns)];
                    scenario.load = Load::Open { name: "constant".into(), stretches, arrivals, overload };
                }
                (scenario.starts_ns, scenario.length_ns, scenario.requests_max) = (0, length_ns, None);
            }
            fields.phases = Phases { measure_from_ns: warmup_ns, measure_to_ns: length_ns };
            fields.until = None;
            fields.thresholds.clear();
        })
    }

    /// The rate of each scenario in a probe; none of a closed loop that is not probed.
    fn probed_rates(&self, probed: Probed, rate: Rate) -> Vec<Option<Rate>> {
        let planned: Vec<Option<Rate>> =
            self.scenarios.iter().map(|scenario| scenario.load.constant_rate()).collect();
        let sum_rps: f64 = planned.iter().flatten().map(|rate| rate.rps()).sum();
        let of_scenario = |(index, planned): (usize, &Option<Rate>)| match (probed, planned) {
            (Probed::Sum, _) if self.scenarios.len() == 1 => Some(rate),
            (Probed::Sum, Some(planned)) => Some(rate.times(planned.rps() / sum_rps)),
            (Probed::Scenario(probed), _) if probed == index => Some(rate),
            (_, planned) => *planned,
        };
        planned.iter().enumerate().map(of_scenario).collect()
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

    /// The series that are recorded: one for each step, in the order of the plan.
    pub fn layout(&self) -> Layout {
        Layout::new(self.scenarios.iter().map(|scenario| scenario.steps().len()))
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

    /// What all open scenarios offer together.
    pub fn offered(&self) -> Offered {
        Offered { schedules: self.scenarios.iter().filter_map(Scenario::schedule).collect() }
    }
}

/// What the open scenarios of a plan offer together, for showing.
#[derive(Clone, Debug)]
pub struct Offered {
    schedules: Vec<Schedule>,
}

impl Offered {
    /// Arrivals per second at an instant; nothing where no scenario has a schedule.
    pub fn rate_rps_at(&self, instant_ns: u64) -> Option<f64> {
        let rates = self.schedules.iter().map(|schedule| schedule.rate_rps_at(instant_ns));
        (!self.schedules.is_empty()).then(|| rates.sum())
    }

    /// Arrivals of even schedules before an instant; nothing where no scenario has a schedule.
    pub fn arrivals_before(&self, instant_ns: u64) -> Option<u64> {
        let counts = self.schedules.iter().map(|schedule| schedule.arrivals_before(instant_ns));
        (!self.schedules.is_empty()).then(|| counts.sum())
    }
}

impl Target {
    /// Requests under way on one connection at a time.
    pub fn pipeline(&self) -> u32 {
        let Protocol::Http1 { pipeline } = self.protocol;
        pipeline
    }
}

impl PoolSize {
    /// Connections over all shards.
    pub fn count(self) -> u32 {
        let PoolSize::Shared(count) = self;
        count
    }
}

impl Scenario {
    /// The kinds of request it sends.
    pub fn steps(&self) -> &[Step] {
        let Script::Mix(steps) = &self.script;
        steps
    }

    /// The same, to be changed: a plan made of it has to keep the rules.
    pub fn steps_mut(&mut self) -> &mut Vec<Step> {
        let Script::Mix(steps) = &mut self.script;
        steps
    }

    /// When it stops scheduling, from the start of the run.
    pub fn ends_ns(&self) -> u64 {
        self.starts_ns.saturating_add(self.length_ns)
    }

    /// Its schedule, in time from the start of the run; none of a closed loop.
    pub fn schedule(&self) -> Option<Schedule> {
        self.load.schedule(self.starts_ns)
    }
}

impl Request {
    /// The parts of it that may have holes.
    pub fn parts(&self) -> impl Iterator<Item = &[Piece]> {
        let Request::Http(HttpRequest { path, headers, body, .. }) = self;
        let headers = headers.iter().map(|(_, value)| value.as_slice());
        [path.as_slice()].into_iter().chain(headers).chain(body.as_deref())
    }
}
