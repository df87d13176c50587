//! How long a calibration takes: each part measured with care, or for a look.

use std::time::Duration;

/// How long each part is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// Some seconds in all, for a look; figures are rough.
    pub is_quick: bool,
}

impl Effort {
    /// One run for capacity, without its warm-up.
    pub(super) fn capacity(self) -> Duration {
        if self.is_quick { Duration::from_millis(500) } else { Duration::from_secs(2) }
    }

    /// How many of them; the best counts, because whatever disturbs a run makes it slower.
    pub(super) fn rounds(self) -> usize {
        if self.is_quick { 1 } else { 3 }
    }

    /// One run for pacing, without its warm-up.
    pub(super) fn pacing(self) -> Duration {
        if self.is_quick { Duration::from_millis(600) } else { Duration::from_secs(5) }
    }

    /// Watching for hiccups. More than a second: the clock compares itself once a second.
    pub(super) fn watching(self) -> Duration {
        if self.is_quick { Duration::from_millis(1_200) } else { Duration::from_secs(5) }
    }

    /// Waits of each length.
    pub(super) fn waits(self) -> u32 {
        if self.is_quick { 200 } else { 2_000 }
    }
}
