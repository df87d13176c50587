//! Worlds and plans drawn from seeds, and what holds in every one of them.

use crate::agreement::assert_agrees;
use engine::bucket::Tally;
use engine::config::{Document, Format, Layers};
use engine::distribution::Distribution;
use engine::history::Slice;
use engine::outcome::Kind;
use engine::plan::Plan;
use engine::quantity::{MICROSECOND_NS, MILLISECOND_NS, SECOND_NS};
use engine::random::Random;
use engine::record::{AttemptFailure, AttemptPhase, Series};
use engine::report::{Identity, MachineFacts, Measured, Report};
use shards::simulation::world::{
    Body, Faults, Hiccup, Network, Pieces, ServedProtocol, Service, SimulatedMachine, SimulatedServer,
    SimulatedStall, World,
};
use shards::simulation::{Simulation, SimulationResult};
use std::ops::Range;

/// What a request takes from being handed over to being recorded, beside network and server: the machine's own time.
pub(super) const MACHINE_NS_MAX: u64 = 100 * MICROSECOND_NS;
/// A timeout is noticed by then: the tick, and the longest time between two turns.
pub(super) const TIMEOUT_LATE_NS_MAX: u64 = 8 * MILLISECOND_NS;
/// A thousandth, as a histogram rounds.
pub(super) const ROUNDING: f64 = 0.002;

/// The seeds to check a claim for.
pub(super) fn seeds(count: u64) -> Range<u64> {
    let Ok(asked) = std::env::var("SIMULATION_SEED") else { return 0..count };
    let (first, last) = asked.split_once("..").unwrap_or((&asked, &asked));
    let read = |text: &str| text.parse::<u64>().expect("SIMULATION_SEED is a number, or two as in 0..99");
    read(first)..read(last) + 1
}

/// A plan, with settings of `[run]`, and of the rest after a line `[load]`.
pub(super) fn plan(run: &str) -> Plan {
    plan_of("http://simulated/", run)
}

/// The same with another target.
pub(super) fn plan_of(url: &str, run: &str) -> Plan {
    let text = format!("url = '{url}'\n[run]\nconnect_timeout = '100ms'\n{run}\n");
    let document = Document { name: "plan".into(), text: text.clone(), format: Format::Toml };
    let layers = Layers::new(Some(document)).map_err(|wrong| wrong.0).expect(&text);
    let config = layers.config().expect(&text);
    Plan::new(&config, &|_| Err("the simulation reads no files".into())).expect(&text)
}

/// The same, with settings of `[http]` before it.
pub(super) fn plan_of_http(http: &str, run: &str) -> Plan {
    let (run, load) = run.split_once("[load]").unwrap_or((run, ""));
    let load = if load.is_empty() { String::new() } else { format!("[load]{load}\n") };
    plan(&format!("{run}\n[http]\n{http}\n{load}"))
}

/// Names the seed when the simulated loop itself panics: its own assertions know of none.
struct Witness(u64);

impl Drop for Witness {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the seed was {}", self.0);
        }
    }
}

pub(super) fn run(plan: &Plan, world: &World, seed: u64) -> SimulationResult {
    let _witness = Witness(seed);
    let outcome = Simulation::new(plan.clone(), world.clone(), seed).run();
    assert_accounted(plan, &outcome, seed);
    assert_agrees(&report(plan, &outcome), &format!("seed {seed}"));
    outcome
}

/// All that came of a run, in words: two runs with the same did the same.
pub(super) fn digest(outcome: &SimulationResult) -> String {
    let of_series = |series: &Series| {
        let times = [&series.response, &series.service, &series.slip, &series.failed_response];
        let statuses: Vec<(u16, u64)> = series.statuses.iter().collect();
        let Series { sent, ok, errors, bytes_sent, bytes_received, .. } = series;
        let summaries = times.map(|distribution| distribution.summary());
        format!("{sent} {ok} {errors:?} {statuses:?} {bytes_sent} {bytes_received} {summaries:?}")
    };
    let snapshot = &outcome.snapshot;
    let series: Vec<String> = snapshot.requests.each_series().map(of_series).collect();
    let lag = snapshot.requests.total().lag.summary();
    let unreleased = snapshot.requests.scenario_total();
    format!(
        "{:?} {:?} {series:?} {lag:?} {unreleased:?} {:?}",
        outcome.wires,
        outcome.intervals,
        snapshot.stats()
    )
}

