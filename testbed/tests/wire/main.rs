//! The testbed over real sockets, spoken to by clients that know nothing of hyper: one of our own for HTTP/1.1, and curl with its
//! OpenSSL and nghttp2.
//!
//! Times are only bounded from below, or by limits far beyond what any machine needs: a slow machine must
//! not fail a test.

mod behaviour;
mod client;
mod curl;
mod echo;
mod grpc;
mod http2;
mod lifecycle;
mod links;
mod logins;
mod protocol;
mod routes;
mod tls;
mod websocket;
