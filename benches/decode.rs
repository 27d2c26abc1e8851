//! What decoding costs: a table over all protocols, then Teltonika beside another decoder of it.
//!
//! The machine is rarely idle, so all that is compared is run in turns, and of the turns the
//! median counts.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a bench is run by hand: a panic is how it fails"
)]

mod bus;
mod protocol;
mod teltonika;

use std::time::{Duration, Instant};

/// Turns of each of the things compared.
const ROUNDS: usize = 41;
/// How long a turn takes, about.
const ROUND: Duration = Duration::from_millis(20);

fn main() {
    protocol::table();
    teltonika::comparison();
}

/// The median nanoseconds that a call of each takes, the calls of all taken in turns.
fn medians(subjects: &mut [&mut dyn FnMut()]) -> Vec<f64> {
    let calls: Vec<u32> = subjects.iter_mut().map(|subject| calls_a_round(*subject)).collect();
    let mut rounds = vec![Vec::with_capacity(ROUNDS); subjects.len()];
    for _ in 0..ROUNDS {
        for ((subject, calls), nanoseconds) in subjects.iter_mut().zip(&calls).zip(&mut rounds) {
            nanoseconds.push(run(*subject, *calls).as_secs_f64() * 1e9 / f64::from(*calls));
        }
    }
    rounds.into_iter().map(median).collect()
}

fn run(subject: &mut dyn FnMut(), calls: u32) -> Duration {
    let begun = Instant::now();
    for _ in 0..calls {
        subject();
    }
    begun.elapsed()
}

/// So many calls as take about [`ROUND`], which also warms the caches.
fn calls_a_round(subject: &mut dyn FnMut()) -> u32 {
    let mut calls = 1;
    loop {
        let took = run(subject, calls);
        if took * 2 > ROUND || calls > u32::MAX / 2 {
            return calls;
        }
        calls *= 2;
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
