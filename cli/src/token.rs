//! `covey token …`: what other programs may do with this node.

use std::{io, time::Duration};

use clap::{Args, Subcommand};
use covey_api::{Scope, TokenCreate, TokenCreated, TokenInfo, TokenKind, TokenList, TokenRevoke, TokenState};

use crate::{
    Failure, Session, Terminal, conversations::Conversations, display, globals::seconds, table::Table,
    text::clean_line, when,
};

/// Tokens: what other programs may do with your node
#[derive(Subcommand, Debug)]
pub enum TokenCommand {
    /// Make a token for a program
    #[command(
        long_about = "Make a token for a program\n\nThe token is printed once and not stored; only its hash is. A program sends it with each request: \
                      `Authorization: Bearer TOKEN`. Give it no more than it needs:\n\n  \
                      read     see contacts, groups, messages and events\n  \
                      send     write messages, mark them as read, mute and archive conversations\n  \
                      pair     invite, accept, decline, block and remove contacts\n  \
                      group    make, join, leave and manage groups\n  \
                      admin    stop the node, change settings, make and revoke tokens\n  \
                      metrics  read /metrics",
        after_help = "Examples:\n  covey token create weather-bot --scope read,send --channel Lake\n  covey token create prometheus --scope metrics\n  \
                      covey token create try --scope read --expires-in 1h"
    )]
    Create(CreateArgs),
    /// List the tokens and the browsers that are signed in
    #[command(after_help = "Examples:\n  covey token list\n  covey token list --all")]
    List {
        /// Also those that have expired or were revoked
        #[arg(long)]
        all: bool,
    },
    /// Revoke a token, or sign a browser out, at once
    #[command(after_help = "Examples:\n  covey token revoke weather-bot\n  covey token revoke 5f1c2a90")]
    Revoke {
        /// Its name, or its id from `covey token list`
        token: String,
    },
}

/// Arguments of `token create`.
#[derive(Args, Debug)]
pub struct CreateArgs {
    /// What it is for
    name: String,
    /// What it allows: read, send, pair, group, admin, metrics (separated by commas)
    #[arg(long, required = true, value_name = "SCOPES", value_delimiter = ',')]
    scope: Vec<Scope>,
    /// Bind it to this contact, group or channel (repeatable): it sees and sends nothing elsewhere
    #[arg(long, value_name = "CHANNEL")]
    channel: Vec<String>,
    /// For how long it is valid: 3600, 12h, 7d [default: until it is revoked]
    #[arg(long, value_name = "SECS", value_parser = seconds)]
    expires_in: Option<Duration>,
}

impl TokenCommand {
    pub(crate) async fn run(self, session: &Session, terminal: &mut Terminal) -> Result<(), Failure> {
        let client_id = session.client_id.clone();
        match self {
            Self::Create(CreateArgs { name, scope, channel, expires_in }) => {
                let channels = (!channel.is_empty()).then_some(channel);
                let expires_in = expires_in.map(|duration| duration.as_secs().max(1));
                let create = TokenCreate { name, scopes: scope, channels, expires_in, client_id };
                terminal.show(&session.call(&create).await?, created)?;
            }
            Self::List { all } => {
                let tokens = session.call(&TokenList { all }).await?;
                let bound = tokens.iter().any(|token| token.channels.is_some()) && !terminal.json;
                let conversations =
                    if bound { Conversations::listed(session).await? } else { Conversations::default() };
                terminal.show(&tokens, |t, tokens| list(t, tokens, &conversations))?;
            }
            Self::Revoke { token } => {
                let revoked = session.call(&TokenRevoke { token, client_id }).await?;
                terminal.show(&revoked, |t, token| {
                    let name = clean_line(&token.name);
                    t.line(&match token.kind {
                        TokenKind::Program => format!("The token {name} is revoked."),
                        TokenKind::Browser => format!("{name} is signed out."),
                    })
                })?;
            }
        }
        Ok(())
    }
}

fn created(t: &mut Terminal, created: &TokenCreated) -> io::Result<()> {
    match &created.token {
        Some(token) => {
            t.line(token)?;
            t.hint("It is shown only this once. Programs send it as `Authorization: Bearer TOKEN`.")
        }
        None => t.line(&format!(
            "The token {} was already made with this client id and is not shown again. Revoke it and make another.",
            clean_line(&created.info.name)
        )),
    }
}

fn list(t: &mut Terminal, tokens: &[TokenInfo], known: &Conversations) -> io::Result<()> {
    if tokens.is_empty() {
        t.line("There are no tokens.")?;
        return t.hint("Make one for a program: covey token create NAME --scope read,send");
    }
    let mut table = Table::new(["NAME", "SCOPES", "CHANNELS", "USED", "EXPIRES", "ID"]);
    for token in tokens {
        let scopes: Vec<&str> = token.scopes.iter().map(|scope| scope.as_str()).collect();
        let all = scopes.len() == Scope::ALL.len();
        let channels = token.channels.as_ref().map_or_else(|| "all".into(), |ids| bound(ids, known));
        table.row([
            (&token.name).into(),
            if all { "all".into() } else { scopes.join(",").into() },
            channels.into(),
            token.last_used_at.map_or_else(|| "never".into(), |at| when::relative(at, t.now())).into(),
            ends(t, token).into(),
            display::id(t, &token.id).into(),
        ]);
    }
    let table = table.render(t.paint);
    t.line(&table)
}

fn bound(ids: &[String], known: &Conversations) -> String {
    ids.iter().map(|id| known.known(id).label).collect::<Vec<_>>().join(", ")
}

fn ends(t: &Terminal, token: &TokenInfo) -> String {
    match token.state {
        TokenState::Active => token.expires_at.map_or_else(|| "never".into(), |at| when::relative(at, t.now())),
        TokenState::Expired => "expired".into(),
        TokenState::Revoked => "revoked".into(),
    }
}
