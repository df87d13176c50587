//! One request and its response on a connection of their own: the run's own bytes, and the run's own parser for what comes.

use crate::protocol::any::{AnyProtocol, AnyShared};
use crate::protocol::http2::Http2;
use crate::protocol::websocket::WebSocketGreeting;
use crate::protocol::{LookedAtSingle, Place, Protocol, Readiness, Response, Sending, Single, Unusable};
use crate::tls::Tls;
use crate::wire::datagrams;
use engine::outbox::Outbox;
use engine::outcome::Kind;
use engine::seams::{Call, Source};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::Socket;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// A response that goes on beyond this is not read to its end.
const RESPONSE_BYTES_MAX: u64 = 16 << 20;
/// How much of what is no response is kept to be shown.
const SHOWN_BYTES_MAX: usize = 40;
/// How what speaks TLS alone answers what does not: a record with an alert.
pub(super) const TLS_ALERT: [u8; 2] = [21, 3];
/// The longest single wait for the socket.
const WAIT_MAX: Duration = Duration::from_secs(3_600);

/// What came back.
pub(super) enum Came {
    /// Nothing was asked: the connection is ready.
    Agreed,
    /// A whole response.
    Whole(Response),
    /// The beginning of one, and why there was no more of it.
    Part {
        response: Response,
        why: String,
        is_failure: bool,
    },
    /// None, and why what came is none.
    Nonsense(&'static str, Vec<u8>),
    /// None, as the other side has said of this request alone.
    Ended(&'static str),
    /// None, for what came after the other side had greeted as it should: why it cannot go on.
    Broken(&'static str),
    /// The connection was made, and what is to be agreed on before the request was not, or was broken afterwards.
    NotAgreed(&'static str),
    Closed,
    Silent,
}

/// What is asked, as the run would.
pub(super) struct AskedRequest<'a, S> {
    pub(super) source: &'a mut S,
    pub(super) call: Call,
    pub(super) number: u64,
    pub(super) timeout: Duration,
    /// How long a handshake may take.
    pub(super) connect_timeout: Duration,
}

/// A connection, from its making to the response.
pub(super) struct Exchange<'a> {
    socket: Socket,
    protocol: AnyProtocol,
    shared: &'a mut AnyShared,
    memory: Vec<u8>,
    filled: usize,
    sent: usize,
    bytes: u64,
    /// The first bytes, for showing what is no response.
    first: Vec<u8>,
    /// The messages of the response, where they are wanted.
    messages: Option<Vec<Vec<u8>>>,
    /// The body of the response, where it is looked at.
    body: Vec<u8>,
    /// What is sent are datagrams, each behind its length.
    is_datagram: bool,
}

impl<'a> Exchange<'a> {
    /// On a connection that is made; requests have at most so many bytes.
    pub(super) fn new(
        socket: Socket,
        shared: &'a mut AnyShared,
        request_bytes_max: usize,
    ) -> io::Result<Exchange<'a>> {
        socket.set_nonblocking(true)?;
        let protocol = AnyProtocol::new(shared);
        let memory = vec![0; AnyProtocol::outbox_bytes(shared, request_bytes_max, 1)];
        Ok(Exchange {
            is_datagram: AnyProtocol::sends_datagrams(shared),
            socket,
            protocol,
            shared,
            memory,
            filled: 0,
            sent: 0,
            bytes: 0,
            first: Vec::new(),
            messages: None,
            body: Vec::new(),
        })
    }

    /// The same; the messages of the response are kept.
    pub(super) fn gathering(
        socket: Socket,
        shared: &'a mut AnyShared,
        request_bytes_max: usize,
    ) -> io::Result<Exchange<'a>> {
        let exchange = Exchange::new(socket, shared, request_bytes_max)?;
        Ok(Exchange { messages: Some(Vec::new()), ..exchange })
    }

    /// The messages that came.
    pub(super) fn take_messages(&mut self) -> Vec<Vec<u8>> {
        self.messages.take().unwrap_or_default()
    }

