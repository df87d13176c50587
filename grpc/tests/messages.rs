//! Messages as they are typed: what JSON says, what holes become, and what is wrong with what nobody takes.

use crate::rig::{described, rendered, seen, wrong};
use serde_json::json;

#[test]
fn fields_have_their_names_of_json_and_of_the_file() {
    assert_eq!(seen(r#"{"aString": "x", "an_int32": 5}"#, 0), json!({"aString": "x", "anInt32": 5}));
    let (problem, fix) = wrong(r#"{"aString": "x", "a_string": "y"}"#);
    assert!(problem.contains("are one field"), "{problem}");
    assert_eq!(fix, "leave one out");
}

#[test]
fn what_is_filled_in_changes_the_lengths_of_all_that_is_around_it() {
    let text =
        r#"{"a_message": {"a_message": {"a_string": "u-{{seq}}", "texts": ["{{seq}}", "b"]}}, "far": "end"}"#;
    for number in [7, 123_456_789] {
        let expected = json!({
            "aMessage": {"aMessage": {"aString": format!("u-{number}"), "texts": [number.to_string(), "b"]}},
            "far": "end",
        });
        assert_eq!(seen(text, number), expected);
    }
}

#[test]
fn numbers_are_filled_in_as_their_kinds_are_put_down() {
    let text = r#"{"a_double": {{seq}}, "a_float": {{seq}}, "an_int32": {{seq}}, "an_int64": "{{seq}}", "a_sint32": {{seq}},
        "a_fixed64": {{seq}}, "a_sfixed32": {{seq}}, "numbers": [1, {{seq}}], "loose": [{{seq}}], "a_colour": {{rand 7 7}},
        "by_text": {"k{{seq}}": {{seq}}}, "by_number": {"{{seq}}": "v"}, "wrapped_number": {{seq}}, "any_json": {"n": {{seq}}, "t": "{{seq}}"}}"#;
    let expected = json!({
        "aDouble": 300.0, "aFloat": 300.0, "anInt32": 300, "anInt64": "300", "aSint32": 300,
        "aFixed64": "300", "aSfixed32": 300, "numbers": [1, 300], "loose": [300], "aColour": "COLOUR_GREEN",
        "byText": {"k300": "300"}, "byNumber": {"300": "v"}, "wrappedNumber": "300", "anyJson": {"n": 300.0, "t": "300"},
    });
    assert_eq!(seen(text, 300), expected);
}

#[test]
fn bytes_are_base64_and_what_is_filled_in_stands_for_itself() {
    // "hello", then the number as it is written, then "!".
    assert_eq!(seen(r#"{"a_bytes": "aGVsbG8={{seq}}IQ=="}"#, 42), json!({"aBytes": "aGVsbG80MiE="}));
    assert_eq!(seen(r#"{"a_bytes": "-_8"}"#, 0), json!({"aBytes": "+/8="}));
    assert!(wrong(r#"{"a_bytes": "no base64!"}"#).0.contains("is not base64"));
}

#[test]
fn a_random_value_is_the_same_in_a_length_and_in_what_it_counts() {
    for number in 0..200 {
        let text = seen(r#"{"a_string": "{{uuid}}-{{rand 1 100000}}"}"#, number)["aString"]
            .as_str()
            .unwrap()
            .to_owned();
        let (uuid, random) = text.split_at(36);
        assert!(uuid.as_bytes()[14] == b'4' && random[1..].parse::<u64>().unwrap() <= 100_000, "{text}");
    }
}

#[test]
fn a_field_without_presence_is_not_sent_as_what_it_is_anyway() {
    let method =
        described(r#"{"an_int32": 0, "a_string": "", "a_bool": false, "a_double": 0, "numbers": []}"#)
            .unwrap();
    assert_eq!(rendered(method.encoded[0].clone(), 0), b"");
    assert_eq!(seen(r#"{"maybe": 0, "by_id": 0}"#, 0), json!({"maybe": 0, "byId": "0"}));
}

#[test]
fn a_null_is_a_field_that_is_not_there_but_in_json() {
    assert_eq!(
        seen(r#"{"a_string": null, "a_message": null, "any_json": null}"#, 0),
        json!({"anyJson": null})
    );
}

#[test]
fn what_no_field_takes_is_told_with_its_place_and_what_to_write() {
    for (message, problem, fix) in [
        (r#"{"a_sting": "x"}"#, "test.All has no field `a_sting`", "did you mean `a_string`?"),
        (
            r#"{"a_message": {"messages": [{}, {"nope": 1}]}}"#,
            "`a_message.messages[1]`: test.All has no field `nope`",
            "there are",
        ),
        (
            r#"{"an_int32": "x"}"#,
            "`an_int32`: is a text, and takes a whole number from -2147483648 to 2147483647",
            "write one",
        ),
        (r#"{"an_int32": 2147483648}"#, "`an_int32`: is another number", "write one"),
        (r#"{"an_int32": 1.5}"#, "`an_int32`: is another number", "write one"),
        (r#"{"a_string": 5}"#, "`a_string`: is another number, and takes a text", "quotes"),
        (r#"{"a_string": {{seq}}}"#, "`a_string`: is a number, and takes a text", "quotes"),
        (r#"{"a_bool": "true"}"#, "`a_bool`: is a text, and takes true or false", "without quotes"),
        (r#"{"a_bool": {{seq}}}"#, "`a_bool`: takes true or false, and is filled in", "write one"),
        (
            r#"{"a_colour": "COLOUR_REED"}"#,
            "`a_colour`: `COLOUR_REED` is no value of test.Colour",
            "did you mean `COLOUR_RED`?",
        ),
        (r#"{"a_colour": true}"#, "takes a value of test.Colour", "COLOUR_NONE"),
        (r#"{"numbers": 5}"#, "`numbers`: is another number, and takes a list", "[…]"),
        (r#"{"by_text": [1]}"#, "`by_text`: is a list, and takes an object of keys and values", "key"),
        (r#"{"by_text": {"k": "x"}}"#, "`by_text[\"k\"]`: is a text, and takes a whole number", "write one"),
        (r#"{"a_message": 5}"#, "`a_message`: is another number, and takes a test.All", "{…}"),
        (
            r#"{"by_name": "x", "by_id": 1}"#,
            "cannot both be there: they are of the oneof `choice`",
            "leave one out",
        ),
        (r#"{"an_int32": "{{uuid}}"}"#, "`an_int32`: takes a number, and is filled with a UUID", "{{seq}}"),
        (r#"{"an_int32": "1{{seq}}"}"#, "`an_int32`: takes a number, and is filled with more", "stand alone"),
        (
            r#"{"an_int32": {{rand 1 3000000000}}}"#,
            "`an_int32`: takes whole numbers up to 2147483647",
            "smaller range",
        ),
        (r#"{"time": "yesterday"}"#, "`time`: is no google.protobuf.Timestamp", "2026-11-28T12:00:00Z"),
        (
            r#"{"time": "{{seq}}"}"#,
            "`time`: is a google.protobuf.Timestamp, in which nothing can be filled in",
            "write it out",
        ),
        (r#"{"empty": {"x": 1}}"#, "`empty`: google.protobuf.Empty has no field `x`", "it has none"),
        (r#"{"a": "#, "it is not JSON: ", "looks like"),
        ("[]", "is a list, and takes a test.All", "{…}"),
    ] {
        let (found, help) = wrong(message);
        assert!(found.contains(problem) && help.contains(fix), "{message}: {found} ({help})");
    }
}

#[test]
fn a_message_in_itself_without_end_is_refused() {
    let deep = format!("{}{}", r#"{"a_message":"#.repeat(120), "{}".to_owned() + &"}".repeat(120));
    let (problem, _) = wrong(&deep);
    assert!(problem.contains("deep") || problem.contains("recursion"), "{problem}");
}
