//! The links service: from a request to what it is answered, with the store, the settings and the counts behind it.

use std::path::PathBuf;
use std::time::Duration;

use hyper::body::Bytes;
use hyper::header::{CACHE_CONTROL, HeaderValue, LOCATION};
use hyper::{Method, Response, StatusCode, Uri};
use serde::Deserialize;
use serde_json::json;

use crate::links::code::LinkCode;
use crate::links::link::{LinkState, ShortLink};
use crate::links::metrics::{LinkCount, LinkCounts};
use crate::links::path::{LinkAction, LinkPath};
use crate::links::settings::{LinkSettings, SettingsError};
use crate::links::store::LinkStore;
use crate::payload::Payload;
use crate::quantity::ValueError;
use crate::response::{empty, json as json_response, method_not_allowed, problem, text, typed};

/// What Prometheus calls its text format.
const METRICS: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// A server's short links.
#[derive(Debug)]
pub(crate) struct LinkService {
    store: LinkStore,
    settings: LinkSettings,
    /// Where settings are read from.
    file: Option<PathBuf>,
    counts: LinkCounts,
}

/// What is asked of the service, once the request was read.
pub(crate) struct LinkRequest<'a> {
    pub(crate) path: LinkPath,
    pub(crate) method: &'a Method,
    /// `None` if it was longer than the settings allow.
    pub(crate) body: Option<Bytes>,
    /// Since the server's start.
    pub(crate) now: Duration,
    /// What the whole server has answered.
    pub(crate) served: u64,
}

/// What a link is made from.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewLink {
    url: String,
    ttl_s: Option<u64>,
}

impl LinkService {
    /// Settings that were read from a file, if there is one. The seed decides the codes.
    pub(crate) fn new(settings: LinkSettings, file: Option<PathBuf>, seed: u64) -> LinkService {
        LinkService { store: LinkStore::new(seed), settings, file, counts: LinkCounts::default() }
    }

    pub(crate) fn body_max_bytes(&self) -> usize {
        self.settings.body_max_bytes
    }

    pub(crate) fn answer(&mut self, request: LinkRequest<'_>) -> Response<Payload> {
        let LinkRequest { path, method, body, now, served } = request;
        match path.action(method) {
            Ok(LinkAction::Create) => self.create(body, now),
            Ok(LinkAction::Visit(code)) => self.visit(code, now),
            Ok(LinkAction::Delete(code)) => self.delete(code, now),
            Ok(LinkAction::Tell(code)) => self.tell(code, now),
            Ok(LinkAction::Measure) => {
                let page = self.counts.page(self.store.states(), served);
                typed(StatusCode::OK, METRICS, Payload::whole(page))
            }
            Ok(LinkAction::Reload) => match self.reload() {
                Ok(()) => json_response(StatusCode::OK, json!({ "reloaded": true }).to_string() + "\n"),
                Err(error) => problem(StatusCode::UNPROCESSABLE_ENTITY, &error.to_string()),
            },
            Err(allowed) => self.refuse_method(allowed),
        }
    }

    /// Reads the settings again. Those there are stay if they cannot be taken; links beyond a lower bound stay too.
    pub(crate) fn reload(&mut self) -> Result<(), SettingsError> {
        match LinkSettings::read(self.file.as_deref()) {
            Ok(settings) => {
                self.settings = settings;
                self.counts.count(LinkCount::ReloadsTaken);
                Ok(())
            }
            Err(error) => {
                self.counts.count(LinkCount::ReloadsRefused);
                Err(error)
            }
        }
    }

    fn create(&mut self, body: Option<Bytes>, now: Duration) -> Response<Payload> {
        let Some(body) = body else {
            self.counts.count(LinkCount::RefusedTooLarge);
            let message = format!("a request has at most {} bytes", self.settings.body_max_bytes);
            return problem(StatusCode::PAYLOAD_TOO_LARGE, &message);
        };
        let (url, ttl) = match self.read(&body) {
            Ok(read) => read,
            Err(error) => {
                self.counts.count(LinkCount::RefusedMalformed);
                return problem(StatusCode::BAD_REQUEST, &error.to_string());
            }
        };
        let Some(code) = self.store.create(url.clone(), ttl, now, self.settings.bounds()) else {
            self.counts.count(LinkCount::RefusedFull);
            let message = format!("there are {} links, and no more are kept", self.settings.links_max);
            return problem(StatusCode::INSUFFICIENT_STORAGE, &message);
        };
        self.counts.count(LinkCount::Created);
        created(code, &url, ttl)
    }