/// What would be reported of it.
pub(super) fn report(plan: &Plan, outcome: &SimulationResult) -> Report {
    let facts = MachineFacts {
        cores: (0..plan.machine.shards as usize).collect(),
        connections_open: u64::from(plan.connections()),
        run_s: outcome.finished_ns() as f64 / 1e9,
        ..MachineFacts::default()
    };
    let measured = Measured { facts, ..Measured::of(outcome.snapshot.clone(), history(plan, outcome)) };
    let identity = Identity { run_id: "simulated".into(), started_at: "1970-01-01T00:00:00Z".into() };
    Report::new(plan, &measured, identity)
}

/// When requests ended, interval by interval, without their times.
fn history(plan: &Plan, outcome: &SimulationResult) -> Vec<Slice> {
    let response_hdr = Distribution::new().encode();
    let mut history: Vec<Slice> = outcome
        .intervals
        .iter()
        .map(|interval| Slice {
            from_ns: interval.from_ns,
            to_ns: interval.to_ns,
            phase: plan.phases.at(interval.from_ns),
            ok: interval.ok,
            failed: interval.failed,
            dropped: 0,
            withheld: 0,
            cpu_ns: 0,
            response_hdr: response_hdr.clone(),
            passes: Vec::new(),
            scenarios: Vec::new(),
        })
        .collect();
    history.sort_by_key(|slice| (slice.from_ns, slice.to_ns));
    history
}

/// What holds in every world: nothing is lost, nothing is counted twice.
pub(super) fn assert_accounted(plan: &Plan, outcome: &SimulationResult, seed: u64) {
    let (total, snapshot) = (outcome.total(), &outcome.snapshot);
    let unreleased = snapshot.requests.scenario_total();
    let connect_errors =
        [Kind::Connect, Kind::Ports, Kind::Resources].map(|kind| total.errors[kind as usize]);
    let connect_errors: u64 = connect_errors.iter().sum();
    let ended = total.ok + total.failed();
    // A connection that is made and gets no greeting fails an arrival as one that is refused does, by another kind.
    let is_greeting = |failure: &&AttemptFailure| failure.phase == AttemptPhase::Ready;
    let greetings = snapshot.attempts.failures.iter().filter(is_greeting).map(|failure| failure.count);
    let (not_sent_min, ungreeted) = (connect_errors, greetings.sum::<u64>());
    assert!(
        (not_sent_min..=not_sent_min + ungreeted).contains(&(ended - total.sent)),
        "seed {seed}: every request sent ended once: {ended} ended, {} sent, {ungreeted} greetings failed; {:?}",
        total.sent,
        total.errors
    );
    assert_eq!(snapshot.stats().finished, ended, "seed {seed}");
    let of_scenarios = snapshot.requests.scenario_total().finished;
    // Of flows, what has ended are iterations: those that were gone through to their end.
    let has_flows = snapshot.requests.iterations.iter().any(Option::is_some);
    let of_shards: u64 = snapshot.window_stats().iter().map(|stats| stats.finished).sum();
    assert!(has_flows || of_scenarios.measured + of_scenarios.outside == ended, "seed {seed}");
    if plan.scenarios.len() == 1 && !has_flows {
        assert_eq!(of_scenarios.measured, of_shards, "seed {seed}");
    }
    let reached: u64 = outcome.wires.iter().map(|wire| wire.requests + wire.unheard).sum();
    let tries = total.sent + snapshot.stats().replays;
    assert_eq!(reached, tries, "seed {seed}: what was sent is what the wire was given");
    assert_eq!(total.statuses.iter().map(|(_, count)| count).sum::<u64>(), answered(&total), "seed {seed}");
    assert_eq!(total.failed_response.count(), total.failed(), "seed {seed}");
    if let Some(scheduled) = outcome.scheduled {
        let (mut measured, mut outside) = (0, 0);
        for (index, _) in plan.scenarios.iter().enumerate().filter(|(_, scenario)| !scenario.load.is_closed())
        {
            let (requests, record) = (&snapshot.requests, &snapshot.requests.scenarios[index]);
            let series = requests.measured_of(index);
            let in_window: u64 = match &requests.iterations[index] {
                None => series.iter().map(|series| series.ok + series.failed()).sum(),
                Some(iterations) => iterations.ended_in_window(),
            };
            measured += in_window + record.unreleased();
            let ended = requests.arrivals_ended_of(index);
            outside += ended - in_window;
            outside += record.dropped.outside + record.unsent.outside + record.withheld.outside;
        }
        assert_eq!(
            Tally { measured, outside },
            scheduled,
            "seed {seed}: scheduled = ended + dropped + unsent + withheld"
        );
    } else {
        assert_eq!(
            [unreleased.dropped, unreleased.unsent, unreleased.withheld],
            [Tally::default(); 3],
            "seed {seed}"
        );
    }
    assert_eq!(snapshot.shards.len(), plan.machine.shards as usize);
    if !plan.is_closed() {
        let measured = snapshot.measured_total();
        let longest_ns = measured.response.max_ns().max(measured.failed_response.max_ns());
        let lag_ns = snapshot.measured_total().lag.max_ns();
        assert!(lag_ns <= longest_ns, "seed {seed}: {lag_ns} of {longest_ns} ns are said to be ours");
    }
    assert_times(&total, seed);
}

