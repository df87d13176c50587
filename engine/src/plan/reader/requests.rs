//! The requests of a scenario, as typed, to its steps.

use super::keys::StepKeys;
use super::{PlanReader, TIMEOUT_NS_DEFAULT, Typed};
use crate::config::{Diagnostic, RequestConfig, Spot, Text, Texts};
use crate::flow::StepLooks;
use crate::plan::fields::{
    BytesMessage, HttpRequest, Request, SocketMessageKind, Step, Target, TargetProtocol, WebSocketMessage,
};
use crate::plan::streams;
use crate::redact;
use crate::template::{self, HolePlace, HoleScope, Piece, WrongHole};
use crate::url::{Scheme, path_or_root};
use std::collections::BTreeMap;

/// The methods that HTTP and its common extensions know.
const METHODS: [&str; 9] = ["GET", "POST", "PUT", "HEAD", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"];

/// The message that is sent where nothing is said.
pub(super) const MESSAGE_DEFAULT: &str = "hello";

/// The name of a step that is given none, behind those that come before it in its scenario: messages have their number there, but for
/// the first, and so have queries that would be called as one before them.
fn numbered(step: &Step, before: &[Step]) -> String {
    let is_numbered = match step.request {
        Request::WebSocket(_) | Request::Bytes(_) => !before.is_empty(),
        Request::Dns(_) => before.iter().any(|other| other.name == step.name),
        Request::Http(_) | Request::Grpc(_) => false,
    };
    if is_numbered { format!("{} {}", step.name, before.len() + 1) } else { step.name.clone() }
}

/// A step with what it sends. Pool and timeout are its scenario's, and what is looked at is read for all kinds alike.
pub(super) fn step_with(config: &RequestConfig, name: String, request: Request) -> Step {
    let weight = config.weight.unwrap_or(1);
    Step { name, weight, pool: 0, timeout_ns: 0, request, looks: StepLooks::default() }
}

/// What a message is of, and what to do with the parts of a request that it cannot have.
struct MessageWords {
    what: &'static str,
    method: &'static str,
    path: &'static str,
    headers: &'static str,
}

const OF_SOCKETS: MessageWords = MessageWords {
    what: "WebSocket",
    method: "leave it out: a WebSocket is opened by GET",
    path: "write the path into the target's `url`: it is that of the opening",
    headers: "write them under `[headers]`: they are those of the opening",
};
const OF_BYTES: MessageWords = MessageWords {
    what: "bytes",
    method: "leave it out: what is sent is `text` or `binary`, and nothing else",
    path: "leave it out: what is sent is `text` or `binary`, and nothing else",
    headers: "leave them out: what is sent is `text` or `binary`, and nothing else",
};

/// Headers, and the key of each.
#[derive(Clone, Default)]
pub(super) struct Headers {
    pub(super) headers: Vec<(String, Vec<Piece>)>,
    pub(super) keys: Vec<String>,
}

impl Headers {
    /// Leaves out those that hold values of responses.
    fn forget_values(&mut self) {
        let is_kept = |piece: &Piece| !matches!(piece, Piece::Value(hole) if hole.names().next().is_some());
        let all = std::mem::take(&mut self.headers).into_iter().zip(std::mem::take(&mut self.keys));
        (self.headers, self.keys) = all.filter(|((_, value), _)| value.iter().all(is_kept)).unzip();
    }
}

/// What the steps of a scenario have in common.
pub(super) struct StepContext<'t, 'c> {
    typed: &'t Typed<'c>,
    target: &'t Target,
    pool: usize,
    timeout_ns: u64,
    common: Headers,
}

impl PlanReader<'_> {
    /// What all steps of a scenario have in common whose requests go to a target, by the pool of a number.
    pub(super) fn step_context<'t, 'c>(
        &mut self,
        typed: &'t Typed<'c>,
        target: &'t Target,
        pool: usize,
    ) -> StepContext<'t, 'c> {
        // A target of the scenario's own has its name, and may not be the one that the plan calls so.
        self.step_context_of(typed, target, pool, typed.config.url.is_none())
    }

    /// The same, of a target that the plan may have a name for or not.
    pub(super) fn step_context_of<'t, 'c>(
        &mut self,
        typed: &'t Typed<'c>,
        target: &'t Target,
        pool: usize,
        is_named: bool,
    ) -> StepContext<'t, 'c> {
        let config = &typed.config;
        let timeout_key =
            if config.timeout.is_some() { typed.at("timeout") } else { "run.timeout".to_owned() };
        let timeout = config.timeout.clone().or_else(|| self.config.run.timeout.clone());
        let timeout_ns = self.positive(&timeout, &timeout_key, TIMEOUT_NS_DEFAULT);
        let mut common = Headers::default();
        self.headers(&self.config.headers, "headers", &mut common);
        let credentials = (&self.config.bearer, &self.config.basic);
        self.authorization(credentials, &|word| word.to_owned(), &mut common);
        if is_named && let Some(named) = self.config.target.get(&target.name) {
            self.headers(&named.headers, &format!("target.{}.headers", target.name), &mut common);
            let credentials = (&named.bearer, &named.basic);
            self.authorization(credentials, &|word| format!("target.{}.{word}", target.name), &mut common);
        }
        if typed.is_setup {
            common.forget_values();
            // A request for a token says itself who asks, and goes to another server as a rule.
            if self.config.setup.as_ref().is_some_and(|setup| setup.oauth.is_some()) {
                common = Headers::default();
            }
        }
        if typed.name.is_some() {
            self.headers(&config.headers, &typed.at("headers"), &mut common);
            let credentials = (&config.bearer, &config.basic);
            self.authorization(credentials, &|word| typed.at(word), &mut common);
        }
        self.current().timeout = timeout_key;
        StepContext { typed, target, pool, timeout_ns, common }
    }

    /// The steps of a scenario of which one is drawn for each arrival.
    pub(super) fn mix(&mut self, context: &StepContext) -> Vec<Step> {
        let typed = context.typed;
        let one_get = [RequestConfig::default()];
        let (written, is_default) = match typed.config.request.as_slice() {
            [] => (&one_get[..], true),
            written => (written, false),
        };
        let url_key = typed.at("url");
        let mut steps = Vec::new();
        for (index, request) in written.iter().enumerate() {
            let table = if is_default { url_key.clone() } else { typed.at(&format!("request.{index}")) };
            let step = self.step_of(request, context, table, is_default, &steps);
            steps.push(step);
        }
        steps
    }

    /// A step of a scenario, by what is spoken with its target, behind those that come before it.
    pub(super) fn step_of(
        &mut self,
        request: &RequestConfig,
        context: &StepContext,
        table: String,
        is_default: bool,
        before: &[Step],
    ) -> Step {
        let StepContext { typed, target, pool, timeout_ns, common } = context;
        let looks = if is_default { StepLooks::default() } else { self.looks(request, &table) };
        let (step, keys) = match (target.url.scheme, &target.grpc) {
            (Scheme::Udp | Scheme::Dns, _) => self.datagram_step(request, typed, target, table, is_default),
            (Scheme::Ws | Scheme::Wss, _) => {
                self.message_step(request, typed, target, common, table, is_default)
            }
            (Scheme::Tcp | Scheme::Tls, _) => self.bytes_step(request, typed, target, table, is_default),
            (_, Some(_)) => self.call(request, target, common, table, is_default),
            (_, None) => self.step(request, target, common, table, is_default),
        };
        // A call with a deadline has one of its own.
        let timeout_ns = if step.timeout_ns > 0 { step.timeout_ns } else { *timeout_ns };
        let name = if request.name.is_none() { numbered(&step, before) } else { step.name.clone() };
        self.current().steps.push(keys);
        Step { name, pool: *pool, timeout_ns, looks, ..step }
    }

    fn current(&mut self) -> &mut super::ScenarioKeys {
        self.keys.scenarios.last_mut().expect("the keys of a scenario come before its steps")
    }

    fn step(
        &mut self,
        config: &RequestConfig,
        target: &Target,
        common: &Headers,
        table: String,
        is_default: bool,
    ) -> (Step, StepKeys) {
        let key = |name: &str| if is_default { table.clone() } else { format!("{table}.{name}") };
        self.refuse_messages(config, target, "write `body`", &key);
        self.refuse_queries(config, target, &key);
        self.refuse_parts_of_calls(config, "HTTP", &key);
        let body = self.request_body(config, &key);
        let (word, path, word_key) = self.method_and_path(config, &key);
        let method = match word {
            Some(method) => {
                self.check_method(&method, &key("method"));
                method
            }
            None => if body.is_some() { "POST" } else { "GET" }.to_owned(),
        };
        let path_key = if is_default { table.clone() } else { word_key.unwrap_or_else(|| key("path")) };
        let path_text = path.unwrap_or_else(|| target.url.path.clone());
        let shown_path = template::without_quoted(&path_text);
        let name =
            config.name.as_ref().map_or_else(|| format!("{method} {shown_path}"), |name| name.0.clone());
        // A query alone is one of the root.
        let from_root = if path_text.starts_with('?') { format!("/{path_text}") } else { path_text };
        let path = self.pieces(&path_key, &from_root, HolePlace::Path).map(template::path_of);
        if path.is_none()
            && let Err(problem) = path_or_root(&template::without_holes(&from_root))
        {
            self.wrong(&path_key, problem, "paths look like `/users?id=1`");
        }
        let mut headers = common.clone();
        self.headers(&config.headers, &key("headers"), &mut headers);
        let credentials = (&config.bearer, &config.basic);
        self.authorization(credentials, &key, &mut headers);
        let body = body.map(|typed| self.typed_body(typed, common.headers.len(), &mut headers));
        let headers_keys = headers.keys;
        let keys = StepKeys::of_request(path_key, key("method"), headers_keys, table);
        let path = path.unwrap_or_else(|| vec![Piece::Bytes(b"/".to_vec())]);
        let request = Request::Http(HttpRequest { method, path, headers: headers.headers, body });
        (step_with(config, name, request), keys)
    }

    /// A message of WebSocket, with what opens its connection.
    fn message_step(
        &mut self,
        config: &RequestConfig,
        typed: &Typed,
        target: &Target,
        common: &Headers,
        table: String,
        is_default: bool,
    ) -> (Step, StepKeys) {
        let key = |name: &str| if is_default { table.clone() } else { format!("{table}.{name}") };
        self.refuse_http(config, &key, &OF_SOCKETS);
        self.refuse_parts_of_calls(config, "WebSocket", &key);
        self.refuse_queries(config, target, &key);
        let (kind, payload) = self.message(config, is_default, "one of WebSocket", &key);
        let payload = payload.unwrap_or_else(|| vec![Piece::Bytes(MESSAGE_DEFAULT.into())]);
        let payload = match kind {
            SocketMessageKind::Text => {
                payload.into_iter().map(|piece| piece.placed(HolePlace::Text)).collect()
            }
            SocketMessageKind::Binary => payload,
        };
        // The opening is of the connection, and goes where the URL says.
        let url_key = match typed.config.url.is_none() && self.config.target.contains_key(&target.name) {
            true => format!("target.{}.url", target.name),
            false if typed.config.url.is_some() || typed.name.is_none() => typed.at("url"),
            false => "url".to_owned(),
        };
        let path = self.pieces(&url_key, &target.url.path, HolePlace::Path);
        let path = path.unwrap_or_else(|| vec![Piece::Bytes(b"/".to_vec())]);
        let headers = common.headers.clone();
        let opening = HttpRequest { method: "GET".into(), path, headers, body: None };
        let request = Request::WebSocket(WebSocketMessage { opening, kind, payload });
        let name = config.name.as_ref().map_or(request.what(), |Text(name)| name).to_owned();
        let headers_keys = common.keys.clone();
        let keys = StepKeys::of_request(url_key, key("method"), headers_keys, table);
        (step_with(config, name, request), keys)
    }

    /// A message of bytes, which is all that is sent.
    fn bytes_step(
        &mut self,
        config: &RequestConfig,
        typed: &Typed,
        target: &Target,
        table: String,
        is_default: bool,
    ) -> (Step, StepKeys) {
        let key = |name: &str| if is_default { table.clone() } else { format!("{table}.{name}") };
        self.refuse_http(config, &key, &OF_BYTES);
        self.refuse_parts_of_calls(config, "bytes", &key);
        self.refuse_queries(config, target, &key);
        if typed.name.is_some() && !typed.config.headers.is_empty() {
            let problem = format!("{} is a stream of bytes, and a message has no headers", target.url);
            self.wrong(&typed.at("headers"), problem, OF_BYTES.headers);
        }
        let (kind, payload) = self.message(config, is_default, "a stream of bytes", &key);
        let payload = match (payload, &target.protocol) {
            (Some(payload), TargetProtocol::Tcp { ends, .. }) => {
                if let Some(doubt) = streams::unended(&payload, ends) {
                    self.note(Diagnostic::at(key(kind.name()), doubt.problem, doubt.fix));
                }
                payload
            }
            (None, TargetProtocol::Tcp { ends, .. }) => streams::default_message(ends),
            (payload, _) => payload.unwrap_or_default(),
        };
        let request = Request::Bytes(BytesMessage { payload });
        let name = config.name.as_ref().map_or(request.what(), |Text(name)| name).to_owned();
        let message_key = if is_default { table.clone() } else { key(kind.name()) };
        let keys = StepKeys::of_request(table.clone(), table, Vec::new(), message_key);
        (step_with(config, name, request), keys)
    }

    /// What is typed of a message, if anything is.
    pub(super) fn message(
        &mut self,
        config: &RequestConfig,
        is_default: bool,
        what: &str,
        key: &impl Fn(&str) -> String,
    ) -> (SocketMessageKind, Option<Vec<Piece>>) {
        let (kind, text) = match (&config.text, &config.binary) {
            (Some(text), None) => (SocketMessageKind::Text, text),
            (None, Some(binary)) => (SocketMessageKind::Binary, binary),
            (Some(text), Some(_)) => {
                let problem = "a message is `text` or `binary`, and not both";
                self.wrong(&key("binary"), problem, "leave one out");
                (SocketMessageKind::Text, text)
            }
            (None, None) => {
                if !is_default && config.body.is_none() {
                    let problem = format!("there is no message in it, and the target is {what}");
                    self.wrong(&key("text"), problem, "write `text = \"…\"`, or `binary = \"@file\"`");
                }
                return (SocketMessageKind::Text, None);
            }
        };
        // What cannot be read is told, and something stands in its place.
        (kind, self.body(&text.0, config.template, &key(kind.name())))
    }

    /// What only a message has.
    pub(super) fn refuse_messages(
        &mut self,
        config: &RequestConfig,
        target: &Target,
        instead: &str,
        key: &impl Fn(&str) -> String,
    ) {
        let parts = [("text", &config.text), ("binary", &config.binary)];
        for (name, _) in parts.iter().filter(|(_, text)| text.is_some()) {
            let problem = format!(
                "`{name}` is a message of WebSocket, of a stream or of UDP, and {} is no target of them",
                target.url
            );
            let fix = format!("{instead}, or `ws://…`, `tcp://…` or `udp://…` as the target's URL");
            self.wrong(&key(name), problem, fix);
        }
    }

    /// What a message cannot have: it is no request.
    fn refuse_http(&mut self, config: &RequestConfig, key: &impl Fn(&str) -> String, message: &MessageWords) {
        let fix_of = |name: &str| match name {
            "method" => message.method,
            "body" | "json" | "form" | "multipart" => "write `text` or `binary` instead",
            "headers" | "bearer" | "basic" => message.headers,
            _ => message.path,
        };
        self.refuse_parts_of_http(config, &format!("a message of {}", message.what), fix_of, key);
    }

    /// What only a request of HTTP has.
    pub(super) fn refuse_parts_of_http(
        &mut self,
        config: &RequestConfig,
        what: &str,
        fix_of: impl Fn(&str) -> &'static str,
        key: &impl Fn(&str) -> String,
    ) {
        let RequestConfig { method, path, get, head, post, put, patch, delete, .. } = config;
        let given = [
            ("method", method.is_some()),
            ("path", path.is_some()),
            ("get", get.is_some()),
            ("head", head.is_some()),
            ("post", post.is_some()),
            ("put", put.is_some()),
            ("patch", patch.is_some()),
            ("delete", delete.is_some()),
            ("body", config.body.is_some()),
            ("json", config.json.is_some()),
            ("form", config.form.is_some()),
            ("multipart", config.multipart.is_some()),
            ("headers", !config.headers.is_empty()),
            ("bearer", config.bearer.is_some()),
            ("basic", config.basic.is_some()),
        ];
        for (name, _) in given.into_iter().filter(|(_, is_given)| *is_given) {
            let problem = format!("`{name}` is of a request of HTTP, and {what} has none");
            self.wrong(&key(name), problem, fix_of(name));
        }
    }

    /// Method and path, either way they may be typed: apart, or as `get = "/path"` and the like. Then the key of that, too.
    fn method_and_path(
        &mut self,
        config: &RequestConfig,
        key: &impl Fn(&str) -> String,
    ) -> (Option<String>, Option<String>, Option<String>) {
        let RequestConfig { get, head, post, put, patch, delete, .. } = config;
        let words = [
            ("get", get),
            ("head", head),
            ("post", post),
            ("put", put),
            ("patch", patch),
            ("delete", delete),
        ];
        let given: Vec<(&str, &Text)> =
            words.into_iter().filter_map(|(word, path)| Some((word, path.as_ref()?))).collect();
        let Some((word, Text(path))) = given.first() else {
            let text = |text: &Option<Text>| text.as_ref().map(|text| text.0.clone());
            return (text(&config.method).map(|method| method.to_uppercase()), text(&config.path), None);
        };
        let others = [("method", &config.method), ("path", &config.path)];
        let other = given.get(1).map(|(word, _)| *word);
        let other = other.or_else(|| others.iter().find(|(_, text)| text.is_some()).map(|(name, _)| *name));
        if let Some(other) = other {
            let problem = format!("`{word}` says method and path, and so does `{other}`");
            self.wrong(&key(other), problem, "leave one out");
        }
        (Some(word.to_uppercase()), Some(path.clone()), Some(key(word)))
    }

    /// A body: a text, which is filled in, or a file, which is if that is asked for.
    pub(super) fn body(&mut self, text: &str, is_template: Option<bool>, path: &str) -> Option<Vec<Piece>> {
        let Some(file) = text.strip_prefix('@') else {
            return match is_template {
                Some(false) => Some(vec![Piece::Bytes(text.as_bytes().to_vec())]),
                None | Some(true) => self.pieces(path, text, HolePlace::Body),
            };
        };
        let read = (self.files.whole)(file);
        let read = read.map_err(|cause| format!("body file `{file}` cannot be read: {cause}"));
        let bytes = self.take(path, read, "name a file that can be read from where Vajra is started")?;
        let has_holes = bytes.windows(template::OPEN.len()).any(|part| part == template::OPEN.as_bytes());
        match is_template {
            Some(true) => self.body_template(file, bytes, path),
            None if has_holes => {
                let problem = format!("`{file}` holds `{{{{`, and is sent as it is");
                let wrong = Diagnostic::at(path, problem, "to have it filled in");
                self.notes.push(wrong.with_values([("template", toml::Value::Boolean(true))]));
                Some(vec![Piece::Bytes(bytes)])
            }
            _ => Some(vec![Piece::Bytes(bytes)]),
        }
    }

    fn body_template(&mut self, file: &str, bytes: Vec<u8>, path: &str) -> Option<Vec<Piece>> {
        let text =
            String::from_utf8(bytes).map_err(|_| format!("`{file}` is not text, and cannot be filled in"));
        let text = self.take(path, text, "leave out `template`, so that it is sent as it is")?;
        match self.holes(HolePlace::Body, |scope| scope.pieces(&text)) {
            Ok(pieces) => Some(pieces),
            Err(wrong) => {
                for WrongHole { problem, fix, .. } in wrong {
                    self.wrong(path, format!("in `{file}`: {problem}"), fix);
                }
                None
            }
        }
    }

    /// A text with holes; each that is wrong is told at its place.
    pub(super) fn pieces(&mut self, path: &str, text: &str, place: HolePlace) -> Option<Vec<Piece>> {
        match self.holes(place, |scope| scope.pieces(text)) {
            Ok(pieces) => Some(pieces),
            Err(wrong) => {
                self.wrong_holes(path, wrong);
                None
            }
        }
    }

    /// What holes may be filled from that stand in a place.
    pub(super) fn holes<T>(&self, place: HolePlace, read: impl FnOnce(&HoleScope<'_>) -> T) -> T {
        let environment = |name: &str| self.environment.get(name);
        read(&HoleScope { environment: Some(&environment), has_values: self.has_values, place })
    }

    pub(super) fn wrong_holes(&mut self, path: &str, wrong: Vec<WrongHole>) {
        for WrongHole { part, problem, fix, .. } in wrong {
            let wrong = Diagnostic::at(path, problem, fix).spotted(Spot::Within(part));
            // What stands once in the config may stand in several requests.
            if !self.diagnostics.contains(&wrong) {
                self.diagnostics.push(wrong);
            }
        }
    }

    /// The value of a header that is a secret: nothing of it is told but that a variable is not set.
    pub(super) fn secret_value(&mut self, name: &str, value: &str, path: &str) -> Option<Vec<Piece>> {
        let wrong = match self.holes(HolePlace::Header, |scope| scope.pieces(value)) {
            Ok(pieces) => return Some(pieces),
            Err(wrong) => wrong,
        };
        let unset: Vec<WrongHole> = wrong.iter().filter(|wrong| wrong.unset.is_some()).cloned().collect();
        match unset.is_empty() {
            true => {
                let fix = "there are `{{seq}}`, `{{rand LOW HIGH}}`, `{{uuid}}` and `{{env NAME}}`";
                self.wrong(path, format!("a hole of `{name}` is wrong"), fix);
            }
            false => self.wrong_holes(path, unset),
        }
        None
    }

    /// A method that nobody knows, and that is one letter away from one that everybody does, was not meant.
    fn check_method(&mut self, method: &str, path: &str) {
        let meant = METHODS.into_iter().find(|known| strsim::osa_distance(known, method) == 1);
        if let Some(meant) = meant.filter(|_| method.len() > 2 && !METHODS.contains(&method)) {
            let wrong = Diagnostic::at(path, format!("`{method}` is no method"), "");
            self.diagnostics.push(wrong.with_value(meant));
        }
    }

    pub(super) fn headers(&mut self, table: &BTreeMap<String, Texts>, place: &str, headers: &mut Headers) {
        for (name, Texts(values)) in table {
            for (index, value) in values.iter().enumerate() {
                let path = format!("{place}.{name}");
                let path = if values.len() > 1 { format!("{path}.{index}") } else { path };
                let pieces = match redact::is_secret(name) {
                    true => self.secret_value(name, value, &path),
                    false => self.pieces(&path, value, HolePlace::Header),
                };
                if let Some(pieces) = pieces {
                    headers.headers.push((name.clone(), pieces));
                    headers.keys.push(path);
                }
            }
        }
    }
}
