//! Distributions in HdrHistogram's own encoding, which every HDR library reads, and in the text that its plotter reads.

use super::{COUNTS, DURATION_NS_MAX, Distribution, SIGNIFICANT_DIGITS, bucket_of, first_of};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::ZlibDecoder;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer as HistogramReader, Serializer as _, V2DeflateSerializer};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::io::{self, Read};

/// The most that a histogram can have counted: far beyond any run, and sums of a million such fit into 64 bits.
pub const COUNT_MAX: u64 = 1 << 44;

/// HdrHistogram's encoding, V2: a word that names it and the length of what follows; compressed, the same again inside.
const COOKIE: [u8; 4] = 0x1c84_9313_u32.to_be_bytes();
const COOKIE_COMPRESSED: [u8; 4] = 0x1c84_9314_u32.to_be_bytes();
/// Cookie, length, offset, digits (four bytes each); lowest, highest, ratio (eight bytes each).
const HEAD_BYTES: usize = 40;
/// The most bytes that one count takes.
const COUNT_BYTES_MAX: usize = 9;
/// No histogram of ours is longer, unpacked.
const UNPACKED_BYTES_MAX: usize = HEAD_BYTES + COUNTS * COUNT_BYTES_MAX;
/// Nor longer in base64; what cannot be compressed grows by less than a thousandth and some bytes.
const TEXT_BYTES_MAX: usize = (UNPACKED_BYTES_MAX + UNPACKED_BYTES_MAX / 1_000 + 64) / 3 * 4;

/// Why a text is no histogram of Vajra's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnreadableHistogram {
    /// It has so many characters, more than any of ours.
    TooLong(usize),
    /// It is no base64, or what the library finds wrong with what it holds, in the library's words.
    Malformed(String),
    /// It is not in the compressed encoding.
    NotCompressed,
    /// It is compressed, and cannot be unpacked, in the library's words.
    NotUnpacked(String),
    /// It unpacks to more than a histogram of ours can have.
    TooManyCounts,
    /// It ends within its head.
    CutOff,
    /// Its length is not what it says.
    WrongLength,
    /// It is a histogram with other bounds.
    OtherBounds {
        /// Significant digits.
        digits: u32,
        /// The lowest value it tells from others.
        low: u64,
        /// The highest.
        high: u64,
    },
    /// It ends within its last count.
    LastCountCutOff,
    /// It counts more requests, or in more places, than any of ours.
    Overfull {
        /// Requests, as far as they were counted.
        counted: u64,
        /// Places for counts.
        places: u64,
    },
}

impl fmt::Display for UnreadableHistogram {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        use UnreadableHistogram::*;
        match self {
            TooLong(characters) => {
                write!(
                    formatter,
                    "a histogram of {characters} characters; none has more than {TEXT_BYTES_MAX}"
                )
            }
            Malformed(cause) => formatter.write_str(cause),
            NotCompressed => {
                formatter.write_str("no histogram in HdrHistogram's compressed encoding, version 2")
            }
            NotUnpacked(cause) => write!(formatter, "a histogram that cannot be unpacked: {cause}"),
            TooManyCounts => formatter.write_str("a histogram with more counts than its bounds have"),
            CutOff => formatter.write_str("a histogram that is cut off"),
            WrongLength => formatter.write_str("a histogram whose length is not what it says"),
            OtherBounds { digits, low, high } => write!(
                formatter,
                "a histogram from {low} to {high} with {digits} digits; those of Vajra go from 1 to {DURATION_NS_MAX} with {SIGNIFICANT_DIGITS}"
            ),
            LastCountCutOff => formatter.write_str("a histogram whose last count is cut off"),
            Overfull { counted, places } => write!(
                formatter,
                "a histogram of {counted} requests in {places} places; none has more than {COUNT_MAX} in {COUNTS}"
            ),
        }
    }
}

impl std::error::Error for UnreadableHistogram {}

