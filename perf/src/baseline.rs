//! The baseline file: one line for each operation and counter, reviewed like code. This module reads and writes it;
//! `counter.rs` says how far from it is too far.

use crate::counter::CounterKind;
use crate::{callgrind, process};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

const HEAD: &str = "\
# What one operation, or one request of the real loop, costs: the baselines of `vajra-perf -- gate`.
#
# A change that moves a line is reviewed with it. After a wanted change, on a quiet machine:
#     cargo run --release -p vajra-perf -- counters --save
# The loop_* sections are of the real loop against the built-in server and move with the machine; the others are counted
# and do not. Where compiler, library or processor are not these, limits are wide.
";

/// What counts depend on besides the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Toolchain {
    parts: BTreeMap<String, String>,
}

/// One count.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Count {
    pub(crate) kind: CounterKind,
    /// Of what.
    pub(crate) title: String,
    pub(crate) value: f64,
}

/// A baseline file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CounterBaseline {
    pub(crate) toolchain: Toolchain,
    counts: BTreeMap<(CounterKind, String), f64>,
}

/// Where the file lies.
pub(crate) fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("baselines/counters.toml")
}

impl Toolchain {
    /// Of this program on this machine.
    pub(crate) fn here() -> Result<Toolchain, String> {
        let libc = process::run(Command::new("getconf").arg("GNU_LIBC_VERSION"));
        let parts = [
            ("rustc", env!("RUSTC_VERSION").to_owned()),
            ("valgrind", callgrind::version()?),
            ("libc", libc.map_or_else(|_| "unknown".into(), |ended| ended.stdout.trim().to_owned())),
            ("processor", processor()),
        ];
        Ok(Toolchain { parts: parts.map(|(name, version)| (name.to_owned(), version)).into() })
    }

    /// The parts in which another differs, in words.
    pub(crate) fn differences(&self, other: &Toolchain) -> Vec<String> {
        let unknown = "unknown".to_owned();
        let differs = self.parts.iter().filter_map(|(name, own)| {
            let theirs = other.parts.get(name).unwrap_or(&unknown);
            (own != theirs).then(|| format!("{name} is {theirs}, the baseline's is {own}"))
        });
        differs.collect()
    }
}

/// The processor's model: libraries choose their instructions by it.
fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    model.map_or_else(|| "unknown".into(), |(_, model)| model.trim().to_owned())
}

impl CounterBaseline {
    pub(crate) fn new(toolchain: Toolchain, counts: &[Count]) -> CounterBaseline {
        let counts = counts.iter().map(|count| ((count.kind, count.title.clone()), count.value)).collect();
        CounterBaseline { toolchain, counts }
    }

