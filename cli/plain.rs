//! Texts that came from elsewhere, without what would steer a terminal: reports, bundles, archives, plans, answers of servers.
//!
//! Names, reasons and limits of a report are printed as its maker wrote them. An escape sequence could clear the screen, a line
//! break could add a line that the program never said, and marks that turn the direction of writing could show one thing for another.

use engine::report::Report;
use serde_json::Value;

/// What stands in place of what is left out.
const REPLACEMENT: char = '\u{fffd}';

/// A text in one line.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|c| if is_steering(c) { REPLACEMENT } else { c }).collect()
}

/// A text in several lines, where the line breaks are ours.
pub(crate) fn lines(text: &str) -> String {
    text.chars().map(|c| if c != '\n' && is_steering(c) { REPLACEMENT } else { c }).collect()
}

/// A report whose every text is plain, whatever keys it has.
pub(crate) fn report(report: &Report) -> Report {
    let cleaned = serde_json::to_value(report).map(cleaned).and_then(serde_json::from_value);
    // A number that JSON has no word for does not come back. Such a report was made here, and not read from a file.
    cleaned.unwrap_or_else(|_| {
        let mut report = report.clone();
        report.plan.name = plain(&report.plan.name);
        let steps = report.scenarios.iter_mut().flat_map(|scenario| &mut scenario.steps);
        steps.for_each(|step| step.name = plain(&step.name));
        report.limits.iter_mut().for_each(|limit| *limit = plain(limit));
        report
    })
}

/// JSON as it may be printed: what would steer a terminal is written as an escape, which means the same.
pub(crate) fn json(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => shown.push(c),
            c if is_steering(c) => shown.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => shown.push(c),
        }
    }
    shown
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
fn is_steering(c: char) -> bool {
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

    #[test]
    fn json_means_the_same_and_does_not_steer_either() {
        let value = serde_json::json!({ "a": "\u{9b}31m\u{202e}\u{7f}\u{1b}ü" });
        let text = json(&serde_json::to_string_pretty(&value).unwrap());
        assert!(text.is_ascii() || text.contains('ü'), "{text}");
        assert!(!text.chars().any(|c| c != '\n' && is_steering(c)), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }
}
