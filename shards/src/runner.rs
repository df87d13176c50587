//! One run on this machine: its shards, each on a core of its own, from launching to what they wrote down.

use crate::assembly::{any_shared_with, connect_timeout_ns, mixes, sources_with, tls_files, wire};
use crate::collector::{Collected, Collector};
use crate::cores::{cores_for, leave_cores};
use crate::executor::{self, Looping, Pinned};
use crate::failures::{died, no_thread};
use crate::feeds::{self, Feeds, ShardRows};
use crate::lanes::{self, CollectorLane, Control};
use crate::machine::{self, MachineReading};
use crate::protocol::Protocol;
use crate::protocol::any::{AnyProtocol, AnyShared};
use crate::protocol::http1::{HeadMemo, Http1};
use crate::refresh::{self, Refresh};
use crate::ring::{self, RingWire};
use crate::shard::{Parts, Shard, Turn};
use crate::tls::TlsFiles;
use crate::watch::{Looks, Watch};
use crate::{clock, preflight, sinks};
use engine::bucket::Share;
use engine::failure::{FailureKind, RunFailure};
use engine::flow::FlowConstants;
use engine::orders::Orders;
use engine::plan::{Plan, TargetProtocol, Transport};
use engine::report::{Calibrated, Environment, MachineFacts, Measured};
use engine::seams::{Runner, Sink, Source};
use engine::until;
use socket2::SockAddr;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// From the order to start until the start itself: long enough for every shard to hear of it.
const START_NS: u64 = 5_000_000;
/// What is said where the scheduler keeps no account of waiting.
const NO_RUN_DELAY: &str =
    "not measured: the kernel does not count how long a thread waits for its core (CONFIG_SCHED_INFO)";
/// How much longer than a connect may take the shards are waited for before the run is given up.
const READY_GRACE: Duration = Duration::from_secs(10);

/// The shards of one run on this machine.
pub struct Shards {
    /// Of each target of the plan.
    addresses: Vec<Vec<SockAddr>>,
    /// How long it took to find them by a name, of each target.
    dns_ns: Vec<Option<u64>>,
    control: Arc<Control>,
    executors: Vec<Pinned>,
    lanes: Vec<CollectorLane>,
    cores: Vec<usize>,
    ready: Option<Receiver<u64>>,
    connections_open: u64,
    before: MachineReading,
    started: Option<Instant>,
    collecting: Option<(Arc<AtomicBool>, JoinHandle<Collected>)>,
    calibration: Option<Calibrated>,
    /// The plan's data files, where they have been read.
    feeds: Option<Feeds>,
    /// Those that the shards' rows come from.
    fed_by: Option<Feeds>,
    /// What was done before the start, if anything was.
    setup: Option<Refresh>,
    /// Where the watch of a run with a goal says how well it came to know it.
    watched: Option<Receiver<until::UntilOutcome>>,
}

impl<S: Source, P: Protocol> Looping for Shard<RingWire, S, P> {
    fn turn(&mut self) -> io::Result<Turn> {
        Shard::turn(self)
    }
}

/// Which shard of how many.
fn share_of(plan: &Plan, shard: u32) -> Share {
    Share { shard: u64::from(shard), shards: u64::from(plan.machine.shards) }
}

/// Whether all that is spoken is HTTP/1.1 without TLS.
fn is_plain(plan: &Plan) -> bool {
    let targets = plan.pools.iter().map(|pool| &plan.targets[pool.target]);
    targets.into_iter().all(|target| {
        target.transport == Transport::Plain && matches!(target.protocol, TargetProtocol::Http1 { .. })
    })
}

/// What was read of the files for TLS of each target.
type FilesOfTargets = [Option<TlsFiles>];

/// Makes what the connections of each pool share, for a shard with its share of the load.
type MakeShared<P> = fn(&Plan, Share, &FilesOfTargets) -> Result<Vec<<P as Protocol>::Shared>, RunFailure>;

