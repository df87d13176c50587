//! The key of one direction of a connection: seals records where they stand, and opens them where they lie.
//!
//! After RFC 8446 section 5.2; of TLS 1.2 after RFC 5288 and RFC 7905.
//! A nonce is the key's IV with the record's number in it. A number is given out once, before it is used: whatever fails
//! afterwards, no nonce comes again.

use super::alert::{
    Alert, BAD_RECORD_MAC, Breach, DECODE_ERROR, INTERNAL_ERROR, RECORD_OVERFLOW, UNEXPECTED_MESSAGE,
};
use super::records::{HEADER_BYTES, PLAINTEXT_BYTES_MAX, RecordContent};
use engine::plan::TlsVersion;
use ring::aead::{
    AES_128_GCM, AES_256_GCM, Aad, Algorithm, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey,
};
use rustls::ConnectionTrafficSecrets;

/// The tag that every record ends with.
const TAG_BYTES: usize = 16;
/// The part of a nonce that AES-GCM has in the record on TLS 1.2.
const EXPLICIT_NONCE_BYTES: usize = 8;
/// The version that every record names.
const VERSION: [u8; 2] = [3, 3];
/// The most that sealing puts before a record's plaintext.
pub(super) const FRONT_BYTES_MAX: usize = HEADER_BYTES + EXPLICIT_NONCE_BYTES;
/// The most that it puts behind.
pub(super) const BACK_BYTES_MAX: usize = TAG_BYTES + 1;

const BROKEN: Breach = Breach::new(
    BAD_RECORD_MAC,
    "the target sent a TLS record that its key does not open: it was changed on the way",
);
const UNSEALED: Breach = Breach::new(INTERNAL_ERROR, "a TLS record could not be sealed");
const WORN: Breach = Breach {
    alert: Alert::None,
    kind: engine::outcome::Kind::Tls,
    why: "the key has sealed as many records as is safe, and TLS 1.2 has no new one: the connection is made again",
};

/// How records look, and what their tags cover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RecordForm {
    /// TLS 1.3: the true content and padding are inside.
    V1_3,
    /// TLS 1.2 with AES-GCM: part of the nonce stands in the record.
    V1_2Explicit,
    /// TLS 1.2 with ChaCha20-Poly1305.
    V1_2,
}

/// The key of one direction.
#[derive(Debug)]
pub(super) struct RecordKey {
    key: LessSafeKey,
    iv: [u8; NONCE_LEN],
    form: RecordForm,
    /// The number of the next record.
    sequence: u64,
    /// So many records may be sealed by it.
    sequence_max: u64,
}

