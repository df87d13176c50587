//! The plan of a report, run again: as it is, so that the same is sent, but for what flags and variables replace.
//!
//! What replaces has to mean one thing alone. A header, a seed or a timeout means the same to every request; a rate, a duration
//! or a body only where there is one scenario that it can be of, and is refused otherwise.

use super::bounds::longest_warmup_ns;
use super::fields::{Fields, GrpcCall, Request, Scenario, Step, Target, TargetProtocol};
use super::own_connections;
use super::pool_size::PoolSize;
use super::reader::{self, FileHead, PlanFiles, ReadFile, unscheduled};
use super::retarget;
use super::rules::{self, PlanPlace, Violation};
use super::sockets;
use crate::config::{
    BreakerConfig, Conditions, Config, Diagnostic, EnvironmentTexts, GrpcConfig, HttpConfig, LoadConfig,
    ReadConfig, RequestConfig, RetryConfig, TcpConfig, Text, Texts, TlsConfig, UdpConfig, WebSocketConfig,
};
use crate::degrade::WHOLE_PPM;
use crate::length::{self, TooManyToDraw, UNBOUNDED_NS};
use crate::load::{Arrivals, Load, Overload};
use crate::phase::Warmup;
use crate::random::Draws;
use crate::redact;
use crate::schedule::constant;
use crate::template::{self, HolePlace, HoleScope, Piece, WrongHole};
use crate::threshold::Threshold;
use crate::url::{Scheme, Url};
use std::collections::BTreeMap;

/// The fields of a report's plan with what is given in their place, or all that is in the way.
pub(super) fn repeated(
    planned: &Fields,
    reading: &ReadConfig,
    read_file: ReadFile,
) -> Result<(Fields, Vec<Diagnostic>), Vec<Diagnostic>> {
    let mut given = reading.clone();
    let thresholds = std::mem::take(&mut given.config.thresholds);
    let headers = std::mem::take(&mut given.config.headers);
    let mut wrong = refused(planned, &given.config);
    if !wrong.is_empty() {
        return Err(reading.wrong.iter().cloned().chain(wrong).collect());
    }
    let asked = Given::of(&given.config, planned);
    complete(&mut given.config, planned);
    // Its load is held against conditions below, when it is known.
    // It has no feeds of its own: there are none but the report's.
    let head = |name: &str| Ok(FileHead { bytes: read_file(name)?, is_whole: true });
    let read = reader::read(&given, PlanFiles { whole: read_file, head: &head }, true)?;
    let mut fields = planned.clone();
    wrong.extend(asked.replace(&mut fields, &read.fields));
    own_connections::size_anew(&mut fields, planned);
    replace_headers(&mut fields, &headers, &given.environment, &mut wrong);
    add_thresholds(&mut fields, &thresholds, &mut wrong);
    wrong.extend(rules::violations(&fields).into_iter().map(|violation| told(violation, &fields)));
    wrong.extend(redacted(&fields));
    wrong.extend(retarget::unreadable(&fields, read_file));
    if wrong.is_empty() { Ok((fields, read.notes)) } else { Err(wrong) }
}

/// Which keys are given.
struct Given {
    config: Config,
    load: GivenLoad,
    /// How long the planned scenario was asked to be.
    asked_ns: Option<u64>,
}

/// Which part of a load is given.
#[derive(Clone, Copy, PartialEq, Eq)]
enum GivenLoad {
    Nothing,
    /// How arrivals are spaced, or what becomes of those that are overdue; the planned rates stay.
    Manner,
    Whole,
}

impl GivenLoad {
    fn of(load: &LoadConfig) -> GivenLoad {
        let manner = LoadConfig { arrivals: None, overload: None, deadline: None, ..load.clone() };
        let shape = LoadConfig { slip: None, floor: None, ..manner };
        match (*load == LoadConfig::default(), shape == LoadConfig::default()) {
            (true, _) => GivenLoad::Nothing,
            (false, true) => GivenLoad::Manner,
            (false, false) => GivenLoad::Whole,
        }
    }
}

