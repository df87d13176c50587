//! Recorded requests as steps of a flow, with holes where values come from earlier responses.

use super::correlation::{Correlation, FilledSlot};
use super::recorded::{Recorded, RecordedBody};
use super::slots::{SlotPlace, form, is_browsers_own, is_form, occurrences, query, segments};
use crate::ordered::{Ordered, json_body};
use crate::planned::{PlannedBody, PlannedRequest};
use crate::secrets::Secrets;
use crate::urls::escaped;
use std::collections::{HashMap, HashSet};

/// The longest name of a step.
const NAME_LETTERS_MAX: usize = 60;
/// The most values that are taken along in one request: it has 31 holes at most, and secrets are some of them.
const FILLED_MAX: usize = 24;
/// The most of a body that is looked at where nothing is said, and how much may be asked for beyond what was recorded.
const BODY_BYTES_DEFAULT: usize = 64 << 10;
const BODY_GROWTH: usize = 2;
/// A shorter wait is the time that the browser took, and no thinking.
const THINK_MS_MIN: f64 = 10.0;
/// After a longer wait nobody was at the browser.
const THINK_MS_MAX: f64 = 3_600_000.0;

/// When steps are intended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StepTiming {
    /// At once after the response before.
    None,
    /// So long after it as was waited.
    Think,
    /// When they were recorded, from the beginning of the session.
    Recorded,
}

/// What is known of a step while it is written.
struct StepWriter<'s> {
    title: &'s str,
    filled: Vec<&'s FilledSlot>,
    secrets: &'s mut Secrets,
    notes: &'s mut Vec<String>,
}

