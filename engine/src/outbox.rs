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
    #[should_panic(expected = "out of range")]
    fn more_than_there_is_room_for_is_refused() {
        collected(2, |out| out.push(b"abc"));
    }
}
