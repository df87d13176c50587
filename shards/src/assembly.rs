//! What the shards of a plan are made of: what each scenario sends, and the wire it is sent on.

use crate::clock;
use crate::protocol::Protocol;
use crate::protocol::any::AnyShared;
use crate::protocol::http1::{self, HeadMemo};
use crate::protocol::http2::{self, Http2Options, Http2Request, Http2Shared};
use crate::protocol::secured::SecuredShared;
use crate::protocol::tcp::{self, TcpShared};
use crate::protocol::udp::{self, UdpShared};
use crate::protocol::websocket::{self, WebSocketOpening, WebSocketOptions, WebSocketShared};
use crate::redirects;
use crate::ring::{Outgoing, RingWire, SlotRoute};
use crate::tls::{TlsClient, TlsFiles};
use engine::any_source::AnySource;
use engine::bucket::Share;
use engine::failure::{FailureKind, RunFailure};
use engine::flow::rows::RowSource;
use engine::flow::{CookieRules, FlowConstants, FlowParts, FlowSource, StepLooks};
use engine::load::UserLoad;
use engine::mix::{EncodedStep, Mix};
use engine::plan::{self, Plan, Pool, Request, SCENARIOS_MAX, Scenario, Target, TargetProtocol, Transport};
use engine::seams::{Source, StepFacts};
use engine::template::{Piece, Template};
use engine::url::Endpoint;
use socket2::SockAddr;

/// What HTTP/1.1 is called where protocols are chosen (RFC 7301).
const ALPN_HTTP1: &str = "http/1.1";
/// The same of HTTP/2.
const ALPN_HTTP2: &str = "h2";

/// What each scenario of a plan sends, on whichever shard, where no request follows another.
pub fn mixes(plan: &Plan) -> Result<Vec<Mix>, RunFailure> {
    // Where nothing follows, no cookie has been set.
    let mix = |index| Ok(Mix::new(encoded_steps(plan, index, false)?, plan.draws_of(index)));
    (0..plan.scenarios.len()).map(mix).collect()
}

/// What each scenario of a plan sends on a shard. `rows` makes a shard's way to the rows of the plan's feeds, for each scenario that is a flow.
pub fn sources<R: RowSource>(
    plan: &Plan,
    share: Share,
    rows: impl FnMut() -> R,
) -> Result<Vec<AnySource<R>>, RunFailure> {
    sources_with(plan, share, rows, FlowConstants::default)
}

/// The same; `constants` makes what each scenario that is a flow has of values that all its iterations share.
pub(crate) fn sources_with<R: RowSource>(
    plan: &Plan,
    share: Share,
    mut rows: impl FnMut() -> R,
    mut constants: impl FnMut() -> FlowConstants,
) -> Result<Vec<AnySource<R>>, RunFailure> {
    let source = |(index, scenario): (usize, &Scenario)| {
        let keeps_cookies = scenario.flow().is_some_and(|flow| flow.cookies);
        let draws = plan.draws_of(index);
        Ok(match scenario.flow() {
            None => AnySource::Mix(Mix::new(encoded_steps(plan, index, false)?, draws)),
            Some(flow) => {
                let encode = |step: &plan::Step| encoded_step(step, plan.target_of(step), keeps_cookies);
                let steps = scenario.steps().iter().map(|step| encode(&redirects::filled_once(step)));
                let steps: Vec<EncodedStep> = steps.collect::<Result<_, RunFailure>>()?;
                let sessions_max = share.of(flow.sessions_max.into()) as usize;
                let steps =
                    steps.into_iter().zip(scenario.steps()).map(|(step, of_plan)| (step, &of_plan.looks));
                let source = FlowSource::new(FlowParts {
                    script: flow,
                    steps: steps.collect(),
                    draws,
                    sessions_max,
                    users: scenario.load.users().map(UserLoad::most),
                    feeds: &plan.feeds,
                    rows: rows(),
                    share,
                    unix_offset_ns: clock::unix_offset_ns(),
                    cookies: cookie_rules(plan, scenario)?.into_iter().next(),
                    constants: constants(),
                    redirects: redirects::forms(plan, scenario, encode)?,
                });
                AnySource::Flow(Box::new(to_targets(plan, scenario, source, share)?))
            }
        })
    };
    plan.scenarios.iter().enumerate().map(source).collect()
}

/// The requests of a scenario as their protocol has them, with room for the cookies that a session keeps or without.
fn encoded_steps(plan: &Plan, scenario: usize, keeps_cookies: bool) -> Result<Vec<EncodedStep>, RunFailure> {
    let encoded = |step: &plan::Step| encoded_step(step, plan.target_of(step), keeps_cookies);
    plan.scenarios[scenario].steps().iter().map(encoded).collect()
}