    /// Reads the file. Errors name the file and what is wrong in it.
    pub(crate) fn load(path: &Path) -> Result<CounterBaseline, String> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("no baseline {}: {error}; make one with --save", path.display()))?;
        CounterBaseline::parse(&text).map_err(|problem| format!("{}: {problem}", path.display()))
    }

    pub(crate) fn save(&self, path: &Path) -> Result<(), String> {
        let folder = path.parent().expect("a baseline lies in a folder");
        std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::write(path, self.text()))
            .map_err(|error| format!("cannot write {}: {error}", path.display()))
    }

    /// The baseline of a count, if it has one.
    pub(crate) fn of(&self, kind: CounterKind, title: &str) -> Option<f64> {
        self.counts.get(&(kind, title.to_owned())).copied()
    }

    /// Lines that nothing was counted for: of operations that are gone.
    pub(crate) fn left_over(&self, counts: &[Count]) -> Vec<String> {
        let is_counted = |(kind, title): &(CounterKind, String)| {
            counts.iter().any(|count| count.kind == *kind && count.title == *title)
        };
        let left = self.counts.keys().filter(|key| !is_counted(key));
        left.map(|(kind, title)| format!("{} of {title}", kind.name())).collect()
    }

    /// This baseline with other counts in place of its own, and those that are new.
    pub(crate) fn updated(mut self, toolchain: Toolchain, counts: &[Count]) -> CounterBaseline {
        self.toolchain = toolchain;
        self.counts.extend(CounterBaseline::new(self.toolchain.clone(), counts).counts);
        self
    }

    fn text(&self) -> String {
        let mut text = format!("{HEAD}\n[toolchain]\n");
        let written = "writing to memory cannot fail";
        for (name, version) in &self.toolchain.parts {
            writeln!(text, "{name} = {version:?}").expect(written);
        }
        for kind in CounterKind::ALL {
            let lines = self.counts.iter().filter(|((of, _), _)| *of == kind);
            writeln!(text, "\n[{}]", kind.name()).expect(written);
            for ((_, title), value) in lines {
                writeln!(text, "{title:?} = {value:.6}").expect(written);
            }
        }
        text
    }

    fn parse(text: &str) -> Result<CounterBaseline, String> {
        let mut file: toml::Table = text.parse().map_err(|error: toml::de::Error| error.to_string())?;
        let mut take = |name: &str| match file.remove(name) {
            Some(toml::Value::Table(table)) => Ok(table),
            _ => Err(format!("there is no section [{name}]")),
        };
        let mut parts = BTreeMap::new();
        for (name, version) in take("toolchain")? {
            let version = version.as_str().ok_or_else(|| format!("{name} is no text"))?;
            parts.insert(name, version.to_owned());
        }
        let mut counts = BTreeMap::new();
        for kind in CounterKind::ALL {
            for (title, value) in take(kind.name())? {
                let value = value.as_float().ok_or_else(|| format!("{title} is no number with a point"))?;
                counts.insert((kind, title), value);
            }
        }
        match file.keys().next() {
            Some(name) => Err(format!("there is no counter [{name}]")),
            None => Ok(CounterBaseline { toolchain: Toolchain { parts }, counts }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn toolchain(rustc: &str) -> Toolchain {
        Toolchain { parts: [("rustc".to_owned(), rustc.to_owned())].into() }
    }

    fn count(kind: CounterKind, title: &str, value: f64) -> Count {
        Count { kind, title: title.into(), value }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let counts = [
            count(CounterKind::Instructions, "record/request", 338.0156),
            count(CounterKind::LoopEnters, "a/b/1", 0.5),
        ];
        let baseline = CounterBaseline::new(toolchain("rustc 1.95.0"), &counts);
        assert_eq!(CounterBaseline::parse(&baseline.text()), Ok(baseline.clone()));
        assert_eq!(baseline.of(CounterKind::Instructions, "record/request"), Some(338.0156));
        assert_eq!(baseline.of(CounterKind::Calls, "record/request"), None);
        assert_eq!(baseline.left_over(&counts[..1]), ["loop_enters of a/b/1"]);
    }

    #[test]
    fn saving_a_part_keeps_the_rest() {
        let old = CounterBaseline::new(
            toolchain("old"),
            &[count(CounterKind::Calls, "a", 1.0), count(CounterKind::Calls, "b", 2.0)],
        );
        let new = old.updated(toolchain("new"), &[count(CounterKind::Calls, "b", 3.0)]);
        assert_eq!(
            (new.of(CounterKind::Calls, "a"), new.of(CounterKind::Calls, "b")),
            (Some(1.0), Some(3.0))
        );
        assert_eq!(new.toolchain, toolchain("new"));
    }

    #[test]
    fn a_broken_file_says_what_is_wrong() {
        let whole = CounterBaseline::new(toolchain("rustc"), &[count(CounterKind::Calls, "a", 1.0)]).text();
        let problem = |text: &str| CounterBaseline::parse(text).unwrap_err();
        assert_eq!(problem(&whole.replace("[calls]", "[cals]")), "there is no section [calls]");
        assert_eq!(problem(&whole.replace("1.000000", "\"one\"")), "a is no number with a point");
        assert_eq!(problem(&format!("{whole}\n[more]\n")), "there is no counter [more]");
        assert!(problem("[toolchain").contains("line 1"));
        let missing = CounterBaseline::load(Path::new("no/such/file.toml")).unwrap_err();
        assert!(missing.contains("no/such/file.toml") && missing.contains("--save"), "{missing}");
    }

    #[test]
    fn another_compiler_is_named_with_both_versions() {
        let differences = toolchain("rustc 1.95.0").differences(&toolchain("rustc 1.96.0"));
        assert_eq!(differences, ["rustc is rustc 1.96.0, the baseline's is rustc 1.95.0"]);
        assert!(toolchain("rustc 1.95.0").differences(&toolchain("rustc 1.95.0")).is_empty());
    }
}
