//! What a flow knows by names: values taken from responses, and values of rows. Each session has its own.

use super::constants::SetupValues;
use crate::extract::{Condition, ResolvedCondition};
use crate::feed::Feed;
use crate::template::VALUE_BYTES_MAX;
use std::collections::BTreeMap;

/// The names of a flow, each with a number.
#[derive(Clone, Debug, Default)]
pub(super) struct ValueNames {
    numbers: BTreeMap<String, u16>,
    /// Of the feeds that are used, which columns, and the numbers of their values.
    pub(super) feeds: Vec<UsedFeed>,
}

/// A feed of which a flow uses values.
#[derive(Clone, Debug)]
pub(super) struct UsedFeed {
    /// Which of the plan's feeds.
    pub(super) feed: usize,
    pub(super) columns: Vec<usize>,
    /// The number of the value of each of these columns.
    pub(super) values: Vec<u16>,
}

impl ValueNames {
    /// Those of values that all sessions have, in their order.
    pub(super) fn of_constants(values: &SetupValues) -> ValueNames {
        let mut names = ValueNames::default();
        values.names().iter().for_each(|name| {
            names.variable(name);
        });
        names
    }

    /// The number of a name that is known.
    pub(super) fn known(&self, name: &str) -> Option<u16> {
        self.numbers.get(name).copied()
    }

    pub(super) fn count(&self) -> usize {
        self.numbers.len()
    }

    /// The number of a variable; it has one from now on.
    pub(super) fn variable(&mut self, name: &str) -> u16 {
        let next = self.numbers.len() as u16;
        *self.numbers.entry(name.to_owned()).or_insert(next)
    }

    /// The number of a name that a variable has or, behind its feed and a dot, a column.
    pub(super) fn number_of(&mut self, name: &str, feeds: &[Feed]) -> Option<u16> {
        if let Some(number) = self.numbers.get(name) {
            return Some(*number);
        }
        let (feed, column) = name.split_once('.')?;
        self.column(feed, column, feeds)
    }

    /// Conditions, with the numbers of the values that they name.
    pub(super) fn resolve(&mut self, conditions: &[Condition], feeds: &[Feed]) -> Vec<ResolvedCondition> {
        let mut resolve = |condition: &Condition| {
            let resolved = condition.resolve(&mut |name| self.number_of(name, feeds));
            resolved.expect("a plan's conditions name what there is")
        };
        conditions.iter().map(&mut resolve).collect()
    }

    /// The number of the value of a column.
    pub(super) fn column(&mut self, feed: &str, column: &str, feeds: &[Feed]) -> Option<u16> {
        let index = feeds.iter().position(|known| known.name == feed)?;
        let place = feeds[index].columns.iter().position(|known| known == column)?;
        let name = format!("{feed}.{column}");
        if let Some(number) = self.numbers.get(&name) {
            return Some(*number);
        }
        let number = self.variable(&name);
        match self.feeds.iter_mut().find(|used| used.feed == index) {
            Some(used) => {
                used.columns.push(place);
                used.values.push(number);
            }
            None => self.feeds.push(UsedFeed { feed: index, columns: vec![place], values: vec![number] }),
        }
        Some(number)
    }
}

/// The values of all sessions. Memory that was taken for one is used again for the next.
#[derive(Clone, Debug, Default)]
pub(super) struct SessionValues {
    each: usize,
    /// Those with the first numbers, which all sessions have.
    constants: SetupValues,
    texts: Vec<Vec<u8>>,
    is_set: Vec<bool>,
}

impl SessionValues {
    /// So many for each session, the first of which are the same for all.
    pub(super) fn new(each: usize, constants: SetupValues) -> SessionValues {
        SessionValues { each, constants, ..SessionValues::default() }
    }

    /// From now on all sessions have these.
    /// Values that all iterations have.
    pub(super) fn constants(&self) -> &SetupValues {
        &self.constants
    }

    pub(super) fn renew(&mut self, constants: SetupValues) {
        debug_assert_eq!(self.constants.names(), constants.names(), "names have their numbers for good");
        self.constants = constants;
    }

    /// A session begins: none of its values is set.
    pub(super) fn begin(&mut self, session: u32) {
        let from = session as usize * self.each;
        if self.texts.len() < from + self.each {
            self.texts.resize(from + self.each, Vec::new());
            self.is_set.resize(from + self.each, false);
        }
        self.is_set[from..from + self.each].fill(false);
    }

    pub(super) fn get(&self, session: u32, value: u16) -> Option<&[u8]> {
        if usize::from(value) < self.constants.names().len() {
            return self.constants.text(value.into());
        }
        let at = session as usize * self.each + usize::from(value);
        self.is_set[at].then(|| self.texts[at].as_slice())
    }

    /// Sets a value; one that is too long is none.
    pub(super) fn set(&mut self, session: u32, value: u16, text: Option<&[u8]>) {
        let at = session as usize * self.each + usize::from(value);
        let text = text.filter(|text| text.len() <= VALUE_BYTES_MAX);
        self.is_set[at] = text.is_some();
        if let Some(text) = text {
            self.texts[at].clear();
            self.texts[at].extend_from_slice(text);
        }
    }
}
