//! The moments of requests in a load that repeats them: from the first one on, and not all at once where a log has whole seconds.

pub(super) const SECOND_US: i64 = 1_000_000;

/// Whether no moment says more than a whole second.
pub(super) fn are_whole_seconds(mut unix_us: impl Iterator<Item = i64>) -> bool {
    unix_us.all(|us| us % SECOND_US == 0)
}

/// Microseconds from the first on, of moments in order. Where a log has whole seconds, requests of one second are spread evenly over it:
/// at its beginning all of them would come at once, as they never did.
pub(super) fn offsets_us(mut sorted_us: Vec<i64>) -> Vec<i64> {
    if are_whole_seconds(sorted_us.iter().copied()) {
        for second in sorted_us.chunk_by_mut(|one, other| one == other) {
            let count = second.len() as i64;
            (0..).zip(second).for_each(|(index, us): (i64, _)| *us += index * SECOND_US / count);
        }
    }
    let first_us = sorted_us.first().copied().unwrap_or(0);
    sorted_us.iter_mut().for_each(|us| *us -= first_us);
    sorted_us
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
        offsets_us(unix_ms.iter().map(|ms| ms * 1_000).collect()).into_iter().map(shown).collect()
    }

    #[test]
    fn moments_begin_with_the_first() {
        assert_eq!(of(&[5_001, 5_250, 7_001]), ["0s", "0.249s", "2s"]);
        assert_eq!(of(&[]), [""; 0]);
    }

    #[test]
    fn requests_of_a_whole_second_are_spread_over_it() {
        assert_eq!(of(&[5_000, 5_000, 5_000, 5_000, 6_000]), ["0s", "0.25s", "0.5s", "0.75s", "1s"]);
    }
}
