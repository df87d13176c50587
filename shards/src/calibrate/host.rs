//! What a calibration holds for: one machine, kernel, number of cores and build.

use crate::machine;
use serde::{Deserialize, Serialize};

/// What a calibration holds for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Name of the machine.
    pub name: String,
    /// Model of its processor.
    pub cpu: String,
    /// Release of its kernel.
    pub kernel: String,
    /// Cores that the process may use.
    pub cores: u64,
    /// Version of Vajra.
    pub vajra: String,
    /// `release` or `debug`, which is several times slower.
    pub build: String,
}

impl Host {
    /// This one.
    pub fn here() -> Host {
        Host {
            name: machine::sysctl("kernel.hostname").unwrap_or_else(|| "unknown".into()),
            cpu: machine::cpu_model(),
            kernel: machine::kernel(),
            cores: machine::allowed_cores().len() as u64,
            vajra: env!("CARGO_PKG_VERSION").to_owned(),
            build: if cfg!(debug_assertions) { "debug" } else { "release" }.to_owned(),
        }
    }

    /// The name of the file: readable by its beginning, unique by a hash of everything.
    pub(super) fn file_name(&self) -> String {
        const NAME_LENGTH_MAX: usize = 40;
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
        let name: String =
            self.name.chars().map(|c| if is_plain(c) { c } else { '_' }).take(NAME_LENGTH_MAX).collect();
        format!("calibration-{name}-{:016x}.json", self.hash())
    }

    /// FNV-1a (Fowler, Noll and Vo, 1991), which, unlike the standard library's, is the same in every build.
    fn hash(&self) -> u64 {
        let cores = self.cores.to_string();
        let parts = [&self.name, &self.cpu, &self.kernel, &cores, &self.vajra, &self.build];
        // A byte that is in none of them keeps ("a", "bc") apart from ("ab", "c").
        let bytes = parts.into_iter().flat_map(|part| part.bytes().chain([0]));
        bytes
            .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(change: impl FnOnce(&mut Host)) -> Host {
        let mut host = Host::here();
        change(&mut host);
        host
    }

    #[test]
    fn anything_that_changes_the_figures_changes_the_file() {
        let others = [
            changed(|host| host.name.push('x')),
            changed(|host| host.cpu.push('x')),
            changed(|host| host.kernel.push('x')),
            changed(|host| host.cores += 1),
            changed(|host| host.vajra.push('x')),
            changed(|host| host.build.push('x')),
            changed(|host| (host.cpu, host.kernel) = (host.cpu.clone() + &host.kernel, String::new())),
        ];
        let mut names: Vec<String> = others.iter().map(Host::file_name).collect();
        names.push(Host::here().file_name());
        names.sort();
        names.dedup();
        assert_eq!(names.len(), others.len() + 1, "{names:?}");
    }

    #[test]
    fn the_name_of_a_file_is_one_whatever_the_machine_is_called() {
        let host = changed(|host| host.name = format!("../../evil/{}", "x".repeat(300)));
        let name = host.file_name();
        assert!(!name.contains('/') && name.len() < 100, "{name}");
        let fixed = Host {
            name: "lab-1".into(),
            cpu: "cpu".into(),
            kernel: "6.12".into(),
            cores: 8,
            vajra: "0.1.0".into(),
            build: "release".into(),
        };
        // The same in every build, or no cache would be found after an update of the compiler.
        assert_eq!(fixed.file_name(), "calibration-lab-1-6bf560c8b1d04b0b.json");
    }
}
