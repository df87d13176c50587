//! From a config to the fields of a plan: what was typed, as values. Every mistake is kept, so that all can be corrected at once.
//!
//! A config without scenarios is short for one scenario ([`scenarios_of`]), so that there is one way to read them. Whether the
//! values make a plan that can run is not asked here but by `rules.rs`; what it finds is put at the keys they came from.

mod authorization;
mod bodies;
mod calls;
mod cores;
mod datagrams;
mod feeds;
mod flows;
mod keys;
mod load;
mod offsets;
mod overload;
mod own_connections;
mod requests;
mod resilience;
mod setup;
mod targets;
mod timeline;
mod timing;
mod transport;

use super::bounds::{CONNECTIONS_MAX, longest_warmup_ns};
use super::fields::{Fields, Machine, Pool, Scenario, Script, Target, Wait};
use super::flow_names;
use super::pool_size::PoolSize;
use super::rules::{self, PlanPlace, Violation};
use crate::config::{
    BreakerConfig, Conditions, Config, ConnectionCount, Diagnostic, EnvironmentTexts, LoadConfig, ReadConfig,
    RetryConfig, ScenarioConfig, Spot, TargetConfig, Text, closest, hint,
};
use crate::feed::Feed;
use crate::load::Load;
use crate::load::UserLoad;
use crate::phase::{Phases, Warmup};
use crate::quantity::{SECOND_NS, parse_duration_ns, show_ns};
use crate::threshold::{self, METRICS, Metric, Threshold};
use crate::until::Goal;
use crate::url::Url;
use cores::parse_cores;
use keys::{Keys, ScenarioKeys, TargetKeys, own_keys};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

/// The shortest run in which the end of a warm-up can be told.
const WARMUP_AUTO_LENGTH_NS_MIN: u64 = 16 * SECOND_NS;

const SEED_DEFAULT: u64 = 1;
const DURATION_NS_DEFAULT: u64 = 10 * SECOND_NS;
const TIMEOUT_NS_DEFAULT: u64 = 10 * SECOND_NS;
const CONNECT_TIMEOUT_NS_DEFAULT: u64 = 3 * SECOND_NS;
const CONNECTIONS_DEFAULT: u32 = 64;

const DURATION_FIX: &str = "durations look like `500ms`, `10s` or `2m`";

/// Reads a body file named in a plan: the name as typed, to its bytes or a reason.
pub type ReadFile<'a> = &'a dyn Fn(&str) -> Result<Vec<u8>, String>;

/// The beginning of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileHead {
    /// Its first bytes: [`crate::feed::FEED_HEAD_BYTES`] of them, or all that there are.
    pub bytes: Vec<u8>,
    /// Whether that is all of it.
    pub is_whole: bool,
}

/// Reads the beginning of a data file named in a plan: the name as typed, to its first bytes or a reason.
pub type ReadHead<'a> = &'a dyn Fn(&str) -> Result<FileHead, String>;

/// How the files that a plan names are read: the engine opens none itself.
#[derive(Clone, Copy)]
pub struct PlanFiles<'a> {
    /// All of a file.
    pub whole: ReadFile<'a>,
    /// Its beginning: data files may be larger than memory.
    pub head: ReadHead<'a>,
}

/// What was read of a plan.
pub(super) struct ReadPlan {
    pub(super) fields: Fields,
    /// What is no mistake, and may not be what was meant.
    pub(super) notes: Vec<Diagnostic>,
}

/// The fields that a config describes, which keep every rule, or all that is wrong with it.
pub(super) fn read(
    reading: &ReadConfig,
    files: PlanFiles,
    is_probed: bool,
) -> Result<ReadPlan, Vec<Diagnostic>> {
    let ReadConfig { config, wrong, doubtful, moves, environment } = reading;
    let seed = config.run.seed.unwrap_or(SEED_DEFAULT);
    let mut reader = PlanReader {
        config,
        files,
        is_probed,
        environment,
        has_values: false,
        setup_names: BTreeSet::new(),
        seed,
        shards: 1,
        doubtful,
        is_length_known: true,
        is_timing_known: true,
        diagnostics: Vec::new(),
        notes: Vec::new(),
        keys: Keys::default(),
        flows_used: BTreeSet::new(),
    };
    // What the setup gives is known to every request.
    reader.setup_names = reader.names_of_setup();
    reader.has_values = !reader.setup_names.is_empty();
    let fields = reader.fields();
    let found = rules::violations(&fields);
    reader.add_violations(found);
    let PlanReader { mut diagnostics, mut notes, .. } = reader;
    // What is missing because it could not be read is no second mistake.
    diagnostics.retain(|found| !doubtful.iter().any(|path| is_within(&found.path, path)));
    for found in diagnostics.iter_mut().chain(&mut notes) {
        found.path = moves.typed(&found.path);
    }
    let all: Vec<Diagnostic> = wrong.iter().cloned().chain(diagnostics).collect();
    if all.is_empty() { Ok(ReadPlan { fields, notes }) } else { Err(all) }
}

