//! How the machine fared in a stretch of a run, as its collector reads it: beside what shards count of themselves.

/// What was read at the end of a stretch. What this machine does not tell is nothing, and not 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MachineSample {
    /// Time that the hypervisor took from each core of the shards in the stretch, nanoseconds.
    pub steal_ns: Vec<(usize, u64)>,
    /// Time for which the control group's quota stopped the process in the stretch, nanoseconds.
    pub throttled_ns: Option<u64>,
    /// CPU time of the collector in the stretch, nanoseconds.
    pub collector_cpu_ns: u64,
    /// CPU time of all outputs in the stretch, and of the threads that belong to them.
    pub outputs_cpu_ns: u64,
    /// Threads that run or wait for a core, averaged over a minute.
    pub load: Option<f64>,
    /// Memory that programs of this machine can still have, bytes.
    pub available_bytes: Option<u64>,
    /// Memory that this process has, bytes.
    pub resident_bytes: Option<u64>,
}
