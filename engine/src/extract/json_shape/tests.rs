//! What is found by the shape of an earlier text, held against what is found by walking through the text.

use super::*;
use proptest::prelude::*;

fn parsed(paths: &[&str]) -> Vec<JsonPath> {
    paths.iter().map(|path| JsonPath::parse(path).unwrap()).collect()
}

type Found = Result<Vec<Option<Range<usize>>>, NotJson>;

fn walked(text: &[u8], paths: &[JsonPath]) -> Found {
    let mut found = Vec::new();
    json_walk::find(text, paths, &mut WalkMemory::default(), &mut found).map(|()| found)
}

fn found(shape: &mut JsonShape, text: &[u8], paths: &[JsonPath]) -> Found {
    let mut found = vec![Some(7..9); 3];
    shape.find(text, paths, &mut WalkMemory::default(), &mut found).map(|()| found)
}

/// Whether a text has the shape of another one, and is found to be what it is either way.
fn has_shape_of(first: &str, second: &str) -> bool {
    let paths = parsed(&["/a", "/b/0", "/b", "$", "$.b[*].c"]);
    let mut shape = JsonShape::default();
    assert_eq!(found(&mut shape, first.as_bytes(), &paths), walked(first.as_bytes(), &paths), "{first}");
    let has_shape = shape.compare(second.as_bytes()).is_some();
    assert_eq!(found(&mut shape, second.as_bytes(), &paths), walked(second.as_bytes(), &paths), "{second}");
    has_shape
}

