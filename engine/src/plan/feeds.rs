//! What has to hold of the data files that a plan names, before anyone has looked at them.

use super::bounds::FEEDS_MAX;
use super::mistake::Mistake;
use crate::feed::{AtEnd, Feed, FeedFormat, RowOrder, wrong_columns};

/// Everything that is wrong with feeds: which, at which of its keys, and what.
pub(super) fn wrong(feeds: &[Feed]) -> Vec<(usize, &'static str, Mistake)> {
    let mut found = Vec::new();
    if feeds.len() > FEEDS_MAX {
        let problem = format!("{} feeds are too many", feeds.len());
        found.push((FEEDS_MAX, "", Mistake::new(problem, format!("give at most {FEEDS_MAX}"))));
    }
    for (index, feed) in feeds.iter().enumerate() {
        let of_feed = [wrong_name(&feeds[..index], feed), wrong_file(feed), wrong_end(feed)];
        found.extend(of_feed.into_iter().flatten().map(|(key, wrong)| (index, key, wrong)));
    }
    found
}

fn wrong_name(before: &[Feed], feed: &Feed) -> Option<(&'static str, Mistake)> {
    let Feed { name, .. } = feed;
    let is_of_names = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
    let begins_as_one = name.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_');
    if !begins_as_one || !name.chars().all(is_of_names) {
        let fix = "use letters, digits, `-` and `_`, and begin with a letter";
        return Some(("", Mistake::new(format!("`{name}` cannot be the name of a feed"), fix)));
    }
    let is_twice = before.iter().any(|other| other.name == *name);
    is_twice
        .then(|| ("", Mistake::new(format!("two feeds are called `{name}`"), "give each a name of its own")))
}

fn wrong_file(feed: &Feed) -> Option<(&'static str, Mistake)> {
    if feed.file.is_empty() {
        return Some((
            "file",
            Mistake::new("the file has no name", "write `file = \"users.csv\"` or the like"),
        ));
    }
    let mut key = "file";
    if let FeedFormat::Csv { delimiter, has_header } = feed.format {
        if !is_delimiter(delimiter) {
            let problem = format!("`{}` cannot stand between values", delimiter.escape_debug());
            let fix =
                "use one character of ASCII, such as `,`, `;` or `\\t`; no letter, digit, quote or line end";
            return Some(("delimiter", Mistake::new(problem, fix)));
        }
        key = if has_header { "file" } else { "columns" };
    }
    wrong_columns(&feed.columns).map(|(problem, fix)| (key, Mistake::new(problem, fix)))
}

/// Whether values can be told from what stands between them.
fn is_delimiter(letter: char) -> bool {
    letter == '\t' || letter == ' ' || (letter.is_ascii_punctuation() && letter != '"')
}

fn wrong_end(feed: &Feed) -> Option<(&'static str, Mistake)> {
    match (feed.rows, feed.at_end) {
        (RowOrder::Unique, AtEnd::Repeat) => {
            let problem = "unique rows are used once, and cannot be repeated";
            let fix = "give `stop` or `fail`, or take the rows as `sequential`";
            Some(("at_end", Mistake::new(problem, fix)))
        }
        (RowOrder::Random, AtEnd::Stop | AtEnd::Fail) => {
            let problem = "rows that are drawn at random have no end";
            Some(("at_end", Mistake::new(problem, "leave it out, or take the rows as `shuffle`")))
        }
        _ => None,
    }
}
