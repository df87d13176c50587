//! Values of the wrong kind: what each is to be, in plain words, and reading on with what was clearly meant.

use super::conditions::as_text;
use super::connection_count::PER_USER;
use super::diagnostic::Diagnostic;
use super::draft::{PlanDraft, joined};
use super::foreign;
use super::form::{Forms, ValueForm};
use crate::quantity::{Rate, parse_count};
use crate::redact;
use toml::{Table, Value};

/// The letters of what is likely to be typed for one connection for each user.
const PER_USER_WORDS: [&str; 9] = [
    "peruser",
    "persession",
    "pervu",
    "user",
    "own",
    "peruserconnection",
    "ownperuser",
    "eachuser",
    "oneperuser",
];

/// Looks at a value and all that is in it. It is of its form afterwards, or gone.
pub(super) fn settle(draft: &mut PlanDraft, forms: &Forms, path: &[String], form: ValueForm) {
    let Some(value) = draft.at(path).cloned() else {
        return settle_root(draft, forms, path, form);
    };
    let is_settled = match (form, &value) {
        (ValueForm::Table(_) | ValueForm::Names(_), Value::Table(_)) => {
            return inside(draft, forms, path, form, &value);
        }
        (ValueForm::Tables(_), Value::Array(_)) => return inside(draft, forms, path, form, &value),
        (ValueForm::Any, _) => Settled::AsIs,
        (ValueForm::Conditions(_), _) => return conditions(draft, forms, path, form, &value),
        (ValueForm::Text, value) => text(draft, path, value),
        (ValueForm::Texts, value) => texts(draft, path, value),
        (ValueForm::Truth, value) => truth(draft, path, value),
        (ValueForm::Whole { min, max }, value) => whole(draft, path, value, form, min, max),
        (ValueForm::Connections { max }, value) => connections(draft, path, value, form, max),
        (ValueForm::Table(_), value) => table(draft, path, value),
        (ValueForm::Names(_), value) => names(draft, path, value),
        (ValueForm::Tables(_), value) => tables(draft, path, value),
    };
    match is_settled {
        Settled::AsIs => {}
        Settled::As(meant) => {
            if let Some(value) = draft.at(path) {
                *value = meant;
            }
            if !matches!(
                form,
                ValueForm::Text
                    | ValueForm::Texts
                    | ValueForm::Truth
                    | ValueForm::Whole { .. }
                    | ValueForm::Connections { .. }
            ) {
                settle(draft, forms, path, form);
            }
        }
        Settled::Gone => draft.doubt(path),
    }
}

/// What became of a value.
enum Settled {
    AsIs,
    /// It was told, and this is what was meant.
    As(Value),
    /// It was told, and nobody knows what was meant.
    Gone,
}

fn settle_root(draft: &mut PlanDraft, forms: &Forms, path: &[String], form: ValueForm) {
    if path.is_empty() {
        let whole = Value::Table(draft.table.clone());
        inside(draft, forms, path, form, &whole);
    }
}

fn inside(draft: &mut PlanDraft, forms: &Forms, path: &[String], form: ValueForm, value: &Value) {
    let keys: Vec<String> = match value {
        Value::Table(table) => table.keys().cloned().collect(),
        Value::Array(values) => (0..values.len()).map(|index| index.to_string()).collect(),
        _ => Vec::new(),
    };
    for key in keys {
        if let Some(inner) = forms.inner(form, &key) {
            settle(draft, forms, &joined(path, key), inner);
        }
    }
}

/// A value in words, for "and this is …".
fn shown(draft: &PlanDraft, path: &[String], value: &Value) -> String {
    match value {
        Value::String(_) if path.iter().any(|key| redact::is_secret(key)) => "a text".to_owned(),
        Value::String(text) if text.is_empty() => "an empty text".to_owned(),
        Value::String(_) => format!("the text `{}`", cut(&draft.format.value(value))),
        Value::Integer(_) | Value::Float(_) => format!("the number {value}"),
        Value::Boolean(truth) => format!("`{truth}`"),
        Value::Array(_) => "a list".to_owned(),
        Value::Table(_) => "a table".to_owned(),
        Value::Datetime(_) => format!("the date or time {value}"),
    }
}

