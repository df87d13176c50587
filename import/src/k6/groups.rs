//! Groups of a script as named flows: what was done in each, how often in a row, and what it is called in the plan.
//!
//! A group that is gone through again and does the same is one flow. One that does something else each time is several, because a name
//! is one flow wherever it stands.

use super::drafts::{StepDraft, is_alike, is_repeated, thought};
use super::observed::EnteredGroup;
use crate::planned::{PlannedRequest, REQUESTS_MAX};
use std::collections::BTreeSet;
use toml_edit::{ArrayOfTables, Item, Table};

/// Groups deeper within each other are written out where they are, as a plan runs flows no deeper.
pub(super) const GROUPS_DEEP_MAX: usize = 8;
/// The most flows with figures of their own; what comes behind them is written out where it is.
const FLOWS_MAX: usize = 32;
/// The most repetitions of a group.
const REPEAT_MAX: u32 = 10_000;
/// The longest name of a flow.
const NAME_LETTERS_MAX: usize = 40;

/// What stands between groups' names where there are several within each other, as k6 writes it.
pub(super) const WITHIN: &str = "::";

/// Something that an iteration does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ScriptItem {
    /// A request, by its number among the steps.
    Step(usize),
    /// All of a flow, so often, with what is thought after each time.
    Run { flow: usize, repeat: u32, think: Option<String> },
}

/// A group that became a flow.
#[derive(Clone, Debug)]
pub(super) struct ScriptFlow {
    /// Its name in the script, with those that it stands in before it.
    pub(super) group: String,
    /// What it is called in the plan, once all scenarios are known.
    pub(super) name: String,
    pub(super) items: Vec<ScriptItem>,
}

/// What was done, group within group, before anything has a name.
#[derive(Clone)]
enum DraftItem {
    Step(Box<StepDraft>),
    Group(GroupDraft),
}

#[derive(Clone)]
struct GroupDraft {
    group: String,
    items: Vec<DraftItem>,
    repeat: u32,
    /// Seconds that pass after it, from the shortest to the longest.
    pause: (f64, f64),
}

/// Steps, and how groups make flows of them.
#[derive(Default)]
pub(super) struct ArrangedSteps {
    pub(super) drafts: Vec<StepDraft>,
    pub(super) items: Vec<ScriptItem>,
    pub(super) flows: Vec<ScriptFlow>,
    /// Steps for which there was no room.
    pub(super) left_out: usize,
    /// Groups that have no figures of their own.
    pub(super) written_out: BTreeSet<String>,
    /// What each flow was made of.
    made_of: Vec<Vec<DraftItem>>,
}

/// Arranges what an iteration did: what is the same and follows itself is done several times, and groups are flows.
pub(super) fn arranged(drafts: Vec<StepDraft>) -> ArrangedSteps {
    let items = folded(grouped(drafts, 0));
    let mut all = ArrangedSteps::default();
    all.items = all.take(items);
    all
}

/// Puts what was done in one entering of a group together, from this depth on.
fn grouped(drafts: Vec<StepDraft>, depth: usize) -> Vec<DraftItem> {
    let mut items = Vec::new();
    let mut drafts = drafts.into_iter().peekable();
    while let Some(mut first) = drafts.next() {
        let Some(entered) = first.groups.get(depth).cloned() else {
            items.push(DraftItem::Step(Box::new(first)));
            continue;
        };
        let group = path(&first.groups[..=depth]);
        let mut inside = Vec::new();
        loop {
            let next = drafts.next_if(|draft| draft.groups.get(depth) == Some(&entered));
            let Some(next) = next else { break };
            inside.push(std::mem::replace(&mut first, next));
        }
        // What passes when the group has been left is no part of it.
        let pause = first.pauses.get(depth).copied().unwrap_or_default();
        inside.push(first);
        items.push(DraftItem::Group(GroupDraft {
            group,
            items: grouped(inside, depth + 1),
            repeat: 1,
            pause,
        }));
    }
    items
}

/// The names of groups within each other.
pub(super) fn path(groups: &[EnteredGroup]) -> String {
    groups.iter().map(|group| group.name.as_str()).collect::<Vec<_>>().join(WITHIN)
}

/// What is the same and follows itself, as one that is done several times.
fn folded(items: Vec<DraftItem>) -> Vec<DraftItem> {
    let mut all: Vec<DraftItem> = Vec::new();
    for item in items {
        let item = match item {
            DraftItem::Group(group) => DraftItem::Group(GroupDraft { items: folded(group.items), ..group }),
            step => step,
        };
        match (all.last_mut(), &item) {
            (Some(DraftItem::Step(last)), DraftItem::Step(next)) if is_repeated(last, next) => {
                last.repeat += 1
            }
            (Some(DraftItem::Group(last)), DraftItem::Group(next)) if is_same_again(last, next) => {
                last.repeat += 1;
            }
            _ => all.push(item),
        }
    }
    all
}

fn is_same_again(last: &GroupDraft, next: &GroupDraft) -> bool {
    last.repeat < REPEAT_MAX
        && (&last.group, last.pause) == (&next.group, next.pause)
        && are_same(&last.items, &next.items)
}

