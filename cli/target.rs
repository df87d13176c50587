//! The targets of a run, made ready: names resolved, and the built-in server started when the plan asks for it.

use crate::exit::Failure;
use crate::reflection;
use crate::session::Session;
use ::testbed::{Server, ServerOptions};
use engine::failure::RunFailure;
use engine::plan::Plan;
use engine::url::Endpoint;
use shards::feeds::{self, Feeds};
use shards::{check_tls, cores_for, resolve, spare_core};
use socket2::SockAddr;

/// Addresses to connect to, and the server behind some of them if it is ours.
pub(crate) struct Ready {
    /// Of each target of the plan, or why there are none.
    pub(crate) addresses: Vec<Result<Vec<SockAddr>, RunFailure>>,
    /// How long it took to look up the host of each target's URL, nanoseconds; nothing of one that is an address, or that another
    /// stands in for.
    pub(crate) dns_ns: Vec<Option<u64>>,
    /// The plan's data files.
    pub(crate) feeds: Feeds,
    server: Option<Server>,
}

/// Resolves the plan's targets, once the files that they need are found to be good: a mistake in one is the operator's, and no
/// connection is made for it. `testbed:` starts the built-in server, one for all targets that are it, on a core no shard owns where
/// there is one. A name that takes long to resolve is given up on at a signal. Targets of gRPC are asked what calls take, where that is
/// not known: the plan that is returned says it.
pub(crate) fn make_ready(plan: Plan, session: &Session) -> Result<(Plan, Ready), Failure> {
    let ready = resolved(&plan, session)?;
    let described = described(&plan, &ready, session)?;
    Ok((described.unwrap_or(plan), ready))
}

/// The plan with what its targets say of its calls; nothing where all is known.
pub(crate) fn described(plan: &Plan, ready: &Ready, session: &Session) -> Result<Option<Plan>, Failure> {
    let described = reflection::described(plan, &ready.addresses, session)?;
    described.as_ref().map_or(Ok(()), check_tls)?;
    Ok(described)
}

/// The same without asking what calls take: of targets that are not there yet.
pub(crate) fn resolved(plan: &Plan, session: &Session) -> Result<Ready, Failure> {
    check_tls(plan)?;
    let feeds = feeds::load(plan)?;
    let mut ready = Ready { addresses: Vec::new(), dns_ns: Vec::new(), feeds, server: None };
    for target in &plan.targets {
        let found = match target.endpoint() {
            Endpoint::Testbed => {
                if ready.server.is_none() {
                    ready.server = Some(start_testbed(plan)?);
                }
                Ok((ready.server.iter().map(|server| server.address().into()).collect(), None))
            }
            endpoint => {
                let endpoint = endpoint.clone();
                session.heeding(move || resolve(&endpoint))?
            }
        };
        let took_ns = found.as_ref().map_or(None, |(_, took_ns)| *took_ns);
        ready.dns_ns.push(took_ns.filter(|_| target.connect.is_none()));
        ready.addresses.push(found.map(|(addresses, _)| addresses));
    }
    Ok(ready)
}

fn start_testbed(plan: &Plan) -> Result<Server, Failure> {
    let core = cores_for(plan).ok().and_then(|cores| spare_core(&cores));
    let options = ServerOptions { core, seed: plan.seed, ..ServerOptions::default() };
    Server::start(options).map_err(|error| Failure::runtime(error.to_string()))
}

impl Ready {
    /// The addresses of all targets, if each has some.
    pub(crate) fn all(&self) -> Result<Vec<Vec<SockAddr>>, Failure> {
        Ok(self.addresses.iter().cloned().collect::<Result<_, RunFailure>>()?)
    }

    /// Stops the built-in server, if it was started.
    pub(crate) fn stop(self) {
        if let Some(mut server) = self.server {
            server.stop();
        }
    }
}
