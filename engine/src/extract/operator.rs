//! Operators of checks and conditions, and how a text is compared with what is expected of it.

use super::number::TextNumber;
use super::typed_text::WrongExpression;
use crate::config::closest;
use std::cmp::Ordering;

/// How one side of a comparison has to stand to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ComparisonOperator {
    /// `==`
    Equal,
    /// `!=`
    Unequal,
    /// `<`
    Below,
    /// `<=`
    AtMost,
    /// `>`
    Above,
    /// `>=`
    AtLeast,
}

/// An operator as it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TypedOperator {
    /// One with a value on either side that are compared.
    Compare(ComparisonOperator),
    /// `contains`
    Contains { is_negated: bool },
    /// `matches`
    Matches { is_negated: bool },
    /// `exists`, with nothing behind it.
    Exists { is_negated: bool },
    /// `in`
    In { is_negated: bool },
}

/// The signs, of which none begins another that stands behind it.
const SIGNS: [(&str, ComparisonOperator); 6] = [
    ("==", ComparisonOperator::Equal),
    ("!=", ComparisonOperator::Unequal),
    ("<=", ComparisonOperator::AtMost),
    (">=", ComparisonOperator::AtLeast),
    ("<", ComparisonOperator::Below),
    (">", ComparisonOperator::Above),
];
const WORDS: [&str; 4] = ["contains", "matches", "exists", "in"];
/// Signs of other languages, each with what it is here.
const FOREIGN: [(&str, &str); 9] = [
    ("===", "=="),
    ("!==", "!="),
    ("<>", "!="),
    ("=~", "matches"),
    ("~=", "matches"),
    ("!~", "not matches"),
    ("=<", "<="),
    ("=>", ">="),
    ("=", "=="),
];

/// What is said where an operator is wanted.
pub(super) const OPERATORS: &str = "there are == != < <= > >= contains matches exists in";

impl ComparisonOperator {
    /// Whether it asks which of two is larger, which only numbers are.
    pub(super) fn is_of_order(self) -> bool {
        !matches!(self, ComparisonOperator::Equal | ComparisonOperator::Unequal)
    }

    /// Whether it holds of two that stand so to each other.
    pub(super) fn holds(self, ordering: Ordering) -> bool {
        match self {
            ComparisonOperator::Equal => ordering.is_eq(),
            ComparisonOperator::Unequal => ordering.is_ne(),
            ComparisonOperator::Below => ordering.is_lt(),
            ComparisonOperator::AtMost => ordering.is_le(),
            ComparisonOperator::Above => ordering.is_gt(),
            ComparisonOperator::AtLeast => ordering.is_ge(),
        }
    }
}

impl TypedOperator {
    /// Reads the operator at the beginning of a text; returns what is behind it, without blanks before it.
    pub(super) fn read(text: &str) -> Result<(TypedOperator, &str), WrongExpression> {
        for (foreign, ours) in FOREIGN {
            let Some(rest) = text.strip_prefix(foreign) else { continue };
            // `==` begins with `=`, and is no sign of another language for that.
            if !rest.starts_with('=') {
                let problem = format!("`{foreign}` is not an operator");
                return Err(WrongExpression::new(problem, format!("write `{ours}`")));
            }
        }
        for (sign, operator) in SIGNS {
            if let Some(rest) = text.strip_prefix(sign) {
                return Ok((TypedOperator::Compare(operator), rest.trim_start()));
            }
        }
        let (is_negated, text) =
            match text.strip_prefix("not").filter(|rest| rest.starts_with(char::is_whitespace)) {
                Some(rest) => (true, rest.trim_start()),
                None => (false, text),
            };
        let (word, rest) = text.split_at(text.find(char::is_whitespace).unwrap_or(text.len()));
        let operator = match word {
            "contains" => TypedOperator::Contains { is_negated },
            "matches" => TypedOperator::Matches { is_negated },
            "exists" => TypedOperator::Exists { is_negated },
            "in" => TypedOperator::In { is_negated },
            other => return Err(unknown(other)),
        };
        Ok((operator, rest.trim_start()))
    }

    /// As it is typed.
    pub(super) fn name(self) -> &'static str {
        match self {
            TypedOperator::Compare(operator) => {
                SIGNS.iter().find(|(_, other)| *other == operator).expect("all have a sign").0
            }
            TypedOperator::Contains { .. } => "contains",
            TypedOperator::Matches { .. } => "matches",
            TypedOperator::Exists { .. } => "exists",
            TypedOperator::In { .. } => "in",
        }
    }
}

