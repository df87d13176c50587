//! The body of a call's response: messages, and trailers with its status.

use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Bytes, Frame};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::grpc::status::RpcStatus;
use crate::session::Hangup;

/// Messages that a call may be ahead of its connection. Small, so that a client that does not read holds up the call.
const AHEAD_MAX: usize = 16;

/// What is sent behind the head of a call's response.
pub(crate) enum CallBody {
    /// Nothing: the status stands in the head.
    Empty,
    /// A message that is known, or was sent; and then the trailers.
    One(Option<Bytes>),
    /// What a task sends.
    Stream(Receiver<Result<Frame<Bytes>, Hangup>>),
}

/// Where a task sends a call's messages to.
pub(crate) struct Replies(Sender<Result<Frame<Bytes>, Hangup>>);

impl CallBody {
    pub(crate) fn stream() -> (Replies, CallBody) {
        let (sender, receiver) = channel(AHEAD_MAX);
        (Replies(sender), CallBody::Stream(receiver))
    }

    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Hangup>>> {
        match self {
            CallBody::Empty => Poll::Ready(None),
            CallBody::One(message) => {
                let frame = match message.take() {
                    Some(message) => Frame::data(message),
                    None => {
                        *self = CallBody::Empty;
                        Frame::trailers(RpcStatus::OK.trailers())
                    }
                };
                Poll::Ready(Some(Ok(frame)))
            }
            CallBody::Stream(receiver) => Pin::new(receiver).poll_recv(context),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, CallBody::Empty)
    }
}

impl Replies {
    /// Sends a message, once there is room. Fails when the client is gone or has given up the call.
    pub(crate) async fn send(&self, message: Bytes) -> Result<(), Hangup> {
        self.0.send(Ok(Frame::data(message))).await.map_err(|_| Hangup::Unread)
    }

    /// Sends the status.
    pub(crate) async fn end(self, status: &RpcStatus) {
        let _ = self.0.send(Ok(Frame::trailers(status.trailers()))).await;
    }

    /// Ends the stream by RST_STREAM.
    pub(crate) async fn reset(self) {
        let _ = self.0.send(Err(Hangup::Reset)).await;
    }

    /// Until the client is gone or has given up the call.
    pub(crate) async fn given_up(&self) {
        self.0.closed().await;
    }
}
