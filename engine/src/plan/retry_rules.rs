//! The rules of what requests are tried again after: the statuses are those that the target's protocol has.

use super::fields::{Target, TargetProtocol};
use super::mistake::Mistake;
use crate::code;
use crate::resilience::Resilience;
use crate::retry::RetryCause;
use crate::url::Scheme;

/// The statuses of one protocol, and how one of them is typed.
struct ProtocolStatuses {
    /// What is spoken.
    name: &'static str,
    has: fn(u16) -> bool,
    has_classes: bool,
    example: &'static str,
}

const HTTP: ProtocolStatuses = ProtocolStatuses {
    name: "HTTP",
    has: |status| (100..=999).contains(&status),
    has_classes: true,
    example: "write one such as `503`, or a class such as `5xx`",
};
const GRPC: ProtocolStatuses = ProtocolStatuses {
    name: "gRPC",
    has: |code| code::grpc_name(code).is_some(),
    has_classes: false,
    example: "write one by its name, such as `UNAVAILABLE`, or `status` for any",
};
const DNS: ProtocolStatuses = ProtocolStatuses {
    name: "DNS",
    has: |code| code::dns_name(code).is_some(),
    has_classes: false,
    example: "write one by its name, such as `SERVFAIL`, or `status` for any",
};
const WEBSOCKET: ProtocolStatuses = ProtocolStatuses {
    name: "WebSocket",
    has: |status| (1_000..=4_999).contains(&status),
    has_classes: false,
    example: "write the code of a close, such as `1011`, or `status` for any",
};
/// Bytes, over TCP or UDP.
const BYTES: ProtocolStatuses = ProtocolStatuses {
    name: "bytes",
    has: |_| false,
    has_classes: false,
    example: "its replies have none: name kinds of failure, such as `timeout`",
};

/// What is wrong with the failures after which requests to a target are tried again.
pub(super) fn mistakes(resilience: &Resilience, target: &Target) -> Vec<Mistake> {
    let statuses = spoken(target);
    let on = resilience.retry.iter().flat_map(|retry| &retry.on);
    on.filter_map(|cause| wrong(cause, statuses)).collect()
}

fn spoken(target: &Target) -> &'static ProtocolStatuses {
    match target.protocol {
        _ if target.grpc.is_some() => &GRPC,
        _ if target.url.scheme == Scheme::Dns => &DNS,
        TargetProtocol::Http1 { .. } | TargetProtocol::Http2 { .. } => &HTTP,
        TargetProtocol::WebSocket { .. } => &WEBSOCKET,
        TargetProtocol::Tcp { .. } | TargetProtocol::Udp { .. } => &BYTES,
    }
}

fn wrong(cause: &RetryCause, statuses: &ProtocolStatuses) -> Option<Mistake> {
    let is_one = match *cause {
        RetryCause::Kind(_) => true,
        RetryCause::Status(status) => (statuses.has)(status),
        RetryCause::Class(class) => statuses.has_classes && (1..=9).contains(&class),
    };
    let RetryCause::Status(number) = *cause else {
        let problem = format!("`{cause}` is no class of statuses of {}", statuses.name);
        return (!is_one).then(|| Mistake::new(problem, statuses.example));
    };
    let meant = code::grpc_name(code::of_grpc(number)).filter(|_| statuses.name == GRPC.name && number <= 16);
    let fix = meant.map_or(statuses.example.to_owned(), |name| format!("write `{name}`"));
    (!is_one).then(|| Mistake::new(format!("`{cause}` is no status of {}", statuses.name), fix))
}