fn unknown(word: &str) -> WrongExpression {
    let meant = match word.to_lowercase().as_str() {
        "is" | "equals" | "eq" | "be" => Some("=="),
        "ne" | "isnt" | "differs" => Some("!="),
        "lt" | "below" | "under" => Some("<"),
        "gt" | "above" | "over" => Some(">"),
        "le" | "lte" => Some("<="),
        "ge" | "gte" => Some(">="),
        "has" | "includes" | "like" => Some("contains"),
        "regex" | "regexp" => Some("matches"),
        "absent" | "missing" => Some("not exists"),
        "present" | "defined" => Some("exists"),
        other => closest(other, &WORDS),
    };
    match (meant, word) {
        (Some(meant), _) => {
            WrongExpression::new(format!("`{word}` is not an operator"), format!("write `{meant}`"))
        }
        (None, "") => WrongExpression::new("an operator is missing", OPERATORS),
        (None, _) => WrongExpression::new(format!("`{word}` is not an operator"), OPERATORS),
    }
}

/// What something is compared with.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Expected {
    pub(super) text: String,
    /// The number that it is; of what stood in quotes none, since that is text.
    pub(super) number: Option<TextNumber>,
}

impl Expected {
    pub(super) fn new(text: String, is_quoted: bool) -> Expected {
        let number = if is_quoted { None } else { TextNumber::read(text.as_bytes()) };
        Expected { text, number }
    }
}

/// Whether a text stands to another as an operator asks. Where both are numbers they are compared as numbers, and as texts
/// otherwise; what is known to be text (a string of JSON) is equal to text alone. Of texts none is larger.
pub(super) fn compare(
    operator: ComparisonOperator,
    (left, is_text): (&[u8], bool),
    (right, right_number): (&[u8], Option<TextNumber>),
) -> bool {
    let is_by_number = operator.is_of_order() || !is_text;
    let numbers = right_number.filter(|_| is_by_number).zip(TextNumber::read(left));
    match numbers.and_then(|(right, left)| left.compare(right)) {
        Some(ordering) => operator.holds(ordering),
        None if operator.is_of_order() => false,
        None => (left == right) == (operator == ComparisonOperator::Equal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_need_no_blanks_where_they_are_signs() {
        let equal = TypedOperator::Compare(ComparisonOperator::Equal);
        assert_eq!(TypedOperator::read("==200").unwrap(), (equal, "200"));
        assert_eq!(TypedOperator::read("not  contains x y").unwrap().1, "x y");
        assert_eq!(TypedOperator::read("exists").unwrap(), (TypedOperator::Exists { is_negated: false }, ""));
        for (sign, operator) in SIGNS {
            let read = TypedOperator::read(sign).unwrap().0;
            assert_eq!((read, read.name()), (TypedOperator::Compare(operator), sign));
        }
    }

    #[test]
    fn operators_of_other_languages_are_known() {
        for (typed, ours) in [
            ("= 5", "=="),
            ("=== 5", "=="),
            ("!== 5", "!="),
            ("=~ x", "matches"),
            ("=> 5", ">="),
            ("equals 5", "=="),
            ("contain x", "contains"),
            ("not exist", "exists"),
            ("missing", "not exists"),
        ] {
            assert_eq!(TypedOperator::read(typed).unwrap_err().fix, format!("write `{ours}`"), "{typed}");
        }
        assert_eq!(TypedOperator::read("").unwrap_err().problem, "an operator is missing");
        assert_eq!(TypedOperator::read("around 5").unwrap_err().fix, OPERATORS);
    }

    #[test]
    fn numbers_are_compared_as_numbers_and_texts_as_texts() {
        let holds = |left: &str, is_text, operator: &str, right: &str, is_quoted| {
            let TypedOperator::Compare(operator) = TypedOperator::read(operator).unwrap().0 else {
                unreachable!("it is a comparison")
            };
            let right = Expected::new(right.to_owned(), is_quoted);
            compare(operator, (left.as_bytes(), is_text), (right.text.as_bytes(), right.number))
        };
        assert!(holds("1.0", false, "==", "1", false));
        assert!(!holds("1.0", false, "==", "1", true), "what is in quotes is text");
        assert!(!holds("01", true, "==", "1", false), "a string of JSON is text");
        assert!(holds("1", true, "==", "1", false));
        assert!(holds("9", true, "<", "10", false), "which is larger is asked of numbers alone");
        assert!(!holds("nine", false, "<", "10", false));
        assert!(holds("nine", false, "!=", "10", false));
        assert!(!holds("a", false, "<", "b", false) && !holds("b", false, "<", "a", false));
    }
}
