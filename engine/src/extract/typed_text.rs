//! Text of expressions, checks and conditions as it is typed: words, quoted parts, and what is said of text that is none of
//! them.

use std::fmt;

/// The longest expression, check or condition, in bytes.
pub const TYPED_BYTES_MAX: usize = 4 << 10;

/// Why a text is no expression, check or condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongExpression {
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub fix: String,
}

impl WrongExpression {
    pub(super) fn new(problem: impl Into<String>, fix: impl Into<String>) -> WrongExpression {
        WrongExpression { problem: problem.into(), fix: fix.into() }
    }
}

impl fmt::Display for WrongExpression {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}; {}", self.problem, self.fix)
    }
}

impl std::error::Error for WrongExpression {}

/// A text without the blanks around it, which is neither empty nor too long. `thing` says what it is to be, and `example`
/// is one.
pub(super) fn trimmed<'a>(text: &'a str, thing: &str, example: &str) -> Result<&'a str, WrongExpression> {
    let text = text.trim();
    if text.is_empty() {
        return Err(WrongExpression::new(
            format!("{thing} is empty"),
            format!("write one, such as `{example}`"),
        ));
    }
    if text.len() > TYPED_BYTES_MAX {
        let problem = format!("{thing} has {} bytes", text.len());
        return Err(WrongExpression::new(problem, format!("the longest has {TYPED_BYTES_MAX}")));
    }
    Ok(text)
}

/// The letters at the beginning of a text, and the rest with no blanks before it.
pub(super) fn leading_word(text: &str) -> (&str, &str) {
    let is_of_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-';
    let (word, rest) = text.split_at(text.find(|letter| !is_of_word(letter)).unwrap_or(text.len()));
    (word, rest.trim_start())
}

/// What stands before the first blank, and the rest with no blanks before it.
pub(super) fn until_blank(text: &str) -> (&str, &str) {
    let (part, rest) = text.split_at(text.find(char::is_whitespace).unwrap_or(text.len()));
    (part, rest.trim_start())
}

/// Whether a text begins with a quotation mark.
pub(super) fn is_quoted(text: &str) -> bool {
    text.starts_with(['"', '\''])
}

/// The quoted text at the beginning of a text that begins with a quotation mark, and the rest with no blanks before it. In
/// it `\n`, `\r` and `\t` are what they are elsewhere, and a backslash before anything else stands for that.
pub(super) fn quoted(text: &str) -> Result<(String, &str), WrongExpression> {
    let mut letters = text.char_indices();
    let (_, mark) = letters.next().expect("it begins with a quotation mark");
    let mut inner = String::new();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some((_, 'n')) => inner.push('\n'),
                Some((_, 'r')) => inner.push('\r'),
                Some((_, 't')) => inner.push('\t'),
                Some((_, other)) => inner.push(other),
                None => break,
            },
            letter if letter == mark => return Ok((inner, text[at + mark.len_utf8()..].trim_start())),
            letter => inner.push(letter),
        }
    }
    let problem = format!("the quotation mark {mark} of `{text}` is not closed");
    Err(WrongExpression::new(problem, format!("close it, or write \\{mark} for the mark itself")))
}

/// A value that is all there is of a text: in quotes, or as it stands. Tells whether it was in quotes.
pub(super) fn whole_value(text: &str) -> Result<(String, bool), WrongExpression> {
    if !is_quoted(text) {
        return Ok((text.to_owned(), false));
    }
    match quoted(text)? {
        (inner, "") => Ok((inner, true)),
        (_, rest) => Err(left_over(rest)),
    }
}

/// What stands behind a text that was whole without it.
pub(super) fn left_over(rest: &str) -> WrongExpression {
    WrongExpression::new(format!("`{rest}` is left over"), "leave it out, or put all of the value in quotes")
}

/// For a type that is read from text and has it in a field `text`: it is shown and written as that text, and equal to what
/// is written so.
macro_rules! written_as_typed {
    ($type:ident) => {
        impl std::fmt::Display for $type {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(&self.text)
            }
        }

        impl std::fmt::Debug for $type {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(formatter, concat!(stringify!($type), "({})"), self.text)
            }
        }

        impl PartialEq for $type {
            fn eq(&self, other: &$type) -> bool {
                self.text == other.text
            }
        }

        impl Eq for $type {}

        impl TryFrom<String> for $type {
            type Error = WrongExpression;

            fn try_from(text: String) -> Result<$type, WrongExpression> {
                $type::parse(&text)
            }
        }

        impl From<$type> for String {
            fn from(typed: $type) -> String {
                typed.text
            }
        }
    };
}

pub(super) use written_as_typed;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_text_may_hold_the_mark_and_the_backslash() {
        assert_eq!(quoted(r#""a \" b" 'c'"#).unwrap(), ("a \" b".to_owned(), "'c'"));
        assert_eq!(quoted(r"'a\\b\n'").unwrap(), ("a\\b\n".to_owned(), ""));
        assert_eq!(quoted("'ä\\''").unwrap().0, "ä'");
        for open in ["\"", "\"a", "'a\\'", "\"a\\"] {
            assert!(quoted(open).unwrap_err().problem.contains("not closed"), "{open}");
        }
    }

    #[test]
    fn a_value_is_all_there_is() {
        assert_eq!(whole_value("in stock").unwrap(), ("in stock".to_owned(), false));
        assert_eq!(whole_value("'in stock'").unwrap(), ("in stock".to_owned(), true));
        assert_eq!(whole_value("'in' stock").unwrap_err().problem, "`stock` is left over");
    }

    #[test]
    fn what_is_empty_or_too_long_is_told() {
        assert_eq!(trimmed(" ", "the check", "status == 200").unwrap_err().problem, "the check is empty");
        assert!(trimmed(&"x".repeat(TYPED_BYTES_MAX), "the check", "").is_ok());
        let error = trimmed(&"x".repeat(TYPED_BYTES_MAX + 1), "the check", "").unwrap_err();
        assert_eq!(error.to_string(), "the check has 4097 bytes; the longest has 4096");
    }
}
