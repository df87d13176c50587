//! What a server is started with.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use crate::{Behaviour, TlsOptions, UdpEcho};

/// Where a server listens, on which core it runs, and how it behaves.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerOptions {
    /// Where to listen. Port 0, the default on 127.0.0.1, lets the kernel choose a free one.
    pub address: SocketAddr,
    /// The core to pin the server's thread to. `None` leaves it where the starting thread may run.
    pub core: Option<usize>,
    /// What requests meet unless their query says otherwise.
    pub behaviour: Behaviour,
    /// What chance is drawn from. Each connection has its own stream, by the order of accepting.
    pub seed: u64,
    /// How it speaks TLS. `None`: it speaks in clear.
    pub tls: Option<TlsOptions>,
    /// Where bytes of TCP come back as they were. `None`: nowhere.
    pub tcp_echo: Option<SocketAddr>,
    /// Where datagrams of UDP do.
    pub udp_echo: Option<UdpEcho>,
    /// Where the settings of the links service are read from, at the start and by [`crate::Server::reload`]. `None`: the defaults.
    pub links_file: Option<PathBuf>,
}

impl Default for ServerOptions {
    fn default() -> ServerOptions {
        ServerOptions {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            core: None,
            behaviour: Behaviour::default(),
            seed: 0,
            tls: None,
            tcp_echo: None,
            udp_echo: None,
            links_file: None,
        }
    }
}
