//! Reading texts with holes: what each hole stands for, or what is wrong with it and what to write.

use super::filter::{FILTERS, HmacKey, HoleFilter};
use super::hole::{Hole, HoleName, HolePlace, HoleSource, NowForm, TextOf, VALUE_BYTES_MAX};
use super::piece::{Piece, piece_of};
use super::words::{CLOSE, HoleWord, OPEN, end_of_hole, words};
use crate::config::{closest, hint};

/// The functions, by the names that plans have for them: no variable is called so.
pub const FUNCTIONS: [&str; 9] =
    ["seq", "uuid", "rand", "pick", "randstr", "now", "env", "iteration", "user"];
/// Those that every request knows.
const PLAIN: [&str; 3] = ["seq", "uuid", "rand"];
const PLAIN_FIX: &str = "there are `{{seq}}`, `{{rand LOW HIGH}}` and `{{uuid}}`";

/// A hole that cannot be filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongHole {
    /// As it was typed.
    pub part: String,
    /// What is wrong with it.
    pub problem: String,
    /// What to write instead.
    pub fix: String,
    /// Nothing but that this variable of the environment is not set.
    pub unset: Option<String>,
}

/// What holes of a text may be filled from, and where it stands.
#[derive(Clone, Copy)]
pub(crate) struct HoleScope<'a> {
    /// The variables of the environment; where nobody knows them yet, their names stay in holes.
    pub(crate) environment: Option<TextOf<'a>>,
    /// Whether there are values that are not known before the run.
    pub(crate) has_values: bool,
    /// Where the text stands.
    pub(crate) place: HolePlace,
}

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HoledPart<'a> {
    /// As it is.
    Literal(&'a str),
    /// A hole, and how it was typed.
    Hole(Hole, &'a str),
}

/// Reads text with holes. Errors name all holes that are wrong. Whether there is what they are named after is not asked.
pub fn parse(text: &str) -> Result<Vec<Piece>, Vec<WrongHole>> {
    HoleScope { environment: None, has_values: true, place: HolePlace::Body }.pieces(text)
}

/// The parts of a text, each hole that is wrong in itself among them.
pub(crate) fn parts(text: &str) -> Vec<Result<HoledPart<'_>, WrongHole>> {
    let (mut parts, mut rest) = (Vec::new(), text);
    while let Some(open) = rest.find(OPEN) {
        if open > 0 {
            parts.push(Ok(HoledPart::Literal(&rest[..open])));
        }
        let after = &rest[open + OPEN.len()..];
        let Some(close) = end_of_hole(after) else {
            let (problem, fix) = ("`{{` without `}}`".to_owned(), "close it, as in `{{seq}}`".to_owned());
            parts.push(Err(WrongHole { part: rest[open..].to_owned(), problem, fix, unset: None }));
            return parts;
        };
        let part = &rest[open..open + OPEN.len() + close + CLOSE.len()];
        let hole = parse_hole(after[..close].trim());
        parts.push(hole.map(|hole| HoledPart::Hole(hole, part)).map_err(|cause| wrong_hole(part, cause)));
        rest = &after[close + CLOSE.len()..];
    }
    if !rest.is_empty() {
        parts.push(Ok(HoledPart::Literal(rest)));
    }
    parts
}

/// The same text with a digit for each hole: what its form can be judged by.
pub(crate) fn without_holes(text: &str) -> String {
    mapped(text, |_| "0".to_owned())
}

/// The same text with nothing in quotes in its holes, where keys may stand that are secret.
pub(crate) fn without_quoted(text: &str) -> String {
    mapped(text, shown)
}

