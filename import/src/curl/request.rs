//! One request of curl, as its options say it.

use super::authorization;
use super::options::{self, CurlOption, CurlWord};
use crate::names;
use crate::ordered::{Ordered, json_body};
use crate::planned::{PlannedBody, PlannedRequest, REDIRECTS_MAX};
use crate::secrets::Secrets;
use crate::shell::{self, VARIABLE_CLOSE, VARIABLE_OPEN, with_variables};
use crate::urls::{self, escaped, on_the_wire};
use crate::wrong::WrongImport;

/// What stands between the parts of a form with several parts; made longer where a part has it.
const BOUNDARY: &str = "----vajra-form";
const FORM: &str = "application/x-www-form-urlencoded";

/// A request that curl would send.
#[derive(Clone, Debug, Default)]
pub(super) struct CurlRequest {
    pub(super) base: String,
    pub(super) timeout_s: Option<f64>,
    pub(super) connect_timeout_s: Option<f64>,
    pub(super) version: Option<&'static str>,
    pub(super) is_insecure: bool,
    /// Keys of `[tls]`, each with a file.
    pub(super) tls: Vec<(&'static str, String)>,
    path: String,
    method: Option<String>,
    headers: Vec<(String, String)>,
    user: Option<String>,
    /// Parts of a body, in order; curl puts `&` between them, but for those of `--json`.
    data: Vec<DataPart>,
    form: Vec<(String, String)>,
    is_head: bool,
    is_get: bool,
    is_json: bool,
    /// Redirects are followed.
    is_led: bool,
}

#[derive(Clone, Debug, PartialEq)]
enum DataPart {
    Text(String),
    File(String),
}

/// The requests of one command: one for each URL, which share what stands before `--next`.
pub(super) fn read(words: &[String], notes: &mut Vec<String>) -> Result<Vec<CurlRequest>, WrongImport> {
    let read = options::read(words);
    let mut requests = Vec::new();
    for part in read.split(|word| *word == CurlWord::Next) {
        let (mut common, mut urls) = (CurlRequest::default(), Vec::new());
        for word in part {
            match word {
                CurlWord::Plain(url) => urls.push(url.clone()),
                CurlWord::Option { option: CurlOption::Url, value: Some(url), .. } => urls.push(url.clone()),
                CurlWord::Option { typed, option, value } => {
                    common.apply(typed, *option, value.clone().unwrap_or_default(), notes)?;
                }
                CurlWord::Unknown(typed) => notes.push(format!("`{typed}` is not known, and left out")),
                CurlWord::Lacking(typed) => {
                    return Err(WrongImport::new(
                        "an option of curl lacks its value",
                        format!("write it behind `{typed}`"),
                    )
                    .at(format!("option {typed}")));
                }
                CurlWord::Next => {}
            }
        }
        if urls.is_empty() {
            let fix = "write the URL as a word of its own, in quotes: `curl 'http://10.0.0.2/items?page=1'`";
            return Err(WrongImport::new("a curl command has no URL", fix));
        }
        for url in urls {
            requests.push(common.clone().at(&url)?);
        }
    }
    Ok(requests)
}

impl CurlRequest {
    fn apply(
        &mut self,
        typed: &str,
        option: CurlOption,
        value: String,
        notes: &mut Vec<String>,
    ) -> Result<(), WrongImport> {
        let seconds = |value: &str| {
            let read = value.parse::<f64>().ok().filter(|seconds| *seconds > 0.0 && *seconds < 4e6);
            read.ok_or_else(|| {
                WrongImport::new(format!("`{value}` is no time in seconds"), format!("write `{typed} 2.5`"))
                    .at(format!("option {typed}"))
            })
        };
        match option {
            CurlOption::Method if names::is_method(&value) => self.method = Some(value),
            CurlOption::Method => {
                let shown = shell::shown(&value);
                let fix = "write one such as GET, POST, PUT, PATCH or DELETE";
                return Err(
                    WrongImport::new(format!("`{shown}` is no method"), fix).at(format!("option {typed}"))
                );
            }
            CurlOption::Header => self.header(&value, notes),
            CurlOption::Data | CurlOption::DataBinary => self.data_or_file(typed, option, &value, notes),
            CurlOption::DataRaw => self.data.push(DataPart::Text(value)),
            CurlOption::DataUrlencode => self.urlencoded(&value, notes),
            CurlOption::Json => {
                self.is_json = true;
                self.data_or_file(typed, option, &value, notes);
            }
            CurlOption::Form | CurlOption::FormString => self.form_part(option, &value, notes),
            CurlOption::User => self.user = Some(value),
            CurlOption::Bearer => self.headers.push(("Authorization".into(), format!("Bearer {value}"))),
            CurlOption::Cookie if value.contains('=') => self.headers.push(("Cookie".into(), value)),
            CurlOption::Cookie => notes
                .push(format!("cookies of the file `{value}` are left out: write them as `-b 'name=value'`")),
            CurlOption::Agent => self.headers.push(("User-Agent".into(), value)),
            CurlOption::Referer => self.headers.push(("Referer".into(), value)),
            CurlOption::Range => self.headers.push(("Range".into(), format!("bytes={value}"))),
            CurlOption::Head => self.is_head = true,
            CurlOption::Get => self.is_get = true,
            CurlOption::Insecure => self.is_insecure = true,
            CurlOption::Compressed => {
                self.headers.push(("Accept-Encoding".into(), "gzip, deflate, br".into()))
            }
            CurlOption::Http1 => self.version = Some("1.1"),
            CurlOption::Http2 => self.version = Some("2"),
            CurlOption::Http2Unasked => self.version = Some("2-prior-knowledge"),
            CurlOption::Location => self.is_led = true,
            CurlOption::MaxTime => self.timeout_s = Some(seconds(&value)?),
            CurlOption::ConnectTimeout => self.connect_timeout_s = Some(seconds(&value)?),
            CurlOption::Upload => {
                self.method.get_or_insert_with(|| "PUT".to_owned());
                self.data.push(DataPart::File(value));
            }
            CurlOption::CaFile => self.tls.push(("ca", value)),
            CurlOption::Certificate => self.tls.push(("cert", value)),
            CurlOption::Key => self.tls.push(("key", value)),
            CurlOption::LeftOut => notes.push(format!("`{typed}` is not imported, and left out")),
            CurlOption::Silent | CurlOption::Url => {}
        }
        Ok(())
    }

