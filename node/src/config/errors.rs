//! What can be wrong with a configuration.

use std::{fmt, io, path::PathBuf};

/// Every text names the place and what would be right.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file that the operator named is not there.
    #[error("there is no configuration file {}", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be read.
    #[error("cannot read the configuration file {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file is not TOML.
    #[error("{place}: {message}")]
    Syntax {
        /// File and line.
        place: Place,
        /// What the parser said.
        message: String,
    },
    /// There is no such setting.
    #[error("{place}: unknown setting {key}{}", suggestion(nearest.as_deref()))]
    UnknownKey {
        /// Where it stands.
        place: Place,
        /// What stands there.
        key: String,
        /// The most similar setting that there is.
        nearest: Option<String>,
    },
    /// The value has the wrong type.
    #[error("{place}: {key}: {message}")]
    Type {
        /// Where it stands.
        place: Place,
        /// The setting, or the line if the parser does not say.
        key: String,
        /// What was expected.
        message: String,
    },
    /// The value makes no sense.
    #[error("{key}: {message}")]
    Value {
        /// The setting.
        key: &'static str,
        /// What would be right.
        message: String,
    },
}

/// Where a setting was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A line of a file, from 1.
    File(PathBuf, usize),
    /// An environment variable.
    Environment(String),
    /// A flag of the command line.
    Flag,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::Flag => f.write_str("command line"),
        }
    }
}

fn suggestion(nearest: Option<&str>) -> String {
    match nearest {
        Some(name) => format!("; did you mean {name}?"),
        None => "; `covey config example` lists all settings".to_owned(),
    }
}
