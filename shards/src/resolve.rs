//! From a target to addresses: asked once, before anything is sent, so that no name is looked up while time is measured.

use engine::failure::{FailureKind, RunFailure};
use engine::url::Endpoint;
use socket2::SockAddr;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::time::Instant;

/// The addresses of an endpoint, at least one, and how long it took to look up its name, nanoseconds; nothing where it has none. Errors
/// say which name has no address.
pub fn resolve(endpoint: &Endpoint) -> Result<(Vec<SockAddr>, Option<u64>), RunFailure> {
    let is_name = matches!(endpoint, Endpoint::Tcp { host, .. } if host.parse::<IpAddr>().is_err());
    let begun = Instant::now();
    let addresses = addresses(endpoint)?;
    // Where the clock is too coarse to say, it took some time all the same.
    let took_ns = is_name.then(|| (begun.elapsed().as_nanos() as u64).max(1));
    Ok((addresses, took_ns))
}

fn addresses(endpoint: &Endpoint) -> Result<Vec<SockAddr>, RunFailure> {
    match endpoint {
        Endpoint::Unix { socket } => {
            let address = SockAddr::unix(socket)
                .map_err(|error| no_address(format!("`{socket}` is not a socket path: {error}")))?;
            Ok(vec![address])
        }
        Endpoint::Tcp { host, port } => {
            #[cfg(target_env = "gnu")]
            if cfg!(target_feature = "crt-static") && !crate::name_services::keep_to_built_in() {
                return Err(no_address(format!(
                    "`{host}` cannot be looked up: glibc refuses to be told where"
                )));
            }
            let found = (host.as_str(), *port).to_socket_addrs();
            let mut addresses: Vec<SocketAddr> =
                found.map_err(|error| no_address(format!("`{host}` does not resolve: {error}")))?.collect();
            addresses.dedup();
            // A name with addresses of both families is used by the first one's: mixing them would mix two paths.
            let is_ipv4 =
                addresses.first().ok_or_else(|| no_address(format!("`{host}` has no address")))?.is_ipv4();
            Ok(addresses
                .into_iter()
                .filter(|address| address.is_ipv4() == is_ipv4)
                .map(SockAddr::from)
                .collect())
        }
        Endpoint::Testbed => {
            Err(no_address("the built-in server has no address before it is started".to_owned()))
        }
    }
}

fn no_address(text: String) -> RunFailure {
    FailureKind::Name.with_fix(text, "check the host name, or give an address")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_names_and_paths_resolve() {
        let tcp = |host: &str| Endpoint::Tcp { host: host.into(), port: 80 };
        let (addresses, took_ns) = resolve(&tcp("127.0.0.1")).unwrap();
        assert_eq!((addresses.len(), took_ns), (1, None));
        let (addresses, took_ns) = resolve(&tcp("::1")).unwrap();
        assert!(addresses[0].is_ipv6() && took_ns.is_none());
        let (addresses, took_ns) = resolve(&tcp("localhost")).unwrap();
        assert!(!addresses.is_empty() && took_ns.is_some_and(|ns| ns > 0));
        let (addresses, took_ns) = resolve(&Endpoint::Unix { socket: "/run/x.sock".into() }).unwrap();
        assert!(addresses[0].is_unix() && took_ns.is_none());
        assert!(resolve(&tcp("no-such-host.invalid")).unwrap_err().text.contains("does not resolve"));
    }
}
