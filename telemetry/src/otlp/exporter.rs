//! The exporter: what is offered is sent by a thread of its own, kept on disk while it cannot be, and counted whatever becomes of it.

use super::outbox::{ExportOutbox, ExportTally};
use super::pending::PendingBatches;
use super::sender::{ExportSender, RetryDelays};
use super::settings::OtlpSettings;
use super::transport::CollectorTransport;
use crate::batch::ExportBatch;
use crate::run_spool::RunSpool;
use crate::shared_breaker::SharedBreaker;
use crate::sink_parts::LeaveCores;
use engine::breaker::BreakerRules;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::runtime::Builder;

/// After so many failures in a row nothing is sent for two seconds, and then one request tries the collector.
const BREAKER: BreakerRules =
    BreakerRules { failures: 3, window: 3, stays_open_ns: 2_000_000_000, probes: 1 };
/// How long the disk may take for what is left at the end.
const STORE_PATIENCE: Duration = Duration::from_secs(2);

/// Sends what it is offered.
pub struct Exporter {
    outbox: Arc<ExportOutbox>,
    thread: Mutex<Option<JoinHandle<()>>>,
    store_patience: Duration,
}

impl Exporter {
    /// Starts the thread. It connects when there is something to send, and keeps what it cannot send in this spool, if there is one.
    pub fn start(
        settings: &OtlpSettings,
        spool: Option<RunSpool>,
        leave_cores: LeaveCores,
    ) -> io::Result<Exporter> {
        let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
        let outbox = Arc::<ExportOutbox>::default();
        let own = EndNotice(outbox.clone());
        let sender = ExportSender {
            pending: PendingBatches::new(outbox.clone(), spool),
            transport: CollectorTransport::new(settings.clone()),
            breaker: Arc::new(SharedBreaker::new(BREAKER)),
            delays: RetryDelays::new(),
            not_before: None,
        };
        let run = move || {
            let _own = own;
            leave_cores();
            runtime.block_on(sender.run());
            // A name that is still being looked up is not waited for.
            runtime.shutdown_background();
        };
        let thread = std::thread::Builder::new().name("otlp".into()).spawn(run)?;
        Ok(Exporter { outbox, thread: Mutex::new(Some(thread)), store_patience: STORE_PATIENCE })
    }

    /// Takes a request, which is sent in its turn. Never waits.
    pub fn offer(&self, batch: ExportBatch) {
        // One without points says nothing.
        if batch.points > 0 {
            self.outbox.offer(batch);
        }
    }

    /// Lets it send what it has, but for no longer than this; the rest goes to the spool, or is dropped.
    pub fn finish(&self, patience: Duration) {
        self.outbox.state().is_closing = true;
        self.outbox.wake.notify_one();
        self.outbox.await_end(patience);
        self.outbox.state().is_given_up = true;
        self.outbox.wake.notify_one();
        let has_ended = self.outbox.await_end(self.store_patience);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread.filter(|_| has_ended) {
            // What a panic of it has said is on standard error already; its points are dropped ones.
            let _ = thread.join();
        }
        self.outbox.state().seal();
    }

    /// What has become of all so far.
    pub fn tally(&self) -> ExportTally {
        self.outbox.state().told()
    }
}

/// Says that the thread has ended, however it did.
struct EndNotice(Arc<ExportOutbox>);

impl Drop for EndNotice {
    fn drop(&mut self) {
        self.0.note_end();
    }
}

#[cfg(test)]
mod tests {
    use super::super::outbox::OUTBOX_BYTES_MAX;
    use super::super::replay::{ReplayEnd, replay};
    use super::super::test_collector::{ScriptedReply, TestCollector};
    use super::*;
    use crate::batch::ExportSignal;
    use crate::run_spool::{SpoolMode, SpoolSettings, moment};
    use crate::spool::{SpoolBounds, SpoolFolder, SpoolOrigin, SpoolQueue, SpoolSync};
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpListener;
    use std::net::TcpStream;
    use std::path::Path;
    use std::sync::mpsc::{Receiver, channel};
    use std::time::Instant;

