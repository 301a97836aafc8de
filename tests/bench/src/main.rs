//! Ratios measured in one run: sessions beside Olm, sender keys beside Megolm and beside bare primitives.
//!
//! Times depend on the machine, ratios much less: what is compared runs in turns, round by round, and each gets its best
//! rounds. Everything is measured from text to the bytes that travel, and back.

mod groups;
mod measure;
mod sessions;

fn main() {
    println!(
        "covey beside vodozemac {} ({} rounds; ratio above 1: covey is faster)",
        vodozemac::VERSION,
        measure::ROUNDS
    );
    sessions::run();
    groups::run();
}