/// How long the scenario of a plan was asked to be; nothing where its length follows from its number of requests.
fn asked_ns(planned: &Fields) -> Option<u64> {
    let only = &planned.scenarios[0];
    let Load::Open { segments, .. } = &only.load else {
        let is_bounded = !only.is_counted_out() || only.length_ns != UNBOUNDED_NS;
        return is_bounded.then_some(only.length_ns);
    };
    // A scenario that ends with its last request may end before its load does.
    let whole_ns = segments.iter().map(|segment| segment.length_ns).sum();
    let counted_ns = counted_ns(only, planned.draws_of(0)).and_then(Result::ok);
    (counted_ns != Some(whole_ns)).then_some(whole_ns)
}

/// How long a constant load has to be for the requests that it ends with, or why that cannot be known. Nothing where it does not
/// end with any, or has a shape.
fn counted_ns(scenario: &Scenario, draws: Draws) -> Option<Result<u64, TooManyToDraw>> {
    let Load::Open { arrivals, .. } = &scenario.load else { return None };
    let (requests, rate) = (scenario.requests_max?, scenario.load.constant_rate()?);
    let covered = match arrivals {
        Arrivals::Uniform => Ok(requests),
        Arrivals::Poisson => length::arrivals_to_cover(requests, draws),
    };
    Some(covered.map(|covered| length::time_for(covered, rate)))
}

/// What cannot be changed, because it is not clear what it would mean.
fn refused(planned: &Fields, config: &Config) -> Vec<Diagnostic> {
    let run = &config.run;
    let of_one = [
        ("url", config.url.is_some() && planned.targets.len() > 1),
        ("tls", config.tls != TlsConfig::default() && planned.targets.len() > 1),
        ("connect", config.connect.is_some() && planned.targets.len() > 1),
        ("http", says_what_is_spoken(&config.http) && planned.targets.len() > 1),
        ("websocket", config.websocket != WebSocketConfig::default() && planned.targets.len() > 1),
        ("tcp", config.tcp != TcpConfig::default() && planned.targets.len() > 1),
        ("udp", config.udp != UdpConfig::default() && planned.targets.len() > 1),
        ("grpc", config.grpc != GrpcConfig::default() && planned.targets.len() > 1),
        ("request", !config.request.is_empty() && planned.steps().count() > 1),
    ];
    let is_one = planned.scenarios.len() == 1;
    let of_one_scenario = [
        ("load", config.load != LoadConfig::default()),
        ("run.connections", run.connections.is_some()),
        ("run.duration", run.duration.is_some()),
        ("run.requests", run.requests.is_some()),
        ("run.warmup", run.warmup.is_some()),
    ];
    // A scenario may have connections to several targets, each as many as it was given.
    let is_shared = run.connections.is_some() && is_one && planned.pools.len() > 1;
    let of_one = of_one.into_iter().chain(of_one_scenario.map(|(key, is_given)| (key, is_given && !is_one)));
    let of_one = of_one.chain([("run.connections", is_shared)]);
    let mut wrong: Vec<Diagnostic> = of_one
        .filter(|(_, is_refused)| *is_refused)
        .map(|(key, _)| {
            let problem = "it is not clear of which part of the report's plan this is to be";
            Diagnostic::at(key, problem, "leave it out, or run the plan file with it")
        })
        .collect();
    if run.connections.is_some() && planned.pools.iter().any(|pool| pool.connections.is_per_session()) {
        let problem =
            "in the report's plan each user has connections of its own, and there are as many as users";
        wrong.push(Diagnostic::at("run.connections", problem, "leave it out, or run the plan file with it"));
    }
    let has_shape =
        |scenario: &Scenario| !scenario.load.is_closed() && scenario.load.constant_rate().is_none();
    if run.duration.is_some()
        && GivenLoad::of(&config.load) != GivenLoad::Whole
        && planned.scenarios.iter().any(has_shape)
    {
        let problem = "the load of the report's plan has a shape that is as long as its run";
        wrong.push(Diagnostic::at("run.duration", problem, "leave the duration out, or give a load as well"));
    }
    let tables = [
        ("target", !config.target.is_empty()),
        ("scenario", !config.scenario.is_empty()),
        ("feed", !config.feed.is_empty()),
        ("retry", config.retry != RetryConfig::default()),
        ("breaker", config.breaker != BreakerConfig::default()),
        ("cookies", config.cookies.is_some()),
        ("run.sessions", run.sessions.is_some()),
        ("run.graceful", run.graceful.is_some()),
        ("setup", config.setup.is_some()),
    ];
    for (key, is_given) in tables {
        if is_given {
            wrong.push(Diagnostic::at(key, "the report's plan has its own", "leave it out"));
        }
    }
    wrong
}

