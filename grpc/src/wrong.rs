//! What can be wrong with a call and with the files that say what can be called: the problem, its place, and what to do.

/// Why files do not say what can be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongFile {
    /// What is wrong, with the file, and the line in it where that is known.
    pub problem: String,
    /// What to do.
    pub fix: String,
}

/// Why a call cannot be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongCall {
    /// Which part of it is wrong.
    pub part: CallPart,
    /// What is wrong, with the place in a message.
    pub problem: String,
    /// What to do.
    pub fix: String,
}

/// A part of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallPart {
    /// The method.
    Method,
    /// When its messages are sent.
    Pace,
    /// The message with this number.
    Message(usize),
}
