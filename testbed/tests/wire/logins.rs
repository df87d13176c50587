//! The logins service: tokens, what they open, and the ledger of who came; over HTTP/1.1 and over HTTP/2.

use serde_json::{Value, json};
use vajra_testbed::Server;

use crate::client::{Client, Response, ask, server};
use crate::curl::{curl, url};

fn send(server: &Server, method: &str, target: &str, headers: &str, body: &str) -> Response {
    let mut client = Client::connect(server);
    let length = body.len();
    client.write(&format!(
        "{method} {target} HTTP/1.1\r\nhost: t\r\n{headers}content-length: {length}\r\n\r\n{body}"
    ));
    client.response()
}

fn value(response: &Response) -> Value {
    serde_json::from_slice(&response.body).expect("JSON")
}

/// A login's token, and its cookie.
fn login(server: &Server, name: &str) -> (String, String) {
    let response = send(server, "POST", "/session", "", &json!({ "name": name, "pass": "p" }).to_string());
    assert_eq!((response.status, &value(&response)["user"]), (201, &name.into()));
    let cookie = response.header("set-cookie").expect("a cookie").to_owned();
    (value(&response)["token"].as_str().expect("a token").to_owned(), cookie)
}

fn bearer(token: &str) -> String {
    format!("authorization: Bearer {token}\r\n")
}

fn ledger(server: &Server) -> Value {
    value(&ask(server, "/ledger"))
}

#[test]
fn a_token_opens_what_is_its_owners_until_it_ends() {
    let server = server("");
    let ((ann, ann_cookie), (bob, _)) = (login(&server, "ann"), login(&server, "bob"));
    assert_ne!(ann, bob);
    assert_eq!(ann_cookie, format!("session={ann}; Path=/; HttpOnly"));
    let look = |target: &str, headers: &str| send(&server, "GET", target, headers, "");
    for visits in 1..=2 {
        let seen = look("/private", &bearer(&ann));
        assert_eq!((seen.status, value(&seen)), (200, json!({ "user": "ann", "visits": visits })));
    }
    let by_cookie = look("/private?user=ann", &format!("cookie: theme=dark; session={ann}\r\n"));
    assert_eq!((by_cookie.status, &value(&by_cookie)["visits"]), (200, &3.into()));
    assert_eq!(look("/private?user=bob", &bearer(&bob)).status, 200);
    assert_eq!(look("/private?user=ann", &bearer(&bob)).status, 409);
    assert_eq!(look("/private", &format!("{}x-user: ann\r\n", bearer(&bob))).status, 409);
    for headers in ["", "authorization: Basic YTpi\r\n", "cookie: session=x\r\n", &bearer(&"0".repeat(32))] {
        let refused = look("/private", headers);
        assert_eq!((refused.status, refused.header("www-authenticate")), (401, Some("Bearer")), "{headers}");
    }
    assert_eq!(send(&server, "DELETE", "/session", &bearer(&ann), "").status, 204);
    assert_eq!(send(&server, "DELETE", "/session", &bearer(&ann), "").status, 401);
    assert_eq!(look("/private", &bearer(&ann)).status, 401);
    let told = ledger(&server);
    let counts = ["logins", "logged_in", "unauthorized", "mismatches"].map(|key| &told[key]);
    assert_eq!(counts, [2, 1, 6, 2].map(Value::from).each_ref());
}

#[test]
fn a_login_may_be_a_form() {
    let server = server("");
    let form = "content-type: application/x-www-form-urlencoded; charset=utf-8\r\n";
    for (body, user) in [("pass=x&name=a+b%26c", "a b&c"), ("user=ann", "ann")] {
        let response = send(&server, "POST", "/session", form, body);
        assert_eq!((response.status, &value(&response)["user"]), (201, &user.into()), "{body}");
    }
    assert_eq!(send(&server, "POST", "/session", "", "{\"user\": \"ann\", \"age\": 5}").status, 201);
    for (headers, body, status, reason) in [
        (form, "nam=ann", 400, "no `name`"),
        (form, "name=", 400, "1 to 256 bytes"),
        ("", "", 400, "the body is no login"),
        ("", "{\"pass\": \"x\"}", 400, "missing field `name`"),
        ("", &format!("{{\"name\": \"{}\"}}", "x".repeat(257)), 400, "1 to 256 bytes"),
        ("", &"x".repeat(16 * 1024 + 1), 413, "at most 16384 bytes"),
    ] {
        let response = send(&server, "POST", "/session", headers, body);
        assert_eq!(response.status, status, "{}", response.text());
        assert!(response.text().contains(reason), "{reason}: {}", response.text());
    }
    let response = send(&server, "PUT", "/session", "", "");
    assert_eq!((response.status, response.header("allow")), (405, Some("POST, DELETE")));
}

