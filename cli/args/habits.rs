//! What users of wrk, wrk2, hey, ab, oha, k6, curl and others type from habit, and what it is called here.
//!
//! What means the same is accepted as a second name of our flag, in `input/flags.rs`. Here is the rest: flags that mean something
//! else here, or nothing. Each is answered in one line, before clap reads the words: it would take `-disable-keepalive` for a duration.

use crate::output::plain::plain;
use engine::quantity::{Rate, parse_duration_ns};
use engine::redact;
use std::ffi::OsString;

/// Flags of other tools, the values for which an answer holds, and the answer. The same letter may be several tools'.
struct Habit {
    flags: &'static [&'static str],
    holds: fn(&str) -> bool,
    /// What follows the flag's name; `{}` stands for its value.
    answer: &'static str,
}

const fn habit(flags: &'static [&'static str], holds: fn(&str) -> bool, answer: &'static str) -> Habit {
    Habit { flags, holds, answer }
}

/// How much is sent, and for how long.
const LOAD: [Habit; 14] = [
    habit(&["-q"], is_number, "is a rate in oha, and of each worker in hey; here it is `-R {}`, in all"),
    habit(&["-r", "-rate"], is_number, "is a rate in bombardier and vegeta; here it is `-R {}`"),
    habit(&["-r"], is_any, "is ab's for going on after failures, as every run here does; leave it out"),
    habit(&["-u", "--vus"], is_number, "is k6's number of users; here it is connections, `-c {}`"),
    habit(&["--concurrency", "-concurrency", "--clients"], is_any, "is connections here: `-c {}`"),
    habit(&["-i", "-a"], is_number, "is a number of requests in k6 and autocannon; here it is `-n {}`"),
    habit(
        &["--stage", "--stages"],
        is_any,
        "is k6's; here a ramp is `-R 100:5000`, and a plan can have stages",
    ),
    habit(
        &["--burst-delay", "--burst-rate"],
        is_any,
        "is oha's; here a plan has a load of shape `spike` or `steps`",
    ),
    habit(&["-t"], is_time, "is the number of cores here, as in wrk; a timeout is `--timeout {}`"),
    habit(&["-T"], is_time_or_number, "is wrk's timeout; here it is `--timeout {}`"),
    habit(&["-m", "--max-time"], is_number, "is curl's longest time; here it is `--timeout {}s`"),
    habit(&["-p"], is_number, "is autocannon's pipelining; here it is `--pipeline {}`"),
    habit(
        &["-w", "-cpus", "-workers"],
        is_number,
        "is a number of threads; here it is pinned cores, `-t {}`",
    ),
    habit(
        &["--latency-correction"],
        is_any,
        "is oha's; here times count from the intended send always: leave it out",
    ),
];

