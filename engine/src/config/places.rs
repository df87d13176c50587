//! Where in a document its keys and values stand, whichever language it is written in.

use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value of a document, by its place.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// The bytes of the value. Of a table with a header, those of the header.
    pub(super) span: Range<usize>,
    pub(super) kind: NodeKind,
}

/// What is in a value.
#[derive(Clone, Debug)]
pub(super) enum NodeKind {
    /// Keys, where each stands, and their values.
    Table(Vec<Member>),
    /// Values one after the other.
    List(Vec<Node>),
    /// Nothing that has a place of its own.
    Leaf,
}

/// A key of a table, and its value.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) key: String,
    pub(super) key_span: Range<usize>,
    pub(super) value: Node,
}

/// What was found at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FoundAt {
    pub(super) value: Range<usize>,
    /// Where the key stands; nothing for an element of a list.
    pub(super) key: Option<Range<usize>>,
    pub(super) is_table: bool,
}

impl Node {
    /// The places in a TOML document, as far as it could be read.
    pub(super) fn of_toml(root: &Spanned<DeTable<'_>>) -> Node {
        Node { span: root.span(), kind: table(root.get_ref()) }
    }

    /// What is at a dotted path. Keys may hold dots themselves.
    pub(super) fn find(&self, path: &str) -> Option<FoundAt> {
        match &self.kind {
            NodeKind::Table(members) => members.iter().find_map(|member| member.find(path)),
            NodeKind::List(elements) => {
                let (index, rest) = path.split_once('.').unwrap_or((path, ""));
                let element = elements.get(index.parse::<usize>().ok()?)?;
                element.found_or_find(None, rest)
            }
            NodeKind::Leaf => None,
        }
    }

    fn found_or_find(&self, key: Option<&Range<usize>>, rest: &str) -> Option<FoundAt> {
        if !rest.is_empty() {
            return self.find(rest);
        }
        let is_table = matches!(self.kind, NodeKind::Table(_));
        Some(FoundAt { value: self.span.clone(), key: key.cloned(), is_table })
    }
}

impl Member {
    fn find(&self, path: &str) -> Option<FoundAt> {
        let rest = path.strip_prefix(self.key.as_str())?;
        match rest.strip_prefix('.') {
            Some(rest) => self.value.found_or_find(Some(&self.key_span), rest),
            None if rest.is_empty() => self.value.found_or_find(Some(&self.key_span), ""),
            None => None,
        }
    }
}

fn node(value: &Spanned<DeValue<'_>>) -> Node {
    let kind = match value.get_ref() {
        DeValue::Table(inner) => table(inner),
        DeValue::Array(elements) => NodeKind::List(elements.iter().map(node).collect()),
        _ => NodeKind::Leaf,
    };
    Node { span: value.span(), kind }
}

fn table(table: &DeTable<'_>) -> NodeKind {
    let member = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
        let name: &std::borrow::Cow<'_, str> = key.get_ref();
        Member { key: name.clone().into_owned(), key_span: key.span(), value: node(value) }
    };
    NodeKind::Table(table.iter().map(member).collect())
}
