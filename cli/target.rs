//! The target of a run, made ready: names resolved, and the built-in server started when the plan asks for it.

use crate::exit::Failure;
use crate::session::Session;
use ::testbed::{Server, ServerOptions};
use engine::plan::Plan;
use engine::target::Endpoint;
use shards::{cores_for, resolve, spare_core};

/// Addresses to connect to, and the server behind them if it is ours.
pub(crate) struct Ready {
    pub(crate) addresses: Result<Vec<socket2::SockAddr>, String>,
    server: Option<Server>,
}

/// Resolves the plan's target. `testbed:` starts the built-in server, on a core no shard owns where there is one.
/// A name that takes long to resolve is given up on at a signal.
pub(crate) fn make_ready(plan: &Plan, session: &Session) -> Result<Ready, Failure> {
    if plan.target.endpoint != Endpoint::Testbed {
        let endpoint = plan.target.endpoint.clone();
        let addresses = session.heeding(move || resolve(&endpoint))?;
        return Ok(Ready { addresses, server: None });
    }
    let core = cores_for(plan).ok().and_then(|cores| spare_core(&cores));
    let options = ServerOptions { core, seed: plan.seed, ..ServerOptions::default() };
    let server = Server::start(options).map_err(|error| Failure::runtime(error.to_string()))?;
    Ok(Ready { addresses: Ok(vec![server.address().into()]), server: Some(server) })
}

impl Ready {
    /// Stops the built-in server, if it was started.
    pub(crate) fn stop(self) {
        if let Some(mut server) = self.server {
            server.stop();
        }
    }
}
