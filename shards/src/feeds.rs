//! The data files of a plan: read before anything is sent, and handed to shards row by row.
//!
//! A file of up to [`FEED_BYTES_MAX`] is read once, and all shards look into the one table. A larger one is read ahead by a thread of its
//! own (`feeds/read_ahead.rs`), which deals its rows into a lane for each shard: the arrival with number n has row n, and is of shard
//! n modulo their count. Files are not mapped into memory, where a row that is not there yet would hold up the whole loop.

mod block;
mod read_ahead;
mod row_file;
#[cfg(test)]
mod tests;

use block::RowBlock;
use engine::bucket::Share;
use engine::failure::{FailureKind, RunFailure};
use engine::feed::{FEED_BYTES_MAX, FeedOrder, FeedTable, RowAt};
use engine::flow::rows::{RowSource, RowTaken};
use engine::load::{Arrivals, Load};
use engine::plan::{Feed, FeedFormat, Plan, Scenario};
use read_ahead::{LaneRow, ReadAhead, RowLane};
use row_file::{RowFile, failure_of, read_whole};
use std::sync::Arc;

/// The data files of a plan, ready for a run.
pub struct Feeds {
    feeds: Vec<LoadedFeed>,
}

struct LoadedFeed {
    order: FeedOrder,
    rows: LoadedRows,
}

enum LoadedRows {
    Table(Arc<FeedTable>),
    Ahead(ReadAhead),
}

/// One shard's way to the rows of a feed.
pub struct FeedReader {
    order: FeedOrder,
    rows: ReaderRows,
}

enum ReaderRows {
    Table(Arc<FeedTable>),
    Lane(RowLane),
}

/// What an arrival has of a feed.
#[derive(Clone, Copy)]
pub enum FeedRow<'a> {
    /// Its row.
    Ready(RowView<'a>),
    /// Its row has not been read yet: ask again.
    Starved,
    /// There is none left, and no arrival after this one is wanted.
    Stop,
    /// There is none left, and the arrival fails.
    Exhausted,
    /// Something is wrong with the file, which was found while the run went on: [`Feeds::failure`] says what.
    Broken,
}

/// The values of a row.
#[derive(Clone, Copy)]
pub struct RowView<'a>(ViewedRow<'a>);

#[derive(Clone, Copy)]
enum ViewedRow<'a> {
    Table(&'a FeedTable, u64),
    Block(&'a RowBlock, usize),
}

impl<'a> RowView<'a> {
    /// The value of a column, counted from 0.
    #[inline]
    pub fn field(&self, column: usize) -> &'a [u8] {
        match self.0 {
            ViewedRow::Table(table, row) => table.field(row, column),
            ViewedRow::Block(block, row) => block.field(row, column),
        }
    }
}

/// Reads what the feeds of a plan name. What is wrong with a file is the operator's to put right: errors say file and line, cause and
/// fix. Of a file that is read ahead the first row is looked at; of what comes later [`Feeds::failure`] tells.
pub fn load(plan: &Plan) -> Result<Feeds, RunFailure> {
    load_within(plan, FEED_BYTES_MAX)
}

/// The same, where files of up to so many bytes are kept in memory.
fn load_within(plan: &Plan, bytes_max: u64) -> Result<Feeds, RunFailure> {
    let loaded = |(number, feed): (usize, &Feed)| {
        let rows = match row_file::size_of(feed)? {
            bytes if bytes <= bytes_max => LoadedRows::Table(Arc::new(table(feed)?)),
            bytes => LoadedRows::Ahead(ahead(plan, feed, bytes)?),
        };
        Ok(LoadedFeed { order: FeedOrder::new(feed, number, plan.seed), rows })
    };
    Ok(Feeds { feeds: plan.feeds.iter().enumerate().map(loaded).collect::<Result<_, RunFailure>>()? })
}

fn table(feed: &Feed) -> Result<FeedTable, RunFailure> {
    let bytes = read_whole(feed)?;
    FeedTable::read(feed, &bytes).map_err(|wrong| failure_of(feed, wrong))
}

