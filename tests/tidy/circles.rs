//! No circles between files: of two files at most one uses the other, directly or by way of others.
//!
//! A file uses another when its code names something of it, by `crate::`, `super::`, `self::` or the name of a child. A parent
//! that declares its children and re-exports what is in them uses nothing by that, unless its own code names it too; whoever takes it
//! from the parent uses the parent. So a parent with code of its own uses its children or is used by them, not both. Tests are
//! left out.

use super::sources::{declared_module, module_files, product};
use std::collections::{BTreeMap, BTreeSet};

/// Where each crate begins.
const ROOTS: [&str; 10] = [
    "cli/main.rs",
    "engine/src/lib.rs",
    "grpc/src/lib.rs",
    "import/src/lib.rs",
    "shards/src/lib.rs",
    "archive/src/lib.rs",
    "telemetry/src/lib.rs",
    "testbed/src/lib.rs",
    "perf/src/lib.rs",
    "perf/src/main.rs",
];

/// A module: its path within the crate.
type Path = Vec<String>;
/// For each file those it uses, each with the words by which it does.
type Uses = BTreeMap<String, BTreeMap<String, String>>;

/// The files of one crate.
struct Modules {
    files: BTreeMap<Path, String>,
    texts: BTreeMap<String, String>,
}

impl Modules {
    /// All that are declared from this file on, tests left out.
    fn of(first: &str) -> Modules {
        let (folder, _) = first.rsplit_once('/').expect("roots lie in folders");
        let texts = product(folder);
        let mut files = BTreeMap::from([(Path::new(), first.to_owned())]);
        let mut left = vec![(Path::new(), first.to_owned())];
        while let Some((path, file)) = left.pop() {
            for name in texts[&file].lines().filter_map(declared_module) {
                let found = module_files(&file, name).into_iter().find(|child| texts.contains_key(child));
                let Some(child) = found else { continue };
                let path: Path = path.iter().cloned().chain([name.to_owned()]).collect();
                files.insert(path.clone(), child.clone());
                left.push((path, child));
            }
        }
        Modules { files, texts }
    }

    fn uses(&self) -> Uses {
        self.files.iter().map(|(path, file)| (file.clone(), self.uses_of(path))).collect()
    }

    fn uses_of(&self, path: &Path) -> BTreeMap<String, String> {
        let own = &self.files[path];
        let (text, re_exports) = split_off_re_exports(&self.texts[own]);
        let own_words: BTreeSet<&str> = text.split(|letter| !is_of_word(letter)).collect();
        let is_used = |named: &Path| named.last().is_some_and(|name| own_words.contains(name.as_str()));
        let words = words(&text).into_iter().chain(words(&re_exports).into_iter().filter(is_used));
        let mut found = BTreeMap::new();
        for named in words {
            if let Some(file) = self.file_of(path, &named).filter(|file| *file != own) {
                found.entry(file.clone()).or_insert_with(|| named.join("::"));
            }
        }
        found
    }

    /// The file that a path of words leads to, from a module; `None` when it does not begin at a module.
    fn file_of(&self, from: &Path, named: &[String]) -> Option<&String> {
        let mut at = from.clone();
        let mut left = named.iter().peekable();
        match named[0].as_str() {
            "crate" => at.clear(),
            "self" => {}
            "super" => {
                while left.next_if(|word| *word == "super").is_some() {
                    at.pop();
                }
            }
            // A child's name; what else is named so is not a module.
            name => {
                at.push(name.to_owned());
                self.files.get(&at)?;
            }
        }
        if named[0] != "super" {
            left.next();
        }
        for word in left {
            at.push(word.clone());
            if !self.files.contains_key(&at) {
                at.pop();
                break;
            }
        }
        self.files.get(&at)
    }
}

/// A text without its public `use` lines and the declarations of its modules, and those `use` lines.
fn split_off_re_exports(text: &str) -> (String, String) {
    let (mut own, mut re_exports) = (String::new(), String::new());
    let mut is_re_export = false;
    for line in text.lines().filter(|line| declared_module(line).is_none()) {
        is_re_export |= line.starts_with("pub use ") || line.starts_with("pub(crate) use ");
        let part = if is_re_export { &mut re_exports } else { &mut own };
        part.push_str(line);
        part.push('\n');
        is_re_export &= !line.trim_end().ends_with(';');
    }
    (own, re_exports)
}

