//! Bodies that are described and not typed: JSON, forms, and forms in parts with files.
//!
//! Their texts may have holes. What stands in a hole is encoded as its place asks for, so that no value can end the text in which
//! it stands: by the filter `json` in JSON, by `url` in a form.

use super::PlanReader;
use super::requests::Headers;
use crate::config::{Diagnostic, JsonValue, RequestConfig, Text, Texts};
use crate::template::{self, Hole, HoleFilter, HoleName, HolePlace, HoledPart, Piece, literal_bytes};
use indexmap::IndexMap;
use sha2::{Digest, Sha256};
use toml::Value;

const CONTENT_TYPE: &str = "Content-Type";
/// Hexadecimal digits of what tells a boundary from what stands between boundaries.
const BOUNDARY_DIGITS: usize = 16;
/// What the parts of a file are, by the end of its name.
const MEDIA_TYPES: [(&str, &str); 20] = [
    ("bmp", "image/bmp"),
    ("css", "text/css"),
    ("csv", "text/csv"),
    ("gif", "image/gif"),
    ("gz", "application/gzip"),
    ("htm", "text/html"),
    ("html", "text/html"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("js", "text/javascript"),
    ("json", "application/json"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("svg", "image/svg+xml"),
    ("txt", "text/plain"),
    ("webp", "image/webp"),
    ("xml", "application/xml"),
    ("zip", "application/zip"),
];
const MEDIA_TYPE_DEFAULT: &str = "application/octet-stream";

/// A body, and what it says it is.
pub(super) struct TypedBody {
    pieces: Vec<Piece>,
    /// The key that describes it, and its media type; nothing where the body was typed as it is.
    described: Option<(String, String)>,
}

/// How the texts of a body are encoded.
#[derive(Clone, Copy)]
enum TextEncoding {
    /// As the inside of a string of JSON.
    Json,
    /// As a name or a value of a form.
    Url,
}

impl PlanReader<'_> {
    /// The body of a request of HTTP, in whichever way it is given.
    pub(super) fn request_body(
        &mut self,
        config: &RequestConfig,
        key: &impl Fn(&str) -> String,
    ) -> Option<TypedBody> {
        let given = [
            ("body", config.body.is_some()),
            ("json", config.json.is_some()),
            ("form", config.form.is_some()),
            ("multipart", config.multipart.is_some()),
        ];
        let given: Vec<&str> =
            given.into_iter().filter(|(_, is_given)| *is_given).map(|(name, _)| name).collect();
        if let [first, others @ ..] = given.as_slice() {
            for other in others {
                let problem = format!("`{first}` and `{other}` each describe the whole body");
                self.wrong(&key(other), problem, "leave one out");
            }
        }
        let fills = config.template.unwrap_or(true);
        let of_kind = |kind: &str, media_type: &str, pieces| TypedBody {
            pieces,
            described: Some((key(kind), media_type.to_owned())),
        };
        if let Some(Text(text)) = &config.body {
            let pieces = self.body(text, config.template, &key("body"))?;
            return Some(TypedBody { pieces, described: None });
        }
        if let Some(JsonValue(value)) = &config.json {
            let pieces = self.json_body(value, fills, &key("json"))?;
            return Some(of_kind("json", "application/json", pieces));
        }
        if let Some(form) = &config.form {
            let pieces = self.form_body(form, fills, &key("form"))?;
            return Some(of_kind("form", "application/x-www-form-urlencoded", pieces));
        }
        let parts = config.multipart.as_ref()?;
        let (pieces, boundary) = self.parts_body(parts, config.template, &key("multipart"))?;
        Some(of_kind("multipart", &format!("multipart/form-data; boundary={boundary}"), pieces))
    }

    /// The pieces of a body, and the header that says what it is: among those of the request, of which the first `common` are not
    /// its own.
    pub(super) fn typed_body(&mut self, body: TypedBody, common: usize, headers: &mut Headers) -> Vec<Piece> {
        let Some((key, media_type)) = body.described else { return body.pieces };
        let is_type = |(name, _): &(String, Vec<Piece>)| name.eq_ignore_ascii_case(CONTENT_TYPE);
        let found = headers.headers.iter().position(is_type);
        let says_boundary = media_type.starts_with("multipart/");
        match found {
            // Nobody else knows the boundary. What is said of all requests is not said of this one.
            Some(index) if says_boundary && index < common => {
                headers.headers[index].1 = vec![Piece::Bytes(media_type.into_bytes())];
            }
            Some(index) if says_boundary => {
                let problem = "the type of a body in parts names what stands between them";
                let at = headers.keys[index].clone();
                self.wrong(&at, problem, "leave it out: it follows from `multipart`");
            }
            Some(_) => {}
            None => {
                headers.headers.push((CONTENT_TYPE.to_owned(), vec![Piece::Bytes(media_type.into_bytes())]));
                headers.keys.push(key);
            }
        }
        body.pieces
    }

    fn json_body(&mut self, value: &Value, fills: bool, path: &str) -> Option<Vec<Piece>> {
        if let Value::String(text) = value {
            let is_file = text.starts_with('@');
            let is_json = serde_json::from_str::<serde_json::Value>(text)
                .is_ok_and(|value| value.is_object() || value.is_array());
            if is_file || is_json {
                let problem = match is_file {
                    true => "`json` is a value, and this is the name of a file",
                    false => "`json` is a value, and this is a text that is JSON already",
                };
                let wrong = Diagnostic::at(path, problem, "with a header `Content-Type: application/json`");
                self.diagnostics.push(wrong.with_values([("body", Value::String(text.clone()))]));
                return None;
            }
        }
        let mut pieces = Vec::new();
        self.json_value(value, fills, path, &mut pieces).then_some(pieces)
    }

    /// Appends a value; false where something is wrong with it.
    fn json_value(&mut self, value: &Value, fills: bool, path: &str, pieces: &mut Vec<Piece>) -> bool {
        match value {
            Value::String(text) => match fills.then(|| bare_number(text)).flatten() {
                Some((hole, part)) => self.hole(hole, part, path, pieces),
                None => self.json_text(text, fills, path, pieces),
            },
            Value::Integer(number) => push(pieces, number.to_string().as_bytes()),
            Value::Boolean(truth) => push(pieces, truth.to_string().as_bytes()),
            Value::Float(number) => match serde_json::Number::from_f64(*number) {
                Some(number) => push(pieces, number.to_string().as_bytes()),
                None => {
                    self.wrong(path, format!("JSON has no number `{number}`"), "write another, or a text");
                    false
                }
            },
            // JSON has no dates: they are written as RFC 3339 has them, which TOML does too.
            Value::Datetime(date) => self.json_text(&date.to_string(), false, path, pieces),
            Value::Array(values) => {
                push(pieces, b"[");
                let mut is_right = true;
                for (index, value) in values.iter().enumerate() {
                    push(pieces, if index > 0 { b"," } else { b"" });
                    is_right &= self.json_value(value, fills, &format!("{path}.{index}"), pieces);
                }
                push(pieces, b"]") && is_right
            }
            Value::Table(table) => {
                push(pieces, b"{");
                let mut is_right = true;
                for (index, (key, value)) in table.iter().enumerate() {
                    let path = format!("{path}.{key}");
                    push(pieces, if index > 0 { b"," } else { b"" });
                    is_right &= self.json_text(key, fills, &path, pieces);
                    push(pieces, b":");
                    is_right &= self.json_value(value, fills, &path, pieces);
                }
                push(pieces, b"}") && is_right
            }
        }
    }

    /// Appends a text in quotes.
    fn json_text(&mut self, text: &str, fills: bool, path: &str, pieces: &mut Vec<Piece>) -> bool {
        push(pieces, b"\"");
        let is_right = self.encoded(text, TextEncoding::Json, fills, path, pieces);
        push(pieces, b"\"") && is_right
    }

    fn form_body(&mut self, form: &IndexMap<String, Texts>, fills: bool, path: &str) -> Option<Vec<Piece>> {
        let (mut pieces, mut is_right) = (Vec::new(), true);
        for (name, value, path) in each(form, path) {
            let between: &[u8] = if pieces.is_empty() { b"" } else { b"&" };
            push(&mut pieces, between);
            is_right &= self.encoded(name, TextEncoding::Url, fills, &path, &mut pieces);
            push(&mut pieces, b"=");
            is_right &= self.encoded(value, TextEncoding::Url, fills, &path, &mut pieces);
        }
        is_right.then_some(pieces)
    }

    /// Appends a text, encoded, and its holes with the filter that encodes them.
    fn encoded(
        &mut self,
        text: &str,
        encoding: TextEncoding,
        fills: bool,
        path: &str,
        pieces: &mut Vec<Piece>,
    ) -> bool {
        let parts = match fills {
            true => template::parts(text),
            false => vec![Ok(HoledPart::Literal(text))],
        };
        let mut is_right = true;
        for part in parts {
            is_right &= match part {
                Ok(HoledPart::Literal(text)) => push(pieces, encoding.literal(text).as_bytes()),
                Ok(HoledPart::Hole(hole, part)) => self.hole(encoding.hole(hole), part, path, pieces),
                Err(wrong) => {
                    self.wrong_holes(path, vec![wrong]);
                    false
                }
            };
        }
        is_right
    }

    /// Appends what stands for a hole that was typed so.
    fn hole(&mut self, hole: Hole, part: &str, path: &str, pieces: &mut Vec<Piece>) -> bool {
        match self.holes(HolePlace::Body, |scope| scope.piece(hole, part)) {
            Ok(Piece::Bytes(bytes)) => push(pieces, &bytes),
            Ok(piece) => {
                pieces.push(piece);
                true
            }
            Err(wrong) => {
                self.wrong_holes(path, vec![wrong]);
                false
            }
        }
    }

    /// A body in parts (RFC 7578), and the boundary between them.
    fn parts_body(
        &mut self,
        parts: &IndexMap<String, Texts>,
        is_template: Option<bool>,
        path: &str,
    ) -> Option<(Vec<Piece>, String)> {
        let mut read: Vec<(String, Vec<Piece>)> = Vec::new();
        let mut is_right = true;
        for (name, value, path) in each(parts, path) {
            if name.contains(template::OPEN) {
                let problem = format!("`{name}` is the name of a part, which is sent as it is");
                self.wrong(&path, problem, "fill in the value alone");
                is_right = false;
            }
            let file = value.strip_prefix('@');
            match self.body(value, is_template, &path) {
                Some(pieces) => read.push((part_head(name, file), pieces)),
                None => is_right = false,
            }
        }
        if !is_right {
            return None;
        }
        let boundary = boundary(&read);
        let mut pieces = Vec::new();
        for (head, content) in read {
            push(&mut pieces, format!("--{boundary}\r\n{head}\r\n\r\n").as_bytes());
            pieces.extend(content);
            push(&mut pieces, b"\r\n");
        }
        push(&mut pieces, format!("--{boundary}--\r\n").as_bytes());
        Some((pieces, boundary))
    }
}

impl TextEncoding {
    fn literal(self, text: &str) -> String {
        match self {
            TextEncoding::Json => {
                let quoted = serde_json::Value::String(text.to_owned()).to_string();
                quoted[1..quoted.len() - 1].to_owned()
            }
            TextEncoding::Url => HoleFilter::<HoleName>::Url.of_text(text),
        }
    }

    /// The hole with the filter that it needs, unless it has that already.
    fn hole(self, mut hole: Hole) -> Hole {
        let (filter, is_enough) = match (self, hole.filters.last()) {
            (TextEncoding::Json, last) => {
                (HoleFilter::Json, matches!(last, Some(HoleFilter::Json | HoleFilter::Number)))
            }
            (TextEncoding::Url, last) => (HoleFilter::Url, matches!(last, Some(HoleFilter::Url))),
        };
        if !is_enough {
            hole.filters.push(filter);
        }
        hole
    }
}

/// The hole that a text is, if it is nothing else and to be a number.
fn bare_number(text: &str) -> Option<(Hole, &str)> {
    match template::parts(text).pop()? {
        Ok(HoledPart::Hole(hole, part))
            if part.len() == text.len() && hole.filters.last() == Some(&HoleFilter::Number) =>
        {
            Some((hole, part))
        }
        _ => None,
    }
}

/// Names and values, each with its key.
fn each<'a>(
    texts: &'a IndexMap<String, Texts>,
    path: &'a str,
) -> impl Iterator<Item = (&'a str, &'a str, String)> {
    texts.iter().flat_map(move |(name, Texts(values))| {
        values.iter().enumerate().map(move |(index, value)| {
            let path = format!("{path}.{name}");
            let path = if values.len() > 1 { format!("{path}.{index}") } else { path };
            (name.as_str(), value.as_str(), path)
        })
    })
}

