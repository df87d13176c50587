//! How one machine runs a load test: pinned executors, the io_uring wire, protocols, the collector.
//!
//! [`Shards`] has five verbs, in this order: `launch`, `connect`, `start`, `collect`, `stop`. Shards receive the plan by
//! value and hand back recorders; nothing else passes between them and the rest of the process but four words
//! ([`lanes::Control`]).
//!
//! Reading order: this file → `executor.rs` (a loop on a pinned core) → [`shard`] (the loop) → [`wire`] (what it asks of
//! the world) → [`ring`] and `sys.rs` (io_uring's answer) → [`protocol`] → [`lanes`] → `collector.rs`.

#![deny(unsafe_code)]

pub mod arrivals;
mod auto_warmup;
pub mod calibrate;
mod clock;
mod collector;
mod connection;
mod executor;
pub mod lanes;
mod machine;
pub mod null;
mod pace;
pub mod preflight;
pub mod protocol;
mod resolve;
pub mod ring;
pub mod shard;
pub mod simulation;
mod sinks;
#[allow(unsafe_code, reason = "the raw ring; every block says why it is sound")]
mod sys;
mod timeouts;
mod watch;
pub mod wire;

pub use collector::Collected;
use collector::Collector;
use engine::bucket::Share;
use engine::mix::Mix;
use engine::plan::{self, Plan, Pool, Scenario};
use engine::quantity::counted;
use engine::report::{Calibrated, Environment, Identity, MachineFacts, Observed, Report};
use engine::seams::{Runner, Sink, Source, StepFacts};
use engine::until;
use executor::{Looping, Pinned};
use lanes::{CollectorLane, Control};
use machine::Reading;
pub use machine::allowed_cores;
use protocol::http1::{HeadMemo, Http1};
pub use resolve::resolve;
use ring::{Outgoing, RingWire, SlotRoute};
use shard::{Parts, Shard, Turn};
use socket2::SockAddr;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};
pub use sys::{Done, Ring, Setup};
use watch::Watch;

/// From the order to start until the start itself: long enough for every shard to hear of it.
const START_NS: u64 = 5_000_000;
/// How much longer than a connect may take the shards are waited for before the run is given up.
const READY_GRACE: Duration = Duration::from_secs(10);

/// How a limit of the report begins that tells of an output, such as a file, which is not whole.
pub const INCOMPLETE: &str = "an output is incomplete";

/// The shards of one run on this machine.
pub struct Shards {
    /// Of each target of the plan.
    addresses: Vec<Vec<SockAddr>>,
    control: Arc<Control>,
    describe: Describe,
    executors: Vec<Pinned>,
    lanes: Vec<CollectorLane>,
    cores: Vec<usize>,
    ready: Option<Receiver<u64>>,
    connections_open: u64,
    before: Reading,
    started: Option<Instant>,
    collecting: Option<(Arc<AtomicBool>, JoinHandle<Collected>)>,
    calibration: Option<Calibrated>,
    /// Where the watch of a run with a goal says how well it came to know it.
    watched: Option<Receiver<until::UntilOutcome>>,
}

/// Names a run when it starts: its id, and its start in words.
pub type Describe = Box<dyn Fn(SystemTime) -> Identity>;

impl Looping for Shard<RingWire, Mix, Http1> {
    fn turn(&mut self) -> Result<Turn, String> {
        Shard::turn(self)
    }
}

impl Shards {
    /// Shards that will connect to these addresses of each target, stop when `control` says so, and name their run by `describe`.
    pub fn new(addresses: Vec<Vec<SockAddr>>, control: Arc<Control>, describe: Describe) -> Shards {
        Shards {
            addresses,
            control,
            describe,
            executors: Vec::new(),
            lanes: Vec::new(),
            cores: Vec::new(),
            ready: None,
            connections_open: 0,
            before: Reading::default(),
            started: None,
            collecting: None,
            watched: None,
            calibration: None,
        }
    }

    /// The same, with what the machine was found to be able to do: the run is judged by it, and its report has it.
    pub fn calibrated(mut self, calibration: Option<Calibrated>) -> Shards {
        self.calibration = calibration;
        self
    }

    /// Starts one executor per shard, each on its core. They begin to connect at once.
    pub fn launch(&mut self, plan: &Plan) -> Result<(), String> {
        let (on_ready, ready) = channel();
        self.ready = Some(ready);
        self.cores = cores_for(plan)?;
        for shard in 0..plan.machine.shards {
            self.launch_one(plan, shard, on_ready.clone())?;
        }
        Ok(())
    }

