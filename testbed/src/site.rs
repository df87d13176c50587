//! What all connections of a server share: its behaviour, its workers, and the moment it started.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::alarm::PreciseAlarm;
use crate::links::LinkService;
use crate::logins::LoginService;
use crate::tally::ServerTally;
use crate::warm::WarmUps;
use crate::workers::Queues;
use crate::{Behaviour, Stall, Warm};

/// One server, as its sessions know it.
pub(crate) struct Site {
    pub(crate) behaviour: Behaviour,
    pub(crate) alarm: Rc<PreciseAlarm>,
    started: Instant,
    queues: RefCell<Queues>,
    warm_ups: RefCell<WarmUps>,
    pub(crate) links: RefCell<LinkService>,
    pub(crate) logins: RefCell<LoginService>,
    pub(crate) tally: Arc<ServerTally>,
}

impl Site {
    /// The server starts now. Must be called inside a tokio runtime; fails when out of file descriptors.
    pub(crate) fn open(
        behaviour: Behaviour,
        links: LinkService,
        logins: LoginService,
        tally: Arc<ServerTally>,
    ) -> io::Result<Site> {
        Ok(Site {
            behaviour,
            alarm: Rc::new(PreciseAlarm::new()?),
            started: Instant::now(),
            queues: RefCell::default(),
            warm_ups: RefCell::default(),
            links: RefCell::new(links),
            logins: RefCell::new(logins),
            tally,
        })
    }

    /// How long ago the server started.
    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// When a request arrived, which is now, and when it is done: it waits for a worker, it begins to be served when the server is not
    /// silent, it takes longer while the server is cold, and what would be done in a silence is done at its end. All of
    /// it is known now, so one wait does, and being late for one request does not make the next one late.
    pub(crate) fn admit(&self, behaviour: &Behaviour, service: Duration) -> (Instant, Instant) {
        let now = Instant::now();
        let arrived = now.saturating_duration_since(self.started);
        let first = behaviour.warm.map(|warm| (warm, self.warm_ups.borrow_mut().first(warm, arrived)));
        let release = |at| behaviour.stall.map_or(at, |stall| stall.release(at));
        let serve = |from| {
            let begun = release(from);
            let stretched =
                |(warm, first): (Warm, Duration)| warm.stretch(service, begun.saturating_sub(first));
            release(begun + first.map_or(service, stretched))
        };
        let done = match behaviour.workers {
            Some(workers) => self.queues.borrow_mut().admit(workers, arrived, serve),
            None => serve(arrived),
        };
        (now, self.started + done)
    }

    /// The first moment at or after `at` that is not in a silence.
    pub(crate) fn release(&self, stall: Option<Stall>, at: Instant) -> Instant {
        match stall {
            Some(stall) => self.started + stall.release(at.saturating_duration_since(self.started)),
            None => at,
        }
    }
}
