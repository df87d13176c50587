//! The methods of the echo service, and of reflection: from requests to replies.

use std::rc::Rc;

use crate::Behaviour;
use crate::fate::Ending;
use crate::grpc::call_body::Replies;
use crate::grpc::framing::{CallFailure, RequestReader, framed};
use crate::grpc::messages::{EchoReply, EchoRequest, ReflectionRequest};
use crate::grpc::reflection::reflect;
use crate::grpc::status::RpcStatus;
use crate::session::{Hangup, ServerSession};
use crate::tally::MessageKind;

/// The most replies that can be asked for.
const REPLIES_MAX: u32 = 1_000_000;

/// The highest status there is.
const STATUS_MAX: u32 = 16;

/// One call, as its method knows it.
pub(crate) struct EchoCall {
    pub(crate) session: Rc<ServerSession>,
    pub(crate) behaviour: Behaviour,
    pub(crate) requests: RequestReader,
}

impl EchoCall {
    pub(crate) async fn unary(mut self) -> Result<EchoReply, CallFailure> {
        let request = self.requests.only().await?;
        self.reply(request, 1).await
    }

    pub(crate) async fn client_stream(mut self) -> Result<EchoReply, CallFailure> {
        let (mut last, mut number) = (EchoRequest::default(), 0);
        while let Some(request) = self.requests.next().await? {
            (last, number) = (request, number + 1);
        }
        self.reply(last, number).await
    }

    pub(crate) async fn server_stream(mut self, replies: &Replies) -> Result<(), CallFailure> {
        let request: EchoRequest = self.requests.only().await?;
        if request.count > REPLIES_MAX {
            return Err(RpcStatus::invalid_argument("count is at most 1,000,000").into());
        }
        for number in 1..=request.count.max(1) {
            let reply = self.reply(request.clone(), number.into()).await?;
            replies.send(framed(&reply)).await?;
        }
        Ok(())
    }

    pub(crate) async fn bidi(mut self, replies: &Replies) -> Result<(), CallFailure> {
        let mut number = 0;
        while let Some(request) = self.requests.next().await? {
            number += 1;
            let reply = self.reply(request, number).await?;
            replies.send(framed(&reply)).await?;
        }
        Ok(())
    }

    /// Meets no behaviour: whoever looks at a misbehaving server wants to see it.
    pub(crate) async fn reflection(mut self, replies: &Replies) -> Result<(), CallFailure> {
        while let Some(request) = self.requests.next::<ReflectionRequest>().await? {
            replies.send(framed(&reflect(request))).await?;
        }
        Ok(())
    }

    /// What a request is answered with, after its service time, if with a message at all.
    async fn reply(&self, request: EchoRequest, number: u64) -> Result<EchoReply, CallFailure> {
        match self.session.meet(&self.behaviour).await {
            Ending::Answer => {}
            Ending::Error => return Err(RpcStatus::internal("an error, as the behaviour asks").into()),
            Ending::Reset => return Err(CallFailure::Hangup(Hangup::Reset)),
        }
        match request.status {
            0 => {}
            asked @ 1..=STATUS_MAX => return Err(RpcStatus::new(asked, "as the request asks").into()),
            _ => return Err(RpcStatus::invalid_argument("status is at most 16").into()),
        }
        self.session.tally().count_message(MessageKind::Rpc);
        Ok(EchoReply { text: request.text, payload: request.payload, number })
    }
}

impl From<Hangup> for CallFailure {
    fn from(hangup: Hangup) -> CallFailure {
        CallFailure::Hangup(hangup)
    }
}
