//! Conditions on variables: whether a step of a flow is taken, as typed under `if`.
//!
//! A condition knows variables by their names until it is resolved; then by numbers, so that nothing is looked up for an
//! iteration.

use super::number::TextNumber;
use super::operator::{ComparisonOperator, Expected, TypedOperator, compare};
use super::typed_text::{
    WrongExpression, is_quoted, left_over, quoted, trimmed, whole_value, written_as_typed,
};
use memchr::memmem;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A comparison of variables and values: `role == admin`, `count < 5`, `token exists`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Condition {
    text: String,
    left: TypedOperand,
    test: TypedTest,
}

written_as_typed!(Condition);

/// What a condition asks of its left side.
#[derive(Clone, Debug)]
enum TypedTest {
    Exists { is_negated: bool },
    Compare(ComparisonOperator, TypedOperand),
    Contains { part: TypedOperand, is_negated: bool },
}

/// A side of a condition.
#[derive(Clone, Debug)]
enum TypedOperand {
    /// A variable.
    Name(String),
    /// A variable if there is one of this name, and text otherwise.
    NameOrText(String),
    /// A number or a text.
    Value(Expected),
}

/// A condition whose variables are known by their numbers.
#[derive(Clone, Debug)]
pub struct ResolvedCondition {
    left: ResolvedOperand,
    test: ResolvedTest,
}

#[derive(Clone, Debug)]
enum ResolvedTest {
    Exists { is_negated: bool },
    Compare(ComparisonOperator, ResolvedOperand),
    Contains { part: ResolvedOperand, is_negated: bool },
}

#[derive(Clone, Debug)]
enum ResolvedOperand {
    Variable(u16),
    Value(Expected),
}

/// A condition is about a variable that there is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownVariable {
    /// As it was typed.
    pub name: String,
}

impl fmt::Display for UnknownVariable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "there is no variable `{}`", self.name)
    }
}

impl std::error::Error for UnknownVariable {}

impl Condition {
    /// Reads what was typed. Errors say what to write.
    pub fn parse(text: &str) -> Result<Condition, WrongExpression> {
        let text = trimmed(text, "the condition", "id exists")?;
        let (left, rest) = left_operand(text)?;
        if rest.is_empty() {
            let problem = format!("`{text}` has no operator");
            return Err(WrongExpression::new(
                problem,
                format!("write `{text} exists`, or compare it with something"),
            ));
        }
        let (operator, value) = TypedOperator::read(rest)?;
        if !matches!(operator, TypedOperator::Exists { .. }) && value.is_empty() {
            let problem = format!("nothing stands behind `{}`", operator.name());
            return Err(WrongExpression::new(
                problem,
                "write a value or a variable there; an empty text is `\"\"`",
            ));
        }
        let test = match operator {
            TypedOperator::Exists { .. } if !value.is_empty() => return Err(left_over(value)),
            TypedOperator::Exists { is_negated } => TypedTest::Exists { is_negated },
            TypedOperator::Compare(operator) => TypedTest::Compare(operator, right_operand(value)?),
            TypedOperator::Contains { is_negated } => {
                TypedTest::Contains { part: right_operand(value)?, is_negated }
            }
            TypedOperator::Matches { .. } | TypedOperator::In { .. } => {
                let problem = format!("a condition has no `{}`", operator.name());
                return Err(WrongExpression::new(problem, "there are == != < <= > >= contains exists"));
            }
        };
        let condition = Condition { text: text.to_owned(), left, test };
        condition.refuse_constant()?;
        condition.refuse_order_of_text()?;
        Ok(condition)
    }

    /// With the number of each variable that it is about, by name; `None` says that there is none of that name.
    pub fn resolve(
        &self,
        number_of: &mut dyn FnMut(&str) -> Option<u16>,
    ) -> Result<ResolvedCondition, UnknownVariable> {
        let left = self.left.resolve(number_of)?;
        let test = match &self.test {
            TypedTest::Exists { is_negated } => ResolvedTest::Exists { is_negated: *is_negated },
            TypedTest::Compare(operator, right) => {
                ResolvedTest::Compare(*operator, right.resolve(number_of)?)
            }
            TypedTest::Contains { part, is_negated } => {
                ResolvedTest::Contains { part: part.resolve(number_of)?, is_negated: *is_negated }
            }
        };
        Ok(ResolvedCondition { left, test })
    }

    /// A condition about no variable always holds or never does.
    fn refuse_constant(&self) -> Result<(), WrongExpression> {
        let is_constant = match &self.test {
            TypedTest::Exists { .. } => matches!(self.left, TypedOperand::Value(_)),
            TypedTest::Compare(_, right) | TypedTest::Contains { part: right, .. } => {
                matches!((&self.left, right), (TypedOperand::Value(_), TypedOperand::Value(_)))
            }
        };
        if is_constant {
            let problem = format!("`{}` is about no variable", self.text);
            return Err(WrongExpression::new(problem, "write the name of one on its left, without quotes"));
        }
        Ok(())
    }