/// The beginning of a text that is too long to be quoted.
fn cut(text: &str) -> String {
    const LETTERS_MAX: usize = 40;
    match text.chars().count() {
        0..=LETTERS_MAX => text.to_owned(),
        _ => text.chars().take(LETTERS_MAX).chain(['…']).collect(),
    }
}

fn name_of(path: &[String]) -> String {
    match path {
        [.., list, index] if index.bytes().all(|byte| byte.is_ascii_digit()) => format!("each of `{list}`"),
        [.., key] => format!("`{key}`"),
        [] => "a plan".to_owned(),
    }
}

fn told(draft: &PlanDraft, path: &[String], wanted: &str, value: &Value) -> Diagnostic {
    let problem = format!("{} is {wanted}, and this is {}", name_of(path), shown(draft, path, value));
    Diagnostic::at(path.join("."), problem, "")
}

/// What a key may look like, where its name says it.
fn example(path: &[String]) -> Value {
    let key = path.iter().rev().find(|part| !part.bytes().all(|byte| byte.is_ascii_digit()));
    let text = match key.map_or("", String::as_str) {
        "url" => "http://host:port/",
        "connect" => "10.0.0.7:8443",
        "ca" => "ca.pem",
        "cert" => "client.pem",
        "key" => "client.key",
        "keylog" => "keys.log",
        "server_name" => "api.example.org",
        "versions" => "1.2-1.3",
        "ciphers" => "TLS_AES_128_GCM_SHA256",
        "groups" => "x25519",
        "alpn" => "http/1.1",
        "version" => "1.1",
        "subprotocols" => "chat",
        "match" => "order",
        "ping" => "20s",
        "ends" => "delimiter:\\n",
        "binary" => "@message.bin",
        "dns" => "www.example.org AAAA",
        "file" => "users.csv",
        "format" => "csv",
        "delimiter" => ";",
        "columns" => "name",
        "rows" => "unique",
        "at_end" => "stop",
        "duration" | "timeout" | "starts" | "over" | "every" | "at" | "length" | "period" => "10s",
        "connect_timeout" => "3s",
        "warmup" => "5s",
        "interval" => "1s",
        "deadline" | "slip" => "100ms",
        "floor" => "10%",
        "requests" => "10k",
        "rate" | "from" | "to" | "peak" | "mean" | "amplitude" | "rates" => "1k",
        "cores" => "1,3-5",
        "wait" | "until" | "shape" | "arrivals" | "overload" => match key.map_or("", String::as_str) {
            "wait" => "auto",
            "until" => "p99 ± 2%",
            "shape" => "ramp",
            "arrivals" => "poisson",
            _ => "shed",
        },
        "method" => "POST",
        "path" | "get" | "head" | "post" | "put" | "patch" | "delete" => "/items",
        _ => "text",
    };
    Value::String(text.to_owned())
}

fn text(draft: &mut PlanDraft, path: &[String], value: &Value) -> Settled {
    if let ([scope @ .., key], Value::Array(values)) = (path, value)
        && key == "requests"
        && values.iter().all(Value::is_table)
    {
        let meant = joined(scope, "request");
        let wanted = draft.format.table(&meant.iter().map(String::as_str).collect::<Vec<_>>());
        draft.tell_key(
            path,
            "`requests` is a number of requests, and this is a list",
            format!("write `{wanted}`"),
        );
        draft.shift(path, &meant);
        return Settled::AsIs;
    }
    let is_body = path.last().is_some_and(|key| key == "body" || key == "text");
    let meant = match value {
        Value::String(_) | Value::Integer(_) => return Settled::AsIs,
        Value::Float(number) if number.is_finite() => return Settled::AsIs,
        Value::Array(_) | Value::Table(_) if is_body => Some(Value::String(as_json(value))),
        Value::Array(values) => match &values[..] {
            [only @ (Value::String(_) | Value::Integer(_))] => Some(only.clone()),
            _ => None,
        },
        _ => None,
    };
    let instead = meant.clone().unwrap_or_else(|| example(path));
    let mut wrong = told(draft, path, "a text or a number", value).with_value(instead);
    if path.last().is_some_and(|key| key == "body") && meant.is_some() {
        wrong = wrong.with_values([("json", value.clone())]);
        "or let `body` be a file, `@body.json`".clone_into(&mut wrong.fix);
    } else if is_body && meant.is_some() {
        "or keep it in a file, `@message.json`".clone_into(&mut wrong.fix);
    } else if meant.is_none() {
        "or the like".clone_into(&mut wrong.fix);
    }
    draft.push(wrong);
    meant.map_or(Settled::Gone, Settled::As)
}