/// What stands before the content of a part (RFC 7578, section 4.2), without the empty line.
fn part_head(name: &str, file: Option<&str>) -> String {
    let disposition = format!("Content-Disposition: form-data; name=\"{}\"", in_head(name));
    match file {
        None => disposition,
        Some(file) => {
            let filename = file.rsplit('/').next().unwrap_or(file);
            let media_type = media_type(filename);
            format!("{disposition}; filename=\"{}\"\r\nContent-Type: {media_type}", in_head(filename))
        }
    }
}

/// As browsers write names in heads of parts (WHATWG, "multipart/form-data encoding algorithm").
fn in_head(name: &str) -> String {
    name.replace('\r', "%0D").replace('\n', "%0A").replace('"', "%22")
}

fn media_type(filename: &str) -> &'static str {
    let ending = filename.rsplit_once('.').map_or(String::new(), |(_, ending)| ending.to_ascii_lowercase());
    let known = MEDIA_TYPES.iter().find(|(known, _)| *known == ending);
    known.map_or(MEDIA_TYPE_DEFAULT, |(_, media_type)| media_type)
}

/// A line that stands in no part, the same for the same parts: a plan that is read again sends the same.
fn boundary(parts: &[(String, Vec<Piece>)]) -> String {
    let contents: Vec<Vec<u8>> = parts.iter().map(|(_, pieces)| literal_bytes(pieces)).collect();
    let boundary = |attempt: u32| {
        let mut hash = Sha256::new();
        hash.update(attempt.to_be_bytes());
        for ((head, _), content) in parts.iter().zip(&contents) {
            hash.update(head);
            hash.update(content);
        }
        let digits: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("vajra-{}", &digits[..BOUNDARY_DIGITS])
    };
    let is_free = |boundary: &String| {
        let is_in = |content: &[u8]| content.windows(boundary.len()).any(|part| part == boundary.as_bytes());
        !contents.iter().any(|content| is_in(content))
    };
    (0..).map(boundary).find(is_free).expect("no part holds all boundaries there are")
}

