//! What a request costs, vajra beside others: the floor, wrk, and gcannon where it is installed. Over TLS: wrk, which alone of them
//! speaks it. Over HTTP/2: h2load. Of calls of gRPC: k6.
//!
//! All run by turns against one server process (A B C, B C A, …); what counts is the ratio within a round.

use crate::budgets::Gate;
use crate::cores::{GENERATOR_CORE, SERVER_CORE};
use crate::grpcio::Grpcio;
use crate::nghttpd::Nghttpd;
use crate::process::shown;
use crate::race::{Contender, RaceCell, RaceSample, RaceServer, Track};
use crate::statistics::{MedianInterval, median, median_interval};
use crate::target::{ServedBody, ServedOver};
use crate::vajra::Vajra;
use crate::{budgets, gcannon, h2load, k6, wrk};
use clap::{Args, ValueEnum};
use engine::verdict::Status;
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct PeersOptions {
    /// Rounds of runs per cell; at least six for an interval worth 95 %
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Numbers of connections [default: 8,64,256; with --http2 or --grpc 8]
    #[arg(long, value_delimiter = ',')]
    connections: Vec<u32>,
    /// Bodies [default: all that there is a budget for]
    #[arg(long, value_delimiter = ',', value_enum)]
    bodies: Vec<ServedBody>,
    /// Over TLS 1.3 with AES-128-GCM, handshakes left out
    #[arg(long)]
    tls: bool,
    /// Over HTTP/2 without TLS, beside h2load, on nginx and nghttpd
    #[arg(long, conflicts_with = "tls")]
    http2: bool,
    /// Unary calls of gRPC without TLS, beside k6, on a server of grpcio; what is done once left out
    #[arg(long, conflicts_with_all = ["tls", "http2"])]
    grpc: bool,
    /// Requests under way on a connection of HTTP/2; k6 has a connection for each [default: 1,16,64; with --grpc 1,8]
    #[arg(long, value_delimiter = ',')]
    streams: Vec<u32>,
    /// Length of each run
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// Exit with 1 if the median ratio of a row is above its budget
    #[arg(long)]
    limit: bool,
    /// The binary [default: the workspace's target/release/vajra, built if absent]
    #[arg(long)]
    vajra: Option<PathBuf>,
}

/// Whom vajra is beside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Peer {
    Floor,
    Wrk,
    Gcannon,
    H2load,
    K6,
}

impl Peer {
    /// Those that a budget is held against with this body.
    fn all(over: ServedOver, body: ServedBody) -> Vec<Peer> {
        let is_wanted = |peer: &Peer| peer.budget(over, RaceCell::of(1, body)).is_some();
        [Peer::Floor, Peer::Wrk, Peer::Gcannon, Peer::H2load, Peer::K6]
            .into_iter()
            .filter(is_wanted)
            .collect()
    }

    fn name(self) -> &'static str {
        match self {
            Peer::Floor => "floor",
            Peer::Wrk => "wrk",
            Peer::Gcannon => "gcannon",
            Peer::H2load => "h2load",
            Peer::K6 => "k6",
        }
    }

    /// The most that vajra may cost of what this one does. With long bodies the cost is how the bytes are taken in, which
    /// those on io_uring can do as vajra does, or not; there is a promise for short ones alone.
    fn budget(self, over: ServedOver, cell: RaceCell) -> Option<f64> {
        match over {
            ServedOver::Tcp => self.plain_budget(cell.body),
            ServedOver::Tls => match (self, cell.body) {
                (Peer::Wrk, ServedBody::Small) => Some(budgets::CPU_SHARE_TLS_SMALL_MAX),
                (Peer::Wrk, ServedBody::Kibibytes64) => Some(budgets::CPU_SHARE_TLS_64K_MAX),
                _ => None,
            },
            ServedOver::Http2 => match (self, cell.body) {
                (Peer::H2load, ServedBody::Small) => {
                    let of = |(streams, _): &&(u32, f64)| *streams <= cell.streams;
                    budgets::CPU_SHARES_HTTP2_MAX.iter().rfind(of).map(|(_, budget)| *budget)
                }
                _ => None,
            },
            ServedOver::Grpc => match (self, cell.body) {
                (Peer::K6, ServedBody::Small) => Some(budgets::CPU_SHARE_GRPC_MAX),
                _ => None,
            },
        }
    }

    fn plain_budget(self, body: ServedBody) -> Option<f64> {
        match (self, body) {
            (Peer::Wrk, ServedBody::Small) => Some(budgets::CPU_SHARE_SMALL_MAX),
            (Peer::Wrk, ServedBody::Kibibytes64) => Some(budgets::CPU_SHARE_64K_MAX),
            (Peer::Wrk, ServedBody::Mebibyte) => Some(budgets::CPU_SHARE_1M_MAX),
            (Peer::Floor, ServedBody::Small) => Some(budgets::CPU_SHARE_FLOOR_MAX),
            (Peer::Gcannon, ServedBody::Small) => Some(budgets::CPU_SHARE_GCANNON_MAX),
            (Peer::Floor | Peer::Gcannon | Peer::H2load | Peer::K6, _) => None,
        }
    }

    fn contender(self, track: &Track, vajra: &Vajra, cell: RaceCell) -> Result<Contender<'static>, String> {
        match self {
            Peer::Floor => track.floor(vajra, cell),
            Peer::Wrk => Ok(Contender::Wrk),
            Peer::Gcannon => Ok(Contender::Gcannon),
            Peer::H2load => Ok(Contender::H2load),
            Peer::K6 => Ok(Contender::K6),
        }
    }
}

