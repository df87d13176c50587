//! `vajra testbed`: the built-in server alone, the null responder, or the arrival recorder.

mod echo;
mod tls;

use self::echo::TestbedEchoArgs;
use self::tls::{ClientFiles, TestbedTlsArgs};
use crate::exit::{Failure, USAGE};
use crate::help;
use crate::output::destination::{self, Output};
use ::testbed::{Behaviour, Server, ServerOptions, StartError, TlsSetup};
use clap::Args;
use engine::quantity::parse_duration_ns;
use shards::null::NullResponder;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// How often a null responder is looked at.
const WATCH: Duration = Duration::from_millis(200);

const EXAMPLES: &str = "\
Examples:
  vajra testbed --port 8080 --service lognormal:5ms,0.5 --error 1%
  vajra testbed --stall 500ms/2s     silent for half a second in every two
  vajra testbed --workers 4 --service fixed:10ms       400 requests a second
  vajra testbed --tls --tls-ca ca.pem      https, trusted with --cacert ca.pem
  vajra testbed --udp-echo 9000 --udp-loss 1%          and datagrams, returned
  vajra testbed --null --cores 0     the fastest responses there are
  vajra testbed --null --tls         and inside TLS";

/// What a server is to be.
#[derive(Args)]
#[command(after_help = help::MORE, after_long_help = EXAMPLES)]
pub(crate) struct TestbedArgs {
    /// Port to listen on; 0 is any free one [default: 8080, with --tls 8443].
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// Address to listen on. Anything but loopback lets others in.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    host: IpAddr,
    /// Pin the server to these cores. The testbed uses the first one, the null responder all of them.
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    cores: Vec<usize>,
    /// Be the null responder: the fastest response this machine can give, for calibration.
    #[arg(long, conflicts_with_all = ["service", "workers", "warm", "error", "reset", "stall", "slow"])]
    null: bool,
    /// With --null: stamp every request, and write when they came as JSON at the end; - is standard output.
    #[arg(long, value_name = "FILE", requires = "null")]
    arrivals: Option<PathBuf>,
    /// Record arrivals from this long after the first request on.
    #[arg(long, value_name = "TIME", requires = "arrivals")]
    arrivals_after: Option<String>,
    /// Service time: fixed:5ms, exp:5ms, lognormal:5ms,0.5, pareto:1ms,1.5.
    #[arg(long, value_name = "DISTRIBUTION")]
    service: Option<String>,
    /// Serve at most this many requests at a time: the capacity is this many for each service time.
    #[arg(long, value_name = "N")]
    workers: Option<String>,
    /// Be slow at first, FACTOR times, and warm after TIME, in steps as tiered compilation makes them: 10/30s.
    #[arg(long, value_name = "FACTOR/TIME")]
    warm: Option<String>,
    /// Share of requests answered with status 500: 0.01 or 1%.
    #[arg(long, value_name = "SHARE")]
    error: Option<String>,
    /// Share of requests whose connection is reset; with HTTP/2, whose stream.
    #[arg(long, value_name = "SHARE")]
    reset: Option<String>,
    /// Be silent for a while, again and again: 500ms/2s.
    #[arg(long, value_name = "LENGTH/EVERY")]
    stall: Option<String>,
    /// Pause between the parts of a body.
    #[arg(long, value_name = "TIME")]
    slow: Option<String>,
    /// Seed of all random draws.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Settings of the links service, read at the start, at SIGHUP and by POST /admin/reload.
    #[arg(long, value_name = "FILE", conflicts_with = "null")]
    links_config: Option<PathBuf>,
    #[command(flatten)]
    tls: TestbedTlsArgs,
    #[command(flatten)]
    echo: TestbedEchoArgs,
}

/// Serves until a signal comes. A stop by signal is what a server is for: exit 0.
pub(crate) fn run(args: &TestbedArgs) -> Result<ExitCode, Failure> {
    let signals = Signals::new([SIGINT, SIGTERM]);
    let signals = signals.map_err(|error| Failure::runtime(format!("signals cannot be caught: {error}")))?;
    let default_port = if args.tls.tls { 8443 } else { 8080 };
    let address = SocketAddr::new(args.host, args.port.unwrap_or(default_port));
    check_cores(&args.cores)?;
    if args.null { serve_null(args, address, signals) } else { serve(args, address, signals) }
}

fn serve(args: &TestbedArgs, address: SocketAddr, mut signals: Signals) -> Result<ExitCode, Failure> {
    let options = ServerOptions {
        address,
        core: args.cores.first().copied(),
        behaviour: behaviour(args)?,
        seed: args.seed,
        tls: args.tls.options(args.echo.tls(args.host))?,
        tcp_echo: args.echo.tcp(args.host),
        udp_echo: args.echo.udp(args.host)?,
        links_file: args.links_config.clone(),
    };
    let mut server = Server::start(options).map_err(|error| refusal(args, &error))?;
    // Files that nobody named are there for as long as this is.
    let client_files =
        server.ca_pem().map(|authority| args.tls.write(authority, server.client_identity())).transpose()?;
    match &client_files {
        None => println!("testbed listens on http://{}/", server.address()),
        Some(files) => println!("testbed listens on https://{}/ ({})", server.address(), files.hint()),
    }
    echo::greetings(&server).for_each(|line| println!("{line}"));
    serve_until_stopped(&server, args.links_config.as_deref(), &mut signals)?;
    server.stop();
    eprintln!("testbed stopped after {} responses", server.served());
    Ok(ExitCode::SUCCESS)
}

