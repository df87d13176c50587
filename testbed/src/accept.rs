//! The loop of a port: accept connections until told to stop, then let them end.

use std::time::Duration;

use rand_xoshiro::Xoshiro256PlusPlus;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// How long requests under way have, once the server is told to stop.
pub(crate) const GRACE: Duration = Duration::from_secs(1);

/// The pause after a failed accept. It fails when the process is out of file descriptors, which passes
/// when connections close; without a pause the loop would spin meanwhile.
const ACCEPT_RETRY: Duration = Duration::from_millis(10);

/// Serves until `alive` closes. Connection number n draws from the n-th of the seed's streams, each 2^128
/// draws long, so what happens on one does not depend on how much was drawn on another.
pub(crate) async fn serve<C: Future<Output = ()> + 'static>(
    listener: TcpListener,
    mut dice: Xoshiro256PlusPlus,
    mut alive: watch::Receiver<()>,
    converse: impl Fn(TcpStream, Xoshiro256PlusPlus, watch::Receiver<()>) -> C,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            _ = alive.changed() => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn_local(converse(stream, dice.clone(), alive.clone()));
                    dice.jump();
                }
                Err(_) => sleep(ACCEPT_RETRY).await,
            },
        }
    }
    drop(listener);
    // Those that need longer are cut off when the set is dropped.
    let _ = timeout(GRACE, async { while connections.join_next().await.is_some() {} }).await;
}
