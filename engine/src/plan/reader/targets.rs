//! Where each step of a flow goes, as typed: to its scenario's target, or to another one of the plan that it names.

use super::requests::StepContext;
use super::{PlanReader, Typed};
use crate::config::{RequestConfig, Text, hint};
use crate::plan::fields::{Step, Target};

/// The targets that the steps of a scenario name beside its own.
pub(super) struct StepTargets<'t, 'c> {
    typed: &'t Typed<'c>,
    targets: &'t [Target],
    /// The scenario's own, and the number of its pool: those of the others follow it.
    own: usize,
    pool: usize,
    /// The others, in the order in which steps come to name them.
    others: Vec<(usize, StepContext<'t, 'c>)>,
}

impl<'t, 'c> StepTargets<'t, 'c> {
    /// Nothing has been named yet.
    pub(super) fn new(typed: &'t Typed<'c>, targets: &'t [Target], own: usize, pool: usize) -> Self {
        StepTargets { typed, targets, own, pool, others: Vec::new() }
    }

    /// What the steps to another target have in common, by its number here.
    pub(super) fn other(&self, number: usize) -> &StepContext<'t, 'c> {
        &self.others[number].1
    }

    /// The target of each pool, once all steps are read. One that no step goes to has no pool.
    pub(super) fn of_pools(&self, steps: &mut [Step]) -> Vec<usize> {
        let others = self.others.iter().map(|(target, _)| *target);
        if self.others.is_empty() || steps.iter().any(|step| step.pool == self.pool) {
            return [self.own].into_iter().chain(others).collect();
        }
        steps.iter_mut().for_each(|step| step.pool -= 1);
        others.collect()
    }
}

impl<'a> PlanReader<'a> {
    /// The target that a step names, by its number among the others of its scenario; nothing where it goes to the scenario's own.
    pub(super) fn other_target(
        &mut self,
        config: &RequestConfig,
        table: &str,
        known: &mut StepTargets<'_, 'a>,
    ) -> Option<usize> {
        let Text(name) = config.target.as_ref()?;
        let Some(target) = self.config.target.get_index_of(name) else {
            let names: Vec<&str> = self.config.target.keys().map(String::as_str).collect();
            let fix = match names.is_empty() {
                true => format!("write a table `[target.{name}]` with its `url`"),
                false => hint(name, &names),
            };
            self.wrong(&format!("{table}.target"), format!("there is no target `{name}`"), fix);
            return None;
        };
        if target == known.own {
            return None;
        }
        if let Some(number) = known.others.iter().position(|(other, _)| *other == target) {
            return Some(number);
        }
        let pool = known.pool + known.others.len() + 1;
        // What is wrong with the headers of the plan and of the scenario has been told.
        let before = self.diagnostics.len();
        let context = self.step_context_of(known.typed, &known.targets[target], pool, true);
        let told = self.diagnostics.split_off(before);
        for diagnostic in told {
            if !self.diagnostics.contains(&diagnostic) {
                self.diagnostics.push(diagnostic);
            }
        }
        known.others.push((target, context));
        Some(known.others.len() - 1)
    }

    /// The first target that is named by steps, where nothing says where a scenario goes and each of them names one.
    pub(super) fn first_named_target(&self, typed: &Typed) -> Option<usize> {
        let config = &typed.config;
        if config.target.is_some() || config.url.is_some() || self.config.url.is_some() {
            return None;
        }
        let steps = config.step.iter().chain(self.config.flow.values().flatten());
        let sending = steps.filter(|step| step.run.is_none() && step.choose.is_empty());
        let names = sending.map(|step| step.target.as_ref()).collect::<Option<Vec<&Text>>>()?;
        names.into_iter().find_map(|Text(name)| self.config.target.get_index_of(name))
    }
}
