//! One name for one type: no two types of the product are called the same, in whichever crates they are.

use super::sources::{PRODUCT, product};
use std::collections::BTreeMap;

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
    assert!(places.is_empty(), "one name for several types: {places:#?}");
}

#[test]
fn a_declaration_is_known_by_its_keyword() {
    assert_eq!(declared_type("pub(crate) struct RunOptions {"), Some("RunOptions"));
    assert_eq!(declared_type("    enum Step<T> {"), Some("Step"));
    assert_eq!(declared_type("pub trait Wire: Sized {"), Some("Wire"));
    assert_eq!(declared_type("structure of it"), None);
}
