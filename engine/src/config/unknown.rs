//! Keys that no plan has: what each was probably meant to be, and reading on as if it had been written so.

use super::document::Format;
use super::draft::{PlanDraft, joined};
use super::foreign::{self, Ours, TableKind};
use super::form::{Forms, ValueForm};
use super::likeness::closest;
use toml::Value;

/// Tells all keys that no plan has. Each is then where it was meant to be, or gone.
pub(super) fn settle(draft: &mut PlanDraft, forms: &Forms) {
    // What was moved may hold unknown keys itself. Each round leaves fewer.
    loop {
        let mut found = Vec::new();
        let whole = Value::Table(draft.table.clone());
        collect(&whole, forms.root(), forms, &mut Vec::new(), &mut found);
        if found.is_empty() {
            return;
        }
        for (table, key) in found {
            settle_key(draft, forms, &table, &key);
        }
    }
}

/// The unknown keys in a value, each with the path of its table.
fn collect(
    value: &Value,
    form: ValueForm,
    forms: &Forms,
    path: &mut Vec<String>,
    found: &mut Vec<(Vec<String>, String)>,
) {
    let members: Vec<(String, &Value)> = match value {
        Value::Table(table) => table.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Value::Array(values) if matches!(form, ValueForm::Tables(_) | ValueForm::Conditions(_)) => {
            values.iter().enumerate().map(|(index, value)| (index.to_string(), value)).collect()
        }
        _ => return,
    };
    // A table where a list of them is meant is put right later, and so is a list where a table is; neither has keys before.
    if value.is_table() && matches!(form, ValueForm::Tables(_)) {
        return;
    }
    for (key, value) in members {
        match forms.inner(form, &key) {
            Some(inner) => {
                path.push(key);
                collect(value, inner, forms, path, found);
                path.pop();
            }
            None if matches!(form, ValueForm::Table(_) | ValueForm::Conditions(_)) => {
                found.push((path.clone(), key))
            }
            None => {}
        }
    }
}

/// What kind of table is at a path.
pub(super) fn kind_of(path: &[String]) -> TableKind {
    let words: Vec<&str> = path.iter().map(String::as_str).collect();
    match words[..] {
        [] => TableKind::Top,
        ["run"] => TableKind::Run,
        ["scenario", _] => TableKind::Scenario,
        ["target", _] => TableKind::Target,
        ["tls"] | ["target", _, "tls"] => TableKind::Tls,
        ["http"] | ["target", _, "http"] => TableKind::Http,
        ["websocket"] | ["target", _, "websocket"] => TableKind::WebSocket,
        ["tcp"] | ["target", _, "tcp"] => TableKind::Tcp,
        ["udp"] | ["target", _, "udp"] => TableKind::Udp,
        [.., "load"] | [.., "stages", _] => TableKind::Load,
        [.., "request", _] => TableKind::Request,
        _ => TableKind::Free,
    }
}

fn settle_key(draft: &mut PlanDraft, forms: &Forms, table: &[String], key: &str) {
    let from = joined(table, key);
    let problem = format!("unknown key `{key}`");
    match advice(draft, forms, table, key) {
        Advice::Move { to, fix } => {
            draft.tell_key(&from, problem, fix);
            draft.shift(&from, &to);
        }
        Advice::Guess { to, fix } => {
            draft.tell_key(&from, problem, fix);
            draft.shift(&from, &to);
            // It may have been meant otherwise, so nothing that follows from it is told.
            draft.doubtful.push(from.join("."));
        }
        Advice::Spread(fix) => {
            draft.tell_key(&from, problem, fix);
            spread(draft, &from, table);
        }
        Advice::Say(fix) => {
            draft.tell_key(&from, problem, fix);
            draft.doubt(&from);
        }
    }
}

/// What to do with an unknown key.
enum Advice {
    /// It was meant to be there.
    Move { to: Vec<String>, fix: String },
    /// It was probably meant to be there.
    Guess { to: Vec<String>, fix: String },
    /// Its own keys were meant to be in the table around it.
    Spread(String),
    /// Nobody can say, or only in words.
    Say(String),
}

fn spread(draft: &mut PlanDraft, from: &[String], table: &[String]) {
    let inner: Vec<String> = match draft.at(from) {
        Some(Value::Table(inner)) => inner.keys().cloned().collect(),
        _ => Vec::new(),
    };
    for key in inner {
        draft.shift(&joined(from, key.as_str()), &joined(table, key));
    }
    draft.take(from);
}

fn advice(draft: &mut PlanDraft, forms: &Forms, table: &[String], key: &str) -> Advice {
    let value = draft.at(&joined(table, key)).cloned();
    let kind = kind_of(table);
    match (kind, key, &value) {
        // A number of requests is no list of them.
        (TableKind::Top, "requests", Some(Value::Integer(_) | Value::String(_))) => {
            return moved(draft.format, table, &["run", "requests"].map(String::from));
        }
        (TableKind::Request, "url" | "uri", Some(Value::String(url))) if url.contains("://") => {
            return whole_url(draft.format, table, url);
        }
        _ => {}
    }
    match foreign::meant(kind, key) {
        Some(Ours::Key(path)) => {
            let base = if kind == TableKind::Run { &[] } else { table };
            let to: Vec<String> = base.iter().cloned().chain(path.split('.').map(String::from)).collect();
            return moved(draft.format, table, &to);
        }
        Some(Ours::Words(words)) => return Advice::Say(words.to_owned()),
        Some(Ours::Inside) if value.as_ref().is_some_and(Value::is_table) => {
            let fix = "leave it out; its keys stand in tables of their own, as told below";
            return Advice::Spread(fix.to_owned());
        }
        _ => {}
    }
    guessed(draft, forms, table, key)
}

