//! Rows for a replay: each request of a log at its time from the first one on.

/// A request to be sent at its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayRow {
    /// Milliseconds from the first request of the log on.
    pub at_ms: u64,
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
}

/// Spreads the requests of a second over it: a log that knows no more than the second would send all of them at its beginning.
#[derive(Debug, Default)]
pub(super) struct ReplayTimes {
    first_ms: Option<i64>,
    /// The second that is being read, and its requests.
    second_ms: i64,
    waiting: Vec<(String, String)>,
    /// Lines that stood behind later ones.
    pub(super) late: u64,
}

impl ReplayTimes {
    /// Adds a request; rows whose times are known by it are appended.
    pub(super) fn add(
        &mut self,
        unix_ms: i64,
        is_whole: bool,
        method: &str,
        path: &str,
        rows: &mut Vec<ReplayRow>,
    ) {
        let first_ms = *self.first_ms.get_or_insert(unix_ms);
        self.late += u64::from(unix_ms < self.second_ms);
        if is_whole {
            if unix_ms > self.second_ms {
                self.finish(rows);
                self.second_ms = unix_ms;
            }
            self.waiting.push((method.to_owned(), path.to_owned()));
        } else {
            // The log was written in the order of ends; a row is never before an earlier one.
            self.second_ms = self.second_ms.max(unix_ms);
            let at_ms = u64::try_from(self.second_ms - first_ms).unwrap_or(0);
            rows.push(ReplayRow { at_ms, method: method.to_owned(), path: path.to_owned() });
        }
    }

    /// Appends what is left.
    pub(super) fn finish(&mut self, rows: &mut Vec<ReplayRow>) {
        let (count, start_ms) = (self.waiting.len() as u64, self.second_ms - self.first_ms.unwrap_or(0));
        for (index, (method, path)) in self.waiting.drain(..).enumerate() {
            let at_ms = u64::try_from(start_ms).unwrap_or(0) + index as u64 * 1_000 / count;
            rows.push(ReplayRow { at_ms, method, path });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(lines: &[(i64, bool)]) -> (Vec<u64>, u64) {
        let (mut times, mut rows) = (ReplayTimes::default(), Vec::new());
        lines.iter().for_each(|(ms, is_whole)| times.add(*ms, *is_whole, "GET", "/", &mut rows));
        times.finish(&mut rows);
        (rows.iter().map(|row| row.at_ms).collect(), times.late)
    }

    #[test]
    fn requests_of_a_second_are_spread_over_it_and_none_goes_back() {
        let whole = |s: i64| (s * 1_000, true);
        let (rows, late) = times(&[whole(5), whole(5), whole(7), whole(6), whole(7), whole(7)]);
        assert_eq!((rows, late), (vec![0, 500, 2_000, 2_250, 2_500, 2_750], 1));
        let (rows, late) = times(&[(5_250, false), (5_100, false), (5_400, false)]);
        assert_eq!((rows, late), (vec![0, 0, 150], 1));
    }
}
