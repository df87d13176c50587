//! The requests of a recording that are imported, in the order in which they were sent, and a count of those that are not.

use super::document::{HarDocument, HarEntry, HarHeader};
use crate::names;
use crate::urls::{self, SplitUrl};
use crate::wrong::WrongImport;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::collections::BTreeMap;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Kinds of things that a page loads and that are the same for everybody, as browsers call them.
const ASSET_TYPES: [&str; 7] = ["image", "stylesheet", "script", "font", "media", "manifest", "texttrack"];
/// What the types of such things begin with.
const ASSET_MIMES: [&str; 10] = [
    "image/",
    "font/",
    "audio/",
    "video/",
    "text/css",
    "text/javascript",
    "application/javascript",
    "application/x-javascript",
    "application/wasm",
    "application/font",
];
/// The longest response that is searched for the source of a value.
const SOURCE_BYTES_MAX: usize = 4 << 20;

/// Recordings know when a request began to the millisecond: one that began so much before an end began after it.
pub(super) const EXACTNESS_MS: f64 = 1.0;

/// What is chosen of a recording.
pub(super) struct Chosen<'a> {
    pub(super) hosts: &'a [String],
    pub(super) has_assets: bool,
}

/// A request that was recorded, with what is known of its response.
pub(super) struct Recorded<'a> {
    pub(super) method: String,
    pub(super) url: SplitUrl,
    pub(super) headers: Vec<HarHeader<'a>>,
    pub(super) body: Option<RecordedBody>,
    pub(super) status: i64,
    pub(super) response: RecordedResponse,
    pub(super) starts_ms: f64,
    pub(super) ends_ms: f64,
    /// How many redirects were followed until the response came.
    pub(super) redirects: u32,
}

/// What was sent.
pub(super) struct RecordedBody {
    pub(super) mime: String,
    pub(super) text: String,
    /// Names and values of a form, and the name of a file instead of a value.
    pub(super) params: Vec<(String, String, Option<String>)>,
}

/// What came back, as far as values may be taken from it.
pub(super) struct RecordedResponse {
    pub(super) headers: Vec<(String, String)>,
    /// The body, if it is text.
    pub(super) body: String,
}

/// What is imported of a file.
pub(super) struct HarRecording<'a> {
    pub(super) requests: Vec<Recorded<'a>>,
    /// How many were left out, by the reason.
    pub(super) left_out: BTreeMap<&'static str, usize>,
    /// The servers that requests were left out for, each with their number.
    pub(super) foreign: BTreeMap<String, usize>,
}

/// Reads a file; `name` is what it is called where something is wrong with it.
pub(super) fn read<'a>(
    text: &'a str,
    name: &str,
    chosen: &Chosen<'_>,
) -> Result<HarRecording<'a>, WrongImport> {
    let document: HarDocument<'a> = serde_json::from_str(text).map_err(|error| unreadable(&error, name))?;
    let mut entries = Vec::new();
    for (index, entry) in document.log.entries.into_iter().enumerate() {
        let started = OffsetDateTime::parse(&entry.started, &Rfc3339).map_err(|_| {
            WrongImport::new(
                format!("`{}` is no instant", short(&entry.started)),
                "record it again, or write it as 2026-11-28T12:00:00.000Z",
            )
            .at(format!("{name}, log.entries[{index}].startedDateTime"))
        })?;
        entries.push((started.unix_timestamp_nanos() as f64 / 1e6, entry));
    }
    // Browsers write them as they end.
    entries.sort_by(|(earlier, _), (later, _)| earlier.total_cmp(later));
    let hosts = hosts(&entries, chosen.hosts);
    let (mut requests, mut left_out, mut foreign) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
    for (starts_ms, entry) in entries {
        let url = urls::split(&entry.request.url);
        match (reason_against(&entry, url.as_ref(), &hosts, chosen.has_assets), url) {
            (None, Some(url)) => requests.push(recorded(entry, url, starts_ms)),
            (reason, url) => {
                let reason = reason.unwrap_or(NO_HTTP);
                *left_out.entry(reason).or_insert(0) += 1;
                if let Some(url) = url.filter(|_| reason == FOREIGN) {
                    *foreign.entry(url.host).or_insert(0) += 1;
                }
            }
        }
    }
    Ok(HarRecording { requests, left_out, foreign })
}

fn short(text: &str) -> String {
    text.chars().take(60).collect()
}

