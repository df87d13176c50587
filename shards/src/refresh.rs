//! Values of the setup that are taken before the start, and anew while the run goes on, by a thread of its own.
//!
//! It keeps off the cores of the shards, and hands new values to each source by a lane of one place, where newer ones take that of older ones.

use crate::cores::leave_cores;
use crate::failures::{died, no_thread, stopped};
use crate::preflight::{SetupRunner, TakenValues};
use crossbeam::queue::ArrayQueue;
use engine::failure::RunFailure;
use engine::flow::{RenewedValues, SetupValues};
use engine::measured::SetupTally;
use engine::orders::{Order, Orders};
use engine::quantity::MILLISECOND_NS;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long an order may go unnoticed by what waits.
const POLL: Duration = Duration::from_millis(20);
/// A refresh that failed is tried again after this part of the time between two.
const RETRY_PART: u64 = 10;
/// But no sooner than this.
const RETRY_NS_MIN: u64 = 10 * MILLISECOND_NS;

/// What is done before the start, and whatever of it is done again.
pub(crate) struct Refresh {
    runner: Option<SetupRunner>,
    first: TakenValues,
    /// When these were taken.
    taken_at: Instant,
    lanes: Vec<Arc<ArrayQueue<SetupValues>>>,
    tally: Arc<Mutex<SetupTally>>,
    /// The thread ends when this is dropped.
    stop: Option<Sender<()>>,
}

/// Does what is to be done before the start, until it is done or an order to stop comes; it is left behind then, on its own thread.
pub(crate) fn before_start(mut runner: SetupRunner, orders: &Orders) -> Result<Refresh, RunFailure> {
    let (done, outcome) = channel();
    let run = move || {
        let taken = runner.take();
        // Nobody waits for it any more after an order to stop.
        let _ = done.send((runner, taken));
    };
    let spawned = std::thread::Builder::new().name("setup".into()).spawn(run);
    spawned.map_err(|error| no_thread("the setup", error))?;
    let (runner, taken) = loop {
        match outcome.recv_timeout(POLL) {
            Ok(outcome) => break outcome,
            Err(RecvTimeoutError::Disconnected) => return Err(died("the setup")),
            Err(RecvTimeoutError::Timeout) if orders.order() != Order::Run => return Err(stopped()),
            Err(RecvTimeoutError::Timeout) => {}
        }
    };
    let first = taken?;
    let tally = SetupTally { took_ns: first.took_ns, ..SetupTally::default() };
    let tally = Arc::new(Mutex::new(tally));
    let taken_at = Instant::now();
    Ok(Refresh { runner: Some(runner), first, taken_at, lanes: Vec::new(), tally, stop: None })
}

impl Refresh {
    /// The values that were taken before the start.
    pub(crate) fn values(&self) -> &SetupValues {
        &self.first.values
    }

    /// Where one source gets later ones, if there may be any.
    pub(crate) fn lane(&mut self) -> Option<RenewedValues> {
        self.first.again_ns?;
        let lane = Arc::new(ArrayQueue::new(1));
        self.lanes.push(lane.clone());
        Some(Box::new(move || lane.pop()))
    }

    /// Begins to take them anew, where that is asked for, off these cores.
    pub(crate) fn start(&mut self, cores: &[usize]) -> Result<(), RunFailure> {
        let (Some(again_ns), Some(runner)) = (self.first.again_ns, self.runner.take()) else {
            return Ok(());
        };
        let (stop, stops) = channel();
        self.stop = Some(stop);
        let renewal = Renewal { runner, lanes: self.lanes.clone(), tally: self.tally.clone(), stops };
        let cores = cores.to_vec();
        // Data files were read and connections were made since.
        let passed_ns = u64::try_from(self.taken_at.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let first_ns = again_ns.saturating_sub(passed_ns);
        let run = move || {
            leave_cores(&cores);
            renewal.run(first_ns, again_ns);
        };
        let spawned = std::thread::Builder::new().name("refresh".into()).spawn(run);
        spawned.map(|_| ()).map_err(|error| no_thread("taking values of the setup anew", error))
    }

    /// What became of it. It ends with this; a refresh that is under way is not waited for.
    pub(crate) fn end(self) -> SetupTally {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The thread's part.
struct Renewal {
    runner: SetupRunner,
    lanes: Vec<Arc<ArrayQueue<SetupValues>>>,
    tally: Arc<Mutex<SetupTally>>,
    stops: Receiver<()>,
}

impl Renewal {
    fn run(mut self, first_ns: u64, mut period_ns: u64) {
        let mut wait_ns = first_ns;
        while let Err(RecvTimeoutError::Timeout) = self.stops.recv_timeout(Duration::from_nanos(wait_ns)) {
            let taken = self.runner.take();
            let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
            match taken {
                Ok(TakenValues { values, again_ns, .. }) => {
                    for lane in &self.lanes {
                        lane.force_push(values.clone());
                    }
                    tally.refreshes += 1;
                    // A token that says nothing any more of how long it is good is taken to be as good as the one before.
                    period_ns = again_ns.unwrap_or(period_ns);
                    wait_ns = period_ns;
                }
                Err(failure) => {
                    tally.failed += 1;
                    tally.reason.get_or_insert(failure.text);
                    wait_ns = (period_ns / RETRY_PART).max(RETRY_NS_MIN);
                }
            }
        }
    }
}
