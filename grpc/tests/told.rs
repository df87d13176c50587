//! Replies of types that targets tell of themselves.

use crate::rig::{call, compiled};
use engine::message_form::{NotMessage, tell};

/// What a reply is told as.
fn told(types: &str, reply: &str, bytes: &[u8]) -> Result<String, NotMessage> {
    let service = format!("service Service {{ rpc Call({reply}) returns ({reply}); }}");
    let package = types.split_once("package ").unwrap().1.split_once(';').unwrap().0;
    let method = compiled(&format!("{types}\n{service}"))
        .describe(&call(&format!("{package}.Service/Call"), &["{}"]))
        .unwrap_or_else(|wrong| panic!("{wrong:?}"));
    let form = method.reply.unwrap();
    assert!(form.is_sound(), "{form:?}");
    let mut out = Vec::new();
    tell(&form, bytes, 10_000, &mut Vec::new(), &mut out).map(|()| String::from_utf8(out).unwrap())
}

#[test]
fn types_that_are_not_what_their_names_say_are_told_field_by_field() {
    let types = "syntax = \"proto3\"; package google.protobuf;\n\
        message StringValue { StringValue value = 1; } message Int64Value { repeated int64 value = 1; }\n\
        message Struct { Struct fields = 1; } message ListValue { repeated ListValue values = 1; }\n\
        message BoolValue { bool value = 1; }\n\
        message Reply { StringValue text = 1; Int64Value number = 2; Struct object = 3; ListValue list = 4; BoolValue truth = 5; }";
    let bytes = b"\x0a\x02\x0a\x00\x12\x00\x1a\x02\x0a\x00\x22\x02\x0a\x00\x2a\x00";
    let expected = r#"{"text":{"value":{}},"number":{"value":[]},"object":{"fields":{}},"list":{"values":[{"values":[]}]},"truth":false}"#;
    assert_eq!(told(types, "Reply", bytes).as_deref(), Ok(expected));
}

#[test]
fn groups_are_messages_alone_and_in_lists_and_in_oneofs() {
    let types = "syntax = \"proto2\"; package test;\n\
        message Reply { optional group Result = 1 { optional int32 count = 2; optional group Inner = 3 { optional string name = 1; } }\n\
        repeated group Row = 4 { optional bool is_last = 1; } optional int32 number = 5;\n\
        oneof either { string text = 6; group Other = 7 { optional int32 a = 1; optional int32 b = 2; } } }";
    // Two rows, and a group of a oneof that comes in two parts behind its rival.
    let bytes = b"\x0b\x10\x07\x1b\x0a\x01x\x1c\x0c\x23\x08\x01\x24\x23\x24\x28\x09\x32\x01t\x3b\x08\x01\x3c\x3b\x10\x02\x3c";
    let expected = r#"{"result":{"count":7,"inner":{"name":"x"}},"row":[{"isLast":true},{}],"number":9,"other":{"a":1,"b":2}}"#;
    assert_eq!(told(types, "Reply", bytes).as_deref(), Ok(expected));
    assert_eq!(told(types, "Reply", b"\x0b\x10\x07"), Err(NotMessage::Bytes), "it has no end");
}
