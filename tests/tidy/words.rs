//! Words that are not to come back: figures of speech where a plain word was wanted.

use super::sources::{all_files, relative};
use std::fs;

/// Each with what to write in its place. Put together here, so that this file does not hold what it looks for.
fn banned() -> [(String, &'static str); 6] {
    [
        (format!("{} bread", "daily"), "say what it does most of the time"),
        (format!("pair of {}", "ears"), "say who listens"),
        (format!("{} business", "nobody's"), "say whom it does not concern, and why"),
        (format!("{} all the same", "runs"), "write `anyway`"),
        (format!("go on all {}", "the same"), "write `anyway`"),
        (format!(" {}", "mend"), "write `fix`"),
    ]
}

/// A text's words, in one line: a phrase may be broken over two lines of a comment.
fn words(text: &str) -> String {
    let words = text.split_whitespace().filter(|word| !word.starts_with("//"));
    words.collect::<Vec<_>>().join(" ").to_lowercase()
}

#[test]
fn figures_of_speech_stay_out() {
    let banned = banned();
    for path in all_files() {
        let text = words(&fs::read_to_string(&path).unwrap_or_default());
        for (phrase, instead) in &banned {
            assert!(!text.contains(phrase.as_str()), "{} has `{phrase}`: {instead}", relative(&path));
        }
    }
}

#[test]
fn a_phrase_is_found_across_lines() {
    assert_eq!(words("//! A loop that\n//! Goes on."), "a loop that goes on.");
}