/// A key by its own name in another table, or by a name like it in this one or another.
fn guessed(draft: &PlanDraft, forms: &Forms, table: &[String], key: &str) -> Advice {
    let own = forms.at(&words(table)).map(|form| forms.keys(form)).unwrap_or_default();
    let homes = homes(table);
    let keys_of = |home: &[String]| forms.at(&words(home)).map(|form| forms.keys(form)).unwrap_or_default();
    if let Some(home) = homes.iter().find(|home| keys_of(home).contains(&key)) {
        return moved(draft.format, table, &joined(home, key));
    }
    if let Some(guess) = closest(key, &own) {
        let form = forms.at(&words(&joined(table, guess)));
        let shown = match form {
            Some(ValueForm::Tables(_)) => draft.format.table(&words(&joined(table, guess))),
            _ => guess.to_owned(),
        };
        return Advice::Guess { to: joined(table, guess), fix: format!("did you mean `{shown}`?") };
    }
    let like = homes.iter().find_map(|home| Some((home, closest(key, &keys_of(home))?)));
    if let Some((home, guess)) = like.filter(|_| key.len() > 3) {
        return moved(draft.format, table, &joined(home, guess));
    }
    Advice::Say(format!("known here: {}", own.join(", ")))
}

/// Where else a key might belong, the likeliest first.
fn homes(table: &[String]) -> Vec<Vec<String>> {
    let scope = match table {
        [word, name, ..] if word == "scenario" => vec![word.clone(), name.clone()],
        _ => Vec::new(),
    };
    let target = match table {
        [word, name, ..] if word == "target" => vec![word.clone(), name.clone()],
        _ => Vec::new(),
    };
    let mut homes = vec![scope.clone()];
    if !target.is_empty() {
        homes.push(target.clone());
    }
    if !scope.is_empty() {
        homes.push(Vec::new());
    }
    homes.push(vec!["run".to_owned()]);
    homes.push(joined(&scope, "load"));
    homes.push(joined(&joined(&scope, "request"), "0"));
    homes.extend(["tls", "http", "websocket", "tcp", "udp"].map(|word| joined(&target, word)));
    homes.retain(|home| home != table && kind_of(home) != kind_of(table));
    homes
}

/// A key that belongs elsewhere, or is called otherwise.
fn moved(format: Format, table: &[String], to: &[String]) -> Advice {
    let (key, parents) = to.split_last().expect("a key has a name");
    let to_own = to.to_vec();
    let whole: Vec<&str> = to.iter().map(String::as_str).collect();
    // What is a table by itself is written by its header, wherever that is.
    let header = match (kind_of(parents), key.as_str()) {
        (TableKind::Top, "scenario" | "target" | "feed") => Some(format.table(&[key, "NAME"])),
        (_, "request" | "stages") => Some(format.table(&whole)),
        (TableKind::Top, "headers" | "thresholds" | "tls" | "http" | "websocket" | "tcp" | "udp") => {
            Some(format.table(&whole))
        }
        _ => None,
    };
    if let Some(header) = header {
        return Advice::Move { to: to_own, fix: format!("write `{header}`") };
    }
    if parents == table {
        return Advice::Move { to: to_own, fix: format!("write `{key}` instead") };
    }
    if parents.is_empty() {
        let fix = format!("`{key}` stands at the top: {}", format.top());
        return Advice::Move { to: to_own, fix };
    }
    let named: Vec<&str> = parents
        .iter()
        .map(String::as_str)
        .filter(|part| !part.bytes().all(|byte| byte.is_ascii_digit()))
        .collect();
    let fix = format!("write `{key}` under `{}`", format.table(&named));
    // What a list has it cannot be given by a path; nor is it known which of its tables is meant.
    if parents.iter().any(|part| part == "0") {
        return Advice::Say(fix);
    }
    Advice::Move { to: to_own, fix }
}

/// A request whose whole URL is written: its path stands in the request, the rest of it is the plan's.
fn whole_url(format: Format, table: &[String], url: &str) -> Advice {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.find('/').map_or("/", |at| &rest[at..]);
    let base = &url[..url.len() - rest.find('/').map_or(0, |at| rest.len() - at)];
    let assignment = |key: &str, value: &str| format.assignment(key, &Value::String(value.to_owned()));
    let place =
        if kind_of(table) == TableKind::Request && table.len() > 2 { "the scenario's" } else { "the plan's" };
    let fix =
        format!("write `{}` here, and `{}` as {place}", assignment("path", path), assignment("url", base));
    Advice::Say(fix)
}

fn words(path: &[String]) -> Vec<&str> {
    path.iter().map(String::as_str).collect()
}
