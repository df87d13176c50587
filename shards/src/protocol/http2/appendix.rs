//! RFC 7541, appendix C: every example of header blocks, decoded, and encoded by what requests are encoded with.

use super::decoder::{FIELDS_BYTES_MAX, HpackDecoder};
use super::dynamic_table::DynamicTable;
use super::huffman;
use super::integer::write_integer;
use super::request::{write_name, write_string};
use super::static_table::{STATIC_TABLE, static_field, static_name};

/// Names and values.
type FieldList = &'static [(&'static str, &'static str)];

/// A series of blocks on one connection: the size of the table, whether strings are compressed, and each block with its fields and
/// what is in the table after it, in all.
struct Series {
    title: &'static str,
    table_bytes: usize,
    is_coded: bool,
    blocks: &'static [(&'static str, FieldList, FieldList)],
}

const REQUEST_1: FieldList =
    &[(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "www.example.com")];
const REQUEST_2: FieldList = &[
    (":method", "GET"),
    (":scheme", "http"),
    (":path", "/"),
    (":authority", "www.example.com"),
    ("cache-control", "no-cache"),
];
const REQUEST_3: FieldList = &[
    (":method", "GET"),
    (":scheme", "https"),
    (":path", "/index.html"),
    (":authority", "www.example.com"),
    ("custom-key", "custom-value"),
];
const AFTER_REQUEST_1: FieldList = &[(":authority", "www.example.com")];
const AFTER_REQUEST_2: FieldList = &[("cache-control", "no-cache"), (":authority", "www.example.com")];
const AFTER_REQUEST_3: FieldList =
    &[("custom-key", "custom-value"), ("cache-control", "no-cache"), (":authority", "www.example.com")];

const DATE: (&str, &str) = ("date", "Mon, 21 Oct 2013 20:13:21 GMT");
const LATER: (&str, &str) = ("date", "Mon, 21 Oct 2013 20:13:22 GMT");
const LOCATION: (&str, &str) = ("location", "https://www.example.com");
const COOKIE: (&str, &str) = ("set-cookie", "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1");
const RESPONSE_1: FieldList = &[(":status", "302"), ("cache-control", "private"), DATE, LOCATION];
const RESPONSE_2: FieldList = &[(":status", "307"), ("cache-control", "private"), DATE, LOCATION];
const RESPONSE_3: FieldList = &[
    (":status", "200"),
    ("cache-control", "private"),
    LATER,
    LOCATION,
    ("content-encoding", "gzip"),
    COOKIE,
];
const AFTER_RESPONSE_1: FieldList = &[LOCATION, DATE, ("cache-control", "private"), (":status", "302")];
const AFTER_RESPONSE_2: FieldList = &[(":status", "307"), LOCATION, DATE, ("cache-control", "private")];
const AFTER_RESPONSE_3: FieldList = &[COOKIE, ("content-encoding", "gzip"), LATER];

