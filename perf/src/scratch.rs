//! A copy of the source to build something else from: this tree with an edit in it, or another revision. It lies in the
//! target folder and stays there, so that the next build is quick.

use crate::process::{self, shown};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A tree, and a target folder of its own: a build of it must not replace the programs of this tree.
pub(crate) struct Scratch {
    folder: PathBuf,
}

impl Scratch {
    /// A copy of this tree as it is: every file that git knows or would.
    pub(crate) fn of_this_tree(name: &str) -> Result<Scratch, String> {
        let scratch = Scratch::empty(name)?;
        let mut command = git();
        command.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
        let listed = done(&mut command)?;
        for file in listed.split('\0').filter(|file| !file.is_empty()) {
            // A file that was deleted and not yet committed is listed and not there.
            let from = workspace().join(file);
            if from.is_file() {
                copy(&from, &scratch.tree().join(file))?;
            }
        }
        Ok(scratch)
    }

    /// Another revision of this tree.
    pub(crate) fn of_revision(name: &str, revision: &str) -> Result<Scratch, String> {
        let commit = format!("{revision}^{{commit}}");
        done(git().args(["rev-parse", "--quiet", "--verify", &commit]))
            .map_err(|_| format!("`{revision}` is no revision of this repository"))?;
        let scratch = Scratch::empty(name)?;
        unpack(revision, &scratch.tree())?;
        Ok(scratch)
    }

    fn empty(name: &str) -> Result<Scratch, String> {
        let scratch = Scratch { folder: target_folder().join(name) };
        let tree = scratch.tree();
        if tree.exists() {
            fs::remove_dir_all(&tree).map_err(|error| format!("cannot empty {}: {error}", tree.display()))?;
        }
        fs::create_dir_all(&tree).map_err(|error| format!("cannot make {}: {error}", tree.display()))?;
        scratch.take_over_dependencies()?;
        Ok(scratch)
    }

    /// Begins with what is built of the dependencies, which are the same: cargo builds again what is not.
    fn take_over_dependencies(&self) -> Result<(), String> {
        let (from, to) = (target_folder().join("release"), self.target().join("release"));
        if to.exists() || !from.exists() {
            return Ok(());
        }
        fs::create_dir_all(&to).map_err(|error| format!("cannot make {}: {error}", to.display()))?;
        let parts = ["deps", "build", ".fingerprint"].map(|part| from.join(part));
        done(Command::new("cp").args(["-a", "--reflink=auto"]).args(parts).arg(&to)).map(drop)
    }

    /// The root of the tree.
    pub(crate) fn tree(&self) -> PathBuf {
        self.folder.join("tree")
    }

    fn target(&self) -> PathBuf {
        self.folder.join("target")
    }

    /// Builds something of it, as `cargo build --release` with these arguments.
    pub(crate) fn build(&self, arguments: &[&str]) -> Result<(), String> {
        let mut command = Command::new("cargo");
        command.args(["build", "--release", "--quiet", "--locked"]).args(arguments);
        command.current_dir(self.tree()).env("CARGO_TARGET_DIR", self.target());
        done(&mut command).map(drop)
    }

    /// A program that was built.
    pub(crate) fn binary(&self, name: &str) -> PathBuf {
        self.target().join("release").join(name)
    }
}

/// The root of this tree.
pub(crate) fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies inside the workspace")
}

/// Where cargo builds.
pub(crate) fn target_folder() -> PathBuf {
    let folder =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace().join("target"), PathBuf::from);
    // Commands are run in other folders.
    std::path::absolute(&folder).unwrap_or(folder)
}

/// Writes the files of a revision into a folder, as new ones: cargo would take a crate whose files have the age of their commit
/// for built already.
fn unpack(revision: &str, folder: &Path) -> Result<(), String> {
    let archive = folder.join("tree.tar");
    done(git().args(["archive", "--format=tar", "-o"]).args([archive.as_os_str(), revision.as_ref()]))?;
    done(Command::new("tar").args(["--touch", "-xf"]).arg(&archive).arg("-C").arg(folder))?;
    fs::remove_file(&archive).map_err(|error| format!("cannot remove {}: {error}", archive.display()))
}

fn git() -> Command {
    let mut command = Command::new("git");
    command.current_dir(workspace());
    command
}

/// Runs a command that must succeed; returns what it printed.
fn done(command: &mut Command) -> Result<String, String> {
    let ended = process::run(command.stdin(Stdio::null()))?;
    if ended.status.success() {
        return Ok(ended.stdout);
    }
    Err(format!("`{}` ended with {}:\n{}", shown(command), ended.status, ended.stderr.trim()))
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    let folder = to.parent().expect("a file lies in a folder");
    fs::create_dir_all(folder)
        .and_then(|()| fs::copy(from, to))
        .map(drop)
        .map_err(|error| format!("cannot copy {} to {}: {error}", from.display(), to.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, SystemTime};

    #[test]
    fn a_revision_that_is_not_there_is_named() {
        let problem = Scratch::of_revision("scratch-test", "no-such-revision").err().unwrap();
        assert_eq!(problem, "`no-such-revision` is no revision of this repository");
    }

    #[test]
    fn what_is_unpacked_is_younger_than_anything_built_before() {
        let (folder, clock_tick) = (tempfile::tempdir().unwrap(), Duration::from_secs(1));
        let before = SystemTime::now() - clock_tick;
        unpack("HEAD", folder.path()).unwrap();
        let written = fs::metadata(folder.path().join("Cargo.toml")).unwrap().modified().unwrap();
        assert!(written >= before, "{written:?}");
        assert!(!folder.path().join("tree.tar").exists());
    }
}