fn are_same(some: &[DraftItem], others: &[DraftItem]) -> bool {
    some.len() == others.len()
        && some.iter().zip(others).all(|pair| match pair {
            (DraftItem::Step(one), DraftItem::Step(other)) => {
                is_alike(one, other) && one.repeat == other.repeat
            }
            (DraftItem::Group(one), DraftItem::Group(other)) => {
                (&one.group, one.repeat, one.pause) == (&other.group, other.repeat, other.pause)
                    && are_same(&one.items, &other.items)
            }
            _ => false,
        })
}

impl ArrangedSteps {
    /// Gives steps their numbers, and makes a flow of each group.
    fn take(&mut self, items: Vec<DraftItem>) -> Vec<ScriptItem> {
        let mut taken = Vec::new();
        for item in items {
            match item {
                DraftItem::Step(_) if self.drafts.len() == REQUESTS_MAX => self.left_out += 1,
                DraftItem::Step(draft) => {
                    taken.push(ScriptItem::Step(self.drafts.len()));
                    self.drafts.push(*draft);
                }
                DraftItem::Group(group) => self.take_group(group, &mut taken),
            }
        }
        taken
    }

    fn take_group(&mut self, draft: GroupDraft, taken: &mut Vec<ScriptItem>) {
        let GroupDraft { group, mut items, repeat, pause } = draft;
        let think = thought(pause);
        let mut known = self.flows.iter().zip(&self.made_of);
        let is_known = |(flow, made_of): (&ScriptFlow, &Vec<DraftItem>)| {
            flow.group == group && !flow.items.is_empty() && are_same(made_of, &items)
        };
        if let Some(flow) = known.position(is_known) {
            taken.push(ScriptItem::Run { flow, repeat, think });
            return;
        }
        let flow = self.flows.len();
        if flow == FLOWS_MAX {
            self.written_out.insert(group);
            if is_multiplied(&mut items, repeat, pause) {
                taken.extend(self.take(items));
                return;
            }
            pause_after(&mut items, pause);
            (0..repeat).for_each(|_| taken.extend(self.take(items.clone())));
            return;
        }
        // It has its number before those that it runs have theirs, as a plan counts them.
        self.flows.push(ScriptFlow { group, name: String::new(), items: Vec::new() });
        self.made_of.push(items.clone());
        let inside = self.take(items);
        // One that is empty has lost all its steps for want of room.
        if !inside.is_empty() {
            taken.push(ScriptItem::Run { flow, repeat, think });
        }
        self.flows[flow].items = inside;
    }

    /// What has no place in a plan.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.left_out > 0 {
            let all = REQUESTS_MAX + self.left_out;
            notes.push(format!(
                "the script makes {all} requests in an iteration{}: the first {REQUESTS_MAX} are in the plan",
                if self.written_out.is_empty() {
                    " that differ"
                } else {
                    ", as groups are written out each time"
                }
            ));
        }
        for group in &self.written_out {
            notes.push(format!(
                "the group `{group}` is no flow of its own: {FLOWS_MAX} flows of a scenario have figures"
            ));
        }
        notes
    }
}

/// Whether what a group does is one thing, which can be done as often as the group was gone through, with what passes after it each time.
/// Then it is.
fn is_multiplied(items: &mut [DraftItem], repeat: u32, pause: (f64, f64)) -> bool {
    let [only] = items else { return false };
    let own = only.repeat_mut();
    let Some(times) = own.checked_mul(repeat).filter(|times| *times <= REPEAT_MAX) else { return false };
    // A pause after the group is none after each of its own repetitions.
    let is_same = *own == 1 || pause == (0.0, 0.0);
    if is_same {
        *own = times;
        only.add_pause(pause);
    }
    is_same
}

/// Lets something pass after the last of what was done, and of its repetitions after the last.
fn pause_after(items: &mut Vec<DraftItem>, pause: (f64, f64)) {
    if pause == (0.0, 0.0) {
        return;
    }
    let Some(mut last) = items.pop() else { return };
    let repeat = std::mem::replace(last.repeat_mut(), 1);
    if repeat > 1 {
        let mut before = last.clone();
        *before.repeat_mut() = repeat - 1;
        items.push(before);
    }
    last.add_pause(pause);
    items.push(last);
}

impl DraftItem {
    fn repeat_mut(&mut self) -> &mut u32 {
        match self {
            DraftItem::Step(draft) => &mut draft.repeat,
            DraftItem::Group(group) => &mut group.repeat,
        }
    }

    /// Lets more pass after each time.
    fn add_pause(&mut self, pause: (f64, f64)) {
        let own = match self {
            DraftItem::Step(draft) => draft.pauses.last_mut(),
            DraftItem::Group(group) => Some(&mut group.pause),
        };
        own.into_iter().for_each(|own| *own = (own.0 + pause.0, own.1 + pause.1));
    }
}

