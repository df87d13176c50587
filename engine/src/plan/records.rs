//! Which records of a name DNS is asked for, by the names and numbers that they have.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// A type of records (RFC 1035, section 3.2.2, and those that came later).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RecordType(pub u16);

/// Those that are known by name (IANA, "Resource Record (RR) TYPEs").
const NAMES: [(&str, u16); 24] = [
    ("A", 1),
    ("NS", 2),
    ("CNAME", 5),
    ("SOA", 6),
    ("PTR", 12),
    ("MX", 15),
    ("TXT", 16),
    ("AAAA", 28),
    ("LOC", 29),
    ("SRV", 33),
    ("NAPTR", 35),
    ("DNAME", 39),
    ("DS", 43),
    ("SSHFP", 44),
    ("RRSIG", 46),
    ("NSEC", 47),
    ("DNSKEY", 48),
    ("TLSA", 52),
    ("CDS", 59),
    ("SVCB", 64),
    ("HTTPS", 65),
    ("SPF", 99),
    ("ANY", 255),
    ("CAA", 257),
];

impl RecordType {
    /// Addresses of IPv4.
    pub const A: RecordType = RecordType(1);

    /// Reads a name, or a number as RFC 3597 writes it: `TYPE123`.
    pub fn parse(text: &str) -> Option<RecordType> {
        let word = text.trim().to_ascii_uppercase();
        let named = NAMES.iter().find(|(name, _)| *name == word).map(|(_, number)| *number);
        let numbered = || word.strip_prefix("TYPE")?.parse().ok();
        named.or_else(numbered).map(RecordType)
    }

    /// The names that there are.
    pub(crate) fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|(name, _)| *name)
    }
}

impl fmt::Display for RecordType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.iter().find(|(_, number)| *number == self.0) {
            Some((name, _)) => formatter.write_str(name),
            None => write!(formatter, "TYPE{}", self.0),
        }
    }
}

impl Serialize for RecordType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RecordType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<RecordType, D::Error> {
        let text = String::deserialize(deserializer)?;
        RecordType::parse(&text).ok_or_else(|| D::Error::custom(format!("`{text}` is no type of records")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_records_are_read_by_name_and_by_number_and_written_so() {
        for (text, number, shown) in [
            ("A", 1, "A"),
            ("aaaa", 28, "AAAA"),
            (" https ", 65, "HTTPS"),
            ("TYPE257", 257, "CAA"),
            ("type65280", 65_280, "TYPE65280"),
        ] {
            let read = RecordType::parse(text).unwrap();
            assert_eq!((read, read.to_string().as_str()), (RecordType(number), shown), "{text}");
            let json = serde_json::to_string(&read).unwrap();
            assert_eq!(serde_json::from_str::<RecordType>(&json).unwrap(), read);
        }
        for text in ["", "AAA", "TYPE", "TYPE65536", "TYPE-1", "1"] {
            assert_eq!(RecordType::parse(text), None, "{text}");
        }
    }
}
