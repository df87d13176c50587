//! The ring against sockets of this machine: buffers, and the memory of sends.

use super::*;
use socket2::{Domain, Type};
use std::io::{Read, Write};

const COPY_BYTES: usize = 1 << 20;

fn ring() -> Ring {
    let setup = Setup {
        slots: 1,
        buffers: 4,
        addresses: Vec::new(),
        constants: Vec::new(),
        copy_bytes_max: COPY_BYTES,
        has_datagrams: false,
    };
    Ring::new(setup).unwrap()
}

/// A slot's socket and the other end of it.
fn connected(ring: &mut Ring) -> (Socket, Socket) {
    let (near, far) = Socket::pair(Domain::UNIX, Type::STREAM, None).unwrap();
    ring.install(0, &near).unwrap();
    (near, far)
}

/// Fills a socket until it takes no more; returns how many bytes it took.
fn fill(socket: &Socket) -> usize {
    socket.set_nonblocking(true).unwrap();
    let taken = std::iter::from_fn(|| (&*socket).write(&[0; 1_024]).ok()).sum();
    socket.set_nonblocking(false).unwrap();
    taken
}

fn read(socket: &Socket, bytes: usize) -> Vec<u8> {
    let mut read = vec![0; bytes];
    (&*socket).read_exact(&mut read).unwrap();
    read
}

/// The next completion, which comes for certain.
fn next(ring: &mut Ring) -> (u64, i32) {
    loop {
        if let Some(done) = ring.next_completion() {
            return (done.token, done.result);
        }
        ring.wait(0, u64::MAX >> 2).unwrap();
    }
}

#[test]
fn buffers_go_round_and_hold_what_was_written_to_them() {
    let mut ring = StreamBuffers::new(2).unwrap();
    for round in 0..5_u8 {
        for id in 0..2_u16 {
            let text = [round, id as u8, 7];
            // SAFETY: the mapping is larger, and nothing else has it: as the kernel writes.
            unsafe {
                let start = ring.data.as_ptr().add(usize::from(id) * BUFFER_BYTES);
                std::ptr::copy_nonoverlapping(text.as_ptr(), start, text.len());
            }
            let mut buffer = ring.filled(id, text.len() as i32).unwrap();
            assert_eq!(ring.bytes(&mut buffer), text);
            ring.take_back(buffer);
        }
    }
    assert_eq!(ring.tail, 2 + 5 * 2);
}

#[test]
#[should_panic(expected = "a buffer of this ring")]
fn a_buffer_is_not_read_in_another_ring() {
    let (one, mut other) = (StreamBuffers::new(1).unwrap(), StreamBuffers::new(1).unwrap());
    other.bytes(&mut one.filled(0, 1).unwrap());
}

#[test]
#[should_panic(expected = "a buffer of this ring")]
fn a_buffer_is_not_given_back_to_another_ring() {
    let (one, mut other) = (StreamBuffers::new(1).unwrap(), StreamBuffers::new(1).unwrap());
    other.take_back(one.filled(0, 1).unwrap());
}

#[test]
#[should_panic(expected = "the kernel filled a buffer of ours")]
fn a_buffer_that_was_never_offered_is_refused() {
    assert!(StreamBuffers::new(1).unwrap().filled(1, 1).is_none(), "it is one of datagrams, if any");
    let datagrams = Some(DatagramBuffers::new(1).unwrap());
    assert_eq!(filled_by_datagram(&datagrams, DATAGRAM_BUFFER_FIRST, 65_507).bytes, 65_507);
    let _ = filled_by_datagram(&datagrams, 1, 1);
}

#[test]
#[should_panic(expected = "a buffer of this ring")]
fn a_buffer_of_streams_is_not_read_as_one_of_datagrams() {
    let streams = StreamBuffers::new(1).unwrap();
    datagram_bytes(&mut Some(DatagramBuffers::new(1).unwrap()), &mut streams.filled(0, 1).unwrap());
}

fn send(ring: &mut Ring, token: u64, bytes: &[u8], is_reported: bool) {
    ring.memory_of(0).expect("the kernel has the slot's memory")[..bytes.len()].copy_from_slice(bytes);
    ring.send_written(token, 0, bytes.len(), is_reported);
}

#[test]
#[should_panic(expected = "the kernel has the slot's memory")]
fn memory_that_a_waiting_send_has_is_not_written_to() {
    let mut ring = ring();
    let (_near, _far) = connected(&mut ring);
    send(&mut ring, 1, &[1; COPY_BYTES], true);
    ring.submit().unwrap();
    send(&mut ring, 2, b"x", true);
}

#[test]
#[should_panic(expected = "the kernel has the slot's memory")]
fn memory_that_the_kernel_has_not_taken_yet_is_not_written_to() {
    let mut ring = ring();
    let (_near, _far) = connected(&mut ring);
    send(&mut ring, 1, b"x", false);
    send(&mut ring, 1, b"y", false);
}

#[test]
fn a_send_keeps_its_memory_when_its_slot_is_emptied_and_used_again() {
    let mut ring = ring();
    let (near, far) = connected(&mut ring);
    send(&mut ring, 1, &[1; COPY_BYTES], true);
    ring.submit().unwrap();
    assert!(ring.memory_of(0).is_none());
    ring.remove(0).unwrap();
    let (_near, far_again) = connected(&mut ring);
    assert!(ring.memory_of(0).is_some());
    send(&mut ring, 2, &[2; 100], true);
    assert_eq!(next(&mut ring), (2, 100));
    assert_eq!((read(&far_again, 100), ring.memory.orphans.len()), (vec![2; 100], 1));
    // The first send goes on as the other side reads, and nothing has touched its bytes.
    let reader = std::thread::spawn(move || read(&far, COPY_BYTES));
    assert_eq!(next(&mut ring), (1, COPY_BYTES as i32));
    assert!(reader.join().unwrap().iter().all(|&byte| byte == 1));
    assert!(ring.memory.orphans.is_empty());
    drop(near);
}

#[test]
fn a_send_that_does_not_wait_says_what_is_left_and_the_rest_follows() {
    let mut ring = ring();
    let (near, far) = connected(&mut ring);
    // Silent while there is room.
    send(&mut ring, 1, &[1; 100], false);
    ring.submit().unwrap();
    assert!(ring.next_completion().is_none() && ring.memory_of(0).is_some());
    assert_eq!(read(&far, 100), [1; 100]);
    // Some of it fits; then nothing does.
    let bytes: Vec<u8> = (0..COPY_BYTES).map(|at| (at % 251) as u8).collect();
    send(&mut ring, 1, &bytes, false);
    let (token, sent) = next(&mut ring);
    let sent = sent as usize;
    assert!(token == 1 && (1..COPY_BYTES).contains(&sent), "{sent}");
    let filled = fill(&near);
    assert!(ring.send_rest(2, 0, sent, COPY_BYTES));
    ring.submit().unwrap();
    assert!(ring.memory_of(0).is_none() && !ring.send_rest(3, 0, 0, 1));
    let far_too = far.try_clone().unwrap();
    let reader = std::thread::spawn(move || read(&far_too, filled + COPY_BYTES));
    assert_eq!(next(&mut ring), (2, (COPY_BYTES - sent) as i32));
    let read = reader.join().unwrap();
    assert!(read[..sent] == bytes[..sent] && read[sent + filled..] == bytes[sent..]);
    // No room at all.
    fill(&near);
    send(&mut ring, 4, b"x", false);
    assert_eq!(next(&mut ring), (4, -libc::EAGAIN));
    assert!(ring.memory_of(0).is_some());
}
