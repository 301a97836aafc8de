//! Ratios measured in one run: sessions beside Olm, sender keys beside Megolm and beside bare primitives, a group of ten
//! thousand beside a small one.
//!
//! Times depend on the machine, ratios much less: what is compared runs in turns, round by round. Everything is measured
//! from text to the bytes that travel, and back.

mod engine;
mod groups;
mod hostile;
mod large;
mod measure;
mod node;
mod roster;
mod sessions;
mod sync;

use measure::Bench;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some("node") = arguments.first().map(String::as_str) {
        let covey = std::env::var_os("COVEY").expect("COVEY names the daemon's program");
        return node::run(covey.as_ref(), arguments.iter().any(|argument| argument == "--quick"));
    }
    let mut bench = Bench { rounds: 101, members: 10_000, only: String::new() };
    for argument in arguments {
        match argument.as_str() {
            "--quick" => (bench.rounds, bench.members) = (11, 1_000),
            name => bench.only = name.to_owned(),
        }
    }
    println!("covey beside others, vodozemac {} among them; {} rounds", vodozemac::VERSION, bench.rounds);
    println!("each row: microseconds of processor time for one message; above 1x covey is faster than what is named");
    sessions::run(&bench);
    groups::run(&bench);
    roster::run(&bench);
    sync::run(&bench);
    large::run(&bench);
    hostile::run(&bench);
}
