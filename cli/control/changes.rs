//! What becomes of a run when something is asked of it: revisions of it, or why there are none.

use super::live_figures::LiveFigures;
use super::messages::{Ask, ControlAnswer, RefusedChange, RunStatus, ScenarioStatus};
use engine::config::closest;
use engine::load::Load;
use engine::orders::{OrderedRevision, Orders, REVISIONS_MAX};
use engine::plan::{Plan, Scenario};
use engine::quantity::{MILLISECOND_NS, Rate};
use engine::redact;
use engine::revision::{
    Change, ChangeAsker, Revision, RevisionRefusal, THOUSANDTHS_MAX, cut_after, revise, revise_thresholds,
    schedule_of,
};

/// Revisions as they are told, without secrets.
pub(crate) fn shown(revisions: Vec<Revision>) -> Vec<Revision> {
    revisions.iter().map(redact::revision).collect()
}

/// A change that is asked for, and of which scenario; of the run as a whole where it is of none.
pub(crate) type AskedChange = (Option<usize>, Change);

/// So long before its cut a change has to be known: nothing that is meant to happen then may have been sent.
const HEARD_NS: u64 = 100 * MILLISECOND_NS;

/// A run that can be asked something.
pub(crate) struct ControlledRun {
    pub(crate) run_id: String,
    pub(crate) plan: Plan,
    pub(crate) orders: Orders,
    pub(crate) figures: LiveFigures,
}

impl ControlledRun {
    /// Does what is asked at a moment of the shards' clock. A reload is not this one's.
    pub(crate) fn answer(&self, ask: &Ask, now_ns: u64) -> ControlAnswer {
        let change = match ask {
            Ask::Status => return self.status(now_ns),
            Ask::Stop => {
                self.orders.stop();
                return ControlAnswer::done(Vec::new());
            }
            Ask::Reload => Err(RefusedChange::new("there is no plan to read again", "run a plan file")),
            Ask::Rate { scenario, rate } => self.rate(scenario.as_deref(), rate),
            Ask::Users { scenario, users } => {
                self.one(scenario.as_deref(), "users").map(|index| vec![(Some(index), Change::Users(*users))])
            }
            Ask::Scale { scenario, factor } => self.scaled(scenario.as_deref(), *factor, now_ns),
            Ask::Think { scenario, factor } => self.thinking(scenario.as_deref(), *factor, now_ns),
            Ask::Pause { scenario } => self.each(scenario.as_deref(), now_ns, |_| Change::Rate(Rate::ZERO)),
            Ask::Resume { scenario } => {
                self.each(scenario.as_deref(), now_ns, |scenario| self.before_pause(scenario))
            }
        };
        match change.and_then(|changes| self.change(changes, ChangeAsker::Control, now_ns)) {
            Ok(revisions) => ControlAnswer::done(shown(revisions)),
            Err(refused) => ControlAnswer::refused(refused),
        }
    }

    /// Changes all of it at one cut, or nothing.
    pub(crate) fn change(
        &self,
        changes: Vec<AskedChange>,
        by: ChangeAsker,
        now_ns: u64,
    ) -> Result<Vec<Revision>, RefusedChange> {
        let mut revisions = self.orders.revisions();
        let mut ordered = Vec::new();
        for (index, change) in changes {
            let scenario = index.map(|index| &self.plan.scenarios[index]);
            let refused = |why: RevisionRefusal| {
                let what = match scenario {
                    Some(scenario) => format!("`{}`", redact::text(&scenario.name)),
                    None => "the run".to_owned(),
                };
                RefusedChange::new(format!("{what} cannot be changed: {why}"), why.fix())
            };
            let asked_ns = self.elapsed_ns(now_ns).ok_or_else(|| refused(RevisionRefusal::NotBegun))?;
            let cut_ns = cut_after(asked_ns, self.plan.slice_ns());
            let name = scenario.map_or(String::new(), |scenario| scenario.name.clone());
            let revision = Revision { scenario: name, asked_ns, cut_ns, change, by };
            let revised = match (scenario, &revision.change) {
                (Some(scenario), _) => revise(scenario, &revisions, &revision),
                (None, Change::Thresholds(thresholds)) => revise_thresholds(&self.plan, thresholds, cut_ns),
                (None, other) => unreachable!("{other} is of a scenario"),
            };
            let revised = revised.map_err(refused)?;
            // What else changes at the same cut comes to this.
            revisions.push(revision.clone());
            ordered.push(OrderedRevision { scenario: index, revision, revised });
        }
        if revisions.len() > REVISIONS_MAX {
            let problem = format!("it has been changed {REVISIONS_MAX} times, and no more is kept");
            return Err(RefusedChange::new(problem, "begin another run"));
        }
        // All this took a moment, and shards may not have come to the cut before they can hear of it.
        let decided_ns = self.elapsed_ns(shards::now_ns()).unwrap_or(u64::MAX);
        if ordered.iter().any(|one| one.revision.cut_ns < decided_ns.saturating_add(HEARD_NS)) {
            return Err(RefusedChange::new(
                "this machine was too busy to make the change in time",
                "ask again",
            ));
        }
        let revisions = ordered.iter().map(|one| one.revision.clone()).collect();
        for one in ordered {
            self.orders.revise(one).expect("there is room, and nobody else adds any");
        }
        Ok(revisions)
    }

