//! Why two sides cannot be compared as they are: each obstacle with its words, and what to do about it.

use super::options::Options;
use crate::flow::revised_thinks::ThinkTime;
use crate::load::UserLoad;
use crate::load::{Arrivals, Load, Overload};
use crate::plan::{
    Fields, HttpRequest, Plan, PoolSize, ReplyMatching, Request, Scenario, Target, TargetProtocol, Transport,
};
use crate::quantity::counted;
use crate::recorded;
use crate::redact;
use crate::report::{Report, SCHEMA};
use crate::resilience::Resilience;
use crate::revision::Change;
use crate::schedule::{Segment, Shape};
use crate::template::Piece;
use crate::verdict::Status;
use std::collections::BTreeSet;

pub use super::obstacle::{Objection, Obstacle, Refusal};

/// Fewer slices than this in a window make intervals that cannot be relied on.
pub const SLICES_MIN: usize = 20;
/// Fewer than this make none at all.
pub const SLICES_NEEDED: usize = 6;
/// Fewer pairs than this have no spread worth the name.
pub const PAIRS_MIN: usize = 3;

/// All that is in the way, whether it is allowed or not.
pub(crate) fn objections(base: &[Report], candidate: &[Report], options: &Options) -> Vec<Objection> {
    let all = || base.iter().chain(candidate);
    let mut found: Vec<Objection> = all().flat_map(of_run).collect();
    let first = &base[0];
    for other in all().skip(1) {
        found.extend(of_two(first, other));
    }
    if options.is_paired && (base.len() != candidate.len() || base.len() < PAIRS_MIN) {
        let text =
            format!("{} against {} cannot be paired", counted(base.len() as u64, "run"), candidate.len());
        let fix = format!("give as many runs on either side, at least {PAIRS_MIN}, made in turns");
        found.push(Objection { obstacle: Obstacle::Pairs, text, fix });
    }
    found
}

/// Whether runs, whatever they are compared with, can be compared at all: what a baseline has to be.
pub fn require_comparable(runs: &[Report], options: &Options) -> Result<(), Refusal> {
    let in_the_way =
        objections(runs, &[], options).into_iter().filter(|objection| !options.allows(objection));
    refuse(in_the_way.collect())
}

/// Whether the plan of runs to come is that of a base, as far as it matters.
pub fn require_same_plan(base: &Report, plan: &Plan, options: &Options) -> Result<(), Refusal> {
    let what = format!("run {} and what is to be run", base.run_id);
    let in_the_way =
        of_plans(&what, &base.plan, plan).into_iter().filter(|objection| !options.allows(objection));
    refuse(in_the_way.collect())
}

fn refuse(objections: Vec<Objection>) -> Result<(), Refusal> {
    if objections.is_empty() { Ok(()) } else { Err(Refusal { objections }) }
}