/// Measures and prints every cell.
pub(crate) fn run(options: &PeersOptions) -> Result<Gate, String> {
    let vajra = Vajra::find(options.vajra.as_deref())?;
    let over = options.over();
    if !options.streams.is_empty() && matches!(over, ServedOver::Tcp | ServedOver::Tls) {
        return Err("--streams: HTTP/1.1 has none; add --http2 or --grpc".into());
    }
    match over {
        ServedOver::Tcp | ServedOver::Tls => wrk::require()?,
        ServedOver::Http2 => h2load::require()?,
        ServedOver::Grpc => k6::require()?,
    }
    let bodies = bodies(over, &options.bodies)?;
    let tracks = tracks(over, options.seconds)?;
    let cells = cells(options, over, &bodies);
    print_setup(options, over);
    let mut is_within = true;
    for track in &tracks {
        let flags = track.vajra_flags(cells[0]);
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        vajra.require_printed_verdict(GENERATOR_CORE, &track.server.url(ServedBody::Small), &flags)?;
        for &cell in &cells {
            is_within &= measure(track, &vajra, cell, options.rounds as usize)?;
        }
    }
    println!(
        "\nThe ratio is vajra over the other, the median of rounds; the interval is of order statistics, for any distribution."
    );
    Ok(Gate::when(is_within || !options.limit))
}

impl PeersOptions {
    fn over(&self) -> ServedOver {
        match self {
            PeersOptions { tls: true, .. } => ServedOver::Tls,
            PeersOptions { http2: true, .. } => ServedOver::Http2,
            PeersOptions { grpc: true, .. } => ServedOver::Grpc,
            _ => ServedOver::Tcp,
        }
    }
}

/// The servers that are measured on, started.
fn tracks(over: ServedOver, seconds: u32) -> Result<Vec<Track>, String> {
    Ok(match over {
        ServedOver::Tcp | ServedOver::Tls => vec![Track::on_nginx(over, seconds)?],
        ServedOver::Http2 => {
            let server = RaceServer::Nghttpd(Nghttpd::start(SERVER_CORE)?);
            vec![Track::on_nginx(over, seconds)?, Track { server, seconds }]
        }
        ServedOver::Grpc => {
            vec![Track { server: RaceServer::Grpcio(Grpcio::start(SERVER_CORE)?), seconds }]
        }
    })
}

/// Everything that is measured on a server, by bodies.
fn cells(options: &PeersOptions, over: ServedOver, bodies: &[ServedBody]) -> Vec<RaceCell> {
    let connections = match options.connections.as_slice() {
        [] if matches!(over, ServedOver::Http2 | ServedOver::Grpc) => &[8][..],
        [] => &[8, 64, 256],
        asked => asked,
    };
    let streams = match (options.streams.as_slice(), over) {
        (_, ServedOver::Tcp | ServedOver::Tls) => &[1][..],
        ([], ServedOver::Http2) => &[1, 16, 64],
        ([], ServedOver::Grpc) => &[1, 8],
        (asked, _) => asked,
    };
    let mut cells = Vec::new();
    for &body in bodies {
        for &connections in connections {
            cells.extend(streams.iter().map(|&streams| RaceCell { connections, streams, body }));
        }
    }
    cells
}

