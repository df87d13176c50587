//! The moments of requests, each by itself: for a load that repeats them.

use crate::wrong::WrongImport;

/// The most arrivals that a plan can repeat.
pub(super) const MOMENTS_MAX: usize = 1_000_000;
const SECOND_US: i64 = 1_000_000;

/// When requests came, in milliseconds since 1970, in the order of the log.
#[derive(Debug, Default)]
pub(super) struct LoggedMoments {
    unix_ms: Vec<i64>,
    /// One more came than can be repeated.
    is_too_long: bool,
}

impl LoggedMoments {
    pub(super) fn add(&mut self, unix_ms: i64) {
        if self.unix_ms.len() < MOMENTS_MAX {
            self.unix_ms.push(unix_ms);
        } else {
            self.is_too_long = true;
        }
    }

    /// Whether no line says more than a whole second.
    pub(super) fn are_whole_seconds(&self) -> bool {
        self.unix_ms.iter().all(|ms| ms % 1_000 == 0)
    }

    /// Microseconds from the first on, in order. Where a log has whole seconds, requests of one second are spread evenly over it:
    /// at its beginning all of them would come at once, as they never did.
    pub(super) fn offsets_us(&self) -> Result<Vec<i64>, WrongImport> {
        if self.is_too_long {
            let problem =
                format!("the log has more than {MOMENTS_MAX} requests, which no plan repeats one by one");
            return Err(WrongImport::new(problem, "import a part of it, or use `--as stages`"));
        }
        // Servers write a line when a response has ended, so that lines are not always in order.
        let mut sorted_us: Vec<i64> = self.unix_ms.iter().map(|ms| ms * 1_000).collect();
        sorted_us.sort_unstable();
        if self.are_whole_seconds() {
            for second in sorted_us.chunk_by_mut(|one, other| one == other) {
                let count = second.len() as i64;
                (0..).zip(second).for_each(|(index, us): (i64, _)| *us += index * SECOND_US / count);
            }
        }
        let first_us = sorted_us.first().copied().unwrap_or(0);
        sorted_us.iter_mut().for_each(|us| *us -= first_us);
        Ok(sorted_us)
    }
}

/// An offset as a plan has it.
pub(super) fn shown(us: i64) -> String {
    let text = format!("{}.{:06}", us / SECOND_US, us % SECOND_US);
    format!("{}s", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(unix_ms: &[i64]) -> Vec<String> {
        let mut moments = LoggedMoments::default();
        unix_ms.iter().for_each(|ms| moments.add(*ms));
        moments.offsets_us().unwrap().into_iter().map(shown).collect()
    }

    #[test]
    fn moments_are_put_in_order_and_begin_with_the_first() {
        assert_eq!(of(&[5_250, 5_001, 7_001]), ["0s", "0.249s", "2s"]);
    }

    #[test]
    fn requests_of_a_whole_second_are_spread_over_it() {
        assert_eq!(of(&[5_000, 6_000, 5_000, 5_000, 5_000]), ["0s", "0.25s", "0.5s", "0.75s", "1s"]);
    }
}
