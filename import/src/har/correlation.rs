//! Values that are others in each session: found in an earlier response, they are taken from it there and put in here.

use super::alignment::{is_generated, partners};
use super::recorded::Recorded;
use super::slots::{RequestSlot, SlotPlace, slots};
use super::sources::{Searched, ValueSource};
use crate::secrets::is_secret;
use std::collections::{HashMap, HashSet};

/// The fewest letters of a value that is looked for when there is one recording alone: shorter ones are alike by chance.
const GUESSED_LETTERS_MIN: usize = 8;
/// Words of holes that no value may be called by.
const RESERVED: [&str; 20] = [
    "seq",
    "rand",
    "uuid",
    "pick",
    "randstr",
    "now",
    "env",
    "iteration",
    "user",
    "base64",
    "base64url",
    "hex",
    "url",
    "json",
    "number",
    "md5",
    "sha256",
    "lower",
    "upper",
    "trim",
];
/// The longest value that a note shows.
const SHOWN_LETTERS_MAX: usize = 24;

/// A value that a step takes from its response.
pub(super) struct Extraction {
    pub(super) step: usize,
    pub(super) name: String,
    pub(super) source: ValueSource,
}

/// A place of a request that is filled with such a value.
pub(super) struct FilledSlot {
    pub(super) step: usize,
    pub(super) place: SlotPlace,
    /// What stands before the value.
    pub(super) before: String,
    pub(super) name: String,
    /// The value as it was recorded.
    pub(super) value: String,
    pub(super) after: String,
}

/// All that was found.
#[derive(Default)]
pub(super) struct Correlation {
    pub(super) extractions: Vec<Extraction>,
    pub(super) filled: Vec<FilledSlot>,
    pub(super) notes: Vec<String>,
}

/// A value, with what stands around it in its place.
struct ValuePart<'v> {
    before: &'v str,
    core: &'v str,
    after: &'v str,
    /// What stands in its place in the other recording.
    other: &'v str,
}

/// Two recordings of one session, and which request of the one is which of the other.
struct TwoRecordings<'r> {
    partners: Vec<Option<usize>>,
    first: Vec<Searched<'r>>,
    second: Vec<Searched<'r>>,
    /// Where values were found, each by what it is in both: a token is sent again and again.
    known: HashMap<(String, String), (usize, ValueSource)>,
}

impl TwoRecordings<'_> {
    /// The expression of the latest earlier response that finds a value in both recordings.
    fn source(&mut self, step: usize, part: &ValuePart<'_>) -> Option<(usize, ValueSource)> {
        let key = (part.core.to_owned(), part.other.to_owned());
        if let Some(known) = self.known.get(&key) {
            return Some(known.clone());
        }
        let partner = self.partners[step]?;
        let (at, source) = (0..step).rev().find_map(|at| {
            let other = self.partners[at].filter(|other| *other < partner)?;
            let mut sources = self.first[at].sources(part.core).into_iter();
            let is_same =
                |source: &ValueSource| self.second[other].value(source).as_deref() == Some(part.other);
            sources.find(is_same).map(|source| (at, source))
        })?;
        self.known.insert(key, (at, source.clone()));
        Some((at, source))
    }
}

