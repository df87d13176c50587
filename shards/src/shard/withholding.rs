//! Loads that are lowered while their targets do not keep up: which arrivals are passed over before one is released.

use super::SENDS_PER_TURN;
use super::Shard;
use super::core::Core;
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

    /// Looks at how far its load is lowered. True where it is time to say by whose doing.
    fn looks_at_factor<W: Wire>(&mut self, core: &Core<W>) -> bool {
        let now_ns = core.relative_ns(core.now_ns);
        let oldest_ns = self.bucket().and_then(TokenBucket::next_ns);
        self.degrading.as_mut().is_some_and(|degrading| degrading.law.observe(now_ns, oldest_ns))
    }
}

impl<W: Wire, S: Source, P: Protocol> Shard<W, S, P> {
    /// Sends what is due, where some scenario withholds arrivals.
    #[inline(never)]
    pub(super) fn release_admitted(&mut self, now: u64) {
        let Shard { core, scenarios, pools, .. } = self;
        for scenario in scenarios.iter_mut() {
            if scenario.looks_at_factor(core) {
                scenario.look_at_backlog(core, pools);
                let own_share = pools[scenario.pool].own_share_of_backlog(core, scenario);
                if let Some(degrading) = &mut scenario.degrading {
                    degrading.own_share = own_share;
                }
            }
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
