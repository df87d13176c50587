//! The machine while a run goes on: what it is read for at the end of each interval, by the collector, where an output wants it.
//!
//! It is read on the collector's thread: four files of /proc, what the control group counts, and two for each thread but those of shards. Nothing
//! is read core by core, for /proc/stat is slow to read where there are many.

use crate::machine;
use engine::record::MachineSample;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// The machine, as it was at the last sample.
pub(crate) struct MachineWatch {
    /// Those of the shards.
    cores: Vec<usize>,
    /// What the hypervisor had taken from each of them, seconds.
    steal_s: BTreeMap<usize, f64>,
    throttled_s: Option<f64>,
    /// CPU time of threads by their ids, nanoseconds.
    threads: BTreeMap<u64, u64>,
    /// Threads of shards, which last as long as the run: their names are not read again.
    shards: BTreeSet<u64>,
}

/// Whose a thread is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ThreadOwner {
    Collector,
    Outputs,
    Shards,
    Others,
}

impl MachineWatch {
    /// From now on.
    pub(crate) fn new(cores: &[usize]) -> MachineWatch {
        let mut watch = MachineWatch {
            cores: cores.to_vec(),
            steal_s: BTreeMap::new(),
            throttled_s: None,
            threads: BTreeMap::new(),
            shards: BTreeSet::new(),
        };
        watch.sample();
        watch
    }

    /// What has come since the last sample, and what is so now.
    pub(crate) fn sample(&mut self) -> MachineSample {
        let (collector_cpu_ns, outputs_cpu_ns) = self.cpu_since();
        let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
        let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        MachineSample {
            steal_ns: self.steal_since(&stat),
            throttled_ns: self.throttled_since(machine::throttled_now()),
            collector_cpu_ns,
            outputs_cpu_ns,
            load: load.split(' ').next().and_then(|text| text.parse().ok()),
            available_bytes: machine::field_bytes(&meminfo, "MemAvailable:"),
            resident_bytes: machine::field_bytes(&status, "VmRSS:"),
        }
    }

    /// What the hypervisor has taken from each core since the last sample, of those that the text of /proc/stat has.
    fn steal_since(&mut self, stat: &str) -> Vec<(usize, u64)> {
        let (cores, seen) = (&self.cores, &mut self.steal_s);
        let since = cores.iter().filter_map(|core| {
            let now_s = machine::steal_s(stat, &[*core])?;
            let before_s = seen.insert(*core, now_s).unwrap_or(now_s);
            Some((*core, nanoseconds(now_s - before_s)))
        });
        since.collect()
    }

    fn throttled_since(&mut self, now_s: Option<f64>) -> Option<u64> {
        let before_s = std::mem::replace(&mut self.throttled_s, now_s);
        Some(nanoseconds(now_s? - before_s.or(now_s)?))
    }

    /// What the collector's thread and those of outputs have used. A thread that has ended takes along what it used last.
    fn cpu_since(&mut self) -> (u64, u64) {
        let (mut collector_ns, mut outputs_ns) = (0, 0);
        let mut threads = BTreeMap::new();
        for entry in fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
            let read = |name: &str| fs::read_to_string(entry.path().join(name)).unwrap_or_default();
            let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<u64>().ok()) else {
                continue;
            };
            if self.shards.contains(&id) {
                continue;
            }
            let sum_ns = match owner(read("comm").trim_end()) {
                ThreadOwner::Collector => &mut collector_ns,
                ThreadOwner::Outputs => &mut outputs_ns,
                ThreadOwner::Shards => {
                    self.shards.insert(id);
                    continue;
                }
                ThreadOwner::Others => continue,
            };
            // Its first figure is the time on a core, in nanoseconds.
            let cpu_ns = read("schedstat").split(' ').next().and_then(|text| text.parse().ok()).unwrap_or(0);
            *sum_ns += since(&self.threads, id, cpu_ns);
            threads.insert(id, cpu_ns);
        }
        self.threads = threads;
        (collector_ns, outputs_ns)
    }
}

/// What a thread has used of late, by what was seen of all.
fn since(seen: &BTreeMap<u64, u64>, id: u64, cpu_ns: u64) -> u64 {
    cpu_ns.saturating_sub(seen.get(&id).copied().unwrap_or(0))
}

/// By its name, of which the kernel keeps 15 bytes.
fn owner(name: &str) -> ThreadOwner {
    match name {
        "collector" => ThreadOwner::Collector,
        "prometheus" => ThreadOwner::Outputs,
        name if name.starts_with("shard-") => ThreadOwner::Shards,
        name if name.starts_with("sink ") || name.starts_with("otlp") => ThreadOwner::Outputs,
        _ => ThreadOwner::Others,
    }
}

