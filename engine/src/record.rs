//! What a run writes down, from one request to the whole.
//!
//! Reading order: [`Series`] (one kind of request: counts and histograms), [`ScenarioRecord`] (arrivals that became no request),
//! those that lead to several ([`IterationRecord`]) and what of them is gone through by name ([`FlowPass`]), the [`Slowest`] requests one by one → [`RequestRecord`] (all of these, by [`Layout`]) and [`ShardStats`] (how the shard itself
//! fared) → [`Recorder`] (what one shard writes down in one interval, for every request, without allocating) → [`Snapshot`]
//! (recorders merged) → [`Gather`] (those of all shards, slice by slice).

mod attempts;
mod flow_passes;
mod gather;
mod iterations;
mod layout;
mod looked;
mod machine_sample;
mod message_times;
mod outcome_times;
mod reasons;
mod recorder;
mod request_attempts;
mod requests;
mod scenario;
mod series;
mod slowest;
mod snapshot;
mod stats;
mod statuses;

pub use attempts::{AttemptFailure, AttemptPhase, Attempts};
pub use flow_passes::FlowPass;
pub use gather::{Gather, Intervals};
pub use iterations::{Iteration, IterationEnd, IterationRecord, LeftFlow};
pub use layout::Layout;
pub use looked::{
    CheckCounts, FirstFailure, LookCounts, LookRecord, LookedExamples, LookedFor, LookedResponse,
    RedirectCounts, RedirectEnd, SeriesLooks,
};
pub use machine_sample::MachineSample;
pub use message_times::{MessageTime, MessageTimes};
pub use outcome_times::{OTHER_OUTCOMES_MAX, OutcomeDistribution, OutcomeTimes, TimedOutcome};
pub(crate) use reasons::sort as sort_reasons;
pub use reasons::{FailureReason, FailureReasons};
pub use recorder::Recorder;
pub use request_attempts::{AttemptRecord, EndedAttempt};
pub use requests::RequestRecord;
pub use scenario::{Overdue, ScenarioRecord};
pub use series::{Instants, Series};
pub use slowest::{Finished, SLOWEST_MAX, SlowRequest, Slowest};
pub use snapshot::Snapshot;
pub use stats::{ReportedStats, ShardStats, sum_of};
pub use statuses::Statuses;