/// What is sent.
const REQUESTS: [Habit; 24] = [
    habit(&["-d"], is_file, "is the duration here, as in wrk; a body is `-b {}`"),
    habit(&["-d"], is_text, "is the duration here, as in wrk; a body is `-b 'TEXT'` or `-b @FILE`"),
    habit(&["-D", "-p", "-body"], is_any, "is a file with the body in hey, oha and ab; here it is `-b @{}`"),
    habit(&["-f"], is_tls_version, "is ab's version of TLS; here it is `--tlsv1.2` or `--tls-max 1.2`"),
    habit(
        &["-f", "--fail"],
        is_any,
        "is curl's; here it is `--threshold 'failed<1%'`, and a body's file is `-b @FILE`",
    ),
    habit(&["--data", "--data-raw", "--data-binary"], is_file, "is curl's; here it is `-b {}`"),
    habit(
        &["--data", "--data-raw", "--data-binary", "--data-urlencode"],
        is_any,
        "is curl's; here it is `-b 'TEXT'` or `-b @FILE`",
    ),
    habit(
        &["--json"],
        is_json,
        "is the report's file here; a body is `-b 'TEXT' -H 'Content-Type: application/json'`",
    ),
    habit(&["-F", "--form"], is_any, "is curl's; here the body is in a file as it is sent, `-b @FILE`"),
    habit(&["-G", "--get"], is_any, "is curl's; here the query is part of the URL"),
    habit(&["-I", "--head"], is_any, "is curl's; here it is `-m HEAD`"),
    habit(
        &["-T", "--content-type"],
        is_any,
        "is the body's type in hey, oha and ab; here it is `-H 'Content-Type: {}'`",
    ),
    habit(&["-a", "-A"], has_password, "is the user in hey, oha and ab; here it is `-u NAME:PASSWORD`"),
    habit(&["--basic-auth"], is_any, "is `-u NAME:PASSWORD` here"),
    habit(
        &["--oauth2-bearer", "--bearer"],
        is_any,
        "is a header here, `-H 'Authorization: Bearer TOKEN'`, or `bearer` of a plan",
    ),
    habit(
        &["-A", "--user-agent"],
        is_any,
        "is a header here: `-H 'User-Agent: NAME'`, or hey's `-H 'Accept: TYPE'`",
    ),
    habit(&["-C", "--cookie"], is_any, "is a header here: `-H 'Cookie: NAME=VALUE'`"),
    habit(&["-host", "--host", "--vhost"], is_any, "is a header here: `-H 'Host: {}'`"),
    habit(&["--compressed"], is_any, "is curl's; here it is `-H 'Accept-Encoding: gzip'`"),
    habit(
        &["--disable-compression", "-disable-compression"],
        is_any,
        "is so already, as no header asks for it: leave it out",
    ),
    habit(
        &["-targets", "--targets"],
        is_any,
        "is vegeta's; here requests are written in a plan, see docs/PLANS.md",
    ),
    habit(&["-s"], is_script, "is wrk's; here requests are written in a plan, see docs/PLANS.md"),
    habit(&["--script"], is_any, "is wrk's; here requests are written in a plan, see docs/PLANS.md"),
    habit(
        &["-e", "--env"],
        is_assignment,
        "is k6's; here a plan's keys are variables, such as VAJRA_RUN__SHARDS=2",
    ),
];

/// Connections, and what is spoken on them.
const CONNECTIONS: [Habit; 15] = [
    habit(
        &["-keepalive"],
        is_any,
        "is vegeta's, and so without it; a connection for each request is `--disable-keepalive`",
    ),
    habit(&["-root-certs"], is_any, "is `--cacert {}` here"),
    habit(&["-E"], is_any, "is `--cert FILE` here, with `--key FILE`"),
    habit(&["-Z", "--tls13-ciphers"], is_any, "is `--ciphers LIST` here, of all versions, by IANA names"),
    habit(
        &["--tlsv1", "--tlsv1.0", "--tlsv1.1", "--sslv2", "--sslv3"],
        is_any,
        "is a version of TLS that is not spoken: give `--tlsv1.2` or `--tlsv1.3`",
    ),
    habit(
        &["--pass", "--cert-type", "--key-type", "--p12", "--capath"],
        is_any,
        "is curl's; here certificates and keys are PEM files without a password",
    ),
    habit(
        &["--location", "--redirect"],
        is_any,
        "is `redirects = 5` of a request in a plan; without one, give the URL that the redirect leads to",
    ),
    habit(
        &["--disable-redirects", "-disable-redirects", "-redirects"],
        is_any,
        "is so already, redirects are not followed unless a plan asks for it: leave it out",
    ),
    habit(
        &["-h2", "-http2"],
        is_any,
        "is `--http2` here, or `--http2-prior-knowledge` where there is no TLS",
    ),
    habit(&["--h2c"], is_any, "is `--http2-prior-knowledge` here"),
    habit(&["--http-version"], is_any, "is `--http1.1`, `--http2` or `--http2-prior-knowledge` here"),
    habit(
        &["--http3", "--http3-only"],
        is_any,
        "is not spoken yet: requests are HTTP/1.1, or HTTP/2 with `--http2`",
    ),
    habit(
        &["-x", "--proxy"],
        is_any,
        "is a proxy, which there is no way through: give the target's own address",
    ),
    habit(&["--unix-socket"], is_any, "is part of the URL here: `unix:{}:/PATH`"),
    habit(
        &["-4", "-6", "--ipv4", "--ipv6"],
        is_any,
        "has no counterpart: give the address in place of the name",
    ),
];

