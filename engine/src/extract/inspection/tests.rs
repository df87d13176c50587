//! Whole responses, looked at by the expressions and checks of a step.

use super::*;
use crate::code::of_grpc;
use crate::extract::findings::VALUE_BYTES_MAX;
use proptest::prelude::*;

const BODY_MAX: usize = 8 << 10;

/// A step: what it looks at, and what of a response it wants.
struct Step {
    inspection: Inspection,
    wants: Wants,
    captured: Captured,
    found: Findings,
}

impl Step {
    fn new(extracts: &[&str], checks: &[&str]) -> Step {
        let extracts: Vec<Expression> =
            extracts.iter().map(|text| Expression::parse(text).unwrap()).collect();
        let checks: Vec<ResponseCheck> =
            checks.iter().map(|text| ResponseCheck::parse(text).unwrap()).collect();
        Step {
            inspection: Inspection::new(&extracts, &checks),
            wants: Wants::new(&extracts, &checks, BODY_MAX),
            captured: Captured::default(),
            found: Findings::default(),
        }
    }

    /// Looks at a response of 200 that took 5 ms.
    fn look(&mut self, headers: &[(&str, &str)], pieces: &[&[u8]]) -> &Findings {
        self.captured.clear();
        for (name, value) in headers {
            self.captured.header(&self.wants, name.as_bytes(), value.as_bytes());
        }
        for piece in pieces {
            self.captured.body(&self.wants, piece);
        }
        self.inspection.look(200, 5_000_000, &self.captured, &mut self.found);
        &self.found
    }

    fn values(&mut self, body: &str) -> Vec<Option<String>> {
        let count = self.inspection.extracts.len();
        let found = self.look(&[], &[body.as_bytes()]);
        let text = |value: &[u8]| String::from_utf8(value.to_vec()).unwrap();
        (0..count).map(|index| found.value(index).map(text)).collect()
    }
}

/// The value of one expression in a body, and why there is none.
fn value(expression: &str, body: &str) -> (Option<String>, Option<Trouble>) {
    let mut step = Step::new(&[expression], &[]);
    (step.values(body).remove(0), step.found.trouble())
}

