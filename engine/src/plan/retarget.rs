//! The targets of a report's plan, with what is given in the place of what it says of their connections.

use super::fields::{Fields, Target, TargetProtocol, TlsSettings, Transport};
use super::reader::ReadFile;
use crate::config::{Config, Diagnostic, GrpcConfig, TlsConfig};

/// Puts what is given in the place of what is planned: what means the same to every target in all, what is of one in the only one.
pub(super) fn replace(targets: &mut [Target], read: &Target, given: &Config) {
    for target in targets.iter_mut() {
        if given.run.connect_timeout.is_some() {
            target.connect_timeout_ns = read.connect_timeout_ns;
        }
        replace_protocol(&mut target.protocol, given);
    }
    let [only] = targets else { return };
    // Where connections went in the place of another host says nothing of this one.
    if given.connect.is_some() || given.url.is_some() {
        only.connect.clone_from(&read.connect);
    }
    if given.http.version.is_some() || given.http.window.is_some() || given.http.header_table.is_some() {
        only.protocol.clone_from(&read.protocol);
    }
    if let (
        TargetProtocol::WebSocket { subprotocols, matching, ping_ns, .. },
        TargetProtocol::WebSocket {
            subprotocols: read_subprotocols,
            matching: read_matching,
            ping_ns: read_ping_ns,
            ..
        },
    ) = (&mut only.protocol, &read.protocol)
    {
        if given.websocket.subprotocols.is_some() {
            subprotocols.clone_from(read_subprotocols);
        }
        if given.websocket.matching.is_some() {
            matching.clone_from(read_matching);
        }
        if given.websocket.ping.is_some() {
            *ping_ns = *read_ping_ns;
        }
    }
    if let (
        TargetProtocol::Tcp { ends, greeting, .. },
        TargetProtocol::Tcp { ends: read_ends, greeting: read_greeting, .. },
    ) = (&mut only.protocol, &read.protocol)
    {
        if given.tcp.ends.is_some() {
            ends.clone_from(read_ends);
        }
        if given.tcp.greeting.is_some() {
            *greeting = *read_greeting;
        }
    }
    if let (TargetProtocol::Udp { matching, .. }, TargetProtocol::Udp { matching: read_matching, .. }) =
        (&mut only.protocol, &read.protocol)
        && given.udp.matching.is_some()
    {
        *matching = *read_matching;
    }
    if given.grpc != GrpcConfig::default() {
        only.grpc.clone_from(&read.grpc);
    }
    match (&mut only.transport, &read.transport) {
        (Transport::Tls(planned), Transport::Tls(read)) => replace_settings(planned, read, &given.tls),
        (planned, read) => planned.clone_from(read),
    }
}

/// Another version is what was read of it as a whole; of the same, what is given is changed.
fn replace_protocol(planned: &mut TargetProtocol, given: &Config) {
    match planned {
        TargetProtocol::Http1 { pipeline, reuse } => {
            *pipeline = given.run.pipeline.unwrap_or(*pipeline);
            *reuse = given.http.reuse.unwrap_or(*reuse);
        }
        TargetProtocol::Http2 { streams, .. } => *streams = given.http.streams.unwrap_or(*streams),
        TargetProtocol::WebSocket { pipeline, .. }
        | TargetProtocol::Tcp { pipeline, .. }
        | TargetProtocol::Udp { pipeline, .. } => {
            *pipeline = given.run.pipeline.unwrap_or(*pipeline);
        }
    }
}

fn replace_settings(planned: &mut TlsSettings, read: &TlsSettings, given: &TlsConfig) {
    fn put<T: Clone>(planned: &mut T, read: &T, is_given: bool) {
        if is_given {
            planned.clone_from(read);
        }
    }
    let has_identity = given.cert.is_some() || given.key.is_some();
    put(&mut planned.verify, &read.verify, given.verify.is_some());
    put(&mut planned.ca, &read.ca, given.ca.is_some());
    put(&mut planned.cert, &read.cert, has_identity);
    put(&mut planned.key, &read.key, has_identity);
    put(&mut planned.server_name, &read.server_name, given.server_name.is_some());
    put(&mut planned.oldest, &read.oldest, given.versions.is_some());
    put(&mut planned.newest, &read.newest, given.versions.is_some());
    put(&mut planned.ciphers, &read.ciphers, given.ciphers.is_some());
    put(&mut planned.groups, &read.groups, given.groups.is_some());
    put(&mut planned.alpn, &read.alpn, given.alpn.is_some());
    put(&mut planned.resumption, &read.resumption, given.resumption.is_some());
    put(&mut planned.keylog, &read.keylog, given.keylog.is_some());
}

/// The key that may have broken a rule of a part of the target.
pub(super) fn key(part: &str) -> &'static str {
    match part.trim_start_matches("transport.tls.") {
        "protocol.websocket.subprotocols" => "websocket.subprotocols",
        "protocol.websocket.match" => "websocket.match",
        "protocol.websocket.ping" => "websocket.ping",
        "protocol.tcp.ends" => "tcp.ends",
        "protocol.tcp.greeting" => "tcp.greeting",
        "protocol.udp.match" => "udp.match",
        "ca" => "tls.ca",
        "cert" => "tls.cert",
        "key" => "tls.key",
        "server_name" => "tls.server_name",
        "versions" => "tls.versions",
        "ciphers" => "tls.ciphers",
        "groups" => "tls.groups",
        "alpn" => "tls.alpn",
        "keylog" => "tls.keylog",
        "protocol.http1.streams" => "http.streams",
        "protocol.http1.window" => "http.window",
        "protocol.http1.header_table" => "http.header_table",
        _ => "tls",
    }
}

/// Files that the plan names and that cannot be read here, each where the report names it.
pub(super) fn unreadable(fields: &Fields, read_file: ReadFile) -> Vec<Diagnostic> {
    let mut wrong = Vec::new();
    for (index, settings) in
        fields.targets.iter().enumerate().filter_map(|(index, target)| Some((index, target.tls()?)))
    {
        let files = [("ca", &settings.ca), ("cert", &settings.cert), ("key", &settings.key)];
        for (name, file) in files.into_iter().filter_map(|(name, file)| Some((name, file.as_ref()?))) {
            if let Err(cause) = read_file(file) {
                let place = format!("plan.targets.{index}.transport.tls.{name}");
                let fix = "run it where the file is, or name another";
                wrong.push(Diagnostic::at(place, format!("`{file}` cannot be read: {cause}"), fix));
            }
        }
    }
    wrong
}
