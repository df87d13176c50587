//! Regular expressions over bytes: what they may take, and what of a match is the value.

use super::typed_text::WrongExpression;
use regex_automata::Input;
use regex_automata::meta::{BuildError, Regex};
use regex_automata::util::syntax;
use std::fmt;
use std::ops::Range;

/// The most memory that a regular expression may take once it is compiled.
pub const PATTERN_MEMORY_BYTES_MAX: usize = 1 << 20;

/// A regular expression, compiled. A copy of it shares what was compiled; each shard is to have one, so that they search
/// without waiting for each other.
#[derive(Clone)]
pub(super) struct Pattern {
    text: String,
    regex: Regex,
}

impl Pattern {
    pub(super) fn parse(text: &str) -> Result<Pattern, WrongExpression> {
        if text.is_empty() {
            let fix = "write one, such as `regex id=(\\d+)`";
            return Err(WrongExpression::new("the regular expression is empty", fix));
        }
        // As the crate `regex` does for bytes: what comes need not be UTF-8.
        let config = Regex::config().utf8_empty(false).nfa_size_limit(Some(PATTERN_MEMORY_BYTES_MAX));
        let syntax = syntax::Config::new().utf8(false);
        let built = Regex::builder().configure(config).syntax(syntax).build(text);
        built.map(|regex| Pattern { text: text.to_owned(), regex }).map_err(|error| wrong(text, &error))
    }

    /// Where the first match is: its first group, or all of it where the expression has no group. A group that took no part
    /// in the match is nowhere.
    pub(super) fn find(&self, text: &[u8]) -> Option<Range<usize>> {
        // The ends of the whole match and of its first group.
        let mut slots = [None; 4];
        let has_group = self.regex.captures_len() > 1;
        let wanted = if has_group { &mut slots[..] } else { &mut slots[..2] };
        self.regex.search_slots(&Input::new(text), wanted)?;
        let at = if has_group { 2 } else { 0 };
        Some(slots[at]?.get()..slots[at + 1]?.get())
    }

    pub(super) fn is_match(&self, text: &[u8]) -> bool {
        self.regex.is_match(text)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Pattern({})", self.text)
    }
}

fn wrong(text: &str, error: &BuildError) -> WrongExpression {
    if error.size_limit().is_some() {
        let limit = format!("{} KiB", PATTERN_MEMORY_BYTES_MAX >> 10);
        let problem = format!("the regular expression `{text}` takes more than {limit} once it is compiled");
        return WrongExpression::new(problem, "repeat less in it, or ask for less with `between`");
    }
    let told = error.syntax_error().map_or_else(|| error.to_string(), ToString::to_string);
    // Told over several lines, of which the last has the cause.
    let cause = told.lines().last().unwrap_or_default();
    let cause = cause.strip_prefix("error: ").unwrap_or(cause);
    let problem = format!("`{text}` is no regular expression: {cause}");
    WrongExpression::new(problem, "a backslash before a sign such as ( [ { . * + ? means the sign itself")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found<'a>(pattern: &str, text: &'a str) -> Option<&'a str> {
        Pattern::parse(pattern).unwrap().find(text.as_bytes()).map(|range| &text[range])
    }

    #[test]
    fn the_first_group_is_the_value_or_else_the_whole_match() {
        assert_eq!(found(r"id=(\d+)&x=(\d+)", "?id=17&x=5"), Some("17"));
        assert_eq!(found(r"id=\d+", "?id=17&x=5"), Some("id=17"));
        assert_eq!(found(r"(?:id)=(\d+)", "?id=17"), Some("17"));
        assert_eq!(found(r"a|(b)", "a"), None, "the group took no part");
        assert_eq!(found(r"id=(\d*)", "id="), Some(""));
        assert_eq!(found("x", "y"), None);
    }

    #[test]
    fn what_is_no_expression_says_why() {
        for (text, cause) in [
            ("a(", "unclosed group"),
            ("[z-a]", "invalid character class range"),
            ("*", "repetition operator missing expression"),
            ("(?<=a)b", "look-around"),
            ("", "is empty"),
        ] {
            let problem = Pattern::parse(text).unwrap_err().problem;
            assert!(problem.contains(cause), "{text}: {problem}");
        }
    }

    #[test]
    fn an_expression_over_its_size_limit_is_refused_and_told() {
        let error = Pattern::parse(r"(\w{100}){100}").unwrap_err();
        assert!(error.problem.contains("takes more than 1024 KiB"), "{error}");
    }

    /// Pieces of which most sequences are expressions, with what they match.
    const PIECES: [&str; 16] = [
        "a", "b", "ab", "(a)", "(b|c)", "[a-c]", ".", "a*", "(c)?", "b+?", "^", "$", r"\b", "|", "(?i:A)",
        r"\xff",
    ];

    proptest! {
        #[test]
        fn values_are_those_of_the_crate_regex(
            pieces in proptest::collection::vec(proptest::sample::select(&PIECES[..]), 1..6),
            text in proptest::collection::vec(proptest::sample::select(&b"abcABC \n\xff\xc3"[..]), 0..24),
        ) {
            let pattern = pieces.concat();
            let oracle = regex::bytes::Regex::new(&pattern);
            let ours = Pattern::parse(&pattern);
            prop_assert_eq!(ours.is_ok(), oracle.is_ok(), "{}", pattern);
            if let (Ok(ours), Ok(oracle)) = (ours, oracle) {
                let group = usize::from(oracle.captures_len() > 1);
                let captures = oracle.captures(&text);
                let value = captures.and_then(|captures| captures.get(group)).map(|value| value.range());
                prop_assert_eq!(ours.find(&text), value, "{}", pattern);
                prop_assert_eq!(ours.is_match(&text), oracle.is_match(&text));
            }
        }
    }
}
