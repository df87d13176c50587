//! What part of a run a condition is about: `response{scenario=read, step="GET /a"}`.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A part of a run: all of it, a scenario, a step of one, all steps of a name, or a named flow.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// The scenario with this name; absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<String>,
    /// The steps with this name; absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// The named flows with this name: each time that one was gone through, or the requests that it makes itself; absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<String>,
}

impl Scope {
    /// A whole scenario.
    pub fn of_scenario(name: &str) -> Scope {
        Scope { scenario: Some(name.to_owned()), ..Scope::default() }
    }

    /// Whether it is all of the run.
    pub fn is_all(&self) -> bool {
        *self == Scope::default()
    }

    /// Whether a scenario is meant, or a part of it.
    pub fn is_about(&self, scenario: &str) -> bool {
        self.scenario.as_ref().is_none_or(|name| name == scenario)
    }

    /// The word for what it names within scenarios, if it does.
    pub fn part(&self) -> Option<&'static str> {
        let of_step = self.step.as_ref().map(|_| "step");
        of_step.or(self.flow.as_ref().map(|_| "flow"))
    }

    /// Reads what stands in the braces, with them, or nothing. Errors say what was wrong.
    pub(super) fn parse(text: &str) -> Result<Scope, String> {
        let text = text.trim();
        let mut scope = Scope::default();
        if text.is_empty() {
            return Ok(scope);
        }
        let inner = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        let inner = inner.ok_or_else(|| format!("`{text}` is not a scope; write `{{scenario=NAME}}`"))?;
        for part in split_outside(inner, ',') {
            let (key, value) = part
                .split_once('=')
                .ok_or_else(|| format!("`{}` in `{text}` has no `=` in it", part.trim()))?;
            let value = value.trim();
            let bare = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
            let place = match key.trim() {
                "scenario" => &mut scope.scenario,
                "step" | "request" => &mut scope.step,
                "flow" | "group" => &mut scope.flow,
                other => {
                    return Err(format!(
                        "`{other}` in `{text}` is unknown; there are scenario, step and flow"
                    ));
                }
            };
            if bare.is_empty() || place.is_some() {
                return Err(format!("`{text}` names its {} twice, or not at all", key.trim()));
            }
            *place = Some(bare.to_owned());
        }
        Ok(scope)
    }
}

impl fmt::Display for Scope {
    /// As it is typed; nothing for all of the run.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_plain = |name: &str| name.chars().all(|c| c.is_alphanumeric() || "-_.".contains(c));
        let word = |name: &String| if is_plain(name) { name.clone() } else { format!("\"{name}\"") };
        let parts = [("scenario", &self.scenario), ("flow", &self.flow), ("step", &self.step)];
        let parts: Vec<String> =
            parts.iter().filter_map(|(key, name)| Some(format!("{key}={}", word(name.as_ref()?)))).collect();
        if parts.is_empty() { Ok(()) } else { write!(formatter, "{{{}}}", parts.join(",")) }
    }
}

/// The parts between separators that stand neither in quotes nor in braces.
pub(super) fn split_outside(text: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut from) = (Vec::new(), 0);
    let (mut is_quoted, mut depth) = (false, 0_u32);
    for (at, c) in text.char_indices() {
        match c {
            '"' => is_quoted = !is_quoted,
            '{' if !is_quoted => depth += 1,
            '}' if !is_quoted => depth = depth.saturating_sub(1),
            c if c == separator && !is_quoted && depth == 0 => {
                parts.push(&text[from..at]);
                from = at + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[from..]);
    parts
}

/// Where a scope that begins the text ends: behind its closing brace; 0 where none begins it.
pub(super) fn scope_length(text: &str) -> usize {
    if !text.starts_with('{') {
        return 0;
    }
    let mut is_quoted = false;
    let closing = text.char_indices().find(|(_, c)| {
        is_quoted ^= *c == '"';
        *c == '}' && !is_quoted
    });
    closing.map_or(text.len(), |(at, _)| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_read_and_shown_as_they_are_typed() {
        for (typed, shown) in [
            ("", ""),
            ("{scenario=read}", "{scenario=read}"),
            ("{ step = \"GET /a?x=1,2\" , scenario=read }", "{scenario=read,step=\"GET /a?x=1,2\"}"),
            ("{request=login}", "{step=login}"),
            ("{group=login}", "{flow=login}"),
            ("{step=find,flow = login, scenario=read}", "{scenario=read,flow=login,step=find}"),
        ] {
            assert_eq!(Scope::parse(typed).unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_scope_says_why() {
        for (typed, reason) in [
            ("{scenario}", "has no `=`"),
            ("{senario=read}", "`senario`"),
            ("{scenario=a,scenario=b}", "twice"),
            ("{scenario=}", "not at all"),
            ("{scenario=read", "not a scope"),
        ] {
            let error = Scope::parse(typed).unwrap_err();
            assert!(error.contains(reason), "{typed}: {error}");
        }
    }

    #[test]
    fn a_scope_ends_at_its_own_brace() {
        assert_eq!(scope_length("{step=\"}\"} p(99)<5ms"), 10);
        assert_eq!((scope_length("p(99)<5ms"), scope_length("{open")), (0, 5));
        assert_eq!(split_outside("a{b,c},d\",\",e", ','), ["a{b,c}", "d\",\"", "e"]);
    }
}
