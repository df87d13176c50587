//! One name for one type: no two types of the product are called the same, in whichever crates they are.

use super::sources::{PRODUCT, product};
use std::collections::{BTreeMap, BTreeSet};

/// Names of several types still, because shards is being moved: a name leaves this list with its second type.
const TO_BE_RENAMED: [&str; 21] = [
    "Armed",
    "Arrivals",
    "Buffer",
    "Connections",
    "End",
    "Head",
    "Interval",
    "Kind",
    "Link",
    "Machine",
    "Memory",
    "Outcome",
    "Outgoing",
    "Pause",
    "Reading",
    "Server",
    "Spread",
    "Stage",
    "Stall",
    "Trust",
    "Window",
];

/// The name of the type that a line declares.
fn declared_type(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let line = match line.strip_prefix("pub") {
        Some(rest) if rest.starts_with('(') => rest.split_once(") ")?.1,
        Some(rest) => rest.trim_start(),
        None => line,
    };
    let (keyword, rest) = line.split_once(' ')?;
    let is_type = ["struct", "enum", "trait", "union"].contains(&keyword);
    let end = rest.find(|letter: char| !letter.is_alphanumeric()).unwrap_or(rest.len());
    is_type.then_some(&rest[..end])
}

#[test]
fn no_two_types_have_one_name() {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (path, text) in PRODUCT.into_iter().flat_map(product) {
        for name in text.lines().filter_map(declared_type) {
            places.entry(name.to_owned()).or_default().push(path.clone());
        }
    }
    places.retain(|_, places| places.len() > 1);
    let several: BTreeSet<&str> = places.keys().map(String::as_str).collect();
    let known = BTreeSet::from(TO_BE_RENAMED);
    let new: Vec<_> = places.iter().filter(|(name, _)| !known.contains(name.as_str())).collect();
    assert!(new.is_empty(), "one name for several types: {new:#?}");
    let gone: Vec<_> = known.difference(&several).collect();
    assert!(gone.is_empty(), "names of one type now, so no longer in TO_BE_RENAMED: {gone:?}");
}

#[test]
fn a_declaration_is_known_by_its_keyword() {
    assert_eq!(declared_type("pub(crate) struct RunOptions {"), Some("RunOptions"));
    assert_eq!(declared_type("    enum Step<T> {"), Some("Step"));
    assert_eq!(declared_type("pub trait Wire: Sized {"), Some("Wire"));
    assert_eq!(declared_type("structure of it"), None);
}
