//! Data files of any size, read by threads and taken by shards.

use super::*;
use engine::config::{Document, Format, Layers};
use engine::feed::FEED_HEAD_BYTES;
use engine::plan::{FileHead, PlanFiles, Purpose};
use proptest::prelude::*;
use std::fmt::Write;
use std::io::{Read as _, Write as _};
use tempfile::NamedTempFile;

/// No file is kept in memory.
const NONE_KEPT: u64 = 0;

fn file_of(text: &str, ending: &str) -> NamedTempFile {
    let mut file = tempfile::Builder::new().suffix(ending).tempfile().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn plan_of(file: &NamedTempFile, feed: &str, rest: &str) -> Plan {
    let path = file.path().display();
    let text = format!("url = 'http://h/'\n{rest}\n[feed.user]\nfile = '{path}'\n{feed}");
    let document = Document { name: "plan".into(), text, format: Format::Toml };
    let reading = Layers::new(Some(document)).unwrap().read();
    let head = |name: &str| {
        let mut bytes = Vec::new();
        let file = std::fs::File::open(name).map_err(|error| error.to_string())?;
        file.take(FEED_HEAD_BYTES as u64).read_to_end(&mut bytes).unwrap();
        let is_whole = bytes.len() < FEED_HEAD_BYTES;
        Ok(FileHead { bytes, is_whole })
    };
    let files = PlanFiles { whole: &|_| Err("none".into()), head: &head };
    Plan::read_with(&reading, files, Purpose::Run).unwrap().0
}

fn sharded(shards: u64) -> String {
    format!("run = {{ shards = {shards} }}\nload = {{ rate = 100 }}")
}

fn numbered_rows(rows: u64) -> String {
    let mut text = "id,note\n".to_owned();
    (0..rows).for_each(|row| writeln!(text, "{row},\"row, {row}\"").unwrap());
    text
}

/// What a reader has for an arrival, once it has come: its first value, or a word for the end.
fn taken(reader: &mut FeedReader, number: u64) -> String {
    loop {
        return match reader.row(number) {
            FeedRow::Ready(row) => String::from_utf8(row.field(0).to_vec()).unwrap(),
            FeedRow::Starved => {
                std::thread::yield_now();
                continue;
            }
            FeedRow::Stop => "stop".into(),
            FeedRow::Exhausted => "exhausted".into(),
            FeedRow::Broken => "broken".into(),
        };
    }
}

/// What all shards have of their arrivals below a number, each on a thread of its own.
fn taken_by_shards(feeds: &mut Feeds, shards: u64, arrivals: u64) -> Vec<(u64, String)> {
    let of_shard = |shard: u64| {
        let mut reader = feeds.readers(Share { shard, shards }).remove(0);
        std::thread::spawn(move || -> Vec<(u64, String)> {
            let numbers = (shard..arrivals).step_by(shards as usize);
            numbers.map(|number| (number, taken(&mut reader, number))).collect()
        })
    };
    let threads: Vec<_> = (0..shards).map(of_shard).collect();
    threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
}

fn failure_of_load(file: &NamedTempFile, feed: &str, rest: &str) -> String {
    let plan = plan_of(file, feed, rest);
    load_within(&plan, NONE_KEPT).err().expect("it is refused").to_string()
}

#[test]
fn unique_rows_are_used_once_and_none_is_left_out_whatever_the_size_and_the_shards() {
    const ROWS: u64 = 60_000;
    let file = file_of(&numbered_rows(ROWS), ".csv");
    for (shards, bytes_max) in
        [(1, FEED_BYTES_MAX), (2, FEED_BYTES_MAX), (1, NONE_KEPT), (2, NONE_KEPT), (3, NONE_KEPT)]
    {
        let plan = plan_of(&file, "rows = 'unique'", &sharded(shards));
        let mut feeds = load_within(&plan, bytes_max).unwrap();
        assert_eq!(feeds.rows_of(0), (bytes_max > 0).then_some(ROWS));
        feeds.start(&[]).unwrap();
        let taken = taken_by_shards(&mut feeds, shards, ROWS + 10);
        for (number, value) in taken {
            let expected = if number < ROWS { number.to_string() } else { "stop".into() };
            assert_eq!(value, expected, "{shards} shards");
        }
        assert_eq!(feeds.failure(), None);
    }
}

#[test]
fn rows_begin_again_or_run_out_as_the_plan_says() {
    let file = file_of(&numbered_rows(7), ".csv");
    for bytes_max in [FEED_BYTES_MAX, NONE_KEPT] {
        for (feed, at_seven) in
            [("", "0"), ("at_end = 'stop'", "stop"), ("rows = 'unique'\nat_end = 'fail'", "exhausted")]
        {
            let mut feeds = load_within(&plan_of(&file, feed, &sharded(2)), bytes_max).unwrap();
            feeds.start(&[]).unwrap();
            let values = taken_by_shards(&mut feeds, 2, 20);
            let of = |number| &values.iter().find(|(at, _)| *at == number).unwrap().1;
            assert_eq!((of(6).as_str(), of(7).as_str()), ("6", at_seven), "{feed}");
        }
    }
}

#[test]
fn json_lines_are_read_ahead_as_well() {
    let file = file_of("{\"id\": 0}\n{\"id\": \"1\"}\n", ".jsonl");
    let mut feeds = load_within(&plan_of(&file, "", &sharded(1)), NONE_KEPT).unwrap();
    feeds.start(&[]).unwrap();
    let values = taken_by_shards(&mut feeds, 1, 5);
    assert_eq!(values.into_iter().map(|(_, value)| value).collect::<Vec<_>>(), ["0", "1", "0", "1", "0"]);
}

#[test]
fn rows_of_arrivals_that_were_dropped_are_passed_over() {
    let file = file_of(&numbered_rows(50_000), ".csv");
    let mut feeds = load_within(&plan_of(&file, "rows = 'unique'", &sharded(2)), NONE_KEPT).unwrap();
    feeds.start(&[]).unwrap();
    let mut odd = feeds.readers(Share { shard: 1, shards: 2 }).remove(0);
    let mut even = feeds.readers(Share { shard: 0, shards: 2 }).remove(0);
    for number in [1, 1, 3, 9, 20_001, 20_003, 49_999, 49_999] {
        // The other shard goes on too: the file is read no further than the slower one allows.
        assert_eq!(taken(&mut even, number - 1), (number - 1).to_string());
        assert_eq!(taken(&mut odd, number), number.to_string());
    }
    assert_eq!(taken(&mut odd, 50_001), "stop");
}

#[test]
fn an_arrival_whose_row_has_not_come_is_told_so() {
    let file = file_of(&numbered_rows(3), ".csv");
    let mut feeds = load_within(&plan_of(&file, "rows = 'unique'", &sharded(1)), NONE_KEPT).unwrap();
    let mut reader = feeds.readers(Share { shard: 0, shards: 1 }).remove(0);
    for number in [0, 0, 0, 1] {
        assert!(matches!(reader.row(number), FeedRow::Starved), "nothing is read before the start");
    }
    feeds.start(&[]).unwrap();
    assert_eq!(taken(&mut reader, 2), "2");
}

#[test]
fn what_is_wrong_further_on_in_a_file_that_is_read_ahead_is_told_with_its_line() {
    for (wrong, problem) in [
        ("a,b,c\n", ":102: the row has 3 values, and there are 2 columns"),
        ("a,\0\n", ":102: there is a NUL byte"),
        ("a,\"b\n", ":102: the file ends within quotes"),
    ] {
        let file = file_of(&(numbered_rows(100) + wrong), ".csv");
        let mut feeds = load_within(&plan_of(&file, "", &sharded(1)), NONE_KEPT).unwrap();
        feeds.start(&[]).unwrap();
        let values = taken_by_shards(&mut feeds, 1, 101);
        assert_eq!((values[99].1.as_str(), values[100].1.as_str()), ("99", "broken"));
        let failure = feeds.failure().unwrap().to_string();
        assert!(failure.contains(problem) && failure.contains("feed `user`"), "{failure}");
    }
}

#[test]
fn a_file_that_is_cut_off_while_it_is_read_is_told() {
    let file = file_of(&numbered_rows(100), ".csv");
    let mut feeds = load_within(&plan_of(&file, "", &sharded(1)), NONE_KEPT).unwrap();
    file.as_file().set_len(30).unwrap();
    feeds.start(&[]).unwrap();
    let values = taken_by_shards(&mut feeds, 1, 100);
    assert_eq!(values[99].1, "broken");
    assert!(feeds.failure().unwrap().text.contains("was cut off while it was read"));
}

#[test]
fn a_run_that_ends_early_ends_the_thread() {
    let file = file_of(&numbered_rows(200_000), ".csv");
    let mut feeds = load_within(&plan_of(&file, "", &sharded(2)), NONE_KEPT).unwrap();
    feeds.start(&[]).unwrap();
    let mut reader = feeds.readers(Share { shard: 0, shards: 2 }).remove(0);
    assert_eq!(taken(&mut reader, 0), "0");
    // Its lanes are full, and nobody takes from them: dropping waits for the thread.
    drop(feeds);
    assert_eq!(taken(&mut reader, 2), "2", "what was handed over stays");
}

#[test]
fn large_files_that_cannot_be_read_ahead_are_refused_and_it_is_said_why() {
    let csv = file_of(&numbered_rows(3), ".csv");
    let json = file_of("[{\"id\": 1}]", ".json");
    let even = "load = { rate = 100 }";
    for (file, feed, rest, parts) in [
        (&csv, "rows = 'shuffle'", even, ["`shuffle` needs every row", "`shuf`"]),
        (&csv, "rows = 'random'", even, ["`random` needs every row", "`shuf`"]),
        (&json, "", even, ["an array of JSON is read as a whole", "JSON lines"]),
        (&csv, "", "load = { rate = 100, arrivals = 'poisson' }", ["are not even", "uniform"]),
        (&csv, "", "", ["are not even", "smaller file"]),
    ] {
        let told = failure_of_load(file, feed, rest);
        assert!(parts.iter().all(|part| told.contains(part)), "{told}");
    }
}

#[test]
fn what_is_wrong_with_a_file_is_the_operators_and_has_its_place() {
    let file = file_of("id,note\n1,2\n3\n", ".csv");
    let plan = plan_of(&file, "", "");
    let failure = load(&plan).err().unwrap();
    assert_eq!(failure.kind, FailureKind::Plan);
    assert!(failure.text.contains(".csv:3: the row has 1 value"), "{failure}");
    assert!(
        failure_of_load(&file_of("id,note\n", ".csv"), "", "load = { rate = 1 }")
            .contains("there are no rows")
    );
    file.close().unwrap();
    assert!(load(&plan).err().unwrap().text.contains("cannot be read"));
}

#[test]
fn what_the_lanes_hold_does_not_grow_with_the_file() {
    let file = file_of(&numbered_rows(120_000), ".csv");
    let plan = plan_of(&file, "", &sharded(2));
    let mut feeds = load_within(&plan, NONE_KEPT).unwrap();
    feeds.start(&[]).unwrap();
    let LoadedRows::Ahead(ahead) = &mut feeds.feeds[0].rows else { panic!("it is read ahead") };
    let mut lane = ahead.lane(Share { shard: 0, shards: 2 });
    let mut other = ahead.lane(Share { shard: 1, shards: 2 });
    let mut bytes_max = 0;
    for number in (0..120_000).step_by(2) {
        for (lane, number) in [(&mut lane, number), (&mut other, number + 1)] {
            loop {
                match lane.row(number) {
                    LaneRow::Row(block, _) => bytes_max = bytes_max.max(block.bytes()),
                    LaneRow::Empty => {
                        std::thread::yield_now();
                        continue;
                    }
                    LaneRow::Over | LaneRow::Broken => panic!("the rows go on"),
                }
                break;
            }
        }
    }
    // The last row of a block may go over its size.
    assert!(bytes_max <= (512 << 10) + 64, "{bytes_max}");
}

/// What of this process is in memory, in bytes.
fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4_096
}

