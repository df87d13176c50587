//! Sinks, each on a thread of its own behind a bounded queue: a slow one loses snapshots, which are counted, and slows nobody.

use crate::failures::no_thread;
use crossbeam::channel::{Sender, bounded};
use engine::failure::RunFailure;
use engine::record::Snapshot;
use engine::seams::{Grain, Sink};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;

/// Snapshots that may wait for one sink: a minute at one a second.
const QUEUE: usize = 60;
/// Memory of those that may wait for one sink, and of the one that it is busy with. A snapshot has counts for each kind of
/// request, so that sixty of a large plan would be gigabytes.
const QUEUE_BYTES: usize = 16 << 20;

/// All sinks of a run.
pub(crate) struct Sinks {
    queues: Vec<Queue>,
    lost: u64,
}

struct Queue {
    name: String,
    grain: Grain,
    sender: Sender<Told>,
    bytes: Arc<AtomicUsize>,
    /// Snapshots that this sink was too slow to take.
    lost: Arc<AtomicU64>,
    thread: JoinHandle<io::Result<()>>,
}

/// A sink that will be told nothing more.
struct FinishingSink {
    name: String,
    thread: JoinHandle<io::Result<()>>,
}

/// What a sink is told.
enum Told {
    /// When sending begins, in nanoseconds since 1970.
    Begin(u64),
    Snapshot(QueuedSnapshot),
}

/// A snapshot in a queue, and its share of the queue's memory, which is given back when it is let go of.
struct QueuedSnapshot {
    snapshot: Arc<Snapshot>,
    bytes: usize,
    of_queue: Arc<AtomicUsize>,
}