const SERIES: [Series; 4] = [
    Series {
        title: "C.3",
        table_bytes: 4_096,
        is_coded: false,
        blocks: &[
            ("8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d", REQUEST_1, AFTER_REQUEST_1),
            ("8286 84be 5808 6e6f 2d63 6163 6865", REQUEST_2, AFTER_REQUEST_2),
            (
                "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
                REQUEST_3,
                AFTER_REQUEST_3,
            ),
        ],
    },
    Series {
        title: "C.4",
        table_bytes: 4_096,
        is_coded: true,
        blocks: &[
            ("8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff", REQUEST_1, AFTER_REQUEST_1),
            ("8286 84be 5886 a8eb 1064 9cbf", REQUEST_2, AFTER_REQUEST_2),
            ("8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf", REQUEST_3, AFTER_REQUEST_3),
        ],
    },
    Series {
        title: "C.5",
        table_bytes: 256,
        is_coded: false,
        blocks: &[
            (
                "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a \
                 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
                RESPONSE_1,
                AFTER_RESPONSE_1,
            ),
            ("4803 3330 37c1 c0bf", RESPONSE_2, AFTER_RESPONSE_2),
            (
                "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 \
                 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 \
                 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31",
                RESPONSE_3,
                AFTER_RESPONSE_3,
            ),
        ],
    },
    Series {
        title: "C.6",
        table_bytes: 256,
        is_coded: true,
        blocks: &[
            (
                "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e \
                 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
                RESPONSE_1,
                AFTER_RESPONSE_1,
            ),
            ("4883 640e ffc1 c0bf", RESPONSE_2, AFTER_RESPONSE_2),
            (
                "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 \
                 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed \
                 4ee5 b106 3d50 07",
                RESPONSE_3,
                AFTER_RESPONSE_3,
            ),
        ],
    },
];

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        hexadecimal.chars().filter_map(|letter| letter.to_digit(16)).map(|digit| digit as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn decoded(decoder: &mut HpackDecoder, block: &[u8]) -> Vec<(String, String)> {
    let (mut memory, mut fields) = (vec![0; FIELDS_BYTES_MAX], Vec::new());
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    decoder.decode(block, &mut memory, |name, value| fields.push((text(name), text(value)))).unwrap();
    fields
}

fn owned(fields: FieldList) -> Vec<(String, String)> {
    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The index of a field in either table, or that of its name.
fn index_of(table: &DynamicTable, name: &str, value: Option<&str>) -> Option<usize> {
    let of_static = match value {
        Some(value) => static_field(name.as_bytes(), value.as_bytes()),
        None => static_name(name.as_bytes()),
    };
    let is_it = |field: (&[u8], &[u8])| {
        field.0 == name.as_bytes() && value.is_none_or(|value| field.1 == value.as_bytes())
    };
    let ages = (0..).map_while(|age| table.field(age)).position(is_it);
    of_static.or_else(|| ages.map(|age| STATIC_TABLE.len() + 1 + age))
}

/// A block in which every field that stands in no table is inserted.
fn encoded(table: &mut DynamicTable, fields: FieldList, is_coded: bool) -> Vec<u8> {
    let mut block = Vec::new();
    let string = |block: &mut Vec<u8>, text: &str| match is_coded {
        true => {
            write_integer(block, 0x80, 7, huffman::encoded_bytes(text.as_bytes()));
            huffman::encode(text.as_bytes(), block);
        }
        false => {
            write_integer(block, 0, 7, text.len());
            block.extend(text.as_bytes());
        }
    };
    for (name, value) in fields {
        if let Some(index) = index_of(table, name, Some(value)) {
            write_integer(&mut block, 0x80, 7, index);
            continue;
        }
        let of_name = index_of(table, name, None);
        write_integer(&mut block, 0x40, 6, of_name.unwrap_or(0));
        if of_name.is_none() {
            string(&mut block, name);
        }
        string(&mut block, value);
        table.insert(name.as_bytes(), value.as_bytes());
    }
    block
}

#[test]
fn every_series_of_blocks_is_decoded_as_the_appendix_says() {
    for series in SERIES {
        let mut decoder = HpackDecoder::new(series.table_bytes);
        for (block, fields, table) in series.blocks {
            assert_eq!(decoded(&mut decoder, &bytes(block)), owned(fields), "{}", series.title);
            let indices: Vec<u8> = (0..table.len()).map(|age| 0xbe + age as u8).collect();
            assert_eq!(decoded(&mut decoder, &indices), owned(table), "{}: the table", series.title);
            let beyond = [0xbe + table.len() as u8];
            let mut memory = vec![0; FIELDS_BYTES_MAX];
            decoder.decode(&beyond, &mut memory, |_, _| {}).unwrap_err();
        }
    }
}

#[test]
fn every_series_of_blocks_is_encoded_as_the_appendix_says() {
    for series in SERIES {
        let mut table = DynamicTable::new(series.table_bytes);
        for (block, fields, _) in series.blocks {
            assert_eq!(encoded(&mut table, fields, series.is_coded), bytes(block), "{}", series.title);
        }
    }
}

/// C.2: the four kinds of fields, each alone.
#[test]
fn every_kind_of_field_is_decoded_and_encoded_as_the_appendix_says() {
    let plain = |block: &mut Vec<u8>, text: &str| {
        write_integer(block, 0, 7, text.len());
        block.extend(text.as_bytes());
    };
    for (expected, first, prefix_bits, name, value) in [
        (
            "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572",
            0x40,
            6,
            "custom-key",
            "custom-header",
        ),
        ("040c 2f73 616d 706c 652f 7061 7468", 0x00, 4, ":path", "/sample/path"),
        ("1008 7061 7373 776f 7264 0673 6563 7265 74", 0x10, 4, "password", "secret"),
    ] {
        let mut block = Vec::new();
        write_integer(&mut block, first, prefix_bits, static_name(name.as_bytes()).unwrap_or(0));
        if static_name(name.as_bytes()).is_none() {
            plain(&mut block, name);
        }
        plain(&mut block, value);
        assert_eq!(block, bytes(expected));
        let fields = decoded(&mut HpackDecoder::new(4_096), &block);
        assert_eq!(fields, [(name.to_owned(), value.to_owned())]);
    }
    assert_eq!(decoded(&mut HpackDecoder::new(4_096), &[0x82]), owned(&[(":method", "GET")]));
    let mut block = Vec::new();
    write_integer(&mut block, 0x80, 7, static_field(b":method", b"GET").unwrap());
    assert_eq!(block, [0x82]);
}

/// What requests are encoded with takes the shorter of both forms.
#[test]
fn names_and_strings_of_requests_are_those_of_the_appendix() {
    let mut block = Vec::new();
    write_name(&mut block, 0x40, 6, b"custom-key");
    write_string(&mut block, b"custom-value");
    assert_eq!(block, bytes("4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf"));
}
