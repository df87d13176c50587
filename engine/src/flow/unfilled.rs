//! Why a request cannot be filled in, in words.

use crate::template::Unfilled;

/// What is wrong with a value of it.
pub(super) fn in_words(unfilled: Unfilled) -> &'static str {
    match unfilled {
        Unfilled::NotSet(_) => "a value of the request was not taken from any response before it",
        Unfilled::NotNumber => "a value that is to be a number is none",
        Unfilled::NotText => "a value is not UTF-8, and has to be text where it stands",
        Unfilled::TooLong => "a value is too long",
        Unfilled::NoSlash => "a path is to begin with a value, which does not begin with `/`",
        Unfilled::Invalid { .. } => {
            "a value has a byte that may not stand in its place, such as the end of a line"
        }
    }
}
