//! Flags about connections: TLS, keep-alive, and where to connect to. They are called as curl calls them, and each is a key of the plan.

use clap::{Args, ValueHint};
use engine::config::{Diagnostic, Layers, Origin};
use engine::plan::Plan;
use engine::redact;
use engine::url::{Endpoint, Url};
use toml::Value;

/// What is asked of connections.
#[derive(Args, Clone, Default)]
#[command(next_help_heading = "TLS and connections")]
pub(crate) struct ConnectionArgs {
    /// Take any certificate of the target.
    #[arg(
        long_help = "Take any certificate of the target, as curl's -k does. The report says so.",
        short = 'k',
        long,
        alias = "insecure-skip-tls-verify"
    )]
    pub(crate) insecure: bool,
    /// Trust the authorities in this PEM file alone.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) cacert: Option<String>,
    /// The certificate to show: a PEM file.
    #[arg(
        long_help = "The certificate to show, and those that lead to its authority: a PEM file. Its key may be in the same file; name it as --key as well.",
        long,
        value_name = "FILE",
        value_hint = ValueHint::FilePath,
    )]
    pub(crate) cert: Option<String>,
    /// The key of that certificate: a PEM file.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) key: Option<String>,
    /// Speak TLS 1.2 or later [default].
    #[arg(long = "tlsv1.2", hide_short_help = true)]
    pub(crate) at_least_1_2: bool,
    /// Speak TLS 1.3 or later.
    #[arg(long = "tlsv1.3", hide_short_help = true)]
    pub(crate) at_least_1_3: bool,
    /// The newest version of TLS to speak: 1.2, 1.3.
    #[arg(long, value_name = "VERSION", hide_short_help = true)]
    pub(crate) tls_max: Option<String>,
    /// Cipher suites to offer, by their IANA names.
    #[arg(
        long_help = "Cipher suites to offer, by their IANA names, separated by colons or commas: those of TLS 1.2 and of 1.3 in one list",
        long,
        value_name = "LIST",
        hide_short_help = true
    )]
    pub(crate) ciphers: Option<String>,
    /// Groups to exchange keys in: x25519:secp256r1.
    #[arg(long, value_name = "LIST", alias = "curves", hide_short_help = true)]
    pub(crate) groups: Option<String>,
    /// Protocols to offer by ALPN [default: http/1.1].
    #[arg(long, value_name = "LIST", hide_short_help = true)]
    pub(crate) alpn_list: Option<String>,
    /// The name to ask for and to check [default: the host].
    #[arg(long, value_name = "NAME", alias = "sni", hide_short_help = true)]
    pub(crate) server_name: Option<String>,
    /// Make a whole handshake for every connection.
    #[arg(long, alias = "no-sessionid", hide_short_help = true)]
    pub(crate) no_resumption: bool,
    /// Write the secrets of TLS sessions, for Wireshark.
    #[arg(
        long_help = "Write the secrets of TLS sessions to this file, in the form of SSLKEYLOGFILE, for Wireshark. The variable of that name is not heeded.",
        long,
        value_name = "FILE",
        value_hint = ValueHint::FilePath,
        hide_short_help = true
    )]
    pub(crate) keylog: Option<String>,
    /// Use each connection for one request.
    #[arg(long, alias = "no-connection-reuse")]
    pub(crate) disable_keepalive: bool,
    /// Speak HTTP/1.1, as is done anyway.
    #[arg(long = "http1.1", alias = "h1", hide_short_help = true)]
    pub(crate) http1_1: bool,
    /// Speak HTTP/2, which the target has to choose by ALPN.
    #[arg(long)]
    pub(crate) http2: bool,
    /// Speak HTTP/2 without TLS, unasked.
    #[arg(long, hide_short_help = true)]
    pub(crate) http2_prior_knowledge: bool,
    /// Requests under way on a connection of HTTP/2.
    #[arg(
        long_help = "Requests under way on one connection of HTTP/2 at a time [default: 1]",
        short = 's',
        long,
        value_name = "N",
        alias = "max-concurrent-streams"
    )]
    pub(crate) streams: Option<u32>,
    /// The window of HTTP/2 is 2 to the power of N bytes.
    #[arg(
        long_help = "How much may come on a stream of HTTP/2, and on a connection, before note is taken of it: 2 to the power of N bytes [default: 30]",
        long,
        value_name = "N",
        hide_short_help = true,
        value_parser = clap::value_parser!(u32).range(0..=30)
    )]
    pub(crate) window_bits: Option<u32>,
    /// How large the target's table of header fields may be.
    #[arg(long, value_name = "BYTES", hide_short_help = true)]
    pub(crate) header_table_size: Option<String>,
    /// Offer this subprotocol of WebSocket. Repeatable.
    #[arg(
        long_help = "Offer this subprotocol when a WebSocket is opened. May be given several times, the most wanted first.",
        long,
        value_name = "NAME",
        hide_short_help = true
    )]
    pub(crate) subprotocol: Vec<String>,
    /// How a reply over WebSocket or UDP finds its message: order, json:/id, be32@0, any, none.
    #[arg(
        long_help = "How a reply finds its message. Over WebSocket: in their order; by a value that both have, given as a JSON pointer such as json:/id; or not at all (none), where nobody replies [default: order]. Over UDP: by a number in a field such as be32@0, which is written into each message; the next reply is to the oldest message (any); by dns; or none [default: any, and dns for dns:// URLs]",
        long = "match",
        value_name = "RULE",
        hide_short_help = true
    )]
    pub(crate) matching: Option<String>,
    /// What ends a response over tcp://: delimiter:\\n, length:be32, bytes:512, close, none.
    #[arg(
        long_help = "What ends a response on a stream of bytes: a delimiter such as delimiter:\\r\\n, with the escapes \\n \\r \\t \\0 \\xNN; a length before it (length:be32, be16, le16 or le32); its size (bytes:512); the connection's end (close); or nothing, where nobody responds (none) [default: delimiter:\\n]",
        long,
        value_name = "RULE",
        hide_short_help = true
    )]
    pub(crate) ends: Option<String>,
    /// Connect to ADDRESS for HOST:PORT.
    #[arg(
        long_help = "Connect to this address where the URL names this host and port. Host header and TLS keep the URL's name. May be given several times.",
        long,
        value_name = "HOST:PORT:ADDRESS",
        hide_short_help = true
    )]
    pub(crate) resolve: Vec<String>,
    /// Connect to HOST2:PORT2 for HOST1:PORT1.
    #[arg(
        long_help = "Connect to HOST2:PORT2 where the URL names HOST1:PORT1, either of which may be left empty. Host header and TLS keep the URL's name. May be given several times.",
        long,
        value_name = "HOST1:PORT1:HOST2:PORT2",
        hide_short_help = true
    )]
    pub(crate) connect_to: Vec<String>,
}