/// Whether anything is given that is of one version of HTTP.
fn says_what_is_spoken(given: &HttpConfig) -> bool {
    let HttpConfig { version, streams, window, header_table, reuse: _ } = given;
    version.is_some() || streams.is_some() || window.is_some() || header_table.is_some()
}

/// HTTP/2 stays what it is, but for what is given of it.
fn complete_protocol(config: &mut Config, planned: &Target) {
    if let TargetProtocol::Tcp { ends, .. } = &planned.protocol {
        // What a message has to end with, and whether connections are used again, follows from it.
        config.tcp.ends.get_or_insert_with(|| Text(ends.to_string()));
        return;
    }
    let TargetProtocol::Http2 { streams, window_bytes, header_table_bytes } = planned.protocol else {
        return;
    };
    let http = &mut config.http;
    let version = if planned.tls().is_some() { "2" } else { "2-prior-knowledge" };
    let Text(version) = http.version.get_or_insert_with(|| Text(version.to_owned()));
    if version.starts_with('2') {
        http.streams.get_or_insert(streams);
        http.window.get_or_insert_with(|| Text(window_bytes.to_string()));
        http.header_table.get_or_insert_with(|| Text(header_table_bytes.to_string()));
    }
}

/// Makes a config that can be read of what is given, with what the report's plan says where it is needed to.
fn complete(config: &mut Config, planned: &Fields) {
    let only = &planned.scenarios[0];
    let ns = |ns: u64| Some(Text(format!("{ns}ns")));
    if config.url.is_none() {
        // What is given of TLS has to suit the planned target.
        let url = &planned.targets[0].url;
        // A URL of DNS says what is asked for: here, the root.
        let path = if url.scheme == Scheme::Dns { "/." } else { "/" };
        let url = Url { path: path.to_owned(), ..url.clone() };
        config.url = Some(Text(url.to_string()));
    }
    complete_call(config, planned);
    complete_message(config);
    let load = GivenLoad::of(&config.load);
    // The length of a new load follows from the number of requests, where that of the planned one did.
    if config.run.duration.is_none() {
        config.run.duration =
            if load == GivenLoad::Whole { asked_ns(planned).and_then(ns) } else { ns(only.length_ns) };
    }
    if let (GivenLoad::Whole, None, Some(requests)) = (load, &config.run.requests, only.requests_max) {
        config.run.requests = Some(Text(requests.to_string()));
    }
    complete_protocol(config, &planned.targets[0]);
    config.run.seed.get_or_insert(planned.seed);
    // Users have no arrivals of their own to be spaced, or to be dropped.
    let is_open = load != GivenLoad::Nothing && config.load.users.is_none() && config.load.of.is_none();
    if let (true, Load::Open { arrivals, overload, .. }) = (is_open, &only.load) {
        if load == GivenLoad::Manner {
            // Only there for the rest to be read: the planned rates stay.
            config.load.rate = Some(Text("1000".to_owned()));
        }
        let is_poisson = *arrivals == Arrivals::Poisson;
        let word = if is_poisson { "poisson" } else { "uniform" };
        config.load.arrivals.get_or_insert_with(|| Text(word.to_owned()));
        complete_overload(&mut config.load, overload);
    }
}

