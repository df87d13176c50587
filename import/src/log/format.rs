//! Formats of access logs: where in a line its time, its method and its path stand.

use super::instant::Instant;
use super::json_line;
use super::line::{LogLine, parts, request_line};
use crate::wrong::WrongImport;

/// What there is, for whoever names none of them.
pub(super) const FORMATS: &str = "`combined`, `common`, `json`, or the log_format of nginx in quotes, such as '$remote_addr [$time_local] \"$request\" $status'";
/// What Apache calls a field, and what nginx does.
const APACHE: [(&str, &str); 10] = [
    ("%t", "[$time_local]"),
    ("%r", "$request"),
    ("%m", "$request_method"),
    ("%U%q", "$request_uri"),
    ("%U", "$uri"),
    ("%q", "$args"),
    ("%v", "$host"),
    ("%V", "$host"),
    ("%>s", "$status"),
    ("%s", "$status"),
];

/// How lines are read.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum LogFormat {
    /// As the first line looks.
    Unknown,
    /// What nginx and Apache write if nothing is said, with more behind it or not.
    Access,
    Json,
    Fields(Vec<FieldOrText>),
}

/// A part of a format of one's own.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum FieldOrText {
    Field(String),
    Text(String),
}

impl LogFormat {
    /// The format that a word names.
    pub(super) fn parse(word: &str) -> Result<LogFormat, WrongImport> {
        match word {
            "combined" | "common" => Ok(LogFormat::Access),
            "json" => Ok(LogFormat::Json),
            format if format.contains('$') || format.contains('%') => fields(format),
            other => {
                let problem = format!("`{other}` is no format of an access log");
                Err(WrongImport::new(problem, format!("write {FORMATS}")).at("flag --format"))
            }
        }
    }

    /// What a line says; `None` for one of another form.
    pub(super) fn read(&self, line: &str) -> Option<LogLine> {
        match self {
            LogFormat::Unknown => match line.trim_start().starts_with('{') {
                true => json_line::read(line),
                false => access(line),
            },
            LogFormat::Access => access(line),
            LogFormat::Json => json_line::read(line),
            LogFormat::Fields(parts) => custom(line, parts),
        }
    }
}

/// `HOST IDENT USER [TIME] "METHOD PATH PROTOCOL" STATUS …`: whatever stands before the time, and behind the request.
fn access(line: &str) -> Option<LogLine> {
    let mut rest = line;
    loop {
        let (_, behind) = rest.split_once('[')?;
        let (time, after) = behind.split_once(']')?;
        // Addresses of IPv6 may stand in brackets, too.
        if let Some(at) = Instant::read(time) {
            let (_, request) = after.split_once('"')?;
            return request_line(quoted_text(request)?, at, None);
        }
        rest = behind;
    }
}

/// What stands before the quote that ends a text; one behind a backslash ends none.
fn quoted_text(text: &str) -> Option<&str> {
    let mut is_escaped = false;
    for (at, letter) in text.char_indices() {
        match letter {
            '"' if !is_escaped => return Some(&text[..at]),
            letter => is_escaped = letter == '\\' && !is_escaped,
        }
    }
    None
}

