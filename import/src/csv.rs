//! Cells of CSV (RFC 4180), as data files that are written have them.

use std::borrow::Cow;

/// A value as a cell: in quotes where it would not be one by itself.
pub(crate) fn cell(value: &str) -> Cow<'_, str> {
    let is_plain = !value.contains([',', '"', '\n', '\r']) && !value.is_empty();
    match is_plain {
        true => Cow::Borrowed(value),
        false => Cow::Owned(format!("\"{}\"", value.replace('"', "\"\""))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_end_a_cell_stands_in_quotes() {
        for (value, written) in
            [("a b", "a b"), ("", "\"\""), ("a,b", "\"a,b\""), ("a\"b", "\"a\"\"b\""), ("a\nb", "\"a\nb\"")]
        {
            assert_eq!(cell(value), written);
        }
    }
}
