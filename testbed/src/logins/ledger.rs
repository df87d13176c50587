//! Who came, how often, and in which order: in bounded memory, whatever comes. What did not fit is counted as such, so that the numbers
//! add up: entries are distinct, repeated, or not tracked.

use std::collections::HashSet;

use serde_json::{Value, json};

/// Ids that are numbers below this have a bit each: 16 MiB for all of them, taken when the first one comes.
const NUMERIC_IDS: u64 = 1 << 27;
const WORD_BITS: u64 = u64::BITS as u64;
const _: () = assert!(NUMERIC_IDS.is_multiple_of(WORD_BITS));

/// How many other ids are kept: at most some 300 MiB.
const OTHER_IDS_MAX: usize = 1 << 20;

/// The longest id that is taken.
pub(crate) const ID_BYTES_MAX: usize = 256;

/// How many entries are kept in their order, from the first one on.
const LIST_MAX: usize = 1 << 16;

/// What becomes of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EntryKind {
    First,
    Repeated,
    /// There was no room to know whether it came before.
    Untracked,
}

/// Those who came.
#[derive(Debug, Default)]
pub(crate) struct VisitLedger {
    /// A bit for each number; empty until there is one.
    numeric: Vec<u64>,
    others: HashSet<Box<str>>,
    entries: u64,
    distinct: u64,
    repeated: u64,
    first_repeated: Option<(Box<str>, u64)>,
    /// The first entries in their order.
    list: Vec<Box<str>>,
}

impl VisitLedger {
    /// Notes that somebody came. Returns the number of the entry, from 1, and what it is.
    pub(crate) fn enter(&mut self, id: &str) -> (u64, EntryKind) {
        self.entries += 1;
        if self.list.len() < LIST_MAX {
            self.list.push(id.into());
        }
        let kind = match number(id) {
            Some(number) => self.enter_number(number),
            None => self.enter_text(id),
        };
        match kind {
            EntryKind::First => self.distinct += 1,
            EntryKind::Repeated => {
                self.repeated += 1;
                self.first_repeated.get_or_insert_with(|| (id.into(), self.entries));
            }
            EntryKind::Untracked => {}
        }
        (self.entries, kind)
    }

    /// What is known, as JSON, with so many of the first entries in their order.
    pub(crate) fn told(&self, listed: usize) -> Value {
        let first_repeated = self.first_repeated.as_ref();
        let mut told = json!({
            "entries": self.entries,
            "distinct": self.distinct,
            "repeated": self.repeated,
            "untracked": self.entries - self.distinct - self.repeated,
            "first_repeated": first_repeated.map(|(id, entry)| json!({ "id": id, "entry": entry })),
            "limits": {
                "numeric_ids": NUMERIC_IDS,
                "other_ids": OTHER_IDS_MAX,
                "id_bytes": ID_BYTES_MAX,
                "listed": LIST_MAX,
            },
        });
        if listed > 0 {
            told["list"] = self.list.iter().take(listed).map(|id| Value::from(&**id)).collect();
        }
        told
    }

    fn enter_number(&mut self, number: u64) -> EntryKind {
        if self.numeric.is_empty() {
            self.numeric = vec![0; (NUMERIC_IDS / WORD_BITS) as usize];
        }
        let word = &mut self.numeric[(number / WORD_BITS) as usize];
        let bit = 1 << (number % WORD_BITS);
        let kind = if *word & bit == 0 { EntryKind::First } else { EntryKind::Repeated };
        *word |= bit;
        kind
    }

    fn enter_text(&mut self, id: &str) -> EntryKind {
        if self.others.contains(id) {
            return EntryKind::Repeated;
        }
        if self.others.len() >= OTHER_IDS_MAX {
            return EntryKind::Untracked;
        }
        self.others.insert(id.into());
        EntryKind::First
    }
}

/// The number that an id is. `007` is a text, because `7` is somebody else.
fn number(id: &str) -> Option<u64> {
    let is_plain = id.bytes().all(|byte| byte.is_ascii_digit()) && (id == "0" || !id.starts_with('0'));
    id.parse().ok().filter(|number| is_plain && *number < NUMERIC_IDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_again_is_told_from_who_comes_first() {
        let mut ledger = VisitLedger::default();
        let ids = ["7", "007", "a", "7", "134217727", "134217728", "a", "134217728", "0", "+7", ""];
        let repeated = [4, 7, 8];
        for (place, id) in (1..).zip(ids) {
            let expected = if repeated.contains(&place) { EntryKind::Repeated } else { EntryKind::First };
            assert_eq!(ledger.enter(id), (place, expected), "{id}");
        }
        let told = ledger.told(3);
        assert_eq!(
            (&told["entries"], &told["distinct"], &told["repeated"]),
            (&11.into(), &8.into(), &3.into())
        );
        assert_eq!(told["first_repeated"], json!({ "id": "7", "entry": 4 }));
        assert_eq!(told["list"], json!(["7", "007", "a"]));
        assert_eq!(ledger.told(0).get("list"), None);
    }

    #[test]
    fn what_does_not_fit_is_counted_and_the_sum_still_closes() {
        let mut ledger = VisitLedger::default();
        let more = 1000;
        for place in 0..OTHER_IDS_MAX + more {
            ledger.enter(&format!("x{place}"));
        }
        ledger.enter("x0");
        let told = ledger.told(usize::MAX);
        let count = |key: &str| told[key].as_u64().expect(key) as usize;
        assert_eq!((count("distinct"), count("untracked"), count("repeated")), (OTHER_IDS_MAX, more, 1));
        assert_eq!(count("entries"), OTHER_IDS_MAX + more + 1);
        assert_eq!(told["list"].as_array().map(Vec::len), Some(LIST_MAX));
    }
}
