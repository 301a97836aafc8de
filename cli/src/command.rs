//! The client commands: the part of the argument tree that talks to a daemon.

use clap::Subcommand;

use crate::{
    Failure, Globals, Session, Terminal,
    account::AccountCommand,
    audit::AuditArgs,
    candidates,
    channel::ChannelCommand,
    device::DeviceCommand,
    group::GroupCommand,
    keeper::KeeperCommand,
    message::{EditArgs, MessageCommand, MessagesArgs, SendArgs},
    node::{self, UnlockArgs},
    pair::PairCommand,
    rpc::RpcCommand,
    tail::TailArgs,
    token::TokenCommand,
    web::WebArgs,
};

/// Commands that talk to a running daemon.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Show what your node is doing
    #[command(after_help = "Examples:\n  covey status\n  covey status --json | jq .counts")]
    Status,
    /// Who you are: account, tickets, safety numbers, the 24 words
    #[command(subcommand)]
    Account(AccountCommand),
    /// Your devices: link another machine, rename, revoke
    #[command(subcommand)]
    Device(DeviceCommand),
    /// Mail that waits while somebody is away: where yours does, and whose you keep
    #[command(subcommand)]
    Keeper(KeeperCommand),
    /// Contacts and invites: who may talk to you
    #[command(subcommand)]
    Pair(PairCommand),
    /// Groups: members, roles, invites and requests to join
    #[command(subcommand)]
    Group(GroupCommand),
    /// Write to a contact or group
    #[command(
        after_help = "Examples:\n  covey send bob 'See you at eight'\n  covey send Lake 'Hello all'\n  covey send bob 'Me too' --reply-to 1f2e3d4c\n  \
                      covey send bob 'Did you get this?' --wait delivered --timeout 60\n  df -h | covey send bob -"
    )]
    Send(SendArgs),
    /// Change what a message of yours says
    #[command(
        long_about = "Change what a message of yours says\n\nEverybody in the conversation is shown the new text, and that it was edited. \
                      Those who have read the first one have read it.",
        after_help = "Examples:\n  covey edit 1f2e3d4c 'See you at nine'\n  covey edit 1f2e3d4c - < notes.txt"
    )]
    Edit(EditArgs),
    /// Read messages
    #[command(
        after_help = "Examples:\n  covey messages\n  covey messages bob --limit 20\n  covey messages --channel Lake\n  covey messages bob --json | jq -r '.[].text'"
    )]
    Messages(MessagesArgs),
    /// One message
    #[command(subcommand)]
    Message(MessageCommand),
    /// Conversations: list, archive, mute, mark as read
    #[command(subcommand)]
    Channel(ChannelCommand),
    /// Show what happened, and with --follow what happens
    #[command(
        long_about = "Show what happened, and with --follow what happens\n\nWhen the daemon goes away, --follow waits until it is back and continues where it was; with --timeout it gives up after that time. \
                      Messages begin with who says it to whom, everything else with a star.",
        after_help = "Examples:\n  covey tail --follow\n  covey tail --follow --json | jq -r 'select(.kind == \"message.received\") | .data.text'\n  \
                      covey tail --follow --consumer my-bot --json\n  covey tail --follow --kind message.received --channel Lake --no-transient"
    )]
    Tail(TailArgs),
    /// List connected peers
    #[command(after_help = "Example:\n  covey peers")]
    Peers,
    /// Check the health of your node
    #[command(
        after_help = "Examples:\n  covey doctor\n  covey doctor network\n\nEnds with exit code 1 if something does not work."
    )]
    Doctor {
        /// Look at this only
        part: Option<node::Part>,
    },
    /// Lock your node: its keys leave its memory, its connections are closed
    #[command(
        long_about = "Lock your node: its keys leave its memory, its connections are closed\n\nThe daemon goes on, without keys and without a network, until \
                      `covey unlock` gives it the passphrase; messages for you wait with those who sent them. A node without a passphrase \
                      cannot be locked: `covey passphrase set` sets one.",
        after_help = "Example:\n  covey lock"
    )]
    Lock,
    /// Unlock your node with its passphrase
    #[command(
        long_about = "Unlock your node with its passphrase\n\nYou are asked for it. It works on the machine of the node only, for the user who runs it.",
        after_help = "Examples:\n  covey unlock\n  covey unlock --passphrase-file ./passphrase\n  pass show covey | covey unlock --passphrase-file -"
    )]
    Unlock(UnlockArgs),
    /// Stop the daemon
    #[command(after_help = "Example:\n  covey shutdown")]
    Shutdown,
    /// Tokens: what other programs may do with your node
    #[command(subcommand)]
    Token(TokenCommand),
    /// Open the web page of your node, or print its address
    #[command(
        long_about = "Open the web page of your node, or print its address\n\nThe address holds a code that signs one browser in, once. The browser \
                      stays signed in for 90 days, also when the node is restarted; `covey token list` shows it and `covey token revoke` signs it out.",
        after_help = "Examples:\n  covey web --open\n  covey web\n  ssh -L 7420:127.0.0.1:7420 home covey web"
    )]
    Web(WebArgs),
    /// Show who changed something through the API, and who was refused
    #[command(
        long_about = "Show who changed something through the API, and who was refused\n\nWhat was said is not kept. Entries are kept for 90 days.",
        after_help = "Examples:\n  covey audit\n  covey audit --refused\n  covey audit --json | jq -r '.[] | select(.caller == \"token\") | .method'"
    )]
    Audit(AuditArgs),
    /// The JSON-RPC that every command and frontend uses
    #[command(subcommand)]
    Rpc(RpcCommand),
}

