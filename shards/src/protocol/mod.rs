//! Protocols as state machines: bytes in, events out. None of them touches a socket or a clock.

pub mod http1;
