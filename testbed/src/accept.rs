//! The server thread's loop: accept connections until told to stop, then let them end.

use std::rc::Rc;
use std::time::Duration;

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::connection::{Speech, converse};
use crate::session::ServerSession;
use crate::site::Site;

/// How long requests under way have, once the server is told to stop.
pub(crate) const GRACE: Duration = Duration::from_secs(1);

/// The pause after a failed accept. It fails when the process is out of file descriptors, which passes
/// when connections close; without a pause the loop would spin meanwhile.
const ACCEPT_RETRY: Duration = Duration::from_millis(10);

/// Serves until `alive` closes. Connection number n draws from the n-th of the seed's streams, each 2^128
/// draws long, so what happens on one does not depend on how much was drawn on another.
pub(crate) async fn serve(
    listener: TcpListener,
    speech: Speech,
    site: Rc<Site>,
    seed: u64,
    mut alive: watch::Receiver<()>,
) {
    let speech = Rc::new(speech);
    let mut dice = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            _ = alive.changed() => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let session = ServerSession::new(Rc::clone(&site), dice.clone());
                    dice.jump();
                    connections.spawn_local(converse(stream, Rc::clone(&speech), session, alive.clone()));
                }
                Err(_) => sleep(ACCEPT_RETRY).await,
            },
        }
    }
    drop(listener);
    // Those that need longer are cut off when the set is dropped.
    let _ = timeout(GRACE, async { while connections.join_next().await.is_some() {} }).await;
}
