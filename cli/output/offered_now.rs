//! What a run is to send at a moment, by its plan and by what was changed of it while it goes on.

use engine::orders::Orders;
use engine::plan::{Offered, Plan};
use engine::revision;

/// What is offered, as far as it is known.
pub(crate) struct OfferedNow {
    plan: Plan,
    orders: Orders,
    heard: usize,
    offered: Offered,
}

impl OfferedNow {
    pub(crate) fn new(plan: &Plan, orders: &Orders) -> OfferedNow {
        OfferedNow { plan: plan.clone(), orders: orders.clone(), heard: 0, offered: plan.offered() }
    }

    /// What is offered by now. What lies before this moment does not change any more: changes hold from a cut on that lies ahead.
    pub(crate) fn listen(&mut self) -> &Offered {
        if self.orders.revision_count() > self.heard {
            let revisions = self.orders.revisions();
            self.heard = revisions.len();
            self.offered = revision::offered(&self.plan, &revisions);
        }
        &self.offered
    }

    /// The same as it was heard of last.
    pub(crate) fn last(&self) -> &Offered {
        &self.offered
    }
}
