//! CPU time of the threads of a process, by what they are for.
//!
//! They are looked at again and again while it runs, for a thread that has ended is gone.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Threads of telemetry, by how their names begin; the kernel keeps 15 bytes of these.
const TELEMETRY: [&str; 4] = ["otlp", "prometheus", "sink --otlp", "sink --prometh"];
const COLLECTOR: &str = "collector";

/// CPU time of threads by their ids, as it was seen last, nanoseconds.
#[derive(Clone, Debug, Default)]
pub(super) struct ThreadTimes {
    telemetry: BTreeMap<u64, u64>,
    collector: BTreeMap<u64, u64>,
}

/// CPU time, nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct SpentByThreads {
    pub(super) telemetry_ns: u64,
    pub(super) collector_ns: u64,
}

impl ThreadTimes {
    /// Looks at a process.
    pub(super) fn look(&mut self, process: u32) {
        let folder = format!("/proc/{process}/task");
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let id = entry.file_name().to_str().and_then(|name| name.parse().ok());
            // One that has just ended has nothing to read any more.
            let seen = id.zip(of_thread(&entry.path()));
            seen.into_iter().for_each(|(id, (name, cpu_ns))| self.note(id, &name, cpu_ns));
        }
    }

    fn note(&mut self, id: u64, name: &str, cpu_ns: u64) {
        let is_of_telemetry = TELEMETRY.iter().any(|start| name.starts_with(start));
        if is_of_telemetry {
            self.telemetry.insert(id, cpu_ns);
        } else if name == COLLECTOR {
            self.collector.insert(id, cpu_ns);
        }
    }

    /// What they have used, as far as it was seen.
    pub(super) fn spent(&self) -> SpentByThreads {
        let sum = |threads: &BTreeMap<u64, u64>| threads.values().sum();
        SpentByThreads { telemetry_ns: sum(&self.telemetry), collector_ns: sum(&self.collector) }
    }
}

/// A thread's name, and its time on a core, which is the first figure of `schedstat`.
fn of_thread(folder: &Path) -> Option<(String, u64)> {
    let read = |name: &str| fs::read_to_string(folder.join(name)).ok();
    let cpu_ns = read("schedstat")?.split(' ').next()?.parse().ok()?;
    Some((read("comm")?.trim_end().to_owned(), cpu_ns))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_told_apart_by_their_names_and_counted_as_they_were_seen_last() {
        let mut times = ThreadTimes::default();
        for (id, name, cpu_ns) in [
            (1, "otlp", 5),
            (2, "prometheus", 7),
            (3, "sink --promethe", 11),
            (4, "sink progress", 100),
            (5, "shard-1", 1_000),
            (6, "collector", 13),
            (1, "otlp", 6),
        ] {
            times.note(id, name, cpu_ns);
        }
        assert_eq!(times.spent(), SpentByThreads { telemetry_ns: 24, collector_ns: 13 });
    }

    #[test]
    fn a_thread_that_works_is_seen_to() {
        let work = std::thread::Builder::new().name("otlp-like".into()).spawn(|| {
            let mut times = ThreadTimes::default();
            while times.spent().telemetry_ns < 1_000_000 {
                times.look(std::process::id());
            }
            times.spent()
        });
        let spent = work.unwrap().join().unwrap();
        assert!(spent.telemetry_ns >= 1_000_000, "{spent:?}");
    }
}