impl RecordKey {
    /// A key as rustls hands it over, with the number of the next record, and how many records its cipher allows.
    pub(super) fn new(
        version: TlsVersion,
        (sequence, secrets): (u64, ConnectionTrafficSecrets),
        sequence_max: u64,
    ) -> Result<RecordKey, Breach> {
        let no_cipher = Breach::new(INTERNAL_ERROR, "a cipher was agreed on that there is no code for");
        let (algorithm, key, iv): (&'static Algorithm, _, _) = match secrets {
            ConnectionTrafficSecrets::Aes128Gcm { key, iv } => (&AES_128_GCM, key, iv),
            ConnectionTrafficSecrets::Aes256Gcm { key, iv } => (&AES_256_GCM, key, iv),
            ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv } => (&CHACHA20_POLY1305, key, iv),
            _ => return Err(no_cipher),
        };
        let form = match version {
            TlsVersion::V1_3 => RecordForm::V1_3,
            TlsVersion::V1_2 if algorithm == &CHACHA20_POLY1305 => RecordForm::V1_2,
            TlsVersion::V1_2 => RecordForm::V1_2Explicit,
        };
        let key = UnboundKey::new(algorithm, key.as_ref()).map_err(|_| no_cipher)?;
        let iv = iv.as_ref().try_into().map_err(|_| no_cipher)?;
        Ok(RecordKey { key: LessSafeKey::new(key), iv, form, sequence, sequence_max })
    }

    /// What stands before a record's plaintext.
    #[inline]
    pub(super) fn front_bytes(&self) -> usize {
        match self.form {
            RecordForm::V1_3 | RecordForm::V1_2 => HEADER_BYTES,
            RecordForm::V1_2Explicit => HEADER_BYTES + EXPLICIT_NONCE_BYTES,
        }
    }

    /// What stands behind it.
    #[inline]
    pub(super) fn back_bytes(&self) -> usize {
        match self.form {
            RecordForm::V1_3 => 1 + TAG_BYTES,
            RecordForm::V1_2 | RecordForm::V1_2Explicit => TAG_BYTES,
        }
    }

    /// How many more records may be sealed by it.
    #[inline]
    pub(super) fn records_left(&self) -> u64 {
        self.sequence_max.saturating_sub(self.sequence)
    }

    /// Seals a record in place: its plaintext stands between room for [`RecordKey::front_bytes`] and [`RecordKey::back_bytes`].
    #[inline]
    pub(super) fn seal(&mut self, content: RecordContent, record: &mut [u8]) -> Result<(), Breach> {
        if self.form == RecordForm::V1_3 {
            let end = record.len() - TAG_BYTES;
            record[end - 1] = content as u8;
            return self.seal_inner(record);
        }
        let sequence = self.next_number()?;
        let nonce = self.nonce(sequence);
        let (head, body) = record.split_at_mut(self.front_bytes());
        let explicit = &mut head[HEADER_BYTES..];
        explicit.copy_from_slice(&nonce[NONCE_LEN - explicit.len()..]);
        let payload_bytes = explicit.len() + body.len();
        head[..HEADER_BYTES].copy_from_slice(&header(content, payload_bytes));
        let (text, tag) = body.split_at_mut(body.len() - TAG_BYTES);
        let covered = covered_1_2(sequence, content, text.len());
        let nonce = Nonce::assume_unique_for_key(nonce);
        let sealed = self.key.seal_in_place_separate_tag(nonce, Aad::from(covered), text);
        tag.copy_from_slice(sealed.map_err(|_| UNSEALED)?.as_ref());
        Ok(())
    }

    /// Seals a record of TLS 1.3, in which what it holds and its padding stand already.
    #[inline]
    pub(super) fn seal_inner(&mut self, record: &mut [u8]) -> Result<(), Breach> {
        let sequence = self.next_number()?;
        let nonce = Nonce::assume_unique_for_key(self.nonce(sequence));
        let (head, body) = record.split_at_mut(HEADER_BYTES);
        let header = header(RecordContent::Application, body.len());
        head.copy_from_slice(&header);
        let (inner, tag) = body.split_at_mut(body.len() - TAG_BYTES);
        let sealed = self.key.seal_in_place_separate_tag(nonce, Aad::from(header), inner);
        tag.copy_from_slice(sealed.map_err(|_| UNSEALED)?.as_ref());
        Ok(())
    }

    /// Opens a whole record in place: what it holds, and its plaintext.
    #[inline]
    pub(super) fn open<'r>(&mut self, record: &'r mut [u8]) -> Result<(RecordContent, &'r mut [u8]), Breach> {
        let outer = RecordContent::of(record[0]).ok_or(BROKEN)?;
        if self.form == RecordForm::V1_3 && outer != RecordContent::Application {
            return Err(Breach::new(
                UNEXPECTED_MESSAGE,
                "the target sent a TLS record in clear after the handshake",
            ));
        }
        let front = self.front_bytes();
        if record.len() < front + self.back_bytes() {
            return Err(Breach::new(
                DECODE_ERROR,
                "the target sent a TLS record that is too short for its tag",
            ));
        }
        let sequence = self.sequence;
        self.sequence += 1;
        let (head, body) = record.split_at_mut(front);
        if self.form == RecordForm::V1_3 {
            return self.open_inner(sequence, head, body);
        }
        let mut nonce = self.nonce(sequence);
        let explicit = &head[HEADER_BYTES..];
        nonce[NONCE_LEN - explicit.len()..].copy_from_slice(explicit);
        let covered = covered_1_2(sequence, outer, body.len() - TAG_BYTES);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let plaintext = self.key.open_in_place(nonce, Aad::from(covered), body).map_err(|_| BROKEN)?;
        within_bounds(plaintext.len())?;
        Ok((outer, plaintext))
    }

    /// Opens a record of TLS 1.3.
    #[inline]
    fn open_inner<'r>(
        &mut self,
        sequence: u64,
        head: &[u8],
        body: &'r mut [u8],
    ) -> Result<(RecordContent, &'r mut [u8]), Breach> {
        let nonce = Nonce::assume_unique_for_key(self.nonce(sequence));
        let inner = self.key.open_in_place(nonce, Aad::from(head), body).map_err(|_| BROKEN)?;
        within_bounds(inner.len() - 1)?;
        // Behind the content's number there may be any number of zeros, which are padding.
        let end = inner.iter().rposition(|byte| *byte != 0);
        let content = end.and_then(|end| RecordContent::of(inner[end]));
        match (content, end) {
            (Some(content), Some(end)) if content != RecordContent::ChangeCipherSpec => {
                Ok((content, &mut inner[..end]))
            }
            _ => Err(Breach::new(UNEXPECTED_MESSAGE, "the target sent a TLS record of an unknown kind")),
        }
    }

    /// Gives out a number for a record, once.
    #[inline]
    fn next_number(&mut self) -> Result<u64, Breach> {
        let sequence = self.sequence;
        if sequence >= self.sequence_max {
            return Err(WORN);
        }
        self.sequence = sequence + 1;
        Ok(sequence)
    }

    #[inline]
    fn nonce(&self, sequence: u64) -> [u8; NONCE_LEN] {
        let mut nonce = self.iv;
        let number = &mut nonce[NONCE_LEN - size_of::<u64>()..];
        number.iter_mut().zip(sequence.to_be_bytes()).for_each(|(byte, of_number)| *byte ^= of_number);
        nonce
    }
}