/// A file that is too large for memory, if its rows can be dealt out as they come.
fn ahead(plan: &Plan, feed: &Feed, bytes: u64) -> Result<ReadAhead, RunFailure> {
    let refused = |why: String, fix: &str| {
        let text = format!(
            "feed `{}`: {} has {} MiB, more than the {} that are kept in memory, and {why}",
            feed.name,
            feed.file,
            bytes >> 20,
            FEED_BYTES_MAX >> 20
        );
        Err(FailureKind::Plan.with_fix(text, fix))
    };
    if feed.format == FeedFormat::Json {
        let why = "an array of JSON is read as a whole".to_owned();
        return refused(why, "write it as JSON lines, an object on each");
    }
    if !feed.rows.is_in_order() {
        let why = format!("`{}` needs every row at hand", feed.rows.name());
        return refused(
            why,
            "shuffle the file itself (`shuf`), and take its rows as `sequential` or `unique`",
        );
    }
    if plan.scenarios.iter().filter(|scenario| scenario.flow().is_some()).count() > 1 {
        let why = "its rows are dealt out to one scenario, and several may take them".to_owned();
        return refused(why, "give each scenario a run of its own, or use a smaller file");
    }
    // Random arrivals do not come in the order of their numbers, and a closed loop has none before it sends.
    let is_even =
        |scenario: &Scenario| matches!(&scenario.load, Load::Open { arrivals: Arrivals::Uniform, .. });
    if let Some(other) = plan.scenarios.iter().find(|scenario| !is_even(scenario)) {
        let why =
            format!("the arrivals of `{}` are not even, so that rows cannot be dealt out ahead", other.name);
        return refused(why, "give it a rate with `arrivals = \"uniform\"`, or use a smaller file");
    }
    ReadAhead::new(feed, RowFile::open(feed)?, plan.machine.shards)
}

impl Feeds {
    /// Begins to read ahead, where a file is too large for memory, off the cores of the shards. It goes on until this is dropped.
    pub fn start(&mut self, cores: &[usize]) -> Result<(), RunFailure> {
        let mut feeds = self.feeds.iter_mut();
        feeds.try_for_each(|feed| match &mut feed.rows {
            LoadedRows::Ahead(ahead) => ahead.start(cores),
            LoadedRows::Table(_) => Ok(()),
        })
    }

    /// A shard's way to the rows of each feed, in the order of the plan; once for each shard.
    pub fn readers(&mut self, share: Share) -> Vec<FeedReader> {
        let reader = |feed: &mut LoadedFeed| {
            let rows = match &mut feed.rows {
                LoadedRows::Table(table) => ReaderRows::Table(table.clone()),
                LoadedRows::Ahead(ahead) => ReaderRows::Lane(ahead.lane(share)),
            };
            FeedReader { order: feed.order, rows }
        };
        self.feeds.iter_mut().map(reader).collect()
    }

    /// How many rows the feed with a number has, where it is in memory.
    pub fn rows_of(&self, feed: usize) -> Option<u64> {
        match &self.feeds[feed].rows {
            LoadedRows::Table(table) => Some(table.rows()),
            LoadedRows::Ahead(_) => None,
        }
    }

    /// What was found to be wrong with a file since it began to be read ahead.
    pub fn failure(&self) -> Option<RunFailure> {
        self.feeds.iter().find_map(|feed| match &feed.rows {
            LoadedRows::Ahead(ahead) => ahead.failure(),
            LoadedRows::Table(_) => None,
        })
    }
}

/// The rows of all feeds of a plan, as one shard has them.
pub struct ShardRows(pub Vec<FeedReader>);

impl RowSource for ShardRows {
    fn row(
        &mut self,
        feed: usize,
        number: u64,
        columns: &[usize],
        take: &mut dyn FnMut(usize, &[u8]),
    ) -> RowTaken {
        match self.0[feed].row(number) {
            FeedRow::Ready(row) => {
                columns.iter().enumerate().for_each(|(place, &column)| take(place, row.field(column)));
                RowTaken::Taken
            }
            FeedRow::Starved => RowTaken::Starved,
            FeedRow::Stop => RowTaken::Stop,
            // What is wrong with the file is told at the end.
            FeedRow::Exhausted | FeedRow::Broken => RowTaken::Missing,
        }
    }
}

impl FeedReader {
    /// The row of the arrival with a number. Numbers do not become smaller, and are of this shard; the same may be asked for again.
    #[inline]
    pub fn row(&mut self, number: u64) -> FeedRow<'_> {
        match &mut self.rows {
            ReaderRows::Table(table) => match self.order.row_of(number, table.rows()) {
                RowAt::Row(row) => FeedRow::Ready(RowView(ViewedRow::Table(table, row))),
                RowAt::Stop => FeedRow::Stop,
                RowAt::Exhausted => FeedRow::Exhausted,
            },
            ReaderRows::Lane(lane) => match lane.row(number) {
                LaneRow::Row(block, row) => FeedRow::Ready(RowView(ViewedRow::Block(block, row))),
                LaneRow::Broken => FeedRow::Broken,
                LaneRow::Over if self.order.past_end() == Some(RowAt::Exhausted) => FeedRow::Exhausted,
                LaneRow::Over => FeedRow::Stop,
                LaneRow::Empty => FeedRow::Starved,
            },
        }
    }
}
