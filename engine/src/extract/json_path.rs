//! Where in a JSON text a value stands: JSON pointers (RFC 6901), and of JSONPath (RFC 9535) names, indices and `[*]`.

use super::typed_text::{WrongExpression, is_quoted, quoted};

/// The most steps from the whole text to a value. Bounds how deep the walk over a text calls itself.
pub const PATH_STEPS_MAX: usize = 64;

/// A way from the whole of a JSON text to a value in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct JsonPath {
    /// None of them: the whole text.
    pub(super) steps: Vec<PathStep>,
}

/// A step into a value. Of a pointer it may lead into objects and arrays alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PathStep {
    /// The member of an object that it leads to.
    pub(super) name: Option<String>,
    /// What it leads to in an array.
    pub(super) element: Option<Element>,
}

/// Which elements of an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    /// The one with this index.
    At(usize),
    /// The first in which what follows is found.
    Any,
}

impl JsonPath {
    /// Reads a pointer, which begins with `/`, or a path, which begins with `$`.
    pub(super) fn parse(text: &str) -> Result<JsonPath, WrongExpression> {
        let steps = match text.as_bytes().first() {
            Some(b'/') => pointer_steps(text)?,
            Some(b'$') => path_steps(text)?,
            None => {
                let fix = "write `json /id` or `json $.id`; `json $` is the whole body";
                return Err(WrongExpression::new("`json` names no value", fix));
            }
            Some(_) => {
                let problem = format!("`{text}` begins neither with `/` nor with `$`");
                return Err(WrongExpression::new(problem, format!("write `json {}`", guessed(text))));
            }
        };
        if steps.len() > PATH_STEPS_MAX {
            let problem = format!("`{text}` has {} steps", steps.len());
            return Err(WrongExpression::new(problem, format!("at most {PATH_STEPS_MAX} are followed")));
        }
        Ok(JsonPath { steps })
    }
}

/// The path that was probably meant by one without a beginning: `items[0].id` or `a/b`.
fn guessed(text: &str) -> String {
    match text.contains('/') {
        true => format!("/{text}"),
        false => format!("$.{}", text.trim_start_matches('.')),
    }
}

fn pointer_steps(text: &str) -> Result<Vec<PathStep>, WrongExpression> {
    text.split('/').skip(1).map(|token| pointer_step(text, token)).collect()
}

fn pointer_step(text: &str, token: &str) -> Result<PathStep, WrongExpression> {
    if token.split('~').skip(1).any(|rest| !rest.starts_with(['0', '1'])) {
        let problem = format!("in `{text}` a `~` is followed by neither 0 nor 1");
        return Err(WrongExpression::new(problem, "in a pointer `~0` stands for `~`, and `~1` for `/`"));
    }
    // In this order, so that `~01` is `~1` and no slash (RFC 6901, section 4).
    let name = token.replace("~1", "/").replace("~0", "~");
    // An index has no sign and no zeros before it.
    let is_index =
        token == "0" || (!token.starts_with('0') && token.bytes().all(|byte| byte.is_ascii_digit()));
    let index = if is_index { token.parse().ok() } else { None };
    Ok(PathStep { name: Some(name), element: index.map(Element::At) })
}

fn path_steps(text: &str) -> Result<Vec<PathStep>, WrongExpression> {
    let mut steps = Vec::new();
    let mut rest = &text[1..];
    while !rest.is_empty() {
        let (step, behind) = match rest.as_bytes()[0] {
            b'.' => dotted_step(text, &rest[1..])?,
            b'[' => bracketed_step(text, rest[1..].trim_start())?,
            _ => return Err(wrong_path(text, rest)),
        };
        steps.push(step);
        rest = behind;
    }
    Ok(steps)
}

fn dotted_step<'a>(text: &str, rest: &'a str) -> Result<(PathStep, &'a str), WrongExpression> {
    let is_of_name = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '-';
    let (name, behind) = rest.split_at(rest.find(|letter| !is_of_name(letter)).unwrap_or(rest.len()));
    if name.is_empty() {
        return Err(wrong_path(text, rest));
    }
    Ok((member(name.to_owned()), behind))
}

