//! The raw ring, behind functions that are safe to call; all that is `unsafe` in a run.
//!
//! What makes that so, in four rules. (1) Memory the kernel reads or writes belongs to the [`Ring`] and is neither moved
//! nor freed while the kernel has it: constants and addresses are boxed at the start, outgoing bytes are copied into a slot's own
//! box, its [`Home`]. (2) A home is written to only when it is not lent. A send that waits lends it until it completes; one
//! that must not wait, until the kernel has taken it from the queue. A slot that is emptied meanwhile leaves the box to the send.
//! (3) A receive buffer is handed out as a [`ReceiveBuffer`] that cannot be copied, is good for the ring that made it alone, and
//! is the kernel's again only when that is given back. (4) On drop, all work is cancelled and waited for before any memory
//! goes; if that fails the memory is leaked.
//!
//! The traps of `docs/decisions/001-raw-ring-beside-glommio.md` live here: GETEVENTS on every enter (a DEFER_TASKRUN ring delivers
//! nothing without), MSG_WAITALL with CQE_SKIP_SUCCESS (a short send would be lost in silence), no MSG_WAITALL with
//! MSG_TRUNC (the receive hangs).

use crate::clock;
use engine::plan::DATAGRAM_BYTES_MAX;
use io_uring::types::{CancelBuilder, Fixed, SubmitArgs, Timespec};
use io_uring::{EnterFlags, IoUring, cqueue, opcode, squeue, types};
use socket2::{SockAddr, Socket};
use std::io;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::os::fd::{AsRawFd, RawFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};

/// Bytes of one receive buffer. Only what is written to becomes resident.
pub(crate) const BUFFER_BYTES: usize = 16 << 10;
/// The most completions taken from the queue at a time.
const BATCH: usize = 128;
/// The group that receive buffers of streams belong to.
const BUFFER_GROUP: u16 = 0;
/// Those of datagrams are longer than any datagram is, so that none is ever cut. Their numbers begin where the others' end.
const DATAGRAM_BUFFER_BYTES: usize = u16::MAX as usize;
const DATAGRAM_BUFFER_GROUP: u16 = 1;
const DATAGRAM_BUFFER_FIRST: u16 = 1 << 15;
/// Marks the completions of sends that a home is lent to; callers' tokens are below it. The rest of such a mark is the loan's
/// number and the slot.
const LENT: u64 = 1 << 63;
const LOANS_MASK: u32 = (1 << 31) - 1;
/// Most submissions between two enters; the queue is entered early when it is full.
const SUBMISSIONS: u32 = 512;

/// What a ring is made for.
pub struct Setup {
    /// Sockets that can be installed at a time.
    pub slots: u32,
    /// Receive buffers, a power of two.
    pub buffers: u16,
    /// Addresses that can be connected to.
    pub addresses: Vec<SockAddr>,
    /// Byte strings that can be sent without being copied.
    pub constants: Vec<Vec<u8>>,
    /// The most bytes one send copies; 0 when none does.
    pub copy_bytes_max: usize,
    /// Some of the sockets are of datagrams.
    pub has_datagrams: bool,
}

/// One io_uring with its registered files, buffers and bytes to send.
pub struct Ring {
    uring: ManuallyDrop<IoUring>,
    /// What enter takes: the registered index, or the descriptor on kernels without.
    enter_fd: (RawFd, EnterFlags),
    has_absolute_timeouts: bool,
    is_plain: bool,
    buffers: ManuallyDrop<StreamBuffers>,
    /// Those of datagrams, where there are any.
    datagrams: ManuallyDrop<Option<DatagramBuffers>>,
    memory: ManuallyDrop<SendMemory>,
    copy_bytes_max: usize,
    /// Loans so far, wrapping: a late completion is not taken for that of a younger send.
    loans: u32,
    /// What went wrong where it could not be returned.
    failure: Option<io::Error>,
    pending: u32,
    batch: Box<[MaybeUninit<cqueue::Entry>; BATCH]>,
    batch_at: usize,
    batch_end: usize,
    counters: RingCounters,
}

/// What the kernel reads: never moved, never freed while it may.
struct SendMemory {
    addresses: Box<[SockAddr]>,
    constants: Box<[Box<[u8]>]>,
    homes: Box<[Home]>,
    /// Homes of slots that were emptied while a send had them, until it completes.
    orphans: Vec<(Loan, Box<[u8]>)>,
}

