//! A connection whose handshake is done: what is sent is sealed, what comes is opened, and keys are renewed in time.

use super::alert::{
    Breach, CLOSE_NOTIFY, DECODE_ERROR, INTERNAL_ERROR, LEVEL_FATAL, LEVEL_WARNING, NO_RENEGOTIATION,
    UNEXPECTED_MESSAGE, USER_CANCELED,
};
use super::keys::RecordKey;
use super::messages::{MessageReader, OUR_KEY_UPDATE, PostHandshake};
use super::records::{PLAINTEXT_BYTES_MAX, RecordContent};
use engine::outbox::Outbox;
use engine::plan::TlsVersion;
use rustls::client::ClientConnectionData;
use rustls::kernel::KernelConnection;
use std::fmt;

/// So many messages and empty records in a row are taken with no data between them.
const IDLE_MAX: u32 = 32;
/// Keys are renewed while they may seal so many more records than are about to be: those say that they are renewed.
const RECORDS_IN_RESERVE: u64 = 8;

/// A key of TLS 1.2, which has no next one, is worn when it may seal so many more records: what is under way by then has as many left as a
/// gibibyte needs.
pub(super) const RECORDS_WHEN_WORN: u64 = 1 << 16;

/// The target asks for another handshake again and again.
const ASKED_AGAIN: Breach =
    Breach::new(NO_RENEGOTIATION, "the target asks for another TLS handshake, which was refused before");

/// Where in an outbox the plaintext of something that will be sealed begins.
#[must_use]
#[derive(Clone, Copy, Debug)]
pub struct SealMark {
    /// Where the first record will begin.
    start: usize,
    /// How far behind that the plaintext does.
    room: usize,
    /// The most records that there is room for.
    records: usize,
}

/// The keys of a connection, and what is known of the other side's.
pub(super) struct Established {
    version: TlsVersion,
    sealing: RecordKey,
    opening: RecordKey,
    /// Makes new keys, and keeps tickets.
    kernel: KernelConnection<ClientConnectionData>,
    keeps_tickets: bool,
    messages: MessageReader,
    /// The other side asked for our next key: it is told before the next data.
    owes_key_update: bool,
    /// Messages and empty records since the last data.
    idle: u32,
    /// Why nothing can be sealed any more.
    unsealable: Option<Breach>,
    is_closed: bool,
    /// It was asked for another handshake, and has refused.
    has_refused: bool,
}

/// What a record was.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Opened<'r> {
    /// Data.
    Data(&'r mut [u8]),
    /// Something between the two sides of TLS.
    Nothing,
}

impl Established {
    /// With the keys of both directions, and whether tickets are of use.
    pub(super) fn new(
        version: TlsVersion,
        [sealing, opening]: [RecordKey; 2],
        kernel: KernelConnection<ClientConnectionData>,
        keeps_tickets: bool,
    ) -> Established {
        Established {
            version,
            sealing,
            opening,
            kernel,
            keeps_tickets,
            messages: MessageReader::new(version),
            owes_key_update: false,
            idle: 0,
            unsealable: None,
            is_closed: false,
            has_refused: false,
        }
    }

    /// The other side said that it sends no more.
    pub(super) fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// The key that seals is at its end, and there will be no other.
    #[inline]
    pub(super) fn is_worn(&self) -> bool {
        self.sealing.records_left() <= RECORDS_WHEN_WORN && self.version == TlsVersion::V1_2
    }

    /// Leaves room for what stands before the plaintext that is appended next.
    #[inline]
    pub(super) fn begin(&mut self, bytes_max: usize, out: &mut Outbox<'_>) -> SealMark {
        let records = bytes_max.div_ceil(PLAINTEXT_BYTES_MAX).max(1);
        if self.owes_key_update || self.sealing.records_left() < records as u64 + RECORDS_IN_RESERVE {
            self.renew(out);
        }
        let overhead = self.sealing.front_bytes() + self.sealing.back_bytes();
        let (start, room) = (out.filled(), records * overhead - self.sealing.back_bytes());
        out.reserve(room);
        SealMark { start, room, records }
    }

