//! What users of the journal rely on.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking and speaks by printing")]

use std::time::{Duration, Instant};

use common::{number, report, report_of};
use journal::{Journal, JournalError, MAX_CURSORS, MAX_REPORT_BYTES, Options, Position};
use model::{MAX_REPORT_FIXES, Timestamp};
use proptest::prelude::*;

mod common;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

async fn append_all(journal: &Journal, numbers: std::ops::RangeInclusive<u64>) {
    let mut receipts = Vec::new();
    for n in numbers {
        receipts.push(journal.submit(&report(n)).await.unwrap());
    }
    for receipt in receipts {
        receipt.durable().await.unwrap();
    }
}

#[tokio::test]
async fn what_was_appended_is_read_in_order_and_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path(), Options::default()).unwrap();
    assert_eq!((journal.head(), journal.first()), (Position::START, Position(1)));
    for n in 1..=3 {
        assert_eq!(journal.append(report(n)).await.unwrap(), Position(n));
    }
    drop(journal); // without closing: the folder is free at once and nothing is missing
    let journal = Journal::open(folder.path(), Options::default()).unwrap();
    assert_eq!(journal.head(), Position(3));
    assert_eq!(journal.append(report(4)).await.unwrap(), Position(4));
    let read = journal.read(Position(1), 10).unwrap();
    assert_eq!(read, [(Position(2), report(2)), (Position(3), report(3)), (Position(4), report(4))]);
    journal.close().await.unwrap();
    assert!(matches!(journal.append(report(5)).await, Err(JournalError::Closed)));
    assert!(matches!(journal.read(Position::START, 1), Err(JournalError::Closed)));
    assert!(matches!(journal.health(), Err(JournalError::Closed)));
}

#[tokio::test]
async fn the_head_is_told_only_when_durable() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path(), Options::default()).unwrap();
    let mut watch = journal.watch();
    let receipt = journal.submit(&report(1)).await.unwrap();
    watch.changed().await.unwrap();
    assert_eq!(*watch.borrow_and_update(), Position(1));
    assert_eq!(journal.read(Position::START, 10).unwrap().len(), 1);
    receipt.durable().await.unwrap();
    journal.close().await.unwrap();
    assert!(watch.changed().await.is_err(), "a closed journal ends its readers' waiting");
}

#[tokio::test]
async fn where_a_forwarder_is_waited_for_the_disk_alone_acknowledges_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (forwarded, watched) = tokio::sync::watch::channel(Position::START);
    let options = Options { acknowledge_after: Some(watched), ..Options::default() };
    let journal = Journal::open(folder.path(), options).unwrap();
    let (one, two) = (journal.submit(&report(1)).await.unwrap(), journal.submit(&report(2)).await.unwrap());
    let mut head = journal.watch();
    head.wait_for(|head| *head == Position(2)).await.unwrap();
    forwarded.send_replace(Position(1));
    assert_eq!(one.durable().await.unwrap(), Position(1));
    let mut two = std::pin::pin!(two.durable());
    let still = tokio::time::timeout(Duration::from_millis(20), &mut two).await;
    assert!(still.is_err(), "on the disk, but not forwarded");
    forwarded.send_replace(Position(2));
    assert_eq!(two.await.unwrap(), Position(2));
}

#[tokio::test]
async fn a_second_opening_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let _journal = Journal::open(folder.path(), Options::default()).unwrap();
    let error = Journal::open(folder.path(), Options::default()).unwrap_err();
    assert!(matches!(error, JournalError::InUse(_)));
    assert!(error.to_string().contains("in use by another process"), "{error}");
}

#[test]
fn a_folder_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "not a folder").unwrap();
    let error = Journal::open(&file.join("data"), Options::default()).unwrap_err();
    assert!(matches!(error, JournalError::Folder { .. }));
    assert!(error.to_string().contains("file/data"), "{error}");

    std::fs::write(folder.path().join("journal.redb"), "not a journal at all").unwrap();
    let error = Journal::open(folder.path(), Options::default()).unwrap_err();
    assert!(matches!(error, JournalError::Open { .. }), "{error}");
}

