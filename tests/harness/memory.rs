//! What stands in the memory of another process.

use std::{
    fs::{self, File},
    os::unix::fs::{FileExt as _, MetadataExt as _},
};

/// Read at a time. Secrets are short: they are found across the border by reading a little twice.
const CHUNK: usize = 1 << 20;
const OVERLAP: usize = 4096;

/// Whether this process may look into the memory of daemons, which let nobody in but root.
pub(crate) fn may_look() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// Names of those of `secrets` that stand in what the process `pid` can write to: heaps, stacks, and all else that is no file.
pub(crate) fn found_in(pid: u64, secrets: &[(&'static str, Vec<u8>)]) -> Vec<&'static str> {
    assert!(secrets.iter().all(|(_, secret)| secret.len() >= 8 && secret.len() <= OVERLAP));
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).expect("runs, and lets root in");
    let memory = File::open(format!("/proc/{pid}/mem")).expect("runs, and lets root in");
    let starts: Vec<u64> = secrets.iter().map(|(_, secret)| first_eight(secret)).collect();
    let mut found = vec![false; secrets.len()];
    let mut chunk = vec![0; CHUNK];
    for line in maps.lines().filter(|line| line.split(' ').nth(1).is_some_and(|rights| rights.starts_with("rw"))) {
        let range = line.split(' ').next().and_then(|range| range.split_once('-')).expect("a range");
        let number = |text| u64::from_str_radix(text, 16).expect("hexadecimal");
        let (mut at, end) = (number(range.0), number(range.1));
        while at < end {
            let wanted = CHUNK.min(usize::try_from(end - at).expect("fits"));
            // A region may go away meanwhile.
            let Ok(read) = memory.read_at(&mut chunk[..wanted], at) else { break };
            look(&chunk[..read], secrets, &starts, &mut found);
            if read < CHUNK {
                break;
            }
            at += (CHUNK - OVERLAP) as u64;
        }
    }
    secrets.iter().zip(found).filter(|(_, found)| *found).map(|((name, _), _)| *name).collect()
}

fn first_eight(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(*bytes.first_chunk().expect("eight bytes"))
}

fn look(memory: &[u8], secrets: &[(&'static str, Vec<u8>)], starts: &[u64], found: &mut [bool]) {
    for (at, window) in memory.windows(8).enumerate() {
        let start = first_eight(window);
        // Most of memory is nothing.
        if start == 0 {
            continue;
        }
        for (number, _) in starts.iter().enumerate().filter(|(_, known)| **known == start) {
            found[number] |= memory[at..].starts_with(&secrets[number].1);
        }
    }
}
