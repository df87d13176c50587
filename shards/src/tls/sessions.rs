//! Sessions that later connections of a pool take up.
//!
//! rustls's own store keeps eight tickets for a target, fewer than a pool has connections: when many of them are made again at once,
//! most would begin a new session, and the target's work would depend on that.

use rustls::NamedGroup;
use rustls::client::{ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls::pki_types::ServerName;
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The most tickets that are kept; the oldest goes when another comes.
const TICKETS_MAX: usize = 256;

/// The sessions of one pool on one shard, which all have one server name.
#[derive(Default)]
pub(super) struct SessionStore(Mutex<Sessions>);

/// A session of TLS 1.2 is taken up any number of times, a ticket of TLS 1.3 once.
#[derive(Default)]
struct Sessions {
    group: Option<NamedGroup>,
    session: Option<Tls12ClientSessionValue>,
    tickets: VecDeque<Tls13ClientSessionValue>,
}

impl SessionStore {
    /// One shard uses it, so that nobody ever waits for it.
    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientSessionStore for SessionStore {
    fn set_kx_hint(&self, _: ServerName<'static>, group: NamedGroup) {
        self.sessions().group = Some(group);
    }

    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        self.sessions().group
    }

    fn set_tls12_session(&self, _: ServerName<'static>, session: Tls12ClientSessionValue) {
        self.sessions().session = Some(session);
    }

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.sessions().session.clone()
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {
        self.sessions().session = None;
    }

    fn insert_tls13_ticket(&self, _: ServerName<'static>, ticket: Tls13ClientSessionValue) {
        let mut sessions = self.sessions();
        if sessions.tickets.len() == TICKETS_MAX {
            sessions.tickets.pop_front();
        }
        sessions.tickets.push_back(ticket);
    }

    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.sessions().tickets.pop_back()
    }
}

impl fmt::Debug for SessionStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SessionStore")
    }
}
