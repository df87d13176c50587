//! What servers are called in a plan whose steps go to several.

use std::collections::HashMap;

/// A name for each server but the first, whose URL is the plan's: its host, in letters that may stand in a name.
pub(crate) fn names<'b>(bases: impl Iterator<Item = (&'b str, &'b str)>) -> Vec<(&'b str, String)> {
    let mut named: Vec<(&str, String)> = Vec::new();
    let mut first = None;
    let mut numbers: HashMap<String, u32> = HashMap::new();
    for (base, host) in bases {
        if *first.get_or_insert(base) == base || named.iter().any(|(known, _)| *known == base) {
            continue;
        }
        let letters = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
        let plain: String = host.chars().map(letters).collect();
        let plain = match plain.trim_matches('-') {
            "" => "other".to_owned(),
            plain => plain.to_owned(),
        };
        let mut name = plain.clone();
        while named.iter().any(|(_, known)| *known == name) {
            let number = numbers.entry(plain.clone()).or_insert(1);
            *number += 1;
            name = format!("{plain}-{number}");
        }
        named.push((base, name));
    }
    named
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_server_but_the_first_has_a_name_of_its_own() {
        let bases = [
            ("http://shop.local", "shop.local"),
            ("https://api.local:8443", "api.local"),
            ("http://shop.local", "shop.local"),
            ("http://api.local", "api.local"),
            ("http://[::1]:80", "[::1]"),
            ("https://shop.local", "shop.local"),
            ("http://[::]", "[::]"),
        ];
        let named = names(bases.into_iter());
        let expected = [
            ("https://api.local:8443", "api-local"),
            ("http://api.local", "api-local-2"),
            ("http://[::1]:80", "1"),
            ("https://shop.local", "shop-local"),
            ("http://[::]", "other"),
        ];
        assert_eq!(named, expected.map(|(base, name)| (base, name.to_owned())));
    }
}
