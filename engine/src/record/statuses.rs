//! How many responses came with each status.

use crate::code;
use serde::{Deserialize, Serialize};

/// What codes that no protocol has are counted as, all together.
const STATUS_OTHER: u16 = 0;
/// Different statuses that a recorder has room for from the start. One that sees more of them in an interval allocates once.
const STATUSES: usize = 16;

/// How many responses came with each status: those that came, in the order in which they were first seen. A target answers with a
/// handful of different ones, and nearly always with the first.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Statuses(Vec<(u16, u64)>);

impl Statuses {
    /// None yet, and room for as many different ones as a target answers with.
    pub(super) fn preallocated() -> Statuses {
        Statuses(Vec::with_capacity(STATUSES))
    }

    /// Bytes of memory that it takes.
    pub(super) fn bytes(&self) -> usize {
        self.0.capacity() * size_of::<(u16, u64)>()
    }

    #[inline]
    pub(super) fn count(&mut self, status: u16) {
        match self.0.first_mut() {
            Some((first, count)) if *first == status => *count += 1,
            _ => self.add(status, 1),
        }
    }

    #[inline(never)]
    fn add(&mut self, status: u16, responses: u64) {
        let status = if code::is_known(status) { status } else { STATUS_OTHER };
        match self.0.iter_mut().find(|(seen, _)| *seen == status) {
            Some((_, count)) => *count += responses,
            None => self.0.push((status, responses)),
        }
    }

    /// Status and count, for every status seen; codes that no protocol has are counted together as 0.
    pub fn iter(&self) -> impl Iterator<Item = (u16, u64)> {
        self.0.iter().copied()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn merge(&mut self, other: &Statuses) {
        other.iter().for_each(|(status, responses)| self.add(status, responses));
    }
}
