//! A message as it is typed: JSON in which some values, or parts of texts, are filled in for each call.
//!
//! JSON knows no holes. So each is a text of its own while the message is read, which is told from what is typed by letters that
//! nobody types; where it stands without quotes, it is put in some.

use engine::template::Piece;
use serde_json::Value;

/// What a hole begins with where it stands in quotes, and where it does not; and what it ends with.
const IN_TEXT: char = '\u{f8000}';
const BARE: char = '\u{f8001}';
const END: char = '\u{f8002}';

/// A message that was read, and its holes by their numbers.
#[derive(Debug)]
pub(crate) struct MessageText {
    pub(crate) value: Value,
    pub(crate) holes: Vec<Piece>,
}

/// A part of a text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TextPart<'a> {
    Literal(&'a str),
    Hole(&'a Piece),
}

/// A text, in its parts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct HoledText<'a> {
    pub(crate) parts: Vec<TextPart<'a>>,
    /// It is one hole, which stands without quotes.
    pub(crate) is_bare: bool,
}

impl MessageText {
    /// Reads a message. Errors are what is wrong, and what to do.
    pub(crate) fn read(pieces: &[Piece]) -> Result<MessageText, (String, String)> {
        let (mut text, mut holes) = (String::new(), Vec::new());
        let mut place = JsonPlace::default();
        for piece in pieces {
            match piece {
                Piece::Bytes(bytes) => {
                    let part = std::str::from_utf8(bytes).map_err(|_| not_text())?;
                    if part.contains([IN_TEXT, BARE, END]) {
                        return Err(not_text());
                    }
                    // A value, or the end of one, right behind a hole would be lost in it.
                    if place.is_behind_hole && !place.is_in_text && !may_follow_hole(part) {
                        return Err(not_alone());
                    }
                    place.pass(part);
                    text.push_str(part);
                }
                Piece::Value(value) => {
                    let problem =
                        format!("`{{{{{value}}}}}`: values of a flow cannot stand in messages of gRPC");
                    return Err((problem, "use `{{seq}}`, `{{rand LOW HIGH}}` or `{{uuid}}`".into()));
                }
                hole => {
                    if !place.is_in_text && !place.may_begin_value() {
                        return Err(not_alone());
                    }
                    let number = holes.len();
                    match place.is_in_text {
                        true => text.push_str(&format!("{IN_TEXT}{number}{END}")),
                        false => text.push_str(&format!("\"{BARE}{number}{END}\"")),
                    }
                    place.pass_hole();
                    holes.push(hole.clone());
                }
            }
        }
        match serde_json::from_str(&text) {
            Ok(value) => Ok(MessageText { value, holes }),
            Err(error) => Err(not_json(&error, holes.is_empty())),
        }
    }

    /// A text of the message, in its parts.
    pub(crate) fn holed<'a>(&'a self, text: &'a str) -> HoledText<'a> {
        let (mut parts, mut rest) = (Vec::new(), text);
        let mut is_bare = false;
        while let Some(at) = rest.find([IN_TEXT, BARE]) {
            let (literal, hole) = rest.split_at(at);
            is_bare |= hole.starts_with(BARE);
            let (number, behind) = hole.split_once(END).unwrap_or((hole, ""));
            let number = number.trim_start_matches([IN_TEXT, BARE]).parse::<usize>().ok();
            if !literal.is_empty() {
                parts.push(TextPart::Literal(literal));
            }
            parts.extend(number.and_then(|number| self.holes.get(number)).map(TextPart::Hole));
            rest = behind;
        }
        if !rest.is_empty() {
            parts.push(TextPart::Literal(rest));
        }
        HoledText { parts, is_bare }
    }
}

impl<'a> HoledText<'a> {
    /// The hole, if it is nothing else.
    pub(crate) fn hole(&self) -> Option<&'a Piece> {
        match self.parts.as_slice() {
            [TextPart::Hole(hole)] => Some(hole),
            _ => None,
        }
    }
}

/// A text as it is shown to people, with its holes.
pub(crate) fn shown(text: &str) -> String {
    let mut rest = text;
    let mut shown = String::new();
    while let Some(at) = rest.find([IN_TEXT, BARE]) {
        shown.push_str(&rest[..at]);
        shown.push_str("{{…}}");
        rest = rest[at..].split_once(END).map_or("", |(_, behind)| behind);
    }
    shown + rest
}

/// Whether any text in a value, or any of its keys, has a hole.
pub(crate) fn has_holes(value: &Value) -> bool {
    let in_text = |text: &str| text.contains([IN_TEXT, BARE]);
    match value {
        Value::String(text) => in_text(text),
        Value::Array(values) => values.iter().any(has_holes),
        Value::Object(object) => object.iter().any(|(key, value)| in_text(key) || has_holes(value)),
        _ => false,
    }
}