fn plain_shared(plan: &Plan, _share: Share, _files: &FilesOfTargets) -> Result<Vec<HeadMemo>, RunFailure> {
    Ok(plan.pools.iter().map(|pool| HeadMemo::new(plan.targets[pool.target].reuse())).collect())
}

fn any_shared_of(plan: &Plan, share: Share, files: &FilesOfTargets) -> Result<Vec<AnyShared>, RunFailure> {
    let of_pool = |pool| {
        let mut shared = any_shared_with(plan, pool, files[plan.pools[pool].target].as_ref())?;
        shared.of_shard(share.shard, share.shards);
        Ok(shared)
    };
    (0..plan.pools.len()).map(of_pool).collect()
}

/// What a flow has of the values that were taken before the start.
fn constants(setup: &mut Option<Refresh>) -> FlowConstants {
    setup.as_mut().map_or_else(FlowConstants::default, |setup| {
        let renewed = setup.lane();
        FlowConstants { values: setup.values().clone(), renewed }
    })
}

impl Shards {
    /// Shards that will connect to these addresses of each target.
    pub fn new(addresses: Vec<Vec<SockAddr>>) -> Shards {
        Shards {
            addresses,
            dns_ns: Vec::new(),
            control: Arc::default(),
            executors: Vec::new(),
            lanes: Vec::new(),
            cores: Vec::new(),
            ready: None,
            connections_open: 0,
            before: MachineReading::default(),
            started: None,
            collecting: None,
            watched: None,
            calibration: None,
            feeds: None,
            fed_by: None,
            setup: None,
        }
    }

    /// The same, with what the machine was found to be able to do: the run is judged by it, and its report has it.
    pub fn calibrated(mut self, calibration: Option<Calibrated>) -> Shards {
        self.calibration = calibration;
        self
    }

    /// The same, with the plan's data files, which are read otherwise.
    pub fn fed(mut self, feeds: Option<Feeds>) -> Shards {
        self.feeds = feeds;
        self
    }

    /// The same, with how long it took to look up the name of each target, nanoseconds, where that was done: its report says it.
    pub fn looked_up(mut self, dns_ns: Vec<Option<u64>>) -> Shards {
        self.dns_ns = dns_ns;
        self
    }

    /// Starts one executor per shard, each on its core. They begin to connect at once.
    fn launch(&mut self, plan: &Plan) -> Result<(), RunFailure> {
        let (on_ready, ready) = channel();
        self.ready = Some(ready);
        self.cores = cores_for(plan)?;
        // Once for all shards and pools: they may be large, and may change.
        let files: Arc<FilesOfTargets> =
            plan.targets.iter().map(tls_files).collect::<Result<_, RunFailure>>()?;
        let mut feeds = self.feeds.take().map_or_else(|| feeds::load(plan), Ok)?;
        feeds.start(&self.cores)?;
        for shard in 0..plan.machine.shards {
            let on_ready = on_ready.clone();
            // The loop is compiled for the plainest case on its own, which then costs what it costs and no more.
            if plan.scenarios.iter().any(|scenario| scenario.flow().is_some()) {
                let (share, shared) = (share_of(plan, shard), any_shared_of);
                let setup = &mut self.setup;
                let rows = || ShardRows(feeds.readers(share));
                let sources = sources_with(plan, share, rows, || constants(setup))?;
                self.launch_one::<_, AnyProtocol>(plan, shard, sources, on_ready, shared, &files)?;
                continue;
            }
            let sources = mixes(plan)?;
            match is_plain(plan) {
                true => self.launch_one::<_, Http1>(plan, shard, sources, on_ready, plain_shared, &files)?,
                false => {
                    self.launch_one::<_, AnyProtocol>(plan, shard, sources, on_ready, any_shared_of, &files)?;
                }
            }
        }
        self.fed_by = Some(feeds);
        Ok(())
    }

