//! Loads that are changed while a run goes on, in virtual time: every arrival of the revised schedule is accounted for, once.

use super::same_requests::{Logged, Sent};
use super::worlds::{assert_accounted, pick, plan, seeds};
use engine::flow::Think;
use engine::plan::Plan;
use engine::quantity::{MILLISECOND_NS, Rate, SECOND_NS};
use engine::random::Random;
use engine::revision::{Change, ChangeAsker, Revision, cut_after, schedule_of};
use shards::protocol::http1::{HeadMemo, Http1};
use shards::simulation::world::{Network, Service, SimulatedServer, World};
use shards::simulation::{Simulation, SimulationResult};
use std::cell::RefCell;
use std::rc::Rc;

/// A server that takes this long.
fn serving(service: Service) -> World {
    World { server: SimulatedServer { service, ..SimulatedServer::default() }, ..World::default() }
}

/// A change of a scenario, asked for at a moment.
fn asked(plan: &Plan, scenario: usize, asked_ns: u64, change: Change) -> Revision {
    let cut_ns = cut_after(asked_ns, plan.slice_ns());
    let scenario = plan.scenarios[scenario].name.clone();
    Revision { scenario, asked_ns, cut_ns, change, by: ChangeAsker::Control }
}

fn revised(plan: &Plan, world: World, seed: u64, revisions: &[Revision]) -> SimulationResult {
    let outcome = Simulation::new(plan.clone(), world, seed).with_revisions(revisions.to_vec()).run();
    assert_accounted(plan, &outcome, seed);
    outcome
}

fn changes(random: &mut Random, count: u64) -> Vec<Change> {
    let change = |random: &mut Random| match random.between(0, 3) {
        0 => Change::Rate(Rate::ZERO),
        1 => Change::Thousandths(random.between(1, 3_000)),
        _ => Change::Rate(Rate::per_second(random.between(1, 900))),
    };
    (0..count).map(|_| change(random)).collect()
}

#[test]
fn a_revised_schedule_closes_to_the_arrival_on_any_number_of_shards() {
    for seed in seeds(40) {
        let mut random = Random::new(seed, 7);
        let shards = 1 + random.between(0, 3);
        let shape = match random.between(0, 2) {
            0 => "rate = 300",
            1 => "shape = 'ramp'\nfrom = 50\nto = 600",
            _ => "shape = 'sine'\nmean = 200\namplitude = 150\nperiod = '3s'",
        };
        let overload = if random.between(0, 1) == 0 { "" } else { "overload = 'shed'\ndeadline = '50ms'" };
        let text = format!(
            "duration = '8s'\nshards = {shards}\nseed = {seed}\nconnections = 8\n[load]\n{shape}\n{overload}"
        );
        let plan = plan(&text);
        let mut asked_ns = 0;
        let count = random.between(1, 5);
        let revisions: Vec<Revision> = changes(&mut random, count)
            .into_iter()
            .map(|change| {
                asked_ns += random.between(0, 1_500 * MILLISECOND_NS);
                Revision {
                    scenario: plan.scenarios[0].name.clone(),
                    asked_ns,
                    cut_ns: cut_after(asked_ns, plan.slice_ns()),
                    change,
                    by: ChangeAsker::Control,
                }
            })
            .filter(|revision| revision.cut_ns < 8 * SECOND_NS)
            .collect();
        // A server that is too slow for the higher of these rates.
        let service = Service::Exponential(15 * MILLISECOND_NS);
        let world =
            World { server: SimulatedServer { service, ..SimulatedServer::default() }, ..World::default() };
        let schedule = schedule_of(&plan.scenarios[0], &revisions).expect("an open load");
        let outcome = Simulation::new(plan, world, seed).with_revisions(revisions.clone()).run();
        let scheduled = outcome.scheduled.expect("an open load");
        let expected = schedule.arrivals_before(8 * SECOND_NS);
        assert_eq!(scheduled.measured + scheduled.outside, expected, "seed {seed}: {revisions:?}");
        let total = outcome.total();
        let arrivals = outcome.snapshot.requests.scenario_total();
        let ended = total.ok + total.failed() + arrivals.unreleased();
        assert_eq!(ended, expected, "seed {seed}: scheduled = ok + failed + dropped + unsent, {revisions:?}");
        assert_eq!(outcome.requests(), total.sent, "seed {seed}: the server saw what was sent");
    }
}

