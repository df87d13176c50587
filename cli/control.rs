//! Live control: what is asked of a run while it goes on, and what comes of it. `docs/CONTROL.md` says what passes.

pub(crate) mod changes;
pub(crate) mod live_figures;
pub(crate) mod messages;
pub(crate) mod plan_reads;
pub(crate) mod reload;
pub(crate) mod server;
pub(crate) mod sockets;
