//! A driven day as the files of a recorded one.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use network::Network;

use super::DrivenDay;
use crate::SimulatorError;

impl DrivenDay {
    /// Writes positions.csv.gz, truth.csv.gz, stops_truth.csv.gz and outages.csv into a
    /// folder that exists. The same day makes the same text.
    pub fn write(&self, network: &Network, folder: &Path) -> Result<(), SimulatorError> {
        let gzip = |name: &str, rows: &dyn Fn(&mut dyn Write) -> io::Result<()>| {
            let path = folder.join(name);
            let write = || {
                let mut out = GzEncoder::new(io::BufWriter::new(File::create(&path)?), Compression::best());
                rows(&mut out)?;
                out.finish()?.flush()
            };
            write().map_err(|e| SimulatorError::file(&path, e))
        };
        gzip("positions.csv.gz", &|out| self.positions(out))?;
        gzip("truth.csv.gz", &|out| self.truth(network, out))?;
        gzip("stops_truth.csv.gz", &|out| self.stops_truth(network, out))?;
        let path = folder.join("outages.csv");
        File::create(&path).and_then(|mut out| self.outages(&mut out)).map_err(|e| SimulatorError::file(&path, e))
    }

    fn positions(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "vehicle_id,time,lat,lon,speed_mps,heading_deg")?;
        for fix in &self.fixes {
            let (lat, lon) = (fix.position.lat(), fix.position.lon());
            let (speed, heading) = (fix.speed_mps, fix.heading_deg);
            writeln!(out, "{},{},{lat:.6},{lon:.6},{speed:.1},{heading:.0}", fix.vehicle, fix.time)?;
        }
        Ok(())
    }

    fn truth(&self, network: &Network, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "vehicle_id,time,trip_id,route_id,direction_id,block_id,phase")?;
        for fix in &self.fixes {
            write!(out, "{},{},", fix.vehicle, fix.time)?;
            if let Some(trip) = fix.trip.map(|t| network.trip(t)) {
                let pattern = network.pattern(trip.pattern);
                let direction = pattern.direction.map(|d| d.to_string()).unwrap_or_default();
                let block = trip.block.map_or("", |b| network.block(b).id.as_str());
                write!(out, "{},{},{direction},{block}", trip.id, network.route(pattern.route).id)?;
            } else {
                write!(out, ",,,")?;
            }
            writeln!(out, ",{}", fix.phase.as_str())?;
        }
        Ok(())
    }

    /// The arrival is known to the second: it lies between the second before and its own.
    fn stops_truth(&self, network: &Network, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "vehicle_id,trip_id,stop_sequence,stop_id,not_before,first_seen_stopped,last_seen_stopped")?;
        for visit in &self.visits {
            let pattern = network.pattern(network.trip(visit.trip).pattern);
            let (Some(stop), Some(time)) =
                (pattern.stops.get(visit.stop), network.stop_times(visit.trip).get(visit.stop))
            else {
                continue;
            };
            let (trip, stop) = (&network.trip(visit.trip).id, &network.stop(stop.stop).id);
            let before = visit.arrival.plus_seconds(-1.0);
            let sequence = time.stop_sequence;
            let (arrival, departure) = (visit.arrival, visit.departure);
            writeln!(out, "{},{trip},{sequence},{stop},{before},{arrival},{departure}", visit.vehicle)?;
        }
        Ok(())
    }

    fn outages(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "vehicle_id,from,until,kind")?;
        for outage in &self.outages {
            let kind = if outage.buffered { "buffered" } else { "lost" };
            writeln!(out, "{},{},{},{kind}", outage.vehicle, outage.from, outage.until)?;
        }
        Ok(())
    }
}
