//! Lines of logs that are JSON: the keys that nginx, Caddy, Traefik, Envoy and others give to a time, a method and a path.

use super::instant::Instant;
use super::line::{LogLine, parts, request_line};
use serde_json::Value;

/// What nginx alone calls the time at which the response had ended, to the millisecond: where there is this one, it counts.
const ENDED: &str = "msec";
const TIMES: [&str; 9] =
    ["time", "timestamp", "@timestamp", "ts", "time_local", "time_iso8601", "start_time", "StartUTC", "date"];
const METHODS: [&str; 7] =
    ["method", "request_method", "http_method", "requestMethod", "RequestMethod", "verb", "cs-method"];
const PATHS: [&str; 9] = [
    "request_uri",
    "uri",
    "path",
    "url",
    "request_path",
    "requestUrl",
    "RequestPath",
    "target",
    "x_envoy_original_path",
];
const QUERIES: [&str; 3] = ["args", "query_string", "query"];
const HOSTS: [&str; 6] = ["http_host", "host", "vhost", "authority", "RequestHost", "server_name"];
/// Objects in which some keep what is of the request.
const INNER: [&str; 3] = ["request", "httpRequest", "http"];

/// What a line says; `None` for one that says no time and no request.
pub(super) fn read(line: &str) -> Option<LogLine> {
    let line: Value = serde_json::from_str(line).ok()?;
    let places: Vec<&Value> = std::iter::once(&line)
        .chain(INNER.iter().filter_map(|key| line.get(key)).filter(|value| value.is_object()))
        .collect();
    let text = |keys: &[&str]| {
        let mut values = keys.iter().flat_map(|key| places.iter().filter_map(move |place| place.get(key)));
        values.find_map(Value::as_str)
    };
    let instant = |key: &str| match line.get(key)? {
        Value::String(text) => Instant::read(text),
        Value::Number(number) => Instant::of_number(number.as_f64()?),
        _ => None,
    };
    let ended = instant(ENDED);
    let at = ended.or_else(|| TIMES.iter().find_map(|key| instant(key)))?;
    let took_s = ended.and(line.get("request_time")).and_then(|took| match took {
        Value::String(text) => text.parse::<f64>().ok(),
        other => other.as_f64(),
    });
    let host = text(&HOSTS).map(str::to_owned);
    if let Some(request) = line.get("request").and_then(Value::as_str) {
        return request_line(request, at, host).map(|line| line.that_took(took_s));
    }
    let path = text(&PATHS)?;
    let query =
        text(&QUERIES).map(|query| query.trim_start_matches('?')).filter(|query| !matches!(*query, "" | "-"));
    let path = match query.filter(|_| !path.contains('?')) {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    parts(text(&METHODS)?, &path, at, host).map(|line| line.that_took(took_s))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_several_servers_say_the_same() {
        for line in [
            r#"{"time":"2026-10-10T20:55:36Z","request":"GET /a?x=1 HTTP/1.1","status":200}"#,
            r#"{"ts":1791665736.0,"request":{"method":"GET","uri":"/a?x=1","host":"h"},"status":200}"#,
            r#"{"@timestamp":"2026-10-10T20:55:36.000Z","request_method":"GET","uri":"/a","args":"x=1"}"#,
            r#"{"StartUTC":"2026-10-10T20:55:36Z","RequestMethod":"GET","RequestPath":"/a?x=1"}"#,
            r#"{"timestamp":"2026-10-10T20:55:36Z","httpRequest":{"requestMethod":"GET","requestUrl":"https://h/a?x=1"}}"#,
        ] {
            let read = read(line).unwrap_or_else(|| panic!("{line}"));
            assert_eq!((read.method.as_str(), read.path.as_str()), ("GET", "/a?x=1"), "{line}");
            assert_eq!(read.at.unix_us, 1_791_665_736_000_000, "{line}");
        }
        let timed = r#"{"msec":"1791665736.250","request_time":0.1,"request":"GET /a HTTP/1.1"}"#;
        assert_eq!(read(timed).unwrap().at.unix_us, 1_791_665_736_150_000);
        for other in [
            r#""time_local":"10/Oct/2026:13:55:36 -0700""#,
            r#""time_iso8601":"2026-10-10T20:55:36+00:00""#,
            r#""time":"2026-10-10T20:55:36Z""#,
        ] {
            let line = |msec: &str| {
                format!(r#"{{{other},"msec":{msec},"request_time":"0.137","request":"GET /a HTTP/1.1"}}"#)
            };
            let both = read(&line("1791665736.250")).unwrap();
            assert_eq!((both.at.unix_us, both.is_dated_back), (1_791_665_736_113_000, true), "{other}");
            let one = read(&line(r#""-""#)).unwrap();
            assert_eq!((one.at.unix_us, one.is_dated_back), (1_791_665_736_000_000, false), "{other}");
        }
        for none in
            ["{", "[]", r#"{"time":"x","request":"GET / HTTP/1.1"}"#, r#"{"time":1791665736,"method":"GET"}"#]
        {
            assert_eq!(read(none), None, "{none}");
        }
    }
}
