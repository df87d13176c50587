//! Tells the program which commit it was built from, where that is known: in a release build, from a clone of its own.
//!
//! Builds for debugging are made again and again, and leave it out: none of them is built anew because something was committed.

use std::path::{Path, PathBuf};
use std::process::Command;

/// What the program is built from, beside this file.
const SOURCES: [&str; 8] =
    ["Cargo.toml", "Cargo.lock", "cli", "engine", "grpc", "shards", "archive", "testbed"];
/// Digits of a commit's hash that are shown.
const DIGITS: usize = 12;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let version = variable("CARGO_PKG_VERSION");
    let built = match variable("PROFILE").as_str() {
        "release" => commit(Path::new(&variable("CARGO_MANIFEST_DIR"))),
        _ => Some("debug build".into()),
    };
    let line = built.map_or(version.clone(), |built| format!("{version} ({built})"));
    println!("cargo:rustc-env=VERSION_LINE={line}");
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

/// The commit that is checked out, and whether the sources differ from it. Nothing without git, in an archive of the sources,
/// and where the folder is part of another repository.
fn commit(folder: &Path) -> Option<String> {
    let top = PathBuf::from(git(folder, &["rev-parse", "--show-toplevel"])?);
    if top.canonicalize().ok()? != folder.canonicalize().ok()? {
        return None;
    }
    let hash = git(folder, &["rev-parse", &format!("--short={DIGITS}"), "HEAD"])?;
    let branch = git(folder, &["symbolic-ref", "--quiet", "HEAD"]);
    let files = ["HEAD".to_owned(), "packed-refs".to_owned()].into_iter().chain(branch);
    for file in files {
        let path = git(folder, &["rev-parse", "--git-path", &file]).map(|path| folder.join(path));
        // Where a file that is named is missing, cargo would run this each time.
        if let Some(path) = path.filter(|path| path.exists()) {
            println!("cargo:rerun-if-changed={}", path.display());
        }
    }
    SOURCES.iter().for_each(|source| println!("cargo:rerun-if-changed={source}"));
    let changes = git(folder, &[&["status", "--porcelain", "--"][..], &SOURCES].concat())?;
    Some(if changes.is_empty() { hash } else { format!("{hash}, changed") })
}

/// What git says, if it can be asked.
fn git(folder: &Path, words: &[&str]) -> Option<String> {
    let output = Command::new("git").arg("-C").arg(folder).args(words).output().ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| said.trim().to_owned())
}
