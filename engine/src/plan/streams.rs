//! The rules of streams of bytes: what a target may be asked to speak, and what a message has to hold.

use super::bounds::{DELIMITER_BYTES_MAX, STREAM_RESPONSE_BYTES_MAX};
use super::fields::{BytesMessage, Target, TargetProtocol};
use super::message_end::{MessageEnd, escape};
use super::mistake::Mistake;
use crate::template::{Piece, literal_bytes};
use crate::url::Endpoint;

/// The message that is sent where nothing is said.
const MESSAGE_DEFAULT: &[u8] = b"hello";

/// What is wrong with a target, each at its key.
pub(super) fn wrong(target: &Target) -> Vec<(&'static str, Mistake)> {
    let is_stream = target.url.scheme.is_stream();
    let TargetProtocol::Tcp { pipeline, ends, greeting } = &target.protocol else {
        return is_stream.then(|| ("url", of_two_kinds())).into_iter().collect();
    };
    let mut wrong = Vec::new();
    if !is_stream || !matches!(target.url.endpoint, Endpoint::Tcp { .. }) {
        wrong.push(("url", of_two_kinds()));
    }
    wrong.extend(wrong_end(ends).map(|wrong| ("protocol.tcp.ends", wrong)));
    if *ends == MessageEnd::Close && *pipeline > 1 {
        let problem = "a connection whose end is that of a response has one request under way at a time";
        let fix = "give a pipeline of 1, or another end of responses";
        wrong.push(("protocol.tcp.ends", Mistake::new(problem, fix)));
    }
    if *greeting && matches!(ends, MessageEnd::Close | MessageEnd::None) {
        let problem = format!("a greeting ends as a response does, and `{ends}` does not say where that is");
        let fix = "say what ends one: `ends = \"delimiter:\\n\"` or the like, or leave out `greeting`";
        wrong.push(("protocol.tcp.greeting", Mistake::new(problem, fix)));
    }
    wrong
}

fn of_two_kinds() -> Mistake {
    let problem = "its URL and its protocol are not of one kind";
    Mistake::new(problem, "streams of bytes are of tcp:// and tls:// URLs alone")
}

fn wrong_end(ends: &MessageEnd) -> Option<Mistake> {
    let (problem, fix) = match ends {
        MessageEnd::Delimiter(delimiter) if delimiter.is_empty() => {
            ("a delimiter has at least one byte".to_owned(), "write `delimiter:\\n` or the like".to_owned())
        }
        MessageEnd::Delimiter(delimiter) if delimiter.len() > DELIMITER_BYTES_MAX => (
            format!("a delimiter of {} bytes is too long", delimiter.len()),
            format!("give one of at most {DELIMITER_BYTES_MAX}"),
        ),
        MessageEnd::Bytes(bytes) if !(1..=STREAM_RESPONSE_BYTES_MAX).contains(bytes) => (
            format!("responses of {bytes} bytes cannot be received"),
            format!("give 1 to {STREAM_RESPONSE_BYTES_MAX}, or `close` or `none` as their end"),
        ),
        _ => return None,
    };
    Some(Mistake::new(problem, fix))
}

/// What is wrong with a message.
pub(super) fn wrong_message(message: &BytesMessage) -> Option<Mistake> {
    let is_empty = literal_bytes(&message.payload).is_empty();
    is_empty.then(|| Mistake::new("there is nothing in the message", "write at least one byte"))
}

/// The message that is sent where nothing is said: one that ends as responses do.
pub(super) fn default_message(ends: &MessageEnd) -> Vec<Piece> {
    let bytes = match ends {
        MessageEnd::Delimiter(delimiter) => [MESSAGE_DEFAULT, delimiter].concat(),
        MessageEnd::Length(prefix) => [&prefix.of(MESSAGE_DEFAULT.len() as u32), MESSAGE_DEFAULT].concat(),
        MessageEnd::Bytes(bytes) => {
            let bytes = (*bytes).clamp(1, STREAM_RESPONSE_BYTES_MAX) as usize;
            MESSAGE_DEFAULT.iter().copied().cycle().take(bytes).collect()
        }
        MessageEnd::Close | MessageEnd::None => [MESSAGE_DEFAULT, b"\n"].concat(),
    };
    vec![Piece::Bytes(bytes)]
}

