//! Where in a message something stands, as one would write it: `user.emails[2].text`.

use std::fmt;

/// A place in a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MessagePath<'a> {
    outer: Option<&'a MessagePath<'a>>,
    part: PathPart<'a>,
}

#[derive(Clone, Copy, Debug)]
enum PathPart<'a> {
    Field(&'a str),
    Index(usize),
    Key(&'a str),
    Whole,
}

impl<'a> MessagePath<'a> {
    /// The message itself.
    pub(crate) const WHOLE: MessagePath<'static> = MessagePath { outer: None, part: PathPart::Whole };

    pub(crate) fn field(&'a self, name: &'a str) -> MessagePath<'a> {
        MessagePath { outer: Some(self), part: PathPart::Field(name) }
    }

    pub(crate) fn index(&'a self, index: usize) -> MessagePath<'a> {
        MessagePath { outer: Some(self), part: PathPart::Index(index) }
    }

    pub(crate) fn key(&'a self, key: &'a str) -> MessagePath<'a> {
        MessagePath { outer: Some(self), part: PathPart::Key(key) }
    }

    /// A problem with what stands here.
    pub(crate) fn problem(&self, problem: impl fmt::Display) -> String {
        match self.part {
            PathPart::Whole => format!("{problem}"),
            _ => format!("`{self}`: {problem}"),
        }
    }
}

impl fmt::Display for MessagePath<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_inner = self.outer.is_some_and(|outer| !matches!(outer.part, PathPart::Whole));
        if let Some(outer) = self.outer {
            outer.fmt(formatter)?;
        }
        match self.part {
            PathPart::Whole => Ok(()),
            PathPart::Field(name) if is_inner => write!(formatter, ".{name}"),
            PathPart::Field(name) => formatter.write_str(name),
            PathPart::Index(index) => write!(formatter, "[{index}]"),
            PathPart::Key(key) => write!(formatter, "[{key:?}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_reads_as_one_would_write_it() {
        let whole = MessagePath::WHOLE;
        let (user, tags) = (whole.field("user"), whole.field("tags"));
        let emails = user.field("emails");
        assert_eq!(emails.index(2).field("text").to_string(), "user.emails[2].text");
        assert_eq!(tags.key("a b").to_string(), "tags[\"a b\"]");
        assert_eq!((whole.problem("x"), user.problem("x")), ("x".to_owned(), "`user`: x".to_owned()));
    }
}