/// Where in a JSON text one is.
#[derive(Default)]
struct JsonPlace {
    is_in_text: bool,
    is_escaped: bool,
    is_behind_hole: bool,
    /// The last letter outside of texts that is no blank.
    last: Option<char>,
}

impl JsonPlace {
    fn pass(&mut self, part: &str) {
        for letter in part.chars() {
            match letter {
                _ if self.is_escaped => self.is_escaped = false,
                '\\' if self.is_in_text => self.is_escaped = true,
                '"' => {
                    self.is_in_text = !self.is_in_text;
                    self.last = Some(letter);
                }
                _ if self.is_in_text || letter.is_whitespace() => {}
                _ => self.last = Some(letter),
            }
            self.is_behind_hole = false;
        }
    }

    fn pass_hole(&mut self) {
        if !self.is_in_text {
            (self.last, self.is_behind_hole) = (Some('"'), true);
        }
    }

    fn may_begin_value(&self) -> bool {
        matches!(self.last, None | Some(':' | '[' | ','))
    }
}

fn may_follow_hole(part: &str) -> bool {
    part.trim_start().chars().next().is_none_or(|letter| matches!(letter, ',' | '}' | ']' | ':'))
}

fn not_alone() -> (String, String) {
    let problem = "a value that is filled in stands beside other letters, and not in quotes";
    (problem.into(), "let it stand alone, as in `{\"n\": {{seq}}}`, or in quotes".into())
}

fn not_text() -> (String, String) {
    ("it is not text".into(), "write the message as JSON".into())
}

fn not_json(error: &serde_json::Error, is_as_typed: bool) -> (String, String) {
    let told = error.to_string();
    // Where it is wrong is only known where nothing was put in the place of holes.
    let told = match told.rsplit_once(" at line ") {
        Some((what, _)) if !is_as_typed => what.to_owned(),
        _ => told,
    };
    (format!("it is not JSON: {}", shown(&told)), "a message looks like `{\"name\": \"u-{{seq}}\"}`".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::template;

    fn read(text: &str) -> Result<MessageText, (String, String)> {
        MessageText::read(&template::parse(text).unwrap())
    }

    #[test]
    fn holes_stand_in_texts_and_alone() {
        let message =
            read(r#"{"a": "x\"{{seq}}-{{uuid}}", "b": {{rand 1 9}}, "c": "{{seq}}", "{{seq}}": 1}"#).unwrap();
        let object = message.value.as_object().unwrap();
        let text = |key: &str| message.holed(object[key].as_str().unwrap());
        let a = text("a");
        assert_eq!(
            a.parts,
            [
                TextPart::Literal("x\""),
                TextPart::Hole(&Piece::Seq),
                TextPart::Literal("-"),
                TextPart::Hole(&Piece::Uuid)
            ]
        );
        assert_eq!((a.is_bare, a.hole()), (false, None));
        assert_eq!((text("b").is_bare, text("b").hole()), (true, Some(&Piece::Rand { low: 1, high: 9 })));
        assert_eq!((text("c").is_bare, text("c").hole()), (false, Some(&Piece::Seq)));
        let key = object.keys().find(|key| !["a", "b", "c"].contains(&key.as_str())).unwrap();
        assert_eq!((message.holed(key).hole(), shown(key)), (Some(&Piece::Seq), "{{…}}".into()));
        assert!(has_holes(&message.value) && !has_holes(&serde_json::json!({"a": [1, "x"]})));
    }

    #[test]
    fn a_hole_beside_a_number_is_refused() {
        for text in
            [r#"{"n": 1{{seq}}}"#, r#"{"n": {{seq}}1}"#, r#"{"n": {{seq}}{{seq}}}"#, r#"{"n": "a"{{seq}}}"#]
        {
            let (problem, fix) = read(text).unwrap_err();
            assert!(problem.contains("beside other letters") && fix.contains("quotes"), "{text}: {problem}");
        }
    }

    #[test]
    fn values_of_a_flow_are_refused() {
        let (problem, fix) = read(r#"{"token": "{{token | lower}}"}"#).unwrap_err();
        assert!(problem.starts_with("`{{token | lower}}`: values of a flow"), "{problem}");
        assert!(fix.contains("{{uuid}}"), "{fix}");
    }

    #[test]
    fn what_is_no_json_says_so_and_where() {
        let (problem, fix) = read("{\"a\": \n  nope}").unwrap_err();
        assert!(problem.contains("not JSON") && problem.contains("line 2"), "{problem}");
        assert!(fix.contains("looks like"));
        assert!(!read("{{seq}} {").unwrap_err().0.contains("line"), "what stands for the hole is longer");
    }
}
