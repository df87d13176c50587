//! Masks: what a client sends is XORed with four bytes, over and over (RFC 6455, section 5.3).

/// How many bytes a mask has.
pub(super) const MASK_BYTES: usize = 4;

/// Masks a payload from its beginning on, eight bytes at a time.
pub(super) fn apply(mask: [u8; MASK_BYTES], payload: &mut [u8]) {
    let four = u64::from(u32::from_ne_bytes(mask));
    let eight = four << 32 | four;
    let (words, rest) = payload.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ eight).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask.into_iter().cycle()) {
        *byte ^= mask;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_bytes_at_a_time_are_what_one_at_a_time_is() {
        let mask = [0x37, 0xfa, 0x21, 0x3d];
        for length in 0..40_usize {
            let plain: Vec<u8> = (0..length as u8).collect();
            let mut masked = plain.clone();
            apply(mask, &mut masked);
            let by_byte: Vec<u8> = plain.iter().enumerate().map(|(at, byte)| byte ^ mask[at % 4]).collect();
            assert_eq!(masked, by_byte);
            apply(mask, &mut masked);
            assert_eq!(masked, plain, "twice is never");
        }
    }

    #[test]
    fn the_example_of_the_standard_is_masked_as_there() {
        let mut hello = *b"Hello";
        apply([0x37, 0xfa, 0x21, 0x3d], &mut hello);
        assert_eq!(hello, [0x7f, 0x9f, 0x4d, 0x51, 0x58]);
    }
}
