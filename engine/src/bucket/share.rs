//! A shard's share of what is dealt out one by one.

/// Which shard of how many; the two numbers must not be confused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// From 0.
    pub shard: u64,
    /// At least 1.
    pub shards: u64,
}

impl Share {
    /// This shard's part of `whole` things dealt out one by one.
    pub fn of(self, whole: u64) -> u64 {
        whole / self.shards + u64::from(self.shard < whole % self.shards)
    }
}
