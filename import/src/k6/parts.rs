//! Parts of responses and what checks ask of them, in the words of a plan.

use super::observed::{AtomOutcome, CheckedAtom, ResponsePart};
use serde_json::Value;

/// What a part of a response is called in a plan: the expression that finds it. `None` for what no expression says.
pub(super) fn expression(part: &ResponsePart) -> Option<String> {
    let name = part.name.as_deref();
    Some(match part.subject.as_str() {
        "status" => "status".to_owned(),
        "body" => "body".to_owned(),
        "json" if part.path.is_empty() => "json $".to_owned(),
        "json" => {
            let token = |text: &String| format!("/{}", text.replace('~', "~0").replace('/', "~1"));
            let pointer: String = part.path.iter().map(token).collect();
            let is_plain = !pointer.contains(|c: char| c.is_whitespace() || c.is_control());
            return is_plain.then(|| format!("json {pointer}"));
        }
        "header" => format!("header {}", name.filter(|name| crate::names::is_header(name))?),
        "cookie" => format!("cookie {}", name.filter(|name| crate::names::is_header(name))?),
        "regex" => format!("regex {}", regex(part)?),
        "between" => format!("between {} {}", quoted(&part.left)?, quoted(&part.right)?),
        _ => return None,
    })
}

/// The pattern of a regular expression whose first group is the value.
fn regex(part: &ResponsePart) -> Option<String> {
    let source = part.source.as_deref()?;
    let pattern = pattern(source, &part.flags)?;
    let is_first = match &part.group {
        Value::String(name) => {
            source.find('(').is_some_and(|at| source[at..].starts_with(&format!("(?<{name}>")))
        }
        Value::Number(number) if number.as_u64() == Some(0) => !has_group(source),
        Value::Number(number) => number.as_u64() == Some(1) && has_group(source),
        _ => false,
    };
    // A pattern that ends in a blank and a question mark would be one that may find nothing.
    (is_first && !pattern.ends_with(" ?")).then_some(pattern)
}

/// Whether a pattern has a group that is kept.
fn has_group(source: &str) -> bool {
    let mut before = ' ';
    for (at, c) in source.char_indices() {
        let rest = &source[at..];
        if c == '(' && before != '\\' && (!rest.starts_with("(?") || rest.starts_with("(?<")) {
            return true;
        }
        before = if before == '\\' { ' ' } else { c };
    }
    false
}

/// A regular expression of JavaScript as a plan has it; `None` for what looks around or back, which a plan's does not.
fn pattern(source: &str, flags: &str) -> Option<String> {
    let looks = ["(?=", "(?!", "(?<=", "(?<!"].iter().any(|part| source.contains(part));
    let refers = source
        .as_bytes()
        .windows(2)
        .any(|pair| pair[0] == b'\\' && matches!(pair[1], b'1'..=b'9' | b'k' | b'c'));
    if looks || refers || source.contains(char::is_control) {
        return None;
    }
    let kept: String = flags.chars().filter(|flag| "ims".contains(*flag)).collect();
    Some(if kept.is_empty() { source.to_owned() } else { format!("(?{kept}){source}") })
}

/// A text in quotes, as checks and expressions have them.
fn quoted(text: &str) -> Option<String> {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() => return None,
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    Some(quoted)
}

/// A pattern in quotes, whose backslashes are its own.
fn quoted_pattern(pattern: &str) -> String {
    let mut quoted = String::from("\"");
    let mut before = ' ';
    for c in pattern.chars() {
        if c == '"' && before != '\\' {
            quoted.push('\\');
        }
        quoted.push(c);
        before = if before == '\\' { ' ' } else { c };
    }
    quoted.push('"');
    quoted
}

fn literal(text: &str) -> String {
    text.chars().fold(String::new(), |mut pattern, c| {
        if c.is_ascii_punctuation() {
            pattern.push('\\');
        }
        pattern.push(c);
        pattern
    })
}

