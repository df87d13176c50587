//! The server behind each connection of a simulated wire: what becomes of a request, and what is written for it.

use super::super::frames::{self, FromClient};
use super::super::link::{Happening, Side, StreamEnd};
use super::super::world::{Fate, ServedProtocol, SimulatedServer};
use super::super::{http, lines};
use super::{Message, SimulatedWire};
use crate::wire::Slot;
use engine::quantity::MILLISECOND_NS;

/// A response comes in no more pieces; the last takes the rest.
const PIECES_MAX: u32 = 64;
/// A connection ends within this time after its last response.
const LINGER_NS_MAX: u64 = 2 * MILLISECOND_NS;

impl SimulatedWire {
    /// One request on its way to the server: everything that comes of it is foreseen here.
    pub(super) fn serve(&mut self, slot: Slot, request: Message, at_ns: u64) {
        let one_way_ns = self.world.network.one_way_ns;
        let reached_ns = at_ns + one_way_ns;
        let begun = u64::from(request.begins());
        if self.world.keeps_log && request.begins() {
            self.statistics.sent_log.push(at_ns - self.start_ns);
            self.statistics.log.push(reached_ns - self.start_ns);
        }
        match self.link(slot).server {
            Side::Serving => {
                self.count_requests(slot, begun);
                match request {
                    Message::Http2(FromClient::Request(stream) | FromClient::Completed(stream)) => {
                        self.work_on(slot, stream, reached_ns);
                    }
                    Message::Http2(FromClient::Begun(_)) => {}
                    Message::Http2(FromClient::Greeting) => unreachable!("it asks for nothing"),
                    Message::Http1 { is_head } => self.respond(slot, is_head, reached_ns),
                    Message::Line => self.respond(slot, false, reached_ns),
                }
            }
            Side::Mute => self.count_requests(slot, begun),
            Side::Gone => self.statistics.unheard += begun,
            Side::Closed(closed_ns) => {
                self.statistics.unheard += begun;
                if reached_ns >= closed_ns {
                    self.happen(reached_ns + one_way_ns, slot, Happening::End(StreamEnd::Reset));
                }
            }
        }
    }

    fn count_requests(&mut self, slot: Slot, begun: u64) {
        self.statistics.requests += begun;
        if self.world.others.is_empty() {
            return;
        }
        let pool = self.pool_of(slot);
        let each = &mut self.statistics.requests_each;
        each.resize(each.len().max(pool + 1), 0);
        each[pool] += begun;
    }

    fn respond(&mut self, slot: Slot, is_head: bool, reached_ns: u64) {
        let fate = self.world.faults.fate(&mut self.random);
        if self.world.keeps_log {
            self.statistics.outcome_log.push(fate == Fate::Whole);
        }
        if fate != Fate::Whole {
            self.statistics.fates[fate as usize - 1] += 1;
        }
        let begin_ns = reached_ns.max(self.link(slot).free_ns);
        let start_ns = self.start_ns;
        let server = self.server(slot);
        let relative_ns = server.finish_ns(begin_ns - start_ns, &mut self.random);
        let finish_ns = start_ns + relative_ns;
        match fate {
            Fate::Lost => self.link(slot).server = Side::Mute,
            Fate::Reset => self.end(slot, finish_ns, StreamEnd::Reset),
            _ => self.write(slot, is_head, finish_ns, fate),
        }
    }

    /// One request of HTTP/2 at its server: it is served beside the others, and its fate shows when it was.
    fn work_on(&mut self, slot: Slot, stream: u32, reached_ns: u64) {
        let fate = self.world.faults.fate(&mut self.random);
        let start_ns = self.start_ns;
        let server = self.server(slot);
        let finish_ns = start_ns + server.finish_ns(reached_ns - start_ns, &mut self.random);
        self.happen(finish_ns, slot, Happening::Served(stream, fate));
    }

