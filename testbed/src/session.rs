//! What one connection has of its own: its stream of random numbers, and whether it is a WebSocket by now. All sessions share the
//! [`Site`]; what is answered is decided by `respond` and others.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use rand_xoshiro::Xoshiro256PlusPlus;

use crate::Behaviour;
use crate::alarm::Sleep;
use crate::fate::{Ending, RequestFate};
use crate::site::Site;
use crate::tally::ServerTally;

/// Why a request is not answered but its connection ended; with HTTP/2, its stream.
#[derive(Debug)]
pub(crate) enum Hangup {
    /// Its fate was a reset.
    Reset,
    /// Its body did not arrive.
    Unread,
}

impl fmt::Display for Hangup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Hangup::Reset => "reset, as the behaviour asks",
            Hangup::Unread => "the request's body did not arrive",
        })
    }
}

impl std::error::Error for Hangup {}

/// One connection, as those who answer on it know it.
pub(crate) struct ServerSession {
    pub(crate) site: Rc<Site>,
    dice: RefCell<Xoshiro256PlusPlus>,
    websocket: Cell<Option<Behaviour>>,
}

impl ServerSession {
    pub(crate) fn new(site: Rc<Site>, dice: Xoshiro256PlusPlus) -> ServerSession {
        ServerSession { site, dice: RefCell::new(dice), websocket: Cell::new(None) }
    }

    /// What is met unless a request says otherwise.
    pub(crate) fn own_behaviour(&self) -> &Behaviour {
        &self.site.behaviour
    }

    /// What the server counts with.
    pub(crate) fn tally(&self) -> Arc<ServerTally> {
        Arc::clone(&self.site.tally)
    }

    /// Draws what becomes of a request or a message that is here, and waits for as long as that takes.
    pub(crate) async fn meet(&self, behaviour: &Behaviour) -> Ending {
        let fate = RequestFate::draw(behaviour, &mut self.dice.borrow_mut());
        let (arrived, done) = self.site.admit(behaviour, fate.service);
        if done > arrived {
            Sleep::until(&self.site.alarm, done).await;
        }
        fate.ending
    }

    /// The connection goes on as a WebSocket once HTTP has ended on it, and behaves so.
    pub(crate) fn become_websocket(&self, behaviour: Behaviour) {
        self.websocket.set(Some(behaviour));
    }

    /// How the WebSocket behaves that the connection has become, if it has.
    pub(crate) fn websocket(&self) -> Option<Behaviour> {
        self.websocket.get()
    }
}
