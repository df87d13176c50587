//! HTTP/2 as far as the null responder speaks it: whatever is asked, the status is 200, and the body has two bytes.

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const FRAME_HEADER_BYTES: usize = 9;
/// The longest payload of a frame, as we allow no longer ones.
const PAYLOAD_BYTES_MAX: usize = 16_384;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
/// Of HEADERS and DATA.
const END_STREAM: u8 = 1;
/// Of SETTINGS and PING.
const ACKNOWLEDGED: u8 = 1;
const END_HEADERS: u8 = 4;
/// A response: `:status: 200` by its index in the static table, and the body.
const RESPONSE: [u8; 21] = [
    0,
    0,
    1,
    HEADERS,
    END_HEADERS,
    0,
    0,
    0,
    0,
    0x88, //
    0,
    0,
    2,
    DATA,
    END_STREAM,
    0,
    0,
    0,
    0,
    b'o',
    b'k',
];
/// Where the stream stands in a response.
const STREAMS_AT: [usize; 2] = [5, 15];

/// The memory that a connection needs for what it sends at a time.
pub(super) const SENT_BYTES_MAX: usize = 64 << 10;

/// One connection.
#[derive(Debug, Default)]
pub(super) struct NullHttp2 {
    /// A frame that came in part.
    partial: Vec<u8>,
    /// Acknowledgements, and what makes room for more to come.
    owed: Vec<u8>,
    /// Streams whose responses are to be sent.
    asked: Vec<[u8; 4]>,
}

/// The other side does not speak HTTP/2.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unspoken;

impl NullHttp2 {
    /// A connection that begins with these bytes, if they are those of HTTP/2; and what follows its preface.
    pub(super) fn begin(bytes: &[u8]) -> Option<(NullHttp2, &[u8])> {
        let rest = bytes.strip_prefix(PREFACE)?;
        let mut connection = NullHttp2::default();
        connection.owe(SETTINGS, 0, [0; 4], &[]);
        Some((connection, rest))
    }

