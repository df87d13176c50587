//! What of a message of DNS tells whose reply it is, and what it says (RFC 1035, section 4.1).
//!
//! Names are passed over and compared; what the records of a reply hold is not looked at.

/// Number, flags, and four counts.
pub(super) const HEADER_BYTES: usize = 12;
const IS_RESPONSE: u8 = 0x80;
const IS_TRUNCATED: u8 = 0x02;
/// The two highest bits of a label's length: one of them says that it is something else.
const NO_LABEL: u8 = 0xc0;
/// What follows a question's name: type and class.
const TYPE_AND_CLASS_BYTES: usize = 4;

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

/// A reply, as far as it is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DnsReply {
    pub(super) number: u16,
    pub(super) rcode: u8,
    pub(super) is_truncated: bool,
    /// The question that is repeated in it. Some replies that say of a failure leave it out.
    pub(super) question: RepeatedQuestion,
}

/// What a reply repeats of what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RepeatedQuestion {
    Absent,
    /// Known by a number that is the same for the same question.
    Known(u64),
    /// There are several, or what is there is none.
    Other,
}

/// Reads a message; nothing where it is no response.
#[inline]
pub(super) fn reply(message: &[u8]) -> Option<DnsReply> {
    let header: &[u8; HEADER_BYTES] = message.first_chunk()?;
    let [number_high, number_low, flags, rcode, questions_high, questions_low, ..] = *header;
    if flags & IS_RESPONSE == 0 {
        return None;
    }
    let question = match (u16::from_be_bytes([questions_high, questions_low]), question(message)) {
        (0, _) => RepeatedQuestion::Absent,
        (_, Some(question)) => RepeatedQuestion::Known(question),
        (_, None) => RepeatedQuestion::Other,
    };
    Some(DnsReply {
        number: u16::from_be_bytes([number_high, number_low]),
        rcode: rcode & 0x0f,
        is_truncated: flags & IS_TRUNCATED != 0,
        question,
    })
}

/// The only question of a message: its name in whatever case (RFC 4343), its type and its class.
#[inline]
pub(super) fn question(message: &[u8]) -> Option<u64> {
    if message.get(4..6)? != [0, 1] {
        return None;
    }
    let (mut at, mut hash) = (HEADER_BYTES, FNV_OFFSET);
    loop {
        let length = *message.get(at)?;
        hash = hashed(hash, length);
        at += 1;
        if length == 0 {
            break;
        }
        if length & NO_LABEL != 0 {
            return None;
        }
        let label = message.get(at..at + usize::from(length))?;
        hash = label.iter().fold(hash, |hash, byte| hashed(hash, byte.to_ascii_lowercase()));
        at += usize::from(length);
    }
    let rest = message.get(at..at + TYPE_AND_CLASS_BYTES)?;
    Some(rest.iter().fold(hash, |hash, byte| hashed(hash, *byte)))
}

/// FNV-1a.
fn hashed(hash: u64, byte: u8) -> u64 {
    (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME)
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUERY: &[u8] = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x03www\x07example\x03org\0\0\x1c\0\x01";

    fn response(query: &[u8], flags: [u8; 2]) -> Vec<u8> {
        let mut response = query.to_vec();
        response[2..4].copy_from_slice(&flags);
        response
    }

    #[test]
    fn a_response_says_its_number_its_code_and_whether_it_was_cut_short() {
        let read = reply(&response(QUERY, [0x83, 0x85])).unwrap();
        assert_eq!((read.number, read.rcode, read.is_truncated), (0x1234, 5, true));
        let read = reply(&response(QUERY, [0x81, 0x80])).unwrap();
        assert_eq!((read.rcode, read.is_truncated), (0, false));
        assert_eq!(read.question, RepeatedQuestion::Known(question(QUERY).unwrap()));
    }

    #[test]
    fn a_query_and_less_than_a_header_are_no_response() {
        assert_eq!(reply(QUERY), None);
        assert_eq!(reply(&response(QUERY, [0x81, 0x80])[..11]), None);
        assert_eq!(reply(b""), None);
    }

    #[test]
    fn questions_are_the_same_in_whatever_case_and_with_whatever_behind_them() {
        let upper = QUERY.to_ascii_uppercase();
        let with_more = [QUERY, b"\xc0\x0c\0\x1c\0\x01"].concat();
        for same in [&upper[..], &with_more] {
            assert_eq!(question(same), question(QUERY));
        }
    }

    #[test]
    fn another_name_type_class_or_border_between_labels_is_another_question() {
        let mut other_type = QUERY.to_vec();
        other_type[QUERY.len() - 3] = 1;
        let mut other_class = QUERY.to_vec();
        other_class[QUERY.len() - 1] = 3;
        let mut other_name = QUERY.to_vec();
        other_name[14] = b'x';
        let one_label = [&QUERY[..12], b"\x0bwww.example\x03org\0\0\x1c\0\x01"].concat();
        for other in [other_type, other_class, other_name, one_label] {
            assert_ne!(question(&other).unwrap(), question(QUERY).unwrap());
        }
    }

    #[test]
    fn a_reply_without_a_question_is_told_from_one_whose_question_cannot_be_read() {
        let mut none = response(QUERY, [0x81, 0x81]);
        none[5] = 0;
        assert_eq!(reply(&none).unwrap().question, RepeatedQuestion::Absent);
        let mut two = response(QUERY, [0x81, 0x80]);
        two[5] = 2;
        let pointer = [&response(QUERY, [0x81, 0x80])[..12], b"\xc0\x0c\0\x01\0\x01"].concat();
        for other in [&two[..], &pointer, &response(QUERY, [0x81, 0x80])[..20]] {
            assert_eq!(reply(other).unwrap().question, RepeatedQuestion::Other);
        }
    }
}
