//! One behaviour of two stores: every case runs over SQLite and over PostGIS.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::print_stdout, reason = "a test")]

mod support;

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use model::{DeviceId, FixBatch, Known, LatLon, Report, ServiceDate, Timestamp, Value, VehicleId};
use store::{Batch, Claim, Committed, Correction, FixRow, LiveMatch, Store, StoreError, VisitRow};
use support::Postgis;

/// One server for all cases; it stops with the process.
fn server() -> Option<&'static Postgis> {
    static SERVER: OnceLock<Option<Postgis>> = OnceLock::new();
    SERVER.get_or_init(Postgis::start).as_ref()
}

/// Runs each case over both stores, each time on an empty one.
macro_rules! cases {
    ($($case:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $case() {
                let folder = tempfile::tempdir().unwrap();
                let url = format!("sqlite://{}/new/folder/store.db", folder.path().display());
                super::$case(&url).await;
            })*
        }
        mod postgis {
            $(#[tokio::test]
            async fn $case() {
                if let Some(server) = super::server() {
                    super::$case(&server.database()).await;
                }
            })*
        }
    };
}

cases!(
    what_is_written_is_read,
    a_fix_sent_twice_is_stored_once,
    late_and_repeated_fixes_are_told_from_new_ones,
    position_and_rows_go_together,
    a_later_visit_replaces_the_earlier,
    a_correction_replaces_what_was_said_of_its_fix,
    a_correction_comes_once_with_its_position,
    pages_join_without_gap_or_overlap,
    odd_values_hold_nothing_up,
    two_writers_do_not_write_twice,
    it_opens_again_with_what_it_had,
);

