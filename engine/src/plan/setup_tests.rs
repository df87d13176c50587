//! What is done before the start, and who asks: how it is read, what is refused, and what values become.

use crate::config::{Document, Format, Layers};
use crate::flow::SetupValues;
use crate::plan::{HttpRequest, Plan, Purpose, Request, Script};
use crate::redact;
use crate::template::Piece;

/// What becomes of a text of TOML, or all mistakes, each with its key; `SECRET` and `LOGIN` are set.
fn read(text: &str) -> Result<Plan, String> {
    let document = Document { name: "p".into(), text: text.into(), format: Format::Toml };
    let mut layers = Layers::new(Some(document)).unwrap();
    layers.set_environment([
        ("SECRET".to_owned(), "s3cret".to_owned()),
        ("LOGIN".to_owned(), "ann:b".to_owned()),
    ]);
    let read = Plan::read(&layers.read(), &|_| Err(String::new()), Purpose::Run);
    let told = |wrong: Vec<crate::config::Diagnostic>| {
        let one =
            |wrong: &crate::config::Diagnostic| format!("{}: {} ({})", wrong.path, wrong.problem, wrong.fix);
        wrong.iter().map(one).collect::<Vec<_>>().join("\n")
    };
    read.map(|(plan, _)| plan).map_err(told)
}

fn plan(text: &str) -> Plan {
    read(text).unwrap_or_else(|wrong| panic!("{wrong}\n{text}"))
}

fn requests(plan: &Plan) -> Vec<HttpRequest> {
    plan.steps().filter_map(|step| step.request.http().cloned()).collect()
}

/// The header that says who asks, of the first request.
fn authorization(text: &str) -> String {
    let request = requests(&plan(text)).remove(0);
    let [(name, value)] = &request.headers[..] else { panic!("{:?}", request.headers) };
    assert_eq!(name, "Authorization");
    value
        .iter()
        .map(|piece| match piece {
            Piece::Bytes(bytes) => String::from_utf8(bytes.clone()).unwrap(),
            Piece::Value(hole) => format!("{{{{{hole}}}}}"),
            other => panic!("{other:?}"),
        })
        .collect()
}

const URL: &str = "url = 'http://h/'\n";
const LOGIN: &str =
    "[[setup.step]]\nname = 'login'\npost = '/session'\nextract = { token = 'json /token' }\n";

#[test]
fn a_bearer_and_a_user_become_one_header_wherever_they_stand() {
    for place in ["", "[[request]]\n", "[scenario.a]\n", "[[scenario.a.request]]\n", "[[step]]\n"] {
        let load = if place == "[[step]]\n" { "load = { rate = 1 }\n" } else { "" };
        let of = |line: &str| authorization(&format!("{URL}{load}{place}{line}"));
        assert_eq!(of("bearer = 'abc'"), "Bearer abc", "{place}");
        assert_eq!(of("bearer = '{{env SECRET}}-x'"), "Bearer s3cret-x", "{place}");
        // RFC 7617, section 2.
        let basic = "basic = { user = 'Aladdin', password = 'open sesame' }";
        assert_eq!(of(basic), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "{place}");
        let basic = "basic = { user = 'ann', password = '{{env SECRET}}' }";
        assert_eq!(of(basic), "Basic YW5uOnMzY3JldA==", "{place}");
    }
    let target = "[target.t]\nurl = 'http://h/'\nbearer = 'abc'\n[scenario.a]\ntarget = 't'\n";
    assert_eq!(authorization(target), "Bearer abc");
    let flow = format!(
        "{URL}load = {{ rate = 1 }}\n[[step]]\nget = '/a'\nextract = {{ id = 'json /id' }}\n[[step]]\nbearer = '{{{{id}}}}'"
    );
    let Some((_, value)) = requests(&plan(&flow)).remove(1).headers.pop() else { panic!("no header") };
    assert_eq!(value.len(), 2, "{value:?}");
    let call = "url = 'grpc://h:1'\n[[request]]\ncall = 'a.B/C'\nbearer = 'abc'\n";
    let metadata = plan(call).steps().next().unwrap().request.fields().to_vec();
    assert_eq!(
        metadata,
        [(
            "Authorization".to_owned(),
            vec![Piece::Bytes(b"Bearer ".to_vec()), Piece::Bytes(b"abc".to_vec())]
        )]
    );
}