/// A slot's memory for bytes to send, and who has it.
#[derive(Default)]
struct Home {
    bytes: Box<[u8]>,
    /// It is the kernel's until this many submissions have been taken.
    taken_at: u64,
    /// It is the kernel's until this send completes.
    loan: Option<Loan>,
}

impl Home {
    /// Its memory, where the kernel has given all of it back that it had before so many submissions were taken.
    fn free(&mut self, submissions: u64) -> Option<&mut [u8]> {
        (self.loan.is_none() && self.taken_at <= submissions).then_some(&mut self.bytes)
    }
}

/// A send that has a home until it completes.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Loan {
    mark: u64,
    token: u64,
}

/// What the ring has done so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RingCounters {
    pub(crate) enters: u64,
    pub(crate) submissions: u64,
    pub(crate) completions: u64,
    /// Enters that found completions set aside for want of room.
    pub(crate) overflowed: u64,
}

/// One completion.
#[derive(Debug)]
pub struct Done {
    /// What was given with the submission.
    pub token: u64,
    /// Bytes or a descriptor, or a negated errno.
    pub result: i32,
    /// The buffer that was filled, if one was.
    pub buffer: Option<ReceiveBuffer>,
    /// True when a multishot operation stays armed.
    pub more: bool,
}

/// A filled receive buffer of one ring. Give it back with [`Ring::recycle`].
#[derive(Debug)]
#[must_use = "the kernel has one buffer less until it is given back"]
pub struct ReceiveBuffer {
    id: u16,
    bytes: u16,
    ring: u32,
}

const _: () = assert!(BUFFER_BYTES <= u16::MAX as usize, "a buffer's length fits its field");
const _: () = assert!(DATAGRAM_BUFFER_BYTES > DATAGRAM_BYTES_MAX, "no datagram is cut");

/// Features a kernel has or lacks, as probed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Features {
    /// SINGLE_ISSUER | DEFER_TASKRUN were accepted.
    pub(crate) deferred_taskrun: bool,
    /// Absolute timeouts (6.12), where the kernel's clock is ours: not in a time namespace that moves it.
    pub(crate) absolute_timeouts: bool,
}

impl Ring {
    /// Makes the ring on the calling thread, which must be the one to use it. Probes from the newest setup flags down.
    pub fn new(setup: Setup) -> io::Result<Ring> {
        let completions = (setup.slots.saturating_mul(4)).next_power_of_two().clamp(1_024, 65_536);
        let (uring, is_plain) = build_uring(completions)?;
        uring.submitter().register_files_sparse(setup.slots)?;
        let buffers = BufferRing::new(setup.buffers)?;
        buffers.register(&uring, BUFFER_GROUP)?;
        let datagrams = match setup.has_datagrams {
            true => Some(DatagramBuffers::new(setup.buffers)?),
            false => None,
        };
        if let Some(datagrams) = &datagrams {
            datagrams.register(&uring, DATAGRAM_BUFFER_GROUP)?;
        }
        let enter_fd = register_ring_fd(uring.as_raw_fd());
        let memory = SendMemory {
            addresses: setup.addresses.into_boxed_slice(),
            constants: setup.constants.into_iter().map(Vec::into_boxed_slice).collect(),
            homes: (0..setup.slots).map(|_| Home::default()).collect(),
            orphans: Vec::new(),
        };
        Ok(Ring {
            // NO_IOWAIT came later than min-timeouts, which came with absolute timeouts in 6.12.
            has_absolute_timeouts: uring.params().is_feature_min_timeout() && !clock::may_be_offset(),
            is_plain,
            uring: ManuallyDrop::new(uring),
            enter_fd,
            buffers: ManuallyDrop::new(buffers),
            datagrams: ManuallyDrop::new(datagrams),
            memory: ManuallyDrop::new(memory),
            copy_bytes_max: setup.copy_bytes_max,
            loans: 0,
            failure: None,
            pending: 0,
            batch: Box::new([const { MaybeUninit::uninit() }; BATCH]),
            batch_at: 0,
            batch_end: 0,
            counters: RingCounters::default(),
        })
    }

    /// What this kernel offered.
    pub(crate) fn features(&self) -> Features {
        Features { deferred_taskrun: !self.is_plain, absolute_timeouts: self.has_absolute_timeouts }
    }

