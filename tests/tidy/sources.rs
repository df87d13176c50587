//! The source files that the rules are about, and what in them is code of the product.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Where the product's code is.
pub(super) const PRODUCT: [&str; 9] = [
    "cli",
    "engine/src",
    "grpc/src",
    "import/src",
    "shards/src",
    "archive/src",
    "telemetry/src",
    "testbed/src",
    "perf/src",
];

pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file of the repository, whatever it is.
pub(super) fn all_files() -> Vec<PathBuf> {
    let mut folders = vec![root().to_owned()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            if name == "target" || name == ".git" {
                continue;
            }
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files
}

/// Every source file with its text, by path from the root.
pub(super) fn sources(folder: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.insert(relative(&path), fs::read_to_string(&path).unwrap());
            }
        }
    }
    assert!(!found.is_empty(), "{folder} has sources");
    found
}

/// The same without files of tests, and of each file the code alone.
pub(super) fn product(folder: &str) -> BTreeMap<String, String> {
    let all = sources(folder);
    let tests: BTreeSet<String> = all.iter().flat_map(|(path, text)| test_files(path, text)).collect();
    let product = all.into_iter().filter(|(path, _)| !tests.contains(path));
    product.map(|(path, text)| (path, code(&text))).collect()
}

/// The files that a file declares as modules of tests alone.
fn test_files(path: &str, text: &str) -> Vec<String> {
    let mut is_test = false;
    let mut files = Vec::new();
    for line in text.lines() {
        let name = declared_module(line).filter(|_| is_test);
        files.extend(name.into_iter().flat_map(|name| module_files(path, name)));
        is_test = line.trim() == "#[cfg(test)]";
    }
    files
}

/// The name in `mod name;`, whoever may see it.
pub(super) fn declared_module(line: &str) -> Option<&str> {
    let line = line.trim();
    let line = line.strip_prefix("pub(crate) ").or_else(|| line.strip_prefix("pub ")).unwrap_or(line);
    line.strip_prefix("mod ")?.strip_suffix(';')
}

/// The two places where a file's module of this name can be.
pub(super) fn module_files(parent: &str, name: &str) -> [String; 2] {
    let stem = parent.strip_suffix(".rs").expect("a source file");
    let (folder, file) = stem.rsplit_once('/').expect("sources lie in folders");
    let folder = if ["main", "lib", "mod"].contains(&file) { folder } else { stem };
    [format!("{folder}/{name}.rs"), format!("{folder}/{name}/mod.rs")]
}

pub(super) fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().display().to_string()
}

/// The lines of a text that are code: no comments, and nothing from the tests at the end on.
pub(super) fn code(text: &str) -> String {
    let body = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text);
    body.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

pub(super) fn files_naming(folders: &[&str], word: &str) -> Vec<String> {
    let all = folders.iter().flat_map(|folder| sources(folder));
    all.filter(|(_, text)| code(text).contains(word)).map(|(path, _)| path).collect()
}
