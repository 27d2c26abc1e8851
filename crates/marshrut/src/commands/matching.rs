//! `marshrut match`: a recorded day against a timetable, offline.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use matching::{MatchedFix, Matcher, Outcome, Parameters, Priors, Rejection, StopVisit, Track, match_fleet};
use model::Timestamp;
use network::Network;
use simulator::{Recording, Row};

use crate::cli::MatchArgs;
use crate::{assignments, config, gtfs, progress};

/// Matches the whole recording, vehicles in parallel, and writes what came of it.
pub fn run(args: &MatchArgs) -> anyhow::Result<()> {
    let network = Arc::new(gtfs::compile(&args.gtfs)?);
    let recording = Recording::open(&args.positions)?;
    super::say_skips(&recording);
    let priors = args.priors.as_deref().map(|path| assignments::read(path, &network)).transpose()?.unwrap_or_default();
    let depots = args.depots.as_deref().map(config::read_depots).transpose()?.unwrap_or_default();
    let parameters = Parameters { depots, ..Parameters::default() };
    let (fixes, visits) = if args.live {
        match_live(&network, &recording, &parameters, priors)
    } else {
        match_all(&network, &recording, &parameters, priors)
    };
    write_fixes(&args.out, &network, &recording, &fixes)?;
    if let Some(path) = &args.stop_visits {
        write_visits(path, &network, &visits)?;
    }
    for doubt in doubts(&network, &fixes) {
        tracing::warn!("{}: {doubt}", args.positions.display());
    }
    let on_trips = fixes.iter().filter(|f| f.trip.is_some()).count();
    tracing::info!("matched {} fixes, {on_trips} of them on a trip, and {} stop visits", fixes.len(), visits.len());
    Ok(())
}

/// What makes a recording and a timetable seem not to belong together, and how to mend it.
fn doubts(network: &Network, fixes: &[MatchedFix]) -> Vec<String> {
    let mut doubts = Vec::new();
    if fixes.iter().any(|f| f.trip.is_some()) {
        return doubts;
    }
    let outside = fixes.iter().filter(|f| f.rejected == Some(Rejection::OutsideArea)).count();
    if outside * 2 > fixes.len() {
        doubts.push(format!(
            "{outside} of {} fixes lie far outside the timetable's area; give the GTFS of their city, \
             and see whether lat and lon have changed places",
            fixes.len()
        ));
    }
    let day = |fix: &MatchedFix| network.service_dates_at(fix.time).last().copied();
    let (first, last) = (fixes.iter().filter_map(day).min(), fixes.iter().filter_map(day).max());
    if let (Some((from, until)), Some(first), Some(last)) = (network.service_span(), first, last)
        && (last < from || first > until)
    {
        doubts.push(format!(
            "its fixes are of {first} to {last}, and the timetable runs from {from} to {until}; \
             give the GTFS that was valid then"
        ));
    }
    doubts
}

/// Matches the whole recording and says what came of it and how fast.
#[expect(clippy::print_stdout, reason = "the command's answer")]
pub fn summary(gtfs: &Path, recording: &Recording) -> anyhow::Result<()> {
    let network = Arc::new(gtfs::compile(gtfs)?);
    let started = Instant::now();
    let (fixes, visits) = match_all(&network, recording, &Parameters::default(), Priors::new());
    let seconds = started.elapsed().as_secs_f64();
    println!("fixes {}", fixes.len());
    println!("on_trips {}", fixes.iter().filter(|f| f.trip.is_some()).count());
    println!("rejected {}", fixes.iter().filter(|f| f.rejected.is_some()).count());
    println!("stop_visits {}", visits.len());
    println!("rate {:.0}/s over {seconds:.1} s", fixes.len() as f64 / seconds);
    Ok(())
}

/// The matched fixes in the order of the recording's rows, and all stop visits.
fn match_all(
    network: &Arc<Network>,
    recording: &Recording,
    parameters: &Parameters,
    mut priors: Priors,
) -> (Vec<MatchedFix>, Vec<StopVisit>) {
    let mut of_vehicle: Vec<Vec<usize>> = vec![Vec::new(); recording.vehicles().len()];
    for (index, row) in recording.rows().iter().enumerate() {
        if let Some(rows) = of_vehicle.get_mut(row.vehicle as usize) {
            rows.push(index);
        }
    }
    for rows in &mut of_vehicle {
        rows.sort_by_key(|index| recording.rows().get(*index).map(|r| r.time));
    }
    let fixes = |rows: &[usize]| {
        let rows = rows.iter().filter_map(|index| recording.rows().get(*index));
        rows.map(|row| (row.fix(), None)).collect()
    };
    let tracks: Vec<Track> = recording
        .vehicles()
        .iter()
        .zip(&of_vehicle)
        .map(|(vehicle, rows)| Track {
            vehicle: vehicle.clone(),
            fixes: fixes(rows),
            priors: priors.remove(vehicle).unwrap_or_default(),
        })
        .collect();
    let bar = progress::bar("matching", recording.rows().len() as u64);
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let outcomes = match_fleet(network, parameters, &tracks, threads, &|count| bar.inc(count as u64));
    bar.finish();
    let mut fixes: Vec<Option<MatchedFix>> = vec![None; recording.rows().len()];
    let mut visits = Vec::new();
    for (rows, outcome) in of_vehicle.iter().zip(outcomes) {
        for (index, fix) in rows.iter().zip(outcome.fixes) {
            if let Some(slot) = fixes.get_mut(*index) {
                *slot = Some(fix);
            }
        }
        visits.extend(outcome.visits);
    }
    (fixes.into_iter().flatten().collect(), visits)
}

