//! What a server has done: how many requests each route has answered, by which version, and how handshakes went. Written by the
//! server's thread, read by any.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

use hyper::Version;

use crate::logins::LoginPath;
use crate::route::Route;

/// What `/stats` calls the routes, in the order of [`place`].
const ROUTES: [&str; 15] = [
    "/",
    "/bytes",
    "/chunked",
    "/status",
    "/echo",
    "/ws",
    "/stats",
    "/links",
    "/session",
    "/private",
    "/ledger",
    "/redirect",
    "/openapi.json",
    "grpc",
    "refused",
];
const VERSIONS: [&str; 3] = ["HTTP/1.0", "HTTP/1.1", "HTTP/2"];
const HANDSHAKES: [&str; 3] = ["full", "resumed", "failed"];
const MESSAGES: [&str; 2] = ["websocket", "grpc"];
const CALLS: [&str; 6] = ["unary", "server_stream", "client_stream", "bidi", "reflection", "failed"];
const ECHOES: [&str; 5] = ["tcp_connections", "tcp_bytes", "udp_datagrams", "udp_duplicates", "udp_lost"];

/// How a TLS handshake ended.
#[derive(Debug, Clone, Copy)]
pub(crate) enum HandshakeEnd {
    Full,
    Resumed,
    Failed,
}

/// Over what a message was returned that is not a whole response.
#[derive(Debug, Clone, Copy)]
pub(crate) enum MessageKind {
    WebSocket,
    /// Replies of calls; reflection's are not among them.
    Rpc,
}

/// What method a call is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallKind {
    Unary,
    ServerStream,
    ClientStream,
    Bidi,
    Reflection,
}

/// What is counted of TCP and UDP that come back; TCP under TLS among it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum EchoCount {
    TcpConnections,
    TcpBytes,
    UdpDatagrams,
    UdpDuplicates,
    UdpLost,
}

/// A request counts once its response's head is handed to the connection, injected errors included. Resets
/// do not count: they answer nothing.
///
/// The counts are relaxed: each stands for itself, and whoever has read a response from a socket has been
/// ordered behind its count by the kernel.
#[derive(Debug, Default)]
pub(crate) struct ServerTally {
    served: [AtomicU64; ROUTES.len()],
    versions: [AtomicU64; VERSIONS.len()],
    handshakes: [AtomicU64; HANDSHAKES.len()],
    messages: [AtomicU64; MESSAGES.len()],
    echoes: [AtomicU64; ECHOES.len()],
    calls: [AtomicU64; CALLS.len()],
}

impl ServerTally {
    pub(crate) fn count(&self, route: &Route, version: Version) {
        increment(&self.served[place(route)]);
        increment(&self.versions[version_place(version)]);
    }

    pub(crate) fn count_handshake(&self, handshake: HandshakeEnd) {
        increment(&self.handshakes[handshake as usize]);
    }

    /// Counts a message as returned.
    pub(crate) fn count_message(&self, kind: MessageKind) {
        increment(&self.messages[kind as usize]);
    }

    pub(crate) fn count_call(&self, kind: CallKind) {
        increment(&self.calls[kind as usize]);
    }

    /// Counts a call that ended with another status than OK; those of no known method among them.
    pub(crate) fn count_failed_call(&self) {
        increment(&self.calls[CALLS.len() - 1]);
    }

    pub(crate) fn count_echo(&self, what: EchoCount, more: u64) {
        add(&self.echoes[what as usize], more);
    }

    /// Over all routes.
    pub(crate) fn served(&self) -> u64 {
        self.served.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }

    /// `{"served":3,"routes":{"/":2,…},"versions":{…},"handshakes":{…},"messages":{…},"echo":{…},"calls":{…}}`. Names and numbers need no escaping.
    pub(crate) fn json(&self) -> String {
        let mut json = format!("{{\"served\":{}", self.served());
        write_counts(&mut json, "routes", &ROUTES, &self.served);
        write_counts(&mut json, "versions", &VERSIONS, &self.versions);
        write_counts(&mut json, "handshakes", &HANDSHAKES, &self.handshakes);
        write_counts(&mut json, "messages", &MESSAGES, &self.messages);
        write_counts(&mut json, "echo", &ECHOES, &self.echoes);
        write_counts(&mut json, "calls", &CALLS, &self.calls);
        json.push_str("}\n");
        json
    }
}