/// Correlates two recordings of one session.
pub(super) fn of_two(first: &[Recorded<'_>], second: &[Recorded<'_>], titles: &[String]) -> Correlation {
    let searched =
        |requests| <[Recorded<'_>]>::iter(requests).map(|request| Searched::new(&request.response)).collect();
    let partners = partners(first, second);
    let (ours, theirs) = (searched(first), searched(second));
    let mut both = TwoRecordings { partners, first: ours, second: theirs, known: HashMap::new() };
    let mut correlation = Correlation::default();
    let mut unknown: HashSet<(String, String)> = HashSet::new();
    for (step, request) in first.iter().enumerate() {
        let Some(partner) = both.partners[step] else { continue };
        let others = slots(&second[partner]);
        for slot in slots(request) {
            let other = others.iter().find(|other| other.place == slot.place && other.value != slot.value);
            let Some(other) = other else { continue };
            let parts = parts(&slot.value, &other.value);
            let found = parts.iter().find_map(|part| Some((part, both.source(step, part)?)));
            if let Some((part, (at, source))) = found {
                correlation.add(step, &slot, part, at, source);
            } else if unknown.insert((slot.value.clone(), other.value.clone())) {
                correlation.notes.push(unknown_note(&titles[step], &slot, other));
            }
        }
        correlation.notes.extend(body_note(request, &second[partner], &titles[step]));
    }
    correlation.notes.extend(alone_notes(&both.partners, second.len(), titles));
    correlation
}

/// What is said of requests that one recording has alone.
fn alone_notes(partners: &[Option<usize>], second: usize, titles: &[String]) -> Vec<String> {
    let mut notes = Vec::new();
    let alone =
        partners.iter().zip(titles).filter(|(partner, _)| partner.is_none()).map(|(_, title)| title.as_str());
    let alone: Vec<&str> = alone.collect();
    let named = alone.iter().take(5).copied().collect::<Vec<_>>().join(", ");
    match alone.len() {
        0 => {}
        1 => notes.push(format!("1 request is in the first recording alone, and is taken as it is: {named}")),
        count => notes.push(format!(
            "{count} requests are in the first recording alone, and are taken as they are: {named}"
        )),
    }
    match second - partners.iter().flatten().count() {
        0 => {}
        1 => notes.push("1 request is in the second recording alone, and is left out".to_owned()),
        count => notes.push(format!("{count} requests are in the second recording alone, and are left out")),
    }
    notes
}

/// Correlates what one recording shows: values that look as if a machine had made them, and stood in an earlier response first.
pub(super) fn of_one(requests: &[Recorded<'_>], titles: &[String]) -> Correlation {
    let searched: Vec<Searched<'_>> =
        requests.iter().map(|request| Searched::new(&request.response)).collect();
    let all: Vec<Vec<RequestSlot>> = requests.iter().map(slots).collect();
    let mut correlation = Correlation::default();
    for (step, own) in all.iter().enumerate() {
        for slot in own {
            let scheme = slot.value.rfind(' ').map_or(0, |space| space + 1);
            let mut whole_and_last = [0, scheme].into_iter().map(|at| slot.value.split_at(at));
            let found = whole_and_last.find_map(|(before, core)| {
                if core.chars().count() < GUESSED_LETTERS_MIN || core.contains(' ') || !is_generated(core) {
                    return None;
                }
                // What the client sent first is its own.
                let sent =
                    all.iter().position(|slots| slots.iter().any(|other| other.value.contains(core)))?;
                let (at, source) = (0..sent.min(step)).rev().find_map(|at| {
                    let sources = searched[at].sources(core);
                    Some((at, sources.into_iter().next()?))
                })?;
                Some((ValuePart { before, core, after: "", other: core }, at, source))
            });
            if let Some((part, at, source)) = found {
                let expression = source.to_string();
                correlation.add(step, slot, &part, at, source);
                let name = &correlation.filled.last().expect("it was just added").name;
                correlation.notes.push(format!(
                    "{}: {} is taken from the response of {} (`{name}`, {expression}): a guess, which a second recording would settle",
                    titles[step],
                    slot.place.title(),
                    titles[at],
                ));
            }
        }
    }
    correlation
}

/// The parts of a value that may have come from a response: all of it, and without what both recordings have in common around it.
fn parts<'v>(value: &'v str, other: &'v str) -> Vec<ValuePart<'v>> {
    let common = value.char_indices().zip(other.chars()).find(|((_, one), two)| one != two);
    let common = common.map_or(value.len().min(other.len()), |((at, _), _)| at);
    let after_last = |is: fn(char) -> bool| {
        let end = value[..common].char_indices().rfind(|(_, c)| is(*c));
        end.map_or(0, |(at, c)| at + c.len_utf8())
    };
    let is_separator = |c: char| !c.is_alphanumeric() && !"-_.".contains(c);
    let (space, separator) = (after_last(char::is_whitespace), after_last(is_separator));
    let backwards = value[separator..].char_indices().rev().zip(other[separator..].chars().rev());
    let alike = backwards.take_while(|((_, one), two)| one == two);
    let bound = alike.filter(|((_, c), _)| is_separator(*c)).last();
    let after = bound.map_or(0, |((at, _), _)| value.len() - separator - at);
    let mut parts: Vec<ValuePart<'v>> = Vec::new();
    for (from, after) in [(0, 0), (space, 0), (separator, 0), (separator, after)] {
        let (end, other_end) = (value.len() - after, other.len() - after);
        let part = ValuePart {
            before: &value[..from],
            core: &value[from..end],
            after: &value[end..],
            other: &other[from..other_end],
        };
        let is_new = parts.iter().all(|known| (known.before, known.after) != (part.before, part.after));
        parts.extend((is_new && !part.core.is_empty()).then_some(part));
    }
    parts
}

impl Correlation {
    fn add(&mut self, step: usize, slot: &RequestSlot, part: &ValuePart<'_>, at: usize, source: ValueSource) {
        let known = self.extractions.iter().find(|known| known.step == at && known.source == source);
        let name = match known {
            Some(known) => known.name.clone(),
            None => {
                let name = self.free_name(&source, &slot.place);
                self.extractions.push(Extraction { step: at, name: name.clone(), source });
                name
            }
        };
        self.filled.push(FilledSlot {
            step,
            place: slot.place.clone(),
            before: part.before.to_owned(),
            name,
            value: part.core.to_owned(),
            after: part.after.to_owned(),
        });
    }

    fn free_name(&self, source: &ValueSource, place: &SlotPlace) -> String {
        let is_word = |token: &&str| token.parse::<usize>().is_err() && !token.is_empty();
        let base = match source {
            ValueSource::Json(pointer) => pointer.rsplit('/').find(is_word).unwrap_or(place.word()),
            ValueSource::Header(name) => name,
            ValueSource::Between(..) => place.word(),
        };
        let letters = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
        let plain: String = base.chars().map(letters).collect();
        let plain = plain.trim_matches('_');
        let base = match plain {
            "" => "value".to_owned(),
            plain if plain.starts_with(|c: char| c.is_ascii_digit()) => format!("value_{plain}"),
            plain if RESERVED.contains(&plain) => format!("{plain}_value"),
            plain => plain.to_owned(),
        };
        let is_free = |name: &String| self.extractions.iter().all(|known| known.name != *name);
        let numbered = (2..).map(|number| format!("{base}_{number}"));
        std::iter::once(base.clone()).chain(numbered).find(is_free).unwrap_or(base)
    }
}

/// What is said of a value that differs and was in no response.
fn unknown_note(title: &str, slot: &RequestSlot, other: &RequestSlot) -> String {
    let shown = |value: &str| match is_secret(slot.place.word()) {
        true => "…".to_owned(),
        false if value.chars().count() > SHOWN_LETTERS_MAX => {
            format!("{}…", value.chars().take(SHOWN_LETTERS_MAX).collect::<String>())
        }
        false => value.to_owned(),
    };
    let is_uuid = |text: &str| {
        text.len() == 36
            && text
                .chars()
                .enumerate()
                .all(|(at, c)| if [8, 13, 18, 23].contains(&at) { c == '-' } else { c.is_ascii_hexdigit() })
    };
    let is_instant = |text: &str| {
        [10, 13].contains(&text.len())
            && text.starts_with(['1', '2'])
            && text.bytes().all(|b| b.is_ascii_digit())
    };
    let hint = match (slot.value.as_str(), other.value.as_str()) {
        (one, two) if is_uuid(one) && is_uuid(two) => "`{{uuid}}` makes one",
        (one, two) if is_instant(one) && is_instant(two) => "`{{now}}` is the time of the request",
        _ => "if it has to differ, `{{uuid}}`, `{{now}}` or a feed may give it",
    };
    format!(
        "{title}: {} differs ({}, {}), and no earlier response has it where it could be taken from; {hint}",
        slot.place.title(),
        shown(&slot.value),
        shown(&other.value)
    )
}

/// What is said of bodies that differ and are of no form that is looked into.
fn body_note(one: &Recorded<'_>, other: &Recorded<'_>, title: &str) -> Option<String> {
    let (one_body, other_body) = (one.body.as_ref()?, other.body.as_ref()?);
    let has_slots =
        slots(one).iter().any(|slot| matches!(slot.place, SlotPlace::Json(_) | SlotPlace::Form(..)));
    (!has_slots && one_body.text != other_body.text).then(|| {
        format!("{title}: the bodies differ, and are neither JSON nor a form; the first is in the plan")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_value_is_tried_whole_and_without_what_is_common() {
        let tried = |value, other| -> Vec<(String, String)> {
            parts(value, other).iter().map(|part| (part.core.to_owned(), part.other.to_owned())).collect()
        };
        let pair = |one: &str, two: &str| (one.to_owned(), two.to_owned());
        assert_eq!(tried("Bearer a-1", "Bearer a-2"), [pair("Bearer a-1", "Bearer a-2"), pair("a-1", "a-2")]);
        assert_eq!(
            tried("[id:1]", "[id:22]"),
            [pair("[id:1]", "[id:22]"), pair("1]", "22]"), pair("1", "22")]
        );
    }

    proptest! {
        #[test]
        fn parts_are_of_the_value(value in "[ab :=é]{0,12}", other in "[ab :=é]{0,12}") {
            for part in parts(&value, &other) {
                prop_assert_eq!(format!("{}{}{}", part.before, part.core, part.after), value.clone());
                prop_assert_eq!(format!("{}{}{}", part.before, part.other, part.after), other.clone());
            }
        }
    }
}