    /// The server has served a request of HTTP/2, or has done something else instead.
    pub(super) fn respond_on(&mut self, slot: Slot, stream: u32, fate: Fate, now_ns: u64) {
        let server = self.server(slot);
        let link = &mut self.links[slot as usize];
        let is_beyond = link.goes_after.is_some_and(|last| stream > last);
        if link.server != Side::Serving || is_beyond {
            return;
        }
        // What came before something that was responded to is not passed over.
        let fate = if fate == Fate::GoAway && stream < link.last_stream { Fate::Whole } else { fate };
        if fate != Fate::Whole {
            self.statistics.fates[fate as usize - 1] += 1;
        }
        let from = link.stream.len();
        match fate {
            Fate::Lost => return,
            Fate::Reset => return self.end(slot, now_ns, StreamEnd::Reset),
            Fate::RefusedStream => frames::refusal(&mut link.stream, stream),
            Fate::GoAway => {
                let last = link.last_stream;
                link.goes_after = Some(last);
                frames::goaway(&mut link.stream, last);
            }
            Fate::Garbage => link.stream.extend_from_slice(http::GARBAGE),
            _ => {
                link.last_stream = link.last_stream.max(stream);
                if let ServedProtocol::Grpc { replies, .. } = server.protocol {
                    frames::head_of_call(&mut link.stream, stream);
                    self.happen(now_ns, slot, Happening::Reply(stream, replies));
                } else {
                    let (least, most) = server.body.bytes;
                    let body_bytes = self.random.between(least, most);
                    frames::response(&mut link.stream, stream, fate != Fate::Refused, body_bytes);
                }
                self.statistics.responses += u64::from(fate != Fate::Cut);
            }
        }
        let link = &mut self.links[slot as usize];
        let mut bytes = link.stream.len() - from;
        if fate == Fate::Cut {
            bytes = self.random.between(1, bytes as u64 - 1) as usize;
            link.stream.truncate(from + bytes);
        }
        let last_ns = self.deliver(slot, now_ns, bytes);
        match fate {
            Fate::LostEnd => self.end(slot, last_ns, StreamEnd::Lost),
            Fate::Cut | Fate::Close | Fate::QuietEnd => self.end(slot, last_ns, StreamEnd::Closed),
            Fate::Garbage => self.link(slot).server = Side::Mute,
            _ => {}
        }
    }

    /// The server has another reply to a call, of which so many are left, or none any more.
    pub(super) fn reply_on(&mut self, slot: Slot, stream: u32, left: u32, now_ns: u64) {
        let ServedProtocol::Grpc { gap_ns, .. } = self.server(slot).protocol else { return };
        let link = &mut self.links[slot as usize];
        if link.server != Side::Serving {
            return;
        }
        let from = link.stream.len();
        match left {
            0 => frames::end_of_call(&mut link.stream, stream),
            _ => frames::reply(&mut link.stream, stream),
        }
        let bytes = link.stream.len() - from;
        self.deliver(slot, now_ns, bytes);
        if left > 0 {
            let next_ns = if left > 1 { now_ns + gap_ns } else { now_ns };
            self.happen(next_ns, slot, Happening::Reply(stream, left - 1));
        }
    }

    /// Writes a response and whatever follows it.
    fn write(&mut self, slot: Slot, is_head: bool, finish_ns: u64, fate: Fate) {
        let SimulatedServer { body, protocol, .. } = self.server(slot);
        let link = &mut self.links[slot as usize];
        let from = link.stream.len();
        let written = match protocol {
            ServedProtocol::Lines => lines::response(&mut link.stream, body, fate, &mut self.random),
            _ => http::response(&mut link.stream, body, fate, is_head, &mut self.random),
        };
        let first = link.base + from as u64;
        if !written.announced.is_empty() {
            link.bodies.push_back(first + written.announced.start..first + written.announced.end);
        }
        let mut bytes = link.stream.len() - from;
        if fate == Fate::Cut {
            bytes = self.random.between(1, bytes as u64 - 1) as usize;
            link.stream.truncate(from + bytes);
        } else if fate != Fate::Garbage {
            self.statistics.responses += 1;
            self.statistics.bytes += bytes as u64;
        }
        let last_ns = self.deliver(slot, finish_ns, bytes);
        self.link(slot).free_ns = last_ns;
        match fate {
            Fate::LostEnd => self.end(slot, last_ns, StreamEnd::Lost),
            Fate::Cut => self.end(slot, last_ns, StreamEnd::Closed),
            Fate::Close | Fate::QuietEnd => {
                let end_ns = last_ns + self.random.between(0, LINGER_NS_MAX);
                self.end(slot, end_ns, StreamEnd::Closed);
            }
            Fate::Garbage => self.link(slot).server = Side::Mute,
            _ if written.lasts_until_end => self.end(slot, last_ns, StreamEnd::Closed),
            _ => {}
        }
    }

    /// The server ends a connection.
    pub(super) fn end(&mut self, slot: Slot, at_ns: u64, end: StreamEnd) {
        self.link(slot).server = if end == StreamEnd::Lost { Side::Gone } else { Side::Closed(at_ns) };
        self.happen(at_ns + self.world.network.one_way_ns, slot, Happening::End(end));
    }

    /// Puts the last `bytes` of a stream on the way, whole or in pieces; returns when the server has sent the last.
    pub(super) fn deliver(&mut self, slot: Slot, from_ns: u64, mut bytes: usize) -> u64 {
        let one_way_ns = self.world.network.one_way_ns;
        let mut at_ns = from_ns;
        if let Some(pieces) = self.world.network.pieces {
            for _ in 1..PIECES_MAX {
                let piece = self.random.between(1, pieces.bytes_max) as usize;
                if piece >= bytes {
                    break;
                }
                self.happen(at_ns + one_way_ns, slot, Happening::Arrive(piece));
                bytes -= piece;
                at_ns += pieces.gap_ns;
            }
        }
        self.happen(at_ns + one_way_ns, slot, Happening::Arrive(bytes));
        at_ns
    }
}