    /// Launches a shard that sends these and whose connections speak `P`; `shared` makes what those of each pool share.
    fn launch_one<S: Source + Send + 'static, P: Protocol + 'static>(
        &mut self,
        plan: &Plan,
        shard: u32,
        sources: Vec<S>,
        on_ready: Sender<u64>,
        shared: MakeShared<P>,
        files: &Arc<FilesOfTargets>,
    ) -> Result<(), RunFailure> {
        let (shard_lane, collector_lane, recorder) = lanes::lane(shard as usize, &plan.layout(), plan.phases);
        let share = share_of(plan, shard);
        let (own_plan, addresses, control) = (plan.clone(), self.addresses.clone(), self.control.clone());
        let files = files.clone();
        let make = move || {
            let plan = own_plan;
            let shared = shared(&plan, share, &files)?;
            let wire = wire::<S, P>(&plan, &sources, &shared, share, &addresses)?;
            let on_ready = Box::new(move |open| {
                // The receiver is gone only if the run was given up; then nobody wants to know.
                let _ = on_ready.send(open);
            });
            let lane = shard_lane;
            Ok(Shard::<_, _, P>::new(
                &plan,
                Parts { wire, sources, shared, share, lane, recorder, control, on_ready },
            ))
        };
        // A shard that fails ends the run: the others' load would not be the one that was asked for.
        let control = self.control.clone();
        let on_failure = move || control.stop();
        self.executors.push(executor::spawn(self.cores[shard as usize], make, on_failure)?);
        self.lanes.push(collector_lane);
        Ok(())
    }

    /// Waits until every shard has made its connections, or has tried for long enough. Returns how many are open.
    fn connect(&mut self, plan: &Plan) -> Result<u64, RunFailure> {
        let patience = Duration::from_nanos(connect_timeout_ns(plan)) + READY_GRACE;
        let ready = self
            .ready
            .take()
            .ok_or_else(|| FailureKind::Panic.failure("shards are launched before they connect"))?;
        for _ in 0..plan.machine.shards {
            match ready.recv_timeout(patience) {
                Ok(open) => self.connections_open += open,
                Err(_) => return Err(self.death()),
            }
        }
        Ok(self.connections_open)
    }

    /// Starts the clock of all shards at one moment, and the collector. Returns that moment in nanoseconds since 1970.
    fn start(&mut self, plan: &Plan, mut sinks: Vec<Box<dyn Sink>>) -> Result<u64, RunFailure> {
        let looks = Looks::default();
        if let Some((watch, outcome)) = Watch::of(plan, &self.control, &looks) {
            sinks.push(Box::new(watch));
            self.watched = Some(outcome);
        }
        let sinks = sinks::Sinks::start(sinks)?;
        let lanes = std::mem::take(&mut self.lanes);
        let mut collector = Collector::new(plan, lanes, sinks, self.control.clone(), looks);
        let is_over = Arc::new(AtomicBool::new(false));
        let (flag, own_cores) = (is_over.clone(), self.cores.clone());
        let run = move || {
            leave_cores(&own_cores);
            collector.watch_machine(&own_cores);
            collector.run(|| flag.load(Ordering::Acquire))
        };
        let thread = std::thread::Builder::new().name("collector".into()).spawn(run);
        let thread = thread.map_err(|error| no_thread("the collector", error))?;
        self.collecting = Some((is_over, thread));
        self.before = MachineReading::now(&self.cores);
        self.started = Some(Instant::now());
        self.control.start_at(clock::monotonic_ns() + START_NS);
        Ok(self.control.started_unix_ns().unwrap_or(0))
    }