    /// How long the end may be held up where a test waits for what has to come: a bound for one that fails.
    const LONG: Duration = Duration::from_secs(600);

    fn settings(port: u16) -> OtlpSettings {
        OtlpSettings::read(Some(&format!("http://127.0.0.1:{port}")), &|_| None).unwrap().unwrap()
    }

    fn exporter(port: u16, spool: Option<RunSpool>) -> Exporter {
        Exporter::start(&settings(port), spool, Arc::new(|| {})).unwrap()
    }

    fn spool(place: &Path, mode: SpoolMode) -> Option<RunSpool> {
        let (folder, sync) = (SpoolFolder(place.join("spool")), SpoolSync::Never);
        let settings = SpoolSettings { folder, mode, sync, bounds: SpoolBounds::default() };
        let origin = SpoolOrigin { run_id: "run".into(), to: "http://h:1".into(), signal: "metrics".into() };
        RunSpool::new(&settings, origin)
    }

    /// One that its first byte tells from others, of counts of a stretch of time.
    fn batch(name: u8, bytes: usize, points: u64) -> ExportBatch {
        let signal = ExportSignal::Metrics;
        ExportBatch { signal, body: vec![name; bytes].into(), points, is_delta: true }
    }

    /// What a collector does with a request.
    #[derive(Clone, Copy)]
    enum Answer {
        Status(u16),
        /// Reads it and closes the connection.
        Hangup,
        /// Resets it before it has read all.
        Reset,
        /// Never says anything.
        Silence,
    }

    /// A collector that answers so, the last answer again and again. Gives the first byte of each request that it took.
    fn collector(port: u16, answers: &'static [Answer]) -> (u16, Receiver<u8>) {
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (taken, seen) = channel();
        std::thread::spawn(move || {
            let (mut answered, mut kept) = (0, Vec::new());
            for stream in listener.incoming().map_while(Result::ok) {
                let mut stream = stream;
                while let Some(answer) = answers.get(answered.min(answers.len() - 1)) {
                    if matches!(answer, Answer::Reset) {
                        answered += 1;
                        // What was not read when it is closed is answered by a reset.
                        let _ = stream.peek(&mut [0; 64]);
                        break;
                    }
                    let Some(name) = read_request(&mut stream) else { break };
                    answered += 1;
                    match answer {
                        Answer::Status(status) => {
                            if *status == 200 && taken.send(name).is_err() {
                                return;
                            }
                            let head = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n");
                            let _ = stream.write_all(head.as_bytes());
                        }
                        Answer::Silence => {
                            kept.push(stream.try_clone());
                            break;
                        }
                        Answer::Hangup | Answer::Reset => break,
                    }
                }
            }
        });
        (port, seen)
    }

