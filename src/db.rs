//! `covey db …`: what is done to a database while no daemon has it.

use std::{
    io::{self, IsTerminal as _},
    path::PathBuf,
    time::Duration,
};

use clap::Subcommand;
use covey_api::{Exit, Time};
use covey_cli::{Failure, Globals, Terminal, count};
use covey_node::{
    config::Overrides,
    daemon::{Options, StartError},
    db::{self, BackedUp, Compacted, DbError, Findings, Repaired, Restored, Stats},
    vault::VaultError,
};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use crate::{
    config,
    unlock::{self, Unlock},
};

/// Progress is shown of what takes longer than this.
const SHOW_AFTER: Duration = Duration::from_millis(500);
/// Problems shown to people; `--json` has all of them.
const MOST_SHOWN: usize = 20;

/// Check, repair, copy, measure and compact the database while the daemon is stopped
#[derive(Subcommand, Debug)]
pub(crate) enum DbCommand {
    /// Check that everything is there and unharmed (exit code 5 if not)
    #[command(
        long_about = "Check that everything is there and unharmed\n\nReads every record: whether it authenticates, whether feeds are unbroken \
                      and signed, whether messages, contacts and counters agree, and whether anything that was acknowledged is missing. \
                      Ends with exit code 5 if something is wrong. The daemon must be stopped.",
        after_help = "Examples:\n  covey db verify\n  covey db verify --json | jq .problems"
    )]
    Verify {
        #[command(flatten)]
        unlock: Unlock,
    },
    /// Save what can be read of a damaged database
    #[command(
        long_about = "Save what can be read of a damaged database\n\nMoves the damaged database aside (it is never deleted) and puts every record that \
                      can be read into a new one. Says what is lost, and what comes back from your contacts when they are connected. \
                      The daemon must be stopped.",
        after_help = "Example:\n  covey db repair && covey daemon"
    )]
    Repair {
        #[command(flatten)]
        unlock: Unlock,
    },
    /// Copy everything to one encrypted file
    #[command(
        long_about = "Copy everything to one encrypted file\n\nThe file is as encrypted as the database. Unless a passphrase protects it, opening it takes \
                      the file vault.key of the data directory: keep a copy of that elsewhere. The daemon must be stopped.",
        after_help = "Example:\n  covey db backup ~/covey-2026-11-21.backup"
    )]
    Backup {
        /// A file that does not exist yet
        file: PathBuf,
        #[command(flatten)]
        unlock: Unlock,
    },
    /// Put a backup into an empty data directory
    #[command(
        long_about = "Put a backup into an empty data directory\n\nThe node takes up where the backup ends and gets from your contacts what happened since. \
                      The node that the backup is of must not run any more.",
        after_help = "Examples:\n  covey db restore ~/covey-2026-11-21.backup --vault-key ./vault.key\n  \
                      covey db restore FILE --data-dir ./new --passphrase-file ./passphrase"
    )]
    Restore {
        /// What `covey db backup` made
        file: PathBuf,
        /// The vault.key of the node that the backup is of [default: vault.key in the data directory]
        #[arg(long, value_name = "FILE")]
        vault_key: Option<PathBuf>,
        #[command(flatten)]
        unlock: Unlock,
    },
    /// Show what the database holds and how much room it takes
    #[command(
        long_about = "Show what the database holds and how much room it takes\n\nRecords and bytes by table, as they are stored: keys, and values as encrypted. \
                      The files are larger than the records; the database uses that space again, and `covey db compact` returns it. \
                      The daemon must be stopped.",
        after_help = "Examples:\n  covey db stats\n  covey db stats --json | jq '.tables[] | select(.table == \"Entry\")'"
    )]
    Stats {
        #[command(flatten)]
        unlock: Unlock,
    },
    /// Return to the disk what the database does not need any more
    #[command(
        long_about = "Return to the disk what the database does not need any more\n\nCopies all records, encrypted as they are, into new files, compares the two, and removes the old files. \
                      Needs free space for the copy. It may be interrupted at any time: the next start, or running it again, removes what is left of it. \
                      The daemon must be stopped.",
        after_help = "Example:\n  covey shutdown && covey db compact && covey daemon"
    )]
    Compact {
        #[command(flatten)]
        unlock: Unlock,
    },
}

