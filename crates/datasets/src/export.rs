//! A service day from the store to its files.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use matching::{Parameters, Priors};
use model::{GatePolicy, Horizon, ServiceDate, Timestamp};
use network::Network;
use store::Store;

use crate::ExportError;
use crate::output::{Pending, Written};
use crate::punctuality::{self, Delays, Thresholds};
use crate::tides;
use crate::track::{Track, Tracks};
use crate::vehicle::{Day, Part};

/// Matching begins so long before the day, so that at its first instant each vehicle has a
/// past: as long as a vehicle may wait for a departure, and the hour by which clocks change.
const WARM_UP_S: f64 = 2.0 * 3600.0;

/// What to export, from where and whereto.
pub struct Request<'a> {
    /// Where the fixes are.
    pub store: &'a dyn Store,
    /// The schedule of that day.
    pub network: &'a Arc<Network>,
    /// Which service day.
    pub day: ServiceDate,
    /// What may be published.
    pub gate: &'a GatePolicy,
    /// The present instant, for the gate.
    pub now: Timestamp,
    /// When a vehicle counts as early or late.
    pub thresholds: Thresholds,
    /// How fixes are matched.
    pub parameters: Parameters,
    /// What is known of the vehicles' duties beforehand.
    pub priors: Arc<Priors>,
    /// Threads to match on; 0 means one a core. The files do not depend on it.
    pub threads: usize,
    /// The folder of the files; created where it is missing.
    pub folder: &'a Path,
    /// Told how many fixes have been read, now and then.
    pub progress: &'a (dyn Fn(u64) + Send + Sync),
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The day.
    pub day: ServiceDate,
    /// `vehicle_locations.csv`, `stop_visits.csv`, `trips_performed.csv`, `punctuality.csv`.
    pub files: [Written; 4],
    /// Fixes of that day.
    pub fixes: u64,
    /// Fixes of that day that could not be used.
    pub rejected: u64,
    /// Vehicles with fixes of that day.
    pub vehicles: u64,
    /// Trips that the schedule has on that day; 0 means that it does not cover it.
    pub trips_scheduled: u64,
    /// Later events were held back by the gate.
    pub held_back_after: Option<Timestamp>,
}

/// Writes a service day's data sets. On an error the files of an earlier export stay as they were.
pub async fn export(request: &Request<'_>) -> Result<Summary, ExportError> {
    let (day, network) = (request.day, request.network);
    let reason = || request.gate.reason().unwrap_or_default().to_owned();
    let horizon = match request.gate.horizon(request.now) {
        Horizon::Closed => return Err(ExportError::Gate { reason: reason() }),
        Horizon::Until(limit) => Some(limit),
        Horizon::Open => None,
    };
    let (from, until, trips_scheduled) = window(network, day, &request.parameters);
    // The window ends before its last instant, the horizon belongs to what may be published.
    let until = horizon.map_or(until, |limit| until.min(Timestamp::from_micros(limit.as_micros().saturating_add(1))));

    let mut files = Files::create(request.folder)?;
    let mut total = Totals::default();
    let mut tracks = Tracks::new(request.store, from, until);
    let mut chunk = tracks.chunk().await?;
    while !chunk.is_empty() {
        let read: usize = chunk.iter().map(|track| track.fixes.len()).sum();
        let job = Job {
            day: Day::new(Arc::clone(network), day, request.parameters.clone(), Arc::clone(&request.priors)),
            threads: threads(request.threads),
        };
        // The next chunk is read while this one is matched.
        let matching = tokio::task::spawn_blocking(move || job.run(&chunk));
        let (parts, next) = tokio::join!(matching, tracks.chunk());
        for part in parts.map_err(|e| ExportError::Matching(e.to_string()))?? {
            total.take(part, &mut files)?;
        }
        total.read += read as u64;
        (request.progress)(total.read);
        chunk = next?;
    }
    if total.fixes == 0 {
        return Err(match horizon {
            Some(horizon) => ExportError::TooSoon { day, horizon, reason: reason() },
            None => ExportError::NoFixes { day, known: known_days(request.store).await? },
        });
    }
    let (csv, rows) = total.delays.rows(network, day, request.thresholds).finish();
    files.punctuality.append(&csv, rows)?;
    Ok(Summary {
        day,
        files: files.publish()?,
        fixes: total.fixes,
        rejected: total.rejected,
        vehicles: total.vehicles,
        trips_scheduled,
        held_back_after: horizon,
    })
}