/// The bodies that were asked for, or all: each with something to be held against.
fn bodies(over: ServedOver, asked: &[ServedBody]) -> Result<Vec<ServedBody>, String> {
    let has_budget = |body: &ServedBody| !Peer::all(over, *body).is_empty();
    let all: Vec<ServedBody> =
        ServedBody::value_variants().iter().copied().filter(|body| has_budget(body)).collect();
    if let Some(body) = asked.iter().find(|body| !has_budget(body)) {
        let names: Vec<&str> = all.iter().map(|body| body.name()).collect();
        return Err(format!("--bodies {}: no budget for it; there are {}", body.name(), names.join(", ")));
    }
    Ok(if asked.is_empty() { all } else { asked.to_vec() })
}

/// Runs all of a cell and prints a row for each peer; true when every row is within its budget.
fn measure(track: &Track, vajra: &Vajra, cell: RaceCell, rounds: usize) -> Result<bool, String> {
    let over = track.server.over();
    let mut peers = Peer::all(over, cell.body);
    peers.retain(|peer| *peer != Peer::Gcannon || gcannon::is_there());
    let mut contenders = vec![Contender::Vajra(vajra)];
    for peer in &peers {
        contenders.push(peer.contender(track, vajra, cell)?);
    }
    for &contender in &contenders {
        println!("# {}", shown(&track.command(contender, cell)?));
    }
    let rounds = (0..rounds).map(|number| track.round(&contenders, cell, number));
    let rounds = rounds.collect::<Result<Vec<_>, _>>()?;
    let of = |index: usize| rounds.iter().map(|round| round[index]).collect::<Vec<RaceSample>>();
    let ours = of(0);
    let mut is_within = true;
    for (index, &peer) in peers.iter().enumerate() {
        let budget = peer.budget(over, cell).expect("peers are those with a budget");
        is_within &= print_row(track.server.name(), cell, peer, budget, &ours, &of(index + 1));
    }
    Ok(is_within)
}

fn print_setup(options: &PeersOptions, over: ServedOver) {
    let servers = match over {
        ServedOver::Tcp => "nginx",
        ServedOver::Tls => "nginx over TLS 1.3 with AES-128-GCM, handshakes left out",
        ServedOver::Http2 => "nginx and nghttpd over HTTP/2 without TLS",
        ServedOver::Grpc => "grpcio in Python, what is done once left out",
    };
    println!("server: {servers}, one process on core {SERVER_CORE}; generators on core {GENERATOR_CORE}");
    println!("{} rounds of {} s per cell, by turns\n", options.rounds, options.seconds);
    println!(
        "{:>8} {:>5} {:>7} {:>6} {:>8} {:>11} {:>11} {:>7} {:>22} {:>15} {:>10} {:>10}  verdicts",
        "server",
        "conns",
        "streams",
        "body",
        "peer",
        "vajra us/rq",
        "peer us/rq",
        "ratio",
        "interval",
        "budget",
        "vajra rq/s",
        "peer rq/s"
    );
}

/// Prints vajra beside one peer; true when it is within its budget.
fn print_row(
    server: &str,
    cell: RaceCell,
    peer: Peer,
    budget: f64,
    ours: &[RaceSample],
    theirs: &[RaceSample],
) -> bool {
    let costs = |samples: &[RaceSample]| -> Vec<f64> {
        samples.iter().map(|sample| sample.cpu_ns_per_request / 1e3).collect()
    };
    let rates =
        |samples: &[RaceSample]| -> Vec<f64> { samples.iter().map(|sample| sample.rate_rps).collect() };
    let (our_costs, their_costs) = (costs(ours), costs(theirs));
    let ratios: Vec<f64> = our_costs.iter().zip(&their_costs).map(|(ours, theirs)| ours / theirs).collect();
    let ratio = median(&ratios);
    let gate = Gate::when(ratio <= budget);
    println!(
        "{:>8} {:>5} {:>7} {:>6} {:>8} {:>11.2} {:>11.2} {:>7.3} {:>22} {:>15} {:>10.0} {:>10.0}  {}",
        server,
        cell.connections,
        cell.streams,
        cell.body.name(),
        peer.name(),
        median(&our_costs),
        median(&their_costs),
        ratio,
        show_interval(median_interval(&ratios)),
        format!("<= {budget:.3} {}", gate.word()),
        median(&rates(ours)),
        median(&rates(theirs)),
        verdicts(ours),
    );
    warn_of_failures(peer, ours, theirs);
    gate == Gate::Passed
}

