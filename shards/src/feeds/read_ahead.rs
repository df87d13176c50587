//! A file that is too large for memory: a thread reads it ahead, and deals its rows into a bounded, lock-free lane for each shard.
//!
//! The thread waits for shards, and shards never for the thread: a lane that is empty says so. Blocks of rows go round, full ones one way
//! and empty ones back, so that nothing is allocated once they have their size.

use super::block::RowBlock;
use super::row_file::{RowFile, failure_of};
use crate::cores::leave_cores;
use crate::failures::no_thread;
use crossbeam::queue::ArrayQueue;
use engine::bucket::Share;
use engine::failure::RunFailure;
use engine::feed::{RowBuffer, WrongFeed};
use engine::plan::{AtEnd, Feed, RowOrder};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

/// What the lanes of all shards hold together.
const LANES_BYTES: usize = 8 << 20;
/// Blocks of a lane: one that is filled, one that is taken from, and what lies ready between them.
const BLOCKS: usize = 4;
/// The size of a block, however many shards there are.
const BLOCK_BYTES_MIN: usize = 4 << 10;
const BLOCK_BYTES_MAX: usize = 512 << 10;
/// How long the thread sleeps where all lanes are full: a fraction of the time that a shard takes for a block.
const PAUSE: Duration = Duration::from_micros(500);

/// How it stands with a lane.
const GOES_ON: u8 = 0;
const IS_OVER: u8 = 1;
const IS_BROKEN: u8 = 2;

/// What passes between the thread and one shard.
struct Passage {
    full: ArrayQueue<Box<RowBlock>>,
    empty: ArrayQueue<Box<RowBlock>>,
    /// Written once, after the last full block.
    state: AtomicU8,
}

/// What all ends of one file share.
struct SharedEnds {
    passages: Vec<Arc<Passage>>,
    stops: AtomicBool,
    failure: OnceLock<RunFailure>,
}

/// A file that is read ahead.
pub(super) struct ReadAhead {
    /// Until it is started.
    file: Option<Box<RowFile>>,
    repeats: bool,
    block_bytes: usize,
    shared: Arc<SharedEnds>,
    /// The lane of each shard, until it is handed out.
    lanes: Vec<Option<RowLane>>,
    thread: Option<JoinHandle<()>>,
}

/// A shard's end of its lane.
pub(super) struct RowLane {
    passage: Arc<Passage>,
    block: Option<Box<RowBlock>>,
}

/// What a lane has of a row.
pub(super) enum LaneRow<'a> {
    /// The row at this place of a block.
    Row(&'a RowBlock, usize),
    /// It has not come yet.
    Empty,
    /// The file has no such row.
    Over,
    /// The file could not be read to there.
    Broken,
}

impl ReadAhead {
    /// Lanes for a file. Looks at its first row, so that what is wrong from the beginning is told before anything is sent.
    pub(super) fn new(feed: &Feed, mut file: RowFile, shards: u32) -> Result<ReadAhead, RunFailure> {
        if !file.next(&mut RowBuffer::default())? {
            let (problem, fix) = ("there are no rows".into(), "write rows into it, or name another".into());
            return Err(failure_of(feed, WrongFeed { line: None, problem, fix }));
        }
        file.rewind()?;
        let block_bytes = LANES_BYTES / BLOCKS / shards as usize;
        let block_bytes = block_bytes.clamp(BLOCK_BYTES_MIN, BLOCK_BYTES_MAX);
        let passage = |_| Arc::new(Passage::new(feed.columns.len(), shards.into(), block_bytes));
        let passages: Vec<Arc<Passage>> = (0..shards).map(passage).collect();
        let lane = |passage: &Arc<Passage>| Some(RowLane { passage: passage.clone(), block: None });
        let lanes = passages.iter().map(lane).collect();
        let repeats = feed.rows != RowOrder::Unique && feed.at_end == AtEnd::Repeat;
        let shared = SharedEnds { passages, stops: AtomicBool::new(false), failure: OnceLock::new() };
        let (file, shared) = (Some(Box::new(file)), Arc::new(shared));
        Ok(ReadAhead { file, repeats, block_bytes, shared, lanes, thread: None })
    }

    /// Starts the thread, once, off these cores.
    pub(super) fn start(&mut self, cores: &[usize]) -> Result<(), RunFailure> {
        let Some(file) = self.file.take() else { return Ok(()) };
        let blocks = self.shared.passages.iter().map(|_| None).collect();
        let (shared, block_bytes) = (self.shared.clone(), self.block_bytes);
        let dealer = Dealer { file: *file, repeats: self.repeats, blocks, block_bytes, shared };
        let cores = cores.to_vec();
        let run = move || {
            leave_cores(&cores);
            dealer.run();
        };
        let thread = std::thread::Builder::new().name("feed".into()).spawn(run);
        self.thread = Some(thread.map_err(|error| no_thread("the reader of a data file", &error))?);
        Ok(())
    }

