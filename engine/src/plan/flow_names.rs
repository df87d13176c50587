//! What the steps of a flow name: variables that a step before them takes from its response, and columns of feeds.

use super::fields::{Fields, Step};
use super::mistake::Mistake;
use super::{setup, values};
use crate::config::closest;
use crate::extract::Condition;
use crate::feed::Feed;
use crate::flow::{FlowAction, FlowItem};
use crate::template::{FUNCTIONS, Hole, HoleName, Piece};
use std::collections::BTreeSet;

/// What is wrong with names in a flow, each with the number of its step and the part of its request; none where it is a condition before
/// flows.
/// Values of the setup are known to all steps.
pub(super) fn mistakes<'a>(
    items: &'a [FlowItem],
    steps: &'a [Step],
    fields: &'a Fields,
) -> Vec<(Option<(usize, String)>, Mistake)> {
    let (feeds, given) = (&fields.feeds, setup::names_of(fields));
    let all = steps.iter().flat_map(|step| &step.looks.extracts).map(|extract| extract.name.as_str());
    let mut check = NameCheck {
        steps,
        feeds,
        all: all.chain(given.iter().copied()).collect(),
        known: given.clone(),
        given,
        seen: BTreeSet::new(),
        part: String::new(),
        mistakes: Vec::new(),
    };
    check.names_of_values();
    check.items(items);
    check.steps_left_out();
    check.mistakes
}

/// Whether a step of any of these names a value of a feed.
pub(super) fn uses(steps: &[Step], items: &[FlowItem], feed: &str) -> bool {
    let in_step = |step: &Step| holes(step).any(|hole| hole.columns().any(|(named, _)| named == feed));
    fn in_items(items: &[FlowItem], feed: &str) -> bool {
        items.iter().any(|item| {
            let in_condition = item.condition.as_ref().is_some_and(|condition| {
                // Resolving asks for each name.
                let mut is_named = false;
                let _ = condition.resolve(&mut |name| {
                    is_named |= name.split_once('.').is_some_and(|(named, _)| named == feed);
                    Some(0)
                });
                is_named
            });
            in_condition
                || match &item.action {
                    FlowAction::Request(_) => false,
                    FlowAction::Items(items) => in_items(items, feed),
                    FlowAction::OneOf(branches) => {
                        branches.iter().any(|branch| in_items(&branch.items, feed))
                    }
                }
        })
    }
    steps.iter().any(in_step) || in_items(items, feed)
}

/// The values in a request that are not known before the run.
fn holes(step: &Step) -> impl Iterator<Item = &Hole> {
    step.request.parts().flatten().filter_map(|piece| match piece {
        Piece::Value(hole) => Some(&**hole),
        _ => None,
    })
}

struct NameCheck<'a> {
    steps: &'a [Step],
    feeds: &'a [Feed],
    /// All variables that are taken from responses, and those that are by now.
    all: BTreeSet<&'a str>,
    known: BTreeSet<&'a str>,
    /// Those that are known before the first step.
    given: BTreeSet<&'a str>,
    /// Steps that items name.
    seen: BTreeSet<usize>,
    /// The part of the request whose names are looked at; empty for all else.
    part: String,
    mistakes: Vec<(Option<(usize, String)>, Mistake)>,
}

impl<'a> NameCheck<'a> {
    fn names_of_values(&mut self) {
        for (index, step) in self.steps.iter().enumerate() {
            for extract in &step.looks.extracts {
                let name = &extract.name;
                let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
                    && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
                if !is_name {
                    let fix = "use letters, digits and `_`, and no digit first";
                    self.wrong(Some(index), format!("`{name}` cannot be the name of a value"), fix);
                } else if FUNCTIONS.contains(&name.as_str()) {
                    self.wrong(
                        Some(index),
                        format!("`{name}` is the name of a function"),
                        "use another name",
                    );
                } else if self.given.contains(name.as_str()) {
                    let problem = format!("`{name}` is a value of the setup, and cannot be taken again");
                    self.wrong(Some(index), problem, "give one of them another name");
                } else if self.feeds.iter().any(|feed| feed.name == *name) {
                    self.wrong(Some(index), format!("`{name}` is the name of a feed"), "use another name");
                }
            }
        }
    }