fn mapped(text: &str, hole: impl Fn(&str) -> String) -> String {
    let (mut mapped, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once(OPEN) {
        let Some(end) = end_of_hole(after) else { break };
        mapped.push_str(before);
        let whole = &rest[before.len()..before.len() + OPEN.len() + end + CLOSE.len()];
        mapped.push_str(&hole(whole));
        rest = &after[end + CLOSE.len()..];
    }
    mapped + rest
}

/// A hole as it may be shown to people.
fn shown(part: &str) -> String {
    let mut shown = String::new();
    let mut rest = part;
    while let Some(at) = rest.find(['"', '\'']) {
        let quote = &rest[at..=at];
        shown.push_str(&rest[..=at]);
        let behind = &rest[at + 1..];
        // A quote that is escaped ends nothing; of what is not closed nothing is shown.
        let closes = |(end, _): &(usize, &str)| !behind[..*end].ends_with('\\');
        let Some((end, _)) = behind.match_indices(quote).find(closes) else {
            return shown + "…";
        };
        shown.push('…');
        shown.push_str(quote);
        rest = &behind[end + 1..];
    }
    shown + rest
}

fn wrong_hole(part: &str, (problem, fix): (String, String)) -> WrongHole {
    WrongHole { problem: format!("`{}` {problem}", shown(part)), part: part.to_owned(), fix, unset: None }
}

impl HoleScope<'_> {
    /// The pieces of a text.
    pub(crate) fn pieces(&self, text: &str) -> Result<Vec<Piece>, Vec<WrongHole>> {
        let (mut pieces, mut wrong) = (Vec::new(), Vec::new());
        for part in parts(text) {
            let piece = part.and_then(|part| match part {
                HoledPart::Literal(text) => Ok(Piece::Bytes(text.as_bytes().to_vec())),
                HoledPart::Hole(hole, part) => self.piece(hole, part),
            });
            match piece {
                Ok(piece) => pieces.push(piece),
                Err(cause) => wrong.push(cause),
            }
        }
        if wrong.is_empty() { Ok(pieces) } else { Err(wrong) }
    }

    /// The piece of a hole that was typed so.
    pub(crate) fn piece(&self, hole: Hole, part: &str) -> Result<Piece, WrongHole> {
        let mut hole = Hole { place: self.place, ..hole };
        if let Some(variable) = self.environment {
            hole = hole.with_environment(variable).map_err(|unset| {
                let names = unset.join("`, `");
                let problem = format!("`{}`: `{names}` is not set in the environment", shown(part));
                let fix = format!("set it, as in `{}=… vajra run …`", unset[0]);
                WrongHole { part: part.to_owned(), problem, fix, unset: unset.into_iter().next() }
            })?;
        }
        if let Some(cause) = hole.unsound() {
            return Err(wrong_hole(part, cause));
        }
        match hole.constant() {
            Some(Ok(bytes)) => return Ok(Piece::Bytes(bytes)),
            Some(Err(unfilled)) => {
                let cause = (format!("cannot stand there: {unfilled}"), "give it another value".to_owned());
                return Err(wrong_hole(part, cause));
            }
            None => {}
        }
        match piece_of(hole) {
            Piece::Value(hole) if !self.has_values && hole.names().next().is_some() => {
                Err(wrong_hole(part, without_values(&hole, part)))
            }
            piece => Ok(piece),
        }
    }
}

/// What is wrong with the variable of a hole where there are none.
fn without_values(hole: &Hole, part: &str) -> (String, String) {
    let name = hole.names().next().unwrap_or_default();
    // What was typed counts: its place may have added a filter.
    match part.contains('|') {
        false => ("is not known".to_owned(), guessed(name, &PLAIN)),
        true => (format!("needs the variable `{name}`, which is not known"), PLAIN_FIX.to_owned()),
    }
}

/// What a hole stands for, or what is wrong with it and what to write.
fn parse_hole(hole: &str) -> Result<Hole, (String, String)> {
    let Some(words) = words(hole) else {
        let problem = "has a quote that is not closed, or not at the end of a word".to_owned();
        return Err((problem, "write `{{x | hmac_sha256 'the key'}}` or the like".to_owned()));
    };
    let mut parts = words.split(|word| *word == HoleWord::Bar);
    let source = source(parts.next().unwrap_or_default(), hole)?;
    let filters: Result<Vec<_>, _> = parts.map(filter).collect();
    let hole = Hole { filters: filters?, ..Hole::new(source) };
    match hole.unsound() {
        Some(cause) => Err(cause),
        None => Ok(hole),
    }
}

