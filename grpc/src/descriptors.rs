//! Descriptors: which services, methods and messages there are, by files or by a target's own account, and what a call is by them.

use crate::encoder;
use crate::forms;
use crate::wrong::{CallPart, WrongCall, WrongFile};
use engine::config::hint;
use engine::plan::{GrpcCall, GrpcMethod, MessagePace};
use prost::Message;
use prost_reflect::{DescriptorPool, MethodDescriptor, ServiceDescriptor};
use prost_types::FileDescriptorProto;
use prost_types::method_options::IdempotencyLevel;
use std::path::Path;

/// What a target's own account is called where it is said who told.
const REFLECTION: &str = "reflection";

/// All that can be called.
#[derive(Clone, Debug)]
pub struct Descriptors {
    pool: DescriptorPool,
    is_reflected: bool,
}

impl Descriptors {
    /// Compiles `.proto` files. They are looked for where they are named, and in the folders; what they import, in the folders and
    /// beside them.
    pub fn compile(proto: &[String], import_paths: &[String]) -> Result<Descriptors, WrongFile> {
        let mut folders: Vec<String> = import_paths.to_vec();
        let mut files = Vec::new();
        for name in proto {
            let in_folder =
                import_paths.iter().map(|folder| Path::new(folder).join(name)).find(|path| path.is_file());
            let path = in_folder.unwrap_or_else(|| Path::new(name).to_owned());
            if let Err(error) = std::fs::File::open(&path) {
                let fix = "name a file that can be read from where Vajra is started, or its folder in `import_paths`";
                return Err(WrongFile {
                    problem: format!("`{name}` cannot be read: {error}"),
                    fix: fix.into(),
                });
            }
            let beside = path.parent().map(|folder| folder.display().to_string()).unwrap_or_default();
            let beside = if beside.is_empty() { ".".to_owned() } else { beside };
            // A folder that is named comes first: it says what files in it are called by those that import them.
            let is_within = |folder: &String| path.starts_with(folder);
            if !folders.iter().any(is_within) {
                folders.push(beside);
            }
            files.push(path);
        }
        let compiled = protox::compile(&files, &folders).map_err(|error| wrong_file(&error))?;
        let pool = DescriptorPool::from_file_descriptor_set(compiled);
        pool.map(|pool| Descriptors { pool, is_reflected: false })
            .map_err(|error| WrongFile { problem: format!("{error:?}"), fix: "correct the file".into() })
    }

    /// Takes files as reflection hands them out, in whichever order.
    pub(crate) fn reflected(files: Vec<FileDescriptorProto>) -> Result<Descriptors, WrongFile> {
        let mut pool = DescriptorPool::new();
        pool.add_file_descriptor_protos(files).map_err(|error| {
            let problem = format!("what the target says of its messages does not fit together: {error}");
            WrongFile { problem, fix: "name `.proto` files instead (`--proto`)".into() }
        })?;
        Ok(Descriptors { pool, is_reflected: true })
    }

    /// What a call is: its method, and its messages as they are sent. Errors are all that is wrong.
    pub fn describe(&self, call: &GrpcCall) -> Result<GrpcMethod, Vec<WrongCall>> {
        let method = self.method(&call.method).map_err(|wrong| vec![wrong])?;
        let (mut encoded, mut wrong) = (Vec::new(), Vec::new());
        for (index, message) in call.messages.iter().enumerate() {
            match encoder::encode(&method.input(), message) {
                Ok(pieces) => encoded.push(pieces),
                Err((problem, fix)) => wrong.push(WrongCall { part: CallPart::Message(index), problem, fix }),
            }
        }
        let sent = call.messages_sent();
        if !method.is_client_streaming() && sent != 1 {
            let problem = format!("{sent} messages are sent, and `{}` takes one", call.method);
            let fix = "leave out `messages` and `count`, or call a method that takes a stream".into();
            wrong.push(WrongCall { part: CallPart::Method, problem, fix });
        }
        wrong.extend(wrong_pace(call, &method));
        if !wrong.is_empty() {
            return Err(wrong);
        }
        Ok(GrpcMethod {
            input: method.input().full_name().to_owned(),
            output: method.output().full_name().to_owned(),
            client_streams: method.is_client_streaming(),
            server_streams: method.is_server_streaming(),
            is_safe: is_safe(&method),
            told_by: match self.is_reflected {
                true => REFLECTION.to_owned(),
                false => method.parent_service().parent_file().name().to_owned(),
            },
            encoded,
            reply: forms::of_message(&method.output()),
        })
    }

