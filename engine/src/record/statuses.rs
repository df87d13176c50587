//! How many responses came with each status.

use crate::code;
use serde::{Deserialize, Serialize};

/// What codes that no protocol has are counted as, all together.
const STATUS_OTHER: u16 = 0;
/// Stands for the expected status where there is none yet. No protocol has such a code.
const NOTHING_EXPECTED: u16 = u16::MAX;
/// Different statuses that a recorder has room for from the start. One that sees more of them in an interval allocates once.
const STATUSES: usize = 16;

/// How many responses came with each status: the one that is expected first, and then those that came, in the order in which they were first
/// seen. A target answers with a handful of different ones, and nearly always with the same.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "Vec<(u16, u64)>", into = "Vec<(u16, u64)>")]
pub struct Statuses {
    expected: u16,
    expected_count: u64,
    others: Vec<(u16, u64)>,
}

impl Default for Statuses {
    fn default() -> Statuses {
        Statuses { expected: NOTHING_EXPECTED, expected_count: 0, others: Vec::new() }
    }
}

impl From<Vec<(u16, u64)>> for Statuses {
    fn from(counts: Vec<(u16, u64)>) -> Statuses {
        let mut statuses = Statuses::default();
        counts.first().into_iter().for_each(|(first, _)| statuses.expect(*first));
        counts.into_iter().for_each(|(status, responses)| statuses.add(status, responses));
        statuses
    }
}

impl From<Statuses> for Vec<(u16, u64)> {
    fn from(statuses: Statuses) -> Vec<(u16, u64)> {
        statuses.iter().collect()
    }
}

/// The code that a status is counted as.
pub(super) fn counted_as(status: u16) -> u16 {
    if code::is_known(status) { status } else { STATUS_OTHER }
}

impl Statuses {
    /// None yet, and room for as many different ones as a target answers with.
    pub(super) fn preallocated() -> Statuses {
        Statuses { others: Vec::with_capacity(STATUSES), ..Statuses::default() }
    }

    /// Bytes of memory that it takes.
    pub(super) fn bytes(&self) -> usize {
        self.others.capacity() * size_of::<(u16, u64)>()
    }

    /// Counts one whose status is the expected one; says whether it was.
    #[inline]
    pub(super) fn count_expected(&mut self, status: u16) -> bool {
        if self.expected == status {
            self.expected_count += 1;
            return true;
        }
        false
    }

    /// Counts one, and expects its status from then on if none is expected yet.
    #[inline]
    pub(super) fn count(&mut self, status: u16) {
        if !self.count_expected(status) {
            self.count_another(status);
        }
    }

    #[cold]
    #[inline(never)]
    fn count_another(&mut self, status: u16) {
        let status = counted_as(status);
        if self.expected().is_none() {
            self.expect(status);
        }
        self.add(status, 1);
    }

    /// Counts some with this status.
    pub(super) fn add(&mut self, status: u16, responses: u64) {
        let status = counted_as(status);
        if status == self.expected {
            self.expected_count += responses;
            return;
        }
        match self.others.iter_mut().find(|(seen, _)| *seen == status) {
            Some((_, count)) => *count += responses,
            None => self.others.push((status, responses)),
        }
    }

    /// The status that is expected, if any has been.
    pub(super) fn expected(&self) -> Option<u16> {
        (self.expected != NOTHING_EXPECTED).then_some(self.expected)
    }

    /// Expects this status, which none was before.
    pub(super) fn expect(&mut self, status: u16) {
        self.expected = status;
        if let Some(place) = self.others.iter().position(|(seen, _)| *seen == status) {
            self.expected_count = self.others.swap_remove(place).1;
        }
    }

    /// Status and count, for every status seen; codes that no protocol has are counted together as 0.
    pub fn iter(&self) -> impl Iterator<Item = (u16, u64)> {
        let expected = (self.expected_count > 0).then_some((self.expected, self.expected_count));
        expected.into_iter().chain(self.others.iter().copied())
    }

    /// Forgets all counts, and expects this status from now on.
    pub(super) fn clear(&mut self, expected: Option<u16>) {
        (self.expected, self.expected_count) = (expected.unwrap_or(NOTHING_EXPECTED), 0);
        self.others.clear();
    }

    pub(super) fn merge(&mut self, other: &Statuses) {
        other.iter().for_each(|(status, responses)| self.add(status, responses));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_expected_is_counted_once_whenever_it_is_said() {
        let mut statuses = Statuses::default();
        statuses.add(503, 2);
        statuses.add(200, 3);
        statuses.expect(200);
        assert!(statuses.count_expected(200) && !statuses.count_expected(503));
        statuses.count(404);
        assert_eq!(statuses.iter().collect::<Vec<_>>(), [(200, 4), (503, 2), (404, 1)]);
        let json = serde_json::to_string(&statuses).unwrap();
        assert_eq!(json, "[[200,4],[503,2],[404,1]]");
        let read: Statuses = serde_json::from_str(&json).unwrap();
        assert_eq!((read.expected(), read.iter().count()), (Some(200), 3));
        statuses.clear(Some(200));
        assert_eq!((statuses.iter().count(), statuses.expected()), (0, Some(200)));
    }

    #[test]
    fn codes_that_no_protocol_has_are_one() {
        let mut statuses = Statuses::preallocated();
        [999, 7, 8].into_iter().for_each(|status| statuses.count(status));
        assert_eq!(statuses.iter().collect::<Vec<_>>(), [(0, 3)]);
        assert_eq!(statuses.expected(), Some(0));
    }
}
