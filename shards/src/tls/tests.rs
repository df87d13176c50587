//! Our end against servers: one of rustls in memory, those of OpenSSL and GnuTLS, and one that does what none may.

mod faults;
mod handshakes;
mod rig;
mod traffic;