/// The same of what becomes of arrivals that find no connection.
fn complete_overload(load: &mut LoadConfig, planned: &Overload) {
    let (word, values) = match *planned {
        Overload::Queue => return,
        Overload::Shed { deadline_ns } => ("shed", (Some(deadline_ns), None, None)),
        Overload::Degrade { slip_ns, floor_ppm } => ("degrade", (None, Some(slip_ns), Some(floor_ppm))),
    };
    if load.overload.get_or_insert_with(|| Text(word.to_owned())).0 != word {
        return;
    }
    let length = |ns: u64| Text(format!("{ns}ns"));
    let (deadline_ns, slip_ns, floor_ppm) = values;
    load.deadline = load.deadline.take().or(deadline_ns.map(length));
    load.slip = load.slip.take().or(slip_ns.map(length));
    let share = |ppm: u32| Text(format!("{}", f64::from(ppm) / f64::from(WHOLE_PPM)));
    load.floor = load.floor.take().or(floor_ppm.map(share));
}

/// The same of gRPC: who tells what can be called, and what is.
fn complete_call(config: &mut Config, planned: &Fields) {
    let mut first = planned.steps().filter(|step| planned.pools[step.pool].target == 0);
    let (Some(source), Some(Request::Grpc(call))) =
        (&planned.targets[0].grpc, first.next().map(|step| &step.request))
    else {
        return;
    };
    if config.grpc == GrpcConfig::default() {
        let texts = |texts: &[String]| (!texts.is_empty()).then(|| Texts(texts.to_vec()));
        config.grpc = GrpcConfig {
            proto: texts(&source.proto),
            import_paths: texts(&source.import_paths),
            reflection: Some(source.reflection),
        };
    }
    if config.request.is_empty() {
        config.request.push(RequestConfig::default());
    }
    let method = || Text(call.method.clone());
    config.request.iter_mut().for_each(|request| {
        request.call.get_or_insert_with(method);
    });
}

/// The same of WebSocket: a message in whose place the planned ones stay, and that has what replies are matched by.
fn complete_message(config: &mut Config) {
    let pointer =
        config.websocket.matching.as_ref().and_then(|Text(matching)| matching.strip_prefix("json:"));
    if let (Some(pointer), true) = (pointer, config.request.is_empty()) {
        let message = sockets::message_with(pointer);
        config.request.push(RequestConfig { text: Some(Text(message)), ..RequestConfig::default() });
    }
}

impl Given {
    fn of(config: &Config, planned: &Fields) -> Given {
        Given { config: config.clone(), load: GivenLoad::of(&config.load), asked_ns: asked_ns(planned) }
    }

    /// Puts what is given in the place of what the report's plan has, and says what is wrong with that.
    fn replace(&self, fields: &mut Fields, read: &Fields) -> Option<Diagnostic> {
        let Config { run, name, url, request, .. } = &self.config;
        if let Some(refused) = self.refuse_seed(fields) {
            return Some(refused);
        }
        if url.is_some() {
            replace_url(fields, read);
        }
        retarget::replace(&mut fields.targets, &read.targets[0], &self.config);
        if self.config.grpc != GrpcConfig::default() {
            // Whoever else tells what can be called may tell otherwise.
            fields.scenarios.iter_mut().flat_map(|scenario| scenario.steps_mut()).for_each(forget_described);
        }
        replace_manner_of_queries(fields, &self.config.udp);
        if !request.is_empty() {
            replace_request(&mut fields.scenarios[0].steps_mut()[0], &read.scenarios[0].steps()[0], request);
        }
        if run.shards.is_some() || run.cores.is_some() {
            fields.machine.shards = read.machine.shards;
        }
        if run.cores.is_some() {
            fields.machine.cores.clone_from(&read.machine.cores);
        }
        if run.wait.is_some() {
            fields.machine.wait = read.machine.wait;
        }
        if run.connections.is_some() {
            fields.pools[0].connections = PoolSize::Shared(read.pools[0].connections.count());
        }
        let steps = fields.scenarios.iter_mut().flat_map(|scenario| scenario.steps_mut());
        if run.timeout.is_some() {
            let timeout_ns = read.scenarios[0].steps()[0].timeout_ns;
            // A deadline is told to the target, and says how long is waited itself.
            let has_deadline =
                |step: &&mut Step| matches!(&step.request, Request::Grpc(call) if call.deadline_ns.is_some());
            steps.filter(|step| !has_deadline(step)).for_each(|step| step.timeout_ns = timeout_ns);
        }
        if run.seed.is_some() {
            fields.seed = read.seed;
        }
        if run.interval.is_some() {
            fields.interval_ns = read.interval_ns;
        }
        if run.until.is_some() {
            fields.until.clone_from(&read.until);
        }
        if let Some(Text(name)) = name {
            fields.name.clone_from(name);
        }
        self.replace_timing(fields, read)
    }

