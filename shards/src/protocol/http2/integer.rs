//! Integers of HPACK: a prefix of some bits, and seven bits in each further byte (RFC 7541, section 5.1).

/// The largest that is read: more than any length or index here, and no byte of it can overflow.
const INTEGER_MAX: u32 = 1 << 28;

/// Appends an integer; `first` holds the bits before its prefix of so many bits.
pub(super) fn write_integer(out: &mut Vec<u8>, first: u8, prefix_bits: u32, value: usize) {
    let prefix_max = (1_usize << prefix_bits) - 1;
    if value < prefix_max {
        return out.push(first | value as u8);
    }
    out.push(first | prefix_max as u8);
    let mut rest = value - prefix_max;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// Reads an integer with a prefix of so many bits, from there on; moves behind it. Nothing when its end is missing or it is too large.
#[inline]
pub(super) fn read_integer(bytes: &[u8], at: &mut usize, prefix_bits: u32) -> Option<usize> {
    let prefix_max = (1_u32 << prefix_bits) - 1;
    let mut value = u32::from(*bytes.get(*at)?) & prefix_max;
    *at += 1;
    if value < prefix_max {
        return Some(value as usize);
    }
    for shift in [0, 7, 14, 21, 28] {
        let byte = *bytes.get(*at)?;
        *at += 1;
        let bits = u32::from(byte & 0x7f);
        value += bits.checked_shl(shift).filter(|more| more >> shift == bits && *more <= INTEGER_MAX)?;
        if byte < 0x80 {
            return (value <= INTEGER_MAX).then_some(value as usize);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_of_the_appendix_are_written_and_read() {
        for (value, prefix_bits, expected) in
            [(10, 5, &[0b01010][..]), (1_337, 5, &[0b11111, 0b1001_1010, 0b1010]), (42, 8, &[0b10_1010])]
        {
            let mut written = Vec::new();
            write_integer(&mut written, 0, prefix_bits, value);
            assert_eq!(written, expected);
            let mut at = 0;
            assert_eq!((read_integer(expected, &mut at, prefix_bits), at), (Some(value), expected.len()));
        }
    }

    #[test]
    fn integers_without_end_and_beyond_any_length_are_refused() {
        for wrong in [&[][..], &[31], &[31, 0x80], &[31, 0x80, 0x80, 0x80, 0x80, 0x80, 0]] {
            assert_eq!(read_integer(wrong, &mut 0, 5), None, "{wrong:?}");
        }
        assert_eq!(read_integer(&[31, 0xff, 0xff, 0xff, 0xff, 0x0f], &mut 0, 5), None);
        assert_eq!(read_integer(&[31, 0xff, 0xff, 0xff, 0xff, 0x7f], &mut 0, 5), None);
        assert_eq!(read_integer(&[31, 0x80, 0x80, 0x01], &mut 0, 5), Some((1 << 14) + 31));
    }
}
