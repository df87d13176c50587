//! Curl commands as people type them and browsers copy them.

use crate::{assert_noted, plan, read, table};
use engine::plan::Request;
use proptest::prelude::*;
use vajra_import::{CurlChoices, Made, from_curl};

fn made(commands: &str) -> Made {
    from_curl(commands, CurlChoices { keeps_secrets: true }).unwrap_or_else(|wrong| panic!("{wrong}"))
}

/// The method, path, headers and body of a request.
type Sent = (String, String, Vec<(String, String)>, String);

/// Each request, as it would be sent.
fn sent(made: &Made) -> Vec<Sent> {
    let text = |pieces: &[engine::template::Piece]| {
        let bytes = pieces.iter().flat_map(|piece| match piece {
            engine::template::Piece::Bytes(bytes) => bytes.clone(),
            other => format!("{other:?}").into_bytes(),
        });
        String::from_utf8(bytes.collect()).unwrap()
    };
    let plan = plan(made);
    let steps = plan.scenarios[0].steps().iter();
    steps
        .map(|step| {
            let Request::Http(http) = &step.request else { panic!("{:?}", step.request) };
            let headers = http.headers.iter().map(|(name, value)| (name.clone(), text(value))).collect();
            (
                http.method.clone(),
                text(&http.path),
                headers,
                http.body.as_deref().map(text).unwrap_or_default(),
            )
        })
        .collect()
}

/// The one request of a command.
fn one(command: &str) -> Sent {
    let mut sent = sent(&made(command));
    assert_eq!(sent.len(), 1);
    sent.remove(0)
}

fn header<'h>(headers: &'h [(String, String)], name: &str) -> Option<&'h str> {
    headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

#[test]
fn what_curl_sends_the_plan_sends() {
    for (command, method, path, headers, body) in [
        ("curl http://h/a?b=1#c", "GET", "/a?b=1", &[][..], ""),
        ("curl h:81/a", "GET", "/a", &[], ""),
        ("curl -I http://h/", "HEAD", "/", &[], ""),
        ("curl -XDELETE http://h/x", "DELETE", "/x", &[], ""),
        (
            "curl -d a=1 -d 'b=2 3' http://h/",
            "POST",
            "/",
            &[("content-type", "application/x-www-form-urlencoded")],
            "a=1&b=2 3",
        ),
        (
            "curl -G -d a=1 --data-urlencode 'q=x y&z' http://h/s?p=0",
            "GET",
            "/s?p=0&a=1&q=x%20y%26z",
            &[],
            "",
        ),
        (
            r#"curl --json '{"a":1}' http://h/"#,
            "POST",
            "/",
            &[("content-type", "application/json"), ("accept", "application/json")],
            r#"{"a":1}"#,
        ),
        (
            "curl -H 'Content-Type: text/plain' --data-raw '@x y' -X PUT http://h/ ",
            "PUT",
            "/",
            &[("content-type", "text/plain")],
            "",
        ),
        (r"curl --data-binary $'a\nb' http://h/", "POST", "/", &[], "a\nb"),
        (
            "curl -u me:s3 -A agent -e http://r/ -b 'a=1; b=2' http://h/",
            "GET",
            "/",
            &[
                ("authorization", "Basic bWU6czM="),
                ("user-agent", "agent"),
                ("referer", "http://r/"),
                ("cookie", "a=1; b=2"),
            ],
            "",
        ),
        ("curl http://me:s3@h/", "GET", "/", &[("authorization", "Basic bWU6czM=")], ""),
        (
            "curl --oauth2-bearer t --compressed http://h/",
            "GET",
            "/",
            &[("authorization", "Bearer t"), ("accept-encoding", "gzip, deflate, br")],
            "",
        ),
        (
            "curl -F a=1 -F 'b=2;type=text/plain' http://h/",
            "POST",
            "/",
            &[("content-type", "multipart/form-data; boundary=----vajra-form")],
            "------vajra-form\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n------vajra-form\r\nContent-Disposition: form-data; name=\"b\"\r\n\r\n2\r\n------vajra-form--\r\n",
        ),
        ("curl --data-raw 'x {{y}}' http://h/{{z}}", "POST", "/%7B%7Bz%7D%7D", &[], "x {{y}}"),
        ("curl \\\n  -H 'X-A: b' \\\n  --url http://h/", "GET", "/", &[("x-a", "b")], ""),
    ] {
        let sent = one(command);
        assert_eq!((sent.0.as_str(), sent.1.as_str(), sent.3.as_str()), (method, path, body), "{command}");
        for (name, value) in headers {
            assert_eq!(header(&sent.2, name), Some(*value), "{command}: {:?}", sent.2);
        }
    }
}

