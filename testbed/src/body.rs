//! The body of any response: of a route, or of a call of gRPC.

use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};

use crate::grpc::CallBody;
use crate::payload::Payload;
use crate::session::Hangup;

/// What is sent behind the head of a response.
pub(crate) enum ResponseBody {
    Payload(Payload),
    Call(CallBody),
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Hangup;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Hangup>>> {
        match &mut *self {
            ResponseBody::Payload(payload) => {
                Pin::new(payload).poll_frame(context).map_err(|never| match never {})
            }
            ResponseBody::Call(body) => body.poll(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            ResponseBody::Payload(payload) => payload.is_end_stream(),
            ResponseBody::Call(body) => body.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            ResponseBody::Payload(payload) => payload.size_hint(),
            ResponseBody::Call(_) => SizeHint::default(),
        }
    }
}
