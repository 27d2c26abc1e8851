//! What can be wrong with a feed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

/// Most findings of one kind that are kept; the rest is counted.
const MAX_OF_A_KIND: usize = 5;

/// Why a feed cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// The archive or folder cannot be read.
    #[error("GTFS {path}: {reason}; check that it is a GTFS zip file or a folder of its tables")]
    Unreadable {
        /// Which feed.
        path: PathBuf,
        /// What went wrong.
        reason: String,
    },
    /// A table that every feed has is not there.
    #[error("GTFS {path} has no {table}; check that it is a GTFS schedule and whole")]
    Missing {
        /// Which feed.
        path: PathBuf,
        /// The table's file name.
        table: &'static str,
    },
    /// A table has a line that cannot be read.
    #[error("GTFS {table}{}: {reason}; mend the table or ask the feed's publisher", at(*line))]
    Table {
        /// Its file name.
        table: &'static str,
        /// The line, counted from 1 with the header, where it is known.
        line: Option<u64>,
        /// What is wrong, with the line's values where it is a line.
        reason: String,
    },
    /// The agency's time zone is not known.
    #[error("GTFS agency.txt: time zone `{0}` is not known; use a name such as Europe/Kyiv")]
    Zone(String),
    /// Nothing in it could run.
    #[error("GTFS has no trip that can run: none of {trips} is usable{}; check that its tables belong together", because(first.as_ref()))]
    Empty {
        /// Trips in the feed.
        trips: usize,
        /// The first finding about trips, their stops or their days.
        first: Option<Finding>,
    },
}

fn at(line: Option<u64>) -> String {
    line.map_or_else(String::new, |line| format!(" line {line}"))
}

fn because(first: Option<&Finding>) -> String {
    first.map_or_else(String::new, |finding| format!(" ({finding})"))
}

/// Something odd that the network copes with, in words that tell what was made of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The table concerned, `stop_times.txt`.
    pub table: &'static str,
    /// What is odd and what was made of it.
    pub text: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.table, self.text)
    }
}

/// Findings so far, by table and kind.
#[derive(Default)]
pub(crate) struct Findings(BTreeMap<(&'static str, &'static str), Kind>);

/// The first texts of one kind in their order, whatever order they came up in, and how often
/// it came up.
#[derive(Default)]
struct Kind {
    texts: BTreeSet<String>,
    count: usize,
}

impl Findings {
    /// Adds one; `kind` tells which others it is like.
    pub(crate) fn add(&mut self, table: &'static str, kind: &'static str, text: impl FnOnce() -> String) {
        self.0.entry((table, kind)).or_default().insert(1, [text()]);
    }

    /// Adds all of another's.
    pub(crate) fn append(&mut self, other: Self) {
        for (key, kind) in other.0 {
            self.0.entry(key).or_default().insert(kind.count, kind.texts);
        }
    }

    /// The first of a table.
    pub(crate) fn first_of(&self, table: &'static str) -> Option<Finding> {
        let kind = self.0.iter().find(|((t, _), _)| *t == table)?.1;
        Some(Finding { table, text: kind.texts.first()?.clone() })
    }

    /// By table and kind, each kind in the order of its texts.
    pub(crate) fn into_sorted(self) -> Vec<Finding> {
        let mut all = Vec::new();
        for ((table, _), kind) in self.0 {
            let (told, count) = (kind.texts.len(), kind.count);
            all.extend(kind.texts.into_iter().enumerate().map(|(i, text)| {
                let more = if i + 1 == told { count - told } else { 0 };
                let text = if more > 0 { format!("{text} – and {more} more like this") } else { text };
                Finding { table, text }
            }));
        }
        all
    }
}

impl Kind {
    fn insert(&mut self, count: usize, texts: impl IntoIterator<Item = String>) {
        self.count += count;
        self.texts.extend(texts);
        while self.texts.len() > MAX_OF_A_KIND {
            self.texts.pop_last();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_of_a_kind_are_told_a_few_times_and_counted() {
        let mut findings = Findings::default();
        for trip in (0..100).rev() {
            findings.add("trips.txt", "route", || format!("trip {trip:03}"));
        }
        findings.add("stops.txt", "place", || "stop A".to_owned());
        let told: Vec<String> = findings.into_sorted().iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 1 + MAX_OF_A_KIND);
        assert_eq!((told[0].as_str(), told[1].as_str()), ("stops.txt: stop A", "trips.txt: trip 000"));
        assert_eq!(told[5], "trips.txt: trip 004 – and 95 more like this");
    }
}
