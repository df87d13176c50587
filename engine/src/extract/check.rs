//! Checks: what has to hold of a response, as typed under `check`.

use super::assertion::Assertion;
use super::operator::{ComparisonOperator, OPERATORS, TypedOperator};
use super::subject::Subject;
use super::typed_text::{WrongExpression, leading_word, trimmed, written_as_typed};
use crate::code;
use crate::quantity::{parse_bytes, parse_duration_ns};
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;

/// Something that has to hold of a response: `status == 200`, `json /active == true`, `body not contains error`, `time <
/// 500ms`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ResponseCheck {
    text: String,
    test: CheckTest,
}

written_as_typed!(ResponseCheck);

/// What a check looks at, and what it asks of that.
#[derive(Clone, Debug)]
pub(super) enum CheckTest {
    /// The code.
    Status(NumberTest),
    /// The service time, in nanoseconds.
    Time(NumberTest),
    /// The length of the body, in bytes.
    Size(NumberTest),
    /// A text of the response.
    Text(Subject, Assertion),
}

/// What is asked of a number.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum NumberTest {
    Compare(ComparisonOperator, u64),
    In { ranges: Vec<RangeInclusive<u64>>, is_negated: bool },
}

impl NumberTest {
    pub(super) fn holds(&self, number: u64) -> bool {
        match self {
            NumberTest::Compare(operator, limit) => operator.holds(number.cmp(limit)),
            NumberTest::In { ranges, is_negated } => {
                ranges.iter().any(|range| range.contains(&number)) != *is_negated
            }
        }
    }
}

impl ResponseCheck {
    /// Reads what was typed. Errors say what was probably meant.
    pub fn parse(text: &str) -> Result<ResponseCheck, WrongExpression> {
        let text = trimmed(text, "the check", "status == 200")?;
        let (word, rest) = leading_word(text);
        let test = match word {
            "status" => CheckTest::Status(status_test(rest)?),
            "time" => CheckTest::Time(time_test(rest)?),
            "size" => CheckTest::Size(size_test(rest)?),
            _ => text_test(text, word)?,
        };
        Ok(ResponseCheck { text: text.to_owned(), test })
    }

    /// Whether it says which codes are right.
    pub fn is_of_status(&self) -> bool {
        matches!(self.test, CheckTest::Status(_))
    }

    pub(super) fn test(&self) -> &CheckTest {
        &self.test
    }

    /// The text of the response that it looks at, if it looks at one.
    pub(super) fn subject(&self) -> Option<&Subject> {
        match &self.test {
            CheckTest::Text(subject, _) => Some(subject),
            CheckTest::Status(_) | CheckTest::Time(_) | CheckTest::Size(_) => None,
        }
    }
}

fn text_test(text: &str, word: &str) -> Result<CheckTest, WrongExpression> {
    let (subject, rest) = match word {
        "regex" => {
            let (subject, rest) = text.split_at(operator_behind_pattern(text));
            (Subject::read(subject.trim_end())?.0, rest.trim_start())
        }
        _ => Subject::read(text)?,
    };
    if rest.is_empty() {
        let fix = format!("put one behind it, with blanks on both sides; {OPERATORS}");
        return Err(WrongExpression::new(format!("`{text}` has no operator"), fix));
    }
    if rest.strip_prefix('?').is_some_and(|rest| rest.starts_with(char::is_whitespace) || rest.is_empty()) {
        let fix = "leave it out; what may be absent is asked for by `exists` and `not exists`";
        return Err(WrongExpression::new("a check has no `?`", fix));
    }
    let (operator, value) = TypedOperator::read(rest)?;
    Ok(CheckTest::Text(subject, Assertion::parse(operator, value)?))
}

/// Where the operator behind a regular expression begins. The expression may hold what looks like one, so it is the last
/// that stands between blanks.
fn operator_behind_pattern(text: &str) -> usize {
    let starts = text.char_indices().filter(|(_, letter)| letter.is_whitespace()).map(|(at, _)| at);
    let is_operator = |at: &usize| {
        let rest = text[*at..].trim_start();
        // A sign at the end of a word is a part of that word, and so is one at its beginning.
        let stands_apart = |behind: &str| {
            behind.is_empty() || text[..text.len() - behind.len()].ends_with(char::is_whitespace)
        };
        TypedOperator::read(rest).is_ok_and(|(_, behind)| stands_apart(behind))
    };
    let found: Vec<usize> = starts.filter(is_operator).collect();
    // `not contains` has an operator within it.
    let last = found.iter().rev().find(|at| !text[..**at].trim_end().ends_with(" not"));
    last.copied().unwrap_or(text.len())
}