fn nanoseconds(seconds: f64) -> u64 {
    // What is negative becomes 0.
    (seconds * 1e9) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn threads_are_known_by_their_names() {
        assert_eq!(owner("collector"), ThreadOwner::Collector);
        assert_eq!(owner("sink --promethe"), ThreadOwner::Outputs);
        assert_eq!(owner("otlp"), ThreadOwner::Outputs);
        assert_eq!(owner("shard-0"), ThreadOwner::Shards);
        assert_eq!(owner("vajra"), ThreadOwner::Others);
    }

    #[test]
    fn of_each_core_and_of_the_quota_what_is_new_since_the_last_sample_counts() {
        let mut watch = MachineWatch::new(&[]);
        (watch.cores, watch.throttled_s) = (vec![0, 1, 7], None);
        let stat = |[first, second]: [u64; 2]| {
            format!(
                "cpu  0 0 0 0 0 0 0 9 0 0\ncpu0 0 0 0 0 0 0 0 {first} 0 0\ncpu1 0 0 0 0 0 0 0 {second} 0 0\n"
            )
        };
        assert_eq!(watch.steal_since(&stat([100, 200])), [(0, 0), (1, 0)], "and nothing of core 7");
        assert_eq!(watch.steal_since(&stat([150, 200])), [(0, 500_000_000), (1, 0)]);
        // A figure that falls, as after a migration, is nothing.
        assert_eq!(watch.steal_since(&stat([50, 225])), [(0, 0), (1, 250_000_000)]);
        let throttled = [None, Some(1.5), Some(1.75), None].map(|now_s| watch.throttled_since(now_s));
        assert_eq!(throttled, [None, Some(0), Some(250_000_000), None]);
    }

    #[test]
    fn the_name_of_a_shards_thread_is_read_once() {
        let (done, is_over) = channel::<()>();
        let thread = std::thread::Builder::new().name("shard-9".into());
        let thread = thread.spawn(move || is_over.recv().unwrap_err()).unwrap();
        let mut watch = MachineWatch::new(&[]);
        // The thread gives itself its name.
        let latest = std::time::Instant::now() + std::time::Duration::from_secs(60);
        while watch.shards.is_empty() && std::time::Instant::now() < latest {
            watch.sample();
        }
        assert!(
            !watch.shards.is_empty() && watch.shards.is_disjoint(&watch.threads.keys().copied().collect())
        );
        drop(done);
        thread.join().unwrap();
    }

    #[test]
    fn of_a_thread_that_was_seen_before_only_what_is_new_counts() {
        let seen = BTreeMap::from([(7, 40)]);
        assert_eq!((since(&seen, 7, 100), since(&seen, 8, 100)), (60, 100));
        // Another thread that was given the same id.
        assert_eq!(since(&seen, 7, 30), 0);
    }

    #[test]
    fn what_outputs_use_is_found() {
        // A kernel may be built without it (CONFIG_SCHED_INFO).
        if fs::metadata("/proc/self/schedstat").is_err() {
            return;
        }
        let (done, is_done) = channel::<()>();
        let (go_on, is_over) = channel::<()>();
        let mut watch = MachineWatch::new(&[0]);
        let thread = std::thread::Builder::new().name("sink of a test".into());
        let thread = thread.spawn(move || {
            let used_ns = || {
                let (user_ns, system_ns) = crate::ring::thread_cpu_ns();
                user_ns + system_ns
            };
            while used_ns() < 20_000_000 {
                std::hint::spin_loop();
            }
            done.send(()).unwrap();
            is_over.recv().unwrap_err();
        });
        is_done.recv().unwrap();
        let sample = watch.sample();
        assert!(sample.outputs_cpu_ns >= 15_000_000, "{sample:?}");
        drop(go_on);
        thread.unwrap().join().unwrap();
    }

    #[test]
    fn this_machine_tells_of_its_memory_and_load() {
        let sample = MachineWatch::new(&machine::allowed_cores()).sample();
        assert!(sample.resident_bytes.unwrap() > 100_000);
        assert!(sample.available_bytes.unwrap() > 0 && sample.load.unwrap() >= 0.0);
        // In a container cores may be numbered otherwise in /proc/stat.
        assert!(sample.steal_ns.len() <= machine::allowed_cores().len());
    }
}
