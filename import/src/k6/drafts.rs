//! Steps of a script while they are put together: which are the same, what they are called, and how long is paused after each.

use super::observed::EnteredGroup;
use crate::planned::{PlannedRequest, milliseconds};
use std::collections::HashSet;

/// The longest name of a step.
pub(super) const NAME_LETTERS_MAX: usize = 60;
/// The most repetitions of a step.
const REPEAT_MAX: u32 = 10_000;

/// A step while it is put together.
#[derive(Clone)]
pub(super) struct StepDraft {
    pub(super) number: usize,
    /// The groups that it stands in, the outermost first.
    pub(super) groups: Vec<EnteredGroup>,
    /// What the script calls it.
    pub(super) name: Option<String>,
    pub(super) step: PlannedRequest,
    /// Seconds that pass after it, from the shortest to the longest: outside all groups, inside the first of them, and so on.
    pub(super) pauses: Vec<(f64, f64)>,
    pub(super) repeat: u32,
}

impl StepDraft {
    /// A request that was made, by its number.
    pub(super) fn new(
        number: usize,
        groups: Vec<EnteredGroup>,
        name: Option<String>,
        step: PlannedRequest,
    ) -> StepDraft {
        let pauses = vec![(0.0, 0.0); groups.len() + 1];
        StepDraft { number, groups, name, step, pauses, repeat: 1 }
    }

    /// A pause after it, in these groups: those that it shares with them have not been left.
    pub(super) fn pauses_in(&mut self, groups: &[EnteredGroup], shortest: f64, longest: f64) {
        let shared = self.groups.iter().zip(groups).take_while(|(own, other)| own == other).count();
        let pause = &mut self.pauses[shared];
        *pause = (pause.0 + shortest, pause.1 + longest);
    }

    /// What passes after it in its own group.
    pub(super) fn own_pause(&self) -> (f64, f64) {
        self.pauses.last().copied().unwrap_or_default()
    }

    pub(super) fn has_pause(&self) -> bool {
        self.pauses.iter().any(|(_, longest)| *longest > 0.0)
    }
}

/// Whether two steps do the same, and are paused after for as long.
pub(super) fn is_alike(one: &StepDraft, other: &StepDraft) -> bool {
    let (first, second) = (&one.step, &other.step);
    first.extract.is_empty()
        && second.extract.is_empty()
        && first.target == second.target
        && first.credentials == second.credentials
        && (&first.method, &first.path, &first.headers, &first.body, &first.checks, first.redirects)
            == (&second.method, &second.path, &second.headers, &second.body, &second.checks, second.redirects)
        && (&one.name, one.own_pause()) == (&other.name, other.own_pause())
}

/// Whether a step is the one before it once more.
pub(super) fn is_repeated(last: &StepDraft, next: &StepDraft) -> bool {
    last.repeat < REPEAT_MAX && last.groups == next.groups && is_alike(last, next)
}

/// What a step is called: no two alike.
pub(super) fn title(draft: &StepDraft, known: &mut HashSet<String>) -> String {
    let path = draft.step.path.split('?').next().unwrap_or("/").replace("{{", "{").replace("}}", "}");
    let own = draft.name.clone().unwrap_or_else(|| format!("{} {path}", draft.step.method));
    let groups = draft.groups.iter().map(|group| group.name.as_str()).collect::<Vec<_>>().join(" / ");
    let whole = if groups.is_empty() || draft.name.is_some() { own } else { format!("{groups}: {own}") };
    let plain: String = whole.chars().filter(|c| !c.is_control()).take(NAME_LETTERS_MAX).collect();
    let mut title = plain.clone();
    let mut number = 1;
    while !known.insert(title.clone()) {
        number += 1;
        title = format!("{plain} ({number})");
    }
    title
}

/// What is thought, where a script pauses from so many seconds to so many.
pub(super) fn thought((shortest, longest): (f64, f64)) -> Option<String> {
    let (low, high) = ((shortest * 1e3).round() as u64, (longest * 1e3).round() as u64);
    match (low, high) {
        (_, 0) => None,
        (low, high) if low == high => Some(milliseconds(low)),
        (low, high) => Some(format!("uniform:{},{}", milliseconds(low), milliseconds(high))),
    }
}
