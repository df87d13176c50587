//! What a check asks of a text: to be there, to be equal, to contain or match something.

use super::number::TextNumber;
use super::operator::{ComparisonOperator, Expected, TypedOperator, compare};
use super::pattern::Pattern;
use super::typed_text::{WrongExpression, is_quoted, left_over, whole_value};
use memchr::memmem::Finder;

/// What is asked of a text.
#[derive(Clone, Debug)]
pub(super) enum Assertion {
    Exists {
        is_negated: bool,
    },
    Compare(ComparisonOperator, Expected),
    /// Boxed, because a finder is much larger than all others.
    Contains {
        part: Box<Finder<'static>>,
        is_negated: bool,
    },
    Matches {
        pattern: Pattern,
        is_negated: bool,
    },
}

impl Assertion {
    /// Reads the value behind an operator.
    pub(super) fn parse(operator: TypedOperator, value: &str) -> Result<Assertion, WrongExpression> {
        match operator {
            TypedOperator::Exists { .. } if !value.is_empty() => Err(left_over(value)),
            TypedOperator::Exists { is_negated } => Ok(Assertion::Exists { is_negated }),
            _ if value.is_empty() => {
                let problem = format!("nothing stands behind `{}`", operator.name());
                Err(WrongExpression::new(problem, "write a value there; an empty text is `\"\"`"))
            }
            TypedOperator::Compare(operator) => Assertion::parse_comparison(operator, value),
            TypedOperator::Contains { is_negated } => {
                let (part, _) = whole_value(value)?;
                if part.is_empty() {
                    let problem = "`contains` looks for an empty text, which is everywhere";
                    return Err(WrongExpression::new(problem, "write a text that may be missing"));
                }
                Ok(Assertion::Contains {
                    part: Box::new(Finder::new(part.as_bytes()).into_owned()),
                    is_negated,
                })
            }
            TypedOperator::Matches { is_negated } => {
                Ok(Assertion::Matches { pattern: Pattern::parse(unquoted_pattern(value))?, is_negated })
            }
            TypedOperator::In { .. } => {
                let problem = "`in` is for `status` alone";
                Err(WrongExpression::new(problem, "write `matches ^(one|other)$`"))
            }
        }
    }

    fn parse_comparison(operator: ComparisonOperator, value: &str) -> Result<Assertion, WrongExpression> {
        let (text, is_quoted) = whole_value(value)?;
        if operator.is_of_order() && TextNumber::read(text.as_bytes()).is_none() {
            let name = TypedOperator::Compare(operator).name();
            let problem = format!("`{name}` compares numbers, and `{text}` is none");
            return Err(WrongExpression::new(problem, "write a number, or compare with `==` or `!=`"));
        }
        // Which is larger is asked of numbers alone, in quotes or not.
        Ok(Assertion::Compare(operator, Expected::new(text, is_quoted && !operator.is_of_order())))
    }

    /// Whether it holds of a text, or of one that is absent, of which nothing holds but that it does not exist. `is_text`
    /// says that the text is no number, whatever it looks like.
    pub(super) fn holds(&self, found: Option<(&[u8], bool)>) -> bool {
        let Some((text, is_text)) = found else {
            return matches!(self, Assertion::Exists { is_negated: true });
        };
        match self {
            Assertion::Exists { is_negated } => !is_negated,
            Assertion::Compare(operator, expected) => {
                compare(*operator, (text, is_text), (expected.text.as_bytes(), expected.number))
            }
            Assertion::Contains { part, is_negated } => part.find(text).is_some() != *is_negated,
            Assertion::Matches { pattern, is_negated } => pattern.is_match(text) != *is_negated,
        }
    }
}

/// A pattern without the quotes around all of it. Backslashes in it are the pattern's own.
fn unquoted_pattern(value: &str) -> &str {
    let mark = value.chars().next().filter(|_| is_quoted(value));
    let inner = mark.and_then(|mark| value[1..].strip_suffix(mark));
    inner.unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assertion(text: &str) -> Result<Assertion, WrongExpression> {
        let (operator, value) = TypedOperator::read(text)?;
        Assertion::parse(operator, value)
    }

    fn holds(text: &str, found: &str) -> bool {
        assertion(text).unwrap().holds(Some((found.as_bytes(), false)))
    }

    #[test]
    fn each_operator_holds_of_what_it_asks_for() {
        for (text, holding, failing) in [
            ("== in stock", "in stock", "in"),
            ("== ''", "", "x"),
            ("!= 5", "6", "5.0"),
            ("< 10", "9.5", "10"),
            (">= '10'", "10", "9"),
            ("contains a b", "xa by", "ab"),
            ("not contains error", "fine", "an error"),
            (r"matches ^\d+$", "17", "17a"),
            (r#"matches "^\d+ \w$""#, "17 a", "17a"),
            ("not matches a|b", "c", "b"),
        ] {
            assert!(holds(text, holding) && !holds(text, failing), "{text}");
            assert!(!assertion(text).unwrap().holds(None), "{text}: nothing holds of what is absent");
        }
        assert!(holds("exists", "") && !holds("not exists", ""));
        assert!(!assertion("exists").unwrap().holds(None) && assertion("not exists").unwrap().holds(None));
    }

    #[test]
    fn what_cannot_be_asked_is_told() {
        for (text, problem) in [
            ("==", "nothing stands behind `==`"),
            ("contains", "nothing stands behind `contains`"),
            ("contains ''", "`contains` looks for an empty text"),
            ("exists 5", "`5` is left over"),
            ("< ten", "`<` compares numbers, and `ten` is none"),
            ("== 'a' b", "`b` is left over"),
            ("== 'a", "the quotation mark ' of `'a` is not closed"),
            ("in 1,2", "`in` is for `status` alone"),
            ("matches (", "`(` is no regular expression"),
        ] {
            let error = assertion(text).unwrap_err();
            assert!(error.problem.starts_with(problem), "{text}: {error}");
        }
    }
}
