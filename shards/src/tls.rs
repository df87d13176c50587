//! TLS, the client's side, as a state machine: bytes that arrived go in, plaintext comes out, and what is to be sent is appended. It
//! knows no socket, and no time but for certificates.
//!
//! rustls does the handshake and hands over the keys. Records are sealed and opened here, in the memory that they are sent from and
//! arrive in: nothing is allocated for a record, and none is copied but one that is split over receive buffers. What rustls keeps
//! for us is the making of new keys and the storing of tickets.

mod alert;
mod client;
mod credentials;
mod established;
mod handshake;
mod key_log;
mod keys;
mod messages;
mod names;
mod reasons;
mod records;
mod sessions;
mod verifier;

pub use client::TlsClient;
pub use credentials::TlsFiles;
pub use established::SealMark;
pub use handshake::Agreed;

use crate::protocol::Unusable;
use alert::{Alert, Breach, CLOSE_NOTIFY};
use engine::outbox::Outbox;
use engine::outcome::Kind;
use established::{Established, Opened};
use handshake::{ClientHandshake, Failed};
use keys::{BACK_BYTES_MAX, FRONT_BYTES_MAX};
use messages::OUR_KEY_UPDATE;
use records::{Deframer, PLAINTEXT_BYTES_MAX};

/// What sealing adds to a plaintext of so many bytes at the most: a head and a tag for each record, and a KeyUpdate before them.
pub const fn sealing_bytes_max(bytes: usize) -> usize {
    let records = match bytes.div_ceil(PLAINTEXT_BYTES_MAX) {
        0 => 1,
        records => records,
    };
    (records + 1) * (FRONT_BYTES_MAX + BACK_BYTES_MAX) + OUR_KEY_UPDATE.len()
}

/// How much plaintext can be sealed into an outbox with so much room. A little more could be, at times.
pub const fn plaintext_room(room: usize) -> usize {
    room.saturating_sub(sealing_bytes_max(room))
}

/// The TLS of one connection.
#[derive(Debug, Default)]
pub struct Tls {
    stage: TlsStage,
    deframer: Deframer,
    agreed: Option<Box<Agreed>>,
    alert: Option<&'static str>,
    detail: Option<Box<str>>,
    has_refused_certificate: bool,
}

/// How far a connection is.
#[derive(Debug, Default)]
enum TlsStage {
    /// Not begun, or failed.
    #[default]
    Idle,
    Handshake(Box<ClientHandshake>),
    Ready(Box<Established>),
}

impl Tls {
    /// Of a connection that has not been made.
    pub fn new() -> Tls {
        Tls::default()
    }

    /// The connection is made, and not for the first time perhaps: a handshake begins. Appends its first message.
    pub fn start(&mut self, client: &TlsClient, out: &mut Outbox<'_>) -> Result<(), Unusable> {
        self.stage = TlsStage::Idle;
        self.deframer.clear();
        self.agreed = None;
        self.alert = None;
        self.detail = None;
        self.has_refused_certificate = false;
        match ClientHandshake::begin(client, out) {
            Ok(handshake) => {
                self.stage = TlsStage::Handshake(Box::new(handshake));
                Ok(())
            }
            Err(failed) => Err(self.fail(failed, out)),
        }
    }

    /// Whether data may be sent.
    #[inline]
    pub fn is_ready(&self) -> bool {
        matches!(self.stage, TlsStage::Ready(_))
    }

    /// What was agreed on, once data may be sent.
    pub fn agreed(&self) -> Option<&Agreed> {
        self.agreed.as_deref()
    }

