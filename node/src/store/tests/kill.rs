//! SIGKILL at any moment: acknowledged batches are there, and no batch is there by half.

use std::{
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Command, Stdio},
};

use rand_chacha::rand_core::Rng;

use super::{open, rng};
use crate::store::{Batch, Store};

/// Names the directory to the process that is to be killed.
const DIR: &str = "COVEY_TEST_KILLED_STORE";
/// Rows of one batch.
const ROWS: u8 = 20;
/// Length of the values: some batches have values that are stored in parts.
const LENGTHS: [usize; 3] = [10, 300, 7_000];

fn key(number: u64, row: u8) -> Vec<u8> {
    [&[1], number.to_be_bytes().as_slice(), &[row]].concat()
}

/// Not a test of its own: the process that the test below starts and kills.
#[test]
#[allow(clippy::print_stdout)]
fn child_that_writes_until_it_is_killed() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let mut store = open(&PathBuf::from(dir));
    let first = (0..).find(|n| store.get(&key(*n, 0)).expect("get").is_none()).unwrap_or(0);
    for number in first.. {
        let mut batch = Batch::new();
        for row in 0..ROWS {
            let len = LENGTHS[usize::try_from(number).unwrap_or(0) % LENGTHS.len()];
            batch.put(key(number, row), vec![row; len]);
        }
        store.apply(batch).expect("applies");
        store.flush().expect("flushes");
        println!("\nacknowledged {number}");
        std::io::stdout().flush().expect("flushes");
    }
}

#[test]
fn what_was_acknowledged_survives_sigkill_whole() {
    let dir = tempfile::tempdir().expect("temp dir");
    let mut rng = rng(5);
    let mut next = 0;
    for round in 0..8 {
        let mut child = Command::new(std::env::current_exe().expect("this test"))
            .args(["--exact", "store::tests::kill::child_that_writes_until_it_is_killed", "--nocapture"])
            .env(DIR, dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let acknowledged = output.lines().map_while(Result::ok).filter_map(|line| {
            let number = line.strip_prefix("acknowledged ")?;
            number.parse::<u64>().ok()
        });
        let wanted = 1 + usize::try_from(rng.next_u32() % 40).unwrap_or(0);
        let last = acknowledged.take(wanted).last().unwrap_or_else(|| unreachable!("round {round}: no batch"));
        child.kill().expect("kills");
        child.wait().expect("reaps");

        let store = open(dir.path());
        for number in 0.. {
            let rows = (0..ROWS).filter(|row| store.get(&key(number, *row)).expect("get").is_some()).count();
            if rows == 0 {
                assert!(number > last, "round {round}: batch {number} of {last} acknowledged is lost");
                next = number;
                break;
            }
            assert_eq!(rows, usize::from(ROWS), "round {round}: batch {number} is there by half");
        }
    }
    assert!(next > 8, "every round wrote something");
}
