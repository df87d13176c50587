//! A collector for tests of this crate: replies as it is told, and keeps what it was sent.

use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use prost::Message;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What is replied to one request.
#[derive(Clone, Copy, Debug)]
pub(super) enum ScriptedReply {
    /// With this status, and nothing else.
    Status(u16),
    /// It is taken, but for so many points, for this reason.
    Rejects(i64, &'static str),
}

/// Listens on a thread of its own, which ends with the process.
pub(super) struct TestCollector {
    pub(super) port: u16,
    bodies: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl TestCollector {
    /// One that replies so to the first requests, and takes all afterwards.
    pub(super) fn start(replies: &[ScriptedReply]) -> TestCollector {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let bodies = Arc::<Mutex<Vec<Vec<u8>>>>::default();
        let (kept, replies) = (bodies.clone(), replies.to_vec());
        std::thread::spawn(move || {
            let mut replies = replies.into_iter();
            for stream in listener.incoming().flatten() {
                let mut stream = BufReader::new(stream);
                while let Some(body) = request(&mut stream) {
                    kept.lock().unwrap().push(body);
                    reply(stream.get_mut(), replies.next().unwrap_or(ScriptedReply::Status(200)));
                }
            }
        });
        TestCollector { port, bodies }
    }

    /// What it was sent, in order.
    pub(super) fn requests(&self) -> Vec<ExportMetricsServiceRequest> {
        let bodies = self.bodies.lock().unwrap();
        bodies.iter().map(|body| ExportMetricsServiceRequest::decode(body.as_slice()).unwrap()).collect()
    }
}

/// The body of the next request; nothing where none comes.
fn request(stream: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(body)
}

fn reply(stream: &mut TcpStream, reply: ScriptedReply) {
    let (status, body) = match reply {
        ScriptedReply::Status(status) => (status, Vec::new()),
        ScriptedReply::Rejects(points, why) => {
            let partial =
                ExportMetricsPartialSuccess { rejected_data_points: points, error_message: why.to_owned() };
            (200, ExportMetricsServiceResponse { partial_success: Some(partial) }.encode_to_vec())
        }
    };
    let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all(&[head.into_bytes(), body].concat()).unwrap();
}
