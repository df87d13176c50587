//! The handshake, which rustls does; and what comes out of it: keys, and what was agreed on.
//!
//! Records are handed to rustls one at a time. So it stops exactly where the handshake ends, and never opens a record of data,
//! which would be copied and allocated for.

use super::alert::{Alert, Breach, INTERNAL_ERROR};
use super::client::TlsClient;
use super::established::Established;
use super::keys::RecordKey;
use super::names::{cipher_name, group_name};
use super::reasons;
use engine::outbox::Outbox;
use engine::outcome::Kind;
use engine::plan::TlsVersion;
use rustls::client::UnbufferedClientConnection;
use rustls::unbuffered::{ConnectionState, EncodeError, EncodeTlsData, UnbufferedStatus};
use rustls::{HandshakeKind, ProtocolVersion};
use std::fmt;

/// What both sides agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// The version spoken.
    pub version: TlsVersion,
    /// The cipher suite, by its IANA name.
    pub cipher: &'static str,
    /// The group in which keys were exchanged, by its IANA name; none where a session of TLS 1.2 was taken up.
    pub group: Option<&'static str>,
    /// The protocol that the target chose by ALPN, if it did.
    pub alpn: Option<Box<str>>,
    /// Whether an earlier session was taken up.
    pub is_resumed: bool,
    /// The target's certificates as they came, its own first, where they are kept: [`TlsClient::keep_chains`].
    pub chain: Vec<Box<[u8]>>,
}

/// A handshake under way.
pub(super) struct ClientHandshake {
    connection: UnbufferedClientConnection,
    /// Records that rustls has not done with.
    incoming: Vec<u8>,
}

/// Why a handshake failed, and for people all that is known of it.
pub(super) struct Failed {
    pub(super) breach: Breach,
    pub(super) detail: Option<String>,
    /// It was the other side's certificate.
    pub(super) is_of_certificate: bool,
}

impl From<Breach> for Failed {
    fn from(breach: Breach) -> Failed {
        Failed { breach, detail: None, is_of_certificate: false }
    }
}

impl From<rustls::Error> for Failed {
    fn from(error: rustls::Error) -> Failed {
        let is_of_certificate = matches!(error, rustls::Error::InvalidCertificate(_));
        Failed { breach: reasons::breach(&error), detail: Some(error.to_string()), is_of_certificate }
    }
}

const NO_ROOM: Breach = Breach {
    alert: Alert::None,
    kind: Kind::Resources,
    why: "a message of the TLS handshake is longer than the memory for it",
};

impl ClientHandshake {
    /// Begins with the first message. Where it has no room with an earlier session in it, it is one without.
    pub(super) fn begin(client: &TlsClient, out: &mut Outbox<'_>) -> Result<ClientHandshake, Failed> {
        let start = out.filled();
        let mut last = Failed::from(NO_ROOM);
        for config in client.configurations() {
            let connection = UnbufferedClientConnection::new(config.clone(), client.server_name().clone())?;
            let mut handshake = ClientHandshake { connection, incoming: Vec::new() };
            match handshake.advance(out) {
                Ok(_) => return Ok(handshake),
                Err(failed) if failed.breach == NO_ROOM => last = failed,
                Err(failed) => return Err(failed),
            }
            out.truncate(start);
        }
        Err(last)
    }

    /// Takes a whole record, and says whether the handshake is done.
    pub(super) fn feed(&mut self, record: &[u8], out: &mut Outbox<'_>) -> Result<bool, Failed> {
        self.incoming.extend_from_slice(record);
        self.advance(out)
    }

