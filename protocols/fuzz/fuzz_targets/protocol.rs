//! The protocol that has the target's name, on whatever comes.
#![no_main]

#[path = "../../tests/common/survive.rs"]
mod survive;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let protocol = protocols::by_name(env!("CARGO_BIN_NAME")).expect("the target's protocol is registered");
    survive::survive(protocol, input, input.len() % 2 == 0);
});
