//! What files say can be called, and what is wrong with those that say nothing.

use crate::rig::{EVERY, call, compiled, folder};
use engine::plan::{GrpcCall, MessagePace};
use prost_reflect::prost::Message;
use vajra_grpc::{CallPart, Descriptors, ReflectedFiles, WrongCall};

const GREET: &str = "syntax = \"proto3\";\npackage greet;\nimport \"types/name.proto\";\n\
    service Greeter { rpc SayHello(types.Name) returns (types.Name); rpc SayBye(types.Name) returns (types.Name); }\n";
const NAME: &str = "syntax = \"proto3\";\npackage types;\nmessage Name { string name = 1; }\n";

fn wrong(descriptors: &Descriptors, method: &str) -> WrongCall {
    descriptors.describe(&call(method, &["{}"])).unwrap_err().remove(0)
}

#[test]
fn a_method_says_of_what_kind_it_is_and_who_told() {
    let descriptors = compiled(EVERY);
    for (method, kind, is_safe) in [
        ("Send", "unary", false),
        ("Look", "unary", true),
        ("Upload", "client streaming", false),
        ("Download", "server streaming", false),
        ("Talk", "bidirectional", false),
    ] {
        let described = descriptors.describe(&call(&format!("test.Every/{method}"), &["{}"])).unwrap();
        assert_eq!((described.kind(), described.is_safe), (kind, is_safe), "{method}");
        assert_eq!((described.input.as_str(), described.told_by.as_str()), ("test.All", "a.proto"));
    }
}

#[test]
fn a_file_is_found_where_it_is_named_and_in_the_folders() {
    let folder = folder(&[("api/greet.proto", GREET), ("shared/types/name.proto", NAME)]);
    let at = |name: &str| folder.path().join(name).display().to_string();
    let descriptors = Descriptors::compile(&["greet.proto".into()], &[at("api"), at("shared")]).unwrap();
    descriptors.describe(&call("greet.Greeter/SayHello", &[r#"{"name": "x"}"#])).unwrap();
    Descriptors::compile(&[at("api/greet.proto")], &[at("shared")]).unwrap();
}

#[test]
fn what_is_wrong_with_a_file_is_told_with_its_line() {
    let folder = folder(&[
        ("greet.proto", GREET),
        ("broken.proto", "syntax = \"proto3\";\nmessage A {\n  strin name 1;\n}\n"),
    ]);
    let at = |name: &str| folder.path().join(name).display().to_string();
    let import = Descriptors::compile(&[at("greet.proto")], &[]).unwrap_err();
    assert!(import.problem.contains("types/name.proto") && import.fix.contains("import_paths"), "{import:?}");
    let broken = Descriptors::compile(&[at("broken.proto")], &[]).unwrap_err();
    assert!(broken.problem.contains("broken.proto:3"), "{broken:?}");
    let missing = Descriptors::compile(&[at("nope.proto")], &[]).unwrap_err();
    assert!(missing.problem.contains("cannot be read"), "{missing:?}");
}

#[test]
fn a_service_and_a_method_that_are_not_there_are_told_with_the_nearest() {
    let descriptors = compiled(EVERY);
    let WrongCall { part, problem, fix } = wrong(&descriptors, "test.Every/Sned");
    assert_eq!(part, CallPart::Method);
    assert_eq!(problem, "the service `test.Every` has no method `Sned`");
    assert_eq!(fix, "did you mean `Send`?");
    assert_eq!(wrong(&descriptors, "Every/Send").fix, "write `test.Every/Send`");
    assert_eq!(wrong(&descriptors, "test.Evry/Send").fix, "did you mean `test.Every`?");
}

#[test]
fn a_method_that_takes_one_message_is_not_sent_several() {
    let descriptors = compiled(EVERY);
    let two = |method: &str| descriptors.describe(&call(method, &["{}", "{}"]));
    assert!(two("test.Every/Send").unwrap_err()[0].problem.contains("2 messages are sent"));
    assert_eq!(two("test.Every/Upload").unwrap().encoded.len(), 2);
}

#[test]
fn only_a_method_that_takes_a_stream_has_messages_in_time() {
    let descriptors = compiled(EVERY);
    let paced = |method: &str, pace: MessagePace| {
        let call = GrpcCall { count: Some(3), pace, ..call(method, &["{}"]) };
        descriptors.describe(&call).map(|_| ())
    };
    let every = MessagePace::Every { period_ns: 1_000_000 };
    for (method, pace) in
        [("test.Every/Upload", every), ("test.Every/Talk", every), ("test.Every/Talk", MessagePace::PingPong)]
    {
        assert_eq!(paced(method, pace), Ok(()), "{method}");
    }
    for (method, pace, problem) in [
        ("test.Every/Download", every, "messages are spaced in time, and `test.Every/Download` takes one"),
        ("test.Every/Upload", MessagePace::PingPong, "replies are waited for between messages"),
    ] {
        let wrong = paced(method, pace).unwrap_err();
        let told = |wrong: &&WrongCall| wrong.part == CallPart::Pace && wrong.problem.contains(problem);
        assert_eq!(wrong.iter().filter(told).count(), 1, "{wrong:?}");
    }
}

#[test]
fn every_wrong_message_of_a_call_is_told() {
    let wrong =
        compiled(EVERY).describe(&call("test.Every/Upload", &[r#"{"x": 1}"#, "{}", "nope"])).unwrap_err();
    let parts: Vec<CallPart> = wrong.iter().map(|wrong| wrong.part).collect();
    assert_eq!(parts, [CallPart::Message(0), CallPart::Message(2)]);
}

#[test]
fn files_that_are_handed_out_are_gathered_until_none_is_missing() {
    let folder = folder(&[("greet.proto", GREET), ("types/name.proto", NAME)]);
    let set = protox::compile([folder.path().join("greet.proto")], [folder.path()]).unwrap();
    let bytes = |name: &str| set.file.iter().find(|file| file.name() == name).unwrap().encode_to_vec();
    let mut files = ReflectedFiles::default();
    files.take(&[bytes("greet.proto")]).unwrap();
    assert_eq!(files.missing().as_deref(), Some("types/name.proto"));
    files.take(&[bytes("types/name.proto")]).unwrap();
    assert_eq!(files.missing(), None);
    let described = files.descriptors().unwrap().describe(&call("greet.Greeter/SayBye", &["{}"])).unwrap();
    assert_eq!((described.told_by.as_str(), described.kind()), ("reflection", "unary"));
    assert!(ReflectedFiles::default().take(&[vec![0xff]]).is_err());
    let unknown = ReflectedFiles::unknown("greet.Greter/SayBye", &["greet.Greeter".into()]);
    assert_eq!(unknown.fix, "did you mean `greet.Greeter`?");
}
