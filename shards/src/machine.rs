//! What this machine is and how it fared: read from /proc, /sys and the kernel, before and after a run.

use nix::sys::resource::{UsageWho, getrusage};
use std::fs;

/// Clock ticks per second in /proc/stat: fixed by the kernel's interface with user space.
const TICKS_PER_SECOND: f64 = 100.0;

/// Counters of the machine at one moment. What is not counted here is nothing, and not 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct MachineReading {
    /// Time the hypervisor took from some cores, seconds.
    pub(crate) steal_s: Option<f64>,
    /// Time the cgroup's quota stopped this process, seconds.
    pub(crate) throttled_s: Option<f64>,
}

impl MachineReading {
    /// The machine now; of steal, that of these cores.
    pub(crate) fn now(cores: &[usize]) -> MachineReading {
        let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
        MachineReading { steal_s: steal_s(&stat, cores), throttled_s: throttled_now() }
    }

    /// What happened since an earlier reading.
    pub(crate) fn since(self, earlier: MachineReading) -> MachineReading {
        let since = |now: Option<f64>, then: Option<f64>| Some((now? - then?).max(0.0));
        MachineReading {
            steal_s: since(self.steal_s, earlier.steal_s),
            throttled_s: since(self.throttled_s, earlier.throttled_s),
        }
    }
}

/// Time the hypervisor took from some cores, seconds, by the text of /proc/stat: the eighth figure of each core's line (proc_stat(5)); kernels
/// before 2.6.11 have none.
pub(crate) fn steal_s(stat: &str, cores: &[usize]) -> Option<f64> {
    let of_core = |core: &usize| {
        let line = stat.lines().find_map(|line| line.strip_prefix(&format!("cpu{core} ")))?;
        line.split_whitespace().nth(7)?.parse::<f64>().ok()
    };
    let ticks: Option<f64> = cores.iter().map(of_core).sum();
    ticks.map(|ticks| ticks / TICKS_PER_SECOND)
}

/// Time the quota of this process's control group has stopped it, seconds; nothing where there is no group.
pub(crate) fn throttled_now() -> Option<f64> {
    cgroup_file("cpu.stat").as_deref().map(throttled_s)
}

/// In microseconds as version 2 of control groups has it, in nanoseconds as version 1. A group without a quota may count none.
fn throttled_s(cpu_stat: &str) -> f64 {
    let figure = |name: &str| {
        let line = cpu_stat.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|text| text.trim().parse::<f64>().ok())
    };
    let counted = figure("throttled_usec").map(|us| us / 1e6);
    counted.or_else(|| figure("throttled_time").map(|ns| ns / 1e9)).unwrap_or(0.0)
}

/// How many cores' worth of time the control group's quota allows; nothing where there is none.
pub(crate) fn quota_cores() -> Option<f64> {
    quota_of(cgroup_file)
}

/// By `cpu.max` of version 2 of control groups, `QUOTA PERIOD` in microseconds or `max`; else by version 1's two files, where a
/// quota of -1 is none.
fn quota_of(file: impl Fn(&str) -> Option<String>) -> Option<f64> {
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|number| *number > 0.0);
    let (quota, period) = match file("cpu.max") {
        Some(text) => text.trim().split_once(' ').map(|(quota, period)| (quota.into(), period.into()))?,
        None => (file("cpu.cfs_quota_us")?, file("cpu.cfs_period_us")?),
    };
    Some(number(&quota)? / number(&period)?)
}

/// The cores whose time this process may use: those it may run on, and no more than its quota is good for.
pub(crate) fn usable_cores() -> u64 {
    let allowed = allowed_cores().len() as u64;
    quota_cores().map_or(allowed, |cores| allowed.min((cores as u64).max(1)))
}

/// A file of this process's own control group: of version 2, else of version 1's `cpu` hierarchy.
pub(crate) fn cgroup_file(name: &str) -> Option<String> {
    let own = fs::read_to_string("/proc/self/cgroup").ok()?;
    cgroup_paths(&own, name).into_iter().find_map(|path| fs::read_to_string(path).ok())
}

