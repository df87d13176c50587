//! A whole run in virtual time: the real loop, the real parser, the real bucket and recorders, against a simulated world.
//!
//! A run of minutes takes milliseconds, and the same seed does the same again, so that what no real server does on demand
//! (lose an end, cut a response after its third byte, die for two seconds) can be done ten thousand times over. It says
//! nothing about the kernel: that the ring behaves like this wire is what the end-to-end tests are for.
//!
//! Reading order: this file → [`world`] (what can be set) → [`wire`] (what happens then) → `http.rs` and `frames.rs` (bytes).

mod frames;
mod http;
pub mod ledger;
mod lines;
mod link;
pub mod wire;
pub mod world;

use crate::lanes::{CollectorLane, Control, lane};
use crate::protocol::Protocol;
use crate::protocol::any::AnyProtocol;
use crate::protocol::http1::{HeadMemo, Http1};
use crate::shard::{Parts, Shard, Turn};
use engine::any_source::AnySource;
use engine::bucket::{Share, Tally, TokenBucket};
use engine::flow::rows::{NoRows, RowSource};
use engine::mix::Mix;
use engine::orders::OrderedRevision;
use engine::phase::Phases;
use engine::plan::{Plan, Scenario, Target};
use engine::quantity::{MILLISECOND_NS, SECOND_NS};
use engine::record::{Recorder, Series, Snapshot};
use engine::revision::{Revision, revise, schedule_of};
use engine::seams::{Source, StepFacts};
use ledger::{Ledger, Statistics};
use std::rc::Rc;
use std::sync::Arc;
use wire::{Seat, SimulatedWire};
use world::{ServedProtocol, World};

/// The run starts this long after the last connection may have been made, so that every shard is waiting for it.
const START_NS: u64 = 20 * MILLISECOND_NS;
/// A shard that takes more turns is stuck. A run of a minute at 10,000/s takes some ten million.
const TURNS_MAX: u64 = 50_000_000;
/// A shard that is still there so long after the end is stuck.
const OVERTIME_NS_MAX: u64 = 10 * SECOND_NS;

/// A plan, a world, and the seed of everything that is drawn in it.
#[derive(Clone, Debug)]
pub struct Simulation {
    plan: Plan,
    world: World,
    seed: u64,
    window: Option<SimulatedWindow>,
    revisions: Vec<Revision>,
}

/// A measured window whose beginning is decided in the run.
#[derive(Clone, Copy, Debug)]
pub struct SimulatedWindow {
    /// When the shards are told, from the start of the run.
    pub told_ns: u64,
    /// Where it begins.
    pub from_ns: u64,
}

/// What came of a run.
#[derive(Clone, Debug)]
pub struct SimulationResult {
    /// The whole run, all shards merged.
    pub snapshot: Snapshot,
    /// What happened on each shard's wire.
    pub wires: Vec<Statistics>,
    /// The recorders as they were handed over.
    pub intervals: Vec<SimulatedInterval>,
    /// Arrivals that the schedule has up to the moment each shard stopped; `None` in a closed loop.
    pub scheduled: Option<Tally>,
}

/// What one shard handed over at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SimulatedInterval {
    /// Whose.
    pub shard: usize,
    /// Its start, from the start of the run.
    pub from_ns: u64,
    /// Its end.
    pub to_ns: u64,
    /// Requests sent in it.
    pub sent: u64,
    /// Successes in it.
    pub ok: u64,
    /// Failures in it.
    pub failed: u64,
}

/// One shard about to run, and what it is watched by.
pub struct Bench<S: Source, P: Protocol> {
    /// Which one.
    pub number: u32,
    /// The loop.
    pub shard: Shard<SimulatedWire, S, P>,
    /// Where its recorders come out.
    pub lane: CollectorLane,
    /// Its clock.
    pub ledger: Rc<Ledger>,
    /// What it listens to.
    pub control: Arc<Control>,
}

impl Simulation {
    /// Nothing runs yet.
    pub fn new(plan: Plan, world: World, seed: u64) -> Simulation {
        Simulation { plan, world, seed, window: None, revisions: Vec::new() }
    }

    /// The load is revised so while the run goes on: each is ordered when it was asked for.
    pub fn with_revisions(mut self, revisions: Vec<Revision>) -> Simulation {
        self.revisions = revisions;
        self
    }

    /// The measured window begins where somebody says in the run, as the collector does when the warm-up ends by itself.
    pub fn with_window(mut self, window: SimulatedWindow) -> Simulation {
        self.window = Some(window);
        self
    }

    /// Runs every shard to its end, one after the other: they share nothing but the moment they start at. Panics, with the
    /// seed, when a shard is stuck or does what its wire does not allow.
    pub fn run(&self) -> SimulationResult {
        if self.plan.scenarios.iter().any(|scenario| scenario.flow().is_some()) {
            return self.run_with_rows(|| NoRows);
        }
        if self.world.server.protocol != ServedProtocol::Http1 {
            let shared = || crate::assembly::any_shared(&self.plan, 0).expect("no file is read");
            return self.run_with::<Mix, AnyProtocol>(|mix| (mix, shared()));
        }
        let reuses = self.plan.targets.iter().all(Target::reuse);
        self.run_with::<Mix, Http1>(|mix| (mix, HeadMemo::new(reuses)))
    }

