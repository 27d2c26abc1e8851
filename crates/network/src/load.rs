//! Reading a feed from disk: the crate's one edge to the outside.

use std::path::Path;

use gtfs_structures::RawStopTime;

use crate::compile::{Compiler, Tables};
use crate::error::Findings;
use crate::reader::Feed;
use crate::{Finding, Network, NetworkError};

/// Reads and compiles the feed in a zip file or a folder. What is odd but can be coped with
/// is told in findings.
///
/// The rows of stop_times.txt, by far the longest table, are taken one by one and never held
/// as text: Warsaw's 873,000 of them need 60 MB while compiling and 14 MB after.
pub fn load(path: &Path) -> Result<(Network, Vec<Finding>), NetworkError> {
    let mut findings = Findings::default();
    let mut feed = Feed::open(path)?;
    let tables = Tables {
        agencies: feed.required("agency.txt", &mut findings)?,
        feed_info: feed.ornamental("feed_info.txt", &mut findings),
        routes: feed.required("routes.txt", &mut findings)?,
        stops: feed.required("stops.txt", &mut findings)?,
        calendar: feed.optional("calendar.txt", &mut findings)?,
        calendar_dates: feed.optional("calendar_dates.txt", &mut findings)?,
        shapes: feed.optional("shapes.txt", &mut findings)?,
        trips: feed.required("trips.txt", &mut findings)?,
        frequencies: feed.optional("frequencies.txt", &mut findings)?,
        translations: feed.ornamental("translations.txt", &mut findings),
    };
    let mut compiler = Compiler::new(tables, &mut findings)?;
    let mut odd = Findings::default();
    feed.each("stop_times.txt", &mut findings, |row: RawStopTime| compiler.add(&row, &mut odd))?;
    findings.append(odd);
    let network = compiler.finish(&mut findings)?;
    Ok((network, findings.into_sorted()))
}