    /// Puts a socket into a slot of the registered files, and lays out the slot's memory where it has none. The socket itself
    /// stays the caller's.
    pub fn install(&mut self, slot: u32, socket: &Socket) -> io::Result<()> {
        self.lay_out(slot);
        self.uring.submitter().register_files_update(slot, &[socket.as_raw_fd()]).map(drop)
    }

    /// Lays out a slot's memory where it has none.
    pub(crate) fn lay_out(&mut self, slot: u32) {
        let home = &mut self.memory.homes[slot as usize];
        if home.bytes.is_empty() {
            home.bytes = vec![0; self.copy_bytes_max].into_boxed_slice();
        }
    }

    /// Empties a slot. Work under way on it goes on until the socket is shut down or the work is cancelled.
    pub(crate) fn remove(&mut self, slot: u32) -> io::Result<()> {
        let home = &mut self.memory.homes[slot as usize];
        if let Some(loan) = home.loan.take() {
            let bytes = std::mem::take(&mut home.bytes);
            self.memory.orphans.push((loan, bytes));
        }
        self.uring.submitter().register_files_update(slot, &[-1]).map(drop)
    }

    /// Connects a slot to one of the addresses.
    pub(crate) fn connect(&mut self, token: u64, slot: u32, address: usize) {
        let address = &self.memory.addresses[address];
        let entry = opcode::Connect::new(Fixed(slot), address.as_ptr().cast(), address.len()).build();
        self.push(entry.user_data(token));
    }

    /// Accepts connections into free slots until cancelled; each completion's result is the slot.
    pub(crate) fn accept(&mut self, token: u64, listener: &Socket) {
        let entry =
            opcode::AcceptMulti::new(types::Fd(listener.as_raw_fd())).allocate_file_index(true).build();
        self.push(entry.user_data(token));
    }

    /// Sends the first `bytes` of a constant. Successes are silent unless `is_reported`.
    pub fn send_constant(&mut self, token: u64, slot: u32, constant: usize, bytes: usize, is_reported: bool) {
        let source = &self.memory.constants[constant][..bytes];
        self.push(send_entry(slot, source, is_reported).user_data(token));
    }

    /// A slot's memory for bytes to send, where nothing else has it.
    pub(crate) fn memory_of(&mut self, slot: u32) -> Option<&mut [u8]> {
        self.memory.homes[slot as usize].free(self.counters.submissions)
    }