#[test]
fn the_ledger_tells_who_came_twice() {
    let server = server("");
    for (method, target) in [
        ("POST", "/ledger?id=7"),
        ("GET", "/ledger/8"),
        ("PUT", "/ledger/ann"),
        ("POST", "/ledger?x=1&id=7"),
        ("POST", "/ledger/ann"),
    ] {
        assert_eq!(send(&server, method, target, "", "").status, 200, "{method} {target}");
    }
    let told = value(&ask(&server, "/ledger?list=4"));
    let counts = ["entries", "distinct", "repeated", "untracked"].map(|key| &told[key]);
    assert_eq!(counts, [5, 3, 2, 0].map(Value::from).each_ref());
    assert_eq!(told["first_repeated"], json!({ "id": "7", "entry": 4 }));
    assert_eq!(told["list"], json!(["7", "8", "ann", "7"]));
    assert_eq!(told["limits"]["numeric_ids"], 1 << 27);
    for target in ["/ledger", "/ledger?id=", &format!("/ledger/{}", "x".repeat(257))] {
        assert_eq!(send(&server, "POST", target, "", "").status, 400, "{target}");
    }
    assert_eq!(ask(&server, "/ledger?list=x").status, 400);
    assert_eq!(send(&server, "DELETE", "/ledger", "", "").status, 204);
    let told = ledger(&server);
    assert_eq!((&told["entries"], &told["first_repeated"]), (&0.into(), &Value::Null));
}

#[test]
fn what_fails_is_not_noted_and_the_ledger_can_be_read_all_the_same() {
    let server = server("error=1");
    assert_eq!(send(&server, "POST", "/ledger?id=7", "", "").status, 500);
    assert_eq!(send(&server, "POST", "/session", "", "{\"name\": \"ann\"}").status, 500);
    assert_eq!(send(&server, "POST", "/ledger?id=7&error=0", "", "").status, 200);
    let told = ledger(&server);
    assert_eq!((&told["entries"], &told["logins"]), (&1.into(), &0.into()));
}

#[test]
fn all_of_it_is_there_over_http2() {
    let server = server("");
    let ask = |arguments: &[&str]| {
        let fetched = curl(&[&["--http2-prior-knowledge"], arguments].concat());
        fetched.text().to_owned()
    };
    let json = |text: &str| -> Value { serde_json::from_str(text).expect("JSON") };
    let session = ask(&["--json", "{\"name\": \"ann\"}", &url(&server, "/session")]);
    let token = json(&session)["token"].as_str().expect("a token").to_owned();
    let private = url(&server, "/private");
    for header in [format!("authorization: Bearer {token}"), format!("cookie: session={token}")] {
        assert_eq!(json(&ask(&["-H", &header, &private]))["user"], "ann", "{header}");
    }
    ask(&["-X", "POST", &url(&server, "/ledger?id=5")]);
    let told = json(&ask(&[&url(&server, "/ledger")]));
    assert_eq!((&told["entries"], &told["logins"]), (&1.into(), &1.into()));
    let stats = json(&ask(&[&url(&server, "/stats")]));
    let routes = ["/session", "/private", "/ledger"].map(|route| &stats["routes"][route]);
    assert_eq!(routes, [1, 2, 2].map(Value::from).each_ref());
    assert_eq!(stats["versions"]["HTTP/1.1"], 0);
}

#[test]
fn redirects_lead_to_each_other_and_to_an_end() {
    let server = server("");
    let (mut target, mut hops) = ("/redirect/20".to_owned(), 0);
    let last = loop {
        let response = ask(&server, &target);
        match response.header("location") {
            Some(next) => (target, hops) = (next.to_owned(), hops + 1),
            None => break response,
        }
    };
    assert_eq!((last.status, target.as_str(), hops), (200, "/redirect/0", 20));
    assert_eq!(ask(&server, "/redirect/21").status, 400);
}

#[test]
fn the_server_describes_itself() {
    let response = ask(&server(""), "/openapi.json");
    assert_eq!((response.status, response.header("content-type")), (200, Some("application/json")));
    assert_eq!(value(&response)["openapi"], "3.1.0");
}