    /// Which is larger is asked of numbers alone, and a text is never one.
    fn refuse_order_of_text(&self) -> Result<(), WrongExpression> {
        let TypedTest::Compare(operator, right) = &self.test else { return Ok(()) };
        for operand in [&self.left, right] {
            if let TypedOperand::Value(value) = operand
                && operator.is_of_order()
                && value.number.is_none()
            {
                let name = TypedOperator::Compare(*operator).name();
                let problem = format!("`{name}` compares numbers, and `{}` is text", value.text);
                return Err(WrongExpression::new(
                    problem,
                    "write a number without quotes, or compare with `==`",
                ));
            }
        }
        Ok(())
    }
}

/// The operand that a condition begins with, and what is behind it.
fn left_operand(text: &str) -> Result<(TypedOperand, &str), WrongExpression> {
    if is_quoted(text) {
        let (inner, rest) = quoted(text)?;
        return Ok((TypedOperand::Value(Expected::new(inner, true)), rest));
    }
    let is_end = |letter: char| letter.is_whitespace() || "=!<>~".contains(letter);
    let (part, rest) = text.split_at(text.find(is_end).unwrap_or(text.len()));
    let rest = rest.trim_start();
    if is_name(part) {
        return Ok((TypedOperand::Name(part.to_owned()), rest));
    }
    let value = Expected::new(part.to_owned(), false);
    if value.number.is_some() {
        return Ok((TypedOperand::Value(value), rest));
    }
    let inner = text.split("{{").nth(1).and_then(|rest| rest.split("}}").next()).map(str::trim);
    let (problem, fix) = match inner {
        Some(name) => {
            (format!("`{text}` has braces"), format!("write the name of the variable alone, `{name}`"))
        }
        None if text.starts_with('!') => {
            let name = text[1..].trim_start();
            (
                format!("`{text}` begins with an operator"),
                format!("write `{name} not exists`, or compare with `!=`"),
            )
        }
        None => {
            let fix = "begin with the name of a variable, a number, or a text in quotes";
            (format!("`{text}` begins with neither a name nor a value"), fix.to_owned())
        }
    };
    Err(WrongExpression::new(problem, fix))
}

/// The operand that is all the rest of a condition.
fn right_operand(text: &str) -> Result<TypedOperand, WrongExpression> {
    let outside = if is_quoted(text) { quoted(text)?.1 } else { text };
    for joint in ["&&", "||", "and", "or"] {
        if outside.split_whitespace().any(|word| word == joint) {
            let problem = format!("`{joint}` joins conditions, and a condition is one comparison");
            let fix = "put one at the step, and the other at the steps of the flow that it runs; \
                       text stands in quotes";
            return Err(WrongExpression::new(problem, fix));
        }
    }
    let (value, is_in_quotes) = whole_value(text)?;
    if value.starts_with("{{") && !is_in_quotes {
        let name = value.trim_matches(['{', '}', ' ']);
        let problem = format!("`{value}` has braces");
        return Err(WrongExpression::new(problem, format!("write the name of the variable alone, `{name}`")));
    }
    if !is_in_quotes && is_name(&value) {
        return Ok(TypedOperand::NameOrText(value));
    }
    Ok(TypedOperand::Value(Expected::new(value, is_in_quotes)))
}

/// Whether a word can be the name of a variable: letters, digits, `_` and `-`, with dots between parts of it.
fn is_name(word: &str) -> bool {
    word.split('.').all(|part| {
        let begins = part.starts_with(|letter: char| letter.is_alphabetic() || letter == '_');
        begins && part.chars().all(|letter| letter.is_alphanumeric() || letter == '_' || letter == '-')
    })
}

impl TypedOperand {
    fn resolve(
        &self,
        number_of: &mut dyn FnMut(&str) -> Option<u16>,
    ) -> Result<ResolvedOperand, UnknownVariable> {
        match self {
            TypedOperand::Name(name) => match number_of(name) {
                Some(number) => Ok(ResolvedOperand::Variable(number)),
                None => Err(UnknownVariable { name: name.clone() }),
            },
            TypedOperand::NameOrText(word) => Ok(match number_of(word) {
                Some(number) => ResolvedOperand::Variable(number),
                None => ResolvedOperand::Value(Expected::new(word.clone(), false)),
            }),
            TypedOperand::Value(value) => Ok(ResolvedOperand::Value(value.clone())),
        }
    }
}

impl ResolvedCondition {
    /// Whether it holds, given the value of each variable by its number; `None` for one that has none yet. Nothing holds of
    /// a variable without a value but that it does not exist.
    pub fn holds<'v>(&self, value_of: impl Fn(u16) -> Option<&'v [u8]>) -> bool {
        let left = self.left.text(&value_of);
        match &self.test {
            ResolvedTest::Exists { is_negated } => left.is_some() != *is_negated,
            ResolvedTest::Compare(operator, right) => {
                left.zip(right.text(&value_of)).is_some_and(|(left, text)| {
                    compare(*operator, (left, self.left.is_text()), (text, right.number(text)))
                })
            }
            ResolvedTest::Contains { part, is_negated } => left
                .zip(part.text(&value_of))
                .is_some_and(|(left, part)| memmem::find(left, part).is_some() != *is_negated),
        }
    }
}