/// Appends bytes to those that stand there.
fn push(pieces: &mut Vec<Piece>, bytes: &[u8]) -> bool {
    match pieces.last_mut() {
        _ if bytes.is_empty() => {}
        Some(Piece::Bytes(before)) => before.extend_from_slice(bytes),
        _ => pieces.push(Piece::Bytes(bytes.to_vec())),
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Document, Format, Layers};
    use crate::outbox;
    use crate::plan::{HttpRequest, Plan, Purpose};
    use crate::random::Draws;
    use crate::template::Template;
    use proptest::prelude::*;

    fn layers(text: &str) -> Layers {
        let document = Document { name: "plan".into(), text: text.into(), format: Format::Toml };
        let mut layers = Layers::new(Some(document)).unwrap();
        layers.set_environment([("TOKEN".into(), "a \"b\"\n&=".into()), ("COUNT".into(), "12".into())]);
        layers
    }

    fn read_file(name: &str) -> Result<Vec<u8>, String> {
        match name {
            "pictures/a\"b.JPG" => Ok(b"\xff\xd8 {{seq}}".to_vec()),
            "notes" => Ok(b"n={{seq}}".to_vec()),
            _ => Err("no such file".to_owned()),
        }
    }

    fn read(text: &str) -> Result<HttpRequest, Vec<Diagnostic>> {
        let plan = Plan::read(&layers(text).read(), &read_file, Purpose::Run)?.0;
        let json = serde_json::to_string(&plan).unwrap();
        assert_eq!(serde_json::from_str::<Plan>(&json).unwrap(), plan);
        Ok(plan.steps().next().unwrap().request.http().unwrap().clone())
    }

    /// The request of a plan with one, of which this is the body.
    fn request(body: &str) -> HttpRequest {
        read(&format!("url = 'http://h/'\n[[request]]\n{body}")).unwrap()
    }

    fn rendered(pieces: &[Piece], number: u64) -> Vec<u8> {
        let template = Template::new(pieces.to_vec()).unwrap();
        outbox::collected(template.bytes_max(), |out| template.render(number, Draws::new(1, 0), out))
    }

    fn body(request: &HttpRequest) -> String {
        String::from_utf8(rendered(request.body.as_ref().unwrap(), 7)).unwrap()
    }

    fn content_types(request: &HttpRequest) -> Vec<String> {
        let types = request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(CONTENT_TYPE));
        types.map(|(_, value)| String::from_utf8(rendered(value, 7)).unwrap()).collect()
    }

    #[track_caller]
    fn assert_told(body: &str, key: &str, words: &str, fix: &str) {
        let text = format!("url = 'http://h/'\n[[request]]\n{body}");
        let wrong = read(&text).unwrap_err();
        let is_told = |found: &Diagnostic| {
            let fix_of = layers(&text).fix(found);
            found.path == format!("request.0.{key}") && found.problem.contains(words) && fix_of.contains(fix)
        };
        assert!(wrong.iter().any(is_told), "{wrong:?}");
    }

    #[test]
    fn json_keeps_the_order_of_its_keys_and_the_kinds_of_its_values() {
        let typed = "json = { z = \"a\\\"{{seq}}\\\\\", n = '{{rand 5 5 | number}}', text = '{{rand 5 5}}', \
                     list = [1, true, 1.5, -0.0, [], {}], 'k{{seq}}' = '', env = '{{env TOKEN}}', \
                     count = '{{env COUNT | number}}', both = '{{seq | number}}{{seq | number}}' }";
        let request = request(typed);
        assert_eq!(
            body(&request),
            r#"{"z":"a\"7\\","n":5,"text":"5","list":[1,true,1.5,-0.0,[],{}],"k7":"","env":"a \"b\"\n&=","count":12,"both":"77"}"#
        );
        assert_eq!(
            (request.method.as_str(), content_types(&request)),
            ("POST", vec!["application/json".into()])
        );
        let wanted = [Piece::Rand { low: 5, high: 5 }, Piece::Seq];
        assert!(wanted.iter().all(|piece| request.body.as_ref().unwrap().contains(piece)), "{request:?}");
    }

    #[test]
    fn a_date_is_a_text() {
        let typed = "json = { day = 2026-11-29, at = 2026-11-29T01:08:06Z }";
        assert_eq!(body(&request(typed)), r#"{"day":"2026-11-29","at":"2026-11-29T01:08:06Z"}"#);
    }

    #[test]
    fn a_body_says_what_it_is_unless_a_header_does() {
        let typed = "json = [1]\nheaders.content-type = 'application/vnd.api+json'";
        assert_eq!(content_types(&request(typed)), ["application/vnd.api+json"]);
        assert_eq!(content_types(&request("body = '[1]'")), Vec::<String>::new());
        let plan = "url = 'http://h/'\nheaders.Content-Type = 'text/plain'\n[[request]]\n";
        assert_eq!(content_types(&read(&format!("{plan}json = 1")).unwrap()), ["text/plain"]);
        let parts = read(&format!("{plan}multipart = {{ a = '1' }}")).unwrap();
        assert!(content_types(&parts)[0].starts_with("multipart/form-data; boundary=vajra-"), "{parts:?}");
        assert_told(
            "multipart.a = '1'\nheaders.content-type = 'x/y'",
            "headers.content-type",
            "names what stands",
            "leave it out",
        );
    }

    #[test]
    fn a_form_is_encoded_with_its_names_and_holes() {
        let request = request(
            "form = { 'a b' = 'x&y={{seq}}', list = ['1', 2], t = '{{env TOKEN}}', u = '{{seq | url}}' }",
        );
        assert_eq!(body(&request), "a%20b=x%26y%3D7&list=1&list=2&t=a%20%22b%22%0A%26%3D&u=7");
        assert_eq!(content_types(&request), ["application/x-www-form-urlencoded"]);
    }

    #[test]
    fn parts_have_heads_and_files_are_sent_as_they_are() {
        let request =
            request("multipart = { 'n\"1' = 'no {{seq}}', file = ['@pictures/a\"b.JPG', '@notes'] }");
        let body = rendered(request.body.as_ref().unwrap(), 7);
        let boundary = content_types(&request)[0].split_once("boundary=").unwrap().1.to_owned();
        let expected = [
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"n%221\"\r\n\r\nno 7\r\n")
                .into_bytes(),
            format!(
                "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a%22b.JPG\"\r\n"
            )
            .into_bytes(),
            b"Content-Type: image/jpeg\r\n\r\n\xff\xd8 {{seq}}\r\n".to_vec(),
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"notes\"\r\n")
                .into_bytes(),
            b"Content-Type: application/octet-stream\r\n\r\nn={{seq}}\r\n".to_vec(),
            format!("--{boundary}--\r\n").into_bytes(),
        ];
        assert_eq!(String::from_utf8_lossy(&body), String::from_utf8_lossy(&expected.concat()));
        let filled = self::request("template = true\nmultipart.file = '@notes'");
        assert!(self::body(&filled).contains("\r\n\r\nn=7\r\n"));
    }

    #[test]
    fn a_template_that_is_off_leaves_braces_as_they_are() {
        assert_eq!(body(&request("template = false\njson = { a = '{{seq' }")), r#"{"a":"{{seq"}"#);
        assert_eq!(body(&request("template = false\nform = { a = '{{seq}}' }")), "a=%7B%7Bseq%7D%7D");
    }

    #[test]
    fn what_is_wrong_with_a_body_is_told_at_its_key() {
        assert_told("json = '@item.json'", "json", "name of a file", "body = \"@item.json\"");
        assert_told("json = '{\"a\": 1}'", "json", "JSON already", "body = ");
        assert_told("json = 1\nbody = 'x'", "json", "`body` and `json`", "leave one out");
        assert_told("form.a = 1\nmultipart.a = 1", "multipart", "`form` and `multipart`", "leave one out");
        assert_told("json.a = nan", "json.a", "JSON has no number", "write another");
        assert_told("json.a = ['{{seqq}}']", "json.a.0", "`{{seqq}}` is not known", "`{{seq}}`");
        assert_told("json.a = '{{env TOKEN | number}}'", "json.a", "no number", "another value");
        assert_told("form.a = ['x', '{{env NONE}}']", "form.a.1", "`NONE` is not set", "NONE=…");
        assert_told("multipart.'{{seq}}' = 'x'", "multipart.{{seq}}", "name of a part", "value alone");
        assert_told("multipart.a = '@none'", "multipart.a", "cannot be read", "name a file");
        assert_told("form = 'a=1'", "form", "is a table", "write a name");
    }

    #[test]
    fn what_is_no_request_of_http_has_no_such_body() {
        for (url, instead) in [
            ("ws://h/", "`text`"),
            ("tcp://h:1", "`text`"),
            ("udp://h:1", "`text`"),
            ("grpc://h:1", "`message"),
        ] {
            for body in ["json.a = 1", "form.a = 1", "multipart.a = 1"] {
                let text = format!("url = '{url}'\n[[request]]\ncall = 'a.B/C'\n{body}");
                let text =
                    if url.starts_with("grpc") { text } else { text.replace("call = 'a.B/C'", "text = 'x'") };
                let wrong = Plan::read(&layers(&text).read(), &read_file, Purpose::Run).unwrap_err();
                let key = format!("request.0.{}", body.split('.').next().unwrap());
                let is_told = |found: &Diagnostic| found.path == key && found.fix.contains(instead);
                assert!(wrong.iter().any(is_told), "{text}: {wrong:?}");
            }
        }
    }

    #[test]
    fn no_boundary_stands_in_a_part() {
        let with = |content: Vec<u8>| vec![(String::new(), vec![Piece::Bytes(content)])];
        let empty = boundary(&with(Vec::new()));
        assert_eq!(boundary(&with(Vec::new())), empty);
        assert_ne!(boundary(&with(b"x".to_vec())), empty);
    }

    /// A value as TOML has it, without dates and numbers that JSON has not.
    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<String>().prop_map(Value::String),
            any::<i64>().prop_map(Value::Integer),
            any::<bool>().prop_map(Value::Boolean),
            prop::num::f64::NORMAL.prop_map(Value::Float),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                proptest::collection::vec((any::<String>(), inner), 0..4)
                    .prop_map(|members| Value::Table(members.into_iter().collect())),
            ]
        })
    }

    /// What a plan with one request sends, and as what, whose holes are not filled.
    fn sent(key: &str, value: Value) -> (Vec<u8>, String) {
        let mut layers = layers("url = 'http://h/'");
        let table = [(key.to_owned(), value), ("template".to_owned(), Value::Boolean(false))];
        let one = Value::Table(table.into_iter().collect());
        layers.set("request", Value::Array(vec![one]), crate::config::Origin::Flag("test".into()));
        let plan = Plan::read(&layers.read(), &read_file, Purpose::Run).unwrap().0;
        let request = plan.steps().next().unwrap().request.http().unwrap().clone();
        (rendered(request.body.as_ref().unwrap(), 0), content_types(&request).concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_value_is_read_back_from_json(value in any_value()) {
            // A text alone may be taken for the name of a file, or for JSON.
            let (body, _) = sent("json", Value::Array(vec![value.clone()]));
            let read: serde_json::Value = serde_json::from_slice(&body).unwrap();
            prop_assert_eq!(read, serde_json::to_value([value]).unwrap());
        }

        #[test]
        fn any_form_is_read_back(
            pairs in proptest::collection::btree_map(any::<String>(), proptest::collection::vec(any::<String>(), 1..3), 0..4),
        ) {
            let texts = |values: &Vec<String>| Value::Array(values.iter().cloned().map(Value::String).collect());
            let table: toml::Table = pairs.iter().map(|(name, values)| (name.clone(), texts(values))).collect();
            let (body, _) = sent("form", Value::Table(table));
            let read: Vec<(String, String)> = form_urlencoded::parse(&body).into_owned().collect();
            let given = pairs.into_iter().flat_map(|(name, values)| values.into_iter().map(move |value| (name.clone(), value)));
            prop_assert_eq!(read, given.collect::<Vec<_>>());
        }

        #[test]
        fn any_parts_are_read_back(
            parts in proptest::collection::btree_map("[^\"\r\n%{]{0,8}", "[^@](.|\r\n|--|vajra-){0,20}", 0..4),
        ) {
            let table: toml::Table =
                parts.iter().map(|(name, value)| (name.clone(), Value::String(value.clone()))).collect();
            let (body, media_type) = sent("multipart", Value::Table(table));
            let body = String::from_utf8(body).unwrap();
            let boundary = media_type.split_once("boundary=").unwrap().1.to_owned();
            // As RFC 2046, section 5.1.1, has it: a line end belongs to the boundary behind it.
            let whole = format!("\r\n{body}");
            let mut read: Vec<&str> = whole.split(&format!("\r\n--{boundary}")).collect();
            prop_assert_eq!((read.remove(0), read.pop()), ("", Some("--\r\n")));
            let read: Vec<(String, String)> = read
                .into_iter()
                .map(|part| {
                    let (head, content) = part.split_once("\r\n\r\n").unwrap();
                    let name = head.split_once("; name=\"").unwrap().1.trim_end_matches('"');
                    (name.to_owned(), content.to_owned())
                })
                .collect();
            prop_assert_eq!(read, parts.into_iter().collect::<Vec<_>>());
        }
    }
}