    /// A seed of its own, where the lengths of several scenarios were drawn with the report's: each would have to be drawn anew, and
    /// what follows it moved.
    fn refuse_seed(&self, fields: &Fields) -> Option<Diagnostic> {
        let is_drawn = |scenario: &&Scenario| {
            let is_random = matches!(scenario.load, Load::Open { arrivals: Arrivals::Poisson, .. });
            is_random && scenario.requests_max.is_some()
        };
        let drawn = fields.scenarios.iter().find(is_drawn)?;
        (self.config.run.seed.is_some() && fields.scenarios.len() > 1).then(|| {
            let problem = format!("how long `{}` takes was drawn with the seed of the report", drawn.name);
            Diagnostic::at("run.seed", problem, "leave the seed out, or run the plan file")
        })
    }

    /// The load, and the bounds of the run and its phases.
    fn replace_timing(&self, fields: &mut Fields, read: &Fields) -> Option<Diagnostic> {
        let run = &self.config.run;
        let has_load = self.load != GivenLoad::Nothing;
        // When the last of a number of random arrivals comes depends on the seed.
        let is_drawn_anew =
            run.seed.is_some() && fields.scenarios.len() == 1 && fields.scenarios[0].requests_max.is_some();
        let is_timed = has_load || run.duration.is_some() || run.requests.is_some() || is_drawn_anew;
        let draws = fields.draws_of(0);
        if is_timed {
            let (only, read) = (&mut fields.scenarios[0], &read.scenarios[0]);
            if run.requests.is_some() {
                only.requests_max = read.requests_max;
            }
            if self.load == GivenLoad::Whole {
                (only.load, only.length_ns) = (read.load.clone(), read.length_ns);
            } else {
                if has_load {
                    replace_manner(&mut only.load, &read.load);
                }
                let given_ns = run.duration.as_ref().map(|_| read.length_ns);
                if let Err(too_many) = set_length(only, given_ns.or(self.asked_ns), draws) {
                    let fix = "give a duration as well, or ask for fewer";
                    return Some(Diagnostic::at("run.requests", too_many.to_string(), fix));
                }
            }
            let ends_ns =
                only.requests_max.and_then(|requests| length::instant_of(&only.load, requests, draws));
            only.length_ns = ends_ns.map_or(only.length_ns, |ends_ns| ends_ns.min(only.length_ns));
            fields.phases.measure_to_ns = fields.scenarios[0].ends_ns();
        }
        if run.warmup.is_some() {
            fields.warmup = read.warmup;
            fields.phases.measure_from_ns = read.phases.measure_from_ns;
        }
        if fields.warmup == Warmup::Auto && (is_timed || run.warmup.is_some()) {
            fields.phases.measure_from_ns = longest_warmup_ns(fields.phases.measure_to_ns);
        }
        None
    }
}

/// How arrivals are spaced, and what becomes of those that are overdue.
fn replace_manner(load: &mut Load, read: &Load) {
    if let (Load::Open { arrivals, overload, .. }, Load::Open { arrivals: spaced, overload: policy, .. }) =
        (load, read)
    {
        (*arrivals, *overload) = (*spaced, *policy);
    }
}

/// Makes a scenario as long as was asked for, or else as its number of requests needs. A constant load lasts as long.
fn set_length(scenario: &mut Scenario, asked_ns: Option<u64>, draws: Draws) -> Result<(), TooManyToDraw> {
    scenario.length_ns = match asked_ns {
        Some(asked_ns) => asked_ns,
        None => counted_ns(scenario, draws).transpose()?.unwrap_or(scenario.length_ns),
    };
    let rate = scenario.load.constant_rate();
    if let (Load::Open { segments, .. }, Some(rate)) = (&mut scenario.load, rate) {
        *segments = vec![constant(rate, scenario.length_ns)];
    }
    Ok(())
}

