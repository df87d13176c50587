//! Bytes of TCP that come back as they were, in the time and with the failures of the server's behaviour.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::fate::Ending;
use crate::session::ServerSession;
use crate::stream::{WireStream, reset};
use crate::tally::EchoCount;
use crate::tls::Handshakes;

/// The longest piece that is read at once, and returned before the next is.
const PIECE_BYTES: usize = 64 * 1024;

/// Returns what comes, piece by piece, until the client is done or the server stops. TCP knows no messages: a piece is what has
/// arrived by the time it is read, and each meets the behaviour as a request does. An error ends the connection.
pub(crate) async fn return_bytes(
    stream: TcpStream,
    tls: Option<Handshakes>,
    session: ServerSession,
    mut alive: watch::Receiver<()>,
) {
    // A small piece is not to wait for the acknowledgement of the one before.
    let _ = stream.set_nodelay(true);
    session.tally().count_echo(EchoCount::TcpConnections, 1);
    let converse = async {
        match tls {
            None => return_pieces(stream, &session).await,
            Some(handshakes) => {
                if let Some(stream) = handshakes.shake(stream, &session.tally()).await {
                    return_pieces(stream, &session).await;
                }
            }
        }
    };
    tokio::select! {
        () = converse => {}
        _ = alive.changed() => {}
    }
}

async fn return_pieces(mut stream: impl WireStream, session: &ServerSession) {
    let mut piece = vec![0; PIECE_BYTES];
    // A client that fails is gone, and concerns nobody else.
    while let Ok(length @ 1..) = stream.read(&mut piece).await {
        match session.meet(session.own_behaviour()).await {
            Ending::Answer => {}
            Ending::Error => break,
            Ending::Reset => return reset(&stream),
        }
        session.tally().count_echo(EchoCount::TcpBytes, length as u64);
        if stream.write_all(&piece[..length]).await.is_err() || stream.flush().await.is_err() {
            return;
        }
    }
    let _ = stream.shutdown().await;
}