    /// The bytes in a buffer, and a slot's memory for bytes to send, where nothing else has it.
    pub(crate) fn exchange<'a>(
        &'a mut self,
        slot: u32,
        buffer: &'a mut ReceiveBuffer,
    ) -> (&'a mut [u8], Option<&'a mut [u8]>) {
        let memory = self.memory.homes[slot as usize].free(self.counters.submissions);
        if !self.buffers.has(buffer) {
            return (datagram_bytes(&mut self.datagrams, buffer), memory);
        }
        (self.buffers.bytes(buffer), memory)
    }

    /// Sends the first `bytes` of the slot's memory, which nothing else may have. It waits for as long as it takes when it
    /// `is_reported`. Else it does not wait: where the socket has no room it completes with EAGAIN or fewer bytes, and
    /// [`Ring::send_rest`] sends what is left.
    pub(crate) fn send_written(&mut self, token: u64, slot: u32, bytes: usize, is_reported: bool) {
        assert!(self.memory_of(slot).is_some(), "the kernel has the slot's memory");
        if is_reported {
            return self.lend(token, slot, 0, bytes);
        }
        // It is over, well or not, when the kernel has taken it: MSG_DONTWAIT keeps it from being set aside, with its memory,
        // until the socket has room. MSG_WAITALL remains, because a short send without is silent.
        let source = &self.memory.homes[slot as usize].bytes[..bytes];
        let send = opcode::Send::new(Fixed(slot), source.as_ptr(), source.len() as u32);
        let flags = libc::MSG_WAITALL | libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;
        self.push(send.flags(flags).build().flags(squeue::Flags::SKIP_SUCCESS).user_data(token));
        self.memory.homes[slot as usize].taken_at = self.counters.submissions + u64::from(self.pending);
    }

    /// Sends each datagram in the first `bytes` of the slot's memory by itself; none of them waits, so the memory is free once the kernel
    /// has taken them. Successes are silent, but for that of the last one where that is reported, which then has the second token.
    /// False when the memory is in use.
    pub(crate) fn send_datagrams(
        &mut self,
        tokens: [u64; 2],
        slot: u32,
        bytes: usize,
        is_reported: bool,
    ) -> bool {
        let mut at = 0;
        while at < bytes {
            let Some(memory) = self.memory_of(slot) else { return false };
            let Some(range) = crate::wire::datagrams(&memory[at..bytes]).next() else { break };
            let (from, to) = (at + range.start, at + range.end);
            at = to;
            let source = &memory[from..to];
            let is_told = is_reported && to == bytes;
            let send = opcode::Send::new(Fixed(slot), source.as_ptr(), source.len() as u32);
            let entry = send.flags(libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT).build();
            let entry = if is_told { entry } else { entry.flags(squeue::Flags::SKIP_SUCCESS) };
            self.push(entry.user_data(tokens[usize::from(is_told)]));
        }
        self.memory.homes[slot as usize].taken_at = self.counters.submissions + u64::from(self.pending);
        true
    }

    /// Sends the rest of the last copy, which was `bytes` long, from `from` on; it is reported. False when the memory is in use,
    /// so that the rest is no longer there.
    pub(crate) fn send_rest(&mut self, token: u64, slot: u32, from: usize, bytes: usize) -> bool {
        let can_send = self.memory_of(slot).is_some();
        if can_send {
            self.lend(token, slot, from, bytes);
        }
        can_send
    }

    /// Sends a part of a slot's memory, which is the kernel's until that completes.
    fn lend(&mut self, token: u64, slot: u32, from: usize, to: usize) {
        assert!(token < LENT, "a caller's token");
        self.loans = (self.loans + 1) & LOANS_MASK;
        let mark = LENT | u64::from(self.loans) << 32 | u64::from(slot);
        let home = &mut self.memory.homes[slot as usize];
        home.loan = Some(Loan { mark, token });
        let entry = send_entry(slot, &home.bytes[from..to], true);
        self.push(entry.user_data(mark));
    }

    /// Takes back what a completed send had; returns the token it was submitted with.
    fn take_back(&mut self, mark: u64) -> u64 {
        let SendMemory { homes, orphans, .. } = &mut *self.memory;
        let home = &mut homes[mark as u32 as usize];
        if let Some(loan) = home.loan.take_if(|loan| loan.mark == mark) {
            return loan.token;
        }
        let orphan = orphans.iter().position(|(loan, _)| loan.mark == mark);
        let orphan = orphan.expect("a send completes once, and has its memory until then");
        orphans.swap_remove(orphan).0.token
    }

    /// Receives into provided buffers, again and again, until it ends or is cancelled.
    pub fn receive_multi(&mut self, token: u64, slot: u32) {
        let entry = opcode::RecvMulti::new(Fixed(slot), BUFFER_GROUP).build();
        self.push(entry.user_data(token));
    }

    /// The same of datagrams, one into each buffer.
    pub(crate) fn receive_datagrams(&mut self, token: u64, slot: u32) {
        let entry = opcode::RecvMulti::new(Fixed(slot), DATAGRAM_BUFFER_GROUP).build();
        self.push(entry.user_data(token));
    }

    /// Receives once, at most `bytes`, into a provided buffer.
    pub(crate) fn receive_once(&mut self, token: u64, slot: u32, bytes: u32) {
        let entry =
            opcode::Recv::new(Fixed(slot), std::ptr::null_mut(), bytes).buf_group(BUFFER_GROUP).build();
        self.push(entry.flags(squeue::Flags::BUFFER_SELECT).user_data(token));
    }

    /// Receives once, at most `bytes`, and throws them away inside the kernel.
    pub(crate) fn discard(&mut self, token: u64, slot: u32, bytes: u32) {
        let entry =
            opcode::Recv::new(Fixed(slot), std::ptr::null_mut(), bytes).flags(libc::MSG_TRUNC).build();
        self.push(entry.user_data(token));
    }

    /// Lets the kernel announce data on a socket only when this much is there, or the other side has closed: a long body
    /// that is thrown away then wakes us a few times, not once per segment. Must never be more than what is still to come.
    pub(crate) fn set_low_water(&mut self, socket: &Socket, bytes: i32) {
        let length = size_of::<i32>() as libc::socklen_t;
        // SAFETY: the descriptor is open, and the option is an int that lives across the call. A refusal only costs wake-ups.
        unsafe {
            let value = (&raw const bytes).cast();
            libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_RCVLOWAT, value, length);
        }
    }

    /// Cancels the work submitted under `target`; that work then completes with ECANCELED.
    pub(crate) fn cancel(&mut self, token: u64, target: u64) {
        let entry = opcode::AsyncCancel::new(target).build();
        self.push(entry.flags(squeue::Flags::SKIP_SUCCESS).user_data(token));
    }

    /// True when an enter would do something: submissions wait, or completions do. Two loads.
    #[inline]
    pub(crate) fn has_work(&mut self) -> bool {
        self.pending > 0
            || self.is_plain
            || self.has_batch()
            || self.uring.submission().cq_overflow()
            || self.uring.submission().taskrun()
            || !self.uring.completion().is_empty()
    }

    /// Submits what is pending and delivers what is ready. Does not wait.
    pub(crate) fn submit(&mut self) -> io::Result<()> {
        self.enter(0, EnterFlags::GETEVENTS, None)
    }

    /// Submits, then waits until a completion is there or CLOCK_MONOTONIC reaches `until_ns`. Waiting for several at a time,
    /// with a bound on how long the first may lie, was measured to cost as much per request, and would make times longer.
    pub(crate) fn wait(&mut self, now_ns: u64, until_ns: u64) -> io::Result<()> {
        if self.has_batch() {
            return self.submit();
        }
        let mut flags = EnterFlags::GETEVENTS | EnterFlags::EXT_ARG;
        let timeout_ns = if self.has_absolute_timeouts {
            flags |= EnterFlags::ABS_TIMER;
            until_ns
        } else {
            until_ns.saturating_sub(now_ns)
        };
        let seconds = timeout_ns / 1_000_000_000;
        let timespec = Timespec::new().sec(seconds).nsec((timeout_ns % 1_000_000_000) as u32);
        self.enter(1, flags, Some(SubmitArgs::new().timespec(&timespec)))
    }

    /// Submits, then waits until a completion is there, however long that takes.
    pub fn wait_for_completion(&mut self) -> io::Result<()> {
        self.enter(u32::from(!self.has_batch()), EnterFlags::GETEVENTS, None)
    }

    /// The next completion, if one is there.
    #[inline]
    pub fn next_completion(&mut self) -> Option<Done> {
        if self.batch_at == self.batch_end {
            self.refill();
            if self.batch_end == 0 {
                return None;
            }
        }
        // SAFETY: `fill` initialised the entries below `batch_end`, and `batch_at` is below it.
        let entry = unsafe { self.batch[self.batch_at].assume_init_ref() };
        self.batch_at += 1;
        let (result, flags) = (entry.result(), entry.flags());
        let (mut token, more) = (entry.user_data(), cqueue::more(flags));
        let buffer = match cqueue::buffer_select(flags) {
            Some(id) => Some(match self.buffers.filled(id, result) {
                Some(buffer) => buffer,
                None => filled_by_datagram(&self.datagrams, id, result),
            }),
            None if token & LENT != 0 => {
                token = self.take_back(token);
                None
            }
            None => None,
        };
        Some(Done { token, result, buffer, more })
    }

    /// The bytes in a buffer.
    #[inline]
    pub(crate) fn bytes<'a>(&'a mut self, buffer: &'a mut ReceiveBuffer) -> &'a mut [u8] {
        if !self.buffers.has(buffer) {
            return datagram_bytes(&mut self.datagrams, buffer);
        }
        self.buffers.bytes(buffer)
    }

    /// Gives a buffer back to the kernel.
    #[inline]
    pub fn recycle(&mut self, buffer: ReceiveBuffer) {
        if !self.buffers.has(&buffer) {
            return self.recycle_datagram(buffer);
        }
        self.buffers.take_back(buffer);
    }

    #[cold]
    #[inline(never)]
    fn recycle_datagram(&mut self, buffer: ReceiveBuffer) {
        self.datagrams.as_mut().expect(OF_THIS_RING).take_back(buffer);
    }

    /// What the ring has done so far.
    pub(crate) fn counters(&self) -> RingCounters {
        self.counters
    }

    /// Completions that were taken from the queue and not yet asked for.
    fn has_batch(&self) -> bool {
        self.batch_at < self.batch_end
    }

    fn refill(&mut self) {
        self.batch_at = 0;
        self.batch_end = self.uring.completion().fill(&mut self.batch[..]).len();
        self.counters.completions += self.batch_end as u64;
    }

    fn push(&mut self, entry: squeue::Entry) {
        // SAFETY: all memory an entry points to belongs to this ring and stays until the kernel is done with it (rules 1 and 2),
        // or is null where the kernel does not touch it (buffer selection, MSG_TRUNC).
        while unsafe { self.uring.submission().push(&entry) }.is_err() {
            // Full: hand over what is there. If the kernel takes nothing, the next enter reports it and the run ends.
            let before = self.pending;
            if let Err(error) = self.submit() {
                self.failure = Some(error);
                return;
            }
            if self.pending == before {
                self.failure = Some(io::Error::other("the kernel takes no submissions"));
                return;
            }
        }
        self.pending += 1;
    }

    fn enter(&mut self, want: u32, flags: EnterFlags, args: Option<SubmitArgs>) -> io::Result<()> {
        let (fd, registered) = self.enter_fd;
        self.counters.enters += 1;
        if let Some(error) = self.failure.take() {
            return Err(error);
        }
        if self.uring.submission().cq_overflow() {
            // The kernel keeps what found no room, and hands it over now.
            self.counters.overflowed += 1;
        }
        let submitted = enter(fd, self.pending, want, flags | registered, args.as_ref());
        match submitted {
            Ok(submitted) => {
                self.pending -= submitted.min(self.pending);
                self.counters.submissions += u64::from(submitted);
                Ok(())
            }
            // A timeout, a signal, or a completion queue to be emptied first: the loop meets all of them all the time. What
            // was submitted before a timeout is only known from the queue itself.
            Err(error) => match error.raw_os_error() {
                Some(libc::ETIME | libc::EINTR | libc::EBUSY | libc::EAGAIN) => {
                    let left = self.uring.submission().len() as u32;
                    self.counters.submissions += u64::from(self.pending.saturating_sub(left));
                    self.pending = left;
                    Ok(())
                }
                _ => Err(error),
            },
        }
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        let timeout = Timespec::new().sec(1);
        let is_quiet = match self.uring.submitter().register_sync_cancel(Some(timeout), CancelBuilder::any())
        {
            Ok(()) => true,
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        };
        // SAFETY: none of the four is used again. The ring goes first; the memory only when no work is left that could
        // touch it, and otherwise never.
        unsafe {
            ManuallyDrop::drop(&mut self.uring);
            if is_quiet {
                ManuallyDrop::drop(&mut self.buffers);
                ManuallyDrop::drop(&mut self.datagrams);
                ManuallyDrop::drop(&mut self.memory);
            }
        }
    }
}

