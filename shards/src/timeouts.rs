//! Request timeouts without timers: all requests under way, in the order they were sent.
//!
//! All requests of a pool share one timeout, so the order of sending is the order of expiring: a queue, checked at its
//! head. It is threaded through an array by where a request is kept, so joining and leaving cost the same wherever it stands.

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
    pub(crate) fn new(places: u32) -> Timeouts {
        let alone = Neighbours { before: NONE, after: NONE, is_in: false };
        Timeouts { links: vec![alone; places as usize], first: NONE, last: NONE }
    }

    /// Puts a place at the end, wherever it stood before.
    #[inline]
    pub(crate) fn join(&mut self, place: u32) {
        self.leave(place);
        self.links[place as usize] = Neighbours { before: self.last, after: NONE, is_in: true };
        match self.last {
            NONE => self.first = place,
            last => self.links[last as usize].after = place,
        }
        self.last = place;
    }

    /// Takes a place out, if it is in.
    #[inline]
    pub(crate) fn leave(&mut self, place: u32) {
        let Neighbours { before, after, is_in } = self.links[place as usize];
        if !is_in {
            return;
        }
        self.links[place as usize].is_in = false;
        match before {
            NONE => self.first = after,
            before => self.links[before as usize].after = after,
        }
        match after {
            NONE => self.last = before,
            after => self.links[after as usize].before = before,
        }
    }

    /// Whether a place is in.
    pub(crate) fn has(&self, place: u32) -> bool {
        self.links[place as usize].is_in
    }

    /// The place that joined longest ago.
    pub(crate) fn first(&self) -> Option<u32> {
        (self.first != NONE).then_some(self.first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drained(mut timeouts: Timeouts) -> Vec<u32> {
        let take = || {
            let place = timeouts.first()?;
            timeouts.leave(place);
            Some(place)
        };
        std::iter::from_fn(take).collect()
    }

    #[test]
    fn places_come_out_in_the_order_they_joined() {
        let mut timeouts = Timeouts::new(4);
        [2, 0, 3, 1].into_iter().for_each(|place| timeouts.join(place));
        timeouts.leave(3);
        timeouts.join(2);
        timeouts.leave(3);
        assert_eq!(drained(timeouts), [0, 1, 2]);
    }
}
