//! HAR files: two that Chromium recorded, and others that have what those have not.

use crate::{assert_noted, plan, read, table};
use proptest::prelude::*;
use toml::{Table, Value};
use vajra_import::{HarChoices, HarFile, Made, from_har};

const FIRST: HarFile<'_> = HarFile { name: "links-1.har", text: include_str!("data/links-1.har") };
const SECOND: HarFile<'_> = HarFile { name: "links-2.har", text: include_str!("data/links-2.har") };
const SESSION: HarFile<'_> = HarFile { name: "session-1.har", text: include_str!("data/session-1.har") };
const SESSION_2: HarFile<'_> = HarFile { name: "session-2.har", text: include_str!("data/session-2.har") };

fn steps(made: &Made) -> Vec<Table> {
    let steps = table(made)["step"].as_array().unwrap().clone();
    steps.into_iter().map(|step| step.as_table().unwrap().clone()).collect()
}

fn text<'s>(step: &'s Table, key: &str) -> &'s str {
    step.get(key).and_then(Value::as_str).unwrap_or("")
}

/// An entry of a recording of the host `h`, which is asked `after_ms` from the beginning and answers after 10 ms.
fn entry(after_ms: u64, request: &str, status: u16, headers: &str, mime: &str, body: &str) -> String {
    let body = serde_json(body);
    format!(
        r#"{{"startedDateTime": "2026-11-28T12:00:{:02}.{:03}Z", "time": 10, "request": {{{request}}},
            "response": {{"status": {status}, "headers": [{headers}], "content": {{"mimeType": "{mime}", "text": {body}}}}}}}"#,
        after_ms / 1_000,
        after_ms % 1_000
    )
}

