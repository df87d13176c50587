//! Bodies changed at random, looked at by expressions and checks: nothing panics, and what is found is what serde_json and regex find.
//!
//! `FUZZ_SECONDS=600 cargo test -p vajra-fuzzing --test extraction` looks longer, see `fuzzing/src/lib.rs`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use engine::extract::{
    Captured, Condition, Expression, Findings, Inspection, ResponseCheck, Trouble, VALUE_BYTES_MAX, Wants,
};
use engine::random::Random;
use serde_json::Value;
use vajra_fuzzing::{Fate, below, change, fuzz, noise, one_of};

const CASES: u64 = 20_000;
const BODY_BYTES_MAX: usize = 1_000;
/// How deep a body is put into objects and arrays, around the bounds of a word of 64 levels.
const LEVELS_MAX: usize = 140;

/// Where to look, as a pointer; each is looked for by the expression `json` and in serde_json's own way.
const POINTERS: [&str; 8] = ["/id", "/a/0/b", "/a/1", "/user/name", "/user", "/x", "/0", "/a~1b"];
const REGEX: &str = r"([a-z]+)\W";
const OTHERS: [&str; 7] = [
    r"regex ([a-z]+)\W",
    "json $.a[*].b",
    "json $[*]",
    "between '\"' '\"'",
    "header Location",
    "cookie sid",
    "body",
];
const CHECKS: [&str; 6] = [
    "status < 400",
    "json /id == 17",
    "json /user/name contains n",
    "body matches [0-9]",
    "json /x not exists",
    "size < 400",
];

const BODIES: [&str; 4] = [
    r#"{"id":17,"a":[{"b":"x"},[1,2.5e3]],"user":{"name":"A\u006en\ud83d\ude00"},"a/b":null}"#,
    r#"[{"b":true},"é",-0.5,[],{},{"id":"0"}]"#,
    r#"{"a":[{"c":1},{"b":[{}]}],"id":"1\n","id":"2","x":{"x":{"x":[[[]]]}},"user":false}"#,
    " {\n\t\"user\" : { \"name\" : \"\" } , \"0\" : [ ] }\r\n",
];

fn json_pieces(random: &mut Random) -> Vec<u8> {
    let pieces = [
        "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u00e9", "\\ud83d", "\"id\":", "null", "1e999", " ",
        "\"a\":{}",
    ];
    one_of(random, &pieces).as_bytes().to_vec()
}

/// A document deep in others.
fn deep(random: &mut Random, body: &[u8]) -> Vec<u8> {
    let levels = below(random, LEVELS_MAX);
    let kinds: Vec<bool> = (0..levels).map(|_| random.bits() & 1 == 1).collect();
    let open: String = kinds.iter().map(|is_object| if *is_object { "{\"x\":" } else { "[0," }).collect();
    let close: String = kinds.iter().rev().map(|is_object| if *is_object { '}' } else { ']' }).collect();
    // Some have another member behind what is deep, which tells whether all of it was closed again.
    let around = if below(random, 2) == 0 { ("", "") } else { ("{\"deep\":", ",\"id\":17}") };
    [around.0.as_bytes(), open.as_bytes(), body, close.as_bytes(), around.1.as_bytes()].concat()
}

struct Step {
    inspection: Inspection,
    wants: Wants,
    captured: Captured,
    found: Findings,
}

impl Step {
    fn new() -> Step {
        let pointers = POINTERS.iter().map(|pointer| format!("json {pointer}"));
        let extracts: Vec<Expression> = pointers
            .chain(OTHERS.iter().map(|text| (*text).to_owned()))
            .map(|text| Expression::parse(&text).unwrap())
            .collect();
        let checks: Vec<ResponseCheck> =
            CHECKS.iter().map(|text| ResponseCheck::parse(text).unwrap()).collect();
        Step {
            inspection: Inspection::new(&extracts, &checks),
            wants: Wants::new(&extracts, &checks, BODY_BYTES_MAX),
            captured: Captured::default(),
            found: Findings::default(),
        }
    }

