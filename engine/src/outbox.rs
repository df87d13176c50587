//! Where requests are written: the memory from which they are sent, so that nothing is copied once more.

/// A cursor in memory that somebody else owns, and has laid out for the longest that is ever written.
#[derive(Debug)]
pub struct Outbox<'a> {
    memory: &'a mut [u8],
    filled: &'a mut usize,
}

impl<'a> Outbox<'a> {
    /// An outbox in `memory`, of which `filled` bytes are in use already. What is appended is counted there.
    #[inline]
    pub fn new(memory: &'a mut [u8], filled: &'a mut usize) -> Outbox<'a> {
        Outbox { memory, filled }
    }

    /// Appends bytes. Panics when there is no room for them.
    #[inline]
    pub fn push(&mut self, bytes: &[u8]) {
        let end = *self.filled + bytes.len();
        self.memory[*self.filled..end].copy_from_slice(bytes);
        *self.filled = end;
    }

    /// Leaves room for bytes that are written later, by [`Outbox::bytes_from_mut`]. What they are until then is anything. Panics
    /// when there is no room for them.
    #[inline]
    pub fn reserve(&mut self, bytes: usize) {
        let end = *self.filled + bytes;
        assert!(end <= self.memory.len(), "{bytes} bytes are out of range of an outbox with {}", self.room());
        *self.filled = end;
    }

    /// Takes back what is behind the first `filled` bytes.
    #[inline]
    pub fn truncate(&mut self, filled: usize) {
        *self.filled = filled.min(*self.filled);
    }

    /// What is in it from a place on, to be changed.
    #[inline]
    pub fn bytes_from_mut(&mut self, start: usize) -> &mut [u8] {
        &mut self.memory[start..*self.filled]
    }

    /// The memory behind what is in it, to be written to; [`Outbox::reserve`] then counts what was written.
    pub fn free_mut(&mut self) -> &mut [u8] {
        &mut self.memory[*self.filled..]
    }

    /// How many more bytes there is room for: none where the memory is in use.
    #[inline]
    pub fn room(&self) -> usize {
        self.memory.len().saturating_sub(*self.filled)
    }

    /// The same with room for no more than `bytes` more.
    #[inline]
    pub fn limited(&mut self, bytes: usize) -> Outbox<'_> {
        let end = self.memory.len().min(*self.filled + bytes);
        Outbox { memory: &mut self.memory[..end], filled: self.filled }
    }

    /// What is in it.
    pub fn bytes(&self) -> &[u8] {
        &self.memory[..*self.filled]
    }

    /// How many bytes are in it.
    #[inline]
    pub fn filled(&self) -> usize {
        *self.filled
    }
}

/// What is written into an outbox with room for `bytes_max`, as a value of its own.
pub fn collected(bytes_max: usize, write: impl FnOnce(&mut Outbox<'_>)) -> Vec<u8> {
    let (mut memory, mut filled) = (vec![0; bytes_max], 0);
    write(&mut Outbox::new(&mut memory, &mut filled));
    memory.truncate(filled);
    memory
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_appended_stands_behind_what_was_there() {
        let (mut memory, mut filled) = ([b'.'; 8], 2);
        let mut out = Outbox::new(&mut memory, &mut filled);
        out.push(b"ab");
        out.push(b"");
        out.push(b"c");
        assert_eq!((out.filled(), out.bytes()), (5, &b"..abc"[..]));
        assert_eq!((&memory, filled), (b"..abc...", 5));
        assert_eq!(collected(9, |out| out.push(b"x")), b"x");
    }

    #[test]
    fn what_is_reserved_is_written_later_and_taken_back() {
        let (mut memory, mut filled) = ([b'.'; 8], 1);
        let mut out = Outbox::new(&mut memory, &mut filled);
        out.reserve(2);
        out.push(b"cd");
        out.bytes_from_mut(1)[..2].copy_from_slice(b"ab");
        assert_eq!((out.bytes(), out.room()), (&b".abcd"[..], 3));
        out.free_mut()[..2].copy_from_slice(b"ef");
        out.reserve(1);
        assert_eq!(out.bytes(), b".abcde");
        out.truncate(3);
        out.truncate(7);
        assert_eq!((out.bytes(), out.room()), (&b".ab"[..], 5));
    }

    #[test]
    fn a_limited_one_is_the_same_with_less_room() {
        let (mut memory, mut filled) = ([b'.'; 8], 1);
        let mut out = Outbox::new(&mut memory, &mut filled);
        let mut limited = out.limited(3);
        limited.push(b"ab");
        assert_eq!(limited.room(), 1);
        assert_eq!((out.filled(), out.room(), out.limited(99).room()), (3, 5, 5));
    }

    #[test]
    #[should_panic(expected = "out of range")]
    fn more_than_there_is_room_for_is_not_reserved() {
        collected(2, |out| out.reserve(3));
    }

    #[test]
    #[should_panic(expected = "out of range")]
    fn more_than_there_is_room_for_is_refused() {
        collected(2, |out| out.push(b"abc"));
    }
}