/// The checks of a plan that hold where an atom does; `None` where none says it.
pub(super) fn checks(atom: &CheckedAtom) -> Option<String> {
    let part = &atom.part;
    match (part.subject.as_str(), atom.of.as_str()) {
        ("status", _) => return statuses(&atom.outcomes),
        ("time", _) => {
            let bound = bound(&atom.outcomes, &atom.numbers)?;
            return match bound.operator {
                "==" | "!=" => None,
                operator => Some(format!("time {operator} {}ms", bound.number)),
            };
        }
        ("body", "length") => return size(&atom.outcomes),
        _ => {}
    }
    let subject = expression(part)?;
    let (yes, no) = (holds(&atom.outcomes, true), holds(&atom.outcomes, false));
    let text = atom.text.as_deref().unwrap_or_default();
    let matching = |pattern: String| match (yes, no) {
        (true, false) => Some(format!("{subject} matches {}", quoted_pattern(&pattern))),
        (false, true) => Some(format!("{subject} not matches {}", quoted_pattern(&pattern))),
        _ => None,
    };
    match atom.of.as_str() {
        "value" => value(&subject, atom),
        "length" => length(&subject, part, &atom.outcomes),
        "exists" if yes => Some(format!("{subject} exists")),
        "exists" => Some(format!("{subject} not exists")),
        "contains" if yes => Some(format!("{subject} contains {}", quoted(text)?)),
        "contains" => Some(format!("{subject} not contains {}", quoted(text)?)),
        "starts" => matching(format!("^{}", literal(text))),
        "ends" => matching(format!("{}$", literal(text))),
        "matches" => matching(pattern(part.source.as_deref()?, &part.flags)?),
        "position" => {
            let at = |number: i64| atom.outcomes.iter().any(|o| o.holds && o.value.as_i64() == Some(number));
            match (at(-1), at(0), at(5)) {
                (false, true, true) => Some(format!("{subject} contains {}", quoted(text)?)),
                (true, false, false) => Some(format!("{subject} not contains {}", quoted(text)?)),
                (false, true, false) => {
                    Some(format!("{subject} matches {}", quoted_pattern(&format!("^{}", literal(text)))))
                }
                _ => None,
            }
        }
        _ => None,
    }
}

/// Whether an atom holds for this answer to a question of yes or no.
fn holds(outcomes: &[AtomOutcome], answer: bool) -> bool {
    outcomes.iter().any(|outcome| outcome.holds && outcome.value == Value::Bool(answer))
}

/// The status that a response has where an atom on it holds: 200, or the lowest.
pub(super) fn status(outcomes: &[AtomOutcome]) -> Option<u16> {
    let all = outcomes.iter().filter(|outcome| outcome.holds);
    let mut all: Vec<u64> =
        all.filter_map(|outcome| outcome.value.as_u64()).filter(|status| *status >= 100).collect();
    all.sort_unstable();
    let first = if all.contains(&200) { Some(200) } else { all.first().copied() };
    first.and_then(|status| u16::try_from(status).ok())
}

fn statuses(outcomes: &[AtomOutcome]) -> Option<String> {
    let mut all: Vec<(u64, bool)> = outcomes
        .iter()
        .filter_map(|outcome| Some((outcome.value.as_u64()?, outcome.holds)))
        .filter(|(status, _)| *status >= 100)
        .collect();
    all.sort_unstable();
    let other: Vec<u64> = all.iter().filter(|(_, holds)| !holds).map(|(status, _)| *status).collect();
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for (status, _) in all.iter().filter(|(_, holds)| *holds) {
        match ranges.last_mut() {
            Some((_, end)) if *end + 1 == *status => *end = *status,
            _ => ranges.push((*status, *status)),
        }
    }
    match (ranges.as_slice(), other.as_slice()) {
        ([], _) | (_, []) => None,
        ([(first, last)], _) if first == last => Some(format!("status == {first}")),
        (_, [one]) => Some(format!("status != {one}")),
        ([(100, last)], _) => Some(format!("status < {}", last + 1)),
        ([(first, 599)], _) => Some(format!("status >= {first}")),
        (ranges, _) => {
            let shown = |(first, last): &(u64, u64)| match first == last {
                true => first.to_string(),
                false => format!("{first}..{last}"),
            };
            let shown: Vec<String> = ranges.iter().map(shown).collect();
            Some(format!("status in {}", shown.join(", ")))
        }
    }
}

/// A bound that numbers are held against.
struct Bound {
    operator: &'static str,
    number: f64,
}

