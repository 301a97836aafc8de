//! Flags that every command takes.

use std::{path::PathBuf, time::Duration};

use clap::Args;

/// How long a command waits unless told otherwise.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// Longer than anything that is timed here; what is longer was mistyped.
const LONGEST: Duration = Duration::from_secs(3_650 * 86_400);

/// Flags that every command takes.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Global options")]
pub struct Globals {
    /// Directory that holds everything of one node (default: XDG directories)
    #[arg(long, global = true, value_name = "DIR", env = "COVEY_DATA_DIR", hide_env_values = true)]
    pub data_dir: Option<PathBuf>,

    /// Configuration file (default: $XDG_CONFIG_HOME/covey/config.toml)
    #[arg(long, global = true, value_name = "FILE", env = "COVEY_CONFIG", hide_env_values = true)]
    pub config: Option<PathBuf>,

    /// Talk to the daemon at this address instead: http://127.0.0.1:7420 or unix:/path/rpc.sock
    #[arg(long, global = true, value_name = "URL", env = "COVEY_RPC", hide_env_values = true)]
    pub rpc: Option<String>,

    /// Print the bare result as JSON (one object per line for streams), and errors as JSON on stderr
    #[arg(long, global = true)]
    pub json: bool,

    /// Time-out, for example 30 or 2m [default: 30]
    #[arg(long, global = true, value_name = "SECS", value_parser = seconds)]
    pub timeout: Option<Duration>,

    /// Idempotency key: repeating a command with the same id does it once
    #[arg(long, global = true, value_name = "ID")]
    pub client_id: Option<String>,

    /// Say less: no hints, only errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,

    /// Say more: full ids in tables; with the daemon, more logs (repeat for more)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

impl Globals {
    /// How long to wait for an answer.
    #[must_use]
    pub fn patience(&self) -> Duration {
        self.timeout.unwrap_or(DEFAULT_TIMEOUT)
    }
}

/// A positive duration: plain seconds (`5`, `0.5`) or with a unit (`500ms`, `2m`, `1h 30m`).
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let parsed = match text.parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        Err(_) => humantime::parse_duration(text).ok(),
    };
    let duration =
        parsed.filter(|duration| !duration.is_zero()).ok_or("use seconds, or a number with a unit: 30, 2m, 7d")?;
    if duration > LONGEST {
        return Err("use at most 10 years (3650d)".into());
    }
    Ok(duration)
}