/// Steps as a plan has them: requests, and flows that are run.
pub(super) fn tables(items: &[ScriptItem], steps: &[PlannedRequest], flows: &[ScriptFlow]) -> ArrayOfTables {
    let table = |item: &ScriptItem| match item {
        ScriptItem::Step(step) => steps[*step].table(),
        ScriptItem::Run { flow, repeat, think } => {
            let mut table = Table::new();
            let mut set = |key: &str, value: toml_edit::Value| table.insert(key, Item::Value(value));
            set("run", flows[*flow].name.as_str().into());
            if *repeat > 1 {
                set("repeat", i64::from(*repeat).into());
            }
            if let Some(think) = think {
                set("think", think.as_str().into());
            }
            table
        }
    };
    items.iter().map(table).collect()
}

/// The flows of all scenarios, by their names: those that are the same are one.
#[derive(Default)]
pub(super) struct NamedFlows {
    known: Vec<NamedFlow>,
}

struct NamedFlow {
    group: String,
    name: String,
    /// What it does, whatever flows are called.
    text: String,
    tables: ArrayOfTables,
}

impl NamedFlows {
    /// Names the flows of a scenario. What cannot be called as its group is told.
    pub(super) fn add(
        &mut self,
        flows: &mut [ScriptFlow],
        steps: &[PlannedRequest],
        notes: &mut Vec<String>,
    ) {
        let mut new = Vec::new();
        for number in (0..flows.len()).filter(|number| !flows[*number].items.is_empty()).collect::<Vec<_>>() {
            let (group, text) = (flows[number].group.clone(), described(&flows[number].items, steps, flows));
            let same = self.known.iter().find(|known| known.group == group && known.text == text);
            if let Some(same) = same {
                flows[number].name.clone_from(&same.name);
                continue;
            }
            let (name, own) = (self.free_name(&group), group.rsplit(WITHIN).next().unwrap_or_default());
            if name != own {
                notes.push(format!("the group `{own}` is the flow `{name}`"));
            }
            flows[number].name.clone_from(&name);
            new.push((self.known.len(), number));
            self.known.push(NamedFlow { group, name, text, tables: ArrayOfTables::new() });
        }
        for (known, number) in new {
            self.known[known].tables = tables(&flows[number].items, steps, flows);
        }
    }

    /// What a group is called that no other flow is called.
    fn free_name(&self, group: &str) -> String {
        let own = fit(group.rsplit(WITHIN).next().unwrap_or_default());
        let is_free = |name: &String| self.known.iter().all(|known| known.name != *name);
        let numbered = (2..).map(|number: u32| format!("{own}_{number}"));
        [own.clone()].into_iter().chain(numbered).find(is_free).expect("numbers have no end")
    }

    /// The tables of a plan, in the order of the script.
    pub(super) fn table(self) -> Table {
        let mut all = Table::new();
        all.set_implicit(true);
        for flow in self.known {
            all.insert(&flow.name, Item::ArrayOfTables(flow.tables));
        }
        all
    }
}

/// All that is done, with what flows are made of in place of their names.
fn described(items: &[ScriptItem], steps: &[PlannedRequest], flows: &[ScriptFlow]) -> String {
    let one = |item: &ScriptItem| match item {
        ScriptItem::Step(step) => format!("[step]\n{}", steps[*step].table()),
        ScriptItem::Run { flow, repeat, think } => {
            let ScriptFlow { group, items, .. } = &flows[*flow];
            format!("[run {group:?} {repeat} {think:?}]\n{}[end]\n", described(items, steps, flows))
        }
    };
    items.iter().map(one).collect()
}

/// A name with letters, digits, `-` and `_` alone: one that stands in a scope as it is.
fn fit(name: &str) -> String {
    let mut fit = String::new();
    for letter in name.chars() {
        let is_kept = letter.is_ascii_alphanumeric() || "-_".contains(letter);
        if is_kept {
            fit.push(letter);
        } else if !fit.ends_with('_') {
            fit.push('_');
        }
    }
    let fit: String = fit.trim_matches('_').chars().take(NAME_LETTERS_MAX).collect();
    if fit.is_empty() { "group".to_owned() } else { fit }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_are_those_of_plans() {
        assert_eq!(FLOWS_MAX, engine::flow::NAMED_FLOWS_MAX);
        let deep = |depth: usize| {
            let flow = |at: usize| format!("[[flow.f{at}]]\nrun = 'f{}'\n", at + 1);
            let flows: String = (1..depth).map(flow).collect();
            let text = format!(
                "url = 'http://h/'\nload = {{ rate = 1 }}\n[[step]]\nrun = 'f1'\n{flows}[[flow.f{depth}]]\nget = '/'\n"
            );
            let document =
                engine::config::Document { name: "p".into(), text, format: engine::config::Format::Toml };
            let config = engine::config::Layers::new(Some(document)).unwrap().config().unwrap();
            engine::plan::Plan::new(&config, &|_| Err(String::new())).is_ok()
        };
        assert!(deep(GROUPS_DEEP_MAX) && !deep(GROUPS_DEEP_MAX + 1));
    }

    #[test]
    fn a_name_is_made_fit_for_scopes() {
        for (group, name) in
            [("buy", "buy"), ("Buy now!", "Buy_now"), ("a - b", "a_-_b"), ("\u{e4}", "group"), ("", "group")]
        {
            assert_eq!(fit(group), name, "{group}");
        }
    }
}