/// Response is service plus slip, for each and therefore in the sum.
pub(super) fn assert_times(total: &Series, seed: u64) {
    let sum_ns = |mean_ns: f64| mean_ns * total.ok as f64;
    let (response_ns, service_ns, slip_ns) =
        (sum_ns(total.response.mean_ns()), sum_ns(total.service.mean_ns()), sum_ns(total.slip.mean_ns()));
    let counts = [total.response.count(), total.service.count(), total.slip.count()];
    assert_eq!(counts, [total.ok; 3], "seed {seed}");
    let difference_ns = (response_ns - service_ns - slip_ns).abs();
    assert!(difference_ns <= 1.0 + response_ns * 1e-9, "seed {seed}: {response_ns} {service_ns} {slip_ns}");
}

/// Responses with a status, good or bad.
pub(super) fn answered(total: &Series) -> u64 {
    total.ok + total.errors[Kind::Status as usize]
}

pub(super) fn pick<T: Copy>(random: &mut Random, choices: &[T]) -> T {
    choices[random.between(0, choices.len() as u64 - 1) as usize]
}

/// A plan of any kind that lasts some virtual seconds.
pub(super) fn random_plan(random: &mut Random) -> Plan {
    let shards = random.between(1, 3);
    let connections = shards + random.between(0, 20);
    let pipeline = pick(random, &[1, 1, 2, 5, 8]);
    let timeout = pick(random, &["50ms", "300ms", "2s"]);
    let warmup = pick(random, &["0s", "0s", "700ms"]);
    let wait = pick(random, &["auto", "park", "park", "auto", "spin"]);
    let request = pick(
        random,
        &[
            "",
            "[[request]]\npath = '/{{seq}}'",
            "[[request]]\nmethod = 'HEAD'\n[[request]]\nweight = 3\n[[request]]\nbody = 'n={{seq}}'",
        ],
    );
    let load = random_load(random);
    // So few requests may all be sent before a warm-up is over, which no plan may ask for.
    let warmup = if load.contains("requests") { "0s" } else { warmup };
    let seed = random.bits() >> 1;
    plan(&format!(
        "shards = {shards}\nconnections = {connections}\npipeline = {pipeline}\ntimeout = '{timeout}'\n\
         warmup = '{warmup}'\nwait = '{wait}'\nduration = '2500ms'\nseed = {seed}\n{load}\n{request}"
    ))
}

pub(super) fn random_load(random: &mut Random) -> String {
    let limit = pick(random, &["", "", "requests = 500\n"]);
    if random.between(0, 3) == 0 {
        return limit.to_owned();
    }
    let arrivals = pick(random, &["uniform", "poisson"]);
    let overload = pick(random, &["", "overload = 'shed'\ndeadline = '60ms'"]);
    let shape = match random.between(0, 2) {
        0 => "shape = 'ramp'\nfrom = 1\nto = 3000".to_owned(),
        _ => format!("rate = {}", random.between(1, 3_000)),
    };
    format!("{limit}[load]\n{shape}\narrivals = '{arrivals}'\n{overload}")
}

/// A chance that is often none at all.
pub(super) fn random_ppm(random: &mut Random, most: u64) -> u32 {
    if random.between(0, 2) > 0 { 0 } else { random.between(0, most) as u32 }
}

pub(super) fn random_faults(random: &mut Random) -> Faults {
    Faults {
        lost_ppm: random_ppm(random, 20_000),
        reset_ppm: random_ppm(random, 50_000),
        cut_ppm: random_ppm(random, 50_000),
        close_ppm: random_ppm(random, 100_000),
        quiet_end_ppm: random_ppm(random, 100_000),
        lost_end_ppm: random_ppm(random, 20_000),
        refused_ppm: random_ppm(random, 100_000),
        garbage_ppm: random_ppm(random, 20_000),
        connect_refused_ppm: random_ppm(random, 400_000),
        connect_lost_ppm: random_ppm(random, 200_000),
        ..Faults::default()
    }
}