/// A format of one's own: `$name` or `${name}` of nginx, or what Apache calls so.
fn fields(format: &str) -> Result<LogFormat, WrongImport> {
    let mut text = format.replace("\\\"", "\"");
    if text.contains('%') && !text.contains('$') {
        for (apache, nginx) in APACHE {
            text = text.replace(apache, nginx);
        }
        text = apache_rest(&text);
    }
    let (mut found, mut rest) = (Vec::new(), text.as_str());
    while let Some((before, behind)) = rest.split_once('$') {
        let (name, after) = match behind.strip_prefix('{').and_then(|behind| behind.split_once('}')) {
            Some(parts) => parts,
            None => {
                let end =
                    behind.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(behind.len());
                behind.split_at(end)
            }
        };
        match (before.is_empty(), found.last()) {
            (true, Some(FieldOrText::Field(earlier))) => {
                let problem = format!(
                    "in the format nothing stands between ${earlier} and ${name}, so no line can be taken apart"
                );
                return Err(WrongImport::new(
                    problem,
                    "write the format as the server has it, with the text between its fields",
                )
                .at("flag --format"));
            }
            (true, _) => {}
            (false, _) => found.push(FieldOrText::Text(before.to_owned())),
        }
        found.push(FieldOrText::Field(name.to_owned()));
        rest = after;
    }
    if !rest.is_empty() {
        found.push(FieldOrText::Text(rest.to_owned()));
    }
    let has = |names: &[&str]| {
        found.iter().any(|part| matches!(part, FieldOrText::Field(name) if names.contains(&name.as_str())))
    };
    let lacking = match (has(&TIMES), has(&["request", "request_uri", "uri"])) {
        (true, true) => return Ok(LogFormat::Fields(found)),
        (false, _) => "no time: $time_local, $time_iso8601 or $msec",
        (true, false) => "no request: $request, or $request_method and $request_uri",
    };
    Err(WrongImport::new(format!("the format has {lacking}"), format!("write {FORMATS}")).at("flag --format"))
}

/// Other fields of Apache, `%b` and `%{Referer}i` among them: each may be anything.
fn apache_rest(text: &str) -> String {
    let (mut plain, mut rest) = (String::new(), text);
    while let Some((before, behind)) = rest.split_once('%') {
        plain.push_str(before);
        plain.push_str("${other}");
        let behind = behind.trim_start_matches(['>', '<']);
        let behind = behind
            .strip_prefix('{')
            .and_then(|behind| behind.split_once('}'))
            .map_or(behind, |(_, after)| after);
        rest = behind.strip_prefix(|c: char| c.is_ascii_alphabetic()).unwrap_or(behind);
    }
    plain + rest
}

const TIMES: [&str; 3] = ["time_local", "time_iso8601", "msec"];

