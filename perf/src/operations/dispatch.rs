//! The whole loop of a shard per request: on a wire that costs next to nothing, and on the simulated one.
//!
//! The first is nearly all ours, so that a change in the loop shows; the second has connecting, handing over and the
//! simulation of the server in it as well, so that its figure is for comparing one version with another alone.

use super::bare::{BareWire, START_NS};
use super::operation::{CountedOperation, Work};
use engine::bucket::Share;
use engine::config::{Config, RequestConfig, Text};
use engine::mix::Mix;
use engine::plan::Plan;
use engine::seams::Source;
use shards::lanes::{CollectorLane, Control, lane};
use shards::protocol::Protocol;
use shards::protocol::any::{AnyProtocol, AnyShared};
use shards::protocol::http1::{HeadMemo, Http1};
use shards::shard::{Parts, Shard, Turn};
use shards::simulation::Simulation;
use shards::simulation::world::World;
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

const CONNECTIONS: u32 = 64;
const PIPELINE: u32 = 8;
const RATE_RPS: u64 = 50_000;
const SEED: u64 = 1;
/// A simulated shard is given up after some number of turns; a longer run is several.
const REQUESTS_PER_RUN: u64 = 1_000_000;
/// More turns for a request mean that the loop goes round and round.
const TURNS_PER_REQUEST_MAX: u64 = 100;
pub(super) const SHARE: Share = Share { shard: 0, shards: 1 };

/// A way to use the loop.
#[derive(Clone, Copy)]
struct DispatchCase {
    is_open_loop: bool,
    connections: u32,
    pipeline: u32,
    /// Nearly all that can be under way is.
    is_full: bool,
    /// What changes in every request, if anything does.
    path: &'static str,
}

const CLOSED: DispatchCase =
    DispatchCase { is_open_loop: false, connections: CONNECTIONS, pipeline: 1, is_full: false, path: "/" };
const OPEN: DispatchCase = DispatchCase { is_open_loop: true, ..CLOSED };
const PIPELINED: DispatchCase = DispatchCase { pipeline: PIPELINE, ..CLOSED };
const RENDERED: DispatchCase = DispatchCase { path: "/item/{{seq}}", ..CLOSED };

/// The loop alone, by how it is used; and simulated.
pub const OPERATIONS: [CountedOperation; 8] = [
    operation("closed_loop", || bare::<Mix, Http1>(CLOSED, plain)),
    operation("closed_loop_any", || bare::<Mix, AnyProtocol>(CLOSED, any)),
    operation("closed_loop_pipeline_8", || bare::<Mix, Http1>(PIPELINED, plain)),
    operation("open_loop", || bare::<Mix, Http1>(OPEN, plain)),
    operation("closed_loop_rendered", || bare::<Mix, Http1>(RENDERED, plain)),
    operation("simulated_closed_loop", || simulated(CLOSED)),
    operation("simulated_closed_loop_pipeline_8", || simulated(PIPELINED)),
    operation("simulated_open_loop", || simulated(OPEN)),
];

const fn operation(name: &'static str, make: fn() -> Work) -> CountedOperation {
    CountedOperation { noun: "dispatch", name, batch: 10_000, make }
}

/// The loop alone, closed, with nearly all of `connections` × `pipeline` requests under way, from the first one it does on:
/// connecting and filling up is preparing. It is rounded up to whole batches of responses.
pub fn in_flight(connections: u32, pipeline: u32) -> Work {
    let case = DispatchCase { connections, pipeline, is_full: true, ..CLOSED };
    let under_way = u64::from(connections) * u64::from(pipeline);
    let (mut shard, answered, lane) = case.shard::<Mix, Http1>(u64::MAX >> 1, plain);
    let mut turn_until = move |wanted: u64| {
        while answered.get() < wanted {
            let turn = shard.turn().expect("nothing is refused here");
            assert_eq!(turn, Turn::Continue, "there is always something to do");
            // The lane stays open, and is not read: recorders are counted elsewhere.
            assert!(lane.pop().is_none(), "the run is shorter than its interval");
        }
        answered.get()
    };
    let mut done = turn_until(under_way);
    Box::new(move |count| done = turn_until(done + count))
}