    /// `Name: value`; `Name;` is one without a value, and `Name:` takes one of curl's own away, of which there are none here.
    fn header(&mut self, text: &str, notes: &mut Vec<String>) {
        if let Some(file) = text.strip_prefix('@') {
            notes
                .push(format!("headers of the file `{file}` are left out: write each as `-H 'Name: value'`"));
            return;
        }
        match text.split_once(':') {
            Some((name, value)) if !value.trim().is_empty() => {
                self.headers.push((name.trim().to_owned(), value.trim().to_owned()));
            }
            _ => notes.push(format!("`-H '{text}'` sends no value, and is left out")),
        }
    }

    fn data_or_file(&mut self, typed: &str, option: CurlOption, value: &str, notes: &mut Vec<String>) {
        match value.strip_prefix('@') {
            Some("-") => {
                notes.push(format!("`{typed} @-` is left out: what is on standard input is not known"))
            }
            Some(file) => {
                if option == CurlOption::Data {
                    notes.push(format!("curl takes the line breaks out of `{file}`; it is sent as it is"));
                }
                self.data.push(DataPart::File(file.to_owned()));
            }
            None => self.data.push(DataPart::Text(value.to_owned())),
        }
    }

    /// `content`, `=content`, `name=content`, `@file`, `name@file`.
    fn urlencoded(&mut self, value: &str, notes: &mut Vec<String>) {
        match value.split_once('=') {
            Some(("", content)) => self.data.push(DataPart::Text(escaped(content))),
            Some((name, content)) => self.data.push(DataPart::Text(format!("{name}={}", escaped(content)))),
            None if value.contains('@') => {
                notes.push(format!(
                    "`--data-urlencode {value}` is left out: a file is not read to be encoded"
                ));
            }
            None => self.data.push(DataPart::Text(escaped(value))),
        }
    }