    /// A body comes in pieces; whether it was JSON.
    fn takes(&mut self, random: &mut Random, body: &[u8]) -> bool {
        self.captured.clear();
        for name in ["Location", "set-cookie", "X"] {
            let value = noise(random, 40);
            self.captured.header(&self.wants, name.as_bytes(), &value);
        }
        let mut rest = body;
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at(1 + below(random, rest.len()));
            self.captured.body(&self.wants, piece);
            rest = behind;
        }
        self.inspection.look(200, 5, &self.captured, &mut self.found);
        self.found.trouble() != Some(Trouble::NotJson)
    }

    /// Holds what was found against what serde_json finds, where it can read the body at all.
    fn is_as_serde_json_says(&self, body: &[u8]) {
        let Ok(value) = serde_json::from_slice::<Value>(body) else { return };
        for (index, pointer) in POINTERS.iter().enumerate() {
            let found = self.found.value(index).map(|text| std::str::from_utf8(text).unwrap());
            match value.pointer(pointer) {
                Some(Value::String(text)) => assert_eq!(found, Some(text.as_str()), "{pointer}"),
                Some(other) => {
                    let found: Value = serde_json::from_str(found.expect("a value is found")).unwrap();
                    assert_eq!(&found, other, "{pointer}");
                }
                None => assert_eq!(found, None, "{pointer}"),
            }
        }
    }
}

#[test]
fn whatever_a_body_is_it_is_looked_at() {
    let mut step = Step::new();
    let regex = regex::bytes::Regex::new(REGEX).unwrap();
    fuzz("bodies", CASES, |random| {
        let mut body = one_of(random, &BODIES).as_bytes().to_vec();
        if below(random, 4) == 0 {
            body = deep(random, &body);
        }
        change(random, &mut body, 0..=4, json_pieces);
        body.truncate(BODY_BYTES_MAX + 1);
        let is_json = step.takes(random, &body);
        if body.len() <= BODY_BYTES_MAX && !body.is_empty() {
            step.is_as_serde_json_says(&body);
            let is_readable = serde_json::from_slice::<serde::de::IgnoredAny>(&body).is_ok();
            let is_text = std::str::from_utf8(&body).is_ok();
            assert_eq!(is_json, is_readable && is_text, "{:?}", String::from_utf8_lossy(&body));
            let expected = regex.captures(&body).map(|groups| groups.get(1).unwrap().as_bytes());
            assert_eq!(step.found.value(POINTERS.len()), expected, "{:?}", String::from_utf8_lossy(&body));
        }
        for index in 0..POINTERS.len() + OTHERS.len() {
            let length = step.found.value(index).map_or(0, <[u8]>::len);
            assert!(length <= VALUE_BYTES_MAX);
        }
        Fate::when(is_json)
    });
}

#[test]
fn whatever_is_typed_is_read_or_refused_with_a_fix() {
    let typed = [
        "json /a/0/b ?",
        "json $.items[*]['a b'][0]",
        r"regex id=(\d+)",
        "between \"a\" 'b'",
        "status in 200..299,304",
        "json /a not contains 'x y'",
        "body matches ^a|b$",
        "time < 1.5s",
        "size >= 10KiB",
        "user.role == admin",
        "id not exists",
    ];
    fuzz("typed texts", CASES, |random| {
        let mut text = one_of(random, &typed).as_bytes().to_vec();
        change(random, &mut text, 0..=2, |random| one_of(random, &typed).as_bytes()[..4].to_vec());
        let text = String::from_utf8_lossy(&text);
        let (expression, check, condition) =
            (Expression::parse(&text), ResponseCheck::parse(&text), Condition::parse(&text));
        for wrong in
            [expression.as_ref().err(), check.as_ref().err(), condition.as_ref().err()].into_iter().flatten()
        {
            assert!(!wrong.problem.is_empty() && !wrong.fix.is_empty());
        }
        // What is read is read again from what it is written as.
        if let Ok(expression) = &expression {
            assert_eq!(Expression::parse(&expression.to_string()).as_ref(), Ok(expression));
        }
        if let Ok(check) = &check {
            assert_eq!(ResponseCheck::parse(&check.to_string()).as_ref(), Ok(check));
        }
        Fate::when(expression.is_ok() || check.is_ok() || condition.is_ok())
    });
}