/// A value as JSON, for a body that was written as a table.
fn as_json(value: &Value) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn texts(draft: &mut PlanDraft, path: &[String], value: &Value) -> Settled {
    let Value::Array(values) = value else {
        return match value {
            Value::String(_) | Value::Integer(_) => Settled::AsIs,
            Value::Float(number) if number.is_finite() => Settled::AsIs,
            _ => {
                let wanted = "a text or a number, or a list of them";
                let instead = match value {
                    Value::Boolean(truth) if path.first().is_some_and(|key| key == "headers") => {
                        Value::String(truth.to_string())
                    }
                    _ => example(path),
                };
                draft.push(told(draft, path, wanted, value).with_value(instead));
                Settled::Gone
            }
        };
    };
    let mut is_whole = true;
    for (index, value) in values.iter().enumerate() {
        let is_text = match value {
            Value::Float(number) => number.is_finite(),
            value => value.is_str() || value.is_integer(),
        };
        if !is_text {
            let inner = joined(path, index.to_string());
            let wrong = told(draft, &inner, "a text or a number", value).with_value(example(path));
            draft.push(wrong);
            is_whole = false;
        }
    }
    if is_whole { Settled::AsIs } else { Settled::Gone }
}

/// A condition may be a table, and is a text from then on: what it says beside its limit stands behind that.
fn conditions(draft: &mut PlanDraft, forms: &Forms, path: &[String], form: ValueForm, value: &Value) {
    let places: Vec<Vec<String>> = match value {
        Value::Array(values) => (0..values.len()).map(|index| joined(path, index.to_string())).collect(),
        _ => vec![path.to_vec()],
    };
    for place in places {
        let Some(Value::Table(table)) = draft.at(&place).cloned() else { continue };
        inside(draft, forms, &place, form, &Value::Table(table));
        let read = draft.at(&place).and_then(|value| value.as_table()).map(|table| as_text(table, &place));
        match read {
            Some(Ok(text)) => {
                if let Some(value) = draft.at(&place) {
                    *value = Value::String(text);
                }
            }
            Some(Err(wrong)) => {
                wrong.into_iter().for_each(|wrong| draft.push(wrong));
                return draft.doubt(path);
            }
            None => {}
        }
    }
    let now = draft.at(path).cloned();
    if let Some(value) = now
        && matches!(texts(draft, path, &value), Settled::Gone)
    {
        draft.doubt(path);
    }
}

fn truth(draft: &mut PlanDraft, path: &[String], value: &Value) -> Settled {
    let meant = match value {
        Value::Boolean(_) => return Settled::AsIs,
        Value::String(text) => match text.to_lowercase().as_str() {
            "true" | "yes" | "on" => Some(true),
            "false" | "no" | "off" => Some(false),
            _ => None,
        },
        Value::Integer(number) if (0..=1).contains(number) => Some(*number == 1),
        _ => None,
    };
    let wrong = told(draft, path, "true or false", value).with_value(meant.unwrap_or(true));
    draft.push(wrong);
    meant.map_or(Settled::Gone, |meant| Settled::As(Value::Boolean(meant)))
}

fn whole(
    draft: &mut PlanDraft,
    path: &[String],
    value: &Value,
    form: ValueForm,
    min: i64,
    max: i64,
) -> Settled {
    let fits = |number: &i64| (min..=max).contains(number);
    let meant = match value {
        Value::Integer(number) if fits(number) => return Settled::AsIs,
        Value::Float(number) if number.fract() == 0.0 && number.abs() < 1e15 => Some(*number as i64),
        Value::String(text) => parse_count(text).ok().and_then(|count| i64::try_from(count).ok()),
        _ => None,
    };
    let meant = meant.filter(fits);
    let wrong = told(draft, path, &form.words(), value);
    let wrong = match (meant, value) {
        (Some(number), _) => wrong.with_value(number),
        (None, Value::Integer(number)) => wrong.with_value(if *number < min { min } else { max }),
        (None, _) => Diagnostic { fix: "or the like".to_owned(), ..wrong.with_value(min.max(1)) },
    };
    draft.push(wrong);
    meant.map_or(Settled::Gone, |number| Settled::As(Value::Integer(number)))
}

