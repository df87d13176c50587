//! Command lines as shells read them: words of POSIX shells, and of the command prompt of Windows.

use crate::wrong::WrongImport;
use std::iter::Peekable;
use std::str::Chars;

/// Around the name of a shell's variable in a word: characters that no text has, so that holes can be told from what was typed.
pub(crate) const VARIABLE_OPEN: char = '\u{E000}';
/// Behind it.
pub(crate) const VARIABLE_CLOSE: char = '\u{E001}';

/// A text whose variables of the shell are holes.
pub(crate) fn with_variables(text: &str) -> String {
    let text = text.replace(VARIABLE_OPEN, "{{env ").replace(VARIABLE_CLOSE, "}}");
    // In a path they were escaped as any letter is.
    text.replace("%EE%80%80", "{{env ").replace("%EE%80%81", "}}")
}

/// A text as it is shown: with variables of the shell as they were typed.
pub(crate) fn shown(text: &str) -> String {
    text.replace(VARIABLE_OPEN, "$").replace(VARIABLE_CLOSE, "")
}

/// The commands of a text, each as its words. Lines, `;`, `&` and `|` end a command; comments are none.
pub(crate) fn commands(text: &str) -> Result<Vec<Vec<String>>, WrongImport> {
    if is_windows(text) {
        return Ok(windows_commands(text));
    }
    let mut reader = Reader { letters: text.chars().peekable(), line: 1, word: None };
    let (mut commands, mut words) = (Vec::new(), Vec::new());
    while let Some(letter) = reader.next() {
        match letter {
            ' ' | '\t' | '\r' => words.extend(reader.word.take()),
            '\n' | ';' | '&' | '|' => {
                words.extend(reader.word.take());
                commands.push(std::mem::take(&mut words));
            }
            '#' if reader.word.is_none() => while reader.letters.next_if(|c| *c != '\n').is_some() {},
            '\\' => reader.escaped(),
            '\'' => reader.single()?,
            '"' => reader.double()?,
            '$' => reader.dollar()?,
            letter => reader.push(letter),
        }
    }
    words.extend(reader.word.take());
    commands.push(words);
    commands.retain(|words| !words.is_empty());
    Ok(commands)
}

struct Reader<'a> {
    letters: Peekable<Chars<'a>>,
    line: usize,
    /// The word that is being read; one that is quoted may be empty.
    word: Option<String>,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        let letter = self.letters.next();
        self.line += usize::from(letter == Some('\n'));
        letter
    }

    fn push(&mut self, letter: char) {
        self.word.get_or_insert_default().push(letter);
    }

    /// Outside of quotes: a line that goes on, or a letter that means itself.
    fn escaped(&mut self) {
        match self.next() {
            Some('\n') => {}
            // Lines of files from Windows end in two letters.
            Some('\r') if self.letters.next_if_eq(&'\n').is_some() => self.line += 1,
            Some(letter) => self.push(letter),
            None => {}
        }
    }

    fn unclosed(&self, quote: &str, line: usize) -> WrongImport {
        WrongImport::new(
            format!("a quote {quote} is not closed"),
            "close it, and put the whole command into quotes of the other kind, or give it on standard input: `vajra import curl -`",
        )
        .at(format!("line {line}"))
    }

    fn single(&mut self) -> Result<(), WrongImport> {
        let line = self.line;
        self.word.get_or_insert_default();
        loop {
            match self.next().ok_or_else(|| self.unclosed("'", line))? {
                '\'' => return Ok(()),
                letter => self.push(letter),
            }
        }
    }

    fn double(&mut self) -> Result<(), WrongImport> {
        let line = self.line;
        self.word.get_or_insert_default();
        loop {
            match self.next().ok_or_else(|| self.unclosed("\"", line))? {
                '"' => return Ok(()),
                '\\' => match self.next() {
                    Some('\n') | None => {}
                    Some(letter @ ('"' | '\\' | '$' | '`')) => self.push(letter),
                    Some(letter) => {
                        self.push('\\');
                        self.push(letter);
                    }
                },
                '$' => self.variable(),
                letter => self.push(letter),
            }
        }
    }

    /// Outside of quotes: `$'…'`, `$"…"`, a variable, or a dollar sign.
    fn dollar(&mut self) -> Result<(), WrongImport> {
        match self.letters.peek() {
            Some('\'') => {
                self.next();
                self.ansi()
            }
            Some('"') => {
                self.next();
                self.double()
            }
            _ => {
                self.variable();
                Ok(())
            }
        }
    }

    fn variable(&mut self) {
        let mut ahead = self.letters.clone();
        let has_braces = ahead.next_if_eq(&'{').is_some();
        let mut name = String::new();
        while let Some(letter) = ahead.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
            name.push(letter);
        }
        let is_closed = !has_braces || ahead.next_if_eq(&'}').is_some();
        if !is_closed || !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            return self.push('$');
        }
        self.letters = ahead;
        let word = self.word.get_or_insert_default();
        word.extend([VARIABLE_OPEN].into_iter().chain(name.chars()).chain([VARIABLE_CLOSE]));
    }

    /// `$'…'`: escapes as C has them. Browsers quote so what is no plain text.
    fn ansi(&mut self) -> Result<(), WrongImport> {
        let line = self.line;
        self.word.get_or_insert_default();
        loop {
            let letter = match self.next().ok_or_else(|| self.unclosed("$'", line))? {
                '\'' => return Ok(()),
                '\\' => match self.next().ok_or_else(|| self.unclosed("$'", line))? {
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    'a' => '\u{7}',
                    'b' => '\u{8}',
                    'e' | 'E' => '\u{1b}',
                    'f' => '\u{c}',
                    'v' => '\u{b}',
                    'x' => self.number(0, 16, 2),
                    'u' => self.number(0, 16, 4),
                    'U' => self.number(0, 16, 8),
                    digit @ '0'..='7' => self.number(digit.to_digit(8).unwrap_or(0), 8, 2),
                    letter => letter,
                },
                letter => letter,
            };
            self.push(letter);
        }
    }

    /// A letter by its number, which goes on for so many digits at most.
    fn number(&mut self, mut value: u32, base: u32, digits_max: usize) -> char {
        for _ in 0..digits_max {
            let Some(digit) = self.letters.next_if(|c| c.is_digit(base)) else { break };
            value = value * base + digit.to_digit(base).unwrap_or(0);
        }
        char::from_u32(value).unwrap_or(char::REPLACEMENT_CHARACTER)
    }
}

