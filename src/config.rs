//! `covey config …`, and how the layers of the configuration come together.

use std::path::PathBuf;

use clap::Subcommand;
use covey_api::{ConfigReload, ConfigReloaded, ConfigSet, ConfigShow, Exit, Reason, Setting, SettingSource, sentence};
use covey_cli::{Failure, Globals, Session, Terminal};
use covey_node::{
    config::{self, Config, ConfigError, Layers, Overrides},
    daemon::StartError,
    paths::Paths,
    settings,
};
use serde_json::{Value, json};

/// Check and explain the configuration
#[derive(Subcommand, Debug)]
pub(crate) enum ConfigCommand {
    /// Check the configuration file and the environment
    #[command(after_help = "Examples:\n  covey config check\n  covey config check --config ./config.toml")]
    Check,
    /// Show the settings of the running daemon, or without one those of the next start
    #[command(
        after_help = "Examples:\n  covey config show\n  covey config show log\n  covey config show groups.rotation_delay"
    )]
    Show {
        /// Only this setting, or those of this section
        #[arg(value_name = "KEY")]
        key: Option<String>,
    },
    /// Change a setting, in the configuration file and at once
    #[command(
        long_about = "Change a setting, in the configuration file and at once\n\nComments in the file stay. While a daemon runs, only settings that \
                      can change while it runs are taken; `covey config show` marks them. Without a daemon any can be changed.",
        after_help = "Examples:\n  covey config set log.level debug\n  covey config set receipts.read false\n  \
                      covey config set log.level --default"
    )]
    Set {
        /// The setting, as in `covey config show`
        #[arg(value_name = "KEY")]
        key: String,
        /// Its value: a text, a number, true, false, or a list like '["a", "b"]'
        #[arg(value_name = "VALUE", required_unless_present = "default", conflicts_with = "default")]
        value: Option<String>,
        /// Give it its default again
        #[arg(long)]
        default: bool,
    },
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
                let paths = resolve(globals)?;
                let file = paths.config_file();
                let mistakes = config::mistakes(file, paths.config_is_explicit(), config::process_environment());
                if !mistakes.is_empty() {
                    return Err(all_of(&mistakes, terminal)?);
                }
                let found = file.exists();
                terminal.show(&json!({"ok": true, "file": file, "found": found}), |t, _| {
                    if found {
                        return t.line(&format!("{} is fine.", file.display()));
                    }
                    t.line(&format!("There is no {}; everything has its default, which is fine.", file.display()))
                })?;
            }
            Self::Show { key } => show(key, globals, terminal).await?,
            Self::Set { key, value, .. } => set(key, value.as_deref(), globals, terminal).await?,
            Self::Reload => reload(globals, terminal).await?,
            Self::Example => terminal.line(config::example().trim_end())?,
            Self::Paths => paths(globals, terminal)?,
        }
        Ok(())
    }
}

/// The daemon that runs, if there is one.
async fn daemon(globals: &Globals) -> Result<Option<Session>, Failure> {
    match Session::connect(globals).await {
        Ok(session) => Ok(Some(session)),
        Err(Failure::Refused(error)) if error.reason == Reason::Unreachable && globals.rpc.is_none() => Ok(None),
        Err(failure) => Err(failure),
    }
}

async fn show(key: Option<String>, globals: &Globals, terminal: &mut Terminal) -> Result<(), Failure> {
    let shown = match daemon(globals).await? {
        Some(session) => session.call(&ConfigShow { key }).await?,
        None => settings::in_file(&Layers::of_process(&resolve(globals)?, Overrides::new()), key.as_deref())?,
    };
    Ok(terminal.show(&shown, |t, shown| {
        let mut section = "";
        for Setting { key, value, source, live, pending, .. } in shown {
            let (of, name) = key.split_once('.').unwrap_or(("", key));
            if of != section {
                section = of;
                t.line(&format!("[{section}]"))?;
            }
            let mut notes = Vec::new();
            match source {
                SettingSource::Default => {}
                SettingSource::File => notes.push("set in the file".to_owned()),
                SettingSource::Environment => notes.push("set by the environment".to_owned()),
                SettingSource::Flag => notes.push("set by a flag".to_owned()),
            }
            if *live {
                notes.push("can change while the daemon runs".to_owned());
            }
            if let Some(pending) = pending {
                notes.push(format!("after a restart {pending}"));
            }
            let notes =
                if notes.is_empty() { String::new() } else { t.paint.dim(&format!("  # {}", notes.join("; "))) };
            t.line(&format!("{name} = {value}{notes}"))?;
        }
        Ok(())
    })?)
}

async fn set(key: String, value: Option<&str>, globals: &Globals, terminal: &mut Terminal) -> Result<(), Failure> {
    let value = value.map(meant);
    let set = match daemon(globals).await? {
        Some(session) => {
            let client_id = session.client_id.clone();
            session.call(&ConfigSet { key, value, client_id }).await?
        }
        None => {
            let layers = Layers::of_process(&resolve(globals)?, Overrides::new());
            settings::set_in_file(&layers, &key, value.as_ref())?
        }
    };
    Ok(terminal.show(&set, |t, Setting { key, value, .. }| t.line(&format!("{key} = {value}")))?)
}

/// A value as in TOML; what is none is a text, so that people need not quote it.
fn meant(text: &str) -> Value {
    let table = toml::from_str::<toml::Table>(&format!("value = {text}")).ok();
    let value = table.and_then(|mut table| table.remove("value")).and_then(|value| serde_json::to_value(value).ok());
    value.unwrap_or_else(|| text.into())
}

/// Tells every mistake: who mends a file would like to do it once.
fn all_of(mistakes: &[ConfigError], terminal: &mut Terminal) -> Result<Failure, Failure> {
    let sentences: Vec<String> = mistakes.iter().map(|mistake| sentence(&mistake.to_string())).collect();
    if let ([only], false) = (sentences.as_slice(), terminal.json) {
        return Ok(Failure::Ended { exit: Exit::Usage, sentence: only.clone() });
    }
    let heading = format!("The configuration has {} mistakes.", sentences.len());
    if terminal.json {
        let message = if let [only] = sentences.as_slice() { only } else { &heading };
        let error = json!({"error": {"message": message, "exit": Exit::Usage.code(), "mistakes": sentences}});
        terminal.complain(&error.to_string())?;
    } else {
        terminal.error(&heading)?;
        sentences.iter().try_for_each(|mistake| terminal.complain(&format!("  {mistake}")))?;
    }
    Ok(Failure::Told(Exit::Usage))
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
