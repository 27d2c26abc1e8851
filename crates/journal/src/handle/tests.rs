//! Faults of the disk and what retention takes, seen by who holds the journal.

use std::time::{Duration, Instant};

use super::*;
use crate::group::tests::report;

/// One that has pages of its own, which no later commit writes anew.
fn large(second: i64) -> Report {
    let mut large = report(second);
    large.batch.text = vec![7; 50_000];
    large
}

fn with_faults() -> (tempfile::TempDir, Journal, Arc<Faults>) {
    let folder = tempfile::tempdir().unwrap();
    let faults = Arc::new(Faults::default());
    let journal = Journal::open_with(folder.path(), Options::default(), Arc::clone(&faults)).unwrap();
    (folder, journal, faults)
}

async fn wait_for_recovery(journal: &Journal) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while journal.health().is_err() {
        assert!(Instant::now() < deadline, "no recovery: {:?}", journal.health());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What the disk holds after a power cut at this moment.
fn after_power_cut(faults: &Faults) -> Vec<Report> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(FILE_NAME), faults.pretend.power_cut()).unwrap();
    let journal = Journal::open(folder.path(), Options::default()).unwrap();
    assert!(!folder.path().join("journal.redb.damaged-1").exists(), "pages are missing");
    journal.read(Position::START, usize::MAX).unwrap().into_iter().map(|(_, report)| report).collect()
}

/// Some commits fail by a fault, which then passes.
async fn waits_out(fault: impl Fn(&Faults) -> &std::sync::atomic::AtomicBool, advice: &str) {
    let (_folder, journal, faults) = with_faults();
    let mut acknowledged = Vec::new();
    // Leaves free pages in the file, or a failed commit would get no further than to ask for more.
    for n in 0..8 {
        journal.append(large(n)).await.unwrap();
    }
    let first = journal.trim(Position(u64::MAX)).await.unwrap();
    for round in 1..=3 {
        for n in 0..20 {
            let report = report(round * 100 + n);
            journal.append(&report).await.unwrap();
            acknowledged.push(report);
        }
        fault(&faults).store(true, Ordering::Release);
        let head = journal.head();
        for n in 50..53 {
            let error = journal.append(large(round * 100 + n)).await.unwrap_err();
            assert!(matches!(error, JournalError::Failed(_)) && error.to_string().contains(advice), "{error}");
            assert!(journal.health().is_err(), "a readiness check hears of it");
        }
        assert_eq!(journal.head(), head, "nobody is told of what is not there");
        let beside = journal.read(Position::START, 10).unwrap();
        assert!(beside.iter().all(|(_, report)| acknowledged.contains(report)), "readers are not led astray");
        fault(&faults).store(false, Ordering::Release);
        wait_for_recovery(&journal).await;
        let report = report(round * 100 + 99);
        journal.append(&report).await.unwrap();
        acknowledged.push(report);

        let on_disk = after_power_cut(&faults);
        let lost = acknowledged.iter().filter(|report| !on_disk.contains(report)).count();
        assert_eq!(lost, 0, "of {} acknowledged, round {round}", acknowledged.len());
    }
    let read = journal.read(Position::START, usize::MAX).unwrap();
    assert!(acknowledged.iter().all(|report| read.iter().filter(|(_, r)| r == report).count() == 1));
    assert!(read.iter().map(|(position, _)| position.0).eq(first.0..first.0 + read.len() as u64));
    journal.close().await.unwrap();
}

#[tokio::test]
async fn a_full_disk_is_waited_out() {
    waits_out(|faults| &faults.pretend.full, "free some space").await;
}

#[tokio::test]
async fn a_read_only_file_system_is_waited_out() {
    waits_out(|faults| &faults.pretend.read_only, "once that takes writes").await;
}

#[tokio::test]
async fn failed_writes_are_waited_out() {
    waits_out(|faults| &faults.pretend.broken, "check its disk").await;
}

/// The kernel has dropped what it could not write, and shows it all the same: it must be written
/// again, or what is acknowledged next would stand on pages that no disk holds.
#[tokio::test]
async fn what_a_failed_sync_lost_is_written_again() {
    waits_out(|faults| &faults.pretend.sync_fails, "check its disk").await;
}

#[tokio::test]
async fn a_second_process_is_refused_also_while_the_file_is_opened_anew() {
    let (folder, journal, faults) = with_faults();
    let (path, aside) = (folder.path().join(FILE_NAME), folder.path().join("aside"));
    let second = || Journal::open(folder.path(), Options::default());
    assert!(matches!(second(), Err(JournalError::InUse(_))), "while all is well");
    journal.append(report(1)).await.unwrap();

    // The disk takes writes again, but the file cannot be opened yet: it was let go of.
    std::fs::rename(&path, &aside).unwrap();
    std::fs::create_dir(&path).unwrap();
    faults.pretend.broken.store(true, Ordering::Release);
    journal.append(report(2)).await.unwrap_err();
    faults.pretend.broken.store(false, Ordering::Release);
    let deadline = Instant::now() + Duration::from_secs(20);
    while journal.inner.shared.storage().is_ok() {
        assert!(Instant::now() < deadline, "it is not opened anew");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    std::fs::remove_dir(&path).unwrap();
    std::fs::rename(&aside, &path).unwrap();
    assert!(matches!(second(), Err(JournalError::InUse(_))), "while it recovers");
    wait_for_recovery(&journal).await;
    assert!(matches!(second(), Err(JournalError::InUse(_))), "once it has recovered");
    journal.append(report(3)).await.unwrap();

    journal.close().await.unwrap();
    let second = second().unwrap();
    assert!(second.read(Position::START, 10).unwrap().iter().any(|(_, read)| *read == report(3)));
}

#[tokio::test]
async fn what_retention_takes_from_a_reader_is_told_and_read_past() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { max_bytes: 12_000, may_drop_unread: true, ..Options::default() };
    let journal = Journal::open(folder.path(), options).unwrap();
    journal.set_cursor("slow", Position::START).unwrap();
    for n in 1..=400 {
        journal.append(report(n)).await.unwrap();
    }
    let first = journal.first();
    assert!(first > Position(100), "{first}");
    let dropped = first.0 - 1;
    match journal.health() {
        Err(JournalError::Dropped(told)) => assert_eq!(told, dropped),
        other => panic!("{other:?}"),
    }
    let read = journal.read(Position(5), 1_000).unwrap();
    assert_eq!(read.first().unwrap().0, first, "the reader goes on with what is left");
    assert_eq!(read.last().unwrap().1, report(400));

    // Whoever keeps up loses nothing to it.
    journal.set_cursor("slow", Position(400)).unwrap();
    for n in 401..=800 {
        journal.append(report(n)).await.unwrap();
        journal.set_cursor("slow", journal.head()).unwrap();
    }
    assert!(journal.first() > Position(400));
    assert!(matches!(journal.health(), Err(JournalError::Dropped(told)) if told == dropped));
}
