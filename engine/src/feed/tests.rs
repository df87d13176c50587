//! What data files are read from, and what none can be read from.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn feed(format: FeedFormat, columns: &[&str]) -> Feed {
    let columns = columns.iter().map(|name| (*name).to_owned()).collect();
    let (name, file) = ("user".to_owned(), "users".to_owned());
    Feed { name, file, format, columns, rows: RowOrder::Sequential, at_end: AtEnd::Repeat }
}

const CSV: FeedFormat = FeedFormat::Csv { delimiter: ',', has_header: true };
const BARE_CSV: FeedFormat = FeedFormat::Csv { delimiter: ',', has_header: false };

/// The table of a file whose columns it says itself, or the first thing that is wrong with it.
fn table(format: FeedFormat, bytes: &[u8]) -> Result<FeedTable, WrongFeed> {
    let columns = columns_of(&feed(format, &[]), bytes, true)?;
    FeedTable::read(&Feed { columns, ..feed(format, &[]) }, bytes)
}

fn rows_of(table: &FeedTable) -> Vec<Vec<String>> {
    let text = |row, column| String::from_utf8(table.field(row, column).to_vec()).unwrap();
    let row = |row| (0..table.columns().len()).map(|column| text(row, column)).collect();
    (0..table.rows()).map(row).collect()
}

/// The rows of a file that comes in pieces of a size.
fn rows_in_pieces(feed: &Feed, bytes: &[u8], size: usize) -> Result<Vec<Vec<Vec<u8>>>, WrongFeed> {
    let (mut reader, mut row, mut rows) = (RowReader::new(feed).unwrap(), RowBuffer::default(), Vec::new());
    let (mut used, mut given) = (0, 0);
    loop {
        let (taken, found) = reader.read(&bytes[used..given], given == bytes.len(), &mut row)?;
        used += taken;
        match found {
            RowFound::Row => rows.push((0..row.fields()).map(|column| row.field(column).to_vec()).collect()),
            RowFound::More => given = (given + size).min(bytes.len()),
            RowFound::End => return Ok(rows),
        }
    }
}

#[test]
fn rows_of_csv_are_values_by_column() {
    let bytes = b"\xef\xbb\xbfname, pass ,note\r\nann,x,\r\n\r\n\"b,ob\",\"say \"\"y\"\"\",\"two\nlines\"\n";
    let table = table(CSV, bytes).unwrap();
    assert_eq!(table.columns(), ["name", "pass", "note"]);
    assert_eq!(rows_of(&table), [["ann", "x", ""], ["b,ob", "say \"y\"", "two\nlines"]]);
}

#[test]
fn rows_of_json_are_texts_as_they_are_meant_and_all_else_as_it_is_written() {
    let lines = "{\"name\": \"\\u00e9\\n\", \"id\": 1.10, \"tags\": [1, {\"a\": 2}], \"on\": true, \"no\": null}\n\n\
                 {\"no\": \"\", \"on\": false, \"tags\": [], \"id\": 12345678901234567890123, \"name\": \"b\"}\r\n";
    let expected =
        [["é\n", "1.10", "[1, {\"a\": 2}]", "true", ""], ["b", "12345678901234567890123", "[]", "false", ""]];
    assert_eq!(rows_of(&table(FeedFormat::Jsonl, lines.as_bytes()).unwrap()), expected);
    let [first, second] = lines.trim().split("\n\n").collect::<Vec<_>>()[..] else { panic!("two rows") };
    let array = format!("[\n{first}\n,\n{second}]");
    assert_eq!(rows_of(&table(FeedFormat::Json, array.as_bytes()).unwrap()), expected);
}

