//! The rules of a target's TLS: what can be asked of it together, and which ciphers and groups there are.
//!
//! What is in the files that it names is not known here, nor which of the ciphers a provider has: whoever makes connections says so.

use super::fields::{TlsSettings, TlsVersion};
use crate::config::hint;
use core::net::IpAddr;

/// The cipher suites that are spoken, by their IANA names, with the version that each is of and what OpenSSL calls it.
const CIPHERS: [(&str, TlsVersion, &str); 9] = [
    ("TLS_AES_128_GCM_SHA256", TlsVersion::V1_3, "TLS13-AES-128-GCM-SHA256"),
    ("TLS_AES_256_GCM_SHA384", TlsVersion::V1_3, "TLS13-AES-256-GCM-SHA384"),
    ("TLS_CHACHA20_POLY1305_SHA256", TlsVersion::V1_3, "TLS13-CHACHA20-POLY1305-SHA256"),
    ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", TlsVersion::V1_2, "ECDHE-ECDSA-AES128-GCM-SHA256"),
    ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", TlsVersion::V1_2, "ECDHE-ECDSA-AES256-GCM-SHA384"),
    ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", TlsVersion::V1_2, "ECDHE-ECDSA-CHACHA20-POLY1305"),
    ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", TlsVersion::V1_2, "ECDHE-RSA-AES128-GCM-SHA256"),
    ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", TlsVersion::V1_2, "ECDHE-RSA-AES256-GCM-SHA384"),
    ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", TlsVersion::V1_2, "ECDHE-RSA-CHACHA20-POLY1305"),
];
/// The groups that keys are exchanged in, by their IANA names, with what others call each.
const GROUPS: [(&str, &[&str]); 3] = [
    ("x25519", &["curve25519"]),
    ("secp256r1", &["p-256", "p256", "prime256v1"]),
    ("secp384r1", &["p-384", "p384"]),
];
/// The ALPN name of HTTP/2.
const HTTP_2: &str = "h2";
/// The longest name of a protocol, RFC 7301, section 3.1, and the longest name of a host, RFC 1035, section 2.3.4, in bytes.
const ALPN_BYTES_MAX: usize = 255;
const HOST_BYTES_MAX: usize = 253;

/// A rule that is broken: the part of the target, what is wrong, what to do, and what to write instead if that is clear.
pub(super) struct WrongSetting {
    pub(super) key: &'static str,
    pub(super) problem: String,
    pub(super) fix: String,
    pub(super) instead: Option<String>,
}

impl WrongSetting {
    fn new(key: &'static str, problem: impl Into<String>, fix: impl Into<String>) -> WrongSetting {
        WrongSetting { key, problem: problem.into(), fix: fix.into(), instead: None }
    }
}

impl TlsVersion {
    /// As it is written in a plan.
    fn number(self) -> &'static str {
        match self {
            TlsVersion::V1_2 => "1.2",
            TlsVersion::V1_3 => "1.3",
        }
    }
}

/// Reads `1.2`, `1.3`, or the oldest and the newest of both. Errors are what is wrong, and what to write instead.
pub(super) fn parse_versions(text: &str) -> Result<(TlsVersion, TlsVersion), (String, &'static str)> {
    let (oldest, newest) = text.split_once('-').unwrap_or((text, text));
    let version = |word: &str| match word.trim() {
        "1.2" => Ok(TlsVersion::V1_2),
        "1.3" => Ok(TlsVersion::V1_3),
        old @ ("1.0" | "1.1") => Err((format!("TLS {old} is not spoken: it is not secure"), "1.2-1.3")),
        _ => Err((format!("`{text}` is not a list of versions of TLS"), meant_versions(text))),
    };
    Ok((version(oldest)?, version(newest)?))
}

/// `TLSv1.3`, `tls1.2` and `13` are clear, though written otherwise.
fn meant_versions(text: &str) -> &'static str {
    let has = |minor: &str| ["1.", "1_", "1"].iter().any(|major| text.contains(&format!("{major}{minor}")));
    match (has("2"), has("3")) {
        (true, false) => "1.2",
        (false, true) => "1.3",
        _ => "1.2-1.3",
    }
}

