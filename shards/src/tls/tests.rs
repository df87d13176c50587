//! Our end against servers: one of rustls in memory, those of OpenSSL and GnuTLS, and one that does what none may.

#[cfg(test)]
mod faults;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod handshakes;
#[cfg(test)]
mod peers;
#[cfg(test)]
mod rig;
#[cfg(test)]
mod settings;
#[cfg(test)]
mod traffic;