/// What is wrong with one run.
fn of_run(report: &Report) -> Vec<Objection> {
    let mut found = Vec::new();
    let id = &report.run_id;
    let mut object = |obstacle, text: String, fix: &str| {
        found.push(Objection::new(obstacle, text, fix));
    };
    if report.schema != SCHEMA {
        let text = format!(
            "run {id} has a report of schema {}, and this version of Vajra reads {SCHEMA}",
            report.schema
        );
        object(Obstacle::Schema, text, "make the run again with this version");
    }
    if report.verdict.status == Status::Invalid {
        let rules: Vec<&str> = report.verdict.reasons.iter().map(|reason| reason.rule.as_str()).collect();
        let text = format!("run {id} is INVALID ({})", rules.join(", "));
        object(Obstacle::Invalid, text, "fix what its report names, and make it again");
    }
    let iterations = report.iterations.as_ref().map_or(0, |iterations| iterations.withheld);
    let withheld = report.requests.withheld + iterations;
    if withheld > 0 {
        let text = format!(
            "run {id} withheld {}, so that its figures are those of another load than was asked for",
            counted(withheld, "arrival")
        );
        object(Obstacle::Withheld, text, "ask for less, or use `overload = \"queue\"`, and make it again");
    }
    match report.measured_slices() {
        _ if report.requests.ok == 0 => {
            let text = format!("not one request of run {id} succeeded");
            object(Obstacle::Completed, text, "see how its requests failed, and make it again");
        }
        slices if slices < SLICES_NEEDED => {
            let text = match slices {
                0 => format!("run {id} has no history, which reports have from version 0.2 on"),
                few => format!(
                    "run {id} has a history of {}; below {SLICES_NEEDED} there is nothing to reckon with",
                    counted(few as u64, "slice")
                ),
            };
            object(Obstacle::History, text, "make the run again, for 10 s or longer");
        }
        slices if slices < SLICES_MIN => {
            let text = format!(
                "run {id} has {}, too few for intervals to be relied on",
                counted(slices as u64, "slice")
            );
            object(Obstacle::Slices, text, "run longer: 2 s give 20 slices, 10 s give 100");
        }
        _ => {}
    }
    found
}

/// In what a run differs from the first one.
fn of_two(first: &Report, other: &Report) -> Vec<Objection> {
    let ids = format!("runs {} and {}", first.run_id, other.run_id);
    let mut found = of_plans(&ids, &first.plan, &other.plan);
    let environments = environment_differences(first, other);
    if changed(first) != changed(other) {
        let text = format!("{ids} were not changed in the same way while they went on");
        found.push(Objection::new(Obstacle::Plan, text, "run both without changes, or with the same ones"));
    }
    if !environments.is_empty() {
        let text = format!("{ids} were made in different environments: {}", environments.join("; "));
        let fix = "make both on the same machine with the same Vajra";
        found.push(Objection::new(Obstacle::Environment, text, fix));
    }
    found
}

/// What was changed of a run while it went on, and from when on.
fn changed(report: &Report) -> Vec<(&str, u64, &Change)> {
    let revisions = report.revisions.iter();
    revisions.map(|revision| (revision.scenario.as_str(), revision.cut_ns, &revision.change)).collect()
}

/// In what the plan of one differs from the other's. `what` names both.
fn of_plans(what: &str, first: &Plan, other: &Plan) -> Vec<Objection> {
    let mut found = Vec::new();
    if loops(first) != loops(other) {
        let text = format!("of {what}, one is a closed loop and the other has a rate of its own");
        let fix = "a closed loop asks a slow target less; run both in the same way";
        found.push(Objection::new(Obstacle::Loop, text, fix));
    }
    let plans = plan_differences(first, other);
    if !plans.is_empty() {
        let text = format!("the plans of {what} differ: {}", plans.join("; "));
        found.push(Objection::new(Obstacle::Plan, text, "run both with the same plan"));
    }
    found
}

/// Of each scenario, whether it is a closed loop.
fn loops(plan: &Plan) -> Vec<bool> {
    plan.scenarios.iter().map(|scenario| scenario.load.is_closed()).collect()
}

/// How many redirects are followed of each kind of request.
fn show_redirects(scenario: &Scenario) -> String {
    let each = scenario.steps().iter().map(|step| step.looks.redirects.to_string());
    each.collect::<Vec<_>>().join(", ")
}

/// When steps are intended that have recorded moments.
fn show_timeline(scenario: &Scenario) -> String {
    let items = scenario.flow().map_or(&[][..], |flow| &flow.items);
    items.iter().filter_map(|item| item.at_ns).map(exact).collect::<Vec<_>>().join(", ")
}

/// What the parts of a flow think, in their order; equal words mean equal times.
fn show_think_times(scenario: &Scenario) -> String {
    let name = |step: usize| scenario.steps()[step].name.clone();
    let times = scenario.flow().map(|flow| flow.think_times(&name)).unwrap_or_default();
    match times.is_empty() {
        true => "none".to_owned(),
        false => times.iter().map(ThinkTime::to_string).collect::<Vec<_>>().join(", "),
    }
}

