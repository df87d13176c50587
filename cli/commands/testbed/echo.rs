//! The ports of `vajra testbed` where bytes and datagrams come back as they were, without HTTP.

use crate::exit::{Failure, USAGE};
use ::testbed::{Server, UdpEcho, parse_rate};
use clap::Args;
use std::net::{IpAddr, SocketAddr};

/// What else a server is to listen on.
#[derive(Args)]
#[command(next_help_heading = "TCP and UDP")]
pub(super) struct TestbedEchoArgs {
    /// Return bytes of TCP on this port; 0 is any free one. They meet the behaviour as requests do.
    #[arg(long, value_name = "PORT", conflicts_with = "null")]
    tcp_echo: Option<u16>,
    /// Return bytes of TCP under TLS on this port.
    #[arg(long, value_name = "PORT", requires = "tls")]
    tls_echo: Option<u16>,
    /// Return datagrams of UDP on this port.
    #[arg(long, value_name = "PORT", conflicts_with = "null")]
    udp_echo: Option<u16>,
    /// Share of datagrams that are lost: 0.01 or 1%.
    #[arg(long, value_name = "SHARE", requires = "udp_echo")]
    udp_loss: Option<String>,
    /// Share of datagrams that come back twice.
    #[arg(long, value_name = "SHARE", requires = "udp_echo")]
    udp_duplicate: Option<String>,
}

impl TestbedEchoArgs {
    pub(super) fn tcp(&self, host: IpAddr) -> Option<SocketAddr> {
        self.tcp_echo.map(|port| SocketAddr::new(host, port))
    }

    pub(super) fn tls(&self, host: IpAddr) -> Option<SocketAddr> {
        self.tls_echo.map(|port| SocketAddr::new(host, port))
    }

    pub(super) fn udp(&self, host: IpAddr) -> Result<Option<UdpEcho>, Failure> {
        let loss_rate = share("--udp-loss", self.udp_loss.as_deref())?;
        let duplicate_rate = share("--udp-duplicate", self.udp_duplicate.as_deref())?;
        let echo = |port| UdpEcho { address: SocketAddr::new(host, port), loss_rate, duplicate_rate };
        Ok(self.udp_echo.map(echo))
    }
}

fn share(flag: &str, text: Option<&str>) -> Result<f64, Failure> {
    let Some(text) = text else { return Ok(0.0) };
    parse_rate(text).map_err(|error| Failure::new(USAGE, format!("{error}\n  --> flag {flag} {text}")))
}

/// A line for each of these ports.
pub(super) fn greetings(server: &Server) -> impl Iterator<Item = String> {
    let ports = [
        ("TCP", server.tcp_echo_address()),
        ("TCP under TLS", server.tls_echo_address()),
        ("UDP", server.udp_echo_address()),
    ];
    ports
        .into_iter()
        .filter_map(|(what, address)| address.map(|address| format!("testbed returns {what} on {address}")))
}
