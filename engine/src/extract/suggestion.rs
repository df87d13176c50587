//! What was probably meant by an expression that begins with nothing known.

use super::typed_text::{WrongExpression, leading_word};
use crate::config::closest;

/// What is said where nothing is near.
const FORMS: &str = "there are `json /id`, `json $.id`, `regex id=(\\d+)`, `between \"LEFT\" \"RIGHT\"`, \
                     `header NAME`, `cookie NAME`, `body` and `status`";
const WORDS: [&str; 7] = ["json", "regex", "between", "header", "cookie", "body", "status"];

/// What is wrong with a text that begins with no known word, and what to write.
pub(super) fn unknown(text: &str) -> WrongExpression {
    if text.starts_with('$') || text.starts_with('/') {
        let problem = format!("`{text}` does not say what it is looked for in");
        return WrongExpression::new(problem, format!("write `json {text}`"));
    }
    let (word, rest) = leading_word(text);
    let problem = match word {
        "" => format!("`{text}` begins with no word"),
        word => format!("`{word}` is not known here"),
    };
    if let Some(fix) = not_here(&word.to_lowercase()) {
        return WrongExpression::new(problem, fix);
    }
    // `json/id` and `json.id` are whole words to whoever types them.
    let fix = match meant(&word.to_lowercase()) {
        Some(meant) if ["body", "status"].contains(&meant) => format!("write `{meant}`"),
        Some(meant) => format!("write `{}`", format!("{meant} {}", example(meant, rest)).trim_end()),
        None => FORMS.to_owned(),
    };
    WrongExpression::new(problem, fix)
}

/// What is done elsewhere, or not at all.
fn not_here(word: &str) -> Option<&'static str> {
    Some(match word {
        "css" | "xpath" | "html" | "jquery" | "xml" | "selector" => {
            "there is nothing for HTML and XML but `between \"LEFT\" \"RIGHT\"` and `regex`"
        }
        "time" | "duration" | "latency" | "elapsed" | "responsetime" | "response_time" => {
            "it is checked, as in `check = \"time < 500ms\"`, and not extracted"
        }
        "size" | "length" | "bytes" | "body_size" | "content_length" => {
            "it is checked, as in `check = \"size < 10KiB\"`, and not extracted"
        }
        _ => return None,
    })
}

fn meant(word: &str) -> Option<&'static str> {
    Some(match word {
        "jsonpath" | "json_path" | "json-path" | "jsonpointer" | "json_pointer" | "pointer" | "jmespath"
        | "jq" | "gjson" => "json",
        "re" | "regexp" | "regular" | "pattern" | "match" => "regex",
        "boundary" | "boundaries" | "boundary_extractor" | "text_between" => "between",
        "headers" | "response_header" => "header",
        "cookies" | "set-cookie" | "set_cookie" => "cookie",
        "code" | "statuscode" | "status_code" | "status-code" | "http_code" | "rc" => "status",
        "text" | "content" | "response" | "html_body" | "payload" => "body",
        word => return closest(word, &WORDS),
    })
}

/// What would follow a word: what does, if there is anything.
fn example(word: &str, rest: &str) -> String {
    match (word, rest.strip_prefix([':', '.', '=']).unwrap_or(rest).trim_start()) {
        ("json", "") => "/id".to_owned(),
        ("json", rest) if rest.starts_with(['$', '/']) => rest.to_owned(),
        ("json", rest) => format!("$.{rest}"),
        ("header" | "cookie", "") => "NAME".to_owned(),
        ("between", _) => "\"LEFT\" \"RIGHT\"".to_owned(),
        ("regex", "") => "id=(\\d+)".to_owned(),
        (_, rest) => rest.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use crate::extract::expression::Expression;

    #[test]
    fn what_was_meant_is_told_and_can_be_written() {
        for (typed, meant) in [
            ("jsonpath $.items[0].id", "json $.items[0].id"),
            ("$.items[0].id", "json $.items[0].id"),
            ("/id", "json /id"),
            ("JSON /id", "json /id"),
            ("json:/id", "json /id"),
            ("json.id", "json $.id"),
            ("json/id", "json /id"),
            ("jq .id", "json $.id"),
            ("jsno /id", "json /id"),
            ("regexp id=(.+)", "regex id=(.+)"),
            ("headers Location", "header Location"),
            ("header:Location", "header Location"),
            ("set-cookie", "cookie NAME"),
            ("status_code", "status"),
            ("text", "body"),
            ("boundary a b", "between \"LEFT\" \"RIGHT\""),
        ] {
            let error = Expression::parse(typed).unwrap_err();
            assert_eq!(error.fix, format!("write `{meant}`"), "{typed}");
            assert!(Expression::parse(meant).is_ok(), "{meant}");
        }
    }

    #[test]
    fn what_there_is_not_is_told() {
        for (typed, told) in [
            ("css a.b", "but `between"),
            ("xpath //a", "but `between"),
            ("time", "`check = \"time < 500ms\"`"),
            ("size", "`check = \"size < 10KiB\"`"),
            ("blue sky", "there are `json /id`"),
            ("\"id\"", "there are `json /id`"),
        ] {
            let error = Expression::parse(typed).unwrap_err();
            assert!(error.fix.contains(told), "{typed}: {error}");
        }
    }
}
