//! What of a response has to be kept, so that what is asked of it can be answered.

use super::check::{CheckTest, ResponseCheck};
use super::expression::Expression;
use super::subject::Subject;

/// The most of a body that is kept where a plan says nothing else.
pub const BODY_BYTES_MAX: usize = 64 << 10;

/// The parts of a response that a step wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wants {
    /// The names of headers, in lower case, each once.
    pub headers: Vec<String>,
    /// Whether headers that set cookies are wanted.
    pub has_cookies: bool,
    /// Whether the body is wanted, or its length.
    pub has_body: bool,
    /// The most bytes of a body that are kept: none where its length alone is wanted.
    pub body_bytes_max: usize,
}

impl Wants {
    /// What the expressions and the checks of a step need. Of a body as much as may be kept, where what is in it is looked
    /// at.
    pub fn new(extracts: &[Expression], checks: &[ResponseCheck], body_bytes_max: usize) -> Wants {
        let mut wants = Wants::default();
        let subjects = extracts.iter().map(Expression::subject);
        for subject in subjects.chain(checks.iter().filter_map(ResponseCheck::subject)) {
            match subject {
                Subject::Header(name) if !wants.headers.contains(name) => wants.headers.push(name.clone()),
                Subject::Header(_) | Subject::Status => {}
                Subject::Cookie(_) => wants.has_cookies = true,
                Subject::Json(_) | Subject::Pattern(_) | Subject::Between(_) | Subject::Body => {
                    wants.has_body = true;
                    wants.body_bytes_max = body_bytes_max;
                }
            }
        }
        wants.has_body |= checks.iter().any(|check| matches!(check.test(), CheckTest::Size(_)));
        wants
    }

    /// Wants a header as well, behind those that are wanted already: its index.
    pub fn also_header(&mut self, name: &str) -> usize {
        let known = self.headers.iter().position(|wanted| wanted == name);
        known.unwrap_or_else(|| {
            self.headers.push(name.to_owned());
            self.headers.len() - 1
        })
    }

    /// Whether some header is wanted.
    pub fn has_fields(&self) -> bool {
        !self.headers.is_empty() || self.has_cookies
    }

    /// Whether nothing has to be kept: the code and the times are known without.
    pub fn is_nothing(&self) -> bool {
        !self.has_fields() && !self.has_body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wants(extracts: &[&str], checks: &[&str]) -> Wants {
        let extracts: Vec<Expression> =
            extracts.iter().map(|text| Expression::parse(text).unwrap()).collect();
        let checks: Vec<ResponseCheck> =
            checks.iter().map(|text| ResponseCheck::parse(text).unwrap()).collect();
        Wants::new(&extracts, &checks, 1_000)
    }

    #[test]
    fn what_needs_nothing_wants_nothing() {
        assert!(wants(&["status"], &["status < 400", "time < 5ms"]).is_nothing());
        assert!(!wants(&["cookie sid"], &[]).is_nothing());
    }

    #[test]
    fn headers_are_wanted_once_and_in_lower_case() {
        let wants = wants(&["header Location"], &["header LOCATION exists", "header X-Id == 5"]);
        assert_eq!((wants.headers, wants.has_body), (vec!["location".to_owned(), "x-id".to_owned()], false));
    }

    #[test]
    fn of_a_body_whose_length_alone_is_wanted_nothing_is_kept() {
        let kept = |extracts: &[&str], checks: &[&str]| {
            let wants = wants(extracts, checks);
            (wants.has_body, wants.body_bytes_max)
        };
        assert_eq!(kept(&[], &["size < 5"]), (true, 0));
        assert_eq!(kept(&["json /id"], &["size < 5"]), (true, 1_000));
        assert_eq!(kept(&[], &["body contains x"]), (true, 1_000));
    }
}