    /// The lane of a shard, once.
    pub(super) fn lane(&mut self, share: Share) -> RowLane {
        assert_eq!(share.shards, self.lanes.len() as u64, "there is a lane for each shard of the plan");
        self.lanes[share.shard as usize].take().expect("a shard's rows are handed out once")
    }

    /// What was found to be wrong with the file.
    pub(super) fn failure(&self) -> Option<RunFailure> {
        self.shared.failure.get().cloned()
    }
}

impl Drop for ReadAhead {
    fn drop(&mut self) {
        self.shared.stops.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic of it was printed where it happened.
            let _ended = thread.join();
        }
    }
}

impl Passage {
    fn new(columns: usize, shards: u64, block_bytes: usize) -> Passage {
        let passage = Passage {
            full: ArrayQueue::new(BLOCKS),
            empty: ArrayQueue::new(BLOCKS),
            state: AtomicU8::new(GOES_ON),
        };
        for _ in 0..BLOCKS {
            passage.give_back(Box::new(RowBlock::new(columns, shards, block_bytes)));
        }
        passage
    }

    fn hand_over(&self, block: Box<RowBlock>) {
        assert!(self.full.push(block).is_ok(), "a lane holds every block there is");
    }

    fn give_back(&self, mut block: Box<RowBlock>) {
        block.clear();
        assert!(self.empty.push(block).is_ok(), "a lane holds every block there is");
    }
}

impl RowLane {
    /// The row with a number. Those before it are passed over: their arrivals were dropped.
    pub(super) fn row(&mut self, number: u64) -> LaneRow<'_> {
        loop {
            let place = self.block.as_ref().and_then(|block| block.place_of(number));
            if let Some(place) = place {
                let block = self.block.as_ref().expect("it was just looked into");
                return LaneRow::Row(block, place);
            }
            // Read before the last look into the lane: what was handed over before it was written is seen then.
            let state = self.passage.state.load(Ordering::Acquire);
            match self.passage.full.pop() {
                Some(next) => {
                    if let Some(passed) = self.block.replace(next) {
                        self.passage.give_back(passed);
                    }
                }
                None if state == IS_BROKEN => return LaneRow::Broken,
                None if state == IS_OVER => return LaneRow::Over,
                None => return LaneRow::Empty,
            }
        }
    }
}

/// The thread's part: reads rows, and deals them out.
struct Dealer {
    file: RowFile,
    repeats: bool,
    /// The block of each lane that is being filled.
    blocks: Vec<Option<Box<RowBlock>>>,
    block_bytes: usize,
    shared: Arc<SharedEnds>,
}

impl Dealer {
    fn run(mut self) {
        let state = match self.deal() {
            Ok(()) => IS_OVER,
            Err(failure) => {
                // It is the only one: the thread ends.
                let _is_first = self.shared.failure.set(failure);
                IS_BROKEN
            }
        };
        self.hand_over_begun();
        self.shared.passages.iter().for_each(|passage| passage.state.store(state, Ordering::Release));
    }

    /// Deals until there are no rows, or no shards that want them.
    fn deal(&mut self) -> Result<(), RunFailure> {
        let mut row = RowBuffer::default();
        for number in 0_u64.. {
            if self.stops() {
                return Ok(());
            }
            if !self.file.next(&mut row)? {
                if !self.repeats {
                    return Ok(());
                }
                self.file.rewind()?;
                // It had a row when it was opened, and has not become shorter since.
                assert!(self.file.next(&mut row)?, "a file that begins again has a first row");
            }
            let lane = (number % self.blocks.len() as u64) as usize;
            let Some(mut block) = self.block_of(lane) else { return Ok(()) };
            block.push(number, &row);
            if block.bytes() < self.block_bytes {
                self.blocks[lane] = Some(block);
            } else {
                self.shared.passages[lane].hand_over(block);
            }
        }
        Ok(())
    }

    /// The block of a lane that is being filled, or another, as soon as there is one. Nothing when the run ends before.
    fn block_of(&mut self, lane: usize) -> Option<Box<RowBlock>> {
        if let Some(block) = self.blocks[lane].take() {
            return Some(block);
        }
        let passage = self.shared.passages[lane].clone();
        loop {
            if let Some(block) = passage.empty.pop() {
                return Some(block);
            }
            if self.stops() {
                return None;
            }
            // While one shard is waited for, the others take what there is for them.
            self.hand_over_begun();
            std::thread::sleep(PAUSE);
        }
    }

    fn hand_over_begun(&mut self) {
        for (passage, block) in self.shared.passages.iter().zip(&mut self.blocks) {
            if let Some(block) = block.take() {
                passage.hand_over(block);
            }
        }
    }

    fn stops(&self) -> bool {
        self.shared.stops.load(Ordering::Relaxed)
    }
}
