//! The testbed: a real server on one thread whose latency, errors and stalls are programmed.
//!
//! It exists so that a load test has a target whose truth is known: `service=fixed:5ms` is a server that
//! takes 5 ms, `stall=500ms/2s` is one that freezes, `workers=4` is one with a known capacity, and what the load
//! generator reports can be held against that. It speaks HTTP/1.1, HTTP/2, gRPC, WebSocket, TCP and UDP, in clear and
//! under TLS, over real sockets and through hyper, prost, tungstenite and rustls, because a simulated wire would only confirm its
//! own assumptions.
//!
//! Goals: delays that are accurate below a millisecond, in parallel between connections; behaviour that
//! is repeatable in distribution from a seed; failures that look on the wire as they do in life.
//!
//! Not goals: to be the fastest responder on the machine, to serve anyone but tests. It has no authentication and should
//! listen on loopback only.
//!
//! # Routes
//!
//! | path | response |
//! |---|---|
//! | `/` | `ok\n` |
//! | `/bytes/N` | N bytes (at most 1 GiB) with `Content-Length` |
//! | `/chunked/N` | N bytes without `Content-Length`, with HTTP/1.1 by chunked transfer, in at most eight parts |
//! | `/status/N` | status N, 200 to 599 |
//! | `/echo` | the request's body and content type; its method as `x-method` |
//! | `/ws` | a WebSocket, which returns every message; the behaviour is met by its opening and by each message |
//! | `/links`, `/{code}`, `/links/{code}/stats`, `/metrics`, `/admin/reload` | a service of short links, in memory |
//! | `/session`, `/private`, `/ledger`, `/ledger/{id}` | logins, what they open, and who came |
//! | `/redirect/N` | 302 to `/redirect/N-1`, and 200 at 0; N is at most 20 |
//! | `/openapi.json` | these routes, as an OpenAPI document |
//! | `/stats` | how many requests each route answered, by which version, and how handshakes went, as JSON; no behaviour applies to it |
//! | others | 404 |
//!
//! Every route takes every method, but for `/ws` and those of links and logins. Each accepts the [`Behaviour`] keys in its query, which win over the
//! server's own for that request: `/bytes/100?service=fixed:5ms&error=0.5`.
//!
//! ```
//! let mut behaviour = vajra_testbed::Behaviour::default();
//! behaviour.set("service", "exp:5ms")?;
//! let mut server = vajra_testbed::Server::start(vajra_testbed::ServerOptions { behaviour, ..Default::default() })?;
//! println!("http://{}/", server.address());
//! server.stop();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # gRPC
//!
//! `vajra.testbed.Echo` (`proto/echo.proto`) has a method of each of the four kinds, which return what they are sent, and server
//! reflection tells of it. A call's metadata `behaviour` is what the query is of a request.
//!
//! # Beside HTTP
//!
//! [`ServerOptions::tcp_echo`] and [`ServerOptions::udp_echo`] are ports where bytes and datagrams come back as they were; the
//! server's behaviour applies to them.
//!
//! # TLS
//!
//! With [`ServerOptions::tls`] the server makes an authority of its own, and [`Server::ca_pem`] is whom to trust. HTTP/2 and
//! HTTP/1.1 are offered by ALPN. In clear, a connection that begins with HTTP/2's preface is one of HTTP/2.
//!
//! ```
//! use vajra_testbed::{Server, ServerOptions, TlsOptions};
//! let options = ServerOptions { tls: Some(TlsOptions::default()), ..Default::default() };
//! let server = Server::start(options)?;
//! println!("https://{}/, and trust\n{}", server.address(), server.ca_pem().unwrap_or_default());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod accept;
mod alarm;
mod behaviour;
mod body;
mod certificates;
mod connection;
mod datagram_echo;
mod fate;
mod grpc;
mod links;
mod listen;
mod logins;
mod openapi;
mod options;
mod payload;
mod quantity;
mod respond;
mod response;
mod route;
mod server;
mod service_time;
mod session;
mod site;
mod stall;
mod start_error;
mod stream;
mod stream_echo;
mod tally;
mod thread;
mod tls;
mod tls_options;
mod turns;
mod warm;
mod websocket;
mod websocket_opening;
mod workers;

pub use behaviour::{Behaviour, BehaviourError};
pub use certificates::ClientIdentity;
pub use datagram_echo::UdpEcho;
pub use links::SettingsError;
pub use options::ServerOptions;
pub use quantity::{ValueError, parse_rate};
pub use server::Server;
pub use service_time::ServiceTime;
pub use stall::Stall;
pub use start_error::StartError;
pub use tls::TlsSetup;
pub use tls_options::{TlsFault, TlsOptions, TlsVersions};
pub use warm::Warm;
