//! Loads that are lowered while their targets do not keep up: which arrivals are passed over before one is released.

use super::SENDS_PER_TURN;
use super::Shard;
use super::core::Core;
use super::pool::ConnectionPool;
use super::scenario::{LoadState, ScenarioRun};
use crate::protocol::Protocol;
use crate::wire::Wire;
use engine::bucket::TokenBucket;
use engine::record::Recorder;
use engine::seams::Source;

impl<S: Source> ScenarioRun<S> {
    /// Passes over arrivals that are due and withheld, until the next one is to be sent or is not due. Whether one is sent is decided once,
    /// when it is the next: so a backlog is thinned too.
    pub(super) fn withhold(&mut self, recorder: &mut Recorder, now_ns: u64) {
        let (Some(degrading), LoadState::Open(bucket)) = (&mut self.degrading, &mut self.load) else {
            return;
        };
        while let Some(next) = bucket.peek().filter(|next| next.intended_ns <= now_ns) {
            if degrading.admitted == Some(next.number) {
                return;
            }
            if degrading.law.admits() {
                degrading.admitted = Some(next.number);
                return;
            }
            let withheld = bucket.pass_over();
            let own = degrading.own_of(withheld.measured);
            recorder.requests.scenarios[self.number].count_withheld(withheld, own);
        }
    }
}

impl<P: Protocol> ConnectionPool<P> {
    /// Looks at how far the load of a scenario is lowered, if it is time to.
    fn look_at_factor<W: Wire, S: Source>(&mut self, core: &Core<W>, scenario: &mut ScenarioRun<S>) {
        let now_ns = core.relative_ns(core.now_ns);
        let oldest_ns = scenario.bucket().and_then(TokenBucket::next_ns);
        let Some(degrading) = &mut scenario.degrading else { return };
        if degrading.law.observe(now_ns, oldest_ns) {
            let own_share = self.own_share_of_backlog(core, scenario);
            if let Some(degrading) = &mut scenario.degrading {
                degrading.own_share = own_share;
            }
        }
    }
}

impl<W: Wire, S: Source, P: Protocol> Shard<W, S, P> {
    /// Sends what is due, where some scenario withholds arrivals.
    #[inline(never)]
    pub(super) fn release_admitted(&mut self, now: u64) {
        let Shard { core, scenarios, pools, .. } = self;
        for scenario in scenarios.iter_mut() {
            pools[scenario.pool].look_at_factor(core, scenario);
        }
        for _ in 0..SENDS_PER_TURN {
            let Shard { core, scenarios, .. } = self;
            let now_ns = core.relative_ns(now);
            scenarios.iter_mut().for_each(|scenario| scenario.withhold(&mut core.recorder, now_ns));
            let Some(scenario) = self.most_overdue(now) else { return };
            if self.scenarios[scenario].has_targets() {
                self.release_to_targets(scenario);
                continue;
            }
            let Shard { core, scenarios, pools, .. } = self;
            let scenario = &mut scenarios[scenario];
            pools[scenario.pool].release(core, scenario);
        }
    }
}
