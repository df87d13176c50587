//! All that is looked at of a step's responses, put together once: expressions, then checks.

use super::assertion::Assertion;
use super::captured::Captured;
use super::check::{CheckTest, NumberTest, ResponseCheck};
use super::expression::Expression;
use super::findings::{Findings, Sight, Trouble};
use super::json_path::JsonPath;
use super::json_shape::JsonShape;
use super::subject::Subject;
use super::wants::Wants;

/// The expressions and checks of a step. Each shard makes its own: regular expressions have memory that is used by one at a
/// time.
#[derive(Clone, Debug)]
pub struct Inspection {
    extracts: Vec<PlacedSubject>,
    checks: Vec<PlacedTest>,
    /// The paths of all JSON values, which are looked for in one pass.
    paths: Vec<JsonPath>,
    /// What they were found by the last time.
    shape: JsonShape,
}

/// Where something stands in a response.
#[derive(Clone, Debug)]
enum PlacedSubject {
    /// The value of the path with this index.
    Json(usize),
    /// The header with this index among those that are wanted.
    Header(usize),
    /// Anything that is looked for by itself.
    Other(Subject),
}

/// A check, of whose subject it is known where it stands.
#[derive(Clone, Debug)]
enum PlacedTest {
    Status(NumberTest),
    Time(NumberTest),
    Size(NumberTest),
    Text(PlacedSubject, Assertion),
}

impl Inspection {
    /// Puts expressions and checks together.
    pub fn new(extracts: &[Expression], checks: &[ResponseCheck]) -> Inspection {
        let wanted = Wants::new(extracts, checks, 0).headers;
        let mut paths = Vec::new();
        let mut place = |subject: &Subject| match subject {
            Subject::Json(path) => {
                let known = paths.iter().position(|other| other == path);
                PlacedSubject::Json(known.unwrap_or_else(|| {
                    paths.push(path.clone());
                    paths.len() - 1
                }))
            }
            Subject::Header(name) => {
                let index = wanted.iter().position(|wanted| wanted == name);
                PlacedSubject::Header(index.expect("every header that is looked at is wanted"))
            }
            other => PlacedSubject::Other(other.clone()),
        };
        let extracts = extracts.iter().map(|expression| place(expression.subject())).collect();
        let test = |check: &ResponseCheck| match check.test() {
            CheckTest::Status(test) => PlacedTest::Status(test.clone()),
            CheckTest::Time(test) => PlacedTest::Time(test.clone()),
            CheckTest::Size(test) => PlacedTest::Size(test.clone()),
            CheckTest::Text(subject, assertion) => PlacedTest::Text(place(subject), assertion.clone()),
        };
        let checks = checks.iter().map(test).collect();
        Inspection { extracts, checks, paths, shape: JsonShape::default() }
    }

    /// Looks at a response: its code, the time it took, and what was captured by the [`Wants`] of the same expressions and
    /// checks.
    pub fn look(&mut self, code: u16, elapsed_ns: u64, captured: &Captured, found: &mut Findings) {
        found.clear();
        let json = self.find_json(captured, found);
        for place in &self.extracts {
            let sight = place.sight(code, captured, found, json);
            found.take(sight);
        }
        for (index, test) in self.checks.iter().enumerate() {
            let holds = match test {
                PlacedTest::Status(test) => test.holds(u64::from(code)),
                PlacedTest::Time(test) => test.holds(elapsed_ns),
                PlacedTest::Size(test) => test.holds(captured.body_length()),
                PlacedTest::Text(place, assertion) => {
                    let sight = place.sight(code, captured, found, json);
                    found.holds(sight, |text| assertion.holds(text))
                }
            };
            if !holds {
                found.fail(index);
            }
        }
    }

    /// What a check with this index looks at of a response.
    pub fn seen_by_check<'a>(&self, index: usize, captured: &'a Captured) -> SeenPart<'a> {
        match &self.checks[index] {
            PlacedTest::Status(_) => SeenPart::Body(captured.kept_body()),
            PlacedTest::Time(_) => SeenPart::Time,
            PlacedTest::Size(_) => SeenPart::Size(captured.body_length()),
            PlacedTest::Text(place, _) => place.seen(captured),
        }
    }

    /// What an expression with this index looks at.
    pub fn seen_by_extract<'a>(&self, index: usize, captured: &'a Captured) -> SeenPart<'a> {
        self.extracts[index].seen(captured)
    }

    /// Finds the values of all paths, or says why they cannot be.
    fn find_json(&mut self, captured: &Captured, found: &mut Findings) -> Result<(), Trouble> {
        if self.paths.is_empty() {
            return Ok(());
        }
        let body = whole_body(captured)?;
        if body.is_empty() {
            return Err(Trouble::NoBody);
        }
        self.shape.find(body, &self.paths, &mut found.walk, &mut found.places).map_err(|_| Trouble::NotJson)
    }
}

