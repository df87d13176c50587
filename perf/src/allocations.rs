//! Whether the loop of a shard allocates once it is warm, and how much work the ring has per request.
//!
//! Closed and open loop, bytes that never change and bytes rendered for each request, one and eight requests under way
//! per connection: each case is one run against the built-in server inside this process.

use crate::Gate;
use crate::budgets;
use crate::drive::{Driven, drive};
use clap::Args;
use engine::config::{Config, RequestConfig, Text};
use engine::plan::Plan;
use std::net::SocketAddr;
use testbed::Server;

const CONNECTIONS: u32 = 64;
const PIPELINE: u32 = 8;
/// Answers before counting begins: every connection has had many, in every depth of its pipeline.
const UNCOUNTED: u64 = 10_000;
/// Arrivals per second of the open loops: well below what the built-in server carries beside us on two cores.
const RATE_RPS: u64 = 20_000;
/// Of this many requests of a mix one is large, and this is how large.
const RARE: u32 = 1_000;
const LARGE_BYTES: usize = 2_048;
/// Recorders change hands this often, so that handing over is part of what is counted.
const INTERVAL: &str = "100ms";

#[derive(Args)]
pub(crate) struct Options {
    /// Requests to count in each case
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
    requests: u64,
}

/// One way to use the loop.
#[derive(Clone, Copy, Debug)]
struct Case {
    is_open_loop: bool,
    bytes: Bytes,
    pipeline: u32,
}

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bytes {
    /// One request that never changes.
    Constant,
    /// One request, rendered for each sending.
    Rendered,
    /// A small rendered request, and rarely a large one: most connections meet it only after the warm-up.
    Mixed,
}

/// Counts every case, prints a table, and fails if anything was allocated.
pub(crate) fn run(options: &Options) -> Result<Gate, String> {
    let server = Server::start(testbed::Options::default()).map_err(|error| error.to_string())?;
    println!(
        "{CONNECTIONS} connections, testbed in this process, counted after the first {UNCOUNTED} answers"
    );
    println!(
        "{:<28} {:>8} {:>11} {:>6} {:>9} {:>9} {:>9}",
        "case", "counted", "allocations", "bytes", "SQEs/rq", "CQEs/rq", "enters/rq"
    );
    let mut is_passed = true;
    for case in Case::all() {
        let driven = case.drive(server.address(), UNCOUNTED, options.requests, RATE_RPS)?;
        print_row(case, &driven);
        is_passed &= driven.allocations.count == budgets::ALLOCATIONS;
    }
    let gate = Gate::when(is_passed);
    println!("allocations in the loop = {}: {}", budgets::ALLOCATIONS, gate.word());
    Ok(gate)
}

impl Case {
    fn all() -> impl Iterator<Item = Case> {
        let pipelines = [1, PIPELINE].into_iter();
        pipelines.flat_map(|pipeline| {
            let loops = [false, true].into_iter();
            loops.flat_map(move |is_open_loop| Bytes::ALL.map(|bytes| Case { is_open_loop, bytes, pipeline }))
        })
    }

    fn name(self) -> String {
        let load = if self.is_open_loop { "open" } else { "closed" };
        format!("{load}, {}, pipeline {}", self.bytes.name(), self.pipeline)
    }

    /// Runs the case. Errors when fewer than `counted` requests were answered, or any failed: the count would then be of
    /// something else.
    fn drive(
        self,
        address: SocketAddr,
        uncounted: u64,
        counted: u64,
        rate_rps: u64,
    ) -> Result<Driven, String> {
        // Counting begins with a turn, and a turn may complete all that is under way.
        let under_way = u64::from(CONNECTIONS * self.pipeline);
        let plan = self.plan(address, uncounted + under_way + counted, rate_rps)?;
        let driven = drive(&plan, address, uncounted)?;
        if driven.failed > 0 || driven.counted < counted {
            let Driven { counted: answers, failed, .. } = driven;
            return Err(format!("{}: {answers} of {counted} answers, {failed} failures", self.name()));
        }
        Ok(driven)
    }

    fn plan(self, address: SocketAddr, requests: u64, rate_rps: u64) -> Result<Plan, String> {
        let text = |value: String| Some(Text(value));
        let mut config = Config { url: text(format!("http://{address}/")), ..Config::default() };
        config.run.connections = Some(CONNECTIONS);
        config.run.pipeline = Some(self.pipeline);
        config.run.requests = text(requests.to_string());
        config.run.interval = text(INTERVAL.into());
        config.load.rate = self.is_open_loop.then(|| Text(rate_rps.to_string()));
        config.request = self.bytes.requests();
        Plan::new(&config, &|name| Err(format!("no file {name} here")))
            .map_err(|mistakes| format!("{mistakes:?}"))
    }
}

impl Bytes {
    const ALL: [Bytes; 3] = [Bytes::Constant, Bytes::Rendered, Bytes::Mixed];

    fn name(self) -> &'static str {
        match self {
            Bytes::Constant => "constant",
            Bytes::Rendered => "rendered",
            Bytes::Mixed => "mixed",
        }
    }

    fn requests(self) -> Vec<RequestConfig> {
        match self {
            Bytes::Constant => vec![RequestConfig::default()],
            Bytes::Rendered => vec![rendered_request("")],
            Bytes::Mixed => {
                let small = RequestConfig { weight: Some(RARE), ..rendered_request("") };
                vec![small, rendered_request(&"x".repeat(LARGE_BYTES))]
            }
        }
    }
}

/// A request with every kind of hole, in the path and in a body whose length is computed.
fn rendered_request(padding: &str) -> RequestConfig {
    RequestConfig {
        path: Some(Text("/echo?item={{seq}}&pick={{rand 1 1000000}}".into())),
        body: Some(Text(format!(
            r#"{{"order": {{{{seq}}}}, "id": "{{{{uuid}}}}", "padding": "{padding}"}}"#
        ))),
        ..RequestConfig::default()
    }
}

fn print_row(case: Case, driven: &Driven) {
    let figures = &driven.figures;
    let per_request = |count: u64| count as f64 / figures.finished.max(1) as f64;
    println!(
        "{:<28} {:>8} {:>11} {:>6} {:>9.3} {:>9.3} {:>9.3}",
        case.name(),
        driven.counted,
        driven.allocations.count,
        driven.allocations.bytes,
        per_request(figures.submissions),
        per_request(figures.completions),
        per_request(figures.enters),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counting::Allocations;

    /// Every case of these bytes, short: enough to be warm, and then some.
    fn assert_no_allocations(wanted: &[Bytes]) {
        let server = Server::start(testbed::Options::default()).unwrap();
        for case in Case::all().filter(|case| wanted.contains(&case.bytes)) {
            let driven = case.drive(server.address(), 1_000, 2_000, 2_000).unwrap();
            assert_eq!(driven.allocations, Allocations::default(), "{}", case.name());
            assert!(driven.figures.submissions > 0 && driven.figures.finished >= 3_000, "{}", case.name());
        }
    }

    #[test]
    fn a_warm_loop_never_allocates() {
        assert_no_allocations(&[Bytes::Constant, Bytes::Rendered]);
    }

    #[test]
    fn a_rare_large_request_allocates_nothing_either() {
        assert_no_allocations(&[Bytes::Mixed]);
    }
}
