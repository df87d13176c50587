//! How a target is reached and spoken to: what stands in `connect`, and in the tables that are called as protocols are.
//!
//! A key of the target's own tables comes before that of the plan's. Files are named, and looked at only to see that they can be read.

use super::PlanReader;
use super::datagrams::UDP_FIX;
use super::keys::{TargetKeys, has_identity};
use crate::config::{
    Diagnostic, GrpcConfig, HttpConfig, TargetConfig, TcpConfig, Text, Texts, TlsConfig, UdpConfig,
    WebSocketConfig, closest,
};
use crate::plan::bounds::{
    HEADER_TABLE_BYTES_DEFAULT, HEADER_TABLE_BYTES_MAX, PING_NS_MIN, WINDOW_BYTES_DEFAULT, WINDOW_BYTES_MAX,
};
use crate::plan::encryption::parse_versions;
use crate::plan::fields::{GrpcSource, ReplyMatching, Target, TargetProtocol, TlsSettings, Transport};
use crate::plan::message_end::{ENDS_FIX, MessageEnd};
use crate::quantity::parse_bytes;
use crate::url::{Endpoint, Scheme, Url};
use std::ops::RangeInclusive;

/// What to do where TLS is asked for and the URL is of another kind.
const PLAIN_FIX: &str =
    "write `https://…`, `wss://…`, `grpcs://…` or `tls://…` as its URL, or leave this out";
/// The same for WebSocket.
const SOCKET_FIX: &str = "write `ws://…` or `wss://…` as its URL, or leave this out";
/// The same for a stream of bytes.
const STREAM_FIX: &str = "write `tcp://HOST:PORT` or `tls://HOST:PORT` as its URL, or leave this out";
/// The same for gRPC.
const GRPC_FIX: &str = "write `grpc://…` or `grpcs://…` as its URL, or leave this out";