#[test]
fn texts_that_differ_in_scalars_alone_have_one_shape() {
    for (first, second) in [
        (r#"{"a": 1, "b": [true, {"c": "x"}]}"#, r#"{"a": 1, "b": [true, {"c": "x"}]}"#),
        (r#"{"a": 1, "b": [true, {"c": "x"}]}"#, r#"{"a": 12.5e3, "b": [null, {"c": "long \" \\"}]}"#),
        (r#"{"a": 123, "b": []}"#, r#"{"a": 1, "b": []}"#),
        (r#"{"a": "1", "b": []}"#, r#"{"a": 1, "b": []}"#),
        (r#"{"a": "", "b": [0]}"#, r#"{"a": "größer", "b": [-0]}"#),
        ("{\n\t\"a\": \"\\n\", \"b\": []\n}\n", "{\n\t\"a\": \"größer\\\\\", \"b\": []\n}\n"),
        ("17", "171"),
        ("[1,2,3] ", "[1,2,-3] "),
    ] {
        assert!(has_shape_of(first, second) && has_shape_of(second, first), "{first} {second}");
    }
}

#[test]
fn texts_that_differ_in_anything_else_have_not() {
    for (first, second) in [
        (r#"{"a": 1}"#, r#"{"b": 1}"#),
        (r#"{"a": 1}"#, r#"{"a":1}"#),
        (r#"{"a": 1}"#, r#"{"a": [1]}"#),
        (r#"{"a": 1}"#, r#"{"a": 01}"#),
        (r#"{"a": 1}"#, r#"{"a": 1.}"#),
        (r#"{"a": 1}"#, r#"{"a": 1"#),
        (r#"{"a": 1}"#, r#"{"a": 1}}"#),
        (r#"{"a": "x"}"#, r#"{"a": "x"x}"#),
        (r#"{"a": "x"}"#, "{\"a\": \"\n\"}"),
        (r#"{"a": true}"#, r#"{"a": truer}"#),
        ("[1, 2]", "[1, 2, 3]"),
        ("[1, 2]", "[1]"),
        ("[1]", "[]"),
        ("1", ""),
    ] {
        assert!(!has_shape_of(first, second), "{first} {second}");
    }
}

#[test]
fn a_scalar_that_is_no_text_is_no_scalar() {
    let (first, second) = (b"{\"a\": \"xy\"}", b"{\"a\": \"x\xff\"}");
    let (mut shape, paths) = (JsonShape::default(), parsed(&["/a"]));
    assert_eq!(found(&mut shape, first, &paths), Ok(vec![Some(6..10)]));
    assert_eq!(found(&mut shape, second, &paths), Err(NotJson));
    assert_eq!(found(&mut shape, first, &paths), Ok(vec![Some(6..10)]));
}

/// How many of some texts are found by the shape of earlier ones.
fn compared<'a>(texts: impl IntoIterator<Item = &'a str>) -> usize {
    let (mut shape, paths) = (JsonShape::default(), parsed(&["/a"]));
    let has_shape = |text: &&str| {
        let has_shape = shape.policy.uncompared == 0 && shape.compare(text.as_bytes()).is_some();
        found(&mut shape, text.as_bytes(), &paths).unwrap();
        has_shape
    };
    texts.into_iter().filter(has_shape).count()
}

#[test]
fn texts_are_compared_while_that_helps() {
    assert_eq!(compared(["{\"a\": 1}", "{\"a\": 2}"].into_iter().cycle().take(100)), 99);
    // Two shapes in turn: every other text at least has the one that is remembered.
    assert!(compared(["{\"a\": 1}", "{\"b\": 2}"].into_iter().cycle().take(100)) > 45);
    // The one that came most often goes, once it comes no more.
    let texts = std::iter::repeat_n("{\"a\": 1}", 100).chain(std::iter::repeat_n("{\"b\": 1}", 100));
    assert!(compared(texts) > 180);
}

#[test]
fn texts_of_which_none_has_the_shape_of_another_are_hardly_ever_compared() {
    let (mut shape, paths) = (JsonShape::default(), parsed(&["/a"]));
    let mut remembered = 0;
    for items in 0..1_000 {
        let text = format!("[{}]", vec!["1"; items].join(","));
        found(&mut shape, text.as_bytes(), &paths).unwrap();
        remembered += usize::from(shape.text == text.as_bytes());
    }
    assert!(remembered < 20, "{remembered}");
}

#[test]
fn texts_that_are_never_remembered_are_hardly_ever_compared_either() {
    let long = format!("[\"{}\"]", "x".repeat(SHAPE_BYTES_MAX));
    for text in ["{\"a\": 1, \"a\"}", &long] {
        let (mut shape, paths) = (JsonShape::default(), parsed(&["/a"]));
        found(&mut shape, b"{\"a\": 1}", &paths).unwrap();
        let (mut compared, expected) = (0, walked(text.as_bytes(), &paths));
        for _ in 0..64 {
            compared += usize::from(shape.policy.uncompared == 0);
            assert_eq!(found(&mut shape, text.as_bytes(), &paths), expected);
        }
        assert!(compared < 10, "{compared}");
        assert_eq!(shape.text, b"{\"a\": 1}");
    }
}

#[test]
fn a_text_with_too_many_scalars_is_not_remembered() {
    for (scalars, is_remembered) in [(SHAPE_SCALARS_MAX, true), (SHAPE_SCALARS_MAX + 1, false)] {
        let (mut shape, paths) = (JsonShape::default(), parsed(&["/0", "/3"]));
        let text = |scalar: &str| format!("[{}]", vec![scalar; scalars].join(","));
        let (one, other) = (text("1"), text("23"));
        assert_eq!(found(&mut shape, one.as_bytes(), &paths), walked(one.as_bytes(), &paths));
        assert_eq!(shape.compare(other.as_bytes()).is_some(), is_remembered);
        let bytes = shape.text.capacity()
            + shape.scalars.capacity() * size_of::<Range<u32>>()
            + shape.moves.capacity() * size_of::<(u32, usize)>();
        assert!(bytes <= 7 << 19, "{bytes} bytes");
        assert_eq!(found(&mut shape, other.as_bytes(), &paths), walked(other.as_bytes(), &paths));
    }
}

/// A part of a document: what is always the same, or the place of a value.
#[derive(Clone, Debug)]
enum Part {
    Fixed(&'static str),
    Value,
}

fn document() -> impl Strategy<Value = Vec<Part>> {
    let leaf = prop_oneof![4 => Just(vec![Part::Value]), 1 => Just(vec![Part::Fixed("{}")])];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let name = proptest::sample::select(vec!["\"a\": ", "\"b\":", "\"ä\" : ", "\"\\u0061\":\n"]);
        let member =
            (name, inner.clone()).prop_map(|(name, value)| [vec![Part::Fixed(name)], value].concat());
        let around = |open, close| {
            move |parts: Vec<Vec<Part>>| {
                let inner = parts.join(&Part::Fixed(","));
                [vec![Part::Fixed(open)], inner, vec![Part::Fixed(close)]].concat()
            }
        };
        prop_oneof![
            proptest::collection::vec(inner, 0..4).prop_map(around("[ ", "]")),
            proptest::collection::vec(member, 0..4).prop_map(around("{", " }")),
        ]
    })
}

/// What may stand in the place of a value: scalars, and a few texts that are none.
const VALUES: [&str; 20] = [
    "0",
    "1",
    "12",
    "-1.5e3",
    "120",
    "1e5",
    "true",
    "null",
    "\"\"",
    "\"a\"",
    "\"ab\"",
    "\"ä\"",
    "\"\\n\"",
    "\"\\\"\"",
    "\"\\ud83d\"",
    "[1]",
    "{\"a\":1}",
    "01",
    "\"",
    "",
];

/// A document with values: mostly scalars.
fn filled(parts: &[Part], values: &[usize]) -> String {
    let mut values = values.iter().cycle();
    let text = |part: &Part| match part {
        Part::Fixed(text) => *text,
        Part::Value => VALUES[*values.next().expect("there are some")],
    };
    parts.iter().map(text).collect()
}

/// Which of the values, those that are none now and then.
fn values() -> impl Strategy<Value = Vec<usize>> {
    proptest::collection::vec(prop_oneof![40 => 0..15_usize, 1 => 0..VALUES.len()], 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn what_is_found_by_a_shape_is_what_a_walk_finds(
        parts in document(),
        fillings in proptest::collection::vec(values(), 2..6),
        edit in proptest::option::of((any::<prop::sample::Index>(), 0..3_usize, any::<u8>())),
    ) {
        let paths = parsed(&["/a", "/b", "/a/b", "/0", "/1/a", "$", "$[*].a", "/b/0", "/ä"]);
        let mut shape = JsonShape::default();
        let mut texts: Vec<Vec<u8>> =
            fillings.iter().map(|values| filled(&parts, values).into_bytes()).collect();
        if let Some((index, kind, byte)) = edit {
            // Nearly the same again, with a byte more, less, or another.
            let mut text = texts[0].clone();
            let at = index.index(text.len() + 1).min(text.len().saturating_sub(1));
            match kind {
                0 => text.insert(at, byte),
                _ if text.is_empty() => {}
                1 => text[at] = byte,
                _ => { text.remove(at); }
            }
            texts.push(text);
        }
        for text in &texts {
            let shown = String::from_utf8_lossy(text);
            // Whatever the policy is about to do.
            shape.policy = ComparisonPolicy::default();
            prop_assert_eq!(found(&mut shape, text, &paths), walked(text, &paths), "{}", shown);
        }
    }

    #[test]
    fn documents_with_other_scalars_have_the_same_shape(
        parts in document(),
        one in proptest::collection::vec(0..15_usize, 1..12),
        other in proptest::collection::vec(0..15_usize, 1..12),
    ) {
        let paths = parsed(&["/a", "/b/0"]);
        let mut shape = JsonShape::default();
        let (one, other) = (filled(&parts, &one), filled(&parts, &other));
        found(&mut shape, one.as_bytes(), &paths).unwrap();
        prop_assert!(shape.compare(other.as_bytes()).is_some(), "{} {}", one, other);
    }
}