    /// How long the run has been sending.
    pub(crate) fn elapsed_ns(&self, now_ns: u64) -> Option<u64> {
        now_ns.checked_sub(self.orders.start_ns()?)
    }

    fn rate(&self, scenario: Option<&str>, rate: &str) -> Result<Vec<AskedChange>, RefusedChange> {
        let rate =
            Rate::parse(rate).map_err(|wrong| RefusedChange::new(wrong.to_string(), "write `rate 2k`"))?;
        Ok(vec![(Some(self.one(scenario, "rate")?), Change::Rate(rate))])
    }

    fn scaled(
        &self,
        scenario: Option<&str>,
        factor: f64,
        now_ns: u64,
    ) -> Result<Vec<AskedChange>, RefusedChange> {
        let thousandths = (factor * 1e3).round();
        if !(1.0..=THOUSANDTHS_MAX as f64).contains(&thousandths) {
            let problem = format!("`{factor}` is no factor from 0.001 to {}", THOUSANDTHS_MAX / 1_000);
            return Err(RefusedChange::new(problem, "write `scale 2`, or `pause`"));
        }
        self.each(scenario, now_ns, |_| Change::Thousandths(thousandths as u64))
    }

    /// All think times of the scenario that is named, or of all that have some and are not over, so many times as long as planned.
    fn thinking(
        &self,
        scenario: Option<&str>,
        factor: f64,
        now_ns: u64,
    ) -> Result<Vec<AskedChange>, RefusedChange> {
        let thousandths = (factor * 1e3).round();
        if !(0.0..=THOUSANDTHS_MAX as f64).contains(&thousandths) || (thousandths == 0.0 && factor != 0.0) {
            let problem = format!("`{factor}` is no factor from 0.001 to {}, or 0", THOUSANDTHS_MAX / 1_000);
            return Err(RefusedChange::new(problem, "write `think 2`, or `think 0` for none"));
        }
        let revisions = self.orders.revisions();
        let thinks = |scenario: &Scenario| {
            let last = revisions.iter().rev().find_map(|revision| match &revision.change {
                Change::Thinks(times) if revision.scenario == scenario.name => Some(!times.is_empty()),
                _ => None,
            });
            last.or_else(|| Some(scenario.flow()?.has_think_times())).unwrap_or(false)
        };
        let meant: Vec<usize> = match scenario {
            Some(name) => vec![self.named(name)?],
            None => {
                let scenarios = self.plan.scenarios.iter().enumerate();
                let is_meant =
                    |scenario: &Scenario| thinks(scenario) && self.can_still_change(scenario, now_ns);
                scenarios.filter(|(_, scenario)| is_meant(scenario)).map(|(index, _)| index).collect()
            }
        };
        if meant.is_empty() {
            let problem = "no scenario has think times, or those that have some are over";
            return Err(RefusedChange::new(problem, RevisionRefusal::ThinksNever.fix()));
        }
        let change = Change::ThinkThousandths(thousandths as u64);
        Ok(meant.into_iter().map(|index| (Some(index), change.clone())).collect())
    }

    /// The scenario that is meant where one has to be.
    fn one(&self, name: Option<&str>, verb: &str) -> Result<usize, RefusedChange> {
        match (name, &self.plan.scenarios[..]) {
            (Some(name), _) => self.named(name),
            (None, [_]) => Ok(0),
            (None, several) => {
                let names: Vec<&str> = several.iter().map(|scenario| scenario.name.as_str()).collect();
                let problem = format!("there are several scenarios: {}", names.join(", "));
                Err(RefusedChange::new(problem, format!("say which: `{verb} {}=…`", names[0])))
            }
        }
    }

    fn named(&self, name: &str) -> Result<usize, RefusedChange> {
        let all: Vec<&str> = self.plan.scenarios.iter().map(|scenario| scenario.name.as_str()).collect();
        all.iter().position(|one| *one == name).ok_or_else(|| {
            let fix = match closest(name, &all) {
                Some(guess) => format!("did you mean `{guess}`?"),
                None if all.len() == 1 => format!("leave it out: there is only `{}`", redact::text(all[0])),
                None => format!("there are {}", all.join(", ")),
            };
            RefusedChange::new(format!("there is no scenario `{name}`"), fix)
        })
    }

