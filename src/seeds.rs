//! `covey seeds …`: signed lists of seeds, made and looked at without a daemon.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::Subcommand;
use covey_api::{Exit, Time};
use covey_cli::{Failure, Globals, Terminal};
use covey_node::{
    config::Overrides,
    network_key,
    seed::Multiaddr,
    seed_lists::{self, SeedList},
};
use serde_json::json;

use crate::config;

/// A day in milliseconds.
const DAY: u64 = 86_400_000;

/// Signed lists of seeds: nodes through which a network is joined
#[derive(Subcommand, Debug)]
pub(crate) enum SeedsCommand {
    /// Make a key to sign lists with, and print its public part
    #[command(after_help = "Example:\n  covey seeds key ./seeds.secret")]
    Key {
        /// A file that does not exist yet; keep it secret
        file: PathBuf,
    },
    /// Sign a list
    #[command(
        long_about = "Sign a list\n\nEvery node passes it on, and replaces an older one by it. A list has a sequence, higher than that of the one before, \
                      and is good for 90 days at most.",
        after_help = "Example:\n  covey seeds sign --key ./seeds.secret --sequence 2 /dns4/seed.example.org/tcp/7421/p2p/12D3KooW… > seeds"
    )]
    Sign {
        /// What `covey seeds key` made
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// Higher than that of the list before
        #[arg(long, value_name = "NUMBER")]
        sequence: u64,
        /// For how many days it is good
        #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = clap::value_parser!(u64).range(1..=90))]
        days: u64,
        /// Addresses on the internet, each ending in /p2p/ and a peer id
        #[arg(value_name = "MULTIADDR", required = true)]
        addresses: Vec<Multiaddr>,
    },
    /// Show a list and whether its signature is right
    #[command(after_help = "Examples:\n  covey seeds show ./seeds --key 3b6a27bc…\n  covey seeds show")]
    Show {
        /// A file with a list [default: the one this node has]
        file: Option<PathBuf>,
        /// The public key [default: network.seeds_key]
        #[arg(long, value_name = "KEY", value_parser = key_of)]
        key: Option<[u8; 32]>,
    },
    /// Give a list to this node, for its next start
    #[command(after_help = "Example:\n  covey seeds add ./seeds && covey daemon")]
    Add {
        /// A file with a list
        file: PathBuf,
    },
}

/// A public key as people write it.
pub(crate) fn key_of(text: &str) -> Result<[u8; 32], String> {
    network_key::parse(text).ok_or_else(|| "a key has 64 hexadecimal characters".to_owned())
}

impl SeedsCommand {
    pub(crate) fn run(self, globals: &Globals, terminal: &mut Terminal) -> Result<(), Failure> {
        match self {
            Self::Key { file } => {
                let public =
                    seed_lists::make_key(&file).map_err(|error| refused(format!("{}: {error}", file.display())))?;
                let line = json!({ "public_key": public });
                shown(terminal, &line, |t| {
                    t.line(&public)?;
                    t.hint("Nodes believe lists of this key with network.seeds_key in their configuration.")
                })
            }
            Self::Sign { key, sequence, days, addresses } => {
                let secret =
                    seed_lists::read_secret(&key).map_err(|error| refused(format!("{}: {error}", key.display())))?;
                let issued = seed_lists::now();
                let list = SeedList { sequence, issued, expires: issued + days * DAY, addresses };
                let text = seed_lists::to_text(&list.sign(&secret).map_err(|error| wrong(error.to_string()))?);
                let line = json!({ "list": text, "expires": Time::from_unix_ms(list.expires) });
                shown(terminal, &line, |t| t.line(&text))
            }
            Self::Show { file, key } => {
                let (paths, config) = config::load(globals, &Overrides::new())?;
                let file = file.unwrap_or_else(|| paths.seeds_file());
                let key = key.map_or_else(|| configured(&config.network.seeds_key), Ok)?;
                let list = opened(&file, &key)?;
                let addresses: Vec<String> = list.addresses.iter().map(ToString::to_string).collect();
                let expires = Time::from_unix_ms(list.expires);
                let line = json!({ "sequence": list.sequence, "expires": expires, "addresses": addresses });
                shown(terminal, &line, |t| {
                    t.line(&format!("sequence {}, good until {expires}", list.sequence))?;
                    addresses.iter().try_for_each(|address| t.line(address))
                })
            }
            Self::Add { file } => {
                let (paths, config) = config::load(globals, &Overrides::new())?;
                let list = opened(&file, &configured(&config.network.seeds_key)?)?;
                let bytes = read(&file)?;
                seed_lists::keep(&paths, &bytes).map_err(|error| refused(error.to_string()))?;
                let line = json!({ "sequence": list.sequence, "seeds": list.addresses.len() });
                shown(terminal, &line, |t| t.line("The node uses this list from its next start on."))
            }
        }
    }
}

fn shown(
    terminal: &mut Terminal,
    line: &serde_json::Value,
    text: impl FnOnce(&mut Terminal) -> std::io::Result<()>,
) -> Result<(), Failure> {
    if terminal.json {
        terminal.ndjson(line)?;
    } else {
        text(terminal)?;
    }
    Ok(())
}

fn configured(key: &str) -> Result<[u8; 32], Failure> {
    if key.is_empty() {
        return Err(wrong(
            "whose lists are believed? Give --key, or set network.seeds_key in the configuration".to_owned(),
        ));
    }
    key_of(key).map_err(|error| wrong(format!("network.seeds_key: {error}")))
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let text = fs::read_to_string(file).map_err(|error| refused(format!("cannot read {}: {error}", file.display())))?;
    seed_lists::from_text(&text)
        .ok_or_else(|| wrong(format!("{} holds no seed list; one begins with covey-seeds:", file.display())))
}

fn opened(file: &Path, key: &[u8; 32]) -> Result<SeedList, Failure> {
    SeedList::open(&read(file)?, key, seed_lists::now())
        .map_err(|error| refused(format!("{}: {error}", file.display())))
}

fn refused(sentence: String) -> Failure {
    Failure::Ended { exit: Exit::Refused, sentence }
}

fn wrong(sentence: String) -> Failure {
    Failure::Ended { exit: Exit::Usage, sentence }
}