fn header(content: RecordContent, payload_bytes: usize) -> [u8; HEADER_BYTES] {
    let length = (payload_bytes as u16).to_be_bytes();
    [content as u8, VERSION[0], VERSION[1], length[0], length[1]]
}

/// What a tag covers beside the plaintext on TLS 1.2.
#[inline]
fn covered_1_2(sequence: u64, content: RecordContent, plaintext_bytes: usize) -> [u8; 13] {
    let mut covered = [0; 13];
    covered[..8].copy_from_slice(&sequence.to_be_bytes());
    covered[8..].copy_from_slice(&header(content, plaintext_bytes));
    covered
}

#[inline]
fn within_bounds(plaintext_bytes: usize) -> Result<(), Breach> {
    if plaintext_bytes > PLAINTEXT_BYTES_MAX {
        return Err(Breach::new(RECORD_OVERFLOW, "the target sent a TLS record with more in it than may be"));
    }
    Ok(())
}

#[cfg(test)]
impl RecordKey {
    /// Leaves it so many records to seal.
    pub(super) fn leave(&mut self, records: u64) {
        self.sequence_max = self.sequence + records;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    proptest! {
        #[test]
        fn no_nonce_is_used_twice_whatever_fails(
            iv in any::<[u8; NONCE_LEN]>(),
            sequence in prop_oneof![Just(0), Just(u64::MAX - 40), any::<u64>()],
            explicit in any::<bool>(),
            lengths in prop::collection::vec(prop_oneof![0_usize..300, Just(70_000)], 1..60),
        ) {
            let mut key = RecordKey {
                key: LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &[7; 16]).unwrap()),
                iv,
                form: if explicit { RecordForm::V1_2Explicit } else { RecordForm::V1_3 },
                sequence,
                sequence_max: sequence.saturating_add(50),
            };
            let mut seen = HashSet::new();
            for (count, length) in lengths.into_iter().enumerate() {
                let before = key.sequence;
                let mut record = vec![0; key.front_bytes() + length + key.back_bytes()];
                let sealed = key.seal(RecordContent::Application, &mut record);
                prop_assert_eq!(sealed.is_ok(), (count as u64) < key.sequence_max - sequence);
                if key.sequence == before {
                    prop_assert_eq!(sealed.unwrap_err(), WORN);
                    continue;
                }
                prop_assert!(seen.insert(key.nonce(before)), "a nonce came twice");
                if explicit {
                    prop_assert_eq!(&record[HEADER_BYTES..HEADER_BYTES + 8], &key.nonce(before)[4..]);
                }
            }
        }
    }

    /// RFC 8448 section 3: the client's finished application data record, its keys derived there.
    #[test]
    fn a_record_of_the_standard_is_sealed_byte_for_byte() {
        let bytes = |text: &str| -> Vec<u8> {
            let text: String = text.split_whitespace().collect();
            (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
        };
        let key = bytes("17 42 2d da 59 6e d5 d9 ac d8 90 e3 c6 3f 50 51");
        let iv = bytes("5b 78 92 3d ee 08 57 90 33 e5 23 d9");
        let mut key = RecordKey {
            key: LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).unwrap()),
            iv: iv.try_into().unwrap(),
            form: RecordForm::V1_3,
            sequence: 0,
            sequence_max: 2,
        };
        let plaintext: Vec<u8> = (0..50).collect();
        let mut record = [&[0; 5][..], &plaintext, &[0; 17]].concat();
        key.seal(RecordContent::Application, &mut record).unwrap();
        let expected = "17 03 03 00 43 a2 3f 70 54 b6 2c 94 d0 af fa fe 82 28 ba 55 cb ef ac ea 42 f9 14 aa 66 bc ab 3f 2b 98 19 a8
            a5 b4 6b 39 5b d5 4a 9a 20 44 1e 2b 62 97 4e 1f 5a 62 92 a2 97 70 14 bd 1e 3d ea e6 3a ee bb 21 69 49 15 e4";
        assert_eq!(record, bytes(expected));
    }
}