fn custom(line: &str, fields: &[FieldOrText]) -> Option<LogLine> {
    let (mut rest, mut at, mut request) = (line, None, None);
    let (mut method, mut path, mut query, mut host) = ("GET", None, "", None);
    // Where a line has $msec, that is the time: it is that of the end, to the millisecond.
    let (mut ended, mut took_s) = (None, None);
    for (index, part) in fields.iter().enumerate() {
        let name = match part {
            FieldOrText::Text(text) => {
                rest = rest.strip_prefix(text.as_str())?;
                continue;
            }
            FieldOrText::Field(name) => name.as_str(),
        };
        let end = match fields.get(index + 1) {
            Some(FieldOrText::Text(text)) if text.starts_with('"') => quoted_text(rest)?.len(),
            Some(FieldOrText::Text(text)) => rest.find(text.as_str())?,
            _ => rest.len(),
        };
        let (value, after) = rest.split_at(end);
        rest = after;
        match name {
            "msec" => ended = Some(Instant::read(value)?),
            name if TIMES.contains(&name) => at = Some(Instant::read(value)?),
            "request_time" => took_s = value.parse::<f64>().ok(),
            "request" => request = Some(value),
            "request_method" => method = value,
            "request_uri" | "uri" => path = Some(value),
            "args" | "query_string" => query = value.trim_start_matches('?'),
            "host" | "http_host" | "server_name" => host = Some(value.to_owned()),
            _ => {}
        }
    }
    let at = ended.or(at)?;
    let read = match (request, path) {
        (Some(request), _) => request_line(request, at, host),
        (None, Some(path)) if path.contains('?') || query.is_empty() || query == "-" => {
            parts(method, path, at, host)
        }
        (None, Some(path)) => parts(method, &format!("{path}?{query}"), at, host),
        (None, None) => None,
    };
    read.map(|line| line.that_took(took_s.filter(|_| ended.is_some())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const COMBINED: &str = r#"2001:db8::1 - a b [10/Oct/2026:13:55:36 -0700] "GET /a?q=\x22x\x22 HTTP/1.1" 200 2326 "http://r/" "curl \"8\"""#;

    #[test]
    fn lines_of_usual_formats_are_read() {
        let line = LogFormat::Unknown.read(COMBINED).unwrap();
        assert_eq!((line.method.as_str(), line.path.as_str()), ("GET", "/a?q=%22x%22"));
        assert_eq!(line.at.unix_us, 1_791_665_736_000_000);
        let own = LogFormat::parse("$host|${time_iso8601}|$request_method $uri?$args|$status").unwrap();
        let line = own.read("h:81|2026-10-10T20:55:36.250+00:00|POST /b?x=1|200").unwrap();
        assert_eq!(
            (line.method.as_str(), line.path.as_str(), line.host.as_deref()),
            ("POST", "/b?x=1", Some("h:81"))
        );
        let timed = LogFormat::parse("$msec $request_time $request_method $request_uri").unwrap();
        let line = timed.read("1791665736.250 0.100 GET /c").unwrap();
        assert_eq!((line.at.unix_us, line.is_dated_back), (1_791_665_736_150_000, true));
        let line = timed.read("1791665736.250 - GET /c").unwrap();
        assert_eq!((line.at.unix_us, line.is_dated_back), (1_791_665_736_250_000, false));
        for both in ["$msec $request_time [$time_local]", "[$time_local] $request_time $msec"] {
            let format = LogFormat::parse(&format!("{both} $request_method $request_uri")).unwrap();
            let times = both.replace("$msec", "1791665736.250").replace("$request_time", "0.100");
            let times = times.replace("$time_local", "10/Oct/2026:13:55:36 -0700");
            let line = format.read(&format!("{times} GET /c")).unwrap();
            assert_eq!((line.at.unix_us, line.is_dated_back), (1_791_665_736_150_000, true), "{both}");
        }
        let apache =
            LogFormat::parse(r#"%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-agent}i\""#).unwrap();
        let same = apache.read(&COMBINED.replace("a b", "a")).unwrap();
        assert_eq!(same.path, "/a?q=%22x%22");
    }

    #[test]
    fn what_is_no_request_is_no_line() {
        for line in [
            "",
            "nonsense",
            r#"1.2.3.4 - - [10/Oct/2026:13:55:36 -0700] "-" 400 0"#,
            r#"1.2.3.4 - - [10/Oct/2026:13:55:36 -0700] "\x16\x03\x01 x" 400 0"#,
            r#"1.2.3.4 - - [32/Oct/2026:13:55:36 -0700] "GET / HTTP/1.1" 200 0"#,
            r#"1.2.3.4 - - [10/Oct/2026:13:55:36 -0700] "OPTIONS * HTTP/1.1" 200 0"#,
            r#"1.2.3.4 - - [10/Oct/2026:13:55:36 -0700] "CONNECT h:443 HTTP/1.1" 405 0"#,
            r#"1.2.3.4 - - [10/Oct/2026:13:55:36 -0700] "PRI * HTTP/2.0" 400 0"#,
            r#"1.2.3.4 - - [10/Oct/2026:13:55:36 -0700] "GET" 400 0"#,
        ] {
            assert_eq!(LogFormat::Unknown.read(line), None, "{line}");
        }
    }

    #[test]
    fn a_format_that_says_too_little_is_refused() {
        for (format, part) in [
            ("combnied", "is no format"),
            ("$remote_addr \"$request\"", "no time"),
            ("[$time_local] $status", "no request"),
            ("[$time_local] \"$request\" $a$b", "between $a and $b"),
        ] {
            let wrong = LogFormat::parse(format).unwrap_err();
            assert!(wrong.problem.contains(part), "{wrong}");
            assert_eq!(wrong.place, "flag --format");
        }
    }

    proptest! {
        #[test]
        fn any_line_is_read_or_not(line in any::<String>(), tail in "[\\[\\]\"\\\\ /:0-9A-Zax]{0,60}") {
            let _ = LogFormat::Unknown.read(&line);
            let _ = LogFormat::Unknown.read(&tail);
            let _ = LogFormat::Unknown.read(&format!("[10/Oct/2026:13:55:36 -0700] \"{tail}\" {line}"));
        }
    }
}
