//! The Huffman code of HPACK (RFC 7541, section 5.2 and appendix B).
//!
//! The code is canonical: among symbols of one length, codes ascend with the symbol; so it follows from the lengths alone. Decoding
//! looks symbols of up to eight bits up in a table, which are all that text is made of, and compares longer ones by length.

/// Bits of each symbol's code; the last is that of the end of a string.
const LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, //
    28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28, //
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, //
    5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, //
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, //
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, //
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, //
    6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, //
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, //
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, //
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, //
    21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, //
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, //
    19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, //
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, //
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, //
    30,
];
const END_OF_STRING: u16 = 256;
/// Of all codes but that of the end of a string, the longest with it.
const LENGTH_MAX: usize = 30;
/// Symbols with at most this many bits are looked up.
const LOOKED_UP_BITS: usize = 8;

/// Codes, and the symbols in their order.
struct HuffmanCode {
    codes: [u32; 257],
    /// Symbols by length and then by code.
    symbols: [u16; 257],
    /// For each length the first code of it, the number of symbols, and where they begin among the symbols.
    first: [u32; LENGTH_MAX + 1],
    count: [u16; LENGTH_MAX + 1],
    start: [u16; LENGTH_MAX + 1],
    /// For each eight bits, the symbol they begin with and its length; the length is 0 where it is longer.
    short: [(u8, u8); 1 << LOOKED_UP_BITS],
}

const CODE: HuffmanCode = assigned();

/// Assigns codes as a canonical code has them.
const fn assigned() -> HuffmanCode {
    let mut code = HuffmanCode {
        codes: [0; 257],
        symbols: [0; 257],
        first: [0; LENGTH_MAX + 1],
        count: [0; LENGTH_MAX + 1],
        start: [0; LENGTH_MAX + 1],
        short: [(0, 0); 1 << LOOKED_UP_BITS],
    };
    let (mut next, mut placed, mut length) = (0_u32, 0, 1);
    while length <= LENGTH_MAX {
        next <<= 1;
        code.first[length] = next;
        code.start[length] = placed;
        let mut symbol = 0;
        while symbol < 257 {
            if LENGTHS[symbol] as usize == length {
                code.codes[symbol] = next;
                code.symbols[placed as usize] = symbol as u16;
                next += 1;
                placed += 1;
                code.count[length] += 1;
            }
            symbol += 1;
        }
        length += 1;
    }
    with_short(code)
}

/// Fills the table of short codes in.
const fn with_short(mut code: HuffmanCode) -> HuffmanCode {
    let mut symbol = 0;
    while symbol < 256 {
        let length = LENGTHS[symbol] as usize;
        if length <= LOOKED_UP_BITS {
            let spare = LOOKED_UP_BITS - length;
            let mut tail = 0;
            while tail < 1 << spare {
                let bits = ((code.codes[symbol] as usize) << spare) + tail;
                code.short[bits] = (symbol as u8, length as u8);
                tail += 1;
            }
        }
        symbol += 1;
    }
    code
}

static TABLE: HuffmanCode = CODE;

/// How many bytes a text becomes.
pub(super) fn encoded_bytes(text: &[u8]) -> usize {
    let bits: usize = text.iter().map(|&byte| usize::from(LENGTHS[usize::from(byte)])).sum();
    bits.div_ceil(8)
}

/// Appends a text in the code, filled up with ones.
pub(super) fn encode(text: &[u8], out: &mut Vec<u8>) {
    let (mut bits, mut held) = (0_u64, 0);
    for &byte in text {
        let length = u32::from(LENGTHS[usize::from(byte)]);
        bits = bits << length | u64::from(TABLE.codes[usize::from(byte)]);
        held += length;
        while held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
        }
    }
    if held > 0 {
        let spare = 8 - held;
        out.push((bits << spare) as u8 | ((1 << spare) - 1) as u8);
    }
}

/// What is wrong with a compressed string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WrongString {
    /// It is not in the code: the end of a string stands inside it, or what fills it up is no few ones.
    NotCoded,
    /// It has more bytes than there is room for.
    TooLong,
}

