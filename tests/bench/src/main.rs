//! Ratios measured in one run: sessions beside Olm, sender keys beside Megolm and beside bare primitives.
//!
//! Times depend on the machine, ratios much less: what is compared runs in turns, round by round. Everything is measured
//! from text to the bytes that travel, and back.

mod groups;
mod measure;
mod sessions;

use measure::Bench;

fn main() {
    let mut bench = Bench { rounds: 101, only: String::new() };
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--quick" => bench.rounds = 11,
            name => bench.only = name.to_owned(),
        }
    }
    println!("covey beside vodozemac {} ({} rounds; ratio above 1: covey is faster)", vodozemac::VERSION, bench.rounds);
    sessions::run(&bench);
    groups::run(&bench);
}
