//! Datagrams of UDP that come back as they were, some of them not at all and some twice.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use rand_xoshiro::Xoshiro256PlusPlus;
use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio::task::spawn_local;
use tokio::time::sleep;

use crate::alarm::Sleep;
use crate::fate::{RequestFate, occurs};
use crate::site::Site;
use crate::tally::EchoCount;

/// No datagram of UDP is longer.
const DATAGRAM_BYTES: usize = 65_535;

/// Datagrams that wait for their service time at a time. What comes beyond is lost, as it is in a full queue.
const WAITING_MAX: usize = 64 * 1024;

/// The pause after a failed receive, without which the loop would spin.
const RECEIVE_RETRY: Duration = Duration::from_millis(10);

/// Where datagrams come back, and how many of them do not, or twice.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UdpEcho {
    /// Where to listen; port 0 lets the kernel choose.
    pub address: SocketAddr,
    /// The share that is not returned, from 0 to 1.
    pub loss_rate: f64,
    /// The share of the others that is returned twice, from 0 to 1.
    pub duplicate_rate: f64,
}

/// Returns datagrams. They are served beside each other, so that those with short service times overtake.
pub(crate) struct DatagramEcho {
    pub(crate) socket: Rc<UdpSocket>,
    pub(crate) options: UdpEcho,
    pub(crate) site: Rc<Site>,
    pub(crate) dice: Xoshiro256PlusPlus,
    pub(crate) waiting: Rc<Cell<usize>>,
}

impl DatagramEcho {
    /// Must be called inside a tokio runtime.
    pub(crate) fn new(
        socket: std::net::UdpSocket,
        options: UdpEcho,
        site: Rc<Site>,
        dice: Xoshiro256PlusPlus,
    ) -> io::Result<DatagramEcho> {
        let socket = Rc::new(UdpSocket::from_std(socket)?);
        Ok(DatagramEcho { socket, options, site, dice, waiting: Rc::default() })
    }

    /// Serves until `alive` closes; what waits then is lost.
    pub(crate) async fn serve(mut self, mut alive: watch::Receiver<()>) {
        let mut datagram = vec![0; DATAGRAM_BYTES];
        let socket = Rc::clone(&self.socket);
        loop {
            tokio::select! {
                biased;
                _ = alive.changed() => return,
                received = socket.recv_from(&mut datagram) => match received {
                    Ok((length, from)) => self.take(&datagram[..length], from).await,
                    Err(_) => sleep(RECEIVE_RETRY).await,
                },
            }
        }
    }

    async fn take(&mut self, datagram: &[u8], from: SocketAddr) {
        // All are always drawn, so that changing one rate does not move the others' draws.
        let (is_lost, is_twice) =
            (self.occurs(self.options.loss_rate), self.occurs(self.options.duplicate_rate));
        let fate = RequestFate::draw(&self.site.behaviour, &mut self.dice);
        if is_lost {
            return self.site.tally.count_echo(EchoCount::UdpLost, 1);
        }
        let copies = if is_twice { 2 } else { 1 };
        let (arrived, done) = self.site.admit(&self.site.behaviour, fate.service);
        if done <= arrived {
            return send(&self.socket, &self.site, datagram, from, copies).await;
        }
        if self.waiting.get() == WAITING_MAX {
            return self.site.tally.count_echo(EchoCount::UdpLost, 1);
        }
        self.waiting.set(self.waiting.get() + 1);
        let (socket, site, waiting) =
            (Rc::clone(&self.socket), Rc::clone(&self.site), Rc::clone(&self.waiting));
        let datagram = datagram.to_vec();
        spawn_local(async move {
            Sleep::until(&site.alarm, done).await;
            waiting.set(waiting.get() - 1);
            send(&socket, &site, &datagram, from, copies).await;
        });
    }

    fn occurs(&mut self, rate: f64) -> bool {
        occurs(rate, &mut self.dice)
    }
}

async fn send(socket: &UdpSocket, site: &Site, datagram: &[u8], to: SocketAddr, copies: u64) {
    site.tally.count_echo(EchoCount::UdpDatagrams, 1);
    site.tally.count_echo(EchoCount::UdpDuplicates, copies - 1);
    for _ in 0..copies {
        // A datagram that cannot be sent is lost, as any can be.
        let _ = socket.send_to(datagram, to).await;
    }
}