fn passes(check: &str, body: &str) -> bool {
    Step::new(&[], &[check]).look(&[], &[body.as_bytes()]).failed_check().is_none()
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn each_kind_of_expression_has_its_value() {
    let extracts = [
        "json /user/name",
        "json $.tags[*].id",
        "regex \"id\":(\\d+)",
        "between '\"name\":\"' '\"'",
        "header LOCATION",
        "cookie sid",
        "status",
        "body",
        "json /none ?",
        "header X-None",
    ];
    let mut step = Step::new(&extracts, &[]);
    let body = br#"{"user":{"name":"A\u006en"},"tags":[{},{"id":7}],"id":17}"#;
    let headers = [("location", "/next"), ("Set-Cookie", "sid=abc; Path=/")];
    let found = step.look(&headers, &[&body[..]]);
    let expected: [Option<&[u8]>; 10] = [
        Some(b"Ann"),
        Some(b"7"),
        Some(b"7"),
        Some(br"A\u006en"),
        Some(b"/next"),
        Some(b"abc"),
        Some(b"200"),
        Some(body),
        None,
        None,
    ];
    for (index, expected) in expected.into_iter().enumerate() {
        assert_eq!(found.value(index), expected, "{}", extracts[index]);
    }
    assert_eq!((found.value(10), found.trouble(), found.failed_check()), (None, None, None));
}

#[test]
fn values_of_json_are_given_as_text_and_what_holds_others_as_it_stands() {
    let body = r#"{"s":"a\"b","e":"","n":-1.50e2,"t":true,"z":null,"o":{"a": 1},"l":[ 1,2 ]}"#;
    for (path, text) in [
        ("/s", "a\"b"),
        ("/e", ""),
        ("/n", "-1.50e2"),
        ("/t", "true"),
        ("/z", "null"),
        ("/o", "{\"a\": 1}"),
        ("/l", "[ 1,2 ]"),
    ] {
        assert_eq!(value(&format!("json {path}"), body), (some(text), None), "{path}");
    }
}

#[test]
fn a_status_with_a_name_is_given_by_that_name() {
    let mut step = Step::new(&["status"], &["status == NOT_FOUND", "status in OK, CANCELLED"]);
    step.inspection.look(of_grpc(5), 0, &step.captured, &mut step.found);
    assert_eq!((step.found.value(0), step.found.failed_check()), (Some(&b"NOT_FOUND"[..]), Some(1)));
}

#[test]
fn between_takes_the_first_left_and_the_next_right() {
    assert_eq!(value("between 'a' 'b'", "xaaybzb").0, some("ay"));
    assert_eq!(value("between 'a' 'a'", "xaya").0, some("y"));
    assert_eq!(value("between 'a' 'b'", "ba").0, None);
    assert_eq!(value("between 'a' 'b'", "ab").0, some(""));
}

#[test]
fn the_first_check_that_does_not_hold_is_told() {
    let mut step = Step::new(&[], &["status == 200", "time < 5ms", "json /a == 2", "body contains x"]);
    assert_eq!(step.look(&[], &[b"{\"a\":1}"]).failed_check(), Some(1));
    let mut step = Step::new(&["json /a"], &["status == 200", "time < 6ms", "size == 7", "json /a == 2"]);
    assert_eq!(step.look(&[], &[b"{\"a\":1}"]).failed_check(), Some(3));
    assert_eq!(step.look(&[], &[b"{\"a\":2}"]).failed_check(), None);
    assert_eq!(step.look(&[], &[b"{\"a\":02}"]).failed_check(), Some(2));
}

#[test]
fn values_of_json_are_compared_by_what_they_are() {
    let body =
        r#"{"t":true,"z":null,"n":1.0,"big":12345678901234567890,"s":"in st\u006fck","d":"01","o":{"a":[]}}"#;
    for check in [
        "json /t == true",
        "json /z == null",
        "json /z exists",
        "json /n == 1",
        "json /n <= 1",
        "json /big == 12345678901234567890",
        "json /big != 12345678901234567891",
        "json /s == in stock",
        "json /s == \"in stock\"",
        "json /s matches ^in.*ck$",
        "json /s not contains u006f",
        "json /d != 1",
        "json /d == 01",
        "json /d < 2",
        "json /o == {\"a\":[]}",
        "json /none not exists",
        "json /t not contains x",
    ] {
        assert!(passes(check, body), "{check}");
    }
    for check in [
        "json /none == 1",
        "json /none != 1",
        "json /none not contains x",
        "json /s exists not",
        "json /t < 5",
    ] {
        let is_refused = ResponseCheck::parse(check).is_err();
        assert!(is_refused || !passes(check, body), "{check}");
    }
}

#[test]
fn what_cannot_be_looked_at_is_told_and_passes_no_check() {
    for (body, trouble) in
        [("", Trouble::NoBody), ("<html>", Trouble::NotJson), ("{\"id\":5", Trouble::NotJson)]
    {
        assert_eq!(value("json /id", body), (None, Some(trouble)), "{body}");
        assert!(!passes("json /error not exists", body), "{body}");
    }
    let mut step = Step::new(&["json /id"], &[]);
    let found = step.look(&[], &[b"{\"id\":5,\"x\":\"\xff\"}"]);
    assert_eq!((found.value(0), found.trouble()), (None, Some(Trouble::NotJson)));
    assert_eq!(value("json /id", "{\"id\":\"\\ud800\"}"), (None, Some(Trouble::NoText)));
    assert_eq!(value("json /a", "{\"id\":\"\\ud800\"}"), (None, None));
    assert!(!passes("json /id != x", "{\"id\":\"\\ud800\"}"));
}

#[test]
fn a_body_that_was_cut_is_not_guessed_at() {
    let body = format!("{{\"id\":5,\"x\":\"{}\"}}", "x".repeat(BODY_MAX));
    for expression in ["json /id", "regex id", "between 'i' ':'", "body"] {
        assert_eq!(value(expression, &body), (None, Some(Trouble::LongBody)), "{expression}");
    }
    assert!(!passes("body not contains secret", &body));
    assert!(passes("size > 8KiB", &body), "its length is known");
    assert_eq!(value("status", &body), (some("200"), None));
}

#[test]
fn a_value_that_is_too_long_is_not_taken_and_can_be_checked() {
    let body = |length: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(length));
    assert_eq!(value("json /a", &body(VALUE_BYTES_MAX)).0.unwrap().len(), VALUE_BYTES_MAX);
    assert_eq!(value("json /a", &body(VALUE_BYTES_MAX + 1)), (None, Some(Trouble::LongValue)));
    assert!(passes("json /a exists", &body(VALUE_BYTES_MAX + 1)));
    let escaped = format!("{{\"a\":\"{}\"}}", "\\n".repeat(VALUE_BYTES_MAX / 2 + 1));
    assert_eq!(
        value("json /a", &escaped).0.unwrap().len(),
        VALUE_BYTES_MAX / 2 + 1,
        "what counts is the value"
    );
}

