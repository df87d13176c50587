//! Loads that are changed while a run goes on, in virtual time: every arrival of the revised schedule is accounted for, once.

use super::worlds::{plan, seeds};
use engine::quantity::{MILLISECOND_NS, Rate, SECOND_NS};
use engine::random::Random;
use engine::revision::{Change, ChangeAsker, Revision, cut_after, schedule_of};
use shards::simulation::Simulation;
use shards::simulation::world::{Service, SimulatedServer, World};

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
