//! What real daemons keep when they are killed, when the power goes, when the disk is full, and when their files rot.

#![allow(clippy::panic, clippy::print_stderr, clippy::print_stdout, clippy::unwrap_used)]

#[path = "../harness/mod.rs"]
#[allow(dead_code, unused_imports)]
mod harness;

mod backups_go_on;
mod compaction;
mod damaged_files_are_noticed_and_repaired;
mod disks;
mod full_disks_end_nothing;
mod full_disks_hold_history_up;
mod killed_again_and_again;
mod old_copies_go_on;
mod old_formats_are_read;
mod power_cuts;
mod talk;
