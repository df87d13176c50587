//! Options of curl: which take a value, and what they mean for a request.

/// What an option is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CurlOption {
    Method,
    Header,
    /// `--data`, where line breaks of files are taken out.
    Data,
    DataRaw,
    DataBinary,
    DataUrlencode,
    Json,
    Form,
    FormString,
    User,
    Bearer,
    Cookie,
    Agent,
    Referer,
    Head,
    Get,
    Insecure,
    Compressed,
    Http1,
    Http2,
    Http2Unasked,
    Location,
    MaxTime,
    ConnectTimeout,
    Url,
    Range,
    Upload,
    CaFile,
    Certificate,
    Key,
    /// About what curl prints, stores or tries again: a load test has no use for it.
    Silent,
    /// About the request or its connection, and not imported.
    LeftOut,
}

/// Each option: its letter, its name, whether a value follows, and what it is about.
#[rustfmt::skip]
const OPTIONS: [(char, &str, bool, CurlOption); 99] = {
    use CurlOption::*;
    [
        ('X', "request", true, Method), ('H', "header", true, Header), ('d', "data", true, Data),
        (' ', "data-ascii", true, Data), (' ', "data-raw", true, DataRaw), (' ', "data-binary", true, DataBinary),
        (' ', "data-urlencode", true, DataUrlencode), (' ', "json", true, Json), ('F', "form", true, Form),
        (' ', "form-string", true, FormString), ('u', "user", true, User), (' ', "oauth2-bearer", true, Bearer),
        ('b', "cookie", true, Cookie), ('A', "user-agent", true, Agent), ('e', "referer", true, Referer),
        ('I', "head", false, Head), ('G', "get", false, Get), ('k', "insecure", false, Insecure),
        (' ', "compressed", false, Compressed), ('0', "http1.0", false, LeftOut), (' ', "http1.1", false, Http1),
        (' ', "http2", false, Http2), (' ', "http2-prior-knowledge", false, Http2Unasked),
        (' ', "http3", false, LeftOut), (' ', "http3-only", false, LeftOut), ('L', "location", false, Location),
        (' ', "location-trusted", false, Location), ('m', "max-time", true, MaxTime),
        (' ', "connect-timeout", true, ConnectTimeout), (' ', "url", true, Url), ('r', "range", true, Range),
        ('T', "upload-file", true, Upload), (' ', "cacert", true, CaFile), ('E', "cert", true, Certificate),
        (' ', "key", true, Key),
        ('s', "silent", false, Silent), ('S', "show-error", false, Silent), ('v', "verbose", false, Silent),
        ('i', "include", false, Silent), (' ', "show-headers", false, Silent), ('f', "fail", false, Silent),
        (' ', "fail-with-body", false, Silent), (' ', "fail-early", false, Silent), ('#', "progress-bar", false, Silent),
        (' ', "no-progress-meter", false, Silent), ('N', "no-buffer", false, Silent), ('o', "output", true, Silent),
        ('O', "remote-name", false, Silent), ('J', "remote-header-name", false, Silent), (' ', "output-dir", true, Silent),
        (' ', "create-dirs", false, Silent), ('w', "write-out", true, Silent), ('D', "dump-header", true, Silent),
        ('c', "cookie-jar", true, Silent), ('j', "junk-session-cookies", false, Silent), (' ', "stderr", true, Silent),
        (' ', "trace", true, Silent), (' ', "trace-ascii", true, Silent), (' ', "trace-time", false, Silent),
        (' ', "retry", true, Silent), (' ', "retry-delay", true, Silent), (' ', "retry-max-time", true, Silent),
        (' ', "retry-all-errors", false, Silent), (' ', "retry-connrefused", false, Silent),
        (' ', "max-redirs", true, Silent), (' ', "styled-output", false, Silent), ('q', "disable", false, Silent),
        (' ', "parallel", false, Silent), ('Z', "parallel-immediate", false, Silent), (' ', "globoff", false, Silent),
        ('g', "globoff", false, Silent), (' ', "path-as-is", false, Silent), (' ', "keepalive-time", true, Silent),
        (' ', "basic", false, Silent), (' ', "limit-rate", true, LeftOut),
        ('x', "proxy", true, LeftOut), ('U', "proxy-user", true, LeftOut), (' ', "noproxy", true, LeftOut),
        (' ', "resolve", true, LeftOut), (' ', "connect-to", true, LeftOut), (' ', "interface", true, LeftOut),
        (' ', "unix-socket", true, LeftOut), (' ', "cert-type", true, LeftOut), (' ', "key-type", true, LeftOut),
        (' ', "pass", true, LeftOut), (' ', "capath", true, LeftOut), (' ', "ciphers", true, LeftOut),
        (' ', "curves", true, LeftOut), (' ', "tls-max", true, LeftOut), (' ', "aws-sigv4", true, LeftOut),
        (' ', "digest", false, LeftOut), ('n', "netrc", false, LeftOut), ('K', "config", true, LeftOut),
        ('Q', "quote", true, LeftOut), ('z', "time-cond", true, LeftOut), ('C', "continue-at", true, LeftOut),
        ('y', "speed-time", true, Silent), ('Y', "speed-limit", true, Silent), (' ', "request-target", true, LeftOut),
    ]
};