async fn open(url: &str) -> Arc<dyn Store> {
    store::open(url).await.unwrap()
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn day(text: &str) -> ServiceDate {
    ServiceDate::parse(text).unwrap()
}

fn row(device: &str, vehicle: &str, secs: i64, content_hash: u64) -> FixRow {
    FixRow {
        device_id: DeviceId::new(device).unwrap(),
        vehicle_id: VehicleId::new(vehicle).unwrap(),
        time: at("2026-01-16T08:00:00Z").plus_seconds(secs as f64),
        received_at: at("2026-01-16T08:00:01.5Z").plus_seconds(secs as f64),
        content_hash,
        protocol: "teltonika".into(),
        valid: true,
        position: LatLon::new(48.853_123_456_789, 37.605_987_654_321),
        altitude_m: None,
        speed_mps: None,
        heading_deg: None,
        satellites: None,
        hdop: None,
        attributes: String::new(),
        live: LiveMatch::default(),
    }
}

fn visit(trip: &str, vehicle: &str, stop_sequence: u32, arrival: &str) -> VisitRow {
    VisitRow {
        service_date: day("2026-01-16"),
        trip_id: trip.into(),
        vehicle_id: VehicleId::new(vehicle).unwrap(),
        run_offset_s: 0,
        stop_sequence,
        stop_id: "площа".into(),
        route_id: Some("1".into()),
        direction_id: Some(0),
        arrival: at(arrival),
        departure: None,
        interpolated: false,
        uncertainty_s: 2.5,
        delay_s: Some(-15),
    }
}

fn fixes(rows: &[FixRow]) -> Batch {
    Batch { fixes: rows.to_vec(), ..Batch::default() }
}

async fn all(store: &Arc<dyn Store>) -> Vec<FixRow> {
    store.fixes_of(at("2026-01-16T00:00:00Z"), at("2026-01-17T00:00:00Z"), None, 10_000).await.unwrap()
}

async fn what_is_written_is_read(url: &str) {
    let store = open(url).await;
    let mut batch = FixBatch::default();
    batch.push(model::Fix {
        altitude_m: Some(74.5),
        speed_mps: Some(8.333_333),
        heading_deg: Some(271.0),
        satellites: Some(11),
        hdop: Some(0.9),
        ..model::Fix::at(at("2026-01-16T08:00:00.123456Z"), LatLon::new(-33.0, 151.000_000_000_1).unwrap())
    });
    batch.known(Known::DriverId, Value::Int(4711));
    let text = batch.text_value("пів бака \"x\"\n");
    batch.known(Known::Event, text);
    let report = Report {
        device: DeviceId::new("352093081452251").unwrap(),
        vehicle: VehicleId::new("тролейбус 7").unwrap(),
        protocol: "teltonika".into(),
        received_at: at("2026-01-16T08:00:05Z"),
        batch,
    };
    let live = LiveMatch {
        state: Some("in_service".into()),
        rejected: Some("late".into()),
        trip_id: Some("a trip's id that is longer than inline".into()),
        service_date: Some(day("2026-01-15")),
        route_id: Some("1".into()),
        direction_id: Some(1),
        shape_dist_m: Some(1_234.567_890_123),
        cross_track_m: Some(-3.25),
        delay_s: Some(-61),
    };
    let full = FixRow { live, ..FixRow::of(&report, &report.batch.fixes[0]) };
    assert!(full.attributes.contains("4711"));
    let bare = FixRow { position: None, valid: false, ..row("d", "v", 60, u64::MAX) };
    let seen = VisitRow {
        departure: Some(at("2026-01-16T08:00:30Z")),
        ..visit("t", "тролейбус 7", 3, "2026-01-16T08:00:00.5Z")
    };
    let batch = Batch { fixes: vec![full.clone(), bare.clone()], visits: vec![seen.clone()], ..Batch::default() };
    assert_eq!(store.commit(&batch, 1).await.unwrap(), Committed { inserted: 2, duplicates: 0 });

    assert_eq!(all(&store).await, [bare, full]);
    assert_eq!(store.visits_of(day("2026-01-16"), None, 10).await.unwrap(), [seen]);
    assert_eq!(store.visits_of(day("2026-01-17"), None, 10).await.unwrap(), []);
    assert_eq!(store.days().await.unwrap(), [day("2026-01-16")]);
    store.ready().await.unwrap();
}

async fn a_fix_sent_twice_is_stored_once(url: &str) {
    let store = open(url).await;
    let first = FixRow { live: LiveMatch { delay_s: Some(5), ..LiveMatch::default() }, ..row("d", "v", 0, 1) };
    let again =
        FixRow { received_at: first.received_at.plus_seconds(900.0), live: LiveMatch::default(), ..first.clone() };
    // Twice in one batch, in a later batch, and beside its neighbours that differ in one part of the key.
    let batch = fixes(&[first.clone(), again.clone(), row("d", "v", 0, 2), row("e", "v", 0, 1)]);
    assert_eq!(store.commit(&batch, 10).await.unwrap(), Committed { inserted: 3, duplicates: 1 });
    let batch = fixes(&[again, row("d", "v", 1, 1)]);
    assert_eq!(store.commit(&batch, 11).await.unwrap(), Committed { inserted: 1, duplicates: 1 });
    let stored = all(&store).await;
    assert_eq!(stored.len(), 4);
    assert_eq!(stored.iter().find(|r| r.key() == first.key()), Some(&first), "the first delivery stays");
}

/// The store remembers what it has lately written; so it is asked again with that memory gone.
async fn late_and_repeated_fixes_are_told_from_new_ones(url: &str) {
    let store = open(url).await;
    store.commit(&fixes(&[row("d", "v", 10, 1)]), 1).await.unwrap();
    let mixed = [row("d", "v", 5, 1), row("d", "v", 10, 1), row("d", "v", 11, 1), row("e", "v", 11, 1)];
    assert_eq!(store.commit(&fixes(&mixed), 2).await.unwrap(), Committed { inserted: 3, duplicates: 1 });
    // On another vehicle, on another day, and back again.
    let moved = [row("d", "w", 12, 1), row("d", "w", 86_400, 1), row("d", "v", 13, 1)];
    assert_eq!(store.commit(&fixes(&moved), 3).await.unwrap(), Committed { inserted: 3, duplicates: 0 });
    store.close().await;

    let store = open(url).await;
    let again = [row("d", "v", 11, 1), row("d", "v", 6, 1), row("d", "w", 86_401, 1)];
    assert_eq!(store.commit(&fixes(&again), 4).await.unwrap(), Committed { inserted: 2, duplicates: 1 });
    let shown: Vec<_> = all(&store).await.iter().map(|r| format!("{} {}", r.vehicle_id, r.time)).collect();
    let expected = ["v 05", "v 06", "v 10", "v 11", "v 11", "v 13", "w 12"];
    assert_eq!(shown, expected.map(|text| text.replace(' ', " 2026-01-16T08:00:") + "Z"));
    assert_eq!(store.days().await.unwrap(), [day("2026-01-16"), day("2026-01-17")]);
    let next = store.fixes_of(at("2026-01-17T00:00:00Z"), at("2026-01-18T00:00:00Z"), None, 9).await.unwrap();
    assert_eq!(next.len(), 2);
}

async fn position_and_rows_go_together(url: &str) {
    let store = open(url).await;
    assert_eq!(store.position().await.unwrap(), 0);
    store.commit(&fixes(&[row("d", "v", 0, 1)]), 7).await.unwrap();
    store.commit(&Batch::default(), 8).await.unwrap();
    assert_eq!(store.position().await.unwrap(), 8);

    // The retry of a commit whose answer was lost.
    let other = fixes(&[row("d", "v", 1, 1)]);
    assert_eq!(store.commit(&other, 8).await.unwrap(), Committed { inserted: 0, duplicates: 1 });
    // A second process that is behind.
    let error = store.commit(&other, 3).await.unwrap_err();
    assert!(matches!(error, StoreError::Stale { committed: 8, upto: 3 }), "{error}");
    assert!(!error.is_transient());
    assert_eq!((all(&store).await.len(), store.position().await.unwrap()), (1, 8));
}

async fn a_later_visit_replaces_the_earlier(url: &str) {
    let store = open(url).await;
    let times = ["2026-01-16T08:00:00Z", "2026-01-16T08:00:10Z", "2026-01-16T08:00:20Z"];
    let [first, second, third] = times.map(|time| visit("t", "v", 1, time));
    let batch = |visits: &[VisitRow]| Batch { visits: visits.to_vec(), ..Batch::default() };
    store.commit(&batch(&[first, second.clone(), visit("t", "v", 2, times[0])]), 1).await.unwrap();
    assert_eq!(store.visits_of(day("2026-01-16"), None, 1).await.unwrap(), [second]);
    let next_run = VisitRow { run_offset_s: 600, ..visit("t", "v", 1, "2026-01-16T08:10:00Z") };
    store.commit(&batch(&[visit("t", "w", 1, times[0]), next_run.clone(), third.clone()]), 2).await.unwrap();

    let whole = store.visits_of(day("2026-01-16"), None, 10).await.unwrap();
    assert_eq!(whole.len(), 4);
    assert_eq!((&whole[0], &whole[2]), (&third, &next_run));
    let rest = store.visits_of(day("2026-01-16"), Some(&whole[0].key()), 10).await.unwrap();
    assert_eq!(rest, whole[1..]);
}

fn said(trip: Option<&str>, rejected: Option<&str>) -> LiveMatch {
    LiveMatch {
        state: Some(if trip.is_some() { "in_service" } else { "unknown" }.into()),
        rejected: rejected.map(Into::into),
        trip_id: trip.map(Into::into),
        service_date: trip.map(|_| day("2026-01-15")),
        route_id: trip.map(|_| "1".into()),
        direction_id: trip.map(|_| 1),
        shape_dist_m: trip.map(|_| 1_234.5),
        cross_track_m: trip.map(|_| -3.25),
        delay_s: trip.map(|_| -61),
    }
}

fn correction(of: &FixRow, live: LiveMatch) -> Correction {
    Correction { vehicle_id: of.vehicle_id.clone(), time: of.time, live }
}

async fn a_correction_replaces_what_was_said_of_its_fix(url: &str) {
    let store = open(url).await;
    let unmatched = |device, vehicle, secs| FixRow { live: said(None, None), ..row(device, vehicle, secs, 1) };
    let before = unmatched("d", "v", 0);
    let others = [unmatched("d", "v", 1), unmatched("e", "w", 0)];
    // A second device of the vehicle said the same instant elsewhere, and was not believed.
    let jump = FixRow { live: said(None, Some("jump")), ..row("f", "v", 0, 1) };
    let batch = [&[before.clone(), jump.clone()], &others[..]].concat();
    store.commit(&fixes(&batch), 1).await.unwrap();

    let late = FixRow { live: said(None, Some("late")), ..row("d", "v", -86_400, 9) };
    let batch = Batch {
        fixes: vec![late.clone()],
        corrections: vec![
            correction(&before, said(Some("wrong"), None)),
            correction(&late, said(Some("t"), None)),
            correction(&before, said(Some("t's \0 name"), None)),
            correction(&row("d", "v", 500, 1), said(Some("of no fix"), None)),
            correction(&row("d", "nobody", 0, 1), said(Some("of no vehicle"), None)),
        ],
        ..Batch::default()
    };
    assert_eq!(store.commit(&batch, 2).await.unwrap(), Committed { inserted: 1, duplicates: 0 });
    let stored = all(&store).await;
    let of = |key: &FixRow| stored.iter().find(|r| r.key() == key.key()).unwrap().clone();
    assert_eq!(of(&before).live.trip_id.unwrap().replace('\u{fffd}', "\0"), "t's \0 name", "the last one counts");
    let left = |row: FixRow| FixRow { live: LiveMatch::default(), ..row };
    assert_eq!(left(of(&before)), left(before.clone()), "what the tracker said stays");
    assert_eq!(of(&jump), jump);
    assert_eq!(others.each_ref().map(of), others);
    let eve = store.fixes_of(at("2026-01-15T00:00:00Z"), at("2026-01-16T00:00:00Z"), None, 9).await.unwrap();
    assert_eq!(eve, [FixRow { live: said(Some("t"), None), ..late }], "in the batch that brings the fix");

    // And back, where it turns out to have been on no trip.
    let corrections = vec![correction(&before, said(None, None))];
    store.commit(&Batch { corrections, ..Batch::default() }, 3).await.unwrap();
    assert_eq!(all(&store).await.into_iter().find(|r| r.key() == before.key()), Some(before));
}

async fn a_correction_comes_once_with_its_position(url: &str) {
    let store = open(url).await;
    let fix = FixRow { live: said(None, None), ..row("d", "v", 0, 1) };
    let batch = |trip| Batch {
        fixes: vec![fix.clone()],
        corrections: vec![correction(&fix, said(Some(trip), None))],
        ..Batch::default()
    };
    store.commit(&batch("t"), 5).await.unwrap();
    // The retry of a commit whose answer was lost, and a second process that is behind.
    store.commit(&batch("again"), 5).await.unwrap();
    store.commit(&batch("behind"), 4).await.unwrap_err();
    let corrected = [FixRow { live: said(Some("t"), None), ..fix.clone() }];
    assert_eq!(all(&store).await, corrected);
    // The fix again, as it came in, without the correction: what is stored stays.
    store.commit(&fixes(&[fix]), 6).await.unwrap();
    assert_eq!(all(&store).await, corrected);
}

#[tokio::test]
async fn corrections_read_no_table_from_end_to_end() {
    const ROWS: i64 = 2_000;
    let Some(server) = server() else { return };
    let url = server.database();
    let store = open(&url).await;
    // From an empty table on, of whose size the planner knows nothing.
    for upto in 1..=10_u64 {
        let first = upto.cast_signed() * ROWS;
        let rows: Vec<_> =
            (first..first + ROWS).map(|n| row(&format!("d{}", n % 100), &format!("v{}", n % 100), n, 1)).collect();
        let corrections = rows.iter().step_by(20).map(|fix| correction(fix, said(Some("t"), None))).collect();
        store.commit(&Batch { fixes: rows, corrections, ..Batch::default() }, upto).await.unwrap();
    }
    // The server gathers its figures when a connection has been idle for a while, or ends.
    store.close().await;
    let figures = "SELECT t.n_tup_upd, t.seq_tup_read, i.idx_scan FROM pg_stat_user_tables t \
         JOIN pg_stat_user_indexes i USING (relid) WHERE t.relname = 'fixes' AND i.indexrelname = 'fixes_time'";
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    let mut told = String::new();
    while !told.starts_with(&format!("{}|", ROWS / 2)) {
        assert!(std::time::Instant::now() < deadline, "{told}: not all rows were corrected");
        told = server.psql(&url, figures);
    }
    assert_eq!(
        told,
        format!("{}|0|0", ROWS / 2),
        "rows corrected, rows read without an index, reads of the index of times"
    );
}

/// More vehicles than one question asks for, several devices on one vehicle, equal times.
async fn pages_join_without_gap_or_overlap(url: &str) {
    let store = open(url).await;
    let mut rows = Vec::new();
    for vehicle in 0..600 {
        rows.push(row(&format!("d{vehicle}"), &format!("v{vehicle}"), vehicle, 1));
    }
    for step in 0..50 {
        rows.push(row("d7", "v7", step / 2, u64::MAX - step.cast_unsigned()));
        rows.push(row("other", "v7", step / 2, step.cast_unsigned()));
        rows.push(row("d7", "moved", step + 100, 3));
        rows.push(row("d7", "v7 б", step, 3));
    }
    // Outside of the window asked for below, by a hair on both sides.
    rows.push(row("d7", "v7", -3600, 1));
    rows.push(row("d7", "v7", 3600, 1));
    store.commit(&fixes(&rows), 1).await.unwrap();

    let mut expected = rows.clone();
    expected.retain(|r| (0..3600).contains(&(r.time.as_secs() - at("2026-01-16T08:00:00Z").as_secs())));
    expected.sort_by_key(FixRow::key);
    assert!(expected.iter().map(FixRow::key).collect::<BTreeSet<_>>().len() == expected.len());
    for limit in [1, 7, 256, 100_000] {
        let (from, until) = (at("2026-01-16T08:00:00Z"), at("2026-01-16T09:00:00Z"));
        let mut read: Vec<FixRow> = Vec::new();
        loop {
            let after = read.last().map(FixRow::key);
            let page = store.fixes_of(from, until, after.as_ref(), limit).await.unwrap();
            assert!(page.len() <= limit);
            let ended = page.len() < limit;
            read.extend(page);
            if ended {
                break;
            }
        }
        assert!(read == expected, "pages of {limit}: {} rows of {}", read.len(), expected.len());
    }
}

async fn odd_values_hold_nothing_up(url: &str) {
    let store = open(url).await;
    let odd = [
        FixRow { time: Timestamp::from_micros(i64::MAX), ..row("d", "far", 0, 1) },
        FixRow {
            time: Timestamp::from_micros(i64::MIN),
            received_at: Timestamp::from_micros(i64::MIN),
            ..row("d", "far", 0, 1)
        },
        FixRow { attributes: format!("{{\"text\":\"{}\"}}", "x".repeat(70_000)), ..row("d", "v", 0, 1) },
        FixRow { live: LiveMatch { trip_id: Some("a\0b".into()), ..LiveMatch::default() }, ..row("d", "v", 1, 1) },
        FixRow { speed_mps: Some(f32::INFINITY), ..row("d'; DROP TABLE fixes; --", "v", 2, 1) },
    ];
    let committed = store.commit(&fixes(&odd), 1).await.unwrap();
    assert_eq!(committed, Committed { inserted: 5, duplicates: 0 });
    assert_eq!(store.days().await.unwrap(), [day("0001-01-01"), day("2026-01-16"), day("9999-12-30")]);
    let stored = all(&store).await;
    assert_eq!(stored.len(), 3);
    assert_eq!(stored[0], odd[2]);
    assert_eq!(stored[2], odd[4]);
}

async fn two_writers_do_not_write_twice(url: &str) {
    let (one, two) = (open(url).await, open(url).await);
    let write = |store: Arc<dyn Store>, device: &'static str| async move {
        let mut taken = 0;
        for upto in 1..=40_u64 {
            match store.commit(&fixes(&[row(device, "v", upto.cast_signed(), 1)]), upto).await {
                Ok(committed) => taken += committed.inserted,
                Err(StoreError::Stale { .. }) => {}
                Err(other) => panic!("{other}"),
            }
        }
        taken
    };
    let (first, second) = tokio::join!(tokio::spawn(write(one.clone(), "a")), tokio::spawn(write(two, "b")));
    assert_eq!(first.unwrap() + second.unwrap(), 40, "each position is taken by one of them");
    assert_eq!((all(&one).await.len(), one.position().await.unwrap()), (40, 40));
}

