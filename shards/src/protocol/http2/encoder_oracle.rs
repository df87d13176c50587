//! Header blocks that the encoder of the `h2` crate has made, decoded: every field is what it was.

use super::decoder::{FIELDS_BYTES_MAX, HpackDecoder};
use super::frames::{FRAME_HEADER_BYTES, FrameHeader, PREFACE, flag, frame_type};
use bytes::Bytes;
use engine::random::Random;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

/// Responses on one connection: enough for the table to be filled and emptied several times.
const RESPONSES: u32 = 200;
/// Room for all that is ever sent.
const MEMORY_BYTES: usize = 16 << 20;

type FieldList = Vec<(Vec<u8>, Vec<u8>)>;

/// The fields of a response: names and values that come again and others, short and long, text and not.
fn fields(random: &mut Random) -> FieldList {
    let names = ["server", "date", "content-type", "cache-control", "etag", "set-cookie", "x-a", "x-bcd"];
    let field = |random: &mut Random| {
        let name = match random.between(0, 3) {
            0 => format!("x-{}", random.between(0, 500)).into_bytes(),
            _ => names[random.between(0, 7) as usize].into(),
        };
        let value = match random.between(0, 4) {
            0 => b"text/html; charset=utf-8".to_vec(),
            1 => random.between(0, 30).to_string().into_bytes(),
            2 => (0..random.between(0, 200)).map(|_| random.between(0x80, 0xff) as u8).collect(),
            3 => (0..random.between(1, 200)).map(|_| random.between(0x21, 0x7e) as u8).collect(),
            _ => vec![b'&'; random.between(0, 1_500) as usize],
        };
        (name, value)
    };
    (0..random.between(0, 12)).map(|_| field(random)).collect()
}

/// What the server sends on a connection on which it is asked so often.
async fn sent_by_server(responses: &[FieldList]) -> Vec<u8> {
    let (mut ours, theirs) = duplex(MEMORY_BYTES);
    let mut asked = PREFACE.to_vec();
    asked.extend(FrameHeader { length: 0, frame_type: frame_type::SETTINGS, flags: 0, stream: 0 }.bytes());
    for number in 0..responses.len() as u32 {
        let flags = flag::END_HEADERS | flag::END_STREAM;
        let stream = 2 * number + 1;
        asked.extend(FrameHeader { length: 6, frame_type: frame_type::HEADERS, flags, stream }.bytes());
        asked.extend([0x82, 0x86, 0x84, 0x01, 0x01, b'h']);
    }
    ours.write_all(&asked).await.unwrap();
    let mut sent = Vec::new();
    let heard = async {
        let mut buffer = vec![0; 1 << 16];
        while blocks(&sent).len() < responses.len() {
            let read = ours.read(&mut buffer).await.unwrap();
            sent.extend_from_slice(&buffer[..read]);
        }
    };
    // The server would wait for more; what it has to say ends it.
    tokio::select! {
        () = answer_all(theirs, responses) => panic!("the server has ended"),
        () = heard => {}
    }
    sent
}

async fn answer_all(stream: DuplexStream, responses: &[FieldList]) {
    let mut connection = h2::server::handshake(stream).await.unwrap();
    let mut answers = responses.iter();
    while let Some(accepted) = connection.accept().await {
        let (_, mut respond): (_, h2::server::SendResponse<Bytes>) = accepted.unwrap();
        let mut response = Response::new(());
        *response.status_mut() = StatusCode::IM_A_TEAPOT;
        for (name, value) in answers.next().unwrap() {
            let name = HeaderName::from_bytes(name).unwrap();
            response.headers_mut().append(name, HeaderValue::from_bytes(value).unwrap());
        }
        respond.send_response(response, true).unwrap();
    }
}

/// The header blocks in a stream of frames, of which the last may not be whole.
fn blocks(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut blocks: Vec<Vec<u8>> = Vec::new();
    while let Some(header) = FrameHeader::read(bytes) {
        let Some(payload) = bytes[FRAME_HEADER_BYTES..].get(..header.length) else { break };
        match header.frame_type {
            frame_type::HEADERS => blocks.push(payload.to_vec()),
            frame_type::CONTINUATION => blocks.last_mut().unwrap().extend(payload),
            _ => {}
        }
        bytes = &bytes[FRAME_HEADER_BYTES + header.length..];
    }
    blocks
}

#[test]
fn what_another_encoder_writes_is_decoded_as_it_was_meant() {
    for seed in 0..20 {
        let random = &mut Random::new(seed, 0);
        let responses: Vec<FieldList> = (0..RESPONSES).map(|_| fields(random)).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let blocks = blocks(&runtime.block_on(sent_by_server(&responses)));
        assert_eq!(blocks.len(), responses.len());
        let mut decoder = HpackDecoder::new(4_096);
        let mut memory = vec![0; FIELDS_BYTES_MAX];
        for (block, mut expected) in blocks.iter().zip(responses) {
            let mut decoded = FieldList::new();
            decoder
                .decode(block, &mut memory, |name, value| decoded.push((name.into(), value.into())))
                .unwrap();
            assert_eq!(decoded.remove(0), (b":status".to_vec(), b"418".to_vec()));
            // The server puts fields of one name together.
            expected.sort();
            decoded.sort();
            assert_eq!(decoded, expected, "seed {seed}");
        }
    }
}
