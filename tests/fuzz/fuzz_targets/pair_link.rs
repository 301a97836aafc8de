#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    covey_fuzz::run("pair_link", bytes);
});