/// What is shown and written.
const OUTPUT: [Habit; 16] = [
    habit(&["-o", "--out", "--output"], is_export, "is k6's; here it is `--timeseries FILE`"),
    habit(&["-o"], is_csv, "is hey's; here it is `--timeseries FILE.csv`; `--json FILE` is the report"),
    habit(&["-o", "--out", "--output"], is_any, "is `--json FILE` here, the report; bodies are not kept"),
    habit(&["--summary-export"], is_any, "is k6's; here it is `--json {}`"),
    habit(&["--json"], is_url, "is the report's file here; `--json -` is standard output"),
    habit(
        &["-j", "--output-format"],
        is_any,
        "is oha's and autocannon's; here it is `--json -`, or `--json FILE`",
    ),
    habit(&["-l"], is_any, "is bombardier's and autocannon's; here it is `-L`"),
    habit(
        &["-U", "--u_latency", "-B", "--batch_latency"],
        is_any,
        "is wrk2's; here service times are in every report: leave it out",
    ),
    habit(&["-e", "-g"], is_any, "is ab's table of percentiles; here it is `--hgrm FILE`"),
    habit(&["-i", "--include"], is_any, "is curl's; here `vajra check URL` shows what one request gets"),
    habit(&["-v", "--verbose"], is_any, "has no counterpart: `vajra check URL` shows what one request gets"),
    habit(&["-S", "--silent"], is_any, "is curl's; here it is `-q`"),
    habit(&["-s"], is_text, "is curl's; here it is `-q`"),
    habit(
        &["--no-tui"],
        is_any,
        "is oha's; here progress is on standard error, and `2>/dev/null` leaves it out",
    ),
    habit(&["--no-color", "--disable-color"], is_any, "is `--color never` here"),
    habit(
        &["-w", "--wait-ongoing-requests-after-deadline"],
        is_any,
        "is oha's; here what is under way may always finish: leave it out",
    ),
];

/// Flags of ours that tools written in Go have with one dash.
const WITH_TWO_DASHES: [&str; 15] = [
    "cert",
    "connections",
    "cores",
    "disable-keepalive",
    "duration",
    "header",
    "insecure",
    "key",
    "latency",
    "method",
    "qps",
    "requests",
    "shards",
    "threads",
    "timeout",
];

/// What is said of the first word that is another tool's, in one line.
pub(super) fn answer(words: &[OsString]) -> Option<String> {
    let words = words.iter().map_while(|word| word.to_str()).take_while(|word| *word != "--");
    let words: Vec<&str> = words.collect();
    (0..words.len()).find_map(|at| {
        let next = words.get(at + 1).filter(|next| **next == "-" || !next.starts_with('-'));
        answer_to(words[at], next.copied().unwrap_or_default())
    })
}

fn answer_to(word: &str, next: &str) -> Option<String> {
    let (whole, joined) = word.split_once('=').unwrap_or((word, ""));
    let value = if joined.is_empty() { next } else { joined };
    if let Some(answer) = known(whole, value) {
        return Some(answer);
    }
    let rest = word.strip_prefix('-').filter(|rest| !rest.starts_with('-'))?;
    if WITH_TWO_DASHES.iter().any(|long| whole.strip_prefix('-') == Some(long)) {
        return Some(format!("`{whole}` has two dashes here: `-{whole}`"));
    }
    // A digit with more behind it is a value, as of `-d -4s`.
    let letter = rest.chars().next().filter(|letter| !letter.is_ascii_digit() || rest.len() == 1)?;
    let joined = rest[letter.len_utf8()..].trim_start_matches('=');
    known(&format!("-{letter}"), if joined.is_empty() { next } else { joined })
}

fn known(flag: &str, value: &str) -> Option<String> {
    let tables: [&[Habit]; 4] = [&LOAD, &REQUESTS, &CONNECTIONS, &OUTPUT];
    let mut habits = tables.into_iter().flatten();
    let habit = habits.find(|habit| habit.flags.contains(&flag) && (habit.holds)(value))?;
    let value = if value.is_empty() { "…".into() } else { plain(&redact::told(value)) };
    Some(format!("`{flag}` {}", habit.answer.replace("{}", &value)))
}

fn is_any(_: &str) -> bool {
    true
}

/// A number, or a rate such as `100/s`.
fn is_number(value: &str) -> bool {
    Rate::parse(value).is_ok()
}