    /// What a body asks for, if the settings allow it.
    fn read(&self, body: &[u8]) -> Result<(String, Option<Duration>), ValueError> {
        let new: NewLink = serde_json::from_slice(body).map_err(|error| {
            ValueError::new(format!(
                "the body is no link: {error}; write {{\"url\": \"https://…\", \"ttl_s\": 60}}"
            ))
        })?;
        if new.url.len() > self.settings.url_max_bytes {
            let message = format!("`url` has at most {} bytes", self.settings.url_max_bytes);
            return Err(ValueError::new(message));
        }
        // What is stored can be sent back in a header.
        let is_header = HeaderValue::from_str(&new.url).is_ok();
        let is_absolute = new.url.parse::<Uri>().is_ok_and(|url| {
            matches!(url.scheme_str(), Some("http" | "https"))
                && url.host().is_some_and(|host| !host.is_empty())
        });
        if !is_header || !is_absolute {
            let message = "`url` is to begin with http:// or https:// and a host, and to be ASCII";
            return Err(ValueError::new(message));
        }
        Ok((new.url, self.settings.ttl(new.ttl_s)?))
    }

    fn visit(&mut self, code: LinkCode, now: Duration) -> Response<Payload> {
        let bounds = self.settings.bounds();
        let (count, response) = match self.store.look(code, now, bounds) {
            Some(link) if link.state.is_active() => {
                link.visits += 1;
                (LinkCount::Redirected, redirect(&link.url))
            }
            Some(link) => (LinkCount::VisitedGone, gone(link.state)),
            None => (LinkCount::VisitedUnknown, unknown()),
        };
        self.counts.count(count);
        response
    }

    fn delete(&mut self, code: LinkCode, now: Duration) -> Response<Payload> {
        let bounds = self.settings.bounds();
        match self.store.look(code, now, bounds).map(|link| link.state) {
            Some(state) if state.is_active() => {
                self.store.delete(code, now, bounds);
                self.counts.count(LinkCount::Deleted);
                empty(StatusCode::NO_CONTENT)
            }
            Some(state) => gone(state),
            None => unknown(),
        }
    }

    fn tell(&mut self, code: LinkCode, now: Duration) -> Response<Payload> {
        match self.store.look(code, now, self.settings.bounds()) {
            Some(link) => told(code, link, now),
            None => unknown(),
        }
    }

    fn refuse_method(&mut self, allowed: &'static str) -> Response<Payload> {
        self.counts.count(LinkCount::RefusedMethod);
        method_not_allowed(allowed)
    }
}

fn created(code: LinkCode, url: &str, ttl: Option<Duration>) -> Response<Payload> {
    let path = format!("/{code}");
    let location = HeaderValue::from_str(&path);
    let body =
        json!({ "code": code.to_string(), "path": path, "url": url, "ttl_s": ttl.map(|ttl| ttl.as_secs()) });
    let mut response = json_response(StatusCode::CREATED, body.to_string() + "\n");
    response.headers_mut().insert(LOCATION, location.expect("letters and digits"));
    response
}

/// Never kept by a cache: the link's life is for this server to end.
fn redirect(url: &str) -> Response<Payload> {
    let mut response = empty(StatusCode::FOUND);
    let headers = response.headers_mut();
    headers.insert(LOCATION, HeaderValue::from_str(url).expect("it was looked at before it was stored"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn told(code: LinkCode, link: &ShortLink, now: Duration) -> Response<Payload> {
    let left = match link.state {
        LinkState::Active { until: Some(until) } => Some(until.saturating_sub(now).as_secs_f64()),
        _ => None,
    };
    let body = json!({
        "code": code.to_string(),
        "url": link.url,
        "state": link.state.name(),
        "visits": link.visits,
        "age_s": now.saturating_sub(link.created).as_secs_f64(),
        "left_s": left,
    });
    json_response(StatusCode::OK, body.to_string() + "\n")
}

fn gone(state: LinkState) -> Response<Payload> {
    problem(StatusCode::GONE, &format!("this link is {}", state.name()))
}

fn unknown() -> Response<Payload> {
    text(StatusCode::NOT_FOUND, "no such link\n")
}
