//! English names from translations.txt.

use std::collections::HashMap;

use compact_str::CompactString;
use gtfs_structures::RawTranslation;

/// The English of those fields that the network keeps.
#[derive(Default)]
pub(crate) struct Names {
    pub(super) stop_name: Field,
    pub(super) route_long_name: Field,
    pub(super) trip_headsign: Field,
}

/// Translations of one field, by record and by original text.
#[derive(Default)]
pub(super) struct Field {
    by_record: HashMap<String, CompactString>,
    by_value: HashMap<String, CompactString>,
}

impl Names {
    /// Picks the English rows; plain `en` goes before `en-GB` and its like.
    pub(super) fn from(rows: Vec<RawTranslation>) -> Self {
        let (plain, regional): (Vec<_>, Vec<_>) = rows
            .into_iter()
            .filter(|r| r.language.get(..2).is_some_and(|l| l.eq_ignore_ascii_case("en")))
            .filter(|r| r.language.len() == 2 || r.language.get(2..3) == Some("-"))
            .partition(|r| r.language.len() == 2);
        let mut names = Self::default();
        for row in regional.into_iter().chain(plain) {
            let field = match (row.table_name.as_str(), row.field_name.as_str()) {
                ("stops", "stop_name") => &mut names.stop_name,
                ("routes", "route_long_name") => &mut names.route_long_name,
                ("trips", "trip_headsign") => &mut names.trip_headsign,
                _ => continue,
            };
            let text = CompactString::from(row.translation);
            let filled = |text: Option<String>| text.filter(|t| !t.is_empty());
            if let Some(record) = filled(row.record_id) {
                field.by_record.insert(record, text);
            } else if let Some(value) = filled(row.field_value) {
                field.by_value.insert(value, text);
            }
        }
        names
    }
}

impl Field {
    /// The English of a record's value, where there is one.
    pub(super) fn english(&self, record: &str, value: &str) -> Option<CompactString> {
        self.by_record.get(record).or_else(|| self.by_value.get(value)).cloned()
    }
}
