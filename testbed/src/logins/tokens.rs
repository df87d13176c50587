//! Who is logged in: a token for each login, at random, and what is known of its owner.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

/// How many can be logged in at a time.
const TOKENS_MAX: usize = 1 << 20;

/// What a login is known by: 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct LoginToken(u128);

/// What is known of a login.
#[derive(Debug)]
pub(crate) struct Login {
    pub(crate) user: String,
    /// How often its owner has looked.
    pub(crate) visits: u64,
}

/// The logins of a server.
#[derive(Debug)]
pub(crate) struct TokenStore {
    logins: HashMap<LoginToken, Login>,
    random: Xoshiro256PlusPlus,
}

impl LoginToken {
    /// Reads a token; `None` if it cannot be one.
    pub(crate) fn parse(text: &str) -> Option<LoginToken> {
        let is_token = text.len() == 32
            && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        is_token.then(|| u128::from_str_radix(text, 16).ok()).flatten().map(LoginToken)
    }
}

impl fmt::Display for LoginToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl TokenStore {
    /// The seed decides the tokens.
    pub(crate) fn new(seed: u64) -> TokenStore {
        TokenStore { logins: HashMap::new(), random: Xoshiro256PlusPlus::seed_from_u64(seed) }
    }

    /// A token that no other login has; `None` if there is no room.
    pub(crate) fn login(&mut self, user: String) -> Option<LoginToken> {
        if self.logins.len() >= TOKENS_MAX {
            return None;
        }
        loop {
            let drawn = u128::from(self.random.next_u64()) << 64 | u128::from(self.random.next_u64());
            if let Entry::Vacant(place) = self.logins.entry(LoginToken(drawn)) {
                place.insert(Login { user, visits: 0 });
                return Some(LoginToken(drawn));
            }
        }
    }

    pub(crate) fn find(&mut self, token: LoginToken) -> Option<&mut Login> {
        self.logins.get_mut(&token)
    }

    pub(crate) fn logout(&mut self, token: LoginToken) {
        self.logins.remove(&token);
    }

    pub(crate) fn count(&self) -> usize {
        self.logins.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_login_has_a_token_of_its_own_until_it_ends() {
        let mut store = TokenStore::new(1);
        let tokens: HashSet<LoginToken> =
            (0..10_000).map(|_| store.login("same".to_owned()).expect("room")).collect();
        assert_eq!((tokens.len(), store.count()), (10_000, 10_000));
        for token in tokens.iter().take(100) {
            assert_eq!(LoginToken::parse(&token.to_string()), Some(*token));
            assert_eq!(store.find(*token).map(|login| login.user.clone()), Some("same".to_owned()));
            store.logout(*token);
            assert!(store.find(*token).is_none());
        }
        assert_eq!(store.count(), 9_900);
    }

    #[test]
    fn what_is_no_token_is_none() {
        let plus = format!("+{}", "0".repeat(31));
        for text in ["", "0", &"0".repeat(33), &"G".repeat(32), &"A".repeat(32), &plus] {
            assert_eq!(LoginToken::parse(text), None, "{text}");
        }
    }

    #[test]
    fn there_is_room_for_so_many_and_again_once_one_leaves() {
        let mut store = TokenStore::new(1);
        let mut last = None;
        for _ in 0..TOKENS_MAX {
            last = store.login(String::new());
        }
        assert_eq!(store.login(String::new()), None);
        store.logout(last.expect("room for it"));
        assert!(store.login(String::new()).is_some());
    }
}
