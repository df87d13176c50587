//! Sinks, each on a thread of its own behind a bounded queue: a slow one loses snapshots, which are counted, and slows nobody.

use crossbeam::channel::{Sender, TrySendError, bounded};
use engine::record::Snapshot;
use engine::seams::{Grain, Sink};
use std::sync::Arc;
use std::thread::JoinHandle;

/// Snapshots that may wait for one sink: a minute at one a second.
const QUEUE: usize = 60;

/// All sinks of a run.
pub(crate) struct Sinks {
    queues: Vec<Queue>,
    lost: u64,
}

struct Queue {
    name: String,
    grain: Grain,
    sender: Sender<Arc<Snapshot>>,
    thread: JoinHandle<Result<(), String>>,
}

impl Sinks {
    /// Starts a thread for each sink.
    pub(crate) fn start(sinks: Vec<Box<dyn Sink>>) -> Result<Sinks, String> {
        let queues = sinks.into_iter().map(Queue::start).collect::<Result<_, String>>()?;
        Ok(Sinks { queues, lost: 0 })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queues.is_empty()
    }

    /// Snapshots that could not be queued so far.
    pub(crate) fn lost(&self) -> u64 {
        self.lost
    }

    /// Offers a snapshot to every sink that wants ones this fine.
    pub(crate) fn offer(&mut self, grain: Grain, snapshot: &Arc<Snapshot>) {
        for queue in self.queues.iter().filter(|queue| queue.grain == grain) {
            // A sink that has failed has hung up; its complaint comes at the end, and nothing more is owed to it.
            if let Err(TrySendError::Full(_)) = queue.sender.try_send(snapshot.clone()) {
                self.lost += 1;
            }
        }
    }

    /// Lets every sink finish; returns what they could not do.
    pub(crate) fn finish(self) -> Vec<String> {
        self.queues.into_iter().filter_map(Queue::finish).collect()
    }
}

impl Queue {
    fn start(mut sink: Box<dyn Sink>) -> Result<Queue, String> {
        let (sender, receiver) = bounded::<Arc<Snapshot>>(QUEUE);
        let (name, grain) = (sink.name(), sink.grain());
        let run = move || {
            receiver.iter().try_for_each(|snapshot| sink.snapshot(&snapshot))?;
            sink.finish()
        };
        let thread = std::thread::Builder::new().name(format!("sink {name}")).spawn(run);
        let thread = thread.map_err(|error| format!("no thread for {name}: {error}"))?;
        Ok(Queue { name, grain, sender, thread })
    }

    fn finish(self) -> Option<String> {
        drop(self.sender);
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

    fn snapshot() -> Arc<Snapshot> {
        Arc::new(Snapshot::new(1, &Layout::new([1]), Phases { measure_from_ns: 0, measure_to_ns: 1 }))
    }

    /// Takes a snapshot each time it is let.
    struct Slow(Receiver<()>);

    impl Sink for Slow {
        fn name(&self) -> String {
            "slow".into()
        }

        fn snapshot(&mut self, _: &Arc<Snapshot>) -> Result<(), String> {
            self.0.recv().map_err(|_| "no longer let".into())
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
}