    /// The same of a plan with flows, with rows from elsewhere than the files it names: those of each scenario of each shard.
    pub fn run_with_rows<R: RowSource>(&self, mut rows: impl FnMut() -> R) -> SimulationResult {
        self.run_each::<AnySource<R>, AnyProtocol>(|share| {
            let sources = crate::assembly::sources(&self.plan, share, &mut rows)
                .expect("a plan's requests can be encoded");
            let shared = |pool| crate::assembly::any_shared(&self.plan, pool).expect("no file is read");
            (sources, (0..self.plan.pools.len()).map(shared).collect())
        })
    }

    /// The same with another source and another protocol, made for each shard from the plan's own mix.
    pub fn run_with<S: Source, P: Protocol>(
        &self,
        mut make: impl FnMut(Mix) -> (S, P::Shared),
    ) -> SimulationResult {
        let mixes = crate::assembly::mixes(&self.plan).expect("a plan's requests can be encoded");
        // Each scenario has a pool of its own.
        self.run_each::<S, P>(|_| mixes.iter().cloned().map(&mut make).unzip())
    }

    /// The same with what each shard sends, and what the connections of each pool share.
    pub fn run_each<S: Source, P: Protocol>(
        &self,
        mut make: impl FnMut(Share) -> (Vec<S>, Vec<P::Shared>),
    ) -> SimulationResult {
        let mut outcome = SimulationResult {
            snapshot: Snapshot::new(self.plan.machine.shards as usize, &self.plan.layout(), self.phases()),
            wires: Vec::new(),
            intervals: Vec::new(),
            scheduled: (!self.plan.is_closed()).then(Tally::default),
        };
        for shard in 0..self.plan.machine.shards {
            let (sources, shared) = make(self.share(shard));
            let statistics = self.run_shard(self.bench::<S, P>(shard, sources, shared), &mut outcome);
            outcome.wires.push(statistics);
        }
        outcome
    }

    /// One shard on its wire, not yet run.
    pub fn bench<S: Source, P: Protocol>(
        &self,
        shard: u32,
        sources: Vec<S>,
        shared: Vec<P::Shared>,
    ) -> Bench<S, P> {
        let share = self.share(shard);
        let control = Arc::new(Control::default());
        let steps: Vec<StepFacts> = sources.iter().flat_map(|source| source.steps().to_vec()).collect();
        let request_bytes = steps.iter().map(|step| step.bytes_max).max().unwrap_or(0);
        let pipeline = self.plan.targets.iter().map(Target::pipeline).max().unwrap_or(1);
        let outbox_bytes = |shared: &P::Shared| P::outbox_bytes(shared, request_bytes, pipeline as usize);
        let outbox_bytes = shared.iter().map(outbox_bytes).max().unwrap_or(0);
        let seat = Seat {
            shard: share.shard,
            slots: (0..self.plan.pools.len()).map(|pool| self.plan.connections_of(pool, shard)).sum(),
            outbox_bytes,
            start_ns: crate::assembly::connect_timeout_ns(&self.plan) + START_NS,
        };
        let wire = SimulatedWire::new(self.world.clone(), &steps, seat, self.seed, control.clone());
        let slots = (0..self.plan.pools.len()).map(|pool| self.plan.connections_of(pool, shard));
        let wire = wire.with_pools(&slots.collect::<Vec<u32>>());
        control.start_at(wire.start_ns());
        let ledger = wire.ledger();
        let (shard_lane, lane, recorder) = lane(shard as usize, &self.plan.layout(), self.plan.phases);
        let on_ready = Box::new(|_| {});
        let parts = Parts {
            wire,
            sources,
            shared,
            share,
            lane: shard_lane,
            recorder,
            control: control.clone(),
            on_ready,
        };
        Bench { number: shard, shard: Shard::new(&self.plan, parts), lane, ledger, control }
    }

    fn share(&self, shard: u32) -> Share {
        Share { shard: u64::from(shard), shards: u64::from(self.plan.machine.shards) }
    }

    fn run_shard<S: Source, P: Protocol>(
        &self,
        bench: Bench<S, P>,
        outcome: &mut SimulationResult,
    ) -> Statistics {
        let Bench { number: shard, shard: mut running, lane, ledger, control } = bench;
        let mut ended_ns = None;
        let mut next_collect_ns = 0;
        let horizon_ns = self.horizon_ns(control.start_ns().unwrap_or(0));
        for turns in 0.. {
            match running.turn() {
                Ok(Turn::Continue) => {}
                Ok(Turn::Finished) => break,
                Err(error) => panic!("seed {}: {error}", self.seed),
            }
            let now_ns = ledger.clock_ns();
            self.tell_window(now_ns, &control);
            self.order_revisions(now_ns, &control);
            let is_stuck = turns > TURNS_MAX || now_ns > horizon_ns;
            assert!(!is_stuck, "seed {}: shard {shard} is stuck after {turns} turns", self.seed);
            if now_ns >= next_collect_ns {
                next_collect_ns = now_ns + self.world.machine.collect_ns;
                ended_ns = ended_ns.or(collect(&lane, outcome));
            }
        }
        ended_ns = ended_ns.or(collect(&lane, outcome));
        drop(running);
        let ended_ns = ended_ns.unwrap_or_else(|| panic!("seed {}: no last recorder", self.seed));
        self.count_scheduled(shard, ended_ns, outcome);
        ledger.statistics()
    }