impl PlanReader<'_> {
    /// What carries the protocol to a target: TLS where its URL says so, as the plan and the target say.
    pub(super) fn transport(&mut self, own: &TargetConfig, url: &Url, keys: &TargetKeys) -> Transport {
        if url.scheme.is_tls() {
            let settings = self.tls_settings(&merged(&own.tls, &self.config.tls), keys);
            return Transport::Tls(settings);
        }
        // A URL that could not be read may have been one of https.
        if own.tls != TlsConfig::default() && !self.is_wrong(&keys.url) {
            let problem = format!("TLS is asked for, and {url} is not a target of it");
            self.wrong(&keys.of("transport"), problem, PLAIN_FIX);
        }
        Transport::Plain
    }

    /// The plan's own settings are of no target: none has TLS.
    pub(super) fn check_tls_is_used(&mut self, has_tls: bool) {
        let is_known = !self.keys.targets.iter().any(|keys| self.is_wrong(&keys.url));
        if self.config.tls != TlsConfig::default() && !has_tls && is_known {
            let problem = "TLS is asked for, and no target's URL begins with `https://`, `wss://`, `grpcs://` or `tls://`";
            self.wrong("tls", problem, PLAIN_FIX);
        }
    }

    fn tls_settings(&mut self, config: &TlsConfig, keys: &TargetKeys) -> TlsSettings {
        let default = TlsSettings::default();
        let (oldest, newest) = match &config.versions {
            None => (default.oldest, default.newest),
            Some(Text(text)) => {
                let path = keys.of("transport.tls.versions");
                let wrong = |(problem, instead)| Diagnostic::at(path, problem, "").with_value(instead);
                self.take_with(parse_versions(text), wrong).unwrap_or((default.oldest, default.newest))
            }
        };
        let verify = config.verify.unwrap_or(default.verify);
        if !verify {
            let problem = "certificates are not verified: whoever answers is taken for the target";
            let fix = "name the authority that is trusted as `ca`, unless this is meant";
            self.note(Diagnostic::at(keys.of("transport.tls.verify"), problem, fix));
        }
        let mut read = |name: &str, file: &Option<Text>| self.readable(file, &keys.of(name));
        TlsSettings {
            verify,
            ca: read("transport.tls.ca", &config.ca),
            cert: read("transport.tls.cert", &config.cert),
            key: read("transport.tls.key", &config.key),
            server_name: config.server_name.as_ref().map(|text| text.0.clone()),
            oldest,
            newest,
            ciphers: names(&config.ciphers),
            groups: names(&config.groups),
            alpn: names(&config.alpn),
            resumption: config.resumption.unwrap_or(default.resumption),
            keylog: config.keylog.as_ref().map(|text| text.0.clone()),
        }
    }

    /// A file that can be read. What is in it is looked at where connections are made, and is never in a plan.
    fn readable(&mut self, file: &Option<Text>, path: &str) -> Option<String> {
        let Text(name) = file.as_ref()?;
        if !name.is_empty()
            && let Err(cause) = (self.files.whole)(name)
        {
            let problem = format!("`{name}` cannot be read: {cause}");
            let wrong =
                Diagnostic::at(path, problem, "name a file that can be read from where Vajra is started");
            let wrong = match name.strip_prefix('@') {
                Some(bare) => Diagnostic { fix: String::new(), ..wrong.with_value(bare) },
                None => wrong,
            };
            // What stands once in the config may be of several targets.
            if !self.diagnostics.contains(&wrong) {
                self.diagnostics.push(wrong);
            }
        }
        Some(name.clone())
    }

    /// What is spoken with a target.
    pub(super) fn protocol(
        &mut self,
        own: &TargetConfig,
        url: &Url,
        is_grpc: bool,
        keys: &TargetKeys,
    ) -> TargetProtocol {
        if own.tcp != TcpConfig::default() && !url.scheme.is_stream() && !self.is_wrong(&keys.url) {
            let problem = format!("a stream of bytes is asked for, and {url} is none");
            self.wrong(&keys.of("protocol.tcp"), problem, STREAM_FIX);
        }
        if url.scheme.is_udp() {
            return self.udp(own, url, keys);
        }
        // A URL that could not be read may have been one of any kind.
        if own.udp != UdpConfig::default() && !self.is_wrong(&keys.url) {
            let problem = format!("UDP is asked for, and {url} is not a target of it");
            self.wrong(&keys.of("protocol.udp"), problem, UDP_FIX);
        }
        if url.scheme.is_websocket() {
            return self.websocket(own, url, keys);
        }
        if own.websocket != WebSocketConfig::default() && !self.is_wrong(&keys.url) {
            let problem = format!("WebSocket is asked for, and {url} is not a target of it");
            self.wrong(&keys.of("protocol.websocket"), problem, SOCKET_FIX);
        }
        if url.scheme.is_stream() {
            return self.stream(own, url, keys);
        }
        let http = merged_http(&own.http, &self.config.http);
        let is_2 = match &http.version {
            version if is_grpc => {
                self.check_version_of_grpc(version.as_ref(), keys);
                true
            }
            Some(Text(version)) => self.is_version_2(version, url, &keys.of("protocol.http1.version")),
            None => false,
        };
        match is_2 {
            true => self.http2(own, &http, keys),
            false => self.http1(own, &http, keys),
        }
    }

    /// gRPC is carried by HTTP/2, whether that is written or not.
    fn check_version_of_grpc(&mut self, version: Option<&Text>, keys: &TargetKeys) {
        let Some(Text(version)) = version else { return };
        if !matches!(version.as_str(), "auto" | "2" | "2-prior-knowledge") {
            let problem = format!("gRPC is carried by HTTP/2, and `{version}` is asked for");
            self.wrong_once(Diagnostic::at(keys.of("protocol.http1.version"), problem, "leave it out"));
        }
    }

    /// Whether gRPC is spoken with a target, and how it is known what can be called.
    pub(super) fn grpc(&mut self, own: &TargetConfig, url: &Url, keys: &TargetKeys) -> Option<GrpcSource> {
        let config = merged_grpc(&own.grpc, &self.config.grpc);
        let has_scheme = matches!(url.endpoint, Endpoint::Tcp { .. });
        let is_grpc = if has_scheme { url.scheme.is_grpc() } else { config != GrpcConfig::default() };
        if !is_grpc {
            // A URL that could not be read may have been one of gRPC.
            if own.grpc != GrpcConfig::default() && !self.is_wrong(&keys.url) {
                let problem = format!("gRPC is asked for, and {url} is not a target of it");
                self.wrong(&keys.of("grpc"), problem, GRPC_FIX);
            }
            return None;
        }
        let list = |texts: &Option<Texts>| texts.clone().unwrap_or_default().0;
        let (proto, import_paths) = (list(&config.proto), list(&config.import_paths));
        let reflection = config.reflection.unwrap_or(proto.is_empty());
        if reflection != proto.is_empty() {
            let (problem, fix) = match reflection {
                true => ("methods are told by files and by the target", "leave out `proto` or `reflection`"),
                false => ("neither a file nor the target tells what can be called", "name a file as `proto`"),
            };
            self.wrong_once(Diagnostic::at(keys.of("grpc.reflection"), problem, fix));
        }
        Some(GrpcSource { proto, import_paths, reflection })
    }

    fn http1(&mut self, own: &TargetConfig, http: &HttpConfig, keys: &TargetKeys) -> TargetProtocol {
        let of_version_2 = [
            ("streams", http.streams.is_some()),
            ("window", http.window.is_some()),
            ("header_table", http.header_table.is_some()),
        ];
        for (key, _) in of_version_2.into_iter().filter(|(_, is_given)| *is_given) {
            let problem = format!("`{key}` is of HTTP/2, and HTTP/1.1 is to be spoken");
            let fix = match key {
                "streams" => {
                    "write `version = \"2\"` beside it (`--http2`), or leave it out; what ab calls `-s` is `--timeout`"
                }
                _ => "write `version = \"2\"` beside it (`--http2`), or leave it out",
            };
            self.wrong_once(Diagnostic::at(keys.of(&format!("protocol.http1.{key}")), problem, fix));
        }
        let pipeline = own.pipeline.or(self.config.run.pipeline).unwrap_or(1);
        TargetProtocol::Http1 { pipeline, reuse: http.reuse.unwrap_or(true) }
    }

    fn http2(&mut self, own: &TargetConfig, http: &HttpConfig, keys: &TargetKeys) -> TargetProtocol {
        if own.pipeline.or(self.config.run.pipeline).is_some() {
            let problem = "HTTP/2 has no pipeline: requests under way on a connection are its streams";
            let fix = "write `streams` under `[http]` (`--streams`)";
            self.wrong_once(Diagnostic::at(keys.of("pipeline"), problem, fix));
        }
        if http.reuse == Some(false) {
            let problem = "a connection of HTTP/2 for each request is not supported yet";
            let fix = "leave it out, or speak HTTP/1.1";
            self.wrong_once(Diagnostic::at(keys.of("protocol.http1.reuse"), problem, fix));
        }
        let window = (&http.window, "protocol.http1.window");
        let table = (&http.header_table, "protocol.http1.header_table");
        TargetProtocol::Http2 {
            streams: http.streams.unwrap_or(1),
            window_bytes: self.bytes(window, WINDOW_BYTES_DEFAULT, 1..=WINDOW_BYTES_MAX, keys),
            header_table_bytes: self.bytes(
                table,
                HEADER_TABLE_BYTES_DEFAULT,
                0..=HEADER_TABLE_BYTES_MAX,
                keys,
            ),
        }
    }

    fn websocket(&mut self, own: &TargetConfig, url: &Url, keys: &TargetKeys) -> TargetProtocol {
        if own.http != HttpConfig::default() {
            let problem = format!("HTTP is asked for, and {url} is a target of WebSocket");
            let fix = "write `http://…` or `https://…` as its URL, or leave this out";
            self.wrong(&keys.of("protocol.http"), problem, fix);
        }
        let WebSocketConfig { subprotocols, matching, ping } =
            merged_websocket(&own.websocket, &self.config.websocket);
        let ping_ns = ping.is_some().then(|| {
            // What cannot be read is told, and has a value in its place.
            self.positive(&ping, &keys.of("protocol.websocket.ping"), PING_NS_MIN)
        });
        let matching = match matching {
            None => ReplyMatching::Order,
            Some(Text(text)) => self.matching(&text, &keys.of("protocol.websocket.match")),
        };
        let pipeline = own.pipeline.or(self.config.run.pipeline).unwrap_or(1);
        TargetProtocol::WebSocket { pipeline, subprotocols: listed(&subprotocols), matching, ping_ns }
    }

    /// A stream of bytes. Whoever says nothing of it sends lines, and gets lines.
    fn stream(&mut self, own: &TargetConfig, url: &Url, keys: &TargetKeys) -> TargetProtocol {
        let alien = [
            ("protocol.http", "HTTP", own.http != HttpConfig::default()),
            ("headers", "a header", !own.headers.is_empty()),
        ];
        for (part, what, _) in alien.into_iter().filter(|(_, _, is_given)| *is_given) {
            let problem = format!("{what} is asked for, and {url} is a stream of bytes");
            self.wrong(
                &keys.of(part),
                problem,
                "write `http://…` or `https://…` as its URL, or leave this out",
            );
        }
        let default = MessageEnd::Delimiter(b"\n".to_vec());
        let ends = own.tcp.ends.as_ref().or(self.config.tcp.ends.as_ref());
        let ends =
            ends.map_or(Ok(default.clone()), |Text(text)| MessageEnd::parse(text)).unwrap_or_else(|cause| {
                let wrong = Diagnostic::at(keys.of("protocol.tcp.ends"), cause.problem, "");
                self.wrong_once(match cause.instead {
                    Some(instead) => wrong.with_value(instead),
                    None => Diagnostic { fix: ENDS_FIX.into(), ..wrong },
                });
                default
            });
        let greeting = own.tcp.greeting.or(self.config.tcp.greeting).unwrap_or(false);
        let pipeline = own.pipeline.or(self.config.run.pipeline).unwrap_or(1);
        TargetProtocol::Tcp { pipeline, ends, greeting }
    }

    /// How replies find their messages, as it is typed.
    fn matching(&mut self, text: &str, path: &str) -> ReplyMatching {
        match (text, text.strip_prefix("json:")) {
            ("order", _) => ReplyMatching::Order,
            ("none", _) => ReplyMatching::None,
            (_, Some(pointer)) => ReplyMatching::Json(pointer.to_owned()),
            _ => {
                let meant = match text {
                    _ if text.starts_with('/') => Some(format!("json:{text}")),
                    "json" | "id" => Some("json:/id".to_owned()),
                    "no" | "one-way" | "off" | "false" | "ignore" => Some("none".to_owned()),
                    _ => closest(text, &["order", "none"]).map(str::to_owned),
                };
                let wrong = Diagnostic::at(
                    path,
                    format!("`{text}` is no way in which a reply finds its message"),
                    "",
                );
                self.wrong_once(match meant {
                    Some(meant) => wrong.with_value(meant),
                    None => Diagnostic { fix: "there are `order`, `json:/id` and `none`".into(), ..wrong },
                });
                ReplyMatching::Order
            }
        }
    }

    /// What the plan says of a protocol is of at least one target.
    pub(super) fn check_protocols_are_used(&mut self, targets: &[Target]) {
        if self.keys.targets.iter().any(|keys| self.is_wrong(&keys.url)) {
            return;
        }
        let is_websocket = |target: &Target| target.url.scheme.is_websocket();
        let is_stream = |target: &Target| target.url.scheme.is_stream();
        let is_udp = |target: &Target| target.url.scheme.is_udp();
        let is_other = |target: &Target| is_websocket(target) || is_stream(target) || is_udp(target);
        let http_fix = "leave it out, or write `http://…` or `https://…` as a URL";
        if self.config.http != HttpConfig::default() && targets.iter().all(is_other) {
            let problem = match targets.iter().all(is_websocket) {
                true => "HTTP is asked for, and every target is one of WebSocket",
                false => "HTTP is asked for, and no target is one of it",
            };
            self.wrong("http", problem, http_fix);
        }
        if !self.config.headers.is_empty() && targets.iter().all(|target| is_stream(target) || is_udp(target))
        {
            let problem = match (targets.iter().all(is_stream), targets.iter().all(is_udp)) {
                (true, _) => "headers are asked for, and every target is a stream of bytes",
                (_, true) => "a datagram has no headers, and every target is one of UDP",
                _ => "headers are asked for, and no target takes any",
            };
            self.wrong("headers", problem, http_fix);
        }
        if self.config.tcp != TcpConfig::default() && !targets.iter().any(is_stream) {
            let problem =
                "a stream of bytes is asked for, and no target's URL begins with `tcp://` or `tls://`";
            self.wrong("tcp", problem, STREAM_FIX);
        }
        if self.config.udp != UdpConfig::default() && !targets.iter().any(is_udp) {
            let problem = "UDP is asked for, and no target's URL begins with `udp://` or `dns://`";
            self.wrong("udp", problem, UDP_FIX);
        }
        if self.config.websocket != WebSocketConfig::default() && !targets.iter().any(is_websocket) {
            let problem = "WebSocket is asked for, and no target's URL begins with `ws://` or `wss://`";
            self.wrong("websocket", problem, SOCKET_FIX);
        }
        if self.config.grpc != GrpcConfig::default() && !targets.iter().any(|target| target.grpc.is_some()) {
            let problem = "gRPC is asked for, and no target's URL begins with `grpc://` or `grpcs://`";
            self.wrong("grpc", problem, GRPC_FIX);
        }
    }

    /// A number of bytes that is given, or the one that is not.
    fn bytes(
        &mut self,
        (text, part): (&Option<Text>, &str),
        default: u32,
        allowed: RangeInclusive<u32>,
        keys: &TargetKeys,
    ) -> u32 {
        let Some(Text(text)) = text else { return default };
        let problem = match parse_bytes(text) {
            Ok(bytes) if u32::try_from(bytes).is_ok_and(|bytes| allowed.contains(&bytes)) => {
                return bytes as u32;
            }
            Ok(0) => "nothing could come into no room at all".to_owned(),
            Ok(_) => format!("`{text}` is too much"),
            Err(problem) => problem,
        };
        let (least, most) = allowed.into_inner();
        let fix = format!("write {least} to {most}, in bytes or as `64KiB`");
        self.wrong_once(Diagnostic::at(keys.of(part), problem, fix));
        default
    }

    /// Whether HTTP/2 is to be spoken.
    fn is_version_2(&mut self, version: &str, url: &Url, path: &str) -> bool {
        let is_plain = url.scheme == Scheme::Http;
        let (problem, instead) = match version.trim_start_matches("HTTP/") {
            "1.1" | "auto" => return false,
            "2-prior-knowledge" => return true,
            "2" if !is_plain => return true,
            "2" => {
                let problem = "without TLS nobody can be asked whether HTTP/2 is spoken";
                let fix = "write `version = \"2-prior-knowledge\"` (`--http2-prior-knowledge`), or an `https://` URL";
                self.wrong_once(Diagnostic::at(path, problem, fix));
                return false;
            }
            "h2c" => ("`h2c` is HTTP/2 without TLS".into(), "2-prior-knowledge"),
            "2.0" | "h2" => (format!("`{version}` is written otherwise"), "2"),
            "3" | "3.0" | "h3" => ("HTTP/3 is not supported yet".into(), "2"),
            "1" | "1.0" | "0.9" => (format!("HTTP/{version} is not spoken"), "1.1"),
            _ => (format!("`{version}` is not a version of HTTP"), "1.1"),
        };
        let problem: String = problem;
        self.wrong_once(Diagnostic::at(path, problem, "or `auto`").with_value(instead));
        false
    }

    pub(super) fn wrong_once(&mut self, wrong: Diagnostic) {
        if !self.diagnostics.contains(&wrong) {
            self.diagnostics.push(wrong);
        }
    }

    /// What to connect to in the place of the URL's host.
    pub(super) fn connect(&mut self, own: &TargetConfig, url: &Url, keys: &TargetKeys) -> Option<Endpoint> {
        let Text(text) = own.connect.as_ref()?;
        let path = keys.of("connect");
        let is_of_host = matches!(url.endpoint, Endpoint::Tcp { .. });
        if !is_of_host && !self.is_wrong(&keys.url) {
            let problem = format!("{url} has no host in whose place another could be connected to");
            self.wrong(&path, problem, "leave it out");
        }
        self.take_with(Endpoint::parse(text), |cause| {
            let problem = format!("`{text}` is not HOST:PORT: {}", cause.problem);
            Diagnostic::at(path, problem, "or the like").with_value("10.0.0.7:8443")
        })
    }

    pub(super) fn note(&mut self, note: Diagnostic) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }
}

