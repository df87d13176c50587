//! The simulated wire keeps the rules that the loop is tested by.

use super::*;
use crate::simulation::world::{Body, Service, SimulatedMachine, SimulatedServer};
use engine::quantity::MILLISECOND_NS;

/// A single connection, and a run that starts at once.
const SEAT: Seat = Seat { shard: 0, slots: 1, outbox_bytes: 4_096, start_ns: 0 };
const REQUEST: &str = "GET / HTTP/1.1\r\n\r\n";

/// A wire with one connection, made.
fn connected(body_bytes: u64) -> SimulatedWire {
    let machine =
        SimulatedMachine { enter_ns: 0, submission_ns: 0, wake_ns_max: 0, ..SimulatedMachine::default() };
    let body = Body { bytes: (body_bytes, body_bytes), chunked_ppm: 0, until_end_ppm: 0 };
    let server =
        SimulatedServer { service: Service::Fixed(MILLISECOND_NS), body, ..SimulatedServer::default() };
    let world = World { machine, server, ..World::default() };
    let constant = Some(REQUEST.as_bytes().to_vec());
    let step = StepFacts { constant, bytes_max: REQUEST.len(), is_bodyless: false, is_looked_at: false };
    let mut wire = SimulatedWire::new(world, &[step], SEAT, 1, Arc::default());
    wire.connect(0);
    wire.wait(u64::MAX).expect("the simulated wire does not fail");
    assert!(matches!(wire.next(), Some(Completion::Connected(0))));
    wire
}

#[test]
fn a_response_comes_after_exactly_the_service_time_and_two_ways() {
    let mut wire = connected(5);
    wire.receive(0);
    let sent_ns = wire.now();
    wire.send_constant(0, 0, 1, false);
    wire.wait(u64::MAX).expect("the simulated wire does not fail");
    assert_eq!(wire.clock_ns - sent_ns, MILLISECOND_NS + 2 * wire.world.network.one_way_ns);
    let Some(Completion::Received(0, mut buffer, true)) = wire.next() else { panic!("a response") };
    assert_eq!(wire.bytes(&mut buffer), b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nxxxxx");
    wire.recycle(buffer);
    assert!(wire.next().is_none());
}

#[test]
fn waiting_for_nothing_ends_when_the_time_comes() {
    let mut wire = connected(5);
    let until_ns = wire.now() + SECOND_NS;
    wire.wait(until_ns).expect("the simulated wire does not fail");
    assert_eq!(wire.clock_ns, until_ns);
}

#[test]
fn nothing_is_heard_of_a_closed_connection() {
    let mut wire = connected(5);
    wire.receive(0);
    wire.send_constant(0, 0, 1, false);
    let until_ns = wire.now() + SECOND_NS;
    wire.wait(until_ns).expect("the simulated wire does not fail");
    wire.close(0);
    assert!(wire.next().is_none());
}

#[test]
#[should_panic(expected = "one receive at a time")]
fn a_second_receive_is_a_mistake() {
    let mut wire = connected(5);
    wire.receive(0);
    wire.receive_head(0);
}

#[test]
#[should_panic(expected = "only an open connection sends")]
fn sending_on_a_closed_connection_is_a_mistake() {
    let mut wire = connected(5);
    wire.close(0);
    wire.send_constant(0, 0, 1, false);
}

#[test]
#[should_panic(expected = "the memory of the last send is still in use")]
fn writing_over_what_was_not_reported_is_a_mistake() {
    let mut wire = connected(5);
    wire.outbox(0).push(REQUEST.as_bytes());
    wire.flush(0, true);
    wire.submit().expect("the simulated wire does not fail");
    wire.outbox(0).push(REQUEST.as_bytes());
}

#[test]
#[should_panic(expected = "what is thrown away was announced")]
fn throwing_away_more_than_was_announced_is_a_mistake() {
    let mut wire = connected(10_000);
    wire.receive_head(0);
    wire.send_constant(0, 0, 1, false);
    wire.wait(u64::MAX).expect("the simulated wire does not fail");
    let Some(Completion::Received(0, mut buffer, false)) = wire.next() else { panic!("a head") };
    let received = wire.bytes(&mut buffer).len() as u64;
    wire.recycle(buffer);
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n".len() as u64;
    wire.discard(0, head + 10_000 - received + 1);
}

#[test]
#[should_panic(expected = "buffers were not given back")]
fn a_buffer_that_is_kept_is_a_mistake() {
    let mut wire = connected(5);
    wire.receive(0);
    wire.send_constant(0, 0, 1, false);
    wire.wait(u64::MAX).expect("the simulated wire does not fail");
    std::mem::forget(wire.next());
}
