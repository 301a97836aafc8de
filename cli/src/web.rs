//! `covey web`: the way into the web page.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use clap::Args;
use covey_api::{Reason, WebOpen};

use crate::{Failure, Globals, Session, Terminal, connect::default_data_dir, when};

/// Arguments of `web`.
#[derive(Args, Debug)]
pub struct WebArgs {
    /// Open it in your browser
    #[arg(long)]
    open: bool,
}

impl WebArgs {
    pub(crate) async fn run(
        self,
        session: &Session,
        globals: &Globals,
        terminal: &mut Terminal,
    ) -> Result<(), Failure> {
        let address = session.call(&WebOpen {}).await?;
        if self.open {
            let page = redirect(globals, &address.url).map_err(|error| cannot_open(&error))?;
            open(&page).map_err(|error| cannot_open(&error))?;
        }
        terminal.show(&address, |t, address| {
            if self.open {
                return t.line("The page opens in your browser.");
            }
            t.line(&address.url)?;
            let ends = when::relative(address.expires_at, t.now());
            t.hint(&format!(
                "It signs one browser in, once; the code expires {ends}. The browser then stays signed in."
            ))
        })?;
        Ok(())
    }
}

/// A page that leads to `url`, readable by this user only. The address itself would be seen by other users of the machine in
/// the list of processes, and whoever opens it first is signed in.
fn redirect(globals: &Globals, url: &str) -> io::Result<PathBuf> {
    let directory = globals.data_dir.clone().or_else(default_data_dir).filter(|directory| directory.is_dir());
    let path = directory.unwrap_or_else(std::env::temp_dir).join("web-open.html");
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = fs::File::options().write(true).create_new(true).mode(0o600).open(&path)?;
    write!(file, "<!doctype html><meta http-equiv=\"refresh\" content=\"0; url={url}\"><title>covey</title>")?;
    path.canonicalize()
}

fn open(page: &Path) -> io::Result<()> {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let nothing = Stdio::null;
    let status = Command::new(program).arg(page).stdin(nothing()).stdout(nothing()).stderr(nothing()).status()?;
    if status.success() { Ok(()) } else { Err(io::Error::other(format!("{program} ended with {status}"))) }
}

fn cannot_open(error: &io::Error) -> Failure {
    Failure::new(
        Reason::NotAllowed,
        format!("No browser could be opened ({error}). `covey web` prints the address, for you to open."),
    )
}