/// A distribution with its exact sum, which the encoding alone does not have.
#[derive(Serialize, Deserialize)]
struct WithSum {
    hdr: String,
    /// The sum in nanoseconds, as its upper and lower 64 bits.
    sum_ns: (u64, u64),
}

impl Serialize for Distribution {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let sum_ns = ((self.sum_ns >> u64::BITS) as u64, self.sum_ns as u64);
        WithSum { hdr: self.encode(), sum_ns }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Distribution {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Distribution, D::Error> {
        let WithSum { hdr, sum_ns: (upper, lower) } = WithSum::deserialize(deserializer)?;
        let sum_ns = u128::from(upper) << u64::BITS | u128::from(lower);
        Ok(Distribution { sum_ns, ..Distribution::decode(&hdr).map_err(de::Error::custom)? })
    }
}

impl Distribution {
    /// The same counts, in the library's own histogram.
    fn histogram(&self) -> Histogram<u64> {
        let mut histogram = Histogram::new_with_bounds(1, DURATION_NS_MAX, SIGNIFICANT_DIGITS)
            .expect("constant bounds are valid");
        for (bucket, count) in self.filled() {
            histogram.record_n(first_of(bucket), count).expect("its buckets are ours");
        }
        histogram
    }

    /// The whole histogram in HdrHistogram's V2 compressed encoding, base64: readable by every HDR library.
    pub fn encode(&self) -> String {
        let mut bytes = Vec::new();
        V2DeflateSerializer::new()
            .serialize(&self.histogram(), &mut bytes)
            .expect("writing to memory cannot fail");
        STANDARD.encode(bytes)
    }

    /// Reads what [`Distribution::encode`] wrote. The mean is then only as exact as the histogram. Errors: any other
    /// histogram, and whatever is none; looked at before memory is taken for it, of which it needs a megabyte at the most.
    pub fn decode(text: &str) -> Result<Distribution, UnreadableHistogram> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(UnreadableHistogram::TooLong(text.len()));
        }
        let bytes =
            STANDARD.decode(text).map_err(|error| UnreadableHistogram::Malformed(error.to_string()))?;
        let unpacked = unpacked(&bytes)?;
        require_ours(&unpacked)?;
        require_counts(&unpacked[HEAD_BYTES..])?;
        let histogram: Histogram<u64> = HistogramReader::new()
            .deserialize(&mut unpacked.as_slice())
            .map_err(|error| UnreadableHistogram::Malformed(error.to_string()))?;
        let mut distribution = Distribution::new();
        for step in histogram.iter_recorded() {
            let (bucket, count) = (bucket_of(step.value_iterated_to()), step.count_at_value());
            distribution.count_at(bucket, count);
            distribution.sum_ns +=
                u128::from(histogram.median_equivalent(first_of(bucket))) * u128::from(count);
        }
        Ok(distribution)
    }

    /// Writes the percentile spectrum as wrk2 and HdrHistogram's plotter know it, values in milliseconds.
    pub fn write_spectrum(&self, out: &mut dyn io::Write) -> io::Result<()> {
        const MILLISECOND_NS: f64 = 1e6;
        writeln!(
            out,
            "{:>12} {:>14} {:>10} {:>14}\n",
            "Value", "Percentile", "TotalCount", "1/(1-Percentile)"
        )?;
        let (histogram, mut total) = (self.histogram(), 0);
        for step in histogram.iter_quantiles(5) {
            total += step.count_since_last_iteration();
            let quantile = step.quantile_iterated_to();
            write!(
                out,
                "{:12.6} {quantile:14.12} {total:10}",
                step.value_iterated_to() as f64 / MILLISECOND_NS
            )?;
            match 1.0 - quantile {
                rest if rest > 0.0 => writeln!(out, " {:14.2}", 1.0 / rest)?,
                _ => writeln!(out, " {:>14}", "inf")?,
            }
        }
        let (mean, deviation) = (self.mean_ns() / MILLISECOND_NS, histogram.stdev() / MILLISECOND_NS);
        writeln!(out, "#[Mean    = {mean:12.6}, StdDeviation   = {deviation:12.6}]")?;
        let max = self.max_ns() as f64 / MILLISECOND_NS;
        writeln!(out, "#[Max     = {max:12.6}, Total count    = {:12}]", self.count())?;
        writeln!(out, "#[Buckets = {:12}, SubBuckets     = {:12}]", histogram.buckets(), 2_048)
    }
}