/// A send that is complete or an error, never short (MSG_WAITALL), and silent when all went well.
fn send_entry(slot: u32, bytes: &[u8], is_reported: bool) -> squeue::Entry {
    let send = opcode::Send::new(Fixed(slot), bytes.as_ptr(), bytes.len() as u32);
    let entry = send.flags(libc::MSG_WAITALL | libc::MSG_NOSIGNAL).build();
    if is_reported { entry } else { entry.flags(squeue::Flags::SKIP_SUCCESS) }
}

/// How many datagrams came for a socket and were dropped by the kernel, because its queue was full; 0 where the kernel does not say
/// (before Linux 4.12).
pub(crate) fn dropped_datagrams(socket: &Socket) -> u64 {
    /// `asm-generic/socket.h`
    const SO_MEMINFO: libc::c_int = 55;
    const FIGURES: usize = libc::SK_MEMINFO_DROPS as usize + 1;
    let mut figures = [0_u32; FIGURES];
    let mut bytes = size_of_val(&figures) as libc::socklen_t;
    // SAFETY: the descriptor is open; the kernel writes no more than `bytes` into `figures`, and both live across the call.
    let result = unsafe {
        let value = figures.as_mut_ptr().cast();
        libc::getsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, SO_MEMINFO, value, &raw mut bytes)
    };
    if result == 0 { u64::from(figures[FIGURES - 1]) } else { 0 }
}