/// What is spoken inside TLS, as far as its names tell that apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InsideTls {
    /// HTTP/1.1, or what begins with it.
    Http1,
    /// HTTP/2.
    Http2,
    /// Bytes that may be anything.
    Bytes,
}

/// All rules that these settings break, with this inside.
pub(super) fn wrong(settings: &TlsSettings, inside: InsideTls) -> Vec<WrongSetting> {
    let mut wrong = Vec::new();
    wrong.extend(versions(settings));
    wrong.extend(files(settings));
    wrong.extend(server_name(settings));
    wrong.extend(lists(settings));
    wrong.extend(ciphers(settings));
    wrong.extend(groups(settings));
    wrong.extend(alpn(settings, inside));
    wrong
}

fn versions(settings: &TlsSettings) -> Option<WrongSetting> {
    let TlsSettings { oldest, newest, .. } = settings;
    (oldest > newest).then(|| {
        let problem = format!(
            "TLS {} as the oldest version is newer than {} as the newest",
            oldest.number(),
            newest.number()
        );
        let instead = Some(format!("{}-{}", newest.number(), oldest.number()));
        WrongSetting { instead, ..WrongSetting::new("transport.tls.versions", problem, "") }
    })
}

fn files(settings: &TlsSettings) -> Vec<WrongSetting> {
    let TlsSettings { ca, cert, key, keylog, .. } = settings;
    let mut wrong = Vec::new();
    for (name, file) in [
        ("transport.tls.ca", ca),
        ("transport.tls.cert", cert),
        ("transport.tls.key", key),
        ("transport.tls.keylog", keylog),
    ] {
        if file.as_ref().is_some_and(|file| file.is_empty() || file.contains('\0')) {
            wrong.push(WrongSetting::new(name, "it names no file", "name one, or leave it out"));
        }
    }
    match (cert, key) {
        (Some(_), None) => {
            let fix = "name the key's file as well, as `key`; it may be the same file";
            wrong.push(WrongSetting::new(
                "transport.tls.cert",
                "there is a certificate and no key for it",
                fix,
            ));
        }
        (None, Some(_)) => {
            let fix = "name the certificate's file as well, as `cert`; it may be the same file";
            wrong.push(WrongSetting::new(
                "transport.tls.key",
                "there is a key and no certificate of it",
                fix,
            ));
        }
        _ => {}
    }
    if keylog.is_some() && [ca, cert, key].contains(&keylog) {
        let problem = "what is written there would destroy what is read from it";
        wrong.push(WrongSetting::new("transport.tls.keylog", problem, "name a file of its own"));
    }
    wrong
}

fn server_name(settings: &TlsSettings) -> Option<WrongSetting> {
    let name = settings.server_name.as_deref()?;
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    let is_name = name.len() <= HOST_BYTES_MAX && name.trim_end_matches('.').split('.').all(is_label);
    (!is_name && name.parse::<IpAddr>().is_err()).then(|| {
        let problem = format!("`{name}` is not the name of a server");
        WrongSetting::new(
            "transport.tls.server_name",
            problem,
            "names look like `api.example.org`, without a port",
        )
    })
}

/// Nothing is named twice.
fn lists(settings: &TlsSettings) -> Vec<WrongSetting> {
    let TlsSettings { ciphers, groups, alpn, .. } = settings;
    let twice = |(key, names): (&'static str, &Vec<String>)| {
        let mut named = names.iter().enumerate();
        let (_, name) = named.find(|(index, name)| names[..*index].contains(name))?;
        Some(WrongSetting::new(key, format!("`{name}` is named twice"), "name it once"))
    };
    [("transport.tls.ciphers", ciphers), ("transport.tls.groups", groups), ("transport.tls.alpn", alpn)]
        .into_iter()
        .filter_map(twice)
        .collect()
}

