//! Generators side by side: several run by turns against one server process. Each has the same core, so that whatever else
//! the machine does meets all of them. What counts is the ratio within a round.
//!
//! The cost is the CPU time of the whole process, collector and start included, over the requests it completed. Over TLS, and of
//! calls, it is the difference of two runs, a short one and one that is longer by what was asked for: handshakes, scripts that are compiled,
//! and all else that is done once, are in both and drop out.

use crate::cores::{GENERATOR_CORE, SERVER_CORE};
use crate::grpcio::{self, Grpcio};
use crate::nghttpd::Nghttpd;
use crate::process::{self, EndedProcess};
use crate::target::{Nginx, ServedBody, ServedOver};
use crate::vajra::{self, Vajra};
use crate::wrk::Counted;
use crate::{floor, gcannon, h2load, k6, wrk};
use engine::verdict::Status;
use std::process::Command;

/// The shorter of two runs that are subtracted.
const SHORT_S: u32 = 1;
/// What Vajra is told of a server over TLS: to ask for what the server has, and to trust it as wrk does.
const TLS_FLAGS: [&str; 6] = ["-k", "--tlsv1.3", "--ciphers", "TLS_AES_128_GCM_SHA256", "--groups", "x25519"];

/// One combination of connections and body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RaceCell {
    pub(crate) connections: u32,
    /// Requests under way on each.
    pub(crate) streams: u32,
    pub(crate) body: ServedBody,
}

/// One run of one generator.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RaceSample {
    pub(crate) cpu_ns_per_request: f64,
    pub(crate) rate_rps: f64,
    pub(crate) failed: u64,
    /// Vajra's own.
    pub(crate) verdict: Option<Status>,
}

/// What one process has used, and for what.
struct Spent {
    cpu_ns: f64,
    requests: u64,
    rate_rps: f64,
    failed: u64,
    verdict: Option<Status>,
}

/// Who runs.
#[derive(Clone, Copy)]
pub(crate) enum Contender<'a> {
    Vajra(&'a Vajra),
    /// The least that can be done, which has no clock and is told how many requests to send.
    Floor {
        requests: u64,
    },
    Wrk,
    Gcannon,
    H2load,
    K6,
}

/// What they run against.
pub(crate) enum RaceServer {
    Nginx(Nginx),
    Nghttpd(Nghttpd),
    Grpcio(Grpcio),
}

/// Where they run.
pub(crate) struct Track {
    pub(crate) server: RaceServer,
    pub(crate) seconds: u32,
}

impl RaceCell {
    /// With one request at a time on each of so many connections.
    pub(crate) fn of(connections: u32, body: ServedBody) -> RaceCell {
        RaceCell { connections, streams: 1, body }
    }
}

impl RaceServer {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            RaceServer::Nginx(_) => "nginx",
            RaceServer::Nghttpd(_) => "nghttpd",
            RaceServer::Grpcio(_) => "grpcio",
        }
    }

    /// Where a body is fetched.
    pub(crate) fn url(&self, body: ServedBody) -> String {
        match self {
            RaceServer::Nginx(nginx) => nginx.url(body),
            RaceServer::Nghttpd(nghttpd) => nghttpd.url(body),
            RaceServer::Grpcio(grpcio) => format!("grpc://{}", grpcio.authority()),
        }
    }

    /// What it speaks below HTTP.
    pub(crate) fn over(&self) -> ServedOver {
        match self {
            RaceServer::Nginx(nginx) => nginx.over(),
            RaceServer::Nghttpd(_) => ServedOver::Http2,
            RaceServer::Grpcio(_) => ServedOver::Grpc,
        }
    }
}

impl Track {
    /// An nginx of its own, and runs of so many seconds.
    pub(crate) fn on_nginx(over: ServedOver, seconds: u32) -> Result<Track, String> {
        Ok(Track { server: RaceServer::Nginx(Nginx::start_over(over, SERVER_CORE)?), seconds })
    }

    /// Every contender once, in an order that turns with the number of the round: A B, B A, and so on. The samples come in
    /// the order of the contenders.
    pub(crate) fn round(
        &self,
        contenders: &[Contender],
        cell: RaceCell,
        number: usize,
    ) -> Result<Vec<RaceSample>, String> {
        let count = contenders.len();
        let mut samples: Vec<Option<RaceSample>> = vec![None; count];
        for place in 0..count {
            let index = (place + number) % count;
            samples[index] = Some(self.run(contenders[index], cell)?);
        }
        Ok(samples.into_iter().flatten().collect())
    }