/// Whether a key is one, or stands in it.
fn is_within(path: &str, key: &str) -> bool {
    path.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Why a condition cannot be held against scenarios without a schedule, and what to do. A closed loop asks for no rate and is never
/// late: conditions on either would be met by every run. Of several scenarios, the ratio of all together is only known where each
/// has a schedule.
pub(super) fn unscheduled(
    threshold: &Threshold,
    scenarios: &[Scenario],
) -> Option<(&'static str, &'static str)> {
    if !threshold.needs_schedule() {
        return None;
    }
    let is_meant =
        |scenario: &&Scenario| threshold.scope.scenario.as_ref().is_none_or(|name| *name == scenario.name);
    let is_closed = |scenario: &Scenario| scenario.load.is_closed();
    let mut meant = scenarios.iter().filter(is_meant);
    match threshold.metric {
        Metric::Rate if scenarios.len() > 1 && meant.clone().any(is_closed) => {
            Some(("means nothing where a scenario is a closed loop", "name a scenario that has a rate"))
        }
        _ if meant.all(is_closed) => Some(("means nothing in a closed loop", "give a rate, or leave it out")),
        _ => None,
    }
}

/// A scenario as typed, and where: no name where the whole config is short for it.
struct Typed<'a> {
    name: Option<&'a str>,
    config: Cow<'a, ScenarioConfig>,
    /// It is done before the start, and is no scenario.
    is_setup: bool,
}

/// The scenarios of a config. Without any, it is itself short for one.
fn scenarios_of(config: &Config) -> Vec<Typed<'_>> {
    if config.scenario.is_empty() {
        let short = ScenarioConfig {
            url: config.url.clone(),
            duration: config.run.duration.clone(),
            requests: config.run.requests.clone(),
            load: config.load.clone(),
            request: config.request.clone(),
            step: config.step.clone(),
            retry: config.retry.clone(),
            breaker: config.breaker.clone(),
            cookies: config.cookies,
            timeline: config.timeline.clone(),
            ..ScenarioConfig::default()
        };
        return vec![Typed { name: None, config: Cow::Owned(short), is_setup: false }];
    }
    let typed = |(name, config)| Typed {
        name: Some(String::as_str(name)),
        config: Cow::Borrowed(config),
        is_setup: false,
    };
    config.scenario.iter().map(typed).collect()
}

impl Typed<'_> {
    /// The key of one of its values. Of the config that is short for it, some stand in `[run]`.
    fn at(&self, name: &str) -> String {
        match self.is_setup {
            true => ScenarioKeys::of_setup().at(name),
            false => ScenarioKeys::of(self.name).at(name),
        }
    }
}

/// Reads a config and keeps every mistake.
struct PlanReader<'a> {
    config: &'a Config,
    files: PlanFiles<'a>,
    is_probed: bool,
    /// What `{{env NAME}}` stands for.
    environment: &'a EnvironmentTexts,
    /// Whether holes may hold what is not known before the run: only a flow has such values.
    has_values: bool,
    /// The values that the setup gives.
    setup_names: BTreeSet<String>,
    seed: u64,
    /// As far as they are known.
    shards: u32,
    /// Keys whose values are not known, because they were wrong, which was told.
    doubtful: &'a [String],
    /// Whether the length of the run could be read, if it was given.
    is_length_known: bool,
    /// Whether nothing is wrong with when any scenario begins and ends.
    is_timing_known: bool,
    diagnostics: Vec<Diagnostic>,
    notes: Vec<Diagnostic>,
    keys: Keys,
    /// Named flows that a scenario goes through.
    flows_used: BTreeSet<String>,
}