    /// Takes what has come. Returns how many requests ended in it.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<usize, Unspoken> {
        if self.partial.is_empty() {
            let (requests, taken) = self.take_frames(bytes)?;
            self.partial.extend_from_slice(&bytes[taken..]);
            return Ok(requests);
        }
        let mut whole = std::mem::take(&mut self.partial);
        whole.extend_from_slice(bytes);
        let (requests, taken) = self.take_frames(&whole)?;
        whole.drain(..taken);
        self.partial = whole;
        Ok(requests)
    }

    /// Takes the frames that are whole. Returns how many requests and how many bytes that were.
    fn take_frames(&mut self, bytes: &[u8]) -> Result<(usize, usize), Unspoken> {
        let (mut requests, mut at) = (0, 0);
        while let Some(header) = bytes[at..].first_chunk::<FRAME_HEADER_BYTES>() {
            let &[l0, l1, l2, kind, flags, s0, s1, s2, s3] = header;
            let length = u32::from_be_bytes([0, l0, l1, l2]) as usize;
            if length > PAYLOAD_BYTES_MAX {
                return Err(Unspoken);
            }
            let Some(payload) = bytes[at + FRAME_HEADER_BYTES..].get(..length) else { break };
            at += FRAME_HEADER_BYTES + length;
            let stream = [s0 & 0x7f, s1, s2, s3];
            if matches!(kind, HEADERS | DATA) && flags & END_STREAM != 0 {
                self.asked.push(stream);
                requests += 1;
            }
            match kind {
                DATA if length > 0 => {
                    let more = (length as u32).to_be_bytes();
                    self.owe(WINDOW_UPDATE, 0, [0; 4], &more);
                    self.owe(WINDOW_UPDATE, 0, stream, &more);
                }
                SETTINGS if flags & ACKNOWLEDGED == 0 => self.owe(SETTINGS, ACKNOWLEDGED, [0; 4], &[]),
                PING if flags & ACKNOWLEDGED == 0 => self.owe(PING, ACKNOWLEDGED, [0; 4], payload),
                _ => {}
            }
        }
        Ok((requests, at))
    }

    fn owe(&mut self, kind: u8, flags: u8, stream: [u8; 4], payload: &[u8]) {
        self.owed.extend_from_slice(&(payload.len() as u32).to_be_bytes()[1..]);
        self.owed.extend_from_slice(&[kind, flags]);
        self.owed.extend_from_slice(&stream);
        self.owed.extend_from_slice(payload);
    }

    /// Appends all that is to be sent.
    pub(super) fn append(&mut self, out: &mut Vec<u8>) {
        let at = out.len();
        out.resize(at + self.owed.len() + self.asked.len() * RESPONSE.len(), 0);
        self.write(&mut out[at..]);
    }

    /// Writes what is to be sent, as far as there is room for it. Returns how many bytes that is.
    pub(super) fn write(&mut self, memory: &mut [u8]) -> usize {
        let mut filled = self.owed.len().min(memory.len());
        memory[..filled].copy_from_slice(&self.owed[..filled]);
        self.owed.drain(..filled);
        let responses = self.asked.len().min((memory.len() - filled) / RESPONSE.len());
        for stream in self.asked.drain(..responses) {
            let response = &mut memory[filled..filled + RESPONSE.len()];
            response.copy_from_slice(&RESPONSE);
            for at in STREAMS_AT {
                response[at..at + stream.len()].copy_from_slice(&stream);
            }
            filled += RESPONSE.len();
        }
        filled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a client sends: the preface, settings, a GET on stream 1, and a POST of three bytes on stream 3.
    fn sent() -> Vec<u8> {
        let mut bytes = PREFACE.to_vec();
        for (length, kind, flags, stream, payload) in [
            (0, SETTINGS, 0, 0, &b""[..]),
            (1, HEADERS, END_HEADERS | END_STREAM, 1, &[0x82]),
            (1, HEADERS, END_HEADERS, 3, &[0x83]),
            (3, DATA, END_STREAM, 3, b"abc"),
            (8, PING, 0, 0, b"12345678"),
        ] {
            bytes.extend([0, 0, length, kind, flags, 0, 0, 0, stream]);
            bytes.extend(payload);
        }
        bytes
    }

    #[test]
    fn every_request_is_responded_to_on_its_stream_however_it_is_cut() {
        let bytes = sent();
        let mut expected = None;
        for size in 1..bytes.len() - PREFACE.len() {
            let (mut connection, rest) = NullHttp2::begin(&bytes).unwrap();
            let counts = rest.chunks(size).map(|piece| connection.take(piece).unwrap());
            assert_eq!(counts.sum::<usize>(), 2, "in pieces of {size}");
            let mut memory = vec![0; 1_000];
            let filled = connection.write(&mut memory);
            let written = memory[..filled].to_vec();
            assert_eq!(expected.get_or_insert(written.clone()), &written, "in pieces of {size}");
            assert_eq!(connection.write(&mut memory), 0, "everything was written");
        }
        let written = expected.unwrap();
        let responses = &written[written.len() - 2 * RESPONSE.len()..];
        assert_eq!((responses[8], responses[18], responses[29], responses[39]), (1, 1, 3, 3));
        assert!(written.windows(8).any(|window| window == b"12345678"), "a ping comes back");
    }

    #[test]
    fn what_does_not_fit_waits() {
        let bytes = sent();
        let (mut connection, rest) = NullHttp2::begin(&bytes).unwrap();
        connection.take(rest).unwrap();
        let (mut written, mut turns) = (0, 0);
        let mut memory = vec![0; RESPONSE.len() + 1];
        loop {
            match connection.write(&mut memory) {
                0 => break,
                filled => (written, turns) = (written + filled, turns + 1),
            }
        }
        assert!(turns > 2 && written > 2 * RESPONSE.len(), "{turns} {written}");
    }

    #[test]
    fn what_is_no_http_2_is_told() {
        assert!(NullHttp2::begin(b"GET / HTTP/1.1\r\n\r\n").is_none());
        let (mut connection, _) = NullHttp2::begin(PREFACE).unwrap();
        assert_eq!(connection.take(b"\xff\xff\xff\0\0\0\0\0\0"), Err(Unspoken));
    }
}