/// Runs a client command.
///
/// # Errors
/// See [`Failure`]; it has not been told yet.
pub async fn run(command: Command, globals: &Globals, terminal: &mut Terminal) -> Result<(), Failure> {
    let command = match command {
        // Parts of it need no daemon.
        Command::Rpc(rpc) => return rpc.run(globals, terminal).await,
        // Connects anew when the daemon is back.
        Command::Tail(tail) => return tail.run(globals, terminal).await,
        other => other,
    };
    let session = Session::connect(globals).await?;
    match run_with(command, &session, globals, terminal).await {
        Err(failure) => Err(candidates::told_apart(&session, terminal, failure).await),
        done => done,
    }
}

async fn run_with(
    command: Command,
    session: &Session,
    globals: &Globals,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    match command {
        Command::Status => node::status(session, terminal).await,
        Command::Account(account) => account.run(session, terminal).await,
        Command::Device(device) => device.run(session, terminal).await,
        Command::Keeper(keeper) => keeper.run(session, terminal).await,
        Command::Pair(pair) => pair.run(session, terminal).await,
        Command::Group(group) => group.run(session, terminal).await,
        Command::Send(send) => send.run(session, terminal).await,
        Command::Edit(edit) => edit.run(session, terminal).await,
        Command::Messages(messages) => messages.run(session, terminal).await,
        Command::Message(message) => message.run(session, terminal).await,
        Command::Channel(channel) => channel.run(session, terminal).await,
        Command::Peers => node::peers(session, terminal).await,
        Command::Doctor { part } => node::doctor(session, terminal, part).await,
        Command::Lock => node::lock(session, terminal).await,
        // A passphrase is asked for by the binary, which calls `unlock`.
        Command::Unlock(_) => Err(node::no_passphrase()),
        Command::Shutdown => node::shutdown(session, terminal).await,
        Command::Token(token) => token.run(session, terminal).await,
        Command::Web(web) => web.run(session, globals, terminal).await,
        Command::Audit(audit) => audit.run(session, terminal).await,
        Command::Rpc(rpc) => rpc.run(globals, terminal).await,
        Command::Tail(tail) => tail.run(globals, terminal).await,
    }
}