    /// Lets the measured window begin where it was planned for this run, when it is time to say so.
    fn tell_window(&self, now_ns: u64, control: &Control) {
        let start_ns = control.start_ns().unwrap_or(u64::MAX);
        if let Some(window) = self.window.filter(|window| now_ns >= start_ns.saturating_add(window.told_ns)) {
            control.measure_from(window.from_ns);
        }
    }

    /// Orders the revisions whose moment has come.
    fn order_revisions(&self, now_ns: u64, control: &Control) {
        if self.revisions.is_empty() {
            return;
        }
        let elapsed_ns = now_ns.saturating_sub(control.start_ns().unwrap_or(u64::MAX));
        while let Some(revision) = self.revisions.get(control.given().revision_count())
            && revision.asked_ns <= elapsed_ns
        {
            let before = &self.revisions[..control.given().revision_count()];
            let is_its = |scenario: &Scenario| scenario.name == revision.scenario;
            let scenario = self.plan.scenarios.iter().position(is_its).expect("a scenario of the plan");
            let revised =
                revise(&self.plan.scenarios[scenario], before, revision).expect("it can be revised so");
            let ordered = OrderedRevision { scenario: Some(scenario), revision: revision.clone(), revised };
            control.revise(ordered).expect("there are few");
        }
    }

    /// The bounds of the phases as they are in the end.
    fn phases(&self) -> Phases {
        let from_ns = self.window.map_or(self.plan.phases.measure_from_ns, |window| window.from_ns);
        Phases { measure_from_ns: from_ns, ..self.plan.phases }
    }

    /// When a shard must be done, on its clock.
    fn horizon_ns(&self, start_ns: u64) -> u64 {
        let timeout_ns = self.plan.steps().map(|step| step.timeout_ns).max().unwrap_or(0);
        start_ns + self.plan.phases.measure_to_ns + timeout_ns + OVERTIME_NS_MAX
    }

    /// Asks a fresh bucket what was to be sent before an instant.
    fn count_scheduled(&self, shard: u32, before_ns: u64, outcome: &mut SimulationResult) {
        let Some(scheduled) = &mut outcome.scheduled else { return };
        for (index, scenario) in self.plan.scenarios.iter().enumerate() {
            let Scenario { starts_ns, load, requests_max, .. } = scenario;
            let (draws, share) = (self.plan.draws_of(index), self.share(shard));
            let bucket = TokenBucket::new((*starts_ns, load), self.phases(), share, draws, *requests_max);
            if let Some(mut bucket) = bucket {
                bucket.revise(schedule_of(scenario, &self.revisions).expect("it has a bucket"));
                scheduled.add(bucket.abandon(before_ns));
            }
        }
    }
}

impl SimulationResult {
    /// All requests of the run, whatever phase they belong to.
    pub fn total(&self) -> Series {
        self.snapshot.total()
    }

    /// Requests that reached a server, on all wires.
    pub fn requests(&self) -> u64 {
        self.wires.iter().map(|wire| wire.requests).sum()
    }

    /// Whole responses, on all wires.
    pub fn responses(&self) -> u64 {
        self.wires.iter().map(|wire| wire.responses).sum()
    }

    /// When the last shard was done, from the start of the run.
    pub fn finished_ns(&self) -> u64 {
        self.wires.iter().map(|wire| wire.finished_ns).max().unwrap_or(0)
    }
}

/// Takes over what a shard has handed over; returns when it stopped, if it says so.
fn collect(lane: &CollectorLane, outcome: &mut SimulationResult) -> Option<u64> {
    let mut ended_ns = None;
    while let Some(recorder) = lane.pop() {
        outcome.snapshot.absorb(&recorder);
        outcome.intervals.push(SimulatedInterval::of(&recorder));
        ended_ns = ended_ns.or(recorder.ended_ns);
        lane.give_back(recorder);
    }
    ended_ns
}

impl SimulatedInterval {
    fn of(recorder: &Recorder) -> SimulatedInterval {
        let all = || recorder.requests.each_series();
        SimulatedInterval {
            shard: recorder.shard,
            from_ns: recorder.from_ns,
            to_ns: recorder.to_ns,
            sent: all().map(|series| series.sent).sum(),
            ok: all().map(|series| series.ok).sum(),
            failed: all().map(Series::failed).sum(),
        }
    }
}
