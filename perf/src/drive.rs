//! One shard's loop on a plain thread, driven to its end, and what it allocated on the way.
//!
//! No executor and no collector of the product are involved: the claim is about the loop, and everything else on its
//! thread would blur the count. The recorders are taken by the calling thread, as the collector would.

use crate::counting::{self, Allocations};
use engine::bucket::{Arrival, Share};
use engine::mix::Mix;
use engine::outbox::Outbox;
use engine::outcome::Outcome;
use engine::plan::{Plan, TargetProtocol, Transport};
use engine::record::{Series, ShardStats};
use engine::seams::{Call, End, EndedAt, Source, StepFacts};
use nix::sys::resource::{UsageWho, getrusage};
use nix::time::{ClockId, clock_gettime};
use shards::any_shared;
use shards::lanes::{CollectorLane, Control, ShardLane, lane};
use shards::protocol::Protocol;
use shards::protocol::any::AnyProtocol;
use shards::protocol::http1::{HeadMemo, Http1};
use shards::ring::RingWire;
use shards::shard::{Parts, Shard, Turn};
use socket2::SockAddr;
use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// The whole plan on this one shard.
const SHARE: Share = Share { shard: 0, shards: 1 };
/// How often the lane is looked at: far more often than recorders come.
const COLLECT_POLL: Duration = Duration::from_millis(5);

/// What a run did.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Driven {
    /// Responses in the counted part: from the turn in which enough had come to the end of the run.
    pub(crate) counted: u64,
    /// Allocations on the shard's thread in that part.
    pub(crate) allocations: Allocations,
    /// Times the shard's thread gave its core away in that part: it waited in the kernel.
    pub(crate) switches: u64,
    /// Requests of the whole run that failed.
    pub(crate) failed: u64,
    /// How the shard fared over the whole run, connecting excluded.
    pub(crate) stats: ShardStats,
}

/// Runs a plan of one shard to its end. The first `uncounted` responses warm up what is made once: buffers that take the
/// size of a request, the remembered head, the handshakes. The loop is the one that is compiled for what the plan's target speaks.
/// Errors are the machine's, or the target's if it did not answer.
pub(crate) fn drive(plan: &Plan, address: SocketAddr, uncounted: u64) -> Result<Driven, String> {
    match (&plan.targets[0].transport, &plan.targets[0].protocol) {
        (Transport::Plain, TargetProtocol::Http1 { .. }) => {
            drive_as::<Http1>(plan, address, uncounted, |_| Ok(HeadMemo::default()))
        }
        _ => {
            let shared = |plan: &Plan| any_shared(plan, 0).map_err(|failure| failure.to_string());
            drive_as::<AnyProtocol>(plan, address, uncounted, shared)
        }
    }
}

/// `shared` makes what the connections share, on the thread of the loop.
fn drive_as<P: Protocol>(
    plan: &Plan,
    address: SocketAddr,
    uncounted: u64,
    shared: fn(&Plan) -> Result<P::Shared, String>,
) -> Result<Driven, String> {
    assert_eq!(plan.machine.shards, 1, "one loop is driven");
    let (shard_lane, collector_lane, recorder) = lane(0, &plan.layout(), plan.phases);
    thread::scope(|scope| {
        let make = move || {
            let shared = shared(plan)?;
            DrivenLoop::<P>::new(plan, address, shared, shard_lane, recorder)?.turn_until_finished(uncounted)
        };
        let shard = scope.spawn(make);
        let (failed, stats) = collect(&collector_lane, || shard.is_finished());
        let driven = shard.join().map_err(|_| "the shard's thread panicked; see above")??;
        Ok(Driven { failed, stats, ..driven })
    })
}

/// The loop, and the count of responses that tells where it is.
struct DrivenLoop<P: Protocol> {
    shard: Shard<RingWire, Watched, P>,
    responses: Rc<Cell<u64>>,
}

