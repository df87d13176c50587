//! Expressions: what is taken from a response, as typed under `extract`.

use super::operator::TypedOperator;
use super::subject::Subject;
use super::typed_text::{WrongExpression, left_over, trimmed, written_as_typed};
use serde::{Deserialize, Serialize};

/// A value of a response: `json /id`, `regex id=(\d+)`, `header Location`. With ` ?` at the end it may be absent.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Expression {
    text: String,
    subject: Subject,
    is_optional: bool,
}

written_as_typed!(Expression);

impl Expression {
    /// Reads what was typed. Errors say what was probably meant.
    pub fn parse(text: &str) -> Result<Expression, WrongExpression> {
        let text = trimmed(text, "the expression", "json /id")?;
        let without_mark = text.strip_suffix('?').filter(|rest| rest.ends_with(char::is_whitespace));
        let (subject, rest) = Subject::read(without_mark.unwrap_or(text).trim_end())?;
        if TypedOperator::read(rest).is_ok() {
            let problem = format!("`{rest}` compares the value, and an expression takes it");
            let fix = "write it under `check`, or leave the comparison out";
            return Err(WrongExpression::new(problem, fix));
        }
        if !rest.is_empty() {
            return Err(left_over(rest));
        }
        Ok(Expression { text: text.to_owned(), subject, is_optional: without_mark.is_some() })
    }

    /// Whether the value may be absent.
    pub fn is_optional(&self) -> bool {
        self.is_optional
    }

    pub(super) fn subject(&self) -> &Subject {
        &self.subject
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_written_as_they_were_typed() {
        for text in [
            "json /a/0/b",
            "json $.items[*].id ?",
            r"regex id=(\d+)",
            "header Location",
            "cookie sid",
            "body",
            "status",
            r#"between "<b>" "</b>""#,
        ] {
            let expression = Expression::parse(&format!(" {text} ")).unwrap();
            let written = serde_json::to_string(&expression).unwrap();
            assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
            assert_eq!(serde_json::from_str::<Expression>(&written).unwrap(), expression);
        }
        let error = serde_json::from_str::<Expression>("\"css a\"").unwrap_err();
        assert!(error.to_string().contains("`css` is not known here"), "{error}");
    }

    #[test]
    fn only_a_mark_that_stands_apart_says_that_the_value_may_be_absent() {
        let is_optional = |text: &str| Expression::parse(text).unwrap().is_optional();
        assert!(is_optional("json /id ?") && is_optional("regex ab? ?"));
        assert!(!is_optional("json /id?") && !is_optional("regex ab?"));
    }

    #[test]
    fn a_check_is_no_expression() {
        let error = Expression::parse("json /id == 5").unwrap_err();
        assert_eq!(error.problem, "`== 5` compares the value, and an expression takes it");
        assert_eq!(Expression::parse("body and more").unwrap_err().problem, "`and more` is left over");
        assert_eq!(Expression::parse("").unwrap_err().problem, "the expression is empty");
        assert!(Expression::parse("?").is_err());
    }
}
