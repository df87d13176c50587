//! What goes to targets of UDP and of DNS, as it is typed: how replies find their messages, and the messages and queries themselves.

use super::keys::{StepKeys, TargetKeys};
use super::requests::{MESSAGE_DEFAULT, step_with};
use super::{PlanReader, Typed};
use crate::config::{
    Diagnostic, HttpConfig, RequestConfig, TargetConfig, Text, UdpConfig, WebSocketConfig, closest,
};
use crate::plan::fields::{BytesMessage, DatagramMatching, DnsQuery, Request, Step, Target, TargetProtocol};
use crate::plan::records::RecordType;
use crate::template::{HolePlace, Piece};
use crate::url::{Scheme, Url};

/// What to do where UDP is asked for and the URL is of another kind.
pub(super) const UDP_FIX: &str = "write `udp://…` or `dns://…` as its URL, or leave this out";
/// What a query looks like.
const QUERY_FIX: &str =
    "write `dns = \"www.example.org AAAA\"`, or the name into the URL: dns://HOST/www.example.org?type=AAAA";
/// What replies are matched by where nothing else is meant.
const FIELD_USUAL: &str = "be32@0";

impl PlanReader<'_> {
    /// What is spoken with a target of UDP or of DNS.
    pub(super) fn udp(&mut self, own: &TargetConfig, url: &Url, keys: &TargetKeys) -> TargetProtocol {
        let others = [
            ("protocol.http", "HTTP", own.http != HttpConfig::default(), "`http://…` or `https://…`"),
            (
                "protocol.websocket",
                "WebSocket",
                own.websocket != WebSocketConfig::default(),
                "`ws://…` or `wss://…`",
            ),
            ("headers", "a header", !own.headers.is_empty(), "`http://…` or `https://…`"),
        ];
        for (part, spoken, _, form) in others.into_iter().filter(|(_, _, is_given, _)| *is_given) {
            let problem = format!("{spoken} is asked for, and {url} is a target of datagrams");
            self.wrong(&keys.of(part), problem, format!("write {form} as its URL, or leave this out"));
        }
        let is_dns = url.scheme == Scheme::Dns;
        let UdpConfig { matching, recursion, edns } = merged(&own.udp, &self.config.udp);
        for (key, _) in [("recursion", recursion.is_some()), ("edns", edns.is_some())]
            .iter()
            .filter(|(_, is_given)| *is_given && !is_dns)
        {
            let problem = format!("`{key}` is of DNS, and {url} is not a target of it");
            let fix = "write `dns://…` as its URL, or leave this out";
            self.wrong_once(Diagnostic::at(keys.of(&format!("protocol.udp.{key}")), problem, fix));
        }
        let matching = match matching {
            None if is_dns => DatagramMatching::Dns,
            None => DatagramMatching::Any,
            Some(Text(text)) => self.datagram_matching(&text, &keys.of("protocol.udp.match")),
        };
        let pipeline = own.pipeline.or(self.config.run.pipeline).unwrap_or(1);
        TargetProtocol::Udp { pipeline, matching }
    }

    fn datagram_matching(&mut self, text: &str, path: &str) -> DatagramMatching {
        if let Some(matching) = DatagramMatching::parse(text) {
            return matching;
        }
        let meant = match text.to_lowercase().as_str() {
            "one-way" | "no" | "off" | "false" | "ignore" => Some("none"),
            "order" | "fifo" | "next" => Some("any"),
            "id" | "txid" | "question" => Some("dns"),
            other if other.contains(|letter: char| letter.is_ascii_digit()) => Some(FIELD_USUAL),
            other => closest(other, &["any", "none", "dns"]),
        };
        let problem = format!("`{text}` is no way in which a datagram finds its message");
        let wrong = Diagnostic::at(path, problem, "");
        self.wrong_once(match meant {
            Some(meant) => wrong.with_value(meant),
            None => Diagnostic {
                fix: "there are fields such as `be16@0`, `be32@4` and `le64@8`, and `dns`, `any` and `none`"
                    .into(),
                ..wrong
            },
        });
        // Anything can be sent to be matched so: nothing else follows from what is wrong here.
        DatagramMatching::Any
    }

    /// A message to a target of UDP, or a query to one of DNS.
    pub(super) fn datagram_step(
        &mut self,
        config: &RequestConfig,
        typed: &Typed,
        target: &Target,
        table: String,
        is_default: bool,
    ) -> (Step, StepKeys) {
        if typed.name.is_some() && !typed.config.headers.is_empty() {
            let problem = format!("{} takes datagrams, which have no headers", target.url);
            self.wrong_once(Diagnostic::at(typed.at("headers"), problem, "leave them out"));
        }
        let key = |name: &str| if is_default { table.clone() } else { format!("{table}.{name}") };
        let is_dns = target.url.scheme == Scheme::Dns;
        let (what, fix) = match is_dns {
            true => ("a query of DNS", "write `dns = \"NAME TYPE\"` instead"),
            false => ("a datagram", "write `text` or `binary` instead"),
        };
        self.refuse_parts_of_http(config, what, |_| fix, &key);
        self.refuse_parts_of_calls(config, if is_dns { "DNS" } else { "UDP" }, &key);
        let (request, default_name, message_key) = match is_dns {
            true => self.query(config, target, &key),
            false => {
                self.refuse_queries(config, target, &key);
                let (kind, payload) = self.message(config, is_default, "one of UDP", &key);
                let payload = payload.unwrap_or_else(|| vec![Piece::Bytes(MESSAGE_DEFAULT.into())]);
                let request = Request::Bytes(BytesMessage { payload });
                let name = request.what().to_owned();
                (request, name, key(kind.name()))
            }
        };
        let name = config.name.as_ref().map_or(default_name, |name| name.0.clone());
        let (path, method) = (message_key.clone(), message_key);
        let keys = StepKeys::of_request(path, method, Vec::new(), table);
        (step_with(config, name, request), keys)
    }

    fn query(
        &mut self,
        config: &RequestConfig,
        target: &Target,
        key: &impl Fn(&str) -> String,
    ) -> (Request, String, String) {
        for (name, text) in [("text", &config.text), ("binary", &config.binary)] {
            if text.is_some() {
                let problem =
                    format!("`{name}` is a message of bytes, and {} is asked by queries of DNS", target.url);
                self.wrong(
                    &key(name),
                    problem,
                    "write `dns = \"NAME TYPE\"`, or `udp://…` as the target's URL",
                );
            }
        }
        let path = key("dns");
        let (name, record_type) = match &config.dns {
            Some(Text(text)) => {
                let (name, word) = name_and_type(text);
                (name.to_owned(), self.record_type(word, &path))
            }
            None => self.of_url(&target.url, &path),
        };
        let is_given = config.text.is_some() || config.binary.is_some();
        if name.is_empty() && !is_given {
            self.wrong(&path, "it is not said which name is asked for", QUERY_FIX);
        }
        let shown = format!("dns {name} {record_type}");
        let name = self.pieces(&path, &name, HolePlace::Body).filter(|name| !name.is_empty());
        let name = name.unwrap_or_else(|| vec![Piece::Bytes(b".".to_vec())]);
        let of_target = match self.config.target.get(&target.name) {
            Some(own) => merged(&own.udp, &self.config.udp),
            None => self.config.udp.clone(),
        };
        let recursion = of_target.recursion.unwrap_or(true);
        let query = DnsQuery { name, record_type, recursion, edns_bytes: of_target.edns };
        (Request::Dns(query), shown, path)
    }

    /// What a URL says is asked for, in the form of RFC 4501: `dns://HOST/NAME?type=A`.
    fn of_url(&mut self, url: &Url, path: &str) -> (String, RecordType) {
        let (name, asked) = url.path.split_once('?').unwrap_or((&url.path, ""));
        let mut record_type = RecordType::A;
        for element in asked.split([';', '&']).filter(|element| !element.is_empty()) {
            let (word, value) = element.split_once('=').unwrap_or((element, ""));
            match word.to_ascii_lowercase().as_str() {
                "type" => record_type = self.record_type(Some(value), path),
                "class" if value.eq_ignore_ascii_case("in") || value == "1" => {}
                _ => {
                    let problem = format!("`{element}` is not supported in a URL of DNS");
                    self.wrong(path, problem, "there are `type=AAAA` and `class=IN`");
                }
            }
        }
        (name.trim_start_matches('/').to_owned(), record_type)
    }

    /// A type of records; addresses where none is named.
    fn record_type(&mut self, word: Option<&str>, path: &str) -> RecordType {
        let Some(word) = word else { return RecordType::A };
        if let Some(record_type) = RecordType::parse(word) {
            return record_type;
        }
        let names: Vec<&str> = RecordType::names().collect();
        let meant = closest(&word.to_ascii_uppercase(), &names);
        let problem = format!("`{word}` is no type of records");
        let known = "there are A, AAAA, CNAME, MX, TXT and the like, and TYPE123 for any number";
        let wrong = Diagnostic::at(path, problem, known);
        self.wrong_once(match meant {
            Some(meant) => Diagnostic { fix: format!("did you mean `{meant}`?"), ..wrong },
            None => wrong,
        });
        RecordType::A
    }

    /// What only a query of DNS has.
    pub(super) fn refuse_queries(
        &mut self,
        config: &RequestConfig,
        target: &Target,
        key: &impl Fn(&str) -> String,
    ) {
        if config.dns.is_some() {
            let problem = format!("`dns` is a query of DNS, and {} is not a target of it", target.url);
            self.wrong(&key("dns"), problem, "write `dns://…` as the target's URL, or leave this out");
        }
    }
}

/// `www.example.org AAAA`: the type is the last word, if there are several. Holes have blanks as well.
fn name_and_type(text: &str) -> (&str, Option<&str>) {
    let text = text.trim();
    match text.rsplit_once(char::is_whitespace) {
        Some((name, word)) if !word.contains("}}") => (name.trim_end(), Some(word)),
        _ => (text, None),
    }
}

/// Each key as the target has it, else as the plan has it.
fn merged(own: &UdpConfig, plan: &UdpConfig) -> UdpConfig {
    UdpConfig {
        matching: own.matching.clone().or_else(|| plan.matching.clone()),
        recursion: own.recursion.or(plan.recursion),
        edns: own.edns.or(plan.edns),
    }
}