#[test]
fn who_asks_is_said_once_and_rightly() {
    let twice = "the header `Authorization` is given twice";
    for (text, told) in [
        (
            "bearer = 'a'\nbasic = { user = 'a', password = 'b' }",
            "basic: `bearer` and `basic` both say who asks",
        ),
        ("bearer = 'a'\nheaders.Authorization = 'b'", twice),
        ("bearer = 'a'\n[[request]]\nheaders.authorization = 'b'", twice),
        (
            "bearer = 'a'\n[[request]]\nbearer = 'b'",
            "request.0.bearer: the header `Authorization` is given twice: `bearer`",
        ),
        ("bearer = ''", "bearer: the token is empty"),
        ("bearer = 'bearer abc'", "write the token alone"),
        ("bearer = 'a{{env NOT_SET}}'", "`NOT_SET` is not set"),
        ("basic = { user = 'a' }", "`basic` has no `password`"),
        ("basic = { user = 'a:b', password = 'c' }", "basic.user: a user has no `:`"),
        ("basic = { user = '{{env LOGIN}}', password = 'c' }", "basic.user: a user has no `:`"),
        ("basic = { user = \"a\\n\", password = 'c' }", "basic.user: `user` has a character"),
        ("basic = { user = 'a{{seq}}', password = 'c' }", "basic.user: `user` is the same for all requests"),
        ("[scenario.a]\nbearer = 'a'\n[scenario.b]\nbearer = ''", "scenario.b.bearer: the token is empty"),
    ] {
        let wrong = read(&format!("{URL}{text}")).expect_err(text);
        assert!(wrong.contains(told) && !wrong.contains("s3cret"), "{text}: {wrong}");
        assert_eq!(wrong.lines().count(), 1, "{text}: {wrong}");
    }
    let wrong = read("url = 'tcp://h:1'\n[[request]]\ntext = 'a'\nbearer = 'b'").unwrap_err();
    assert!(wrong.contains("`bearer` is of a request of HTTP"), "{wrong}");
    // What is written as a header may be written twice, as ever.
    plan(&format!("{URL}[headers]\nAuthorization = ['a', 'b']"));
}

#[test]
fn values_that_stay_as_they_are_leave_plain_requests_plain() {
    let text = format!(
        "{URL}bearer = '{{{{token}}}}'\n{LOGIN}[[request]]\nget = '/a/{{{{token | sha256}}}}'\n[[request]]\njson = {{ token = '{{{{token}}}}' }}\nget = '/b'"
    );
    let plan = plan(&text);
    assert!(matches!(plan.scenarios[0].script, Script::Mix(_)));
    assert_eq!(plan.setup_names(), ["token"]);
    let values = SetupValues::new([("token".to_owned(), Some(b"a\"b".to_vec()))]);
    let filled = plan.filled(&values).unwrap();
    let texts: Vec<Vec<u8>> = requests(&filled)
        .iter()
        .map(|request| {
            let header = request.headers.iter().flat_map(|(_, value)| value);
            let pieces = request.path.iter().chain(header).chain(request.body.iter().flatten());
            pieces
                .flat_map(|piece| match piece {
                    Piece::Bytes(bytes) => bytes.clone(),
                    other => panic!("{other:?}"),
                })
                .collect()
        })
        .collect();
    let first = String::from_utf8(texts[0].clone()).unwrap();
    let is_hex = |text: &str| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let digest = first.strip_prefix("/a/").and_then(|rest| rest.strip_suffix("Bearer a\"b"));
    assert!(digest.is_some_and(is_hex), "{first}");
    assert!(texts[1].ends_with(b"{\"token\":\"a\\\"b\"}"), "{:?}", String::from_utf8_lossy(&texts[1]));
    // The setup itself is sent without the header that it gives the value of.
    let setup = plan.setup_plan().unwrap();
    assert!(requests(&setup)[0].headers.is_empty(), "{:?}", requests(&setup));
    assert_eq!(plan.filled(&values).unwrap().scenarios, filled.scenarios);
}