/// From the flags of the newest kernel down to none, the first that is accepted; and whether it was none.
fn build_uring(completions: u32) -> io::Result<(IoUring, bool)> {
    let mut last = None;
    for attempt in 0..3 {
        let mut builder = IoUring::builder();
        builder.setup_cqsize(completions).setup_clamp();
        if attempt < 2 {
            builder.setup_single_issuer().setup_defer_taskrun().setup_taskrun_flag().setup_submit_all();
        }
        if attempt < 1 {
            builder.setup_no_sqarray();
        }
        match builder.build(SUBMISSIONS) {
            Ok(uring) => return Ok((uring, attempt == 2)),
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => last = Some(error),
            Err(error) => return Err(error),
        }
    }
    Err(last.unwrap_or_else(|| io::Error::from_raw_os_error(libc::EINVAL)))
}

/// Registers the ring's own descriptor, which saves its lookup on every enter (5.18).
fn register_ring_fd(fd: RawFd) -> (RawFd, EnterFlags) {
    const REGISTER_RING_FDS: libc::c_uint = 20;
    #[repr(C)]
    struct Update {
        offset: u32,
        reserved: u32,
        data: u64,
    }
    let mut update = Update { offset: u32::MAX, reserved: 0, data: fd as u64 };
    // SAFETY: `update` has the layout of io_uring_rsrc_update and lives across the call.
    let registered =
        unsafe { libc::syscall(libc::SYS_io_uring_register, fd, REGISTER_RING_FDS, &raw mut update, 1) };
    if registered == 1 {
        (update.offset as RawFd, EnterFlags::REGISTERED_RING)
    } else {
        (fd, EnterFlags::empty())
    }
}

