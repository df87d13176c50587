//! Files for tests, calls by them, and what their bytes say to somebody else.

use engine::outbox;
use engine::plan::{GrpcCall, GrpcMethod, MessagePace};
use engine::random::Draws;
use engine::template::{self, Piece, Template};
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};
use std::fs;
use tempfile::TempDir;
use vajra_grpc::{Descriptors, WrongCall};

/// A message with a field of every kind.
pub(crate) const EVERY: &str = include_str!("every.proto");

/// A folder with files.
pub(crate) fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

/// What a file says that is alone in its folder.
pub(crate) fn compiled(text: &str) -> Descriptors {
    let folder = folder(&[("a.proto", text)]);
    let path = folder.path().join("a.proto").display().to_string();
    Descriptors::compile(&[path], &[]).unwrap()
}

/// The same to somebody else.
pub(crate) fn message(text: &str, name: &str) -> MessageDescriptor {
    let folder = folder(&[("a.proto", text)]);
    let set = protox::compile([folder.path().join("a.proto")], [folder.path()]).unwrap();
    DescriptorPool::from_file_descriptor_set(set).unwrap().get_message_by_name(name).unwrap()
}

/// A call with messages.
pub(crate) fn call(method: &str, messages: &[&str]) -> GrpcCall {
    GrpcCall {
        method: method.into(),
        metadata: Vec::new(),
        messages: messages.iter().map(|message| template::parse(message).unwrap()).collect(),
        count: None,
        pace: MessagePace::AtOnce,
        deadline_ns: None,
        described: None,
    }
}

/// What a call of the test's service with one message is.
pub(crate) fn described(message: &str) -> Result<GrpcMethod, Vec<WrongCall>> {
    compiled(EVERY).describe(&call("test.Every/Send", &[message]))
}

/// What is wrong with it: the problem, and what to do.
pub(crate) fn wrong(message: &str) -> (String, String) {
    let mut wrong = described(message).unwrap_err();
    assert_eq!(wrong.len(), 1, "{wrong:?}");
    let WrongCall { problem, fix, .. } = wrong.remove(0);
    (problem, fix)
}

/// The bytes of the arrival with a number.
pub(crate) fn rendered(pieces: Vec<Piece>, number: u64) -> Vec<u8> {
    let template = Template::new(pieces).unwrap();
    outbox::collected(template.bytes_max(), |out| template.render(number, Draws::new(3, 0), out))
}

/// What the message becomes, to somebody else, as JSON.
pub(crate) fn seen(message_text: &str, number: u64) -> serde_json::Value {
    let mut method = described(message_text).unwrap_or_else(|wrong| panic!("{message_text}: {wrong:?}"));
    let bytes = rendered(method.encoded.remove(0), number);
    let decoded = DynamicMessage::decode(message(EVERY, "test.All"), bytes.as_slice()).unwrap();
    assert_eq!(decoded.unknown_fields().count(), 0);
    serde_json::to_value(decoded).unwrap()
}