/// Whether a command was copied for the command prompt: it escapes by `^`.
fn is_windows(text: &str) -> bool {
    text.contains("^\"") || text.contains("^\n") || text.contains("^\r\n")
}

/// Words of the command prompt: `^` escapes what is behind it, and `\"` is a quote within quotes.
fn windows_commands(text: &str) -> Vec<Vec<String>> {
    let mut plain = String::new();
    let mut letters = text.chars().filter(|c| *c != '\r');
    while let Some(letter) = letters.next() {
        match letter {
            '^' => match letters.next() {
                // The end of the line goes, and the next letter stays what it is: an end of the line, too.
                Some('\n') => plain.extend(letters.next()),
                other => plain.extend(other),
            },
            letter => plain.push(letter),
        }
    }
    let (mut commands, mut words, mut word, mut is_quoted) = (Vec::new(), Vec::new(), None::<String>, false);
    let mut letters = plain.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if letters.peek() == Some(&'"') => {
                letters.next();
                word.get_or_insert_default().push('"');
            }
            '"' => {
                is_quoted = !is_quoted;
                word.get_or_insert_default();
            }
            ' ' | '\t' if !is_quoted => words.extend(word.take()),
            '\n' | '&' | '|' if !is_quoted => {
                words.extend(word.take());
                commands.push(std::mem::take(&mut words));
            }
            letter => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    commands.push(words);
    commands.retain(|words| !words.is_empty());
    commands
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(text: &str) -> Vec<String> {
        let mut commands = commands(text).unwrap();
        assert_eq!(commands.len(), 1, "{commands:?}");
        commands.remove(0)
    }

    #[test]
    fn words_are_those_of_a_shell() {
        for (text, expected) in [
            (r#"a 'b c'"d e"f ''"#, &["a", "b cd ef", ""][..]),
            ("a \\\n  b\\ c # d", &["a", "b c"]),
            ("a \\\r\n b", &["a", "b"]),
            (r#""a\"b\\c\n" '\n'"#, &["a\"b\\c\\n", "\\n"]),
            (r"$'a\n\'\x41\u00e9\101\\'", &["a\n'A\u{e9}A\\"]),
            ("x$HOME\"${A_1}\"'$B' $ 5$", &["x\u{E000}HOME\u{E001}\u{E000}A_1\u{E001}$B", "$", "5$"]),
            ("a#b", &["a#b"]),
        ] {
            assert_eq!(words(text), expected, "{text}");
        }
    }

    #[test]
    fn commands_end_where_a_shell_ends_them() {
        let found = commands("# all\na 1\n\na 2; a 3 && a 4 | jq .\n").unwrap();
        assert_eq!(found, [vec!["a", "1"], vec!["a", "2"], vec!["a", "3"], vec!["a", "4"], vec!["jq", "."]]);
    }

    #[test]
    fn a_command_of_windows_is_read_too() {
        let text = "curl ^\"http://h/a?x=1^&y=2^\" ^\r\n  -H ^\"accept: */*^\" ^\r\n  --data-raw ^\"^{^\\^\"a^\\^\":1^}^\"";
        assert_eq!(
            words(text),
            ["curl", "http://h/a?x=1&y=2", "-H", "accept: */*", "--data-raw", "{\"a\":1}"]
        );
    }

    #[test]
    fn a_quote_that_is_not_closed_is_told_with_its_line() {
        for text in ["curl\n'a", "curl\n\"a", "curl\n$'a"] {
            assert_eq!(commands(text).unwrap_err().place, "line 2", "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_words_come_back_from_single_quotes(given in prop::collection::vec("[^']{0,12}", 1..5)) {
            let text: Vec<String> = given.iter().map(|word| format!("'{word}'")).collect();
            // What looks like the command prompt is read by its rules.
            prop_assume!(!is_windows(&text.join(" ")));
            prop_assert_eq!(words(&text.join(" ")), given);
        }

        #[test]
        fn any_text_is_read_or_refused(text in any::<String>(), tail in "[\\\\'\"$^{}\n xu0-9]{0,30}") {
            let _ = commands(&text);
            let _ = commands(&tail);
        }
    }
}