fn ciphers(settings: &TlsSettings) -> Vec<WrongSetting> {
    let TlsSettings { ciphers, oldest, newest, .. } = settings;
    let known = |name: &String| CIPHERS.iter().find(|(known, ..)| known == name);
    let unknown: Vec<WrongSetting> =
        ciphers.iter().filter(|name| known(name).is_none()).map(|name| unknown_cipher(name)).collect();
    let is_offered =
        |name: &String| known(name).is_some_and(|(_, version, _)| (oldest..=newest).contains(&version));
    if unknown.is_empty() && !ciphers.is_empty() && !ciphers.iter().any(is_offered) {
        let other = if *newest == TlsVersion::V1_2 { TlsVersion::V1_3 } else { TlsVersion::V1_2 };
        let problem = format!("all of them are of TLS {}, which is not to be spoken", other.number());
        let fix = format!("name some of TLS {}, or allow both `versions`", newest.number());
        return vec![WrongSetting::new("transport.tls.ciphers", problem, fix)];
    }
    unknown
}

fn unknown_cipher(name: &str) -> WrongSetting {
    let is_same = |(iana, _, openssl): &&(&str, TlsVersion, &str)| {
        openssl.eq_ignore_ascii_case(name) || iana.eq_ignore_ascii_case(&name.replace('-', "_"))
    };
    let names: Vec<&str> = CIPHERS.iter().map(|(iana, ..)| *iana).collect();
    let fix = match CIPHERS.iter().find(is_same) {
        Some((iana, ..)) => format!("write `{iana}`"),
        None => hint(name, &names),
    };
    WrongSetting::new("transport.tls.ciphers", format!("`{name}` is not a cipher suite that is spoken"), fix)
}

fn groups(settings: &TlsSettings) -> Vec<WrongSetting> {
    let names = GROUPS.map(|(iana, _)| iana);
    let unknown = settings.groups.iter().filter(|name| !names.contains(&name.as_str()));
    let told = |name: &String| {
        let lower = name.to_ascii_lowercase();
        let same = GROUPS.iter().find(|(iana, others)| *iana == lower || others.contains(&lower.as_str()));
        let fix = match same {
            Some((iana, _)) => format!("write `{iana}`"),
            None => hint(name, &names),
        };
        WrongSetting::new(
            "transport.tls.groups",
            format!("`{name}` is not a group that keys are exchanged in"),
            fix,
        )
    };
    unknown.map(told).collect()
}