/// An option as it was typed, with what it means; `None` for a word that is no known one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CurlWord {
    Option {
        typed: String,
        option: CurlOption,
        value: Option<String>,
    },
    /// An option that is not known, and may have a value behind it.
    Unknown(String),
    /// An option at the end that needs a value.
    Lacking(String),
    /// What is no option: a URL.
    Plain(String),
    /// `--next`: what follows is another request.
    Next,
}

/// The words behind `curl`, with their values beside them.
pub(crate) fn read(words: &[String]) -> Vec<CurlWord> {
    let mut found = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if matches!(word.as_str(), "--next" | "-:") {
            found.push(CurlWord::Next);
        } else if let Some(name) = word.strip_prefix("--").filter(|name| !name.is_empty()) {
            let known = OPTIONS.iter().find(|(_, long, ..)| *long == name);
            found.push(known.map_or(CurlWord::Unknown(word.clone()), |(_, _, takes_value, option)| {
                with_value(word.clone(), *option, *takes_value, || words.next().cloned())
            }));
        } else if word.len() > 1 && word.starts_with('-') {
            found.extend(letters(&word[1..], &mut words));
        } else if word != "-" && word != "--" {
            found.push(CurlWord::Plain(word.clone()));
        }
    }
    found
}

fn with_value(
    typed: String,
    option: CurlOption,
    takes_value: bool,
    value: impl FnOnce() -> Option<String>,
) -> CurlWord {
    if !takes_value {
        return CurlWord::Option { typed, option, value: None };
    }
    match value() {
        Some(value) => CurlWord::Option { typed, option, value: Some(value) },
        None => CurlWord::Lacking(typed),
    }
}

/// Letters behind one dash: the first that takes a value has the rest of the word, or the next word.
fn letters<'a>(cluster: &str, words: &mut impl Iterator<Item = &'a String>) -> Vec<CurlWord> {
    let mut found = Vec::new();
    for (at, letter) in cluster.char_indices() {
        let typed = format!("-{letter}");
        let Some((_, _, takes_value, option)) = OPTIONS.iter().find(|(short, ..)| *short == letter) else {
            found.push(CurlWord::Unknown(typed));
            continue;
        };
        let rest = &cluster[at + letter.len_utf8()..];
        let value = || if rest.is_empty() { words.next().cloned() } else { Some(rest.to_owned()) };
        found.push(with_value(typed, *option, *takes_value, value));
        if *takes_value {
            break;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_stand_together_and_the_last_has_a_value() {
        let words: Vec<String> =
            ["-sXPOST", "-sd", "a=b", "--nonsense", "http://h/", "-H"].map(str::to_owned).into();
        let option = |typed: &str, option, value: Option<&str>| CurlWord::Option {
            typed: typed.into(),
            option,
            value: value.map(str::to_owned),
        };
        assert_eq!(
            read(&words),
            [
                option("-s", CurlOption::Silent, None),
                option("-X", CurlOption::Method, Some("POST")),
                option("-s", CurlOption::Silent, None),
                option("-d", CurlOption::Data, Some("a=b")),
                CurlWord::Unknown("--nonsense".into()),
                CurlWord::Plain("http://h/".into()),
                CurlWord::Lacking("-H".into()),
            ]
        );
    }

    #[test]
    fn no_option_stands_there_twice() {
        for (at, (short, long, ..)) in OPTIONS.iter().enumerate() {
            for (other_short, other_long, ..) in &OPTIONS[at + 1..] {
                assert!(*short == ' ' || short != other_short, "{short}");
                assert!(long != other_long || *short == ' ', "{long}");
            }
        }
    }
}
