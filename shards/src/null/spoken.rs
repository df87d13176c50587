//! What the null responder speaks in clear: requests are counted, and each has the same response.

use super::http2::{NullHttp2, Unspoken};

pub(super) const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const REQUEST_END: &[u8] = b"\r\n\r\n";

/// What is spoken on a connection.
pub(super) enum NullSpoken {
    /// HTTP/1.1, and what has come of a request that has not ended.
    Http1(Vec<u8>),
    Http2(Box<NullHttp2>),
    /// Neither: nothing is said until the other side closes.
    Neither,
}

impl NullSpoken {
    /// Of a connection on which nothing has come.
    pub(super) const NOTHING: NullSpoken = NullSpoken::Http1(Vec::new());

    /// Takes what has come, with the last request of HTTP/1.1. Returns how many requests ended in it.
    pub(super) fn take(&mut self, bytes: &[u8], memo: &mut Vec<u8>) -> usize {
        if let NullSpoken::Http1(partial) = self
            && partial.is_empty()
            && let Some((connection, rest)) = NullHttp2::begin(bytes)
        {
            *self = NullSpoken::Http2(Box::new(connection));
            return self.take(rest, memo);
        }
        let taken = match self {
            NullSpoken::Http1(partial) => Ok(count_requests(bytes, partial, memo)),
            NullSpoken::Http2(connection) => connection.take(bytes),
            NullSpoken::Neither => Ok(0),
        };
        taken.unwrap_or_else(|Unspoken| {
            *self = NullSpoken::Neither;
            0
        })
    }

    /// Writes what is to be sent from the connection's own memory, as far as there is room for it. Returns how many bytes that is.
    pub(super) fn write(&mut self, memory: &mut [u8]) -> usize {
        match self {
            NullSpoken::Http2(connection) => connection.write(memory),
            NullSpoken::Http1(_) | NullSpoken::Neither => 0,
        }
    }
}

/// How many requests end in these bytes; an unfinished one is kept for the next call.
fn count_requests(mut bytes: &[u8], partial: &mut Vec<u8>, memo: &mut Vec<u8>) -> usize {
    let mut requests = 0;
    if partial.is_empty() && !memo.is_empty() {
        while let Some(rest) = bytes.strip_prefix(memo.as_slice()) {
            bytes = rest;
            requests += 1;
        }
    }
    if bytes.is_empty() {
        return requests;
    }
    partial.extend_from_slice(bytes);
    let mut start = 0;
    while let Some(end) = find(&partial[start..], REQUEST_END) {
        memo.clear();
        memo.extend_from_slice(&partial[start..start + end + REQUEST_END.len()]);
        start += end + REQUEST_END.len();
        requests += 1;
    }
    partial.drain(..start);
    requests
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_however_they_are_cut() {
        let stream = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(5);
        for size in 1..stream.len() {
            let (mut partial, mut memo) = (Vec::new(), Vec::new());
            let counted: usize =
                stream.chunks(size).map(|piece| count_requests(piece, &mut partial, &mut memo)).sum();
            assert_eq!((counted, partial.len()), (5, 0), "in pieces of {size}");
        }
    }
}