/// Serves until a signal to stop comes. Without a file of settings, SIGHUP is what it is to others: the end.
fn serve_until_stopped(server: &Server, file: Option<&Path>, signals: &mut Signals) -> Result<(), Failure> {
    if file.is_some() {
        let added = signals.add_signal(SIGHUP);
        added.map_err(|error| Failure::runtime(format!("SIGHUP cannot be caught: {error}")))?;
    }
    while let Some(SIGHUP) = signals.forever().next() {
        match server.reload() {
            Ok(()) => eprintln!("the settings were read again"),
            Err(error) => eprintln!("{error}\n  help: the settings from before stay"),
        }
    }
    Ok(())
}

fn refusal(args: &TestbedArgs, error: &StartError) -> Failure {
    match (error, &args.links_config) {
        (StartError::Settings(error), Some(file)) => {
            Failure::new(USAGE, format!("{error}\n  --> flag --links-config {}", file.display()))
        }
        _ => Failure::runtime(error.to_string()),
    }
}

fn serve_null(args: &TestbedArgs, address: SocketAddr, signals: Signals) -> Result<ExitCode, Failure> {
    let first = shards::allowed_cores().into_iter().next().unwrap_or(0);
    let cores = if args.cores.is_empty() { vec![first] } else { args.cores.clone() };
    if let Some(path) = &args.arrivals {
        return record(args, path, address, &cores, signals);
    }
    let secured = secured(args, address)?;
    let settings = secured.as_ref().map(|(setup, _)| setup.settings.clone());
    let responder = NullResponder::start(address, &cores, settings)?;
    println!("null responder listens on {}, on cores {cores:?}", told(&responder, secured.as_ref()));
    wait(signals, &responder);
    responder.stop()?;
    Ok(ExitCode::SUCCESS)
}

/// The TLS of the null responder, and the files that its clients need.
fn secured(args: &TestbedArgs, address: SocketAddr) -> Result<Option<(TlsSetup, ClientFiles)>, Failure> {
    let Some(options) = args.tls.options(None)? else { return Ok(None) };
    let setup = TlsSetup::new(&options, address.ip()).map_err(|error| refusal(args, &error))?;
    let files = args.tls.write(&setup.authority_pem, setup.client.as_ref())?;
    Ok(Some((setup, files)))
}

fn told(responder: &NullResponder, secured: Option<&(TlsSetup, ClientFiles)>) -> String {
    let address = responder.address();
    match secured {
        None => format!("http://{address}/"),
        Some((_, files)) => format!("https://{address}/ ({})", files.hint()),
    }
}

/// The null responder as arrival recorder. Its file is opened first: hours of recording are not lost to a wrong name.
fn record(
    args: &TestbedArgs,
    path: &Path,
    address: SocketAddr,
    cores: &[usize],
    signals: Signals,
) -> Result<ExitCode, Failure> {
    let [core] = cores else {
        let message = format!(
            "the arrival recorder runs on one core, and {} are named\n  --> flag --cores\n  help: name one",
            cores.len()
        );
        return Err(Failure::new(USAGE, message));
    };
    let after = after(args.arrivals_after.as_deref())?;
    let is_stdout = destination::is_stdout(path);
    let output = Output::open(path, "--arrivals")?;
    let secured = secured(args, address)?;
    let settings = secured.as_ref().map(|(setup, _)| setup.settings.clone());
    let responder = NullResponder::record(address, *core, settings, after)?;
    let greeting =
        format!("arrival recorder listens on {}, on core {core}", told(&responder, secured.as_ref()));
    if is_stdout {
        eprintln!("{greeting}")
    } else {
        println!("{greeting}")
    }
    wait(signals, &responder);
    let arrivals = responder.stop_recording()?;
    output.finish_json(&arrivals)?;
    Ok(ExitCode::SUCCESS)
}

fn wait(mut signals: Signals, responder: &NullResponder) {
    while signals.pending().next().is_none() && !responder.has_failed() {
        std::thread::sleep(WATCH);
    }
}

fn after(text: Option<&str>) -> Result<Duration, Failure> {
    let Some(text) = text else { return Ok(Duration::ZERO) };
    parse_duration_ns(text)
        .map(Duration::from_nanos)
        .map_err(|cause| Failure::new(USAGE, format!("{cause}\n  --> flag --arrivals-after {text}")))
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
