//! Against the server of the `h2` crate, in memory: it understands every request as it was meant, and every response of its is
//! understood.

use crate::client::{Client, Told, request};
use bytes::Bytes;
use engine::plan::HttpRequest;
use engine::random::Random;
use h2::server::{self, SendResponse};
use h2::{Reason, RecvStream};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::{LocalSet, spawn_local};
use vajra_shards::protocol::Touched;
use vajra_shards::protocol::http2::Http2Options;

/// Room for all that either side ever sends: neither waits for the other to read.
const MEMORY_BYTES: usize = 64 << 20;

/// A request as the server has seen it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct SeenRequest {
    method: String,
    uri: String,
    fields: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

/// What the server answers.
#[derive(Clone, Debug)]
struct Answer {
    status: u16,
    fields: Vec<(String, Vec<u8>)>,
    body: usize,
    says_length: bool,
    has_trailers: bool,
    is_reset: bool,
}

type Seen = Rc<RefCell<BTreeMap<u32, SeenRequest>>>;

/// One that is drawn from a seed and a number, so that both sides know it.
fn answer(seed: u64, number: u32) -> Answer {
    let random = &mut Random::at(seed, 1, number.into());
    let statuses = [200, 200, 204, 206, 304, 404, 500, 299];
    let status = statuses[random.between(0, 7) as usize];
    let is_bodyless = matches!(status, 204 | 304);
    Answer {
        status,
        fields: (0..random.between(0, 6)).map(|_| field(random)).collect(),
        body: if is_bodyless { 0 } else { [0, 1, 5_000, 100_000][random.between(0, 3) as usize] },
        says_length: random.between(0, 1) == 1,
        has_trailers: !is_bodyless && random.between(0, 3) == 0,
        is_reset: random.between(0, 15) == 0,
    }
}

/// A field whose name or value has or has not come before, is short or long, is text or not.
fn field(random: &mut Random) -> (String, Vec<u8>) {
    let names = ["server", "date", "x-request-id", "cache-control", "etag", "x-a"];
    let name = match random.between(0, 2) {
        0 => format!("x-{}", random.between(0, 1_000)),
        _ => names[random.between(0, 5) as usize].to_owned(),
    };
    let value = match random.between(0, 3) {
        0 => b"the same again".to_vec(),
        1 => format!("{}", random.between(0, 20)).into_bytes(),
        2 => (0..random.between(0, 300)).map(|_| random.between(0x80, 0xff) as u8).collect(),
        _ => vec![b'~'; random.between(0, 700) as usize],
    };
    (name, value)
}

/// Requests of all kinds; each says its number.
fn requests(random: &mut Random) -> Vec<HttpRequest> {
    let long = "x".repeat(random.between(0, 18_000) as usize);
    let body = "b".repeat(random.between(1, 200_000) as usize);
    let number = ("x-number", "{{seq}}");
    vec![
        request("GET", "/", &[number], None),
        request("GET", "/{{seq}}/a?b={{seq}}", &[number, ("Accept", "*/*"), ("X-Long", &long)], None),
        request("POST", "/constant", &[number, ("Content-Type", "text/plain")], Some(&body)),
        request("PUT", "/holed", &[("Host", "{{seq}}.test:81"), number], Some("{{seq}}:{{seq}}")),
        request("HEAD", "/", &[number, ("User-Agent", "other/{{seq}}"), ("cookie", "a=b")], None),
        request("DELETE", "/empty", &[number, ("te", "trailers")], Some("")),
    ]
}

/// How a request has to look to the server.
fn expected(request: &HttpRequest, number: u32) -> SeenRequest {
    let text = |pieces: &[engine::template::Piece]| {
        let template = engine::template::Template::new(pieces.to_vec()).unwrap();
        let draws = engine::random::Draws::new(1, 0);
        engine::outbox::collected(template.bytes_max(), |out| template.render(number.into(), draws, out))
    };
    let of_header = |wanted: &str| {
        let found = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| text(value))
    };
    let authority = of_header("host").unwrap_or(b"h:80".to_vec());
    let path = String::from_utf8(text(&request.path)).unwrap();
    let mut fields: Vec<(String, Vec<u8>)> =
        request.headers.iter().map(|(name, value)| (name.to_lowercase(), text(value))).collect();
    fields.retain(|(name, _)| name != "host");
    if of_header("user-agent").is_none() {
        let agent = concat!("vajra/", env!("CARGO_PKG_VERSION")).into();
        fields.push(("user-agent".into(), agent));
    }
    let body = request.body.as_deref().map(text);
    fields.extend(body.iter().map(|body| ("content-length".into(), body.len().to_string().into())));
    fields.sort();
    let uri = format!("http://{}{path}", String::from_utf8(authority).unwrap());
    SeenRequest { method: request.method.clone(), uri, fields, body: body.unwrap_or_default() }
}

