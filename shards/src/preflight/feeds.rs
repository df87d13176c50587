//! What data files a plan uses, and what was found in them.

use super::check::Check;
use crate::feeds::Feeds;
use engine::feed::listed_columns;
use engine::plan::{Feed, Plan};
use engine::quantity::{counted, group};

/// A line for each feed of a plan.
pub fn feeds(plan: &Plan, feeds: &Feeds) -> Vec<Check> {
    let told = |(number, feed): (usize, &Feed)| {
        let rows = match feeds.rows_of(number) {
            Some(1) => "1 row".to_owned(),
            Some(rows) => format!("{} rows", group(rows)),
            None => "rows that are read ahead, as it is too large for memory".to_owned(),
        };
        let columns = counted(feed.columns.len() as u64, "column");
        let found = format!(
            "{}: {}, {rows} of {columns} ({}), {}",
            feed.name,
            feed.file,
            listed_columns(&feed.columns),
            feed.rows.name()
        );
        Check::pass("feed", found)
    };
    plan.feeds.iter().enumerate().map(told).collect()
}
