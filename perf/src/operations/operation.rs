//! What an operation is: something prepared once, and done as often as asked.

/// Does an operation so many times.
pub type Work = Box<dyn FnMut(u64)>;

/// One operation.
#[derive(Clone, Copy)]
pub struct CountedOperation {
    /// What it is about: the module here, the file in `benches/`.
    pub noun: &'static str,
    /// Which of the noun's.
    pub name: &'static str,
    /// How many make a measurement: enough that a whole number of instructions each is no coarse figure, and few enough
    /// that a simulated processor does them in a second. What is done is always a multiple of this.
    pub batch: u64,
    /// Prepares it.
    pub make: fn() -> Work,
}

impl CountedOperation {
    /// Noun and name, as tables and baselines have it.
    pub fn title(&self) -> String {
        format!("{}/{}", self.noun, self.name)
    }
}
