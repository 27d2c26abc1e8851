//! A fuzzer for the stable toolchain: every protocol's own frames, damaged at random.
//!
//! `MARSHRUT_TEST_FUZZ` says how many executions each protocol gets, `MARSHRUT_TEST_FUZZ_ONLY`
//! names the one that is wanted. `cargo +nightly fuzz run <protocol>` in `protocols` goes by coverage.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    reason = "helpers of tests: a panic is how they fail"
)]

mod common;

use std::time::{Duration, Instant};

use protocols::Protocol;

/// Executions of each protocol in the ordinary run of the tests.
const EXECUTIONS: u64 = 20_000;
/// No input may take longer.
const HANG: Duration = Duration::from_secs(1);
/// Inputs grow no longer than this.
const MOST_BYTES: usize = 4096;
/// Numbers at which lengths and counts tend to go wrong.
const EDGES: [u8; 8] = [0x00, 0x01, 0x7f, 0x80, 0xff, 0xfe, 0x10, b','];

/// Marsaglia's xorshift64*: the same sequence on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }
}

/// Damages the input in one place.
fn damage(input: &mut Vec<u8>, frames: &[Vec<u8>], random: &mut Random) {
    let (at, byte) = (random.below(input.len()), random.next() as u8);
    match random.below(9) {
        0 if !input.is_empty() => input[at] ^= 1 << (byte & 7),
        1 if !input.is_empty() => input[at] = byte,
        2 if !input.is_empty() => input[at] = EDGES[usize::from(byte) % EDGES.len()],
        3 if !input.is_empty() => drop(input.remove(at)),
        4 => input.insert(at, byte),
        5 => input.truncate(at + 1),
        6 if !input.is_empty() => {
            let end = (at + 1 + random.below(16)).min(input.len());
            let piece = input[at..end].to_vec();
            let to = random.below(input.len());
            input.splice(to..to, piece);
        }
        7 => {
            let other = &frames[random.below(frames.len())];
            let from = random.below(other.len());
            input.truncate(at);
            input.extend_from_slice(&other[from..]);
        }
        _ => input.extend_from_slice(&frames[random.below(frames.len())]),
    }
    input.truncate(MOST_BYTES);
}

/// How long it takes, measured again where the machine may have been busy with other work.
fn fastest(mut run: impl FnMut()) -> Duration {
    let mut measure = || {
        let begun = Instant::now();
        run();
        begun.elapsed()
    };
    let took = measure();
    if took < HANG { took } else { took.min(measure()).min(measure()) }
}

fn fuzz(protocol: &Protocol, executions: u64) -> Duration {
    let own = |protocol: &Protocol| common::own_frames(protocol.name).into_iter().map(|f| f.bytes);
    let frames: Vec<Vec<u8>> = match protocol.name {
        "auto" => protocols::REGISTRY.iter().flat_map(own).collect(),
        _ => own(protocol).collect(),
    };
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let (mut input, mut slowest) = (Vec::new(), Duration::ZERO);
    for execution in 0..executions {
        if execution % 8 == 0 {
            input.clone_from(&frames[random.below(frames.len())]);
        }
        damage(&mut input, &frames, &mut random);
        let took = fastest(|| common::survive::survive(protocol, &input, execution % 2 == 0));
        slowest = slowest.max(took);
        assert!(took < HANG, "{} hangs on {}", protocol.name, hex::encode(&input));
    }
    slowest
}

#[test]
fn no_damage_stops_a_decoder() {
    let executions = std::env::var("MARSHRUT_TEST_FUZZ").map_or(EXECUTIONS, |n| n.parse().unwrap());
    let only = std::env::var("MARSHRUT_TEST_FUZZ_ONLY").ok();
    for protocol in protocols::REGISTRY.iter().chain([&protocols::AUTO]) {
        if only.as_ref().is_none_or(|name| name == protocol.name) {
            let slowest = fuzz(protocol, executions);
            println!("{}: {executions} executions, the slowest took {slowest:?}", protocol.name);
        }
    }
}