/// What a plan's first scenario may be, and whether it has steps.
const SCRIPTS: [(&str, bool); 3] = [
    ("[[scenario.first.request]]\npath = '/{{seq}}/{{uuid}}'", false),
    (
        "[[scenario.first.step]]\nget = '/a/{{seq}}'\nthink = 'exp:40ms'\n[[scenario.first.step]]\nget = '/b'\nrepeat = '0..2'\n\
         chance = '70%'",
        true,
    ),
    (
        "[[scenario.first.request]]\npath = '/x'\n[[scenario.first.request]]\nmethod = 'HEAD'\nweight = 3",
        false,
    ),
];

#[test]
fn whatever_a_revised_load_is_of_it_closes_to_the_arrival() {
    for seed in seeds(40) {
        let mut random = Random::new(seed, 8);
        let (script, is_flow) = pick(&mut random, &SCRIPTS);
        let arrivals = pick(&mut random, &["poisson", "poisson", "uniform"]);
        let overload = pick(&mut random, &["", ", overload = 'shed', deadline = '50ms'"]);
        let second = pick(
            &mut random,
            &[
                "load = { rate = 150, arrivals = 'poisson' }",
                "load = { shape = 'ramp', from = 10, to = 300 }",
                "load = { of = 'users', users = 5, pacing = '90ms' }\n[[scenario.second.step]]\nget = '/u'",
            ],
        );
        let plan = plan(&format!(
            "duration = '6s'\nshards = {}\nseed = {seed}\n[scenario.first]\nconnections = 8\n\
             load = {{ rate = 250, arrivals = '{arrivals}'{overload} }}\n{script}\n[scenario.second]\nconnections = 6\n{second}",
            1 + random.between(0, 3),
        ));
        let (mut revisions, mut asked_ns) = (Vec::new(), 0);
        for _ in 0..random.between(1, 6) {
            asked_ns += random.between(0, SECOND_NS);
            let change = match random.between(0, 4) {
                0 if is_flow => Change::ThinkThousandths(random.between(0, 3_000)),
                1 | 2 => Change::Thousandths(random.between(1, 2_500)),
                _ => Change::Rate(Rate::per_second(random.between(0, 700))),
            };
            revisions.push(asked(&plan, 0, asked_ns, change));
        }
        let outcome = revised(&plan, serving(Service::Exponential(12 * MILLISECOND_NS)), seed, &revisions);
        if arrivals == "uniform" {
            let planned = schedule_of(&plan.scenarios[0], &revisions).expect("an open load");
            let requests = &outcome.snapshot.requests;
            let record = &requests.scenarios[0];
            let ended = requests.arrivals_ended_of(0) + record.unreleased();
            assert_eq!(ended, planned.arrivals_before(6 * SECOND_NS), "seed {seed}: {revisions:?}");
        }
    }
}

#[test]
fn the_other_scenario_sends_what_it_would_have_sent_byte_for_byte() {
    for seed in seeds(12) {
        let mut random = Random::new(seed, 9);
        let shards = 1 + random.between(0, 2);
        let plan = plan(&format!(
            "duration = '3s'\nshards = {shards}\nseed = {seed}\n[scenario.first]\nconnections = 8\n\
             load = {{ rate = 200, arrivals = 'poisson' }}\n[[scenario.first.request]]\npath = '/{{{{seq}}}}/{{{{uuid}}}}'\n\
             [scenario.second]\nconnections = 8\nload = {{ rate = 170, arrivals = '{}' }}\n\
             [[scenario.second.request]]\npath = '/{{{{seq}}}}/{{{{rand 1 1000000}}}}'\n[[scenario.second.request]]\nweight = 2\n\
             body = '{{{{uuid}}}}'",
            pick(&mut random, &["poisson", "uniform"]),
        ));
        let revisions: Vec<Revision> = changes(&mut random, 3)
            .into_iter()
            .zip([0, 700, 1_500])
            .map(|(change, ms)| asked(&plan, 0, ms * MILLISECOND_NS, change))
            .collect();
        // What each scenario sends, in the order of its numbers.
        let sent = |revisions: &[Revision]| -> [Vec<Sent>; 2] {
            let logs = [(); 2].map(|()| Rc::new(RefCell::new(Vec::new())));
            let mut made = 0;
            let simulation = Simulation::new(plan.clone(), serving(Service::Fixed(MILLISECOND_NS)), seed);
            // Each shard takes the mix of the one, and then that of the other.
            simulation.with_revisions(revisions.to_vec()).run_with::<Logged, Http1>(|mix| {
                made += 1;
                (Logged { mix, log: logs[(made - 1) % 2].clone() }, HeadMemo::default())
            });
            logs.map(|log| {
                let mut log = log.take();
                log.sort();
                log
            })
        };
        let ([planned, other], [now, other_now]) = (sent(&[]), sent(&revisions));
        assert!(other.len() > 400, "seed {seed}: {}", other.len());
        assert!(other == other_now, "seed {seed}: {revisions:?}");
        assert!(planned != now, "seed {seed}: {revisions:?}");
        let until_ns = revisions[0].cut_ns;
        let before = |sent: &[Sent]| sent.iter().filter(|one| one.intended_ns < until_ns).cloned().collect();
        let (before, before_now): (Vec<Sent>, Vec<Sent>) = (before(&planned), before(&now));
        assert!(before == before_now, "seed {seed}: what lies before the cut is as planned");
    }
}