/// Another target. Requests that went to the path of the one before go to that of this one.
fn replace_url(fields: &mut Fields, read: &Fields) {
    let (before, now) = (fields.targets[0].url.clone(), read.targets[0].url.clone());
    let was_called = before.to_string();
    let rename = |name: &mut String| {
        if *name == was_called {
            *name = now.to_string();
        }
    };
    let own_path = template::parse(&before.path).ok();
    let is_only = fields.steps().count() == 1;
    rename(&mut fields.name);
    rename(&mut fields.targets[0].name);
    for scenario in &mut fields.scenarios {
        rename(&mut scenario.name);
        for step in scenario.steps_mut() {
            let what = step.request.what().to_owned();
            if let Request::Grpc(call) = &mut step.request {
                let (was_named, named) =
                    (before.path.trim_start_matches('/'), now.path.trim_start_matches('/'));
                let is_meant = call.method == was_named || (was_named.is_empty() && is_only);
                if is_meant && !named.is_empty() && named != call.method {
                    call.method = named.to_owned();
                    call.described = None;
                    if step.name == what {
                        step.name = named.to_owned();
                    }
                }
                continue;
            }
            replace_query(step, &before, &read.scenarios[0].steps()[0]);
            let Some(request) = step.request.http_mut() else { continue };
            if own_path.as_ref() != Some(&request.path) {
                continue;
            }
            request.path = template::parse(&now.path).unwrap_or_else(|_| request.path.clone());
            if step.name == format!("{what} {}", before.path) {
                step.name = format!("{what} {}", now.path);
            }
        }
    }
    fields.targets[0].url = now;
}

/// Another query, where the one before was that of the target before.
fn replace_query(step: &mut Step, before: &Url, read: &Step) {
    let (Request::Dns(own), Request::Dns(query)) = (&mut step.request, &read.request) else { return };
    let name = before.path.split('?').next().unwrap_or_default().trim_start_matches('/');
    if template::parse(name).ok().as_ref() == Some(&own.name) {
        own.name.clone_from(&query.name);
        own.record_type = query.record_type;
        if step.name.starts_with("dns ") {
            step.name.clone_from(&read.name);
        }
    }
}

/// How queries of DNS are asked, as far as that is given.
fn replace_manner_of_queries(fields: &mut Fields, given: &UdpConfig) {
    for step in fields.scenarios.iter_mut().flat_map(|scenario| scenario.steps_mut()) {
        let Request::Dns(query) = &mut step.request else { continue };
        query.recursion = given.recursion.unwrap_or(query.recursion);
        query.edns_bytes = given.edns.or(query.edns_bytes);
    }
}

/// Method and body of the one request, as far as they are given.
fn replace_request(step: &mut Step, read: &Step, given: &[crate::config::RequestConfig]) {
    let before = step.request.what().to_owned();
    match (&mut step.request, &read.request) {
        (Request::Http(own), Request::Http(read)) => {
            if given.iter().any(|request| request.body.is_some()) {
                own.body.clone_from(&read.body);
            }
            if given.iter().any(|request| request.method.is_some()) || before == "GET" {
                own.method.clone_from(&read.method);
            }
        }
        (Request::WebSocket(own), Request::WebSocket(read)) => {
            own.kind = read.kind;
            own.payload.clone_from(&read.payload);
        }
        (Request::Grpc(own), Request::Grpc(read)) => replace_call(own, read, given),
        (Request::Bytes(own), Request::Bytes(read)) => own.payload.clone_from(&read.payload),
        // A target of another kind: the rules say so.
        _ => {}
    }
    if step.name == before {
        step.name = step.request.what().to_owned();
    } else if let Some(rest) = step.name.strip_prefix(&format!("{before} ")) {
        step.name = format!("{} {rest}", step.request.what());
    }
}

fn forget_described(step: &mut Step) {
    if let Request::Grpc(call) = &mut step.request {
        call.described = None;
    }
}