async fn it_opens_again_with_what_it_had(url: &str) {
    let store = open(url).await;
    store.commit(&fixes(&[row("d", "v", 0, 1)]), 5).await.unwrap();
    store.close().await;
    assert!(store.position().await.is_err());
    let store = open(url).await;
    assert_eq!((store.position().await.unwrap(), all(&store).await.len()), (5, 1));
}

#[tokio::test]
async fn a_worker_whose_shard_was_taken_over_commits_nothing() {
    let Some(server) = server() else { return };
    let url = server.database();
    let (old, new) = (open(&url).await, open(&url).await);
    let first = old.claim_shards(&[3, 4]).await.unwrap();
    assert!(first.iter().all(|claim| claim.sequence == 0), "{first:?}");
    let upto = |claims: &[Claim], sequence| claims.iter().map(|c| Claim { sequence, ..*c }).collect::<Vec<_>>();
    let batch = |n: i64| {
        let corrections = vec![correction(&row("1", "2", 1, 7), said(Some(&format!("said with {n}")), None))];
        Batch { fixes: vec![row("1", "2", n, 7)], corrections, ..Batch::default() }
    };
    assert_eq!(old.commit_shards(&batch(1), &upto(&first, 10)).await.unwrap().inserted, 1);

    let second = new.claim_shards(&[4]).await.unwrap();
    assert_eq!(second[0].sequence, 10, "it goes on where the other had got to");
    let error = old.commit_shards(&batch(2), &upto(&first, 11)).await.unwrap_err();
    assert!(matches!(&error, StoreError::Fenced { shards } if shards == &[4]), "{error}");
    let stored = all(&old).await;
    assert_eq!((stored.len(), stored[0].live.trip_id.as_deref()), (1, Some("said with 1")));

    // What is still its own, it commits; and the answer of a commit may be lost.
    let mine: Vec<_> = first.iter().copied().filter(|claim| claim.shard == 3).collect();
    assert_eq!(old.commit_shards(&batch(3), &upto(&mine, 12)).await.unwrap().inserted, 1);
    assert_eq!(old.commit_shards(&batch(3), &upto(&mine, 12)).await.unwrap().duplicates, 1);
    assert_eq!(new.commit_shards(&batch(2), &upto(&second, 11)).await.unwrap().inserted, 1);
}

