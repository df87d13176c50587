//! Which cores a trial uses, for its generators and for those that answer them.

use engine::failure::{FailureKind, RunFailure};

/// Why everything that needs somebody to answer is left out on one core.
pub(super) fn one_core() -> RunFailure {
    FailureKind::Cores.failure("responder and generator need a core each, and this process may use one")
}

/// The cores of `shards` generators and as many responders, which share none: responders from the lowest core on,
/// generators on the highest, as a run would be placed. An error on one core.
pub(super) fn halves(cores: &[usize], shards: usize) -> Result<(&[usize], &[usize]), RunFailure> {
    match cores.len() {
        0 | 1 => Err(one_core()),
        count => Ok((&cores[..shards], &cores[count - shards..])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responders_and_generators_share_no_core() {
        assert_eq!(halves(&[0, 1, 2, 3, 4], 2).unwrap(), (&[0, 1][..], &[3, 4][..]));
        assert_eq!(halves(&[2, 5], 1).unwrap(), (&[2][..], &[5][..]));
        assert!(halves(&[0], 1).unwrap_err().text.contains("a core each"));
    }
}