#[test]
fn what_cannot_stand_in_a_request_is_told_before_the_run() {
    let plan = plan(&format!("{URL}{LOGIN}[[request]]\nname = 'home'\nbearer = '{{{{token}}}}'"));
    let filled = |value: Option<&[u8]>| {
        plan.filled(&SetupValues::new([("token".to_owned(), value.map(<[u8]>::to_vec))]))
            .unwrap_err()
            .to_string()
    };
    let told = filled(Some(b"s3cret\r\nX-Evil: 1"));
    assert!(
        told.contains("`token` of the setup cannot stand in `home`") && !told.contains("s3cret"),
        "{told}"
    );
    assert!(filled(None).contains("it was in no response"));
}

#[test]
fn what_changes_or_needs_more_than_the_setup_runs_as_a_flow() {
    let is_flow = |text: &str| plan(text).scenarios[0].flow().is_some();
    let bearer = "[[request]]\nbearer = '{{token}}'\n";
    assert!(!is_flow(&format!("{URL}{LOGIN}{bearer}")));
    assert!(is_flow(&format!("{URL}setup.refresh = '1m'\n{LOGIN}{bearer}")));
    assert!(!is_flow(&format!("{URL}setup.refresh = 'never'\n{LOGIN}{bearer}")));
    assert!(!is_flow(&format!("{URL}setup.refresh = '1m'\n{LOGIN}[[request]]\nget = '/{{{{seq}}}}'")));
    assert!(is_flow(&format!(
        "{URL}{LOGIN}[[request]]\nheaders.X-Sign = '{{{{seq | hmac_sha256 token}}}}'\n"
    )));
    assert!(is_flow(&format!("{URL}{LOGIN}[[request]]\nget = '/{{{{pick a b}}}}'\n")));
    let refreshed = plan(&format!("{URL}setup.refresh = '1m'\n{LOGIN}{bearer}"));
    let values = SetupValues::new([("token".to_owned(), Some(b"a".to_vec()))]);
    assert_eq!(refreshed.filled(&values).unwrap(), refreshed, "what may change keeps its name");
}

#[test]
fn names_of_the_setup_are_known_to_all_steps_and_given_once() {
    let flow = |steps: &str| read(&format!("{URL}load = {{ rate = 1 }}\n{LOGIN}{steps}"));
    flow("[[step]]\nbearer = '{{token}}'\nif = 'token exists'").unwrap();
    flow("[headers]\nX-Token = '{{token}}'\n[[step]]\nget = '/a'").unwrap();
    let wrong = flow("[[step]]\nget = '/a'\nextract = { token = 'json /t' }").unwrap_err();
    assert!(wrong.contains("step.0: `token` is a value of the setup"), "{wrong}");
    for other in ["[[step]]\nbearer = '{{tokn}}'", "[[request]]\nbearer = '{{tokn}}'"] {
        let wrong = flow(other).unwrap_err();
        assert!(wrong.contains("0.bearer: there is no value `tokn` (did you mean `token`?)"), "{wrong}");
    }
    // What stands once is wrong once, however many steps have it.
    let all = format!(
        "{URL}bearer = '{{{{tokn}}}}'\nload = {{ rate = 1 }}\n{LOGIN}[[step]]\nget = '/a'\n[[step]]\nget = '/b'"
    );
    let wrong = read(&all).unwrap_err();
    assert!(wrong.starts_with("bearer: there is no value `tokn`") && wrong.lines().count() == 1, "{wrong}");
    let two = "[[setup.step]]\nget = '/a/{{token}}'\nextract = { id = 'json /id ?' }\n";
    let plan = plan(&format!("{URL}{LOGIN}{two}"));
    assert_eq!(plan.setup_names(), ["token", "id"]);
    let json = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<Plan>(&json).unwrap(), plan);
    let wrong = read(&format!("{URL}{two}{LOGIN}")).unwrap_err();
    assert!(
        wrong.contains("setup.step.0.get: `token` is used here, and taken from a response only later"),
        "{wrong}"
    );
}

