//! Requests that are due: of a flow with several targets, each waits beside those to its own target, and holds up no other.

use crate::due_queue::DueQueue;

/// A request that follows another, and when it is due. Of those due at once, the one that was first comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct DueCall {
    pub(super) due_ns: u64,
    pub(super) order: u64,
    pub(super) step: u32,
    pub(super) session: u32,
}

/// Those of each target. A session has one at the most, so there are never more than sessions.
#[derive(Clone, Debug)]
pub(super) struct TargetQueues {
    /// Of each step, the number of its target.
    of_step: Vec<usize>,
    queues: Vec<DueQueue<DueCall>>,
}

impl TargetQueues {
    /// Nothing is due yet.
    pub(super) fn new(of_step: Vec<usize>) -> TargetQueues {
        let targets = of_step.iter().max().map_or(1, |last| last + 1);
        TargetQueues { of_step, queues: vec![DueQueue::new(); targets] }
    }

    pub(super) fn push(&mut self, call: DueCall) {
        self.queues[self.of_step[call.step as usize]].push(call);
    }

    /// The target of a step's requests, by its number.
    pub(super) fn target_of(&self, step: u32) -> usize {
        self.of_step[step as usize]
    }

    /// Whose the first one to a target is.
    pub(super) fn next_session(&self, target: usize) -> Option<u32> {
        self.queues[target].peek().map(|due| due.session)
    }

    /// When the first one to a target is due.
    pub(super) fn next_due_ns(&self, target: usize) -> Option<u64> {
        self.queues[target].peek().map(|due| due.due_ns)
    }

    /// Takes it.
    pub(super) fn pop(&mut self, target: usize) -> Option<DueCall> {
        self.queues[target].pop()
    }

    /// Takes one, whichever, as long as there is one.
    pub(super) fn pop_any(&mut self) -> Option<DueCall> {
        self.queues.iter_mut().find_map(DueQueue::pop)
    }

    /// Takes the first one of a session that is meant, whichever its target. What is looked past is set aside until it is asked for one and
    /// there is none left, and is due again from then on: so each is looked at once, however many are taken.
    pub(super) fn pop_where(
        &mut self,
        is_meant: impl Fn(u32) -> bool,
        set_aside: &mut Vec<DueCall>,
    ) -> Option<DueCall> {
        while let Some(due) = self.pop_any() {
            if is_meant(due.session) {
                return Some(due);
            }
            set_aside.push(due);
        }
        set_aside.drain(..).for_each(|due| self.push(due));
        None
    }

    pub(super) fn clear(&mut self) {
        self.queues.iter_mut().for_each(DueQueue::clear);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(due_ns: u64, step: u32) -> DueCall {
        DueCall { due_ns, order: due_ns, step, session: due_ns as u32 }
    }

    #[test]
    fn what_waits_for_one_target_stands_in_front_of_nothing_to_another() {
        let mut queues = TargetQueues::new(vec![0, 1, 0]);
        [due(1, 0), due(3, 2), due(2, 1)].into_iter().for_each(|call| queues.push(call));
        assert_eq!((queues.next_due_ns(0), queues.next_due_ns(1)), (Some(1), Some(2)));
        assert_eq!(queues.pop(1), Some(due(2, 1)));
        assert_eq!((queues.pop(1), queues.next_due_ns(1)), (None, None));
        assert_eq!((queues.pop(0), queues.pop(0), queues.pop(0)), (Some(due(1, 0)), Some(due(3, 2)), None));
    }

    #[test]
    fn what_is_looked_past_for_a_call_that_is_meant_stays_due_at_its_own_target() {
        let mut queues = TargetQueues::new(vec![0, 1]);
        [due(1, 0), due(2, 1), due(3, 0), due(4, 1), due(5, 1)]
            .into_iter()
            .for_each(|call| queues.push(call));
        let mut set_aside = Vec::new();
        assert_eq!(queues.pop_where(|session| session == 4, &mut set_aside), Some(due(4, 1)));
        assert_eq!(set_aside, [due(1, 0), due(3, 0), due(2, 1)], "they are not looked at for the next one");
        assert_eq!(queues.pop_where(|session| session == 4, &mut set_aside), None);
        assert!(set_aside.is_empty());
        assert_eq!((queues.pop(0), queues.pop(0), queues.pop(0)), (Some(due(1, 0)), Some(due(3, 0)), None));
        assert_eq!((queues.pop(1), queues.pop(1), queues.pop(1)), (Some(due(2, 1)), Some(due(5, 1)), None));
        queues.push(due(6, 1));
        assert_eq!((queues.pop_any(), queues.pop_any()), (Some(due(6, 1)), None));
    }
}