#[test]
fn several_commands_are_several_requests_of_one_server() {
    let made = made("curl http://h/a\ncurl -s http://h/b -o /dev/null --next http://h/c | jq .\n");
    assert_eq!(sent(&made).iter().map(|sent| sent.1.as_str()).collect::<Vec<_>>(), ["/a", "/b", "/c"]);
    assert_noted(&made, &["`jq` is no curl command"]);
    let wrong = from_curl("curl http://h/a; curl http://other/b", CurlChoices::default()).unwrap_err();
    assert!(wrong.problem.contains("http://h and http://other"), "{wrong}");
}

#[test]
fn what_is_of_the_run_becomes_keys_of_the_plan() {
    let made =
        made("curl -k --http2 -m 2.5 --connect-timeout 1 -L --proxy http://p --nonsense https://h:8443/a");
    let table = table(&made);
    assert_eq!(table["url"].as_str(), Some("https://h:8443"));
    assert_eq!(table["run"]["timeout"].as_str(), Some("2.5s"));
    assert_eq!(table["run"]["connect_timeout"].as_str(), Some("1s"));
    assert_eq!(table["tls"]["verify"].as_bool(), Some(false));
    assert_eq!(table["http"]["version"].as_str(), Some("2"));
    plan(&made);
    assert_eq!(table["request"][0]["redirects"].as_integer(), Some(50), "as many as curl follows");
    assert_noted(&made, &["`--proxy` is not imported"]);
    assert_noted(&made, &["`--nonsense` is not known"]);
}

#[test]
fn headers_that_nobody_can_send_are_left_out_with_a_note() {
    let made = made("curl -H 'X Y: 1' -H $'X-Z: a\\x01b' -H 'X-A: 1' http://h/");
    let headers = &sent(&made)[0].2;
    assert_eq!(headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["X-A"]);
    assert_noted(&made, &["the header X Y is left out: no header is called so"]);
    assert_noted(&made, &["the header X-Z is left out: it has a line break or another control character"]);
}

