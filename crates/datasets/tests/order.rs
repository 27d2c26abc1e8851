//! The law of the data sets: in whatever order and in whatever pieces fixes come in, and
//! however often, the files are the same to the byte.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

mod support;

use proptest::prelude::*;
use store::FixRow;
use support::{City, a_day, files, network};

/// A delivery: which fixes, in which order, some of them twice and later.
fn deliveries(fixes: Vec<FixRow>) -> impl Strategy<Value = Vec<Vec<FixRow>>> {
    let again = proptest::collection::vec(any::<proptest::sample::Index>(), 0..200);
    (again, 1..400_usize, any::<u64>()).prop_flat_map(move |(again, size, _)| {
        let mut sent = fixes.clone();
        sent.extend(again.iter().map(|index| {
            let fix = index.get(&fixes).clone();
            FixRow { received_at: fix.received_at.plus_seconds(7200.0), ..fix }
        }));
        Just(sent).prop_shuffle().prop_map(move |sent| sent.chunks(size).map(<[_]>::to_vec).collect())
    })
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(future)
}

#[test]
fn the_order_of_arrival_does_not_show() {
    let network = network();
    let fixes = a_day(&network);
    let export = |batches: &[Vec<FixRow>]| {
        run(async {
            let city = City::of(network.clone(), batches).await;
            city.export().await.unwrap();
            files(&city.out())
        })
    };
    let in_order = export(std::slice::from_ref(&fixes));
    assert!(in_order["stop_visits.csv"].lines().count() > 10);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig { cases: 12, ..ProptestConfig::default() });
    runner
        .run(&deliveries(fixes), |batches| {
            prop_assert!(export(&batches) == in_order);
            Ok(())
        })
        .unwrap();
}

/// A tracker that was without signal sends what it kept: the day's files have it in its place.
#[test]
fn what_came_late_counts_like_the_rest() {
    let network = network();
    let fixes = a_day(&network);
    let (late, in_time): (Vec<_>, Vec<_>) = fixes.clone().into_iter().partition(|fix| fix.time.as_secs() % 600 < 300);
    run(async {
        let whole = City::of(network.clone(), &[fixes]).await;
        whole.export().await.unwrap();
        let parted = City::of(network.clone(), &[in_time, late.clone()]).await;
        parted.export().await.unwrap();
        assert!(files(&parted.out()) == files(&whole.out()));
        let without = City::of(network.clone(), &[late]).await;
        without.export().await.unwrap();
        assert!(files(&without.out()) != files(&whole.out()), "the late ones matter");
    });
}
