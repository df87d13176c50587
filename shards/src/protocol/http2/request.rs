//! A plan's request as HTTP/2 has it (RFC 9113, section 8.3.1): which fields never change, and which have holes.

use super::call;
use super::facts::{HOP_BY_HOP, is_name, is_value};
use super::grpc::ResponseForm;
use super::huffman;
use super::integer::write_integer;
use super::static_table::static_name;
use engine::failure::{FailureKind, RunFailure};
use engine::mix::EncodedStep;
use engine::plan::{self, HttpRequest, MessagePace};
use engine::redirect::{LOCATION_BYTES_MAX, OF_BODY};
use engine::template::{CookieForm, Hole, HoleSource, LengthForm, Piece, Template};
use std::borrow::Cow;

/// A field that is the same in every request of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ConstantField {
    pub(super) name: Vec<u8>,
    pub(super) value: Vec<u8>,
}

/// A request of a step, but for its holes.
#[derive(Clone, Debug)]
pub struct Http2Request {
    /// Its constant fields that begin with a colon.
    pub(super) pseudo: Vec<ConstantField>,
    /// Its other constant fields.
    pub(super) regular: Vec<ConstantField>,
    pub(super) body: RequestBody,
    /// Some of its fields, or its body, have holes: they are rendered for each request, as [`Rendered`] reads them.
    pub(super) has_holes: bool,
    /// The most bytes that a rendering has.
    pub(super) rendered_bytes_max: usize,
    pub(super) weight: u32,
    /// Responses have no body.
    pub(super) is_bodyless: bool,
    /// What responses are.
    pub(super) form: ResponseForm,
    /// When the messages of its body are sent.
    pub(super) pace: MessagePace,
}

/// The most bytes of the length that stands before a path.
const LENGTH_BYTES_MAX: usize = 5;

/// What is sent behind the header block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RequestBody {
    None,
    Constant(Vec<u8>),
    Rendered,
}

impl RequestBody {
    /// The body's bytes, given what was rendered.
    pub(super) fn bytes<'a>(&'a self, rendered: Rendered<'a>) -> &'a [u8] {
        match self {
            RequestBody::None => &[],
            RequestBody::Constant(body) => body,
            RequestBody::Rendered => rendered.body,
        }
    }
}

/// What a rendering of a request with holes consists of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Rendered<'a> {
    /// Fields that begin with a colon.
    pub(super) pseudo: &'a [u8],
    /// Other fields.
    pub(super) regular: &'a [u8],
    pub(super) body: &'a [u8],
}

