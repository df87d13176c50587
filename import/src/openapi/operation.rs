//! An operation of OpenAPI as a request: its parameters, its body, and how it says who asks.

use super::described::Described;
use super::samples;
use crate::ordered::Ordered;
use crate::planned::{PlannedBody, PlannedRequest};
use crate::urls::{escaped, on_the_wire};
use std::collections::BTreeSet;

/// Headers that OpenAPI keeps out of parameters, because something else says them.
const NOT_PARAMETERS: [&str; 3] = ["accept", "content-type", "authorization"];

/// An operation, where it stands.
pub(super) struct DescribedOperation<'d> {
    pub(super) method: String,
    pub(super) path: &'d str,
    pub(super) item: &'d Ordered,
    pub(super) operation: &'d Ordered,
}

/// What is said about all requests together.
#[derive(Default)]
pub(super) struct OperationFindings {
    pub(super) notes: Vec<String>,
    /// Variables that have to be set, each with what it is.
    pub(super) variables: BTreeSet<(String, &'static str)>,
}

impl<'d> DescribedOperation<'d> {
    /// All operations, in the order of the document.
    pub(super) fn all(described: &'d Described) -> Vec<DescribedOperation<'d>> {
        const METHODS: [&str; 8] = ["get", "head", "post", "put", "patch", "delete", "options", "trace"];
        let paths = described.root.get("paths").map(Ordered::entries).unwrap_or_default();
        let mut all = Vec::new();
        // What begins otherwise is no path, but a key of one's own.
        for (path, item) in paths.iter().filter(|(path, _)| path.starts_with('/')) {
            let Some(item) = described.resolved(item) else { continue };
            let operations = item.entries().iter().filter(|(method, _)| METHODS.contains(&method.as_str()));
            all.extend(operations.map(|(method, operation)| DescribedOperation {
                method: method.to_ascii_uppercase(),
                path,
                item,
                operation,
            }));
        }
        all
    }

    /// Its `operationId`.
    pub(super) fn id(&self) -> Option<&'d str> {
        self.operation.get("operationId").and_then(Ordered::text)
    }

    /// What it is called: its id, or its method and path.
    pub(super) fn title(&self) -> String {
        self.id().map_or_else(|| format!("{} {}", self.method, self.path), str::to_owned)
    }

    /// As a request below a path.
    pub(super) fn request(
        &self,
        described: &Described,
        prefix: &str,
        findings: &mut OperationFindings,
    ) -> PlannedRequest {
        let mut request = PlannedRequest {
            name: Some(self.title()),
            method: self.method.clone(),
            weight: Some(1),
            ..Default::default()
        };
        let (mut path, mut query) = (self.path.to_owned(), Vec::new());
        if path.contains("{{") {
            path = path.replace("{{", "%7B%7B").replace("}}", "%7D%7D");
        }
        for parameter in self.parameters(described) {
            let text = |key: &str| parameter.get(key).and_then(Ordered::text).unwrap_or_default();
            let (name, place) = (text("name"), text("in"));
            let is_required = parameter.get("required") == Some(&Ordered::Bool(true)) || place == "path";
            let is_said = place == "header" && NOT_PARAMETERS.contains(&name.to_ascii_lowercase().as_str());
            if !is_required || is_said {
                continue;
            }
            let Some((value, is_hole)) = samples::of_parameter(described, parameter) else {
                findings.notes.push(format!(
                    "{}: nothing is known of the parameter `{name}`; write its value",
                    self.title()
                ));
                continue;
            };
            let in_url = if is_hole { value.clone() } else { escaped(&value) };
            match place {
                "path" => path = path.replace(&format!("{{{name}}}"), &in_url),
                "query" => query.push(format!("{}={in_url}", escaped(name))),
                "header" => request.headers.push((name.to_owned(), value)),
                "cookie" => request.headers.push(("Cookie".to_owned(), format!("{name}={value}"))),
                _ => {}
            }
        }
        self.security(described, &mut query, &mut request, findings);
        if self.path.contains("{{") || path.replace("{{", "").contains('{') {
            findings
                .notes
                .push(format!("{}: the path has a part that no parameter describes: {path}", self.title()));
        }
        let question = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
        // Blanks in a hole are none of the path.
        let path = path.split("{{").map(|part| {
            part.split_once("}}")
                .map_or_else(|| on_the_wire(part), |(hole, rest)| format!("{hole}}}}}{}", on_the_wire(rest)))
        });
        request.path = format!("{prefix}{}{question}", path.collect::<Vec<_>>().join("{{"));
        self.body(described, &mut request, findings);
        request.drop_unsendable(&self.title(), &mut findings.notes);
        request
    }