#[tokio::test]
async fn commits_wait_for_company_no_longer_than_they_may() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { ack_within: Duration::from_millis(400), ..Options::default() };
    let journal = Journal::open(folder.path(), options).unwrap();
    let begun = Instant::now();
    journal.append(report(1)).await.unwrap();
    let receipts = [journal.submit(&report(2)).await.unwrap(), journal.submit(&report(3)).await.unwrap()];
    let mut heads = journal.watch();
    for receipt in receipts {
        receipt.durable().await.unwrap();
    }
    assert!(begun.elapsed() >= Duration::from_millis(200), "the second commit began too soon");
    assert_eq!(*heads.borrow_and_update(), Position(3), "both came with one commit");
    journal.close().await.unwrap();
}

#[tokio::test]
async fn retention_removes_by_size_but_waits_for_the_slowest_reader() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path(), Options { max_bytes: 12_000, ..Options::default() }).unwrap();
    journal.set_cursor("store", Position::START).unwrap();
    for n in 1..=400 {
        journal.append(report(n)).await.unwrap();
    }
    assert_eq!(journal.first(), Position(1), "the reader has not read anything");
    journal.set_cursor("store", Position(300)).unwrap();
    append_all(&journal, 401..=410).await;
    let first = journal.trim(Position::START).await.unwrap();
    assert!(first > Position(200) && first <= Position(301), "{first}");
    assert_eq!(journal.first(), first);

    let error = journal.read(Position(5), 10).unwrap_err();
    assert!(matches!(error, JournalError::Trimmed { asked: Position(5), .. }));
    assert_eq!(journal.read(Position::START, 1).unwrap()[0].0, first);
    assert_eq!(journal.read(Position(409), 9).unwrap().len(), 1);

    journal.close().await.unwrap();
    drop(journal);
    let journal = Journal::open(folder.path(), Options::default()).unwrap();
    assert_eq!((journal.first(), journal.head()), (first, Position(410)));
    assert_eq!(journal.cursor("store").unwrap(), Position(300));
}

#[tokio::test]
async fn retention_removes_by_age_against_the_newest_report() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { retention: Duration::from_secs(100), ..Options::default() };
    let journal = Journal::open(folder.path(), options).unwrap();
    for n in [1, 2, 50, 120, 200] {
        journal.append(report(n)).await.unwrap();
    }
    let kept: Vec<_> = journal.read(Position::START, 10).unwrap().iter().map(|(_, r)| number(r)).collect();
    assert_eq!(kept, [120, 200]);
}

#[tokio::test]
async fn a_trim_goes_as_far_as_asked_and_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path(), Options::default()).unwrap();
    for n in 1..=200 {
        journal.append(report(n)).await.unwrap(); // a group each, more than one commit removes
    }
    journal.set_cursor("slow", Position(150)).unwrap();
    assert_eq!(journal.trim(Position(100)).await.unwrap(), Position(100));
    assert_eq!(journal.trim(Position(190)).await.unwrap(), Position(151));
    journal.remove_cursor("slow").unwrap();
    assert_eq!(journal.trim(Position(1_000)).await.unwrap(), Position(201));
    assert_eq!(journal.read(Position::START, 10).unwrap(), []);
    assert_eq!(journal.append(report(201)).await.unwrap(), Position(201), "numbers are not used twice");
}

#[tokio::test]
async fn a_position_is_found_by_the_time_of_receipt() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path(), Options::default()).unwrap();
    assert_eq!(journal.position_at(Timestamp::from_secs(5)).unwrap(), Position::START);
    append_all(&journal, 1..=500).await;
    for n in 501..=600 {
        journal.append(report(n)).await.unwrap();
    }
    for n in [1, 2, 77, 250, 500, 501, 599, 600] {
        let at = journal.position_at(Timestamp::from_secs(i64::try_from(n).unwrap())).unwrap();
        assert_eq!(at, Position(n - 1));
    }
    assert_eq!(journal.position_at(Timestamp::from_secs(0)).unwrap(), Position::START);
    assert_eq!(journal.position_at(Timestamp::from_secs(9_999)).unwrap(), Position(600));
}