impl<P: Protocol> DrivenLoop<P> {
    fn new(
        plan: &Plan,
        address: SocketAddr,
        shared: P::Shared,
        lane: ShardLane,
        recorder: Box<engine::record::Recorder>,
    ) -> Result<DrivenLoop<P>, String> {
        let mixes = shards::mixes(plan).map_err(|failure| failure.to_string())?;
        let shared = vec![shared];
        let addresses = [vec![SockAddr::from(address)]];
        let wire = shards::wire::<_, P>(plan, &mixes, &shared, SHARE, &addresses)
            .map_err(|failure| failure.to_string())?;
        let responses = Rc::new(Cell::new(0));
        let sources = mixes.into_iter().map(|mix| Watched { mix, responses: responses.clone() }).collect();
        let control = Arc::new(Control::default());
        let on_ready = start_when_all_are_open(plan.connections(), control.clone());
        let parts = Parts { wire, sources, shared, share: SHARE, lane, recorder, control, on_ready };
        Ok(DrivenLoop { shard: Shard::new(plan, parts), responses })
    }

    fn turn(&mut self) -> Result<Turn, String> {
        self.shard.turn().map_err(|error| format!("io_uring_enter failed: {error}"))
    }

    /// The counted part: its responses, its allocations and its switches.
    fn turn_until_finished(mut self, uncounted: u64) -> Result<Driven, String> {
        while self.responses.get() < uncounted {
            if self.turn()? == Turn::Finished {
                return Err(format!(
                    "the run ended after {} responses, while warming up",
                    self.responses.get()
                ));
            }
        }
        let (responses, switches) = (self.responses.get(), voluntary_switches()?);
        let allocations = counting::on_this_thread();
        while self.turn()? == Turn::Continue {}
        Ok(Driven {
            counted: self.responses.get() - responses,
            allocations: counting::on_this_thread() - allocations,
            switches: voluntary_switches()? - switches,
            ..Driven::default()
        })
    }
}

/// How often the calling thread has given its core away so far.
fn voluntary_switches() -> Result<u64, String> {
    let usage = getrusage(UsageWho::RUSAGE_THREAD).map_err(|error| format!("getrusage failed: {error}"))?;
    Ok(usage.voluntary_context_switches() as u64)
}

/// Starts the run at once if every connection is open, and ends it otherwise: it would never get warm.
fn start_when_all_are_open(connections: u32, control: Arc<Control>) -> Box<dyn FnOnce(u64) + Send> {
    Box::new(move |open| {
        if open < u64::from(connections) {
            control.stop();
        }
        let now = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("Linux has a monotonic clock");
        control.start_at(now.tv_sec() as u64 * 1_000_000_000 + now.tv_nsec() as u64);
    })
}

/// Takes recorders until the shard has ended and the lane is empty: failures, and figures summed up.
fn collect(lane: &CollectorLane, has_ended: impl Fn() -> bool) -> (u64, ShardStats) {
    let (mut failed, mut stats) = (0, ShardStats::default());
    loop {
        // In this order: what the shard hands over last is there once it has ended.
        let is_last = has_ended();
        while let Some(recorder) = lane.pop() {
            failed += recorder.requests.each_series().map(Series::failed).sum::<u64>();
            stats.merge(&recorder.settled.total());
            lane.give_back(recorder);
        }
        if is_last {
            return (failed, stats);
        }
        thread::sleep(COLLECT_POLL);
    }
}

/// A mix that counts the responses it judges: the loop is watched through a seam it has anyway.
struct Watched {
    mix: Mix,
    responses: Rc<Cell<u64>>,
}

impl Source for Watched {
    fn steps(&self) -> &[StepFacts] {
        self.mix.steps()
    }

    fn begin(&mut self, arrival: Arrival) -> Call {
        self.mix.begin(arrival)
    }

    fn render(&mut self, call: Call, number: u64, out: &mut Outbox<'_>) {
        self.mix.render(call, number, out);
    }

    fn end(&mut self, call: Call, end: End, at: EndedAt) -> Outcome {
        self.responses.set(self.responses.get() + u64::from(matches!(end, End::Response { .. })));
        self.mix.end(call, end, at)
    }
}