#[test]
fn headers_that_were_not_kept_are_not_taken_for_absent() {
    let mut step = Step::new(&["cookie sid", "header X-Late ?"], &["header X-Late not exists"]);
    let long = "x".repeat(9 << 10);
    let headers = [("Set-Cookie", "sid=1"), ("Set-Cookie", &long), ("Set-Cookie", &long), ("X-Late", "a")];
    let found = step.look(&headers, &[]);
    assert_eq!((found.value(0), found.trouble()), (None, Some(Trouble::LongHeaders)));
    assert_eq!((found.value(1), found.failed_check()), (Some(&b"a"[..]), Some(0)));
}

#[test]
fn nothing_is_left_of_the_response_before() {
    let mut step = Step::new(&["json /a", "header X"], &["json /a == 1"]);
    step.look(&[("x", "y")], &[b"{\"a\":2}"]);
    assert_eq!(step.found.failed_check(), Some(0));
    let found = step.look(&[], &[b"{\"b\":2}"]);
    assert_eq!((found.value(0), found.value(1), found.trouble()), (None, None, None));
    let found = step.look(&[], &[b"{"]);
    assert_eq!((found.value(0), found.trouble()), (None, Some(Trouble::NotJson)));
    let found = step.look(&[], &[b"{\"a\":1}"]);
    assert_eq!((found.value(0), found.trouble(), found.failed_check()), (Some(&b"1"[..]), None, None));
}

#[test]
fn findings_serve_several_steps_in_turn() {
    let mut first = Step::new(&["json /a", "json /b", "json /c"], &[]);
    let mut second = Step::new(&["json /b"], &[]);
    first.look(&[], &[b"{\"a\":1,\"b\":2}"]);
    std::mem::swap(&mut first.found, &mut second.found);
    assert_eq!(second.look(&[], &[b"{\"b\":3}"]).value(0), Some(&b"3"[..]));
    assert_eq!(second.found.value(1), None);
}

proptest! {
    #[test]
    fn a_body_in_any_pieces_has_the_same_values(
        number in any::<i64>(),
        text in "[a-zé\"\\\\]{0,12}",
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let body = serde_json::json!({"n": number, "s": text}).to_string();
        let mut step = Step::new(&["json /n", "json /s", "regex :(-?\\d+)", "between '\"s\":' '}'"], &[]);
        let whole = step.values(&body);
        prop_assert_eq!(&whole[0], &Some(number.to_string()));
        prop_assert_eq!(&whole[1], &Some(text));
        let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len())).collect();
        ends.extend([0, body.len()]);
        ends.sort_unstable();
        let pieces: Vec<&[u8]> = ends.windows(2).map(|ends| &body.as_bytes()[ends[0]..ends[1]]).collect();
        let found = step.look(&[], &pieces);
        for (index, value) in whole.iter().enumerate() {
            prop_assert_eq!(found.value(index), value.as_ref().map(String::as_bytes));
        }
    }
}