#[test]
#[ignore = "writes 2 GB: cargo test --release -p vajra-shards --lib two_gigabytes -- --ignored"]
fn two_gigabytes_are_each_row_once_on_two_shards_in_a_few_megabytes() {
    const ROWS: u64 = 10_000_000;
    const RESIDENT_BYTES_MAX: u64 = 32 << 20;
    let mut file = tempfile::Builder::new().suffix(".csv").tempfile().unwrap();
    let mut writer = std::io::BufWriter::new(file.as_file_mut());
    writeln!(writer, "id,note").unwrap();
    (0..ROWS).for_each(|row| writeln!(writer, "{row},{:>192}", "x").unwrap());
    writer.flush().unwrap();
    drop(writer);
    let bytes = file.as_file().metadata().unwrap().len();
    assert!(bytes > 2_000_000_000, "{bytes}");
    let mut feeds = load(&plan_of(&file, "rows = 'unique'", &sharded(2))).unwrap();
    let before = resident_bytes();
    feeds.start(&[]).unwrap();
    let of_shard = |shard: u64| {
        let mut reader = feeds.readers(Share { shard, shards: 2 }).remove(0);
        std::thread::spawn(move || {
            let mut resident_bytes_max = 0;
            for number in (shard..ROWS).step_by(2) {
                assert_eq!(taken(&mut reader, number).parse(), Ok(number));
                if number % 65_536 == shard {
                    resident_bytes_max = resident_bytes_max.max(resident_bytes());
                }
            }
            assert_eq!(taken(&mut reader, ROWS + shard), "stop");
            resident_bytes_max
        })
    };
    let threads: Vec<_> = (0..2).map(of_shard).collect();
    let most = threads.into_iter().map(|thread| thread.join().unwrap()).max().unwrap();
    let more = most.saturating_sub(before);
    assert!(more < RESIDENT_BYTES_MAX, "{bytes} bytes of rows took {more} bytes of memory");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn rows_are_the_same_in_memory_and_read_ahead(
        values in prop::collection::vec("[a-z\",\n]{0,3000}", 1..40), shards in 1_u64..5, more in 0_u64..60,
    ) {
        let quoted = |value: &String| format!("\"{}\",x\n", value.replace('"', "\"\""));
        let text: String = std::iter::once("a,b\n".to_owned()).chain(values.iter().map(quoted)).collect();
        let file = file_of(&text, ".csv");
        let plan = plan_of(&file, "", &sharded(shards));
        let arrivals = values.len() as u64 + more;
        let of = |bytes_max| {
            let mut feeds = load_within(&plan, bytes_max).unwrap();
            feeds.start(&[]).unwrap();
            taken_by_shards(&mut feeds, shards, arrivals)
        };
        let in_memory = of(FEED_BYTES_MAX);
        prop_assert_eq!(&of(NONE_KEPT), &in_memory);
        let is_right = |(number, value): &(u64, String)| *value == values[*number as usize % values.len()];
        prop_assert!(in_memory.iter().all(is_right));
    }
}