/// A field of a plan in words.
type Show = fn(&Plan) -> String;

/// Every field that matters and differs, with both values. Names of plans, seeds, lengths, thresholds and where the target stands
/// do not matter: two deployments of one service are what is compared as a rule.
pub fn plan_differences(first: &Plan, other: &Plan) -> Vec<String> {
    // Reports of earlier versions, or with secrets kept, are compared with others by what a secret is known by.
    let (first, other) = (&redact::plan(first), &redact::plan(other));
    let fields: [(&str, Show); 19] = [
        ("redirects", |plan| each(plan, show_redirects)),
        ("timeline", |plan| each(plan, show_timeline)),
        ("think times", |plan| each(plan, show_think_times)),
        ("scenarios", |plan| plan.scenarios.len().to_string()),
        ("requests", |plan| each(plan, show_requests)),
        ("load", |plan| each(plan, |scenario| show_load(&scenario.load))),
        ("starts", |plan| each(plan, |scenario| exact(scenario.starts_ns))),
        ("lengths", show_lengths),
        ("requests to send", show_counts),
        ("connections", |plan| each(plan, |scenario| connections_of(plan, scenario))),
        ("targets", |plan| each(plan, |scenario| targets_of(plan, scenario))),
        ("shards", |plan| plan.machine.shards.to_string()),
        ("protocol", |plan| each_target(plan, show_protocol)),
        ("pipeline", |plan| each_target(plan, show_pipeline)),
        ("timeout", |plan| each(plan, show_timeouts)),
        ("connect_timeout", |plan| each_target(plan, |target| exact(target.connect_timeout_ns))),
        ("retry and breaker", |plan| each(plan, show_resilience)),
        ("cookies", |plan| each(plan, |scenario| keeps_cookies(scenario).to_owned())),
        ("wait", |plan| format!("{:?}", plan.machine.wait).to_lowercase()),
    ];
    // A closed loop against an open one is an obstacle of its own.
    let is_asked = |name: &str| name != "load" || loops(first) == loops(other);
    let fields = fields.iter().filter(|(name, _)| is_asked(name));
    let mut differences: Vec<String> =
        fields.filter_map(|(name, show)| difference(name, &show(first), &show(other))).collect();
    let is_said = differences.iter().any(|text| text.starts_with("requests"));
    if !is_said && what_is_sent(first) != what_is_sent(other) {
        differences.push("requests: their headers, bodies or weights differ".to_owned());
    }
    differences
}

/// What is spoken with a target, and inside what.
fn show_protocol(target: &Target) -> String {
    let inside = if target.transport == Transport::Plain { "" } else { " over TLS" };
    match &target.protocol {
        TargetProtocol::Http1 { reuse: true, .. } => format!("HTTP/1.1{inside}"),
        TargetProtocol::Http1 { reuse: false, .. } => {
            format!("HTTP/1.1{inside}, a connection for each request")
        }
        TargetProtocol::Http2 { streams, window_bytes, header_table_bytes } => format!(
            "{}2{inside}, {}, windows of {window_bytes} bytes, {header_table_bytes} for header fields",
            if target.grpc.is_some() { "gRPC over HTTP/" } else { "HTTP/" },
            counted((*streams).into(), "stream"),
        ),
        TargetProtocol::WebSocket { matching, ping_ns, subprotocols, pipeline: _ } => {
            let replies = match matching {
                ReplyMatching::Order => "replies in order".to_owned(),
                ReplyMatching::Json(pointer) => format!("replies by {pointer}"),
                ReplyMatching::None => "no replies".to_owned(),
            };
            let pings = ping_ns.map(|every_ns| format!(", a ping each {}", exact(every_ns)));
            let offered = match subprotocols.as_slice() {
                [] => String::new(),
                names => format!(", subprotocols {}", names.join(", ")),
            };
            format!("WebSocket{inside}{offered}, {replies}{}", pings.unwrap_or_default())
        }
        TargetProtocol::Tcp { ends, greeting, .. } => {
            let greets = if *greeting { ", after a greeting" } else { "" };
            format!("bytes over TCP{inside}, ended by {ends}{greets}")
        }
        TargetProtocol::Udp { matching, .. } => format!("UDP, replies by {}", matching.shown()),
    }
}

