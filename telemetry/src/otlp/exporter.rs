//! The exporter: an outbox with a bound, and a thread that sends what is in it, one request after the other.
//!
//! Where the outbox is full, the oldest request in it is dropped: of cumulative figures the latest says all. Whatever becomes of a
//! point is counted: those that were offered are those that were sent, rejected or dropped.

use super::encoding::ExportBatch;
use super::settings::OtlpSettings;
use super::transport::{CollectorTransport, SendOutcome};
use crate::sink_parts::LeaveCores;
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::sync::Notify;
use tokio::time::sleep;

/// What may wait.
const OUTBOX_BYTES_MAX: usize = 8 << 20;
/// How often a request is sent.
const TRIES_MAX: u32 = 4;
/// How long is waited before it is sent again, the first time; each further wait is twice as long.
const DELAY: Duration = Duration::from_millis(250);
/// The longest wait that a collector may ask for.
const DELAY_MAX: Duration = Duration::from_secs(5);

/// Sends what it is offered.
pub struct Exporter {
    outbox: Arc<ExportOutbox>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What became of the points that were offered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExportTally {
    /// Points that were offered.
    pub offered: u64,
    /// Points that the collector took.
    pub sent: u64,
    /// Points that it rejected.
    pub rejected: u64,
    /// Points that did not reach it, or may not have.
    pub dropped: u64,
    /// Requests that were sent again.
    pub retries: u64,
    /// Why some were rejected or dropped, the last of them; nothing where none was.
    pub why: Option<String>,
}

#[derive(Default)]
struct ExportOutbox {
    state: Mutex<OutboxState>,
    /// Tells the thread that there is something to do, or that it is to give up.
    wake: Notify,
    /// Tells whoever waits that the thread has ended.
    ended: Condvar,
}

#[derive(Default)]
struct OutboxState {
    waiting: VecDeque<ExportBatch>,
    bytes: usize,
    tally: ExportTally,
    /// Why the collector takes nothing at the moment: what was said since it last took something.
    complaint: Option<String>,
    is_closing: bool,
    is_given_up: bool,
    has_ended: bool,
}

impl Exporter {
    /// Starts the thread. It connects when there is something to send.
    pub fn start(settings: &OtlpSettings, leave_cores: LeaveCores) -> io::Result<Exporter> {
        let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
        let outbox = Arc::<ExportOutbox>::default();
        let (own, transport) = (EndNotice(outbox.clone()), CollectorTransport::new(settings.clone()));
        let run = move || {
            leave_cores();
            runtime.block_on(send_all(&own.0, transport));
            // A name that is still being looked up is not waited for.
            runtime.shutdown_background();
        };
        let thread = std::thread::Builder::new().name("otlp".into()).spawn(run)?;
        Ok(Exporter { outbox, thread: Mutex::new(Some(thread)) })
    }

    /// Takes a request, which is sent in its turn. Never waits.
    pub fn offer(&self, batch: ExportBatch) {
        let mut state = self.outbox.state();
        state.tally.offered += batch.points;
        state.bytes += batch.body.len();
        state.waiting.push_back(batch);
        while state.bytes > OUTBOX_BYTES_MAX {
            state.drop_oldest("the outbox was full");
        }
        drop(state);
        self.outbox.wake.notify_one();
    }

    /// Lets it send what it has, but for no longer than this; the rest is dropped.
    pub fn finish(&self, patience: Duration) {
        self.outbox.state().is_closing = true;
        self.outbox.wake.notify_one();
        let state = self.outbox.state();
        let waited = self.outbox.ended.wait_timeout_while(state, patience, |state| !state.has_ended);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.is_given_up = true;
        drop(state);
        self.outbox.wake.notify_one();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // What a panic of it has said is on standard error already; its points are dropped ones.
            let _ = thread.join();
        }
        let mut state = self.outbox.state();
        while !state.waiting.is_empty() {
            state.drop_oldest("the run had ended");
        }
        let told = state.tally.sent + state.tally.rejected + state.tally.dropped;
        state.tally.dropped += state.tally.offered - told;
    }

    /// What has become of all so far.
    pub fn tally(&self) -> ExportTally {
        self.outbox.state().tally.clone()
    }
}

impl ExportOutbox {
    fn state(&self) -> MutexGuard<'_, OutboxState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next request; nothing once there will be none.
    async fn next(&self) -> Option<ExportBatch> {
        loop {
            {
                let mut state = self.state();
                if let Some(batch) = state.waiting.pop_front() {
                    state.bytes -= batch.body.len();
                    return Some(batch);
                }
                if state.is_closing || state.is_given_up {
                    return None;
                }
            }
            self.wake.notified().await;
        }
    }

    /// Waits until nobody wants more to be sent.
    async fn given_up(&self) {
        while !self.state().is_given_up {
            self.wake.notified().await;
        }
    }
}

impl OutboxState {
    fn drop_oldest(&mut self, why: &str) {
        if let Some(batch) = self.waiting.pop_front() {
            self.bytes -= batch.body.len();
            self.drop_points(batch.points, why);
        }
    }

    fn drop_points(&mut self, points: u64, why: &str) {
        self.tally.dropped += points;
        // What is wrong with the collector tells more.
        self.tally.why = Some(self.complaint.clone().unwrap_or_else(|| why.to_owned()));
    }
}

