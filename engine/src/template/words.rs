//! The words of a hole: texts in quotes among them, and the bars between filters.

/// What a hole begins with.
pub const OPEN: &str = "{{";
/// What it ends with, where that stands in no quotes.
pub(super) const CLOSE: &str = "}}";

/// A word of a hole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum HoleWord<'a> {
    Plain(&'a str),
    Quoted(String),
    /// What stands before a filter.
    Bar,
}

/// The words of what stands in a hole. Nothing where quotes are not closed, or not at the end of a word.
pub(super) fn words(text: &str) -> Option<Vec<HoleWord<'_>>> {
    let (mut words, mut rest) = (Vec::new(), text.trim_start());
    while let Some(first) = rest.chars().next() {
        let bytes = match first {
            '|' => {
                words.push(HoleWord::Bar);
                1
            }
            '"' | '\'' => {
                let end = end_of_quoted(rest)?;
                words.push(HoleWord::Quoted(unquoted(&rest[1..end - 1])));
                let is_at_end = rest[end..].starts_with(|next: char| next.is_whitespace() || next == '|');
                if !is_at_end && end < rest.len() {
                    return None;
                }
                end
            }
            _ => {
                let end = rest.find(|next: char| next.is_whitespace() || next == '|').unwrap_or(rest.len());
                words.push(HoleWord::Plain(&rest[..end]));
                end
            }
        };
        rest = rest[bytes..].trim_start();
    }
    Some(words)
}

/// Where a hole ends whose text begins so: the offset of what closes it.
pub(super) fn end_of_hole(text: &str) -> Option<usize> {
    let (mut at, mut begins_word) = (0, true);
    while let Some(next) = text[at..].chars().next() {
        if text[at..].starts_with(CLOSE) {
            return Some(at);
        }
        let quoted = if begins_word { end_of_quoted(&text[at..]) } else { None };
        begins_word = next.is_whitespace() || next == '|';
        at += quoted.unwrap_or(next.len_utf8());
    }
    None
}

/// How long a text is that begins with a quote, its quotes counted; it ends in the line in which it begins. Nothing where it has
/// no end, or where no quote is.
fn end_of_quoted(text: &str) -> Option<usize> {
    let quote = text.chars().next().filter(|first| "\"'".contains(*first))?;
    let mut is_escaped = false;
    for (at, letter) in text.char_indices().skip(1) {
        match letter {
            '\n' => return None,
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            _ if letter == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// What stands between quotes: a backslash before a quote or another backslash is none of it.
fn unquoted(text: &str) -> String {
    let (mut plain, mut letters) = (String::new(), text.chars().peekable());
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => plain.push(letters.next_if(|next| "\\\"'".contains(*next)).unwrap_or('\\')),
            _ => plain.push(letter),
        }
    }
    plain
}

/// A text as it is typed in a hole, in quotes.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quotes_hold_blanks_bars_and_ends() {
        let text = r#" x|hmac_sha256 'a }}\'|\\ b' | hex }} rest"#;
        let end = end_of_hole(text).unwrap();
        assert_eq!(&text[end..], "}} rest");
        let expected = [
            HoleWord::Plain("x"),
            HoleWord::Bar,
            HoleWord::Plain("hmac_sha256"),
            HoleWord::Quoted("a }}'|\\ b".into()),
            HoleWord::Bar,
            HoleWord::Plain("hex"),
        ];
        assert_eq!(words(&text[..end]).unwrap(), expected);
        assert_eq!(words("pick \"\" 'b'").unwrap().len(), 3);
    }

    #[test]
    fn a_quote_that_is_not_closed_does_not_hide_the_end() {
        for (text, end) in
            [("don't}} it's}}", 5), ("'a}} b", 2), ("'a}}\n'b}}", 2), ("x 'a\\'}}", 6), ("}}", 0)]
        {
            assert_eq!(end_of_hole(text), Some(end), "{text}");
        }
        assert_eq!((end_of_hole("seq }"), words("x 'a"), words("'a'b")), (None, None, None));
    }

    proptest! {
        #[test]
        fn any_text_in_one_line_can_be_quoted(text in "[^\n]{0,30}") {
            let typed = format!("pick {}", quoted(&text));
            prop_assert_eq!(end_of_hole(&format!("{typed}}}}}")), Some(typed.len()));
            let read = words(&typed).unwrap();
            prop_assert_eq!(read, vec![HoleWord::Plain("pick"), HoleWord::Quoted(text)]);
        }

        #[test]
        fn any_text_can_be_looked_through(text in any::<String>()) {
            if let Some(end) = end_of_hole(&text) {
                prop_assert!(text[end..].starts_with(CLOSE));
            }
            words(&text);
        }
    }
}
