//! Where an endpoint listens, as it is typed: `9464`, `:9464`, `localhost:9464`, `[::1]:9464`.

use std::error::Error;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;

/// An address to listen at. Without a host it is this machine's own, which nobody else reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenAddress(pub SocketAddr);

/// Why a text is no address to listen at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListenMistake {
    /// The port is no number of 16 bits.
    Port,
    /// The host is no address, and not `localhost`.
    Host,
}

impl ListenAddress {
    /// Whether nobody but this machine reaches it.
    pub fn is_loopback(self) -> bool {
        self.0.ip().is_loopback()
    }
}

impl FromStr for ListenAddress {
    type Err = ListenMistake;

    fn from_str(text: &str) -> Result<ListenAddress, ListenMistake> {
        let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
        let port = port.parse().map_err(|_| ListenMistake::Port)?;
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let ip = match bare {
            "" | "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
            host => host.parse().map_err(|_| ListenMistake::Host)?,
        };
        Ok(ListenAddress(SocketAddr::new(ip, port)))
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl fmt::Display for ListenMistake {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            ListenMistake::Port => {
                "the port has to be a number up to 65535, as in `9464` or `127.0.0.1:9464`"
            }
            ListenMistake::Host => {
                "the host has to be an address or `localhost`, as in `127.0.0.1:9464` or `[::1]:9464`"
            }
        })
    }
}

impl Error for ListenMistake {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_a_host_is_this_machines_own() {
        let of = |text: &str| text.parse::<ListenAddress>().map(|address| address.to_string());
        for text in ["9464", ":9464", "localhost:9464", "127.0.0.1:9464"] {
            assert_eq!(of(text), Ok("127.0.0.1:9464".to_owned()), "{text}");
        }
        assert_eq!(of("[::1]:1"), Ok("[::1]:1".to_owned()));
        assert!(!"0.0.0.0:9464".parse::<ListenAddress>().unwrap().is_loopback());
        assert_eq!((of("h:9464"), of("x")), (Err(ListenMistake::Host), Err(ListenMistake::Port)));
        assert_eq!((of("70000"), of("")), (Err(ListenMistake::Port), Err(ListenMistake::Port)));
    }
}
