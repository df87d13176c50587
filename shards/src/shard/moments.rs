//! When each connection of a pool is to be looked at again, and which of them comes first.

use crate::wire::Slot;

/// The moments of a number of connections, each with one, or with none: the end of time.
///
/// A tree over them, in which every node has the earlier of the two below it: to change one, or to find the first, takes as many steps
/// as the number of connections has binary digits. Nothing is allocated for either.
#[derive(Debug)]
pub(super) struct SlotMoments {
    /// The root is at 1, and the children of a node are at twice its place and behind that; the last half are the connections'.
    earliest_ns: Box<[u64]>,
}

impl SlotMoments {
    /// None of so many connections has one.
    pub(super) fn new(count: u32) -> SlotMoments {
        SlotMoments { earliest_ns: vec![u64::MAX; 2 * (count as usize).next_power_of_two()].into() }
    }

    /// A connection has this one from here on.
    pub(super) fn set(&mut self, slot: Slot, moment_ns: u64) {
        let mut at = self.earliest_ns.len() / 2 + slot as usize;
        self.earliest_ns[at] = moment_ns;
        while at > 1 {
            at /= 2;
            self.earliest_ns[at] = self.earliest_ns[2 * at].min(self.earliest_ns[2 * at + 1]);
        }
    }

    /// The earliest of all.
    pub(super) fn first_ns(&self) -> u64 {
        self.earliest_ns[1]
    }

    /// A connection whose moment has come, the one that has waited for longest.
    pub(super) fn first_due(&self, now_ns: u64) -> Option<Slot> {
        let first_ns = self.first_ns();
        if first_ns > now_ns {
            return None;
        }
        let leaves = self.earliest_ns.len() / 2;
        let mut at = 1;
        while at < leaves {
            at = 2 * at + usize::from(self.earliest_ns[2 * at] != first_ns);
        }
        Some((at - leaves) as Slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_first_is_the_earliest_of_all(
            count in 1_u32..70,
            changes in proptest::collection::vec((any::<u32>(), prop_oneof![0..50_u64, Just(u64::MAX)]), 0..200),
            now_ns in 0..60_u64,
        ) {
            let mut moments = SlotMoments::new(count);
            let mut plain = vec![u64::MAX; count as usize];
            for (slot, moment_ns) in changes {
                moments.set(slot % count, moment_ns);
                plain[(slot % count) as usize] = moment_ns;
                let first_ns = *plain.iter().min().unwrap();
                prop_assert_eq!(moments.first_ns(), first_ns);
                match moments.first_due(now_ns) {
                    Some(slot) => prop_assert_eq!((plain[slot as usize], first_ns <= now_ns), (first_ns, true)),
                    None => prop_assert!(first_ns > now_ns),
                }
            }
        }
    }
}
