//! One vehicle's fixes of a day, read from the store.

use model::{Fix, Timestamp, VehicleId};
use store::{FixKey, FixRow, Store, StoreError};

/// Fixes asked for at once.
const PAGE: usize = 20_000;
/// A chunk is ready when it holds so many fixes: enough for all cores, and 25 MB at most
/// but for a vehicle that alone has more.
const CHUNK_FIXES: usize = 200_000;
/// Most fixes of one vehicle, twenty a second all day: no tracker of ours sends more, and
/// one gone wild must not take the memory of all.
const MAX_TRACK_FIXES: usize = 2_000_000;

/// What a vehicle sent, in the order of time, one fix an instant.
#[derive(Debug, PartialEq)]
pub(crate) struct Track {
    pub vehicle: VehicleId,
    /// Each with the instant at which it came in.
    pub fixes: Vec<(Fix, Timestamp)>,
    /// How many there were beyond [`MAX_TRACK_FIXES`].
    pub beyond: u64,
}

impl Track {
    /// Adds the next row of the store's order. Of several of one instant (two deliveries
    /// that differ in an attribute, two devices on one vehicle) the first with a valid
    /// position stays, which is the same one whatever came in first.
    fn push(&mut self, row: &FixRow) {
        let (fix, received_at) = (row.fix(), row.received_at);
        let usable = |fix: &Fix| fix.valid && fix.position.is_some();
        let is_full = self.fixes.len() >= MAX_TRACK_FIXES;
        match self.fixes.last_mut() {
            Some(last) if last.0.time == fix.time => {
                if usable(&fix) && !usable(&last.0) {
                    *last = (fix, received_at);
                }
            }
            _ if is_full => self.beyond += 1,
            _ => self.fixes.push((fix, received_at)),
        }
    }
}

/// Reads the tracks of a window in the order of their vehicles.
pub(crate) struct Tracks<'a> {
    store: &'a dyn Store,
    from: Timestamp,
    until: Timestamp,
    after: Option<FixKey>,
    /// The vehicle whose fixes may go on in the next page.
    open: Option<Track>,
    ended: bool,
    /// Fixes of a page and of a chunk.
    sizes: (usize, usize),
}

impl<'a> Tracks<'a> {
    /// The fixes with `from ≤ time < until`.
    pub(crate) fn new(store: &'a dyn Store, from: Timestamp, until: Timestamp) -> Self {
        Self { store, from, until, after: None, open: None, ended: false, sizes: (PAGE, CHUNK_FIXES) }
    }

    /// The next vehicles, whole; none at the end.
    pub(crate) async fn chunk(&mut self) -> Result<Vec<Track>, StoreError> {
        let (mut tracks, mut fixes) = (Vec::new(), 0);
        let (page_fixes, chunk_fixes) = self.sizes;
        // A chunk without a whole vehicle would look like the end.
        while !self.ended && (fixes < chunk_fixes || tracks.is_empty()) {
            let page = self.store.fixes_of(self.from, self.until, self.after.as_ref(), page_fixes).await?;
            self.ended = page.len() < page_fixes;
            fixes += page.len();
            self.after = page.last().map(FixRow::key).or(self.after.take());
            for row in &page {
                let open = match self.open.take() {
                    Some(track) if track.vehicle == row.vehicle_id => self.open.insert(track),
                    other => {
                        tracks.extend(other);
                        self.open.insert(Track { vehicle: row.vehicle_id.clone(), fixes: Vec::new(), beyond: 0 })
                    }
                };
                open.push(row);
            }
        }
        if self.ended {
            tracks.extend(self.open.take());
        }
        Ok(tracks)
    }
}

#[cfg(test)]
mod tests {
    use model::{DeviceId, LatLon};
    use store::{Batch, LiveMatch};

    use super::*;

    fn row(vehicle: &str, second: i64, valid: bool, content_hash: u64) -> FixRow {
        FixRow {
            device_id: DeviceId::new(vehicle).unwrap(),
            vehicle_id: VehicleId::new(vehicle).unwrap(),
            time: Timestamp::from_secs(second),
            received_at: Timestamp::from_secs(second),
            content_hash,
            protocol: "test".into(),
            valid,
            position: LatLon::new(48.0, 37.0),
            altitude_m: None,
            speed_mps: None,
            heading_deg: None,
            satellites: None,
            hdop: None,
            attributes: String::new(),
            live: LiveMatch::default(),
        }
    }

    /// Pages and chunks end in the middle of vehicles, one of which fills several of both.
    #[tokio::test]
    async fn vehicles_are_whole_wherever_pages_end() {
        let folder = tempfile::tempdir().unwrap();
        let store = store::open(&format!("sqlite://{}/store.db", folder.path().display())).await.unwrap();
        let counts: [(&str, usize); 4] = [("a", 3), ("b", 40), ("c", 1), ("d", 8)];
        let rows = counts.iter().flat_map(|(vehicle, count)| (0..).take(*count).map(|at| row(vehicle, at, true, 1)));
        store.commit(&Batch { fixes: rows.collect(), ..Batch::default() }, 1).await.unwrap();
        for sizes in [(1, 1), (4, 5), (7, 1), (1000, 1000)] {
            let mut tracks = Tracks::new(&*store, Timestamp::from_secs(0), Timestamp::from_secs(100));
            tracks.sizes = sizes;
            let mut read = Vec::new();
            loop {
                let chunk = tracks.chunk().await.unwrap();
                if chunk.is_empty() {
                    break;
                }
                read.extend(chunk.into_iter().map(|track| (track.vehicle.to_string(), track.fixes.len())));
            }
            assert_eq!(read, counts.map(|(vehicle, count)| (vehicle.to_owned(), count)), "{sizes:?}");
        }
    }

    #[test]
    fn of_one_instant_the_usable_fix_stays() {
        let mut track = Track { vehicle: VehicleId::new("a").unwrap(), fixes: Vec::new(), beyond: 0 };
        for (second, valid, hash) in [(1, false, 1), (1, true, 2), (1, true, 3), (2, true, 4)] {
            track.push(&FixRow { speed_mps: Some(hash as f32), ..row("a", second, valid, hash) });
        }
        assert_eq!(track.fixes.iter().map(|(fix, _)| fix.speed_mps).collect::<Vec<_>>(), [Some(2.0), Some(4.0)]);
    }
}
