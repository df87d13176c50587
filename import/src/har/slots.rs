//! Places of a request where a value may stand that is another in each session: in its path, its query, its headers, its body.

use super::recorded::{Recorded, RecordedBody};
use crate::ordered::json_body;
use crate::urls::{decoded, form_decoded, form_fields};

/// Headers that a browser adds by itself, or that are about its connection or its cache.
const BROWSERS_OWN: [&str; 23] = [
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
    "accept-encoding",
    "accept-language",
    "cookie",
    "user-agent",
    "referer",
    "origin",
    "upgrade-insecure-requests",
    "cache-control",
    "pragma",
    "if-none-match",
    "if-modified-since",
    "dnt",
    "te",
    "priority",
    "keep-alive",
    "proxy-connection",
    "alt-used",
    "save-data",
    "purpose",
];

/// Where a value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SlotPlace {
    /// A segment of the path, from 0.
    Segment(usize),
    /// The value of a query's name, the how manieth of that name, from 0.
    Query(String, usize),
    Header(String),
    /// A pointer into a body of JSON.
    Json(String),
    /// The value of a form's name.
    Form(String, usize),
}

/// A place, and what stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RequestSlot {
    pub(super) place: SlotPlace,
    /// The value, without the escapes of its place.
    pub(super) value: String,
}

impl SlotPlace {
    /// What a person would call it.
    pub(super) fn title(&self) -> String {
        match self {
            SlotPlace::Segment(index) => format!("segment {} of the path", index + 1),
            SlotPlace::Query(name, _) => format!("`{name}` of the query"),
            SlotPlace::Header(name) => format!("the header {name}"),
            SlotPlace::Json(pointer) => format!("`{pointer}` of the body"),
            SlotPlace::Form(name, _) => format!("`{name}` of the form"),
        }
    }

    /// The word that a value there may be called by.
    pub(super) fn word(&self) -> &str {
        match self {
            SlotPlace::Segment(_) => "id",
            SlotPlace::Query(name, _) | SlotPlace::Header(name) | SlotPlace::Form(name, _) => name,
            SlotPlace::Json(pointer) => pointer.rsplit('/').next().unwrap_or(pointer),
        }
    }
}

/// Whether a header is none of the page's own.
pub(super) fn is_browsers_own(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.starts_with(':') || name.starts_with("sec-") || BROWSERS_OWN.contains(&name.as_str())
}

/// The segments of a path, without its query, as they stand there.
pub(super) fn segments(path: &str) -> Vec<&str> {
    let path = path.split('?').next().unwrap_or(path);
    path.split('/').skip(1).collect()
}

/// Names and values of a query, as they stand there.
pub(super) fn query(path: &str) -> Vec<(&str, &str)> {
    let query = path.split_once('?').map_or("", |(_, query)| query);
    query
        .split('&')
        .filter(|part| !part.is_empty())
        .map(|part| part.split_once('=').unwrap_or((part, "")))
        .collect()
}

/// Whether a body is a form in one part.
pub(super) fn is_form(body: &RecordedBody) -> bool {
    body.mime.to_ascii_lowercase().starts_with("application/x-www-form-urlencoded")
}

/// Names and values of a form.
pub(super) fn form(body: &RecordedBody) -> Option<Vec<(String, String)>> {
    if !is_form(body) {
        return None;
    }
    if !body.text.is_empty() {
        return form_fields(&body.text);
    }
    Some(body.params.iter().map(|(name, value, _)| (form_decoded(name), form_decoded(value))).collect())
}

/// The number of earlier ones with the same name, for each.
pub(super) fn occurrences<'n>(names: impl Iterator<Item = &'n str>) -> Vec<usize> {
    let names: Vec<&str> = names.collect();
    let earlier = |at: usize| names[..at].iter().filter(|name| **name == names[at]).count();
    (0..names.len()).map(earlier).collect()
}

/// All places of a request, in order.
pub(super) fn slots(request: &Recorded<'_>) -> Vec<RequestSlot> {
    let mut slots = Vec::new();
    for (index, segment) in segments(&request.url.path).into_iter().enumerate() {
        slots.push(RequestSlot { place: SlotPlace::Segment(index), value: decoded(segment) });
    }
    let query = query(&request.url.path);
    let numbers = occurrences(query.iter().map(|(name, _)| *name));
    for ((name, value), number) in query.into_iter().zip(numbers) {
        slots.push(RequestSlot {
            place: SlotPlace::Query(name.to_owned(), number),
            value: form_decoded(value),
        });
    }
    for header in request.headers.iter().filter(|header| !is_browsers_own(&header.name)) {
        slots.push(RequestSlot {
            place: SlotPlace::Header(header.name.to_string()),
            value: header.value.to_string(),
        });
    }
    let Some(body) = &request.body else { return slots };
    if let Some(document) = json_body(&body.text) {
        document.each_scalar(&mut |pointer, value| {
            slots.push(RequestSlot {
                place: SlotPlace::Json(pointer.to_owned()),
                value: value.scalar().unwrap_or_default(),
            });
        });
    } else if let Some(fields) = form(body) {
        let numbers = occurrences(fields.iter().map(|(name, _)| name.as_str()));
        for ((name, value), number) in fields.into_iter().zip(numbers) {
            slots.push(RequestSlot { place: SlotPlace::Form(name, number), value });
        }
    }
    slots
}