impl DbCommand {
    pub(crate) fn run(self, globals: &Globals, terminal: &mut Terminal) -> Result<(), Failure> {
        let mut bar = Bar::new(globals);
        let mut progress = |what: &'static str, done, of| bar.show(what, done, of);
        match self {
            Self::Verify { unlock } => {
                let found = done(db::verify(&options(globals, &unlock)?, &mut progress))?;
                bar.clear();
                verified(&found, terminal)
            }
            Self::Repair { unlock } => {
                let made = done(db::repair(&options(globals, &unlock)?, &mut progress))?;
                bar.clear();
                repaired(&made, terminal)
            }
            Self::Backup { file, unlock } => {
                let made = done(db::backup(&options(globals, &unlock)?, &file, &mut progress))?;
                bar.clear();
                backed_up(&made, &file, terminal)
            }
            Self::Restore { file, vault_key, unlock } => {
                let mut options = options(globals, &unlock)?;
                let mut made = db::restore(&options, &file, vault_key.as_deref(), &mut progress);
                if needs_passphrase(&made) && unlock::is_terminal() {
                    options.passphrase = Some(unlock::ask(&format!("Passphrase of {}: ", file.display()))?);
                    made = db::restore(&options, &file, vault_key.as_deref(), &mut progress);
                }
                let made = done(made)?;
                bar.clear();
                restored(&made, &options, terminal)
            }
            Self::Stats { unlock } => {
                let counted = done(db::stats(&options(globals, &unlock)?, &mut progress))?;
                bar.clear();
                measured(&counted, terminal)
            }
            Self::Compact { unlock } => {
                let made = done(db::compact(&options(globals, &unlock)?, &mut progress))?;
                bar.clear();
                compacted(made, terminal)
            }
        }
    }
}