/// Each key as the target has it, else as the plan has it. A certificate and its key are one.
fn merged(own: &TlsConfig, plan: &TlsConfig) -> TlsConfig {
    let identity = if has_identity(own) { own } else { plan };
    let texts = |own: &Option<Texts>, plan: &Option<Texts>| own.clone().or_else(|| plan.clone());
    let text = |own: &Option<Text>, plan: &Option<Text>| own.clone().or_else(|| plan.clone());
    TlsConfig {
        verify: own.verify.or(plan.verify),
        ca: text(&own.ca, &plan.ca),
        cert: identity.cert.clone(),
        key: identity.key.clone(),
        server_name: text(&own.server_name, &plan.server_name),
        versions: text(&own.versions, &plan.versions),
        ciphers: texts(&own.ciphers, &plan.ciphers),
        groups: texts(&own.groups, &plan.groups),
        alpn: texts(&own.alpn, &plan.alpn),
        resumption: own.resumption.or(plan.resumption),
        keylog: text(&own.keylog, &plan.keylog),
    }
}

/// The same of HTTP.
fn merged_http(own: &HttpConfig, plan: &HttpConfig) -> HttpConfig {
    let text = |own: &Option<Text>, plan: &Option<Text>| own.clone().or_else(|| plan.clone());
    HttpConfig {
        version: text(&own.version, &plan.version),
        streams: own.streams.or(plan.streams),
        window: text(&own.window, &plan.window),
        header_table: text(&own.header_table, &plan.header_table),
        reuse: own.reuse.or(plan.reuse),
    }
}