/// Says that the thread has ended, however it did.
struct EndNotice(Arc<ExportOutbox>);

impl Drop for EndNotice {
    fn drop(&mut self) {
        self.0.state().has_ended = true;
        self.0.ended.notify_all();
    }
}

async fn send_all(outbox: &ExportOutbox, mut transport: CollectorTransport) {
    while let Some(batch) = outbox.next().await {
        let sending = send_one(outbox, &mut transport, &batch);
        tokio::select! {
            biased;
            () = sending => {}
            () = outbox.given_up() => {
                // It may have arrived, and nobody knows.
                const WHY: &str = "the run had ended before the collector responded";
                let mut state = outbox.state();
                state.complaint.get_or_insert_with(|| WHY.to_owned());
                state.drop_points(batch.points, WHY);
                return;
            }
        }
    }
}

async fn send_one(outbox: &ExportOutbox, transport: &mut CollectorTransport, batch: &ExportBatch) {
    let mut delay = DELAY;
    for tries in 1..=TRIES_MAX {
        match transport.send(batch.body.clone()).await {
            SendOutcome::Taken { rejected, why } => {
                let mut state = outbox.state();
                let rejected = rejected.min(batch.points);
                state.tally.sent += batch.points - rejected;
                state.tally.rejected += rejected;
                state.complaint = None;
                if rejected > 0 {
                    state.tally.why = Some(why);
                }
                return;
            }
            SendOutcome::Passing { why, after } if tries < TRIES_MAX => {
                outbox.state().complaint = Some(why);
                sleep(after.unwrap_or(delay).min(DELAY_MAX)).await;
                outbox.state().tally.retries += 1;
                delay *= 2;
            }
            SendOutcome::Passing { why, .. } | SendOutcome::Refused { why } => {
                let mut state = outbox.state();
                state.complaint = Some(why.clone());
                state.drop_points(batch.points, &why);
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otlp::test_collector::{ScriptedReply, TestCollector};
    use std::net::TcpListener;

    fn exporter(port: u16) -> Exporter {
        let plain = |name: &str| name.ends_with("OTLP_COMPRESSION").then(|| "none".to_owned());
        let settings = OtlpSettings::read(Some(&format!("http://127.0.0.1:{port}")), &plain);
        Exporter::start(&settings.unwrap().unwrap(), Arc::new(|| {})).unwrap()
    }

    #[test]
    fn what_the_outbox_cannot_hold_is_dropped_and_every_point_is_counted() {
        // Connections are made by the kernel, and nobody ever responds.
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let exporter = exporter(silent.local_addr().unwrap().port());
        for points in [1, 10, 100, 1_000, 10_000] {
            exporter.offer(ExportBatch { body: vec![0; OUTBOX_BYTES_MAX / 2].into(), points });
            assert!(exporter.outbox.state().bytes <= OUTBOX_BYTES_MAX);
        }
        let full = exporter.tally();
        // Of five, two fit, and one of the others may be on its way.
        assert!((11..1_000).contains(&full.dropped), "the oldest: {full:?}");
        exporter.finish(Duration::ZERO);
        let tally = exporter.tally();
        assert_eq!((tally.offered, tally.sent, tally.rejected, tally.dropped), (11_111, 0, 0, 11_111));
        assert!(tally.why.is_some());
    }

    /// Longer than anything here takes.
    const PATIENCE: Duration = Duration::from_secs(60);

    /// What becomes of two requests with seven points, where a collector replies so at first and takes all afterwards.
    fn tally_after(replies: &[ScriptedReply]) -> (ExportTally, usize) {
        let collector = TestCollector::start(replies);
        let exporter = exporter(collector.port);
        for points in [3, 4] {
            exporter.offer(ExportBatch { body: Vec::new().into(), points });
        }
        exporter.finish(PATIENCE);
        (exporter.tally(), collector.requests().len())
    }

    #[test]
    fn what_is_sent_again_with_success_leaves_no_reason() {
        let (tally, requests) = tally_after(&[ScriptedReply::Status(503)]);
        let expected = ExportTally { offered: 7, sent: 7, retries: 1, ..ExportTally::default() };
        assert_eq!((tally, requests), (expected, 3));
    }

    #[test]
    fn the_reason_is_the_one_of_the_last_points_that_are_missing() {
        let (tally, _) = tally_after(&[ScriptedReply::Status(400), ScriptedReply::Rejects(1, "")]);
        let why = Some("no reason was given".to_owned());
        assert_eq!(tally, ExportTally { offered: 7, sent: 3, rejected: 1, dropped: 3, retries: 0, why });
        let (tally, _) = tally_after(&[ScriptedReply::Rejects(2, "too\u{7}old"), ScriptedReply::Status(404)]);
        assert_eq!((tally.sent, tally.rejected, tally.dropped), (1, 2, 4));
        assert_eq!(tally.why.as_deref(), Some("status 404 Not Found"));
    }

    #[test]
    fn nothing_is_connected_before_there_is_something_to_send() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let exporter = exporter(listener.local_addr().unwrap().port());
        exporter.finish(Duration::from_secs(60));
        assert!(listener.accept().is_err(), "it connected");
        assert_eq!(exporter.tally(), ExportTally::default());
    }
}