/// The bound that these answers show: the number at which they change, one of the check's own, and on which side of it they hold.
fn bound(outcomes: &[AtomOutcome], own: &[f64]) -> Option<Bound> {
    let mut numbers: Vec<(f64, bool)> =
        outcomes.iter().filter_map(|outcome| Some((outcome.value.as_f64()?, outcome.holds))).collect();
    numbers.sort_by(|one, other| one.0.total_cmp(&other.0));
    numbers.dedup();
    let changes: Vec<usize> = (1..numbers.len()).filter(|at| numbers[*at].1 != numbers[*at - 1].1).collect();
    match changes.as_slice() {
        [at] => {
            let ((before, holds_before), (behind, _)) = (numbers[*at - 1], numbers[*at]);
            // Between a number of the check and the next half one beside it, the check's own is the bound.
            let is_own = |number: f64| own.iter().any(|other| (*other - number).abs() < 1e-9);
            let number_before = is_own(before);
            if !number_before && !is_own(behind) {
                return None;
            }
            Some(match (holds_before, number_before) {
                (true, true) => Bound { operator: "<=", number: before },
                (true, false) => Bound { operator: "<", number: behind },
                (false, true) => Bound { operator: ">", number: before },
                (false, false) => Bound { operator: ">=", number: behind },
            })
        }
        [first, second] if second - first == 1 => {
            let (number, holds) = numbers[*first];
            Some(Bound { operator: if holds { "==" } else { "!=" }, number })
        }
        _ => None,
    }
}

fn size(outcomes: &[AtomOutcome]) -> Option<String> {
    let Bound { operator, number } = length_bound(outcomes)?;
    Some(format!("size {operator} {number}"))
}

/// The bound of a length, which is a whole number from 0 on: not to be 0 is to be above it.
fn length_bound(outcomes: &[AtomOutcome]) -> Option<Bound> {
    let mut numbers: Vec<(u64, bool)> =
        outcomes.iter().filter_map(|outcome| Some((outcome.value.as_u64()?, outcome.holds))).collect();
    numbers.sort_unstable();
    let passing: Vec<u64> = numbers.iter().filter(|(_, holds)| *holds).map(|(length, _)| *length).collect();
    let failing: Vec<u64> = numbers.iter().filter(|(_, holds)| !holds).map(|(length, _)| *length).collect();
    let (first, last) = (*passing.first()?, *passing.last()?);
    let bound = |operator, number: u64| Some(Bound { operator, number: number as f64 });
    match failing.as_slice() {
        [] => None,
        _ if passing.len() == 1 => bound("==", first),
        [one] if *one > 0 => bound("!=", *one),
        _ if failing.iter().all(|length| *length < first) => bound(">=", first),
        _ if failing.iter().all(|length| *length > last) => bound("<=", last),
        _ => None,
    }
}

/// A condition on the length of a list or text of JSON; on that of anything else to be there.
fn length(subject: &str, part: &ResponsePart, outcomes: &[AtomOutcome]) -> Option<String> {
    let Bound { operator, number } = length_bound(outcomes)?;
    if part.subject != "json" {
        return (operator == ">=" && number == 1.0).then(|| format!("{subject} exists"));
    }
    if !is_called_as_list(part) {
        return match (operator, number) {
            (">=", 1.0) => Some(format!("{subject} matches \".\"")),
            ("==", 0.0) => Some(format!("{subject} not matches \".\"")),
            (">=", least) => Some(format!("{subject} matches \"(?s)^.{{{least},}}\"")),
            ("<=", most) => Some(format!("{subject} matches \"(?s)^.{{0,{most}}}$\"")),
            ("==", all) => Some(format!("{subject} matches \"(?s)^.{{{all}}}$\"")),
            _ => None,
        };
    }
    // A list is so long if it has its last element, and none behind that.
    let element = |index: f64| {
        let path = part.path.iter().cloned().chain([format!("{index}")]).collect();
        expression(&ResponsePart { path, ..part.clone() })
    };
    match operator {
        ">=" if number >= 1.0 => Some(format!("{} exists", element(number - 1.0)?)),
        "<=" => Some(format!("{} not exists", element(number)?)),
        "==" if number == 0.0 => Some(format!("{} not exists", element(0.0)?)),
        _ => None,
    }
}