    /// Parameters of the path, and those of the operation in their place.
    fn parameters<'a>(&self, described: &'a Described) -> Vec<&'a Ordered>
    where
        'd: 'a,
    {
        let mut parameters: Vec<&'a Ordered> = Vec::new();
        for part in [self.item, self.operation] {
            let listed = part.get("parameters").map(Ordered::items).unwrap_or_default();
            for parameter in listed.iter().filter_map(|parameter| described.resolved(parameter)) {
                let is_same =
                    |known: &&Ordered| ["name", "in"].iter().all(|key| known.get(key) == parameter.get(key));
                match parameters.iter_mut().find(|known| is_same(known)) {
                    Some(known) => *known = parameter,
                    None => parameters.push(parameter),
                }
            }
        }
        parameters
    }

    /// The first way to say who asks, with variables in the place of credentials.
    fn security(
        &self,
        described: &Described,
        query: &mut Vec<String>,
        request: &mut PlannedRequest,
        findings: &mut OperationFindings,
    ) {
        let wanted = self.operation.get("security").or_else(|| described.root.get("security"));
        let Some(first) = wanted.and_then(|wanted| wanted.items().first()) else { return };
        for (name, _) in first.entries() {
            let schemes = described.root.pointer("/components/securitySchemes");
            let Some(scheme) = schemes.and_then(|schemes| described.part(schemes, name)) else { continue };
            let text = |key: &str| scheme.get(key).and_then(Ordered::text).unwrap_or_default();
            let mut variable = |name: &str, what| {
                findings.variables.insert((name.to_owned(), what));
                format!("{{{{env {name}}}}}")
            };
            match (text("type"), text("scheme").to_ascii_lowercase().as_str(), text("in")) {
                ("http", "basic", _) => {
                    let value = format!("Basic {}", variable("API_BASIC", "NAME:PASSWORD in base64"));
                    request.headers.push(("Authorization".to_owned(), value));
                }
                ("http" | "oauth2" | "openIdConnect", _, _) => {
                    let value = format!("Bearer {}", variable("API_TOKEN", "an access token"));
                    request.headers.push(("Authorization".to_owned(), value));
                }
                ("apiKey", _, "query") => query.push(format!(
                    "{}={}",
                    escaped(text("name")),
                    variable("API_KEY", "the key of the API")
                )),
                ("apiKey", _, "cookie") => {
                    let value = format!("{}={}", text("name"), variable("API_KEY", "the key of the API"));
                    request.headers.push(("Cookie".to_owned(), value));
                }
                ("apiKey", _, _) => {
                    request
                        .headers
                        .push((text("name").to_owned(), variable("API_KEY", "the key of the API")));
                }
                (kind, ..) => findings
                    .notes
                    .push(format!("{}: security of the type `{kind}` is left out", self.title())),
            }
        }
    }

    fn body(&self, described: &Described, request: &mut PlannedRequest, findings: &mut OperationFindings) {
        let Some(body) = described.part(self.operation, "requestBody") else { return };
        let content = body.get("content").map(Ordered::entries).unwrap_or_default();
        let is_json = |kind: &str| kind.starts_with("application/json") || kind.contains("+json");
        let chosen = content.iter().find(|(kind, _)| is_json(kind)).or_else(|| content.first());
        let Some((kind, media)) = chosen else { return };
        let value = samples::example(described, media)
            .or_else(|| samples::of_schema(described, media.get("schema")?));
        let Some(value) = value else {
            findings.notes.push(format!("{}: nothing is known of the body; write one", self.title()));
            return;
        };
        let fields = || {
            let fields = value.entries().iter();
            fields
                .filter_map(|(name, value)| {
                    Some((name.clone(), value.scalar()?.replace(" | number}}", "}}")))
                })
                .collect::<Vec<_>>()
        };
        if is_json(kind) {
            if kind != "application/json" {
                request.headers.push(("Content-Type".to_owned(), kind.clone()));
            }
            match value.text() {
                // An example may be the body as it goes over the wire.
                Some(text) if text.trim_start().starts_with(['{', '[']) && !text.starts_with("{{") => {
                    request.headers.push(("Content-Type".to_owned(), kind.clone()));
                    request.headers.dedup();
                    request.body = PlannedBody::Literal(text.to_owned());
                }
                _ => request.set_json(value),
            }
        } else if kind.starts_with("application/x-www-form-urlencoded") {
            request.body = PlannedBody::Form(fields());
        } else if kind.starts_with("multipart/form-data") {
            findings.notes.push(format!("{}: parts of its form that are files are texts here", self.title()));
            request.body = PlannedBody::Multipart(fields());
        } else if let Some(text) = value.text().filter(|text| !text.starts_with('@')) {
            request.headers.push(("Content-Type".to_owned(), kind.clone()));
            request.body = PlannedBody::Text(text.to_owned());
        } else {
            findings
                .notes
                .push(format!("{}: a body of the type `{kind}` is not made; write one", self.title()));
        }
    }
}