impl ConnectionArgs {
    /// Puts what is given above what the layers say. `planned` is the plan of a report, where there is one.
    pub(crate) fn read(&self, planned: Option<&Plan>, layers: &mut Layers, wrong: &mut Vec<Diagnostic>) {
        self.read_verify(planned, layers, wrong);
        let texts = [
            ("tls.ca", "--cacert", &self.cacert),
            ("tls.cert", "--cert", &self.cert),
            ("tls.key", "--key", &self.key),
            ("tls.ciphers", "--ciphers", &self.ciphers),
            ("tls.groups", "--groups", &self.groups),
            ("tls.alpn", "--alpn-list", &self.alpn_list),
            ("tls.server_name", "--server-name", &self.server_name),
            ("tls.keylog", "--keylog", &self.keylog),
            ("http.header_table", "--header-table-size", &self.header_table_size),
            (self.matched(planned, layers), "--match", &self.matching),
            ("tcp.ends", "--ends", &self.ends),
        ];
        for (path, flag, text) in texts {
            if let Some(text) = text {
                layers.set(path, Value::String(text.clone()), Origin::Flag(format!("{flag} {text}")));
            }
        }
        let switches = [
            ("tls.resumption", "--no-resumption", self.no_resumption, Value::Boolean(false)),
            ("http.reuse", "--disable-keepalive", self.disable_keepalive, Value::Boolean(false)),
            ("http.version", "--http1.1", self.http1_1, Value::from("1.1")),
            ("http.version", "--http2", self.http2, Value::from("2")),
            (
                "http.version",
                "--http2-prior-knowledge",
                self.http2_prior_knowledge,
                Value::from("2-prior-knowledge"),
            ),
        ];
        for (path, flag, _, value) in switches.into_iter().filter(|(_, _, is_given, _)| *is_given) {
            layers.set(path, value, Origin::Flag(flag.to_owned()));
        }
        if !self.subprotocol.is_empty() {
            let names = self.subprotocol.iter().cloned().map(Value::String).collect();
            // One may be a token: browsers can send it nowhere else.
            let shown: Vec<String> = self.subprotocol.iter().map(|name| redact::subprotocol(name)).collect();
            let origin = Origin::Flag(format!("--subprotocol {}", shown.join(" ")));
            layers.set("websocket.subprotocols", Value::Array(names), origin);
        }
        if let Some(streams) = self.streams {
            let origin = Origin::Flag(format!("--streams {streams}"));
            layers.set("http.streams", Value::Integer(streams.into()), origin);
        }
        if let Some(bits) = self.window_bits {
            let origin = Origin::Flag(format!("--window-bits {bits}"));
            layers.set("http.window", Value::String((1_u64 << bits).to_string()), origin);
        }
        self.read_versions(layers, wrong);
        self.read_connect(planned, layers, wrong);
    }

