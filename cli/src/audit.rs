//! `covey audit`: who changed something through the API, and who was refused.

use std::io;

use clap::Args;
use covey_api::{AuditCaller, AuditEntry, AuditList, MAX_AUDIT_PAGE};

use crate::{Failure, Session, Terminal, display, table::Table, when};

/// Arguments of `audit`.
#[derive(Args, Debug)]
pub struct AuditArgs {
    /// Only calls that were refused
    #[arg(long)]
    refused: bool,
    /// Only calls with the token of this id
    #[arg(long, value_name = "ID")]
    token: Option<String>,
    /// How many entries
    #[arg(long, short = 'n', value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_AUDIT_PAGE)))]
    limit: u32,
}

impl AuditArgs {
    pub(crate) async fn run(self, session: &Session, terminal: &mut Terminal) -> Result<(), Failure> {
        let Self { refused, token, limit } = self;
        let entries = session.call(&AuditList { refused, token, before: None, limit: Some(limit) }).await?;
        Ok(terminal.show(&entries, |t, entries| list(t, entries))?)
    }
}

/// The newest entry last, next to the prompt.
fn list(t: &mut Terminal, entries: &[AuditEntry]) -> io::Result<()> {
    if entries.is_empty() {
        return t.line("The audit log has no such entry.");
    }
    let mut table = Table::new(["WHEN", "CALLER", "TOKEN", "CALL", "RESULT"]);
    for entry in entries.iter().rev() {
        let at = format!("{} {}", when::date(entry.at, &t.zone), when::clock(entry.at, &t.zone));
        let times = if entry.count > 1 { format!(" ({} times)", entry.count) } else { String::new() };
        let result =
            entry.reason.map_or_else(|| "done".into(), |reason| format!("refused: {}{times}", reason.as_str()));
        let token = entry.token_name.clone().or_else(|| entry.token.as_deref().map(|id| display::id(t, id)));
        table.row([
            at.into(),
            caller(entry.caller).into(),
            token.unwrap_or_default().into(),
            (&entry.method).into(),
            result.into(),
        ]);
    }
    let table = table.render(t.paint);
    t.line(&table)
}

fn caller(caller: AuditCaller) -> &'static str {
    match caller {
        AuditCaller::Socket => "socket",
        AuditCaller::Cookie => "cookie",
        AuditCaller::Token => "token",
        AuditCaller::Browser => "browser",
        AuditCaller::Nobody => "nobody",
    }
}
