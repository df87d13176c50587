//! Values that are the same for all iterations: taken from responses before the start, and perhaps anew in the run.

use std::fmt;
use std::sync::Arc;

/// How long a source does not ask again whether there are new ones.
pub(super) const LOOK_PERIOD_NS: u64 = 1_000_000;

/// Values by their names. Copies share them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SetupValues {
    names: Arc<[String]>,
    texts: Arc<[Option<Vec<u8>>]>,
}

/// Hands over the values that have come since it was asked last, if any have. It is asked on a shard's thread, and must not wait.
pub type RenewedValues = Box<dyn FnMut() -> Option<SetupValues> + Send>;

/// What a flow has of values that are the same for all its iterations.
#[derive(Default)]
pub struct FlowConstants {
    /// Those at the start.
    pub values: SetupValues,
    /// Where later ones come from, if any may come. They have the same names in the same order.
    pub renewed: Option<RenewedValues>,
}

impl SetupValues {
    /// Names and texts; no text of one that was not there. A name stands once.
    pub fn new(values: impl IntoIterator<Item = (String, Option<Vec<u8>>)>) -> SetupValues {
        let (names, texts): (Vec<String>, Vec<Option<Vec<u8>>>) = values.into_iter().unzip();
        SetupValues { names: names.into(), texts: texts.into() }
    }

    /// The names, in the order of their numbers.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The text of the value with a number; nothing of one that there is not, or that has no text.
    pub fn text(&self, number: usize) -> Option<&[u8]> {
        self.texts.get(number)?.as_deref()
    }

    /// A text in which none of the values stands, whatever they are called there. What is shorter than four bytes is in many texts by chance.
    pub fn hidden_in(&self, text: &str) -> String {
        let known = self.texts.iter().flatten().filter(|known| known.len() >= 4);
        known.fold(text.to_owned(), |text, known| text.replace(&*String::from_utf8_lossy(known), "redacted"))
    }

    /// Whether there is a value with this name, and then its text, if it has one.
    pub fn named(&self, name: &str) -> Option<Option<&[u8]>> {
        let number = self.names.iter().position(|known| known == name)?;
        Some(self.text(number))
    }
}

/// Names alone: the values may be secrets.
impl fmt::Debug for SetupValues {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.names.iter()).finish()
    }
}

impl fmt::Debug for FlowConstants {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_renewed = self.renewed.is_some();
        formatter
            .debug_struct("FlowConstants")
            .field("values", &self.values)
            .field("is_renewed", &is_renewed)
            .finish()
    }
}

/// What a source knows of them while it goes on.
pub(super) struct KeptConstants {
    renewed: Option<RenewedValues>,
    next_look_ns: u64,
}

impl KeptConstants {
    pub(super) fn new(renewed: Option<RenewedValues>) -> KeptConstants {
        KeptConstants { renewed, next_look_ns: 0 }
    }

    /// The values that have come by now, if any may come and some have. Asked for once in a while at the most.
    #[inline]
    pub(super) fn look(&mut self, now_ns: u64) -> Option<SetupValues> {
        let renewed = self.renewed.as_mut()?;
        if now_ns < self.next_look_ns {
            return None;
        }
        self.next_look_ns = now_ns + LOOK_PERIOD_NS;
        renewed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_known_by_name_and_number_and_none_is_shown() {
        let values = SetupValues::new([("token".into(), Some(b"s3cret".to_vec())), ("id".into(), None)]);
        assert_eq!(values.named("token"), Some(Some(&b"s3cret"[..])));
        assert_eq!((values.named("id"), values.named("other")), (Some(None), None));
        assert_eq!((values.text(0), values.text(1), values.text(2)), (Some(&b"s3cret"[..]), None, None));
        assert_eq!(format!("{values:?}"), "[\"token\", \"id\"]");
    }

    #[test]
    fn new_values_are_asked_for_once_in_a_while() {
        let mut asked = 0;
        let mut kept = KeptConstants::new(Some(Box::new(move || {
            asked += 1;
            Some(SetupValues::new([("asked".to_owned(), Some(vec![asked]))]))
        })));
        let mut seen = |now_ns| kept.look(now_ns).map(|values| values.text(0).unwrap()[0]);
        assert_eq!(seen(5), Some(1));
        assert_eq!((seen(6), seen(5 + LOOK_PERIOD_NS - 1)), (None, None));
        assert_eq!(seen(5 + LOOK_PERIOD_NS), Some(2));
        assert_eq!(KeptConstants::new(None).look(u64::MAX), None);
    }
}
