//! Each kind of request of a plan, sent once before the run: the same bytes as the run will send, and the same parser for
//! what comes.
//!
//! Only safe methods are sent unasked (RFC 9110 section 9.2.1): the others may change something at the target. What is shown
//! of a request is its method and its path without the query, because secrets are kept in headers, bodies and queries.

use super::check::{Check, Grade, REQUEST};
use super::datagrams::DatagramWords;
use super::exchange::{AskedRequest, Came, Exchange, TLS_ALERT};
use super::sockets::{self, SocketWords};
use super::streams::{self, StreamWords};
use super::{datagrams, greeting, secured};
use crate::assembly::{any_shared, mixes};
use crate::protocol::Response;
use crate::protocol::any::AnyShared;
use crate::protocol::http1;
use crate::protocol::websocket::WebSocketGreeting;
use engine::code;
use engine::failure::{FailureKind, RunFailure};
use engine::mix::Mix;
use engine::outbox::{self, Outbox};
use engine::outcome::Outcome;
use engine::plain::plain;
use engine::plan::{GrpcCall, GrpcMethod, Plan, Request, Step, TargetProtocol};
use engine::quantity::{counted, show_ns};
use engine::redact;
use engine::seams::{Call, End, EndedAt, Source};
use engine::template::has_values;
use engine::url::Endpoint;
use socket2::{Domain, SockAddr, Socket, Type};
use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, Instant};

/// The most kinds of request that are sent: a look, and no load.
const SENT_MAX: usize = 32;
/// How much of a path is shown.
const SHOWN_PATH_MAX: usize = 120;
/// How many requests that were not sent are named.
const NAMED_MAX: usize = 8;
const SAFE_METHODS: [&str; 3] = ["GET", "HEAD", "OPTIONS"];

/// Connects, and sends what may be sent. One check for the target, and one for each request or group of requests.
pub(super) fn check(plan: &Plan, target: usize, address: &SockAddr, sends_all: bool) -> Vec<Check> {
    let place = show_address(plan, target, address);
    let timeout = Duration::from_nanos(plan.targets[target].connect_timeout_ns);
    let is_udp = matches!(plan.targets[target].protocol, TargetProtocol::Udp { .. });
    let first = match connect_to(plan, target, address, timeout) {
        Ok(socket) => socket,
        Err(error) => return vec![unreachable_target(&place, &error, timeout)],
    };
    let mut checks = vec![match is_udp {
        true => datagrams::addressed(&place),
        false => Check::pass("target", format!("{place} accepts connections")),
    }];
    let mut asker = match Asker::new((plan, target), address, &place, first) {
        Ok(asker) => asker,
        Err(problem) => {
            let fix = problem.fix.unwrap_or_else(|| "give requests that fit into one template".into());
            checks.push(Check::fail(REQUEST, problem.text, fix));
            return checks;
        }
    };
    checks.extend(asker.calls());
    let (filled, known): (Vec<RequestKind>, Vec<RequestKind>) =
        asker.kinds().into_iter().partition(|kind| kind.is_filled);
    let (with_cookies, known): (Vec<RequestKind>, Vec<RequestKind>) =
        known.into_iter().partition(|kind| kind.has_cookies);
    let (wanted, refused): (Vec<RequestKind>, Vec<RequestKind>) =
        known.into_iter().partition(|kind| sends_all || kind.is_safe);
    let mut wanted = wanted.into_iter();
    for kind in wanted.by_ref().take(SENT_MAX) {
        let check = asker.check(&kind);
        let has_failed = check.grade == Grade::Fail;
        checks.push(check);
        if has_failed {
            break;
        }
    }
    checks.extend(refused.first().and_then(|kind| asker.greet(kind)));
    checks.splice(1..1, std::mem::take(&mut asker.agreed));
    let (left, sent_max) = (wanted.collect::<Vec<RequestKind>>(), counted(SENT_MAX as u64, "request"));
    let is_cut = checks.iter().all(|check| check.grade != Grade::Fail);
    let why = if is_cut { format!("{sent_max} are looked at") } else { "the one before it failed".into() };
    checks.extend(not_sent(&left, &why, "the run sends them anyway"));
    let why = "the method may change something at the target";
    checks.extend(not_sent(&refused, why, "to have each of them sent once before the run: --probe-all"));
    let why = "what it is filled with is known only in the run";
    let fix = "the run sends them, after what comes before them";
    checks.extend(not_sent(&filled, why, fix));
    let why = "the cookies that they go with are set by responses in the run";
    checks.extend(not_sent(&with_cookies, why, fix));
    checks
}