/// Does something that takes long, with a bar that shows how far it is.
pub(crate) fn with_progress<T>(
    globals: &Globals,
    work: impl FnOnce(db::Progress<'_>) -> Result<T, DbError>,
) -> Result<T, Failure> {
    let mut bar = Bar::new(globals);
    let ended = done(work(&mut |what, done, of| bar.show(what, done, of)));
    bar.clear();
    ended
}

fn options(globals: &Globals, unlock: &Unlock) -> Result<Options, Failure> {
    let (paths, config) = config::load(globals, &Overrides::new())?;
    let passphrase = unlock.passphrase(paths.data_dir())?;
    Ok(Options { paths, config, passphrase, flags: Overrides::new(), log: None })
}

fn needs_passphrase<T>(result: &Result<T, DbError>) -> bool {
    matches!(result, Err(DbError::Start(StartError::Vault(VaultError::PassphraseNeeded { .. }))))
}

fn done<T>(result: Result<T, DbError>) -> Result<T, Failure> {
    result.map_err(|error| Failure::Ended { exit: error.exit(), sentence: error.to_string() })
}

fn verified(found: &Findings, terminal: &mut Terminal) -> Result<(), Failure> {
    terminal.show(found, |t, found| {
        if !found.ok {
            t.line(&format!("{} problems:", found.problems.len()))?;
            found.problems.iter().take(MOST_SHOWN).try_for_each(|problem| t.line(&format!("  {problem}")))?;
            if found.problems.len() > MOST_SHOWN {
                t.line("  … (all of them with --json)")?;
            }
            return t.hint("Save what can be read: covey db repair");
        }
        let Findings { records, messages, feeds, notes, .. } = found;
        t.line(&format!(
            "{}, {}, {}: everything is as it should be.",
            count(*records, "record", "records"),
            count(*messages, "message", "messages"),
            count(feeds.len() as u64, "feed", "feeds")
        ))?;
        notes.iter().try_for_each(|note| t.line(&format!("Note: {note}.")))
    })?;
    if found.ok { Ok(()) } else { Err(Failure::Told(Exit::Data)) }
}

fn repaired(made: &Repaired, terminal: &mut Terminal) -> Result<(), Failure> {
    Ok(terminal.show(made, |t, made| {
        if !made.damaged {
            return t.line(&format!("There is nothing to repair in {}.", count(made.records, "record", "records")));
        }
        for (heading, lines) in
            [("Found:", &made.problems), ("Lost:", &made.lost), ("Comes back from your contacts:", &made.returning)]
        {
            if !lines.is_empty() {
                t.line(heading)?;
                lines.iter().try_for_each(|line| t.line(&format!("  {line}")))?;
            }
        }
        t.line(&format!("Saved: {}.", count(made.records, "record", "records")))?;
        if let Some(aside) = &made.moved_to {
            t.line(&format!("The damaged database is in {}.", aside.display()))?;
        }
        t.hint("Start your node: covey daemon")
    })?)
}

fn backed_up(made: &BackedUp, file: &std::path::Path, terminal: &mut Terminal) -> Result<(), Failure> {
    let BackedUp { records, needs_key_file } = made;
    let answer = json!({"file": file, "records": records, "needs_key_file": needs_key_file});
    Ok(terminal.show(&answer, |t, _| {
        t.line(&format!("Wrote {} to {}.", count(*records, "record", "records"), file.display()))?;
        if *needs_key_file {
            t.hint(
                "It opens only with the file vault.key of the data directory: keep a copy of that, but not beside it.",
            )?;
        }
        Ok(())
    })?)
}

fn restored(made: &Restored, options: &Options, terminal: &mut Terminal) -> Result<(), Failure> {
    let dir = options.paths.data_dir();
    let made_at = Time::from_unix_ms(made.made_at);
    let answer = json!({"data_dir": dir, "records": made.records, "made_at": made_at});
    Ok(terminal.show(&answer, |t, _| {
        t.line(&format!("Restored {} into {}.", count(made.records, "record", "records"), dir.display()))?;
        t.hint("Start your node: covey daemon. The one that the backup is of must not run any more.")
    })?)
}

fn measured(counted: &Stats, terminal: &mut Terminal) -> Result<(), Failure> {
    Ok(terminal.show(counted, |t, counted| {
        t.line(&format!("{:<14}{:>12}{:>14}{:>14}", "TABLE", "ROWS", "KEYS", "VALUES"))?;
        for table in &counted.tables {
            let (keys, values) = (size(table.key_bytes), size(table.value_bytes));
            t.line(&format!("{:<14}{:>12}{keys:>14}{values:>14}", table.table, table.rows))?;
        }
        let (keys, values) = (size(counted.key_bytes), size(counted.value_bytes));
        t.line(&format!("{:<14}{:>12}{keys:>14}{values:>14}", "all", counted.rows))?;
        t.line(&format!("Files of the database: {}.", size(counted.file_bytes)))
    })?)
}

fn compacted(made: Compacted, terminal: &mut Terminal) -> Result<(), Failure> {
    Ok(terminal.show(&made, |t, made| {
        let Compacted { records, bytes_before, bytes_after } = *made;
        let records = count(records, "record", "records");
        t.line(&format!("{records} took {} and now take {}.", size(bytes_before), size(bytes_after)))?;
        t.hint("Start your node: covey daemon")
    })?)
}

/// Bytes for people: `1.4 MiB`.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let (mut whole, mut tenths, mut unit) = (bytes, 0, 0);
    while whole >= 1024 && unit + 1 < UNITS.len() {
        (tenths, whole, unit) = (whole % 1024 * 10 / 1024, whole / 1024, unit + 1);
    }
    if unit == 0 { format!("{whole} {}", UNITS[unit]) } else { format!("{whole}.{tenths} {}", UNITS[unit]) }
}

/// Progress of long work, for people who look at a terminal.
struct Bar {
    wanted: bool,
    began: std::time::Instant,
    shown: Option<(&'static str, ProgressBar)>,
}

impl Bar {
    fn new(globals: &Globals) -> Self {
        let wanted = !globals.quiet && !globals.json && io::stderr().is_terminal();
        Self { wanted, began: std::time::Instant::now(), shown: None }
    }

    fn show(&mut self, what: &'static str, done: u64, of: u64) {
        if !self.wanted || self.began.elapsed() < SHOW_AFTER {
            return;
        }
        if self.shown.as_ref().is_none_or(|(before, _)| *before != what) {
            self.clear();
            let template = if of > 0 { "{msg:10} {wide_bar} {percent:>3}%" } else { "{msg:10} {human_pos}" };
            let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
            let bar = ProgressBar::new(of).with_style(style).with_message(what);
            self.shown = Some((what, bar));
        }
        if let Some((_, bar)) = &self.shown {
            bar.set_length(of.max(done));
            bar.set_position(done);
        }
    }

    fn clear(&mut self) {
        if let Some((_, bar)) = self.shown.take() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.clear();
    }
}