fn alpn(settings: &TlsSettings, inside: InsideTls) -> Vec<WrongSetting> {
    let wrong = |problem: String, fix: String| WrongSetting::new("transport.tls.alpn", problem, fix);
    let told = |name: &String| match name.as_str() {
        "h3" if inside != InsideTls::Bytes => {
            Some(wrong("HTTP/3 is not supported yet".into(), "leave it out".into()))
        }
        HTTP_2 if inside == InsideTls::Http1 => {
            let fix = "write `version = \"2\"` under `[http]` (`--http2`), or leave it out";
            Some(wrong("requests are HTTP/1.1, which `h2` is not".into(), fix.into()))
        }
        "" => Some(wrong("a name without letters cannot be offered".into(), "leave it out".into())),
        name if name.len() > ALPN_BYTES_MAX => {
            let problem = format!("a name of {} bytes cannot be offered", name.len());
            Some(wrong(problem, format!("names have 1 to {ALPN_BYTES_MAX} bytes")))
        }
        _ => None,
    };
    let has_h2 = settings.alpn.is_empty() || settings.alpn.iter().any(|name| name == HTTP_2);
    let missing = (inside == InsideTls::Http2 && !has_h2).then(|| {
        wrong("requests are HTTP/2, which is not offered".into(), "offer `h2`, or leave it out".into())
    });
    settings.alpn.iter().filter_map(told).chain(missing).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(settings: &TlsSettings) -> String {
        let one = |wrong: &WrongSetting| {
            format!("{}: {}; {}", wrong.key.trim_start_matches("transport.tls."), wrong.problem, wrong.fix)
        };
        wrong(settings, InsideTls::Http1).iter().map(one).collect::<Vec<_>>().join("\n")
    }

    fn texts(words: &str) -> Vec<String> {
        words.split(' ').map(String::from).collect()
    }

    #[test]
    fn what_can_be_spoken_breaks_no_rule() {
        let default = TlsSettings::default();
        let all = TlsSettings {
            ca: Some("ca.pem".into()),
            cert: Some("both.pem".into()),
            key: Some("both.pem".into()),
            keylog: Some("keys.log".into()),
            server_name: Some("api.example.org".into()),
            ciphers: CIPHERS.iter().map(|(iana, ..)| (*iana).to_owned()).collect(),
            groups: GROUPS.iter().map(|(iana, _)| (*iana).to_owned()).collect(),
            alpn: texts("http/1.1 http/1.0"),
            ..TlsSettings::default()
        };
        let of_address = TlsSettings { server_name: Some("::1".into()), ..TlsSettings::default() };
        for settings in [default, all, of_address] {
            assert_eq!(told(&settings), "");
        }
    }

    #[test]
    fn versions_are_one_or_a_range() {
        use TlsVersion::{V1_2, V1_3};
        assert_eq!(parse_versions("1.2-1.3"), Ok((V1_2, V1_3)));
        assert_eq!(parse_versions("1.3"), Ok((V1_3, V1_3)));
        assert_eq!(parse_versions(" 1.2 "), Ok((V1_2, V1_2)));
        for (text, instead) in
            [("TLSv1.3", "1.3"), ("tls1.2", "1.2"), ("1.1-1.2", "1.2-1.3"), ("all", "1.2-1.3")]
        {
            assert_eq!(parse_versions(text).unwrap_err().1, instead, "{text}");
        }
    }

    #[test]
    fn what_cannot_go_together_is_told_at_its_key() {
        let settings = TlsSettings::default;
        for (settings, words) in [
            (TlsSettings { cert: Some("c".into()), ..settings() }, "cert: there is a certificate and no key"),
            (TlsSettings { key: Some("k".into()), ..settings() }, "key: there is a key and no certificate"),
            (TlsSettings { ca: Some(String::new()), ..settings() }, "ca: it names no file"),
            (
                TlsSettings { ca: Some("a".into()), keylog: Some("a".into()), ..settings() },
                "keylog: what is written there would destroy",
            ),
            (
                TlsSettings { oldest: TlsVersion::V1_3, newest: TlsVersion::V1_2, ..settings() },
                "versions: TLS 1.3 as the oldest",
            ),
            (
                TlsSettings { server_name: Some("h:443".into()), ..settings() },
                "server_name: `h:443` is not the name",
            ),
            (TlsSettings { groups: texts("x25519 x25519"), ..settings() }, "groups: `x25519` is named twice"),
            (TlsSettings { alpn: texts("http/1.1 h2"), ..settings() }, "alpn: requests are HTTP/1.1, which"),
            (TlsSettings { alpn: texts("h3"), ..settings() }, "alpn: HTTP/3 is not supported yet"),
        ] {
            assert!(told(&settings).starts_with(words) && told(&settings).lines().count() == 1, "{words}");
        }
    }

    #[test]
    fn ciphers_and_groups_are_told_by_the_names_that_others_give_them() {
        for (cipher, fix) in [
            ("ECDHE-RSA-AES128-GCM-SHA256", "write `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256`"),
            ("tls_aes_128_gcm_sha256", "write `TLS_AES_128_GCM_SHA256`"),
            ("TLS_AES_128_GCM_SHA265", "did you mean `TLS_AES_128_GCM_SHA256`?"),
            ("AES128-SHA", "there are TLS_AES_128_GCM_SHA256, "),
        ] {
            let settings = TlsSettings { ciphers: texts(cipher), ..TlsSettings::default() };
            assert!(told(&settings).contains(fix), "{cipher}: {}", told(&settings));
        }
        for (group, fix) in
            [("P-256", "write `secp256r1`"), ("X25519", "write `x25519`"), ("secp521r1", "secp")]
        {
            let settings = TlsSettings { groups: texts(group), ..TlsSettings::default() };
            assert!(told(&settings).contains(fix), "{group}: {}", told(&settings));
        }
        let of_1_3 = texts("TLS_AES_128_GCM_SHA256");
        let settings = TlsSettings { ciphers: of_1_3, newest: TlsVersion::V1_2, ..TlsSettings::default() };
        assert!(told(&settings).contains("all of them are of TLS 1.3"), "{}", told(&settings));
    }
}