fn encoded_step(step: &plan::Step, target: &Target, keeps_cookies: bool) -> Result<EncodedStep, RunFailure> {
    match target.protocol {
        TargetProtocol::Http1 { reuse, .. } if keeps_cookies => {
            http1::encode_with_cookies(step, &target.url.authority, reuse)
        }
        TargetProtocol::Http1 { reuse, .. } => http1::encode(step, &target.url.authority, reuse),
        TargetProtocol::Http2 { .. } => {
            http2_request(step, target, keeps_cookies).map(|(encoded, _)| encoded)
        }
        TargetProtocol::WebSocket { .. } => websocket::encode(step),
        TargetProtocol::Tcp { .. } => tcp::encode(step),
        TargetProtocol::Udp { .. } => udp::encode(step),
    }
}

/// A flow whose steps go to several targets lets each wait for its own; one whose users have connections of their own lets each wait for its
/// user's.
fn to_targets<R: RowSource>(
    plan: &Plan,
    scenario: &Scenario,
    source: FlowSource<R>,
    share: Share,
) -> Result<FlowSource<R>, RunFailure> {
    let pools = scenario.pools();
    let owns_connections = plan.pools[pools[0]].connections.is_per_session();
    if pools.len() < 2 && !owns_connections {
        return Ok(source);
    }
    let number = |step: &plan::Step| pools.iter().position(|pool| *pool == step.pool).unwrap_or(0);
    let of_step = scenario.steps().iter().map(number).collect();
    let source = source.with_targets(of_step, cookie_rules(plan, scenario)?);
    Ok(if owns_connections { source.with_own_connections(share) } else { source })
}

/// How the sessions of a scenario keep cookies of each of its targets; none where they keep none.
fn cookie_rules(plan: &Plan, scenario: &Scenario) -> Result<Vec<CookieRules>, RunFailure> {
    if !scenario.flow().is_some_and(|flow| flow.cookies) {
        return Ok(Vec::new());
    }
    let paths: Result<Vec<Template>, RunFailure> = scenario.steps().iter().map(redirects::path).collect();
    let paths = paths?;
    let of_pool = |pool: usize| {
        let url = &plan.targets[plan.pools[pool].target].url;
        let host = match &url.endpoint {
            Endpoint::Tcp { host, .. } => host,
            Endpoint::Unix { .. } | Endpoint::Testbed => &url.authority,
        };
        let (host, is_secure) = (host.to_ascii_lowercase(), url.scheme.is_tls());
        CookieRules { host, is_secure, paths: paths.clone() }
    };
    Ok(scenario.pools().into_iter().map(of_pool).collect())
}

/// A request as HTTP/2 has it.
pub(crate) fn http2_request(
    step: &plan::Step,
    target: &Target,
    keeps_cookies: bool,
) -> Result<(EncodedStep, Http2Request), RunFailure> {
    let scheme = if target.url.scheme.is_tls() { "https" } else { "http" };
    match keeps_cookies {
        true => http2::encode_with_cookies(step, scheme, &target.url.authority),
        false => http2::encode(step, scheme, &target.url.authority),
    }
}

/// What the connections of a pool share, whatever is spoken on them. Reads the files that its target names for TLS.
pub fn any_shared(plan: &Plan, pool: usize) -> Result<AnyShared, RunFailure> {
    let files = tls_files(&plan.targets[plan.pools[pool].target])?;
    any_shared_with(plan, pool, files.as_ref())
}

/// What a target's files for TLS hold, where it has TLS.
pub(crate) fn tls_files(target: &Target) -> Result<Option<TlsFiles>, RunFailure> {
    match &target.transport {
        Transport::Tls(settings) => TlsFiles::read(settings).map(Some),
        Transport::Plain => Ok(None),
    }
}

/// The requests that are sent on a pool, as HTTP/2 has them: one for each step of its scenario, because calls name steps by number. Those
/// that go to other targets are never sent here, whose rules they may break and whose memory they need not take up: each has a place alone.
fn http2_requests(plan: &Plan, pool: usize) -> Result<Vec<Http2Request>, RunFailure> {
    let target = &plan.targets[plan.pools[pool].target];
    let serves = |scenario: &&Scenario| scenario.pools().contains(&pool);
    let steps = plan.scenarios.iter().filter(serves).flat_map(|scenario| {
        let keeps_cookies = scenario.flow().is_some_and(|flow| flow.cookies);
        scenario.steps().iter().map(move |step| (step, keeps_cookies))
    });
    let request = |(step, keeps_cookies): (&plan::Step, bool)| {
        let request = match step.pool == pool {
            true => http2_request(step, target, keeps_cookies),
            false => http2_request(&place_of(step), target, false),
        };
        request.map(|(_, request)| request)
    };
    steps.map(request).collect()
}

