//! Templates typed at random, filled with any bytes: nothing panics, and what is sent is what was typed with its values in their places.
//!
//! `FUZZ_SECONDS=600 cargo test -p vajra-fuzzing --test templates` looks longer, see `fuzzing/src/lib.rs`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use engine::outbox::Outbox;
use engine::random::{Draws, Random};
use engine::template::{
    FILLED_BYTES_MAX, FilledValues, Hole, HoleContext, HoleName, HolePlace, Piece, Template, Unfilled, parse,
};
use vajra_fuzzing::{Fate, below, change, fuzz, noise, one_of};

const CASES: u64 = 20_000;
const NUMBER: u64 = 4_711;

const PARTS: [&str; 22] = [
    "/items/",
    "?q=",
    "{\"a\": ",
    "}",
    "é",
    "{",
    "}}",
    "{{a}}",
    "{{b}}",
    "{{a | url}}",
    "{{ a|json }}",
    "{{b | base64}}",
    "{{a | number}}",
    "{{b | sha256 | base64url}}",
    "{{a | hmac_sha256 b}}",
    "{{seq}}",
    "{{seq | hex}}",
    "{{iteration}}",
    "{{user}}",
    "{{now iso}}",
    "{{pick 'x y' z}}",
    "{{a | upper | lower}}",
];
const VALUES: [&str; 7] = ["", "/a", "17", "a b", "é\u{1F600}", "\"\\\n", "0123456789abcdef"];

fn value(random: &mut Random) -> Vec<u8> {
    match below(random, 3) {
        0 => noise(random, 40),
        _ => one_of(random, &VALUES).as_bytes().to_vec(),
    }
}

fn placed(piece: Piece, place: HolePlace) -> Piece {
    match piece {
        Piece::Value(hole) => Piece::Value(Box::new(Hole { place, ..*hole })),
        other => other,
    }
}

/// Fills the holes of a request; the first that cannot be says why.
fn filled(template: &Template, context: &HoleContext<'_>) -> Result<FilledValues, Unfilled> {
    let known = |name: &HoleName| match name {
        HoleName::Variable(name) => ["a", "b"].iter().position(|known| known == name).map(|at| at as u16),
        _ => Some(0),
    };
    let mut filled = FilledValues::default();
    for (number, hole) in (0..).zip(template.holes()) {
        let hole = hole.resolved(number, known).map_err(|_| Unfilled::NotSet(0))?;
        filled.push_with(|out| hole.fill(context, out))?;
    }
    Ok(filled)
}

#[test]
fn whatever_is_typed_and_filled_in_is_sent_as_it_is() {
    let places = [HolePlace::Path, HolePlace::PathStart, HolePlace::Header, HolePlace::Body, HolePlace::Text];
    fuzz("templates", CASES, |random| {
        let count = 1 + below(random, 6);
        let text: Vec<&str> = (0..count).map(|_| *one_of(random, &PARTS)).collect();
        let mut text = text.concat().into_bytes();
        change(random, &mut text, 0..=1, |random| one_of(random, &PARTS).as_bytes().to_vec());
        let place = places[below(random, places.len())];
        let Ok(pieces) = parse(&String::from_utf8_lossy(&text)) else { return Fate::Refused };
        let pieces: Vec<Piece> = pieces.into_iter().map(|piece| placed(piece, place)).collect();
        let Ok(template) = Template::new(pieces.clone()) else { return Fate::Refused };
        let values = [value(random), value(random)];
        let context = HoleContext {
            number: NUMBER,
            draws: Draws::new(1, 0),
            iteration: 3,
            user: 4,
            unix_ns: 1_764_378_486_123_456_789,
            values: &|value| values.get(usize::from(value)).map(Vec::as_slice),
        };
        let Ok(filled) = filled(&template, &context) else { return Fate::Refused };
        let mut memory = vec![0; template.bytes_max()];
        let mut written = 0;
        template.render_filled(NUMBER, context.draws, &filled, &mut Outbox::new(&mut memory, &mut written));
        let (mut expected, mut next) = (Vec::new(), 0);
        for piece in &pieces {
            match piece {
                Piece::Bytes(bytes) => expected.extend_from_slice(bytes),
                Piece::Seq => expected.extend_from_slice(NUMBER.to_string().as_bytes()),
                Piece::Value(_) => {
                    let value = filled.get(next).unwrap();
                    let is_refused = |byte: &u8| match place {
                        HolePlace::Path | HolePlace::PathStart => *byte <= b' ' || *byte == 0x7f,
                        HolePlace::Header => matches!(byte, b'\r' | b'\n' | 0),
                        HolePlace::Body | HolePlace::Text => false,
                    };
                    assert!(value.len() <= FILLED_BYTES_MAX && !value.iter().any(is_refused));
                    assert!(place != HolePlace::PathStart || value.starts_with(b"/"));
                    assert!(place != HolePlace::Text || std::str::from_utf8(value).is_ok());
                    expected.extend_from_slice(value);
                    next += 1;
                }
                other => panic!("nothing typed here becomes {other:?}"),
            }
        }
        assert_eq!(&memory[..written], expected, "{}", String::from_utf8_lossy(&text));
        Fate::Taken
    });
}
