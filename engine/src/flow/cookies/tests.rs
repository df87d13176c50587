//! A jar of cookies against what RFC 6265 says of it, and against a model that is as plain as can be.

use super::*;
use proptest::prelude::*;

fn rules(is_secure: bool) -> CookieRules {
    CookieRules { host: "shop.example.com".into(), is_secure, paths: Vec::new() }
}

/// What a jar sends to a path at a moment.
fn sent(jar: &mut CookieJar, path: &str, now_s: i64) -> String {
    sent_by(jar, path, now_s, &rules(false))
}

fn sent_by(jar: &mut CookieJar, path: &str, now_s: i64, rules: &CookieRules) -> String {
    let mut out = Vec::new();
    jar.set_path(path.as_bytes());
    jar.write(CookieForm::Line, rules, now_s, &mut out);
    String::from_utf8(out).unwrap()
}

fn jar_of(path: &str, headers: &[&str]) -> CookieJar {
    let mut jar = CookieJar::default();
    jar.set_path(path.as_bytes());
    for header in headers {
        jar.set(header.as_bytes(), &rules(false), 100).unwrap();
    }
    jar
}

#[test]
fn what_was_set_is_sent_with_longer_paths_first_and_then_as_it_was_set() {
    let mut jar = jar_of("/", &["a=1; Path=/", "b=2; Path=/shop", "c=3", "d=4; Path=/shop"]);
    assert_eq!(sent(&mut jar, "/shop/x?y=1", 100), "Cookie: b=2; d=4; a=1; c=3\r\n");
    assert_eq!(sent(&mut jar, "/shopping", 100), "Cookie: a=1; c=3\r\n");
    jar.clear();
    assert_eq!(sent(&mut jar, "/shop", 100), "");
}

#[test]
fn cookies_of_the_jar_come_behind_those_of_the_plan() {
    let mut jar = jar_of("/", &["a=1"]);
    let mut out = b"own=0".to_vec();
    jar.write(CookieForm::Continued, &rules(false), 100, &mut out);
    assert_eq!(out, b"own=0; a=1");
}

#[test]
fn a_cookie_without_a_path_is_for_where_it_was_set_and_below() {
    let mut jar = jar_of("/a/b/login?next=/c/d/e", &["a=1", "b=2; Path=relative"]);
    assert_eq!(sent(&mut jar, "/a/b", 100), "Cookie: a=1; b=2\r\n");
    assert_eq!(sent(&mut jar, "/a/b/c/d", 100), "Cookie: a=1; b=2\r\n");
    assert_eq!(sent(&mut jar, "/a", 100), "");
    assert_eq!(sent(&mut jar_of("/login", &["a=1"]), "/x", 100), "Cookie: a=1\r\n");
}

#[test]
fn a_cookie_of_the_same_name_path_and_domain_takes_the_place_of_the_one_before() {
    let mut jar = jar_of("/", &["a=1", "b=2", "a=3", "a=4; Domain=example.com"]);
    assert_eq!(sent(&mut jar, "/", 100), "Cookie: a=3; b=2; a=4\r\n");
}

#[test]
fn a_cookie_is_gone_when_it_has_expired_or_is_taken_back() {
    let mut jar = jar_of("/", &["a=1; Max-Age=10", "b=2; Expires=Thu, 01 Jan 1970 00:02:00 GMT", "c=3"]);
    assert_eq!(sent(&mut jar, "/", 109), "Cookie: a=1; b=2; c=3\r\n");
    assert_eq!(sent(&mut jar, "/", 110), "Cookie: b=2; c=3\r\n");
    assert_eq!(sent(&mut jar, "/", 120), "Cookie: c=3\r\n");
    jar.set(b"c=; Max-Age=0", &rules(false), 100).unwrap();
    assert_eq!(sent(&mut jar, "/", 100), "Cookie: a=1; b=2\r\n");
    // An age counts, whatever date stands beside it.
    let mut jar = jar_of("/", &["a=1; Max-Age=10; Expires=Thu, 01 Jan 1970 00:00:00 GMT"]);
    assert_eq!(sent(&mut jar, "/", 100), "Cookie: a=1\r\n");
}

#[test]
fn cookies_of_other_hosts_are_ignored() {
    for (domain, is_kept) in [
        ("shop.example.com", true),
        (".Example.COM", true),
        ("com", true),
        ("", true),
        ("example.org", false),
        ("op.example.com", false),
        ("my.shop.example.com", false),
    ] {
        let mut jar = jar_of("/", &[&format!("a=1; Domain={domain}")]);
        assert_eq!(sent(&mut jar, "/", 100).is_empty(), !is_kept, "{domain}");
    }
    assert!(!is_of_domain(b"10.0.0.1", b"0.0.1") && is_of_domain(b"10.0.0.1", b"10.0.0.1"));
}

#[test]
fn what_is_secure_is_sent_over_tls_alone() {
    let mut jar = jar_of("/", &["a=1; Secure; HttpOnly; SameSite=Lax", "b=2"]);
    assert_eq!(sent(&mut jar, "/", 100), "Cookie: b=2\r\n");
    assert_eq!(sent_by(&mut jar, "/", 100, &rules(true)), "Cookie: a=1; b=2\r\n");
}

