//! Histograms: `hdr` and `response_hdr` of reports.

use crate::mutation::bytes;
use crate::{Fate, fuzz};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::distribution::{COUNT_MAX, Distribution};
use engine::random::Random;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use fuzzing::{number, one_of};
use std::io::{Read, Write};

/// Cookie and length of the compressed encoding.
const OUTER_BYTES: usize = 8;

fn corpus() -> Vec<String> {
    let mut random = Random::new(5, 5);
    let mut distributions = [Distribution::new(), Distribution::new(), Distribution::new()];
    distributions[1].record(1_000_000);
    (0..200).for_each(|_| distributions[2].record(random.between(1, 1 << 40)));
    distributions.iter().map(Distribution::encode).collect()
}

/// A histogram with a change in its text, in its packed bytes, or in what is packed.
fn changed(random: &mut Random, text: &str) -> String {
    let mut packed = STANDARD.decode(text).unwrap();
    match random.between(0, 3) {
        0 => {
            let mut text = text.as_bytes().to_vec();
            bytes(random, &mut text);
            return String::from_utf8_lossy(&text).into_owned();
        }
        1 => bytes(random, &mut packed),
        how => {
            let mut unpacked = Vec::new();
            ZlibDecoder::new(&packed[OUTER_BYTES..]).read_to_end(&mut unpacked).unwrap();
            match how {
                2 => bytes(random, &mut unpacked),
                _ => forge(random, &mut unpacked),
            }
            let mut encoder = ZlibEncoder::new(packed[..OUTER_BYTES].to_vec(), Compression::fast());
            encoder.write_all(&unpacked).unwrap();
            packed = encoder.finish().unwrap();
        }
    }
    STANDARD.encode(packed)
}

/// A head that says something else, and counts that go with the length in it.
fn forge(random: &mut Random, unpacked: &mut Vec<u8>) {
    const FIELDS: [(usize, usize); 6] = [(4, 4), (8, 4), (12, 4), (16, 8), (24, 8), (32, 8)];
    let counts = random.between(0, 40);
    (0..counts).for_each(|_| unpacked.push(random.bits() as u8));
    let length = (unpacked.len() - 40) as u32;
    unpacked[4..8].copy_from_slice(&length.to_be_bytes());
    if random.between(0, 2) == 0 {
        let (at, length) = *one_of(random, &FIELDS);
        unpacked[at..at + length].copy_from_slice(&number(random).to_be_bytes()[8 - length..]);
    }
}

#[test]
fn histograms() {
    let corpus = corpus();
    let other = Distribution::decode(&corpus[2]).unwrap();
    fuzz("histograms", 2_000, |random| {
        let text = {
            let text = one_of(random, &corpus).clone();
            changed(random, &text)
        };
        let Ok(read) = Distribution::decode(&text) else { return Fate::Refused };
        assert!(read.count() <= COUNT_MAX);
        let again = Distribution::decode(&read.encode()).unwrap();
        assert_eq!((again.count(), again.max_ns()), (read.count(), read.max_ns()));
        assert!(read.counts().map(|(_, count)| count).sum::<u64>() == read.count());
        read.summary();
        let mut merged = other.clone();
        merged.merge(&read);
        merged.write_spectrum(&mut std::io::sink()).unwrap();
        Fate::Taken
    });
}
