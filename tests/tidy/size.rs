//! Files that one can hold in one's head. Functions are counted by `clippy::too_many_lines`, whose limit is in `clippy.toml`.

use super::sources::{PRODUCT, sources};

const FILE_LINES_MAX: usize = 800;
const FUNCTION_LINES_MAX: usize = 70;

#[test]
fn no_file_is_too_long() {
    for (path, text) in PRODUCT
        .into_iter()
        .chain(["benches", "tests", "archive/tests", "grpc/tests", "import/tests", "shards/tests"])
        .flat_map(sources)
    {
        let lines = text.lines().count();
        assert!(lines <= FILE_LINES_MAX, "{path} has {lines} lines, and {FILE_LINES_MAX} are the most");
    }
}

#[test]
fn long_functions_are_held_by_the_lint() {
    let read = |file: &str| std::fs::read_to_string(super::root().join(file)).unwrap();
    assert!(read("clippy.toml").contains(&format!("too-many-lines-threshold = {FUNCTION_LINES_MAX}\n")));
    assert!(read("Cargo.toml").contains("\ntoo_many_lines = \"warn\"\n"));
}
