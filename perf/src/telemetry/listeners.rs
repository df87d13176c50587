//! Whom a run is heard by: a collector that takes what it is sent or never answers, and one that scrapes.

use super::rungs::CollectorManner;
use crate::cores::SERVER_CORE;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How often pages are fetched.
const SCRAPE: Duration = Duration::from_secs(1);
/// How often is looked whether to go on.
const LOOK: Duration = Duration::from_millis(20);
/// A page that does not come is given up.
const PAGE_MAX: Duration = Duration::from_secs(5);
const TAKEN: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/// Keeps the calling thread, and those that it starts, where servers are. Where there is no such core they run wherever they may.
fn leave_the_generator() {
    let mut cores = CpuSet::new();
    if cores.set(SERVER_CORE).is_ok() {
        let _ = sched_setaffinity(Pid::from_raw(0), &cores);
    }
}

/// A collector by HTTP. Its threads end with their connections.
pub(super) struct StubCollector {
    port: u16,
    heard: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
}

impl StubCollector {
    /// Listens.
    pub(super) fn start(manner: CollectorManner) -> Result<StubCollector, String> {
        let (listener, port) = listen()?;
        let (heard, is_over) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let (counted, until) = (Arc::clone(&heard), Arc::clone(&is_over));
        thread::spawn(move || {
            leave_the_generator();
            let mut held = Vec::new();
            for stream in listener.incoming().flatten() {
                if until.load(Ordering::Relaxed) {
                    return;
                }
                let counted = Arc::clone(&counted);
                match manner {
                    CollectorManner::Takes => drop(thread::spawn(move || take(stream, &counted))),
                    CollectorManner::BlackHole => {
                        counted.fetch_add(1, Ordering::Relaxed);
                        held.push(stream);
                    }
                }
            }
        });
        Ok(StubCollector { port, heard, is_over })
    }

    /// Where it is.
    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Requests with something in them that it took; of one that never answers, connections.
    pub(super) fn heard(&self) -> u64 {
        self.heard.load(Ordering::Relaxed)
    }
}

impl Drop for StubCollector {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        // It waits for a connection, and this is one.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

fn listen() -> Result<(TcpListener, u16), String> {
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| format!("no port: {error}"))?;
    let port = listener.local_addr().map_err(|error| format!("no address: {error}"))?.port();
    Ok((listener, port))
}

/// Takes one request after the other, until the connection ends.
fn take(stream: TcpStream, counted: &AtomicU64) -> Option<()> {
    let mut writer = stream.try_clone().ok()?;
    let mut reader = BufReader::new(stream);
    loop {
        let length = head_length(&mut reader)?;
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        counted.fetch_add(u64::from(length > 0), Ordering::Relaxed);
        writer.write_all(TAKEN).ok()?;
    }
}

/// Reads a head, and says how long the body is that follows; nothing at the end.
fn head_length(reader: &mut impl BufRead) -> Option<usize> {
    let (mut length, mut line) = (0, String::new());
    while reader.read_line(&mut line).ok()? > 2 {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        line.clear();
    }
    // The line that ends a head is empty, and at the end there is none.
    line.ends_with('\n').then_some(length)
}

/// One that fetches a run's page each second.
pub(super) struct Scraper {
    port: u16,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<u64>>,
}

impl Scraper {
    /// Begins to ask, at a port where nobody listens yet.
    pub(super) fn start() -> Result<Scraper, String> {
        let (_, port) = listen()?;
        let is_over = Arc::<AtomicBool>::default();
        let until = Arc::clone(&is_over);
        let thread = thread::spawn(move || {
            leave_the_generator();
            scrape(port, &until)
        });
        Ok(Scraper { port, is_over, thread: Some(thread) })
    }

    /// Where the page is to be.
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Ends it; returns how many pages it was given.
    pub(super) fn stop(mut self) -> u64 {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.take().and_then(|thread| thread.join().ok()).unwrap_or(0)
    }
}

impl Drop for Scraper {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

fn scrape(port: u16, is_over: &AtomicBool) -> u64 {
    let (mut pages, mut next) = (0, Instant::now());
    while !is_over.load(Ordering::Relaxed) {
        if Instant::now() >= next {
            pages += u64::from(fetch(port).is_some());
            next += SCRAPE;
        }
        thread::sleep(LOOK);
    }
    pages
}

/// Fetches the page, if there is one.
fn fetch(port: u16) -> Option<Vec<u8>> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    stream.set_read_timeout(Some(PAGE_MAX)).ok()?;
    stream.write_all(b"GET /metrics HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n").ok()?;
    let mut page = Vec::new();
    stream.read_to_end(&mut page).ok()?;
    let status = page.split(|byte| *byte == b' ').nth(1)?;
    (status == b"200").then_some(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(port: u16, body: &str) -> Option<String> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        let head = format!("POST /v1/metrics HTTP/1.1\r\nContent-LENGTH: {}\r\n\r\n", body.len());
        stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let mut reply = [0; 64];
        let count = stream.read(&mut reply).ok()?;
        Some(String::from_utf8_lossy(&reply[..count]).into_owned())
    }

    #[test]
    fn a_collector_takes_what_it_is_sent_and_counts_what_has_something_in_it() {
        let collector = StubCollector::start(CollectorManner::Takes).unwrap();
        // However slow the machine is, it answers.
        let sent =
            |body: &str| while !post(collector.port, body).is_some_and(|reply| reply.contains("200 OK")) {};
        sent("");
        assert_eq!(collector.heard(), 0);
        sent("points");
        assert!(collector.heard() > 0);
        assert_eq!(collector.url(), format!("http://127.0.0.1:{}", collector.port));
    }

    #[test]
    fn a_black_hole_is_connected_to_and_says_nothing() {
        let collector = StubCollector::start(CollectorManner::BlackHole).unwrap();
        assert_eq!(post(collector.port, "points"), None);
        while collector.heard() == 0 {
            thread::sleep(LOOK);
        }
    }

    #[test]
    fn a_scraper_counts_the_pages_that_it_was_given() {
        let scraper = Scraper::start().unwrap();
        let listener = loop {
            // It knocks there meanwhile, and where it does nobody else can listen.
            match TcpListener::bind((Ipv4Addr::LOCALHOST, scraper.port())) {
                Ok(listener) => break listener,
                Err(_) => thread::sleep(LOOK),
            }
        };
        for reply in ["HTTP/1.0 503 Later\r\n\r\n", "HTTP/1.0 200 OK\r\n\r\nvajra_run_ended 0\n"] {
            let mut stream = listener.accept().unwrap().0;
            head_length(&mut BufReader::new(stream.try_clone().unwrap())).unwrap();
            stream.write_all(reply.as_bytes()).unwrap();
        }
        // Closed: what it asks for from now on does not come.
        drop(listener);
        assert_eq!(scraper.stop(), 1);
    }
}