    fn form_part(&mut self, option: CurlOption, value: &str, notes: &mut Vec<String>) {
        match value.split_once('=') {
            Some((name, content)) if option == CurlOption::Form && content.starts_with(['@', '<']) => {
                notes.push(format!("the file of the form's part `{name}` is left out: `multipart = {{ {name} = \"{content}\" }}` sends it"));
            }
            // What stands behind a semicolon is about the part, such as its type.
            Some((name, content)) if option == CurlOption::Form => {
                let content = content.split(";type=").next().unwrap_or(content);
                self.form.push((name.to_owned(), content.to_owned()));
            }
            Some((name, content)) => self.form.push((name.to_owned(), content.to_owned())),
            None => notes.push(format!("the form's part `{value}` has no value, and is left out")),
        }
    }

    /// The same with its URL taken apart.
    fn at(mut self, url: &str) -> Result<CurlRequest, WrongImport> {
        let whole = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
        let split = urls::split(&whole).filter(|split| !split.base.contains([VARIABLE_OPEN, VARIABLE_CLOSE]));
        let Some(split) = split else {
            let shown = shell::shown(url);
            let fix = "write `http://` or `https://`, a host, and a path; a host that is a variable has to be filled in";
            return Err(
                WrongImport::new(format!("`{shown}` is no URL of HTTP"), fix).at(format!("URL {shown}"))
            );
        };
        // A path that was typed may hold what only its shell took out, which is put back later.
        (self.base, self.path) = (split.base, split.path);
        // For the password of a user in a URL curl does not ask: there is none. What a variable holds is not known.
        let without_password = |user: &String| !user.contains(':') && !user.contains(VARIABLE_OPEN);
        let in_url = split.user.map(|user| if without_password(&user) { format!("{user}:") } else { user });
        self.user = self.user.or(in_url);
        Ok(self)
    }

    /// As it stands in a plan.
    pub(super) fn planned(&self, secrets: &mut Secrets, notes: &mut Vec<String>) -> PlannedRequest {
        let (mut path, mut headers) = (self.path.clone(), self.headers.clone());
        let has = |headers: &[(String, String)], name: &str| {
            headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name))
        };
        let mut body = self.body(notes);
        if self.is_get
            && let PlannedBody::Text(query) = &body
        {
            path = format!("{path}{}{}", if path.contains('?') { '&' } else { '?' }, on_the_wire(query));
            body = PlannedBody::Absent;
        }
        let is_sent = body != PlannedBody::Absent;
        if is_sent && !has(&headers, "content-type") {
            let kind = match (self.is_json, self.form.is_empty()) {
                (true, _) => "application/json".to_owned(),
                (false, true) => FORM.to_owned(),
                (false, false) => format!("multipart/form-data; boundary={}", self.boundary()),
            };
            headers.push(("Content-Type".into(), kind));
        }
        if self.is_json && !has(&headers, "accept") {
            headers.push(("Accept".into(), "application/json".into()));
        }
        let method = match (&self.method, self.is_head) {
            (Some(method), _) => method.clone(),
            (None, true) => "HEAD".to_owned(),
            (None, false) if is_sent => "POST".to_owned(),
            (None, false) => "GET".to_owned(),
        };
        let place = format!("{method} {}", self.path.split('?').next().unwrap_or("/"));
        let path = match with_variables(&path).split_once('?') {
            Some((path, query)) => format!("{path}?{}", secrets.hidden_fields(query, &place)),
            None => with_variables(&path),
        };
        let credentials = authorization::taken(&mut headers, self.user.as_deref(), &place, secrets, notes);
        let mut planned = PlannedRequest { method, path, credentials, ..Default::default() };
        planned.headers = headers
            .into_iter()
            .filter_map(|(name, value)| header_text(&name, &value, &place, secrets, notes))
            .collect();
        // As many curl follows where it is told nothing else.
        planned.redirects = self.is_led.then_some(REDIRECTS_MAX);
        planned.body = body_text(body, &place, secrets, notes);
        planned.drop_unsendable(&place, notes);
        planned
    }

    fn body(&self, notes: &mut Vec<String>) -> PlannedBody {
        if !self.form.is_empty() {
            if !self.data.is_empty() {
                notes.push("curl refuses `-d` beside `-F`; the form is in the plan".to_owned());
            }
            return PlannedBody::Text(self.multipart());
        }
        match self.data.as_slice() {
            [] => PlannedBody::Absent,
            [DataPart::File(file)] => PlannedBody::File(file.clone()),
            parts => {
                let texts = parts.iter().filter_map(|part| match part {
                    DataPart::Text(text) => Some(text.as_str()),
                    DataPart::File(file) => {
                        notes.push(format!(
                            "the file `{file}` is left out: a body is a text or a file, not both"
                        ));
                        None
                    }
                });
                PlannedBody::Text(texts.collect::<Vec<_>>().join(if self.is_json { "" } else { "&" }))
            }
        }
    }

    fn boundary(&self) -> String {
        let mut boundary = BOUNDARY.to_owned();
        while self.form.iter().any(|(name, value)| name.contains(&boundary) || value.contains(&boundary)) {
            boundary.push('-');
        }
        boundary
    }

    fn multipart(&self) -> String {
        let boundary = self.boundary();
        let part = |(name, value): &(String, String)| {
            let name = name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A");
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        format!("{}--{boundary}--\r\n", self.form.iter().map(part).collect::<String>())
    }
}

