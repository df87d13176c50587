//! A plan that is read again while its run goes on: what of it changes the run, and what is in the way of that.

use super::messages::RefusedChange;
use crate::exit::Failure;
use engine::compare::refusal::plan_differences;
use engine::load::{Load, UserLoad};
use engine::plan::{Fields, Plan, Pool, Scenario};
use engine::revision::Change;
use engine::schedule::{Segment, Shape};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Reads the plan again, with the flags that the run was begun with.
pub(crate) type ReadAgain = Box<dyn Fn() -> Result<Plan, Failure> + Send>;

/// The plan's file, and what it said when the run began.
pub(crate) struct PlanFile {
    path: PathBuf,
    read_again: ReadAgain,
    /// The plan as it was read last and taken over.
    plan: Plan,
    stamp: Option<(SystemTime, u64)>,
}

impl PlanFile {
    pub(crate) fn new(path: &Path, plan: Plan, read_again: ReadAgain) -> PlanFile {
        PlanFile { path: path.to_owned(), read_again, plan, stamp: stamp_of(path) }
    }

    /// Whether the file is another than when this was asked last. One that is gone for a moment, as editors do, has not changed.
    pub(crate) fn has_changed(&mut self) -> bool {
        let Some(stamp) = stamp_of(&self.path) else { return false };
        self.stamp.replace(stamp) != Some(stamp)
    }

    /// The loads that the file now has and the run has not, with the plan that they are of. Errors say why nothing can be taken over.
    pub(crate) fn changes(&self) -> Result<(Vec<(usize, Change)>, Plan), RefusedChange> {
        let unread = |failure: Failure| {
            let first =
                failure.message.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
            let place = failure.message.lines().find_map(|line| line.trim_start().strip_prefix("--> "));
            let problem = match place {
                Some(place) => format!("the plan cannot be read: {first} ({place})"),
                None => format!("the plan cannot be read: {first}"),
            };
            RefusedChange::new(problem, "`vajra check` says more; nothing was changed")
        };
        let plan = (self.read_again)().map_err(unread)?;
        let changes = changes(&self.plan, &plan)?;
        Ok((changes, plan))
    }

    /// The run goes by this from now on.
    pub(crate) fn take_over(&mut self, plan: Plan) {
        self.plan = plan;
    }
}

fn stamp_of(path: &Path) -> Option<(SystemTime, u64)> {
    let about = std::fs::metadata(path).ok()?;
    Some((about.modified().ok()?, about.len()))
}

/// The loads in which a plan differs from another; nothing else may.
fn changes(running: &Plan, read: &Plan) -> Result<Vec<(usize, Change)>, RefusedChange> {
    let mut fields = Fields::clone(read);
    let mut changes = Vec::new();
    let mut fields_pools = fields.pools.clone();
    let mut has_other_load = false;
    if fields.scenarios.len() == running.scenarios.len() {
        for (index, scenario) in fields.scenarios.iter_mut().enumerate() {
            let own = &running.scenarios[index];
            if let Some(segments) = other_segments(own, scenario) {
                changes.push((index, change_of(&scenario.load, segments)));
                // Where the plan names none, there is a connection for each user: those that there are stay.
                if let (Some(was), Some(is)) = (own.load.users(), scenario.load.users()) {
                    let by_default = |users: &UserLoad| users.most().max(running.machine.shards.into());
                    let has = |pool: &Pool, users| u64::from(pool.connections.count()) == by_default(users);
                    for pool in own.pools() {
                        if has(&running.pools[pool], was) && has(&fields_pools[pool], is) {
                            fields_pools[pool] = running.pools[pool];
                        }
                    }
                }
                scenario.load = own.load.clone();
            }
            has_other_load |= scenario.load != own.load;
        }
    }
    fields.pools = fields_pools;
    if fields == **running {
        return Ok(changes);
    }
    let mut differences = plan_differences(running, read);
    differences.retain(|difference| has_other_load || !difference.starts_with("load"));
    let others = [
        ("thresholds", fields.thresholds != running.thresholds),
        ("phases", fields.phases != running.phases),
        ("feeds", fields.feeds != running.feeds),
        ("setup", fields.setup != running.setup),
        ("seed", fields.seed != running.seed),
    ];
    differences.extend(others.iter().filter(|(_, differs)| *differs).map(|(name, _)| (*name).to_owned()));
    let told = match differences.is_empty() {
        true => "something else than rates and numbers of users".to_owned(),
        false => differences.join("; "),
    };
    let problem = format!("the plan has changed in what a run cannot take over: {told}");
    Err(RefusedChange::new(problem, "change rates and numbers of users alone, or begin another run"))
}

/// The segments of a load that is the same but for these.
fn other_segments(own: &Scenario, read: &Scenario) -> Option<Vec<Segment>> {
    let mut aligned = read.load.clone();
    let segments = match (&mut aligned, &own.load) {
        (Load::Open { name, segments, .. }, Load::Open { name: own_name, segments: own_segments, .. }) => {
            name.clone_from(own_name);
            std::mem::replace(segments, own_segments.clone())
        }
        (Load::Users(users), Load::Users(own_users)) => {
            std::mem::replace(&mut users.segments, own_users.segments.clone())
        }
        _ => return None,
    };
    (aligned == own.load && read.load != own.load).then_some(segments)
}

/// One rate, or one number of users, is told as one.
fn change_of(load: &Load, segments: Vec<Segment>) -> Change {
    match (load.constant_rate(), &segments[..]) {
        (Some(rate), _) => Change::Rate(rate),
        (None, [Segment { shape: Shape::Constant(level), .. }]) if load.users().is_some() => {
            Change::Users(level.rps().round() as u64)
        }
        _ => Change::Segments(segments),
    }
}
