//! Paths that differ by a number or a UUID alone are one: how often each was asked for, and which numbers there were.

use std::collections::HashMap;

/// Where a number was.
const NUMBER: char = '\u{E000}';
/// Where a UUID was.
const UUID: char = '\u{E001}';
/// The longest number that is one: more digits do not fit.
const DIGITS_MAX: usize = 18;
/// The most values of one path: a request has 31 at most.
const HOLES_MAX: usize = 31;
/// The most different paths that are counted each.
const DISTINCT_MAX: usize = 200_000;

/// How often paths were asked for.
#[derive(Debug, Default)]
pub(super) struct PathCounts {
    counts: HashMap<(String, String), PathCount>,
    /// Requests whose paths came after so many others that they are not counted each.
    uncounted: u64,
}

#[derive(Debug, Default)]
struct PathCount {
    count: u64,
    /// The smallest and the largest number at each place.
    ranges: Vec<(u64, u64)>,
}

/// A path that was asked for, as a plan has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CountedPath {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) count: u64,
    /// What it is called: with `{n}` for a number.
    pub(super) name: String,
    pub(super) has_holes: bool,
}

impl PathCounts {
    pub(super) fn add(&mut self, method: &str, path: &str) {
        let (template, numbers) = template(path);
        let key = (method.to_owned(), template);
        if self.counts.len() >= DISTINCT_MAX && !self.counts.contains_key(&key) {
            self.uncounted += 1;
            return;
        }
        let known = self.counts.entry(key).or_default();
        known.count += 1;
        if known.ranges.is_empty() {
            known.ranges = numbers.iter().map(|number| (*number, *number)).collect();
        }
        for ((low, high), number) in known.ranges.iter_mut().zip(&numbers) {
            (*low, *high) = ((*low).min(*number), (*high).max(*number));
        }
    }

    /// The paths that were asked for most, so many at most; and how many requests were for others.
    pub(super) fn top(self, most: usize) -> (Vec<CountedPath>, u64) {
        let mut all: Vec<_> = self.counts.into_iter().collect();
        // Of two that were asked for as often, the same is first each time.
        all.sort_by(|(one, a), (two, b)| b.count.cmp(&a.count).then_with(|| one.cmp(two)));
        let rest: u64 = all.iter().skip(most).map(|(_, path)| path.count).sum();
        let paths = all.into_iter().take(most).map(|((method, template), path)| {
            let has_holes = template.contains(UUID) || path.ranges.iter().any(|(low, high)| low != high);
            let name = format!("{method} {}", template.replace(NUMBER, "{n}").replace(UUID, "{uuid}"));
            CountedPath { path: filled(&template, &path.ranges), count: path.count, method, name, has_holes }
        });
        (paths.collect(), rest + self.uncounted)
    }
}

/// A path with marks for what differs, and the numbers that stood there.
fn template(path: &str) -> (String, Vec<u64>) {
    let (mut template, mut numbers, mut holes) = (String::new(), Vec::new(), 0);
    for part in path.split_inclusive(['/', '?', '&', '=']) {
        let word = part.trim_end_matches(['/', '?', '&', '=']);
        let number =
            word.parse::<u64>().ok().filter(|number| word.len() <= DIGITS_MAX && number.to_string() == word);
        holes += 1;
        match number {
            _ if holes > HOLES_MAX => template.push_str(word),
            Some(number) => {
                numbers.push(number);
                template.push(NUMBER);
            }
            None if is_uuid(word) => template.push(UUID),
            None => {
                holes -= 1;
                template.push_str(word);
            }
        }
        template.push_str(&part[word.len()..]);
    }
    (template, numbers)
}

fn is_uuid(word: &str) -> bool {
    let is_place = |(at, byte): (usize, u8)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    word.len() == 36 && word.bytes().enumerate().all(is_place)
}

fn filled(template: &str, ranges: &[(u64, u64)]) -> String {
    let (mut path, mut ranges) = (String::new(), ranges.iter());
    for letter in template.chars() {
        match letter {
            NUMBER => path.push_str(&match ranges.next() {
                Some((low, high)) if low != high => format!("{{{{rand {low} {high}}}}}"),
                Some((one, _)) => one.to_string(),
                None => "0".to_owned(),
            }),
            UUID => path.push_str("{{uuid}}"),
            letter => path.push(letter),
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paths_that_differ_by_a_number_are_one() {
        let mut counts = PathCounts::default();
        for path in ["/items/7/a?page=2", "/items/19/a?page=2", "/", "/items/x", "/", "/"] {
            counts.add("GET", path);
        }
        counts.add("HEAD", "/o/67e55044-10b1-426f-9247-bb680e5fe0c8/007");
        let (top, rest) = counts.top(3);
        let shown: Vec<(&str, u64)> = top.iter().map(|path| (path.path.as_str(), path.count)).collect();
        assert_eq!(shown, [("/", 3), ("/items/{{rand 7 19}}/a?page=2", 2), ("/items/x", 1)]);
        assert_eq!(top[1].name, "GET /items/{n}/a?page={n}");
        assert_eq!(rest, 1);
    }

    proptest! {
        #[test]
        fn one_path_alone_is_itself(path in "/[a-z0-9/?&=-]{0,60}") {
            let mut counts = PathCounts::default();
            counts.add("GET", &path);
            let (top, rest) = counts.top(64);
            let holes = top[0].path.matches("{{uuid}}").count();
            prop_assert_eq!((top[0].path == path || holes > 0, rest), (true, 0));
        }
    }
}
