//! The ways to use a shard's loop against a real server. Closed and open loop, bytes that never change and bytes rendered for
//! each request, one and eight requests under way per connection; and over TLS and HTTP/2.

use crate::drive::{Driven, drive};
use engine::config::{Config, RequestConfig, Text, Texts, TlsConfig};
use engine::plan::Plan;
use std::net::SocketAddr;
use testbed::{Server, ServerOptions, TlsOptions};

pub(crate) const CONNECTIONS: u32 = 64;
const PIPELINE: u32 = 8;
/// Responses before counting begins: every connection has had many, in every depth of its pipeline.
pub(crate) const UNCOUNTED: u64 = 10_000;
/// Arrivals per second of the open loops: well below what the built-in server carries beside us on two cores.
pub(crate) const RATE_RPS: u64 = 20_000;
/// Of this many requests of a mix one is large, and this is how large.
const RARE: u32 = 1_000;
const LARGE_BYTES: usize = 2_048;
/// Recorders change hands this often, so that handing over is part of what is counted.
const INTERVAL: &str = "100ms";

/// One way to use the loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LoopCase {
    pub(crate) is_open_loop: bool,
    pub(crate) bytes: RequestBytes,
    /// Requests under way on a connection.
    pub(crate) pipeline: u32,
    pub(crate) spoken: Spoken,
}

/// How the server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spoken {
    Http1,
    /// The same over TLS.
    Https1,
    /// Without TLS, as is known beforehand.
    Http2,
}

/// The built-in servers that the cases are driven against.
pub(crate) struct CaseServers {
    plain: Server,
    tls: Server,
}

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestBytes {
    /// One request that never changes.
    Constant,
    /// One request, rendered for each sending.
    Rendered,
    /// A small rendered request, and rarely a large one: most connections meet it only after the warm-up.
    Mixed,
}

impl CaseServers {
    /// Both of them, on a core if there is to be one.
    pub(crate) fn start(core: Option<usize>) -> Result<CaseServers, String> {
        let start = |tls| {
            let options = ServerOptions { core, tls, ..ServerOptions::default() };
            Server::start(options).map_err(|error| error.to_string())
        };
        Ok(CaseServers { plain: start(None)?, tls: start(Some(TlsOptions::default()))? })
    }

    /// Where the server of a case listens.
    pub(crate) fn address(&self, case: LoopCase) -> SocketAddr {
        if case.spoken == Spoken::Https1 { self.tls.address() } else { self.plain.address() }
    }
}

impl LoopCase {
    /// The usual case of each load: bytes that never change, one request under way on a connection.
    pub(crate) const CLOSED: LoopCase =
        LoopCase { is_open_loop: false, bytes: RequestBytes::Constant, pipeline: 1, spoken: Spoken::Http1 };
    pub(crate) const OPEN: LoopCase = LoopCase { is_open_loop: true, ..LoopCase::CLOSED };

    pub(crate) fn all() -> impl Iterator<Item = LoopCase> {
        let pipelines = [1, PIPELINE].into_iter();
        let plain = pipelines.flat_map(|pipeline| {
            let loops = [false, true].into_iter();
            loops.flat_map(move |is_open_loop| {
                RequestBytes::ALL.map(|bytes| LoopCase { is_open_loop, bytes, pipeline, ..LoopCase::CLOSED })
            })
        });
        plain.chain(LoopCase::over_tls()).chain(LoopCase::over_http2())
    }

    /// TLS is below all of what the other cases differ in, but for the load: it seals bytes, whoever wrote them.
    fn over_tls() -> impl Iterator<Item = LoopCase> {
        [LoopCase::CLOSED, LoopCase::OPEN].into_iter().map(|case| LoopCase { spoken: Spoken::Https1, ..case })
    }

    /// HTTP/2 differs in what is sent, and in what is under way beside it.
    fn over_http2() -> impl Iterator<Item = LoopCase> {
        let several = LoopCase { pipeline: PIPELINE, ..LoopCase::CLOSED };
        let rendered = LoopCase { bytes: RequestBytes::Rendered, ..several };
        let cases = [LoopCase::CLOSED, several, rendered, LoopCase { is_open_loop: true, ..several }];
        cases.into_iter().map(|case| LoopCase { spoken: Spoken::Http2, ..case })
    }