#[test]
fn what_sets_no_cookie_is_ignored_and_can_end_no_line() {
    let mut jar =
        jar_of("/", &["", "novalue", "=x", "a\r\nX-Evil: 1=2", "b=1\r\nX-Evil: 1", "c=\0", "d = 1 "]);
    assert_eq!(sent(&mut jar, "/", 100), "Cookie: d=1\r\n");
}

#[test]
fn a_flood_of_cookies_is_bounded_and_told() {
    let mut jar = CookieJar::default();
    let set = |jar: &mut CookieJar, number: usize, value: &str| {
        jar.set(format!("c{number}={value}").as_bytes(), &rules(false), 100)
    };
    let fitting = (0..10_000).filter(|&number| set(&mut jar, number, "x").is_ok()).count();
    assert_eq!((fitting, jar.slots.len()), (COOKIES_MAX, COOKIES_MAX));
    // What is there can still change, and what is large is too much.
    assert_eq!(set(&mut jar, 0, "y"), Ok(()));
    assert_eq!(set(&mut jar, 0, &"y".repeat(JAR_BYTES_MAX)), Err(JarFull));
    let mut jar = CookieJar::default();
    let fitting =
        (0..COOKIES_MAX).filter(|&number| set(&mut jar, number, &"x".repeat(1_000)).is_ok()).count();
    assert_eq!(fitting, 8);
    let longest = sent(&mut jar, "/", 100).len();
    assert!(longest <= COOKIES_BYTES_MAX, "{longest} bytes");
}

proptest! {
    /// The model keeps names, paths and values in a list, and sorts it.
    #[test]
    fn a_jar_is_a_list_by_name_and_path(
        sets in proptest::collection::vec((0_u8..5, 0_usize..4, 0_u8..10, 0_i64..4), 0..40),
        asked in 0_usize..4,
    ) {
        const PATHS: [&str; 4] = ["/", "/a", "/a/b", "/c"];
        let (mut jar, mut model) = (jar_of("/", &[]), Vec::<(u8, usize, u8)>::new());
        for (name, path, value, age_s) in sets {
            let header = format!("n{name}={value}; Path={}; Max-Age={age_s}", PATHS[path]);
            jar.set(header.as_bytes(), &rules(false), 100).unwrap();
            let known = model.iter().position(|kept| (kept.0, kept.1) == (name, path));
            match (known, age_s) {
                (Some(at), 0) => { model.remove(at); }
                (None, 0) => {}
                (Some(at), _) => model[at].2 = value,
                (None, _) => model.push((name, path, value)),
            }
        }
        let mut expected: Vec<_> = model
            .into_iter()
            .filter(|(_, path, _)| *path == 0 || format!("{}/", PATHS[asked]).starts_with(&format!("{}/", PATHS[*path])))
            .collect();
        expected.sort_by_key(|(_, path, _)| std::cmp::Reverse(PATHS[*path].len()));
        let pairs: Vec<String> = expected.iter().map(|(name, _, value)| format!("n{name}={value}")).collect();
        let line = if pairs.is_empty() { String::new() } else { format!("Cookie: {}\r\n", pairs.join("; ")) };
        prop_assert_eq!(sent(&mut jar, PATHS[asked], 100), line);
    }

    #[test]
    fn whatever_sets_cookies_no_line_is_too_long_and_none_has_an_end_in_it(
        headers in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..400), 0..80),
    ) {
        let mut jar = CookieJar::default();
        let mut out = Vec::new();
        for header in &headers {
            let _ = jar.set(header, &rules(true), 0);
        }
        jar.set_path(b"/");
        jar.write(CookieForm::Line, &rules(true), 0, &mut out);
        prop_assert!(out.len() <= COOKIES_BYTES_MAX);
        let line = out.strip_suffix(b"\r\n").unwrap_or(&out);
        prop_assert!(!line.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)));
    }
}

#[test]
fn cookies_of_http_2_are_a_literal_field_whose_length_stands_before_it() {
    for bytes in [1, 100, 126, 127, 128, 254, 255, 300, 5_000] {
        let (mut jar, mut out) = (CookieJar::default(), Vec::new());
        jar.set_path(b"/");
        jar.write(CookieForm::Literal, &rules(false), 0, &mut out);
        assert!(out.is_empty(), "there are none, and so is no field");
        // `a=…; b=1` has so many bytes.
        let value = "x".repeat(bytes);
        jar.set(format!("a={value}").as_bytes(), &rules(false), 0).unwrap();
        jar.set(b"b=1", &rules(false), 0).unwrap();
        jar.write(CookieForm::Literal, &rules(false), 0, &mut out);
        let (head, rest) = out.split_at(3);
        assert_eq!(head[..2], [0x0f, 0x11], "the 32nd of the static table, which is 15 and 17");
        let (mut length, mut shift, mut text) = (usize::from(head[2]), 0, rest);
        let mut goes_on = head[2] == 127;
        while goes_on {
            let (byte, behind) = text.split_first().unwrap();
            (length, text) = (length + (usize::from(byte & 127) << shift), behind);
            (shift, goes_on) = (shift + 7, byte & 128 != 0);
        }
        assert_eq!(length, text.len());
        assert_eq!(text, format!("a={value}; b=1").as_bytes());
    }
}