fn show_interval(interval: MedianInterval) -> String {
    format!("{:.3}-{:.3} ({:.1} %)", interval.low, interval.high, interval.confidence * 100.0)
}

/// How often each verdict was given, the good ones first.
fn verdicts(samples: &[RaceSample]) -> String {
    let given = |status| samples.iter().filter(|sample| sample.verdict == Some(status)).count();
    let counts = [Status::Valid, Status::Degraded, Status::Invalid].map(|status| (given(status), status));
    let shown = counts.iter().filter(|(count, _)| *count > 0);
    shown.map(|&(count, status)| format!("{count} {}", status.name())).collect::<Vec<_>>().join(", ")
}

fn warn_of_failures(peer: Peer, ours: &[RaceSample], theirs: &[RaceSample]) {
    let failed = |samples: &[RaceSample]| samples.iter().map(|sample| sample.failed).sum::<u64>();
    let (ours, theirs) = (failed(ours), failed(theirs));
    if ours + theirs > 0 {
        println!(
            "      requests failed: vajra {ours}, {} {theirs}; a failure costs something else than a response",
            peer.name()
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: RaceSample =
        RaceSample { cpu_ns_per_request: 1.0, rate_rps: 1.0, failed: 0, verdict: None };

    #[test]
    fn verdicts_are_counted() {
        let given = [Status::Valid, Status::Invalid, Status::Valid];
        let samples = given.map(|status| RaceSample { verdict: Some(status), ..SAMPLE });
        assert_eq!(verdicts(&samples), "2 VALID, 1 INVALID");
    }

    #[test]
    fn each_body_has_its_budget_and_short_ones_have_one_for_every_peer() {
        let wrk = |body: ServedBody| Peer::Wrk.budget(ServedOver::Tcp, RaceCell::of(64, body));
        assert_eq!(
            [ServedBody::Small, ServedBody::Kibibytes64, ServedBody::Mebibyte].map(wrk),
            [Some(0.80), Some(0.55), Some(0.25)]
        );
        assert_eq!(Peer::all(ServedOver::Tcp, ServedBody::Small), [Peer::Floor, Peer::Wrk, Peer::Gcannon]);
        assert_eq!(Peer::all(ServedOver::Tcp, ServedBody::Mebibyte), [Peer::Wrk]);
    }

    #[test]
    fn over_tls_there_is_wrk_alone_and_no_budget_for_the_longest_body() {
        let all = bodies(ServedOver::Tls, &[]).unwrap();
        assert_eq!(all, [ServedBody::Small, ServedBody::Kibibytes64]);
        assert!(all.iter().all(|&body| Peer::all(ServedOver::Tls, body) == [Peer::Wrk]));
        let problem = bodies(ServedOver::Tls, &[ServedBody::Mebibyte]).unwrap_err();
        assert!(problem.contains("--bodies 1m") && problem.contains("small, 64k"), "{problem}");
        assert_eq!(bodies(ServedOver::Tcp, &[]).unwrap().len(), 3);
    }

    #[test]
    fn over_http_2_there_is_h2load_and_more_is_promised_for_more_streams() {
        let small = RaceCell::of(8, ServedBody::Small);
        assert_eq!(bodies(ServedOver::Http2, &[]).unwrap(), [ServedBody::Small]);
        let of = |streams| Peer::H2load.budget(ServedOver::Http2, RaceCell { streams, ..small });
        assert_eq!([1, 15, 16, 64, 100].map(of), [0.85, 0.85, 0.50, 0.45, 0.45].map(Some));
    }

    #[test]
    fn a_row_is_within_its_budget_up_to_the_budget_itself() {
        let cell = RaceCell::of(64, ServedBody::Small);
        let at = |peer: Peer, ratio: f64| {
            let ours = RaceSample { cpu_ns_per_request: ratio, ..SAMPLE };
            let budget = peer.budget(ServedOver::Tcp, cell).unwrap();
            print_row("nginx", cell, peer, budget, &[ours], &[SAMPLE])
        };
        assert!(at(Peer::Wrk, 0.80) && !at(Peer::Wrk, 0.81));
        assert!(at(Peer::Floor, 1.06) && !at(Peer::Floor, 1.07));
    }
}
