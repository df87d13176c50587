//! The rules of WebSocket: what a target may be asked to speak, what a message has to hold, and which headers open a connection.

use super::bounds::PING_NS_MIN;
use super::fields::{
    HttpRequest, ReplyMatching, Request, SocketMessageKind, Step, Target, TargetProtocol, WebSocketMessage,
};
use super::mistake::Mistake;
use crate::quantity::{DURATION_NS_MAX, show_ns};
use crate::redact;
use crate::template::literal_bytes;
use http::HeaderName;

/// What is wrong with a target, each at its key.
pub(super) fn wrong(target: &Target) -> Vec<(&'static str, Mistake)> {
    let TargetProtocol::WebSocket { subprotocols, matching, ping_ns, .. } = &target.protocol else {
        let is_of_another = target.url.scheme.is_websocket();
        return is_of_another.then(|| ("url", of_two_kinds())).into_iter().collect();
    };
    let mut wrong = Vec::new();
    if !target.url.scheme.is_websocket() {
        wrong.push(("url", of_two_kinds()));
    }
    // A subprotocol is a token, as names of headers are (RFC 6455, section 4.1, and RFC 9110, section 5.1).
    let is_token =
        |name: &str| HeaderName::from_bytes(name.as_bytes()).is_ok() || redact::holds_mark(name.as_bytes());
    if let Some(name) = subprotocols.iter().find(|name| !is_token(name)) {
        let problem = format!("`{}` is not the name of a subprotocol", redact::subprotocol(name));
        let fix = "names are of letters, digits and `-._~+`, such as `graphql-transport-ws`";
        wrong.push(("protocol.websocket.subprotocols", Mistake::new(problem, fix)));
    }
    let is_twice = |(index, name): (usize, &String)| subprotocols[..index].contains(name);
    if subprotocols.iter().enumerate().any(is_twice) {
        let wrong_list = Mistake::new("a subprotocol is offered twice", "name each once");
        wrong.push(("protocol.websocket.subprotocols", wrong_list));
    }
    if let ReplyMatching::Json(pointer) = matching
        && !pointer.is_empty()
        && !pointer.starts_with('/')
    {
        let problem = format!("`{pointer}` is not a JSON pointer");
        let wrong_pointer = Mistake::new(problem, "pointers look like `json:/id` or `json:/message/0/id`");
        wrong.push(("protocol.websocket.match", wrong_pointer));
    }
    if ping_ns.is_some_and(|ping_ns| !(PING_NS_MIN..=DURATION_NS_MAX).contains(&ping_ns)) {
        let problem = format!("a ping each {} cannot be sent", show_ns(ping_ns.unwrap_or(0)));
        let wrong_ping = Mistake::new(problem, format!("give at least {}", show_ns(PING_NS_MIN)));
        wrong.push(("protocol.websocket.ping", wrong_ping));
    }
    wrong
}

fn of_two_kinds() -> Mistake {
    Mistake::new(
        "its URL and its protocol are not of one kind",
        "WebSocket is of ws:// and wss:// URLs alone",
    )
}

/// What is wrong with a message that goes to a target, each at its key.
pub(super) fn wrong_message(
    message: &WebSocketMessage,
    protocol: &TargetProtocol,
) -> Vec<(&'static str, Mistake)> {
    let (sample, key) = (literal_bytes(&message.payload), message.kind.name());
    let mut wrong = Vec::new();
    if message.kind == SocketMessageKind::Text && std::str::from_utf8(&sample).is_err() {
        let problem = "a message of text is not UTF-8";
        wrong.push((key, Mistake::new(problem, "send it as `binary`")));
    }
    if let TargetProtocol::WebSocket { matching: ReplyMatching::Json(pointer), .. } = protocol {
        wrong.extend(unmatched(&sample, pointer).map(|wrong| (key, wrong)));
    }
    wrong
}

/// Why a reply could not find a message by its JSON.
fn unmatched(sample: &[u8], pointer: &str) -> Option<Mistake> {
    let fix = "write a message that has it, such as `{\"id\": {{seq}}}` for `json:/id`, or match by `order`";
    let Ok(json) = serde_json::from_slice::<serde_json::Value>(sample) else {
        let problem =
            format!("the message is not JSON, and its reply is to have the same value at `{pointer}`");
        return Some(Mistake::new(problem, fix));
    };
    match json.pointer(pointer) {
        None => Some(Mistake::new(format!("the message has no value at `{pointer}`"), fix)),
        Some(value) if value.is_array() || value.is_object() => {
            let problem = format!("what the message has at `{pointer}` is a list or a table");
            Some(Mistake::new(problem, "point to a number or a text in it"))
        }
        Some(_) => None,
    }
}