/// What each request is called: no two alike.
pub(super) fn titles(requests: &[Recorded<'_>]) -> Vec<String> {
    let (mut titles, mut known, mut numbers) = (Vec::new(), HashSet::new(), HashMap::new());
    for request in requests {
        let path = request.url.path.split('?').next().unwrap_or("/");
        let plain: String = format!("{} {path}", request.method).chars().take(NAME_LETTERS_MAX).collect();
        let mut title = plain.clone();
        while !known.insert(title.clone()) {
            let number = numbers.entry(plain.clone()).or_insert(1_u32);
            *number += 1;
            title = format!("{plain} ({number})");
        }
        titles.push(title);
    }
    titles
}

/// The steps of a recording: each as long after the one before it as was waited, or one after the other.
pub(super) fn steps(
    requests: &[Recorded<'_>],
    titles: &[String],
    correlation: &Correlation,
    timing: StepTiming,
    secrets: &mut Secrets,
    notes: &mut Vec<String>,
) -> Vec<PlannedRequest> {
    let mut steps = Vec::new();
    for (index, request) in requests.iter().enumerate() {
        let mut filled: Vec<&FilledSlot> =
            correlation.filled.iter().filter(|slot| slot.step == index).collect();
        if filled.len() > FILLED_MAX {
            notes.push(format!(
                "{}: {} values come from earlier responses, and {FILLED_MAX} are taken; the others are sent as they were recorded",
                titles[index],
                filled.len()
            ));
            filled.truncate(FILLED_MAX);
        }
        let mut writer = StepWriter { title: &titles[index], filled, secrets, notes };
        let mut step = writer.step(request);
        let own = correlation.extractions.iter().filter(|extraction| extraction.step == index);
        step.extract =
            own.map(|extraction| (extraction.name.clone(), extraction.source.to_string())).collect();
        let length = request.response.body.len();
        if length > BODY_BYTES_DEFAULT && !step.extract.is_empty() {
            step.body_max = Some(format!("{}MiB", (BODY_GROWTH * length).div_ceil(1 << 20)));
        }
        if timing == StepTiming::Recorded {
            step.at_ms = Some((request.starts_ms - requests[0].starts_ms).max(0.0).round() as u64);
        }
        if timing == StepTiming::Think {
            let next = requests.get(index + 1).map(|next| next.starts_ms - request.ends_ms);
            step.think_ms =
                next.filter(|ms| *ms >= THINK_MS_MIN).map(|ms| ms.min(THINK_MS_MAX).round() as u64);
            if next.is_some_and(|ms| ms > THINK_MS_MAX) {
                notes.push(format!(
                    "{}: more than an hour was waited after it, which is an hour in the plan",
                    titles[index]
                ));
            }
        }
        steps.push(step);
    }
    steps
}

impl StepWriter<'_> {
    fn step(&mut self, request: &Recorded<'_>) -> PlannedRequest {
        // What the browser had already is asked for anew: the headers that asked whether it had changed are left out.
        let status = if request.status == 304 { 200 } else { request.status };
        let mut step = PlannedRequest {
            name: Some(self.title.to_owned()),
            method: request.method.clone(),
            path: self.path(&request.url.path),
            check: Some(format!("status == {status}")),
            redirects: (request.redirects > 0).then_some(request.redirects),
            ..Default::default()
        };
        for header in request.headers.iter().filter(|header| !is_browsers_own(&header.name)) {
            let (name, value) = (header.name.as_ref(), header.value.as_ref());
            match self.filled(&SlotPlace::Header(name.to_owned())) {
                Some(slot) => {
                    let text = format!("{}{{{{{}}}}}{}", slot.before, slot.name, slot.after);
                    step.headers.push((name.to_owned(), text));
                }
                // It says no more than no header does.
                None if name.eq_ignore_ascii_case("accept") && value == "*/*" => {}
                None if value.contains("{{") => {
                    self.notes.push(format!(
                        "{}: the header {name} is left out: `{{{{` stands for a hole in a plan",
                        self.title
                    ));
                }
                None => {
                    let value = self.secrets.hidden(name, value, self.title);
                    step.headers.push((name.to_owned(), value));
                }
            }
        }
        if let Some(body) = &request.body {
            self.body(body, &mut step);
        }
        step.drop_unsendable(self.title, self.notes);
        step
    }

    fn filled(&self, place: &SlotPlace) -> Option<&FilledSlot> {
        self.filled.iter().find(|slot| slot.place == *place).copied()
    }

    /// A path with its query; what is not filled in stays as it was sent.
    fn path(&mut self, path: &str) -> String {
        let mut text = String::new();
        for (index, segment) in segments(path).into_iter().enumerate() {
            text.push('/');
            text.push_str(
                &self.filled(&SlotPlace::Segment(index)).map_or_else(|| segment.to_owned(), url_text),
            );
        }
        let query = query(path);
        let numbers = occurrences(query.iter().map(|(name, _)| *name));
        for (at, ((name, value), number)) in query.into_iter().zip(numbers).enumerate() {
            text.push(if at == 0 { '?' } else { '&' });
            text.push_str(name);
            if value.is_empty() {
                continue;
            }
            text.push('=');
            match self.filled(&SlotPlace::Query(name.to_owned(), number)) {
                Some(slot) => text.push_str(&url_text(slot)),
                None => text.push_str(&self.secrets.hidden(name, value, self.title)),
            }
        }
        text
    }

    fn body(&mut self, body: &RecordedBody, step: &mut PlannedRequest) {
        if body.text.starts_with('@') {
            self.notes.push(format!(
                "{}: the body is left out: `@` at its beginning names a file in a plan",
                self.title
            ));
        } else if body.text.contains("{{") {
            if self.filled.iter().any(|slot| matches!(slot.place, SlotPlace::Json(_) | SlotPlace::Form(..))) {
                self.notes.push(format!(
                    "{}: the body is sent as it was: it has `{{{{` in it, which is no hole",
                    self.title
                ));
            }
            step.body = PlannedBody::Literal(body.text.clone());
        } else if let Some(document) = json_body(&body.text) {
            self.json(&document, step);
        } else if let Some(fields) = form(body) {
            self.form(&fields, step);
        } else if !body.params.is_empty() {
            self.multipart(body, step);
        } else {
            step.body = PlannedBody::Text(body.text.clone());
        }
    }

    fn json(&mut self, document: &Ordered, step: &mut PlannedRequest) {
        let mut texts: Vec<(String, Ordered)> = Vec::new();
        document.each_scalar(&mut |pointer, value| {
            let place = SlotPlace::Json(pointer.to_owned());
            let text = match (self.filled(&place), value) {
                (Some(slot), Ordered::Text(_)) => {
                    format!("{}{{{{{}}}}}{}", slot.before, slot.name, slot.after)
                }
                (Some(slot), _) => format!("{{{{{} | number}}}}", slot.name),
                (None, Ordered::Text(text)) => self.secrets.hidden(place.word(), text, self.title),
                (None, _) => return,
            };
            texts.push((pointer.to_owned(), Ordered::Text(text)));
        });
        let text_at =
            |pointer: &str| texts.iter().find(|(at, _)| at == pointer).map(|(_, text)| text.clone());
        step.set_json(document.replaced(&text_at));
    }

    fn form(&mut self, fields: &[(String, String)], step: &mut PlannedRequest) {
        let numbers = occurrences(fields.iter().map(|(name, _)| name.as_str()));
        let is_table = numbers.iter().all(|number| *number == 0);
        let mut written = Vec::new();
        for ((name, value), number) in fields.iter().zip(numbers) {
            let text = match self.filled(&SlotPlace::Form(name.clone(), number)) {
                Some(slot) if is_table => format!("{}{{{{{}}}}}{}", slot.before, slot.name, slot.after),
                Some(slot) => url_text(slot),
                None => {
                    let hidden = self.secrets.hidden(name, value, self.title);
                    if is_table || hidden != *value { hidden } else { escaped(value) }
                }
            };
            written.push((name.clone(), text));
        }
        if is_table {
            drop_header(step, "content-type");
            step.body = PlannedBody::Form(written);
        } else {
            let pairs: Vec<String> =
                written.iter().map(|(name, text)| format!("{}={text}", escaped(name))).collect();
            step.body = PlannedBody::Text(pairs.join("&"));
        }
    }

    fn multipart(&mut self, body: &RecordedBody, step: &mut PlannedRequest) {
        let mut fields: Vec<(String, String)> = Vec::new();
        for (name, value, file) in &body.params {
            match file {
                Some(file) => self.notes.push(format!(
                    "{}: the file `{file}` of the form's part `{name}` is left out: write `{name} = \"@{file}\"` under `multipart`",
                    self.title
                )),
                None if value.starts_with('@') => self.notes.push(format!(
                    "{}: the part `{name}` of the form is left out: `@` at its beginning names a file in a plan",
                    self.title
                )),
                None if fields.iter().any(|(known, _)| known == name) => {
                    self.notes.push(format!("{}: a second part `{name}` of the form is left out", self.title));
                }
                None => fields.push((name.clone(), self.secrets.hidden(name, value, self.title))),
            }
        }
        debug_assert!(!is_form(body), "a form in one part has been written already");
        drop_header(step, "content-type");
        step.body = PlannedBody::Multipart(fields);
    }
}

fn drop_header(step: &mut PlannedRequest, name: &str) {
    step.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
}

/// A filled place of a URL. A value that had to be escaped there may have to be again.
fn url_text(slot: &FilledSlot) -> String {
    let filter = if escaped(&slot.value) == slot.value { "" } else { " | url" };
    format!("{}{{{{{}{filter}}}}}{}", escaped(&slot.before), slot.name, escaped(&slot.after))
}