/// The one call, as far as it is given. What was known of its messages is not of others.
fn replace_call(own: &mut GrpcCall, read: &GrpcCall, given: &[crate::config::RequestConfig]) {
    let is_given = |part: fn(&crate::config::RequestConfig) -> bool| given.iter().any(part);
    if is_given(|request| request.call.is_some()) {
        own.method.clone_from(&read.method);
        own.described = None;
    }
    if is_given(|request| request.message.is_some() || request.messages.is_some() || request.body.is_some()) {
        own.messages.clone_from(&read.messages);
        own.described = None;
    }
}

/// Headers in place of those with the same names, in every request.
fn replace_headers(
    fields: &mut Fields,
    given: &BTreeMap<String, Texts>,
    environment: &EnvironmentTexts,
    wrong: &mut Vec<Diagnostic>,
) {
    let variable = |name: &str| environment.get(name);
    let scope = HoleScope { environment: Some(&variable), has_values: false, place: HolePlace::Header };
    for (name, Texts(values)) in given {
        let mut read: Vec<Vec<Piece>> = Vec::new();
        for value in values {
            match scope.pieces(value) {
                Ok(pieces) => read.push(pieces),
                Err(holes) => wrong.extend(holes.into_iter().map(|WrongHole { problem, fix, .. }| {
                    Diagnostic::at(format!("headers.{name}"), problem, fix)
                })),
            }
        }
        for step in fields.scenarios.iter_mut().flat_map(|scenario| scenario.steps_mut()) {
            let Some(headers) = step.request.fields_mut() else {
                let problem = format!("`{name}` is a header, and a message of bytes has none");
                let no_header = Diagnostic::at(format!("headers.{name}"), problem, "leave it out");
                if !wrong.contains(&no_header) {
                    wrong.push(no_header);
                }
                continue;
            };
            headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
            headers.extend(read.iter().map(|pieces| (name.clone(), pieces.clone())));
        }
    }
}

/// Conditions on top of those of the report's plan.
fn add_thresholds(fields: &mut Fields, given: &BTreeMap<String, Conditions>, wrong: &mut Vec<Diagnostic>) {
    for (subject, Conditions(expressions)) in given {
        for expression in expressions {
            let path = format!("thresholds.{subject}");
            match Threshold::parse_parts(subject, expression) {
                Ok(threshold) => match unscheduled(&threshold, &fields.scenarios) {
                    Some((problem, fix)) => {
                        wrong.push(Diagnostic::at(path, format!("`{}` {problem}", threshold.text), fix));
                    }
                    None => fields.thresholds.push(threshold),
                },
                Err(cause) => wrong.push(Diagnostic::at(path, cause.problem, cause.fix)),
            }
        }
    }
}

/// A broken rule, at the key that may have broken it.
fn told(violation: Violation, fields: &Fields) -> Diagnostic {
    let Violation { place, problem, fix, .. } = violation;
    if let PlanPlace::Threshold(index) = place {
        let subject = fields.thresholds[index].subject();
        return Diagnostic::at(format!("thresholds.{subject}"), problem, fix);
    }
    let key = match place {
        PlanPlace::Shards => "run.shards",
        PlanPlace::Cores => "run.cores",
        PlanPlace::Interval => "run.interval",
        PlanPlace::Phases => "run.warmup",
        PlanPlace::Target(_, "pipeline") => "run.pipeline",
        PlanPlace::Target(_, "connect_timeout") => "run.connect_timeout",
        PlanPlace::Target(_, "connect") => "connect",
        PlanPlace::Target(_, "protocol.http1.reuse") => "http.reuse",
        PlanPlace::Target(_, part) if part.starts_with("transport.") || part.starts_with("protocol.") => {
            retarget::key(part)
        }
        PlanPlace::Target(_, "grpc") => "grpc",
        PlanPlace::Target(..) => "url",
        PlanPlace::Connections(_) => "run.connections",
        PlanPlace::Scenario(_, "duration") => "run.duration",
        PlanPlace::Scenario(_, "requests") => "run.requests",
        PlanPlace::Scenario(_, "load") => "load",
        PlanPlace::Scenario(_, key) if key.starts_with("load.") => key,
        PlanPlace::Step(_, _, key) if key.starts_with("headers") => "headers",
        PlanPlace::Step(..) => "request",
        PlanPlace::Threshold(_) => "thresholds",
        PlanPlace::Feed(..) => "feed",
        PlanPlace::Setup(..) => "setup",
        PlanPlace::Plan | PlanPlace::Scenario(..) => "",
    };
    Diagnostic::at(key, problem, fix)
}

