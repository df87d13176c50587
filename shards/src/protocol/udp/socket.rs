//! One socket of UDP, the client's side: what is under way on it, and whose reply a datagram is.

use super::dns::{self, RepeatedQuestion};
use super::numbers::DatagramNumbers;
use crate::protocol::{Cancelled, DatagramNote, Events, Place, Response, Sending, Unusable};
use crate::wire::DATAGRAM_PREFIX_BYTES;
use engine::code;
use engine::outbox::Outbox;
use engine::outcome::Kind;
use engine::plan::{DatagramField, DatagramMatching};
use engine::seams::Source;
use std::collections::VecDeque;

/// Where the number of a message of DNS stands.
const DNS_NUMBER: DatagramField = DatagramField { bytes: 2, is_little_endian: false, offset: 0 };

const NO_ROOM: Unusable = Unusable {
    kind: Kind::Resources,
    why: "there was no memory for a datagram beside those that wait to be sent",
};
const NO_NUMBER: Unusable = Unusable {
    kind: Kind::Resources,
    why: "so many requests were lost that no number was left by which a reply is found",
};
const TOO_SHORT: Unusable =
    Unusable { kind: Kind::Protocol, why: "a message ends before the field by which its reply is found" };

/// What all sockets of a pool share.
#[derive(Debug)]
pub struct UdpShared {
    pub(super) matching: DatagramMatching,
    /// Messages under way on one socket at a time.
    depth: u32,
}

impl UdpShared {
    /// Of sockets on which replies find their messages so, and up to so many are under way.
    pub fn new(matching: DatagramMatching, depth: u32) -> UdpShared {
        UdpShared { matching, depth }
    }

    /// The field that is written into each message.
    fn field(&self) -> Option<DatagramField> {
        match self.matching {
            DatagramMatching::Field(field) => Some(field),
            DatagramMatching::Dns => Some(DNS_NUMBER),
            DatagramMatching::Any | DatagramMatching::None => None,
        }
    }

    /// Whether anything is to come back.
    pub(super) fn has_replies(&self) -> bool {
        self.matching != DatagramMatching::None
    }

    /// Whether numbers are so few that those of lost requests have to rest.
    pub(super) fn has_rests(&self) -> bool {
        self.field().is_some_and(|field| field.bytes == 2)
    }
}

/// One socket.
#[derive(Debug)]
pub struct Udp {
    /// Where replies are found by a number.
    numbers: Option<DatagramNumbers>,
    /// Of each message of DNS under way, its question.
    questions: Box<[Option<u64>]>,
    /// Where they are not: messages in the order in which they were sent.
    order: VecDeque<Place>,
}

impl Udp {
    /// Of a socket that has not been made.
    pub(super) fn unmade(shared: &UdpShared) -> Udp {
        let is_dns = shared.matching == DatagramMatching::Dns;
        let in_order = if shared.matching == DatagramMatching::Any { shared.depth as usize } else { 0 };
        Udp {
            numbers: shared.field().map(|field| DatagramNumbers::new(field.bytes, shared.depth)),
            questions: vec![None; if is_dns { shared.depth as usize } else { 0 }].into_boxed_slice(),
            order: VecDeque::with_capacity(in_order),
        }
    }

    /// The socket is made, and has a port of its own: no reply to what was sent before comes there.
    pub(super) fn begin(&mut self) {
        if let Some(numbers) = &mut self.numbers {
            numbers.clear();
        }
        self.order.clear();
    }

    /// How many more messages can be told apart.
    #[inline]
    pub(super) fn numbers_left(&self) -> u32 {
        self.numbers.as_ref().map_or(u32::MAX, DatagramNumbers::room)
    }

    /// Appends a message, behind its length.
    #[inline]
    pub(super) fn send_message<S: Source>(
        &mut self,
        shared: &UdpShared,
        source: &mut S,
        Sending { call, number, place }: Sending,
        out: &mut Outbox<'_>,
    ) -> Result<u64, Unusable> {
        let facts = &source.steps()[call.step as usize];
        if out.room() < DATAGRAM_PREFIX_BYTES + facts.bytes_max {
            return Err(NO_ROOM);
        }
        let start = out.filled();
        out.reserve(DATAGRAM_PREFIX_BYTES);
        match &facts.constant {
            Some(constant) => out.push(constant),
            None => source.render(call, number, out),
        }
        let (prefix, message) = out.bytes_from_mut(start).split_at_mut(DATAGRAM_PREFIX_BYTES);
        prefix.copy_from_slice(&(message.len() as u32).to_ne_bytes());
        self.note(shared, place, message)?;
        Ok(message.len() as u64)
    }

    /// Writes down by what the reply to a message is found.
    #[inline]
    fn note(&mut self, shared: &UdpShared, place: Place, message: &mut [u8]) -> Result<(), Unusable> {
        let (Some(numbers), Some(field)) = (&mut self.numbers, shared.field()) else {
            if shared.has_replies() {
                self.order.push_back(place);
            }
            return Ok(());
        };
        let place_in_message = field_mut(field, message).ok_or(TOO_SHORT)?;
        write(field, numbers.give(place).ok_or(NO_NUMBER)?, place_in_message);
        if !self.questions.is_empty() {
            let local = place.0 as usize % self.questions.len();
            self.questions[local] = dns::question(message);
        }
        Ok(())
    }

