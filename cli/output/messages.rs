//! What is told on standard error beside results: mistakes, warnings and notes, all in one way.

use crate::output::layout;
use crate::output::screen::{Screen, Tone};
use std::io::{self, Write};

/// How much a message matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Severity {
    /// Something did not happen as it was asked for.
    Error,
    /// Something may not be as it was meant.
    Warning,
    /// Something that is good to know.
    Note,
}

/// Tells a message: its first word in colour, lines that fit where a person looks. A help line may follow the first.
pub(crate) fn tell(severity: Severity, text: &str) {
    // Nobody is left to be told that it cannot be told.
    let _ = io::stderr().write_all(shown(severity, text, &Screen::stderr()).as_bytes());
}

/// Tells what was asked for and went wrong.
pub(crate) fn tell_error(text: &str) {
    tell(Severity::Error, text);
}

fn shown(severity: Severity, text: &str, screen: &Screen) -> String {
    let (word, tone) = match severity {
        Severity::Error => ("error:", Tone::Bad),
        Severity::Warning => ("warning:", Tone::Caution),
        Severity::Note => ("note:", Tone::Strong),
    };
    let message = format!("{} {}", screen.paint(tone, word), text.trim_end());
    layout::message(screen.message_width(), &message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_begins_with_how_much_it_matters() {
        let plain = Screen::plain(80);
        assert_eq!(shown(Severity::Note, "x\n  help: y\n", &plain), "note: x\n  help: y\n");
        assert!(shown(Severity::Error, "x", &plain).starts_with("error: "));
    }
}