#[test]
fn as_many_users_are_there_as_was_asked_from_the_cut_on() {
    for seed in seeds(8) {
        let shards = 1 + seed % 3;
        let plan = plan(&format!(
            "duration = '4s'\nshards = {shards}\nseed = {seed}\nconnections = 20\n[load]\nof = 'users'\nusers = 12\n\
             pacing = '100ms'\n[[step]]\nget = '/{{{{seq}}}}'"
        ));
        let at = |ms: u64, change| asked(&plan, 0, ms * MILLISECOND_NS, change);
        let revisions = [
            at(500, Change::Users(5)),
            at(1_300, Change::Rate(Rate::ZERO)),
            at(1_900, Change::Thousandths(750)),
            at(2_600, Change::Pacing(Some(200 * MILLISECOND_NS))),
        ];
        let world = World {
            keeps_log: true,
            network: Network { one_way_ns: 0, ..Network::default() },
            ..World::default()
        };
        let outcome = revised(&plan, world, seed, &revisions);
        let cuts: Vec<u64> = revisions.iter().map(|revision| revision.cut_ns).collect();
        let sent = |from_ns: u64, to_ns: u64| {
            let sent = outcome.wires.iter().flat_map(|wire| &wire.sent_log);
            sent.filter(|ns| (from_ns..to_ns).contains(*ns)).count() as u64
        };
        let between = |from: usize| sent(cuts[from], cuts[from + 1]);
        let beats = |from: usize| (cuts[from + 1] - cuts[from]) / (100 * MILLISECOND_NS);
        assert_eq!(sent(0, cuts[0]), 12 * cuts[0] / (100 * MILLISECOND_NS), "seed {seed}");
        assert_eq!((between(0), between(1)), (5 * beats(0), 0), "seed {seed}");
        // Three quarters of twelve, who come at the cut; and then half as often.
        assert_eq!(between(2), 9 * beats(2), "seed {seed}");
        let left = (4 * SECOND_NS - cuts[3]) / (200 * MILLISECOND_NS);
        let slow = sent(cuts[3], 4 * SECOND_NS);
        assert!((9 * left..=9 * (left + 1)).contains(&slow), "seed {seed}: {slow} in {left} times 200 ms");
    }
}

#[test]
fn iterations_think_for_as_long_as_holds_when_they_begin_to() {
    for seed in seeds(8) {
        let shards = 1 + seed % 3;
        let plan = plan(&format!(
            "duration = '4s'\nshards = {shards}\nseed = {seed}\nconnections = 64\n[load]\nrate = 100\n[[step]]\nget = '/a'\n\
             think = '300ms'\n[[step]]\nget = '/b'"
        ));
        let script = plan.scenarios[0].flow().expect("it has steps");
        let mut times = script.think_times(&|step| step.to_string());
        times[0].think = Think::Fixed { ns: 20 * MILLISECOND_NS };
        let revisions = [
            asked(&plan, 0, 900 * MILLISECOND_NS, Change::ThinkThousandths(2_000)),
            asked(&plan, 0, 2_200 * MILLISECOND_NS, Change::Thinks(times)),
        ];
        let outcome = revised(&plan, serving(Service::Fixed(MILLISECOND_NS)), seed, &revisions);
        let record = outcome.snapshot.requests.iterations[0].as_ref().expect("it is a flow");
        assert_eq!((record.ok.measured, record.begun.measured), (400, 400), "seed {seed}");
        // An arrival each 10 ms, and none of them less than a millisecond before a cut.
        let expected: u64 = (0..400)
            .map(|number| match number * 10 * MILLISECOND_NS {
                intended_ns if intended_ns >= revisions[1].cut_ns => 20,
                intended_ns if intended_ns >= revisions[0].cut_ns => 600,
                _ => 300,
            })
            .sum();
        let thought_ms = (record.lasted.mean_ns() - record.waited.mean_ns()) * 400.0 / 1e6;
        let ratio = thought_ms / expected as f64;
        assert!((ratio - 1.0).abs() < 0.003, "seed {seed}: {thought_ms} of {expected} ms");
    }
}