impl<'a> Rendered<'a> {
    /// Takes a rendering apart: each part but the last has its length before it.
    pub(super) fn new(rendered: &'a [u8]) -> Rendered<'a> {
        let (pseudo, rest) = counted(rendered);
        let (regular, body) = counted(rest);
        Rendered { pseudo, regular, body }
    }
}

fn counted(bytes: &[u8]) -> (&[u8], &[u8]) {
    let (length, rest) = bytes.split_first_chunk().unwrap_or((&[0; 4], &[]));
    rest.split_at((u32::from_be_bytes(*length) as usize).min(rest.len()))
}

/// Encodes a plan's request to a scheme and an authority: what its source renders, and all else. Errors name the field that HTTP/2 does
/// not have.
pub fn encode(
    step: &plan::Step,
    scheme: &str,
    authority: &str,
) -> Result<(EncodedStep, Http2Request), RunFailure> {
    encode_fields(step, scheme, authority, false)
}

/// The same for a session that keeps cookies: with room for them.
pub fn encode_with_cookies(
    step: &plan::Step,
    scheme: &str,
    authority: &str,
) -> Result<(EncodedStep, Http2Request), RunFailure> {
    encode_fields(step, scheme, authority, true)
}

fn encode_fields(
    step: &plan::Step,
    scheme: &str,
    authority: &str,
    keeps_cookies: bool,
) -> Result<(EncodedStep, Http2Request), RunFailure> {
    let (request, form) = match &step.request {
        plan::Request::Http(request) => (Cow::Borrowed(request), ResponseForm::Http),
        plan::Request::WebSocket(_) => {
            let text = format!("request `{}`: WebSocket is not carried by HTTP/2 yet", step.name);
            return Err(FailureKind::Plan.with_fix(text, "write `ws://…` as the target's URL"));
        }
        plan::Request::Bytes(_) | plan::Request::Dns(_) => {
            return Err(FailureKind::Plan.failure(format!("`{}` is no request of HTTP", step.name)));
        }
        plan::Request::Grpc(call) => {
            let (request, form) = call::request(&step.name, call)?;
            (Cow::Owned(request), form)
        }
    };
    let request = request.as_ref();
    if request.method == "CONNECT" {
        let text =
            format!("request `{}`: CONNECT asks for a tunnel, which is no request to measure", step.name);
        return Err(FailureKind::Plan.with_fix(text, "use another method"));
    }
    let is_followed = step.looks.redirects > 0;
    let mut fields = RequestFields { is_followed, ..RequestFields::default() };
    fields.add_all(step, request, scheme, authority)?;
    if keeps_cookies {
        // A field of its own, or none; the plan's own stands beside it (RFC 9113, section 8.2.3).
        let cookies = Hole::new(HoleSource::Cookies(CookieForm::Literal));
        fields.holed_regular.push(Piece::Value(Box::new(cookies)));
    }
    let body = fields.body(request, form);
    let (template, has_holes) = fields.template(request, &body)?;
    let is_bodyless = request.method == "HEAD";
    let encoded = Http2Request {
        pseudo: fields.pseudo,
        regular: fields.regular,
        body,
        has_holes,
        rendered_bytes_max: template.bytes_max()
            + if is_followed { LOCATION_BYTES_MAX + LENGTH_BYTES_MAX } else { 0 },
        weight: step.weight,
        is_bodyless,
        form,
        pace: match &step.request {
            plan::Request::Grpc(call) => call.pace,
            _ => MessagePace::AtOnce,
        },
    };
    Ok((EncodedStep { template, weight: step.weight, is_bodyless }, encoded))
}

/// The fields of a request, constant ones and others.
#[derive(Default)]
struct RequestFields {
    pseudo: Vec<ConstantField>,
    regular: Vec<ConstantField>,
    holed_pseudo: Vec<Piece>,
    holed_regular: Vec<Piece>,
    /// They say how long the body is. Those of a call do not: its messages do.
    has_length: bool,
    /// Redirects are followed: what may be another one then is rendered for each request.
    is_followed: bool,
}

impl RequestFields {
    fn add_all(
        &mut self,
        step: &plan::Step,
        request: &HttpRequest,
        scheme: &str,
        authority: &str,
    ) -> Result<(), RunFailure> {
        let names = |wanted: &str| request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        let text = |text: &str| vec![Piece::Bytes(text.into())];
        let authority = names("host").map_or(text(authority), |(_, value)| value.clone());
        self.add(":method", &text(&request.method));
        self.add(":scheme", &text(scheme));
        if constant(&authority).is_some() {
            self.add(":authority", &authority);
            self.add(":path", &request.path);
        } else {
            // Values of the path come before all others, as they do in HTTP/1.1.
            self.add(":path", &request.path);
            self.add(":authority", &authority);
        }
        if names("user-agent").is_none() {
            self.add("user-agent", &text(concat!("vajra/", env!("CARGO_PKG_VERSION"))));
        }
        for (name, value) in request.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("host")) {
            let name = name.to_ascii_lowercase();
            allowed(&name, value).map_err(|(problem, fix)| {
                let text = format!("request `{}`: header `{name}` {problem}", step.name);
                FailureKind::Plan.with_fix(text, fix)
            })?;
            self.add(&name, value);
        }
        Ok(())
    }

    fn add(&mut self, name: &str, value: &[Piece]) {
        let is_pseudo = name.starts_with(':');
        let may_change = self.is_followed && (matches!(name, ":method" | ":path") || OF_BODY.contains(&name));
        if let Some(value) = constant(value).filter(|_| !may_change) {
            let constants = if is_pseudo { &mut self.pseudo } else { &mut self.regular };
            constants.push(ConstantField { name: name.into(), value });
        } else {
            let holed = if is_pseudo { &mut self.holed_pseudo } else { &mut self.holed_regular };
            push_literal(holed, name, value);
        }
    }

    /// The body, whose length the fields then have, unless it is that of a call.
    fn body(&mut self, request: &HttpRequest, form: ResponseForm) -> RequestBody {
        self.has_length = form == ResponseForm::Http;
        match request.body.as_deref().map(|body| (constant(body), body)) {
            None => RequestBody::None,
            Some(_) if self.is_followed => RequestBody::Rendered,
            Some((Some(body), _)) => {
                let value = body.len().to_string().into_bytes();
                if self.has_length {
                    self.regular.push(ConstantField { name: b"content-length".into(), value });
                }
                if body.is_empty() { RequestBody::None } else { RequestBody::Constant(body) }
            }
            Some((None, _)) => RequestBody::Rendered,
        }
    }

