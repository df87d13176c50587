//! The part of a response that an expression or a check is about.

use super::json_path::JsonPath;
use super::pattern::Pattern;
use super::suggestion;
use super::typed_text::{WrongExpression, is_quoted, leading_word, quoted, until_blank};
use http::HeaderName;
use memchr::memmem::Finder;

/// A part of a response.
#[derive(Clone, Debug)]
pub(super) enum Subject {
    /// A value in a body of JSON.
    Json(JsonPath),
    /// What a regular expression finds in the body.
    Pattern(Pattern),
    /// What stands in the body between two texts. Boxed, because it is much larger than the others.
    Between(Box<(Finder<'static>, Finder<'static>)>),
    /// All of the body.
    Body,
    /// The value of the first header of this name, which is in lower case.
    Header(String),
    /// The value of the last Set-Cookie of this name.
    Cookie(String),
    /// The code.
    Status,
}

impl Subject {
    /// Reads the subject at the beginning of a text; returns what is behind it, without blanks before it. A regular
    /// expression takes all of the text.
    pub(super) fn read(text: &str) -> Result<(Subject, &str), WrongExpression> {
        let (word, rest) = leading_word(text);
        // Not `jsonpath` or `json/id`: what follows these words stands apart from them.
        match word {
            "status" => Ok((Subject::Status, rest)),
            "body" => Ok((Subject::Body, rest)),
            "json" if is_apart(text, word) => {
                let (path, behind) = path_and_rest(rest);
                Ok((Subject::Json(JsonPath::parse(path)?), behind))
            }
            "regex" if is_apart(text, word) => Ok((Subject::Pattern(Pattern::parse(rest)?), "")),
            "header" if is_apart(text, word) => read_header(rest),
            "cookie" if is_apart(text, word) => read_cookie(rest),
            "between" => read_between(rest),
            _ => Err(suggestion::unknown(text)),
        }
    }
}

/// Whether a blank, or nothing, stands behind the word at the beginning of a text.
fn is_apart(text: &str, word: &str) -> bool {
    text[word.len()..].chars().next().is_none_or(char::is_whitespace)
}

/// A path, in whose quoted names there may be blanks, and what is behind it.
fn path_and_rest(text: &str) -> (&str, &str) {
    if !text.starts_with('$') {
        return until_blank(text);
    }
    let mut mark = None;
    let mut is_escaped = false;
    for (at, letter) in text.char_indices() {
        match letter {
            _ if is_escaped => is_escaped = false,
            '\\' if mark.is_some() => is_escaped = true,
            letter if mark == Some(letter) => mark = None,
            '"' | '\'' if mark.is_none() => mark = Some(letter),
            letter if mark.is_none() && letter.is_whitespace() && is_outside_brackets(&text[..at]) => {
                return (&text[..at], text[at..].trim_start());
            }
            _ => {}
        }
    }
    (text, "")
}

/// Whether no bracket is open at the end of a part of a path. Brackets in names do no harm: they come in pairs, or the
/// blank is taken as a part of the path, which then says what it cannot read.
fn is_outside_brackets(text: &str) -> bool {
    text.matches('[').count() == text.matches(']').count()
}

fn read_header(text: &str) -> Result<(Subject, &str), WrongExpression> {
    let (name, rest) = until_blank(text);
    if name.is_empty() {
        return Err(WrongExpression::new("`header` names none", "write `header Location`"));
    }
    match HeaderName::from_bytes(name.as_bytes()) {
        Ok(name) => Ok((Subject::Header(name.as_str().to_owned()), rest)),
        Err(_) => {
            let fix = match token(name) {
                "" => "write `header Location`".to_owned(),
                token => format!("write `header {token}`, with a blank before what follows"),
            };
            Err(WrongExpression::new(format!("`{name}` is not the name of a header"), fix))
        }
    }
}

fn read_cookie(text: &str) -> Result<(Subject, &str), WrongExpression> {
    let (name, rest) = until_blank(text);
    if name.is_empty() {
        return Err(WrongExpression::new("`cookie` names none", "write `cookie session`"));
    }
    if token(name) != name {
        let fix = match token(name) {
            "" => "write `cookie session`".to_owned(),
            token => format!("write `cookie {token}`, with a blank before what follows"),
        };
        return Err(WrongExpression::new(format!("`{name}` is not the name of a cookie"), fix));
    }
    Ok((Subject::Cookie(name.to_owned()), rest))
}

/// What a text begins with that is a token (RFC 9110, section 5.6.2).
fn token(text: &str) -> &str {
    let is_of_token = |letter: char| letter.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(letter);
    &text[..text.find(|letter| !is_of_token(letter)).unwrap_or(text.len())]
}

fn read_between(text: &str) -> Result<(Subject, &str), WrongExpression> {
    const FIX: &str = "write the texts before and behind the value in quotes: `between \"id='\" \"'\"`";
    let wrong = |problem: &str| WrongExpression::new(problem, FIX);
    if !is_quoted(text) {
        return Err(wrong("`between` needs two texts in quotes"));
    }
    let (left, rest) = quoted(text)?;
    if !is_quoted(rest) {
        return Err(wrong("`between` needs a second text in quotes"));
    }
    let (right, rest) = quoted(rest)?;
    if left.is_empty() || right.is_empty() {
        return Err(wrong("a text of `between` is empty"));
    }
    let finder = |text: &str| Finder::new(text.as_bytes()).into_owned();
    Ok((Subject::Between(Box::new((finder(&left), finder(&right)))), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_ends_where_the_next_word_begins() {
        for (text, rest) in [
            ("status == 200", "== 200"),
            ("status==200", "==200"),
            ("json /a/b  exists", "exists"),
            ("json $['a b'][ 0 ].c == 5", "== 5"),
            ("header X-Id == 5", "== 5"),
            ("cookie sid exists", "exists"),
            ("between 'a b' \"c d\" == 5", "== 5"),
            ("body contains x y", "contains x y"),
            ("regex a b == c", ""),
        ] {
            assert_eq!(Subject::read(text).unwrap().1, rest, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_name_is_told() {
        for (text, problem, fix) in [
            ("header", "`header` names none", "write `header Location`"),
            ("header Location: x", "`Location:` is not the name of a header", "write `header Location`"),
            ("header X=5", "`X=5` is not the name of a header", "write `header X`"),
            ("cookie", "`cookie` names none", "write `cookie session`"),
            ("cookie sid==5", "`sid==5` is not the name of a cookie", "write `cookie sid`"),
            ("between 'a'", "`between` needs a second text in quotes", "write the texts"),
            ("between a b", "`between` needs two texts in quotes", "write the texts"),
            ("between '' 'b'", "a text of `between` is empty", "write the texts"),
        ] {
            let error = Subject::read(text).unwrap_err();
            assert_eq!(error.problem, problem, "{text}");
            assert!(error.fix.starts_with(fix), "{text}: {}", error.fix);
        }
    }
}