    /// The alert that ended the connection, received or sent.
    pub fn alert(&self) -> Option<&'static str> {
        self.alert
    }

    /// All that is known of why the handshake failed: for a certificate, its dates or names.
    pub fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }

    /// Whether the handshake failed for the target's certificate, which may be valid elsewhere.
    pub fn has_refused_certificate(&self) -> bool {
        self.has_refused_certificate
    }

    /// Whether the other side said that it sends no more. Without that, an end of the connection may have been somebody else's doing.
    pub fn was_closed_properly(&self) -> bool {
        matches!(&self.stage, TlsStage::Ready(established) if established.is_closed())
    }

    /// The other side has closed its end: why that makes the connection unusable.
    pub fn ended(&self) -> Unusable {
        let why = match &self.stage {
            TlsStage::Handshake(_) => "the target closed the connection in the TLS handshake",
            TlsStage::Ready(established) if established.is_closed() => "the target closed the connection",
            TlsStage::Ready(_) if self.deframer.is_inside() => {
                "the connection was closed in the middle of a TLS record"
            }
            TlsStage::Ready(_) => "the connection was closed without the close_notify of TLS",
            TlsStage::Idle => "the connection was closed",
        };
        let is_failure_of_tls = matches!(self.stage, TlsStage::Handshake(_));
        let kind = if is_failure_of_tls { Kind::Tls } else { Kind::Eof };
        Unusable { kind, why }
    }

    /// Takes bytes that arrived, in whatever pieces they come. The plaintext of each record is given to `take`, with the outbox; what it
    /// appends there, `answer_bytes_max` at the most for each record, is sealed. What TLS itself has to say is appended too: messages
    /// of the handshake, and an alert when this fails.
    #[inline]
    pub fn open(
        &mut self,
        client: &TlsClient,
        bytes: &mut [u8],
        answer_bytes_max: usize,
        out: &mut Outbox<'_>,
        mut take: impl FnMut(&mut [u8], &mut Outbox<'_>) -> Result<(), Unusable>,
    ) -> Result<(), Unusable> {
        let mut at = 0;
        while at < bytes.len() {
            let record = match self.deframer.next(bytes, &mut at) {
                Ok(Some(record)) => record,
                Ok(None) => break,
                Err(breach) => return Err(self.fail(breach.into(), out)),
            };
            let TlsStage::Ready(established) = &mut self.stage else {
                match Tls::step(&mut self.stage, client, record, out) {
                    Ok(Some(agreed)) => self.agreed = Some(Box::new(agreed)),
                    Ok(None) => {}
                    Err(failed) => return Err(self.fail(failed, out)),
                }
                continue;
            };
            match established.open(record, out) {
                Ok(Opened::Nothing) => {}
                Ok(Opened::Data(plaintext)) if plaintext_room(out.room()) < answer_bytes_max.max(1) => {
                    take(plaintext, &mut out.limited(0))?;
                }
                Ok(Opened::Data(plaintext)) if answer_bytes_max == 0 => take(plaintext, out)?,
                Ok(Opened::Data(plaintext)) => {
                    let mark = established.begin(answer_bytes_max, out);
                    let taken = take(plaintext, &mut out.limited(answer_bytes_max));
                    // What it says when it gives up is sealed as everything else is.
                    if let Err(breach) = established.seal(mark, out) {
                        return Err(self.fail(breach.into(), out));
                    }
                    taken?;
                }
                Err(breach) => return Err(self.fail(breach.into(), out)),
            }
        }
        Ok(())
    }

    /// Leaves room for what sealing puts before the plaintext that is appended next, `bytes_max` at the most. Panics before the
    /// connection is ready.
    #[inline]
    pub fn begin(&mut self, bytes_max: usize, out: &mut Outbox<'_>) -> SealMark {
        self.established().begin(bytes_max, out)
    }

    /// Seals what was appended since: in one record, or in several where it is more than one holds.
    #[inline]
    pub fn seal(&mut self, mark: SealMark, out: &mut Outbox<'_>) -> Result<(), Unusable> {
        let sealed = self.established().seal(mark, out);
        sealed.map_err(|breach| self.fail(breach.into(), out))
    }

    /// Whether its key has sealed nearly as many records as is safe, and there will be no other: the connection is to be replaced.
    #[inline]
    pub fn is_worn(&self) -> bool {
        matches!(&self.stage, TlsStage::Ready(established) if established.is_worn())
    }

    /// Appends that we send no more.
    pub fn close(&mut self, out: &mut Outbox<'_>) {
        if let TlsStage::Ready(established) = &mut self.stage {
            established.append_alert(CLOSE_NOTIFY, out);
        }
    }

    #[inline]
    fn established(&mut self) -> &mut Established {
        match &mut self.stage {
            TlsStage::Ready(established) => established,
            _ => panic!("nothing is sealed before the handshake is done"),
        }
    }

    /// Takes a record of the handshake.
    #[cold]
    fn step(
        stage: &mut TlsStage,
        client: &TlsClient,
        record: &[u8],
        out: &mut Outbox<'_>,
    ) -> Result<Option<Agreed>, Failed> {
        let TlsStage::Handshake(handshake) = stage else {
            return Err(Breach::silent("bytes came on a connection whose TLS has ended").into());
        };
        if !handshake.feed(record, out)? {
            return Ok(None);
        }
        let TlsStage::Handshake(handshake) = std::mem::take(stage) else { return Ok(None) };
        let (established, agreed) = handshake.finish(client)?;
        if !client.allows_alpn(agreed.alpn.as_deref()) {
            return Err(Breach::silent(reasons::ALPN).into());
        }
        client.check_secrets_file()?;
        *stage = TlsStage::Ready(Box::new(established));
        Ok(Some(agreed))
    }

    /// The connection is unusable from here on; the other side is told why, if it is to be told by us.
    #[cold]
    fn fail(&mut self, failed: Failed, out: &mut Outbox<'_>) -> Unusable {
        let Failed { breach, detail, is_of_certificate } = failed;
        if let (TlsStage::Ready(established), Alert::Ours(code)) = (&mut self.stage, breach.alert) {
            established.append_alert(code, out);
        }
        self.stage = TlsStage::Idle;
        self.agreed = None;
        self.alert = breach.alert.name();
        self.detail = detail.map(Into::into);
        self.has_refused_certificate = is_of_certificate;
        breach.into()
    }
}

#[cfg(test)]
mod tests;