/// Where a file of a control group may lie, by the lines of /proc/self/cgroup (cgroups(7)). In a container, whose own group is
/// mounted as the root, the path that is given leads nowhere, and the root is it.
fn cgroup_paths(own: &str, name: &str) -> Vec<String> {
    let mut paths = Vec::new();
    if let Some(path) = own.lines().find_map(|line| line.strip_prefix("0::")) {
        paths.push(format!("/sys/fs/cgroup/{}/{name}", path.trim_matches('/')));
        paths.push(format!("/sys/fs/cgroup/{name}"));
    }
    let is_cpu = |controllers: &str| controllers.split(',').any(|controller| controller == "cpu");
    let version_1 = own.lines().filter_map(|line| line.split_once(':')?.1.split_once(':'));
    for (controllers, path) in version_1.filter(|(controllers, _)| is_cpu(controllers)) {
        for folder in [controllers, "cpu"] {
            paths.push(format!("/sys/fs/cgroup/{folder}/{}/{name}", path.trim_matches('/')));
            paths.push(format!("/sys/fs/cgroup/{folder}/{name}"));
        }
    }
    paths
}

/// A field of a file whose values are in kilobytes, such as /proc/meminfo, in bytes.
pub(crate) fn field_bytes(text: &str, name: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(value.trim().trim_end_matches("kB").trim().parse::<u64>().ok()? * 1_024)
}

/// Largest resident memory of this process so far, bytes.
pub(crate) fn resident_bytes_max() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    // Without /proc, what the kernel counted; before exec(2) that was another program, which may have been larger.
    let counted =
        || getrusage(UsageWho::RUSAGE_SELF).ok().and_then(|usage| u64::try_from(usage.max_rss()).ok());
    field_bytes(&status, "VmHWM:").or_else(|| Some(counted()? * 1_024)).unwrap_or(0)
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
        let stat =
            "cpu  1 2 3 4 5 6 7 250 0 0\ncpu0 1 2 3 4 5 6 7 50 0 0\ncpu1 1 2 3 4 5 6 7 200 0 0\ncpu10 1 2\n";
        assert_eq!(steal_s(stat, &[1]), Some(2.0));
        assert_eq!(steal_s(stat, &[0, 1]), Some(2.5), "of the cores that are asked for");
        assert_eq!((steal_s(stat, &[2]), steal_s(stat, &[10]), steal_s("", &[0])), (None, None, None));
        assert_eq!(throttled_s("usage_usec 5\nnr_throttled 1\nthrottled_usec 1500000\n"), 1.5);
        assert_eq!(throttled_s("nr_periods 9\nnr_throttled 1\nthrottled_time 1500000000\n"), 1.5);
        assert_eq!((throttled_s("usage_usec 5\n"), throttled_s("")), (0.0, 0.0));
    }

    #[test]
    fn the_control_group_is_looked_for_in_both_versions() {
        let paths = |own: &str| cgroup_paths(own, "cpu.stat");
        let second = paths("0::/user.slice/a\n");
        assert_eq!(second, ["/sys/fs/cgroup/user.slice/a/cpu.stat", "/sys/fs/cgroup/cpu.stat"]);
        let first = paths("3:cpuset:/\n1:cpu,cpuacct:/docker/x\n0::/\n");
        assert_eq!(first[0], "/sys/fs/cgroup//cpu.stat");
        assert!(first.contains(&"/sys/fs/cgroup/cpu,cpuacct/docker/x/cpu.stat".to_owned()), "{first:?}");
        assert!(first.contains(&"/sys/fs/cgroup/cpu/cpu.stat".to_owned()), "{first:?}");
        assert!(!first.iter().any(|path| path.contains("cpuset")), "{first:?}");
    }

    #[test]
    fn a_quota_is_read_as_cores_in_both_versions() {
        let quota = |files: &[(&str, &str)]| {
            quota_of(|name| files.iter().find(|(file, _)| *file == name).map(|(_, text)| (*text).to_owned()))
        };
        assert_eq!(quota(&[("cpu.max", "150000 100000\n")]), Some(1.5));
        assert_eq!(quota(&[("cpu.max", "max 100000\n")]), None);
        let first = |text| quota(&[("cpu.cfs_quota_us", text), ("cpu.cfs_period_us", "100000\n")]);
        assert_eq!((first("50000\n"), first("-1\n")), (Some(0.5), None));
        assert_eq!((quota(&[("cpu.cfs_quota_us", "50000")]), quota(&[])), (None, None));
    }

    #[test]
    fn what_is_not_counted_is_not_zero() {
        let counted = MachineReading { steal_s: Some(3.0), throttled_s: None };
        let since = counted.since(MachineReading { steal_s: Some(1.0), throttled_s: Some(1.0) });
        assert_eq!(since, MachineReading { steal_s: Some(2.0), throttled_s: None });
    }

    #[test]
    fn this_machine_can_be_read() {
        assert!(core_count() >= 1 && !allowed_cores().is_empty());
        assert!((1..=allowed_cores().len() as u64).contains(&usable_cores()));
        assert!(resident_bytes_max() > 100_000);
        assert_ne!(kernel(), "unknown");
    }
}
