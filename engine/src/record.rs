//! What a run writes down, from one request to the whole.
//!
//! Reading order: [`Series`] (one kind of request: counts and histograms), [`ShardStats`] (how the shard itself fared), and the
//! [`Slowest`] requests one by one → [`Recorder`] (what one shard writes down in one interval, for every request, without
//! allocating) → [`Snapshot`] (recorders merged).

mod recorder;
mod series;
mod slowest;
mod snapshot;
mod stats;

pub use recorder::{Overdue, Recorder};
pub use series::{Instants, Series, Statuses};
pub use slowest::{Finished, SLOWEST_MAX, SlowRequest, Slowest};
pub use snapshot::Snapshot;
pub use stats::{ReportedStats, ShardStats, sum_of};
