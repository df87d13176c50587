//! Lists of cores, as typed.

use crate::plan::bounds::SHARDS_MAX;

/// Reads `1,3-5`. Each core once.
pub(super) fn parse_cores(text: &str) -> Result<Vec<usize>, String> {
    let wrong = || format!("`{text}` is not a list of cores");
    let number = |word: &str| word.trim().parse::<usize>().map_err(|_| wrong());
    let mut cores = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (number(first)?, number(last)?);
        if first > last || last - first >= SHARDS_MAX as usize {
            return Err(wrong());
        }
        cores.extend(first..=last);
    }
    let mut sorted = cores.clone();
    sorted.sort_unstable();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(format!("core {} is named twice in `{text}`", pair[0])),
        None => Ok(cores),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_are_read_as_lists_and_ranges() {
        assert_eq!(parse_cores("1,3-5").unwrap(), [1, 3, 4, 5]);
        assert!(parse_cores("1,1").unwrap_err().contains("twice"));
        assert!(parse_cores("5-3").is_err() && parse_cores("x").is_err());
    }
}