/// A time with its unit.
fn is_time(value: &str) -> bool {
    parse_duration_ns(value).is_ok()
}

fn is_time_or_number(value: &str) -> bool {
    is_time(value) || is_number(value)
}

/// What cannot be a time, not even a wrong one.
fn is_text(value: &str) -> bool {
    value.starts_with(|c: char| !c.is_ascii_digit() && !"+-.".contains(c))
}

fn is_file(value: &str) -> bool {
    value.starts_with('@')
}

/// `TLS1.2`, `SSL3` and the like, in capitals as ab has them.
fn is_tls_version(value: &str) -> bool {
    ["TLS", "SSL", "ALL"].iter().any(|begin| value.starts_with(begin))
}

fn is_json(value: &str) -> bool {
    value.starts_with(['{', '[', '"', '@'])
}

fn is_script(value: &str) -> bool {
    value.ends_with(".lua")
}

fn is_csv(value: &str) -> bool {
    value == "csv"
}

/// `json=FILE` and the like.
fn is_export(value: &str) -> bool {
    ["json", "csv"].iter().any(|kind| value.split('=').next() == Some(kind)) && value.contains('=')
}

fn is_assignment(value: &str) -> bool {
    value.contains('=')
}

fn is_url(value: &str) -> bool {
    value.contains("://")
}

/// `NAME:PASSWORD`, and no agent such as `Mozilla/5.0 (X11; rv:1)`.
fn has_password(value: &str) -> bool {
    value.contains(':') && !value.contains([' ', '/'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(words: &str) -> String {
        let words: Vec<OsString> = words.split_whitespace().map(OsString::from).collect();
        answer(&words).unwrap_or_default()
    }

    #[test]
    fn our_own_flags_are_no_habits() {
        for words in [
            "http://h/ -t2 -c100 -d30s -R2000 -L",
            "http://h/ -t 2 -c 100 -d 30 -R 100:2000 -n 10k -q",
            "http://h/ -m POST -X PUT -z 10s --qps 5 --json - --json report.json -qL",
            "http://h/ -H X-A:1 -b {} -b @file -u joe:secret --user=joe:secret",
            "http://h/ -mPOST -bbody -HAccept:x -d500ms -d.5s -d -5s --duration=-5s",
            "http://h/ -- -q 5",
            "https://h/ -k --insecure --cacert ca.pem --cert c.pem --key c.key --tlsv1.2 --tls-max 1.2 --http1.1",
            "https://h/ -kq --disable-keepalive --resolve h:443:::1 --connect-to h:443:i:8443",
        ] {
            assert_eq!(said(words), "", "{words}");
        }
    }

    #[test]
    fn a_value_is_found_wherever_it_stands_and_kept_where_it_may_be_a_secret() {
        for words in ["-q 100", "-q100", "-q=100"] {
            assert!(said(words).contains("`-R 100`"), "{words}: {}", said(words));
        }
        assert!(said("-rate=100/s").contains("`-R 100/s`"));
        assert_eq!(said("-duration=5s"), "`-duration` has two dashes here: `--duration`");
        for words in [
            "-a joe:s3cret",
            "-A joe:s3cret",
            "--cookie s3cret",
            "-d password=s3cret",
            "--data password=s3cret",
        ] {
            assert!(!said(words).is_empty() && !said(words).contains("s3cret"), "{words}: {}", said(words));
        }
    }

    #[test]
    fn an_answer_is_one_short_line_that_names_no_flag_twice() {
        let mut seen: Vec<(&str, &Habit)> = Vec::new();
        for habit in [&LOAD[..], &REQUESTS, &CONNECTIONS, &OUTPUT].into_iter().flatten() {
            assert!(!habit.answer.contains('\n') && habit.answer.len() < 100, "{}", habit.answer);
            for flag in habit.flags {
                let holds_always = |habit: &Habit| ["", "x", "1"].iter().all(|value| (habit.holds)(value));
                let is_hidden = seen.iter().any(|(seen, habit)| seen == flag && holds_always(habit));
                assert!(!is_hidden, "{flag} is answered before: {}", habit.answer);
                seen.push((flag, habit));
            }
        }
    }
}
