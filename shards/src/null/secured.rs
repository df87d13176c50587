//! TLS as far as the null responder speaks it: rustls as it is, with what is spoken inside.
//!
//! Unlike the generator's own, its records are copied: it is not the fastest there could be.

use super::spoken::{NullSpoken, RESPONSE};
use rustls::{ServerConfig, ServerConnection};
use std::io::{BufRead, Write};
use std::sync::Arc;

/// One connection.
pub(super) struct NullTls {
    tls: ServerConnection,
    spoken: NullSpoken,
    /// What is to be sealed.
    plaintext: Vec<u8>,
}

impl NullTls {
    /// Of a connection on which nothing has come. None when the settings are not ones that a connection could have.
    pub(super) fn new(settings: Arc<ServerConfig>) -> Option<NullTls> {
        let mut tls = ServerConnection::new(settings).ok()?;
        // What is written waits for its turn to be sent; it is never more than was asked for.
        tls.set_buffer_limit(None);
        Some(NullTls { tls, spoken: NullSpoken::NOTHING, plaintext: Vec::new() })
    }

    /// Takes what has come. Returns how many requests ended in it. A connection that fails has its alert to send, and no more requests.
    pub(super) fn take(&mut self, mut bytes: &[u8], memo: &mut Vec<u8>) -> usize {
        let mut requests = 0;
        while !bytes.is_empty() && !matches!(self.spoken, NullSpoken::Neither) {
            let read = self.tls.read_tls(&mut bytes);
            if read.is_err() || self.tls.process_new_packets().is_err() {
                self.spoken = NullSpoken::Neither;
                break;
            }
            requests += self.take_plaintext(memo);
        }
        requests
    }

    fn take_plaintext(&mut self, memo: &mut Vec<u8>) -> usize {
        let mut requests = 0;
        let mut reader = self.tls.reader();
        // An error says that there is no more for now, or no more at all.
        while let Ok(plaintext) = reader.fill_buf()
            && !plaintext.is_empty()
        {
            requests += self.spoken.take(plaintext, memo);
            let taken = plaintext.len();
            reader.consume(taken);
        }
        match &mut self.spoken {
            NullSpoken::Http2(connection) => connection.append(&mut self.plaintext),
            _ => (0..requests).for_each(|_| self.plaintext.extend_from_slice(RESPONSE)),
        }
        // Nothing that is kept in memory is refused.
        let _ = self.tls.writer().write_all(&self.plaintext);
        self.plaintext.clear();
        requests
    }

    /// Writes what is to be sent, as far as there is room for it. Returns how many bytes that is.
    pub(super) fn write(&mut self, mut memory: &mut [u8]) -> usize {
        let room = memory.len();
        while self.tls.wants_write() && !memory.is_empty() {
            if self.tls.write_tls(&mut memory).is_err() {
                break;
            }
        }
        room - memory.len()
    }
}