/// The operator and the value of a check of a number.
fn number_parts<'a>(subject: &str, rest: &'a str) -> Result<(TypedOperator, &'a str), WrongExpression> {
    let (operator, value) = TypedOperator::read(rest)?;
    match operator {
        TypedOperator::Exists { .. } | TypedOperator::Contains { .. } | TypedOperator::Matches { .. } => {
            let fix = match subject {
                "status" => "write `status == 200` or `status in 200..299`",
                "time" => "write `time < 500ms`",
                _ => "write `size < 10KiB`",
            };
            Err(WrongExpression::new(format!("`{}` is not for `{subject}`", operator.name()), fix))
        }
        TypedOperator::Compare(_) | TypedOperator::In { .. } if value.is_empty() => {
            let problem = format!("nothing stands behind `{}`", operator.name());
            Err(WrongExpression::new(problem, "write a value there"))
        }
        TypedOperator::Compare(_) | TypedOperator::In { .. } => Ok((operator, value)),
    }
}

fn status_test(rest: &str) -> Result<NumberTest, WrongExpression> {
    match number_parts("status", rest)? {
        (TypedOperator::In { is_negated }, value) => {
            let ranges = value.split(',').map(|part| status_range(part.trim())).collect::<Result<_, _>>()?;
            Ok(NumberTest::In { ranges, is_negated })
        }
        (TypedOperator::Compare(operator), value) => {
            Ok(NumberTest::Compare(operator, status(value, operator.is_of_order())?))
        }
        (other, _) => unreachable!("{} was refused", other.name()),
    }
}

fn status_range(text: &str) -> Result<RangeInclusive<u64>, WrongExpression> {
    let Some((first, last)) = text.split_once("..") else {
        let code = status(text, false)?;
        return Ok(code..=code);
    };
    if first.is_empty() || last.is_empty() {
        let problem = format!("`{text}` lacks an end");
        return Err(WrongExpression::new(problem, "write both, such as `200..299`"));
    }
    let (first, last) = (status(first.trim(), false)?, status(last.trim(), false)?);
    if first > last {
        let problem = format!("`{text}` begins above its end");
        return Err(WrongExpression::new(problem, format!("write `{last}..{first}`")));
    }
    Ok(first..=last)
}

/// A code: a number, or the name that its protocol has for it. A bound need not be a code itself.
fn status(text: &str, is_bound: bool) -> Result<u64, WrongExpression> {
    if let Some(code) = code::typed(text).filter(|code| is_bound || code::is_known(*code)) {
        return Ok(u64::from(code));
    }
    let problem = format!("`{text}` is not a status");
    let lower = text.to_ascii_lowercase();
    let class = lower.strip_suffix("xx").filter(|class| ["1", "2", "3", "4", "5"].contains(class));
    let fix = match (class, text.split_once('-'), code::meant_name(text)) {
        (Some(class), ..) => format!("write `status in {class}00..{class}99`"),
        (None, Some((first, last)), _) if status(first, false).is_ok() && status(last, false).is_ok() => {
            format!("write `status in {first}..{last}`")
        }
        (_, _, Some(name)) => format!("write `{name}`"),
        _ => "write a number, such as 200, a range, such as `in 200..299`, or a name, such as NOT_FOUND"
            .to_owned(),
    };
    Err(WrongExpression::new(problem, fix))
}

fn time_test(rest: &str) -> Result<NumberTest, WrongExpression> {
    match number_parts("time", rest)? {
        (TypedOperator::Compare(operator), value) if operator.is_of_order() => {
            let limit = parse_duration_ns(value).map_err(|cause| {
                let instead = cause.instead.unwrap_or_else(|| cause.example.to_owned());
                WrongExpression::new(cause.problem, format!("write `time < {instead}`"))
            })?;
            Ok(NumberTest::Compare(operator, limit))
        }
        (operator, _) => {
            let problem = format!("a time is never exact, so `{}` is not for it", operator.name());
            Err(WrongExpression::new(problem, "write `time < 500ms`"))
        }
    }
}