/// Whether a value of JSON is called as lists are: what it is, only a response would tell.
fn is_called_as_list(part: &ResponsePart) -> bool {
    let name = part.path.iter().rev().find(|name| name.parse::<u64>().is_err());
    name.is_none_or(|name| {
        let small = name.to_ascii_lowercase();
        small.ends_with('s') || small.ends_with("list") || small == "data"
    })
}

/// A condition on a value, by the answers for which it holds.
fn value(subject: &str, atom: &CheckedAtom) -> Option<String> {
    let outcomes = &atom.outcomes;
    let is_nothing = |outcome: &AtomOutcome| outcome.absent || outcome.value.is_null();
    let is_falsy = |outcome: &AtomOutcome| {
        is_nothing(outcome)
            || outcome.value == Value::Bool(false)
            || outcome.value.as_f64() == Some(0.0)
            || outcome.value.as_str() == Some("")
    };
    let passing: Vec<&AtomOutcome> = outcomes.iter().filter(|outcome| outcome.holds).collect();
    let failing: Vec<&AtomOutcome> = outcomes.iter().filter(|outcome| !outcome.holds).collect();
    if failing.iter().any(|outcome| outcome.absent) && failing.iter().all(|outcome| is_nothing(outcome))
        || failing.len() > 2
            && failing.iter().all(|outcome| is_falsy(outcome))
            && !passing.iter().any(|o| is_falsy(o))
    {
        return Some(format!("{subject} exists"));
    }
    if passing.iter().any(|outcome| outcome.absent) && passing.iter().all(|outcome| is_nothing(outcome))
        || passing.len() > 2
            && passing.iter().all(|outcome| is_falsy(outcome))
            && !failing.iter().any(|o| is_falsy(o))
    {
        return Some(format!("{subject} not exists"));
    }
    if let Some(one) = one_of(&passing) {
        return Some(format!("{subject} == {}", written(one)?));
    }
    let there: Vec<&AtomOutcome> = failing.iter().copied().filter(|outcome| !is_nothing(outcome)).collect();
    if let Some(one) = one_of(&there) {
        return Some(format!("{subject} != {}", written(one)?));
    }
    if failing.len() == 1 && failing[0].value.is_null() && !failing[0].absent {
        return Some(format!("{subject} != null"));
    }
    // Only numbers can be above or below something; an answer that is none must not be.
    let others_fail = passing.iter().all(|outcome| {
        outcome.value.is_number()
            || outcome.value.is_null() && !outcome.absent
            || outcome.value.is_boolean()
            || outcome
                .value
                .as_str()
                .is_some_and(|text| text.trim().is_empty() || text.trim().parse::<f64>().is_ok())
    });
    let bound = bound(outcomes, &atom.numbers).filter(|_| others_fail)?;
    Some(format!("{subject} {} {}", bound.operator, bound.number))
}

/// The one answer among these: equal ones of other kinds (`1`, `"1"`, `true`) count as it.
fn one_of<'o>(outcomes: &[&'o AtomOutcome]) -> Option<&'o Value> {
    let first = match outcomes {
        [] => return None,
        [one] => &one.value,
        several => &several.iter().find(|outcome| outcome.value.is_number())?.value,
    };
    let is_equal = |outcome: &&AtomOutcome| {
        let other = &outcome.value;
        other == first
            || first.as_f64().is_some_and(|number| match other {
                Value::String(text) if text.trim().is_empty() => number == 0.0,
                Value::String(text) => text.trim().parse::<f64>() == Ok(number),
                Value::Bool(value) => number == f64::from(u8::from(*value)),
                other => other.as_f64() == Some(number),
            })
    };
    (outcomes.iter().all(is_equal) && outcomes.iter().all(|outcome| !outcome.absent)).then_some(first)
}

fn written(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => quoted(text),
        Value::Number(number) => {
            Some(number.as_f64().map_or_else(|| number.to_string(), |number| number.to_string()))
        }
        Value::Bool(value) => Some(value.to_string()),
        Value::Null => Some("null".to_owned()),
        _ => None,
    }
}