    fn launch_one(&mut self, plan: &Plan, shard: u32, on_ready: Sender<u64>) -> Result<(), String> {
        let (shard_lane, collector_lane, recorder) = lanes::lane(shard as usize, &plan.layout(), plan.phases);
        let share = Share { shard: u64::from(shard), shards: u64::from(plan.machine.shards) };
        let sources = mixes(plan)?;
        let (own_plan, addresses, control) = (plan.clone(), self.addresses.clone(), self.control.clone());
        let make = move || {
            let plan = own_plan;
            let wire = wire(&plan, &sources, share, &addresses)?;
            let on_ready = Box::new(move |open| {
                // The receiver is gone only if the run was given up; then nobody wants to know.
                let _ = on_ready.send(open);
            });
            let shared = plan.pools.iter().map(|_| HeadMemo::default()).collect();
            let lane = shard_lane;
            Ok(Shard::new(&plan, Parts { wire, sources, shared, share, lane, recorder, control, on_ready }))
        };
        // A shard that fails ends the run: the others' load would not be the one that was asked for.
        let control = self.control.clone();
        let on_failure = move || control.stop();
        self.executors.push(executor::spawn(self.cores[shard as usize], make, on_failure)?);
        self.lanes.push(collector_lane);
        Ok(())
    }

    /// Waits until every shard has made its connections, or has tried for long enough. Returns how many are open.
    pub fn connect(&mut self, plan: &Plan) -> Result<u64, String> {
        let patience = Duration::from_nanos(connect_timeout_ns(plan)) + READY_GRACE;
        let ready = self.ready.take().ok_or("shards are launched before they connect")?;
        for _ in 0..plan.machine.shards {
            match ready.recv_timeout(patience) {
                Ok(open) => self.connections_open += open,
                Err(_) => return Err(self.death()),
            }
        }
        Ok(self.connections_open)
    }

    /// Starts the clock of all shards at one moment, and the collector. Returns that moment.
    pub fn start(&mut self, plan: &Plan, mut sinks: Vec<Box<dyn Sink>>) -> Result<SystemTime, String> {
        if let Some((watch, outcome)) = Watch::of(plan, &self.control) {
            sinks.push(Box::new(watch));
            self.watched = Some(outcome);
        }
        let sinks = sinks::Sinks::start(sinks)?;
        let collector = Collector::new(plan, std::mem::take(&mut self.lanes), sinks, self.control.clone());
        let is_over = Arc::new(AtomicBool::new(false));
        let (flag, own_cores) = (is_over.clone(), self.cores.clone());
        let run = move || {
            leave_cores(&own_cores);
            collector.run(|| flag.load(Ordering::Acquire))
        };
        let thread = std::thread::Builder::new().name("collector".into()).spawn(run);
        let thread = thread.map_err(|error| format!("no thread for the collector: {error}"))?;
        self.collecting = Some((is_over, thread));
        self.before = Reading::now(&self.cores);
        self.started = Some(Instant::now());
        self.control.start_at(clock::monotonic_ns() + START_NS);
        Ok(SystemTime::now() + Duration::from_nanos(START_NS))
    }

    /// Waits for the shards to end, and returns what they wrote down. One that failed fails the run.
    pub fn collect(&mut self) -> Result<(Collected, MachineFacts), String> {
        let ends: Vec<Result<(), String>> = self.executors.drain(..).map(Pinned::join).collect();
        let (is_over, thread) = self.collecting.take().ok_or("collecting follows starting")?;
        is_over.store(true, Ordering::Release);
        let collected = thread.join().map_err(|_| "the collector died")?;
        ends.into_iter().collect::<Result<(), String>>()?;
        let facts = self.facts(&collected);
        Ok((collected, facts))
    }

    /// Asks the shards to drain; the second time, to stop at once.
    pub fn stop(&self) {
        self.control.stop();
    }

    /// Why a shard did not come up: its own words, if it has ended.
    fn death(&mut self) -> String {
        self.stop();
        self.stop();
        let errors = self.executors.drain(..).filter_map(|executor| executor.join().err());
        errors.into_iter().next().unwrap_or_else(|| "a shard did not get ready in time".into())
    }

    fn facts(&self, collected: &Collected) -> MachineFacts {
        let since = Reading::now(&self.cores).since(self.before);
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
            collector_user_s: user_ns as f64 / 1e9,
            collector_sys_s: system_ns as f64 / 1e9,
            resident_bytes_max: machine::resident_bytes_max(),
            run_s: self.started.map_or(0.0, |started| started.elapsed().as_secs_f64()),
            limits: {
                let complaints = collected.complaints.iter();
                let mut limits: Vec<String> =
                    complaints.map(|complaint| format!("{INCOMPLETE}: {complaint}")).collect();
                limits.extend(ring::RunDelay::of_this_thread().ns().is_none().then(|| {
                    "not measured: the kernel does not count how long a thread waits for its core (CONFIG_SCHED_INFO)".to_owned()
                }));
                limits
            },
        }
    }
}

