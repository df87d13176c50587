//! Environment variables: which of those that begin with `VAJRA_` are keys of a plan.
//!
//! A variable is one if it is named after a key: `VAJRA_URL`, or with two underscores between the parts,
//! `VAJRA_RUN__CONNECTIONS`. Two underscores show that a key was meant, so one that does not exist is a mistake. Others are not
//! ours: Kubernetes sets `VAJRA_PORT` and the like in every pod beside a service called `vajra`.

use super::form::Forms;
use super::likeness::closest;
use std::collections::BTreeMap;
use std::fmt;

/// What every variable of ours begins with.
const PREFIX: &str = "VAJRA_";

/// The variables of the environment, which a plan may name in its holes.
#[derive(Clone, Default)]
pub(crate) struct EnvironmentTexts(BTreeMap<String, String>);

impl EnvironmentTexts {
    /// These, and no others.
    pub(super) fn new(variables: impl IntoIterator<Item = (String, String)>) -> EnvironmentTexts {
        EnvironmentTexts(variables.into_iter().collect())
    }

    /// The text of one, if it is set.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }
}

/// How many there are; many hold secrets.
impl fmt::Debug for EnvironmentTexts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} variables", self.0.len())
    }
}

/// What a variable is to a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VariableUse {
    /// It sets the key at this path.
    Key(String),
    /// It has nothing to do with plans.
    None,
    /// It is ignored, and may have been meant as this variable.
    Ignored {
        /// The variable that sets a key.
        meant: String,
    },
}

/// What a variable of this name is to a plan.
pub(super) fn usage(variable: &str) -> VariableUse {
    let Some(name) = variable.strip_prefix(PREFIX).filter(|name| !name.is_empty()) else {
        return VariableUse::None;
    };
    let forms = Forms::new();
    let lower = name.to_lowercase();
    let path = lower.replace("__", ".");
    let section = path.split('.').next().unwrap_or_default();
    let sections = forms.keys(forms.root());
    if sections.contains(&section) {
        return VariableUse::Key(path);
    }
    if is_service_link(name) {
        return VariableUse::None;
    }
    if path.contains('.') {
        return VariableUse::Key(path);
    }
    match meant(&forms, &sections, &lower) {
        Some(path) => VariableUse::Ignored { meant: format!("{PREFIX}{}", path.join("__").to_uppercase()) },
        None => VariableUse::None,
    }
}

/// The value that a text in a variable stands for.
pub(super) fn value(text: &str) -> toml::Value {
    let as_toml = toml::from_str::<toml::Table>(&format!("value = {text}")).ok();
    as_toml
        .and_then(|mut table| table.remove("value"))
        .filter(|value| !value.is_table() && !value.is_datetime())
        .unwrap_or_else(|| toml::Value::String(text.to_owned()))
}

/// The names that Kubernetes and Docker give to variables about services that run beside.
fn is_service_link(name: &str) -> bool {
    const PROTOCOLS: [&str; 3] = ["TCP", "UDP", "SCTP"];
    let parts: Vec<&str> = name.split('_').collect();
    let is_port_of = |pair: &[&str]| {
        pair[0].bytes().all(|byte| byte.is_ascii_digit())
            && PROTOCOLS.contains(&pair[1])
            && !pair[0].is_empty()
    };
    let has_service = parts.windows(2).any(|pair| matches!(pair, ["SERVICE", "HOST" | "PORT"]));
    has_service || parts.last() == Some(&"PORT") || parts.windows(2).any(is_port_of)
}

/// The key that a variable without two underscores may have been meant as: a section and a key with one underscore between them,
/// a key without its section, or a name like either.
fn meant<'a>(forms: &'a Forms, sections: &[&'a str], lower: &'a str) -> Option<Vec<&'a str>> {
    for section in sections {
        if let Some(key) = lower.strip_prefix(section).and_then(|rest| rest.strip_prefix('_')) {
            let known = forms.keys(forms.at(&[section])?);
            let key = closest(key, &known).unwrap_or(key);
            return Some(vec![section, key]);
        }
    }
    if let Some(key) = closest(lower, sections) {
        return Some(vec![key]);
    }
    ["run", "load"].into_iter().find_map(|section| {
        let known = forms.keys(forms.at(&[section])?);
        known.contains(&lower).then_some(vec![section, lower])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_named_after_keys_are_keys() {
        for (variable, path) in [
            ("VAJRA_URL", "url"),
            ("VAJRA_NAME", "name"),
            ("VAJRA_RUN__CONNECTIONS", "run.connections"),
            ("VAJRA_HEADERS__AUTHORIZATION", "headers.authorization"),
            ("VAJRA_HEADERS__X_SERVICE_PORT", "headers.x_service_port"),
            ("VAJRA_RUN__CONECTIONS", "run.conections"),
            ("VAJRA_RAN__CONNECTIONS", "ran.connections"),
        ] {
            assert_eq!(usage(variable), VariableUse::Key(path.to_owned()), "{variable}");
        }
    }

    #[test]
    fn what_kubernetes_sets_is_nothing_to_a_plan() {
        for variable in [
            "VAJRA_PORT",
            "VAJRA_SERVICE_HOST",
            "VAJRA_SERVICE_PORT",
            "VAJRA_SERVICE_PORT_HTTP",
            "VAJRA_PORT_80_TCP",
            "VAJRA_PORT_80_TCP_ADDR",
            "VAJRA_PORT_53_UDP_PROTO",
            "VAJRA_X_SERVICE_HOST",
            "VAJRA_RUN_PORT",
            "VAJRA_LOAD_PORT_80_TCP_PORT",
            "VAJRA_A__B_SERVICE_HOST",
            "VAJRA_HOME",
            "VAJRA_",
            "OTHER",
        ] {
            assert_eq!(usage(variable), VariableUse::None, "{variable}");
        }
    }

    #[test]
    fn what_may_have_been_meant_as_a_key_says_which() {
        for (variable, meant) in [
            ("VAJRA_RUN_CONNECTIONS", "VAJRA_RUN__CONNECTIONS"),
            ("VAJRA_RUN_CONECTIONS", "VAJRA_RUN__CONNECTIONS"),
            ("VAJRA_CONNECTIONS", "VAJRA_RUN__CONNECTIONS"),
            ("VAJRA_RATE", "VAJRA_LOAD__RATE"),
            ("VAJRA_HEADERS_ACCEPT", "VAJRA_HEADERS__ACCEPT"),
            ("VAJRA_ULR", "VAJRA_URL"),
        ] {
            assert_eq!(usage(variable), VariableUse::Ignored { meant: meant.to_owned() }, "{variable}");
        }
    }
}