    /// The body of the response that came last, where it was looked at.
    pub(super) fn body(&self) -> &[u8] {
        &self.body
    }

    /// What the target said of a call's status.
    pub(super) fn grpc_message(&self) -> Option<String> {
        self.protocol.http2().and_then(Http2::grpc_message)
    }

    /// Sends the request, and reads its response.
    pub(super) fn ask<S: Source>(&mut self, asked: &mut AskedRequest<'_, S>) -> io::Result<Came> {
        let AskedRequest { source, call, number, timeout, .. } = asked;
        let (source, call, number, timeout) = (&mut **source, *call, *number, *timeout);
        self.forget_sent();
        let mut out = Outbox::new(&mut self.memory, &mut self.filled);
        if let Err(unusable) =
            self.protocol.send(self.shared, source, Sending { call, number, place: Place::FIRST }, &mut out)
        {
            return Ok(Came::NotAgreed(unusable.why));
        }
        let step = source.steps()[call.step as usize].clone();
        let mut on = LookedAtSingle::new(Single::new(&step).gathering(self.messages.take()));
        let begun = Instant::now();
        let deadline = begun + timeout;
        loop {
            self.protocol.reach(begun.elapsed().as_nanos() as u64);
            if let Err(unusable) = self.send_more(source) {
                return Ok(self.nonsense(unusable.why));
            }
            if self.sent == self.filled {
                // What nobody answers is over once it is sent.
                self.protocol.sent(self.shared, &mut on);
                if let Some(response) = on.single.response {
                    return Ok(Came::Whole(response));
                }
            }
            let until = self.next_part(begun).map_or(deadline, |moment| moment.min(deadline));
            let ready = match self.wait(until)? {
                Some(ready) => ready,
                None if until < deadline => continue,
                None => return Ok(self.timed_out(timeout)),
            };
            if is_readable(ready)
                && let Some(came) = self.read(&mut on)?
            {
                self.messages = on.single.messages.take();
                self.body = on.seen.hand_on(source, call);
                return Ok(came);
            }
        }
    }

    /// When the next part of the request is due, of one that was begun then and is sent in parts.
    fn next_part(&self, begun: Instant) -> Option<Instant> {
        let due_ns = self.protocol.due_ns();
        (due_ns < u64::MAX).then(|| begun + Duration::from_nanos(due_ns))
    }

    /// What did not fit, or what the other side did not take, once what came before it is sent.
    fn send_more<S: Source>(&mut self, source: &mut S) -> Result<(), Unusable> {
        if self.sent < self.filled || !self.protocol.has_unsent() {
            return Ok(());
        }
        self.forget_sent();
        self.protocol.pump(self.shared, source, &mut Outbox::new(&mut self.memory, &mut self.filled))
    }

    /// The handshake, where there is one. Says what came when that is not its end.
    pub(super) fn agree<S: Source>(&mut self, asked: &mut AskedRequest<'_, S>) -> io::Result<Option<Came>> {
        let mut out = Outbox::new(&mut self.memory, &mut self.filled);
        if let Err(unusable) = self.protocol.opened(self.shared, &mut out) {
            return given(Came::NotAgreed(unusable.why));
        }
        let deadline = Instant::now() + asked.connect_timeout;
        let step = asked.source.steps()[asked.call.step as usize].clone();
        let mut on = LookedAtSingle::new(Single::new(&step));
        while !matches!(self.protocol.readiness(), Readiness::Ready { .. }) {
            if let Err(unusable) = self.send_more(asked.source) {
                return given(Came::NotAgreed(unusable.why));
            }
            let Some(ready) = self.wait(deadline)? else {
                return given(self.unagreed(Came::Silent, NOT_OVER));
            };
            if !is_readable(ready) {
                continue;
            }
            match self.read(&mut on)? {
                None => {}
                // What is to be agreed on before the first request is more than keys.
                came if self.protocol.readiness() != Readiness::Securing => return Ok(came),
                Some(Came::Nonsense(why, _)) => return given(Came::NotAgreed(why)),
                Some(Came::Closed) => return given(Came::NotAgreed(CLOSED_EARLY)),
                came => return Ok(came),
            }
        }
        Ok(None)
    }

