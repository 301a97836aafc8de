//! The command line client of a covey node: one file per noun, talking to the daemon through `covey-api` and nothing else.
//!
//! The binary flattens [`Command`] and [`Globals`] into its argument tree and calls [`run`]; everything a command shows
//! goes through a [`Terminal`], so that tests can read it.

mod account;
mod asker;
mod audit;
mod candidates;
mod channel;
mod command;
mod complete;
mod connect;
mod conversations;
mod device;
mod display;
mod failure;
mod globals;
mod group;
mod keeper;
mod message;
mod node;
mod pair;
mod qr;
mod rpc;
mod shell;
mod table;
mod tail;
mod terminal;
mod text;
mod token;
mod told;
mod wait;
mod web;
mod when;
mod words;

pub use account::{AccountCommand, PhraseArgs, RecoverArgs};
pub use command::{Command, run};
pub use complete::CompleteArgs;
pub use connect::{Place, Session, default_data_dir};
pub use display::count;
pub use failure::Failure;
pub use globals::Globals;
pub use node::{UnlockArgs, unlock};
pub use qr::qr_code;
pub use shell::{CompletionsArgs, ManArgs};
pub use terminal::{Streams, Terminal};
pub use text::Paint;
pub use words::{tip, words};
