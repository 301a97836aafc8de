//! Logs of the daemon and panics of everybody, on stderr.

use std::{
    env,
    io::{self, IsTerminal, Write},
    panic::{self, PanicHookInfo},
    sync::Arc,
};

use covey_api::Exit;
use covey_cli::{Failure, Globals};
use covey_node::{
    config::{Log, LogFormat},
    settings::LogSwitch,
};
use tracing::error;
use tracing_subscriber::{EnvFilter, fmt};

/// Libraries say little that helps an operator; this much of it is let through. (That a first node knows no peers is
/// normal; what sled has to say, our own errors say.)
const LIBRARIES: &str = "warn,libp2p_kad::behaviour=error,sled=off";

/// Starts logging: `-v` and `-q` win over `COVEY_LOG`, which wins over the configuration. What changes the level later, if
/// the configuration decides it.
pub(crate) fn start(globals: &Globals, log: &Log) -> Result<Option<Arc<dyn LogSwitch>>, Failure> {
    let said = match (globals.quiet, globals.verbose) {
        (true, _) => Some(String::from("error")),
        (_, 1) => Some(String::from("debug")),
        (_, 2) => Some(String::from("trace")),
        (_, 3..) => Some(String::from("debug,covey=trace")),
        _ => env::var("COVEY_LOG").ok().filter(|wish| !wish.is_empty()),
    };
    let filter = filter(said.as_ref().unwrap_or(&log.level))
        .map_err(|sentence| Failure::Ended { exit: Exit::Usage, sentence })?;
    let colours = io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let builder = fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(colours).log_internal_errors(false);
    let switch: Arc<dyn LogSwitch>;
    let started = match log.format {
        LogFormat::Text => {
            let builder = builder.with_filter_reloading();
            let handle = builder.reload_handle();
            switch = Arc::new(Switch(move |filter| handle.reload(filter).map_err(|error| error.to_string())));
            builder.try_init()
        }
        LogFormat::Json => {
            let builder = builder.json().with_filter_reloading();
            let handle = builder.reload_handle();
            switch = Arc::new(Switch(move |filter| handle.reload(filter).map_err(|error| error.to_string())));
            // Every line of the log is JSON, whatever it is about.
            panic::set_hook(Box::new(|panic| error!("{}", sentence(panic))));
            builder.try_init()
        }
    };
    started.map_err(|error| Failure::Ended { exit: Exit::Bug, sentence: format!("cannot start logging: {error}") })?;
    Ok(said.is_none().then_some(switch))
}

/// Changes the level of a running log.
struct Switch<F>(F);

impl<F: Fn(EnvFilter) -> Result<(), String> + Send + Sync> LogSwitch for Switch<F> {
    fn check(&self, level: &str) -> Result<(), String> {
        filter(level).map(drop)
    }

    fn set(&self, level: &str) -> Result<(), String> {
        (self.0)(filter(level)?)
    }
}

fn filter(wish: &str) -> Result<EnvFilter, String> {
    EnvFilter::try_new(directives(wish))
        .map_err(|_| format!("\"{wish}\" is no log level; use error, warn, info, debug or trace"))
}

/// A plain level is meant for covey, not for its libraries.
fn directives(wish: &str) -> String {
    if wish.contains([',', '=']) { wish.to_owned() } else { format!("{LIBRARIES},covey={wish}") }
}

/// A panic is one line on stderr: where and what, no backtrace.
pub(crate) fn tell_panics() {
    panic::set_hook(Box::new(|panic| {
        // With nobody to tell, it stays untold.
        let _ = writeln!(io::stderr(), "error: {}", sentence(panic));
    }));
}

fn sentence(panic: &PanicHookInfo<'_>) -> String {
    let place = panic.location().map(|place| format!(" ({}:{})", place.file(), place.line())).unwrap_or_default();
    let what = panic.payload_as_str().unwrap_or("no message").replace('\n', " ");
    format!("covey has a bug: {what}{place}; please report it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_level_is_for_covey_and_filters_are_taken_as_they_are() {
        assert_eq!(directives("debug"), "warn,libp2p_kad::behaviour=error,sled=off,covey=debug");
        assert_eq!(directives("info,covey_overlay=debug"), "info,covey_overlay=debug");
        for wish in ["error", "info", "debug,covey=trace"] {
            assert!(EnvFilter::try_new(directives(wish)).is_ok());
        }
    }
}
