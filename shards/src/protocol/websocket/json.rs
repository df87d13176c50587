//! A value inside JSON, found by its pointer (RFC 6901) without reading the rest: what tells which message a reply is to.
//!
//! What is passed over is not checked. A value is known by a number that is the same for the same value, however it is written; of
//! numbers the digits have to be the same.

/// Where in a JSON text a value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct JsonPointer {
    tokens: Vec<String>,
}

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

impl JsonPointer {
    /// Reads `/a/0/b`, with `~1` for a slash and `~0` for a tilde. The empty one is the whole text.
    pub(super) fn new(text: &str) -> JsonPointer {
        let tokens = text.split('/').skip(1).map(|token| token.replace("~1", "/").replace("~0", "~"));
        JsonPointer { tokens: tokens.collect() }
    }

    /// The number that stands for the value there; nothing where there is none, or where it is a list or a table.
    pub(super) fn find(&self, json: &[u8]) -> Option<u64> {
        let mut cursor = JsonCursor { json, at: 0 };
        for token in &self.tokens {
            cursor.enter(token)?;
        }
        cursor.skip_space();
        let start = cursor.at;
        match cursor.peek()? {
            b'{' | b'[' => None,
            b'"' => {
                let text = cursor.string()?;
                Some(Unescaped::of(text).fold(hashed(FNV_OFFSET, b'"'), hashed))
            }
            _ => {
                cursor.skip_scalar();
                let value = &json[start..cursor.at];
                (!value.is_empty()).then(|| value.iter().copied().fold(FNV_OFFSET, hashed))
            }
        }
    }
}

/// FNV-1a: no attacker chooses what is told apart here.
fn hashed(hash: u64, byte: u8) -> u64 {
    (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME)
}

/// A place in a JSON text.
struct JsonCursor<'a> {
    json: &'a [u8],
    at: usize,
}

impl<'a> JsonCursor<'a> {
    fn peek(&self) -> Option<u8> {
        self.json.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Passes over a byte, which has to come next but for blanks.
    fn expect(&mut self, byte: u8) -> Option<()> {
        self.skip_space();
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// Goes to the value of a key, or to an element of a list.
    fn enter(&mut self, token: &str) -> Option<()> {
        self.skip_space();
        match self.peek()? {
            b'{' => self.enter_table(token),
            b'[' => self.enter_list(token),
            _ => None,
        }
    }

    fn enter_table(&mut self, token: &str) -> Option<()> {
        self.at += 1;
        loop {
            self.skip_space();
            let key = self.string()?;
            self.expect(b':')?;
            if Unescaped::of(key).eq(token.bytes()) {
                return Some(());
            }
            self.skip_value()?;
            self.expect(b',')?;
        }
    }

    fn enter_list(&mut self, token: &str) -> Option<()> {
        let index: usize = token.parse().ok()?;
        self.at += 1;
        for _ in 0..index {
            self.skip_value()?;
            self.expect(b',')?;
        }
        self.skip_space();
        (self.peek()? != b']').then_some(())
    }

    /// What stands between quotes, as it is written.
    fn string(&mut self) -> Option<&'a [u8]> {
        if self.peek()? != b'"' {
            return None;
        }
        let start = self.at + 1;
        let mut at = start;
        loop {
            match self.json.get(at)? {
                b'"' => break,
                b'\\' => at += 2,
                _ => at += 1,
            }
        }
        self.at = at + 1;
        Some(&self.json[start..at])
    }

    fn skip_scalar(&mut self) {
        let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b':' | b' ' | b'\t' | b'\n' | b'\r');
        let rest = &self.json[self.at..];
        self.at += rest.iter().position(ends).unwrap_or(rest.len());
    }

    fn skip_value(&mut self) -> Option<()> {
        self.skip_space();
        match self.peek()? {
            b'"' => self.string().map(|_| ()),
            b'{' | b'[' => self.skip_nested(),
            _ => {
                self.skip_scalar();
                Some(())
            }
        }
    }

    fn skip_nested(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match self.peek()? {
                b'"' => {
                    self.string()?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Some(());
            }
        }
    }
}

/// The bytes of a string, without its escapes.
struct Unescaped<'a> {
    rest: &'a [u8],
    /// What an escape stands for, from the end: what of it is still to come.
    pending: [u8; 4],
    left: usize,
}