impl PlanReader<'_> {
    /// Whether the value of a key is not known, or a part of it.
    fn is_doubtful(&self, key: &str) -> bool {
        self.doubtful.iter().any(|path| is_within(path, key) || is_within(key, path))
    }

    /// Whether a key, or one within it, is wrong.
    fn is_wrong(&self, key: &str) -> bool {
        self.is_doubtful(key) || self.diagnostics.iter().any(|known| is_within(&known.path, key))
    }

    /// Adds the rules that are broken, but for those that are only broken because something else could not be read.
    fn add_violations(&mut self, found: Vec<Violation>) {
        let read = self.diagnostics.len();
        for violation in found {
            let path = self.keys.of(&violation.place);
            // What could not be read has a value in its place that may break rules of its own; and what stands once in the
            // config may stand in several steps.
            // Of a list, each value that is wrong has been told.
            let is_list = matches!(violation.place, PlanPlace::Scenario(_, "retry.on"));
            let explains =
                |known: &Diagnostic| known.path == path || (is_list && is_within(&known.path, &path));
            let is_known = self.diagnostics[..read].iter().any(explains);
            if is_known || self.follows(&violation.place) {
                continue;
            }
            let mut diagnostic = Diagnostic::at(path, violation.problem, violation.fix);
            if let Some(instead) = violation.instead {
                diagnostic = diagnostic.with_value(instead);
            }
            if !self.diagnostics.contains(&diagnostic) {
                self.diagnostics.push(diagnostic);
            }
        }
    }

    /// Whether a rule may be broken only because of what is wrong elsewhere.
    fn follows(&self, place: &PlanPlace) -> bool {
        match place {
            PlanPlace::Phases => !self.is_timing_known || self.is_wrong("run.warmup"),
            PlanPlace::Scenario(_, "duration" | "starts" | "load") => !self.is_timing_known,
            // A target that no scenario uses may be that of a scenario whose target is wrong.
            PlanPlace::Target(_, "") | PlanPlace::Plan => self.has_wrong_scenario(&["target", "url"]),
            PlanPlace::Target(index, "connect") => self.is_wrong(&self.keys.targets[*index].url),
            PlanPlace::Connections(_) => self.is_wrong("run.shards"),
            // A file that could not be looked into has no columns.
            PlanPlace::Feed(index, "file" | "columns") => self.is_wrong(&self.keys.feeds[*index]),
            PlanPlace::Threshold(_) => {
                let names = ["name", "request", "get", "head", "post", "put", "patch", "delete", "path"];
                self.is_wrong("request") || self.has_wrong_scenario(&names)
            }
            _ => false,
        }
    }

    /// Whether the scenarios are not known, or one of these keys of one of them is wrong.
    fn has_wrong_scenario(&self, keys: &[&str]) -> bool {
        let names = self.config.scenario.keys();
        let is_wrong = |name: &String| {
            keys.iter().any(|key| {
                let path = format!("scenario.{name}.{key}");
                self.is_wrong(&path)
            })
        };
        self.doubtful.iter().any(|path| path == "scenario") || names.into_iter().any(is_wrong)
    }

    fn fields(&mut self) -> Fields {
        let config = self.config;
        let machine = self.machine();
        self.shards = machine.shards.max(1);
        let typed = scenarios_of(config);
        self.check_forms(&typed);
        let mut targets = self.targets();
        let timings = self.timings(&typed);
        let loads_read = timings.iter().all(|timing| timing.is_read);
        self.is_timing_known = timings.iter().all(|timing| timing.is_known);
        let (mut pools, mut scenarios) = (Vec::new(), Vec::new());
        for (typed, timing) in typed.iter().zip(timings) {
            self.keys.scenarios.push(ScenarioKeys::of(typed.name));
            let target = self.target_of(typed, &mut targets);
            let has_users = timing.load.users().is_some();
            let (script, reached) = self.script(typed, &targets, target, pools.len(), has_users);
            let own: Vec<Pool> =
                reached.into_iter().map(|target| self.pool(typed, target, &timing.load, &script)).collect();
            // In a flow without a load, each connection has a user: each of those to the target with the most.
            let most = own.iter().map(|pool| pool.connections.count()).max().unwrap_or_default();
            pools.extend(own);
            let load = match timing.load {
                Load::Closed if matches!(script, Script::Flow { .. }) => {
                    Load::Users(UserLoad::constant(most.into(), timing.length_ns))
                }
                load => load,
            };
            scenarios.push(Scenario {
                name: typed.name.unwrap_or_default().to_owned(),
                starts_ns: timing.starts_ns,
                length_ns: timing.length_ns,
                load,
                requests_max: timing.requests_max,
                script,
            });
        }
        let setup = self.setup(&mut targets);
        self.check_all_is_used(&targets);
        self.note_unused_flows();
        let feeds = self.feeds();
        let is_used = |feed: &Feed| {
            let items = |scenario: &Scenario| scenario.flow().map_or(Vec::new(), |flow| flow.items.clone());
            scenarios.iter().any(|scenario| flow_names::uses(scenario.steps(), &items(scenario), &feed.name))
        };
        self.note_unused_feeds(&feeds, is_used);
        let name = self.name(&targets[pools[0].target], &scenarios);
        if config.scenario.is_empty() {
            scenarios[0].name.clone_from(&name);
        }
        let length_ns = scenarios.iter().map(Scenario::ends_ns).max().unwrap_or(DURATION_NS_DEFAULT);
        let (phases, warmup) = self.phases(length_ns);
        let thresholds = self.all_thresholds(&typed);
        if loads_read && !self.is_probed {
            self.check_schedules(&thresholds, &scenarios);
        }
        Fields {
            name,
            targets,
            pools,
            feeds,
            scenarios,
            machine,
            phases,
            warmup,
            until: self.until(),
            seed: self.seed,
            interval_ns: self.positive(&config.run.interval, "run.interval", SECOND_NS),
            thresholds,
            keeps_secrets: false,
            setup,
        }
    }

    /// What the run is called: as typed, or by where it goes.
    fn name(&self, first: &Target, scenarios: &[Scenario]) -> String {
        let names = || scenarios.iter().map(|scenario| scenario.name.as_str()).collect::<Vec<_>>().join(", ");
        match (&self.config.name, scenarios.len()) {
            (Some(Text(name)), _) => name.clone(),
            (None, 1) => first.url.to_string(),
            (None, _) => names(),
        }
    }

    /// What means nothing beside scenarios, and names that cannot be typed in a scope.
    fn check_forms(&mut self, typed: &[Typed]) {
        let config = self.config;
        let names = config.target.keys().map(|name| format!("target.{name}"));
        let names = names.chain(config.scenario.keys().map(|name| format!("scenario.{name}")));
        for key in names.collect::<Vec<_>>() {
            let name = key.split_once('.').map_or("", |(_, name)| name);
            if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)) {
                self.wrong(&key, format!("`{name}` cannot be a name"), "use letters, digits, `-` and `_`");
            }
        }
        if config.scenario.is_empty() {
            return;
        }
        let outside = [
            ("load", config.load != LoadConfig::default()),
            ("request", !config.request.is_empty()),
            ("step", !config.step.is_empty()),
            ("cookies", config.cookies.is_some()),
            ("retry", config.retry != RetryConfig::default()),
            ("breaker", config.breaker != BreakerConfig::default()),
            ("timeline", config.timeline.is_some()),
            ("run.requests", config.run.requests.is_some()),
        ];
        for (key, _) in outside.into_iter().filter(|(_, is_given)| *is_given) {
            let word = key.trim_start_matches("run.");
            let problem = format!("`{key}` belongs to no scenario of the plan");
            self.wrong(key, problem, format!("give it to one, as `scenario.NAME.{word}`"));
        }
        let uses_url = |typed: &Typed<'_>| typed.config.url.is_none() && typed.config.target.is_none();
        let of_setup = self.typed_setup();
        if config.url.is_some() && !typed.iter().chain(&of_setup).any(uses_url) {
            self.wrong(
                "url",
                "no scenario uses the plan's `url`",
                "leave it out, or leave out their targets",
            );
        }
    }

    /// What the plan says of its targets is of at least one.
    fn check_all_is_used(&mut self, targets: &[Target]) {
        self.check_tls_is_used(targets.iter().any(|target| target.url.scheme.is_tls()));
        self.check_protocols_are_used(targets);
        let has_url = self.keys.targets.iter().any(|keys| keys.url == "url");
        if self.config.connect.is_some() && !has_url {
            let problem = "`connect` stands beside the plan's `url`, and there is none";
            self.wrong("connect", problem, "give it to a target, as `target.NAME.connect`");
        }
    }

    fn machine(&mut self) -> Machine {
        let run = &self.config.run;
        let cores = run
            .cores
            .as_ref()
            .and_then(|text| self.take("run.cores", parse_cores(&text.0), "write `\"1,3-5\"` or the like"));
        let cores = cores.unwrap_or_default();
        let shards = run.shards.unwrap_or(cores.len().max(1) as u32);
        Machine { shards, cores, wait: self.wait() }
    }

    fn wait(&mut self) -> Wait {
        match self.config.run.wait.as_ref().map(|text| text.0.as_str()) {
            None | Some("auto") => Wait::Auto,
            Some("spin") => Wait::Spin,
            Some("park") => Wait::Park,
            Some(other) => {
                let problem = format!("`{other}` is not a way to wait");
                let fix = match closest(other, &["spin", "park", "auto"]) {
                    Some(guess) => format!("did you mean `{guess}`?"),
                    None => "there are `spin`, `park` and `auto`".to_owned(),
                };
                self.wrong("run.wait", problem, fix);
                Wait::Auto
            }
        }
    }

    /// The targets that have names.
    fn targets(&mut self) -> Vec<Target> {
        let mut targets = Vec::new();
        for (name, own) in &self.config.target {
            let key = |is_own: bool, value: &str| match is_own {
                true => format!("target.{name}.{value}"),
                false => format!("run.{value}"),
            };
            let keys = TargetKeys {
                url: key(true, "url"),
                pipeline: key(own.pipeline.is_some(), "pipeline"),
                connect_timeout: key(own.connect_timeout.is_some(), "connect_timeout"),
                own: own_keys(own),
            };
            targets.push(self.target(name, own, keys));
        }
        targets
    }

    fn target(&mut self, name: &str, own: &TargetConfig, keys: TargetKeys) -> Target {
        let run = &self.config.run;
        let url = match &own.url {
            Some(Text(text)) => self.take_with(Url::parse(text), |cause| {
                let wrong = Diagnostic::at(keys.url.clone(), cause.problem, cause.fix);
                match cause.instead {
                    Some(instead) => wrong.with_value(instead),
                    None => wrong,
                }
            }),
            None => {
                self.missing_target(&keys.url);
                None
            }
        };
        let url = url.unwrap_or_else(Url::testbed);
        let timeout = own.connect_timeout.as_ref().or(run.connect_timeout.as_ref()).cloned();
        let connect_timeout_ns = self.positive(&timeout, &keys.connect_timeout, CONNECT_TIMEOUT_NS_DEFAULT);
        let connect = self.connect(own, &url, &keys);
        let transport = self.transport(own, &url, &keys);
        let grpc = self.grpc(own, &url, &keys);
        let protocol = self.protocol(own, &url, grpc.is_some(), &keys);
        self.keys.targets.push(keys);
        let name = if name.is_empty() { url.to_string() } else { name.to_owned() };
        Target { name, url, connect, transport, protocol, connect_timeout_ns, grpc }
    }

    /// There is no target, unless its key is there and wrong.
    fn missing_target(&mut self, key: &str) {
        let is_url =
            |path: &String| ["url", "uri", "target"].iter().any(|word| path.rsplit('.').next() == Some(word));
        let is_doubtful = |path: &String| is_url(path) || path == "scenario" || path == "target";
        if self.doubtful.iter().any(is_doubtful) {
            return;
        }
        // Behind the header of a table every key is one of that table.
        let (problem, fix) = match self.config.headers.contains_key("url") {
            true => {
                ("no target: `url` stands under `[headers]`", "write `url = \"…\"` above the first `[table]`")
            }
            false => ("no target", "give a URL, or `url = \"http://host:port/\"` in the plan"),
        };
        let key = if self.config.headers.contains_key("url") { "headers.url" } else { key };
        self.wrong(key, problem, fix);
    }

    /// The number of the target that a scenario uses; one that has no name is added where it is first used.
    fn target_of(&mut self, typed: &Typed, targets: &mut Vec<Target>) -> usize {
        let ScenarioConfig { target, url, .. } = typed.config.as_ref();
        if let (Some(Text(name)), None) = (target, url) {
            if let Some(index) = self.config.target.get_index_of(name) {
                return index;
            }
            let names: Vec<&str> = self.config.target.keys().map(String::as_str).collect();
            let fix = match names.is_empty() {
                true => format!("write a table `[target.{name}]` with its `url`"),
                false => hint(name, &names),
            };
            self.wrong(&typed.at("target"), format!("there is no target `{name}`"), fix);
        }
        if let Some(named) = self.first_named_target(typed) {
            return named;
        }
        if target.is_some() && url.is_some() {
            let problem = "a scenario has a `target` or a `url`, and not both";
            self.wrong(&typed.at("url"), problem, "leave one out");
        }
        let is_own = url.is_some() || typed.name.is_none();
        let (key, text) = match is_own || target.is_some() {
            true => {
                (typed.at("url"), url.clone().or_else(|| target.as_ref().map(|_| Text("testbed:".into()))))
            }
            false => ("url".to_owned(), self.config.url.clone()),
        };
        // Scenarios that go to the plan's URL go to one target.
        if let Some(index) = self.keys.targets.iter().position(|keys| keys.url == key) {
            return index;
        }
        let key = if text.is_none() && !is_own { typed.at("url") } else { key };
        let keys = TargetKeys::of_run(key);
        let name = if is_own { typed.name.unwrap_or_default() } else { "" };
        // What the plan says beside its `url` is of that one alone.
        let connect = self.config.connect.clone().filter(|_| keys.url == "url");
        let own = TargetConfig { url: text, connect, ..TargetConfig::default() };
        let target = self.target(name, &own, keys);
        targets.push(target);
        targets.len() - 1
    }

    fn pool(&mut self, typed: &Typed, target: usize, load: &Load, script: &Script) -> Pool {
        let own = typed.config.connections;
        // Targets that have names come first.
        let (name, of_target) = self.config.target.get_index(target).unzip();
        let of_target = of_target.and_then(|target| target.connections);
        // A user waits for no other's response.
        let users = load.users().map_or(0, |users| users.most().min(CONNECTIONS_MAX.into()) as u32);
        let default = if users > 0 { users } else { CONNECTIONS_DEFAULT };
        let given = of_target.map(ConnectionCount::Number).or(own).or(self.config.run.connections);
        let key = match (of_target, name, own) {
            (Some(_), Some(name), _) => format!("target.{name}.connections"),
            (_, _, Some(_)) => typed.at("connections"),
            _ => "run.connections".into(),
        };
        let connections = match given {
            Some(ConnectionCount::PerUser) => self.per_session(typed, &key, load, script),
            Some(ConnectionCount::Number(count)) => PoolSize::Shared(count),
            None => PoolSize::Shared(default.max(self.shards)),
        };
        if of_target.is_some() && own == Some(ConnectionCount::PerUser) {
            self.refuse_number_of_target(&key, name.map_or("", String::as_str));
        }
        self.keys.connections.push(key);
        Pool { target, connections }
    }

    fn until(&mut self) -> Option<Goal> {
        let Text(text) = self.config.run.until.as_ref()?;
        self.take("run.until", Goal::parse(text), "write `\"p99 ± 2%\"` or the like")
    }

    /// The bounds of the phases, in a run of this length, and how the warm-up ends.
    fn phases(&mut self, length_ns: u64) -> (Phases, Warmup) {
        let (warmup, warmup_ns) = match &self.config.run.warmup {
            Some(text) if text.0 == "auto" => (Warmup::Auto, longest_warmup_ns(length_ns)),
            given => {
                let parsed = given.as_ref().map(|text| parse_duration_ns(&text.0));
                let wrong = |cause| Diagnostic::unreadable("run.warmup", cause);
                let taken = parsed.and_then(|parsed| self.take_with(parsed, wrong));
                (Warmup::Fixed, taken.unwrap_or(0))
            }
        };
        if warmup == Warmup::Auto && length_ns < WARMUP_AUTO_LENGTH_NS_MIN && self.is_timing_known {
            let problem =
                format!("`auto` cannot tell a warm-up from chance in a run of {}", show_ns(length_ns));
            let fix = format!("let the run take at least {}", show_ns(WARMUP_AUTO_LENGTH_NS_MIN));
            self.wrong("run.warmup", problem, fix);
        }
        (Phases { measure_from_ns: warmup_ns, measure_to_ns: length_ns }, warmup)
    }

    /// The plan's conditions, then those of each scenario.
    fn all_thresholds(&mut self, typed: &[Typed]) -> Vec<Threshold> {
        let mut all = self.thresholds(&self.config.thresholds, "thresholds");
        for Typed { name, config, .. } in typed {
            let Some(name) = name else { continue };
            let own = self.thresholds(&config.thresholds, &format!("scenario.{name}.thresholds"));
            all.extend(own.into_iter().map(|threshold| threshold.within(name)));
        }
        all
    }

    fn thresholds(&mut self, table: &BTreeMap<String, Conditions>, place: &str) -> Vec<Threshold> {
        let mut thresholds = Vec::new();
        for (subject, Conditions(expressions)) in table {
            let path = format!("{place}.{subject}");
            let Some(subject) = self.subject(subject, &path, expressions) else { continue };
            for (index, expression) in expressions.iter().enumerate() {
                let path = if expressions.len() > 1 { format!("{path}.{index}") } else { path.clone() };
                let wrong = |cause: threshold::WrongCondition| {
                    let wrong = Diagnostic::at(path.clone(), cause.problem, cause.fix);
                    match cause.instead {
                        Some(instead) => {
                            // The metric may have been written otherwise, and of a list one value is meant.
                            let key = if expressions.len() > 1 { "" } else { subject.as_str() };
                            let wrong = wrong.with_values([(key, toml::Value::from(instead))]);
                            Diagnostic { fix: String::new(), ..wrong }
                        }
                        None => wrong,
                    }
                };
                let parsed = Threshold::parse_parts(&subject, expression);
                if let Some(threshold) = self.take_with(parsed, wrong) {
                    thresholds.push(threshold);
                    self.keys.thresholds.push(path);
                }
            }
        }
        thresholds
    }

    /// The metric of a condition, with its scope. Where it is none, that is told, and what was meant is taken.
    fn subject(&mut self, subject: &str, path: &str, expressions: &[String]) -> Option<String> {
        let (word, scope) = subject.split_at(subject.find('{').unwrap_or(subject.len()));
        let word = word.trim();
        if METRICS.contains(&word) {
            return Some(subject.to_owned());
        }
        let wrong = Diagnostic::at(path, format!("`{word}` is not a metric"), "").spotted(Spot::Key);
        if threshold::is_figure_of_times(word) {
            let whole = expressions.iter().map(|expression| format!("{word}{expression}"));
            let whole: Vec<toml::Value> = whole.map(toml::Value::from).collect();
            let value = match <[toml::Value; 1]>::try_from(whole) {
                Ok([only]) => only,
                Err(several) => toml::Value::Array(several),
            };
            self.diagnostics.push(wrong.with_values([(format!("response{scope}"), value)]));
            return None;
        }
        let meant = threshold::meant_metric(word);
        let fix = match meant {
            Some(meant) => format!("write `{meant}`"),
            None => format!("there are {}", METRICS.join(", ")),
        };
        self.diagnostics.push(Diagnostic { fix, ..wrong });
        meant.map(|meant| format!("{meant}{scope}"))
    }

    fn check_schedules(&mut self, thresholds: &[Threshold], scenarios: &[Scenario]) {
        for (index, threshold) in thresholds.iter().enumerate() {
            if let Some((problem, fix)) = unscheduled(threshold, scenarios) {
                let path = self.keys.thresholds[index].clone();
                self.wrong(&path, format!("`{}` {problem}", threshold.text), fix);
            }
        }
    }

    fn duration(&mut self, text: &Option<Text>, path: &str) -> Option<u64> {
        let parsed = parse_duration_ns(&text.as_ref()?.0);
        self.take_with(parsed, |cause| Diagnostic::unreadable(path, cause))
    }

    /// A duration that has to last, or its default where none is given. One that cannot be read is told and has the default.
    fn positive(&mut self, text: &Option<Text>, path: &str, default_ns: u64) -> u64 {
        let given = self.duration(text, path);
        if given == Some(0) {
            self.wrong(path, "must be longer than zero", DURATION_FIX);
        }
        given.filter(|&ns| ns > 0).unwrap_or(default_ns)
    }

    fn take_with<T, E>(&mut self, result: Result<T, E>, told: impl FnOnce(E) -> Diagnostic) -> Option<T> {
        result.map_err(|cause| self.diagnostics.push(told(cause))).ok()
    }

    fn take<T>(&mut self, path: &str, result: Result<T, impl Display>, fix: &str) -> Option<T> {
        result.map_err(|problem| self.wrong(path, problem.to_string(), fix)).ok()
    }

    fn wrong(&mut self, path: &str, problem: impl Into<String>, fix: impl Into<String>) {
        self.diagnostics.push(Diagnostic::at(path, problem, fix));
    }
}
