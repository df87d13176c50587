//! Files that one can hold in one's head. Functions are counted by `clippy::too_many_lines`, whose limit is in `clippy.toml`.

use super::sources::{PRODUCT, sources};

const FILE_LINES_MAX: usize = 800;
const FUNCTION_LINES_MAX: usize = 70;
/// Too long still, because it is being split: it leaves this list when it is short enough, and does not grow before.
const BEING_SPLIT: [(&str, usize); 1] = [("shards/src/shard.rs", 802)];

#[test]
fn no_file_is_too_long() {
    for (path, text) in PRODUCT.into_iter().chain(["benches", "tests", "archive/tests"]).flat_map(sources) {
        let lines = text.lines().count();
        let allowed = BEING_SPLIT.iter().find(|(split, _)| *split == path);
        let most = allowed.map_or(FILE_LINES_MAX, |(_, most)| *most);
        assert!(lines <= most, "{path} has {lines} lines, and {most} are the most");
        let is_split = allowed.is_some() && lines <= FILE_LINES_MAX;
        assert!(!is_split, "{path} is short enough, so no longer in BEING_SPLIT");
    }
}

#[test]
fn long_functions_are_held_by_the_lint() {
    let read = |file: &str| std::fs::read_to_string(super::root().join(file)).unwrap();
    assert!(read("clippy.toml").contains(&format!("too-many-lines-threshold = {FUNCTION_LINES_MAX}\n")));
    assert!(read("Cargo.toml").contains("\ntoo_many_lines = \"warn\"\n"));
}
