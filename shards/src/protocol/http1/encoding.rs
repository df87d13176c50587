//! Requests of a plan as HTTP/1.1 has them: templates with the holes that the plan has, and the body's length.

use engine::failure::{FailureKind, RunFailure};
use engine::mix::EncodedStep;
use engine::plan;
use engine::template::{CookieForm, Hole, HoleSource, LengthForm, Piece, Template};

/// Encodes a plan's request, for connections that are used again or not. The template's holes are the request's own, and the body's
/// length.
pub fn encode(step: &plan::Step, authority: &str, reuses: bool) -> Result<EncodedStep, RunFailure> {
    encode_fields(step, authority, reuses, None)
}

/// The same, with a field that may be there or not.
fn encode_fields(
    step: &plan::Step,
    authority: &str,
    reuses: bool,
    optional: Option<Piece>,
) -> Result<EncodedStep, RunFailure> {
    let Some(request) = step.request.http() else {
        let text = format!("request `{}`: gRPC is not carried by HTTP/1.1", step.name);
        return Err(FailureKind::Plan.with_fix(text, "speak HTTP/2 with the target"));
    };
    let mut pieces = vec![Piece::Bytes(format!("{} ", request.method).into_bytes())];
    pieces.extend(request.path.iter().cloned());
    pieces.push(Piece::Bytes(b" HTTP/1.1\r\n".to_vec()));
    let names = |wanted: &str| request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(wanted));
    if !names("host") {
        pieces.push(Piece::Bytes(format!("Host: {authority}\r\n").into_bytes()));
    }
    if !names("user-agent") {
        pieces.push(Piece::Bytes(concat!("User-Agent: vajra/", env!("CARGO_PKG_VERSION"), "\r\n").into()));
    }
    if !reuses && !names("connection") {
        pieces.push(Piece::Bytes(b"Connection: close\r\n".to_vec()));
    }
    for (name, value) in &request.headers {
        pieces.push(Piece::Bytes(format!("{name}: ").into_bytes()));
        pieces.extend(value.iter().cloned());
        pieces.push(Piece::Bytes(b"\r\n".to_vec()));
    }
    pieces.extend(optional);
    if let Some(body) = &request.body {
        pieces.push(Piece::Bytes(b"Content-Length: ".to_vec()));
        let from = pieces.len() + 2;
        pieces.push(Piece::Length { from, to: usize::MAX, form: LengthForm::Decimal });
        pieces.push(Piece::Bytes(b"\r\n\r\n".to_vec()));
        pieces.extend(body.iter().cloned());
    } else {
        pieces.push(Piece::Bytes(b"\r\n".to_vec()));
    }
    let template = Template::new(pieces).map_err(|problem| FailureKind::Plan.failure(problem))?;
    Ok(EncodedStep { template, weight: step.weight, is_bodyless: request.method == "HEAD" })
}

/// The same for a session that keeps cookies: with room for them, behind those that the plan sends itself.
pub fn encode_with_cookies(
    step: &plan::Step,
    authority: &str,
    reuses: bool,
) -> Result<EncodedStep, RunFailure> {
    let mut step = step.clone();
    let Some(request) = step.request.http_mut() else { return encode(&step, authority, reuses) };
    let is_own = |(name, _): &&mut (String, Vec<Piece>)| name.eq_ignore_ascii_case("cookie");
    let own = request.headers.iter_mut().find(is_own);
    let cookies = |form| Piece::Value(Box::new(Hole::new(HoleSource::Cookies(form))));
    match own {
        Some((_, value)) => value.push(cookies(CookieForm::Continued)),
        // A line of its own, or nothing: it begins where the line before it has ended.
        None => return encode_fields(&step, authority, reuses, Some(cookies(CookieForm::Line))),
    }
    encode(&step, authority, reuses)
}