impl Runner for Shards {
    fn run(&mut self, plan: &Plan, sinks: Vec<Box<dyn Sink>>) -> Result<Report, String> {
        self.launch(plan)?;
        self.connect(plan)?;
        let started_at = self.start(plan, sinks)?;
        let (collected, facts) = self.collect()?;
        let until = self.watched.take().and_then(|outcome| outcome.try_recv().ok());
        let observed = Observed {
            whole: &collected.whole,
            history: collected.history.slices(),
            is_steady: collected.is_steady,
            until: until.as_ref(),
        };
        Ok(Report::new(plan, observed, facts, (self.describe)(started_at)))
    }
}

/// What each scenario of a plan sends, on whichever shard.
pub fn mixes(plan: &Plan) -> Result<Vec<Mix>, String> {
    let encoded = |step: &plan::Step| protocol::http1::encode(step, &plan.target_of(step).url.authority);
    let mix = |(index, scenario): (usize, &Scenario)| {
        let steps = scenario.steps().iter().map(encoded).collect::<Result<_, String>>()?;
        Ok(Mix::new(steps, plan.draws_of(index)))
    };
    plan.scenarios.iter().enumerate().map(mix).collect()
}

/// The wire of one shard, on the thread that will use it. `addresses` are those of each target.
pub fn wire<S: Source>(
    plan: &Plan,
    sources: &[S],
    share: Share,
    addresses: &[Vec<SockAddr>],
) -> Result<RingWire, String> {
    let route = |(index, pool): (usize, &Pool)| SlotRoute {
        slots: plan.connections_of(index, share.shard as u32),
        addresses: addresses[pool.target].clone(),
    };
    let routes: Vec<SlotRoute> = plan.pools.iter().enumerate().map(route).collect();
    RingWire::new(&routes, &outgoing(plan, sources)).map_err(|error| {
        let slots: u32 = routes.iter().map(|route| route.slots).sum();
        format!("io_uring cannot be set up for {slots} connections: {error}")
    })
}

/// What goes out on the wire of a shard: every step's bytes where they never change, in the order of their series.
fn outgoing<'a, S: Source>(plan: &Plan, sources: &'a [S]) -> Outgoing<'a> {
    let (mut constants, mut copy_bytes_max) = (Vec::new(), 0);
    for (scenario, source) in plan.scenarios.iter().zip(sources) {
        let (steps, pipeline) = (source.steps(), plan.target_of(&scenario.steps()[0]).pipeline() as usize);
        // Only a closed loop with one request sends several at a time as they are.
        let copies = if scenario.load.is_closed() && steps.len() == 1 { pipeline } else { 1 };
        constants.extend(steps.iter().map(|step| (step.constant.as_deref().unwrap_or_default(), copies)));
        // Nothing is copied when the one request there is never changes, or when single ones are sent as they are.
        let is_copied = |step: &&StepFacts| step.constant.is_none() || (pipeline > 1 && steps.len() > 1);
        let bytes_max = steps.iter().filter(is_copied).map(|step| step.bytes_max).max().unwrap_or(0);
        copy_bytes_max = copy_bytes_max.max(bytes_max * pipeline);
    }
    Outgoing { constants, copy_bytes_max }
}

/// How long a shard may take to have tried all its connections.
fn connect_timeout_ns(plan: &Plan) -> u64 {
    plan.targets.iter().map(|target| target.connect_timeout_ns).max().unwrap_or(0)
}

/// The cores of a plan's shards: those it names, or the last ones allowed, which leaves the first to everything else.
pub fn cores_for(plan: &Plan) -> Result<Vec<usize>, String> {
    let wanted = plan.machine.shards as usize;
    if !plan.machine.cores.is_empty() {
        return Ok(plan.machine.cores[..wanted].to_vec());
    }
    let allowed = allowed_cores();
    match allowed.len().checked_sub(wanted) {
        Some(first) => Ok(allowed[first..].to_vec()),
        None => {
            let shards = counted(wanted as u64, "shard");
            Err(format!(
                "{shards} on as many cores were asked for, and this process may use {}",
                allowed.len()
            ))
        }
    }
}

/// A core that no shard owns, if there is one.
pub fn spare_core(cores: &[usize]) -> Option<usize> {
    allowed_cores().into_iter().find(|core| !cores.contains(core))
}

/// Keeps the calling thread off the shards' cores, if there is another.
fn leave_cores(cores: &[usize]) {
    if let Some(core) = spare_core(cores) {
        core_affinity::set_for_current(core_affinity::CoreId { id: core });
    }
}