fn unreadable(error: &serde_json::Error, name: &str) -> WrongImport {
    let place = format!("{name}, line {}, column {}", error.line(), error.column());
    let (problem, fix) = match error.classify() {
        serde_json::error::Category::Eof => {
            ("the file ends in the middle", "export it again, and wait until it is written")
        }
        serde_json::error::Category::Data => (
            "it is JSON, and no HAR",
            "save one from the network panel of a browser's developer tools: \"Export HAR\"",
        ),
        _ => (
            "it is no JSON, which a HAR file is",
            "save one from the network panel of a browser's developer tools: \"Export HAR\"",
        ),
    };
    WrongImport::new(format!("{problem}: {error}"), fix).at(place)
}

/// The hosts whose requests are imported: those that are named, each alone, with its port or as a URL, or that of the first page.
fn hosts(entries: &[(f64, HarEntry<'_>)], named: &[String]) -> Vec<String> {
    if !named.is_empty() {
        return named.iter().map(|host| host.trim_end_matches('/').to_ascii_lowercase()).collect();
    }
    let urls = || {
        entries.iter().filter(|(_, entry)| {
            entry.resource_type == "document" || entry.response.content.mime.starts_with("text/html")
        })
    };
    let first = urls().chain(entries).find_map(|(_, entry)| urls::split(&entry.request.url));
    first.into_iter().map(|url| url.host).collect()
}

const FOREIGN: &str = "to other hosts";
const NO_HTTP: &str = "of other schemes than HTTP";

/// Why an entry is left out, in words that follow a number.
fn reason_against(
    entry: &HarEntry<'_>,
    url: Option<&SplitUrl>,
    hosts: &[String],
    has_assets: bool,
) -> Option<&'static str> {
    let is_answered = (200..600).contains(&entry.response.status);
    let Some(url) = url.filter(|_| entry.response.status != 101) else { return Some(NO_HTTP) };
    let authority = url.base.split_once("://").map_or("", |(_, authority)| authority);
    if !hosts.iter().any(|host| *host == url.host || host == authority || *host == url.base) {
        Some(FOREIGN)
    } else if entry.cache.is_some() {
        Some("answered by the browser's cache")
    } else if !is_answered {
        Some("without a response")
    } else if entry.request.method.eq_ignore_ascii_case("OPTIONS") {
        Some("that the browser asked by itself (OPTIONS)")
    } else if !names::is_method(&entry.request.method.to_ascii_uppercase()) {
        Some("with methods that no plan has")
    } else if !has_assets && is_asset(entry, url) {
        Some("for static assets (--assets keeps them)")
    } else {
        None
    }
}

fn is_asset(entry: &HarEntry<'_>, url: &SplitUrl) -> bool {
    let mime = entry.response.content.mime.to_ascii_lowercase();
    ASSET_TYPES.contains(&entry.resource_type.as_ref())
        || ASSET_MIMES.iter().any(|asset| mime.starts_with(asset))
        || url.path == "/favicon.ico"
}

fn recorded<'a>(entry: HarEntry<'a>, url: SplitUrl, starts_ms: f64) -> Recorded<'a> {
    let body = entry.request.data.map(|data| RecordedBody {
        mime: data.mime.into_owned(),
        text: unescaped(data.text.map_or("\"\"", |raw| raw.get())),
        params: data
            .params
            .into_iter()
            .map(|param| (param.name.into_owned(), param.value.into_owned(), param.file))
            .collect(),
    });
    let content = entry.response.content;
    let raw = content.text.map(|raw| raw.get()).filter(|raw| raw.len() <= SOURCE_BYTES_MAX);
    let text = unescaped(raw.unwrap_or("\"\""));
    let text = match content.encoding.as_ref() {
        "base64" => {
            let bytes = STANDARD.decode(text.as_bytes()).unwrap_or_default();
            String::from_utf8(bytes).unwrap_or_default()
        }
        _ => text,
    };
    let headers = entry.response.headers.into_iter();
    Recorded {
        method: entry.request.method.to_ascii_uppercase(),
        url,
        headers: entry.request.headers,
        body: body.filter(|body| !body.text.is_empty() || !body.params.is_empty()),
        status: entry.response.status,
        response: RecordedResponse {
            headers: headers.map(|header| (header.name.into_owned(), header.value.into_owned())).collect(),
            body: text,
        },
        starts_ms,
        ends_ms: starts_ms + entry.time.filter(|ms| *ms > 0.0).unwrap_or(0.0),
        redirects: 0,
    }
}

/// A text that stands in the file as JSON.
fn unescaped(raw: &str) -> String {
    serde_json::from_str(raw).unwrap_or_default()
}