fn increment(count: &AtomicU64) {
    add(count, 1);
}

/// One thread writes, so nothing is lost between reading and writing; an atomic addition would lock the memory's line.
fn add(count: &AtomicU64, more: u64) {
    count.store(count.load(Ordering::Relaxed) + more, Ordering::Relaxed);
}

fn write_counts(json: &mut String, group: &str, names: &[&str], counts: &[AtomicU64]) {
    write!(json, ",\"{group}\":{{").expect("a string takes all text");
    for (name, count) in names.iter().zip(counts) {
        let separator = if json.ends_with('{') { "" } else { "," };
        let count = count.load(Ordering::Relaxed);
        write!(json, "{separator}\"{name}\":{count}").expect("a string takes all text");
    }
    json.push('}');
}

fn place(route: &Route) -> usize {
    match route {
        Route::Root => 0,
        Route::Bytes(_) => 1,
        Route::Chunked(_) => 2,
        Route::Status(_) => 3,
        Route::Echo => 4,
        Route::WebSocket => 5,
        Route::Stats => 6,
        Route::Links(_) => 7,
        Route::Logins(LoginPath::Session) => 8,
        Route::Logins(LoginPath::Private) => 9,
        Route::Logins(LoginPath::Ledger | LoginPath::Entry(_)) => 10,
        Route::Redirect(_) => 11,
        Route::OpenApi => 12,
        Route::Call => 13,
        Route::Unknown | Route::Malformed(_) => 14,
    }
}

fn version_place(version: Version) -> usize {
    match version {
        Version::HTTP_10 => 0,
        Version::HTTP_2 => 2,
        // hyper's server speaks no others.
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_route_is_counted_under_its_own_name() {
        let tally = ServerTally::default();
        let paths = "/ / /bytes/1 /chunked/1 /status/200 /echo /ws /stats /none /bytes/x /session /private /ledger \
                     /ledger/7 /redirect/3 /openapi.json";
        for path in paths.split_whitespace() {
            tally.count(&Route::parse(path), Version::HTTP_11);
        }
        assert_eq!(tally.served(), 16);
        let routes = r#""/":2,"/bytes":1,"/chunked":1,"/status":1,"/echo":1,"/ws":1,"/stats":1,"/links":0,"/session":1,"/private":1,"/ledger":2,"/redirect":1,"/openapi.json":1,"grpc":0,"refused":2"#;
        assert!(
            tally.json().starts_with(&format!("{{\"served\":16,\"routes\":{{{routes}}},")),
            "{}",
            tally.json()
        );
    }

    #[test]
    fn what_is_no_route_is_counted_beside_the_routes() {
        let tally = ServerTally::default();
        for version in [Version::HTTP_10, Version::HTTP_11, Version::HTTP_2, Version::HTTP_2] {
            tally.count(&Route::Root, version);
        }
        for handshake in
            [HandshakeEnd::Full, HandshakeEnd::Resumed, HandshakeEnd::Resumed, HandshakeEnd::Failed]
        {
            tally.count_handshake(handshake);
        }
        tally.count_message(MessageKind::WebSocket);
        let versions = r#""versions":{"HTTP/1.0":1,"HTTP/1.1":1,"HTTP/2":2}"#;
        let handshakes = r#""handshakes":{"full":1,"resumed":2,"failed":1}"#;
        for (what, more) in
            [(EchoCount::TcpConnections, 1), (EchoCount::TcpBytes, 10), (EchoCount::UdpLost, 2)]
        {
            tally.count_echo(what, more);
        }
        tally.count_call(CallKind::Bidi);
        tally.count_failed_call();
        let messages = r#""messages":{"websocket":1,"grpc":0}"#;
        let echo = r#""echo":{"tcp_connections":1,"tcp_bytes":10,"udp_datagrams":0,"udp_duplicates":0,"udp_lost":2}"#;
        let calls =
            r#""calls":{"unary":0,"server_stream":0,"client_stream":0,"bidi":1,"reflection":0,"failed":1}"#;
        let end = format!(",{versions},{handshakes},{messages},{echo},{calls}}}\n");
        assert!(tally.json().ends_with(&end), "{}", tally.json());
    }
}