#[test]
fn what_is_wrong_with_a_file_has_its_line_the_cause_and_what_to_do() {
    let jsonl = FeedFormat::Jsonl;
    let cases: [(FeedFormat, &[u8], Option<u64>, &str); 26] = [
        (CSV, b"", None, "the file is empty"),
        (CSV, b" \n\r\n", None, "the file is empty"),
        (CSV, b"name,pass\n", None, "there is a header, and no row after it"),
        (CSV, b"name,pass\r\nann,x\r\n\r\nbob\r\n", Some(4), "the row has 1 value, and there are 2 columns"),
        (CSV, b"name,pass\nann,x\nbob,y,z\n", Some(3), "the row has 3 values, and there are 2 columns"),
        (CSV, b"name,pass\n\"a\nb\",x\nbob\n", Some(4), "the row has 1 value"),
        (CSV, b"name,name\nann,x\n", Some(1), "two columns are called `name`"),
        (CSV, b"\nname,\nann,x\n", Some(2), "column 2 has no name"),
        (CSV, b"name;pass\nann;x\n", Some(1), "which looks like several"),
        (CSV, b"{a},b\n1,2\n", Some(1), "column 1 is called `{a}`"),
        (CSV, b"name,pass\nann,x\nb\0b,y\n", Some(3), "there is a NUL byte"),
        (CSV, b"name,pass\nann,x\nren\xe9,y\n", Some(3), "byte 0xE9 is not UTF-8"),
        (CSV, b"name,pass\nann,\xc3\n\xa9,y\n", Some(2), "byte 0xC3 is not UTF-8"),
        (CSV, b"name,pass\n\xc3,\xa9\n", Some(2), "byte 0xC3 is not UTF-8"),
        (CSV, b"\xff\xfen\0a\0", Some(1), "the file is UTF-16"),
        (CSV, b"n\0a\0m\0e\0", Some(1), "the file is UTF-16"),
        (CSV, b"name,pass\nann,x\nbob,\"y\ncid,z\n", Some(3), "the file ends within quotes"),
        (jsonl, b"\n", None, "the file is empty"),
        (jsonl, b"{\"a\": 1}\n{\"b\": 1}\n", Some(2), "`b` is not a key of the first row, which has a"),
        (jsonl, b"{\"a\": 1, \"b\": 2}\n\n{\"b\": 1}\n", Some(3), "the row has no `a`"),
        (jsonl, b"{\"a\": 1}\n{\"a\": 1, \"a\": 2}\n", Some(2), "the row has the key `a` twice"),
        (jsonl, b"{\"a\": 1}\n[1]\n", Some(2), "expected an object"),
        (jsonl, b"{\"a\": 1}\n{\"a\": \n", Some(2), "it is not JSON as it is wanted here"),
        (FeedFormat::Json, b"[]", Some(1), "there is no row with keys"),
        (FeedFormat::Json, b"[{\"a\": 1},\n {\"a\": 2},\n {\"b\": 3}]", Some(3), "`b` is not a key"),
        (FeedFormat::Json, b"{\"a\": 1}", Some(1), "expected an array of objects"),
    ];
    for (format, bytes, line, problem) in cases {
        let wrong = table(format, bytes).expect_err(&String::from_utf8_lossy(bytes));
        let shown = String::from_utf8_lossy(bytes);
        assert!(wrong.problem.contains(problem) && wrong.line == line, "{shown:?}: {wrong:?}");
        assert!(!wrong.fix.is_empty(), "{shown:?}");
    }
}

#[test]
fn names_from_a_file_are_shown_in_short_and_steer_no_terminal() {
    let wrong = table(CSV, b"a\x1b[2J,a\x1b[2J\n1,2\n").unwrap_err();
    assert!(wrong.problem.contains("`a\u{fffd}[2J`"), "{wrong}");
    let long = "x".repeat(50);
    let wrong = table(CSV, format!("{long},{long}\n1,2\n").as_bytes()).unwrap_err();
    assert!(wrong.problem.contains(&format!("`{}…`", &long[..40])), "{wrong}");
    let names: Vec<String> = (0..10).map(|number| format!("c{number}")).collect();
    assert_eq!(listed_columns(&names), "c0, c1, c2, c3, c4, c5, c6, c7 and 2 more");
}

#[test]
fn letters_of_one_byte_are_told_as_latin_1() {
    let wrong = table(CSV, b"name\nren\xe9\n").unwrap_err();
    assert!(wrong.fix.contains("LATIN1"), "{wrong}");
    assert_eq!(wrong.place("users.csv"), "users.csv:2");
}

#[test]
fn rows_are_no_longer_than_they_may_be() {
    let unclosed = format!("name\n\"{}", "x,\n".repeat(ROW_BYTES_MAX));
    let wrong = table(CSV, unclosed.as_bytes()).unwrap_err();
    assert!(wrong.line == Some(2) && wrong.fix.contains("quote"), "{wrong}");
    let wide = ",".repeat(COLUMNS_MAX + 1);
    let wrong = FeedTable::read(&feed(BARE_CSV, &["a"]), wide.as_bytes()).unwrap_err();
    assert!(wrong.problem.contains("more than 1024 values"), "{wrong}");
    let long = format!("{{\"a\": \"{}\"}}", "x".repeat(ROW_BYTES_MAX));
    let wrong = FeedTable::read(&feed(FeedFormat::Jsonl, &["a"]), long.as_bytes()).unwrap_err();
    assert!(wrong.problem.contains("the line is longer than 1 MiB"), "{wrong}");
}