fn enter(fd: RawFd, submit: u32, want: u32, flags: EnterFlags, args: Option<&SubmitArgs>) -> io::Result<u32> {
    let (pointer, bytes) = match args {
        Some(args) => (std::ptr::from_ref(args).cast::<libc::c_void>(), size_of::<SubmitArgs>()),
        None => (std::ptr::null(), 0),
    };
    // SAFETY: the descriptor is a ring's; the arguments are null or a SubmitArgs, which is transparent over
    // io_uring_getevents_arg, and the timespec it points to lives in our caller.
    let result =
        unsafe { libc::syscall(libc::SYS_io_uring_enter, fd, submit, want, flags.bits(), pointer, bytes) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result as u32) }
}

/// Receive buffers in one mapping, and the queue by which the kernel is offered them.
struct BufferRing<const BYTES: usize, const FIRST: u16> {
    /// Which of this process's, so that a buffer of another is told from one of ours.
    identity: u32,
    entries: NonNull<types::BufRingEntry>,
    count: u16,
    tail: u16,
    data: NonNull<u8>,
}

/// Those of streams.
type StreamBuffers = BufferRing<BUFFER_BYTES, 0>;
/// Those of datagrams.
type DatagramBuffers = BufferRing<DATAGRAM_BUFFER_BYTES, DATAGRAM_BUFFER_FIRST>;

const OF_THIS_RING: &str = "a buffer of this ring";

/// A buffer with a datagram in it: there are no others that could have been filled.
#[cold]
#[inline(never)]
fn filled_by_datagram(datagrams: &Option<DatagramBuffers>, id: u16, result: i32) -> ReceiveBuffer {
    let filled = datagrams.as_ref().and_then(|datagrams| datagrams.filled(id, result));
    filled.expect("the kernel filled a buffer of ours")
}

/// The bytes in a buffer of a datagram.
#[cold]
#[inline(never)]
fn datagram_bytes<'a>(
    datagrams: &'a mut Option<DatagramBuffers>,
    buffer: &'a mut ReceiveBuffer,
) -> &'a mut [u8] {
    datagrams.as_mut().expect(OF_THIS_RING).bytes(buffer)
}

impl<const BYTES: usize, const FIRST: u16> BufferRing<BYTES, FIRST> {
    /// What one buffer takes of the mapping.
    const STRIDE: usize = BYTES.next_power_of_two();