#[test]
fn a_command_as_a_browser_copies_it_is_read() {
    let chrome = "curl 'http://h/links' \\\n  -H 'Accept: */*' \\\n  -H 'Content-Type: application/json' \\\n  \
                  -b 'session=s3cret' \\\n  --data-raw $'{\"url\":\"http://h/\\u0021\",\"n\":1}' \\\n  --insecure";
    let windows = "curl ^\"http://h/links^\" ^\r\n  -H ^\"Accept: */*^\" ^\r\n  -H ^\"Content-Type: application/json^\" ^\r\n  \
                   -b ^\"session=s3cret^\" ^\r\n  --data-raw ^\"^{^\\^\"url^\\^\":^\\^\"http://h/^!^\\^\",^\\^\"n^\\^\":1^}^\" ^\r\n  --insecure";
    for text in [chrome, windows] {
        let sent = one(text);
        assert_eq!(
            (sent.0.as_str(), sent.1.as_str(), sent.3.as_str()),
            ("POST", "/links", r#"{"url":"http://h/!","n":1}"#)
        );
        assert_eq!(header(&sent.2, "cookie"), Some("session=s3cret"));
    }
}

#[test]
fn secrets_and_variables_of_the_shell_are_variables_of_the_environment() {
    let text = "curl -u me:s3cret -H 'X-Api-Key: k3y' -H \"X-Who: $WHO\" \"http://h/${ID}/a\" -d \"{\\\"t\\\":\\\"$T\\\"}\"";
    let made = from_curl(text, CurlChoices::default()).unwrap();
    let request = &table(&made)["request"][0];
    assert_eq!(request["post"].as_str(), Some("/{{env ID}}/a"));
    assert_eq!(request["basic"].to_string(), "{ user = \"me\", password = \"{{env PASSWORD}}\" }");
    assert_eq!(request["headers"]["X-Api-Key"].as_str(), Some("{{env X_API_KEY}}"));
    assert_eq!(request["headers"]["X-Who"].as_str(), Some("{{env WHO}}"));
    assert_eq!(request["body"].as_str(), Some(r#"{"t":"{{env T}}"}"#));
    assert_noted(&made, &["PASSWORD (POST", "X_API_KEY"]);
    assert!(!format!("{made:?}").contains("s3cret") && !format!("{made:?}").contains("k3y"), "{made:?}");
}

#[test]
fn who_asks_is_said_by_bearer_or_basic_where_that_says_all_of_it() {
    let keys = |command: &str| {
        let made = from_curl(command, CurlChoices::default()).unwrap();
        assert!(!made.plan.contains("s3cret"), "{}", made.plan);
        let request = table(&made)["request"][0].clone();
        ["bearer", "basic", "headers"].map(|key| request.get(key).map(toml::Value::to_string))
    };
    let token = Some("\"{{env BEARER_TOKEN}}\"".to_owned());
    let basic = |user: &str, password: &str| {
        [None, Some(format!("{{ user = \"{user}\", password = \"{password}\" }}")), None]
    };
    assert_eq!(keys("curl --oauth2-bearer s3cret http://h/"), [token.clone(), None, None]);
    assert_eq!(keys("curl -H 'authorization: bearer  s3cret' http://h/"), [token, None, None]);
    assert_eq!(
        keys("curl -H \"Authorization: Bearer $TOKEN\" http://h/"),
        [Some("\"{{env TOKEN}}\"".to_owned()), None, None]
    );
    assert_eq!(keys("curl -u me:s3cret:x http://h/"), basic("me", "{{env PASSWORD}}"));
    assert_eq!(keys("curl http://me:s3cret@h/"), basic("me", "{{env PASSWORD}}"));
    assert_eq!(keys("curl -u \"$USER:$PASS\" http://h/"), basic("{{env USER}}", "{{env PASS}}"));
    // `me:s3cret`
    assert_eq!(
        keys("curl -H 'Authorization: Basic bWU6czNjcmV0' http://h/"),
        basic("me", "{{env PASSWORD}}")
    );
    let header = |value: &str| [None, None, Some(format!("{{ Authorization = {value} }}"))];
    for (command, value) in [
        ("curl -H 'Authorization: Digest s3cret' http://h/", "\"Digest {{env AUTHORIZATION}}\""),
        ("curl -H 'Authorization: Basic no' http://h/", "\"Basic {{env AUTHORIZATION}}\""),
        ("curl -u 'm{{e:s3cret' http://h/", "\"Basic {{env AUTHORIZATION}}\""),
        (
            "curl -H 'Authorization: Bearer s3cret' -H 'Authorization: s3cret2' http://h/",
            "[\"Bearer {{env AUTHORIZATION}}\", \"{{env AUTHORIZATION_2}}\"]",
        ),
    ] {
        assert_eq!(keys(command), header(value), "{command}");
    }
}

#[test]
fn a_user_without_a_password_is_a_secret_itself() {
    // `s3cret:`
    for (command, asks) in [
        ("curl -u s3cret: http://h/", false),
        ("curl -u s3cret http://h/", true),
        ("curl http://s3cret@h/", false),
        ("curl http://s3cret:@h/", false),
        ("curl -H 'Authorization: Basic czNjcmV0Og==' http://h/", false),
    ] {
        let made = from_curl(command, CurlChoices::default()).unwrap();
        assert!(!format!("{made:?}").contains("s3cret"), "{made:?}");
        let basic = &table(&made)["request"][0]["basic"];
        assert_eq!(basic.to_string(), "{ user = \"{{env API_KEY}}\", password = \"\" }", "{command}");
        assert_noted(&made, &["API_KEY (GET /)"]);
        let has_note = made.notes.iter().any(|note| note.contains("has no password, which curl asks for"));
        assert_eq!(has_note, asks, "{command}: {:?}", made.notes);
        let kept = self::made(command);
        let basic = &table(&kept)["request"][0]["basic"];
        assert_eq!(basic.to_string(), "{ user = \"s3cret\", password = \"\" }", "{command}");
        plan(&kept);
    }
}

#[test]
fn a_user_that_is_a_key_is_a_secret_beside_its_password() {
    // `s3cret:x`
    for command in [
        "curl -u s3cret:x http://h/",
        "curl http://s3cret:X@h/",
        "curl -H 'Authorization: Basic czNjcmV0Ong=' http://h/",
        "curl -u s3cret:x-oauth-basic http://h/",
        "curl -u s3cretKeyOfAnApi12345678:hunter2 http://h/",
    ] {
        let made = from_curl(command, CurlChoices::default()).unwrap();
        assert!(!format!("{made:?}").contains("s3cret"), "{made:?}");
        let basic = &table(&made)["request"][0]["basic"];
        let expected = "{ user = \"{{env API_KEY}}\", password = \"{{env PASSWORD}}\" }";
        assert_eq!(basic.to_string(), expected, "{command}");
        assert_noted(&made, &["API_KEY (GET /)", "PASSWORD (GET /)"]);
        assert!(self::made(command).plan.contains("user = \"s3cret"), "kept: {command}");
    }
}

#[test]
fn a_variable_that_may_hold_name_and_password_is_sent_as_a_header() {
    for (command, header, note) in [
        ("curl -u \"$CREDS\" http://h/", "Basic {{env CREDS | base64}}", "$CREDS is sent in base64 as it is"),
        ("curl \"http://${CREDS}@h/\"", "Basic {{env CREDS | base64}}", "$CREDS is sent in base64 as it is"),
        (
            "curl -u \"s3cret$A$B\" http://h/",
            "Basic {{env AUTHORIZATION}}",
            "set AUTHORIZATION to it in base64",
        ),
        (
            "curl -u \"m{{$A:s3cret\" http://h/",
            "Basic {{env AUTHORIZATION}}",
            "set AUTHORIZATION to it in base64",
        ),
    ] {
        let made = from_curl(command, CurlChoices::default()).unwrap();
        let request = &table(&made)["request"][0];
        assert_eq!(request["headers"]["Authorization"].as_str(), Some(header), "{command}");
        assert!(request.get("basic").is_none(), "{}", made.plan);
        assert_noted(&made, &[note]);
        let all = format!("{}{}", made.plan, made.notes.concat());
        assert!(!all.contains(['\u{e000}', '\u{e001}']) && !all.contains("s3cret"), "{all}");
    }
    let made = from_curl("curl -b \"$JAR\" http://h/", CurlChoices::default()).unwrap();
    assert_noted(&made, &["cookies of the file `$JAR`"]);
}

#[test]
fn secrets_in_queries_and_bodies_are_variables_too() {
    let text = "curl 'http://h/a?api_key=k3y&b=1' -d 'name=me&password=s3%20cret'; curl http://h/b --json '{\"n\": 1, \"password\": \"s3 cret\"}'; \
                curl http://h/c --json '{\"n\": 1}'";
    let made = from_curl(text, CurlChoices::default()).unwrap();
    let table = table(&made);
    assert_eq!(table["request"][0]["post"].as_str(), Some("/a?api_key={{env API_KEY | url}}&b=1"));
    assert_eq!(table["request"][0]["body"].as_str(), Some("name=me&password={{env PASSWORD | url}}"));
    assert_eq!(table["request"][1]["body"].as_str(), Some(r#"{"n":1,"password":"{{env PASSWORD | json}}"}"#));
    assert_eq!(table["request"][2]["body"].as_str(), Some(r#"{"n": 1}"#), "it stays as it was typed");
    assert!(!format!("{made:?}").contains("s3") && !format!("{made:?}").contains("k3y"), "{made:?}");
}

#[test]
fn what_is_no_command_is_told_with_its_place_and_what_to_do() {
    for (text, problem, place) in [
        ("", "there is no curl command", ""),
        ("wget http://h/", "there is no curl command", ""),
        ("curl -s", "a curl command has no URL", ""),
        ("curl ftp://h/", "`ftp://h/` is no URL of HTTP", "URL ftp://h/"),
        ("curl \"http://$HOST/\"", "`http://$HOST/` is no URL of HTTP", "URL http://$HOST/"),
        ("curl -X GTE http://h/", "`GTE` is no method", "option -X"),
        ("curl http://h:x/", "`http://h:x/` is no URL of HTTP", "URL http://h:x/"),
        ("curl http://h/ -m soon", "`soon` is no time in seconds", "option -m"),
        ("curl http://h/ -H", "an option of curl lacks its value", "option -H"),
        ("curl 'http://h/", "a quote ' is not closed", "line 1"),
    ] {
        let wrong = from_curl(text, CurlChoices::default()).unwrap_err();
        assert!(wrong.problem.contains(problem) && !wrong.fix.is_empty(), "{text}: {wrong}");
        assert_eq!(wrong.place, place, "{text}");
    }
}

proptest! {
    #[test]
    fn any_body_and_header_in_quotes_is_sent_as_it_is(body in "[^'@\u{0}][^'\u{0}]{0,40}", value in "[!-&(-~]{1,20}") {
        let text = format!("curl -H 'X-A: {value}' --data-raw '{body}' http://h/");
        // Text with a caret before a quote is read by the rules of another shell; holes are none of a header.
        prop_assume!(!text.contains("^\"") && !text.contains("^\n") && !text.contains("^\r\n") && !value.contains("{{"));
        prop_assume!(!body.contains(['\u{E000}', '\u{E001}']));
        let sent = one(&text);
        prop_assert_eq!(sent.3, body);
        prop_assert_eq!(header(&sent.2, "x-a"), Some(value.as_str()));
    }

    #[test]
    fn any_text_is_a_plan_or_refused(text in "(curl )?[ -~\n]{0,80}") {
        if let Ok(made) = from_curl(&text, CurlChoices::default()) {
            prop_assert!(read(&made.plan).is_ok(), "{:#?}\n{}", read(&made.plan).err(), made.plan);
        }
    }
}