/// A message that has something where a JSON pointer says.
pub(super) fn message_with(pointer: &str) -> String {
    let within = |value: serde_json::Value, token: &str| {
        let name = token.replace("~1", "/").replace("~0", "~");
        serde_json::json!({ name: value })
    };
    pointer.split('/').skip(1).collect::<Vec<_>>().into_iter().rev().fold(0.into(), within).to_string()
}

/// What is wrong with a header of an opening: those that make it one are our own.
pub(super) fn wrong_header(name: &str) -> Option<Mistake> {
    let name = name.to_ascii_lowercase();
    let problem = || format!("`{name}` is set by Vajra, which opens the WebSocket");
    match name.as_str() {
        "sec-websocket-protocol" => {
            Some(Mistake::new(problem(), "write `subprotocols` under `[websocket]` (`--subprotocol`)"))
        }
        "sec-websocket-extensions" => {
            Some(Mistake::new("extensions of WebSocket are not supported yet", "leave it out"))
        }
        "upgrade" | "connection" | "sec-websocket-key" | "sec-websocket-version" | "sec-websocket-accept" => {
            Some(Mistake::new(problem(), "leave it out"))
        }
        _ => None,
    }
}

/// What opens the connection of a step, where something has to.
pub(super) fn opening(step: &Step) -> Option<&HttpRequest> {
    match &step.request {
        Request::WebSocket(message) => Some(&message.opening),
        Request::Http(_) | Request::Grpc(_) | Request::Bytes(_) | Request::Dns(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Diagnostic, Document, Format, Layers};
    use crate::plan::{Plan, Purpose};
    use crate::template::Piece;

    fn read(text: &str) -> Result<Plan, Vec<Diagnostic>> {
        let document = Document { name: "plan".into(), text: text.into(), format: Format::Toml };
        let reading = Layers::new(Some(document)).unwrap().read();
        let read_file = |name: &str| match name {
            "bytes" => Ok(b"\xff\x00".to_vec()),
            "text" => Ok(b"from a file {{seq}}".to_vec()),
            _ => Err("no such file".to_owned()),
        };
        Plan::read(&reading, &read_file, Purpose::Run).map(|(plan, _)| plan)
    }

    fn plan(text: &str) -> Plan {
        read(&format!("url = 'ws://h/chat?room={{{{rand 1 9}}}}'\n{text}")).unwrap()
    }

    fn message(plan: &Plan, step: usize) -> WebSocketMessage {
        match &plan.scenarios[0].steps()[step].request {
            Request::WebSocket(message) => message.clone(),
            _ => panic!("no message"),
        }
    }

    /// What is wrong, each as its key and what is said.
    fn wrong(text: &str) -> Vec<String> {
        let told = |found: &Diagnostic| {
            let instead: Vec<String> = found.instead.iter().map(|(_, value)| value.to_string()).collect();
            format!("{}: {}; {} {}", found.path, found.problem, found.fix, instead.join(" "))
        };
        read(text).unwrap_err().iter().map(told).collect()
    }

    #[track_caller]
    fn assert_told(text: &str, words: &str) {
        let wrong = wrong(text);
        assert!(wrong.iter().any(|told| told.starts_with(words)), "{words}: {wrong:?}");
    }

    #[test]
    fn a_url_alone_sends_a_message_of_text_in_order() {
        let plan = plan("");
        let target = TargetProtocol::WebSocket {
            pipeline: 1,
            subprotocols: Vec::new(),
            matching: ReplyMatching::Order,
            ping_ns: None,
        };
        assert_eq!(plan.targets[0].protocol, target);
        let WebSocketMessage { opening, kind, payload } = message(&plan, 0);
        assert_eq!((kind, payload), (SocketMessageKind::Text, vec![Piece::Bytes(b"hello".to_vec())]));
        let path = vec![Piece::Bytes(b"/chat?room=".to_vec()), Piece::Rand { low: 1, high: 9 }];
        assert_eq!((opening.method.as_str(), opening.path), ("GET", path));
        assert_eq!(plan.scenarios[0].steps()[0].name, "message");
    }

    #[test]
    fn all_that_can_be_said_of_it_is_in_the_plan() {
        let plan = plan(
            "[headers]\nOrigin = 'http://o'\n[websocket]\nsubprotocols = 'a, b'\nmatch = 'json:/id'\nping = '20s'\n[run]\npipeline = 8\n\
             [[request]]\ntext = '{\"id\": {{seq}}}'\n[[request]]\nbinary = '{\"id\":1}'\nname = 'raw'\nweight = 2",
        );
        let matching = ReplyMatching::Json("/id".into());
        let subprotocols = vec!["a".to_owned(), "b".to_owned()];
        assert_eq!(
            plan.targets[0].protocol,
            TargetProtocol::WebSocket { pipeline: 8, subprotocols, matching, ping_ns: Some(20_000_000_000) }
        );
        assert_eq!(
            (message(&plan, 0).kind, message(&plan, 1).kind),
            (SocketMessageKind::Text, SocketMessageKind::Binary)
        );
        assert_eq!(message(&plan, 1).opening.headers[0].0, "Origin");
        let json = serde_json::to_string(&plan).unwrap();
        assert_eq!(serde_json::from_str::<Plan>(&json).unwrap(), plan);
    }

    #[test]
    fn messages_may_stand_in_files() {
        let plan = plan("[[request]]\nbinary = '@bytes'\n[[request]]\ntext = '@text'\ntemplate = true");
        assert_eq!(message(&plan, 0).payload, [Piece::Bytes(vec![0xff, 0])]);
        assert_eq!(message(&plan, 1).payload, [Piece::Bytes(b"from a file ".to_vec()), Piece::Seq]);
    }

    #[test]
    fn a_targets_own_keys_come_before_the_plans() {
        let text = "[websocket]\nmatch = 'none'\nsubprotocols = 'all'\n[target.a]\nurl = 'ws://a/'\nwebsocket.match = 'order'\n\
                    [target.b]\nurl = 'wss://b/'\npipeline = 3\n[scenario.x]\ntarget = 'a'\n[scenario.y]\ntarget = 'b'";
        let plan = read(text).unwrap();
        let protocol = |pipeline, matching| TargetProtocol::WebSocket {
            pipeline,
            subprotocols: vec!["all".into()],
            matching,
            ping_ns: None,
        };
        assert_eq!(plan.targets[0].protocol, protocol(1, ReplyMatching::Order));
        assert_eq!(plan.targets[1].protocol, protocol(3, ReplyMatching::None));
        assert!(plan.targets[1].tls().is_some() && plan.targets[0].tls().is_none());
    }

    #[test]
    fn requests_of_http_and_messages_are_told_apart_at_their_keys() {
        let ws = "url = 'ws://h/'\n";
        for (text, words) in [
            (
                "url = 'http://h/'\n[websocket]\nmatch = 'none'",
                "websocket: WebSocket is asked for, and no target's URL",
            ),
            (
                "url = 'ws://h/'\n[http]\nreuse = false",
                "http: HTTP is asked for, and every target is one of WebSocket",
            ),
            ("url = 'ws://h/'\n[tls]\nverify = false", "tls: TLS is asked for, and no target's URL begins"),
            (
                "url = 'http://h/'\n[[request]]\ntext = 'x'",
                "request.0.text: `text` is a message of WebSocket, of a stream or of UDP",
            ),
            (
                "url = 'http://h/'\n[[request]]\nbinary = 'x'",
                "request.0.binary: `binary` is a message of WebSocket, of a stream or of UDP",
            ),
            (&format!("{ws}[[request]]\nbody = 'x'"), "request.0.body: `body` is of a request of HTTP"),
            (
                &format!("{ws}[[request]]\ntext = 'x'\npath = '/a'"),
                "request.0.path: `path` is of a request of HTTP",
            ),
            (
                &format!("{ws}[[request]]\ntext = 'x'\nget = '/a'"),
                "request.0.get: `get` is of a request of HTTP",
            ),
            (
                &format!("{ws}[[request]]\ntext = 'x'\nmethod = 'PUT'"),
                "request.0.method: `method` is of a request",
            ),
            (
                &format!("{ws}[[request]]\ntext = 'x'\nheaders = {{ A = 'b' }}"),
                "request.0.headers: `headers` is of",
            ),
            (
                &format!("{ws}[[request]]\ntext = 'x'\nbinary = 'y'"),
                "request.0.binary: a message is `text` or `binary`",
            ),
            (&format!("{ws}[[request]]\nweight = 2"), "request.0.text: there is no message in it"),
            (
                &format!("{ws}[[request]]\ntext = '@bytes'"),
                "request.0: a message of text is not UTF-8; send it as",
            ),
            (&format!("{ws}[[request]]\ntext = '@gone'"), "request.0.text: body file `gone` cannot be read"),
        ] {
            assert_told(text, words);
        }
    }

    #[test]
    fn what_is_wrong_with_a_target_is_told_at_its_key_with_what_to_do() {
        let ws = "url = 'ws://h/'\n";
        for (text, words) in [
            (
                &format!("{ws}[websocket]\nping = '20ms'"),
                "websocket.ping: a ping each 20.0 ms cannot be sent",
            ),
            (
                &format!("{ws}[websocket]\nmatch = 'odrer'"),
                "websocket.match: `odrer` is no way in which a reply finds its message;  \"order\"",
            ),
            (
                &format!("{ws}[websocket]\nmatch = '/id'"),
                "websocket.match: `/id` is no way in which a reply finds its message;  \"json:/id\"",
            ),
            (
                &format!("{ws}[websocket]\nmatch = 'uuid'"),
                "websocket.match: `uuid` is no way in which a reply finds its message; there are",
            ),
            (&format!("{ws}[websocket]\nmatch = 'json:id'"), "websocket.match: `id` is not a JSON pointer"),
            (&format!("{ws}[websocket]\nmatch = 'json:/id'"), "url: the message is not JSON"),
            (
                &format!("{ws}[websocket]\nmatch = 'json:/id'\n[[request]]\ntext = '{{\"n\":1}}'"),
                "request.0: the message has no value at `/id`",
            ),
            (
                &format!("{ws}[websocket]\nmatch = 'json:/id'\n[[request]]\ntext = '{{\"id\":[1]}}'"),
                "request.0: what the message has at `/id` is a list",
            ),
            (
                &format!("{ws}[websocket]\nsubprotocols = ['a b']"),
                "websocket.subprotocols: `a b` is not the name",
            ),
            (
                &format!("{ws}[websocket]\nsubprotocols = ['a', 'a']"),
                "websocket.subprotocols: a subprotocol is offered twice",
            ),
            (
                &format!("{ws}[headers]\nSec-WebSocket-Protocol = 'a'"),
                "headers.Sec-WebSocket-Protocol: `sec-websocket-protocol` is set by Vajra",
            ),
            (&format!("{ws}[headers]\nUpgrade = 'a'"), "headers.Upgrade: `upgrade` is set by Vajra"),
            (
                &format!("{ws}[headers]\nsec-websocket-extensions = 'permessage-deflate'"),
                "headers.sec-websocket-extensions: extensions",
            ),
            (&format!("{ws}[run]\npipeline = 0"), "run.pipeline"),
            (
                &"[target.a]\nurl = 'ws://a/'\nhttp.reuse = true\n[scenario.x]\ntarget = 'a'".to_owned(),
                "target.a.http: HTTP is asked for, and ws://a/ is",
            ),
            (
                &"[target.a]\nurl = 'http://a/'\nwebsocket.match = 'none'\n[scenario.x]\ntarget = 'a'"
                    .to_owned(),
                "target.a.websocket: WebSocket is asked for, and http://a/",
            ),
        ] {
            assert_told(text, words);
        }
    }

    #[test]
    fn words_of_others_are_answered_with_ours() {
        let ws = "url = 'ws://h/'\n";
        for (text, words) in [
            ("subprotocol = 'a'", "write `subprotocols` under `[websocket]`"),
            ("[websocket]\nprotocols = 'a'", "write `subprotocols` instead"),
            ("[websocket]\npingInterval = '5s'", "write `ping` instead"),
            ("[[request]]\nsend = 'x'", "write `text` instead"),
            ("match = 'none'", "write `match` under `[websocket]`"),
        ] {
            let wrong = wrong(&format!("{ws}{text}"));
            assert!(wrong.iter().any(|told| told.contains(words)), "{text}: {wrong:?}");
        }
    }

    #[test]
    fn plans_from_elsewhere_keep_the_same_rules() {
        let good = plan("");
        let broken =
            good.changed(|fields| fields.targets[0].url.scheme = crate::url::Scheme::Http).unwrap_err();
        assert!(broken.to_string().contains("WebSocket is of ws:// and wss:// URLs alone"), "{broken}");
        let http = read("url = 'http://h/'").unwrap();
        let step = http.scenarios[0].steps()[0].clone();
        let broken = good.changed(|fields| fields.scenarios[0].steps_mut().push(step)).unwrap_err();
        assert!(broken.to_string().contains("another protocol than its target"), "{broken}");
        let step = good.scenarios[0].steps()[0].clone();
        let broken =
            http.changed(|fields| *fields.scenarios[0].steps_mut() = vec![step.clone()]).unwrap_err();
        assert!(broken.to_string().contains("another protocol than its target"), "{broken}");
        let mut other = step;
        other.request.http_mut().unwrap().path = vec![Piece::Bytes(b"/other".to_vec())];
        let broken = good.changed(|fields| fields.scenarios[0].steps_mut().push(other)).unwrap_err();
        assert!(broken.to_string().contains("opened in different ways"), "{broken}");
    }
}
