//! Names of columns as they are shown: they come from a file, which may have anything in them.

/// So much of a name is shown, and so many names of a list.
const LETTERS_MAX: usize = 40;
const NAMES_MAX: usize = 8;
/// What stands in the place of what would steer a terminal.
const REPLACEMENT: char = '\u{fffd}';

/// A name in one short line.
pub(super) fn shown(name: &str) -> String {
    let plain = |letter: char| if letter.is_control() { REPLACEMENT } else { letter };
    let cut = name.chars().count() > LETTERS_MAX;
    name.chars().take(LETTERS_MAX).map(plain).chain(cut.then_some('…')).collect()
}

/// Names of columns, with commas between them; of many the first ones.
pub fn listed_columns(names: &[String]) -> String {
    let first: Vec<String> = names.iter().take(NAMES_MAX).map(|name| shown(name)).collect();
    let more = names.len().saturating_sub(NAMES_MAX);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    first.join(", ") + &rest
}
