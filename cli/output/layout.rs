//! Lines that fit: text that wraps between words and keeps its indentation, and figures that stay with their units.

use crate::output::screen::Screen;
use textwrap::{Options, WordSeparator, WordSplitter};

/// Columns of the names before the lines of a report.
const NAME_COLUMNS: usize = 13;
/// What follows a prefix is indented by no more than this.
const INDENT_MAX: usize = 24;
/// Does not break.
const NO_BREAK: char = '\u{a0}';
/// Words that stay with the figure before them.
const UNITS: [&str; 15] =
    ["ns", "us", "ms", "s", "m", "h", "%", "pp", "B", "KiB", "MiB", "GiB", "req/s", "ppm", "±"];

/// A line with a name before it.
pub(crate) fn row(screen: &Screen, name: &str, text: &str) -> String {
    hanging(screen.width, &format!("{name:<width$} ", width = NAME_COLUMNS - 1), text)
}

/// A text after a prefix; what does not fit goes on below where it began.
pub(crate) fn hanging(width: usize, prefix: &str, text: &str) -> String {
    let indent = " ".repeat(textwrap::core::display_width(prefix).min(INDENT_MAX));
    let mut lines = String::new();
    let (mut before, after) = (prefix, indent.as_str());
    for line in text.lines().chain(text.is_empty().then_some("")) {
        let options = Options::new(width)
            .initial_indent(before)
            .subsequent_indent(after)
            .word_separator(WordSeparator::AsciiSpace)
            .word_splitter(WordSplitter::NoHyphenation);
        for wrapped in textwrap::wrap(&bound(line), options) {
            lines.push_str(wrapped.replace(NO_BREAK, " ").trim_end());
            lines.push('\n');
        }
        before = after;
    }
    lines
}

/// A message of several lines, each of which goes on below where its words began.
pub(crate) fn message(width: usize, text: &str) -> String {
    let wrapped = text.lines().map(|line| {
        let words = line.trim_start();
        hanging(width, &" ".repeat(line.len() - words.len()), words)
    });
    wrapped.collect()
}

/// A text in no more than so many columns, its end left out where it is longer.
pub(crate) fn shortened(text: &str, columns: usize) -> String {
    if textwrap::core::display_width(text) <= columns {
        return text.to_owned();
    }
    let mut shown = String::new();
    for character in text.chars() {
        let longer = format!("{shown}{character}");
        if textwrap::core::display_width(&longer) >= columns {
            break;
        }
        shown = longer;
    }
    format!("{}…", shown.trim_end())
}

/// The same text, in which no line breaks between a figure and its unit.
fn bound(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut words = line.split(' ').peekable();
    while let Some(word) = words.next() {
        text.push_str(word);
        let Some(next) = words.peek() else { break };
        let unit = next.trim_end_matches([',', ';', ':', '.', ')', '/']);
        let is_figure = word.ends_with(|c: char| c.is_ascii_digit() || c == '±');
        text.push(if is_figure && UNITS.contains(&unit) { NO_BREAK } else { ' ' });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_wraps_between_words_under_where_it_began() {
        let shown = row(&Screen::plain(41), "Rate", "10,000.00 of 10,000.00 req/s (100.0000 %)");
        assert_eq!(shown, "Rate         10,000.00 of 10,000.00 req/s\n             (100.0000 %)\n");
        let shown = hanging(20, "note: ", "a warm-up of 5 s");
        assert_eq!(shown, "note: a warm-up of\n      5 s\n", "neither in a word nor before a unit");
        assert_eq!(hanging(20, "x ", ""), "x\n");
    }

    #[test]
    fn a_message_keeps_its_indentation() {
        let shown = message(24, "error: it is wrong\n  help: write it in another way");
        assert_eq!(shown, "error: it is wrong\n  help: write it in\n  another way\n");
    }

    #[test]
    fn what_is_too_long_is_shortened() {
        assert_eq!((shortened("abcdef", 6).as_str(), shortened("abcdef", 5).as_str()), ("abcdef", "abcd…"));
    }
}
