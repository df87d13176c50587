//! What the whole loop costs per request, without a kernel: the real shard on the simulated wire.
//!
//! Connecting, sending, finding answers, recording and handing over are all in it, and so is the simulation of the
//! server, so the figure is for comparing one version with another, not for adding up.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use engine::config::{Config, Text};
use engine::plan::Plan;
use shards::simulation::Simulation;
use shards::simulation::world::World;

/// Requests of one simulated run.
const REQUESTS: u64 = 20_000;
const CONNECTIONS: u32 = 64;
const RATE_RPS: u64 = 50_000;
const SEED: u64 = 1;
/// A run takes some milliseconds, most of them always the same.
const SAMPLES: usize = 20;

fn runs(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("dispatch");
    group.throughput(Throughput::Elements(REQUESTS)).sample_size(SAMPLES);
    for (name, is_open_loop, pipeline) in
        [("closed loop", false, 1), ("closed loop, pipeline 8", false, 8), ("open loop", true, 1)]
    {
        let simulation = Simulation::new(plan(is_open_loop, pipeline), World::default(), SEED);
        group.bench_function(name, |bencher| bencher.iter(|| run(&simulation)));
    }
    group.finish();
}

fn plan(is_open_loop: bool, pipeline: u32) -> Plan {
    let text = |value: String| Some(Text(value));
    let mut config = Config { url: text("http://simulated/".into()), ..Config::default() };
    config.run.connections = Some(CONNECTIONS);
    config.run.pipeline = Some(pipeline);
    config.run.requests = text(REQUESTS.to_string());
    config.load.rate = is_open_loop.then(|| Text(RATE_RPS.to_string()));
    Plan::new(&config, &|name| Err(format!("no file {name} here"))).expect("the plan is valid")
}

/// One run, whose every request must have been answered.
fn run(simulation: &Simulation) {
    let outcome = simulation.run();
    assert_eq!((outcome.total().ok, outcome.answers()), (REQUESTS, REQUESTS), "every request is answered");
}

criterion_group!(benches, runs);
criterion_main!(benches);
