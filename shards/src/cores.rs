//! Which cores a run's shards have, and which are left to everything else.

use crate::machine::allowed_cores;
use engine::failure::{FailureKind, RunFailure};
use engine::plan::Plan;
use engine::quantity::counted;

/// The cores of a plan's shards: those it names, or the last ones allowed, which leaves the first to everything else.
pub fn cores_for(plan: &Plan) -> Result<Vec<usize>, RunFailure> {
    let wanted = plan.machine.shards as usize;
    if !plan.machine.cores.is_empty() {
        return Ok(plan.machine.cores[..wanted].to_vec());
    }
    let allowed = allowed_cores();
    match allowed.len().checked_sub(wanted) {
        Some(first) => Ok(allowed[first..].to_vec()),
        None => {
            let shards = counted(wanted as u64, "shard");
            let text = format!(
                "{shards} on as many cores were asked for, and this process may use {}",
                allowed.len()
            );
            Err(FailureKind::Cores.with_fix(text, "ask for fewer (-t), or allow it more"))
        }
    }
}

/// A core that no shard owns, if there is one.
pub fn spare_core(cores: &[usize]) -> Option<usize> {
    allowed_cores().into_iter().find(|core| !cores.contains(core))
}

/// Keeps the calling thread off the shards' cores, if there is another.
pub fn leave_cores(cores: &[usize]) {
    if let Some(core) = spare_core(cores) {
        core_affinity::set_for_current(core_affinity::CoreId { id: core });
    }
}
