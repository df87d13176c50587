//! Data files, as typed. Their columns are read off the beginning of each, so that a value that no column has is found with all else.

use super::{PlanFiles, PlanReader};
use crate::config::{Diagnostic, FeedConfig, Text, Texts, hint};
use crate::feed::{AtEnd, Feed, FeedFormat, RowOrder, columns_of};
use std::path::Path;

const FORMATS: [&str; 3] = ["csv", "jsonl", "json"];
const ORDERS: [RowOrder; 4] = [RowOrder::Sequential, RowOrder::Unique, RowOrder::Shuffle, RowOrder::Random];
const ENDS: [AtEnd; 3] = [AtEnd::Repeat, AtEnd::Stop, AtEnd::Fail];
const COLUMNS_FIX: &str = "leave it out: the keys of the objects are the columns";

impl PlanReader<'_> {
    /// The feeds of the plan. One whose file cannot be read has no columns.
    pub(super) fn feeds(&mut self) -> Vec<Feed> {
        let config = self.config;
        config.feed.iter().map(|(name, typed)| self.feed(name, typed)).collect()
    }

    fn feed(&mut self, name: &str, typed: &FeedConfig) -> Feed {
        let key = format!("feed.{name}");
        self.keys.feeds.push(key.clone());
        let at = |part: &str| format!("{key}.{part}");
        let file = match &typed.file {
            Some(Text(file)) => file.clone(),
            None => {
                if !self.is_wrong(&at("file")) {
                    let problem = format!("the feed `{name}` names no file");
                    self.wrong(&at("file"), problem, "write `file = \"users.csv\"` or the like");
                }
                String::new()
            }
        };
        let format = self.format(typed, &file, &at);
        let words = ORDERS.map(RowOrder::name);
        let rows = self.one_of(&typed.rows, &at("rows"), "an order of rows", &words);
        let rows = rows.map_or(RowOrder::default(), |index| ORDERS[index]);
        let words = ENDS.map(AtEnd::name);
        let at_end = self.one_of(&typed.at_end, &at("at_end"), "what happens at the end", &words);
        let at_end = at_end.map_or(rows.at_end_default(), |index| ENDS[index]);
        let columns = typed.columns.as_ref().map(|Texts(names)| names.clone()).unwrap_or_default();
        let mut feed = Feed { name: name.to_owned(), file, format, columns, rows, at_end };
        // What a file is to be read as has to be known to read it.
        if !["file", "format", "delimiter", "header", "columns"].iter().any(|part| self.is_wrong(&at(part))) {
            self.look_into(&mut feed, &at("file"));
        }
        feed
    }

    /// The columns of a feed, as its file has them.
    fn look_into(&mut self, feed: &mut Feed, path: &str) {
        let PlanFiles { head, .. } = self.files;
        let name = &feed.file;
        let head = match head(name) {
            Ok(head) => head,
            Err(cause) => {
                let problem = format!("`{name}` cannot be read: {cause}");
                let fix = "name a file that can be read from where Vajra is started";
                let wrong = Diagnostic::at(path, problem, fix);
                self.diagnostics.push(match name.strip_prefix('@') {
                    Some(bare) => Diagnostic { fix: String::new(), ..wrong.with_value(bare) },
                    None => wrong,
                });
                return;
            }
        };
        match columns_of(feed, &head.bytes, head.is_whole) {
            Ok(columns) => feed.columns = columns,
            Err(wrong) => {
                let problem = format!("{}: {}", wrong.place(name), wrong.problem);
                self.wrong(path, problem, wrong.fix);
            }
        }
    }

    /// How a file is written: as is said, else by the ending of its name.
    fn format(&mut self, typed: &FeedConfig, file: &str, at: &dyn Fn(&str) -> String) -> FeedFormat {
        let ending = Path::new(file).extension().map(|ending| ending.to_string_lossy().to_lowercase());
        let ending = ending.unwrap_or_default();
        let by_ending = match ending.as_str() {
            "jsonl" | "ndjson" => "jsonl",
            "json" => "json",
            _ => "csv",
        };
        let said = self.one_of(&typed.format, &at("format"), "a format", &FORMATS);
        let is_unknown = !["csv", "tsv", "txt", "jsonl", "ndjson", "json"].contains(&ending.as_str());
        if typed.format.is_none() && is_unknown && !file.is_empty() {
            let problem = format!("the ending of `{file}` does not say how it is written");
            self.wrong(&at("format"), problem, "write `format = \"csv\"`, `\"jsonl\"` or `\"json\"`");
        }
        let format = said.map_or(by_ending, |index| FORMATS[index]);
        if format == "csv" {
            return self.csv(typed, ending == "tsv", at);
        }
        let given = [
            ("delimiter", typed.delimiter.is_some()),
            ("header", typed.header.is_some()),
            ("columns", typed.columns.is_some()),
        ];
        for (part, _) in given.into_iter().filter(|(_, is_given)| *is_given) {
            self.wrong(&at(part), format!("`{part}` is of CSV, and this file is {format}"), COLUMNS_FIX);
        }
        if format == "json" { FeedFormat::Json } else { FeedFormat::Jsonl }
    }

    fn csv(&mut self, typed: &FeedConfig, is_tsv: bool, at: &dyn Fn(&str) -> String) -> FeedFormat {
        let delimiter = match typed.delimiter.as_ref().map(|text| text.0.as_str()) {
            None if is_tsv => '\t',
            None => ',',
            Some("\\t" | "tab") => '\t',
            Some(text) => {
                let mut letters = text.chars();
                if let (Some(one), None) = (letters.next(), letters.next()) {
                    one
                } else {
                    let problem = format!("`{text}` is not one character");
                    self.wrong(&at("delimiter"), problem, "write `,`, `;`, `\\t` or the like");
                    ','
                }
            }
        };
        match (typed.header, &typed.columns) {
            (Some(true), Some(_)) => {
                let problem = "the header of the file names the columns, and so does `columns`";
                self.wrong(&at("columns"), problem, "leave one out; with `columns` there is no header");
            }
            (Some(false), None) => {
                let problem = "a file without a header does not say what its columns are called";
                self.wrong(&at("header"), problem, "name them: `columns = [\"name\", \"pass\"]`");
            }
            _ => {}
        }
        FeedFormat::Csv { delimiter, has_header: typed.columns.is_none() }
    }

    /// Which of some words a value is.
    fn one_of(&mut self, typed: &Option<Text>, path: &str, what: &str, words: &[&str]) -> Option<usize> {
        let Text(text) = typed.as_ref()?;
        let index = words.iter().position(|word| word == text);
        if index.is_none() {
            self.wrong(path, format!("`{text}` is not {what}"), hint(text, words));
        }
        index
    }

    /// Feeds that nothing takes a value of are told: a name may have been mistyped.
    pub(super) fn note_unused_feeds(&mut self, feeds: &[Feed], is_used: impl Fn(&Feed) -> bool) {
        for feed in feeds.iter().filter(|feed| !is_used(feed)) {
            let column = feed.columns.first().map_or("COLUMN", String::as_str);
            let problem = format!("no request uses the feed `{}`", feed.name);
            let fix =
                format!("write `{{{{{}.{column}}}}}` where its values are to be, or leave it out", feed.name);
            self.notes.push(Diagnostic::at(format!("feed.{}", feed.name), problem, fix));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Document, Format, Layers};
    use crate::plan::{FileHead, Plan, Purpose};

    type Read = Result<(Plan, Vec<Diagnostic>), Vec<Diagnostic>>;

    fn read_of(text: &str) -> Read {
        let text = format!("url = 'http://h/'\n{text}");
        let document = Document { name: "plan".into(), text, format: Format::Toml };
        let reading = Layers::new(Some(document)).unwrap().read();
        let head = |name: &str| match name {
            "users.csv" | "users.dat" => {
                Ok(FileHead { bytes: b"name,pass\nann,x\n".to_vec(), is_whole: true })
            }
            "long.tsv" => Ok(FileHead { bytes: b"name\tpass\nann\t".to_vec(), is_whole: false }),
            "users.ndjson" => Ok(FileHead { bytes: b"{\"name\": 1}\n{\"na".to_vec(), is_whole: false }),
            "users.json" => Ok(FileHead { bytes: b"[{\"name\": 1}]".to_vec(), is_whole: true }),
            "twice.csv" => Ok(FileHead { bytes: b"name,name\n".to_vec(), is_whole: true }),
            _ => Err("no such file".into()),
        };
        Plan::read_with(
            &reading,
            PlanFiles { whole: &|_| Err("not this way".into()), head: &head },
            Purpose::Run,
        )
    }

    fn feed_of(text: &str) -> Feed {
        read_of(&format!("[feed.user]\n{text}")).unwrap().0.feeds[0].clone()
    }

    #[test]
    fn a_feed_is_its_file_and_what_its_columns_are_called() {
        let feed = feed_of("file = 'users.csv'");
        let csv = |delimiter, has_header| FeedFormat::Csv { delimiter, has_header };
        assert_eq!(
            (feed.name.as_str(), feed.file.as_str(), feed.format),
            ("user", "users.csv", csv(',', true))
        );
        assert_eq!(feed.columns, ["name", "pass"]);
        assert_eq!((feed.rows, feed.at_end), (RowOrder::Sequential, AtEnd::Repeat));
        for (text, format, columns) in [
            ("file = 'long.tsv'", csv('\t', true), &["name", "pass"][..]),
            ("file = 'users.ndjson'", FeedFormat::Jsonl, &["name"]),
            ("file = 'users.json'", FeedFormat::Json, &["name"]),
            ("file = 'users.dat'\nformat = 'csv'", csv(',', true), &["name", "pass"]),
            ("file = 'users.csv'\ncolumns = ['a', 'b']", csv(',', false), &["a", "b"]),
            ("file = 'users.csv'\ncolumns = 'a'\ndelimiter = '|'", csv('|', false), &["a"]),
            ("file = 'long.tsv'\nheader = true\ndelimiter = '\\t'", csv('\t', true), &["name", "pass"]),
        ] {
            let feed = feed_of(text);
            assert_eq!(
                (feed.format, &feed.columns[..]),
                (format, &columns.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>()[..]),
                "{text}"
            );
        }
        let ends = |text: &str| {
            let feed = feed_of(&format!("file = 'users.csv'\n{text}"));
            (feed.rows, feed.at_end)
        };
        assert_eq!(ends("rows = 'unique'"), (RowOrder::Unique, AtEnd::Stop));
        assert_eq!(ends("rows = 'unique'\nat_end = 'fail'"), (RowOrder::Unique, AtEnd::Fail));
        assert_eq!(ends("rows = 'shuffle'"), (RowOrder::Shuffle, AtEnd::Repeat));
        assert_eq!(ends("at_end = 'stop'"), (RowOrder::Sequential, AtEnd::Stop));
    }

    #[test]
    fn what_is_wrong_with_a_feed_is_told_once_at_its_key() {
        for (text, key, problem) in [
            ("rows = 'unique'", "file", "names no file"),
            ("file = 'gone.csv'", "file", "`gone.csv` cannot be read: no such file"),
            ("file = 'twice.csv'", "file", "twice.csv:1: two columns are called `name`"),
            ("file = 'users.dat'", "format", "does not say how it is written"),
            ("file = 'users.csv'\nformat = 'jsnol'", "format", "`jsnol` is not a format"),
            ("file = 'users.csv'\nrows = 'uniqe'", "rows", "`uniqe` is not an order of rows"),
            ("file = 'users.csv'\nat_end = 'loop'", "at_end", "`loop` is not what happens at the end"),
            ("file = 'users.csv'\nrows = 'unique'\nat_end = 'repeat'", "at_end", "cannot be repeated"),
            ("file = 'users.csv'\nrows = 'random'\nat_end = 'stop'", "at_end", "have no end"),
            ("file = 'users.csv'\nheader = false", "header", "does not say what its columns are called"),
            ("file = 'users.csv'\nheader = true\ncolumns = ['a']", "columns", "and so does `columns`"),
            ("file = 'users.csv'\ncolumns = ['a', 'a']", "columns", "two columns are called `a`"),
            ("file = 'users.csv'\ncolumns = []", "columns", "a feed of 0 columns"),
            ("file = 'users.csv'\ndelimiter = '::'", "delimiter", "is not one character"),
            ("file = 'users.csv'\ndelimiter = 'a'", "delimiter", "cannot stand between values"),
            ("file = 'users.json'\ndelimiter = ','", "delimiter", "`delimiter` is of CSV"),
            ("file = 'users.csv'\nordre = 'x'", "ordre", "unknown key `ordre`"),
        ] {
            let wrong = read_of(&format!("[feed.user]\n{text}")).expect_err(text);
            assert_eq!(wrong.len(), 1, "{text}: {wrong:?}");
            assert_eq!(wrong[0].path, format!("feed.user.{key}"), "{text}: {wrong:?}");
            assert!(wrong[0].problem.contains(problem), "{text}: {wrong:?}");
            assert!(!wrong[0].fix.is_empty() || !wrong[0].instead.is_empty(), "{text}: {wrong:?}");
        }
    }

    #[test]
    fn names_of_feeds_are_names_and_feeds_are_not_without_number() {
        let wrong = read_of("[feed.'1 user']\nfile = 'users.csv'").unwrap_err();
        assert_eq!((wrong.len(), wrong[0].path.as_str()), (1, "feed.1 user"));
        let many: String = (0..65).map(|n| format!("[feed.f{n}]\nfile = 'users.csv'\n")).collect();
        let wrong = read_of(&many).unwrap_err();
        assert!(wrong[0].problem.contains("65 feeds are too many"), "{wrong:?}");
        let plan = read_of("[feed.a]\nfile = 'users.csv'\n[feed.b]\nfile = 'users.json'").unwrap().0;
        let broken = plan.changed(|fields| fields.feeds[1].name = "a".into()).unwrap_err();
        assert!(broken.to_string().contains("plan.feeds[1]: two feeds are called `a`"), "{broken}");
    }

    #[test]
    fn a_feed_that_is_written_otherwise_is_told_how() {
        let wrong = read_of("feed.user = 'users.csv'").unwrap_err();
        assert_eq!(wrong[0].instead, [("user".to_owned(), toml::from_str("file = 'users.csv'").unwrap())]);
        let wrong = read_of("[[feed]]\nname = 'user'\nfile = 'users.csv'").unwrap_err();
        assert!(wrong[0].fix.contains("[feed.user]"), "{wrong:?}");
        let wrong = read_of("[feeds.user]\nfile = 'users.csv'").unwrap_err();
        assert!(wrong[0].fix.contains("feed"), "{wrong:?}");
    }

    #[test]
    fn a_feed_that_nothing_uses_is_noted() {
        let (plan, notes) = read_of("[feed.user]\nfile = 'users.csv'").unwrap();
        assert_eq!(notes.len(), 1);
        assert_eq!(notes[0].path, "feed.user");
        assert!(notes[0].fix.contains("{{user.name}}"), "{notes:?}");
        let json = serde_json::to_string(&plan).unwrap();
        assert_eq!(serde_json::from_str::<Plan>(&json).unwrap(), plan);
        assert!(!json.contains("ann"), "what is in the file is not in the plan");
    }
}
