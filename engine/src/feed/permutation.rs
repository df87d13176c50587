//! Numbers below a bound in an order that is drawn, each computed by itself: no list of them is kept.
//!
//! A network of Feistel over the least power of four that is not below the bound; what falls outside is put through again until it does
//! not (Black and Rogaway, "Ciphers with Arbitrary Finite Domains", 2002). A network is a permutation whatever its rounds compute.

/// With four rounds of a good function a network cannot be told from a permutation that is drawn (Luby and Rackoff, 1988); small
/// domains take more.
const ROUNDS: u64 = 8;

/// Where a number stands among those below `count`, by a key: another number for each of them.
pub(super) fn place_of(number: u64, count: u64, key: u64) -> u64 {
    assert!(number < count, "only numbers below the bound have a place");
    let half_bits = (u64::BITS - (count - 1).leading_zeros()).div_ceil(2).max(1);
    let mut place = number;
    loop {
        place = network(place, half_bits, key);
        if place < count {
            return place;
        }
    }
}

fn network(number: u64, half_bits: u32, key: u64) -> u64 {
    let mask = (1_u64 << half_bits) - 1;
    let (mut left, mut right) = (number >> half_bits, number & mask);
    for round in 0..ROUNDS {
        (left, right) = (right, left ^ (spread(key.wrapping_add(round << 56) ^ right) >> (64 - half_bits)));
    }
    left << half_bits | right
}

/// Every bit of the result depends on every bit given (the finaliser of SplitMix64: Steele, Lea and Flood, 2014).
fn spread(bits: u64) -> u64 {
    let bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