/// Decodes a string into memory; returns how many bytes it has.
pub(super) fn decode(coded: &[u8], memory: &mut [u8]) -> Result<usize, WrongString> {
    // Bits not yet decoded, the first of them the highest.
    let (mut bits, mut held, mut written) = (0_u64, 0_u32, 0);
    let mut coded = coded.iter();
    loop {
        while held <= 56 {
            let Some(&byte) = coded.next() else { break };
            bits |= u64::from(byte) << (56 - held);
            held += 8;
        }
        let (symbol, length) = symbol_of(bits);
        if length > held || length == 0 {
            // What is left over is shorter than any symbol, or only looks like a part of one.
            return padding(bits, held).map(|()| written);
        }
        if symbol == END_OF_STRING {
            return Err(WrongString::NotCoded);
        }
        *memory.get_mut(written).ok_or(WrongString::TooLong)? = symbol as u8;
        written += 1;
        bits <<= length;
        held -= length;
    }
}

/// The symbol that bits begin with, and its length.
#[inline]
fn symbol_of(bits: u64) -> (u16, u32) {
    let (symbol, length) = TABLE.short[(bits >> (64 - LOOKED_UP_BITS)) as usize];
    if length > 0 {
        return (symbol.into(), length.into());
    }
    for length in LOOKED_UP_BITS + 1..=LENGTH_MAX {
        let code = (bits >> (64 - length)) as u32;
        let place = code.wrapping_sub(TABLE.first[length]);
        if place < u32::from(TABLE.count[length]) {
            let symbol = TABLE.symbols[usize::from(TABLE.start[length]) + place as usize];
            return (symbol, length as u32);
        }
    }
    (END_OF_STRING, 0)
}

/// Checks what fills the last byte up: fewer than eight bits, and ones alone.
fn padding(bits: u64, held: u32) -> Result<(), WrongString> {
    let ones = !(u64::MAX >> held.min(63));
    if held < 8 && bits & ones == ones { Ok(()) } else { Err(WrongString::NotCoded) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encoded(text: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        encode(text, &mut out);
        assert_eq!(out.len(), encoded_bytes(text));
        out
    }

    fn decoded(coded: &[u8]) -> Result<Vec<u8>, WrongString> {
        let mut memory = [0; 1 << 10];
        decode(coded, &mut memory).map(|length| memory[..length].to_vec())
    }

    #[test]
    fn codes_are_those_of_the_appendix() {
        for (symbol, code, length) in [
            (b'0', 0x0, 5),
            (b't', 0x9, 5),
            (b' ', 0x14, 6),
            (b'X', 0xfc, 8),
            (0_u8, 0x1ff8, 13),
            (0xf9, 0xffffffe, 28),
            (b'\n', 0x3ffffffc, 30),
        ] {
            assert_eq!((TABLE.codes[usize::from(symbol)], LENGTHS[usize::from(symbol)]), (code, length));
        }
        assert_eq!(TABLE.codes[usize::from(END_OF_STRING)], 0x3fffffff, "every code is used");
    }

    #[test]
    fn strings_of_the_appendix_are_coded_both_ways() {
        let coded = [0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff];
        assert_eq!(encoded(b"www.example.com"), coded);
        assert_eq!(decoded(&coded).unwrap(), b"www.example.com");
    }

    #[test]
    fn what_fills_a_string_up_is_checked() {
        assert_eq!(decoded(&[]).unwrap(), b"");
        // 'a' is 00011, and three ones fill it up.
        assert_eq!(decoded(&[0b0001_1111]).unwrap(), b"a");
        for wrong in [&[0b0001_1110][..], &[0b0001_1111, 0xff], &[0xff], &[0xff; 4], &[0xff; 40]] {
            assert_eq!(decoded(wrong), Err(WrongString::NotCoded), "{wrong:?}");
        }
        assert_eq!(decode(&encoded(b"abc"), &mut [0; 2]), Err(WrongString::TooLong));
    }

    proptest! {
        #[test]
        fn any_bytes_are_the_same_after_decoding(text in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert_eq!(decoded(&encoded(&text)).unwrap(), text);
        }

        #[test]
        fn whatever_is_decoded_is_coded_the_same_way(coded in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(text) = decoded(&coded) {
                prop_assert_eq!(encoded(&text), coded);
            }
        }
    }
}
