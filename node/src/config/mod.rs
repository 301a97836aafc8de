//! Everything an operator may set, with defaults that need no file.
//!
//! A setting is declared once, in `settings`: its name, type, default and explanation. From there come the reader,
//! the names that errors suggest, and `config.example.toml`. Precedence: flags, then `COVEY_SECTION__KEY` in the
//! environment, then the file, then the defaults.

mod check;
mod edit;
mod errors;
mod example;
mod live;
mod load;
mod mistakes;
mod names;
mod settings;
mod values;

pub(crate) use names::{is_known, nearest};
pub(crate) use settings::SECTIONS;

pub use check::check;
pub use errors::ConfigError;
pub use example::example;
pub use live::{adopt, differences, is_live, values};
pub use load::{Layers, Overrides, Source, load, process_environment};
pub use mistakes::mistakes;
pub use settings::{Config, Groups, Keepers, Log, Network, Pairing, Receipts, Rpc, Storage};
pub use values::{List, LogFormat, Offer, Period, RelayUse};