/// A text in quotes, as JSON has it.
fn serde_json(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

fn har(entries: &[String]) -> String {
    format!(r#"{{"log": {{"version": "1.2", "entries": [{}]}}}}"#, entries.join(","))
}

fn get(path: &str, headers: &str) -> String {
    format!(r#""method": "GET", "url": "http://h{path}", "headers": [{headers}]"#)
}

fn post(path: &str, mime: &str, body: &str) -> String {
    format!(
        r#""method": "POST", "url": "http://h{path}", "headers": [{{"name": "Content-Type", "value": "{mime}"}}],
           "postData": {{"mimeType": "{mime}", "text": {}}}"#,
        serde_json(body)
    )
}

/// A login that gives a token and a cookie, and a page that asks for the token; by this token, user and form's secret.
fn session(token: &str, form: &str, item: u64) -> String {
    let authorization = format!(r#"{{"name": "Authorization", "value": "Bearer {token}"}}"#);
    let cookie = r#"{"name": "Set-Cookie", "value": "session=c00kie; Path=/"}"#;
    har(&[
        entry(
            0,
            &get("/login", ""),
            200,
            "",
            "text/html",
            &format!("<form>\n<input name=\"csrf\" value=\"{form}\">\n</form>"),
        ),
        entry(
            500,
            &post(
                "/session",
                "application/x-www-form-urlencoded",
                &format!("name=me&password=s3cret&csrf={form}"),
            ),
            201,
            cookie,
            "application/json",
            &format!(r#"{{"token": "{token}", "items": [{{"id": {item}}}, {{"id": 5}}]}}"#),
        ),
        entry(600, &get("/private", &authorization), 200, "", "application/json", r#"{"user": "me"}"#),
        entry(
            2_000,
            &get(&format!("/items/{item}?v=1&at=17{token}"), &authorization),
            200,
            "",
            "application/json",
            "{}",
        ),
        entry(
            2_010,
            &post(
                "/orders",
                "application/json",
                &format!(r#"{{"item": {item}, "note": null, "who": "{token}"}}"#),
            ),
            201,
            "",
            "application/json",
            "{}",
        ),
    ])
}

fn two(first: &str, second: &str) -> Made {
    let file = |name, text| HarFile { name, text };
    from_har(file("a.har", first), Some(file("b.har", second)), &HarChoices::default()).unwrap()
}

#[test]
fn a_timeline_has_each_request_when_it_was_recorded() {
    let entries = [
        entry(1_500, &get("/a", ""), 200, "", "text/plain", "x"),
        entry(1_504, &get("/b", ""), 200, "", "text/plain", "x"),
        entry(4_250, &get("/c", ""), 200, "", "text/plain", "x"),
    ];
    let text = har(&entries);
    let choices = HarChoices { has_timeline: true, ..HarChoices::default() };
    let made = from_har(HarFile { name: "a.har", text: &text }, None, &choices).unwrap();
    plan(&made);
    assert_eq!(table(&made)["timeline"].as_str(), Some("recorded"));
    let steps = steps(&made);
    assert_eq!(
        steps.iter().map(|step| step["at"].as_str().unwrap()).collect::<Vec<_>>(),
        ["0s", "4ms", "2750ms"]
    );
    assert!(steps.iter().all(|step| step.get("think").is_none()), "{}", made.plan);
    assert_noted(&made, &["sent one after the other"]);
}

#[test]
fn two_recordings_of_chromium_show_which_value_comes_from_where() {
    let made = from_har(FIRST, Some(SECOND), &HarChoices::default()).unwrap();
    let steps = steps(&made);
    let shown: Vec<(&str, &str)> = steps.iter().map(|step| (text(step, "get"), text(step, "post"))).collect();
    assert_eq!(shown, [("/", ""), ("", "/links"), ("/{{code}}", ""), ("/links/{{code}}/stats", "")]);
    assert_eq!(steps[1]["extract"].as_table().unwrap()["code"].as_str(), Some("json /code"));
    assert_eq!(steps[1]["json"]["ttl_s"].as_integer(), Some(600));
    let checks: Vec<&str> = steps.iter().map(|step| text(step, "check")).collect();
    assert_eq!(checks, ["status == 200", "status == 201", "status == 200", "status == 200"]);
    assert_eq!(
        steps[2]["redirects"].as_integer(),
        Some(1),
        "the page that the browser was led to is asked for by it"
    );
    assert_eq!(table(&made)["url"].as_str(), Some("http://127.0.0.1:8099"));
    assert_noted(&made, &["redirects that the browser followed", " (1)"]);
    assert_eq!(made.notes.len(), 1, "{:?}", made.notes);
    // The gap between the end of a response and the next request, as it was recorded.
    assert_eq!(text(&steps[0], "think"), "539ms");
    assert!(!steps[1].contains_key("headers"), "the browser's own are left out");
}

#[test]
fn a_login_that_chromium_recorded_twice_takes_its_token_along() {
    let made = from_har(SESSION, Some(SESSION_2), &HarChoices::default()).unwrap();
    let steps = steps(&made);
    assert_eq!(steps[1]["extract"]["token"].as_str(), Some("json /token"));
    assert_eq!(steps[1]["json"]["pass"].as_str(), Some("{{env PASS}}"));
    let sent = |step: &Table| {
        step.get("headers").map(|headers| headers["Authorization"].as_str().unwrap().to_owned())
    };
    let token = || Some("Bearer {{token}}".to_owned());
    assert_eq!(steps[2..].iter().map(sent).collect::<Vec<_>>(), [token(), token(), None, token()]);
    // The third is answered because of a cookie, which its session keeps.
    assert_eq!(table(&made)["cookies"].as_bool(), Some(true), "{}", made.plan);
    assert_noted(&made, &["set these variables before a run: PASS (POST /session)"]);
    assert_eq!(made.notes.len(), 1, "{:?}", made.notes);
    assert!(plan(&made).scenarios[0].flow().is_some_and(|flow| flow.cookies), "{}", made.plan);
}

#[test]
fn recordings_of_chromium_are_plans_however_they_are_imported() {
    for (first, second) in [(FIRST, SECOND), (SESSION, SESSION_2)] {
        for (keeps_assets, has_no_think, keeps_secrets) in
            [(false, false, false), (true, false, true), (false, true, false)]
        {
            let choices = HarChoices { keeps_assets, has_no_think, keeps_secrets, ..Default::default() };
            for second in [None, Some(second)] {
                let made = from_har(first, second, &choices).unwrap();
                let plan = plan(&made);
                assert_eq!(plan.scenarios[0].steps().len(), steps(&made).len());
                assert_eq!(made.plan.contains("think = "), !has_no_think, "{}", made.plan);
            }
        }
    }
}

#[test]
fn one_recording_is_guessed_from_and_each_guess_is_told() {
    let made = from_har(FIRST, None, &HarChoices { has_no_think: true, ..Default::default() }).unwrap();
    let steps = steps(&made);
    assert_eq!(text(&steps[3], "get"), "/links/{{code}}/stats");
    assert_eq!(made.notes.iter().filter(|note| note.contains("a guess")).count(), 2, "{:?}", made.notes);
    assert!(steps.iter().all(|step| !step.contains_key("think")));
}

#[test]
fn a_token_from_json_a_secret_of_a_form_and_a_number_find_their_sources() {
    let made = two(&session("tok-A1", "f0rm-A", 71), &session("tok-B2", "f0rm-B", 92));
    let steps = steps(&made);
    let extract = |step: usize, name: &str| steps[step]["extract"][name].as_str().unwrap().to_owned();
    assert_eq!(extract(0, "csrf"), "between '<input name=\"csrf\" value=\"' '\"'");
    assert_eq!(extract(1, "token"), "json /token");
    assert_eq!(extract(1, "id"), "json /items/0/id");
    assert_eq!(steps[1]["form"]["csrf"].as_str(), Some("{{csrf}}"));
    assert_eq!(steps[1]["form"]["password"].as_str(), Some("{{env PASSWORD}}"));
    assert_eq!(steps[1]["form"]["name"].as_str(), Some("me"));
    assert!(!steps[1].contains_key("headers"), "a form says its type itself");
    assert_eq!(steps[2]["headers"]["Authorization"].as_str(), Some("Bearer {{token}}"));
    assert_eq!(text(&steps[3], "get"), "/items/{{id}}?v=1&at=17tok-A1");
    assert_eq!(text(&steps[4], "body"), r#"{"item":{{id | number}},"note":null,"who":"{{token | json}}"}"#);
    assert_eq!(steps[4]["headers"]["Content-Type"].as_str(), Some("application/json"));
    assert_eq!(table(&made)["cookies"].as_bool(), Some(true), "{}", made.plan);
    assert!(!made.notes.iter().any(|note| note.contains("no other credential")), "{:?}", made.notes);
    assert_eq!(text(&steps[1], "think"), "90ms");
    assert_eq!(text(&steps[2], "think"), "1390ms");
    assert!(!steps[3].contains_key("think"), "it took 10 ms, and the next came at once");
    assert_noted(&made, &["`at` of the query differs", "17tok-A1"]);
    assert_noted(&made, &["PASSWORD (POST /session)"]);
    assert!(!format!("{made:?}").contains("s3cret"), "{made:?}");
}

#[test]
fn what_differs_and_has_no_source_is_told_with_what_may_make_it() {
    let of = |id: &str, at: &str| {
        har(&[entry(0, &get(&format!("/a/{id}?at={at}&q=same"), ""), 200, "", "application/json", "{}")])
    };
    let made = two(
        &of("67e55044-10b1-426f-9247-bb680e5fe0c8", "1791665736000"),
        &of("f47ac10b-58cc-4372-a567-0e02b2c3d479", "1791665799000"),
    );
    assert_noted(&made, &["segment 2 of the path", "`{{uuid}}` makes one"]);
    assert_noted(&made, &["`at` of the query", "`{{now}}`"]);
    assert_eq!(made.notes.len(), 2, "{:?}", made.notes);
}

#[test]
fn requests_that_one_recording_has_alone_are_told_and_move_nothing() {
    let asset = |path: &str| get(path, "");
    let page = |id: &str, extra: bool| {
        let mut entries =
            vec![entry(0, &asset("/start"), 200, "", "application/json", &format!(r#"{{"next": "{id}"}}"#))];
        entries.extend(extra.then(|| entry(50, &asset("/ad/banner"), 200, "", "text/html", "x")));
        entries.push(entry(100, &asset(&format!("/step/{id}")), 200, "", "text/html", "x"));
        har(&entries)
    };
    let made = two(&page("n1", true), &page("n2", false));
    assert_eq!(
        steps(&made).iter().map(|step| text(step, "get")).collect::<Vec<_>>(),
        ["/start", "/ad/banner", "/step/{{next}}"]
    );
    assert_noted(&made, &["1 request is in the first recording alone", "GET /ad/banner"]);
    assert_noted(
        &two(&page("n1", false), &page("n2", true)),
        &["1 request is in the second recording alone"],
    );
}

#[test]
fn assets_other_hosts_and_what_was_never_answered_are_left_out_and_counted() {
    let other = r#""method": "GET", "url": "https://cdn.example/x", "headers": []"#;
    let socket = r#""method": "GET", "url": "ws://h/s", "headers": []"#;
    let asset = get("/a.css", "");
    let text = har(&[
        // Browsers write entries as they end; they are sent as they began.
        entry(
            300,
            &get("/second", r#"{"name": "cookie", "value": "a=b"}"#),
            200,
            "",
            "application/json",
            "{}",
        ),
        entry(0, &get("/first", r#"{"name": "Cookie", "value": "a=b"}"#), 200, "", "text/html", "x"),
        entry(10, other, 200, "", "application/json", "{}"),
        entry(20, socket, 101, "", "", ""),
        entry(30, &asset, 200, "", "text/css", "x"),
        entry(40, &get("/gone", ""), 0, "", "", ""),
    ]);
    let file = HarFile { name: "x.har", text: &format!("\u{feff}{text}") };
    let made = from_har(file, None, &HarChoices::default()).unwrap();
    assert_eq!(steps(&made).iter().map(text_of).collect::<Vec<_>>(), ["/first", "/second"]);
    assert_noted(
        &made,
        &[
            "1 for static assets",
            "1 of other schemes",
            "1 to other hosts",
            "1 without a response",
            "cdn.example",
        ],
    );
    assert_noted(
        &made,
        &[
            "the browser sent cookies that no response of the recording sets (a)",
            "2 were sent with one and no other credential, the first is GET /first",
        ],
    );
    let all = HarChoices { hosts: vec!["H".into()], keeps_assets: true, ..Default::default() };
    let made = from_har(file, None, &all).unwrap();
    assert_eq!(steps(&made).iter().map(text_of).collect::<Vec<_>>(), ["/first", "/a.css", "/second"]);
    let other = HarChoices { hosts: vec!["https://CDN.example/".into()], ..Default::default() };
    let made = from_har(file, None, &other).unwrap();
    assert_eq!(steps(&made).iter().map(text_of).collect::<Vec<_>>(), ["/x"]);
    assert_eq!(table(&made)["url"].as_str(), Some("https://cdn.example"));
    let none = HarChoices { hosts: vec!["nobody".into()], ..Default::default() };
    let wrong = from_har(file, None, &none).unwrap_err();
    assert!(wrong.problem.contains("no request of the recording") && wrong.fix.contains("--host"), "{wrong}");
}

fn text_of(step: &Table) -> &str {
    text(step, "get")
}

#[test]
fn several_servers_are_targets_and_each_step_goes_to_its_own() {
    let secure = r#""method": "GET", "url": "https://h/b", "headers": []"#;
    let other = r#""method": "GET", "url": "http://other:81/c", "headers": []"#;
    let page = |at, request: &str| entry(at, request, 200, "", "text/html", "x");
    let text = har(&[page(0, &get("/", "")), page(10, secure), page(20, &get("/a", "")), page(30, other)]);
    let file = HarFile { name: "x.har", text: &text };
    let of = |hosts: &[&str]| {
        let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        from_har(file, None, &HarChoices { hosts, ..Default::default() }).unwrap()
    };
    let targets = |made: &Made| {
        let of_step = |step: &Table| {
            (text_of(step).to_owned(), step.get("target").and_then(toml::Value::as_str).map(str::to_owned))
        };
        steps(made).iter().map(of_step).collect::<Vec<_>>()
    };
    let own = |path: &str| (path.to_owned(), None);
    let to = |path: &str, name: &str| (path.to_owned(), Some(name.to_owned()));
    let made = of(&["h", "other"]);
    assert_eq!(targets(&made), [own("/"), to("/b", "h"), own("/a"), to("/c", "other")]);
    let table = table(&made);
    assert_eq!(table["url"].as_str(), Some("http://h"));
    assert_eq!(table["target"]["h"]["url"].as_str(), Some("https://h"));
    assert_eq!(table["target"]["other"]["url"].as_str(), Some("http://other:81"));
    let plan = plan(&made);
    assert_eq!((plan.targets.len(), plan.pools.len()), (3, 3));
    assert_eq!(targets(&of(&["http://h"])), [own("/"), own("/a")]);
    assert_eq!(targets(&of(&["https://h"])), [own("/b")]);
    assert_eq!(targets(&of(&["other:81"])), [own("/c")]);
}

#[test]
fn a_long_response_is_looked_at_whole_and_a_request_takes_no_more_values_than_it_may() {
    let session = |letter: char| {
        let values: Vec<String> = (0..40).map(|at| format!(r#""v{at}": "{letter}-{at}""#)).collect();
        let body = format!(r#"{{{}, "rest": "{}"}}"#, values.join(", "), "x".repeat(1 << 20));
        let query: Vec<String> = (0..40).map(|at| format!("q{at}={letter}-{at}")).collect();
        har(&[
            entry(0, &get("/", ""), 200, "", "application/json", &body),
            entry(10, &get(&format!("/a?{}", query.join("&")), ""), 200, "", "text/html", "x"),
        ])
    };
    let made = two(&session('a'), &session('b'));
    let steps = steps(&made);
    assert_eq!(text(&steps[0], "body_max"), "3MiB");
    assert_eq!(text(&steps[1], "get").matches("{{").count(), 24);
    assert_noted(&made, &["40 values come from earlier responses, and 24 are taken"]);
}

#[test]
fn a_recording_has_no_more_steps_than_a_plan() {
    let of = |count: u64| {
        let entries: Vec<String> = (0..count)
            .map(|at| entry(at * 20, &get(&format!("/{at}"), ""), 200, "", "text/html", "x"))
            .collect();
        let text = har(&entries);
        from_har(HarFile { name: "x.har", text: &text }, None, &HarChoices::default())
    };
    assert_eq!(steps(&of(64).unwrap()).len(), 64);
    let wrong = of(65).unwrap_err();
    assert!(wrong.problem.contains("65 requests") && wrong.problem.contains("64 are the most"), "{wrong}");
}

#[test]
fn what_is_no_har_is_told_with_its_place() {
    let cut = &FIRST.text[..FIRST.text.len() / 2];
    for (text, problem, place) in [
        ("", "ends in the middle", "x.har, line 1, column 0"),
        ("<html>", "is no JSON", "x.har, line 1, column 1"),
        (r#"{"entries": []}"#, "is JSON, and no HAR", "x.har, line 1"),
        (cut, "ends in the middle", "x.har, line"),
        (r#"{"log": {"entries": []}}"#, "has no requests", "x.har"),
    ] {
        let wrong = from_har(HarFile { name: "x.har", text }, None, &HarChoices::default()).unwrap_err();
        assert!(wrong.problem.contains(problem) && !wrong.fix.is_empty(), "{wrong}");
        assert!(wrong.place.starts_with(place), "{wrong}");
    }
    let text = har(&[entry(0, &get("/", ""), 200, "", "", "")]).replace("2026-11-28T", "yesterday ");
    let wrong = from_har(HarFile { name: "x.har", text: &text }, None, &HarChoices::default()).unwrap_err();
    assert!(wrong.place.ends_with("log.entries[0].startedDateTime"), "{wrong}");
}

proptest! {
    #[test]
    fn a_recording_that_was_changed_anywhere_is_a_plan_or_refused(
        changes in prop::collection::vec((any::<prop::sample::Index>(), "[ -~\u{e9}]{0,3}"), 1..8),
        cut in any::<prop::sample::Index>(),
        is_cut in any::<bool>(),
    ) {
        let mut letters: Vec<String> = include_str!("data/session-1.har").chars().map(String::from).collect();
        for (at, text) in &changes {
            let at = at.index(letters.len());
            letters[at].clone_from(text);
        }
        if is_cut {
            letters.truncate(cut.index(letters.len()));
        }
        let text = letters.concat();
        let second = HarFile { name: "session-2.har", text: include_str!("data/session-2.har") };
        let changed = HarFile { name: "changed.har", text: &text };
        for (first, second) in [(changed, None), (changed, Some(second)), (second, Some(changed))] {
            if let Ok(made) = from_har(first, second, &HarChoices::default()) {
                prop_assert!(read(&made.plan).is_ok(), "{:#?}\n{}", read(&made.plan).err(), made.plan);
            }
        }
    }
}

#[test]
fn redirects_that_the_browser_followed_are_of_the_request_that_led_to_them() {
    let led = |to: &str| {
        format!(r#"{{"name": "location", "value": "{to}"}}, {{"name": "Set-Cookie", "value": "sid=1"}}"#)
    };
    let entries = [
        entry(0, &post("/session", "text/plain", "x"), 302, &led("/in/../home?a=1"), "", ""),
        // It was under way beside the first.
        entry(5, &get("/beside", ""), 200, "", "text/plain", "y"),
        entry(10, &get("/home?a=1", ""), 307, &led("http://h/last#top"), "", ""),
        entry(20, &get("/last", ""), 200, "", "application/json", r#"{"token": "a1b2c3d4e5f6"}"#),
        entry(1_030, &get("/next?t=a1b2c3d4e5f6", ""), 303, &led("/elsewhere"), "", ""),
        entry(1_040, &get("/not-there", ""), 302, &led("http://other/"), "", ""),
        entry(1_050, &post("/kept", "text/plain", "z"), 308, &led("/kept/"), "", ""),
        entry(1_060, &post("/kept/", "text/plain", "z"), 200, "", "text/plain", "z"),
    ];
    let text = har(&entries);
    let made = from_har(HarFile { name: "a.har", text: &text }, None, &HarChoices::default()).unwrap();
    plan(&made);
    let shown: Vec<(String, Option<i64>, String)> = steps(&made)
        .iter()
        .map(|step| {
            let redirects = step.get("redirects").and_then(Value::as_integer);
            (text_of_request(step), redirects, text_check(step))
        })
        .collect();
    let step = |path: &str, redirects, check: &str| (path.to_owned(), redirects, check.to_owned());
    assert_eq!(
        shown,
        [
            step("/session", Some(2), "status == 200"),
            step("/beside", None, "status == 200"),
            step("/next?t={{token}}", None, "status == 303"),
            step("/not-there", None, "status == 302"),
            step("/kept", Some(1), "status == 200"),
        ]
    );
    let first = &steps(&made)[0];
    assert_eq!(first["extract"]["token"].as_str(), Some("json /token"), "{}", made.plan);
    assert_eq!(table(&made)["cookies"].as_bool(), Some(true));
    assert_noted(&made, &["`redirects` of the request", "POST /session (2), POST /kept (1)"]);
}

#[test]
fn redirects_to_another_server_are_no_redirects_of_a_request() {
    let at = |url: &str| format!(r#""method": "GET", "url": "{url}", "headers": []"#);
    let to = |url: &str| format!(r#"{{"name": "Location", "value": "{url}"}}"#);
    let imported = |entries: &[String], hosts: &[&str]| {
        let text = har(entries);
        let choices = HarChoices {
            hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
            ..HarChoices::default()
        };
        from_har(HarFile { name: "a.har", text: &text }, None, &choices)
    };
    let ports = [
        entry(0, &at("http://h:3000/dash"), 302, &to("http://h:8080/auth"), "", ""),
        entry(20, &at("http://h:8080/auth"), 302, &to("http://h:3000/cb"), "", ""),
        entry(40, &at("http://h:3000/cb"), 200, "", "text/html", "<p>"),
    ];
    let schemes = [
        entry(0, &at("http://h/"), 301, &to("https://h/"), "", ""),
        entry(20, &at("https://h/"), 200, "", "text/html", "<p>"),
    ];
    for entries in [&ports[..], &schemes[..]] {
        let wrong = imported(entries, &[]).unwrap_err();
        assert!(wrong.problem.contains("2 servers") && wrong.fix.contains("--host"), "{wrong}");
    }
    let made = imported(&ports, &["h:3000"]).unwrap();
    let paths: Vec<String> = steps(&made).iter().map(text_of_request).collect();
    assert_eq!(paths, ["/dash", "/cb"]);
    assert!(steps(&made).iter().all(|step| step.get("redirects").is_none()), "{}", made.plan);
}

#[test]
fn a_recording_of_any_length_is_refused_at_once() {
    let led = |path: &str| format!(r#"{{"name": "Location", "value": "{path}"}}"#);
    let entries: Vec<String> =
        (0..5_000).map(|number| entry(number, &get("/a", ""), 302, &led("/b"), "", "")).collect();
    let text = har(&entries);
    let file = HarFile { name: "a.har", text: &text };
    let wrong = from_har(file, None, &HarChoices::default()).unwrap_err();
    assert!(
        wrong.problem.starts_with("5000 requests") && wrong.problem.contains("64 are the most"),
        "{wrong}"
    );
    let first = har(&entries[..3]);
    let first = HarFile { name: "b.har", text: &first };
    let wrong = from_har(first, Some(file), &HarChoices::default()).unwrap_err();
    assert!(wrong.problem.contains("4096 are the most") && wrong.place == "a.har", "{wrong}");
}

fn text_of_request(step: &Table) -> String {
    let path = if step.contains_key("get") { text(step, "get") } else { text(step, "post") };
    path.to_owned()
}

fn text_check(step: &Table) -> String {
    text(step, "check").to_owned()
}
