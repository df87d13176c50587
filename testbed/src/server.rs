//! Starting and stopping the server: its listener, its thread, and what can go wrong with either.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::accept::serve;
use crate::certificates::ClientIdentity;
use crate::connection::Speech;
use crate::site::Site;
use crate::tally::ServerTally;
use crate::tls::{SetupError, TlsSetup};
use crate::{Behaviour, TlsOptions};

/// Connections the kernel holds for us until we accept them; it lowers this to `net.core.somaxconn`.
const BACKLOG_CONNECTIONS: i32 = 4096;

/// Core numbers end where the kernel's fixed-size affinity mask does; core_affinity panics beyond.
const CORE_LIMIT: usize = 1024;

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
}

impl Default for ServerOptions {
    fn default() -> ServerOptions {
        ServerOptions {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            core: None,
            behaviour: Behaviour::default(),
            seed: 0,
            tls: None,
        }
    }
}

/// A running server. Dropping it stops it.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    tally: Arc<ServerTally>,
    authority_pem: Option<String>,
    client_identity: Option<ClientIdentity>,
    running: Option<Running>,
}

/// The thread, and the sender whose end tells it to stop.
#[derive(Debug)]
struct Running {
    alive: watch::Sender<()>,
    thread: JoinHandle<()>,
}

impl Server {
    /// Listens, and serves from a thread of its own. Connections are accepted once this returns.
    ///
    /// # Errors
    ///
    /// [`StartError`] says which of certificates, binding, pinning and starting failed, and what to do about it.
    pub fn start(options: ServerOptions) -> Result<Server, StartError> {
        let tls = options.tls.as_ref().map(|tls| TlsSetup::new(tls, options.address.ip())).transpose();
        let tls = tls.map_err(StartError::Tls)?;
        let (listener, address) = listen(options.address)
            .map_err(|source| StartError::Bind { address: options.address, source })?;
        let (tally, (alive, alive_there)) = (Arc::default(), watch::channel(()));
        let (ready, started) = sync_channel(1);
        let acceptor = tls.as_ref().map(|tls| tls.acceptor.clone());
        let start =
            ThreadStart { listener, acceptor, options, tally: Arc::clone(&tally), alive: alive_there };
        let thread = thread::Builder::new()
            .name("testbed".to_owned())
            .spawn(move || start.run(&ready))
            .map_err(StartError::Thread)?;
        started.recv().expect("the thread reports before it ends")?;
        let (authority_pem, client_identity) =
            tls.map_or((None, None), |tls| (Some(tls.authority_pem), tls.client));
        Ok(Server {
            address,
            tally,
            authority_pem,
            client_identity,
            running: Some(Running { alive, thread }),
        })
    }

    /// Where the server listens, with the port the kernel chose.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The certificate of the server's own authority, as PEM: whom to trust, to trust the server. `None` in clear.
    pub fn ca_pem(&self) -> Option<&str> {
        self.authority_pem.as_deref()
    }

    /// What a client shows where the server requires a certificate. `None` where it does not.
    pub fn client_identity(&self) -> Option<&ClientIdentity> {
        self.client_identity.as_ref()
    }

    /// How many requests have been answered, injected errors included and resets not. A response that a
    /// client has read is counted. Still there after [`Server::stop`].
    pub fn served(&self) -> u64 {
        self.tally.served()
    }

    /// Stops accepting, closes idle connections, gives requests under way one second, then cuts off the
    /// rest and returns. Stopping again does nothing.
    pub fn stop(&mut self) {
        if let Some(Running { alive, thread }) = self.running.take() {
            drop(alive);
            // If it panicked the panic was printed; this may be a drop and must not panic as well.
            let _ = thread.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

fn listen(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
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

/// What the server's thread is started with.
struct ThreadStart {
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    options: ServerOptions,
    tally: Arc<ServerTally>,
    alive: watch::Receiver<()>,
}

type Ready = SyncSender<Result<(), StartError>>;

impl ThreadStart {
    fn run(self, ready: &Ready) {
        if let Err(error) = self.host(ready) {
            // Reporting only fails when nobody waits for the report.
            let _ = ready.send(Err(error));
        }
    }

    /// Serves until told to stop; fails only before it has reported that it is ready.
    fn host(self, ready: &Ready) -> Result<(), StartError> {
        let ThreadStart { listener, acceptor, options, tally, alive } = self;
        options.core.map_or(Ok(()), pin)?;
        let runtime = runtime().map_err(StartError::Runtime)?;
        runtime.block_on(async {
            let site = Rc::new(Site::open(options.behaviour, tally).map_err(StartError::Runtime)?);
            let listener = tokio::net::TcpListener::from_std(listener).map_err(StartError::Runtime)?;
            tokio::task::spawn_local(Rc::clone(&site.alarm).ring());
            let _ = ready.send(Ok(()));
            serve(listener, Speech::new(acceptor), site, options.seed, alive).await;
            Ok(())
        })
    }
}

fn runtime() -> io::Result<LocalRuntime> {
    Builder::new_current_thread().enable_all().build_local(LocalOptions::default())
}

fn pin(core: usize) -> Result<(), StartError> {
    let pinned = core < CORE_LIMIT && core_affinity::set_for_current(core_affinity::CoreId { id: core });
    if pinned { Ok(()) } else { Err(StartError::Core { core }) }
}

/// Why a server did not start.
#[derive(Debug)]
pub enum StartError {
    /// The address cannot be listened on.
    Bind {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the kernel said.
        source: io::Error,
    },
    /// The thread cannot be pinned to this core.
    Core {
        /// The core that was asked for.
        core: usize,
    },
    /// The kernel gave no thread.
    Thread(io::Error),
    /// The kernel gave no epoll, event or timer descriptor.
    Runtime(io::Error),
    /// There are no certificates to speak TLS with.
    Tls(SetupError),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Bind { address, source } => {
                write!(f, "the testbed cannot listen on {address}: {source}{}", remedy(source.kind()))
            }
            StartError::Core { core } => write!(
                f,
                "the testbed cannot be pinned to core {core}: this machine or this container has no such core; \
                 `nproc` and `taskset -p $$` show those there are"
            ),
            StartError::Thread(source) => {
                write!(f, "the testbed cannot start its thread: {source}; see `ulimit -u`")
            }
            StartError::Runtime(source) => {
                write!(f, "the testbed cannot start its event loop: {source}; see `ulimit -n`")
            }
            StartError::Tls(source) => {
                write!(
                    f,
                    "the testbed cannot make its certificates: {source}; they need the system's random numbers and its time"
                )
            }
        }
    }
}

fn remedy(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::AddrInUse => "; another process has this port: choose another, or 0 for a free one",
        io::ErrorKind::AddrNotAvailable => "; no interface of this machine has this address",
        io::ErrorKind::PermissionDenied => {
            "; ports below net.ipv4.ip_unprivileged_port_start are reserved: choose a higher one"
        }
        _ => "",
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            StartError::Bind { source, .. } | StartError::Thread(source) | StartError::Runtime(source) => {
                Some(source)
            }
            StartError::Tls(source) => Some(source.as_ref()),
            StartError::Core { .. } => None,
        }
    }
}
