//! "Did you mean": the known word that a mistyped one is most like.

/// The known word most like the unknown one, if any is like it at all: few letters away, or begun by it.
pub fn closest<'a>(unknown: &str, known: &[&'a str]) -> Option<&'a str> {
    let plain = plain(unknown);
    let distance = |word: &&'a str| distance(&plain, word);
    let is_like = |word: &&&'a str| distance(word) <= distance_max(&plain);
    // Of several that are as near, the one that begins as the unknown one does.
    let differs = |word: &&'a str| plain.chars().next() != word.chars().next();
    let best = known.iter().filter(is_like).min_by_key(|word| (distance(word), differs(word)));
    best.or_else(|| begun_by(&plain, known)).copied()
}

/// What to say of an unknown word: the one that was meant, or all there are.
pub fn hint(unknown: &str, known: &[&str]) -> String {
    match closest(unknown, known) {
        Some(guess) => format!("did you mean `{guess}`?"),
        None => format!("there are {}", known.join(", ")),
    }
}

/// How many letters have to change, be put in, left out or changed over with their neighbour.
fn distance(plain_unknown: &str, word: &str) -> usize {
    strsim::osa_distance(plain_unknown, &plain(word))
}

/// So many wrong letters a word of this length may have and still be meant.
fn distance_max(word: &str) -> usize {
    match word.chars().count() {
        0..=2 => 0,
        3..=4 => 1,
        5..=8 => 2,
        _ => 3,
    }
}

/// The only known word that begins so.
fn begun_by<'k, 'a>(plain_unknown: &str, known: &'k [&'a str]) -> Option<&'k &'a str> {
    const LETTERS_MIN: usize = 3;
    let mut begun = known.iter().filter(|word| plain(word).starts_with(plain_unknown));
    let first = begun.next().filter(|_| plain_unknown.chars().count() >= LETTERS_MIN)?;
    begun.next().is_none().then_some(first)
}

/// Case and the marks between words are no difference.
fn plain(word: &str) -> String {
    word.chars().map(|c| if c == '-' { '_' } else { c.to_ascii_lowercase() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_guessed_from_few_wrong_letters_or_from_its_beginning() {
        let known = ["connections", "connect_timeout", "duration", "url", "seed", "wait"];
        for (typed, guess) in [
            ("conections", Some("connections")),
            ("Connect-Timeout", Some("connect_timeout")),
            ("dur", Some("duration")),
            ("ulr", Some("url")),
            ("weit", Some("wait")),
            ("conn", None),
            ("latency", None),
            ("u", None),
        ] {
            assert_eq!(closest(typed, &known), guess, "{typed}");
        }
    }
}
