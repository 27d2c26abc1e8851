//! Adding attributes under short names, without building strings on the way.

use model::{AttributeKey, FixBatch, Known, Value};

/// Longest name and longest text that is built in place.
const LONGEST: usize = 64;

/// What is added to the fix pushed last.
pub(crate) trait Put {
    fn put(&mut self, name: &str, value: Value);
    fn put_int(&mut self, name: &str, value: impl Into<i64>);
    fn put_float(&mut self, name: &str, value: f64);
    fn put_bool(&mut self, name: &str, value: bool);
    /// Text that is UTF-8 is kept as text, other bytes as bytes; nothing where it is empty.
    fn put_text(&mut self, name: &str, text: &[u8]);
    /// Text without control characters is kept as text, all else as bytes; nothing where it is
    /// empty.
    fn put_words(&mut self, name: &str, words: &[u8]);
    /// Nothing where they are empty.
    fn put_bytes(&mut self, name: &str, bytes: &[u8]);
    /// Bytes as text of hexadecimal digits.
    fn put_hex(&mut self, name: &str, bytes: &[u8]);

    fn known_int(&mut self, key: Known, value: impl Into<i64>);
    fn known_float(&mut self, key: Known, value: f64);
    fn known_bool(&mut self, key: Known, value: bool);
    fn known_text(&mut self, key: Known, text: &str);
    fn known_hex(&mut self, key: Known, bytes: &[u8]);

    /// A number as text of decimal digits, as cards are named.
    fn known_decimal(&mut self, key: Known, number: u64);

    /// Those of the common attributes that have a value.
    fn known_each<const N: usize>(&mut self, known: [(Known, Option<Value>); N]);

    /// One of several alike, under the words with the number between them.
    fn put_numbered(&mut self, before: &str, number: impl TryInto<u64>, after: &str, value: Value);
    /// The key of one of several alike, for more than one attribute or another way to add it.
    fn numbered(&mut self, before: &str, number: impl TryInto<u64>, after: &str) -> AttributeKey;
}

impl Put for FixBatch {
    fn put(&mut self, name: &str, value: Value) {
        let key = self.name(name);
        self.attribute(key, value);
    }

    fn put_int(&mut self, name: &str, value: impl Into<i64>) {
        self.put(name, Value::Int(value.into()));
    }

    fn put_float(&mut self, name: &str, value: f64) {
        self.put(name, Value::Float(value));
    }

    fn put_bool(&mut self, name: &str, value: bool) {
        self.put(name, Value::Bool(value));
    }

    fn put_text(&mut self, name: &str, text: &[u8]) {
        if text.is_empty() {
            return;
        }
        let value = text_or_bytes(self, text);
        self.put(name, value);
    }

    fn put_words(&mut self, name: &str, words: &[u8]) {
        if !words.is_empty() {
            let value = words_value(self, words);
            self.put(name, value);
        }
    }

    fn put_bytes(&mut self, name: &str, bytes: &[u8]) {
        if !bytes.is_empty() {
            let value = self.bytes_value(bytes);
            self.put(name, value);
        }
    }

    fn put_hex(&mut self, name: &str, bytes: &[u8]) {
        let value = hex_value(self, bytes);
        self.put(name, value);
    }

    fn known_int(&mut self, key: Known, value: impl Into<i64>) {
        self.known(key, Value::Int(value.into()));
    }

    fn known_float(&mut self, key: Known, value: f64) {
        self.known(key, Value::Float(value));
    }

    fn known_bool(&mut self, key: Known, value: bool) {
        self.known(key, Value::Bool(value));
    }

    fn known_text(&mut self, key: Known, text: &str) {
        let value = self.text_value(text);
        self.known(key, value);
    }

    fn known_hex(&mut self, key: Known, bytes: &[u8]) {
        let value = hex_value(self, bytes);
        self.known(key, value);
    }

    fn known_decimal(&mut self, key: Known, number: u64) {
        let mut text = Short::default();
        text.decimal(number);
        self.known_text(key, text.text());
    }

    fn known_each<const N: usize>(&mut self, known: [(Known, Option<Value>); N]) {
        for (key, value) in known {
            if let Some(value) = value {
                self.known(key, value);
            }
        }
    }

    fn put_numbered(&mut self, before: &str, number: impl TryInto<u64>, after: &str, value: Value) {
        let key = self.numbered(before, number, after);
        self.attribute(key, value);
    }

    fn numbered(&mut self, before: &str, number: impl TryInto<u64>, after: &str) -> AttributeKey {
        let mut name = Short::default();
        name.push(before.as_bytes());
        name.decimal(number.try_into().unwrap_or(u64::MAX));
        name.push(after.as_bytes());
        self.name(name.text())
    }
}

/// Text where it has no control characters, otherwise the bytes.
pub(crate) fn words_value(batch: &mut FixBatch, words: &[u8]) -> Value {
    match std::str::from_utf8(words) {
        Ok(text) if !text.contains(char::is_control) => batch.text_value(text),
        _ => batch.bytes_value(words),
    }
}

/// Text where it is UTF-8, otherwise the bytes.
pub(crate) fn text_or_bytes(batch: &mut FixBatch, text: &[u8]) -> Value {
    match std::str::from_utf8(text) {
        Ok(text) => batch.text_value(text),
        Err(_) => batch.bytes_value(text),
    }
}

/// Hexadecimal digits; more than 32 bytes stay bytes.
pub(crate) fn hex_value(batch: &mut FixBatch, bytes: &[u8]) -> Value {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    if bytes.len() > LONGEST / 2 {
        return batch.bytes_value(bytes);
    }
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0');
    let mut text = Short::default();
    for byte in bytes {
        text.push(&[digit(byte >> 4), digit(byte & 0x0f)]);
    }
    batch.text_value(text.text())
}

/// A little text on the stack; what does not fit is dropped.
struct Short {
    bytes: [u8; LONGEST],
    len: usize,
}

impl Default for Short {
    fn default() -> Self {
        Self { bytes: [0; LONGEST], len: 0 }
    }
}

impl Short {
    fn push(&mut self, more: &[u8]) {
        if let Some(place) = self.bytes.get_mut(self.len..self.len + more.len()) {
            place.copy_from_slice(more);
            self.len += more.len();
        }
    }

    fn decimal(&mut self, number: u64) {
        let mut divisor = 1;
        while number / divisor >= 10 {
            divisor *= 10;
        }
        while divisor > 0 {
            let digit = u8::try_from(number / divisor % 10).unwrap_or_default();
            self.push(&[b'0' + digit]);
            divisor /= 10;
        }
    }

    fn text(&self) -> &str {
        self.bytes.get(..self.len).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use model::{Fix, Timestamp};

    use super::*;

    #[test]
    fn names_and_values_are_built_in_place() {
        let mut batch = FixBatch::default();
        batch.push(Fix::nowhere(Timestamp::from_secs(0)));
        let key = batch.numbered("tag_", 120, "_rssi");
        batch.attribute(key, Value::Int(-3));
        batch.known_hex(Known::DriverId, &[0x01, 0xab]);
        batch.put_text("serial", b"\xff");
        batch.put_text("nothing", b"");
        let fix = crate::json::fix(&batch, &batch.fixes[0]);
        let expected = serde_json::json!({"tag_120_rssi": -3, "driver_id": "01ab", "serial": "ff"});
        assert_eq!(fix["attributes"], expected);
    }
}