    /// Nothing more came: as it is, or as a handshake that was not over.
    fn unagreed(&self, came: Came, why: &'static str) -> Came {
        match self.protocol.readiness() {
            Readiness::Securing => Came::NotAgreed(why),
            _ => came,
        }
    }

    /// Listens for what comes before anything is asked, for no longer than this; nothing where nothing does.
    pub(super) fn listen<S: Source>(
        &mut self,
        asked: &AskedRequest<'_, S>,
        patience: Duration,
    ) -> io::Result<Option<Came>> {
        let deadline = Instant::now() + patience;
        let step = asked.source.steps()[asked.call.step as usize].clone();
        let mut on = LookedAtSingle::new(Single::new(&step));
        while let Some(ready) = self.wait(deadline)? {
            if !is_readable(ready) {
                continue;
            }
            if let Some(came) = self.read(&mut on)? {
                return given(came);
            }
            if self.protocol.begun().is_some() {
                break;
            }
        }
        Ok(self.part("it went on".into(), false))
    }

    /// The first bytes that came, where they were not sealed.
    pub(super) fn first(&self) -> &[u8] {
        if self.tls().is_some() { &[] } else { &self.first }
    }

    /// The TLS of the connection, where there is any.
    pub(super) fn tls(&self) -> Option<&Tls> {
        self.protocol.tls()
    }

    /// Says the last words of what is spoken. Nobody waits for what comes of that.
    pub(super) fn leave(mut self) {
        if self.sent < self.filled {
            // In the middle of a request nothing else can be said.
            return;
        }
        self.forget_sent();
        self.protocol.leave(self.shared, &mut Outbox::new(&mut self.memory, &mut self.filled));
        if self.filled > 0 {
            let _ = self.socket.write(&self.memory[..self.filled]);
        }
    }

    /// What the target said when it opened a WebSocket, and when it closed it.
    pub(super) fn greeting(&self) -> Option<&WebSocketGreeting> {
        self.protocol.greeting()
    }

    /// The connection of HTTP/2, where it is one.
    pub(super) fn http2(&self) -> Option<&Http2> {
        self.protocol.http2()
    }

    /// What has been sent makes room for what comes next. What has not is moved to the front.
    fn forget_sent(&mut self) {
        self.memory.copy_within(self.sent..self.filled, 0);
        self.filled -= self.sent;
        self.sent = 0;
    }