    /// Seals what was appended since.
    #[inline]
    pub(super) fn seal(&mut self, mark: SealMark, out: &mut Outbox<'_>) -> Result<(), Breach> {
        let mut left = out.filled() - mark.start - mark.room;
        if left == 0 {
            out.truncate(mark.start);
            return Ok(());
        }
        assert!(left <= mark.records * PLAINTEXT_BYTES_MAX, "more was appended than was said before");
        if let Some(breach) = self.unsealable {
            return Err(breach);
        }
        let (front, back) = (self.sealing.front_bytes(), self.sealing.back_bytes());
        out.reserve(back);
        let memory = out.bytes_from_mut(mark.start);
        let (mut from, mut to) = (mark.room, 0);
        while left > 0 {
            let fragment = left.min(PLAINTEXT_BYTES_MAX);
            // All room for heads and tags stands before the first fragment, so that each moves to the front, and none onto
            // one that is still to be moved.
            if from != to + front {
                memory.copy_within(from..from + fragment, to + front);
            }
            let record = &mut memory[to..to + front + fragment + back];
            self.sealing.seal(RecordContent::Application, record)?;
            (from, to, left) = (from + fragment, to + front + fragment + back, left - fragment);
        }
        out.truncate(mark.start + to);
        Ok(())
    }

