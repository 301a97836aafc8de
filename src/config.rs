//! `covey config …`, and how the layers of the configuration come together.

use std::path::PathBuf;

use clap::Subcommand;
use covey_api::{ConfigReload, ConfigReloaded, Exit};
use covey_cli::{Failure, Globals, Session, Terminal};
use covey_node::{
    config::{self, Config, Overrides},
    daemon::StartError,
    paths::Paths,
};
use serde_json::json;

/// Check and explain the configuration
#[derive(Subcommand, Debug)]
pub(crate) enum ConfigCommand {
    /// Check the configuration file and the environment
    #[command(after_help = "Examples:\n  covey config check\n  covey config check --config ./config.toml")]
    Check,
    /// Show the settings that are in effect, without the daemon's flags
    #[command(after_help = "Example:\n  covey config show")]
    Show,
    /// Let the running daemon read its configuration file again
    #[command(
        long_about = "Let the running daemon read its configuration file again\n\nThe same as SIGHUP. What can change while the daemon runs \
                      takes effect at once; for the rest it is said that a restart is needed. If the file has a \
                      mistake, nothing changes.",
        after_help = "Example:\n  covey config reload"
    )]
    Reload,
    /// Print all settings with their defaults and explanations
    #[command(after_help = "Example:\n  covey config example > ~/.config/covey/config.toml")]
    Example,
    /// Show where the files of your node are
    #[command(after_help = "Example:\n  covey config paths")]
    Paths,
}

impl ConfigCommand {
    pub(crate) async fn run(self, globals: &Globals, terminal: &mut Terminal) -> Result<(), Failure> {
        match self {
            Self::Check => {
                let (paths, _) = load(globals, &Overrides::new())?;
                let file = paths.config_file();
                let found = file.exists();
                terminal.show(&json!({"ok": true, "file": file, "found": found}), |t, _| {
                    if found {
                        return t.line(&format!("{} is fine.", file.display()));
                    }
                    t.line(&format!("There is no {}; everything has its default, which is fine.", file.display()))
                })?;
            }
            Self::Show => {
                let (_, config) = load(globals, &Overrides::new())?;
                let text = toml::to_string(&config).map_err(|error| Failure::Ended {
                    exit: Exit::Bug,
                    sentence: format!("cannot show the configuration: {error}"),
                })?;
                terminal.show(&config, |t, _| t.line(text.trim_end()))?;
            }
            Self::Reload => reload(globals, terminal).await?,
            Self::Example => terminal.line(config::example().trim_end())?,
            Self::Paths => paths(globals, terminal)?,
        }
        Ok(())
    }
}

async fn reload(globals: &Globals, terminal: &mut Terminal) -> Result<(), Failure> {
    let session = Session::connect(globals).await?;
    let reloaded = session.call(&ConfigReload { client_id: session.client_id.clone() }).await?;
    Ok(terminal.show(&reloaded, |t, ConfigReloaded { changed, needs_restart }| {
        match changed.as_slice() {
            [] => t.line("Nothing has changed.")?,
            changed => t.line(&format!("In effect now: {}.", changed.join(", ")))?,
        }
        match needs_restart.as_slice() {
            [] => Ok(()),
            waiting => t.line(&format!("Needs a restart of the daemon: {}.", waiting.join(", "))),
        }
    })?)
}

fn paths(globals: &Globals, terminal: &mut Terminal) -> Result<(), Failure> {
    let paths = resolve(globals)?;
    let named: [(&str, PathBuf); 4] = [
        ("data", paths.data_dir().to_owned()),
        ("config", paths.config_file().to_owned()),
        ("socket", paths.socket()),
        ("cookie", paths.cookie()),
    ];
    let object: serde_json::Map<_, _> = named.iter().map(|(name, path)| ((*name).to_owned(), json!(path))).collect();
    Ok(terminal.show(&object, |t, _| {
        named.iter().try_for_each(|(name, path)| t.line(&format!("{name:7} {}", path.display())))
    })?)
}

/// Where the files of the node are that the flags mean.
pub(crate) fn resolve(globals: &Globals) -> Result<Paths, Failure> {
    let data_dir = globals.data_dir.as_deref().filter(|dir| !dir.as_os_str().is_empty());
    Paths::from_process(data_dir, globals.config.as_deref()).map_err(|error| start_failure(&error.into()))
}

/// The configuration that the flags, the environment and the file make together.
pub(crate) fn load(globals: &Globals, flags: &Overrides) -> Result<(Paths, Config), Failure> {
    let paths = resolve(globals)?;
    let environment = config::process_environment();
    let config = config::load(paths.config_file(), paths.config_is_explicit(), environment, flags)
        .map_err(|error| start_failure(&error.into()))?;
    Ok((paths, config))
}

/// How a start that failed is told.
pub(crate) fn start_failure(error: &StartError) -> Failure {
    Failure::Ended { exit: error.exit(), sentence: error.to_string() }
}