    /// Load, bytes, pipeline and transport, as tables, baselines and the command line have it.
    pub(crate) fn title(self) -> String {
        let load = if self.is_open_loop { "open" } else { "closed" };
        let spoken = match self.spoken {
            Spoken::Http1 => "",
            Spoken::Https1 => "/tls",
            Spoken::Http2 => "/http2",
        };
        format!("{load}/{}/{}{spoken}", self.bytes.name(), self.pipeline)
    }

    /// The case of a title. An error lists those there are.
    pub(crate) fn find(title: &str) -> Result<LoopCase, String> {
        let titles = || LoopCase::all().map(LoopCase::title).collect::<Vec<_>>().join(", ");
        LoopCase::all()
            .find(|case| case.title() == title)
            .ok_or_else(|| format!("there is no case `{title}`; there are {}", titles()))
    }

    /// Runs the case. Errors when fewer than `counted` requests were answered, or any failed: the count would then be of
    /// something else.
    pub(crate) fn drive(
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
            let Driven { counted: responses, failed, .. } = driven;
            return Err(format!("{}: {responses} of {counted} responses, {failed} failures", self.title()));
        }
        Ok(driven)
    }

    fn plan(self, address: SocketAddr, requests: u64, rate_rps: u64) -> Result<Plan, String> {
        let text = |value: String| Some(Text(value));
        let scheme = if self.spoken == Spoken::Https1 { "https" } else { "http" };
        let mut config = Config { url: text(format!("{scheme}://{address}/")), ..Config::default() };
        config.run.connections = Some(CONNECTIONS.into());
        match self.spoken {
            Spoken::Http1 => config.run.pipeline = Some(self.pipeline),
            Spoken::Https1 => (config.tls, config.run.pipeline) = (tls(), Some(self.pipeline)),
            Spoken::Http2 => {
                config.http.version = text("2-prior-knowledge".into());
                config.http.streams = Some(self.pipeline);
            }
        }
        config.run.requests = text(requests.to_string());
        config.run.interval = text(INTERVAL.into());
        config.load.rate = self.is_open_loop.then(|| Text(rate_rps.to_string()));
        config.request = self.bytes.requests();
        Plan::new(&config, &|name| Err(format!("no file {name} here")))
            .map_err(|diagnostics| format!("{diagnostics:?}"))
    }
}

impl RequestBytes {
    pub(crate) const ALL: [RequestBytes; 3] =
        [RequestBytes::Constant, RequestBytes::Rendered, RequestBytes::Mixed];

    fn name(self) -> &'static str {
        match self {
            RequestBytes::Constant => "constant",
            RequestBytes::Rendered => "rendered",
            RequestBytes::Mixed => "mixed",
        }
    }

    fn requests(self) -> Vec<RequestConfig> {
        match self {
            RequestBytes::Constant => vec![RequestConfig::default()],
            RequestBytes::Rendered => vec![rendered_request("")],
            RequestBytes::Mixed => {
                let small = RequestConfig { weight: Some(RARE), ..rendered_request("") };
                vec![small, rendered_request(&"x".repeat(LARGE_BYTES))]
            }
        }
    }
}

/// The version and the cipher that costs are stated for. Whose certificate it is is of the handshake, which is not counted.
fn tls() -> TlsConfig {
    TlsConfig {
        verify: Some(false),
        versions: Some(Text("1.3".into())),
        ciphers: Some(Texts(vec!["TLS_AES_128_GCM_SHA256".into()])),
        ..TlsConfig::default()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_is_found_by_its_title() {
        assert_eq!(LoopCase::all().count(), 18);
        for case in LoopCase::all() {
            assert_eq!(LoopCase::find(&case.title()), Ok(case));
        }
        let problem = LoopCase::find("open").unwrap_err();
        assert!(problem.contains("`open`") && problem.contains("closed/constant/8"), "{problem}");
        assert_eq!(LoopCase::find("open/constant/1/tls").unwrap().spoken, Spoken::Https1);
    }
}
