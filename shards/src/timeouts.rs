//! Request timeouts without timers: connections with requests under way, in the order of their oldest one.
//!
//! All requests of a plan share one timeout, so the order of sending is the order of expiring: a queue, checked at its
//! head. With a pipeline the order is by when a connection last had an answer, which is close: a timeout may then be noticed
//! as late as that of the connection before it. It is threaded through an array by slot, so joining and leaving cost the same wherever a connection stands.

use crate::wire::Slot;

const NONE: u32 = u32::MAX;

/// The queue.
#[derive(Debug)]
pub(crate) struct Timeouts {
    links: Vec<Neighbours>,
    first: u32,
    last: u32,
}

#[derive(Clone, Copy, Debug)]
struct Neighbours {
    before: u32,
    after: u32,
    is_in: bool,
}

impl Timeouts {
    pub(crate) fn new(slots: u32) -> Timeouts {
        let alone = Neighbours { before: NONE, after: NONE, is_in: false };
        Timeouts { links: vec![alone; slots as usize], first: NONE, last: NONE }
    }

    /// Puts a slot at the end, wherever it stood before.
    #[inline]
    pub(crate) fn join(&mut self, slot: Slot) {
        self.leave(slot);
        self.links[slot as usize] = Neighbours { before: self.last, after: NONE, is_in: true };
        match self.last {
            NONE => self.first = slot,
            last => self.links[last as usize].after = slot,
        }
        self.last = slot;
    }

    /// Takes a slot out, if it is in.
    #[inline]
    pub(crate) fn leave(&mut self, slot: Slot) {
        let Neighbours { before, after, is_in } = self.links[slot as usize];
        if !is_in {
            return;
        }
        self.links[slot as usize].is_in = false;
        match before {
            NONE => self.first = after,
            before => self.links[before as usize].after = after,
        }
        match after {
            NONE => self.last = before,
            after => self.links[after as usize].before = before,
        }
    }

    /// The slot that joined longest ago.
    pub(crate) fn first(&self) -> Option<Slot> {
        (self.first != NONE).then_some(self.first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drained(mut timeouts: Timeouts) -> Vec<Slot> {
        let take = || {
            let slot = timeouts.first()?;
            timeouts.leave(slot);
            Some(slot)
        };
        std::iter::from_fn(take).collect()
    }

    #[test]
    fn slots_come_out_in_the_order_they_joined() {
        let mut timeouts = Timeouts::new(4);
        [2, 0, 3, 1].into_iter().for_each(|slot| timeouts.join(slot));
        timeouts.leave(3);
        timeouts.join(2);
        timeouts.leave(3);
        assert_eq!(drained(timeouts), [0, 1, 2]);
    }
}