/// The same of WebSocket.
fn merged_websocket(own: &WebSocketConfig, plan: &WebSocketConfig) -> WebSocketConfig {
    WebSocketConfig {
        subprotocols: own.subprotocols.clone().or_else(|| plan.subprotocols.clone()),
        matching: own.matching.clone().or_else(|| plan.matching.clone()),
        ping: own.ping.clone().or_else(|| plan.ping.clone()),
    }
}

/// Names in a list; one text may be a list of them as a header has it.
fn listed(texts: &Option<Texts>) -> Vec<String> {
    let Texts(texts) = texts.clone().unwrap_or_default();
    texts.iter().flat_map(|text| text.split(',')).map(|part| part.trim().to_owned()).collect()
}

/// The same of gRPC. Files and the folders in which they are belong together.
fn merged_grpc(own: &GrpcConfig, plan: &GrpcConfig) -> GrpcConfig {
    let files = if own.proto.is_some() || own.reflection.is_some() { own } else { plan };
    GrpcConfig {
        proto: files.proto.clone(),
        import_paths: own.import_paths.clone().or_else(|| plan.import_paths.clone()),
        reflection: files.reflection,
    }
}

/// Names in a list; one text may be a list of them as OpenSSL writes it, with colons or commas.
fn names(texts: &Option<Texts>) -> Vec<String> {
    let Texts(texts) = texts.clone().unwrap_or_default();
    let parts = texts.iter().flat_map(|text| text.split([':', ',']));
    parts.map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Document, Format, Layers};
    use crate::plan::{Plan, Purpose, Target, TlsVersion};

    /// Files whose names begin with `no` are not there.
    fn read(text: &str) -> Result<(Plan, Vec<Diagnostic>), Vec<Diagnostic>> {
        let document = Document { name: "plan".into(), text: text.into(), format: Format::Toml };
        let reading = Layers::new(Some(document)).unwrap().read();
        let read_file = |name: &str| match name.starts_with("no") {
            true => Err("no such file".to_owned()),
            false => Ok(b"s3cret".to_vec()),
        };
        Plan::read(&reading, &read_file, Purpose::Run)
    }

    fn target(text: &str) -> Target {
        read(text).unwrap().0.targets[0].clone()
    }

    /// What is wrong, each as its key and what is said.
    fn wrong(text: &str) -> Vec<String> {
        let told = |found: &Diagnostic| {
            let instead: Vec<String> = found.instead.iter().map(|(_, value)| value.to_string()).collect();
            format!("{}: {}; {} {}", found.path, found.problem, found.fix, instead.join(" "))
        };
        read(text).unwrap_err().iter().map(told).collect()
    }

    const TWO: &str = "[target.a]\nurl = 'https://a/'\n[target.b]\nurl = 'http://b/'\n[scenario.x]\ntarget = 'a'\n\
                       [scenario.y]\ntarget = 'b'\n";

    #[test]
    fn a_url_says_whether_there_is_tls() {
        assert_eq!(target("url = 'https://h/'").tls(), Some(&TlsSettings::default()));
        for plain in ["http://h/", "h:443", "unix:/a.sock:/", "testbed:"] {
            assert_eq!(target(&format!("url = '{plain}'")).transport, Transport::Plain, "{plain}");
        }
        assert_eq!(target("url = 'https://h:8443/'").server_name(), Some("h"));
        assert_eq!(target("url = 'https://h/'\n[tls]\nserver_name = 'other'").server_name(), Some("other"));
    }

    #[test]
    fn all_that_can_be_said_of_tls_is_in_the_plan_and_no_file_is() {
        let text = "url = 'https://h/'\n[tls]\nverify = false\nca = 'ca.pem'\ncert = 'c.pem'\nkey = 'c.key'\n\
                    server_name = 'api'\nversions = '1.2'\nciphers = 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256'\n\
                    groups = 'x25519:secp256r1'\nalpn = ['http/1.1']\nresumption = false\nkeylog = 'no.log'";
        let (plan, notes) = read(text).unwrap();
        let expected = TlsSettings {
            verify: false,
            ca: Some("ca.pem".into()),
            cert: Some("c.pem".into()),
            key: Some("c.key".into()),
            server_name: Some("api".into()),
            oldest: TlsVersion::V1_2,
            newest: TlsVersion::V1_2,
            ciphers: vec!["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256".into()],
            groups: vec!["x25519".into(), "secp256r1".into()],
            alpn: vec!["http/1.1".into()],
            resumption: false,
            keylog: Some("no.log".into()),
        };
        assert_eq!(plan.targets[0].tls(), Some(&expected));
        assert!(notes.len() == 1 && notes[0].path == "tls.verify", "{notes:?}");
        let json = serde_json::to_string(&plan).unwrap();
        assert!(!json.contains("s3cret"), "{json}");
        assert_eq!(serde_json::from_str::<Plan>(&json).unwrap(), plan);
    }

    #[test]
    fn a_targets_own_keys_come_before_the_plans() {
        let (plan, _) = read(&format!(
            "{TWO}[tls]\nca = 'all.pem'\ncert = 'all.pem'\nkey = 'all.key'\nversions = 1.3\n[http]\nreuse = false\n\
             [target.a.tls]\ncert = 'a.pem'\nkey = 'a.key'\n[target.b.http]\nreuse = true\nversion = 'auto'"
        ))
        .unwrap();
        let tls = plan.targets[0].tls().unwrap();
        let files = (tls.ca.as_deref(), tls.cert.as_deref(), tls.key.as_deref());
        assert_eq!(files, (Some("all.pem"), Some("a.pem"), Some("a.key")));
        assert_eq!((tls.oldest, tls.newest), (TlsVersion::V1_3, TlsVersion::V1_3));
        assert_eq!((plan.targets[0].reuse(), plan.targets[1].reuse()), (false, true));
    }

    #[test]
    fn connections_may_go_elsewhere_than_the_name_says() {
        let one = target("url = 'https://api.example.org/'\nconnect = '[::1]:8443'");
        assert_eq!(one.endpoint().to_string(), "[::1]:8443");
        assert_eq!(
            (one.url.authority.as_str(), one.server_name()),
            ("api.example.org", Some("api.example.org"))
        );
        assert_eq!(target("url = 'http://h/'").endpoint().to_string(), "h:80");
        let own = TWO.replace("[scenario.x]", "connect = 'c:1'\n[scenario.x]");
        assert_eq!(read(&own).unwrap().0.targets[1].endpoint().to_string(), "c:1");
    }

    #[test]
    fn what_is_wrong_is_told_at_its_key() {
        let https = "url = 'https://h/'\n";
        for (text, words) in [
            ("url = 'http://h/'\n[tls]\nverify = true", "tls: TLS is asked for, and no target's URL"),
            (&format!("{TWO}[target.b.tls]\nca = 'c'"), "target.b.tls: TLS is asked for, and http://b/"),
            (
                &format!("{https}[tls]\nca = 'no.pem'"),
                "tls.ca: `no.pem` cannot be read: no such file; name a",
            ),
            (&format!("{https}[tls]\ncert = 'c'"), "tls.cert: there is a certificate and no key"),
            (&format!("{https}[tls]\nkey = 'c'"), "tls.key: there is a key and no certificate"),
            (&format!("{https}[tls]\nversions = '1.3-1.2'"), "tls.versions: TLS 1.3 as the oldest version"),
            (&format!("{https}[tls]\nversions = 'TLSv1.3'"), "tls.versions: `TLSv1.3` is not a list"),
            (&format!("{https}[tls]\nciphers = 'AES'"), "tls.ciphers: `AES` is not a cipher suite"),
            (
                &format!("{TWO}[target.a.tls]\ngroups = 'P-256'"),
                "target.a.tls.groups: `P-256` is not a group",
            ),
            (
                "url = 'http://h/'\n[http]\nversion = '2'",
                "http.version: without TLS nobody can be asked whether HTTP/2 is spoken; write `version = \"2-prior-",
            ),
            (&format!("{https}[http]\nversion = '2'\nstreams = 0"), "http.streams: "),
            (
                &format!("{https}[http]\nversion = '2'\nwindow = '2GiB'"),
                "http.window: `2GiB` is too much; write 1 to",
            ),
            (&format!("{https}[http]\nversion = '2'\nwindow = 0"), "http.window: nothing could come"),
            (
                &format!("{https}[http]\nversion = '2'\nreuse = false"),
                "http.reuse: a connection of HTTP/2 for each request",
            ),
            (
                &format!("{https}[http]\nversion = '2'\n[run]\npipeline = 2"),
                "run.pipeline: HTTP/2 has no pipeline",
            ),
            (&format!("{https}[http]\nstreams = 10"), "http.streams: `streams` is of HTTP/2, and HTTP/1.1"),
            (&format!("{https}[http]\nversion = 3"), "http.version: HTTP/3 is not supported yet"),
            (
                &format!("{https}[http]\nreuse = false\n[run]\npipeline = 2"),
                "http.reuse: a connection that is used",
            ),
            (&format!("{https}connect = 'x'"), "connect: `x` is not HOST:PORT: there is no port in it"),
            ("url = 'testbed:'\nconnect = 'x:1'", "connect: testbed:/ has no host"),
            (&format!("connect = 'x:1'\n{TWO}"), "connect: `connect` stands beside the plan's `url`"),
        ] {
            let wrong = wrong(text);
            assert!(wrong.len() == 1 && wrong[0].starts_with(words), "{words}: {wrong:?}");
        }
    }

    #[test]
    fn what_follows_from_another_mistake_is_not_told() {
        for text in ["url = 'htps://h/'\nconnect = 'x:1'\n[tls]\nverify = true", "[tls]\nverify = true"] {
            assert_eq!(wrong(text).len(), 1, "{text}: {:?}", wrong(text));
        }
        let twice = format!("{}[tls]\nca = 'no.pem'", TWO.replace("http:", "https:"));
        assert_eq!(wrong(&twice).len(), 1, "one file of two targets: {:?}", wrong(&twice));
    }

    #[test]
    fn words_of_others_are_answered_with_ours() {
        let https = "url = 'https://h/'\n";
        for (text, words) in [
            ("insecureSkipTLSVerify = true", "write `verify = false` under `[tls]`"),
            ("noConnectionReuse = true", "write `reuse = false` under `[http]`"),
            ("tlsVersion = 'tls1.2'", "write `versions = \"1.2-1.3\"`"),
            ("verify = false", "write `verify` under `[tls]`"),
            ("reuse = false", "write `reuse` under `[http]`"),
            ("[[tlsAuth]]\ncert = 'c'", "as `cert` and `key` under `[tls]`"),
            ("[config.tls]\nrejectUnauthorized = false", "write `verify` instead"),
            ("[tls]\nrejectUnauthorized = false", "write `verify` instead"),
            ("[tls]\ninsecure_skip_verify = true", "write `verify = false` instead"),
            ("[http]\nkeepalive = false", "write `reuse` instead"),
            ("[tls]\nverfy = false", "did you mean `verify`?"),
            ("[tls]\nverify = 'no'", "true or false, and this is the text"),
        ] {
            let text = format!("{https}{text}");
            assert!(wrong(&text).iter().any(|told| told.contains(words)), "{text}: {:?}", wrong(&text));
        }
    }
}
