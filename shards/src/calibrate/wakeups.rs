//! How late a wait ends: io_uring's, on an otherwise idle ring, as a parking shard waits.

use super::halt::Halt;
use crate::arrivals::TimeSpread;
use crate::clock::monotonic_ns;
use crate::failures::{died, enter_failed, no_ring, stopped};
use crate::sys::{Ring, Setup};
use engine::distribution::Distribution;
use engine::failure::{FailureKind, RunFailure};
use serde::{Deserialize, Serialize};

/// The lengths of the waits: the gaps of 10,000 and of 1,000 a second. A core that sleeps longer sleeps deeper.
const WAITS_NS: [u64; 2] = [100_000, 1_000_000];

/// Waits of one length.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Wakeups {
    /// How long each was to be.
    pub wait_ns: u64,
    /// How much longer it was.
    pub late_ns: TimeSpread,
}

/// Waits so many times for each length, on the core where a shard would be.
pub(super) fn measure(count: u32, cores: &[usize], halt: &Halt) -> Result<Vec<Wakeups>, RunFailure> {
    let core =
        cores.last().copied().ok_or_else(|| FailureKind::Cores.failure("there is no core to wait on"))?;
    let measure = move || {
        core_affinity::set_for_current(core_affinity::CoreId { id: core });
        let setup = Setup {
            slots: 1,
            buffers: 1,
            addresses: Vec::new(),
            constants: Vec::new(),
            copy_bytes_max: 0,
            has_datagrams: false,
        };
        let mut ring = Ring::new(setup).map_err(no_ring)?;
        WAITS_NS.into_iter().map(|wait_ns| wait(&mut ring, wait_ns, count, halt)).collect()
    };
    // The pinning, and the ring, end with a thread of their own.
    std::thread::scope(|scope| scope.spawn(measure).join().map_err(|_| died("the waiting thread"))?)
}

fn wait(ring: &mut Ring, wait_ns: u64, count: u32, halt: &Halt) -> Result<Wakeups, RunFailure> {
    let mut late = Distribution::new();
    for _ in 0..count {
        if halt.is_set() {
            return Err(stopped());
        }
        let now_ns = monotonic_ns();
        let until_ns = now_ns + wait_ns;
        ring.wait(now_ns, until_ns).map_err(enter_failed)?;
        // One that ended early was ended by a signal.
        if let Some(late_ns) = monotonic_ns().checked_sub(until_ns) {
            late.record(late_ns);
        }
    }
    Ok(Wakeups { wait_ns, late_ns: TimeSpread::new(&late) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_of_each_length_end_late_and_are_counted() {
        let wakeups = measure(20, &crate::machine::allowed_cores(), &Halt::default()).unwrap();
        assert_eq!(wakeups.iter().map(|wakeup| wakeup.wait_ns).collect::<Vec<_>>(), WAITS_NS);
        for wakeup in wakeups {
            // A signal may end one early; nothing here sends any.
            assert_eq!(wakeup.late_ns.count, 20, "waits of {} ns", wakeup.wait_ns);
            assert!(wakeup.late_ns.max > 0);
        }
    }
}
