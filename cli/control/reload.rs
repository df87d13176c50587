//! A plan that is read again while its run goes on: what of it changes the run, and what is in the way of that.

use super::changes::AskedChange;
use super::messages::RefusedChange;
use crate::exit::Failure;
use engine::compare::refusal::plan_differences;
use engine::flow::FlowScript;
use engine::flow::revised_thinks::ThinkTime;
use engine::load::{Load, UserLoad};
use engine::plan::{Fields, Plan, Pool, Scenario, Script};
use engine::redact;
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

    /// What the file now has and the run has not, with the plan that it is of. Errors say why nothing can be taken over.
    pub(crate) fn changes(&self) -> Result<(Vec<AskedChange>, Plan), RefusedChange> {
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

/// In what a plan differs from another: loads, paces, think times and conditions; nothing else may.
fn changes(running: &Plan, read: &Plan) -> Result<Vec<AskedChange>, RefusedChange> {
    let mut fields = Fields::clone(read);
    let mut changes: Vec<AskedChange> = Vec::new();
    if fields.scenarios.len() == running.scenarios.len() {
        for index in 0..running.scenarios.len() {
            let of_scenario = align_scenario(&mut fields, running, index);
            changes.extend(of_scenario.into_iter().map(|change| (Some(index), change)));
        }
    }
    if fields.thresholds != running.thresholds {
        fields.thresholds.clone_from(&running.thresholds);
        changes.push((None, Change::Thresholds(read.thresholds.clone())));
    }
    if fields == **running {
        return Ok(changes);
    }
    let told = match others(running, read, &fields) {
        others if others.is_empty() => "something else than what is named below".to_owned(),
        others => others.join("; "),
    };
    let mut problem = format!("the plan has changed in what a run cannot take over: {told}");
    if !changes.is_empty() {
        let with_it: Vec<String> =
            changes.iter().map(|(index, change)| what(running, *index, change)).collect();
        problem += &format!("; not taken over with it: {}", with_it.join(", "));
    }
    let fix = "change rates, numbers of users, `pacing`, `think` and thresholds alone, or begin another run";
    Err(RefusedChange::new(problem, fix))
}

/// Makes a scenario that was read what it is in the run, as far as that can be changed. Returns the changes that this undoes.
fn align_scenario(fields: &mut Fields, running: &Plan, index: usize) -> Vec<Change> {
    let (own, read) = (&running.scenarios[index], fields.scenarios[index].clone());
    let mut changes = load_changes(own, &read);
    if !changes.is_empty() {
        // Where the plan names none, there is a connection for each user: those that there are stay.
        if let (Some(was), Some(is)) = (own.load.users(), read.load.users()) {
            let by_default = |users: &UserLoad| users.most().max(running.machine.shards.into());
            let has = |pool: &Pool, users| u64::from(pool.connections.count()) == by_default(users);
            for pool in own.pools() {
                let is_alike = |read: &Pool| {
                    let running = &running.pools[pool];
                    running.connections.is_per_session() == read.connections.is_per_session()
                        && has(running, was)
                        && has(read, is)
                };
                if fields.pools.get(pool).is_some_and(is_alike) {
                    fields.pools[pool] = running.pools[pool];
                }
            }
        }
        fields.scenarios[index].load = own.load.clone();
    }
    if let (Some(was), Script::Flow { flow, .. }) = (own.flow(), &mut fields.scenarios[index].script)
        && *flow != *was
        && flow.without_think_times().items == was.without_think_times().items
    {
        changes.extend(thinks_changed(own, &read).map(Change::Thinks));
        flow.items.clone_from(&was.items);
    }
    changes
}

/// The think times that a scenario now has, where they are others than in the run.
fn thinks_changed(own: &Scenario, read: &Scenario) -> Option<Vec<ThinkTime>> {
    let thinks = |scenario: &Scenario| {
        let name = |step: usize| scenario.steps()[step].name.clone();
        Some(scenario.flow()?.think_times(&name))
    };
    let of = |times: &[ThinkTime]| times.iter().map(|time| (time.item, time.think)).collect::<Vec<_>>();
    let (was, is) = (thinks(own)?, thinks(read)?);
    (of(&was) != of(&is)).then_some(is)
}

/// How a load has changed that is the same but for its segments and its pace; nothing where it is another.
fn load_changes(own: &Scenario, read: &Scenario) -> Vec<Change> {
    let mut aligned = read.load.clone();
    let mut changes = Vec::new();
    match (&mut aligned, &own.load) {
        (Load::Open { name, segments, .. }, Load::Open { name: own_name, segments: own_segments, .. }) => {
            if segments != own_segments {
                changes.push(change_of(&read.load, segments.clone()));
            }
            (*name, *segments) = (own_name.clone(), own_segments.clone());
        }
        (Load::Users(users), Load::Users(own_users)) => {
            if users.segments != own_users.segments {
                changes.push(change_of(&read.load, users.segments.clone()));
            }
            if users.pacing_ns != own_users.pacing_ns {
                changes.push(Change::Pacing(users.pacing_ns));
            }
            (users.segments, users.pacing_ns) = (own_users.segments.clone(), own_users.pacing_ns);
        }
        _ => return Vec::new(),
    }
    if aligned == own.load { changes } else { Vec::new() }
}

/// What a change is of, in words.
fn what(running: &Plan, index: Option<usize>, change: &Change) -> String {
    let kind = match change {
        Change::Thinks(_) | Change::ThinkThousandths(_) => "think times",
        Change::Pacing(_) => "pacing",
        Change::Thresholds(_) => "thresholds",
        Change::Rate(_) | Change::Users(_) | Change::Thousandths(_) | Change::Segments(_) => "load",
    };
    match index {
        Some(index) if running.scenarios.len() > 1 => {
            format!("{kind} of `{}`", redact::text(&running.scenarios[index].name))
        }
        _ => kind.to_owned(),
    }
}

/// What else differs, in words. `left` is the plan that was read as far as it differs in what cannot be changed.
fn others(running: &Plan, read: &Plan, left: &Fields) -> Vec<String> {
    let mut differences = plan_differences(running, read);
    let pairs = || left.scenarios.iter().zip(&running.scenarios);
    let differ_in = [
        ("load:", pairs().any(|(is, was)| is.load != was.load)),
        ("think times:", pairs().any(|(is, was)| thinks_changed(was, is).is_some())),
    ];
    for (name, _) in differ_in.iter().filter(|(_, differ)| !differ) {
        differences.retain(|difference| !difference.starts_with(name));
    }
    let of_flows = |differ: &dyn Fn(&FlowScript, &FlowScript) -> bool| {
        pairs().any(|(is, was)| matches!((is.flow(), was.flow()), (Some(is), Some(was)) if differ(is, was)))
    };
    let ways =
        |is: &FlowScript, was: &FlowScript| is.without_think_times().items != was.without_think_times().items;
    let others = [
        ("the order of steps, or when they are done", of_flows(&ways)),
        ("sessions", of_flows(&|is, was| is.sessions_max != was.sessions_max)),
        ("graceful", of_flows(&|is, was| is.graceful_ns != was.graceful_ns)),
        ("names of scenarios", pairs().any(|(is, was)| is.name != was.name)),
        ("phases", left.phases != running.phases),
        ("feeds", left.feeds != running.feeds),
        ("setup", left.setup != running.setup),
        ("seed", left.seed != running.seed),
        ("interval", left.interval_ns != running.interval_ns),
        ("until", left.until != running.until),
        ("name", left.name != running.name),
    ];
    differences.extend(others.iter().filter(|(_, differs)| *differs).map(|(name, _)| (*name).to_owned()));
    differences
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