/// Answers one request.
async fn answered(seed: u64, request: Request<RecvStream>, mut respond: SendResponse<Bytes>, seen: Seen) {
    let (head, mut body) = request.into_parts();
    let mut fields: Vec<(String, Vec<u8>)> =
        head.headers.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect();
    fields.sort();
    let number: u32 = head.headers["x-number"].to_str().unwrap().parse().unwrap();
    let mut bytes = Vec::new();
    while let Some(part) = body.data().await {
        let part = part.unwrap();
        bytes.extend_from_slice(&part);
        body.flow_control().release_capacity(part.len()).unwrap();
    }
    let (method, uri) = (head.method.to_string(), head.uri.to_string());
    seen.borrow_mut().insert(number, SeenRequest { method: method.clone(), uri, fields, body: bytes });
    let answer = answer(seed, number);
    if answer.is_reset {
        return respond.send_reset(Reason::REFUSED_STREAM);
    }
    let mut response =
        Response::builder().status(StatusCode::from_u16(answer.status).unwrap()).body(()).unwrap();
    for (name, value) in &answer.fields {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        response.headers_mut().append(name, HeaderValue::from_bytes(value).unwrap());
    }
    if answer.says_length && answer.status != 204 {
        response.headers_mut().insert("content-length", answer.body.into());
    }
    let is_bodyless = method == "HEAD" || (answer.body == 0 && !answer.has_trailers);
    let mut stream = respond.send_response(response, is_bodyless).unwrap();
    if !is_bodyless {
        stream.send_data(vec![b'r'; answer.body].into(), !answer.has_trailers).unwrap();
        if answer.has_trailers {
            let trailers =
                HeaderMap::from_iter([(HeaderName::from_static("x-sum"), HeaderValue::from(number))]);
            stream.send_trailers(trailers).unwrap();
        }
    }
}

async fn serve(seed: u64, stream: DuplexStream, seen: Seen) {
    let random = &mut Random::new(seed, 2);
    let mut connection = server::Builder::new()
        .initial_window_size([65_535, 1_000, 1 << 20][random.between(0, 2) as usize])
        .initial_connection_window_size([65_535, 1 << 20][random.between(0, 1) as usize])
        .max_frame_size([16_384, 20_000][random.between(0, 1) as usize])
        .max_concurrent_streams([1, 3, 100][random.between(0, 2) as usize])
        .max_header_list_size(1 << 20)
        .handshake::<_, Bytes>(stream)
        .await
        .unwrap();
    while let Some(Ok((request, respond))) = connection.accept().await {
        spawn_local(answered(seed, request, respond, Rc::clone(&seen)));
    }
}

/// Sends so many requests, and returns what was told of them.
async fn ask(client: &mut Client, mut stream: DuplexStream, seed: u64, count: u32, steps: u32) -> Vec<Told> {
    let random = &mut Random::new(seed, 3);
    let (mut sent, mut told) = (0, Vec::new());
    let opened = client.open();
    stream.write_all(&opened).await.unwrap();
    let mut buffer = vec![0; 20_000];
    while told.len() < count as usize {
        while sent < count && client.room() > 0 {
            client.sends_step(sent % steps);
            sent += 1;
            let bytes = client.taken();
            stream.write_all(&bytes).await.unwrap();
        }
        // A long body goes on as often as the memory for it is free again.
        loop {
            client.pumps();
            let bytes = client.taken();
            if bytes.is_empty() {
                break;
            }
            stream.write_all(&bytes).await.unwrap();
        }
        let size = random.between(1, 20_000) as usize;
        let read = stream.read(&mut buffer[..size]).await.unwrap();
        assert!(read > 0, "the server goes on, and {told:?}");
        client.hears(&buffer[..read]).unwrap();
        told.extend(client.told());
    }
    told
}

fn run(seed: u64) {
    let random = &mut Random::new(seed, 0);
    let requests = requests(random);
    let (count, steps) = (60, requests.len() as u32);
    let options = Http2Options {
        streams: random.between(1, 12) as u32,
        window_bytes: [1 << 30, 65_535, 3_000][random.between(0, 2) as usize],
        header_table_bytes: [4_096, 0, 100, 16_384][random.between(0, 3) as usize],
    };
    let mut client = Client::new(&requests, options);
    let seen = Seen::default();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let told = LocalSet::new().block_on(&runtime, async {
        let (ours, theirs) = duplex(MEMORY_BYTES);
        spawn_local(serve(seed, theirs, Rc::clone(&seen)));
        ask(&mut client, ours, seed, count, steps).await
    });
    let mut answered = 0;
    for told in told {
        match told {
            Told::Response { place, status, .. } => {
                let number =
                    (0..count).find(|&number| vajra_shards::protocol::Place::new(number) == place).unwrap();
                assert_eq!((status, answer(seed, number).is_reset), (answer(seed, number).status, false));
                answered += 1;
            }
            Told::Failed { failure, .. } => {
                assert_ne!(failure.touched, Touched::Perhaps, "seed {seed}: {failure:?}")
            }
            other => panic!("seed {seed}: {other:?}"),
        }
    }
    assert!(answered > 30, "seed {seed}: {answered} answered");
    for number in 0..count {
        let request = &requests[(number % steps) as usize];
        assert_eq!(seen.borrow()[&number], expected(request, number), "seed {seed}");
    }
}

#[test]
fn requests_and_responses_are_understood_on_both_sides() {
    (0..24).for_each(run);
}