    /// The floor, with as many requests as Vajra completes in one run of the length of all: it runs about as long. The run also
    /// warms up the server for this cell.
    pub(crate) fn floor(&self, vajra: &Vajra, cell: RaceCell) -> Result<Contender<'static>, String> {
        let rate_rps = self.run(Contender::Vajra(vajra), cell)?.rate_rps;
        Ok(Contender::Floor { requests: (rate_rps * f64::from(self.seconds)) as u64 })
    }

    /// How a contender is started, as long as is measured.
    pub(crate) fn command(&self, contender: Contender, cell: RaceCell) -> Result<Command, String> {
        self.command_for(self.seconds, contender, cell)
    }

    /// What Vajra is told besides the URL.
    pub(crate) fn vajra_flags(&self, cell: RaceCell) -> Vec<String> {
        let owned = |flags: &[&str]| flags.iter().map(|&flag| flag.to_owned()).collect();
        match (&self.server, self.server.over()) {
            (RaceServer::Grpcio(grpcio), _) => {
                let proto = grpcio.proto().display().to_string();
                let streams = cell.streams.to_string();
                owned(&["-s", &streams, "--proto", &proto, "--call", grpcio::METHOD, "-b", grpcio::REQUEST])
            }
            (_, ServedOver::Tcp | ServedOver::Grpc) => Vec::new(),
            (_, ServedOver::Tls) => owned(&TLS_FLAGS),
            (_, ServedOver::Http2) => owned(&["--http2-prior-knowledge", "-s", &cell.streams.to_string()]),
        }
    }

    fn command_for(&self, seconds: u32, contender: Contender, cell: RaceCell) -> Result<Command, String> {
        let url = self.server.url(cell.body);
        Ok(match contender {
            Contender::Vajra(vajra) => {
                let flags = self.vajra_flags(cell);
                let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
                vajra.command(GENERATOR_CORE, cell.connections, seconds, &url, &flags)
            }
            Contender::Floor { requests } => {
                floor::command(GENERATOR_CORE, cell.connections, requests, &url)?
            }
            Contender::Wrk => wrk::command(GENERATOR_CORE, cell.connections, seconds, &url),
            Contender::Gcannon => gcannon::command(GENERATOR_CORE, cell.connections, seconds, &url),
            Contender::H2load => {
                h2load::command(GENERATOR_CORE, cell.connections, cell.streams, seconds, &url)
            }
            Contender::K6 => {
                let RaceServer::Grpcio(grpcio) = &self.server else {
                    return Err(format!("{} takes no calls", self.server.name()));
                };
                let (authority, proto) = (grpcio.authority(), grpcio.proto());
                let users = cell.connections * cell.streams;
                k6::command(GENERATOR_CORE, users, seconds, &authority, &proto)?
            }
        })
    }

    fn run(&self, contender: Contender, cell: RaceCell) -> Result<RaceSample, String> {
        let spent = |seconds| spend(&mut self.command_for(seconds, contender, cell)?, contender);
        let sample = match self.server.over() {
            ServedOver::Tcp | ServedOver::Http2 => spent(self.seconds)?.sample(),
            ServedOver::Tls | ServedOver::Grpc => {
                let short = spent(SHORT_S)?;
                spent(SHORT_S + self.seconds)?.less(&short).sample()
            }
        };
        let shown = process::shown(&self.command(contender, cell)?);
        sample.ok_or_else(|| format!("`{shown}` completed no request"))
    }
}

/// Runs a contender to its end.
fn spend(command: &mut Command, contender: Contender) -> Result<Spent, String> {
    let run: fn(&mut Command) -> Result<(Counted, EndedProcess), String> = match contender {
        Contender::Vajra(_) => {
            let vajra::Run { report, ended } = Vajra::run(command)?;
            return Ok(Spent {
                cpu_ns: ended.cpu_s * 1e9,
                requests: vajra::completed(&report),
                rate_rps: report.rate.achieved,
                failed: report.requests.failed,
                verdict: Some(report.verdict.status),
            });
        }
        Contender::Floor { .. } => floor::run_process,
        Contender::Wrk => wrk::run,
        Contender::Gcannon => gcannon::run,
        Contender::H2load => h2load::run,
        Contender::K6 => k6::run,
    };
    let (Counted { requests, rate_rps, failed }, ended) = run(command)?;
    Ok(Spent { cpu_ns: ended.cpu_s * 1e9, requests, rate_rps, failed, verdict: None })
}

impl Spent {
    /// What is left of a run without what a shorter one spent as well. Rate and verdict are the longer run's.
    fn less(self, short: &Spent) -> Spent {
        Spent {
            cpu_ns: self.cpu_ns - short.cpu_ns,
            requests: self.requests.saturating_sub(short.requests),
            failed: self.failed + short.failed,
            ..self
        }
    }

    /// A cost per request needs requests.
    fn sample(&self) -> Option<RaceSample> {
        let &Spent { cpu_ns, requests, rate_rps, failed, verdict } = self;
        let cpu_ns_per_request = cpu_ns / requests as f64;
        (requests > 0).then_some(RaceSample { cpu_ns_per_request, rate_rps, failed, verdict })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_once_is_in_both_runs_and_drops_out() {
        let spent = |requests: u64| Spent {
            cpu_ns: 5e6 + 3e3 * requests as f64,
            requests,
            rate_rps: 1.0,
            failed: 1,
            verdict: None,
        };
        let sample = spent(5_000).less(&spent(1_000)).sample().unwrap();
        assert!((sample.cpu_ns_per_request - 3e3).abs() < 1e-6, "{}", sample.cpu_ns_per_request);
        assert_eq!(sample.failed, 2);
        assert!(spent(1_000).less(&spent(1_000)).sample().is_none(), "a cost per request needs requests");
    }
}
