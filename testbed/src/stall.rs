//! When a stalling server is silent. Arithmetic on times since the server's start; no clock is read.

use std::str::FromStr;
use std::time::Duration;

use crate::quantity::{ValueError, parse_duration};

/// A periodic freeze of the whole server, as a garbage collector or a noisy neighbour causes it.
///
/// Time is cut into periods of `every`, counted from the server's start. The server works for the first
/// `every - length` of a period and is silent for the last `length`: what arrives in the silence starts to
/// be served at its end, and what would be finished in the silence is answered at its end.
/// `stall=500ms/2s` works for 1.5 s, is silent for 0.5 s, and so on.
///
/// Written as `length/every`; `length` must be shorter than `every`. A value built by hand that breaks
/// this is silent all the time but for an instant at each period's start; an `every` of zero never stalls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stall {
    /// How long each silence lasts.
    pub length: Duration,
    /// From the start of one period to the start of the next.
    pub every: Duration,
}

impl Stall {
    /// The first moment at or after `at` when the server is not silent; both since the server's start.
    pub(crate) fn release(self, at: Duration) -> Duration {
        // u64 nanoseconds hold 584 years, and dividing them costs a tenth of dividing u128.
        let every_ns = self.every.as_nanos() as u64;
        if every_ns == 0 {
            return at;
        }
        let phase_ns = at.as_nanos() as u64 % every_ns;
        let working_ns = every_ns.saturating_sub(self.length.as_nanos() as u64);
        if phase_ns < working_ns {
            return at;
        }
        at + Duration::from_nanos(every_ns - phase_ns)
    }
}

impl FromStr for Stall {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Stall, ValueError> {
        let (length, every) = text
            .split_once('/')
            .ok_or_else(|| ValueError::new("a stall is length/every, as in 500ms/2s, or none"))?;
        let (length, every) = (parse_duration(length)?, parse_duration(every)?);
        if length >= every {
            return Err(ValueError::new("a stall's length must be shorter than its period, as in 500ms/2s"));
        }
        Ok(Stall { length, every })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn the_silence_is_the_last_part_of_each_period() {
        let stall: Stall = "500ms/2s".parse().expect("a valid stall");
        let cases = [(0, 0), (1499, 1499), (1500, 2000), (1999, 2000), (2000, 2000), (3600, 4000)];
        for (at_ms, released_ms) in cases {
            assert_eq!(stall.release(MS(at_ms)), MS(released_ms), "at {at_ms} ms");
        }
    }

    #[test]
    fn what_is_released_is_never_in_silence_again() {
        let stall = Stall { length: MS(3), every: MS(7) };
        for at_ms in 0..100 {
            let released = stall.release(MS(at_ms));
            assert_eq!(stall.release(released), released);
            assert!(released >= MS(at_ms) && released <= MS(at_ms + 3));
        }
    }

    #[test]
    fn a_stall_built_by_hand_is_total() {
        assert_eq!(Stall { length: MS(5), every: MS(0) }.release(MS(3)), MS(3));
        assert_eq!(Stall { length: MS(5), every: MS(5) }.release(MS(3)), MS(5));
    }

    #[test]
    fn a_stall_must_leave_time_to_work() {
        for text in ["2s/2s", "3s/2s", "0s/0s", "500ms", "500/2s", "500ms/2"] {
            assert!(text.parse::<Stall>().is_err(), "{text}");
        }
    }
}