/// How deep the pipeline is, where there is one: of HTTP/2 it is part of what is spoken.
fn show_pipeline(target: &Target) -> String {
    match target.protocol {
        TargetProtocol::Http1 { pipeline, .. }
        | TargetProtocol::WebSocket { pipeline, .. }
        | TargetProtocol::Tcp { pipeline, .. }
        | TargetProtocol::Udp { pipeline, .. } => pipeline.to_string(),
        TargetProtocol::Http2 { .. } => "1".to_owned(),
    }
}

/// Something of each scenario, with its name where there are several.
fn each(plan: &Fields, show: impl Fn(&Scenario) -> String) -> String {
    match plan.scenarios.as_slice() {
        [only] => show(only),
        several => several
            .iter()
            .map(|scenario| format!("{} {}", scenario.name, show(scenario)))
            .collect::<Vec<_>>()
            .join("; "),
    }
}

/// How long each of several scenarios lasts, where that is not as long as the run: it makes the mixture. The length of the run does not
/// matter.
fn show_lengths(plan: &Plan) -> String {
    let of_run_ns = plan.phases.measure_to_ns;
    let show = |scenario: &Scenario| match scenario.ends_ns() {
        ends_ns if plan.scenarios.len() == 1 || ends_ns == of_run_ns => "the whole run".to_owned(),
        _ => exact(scenario.length_ns),
    };
    each(plan, show)
}

/// With how many requests each of several scenarios ends.
fn show_counts(plan: &Plan) -> String {
    let of_several = plan.scenarios.len() > 1;
    let count = |scenario: &Scenario| scenario.requests_max.filter(|_| of_several);
    each(plan, |scenario| count(scenario).map_or("as many as fit".to_owned(), |count| count.to_string()))
}

fn connections_of(plan: &Fields, scenario: &Scenario) -> String {
    let sizes = || pools_of(scenario).map(|pool| plan.pools[pool].connections);
    let count: u32 = sizes().map(PoolSize::count).sum();
    if sizes().any(PoolSize::is_per_session) { format!("{count} per user") } else { count.to_string() }
}

/// Which targets a scenario goes to, numbered as scenarios come to use them: where they stand, and in which order the plan has them, does
/// not matter.
fn targets_of(plan: &Fields, scenario: &Scenario) -> String {
    let of_scenario = |scenario: &Scenario| pools_of(scenario).map(|pool| plan.pools[pool].target).collect();
    let mut used: Vec<usize> = Vec::new();
    for target in plan.scenarios.iter().flat_map(|scenario| -> Vec<usize> { of_scenario(scenario) }) {
        if !used.contains(&target) {
            used.push(target);
        }
    }
    let place = |target: &usize| used.iter().position(|used| used == target).map_or(0, |place| place + 1);
    let targets: Vec<String> = of_scenario(scenario).iter().map(|target| place(target).to_string()).collect();
    targets.join(", ")
}

/// The pools that a scenario sends on, each once.
fn pools_of(scenario: &Scenario) -> impl Iterator<Item = usize> {
    let pools: BTreeSet<usize> = scenario.steps().iter().map(|step| step.pool).collect();
    pools.into_iter()
}

/// Something of each target, in the order of the plan.
fn each_target(plan: &Fields, show: impl Fn(&Target) -> String) -> String {
    plan.targets.iter().map(show).collect::<Vec<_>>().join(", ")
}