fn is_of_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// Every path of at least two words in a text, the trees of `use` taken apart.
fn words(text: &str) -> Vec<Path> {
    let mut found = Vec::new();
    let starts = text.char_indices().filter(|&(at, letter)| {
        is_of_word(letter) && !text[..at].ends_with(is_of_word) && !text[..at].ends_with("::")
    });
    for (at, _) in starts {
        take_apart(&text[at..], Path::new(), &mut found);
    }
    found.retain(|path| path.len() > 1);
    found
}

/// Reads a path, or a tree of them, at the start of a text; returns what is behind it.
fn take_apart<'a>(text: &'a str, mut path: Path, found: &mut Vec<Path>) -> &'a str {
    let end = text.find(|letter| !is_of_word(letter)).unwrap_or(text.len());
    let (word, mut rest) = text.split_at(end);
    if word != "self" || path.is_empty() {
        path.push(word.to_owned());
    }
    let Some(behind) = rest.strip_prefix("::") else {
        found.push(path);
        return rest;
    };
    let Some(tree) = behind.strip_prefix('{') else {
        return take_apart(behind, path, found);
    };
    rest = tree.trim_start();
    while !rest.is_empty() && !rest.starts_with('}') {
        rest = take_apart(rest, path.clone(), found);
        // Behind a branch there is a comma, or a new name for it.
        rest = rest.trim_start_matches(|letter| letter != ',' && letter != '}');
        rest = rest.trim_start_matches([',', ' ', '\n']);
    }
    rest.strip_prefix('}').unwrap_or(rest)
}

/// Everything that is used from a file on.
fn reached(uses: &Uses, from: &str) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut left: Vec<&str> = vec![from];
    while let Some(file) = left.pop() {
        for used in uses[file].keys() {
            if reached.insert(used.clone()) {
                left.push(used);
            }
        }
    }
    reached
}

/// The circles, each with its files.
fn circles(uses: &Uses) -> BTreeSet<BTreeSet<String>> {
    let reached: BTreeMap<&String, BTreeSet<String>> =
        uses.keys().map(|file| (file, reached(uses, file))).collect();
    let on_circle = uses.keys().filter(|file| reached[file].contains(*file));
    on_circle
        .map(|file| reached[file].iter().filter(|other| reached[other].contains(file)).cloned().collect())
        .collect()
}

/// A circle in words: who uses whom, and by what.
fn shown(circle: &BTreeSet<String>, uses: &Uses) -> String {
    let mut lines = String::new();
    for file in circle {
        for (used, words) in uses[file].iter().filter(|(used, _)| circle.contains(*used)) {
            lines.push_str(&format!("\n  {file} → {used} by {words}"));
        }
    }
    lines
}

#[test]
fn no_file_uses_another_that_uses_it() {
    let mut found = String::new();
    for first in ROOTS {
        let uses = Modules::of(first).uses();
        found.extend(circles(&uses).iter().map(|circle| shown(circle, &uses)));
    }
    assert!(found.is_empty(), "circles of files:{found}");
}

#[test]
fn every_file_of_a_crate_is_looked_at() {
    let looked: BTreeSet<String> =
        ROOTS.iter().flat_map(|first| Modules::of(first).files.into_values()).collect();
    for folder in super::sources::PRODUCT {
        for file in product(folder).into_keys() {
            assert!(looked.contains(&file), "{file} is declared by no file");
        }
    }
}

#[test]
fn paths_are_found_wherever_they_stand() {
    let text = "use crate::{a::{self, B as C}, d};\nfn f() -> super::E { let x = g::h(); Vec::<u8>::new() }";
    let found: BTreeSet<String> = words(text).iter().map(|path| path.join("::")).collect();
    for path in ["crate::a", "crate::a::B", "crate::d", "super::E", "g::h"] {
        assert!(found.contains(path), "{path} in {found:?}");
    }
}

#[test]
fn two_files_that_use_each_other_are_a_circle_and_a_chain_is_none() {
    let uses = |edges: &[(&str, &str)]| -> Uses {
        let mut uses = Uses::new();
        for (from, to) in edges {
            uses.entry((*to).to_owned()).or_default();
            uses.entry((*from).to_owned()).or_default().insert((*to).to_owned(), "words".into());
        }
        uses
    };
    assert_eq!(circles(&uses(&[("a", "b"), ("b", "c")])), BTreeSet::new());
    let circle = circles(&uses(&[("a", "b"), ("b", "c"), ("c", "b")]));
    assert_eq!(circle, BTreeSet::from([BTreeSet::from(["b".to_owned(), "c".to_owned()])]));
}
