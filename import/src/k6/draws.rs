//! What follows from chance: runs that differ in `Math.random()` alone, laid over each other.

use super::holes::markers;
use super::observed::{Observed, ScriptAction, ScriptBody, ScriptEvent, ScriptValue, ScriptValueKind};
use crate::ordered::{Ordered, json_body};

/// What `Math.random()` gives in the two runs that the plan's own is held against: the least and the most.
pub(super) const RANDOM_LEAST: f64 = 0.0;
pub(super) const RANDOM_MOST: f64 = 1.0 - f64::EPSILON / 2.0;

/// The numbers of draws that are found so begin here; those that the script makes itself lie below.
const DRAWN_BY_RUNS: u64 = 1 << 32;
/// In a narrower range two draws are equal by chance.
const WIDE_MIN: i64 = 100;

/// Something that a script did, with pauses from their shortest to their longest.
pub(super) struct DrawnEvent {
    pub(super) event: ScriptEvent,
    /// Seconds, of a pause.
    pub(super) shortest: f64,
    pub(super) longest: f64,
}

/// Lays three runs over each other: where a number differs, it becomes a value that is drawn.
pub(super) fn drawn(
    run: &mut Observed,
    least: &Observed,
    most: &Observed,
    notes: &mut Vec<String>,
) -> Vec<DrawnEvent> {
    let events = std::mem::take(&mut run.events);
    let is_same = |other: &Observed| {
        other.events.len() == events.len()
            && events.iter().zip(&other.events).all(|(one, other)| is_alike(&one.action, &other.action))
    };
    if !is_same(least) || !is_same(most) {
        notes.push(
            "which requests are made depends on `Math.random()`: the plan has those of one run".to_owned(),
        );
        let alone = |event: ScriptEvent| {
            let seconds = if let ScriptAction::Sleep { seconds } = event.action { seconds } else { 0.0 };
            DrawnEvent { event, shortest: seconds, longest: seconds }
        };
        return events.into_iter().map(alone).collect();
    }
    let (mut all, mut known) = (Vec::new(), Vec::new());
    for ((mut event, least), most) in events.into_iter().zip(&least.events).zip(&most.events) {
        let (mut shortest, mut longest) = (0.0, 0.0);
        match (&mut event.action, &least.action, &most.action) {
            (
                ScriptAction::Sleep { .. },
                ScriptAction::Sleep { seconds: low },
                ScriptAction::Sleep { seconds: high },
            ) => {
                (shortest, longest) = (low.min(*high), low.max(*high));
            }
            (ScriptAction::Request(request), ScriptAction::Request(low), ScriptAction::Request(high)) => {
                let place = format!("{} {}", request.method, request.url);
                let mut draws = LaidOver { values: &mut run.values, known: &mut known, is_lost: false };
                draws.text(&mut request.url, &low.url, &high.url);
                draws.fields(&mut request.headers, &low.headers, &high.headers);
                draws.body(&mut request.body, &low.body, &high.body);
                if draws.is_lost {
                    notes.push(format!(
                        "{place}: a part of it depends on `Math.random()`, and is as in one run"
                    ));
                }
            }
            _ => {}
        }
        all.push(DrawnEvent { event, shortest, longest });
    }
    all
}

fn is_alike(one: &ScriptAction, other: &ScriptAction) -> bool {
    match (one, other) {
        (ScriptAction::Request(one), ScriptAction::Request(other)) => {
            one.method == other.method && one.headers.len() == other.headers.len()
        }
        (ScriptAction::Check(one), ScriptAction::Check(other)) => one.name == other.name,
        (ScriptAction::Sleep { .. }, ScriptAction::Sleep { .. }) => true,
        _ => false,
    }
}

struct LaidOver<'v> {
    values: &'v mut Vec<ScriptValue>,
    /// Numbers of a wide range, by what they were in the three runs: the same ones are most likely one draw.
    known: &'v mut Vec<(i64, i64, i64)>,
    /// Something differs that is no number.
    is_lost: bool,
}