/// Whether a variable that a shell can export may be named after a header. Two underscores would be taken for the end of a key.
fn is_in_variables(header: &str) -> bool {
    header.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') && !header.contains("__")
}

/// Values that the report has not, because they are secrets: they would be sent as what stands in their place.
fn redacted(fields: &Fields) -> Vec<Diagnostic> {
    const KEEP: &str = "or repeat a run that was made with `--keep-secrets`";
    let mut wrong: Vec<Diagnostic> = Vec::new();
    let has_mark = |pieces: &[Piece]| {
        pieces.iter().any(|piece| match piece {
            Piece::Bytes(bytes) => redact::holds_mark(bytes),
            Piece::Value(hole) => {
                let values = hole.values().iter().map(String::as_str);
                values.chain(hole.keys()).any(|text| redact::holds_mark(text.as_bytes()))
            }
            _ => false,
        })
    };
    for (number, target) in fields.targets.iter().enumerate() {
        let TargetProtocol::WebSocket { subprotocols, .. } = &target.protocol else { continue };
        if subprotocols.iter().any(|name| redact::holds_mark(name.as_bytes())) {
            let problem = "the report has not a subprotocol: it may be a secret, and was redacted";
            let place = format!("plan.targets.{number}.protocol.websocket.subprotocols");
            wrong.push(Diagnostic::at(place, problem, format!("give all by `--subprotocol`, {KEEP}")));
        }
    }
    for step in fields.setup.iter().flat_map(|setup| &setup.steps) {
        if step.request.parts().any(has_mark) {
            let problem = format!(
                "the report has not all that `{}` of the setup sends: it is a secret, and was redacted",
                step.name
            );
            wrong.push(Diagnostic::at("plan.setup", problem, format!("run the plan file, {KEEP}")));
        }
    }
    for (number, scenario) in fields.scenarios.iter().enumerate() {
        for (index, step) in scenario.steps().iter().enumerate() {
            let (form, carried) = match &step.request {
                Request::Http(_) => ("http", "body"),
                Request::WebSocket(_) => ("websocket.opening", "message"),
                Request::Grpc(_) => ("grpc", "message"),
                Request::Bytes(_) => ("bytes", "message"),
                Request::Dns(_) => ("dns", "name"),
            };
            let path = step.request.http().map_or(&[][..], |request| request.path.as_slice());
            let headers = step.request.fields();
            let place =
                |part: &str| format!("plan.scenarios.{number}.script.mix.{index}.request.{form}.{part}");
            let mut missing = |part: String, what: String, fix: String| {
                let problem = format!("the report has not {what}: it is a secret, and was redacted");
                let fix = format!("give it by {fix}, {KEEP}");
                if wrong.iter().all(|known| known.problem != problem) {
                    wrong.push(Diagnostic::at(place(&part), problem, fix));
                }
            };
            for (index, (name, _)) in headers.iter().enumerate().filter(|(_, (_, value))| has_mark(value)) {
                let fix = match is_in_variables(name) {
                    true => format!("`-H`, or in VAJRA_HEADERS__{}", name.to_uppercase()),
                    false => "`-H`".to_owned(),
                };
                missing(format!("headers.{index}"), format!("the value of the header `{name}`"), fix);
            }
            if has_mark(path) {
                let what = format!("the path of `{}`", step.name);
                missing("path".to_owned(), what, "`--url`".to_owned());
            }
            if step.request.payloads().any(has_mark) {
                let what = format!("the {carried} of `{}`", step.name);
                missing("body".to_owned(), what, "`-b`".to_owned());
            }
        }
    }
    wrong
}
