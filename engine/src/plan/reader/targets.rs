//! Where each step of a flow goes, as typed: to its scenario's target, or to another one of the plan that it names.

use super::requests::StepContext;
use super::{PlanReader, Typed};
use crate::config::{Config, RequestConfig, Text, hint};
use crate::plan::fields::{Step, Target};
use std::collections::BTreeSet;

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

    /// The first target that is named by the steps that a scenario goes through, where nothing says where it goes and each of them names one.
    pub(super) fn first_named_target(&self, typed: &Typed) -> Option<usize> {
        let config = &typed.config;
        let is_said = config.target.is_some() || config.url.is_some() || self.config.url.is_some();
        // The setup has one target, and what goes through no steps goes to the one that it says, or to none.
        if typed.is_setup || is_said {
            return None;
        }
        let mut named = NamedTargets { config: self.config, entered: BTreeSet::new(), names: Vec::new() };
        let words = config.flow.iter().flat_map(|words| &words.0);
        words.for_each(|word| named.enter(word.split('*').next().unwrap_or_default().trim()));
        named.add(&config.step);
        let names = named.names.into_iter().collect::<Option<Vec<&str>>>()?;
        names.into_iter().find_map(|name| self.config.target.get_index_of(name))
    }
}

/// The targets that steps name, and the steps of the flows that they run; of a step that names none, nothing.
struct NamedTargets<'c> {
    config: &'c Config,
    entered: BTreeSet<&'c str>,
    names: Vec<Option<&'c str>>,
}

impl<'c> NamedTargets<'c> {
    fn enter(&mut self, flow: &str) {
        if let Some((name, steps)) = self.config.flow.get_key_value(flow)
            && self.entered.insert(name)
        {
            self.add(steps);
        }
    }

    fn add(&mut self, steps: &'c [RequestConfig]) {
        for step in steps {
            if step.run.is_none() && step.choose.is_empty() {
                self.names.push(step.target.as_ref().map(|Text(name)| name.as_str()));
            }
            step.run.iter().for_each(|Text(flow)| self.enter(flow));
            step.choose.keys().for_each(|flow| self.enter(flow));
        }
    }
}