/// A number, or the word for one for each user, as others write it too.
fn connections(draft: &mut PlanDraft, path: &[String], value: &Value, form: ValueForm, max: i64) -> Settled {
    let letters = |text: &str| text.to_lowercase().replace(|letter: char| !letter.is_ascii_alphabetic(), "");
    match value {
        Value::String(text) if text == PER_USER => Settled::AsIs,
        Value::String(text) if PER_USER_WORDS.contains(&letters(text).as_str()) => {
            let meant = Value::String(PER_USER.to_owned());
            draft.push(told(draft, path, &form.words(), value).with_value(meant.clone()));
            Settled::As(meant)
        }
        _ => whole(draft, path, value, form, 1, max),
    }
}

fn is_rate(value: &Value) -> bool {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    Rate::parse(&text).is_ok()
}

/// A table with known keys was meant: `[run]`, `[load]`, or one request.
fn table(draft: &mut PlanDraft, path: &[String], value: &Value) -> Settled {
    let names: Vec<&str> = path.iter().map(String::as_str).collect();
    match (value, &names[..]) {
        (Value::Array(values), _) if values.len() == 1 && values[0].is_table() => {
            let (now, wanted) = (joined(path, "0"), draft.format.table(&names));
            draft.tell_key(path, format!("there is one `{}`", names.join(".")), format!("write `{wanted}`"));
            draft.note_move(path, &now);
            Settled::As(values[0].clone())
        }
        (Value::String(_) | Value::Integer(_), [.., "load"]) if is_rate(value) => {
            let meant = Value::Table(Table::from_iter([("rate".to_owned(), value.clone())]));
            let wrong = told(draft, path, "a table", value).with_value(meant.clone());
            draft.push(wrong);
            draft.note_move(&joined(path, "rate"), path);
            Settled::As(meant)
        }
        (Value::String(text), [.., "request", _]) if text.starts_with('/') => {
            let meant = Value::Table(Table::from_iter([("get".to_owned(), value.clone())]));
            let wrong = told(draft, path, "a table", value).with_value(meant.clone());
            draft.push(wrong);
            Settled::As(meant)
        }
        (Value::String(file), ["feed", _]) => {
            let meant = Value::Table(Table::from_iter([("file".to_owned(), Value::from(file.as_str()))]));
            let wrong = told(draft, path, "a table", value).with_value(meant.clone());
            draft.push(wrong);
            draft.note_move(&joined(path, "file"), path);
            Settled::As(meant)
        }
        _ => {
            let wanted = draft.format.table(&names);
            let mut wrong = told(draft, path, "a table", value);
            wrong.fix = format!("write `{wanted}`, with keys and values in it");
            draft.push(wrong);
            Settled::Gone
        }
    }
}

/// A table of names was meant: headers, thresholds, targets, scenarios.
fn names(draft: &mut PlanDraft, path: &[String], value: &Value) -> Settled {
    let elements = match value {
        Value::Array(values) => values.clone(),
        value => vec![value.clone()],
    };
    let texts: Option<Vec<&str>> = elements.iter().map(Value::as_str).collect();
    match (path.last().map_or("", String::as_str), texts) {
        ("headers", Some(texts)) => named_by(draft, path, value, &texts, header),
        ("thresholds", Some(texts)) => named_by(draft, path, value, &texts, threshold),
        ("target", Some(texts)) if texts.len() == 1 && path.len() == 1 => {
            let wrong = told(draft, path, "a table of targets, each with a name", value)
                .with_values([("url", Value::from(texts[0]))]);
            draft.push(wrong);
            draft.shift(path, &["url".to_owned()]);
            Settled::Gone
        }
        (word @ ("scenario" | "target" | "feed"), None) if elements.iter().all(Value::is_table) => {
            listed(draft, path, word, &elements)
        }
        (word, _) => {
            let fix = match word {
                "scenario" | "target" | "feed" => format!("write `{}`", draft.format.table(&[word, "NAME"])),
                _ => "write a name, and a value for it".to_owned(),
            };
            let wrong = told(draft, path, "a table", value);
            draft.push(Diagnostic { fix, ..wrong });
            Settled::Gone
        }
    }
}