#[test]
fn what_makes_no_sense_before_the_start_is_refused() {
    for (text, told) in [
        ("[setup]\nrefresh = '1m'", "setup: the setup has no request"),
        ("[[setup.step]]\nget = '/'\nthink = '1s'", "setup.step.0.think: `think` is of a step of a flow"),
        ("[[setup.step]]\nget = '/'\nrepeat = 2", "setup.step.0.repeat"),
        ("[[setup.step]]\nget = '/'\nchance = 0.5", "setup.step.0.chance"),
        ("[[setup.step]]\nget = '/'\nif = 'a exists'", "setup.step.0.if"),
        ("[[setup.step]]\nget = '/'\nweight = 2", "setup.step.0.weight"),
        (
            "[[setup.step]]\npost = '/'\nbody = '{{user.name}}'\n[feed.user]\nfile = 'u.csv'\ncolumns = ['name']",
            "setup.step.0: `user.name` is of an iteration's row",
        ),
        ("[[setup.step]]\nget = 'x y'", "setup.step.0.get"),
        ("[[setup.step]]\nget = '/'\nheaders.Connection = 'close'", "setup.step.0.headers.Connection"),
        ("[[setup.step]]\nget = '/'\ncheck = 'stats == 200'", "setup.step.0.check"),
        (
            "[setup]\nrefresh = '10ms'\n[[setup.step]]\nget = '/'",
            "setup.refresh: 10.0 ms from one refresh to the next cannot be",
        ),
        ("[setup]\nrefresh = 'often'\n[[setup.step]]\nget = '/'", "setup.refresh"),
        ("[setup]\ntarget = 'x'\n[[setup.step]]\nget = '/'", "setup.target: there is no target `x`"),
        (
            "[setup]\nurl = 'udp://h:1'\n[[setup.step]]\nget = '/'",
            "setup: what is done before the start are requests of HTTP",
        ),
    ] {
        let wrong = read(&format!("{URL}{text}")).expect_err(text);
        assert!(wrong.contains(told), "{text}: {wrong}");
        let lines = wrong.lines().filter(|line| line.contains("setup")).count();
        assert_eq!(lines, 1, "{text}: {wrong}");
    }
}

#[test]
fn a_setup_may_go_elsewhere() {
    let named = "[target.auth]\nurl = 'https://auth/'\n[setup]\ntarget = 'auth'\n";
    for elsewhere in [named, "[setup]\nurl = 'https://auth/'\n"] {
        let text = format!("{URL}{elsewhere}{LOGIN}[[request]]\nbearer = '{{{{token}}}}'");
        let plan = plan(&text);
        assert_eq!(plan.name, "http://h/", "{elsewhere}");
        let setup = plan.setup_plan().unwrap();
        assert_eq!(setup.targets[0].url.to_string(), "https://auth/", "{elsewhere}");
        assert_eq!(plan.targets.len(), 2);
    }
    // The plan's `url` may be the setup's alone.
    plan(&format!("{URL}{LOGIN}[scenario.a]\nurl = 'http://other/'\nbearer = '{{{{token}}}}'"));
}

#[test]
fn a_websocket_may_be_opened_with_a_value_that_stays() {
    let text = |refresh: &str| {
        format!(
            "url = 'ws://h/'\nbearer = '{{{{token}}}}'\nsetup.url = 'http://h/'\n{refresh}{LOGIN}[[request]]\ntext = 'a'"
        )
    };
    let values = SetupValues::new([("token".to_owned(), Some(b"abc".to_vec()))]);
    let filled = plan(&text("")).filled(&values).unwrap();
    let Request::WebSocket(message) = &filled.steps().next().unwrap().request else { panic!("{filled:?}") };
    assert_eq!(message.opening.headers[0].1[1], Piece::Bytes(b"abc".to_vec()));
    let wrong = read(&text("setup.refresh = '1m'\n")).unwrap_err();
    assert!(wrong.contains("values of a flow cannot stand in what opens a WebSocket"), "{wrong}");
}