/// What was said of each of the recording's rows when it came in, and the stop visits that
/// became certain on the way.
fn match_live(
    network: &Arc<Network>,
    recording: &Recording,
    parameters: &Parameters,
    priors: Priors,
) -> (Vec<MatchedFix>, Vec<StopVisit>) {
    let mut matcher = Matcher::new(Arc::clone(network), parameters.clone());
    matcher.inform(Arc::new(priors));
    let mut outcome = Outcome::default();
    let bar = progress::bar("matching", recording.rows().len() as u64);
    for row in recording.rows() {
        if let Some(vehicle) = recording.vehicles().get(row.vehicle as usize) {
            matcher.advance(vehicle, &row.fix(), Some(row.sent), &mut outcome);
            bar.inc(1);
        }
    }
    matcher.finish(&mut outcome);
    bar.finish();
    (outcome.fixes, outcome.visits)
}

fn create(path: &Path) -> anyhow::Result<csv::Writer<impl Write>> {
    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(csv::Writer::from_writer(BufWriter::new(file)))
}

fn write_fixes(path: &Path, network: &Network, recording: &Recording, fixes: &[MatchedFix]) -> anyhow::Result<()> {
    let mut out = create(path)?;
    out.write_record([
        "vehicle_id",
        "time",
        "lat",
        "lon",
        "speed_mps",
        "heading_deg",
        "route_id",
        "direction_id",
        "trip_id",
        "block_id",
        "shape_dist_m",
        "cross_track_m",
        "state",
        "delay_s",
        "confidence",
    ])?;
    for (row, fix) in recording.rows().iter().zip(fixes) {
        out.write_record(fix_record(network, row, fix))?;
    }
    out.flush().with_context(|| format!("cannot write {}", path.display()))
}

fn fix_record(network: &Network, row: &Row, fix: &MatchedFix) -> [String; 15] {
    let text = |v: Option<String>| v.unwrap_or_default();
    [
        fix.vehicle.to_string(),
        fix.time.to_string(),
        row.position.lat().to_string(),
        row.position.lon().to_string(),
        text(row.speed_mps.map(|v| v.to_string())),
        text(row.heading_deg.map(|v| v.to_string())),
        text(fix.route.map(|route| network.route(route).id.to_string())),
        text(fix.direction.map(|d| d.to_string())),
        text(fix.trip.map(|trip| network.trip(trip.trip).id.to_string())),
        text(fix.block.map(|block| network.block(block).id.to_string())),
        text(fix.shape_dist_m.map(|m| format!("{m:.1}"))),
        text(fix.cross_track_m.map(|m| format!("{m:.1}"))),
        fix.state.as_str().to_owned(),
        text(fix.delay_s.map(|s| s.to_string())),
        text(fix.trip.map(|_| format!("{:.2}", fix.confidence))),
    ]
}

fn write_visits(path: &Path, network: &Network, visits: &[StopVisit]) -> anyhow::Result<()> {
    let mut out = create(path)?;
    out.write_record([
        "vehicle_id",
        "trip_id",
        "service_date",
        "stop_sequence",
        "stop_id",
        "arrival_time",
        "departure_time",
        "interpolated",
        "uncertainty_s",
    ])?;
    for visit in visits {
        out.write_record([
            visit.vehicle.to_string(),
            network.trip(visit.trip.trip).id.to_string(),
            visit.trip.day.to_string(),
            visit.stop_sequence.to_string(),
            network.stop(visit.stop).id.to_string(),
            whole_second(visit.arrival),
            visit.departure.map(whole_second).unwrap_or_default(),
            visit.interpolated.to_string(),
            format!("{:.0}", visit.uncertainty_s),
        ])?;
    }
    out.flush().with_context(|| format!("cannot write {}", path.display()))
}

fn whole_second(at: Timestamp) -> String {
    Timestamp::from_secs(at.plus_seconds(0.5).as_secs()).to_string()
}

#[cfg(test)]
mod tests {
    use model::{Fix, LatLon, VehicleId};

    use super::*;

    /// What is said of a vehicle that was somewhere at some time.
    fn doubts_of(time: &str, lat: f64, lon: f64) -> String {
        let gtfs = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../replay-data/sloviansk/gtfs"));
        let network = Arc::new(gtfs::compile(gtfs).unwrap());
        let fix = Fix::at(Timestamp::parse(time).unwrap(), LatLon::new(lat, lon).unwrap());
        let track = Track { vehicle: VehicleId::new("7").unwrap(), fixes: vec![(fix, None)], priors: Vec::new() };
        let outcomes = match_fleet(&network, &Parameters::default(), &[track], 1, &|_| ());
        doubts(&network, &outcomes[0].fixes).join("\n")
    }

    #[test]
    fn a_recording_that_is_not_of_this_timetable_is_told_so_and_what_to_do() {
        let (lat, lon) = (48.85, 37.6);
        assert_eq!(doubts_of("2026-11-18T06:00:00Z", lat, lon), "", "its own day and place");
        let later = doubts_of("2041-11-18T06:00:00Z", lat, lon);
        assert!(later.contains("2041-11-18") && later.contains("give the GTFS that was valid then"), "{later}");
        let swapped = doubts_of("2026-11-18T06:00:00Z", lon, lat);
        assert!(swapped.contains("1 of 1 fixes") && swapped.contains("changed places"), "{swapped}");
    }
}
