//! Texts that came from elsewhere, in one line and without what would steer a terminal.
//!
//! Escape sequences could clear the screen, a line break could add a line that the program never said, and marks that turn the
//! direction of writing could show one thing for another.

use crate::plan::Fields;
use crate::report::Report;
use serde_json::Value;

/// What stands in place of what is left out.
const REPLACEMENT: char = '\u{fffd}';

/// A text in one line.
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if is_steering(c) { REPLACEMENT } else { c }).collect()
}

/// A text in several lines, where the line breaks are ours.
pub fn lines(text: &str) -> String {
    text.chars().map(|c| if c != '\n' && is_steering(c) { REPLACEMENT } else { c }).collect()
}

/// A report whose every text is plain, whatever keys it has.
pub fn report(report: &Report) -> Report {
    // What was read from JSON can be written as JSON. A number that JSON has no word for could only be of a run made here, whose
    // texts are the user's own.
    retold(report).unwrap_or_else(|_| report.clone())
}

fn retold(report: &Report) -> serde_json::Result<Report> {
    let mut value = cleaned(serde_json::to_value(report)?);
    // Two names may be one when they are plain: what is shown need not be a plan that can run.
    let fields: Fields = serde_json::from_value(value["plan"].take())?;
    value["plan"] = serde_json::to_value(&report.plan)?;
    let plan = report.plan.rewritten(|shown| *shown = fields);
    Ok(Report { plan, ..serde_json::from_value(value)? })
}

fn cleaned(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(plain(&text)),
        Value::Array(values) => values.into_iter().map(cleaned).collect(),
        Value::Object(members) => {
            members.into_iter().map(|(key, value)| (plain(&key), cleaned(value))).collect()
        }
        other => other,
    }
}

/// Control characters of ASCII and Latin-1, and marks of the direction of writing.
pub fn is_steering(c: char) -> bool {
    let is_direction =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{061c}');
    c.is_control() || is_direction || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_from_elsewhere_does_not_steer_the_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb\n"), "a\u{fffd}[2Jb\u{fffd}");
        assert_eq!(plain("\u{9b}31m\u{202e}x\u{7f}ü…"), "\u{fffd}31m\u{fffd}x\u{fffd}ü…");
        assert_eq!(lines("a\n\u{1b}]0;x\u{7}b\r\n"), "a\n\u{fffd}]0;x\u{fffd}b\u{fffd}\n");
    }
}