    /// The key that says how replies find their messages.
    fn matched(&self, planned: Option<&Plan>, layers: &Layers) -> &'static str {
        let targets = targets(planned, layers);
        match targets.is_empty() || targets.iter().any(|(_, url)| !url.scheme.is_udp()) {
            true => "websocket.match",
            false => "udp.match",
        }
    }

    /// `-k` is ab's keep-alive as well, which has to be told from curl's.
    fn read_verify(&self, planned: Option<&Plan>, layers: &mut Layers, wrong: &mut Vec<Diagnostic>) {
        if !self.insecure {
            return;
        }
        let urls = targets(planned, layers);
        if !urls.is_empty() && urls.iter().all(|(_, url)| !url.scheme.is_tls()) {
            let problem = "`-k` is about certificates, and the target has none";
            let fix = "write an `https://`, `wss://`, `grpcs://` or `tls://` URL, or leave `-k` out: connections are kept alive without it";
            wrong.push(Diagnostic::of_flag("-k", problem, fix));
            return;
        }
        layers.set("tls.verify", Value::Boolean(false), Origin::Flag("-k".to_owned()));
    }

    /// At least and at most, in curl's words; either replaces what the plan says of versions.
    fn read_versions(&self, layers: &mut Layers, wrong: &mut Vec<Diagnostic>) {
        let (oldest, mut flags) = match (self.at_least_1_2, self.at_least_1_3) {
            (_, true) => ("1.3", vec!["--tlsv1.3".to_owned()]),
            (true, false) => ("1.2", vec!["--tlsv1.2".to_owned()]),
            (false, false) => ("1.2", Vec::new()),
        };
        let newest = self.tls_max.as_deref().unwrap_or("1.3");
        flags.extend(self.tls_max.iter().map(|max| format!("--tls-max {max}")));
        if flags.is_empty() {
            return;
        }
        let flags = flags.join(" ");
        match newest {
            "1.2" | "1.3" if oldest <= newest => {
                layers.set("tls.versions", Value::String(format!("{oldest}-{newest}")), Origin::Flag(flags));
            }
            "1.2" => {
                let problem = "no version of TLS is at least 1.3 and at most 1.2";
                wrong.push(Diagnostic::of_flag(flags, problem, "leave one out"));
            }
            other => {
                let problem = format!("`{other}` is not a version of TLS that is spoken");
                wrong.push(Diagnostic::of_flag(flags, problem, "write `--tls-max 1.2` or `--tls-max 1.3`"));
            }
        }
    }

    fn read_connect(&self, planned: Option<&Plan>, layers: &mut Layers, wrong: &mut Vec<Diagnostic>) {
        let resolved = self.resolve.iter().map(|text| (format!("--resolve {text}"), resolution(text)));
        let connected =
            self.connect_to.iter().map(|text| (format!("--connect-to {text}"), redirection(text)));
        for (flag, read) in resolved.chain(connected) {
            match read {
                Ok(redirection) => redirection.apply(&flag, planned, layers, wrong),
                Err((problem, fix)) => wrong.push(Diagnostic::of_flag(flag, problem, fix)),
            }
        }
    }
}

