//! What this machine is and how it fared: read from /proc, /sys and the kernel, before and after a run.

use std::fs;

/// Clock ticks per second in /proc/stat: fixed by the kernel's interface with user space.
const TICKS_PER_SECOND: f64 = 100.0;

/// Counters of the machine at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Reading {
    /// Time the hypervisor took from all cores, seconds.
    pub(crate) steal_s: f64,
    /// Time the cgroup's quota stopped this process, seconds.
    pub(crate) throttled_s: f64,
}

impl Reading {
    /// The machine now. What cannot be read is 0.
    pub(crate) fn now() -> Reading {
        let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
        let cgroup = cgroup_file("cpu.stat").unwrap_or_default();
        Reading { steal_s: steal_s(&stat), throttled_s: throttled_s(&cgroup) }
    }

    /// What happened since an earlier reading.
    pub(crate) fn since(self, earlier: Reading) -> Reading {
        Reading {
            steal_s: self.steal_s - earlier.steal_s,
            throttled_s: self.throttled_s - earlier.throttled_s,
        }
    }
}

/// The eighth figure of the first line.
fn steal_s(stat: &str) -> f64 {
    let ticks = stat.lines().next().and_then(|line| line.split_whitespace().nth(8)?.parse::<f64>().ok());
    ticks.unwrap_or(0.0) / TICKS_PER_SECOND
}

fn throttled_s(cpu_stat: &str) -> f64 {
    let line = cpu_stat.lines().find_map(|line| line.strip_prefix("throttled_usec "));
    line.and_then(|text| text.trim().parse::<f64>().ok()).unwrap_or(0.0) / 1e6
}

/// A file of this process's own control group (v2).
pub(crate) fn cgroup_file(name: &str) -> Option<String> {
    let own = fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = own.lines().find_map(|line| line.strip_prefix("0::"))?.trim_matches('/').to_owned();
    fs::read_to_string(format!("/sys/fs/cgroup/{path}/{name}")).ok()
}

/// Largest resident memory of this process so far, bytes.
pub(crate) fn resident_bytes_max() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|text| text.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
    kib.unwrap_or(0) * 1_024
}

/// Release of the kernel.
pub(crate) fn kernel() -> String {
    fs::read_to_string("/proc/sys/kernel/osrelease")
        .map_or_else(|_| "unknown".into(), |text| text.trim().to_owned())
}

/// Model of the processor.
pub(crate) fn cpu_model() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = info.lines().find(|line| line.starts_with("model name") || line.starts_with("Hardware"));
    line.and_then(|line| line.split_once(':'))
        .map_or_else(|| "unknown".into(), |(_, model)| model.trim().to_owned())
}

/// The cores this process may use, lowest first.
pub fn allowed_cores() -> Vec<usize> {
    let mut cores: Vec<usize> =
        core_affinity::get_core_ids().unwrap_or_default().iter().map(|core| core.id).collect();
    cores.sort_unstable();
    cores
}

/// Cores of the machine, allowed or not.
pub(crate) fn core_count() -> u64 {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let is_core = |line: &&str| {
        line.strip_prefix("cpu").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    stat.lines().filter(is_core).count() as u64
}

/// A number in a file under /proc/sys.
pub(crate) fn sysctl(name: &str) -> Option<String> {
    fs::read_to_string(format!("/proc/sys/{}", name.replace('.', "/")))
        .ok()
        .map(|text| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_read_from_their_lines() {
        assert_eq!(steal_s("cpu  1 2 3 4 5 6 7 250 0 0\ncpu0 1 2\n"), 2.5);
        assert_eq!(throttled_s("usage_usec 5\nnr_throttled 1\nthrottled_usec 1500000\n"), 1.5);
        assert_eq!((steal_s(""), throttled_s("")), (0.0, 0.0));
    }

    #[test]
    fn this_machine_can_be_read() {
        assert!(core_count() >= 1 && !allowed_cores().is_empty());
        assert!(resident_bytes_max() > 100_000);
        assert_ne!(kernel(), "unknown");
    }
}
