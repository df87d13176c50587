//! What is found in JSON texts, held against what `serde_json::Value::pointer` finds.

use super::*;
use proptest::prelude::*;
use serde_json::Value;

fn parsed(paths: &[&str]) -> Vec<JsonPath> {
    paths.iter().map(|path| JsonPath::parse(path).unwrap()).collect()
}

fn found<'a>(text: &'a str, paths: &[&str]) -> Result<Vec<Option<&'a str>>, NotJson> {
    let mut found = Vec::new();
    find(text.as_bytes(), &parsed(paths), &mut WalkMemory::default(), &mut found)?;
    Ok(found.into_iter().map(|range| range.map(|range| &text[range])).collect())
}

fn one<'a>(text: &'a str, path: &str) -> Option<&'a str> {
    found(text, &[path]).unwrap()[0]
}

#[test]
fn values_of_all_kinds_are_found_in_one_pass() {
    let text =
        r#" {"id": 17, "user": {"name": "Ann", "tags": ["a", {"b" : null }]}, "ok": true, "": -1.50e2} "#;
    let paths = [
        "/id",
        "/user/name",
        "/user/tags/1/b",
        "/ok",
        "/",
        "/user/tags",
        "$",
        "/none",
        "/user/tags/7",
        "/id/x",
    ];
    let expected = [
        Some("17"),
        Some("\"Ann\""),
        Some("null"),
        Some("true"),
        Some("-1.50e2"),
        Some(r#"["a", {"b" : null }]"#),
        Some(text.trim()),
        None,
        None,
        None,
    ];
    assert_eq!(found(text, &paths).unwrap(), expected);
}

#[test]
fn a_pointer_may_name_a_member_or_an_element_and_a_path_says_which() {
    assert_eq!((one("[5]", "/0"), one("{\"0\":5}", "/0")), (Some("5"), Some("5")));
    assert_eq!((one("[5]", "$[0]"), one("{\"0\":5}", "$[0]")), (Some("5"), None));
    assert_eq!((one("[5]", "$['0']"), one("{\"0\":5}", "$['0']")), (None, Some("5")));
}

#[test]
fn any_element_is_the_first_in_which_the_rest_is_found() {
    let text = r#"{"items": [{"x": 1}, {"id": 2}, {"id": 3}]}"#;
    assert_eq!(one(text, "$.items[*].id"), Some("2"));
    assert_eq!(one(text, "$.items[*]"), Some("{\"x\": 1}"));
    assert_eq!(one("[[], [[]], [[7], [8]]]", "$[*][*][*]"), Some("7"));
    assert_eq!(one("[]", "$[*]"), None);
    assert_eq!(one("{\"a\": {\"b\": 1}}", "$.a[*]"), None, "an object has members and no elements");
}

#[test]
fn of_several_members_with_one_name_the_last_counts() {
    assert_eq!(one(r#"{"a": 1, "a": 2}"#, "/a"), Some("2"));
    assert_eq!(one(r#"{"a": {"b": 1}, "a": {"c": 2}}"#, "/a/b"), None);
    assert_eq!(one(r#"{"a": [{"id": 1}], "\u0061": [{"id": 2}]}"#, "$.a[*].id"), Some("2"));
    assert_eq!(one(r#"[{"id": {"a": 1}, "id": 2}, {"id": {"a": 5}}]"#, "$[*].id.a"), Some("5"));
}

#[test]
fn names_are_compared_without_their_escapes() {
    assert_eq!(one(r#"{"gr\u00f6\u00dfe": 1}"#, "/größe"), Some("1"));
    assert_eq!(one(r#"{"a\/b": 1}"#, "/a~1b"), Some("1"));
    assert_eq!(one(r#"{"\ud83d": 1, "b": 2}"#, "/b"), Some("2"));
}

#[test]
fn what_is_cut_or_wrong_anywhere_is_not_json() {
    let text = r#"{"id": 17, "rest": [1, {"a": "b\n"}]}"#;
    for length in 0..text.len() {
        assert_eq!(found(&text[..length], &["/id"]), Err(NotJson), "{}", &text[..length]);
    }
    assert_eq!(found("{\"id\": 17} x", &["/id"]), Err(NotJson));
    assert_eq!(found("<html>", &["/id"]), Err(NotJson));
}

#[test]
fn a_document_of_any_depth_is_no_matter() {
    let deep = "[".repeat(10_000) + "1" + &"]".repeat(10_000);
    let text = format!("{{\"deep\": {deep}, \"id\": 5}}");
    assert_eq!(one(&text, "/id"), Some("5"));
    assert_eq!(one(&text, "/deep"), Some(deep.as_str()));
    let zeros = "/0".repeat(63);
    assert_eq!(one(&text, &format!("/deep{zeros}")).map(str::len), Some(2 * (10_000 - 63) + 1));
}

#[test]
fn there_may_be_more_paths_than_bits() {
    let text = format!("[{}]", (0..200).map(|n| n.to_string()).collect::<Vec<_>>().join(","));
    let paths: Vec<String> = (0..200).map(|n| format!("/{n}")).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let values: Vec<String> =
        found(&text, &paths).unwrap().into_iter().map(|value| value.unwrap().to_owned()).collect();
    assert_eq!(values, (0..200).map(|n| n.to_string()).collect::<Vec<_>>());
}

/// Names that documents are made of: few, so that some come twice in an object, and some are indices, escaped or not ASCII.
const NAMES: [&str; 9] = ["a", "b", "0", "1", "", "ä", "a/b", "m~n", "\"\n"];

/// A document as text with all that a text may differ in: blanks, escapes, and names that come several times.
fn document() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f32>()
            .prop_filter("JSON has no other", |number| number.is_finite())
            .prop_map(|number| format!("{number:e}")),
        any::<String>().prop_map(|text| Value::from(text).to_string()),
        "[a-z]{0,3}".prop_map(|text| escaped(&text)),
    ];
    leaf.prop_recursive(5, 60, 5, |inner| {
        let name = (proptest::sample::select(&NAMES[..]), any::<bool>());
        let name = name.prop_map(
            |(name, is_escaped)| if is_escaped { escaped(name) } else { Value::from(name).to_string() },
        );
        let member = (name, inner.clone()).prop_map(|(name, value)| format!("{name} :{value}"));
        prop_oneof![
            proptest::collection::vec(inner, 0..5).prop_map(|values| format!("[ {}]", values.join(" ,"))),
            proptest::collection::vec(member, 0..5)
                .prop_map(|members| format!("{{{}\n}}", members.join(",\t"))),
        ]
    })
}

/// A string in which every character is escaped by its number.
fn escaped(text: &str) -> String {
    let units: String = text.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect();
    format!("\"{units}\"")
}

fn pointer() -> impl Strategy<Value = String> {
    proptest::collection::vec(proptest::sample::select(&NAMES[..]), 1..5).prop_map(|tokens| {
        tokens.iter().map(|token| format!("/{}", token.replace('~', "~0").replace('/', "~1"))).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn pointers_find_what_serde_json_finds(
        text in document(),
        pointers in proptest::collection::vec(pointer(), 1..8),
    ) {
        let value: Value = serde_json::from_str(&text).unwrap();
        let pointers: Vec<&str> = pointers.iter().map(String::as_str).collect();
        let found = found(&text, &pointers).unwrap();
        for (pointer, found) in pointers.iter().zip(found) {
            let found = found.map(|text| serde_json::from_str::<Value>(text).unwrap());
            prop_assert_eq!(found.as_ref(), value.pointer(pointer), "{} in {}", pointer, text);
        }
    }

    #[test]
    fn pointers_into_a_document_are_found(text in document()) {
        // All of those that there are, so that deep ones are not left to chance.
        let value: Value = serde_json::from_str(&text).unwrap();
        let mut pointers = Vec::new();
        list(&value, String::new(), &mut pointers);
        let paths: Vec<&str> = pointers.iter().map(String::as_str).collect();
        for (pointer, found) in paths.iter().zip(found(&text, &paths).unwrap()) {
            let found = serde_json::from_str::<Value>(found.unwrap()).unwrap();
            prop_assert_eq!(Some(&found), value.pointer(pointer), "{} in {}", pointer, text);
        }
    }

    #[test]
    fn any_elements_are_those_that_indices_find(text in document()) {
        let value: Value = serde_json::from_str(&text).unwrap();
        let ours = one(&text, "$[*].a[*]").map(|text| serde_json::from_str::<Value>(text).unwrap());
        let rows = value.as_array().into_iter().flatten();
        let theirs = rows.filter_map(|row| row.get("a")?.as_array()?.first()).next();
        prop_assert_eq!(ours.as_ref(), theirs, "{}", text);
    }
}

/// The pointers of all values in a value but itself.
fn list(value: &Value, at: String, pointers: &mut Vec<String>) {
    match value {
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                pointers.push(format!("{at}/{index}"));
                list(value, format!("{at}/{index}"), pointers);
            }
        }
        Value::Object(members) => {
            for (name, value) in members {
                let pointer = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
                pointers.push(pointer.clone());
                list(value, pointer, pointers);
            }
        }
        _ => {}
    }
}