    fn items(&mut self, items: &[FlowItem]) {
        for item in items {
            let step = match item.action {
                FlowAction::Request(step) => Some(step),
                FlowAction::Items(_) | FlowAction::OneOf(_) => None,
            };
            if let Some(condition) = &item.condition {
                self.condition(condition, step);
            }
            match &item.action {
                FlowAction::Request(step) => self.step(*step),
                FlowAction::Items(items) => self.items(items),
                FlowAction::OneOf(branches) => branches.iter().for_each(|branch| self.items(&branch.items)),
            }
        }
    }

    /// Its request is filled before its response comes.
    fn step(&mut self, index: usize) {
        let steps = self.steps;
        let Some(step) = steps.get(index) else { return };
        self.seen.insert(index);
        for hole in holes(step) {
            self.part = values::part_of(&step.request, &|other| std::ptr::eq(other, hole));
            for name in hole.all_names() {
                match name {
                    HoleName::Variable(name) => self.name(name, Some(index)),
                    HoleName::Column { feed, column } => self.column(feed, column, Some(index)),
                    HoleName::Environment(name) => {
                        let problem =
                            format!("the variable `{name}` of the environment has not been put in its place");
                        self.wrong(Some(index), problem, "give the text itself");
                    }
                }
            }
        }
        self.part.clear();
        self.known.extend(step.looks.extracts.iter().map(|extract| extract.name.as_str()));
    }

    /// Steps that no item names are filled in by nobody, and have to name what there is all the same.
    fn steps_left_out(&mut self) {
        self.known = self.all.clone();
        (0..self.steps.len())
            .filter(|step| !self.seen.contains(step))
            .collect::<Vec<_>>()
            .into_iter()
            .for_each(|step| self.step(step));
    }

    fn condition(&mut self, condition: &Condition, step: Option<usize>) {
        let (all, feeds) = (&self.all, self.feeds);
        let is_there = |name: &str| {
            all.contains(name)
                || name.split_once('.').is_some_and(|(feed, column)| {
                    feeds
                        .iter()
                        .any(|known| known.name == feed && known.columns.iter().any(|one| one == column))
                })
        };
        if let Err(unknown) = condition.resolve(&mut |name| is_there(name).then_some(0)) {
            match unknown.name.split_once('.') {
                Some((feed, column)) => self.column(feed, column, step),
                None => self.name(&unknown.name, step),
            }
        }
    }

    fn name(&mut self, name: &str, step: Option<usize>) {
        if self.known.contains(name) {
            return;
        }
        if self.all.contains(name) {
            let problem = format!("`{name}` is used here, and taken from a response only later");
            return self.wrong(step, problem, "let the step that takes it come first");
        }
        let known: Vec<&str> = self.all.iter().copied().chain(FUNCTIONS).collect();
        let fix = match closest(name, &known) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("take it from a response before: `extract = {{ {name} = \"json /{name}\" }}`"),
        };
        self.wrong(step, format!("there is no value `{name}`"), fix);
    }

    fn column(&mut self, feed: &str, column: &str, step: Option<usize>) {
        let Some(known) = self.feeds.iter().find(|known| known.name == feed) else {
            let names: Vec<&str> = self.feeds.iter().map(|known| known.name.as_str()).collect();
            let fix = match closest(feed, &names) {
                Some(meant) => format!("did you mean `{meant}.{column}`?"),
                None => format!("write a table `[feed.{feed}]` with its `file`"),
            };
            return self.wrong(step, format!("there is no feed `{feed}`"), fix);
        };
        // Of a file that could not be read no column is known, and that was told.
        if known.columns.is_empty() || known.columns.iter().any(|known| known == column) {
            return;
        }
        let columns: Vec<&str> = known.columns.iter().map(String::as_str).collect();
        let fix = match closest(column, &columns) {
            Some(meant) => format!("did you mean `{feed}.{meant}`?"),
            None => format!("there are {}", columns.join(", ")),
        };
        self.wrong(step, format!("the feed `{feed}` has no column `{column}`"), fix);
    }

    fn wrong(&mut self, step: Option<usize>, problem: String, fix: impl Into<String>) {
        let place = step.map(|step| (step, self.part.clone()));
        self.mistakes.push((place, Mistake::new(problem, fix)));
    }
}
