//! Starting and stopping the server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread::{self, JoinHandle};

use tokio::sync::watch;

use crate::certificates::ClientIdentity;
use crate::listen::{ListenAddresses, Listeners};
use crate::options::ServerOptions;
use crate::start_error::StartError;
use crate::tally::ServerTally;
use crate::thread::ServerThread;
use crate::tls::TlsSetup;

/// A running server. Dropping it stops it.
#[derive(Debug)]
pub struct Server {
    addresses: ListenAddresses,
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
        let (listeners, addresses) = Listeners::open(&options)?;
        let (tally, (alive, alive_there)) = (Arc::default(), watch::channel(()));
        let (ready, started) = sync_channel(1);
        let acceptor = tls.as_ref().map(|tls| tls.acceptor.clone());
        let server =
            ServerThread { listeners, acceptor, options, tally: Arc::clone(&tally), alive: alive_there };
        let thread = thread::Builder::new()
            .name("testbed".to_owned())
            .spawn(move || server.run(&ready))
            .map_err(StartError::Thread)?;
        started.recv().expect("the thread reports before it ends")?;
        let (authority_pem, client_identity) =
            tls.map_or((None, None), |tls| (Some(tls.authority_pem), tls.client));
        let running = Some(Running { alive, thread });
        Ok(Server { addresses, tally, authority_pem, client_identity, running })
    }

    /// Where the server listens, with the port the kernel chose.
    pub fn address(&self) -> SocketAddr {
        self.addresses.http
    }

    /// Where bytes of TCP come back, if anywhere.
    pub fn tcp_echo_address(&self) -> Option<SocketAddr> {
        self.addresses.tcp_echo
    }

    /// Where they do under TLS, if anywhere.
    pub fn tls_echo_address(&self) -> Option<SocketAddr> {
        self.addresses.tls_echo
    }

    /// Where datagrams of UDP come back, if anywhere.
    pub fn udp_echo_address(&self) -> Option<SocketAddr> {
        self.addresses.udp_echo
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
