//! The requests of a log, each by itself: for a load that repeats them row by row, at their moments and in their order.

use super::line::SHOWN_LETTERS_MAX;
use super::moments;
use crate::csv;
use crate::wrong::WrongImport;

/// The most arrivals that a plan can repeat.
const ROWS_MAX: usize = 1_000_000;
/// The longest that a value of a plan can be, which a path becomes.
const PATH_BYTES_MAX: usize = 4 << 10;
/// The most bytes that all paths may have together: they are kept until all of them are in order.
const PATHS_BYTES_MAX: usize = 1 << 30;

/// The requests, in the order of the log.
#[derive(Debug, Default)]
pub(super) struct LoggedRows {
    rows: Vec<LoggedRow>,
    /// The paths, one behind the other.
    paths: String,
    /// The methods, in the order in which they came.
    methods: Vec<String>,
    /// More came than can be repeated.
    is_too_long: bool,
    /// How many paths are too long to be the value of a hole, and the first of them with the number of its line.
    overlong: u64,
    first_overlong: Option<(u64, String)>,
}

/// A request: when it came, its method by its place among all, and where its path is.
#[derive(Clone, Copy, Debug)]
struct LoggedRow {
    unix_us: i64,
    start: u32,
    length: u16,
    method: u16,
}

/// What is repeated: row n at offset n.
#[derive(Debug)]
pub(super) struct RepeatedRows {
    /// Microseconds from the first one on, in order.
    pub(super) offsets_us: Vec<i64>,
    /// Whether the log said no more than whole seconds.
    pub(super) are_whole_seconds: bool,
    /// The methods that there are.
    pub(super) methods: Vec<String>,
    /// Method and path of each, as CSV with names of its columns.
    pub(super) csv: String,
}

impl LoggedRows {
    /// Takes the request of a line with this number.
    pub(super) fn add(&mut self, line: u64, unix_us: i64, method: &str, path: &str) {
        debug_assert!(is_on_the_wire(path), "lines whose paths are none are no lines");
        if path.len() > PATH_BYTES_MAX {
            self.overlong += 1;
            // What stands behind the question mark may be a secret.
            let shown = || path.chars().take_while(|c| *c != '?').take(SHOWN_LETTERS_MAX).collect();
            self.first_overlong.get_or_insert_with(|| (line, shown()));
            return;
        }
        if self.rows.len() >= ROWS_MAX || self.paths.len() + path.len() > PATHS_BYTES_MAX {
            self.is_too_long = true;
            return;
        }
        let known = self.methods.iter().position(|known| known == method);
        let method = known.unwrap_or_else(|| {
            self.methods.push(method.to_owned());
            self.methods.len() - 1
        });
        let (start, length) = (self.paths.len() as u32, path.len() as u16);
        self.rows.push(LoggedRow { unix_us, start, length, method: method as u16 });
        self.paths.push_str(path);
    }

    /// How many requests are left out because their paths are too long, in a sentence.
    pub(super) fn note(&self) -> Option<String> {
        let (line, path) = self.first_overlong.as_ref()?;
        let requests = match self.overlong {
            1 => "1 request is left out, whose path is".to_owned(),
            count => format!("{count} requests are left out, whose paths are"),
        };
        Some(format!(
            "{requests} longer than {PATH_BYTES_MAX} bytes, the most that a value of a plan has; the first is in line {line}: {path}"
        ))
    }

    /// The rows as they are repeated. Requests of one moment stay in the order of the log.
    pub(super) fn repeated(mut self) -> Result<RepeatedRows, WrongImport> {
        if self.is_too_long {
            let problem = format!(
                "the log has more than {ROWS_MAX} requests, or more than {} GiB of paths, which no plan repeats one by one",
                PATHS_BYTES_MAX >> 30
            );
            return Err(WrongImport::new(problem, "import a part of it, or use `--as stages`"));
        }
        if self.rows.is_empty() {
            let problem = self.note().unwrap_or_else(|| "no request is left to be repeated".to_owned());
            return Err(WrongImport::new(problem, "import a part of the log that has others"));
        }
        // Servers write a line when a response has ended, so that lines are not always in order.
        self.rows.sort_by_key(|row| row.unix_us);
        let mut csv = String::with_capacity(self.paths.len() + 8 * self.rows.len());
        csv.push_str("method,path\n");
        for row in &self.rows {
            let start = row.start as usize;
            csv.push_str(&self.methods[usize::from(row.method)]);
            csv.push(',');
            csv.push_str(&csv::cell(&self.paths[start..start + usize::from(row.length)]));
            csv.push('\n');
        }
        let unix_us: Vec<i64> = self.rows.iter().map(|row| row.unix_us).collect();
        Ok(RepeatedRows {
            are_whole_seconds: moments::are_whole_seconds(unix_us.iter().copied()),
            offsets_us: moments::offsets_us(unix_us),
            methods: self.methods,
            csv,
        })
    }
}

/// Whether a path is as it is sent: what a plan would fail as `template` is in no line.
fn is_on_the_wire(path: &str) -> bool {
    path.starts_with('/') && path.bytes().all(|byte| !matches!(byte, 0..=b' ' | 0x7f))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_in_the_order_of_their_moments_and_those_of_one_in_that_of_the_log() {
        let mut rows = LoggedRows::default();
        for (us, method, path) in [
            (2_000_001, "GET", "/late"),
            (1_000_000, "HEAD", "/a,b?c=\"d\""),
            (1_000_000, "GET", "/second"),
            (1_000_000, "GET", "/third"),
        ] {
            rows.add(1, us, method, path);
        }
        let repeated = rows.repeated().unwrap();
        assert_eq!(
            repeated.csv,
            "method,path\nHEAD,\"/a,b?c=\"\"d\"\"\"\nGET,/second\nGET,/third\nGET,/late\n"
        );
        assert_eq!(repeated.offsets_us, [0, 0, 0, 1_000_001]);
        assert_eq!(repeated.methods, ["GET", "HEAD"]);
    }

    #[test]
    fn the_limits_are_those_of_plans() {
        assert_eq!(ROWS_MAX, engine::plan::RECORDED_ARRIVALS_MAX);
        assert_eq!(PATH_BYTES_MAX, engine::template::VALUE_BYTES_MAX);
    }

    #[test]
    fn paths_that_are_too_long_are_counted_and_the_first_is_shown_without_its_query() {
        let mut rows = LoggedRows::default();
        let long = |letter: &str| format!("/{}", letter.repeat(PATH_BYTES_MAX - 1));
        rows.add(1, 1, "GET", &long("x"));
        rows.add(7, 2, "GET", &format!("/yyy?key=s3cret{}", long("y")));
        rows.add(9, 3, "GET", &format!("{}z", long("z")));
        let note = rows.note().unwrap();
        assert!(note.starts_with("2 requests are left out") && note.ends_with("in line 7: /yyy"), "{note}");
        assert_eq!(rows.repeated().unwrap().offsets_us, [0]);
        let mut none = LoggedRows::default();
        none.add(3, 1, "GET", &format!("{}y", long("y")));
        assert!(none.repeated().unwrap_err().problem.starts_with("1 request is left out"));
    }

    #[test]
    fn more_requests_than_a_plan_repeats_are_refused() {
        let mut rows = LoggedRows::default();
        (0..=ROWS_MAX as i64).for_each(|us| rows.add(1, us, "GET", "/"));
        let wrong = rows.repeated().unwrap_err();
        assert!(
            wrong.problem.contains("more than 1000000 requests") && wrong.fix.contains("stages"),
            "{wrong}"
        );
    }
}