/// The bytes of a histogram as they are before compression. What would be longer than ours can be is not unpacked.
fn unpacked(bytes: &[u8]) -> Result<Vec<u8>, UnreadableHistogram> {
    let Some(rest) = bytes.strip_prefix(&COOKIE_COMPRESSED).filter(|rest| rest.len() > size_of::<u32>())
    else {
        return Err(UnreadableHistogram::NotCompressed);
    };
    let mut unpacked = Vec::new();
    let inflated = ZlibDecoder::new(&rest[size_of::<u32>()..])
        .take(UNPACKED_BYTES_MAX as u64 + 1)
        .read_to_end(&mut unpacked)
        .map_err(|error| UnreadableHistogram::NotUnpacked(error.to_string()))?;
    match inflated {
        bytes if bytes > UNPACKED_BYTES_MAX => Err(UnreadableHistogram::TooManyCounts),
        _ => Ok(unpacked),
    }
}

/// Bounds and digits of another histogram would be another's numbers, and its length decides how much memory is taken.
fn require_ours(unpacked: &[u8]) -> Result<(), UnreadableHistogram> {
    let head = unpacked.get(..HEAD_BYTES).ok_or(UnreadableHistogram::CutOff)?;
    let word = |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let long = |at: usize| u64::from(word(at)) << 32 | u64::from(word(at + 4));
    if head[..4] != COOKIE || word(4) as usize != unpacked.len() - HEAD_BYTES {
        return Err(UnreadableHistogram::WrongLength);
    }
    let found = (word(8), word(12), long(16), long(24), long(32));
    match found {
        (0, digits, 1, DURATION_NS_MAX, ratio)
            if digits == u32::from(SIGNIFICANT_DIGITS) && ratio == 1.0_f64.to_bits() =>
        {
            Ok(())
        }
        (_, digits, low, high, _) => Err(UnreadableHistogram::OtherBounds { digits, low, high }),
    }
}