    fn method(&self, name: &str) -> Result<MethodDescriptor, WrongCall> {
        let (service_name, method_name) = name.split_once('/').unwrap_or((name, ""));
        let Some(service) = self.pool.get_service_by_name(service_name) else {
            let names: Vec<String> =
                self.pool.services().map(|service| service.full_name().to_owned()).collect();
            return Err(no_service(service_name, method_name, &names));
        };
        let found = service.methods().find(|method| method.name() == method_name);
        found.ok_or_else(|| no_method(&service, method_name))
    }
}

/// Why messages cannot be sent one by one as they are to be, if they cannot.
fn wrong_pace(call: &GrpcCall, method: &MethodDescriptor) -> Option<WrongCall> {
    let (takes, gives) = (method.is_client_streaming(), method.is_server_streaming());
    let (problem, fix) = match call.pace {
        MessagePace::PingPong if !(takes && gives) => (
            format!("replies are waited for between messages, and `{}` has no two streams", call.method),
            "leave out `ping_pong`, or call a bidirectional method",
        ),
        MessagePace::Every { .. } if !takes => (
            format!("messages are spaced in time, and `{}` takes one", call.method),
            "leave out `every`, or call a method that takes a stream",
        ),
        MessagePace::AtOnce | MessagePace::PingPong | MessagePace::Every { .. } => return None,
    };
    Some(WrongCall { part: CallPart::Pace, problem, fix: fix.into() })
}

/// A method that changes nothing says so.
fn is_safe(method: &MethodDescriptor) -> bool {
    let options = method.method_descriptor_proto().options.clone().unwrap_or_default();
    options.idempotency_level() == IdempotencyLevel::NoSideEffects
}

/// There is no such service among these.
pub(crate) fn no_service(service: &str, method: &str, names: &[String]) -> WrongCall {
    // A service may be named without its package.
    let of_package = names.iter().find(|name| name.rsplit('.').next() == Some(service));
    let fix = match of_package {
        Some(name) => format!("write `{name}/{method}`"),
        None if names.is_empty() => "there is no service at all".to_owned(),
        None => hint(service, &names.iter().map(String::as_str).collect::<Vec<_>>()),
    };
    WrongCall { part: CallPart::Method, problem: format!("there is no service `{service}`"), fix }
}

fn no_method(service: &ServiceDescriptor, name: &str) -> WrongCall {
    let names: Vec<String> = service.methods().map(|method| method.name().to_owned()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let problem = format!("the service `{}` has no method `{name}`", service.full_name());
    WrongCall { part: CallPart::Method, problem, fix: hint(name, &names) }
}

fn wrong_file(error: &protox::Error) -> WrongFile {
    // As it shows itself to developers it has the place in the file.
    let told = format!("{error:?}");
    let fix = match error.is_file_not_found() {
        true => "name the folder that it is in as one of `import_paths`",
        false => "correct the file",
    };
    WrongFile { problem: told, fix: fix.into() }
}

/// A file as reflection hands it out.
pub(crate) fn file(bytes: &[u8]) -> Result<FileDescriptorProto, WrongFile> {
    FileDescriptorProto::decode(bytes).map_err(|error| WrongFile {
        problem: format!("what the target says of its messages cannot be read: {error}"),
        fix: "name `.proto` files instead (`--proto`)".into(),
    })
}