pub(super) fn random_server(random: &mut Random) -> SimulatedServer {
    let service_ns = pick(random, &[50, 500, 5_000, 40_000]) * MICROSECOND_NS;
    let down_ns = random.between(0, 2 * SECOND_NS);
    let bytes_max = pick(random, &[0, 20, 3_000, 9_000, 100_000]);
    SimulatedServer {
        service: pick(random, &[Service::Fixed(service_ns), Service::Exponential(service_ns)]),
        stall: pick(
            random,
            &[
                None,
                None,
                Some(SimulatedStall { length_ns: 200 * MILLISECOND_NS, every_ns: 900 * MILLISECOND_NS }),
            ],
        ),
        down: pick(random, &[None, None, None, Some((down_ns, down_ns + 600 * MILLISECOND_NS))]),
        batch_ns: pick(random, &[0, 0, MILLISECOND_NS]),
        body: Body {
            bytes: (pick(random, &[0, bytes_max]), bytes_max),
            chunked_ppm: pick(random, &[0, 0, 300_000]),
            until_end_ppm: pick(random, &[0, 0, 50_000]),
        },
        protocol: ServedProtocol::Http1,
    }
}

pub(super) fn random_machine(random: &mut Random) -> SimulatedMachine {
    let hiccup = Some(Hiccup { length_ns: 5 * MILLISECOND_NS, every_ns: 100 * MILLISECOND_NS });
    SimulatedMachine {
        // Coarse, or most of the time would go into turns that only look at the clock.
        spin_ns_max: 10 * MICROSECOND_NS,
        submission_ns: pick(random, &[1_000, 1_000, 50_000]),
        wake_ns_max: pick(random, &[0, 5 * MICROSECOND_NS, 300 * MICROSECOND_NS]),
        sent_ns_max: pick(random, &[0, MILLISECOND_NS]),
        hiccup: pick(random, &[None, None, hiccup]),
        starved_ppm: random_ppm(random, 100_000),
        stopped_ppm: random_ppm(random, 100_000),
        collect_ns: pick(random, &[10 * MILLISECOND_NS, 2 * SECOND_NS]),
        ..SimulatedMachine::default()
    }
}

pub(super) fn random_world(random: &mut Random) -> World {
    let gap_ns = pick(random, &[0, 10 * MICROSECOND_NS, MILLISECOND_NS]);
    let pieces = Pieces { bytes_max: pick(random, &[1, 7, 100, 20_000]), gap_ns };
    let stop_ns = random.between(1, 3 * SECOND_NS);
    World {
        server: random_server(random),
        others: Vec::new(),
        network: Network {
            one_way_ns: pick(random, &[0, 20, 1_000]) * MICROSECOND_NS,
            pieces: pick(random, &[None, None, Some(pieces)]),
        },
        machine: random_machine(random),
        faults: random_faults(random),
        stops_ns: match random.between(0, 5) {
            0 => vec![stop_ns],
            1 => vec![stop_ns, stop_ns + random.between(0, SECOND_NS)],
            _ => Vec::new(),
        },
        keeps_log: false,
    }
}

/// A plan and a world of any kind, with few requests.
pub(super) fn small_simulation(seed: u64) -> (Plan, World) {
    let mut random = Random::new(seed, 78);
    let connections = random.between(2, 5);
    let pipeline = pick(&mut random, &[1, 1, 4]);
    let load = pick(
        &mut random,
        &[
            "",
            "[load]\nrate = 300",
            "[load]\nrate = 900\narrivals = 'poisson'",
            "[load]\nrate = 2_000\noverload = 'shed'\ndeadline = '5ms'",
        ],
    );
    let request = pick(
        &mut random,
        &["", "[[request]]\npath = '/{{seq}}'\n[[request]]\nmethod = 'HEAD'\n[[request]]\nbody = '{{uuid}}'"],
    );
    let plan = plan(&format!(
        "shards = 2\nconnections = {connections}\npipeline = {pipeline}\ntimeout = '50ms'\nduration = '200ms'\n\
         wait = 'park'\nrequests = 60\nseed = {seed}\n{load}\n{request}"
    ));
    (plan, random_world(&mut random))
}

pub(super) fn random_simulation(seed: u64) -> (Plan, World) {
    let mut random = Random::new(seed, 77);
    (random_plan(&mut random), random_world(&mut random))
}
