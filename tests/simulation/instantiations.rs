//! The loop compiled for one source and one protocol, and the loop compiled for any, are the same loop.

use super::worlds::{digest, seeds, small_simulation};
use engine::any_source::AnySource;
use engine::flow::rows::NoRows;
use engine::mix::Mix;
use shards::protocol::any::{AnyProtocol, AnyShared};
use shards::protocol::http1::HeadMemo;
use shards::simulation::Simulation;

/// In every world of these seeds.
fn they_do_the_same(seeds: impl Iterator<Item = u64>) {
    let any = |mix: Mix| (AnySource::<NoRows>::Mix(mix), AnyShared::Http1(HeadMemo::default()));
    let (mut requests, mut seen) = (0, 0);
    for seed in seeds {
        let (plan, world) = small_simulation(seed);
        let simulation = Simulation::new(plan, world, seed);
        let plain = simulation.run();
        let any = simulation.run_with::<AnySource<NoRows>, AnyProtocol>(any);
        assert_eq!(digest(&plain), digest(&any), "seed {seed}");
        (requests, seen) = (requests + plain.requests(), seen + 1);
    }
    assert!(requests > 0 || seen == 0, "something was sent");
}

// Two halves, which two cores check at a time.

#[test]
fn both_instantiations_of_the_loop_do_the_same_in_every_world_with_an_even_seed() {
    they_do_the_same(seeds(1_000).filter(|seed| seed % 2 == 0));
}

#[test]
fn both_instantiations_of_the_loop_do_the_same_in_every_world_with_an_odd_seed() {
    they_do_the_same(seeds(1_000).filter(|seed| seed % 2 == 1));
}