impl ResolvedOperand {
    fn text<'a, 'v: 'a>(&'a self, value_of: &impl Fn(u16) -> Option<&'v [u8]>) -> Option<&'a [u8]> {
        match self {
            ResolvedOperand::Variable(number) => value_of(*number),
            ResolvedOperand::Value(value) => Some(value.text.as_bytes()),
        }
    }

    /// The number that its text is, if it is not known to be text.
    fn number(&self, text: &[u8]) -> Option<TextNumber> {
        match self {
            ResolvedOperand::Variable(_) => TextNumber::read(text),
            ResolvedOperand::Value(value) => value.number,
        }
    }

    /// Whether it is text, whatever it looks like.
    fn is_text(&self) -> bool {
        matches!(self, ResolvedOperand::Value(value) if value.number.is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 4] = ["id", "user.role", "count", "none"];
    const VALUES: [Option<&str>; 4] = [Some("17"), Some("admin"), Some("5.0"), None];

    fn resolved(text: &str) -> Result<ResolvedCondition, UnknownVariable> {
        let mut number_of = |name: &str| NAMES.iter().position(|known| *known == name).map(|at| at as u16);
        Condition::parse(text).unwrap().resolve(&mut number_of)
    }

    fn holds(text: &str) -> bool {
        resolved(text).unwrap().holds(|number| VALUES[usize::from(number)].map(str::as_bytes))
    }

    #[test]
    fn conditions_compare_variables_with_values_and_with_each_other() {
        for text in [
            "id exists",
            "none not exists",
            "user.role == admin",
            "user.role=='admin'",
            "user.role != guest",
            "user.role contains dmi",
            "user.role not contains x",
            "id > count",
            "id >= 17",
            "16<id",
            "'17' == id",
            "count == 5",
            "count != '5'",
            "count == \"5.0\"",
            "id != 9 to 5",
        ] {
            assert!(holds(text), "{text}");
        }
        for text in [
            "none exists",
            "id not exists",
            "user.role == user.role2",
            "id < count",
            "'17.0' == id",
            "count == '5'",
        ] {
            assert!(!holds(text), "{text}");
        }
    }

    #[test]
    fn nothing_holds_of_what_has_no_value() {
        for text in ["none == ''", "none != 5", "none < 5", "id == none", "none not contains x"] {
            assert!(!holds(text), "{text}");
        }
    }

    #[test]
    fn a_name_on_the_left_has_to_be_known_and_one_on_the_right_may_be_text() {
        assert_eq!(resolved("idd == 5").unwrap_err().to_string(), "there is no variable `idd`");
        assert!(resolved("id == idd").is_ok());
    }

    #[test]
    fn conditions_are_written_as_they_were_typed() {
        for text in ["id exists", "a.b-c == 'x y'", "n<5"] {
            let condition = Condition::parse(text).unwrap();
            let written = serde_json::to_string(&condition).unwrap();
            assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
            assert_eq!(serde_json::from_str::<Condition>(&written).unwrap(), condition);
        }
    }

    #[test]
    fn what_is_wrong_says_what_to_write() {
        for (text, problem, fix) in [
            ("", "the condition is empty", "write one, such as `id exists`"),
            ("id", "`id` has no operator", "write `id exists`"),
            ("id ==", "nothing stands behind `==`", "write a value or a variable there"),
            ("id = 5", "`=` is not an operator", "write `==`"),
            ("id exists now", "`now` is left over", "leave it out"),
            ("{{id}} == 5", "`{{id}} == 5` has braces", "write the name of the variable alone, `id`"),
            ("id == {{count}}", "`{{count}}` has braces", "write the name of the variable alone, `count`"),
            ("!id", "`!id` begins with an operator", "write `id not exists`"),
            ("id == 5 && count == 3", "`&&` joins conditions", "put one at the step"),
            ("id == 'a' and count == 3", "`and` joins conditions", "put one at the step"),
            ("5 < 6", "`5 < 6` is about no variable", "write the name of one"),
            (
                "'id' exists",
                "`'id' exists` is about no variable",
                "write the name of one on its left, without quotes",
            ),
            ("id < '5'", "`<` compares numbers, and `5` is text", "write a number without quotes"),
            ("id matches ^a", "a condition has no `matches`", "there are =="),
            ("(id) == 5", "`(id) == 5` begins with neither a name nor a value", "begin with the name"),
            ("id == 'a", "the quotation mark ' of `'a` is not closed", "close it"),
        ] {
            let error = Condition::parse(text).unwrap_err();
            assert!(error.problem.starts_with(problem), "{text}: {error}");
            assert!(error.fix.starts_with(fix), "{text}: {error}");
        }
    }
}
