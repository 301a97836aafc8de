//! The argument tree: the client commands of covey-cli, and what is done without a daemon.

use clap::{Parser, Subcommand};
use covey_cli::{CompleteArgs, CompletionsArgs, Globals, ManArgs};

use crate::{
    config::ConfigCommand, daemon::DaemonArgs, db::DbCommand, demo::DemoArgs, init::InitArgs,
    passphrase::PassphraseCommand, seed::SeedArgs, seeds::SeedsCommand,
};

/// A peer-to-peer chat node: consent first, end-to-end encrypted, no server
#[derive(Parser, Debug)]
#[command(
    name = "covey",
    version,
    max_term_width = 100,
    after_help = "First steps:\n  covey daemon                       start your node; it says who you are and where its data is\n  \
                  covey account ticket               what you give to a friend\n  \
                  covey pair invite TICKET           what the friend runs\n  \
                  covey pair list                    who asks you\n  \
                  covey pair accept CONTACT          say yes\n  \
                  covey send CONTACT 'Hello!'        and talk\n  \
                  covey tail --follow                watch\n  \
                  covey account phrase               the 24 words that bring your account back (stop the node first)\n\n\
                  Exit codes: 0 done, 1 refused, 2 wrong usage or configuration, 3 no daemon, 4 timed out, 5 data corrupt or in use, 70 bug.\n\n\
                  Environment: COVEY_DATA_DIR, COVEY_CONFIG and COVEY_RPC stand for --data-dir, --config and --rpc; COVEY_LOG is the log level; \
                  COVEY_SECTION__KEY is a setting, see `covey config example`."
)]
pub(crate) struct Covey {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Everything covey does.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Run your node
    Daemon(DaemonArgs),
    /// Make an account, or make this machine a device of yours, without starting a node
    Init(InitArgs),
    /// Watch throw-away nodes meet, pair and talk on this machine
    Demo(DemoArgs),
    #[command(flatten)]
    Client(covey_cli::Command),
    /// Check and explain the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Check, repair, copy, measure and compact the database while the daemon is stopped
    #[command(subcommand)]
    Db(DbCommand),
    /// Set, change or remove the passphrase that protects the data (stop the daemon first)
    #[command(subcommand)]
    Passphrase(PassphraseCommand),
    /// Run a seed: a node without an account, through which others meet
    Seed(SeedArgs),
    /// Make, look at and take signed lists of seeds
    #[command(subcommand)]
    Seeds(SeedsCommand),
    /// Print a completion script for your shell
    #[command(
        long_about = "Print a completion script for your shell\n\nIn bash, zsh and fish it completes commands, flags, and the names of contacts, groups, invites, tokens and \
                      settings, for which it asks the daemon if one runs; in the other shells commands and flags.",
        after_help = "Examples:\n  covey completions bash > ~/.local/share/bash-completion/completions/covey\n  \
                      covey completions zsh > \"${fpath[1]}/_covey\"\n  covey completions fish > ~/.config/fish/completions/covey.fish"
    )]
    Completions(CompletionsArgs),
    /// What can stand at the end of a line; called by the scripts of `covey completions`
    #[command(hide = true, after_help = "Example:\n  covey complete-line fish 'covey send '")]
    CompleteLine(CompleteArgs),
    /// Print the manual page
    #[command(after_help = "Examples:\n  covey man | man -l -\n  covey man --dir ~/.local/share/man/man1")]
    Man(ManArgs),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn leaves<'a>(command: &'a clap::Command, found: &mut Vec<&'a clap::Command>) {
        found.push(command);
        for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
            leaves(sub, found);
        }
    }

    #[test]
    fn the_argument_tree_is_sound() {
        Covey::command().debug_assert();
    }

    #[test]
    fn every_command_says_what_it_does_and_every_leaf_has_an_example() {
        let mut tree = Covey::command();
        tree.build();
        let mut found = Vec::new();
        leaves(&tree, &mut found);
        assert!(found.len() > 40, "{} commands", found.len());
        for command in found {
            let name = command.get_name();
            assert!(command.get_about().is_some_and(|about| about.to_string().len() > 8), "{name} says nothing");
            if !command.has_subcommands() {
                let examples = command.get_after_help().map(ToString::to_string).unwrap_or_default();
                assert!(examples.contains("covey "), "{name} has no example");
            }
        }
    }

    #[test]
    fn global_flags_stand_anywhere() {
        for line in [
            ["covey", "--data-dir", "/x", "--json", "pair", "list"],
            ["covey", "pair", "list", "--json", "--data-dir", "/x"],
        ] {
            let covey = Covey::try_parse_from(line).expect("parses");
            assert!(covey.globals.json && covey.globals.data_dir.is_some());
        }
    }

    #[test]
    fn flags_of_the_daemon_repeat() {
        let line = ["covey", "daemon", "--listen", "/ip4/1.2.3.4/tcp/1", "--listen", "/ip4/1.2.3.4/tcp/2", "--no-mdns"];
        assert!(Covey::try_parse_from(line).is_ok());
        assert!(Covey::try_parse_from(["covey", "daemon", "--no-such-flag"]).is_err());
    }
}