impl LaidOver<'_> {
    fn fields(&mut self, own: &mut [(String, String)], low: &[(String, String)], high: &[(String, String)]) {
        if own.len() != low.len() || own.len() != high.len() {
            self.is_lost = true;
            return;
        }
        for ((own, low), high) in own.iter_mut().zip(low).zip(high) {
            self.text(&mut own.1, &low.1, &high.1);
        }
    }

    fn body(&mut self, own: &mut ScriptBody, low: &ScriptBody, high: &ScriptBody) {
        match (own, low, high) {
            (ScriptBody::Text { text }, ScriptBody::Text { text: low }, ScriptBody::Text { text: high }) => {
                match (json_body(text), json_body(low), json_body(high)) {
                    (Some(own), Some(low), Some(high)) if own != low || own != high => {
                        *text = self.json(&own, &low, &high).to_json();
                    }
                    _ => self.text(text, low, high),
                }
            }
            (
                ScriptBody::Form { fields },
                ScriptBody::Form { fields: low },
                ScriptBody::Form { fields: high },
            )
            | (
                ScriptBody::Multipart { fields },
                ScriptBody::Multipart { fields: low },
                ScriptBody::Multipart { fields: high },
            ) => self.fields(fields, low, high),
            _ => {}
        }
    }

    fn json(&mut self, own: &Ordered, low: &Ordered, high: &Ordered) -> Ordered {
        match (own, low, high) {
            (Ordered::List(own), Ordered::List(low), Ordered::List(high))
                if own.len() == low.len() && own.len() == high.len() =>
            {
                let all = own.iter().zip(low).zip(high);
                Ordered::List(all.map(|((own, low), high)| self.json(own, low, high)).collect())
            }
            (Ordered::Object(own), Ordered::Object(low), Ordered::Object(high))
                if own.len() == low.len() && own.len() == high.len() =>
            {
                let all = own.iter().zip(low).zip(high);
                Ordered::Object(
                    all.map(|((own, low), high)| (own.0.clone(), self.json(&own.1, &low.1, &high.1)))
                        .collect(),
                )
            }
            (Ordered::Whole(own), Ordered::Whole(low), Ordered::Whole(high)) if own != low || own != high => {
                Ordered::Text(self.drawn(*own, *low, *high))
            }
            (Ordered::Text(own), Ordered::Text(low), Ordered::Text(high)) => {
                let mut text = own.clone();
                self.text(&mut text, low, high);
                Ordered::Text(text)
            }
            (own, low, high) => {
                self.is_lost |= own != low || own != high;
                own.clone()
            }
        }
    }

    /// A text in which whole numbers differ.
    fn text(&mut self, own: &mut String, low: &str, high: &str) {
        if own == low && own == high {
            return;
        }
        let (parts, lows, highs) = (parts(own), parts(low), parts(high));
        if parts.len() != lows.len() || parts.len() != highs.len() {
            self.is_lost = true;
            return;
        }
        let mut text = String::new();
        for ((part, low), high) in parts.into_iter().zip(lows).zip(highs) {
            if part == low && part == high {
                text.push_str(part);
                continue;
            }
            let is_number = |part: &str| part == "0" || part.parse::<u32>().is_ok() && !part.starts_with('0');
            match (is_number(part), low.parse::<i64>(), high.parse::<i64>()) {
                (true, Ok(low_number), Ok(high_number)) if is_number(low) && is_number(high) => {
                    let own = part.parse().unwrap_or(low_number);
                    text.push_str(&self.drawn(own, low_number, high_number));
                }
                _ => {
                    self.is_lost = true;
                    return;
                }
            }
        }
        *own = text;
    }

    /// The marker of a number that is drawn.
    fn drawn(&mut self, own: i64, low: i64, high: i64) -> String {
        let (least, most) = (low.min(high), low.max(high));
        let same = self.known.iter().position(|known| *known == (own, low, high));
        let draw = same.filter(|_| most - least >= WIDE_MIN).unwrap_or(self.known.len());
        self.known.push((own, low, high));
        let draw = DRAWN_BY_RUNS + draw as u64;
        let kind = ScriptValueKind::Hole { hole: format!("rand {least} {most}"), is_number: true, draw };
        self.values.push(ScriptValue { kind, filters: Vec::new() });
        format!("qvj{:05}z", self.values.len() - 1)
    }
}

/// A text, cut where numbers begin and end; markers are whole.
fn parts(text: &str) -> Vec<&str> {
    let marked = markers(text);
    let mut parts = Vec::new();
    let (mut start, mut before) = (0, None);
    for (at, c) in text.char_indices() {
        let is_marker = marked.iter().any(|(start, _, _)| (*start..*start + 9).contains(&at));
        let kind = c.is_ascii_digit() && !is_marker;
        if before.is_some_and(|before| before != kind) {
            parts.push(&text[start..at]);
            start = at;
        }
        before = Some(kind);
    }
    parts.push(&text[start..]);
    parts
}
