//! Parameters of a query or a form, and what they are kept as.

use std::borrow::Cow;

use model::{AttributeKey, FixBatch, Known, Value};

use crate::common::{by_name, convert};
use crate::text::{number, whole};

/// Most parameters of a request; those beyond are left out.
const MAX_PARAMETERS: usize = 256;

/// Names and values in the order sent, without their escapes.
pub(crate) struct Parameters<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Parameters<'a> {
    /// Those of several texts, such as query and form.
    pub fn of(texts: &[&'a [u8]]) -> Self {
        let pairs = texts.iter().flat_map(|text| text.split(|b| matches!(b, b'&' | b';')));
        let pair = |pair: &'a [u8]| {
            let at = pair.iter().position(|b| *b == b'=')?;
            let (name, value) = pair.split_at_checked(at)?;
            Some((unescape(name)?, unescape(value.get(1..)?)?))
        };
        Self(pairs.filter_map(pair).take(MAX_PARAMETERS).collect())
    }

    /// The first parameter of one of these names that is not empty.
    pub fn get(&self, names: &[&str]) -> Option<&str> {
        self.iter().find(|(name, value)| names.contains(name) && !value.is_empty()).map(|(_, value)| value)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value.trim()))
    }
}

/// Without `+` for spaces and `%xx` for bytes; `None` where that is no UTF-8.
fn unescape(text: &[u8]) -> Option<Cow<'_, str>> {
    if !text.iter().any(|b| matches!(b, b'+' | b'%')) {
        return std::str::from_utf8(text).ok().map(Cow::Borrowed);
    }
    let (mut out, mut rest) = (Vec::with_capacity(text.len()), text);
    while let [first, later @ ..] = rest {
        let digit = |b: &u8| char::from(*b).to_digit(16).and_then(|d| u8::try_from(d).ok());
        let escaped = match rest {
            [b'%', high, low, ..] => digit(high).zip(digit(low)).map(|(high, low)| high << 4 | low),
            _ => None,
        };
        if let Some(byte) = escaped {
            out.push(byte);
            rest = rest.get(3..).unwrap_or_default();
        } else {
            out.push(if *first == b'+' { b' ' } else { *first });
            rest = later;
        }
    }
    String::from_utf8(out).ok().map(Cow::Owned)
}

/// Adds a parameter's value to the fix pushed last: under the common name where it fits, as
/// yes or no, a number or text.
pub(crate) fn kept(key: Option<Known>, name: &str, text: &str, batch: &mut FixBatch) {
    let key = key.or_else(|| by_name(name.as_bytes()));
    let typed = match (text, whole(text.as_bytes()), number(text.as_bytes())) {
        ("true", ..) => Some(Value::Bool(true)),
        ("false", ..) => Some(Value::Bool(false)),
        // What begins with zeros is a name made of digits.
        _ if text.len() > 1 && text.starts_with('0') && !text.starts_with("0.") => None,
        (_, Some(whole), _) => Some(Value::Int(whole)),
        (_, None, Some(number)) => Some(Value::Float(number)),
        _ => None,
    };
    let value = match (key, typed) {
        (Some(Known::DriverId), _) | (_, None) => batch.text_value(text),
        (_, Some(typed)) => typed,
    };
    if let Some((key, value)) = key.and_then(|key| Some((key, convert(key, value, batch)?))) {
        batch.known(key, value);
    } else {
        let key: AttributeKey = batch.name(name);
        batch.attribute(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone() {
        let parameters = Parameters::of(&[b"id=12&t=2014-06-04+09%3A10%3A11&empty=&x", b"%d0%ba=100%&y=%zz"]);
        let all: Vec<_> = parameters.iter().collect();
        assert_eq!(all, [("id", "12"), ("t", "2014-06-04 09:10:11"), ("empty", ""), ("к", "100%"), ("y", "%zz")]);
        assert_eq!(parameters.get(&["empty", "y"]), Some("%zz"));
    }
}