/// What stands in the place of a step that goes to another target.
fn place_of(step: &plan::Step) -> plan::Step {
    let request = plan::HttpRequest {
        method: "GET".into(),
        path: vec![Piece::Bytes(b"/".to_vec())],
        headers: Vec::new(),
        body: None,
    };
    plan::Step {
        name: step.name.clone(),
        weight: 0,
        pool: step.pool,
        timeout_ns: step.timeout_ns,
        request: Request::Http(request),
        looks: StepLooks::default(),
    }
}

/// The same as [`any_shared`], with what was read of the target's files.
pub(crate) fn any_shared_with(
    plan: &Plan,
    pool: usize,
    files: Option<&TlsFiles>,
) -> Result<AnyShared, RunFailure> {
    let target = &plan.targets[plan.pools[pool].target];
    match &target.protocol {
        &TargetProtocol::Http1 { reuse, .. } => {
            let memo = HeadMemo::new(reuse);
            Ok(match secured(target, files, Some(ALPN_HTTP1), memo)? {
                Ok(shared) => AnyShared::Https1(shared),
                Err(memo) => AnyShared::Http1(memo),
            })
        }
        &TargetProtocol::Http2 { streams, window_bytes, header_table_bytes } => {
            let requests = http2_requests(plan, pool)?;
            let options = Http2Options { streams, window_bytes, header_table_bytes };
            Ok(match secured(target, files, Some(ALPN_HTTP2), Http2Shared::new(requests, options))? {
                Ok(shared) => AnyShared::Https2(shared),
                Err(shared) => AnyShared::Http2(Box::new(shared)),
            })
        }
        TargetProtocol::WebSocket { pipeline, subprotocols, matching, ping_ns } => {
            let (subprotocols, matching) = (subprotocols.clone(), matching.clone());
            let options = WebSocketOptions { subprotocols, matching, messages: *pipeline, ping_ns: *ping_ns };
            let shared = websocket_shared(plan, pool, &options)?;
            Ok(match secured(target, files, Some(ALPN_HTTP1), shared)? {
                Ok(shared) => AnyShared::SecureWebSocket(shared),
                Err(shared) => AnyShared::WebSocket(Box::new(shared)),
            })
        }
        TargetProtocol::Tcp { ends, greeting, .. } => {
            Ok(match secured(target, files, None, TcpShared::new(ends, *greeting))? {
                Ok(shared) => AnyShared::SecureTcp(shared),
                Err(shared) => AnyShared::Tcp(Box::new(shared)),
            })
        }
        &TargetProtocol::Udp { pipeline, matching } => {
            Ok(AnyShared::Udp(Box::new(UdpShared::new(matching, pipeline))))
        }
    }
}

/// What the connections of a pool share that speaks WebSocket. All its messages are of one scenario, and are opened alike.
fn websocket_shared(
    plan: &Plan,
    pool: usize,
    options: &WebSocketOptions,
) -> Result<WebSocketShared, RunFailure> {
    let is_of_pool = |scenario: &Scenario| scenario.steps().iter().any(|step| step.pool == pool);
    let scenario = plan.scenarios.iter().position(is_of_pool).expect("every pool of a plan is used");
    let steps = plan.scenarios[scenario].steps();
    let mut message_bytes_max = 0;
    for step in steps {
        message_bytes_max = message_bytes_max.max(websocket::encode(step)?.template.bytes_max());
    }
    // Nothing that is drawn for arrivals is drawn again for openings.
    let draws = plan.draws_of(SCENARIOS_MAX + scenario);
    let authority = &plan.target_of(&steps[0]).url.authority;
    let opening = steps[0].request.http().expect("every message has what opens its connection");
    let opening = WebSocketOpening::new(opening, authority, options, draws)?;
    Ok(WebSocketShared::new(opening, options, message_bytes_max))
}

/// The same where calls go to a target that are none of a plan's.
pub(crate) fn grpc_shared(target: &Target, requests: Vec<Http2Request>) -> Result<AnyShared, RunFailure> {
    let shared = Http2Shared::new(requests, Http2Options::default());
    Ok(match secured(target, tls_files(target)?.as_ref(), Some(ALPN_HTTP2), shared)? {
        Ok(shared) => AnyShared::Https2(shared),
        Err(shared) => AnyShared::Http2(Box::new(shared)),
    })
}

/// The same inside TLS, where the target has it; as it was where it has none. What is spoken may have a name to be chosen by.
fn secured<S>(
    target: &Target,
    files: Option<&TlsFiles>,
    alpn: Option<&str>,
    inner: S,
) -> Result<Result<Box<SecuredShared<S>>, S>, RunFailure> {
    let Transport::Tls(settings) = &target.transport else { return Ok(Err(inner)) };
    let files = files.expect("the files of every target with TLS are read first");
    let host = target.server_name().unwrap_or("localhost");
    let mut client = TlsClient::new(settings, files, host, alpn.as_slice())?;
    if alpn == Some(ALPN_HTTP2) {
        client.require_alpn(alpn);
    }
    Ok(Ok(Box::new(SecuredShared { client, inner })))
}