fn bracketed_step<'a>(text: &str, rest: &'a str) -> Result<(PathStep, &'a str), WrongExpression> {
    let (step, behind) = if is_quoted(rest) {
        let (name, behind) = quoted(rest)?;
        (member(name), behind)
    } else if let Some(behind) = rest.strip_prefix('*') {
        (PathStep { name: None, element: Some(Element::Any) }, behind.trim_start())
    } else {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
        let index = rest[..digits].parse().map_err(|_| wrong_path(text, rest))?;
        (PathStep { name: None, element: Some(Element::At(index)) }, rest[digits..].trim_start())
    };
    let behind = behind.strip_prefix(']').ok_or_else(|| wrong_path(text, rest))?;
    Ok((step, behind))
}

fn member(name: String) -> PathStep {
    PathStep { name: Some(name), element: None }
}

/// What is wrong with a path from some place on.
fn wrong_path(text: &str, rest: &str) -> WrongExpression {
    let (cause, fix) = match rest.as_bytes().first() {
        _ if text.contains("..") => {
            ("looks at any depth", "name the way from the top, as in `$.items[0].id`")
        }
        Some(b'?') => ("has a filter", "take a value by its place, as in `$.items[0].id`, or by `regex`"),
        Some(b'-') => ("counts from the end", "count from the beginning, where the first is [0]"),
        Some(b'*') => ("has a `*` without brackets", "write `[*]`, which is any element of an array"),
        _ if rest.contains(':') || rest.contains(',') => {
            ("names several values", "name one, as in `$.items[0]`, or the first by `[*]`")
        }
        _ => ("cannot be read", "a path looks like `$.items[0].id`, `$['a name'].id` or `$.items[*].id`"),
    };
    WrongExpression::new(format!("`{text}` {cause}"), fix)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        let show = |step: &PathStep| match (&step.name, step.element) {
            (Some(name), None) => name.clone(),
            (None, Some(Element::At(index))) => format!("[{index}]"),
            (None, Some(Element::Any)) => "[*]".to_owned(),
            (Some(name), Some(_)) => format!("{name}|[]"),
            (None, None) => unreachable!("a step leads somewhere"),
        };
        JsonPath::parse(text).unwrap().steps.iter().map(show).collect()
    }

    #[test]
    fn pointers_lead_into_objects_and_arrays_alike() {
        assert_eq!(shown("/a/0/b"), ["a", "0|[]", "b"]);
        assert_eq!(shown("/"), [""]);
        assert_eq!(shown("/~01/a~1b/m~0n"), ["~1", "a/b", "m~n"]);
        assert_eq!(shown("/01/-/+1"), ["01", "-", "+1"], "these are no indices");
    }

    #[test]
    fn paths_say_which_of_both() {
        assert_eq!(shown("$"), Vec::<String>::new());
        assert_eq!(shown("$.items[0].id"), ["items", "[0]", "id"]);
        assert_eq!(shown("$['a b'][\"it's\"][ * ].x-y"), ["a b", "it's", "[*]", "x-y"]);
        assert_eq!(shown("$.größe"), ["größe"]);
    }

    #[test]
    fn what_is_not_followed_is_named() {
        for (text, cause) in [
            ("$..id", "any depth"),
            ("$.items[?(@.a)]", "filter"),
            ("$.items[-1]", "from the end"),
            ("$.items.*", "without brackets"),
            ("$.items[0:2]", "several"),
            ("$['a','b']", "several"),
            ("$.items[", "cannot be read"),
            ("$.items[0", "cannot be read"),
            ("$items", "cannot be read"),
            ("$.", "cannot be read"),
            ("$['a]", "not closed"),
            ("$[99999999999999999999]", "cannot be read"),
            ("/a~2", "neither 0 nor 1"),
            ("/a~", "neither 0 nor 1"),
            ("", "names no value"),
        ] {
            let problem = JsonPath::parse(text).unwrap_err().problem;
            assert!(problem.contains(cause), "{text}: {problem}");
        }
        assert_eq!(JsonPath::parse("items[0].id").unwrap_err().fix, "write `json $.items[0].id`");
        assert_eq!(JsonPath::parse("a/b").unwrap_err().fix, "write `json /a/b`");
    }

    #[test]
    fn a_path_has_an_end() {
        assert!(JsonPath::parse(&"/a".repeat(PATH_STEPS_MAX)).is_ok());
        assert!(JsonPath::parse(&"/a".repeat(PATH_STEPS_MAX + 1)).unwrap_err().problem.contains("65 steps"));
    }
}