#[test]
fn columns_are_known_by_the_beginning_of_a_file() {
    let of = |format, head: &[u8]| columns_of(&feed(format, &[]), head, false);
    assert_eq!(of(CSV, b"name,pass\nann,\"x").unwrap(), ["name", "pass"]);
    assert_eq!(of(FeedFormat::Jsonl, b"\n{\"name\": 1, \"pass\": 2}\n{\"na").unwrap(), ["name", "pass"]);
    assert_eq!(of(FeedFormat::Json, b"[ {\"name\": \"\xc3\xa9\"}, {\"name\": \"\xc3").unwrap(), ["name"]);
    for (format, head) in
        [(CSV, &b"name,pa"[..]), (FeedFormat::Jsonl, b"{\"na"), (FeedFormat::Json, b"[{\"a\": \"b")]
    {
        let wrong = of(format, head).unwrap_err();
        assert!(wrong.problem.contains("does not end within 1 MiB"), "{wrong}");
    }
    assert_eq!(columns_of(&feed(BARE_CSV, &["a", "b"]), b"1,2", true).unwrap(), ["a", "b"]);
}

#[test]
fn a_file_that_has_changed_since_the_plan_was_read_is_told() {
    let wrong = FeedTable::read(&feed(CSV, &["name", "mail"]), b"name,pass\nann,x\n").unwrap_err();
    assert!(wrong.problem.contains("name, pass") && wrong.problem.contains("name, mail"), "{wrong}");
}

fn value() -> impl Strategy<Value = String> {
    "[a-z0-9é,;\"'\\\\{}: \n\r\t]{0,8}"
}

proptest! {
    #[test]
    fn what_others_write_as_csv_is_read_as_it_was(
        rows in prop::collection::vec(prop::collection::vec(value(), 3), 1..12), size in 1_usize..40, is_crlf: bool,
    ) {
        let ends = if is_crlf { ::csv::Terminator::CRLF } else { ::csv::Terminator::Any(b'\n') };
        let mut writer = ::csv::WriterBuilder::new().terminator(ends).from_writer(Vec::new());
        writer.write_record(["a", "b", "c"]).unwrap();
        rows.iter().for_each(|row| writer.write_record(row).unwrap());
        let bytes = writer.into_inner().unwrap();
        prop_assert_eq!(&rows_of(&table(CSV, &bytes).unwrap()), &rows);
        let expected: Vec<Vec<Vec<u8>>> =
            rows.iter().map(|row| row.iter().map(|value| value.clone().into_bytes()).collect()).collect();
        prop_assert_eq!(rows_in_pieces(&feed(CSV, &["a", "b", "c"]), &bytes, size).unwrap(), expected);
    }

    #[test]
    fn objects_of_json_are_read_as_they_were_in_whatever_order_their_keys_are(
        rows in prop::collection::vec((value(), value(), any::<bool>()), 1..12), size in 1_usize..40,
    ) {
        let quoted = |text: &str| serde_json::to_string(text).unwrap();
        let object = |(first, second, is_turned): &(String, String, bool)| match is_turned {
            false => format!("{{\"a\": {}, \"b\": {}}}", quoted(first), quoted(second)),
            true => format!("{{\"b\": {}, \"a\": {}}}", quoted(second), quoted(first)),
        };
        let objects: Vec<String> = rows.iter().map(object).collect();
        let expected: Vec<BTreeMap<&str, String>> =
            rows.iter().map(|(a, b, _)| BTreeMap::from([("a", a.clone()), ("b", b.clone())])).collect();
        let files = [(FeedFormat::Jsonl, objects.join("\n")), (FeedFormat::Json, format!("[{}]", objects.join(", ")))];
        for (format, text) in files {
            let table = table(format, text.as_bytes()).unwrap();
            let by_name = |row: Vec<String>| -> BTreeMap<&str, String> {
                table.columns().iter().map(String::as_str).zip(row).collect()
            };
            let found: Vec<BTreeMap<&str, String>> = rows_of(&table).into_iter().map(by_name).collect();
            prop_assert_eq!(&found, &expected);
            if format.is_streamed() {
                let feed = Feed { columns: table.columns().to_vec(), ..feed(format, &[]) };
                let pieces = rows_in_pieces(&feed, text.as_bytes(), size).unwrap();
                prop_assert_eq!(pieces.len(), rows.len());
            }
        }
    }

    #[test]
    fn any_bytes_are_rows_or_are_refused_the_same_way_in_pieces_as_in_one(
        bytes in prop::collection::vec(prop_oneof![Just(b'"'), Just(b','), Just(b'\n'), Just(b'\r'), any::<u8>()], 0..60),
        size in 1_usize..20,
    ) {
        let feed = feed(BARE_CSV, &["a", "b"]);
        let whole = rows_in_pieces(&feed, &bytes, bytes.len().max(1));
        prop_assert_eq!(rows_in_pieces(&feed, &bytes, size), whole.clone());
        if let Ok(table) = FeedTable::read(&feed, &bytes) {
            prop_assert_eq!(table.rows(), whole.unwrap().len() as u64);
        }
    }
}