fn header_text(
    name: &str,
    value: &str,
    place: &str,
    secrets: &mut Secrets,
    notes: &mut Vec<String>,
) -> Option<(String, String)> {
    if value.contains("{{") {
        notes.push(format!("{place}: the header {name} is left out: `{{{{` stands for a hole in a plan"));
        return None;
    }
    if value.contains(VARIABLE_OPEN) {
        return Some((name.to_owned(), with_variables(value)));
    }
    Some((name.to_owned(), secrets.hidden(name, value, place)))
}

fn body_text(body: PlannedBody, place: &str, secrets: &mut Secrets, notes: &mut Vec<String>) -> PlannedBody {
    let PlannedBody::Text(text) = body else { return body };
    if text.starts_with('@') {
        notes.push(format!("{place}: the body is left out: `@` at its beginning names a file in a plan"));
        return PlannedBody::Absent;
    }
    if !text.contains("{{") {
        return PlannedBody::Text(without_secrets(&with_variables(&text), place, secrets));
    }
    if text.contains(VARIABLE_OPEN) {
        notes.push(format!(
            "{place}: variables in the body are sent as they are: it has `{{{{` in it, which is no hole"
        ));
    }
    PlannedBody::Literal(shell::shown(&text))
}

/// A body of JSON or a form whose secrets are variables. One that has none stays as it was typed.
fn without_secrets(text: &str, place: &str, secrets: &mut Secrets) -> String {
    let Some(document) = json_body(text) else {
        // What is no form has no fields that are called by the name of a secret.
        let is_form =
            text.split('&').all(|field| field.split_once('=').is_some_and(|(name, _)| !name.contains(' ')));
        return if is_form { secrets.hidden_fields(text, place) } else { text.to_owned() };
    };
    let mut hidden = Vec::new();
    document.each_scalar(&mut |pointer, value| {
        let name = pointer.rsplit('/').next().unwrap_or(pointer);
        if let Ordered::Text(value) = value {
            let written = secrets.hidden(name, value, place);
            hidden.extend((written != *value).then(|| (pointer.to_owned(), written)));
        }
    });
    if hidden.is_empty() {
        return text.to_owned();
    }
    let text_at = |pointer: &str| {
        let found = hidden.iter().find(|(at, _)| at == pointer);
        found.map(|(_, written)| Ordered::Text(written.replace("}}", " | json}}")))
    };
    document.replaced(&text_at).to_json()
}
