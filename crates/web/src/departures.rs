//! What leaves from a stop soon: the timetable, with the delays of vehicles under way.

use std::collections::BTreeMap;

use feeds::{LiveVehicle, Snapshot, speakers, stops_ahead};
use model::Timestamp;
use network::{Network, StopIdx, TripInstance};
use serde::Serialize;

/// How far ahead departures are listed, seconds.
const AHEAD_S: f64 = 90.0 * 60.0;
/// How late a vehicle may be and still be waited for, seconds.
const LATEST_S: f64 = 3600.0;
/// Most departures listed.
const MOST: usize = 30;

#[derive(Debug, Serialize)]
pub(crate) struct DepartureJson<'a> {
    route: &'a str,
    line: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    color: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    headsign: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    headsign_en: Option<&'a str>,
    trip: &'a str,
    scheduled: Timestamp,
    /// As in TripUpdates, where a vehicle is under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delay: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vehicle: Option<&'a str>,
}

/// The next departures at `stop`, the soonest first.
pub(crate) fn departures<'a>(
    network: &'a Network,
    snapshot: &'a Snapshot,
    stop: StopIdx,
    now: Timestamp,
) -> Vec<DepartureJson<'a>> {
    let on = speakers(network, snapshot);
    let days = network.service_dates_near(now, LATEST_S, AHEAD_S);
    let days: Vec<_> = days.into_iter().map(|d| network.service_day(d)).collect();
    let mut all = Vec::new();
    for &index in network.patterns_at(stop) {
        let pattern = network.pattern(index);
        // The last stop is where a trip ends, not where it leaves from.
        let last = pattern.stops.len().saturating_sub(1);
        let places = pattern.stops.iter().enumerate().filter(|(i, s)| s.stop == stop && *i < last).map(|(i, _)| i);
        for place in places {
            for day in &days {
                network.runs_near(index, day, day.seconds_at(now), AHEAD_S, LATEST_S, |run| {
                    all.extend(departure(network, &on, run, place, now));
                });
            }
        }
    }
    all.sort_by_key(|d| (d.expected.unwrap_or(d.scheduled), d.trip));
    all.truncate(MOST);
    all
}

fn departure<'a>(
    network: &'a Network,
    on: &BTreeMap<TripInstance, &'a LiveVehicle>,
    run: TripInstance,
    place: usize,
    now: Timestamp,
) -> Option<DepartureJson<'a>> {
    let trip = network.trip(run.trip);
    let route = network.route(network.pattern(trip.pattern).route);
    let departs_s = network.stop_times(run.trip).get(place)?.departure_s + run.offset_s;
    let scheduled = network.instant(run.day, f64::from(departs_s));
    let vehicle = on.get(&run).copied();
    let expected = match vehicle {
        // A stop that is not ahead of its vehicle any more has been passed.
        Some(vehicle) => Some(stops_ahead(network, vehicle).into_iter().find(|ahead| ahead.index == place)?),
        None => None,
    };
    // Of a trip without times of its own it cannot be said how late it is.
    let floating = trip.is_floating();
    let delay = expected.filter(|_| !floating).map(|ahead| ahead.departure_s - ahead.scheduled_departure_s);
    let expected = expected.map(|ahead| Timestamp::from_secs(ahead.departure_s));
    let soon = (0.0..=AHEAD_S).contains(&expected.unwrap_or(scheduled).seconds_since(now));
    soon.then(|| DepartureJson {
        route: &route.id,
        line: route.name(),
        color: route.color.as_deref(),
        headsign: trip.headsign.as_deref(),
        headsign_en: trip.headsign_en.as_deref(),
        trip: &trip.id,
        scheduled,
        expected,
        delay,
        vehicle: vehicle.map(|v| v.id.as_str()),
    })
}