#[tokio::test]
async fn a_shard_goes_back_where_the_stream_has_lost_what_was_committed() {
    let Some(server) = server() else { return };
    let store = open(&server.database()).await;
    let batch = Batch { fixes: vec![row("1", "2", 1, 7)], ..Batch::default() };
    let mut mine = store.claim_shards(&[3]).await.unwrap()[0];
    assert_eq!((mine.sequence, mine.time_ns), (0, 0));
    for (sequence, time_ns) in [(90, 1_700_000_000_000_000_001), (40, 1_700_000_100_000_000_002)] {
        store.commit_shards(&batch, &[Claim { sequence, time_ns, ..mine }]).await.unwrap();
        let next = store.claim_shards(&[3]).await.unwrap()[0];
        assert_eq!((next.sequence, next.time_ns), (sequence, time_ns), "the next owner hears of that message");
        store.commit_shards(&Batch::default(), &[Claim { epoch: mine.epoch, ..next }]).await.unwrap_err();
        mine = next;
        assert_eq!(store.commit_shards(&batch, &[mine]).await.unwrap().duplicates, 1, "rows count once");
    }
}

#[tokio::test]
async fn several_workers_cannot_fill_one_sqlite_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&format!("sqlite://{}/store.db", folder.path().display())).await;
    let error = store.claim_shards(&[]).await.unwrap_err().to_string();
    assert!(error.contains("set store.url to a PostGIS database"), "{error}");
}
