//! The testbed over real sockets, spoken to by a client that knows nothing of hyper.
//!
//! Times are only bounded from below, or by limits far beyond what any machine needs: a slow machine must
//! not fail a test.

mod behaviour;
mod client;
mod lifecycle;
mod protocol;
mod routes;
