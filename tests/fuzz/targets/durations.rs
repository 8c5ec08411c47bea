//! The libFuzzer target of `oracles/durations.rs`.

#![no_main]

#[path = "../oracles/durations.rs"]
mod durations;

libfuzzer_sys::fuzz_target!(|input: &[u8]| durations::check(input));