/// Looks through the counts: each a signed number in zigzag code and groups of seven bits (ZigZag LEB128, the ninth byte whole);
/// one below zero stands for so many zeros. The library would add them up, and negate them, without looking for overflow.
fn require_counts(encoded: &[u8]) -> Result<(), UnreadableHistogram> {
    let (mut rest, mut places, mut counted) = (encoded, 0_u64, 0_u64);
    while !rest.is_empty() {
        let length = rest.iter().take(COUNT_BYTES_MAX).take_while(|&&byte| byte >= 0x80).count() + 1;
        let length = length.min(COUNT_BYTES_MAX);
        let bytes = rest.get(..length).ok_or(UnreadableHistogram::LastCountCutOff)?;
        let seven_each = |word: u64, (index, byte): (usize, &u8)| {
            let bits = if index + 1 == COUNT_BYTES_MAX { *byte } else { byte & 0x7f };
            word | u64::from(bits) << (7 * index)
        };
        let word = bytes.iter().enumerate().fold(0, seven_each);
        match word & 1 {
            0 => (places, counted) = (places + 1, counted.saturating_add(word >> 1)),
            _ => places = places.saturating_add((word >> 1).saturating_add(1)),
        }
        if places > COUNTS as u64 || counted > COUNT_MAX {
            return Err(UnreadableHistogram::Overfull { counted, places });
        }
        rest = &rest[length..];
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::ZlibEncoder;
    use proptest::prelude::*;

    #[test]
    fn the_spectrum_ends_at_the_last_recorded_value() {
        let mut distribution = Distribution::new();
        (1..=1_000).for_each(|n| distribution.record(n * 1_000_000));
        let mut text = Vec::new();
        distribution.write_spectrum(&mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains("1.000000000000       1000            inf"), "{text}");
        assert!(text.contains("Total count    =         1000"));
    }

    /// An encoded histogram with these words in its head, these counts, and a length that may lie.
    fn forged(length: Option<u32>, digits: u32, low: u64, high: u64, counts: &[u8]) -> String {
        let mut bytes = COOKIE.to_vec();
        bytes.extend(length.unwrap_or(counts.len() as u32).to_be_bytes());
        bytes.extend(0_u32.to_be_bytes());
        bytes.extend(digits.to_be_bytes());
        bytes.extend(low.to_be_bytes());
        bytes.extend(high.to_be_bytes());
        bytes.extend(1.0_f64.to_be_bytes());
        bytes.extend(counts);
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        io::Write::write_all(&mut encoder, &bytes).unwrap();
        let packed = encoder.finish().unwrap();
        let length = (packed.len() as u32).to_be_bytes();
        STANDARD.encode([&COOKIE_COMPRESSED[..], &length, &packed].concat())
    }

    #[test]
    fn a_histogram_of_other_origin_is_refused_before_memory_is_taken_for_it() {
        let high = DURATION_NS_MAX;
        assert_eq!(Distribution::decode(&forged(None, 3, 1, high, &[2, 4])).unwrap().count(), 3);
        let most = [0xff; 9];
        for (text, said) in [
            // 4 GiB of counts, announced in some sixty bytes.
            (forged(Some(u32::MAX), 3, 1, high, &[2]), "length"),
            (forged(Some(0), 3, 1, high, &[2]), "length"),
            // As much memory by the bounds alone.
            (forged(None, 5, 1, u64::MAX / 2, &[2]), "5 digits"),
            (forged(None, 3, 1, u64::MAX / 2, &[2]), "a histogram from 1 to 9223372036854775807"),
            (forged(None, 3, 7, high, &[2]), "from 7"),
            // Unpacks to more than any histogram has.
            (forged(None, 3, 1, high, &vec![0; 64 << 20]), "more counts"),
            // Zeros to be skipped beyond the end, and then a count.
            (forged(None, 3, 1, high, &[most.as_slice(), &[2]].concat()), "places"),
            (forged(None, 3, 1, high, &[2, 0x80]), "cut off"),
            (forged(None, 3, 1, high, &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]), "requests"),
            ("A".repeat(TEXT_BYTES_MAX + 1), "characters"),
            (STANDARD.encode(b"HIST"), "compressed encoding"),
            (STANDARD.encode(COOKIE_COMPRESSED), "compressed encoding"),
            (forged(None, 3, 1, high, &[2])[..44].to_owned(), ""),
            ("no base64!".into(), ""),
            (String::new(), ""),
        ] {
            let error = Distribution::decode(&text).expect_err(said).to_string();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn the_fullest_histogram_there_can_be_is_read() {
        let mut full = Distribution::new();
        let mut ns = 1;
        while ns <= DURATION_NS_MAX {
            full.record(ns);
            ns += 1 + ns / 2_048;
        }
        assert_eq!(Distribution::decode(&full.encode()).unwrap().summary().p999, full.summary().p999);
        assert_eq!(full.histogram().distinct_values(), COUNTS);
        // Counts of many digits that do not repeat: the longest encoding.
        let mut random = crate::random::Random::new(3, 0);
        let values: Vec<u64> = full.counts().map(|(value, _)| value).collect();
        let mut long = Distribution::new();
        values.iter().for_each(|&ns| {
            let count = random.between(1 << 26, 1 << 28);
            long.count_at(bucket_of(ns), count);
        });
        assert_eq!(Distribution::decode(&long.encode()).unwrap().count(), long.count());
    }

    proptest! {
        #[test]
        fn any_counts_are_read_or_refused(counts in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(distribution) = Distribution::decode(&forged(None, 3, 1, DURATION_NS_MAX, &counts)) {
                prop_assert!(distribution.count() <= COUNT_MAX);
                let again = Distribution::decode(&distribution.encode()).unwrap();
                prop_assert_eq!(again.count(), distribution.count());
            }
        }
    }
}
