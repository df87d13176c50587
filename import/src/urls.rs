//! URLs as they were recorded, typed or described: a server, and a path with its query.

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use std::net::Ipv6Addr;
use std::num::NonZeroU16;

/// What may not stand in a path as it is. A percent sign stays: what was recorded is escaped already.
const PATH: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'\\').add(b'^').add(b'`');
/// What may not stand in a name or value of a query or a form.
const VALUE: &AsciiSet = &PATH
    .add(b'%')
    .add(b'&')
    .add(b'=')
    .add(b'+')
    .add(b'#')
    .add(b'?')
    .add(b'/')
    .add(b':')
    .add(b'@')
    .add(b'$')
    .add(b',')
    .add(b';')
    .add(b'{')
    .add(b'}')
    .add(b'|')
    .add(b'[')
    .add(b']')
    .add(b'!')
    .add(b'\'')
    .add(b'(')
    .add(b')')
    .add(b'*');

/// A URL in its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SplitUrl {
    /// Scheme and authority, in small letters: `https://shop.local:8443`.
    pub(crate) base: String,
    /// Without the port.
    pub(crate) host: String,
    /// `NAME:PASSWORD`, if the URL has them.
    pub(crate) user: Option<String>,
    /// Path and query, from the slash on, as they go over the wire. Without a fragment, which never does.
    pub(crate) path: String,
}

/// Takes a URL of HTTP apart; `None` for anything else.
pub(crate) fn split(url: &str) -> Option<SplitUrl> {
    let (scheme, rest) = url.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    if scheme != "http" && scheme != "https" {
        return None;
    }
    let rest = rest.split('#').next().unwrap_or(rest);
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (user, authority) = match authority.rsplit_once('@') {
        Some((user, authority)) => (Some(decoded(user)), authority),
        None => (None, authority),
    };
    let authority = authority.to_ascii_lowercase();
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => authority.split(':').next().unwrap_or(&authority),
    };
    let is_host = is_host(&authority, host);
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    is_host.then(|| SplitUrl {
        base: format!("{scheme}://{authority}"),
        host: host.to_owned(),
        user,
        path: on_the_wire(&path),
    })
}

/// Whether an authority is a host, or an address of IPv6 in brackets, and a port or none.
fn is_host(authority: &str, host: &str) -> bool {
    let (is_name, bare) = match authority.starts_with('[') {
        true => (host.parse::<Ipv6Addr>().is_ok(), format!("[{host}]")),
        false => {
            let is_letter = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
            (!host.is_empty() && host.chars().all(is_letter), host.to_owned())
        }
    };
    let is_port = |port: &str| {
        port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.parse::<NonZeroU16>().is_ok())
    };
    is_name && authority.strip_prefix(bare.as_str()).is_some_and(is_port)
}

/// A path as it can be sent: what would end it, and what a plan takes for a hole, is escaped.
pub(crate) fn on_the_wire(path: &str) -> String {
    utf8_percent_encode(path, PATH).to_string().replace("{{", "%7B%7B").replace("}}", "%7D%7D")
}

/// A value of a query or a form, escaped.
pub(crate) fn escaped(value: &str) -> String {
    utf8_percent_encode(value, VALUE).to_string()
}

/// The same without its escapes.
pub(crate) fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// A name or value of a form: a plus sign is a space in it.
pub(crate) fn form_decoded(text: &str) -> String {
    decoded(&text.replace('+', " "))
}

/// The names and values of a form's body, if it can be one.
pub(crate) fn form_fields(body: &str) -> Option<Vec<(String, String)>> {
    let field = |part: &str| {
        let (name, value) = part.split_once('=')?;
        Some((form_decoded(name), form_decoded(value)))
    };
    body.split('&').map(field).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_url_comes_apart() {
        let split = split("HTTPS://me:s%20t@Shop.local:8443/a b?q={{x}}#top").unwrap();
        assert_eq!(
            split,
            SplitUrl {
                base: "https://shop.local:8443".into(),
                host: "shop.local".into(),
                user: Some("me:s t".into()),
                path: "/a%20b?q=%7B%7Bx%7D%7D".into(),
            }
        );
        assert_eq!(super::split("http://[::1]:80?x").unwrap().path, "/?x");
        assert_eq!(super::split("http://[::1]:80?x").unwrap().host, "::1");
        for none in [
            "ws://h/",
            "data:text/plain,x",
            "http://",
            "/x",
            "http:// /x",
            "http://h:x",
            "http://[x]/",
            "http://`/",
        ] {
            assert_eq!(super::split(none), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn a_value_that_is_escaped_comes_back(value in any::<String>()) {
            prop_assert_eq!(form_decoded(&escaped(&value)), value.clone());
            let form = format!("a={}&{}=b", escaped(&value), escaped(&value));
            let fields = vec![("a".to_owned(), value.clone()), (value, "b".to_owned())];
            prop_assert_eq!(form_fields(&form), Some(fields));
        }

        #[test]
        fn any_text_is_split_or_not(text in "(http://)?[ -~]{0,40}") {
            if let Some(split) = split(&text) {
                prop_assert!(split.path.starts_with('/') && !split.path.contains([' ', '#']));
            }
        }
    }
}
