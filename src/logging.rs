//! Logs of the daemon and panics of everybody, on stderr.

use std::{
    env,
    io::{self, IsTerminal, Write},
    panic,
};

use covey_api::Exit;
use covey_cli::{Failure, Globals};
use covey_node::config::{Log, LogFormat};
use tracing_subscriber::{EnvFilter, fmt};

/// Libraries say little that helps an operator; this much of it is let through. (That a first node knows no peers is
/// normal; what sled has to say, our own errors say.)
const LIBRARIES: &str = "warn,libp2p_kad::behaviour=error,sled=off";

/// Starts logging: `-v` and `-q` win over `COVEY_LOG`, which wins over the configuration.
pub(crate) fn start(globals: &Globals, log: &Log) -> Result<(), Failure> {
    let wish = match (globals.quiet, globals.verbose) {
        (true, _) => String::from("error"),
        (_, 1) => String::from("debug"),
        (_, 2) => String::from("trace"),
        (_, 3..) => String::from("debug,covey=trace"),
        _ => env::var("COVEY_LOG").ok().filter(|wish| !wish.is_empty()).unwrap_or_else(|| log.level.clone()),
    };
    let filter = EnvFilter::try_new(directives(&wish)).map_err(|error| Failure::Ended {
        exit: Exit::Usage,
        sentence: format!("log level \"{wish}\": {error}; use error, warn, info, debug or trace"),
    })?;
    let colours = io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let builder = fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(colours).log_internal_errors(false);
    let started = match log.format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    started.map_err(|error| Failure::Ended { exit: Exit::Bug, sentence: format!("cannot start logging: {error}") })
}

/// A plain level is meant for covey, not for its libraries.
fn directives(wish: &str) -> String {
    if wish.contains([',', '=']) { wish.to_owned() } else { format!("{LIBRARIES},covey={wish}") }
}

/// A panic is one line on stderr: where and what, no backtrace.
pub(crate) fn tell_panics() {
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(|place| format!(" ({}:{})", place.file(), place.line())).unwrap_or_default();
        let what = panic.payload_as_str().unwrap_or("no message").replace('\n', " ");
        // With nobody to tell, it stays untold.
        let _ = writeln!(io::stderr(), "error: covey has a bug: {what}{place}; please report it");
    }));
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