/// Reads the files that a plan names for TLS, and makes of them what connections need: what is wrong with one is known before anything
/// is sent.
pub fn check_tls(plan: &Plan) -> Result<(), RunFailure> {
    let named = |target: &Target, failure: RunFailure| match plan.targets.len() {
        1 => failure,
        _ => RunFailure { text: format!("target `{}`: {}", target.name, failure.text), ..failure },
    };
    let read = |target| tls_files(target).map_err(|failure| named(target, failure));
    let files: Vec<Option<TlsFiles>> = plan.targets.iter().map(read).collect::<Result<_, RunFailure>>()?;
    for (index, pool) in plan.pools.iter().enumerate() {
        let (target, files) = (&plan.targets[pool.target], files[pool.target].as_ref());
        let is_known =
            |step: &plan::Step| !matches!(&step.request, Request::Grpc(call) if call.described.is_none());
        // Where it is still to be asked what calls take, that is no matter of TLS.
        let checked = match plan.steps().filter(|step| step.pool == index).all(is_known) {
            true => any_shared_with(plan, index, files).map(drop),
            false => secured(target, files, Some(ALPN_HTTP2), ()).map(drop),
        };
        checked.map_err(|failure| named(target, failure))?;
    }
    Ok(())
}

/// The wire of one shard, on the thread that will use it. `addresses` are those of each target; `shared` is what the connections of
/// each pool share.
pub fn wire<S: Source, P: Protocol>(
    plan: &Plan,
    sources: &[S],
    shared: &[P::Shared],
    share: Share,
    addresses: &[Vec<SockAddr>],
) -> Result<RingWire, RunFailure> {
    let route = |(index, pool): (usize, &Pool)| SlotRoute {
        slots: plan.connections_of(index, share.shard as u32),
        addresses: addresses[pool.target].clone(),
        is_datagram: matches!(plan.targets[pool.target].protocol, TargetProtocol::Udp { .. }),
    };
    let routes: Vec<SlotRoute> = plan.pools.iter().enumerate().map(route).collect();
    RingWire::new(&routes, &outgoing::<S, P>(plan, sources, shared)).map_err(|error| {
        let slots: u32 = routes.iter().map(|route| route.slots).sum();
        FailureKind::Ring.failure(format!("io_uring cannot be set up for {slots} connections: {error}"))
    })
}

/// What goes out on the wire of a shard: every step's bytes where they never change, in the order of their series.
fn outgoing<'a, S: Source, P: Protocol>(plan: &Plan, sources: &'a [S], shared: &[P::Shared]) -> Outgoing<'a> {
    let (mut constants, mut copy_bytes_max) = (Vec::new(), 0);
    for (scenario, source) in plan.scenarios.iter().zip(sources) {
        let (steps, pools) = (source.steps(), scenario.pools());
        let pipeline_of = |pool: usize| plan.targets[plan.pools[pool].target].pipeline() as usize;
        let pipeline = pools.iter().map(|&pool| pipeline_of(pool)).max().unwrap_or(1);
        // Only a closed loop with one request sends several at a time as they are.
        let copies = if scenario.load.is_closed() && steps.len() == 1 { pipeline } else { 1 };
        constants.extend(steps.iter().map(|step| (step.constant.as_deref().unwrap_or_default(), copies)));
        for pool in pools {
            let (shared, pipeline) = (&shared[pool], pipeline_of(pool));
            let of_plan = plan.pools[pool];
            let is_kept = plan.targets[of_plan.target].reuse() && !of_plan.connections.is_per_session();
            let sends_constants = P::is_verbatim(shared) && is_kept;
            // Nothing is copied when the one request there is never changes, or when single ones are sent as they are.
            let is_copied = |step: &&StepFacts| {
                !sends_constants || step.constant.is_none() || (pipeline > 1 && steps.len() > 1)
            };
            let bytes_max = steps.iter().filter(is_copied).map(|step| step.bytes_max).max().unwrap_or(0);
            copy_bytes_max = copy_bytes_max.max(P::outbox_bytes(shared, bytes_max, pipeline));
        }
    }
    Outgoing { constants, copy_bytes_max }
}

/// How long a shard may take to have tried all its connections.
pub(crate) fn connect_timeout_ns(plan: &Plan) -> u64 {
    plan.targets.iter().map(|target| target.connect_timeout_ns).max().unwrap_or(0)
}