fn environment_differences(first: &Report, other: &Report) -> Vec<String> {
    let version = |report: &Report| report.environment.versions.get("vajra").cloned().unwrap_or_default();
    let (mine, others) = (&first.environment, &other.environment);
    [
        difference("cpu", &mine.cpu, &others.cpu),
        difference("cores", &mine.cores.to_string(), &others.cores.to_string()),
        difference("kernel", &mine.kernel, &others.kernel),
        difference("vajra", &version(first), &version(other)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn difference(name: &str, first: &str, other: &str) -> Option<String> {
    (first != other).then(|| format!("{name}: {first} against {other}"))
}

/// All that the requests put on the wire, and how often, but for the name of the host.
fn what_is_sent(plan: &Plan) -> Vec<(u32, Request)> {
    let sent = plan.steps().map(|step| {
        let mut request = step.request.clone();
        if let Request::Grpc(call) = &mut request {
            // What the target makes of it is the target's.
            call.described = None;
        }
        if let Some(fields) = request.fields_mut() {
            fields.retain(|(name, _)| !name.eq_ignore_ascii_case("host"));
        }
        (step.weight, request)
    });
    sent.collect()
}

fn show_requests(scenario: &Scenario) -> String {
    let piece = |piece: &Piece| match piece {
        Piece::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Piece::Value(hole) => format!("{{{{{hole}}}}}"),
        other => format!("{{{{{}}}}}", format!("{other:?}").to_lowercase()),
    };
    let one = |request: &Request| match request.http() {
        Some(HttpRequest { path, .. }) => {
            format!("{} {}", request.what(), path.iter().map(piece).collect::<String>())
        }
        None => match request {
            Request::Dns(query) => {
                let name: String = query.name.iter().map(piece).collect();
                format!("dns {name} {}", query.record_type)
            }
            other => other.what().to_owned(),
        },
    };
    scenario.steps().iter().map(|step| one(&step.request)).collect::<Vec<_>>().join(", ")
}

/// What its clients do about failures: with it, requests are tried again, and response times are those of all attempts.
fn show_resilience(scenario: &Scenario) -> String {
    scenario.flow().map_or(Resilience::default(), |flow| flow.resilience.clone()).to_string()
}

fn keeps_cookies(scenario: &Scenario) -> &'static str {
    if scenario.flow().is_some_and(|flow| flow.cookies) { "kept" } else { "not kept" }
}

/// The timeouts of a scenario's steps, each once.
fn show_timeouts(scenario: &Scenario) -> String {
    let mut timeouts: Vec<u64> = scenario.steps().iter().map(|step| step.timeout_ns).collect();
    timeouts.dedup();
    timeouts.into_iter().map(exact).collect::<Vec<_>>().join(", ")
}

/// A load in a few words; equal words mean equal loads. The length of a last segment that goes on as it is, is only the length
/// of the run.
fn show_load(load: &Load) -> String {
    if let Some(UserLoad { segments, pacing_ns, loops_max }) = load.users() {
        let as_rate = Load::Open {
            name: "users".to_owned(),
            segments: segments.clone(),
            arrivals: Arrivals::default(),
            overload: Overload::default(),
        };
        let pacing = pacing_ns.map_or(String::new(), |ns| format!(", one each {}", exact(ns)));
        let loops = loops_max.map_or(String::new(), |loops| format!(", each {loops} times"));
        return show_load(&as_rate) + &pacing + &loops;
    }
    let Load::Open { name, segments, arrivals, overload } = load else { return "closed".to_owned() };
    let last = segments.len() - 1;
    let segment = |(index, segment): (usize, &Segment)| {
        let goes_on = index == last && !matches!(segment.shape, Shape::Ramp { .. });
        let length = if goes_on { String::new() } else { format!(" for {}", exact(segment.length_ns)) };
        match &segment.shape {
            Shape::Constant(rate) => format!("{rate}{length}"),
            Shape::Ramp { from, to } => format!("{from} to {to}{length}"),
            Shape::Sine { mean, amplitude, period_ns } => {
                format!("{mean} ± {amplitude} every {}{length}", exact(*period_ns))
            }
            Shape::Recorded { offsets_ns } => {
                let fingerprint = recorded::fingerprint(offsets_ns);
                format!("{} arrivals, those of {fingerprint:016x}{length}", offsets_ns.len())
            }
        }
    };
    let mut text = segments.iter().enumerate().map(segment).collect::<Vec<_>>().join(", ");
    if *arrivals == Arrivals::Poisson {
        text += ", poisson";
    }
    match overload {
        Overload::Queue => {}
        Overload::Shed { deadline_ns } => text += &format!(", shed after {}", exact(*deadline_ns)),
        Overload::Degrade { slip_ns, floor_ppm } => {
            let floor = f64::from(*floor_ppm) / 1e4;
            text += &format!(", degraded after {}, to {floor} % at the least", exact(*slip_ns));
        }
    }
    format!("{name} {text}")
}

/// A duration without rounding, because two that differ must not be shown as one.
fn exact(ns: u64) -> String {
    format!("{} ms", ns as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::compare;
    use crate::fixtures::{CLOSED, OPEN, report, slices};
    use crate::verdict::Verdict;

    fn run(plan: &str) -> Report {
        Report { verdict: Verdict::default(), ..report("a", plan, &slices(1, 20, 20, 1.0)) }
    }

    fn refused(base: &Report, candidate: &Report) -> Vec<(Obstacle, String)> {
        let found =
            objections(std::slice::from_ref(base), std::slice::from_ref(candidate), &Options::default());
        assert!(found.iter().all(|objection| !objection.fix.is_empty()));
        found.into_iter().map(|objection| (objection.obstacle, objection.text)).collect()
    }

    #[test]
    fn plans_that_differ_in_name_place_or_length_are_compared() {
        let other = CLOSED.replace("'h'", "'http://other:81/'").replace("10s", "20s");
        let other = format!("name = 'else'\n{other}\nseed = 7\n[thresholds]\nresponse = 'p(99)<1s'");
        assert_eq!(refused(&run(CLOSED), &run(&other)), []);
        let longer = OPEN.replace("'1s'", "'2s'");
        assert_eq!(refused(&run(OPEN), &run(&longer)), []);
        let host = format!("{CLOSED}\n[headers]\nHost = 'one'");
        assert_eq!(refused(&run(&host), &run(&host.replace("one", "two"))), []);
    }

    #[test]
    fn each_field_of_a_plan_that_matters_is_named_with_both_values() {
        let changes = [
            ("'h'", "'h/other'", "requests: GET / against GET /other"),
            ("duration", "connections = 65\nduration", "connections: 64 against 65"),
            ("duration", "pipeline = 2\nduration", "pipeline: 1 against 2"),
            (
                "[run]",
                "[http]\nversion = '2-prior-knowledge'\nstreams = 4\n[run]",
                "protocol: HTTP/1.1 against HTTP/2, 4 streams, windows of 1073741824 bytes, 4096 for header",
            ),
            ("duration", "shards = 2\nduration", "shards: 1 against 2"),
            ("duration", "timeout = '10001ms'\nduration", "timeout: 10000 ms against 10001 ms"),
            ("duration", "wait = 'spin'\nduration", "wait: auto against spin"),
        ];
        for (from, to, said) in changes {
            let found = refused(&run(CLOSED), &run(&CLOSED.replacen(from, to, 1)));
            assert_eq!((found.len(), found[0].0), (1, Obstacle::Plan), "{to}");
            assert!(found[0].1.contains(said), "{}", found[0].1);
        }
        for (line, said) in [
            (
                "retry = { on = [503, 'timeout'], wait = '5ms,2s', budget = '10%' }",
                "retry and breaker: nothing against 3 attempts on 503, timeout after 5ms,2s of 10 % of the requests",
            ),
            (
                "breaker = { clients = 2, opens = '50% of 20' }",
                "retry and breaker: nothing against 2 clients whose breakers open at 10 failures of 20",
            ),
            ("cookies = true", "cookies: not kept against kept"),
        ] {
            let open = format!("{OPEN}\n[[step]]\nget = '/'");
            let found = refused(&run(&open), &run(&format!("{line}\n{open}")));
            assert_eq!((found.len(), found[0].0), (1, Obstacle::Plan), "{line}: {found:?}");
            assert!(found[0].1.contains(said), "{}", found[0].1);
        }
        let steps = format!("{OPEN}\n[[step]]\nget = '/'");
        let thinks = refused(&run(&steps), &run(&format!("{steps}\nthink = '2s'")));
        assert!(thinks[0].1.contains("think times: none against GET / 2s"), "{thinks:?}");
        let header = refused(&run(CLOSED), &run(&format!("{CLOSED}\n[headers]\nAccept = 'x'")));
        assert!(header[0].1.contains("headers, bodies or weights"), "{header:?}");
        let rate = refused(&run(OPEN), &run(&OPEN.replace("1000", "1001")));
        assert!(rate[0].1.contains("load: constant 1000/s against constant 1001/s"), "{rate:?}");
        let ramp = |length: &str| {
            format!("url='h'\n[run]\nduration='{length}'\n[load]\nshape='ramp'\nfrom=10\nto=20")
        };
        assert_eq!(refused(&run(&ramp("10s")), &run(&ramp("20s")))[0].0, Obstacle::Plan);
    }

    #[test]
    fn of_several_scenarios_each_has_to_be_what_it_was() {
        const TWO: &str = "[target.api]\nurl = 'h'\n[target.store]\nurl = 'i'\n[run]\nduration = '10s'\nconnections = 8\n\
             [scenario.read]\ntarget = 'api'\nload = { rate = 50 }\n[scenario.write]\ntarget = 'store'\nrequests = 40\n\
             connections = 4";
        assert_eq!(refused(&run(TWO), &run(TWO)), []);
        let longer = TWO.replace("10s", "20s");
        assert_eq!(refused(&run(TWO), &run(&longer)), []);
        let changes = [
            ("rate = 50", "rate = 51", "load: read constant 50/s"),
            (
                "requests = 40",
                "requests = 41",
                "requests to send: read as many as fit; write 40 against read as many as fit; write 41",
            ),
            ("connections = 4", "connections = 5", "connections: read 8; write 4 against read 8; write 5"),
            (
                "target = 'store'",
                "target = 'store'\nduration = '5s'",
                "lengths: read the whole run; write the whole run against read the whole run; write 5000 ms",
            ),
            (
                "target = 'store'",
                "target = 'store'\nstarts = '1s'",
                "starts: read 0 ms; write 0 ms against read 0 ms; write 1000 ms",
            ),
        ];
        for (from, to, said) in changes {
            let found = refused(&run(TWO), &run(&TWO.replacen(from, to, 1)));
            assert_eq!((found.len(), found[0].0), (1, Obstacle::Plan), "{to}: {found:?}");
            assert!(found[0].1.contains(said), "{}", found[0].1);
        }
        let one_target =
            TWO.replace("target = 'store'", "target = 'api'").replace("[target.store]\nurl = 'i'\n", "");
        let found = refused(&run(TWO), &run(&one_target));
        assert!(found.iter().any(|(_, text)| text.contains("targets: ")), "{found:?}");
        let (api, store) = ("[target.api]\nurl = 'h'\n", "[target.store]\nurl = 'i'\n");
        let swapped = TWO.replace(api, "").replace(store, &format!("{store}{api}"));
        assert_eq!(refused(&run(TWO), &run(&swapped)), []);
        let closed = TWO.replace("load = { rate = 50 }", "");
        assert_eq!(refused(&run(TWO), &run(&closed))[0].0, Obstacle::Loop);
    }

    #[test]
    fn a_closed_loop_is_not_compared_with_an_open_one() {
        let found = refused(&run(CLOSED), &run(OPEN));
        assert_eq!(found.iter().map(|(obstacle, _)| *obstacle).collect::<Vec<_>>(), [Obstacle::Loop]);
    }

    #[test]
    fn what_is_wrong_with_a_single_run_is_said_with_its_id() {
        let good = run(CLOSED);
        let mut invalid = report("bad", OPEN, &slices(1, 20, 20, 1.0));
        invalid.plan = good.plan.clone();
        let mut withheld = good.clone();
        withheld.requests.withheld = 3;
        let cases = [
            (invalid, Obstacle::Invalid, "run bad is INVALID (unaccounted"),
            (withheld, Obstacle::Withheld, "run a withheld 3 arrivals"),
            (Report { schema: 99, ..good.clone() }, Obstacle::Schema, "schema 99"),
            (Report { history: Vec::new(), ..good.clone() }, Obstacle::History, "no history"),
            (Report { history: good.history[..5].to_vec(), ..good.clone() }, Obstacle::History, "5 slices"),
            (Report { history: good.history[..6].to_vec(), ..good.clone() }, Obstacle::Slices, "6 slices"),
            (report("none", CLOSED, &vec![(vec![], 1); 20]), Obstacle::Completed, "not one request"),
        ];
        for (candidate, obstacle, said) in cases {
            let found = refused(&good, &candidate);
            assert!(found.iter().any(|(kind, text)| *kind == obstacle && text.contains(said)), "{found:?}");
        }
        let mut elsewhere = good.clone();
        elsewhere.environment.kernel = "9".into();
        elsewhere.environment.versions.insert("vajra".into(), "0.0.1".into());
        let found = refused(&good, &elsewhere);
        assert!(found[0].1.contains("kernel:  against 9; vajra:  against 0.0.1"), "{found:?}");
    }

    #[test]
    fn what_is_allowed_becomes_a_note_and_what_leaves_nothing_to_compare_cannot_be() {
        let good = run(CLOSED);
        let other = run(&CLOSED.replace("duration", "connections = 65\nduration"));
        let compared = |candidate: &Report, allowed: BTreeSet<Obstacle>| {
            let options = Options { allowed, resamples: 50, ..Options::default() };
            compare(std::slice::from_ref(&good), std::slice::from_ref(candidate), &options)
        };
        let refusal = compared(&other, BTreeSet::new()).unwrap_err();
        assert!(refusal.to_string().contains("allow `plan`"), "{refusal}");
        let notes = compared(&other, BTreeSet::from([Obstacle::Plan])).unwrap().notes;
        assert!(notes[0].contains("connections: 64 against 65"), "{notes:?}");
        let empty = Report { history: Vec::new(), ..good.clone() };
        assert!(compared(&empty, BTreeSet::from(Obstacle::ALL)).is_err());
        let mut broken = good.clone();
        broken.history[3].response_hdr = "no histogram".into();
        let refusal = compared(&broken, BTreeSet::new()).unwrap_err();
        assert!(refusal.objections[0].text.contains("slice 3"), "{refusal}");
    }

    #[test]
    fn obstacles_are_read_by_name() {
        for obstacle in Obstacle::ALL.into_iter().filter(|obstacle| obstacle.can_be_allowed()) {
            assert_eq!(Obstacle::parse(obstacle.name()), Ok(obstacle));
        }
        assert!(Obstacle::parse("plans").unwrap_err().to_string().contains("did you mean `plan`"));
        assert!(Obstacle::parse("history").unwrap_err().to_string().contains("cannot be allowed"));
    }
}