    /// Waits for the socket, and sends what there is to send; nothing when the time is over. The other side may answer before it has
    /// all of the request.
    fn wait(&mut self, deadline: Instant) -> io::Result<Option<PollFlags>> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(None);
        }
        let ready = wait(&self.socket, self.sent < self.filled, left)?;
        if ready.contains(PollFlags::POLLOUT) && self.sent < self.filled {
            match self.write() {
                Ok(bytes) => self.sent += bytes,
                Err(error) if is_passing(&error) => {}
                // It does not want the rest; its response may be there all the same.
                Err(_) => self.sent = self.filled,
            }
        }
        Ok(Some(ready))
    }

    /// Writes what the socket takes, or one datagram; says how many bytes of the memory that was.
    fn write(&mut self) -> io::Result<usize> {
        let unsent = &self.memory[self.sent..self.filled];
        match datagrams(unsent).next().filter(|_| self.is_datagram) {
            Some(range) => self.socket.send(&unsent[range.clone()]).map(|_| range.end),
            None => self.socket.write(unsent),
        }
    }

    /// Reads what is there; says what came once that is known.
    fn read(&mut self, on: &mut LookedAtSingle<'_>) -> io::Result<Option<Came>> {
        // As long as any datagram is.
        let mut piece = [0; 64 << 10];
        let bytes = match self.socket.read(&mut piece) {
            Ok(0) if !self.is_datagram => return Ok(Some(self.closed(on))),
            Ok(bytes) => bytes,
            Err(error) if is_passing(&error) => return Ok(None),
            Err(error) => return self.part(format!("it broke off: {error}"), true).map_or(Err(error), given),
        };
        self.bytes += bytes as u64;
        let shown = bytes.min(SHOWN_BYTES_MAX.saturating_sub(self.first.len()));
        self.first.extend_from_slice(&piece[..shown]);
        self.forget_sent();
        let was_greeted = !AnyProtocol::is_in_order(self.shared)
            && matches!(self.protocol.readiness(), Readiness::Ready { .. });
        let mut out = Outbox::new(&mut self.memory, &mut self.filled);
        let received = self.protocol.receive(self.shared, &mut piece[..bytes], &mut out, on);
        // One that ends the connection says more than one that ends the request with it.
        if let (Some(failure), Ok(())) = (on.single.failure, received) {
            return given(Came::Ended(failure.why));
        }
        match (on.single.response, received) {
            (Some(response), _) => given(Came::Whole(response)),
            (None, Err(Unusable { kind: Kind::Eof, .. })) => given(self.cut_short()),
            (None, Err(Unusable { kind, why })) => {
                // Its last words, if it has any: the other side may not want to hear them.
                let _ = self.socket.write(&self.memory[self.sent..self.filled]);
                // TLS 1.3 is refused after its handshake: a client certificate, for one.
                match kind {
                    Kind::Tls => given(Came::NotAgreed(why)),
                    _ if was_greeted => given(Came::Broken(why)),
                    _ => given(self.nonsense(why)),
                }
            }
            (None, Ok(())) if self.bytes < RESPONSE_BYTES_MAX => Ok(None),
            (None, Ok(())) => match self.part("read no further".into(), false) {
                Some(part) => given(part),
                None => given(self.nonsense("its head does not end")),
            },
        }
    }

    fn closed(&mut self, on: &mut LookedAtSingle<'_>) -> Came {
        self.protocol.ended(on);
        match on.single.response {
            Some(response) => Came::Whole(response),
            None => self.cut_short(),
        }
    }

    fn cut_short(&self) -> Came {
        self.part("it was closed before its end".into(), true).unwrap_or_else(|| {
            match self.first.starts_with(&TLS_ALERT) {
                // Too short to be looked at as anything else.
                true => Came::Nonsense("an alert of TLS came", self.first.clone()),
                false => Came::Closed,
            }
        })
    }

    fn timed_out(&self, timeout: Duration) -> Came {
        self.part(format!("it did not end within {timeout:?}"), true).unwrap_or(Came::Silent)
    }

    /// What has come of a response, if enough has to say anything of it.
    fn part(&self, why: String, is_failure: bool) -> Option<Came> {
        let response = self.protocol.begun()?;
        Some(Came::Part { response, why, is_failure })
    }

    fn nonsense(&mut self, why: &'static str) -> Came {
        Came::Nonsense(why, std::mem::take(&mut self.first))
    }
}

const NOT_OVER: &str = "the handshake was not over within the connect timeout";
const CLOSED_EARLY: &str = "the connection was closed in the handshake";

fn wait(socket: &Socket, wants_to_send: bool, left: Duration) -> io::Result<PollFlags> {
    let sending = if wants_to_send { PollFlags::POLLOUT } else { PollFlags::empty() };
    let mut waited = [PollFd::new(socket.as_fd(), PollFlags::POLLIN | sending)];
    // Rounded up: the last part of a millisecond is slept through and not spun through.
    let left = (left + Duration::from_millis(1)).min(WAIT_MAX);
    match poll(&mut waited, PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)) {
        Ok(_) => Ok(waited[0].revents().unwrap_or(PollFlags::empty())),
        Err(Errno::EINTR) => Ok(PollFlags::empty()),
        Err(errno) => Err(errno.into()),
    }
}

fn is_readable(ready: PollFlags) -> bool {
    ready.intersects(PollFlags::POLLIN | PollFlags::POLLHUP | PollFlags::POLLERR)
}

fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

fn given(came: Came) -> io::Result<Option<Came>> {
    Ok(Some(came))
}