    /// The first byte of what the body says; nothing at the end.
    fn read_request(stream: &mut TcpStream) -> Option<u8> {
        let mut reader = BufReader::new(stream);
        let (mut length, mut line) = (0, String::new());
        while reader.read_line(&mut line).ok()? > 2 {
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
            line.clear();
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let mut first = [0];
        flate2::read::GzDecoder::new(body.as_slice()).read_exact(&mut first).ok()?;
        Some(first[0])
    }

    fn assert_closes(tally: &ExportTally) {
        assert_eq!(tally.offered, tally.sent + tally.rejected + tally.spooled + tally.dropped, "{tally:?}");
    }

    /// Waits until the account says so.
    fn await_tally(exporter: &Exporter, is_so: impl Fn(&ExportTally) -> bool) {
        while !is_so(&exporter.tally()) {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn what_the_outbox_cannot_hold_is_dropped_and_every_point_is_counted() {
        let (port, _seen) = collector(0, &[Answer::Silence]);
        let exporter = exporter(port, None);
        for points in [1, 10, 100, 1_000, 10_000] {
            exporter.offer(batch(0, OUTBOX_BYTES_MAX / 2, points));
            assert!(exporter.outbox.state().bytes() <= OUTBOX_BYTES_MAX);
        }
        let full = exporter.tally();
        // Of five, two fit, and one of the others may be on its way.
        assert!((11..1_000).contains(&full.dropped), "the oldest: {full:?}");
        exporter.finish(Duration::ZERO);
        let tally = exporter.tally();
        assert_eq!((tally.offered, tally.sent, tally.rejected, tally.dropped), (11_111, 0, 0, 11_111));
        assert!(tally.why.is_some());
    }

    #[test]
    fn nothing_is_connected_or_written_before_there_is_something_to_send() {
        let place = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let exporter = exporter(port, spool(place.path(), SpoolMode::Always));
        exporter.offer(batch(0, 0, 0));
        exporter.finish(LONG);
        assert!(listener.accept().is_err(), "it connected");
        assert_eq!(exporter.tally(), ExportTally::default());
        assert!(!place.path().join("spool").exists());
    }

    #[test]
    fn what_is_taken_leaves_nothing_behind_in_either_mode() {
        for mode in [SpoolMode::Failing, SpoolMode::Always] {
            let place = tempfile::tempdir().unwrap();
            let (port, seen) = collector(0, &[Answer::Status(200)]);
            let exporter = exporter(port, spool(place.path(), mode));
            (0..50).for_each(|name| exporter.offer(batch(name, 100, 1)));
            exporter.finish(LONG);
            let tally = exporter.tally();
            assert_eq!((tally.sent, tally.retries, tally.why.as_deref()), (50, 0, None), "{mode:?}");
            assert_eq!(seen.try_iter().collect::<Vec<_>>(), (0..50).collect::<Vec<_>>());
            assert!(SpoolFolder(place.path().join("spool")).queues().unwrap().is_empty());
        }
    }

    /// The collector refuses some, breaks off, resets; then it goes on. Everything arrives, in order.
    #[test]
    fn a_collector_that_fails_and_comes_back_gets_all_in_order_and_the_breaker_says_so() {
        const ANSWERS: [Answer; 6] = [
            Answer::Status(503),
            Answer::Hangup,
            Answer::Reset,
            Answer::Status(429),
            Answer::Status(200),
            Answer::Status(200),
        ];
        let place = tempfile::tempdir().unwrap();
        let (port, seen) = collector(0, &ANSWERS);
        let exporter = exporter(port, spool(place.path(), SpoolMode::Failing));
        (0..20).for_each(|name| exporter.offer(batch(name, 1_000, 10)));
        await_tally(&exporter, |tally| tally.breaker.openings > 0);
        (20..40).for_each(|name| exporter.offer(batch(name, 1_000, 10)));
        await_tally(&exporter, |tally| tally.sent == 400);
        exporter.finish(LONG);
        let tally = exporter.tally();
        assert_closes(&tally);
        assert_eq!((tally.sent, tally.spooled, tally.dropped, tally.retries), (400, 0, 0, 4), "{tally:?}");
        assert_eq!(tally.ambiguous, 10, "one request was read, and not answered");
        assert_eq!((tally.breaker.openings, tally.breaker.closings), (2, 1), "a probe failed: {tally:?}");
        assert_eq!(seen.try_iter().collect::<Vec<_>>(), (0..40).collect::<Vec<_>>());
    }

    #[test]
    fn what_a_silent_collector_does_not_take_is_on_disk_and_is_sent_another_time() {
        for mode in [SpoolMode::Failing, SpoolMode::Always] {
            let place = tempfile::tempdir().unwrap();
            let (port, _seen) = collector(0, &[Answer::Silence]);
            let mut exporter = exporter(port, spool(place.path(), mode));
            exporter.store_patience = LONG;
            (0..30).for_each(|name| exporter.offer(batch(name, 1 << 20, 10)));
            // More than fits into memory, which is only for a moment where it can be moved to disk.
            exporter.finish(Duration::ZERO);
            let tally = exporter.tally();
            assert_closes(&tally);
            assert!(tally.spooled > 0 && tally.sent == 0, "{mode:?} {tally:?}");
            let queues = SpoolFolder(place.path().join("spool")).queues().unwrap();
            assert_eq!((queues[0].points, queues[0].is_open), (tally.spooled, false));
            let (port, seen) = collector(0, &[Answer::Status(200)]);
            let now = moment(Instant::now());
            let mut queue = SpoolQueue::open(&queues[0].folder, SpoolBounds::default(), now).unwrap();
            let (end, replayed) = replay(&mut queue, &settings(port), false, &|| false);
            assert_eq!((end, replayed.sent, replayed.left), (ReplayEnd::Whole, tally.spooled, 0));
            let seen: Vec<u8> = seen.try_iter().collect();
            assert!(seen.is_sorted() && seen.last() == Some(&29), "{seen:?}");
        }
    }

    #[test]
    fn a_spool_that_cannot_be_written_costs_nothing_but_what_memory_cannot_hold() {
        let place = tempfile::tempdir().unwrap();
        // A file where the folder is to be.
        std::fs::write(place.path().join("spool"), "").unwrap();
        let (port, seen) = collector(0, &[Answer::Status(503), Answer::Status(200)]);
        let exporter = exporter(port, spool(place.path(), SpoolMode::Always));
        (0..5).for_each(|name| exporter.offer(batch(name, 100, 10)));
        exporter.finish(LONG);
        let tally = exporter.tally();
        assert_closes(&tally);
        assert_eq!((tally.sent, tally.dropped, tally.spooled), (50, 0, 0), "{tally:?}");
        assert_eq!(tally.why, None, "nothing is missing");
        assert_eq!(seen.try_iter().collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn what_is_refused_is_dropped_and_the_next_one_is_sent() {
        let place = tempfile::tempdir().unwrap();
        let (port, seen) = collector(0, &[Answer::Status(400), Answer::Status(413), Answer::Status(200)]);
        let exporter = exporter(port, spool(place.path(), SpoolMode::Failing));
        (0..5).for_each(|name| exporter.offer(batch(name, 100, 10)));
        exporter.finish(LONG);
        let tally = exporter.tally();
        assert_closes(&tally);
        assert_eq!((tally.sent, tally.dropped, tally.retries, tally.breaker.openings), (30, 20, 0, 0));
        assert_eq!(seen.try_iter().collect::<Vec<_>>(), [2, 3, 4]);
    }

    #[test]
    fn a_thread_that_panics_loses_no_point_from_the_account() {
        let exporter =
            Exporter::start(&settings(1), None, Arc::new(|| panic!("as a test asks for"))).unwrap();
        exporter.offer(batch(0, 100, 10));
        exporter.finish(LONG);
        let tally = exporter.tally();
        assert_closes(&tally);
        assert_eq!((tally.offered, tally.dropped), (10, 10));
    }

    /// What becomes of two requests with seven points, where a collector replies so at first and takes all afterwards.
    fn tally_after(replies: &[ScriptedReply]) -> (ExportTally, usize) {
        let collector = TestCollector::start(replies);
        let plain = |name: &str| name.ends_with("OTLP_COMPRESSION").then(|| "none".to_owned());
        let settings = OtlpSettings::read(Some(&format!("http://127.0.0.1:{}", collector.port)), &plain);
        let exporter = Exporter::start(&settings.unwrap().unwrap(), None, Arc::new(|| {})).unwrap();
        for points in [3, 4] {
            exporter.offer(batch(0, 0, points));
        }
        exporter.finish(LONG);
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
        let expected =
            ExportTally { offered: 7, sent: 3, rejected: 1, dropped: 3, why, ..ExportTally::default() };
        assert_eq!(tally, expected);
        let (tally, _) = tally_after(&[ScriptedReply::Rejects(2, "too\u{7}old"), ScriptedReply::Status(404)]);
        assert_eq!((tally.sent, tally.rejected, tally.dropped), (1, 2, 4));
        assert_eq!(tally.why.as_deref(), Some("status 404 Not Found"));
    }

    #[test]
    fn what_a_spool_said_once_is_not_what_a_collector_says_later() {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("spool"), "").unwrap();
        let (port, _seen) = collector(0, &[Answer::Status(400), Answer::Status(200)]);
        let exporter = exporter(port, spool(place.path(), SpoolMode::Always));
        exporter.offer(batch(0, 100, 10));
        exporter.offer(batch(1, 100, 10));
        exporter.finish(LONG);
        let tally = exporter.tally();
        assert_eq!((tally.sent, tally.dropped), (10, 10));
        assert_eq!(tally.why.as_deref(), Some("status 400 Bad Request"), "{tally:?}");
    }

    /// A queue of requests with ten points each, as a run that was killed has left it.
    fn left_behind(place: &Path, requests: u8) -> SpoolQueue {
        let origin = SpoolOrigin { run_id: "run".into(), to: "http://h:1".into(), signal: "metrics".into() };
        let folder = SpoolFolder(place.join("spool")).queue(&origin);
        let bounds = SpoolBounds::default();
        let mut queue = SpoolQueue::create(&folder, &origin, bounds, SpoolSync::Never).unwrap();
        let now = moment(Instant::now());
        (0..requests).for_each(|name| queue.append(&batch(name, 100, 10), now).unwrap());
        queue
    }

    #[test]
    fn a_disk_on_which_nothing_can_be_written_down_holds_up_no_replay() {
        let place = tempfile::tempdir().unwrap();
        let mut queue = left_behind(place.path(), 5);
        // A folder where the cursor would be written.
        let folder = SpoolFolder(place.path().join("spool")).queues().unwrap().remove(0).folder;
        std::fs::create_dir(folder.join("cursor.new")).unwrap();
        let (port, seen) = collector(0, &[Answer::Status(200)]);
        let (end, tally) = replay(&mut queue, &settings(port), false, &|| false);
        assert_eq!((end, tally.sent, tally.left), (ReplayEnd::Whole, 50, 0));
        assert!(tally.trouble.unwrap().contains("cannot be written"));
        assert_eq!(seen.try_iter().collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        queue.close().unwrap();
        assert!(SpoolFolder(place.path().join("spool")).queues().unwrap().is_empty());
    }

    #[test]
    fn what_is_replayed_twice_perhaps_is_counted_once() {
        let place = tempfile::tempdir().unwrap();
        let mut queue = left_behind(place.path(), 3);
        let answers = &[Answer::Status(503), Answer::Hangup, Answer::Hangup, Answer::Status(200)];
        let (port, _seen) = collector(0, answers);
        let (end, tally) = replay(&mut queue, &settings(port), false, &|| false);
        assert_eq!((end, tally.sent, tally.ambiguous), (ReplayEnd::Whole, 30, 10));
    }

    #[test]
    fn a_collector_that_cannot_be_reached_has_taken_nothing_twice() {
        let place = tempfile::tempdir().unwrap();
        let port = {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            listener.local_addr().unwrap().port()
        };
        let exporter = exporter(port, spool(place.path(), SpoolMode::Failing));
        (0..5).for_each(|name| exporter.offer(batch(name, 100, 10)));
        await_tally(&exporter, |tally| tally.breaker.openings > 0);
        exporter.finish(LONG);
        let tally = exporter.tally();
        assert_closes(&tally);
        assert_eq!((tally.spooled, tally.ambiguous), (50, 0), "{tally:?}");
        assert!(tally.why.is_some_and(|why| why.contains("no connection")));
    }
}