fn source(words: &[HoleWord<'_>], hole: &str) -> Result<HoleSource, (String, String)> {
    use HoleWord::{Plain, Quoted};
    let unknown = || ("is not known".to_owned(), guessed(hole, &FUNCTIONS));
    Ok(match words {
        [Quoted(text)] => HoleSource::Text(text.clone()),
        [Plain("seq")] => HoleSource::Seq,
        [Plain("uuid")] => HoleSource::Uuid,
        [Plain("iteration")] => HoleSource::Iteration,
        [Plain("user")] => HoleSource::User,
        [Plain(name @ ("seq" | "uuid" | "iteration" | "user")), ..] => {
            return Err(("takes nothing behind its name".to_owned(), format!("write `{{{{{name}}}}}`")));
        }
        [Plain("rand"), Plain(low), Plain(high)] => match (low.parse(), high.parse()) {
            (Ok(low), Ok(high)) if low <= high => HoleSource::Rand { low, high },
            (Ok::<u64, _>(low), Ok::<u64, _>(high)) => {
                let problem = format!("begins above its end: {low} is above {high}");
                return Err((problem, written_rand(high, low)));
            }
            _ => return Err(("needs two whole numbers".to_owned(), guessed_rand(hole))),
        },
        [Plain("rand"), ..] => return Err(("needs two whole numbers".to_owned(), guessed_rand(hole))),
        [Plain("pick"), texts @ ..] => HoleSource::Pick(texts.iter().map(text_of).collect()),
        [Plain("randstr"), Plain(letters)] if letters.parse::<u16>().is_ok() => {
            HoleSource::Randstr(letters.parse().unwrap_or_default())
        }
        [Plain("randstr"), ..] => {
            let fix = format!("write `{{{{randstr 16}}}}` or the like, and at most {VALUE_BYTES_MAX}");
            return Err(("needs a number of letters".to_owned(), fix));
        }
        [Plain("now"), form @ ..] => HoleSource::Now(now_form(form)?),
        [Plain("env"), Plain(name)] => HoleSource::Named(HoleName::Environment((*name).to_owned())),
        [Plain("env"), ..] => {
            let problem = "needs the name of a variable of the environment".to_owned();
            return Err((problem, "write `{{env API_TOKEN}}` or the like".to_owned()));
        }
        [Plain(name)] => HoleSource::Named(name_of(name).ok_or_else(unknown)?),
        _ => return Err(unknown()),
    })
}

fn text_of(word: &HoleWord<'_>) -> String {
    match word {
        HoleWord::Plain(text) => (*text).to_owned(),
        HoleWord::Quoted(text) => text.clone(),
        HoleWord::Bar => "|".to_owned(),
    }
}

fn now_form(words: &[HoleWord<'_>]) -> Result<NowForm, (String, String)> {
    match words {
        [] | [HoleWord::Plain("ms")] => Ok(NowForm::Ms),
        [HoleWord::Plain("s")] => Ok(NowForm::S),
        [HoleWord::Plain("ns")] => Ok(NowForm::Ns),
        [HoleWord::Plain("iso")] => Ok(NowForm::Iso),
        _ => {
            let fix = "there are `{{now}}` (milliseconds), `{{now s}}`, `{{now ms}}`, `{{now ns}}` and `{{now iso}}`";
            Err(("asks for a form of the time that is not known".to_owned(), fix.to_owned()))
        }
    }
}

/// A variable, or a column behind its feed; nothing where it can be neither.
fn name_of(word: &str) -> Option<HoleName> {
    let is_of_name = |letter: char| letter.is_ascii_alphanumeric() || "_-".contains(letter);
    let is_name = |text: &str| {
        text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && text.chars().all(is_of_name)
    };
    match word.split_once('.') {
        None => is_name(word).then(|| HoleName::Variable(word.to_owned())),
        Some((feed, column)) => {
            let is_of_column = |letter: char| letter.is_alphanumeric() || "_-.".contains(letter);
            let is_column = !column.is_empty() && column.chars().all(is_of_column);
            (is_name(feed) && is_column)
                .then(|| HoleName::Column { feed: feed.to_owned(), column: column.to_owned() })
        }
    }
}

fn filter(words: &[HoleWord<'_>]) -> Result<HoleFilter<HoleName>, (String, String)> {
    use HoleWord::{Plain, Quoted};
    let key_missing = || {
        let fix = "write `hmac_sha256 'the key'`, the name of a variable, or `hmac_sha256 env NAME`";
        ("needs a key for `hmac_sha256`".to_owned(), fix.to_owned())
    };
    let key = match words {
        [] => {
            let problem = "has nothing behind a `|`".to_owned();
            return Err((problem, format!("there are the filters {}", FILTERS.join(", "))));
        }
        [Plain("hmac_sha256"), Quoted(text)] => HmacKey::Text(text.clone()),
        [Plain("hmac_sha256"), Plain("env"), Plain(name)] => {
            HmacKey::Named(HoleName::Environment((*name).to_owned()))
        }
        [Plain("hmac_sha256"), Plain(name)] => HmacKey::Named(name_of(name).ok_or_else(key_missing)?),
        [Plain("hmac_sha256"), ..] => return Err(key_missing()),
        [Plain(name), rest @ ..] => {
            return match (HoleFilter::named(name), rest) {
                (Some(filter), []) => Ok(filter),
                (Some(_), _) => {
                    let problem = format!("has something behind `{name}`, which takes nothing");
                    Err((problem, "put a `|` before the next filter".to_owned()))
                }
                (None, _) => Err((format!("has a filter `{name}` that is not known"), meant_filter(name))),
            };
        }
        _ => {
            let problem = "has a text where a filter is to be".to_owned();
            return Err((problem, format!("there are the filters {}", FILTERS.join(", "))));
        }
    };
    Ok(HoleFilter::HmacSha256 { key })
}

/// What an unknown filter was probably meant to be.
fn meant_filter(name: &str) -> String {
    let word = name.to_lowercase().replace('-', "_");
    let meant = match word.as_str() {
        "b64" | "b64enc" | "base64encode" | "base64_encode" => "base64",
        "b64url" | "base64_url" | "urlsafe" => "base64url",
        "urlencode" | "url_encode" | "uri" | "percent" | "escape_uri" | "urlquery" => "url",
        "tojson" | "to_json" | "escape" | "quote" => "json",
        "int" | "num" | "float" | "integer" => "number",
        "lowercase" | "downcase" => "lower",
        "uppercase" | "upcase" => "upper",
        "strip" => "trim",
        "sha" | "sha_256" => "sha256",
        "hmac" | "hmacsha256" => "hmac_sha256",
        _ => return hint(name, &FILTERS),
    };
    format!("did you mean `{meant}`?")
}

/// What an unknown hole was probably meant to be.
fn guessed(hole: &str, known: &[&'static str]) -> String {
    let word: String = hole.chars().skip_while(|c| !c.is_ascii_alphabetic()).collect();
    let word = word.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default();
    let word = word.to_lowercase();
    let meant = match word.as_str() {
        "guid" | "randomuuid" | "uuid4" | "uuidv4" | "random_uuid" => Some("uuid"),
        "random" | "randint" | "randomint" | "random_int" | "randomnumber" | "int" | "number" => Some("rand"),
        "i" | "n" | "index" | "counter" | "id" | "sequence" | "iter" | "__iter" => Some("seq"),
        "choose" | "choice" | "oneof" | "sample" if known.contains(&"pick") => Some("pick"),
        "timestamp" | "time" | "date" if known.contains(&"now") => Some("now"),
        "vu" | "__vu" if known.contains(&"user") => Some("user"),
        word => closest(word, known),
    };
    match meant {
        Some("rand") => guessed_rand(hole),
        Some("pick") => "write `{{pick red green blue}}` or the like".to_owned(),
        Some("randstr") => "write `{{randstr 16}}` or the like".to_owned(),
        Some("env") => "write `{{env API_TOKEN}}` or the like".to_owned(),
        Some(word) => format!("write `{{{{{word}}}}}`"),
        None if known == PLAIN => PLAIN_FIX.to_owned(),
        None => {
            let others =
                "`{{pick A B}}`, `{{randstr 16}}`, `{{now}}`, `{{env NAME}}`, and names of variables";
            format!("{PLAIN_FIX}, {others}")
        }
    }
}

/// A range of the numbers that stand in a hole, whatever stands between them.
fn guessed_rand(hole: &str) -> String {
    let digits = hole.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty());
    let numbers: Vec<u64> = digits.filter_map(|digits| digits.parse().ok()).collect();
    match numbers[..] {
        [high] if high > 1 => written_rand(1, high),
        [one, other] => written_rand(one.min(other), one.max(other)),
        _ => written_rand(1, 1_000),
    }
}

fn written_rand(low: u64, high: u64) -> String {
    format!("write `{{{{rand {low} {high}}}}}`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As requests that are no steps of a flow are read, in an environment with one variable.
    fn plain(text: &str) -> Result<Vec<Piece>, Vec<WrongHole>> {
        let environment = |name: &str| (name == "TOKEN").then(|| "s3 cret".to_owned());
        HoleScope { environment: Some(&environment), has_values: false, place: HolePlace::Path }.pieces(text)
    }

    fn only(text: &str) -> Hole {
        let pieces = parse(text).unwrap();
        let [Piece::Value(hole)] = pieces.as_slice() else { panic!("{text} is one value: {pieces:?}") };
        hole.as_ref().clone()
    }

    #[test]
    fn what_is_wrong_with_holes_is_told_of_all_with_what_to_write() {
        for (text, part, problem, fix) in [
            ("a{{nope}}", "{{nope}}", "not known", "there are"),
            ("a{{seq", "{{seq", "without", "close it"),
            ("{{rand 5 1}}", "{{rand 5 1}}", "above", "write `{{rand 1 5}}`"),
            ("{{rand a 1}}", "{{rand a 1}}", "whole numbers", "{{rand 1 1000}}"),
            ("{{ rand(1, 50) }}", "{{ rand(1, 50) }}", "not known", "write `{{rand 1 50}}`"),
            ("{{random 10-20}}", "{{random 10-20}}", "not known", "write `{{rand 10 20}}`"),
            ("{{$guid}}", "{{$guid}}", "not known", "write `{{uuid}}`"),
            ("{{sq}}", "{{sq}}", "not known", "there are"),
            ("{{seqq}}", "{{seqq}}", "not known", "write `{{seq}}`"),
            ("{{seq 1}}", "{{seq 1}}", "takes nothing", "write `{{seq}}`"),
            ("{{}}", "{{}}", "not known", "there are"),
            ("{{seq | hx}}", "{{seq | hx}}", "filter `hx`", "there are"),
            ("{{seq | base_64}}", "{{seq | base_64}}", "filter `base_64`", "did you mean `base64`?"),
            ("{{seq | urlencode}}", "{{seq | urlencode}}", "not known", "did you mean `url`?"),
            ("{{seq |}}", "{{seq |}}", "nothing behind", "base64"),
            ("{{seq | hex 2}}", "{{seq | hex 2}}", "takes nothing", "`|`"),
            ("{{seq | hmac_sha256}}", "{{seq | hmac_sha256}}", "needs a key", "hmac_sha256 'the key'"),
            ("{{pick}}", "{{pick}}", "nothing to pick", "{{pick red"),
            ("{{pck a b}}", "{{pck a b}}", "not known", "{{pick red"),
            ("{{randstr 0}}", "{{randstr 0}}", "number of letters", "4096"),
            ("{{randstr 70000}}", "{{randstr 70000}}", "number of letters", "4096"),
            ("{{now week}}", "{{now week}}", "not known", "{{now iso}}"),
            ("{{env}}", "{{env}}", "name of a variable", "{{env API_TOKEN}}"),
            ("{{x | hmac_sha256 'open}}", "{{x | hmac_sha256 'open}}", "not closed", "the key"),
            ("{{env NONE}}", "{{env NONE}}", "`NONE` is not set", "NONE=…"),
            ("{{env TOKEN}}", "{{env TOKEN}}", "0x20", "another value"),
            ("{{env TOKEN | number}}", "{{env TOKEN | number}}", "no number", "another value"),
            ("{{token | url}}", "{{token | url}}", "variable `token`", "there are"),
        ] {
            let wrong = plain(text).unwrap_err();
            assert_eq!((wrong.len(), wrong[0].part.as_str()), (1, part), "{text}");
            assert!(wrong[0].problem.contains(problem) && wrong[0].fix.contains(fix), "{text}: {wrong:?}");
        }
        assert_eq!(plain("{{a}} {{seq}} {{b c}} {{env NONE}}").unwrap_err().len(), 3);
        assert_eq!(plain("{{env NONE}}").unwrap_err()[0].unset.as_deref(), Some("NONE"));
        assert_eq!(without_holes("/a/{{rand 1 9}}?x={{seq}}&{{"), "/a/0?x=0&{{");
    }

    #[test]
    fn what_stands_in_quotes_is_not_shown() {
        for text in ["{{seq | hmac_sha256 's3cret' x}}", "{{seq | hmac_sha256 's3cret}}"] {
            let wrong = plain(text).unwrap_err();
            assert!(!wrong[0].problem.contains("cret") && !wrong[0].fix.contains("cret"), "{wrong:?}");
        }
        let shown = without_quoted("/a?x={{seq}}&y={{seq | hmac_sha256 \"k\" | upper}}");
        assert_eq!(shown, "/a?x={{seq}}&y={{seq | hmac_sha256 \"…\" | upper}}");
    }

    #[test]
    fn plain_holes_stay_what_they_are_also_with_filters_that_change_nothing() {
        let rand = Piece::Rand { low: 1, high: 9 };
        for (text, piece) in [
            ("{{seq}}", Piece::Seq),
            ("{{seq | number}}", Piece::Seq),
            ("{{rand 1 9}}", rand.clone()),
            ("{{rand 1 9 | number | json | upper}}", rand),
            ("{{uuid | json | url | lower | trim}}", Piece::Uuid),
        ] {
            assert_eq!(plain(text).unwrap(), [piece], "{text}");
        }
        assert_eq!(only("{{uuid | upper}}").filters, [HoleFilter::Upper]);
        assert_eq!(plain("{{env TOKEN | url}}").unwrap(), [Piece::Bytes(b"s3%20cret".to_vec())]);
        assert_eq!(plain("{{'a b' | url}}").unwrap(), [Piece::Bytes(b"a%20b".to_vec())]);
    }

    #[test]
    fn names_are_variables_columns_or_of_the_environment() {
        let column = HoleName::Column { feed: "user".into(), column: "größe.x".into() };
        assert_eq!(only("{{user.größe.x}}").source, HoleSource::Named(column));
        assert_eq!(only("{{_a-b1}}").source, HoleSource::Named(HoleName::Variable("_a-b1".into())));
        let key = HmacKey::Named(HoleName::Environment("KEY".into()));
        assert_eq!(only("{{x | hmac_sha256 env KEY}}").filters, [HoleFilter::HmacSha256 { key }]);
        for wrong in ["{{1a}}", "{{a.}}", "{{.a}}", "{{a b}}", "{{a(b)}}", "{{Math.random()}}", "{{$a}}"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    /// A hole that can be typed.
    fn any_hole() -> impl Strategy<Value = Hole> {
        let name =
            || "[a-z_][a-z0-9_-]{0,6}".prop_filter("no function", |name| !FUNCTIONS.contains(&name.as_str()));
        let named = prop_oneof![
            name().prop_map(HoleName::Variable),
            (name(), "[a-z0-9._-]{1,6}").prop_map(|(feed, column)| HoleName::Column { feed, column }),
            "[A-Z_]{1,6}".prop_map(HoleName::Environment),
        ];
        let named = named.boxed();
        let source = prop_oneof![
            named.clone().prop_map(HoleSource::Named),
            proptest::collection::vec("[^\n]{0,8}", 1..4).prop_map(HoleSource::Pick),
            (1..=4_096_u16).prop_map(HoleSource::Randstr),
            prop::sample::select(vec![NowForm::S, NowForm::Ms, NowForm::Ns, NowForm::Iso])
                .prop_map(HoleSource::Now),
            Just(HoleSource::Iteration),
            Just(HoleSource::User),
        ];
        let key = prop_oneof!["[^\n]{0,8}".prop_map(HmacKey::Text), named.prop_map(HmacKey::Named)];
        let plain = || prop::sample::select(FILTERS.to_vec()).prop_filter_map("plain", HoleFilter::named);
        let filter = prop_oneof![plain(), key.prop_map(|key| HoleFilter::HmacSha256 { key })];
        (source, proptest::collection::vec(filter, 0..4))
            .prop_map(|(source, filters)| Hole { filters, ..Hole::new(source) })
            .prop_filter("sound", |hole| hole.unsound().is_none())
    }

    proptest! {
        #[test]
        fn any_hole_is_read_as_it_is_shown(hole in any_hole()) {
            prop_assert_eq!(only(&format!("{{{{{hole}}}}}")), hole.clone());
            let json = serde_json::to_string(&hole).unwrap();
            prop_assert_eq!(serde_json::from_str::<Hole>(&json).unwrap(), hole);
        }

        #[test]
        fn any_text_is_read_or_told_what_is_wrong_with_it(
            text in "([a-z{} |'\"\\\\.0-9\n]|\\{\\{|\\}\\}|seq|rand 1 9|hmac_sha256|env|pick|é){0,24}",
        ) {
            let parts = parts(&text);
            let whole: String = parts
                .iter()
                .map(|part| match part {
                    Ok(HoledPart::Literal(text) | HoledPart::Hole(_, text)) => *text,
                    Err(WrongHole { part, .. }) => part,
                })
                .collect();
            prop_assert_eq!(&whole, &text);
            match parse(&text) {
                Ok(pieces) => {
                    prop_assert!(parts.iter().all(Result::is_ok));
                    prop_assert!(super::super::piece::literal_bytes(&pieces).len() <= text.len());
                }
                Err(wrong) => {
                    prop_assert!(!wrong.is_empty());
                    prop_assert!(wrong.iter().all(|wrong| text.contains(&wrong.part) && !wrong.fix.is_empty()));
                }
            }
            prop_assert!(without_holes(&text).len() <= text.len());
            without_quoted(&text);
        }
    }
}