    /// Waits for the shards to end, and returns what they wrote down. One that failed fails the run.
    fn collect(&mut self) -> Result<(Collected, MachineFacts), RunFailure> {
        let ends: Vec<Result<(), RunFailure>> = self.executors.drain(..).map(Pinned::join).collect();
        let (is_over, thread) = self
            .collecting
            .take()
            .ok_or_else(|| FailureKind::Panic.failure("collecting follows starting"))?;
        is_over.store(true, Ordering::Release);
        let collected = thread.join().map_err(|_| died("the collector"))?;
        ends.into_iter().collect::<Result<(), RunFailure>>()?;
        let facts = self.facts(&collected);
        Ok((collected, facts))
    }

    /// Asks the shards to drain; the second time, to stop at once.
    fn stop(&self) {
        self.control.stop();
    }

    /// Why a shard did not come up: its own words, if it has ended.
    fn death(&mut self) -> RunFailure {
        self.stop();
        self.stop();
        let errors = self.executors.drain(..).filter_map(|executor| executor.join().err());
        errors
            .into_iter()
            .next()
            .unwrap_or_else(|| FailureKind::Unready.failure("a shard did not get ready in time"))
    }

    fn facts(&self, collected: &Collected) -> MachineFacts {
        let since = MachineReading::now(&self.cores).since(self.before);
        let (user_ns, system_ns) = collected.cpu_ns;
        MachineFacts {
            environment: Environment {
                kernel: machine::kernel(),
                cpu: machine::cpu_model(),
                cores: machine::core_count(),
                steal_s: since.steal_s,
                throttled_s: since.throttled_s,
                io_uring: preflight::ring_features(),
                versions: BTreeMap::from([("vajra".to_owned(), env!("CARGO_PKG_VERSION").to_owned())]),
                calibration: self.calibration.clone(),
                ..Environment::default()
            },
            cores: self.cores.clone(),
            cores_allowed: machine::usable_cores(),
            connections_open: self.connections_open,
            dns_ns: self.dns_ns.clone(),
            collector_user_s: user_ns as f64 / 1e9,
            collector_sys_s: system_ns as f64 / 1e9,
            resident_bytes_max: machine::resident_bytes_max(),
            run_s: self.started.map_or(0.0, |started| started.elapsed().as_secs_f64()),
            limits: ring::RunDelay::of_this_thread()
                .ns()
                .is_none()
                .then(|| NO_RUN_DELAY.to_owned())
                .into_iter()
                .collect(),
        }
    }
}

impl Runner for Shards {
    fn run(
        &mut self,
        plan: &Plan,
        sinks: Vec<Box<dyn Sink>>,
        orders: &Orders,
    ) -> Result<Measured, RunFailure> {
        self.control = Arc::new(Control::new(orders.clone()));
        if let Some(runner) = preflight::SetupRunner::of(plan, &self.addresses) {
            self.setup = Some(refresh::before_start(runner, orders)?);
        }
        let filled = self.setup.as_ref().map(|setup| plan.filled(setup.values())).transpose();
        let filled = filled.map_err(|unfilled| {
            let fix = "check what the setup takes (`extract`), and where it is named";
            FailureKind::Setup.with_fix(unfilled.to_string(), fix)
        })?;
        let plan = filled.as_ref().unwrap_or(plan);
        self.launch(plan)?;
        self.connect(plan)?;
        let started_unix_ns = self.start(plan, sinks)?;
        let cores = self.cores.clone();
        self.setup.as_mut().map_or(Ok(()), |setup| setup.start(&cores))?;
        let (collected, facts) = self.collect()?;
        if let Some(failure) = self.fed_by.as_ref().and_then(Feeds::failure) {
            return Err(failure);
        }
        Ok(Measured {
            whole: collected.whole,
            history: collected.history.into_slices(),
            is_steady: collected.is_steady,
            watched: collected.watched,
            revisions: orders.revisions(),
            until: self.watched.take().and_then(|outcome| outcome.try_recv().ok()),
            setup: self.setup.take().map(Refresh::end),
            started_unix_ns,
            facts,
            complaints: collected.complaints,
        })
    }
}
