//! The requests of a scenario, as typed, to its steps.

use super::keys::StepKeys;
use super::{PlanReader, TIMEOUT_NS_DEFAULT, Typed};
use crate::config::{RequestConfig, Text, Texts};
use crate::plan::fields::{HttpRequest, Request, Step, Target};
use crate::redact;
use crate::template::{self, Piece};
use std::collections::BTreeMap;

const HOLES: &str = "holes look like `{{seq}}`";

/// Headers, and the key of each.
#[derive(Default)]
struct Headers {
    headers: Vec<(String, Vec<Piece>)>,
    keys: Vec<String>,
}

impl PlanReader<'_> {
    /// The steps of a scenario whose requests go to a target, by the pool of a number.
    pub(super) fn steps(&mut self, typed: &Typed, target: &Target, pool: usize) -> Vec<Step> {
        let config = &typed.config;
        let one_get = [RequestConfig::default()];
        let (written, is_default) = match config.request.as_slice() {
            [] => (&one_get[..], true),
            written => (written, false),
        };
        let timeout_key =
            if config.timeout.is_some() { typed.at("timeout") } else { "run.timeout".to_owned() };
        let timeout = config.timeout.clone().or_else(|| self.config.run.timeout.clone());
        let timeout_ns = self.positive(&timeout, &timeout_key, TIMEOUT_NS_DEFAULT);
        let mut common = Headers::default();
        self.headers(&self.config.headers, "headers", &mut common);
        // A target of the scenario's own has its name, and may not be the one that the plan calls so.
        if typed.config.url.is_none()
            && let Some(named) = self.config.target.get(&target.name)
        {
            self.headers(&named.headers, &format!("target.{}.headers", target.name), &mut common);
        }
        if typed.name.is_some() {
            self.headers(&config.headers, &typed.at("headers"), &mut common);
        }
        let url_key = typed.at("url");
        let mut steps = Vec::new();
        for (index, request) in written.iter().enumerate() {
            let table = if is_default { url_key.clone() } else { typed.at(&format!("request.{index}")) };
            let (step, keys) = self.step(request, target, &common, table, is_default);
            steps.push(Step { pool, timeout_ns, ..step });
            self.current().steps.push(keys);
        }
        self.current().timeout = timeout_key;
        steps
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
        let body = config.body.as_ref().and_then(|body| self.body(&body.0, &key("body")));
        let (word, path, word_key) = self.method_and_path(config, &key);
        let method = match word {
            Some(method) => method,
            None => if body.is_some() { "POST" } else { "GET" }.to_owned(),
        };
        let path_key = if is_default { table.clone() } else { word_key.unwrap_or_else(|| key("path")) };
        let path_text = path.unwrap_or_else(|| target.url.path.clone());
        let name =
            config.name.as_ref().map_or_else(|| format!("{method} {path_text}"), |name| name.0.clone());
        // A query alone is one of the root.
        let from_root = if path_text.starts_with('?') { format!("/{path_text}") } else { path_text };
        let path = self.take(&path_key, template::parse(&from_root), HOLES);
        let mut headers = Headers { headers: common.headers.clone(), keys: common.keys.clone() };
        self.headers(&config.headers, &key("headers"), &mut headers);
        let keys = StepKeys { path: path_key, method: key("method"), headers: headers.keys, table };
        let path = path.unwrap_or_else(|| vec![Piece::Bytes(b"/".to_vec())]);
        let request = Request::Http(HttpRequest { method, path, headers: headers.headers, body });
        (Step { name, weight: config.weight.unwrap_or(1), pool: 0, timeout_ns: 0, request }, keys)
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

    fn body(&mut self, text: &str, path: &str) -> Option<Vec<Piece>> {
        let Some(file) = text.strip_prefix('@') else {
            return self.take(path, template::parse(text), HOLES);
        };
        let bytes =
            (self.read_file)(file).map_err(|cause| format!("body file `{file}` cannot be read: {cause}"));
        let fix = "name a file that can be read, relative to where Vajra is started";
        Some(vec![Piece::Bytes(self.take(path, bytes, fix)?)])
    }

    fn headers(&mut self, table: &BTreeMap<String, Texts>, place: &str, headers: &mut Headers) {
        for (name, Texts(values)) in table {
            for value in values {
                let path = format!("{place}.{name}");
                let parsed = match redact::is_secret(name) {
                    true => template::parse(value)
                        .map_err(|_| format!("the holes of `{name}` are not well-formed")),
                    false => template::parse(value),
                };
                if let Some(pieces) = self.take(&path, parsed, HOLES) {
                    headers.headers.push((name.clone(), pieces));
                    headers.keys.push(path);
                }
            }
        }
    }
}
