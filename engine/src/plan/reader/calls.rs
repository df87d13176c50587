//! The calls of gRPC of a scenario, as typed, to its steps. What a method takes is not known here.

use super::keys::StepKeys;
use super::requests::Headers;
use super::{DURATION_FIX, PlanReader};
use crate::config::{RequestConfig, Text, Texts};
use crate::flow::StepLooks;
use crate::plan::fields::{GrpcCall, MessagePace, Request, Step, Target};
use crate::quantity::parse_duration_ns;
use crate::template::Piece;

/// What a method looks like.
const CALL_FIX: &str = "write `call = \"package.Service/Method\"` (`--call`)";
/// A message with nothing in it.
const EMPTY: &str = "{}";

impl PlanReader<'_> {
    /// A call to a target. Its timeout is its deadline; none where it has none.
    pub(super) fn call(
        &mut self,
        config: &RequestConfig,
        target: &Target,
        common: &Headers,
        table: String,
        is_default: bool,
    ) -> (Step, StepKeys) {
        let key = |name: &str| if is_default { table.clone() } else { format!("{table}.{name}") };
        self.refuse_parts_of_requests(config, &key);
        self.refuse_messages(config, target, "write `message`", &key);
        self.refuse_queries(config, target, &key);
        let call_key = if config.call.is_some() { key("call") } else { table.clone() };
        // A URL may say what is called there.
        let named = config.call.as_ref().map_or(target.url.path.as_str(), |Text(call)| call);
        let method = self.method(named, &call_key);
        let messages = self.messages(config, &key);
        let mut headers = common.clone();
        self.headers(&config.headers, &key("headers"), &mut headers);
        self.headers(&config.metadata, &key("metadata"), &mut headers);
        let credentials = (&config.bearer, &config.basic);
        self.authorization(credentials, &key, &mut headers);
        let deadline_ns = self.deadline(config, &key("deadline"));
        let (pace, pace_key) = self.pace(config, &key("every"));
        let name = config.name.as_ref().map_or_else(|| method.clone(), |name| name.0.clone());
        let keys = StepKeys {
            path: call_key,
            method: key("call"),
            headers: headers.keys,
            timeout: deadline_ns.map(|_| key("deadline")),
            pace: pace_key.map(&key),
            table,
        };
        let call = GrpcCall {
            method,
            metadata: headers.headers,
            messages,
            count: config.count,
            pace,
            deadline_ns,
            described: None,
        };
        let (weight, timeout_ns) = (config.weight.unwrap_or(1), deadline_ns.unwrap_or(0));
        (
            Step {
                name,
                weight,
                pool: 0,
                timeout_ns,
                request: Request::Grpc(call),
                looks: StepLooks::default(),
            },
            keys,
        )
    }

    /// `package.Service/Method`, whether a slash stands before it or a dot before the method.
    fn method(&mut self, typed: &str, path: &str) -> String {
        let bare = typed.trim().trim_start_matches('/');
        let (service, method) = bare.split_once('/').or_else(|| bare.rsplit_once('.')).unwrap_or(("", bare));
        if service.is_empty() || method.is_empty() {
            let problem = match bare {
                "" => "it is not said which method is called".to_owned(),
                _ => format!("`{bare}` names no service and method"),
            };
            self.wrong(path, problem, CALL_FIX);
        }
        format!("{service}/{method}")
    }

    /// The messages, however many are typed: at least one.
    fn messages(&mut self, config: &RequestConfig, key: &impl Fn(&str) -> String) -> Vec<Vec<Piece>> {
        let RequestConfig { message, messages, body, .. } = config;
        let one = [("message", message), ("body", body)];
        let mut given: Vec<(String, Vec<String>)> = one
            .into_iter()
            .filter_map(|(name, text)| Some((key(name), vec![text.as_ref()?.0.clone()])))
            .collect();
        if let Some(Texts(texts)) = messages {
            given.push((key("messages"), texts.clone()));
        }
        if let [_, (second, _), ..] = &given[..] {
            self.wrong(second, "messages are given twice", "leave one out");
        }
        let (path, texts) = given.into_iter().next().unwrap_or_default();
        let texts = if texts.is_empty() { vec![EMPTY.to_owned()] } else { texts };
        let count = texts.len();
        let read = texts.iter().enumerate().map(|(index, text)| {
            let path = if count > 1 { format!("{path}.{index}") } else { path.clone() };
            self.body(text, config.template, &path).unwrap_or_else(|| vec![Piece::Bytes(EMPTY.into())])
        });
        read.collect()
    }

    fn deadline(&mut self, config: &RequestConfig, path: &str) -> Option<u64> {
        let Text(text) = config.deadline.as_ref()?;
        let read = self.take(
            path,
            parse_duration_ns(text).map_err(|_| format!("`{text}` is no duration")),
            DURATION_FIX,
        );
        if read == Some(0) {
            self.wrong(path, "must be longer than zero", DURATION_FIX);
        }
        read.filter(|&ns| ns > 0)
    }

    /// When its messages are sent, and the key that says so.
    fn pace(&mut self, config: &RequestConfig, path: &str) -> (MessagePace, Option<&'static str>) {
        let takes_turns = config.ping_pong.unwrap_or(false);
        let Some(Text(text)) = &config.every else {
            return match takes_turns {
                true => (MessagePace::PingPong, Some("ping_pong")),
                false => (MessagePace::AtOnce, None),
            };
        };
        if takes_turns {
            let problem = "`ping_pong` has each message wait for a reply, and `every` for a moment";
            self.wrong(path, problem, "leave one of them out");
            return (MessagePace::PingPong, Some("ping_pong"));
        }
        let read = parse_duration_ns(text).map_err(|_| format!("`{text}` is no duration"));
        match self.take(path, read, DURATION_FIX) {
            Some(period_ns) => (MessagePace::Every { period_ns }, Some("every")),
            None => (MessagePace::AtOnce, None),
        }
    }

    /// A request of HTTP has other parts than a call.
    fn refuse_parts_of_requests(&mut self, config: &RequestConfig, key: &impl Fn(&str) -> String) {
        let RequestConfig { method, path, get, head, post, put, patch, delete, .. } = config;
        let parts = [
            ("method", method),
            ("path", path),
            ("get", get),
            ("head", head),
            ("post", post),
            ("put", put),
            ("patch", patch),
            ("delete", delete),
        ];
        let RequestConfig { json, form, multipart, .. } = config;
        let bodies = [("json", json.is_some()), ("form", form.is_some()), ("multipart", multipart.is_some())];
        for (name, _) in bodies.into_iter().filter(|(_, is_given)| *is_given) {
            let problem = format!("`{name}` is a body of HTTP, and the target speaks gRPC");
            self.wrong(&key(name), problem, "write the message as JSON, `message = '{\"id\": 1}'`");
        }
        for (name, _) in parts.into_iter().filter(|(_, text)| text.is_some()) {
            let problem = format!("`{name}` is of HTTP, and the target speaks gRPC");
            self.wrong(&key(name), problem, CALL_FIX);
        }
    }

    /// And a call other parts than a request.
    pub(super) fn refuse_parts_of_calls(
        &mut self,
        config: &RequestConfig,
        spoken: &str,
        key: &impl Fn(&str) -> String,
    ) {
        let RequestConfig { call, message, messages, count, ping_pong, every, metadata, deadline, .. } =
            config;
        let parts = [
            ("call", call.is_some()),
            ("message", message.is_some()),
            ("messages", messages.is_some()),
            ("count", count.is_some()),
            ("ping_pong", ping_pong.is_some()),
            ("every", every.is_some()),
            ("metadata", !metadata.is_empty()),
            ("deadline", deadline.is_some()),
        ];
        for (name, _) in parts.into_iter().filter(|(_, is_given)| *is_given) {
            let problem = format!("`{name}` is of gRPC, and the target speaks {spoken}");
            self.wrong(&key(name), problem, "write `grpc://…` or `grpcs://…` as its URL, or leave this out");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Document, Format, Layers};
    use crate::plan::{GrpcMethod, GrpcSource, Plan, Purpose, TargetProtocol};
    use crate::template::{LengthForm, parse};

    fn read(text: &str) -> Result<Plan, Vec<String>> {
        let document = Document { name: "plan".into(), text: text.into(), format: Format::Toml };
        let reading = Layers::new(Some(document)).unwrap().read();
        let read_file = |_: &str| Ok(b"{\"a\": {{seq}}}".to_vec());
        let read = Plan::read(&reading, &read_file, Purpose::Run).map(|(plan, _)| plan);
        read.map_err(|wrong| {
            wrong.iter().map(|wrong| format!("{}: {}; {}", wrong.path, wrong.problem, wrong.fix)).collect()
        })
    }

    fn calls(text: &str) -> Vec<GrpcCall> {
        let plan = read(text).unwrap();
        let call = |step: &Step| match &step.request {
            Request::Grpc(call) => call.clone(),
            _ => panic!("it is a call"),
        };
        plan.steps().map(call).collect()
    }

    const URL: &str = "url = 'grpc://h:1'\n";

    /// A call with several messages, of which more is said.
    fn paced(more: &str) -> String {
        format!("{URL}[[request]]\ncall = 'a.B/C'\ncount = 3\n{more}\n")
    }

    fn described(call: &GrpcCall) -> GrpcMethod {
        GrpcMethod {
            input: "a.In".into(),
            output: "a.Out".into(),
            client_streams: true,
            server_streams: true,
            is_safe: false,
            told_by: "a.proto".into(),
            encoded: call.messages.clone(),
            reply: None,
        }
    }

    #[test]
    fn all_of_a_call_is_in_the_plan() {
        let text = format!(
            "{URL}[headers]\nx-all = 'a'\n[[request]]\ncall = '/a.B/C'\nmessages = ['{{}}', '{{\"n\": {{{{seq}}}}}}']\ncount = 5\nping_pong = true\n\
             metadata = {{ x-own = 'b' }}\ndeadline = '1s'\n[[request]]\ncall = 'a.B.D'\nbody = '@file'\ntemplate = true\ndeadline = '1s'\n"
        );
        let calls = calls(&text);
        let [first, second] = &calls[..] else { panic!("{calls:?}") };
        assert_eq!((first.method.as_str(), second.method.as_str()), ("a.B/C", "a.B/D"));
        assert_eq!((first.messages.len(), first.messages_sent(), first.pace), (2, 5, MessagePace::PingPong));
        assert_eq!(first.metadata.len(), 2);
        assert_eq!(second.messages, [parse("{\"a\": {{seq}}}").unwrap()]);
        let plan = read(&text).unwrap();
        assert!(plan.steps().all(|step| step.timeout_ns == 1_000_000_000));
        assert_eq!(plan.targets[0].grpc, Some(GrpcSource { reflection: true, ..GrpcSource::default() }));
        assert!(matches!(plan.targets[0].protocol, TargetProtocol::Http2 { streams: 1, .. }));
        let json = serde_json::to_string(&plan).unwrap();
        assert_eq!(serde_json::from_str::<Plan>(&json).unwrap(), plan);
    }

    #[test]
    fn messages_may_be_spaced_in_time() {
        let pace = |more: &str| calls(&paced(more))[0].pace;
        assert_eq!(pace(""), MessagePace::AtOnce);
        assert_eq!(pace("ping_pong = false"), MessagePace::AtOnce);
        assert_eq!(pace("every = '1ms'"), MessagePace::Every { period_ns: 1_000_000 });
        let plan = read(&paced("ping_pong = false\nevery = '2.5s'")).unwrap();
        let json = serde_json::to_string(&plan).unwrap();
        assert!(json.contains(r#""pace":{"every":{"period_ns":2500000000}}"#), "{json}");
        assert_eq!(serde_json::from_str::<Plan>(&json).unwrap(), plan);
        let at_once = serde_json::to_string(&read(&paced("")).unwrap()).unwrap();
        assert!(!at_once.contains("pace"), "{at_once}");
    }

    #[test]
    fn only_a_method_that_takes_a_stream_has_messages_in_time() {
        let described_as = |more: &str, client_streams: bool, server_streams: bool| {
            let changed = read(&paced(more)).unwrap().changed(|fields| {
                if let Request::Grpc(call) = &mut fields.scenarios[0].steps_mut()[0].request {
                    call.described = Some(GrpcMethod { client_streams, server_streams, ..described(call) });
                }
            });
            changed.map(|_| ()).map_err(|broken| broken.to_string())
        };
        for (more, client_streams, server_streams) in
            [("every = '5ms'", true, false), ("every = '5ms'", true, true), ("ping_pong = true", true, true)]
        {
            described_as(more, client_streams, server_streams).unwrap();
        }
        for (more, client_streams, server_streams, expected) in [
            ("every = '5ms'", false, true, "spaced in time, and the method is server streaming"),
            ("every = '5ms'", false, false, "spaced in time, and the method is unary"),
            ("ping_pong = true", true, false, "waited for, and the method is client streaming"),
        ] {
            let broken = described_as(more, client_streams, server_streams).unwrap_err();
            assert!(broken.contains(expected) && broken.contains("script.mix[0].pace"), "{broken}");
        }
    }

    #[test]
    fn a_url_may_say_what_is_called_and_a_socket_that_it_is_grpc() {
        assert_eq!(calls("url = 'grpc://h/a.B/C'")[0].method, "a.B/C");
        let testbed = "url = 'testbed:'\n[grpc]\nreflection = true\n[[request]]\ncall = 'a.B/C'";
        assert_eq!(calls(testbed)[0].messages, [parse("{}").unwrap()]);
        let files =
            read("url = 'grpcs://h/a.B/C'\n[grpc]\nproto = 'a.proto'\nimport_paths = ['x', 'y']").unwrap();
        let source = files.targets[0].grpc.as_ref().unwrap();
        assert_eq!((source.proto.len(), source.import_paths.len(), source.reflection), (1, 2, false));
        assert!(files.targets[0].tls().is_some());
    }

    #[test]
    fn what_is_no_call_is_told_where_it_stands() {
        for (text, expected) in [
            (URL.to_owned(), "url: it is not said which method is called; write `call = "),
            (
                format!("{URL}[[request]]\ncall = 'SayHello'"),
                "request.0.call: `SayHello` names no service and method",
            ),
            (format!("{URL}[[request]]\ncall = 'a.B/C'\nget = '/'"), "request.0.get: `get` is of HTTP"),
            (
                format!("{URL}[[request]]\ncall = 'a.B/C'\nmessage = '{{}}'\nbody = '{{}}'"),
                "request.0.body: messages are given twice",
            ),
            (
                format!("{URL}[[request]]\ncall = 'a.B/C'\ndeadline = '1 parsec'"),
                "request.0.deadline: `1 parsec` is no duration",
            ),
            (paced("every = '1 parsec'"), "request.0.every: `1 parsec` is no duration"),
            (
                paced("every = '10ms'\nping_pong = true"),
                "request.0.every: `ping_pong` has each message wait for a reply, and `every` for a moment; leave one",
            ),
            (
                paced("every = '999us'"),
                "request.0.every: 999 us from one message to the next is too short; give at least 1 ms; without",
            ),
            (paced("every = '0s'"), "request.0.every: 0 ns from one message to the next is too short"),
            (
                format!("{URL}[[request]]\ncall = 'a.B/C'\nmessage = '{{}}'\nevery = '10ms'"),
                "request.0.every: messages are spaced in time, and one is sent; leave out `every`, or send several",
            ),
            (
                "url = 'http://h/'\n[[request]]\nevery = '10ms'".into(),
                "request.0.every: `every` is of gRPC, and the target speaks HTTP",
            ),
            (
                format!("{URL}[[request]]\ncall = 'a.B/C'\nmetadata = {{ te = 'x' }}"),
                "request.0.metadata.te: `te` belongs to gRPC itself",
            ),
            (
                format!("{URL}[headers]\ngrpc-timeout = '1S'\n[[request]]\ncall = 'a.B/C'"),
                "headers.grpc-timeout: `grpc-timeout` belongs",
            ),
            (
                "url = 'http://h/'\n[[request]]\ncall = 'a.B/C'".into(),
                "request.0.call: `call` is of gRPC, and the target speaks HTTP",
            ),
            (
                "url = 'http://h/'\n[grpc]\nreflection = true".into(),
                "grpc: gRPC is asked for, and no target's URL begins with `grpc://`",
            ),
            (
                format!("{URL}[grpc]\nreflection = false\n[[request]]\ncall = 'a.B/C'"),
                "grpc.reflection: neither a file nor the target tells",
            ),
            (
                format!("{URL}[http]\nversion = '1.1'\n[[request]]\ncall = 'a.B/C'"),
                "http.version: gRPC is carried by HTTP/2",
            ),
            (
                format!("{URL}[run]\npipeline = 2\n[[request]]\ncall = 'a.B/C'"),
                "run.pipeline: HTTP/2 has no pipeline",
            ),
        ] {
            let wrong = read(&text).unwrap_err();
            assert!(wrong.len() == 1 && wrong[0].starts_with(expected), "{text}: {wrong:?}");
        }
    }

    #[test]
    fn messages_stand_behind_their_lengths_as_often_as_they_are_sent() {
        let text = format!("{URL}[[request]]\ncall = 'a.B/C'\nmessages = ['ab', '{{{{seq}}}}']\ncount = 3\n");
        let mut call = calls(&text).remove(0);
        assert_eq!(call.framed(), None, "it is not known what is sent");
        call.described = Some(described(&call));
        let framed = crate::template::Template::new(call.framed().unwrap()).unwrap();
        let draws = crate::random::Draws::new(1, 0);
        let bytes = crate::outbox::collected(framed.bytes_max(), |out| framed.render(12, draws, out));
        assert_eq!(bytes, b"\0\0\0\0\x02ab\0\0\0\0\x0212\0\0\0\0\x02ab");
    }

    #[test]
    fn messages_that_somebody_else_encoded_have_to_be_sound() {
        let plan = read(&format!("{URL}[[request]]\ncall = 'a.B/C'")).unwrap();
        let changed = |pieces: Vec<Piece>| {
            plan.changed(|fields| {
                if let Request::Grpc(call) = &mut fields.scenarios[0].steps_mut()[0].request {
                    let mut method = described(call);
                    method.encoded = vec![pieces];
                    call.described = Some(method);
                }
            })
        };
        let length = |from, to| Piece::Length { from, to, form: LengthForm::Varint };
        changed(vec![length(1, 3), length(2, 3), Piece::Seq]).unwrap();
        for unsound in [
            vec![length(0, 2), Piece::Seq],
            vec![length(1, 3), Piece::Seq],
            vec![length(1, 2), length(2, 4), Piece::Seq, Piece::Seq],
            vec![Piece::Rand { low: 2, high: 1 }],
        ] {
            let broken = changed(unsound).unwrap_err().to_string();
            assert!(broken.contains("not encoded as they are written"), "{broken}");
        }
    }
}