/// The body, unless some of it is missing: then it is not looked at, since what is missing could change every answer.
fn whole_body(captured: &Captured) -> Result<&[u8], Trouble> {
    if captured.is_untold() {
        return Err(Trouble::NotMessage);
    }
    if captured.is_body_cut() { Err(Trouble::LongBody) } else { Ok(captured.kept_body()) }
}

/// The part of a response that something is looked for in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeenPart<'a> {
    /// What was kept of the body.
    Body(&'a [u8]),
    /// The header with this index among those that are wanted, and its value if it came.
    Header(usize, Option<&'a [u8]>),
    /// The cookies that it sets, which nobody is shown.
    Cookies,
    /// How long it took.
    Time,
    /// How many bytes the body has.
    Size(u64),
}

impl PlacedSubject {
    fn seen<'a>(&self, captured: &'a Captured) -> SeenPart<'a> {
        match self {
            PlacedSubject::Header(index) => SeenPart::Header(*index, captured.header_value(*index)),
            PlacedSubject::Other(Subject::Cookie(_)) => SeenPart::Cookies,
            PlacedSubject::Json(_) | PlacedSubject::Other(_) => SeenPart::Body(captured.kept_body()),
        }
    }

    fn sight<'a>(
        &self,
        code: u16,
        captured: &'a Captured,
        found: &Findings,
        json: Result<(), Trouble>,
    ) -> Sight<'a> {
        match self {
            PlacedSubject::Json(path) => match json {
                Ok(()) => json_sight(captured, found, *path),
                Err(trouble) => Sight::Unknown(trouble),
            },
            PlacedSubject::Header(index) => of_headers(captured, captured.header_value(*index)),
            // The last of a name counts, and may not have been kept.
            PlacedSubject::Other(Subject::Cookie(_)) if captured.are_headers_cut() => {
                Sight::Unknown(Trouble::LongHeaders)
            }
            PlacedSubject::Other(Subject::Cookie(name)) => of_headers(captured, captured.cookie_value(name)),
            PlacedSubject::Other(Subject::Status) => Sight::Code(code),
            PlacedSubject::Other(subject) => match whole_body(captured) {
                Ok(body) => in_body(subject, body).map_or(Sight::Absent, Sight::Bytes),
                Err(trouble) => Sight::Unknown(trouble),
            },
        }
    }
}

/// What was found for a path, without the quotation marks of a string.
fn json_sight<'a>(captured: &'a Captured, found: &Findings, path: usize) -> Sight<'a> {
    let Some(range) = found.places[path].clone() else { return Sight::Absent };
    let value = &captured.kept_body()[range];
    let [b'"', string @ .., b'"'] = value else { return Sight::Bytes(value) };
    if memchr::memchr(b'\\', string).is_some() { Sight::Escaped(string) } else { Sight::String(string) }
}

/// What was found among the headers; where it was not, it may have been among those that were not kept.
fn of_headers<'a>(captured: &Captured, value: Option<&'a [u8]>) -> Sight<'a> {
    match value {
        Some(value) => Sight::Bytes(value),
        None if captured.are_headers_cut() => Sight::Unknown(Trouble::LongHeaders),
        None => Sight::Absent,
    }
}

/// What is looked for in the body as bytes.
fn in_body<'a>(subject: &Subject, body: &'a [u8]) -> Option<&'a [u8]> {
    match subject {
        Subject::Body => Some(body),
        Subject::Pattern(pattern) => pattern.find(body).map(|range| &body[range]),
        Subject::Between(texts) => {
            let (left, right) = &**texts;
            let behind = &body[left.find(body)? + left.needle().len()..];
            right.find(behind).map(|length| &behind[..length])
        }
        Subject::Json(_) | Subject::Header(_) | Subject::Cookie(_) | Subject::Status => {
            unreachable!("these are not looked for in bytes of a body")
        }
    }
}

#[cfg(test)]
mod tests;
