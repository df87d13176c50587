//! The whole loop of a shard per request: on a wire that costs next to nothing, and on the simulated one.
//!
//! The first is nearly all ours, so that a change in the loop shows; the second has connecting, handing over and the
//! simulation of the server in it as well, so that its figure is for comparing one version with another alone.

use super::bare::{BareWire, START_NS};
use super::{Operation, Work};
use engine::bucket::Share;
use engine::config::{Config, RequestConfig, Text};
use engine::plan::Plan;
use shards::lanes::{Control, lane};
use shards::shard::{Parts, Shard, Turn};
use shards::simulation::Simulation;
use shards::simulation::world::World;
use std::sync::Arc;

const CONNECTIONS: u32 = 64;
const PIPELINE: u32 = 8;
const RATE_RPS: u64 = 50_000;
const SEED: u64 = 1;
/// A simulated shard is given up after some number of turns; a longer run is several.
const REQUESTS_PER_RUN: u64 = 1_000_000;
/// More turns for a request mean that the loop goes round and round.
const TURNS_PER_REQUEST_MAX: u64 = 100;
const SHARE: Share = Share { shard: 0, shards: 1 };

/// A way to use the loop.
#[derive(Clone, Copy)]
struct Case {
    is_open_loop: bool,
    pipeline: u32,
    /// What changes in every request, if anything does.
    path: &'static str,
}

const CLOSED: Case = Case { is_open_loop: false, pipeline: 1, path: "/" };
const OPEN: Case = Case { is_open_loop: true, ..CLOSED };
const PIPELINED: Case = Case { pipeline: PIPELINE, ..CLOSED };
const RENDERED: Case = Case { path: "/item/{{seq}}", ..CLOSED };

/// The loop alone, by how it is used; and simulated.
pub const OPERATIONS: [Operation; 7] = [
    operation("closed_loop", || bare(CLOSED)),
    operation("closed_loop_pipeline_8", || bare(PIPELINED)),
    operation("open_loop", || bare(OPEN)),
    operation("closed_loop_rendered", || bare(RENDERED)),
    operation("simulated_closed_loop", || simulated(CLOSED)),
    operation("simulated_closed_loop_pipeline_8", || simulated(PIPELINED)),
    operation("simulated_open_loop", || simulated(OPEN)),
];

const fn operation(name: &'static str, make: fn() -> Work) -> Operation {
    Operation { noun: "dispatch", name, batch: 10_000, make }
}

fn bare(case: Case) -> Work {
    Box::new(move |count| run_bare(case, count))
}

/// One run of so many requests, each of which must have been answered. It is shorter than its interval, so that recorders
/// change hands at its end alone.
fn run_bare(case: Case, count: u64) {
    let plan = case.plan(count, "1h");
    let (shard_lane, collector_lane, recorder) = lane(0, 1, plan.phases);
    let control = Arc::new(Control::default());
    control.start_at(START_NS);
    let source = shards::mix(&plan, SHARE).expect("the request can be encoded");
    let wire = BareWire::new(CONNECTIONS as usize, case.pipeline as usize);
    let on_ready = Box::new(|_| {});
    let parts = Parts { wire, source, share: SHARE, lane: shard_lane, recorder, control, on_ready };
    let mut shard = Shard::new(&plan, parts);
    let mut turns = 0;
    while shard.turn().expect("a bare wire has no errors") == Turn::Continue {
        turns += 1;
        assert!(turns <= TURNS_PER_REQUEST_MAX * count, "the loop goes round and round");
    }
    let handed_over = std::iter::from_fn(|| collector_lane.pop());
    let answered: u64 = handed_over.map(|recorder| recorder.measured[0].ok).sum();
    assert_eq!(answered, count, "every request is answered");
}

fn simulated(case: Case) -> Work {
    Box::new(move |count| {
        let mut left = count;
        while left > 0 {
            let requests = left.min(REQUESTS_PER_RUN);
            let outcome = Simulation::new(case.plan(requests, "100ms"), World::default(), SEED).run();
            let answered = (outcome.total().ok, outcome.answers());
            assert_eq!(answered, (requests, requests), "every request is answered");
            left -= requests;
        }
    })
}

impl Case {
    fn plan(self, requests: u64, interval: &str) -> Plan {
        let text = |value: String| Some(Text(value));
        let mut config = Config { url: text("http://simulated/".into()), ..Config::default() };
        config.run.connections = Some(CONNECTIONS);
        config.run.pipeline = Some(self.pipeline);
        config.run.requests = text(requests.to_string());
        // An open loop takes as long as its requests; a closed one ends with the last of them.
        config.run.duration = (!self.is_open_loop).then(|| Text("1h".into()));
        config.run.interval = text(interval.into());
        config.run.wait = text("park".into());
        config.load.rate = self.is_open_loop.then(|| Text(RATE_RPS.to_string()));
        config.request = vec![RequestConfig { path: text(self.path.into()), ..RequestConfig::default() }];
        Plan::new(&config, &|name| Err(format!("no file {name} here"))).expect("the plan is valid")
    }
}
