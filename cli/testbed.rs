//! `vajra testbed`: the built-in server alone, or the null responder.

use crate::args::TestbedArgs;
use crate::exit::{Failure, USAGE};
use ::testbed::{Behaviour, Options, Server};
use shards::null::NullResponder;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

/// How often a null responder is looked at.
const WATCH: Duration = Duration::from_millis(200);

/// Serves until a signal comes. A stop by signal is what a server is for: exit 0.
pub(crate) fn run(args: &TestbedArgs) -> Result<ExitCode, Failure> {
    let signals = Signals::new([SIGINT, SIGTERM]);
    let signals = signals.map_err(|error| Failure::runtime(format!("signals cannot be caught: {error}")))?;
    let address = SocketAddr::new(args.host, args.port);
    check_cores(&args.cores)?;
    if args.null { serve_null(args, address, signals) } else { serve(args, address, signals) }
}

fn serve(args: &TestbedArgs, address: SocketAddr, mut signals: Signals) -> Result<ExitCode, Failure> {
    let options =
        Options { address, core: args.cores.first().copied(), behaviour: behaviour(args)?, seed: args.seed };
    let mut server = Server::start(options).map_err(|error| Failure::runtime(error.to_string()))?;
    println!("testbed listens on http://{}/", server.address());
    signals.forever().next();
    server.stop();
    eprintln!("testbed stopped after {} answers", server.served());
    Ok(ExitCode::SUCCESS)
}

fn serve_null(args: &TestbedArgs, address: SocketAddr, mut signals: Signals) -> Result<ExitCode, Failure> {
    let first = shards::allowed_cores().into_iter().next().unwrap_or(0);
    let cores = if args.cores.is_empty() { vec![first] } else { args.cores.clone() };
    let responder = NullResponder::start(address, &cores).map_err(Failure::runtime)?;
    println!("null responder listens on http://{}/, on cores {cores:?}", responder.address());
    while signals.pending().next().is_none() && !responder.has_failed() {
        std::thread::sleep(WATCH);
    }
    responder.stop().map_err(Failure::runtime)?;
    Ok(ExitCode::SUCCESS)
}

fn behaviour(args: &TestbedArgs) -> Result<Behaviour, Failure> {
    let given = [
        ("service", &args.service),
        ("workers", &args.workers),
        ("warm", &args.warm),
        ("error", &args.error),
        ("reset", &args.reset),
        ("stall", &args.stall),
        ("slow", &args.slow),
    ];
    let mut behaviour = Behaviour::default();
    for (key, value) in given {
        if let Some(value) = value {
            let set = behaviour.set(key, value);
            set.map_err(|error| Failure::new(USAGE, format!("{error}\n  --> flag --{key} {value}")))?;
        }
    }
    Ok(behaviour)
}

fn check_cores(cores: &[usize]) -> Result<(), Failure> {
    let allowed = shards::allowed_cores();
    match cores.iter().find(|core| !allowed.contains(core)) {
        Some(core) => {
            let message = format!(
                "core {core} cannot be used\n  --> flag --cores\n  help: this process may use {allowed:?}"
            );
            Err(Failure::new(USAGE, message))
        }
        None => Ok(()),
    }
}
