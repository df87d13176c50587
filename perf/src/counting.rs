//! An allocator that counts what each thread asks of it. The only file of this package with `unsafe`.
//!
//! It hands everything on to the system's allocator; the counts are the thread's own, so that a server or a collector
//! in the same process does not disturb the count of a shard. Giving memory back is not counted: what is never taken
//! is never given back.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ops::Sub;

/// What one thread has allocated. A reallocation counts as an allocation of its new size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Allocations {
    pub(crate) count: u64,
    pub(crate) bytes: u64,
}

impl Sub for Allocations {
    type Output = Allocations;

    fn sub(self, earlier: Allocations) -> Allocations {
        Allocations { count: self.count - earlier.count, bytes: self.bytes - earlier.bytes }
    }
}

thread_local! {
    // A constant without a destructor: reaching it neither allocates nor registers anything.
    static TAKEN: Cell<Allocations> = const { Cell::new(Allocations { count: 0, bytes: 0 }) };
}

/// What the calling thread has allocated so far.
pub(crate) fn on_this_thread() -> Allocations {
    TAKEN.get()
}

fn count(bytes: usize) {
    let taken = TAKEN.get();
    TAKEN.set(Allocations { count: taken.count + 1, bytes: taken.bytes + bytes as u64 });
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: every method passes its arguments to the system's allocator and returns what that returns, so it keeps the
// contract that the system's allocator keeps. Counting touches no memory of either, does not allocate and does not panic.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: our caller's promise about `layout` is the one that is asked for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        count(bytes);
        // SAFETY: the block came from the system's allocator with this layout, because everything here does; `bytes` is
        // our caller's promise.
        unsafe { System.realloc(block, layout, bytes) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the block came from the system's allocator with this layout.
        unsafe { System.dealloc(block, layout) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hint::black_box;

    fn counted(work: impl FnOnce()) -> Allocations {
        let before = on_this_thread();
        work();
        on_this_thread() - before
    }

    #[test]
    fn every_way_to_take_memory_is_counted() {
        assert_eq!(counted(|| drop(black_box(Box::new([0_u8; 7])))), Allocations { count: 1, bytes: 7 });
        assert_eq!(counted(|| drop(black_box(vec![0_u8; 9]))), Allocations { count: 1, bytes: 9 });
        let mut bytes: Vec<u8> = Vec::with_capacity(10);
        assert_eq!(counted(|| black_box(&mut bytes).reserve_exact(20)), Allocations { count: 1, bytes: 20 });
    }

    #[test]
    fn what_another_thread_takes_is_not_counted() {
        let (ready, wait) = std::sync::mpsc::sync_channel::<()>(0);
        let other = std::thread::spawn(move || {
            let _ = wait.recv();
            counted(|| drop(black_box(Box::new([0_u8; 4_096])))).count
        });
        let before = on_this_thread();
        drop(ready);
        while !other.is_finished() {
            std::hint::spin_loop();
        }
        assert_eq!(on_this_thread() - before, Allocations::default());
        assert_eq!(other.join().unwrap(), 1);
    }
}
