//! `covey init --link`: this machine becomes a device of an account that another one has.

use covey_api::Exit;
use covey_cli::{Failure, Terminal, qr_code};
use covey_node::daemon::{self, LinkFailure, Linked, Options, Progress};
use covey_pairing::{is_name, link::End};
use serde_json::json;

use crate::config::start_failure;

/// What a machine without a name of its own is called.
const NAMELESS: &str = "device";

/// Waits to be linked, and says how it went.
pub(crate) async fn run(options: &Options, name: Option<String>, terminal: &mut Terminal) -> Result<(), Failure> {
    let name = name.unwrap_or_else(host_name);
    if !is_name(&name) {
        let sentence = "The name of a device has 1 to 64 characters, none of them invisible.".to_owned();
        return Err(Failure::Ended { exit: Exit::Usage, sentence });
    }
    // What is told on the way matters less than that the link goes on.
    let mut told = |progress| drop(tell(terminal, &progress));
    let linked = Box::pin(daemon::link(options, &name, &mut told)).await.map_err(|error| failure(&error))?;
    done(terminal, &linked, options)
}

fn tell(t: &mut Terminal, progress: &Progress) -> std::io::Result<()> {
    if t.json {
        return match progress {
            Progress::Waiting { ticket, .. } => t.ndjson(&json!({ "link": ticket })),
            Progress::Greeted => Ok(()),
            Progress::Digits(digits) => t.ndjson(&json!({ "digits": digits.to_string() })),
            Progress::Confirmed => t.ndjson(&json!({ "confirmed": true })),
        };
    }
    match progress {
        Progress::Waiting { ticket, .. } => {
            // In capitals it is a smaller code; tickets are the same in either case.
            if t.interactive
                && let Some(code) = qr_code(&ticket.to_uppercase(), t.paint.is_on())
            {
                t.line(&format!("{code}\n"))?;
            }
            t.line(&format!("link     {ticket}"))?;
            t.hint("On a device that has the account: covey device link LINK")?;
            t.hint("Waiting for it, for 10 minutes. Show the link to nobody else.")
        }
        Progress::Greeted => t.hint("A device answers."),
        Progress::Digits(digits) => {
            t.line(&format!("digits   {}", digits.grouped()))?;
            t.hint("Type these digits at the other device. Waiting for that.")
        }
        Progress::Confirmed => t.hint("Confirmed. Taking the account over."),
    }
}

fn done(terminal: &mut Terminal, linked: &Linked, options: &Options) -> Result<(), Failure> {
    let Linked { account, device, name, holder, devices } = linked;
    let data_dir = options.paths.data_dir();
    if terminal.json {
        let role = if *holder { "holder" } else { "plain" };
        return Ok(terminal.ndjson(&json!({
            "account": account, "device": device, "name": name, "role": role, "devices": devices, "data_dir": data_dir,
        }))?);
    }
    terminal.line(&format!("account  {account}"))?;
    terminal.line(&format!("device   {device}"))?;
    terminal.line(&format!("data     {}", data_dir.display()))?;
    let more = if *holder { ", and may link others" } else { "" };
    terminal.hint(&format!("This machine is \"{name}\", one of {devices} devices of the account{more}."))?;
    Ok(terminal.hint("Start your node: covey daemon")?)
}

/// The exit code says whether trying again is of use: 4 if the time is over, 1 if somebody said no.
fn failure(failure: &LinkFailure) -> Failure {
    let exit = match failure {
        LinkFailure::Start(error) => return start_failure(error),
        LinkFailure::Ended(End::Expired) => Exit::TimedOut,
        LinkFailure::Ended(_) | LinkFailure::Wrong(_) => Exit::Refused,
        LinkFailure::Gone => Exit::Bug,
    };
    let advice = match failure {
        LinkFailure::Ended(End::Full) => "",
        _ => " Run `covey init --link` again for another link.",
    };
    Failure::Ended { exit, sentence: format!("{}{advice}", covey_api::sentence(&failure.to_string())) }
}

/// What the system calls this machine.
fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    Some(name.trim().to_owned()).filter(|name| is_name(name)).unwrap_or_else(|| NAMELESS.to_owned())
}