impl<'a> Unescaped<'a> {
    fn of(rest: &'a [u8]) -> Unescaped<'a> {
        Unescaped { rest, pending: [0; 4], left: 0 }
    }

    /// Four hexadecimal digits.
    fn unit(&mut self) -> Option<u32> {
        let (digits, rest) = self.rest.split_at_checked(4)?;
        self.rest = rest;
        u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    }

    /// The character behind a `\u`, whose second half stands in another one.
    fn character(&mut self) -> Option<char> {
        let high = self.unit()?;
        let is_half = (0xd800..0xdc00).contains(&high);
        if !is_half || !self.rest.starts_with(b"\\u") {
            return Some(char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        self.rest = &self.rest[2..];
        let low = self.unit()?.wrapping_sub(0xdc00) & 0x3ff;
        char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + low)
    }
}

impl Iterator for Unescaped<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        if self.left > 0 {
            self.left -= 1;
            return Some(self.pending[self.left]);
        }
        let (&first, rest) = self.rest.split_first()?;
        self.rest = rest;
        if first != b'\\' {
            return Some(first);
        }
        let (&escaped, rest) = rest.split_first()?;
        self.rest = rest;
        Some(match escaped {
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let character = self.character()?;
                self.left = character.encode_utf8(&mut self.pending).len();
                self.pending[..self.left].reverse();
                self.left -= 1;
                self.pending[self.left]
            }
            other => other,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn find(pointer: &str, json: &str) -> Option<u64> {
        JsonPointer::new(pointer).find(json.as_bytes())
    }

    #[test]
    fn a_value_is_found_wherever_its_pointer_says() {
        let json =
            r#" { "a" : { "id": 8 }, "b\u002fc" : [ [1, "}"], {"id": "x"} ] , "~" : null, "id" : 7 } "#;
        let is = |pointer: &str, value: &str| {
            find(pointer, json) == find("", value) && find(pointer, json).is_some()
        };
        assert!(is("/id", "7") && is("/a/id", "8") && is("/b~1c/1/id", "\"x\"") && is("/b~1c/0/1", "\"}\""));
        assert!(is("/~0", "null"));
        for none in ["/nope", "/a", "/b~1c", "/b~1c/2", "/b~1c/x", "/id/0", ""] {
            assert_eq!(find(none, json), None, "{none}");
        }
    }

    #[test]
    fn a_value_is_the_same_however_it_is_written() {
        for (one, other) in [
            (r#"{"id":"a\u00e9\n\ud83d\ude00"}"#, "{ \"x\": [], \"id\" :\"aé\\u000a😀\"}"),
            (r#"{"id":12}"#, r#"{"id":12,"x":1}"#),
            (r#"{"id":"\/"}"#, r#"{"id":"/"}"#),
        ] {
            assert_eq!(find("/id", one), find("/id", other), "{one} {other}");
            assert!(find("/id", one).is_some());
        }
        assert_ne!(find("/id", r#"{"id":"1"}"#), find("/id", r#"{"id":1}"#), "a text is no number");
    }

    #[test]
    fn what_is_cut_or_no_json_has_no_value_there() {
        for text in [
            "",
            "{",
            "{\"id",
            "{\"id\"",
            "{\"id\":",
            "{\"id\" 1}",
            "{\"a\":[1,{\"b\":",
            "[",
            "id",
            "{\"id\":\"x\\",
            "{\"id\":\"\\u12",
        ] {
            let _ = find("/id", text);
        }
        assert_eq!(find("/id", "{\"id\":"), None);
        assert_eq!(find("/id", "{\"a\":[1,{\"b\":"), None);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "\\PC{0,6}|[\"\\\\/\n\t]{0,4}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                proptest::collection::btree_map("[a-c/~\"\\\\é]{0,3}", inner, 0..5)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    /// Every place in a value, by its pointer.
    fn places(value: &Value, at: &str, found: &mut Vec<(String, Value)>) {
        found.push((at.to_owned(), value.clone()));
        match value {
            Value::Array(all) => {
                all.iter().enumerate().for_each(|(index, one)| places(one, &format!("{at}/{index}"), found))
            }
            Value::Object(all) => all.iter().for_each(|(key, one)| {
                let key = key.replace('~', "~0").replace('/', "~1");
                places(one, &format!("{at}/{key}"), found);
            }),
            _ => {}
        }
    }

    proptest! {
        #[test]
        fn every_place_of_any_json_is_found_as_serde_json_finds_it(value in any_json(), pretty in any::<bool>()) {
            let json = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
            let mut all = Vec::new();
            places(&value, "", &mut all);
            for (pointer, there) in all {
                prop_assert_eq!(value.pointer(&pointer), Some(&there));
                let is_scalar = !there.is_array() && !there.is_object();
                let alone = find("", &there.to_string());
                prop_assert_eq!(find(&pointer, &json), alone, "{} in {}", pointer, json);
                prop_assert_eq!(alone.is_some(), is_scalar);
            }
        }

        #[test]
        fn any_bytes_can_be_looked_through(json in proptest::collection::vec(prop_oneof![any::<u8>(), Just(b'"'), Just(b'\\'), Just(b'{'), Just(b'['), Just(b','), Just(b':')], 0..60)) {
            JsonPointer::new("/id/0/a").find(&json);
        }
    }
}
