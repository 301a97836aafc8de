//! covey: a peer-to-peer chat node. The argument tree, exit codes and logging; nothing else.

mod config;
mod daemon;
mod db;
mod demo;
mod init;
mod link;
mod logging;
mod passphrase;
mod phrase;
mod recover;
mod seed;
mod seeds;
mod service_manager;
mod signals;
mod tree;
mod unlock;

use std::{
    env,
    io::{self, Write as _},
    panic::{self, AssertUnwindSafe},
    process::ExitCode,
};

use clap::{CommandFactory as _, FromArgMatches as _};
use covey_api::Exit;
use covey_cli::{AccountCommand, Command as Client, Failure, Globals, Session, Terminal};
use mimalloc::MiMalloc;
use serde_json::json;
use tokio::runtime::{Builder, Runtime};
use zeroizing_alloc::ZeroAlloc;

use crate::tree::{Command, Covey};

/// Keys and messages are not left behind in memory that was freed: a locked node has none of them.
#[global_allocator]
static MEMORY: ZeroAlloc<MiMalloc> = ZeroAlloc(MiMalloc);

fn main() -> ExitCode {
    covey_node::hardening::harden();
    let Covey { globals, command } = match parse() {
        Ok(covey) => covey,
        Err(shown) => {
            // Help and version arrive here too. Nobody may be reading them.
            let _ = if shown.use_stderr() { complain(&shown) } else { shown.print() };
            return ExitCode::from(if shown.use_stderr() { Exit::Usage.code() } else { Exit::Done.code() });
        }
    };
    let mut terminal = Terminal::of_process(&globals);
    logging::tell_panics();
    // A panic has been told by the hook; what is left is the exit code of a bug.
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| run(command, &globals, &mut terminal)));
    let failure = match outcome {
        Ok(Ok(())) => return ExitCode::SUCCESS,
        Ok(Err(failure)) => failure,
        Err(_) => Failure::Told(Exit::Bug),
    };
    failure.tell(&mut terminal);
    ExitCode::from(failure.exit().code())
}

/// The command line, in which a text may begin like a flag.
fn parse() -> Result<Covey, clap::Error> {
    let mut tree = Covey::command();
    let args = covey_cli::words(&mut tree, env::args_os())?;
    let mut matches = tree.try_get_matches_from_mut(args)?;
    Covey::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut tree))
}

/// Tells a wrong usage: as JSON if that was asked for, as far as can be told from a line that makes no sense.
fn complain(shown: &clap::Error) -> io::Result<()> {
    if env::args_os().any(|arg| arg == "--json") {
        let text = shown.to_string();
        let sentence = text.trim_start_matches("error: ").split("\n\nUsage:").next().unwrap_or_default().trim();
        let error = json!({"error": {"message": sentence, "exit": Exit::Usage.code()}});
        return writeln!(io::stderr(), "{error}");
    }
    shown.print()?;
    covey_cli::tip(shown, env::args_os()).map_or(Ok(()), |tip| writeln!(io::stderr(), "{tip}"))
}

fn run(command: Command, globals: &Globals, terminal: &mut Terminal) -> Result<(), Failure> {
    match command {
        Command::Daemon(daemon) => runtime(Builder::new_multi_thread())?.block_on(daemon.run(globals, terminal)),
        Command::Init(init) => init.run(globals, terminal),
        Command::Demo(demo) => runtime(Builder::new_multi_thread())?.block_on(demo.run(globals, terminal)),
        Command::Config(config) => runtime(Builder::new_current_thread())?.block_on(config.run(globals, terminal)),
        Command::Db(db) => db.run(globals, terminal),
        Command::Seed(seed) => runtime(Builder::new_multi_thread())?.block_on(seed.run(globals, terminal)),
        Command::Seeds(seeds) => seeds.run(globals, terminal),
        Command::Completions(completions) => Ok(completions.write(Covey::command(), &mut io::stdout())?),
        Command::CompleteLine(line) => {
            // Whoever pressed Tab is told nothing but what there is.
            let _ = line.write(Covey::command(), &mut io::stdout());
            Ok(())
        }
        Command::Man(man) => Ok(man.write(Covey::command(), &mut io::stdout())?),
        Command::Client(Client::Account(AccountCommand::Phrase(args))) => phrase::phrase(args, globals, terminal),
        Command::Client(Client::Unlock(args)) => {
            let passphrase = unlock::for_running(&args, terminal)?;
            runtime(Builder::new_current_thread())?.block_on(async {
                let session = Session::connect(globals).await?;
                covey_cli::unlock(&session, terminal, passphrase).await
            })
        }
        Command::Passphrase(passphrase) => passphrase.run(globals, terminal),
        Command::Client(Client::Account(AccountCommand::Recover(args))) => {
            runtime(Builder::new_multi_thread())?.block_on(recover::recover(args, globals, terminal))
        }
        Command::Client(client) => {
            runtime(Builder::new_current_thread())?.block_on(covey_cli::run(client, globals, terminal))
        }
    }
}

fn runtime(mut builder: Builder) -> Result<Runtime, Failure> {
    builder
        .enable_all()
        .build()
        .map_err(|error| Failure::Ended { exit: Exit::Refused, sentence: format!("cannot start threads: {error}") })
}
