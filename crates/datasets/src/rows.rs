//! Rows of a CSV file in memory.

use std::fmt::{Display, Write as _};

use model::{ServiceDate, Timestamp};

/// Rows under way to a file, by RFC 4180 with line feeds: fields one after the other, then
/// [`Rows::end`].
#[derive(Debug)]
pub(crate) struct Rows {
    writer: csv::Writer<Vec<u8>>,
    /// One field's text, kept for its memory.
    field: String,
    count: u64,
}

impl Rows {
    pub(crate) fn new() -> Self {
        let writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
        Self { writer, field: String::new(), count: 0 }
    }

    /// A field of text.
    pub(crate) fn text(&mut self, text: &str) {
        // Writing to memory cannot fail.
        _ = self.writer.write_field(text);
    }

    /// Fields that are not known.
    pub(crate) fn empty(&mut self, fields: usize) {
        for _ in 0..fields {
            self.text("");
        }
    }

    /// A field that is empty where there is nothing.
    pub(crate) fn some<T: Display>(&mut self, value: Option<T>) {
        self.field.clear();
        if let Some(value) = value {
            _ = write!(self.field, "{value}");
        }
        _ = self.writer.write_field(&self.field);
    }

    /// A measurement with so many decimals; empty where it is unknown or no number.
    pub(crate) fn number(&mut self, value: Option<f64>, decimals: usize) {
        self.some(value.filter(|v| v.is_finite()).map(|v| format!("{v:.decimals$}")));
    }

    /// A date.
    pub(crate) fn date(&mut self, day: ServiceDate) {
        self.some(Some(day));
    }

    /// An instant in UTC to the whole second, as Table Schema's `datetime` has it.
    pub(crate) fn seconds(&mut self, at: Option<Timestamp>) {
        self.some(at.map(whole_second));
    }

    /// Ends the row.
    pub(crate) fn end(&mut self) {
        _ = self.writer.write_record(None::<&[u8]>);
        self.count += 1;
    }

    /// The rows as CSV, and how many they are.
    pub(crate) fn finish(self) -> (Vec<u8>, u64) {
        (self.writer.into_inner().unwrap_or_default(), self.count)
    }
}

/// The nearest whole second.
pub(crate) fn whole_second(at: Timestamp) -> Timestamp {
    Timestamp::from_secs(at.plus_seconds(0.5).as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_where_they_must_be() {
        let mut rows = Rows::new();
        rows.text("зупинка \"Площа\", 2");
        rows.number(Some(1.005), 1);
        rows.number(Some(f64::NAN), 1);
        rows.empty(1);
        rows.seconds(Timestamp::parse("2026-01-16T08:00:00.5Z"));
        rows.end();
        let (bytes, count) = rows.finish();
        assert_eq!(count, 1);
        assert_eq!(String::from_utf8(bytes).unwrap(), "\"зупинка \"\"Площа\"\", 2\",1.0,,,2026-01-16T08:00:01Z\n");
    }
}