impl Drop for QueuedSnapshot {
    fn drop(&mut self) {
        self.of_queue.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Sinks {
    /// Starts a thread for each sink.
    pub(crate) fn start(sinks: Vec<Box<dyn Sink>>) -> Result<Sinks, RunFailure> {
        let queues = sinks.into_iter().map(Queue::start).collect::<Result<_, RunFailure>>()?;
        Ok(Sinks { queues, lost: 0 })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queues.is_empty()
    }

    /// Snapshots that could not be queued so far.
    pub(crate) fn lost(&self) -> u64 {
        self.lost
    }

    /// Tells every sink when sending begins. Comes before any snapshot, so that there is room.
    pub(crate) fn begin(&self, started_unix_ns: u64) {
        for queue in &self.queues {
            // One that has hung up says so at the end.
            let _ = queue.sender.try_send(Told::Begin(started_unix_ns));
        }
    }

    /// Offers a snapshot to every sink that wants ones this fine.
    pub(crate) fn offer(&mut self, grain: Grain, snapshot: &Arc<Snapshot>) {
        let bytes = snapshot.bytes();
        let queues = self.queues.iter().filter(|queue| queue.grain == grain);
        self.lost += queues.filter(|queue| !queue.takes(snapshot, bytes)).count() as u64;
    }

    /// Lets every sink finish; returns what they could not do.
    pub(crate) fn finish(self) -> Vec<String> {
        // All of them are told before one is waited for: none is held up by another that is slow to finish.
        let finishing: Vec<FinishingSink> = self.queues.into_iter().map(Queue::close).collect();
        finishing.into_iter().filter_map(FinishingSink::join).collect()
    }
}

impl Queue {
    fn start(mut sink: Box<dyn Sink>) -> Result<Queue, RunFailure> {
        let (sender, receiver) = bounded::<Told>(QUEUE);
        let (name, grain) = (sink.name(), sink.grain());
        let lost = Arc::<AtomicU64>::default();
        let counted = lost.clone();
        let run = move || {
            receiver.iter().try_for_each(|told| match told {
                Told::Begin(started_unix_ns) => sink.begin(started_unix_ns),
                Told::Snapshot(waiting) => {
                    sink.note_lost(counted.load(Ordering::Relaxed));
                    sink.snapshot(&waiting.snapshot)
                }
            })?;
            // The queue is closed by now, so this is all of them.
            sink.note_lost(counted.load(Ordering::Relaxed));
            sink.finish()
        };
        let thread = std::thread::Builder::new().name(format!("sink {name}")).spawn(run);
        let thread = thread.map_err(|error| no_thread(&name, error))?;
        Ok(Queue { name, grain, sender, bytes: Arc::default(), lost, thread })
    }

    /// Whether there is room for a snapshot, which is then in the queue; otherwise it is counted as lost.
    fn takes(&self, snapshot: &Arc<Snapshot>, bytes: usize) -> bool {
        let is_taken = self.has_taken(snapshot, bytes);
        if !is_taken {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        is_taken
    }

    /// One that is alone is never too large.
    fn has_taken(&self, snapshot: &Arc<Snapshot>, bytes: usize) -> bool {
        let before = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let queued = QueuedSnapshot { snapshot: snapshot.clone(), bytes, of_queue: self.bytes.clone() };
        if before > 0 && before + bytes > QUEUE_BYTES {
            return false;
        }
        match self.sender.try_send(Told::Snapshot(queued)) {
            Ok(()) => true,
            // A sink that has failed has hung up; its complaint comes at the end, and nothing more is owed to it.
            Err(error) => error.is_disconnected(),
        }
    }

    /// Nothing more will come.
    fn close(self) -> FinishingSink {
        FinishingSink { name: self.name, thread: self.thread }
    }
}

impl FinishingSink {
    /// Waits for its end; returns what it could not do.
    fn join(self) -> Option<String> {
        match self.thread.join() {
            Ok(Ok(())) => None,
            Ok(Err(problem)) => Some(format!("{}: {problem}", self.name)),
            Err(_) => Some(format!("{}: its thread panicked", self.name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::phase::Phases;
    use engine::record::Layout;
    use std::sync::mpsc::{Receiver, channel};
    use std::time::{Duration, Instant};

    /// How long a sink may take to deal with what it was let.
    const PATIENCE: Duration = Duration::from_secs(10);

    fn snapshot() -> Arc<Snapshot> {
        of_size(1, 0)
    }

    /// A snapshot of so many series, each with so many different response times in it.
    fn of_size(series: usize, times: u64) -> Arc<Snapshot> {
        let phases = Phases { measure_from_ns: 0, measure_to_ns: 1 };
        let mut snapshot = Snapshot::new(1, &Layout::new([series]), phases);
        for series in &mut snapshot.requests.series.measured {
            (0..times).for_each(|n| series.response.record(1_000 << (n % 30)));
        }
        Arc::new(snapshot)
    }

    /// Takes a snapshot each time it is let.
    struct Slow(Receiver<()>);

    impl Sink for Slow {
        fn name(&self) -> String {
            "slow".into()
        }

        fn snapshot(&mut self, _: &Arc<Snapshot>) -> io::Result<()> {
            self.0.recv().map_err(|_| io::Error::other("no longer let"))
        }
    }

    #[test]
    fn a_slow_sink_loses_snapshots_and_is_told_on() {
        let (let_go, gate) = channel();
        let mut sinks = Sinks::start(vec![Box::new(Slow(gate))]).unwrap();
        (0..QUEUE * 2).for_each(|_| sinks.offer(Grain::Interval, &snapshot()));
        assert!(sinks.lost() >= QUEUE as u64 - 1, "{}", sinks.lost());
        drop(let_go);
        assert_eq!(sinks.finish(), ["slow: no longer let"]);
    }

    #[test]
    fn a_queue_is_bounded_in_bytes_and_takes_at_least_one_snapshot_however_large() {
        let (let_go, gate) = channel();
        let mut sinks = Sinks::start(vec![Box::new(Slow(gate))]).unwrap();
        let large = of_size(250, 30);
        let fit = QUEUE_BYTES / large.bytes();
        assert!((2..QUEUE).contains(&fit), "{} bytes", large.bytes());
        (0..QUEUE as u64).for_each(|_| sinks.offer(Grain::Interval, &large));
        assert_eq!(sinks.lost(), (QUEUE - fit) as u64);
        // What the sink has dealt with makes room again.
        (0..fit).for_each(|_| let_go.send(()).unwrap());
        let (bytes, latest) = (sinks.queues[0].bytes.clone(), Instant::now() + PATIENCE);
        while bytes.load(Ordering::Relaxed) > 0 && Instant::now() < latest {
            std::thread::yield_now();
        }
        let (lost, larger) = (sinks.lost(), of_size(1_000, 30));
        assert!(larger.bytes() > QUEUE_BYTES);
        sinks.offer(Grain::Interval, &larger);
        assert_eq!(sinks.lost(), lost, "it is alone");
        drop(let_go);
        sinks.finish();
    }

    /// Waits at its end until another sink has ended, and says that it has itself.
    struct Ending {
        own: std::sync::mpsc::Sender<()>,
        other: Option<Receiver<()>>,
    }

    impl Sink for Ending {
        fn name(&self) -> String {
            "ending".into()
        }

        fn snapshot(&mut self, _: &Arc<Snapshot>) -> io::Result<()> {
            Ok(())
        }

        fn finish(&mut self) -> io::Result<()> {
            let waited = self.other.as_ref().map_or(Ok(()), |other| other.recv_timeout(PATIENCE));
            let _ = self.own.send(());
            waited.map_err(io::Error::other)
        }
    }

    #[test]
    fn a_sink_that_is_slow_to_finish_holds_up_none_that_comes_after_it() {
        let (first, _heard) = channel();
        let (second, ended) = channel();
        let sinks: Vec<Box<dyn Sink>> = vec![
            Box::new(Ending { own: first, other: Some(ended) }),
            Box::new(Ending { own: second, other: None }),
        ];
        assert!(Sinks::start(sinks).unwrap().finish().is_empty(), "the first waits for the second");
    }

    /// Notes what it is told of its losses.
    struct LossNotes(Receiver<()>, Arc<AtomicU64>);

    impl Sink for LossNotes {
        fn name(&self) -> String {
            "notes".into()
        }

        fn note_lost(&mut self, lost: u64) {
            self.1.store(lost, Ordering::Relaxed);
        }

        fn snapshot(&mut self, _: &Arc<Snapshot>) -> io::Result<()> {
            self.0.recv_timeout(PATIENCE).map_err(io::Error::other)
        }
    }

    #[test]
    fn each_sink_is_told_of_its_own_losses_those_at_the_end_too() {
        let (let_go, gate) = channel();
        let (all_go, open) = channel();
        let [slow, quick] = [(); 2].map(|()| Arc::<AtomicU64>::default());
        (0..QUEUE * 2).for_each(|_| all_go.send(()).unwrap());
        let (of_slow, of_quick) = (LossNotes(gate, slow.clone()), LossNotes(open, quick.clone()));
        let mut sinks = Sinks::start(vec![Box::new(of_slow)]).unwrap();
        (0..QUEUE * 2).for_each(|_| sinks.offer(Grain::Interval, &snapshot()));
        // The other has as many to take as fit.
        let other = Sinks::start(vec![Box::new(of_quick)]).unwrap();
        sinks.queues.extend(other.queues);
        sinks.offer(Grain::Interval, &snapshot());
        let lost = sinks.lost();
        (0..QUEUE * 2).for_each(|_| let_go.send(()).unwrap());
        assert!(sinks.finish().is_empty());
        assert_eq!((slow.load(Ordering::Relaxed), quick.load(Ordering::Relaxed)), (lost, 0));
        assert!(lost >= QUEUE as u64 - 1, "{lost}");
    }
}