/// The loop as it is compiled for plaintext HTTP/1.1.
fn plain(mix: Mix) -> (Mix, HeadMemo) {
    (mix, HeadMemo::default())
}

/// The loop as it is compiled for any protocol.
fn any(mix: Mix) -> (Mix, AnyShared) {
    (mix, AnyShared::Http1(HeadMemo::default()))
}

fn bare<S: Source + 'static, P: Protocol + 'static>(
    case: DispatchCase,
    make: fn(Mix) -> (S, P::Shared),
) -> Work {
    Box::new(move |count| run_bare::<S, P>(case, make, count))
}

/// One run of so many requests, each of which must have been answered. It is shorter than its interval, so that recorders
/// change hands at its end alone.
fn run_bare<S: Source, P: Protocol>(case: DispatchCase, make: fn(Mix) -> (S, P::Shared), count: u64) {
    let (mut shard, answered, lane) = case.shard::<S, P>(count, make);
    let turns_max = TURNS_PER_REQUEST_MAX * (count + u64::from(case.connections));
    let mut turns = 0;
    while shard.turn().expect("a bare wire has no errors") == Turn::Continue {
        turns += 1;
        assert!(turns <= turns_max, "the loop goes round and round");
    }
    let handed_over = std::iter::from_fn(|| lane.pop());
    let recorded: u64 = handed_over.map(|recorder| recorder.requests.series.measured[0].ok).sum();
    assert_eq!((recorded, answered.get()), (count, count), "every request is answered");
}

fn simulated(case: DispatchCase) -> Work {
    Box::new(move |count| {
        let mut left = count;
        while left > 0 {
            let requests = left.min(REQUESTS_PER_RUN);
            let outcome = Simulation::new(case.plan(requests, "100ms"), World::default(), SEED).run();
            let answered = (outcome.total().ok, outcome.responses());
            assert_eq!(answered, (requests, requests), "every request is answered");
            left -= requests;
        }
    })
}

/// The only shard of a plan, about to start, and where its recorders come out.
pub(super) fn launched<S: Source, P: Protocol>(
    plan: &Plan,
    sources: Vec<S>,
    shared: Vec<P::Shared>,
    wire: BareWire,
) -> (Shard<BareWire, S, P>, CollectorLane) {
    let (shard_lane, collector_lane, recorder) = lane(0, &plan.layout(), plan.phases);
    let control = Arc::new(Control::default());
    control.start_at(START_NS);
    let on_ready = Box::new(|_| {});
    let parts = Parts { wire, sources, shared, share: SHARE, lane: shard_lane, recorder, control, on_ready };
    (Shard::new(plan, parts), collector_lane)
}

impl DispatchCase {
    /// A shard on a bare wire, the count of what was answered on it, and where its recorders come out.
    fn shard<S: Source, P: Protocol>(
        self,
        requests: u64,
        make: fn(Mix) -> (S, P::Shared),
    ) -> (Shard<BareWire, S, P>, Rc<Cell<u64>>, CollectorLane) {
        let plan = self.plan(requests, "1h");
        let mixes = shards::mixes(&plan).expect("the request can be encoded");
        let (sources, shared) = mixes.into_iter().map(make).unzip();
        let slots = self.connections as usize;
        let wire = BareWire::new(slots, self.pipeline as usize);
        let wire = if self.is_full { wire.holding(slots) } else { wire };
        let answered = wire.answered();
        let (shard, lane) = launched(&plan, sources, shared, wire);
        (shard, answered, lane)
    }

    fn plan(self, requests: u64, interval: &str) -> Plan {
        let text = |value: String| Some(Text(value));
        let mut config = Config { url: text("http://simulated/".into()), ..Config::default() };
        config.run.connections = Some(self.connections.into());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_loop_answers_everything_too() {
        for (connections, pipeline) in [(1, 1), (16, 1), (100, 1), (50, 8)] {
            let mut work = in_flight(connections, pipeline);
            work(1_000);
            work(10);
        }
    }
}
