//! A WebSocket that returns what it is sent, message by message, in the time and with the failures of its behaviour.
//!
//! Messages of one connection come one after the other, as requests of HTTP/1.1 do. The opening is `websocket_opening`'s.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use hyper::body::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, Error};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message, Role, WebSocketConfig};

use crate::Behaviour;
use crate::fate::Ending;
use crate::session::ServerSession;
use crate::stream::WireStream;
use crate::tally::MessageKind;

/// The longest message that is returned: as long as what `/echo` takes.
const MESSAGE_LIMIT_BYTES: usize = 16 * 1024 * 1024;

/// How long a client has to leave that was told to.
const PARTING: Duration = Duration::from_secs(1);

/// Returns messages until the client leaves, breaks the rules, or meets an end by its behaviour; or until `alive` closes.
/// `read` is what was read behind the opening. Returns the stream if the connection is to be reset.
pub(crate) async fn echo<S: WireStream>(
    stream: S,
    read: Bytes,
    behaviour: Behaviour,
    session: Rc<ServerSession>,
    mut alive: watch::Receiver<()>,
) -> Option<S> {
    let config = WebSocketConfig::default()
        .max_message_size(Some(MESSAGE_LIMIT_BYTES))
        .max_frame_size(Some(MESSAGE_LIMIT_BYTES));
    let mut socket =
        WebSocketStream::from_partially_read(stream, read.to_vec(), Role::Server, Some(config)).await;
    let ended = tokio::select! {
        biased;
        ended = converse(&mut socket, &behaviour, &session) => ended,
        _ = alive.changed() => SocketEnd::Close(CloseCode::Away, "the server stops"),
    };
    match ended {
        SocketEnd::Gone => {}
        SocketEnd::Reset => return Some(socket.into_inner()),
        SocketEnd::Close(code, reason) => close(socket, code, reason).await,
    }
    None
}

/// How a conversation ended.
enum SocketEnd {
    /// The client closed it, or is gone.
    Gone,
    Reset,
    Close(CloseCode, &'static str),
}

async fn converse<S: WireStream>(
    socket: &mut WebSocketStream<S>,
    behaviour: &Behaviour,
    session: &ServerSession,
) -> SocketEnd {
    while let Some(message) = socket.next().await {
        let message = match message {
            Ok(message @ (Message::Text(_) | Message::Binary(_))) => message,
            // Pings and closes are answered while reading goes on.
            Ok(_) => continue,
            Err(error) => return end_by(&error),
        };
        match session.meet(behaviour).await {
            Ending::Reset => return SocketEnd::Reset,
            Ending::Error => return SocketEnd::Close(CloseCode::Error, "an error, as the behaviour asks"),
            Ending::Answer => {}
        }
        session.tally().count_message(MessageKind::WebSocket);
        if socket.send(message).await.is_err() {
            return SocketEnd::Gone;
        }
    }
    SocketEnd::Gone
}

/// What a client is told that broke the rules (RFC 6455, 7.4.1).
fn end_by(error: &Error) -> SocketEnd {
    match error {
        Error::Protocol(_) => SocketEnd::Close(CloseCode::Protocol, "against the protocol"),
        Error::Utf8(_) => SocketEnd::Close(CloseCode::Invalid, "text that is not UTF-8"),
        Error::Capacity(CapacityError::MessageTooLong { .. }) => {
            SocketEnd::Close(CloseCode::Size, "longer than 16 MiB")
        }
        _ => SocketEnd::Gone,
    }
}

/// Says why, and reads until the client has left: closing over what is unread would discard what was said.
async fn close<S: WireStream>(mut socket: WebSocketStream<S>, code: CloseCode, reason: &'static str) {
    if socket.close(Some(CloseFrame { code, reason: reason.into() })).await.is_err() {
        return;
    }
    let mut stream = socket.into_inner();
    let mut rest = [0; 4096];
    let leave = async {
        stream.shutdown().await?;
        while stream.read(&mut rest).await? > 0 {}
        Ok::<(), io::Error>(())
    };
    // Who has not left by then has had time to read it.
    let _ = timeout(PARTING, leave).await;
}
