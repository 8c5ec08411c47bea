//! The libFuzzer target of `oracles/csv.rs`.

#![no_main]

#[path = "../oracles/csv.rs"]
mod csv;

libfuzzer_sys::fuzz_target!(|input: &[u8]| csv::check(input));
