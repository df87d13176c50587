//! Starting and stopping the server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread::{self, JoinHandle};

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::certificates::ClientIdentity;
use crate::links::{LinkSettings, SettingsError};
use crate::listen::{ListenAddresses, Listeners};
use crate::options::ServerOptions;
use crate::start_error::StartError;
use crate::tally::ServerTally;
use crate::thread::{ReloadReply, ServerThread};
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

/// The thread, the sender whose end tells it to stop, and where it is told to read its settings again.
#[derive(Debug)]
struct Running {
    alive: watch::Sender<()>,
    reload: UnboundedSender<ReloadReply>,
    thread: JoinHandle<()>,
}

impl Server {
    /// Listens, and serves from a thread of its own. Connections are accepted once this returns.
    ///
    /// # Errors
    ///
    /// [`StartError`] says which of certificates, settings, binding, pinning and starting failed, and what to do about it.
    pub fn start(options: ServerOptions) -> Result<Server, StartError> {
        let tls = options.tls.as_ref().map(|tls| TlsSetup::new(tls, options.address.ip())).transpose()?;
        let links = LinkSettings::read(options.links_file.as_deref()).map_err(StartError::Settings)?;
        let (listeners, addresses) = Listeners::open(&options)?;
        let (tally, (alive, alive_there)) = (Arc::default(), watch::channel(()));
        let (reload, reloads) = unbounded_channel();
        let (ready, started) = sync_channel(1);
        let acceptor = tls.as_ref().map(|tls| TlsAcceptor::from(Arc::clone(&tls.settings)));
        let server = ServerThread {
            listeners,
            acceptor,
            options,
            links,
            reloads,
            tally: Arc::clone(&tally),
            alive: alive_there,
        };
        let thread = thread::Builder::new()
            .name("testbed".to_owned())
            .spawn(move || server.run(&ready))
            .map_err(StartError::Thread)?;
        started.recv().expect("the thread reports before it ends")?;
        let (authority_pem, client_identity) =
            tls.map_or((None, None), |tls| (Some(tls.authority_pem), tls.client));
        let running = Some(Running { alive, reload, thread });
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

    /// Reads the settings of the links service again. Those there are stay if they cannot be taken. A server that has stopped has none to
    /// read.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] says what is wrong with the file, and where.
    pub fn reload(&self) -> Result<(), SettingsError> {
        let (reply, replied) = sync_channel(1);
        let is_asked = self.running.as_ref().is_some_and(|running| running.reload.send(reply).is_ok());
        if is_asked { replied.recv().unwrap_or(Ok(())) } else { Ok(()) }
    }

    /// Stops accepting, closes idle connections, gives requests under way one second, then cuts off the
    /// rest and returns. Stopping again does nothing.
    pub fn stop(&mut self) {
        if let Some(Running { alive, thread, .. }) = self.running.take() {
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
