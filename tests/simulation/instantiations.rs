//! The loop compiled for one source and one protocol, and the loop compiled for any, are the same loop.

use super::worlds::{digest, seeds, small_simulation};
use engine::any_source::AnySource;
use engine::mix::Mix;
use shards::protocol::any::{AnyProtocol, AnyShared};
use shards::simulation::Simulation;

#[test]
fn both_instantiations_of_the_loop_do_the_same_in_every_world() {
    let any = |mix: Mix| (AnySource::Mix(mix), AnyShared::default());
    let mut requests = 0;
    for seed in seeds(1_000) {
        let (plan, world) = small_simulation(seed);
        let simulation = Simulation::new(plan, world, seed);
        let plain = simulation.run();
        assert_eq!(
            digest(&plain),
            digest(&simulation.run_with::<AnySource, AnyProtocol>(any)),
            "seed {seed}"
        );
        requests += plain.requests();
    }
    assert!(requests > 0, "something was sent");
}
