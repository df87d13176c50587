//! Where in a response a value stands, as an expression that a plan can have; and what such an expression finds in another response.

use super::recorded::RecordedResponse;
use crate::ordered::{Ordered, json_body};
use memchr::memmem;
use std::cell::OnceCell;
use std::fmt;

/// The most letters beside a value that an expression names.
const CONTEXT_BYTES_MAX: usize = 80;
/// The longest value that a plan takes from a response.
const VALUE_BYTES_MAX: usize = 4 << 10;
/// The fewest letters before a value that are worth naming.
const CONTEXT_BYTES_MIN: usize = 3;

/// An expression of a plan that finds a value in a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ValueSource {
    Json(String),
    Header(String),
    Between(String, String),
}

impl fmt::Display for ValueSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ValueSource::Json(pointer) => write!(formatter, "json {pointer}"),
            ValueSource::Header(name) => write!(formatter, "header {name}"),
            ValueSource::Between(left, right) => {
                write!(formatter, "between {} {}", quoted(left), quoted(right))
            }
        }
    }
}

/// A text in quotes of the kind that it has none of, if there is one.
fn quoted(text: &str) -> String {
    let mark = if text.contains('"') && !text.contains('\'') { '\'' } else { '"' };
    let mut quoted = String::from(mark);
    for letter in text.chars() {
        match letter {
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            letter => {
                quoted.extend((letter == mark || letter == '\\').then_some('\\'));
                quoted.push(letter);
            }
        }
    }
    quoted.push(mark);
    quoted
}

/// A response that is searched often.
pub(super) struct Searched<'a> {
    response: &'a RecordedResponse,
    /// The body as JSON, once it was asked for: most are never.
    json: OnceCell<Option<Ordered>>,
}

impl<'a> Searched<'a> {
    pub(super) fn new(response: &'a RecordedResponse) -> Searched<'a> {
        Searched { response, json: OnceCell::new() }
    }

    fn json(&self) -> Option<&Ordered> {
        self.json.get_or_init(|| json_body(&self.response.body)).as_ref()
    }

    /// All expressions that find this value, the best first.
    pub(super) fn sources(&self, value: &str) -> Vec<ValueSource> {
        let mut found = Vec::new();
        if value.is_empty() || value.len() > VALUE_BYTES_MAX {
            return found;
        }
        // The letters of a value that nothing escapes have to be there, whatever the body is.
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let plain = value.split(|c| !is_plain(c)).max_by_key(|part| part.len()).unwrap_or_default();
        if memmem::find(self.response.body.as_bytes(), plain.as_bytes()).is_some() {
            match self.json() {
                Some(json) => json.each_scalar(&mut |pointer, at| {
                    if at.scalar().is_some_and(|scalar| scalar == value) {
                        found.push(ValueSource::Json(pointer.to_owned()));
                    }
                }),
                None => found.extend(self.between(value)),
            }
        }
        // A header that sets a cookie has more in it than a value.
        let headers =
            self.response.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("set-cookie"));
        found
            .extend(headers.filter(|(_, at)| at == value).map(|(name, _)| ValueSource::Header(name.clone())));
        found
    }

    /// Texts between which the value stands: as few letters before it as it takes for the first such place to be the right one.
    fn between(&self, value: &str) -> Vec<ValueSource> {
        let body = &self.response.body;
        let mut found = Vec::new();
        for at in memmem::find_iter(body.as_bytes(), value.as_bytes()).take(8) {
            let behind = &body[at + value.len()..];
            let Some(right) = behind.chars().next().filter(|c| !c.is_alphanumeric()) else { continue };
            if value.contains(right) || right == '{' {
                continue;
            }
            let before = &body[..at];
            let line = before.rfind('\n').map_or(0, |end| end + 1);
            let starts = before[line..].char_indices().map(|(offset, _)| line + offset).rev();
            let starts =
                starts.filter(|start| (CONTEXT_BYTES_MIN..=CONTEXT_BYTES_MAX).contains(&(at - start)));
            // A whole tag is least likely to be found elsewhere, and what begins with a word reads best; anything but a part of
            // a word will do.
            let before_start = |start: &usize| before[..*start].chars().next_back();
            let is_tag = |start: &usize| before[*start..].starts_with('<');
            let is_word =
                |start: &usize| before_start(start).is_none_or(|c| c.is_whitespace() || "<{,".contains(c));
            let is_whole = |start: &usize| before_start(start).is_none_or(|c| !c.is_alphanumeric());
            for is_bound in [&is_tag as &dyn Fn(&usize) -> bool, &is_word, &is_whole] {
                let tried = starts.clone().filter(is_bound);
                let mut tried =
                    tried.map(|start| ValueSource::Between(before[start..].to_owned(), right.to_string()));
                let right_one = tried.find(|source| self.value(source).as_deref() == Some(value));
                found.extend(right_one.filter(|source| !found.contains(source)));
            }
        }
        found
    }

    /// What an expression finds here.
    pub(super) fn value(&self, source: &ValueSource) -> Option<String> {
        match source {
            ValueSource::Json(pointer) => self.json()?.pointer(pointer)?.scalar(),
            ValueSource::Header(name) => {
                let mut headers = self.response.headers.iter();
                headers.find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone())
            }
            ValueSource::Between(left, right) => {
                let (_, behind) = self.response.body.split_once(left.as_str())?;
                behind.split_once(right.as_str()).map(|(value, _)| value.to_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn response(body: &str) -> RecordedResponse {
        RecordedResponse { headers: vec![("X-Id".into(), "h-1".into())], body: body.into() }
    }

    #[test]
    fn a_value_is_found_in_json_in_a_header_and_between_texts() {
        let json = response(r#"{"a": [{"id": 7}, {"id": "k\"2"}]}"#);
        let json = Searched::new(&json);
        assert_eq!(json.sources("k\"2"), [ValueSource::Json("/a/1/id".into())]);
        assert_eq!(json.sources("7")[0].to_string(), "json /a/0/id");
        assert_eq!(json.sources("h-1")[0].to_string(), "header X-Id");
        let html = response("<p>\n<input name=\"a\" value=\"no\">\n<input name=\"csrf\" value=\"t0k\">");
        let html = Searched::new(&html);
        assert_eq!(html.sources("t0k")[0].to_string(), "between '<input name=\"csrf\" value=\"' '\"'");
        assert_eq!(html.sources("t0"), []);
    }

    proptest! {
        #[test]
        fn what_an_expression_was_made_for_it_finds(before in "[a-c=\"<>\n ]{0,40}", value in "[a-c0-9]{1,6}", after in "[a-c=\"<>\n ]{0,40}") {
            let response = response(&format!("{before}{value}{after}"));
            let searched = Searched::new(&response);
            for source in searched.sources(&value) {
                prop_assert_eq!(searched.value(&source), Some(value.clone()), "{}", source);
            }
        }
    }
}