/// What a check of a method is called.
const GRPC: &str = "grpc";
/// What is spoken where calls are made.
const GRPC_SPOKEN: &str = "gRPC";
/// What is spoken where lines are expected.
const HTTP_1: &str = "HTTP/1";

/// A request of the plan, as it will be sent.
#[derive(Clone)]
struct RequestKind {
    scenario: usize,
    pool: usize,
    call: Call,
    number: u64,
    shown: String,
    timeout_ns: u64,
    is_safe: bool,
    /// Nothing is sent on the connection: a WebSocket is opened, and looked at.
    is_opening: bool,
    /// It holds values that no request before it has brought.
    is_filled: bool,
    /// It goes with cookies that no request before it has had set.
    has_cookies: bool,
}

/// Sends requests, each on a connection of its own.
struct Asker<'a> {
    plan: &'a Plan,
    /// The same with other random values.
    apart: Plan,
    target: usize,
    address: &'a SockAddr,
    place: &'a str,
    /// Of each scenario.
    sources: Vec<Mix>,
    /// What is spoken on the connections of each pool that goes to the target.
    shared: BTreeMap<usize, AnyShared>,
    /// What the target said when a WebSocket was opened last.
    greeting: Option<WebSocketGreeting>,
    /// For how long a stream of bytes is listened to before anything is asked on it.
    patience: Duration,
    /// The first bytes that came on a stream of bytes.
    first: Vec<u8>,
    /// What was agreed on before the first request.
    agreed: Vec<Check>,
    /// Why there was no agreement for the request that was asked last.
    refused: Option<Check>,
    /// What the target said of the status of the call that was asked last.
    said: Option<String>,
    /// A connection that is made already.
    made: Option<Socket>,
}