    /// What is rendered for each request, and whether that is anything: fields with holes behind the length of all of them, and a
    /// body with holes.
    fn template(&self, request: &HttpRequest, body: &RequestBody) -> Result<(Template, bool), RunFailure> {
        let is_rendered = *body == RequestBody::Rendered;
        if self.holed_pseudo.is_empty() && self.holed_regular.is_empty() && !is_rendered {
            return Template::new(Vec::new()).map(|template| (template, false)).map_err(wrong_template);
        }
        let mut regular = self.holed_regular.clone();
        if is_rendered && self.has_length {
            // Two lengths: that of the digits, and the digits, which say that of the body behind them.
            push_name(&mut regular, "content-length");
            let digits = regular.len() + 1;
            regular.push(Piece::Length { from: digits, to: digits + 1, form: LengthForm::Hpack7 });
            regular.push(Piece::Length { from: digits + 1, to: usize::MAX, form: LengthForm::Decimal });
        }
        let mut pieces = Vec::new();
        for part in [&self.holed_pseudo, &regular] {
            let from = pieces.len() + 1;
            pieces.push(Piece::Length { from, to: from + part.len(), form: LengthForm::Be32 });
            pieces.extend(part.iter().map(|piece| piece.moved(from)));
        }
        let from = pieces.len();
        let body = request.body.iter().flatten().filter(|_| is_rendered);
        pieces.extend(body.map(|piece| piece.moved(from)));
        Template::new(pieces).map(|template| (template, true)).map_err(wrong_template)
    }
}

fn wrong_template(problem: String) -> RunFailure {
    FailureKind::Plan.failure(problem)
}

/// The bytes of pieces without holes.
fn constant(pieces: &[Piece]) -> Option<Vec<u8>> {
    let bytes = |piece: &Piece| match piece {
        Piece::Bytes(bytes) => Some(bytes.clone()),
        _ => None,
    };
    let all: Option<Vec<Vec<u8>>> = pieces.iter().map(bytes).collect();
    all.map(|all| all.concat())
}

/// A field with holes, as one that no table takes in (RFC 7541, section 6.2.2).
fn push_literal(pieces: &mut Vec<Piece>, name: &str, value: &[Piece]) {
    push_name(pieces, name);
    let from = pieces.len() + 1;
    pieces.push(Piece::Length { from, to: from + value.len(), form: LengthForm::Hpack7 });
    pieces.extend(value.iter().cloned());
}

fn push_name(pieces: &mut Vec<Piece>, name: &str) {
    let mut bytes = Vec::new();
    write_name(&mut bytes, 0, 4, name.as_bytes());
    pieces.push(Piece::Bytes(bytes));
}

/// Appends the name of a field whose value is written out: its index, or the name.
pub(super) fn write_name(out: &mut Vec<u8>, first: u8, prefix_bits: u32, name: &[u8]) {
    write_integer(out, first, prefix_bits, static_name(name).unwrap_or(0));
    if static_name(name).is_none() {
        write_string(out, name);
    }
}

/// Appends a string, compressed where that is shorter.
pub(super) fn write_string(out: &mut Vec<u8>, text: &[u8]) {
    let coded = huffman::encoded_bytes(text);
    if coded < text.len() {
        write_integer(out, 0x80, 7, coded);
        huffman::encode(text, out);
    } else {
        write_integer(out, 0, 7, text.len());
        out.extend_from_slice(text);
    }
}

/// Whether HTTP/2 has such a field; otherwise what is wrong with it, and what to do.
fn allowed(name: &str, value: &[Piece]) -> Result<(), (&'static str, &'static str)> {
    let constant = constant(value);
    let is_hop = HOP_BY_HOP.contains(&name.as_bytes()) || name == "http2-settings";
    match name {
        _ if is_hop => Err((
            "belongs to connections of HTTP/1.1, and HTTP/2 has none such (RFC 9113, section 8.2.2)",
            "leave it out, or use HTTP/1.1",
        )),
        "te" if constant.as_deref() != Some(b"trailers") => {
            Err(("may only be `trailers` in HTTP/2 (RFC 9113, section 8.2.2)", "write `te: trailers`"))
        }
        "content-length" => Err(("is set from the body", "leave it out")),
        _ if name.starts_with(':') => {
            Err(("has a name that begins with a colon", "leave it out: it follows from the request"))
        }
        _ if !is_name(name.as_bytes()) => Err((
            "has a name that HTTP/2 does not allow (RFC 9113, section 8.2.1)",
            "use letters, digits and hyphens",
        )),
        _ if constant.is_some_and(|value| !is_value(&value)) => Err((
            "has a value that HTTP/2 does not allow (RFC 9113, section 8.2.1)",
            "take out line ends, zeros, and spaces around it",
        )),
        _ => Ok(()),
    }
}
