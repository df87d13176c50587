//! HTTP/2 from outside: the client's machine, told by a target whose frames are written out here, byte by byte, by code that shares
//! nothing with it; and by the `h2` crate.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod client;
mod conformance;
mod faults;
mod fuzz;
mod grpc;
mod grpc_faults;
mod interoperability;
mod looking;
mod oracle;
mod requests;
mod splits;
mod target;
