//! Receivers of OTLP by other hands: the decoders of the Python packages, over HTTP and gRPC.

use super::certificates::{Authority, Signed};
use super::grpc::PYTHON;
use super::{Peer, free_port, start};
use serde_json::Value;
use std::process::Command;

const RECEIVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/otlp_receiver.py");

/// One that takes all but the first requests, and says of so many points of each that they are rejected.
pub(crate) fn receiver(protocol: &str, refused: u64, rejected: u64) -> Peer {
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let mut command = Command::new(PYTHON);
    command.args([RECEIVER, protocol, &port.to_string()]).arg(folder.path().join("points"));
    command.args([refused.to_string(), rejected.to_string()]);
    start(command.stdout(std::process::Stdio::null()), folder, port)
}

/// One that speaks TLS, and asks its clients for a certificate of the same authority.
pub(crate) fn secured_receiver(protocol: &str, authority: &Authority, own: &Signed) -> Peer {
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let mut command = Command::new(PYTHON);
    command.args([RECEIVER, protocol, &port.to_string()]).arg(folder.path().join("points"));
    command.args(["0", "0", &own.certificate, &own.key, &authority.ca()]);
    start(command.stdout(std::process::Stdio::null()), folder, port)
}

/// One that takes everything, at this port, and adds what it is given to this file.
pub(crate) fn receiver_on(protocol: &str, port: u16, file: &std::path::Path) -> Peer {
    let mut command = Command::new(PYTHON);
    command.args([RECEIVER, protocol, &port.to_string()]).arg(file);
    start(command.stdout(std::process::Stdio::null()), tempfile::tempdir().unwrap(), port)
}

/// The points that it was given, in order.
pub(crate) fn points(receiver: &Peer) -> Vec<Value> {
    let text = std::fs::read_to_string(receiver.path("points")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
