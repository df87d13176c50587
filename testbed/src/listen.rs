//! The ports of a server: what listens, and where once the kernel has chosen what was left to it.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};

use socket2::{Domain, Protocol, Socket, Type};

use crate::options::ServerOptions;
use crate::start_error::StartError;

/// Connections the kernel holds for us until we accept them; it lowers this to `net.core.somaxconn`.
const BACKLOG_CONNECTIONS: i32 = 4096;

/// What listens.
pub(crate) struct Listeners {
    pub(crate) http: TcpListener,
    pub(crate) tcp_echo: Option<TcpListener>,
    pub(crate) tls_echo: Option<TcpListener>,
    pub(crate) udp_echo: Option<UdpSocket>,
}

/// Where it listens.
#[derive(Debug)]
pub(crate) struct ListenAddresses {
    pub(crate) http: SocketAddr,
    pub(crate) tcp_echo: Option<SocketAddr>,
    pub(crate) tls_echo: Option<SocketAddr>,
    pub(crate) udp_echo: Option<SocketAddr>,
}

impl Listeners {
    pub(crate) fn open(options: &ServerOptions) -> Result<(Listeners, ListenAddresses), StartError> {
        let tls_echo = options.tls.and_then(|tls| tls.echo);
        let (http, http_address) = bind(options.address, tcp)?;
        let (tcp_echo, tcp_address) = bind_if(options.tcp_echo, tcp)?;
        let (tls_echo, tls_address) = bind_if(tls_echo, tcp)?;
        let (udp_echo, udp_address) = bind_if(options.udp_echo.map(|echo| echo.address), udp)?;
        let addresses = ListenAddresses {
            http: http_address,
            tcp_echo: tcp_address,
            tls_echo: tls_address,
            udp_echo: udp_address,
        };
        Ok((Listeners { http, tcp_echo, tls_echo, udp_echo }, addresses))
    }
}

type Bind<T> = fn(SocketAddr) -> io::Result<(T, SocketAddr)>;

fn bind<T>(address: SocketAddr, bind: Bind<T>) -> Result<(T, SocketAddr), StartError> {
    bind(address).map_err(|source| StartError::Bind { address, source })
}

fn bind_if<T>(
    address: Option<SocketAddr>,
    to: Bind<T>,
) -> Result<(Option<T>, Option<SocketAddr>), StartError> {
    Ok(address.map(|address| bind(address, to)).transpose()?.unzip())
}

fn tcp(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A restarted server may take its port back while old connections are in TIME_WAIT.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG_CONNECTIONS)?;
    let listener = TcpListener::from(socket);
    let address = listener.local_addr()?;
    Ok((listener, address))
}

fn udp(address: SocketAddr) -> io::Result<(UdpSocket, SocketAddr)> {
    let socket = UdpSocket::bind(address)?;
    socket.set_nonblocking(true)?;
    let address = socket.local_addr()?;
    Ok((socket, address))
}
