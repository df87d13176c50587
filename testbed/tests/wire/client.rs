//! A client for tests: writes the bytes it is given and reads responses one by one.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use vajra_testbed::{Behaviour, Server, ServerOptions, TlsOptions};

/// Far longer than any response takes; turns a hang into a failure.
const READ_LIMIT: Duration = Duration::from_secs(30);

pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) version: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// The sizes of the chunks, if the body came in chunks.
    pub(crate) chunks: Vec<usize>,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a text")
    }
}

/// A server with this behaviour, written as a query is: `error=1&slow=1ms`.
pub(crate) fn server(told: &str) -> Server {
    Server::start(ServerOptions { behaviour: behaviour(told), ..ServerOptions::default() })
        .expect("a free port")
}

/// The same under TLS.
pub(crate) fn tls_server(told: &str, tls: TlsOptions) -> Server {
    Server::start(ServerOptions { behaviour: behaviour(told), tls: Some(tls), ..ServerOptions::default() })
        .expect("a free port and certificates")
}

pub(crate) fn behaviour(told: &str) -> Behaviour {
    let mut behaviour = Behaviour::default();
    for (key, value) in told.split('&').filter_map(|pair| pair.split_once('=')) {
        behaviour.set(key, value).expect("a valid behaviour");
    }
    behaviour
}

/// A stream under TLS to a server that is trusted by its authority.
pub(crate) fn tls_stream(server: &Server, stream: TcpStream) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    let pem = server.ca_pem().expect("a server of TLS");
    roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate")).expect("an authority");
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions that the provider has")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    let connection = ClientConnection::new(Arc::new(config), name).expect("a valid configuration");
    StreamOwned::new(connection, stream)
}

/// One GET on a connection of its own.
pub(crate) fn ask(server: &Server, target: &str) -> Response {
    let mut client = Client::connect(server);
    client.send("GET", target);
    client.response()
}

impl Client {
    pub(crate) fn connect(server: &Server) -> Client {
        let stream = TcpStream::connect(server.address()).expect("the server listens");
        stream.set_read_timeout(Some(READ_LIMIT)).expect("a valid timeout");
        Client { stream: BufReader::new(stream) }
    }

    pub(crate) fn send(&mut self, method: &str, target: &str) {
        self.write(&format!("{method} {target} HTTP/1.1\r\nhost: testbed\r\n\r\n"));
    }

    pub(crate) fn write(&mut self, text: &str) {
        self.stream.get_mut().write_all(text.as_bytes()).expect("the connection is open");
    }

    pub(crate) fn response(&mut self) -> Response {
        self.try_response().expect("a response")
    }

    pub(crate) fn try_response(&mut self) -> io::Result<Response> {
        let mut response = self.head()?;
        if response.header("transfer-encoding") == Some("chunked") {
            self.read_chunks(&mut response)?;
        } else if let Some(length) = response.header("content-length") {
            response.body = vec![0; length.parse().expect("a number")];
            self.stream.read_exact(&mut response.body)?;
        }
        Ok(response)
    }

    /// The head alone: what HEAD and interim responses have.
    pub(crate) fn head(&mut self) -> io::Result<Response> {
        let first = self.line()?;
        let (version, status) = first.split_once(' ').ok_or(io::ErrorKind::UnexpectedEof)?;
        let status = status[..3].parse().expect("a status");
        let mut headers = Vec::new();
        while let Some((name, value)) = self.line()?.split_once(": ") {
            headers.push((name.to_owned(), value.to_owned()));
        }
        Ok(Response { status, version: version.to_owned(), headers, body: Vec::new(), chunks: Vec::new() })
    }

    fn read_chunks(&mut self, response: &mut Response) -> io::Result<()> {
        loop {
            let size = usize::from_str_radix(&self.line()?, 16).expect("a chunk size");
            let start = response.body.len();
            response.body.resize(start + size, 0);
            self.stream.read_exact(&mut response.body[start..])?;
            assert_eq!(self.line()?, "", "a chunk ends with its line");
            if size == 0 {
                return Ok(());
            }
            response.chunks.push(size);
        }
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }

    /// Whether the server has closed the connection, with nothing more sent.
    pub(crate) fn is_closed(&mut self) -> bool {
        match self.stream.read(&mut [0]) {
            Ok(read_bytes) => read_bytes == 0,
            Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
        }
    }
}