fn size_test(rest: &str) -> Result<NumberTest, WrongExpression> {
    match number_parts("size", rest)? {
        (TypedOperator::Compare(operator), value) => {
            let bytes = parse_bytes(value)
                .map_err(|problem| WrongExpression::new(problem, "write `size < 10KiB`"))?;
            Ok(NumberTest::Compare(operator, bytes))
        }
        (operator, _) => {
            let problem = format!("`{}` is not for `size`", operator.name());
            Err(WrongExpression::new(problem, "write `size < 10KiB`, or two checks for a range"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number_holds(text: &str, number: u64) -> bool {
        match ResponseCheck::parse(text).unwrap().test() {
            CheckTest::Status(test) | CheckTest::Time(test) | CheckTest::Size(test) => test.holds(number),
            CheckTest::Text(..) => panic!("{text} is about a number"),
        }
    }

    #[test]
    fn checks_are_written_as_they_were_typed() {
        for text in [
            "status==200",
            "json /a == 'x y'",
            "regex a b contains c",
            "time<=1.5s",
            "size > 0",
            "body exists",
        ] {
            let check = ResponseCheck::parse(text).unwrap();
            let written = serde_json::to_string(&check).unwrap();
            assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
            assert_eq!(serde_json::from_str::<ResponseCheck>(&written).unwrap(), check);
        }
    }

    #[test]
    fn a_status_is_compared_or_in_a_range() {
        assert!(number_holds("status == 200", 200) && !number_holds("status == 200", 201));
        assert!(number_holds("status < 400", 399) && !number_holds("status < 400", 400));
        for code in [200, 299, 304] {
            assert!(number_holds("status in 200..299, 304", code), "{code}");
            assert!(!number_holds("status not in 200..299, 304", code), "{code}");
        }
        assert!(!number_holds("status in 200..299, 304", 300));
        assert!(number_holds("status == NOT_FOUND", u64::from(code::of_grpc(5))));
        assert!(number_holds("status in OK..CANCELLED", u64::from(code::of_grpc(1))));
    }

    #[test]
    fn times_and_sizes_have_units() {
        assert!(number_holds("time < 1.5ms", 1_499_999) && !number_holds("time < 1.5ms", 1_500_000));
        assert!(number_holds("size <= 10KiB", 10_240) && !number_holds("size <= 10KiB", 10_241));
        assert!(number_holds("size == 0", 0) && !number_holds("size != 0", 0));
    }

    #[test]
    fn a_regular_expression_ends_at_the_last_operator() {
        let parts = |text: &str| match ResponseCheck::parse(text).unwrap().test().clone() {
            CheckTest::Text(Subject::Pattern(pattern), assertion) => (format!("{pattern:?}"), assertion),
            other => panic!("{other:?}"),
        };
        assert_eq!(parts("regex a == (b) == c").0, "Pattern(a == (b))");
        assert_eq!(parts("regex a>b < 5").0, "Pattern(a>b)");
        assert_eq!(parts("regex x=(y) not exists").0, "Pattern(x=(y))");
        let (pattern, assertion) = parts("regex a b not contains c");
        assert_eq!(pattern, "Pattern(a b)");
        assert!(matches!(assertion, Assertion::Contains { is_negated: true, .. }));
    }

    #[test]
    fn what_is_wrong_says_what_to_write() {
        for (text, problem, fix) in [
            ("status", "an operator is missing", OPERATORS),
            ("status == ok", "`ok` is not a status", "write `OK`"),
            ("status == 2xx", "`2xx` is not a status", "write `status in 200..299`"),
            ("status in 200-299", "`200-299` is not a status", "write `status in 200..299`"),
            ("status in 299..200", "`299..200` begins above its end", "write `200..299`"),
            ("status in 200..", "`200..` lacks an end", "write both, such as `200..299`"),
            ("status == 20", "`20` is not a status", "write a number, such as 200"),
            ("status == 32773", "`32773` is not a status", "write a number, such as 200"),
            ("status == 99999", "`99999` is not a status", "write a number, such as 200"),
            ("status == 40000", "`40000` is not a status", "write a number, such as 200"),
            ("status =", "`=` is not an operator", "write `==`"),
            ("status matches ^2", "`matches` is not for `status`", "write `status == 200`"),
            ("time < 500", "`500` has no unit", "write `time < 500s`"),
            ("time == 5ms", "a time is never exact, so `==` is not for it", "write `time < 500ms`"),
            ("time < fast", "`fast` is not a duration", "write `time < "),
            ("size < big", "`big` is not a number of bytes", "write `size < 10KiB`"),
            ("size in 1..2", "`in` is not for `size`", "write `size < 10KiB`"),
            ("json /a", "`json /a` has no operator", "put one behind it"),
            ("json /a==5", "`json /a==5` has no operator", "put one behind it, with blanks"),
            ("json /a ? == 5", "a check has no `?`", "leave it out"),
            ("regex a(b)", "`regex a(b)` has no operator", "put one behind it"),
            ("code == 200", "`code` is not known here", "write `status`"),
            (
                "latency < 5ms",
                "`latency` is not known here",
                "it is checked, as in `check = \"time < 500ms\"`",
            ),
        ] {
            let error = ResponseCheck::parse(text).unwrap_err();
            assert!(error.problem.starts_with(problem), "{text}: {error}");
            assert!(error.fix.starts_with(fix), "{text}: {error}");
        }
    }
}
