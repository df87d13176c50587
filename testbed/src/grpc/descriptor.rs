//! `proto/echo.proto` as a descriptor, which is how reflection hands it out. A test compares the two.

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{
    DescriptorProto, FieldDescriptorProto, FileDescriptorProto, MethodDescriptorProto, ServiceDescriptorProto,
};

pub(crate) const FILE: &str = "echo.proto";
pub(crate) const SERVICE: &str = "vajra.testbed.Echo";
const PACKAGE: &str = "vajra.testbed";
const REQUEST: &str = "EchoRequest";
const REPLY: &str = "EchoReply";

/// Names of the methods, and whether requests and replies are streams.
const METHODS: [(&str, bool, bool); 4] = [
    ("Unary", false, false),
    ("ServerStream", false, true),
    ("ClientStream", true, false),
    ("Bidi", true, true),
];

/// The file.
pub(crate) fn echo_file() -> FileDescriptorProto {
    let service = ServiceDescriptorProto {
        name: Some("Echo".to_owned()),
        method: METHODS.map(method).to_vec(),
        options: None,
    };
    let request =
        [("text", Type::String), ("payload", Type::Bytes), ("count", Type::Uint32), ("status", Type::Uint32)];
    let reply = [("text", Type::String), ("payload", Type::Bytes), ("number", Type::Uint64)];
    FileDescriptorProto {
        name: Some(FILE.to_owned()),
        package: Some(PACKAGE.to_owned()),
        message_type: vec![message(REQUEST, &request), message(REPLY, &reply)],
        service: vec![service],
        syntax: Some("proto3".to_owned()),
        ..FileDescriptorProto::default()
    }
}

/// Whether a full name is that of something in the file.
pub(crate) fn has_symbol(name: &str) -> bool {
    let Some(own) = name.strip_prefix(PACKAGE).and_then(|rest| rest.strip_prefix('.')) else { return false };
    let is_method = |own: &str| {
        own.strip_prefix("Echo.").is_some_and(|name| METHODS.iter().any(|(known, _, _)| *known == name))
    };
    ["Echo", REQUEST, REPLY].contains(&own) || is_method(own)
}

fn method((name, is_client_stream, is_server_stream): (&str, bool, bool)) -> MethodDescriptorProto {
    MethodDescriptorProto {
        name: Some(name.to_owned()),
        input_type: Some(format!(".{PACKAGE}.{REQUEST}")),
        output_type: Some(format!(".{PACKAGE}.{REPLY}")),
        client_streaming: is_client_stream.then_some(true),
        server_streaming: is_server_stream.then_some(true),
        options: None,
    }
}

fn message(name: &str, fields: &[(&str, Type)]) -> DescriptorProto {
    let field = |(at, (name, of)): (usize, &(&str, Type))| FieldDescriptorProto {
        name: Some((*name).to_owned()),
        number: Some(at as i32 + 1),
        label: Some(Label::Optional.into()),
        r#type: Some((*of).into()),
        json_name: Some((*name).to_owned()),
        ..FieldDescriptorProto::default()
    };
    DescriptorProto {
        name: Some(name.to_owned()),
        field: fields.iter().enumerate().map(field).collect(),
        ..DescriptorProto::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_descriptor_is_the_file() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/proto");
        let compiled = protox::compile([FILE], [folder]).expect("a valid file");
        let mut file = compiled.file.into_iter().next().expect("one file");
        // Comments and places are for readers of the file.
        file.source_code_info = None;
        assert_eq!(file, echo_file());
    }

    #[test]
    fn symbols_are_known_by_their_full_names() {
        for name in ["Echo", "EchoRequest", "EchoReply", "Echo.Unary", "Echo.Bidi"] {
            assert!(has_symbol(&format!("vajra.testbed.{name}")), "{name}");
            assert!(!has_symbol(name), "{name}");
        }
        for name in ["vajra.testbed", "vajra.testbed.Other", "vajra.testbed.Echo.Other", "vajra.testbedEcho"]
        {
            assert!(!has_symbol(name), "{name}");
        }
    }
}