#[test]
fn a_token_of_oauth_is_a_request_and_a_refresh() {
    let oauth = |more: &str| {
        format!(
            "{URL}bearer = '{{{{token}}}}'\n[setup]\n{more}oauth = {{ token_url = 'https://auth/token?x=1', client_id = 'me', client_secret = '{{{{env SECRET}}}}', scope = 'a b' }}\n"
        )
    };
    let plan = plan(&oauth(""));
    assert_eq!(plan.setup_names(), ["token", "expires_in"]);
    let setup = plan.setup.as_ref().unwrap();
    assert_eq!((setup.refresh_ns, setup.lifetime.as_deref()), (None, Some("expires_in")));
    assert!(plan.scenarios[0].flow().is_some());
    let own = plan.setup_plan().unwrap();
    let HttpRequest { method, path, headers, body } = &requests(&own)[0];
    assert_eq!((method.as_str(), path), ("POST", &vec![Piece::Bytes(b"/token?x=1".to_vec())]));
    assert_eq!(headers[0].0, "Content-Type");
    let body: Vec<u8> = body
        .iter()
        .flatten()
        .flat_map(|piece| match piece {
            Piece::Bytes(bytes) => bytes.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    let sent = "grant_type=client_credentials&client_id=me&client_secret=s3cret&scope=a%20b";
    assert_eq!(String::from_utf8(body).unwrap().replace('+', "%20"), sent);
    let shown = serde_json::to_string(&redact::written(&plan)).unwrap();
    assert!(!shown.contains("s3cret") && shown.contains("client_credentials"), "{shown}");
    let never = super::setup_tests::plan(&oauth("refresh = 'never'\n"));
    assert!(never.scenarios[0].flow().is_none() && !never.setup.as_ref().unwrap().is_renewed());
    for (text, told) in [
        (
            "oauth = { token_url = 'https://auth/', client_id = 'me' }",
            "setup.oauth: `oauth` has no `client_secret`",
        ),
        (
            "oauth = { token_url = 'auth auth', client_id = 'me', client_secret = 'x' }",
            "setup.oauth.token_url",
        ),
        (
            "oauth = { token_url = 'https://auth/', client_id = '{{nope', client_secret = 'x' }",
            "setup.oauth.client_id",
        ),
        (
            "oauth = { token_url = 'https://auth/', client_id = 'me', client_secret = 'x' }\n[[setup.step]]\nget = '/'",
            "setup.step: `oauth` says where",
        ),
    ] {
        let wrong = read(&format!("{URL}[setup]\n{text}")).expect_err(text);
        assert!(wrong.contains(told), "{text}: {wrong}");
    }
}

#[test]
fn a_report_has_no_secret_of_the_setup_and_cannot_be_repeated_without() {
    let text = format!(
        "{URL}[[setup.step]]\npost = '/session?key=s3cret'\nform = {{ password = 's3cret' }}\nheaders.X-Api-Key = 's3cret'\nextract = {{ token = 'json /token' }}\n[[request]]\nbearer = '{{{{token}}}}'"
    );
    let plan = plan(&text);
    let shown = redact::written(&plan);
    let json = serde_json::to_string(&shown).unwrap();
    assert!(!json.contains("s3cret"), "{json}");
    let again: Plan = serde_json::from_str(&json).unwrap();
    assert_eq!(again, shown);
    let layers = Layers::new(None).unwrap();
    let wrong = again.repeated(&layers.read(), &|_| Err(String::new())).unwrap_err();
    assert!(wrong.iter().any(|wrong| wrong.path == "plan.setup"), "{wrong:?}");
    plan.repeated(&layers.read(), &|_| Err(String::new())).unwrap();
}
