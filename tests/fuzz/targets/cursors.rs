//! The libFuzzer target of `oracles/cursors.rs`.

#![no_main]

#[path = "../oracles/cursors.rs"]
mod cursors;

libfuzzer_sys::fuzz_target!(|input: &[u8]| cursors::check(input));