/// Why the other side may wait for the rest of a message, and what to do: responses end with a delimiter, and it does not.
pub(super) fn unended(payload: &[Piece], ends: &MessageEnd) -> Option<Mistake> {
    let MessageEnd::Delimiter(delimiter) = ends else { return None };
    let sample = literal_bytes(payload);
    if sample.ends_with(delimiter) {
        return None;
    }
    let shown = escape(delimiter);
    let problem = match sample.ends_with(shown.as_bytes()) {
        // What stands in single quotes is sent as it is, by a shell as in TOML.
        true => format!(
            "the message ends with a backslash and letters, and responses with the byte that `{shown}` stands for"
        ),
        false => format!(
            "responses end with `{shown}`, and the message does not: the target may wait for the rest of it"
        ),
    };
    let fix = format!(
        "end it with the same, `\"…{shown}\"` in a plan and `-b $'…{shown}'` in a shell, unless this is meant"
    );
    Some(Mistake::new(problem, fix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Diagnostic, Document, Format, Layers};
    use crate::plan::{LengthPrefix, Plan, Purpose, Request};
    use crate::redact;

    fn read(text: &str) -> Result<(Plan, Vec<Diagnostic>), Vec<Diagnostic>> {
        let document = Document { name: "plan".into(), text: text.into(), format: Format::Toml };
        let reading = Layers::new(Some(document)).unwrap().read();
        let read_file = |name: &str| match name {
            "bytes" => Ok(b"\xff\x00".to_vec()),
            "empty" => Ok(Vec::new()),
            _ => Err("no such file".to_owned()),
        };
        Plan::read(&reading, &read_file, Purpose::Run)
    }

    fn plan(text: &str) -> Plan {
        read(&format!("url = 'tcp://h:9'\n{text}")).unwrap().0
    }

    fn payload(plan: &Plan, step: usize) -> Vec<Piece> {
        match &plan.scenarios[0].steps()[step].request {
            Request::Bytes(message) => message.payload.clone(),
            _ => panic!("no message of bytes"),
        }
    }

    fn told(found: &Diagnostic) -> String {
        let instead: Vec<String> = found.instead.iter().map(|(_, value)| value.to_string()).collect();
        format!("{}: {}; {} {}", found.path, found.problem, found.fix, instead.join(" "))
    }

    #[test]
    fn a_url_alone_sends_a_line_and_waits_for_one() {
        let plan = plan("");
        let ends = MessageEnd::Delimiter(b"\n".to_vec());
        assert_eq!(plan.targets[0].protocol, TargetProtocol::Tcp { pipeline: 1, ends, greeting: false });
        assert_eq!(payload(&plan, 0), [Piece::Bytes(b"hello\n".to_vec())]);
        assert_eq!(
            (plan.name.as_str(), plan.steps().next().unwrap().name.as_str()),
            ("tcp://h:9", "message")
        );
        assert!(plan.targets[0].reuse() && plan.targets[0].tls().is_none());
    }

    #[test]
    fn all_that_can_be_said_of_it_is_in_the_plan() {
        let plan = plan(
            "[tcp]\nends = 'length:be16'\ngreeting = true\n[run]\npipeline = 8\n\
             [[request]]\ntext = \"{{seq}}\\u0000\"\n[[request]]\nbinary = '@bytes'\nname = 'raw'\nweight = 2",
        );
        let ends = MessageEnd::Length(LengthPrefix::Be16);
        assert_eq!(plan.targets[0].protocol, TargetProtocol::Tcp { pipeline: 8, ends, greeting: true });
        assert_eq!(payload(&plan, 0), [Piece::Seq, Piece::Bytes(b"\0".to_vec())]);
        assert_eq!(payload(&plan, 1), [Piece::Bytes(b"\xff\0".to_vec())]);
        let names: Vec<&str> = plan.steps().map(|step| step.name.as_str()).collect();
        assert_eq!(names, ["message", "raw"]);
        let json = serde_json::to_string(&plan).unwrap();
        assert!(json.contains("\"ends\":\"length:be16\""), "{json}");
        assert_eq!(serde_json::from_str::<Plan>(&json).unwrap(), plan);
    }

    #[test]
    fn the_default_message_ends_as_responses_do() {
        for (ends, message) in [
            ("delimiter:\\r\\n", &b"hello\r\n"[..]),
            ("length:be32", b"\0\0\0\x05hello"),
            ("length:le16", b"\x05\0hello"),
            ("bytes:7", b"hellohe"),
            ("close", b"hello\n"),
            ("none", b"hello\n"),
        ] {
            let plan = plan(&format!("[tcp]\nends = '{ends}'"));
            assert_eq!(payload(&plan, 0), [Piece::Bytes(message.to_vec())], "{ends}");
            assert_eq!(plan.targets[0].reuse(), ends != "close");
        }
    }

    #[test]
    fn a_targets_own_keys_come_before_the_plans() {
        let text = "[tcp]\nends = 'none'\n[target.a]\nurl = 'tcp://a:1'\ntcp.ends = 'close'\n\
                    [target.b]\nurl = 'tls://b:2'\npipeline = 3\n[scenario.x]\ntarget = 'a'\n[scenario.y]\ntarget = 'b'";
        let plan = read(text).unwrap().0;
        let protocol = |pipeline, ends| TargetProtocol::Tcp { pipeline, ends, greeting: false };
        assert_eq!(plan.targets[0].protocol, protocol(1, MessageEnd::Close));
        assert_eq!(plan.targets[1].protocol, protocol(3, MessageEnd::None));
        assert!(plan.targets[1].tls().is_some() && plan.targets[0].tls().is_none());
    }

    #[test]
    fn a_message_that_does_not_end_as_responses_do_is_noted_and_no_mistake() {
        let notes = |text: &str| -> Vec<String> {
            read(&format!("url = 'tcp://h:9'\n{text}")).unwrap().1.iter().map(told).collect()
        };
        assert_eq!(
            notes("[[request]]\ntext = \"PING\\n\"\n[[request]]\ntext = \"\"\"{{seq}}\n\"\"\""),
            [""; 0]
        );
        assert_eq!(notes("[tcp]\nends = 'bytes:4'\n[[request]]\ntext = 'PING'"), [""; 0]);
        let missing = notes("[tcp]\nends = 'delimiter:\\r\\n'\n[[request]]\ntext = \"PING\\n\"");
        assert!(
            missing[0].starts_with("request.0.text: responses end with `\\r\\n`, and the message does not"),
            "{missing:?}"
        );
        let written = notes("[[request]]\nbinary = 'PING\\n'");
        assert!(written[0].starts_with("request.0.binary: the message ends with a backslash"), "{written:?}");
        assert!(written[0].contains("-b $'…\\n'"), "{written:?}");
    }

    /// Each of these plans has one mistake, which is told so.
    #[track_caller]
    fn assert_told(cases: &[(String, &str)]) {
        let mut missed: Vec<String> = Vec::new();
        for (text, words) in cases {
            let wrong: Vec<String> = read(text).unwrap_err().iter().map(told).collect();
            if wrong.len() != 1 || !wrong[0].starts_with(words) {
                missed.push(format!("{words}: {wrong:?}"));
            }
        }
        assert!(missed.is_empty(), "{missed:#?}");
    }

    /// The same of a plan whose target is a stream of bytes.
    #[track_caller]
    fn assert_told_of_stream(cases: &[(&str, &'static str)]) {
        let whole = |(text, words): &(&str, &'static str)| (format!("url = 'tcp://h:9'\n{text}"), *words);
        assert_told(&cases.iter().map(whole).collect::<Vec<_>>());
    }

    #[test]
    fn an_end_that_cannot_be_is_told_at_its_key_with_what_to_do() {
        let long = format!("[tcp]\nends = 'delimiter:{}'", "x".repeat(257));
        assert_told_of_stream(&[
            (
                "[tcp]\nends = 'crlf'",
                "tcp.ends: `crlf` does not say what ends a response;  'delimiter:\\r\\n'",
            ),
            ("[tcp]\nends = 'regex'", "tcp.ends: `regex` does not say what ends a response; there are"),
            ("[tcp]\nends = 'delimiter:'", "tcp.ends: a delimiter has at least one byte"),
            (&long, "tcp.ends: a delimiter of 257 bytes"),
            ("[tcp]\nends = 'bytes:0'", "tcp.ends: responses of 0 bytes cannot be received"),
            ("[tcp]\nends = 'bytes:17MiB'", "tcp.ends: responses of 17825792 bytes"),
            ("[tcp]\nends = 'close'\n[run]\npipeline = 2", "tcp.ends: a connection whose end is that"),
            (
                "[tcp]\nends = 'none'\ngreeting = true",
                "tcp.greeting: a greeting ends as a response does, and `none`",
            ),
        ]);
    }

    #[test]
    fn what_is_of_another_protocol_is_told_at_its_key() {
        assert_told_of_stream(&[
            ("[http]\nreuse = false", "http: HTTP is asked for, and no target is one of it"),
            ("[headers]\nA = 'b'", "headers: headers are asked for, and every target is a stream"),
            ("[websocket]\nmatch = 'none'", "websocket: WebSocket is asked for, and no target's URL"),
            ("[tls]\nverify = false", "tls: TLS is asked for, and no target's URL begins"),
            ("[scenario.x]\nheaders.A = 'b'", "scenario.x.headers: tcp://h:9 is a stream of bytes"),
        ]);
        let of =
            |url: &str, key: &str| format!("[target.a]\nurl = '{url}'\n{key}\n[scenario.x]\ntarget = 'a'");
        assert_told(&[
            (
                "url = 'http://h/'\n[tcp]\nends = 'close'".into(),
                "tcp: a stream of bytes is asked for, and no target's URL",
            ),
            (of("tcp://a:1", "http.reuse = true"), "target.a.http: HTTP is asked for, and tcp://a:1 is"),
            (of("tcp://a:1", "headers.A = 'b'"), "target.a.headers: a header is asked for"),
            (
                of("http://a/", "tcp.ends = 'none'"),
                "target.a.tcp: a stream of bytes is asked for, and http://a/",
            ),
        ]);
    }

    #[test]
    fn what_cannot_be_sent_as_a_message_is_told_at_its_key() {
        assert_told_of_stream(&[
            (
                "[[request]]\ntext = 'x'\npath = '/a'",
                "request.0.path: `path` is of a request of HTTP, and a message of bytes",
            ),
            ("[[request]]\nbody = 'x'", "request.0.body: `body` is of a request of HTTP"),
            (
                "[[request]]\ntext = 'x'\ncall = 'a.B/C'",
                "request.0.call: `call` is of gRPC, and the target speaks bytes",
            ),
            (
                "[[request]]\nweight = 2",
                "request.0.text: there is no message in it, and the target is a stream",
            ),
            ("[[request]]\ntext = 'x'\nbinary = 'y'", "request.0.binary: a message is `text` or `binary`"),
            ("[[request]]\ntext = '@gone'", "request.0.text: body file `gone` cannot be read"),
            ("[[request]]\nbinary = '@empty'", "request.0.binary: there is nothing in the message"),
        ]);
    }

    #[test]
    fn words_of_others_are_answered_with_ours() {
        for (text, words) in [
            ("[tcp]\ndelimiter = '\\n'", "write `ends = \"delimiter:"),
            ("[tcp]\nbanner = true", "write `greeting` instead"),
            ("delimiter = '\\n'", "under `[tcp]`"),
            ("ends = 'close'", "write `ends` under `[tcp]`"),
            ("[[request]]\nsend = 'x'", "write `text` instead"),
        ] {
            let wrong: Vec<String> =
                read(&format!("url = 'tcp://h:9'\n{text}")).unwrap_err().iter().map(told).collect();
            assert!(wrong.iter().any(|told| told.contains(words)), "{text}: {wrong:?}");
        }
    }

    #[test]
    fn anything_may_be_offered_by_alpn_and_nothing_is_unless_it_is() {
        let plan = read("url = 'tls://h:9'\n[tls]\nalpn = ['h2', 'mqtt']").unwrap().0;
        assert_eq!(plan.targets[0].tls().unwrap().alpn, ["h2", "mqtt"]);
    }

    #[test]
    fn plans_from_elsewhere_keep_the_same_rules() {
        let good = plan("");
        let broken =
            good.changed(|fields| fields.targets[0].url.scheme = crate::url::Scheme::Http).unwrap_err();
        assert!(
            broken.to_string().contains("streams of bytes are of tcp:// and tls:// URLs alone"),
            "{broken}"
        );
        let http = read("url = 'http://h/'").unwrap().0;
        for (to, from) in [(&good, &http), (&http, &good)] {
            let step = from.scenarios[0].steps()[0].clone();
            let broken = to.changed(|fields| *fields.scenarios[0].steps_mut() = vec![step]).unwrap_err();
            assert!(broken.to_string().contains("another protocol than its target"), "{broken}");
        }
        let json = serde_json::to_string(&good).unwrap().replace("delimiter:\\\\n", "lines");
        let broken = serde_json::from_str::<Plan>(&json).unwrap_err().to_string();
        assert!(broken.contains("`lines` does not say what ends a response"), "{broken}");
    }

    #[test]
    fn messages_are_written_without_their_secrets() {
        let plan = plan("[[request]]\ntext = \"AUTH password=s3cret {{seq}}\\n\"");
        let json = serde_json::to_string(&redact::written(&plan)).unwrap();
        assert!(!json.contains("s3cret") && !json.contains("czNjcmV0"), "{json}");
    }
}