    /// Goes on until something has to come, or the handshake is done.
    fn advance(&mut self, out: &mut Outbox<'_>) -> Result<bool, Failed> {
        loop {
            let UnbufferedStatus { discard, state } = self.connection.process_tls_records(&mut self.incoming);
            let is_done = match state {
                Ok(ConnectionState::EncodeTlsData(data)) => encode(data, out).map(|()| None)?,
                Ok(ConnectionState::TransmitTlsData(data)) => {
                    data.done();
                    None
                }
                Ok(ConnectionState::BlockedHandshake) => Some(false),
                Ok(ConnectionState::WriteTraffic(_)) => Some(true),
                Ok(ConnectionState::PeerClosed | ConnectionState::Closed) => {
                    return Err(
                        Breach::silent("the target ended the TLS handshake before it was done").into()
                    );
                }
                Ok(_) => {
                    return Err(
                        Breach::silent("the target sent data before the TLS handshake was done").into()
                    );
                }
                Err(error) => {
                    self.incoming.drain(..discard);
                    self.append_alert(out);
                    return Err(error.into());
                }
            };
            self.incoming.drain(..discard);
            if let Some(is_done) = is_done {
                return Ok(is_done);
            }
        }
    }

    /// The alert that rustls would have the other side hear, if there is room for it.
    fn append_alert(&mut self, out: &mut Outbox<'_>) {
        while self.connection.wants_write() {
            let UnbufferedStatus { discard, state } = self.connection.process_tls_records(&mut self.incoming);
            let Ok(ConnectionState::EncodeTlsData(data)) = state else { return };
            if encode(data, out).is_err() {
                return;
            }
            self.incoming.drain(..discard);
        }
    }

    /// The keys, once the handshake is done.
    pub(super) fn finish(self, client: &TlsClient) -> Result<(Established, Agreed), Failed> {
        let unexpected = Breach::new(INTERNAL_ERROR, "the TLS handshake ended without an agreement");
        if !self.incoming.is_empty() {
            return Err(
                Breach::silent("the target sent a part of a message when the TLS handshake ended").into()
            );
        }
        let version = match self.connection.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => TlsVersion::V1_2,
            Some(ProtocolVersion::TLSv1_3) => TlsVersion::V1_3,
            _ => return Err(unexpected.into()),
        };
        let suite = self.connection.negotiated_cipher_suite().ok_or(unexpected)?;
        let agreed = Agreed {
            version,
            cipher: cipher_name(suite),
            group: self.connection.negotiated_key_exchange_group().map(|group| group_name(group.name())),
            alpn: self.connection.alpn_protocol().map(|name| String::from_utf8_lossy(name).into()),
            is_resumed: self.connection.handshake_kind() == Some(HandshakeKind::Resumed),
            chain: match client.keeps_chains() {
                true => self
                    .connection
                    .peer_certificates()
                    .into_iter()
                    .flatten()
                    .map(|der| (**der).into())
                    .collect(),
                false => Vec::new(),
            },
        };
        let (secrets, kernel) = self.connection.dangerous_into_kernel_connection()?;
        let records_max = match suite {
            rustls::SupportedCipherSuite::Tls12(suite) => suite.common.confidentiality_limit,
            rustls::SupportedCipherSuite::Tls13(suite) => suite.common.confidentiality_limit,
        };
        let sealing = RecordKey::new(version, secrets.tx, records_max)?;
        let opening = RecordKey::new(version, secrets.rx, u64::MAX)?;
        let established = Established::new(version, [sealing, opening], kernel, client.resumes());
        Ok((established, agreed))
    }
}

fn encode<Data>(mut data: EncodeTlsData<'_, Data>, out: &mut Outbox<'_>) -> Result<(), Failed> {
    match data.encode(out.free_mut()) {
        Ok(written) => {
            out.reserve(written);
            Ok(())
        }
        Err(EncodeError::InsufficientSize(_)) => Err(NO_ROOM.into()),
        Err(EncodeError::AlreadyEncoded) => {
            Err(Breach::silent("a message of the TLS handshake was written twice").into())
        }
    }
}

impl fmt::Debug for ClientHandshake {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ClientHandshake")
            .field("incoming", &self.incoming.len())
            .finish_non_exhaustive()
    }
}
