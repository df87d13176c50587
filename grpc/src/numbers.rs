//! Numbers in JSON, as Protocol Buffers take them: digits or a text of them, within the bounds of their type.

use serde_json::Value;

/// A whole number as it is written, or the same in a text, within bounds. `1.0` and `1e3` are whole.
pub(crate) fn whole(value: &Value, low: i128, high: i128) -> Option<i128> {
    let number = match value {
        Value::Number(number) => number
            .as_i64()
            .map(i128::from)
            .or_else(|| number.as_u64().map(i128::from))
            .or_else(|| number.as_f64().and_then(integral)),
        Value::String(text) => whole_text(text),
        _ => None,
    };
    number.filter(|number| (low..=high).contains(number))
}

/// The same of the digits of a text.
fn whole_text(text: &str) -> Option<i128> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    match is_plain {
        true => text.parse().ok(),
        false => is_numeric(text).then(|| text.parse().ok()).flatten().and_then(integral),
    }
}

/// Beyond 2⁵³ not every whole number is one of these, and which was meant is not known.
fn integral(number: f64) -> Option<i128> {
    const EXACT_MAX: f64 = (1_u64 << 53) as f64;
    (number.fract() == 0.0 && number.abs() <= EXACT_MAX).then_some(number as i128)
}

/// A number that need not be whole; `NaN` and the infinities are texts.
pub(crate) fn real(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => match text.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            text => is_numeric(text)
                .then(|| text.parse().ok())
                .flatten()
                .filter(|number: &f64| number.is_finite()),
        },
        _ => None,
    }
}

/// Whether a text has nothing but what numbers have: others would be taken as well, such as `inf`.
fn is_numeric(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte))
        && !text.starts_with('+')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn whole_numbers_are_digits_or_texts_of_them_within_their_bounds() {
        let of_32 = |value: Value| whole(&value, i32::MIN.into(), i32::MAX.into());
        for (value, number) in
            [(json!(5), 5), (json!("-5"), -5), (json!(1.0), 1), (json!(1e3), 1_000), (json!("1e3"), 1_000)]
        {
            assert_eq!(of_32(value.clone()), Some(number), "{value}");
        }
        for value in [
            json!(1.5),
            json!(2_147_483_648_u64),
            json!("x"),
            json!(""),
            json!("0x1"),
            json!(null),
            json!(" 1"),
        ] {
            assert_eq!(of_32(value.clone()), None, "{value}");
        }
        assert_eq!(whole(&json!("18446744073709551615"), 0, u64::MAX.into()), Some(u64::MAX.into()));
        assert_eq!(whole(&json!(u64::MAX), 0, u64::MAX.into()), Some(u64::MAX.into()));
    }

    #[test]
    fn reals_have_names_for_what_is_no_number() {
        assert!(real(&json!("NaN")).unwrap().is_nan());
        assert_eq!(real(&json!("-Infinity")), Some(f64::NEG_INFINITY));
        assert_eq!((real(&json!("1.5")), real(&json!(3))), (Some(1.5), Some(3.0)));
        for value in [json!("inf"), json!("nan"), json!(""), json!(true), json!("1e999")] {
            assert_eq!(real(&value), None, "{value}");
        }
    }
}
