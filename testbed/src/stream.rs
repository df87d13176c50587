//! What connections are spoken over: TCP, plain or under TLS; how a plain one begins, and how any is reset.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// How HTTP/2 begins where it was not agreed on before (RFC 9113, 3.4). No request of HTTP/1.1 begins so.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Room for what a client says first: more than a request of usual size has.
const BEGINNING_BYTES: usize = 1024;

/// A stream of bytes with a TCP socket at its end.
pub(crate) trait WireStream: AsyncRead + AsyncWrite + Unpin + 'static {
    fn tcp(&self) -> &TcpStream;
}

/// Lets a connection end with RST instead of FIN: a lingering time of zero discards what is unsent and aborts.
pub(crate) fn reset(stream: &impl WireStream) {
    // A socket that cannot be told to is gone already.
    let _ = stream.tcp().set_zero_linger();
}

impl WireStream for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl WireStream for TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}

/// A plain connection from which the first bytes were read to see what it speaks, and from which they will be read again.
pub(crate) struct BegunStream {
    beginning: Bytes,
    stream: TcpStream,
}

impl WireStream for BegunStream {
    fn tcp(&self) -> &TcpStream {
        &self.stream
    }
}

/// Waits for a client to begin, and tells whether it speaks HTTP/2 without having asked. One that leaves or fails before that is
/// known is taken for one of HTTP/1.1, where the same will be found again.
pub(crate) async fn begin(mut stream: TcpStream) -> (BegunStream, bool) {
    let mut beginning = Vec::with_capacity(BEGINNING_BYTES);
    while is_beginning_of_preface(&beginning) {
        match stream.read_buf(&mut beginning).await {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
    }
    let is_http2 = beginning.starts_with(PREFACE);
    (BegunStream { beginning: beginning.into(), stream }, is_http2)
}

/// Whether more has to be read to know.
fn is_beginning_of_preface(bytes: &[u8]) -> bool {
    bytes.len() < PREFACE.len() && PREFACE.starts_with(bytes)
}

impl AsyncRead for BegunStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.beginning.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, into);
        }
        let length = self.beginning.len().min(into.remaining());
        into.put_slice(&self.beginning.split_to(length));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for BegunStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_is_read_until_it_is_known_what_it_is() {
        for undecided in ["", "P", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r"] {
            assert!(is_beginning_of_preface(undecided.as_bytes()), "{undecided}");
        }
        for decided in ["G", "POST", "PRI * HTTP/1.1", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
            assert!(!is_beginning_of_preface(decided.as_bytes()), "{decided}");
        }
    }
}
