#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    covey_fuzz::run("node_transfer", bytes);
});