impl<'a> Asker<'a> {
    fn new(
        (plan, target): (&'a Plan, usize),
        address: &'a SockAddr,
        place: &'a str,
        made: Socket,
    ) -> Result<Self, RunFailure> {
        // Numbers begin where the run's do; random values are not those of the run, which should come as a surprise.
        let apart = plan
            .changed(|fields| fields.seed = !plan.seed)
            .map_err(|broken| FailureKind::Plan.failure(broken.to_string()))?;
        let sources = mixes(&apart)?;
        let pools = (0..plan.pools.len()).filter(|&pool| plan.pools[pool].target == target);
        let shared = pools
            .map(|pool| {
                let mut shared = any_shared(&apart, pool)?;
                shared.keep_words();
                Ok((pool, shared))
            })
            .collect::<Result<BTreeMap<usize, AnyShared>, RunFailure>>()?;
        Ok(Asker {
            plan,
            apart,
            target,
            address,
            place,
            sources,
            shared,
            greeting: None,
            patience: streams::PATIENCE,
            first: Vec::new(),
            agreed: Vec::new(),
            refused: None,
            said: None,
            made: Some(made),
        })
    }

    /// What is known of each method that the plan calls there.
    fn calls(&self) -> Vec<Check> {
        let is_meant = |step: &&Step| self.plan.pools[step.pool].target == self.target;
        let mut checks: Vec<Check> = Vec::new();
        for step in self.plan.steps().filter(is_meant) {
            let Request::Grpc(GrpcCall { method, described: Some(described), .. }) = &step.request else {
                continue;
            };
            let GrpcMethod { input, output, told_by, .. } = described;
            let found = format!("{method} is {}, {input} → {output}, by {told_by}", described.kind());
            let check = Check::pass(GRPC, plain(&found));
            if !checks.contains(&check) {
                checks.push(check);
            }
        }
        checks
    }

    /// Everything that the plan can send.
    fn kinds(&self) -> Vec<RequestKind> {
        let is_meant = |step: &Step| step.weight > 0 && self.plan.pools[step.pool].target == self.target;
        let mut kinds = Vec::new();
        for (scenario, of_plan) in self.plan.scenarios.iter().enumerate() {
            let keeps_cookies = of_plan.flow().is_some_and(|flow| flow.cookies);
            for (index, step) in of_plan.steps().iter().enumerate().filter(|(_, step)| is_meant(step)) {
                let call = Call { step: index as u32, session: 0 };
                let shown = self.shown(scenario, step, index as u64);
                let (number, pool, timeout_ns) = (index as u64, step.pool, step.timeout_ns);
                let kind = RequestKind {
                    scenario,
                    pool,
                    call,
                    number,
                    shown,
                    timeout_ns,
                    is_safe: false,
                    is_opening: false,
                    is_filled: step.request.parts().any(has_values),
                    has_cookies: keeps_cookies && index > 0,
                };
                match &step.request {
                    Request::Http(request) => {
                        let is_safe = SAFE_METHODS.contains(&request.method.as_str());
                        kinds.push(RequestKind { is_safe, ..kind });
                    }
                    Request::WebSocket(message) => {
                        // All messages of a scenario go on connections that are opened alike.
                        let path = kind.shown.strip_prefix("GET ").unwrap_or_default();
                        let shown = format!("{} {path}", message.kind.name());
                        if !kinds.iter().any(|known: &RequestKind| known.scenario == scenario) {
                            kinds.push(RequestKind { is_safe: true, is_opening: true, ..kind.clone() });
                        }
                        kinds.push(RequestKind { shown, ..kind });
                    }
                    // One datagram is sent in any case: without, nothing would be known.
                    Request::Bytes(_) if self.plan.targets[self.target].url.scheme.is_udp() => {
                        let is_safe = kinds.is_empty();
                        kinds.push(RequestKind { is_safe, ..kind });
                    }
                    Request::Bytes(_) => {
                        // Those of a scenario go on connections of one kind.
                        if !kinds.iter().any(|known: &RequestKind| known.scenario == scenario) {
                            kinds.push(RequestKind { is_safe: true, is_opening: true, ..kind.clone() });
                        }
                        kinds.push(kind);
                    }
                    Request::Dns(_) => kinds.push(RequestKind { is_safe: true, ..kind }),
                    Request::Grpc(call) => {
                        let is_safe = call.described.as_ref().is_some_and(|method| method.is_safe);
                        kinds.push(RequestKind { is_safe, ..kind });
                    }
                }
            }
        }
        kinds
    }

    /// Method and path of a request, whatever it is carried by.
    fn shown(&self, scenario: usize, step: &Step, number: u64) -> String {
        match &step.request {
            Request::Grpc(call) => return call.method.clone(),
            // What is in it may be a secret, and so may what it is called.
            Request::Bytes(_) | Request::Dns(_) => return plain(&redact::text(&step.name)),
            Request::Http(_) | Request::WebSocket(_) => {}
        }
        if step.request.parts().any(has_values) {
            return plain(&redact::text(&step.name));
        }
        let template = http1::encode(step, "", true).map(|encoded| encoded.template);
        let draws = self.apart.draws_of(scenario);
        template.map_or_else(
            |_| step.name.clone(),
            |template| {
                let write = |out: &mut Outbox<'_>| template.render(number, draws, out);
                show_request(&outbox::collected(template.bytes_max(), write))
            },
        )
    }

    fn check(&mut self, kind: &RequestKind) -> Check {
        let connect_timeout = Duration::from_nanos(self.plan.targets[self.target].connect_timeout_ns);
        let connect = || connect_to(self.plan, self.target, self.address, connect_timeout);
        let socket = match self.made.take().map_or_else(connect, Ok) {
            Ok(socket) => socket,
            Err(error) => return unreachable_target(self.place, &error, connect_timeout),
        };
        let begun = Instant::now();
        let came = self.exchange(socket, kind, connect_timeout);
        let took = show_ns(begun.elapsed().as_nanos() as u64);
        if let TargetProtocol::WebSocket { subprotocols, .. } = &self.plan.targets[self.target].protocol {
            let greeting = self.greeting.take().unwrap_or_default();
            let said =
                SocketWords { shown: &kind.shown, place: self.place, took: &took, greeting: &greeting };
            let checked = match kind.is_opening {
                true => sockets::opening(&said, &came, subprotocols),
                false => sockets::message(&said, &came),
            };
            if let Some(check) = checked {
                return check;
            }
        }
        if let TargetProtocol::Tcp { ends, greeting, .. } = &self.plan.targets[self.target].protocol {
            let first = std::mem::take(&mut self.first);
            let said =
                StreamWords { shown: &kind.shown, place: self.place, took: &took, first: &first, ends };
            let checked = match kind.is_opening {
                true => streams::opening(&said, &came, *greeting),
                false => streams::message(&said, &came),
            };
            if let Some(check) = checked {
                return check;
            }
        }
        if let TargetProtocol::Udp { matching, .. } = self.plan.targets[self.target].protocol {
            let timeout = Duration::from_nanos(kind.timeout_ns);
            let said = DatagramWords { shown: &kind.shown, place: self.place, timeout, took: &took };
            if let Some(check) = datagrams::message(&said, &came, matching) {
                return check;
            }
        }
        self.told(kind, came, &took)
    }

    /// Where nothing was sent to a target of gRPC, because nothing may be: whether it speaks HTTP/2 at all. What is wrong with it then.
    fn greet(&mut self, kind: &RequestKind) -> Option<Check> {
        self.plan.targets[self.target].grpc.as_ref()?;
        let socket = self.made.take()?;
        let connect_timeout = Duration::from_nanos(self.plan.targets[self.target].connect_timeout_ns);
        let opening = RequestKind { is_opening: true, ..kind.clone() };
        match self.exchange(socket, &opening, connect_timeout) {
            Ok(Came::Agreed) => None,
            came => Some(self.told(kind, came, "")),
        }
    }

    /// What is spoken with the target, what does so, and how its URL begins where that is inside TLS.
    fn spoken(&self) -> (&'static str, &'static str, &'static str) {
        let target = &self.plan.targets[self.target];
        match target.protocol {
            TargetProtocol::Http1 { .. } => (HTTP_1, "an HTTP server", "https://"),
            TargetProtocol::Http2 { .. } if target.grpc.is_some() => {
                (GRPC_SPOKEN, "a server of gRPC", "grpcs://")
            }
            TargetProtocol::Http2 { .. } => ("HTTP/2", "an HTTP server", "https://"),
            TargetProtocol::WebSocket { .. } => ("WebSocket", "a server of WebSocket", "wss://"),
            TargetProtocol::Tcp { .. } => ("as the plan says", "the server that is meant", "tls://"),
            TargetProtocol::Udp { .. } => ("UDP", "a server of datagrams", "udp://"),
        }
    }

    /// What came, in words.
    fn told(&mut self, kind: &RequestKind, came: io::Result<Came>, took: &str) -> Check {
        let (shown, place, timeout) = (&kind.shown, self.place, Duration::from_nanos(kind.timeout_ns));
        let (spoken, server, secured) = self.spoken();
        match came {
            Ok(Came::Whole(response)) => {
                let said = self.said.take().filter(|_| !response.is_ok);
                let said = said.map_or(String::new(), |said| format!(" ({})", plain(&said)));
                let code = code::show(response.code);
                let found = format!("{shown} → {code}{said}, {} bytes, {took}", response.bytes);
                self.judge(kind, response, found)
            }
            Ok(Came::Part { response, why, is_failure }) => {
                let code = code::show(response.code);
                let found = format!("{shown} → {code}, {} bytes, {took}", response.bytes);
                match is_failure {
                    false => self.judge(kind, response, format!("{found}, {why}")),
                    true => {
                        let found = format!("{found}, and then {why}");
                        Check::warn(REQUEST, found, "the run counts this as a failure")
                    }
                }
            }
            Ok(Came::Nonsense(_, seen)) if seen.starts_with(&TLS_ALERT) => Check::fail_of_target(
                REQUEST,
                format!("{shown} → {place} speaks TLS, and was asked without"),
                format!("write {secured}"),
            ),
            Ok(Came::Nonsense(why, seen)) => Check::fail_of_target(
                REQUEST,
                format!("{shown} → {place} does not speak {spoken}: {why}{}", said(&seen, spoken)),
                "check the port and the protocol",
            ),
            Ok(Came::Agreed) => Check::pass(REQUEST, format!("{shown} → agreed, {took}")),
            Ok(Came::Ended(why)) => Check::warn(
                REQUEST,
                format!("{shown} → {place} ended the request without a response: {why}"),
                "the run counts this as a failure: check the request's method, path and headers",
            ),
            Ok(Came::Broken(why)) => Check::fail_of_target(
                REQUEST,
                format!("{shown} → {place} does not keep to {spoken}: {why}"),
                match spoken {
                    "HTTP/2" => "the target is at fault; another version of HTTP may do: --http1.1",
                    _ => "the target is at fault",
                },
            ),
            Ok(Came::NotAgreed(why)) => {
                self.refused.take().unwrap_or_else(|| secured::failure(place, why, None))
            }
            Ok(Came::Closed) => Check::fail_of_target(
                REQUEST,
                format!("{shown} → {place} accepts connections and closes them without a response"),
                format!("check that it is {server}, without TLS, and that it is ready"),
            ),
            Ok(Came::Silent) => Check::fail_of_target(
                REQUEST,
                format!("{shown} → {place} accepts connections and does not answer within {timeout:?}"),
                format!("check that it is {server}; a slow one needs a longer --timeout"),
            ),
            Err(error) => Check::fail_of_target(
                REQUEST,
                format!("{shown} → {place} broke off: {error}"),
                format!("check that the target is {server}"),
            ),
        }
    }

    fn exchange(
        &mut self,
        socket: Socket,
        kind: &RequestKind,
        connect_timeout: Duration,
    ) -> io::Result<Came> {
        let timeout = Duration::from_nanos(kind.timeout_ns);
        let source = &mut self.sources[kind.scenario];
        let bytes_max = source.steps()[kind.call.step as usize].bytes_max;
        let (call, number) = (kind.call, kind.number);
        let mut asked = AskedRequest { source, call, number, timeout, connect_timeout };
        let shared = self.shared.get_mut(&kind.pool).expect("each pool of the target has what it shares");
        let mut exchange = Exchange::new(socket, shared, bytes_max)?;
        let agreed = exchange.agree(&mut asked)?;
        self.greeting = exchange.greeting().cloned();
        if let Some(came) = agreed {
            if let Came::NotAgreed(why) = &came {
                self.refused = Some(secured::failure(self.place, why, exchange.tls()));
            }
            return Ok(came);
        }
        if self.agreed.is_empty() {
            let streams = self.plan.targets[self.target].pipeline();
            self.agreed.extend(exchange.tls().map(secured::check));
            self.agreed.extend(exchange.http2().map(|connection| greeting::check(connection, streams)));
        }
        let is_stream = matches!(self.plan.targets[self.target].protocol, TargetProtocol::Tcp { .. });
        if kind.is_opening {
            let heard = if is_stream { exchange.listen(&asked, self.patience)? } else { None };
            self.first = exchange.first().to_vec();
            exchange.leave();
            return Ok(heard.unwrap_or(Came::Agreed));
        }
        let came = exchange.ask(&mut asked)?;
        self.first = exchange.first().to_vec();
        self.greeting = exchange.greeting().cloned();
        self.said = exchange.grpc_message();
        if let Came::NotAgreed(why) = &came {
            self.refused = Some(secured::failure(self.place, why, exchange.tls()));
        }
        if matches!(came, Came::Whole(_)) {
            exchange.leave();
        }
        Ok(came)
    }

    fn judge(&mut self, kind: &RequestKind, response: Response, found: String) -> Check {
        let step = &self.plan.scenarios[kind.scenario].steps()[kind.call.step as usize];
        if !step.looks.is_empty() {
            // What is right is the run's to say, which looks at more of it.
            let followed = Some(step.looks.redirects).filter(|_| (300..400).contains(&response.code));
            let more = followed.filter(|&redirects| redirects > 0).map_or_else(String::new, |redirects| {
                format!("; the run follows up to {}", counted(redirects.into(), "redirect"))
            });
            return Check::pass(REQUEST, found + &more);
        }
        match self.sources[kind.scenario].end(
            kind.call,
            End::Response { code: response.code, is_ok: response.is_ok },
            EndedAt::default(),
        ) {
            Outcome::Ok(_) => Check::pass(REQUEST, found),
            Outcome::Refused(_) | Outcome::Failed(_) | Outcome::CheckFailed(_) | Outcome::ValueMissing(_) => {
                Check::warn(
                    REQUEST,
                    found,
                    "the run counts this as a failure: check the request's method, path and headers",
                )
            }
        }
    }
}

/// A line for requests that were not sent, if there are any.
fn not_sent(kinds: &[RequestKind], why: &str, fix: &str) -> Option<Check> {
    let mut names: Vec<&str> = kinds.iter().take(NAMED_MAX).map(|kind| kind.shown.as_str()).collect();
    let more = format!("{} more", kinds.len().saturating_sub(NAMED_MAX));
    if kinds.len() > NAMED_MAX {
        names.push(&more);
    }
    let found = format!("{}: not sent, because {why}", names.join(", "));
    (!kinds.is_empty()).then(|| Check::new(REQUEST, Grade::Skip, found, fix))
}

/// Method and path of an encoded request, without the query.
fn show_request(bytes: &[u8]) -> String {
    let line = String::from_utf8_lossy(bytes.split(|&byte| byte == b'\r').next().unwrap_or_default());
    let mut words = line.split(' ');
    let method = words.next().unwrap_or_default();
    let path = words.next().unwrap_or_default().split(['?', '#']).next().unwrap_or_default();
    let shown: String = path.chars().take(SHOWN_PATH_MAX).collect();
    let more = if shown.len() < path.len() { "…" } else { "" };
    format!("{method} {shown}{more}")
}

/// The first line of what came; where frames were expected, if it is one to be read.
fn said(bytes: &[u8], expected: &str) -> String {
    let line = bytes.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let line = line.trim_end();
    let is_readable = !line.is_empty() && !line.contains(|letter: char| letter.is_control());
    if is_readable || expected == HTTP_1 { format!("; it said {line:?}") } else { String::new() }
}

/// The same, or a socket of datagrams, as the target has it.
fn connect_to(plan: &Plan, target: usize, address: &SockAddr, timeout: Duration) -> io::Result<Socket> {
    if !matches!(plan.targets[target].protocol, TargetProtocol::Udp { .. }) {
        return connect(address, timeout);
    }
    let socket = Socket::new(address.domain(), Type::DGRAM, None)?;
    socket.connect(address)?;
    Ok(socket)
}

/// A connection to an address, made within this time: the one way in which anything here asks whether somebody listens there.
pub fn connect(address: &SockAddr, timeout: Duration) -> io::Result<Socket> {
    let socket = Socket::new(address.domain(), Type::STREAM, None)?;
    if address.domain() == Domain::UNIX {
        // A full backlog makes connecting wait, for as long as sending may.
        socket.set_write_timeout(Some(timeout))?;
        socket.connect(address)?;
    } else {
        socket.connect_timeout(address, timeout)?;
    }
    Ok(socket)
}

/// Who refuses or is silent is the target. What this machine has run out of, and a way that leads nowhere, are not its doing.
pub(super) fn unreachable_target(place: &str, error: &io::Error, timeout: Duration) -> Check {
    let of_target = |found: String, fix: &str| Check::fail_of_target("target", found, fix);
    match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            of_target(format!("{place} refuses connections"), "is the server running, and on this port?")
        }
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => of_target(
            format!("{place} does not accept a connection within {timeout:?}"),
            "check the address and the firewall, or give a longer --connect-timeout",
        ),
        // Of connecting, said of the path of a Unix socket alone: nobody made it, so nobody listens.
        io::ErrorKind::NotFound => {
            of_target(format!("{place} does not exist"), "start the server, or check the path")
        }
        _ => Check::fail(
            "target",
            format!("{place} cannot be reached: {error}"),
            "check the address and the route to it, and what this machine has left (ulimit -n)",
        ),
    }
}