fn named_by(
    draft: &mut PlanDraft,
    path: &[String],
    value: &Value,
    texts: &[&str],
    split: fn(&str) -> Option<(&str, &str)>,
) -> Settled {
    let mut table = Table::new();
    for (name, text) in texts.iter().filter_map(|text| split(text)) {
        match table.get_mut(name) {
            None => {
                table.insert(name.to_owned(), Value::from(text));
            }
            Some(Value::Array(values)) => values.push(Value::from(text)),
            Some(one) => *one = Value::Array(vec![one.clone(), Value::from(text)]),
        }
    }
    let wanted = "a table of names and values";
    if table.is_empty() {
        let wrong = told(draft, path, wanted, value);
        draft.push(Diagnostic { fix: "write a name, and a value for it".to_owned(), ..wrong });
        return Settled::Gone;
    }
    let wrong = told(draft, path, wanted, value).with_value(Value::Table(table.clone()));
    draft.push(wrong);
    table.keys().for_each(|name| draft.note_move(&joined(path, name.as_str()), path));
    Settled::As(Value::Table(table))
}

fn header(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(':')?;
    Some((name.trim(), value.trim()))
}

/// A condition that names no metric is about response times.
fn threshold(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    let word = line.find(|c: char| !c.is_ascii_alphabetic() && c != '_').unwrap_or(line.len());
    let metric = &line[..word];
    let is_metric = crate::threshold::METRICS.contains(&metric) || foreign::metric(metric).is_some();
    Some(if is_metric { (metric, line[word..].trim_start_matches([' ', ':'])) } else { ("response", line) })
}

/// Scenarios or targets that were written as a list.
fn listed(draft: &mut PlanDraft, path: &[String], word: &str, elements: &[Value]) -> Settled {
    let mut table = Table::new();
    for (index, element) in elements.iter().enumerate() {
        let mut inner = element.as_table().cloned().unwrap_or_default();
        let name = match inner.remove("name") {
            Some(Value::String(name)) => name,
            _ => format!("{word}-{}", index + 1),
        };
        if table.contains_key(&name) {
            continue;
        }
        draft.note_move(&joined(path, name.as_str()), &joined(path, index.to_string()));
        table.insert(name, Value::Table(inner));
    }
    let names: Vec<String> =
        table.keys().map(|name| format!("`{}`", draft.format.table(&[word, name]))).collect();
    let problem = format!("each {word} is a table with its name, and this is a list");
    draft.tell_key(path, problem, format!("write {} instead", names.join(", ")));
    Settled::As(Value::Table(table))
}

/// A list of tables was meant: requests, or stages.
fn tables(draft: &mut PlanDraft, path: &[String], value: &Value) -> Settled {
    let names: Vec<&str> = path.iter().map(String::as_str).collect();
    let wanted = draft.format.table(&names);
    let key = names.last().copied().unwrap_or_default();
    match value {
        Value::Table(inner) if !inner.is_empty() && inner.values().all(Value::is_table) => {
            let all = inner.iter().enumerate().map(|(index, (name, value))| {
                draft.note_move(&joined(path, index.to_string()), &joined(path, name.as_str()));
                let mut element = value.as_table().cloned().unwrap_or_default();
                if key == "request" {
                    element.entry("name").or_insert(Value::from(name.as_str()));
                }
                Value::Table(element)
            });
            let all = all.collect();
            let problem = format!("`{key}` is a list of tables, whose names stand in them");
            draft.tell_key(path, problem, format!("write `{wanted}` for each, with a `name` in it"));
            Settled::As(Value::Array(all))
        }
        Value::Table(_) => {
            let problem = format!("`{key}` is a list of tables, and this is one table");
            // Under another name its header was told already.
            if !draft.was_moved(path) {
                draft.tell_key(path, problem, format!("write `{wanted}`"));
            }
            draft.note_move(&joined(path, "0"), path);
            Settled::As(Value::Array(vec![value.clone()]))
        }
        _ => {
            let wrong = told(draft, path, "a list of tables", value);
            draft.push(Diagnostic { fix: format!("write `{wanted}`, with keys and values in it"), ..wrong });
            Settled::Gone
        }
    }
}
