//! Errors are types. A text says what is wrong to a person and nothing to a program.

use super::sources::{PRODUCT, product};

/// Where a text is all that an error has to be: perf is read by the person who runs it, and what the parsers of typed text say
/// gets its place, a flag or a line, from whoever calls them; so does what a file that a plan names could not give.
const ALLOWED: [&str; 8] = [
    "perf/src/",
    "engine/src/quantity.rs",
    "engine/src/plan/reader",
    "engine/src/url.rs",
    "engine/src/template",
    "engine/src/threshold",
    "engine/src/until.rs",
    "cli/input/load.rs",
];

/// How often a text has a `Result` whose error is a `String`.
fn text_errors(text: &str) -> usize {
    text.match_indices("Result<")
        // The only argument of this one is the value.
        .filter(|(at, _)| !text[..*at].ends_with("io::"))
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
fn errors_are_types() {
    for (path, text) in PRODUCT.into_iter().flat_map(product) {
        let is_allowed = ALLOWED.iter().any(|free| path.starts_with(free));
        assert!(is_allowed || text_errors(&text) == 0, "{path} has a `Result<_, String>`");
    }
}

#[test]
fn an_error_is_the_last_argument_of_a_result() {
    assert_eq!(text_errors("fn a() -> Result<(), String>; fn b() -> Result<Vec<(u8, String)>, Error>"), 1);
    assert_eq!(text_errors("Result<\n    String,\n    String,\n>"), 1);
    assert_eq!(text_errors("Result<Box<dyn Fn(u8) -> Result<u8, String>>, Error>"), 1);
    assert_eq!(text_errors("io::Result<String>"), 0);
}
