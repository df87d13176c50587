//! How many connections there are to be, as typed: a number, or one for each user.

use crate::plan::bounds::CONNECTIONS_MAX;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};
use std::fmt;

/// How one for each user is typed.
pub(super) const PER_USER: &str = "per user";

/// A number of connections, or one for each user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(with = "ConnectionCountSchema")]
pub enum ConnectionCount {
    /// So many.
    Number(u32),
    /// `per user`: each user has connections of its own.
    PerUser,
}

impl From<u32> for ConnectionCount {
    fn from(number: u32) -> ConnectionCount {
        ConnectionCount::Number(number)
    }
}

/// How [`ConnectionCount`] looks in the schema.
#[derive(JsonSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "only its schema is used")]
enum ConnectionCountSchema {
    Number(#[schemars(range(min = 1, max = CONNECTIONS_MAX))] u32),
    Word(PerUserSchema),
}

/// One for each user of its own, of a flow.
#[derive(JsonSchema)]
#[allow(dead_code, reason = "only its schema is used")]
enum PerUserSchema {
    #[serde(rename = "per user")]
    PerUser,
}

impl<'de> Deserialize<'de> for ConnectionCount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ConnectionCount, D::Error> {
        deserializer.deserialize_any(ConnectionCountVisitor)
    }
}

struct ConnectionCountVisitor;

impl Visitor<'_> for ConnectionCountVisitor {
    type Value = ConnectionCount;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a number, or `{PER_USER}`")
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<ConnectionCount, E> {
        let invalid = |_| E::invalid_value(de::Unexpected::Unsigned(number), &self);
        number.try_into().map(ConnectionCount::Number).map_err(invalid)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<ConnectionCount, E> {
        let invalid = |_| E::invalid_value(de::Unexpected::Signed(number), &self);
        number.try_into().map(ConnectionCount::Number).map_err(invalid)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<ConnectionCount, E> {
        match text == PER_USER {
            true => Ok(ConnectionCount::PerUser),
            false => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
        }
    }
}
