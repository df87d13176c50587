//! A client's connection, and what it reports.

use engine::code;
use engine::mix::Mix;
use engine::outbox::Outbox;
use engine::plan::{BytesMessage, MessageEnd, Request, Step};
use engine::random::Draws;
use engine::seams::{Call, Source, StepFacts};
use engine::template;
use std::collections::VecDeque;
use vajra_shards::protocol::tcp::{TcpShared, TcpStream, encode};
use vajra_shards::protocol::{
    Events, Place, Protocol, Readiness, Receive, RequestFailure, Response, Sending, Unusable,
};

/// What a connection has reported, by the number of its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// A response of so many bytes.
    Response(u64),
    /// A message went out to which no response is to come.
    Sent,
    /// Bytes that nobody asked for.
    Unasked(u64),
}

struct Listener {
    told: Vec<Told>,
    under_way: VecDeque<Place>,
    step: StepFacts,
}

impl Events for Listener {
    fn oldest(&self) -> Option<(Place, &StepFacts)> {
        Some((*self.under_way.front()?, &self.step))
    }

    fn response(&mut self, place: Place, response: Response) {
        assert_eq!(self.under_way.pop_front(), Some(place), "responses come in order");
        self.told.push(match response {
            Response { code: code::REPLIED, is_ok: true, bytes } => Told::Response(bytes),
            Response { code: code::SENT, is_ok: true, bytes: 0 } => Told::Sent,
            other => panic!("{other:?}"),
        });
    }

    fn failed(&mut self, _place: Place, failure: RequestFailure) {
        panic!("no message fails alone: {failure:?}");
    }

    fn unasked(&mut self, bytes: u64) {
        self.told.push(Told::Unasked(bytes));
    }
}

/// A client on one connection.
pub(crate) struct Client {
    stream: TcpStream,
    shared: TcpShared,
    mix: Mix,
    listener: Listener,
    next: u32,
}

impl Client {
    /// On a connection that is made, on which responses end so.
    pub(crate) fn new(ends: &str, greets: bool) -> Client {
        let ends = MessageEnd::parse(ends).unwrap();
        let mut shared = TcpShared::new(&ends, greets);
        let request = Request::Bytes(BytesMessage { payload: template::parse("n={{seq}}\n").unwrap() });
        let step = Step {
            name: "m".into(),
            weight: 1,
            pool: 0,
            timeout_ns: 0,
            request,
            looks: engine::flow::StepLooks::default(),
        };
        let mix = Mix::new(vec![encode(&step).unwrap()], Draws::new(1, 0));
        let step = mix.steps()[0].clone();
        let mut stream = TcpStream::new(&shared);
        stream.opened(&mut shared, &mut Outbox::new(&mut [], &mut 0)).unwrap();
        let listener = Listener { told: Vec::new(), under_way: VecDeque::new(), step };
        Client { stream, shared, mix, listener, next: 0 }
    }

    /// Sends a message; its bytes.
    pub(crate) fn sends(&mut self) -> Vec<u8> {
        let (mut memory, mut filled) = ([0; 64], 0);
        let place = Place::new(self.next);
        let request = Sending { call: Call { step: 0, session: 0 }, number: self.next.into(), place };
        let mut out = Outbox::new(&mut memory, &mut filled);
        let bytes = self.stream.send(&mut self.shared, &mut self.mix, request, &mut out).unwrap();
        assert_eq!(bytes, filled as u64);
        self.listener.under_way.push_back(place);
        self.next += 1;
        memory[..filled].to_vec()
    }

    /// All that was appended has been sent.
    pub(crate) fn has_sent(&mut self) {
        self.stream.sent(&self.shared, &mut self.listener);
    }

    /// What comes.
    pub(crate) fn hears(&mut self, bytes: &[u8]) -> Result<(), Unusable> {
        let mut bytes = bytes.to_vec();
        let mut filled = 0;
        let mut out = Outbox::new(&mut [], &mut filled);
        self.stream.receive(&mut self.shared, &mut bytes, &mut out, &mut self.listener)
    }

    /// What the loop would do: what need not be looked at is thrown away, as far as it is there.
    pub(crate) fn hears_or_discards(&mut self, mut bytes: &[u8]) -> Result<(), Unusable> {
        while !bytes.is_empty() {
            match self.stream.wish() {
                Receive::Discard(wanted) => {
                    let gone = wanted.min(bytes.len() as u64);
                    self.stream.discarded(gone, &mut self.listener)?;
                    bytes = &bytes[gone as usize..];
                }
                Receive::Head => {
                    let (head, rest) = bytes.split_at(bytes.len().min(512));
                    self.hears(head)?;
                    bytes = rest;
                }
                Receive::Stream => return self.hears(bytes),
            }
        }
        Ok(())
    }

    /// The target closes its end.
    pub(crate) fn is_closed(&mut self) -> Unusable {
        self.stream.ended(&mut self.listener)
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.stream.readiness() == Readiness::Ready { is_resumed: false }
    }

    /// How much of a response has come.
    pub(crate) fn begun(&self) -> Option<u64> {
        self.stream.begun().map(|response| response.bytes)
    }

    /// What was told since this was asked last.
    pub(crate) fn told(&mut self) -> Vec<Told> {
        std::mem::take(&mut self.listener.told)
    }

    pub(crate) fn under_way(&self) -> usize {
        self.listener.under_way.len()
    }
}
