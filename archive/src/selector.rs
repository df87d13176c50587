//! Which runs are meant: a run id or the beginning of one, a tag, a baseline, `last`, `last~1`.

use crate::error::Problem;
use crate::run::row_of;
use engine::config::closest;
use rusqlite::{Connection, ToSql};

/// The fewest characters of a run id that stand for it.
pub const PREFIX_MIN: usize = 4;
/// The longest name of a tag or a baseline.
const NAME_MAX: usize = 64;
/// What such a name may hold besides letters and digits.
const NAME_MARKS: &str = "._-+:/@";
/// The latest run.
const LAST: &str = "last";
/// The most runs that an ambiguous beginning is told with.
const MATCHES_SHOWN: usize = 5;

/// Newest first. What was started at the same moment is in the order of saving.
pub(crate) const NEWEST_FIRST: &str = "ORDER BY started_ns DESC, id DESC";

/// The run ids a selector stands for, newest first; those of a baseline in the order they were given.
///
/// `last` is the latest run, whatever else is called so; then a whole run id comes before names, and names before the beginning
/// of a run id.
pub(crate) fn find(connection: &Connection, selector: &str) -> Result<Vec<String>, Problem> {
    if let Some(age) = age_of(selector) {
        return match nth(connection, age)? {
            Some(run) => Ok(vec![run]),
            None => Err(unknown(connection, selector)?),
        };
    }
    if row_of(connection, selector)?.is_some() {
        return Ok(vec![selector.to_owned()]);
    }
    let tagged = tagged(connection, selector)?;
    let baseline = baseline(connection, selector)?;
    match (tagged.is_empty(), baseline.is_empty()) {
        (false, false) => Err(Problem::NameTaken(selector.to_owned())),
        (false, true) => Ok(tagged),
        (true, false) => Ok(baseline),
        (true, true) => match begun_by(connection, selector)? {
            Some(runs) => Ok(runs),
            None => Err(unknown(connection, selector)?),
        },
    }
}

/// The runs of a baseline, in the order they were given; none if there is no such baseline.
pub(crate) fn baseline(connection: &Connection, name: &str) -> Result<Vec<String>, Problem> {
    let sql =
        "SELECT run_id FROM baselines JOIN runs ON runs.id = run WHERE baselines.name = ?1 ORDER BY place";
    texts(connection, sql, &[&name])
}

/// That nothing is called so, with what looks like it.
pub(crate) fn unknown(connection: &Connection, selector: &str) -> Result<Problem, Problem> {
    let names = texts(connection, "SELECT tag FROM tags UNION SELECT name FROM baselines", &[])?;
    let words: Vec<&str> = names.iter().map(String::as_str).chain([LAST]).collect();
    let close = closest(selector, &words).into_iter().map(str::to_owned).collect();
    Ok(Problem::UnknownSelector { selector: selector.to_owned(), close })
}

/// Says what is wrong with the name of a tag or a baseline.
pub fn check_name(name: &str) -> Result<(), Problem> {
    let is_mark = |c: char| NAME_MARKS.contains(c);
    let wrong = if name.is_empty() {
        "a name is empty".to_owned()
    } else if name.len() > NAME_MAX {
        format!("the name `{name}` is longer than {NAME_MAX} characters")
    } else if let Some(odd) = name.chars().find(|&c| !c.is_ascii_alphanumeric() && !is_mark(c)) {
        format!("{odd:?} cannot be in a name")
    } else if name.starts_with('-') {
        format!("the name `{name}` looks like a flag")
    } else if name == LAST {
        "`last` is the latest run, and cannot be a name".to_owned()
    } else {
        return Ok(());
    };
    Err(Problem::BadName(wrong))
}

fn tagged(connection: &Connection, tag: &str) -> Result<Vec<String>, Problem> {
    let sql = format!("SELECT run_id FROM runs JOIN tags ON run = id WHERE tag = ?1 {NEWEST_FIRST}");
    texts(connection, &sql, &[&tag])
}

/// How many runs before the latest: 0 of `last`, 2 of `last~2`.
fn age_of(selector: &str) -> Option<u32> {
    match selector.strip_prefix(LAST)? {
        "" => Some(0),
        rest => rest.strip_prefix('~')?.parse().ok(),
    }
}

fn nth(connection: &Connection, age: u32) -> Result<Option<String>, Problem> {
    let sql = format!("SELECT run_id FROM runs {NEWEST_FIRST} LIMIT 1 OFFSET ?1");
    Ok(texts(connection, &sql, &[&age])?.pop())
}

fn begun_by(connection: &Connection, prefix: &str) -> Result<Option<Vec<String>>, Problem> {
    if prefix.chars().count() < PREFIX_MIN {
        return Ok(None);
    }
    let sql = format!("SELECT run_id FROM runs WHERE substr(run_id, 1, length(?1)) = ?1 {NEWEST_FIRST}");
    let mut matches = texts(connection, &sql, &[&prefix])?;
    match matches.len() {
        0 => Ok(None),
        1 => Ok(Some(matches)),
        _ => {
            matches.truncate(MATCHES_SHOWN);
            Err(Problem::AmbiguousPrefix { prefix: prefix.to_owned(), matches })
        }
    }
}

fn texts(connection: &Connection, sql: &str, values: &[&dyn ToSql]) -> Result<Vec<String>, Problem> {
    Ok(connection.prepare(sql)?.query_map(values, |row| row.get(0))?.collect::<Result<_, _>>()?)
}