    /// A change of the scenario that is named, or of all whose loads can be changed and are not over.
    fn each(
        &self,
        name: Option<&str>,
        now_ns: u64,
        change: impl Fn(&Scenario) -> Change,
    ) -> Result<Vec<AskedChange>, RefusedChange> {
        let scenarios = &self.plan.scenarios;
        let meant: Vec<usize> = match name {
            Some(name) => vec![self.named(name)?],
            None if scenarios.len() == 1 => vec![0],
            None => {
                let can_change = |scenario: &Scenario| {
                    let is_counted = scenario.requests_max.is_some() && scenario.load.users().is_none();
                    let is_fixed = matches!(scenario.load, Load::Closed) || is_counted;
                    !is_fixed && self.can_still_change(scenario, now_ns)
                };
                (0..scenarios.len()).filter(|index| can_change(&scenarios[*index])).collect()
            }
        };
        if meant.is_empty() {
            let problem = "all scenarios are closed loops, send a number of requests, or are over";
            return Err(RefusedChange::new(problem, RevisionRefusal::ClosedLoop.fix()));
        }
        Ok(meant.into_iter().map(|index| (Some(index), change(&scenarios[index]))).collect())
    }

    /// Whether a scenario goes on behind the cut that what is asked now has.
    fn can_still_change(&self, scenario: &Scenario, now_ns: u64) -> bool {
        cut_after(self.elapsed_ns(now_ns).unwrap_or(0), self.plan.slice_ns()) < scenario.ends_ns()
    }

    /// What a scenario's load was before it was paused.
    fn before_pause(&self, scenario: &Scenario) -> Change {
        let is_pause = |change: &Change| matches!(change, Change::Rate(rate) if rate.count == 0);
        let revisions = self.orders.revisions();
        let own = revisions.into_iter().rev().filter(|revision| revision.scenario == scenario.name);
        let of_load = own.map(|revision| revision.change).filter(Change::is_of_load);
        let mut changes = of_load.filter(|change| !is_pause(change));
        changes.next().unwrap_or(Change::Thousandths(1_000))
    }

    fn status(&self, now_ns: u64) -> ControlAnswer {
        let elapsed_ns = self.elapsed_ns(now_ns);
        let revisions = self.orders.revisions();
        let of_scenario = |(index, scenario): (usize, &Scenario)| {
            let last = |is_meant: fn(&Change) -> bool| {
                let is_its = |one: &&Revision| one.scenario == scenario.name && is_meant(&one.change);
                revisions.iter().rfind(is_its).map(|revision| redact::revision(revision).change.to_string())
            };
            let figures = self.figures.of(index);
            let schedule = schedule_of(scenario, &revisions);
            ScenarioStatus {
                name: redact::text(&scenario.name),
                load: last(Change::is_of_load).unwrap_or_else(|| "as planned".to_owned()),
                thinks: last(Change::is_of_thinks),
                target: schedule.map(|schedule| schedule.rate_rps_at(elapsed_ns.unwrap_or(0))),
                achieved: figures.achieved,
                ok: figures.ok,
                failed: figures.failed,
            }
        };
        let status = RunStatus {
            run_id: self.run_id.clone(),
            pid: std::process::id(),
            elapsed_s: elapsed_ns.map(|ns| ns as f64 / 1e9),
            ends_s: self.plan.phases.measure_to_ns as f64 / 1e9,
            scenarios: self.plan.scenarios.iter().enumerate().map(of_scenario).collect(),
        };
        ControlAnswer { ok: true, status: Some(status), ..ControlAnswer::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::config::{Document, Format, Layers};
    use engine::quantity::SECOND_NS;

    #[test]
    fn scenarios_that_are_over_keep_no_others_from_thinking() {
        let text = "url = 'testbed:/'\nrun.duration = '20s'\n\
                    [scenario.early]\nload = { rate = 1 }\nduration = '5s'\n[[scenario.early.step]]\nget = '/'\nthink = '1s'\n\
                    [scenario.late]\nload = { rate = 1 }\n[[scenario.late.step]]\nget = '/'\nthink = '1s'\n";
        let document = Document { name: "p".into(), text: text.into(), format: Format::Toml };
        let config = Layers::new(Some(document)).unwrap().config().unwrap();
        let plan = Plan::new(&config, &|_| Err(String::new())).unwrap();
        assert_eq!(plan.scenarios[0].ends_ns(), 5 * SECOND_NS);
        let orders = Orders::default();
        orders.start_at(SECOND_NS);
        let run = ControlledRun { run_id: "r".into(), plan, orders, figures: LiveFigures::default() };
        let meant = |elapsed_s: u64, scenario: Option<&str>| {
            let changes = run.thinking(scenario, 2.0, SECOND_NS + elapsed_s * SECOND_NS);
            changes.map(|changes| changes.into_iter().map(|(index, _)| index).collect::<Vec<_>>()).ok()
        };
        assert_eq!(meant(1, None), Some(vec![Some(0), Some(1)]));
        assert_eq!(meant(10, None), Some(vec![Some(1)]));
        assert_eq!(meant(10, Some("early")), Some(vec![Some(0)]), "what is named is what is meant");
        assert_eq!(meant(20, None), None);
    }
}