/// Where connections go in the place of a host and a port; what is absent is any, or stays as it is.
#[derive(Debug, PartialEq, Eq)]
struct Redirection {
    host: Option<String>,
    port: Option<u16>,
    to_host: Option<String>,
    to_port: Option<u16>,
}

impl Redirection {
    fn apply(&self, flag: &str, planned: Option<&Plan>, layers: &mut Layers, wrong: &mut Vec<Diagnostic>) {
        let targets = targets(planned, layers);
        let mut is_used = false;
        for (keys, url) in &targets {
            let Some(endpoint) = self.of(url) else { continue };
            is_used = true;
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            layers.set_at(&keys, Value::String(endpoint.to_string()), Origin::Flag(flag.to_owned()));
        }
        // Without any target that is told, and nothing follows from it.
        if !is_used && !targets.is_empty() {
            let known: Vec<String> = targets.iter().map(|(_, url)| url.endpoint.to_string()).collect();
            let fix = format!("targets are {}", known.join(", "));
            wrong.push(Diagnostic::of_flag(flag, "no target has this host and port", fix));
        }
    }

    /// Where a target's connections go, if they are meant.
    fn of(&self, url: &Url) -> Option<Endpoint> {
        let Endpoint::Tcp { host, port } = &url.endpoint else { return None };
        let is_host = self.host.as_ref().is_none_or(|meant| meant.eq_ignore_ascii_case(host));
        let is_port = self.port.is_none_or(|meant| meant == *port);
        (is_host && is_port).then(|| Endpoint::Tcp {
            host: self.to_host.clone().unwrap_or_else(|| host.clone()),
            port: self.to_port.unwrap_or(*port),
        })
    }
}

/// The targets that can be read, and the key by which each is connected to elsewhere.
pub(crate) fn targets(planned: Option<&Plan>, layers: &Layers) -> Vec<(Vec<String>, Url)> {
    let of = |value: Option<&Value>| value.and_then(Value::as_str).and_then(|url| Url::parse(url).ok());
    let key = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
    let mut targets: Vec<_> = of(layers.get("url")).map(|url| (key(&["connect"]), url)).into_iter().collect();
    let planned = planned.filter(|_| targets.is_empty());
    targets.extend(
        planned.iter().flat_map(|plan| &plan.targets).map(|target| (key(&["connect"]), target.url.clone())),
    );
    let named = layers.get("target").and_then(Value::as_table).into_iter().flatten();
    targets.extend(
        named.filter_map(|(name, table)| Some((key(&["target", name, "connect"]), of(table.get("url"))?))),
    );
    targets
}

