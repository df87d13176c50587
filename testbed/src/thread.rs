//! The server's thread: its runtime, and a task for each port.

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;
use tokio::task::{JoinSet, spawn_local};
use tokio_rustls::TlsAcceptor;

use crate::accept::serve;
use crate::connection::{Speech, converse};
use crate::datagram_echo::DatagramEcho;
use crate::links::{LinkService, LinkSettings, SettingsError};
use crate::listen::Listeners;
use crate::logins::LoginService;
use crate::options::ServerOptions;
use crate::session::ServerSession;
use crate::site::Site;
use crate::start_error::StartError;
use crate::stream_echo::return_bytes;
use crate::tally::ServerTally;
use crate::tls::Handshakes;

/// Core numbers end where the kernel's fixed-size affinity mask does; core_affinity panics beyond.
const CORE_LIMIT: usize = 1024;

/// What the server's thread is started with.
pub(crate) struct ServerThread {
    pub(crate) listeners: Listeners,
    pub(crate) acceptor: Option<TlsAcceptor>,
    pub(crate) options: ServerOptions,
    pub(crate) links: LinkSettings,
    pub(crate) reloads: UnboundedReceiver<ReloadReply>,
    pub(crate) tally: Arc<ServerTally>,
    pub(crate) alive: watch::Receiver<()>,
}

/// Where whoever wants settings to be read again waits for how that went.
pub(crate) type ReloadReply = SyncSender<Result<(), SettingsError>>;

type Ready = SyncSender<Result<(), StartError>>;

impl ServerThread {
    pub(crate) fn run(self, ready: &Ready) {
        if let Err(error) = self.host(ready) {
            // Reporting only fails when nobody waits for the report.
            let _ = ready.send(Err(error));
        }
    }

    /// Serves until told to stop; fails only before it has reported that it is ready.
    fn host(self, ready: &Ready) -> Result<(), StartError> {
        self.options.core.map_or(Ok(()), pin)?;
        let runtime = runtime().map_err(StartError::Runtime)?;
        runtime.block_on(async {
            let mut ports = self.open().map_err(StartError::Runtime)?;
            let _ = ready.send(Ok(()));
            while ports.join_next().await.is_some() {}
            Ok(())
        })
    }

    /// Each port has a task, and random numbers of its own: the streams of one begin 2^192 draws behind those of the one before.
    fn open(self) -> io::Result<JoinSet<()>> {
        let ServerThread { listeners, acceptor, options, links, reloads, tally, alive } = self;
        let links = LinkService::new(links, options.links_file, options.seed);
        let logins = LoginService::new(options.seed);
        let site = Rc::new(Site::open(options.behaviour, links, logins, tally)?);
        spawn_local(Rc::clone(&site.alarm).ring());
        spawn_local(reload(reloads, Rc::clone(&site)));
        let tls = acceptor.map(Handshakes::new);
        let mut dice = Xoshiro256PlusPlus::seed_from_u64(options.seed);
        let mut next_dice = || {
            let own = dice.clone();
            dice.long_jump();
            own
        };
        let mut ports = JoinSet::new();
        let (http, own_dice) = (TcpListener::from_std(listeners.http)?, next_dice());
        ports.spawn_local(serve_http(http, tls.clone(), Rc::clone(&site), own_dice, alive.clone()));
        for (listener, tls) in [(listeners.tcp_echo, None), (listeners.tls_echo, tls)] {
            let own_dice = next_dice();
            if let Some(listener) = listener.map(TcpListener::from_std).transpose()? {
                ports.spawn_local(serve_echo(listener, tls, Rc::clone(&site), own_dice, alive.clone()));
            }
        }
        if let Some((socket, echo)) = listeners.udp_echo.zip(options.udp_echo) {
            ports.spawn_local(DatagramEcho::new(socket, echo, site, next_dice())?.serve(alive));
        }
        Ok(ports)
    }
}

async fn reload(mut reloads: UnboundedReceiver<ReloadReply>, site: Rc<Site>) {
    while let Some(reply) = reloads.recv().await {
        // Nobody has to wait for it.
        let _ = reply.send(site.links.borrow_mut().reload());
    }
}

async fn serve_http(
    listener: TcpListener,
    tls: Option<Handshakes>,
    site: Rc<Site>,
    dice: Xoshiro256PlusPlus,
    alive: watch::Receiver<()>,
) {
    let speech = Rc::new(Speech::new(tls));
    serve(listener, dice, alive, |stream, dice, alive| {
        converse(stream, Rc::clone(&speech), ServerSession::new(Rc::clone(&site), dice), alive)
    })
    .await;
}

async fn serve_echo(
    listener: TcpListener,
    tls: Option<Handshakes>,
    site: Rc<Site>,
    dice: Xoshiro256PlusPlus,
    alive: watch::Receiver<()>,
) {
    serve(listener, dice, alive, |stream, dice, alive| {
        return_bytes(stream, tls.clone(), ServerSession::new(Rc::clone(&site), dice), alive)
    })
    .await;
}

fn runtime() -> io::Result<LocalRuntime> {
    Builder::new_current_thread().enable_all().build_local(LocalOptions::default())
}

fn pin(core: usize) -> Result<(), StartError> {
    let pinned = core < CORE_LIMIT && core_affinity::set_for_current(core_affinity::CoreId { id: core });
    if pinned { Ok(()) } else { Err(StartError::Core { core }) }
}