    /// Takes a datagram.
    #[inline]
    pub(super) fn take(&mut self, shared: &UdpShared, datagram: &[u8], on: &mut impl Events) {
        let bytes = datagram.len() as u64;
        match (shared.matching, &mut self.numbers) {
            (DatagramMatching::Field(field), Some(numbers)) => {
                let Some(number) = read(field, datagram) else { return on.datagram(DatagramNote::Stray) };
                match numbers.find(number) {
                    None => on.datagram(numbers.note_of(number)),
                    Some(place) => {
                        numbers.end(place);
                        on.response(place, replied(bytes));
                    }
                }
            }
            (DatagramMatching::Dns, Some(_)) => self.take_dns(datagram, on),
            (DatagramMatching::Any, _) => match self.order.pop_front() {
                Some(place) => on.response(place, replied(bytes)),
                None => on.datagram(DatagramNote::Stray),
            },
            _ => on.unasked(bytes),
        }
    }

    fn take_dns(&mut self, datagram: &[u8], on: &mut impl Events) {
        let Some(numbers) = &mut self.numbers else { return };
        let Some(reply) = dns::reply(datagram) else { return on.datagram(DatagramNote::Stray) };
        let number = u64::from(reply.number);
        let Some(place) = numbers.find(number) else { return on.datagram(numbers.note_of(number)) };
        let asked = self.questions[place.0 as usize % self.questions.len()];
        let is_own = match (reply.question, asked) {
            (RepeatedQuestion::Absent, _) | (_, None) => true,
            (RepeatedQuestion::Known(repeated), Some(asked)) => repeated == asked,
            (RepeatedQuestion::Other, Some(_)) => false,
        };
        if !is_own {
            // The number is right, and somebody else's question is answered: whoever sent that is not believed.
            return on.datagram(DatagramNote::Stray);
        }
        numbers.end(place);
        if reply.is_truncated {
            on.datagram(DatagramNote::Truncated);
        }
        let code = code::of_dns(reply.rcode);
        on.response(place, Response { code, is_ok: code::is_success(code), bytes: datagram.len() as u64 });
    }

    /// Gives a message up: a reply that comes yet is nobody's, as far as it can be told.
    pub(super) fn give_up(&mut self, place: Place) -> Cancelled {
        match &mut self.numbers {
            Some(numbers) => numbers.give_up(place),
            None => self.order.retain(|known| *known != place),
        }
        Cancelled::Request
    }

    /// Time has passed.
    pub(super) fn rest_until(&mut self, now_ns: u64) {
        if let Some(numbers) = &mut self.numbers {
            numbers.rest_until(now_ns);
        }
    }
}

fn replied(bytes: u64) -> Response {
    Response { code: code::REPLIED, is_ok: true, bytes }
}

/// Where a field is in a datagram that has it.
fn field_mut(field: DatagramField, message: &mut [u8]) -> Option<&mut [u8]> {
    message.get_mut(usize::from(field.offset)..field.end())
}

/// Writes a number, of which there are no more bytes than the field has.
#[inline]
fn write(field: DatagramField, number: u64, place: &mut [u8]) {
    match field.is_little_endian {
        true => place.copy_from_slice(&number.to_le_bytes()[..place.len()]),
        false => place.copy_from_slice(&number.to_be_bytes()[8 - place.len()..]),
    }
}

/// The number in a field, if the datagram has it.
#[inline]
fn read(field: DatagramField, datagram: &[u8]) -> Option<u64> {
    let place = datagram.get(usize::from(field.offset)..field.end())?;
    let mut bytes = [0; 8];
    Some(match field.is_little_endian {
        true => {
            bytes[..place.len()].copy_from_slice(place);
            u64::from_le_bytes(bytes)
        }
        false => {
            bytes[8 - place.len()..].copy_from_slice(place);
            u64::from_be_bytes(bytes)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_in_fields_as_they_are_said_to() {
        let number = 0x0102_0304_0506_0708;
        for (bytes, is_little_endian, expected) in [
            (2, false, &[7_u8, 8][..]),
            (2, true, &[8, 7]),
            (4, false, &[5, 6, 7, 8]),
            (4, true, &[8, 7, 6, 5]),
            (8, false, &[1, 2, 3, 4, 5, 6, 7, 8]),
            (8, true, &[8, 7, 6, 5, 4, 3, 2, 1]),
        ] {
            let field = DatagramField { bytes, is_little_endian, offset: 3 };
            let mut message = [0xee; 12];
            write(field, number, field_mut(field, &mut message).unwrap());
            assert_eq!(&message[3..3 + expected.len()], expected, "{field:?}");
            assert!(message[..3].iter().chain(&message[3 + expected.len()..]).all(|byte| *byte == 0xee));
            let mask = if bytes == 8 { u64::MAX } else { (1 << (8 * u32::from(bytes))) - 1 };
            assert_eq!(read(field, &message), Some(number & mask), "{field:?}");
            assert_eq!(read(field, &message[..field.end() - 1]), None);
        }
    }
}