#[tokio::test]
async fn a_lost_folder_does_not_reuse_the_numbers_that_the_store_knows() {
    let folder = tempfile::tempdir().unwrap();
    let journal =
        Journal::open(folder.path(), Options { numbered_after: Position(1_000), ..Options::default() }).unwrap();
    assert_eq!(journal.append(report(1)).await.unwrap(), Position(1_001));
    assert_eq!(journal.read(Position(1_000), 10).unwrap().len(), 1);
    let error = journal.read(Position(2_000), 10).unwrap_err();
    assert!(matches!(error, JournalError::Beyond { asked: Position(2_000), head: Position(1_001) }));
    assert!(matches!(journal.set_cursor("store", Position(2_000)), Err(JournalError::Beyond { .. })));
}

#[tokio::test]
async fn what_is_out_of_bounds_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path(), Options::default()).unwrap();
    assert!(matches!(journal.append(report_of(1, MAX_REPORT_FIXES + 1)).await, Err(JournalError::TooMany(_))));
    let mut large = report_of(1, 1);
    large.batch.text = vec![0; MAX_REPORT_BYTES];
    assert!(matches!(journal.append(large).await, Err(JournalError::TooLarge(_))));
    assert_eq!(journal.append(report_of(1, 20_000)).await.unwrap(), Position(1));
    assert!(matches!(journal.set_cursor("", Position(0)), Err(JournalError::Cursor(_))));
    assert!(matches!(journal.cursor(&"x".repeat(65)), Err(JournalError::Cursor(_))));
    for n in 0..MAX_CURSORS {
        journal.set_cursor(&n.to_string(), Position(1)).unwrap();
    }
    assert!(matches!(journal.set_cursor("one more", Position(1)), Err(JournalError::Cursor(_))));
    journal.set_cursor("3", Position(0)).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_at_the_head_is_never_told_that_it_is_beyond_it() {
    const REPORTS: u64 = 400;
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path(), Options::default()).unwrap();
    let appending = tokio::spawn({
        let journal = journal.clone();
        async move { append_all(&journal, 1..=REPORTS).await }
    });
    let reading = tokio::task::spawn_blocking(move || {
        let mut at = Position::START;
        while at < Position(REPORTS) {
            // Again and again without waiting: also in the instant in which a group becomes readable.
            at = journal.read(at, 10).unwrap().last().map_or(at, |(position, _)| *position);
            assert!(at <= journal.head());
        }
    });
    appending.await.unwrap();
    reading.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_share_commits_and_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    // A queue far smaller than the load: senders wait, and all get through.
    let options = Options { max_queued_reports: 8, ..Options::default() };
    let journal = Journal::open(folder.path(), options).unwrap();
    let tasks: Vec<_> = (0..64u64)
        .map(|task| {
            let journal = journal.clone();
            tokio::spawn(async move {
                let mut positions = Vec::new();
                for n in 0..20 {
                    positions.push((journal.append(report(task * 100 + n)).await.unwrap(), task * 100 + n));
                }
                positions
            })
        })
        .collect();
    let mut acknowledged = Vec::new();
    for task in tasks {
        acknowledged.extend(task.await.unwrap());
    }
    acknowledged.sort_unstable();
    let read = journal.read(Position::START, usize::MAX).unwrap();
    let read: Vec<_> = read.iter().map(|(position, report)| (*position, number(report))).collect();
    assert_eq!(read, acknowledged);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// However appends, restarts and reads are mixed, readers see 1, 2, 3, … with nothing
    /// missing and nothing changed.
    #[test]
    fn reading_is_ordered_and_without_gaps(
        bursts in proptest::collection::vec((1..40u64, any::<bool>()), 1..8),
        batch in 1..50usize,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let runtime = runtime();
        let mut journal = Journal::open(folder.path(), Options::default()).unwrap();
        let mut total = 0;
        for (burst, reopen) in bursts {
            runtime.block_on(append_all(&journal, total + 1..=total + burst));
            total += burst;
            if reopen {
                drop(journal);
                journal = Journal::open(folder.path(), Options::default()).unwrap();
            }
            prop_assert_eq!(journal.head(), Position(total));
        }
        let (mut at, mut seen) = (Position::START, 0);
        loop {
            let read = journal.read(at, batch).unwrap();
            prop_assert!(read.len() <= batch);
            let Some((last, _)) = read.last() else { break };
            at = *last;
            for (position, read) in read {
                seen += 1;
                prop_assert_eq!(position, Position(seen));
                prop_assert_eq!(read, report(seen));
            }
        }
        prop_assert_eq!(seen, total);
    }
}
