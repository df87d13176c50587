//! Server reflection, v1 and v1alpha: what a client asks that knows no file.

use prost::Message;

use crate::grpc::descriptor::{FILE, SERVICE, echo_file, has_symbol};
use crate::grpc::messages::{
    FileDescriptorResponse, ListServiceResponse, ReflectionAnswer, ReflectionError, ReflectionQuestion,
    ReflectionRequest, ReflectionResponse, ServiceResponse,
};

const INVALID_ARGUMENT: i32 = 3;
const NOT_FOUND: i32 = 5;

pub(crate) fn reflect(request: ReflectionRequest) -> ReflectionResponse {
    let answer = match &request.question {
        Some(ReflectionQuestion::ListServices(_)) => {
            let service = vec![ServiceResponse { name: SERVICE.to_owned() }];
            ReflectionAnswer::Services(ListServiceResponse { service })
        }
        Some(ReflectionQuestion::FileByFilename(name)) if name == FILE => file(),
        Some(ReflectionQuestion::FileContainingSymbol(name)) if has_symbol(name) => file(),
        Some(_) => {
            error(NOT_FOUND, "there is one file here, echo.proto, and one service, vajra.testbed.Echo")
        }
        None => error(INVALID_ARGUMENT, "nothing is asked"),
    };
    ReflectionResponse {
        valid_host: request.host.clone(),
        original_request: Some(request),
        answer: Some(answer),
    }
}

fn file() -> ReflectionAnswer {
    ReflectionAnswer::Files(FileDescriptorResponse {
        file_descriptor_proto: vec![echo_file().encode_to_vec()],
    })
}

fn error(error_code: i32, message: &str) -> ReflectionAnswer {
    ReflectionAnswer::Error(ReflectionError { error_code, error_message: message.to_owned() })
}
