//! Messages written out byte by byte, and what is told of them.

use super::*;

fn field(number: u32, name: &str, kind: ValueKind) -> FieldType {
    let (shape, oneof) = (FieldShape::One, None);
    FieldType { number, name: name.into(), kind, shape, oneof, has_default: true }
}

/// A user: a number, a name, an address with two parts of its own, roles, and either a mail address or a telephone number.
fn user() -> MessageForm {
    let inner = MessageType {
        fields: vec![field(1, "street", ValueKind::String), field(2, "zip", ValueKind::Uint32)],
        known: None,
    };
    let rival = |number, name: &str| FieldType {
        oneof: Some(4),
        has_default: false,
        ..field(number, name, ValueKind::String)
    };
    let fields = vec![
        field(1, "id", ValueKind::Int64),
        field(2, "fullName", ValueKind::String),
        FieldType { has_default: false, ..field(3, "address", ValueKind::Message(1)) },
        FieldType { shape: FieldShape::List, ..field(4, "roles", ValueKind::Enum(0)) },
        rival(5, "mail"),
        rival(6, "phone"),
    ];
    let names = vec![(0, "NONE".into()), (1, "ADMIN".into())];
    MessageForm {
        messages: vec![MessageType { fields, known: None }, inner],
        enums: vec![EnumType { names, is_null: false }],
    }
}

fn told(bytes: &[u8]) -> Result<String, NotMessage> {
    let mut out = Vec::new();
    tell(&user(), bytes, 1_000, &mut Vec::new(), &mut out).map(|()| String::from_utf8(out).unwrap())
}

