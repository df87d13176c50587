//! The module map of `docs/ARCHITECTURE.md`: what each file says it is for, in the first sentence of its `//!` head.
//!
//! It is written by `UPDATE_MAP=1 cargo test tidy`; without the variable, it is compared.

use super::sources::{root, sources};
use std::fs;

const DOCUMENT: &str = "docs/ARCHITECTURE.md";
/// Between these the map is written.
const BEGIN: &str = "<!-- map -->\n";
const END: &str = "<!-- /map -->\n";
/// The longest sentence that is read at a glance.
const SENTENCE_LETTERS_MAX: usize = 130;

/// Each part of the map: its title, and the folders whose files it has.
const PARTS: [(&str, &[&str]); 12] = [
    ("`cli`: the command line", &["cli"]),
    ("`engine`: what a load test is", &["engine/src"]),
    ("`grpc`: what gRPC's methods and messages are", &["grpc/src"]),
    ("`import`: plans from what others wrote", &["import/src"]),
    ("`shards`: how one machine runs it", &["shards/src"]),
    ("`archive`: what is kept of runs", &["archive/src"]),
    ("`telemetry`: what others hear of a run", &["telemetry/src"]),
    ("`testbed`: the built-in server", &["testbed/src", "testbed/examples"]),
    ("`perf`: cost and fidelity, measured", &["perf/src"]),
    ("`fuzzing`: cases for tests", &["fuzzing/src"]),
    ("`benches`: micro-benchmarks, one for each noun", &["benches"]),
    ("`tests`: one integration binary", &["tests"]),
];

fn map() -> String {
    let part = |(title, folders): &(&str, &[&str])| {
        let mut files: Vec<(String, String)> = folders.iter().flat_map(|folder| sources(folder)).collect();
        files.sort_by_key(|(path, _)| place(path));
        let rows = files.iter().map(|(path, text)| format!("- `{path}`: {}\n", sentence(text)));
        format!("\n### {title}\n\n{}", rows.collect::<String>())
    };
    PARTS.iter().map(part).collect()
}

/// Where a file stands: a crate's first file before all, and a module's file before those of its folder.
fn place(path: &str) -> Vec<String> {
    let stem = path.strip_suffix(".rs").expect("a source file");
    let mut words: Vec<String> = stem.split('/').map(str::to_owned).collect();
    if words.last().is_some_and(|last| ["main", "lib", "mod"].contains(&last.as_str())) {
        words.pop();
    }
    words
}

/// The first sentence of a file's head, without its full stop.
fn sentence(text: &str) -> String {
    let head = text.lines().map_while(|line| line.strip_prefix("//! "));
    let head = head.collect::<Vec<_>>().join(" ");
    let (sentence, _) = head.split_once(". ").unwrap_or((&head, ""));
    sentence.trim_end_matches('.').to_owned()
}

#[test]
fn the_module_map_is_the_tree() {
    let document = fs::read_to_string(root().join(DOCUMENT)).unwrap();
    let (before, rest) = document.split_once(BEGIN).expect("the document has a place for the map");
    let (written, after) = rest.split_once(END).expect("the place has an end");
    let map = map();
    if std::env::var_os("UPDATE_MAP").is_some() {
        fs::write(root().join(DOCUMENT), format!("{before}{BEGIN}{map}\n{END}{after}")).unwrap();
    } else {
        let is_same = written.trim_end() == map.trim_end();
        assert!(is_same, "the map in {DOCUMENT} is out of date; renew it: UPDATE_MAP=1 cargo test tidy");
    }
}

#[test]
fn a_file_is_told_in_one_short_sentence() {
    for (path, text) in PARTS.iter().flat_map(|(_, folders)| *folders).flat_map(|folder| sources(folder)) {
        let letters = sentence(&text).chars().count();
        assert!(letters <= SENTENCE_LETTERS_MAX, "{path}: the first sentence has {letters} letters");
    }
}

#[test]
fn the_first_sentence_ends_where_the_next_begins() {
    let text = "//! HTTP/1.1 responses,\n//! found. Their bodies.\n//!\n//! More.\n\nuse std;";
    assert_eq!(sentence(text), "HTTP/1.1 responses, found");
    assert_eq!(place("shards/src/shard.rs"), ["shards", "src", "shard"]);
    assert!(place("engine/src/lib.rs") < place("engine/src/bucket.rs"));
    assert!(place("shards/src/shard.rs") < place("shards/src/shard/expiry.rs"));
}