fn show_address(plan: &Plan, target: usize, address: &SockAddr) -> String {
    match (address.as_socket(), plan.targets[target].endpoint()) {
        (Some(socket), _) => socket.to_string(),
        (None, Endpoint::Unix { socket }) => socket.clone(),
        (None, _) => "the target".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::sync::mpsc::{Receiver, channel};

    fn plan(text: &str) -> Plan {
        plan_of("http://h:1/", text)
    }

    fn plan_of(url: &str, text: &str) -> Plan {
        let document = engine::config::Document {
            name: "p".into(),
            text: format!("url = '{url}'\n{text}"),
            format: engine::config::Format::Toml,
        };
        let layers = engine::config::Layers::new(Some(document)).unwrap();
        Plan::new(&layers.config().unwrap(), &|_| Err(String::new())).unwrap()
    }

    /// A server that answers each connection's first request with what `response` makes of it, and hands over what came.
    fn server(response: impl Fn(&str) -> Vec<u8> + Send + 'static) -> (SockAddr, Receiver<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().into();
        let (came, requests) = channel();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let (mut text, mut byte) = (String::new(), [0]);
                while !text.ends_with("\r\n\r\n") && stream.read(&mut byte).is_ok_and(|bytes| bytes == 1) {
                    text.push(byte[0] as char);
                }
                let response = response(&text);
                // Handed over first: who has its response may look at once.
                if came.send(text).is_err() {
                    return;
                }
                let _ = stream.write_all(&response);
            }
        });
        (address, requests)
    }

    fn grades(checks: &[Check]) -> Vec<Grade> {
        checks.iter().map(|check| check.grade).collect()
    }

    #[test]
    fn what_this_machine_lacks_is_not_the_targets_doing() {
        let is_of_target = |errno| {
            let error = io::Error::from_raw_os_error(errno);
            unreachable_target("h:1", &error, Duration::from_secs(1)).is_of_target
        };
        for errno in [libc::ECONNREFUSED, libc::ETIMEDOUT, libc::ENOENT] {
            assert!(is_of_target(errno), "{errno}");
        }
        for errno in [libc::EMFILE, libc::ENFILE, libc::EADDRNOTAVAIL, libc::EHOSTUNREACH, libc::EACCES] {
            assert!(!is_of_target(errno), "{errno}");
        }
    }

    const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";

    #[test]
    fn each_safe_request_is_sent_as_the_run_sends_it_and_the_others_are_named() {
        let (address, requests) = server(|_| OK.to_vec());
        let plan = plan(
            "[headers]\nX-All = 'v'\n[[request]]\npath = '/a/{{seq}}?token=s3cret'\nheaders = { X-One = '{{seq}}' }\n\
             [[request]]\nmethod = 'OPTIONS'\npath = '*'\n[[request]]\npath = '/never'\nweight = 0\n\
             [[request]]\nmethod = 'DELETE'\npath = '/b?key=s3cret'\n[[request]]\npath = '/c'\nbody = 'x'",
        );
        let checks = check(&plan, 0, &address, false);
        assert_eq!(grades(&checks), [Grade::Pass, Grade::Pass, Grade::Pass, Grade::Skip], "{checks:?}");
        assert!(checks[1].found.starts_with("GET /a/0 → 200, 41 bytes, "), "{checks:?}");
        assert!(checks[3].found.starts_with("DELETE /b, POST /c: not sent"), "{checks:?}");
        assert!(checks[3].fix.contains("--probe-all"), "{checks:?}");
        assert!(checks.iter().all(|check| !check.found.contains("s3cret")), "{checks:?}");
        let sent: Vec<String> = requests.try_iter().collect();
        let first = "GET /a/0?token=s3cret HTTP/1.1\r\nHost: h:1\r\nUser-Agent: vajra/";
        assert!(sent[0].starts_with(first), "{sent:?}");
        assert!(sent[0].ends_with("\r\nX-All: v\r\nX-One: 0\r\n\r\n"), "{sent:?}");
        assert!(sent.len() == 2 && sent[1].starts_with("OPTIONS * HTTP/1.1\r\n"), "{sent:?}");
        let checks = check(&plan, 0, &address, true);
        assert_eq!(grades(&checks), [Grade::Pass; 5], "{checks:?}");
        let sent: Vec<String> = requests.try_iter().collect();
        assert!(sent.iter().any(|text| text.starts_with("DELETE /b?key=s3cret ")), "{sent:?}");
    }

    #[test]
    fn a_status_that_the_run_counts_as_a_failure_is_warned_of() {
        let (address, _requests) = server(|text| match text.contains("/nope") {
            true => b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec(),
            false => OK.to_vec(),
        });
        let checks = check(&plan("[[request]]\npath = '/nope'\n[[request]]\npath = '/'"), 0, &address, false);
        assert_eq!(grades(&checks), [Grade::Pass, Grade::Warn, Grade::Pass], "{checks:?}");
        assert!(checks[1].found.starts_with("GET /nope → 404, 45 bytes, "), "{checks:?}");
    }

    #[test]
    fn a_body_that_ends_early_is_warned_of_and_head_has_none() {
        let (address, _requests) = server(|_| b"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\nabc".to_vec());
        let checks = check(&plan("[[request]]\n[[request]]\nmethod = 'HEAD'"), 0, &address, false);
        assert_eq!(grades(&checks), [Grade::Pass, Grade::Warn, Grade::Pass], "{checks:?}");
        assert!(checks[1].found.contains("closed before its end"), "{checks:?}");
    }

    #[test]
    fn the_first_request_that_gets_no_response_ends_the_looking() {
        let (address, _requests) = server(|_| Vec::new());
        let checks = check(&plan("[[request]]\n[[request]]\npath = '/b'"), 0, &address, false);
        assert_eq!(grades(&checks), [Grade::Pass, Grade::Fail, Grade::Skip], "{checks:?}");
        assert!(checks[1].found.contains("closes them without a response"), "{checks:?}");
        assert!(checks[2].found.starts_with("GET /b: not sent"), "{checks:?}");
    }

    #[test]
    fn a_stream_of_bytes_that_speaks_first_is_warned_of() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().into();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(b"220 mail re").unwrap();
            stream.write_all(b"ady\r\n").unwrap();
            // Stays until the other side is done.
            let _ = stream.read(&mut [0; 1]);
        });
        let plan = plan_of("tcp://h:1", "[tcp]\nends = 'delimiter:\\r\\n'");
        let made = connect(&address, Duration::from_secs(600)).unwrap();
        let mut asker = Asker::new((&plan, 0), &address, "h:1", made).unwrap();
        asker.patience = Duration::from_secs(600);
        let check = asker.check(&asker.kinds()[0].clone());
        assert_eq!(check.grade, Grade::Warn, "{check:?}");
        assert!(check.found.starts_with("h:1 speaks first; it said \"220 mail"), "{check:?}");
        assert!(check.fix.contains("greeting = true"), "{check:?}");
    }

    #[test]
    fn silence_is_waited_for_as_long_as_the_plan_says() {
        // Connections are made by the kernel, and never taken up.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().into();
        let begun = Instant::now();
        let checks = check(&plan("[run]\ntimeout = '700ms'\nconnect_timeout = '10m'"), 0, &address, false);
        assert!(begun.elapsed() >= Duration::from_millis(700));
        assert_eq!(grades(&checks), [Grade::Pass, Grade::Fail], "{checks:?}");
        assert!(checks[1].found.contains("does not answer within 700ms"), "{checks:?}");
    }

    #[test]
    fn no_more_than_some_kinds_are_sent() {
        let (address, requests) = server(|_| OK.to_vec());
        let text: String = (0..SENT_MAX + 10).map(|n| format!("[[request]]\npath = '/{n}'\n")).collect();
        let checks = check(&plan(&text), 0, &address, false);
        assert_eq!((requests.try_iter().count(), checks.len()), (SENT_MAX, SENT_MAX + 2));
        let cut = &checks[SENT_MAX + 1];
        assert_eq!(cut.grade, Grade::Skip);
        assert!(
            cut.found.starts_with("GET /32, GET /33") && cut.found.contains("2 more: not sent"),
            "{cut:?}"
        );
    }

    #[test]
    fn a_long_request_that_is_answered_early_is_no_deadlock() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().into();
        let serving = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(OK).unwrap();
            // Reads nothing, and stays until the other side is done.
            let _ = stream.peek(&mut [0; 1]);
            stream
        });
        // More than the buffers of both ends hold.
        let text = format!("[run]\ntimeout = '10m'\n[[request]]\nbody = '{}'", "x".repeat(15 << 20));
        let checks = check(&plan(&text), 0, &address, true);
        assert_eq!(grades(&checks), [Grade::Pass, Grade::Pass], "{checks:?}");
        drop(serving.join());
    }
}