/// From when to when fixes can belong to a service day, and how many trips it has.
fn window(network: &Network, day: ServiceDate, parameters: &Parameters) -> (Timestamp, Timestamp, u64) {
    let service_day = network.service_day(day);
    let mut trips = 0;
    let mut last_s = 0;
    for (index, trip) in network.trips().filter(|(_, trip)| service_day.runs(trip.service)) {
        let (first, end) = network.span_s(index);
        trips += 1;
        last_s = last_s.max(end);
        for headway in &trip.headways {
            last_s = last_s.max(headway.end_s.saturating_add(end - first));
        }
    }
    // The local date ends within an hour of the next day's origin, earlier or later by the
    // change of clocks.
    let end = day.next().origin(network.zone()).plus_seconds(3600.0);
    let last = service_day.instant(f64::from(last_s) + parameters.late_s);
    (service_day.origin.plus_seconds(-WARM_UP_S), end.max(last), trips)
}

fn threads(wanted: usize) -> usize {
    if wanted > 0 { wanted } else { std::thread::available_parallelism().map_or(1, std::num::NonZero::get) }
}

async fn known_days(store: &dyn Store) -> Result<String, ExportError> {
    let days = store.days().await?;
    Ok(match (days.first(), days.last()) {
        (Some(first), Some(last)) => format!("which has {} days (UTC) between {first} and {last}", days.len()),
        _ => "which is empty".to_owned(),
    })
}

/// One chunk's matching.
struct Job {
    day: Day,
    threads: usize,
}

impl Job {
    /// The parts of the tracks, in their order, whichever thread was quicker.
    fn run(&self, tracks: &[Track]) -> Result<Vec<Part>, ExportError> {
        let next = AtomicUsize::new(0);
        let work = || {
            let mut parts = Vec::new();
            while let Some((index, track)) = {
                let index = next.fetch_add(1, Ordering::Relaxed);
                tracks.get(index).map(|track| (index, track))
            } {
                parts.push((index, self.day.part(track)));
            }
            parts
        };
        let mut parts = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..self.threads.min(tracks.len())).map(|_| scope.spawn(work)).collect();
            let mut all = Vec::with_capacity(tracks.len());
            for thread in threads {
                all.extend(thread.join().map_err(|panic| ExportError::Matching(words(&*panic)))?);
            }
            Ok::<_, ExportError>(all)
        })?;
        parts.sort_by_key(|(index, _)| *index);
        Ok(parts.into_iter().map(|(_, part)| part).collect())
    }
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a thread panicked").to_owned()
}

/// What is summed up over all vehicles.
#[derive(Default)]
struct Totals {
    read: u64,
    fixes: u64,
    rejected: u64,
    vehicles: u64,
    delays: Delays,
}

impl Totals {
    fn take(&mut self, part: Part, files: &mut Files) -> Result<(), ExportError> {
        self.fixes += part.fixes;
        self.rejected += part.rejected;
        self.vehicles += u64::from(part.fixes > 0);
        self.delays.merge(part.delays);
        for (file, rows) in
            [(&mut files.locations, part.locations), (&mut files.visits, part.visits), (&mut files.trips, part.trips)]
        {
            let (csv, rows) = rows.finish();
            file.append(&csv, rows)?;
        }
        Ok(())
    }
}

/// The four files under way.
struct Files {
    locations: Pending,
    visits: Pending,
    trips: Pending,
    punctuality: Pending,
}

impl Files {
    fn create(folder: &Path) -> Result<Self, ExportError> {
        std::fs::create_dir_all(folder).map_err(|error| ExportError::Write { path: folder.to_owned(), error })?;
        Ok(Self {
            locations: Pending::create(folder, "vehicle_locations.csv", &tides::VEHICLE_LOCATIONS_COLUMNS)?,
            visits: Pending::create(folder, "stop_visits.csv", &tides::STOP_VISITS_COLUMNS)?,
            trips: Pending::create(folder, "trips_performed.csv", &tides::TRIPS_PERFORMED_COLUMNS)?,
            punctuality: Pending::create(folder, "punctuality.csv", &punctuality::COLUMNS)?,
        })
    }

    /// All are on the disk before the first one takes its name.
    fn publish(self) -> Result<[Written; 4], ExportError> {
        let Self { mut locations, mut visits, mut trips, mut punctuality } = self;
        for file in [&mut locations, &mut visits, &mut trips, &mut punctuality] {
            file.complete()?;
        }
        Ok([locations.publish()?, visits.publish()?, trips.publish()?, punctuality.publish()?])
    }
}
