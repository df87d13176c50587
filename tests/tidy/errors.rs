//! Errors are types. A text says what is wrong to a person and nothing to a program, so `Result<_, String>` is counted where it
//! still is, and may only become rarer.

use super::sources::{PRODUCT, product};
use std::collections::BTreeMap;

/// Where a text is all that an error has to be: perf is read by the person who runs it, and what the parsers of typed text say
/// gets its place, a flag or a line, from whoever calls them.
const ALLOWED: [&str; 7] = [
    "perf/src/",
    "engine/src/quantity.rs",
    "engine/src/plan/reader",
    "engine/src/url.rs",
    "engine/src/template.rs",
    "engine/src/threshold.rs",
    "engine/src/until.rs",
];

/// How many there are elsewhere, by crate. Each may only fall.
const LEFT: [(&str, usize); 5] =
    [("cli", 6), ("engine/src", 5), ("shards/src", 68), ("archive/src", 0), ("testbed/src", 3)];

/// How often a text has a `Result` whose error is a `String`.
fn text_errors(text: &str) -> usize {
    text.match_indices("Result<")
        .filter(|(at, found)| error_of(&text[at + found.len()..]) == "String")
        .count()
}

/// The last argument of a `Result`, of which the text is what follows `Result<`.
fn error_of(arguments: &str) -> &str {
    let (mut depth, mut from) = (0_i32, 0);
    for (at, letter) in arguments.char_indices() {
        match letter {
            '<' | '(' | '[' => depth += 1,
            // An arrow closes nothing.
            '>' if arguments[..at].ends_with('-') => {}
            '>' if depth == 0 => return arguments[from..at].trim().trim_end_matches(','),
            '>' | ')' | ']' => depth -= 1,
            ',' if depth == 0 && !arguments[at + 1..].trim_start().starts_with('>') => from = at + 1,
            _ => {}
        }
    }
    ""
}

#[test]
fn texts_as_errors_only_become_rarer() {
    let mut left: BTreeMap<&str, usize> = BTreeMap::new();
    for folder in PRODUCT {
        let counted = product(folder)
            .into_iter()
            .filter(|(path, _)| !ALLOWED.iter().any(|free| path.starts_with(free)));
        left.insert(folder, counted.map(|(_, text)| text_errors(&text)).sum());
    }
    for (folder, most) in LEFT {
        let now = left[folder];
        assert!(now <= most, "{folder} has `Result<_, String>` {now} times, and {most} are the most");
        assert!(now == most, "{folder} has `Result<_, String>` {now} times: lower its number in LEFT");
    }
}

#[test]
fn an_error_is_the_last_argument_of_a_result() {
    assert_eq!(text_errors("fn a() -> Result<(), String>; fn b() -> Result<Vec<(u8, String)>, Error>"), 1);
    assert_eq!(text_errors("Result<\n    String,\n    String,\n>"), 1);
    assert_eq!(text_errors("Result<Box<dyn Fn(u8) -> Result<u8, String>>, Error>"), 1);
    assert_eq!(
        text_errors("io::Result<String>"),
        1,
        "also where a `Result` has no error, and few have such a value"
    );
}
