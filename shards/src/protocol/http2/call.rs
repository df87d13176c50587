//! A call of gRPC as the request of HTTP/2 that carries it (grpc.io, "gRPC over HTTP2").

use super::grpc::ResponseForm;
use engine::failure::{FailureKind, RunFailure};
use engine::plan::{GrpcCall, HttpRequest};
use engine::template::Piece;

/// The largest number of a timeout, which has eight digits at the most, and what its units are.
const TIMEOUT_MAX: u64 = 99_999_999;
const TIMEOUT_UNITS: [(&str, u64); 6] = [
    ("n", 1),
    ("u", 1_000),
    ("m", 1_000_000),
    ("S", 1_000_000_000),
    ("M", 60_000_000_000),
    ("H", 3_600_000_000_000),
];

/// The request that carries a call, and what comes back.
pub(super) fn request(name: &str, call: &GrpcCall) -> Result<(HttpRequest, ResponseForm), RunFailure> {
    let (Some(method), Some(body)) = (&call.described, call.framed()) else {
        let text = format!("request `{name}`: it is not known what `{}` takes", call.method);
        let fix = "name the `.proto` file that says it, or let the target be asked";
        return Err(FailureKind::Plan.with_fix(text, fix));
    };
    let form = if method.server_streams { ResponseForm::Messages } else { ResponseForm::OneMessage };
    let text = |text: &str| vec![Piece::Bytes(text.into())];
    let mut headers =
        vec![("te".to_owned(), text("trailers")), ("content-type".to_owned(), text("application/grpc"))];
    headers.extend(call.deadline_ns.map(|ns| ("grpc-timeout".to_owned(), text(&timeout(ns)))));
    headers.extend(call.metadata.iter().cloned());
    let path = text(&format!("/{}", call.method));
    Ok((HttpRequest { method: "POST".into(), path, headers, body: Some(body) }, form))
}

/// A timeout in the finest unit in which it can be written; one that is between two numbers of it is the next larger one.
fn timeout(ns: u64) -> String {
    let fits = |(_, unit): &&(&str, u64)| ns.div_ceil(*unit) <= TIMEOUT_MAX;
    let (letter, unit) = TIMEOUT_UNITS.iter().find(fits).unwrap_or(&TIMEOUT_UNITS[5]);
    format!("{}{letter}", ns.div_ceil(*unit).min(TIMEOUT_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_has_eight_digits_at_the_most() {
        for (ns, written) in [
            (1, "1n"),
            (99_999_999, "99999999n"),
            (100_000_000, "100000u"),
            (1_000_000_000, "1000000u"),
            (1_000_000_001, "1000001u"),
            (100_000_000_000, "100000m"),
            (3_600_000_000_000, "3600000m"),
            (u64::MAX, "5124096H"),
        ] {
            assert_eq!(timeout(ns), written);
        }
    }
}