    fn new(count: u16) -> io::Result<BufferRing<BYTES, FIRST>> {
        assert!(count.is_power_of_two(), "the kernel takes powers of two");
        let identity = identity()?;
        let entries = map(usize::from(count) * size_of::<types::BufRingEntry>())?;
        let data = map(usize::from(count) * Self::STRIDE)?;
        let mut ring = BufferRing { identity, entries: entries.cast(), count, tail: 0, data };
        (0..count).for_each(|id| ring.offer(id));
        Ok(ring)
    }

    /// Lets a ring's receives of a group fill these buffers.
    fn register(&self, uring: &IoUring, group: u16) -> io::Result<()> {
        // SAFETY: the entries are page-aligned, `count` long, and outlive the ring (rule 4).
        unsafe {
            uring.submitter().register_buf_ring_with_flags(self.entries.as_ptr() as u64, self.count, group, 0)
        }
    }

    /// Whether a buffer is one of these.
    #[inline]
    fn has(&self, buffer: &ReceiveBuffer) -> bool {
        buffer.ring == self.identity
    }

    /// A buffer that the kernel says it has filled. The only way to make one.
    #[inline]
    fn filled(&self, id: u16, result: i32) -> Option<ReceiveBuffer> {
        let bytes = result.max(0) as usize;
        let id = id.wrapping_sub(FIRST);
        let is_ours = id < self.count && bytes <= BYTES;
        is_ours.then_some(ReceiveBuffer { id, bytes: bytes as u16, ring: self.identity })
    }

    fn bytes<'a>(&'a mut self, buffer: &'a mut ReceiveBuffer) -> &'a mut [u8] {
        assert!(buffer.ring == self.identity, "{OF_THIS_RING}");
        // SAFETY: the range lies inside the mapping, as `filled` saw to; the kernel wrote it before the completion and does
        // not touch it until the buffer is offered again, which takes the `ReceiveBuffer` away from the caller (rule 3). There is
        // one `ReceiveBuffer` for each, and it is borrowed for as long as the slice lives.
        unsafe {
            let start = self.data.as_ptr().add(usize::from(buffer.id) * Self::STRIDE);
            std::slice::from_raw_parts_mut(start, usize::from(buffer.bytes))
        }
    }

    fn take_back(&mut self, buffer: ReceiveBuffer) {
        assert!(buffer.ring == self.identity, "{OF_THIS_RING}");
        self.offer(buffer.id);
    }

    fn offer(&mut self, id: u16) {
        let index = usize::from(self.tail & (self.count - 1));
        // SAFETY: the index is inside the mapping, and the entry is ours until the tail passes it. The tail lies in the
        // first entry's reserved bytes, aligned for a u16; the kernel reads it with acquire.
        unsafe {
            let entry = &mut *self.entries.as_ptr().add(index);
            entry.set_addr(self.data.as_ptr().add(usize::from(id) * Self::STRIDE) as u64);
            entry.set_len(BYTES as u32);
            entry.set_bid(FIRST + id);
            self.tail = self.tail.wrapping_add(1);
            let tail = types::BufRingEntry::tail(self.entries.as_ptr()).cast::<AtomicU16>();
            (*tail).store(self.tail, Ordering::Release);
        }
    }
}

impl<const BYTES: usize, const FIRST: u16> Drop for BufferRing<BYTES, FIRST> {
    fn drop(&mut self) {
        // SAFETY: both were mapped with these lengths, and the ring that used them is gone.
        unsafe {
            libc::munmap(
                self.entries.as_ptr().cast(),
                usize::from(self.count) * size_of::<types::BufRingEntry>(),
            );
            libc::munmap(self.data.as_ptr().cast(), usize::from(self.count) * Self::STRIDE);
        }
    }
}

/// A number that no other ring of this process has.
fn identity() -> io::Result<u32> {
    static RINGS: AtomicU32 = AtomicU32::new(0);
    let next = RINGS.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |rings| rings.checked_add(1));
    next.map_err(|_| io::Error::other("this process has made 4 billion rings"))
}

/// Zeroed pages that become resident when touched.
fn map(bytes: usize) -> io::Result<NonNull<u8>> {
    let (protection, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: a new anonymous mapping at an address of the kernel's choice.
    let address = unsafe { libc::mmap(std::ptr::null_mut(), bytes, protection, flags, -1, 0) };
    if address == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    NonNull::new(address.cast()).ok_or_else(io::Error::last_os_error)
}

#[cfg(test)]
mod tests;