    /// Opens a whole record. What has to be answered is appended.
    #[inline]
    pub(super) fn open<'r>(
        &mut self,
        record: &'r mut [u8],
        out: &mut Outbox<'_>,
    ) -> Result<Opened<'r>, Breach> {
        if self.is_closed {
            // What comes after the announced end is not to be looked at.
            return Ok(Opened::Nothing);
        }
        let (content, plaintext) = self.opening.open(record)?;
        if content == RecordContent::Application && !plaintext.is_empty() && !self.messages.is_inside() {
            self.idle = 0;
            return Ok(Opened::Data(plaintext));
        }
        self.note_idle()?;
        self.digest(content, plaintext, out).map(|()| Opened::Nothing)
    }

    /// Everything but data.
    #[cold]
    fn digest(
        &mut self,
        content: RecordContent,
        plaintext: &[u8],
        out: &mut Outbox<'_>,
    ) -> Result<(), Breach> {
        match content {
            RecordContent::Handshake => self.digest_messages(plaintext, out),
            _ if self.messages.is_inside() => Err(Breach::new(
                UNEXPECTED_MESSAGE,
                "the target sent something else in the middle of a TLS message",
            )),
            RecordContent::Alert => self.digest_alert(plaintext),
            RecordContent::Application => Ok(()),
            RecordContent::ChangeCipherSpec => Err(Breach::new(
                UNEXPECTED_MESSAGE,
                "the target sent a ChangeCipherSpec of TLS after the handshake",
            )),
        }
    }

    fn digest_alert(&mut self, alert: &[u8]) -> Result<(), Breach> {
        let &[level, code] = alert else {
            return Err(Breach::new(DECODE_ERROR, "the target sent a TLS alert that is none"));
        };
        match code {
            CLOSE_NOTIFY => {
                self.is_closed = true;
                Ok(())
            }
            USER_CANCELED => Ok(()),
            // On TLS 1.3 the level says nothing: all the others are fatal.
            _ if level == LEVEL_WARNING && self.version == TlsVersion::V1_2 => Ok(()),
            _ => Err(Breach::received(code)),
        }
    }

    fn digest_messages(&mut self, mut bytes: &[u8], out: &mut Outbox<'_>) -> Result<(), Breach> {
        if bytes.is_empty() {
            return Err(Breach::new(UNEXPECTED_MESSAGE, "the target sent an empty record of TLS messages"));
        }
        while let Some(message) = self.messages.next(&mut bytes)? {
            match message {
                PostHandshake::LongTicket => {}
                PostHandshake::Ticket(_) if !self.keeps_tickets => {}
                PostHandshake::Ticket(ticket) => {
                    let malformed = Breach::new(DECODE_ERROR, "the target sent a malformed session ticket");
                    self.kernel.handle_new_session_ticket(ticket).map_err(|_| malformed)?;
                }
                PostHandshake::HelloRequest if self.has_refused => return Err(ASKED_AGAIN),
                PostHandshake::HelloRequest => self.refuse_renegotiation(out)?,
                PostHandshake::KeyUpdate { .. } if !bytes.is_empty() => {
                    return Err(Breach::new(
                        UNEXPECTED_MESSAGE,
                        "the target sent more in the record of a TLS KeyUpdate, which has to be its last message",
                    ));
                }
                PostHandshake::KeyUpdate { is_requested } => self.follow_key_update(is_requested)?,
            }
            if bytes.is_empty() {
                break;
            }
            self.note_idle()?;
        }
        Ok(())
    }

    /// One more that brings no data.
    fn note_idle(&mut self) -> Result<(), Breach> {
        self.idle += 1;
        if self.idle > IDLE_MAX {
            return Err(Breach::new(
                UNEXPECTED_MESSAGE,
                "the target sent a flood of TLS messages (KeyUpdates, tickets, warnings, empty records) and no data",
            ));
        }
        Ok(())
    }

    fn follow_key_update(&mut self, is_requested: bool) -> Result<(), Breach> {
        let secrets = self.kernel.update_rx_secret().map_err(|_| NO_NEW_KEY)?;
        self.opening = RecordKey::new(self.version, secrets, u64::MAX)?;
        self.owes_key_update |= is_requested;
        Ok(())
    }

    /// Announces our next key and takes it, in TLS 1.3. TLS 1.2 has no next key: there the last of the records' numbers fails.
    #[cold]
    fn renew(&mut self, out: &mut Outbox<'_>) {
        if self.version == TlsVersion::V1_2 {
            return;
        }
        let renewed = self.append(RecordContent::Handshake, &OUR_KEY_UPDATE, out).and_then(|()| {
            let secrets = self.kernel.update_tx_secret().map_err(|_| NO_NEW_KEY)?;
            let records_max = confidentiality_limit(&self.kernel);
            RecordKey::new(self.version, secrets, records_max)
        });
        match renewed {
            Ok(key) => {
                self.sealing = key;
                self.owes_key_update = false;
            }
            Err(breach) => self.unsealable = Some(breach),
        }
    }

    /// Once: the answers of a flood would take the room of what is sent.
    fn refuse_renegotiation(&mut self, out: &mut Outbox<'_>) -> Result<(), Breach> {
        self.has_refused = true;
        self.append(RecordContent::Alert, &[LEVEL_WARNING, NO_RENEGOTIATION], out)
    }

    /// Says goodbye, or what is wrong. Nothing can be said where there is no room, and then it is left out.
    pub(super) fn append_alert(&mut self, code: u8, out: &mut Outbox<'_>) {
        let level = if code == CLOSE_NOTIFY { LEVEL_WARNING } else { LEVEL_FATAL };
        if self.unsealable.is_none() {
            let _ = self.append(RecordContent::Alert, &[level, code], out);
        }
    }

    /// Appends a record of our own, if there is room for it.
    fn append(
        &mut self,
        content: RecordContent,
        plaintext: &[u8],
        out: &mut Outbox<'_>,
    ) -> Result<(), Breach> {
        let (front, back) = (self.sealing.front_bytes(), self.sealing.back_bytes());
        if out.room() < front + plaintext.len() + back {
            return Err(Breach::silent("there is no room to answer a message of TLS"));
        }
        let start = out.filled();
        out.reserve(front);
        out.push(plaintext);
        out.reserve(back);
        self.sealing.seal(content, out.bytes_from_mut(start))
    }
}

const NO_NEW_KEY: Breach = Breach::new(INTERNAL_ERROR, "no new key could be made for a TLS KeyUpdate");

/// So many records may be sealed by one key of a connection's cipher.
fn confidentiality_limit(kernel: &KernelConnection<ClientConnectionData>) -> u64 {
    match kernel.negotiated_cipher_suite() {
        rustls::SupportedCipherSuite::Tls13(suite) => suite.common.confidentiality_limit,
        rustls::SupportedCipherSuite::Tls12(suite) => suite.common.confidentiality_limit,
    }
}

impl fmt::Debug for Established {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Established");
        shown.field("version", &self.version).field("idle", &self.idle).field("is_closed", &self.is_closed);
        shown.finish_non_exhaustive()
    }
}

#[cfg(test)]
impl Established {
    /// The key that what is sent is sealed by.
    pub(super) fn sealing_mut(&mut self) -> &mut RecordKey {
        &mut self.sealing
    }
}