/// What is wrong, and what to do about it.
type Wrong = (String, &'static str);

const RESOLVE: &str = "write `--resolve HOST:PORT:ADDRESS`";
const CONNECT_TO: &str = "write `--connect-to HOST1:PORT1:HOST2:PORT2`";

/// Reads `HOST:PORT:ADDRESS`. An IPv6 address may stand without brackets, as it is the last.
fn resolution(text: &str) -> Result<Redirection, Wrong> {
    let wrong = || (format!("`{text}` names no host, port and address"), RESOLVE);
    let parts = parts(text);
    let [host, port, address, rest @ ..] = &parts[..] else { return Err(wrong()) };
    let from_address = text.get(host.len() + port.len() + 2..).unwrap_or_default();
    let address = if rest.is_empty() { bare(address) } else { from_address };
    if address.contains(',') {
        return Err((format!("`{text}` names several addresses"), "name one, or the host in the URL alone"));
    }
    if address.parse::<std::net::IpAddr>().is_err() {
        return Err((format!("`{address}` is not an address"), "write an IP address, or use `--connect-to`"));
    }
    if host.is_empty() || host.starts_with(['+', '-', '*']) {
        return Err(wrong());
    }
    let port = Some(number(port).ok_or_else(wrong)?);
    Ok(Redirection {
        host: Some(bare(host).to_owned()),
        port,
        to_host: Some(address.to_owned()),
        to_port: None,
    })
}

/// Reads `HOST1:PORT1:HOST2:PORT2`, of which each part may be empty; or `HOST2:PORT2`, as h2load has it.
fn redirection(text: &str) -> Result<Redirection, Wrong> {
    let wrong = || (format!("`{text}` does not say where to connect to"), CONNECT_TO);
    let parts = parts(text);
    let (from, to) = match &parts[..] {
        [host, port] => (["", ""], [*host, *port]),
        [host, port, to_host, to_port] => ([*host, *port], [*to_host, *to_port]),
        _ => return Err(wrong()),
    };
    let host = |text: &str| (!text.is_empty()).then(|| bare(text).to_owned());
    let port = |text: &str| match text {
        "" => Ok(None),
        text => number(text).map(Some).ok_or_else(wrong),
    };
    let read = Redirection {
        host: host(from[0]),
        port: port(from[1])?,
        to_host: host(to[0]),
        to_port: port(to[1])?,
    };
    if read.to_host.is_none() && read.to_port.is_none() { Err(wrong()) } else { Ok(read) }
}

fn number(text: &str) -> Option<u16> {
    text.parse().ok().filter(|port| *port > 0)
}

/// What stands between the colons, but for those in brackets.
fn parts(text: &str) -> Vec<&str> {
    let mut depth = 0_i32;
    text.split(|c: char| {
        depth += i32::from(c == '[') - i32::from(c == ']');
        c == ':' && depth == 0
    })
    .collect()
}

/// An IPv6 address without its brackets.
fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(read: Result<Redirection, Wrong>, url: &str) -> Option<String> {
        Some(read.unwrap().of(&Url::parse(url).unwrap())?.to_string())
    }

    #[test]
    fn addresses_and_other_hosts_are_those_of_the_host_and_port_that_are_named() {
        let https = "https://Api.example.org/";
        assert_eq!(to(resolution("api.example.org:443:10.0.0.7"), https).unwrap(), "10.0.0.7:443");
        assert_eq!(to(resolution("api.example.org:443:::1"), https).unwrap(), "[::1]:443");
        assert_eq!(to(resolution("api.example.org:443:[fe80::1]"), https).unwrap(), "[fe80::1]:443");
        assert_eq!(to(resolution("api.example.org:80:10.0.0.7"), https), None);
        assert_eq!(to(redirection("api.example.org:443:other:8443"), https).unwrap(), "other:8443");
        assert_eq!(to(redirection("::other:"), https).unwrap(), "other:443");
        assert_eq!(to(redirection(":443::8443"), https).unwrap(), "Api.example.org:8443");
        assert_eq!(to(redirection("[::1]:80:[::2]:81"), "http://[::1]/").unwrap(), "[::2]:81");
        assert_eq!(to(redirection("other:8443"), https).unwrap(), "other:8443", "h2load");
        assert_eq!(to(redirection("other:8443"), "unix:/a.sock:/"), None);
    }

    #[test]
    fn what_names_no_host_port_and_place_is_refused() {
        for text in [
            "",
            "h",
            "h:443",
            "h:x:10.0.0.7",
            "h:0:10.0.0.7",
            "h:443:name",
            "*:443:10.0.0.7",
            "h:1:1.1.1.1,2.2.2.2",
        ] {
            assert!(resolution(text).is_err(), "{text}");
        }
        for text in ["", "h", "h:1:2", ":::", "h:1:x:y", "a:1:b:2:c"] {
            assert!(redirection(text).is_err(), "{text}");
        }
    }
}
