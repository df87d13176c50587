//! Which core the server has, and which the generators.

/// The server's core and the generators'. Two, because a generator that shares its server's core measures the scheduler.
pub(crate) const SERVER_CORE: usize = 0;
pub(crate) const GENERATOR_CORE: usize = 1;