#[test]
fn what_is_not_there_is_told_as_what_it_is_then_unless_it_may_be_absent() {
    assert_eq!(told(b"").unwrap(), r#"{"id":"0","fullName":"","roles":[]}"#);
    let bytes = b"\x08\x2a\x12\x03a\"b\x1a\x00\x2a\x01m";
    let expected = r#"{"id":"42","fullName":"a\"b","address":{"street":"","zip":0},"roles":[],"mail":"m"}"#;
    assert_eq!(told(bytes).unwrap(), expected);
}

#[test]
fn the_last_of_a_field_counts_parts_of_a_message_are_one_and_of_a_oneof_one_is_there() {
    assert!(told(b"\x08\x01\x08\x02").unwrap().contains(r#""id":"2""#));
    let merged = told(b"\x1a\x03\x0a\x01s\x1a\x02\x10\x07").unwrap();
    assert!(merged.contains(r#""address":{"street":"s","zip":7}"#), "{merged}");
    let chosen = told(b"\x2a\x01m\x32\x01p").unwrap();
    assert!(chosen.ends_with(r#""roles":[],"phone":"p"}"#), "{chosen}");
}

#[test]
fn numbers_stand_together_or_each_by_itself_and_enums_have_names() {
    let roles = r#""roles":["ADMIN","NONE",9,"ADMIN"]"#;
    assert!(told(b"\x22\x03\x01\x00\x09\x20\x01").unwrap().contains(roles));
}

#[test]
fn what_is_not_known_is_passed_over_and_what_is_no_message_is_told_as_none() {
    // A field 99 of each form, and a group with a field in it.
    let unknown = b"\x98\x06\x01\x99\x06........\x9a\x06\x02ab\x9d\x06....\x9b\x06\x08\x01\x9c\x06\x08\x05";
    assert!(told(unknown).unwrap().contains(r#""id":"5""#));
    for bytes in [
        &b"\x08"[..],
        b"\x00\x01",
        b"\x12\x05ab",
        b"\x12\x01\xff",
        b"\x0d....",
        b"\x0f",
        b"\x9b\x06\x08\x01",
        b"\x9b\x06\x94\x06",
        b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",
        b"\x1a\x01\x0a",
    ] {
        assert_eq!(told(bytes), Err(NotMessage::Bytes), "{bytes:?}");
    }
    let many = [b"\x22\xc8\x01".to_vec(), vec![1; 200]].concat();
    assert_eq!(told(&many), Err(NotMessage::TooLong));
}

#[test]
fn messages_in_themselves_end_somewhere() {
    let fields = vec![FieldType { has_default: false, ..field(1, "a", ValueKind::Message(0)) }];
    let form = MessageForm { messages: vec![MessageType { fields, known: None }], enums: Vec::new() };
    let nested = |depth: usize| {
        (0..depth).fold(Vec::new(), |inner: Vec<u8>, _| {
            let mut length = inner.len();
            let mut bytes = vec![0x0a];
            while length >= 0x80 {
                bytes.push(length as u8 | 0x80);
                length >>= 7;
            }
            bytes.push(length as u8);
            bytes.extend(inner);
            bytes
        })
    };
    let of = |depth: usize| tell(&form, &nested(depth), 1 << 20, &mut Vec::new(), &mut Vec::new());
    assert_eq!((of(100), of(101)), (Ok(()), Err(NotMessage::TooDeep)));
}

#[test]
fn what_is_not_there_ends_somewhere_too() {
    // A message that is its only field, which is a message like it.
    let only = || FieldType { has_default: false, ..field(1, "a", ValueKind::Message(0)) };
    let form =
        |fields, known| MessageForm { messages: vec![MessageType { fields, known }], enums: Vec::new() };
    let of = |form: &MessageForm| tell(form, b"", 1 << 20, &mut Vec::new(), &mut Vec::new());
    assert_eq!(of(&form(vec![only()], Some(KnownType::Bare))), Err(NotMessage::TooDeep));
    // One that is told in any case.
    let told = form(vec![FieldType { has_default: true, ..only() }], None);
    assert!(of(&told) == Err(NotMessage::TooDeep) && !told.is_sound());
    // A key that is a message.
    let entry = FieldType { shape: FieldShape::Map, ..only() };
    assert!(!form(vec![entry, only()], None).is_sound());
}

#[test]
fn a_form_that_names_what_is_not_there_is_not_sound() {
    assert!(user().is_sound() && !MessageForm::default().is_sound());
    let mut torn = user();
    torn.enums.clear();
    assert!(!torn.is_sound());
    let mut torn = user();
    torn.messages[0].fields[2].shape = FieldShape::Map;
    torn.messages[1].fields.pop();
    assert!(!torn.is_sound());
}

#[test]
fn moments_and_lengths_of_time_are_texts() {
    let of = |known: KnownType, bytes: &[u8]| {
        let form = MessageForm {
            messages: vec![MessageType { fields: Vec::new(), known: Some(known) }],
            enums: Vec::new(),
        };
        let mut out = Vec::new();
        tell(&form, bytes, 1_000, &mut Vec::new(), &mut out).map(|()| String::from_utf8(out).unwrap())
    };
    assert_eq!(of(KnownType::Timestamp, b"").unwrap(), "\"1970-01-01T00:00:00Z\"");
    assert_eq!(
        of(KnownType::Timestamp, b"\x08\x80\xa3\x05\x10\x01").unwrap(),
        "\"1970-01-02T00:00:00.000000001Z\""
    );
    assert_eq!(of(KnownType::Duration, b"\x08\x03\x10\x80\xca\xb5\xee\x01").unwrap(), "\"3.500s\"");
    let minus = b"\x10\x80\xb6\xca\x91\xfe\xff\xff\xff\xff\x01";
    assert_eq!(of(KnownType::Duration, minus).unwrap(), "\"-0.500s\"");
    assert_eq!(of(KnownType::FieldMask, b"\x0a\x06a_b.cd\x0a\x01x").unwrap(), "\"aB.cd,x\"");
    assert_eq!(of(KnownType::Timestamp, b"\x10\x80\x94\xeb\xdc\x03"), Err(NotMessage::Bytes));
}

#[test]
fn a_form_out_of_order_is_not_sound() {
    let mut torn = user();
    torn.messages[0].fields.swap(0, 1);
    assert!(!torn.is_sound());
    let mut torn = user();
    torn.enums[0].names.swap(0, 1);
    assert!(!torn.is_sound());
    let mut torn = user();
    torn.messages[0].fields[4].oneof = Some(6);
    assert!(!torn.is_sound());
}

#[test]
fn few_bytes_that_would_take_many_steps_are_not_told() {
    // Many fields, none of which is there, in each of many messages.
    let absent = |number| FieldType { has_default: false, ..field(number, "a", ValueKind::Bool) };
    let many = MessageType { fields: (1..=5_000).map(absent).collect(), known: None };
    let list = FieldType { shape: FieldShape::List, ..field(1, "a", ValueKind::Message(1)) };
    let messages = vec![MessageType { fields: vec![list], known: None }, many];
    let form = MessageForm { messages, enums: Vec::new() };
    let of =
        |count: usize| tell(&form, &b"\x0a\x00".repeat(count), 1 << 20, &mut Vec::new(), &mut Vec::new());
    assert_eq!((of(500), of(30_000)), (Ok(()), Err(NotMessage::TooLong)));
    // Messages in each other, each of which comes in two parts.
    let itself = FieldType { has_default: false, ..field(1, "a", ValueKind::Message(0)) };
    let form =
        MessageForm { messages: vec![MessageType { fields: vec![itself], known: None }], enums: Vec::new() };
    let mut bytes = vec![0x12, 0x40];
    bytes.extend([b'x'; 0x40]);
    for _ in 0..20 {
        let length = bytes.len();
        let tag = [0x0a, length as u8 | 0x80, (length >> 7) as u8];
        bytes = [&tag[..], &bytes[..], &[0x0a, 0x00]].concat();
    }
    let told = tell(&form, &bytes, 1 << 20, &mut Vec::new(), &mut Vec::new());
    assert_eq!(told, Err(NotMessage::TooLong), "{} bytes", bytes.len());
}
